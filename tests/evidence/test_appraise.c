#include "support/test.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "evidence/policy.h"

static struct bulla_policy policy;
static struct bulla_claims claims;
static char label[64];

static void measure(const char *name, uint8_t byte, uint8_t size)
{
    uint8_t value[BULLA_MEASUREMENT_LARGEST];
    memset(value, byte, sizeof value);
    assert_int_equal(bulla_claims_measure(&claims, name, (struct bulla_bytes){value, size}), BULLA_OK);
}

static enum bulla_reason appraise(void)
{
    static const char none[64];
    memset(label, 'x', sizeof label);
    enum bulla_reason reason = bulla_appraise(&policy, &claims, label);
    if (reason != BULLA_OK)
        assert_memory_equal(label, none, sizeof label); /* no refusal names who accepts */
    return reason;
}

/* --- a TPM's quote: PCRs 0, 7 and 11 of SHA-256 --- */

static void allow_state(const char *name, uint32_t mask, const uint8_t *values, size_t size)
{
    struct bulla_policy_state *one = &policy.states[policy.state_count++];
    (void)snprintf(one->label, sizeof one->label, "%s", name);
    one->pcr_mask = mask;
    SHA256(values, size, one->pcr_digest);
}

static void quote(void)
{
    memset(&policy, 0, sizeof policy);
    memset(&claims, 0, sizeof claims);
    claims.kind = BULLA_EVIDENCE_TPM;
    claims.pinned = true;
    measure("pcr0", 0xa0, 32);
    measure("pcr7", 0xa7, 32);
    measure("pcr11", 0xab, 32);
}

/* The digest is over the values by ascending number: Part 1 of the TPM library, 17.6 (pcrDigest). */
static void allow_measured(void)
{
    uint8_t values[64];
    memset(values, 0xa7, 32);
    memset(values + 32, 0xab, 32);
    allow_state("measured", 1 << 7 | 1 << 11, values, 64);
}

static void a_state_accepts_the_pcrs_under_its_mask(void **state)
{
    (void)state;
    quote();
    allow_measured();
    assert_int_equal(appraise(), BULLA_OK);
    assert_string_equal(label, "measured");
    claims.measurements[0].value[0] ^= 1; /* PCR 0 is not judged */
    assert_int_equal(appraise(), BULLA_OK);
    for (size_t i = 1; i < 3; i++) {
        claims.measurements[i].value[31] ^= 1;
        assert_int_equal(appraise(), BULLA_POLICY_STATE);
        assert_non_null(strstr(bulla_detail(), "measured"));
        claims.measurements[i].value[31] ^= 1;
    }
}

static void any_of_several_states_accepts(void **state)
{
    (void)state;
    static const uint8_t other[64];
    quote();
    allow_state("other", 1 << 7 | 1 << 11, other, 64);
    assert_int_equal(appraise(), BULLA_POLICY_STATE);
    allow_measured();
    assert_int_equal(appraise(), BULLA_OK);
    assert_string_equal(label, "measured");
}

static void a_pcr_that_the_evidence_lacks_is_named(void **state)
{
    (void)state;
    static const uint8_t zero[64];
    quote();
    allow_state("with 8", 1 << 7 | 1 << 8, zero, 64);
    assert_int_equal(appraise(), BULLA_POLICY_STATE);
    assert_non_null(strstr(bulla_detail(), "PCR 8"));
    quote();
    allow_measured();
    claims.measurements[2].size = 48; /* of another bank */
    assert_int_equal(appraise(), BULLA_POLICY_STATE);
    assert_non_null(strstr(bulla_detail(), "PCR 11"));
}

static void a_policy_without_a_state_accepts_no_tpm(void **state)
{
    (void)state;
    quote();
    assert_int_equal(appraise(), BULLA_POLICY_STATE);
    SHA256(NULL, 0, policy.states[0].pcr_digest); /* nor does one that selects nothing */
    policy.state_count = 1;
    assert_int_equal(appraise(), BULLA_POLICY_STATE);
}

