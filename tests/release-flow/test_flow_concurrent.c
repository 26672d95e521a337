/* Threads and processes that do different things on one token at the same time.
 *
 * Openings while policies follow each other: one that read the bundle before, and its floor after another bundle was
 * taken, is no opening under an older policy, and is not refused. Sealing and opening under a TPM that stands still:
 * others write and answer meanwhile; and the end of logins, leases and operations under each other. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "grant.h"
#include "model.h"
#include "policy.h"

enum { KEYS_SHORT = 40, KEYS_LONG = 400 };

static struct test_p256 authority;

static unsigned key_count(void)
{
    return flow_is_long() ? KEYS_LONG : KEYS_SHORT;
}

static void name_key(unsigned number, char label[static 32])
{
    (void)snprintf(label, 32, "key %u", number);
}

static void make_keys(void)
{
    CK_OBJECT_HANDLE key;
    char label[32];
    for (unsigned i = 0; i < key_count(); i++) {
        name_key(i, label);
        assert_ok(flow_key_make(label, "tpm", authority.point, &key));
    }
}

/* Each key's first opening. Nothing was sealed under them: what opens is refused for that, and for nothing else. */
static void open_each(void)
{
    CK_MECHANISM infer = {CKM_BULLA_INFER, NULL, 0};
    char label[32];
    for (unsigned i = 0; i < key_count(); i++) {
        name_key(i, label);
        CK_OBJECT_HANDLE key = flow_key(label);
        assert_refused(flow.p11->C_DecryptInit(flow.session, &infer, key), CKR_FUNCTION_FAILED, "model-missing");
    }
}

struct loading {
    CK_SESSION_HANDLE session;
    uint64_t version;
    atomic_bool stop;
    atomic_uint loaded;
    CK_RV rv;
};

static CK_RV load(CK_SESSION_HANDLE session, uint64_t version)
{
    struct bulla_policy policy;
    flow_policy_now(version, &policy);
    struct bulla_bytes bundle = flow_policy_sign(&policy, &authority);
    CK_RV rv = flow_policy_load_bytes_in(session, bundle);
    free((void *)(uintptr_t)bundle.data);
    return rv;
}

static void *load_one_after_another(void *context)
{
    struct loading *loading = context;
    while (!atomic_load(&loading->stop) && loading->rv == CKR_OK) {
        loading->rv = load(loading->session, loading->version++);
        atomic_fetch_add(&loading->loaded, 1);
    }
    return NULL;
}

