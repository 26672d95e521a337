/* What an evolution waits for, and what a loss of power leaves: the disk's syncs, noted by functions of this program
 * that stand before the C library's in the module and in SQLite as well. This program's time() does, too: a period is a
 * day, a slot a second. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kes.h"
#include "support/shifted_time.h"

enum { DAY = 86400, EVOLUTIONS = 40, NOTED = 8 };

static unsigned syncs, failing; /* failing: the n-th from now on is refused, and those behind it; 0: none is */
static char synced[NOTED][32];  /* the files' names, in their order */

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

/* --- what a disk has for certain: the states' files as they were synced last --- */

static const char *const files[] = {"states.0", "states.1", "states.key"};
static char disk[96];

static void keep_file(const char *name)
{
    char from[160], to[160];
    size_t size;
    test_folder_join(from, sizeof from, flow.token, name);
    test_folder_join(to, sizeof to, disk, name);
    unsigned char *bytes = test_file_read(from, &size);
    if (bytes)
        test_file_write(to, bytes, size);
    free(bytes);
}

static void keep_synced(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(files); i++)
        if (*disk && strcmp(name, files[i]) == 0)
            keep_file(name);
}

/* Of the files' unsynced content, as bits, some reached the disk all the same. */
static void lose_power(unsigned reached)
{
    flow_close();
    for (size_t i = 0; i < COUNT_OF(files); i++)
        if (!(reached >> i & 1))
            flow_put_file(disk, files[i]);
}

static int sync_by(long call, int file)
{
    note_name(file);
    syncs++;
    if (failing && syncs >= failing) {
        errno = EIO;
        return -1;
    }
    int result = (int)syscall(call, file);
    if (result == 0 && syncs <= NOTED)
        keep_synced(synced[syncs - 1]);
    return result;
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

/* The disk may have written any of what it was not asked to wait for. `read_between`: the failure was met by another
 * reading before the power went, which may have begun to finish what was cut off. */
static void lose_power_everywhere(bool read_between)
{
    CK_ULONG period = 0;
    test_folder_join(disk, sizeof disk, flow.folder, "disk");
    assert_int_equal(mkdir(disk, 0700), 0);
    for (unsigned at = read_between; at <= (flow.kind == FLOW_TPM ? 1 : 3); at++)
        for (unsigned reached = 0; reached < 1U << COUNT_OF(files); reached++) {
            for (size_t i = 0; i < COUNT_OF(files); i++)
                keep_file(files[i]);
            syncs = 0;
            failing = at;
            CK_RV rv = flow_kes_evolve(key, period + 1);
            failing = 0;
            assert_int_equal(rv == CKR_OK, at == 0);
            CK_ULONG read = read_between ? flow_kes_period(key) : 0;
            lose_power(reached);
            flow_kes_resume(&public_key, &key);
            CK_ULONG now = flow_kes_period(key);
            assert_in_range(now, period + (at == 0), period + 1);
            if (read_between)
                assert_int_equal(now, read);
            sign();
            period = now;
        }
    *disk = '\0';
}

static void a_loss_of_power_leaves_one_table_that_opens(void **state)
{
    (void)state;
    lose_power_everywhere(false);
}

static void a_loss_of_power_after_a_failure_leaves_what_was_read(void **state)
{
    (void)state;
    lose_power_everywhere(true);
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
        PLAIN(a_loss_of_power_leaves_one_table_that_opens),
        TPM(a_loss_of_power_leaves_one_table_that_opens),
        PLAIN(a_loss_of_power_after_a_failure_leaves_what_was_read),
        TPM(a_loss_of_power_after_a_failure_leaves_what_was_read),
        PLAIN(a_disk_that_fails_gives_no_answer_and_loses_no_key),
        TPM(a_disk_that_fails_gives_no_answer_and_loses_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