/* --- enclaves and guests --- */

static struct bulla_policy_reference *allow(const char *name, enum bulla_evidence_kind kind)
{
    struct bulla_policy_reference *one = &policy.references[policy.reference_count++];
    (void)snprintf(one->label, sizeof one->label, "%s", name);
    one->kind = kind;
    return one;
}

static void must_have(struct bulla_policy_reference *reference, const char *name, uint8_t byte, uint8_t size)
{
    struct bulla_measurement *one = &reference->measurements[reference->measurement_count++];
    (void)snprintf(one->name, sizeof one->name, "%s", name);
    one->size = size;
    memset(one->value, byte, size);
}

static struct bulla_policy_reference *enclave(enum bulla_evidence_kind kind, enum bulla_tcb_status tcb)
{
    memset(&policy, 0, sizeof policy);
    memset(&claims, 0, sizeof claims);
    claims.kind = kind;
    claims.pinned = true;
    claims.tcb = tcb;
    measure("pcr0", 0x10, 48);
    measure("pcr1", 0x11, 48);
    measure("pcr2", 0x12, 48);
    struct bulla_policy_reference *reference = allow("enclave", kind);
    must_have(reference, "pcr0", 0x10, 48);
    must_have(reference, "pcr2", 0x12, 48);
    return reference;
}

static void a_reference_accepts_what_is_equal_in_all_that_it_names(void **state)
{
    (void)state;
    (void)enclave(BULLA_EVIDENCE_NITRO, BULLA_TCB_UNKNOWN);
    assert_int_equal(appraise(), BULLA_OK);
    assert_string_equal(label, "enclave");
    claims.measurements[1].value[0] ^= 1; /* pcr1 is not named */
    assert_int_equal(appraise(), BULLA_OK);
    for (size_t i = 0; i < 3; i += 2)
        for (size_t byte = 0; byte < 48; byte++) {
            claims.measurements[i].value[byte] ^= 0x80;
            assert_int_equal(appraise(), BULLA_POLICY_STATE);
            claims.measurements[i].value[byte] ^= 0x80;
        }
    claims.measurements[2].size = 32;
    assert_int_equal(appraise(), BULLA_POLICY_STATE);
}

static void the_refusal_says_what_differs_from_the_nearest(void **state)
{
    (void)state;
    (void)enclave(BULLA_EVIDENCE_NITRO, BULLA_TCB_UNKNOWN);
    claims.measurements[2].value[0] = 0x99;
    struct bulla_policy_reference *far = allow("far", BULLA_EVIDENCE_NITRO);
    must_have(far, "pcr0", 0x77, 48);
    assert_int_equal(appraise(), BULLA_POLICY_STATE);
    assert_non_null(strstr(bulla_detail(), "pcr2 is 99121212"));
    assert_non_null(strstr(bulla_detail(), "'enclave'"));
    claims.measurement_count = 1;
    assert_int_equal(appraise(), BULLA_POLICY_STATE);
    assert_non_null(strstr(bulla_detail(), "no pcr2"));
}

static void a_reference_of_another_kind_accepts_nothing(void **state)
{
    (void)state;
    (void)enclave(BULLA_EVIDENCE_TDX, BULLA_TCB_UP_TO_DATE);
    assert_int_equal(appraise(), BULLA_OK);
    claims.kind = BULLA_EVIDENCE_SEV_SNP;
    assert_int_equal(appraise(), BULLA_POLICY_STATE);
    claims.kind = BULLA_EVIDENCE_TPM;
    assert_int_equal(appraise(), BULLA_POLICY_STATE);
    claims.kind = BULLA_EVIDENCE_NONE;
    assert_int_equal(appraise(), BULLA_EVIDENCE_KIND);
    claims.kind = BULLA_EVIDENCE_KINDS;
    assert_int_equal(appraise(), BULLA_EVIDENCE_KIND);
}

