/* The order is that of trust: first what vouches for the receipt's key, then the key's signature, then what the receipt
 * says about request, answer, model and time. A failure does not stop the checks that don't stand on it. */
#include <string.h>

#include "output.h"
#include "receipt_examination.h"

bool bulla_examination_check(struct bulla_examination *e, const char *name, enum bulla_reason reason, const char *good)
{
    return reason == BULLA_OK ? bulla_checks_passed(e->checks, name, "%s", good)
                              : bulla_checks_failed(e->checks, name, reason);
}

static bool form_check(struct bulla_examination *e, struct bulla_bytes bundle)
{
    struct bulla_bytes answer;
    enum bulla_reason reason = bulla_bundle_read(bundle, &answer, &e->request);
    if (reason == BULLA_OK)
        reason = bulla_answer_read(answer, &e->answer);
    if (!bulla_examination_check(e, "bundle", reason, "an answer and its request"))
        return false;
    reason = bulla_receipt_read(e->answer.receipt, &e->findings->receipt, &e->message);
    return bulla_examination_check(e, "receipt form", reason, "a receipt that follows its format");
}

/* --- the receipt's own claims --- */

static void claim_check(struct bulla_examination *e, const char *name,
    const struct bulla_receipt_expectation *expectation, const char *good)
{
    struct bulla_receipt again;
    enum bulla_reason reason = bulla_receipt_verify(e->answer.receipt, e->findings->key.data, expectation, &again);
    (void)bulla_examination_check(e, name, reason, good);
}

static bool signature_check(struct bulla_examination *e)
{
    struct bulla_cose_key key = {BULLA_COSE_EDDSA, e->findings->key};
    if (key.key.size == 0) {
        bulla_output_remedy("name the receipt key with --key; `bulla status` of the token shows it");
        return bulla_checks_failed(e->checks, "signature", bulla_refuse(BULLA_SIGNATURE, "no key to check it with"));
    }
    enum bulla_reason reason = bulla_cose_sign1_verify(&e->message, &key, (struct bulla_bytes){NULL, 0});
    return bulla_examination_check(e, "signature", reason, "by the receipt key");
}

static void claims_check(struct bulla_examination *e)
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
        (void)bulla_examination_check(e, "policy's dates",
            bulla_policy_check_time(trust->policy, e->findings->receipt.issued_at),
            "the receipt was issued while the policy was valid");
    if (trust->max_age)
        claim_check(e, "age", &(struct bulla_receipt_expectation){.now = trust->now, .oldest_seconds = trust->max_age},
            "within --max-age");
}

void bulla_receipt_examine(struct bulla_checks *checks, struct bulla_bytes bundle,
    const struct bulla_receipt_trust *trust, struct bulla_receipt_findings *findings)
{
    struct bulla_examination e;
    memset(&e, 0, sizeof e);
    memset(findings, 0, sizeof *findings);
    e.checks = checks;
    e.trust = trust;
    e.findings = findings;
    findings->key = trust->key;
    if (!form_check(&e, bundle))
        return;
    bulla_receipt_evidence_check(&e);
    if (signature_check(&e))
        claims_check(&e);
    else
        findings->attested = false;
}
