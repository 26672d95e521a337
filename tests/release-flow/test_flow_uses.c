/* Counted and paced grants: never more than was granted, whatever is killed, restored, copied or run at once; at most a
 * block is lost. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "grant.h"
#include "model.h"

static struct test_p256 authority;
static struct bulla_grant grant;
static CK_OBJECT_HANDLE key;

static int set_up(void **state)
{
    (void)state;
    test_p256_make(&authority);
    flow_begin(FLOW_PLAIN, "");
    key = flow_governed_key("key", "key-1", &authority);
    return 0;
}

static int set_up_tpm(void **state)
{
    (void)state;
    test_p256_make(&authority);
    flow_begin(FLOW_TPM, "pcrs = 0,7\n");
    key = flow_governed_key("key", "key-1", &authority);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    test_p256_free(&authority);
    return 0;
}

static void grant_uses(uint64_t uses)
{
    grant = flow_grant(BULLA_MAY_ENCRYPT, uses);
    struct bulla_grant copy = grant;
    assert_ok(flow_restrict(1, &authority, &copy, 1));
}

static void resume(void)
{
    flow_resume();
    key = flow_find(CKO_SECRET_KEY, "key");
}

static void reopen(void)
{
    flow_close();
    resume();
}

static void assert_used(uint64_t used)
{
    struct flow_uses uses = flow_uses(&grant);
    assert_true(uses.found);
    assert_int_equal(uses.used, used);
    assert_int_equal(uses.left, grant.uses - used);
}

#define assert_used_up(call) assert_refused((call), CKR_FUNCTION_REJECTED, "grant-used-up")

/* --- counting --- */

/* In the bundle and alone beside it: counted once, and shown once. */
static void a_grant_in_two_places_is_one_grant(void **state)
{
    (void)state;
    grant_uses(2);
    assert_ok(flow_grant_load(&grant, 0, &authority));
    assert_int_equal(flow_uses(&grant).rows, 1);
    assert_ok(flow_encrypt(key));
    assert_used(1);
    assert_ok(flow_encrypt(key));
    assert_used_up(flow_encrypt(key));
    assert_int_equal(flow_uses(&grant).rows, 1);
}

static void a_grant_of_three_uses_is_used_three_times(void **state)
{
    (void)state;
    grant_uses(3);
    for (uint64_t i = 0; i < 3; i++) {
        assert_used(i);
        assert_ok(flow_encrypt(key));
    }
    assert_used_up(flow_encrypt(key));
    reopen();
    assert_used_up(flow_encrypt(key));
    assert_used(3);
}

static void an_operation_is_one_use_however_many_parts_it_has(void **state)
{
    (void)state;
    CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0};
    uint8_t block[16] = {0}, out[32];
    CK_ULONG size = sizeof out;
    grant_uses(2);
    assert_ok(flow.p11->C_EncryptInit(flow.session, &ecb, key));
    assert_used(0); /* Init is no use yet */
    for (int i = 0; i < 5; i++) {
        size = sizeof out;
        assert_ok(flow.p11->C_EncryptUpdate(flow.session, block, sizeof block, out, &size));
    }
    size = sizeof out;
    assert_ok(flow.p11->C_EncryptFinal(flow.session, out, &size));
    assert_used(1);
    assert_ok(flow.p11->C_EncryptInit(flow.session, &ecb, key));
    assert_ok(flow.p11->C_Encrypt(flow.session, block, sizeof block, NULL, &size));
    size = 1;
    assert_int_equal(flow.p11->C_Encrypt(flow.session, block, sizeof block, out, &size), CKR_BUFFER_TOO_SMALL);
    assert_used(1); /* nor is a length query, or a short buffer */
    size = sizeof out;
    assert_ok(flow.p11->C_Encrypt(flow.session, block, sizeof block, out, &size));
    assert_used(2);
    assert_used_up(flow_encrypt(key));
}

