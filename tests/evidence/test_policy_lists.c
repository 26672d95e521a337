#include "support/test.h"

#include <stdio.h>
#include <string.h>

#include "evidence/policy.h"
#include "policy_fixture.h"

static struct bulla_policy policy;

/* --- grants in a bundle --- */

static uint8_t encoded_grants[BULLA_POLICY_LARGEST];

static void one_grant(struct bulla_grant *grant, size_t i)
{
    memset(grant, 0, sizeof *grant);
    grant->id[0] = (uint8_t)(i >> 8);
    grant->id[1] = (uint8_t)i;
    assert_int_equal(bulla_principal_parse(BULLA_TEXT("user:ann"), &grant->who), BULLA_OK);
    grant->operations = BULLA_MAY_INFER;
    grant->not_after = 1800000000;
}

/* As large as a grant can be. */
static void large_grant(struct bulla_grant *grant, size_t i)
{
    one_grant(grant, i);
    static const char who[] = "secp256k1:0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    assert_int_equal(bulla_principal_parse(BULLA_TEXT(who), &grant->who), BULLA_OK);
    memset(grant->object, 'o', sizeof grant->object);
    grant->object_size = sizeof grant->object;
    grant->operations = BULLA_MAY_ALL;
    grant->not_before = grant->not_after = grant->uses = UINT64_MAX;
    grant->rate = grant->rate_seconds = UINT32_MAX;
}

static void restrict_to(struct bulla_policy *to, struct bulla_grant *grants, size_t count)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, encoded_grants, sizeof encoded_grants);
    assert_int_equal(bulla_policy_grants_write(grants, count, &writer), BULLA_OK);
    to->restricted = true;
    to->grants = bulla_writer_bytes(&writer);
}

static void grants_come_out_of_a_bundle_by_their_ids(void **state)
{
    (void)state;
    struct bulla_grant grants[3], read[3];
    size_t count = 0;
    policy_fill(&policy, 1);
    one_grant(&grants[0], 2);
    one_grant(&grants[1], 0);
    one_grant(&grants[2], 1);
    restrict_to(&policy, grants, 3);
    struct bulla_bytes bundle = policy_bundle(&policy);
    assert_int_equal(policy.grant_count, 3);
    assert_int_equal(bulla_policy_read(bundle, policy_anyone, &policy_read_back), BULLA_OK);
    assert_true(policy_read_back.restricted);
    assert_int_equal(policy_read_back.grant_count, 3);
    assert_true(bulla_bytes_equal(policy_read_back.grants, policy.grants));
    assert_true(
        policy_read_back.grants.data > policy_memory && policy_read_back.grants.data < policy_memory + bundle.size);
    assert_int_equal(bulla_policy_grants(&policy_read_back, read, 2, &count), BULLA_TOO_LARGE);
    assert_int_equal(count, 0);
    assert_int_equal(bulla_policy_grants(&policy_read_back, read, 3, &count), BULLA_OK);
    assert_int_equal(count, 3);
    for (uint8_t i = 0; i < 3; i++) {
        assert_int_equal(read[i].id[1], i);
        assert_memory_equal(&read[i], &grants[i], sizeof read[i]); /* writing has sorted them */
    }
}

static void a_policy_may_restrict_to_nobody(void **state)
{
    (void)state;
    size_t count = 1;
    policy_fill(&policy, 1);
    policy.restricted = true;
    struct bulla_bytes bundle = policy_bundle(&policy);
    assert_int_equal(bulla_policy_read(bundle, policy_anyone, &policy_read_back), BULLA_OK);
    assert_true(policy_read_back.restricted);
    assert_int_equal(bulla_policy_grants(&policy_read_back, NULL, 0, &count), BULLA_OK);
    assert_int_equal(count, 0);
}

