/* What must not roll back: a folder put back from a backup is refused, and a process killed at any durable step leaves
 * the old or the new state, which opens. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model.h"
#include "policy.h"

static struct test_p256 authority;
static struct flow_archive archive;
static CK_OBJECT_HANDLE key;
static uint64_t version;                              /* of the latest policy that was to be loaded */
static const char *pins[2] = {FLOW_PIN, "other-pin"}; /* the one in force, and the one that a change may have set */

static int set_up(void **state)
{
    (void)state;
    test_p256_make(&authority);
    archive = flow_archive_tiny();
    flow_begin(FLOW_TPM, "pcrs = 0,7\n");
    version = 1;
    pins[0] = FLOW_PIN;
    pins[1] = "other-pin";
    assert_ok(flow_policy_approve(version, &authority));
    key = flow_tiny("tiny", "tpm", authority.point);
    assert_ok(flow_run(key));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    flow_archive_free(&archive);
    test_p256_free(&authority);
    return 0;
}

/* --- a backup put back --- */

static char backup[128], current[128];

static void take_backup(void)
{
    test_folder_join(backup, sizeof backup, flow.folder, "backup");
    test_folder_join(current, sizeof current, flow.folder, "current");
    flow_close();
    flow_copy_folder(flow.token, backup);
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    key = flow_key("tiny");
}

static void put_backup_back(void)
{
    flow_close();
    assert_int_equal(rename(flow.token, current), 0);
    assert_int_equal(rename(backup, flow.token), 0);
    flow_open();
}

static void put_current_back(void)
{
    flow_close();
    flow_remove_folder(flow.token);
    assert_int_equal(rename(current, flow.token), 0);
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    key = flow_key("tiny");
    assert_ok(flow_run(key));
}

static void assert_rolled_back(void)
{
    struct bulla_policy policy;
    assert_ok(flow_login(FLOW_PIN)); /* the PIN is right: that is not what changed */
    key = flow_key("tiny");
    assert_refused(flow_run(key), CKR_DEVICE_ERROR, "rolled-back");
    flow_policy_now(100, &policy); /* it takes no newer policy either: that would make the backup the present */
    assert_refused(flow_policy_load(&policy, &authority), CKR_DEVICE_ERROR, "rolled-back");
    assert_refused(flow_run(key), CKR_DEVICE_ERROR, "rolled-back");
}

static void a_folder_from_before_a_policy_change_is_refused(void **state)
{
    (void)state;
    take_backup();
    assert_ok(flow_policy_approve(2, &authority));
    put_backup_back();
    assert_rolled_back();
    put_current_back();
}

static void a_folder_from_before_a_generation_was_opened_is_refused(void **state)
{
    (void)state;
    struct flow_sealed newer;
    take_backup();
    assert_ok(flow_seal(key, &archive, 0, &newer));
    flow_put(key, newer.bytes, newer.size);
    flow_relogin();
    key = flow_key("tiny");
    assert_ok(flow_run(key));
    put_backup_back();
    assert_rolled_back();
    put_current_back();
    flow_sealed_free(&newer);
}

static void a_folder_as_it_was_is_the_present(void **state)
{
    (void)state;
    take_backup();
    put_backup_back(); /* nothing was changed meanwhile */
    assert_ok(flow_login(FLOW_PIN));
    key = flow_key("tiny");
    assert_ok(flow_run(key));
    put_current_back();
}

/* --- killed --- */

static const char *const points[] = {"store-begin", "store-put", "store-erase", "store-value-put",
    "store-before-commit", "store-generation-advanced", "store-after-commit", "ledger-written", "ledger-incremented",
    "pin-counted"};
enum { POINTS = sizeof points / sizeof points[0] };

/* One change of state: what is done before it by the parent, the change itself in the child, and what must hold
 * afterwards, whatever became of it. */
struct change {
    const char *name;
    void (*prepare)(void);
    CK_RV (*make)(void);
    void (*check)(bool done);
    const char *steps; /* where it is killed at the first pass; long tests: at every pass of every point */
};

struct killing {
    const struct change *change;
    char fault[48];
};

static void make_in_child(void *context)
{
    const struct killing *killing = context;
    flow_open();
    bool logs_in = killing->change->make != NULL;
    if (logs_in) {
        assert_ok(flow_login(pins[0]));
        key = flow_key("tiny");
    }
    assert_int_equal(setenv("BULLA_FAULT", killing->fault, 1), 0);
    CK_RV rv = logs_in ? killing->change->make() : flow_login(pins[0]);
    _exit(rv == CKR_OK ? 0 : 1);
}