static void a_refused_operation_gives_nothing_out(void **state)
{
    (void)state;
    CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0};
    uint8_t block[16] = {0}, out[16], before[16];
    CK_ULONG size = sizeof out;
    grant_uses(1);
    assert_ok(flow_encrypt(key));
    memset(out, 0xa5, sizeof out);
    memcpy(before, out, sizeof out);
    assert_ok(flow.p11->C_EncryptInit(flow.session, &ecb, key));
    assert_int_equal(flow.p11->C_Encrypt(flow.session, block, sizeof block, out, &size), CKR_FUNCTION_REJECTED);
    assert_memory_equal(out, before, sizeof out);
}

/* --- blocks --- */

static void use_in_child(void *context)
{
    const unsigned *times = context;
    resume();
    for (unsigned i = 0; i < *times; i++)
        if (flow_encrypt(key) != CKR_OK)
            _exit(1);
    _exit(0); /* without C_Finalize */
}

static void leave_without_finalize(unsigned times)
{
    flow_close();
    int status = flow_in_child(use_in_child, &times);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    resume();
}

static void a_clean_end_gives_the_rest_of_a_block_back(void **state)
{
    (void)state;
    grant_uses(1000); /* blocks of 10 */
    assert_ok(flow_encrypt(key));
    assert_used(1);
    reopen();
    assert_used(1);
    for (int i = 0; i < 11; i++)
        assert_ok(flow_encrypt(key));
    flow_relogin(); /* a logout is a clean end, too */
    key = flow_find(CKO_SECRET_KEY, "key");
    assert_used(12);
}

static void an_unclean_end_forfeits_the_rest_of_a_block(void **state)
{
    (void)state;
    grant_uses(1000);
    leave_without_finalize(1);
    assert_used(10);
    leave_without_finalize(12); /* two blocks */
    assert_used(30);
    assert_ok(flow_encrypt(key));
    assert_used(31);
}

static void the_last_block_is_what_is_left(void **state)
{
    (void)state;
    unsigned had = 0;
    grant_uses(205); /* blocks of 2 */
    while (flow_encrypt(key) == CKR_OK)
        had++;
    assert_int_equal(had, 205);
    assert_used(205);
}

/* The same grant, signed anew: its count goes on. */
static void a_grant_signed_anew_goes_on_with_its_count(void **state)
{
    (void)state;
    grant_uses(1000);
    for (int i = 0; i < 7; i++)
        assert_ok(flow_encrypt(key)); /* three of the block are left in this process */
    grant.uses = 5;
    struct bulla_grant copy = grant;
    assert_ok(flow_restrict(2, &authority, &copy, 1));
    assert_used_up(flow_encrypt(key));
    grant.uses = copy.uses = 8;
    assert_ok(flow_restrict(3, &authority, &copy, 1));
    assert_ok(flow_encrypt(key));
    assert_used_up(flow_encrypt(key));
}

/* --- at once --- */

enum { PROCESSES = 4 };

static void use_all(unsigned *had)
{
    struct flow_refusal why;
    resume();
    while (flow_encrypt(key) == CKR_OK)
        (*had)++;
    flow_why(&why);
    assert_string_equal(why.reason, "grant-used-up");
    flow_close();
}

/* How many uses all of them had together. */
static unsigned use_at_once(void)
{
    int pipes[2];
    unsigned sum = 0, one = 0;
    assert_int_equal(pipe(pipes), 0);
    flow_close();
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            unsigned had = 0;
            use_all(&had);
            _exit(write(pipes[1], &had, sizeof had) == sizeof had ? 0 : 1);
        }
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_int_equal(read(pipes[0], &one, sizeof one), sizeof one);
        sum += one;
    }
    (void)close(pipes[0]);
    (void)close(pipes[1]);
    resume();
    return sum;
}

static void processes_at_once_share_what_was_granted(void **state)
{
    (void)state;
    grant_uses(60);
    assert_int_equal(use_at_once(), 60);
    assert_used(60);
}

