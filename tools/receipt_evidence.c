/* What the evidence of a receipt bundle says, and whether the receipt says the same. */
#include <stdio.h>
#include <string.h>

#include "crypto/cipher.h"
#include "evidence/receipt_measure.h"
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

static bool evidence_check(struct bulla_examination *e)
{
    struct bulla_verified_evidence *verified = &e->findings->evidence;
    char kind[80];
    enum bulla_reason reason = bulla_evidence_check(e->answer.evidence, &e->trust->evidence, verified);
    if (reason != BULLA_OK)
        return bulla_checks_failed(e->checks, "evidence", reason);
    bulla_evidence_describe(verified, kind, sizeof kind);
    (void)bulla_checks_passed(e->checks, "evidence", "%s that holds together and verifies", kind);
    e->findings->pinned = verified->claims.pinned;
    if (verified->envelope.kind != BULLA_EVIDENCE_TPM)
        return bulla_checks_passed(e->checks, "root", "of its maker, or one that you named");
    if (e->findings->pinned)
        return bulla_checks_passed(e->checks, "attestation key", "the one that you named");
    bulla_checks_skipped(e->checks, "attestation key",
        "unpinned attestation key: without --attestation-key, any TPM or none could have made this quote");
    return true;
}

static bool report_check(struct bulla_examination *e)
{
    static const struct bulla_bytes any = {NULL, 0};
    enum bulla_reason reason = bulla_evidence_bind(
        &e->findings->evidence.claims, e->findings->evidence.envelope.report, BULLA_PURPOSE_RECEIPT, any, &e->report);
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
    if (e->findings->evidence.envelope.kind != BULLA_EVIDENCE_TPM)
        return;
    if (e->findings->evidence.tpm.clock_safe)
        (void)bulla_checks_passed(e->checks, "clock", "the TPM vouches that its clock never ran backwards");
    else
        bulla_checks_skipped(
            e->checks, "clock", "since the TPM was last cut off, its clock may show a time that was before");
}

/* What a receipt over this evidence has to say is worked out, and compared. */
static enum bulla_reason measurements_compare(const struct bulla_receipt *said, const struct bulla_claims *claims)
{
    struct bulla_receipt due;
    BULLA_TRY(bulla_receipt_measure(claims, &due));
    if (strcmp(said->measurement_type, due.measurement_type) != 0)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the receipt's measurements are of the type %s, the evidence's %s",
            said->measurement_type, due.measurement_type);
    if (said->measurement_count != due.measurement_count)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the receipt has %zu measurements, the evidence %zu",
            said->measurement_count, due.measurement_count);
    for (size_t i = 0; i < due.measurement_count; i++)
        if (strcmp(said->measurements[i].name, due.measurements[i].name) != 0 ||
            !bulla_bytes_equal(said->measurements[i].value, due.measurements[i].value))
            return bulla_refuse(
                BULLA_EVIDENCE_MISMATCH, "the receipt's %s is not the evidence's", due.measurements[i].name);
    return BULLA_OK;
}

static bool measurements_check(struct bulla_examination *e)
{
    enum bulla_reason reason = measurements_compare(&e->findings->receipt, &e->findings->evidence.claims);
    return bulla_examination_check(e, "measurements", reason,
        e->findings->evidence.envelope.kind == BULLA_EVIDENCE_TPM ? "the receipt's PCRs are the quoted ones"
                                                                  : "the receipt's are the evidence's");
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

/* An unpinned quote is appraised as what it says it is: the line about its key says what that is worth. */
static bool state_check(struct bulla_examination *e)
{
    char label[64] = "";
    struct bulla_claims claims = e->findings->evidence.claims;
    claims.pinned = true;
    enum bulla_reason reason = bulla_appraise(e->trust->policy, &claims, label);
    if (reason != BULLA_OK)
        return bulla_checks_failed(e->checks, "policy", reason);
    return bulla_checks_passed(e->checks, "policy", "the state is \"%s\"", label);
}

/* Whether there is evidence that holds, and vouches for the key. */
static bool vouched_check(struct bulla_examination *e)
{
    bool named = !is_zero(e->findings->receipt.attestation_hash, sizeof e->findings->receipt.attestation_hash);
    bool wanted = e->trust->evidence.attestation_key.size || e->trust->policy;
    if (e->answer.evidence.size == 0 && (named || wanted))
        return bulla_checks_failed(e->checks, "evidence",
            bulla_refuse(BULLA_EVIDENCE_MISMATCH,
                named ? "the receipt names evidence, and there is none" : "unattested: there is no evidence to check"));
    if (e->answer.evidence.size == 0) {
        bulla_checks_skipped(e->checks, "evidence", "unattested: nothing vouches for the machine or the key");
        return false;
    }
    bool good = evidence_hash_check(e);
    good = evidence_check(e) && good;
    return good && report_check(e);
}

/* The policy's authority is looked at in any case: it stands on nothing that the receipt says. */
void bulla_receipt_evidence_check(struct bulla_examination *e)
{
    bool vouched = vouched_check(e);
    bool good = vouched;
    if (vouched) {
        e->findings->key = e->report.public_key;
        clock_check(e);
        good = token_check(e);
        good = policy_version_check(e) && good;
        good = measurements_check(e) && good;
    }
    if (e->trust->policy)
        good = authority_check(e) && good;
    if (e->trust->policy && vouched)
        good = state_check(e) && good;
    e->findings->attested = good;
}