/* By the PIN that is in force: the one that a change set counts only where it is tried. */
static CK_RV login_again(void)
{
    CK_RV rv = flow_login(pins[0]);
    if (rv != CKR_PIN_INCORRECT)
        return rv;
    const char *old = pins[0];
    pins[0] = pins[1];
    pins[1] = old;
    return flow_login(pins[0]);
}

/* Kills a child at one pass of a point; false when the change is done before that. */
static bool kill_at(const struct change *change, const char *point, unsigned pass)
{
    struct killing killing = {.change = change};
    (void)snprintf(killing.fault, sizeof killing.fault, "%s#%u", point, pass);
    if (change->prepare)
        change->prepare();
    flow_close();
    int status = flow_in_child(make_in_child, &killing);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!killed && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
        fail_msg("%s at %s: the child ended with status 0x%x", change->name, killing.fault, status);
    flow_open();
    if (login_again() != CKR_OK)
        fail_msg("%s, killed at %s: nobody can log in", change->name, killing.fault);
    key = flow_key("tiny");
    change->check(!killed);
    CK_RV rv = flow_run(key);
    struct flow_refusal why;
    flow_why(&why);
    if (rv != CKR_OK)
        fail_msg("%s, killed at %s: 0x%lx, %s: %s", change->name, killing.fault, rv, why.reason, why.detail);
    flow_assert_nothing_loaded();
    return killed;
}

static void kill_everywhere(const struct change *change)
{
    unsigned most = flow_is_long() ? 100 : 1;
    if (!flow_has_faults())
        skip();
    for (unsigned point = 0; point < POINTS; point++) {
        bool expected = strstr(change->steps, points[point]) != NULL;
        unsigned kills = 0;
        while ((expected || flow_is_long()) && kills < most && kill_at(change, points[point], kills + 1))
            kills++;
        if (expected && !kills) /* a step that is not reached tests nothing */
            fail_msg("%s does not pass %s", change->name, points[point]);
    }
}

/* --- a policy --- */

static CK_ULONG policy_in_force(void)
{
    CK_OBJECT_CLASS object_class = CKO_BULLA_POLICY;
    CK_ATTRIBUTE template = {CKA_CLASS, &object_class, sizeof object_class};
    CK_OBJECT_HANDLE found[8];
    CK_ULONG count = 0, latest = 0;
    assert_ok(flow.p11->C_FindObjectsInit(flow.session, &template, 1));
    assert_ok(flow.p11->C_FindObjects(flow.session, found, 8, &count));
    assert_ok(flow.p11->C_FindObjectsFinal(flow.session));
    for (CK_ULONG i = 0; i < count; i++) {
        CK_ULONG its = flow_ulong(found[i], CKA_BULLA_VERSION);
        latest = its > latest ? its : latest;
    }
    return latest;
}

static void count_version(void)
{
    version = policy_in_force() + 1;
}

static CK_RV load_policy(void)
{
    return flow_policy_approve(version, &authority);
}

static void check_policy(bool done)
{
    CK_ULONG now = policy_in_force();
    if (now != version && (done || now != version - 1))
        fail_msg("policy %lu is in force, %lu was loaded", now, (CK_ULONG)version);
    assert_ok(flow_run(key)); /* under the old or the new one */
    if (now != version)       /* the bundle can be loaded again, or the next one */
        assert_ok(load_policy());
    assert_int_equal(policy_in_force(), version);
}

static void a_policy_is_in_force_before_or_after_a_kill(void **state)
{
    (void)state;
    kill_everywhere(&(struct change){"loading a policy", count_version, load_policy, check_policy,
        "store-put store-erase store-before-commit store-generation-advanced store-after-commit ledger-written "
        "ledger-incremented"});
}

/* A raising that was killed before the counter moved leaves a row for the next value, which another raising then took
 * with a row of its own: whoever kept the first one has no folder that opens. */
