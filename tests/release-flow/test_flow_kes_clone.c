/* A TPM whose state was copied, beside disks of other moments: what docs/kes.md and docs/THREAT-MODEL.md say of a
 * virtual TPM. The present folder is of the very next period, which is the moment at which most might be left of the
 * one before. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kes.h"

enum { BEFORE = 2, AFTER = 3 }; /* periods */

static CK_OBJECT_HANDLE public_key, key;
static uint8_t vk[32];
static char state[96], tpm_before[96], tpm_after[96], disk_before[96], disk_after[96];

/* What the machine is at a moment: its TPM, switched off, and the token's folder. */
static void take(const char *tpm, const char *disk)
{
    flow_close();
    test_swtpm_stop(&flow.tpm);
    flow_copy_folder(state, tpm);
    flow_copy_folder(flow.token, disk);
    test_swtpm_restart(&flow.tpm);
    flow_kes_resume(&public_key, &key);
}

/* Goes on with these copies, which stay as they are. */
static void put(const char *tpm, const char *disk)
{
    flow_close();
    test_swtpm_stop(&flow.tpm);
    flow_remove_folder(state);
    flow_remove_folder(flow.token);
    flow_copy_folder(tpm, state);
    flow_copy_folder(disk, flow.token);
    test_swtpm_restart(&flow.tpm);
    flow_kes_resume(&public_key, &key);
}

static int set_up(void **context)
{
    (void)context;
    flow_begin(FLOW_TPM, "");
    test_folder_join(state, sizeof state, flow.tpm.folder, "state");
    test_folder_join(tpm_before, sizeof tpm_before, flow.folder, "tpm-before");
    test_folder_join(tpm_after, sizeof tpm_after, flow.folder, "tpm-after");
    test_folder_join(disk_before, sizeof disk_before, flow.folder, "disk-before");
    test_folder_join(disk_after, sizeof disk_after, flow.folder, "disk-after");
    flow_kes_make(0, &public_key, &key, vk);
    assert_ok(flow_kes_evolve(key, BEFORE));
    take(tpm_before, disk_before);
    assert_ok(flow_kes_evolve(key, AFTER));
    take(tpm_after, disk_after);
    return 0;
}

static int tear_down(void **context)
{
    (void)context;
    flow_end();
    return 0;
}

static void assert_signs_in(CK_ULONG period)
{
    flow_kes_assert_signs_in(key, vk, period);
}

static void assert_rolled_back(void)
{
    struct flow_kes_signature signature;
    CK_ULONG period = 0;
    CK_ATTRIBUTE attribute = {CKA_BULLA_KES_PERIOD, &period, sizeof period};
    assert_refused(flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature), CKR_DEVICE_ERROR, "rolled-back");
    assert_refused(flow_kes_evolve(key, AFTER), CKR_DEVICE_ERROR, "rolled-back");
    assert_refused(flow_kes_evolve(key, AFTER + 1), CKR_DEVICE_ERROR, "rolled-back");
    assert_refused(flow.p11->C_GetAttributeValue(flow.session, key, &attribute, 1), CKR_DEVICE_ERROR, "rolled-back");
}

/* And trying harms neither: with its own counterpart each goes on. */
static void assert_present_goes_on(void)
{
    put(tpm_after, disk_after);
    assert_signs_in(AFTER);
    assert_ok(flow_kes_evolve(key, AFTER + 1));
    assert_signs_in(AFTER + 1);
}

static void an_older_tpm_alone_opens_nothing_of_a_newer_disk(void **context)
{
    (void)context;
    put(tpm_before, disk_after);
    assert_rolled_back();
    assert_present_goes_on();
}

static void an_older_disk_alone_is_refused_by_a_newer_tpm(void **context)
{
    (void)context;
    put(tpm_after, disk_before);
    assert_rolled_back();
    assert_present_goes_on();
}

/* Beyond a TPM, and said so: the machine of before, whole, is that machine. */
static void tpm_and_disk_of_the_same_moment_sign_in_their_past_period(void **context)
{
    (void)context;
    put(tpm_before, disk_before);
    assert_signs_in(BEFORE);
    assert_present_goes_on();
}

/* A clone that evolves leaves its twin behind no more than itself: they are two machines now, and none takes the
 * other's disk. */
static void clones_that_evolved_apart_do_not_take_each_others_disks(void **context)
{
    (void)context;
    char disk_of_clone[96];
    test_folder_join(disk_of_clone, sizeof disk_of_clone, flow.folder, "disk-of-clone");
    put(tpm_before, disk_before);
    assert_ok(flow_kes_evolve(key, AFTER));
    assert_signs_in(AFTER);
    flow_close();
    flow_copy_folder(flow.token, disk_of_clone);
    flow_kes_resume(&public_key, &key);
    put(tpm_after, disk_of_clone);
    assert_rolled_back();
    assert_present_goes_on();
}

int main(void)
{
    if (!test_swtpm_available())
        return test_skip("swtpm");
#define CLONED(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        CLONED(an_older_tpm_alone_opens_nothing_of_a_newer_disk),
        CLONED(an_older_disk_alone_is_refused_by_a_newer_tpm),
        CLONED(tpm_and_disk_of_the_same_moment_sign_in_their_past_period),
        CLONED(clones_that_evolved_apart_do_not_take_each_others_disks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