static void a_thread_that_takes_policies_refuses_no_opening(void **state)
{
    (void)state;
    struct loading loading = {.version = 2};
    pthread_t thread;
    make_keys();
    assert_ok(flow_policy_approve(1, &authority));
    assert_ok(flow.p11->C_OpenSession(flow.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &loading.session));
    assert_int_equal(pthread_create(&thread, NULL, load_one_after_another, &loading), 0);
    while (atomic_load(&loading.loaded) == 0)
        (void)usleep(100);
    open_each();
    atomic_store(&loading.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ok(loading.rv);
}

/* Until its parent closes the pipe; 1 for a policy that was refused. */
static void load_in_child(void *context)
{
    const int *pipe_end = context;
    char byte;
    flow_open();
    if (flow_login(FLOW_PIN) != CKR_OK)
        _exit(2);
    for (uint64_t version = 2;; version++) {
        if (load(flow.session, version) != CKR_OK)
            _exit(1);
        if (version == 2 && write(pipe_end[1], "r", 1) != 1)
            _exit(3);
        if (read(pipe_end[0], &byte, 1) == 0)
            _exit(0);
    }
}

static void a_process_that_takes_policies_refuses_no_opening(void **state)
{
    (void)state;
    int to_child[2], to_parent[2], status;
    char byte;
    make_keys();
    assert_ok(flow_policy_approve(1, &authority));
    assert_int_equal(pipe2(to_child, O_NONBLOCK), 0);
    assert_int_equal(pipe(to_parent), 0);
    flow_close(); /* the child must not inherit an initialised module */
    pid_t child = fork();
    if (child == 0) {
        (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
        (void)close(to_child[1]);
        (void)close(to_parent[0]);
        load_in_child((int[]){to_child[0], to_parent[1]});
    }
    (void)close(to_child[0]);
    (void)close(to_parent[1]);
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    assert_int_equal(read(to_parent[0], &byte, 1), 1);
    open_each();
    (void)close(to_child[1]);
    (void)close(to_parent[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

struct making {
    CK_RV rv;
    atomic_bool done;
};

static void *make_a_key(void *context)
{
    struct making *making = context;
    CK_OBJECT_HANDLE key;
    making->rv = flow_key_make("slow", "tpm", authority.point, &key);
    atomic_store(&making->done, true);
    return NULL;
}

static void make_data(CK_SESSION_HANDLE session)
{
    CK_OBJECT_CLASS object_class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE object;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &object_class, sizeof object_class},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_VALUE, (void *)(uintptr_t) "something", 9},
    };
    assert_ok(flow.p11->C_CreateObject(session, template, 3, &object));
}

/* The TPM stands still while a tree is sealed; what needs no TPM is written meanwhile. */
static void a_slow_tpm_keeps_no_other_writer_waiting(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session;
    struct making making = {.rv = CKR_GENERAL_ERROR};
    pthread_t thread;
    assert_ok(flow.p11->C_OpenSession(flow.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
    test_swtpm_freeze(&flow.tpm);
    assert_int_equal(pthread_create(&thread, NULL, make_a_key, &making), 0);
    (void)usleep(300000);
    make_data(session);
    assert_false(atomic_load(&making.done)); /* it is still being sealed */
    test_swtpm_thaw(&flow.tpm);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ok(making.rv);
}

struct opening {
    CK_SESSION_HANDLE session;
    CK_RV rv;
    atomic_bool done;
};

/* C_Decrypt of an operation that was begun. */
static CK_RV run_in(CK_SESSION_HANDLE session)
{
    static const char text[] = "clay";
    CK_ULONG size = 65536;
    unsigned char *answer = malloc(size);
    assert_non_null(answer);
    CK_RV rv = flow.p11->C_Decrypt(session, (unsigned char *)(uintptr_t)text, 4, answer, &size);
    free(answer);
    return rv;
}

static void *open_a_model(void *context)
{
    struct opening *opening = context;
    opening->rv = run_in(opening->session);
    atomic_store(&opening->done, true);
    return NULL;
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The TPM stands still while one model is opened; another one that is open answers meanwhile. */
static void a_model_that_opens_slowly_keeps_no_other_waiting(void **state)
{
    (void)state;
    CK_MECHANISM infer = {CKM_BULLA_INFER, NULL, 0};
    struct opening opening = {.rv = CKR_GENERAL_ERROR};
    pthread_t thread;
    CK_OBJECT_HANDLE warm = flow_tiny("warm", NULL, NULL), cold = flow_tiny("cold", NULL, NULL);
    assert_ok(flow_run(warm));
    assert_ok(flow.p11->C_OpenSession(flow.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &opening.session));
    assert_ok(flow.p11->C_DecryptInit(opening.session, &infer, cold));
    test_swtpm_freeze(&flow.tpm);
    assert_int_equal(pthread_create(&thread, NULL, open_a_model, &opening), 0);
    (void)usleep(300000);
    double start = seconds();
    assert_ok(flow.p11->C_DecryptInit(flow.session, &infer, warm));
    assert_ok(run_in(flow.session));
    assert_true(seconds() - start < 1);
    assert_false(atomic_load(&opening.done)); /* it is still being opened */
    test_swtpm_thaw(&flow.tpm);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ok(opening.rv);
}

struct asking {
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE answer;
    pthread_barrier_t *together;
    CK_RV rv;
};

static void *ask(void *context)
{
    struct asking *asking = context;
    CK_OBJECT_CLASS object_class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &object_class, sizeof object_class},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_APPLICATION, (void *)(uintptr_t)BULLA_INFER_APPLICATION, strlen(BULLA_INFER_APPLICATION)},
        {CKA_LABEL, (void *)(uintptr_t) "tiny#same", 9},
        {CKA_VALUE, (void *)(uintptr_t) "clay", 4},
    };
    (void)pthread_barrier_wait(asking->together);
    asking->rv = flow.p11->C_CreateObject(asking->session, template, 5, &asking->answer);
    return NULL;
}

/* Both may find the label free before either has written: never two answers, and never none. */
static void two_that_ask_under_one_label_get_one_answer(void **state)
{
    (void)state;
    pthread_barrier_t together;
    struct asking asking[2] = {{.together = &together}, {.together = &together}};
    pthread_t threads[2];
    assert_ok(flow_policy_approve(1, &authority));
    assert_ok(flow_run(flow_tiny("tiny", "tpm", authority.point)));
    assert_int_equal(pthread_barrier_init(&together, NULL, 2), 0);
    for (int i = 0; i < 2; i++)
        assert_ok(
            flow.p11->C_OpenSession(flow.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &asking[i].session));
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, ask, &asking[i]), 0);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        int winner = asking[0].rv == CKR_OK ? 0 : 1;
        assert_ok(asking[winner].rv);
        assert_int_equal(asking[!winner].rv, CKR_TEMPLATE_INCONSISTENT);
        assert_ok(flow.p11->C_DestroyObject(flow.session, asking[winner].answer));
        assert_int_equal(flow_find(CKO_DATA, "tiny#same"), 0);
    }
    (void)pthread_barrier_destroy(&together);
}

