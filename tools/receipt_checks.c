/* The order is that of trust: first what vouches for the receipt's key, then the key's signature, then what the receipt
 * says about request, answer, model and time. A failure does not stop the checks that don't stand on it. */
#include "receipt_checks.h"

#include <string.h>

#include "crypto/cipher.h"
#include "options.h"
#include "output.h"
#include "pcrs.h"

struct examination {
    struct bulla_checks *checks;
    const struct bulla_receipt_trust *trust;
    struct bulla_receipt_findings *findings;
    struct bulla_answer answer;
    struct bulla_bytes request;
    struct bulla_cose_message message;
    struct bulla_report report;
};

static bool is_zero(const uint8_t *bytes, size_t size)
{
    uint8_t all = 0;
    for (size_t i = 0; i < size; i++)
        all |= bytes[i];
    return all == 0;
}

static bool check(struct examination *e, const char *name, enum bulla_reason reason, const char *good)
{
    return reason == BULLA_OK ? bulla_checks_passed(e->checks, name, "%s", good)
                              : bulla_checks_failed(e->checks, name, reason);
}

static bool form_check(struct examination *e, struct bulla_bytes bundle)
{
    struct bulla_bytes answer;
    enum bulla_reason reason = bulla_bundle_read(bundle, &answer, &e->request);
    if (reason == BULLA_OK)
        reason = bulla_answer_read(answer, &e->answer);
    if (!check(e, "bundle", reason, "an answer and its request"))
        return false;
    reason = bulla_receipt_read(e->answer.receipt, &e->findings->receipt, &e->message);
    return check(e, "receipt form", reason, "a receipt that follows its format");
}

/* --- evidence --- */

static bool evidence_hash_check(struct examination *e)
{
    uint8_t digest[32];
    bulla_sha256(e->answer.evidence, digest);
    bool equal = memcmp(digest, e->findings->receipt.attestation_hash, sizeof digest) == 0;
    enum bulla_reason reason =
        equal ? BULLA_OK : bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the receipt names other evidence than is here");
    return check(e, "evidence hash", reason, "the receipt names this evidence");
}

static bool quote_check(struct examination *e)
{
    const uint8_t *trusted = e->trust->attestation_key.size == 34 ? e->trust->attestation_key.data : NULL;
    struct bulla_receipt_findings *findings = e->findings;
    enum bulla_reason reason = bulla_tpm_evidence_read(e->answer.evidence, &findings->evidence);
    if (reason == BULLA_OK)
        reason = bulla_tpm_evidence_verify(&findings->evidence, trusted, &findings->claims);
    if (!check(e, "evidence", reason, "a TPM's quote that holds together and verifies"))
        return false;
    findings->pinned = trusted != NULL;
    if (trusted)
        return bulla_checks_passed(e->checks, "attestation key", "the one that you named");
    bulla_checks_skipped(e->checks, "attestation key",
        "unpinned attestation key: without --attestation-key, any TPM or none could have made this quote");
    return true;
}

static bool report_check(struct examination *e)
{
    enum bulla_reason reason = bulla_report_read(e->findings->evidence.report, &e->report);
    if (reason == BULLA_OK && e->report.purpose != BULLA_PURPOSE_RECEIPT)
        reason = bulla_refuse(
            BULLA_EVIDENCE_MISMATCH, "the evidence was made for the purpose %s", bulla_purpose_name(e->report.purpose));
    if (reason == BULLA_OK && e->report.public_key.size != 32)
        reason = bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the evidence vouches for no receipt key");
    if (reason == BULLA_OK && e->trust->key.size && !bulla_bytes_equal(e->trust->key, e->report.public_key))
        reason = bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the evidence vouches for another receipt key than you named");
    return check(e, "receipt key", reason, "the evidence vouches for it, for the purpose receipt");
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
        !bulla_bytes_equal(measurement->value, (struct bulla_bytes){evidence->pcrs[pcr], 32}))
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the receipt's %s is not the quoted one", name);
    return BULLA_OK;
}

static bool measurements_check(struct examination *e)
{
    const struct bulla_receipt *receipt = &e->findings->receipt;
    enum bulla_reason reason = BULLA_OK;
    if (strcmp(receipt->measurement_type, "tpm-pcr-sha256") != 0)
        reason = bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the receipt's measurements are not a TPM's");
    if (reason == BULLA_OK && receipt->measurement_count != (size_t)__builtin_popcount(e->findings->evidence.pcr_mask))
        reason = bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the receipt has %zu PCRs, the quote %d",
            receipt->measurement_count, __builtin_popcount(e->findings->evidence.pcr_mask));
    for (size_t i = 0; reason == BULLA_OK && i < receipt->measurement_count; i++)
        reason = measurement_compare(&receipt->measurements[i], &e->findings->evidence);
    return check(e, "measurements", reason, "the receipt's PCRs are the quoted ones");
}