static void the_most_grants_states_and_references_fit(void **state)
{
    (void)state;
    static struct bulla_grant grants[BULLA_GRANTS_LARGEST], read[BULLA_GRANTS_LARGEST];
    size_t count = 0;
    policy_fill(&policy, BULLA_POLICY_STATES);
    for (size_t i = 0; i < BULLA_POLICY_STATES; i++) {
        struct bulla_policy_reference *reference = &policy.references[i];
        memset(policy.states[i].label, 'l', sizeof policy.states[i].label - 1);
        memset(reference->label, 'r', sizeof reference->label - 1);
        reference->kind = BULLA_EVIDENCE_SEV_SNP;
        reference->tcb_accepted = 15;
        reference->migratable = true;
        reference->measurement_count = BULLA_REFERENCE_MEASUREMENTS;
        for (size_t j = 0; j < BULLA_REFERENCE_MEASUREMENTS; j++) {
            struct bulla_measurement *one = &reference->measurements[j];
            (void)snprintf(one->name, sizeof one->name, "measurement-%zu%zu", j, j);
            one->size = BULLA_MEASUREMENT_LARGEST;
            memset(one->value, (int)i, one->size);
        }
    }
    policy.reference_count = BULLA_POLICY_REFERENCES;
    memset(policy.note, 'n', sizeof policy.note - 1);
    for (size_t i = 0; i < BULLA_GRANTS_LARGEST; i++)
        large_grant(&grants[i], i);
    restrict_to(&policy, grants, BULLA_GRANTS_LARGEST);
    struct bulla_bytes bundle = policy_bundle(&policy);
    assert_true(bundle.size > 200000); /* they are as large as that */
    assert_int_equal(bulla_policy_read(bundle, policy_anyone, &policy_read_back), BULLA_OK);
    assert_int_equal(bulla_policy_grants(&policy_read_back, read, BULLA_GRANTS_LARGEST, &count), BULLA_OK);
    assert_memory_equal(read, grants, sizeof grants);
    assert_memory_equal(policy_read_back.references, policy.references, sizeof policy.references);
}

static void grants_that_are_too_many_or_share_an_id_are_not_written(void **state)
{
    (void)state;
    static struct bulla_grant grants[BULLA_GRANTS_LARGEST + 1];
    struct bulla_writer writer;
    for (size_t i = 0; i < BULLA_GRANTS_LARGEST + 1; i++)
        one_grant(&grants[i], i);
    bulla_writer_open(&writer, encoded_grants, sizeof encoded_grants);
    assert_int_equal(bulla_policy_grants_write(grants, BULLA_GRANTS_LARGEST + 1, &writer), BULLA_TOO_LARGE);
    bulla_writer_open(&writer, encoded_grants, 32);
    assert_int_equal(bulla_policy_grants_write(grants, 2, &writer), BULLA_BUFFER_SMALL);
    grants[5].id[1] = 2;
    bulla_writer_open(&writer, encoded_grants, sizeof encoded_grants);
    assert_int_equal(bulla_policy_grants_write(grants, 8, &writer), BULLA_DUPLICATE);
}

/* A grant's least form, and its id's last byte (test_grant.c has the rest of its rules). */
#define GRANT_OF(last) "a500500000000000000000000000000000000" last "0168757365723a616e6e020103000401"

static void a_list_of_grants_of_another_form_is_refused_though_signed(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        enum bulla_reason reason;
    } cases[] = {
        {"0880", BULLA_OK},
        {"0881" GRANT_OF("1"), BULLA_OK},
        {"0882" GRANT_OF("1") GRANT_OF("2"), BULLA_OK},
        {"0882" GRANT_OF("1") GRANT_OF("1"), BULLA_DUPLICATE},
        {"0882" GRANT_OF("2") GRANT_OF("1"), BULLA_NOT_CANONICAL},
        {"0883" GRANT_OF("1") GRANT_OF("3") GRANT_OF("2"), BULLA_NOT_CANONICAL},
        {"0881"
         "a0",
            BULLA_MALFORMED},
        {"0881"
         "01",
            BULLA_MALFORMED},
        {"08a0", BULLA_MALFORMED},
        {"0801", BULLA_MALFORMED},
        {"08f6", BULLA_MALFORMED},
    };
    struct policy_draft draft;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        policy_draft_init(&draft);
        draft.more_keys = 1;
        draft.more = cases[i].more;
        if (policy_draft_read(&draft) != cases[i].reason)
            fail_msg("list %zu: %s", i, bulla_detail());
    }
}

