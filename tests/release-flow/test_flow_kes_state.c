/* The state of keys that evolve, by both keepers: what was put back from a copy, what processes do side by side, what
 * is left on disk. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kes.h"

static CK_OBJECT_HANDLE public_key, key;
static uint8_t vk[32];
static char backup[128], current[128];

static void make_key(void)
{
    flow_kes_make(0, &public_key, &key, vk);
}

static int set_up_kind(enum flow_kind kind)
{
    flow_begin(kind, "");
    make_key();
    test_folder_join(backup, sizeof backup, flow.folder, "backup");
    test_folder_join(current, sizeof current, flow.folder, "current");
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return set_up_kind(FLOW_PLAIN);
}

static int set_up_tpm(void **state)
{
    (void)state;
    return set_up_kind(FLOW_TPM);
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    return 0;
}

static void reopen(void)
{
    flow_kes_resume(&public_key, &key);
}

static void assert_signs_in(CK_ULONG period)
{
    struct flow_kes_signature signature;
    assert_int_equal(flow_kes_period(key), period);
    assert_ok(flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature));
    assert_int_equal(flow_kes_period_of(vk, 6, "message", &signature), period);
}

/* --- what was put back --- */

static void take_backup(void)
{
    flow_close();
    flow_copy_folder(flow.token, backup);
    reopen();
}

static void put_file_back(const char *name)
{
    char from[160], to[160];
    size_t size;
    test_folder_join(from, sizeof from, backup, name);
    test_folder_join(to, sizeof to, flow.token, name);
    (void)unlink(to);
    unsigned char *bytes = test_file_read(from, &size);
    if (bytes) {
        test_file_write(to, bytes, size);
        assert_int_equal(chmod(to, 0600), 0);
    }
    free(bytes);
}

static void assert_rolled_back(void)
{
    struct flow_kes_signature signature;
    CK_OBJECT_HANDLE another = 0, other_half = 0;
    assert_refused(flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature), CKR_DEVICE_ERROR, "rolled-back");
    assert_refused(flow_kes_evolve(key, 1), CKR_DEVICE_ERROR, "rolled-back");
    assert_refused(flow_kes_generate(&(struct flow_kes_settings){.label = "new"}, &other_half, &another),
        CKR_DEVICE_ERROR, "rolled-back");
}

static void states_put_back_are_refused_and_the_present_ones_go_on(void **state)
{
    (void)state;
    take_backup();
    assert_ok(flow_kes_evolve(key, 3));
    flow_close();
    flow_copy_folder(flow.token, current);
    put_file_back("states.0");
    put_file_back("states.1");
    reopen();
    assert_rolled_back();
    flow_close();
    flow_remove_folder(flow.token);
    assert_int_equal(rename(current, flow.token), 0);
    reopen();
    assert_signs_in(3);
}

static void a_database_put_back_takes_no_key_back(void **state)
{
    (void)state;
    static const char *const names[] = {"token.db", "token.db-wal", "token.db-shm", "generation"};
    take_backup();
    assert_ok(flow_kes_evolve(key, 3));
    flow_close();
    for (size_t i = 0; i < COUNT_OF(names); i++)
        put_file_back(names[i]);
    reopen();
    assert_signs_in(3);
    assert_refused(flow_kes_evolve(key, 2), CKR_FUNCTION_REJECTED, "kes-past");
    assert_ok(flow_kes_evolve(key, 4));
}

static void put_folder_back(void)
{
    flow_close();
    assert_int_equal(rename(flow.token, current), 0);
    flow_copy_folder(backup, flow.token);
    reopen();
}

static void a_folder_put_back_is_refused_with_a_tpm(void **state)
{
    (void)state;
    take_backup();
    assert_ok(flow_kes_evolve(key, 3));
    put_folder_back();
    assert_rolled_back();
    flow_close();
    flow_remove_folder(flow.token);
    assert_int_equal(rename(current, flow.token), 0);
    reopen();
    assert_signs_in(3);
}

/* What docs/THREAT-MODEL.md says of a token without a TPM. */
static void a_folder_put_back_is_in_its_old_period_without_one(void **state)
{
    (void)state;
    take_backup();
    assert_ok(flow_kes_evolve(key, 3));
    put_folder_back();
    assert_signs_in(0);
}

