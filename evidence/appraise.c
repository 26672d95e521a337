/* Whether what was measured is what the authority allows.
 *
 * A TPM's values are hashed as the TPM hashes them, under each allowed state's mask. Of enclaves and guests a reference
 * must be equal in all that it names; then come the bits of the platform. Of several references the first that accepts
 * counts, and if none does, the refusal is about the one that was equal in most. */
#include "policy.h"

#include <stdio.h>

#include "crypto/cipher.h"

/* --- a TPM's states --- */

enum { BANK_PCRS = 24 };

/* The digest over the values that the mask selects; the number of a PCR that is not there, or -1. */
static int digest_of(const struct bulla_claims *claims, uint32_t mask, uint8_t digest[static 32])
{
    struct bulla_bytes values[BANK_PCRS];
    size_t count = 0;
    for (int i = 0; i < BANK_PCRS; i++) {
        char name[16];
        if (!(mask >> i & 1))
            continue;
        (void)snprintf(name, sizeof name, "pcr%d", i);
        const struct bulla_measurement *value = bulla_claims_find(claims, name);
        if (!value || value->size != 32)
            return i;
        values[count++] = (struct bulla_bytes){value->value, value->size};
    }
    bulla_sha256_parts(values, count, digest);
    return -1;
}

static enum bulla_reason appraise_tpm(
    const struct bulla_policy *policy, const struct bulla_claims *claims, char label[static 64])
{
    const char *nearest = NULL; /* a state whose PCRs are all there */
    int missing = -1;
    for (size_t i = 0; i < policy->state_count; i++) {
        const struct bulla_policy_state *state = &policy->states[i];
        uint8_t digest[32];
        int absent = digest_of(claims, state->pcr_mask, digest);
        if (state->pcr_mask == 0)
            continue; /* no bundle has such a state; it would be everyone's */
        if (absent >= 0) {
            missing = missing < 0 ? absent : missing;
            continue;
        }
        if (memcmp(digest, state->pcr_digest, sizeof digest) == 0) {
            memcpy(label, state->label, sizeof state->label);
            return BULLA_OK;
        }
        nearest = nearest ? nearest : state->label;
    }
    if (nearest)
        return bulla_refuse(
            BULLA_POLICY_STATE, "the PCRs are those of no allowed state; of '%s' they have another digest", nearest);
    if (missing >= 0)
        return bulla_refuse(
            BULLA_POLICY_STATE, "the evidence lacks PCR %d of SHA-256, which the policy judges", missing);
    return bulla_refuse(BULLA_POLICY_STATE, "the policy allows no state of a TPM");
}

/* --- references --- */

static bool is_equal(const struct bulla_measurement *wanted, const struct bulla_claims *claims)
{
    const struct bulla_measurement *found = bulla_claims_find(claims, wanted->name);
    return found && found->size == wanted->size && memcmp(found->value, wanted->value, wanted->size) == 0;
}

/* How many of a reference's measurements are equal, and the first that is not. */
static size_t equal_in(const struct bulla_policy_reference *reference, const struct bulla_claims *claims,
    const struct bulla_measurement **different)
{
    size_t equal = 0;
    *different = NULL;
    for (size_t i = 0; i < reference->measurement_count; i++)
        if (is_equal(&reference->measurements[i], claims))
            equal++;
        else if (!*different)
            *different = &reference->measurements[i];
    return equal;
}

static enum bulla_reason refuse_different(const struct bulla_policy_reference *reference,
    const struct bulla_measurement *wanted, const struct bulla_claims *claims)
{
    const struct bulla_measurement *found = bulla_claims_find(claims, wanted->name);
    const uint8_t *want = wanted->value;
    if (!found)
        return bulla_refuse(
            BULLA_POLICY_STATE, "the evidence has no %s, which '%s' names", wanted->name, reference->label);
    return bulla_refuse(BULLA_POLICY_STATE, "%s is %02x%02x%02x%02x…, where '%s', the nearest, has %02x%02x%02x%02x…",
        wanted->name, found->value[0], found->value[1], found->value[2], found->value[3], reference->label, want[0],
        want[1], want[2], want[3]);
}

static uint32_t accepted_by(const struct bulla_policy_reference *reference)
{
    static const uint32_t current = 1u << BULLA_TCB_UP_TO_DATE;
    static const uint32_t by_kind[BULLA_EVIDENCE_KINDS] = {
        [BULLA_EVIDENCE_NITRO] = current | 1u << BULLA_TCB_UNKNOWN,
        [BULLA_EVIDENCE_SEV_SNP] = current,
        [BULLA_EVIDENCE_TDX] = current,
        [BULLA_EVIDENCE_SGX] = current,
    };
    if (reference->tcb_accepted)
        return reference->tcb_accepted;
    return by_kind[reference->kind] | (bulla_policy_reference_has_least(reference) ? 1u << BULLA_TCB_UNKNOWN : 0);
}

/* --- what can never be accepted --- */

/* Of Intel's platforms alone somebody states how current their firmware is. */
static bool has_statuses(enum bulla_evidence_kind kind)
{
    return kind == BULLA_EVIDENCE_TDX || kind == BULLA_EVIDENCE_SGX;
}

/* A debug enclave has zeros in PCR 0, 1 and 2, and no other has. */
static bool is_of_debugging(const struct bulla_measurement *measurement)
{
    static const uint8_t zeros[BULLA_MEASUREMENT_LARGEST];
    return (strcmp(measurement->name, "pcr0") == 0 || strcmp(measurement->name, "pcr1") == 0 ||
               strcmp(measurement->name, "pcr2") == 0) &&
           memcmp(measurement->value, zeros, measurement->size) == 0;
}