static void more_grants_than_a_bundle_may_have_are_refused(void **state)
{
    (void)state;
    static char more[2 * BULLA_POLICY_LARGEST];
    static const char rest[] = "0000000000000000000000000000"
                               "0168757365723a616e6e020103000401";
    struct policy_draft draft;
    for (size_t count = BULLA_GRANTS_LARGEST; count <= BULLA_GRANTS_LARGEST + 1; count++) {
        size_t used = (size_t)snprintf(more, sizeof more, "0899%04zx", count);
        for (size_t i = 0; i < count; i++)
            used += (size_t)snprintf(more + used, sizeof more - used, "a50050%04zx%s", i, rest);
        policy_draft_init(&draft);
        draft.more_keys = 1;
        draft.more = more;
        assert_int_equal(policy_draft_read(&draft), count == BULLA_GRANTS_LARGEST ? BULLA_OK : BULLA_TOO_LARGE);
    }
}

/* --- references in a bundle --- */

#define HASH32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HASH48 HASH32 "202122232425262728292a2b2c2d2e2f"
#define LABEL "006161"               /* "a" */
#define NITRO "01656e6974726f"       /* "nitro" */
#define SEV_SNP "01677365762d736e70" /* "sev-snp" */
#define PCR0                                                                                                           \
    "6470637230"                                                                                                       \
    "5830" HASH48 /* "pcr0": … */
#define PCR1                                                                                                           \
    "6470637231"                                                                                                       \
    "5830" HASH48
#define ALLOWS "02a1" PCR0

static void a_reference_reads_as_its_bytes_say(void **state)
{
    (void)state;
    struct policy_draft draft;
    policy_draft_init(&draft);
    draft.states = 0;
    draft.more_keys = 1;
    draft.more = "0981a5" LABEL NITRO "02a2" PCR0 PCR1 "0303"
                 "04f5";
    assert_int_equal(policy_draft_read(&draft), BULLA_OK);
    assert_int_equal(policy_read_back.state_count, 0);
    assert_int_equal(policy_read_back.reference_count, 1);
    const struct bulla_policy_reference *reference = &policy_read_back.references[0];
    assert_string_equal(reference->label, "a");
    assert_int_equal(reference->kind, BULLA_EVIDENCE_NITRO);
    assert_int_equal(reference->measurement_count, 2);
    assert_string_equal(reference->measurements[1].name, "pcr1");
    assert_int_equal(reference->measurements[1].size, 48);
    assert_int_equal(reference->measurements[1].value[47], 0x2f);
    assert_int_equal(reference->tcb_accepted, 1 << BULLA_TCB_UNKNOWN | 1 << BULLA_TCB_UP_TO_DATE);
    assert_true(reference->migratable);
    assert_false(policy_read_back.restricted);
}

static void what_a_reference_asks_of_a_guests_platform_comes_back(void **state)
{
    (void)state;
    static const uint8_t least[BULLA_SNP_COMPONENTS] = {4, 1, 22, 213};
    struct policy_draft draft;
    policy_draft_init(&draft);
    draft.more_keys = 1;
    draft.more = "0981a5" LABEL SEV_SNP ALLOWS "0544040116d50601";
    assert_int_equal(policy_draft_read(&draft), BULLA_OK);
    const struct bulla_policy_reference *reference = &policy_read_back.references[0];
    assert_int_equal(reference->kind, BULLA_EVIDENCE_SEV_SNP);
    assert_memory_equal(reference->snp_least, least, sizeof least);
    assert_true(reference->snp_has_vmpl);
    assert_int_equal(reference->snp_vmpl, 1);
    policy_fill(&policy, 1); /* and as it is written */
    policy.references[0] = *reference;
    policy.reference_count = 1;
    assert_int_equal(bulla_policy_read(policy_bundle(&policy), policy_anyone, &policy_read_back), BULLA_OK);
    assert_memory_equal(policy_read_back.references[0].snp_least, least, sizeof least);
    assert_true(policy_read_back.references[0].snp_has_vmpl);
    assert_int_equal(policy_read_back.references[0].snp_vmpl, 1);
}