/* An allowlist's state names some PCRs: the quote must have quoted them all. */
static bool state_matches(const struct bulla_policy_state *state, const struct bulla_tpm_evidence *evidence)
{
    uint8_t values[BULLA_PCR_COUNT * 32];
    uint8_t digest[32];
    size_t used = 0;
    if ((state->pcr_mask & evidence->pcr_mask) != state->pcr_mask)
        return false;
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++)
        if (state->pcr_mask & UINT32_C(1) << pcr) {
            memcpy(values + used, evidence->pcrs[pcr], 32);
            used += 32;
        }
    bulla_sha256((struct bulla_bytes){values, used}, digest);
    return memcmp(digest, state->pcr_digest, sizeof digest) == 0;
}

/* Anybody can sign a bundle with a key of his own. */
static void authority_check(struct examination *e)
{
    if (e->trust->authority)
        (void)bulla_checks_passed(e->checks, "policy's authority", "the one that you named");
    else
        bulla_checks_skipped(
            e->checks, "policy's authority", "none named with --authority: anybody could have signed this policy");
}

static bool policy_check(struct examination *e)
{
    const struct bulla_policy *policy = e->trust->policy;
    authority_check(e);
    for (size_t i = 0; i < policy->state_count; i++)
        if (state_matches(&policy->states[i], &e->findings->evidence))
            return bulla_checks_passed(e->checks, "policy", "the quoted state is \"%s\"", policy->states[i].label);
    return bulla_checks_failed(e->checks, "policy",
        bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the quoted state is not one of the %zu on the policy's allowlist",
            policy->state_count));
}

static void evidence_check(struct examination *e)
{
    bool named = !is_zero(e->findings->receipt.attestation_hash, sizeof e->findings->receipt.attestation_hash);
    bool wanted = e->trust->attestation_key.size || e->trust->policy;
    if (e->answer.evidence.size == 0 && (named || wanted)) {
        (void)bulla_checks_failed(e->checks, "evidence",
            bulla_refuse(BULLA_EVIDENCE_MISMATCH,
                named ? "the receipt names evidence, and there is none" : "unattested: there is no evidence to check"));
        return;
    }
    if (e->answer.evidence.size == 0) {
        bulla_checks_skipped(e->checks, "evidence", "unattested: nothing vouches for the machine or the key");
        return;
    }
    bool good = evidence_hash_check(e);
    good = quote_check(e) && good;
    good = good && report_check(e);
    if (!good)
        return;
    e->findings->key = e->report.public_key;
    good = measurements_check(e);
    if (e->trust->policy)
        good = policy_check(e) && good;
    e->findings->attested = good;
}

/* --- the receipt's own claims --- */

static void claim_check(
    struct examination *e, const char *name, const struct bulla_receipt_expectation *expectation, const char *good)
{
    struct bulla_receipt again;
    enum bulla_reason reason = bulla_receipt_verify(e->answer.receipt, e->findings->key.data, expectation, &again);
    (void)check(e, name, reason, good);
}

static bool signature_check(struct examination *e)
{
    struct bulla_cose_key key = {BULLA_COSE_EDDSA, e->findings->key};
    if (key.key.size == 0) {
        bulla_output_remedy("name the receipt key with --key; `bulla status` of the token shows it");
        return bulla_checks_failed(e->checks, "signature", bulla_refuse(BULLA_SIGNATURE, "no key to check it with"));
    }
    enum bulla_reason reason = bulla_cose_sign1_verify(&e->message, &key, (struct bulla_bytes){NULL, 0});
    return check(e, "signature", reason, "by the receipt key");
}

static void claims_check(struct examination *e)
{
    const struct bulla_receipt_trust *trust = e->trust;
    const struct bulla_answer *answer = &e->answer;
    claim_check(e, "request",
        &(struct bulla_receipt_expectation){.request = e->request, .request_salt = answer->request_salt},
        "the receipt's hash is this request's");
    claim_check(e, "answer",
        &(struct bulla_receipt_expectation){
            .response = answer->embeddings.encoded, .response_salt = answer->response_salt},
        "the receipt's hash is this answer's");
    if (trust->nonce.size)
        claim_check(e, "nonce", &(struct bulla_receipt_expectation){.nonce = trust->nonce}, "the one that you named");
    else
        bulla_checks_skipped(e->checks, "nonce", "none named with --nonce: the answer may be an old one");
    if (trust->model_hash.size)
        claim_check(
            e, "model", &(struct bulla_receipt_expectation){.model_hash = trust->model_hash}, "the one that you named");
    else
        bulla_checks_skipped(e->checks, "model", "none named with --model-hash");
    if (trust->policy)
        (void)check(e, "policy's dates", bulla_policy_check_time(trust->policy, e->findings->receipt.issued_at),
            "the receipt was issued while the policy was valid");
    if (trust->max_age)
        claim_check(e, "age", &(struct bulla_receipt_expectation){.now = trust->now, .oldest_seconds = trust->max_age},
            "within --max-age");
}

void bulla_receipt_examine(struct bulla_checks *checks, struct bulla_bytes bundle,
    const struct bulla_receipt_trust *trust, struct bulla_receipt_findings *findings)
{
    struct examination e;
    memset(&e, 0, sizeof e);
    memset(findings, 0, sizeof *findings);
    e.checks = checks;
    e.trust = trust;
    e.findings = findings;
    findings->key = trust->key;
    if (!form_check(&e, bundle))
        return;
    evidence_check(&e);
    if (signature_check(&e))
        claims_check(&e);
    else
        findings->attested = false;
}