static void what_a_kill_left_of_a_raising_is_void_later(void **state)
{
    (void)state;
    static const struct change change = {.name = "loading a policy", .make = load_policy};
    static const char *const faults[] = {"ledger-written#1", "ledger-written#2"}; /* of both steps */
    if (!flow_has_faults())
        skip();
    for (size_t i = 0; i < 2; i++) {
        struct killing killing = {.change = &change};
        (void)snprintf(killing.fault, sizeof killing.fault, "%s", faults[i]);
        version = policy_in_force() + 1;
        flow_close();
        int status = flow_in_child(make_in_child, &killing);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        flow_open();
        assert_ok(flow_login(FLOW_PIN));
        take_backup();
        assert_ok(flow_run(key)); /* raises the ledger, to the same number by another row */
        put_backup_back();
        assert_rolled_back();
        put_current_back();
    }
}

/* --- a generation --- */

static CK_ULONG generation;

static void seal_newer(void)
{
    struct flow_sealed newer;
    assert_ok(flow_seal(key, &archive, 0, &newer));
    flow_put(key, newer.bytes, newer.size);
    flow_sealed_free(&newer);
}

static CK_RV open_newer(void)
{
    return flow_run(key);
}

static void check_opened(bool done)
{
    (void)done;
    assert_ok(flow_run(key));
}

static void a_newer_generation_opens_after_a_kill(void **state)
{
    (void)state;
    kill_everywhere(&(struct change){"opening a newer generation", seal_newer, open_newer, check_opened,
        "store-value-put store-after-commit ledger-written ledger-incremented"});
}

static void note_generation(void)
{
    generation = flow_ulong(key, CKA_BULLA_GENERATION);
}

static CK_RV seal_again(void)
{
    struct flow_sealed newer;
    CK_RV rv = flow_seal(key, &archive, 0, &newer);
    flow_sealed_free(&newer);
    return rv;
}

static void check_sealed(bool done)
{
    CK_ULONG now = flow_ulong(key, CKA_BULLA_GENERATION);
    assert_in_range(now, generation + (done ? 1 : 0), generation + 1);
    assert_ok(flow_run(key)); /* the file that is there is the older one: it opens still */
    assert_ok(seal_again());
    assert_int_equal(flow_ulong(key, CKA_BULLA_GENERATION), now + 1);
}

static void a_sealing_counts_or_does_not_after_a_kill(void **state)
{
    (void)state;
    kill_everywhere(&(struct change){
        "sealing", note_generation, seal_again, check_sealed, "store-put store-before-commit store-after-commit"});
}

/* --- a release tree, a key, a login --- */

static bool both; /* the tree that the key is to get */

static void choose_tree(void)
{
    uint8_t text[256];
    size_t size = flow_bytes(key, CKA_BULLA_RELEASE, text, sizeof text);
    both = size == 3;
}

static CK_RV change_tree(void)
{
    static char narrow[] = "tpm", wide[] = "2 of (tpm, passphrase)";
    CK_ATTRIBUTE tree = {CKA_BULLA_RELEASE, both ? wide : narrow, strlen(both ? wide : narrow)};
    CK_RV rv = flow_passphrase("correct horse");
    return rv == CKR_OK ? flow.p11->C_SetAttributeValue(flow.session, key, &tree, 1) : rv;
}

static void check_tree(bool done)
{
    uint8_t text[256];
    bool is_both = flow_bytes(key, CKA_BULLA_RELEASE, text, sizeof text) != 3;
    assert_true(is_both == both || !done);
    assert_true(flow_bool(key, CKA_BULLA_ATTESTED));
    assert_ok(flow_passphrase("correct horse"));
}

static void a_release_tree_is_the_old_or_the_new_after_a_kill(void **state)
{
    (void)state;
    kill_everywhere(&(struct change){"changing a release tree", choose_tree, change_tree, check_tree,
        "store-put store-before-commit store-after-commit"});
}

static CK_RV make_key(void)
{
    CK_OBJECT_HANDLE made = 0;
    return flow_key_make("more", "tpm", authority.point, &made);
}

static void check_key(bool done)
{
    CK_OBJECT_HANDLE made = flow_find(CKO_SECRET_KEY, "more");
    struct flow_sealed sealed;
    assert_true(made || !done);
    if (!made)
        return;
    assert_ok(flow_seal(made, &archive, 0, &sealed)); /* whole, or not there */
    flow_sealed_free(&sealed);
    assert_ok(flow.p11->C_DestroyObject(flow.session, made));
}