static void a_reference_that_names_nothing_accepts_nothing(void **state)
{
    (void)state;
    struct bulla_policy_reference *reference = enclave(BULLA_EVIDENCE_NITRO, BULLA_TCB_UNKNOWN);
    reference->measurement_count = 0;
    assert_int_equal(appraise(), BULLA_POLICY_STATE);
}

static void debugging_and_unpinned_evidence_are_never_accepted(void **state)
{
    (void)state;
    (void)enclave(BULLA_EVIDENCE_NITRO, BULLA_TCB_UNKNOWN);
    claims.debug = true;
    assert_int_equal(appraise(), BULLA_EVIDENCE_DEBUG);
    claims.debug = false;
    claims.pinned = false;
    assert_int_equal(appraise(), BULLA_EVIDENCE_UNTRUSTED);
    quote();
    allow_measured();
    claims.pinned = false;
    assert_int_equal(appraise(), BULLA_EVIDENCE_UNTRUSTED);
}

/* What is accepted where a policy says nothing of firmware: current, and of Nitro, which has no status, unknown. */
static void firmware_must_be_current_unless_the_policy_says_otherwise(void **state)
{
    (void)state;
    static const enum bulla_evidence_kind kinds[] = {
        BULLA_EVIDENCE_NITRO, BULLA_EVIDENCE_SEV_SNP, BULLA_EVIDENCE_TDX, BULLA_EVIDENCE_SGX};
    for (size_t i = 0; i < 4; i++)
        for (unsigned tcb = 0; tcb < BULLA_TCB_STATUSES; tcb++) {
            bool accepted = tcb == BULLA_TCB_UP_TO_DATE || (i == 0 && tcb == BULLA_TCB_UNKNOWN);
            (void)enclave(kinds[i], (enum bulla_tcb_status)tcb);
            assert_int_equal(appraise(), accepted ? BULLA_OK : BULLA_EVIDENCE_TCB);
        }
}

static void a_policy_accepts_the_firmware_that_it_names_but_never_revoked(void **state)
{
    (void)state;
    for (unsigned accepted = 0; accepted < BULLA_TCB_STATUSES; accepted++)
        for (unsigned tcb = 0; tcb < BULLA_TCB_STATUSES; tcb++) {
            enclave(BULLA_EVIDENCE_TDX, (enum bulla_tcb_status)tcb)->tcb_accepted = 1u << accepted;
            bool good = tcb == accepted && tcb != BULLA_TCB_REVOKED;
            assert_int_equal(appraise(), good ? BULLA_OK : BULLA_EVIDENCE_TCB);
        }
    (void)enclave(BULLA_EVIDENCE_TDX, BULLA_TCB_STATUSES);
    assert_int_equal(appraise(), BULLA_EVIDENCE_KIND);
}

/* Asked of bulla_appraise itself: what the verifiers say of firmware is, but for Intel's, always unknown. */
static bool may_accept(const struct bulla_policy_reference *reference)
{
    bool intel = reference->kind == BULLA_EVIDENCE_TDX || reference->kind == BULLA_EVIDENCE_SGX;
    bool accepted = false;
    memset(claims.snp_tcb, UINT8_MAX, sizeof claims.snp_tcb);
    for (unsigned tcb = 0; tcb < (intel ? BULLA_TCB_STATUSES : BULLA_TCB_UNKNOWN + 1); tcb++) {
        claims.tcb = (enum bulla_tcb_status)tcb;
        accepted |= appraise() == BULLA_OK;
    }
    return accepted;
}