static void *log_out(void *context)
{
    *(CK_RV *)context = flow.p11->C_Logout(flow.session);
    return NULL;
}

/* The audit log's last words wait for the TPM; nobody is logged in meanwhile, and what was opened is gone. */
static void logging_out_waits_for_no_tpm_to_forget(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session;
    CK_SESSION_INFO info;
    CK_RV rv = CKR_GENERAL_ERROR;
    pthread_t thread;
    CK_MECHANISM infer = {CKM_BULLA_INFER, NULL, 0};
    assert_ok(flow_policy_approve(1, &authority));
    CK_OBJECT_HANDLE key = flow_tiny("tiny", "tpm", authority.point);
    assert_ok(flow_run(key));
    assert_ok(flow.p11->C_OpenSession(flow.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
    test_swtpm_freeze(&flow.tpm);
    assert_int_equal(pthread_create(&thread, NULL, log_out, &rv), 0);
    (void)usleep(300000);
    assert_ok(flow.p11->C_GetSessionInfo(session, &info));
    assert_int_equal(info.state, CKS_RW_PUBLIC_SESSION);
    assert_int_equal(flow.p11->C_DecryptInit(session, &infer, key), CKR_KEY_HANDLE_INVALID);
    test_swtpm_thaw(&flow.tpm);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ok(rv);
}

/* An operation that was begun and left alone goes with its key's lease. */
static void an_operation_begun_before_the_lease_ended_is_begun_again(void **state)
{
    (void)state;
    CK_MECHANISM infer = {CKM_BULLA_INFER, NULL, 0}, seal = {CKM_BULLA_SEAL, NULL, 0};
    unsigned char out[65536];
    CK_ULONG size = sizeof out;
    assert_ok(flow_policy_approve(1, &authority));
    CK_OBJECT_HANDLE key = flow_tiny("tiny", "tpm", authority.point);
    assert_ok(flow.p11->C_DecryptInit(flow.session, &infer, key));
    assert_ok(flow.p11->C_EncryptInit(flow.session, &seal, key));
    (void)sleep(3);
    assert_refused(flow.p11->C_Decrypt(flow.session, (unsigned char *)(uintptr_t) "clay", 4, out, &size),
        CKR_FUNCTION_REJECTED, "not-released");
    size = sizeof out;
    assert_refused(flow.p11->C_EncryptUpdate(flow.session, (unsigned char *)(uintptr_t) "clay", 4, out, &size),
        CKR_FUNCTION_REJECTED, "not-released");
    assert_ok(flow_run(key));
}

/* A try is counted before it is made: those that are under way in other processes, waiting for the TPM, are no wrong
 * ones. */
static void right_pins_at_once_are_all_right(void **state)
{
    (void)state;
    enum { PROCESSES = 10 };
    pid_t children[PROCESSES];
    int status;
    flow_close(); /* a child must not inherit an initialised module */
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
            flow_open();
            for (int login = 0; login < 3; login++) {
                assert_ok(flow_login(FLOW_PIN));
                assert_ok(flow.p11->C_Logout(flow.session));
            }
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
}

/* --- uses of a grant, and the end of logins --- */

enum { USERS = 3, LOGINS = 12, USES = 4000 };

struct using
{
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    atomic_bool *stop;
    unsigned had;
};

static void *use_again_and_again(void *context)
{
    struct using *using = context;
    CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0};
    uint8_t plain[16] = {0}, out[16];
    while (!atomic_load(using->stop)) {
        CK_ULONG size = sizeof out;
        if (flow.p11->C_EncryptInit(using->session, &ecb, using->key) == CKR_OK)
            using->had += flow.p11->C_Encrypt(using->session, plain, sizeof plain, out, &size) == CKR_OK;
    }
    return NULL;
}

/* A block that was taken while somebody logged out is had or given back: none of it comes twice. */
static void uses_are_counted_once_while_somebody_logs_out(void **state)
{
    (void)state;
    atomic_bool stop = false;
    struct using using[USERS];
    pthread_t threads[USERS];
    unsigned had = 0;
    struct bulla_grant grant = flow_grant(BULLA_MAY_ENCRYPT, USES);
    const struct bulla_grant counted = grant;
    CK_OBJECT_HANDLE key = flow_governed_key("key", "key-1", &authority);
    assert_ok(flow_restrict(1, &authority, &grant, 1));
    for (unsigned i = 0; i < USERS; i++) {
        using[i] = (struct using){.key = key, .stop = &stop};
        assert_ok(flow.p11->C_OpenSession(flow.slot, CKF_SERIAL_SESSION, NULL, NULL, &using[i].session));
        assert_int_equal(pthread_create(&threads[i], NULL, use_again_and_again, &using[i]), 0);
    }
    for (unsigned i = 0; i < LOGINS; i++) {
        const struct timespec pause = {.tv_nsec = 20000000};
        (void)nanosleep(&pause, NULL);
        flow_relogin();
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < USERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        had += using[i].had;
    }
    assert_true(had > LOGINS);
    assert_int_equal(flow_uses(&counted).used, had);
    flow_reopen();
    assert_int_equal(flow_uses(&counted).used, had);
}

static int set_up_plain(void **state)
{
    (void)state;
    test_p256_make(&authority);
    flow_begin(FLOW_PLAIN, "");
    return 0;
}

static int set_up_short_lease(void **state)
{
    (void)state;
    flow_begin(FLOW_TPM, "lease = 1\n");
    test_p256_make(&authority);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    flow_begin(FLOW_TPM, "");
    test_p256_make(&authority);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_p256_free(&authority);
    flow_end();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_thread_that_takes_policies_refuses_no_opening, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_process_that_takes_policies_refuses_no_opening, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slow_tpm_keeps_no_other_writer_waiting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_model_that_opens_slowly_keeps_no_other_waiting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_that_ask_under_one_label_get_one_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(logging_out_waits_for_no_tpm_to_forget, set_up, tear_down),
        cmocka_unit_test_setup_teardown(right_pins_at_once_are_all_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            an_operation_begun_before_the_lease_ended_is_begun_again, set_up_short_lease, tear_down),
    };
    const struct CMUnitTest plain[] = {
        cmocka_unit_test_setup_teardown(uses_are_counted_once_while_somebody_logs_out, set_up_plain, tear_down),
    };
    int failed = cmocka_run_group_tests(plain, NULL, NULL);
    if (!test_swtpm_available())
        return failed ? failed : test_skip("swtpm");
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
