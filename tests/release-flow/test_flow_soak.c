/* A token that is used for long: threads that infer, leases that end under them, objects that come and go, policies
 * that follow each other. Memory, locked memory, files and threads are at the end what they were when it had settled.
 *
 * Some seconds in make check, two minutes in make check-full. */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model.h"
#include "policy.h"

enum { WORKERS = 2, SLACK_KIB = 16 << 10 };

struct usage {
    unsigned long resident, locked; /* KiB */
    unsigned files, threads;
};

static unsigned long status_number(const char *name)
{
    char line[256];
    unsigned long number = 0;
    FILE *status = fopen("/proc/self/status", "r");
    assert_non_null(status);
    while (fgets(line, sizeof line, status))
        if (strncmp(line, name, strlen(name)) == 0)
            number = strtoul(line + strlen(name), NULL, 10);
    (void)fclose(status);
    return number;
}

static unsigned count_files(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    (void)closedir(folder);
    return count;
}

static struct usage usage_now(void)
{
    return (struct usage){
        status_number("VmRSS:"), status_number("VmLck:"), count_files(), (unsigned)status_number("Threads:")};
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- threads that infer, each in a session of its own --- */

struct worker {
    pthread_t thread;
    CK_OBJECT_HANDLE key;
    atomic_bool *stop;
    unsigned long answers, lapsed, refusals;
};

static void *work(void *context)
{
    static const char text[] = "a text that is asked for again and again";
    struct worker *worker = context;
    CK_MECHANISM infer = {CKM_BULLA_INFER, NULL, 0};
    CK_SESSION_HANDLE session = 0;
    unsigned char *answer = malloc(1 << 16);
    if (!answer || flow.p11->C_OpenSession(flow.slot, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
        return NULL;
    while (!atomic_load(worker->stop)) {
        CK_ULONG size = 1 << 16;
        CK_RV rv = flow.p11->C_DecryptInit(session, &infer, worker->key);
        bool begun = rv == CKR_OK;
        if (begun)
            rv = flow.p11->C_Decrypt(session, (unsigned char *)(uintptr_t)text, sizeof text - 1, answer, &size);
        worker->answers += rv == CKR_OK;
        bool lapsed = begun && rv == CKR_FUNCTION_REJECTED; /* the lease ended between the two calls */
        worker->lapsed += lapsed;
        worker->refusals += rv != CKR_OK && !lapsed; /* a policy that follows refuses nobody */
    }
    free(answer);
    (void)flow.p11->C_CloseSession(session);
    return NULL;
}

/* --- what happens beside them --- */

static void come_and_go(void)
{
    static CK_OBJECT_CLASS data_class = CKO_DATA;
    static CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE object = 0;
    CK_ATTRIBUTE attributes[] = {
        {CKA_CLASS, &data_class, sizeof data_class},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_LABEL, (void *)(uintptr_t) "passing", 7},
        {CKA_VALUE, (void *)(uintptr_t) "something private", 17},
    };
    assert_ok(flow.p11->C_CreateObject(flow.session, attributes, 5, &object));
    assert_ok(flow.p11->C_DestroyObject(flow.session, object));
}

static void run_for(double length, const struct test_p256 *authority, uint64_t *version, struct worker *workers)
{
    atomic_bool stop = false;
    for (int i = 0; i < WORKERS; i++) {
        workers[i].stop = &stop;
        workers[i].key = flow_key("tiny");
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    double end = seconds() + length;
    for (unsigned round = 1; seconds() < end; round++) {
        come_and_go();
        free(flow_status("why"));
        if (round % 16 == 0)
            assert_ok(flow_policy_approve((*version)++, authority));
        (void)usleep(20000);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
}

static void a_token_that_is_used_for_long_stays_as_it_was(void **state)
{
    (void)state;
    struct test_p256 authority;
    struct worker workers[WORKERS] = {{0}};
    uint64_t version = 1;
    test_p256_make(&authority);
    assert_ok(flow_policy_approve(version++, &authority));
    (void)flow_tiny("tiny", "tpm", authority.point);
    run_for(2.5, &authority, &version, workers); /* caches fill, threads start */
    flow_relogin();
    struct usage before = usage_now();
    run_for(flow_is_long() ? 120 : 3, &authority, &version, workers);
    flow_relogin();
    struct usage after = usage_now();
    unsigned long answers = 0, lapsed = 0, refusals = 0;
    for (int i = 0; i < WORKERS; i++) {
        answers += workers[i].answers;
        lapsed += workers[i].lapsed;
        refusals += workers[i].refusals;
    }
    print_message("%lu answers, %lu refusals; resident %lu → %lu KiB, locked %lu → %lu KiB, files %u → %u\n", answers,
        refusals, before.resident, after.resident, before.locked, after.locked, before.files, after.files);
    assert_true(answers > 0);
    assert_int_equal(refusals, 0);
    assert_true(lapsed * 100 <= answers); /* a lease a second ends in the middle of something, at the most */
    assert_int_equal(after.files, before.files);
    assert_int_equal(after.threads, before.threads);
    assert_true(after.locked <= before.locked + SLACK_KIB / 16);
#if !defined(__SANITIZE_ADDRESS__) /* whose quarantine of freed memory grows by design */
    assert_true(after.resident <= before.resident + SLACK_KIB);
#endif
    test_p256_free(&authority);
}

static int set_up(void **state)
{
    (void)state;
    flow_begin(FLOW_TPM, "lease = 2\n"); /* a sealing is to begin and end within one */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_that_is_used_for_long_stays_as_it_was, set_up, tear_down),
    };
    if (!test_swtpm_available())
        return test_skip("swtpm");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