enum bulla_reason bulla_policy_reference_check(const struct bulla_policy_reference *reference)
{
    const char *kind = bulla_policy_reference_kind(reference->kind);
    if (!kind || reference->measurement_count == 0)
        return bulla_refuse(BULLA_ARGUMENT, "'%s' would accept nobody: it names no measurement", reference->label);
    for (size_t i = 0; reference->kind == BULLA_EVIDENCE_NITRO && i < reference->measurement_count; i++)
        if (is_of_debugging(&reference->measurements[i]))
            return bulla_refuse(BULLA_ARGUMENT, "'%s' would accept nobody: zeros in %s are a debug enclave's",
                reference->label, reference->measurements[i].name);
    if (has_statuses(reference->kind) || accepted_by(reference) & 1u << BULLA_TCB_UNKNOWN)
        return BULLA_OK;
    return bulla_refuse(BULLA_ARGUMENT,
        "'%s' would accept nobody: nothing tells how current the firmware of %s is; accept it by %stcb=unknown",
        reference->label, kind, reference->kind == BULLA_EVIDENCE_SEV_SNP ? "min-COMPONENT=N or " : "");
}

/* --- the platform --- */

static enum bulla_reason judge_snp(const struct bulla_policy_reference *reference, const struct bulla_claims *claims)
{
    for (unsigned i = 0; i < BULLA_SNP_COMPONENTS; i++)
        if (claims->snp_tcb[i] < reference->snp_least[i])
            return bulla_refuse(BULLA_EVIDENCE_TCB, "the reported TCB has %s version %u, and '%s' asks for %u",
                bulla_snp_component_name((enum bulla_snp_component)i), claims->snp_tcb[i], reference->label,
                reference->snp_least[i]);
    if (reference->snp_has_vmpl && claims->snp_vmpl > reference->snp_vmpl)
        return bulla_refuse(BULLA_POLICY_STATE, "the report is by VMPL %u, and '%s' accepts none above %u",
            claims->snp_vmpl, reference->label, reference->snp_vmpl);
    return BULLA_OK;
}

static enum bulla_reason judge_platform(
    const struct bulla_policy_reference *reference, const struct bulla_claims *claims)
{
    if (claims->migratable && !reference->migratable)
        return bulla_refuse(
            BULLA_POLICY_STATE, "it may migrate to another machine, which '%s' does not accept", reference->label);
    if (claims->tcb == BULLA_TCB_REVOKED || !(accepted_by(reference) >> claims->tcb & 1))
        return bulla_refuse(BULLA_EVIDENCE_TCB, "the platform's firmware is %s, which '%s' does not accept",
            bulla_tcb_status_name(claims->tcb), reference->label);
    return claims->kind == BULLA_EVIDENCE_SEV_SNP ? judge_snp(reference, claims) : BULLA_OK;
}

/* The references of the evidence's kind, and what came of them. */
struct search {
    const struct bulla_policy_reference *accepts, *nearest;
    const struct bulla_measurement *differs; /* of the nearest; NULL: nothing, but the platform was refused */
    size_t most;
};

static void consider(
    const struct bulla_policy_reference *reference, const struct bulla_claims *claims, struct search *search)
{
    const struct bulla_measurement *different;
    size_t equal = equal_in(reference, claims, &different);
    bool nearer = !search->nearest || (search->differs && (!different || equal > search->most));
    if (!different && judge_platform(reference, claims) == BULLA_OK)
        search->accepts = reference;
    if (!nearer)
        return;
    search->nearest = reference;
    search->differs = different;
    search->most = equal;
}

static enum bulla_reason appraise_reference(
    const struct bulla_policy *policy, const struct bulla_claims *claims, char label[static 64])
{
    struct search search = {.most = 0};
    for (size_t i = 0; i < policy->reference_count && !search.accepts; i++)
        if (policy->references[i].kind == claims->kind && policy->references[i].measurement_count)
            consider(&policy->references[i], claims, &search);
    if (search.accepts)
        memcpy(label, search.accepts->label, sizeof search.accepts->label);
    if (search.accepts)
        return BULLA_OK;
    if (!search.nearest)
        return bulla_refuse(BULLA_POLICY_STATE, "the policy has no reference for this kind of evidence");
    return search.differs ? refuse_different(search.nearest, search.differs, claims)
                          : judge_platform(search.nearest, claims);
}

enum bulla_reason bulla_appraise(
    const struct bulla_policy *policy, const struct bulla_claims *claims, char label[static 64])
{
    memset(label, 0, 64);
    if (claims->debug)
        return bulla_refuse(BULLA_EVIDENCE_DEBUG, "debugging is on, which no policy accepts");
    if (!claims->pinned)
        return bulla_refuse(BULLA_EVIDENCE_UNTRUSTED, "the evidence is by a key, or under a root, that nobody pinned");
    if (claims->kind == BULLA_EVIDENCE_TPM)
        return appraise_tpm(policy, claims, label);
    if (!bulla_policy_reference_kind(claims->kind) || (unsigned)claims->tcb >= BULLA_TCB_STATUSES)
        return bulla_refuse(BULLA_EVIDENCE_KIND, "evidence of a kind that no policy judges");
    return appraise_reference(policy, claims, label);
}