/* A copy of the folder in use on the same TPM: whichever evolves leaves the other behind. */
static void of_two_copies_one_goes_on(void **state)
{
    (void)state;
    take_backup();
    assert_ok(flow_kes_evolve(key, 1));
    put_folder_back();
    assert_rolled_back();
}

static void a_folder_from_before_the_first_key_makes_no_other(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE another = 0, other_half = 0;
    assert_ok(flow.p11->C_DestroyObject(flow.session, key));
    assert_ok(flow.p11->C_DestroyObject(flow.session, public_key));
    make_key(); /* the TPM's secret stays, and opens what there is now */
    assert_signs_in(0);
    take_backup();
    assert_ok(flow.p11->C_DestroyObject(flow.session, key));
    put_folder_back(); /* what was destroyed is not there again */
    assert_rolled_back();
    assert_refused(
        flow_kes_generate(&(struct flow_kes_settings){0}, &other_half, &another), CKR_DEVICE_ERROR, "rolled-back");
}

static void a_rolled_back_key_can_be_destroyed(void **state)
{
    (void)state;
    take_backup();
    assert_ok(flow_kes_evolve(key, 1));
    put_folder_back();
    assert_rolled_back();
    assert_ok(flow.p11->C_DestroyObject(flow.session, key));
    assert_int_equal(flow_find(CKO_PRIVATE_KEY, "kes"), 0);
}

/* --- what is left on disk --- */

enum { SLOTS = 2, HEAD = 4 };
static const char *const slots[SLOTS] = {"states.0", "states.1"};

static unsigned char *read_slot(const char *folder, size_t slot, size_t *size)
{
    char path[160];
    test_folder_join(path, sizeof path, folder, slots[slot]);
    unsigned char *bytes = test_file_read(path, size);
    assert_non_null(bytes);
    return bytes;
}

static bool is_empty(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

/* Which slot the table is in; the other one has nothing. */
static size_t slot_in_force(void)
{
    size_t found = SLOTS, size;
    for (size_t i = 0; i < SLOTS; i++) {
        unsigned char *bytes = read_slot(flow.token, i, &size);
        if (!is_empty(bytes, size)) {
            assert_int_equal(found, SLOTS);
            found = i;
        }
        free(bytes);
    }
    assert_in_range(found, 0, SLOTS - 1);
    return found;
}

/* In any file of the token. */
static bool is_left(const uint8_t bytes[64])
{
    char path[400];
    bool found = false;
    size_t size;
    DIR *folder = opendir(flow.token);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        test_folder_join(path, sizeof path, flow.token, entry->d_name);
        unsigned char *file = test_file_read(path, &size);
        found |= file && memmem(file, size, bytes, 64) != NULL;
        free(file);
    }
    (void)closedir(folder);
    return found;
}

static void an_evolved_token_has_nothing_of_the_table_before(void **state)
{
    (void)state;
    for (CK_ULONG period = 1; period <= 4; period++) {
        uint8_t before[64];
        size_t size, slot = slot_in_force();
        unsigned char *bytes = read_slot(flow.token, slot, &size);
        assert_true(size > 200);
        memcpy(before, bytes + 100, sizeof before); /* of its ciphertext */
        free(bytes);
        assert_true(is_left(before));
        assert_ok(flow_kes_evolve(key, period));
        assert_int_equal(slot_in_force(), 1 - slot);
        assert_false(is_left(before));
    }
}

static void write_slot(size_t slot, const unsigned char *bytes, size_t size)
{
    char path[160];
    test_folder_join(path, sizeof path, flow.token, slots[slot]);
    test_file_write(path, bytes, size);
}

/* A loss of power while a change wrote its slot: any part of it may be there, and W is the one before. */
static void a_slot_that_was_half_written_is_no_harm(void **state)
{
    (void)state;
    CK_ULONG period = 0;
    for (size_t part = 0; part <= 4; part++) {
        size_t size, slot = slot_in_force();
        unsigned char *bytes = read_slot(flow.token, slot, &size);
        for (size_t i = HEAD; i < size; i++)
            bytes[i] ^= 0x5a;
        flow_close();
        memset(bytes + size * part / 4, 0, size - size * part / 4);
        write_slot(1 - slot, bytes, size);
        free(bytes);
        reopen();
        assert_signs_in(period);
        assert_int_equal(slot_in_force(), slot); /* what was left is gone */
        assert_ok(flow_kes_evolve(key, ++period));
        assert_signs_in(period);
    }
}

