/* What an evolution waits for: the disk's syncs, counted by functions of this program that stand before the C library's
 * in the module and in SQLite as well. This program's time() does, too: a period is a day, a slot a second. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kes.h"

enum { DAY = 86400, EVOLUTIONS = 40 };

static int syncs, failing; /* failing: the n-th from now on is refused, and those behind it; 0: none is */
static int64_t shift;      /* of the system's clock, in seconds */

static int sync_by(long call, int file)
{
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
    shift = failing = 0;
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

/* docs/kes.md says why. */
__attribute__((unused)) static int syncs_of_an_evolution(void)
{
    return flow.kind == FLOW_TPM ? 1 : 3;
}

static void sign(void)
{
    struct flow_kes_signature signature;
    assert_ok(flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature));
}

static void an_evolution_waits_for_the_disk_so_often(void **state)
{
    (void)state;
    for (CK_ULONG period = 1; period <= EVOLUTIONS; period++) {
        syncs = 0;
        assert_ok(flow_kes_evolve(key, period));
        print_message("period %lu: %d\n", period, syncs);
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

/* A mark of the time is due with the first evolution of a day: that is the ledger's, in another change. */
static void an_evolution_by_the_clock_is_no_dearer(void **state)
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
        print_message("day %d: %d\n", day, syncs);
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
        PLAIN(an_evolution_waits_for_the_disk_so_often),
        TPM(an_evolution_waits_for_the_disk_so_often),
        PLAIN(a_signature_waits_for_no_disk),
        TPM(a_signature_waits_for_no_disk),
        PLAIN(an_evolution_by_the_clock_is_no_dearer),
        TPM(an_evolution_by_the_clock_is_no_dearer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