/* While one process holds a block, the others may see the end early; but none is made twice. */
static void blocks_at_once_are_never_more_than_was_granted(void **state)
{
    (void)state;
    grant_uses(400); /* blocks of 4 */
    unsigned had = use_at_once();
    assert_true(had <= 400 && had >= 400 - PROCESSES * 3);
    assert_used(had);
}

/* A child that was forked from a process with a block has none of it: what it uses it debits itself, and what it gives
 * back is its own. */
static void a_forked_child_has_nothing_of_its_parent_s_block(void **state)
{
    (void)state;
    int status = 0;
    grant_uses(1000); /* blocks of 10 */
    assert_ok(flow_encrypt(key));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        flow.ready = false; /* the module forgot everything with the fork */
        flow_open();
        bool had = flow_login(FLOW_PIN) == CKR_OK && flow_encrypt(flow_find(CKO_SECRET_KEY, "key")) == CKR_OK;
        flow_close();
        _exit(had ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_used(2);
    for (int i = 0; i < 9; i++)
        assert_ok(flow_encrypt(key));
    reopen();
    assert_used(11);
}

/* --- killed --- */

struct killing {
    char fault[48];
    int had[2]; /* a pipe: a byte for each use */
};

static void use_and_leave(void *context)
{
    const struct killing *killing = context;
    resume();
    assert_int_equal(setenv("BULLA_FAULT", killing->fault, 1), 0);
    for (int i = 0; i < 3; i++)
        if (flow_encrypt(key) == CKR_OK && write(killing->had[1], "u", 1) != 1)
            _exit(2);
    (void)flow.p11->C_Finalize(NULL);
    _exit(0);
}

static unsigned count_bytes(int file)
{
    char bytes[64];
    ssize_t size = read(file, bytes, sizeof bytes);
    return size > 0 ? (unsigned)size : 0;
}

/* A child that uses the key three times, and ends; true: it was killed on the way. */
static bool kill_at(const char *point, unsigned pass, unsigned *had)
{
    struct killing killing;
    (void)snprintf(killing.fault, sizeof killing.fault, "%s#%u", point, pass);
    assert_int_equal(pipe(killing.had), 0);
    assert_true(write(killing.had[1], "-", 1) == 1); /* so that the pipe is never empty */
    flow_close();
    int status = flow_in_child(use_and_leave, &killing);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!killed && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
        fail_msg("at %s: status 0x%x", killing.fault, status);
    *had = count_bytes(killing.had[0]) - 1;
    (void)close(killing.had[0]);
    (void)close(killing.had[1]);
    resume();
    return killed;
}

/* Between all steps: what is counted is what was had, or a block more (the one that the kill took with it). */
static void kill_everywhere(uint64_t uses, uint64_t block, const char *expected)
{
    static const char *const points[] = {"uses-asked", "uses-debited", "uses-forgotten", "uses-given-back",
        "ledger-written", "ledger-incremented", "store-before-commit", "store-after-commit"};
    uint64_t counted = 0;
    if (!flow_has_faults())
        skip();
    grant_uses(uses);
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        for (unsigned pass = 1;; pass++) {
            unsigned had = 0;
            bool killed = kill_at(points[i], pass, &had);
            uint64_t used = flow_uses(&grant).used;
            if (used < counted + had || used > counted + had + (killed ? block : 0))
                fail_msg("%s#%u: %u were had, and %llu are counted", points[i], pass, had,
                    (unsigned long long)(used - counted));
            counted = used;
            assert_ok(flow_encrypt(key));
            counted++;
            assert_used(counted);
            if (!killed && pass == 1 && strstr(expected, points[i]))
                fail_msg("%s is not passed", points[i]);
            if (!killed || (!flow_is_long() && pass >= 2))
                break;
        }
}

static void a_kill_between_single_uses_loses_one_at_most(void **state)
{
    (void)state;
    kill_everywhere(99, 1, "uses-asked uses-debited ledger-written ledger-incremented store-before-commit");
}

static void a_kill_with_a_block_loses_the_block_at_most(void **state)
{
    (void)state;
    kill_everywhere(
        1000, 10, "uses-asked uses-debited uses-forgotten uses-given-back ledger-written ledger-incremented");
}

/* --- backups and copies --- */

static char backup[128];

static void take_backup(const char *name)
{
    test_folder_join(backup, sizeof backup, flow.folder, name);
    flow_close();
    flow_copy_folder(flow.token, backup);
    resume();
}

static void put_backup_back(void)
{
    flow_exchange_folder(backup);
    key = flow_find(CKO_SECRET_KEY, "key");
}

#define assert_rolled_back(call) assert_refused((call), CKR_DEVICE_ERROR, "rolled-back")

static void a_folder_from_before_a_use_is_refused(void **state)
{
    (void)state;
    grant_uses(2);
    take_backup("backup");
    assert_ok(flow_encrypt(key));
    assert_ok(flow_encrypt(key));
    assert_used_up(flow_encrypt(key));
    put_backup_back();
    assert_rolled_back(flow_encrypt(key));
    struct bulla_grant more = flow_grant(BULLA_MAY_ENCRYPT, 0);
    assert_rolled_back(flow_restrict(2, &authority, &more, 1));
    assert_rolled_back(flow_grant_load(&more, 0, &authority));
    assert_rolled_back(flow_encrypt(key));
}

static void a_folder_from_before_a_revocation_is_refused(void **state)
{
    (void)state;
    grant_uses(0);
    assert_ok(flow_encrypt(key));
    take_backup("backup");
    assert_ok(flow_revoke(&grant, &authority));
    assert_refused(flow_encrypt(key), CKR_FUNCTION_REJECTED, "grant-revoked");
    put_backup_back();
    assert_rolled_back(flow_encrypt(key));
}

/* A give-back moves the counter, too: a folder from before it is as old as one from before a use. */
static void a_folder_from_before_a_give_back_is_refused(void **state)
{
    (void)state;
    grant_uses(1000);
    leave_without_finalize(1);
    take_backup("backup"); /* 10 are counted */
    assert_ok(flow_encrypt(key));
    reopen(); /* 11 */
    put_backup_back();
    assert_rolled_back(flow_encrypt(key));
}

/* Two folders, one TPM, by turns: together they have no more than was granted. */
static void a_copy_of_the_folder_wins_no_use(void **state)
{
    (void)state;
    unsigned had = 0;
    grant_uses(6);
    take_backup("copy");
    for (int round = 0; round < 8; round++) {
        had += flow_encrypt(key) == CKR_OK;
        had += flow_encrypt(key) == CKR_OK;
        flow_exchange_folder(backup);
        key = flow_find(CKO_SECRET_KEY, "key");
    }
    assert_true(had <= 6 && had >= 2);
}

/* --- a model, ten times, in ten processes --- */

static struct flow_archive archive;

static void infer_once(void *context)
{
    (void)context;
    flow_open();
    if (flow_login(FLOW_PIN) != CKR_OK)
        _exit(2);
    CK_RV rv = flow_run(flow_key("tiny"));
    flow_close();
    _exit(rv == CKR_OK ? 0 : rv == CKR_FUNCTION_REJECTED ? 3 : 4);
}

static int infer_in_a_process(void)
{
    flow_close();
    int status = flow_in_child(infer_once, NULL);
    flow_resume();
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void ten_inferences_over_ten_processes_and_no_eleventh(void **state)
{
    (void)state;
    struct flow_refusal why;
    archive = flow_archive_tiny();
    assert_ok(flow_policy_approve(1, &authority));
    CK_OBJECT_HANDLE model = flow_tiny("tiny", "tpm", authority.point);
    assert_ok(flow_run(model));
    grant = flow_grant(BULLA_MAY_INFER, 10);
    struct bulla_grant copy = grant;
    assert_ok(flow_restrict(2, &authority, &copy, 1));
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(infer_in_a_process(), 0);
    assert_used(10);
    assert_int_equal(infer_in_a_process(), 3);
    flow_why(&why);
    assert_string_equal(why.reason, "grant-used-up");
    assert_used(10);
    take_backup("backup"); /* what was used up is in the backup, too */
    put_backup_back();
    assert_used_up(flow_run(flow_key("tiny")));
    flow_archive_free(&archive);
}

/* --- pace --- */

static void encrypt_once(void *context)
{
    (void)context;
    flow_open();
    if (flow_login(FLOW_PIN) != CKR_OK)
        _exit(2);
    CK_RV rv = flow_encrypt(flow_find(CKO_SECRET_KEY, "key"));
    flow_close();
    _exit(rv == CKR_OK ? 0 : 1);
}

static void a_paced_grant_is_paced_across_processes(void **state)
{
    (void)state;
    unsigned had = 0;
    grant = flow_grant(BULLA_MAY_ENCRYPT, 0);
    grant.rate = 3;
    grant.rate_seconds = 600;
    struct bulla_grant copy = grant;
    assert_ok(flow_restrict(1, &authority, &copy, 1));
    for (int i = 0; i < 5; i++) {
        flow_close();
        had += flow_in_child(encrypt_once, NULL) == 0;
        resume();
    }
    assert_int_equal(had, 3);
    assert_refused(flow_encrypt(key), CKR_FUNCTION_REJECTED, "grant-too-fast");
}

static void what_is_too_fast_costs_no_use(void **state)
{
    (void)state;
    grant = flow_grant(BULLA_MAY_ENCRYPT, 50);
    grant.rate = 2;
    grant.rate_seconds = 600;
    struct bulla_grant copy = grant;
    assert_ok(flow_restrict(1, &authority, &copy, 1));
    assert_ok(flow_encrypt(key));
    assert_ok(flow_encrypt(key));
    for (int i = 0; i < 3; i++)
        assert_refused(flow_encrypt(key), CKR_FUNCTION_REJECTED, "grant-too-fast");
    assert_used(2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TPM(name) cmocka_unit_test_setup_teardown(name, set_up_tpm, tear_down)
    const struct CMUnitTest plain[] = {
        T(a_grant_in_two_places_is_one_grant),
        T(a_grant_of_three_uses_is_used_three_times),
        T(an_operation_is_one_use_however_many_parts_it_has),
        T(a_refused_operation_gives_nothing_out),
        T(a_clean_end_gives_the_rest_of_a_block_back),
        T(an_unclean_end_forfeits_the_rest_of_a_block),
        T(the_last_block_is_what_is_left),
        T(a_grant_signed_anew_goes_on_with_its_count),
        T(processes_at_once_share_what_was_granted),
        T(blocks_at_once_are_never_more_than_was_granted),
        T(a_forked_child_has_nothing_of_its_parent_s_block),
        T(a_paced_grant_is_paced_across_processes),
        T(what_is_too_fast_costs_no_use),
    };
    const struct CMUnitTest tpm[] = {
        TPM(a_grant_of_three_uses_is_used_three_times),
        TPM(processes_at_once_share_what_was_granted),
        TPM(a_kill_between_single_uses_loses_one_at_most),
        TPM(a_kill_with_a_block_loses_the_block_at_most),
        TPM(a_folder_from_before_a_use_is_refused),
        TPM(a_folder_from_before_a_revocation_is_refused),
        TPM(a_folder_from_before_a_give_back_is_refused),
        TPM(a_copy_of_the_folder_wins_no_use),
        TPM(ten_inferences_over_ten_processes_and_no_eleventh),
    };
    int failed = cmocka_run_group_tests(plain, NULL, NULL);
    if (!test_swtpm_available())
        return failed ? failed : test_skip("swtpm");
    return failed + cmocka_run_group_tests(tpm, NULL, NULL);
}
