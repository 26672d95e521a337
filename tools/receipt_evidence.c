/* What the evidence of a receipt bundle says, and whether the receipt says the same. */
#include <stdio.h>
#include <string.h>

#include "crypto/cipher.h"
#include "options.h"
#include "output.h"
#include "pcrs.h"
#include "receipt_examination.h"

static bool is_zero(const uint8_t *bytes, size_t size)
{
    uint8_t all = 0;
    for (size_t i = 0; i < size; i++)
        all |= bytes[i];
    return all == 0;
}

static bool evidence_hash_check(struct bulla_examination *e)
{
    uint8_t digest[32];
    bulla_sha256(e->answer.evidence, digest);
    bool equal = memcmp(digest, e->findings->receipt.attestation_hash, sizeof digest) == 0;
    enum bulla_reason reason =
        equal ? BULLA_OK : bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the receipt names other evidence than is here");
    return bulla_examination_check(e, "evidence hash", reason, "the receipt names this evidence");
}

static bool quote_check(struct bulla_examination *e)
{
    struct bulla_bytes trusted = e->trust->attestation_key;
    struct bulla_receipt_findings *findings = e->findings;
    enum bulla_reason reason = bulla_tpm_evidence_read(e->answer.evidence, &findings->evidence);
    if (reason == BULLA_OK)
        reason = bulla_tpm_evidence_verify(&findings->evidence, trusted, &findings->claims);
    if (!bulla_examination_check(e, "evidence", reason, "a TPM's quote that holds together and verifies"))
        return false;
    findings->pinned = trusted.size > 0;
    if (findings->pinned)
        return bulla_checks_passed(e->checks, "attestation key", "the one that you named");
    bulla_checks_skipped(e->checks, "attestation key",
        "unpinned attestation key: without --attestation-key, any TPM or none could have made this quote");
    return true;
}

static bool report_check(struct bulla_examination *e)
{
    enum bulla_reason reason = bulla_report_read(e->findings->evidence.report, &e->report);
    if (reason == BULLA_OK && e->report.purpose != BULLA_PURPOSE_RECEIPT)
        reason = bulla_refuse(
            BULLA_EVIDENCE_MISMATCH, "the evidence was made for the purpose %s", bulla_purpose_name(e->report.purpose));
    if (reason == BULLA_OK && e->report.public_key.size != 32)
        reason = bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the evidence vouches for no receipt key");
    if (reason == BULLA_OK && e->trust->key.size && !bulla_bytes_equal(e->trust->key, e->report.public_key))
        reason = bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the evidence vouches for another receipt key than you named");
    return bulla_examination_check(e, "receipt key", reason, "the evidence vouches for it, for the purpose receipt");
}

/* The evidence was made by the token that the receipt says it is of. */
static bool token_check(struct bulla_examination *e)
{
    static const struct bulla_bytes prefix = BULLA_TEXT("bulla:");
    struct bulla_bytes issuer = e->findings->receipt.issuer;
    bool same = issuer.size == prefix.size + e->report.token.size &&
                memcmp(issuer.data, prefix.data, prefix.size) == 0 &&
                memcmp(issuer.data + prefix.size, e->report.token.data, e->report.token.size) == 0;
    enum bulla_reason reason =
        same ? BULLA_OK : bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the evidence is another token's than the issuer");
    return bulla_examination_check(e, "token", reason, "the evidence is the issuer's");
}

/* Both name the policy that was in force when the model was opened: the receipt as text, the evidence in its parts. */
static bool policy_version_check(struct bulla_examination *e)
{
    uint8_t digest[32];
    char hex[2 * sizeof digest + 1];
    char expected[64] = "none";
    bulla_sha256(e->report.authority, digest);
    bulla_hex_write(digest, sizeof digest, hex);
    if (e->report.authority.size)
        (void)snprintf(expected, sizeof expected, "%.16s/%llu", hex, (unsigned long long)e->report.policy_version);
    struct bulla_bytes said = e->findings->receipt.policy_version;
    bool none = e->report.policy_version == 0 && bulla_bytes_equal_text(said, "none");
    enum bulla_reason reason =
        none || bulla_bytes_equal_text(said, expected)
            ? BULLA_OK
            : bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the evidence names the policy %s, the receipt another", expected);
    return bulla_examination_check(e, "policy version", reason, "the receipt names the policy that the evidence does");
}

/* Nothing here is measured by the TPM's clock, so one that is not safe is no failure; whoever goes by it must know. */
static void clock_check(struct bulla_examination *e)
{
    if (e->findings->claims.clock_safe)
        (void)bulla_checks_passed(e->checks, "clock", "the TPM vouches that its clock never ran backwards");
    else
        bulla_checks_skipped(
            e->checks, "clock", "since the TPM was last cut off, its clock may show a time that was before");
}

