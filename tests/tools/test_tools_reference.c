#include "support/test.h"

#include <stdio.h>
#include <string.h>

#include "tools/grant_show.h"
#include "tools/pcrs.h"
#include "tools/reference.h"

#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEX48 HEX32 "202122232425262728292a2b2c2d2e2f"
#define HEX64 HEX32 HEX32

static void a_reference_is_read_as_it_is_written(void **state)
{
    (void)state;
    struct bulla_policy_reference reference;
    assert_int_equal(
        bulla_reference_parse(
            "a=b: c=sev-snp:measurement=" HEX48 ",host-data=" HEX32 ",tcb=up-to-date+unknown,migratable", &reference),
        BULLA_OK);
    assert_string_equal(reference.label, "a=b: c");
    assert_int_equal(reference.kind, BULLA_EVIDENCE_SEV_SNP);
    assert_int_equal(reference.measurement_count, 2);
    assert_string_equal(reference.measurements[0].name, "measurement");
    assert_int_equal(reference.measurements[0].size, 48);
    assert_int_equal(reference.measurements[0].value[47], 0x2f);
    assert_string_equal(reference.measurements[1].name, "host-data");
    assert_int_equal(reference.measurements[1].size, 32);
    assert_int_equal(reference.tcb_accepted, 1 << BULLA_TCB_UNKNOWN | 1 << BULLA_TCB_UP_TO_DATE);
    assert_true(reference.migratable);
    assert_int_equal(bulla_reference_parse("x=nitro:pcr0=" HEX48, &reference), BULLA_OK);
    assert_int_equal(reference.tcb_accepted, 0);
    assert_false(reference.migratable);
    assert_int_equal(bulla_reference_parse("x=tdx:mrtd=" HEX48, &reference), BULLA_OK);
    assert_int_equal(bulla_reference_parse("x=sgx:mrenclave=" HEX32, &reference), BULLA_OK);
    assert_int_equal(bulla_reference_parse("x=sgx:config-id=" HEX64, &reference), BULLA_OK);
}

static void what_is_no_reference_is_refused(void **state)
{
    (void)state;
    static const char long_label[] =
        "0123456789012345678901234567890123456789012345678901234567890123=nitro:pcr0=" HEX48;
    static const char *const wrong[] = {"", "x", "x=nitro", "x=nitro:", "x=tpm:pcr0=" HEX32, "x=Nitro:pcr0=" HEX48,
        "=nitro:pcr0=" HEX48, "a\nb=nitro:pcr0=" HEX48, long_label, "x=nitro:pcr0", "x=nitro:pcr0=", "x=nitro:=" HEX48,
        "x=nitro:pcr0=" HEX48 ",", "x=nitro:pcr0=" HEX48 ",,migratable", "x=nitro:pcr0=zz", "x=nitro:pcr0=0001",
        "x=nitro:pcr0=" HEX64 "00", "x=nitro:name-of-16-bytes=" HEX48, "x=nitro:migratable",
        "x=nitro:pcr0=" HEX48 ",tcb=", "x=nitro:pcr0=" HEX48 ",tcb=revoked", "x=nitro:pcr0=" HEX48 ",tcb=good",
        "x=nitro:pcr0=" HEX48 ",tcb=unknown+", "x=nitro:pcr0=" HEX48 ",tcb=unknown,+",
        "x=nitro:pcr0=" HEX32 ",pcr1=" HEX32 ",pcr2=" HEX32 ",pcr3=" HEX32 ",pcr4=" HEX32 ",pcr5=" HEX32 ",pcr6=" HEX32
        ",pcr7=" HEX32 ",pcr8=" HEX32};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct bulla_policy_reference reference;
        if (bulla_reference_parse(wrong[i], &reference) != BULLA_ARGUMENT)
            fail_msg("taken: %s", wrong[i]);
    }
}