static void a_list_of_references_of_another_form_is_refused_though_signed(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        enum bulla_reason reason;
    } cases[] = {
        {"0981a3" LABEL NITRO ALLOWS, BULLA_OK},
        {"0981a3" LABEL "0167"
         "7365762d736e70" ALLOWS,
            BULLA_OK}, /* sev-snp */
        {"0981a3" LABEL "0163"
         "746478" ALLOWS,
            BULLA_OK}, /* tdx */
        {"0981a3" LABEL "0163"
         "736778" ALLOWS,
            BULLA_OK}, /* sgx */
        {"0981a3" LABEL "0163"
         "74706d" ALLOWS,
            BULLA_MALFORMED}, /* tpm: states are for that */
        {"0981a3" LABEL "0164"
         "6e6f6e65" ALLOWS,
            BULLA_MALFORMED},
        {"0981a3" LABEL "0160" ALLOWS, BULLA_MALFORMED},
        {"0980", BULLA_MALFORMED},
        {"098101", BULLA_MALFORMED},
        {"09a0", BULLA_MALFORMED},
        {"0981a2" LABEL NITRO, BULLA_MALFORMED},
        {"0981a2" LABEL ALLOWS, BULLA_MALFORMED},
        {"0981a2" NITRO ALLOWS, BULLA_MALFORMED},
        {"0981a3"
         "00611b" NITRO ALLOWS,
            BULLA_MALFORMED},
        {"0981a3" LABEL NITRO "02a0", BULLA_MALFORMED},
        {"0981a3" LABEL NITRO "02a1"
         "01"
         "5830" HASH48,
            BULLA_MALFORMED},
        {"0981a3" LABEL NITRO "02a1"
         "60"
         "5830" HASH48,
            BULLA_MALFORMED},
        {"0981a3" LABEL NITRO "02a1"
         "6450435230"
         "5830" HASH48,
            BULLA_MALFORMED}, /* "PCR0" */
        {"0981a3" LABEL NITRO "02a1"
         "70"
         "61616161616161616161616161616161"
         "5830" HASH48,
            BULLA_MALFORMED},
        {"0981a3" LABEL NITRO "02a1"
         "6470637230"
         "582f" HASH32 "202122232425262728292a2b2c2d2e",
            BULLA_MALFORMED},
        {"0981a3" LABEL NITRO "02a1"
         "6470637230"
         "40",
            BULLA_MALFORMED},
        {"0981a3" LABEL NITRO "02a1"
         "6470637230"
         "01",
            BULLA_MALFORMED},
        {"0981a3" LABEL NITRO "02a2" PCR0 PCR0, BULLA_DUPLICATE},
        {"0981a3" LABEL NITRO "02a2" PCR1 PCR0, BULLA_NOT_CANONICAL},
        {"0981a4" LABEL NITRO ALLOWS "0300", BULLA_MALFORMED},
        {"0981a4" LABEL NITRO ALLOWS "030f", BULLA_OK},
        {"0981a4" LABEL NITRO ALLOWS "0310", BULLA_MALFORMED}, /* revoked firmware */
        {"0981a4" LABEL NITRO ALLOWS "04f5", BULLA_OK},
        {"0981a4" LABEL NITRO ALLOWS "04f4", BULLA_MALFORMED}, /* said by leaving it out */
        {"0981a4" LABEL NITRO ALLOWS "0401", BULLA_MALFORMED},
        {"0981a4" LABEL NITRO ALLOWS "0701", BULLA_UNKNOWN_FIELD},
        {"0981a4" LABEL SEV_SNP ALLOWS "054404011600", BULLA_OK},
        {"0981a4" LABEL SEV_SNP ALLOWS "0600", BULLA_OK},
        {"0981a4" LABEL SEV_SNP ALLOWS "0603", BULLA_OK},
        {"0981a5" LABEL SEV_SNP ALLOWS "0544000000010602", BULLA_OK},
        {"0981a4" LABEL NITRO ALLOWS "054404011600", BULLA_MALFORMED}, /* of sev-snp only */
        {"0981a4" LABEL NITRO ALLOWS "0600", BULLA_MALFORMED},
        {"0981a4" LABEL SEV_SNP ALLOWS "054400000000", BULLA_MALFORMED}, /* said by leaving it out */
        {"0981a4" LABEL SEV_SNP ALLOWS "0543040116", BULLA_MALFORMED},
        {"0981a4" LABEL SEV_SNP ALLOWS "05450401160001", BULLA_MALFORMED},
        {"0981a4" LABEL SEV_SNP ALLOWS "0504", BULLA_MALFORMED},
        {"0981a4" LABEL SEV_SNP ALLOWS "0604", BULLA_MALFORMED},
        {"0981a4" LABEL SEV_SNP ALLOWS "061b0000000100000000", BULLA_MALFORMED},
        {"0981a4" LABEL SEV_SNP ALLOWS "0620", BULLA_MALFORMED},
        {"0981a5" LABEL SEV_SNP ALLOWS "0600054404011600", BULLA_NOT_CANONICAL},
        {"0982a3" LABEL NITRO ALLOWS "a3" LABEL NITRO ALLOWS, BULLA_DUPLICATE},
        {"0982a3" LABEL NITRO ALLOWS "a4" LABEL NITRO ALLOWS "0303", BULLA_DUPLICATE},
        {"0982a3" LABEL NITRO ALLOWS "a3" LABEL "0163746478" ALLOWS, BULLA_OK},
    };
    struct policy_draft draft;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        policy_draft_init(&draft);
        draft.more_keys = 1;
        draft.more = cases[i].more;
        enum bulla_reason reason = policy_draft_read(&draft);
        if (reason != cases[i].reason)
            fail_msg("list %zu: %s, %s", i, bulla_reason_code(reason), bulla_detail());
    }
}