static enum bulla_reason measurement_compare(
    const struct bulla_receipt_measurement *measurement, const struct bulla_tpm_evidence *evidence)
{
    uint64_t pcr = 0;
    char name[sizeof measurement->name + 1] = "";
    memcpy(name, measurement->name, sizeof measurement->name);
    if (strncmp(name, "pcr", 3) != 0 || bulla_number_parse(name + 3, "a PCR", 0, BULLA_PCR_COUNT - 1, &pcr) != BULLA_OK)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the measurement %s is not a PCR", name);
    if (!(evidence->pcr_mask & UINT32_C(1) << pcr) ||
        !bulla_bytes_equal(measurement->value, bulla_tpm_evidence_pcr(evidence, (unsigned)pcr)))
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the receipt's %s is not the quoted one", name);
    return BULLA_OK;
}

static bool measurements_check(struct bulla_examination *e)
{
    const struct bulla_receipt *receipt = &e->findings->receipt;
    enum bulla_reason reason = BULLA_OK;
    char type[sizeof receipt->measurement_type];
    (void)snprintf(type, sizeof type, "tpm-pcr-sha%zu", 8 * bulla_hash_size(e->findings->evidence.bank));
    if (strncmp(receipt->measurement_type, type, sizeof type) != 0)
        reason = bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the receipt's measurements are not those of a quote, %s", type);
    if (reason == BULLA_OK && receipt->measurement_count != (size_t)__builtin_popcount(e->findings->evidence.pcr_mask))
        reason = bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the receipt has %zu PCRs, the quote %d",
            receipt->measurement_count, __builtin_popcount(e->findings->evidence.pcr_mask));
    for (size_t i = 0; reason == BULLA_OK && i < receipt->measurement_count; i++)
        reason = measurement_compare(&receipt->measurements[i], &e->findings->evidence);
    return bulla_examination_check(e, "measurements", reason, "the receipt's PCRs are the quoted ones");
}

/* An allowlist's state names some PCRs: the quote must have quoted them all. */
static bool state_matches(const struct bulla_policy_state *state, const struct bulla_tpm_evidence *evidence)
{
    uint8_t values[BULLA_PCR_COUNT * 32];
    uint8_t digest[32];
    size_t used = 0;
    if (evidence->bank != BULLA_SHA256 || (state->pcr_mask & evidence->pcr_mask) != state->pcr_mask)
        return false;
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++)
        if (state->pcr_mask & UINT32_C(1) << pcr) {
            memcpy(values + used, evidence->values[pcr], 32);
            used += 32;
        }
    bulla_sha256((struct bulla_bytes){values, used}, digest);
    return memcmp(digest, state->pcr_digest, sizeof digest) == 0;
}

/* Anybody can sign a bundle with a key of his own. */
static bool authority_check(struct bulla_examination *e)
{
    struct bulla_bytes named = e->trust->authority;
    if (named.size == 0) {
        bulla_checks_skipped(
            e->checks, "policy's authority", "none named with --authority: anybody could have signed this policy");
        return true;
    }
    bool same = bulla_bytes_equal(named, BULLA_BYTES(e->trust->policy->authority));
    enum bulla_reason reason =
        same ? BULLA_OK : bulla_refuse(BULLA_POLICY_AUTHORITY, "the policy is signed by another than you named");
    return bulla_examination_check(e, "policy's authority", reason, "the one that you named");
}

static bool state_check(struct bulla_examination *e)
{
    const struct bulla_policy *policy = e->trust->policy;
    for (size_t i = 0; i < policy->state_count; i++)
        if (state_matches(&policy->states[i], &e->findings->evidence))
            return bulla_checks_passed(e->checks, "policy", "the quoted state is \"%s\"", policy->states[i].label);
    return bulla_checks_failed(e->checks, "policy",
        bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the quoted state is not one of the %zu on the policy's allowlist",
            policy->state_count));
}

/* Whether there is a quote that holds, and vouches for the key. */
static bool quoted_check(struct bulla_examination *e)
{
    bool named = !is_zero(e->findings->receipt.attestation_hash, sizeof e->findings->receipt.attestation_hash);
    bool wanted = e->trust->attestation_key.size || e->trust->policy;
    if (e->answer.evidence.size == 0 && (named || wanted))
        return bulla_checks_failed(e->checks, "evidence",
            bulla_refuse(BULLA_EVIDENCE_MISMATCH,
                named ? "the receipt names evidence, and there is none" : "unattested: there is no evidence to check"));
    if (e->answer.evidence.size == 0) {
        bulla_checks_skipped(e->checks, "evidence", "unattested: nothing vouches for the machine or the key");
        return false;
    }
    bool good = evidence_hash_check(e);
    good = quote_check(e) && good;
    return good && report_check(e);
}

/* The policy's authority is looked at in any case: it stands on nothing that the receipt says. */
void bulla_receipt_evidence_check(struct bulla_examination *e)
{
    bool quoted = quoted_check(e);
    bool good = quoted;
    if (quoted) {
        e->findings->key = e->report.public_key;
        clock_check(e);
        good = token_check(e);
        good = policy_version_check(e) && good;
        good = measurements_check(e) && good;
    }
    if (e->trust->policy)
        good = authority_check(e) && good;
    if (e->trust->policy && quoted)
        good = state_check(e) && good;
    e->findings->attested = good;
}