/* What no document of the kind has would be equal to nothing: the policy would accept nobody, and not say why. */
static void a_measurement_that_the_kind_has_not_is_refused_with_those_it_has(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } rows[] = {
        {"x=nitro:pcr32=" HEX48, "pcr0 … pcr31 (32, 48 or 64 bytes)"},
        {"x=nitro:pcr00=" HEX48, "pcr0 … pcr31"},
        {"x=nitro:measurement=" HEX48, "pcr0 … pcr31"},
        {"x=sev-snp:pcr0=" HEX48, "measurement (48), host-data (32), id-key-digest (48), author-digest (48), "
                                  "report-id (32), chip-id (64)"},
        {"x=sev-snp:measurement=" HEX32, "measurement (48)"},
        {"x=sev-snp:mrtd=" HEX48, "measurement (48)"},
        {"x=tdx:mrenclave=" HEX32, "mrtd (48), rtmr0 (48), rtmr1 (48), rtmr2 (48), rtmr3 (48), mrconfigid (48), "
                                   "mrowner (48), mrownerconfig (48), mrseam (48), mrservicetd (48)"},
        {"x=sgx:mrtd=" HEX48, "mrenclave (32), mrsigner (32), config-id (64)"},
        {"x=sgx:mrenclave=" HEX32 ",mrsigner=" HEX48, "mrsigner (32)"},
        {"x=sev-snp:measurement=" HEX48 ",min-smp=22", "'min-smp'; it has"},
        {"x=sev-snp:measurement=" HEX48 ",min-smp=22", "min-microcode=N, max-vmpl=N"},
        {"x=tdx:mrtd=" HEX48 ",max-vmpl=0", "no evidence of tdx has 'max-vmpl'"},
        {"x=sev-snp:measurement=" HEX48 ",host-data=zz", "host-data"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bulla_policy_reference reference;
        assert_int_equal(bulla_reference_parse(rows[i].text, &reference), BULLA_ARGUMENT);
        if (!strstr(bulla_detail(), rows[i].told))
            fail_msg("%s: %s", rows[i].text, bulla_detail());
    }
    assert_false(bulla_policy_reference_measures(BULLA_EVIDENCE_TPM, "pcr0", 32));
}

static void firmware_is_written_as_it_is_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "unknown", "up-to-date", "unknown+up-to-date+configuration-needed+out-of-date"};
    for (size_t i = 0; i < 4; i++) {
        struct bulla_policy_reference reference;
        char text[256], tcb[BULLA_TCB_TEXT];
        (void)snprintf(text, sizeof text, "x=nitro:pcr0=" HEX48 "%s%s", texts[i][0] ? ",tcb=" : "", texts[i]);
        assert_int_equal(bulla_reference_parse(text, &reference), BULLA_OK);
        bulla_reference_tcb(&reference, tcb);
        assert_string_equal(tcb, texts[i]);
    }
}

static void a_guests_platform_is_written_as_it_is_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "min-bootloader=4,min-tee=1,min-snp=22,min-microcode=255,max-vmpl=3",
        "min-snp=22", "max-vmpl=0", "min-microcode=1,max-vmpl=1"};
    static const char *const wrong[] = {"min-snp=256", "min-snp=", "min-snp=x", "min-snp=-1", "min-snp", "min-smc=1",
        "max-vmpl=4", "max-vmpl=", "max-snp=1", "min-snp=1x", "min-snp=00000000000000000000000000000000000000022",
        "min-snp=22,min-snp=3", "max-vmpl=0,max-vmpl=3"};
    struct bulla_policy_reference reference;
    char text[256], snp[BULLA_SNP_TEXT];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        (void)snprintf(text, sizeof text, "x=sev-snp:measurement=" HEX48 "%s%s", texts[i][0] ? "," : "", texts[i]);
        assert_int_equal(bulla_reference_parse(text, &reference), BULLA_OK);
        bulla_reference_snp(&reference, snp);
        assert_string_equal(snp, texts[i]);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)snprintf(text, sizeof text, "x=sev-snp:measurement=" HEX48 ",%s", wrong[i]);
        if (bulla_reference_parse(text, &reference) != BULLA_ARGUMENT)
            fail_msg("taken: %s", wrong[i]);
        char name[32] = "";
        memcpy(name, wrong[i], strcspn(wrong[i], "="));
        if (!strstr(bulla_detail(), name))
            fail_msg("%s: not named: %s", wrong[i], bulla_detail());
    }
    assert_int_equal(bulla_reference_parse("x=tdx:mrtd=" HEX48 ",max-vmpl=0", &reference), BULLA_ARGUMENT);
    assert_int_equal(bulla_reference_parse("x=sev-snp:max-vmpl=0", &reference), BULLA_ARGUMENT); /* of whom? */
}

