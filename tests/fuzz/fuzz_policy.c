/* Policy bundles: as they are, and as payloads that an authority would have signed, for nothing behind the signature
 * would be reached otherwise (authority_one.h). */
#include "fuzz.h"

#include <string.h>

#include "authority_one.h"
#include "evidence/policy.h"

/* What was read is written again as it stood there: there is one form. */
static void check_grants(const struct bulla_policy *policy)
{
    static struct bulla_grant grants[BULLA_GRANTS_LARGEST];
    static uint8_t again[BULLA_POLICY_LARGEST];
    struct bulla_writer writer;
    size_t count = 0;
    FUZZ_CHECK(policy->restricted || (policy->grants.size == 0 && policy->grant_count == 0));
    if (!policy->restricted)
        return;
    FUZZ_CHECK(bulla_policy_grants(policy, grants, BULLA_GRANTS_LARGEST, &count) == BULLA_OK);
    FUZZ_CHECK(count == policy->grant_count);
    bulla_writer_open(&writer, again, sizeof again);
    FUZZ_CHECK(bulla_policy_grants_write(grants, count, &writer) == BULLA_OK);
    FUZZ_CHECK(bulla_bytes_equal(bulla_writer_bytes(&writer), policy->grants));
}

static void check_references(const struct bulla_policy *policy)
{
    FUZZ_CHECK(policy->reference_count <= BULLA_POLICY_REFERENCES);
    for (size_t i = 0; i < policy->reference_count; i++) {
        const struct bulla_policy_reference *reference = &policy->references[i];
        FUZZ_CHECK(
            bulla_policy_reference_kind(reference->kind) && memchr(reference->label, 0, sizeof reference->label));
        FUZZ_CHECK(reference->measurement_count >= 1 && reference->measurement_count <= BULLA_REFERENCE_MEASUREMENTS);
        FUZZ_CHECK(!(reference->tcb_accepted >> BULLA_TCB_REVOKED));
        FUZZ_CHECK(reference->snp_vmpl <= BULLA_SNP_VMPL_LARGEST);
        FUZZ_CHECK(reference->kind == BULLA_EVIDENCE_SEV_SNP ||
                   (!reference->snp_has_vmpl && !bulla_policy_reference_has_least(reference)));
    }
}

/* The empty claims of every kind are nobody's. */
static void check_appraisal(const struct bulla_policy *policy)
{
    static struct bulla_claims claims;
    char label[64];
    for (unsigned kind = 0; kind <= BULLA_EVIDENCE_KINDS; kind++) {
        claims.kind = (enum bulla_evidence_kind)kind;
        claims.pinned = true;
        FUZZ_CHECK(bulla_appraise(policy, &claims, label) != BULLA_OK);
    }
}

static void check(struct bulla_bytes bundle)
{
    static struct bulla_policy policy;
    static const uint8_t nobody[65] = {4};
    if (bulla_policy_read(bundle, (struct bulla_bytes){NULL, 0}, &policy) != BULLA_OK) {
        FUZZ_CHECK(policy.state_count == 0 && policy.authority[0] == 0);
        return;
    }
    FUZZ_CHECK(policy.state_count + policy.reference_count >= 1 && policy.state_count <= BULLA_POLICY_STATES);
    FUZZ_CHECK(policy.not_after != 0 && policy.not_after >= policy.not_before);
    FUZZ_CHECK(memchr(policy.note, 0, sizeof policy.note) != NULL);
    for (size_t i = 0; i < policy.state_count; i++)
        FUZZ_CHECK(memchr(policy.states[i].label, 0, sizeof policy.states[i].label) && policy.states[i].pcr_mask);
    check_grants(&policy);
    check_references(&policy);
    check_appraisal(&policy);
    FUZZ_CHECK(bulla_policy_document_kind(bundle) == BULLA_DOCUMENT_POLICY);
    FUZZ_CHECK(bulla_policy_read(bundle, BULLA_BYTES(nobody), &policy) == BULLA_POLICY_AUTHORITY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t memory[BULLA_POLICY_LARGEST];
    struct bulla_bytes bytes = {data, size};
    check(bytes);
    if (authority_one_sign(&bytes, memory, sizeof memory))
        check(bytes);
    return 0;
}