static void a_reference_of_too_many_measurements_or_too_many_references_are_refused(void **state)
{
    (void)state;
    static char more[2 * 8192];
    struct policy_draft draft;
    for (size_t count = BULLA_REFERENCE_MEASUREMENTS; count <= BULLA_REFERENCE_MEASUREMENTS + 1; count++) {
        size_t used = (size_t)snprintf(more, sizeof more, "0981a3" LABEL NITRO "02a%zx", count);
        for (size_t i = 0; i < count; i++)
            used += (size_t)snprintf(more + used, sizeof more - used,
                "647063723%zx"
                "5830" HASH48,
                i);
        policy_draft_init(&draft);
        draft.more_keys = 1;
        draft.more = more;
        assert_int_equal(policy_draft_read(&draft), count == BULLA_REFERENCE_MEASUREMENTS ? BULLA_OK : BULLA_MALFORMED);
    }
    for (size_t count = BULLA_POLICY_REFERENCES; count <= BULLA_POLICY_REFERENCES + 1; count++) {
        size_t used = (size_t)snprintf(more, sizeof more, "0998%02zx", count);
        for (size_t i = 0; i < count; i++)
            used += (size_t)snprintf(more + used, sizeof more - used,
                "a3" LABEL NITRO "02a1"
                "6470637230"
                "5820%064zx",
                i);
        policy_draft_init(&draft);
        draft.more_keys = 1;
        draft.more = more;
        assert_int_equal(policy_draft_read(&draft), count == BULLA_POLICY_REFERENCES ? BULLA_OK : BULLA_TOO_LARGE);
    }
}

static void a_policy_of_references_alone_reads_back_as_it_was(void **state)
{
    (void)state;
    policy_fill(&policy, 0);
    policy.reference_count = 1;
    struct bulla_policy_reference *reference = &policy.references[0];
    memcpy(reference->label, "enclave", 7);
    reference->kind = BULLA_EVIDENCE_TDX;
    reference->measurement_count = 3;
    memcpy(reference->measurements[0].name, "rtmr1", 5);
    memcpy(reference->measurements[1].name, "rtmr0", 5);
    memcpy(reference->measurements[2].name, "mrtd", 4);
    for (size_t i = 0; i < 3; i++) {
        reference->measurements[i].size = 48;
        memset(reference->measurements[i].value, (int)i, 48);
    }
    struct bulla_bytes bundle = policy_bundle(&policy);
    assert_int_equal(bulla_policy_read(bundle, policy_anyone, &policy_read_back), BULLA_OK);
    assert_memory_equal(&policy_read_back, &policy, sizeof policy); /* signing has sorted them */
    assert_string_equal(policy_read_back.references[0].measurements[0].name, "mrtd");
    assert_string_equal(policy_read_back.references[0].measurements[2].name, "rtmr1");
}

