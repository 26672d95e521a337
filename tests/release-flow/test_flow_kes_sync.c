/* What an evolution waits for: the disk's syncs, noted by functions of this program that stand before the C library's
 * in the module and in SQLite as well. This program's time() does, too: a period is a day, a slot a second. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kes.h"

enum { DAY = 86400, EVOLUTIONS = 40, NOTED = 8 };

static unsigned syncs, failing; /* failing: the n-th from now on is refused, and those behind it; 0: none is */
static char synced[NOTED][32];  /* the files' names, in their order */
static int64_t shift;           /* of the system's clock, in seconds */

static void note_name(int file)
{
    char link[32], path[256];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    assert_true(size > 0);
    path[size] = '\0';
    const char *name = strrchr(path, '/');
    if (name && syncs < NOTED)
        (void)snprintf(synced[syncs], sizeof synced[syncs], "%.31s", name + 1);
}

static int sync_by(long call, int file)
{
    note_name(file);
    syncs++;
    if (failing && syncs >= failing) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, file);
}

__attribute__((visibility("default"))) int fsync(int file)
{
    return sync_by(SYS_fsync, file);
}

__attribute__((visibility("default"))) int fdatasync(int file)
{
    return sync_by(SYS_fdatasync, file);
}

/* Nobody waits for the disk in another way. */
__attribute__((visibility("default"))) int sync_file_range(int file, off64_t offset, off64_t size, unsigned flags)
{
    (void)file, (void)offset, (void)size, (void)flags;
    fail_msg("sync_file_range");
    return -1;
}

/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c): it is meant to be found first */
__attribute__((visibility("default"))) time_t time(time_t *value)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += shift;
    if (value)
        *value = now.tv_sec;
    return now.tv_sec;
}

static CK_OBJECT_HANDLE public_key, key;

static void set_up_kind(enum flow_kind kind)
{
    shift = 0;
    failing = 0;
    flow_begin(kind, "");
    assert_ok(flow_kes_generate(&(struct flow_kes_settings){0}, &public_key, &key));
}

static int set_up(void **state)
{
    (void)state;
    set_up_kind(FLOW_PLAIN);
    return 0;
}

static int set_up_tpm(void **state)
{
    (void)state;
    set_up_kind(FLOW_TPM);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    return 0;
}

/* The slot that a change in turn writes; its other one has the table before. The first table is in 1. */
static const char *slot_of(CK_ULONG change)
{
    return change % 2 ? "states.0" : "states.1";
}

/* docs/kes.md says why. */
static void assert_synced_by_change(CK_ULONG change)
{
    assert_int_equal(syncs, flow.kind == FLOW_TPM ? 1 : 3);
    assert_string_equal(synced[0], slot_of(change));
    if (flow.kind == FLOW_TPM)
        return;
    assert_string_equal(synced[1], "states.key");
    assert_string_equal(synced[2], slot_of(change + 1));
}

static void sign(void)
{
    struct flow_kes_signature signature;
    assert_ok(flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature));
}

static void an_evolution_waits_for_the_disk_once_with_a_tpm_and_three_times_without(void **state)
{
    (void)state;
    for (CK_ULONG period = 1; period <= EVOLUTIONS; period++) {
        syncs = 0;
        assert_ok(flow_kes_evolve(key, period));
        assert_synced_by_change(period);
    }
}

static void an_evolution_after_a_new_login_waits_no_more_often(void **state)
{
    (void)state;
    for (CK_ULONG period = 1; period <= 4; period++) {
        flow_close();
        flow_kes_resume(&public_key, &key);
        syncs = 0;
        assert_ok(flow_kes_evolve(key, period));
        assert_synced_by_change(period);
    }
}

static void a_signature_waits_for_no_disk(void **state)
{
    (void)state;
    sign();
    syncs = 0;
    for (int i = 0; i < 100; i++)
        sign();
    assert_int_equal(syncs, 0);
}

/* The line of the audit log waits for no disk, and the ledger is not written. */
static void a_signature_that_evolves_by_the_clock_waits_as_often(void **state)
{
    (void)state;
    const struct flow_kes_settings settings = {
        .label = "clock", .depth = 3, .start = (CK_ULONG)time(NULL) - 3600, .slots = DAY};
    assert_ok(flow_kes_generate(&settings, &public_key, &key));
    sign();
    for (int day = 1; day < 8; day++) {
        shift = day * DAY;
        syncs = 0;
        sign();
        assert_int_equal(flow_kes_period(key), day);
        assert_synced_by_change((CK_ULONG)day + 1); /* the second key was a change */
    }
}

/* What is not known to be on the disk is told to nobody. Where W itself may not be there, it is there before the table
 * of the other one goes. */
static void a_disk_that_fails_gives_no_answer_and_loses_no_key(void **state)
{
    (void)state;
    unsigned most = flow.kind == FLOW_TPM ? 1 : 3;
    CK_ULONG period = 0;
    for (unsigned at = 1; at <= most; at++) {
        syncs = 0;
        failing = at;
        assert_refused(flow_kes_evolve(key, period + 1), CKR_DEVICE_ERROR, "store-io");
        failing = 0;
        syncs = 0;
        CK_ULONG now = flow_kes_period(key);
        assert_int_equal(now, period + (at > 1)); /* behind the first, W was written */
        if (flow.kind == FLOW_PLAIN && at < 3) {
            assert_int_equal(syncs, 2);
            assert_string_equal(synced[0], "states.key");
            assert_true(strcmp(synced[1], "states.0") == 0 || strcmp(synced[1], "states.1") == 0);
        }
        sign();
        assert_ok(flow_kes_evolve(key, now + 1));
        sign();
        period = now + 1;
    }
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
    static const struct CMUnitTest tests[] = {
        PLAIN(an_evolution_waits_for_the_disk_once_with_a_tpm_and_three_times_without),
        TPM(an_evolution_waits_for_the_disk_once_with_a_tpm_and_three_times_without),
        PLAIN(an_evolution_after_a_new_login_waits_no_more_often),
        TPM(an_evolution_after_a_new_login_waits_no_more_often),
        PLAIN(a_signature_waits_for_no_disk),
        TPM(a_signature_waits_for_no_disk),
        PLAIN(a_signature_that_evolves_by_the_clock_waits_as_often),
        TPM(a_signature_that_evolves_by_the_clock_waits_as_often),
        PLAIN(a_disk_that_fails_gives_no_answer_and_loses_no_key),
        TPM(a_disk_that_fails_gives_no_answer_and_loses_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