static void a_reference_that_can_accept_nobody_is_told(void **state)
{
    (void)state;
    static const enum bulla_evidence_kind kinds[] = {
        BULLA_EVIDENCE_NITRO, BULLA_EVIDENCE_SEV_SNP, BULLA_EVIDENCE_TDX, BULLA_EVIDENCE_SGX};
    unsigned nobody = 0;
    for (size_t i = 0; i < 4; i++)
        for (uint32_t accepted = 0; accepted < 1u << BULLA_TCB_REVOKED; accepted++)
            for (uint8_t least = 0; least < 2; least++) {
                struct bulla_policy_reference *reference = enclave(kinds[i], BULLA_TCB_UNKNOWN);
                reference->tcb_accepted = accepted;
                reference->snp_least[BULLA_SNP_FIRMWARE] = kinds[i] == BULLA_EVIDENCE_SEV_SNP ? least : 0;
                bool some = may_accept(reference);
                assert_int_equal(bulla_policy_reference_check(reference), some ? BULLA_OK : BULLA_ARGUMENT);
                nobody += !some;
            }
    assert_true(nobody > 20);
    struct bulla_policy_reference *reference = enclave(BULLA_EVIDENCE_TDX, BULLA_TCB_UNKNOWN);
    reference->measurement_count = 0;
    assert_int_equal(bulla_policy_reference_check(reference), BULLA_ARGUMENT);
}

/* docs/evidence.md: "a debug enclave zeroes these three and no others". */
static void zeros_of_a_debug_enclave_are_told(void **state)
{
    (void)state;
    for (unsigned pcr = 0; pcr < 5; pcr++) {
        char name[16];
        struct bulla_policy_reference *reference = enclave(BULLA_EVIDENCE_NITRO, BULLA_TCB_UNKNOWN);
        (void)snprintf(name, sizeof name, "pcr%u", pcr);
        reference->measurement_count = 0;
        must_have(reference, "pcr8", 0x10, 48);
        must_have(reference, name, 0, 48);
        assert_int_equal(bulla_policy_reference_check(reference), pcr <= 2 ? BULLA_ARGUMENT : BULLA_OK);
    }
}

static void what_may_migrate_is_accepted_only_where_the_policy_says_so(void **state)
{
    (void)state;
    struct bulla_policy_reference *reference = enclave(BULLA_EVIDENCE_SEV_SNP, BULLA_TCB_UP_TO_DATE);
    claims.migratable = true;
    assert_int_equal(appraise(), BULLA_POLICY_STATE);
    assert_non_null(strstr(bulla_detail(), "migrate"));
    reference->migratable = true;
    assert_int_equal(appraise(), BULLA_OK);
    claims.migratable = false;
    assert_int_equal(appraise(), BULLA_OK);
}

/* A guest by VMPL 1 whose bootloader, TEE, SNP and microcode are 4, 1, 22 and 213. */
static struct bulla_policy_reference *guest(void)
{
    static const uint8_t tcb[BULLA_SNP_COMPONENTS] = {4, 1, 22, 213};
    struct bulla_policy_reference *reference = enclave(BULLA_EVIDENCE_SEV_SNP, BULLA_TCB_UNKNOWN);
    memcpy(claims.snp_tcb, tcb, sizeof tcb);
    claims.snp_vmpl = 1;
    return reference;
}

static void each_component_of_a_guests_firmware_has_a_least_version(void **state)
{
    (void)state;
    static const char *const names[BULLA_SNP_COMPONENTS] = {"bootloader", "tee", "snp", "microcode"};
    struct bulla_policy_reference *reference = guest();
    assert_int_equal(appraise(), BULLA_EVIDENCE_TCB); /* nothing says what is current */
    for (size_t i = 0; i < BULLA_SNP_COMPONENTS; i++) {
        reference = guest();
        reference->snp_least[i] = claims.snp_tcb[i];
        assert_int_equal(appraise(), BULLA_OK);
        reference->snp_least[i]++;
        assert_int_equal(appraise(), BULLA_EVIDENCE_TCB);
        assert_non_null(strstr(bulla_detail(), names[i]));
        reference->tcb_accepted = 1u << BULLA_TCB_UNKNOWN; /* that does not stand for the versions */
        assert_int_equal(appraise(), BULLA_EVIDENCE_TCB);
        claims.snp_tcb[i]++;
        assert_int_equal(appraise(), BULLA_OK);
        reference->tcb_accepted = 1u << BULLA_TCB_UP_TO_DATE; /* said, so it holds */
        assert_int_equal(appraise(), BULLA_EVIDENCE_TCB);
    }
}