static void signing_refuses_lists_that_reading_would_refuse(void **state)
{
    (void)state;
    static struct bulla_policy wrong[7];
    static const uint8_t no_array[] = {0xa0};
    for (size_t i = 0; i < 7; i++) {
        policy_fill(&wrong[i], 1);
        wrong[i].reference_count = 1;
        wrong[i].references[0].kind = BULLA_EVIDENCE_NITRO;
        wrong[i].references[0].measurement_count = 1;
        memcpy(wrong[i].references[0].measurements[0].name, "pcr0", 4);
        wrong[i].references[0].measurements[0].size = 48;
    }
    wrong[0].references[0].kind = BULLA_EVIDENCE_TPM;
    wrong[1].references[0].measurement_count = 0;
    wrong[2].references[0].measurement_count = BULLA_REFERENCE_MEASUREMENTS + 1;
    wrong[3].reference_count = BULLA_POLICY_REFERENCES + 1;
    wrong[4].references[0].tcb_accepted = 1 << BULLA_TCB_REVOKED;
    wrong[5].grants = BULLA_BYTES(no_array); /* in a policy that restricts nothing */
    wrong[6].restricted = true;
    wrong[6].grants = BULLA_BYTES(no_array);
    for (size_t i = 0; i < 7; i++) {
        struct bulla_writer writer;
        bulla_writer_open(&writer, policy_memory, sizeof policy_memory);
        if (bulla_policy_sign(&wrong[i], &policy_authority.signer, &writer) == BULLA_OK)
            fail_msg("policy %zu was signed", i);
    }
}

static void no_changed_byte_of_the_lists_is_accepted(void **state)
{
    (void)state;
    struct bulla_grant grants[2];
    policy_fill(&policy, 0);
    policy.reference_count = 1;
    policy.references[0].kind = BULLA_EVIDENCE_NITRO;
    policy.references[0].measurement_count = 1;
    memcpy(policy.references[0].measurements[0].name, "pcr0", 4);
    policy.references[0].measurements[0].size = 48;
    one_grant(&grants[0], 0);
    large_grant(&grants[1], 1);
    restrict_to(&policy, grants, 2);
    struct bulla_bytes bundle = policy_bundle(&policy);
    for (size_t i = 0; i < bundle.size; i++) {
        policy_memory[i] ^= 1;
        if (bulla_policy_read(bundle, BULLA_BYTES(policy_authority.point), &policy_read_back) == BULLA_OK)
            fail_msg("accepted with byte %zu changed", i);
        assert_false(policy_read_back.restricted);
        assert_int_equal(policy_read_back.reference_count, 0);
        policy_memory[i] ^= 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grants_come_out_of_a_bundle_by_their_ids),
        cmocka_unit_test(a_policy_may_restrict_to_nobody),
        cmocka_unit_test(the_most_grants_states_and_references_fit),
        cmocka_unit_test(grants_that_are_too_many_or_share_an_id_are_not_written),
        cmocka_unit_test(a_list_of_grants_of_another_form_is_refused_though_signed),
        cmocka_unit_test(more_grants_than_a_bundle_may_have_are_refused),
        cmocka_unit_test(a_reference_reads_as_its_bytes_say),
        cmocka_unit_test(what_a_reference_asks_of_a_guests_platform_comes_back),
        cmocka_unit_test(a_list_of_references_of_another_form_is_refused_though_signed),
        cmocka_unit_test(a_reference_of_too_many_measurements_or_too_many_references_are_refused),
        cmocka_unit_test(a_policy_of_references_alone_reads_back_as_it_was),
        cmocka_unit_test(signing_refuses_lists_that_reading_would_refuse),
        cmocka_unit_test(no_changed_byte_of_the_lists_is_accepted),
    };
    return cmocka_run_group_tests(tests, policy_keys_make, policy_keys_free);
}