static void a_label_has_1_to_63_bytes_without_control_characters(void **state)
{
    (void)state;
    char label[64], long_one[65];
    memset(long_one, 'l', sizeof long_one);
    assert_true(bulla_label_take("kernel 6.1", 10, label));
    assert_string_equal(label, "kernel 6.1");
    assert_true(bulla_label_take(long_one, 63, label));
    assert_false(bulla_label_take(long_one, 64, label));
    assert_false(bulla_label_take("", 0, label));
    assert_false(bulla_label_take("a\033b", 3, label));
    assert_false(bulla_label_take("a\xc2\x9b", 3, label));
}

static void a_grant_is_told_in_one_sentence(void **state)
{
    (void)state;
    struct bulla_grant grant = {.object_size = 2,
        .object = {0x6d, 0x31},
        .operations = BULLA_MAY_INFER | BULLA_MAY_SIGN,
        .not_before = 1700000000,
        .not_after = 1800000000,
        .uses = 10,
        .rate = 2,
        .rate_seconds = 60};
    char text[BULLA_GRANT_TEXT];
    assert_int_equal(bulla_principal_parse(BULLA_TEXT("user:ann"), &grant.who), BULLA_OK);
    bulla_grant_text(&grant, text); /* the times: date -u -d @1700000000 */
    assert_string_equal(text, "user:ann may infer,sign with 6d31 from 2023-11-14T22:13:20Z until 2027-01-15T08:00:00Z, "
                              "10 times, at most 2 in 60 s");
    grant = (struct bulla_grant){.operations = BULLA_MAY_ALL, .not_after = 1};
    assert_int_equal(bulla_principal_parse(BULLA_TEXT("anyone"), &grant.who), BULLA_OK);
    bulla_grant_text(&grant, text);
    assert_string_equal(
        text, "anyone may do all with every object from 1970-01-01T00:00:00Z until 1970-01-01T00:00:01Z");
}

/* The longest of everything fits: nothing of a grant is cut off where it is shown. */
static void the_longest_grant_is_shown_whole(void **state)
{
    (void)state;
    struct bulla_grant grant = {.object_size = BULLA_GRANT_OBJECT_LARGEST,
        .operations = BULLA_MAY_ALL & ~1u,
        .not_before = UINT64_MAX,
        .not_after = UINT64_MAX,
        .uses = UINT64_MAX,
        .rate = UINT32_MAX,
        .rate_seconds = UINT32_MAX};
    char text[BULLA_GRANT_TEXT], operations[64];
    static const char who[] = "secp256k1:0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    assert_int_equal(bulla_principal_parse(BULLA_TEXT(who), &grant.who), BULLA_OK);
    bulla_grant_operations_text(grant.operations, operations);
    assert_string_equal(operations, "seal,sign,decrypt,encrypt,verify,derive,wrap,unwrap");
    bulla_grant_text(&grant, text);
    assert_non_null(strstr(text, who));
    assert_string_equal(
        text + strlen(text) - strlen("at most 4294967295 in 4294967295 s"), "at most 4294967295 in 4294967295 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reference_is_read_as_it_is_written),
        cmocka_unit_test(what_is_no_reference_is_refused),
        cmocka_unit_test(a_measurement_that_the_kind_has_not_is_refused_with_those_it_has),
        cmocka_unit_test(firmware_is_written_as_it_is_read),
        cmocka_unit_test(a_guests_platform_is_written_as_it_is_read),
        cmocka_unit_test(a_label_has_1_to_63_bytes_without_control_characters),
        cmocka_unit_test(a_grant_is_told_in_one_sentence),
        cmocka_unit_test(the_longest_grant_is_shown_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