static void a_guest_of_fewer_rights_than_the_policy_asks_for_is_refused(void **state)
{
    (void)state;
    for (uint8_t highest = 0; highest <= BULLA_SNP_VMPL_LARGEST; highest++)
        for (uint32_t vmpl = 0; vmpl <= BULLA_SNP_VMPL_LARGEST; vmpl++) {
            struct bulla_policy_reference *reference = guest();
            reference->tcb_accepted = 1u << BULLA_TCB_UNKNOWN;
            claims.snp_vmpl = vmpl;
            assert_int_equal(appraise(), BULLA_OK); /* not asked */
            reference->snp_has_vmpl = true;
            reference->snp_vmpl = highest;
            assert_int_equal(appraise(), vmpl <= highest ? BULLA_OK : BULLA_POLICY_STATE);
        }
}

static void another_reference_may_accept_what_the_first_refuses(void **state)
{
    (void)state;
    (void)enclave(BULLA_EVIDENCE_TDX, BULLA_TCB_OUT_OF_DATE);
    assert_int_equal(appraise(), BULLA_EVIDENCE_TCB);
    struct bulla_policy_reference *second = allow("until the update", BULLA_EVIDENCE_TDX);
    must_have(second, "pcr0", 0x10, 48);
    second->tcb_accepted = 1u << BULLA_TCB_OUT_OF_DATE;
    assert_int_equal(appraise(), BULLA_OK);
    assert_string_equal(label, "until the update");
    second->measurements[0].value[0] ^= 1;
    assert_int_equal(appraise(), BULLA_EVIDENCE_TCB); /* the nearer one's refusal, whichever comes last */
    struct bulla_policy_reference *first =
        &policy.references[0]; /* equal in two of three, the second in its only one */
    must_have(first, "pcr1", 0x99, 48);
    second->measurements[0].value[0] ^= 1;
    second->tcb_accepted = 0;
    assert_int_equal(appraise(), BULLA_EVIDENCE_TCB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_accepts_the_pcrs_under_its_mask),
        cmocka_unit_test(any_of_several_states_accepts),
        cmocka_unit_test(a_pcr_that_the_evidence_lacks_is_named),
        cmocka_unit_test(a_policy_without_a_state_accepts_no_tpm),
        cmocka_unit_test(a_reference_accepts_what_is_equal_in_all_that_it_names),
        cmocka_unit_test(the_refusal_says_what_differs_from_the_nearest),
        cmocka_unit_test(a_reference_of_another_kind_accepts_nothing),
        cmocka_unit_test(a_reference_that_names_nothing_accepts_nothing),
        cmocka_unit_test(debugging_and_unpinned_evidence_are_never_accepted),
        cmocka_unit_test(firmware_must_be_current_unless_the_policy_says_otherwise),
        cmocka_unit_test(each_component_of_a_guests_firmware_has_a_least_version),
        cmocka_unit_test(a_guest_of_fewer_rights_than_the_policy_asks_for_is_refused),
        cmocka_unit_test(a_policy_accepts_the_firmware_that_it_names_but_never_revoked),
        cmocka_unit_test(a_reference_that_can_accept_nobody_is_told),
        cmocka_unit_test(zeros_of_a_debug_enclave_are_told),
        cmocka_unit_test(what_may_migrate_is_accepted_only_where_the_policy_says_so),
        cmocka_unit_test(another_reference_may_accept_what_the_first_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