/* Every byte counts: the size, the commitment, the nonce, the content and its tag. */
static void a_table_that_was_changed_is_refused(void **state)
{
    (void)state;
    static const struct {
        long at; /* from the end where it is negative */
        const char *reason;
        CK_RV code;
    } changes[] = {{0, "rolled-back", CKR_DEVICE_ERROR}, {3, "rolled-back", CKR_DEVICE_ERROR},
        {HEAD, "rolled-back", CKR_DEVICE_ERROR}, {HEAD + 40, "store-corrupt", CKR_TOKEN_NOT_RECOGNIZED},
        {HEAD + 100, "store-corrupt", CKR_TOKEN_NOT_RECOGNIZED}, {-1, "store-corrupt", CKR_TOKEN_NOT_RECOGNIZED}};
    size_t size, slot = slot_in_force();
    unsigned char *bytes = read_slot(flow.token, slot, &size);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct flow_kes_signature signature;
        unsigned char *byte = bytes + (changes[i].at < 0 ? (long)size : 0) + changes[i].at;
        flow_close();
        *byte ^= 1;
        write_slot(slot, bytes, size);
        reopen();
        assert_refused(
            flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature), changes[i].code, changes[i].reason);
        assert_refused(flow_kes_evolve(key, 1), changes[i].code, changes[i].reason);
        flow_close();
        *byte ^= 1;
        write_slot(slot, bytes, size);
        reopen();
        assert_signs_in(0);
    }
    free(bytes);
}

/* --- processes --- */

static void evolve_to_two(void *context)
{
    (void)context;
    reopen();
    assert_ok(flow_kes_evolve(key, 2));
    flow_close();
}

/* The child opens the module; the parent has had the state in memory from before, in another child. */
struct parent {
    int wake[2], told[2];
};

static void sign_before_and_after(void *context)
{
    struct parent *parent = context;
    char byte = 0;
    reopen();
    assert_signs_in(0);
    assert_int_equal(write(parent->told[1], &byte, 1), 1);
    assert_int_equal(read(parent->wake[0], &byte, 1), 1);
    assert_signs_in(2);
    assert_refused(flow_kes_evolve(key, 1), CKR_FUNCTION_REJECTED, "kes-past");
    flow_close();
}