static void a_key_is_whole_or_not_there_after_a_kill(void **state)
{
    (void)state;
    kill_everywhere(&(struct change){
        "making a key", NULL, make_key, check_key, "store-put store-before-commit store-after-commit"});
}

/* `make` is NULL: the login itself is the change. A try is counted before it is made, so one kill costs one. */
static void check_login(bool done)
{
    CK_TOKEN_INFO info;
    (void)done;
    assert_ok(flow.p11->C_GetTokenInfo(flow.slot, &info));
    assert_false(info.flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED));
}

static void a_login_works_after_a_kill(void **state)
{
    (void)state;
    kill_everywhere(
        &(struct change){"logging in", NULL, NULL, check_login, "store-value-put store-after-commit pin-counted"});
}

/* --- a PIN --- */

static CK_RV change_pin(void)
{
    return flow.p11->C_SetPIN(flow.session, (unsigned char *)(uintptr_t)pins[0], strlen(pins[0]),
        (unsigned char *)(uintptr_t)pins[1], strlen(pins[1]));
}

static const char *pin_before;

static void note_pin(void)
{
    flow_reset_lockout(); /* the TPM counts the old PIN that is tried where the new one is in force */
    pin_before = pins[0];
}

static void check_pin(bool done)
{
    CK_TOKEN_INFO info;
    assert_true(pins[0] != pin_before || !done);
    assert_ok(flow.p11->C_GetTokenInfo(flow.slot, &info));
    assert_false(info.flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED));
}

static void a_pin_is_the_old_or_the_new_after_a_kill(void **state)
{
    (void)state;
    kill_everywhere(&(struct change){"changing a PIN", note_pin, change_pin, check_pin,
        "store-value-put store-before-commit store-after-commit pin-counted"});
}

static void die_counted(void *fault)
{
    flow_open();
    assert_int_equal(setenv("BULLA_FAULT", fault, 1), 0);
    (void)flow_login("wrong-pin");
    _exit(0);
}

static void killing_the_process_wins_no_try(void **state)
{
    (void)state;
    CK_TOKEN_INFO info = {0};
    if (!flow_has_faults())
        skip();
    for (int i = 0; i < 8 && !(info.flags & CKF_USER_PIN_LOCKED); i++) {
        flow_close();
        (void)flow_in_child(die_counted, (void *)(uintptr_t) "pin-counted");
        flow_open();
        assert_ok(flow.p11->C_GetTokenInfo(flow.slot, &info));
    }
    assert_true(info.flags & CKF_USER_PIN_LOCKED);
    assert_refused(flow_login(FLOW_PIN), CKR_PIN_LOCKED, "pin-locked");
}

static void die_initialising(void *fault)
{
    unsigned char label[32];
    memset(label, ' ', sizeof label);
    flow_open();
    (void)flow.p11->C_CloseAllSessions(flow.slot);
    assert_int_equal(setenv("BULLA_FAULT", fault, 1), 0);
    (void)flow.p11->C_InitToken(flow.slot, (unsigned char *)(uintptr_t)FLOW_SO_PIN, strlen(FLOW_SO_PIN), label);
    _exit(0);
}

/* Until the store is replaced the old token is whole: its counter, too, is given back last. */
static void a_token_is_whole_until_it_is_replaced(void **state)
{
    (void)state;
    if (!flow_has_faults())
        skip();
    flow_close();
    int status = flow_in_child(die_initialising, (void *)(uintptr_t) "store-create-file");
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    key = flow_key("tiny");
    assert_ok(flow_run(key));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_folder_from_before_a_policy_change_is_refused),
        T(a_folder_from_before_a_generation_was_opened_is_refused),
        T(a_folder_as_it_was_is_the_present),
        T(a_policy_is_in_force_before_or_after_a_kill),
        T(what_a_kill_left_of_a_raising_is_void_later),
        T(a_newer_generation_opens_after_a_kill),
        T(a_sealing_counts_or_does_not_after_a_kill),
        T(a_release_tree_is_the_old_or_the_new_after_a_kill),
        T(a_key_is_whole_or_not_there_after_a_kill),
        T(a_login_works_after_a_kill),
        T(a_pin_is_the_old_or_the_new_after_a_kill),
        T(killing_the_process_wins_no_try),
        T(a_token_is_whole_until_it_is_replaced),
    };
    if (!test_swtpm_available())
        return test_skip("swtpm");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