static void a_process_notices_that_another_one_evolved_the_key(void **state)
{
    (void)state;
    struct parent parent;
    char byte = 0;
    int status = 0;
    flow_close();
    assert_int_equal(pipe(parent.wake), 0);
    assert_int_equal(pipe(parent.told), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
        sign_before_and_after(&parent);
        _exit(0);
    }
    assert_int_equal(read(parent.told[0], &byte, 1), 1);
    assert_int_equal(flow_in_child(evolve_to_two, NULL), 0);
    assert_int_equal(write(parent.wake[1], &byte, 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    reopen();
    assert_signs_in(2);
}

enum { RACERS = 4, ROUNDS = 12 };

/* Every signature is of the period that the key was in at that moment: never an earlier one than was seen before. */
static void race(void)
{
    reopen();
    for (int i = 0; i < ROUNDS; i++) {
        struct flow_kes_signature signature;
        CK_ULONG seen = flow_kes_period(key);
        CK_RV rv = flow_kes_evolve(key, seen + 1);
        assert_true(rv == CKR_OK || rv == CKR_FUNCTION_REJECTED); /* another one was faster, twice */
        assert_ok(flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature));
        assert_true(flow_kes_period_of(vk, 6, "message", &signature) >= (int)seen + 1);
        assert_true((int)flow_kes_period(key) >= flow_kes_period_of(vk, 6, "message", &signature));
    }
    flow_close();
}

static void processes_that_evolve_at_once_agree(void **state)
{
    (void)state;
    pid_t children[RACERS];
    flow_close();
    for (int i = 0; i < RACERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
            race();
            _exit(0);
        }
    }
    for (int i = 0; i < RACERS; i++) {
        int status = 1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    reopen();
    assert_in_range(flow_kes_period(key), ROUNDS, RACERS * ROUNDS);
    assert_signs_in(flow_kes_period(key));
}

/* --- the TPM --- */

static void without_its_tpm_a_key_signs_on_and_does_not_evolve(void **state)
{
    (void)state;
    assert_signs_in(0);
    test_swtpm_stop(&flow.tpm);
    assert_signs_in(0); /* what is open stays open until logout */
    assert_refused(flow_kes_evolve(key, 1), CKR_DEVICE_ERROR, "tpm-unreachable");
    test_swtpm_restart(&flow.tpm);
    assert_signs_in(0);
    assert_ok(flow_kes_evolve(key, 1));
    assert_signs_in(1);
}

static void a_token_made_anew_begins_anew(void **state)
{
    (void)state;
    unsigned char label[33] = "again                           ";
    assert_ok(flow.p11->C_CloseSession(flow.session));
    assert_ok(flow.p11->C_InitToken(flow.slot, (unsigned char *)(uintptr_t)FLOW_SO_PIN, strlen(FLOW_SO_PIN), label));
    flow_close();
    flow_open();
    assert_ok(flow.p11->C_Login(flow.session, CKU_SO, (unsigned char *)(uintptr_t)FLOW_SO_PIN, strlen(FLOW_SO_PIN)));
    assert_ok(flow.p11->C_InitPIN(flow.session, (unsigned char *)(uintptr_t)FLOW_PIN, strlen(FLOW_PIN)));
    assert_ok(flow.p11->C_Logout(flow.session));
    assert_ok(flow_login(FLOW_PIN));
    assert_int_equal(flow_find(CKO_PRIVATE_KEY, "kes"), 0);
    make_key();
    assert_signs_in(0);
    assert_ok(flow_kes_evolve(key, 1));
    assert_signs_in(1);
}

static void the_object_says_who_keeps_it(void **state)
{
    (void)state;
    uint8_t keeper[8];
    assert_int_equal(flow_bytes(key, CKA_BULLA_KES_KEEPER, keeper, sizeof keeper), 3);
    assert_memory_equal(keeper, "tpm", 3);
}

int main(void)
{
    if (!test_swtpm_available())
        return test_skip("swtpm");
#define PLAIN(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TPM(name)                                                                                                      \
    {                                                                                                                  \
#name " (tpm)", name, set_up_tpm, tear_down, NULL                                                              \
    }
    const struct CMUnitTest tests[] = {
        PLAIN(states_put_back_are_refused_and_the_present_ones_go_on),
        TPM(states_put_back_are_refused_and_the_present_ones_go_on),
        PLAIN(a_database_put_back_takes_no_key_back),
        TPM(a_database_put_back_takes_no_key_back),
        TPM(a_folder_put_back_is_refused_with_a_tpm),
        PLAIN(a_folder_put_back_is_in_its_old_period_without_one),
        TPM(of_two_copies_one_goes_on),
        TPM(a_folder_from_before_the_first_key_makes_no_other),
        TPM(a_rolled_back_key_can_be_destroyed),
        PLAIN(an_evolved_token_has_nothing_of_the_table_before),
        TPM(an_evolved_token_has_nothing_of_the_table_before),
        PLAIN(a_slot_that_was_half_written_is_no_harm),
        TPM(a_slot_that_was_half_written_is_no_harm),
        PLAIN(a_table_that_was_changed_is_refused),
        TPM(a_table_that_was_changed_is_refused),
        PLAIN(a_process_notices_that_another_one_evolved_the_key),
        TPM(a_process_notices_that_another_one_evolved_the_key),
        PLAIN(processes_that_evolve_at_once_agree),
        TPM(processes_that_evolve_at_once_agree),
        TPM(without_its_tpm_a_key_signs_on_and_does_not_evolve),
        PLAIN(a_token_made_anew_begins_anew),
        TPM(a_token_made_anew_begins_anew),
        TPM(the_object_says_who_keeps_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
