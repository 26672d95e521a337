/* The steps in their order: what kind it is, whether it verifies, whether it is fresh and bound, whether a policy
 * accepts it. The first that refuses ends it; the vector says how far it came, so that a result that is no yes can be
 * read. */
#include "judgement.h"

#include <stdio.h>

/* AR4SI's values that say more than their tier. What evidence measures is how a machine started, so no policy's yes
 * is more than APPROVED_BOOT. */
enum {
    APPROVED_CONFIGURATION = 2,
    NO_WEAK_CONFIGURATION = 3,
    APPROVED_BOOT = 3,
    UNRECOGNIZED_EXECUTABLES = 33,
    UNSAFE_CONFIGURATION = 96,
    UNRECOGNIZED_INSTANCE = 97,
    VERIFICATION_FAILED = 99,
};

const char *bulla_trust_tier_name(enum bulla_trust_tier tier)
{
    switch (tier) {
    case BULLA_TIER_NONE:
        return "none";
    case BULLA_TIER_AFFIRMING:
        return "affirming";
    case BULLA_TIER_WARNING:
        return "warning";
    case BULLA_TIER_CONTRA:
    default:
        return "contraindicated";
    }
}

/* --- the steps --- */

struct judging {
    const struct bulla_judgement *judgement;
    struct bulla_attestation_result *result;
    struct bulla_envelope envelope;
    bool enveloped;
};

static bool begins_as_envelope(struct bulla_bytes bytes)
{
    struct bulla_cbor map, key, value;
    bool is_map = bulla_cbor_decode(bytes, "evidence", &map) == BULLA_OK && map.kind == BULLA_CBOR_MAP;
    bulla_detail_clear();
    if (!is_map)
        return false;
    struct bulla_cbor_walk walk = bulla_cbor_inside(&map);
    return bulla_cbor_next(&walk, &key) && key.kind == BULLA_CBOR_UINT && key.number == 0 &&
           bulla_cbor_next(&walk, &value) && value.kind == BULLA_CBOR_TSTR;
}

static enum bulla_reason take_apart(struct judging *judging)
{
    struct bulla_bytes evidence = judging->judgement->evidence;
    struct bulla_attestation_result *result = judging->result;
    if (evidence.size > 2 * BULLA_EVIDENCE_DOCUMENT_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "evidence of %zu bytes", evidence.size);
    judging->enveloped = begins_as_envelope(evidence);
    if (judging->enveloped)
        BULLA_TRY(bulla_envelope_read(evidence, &judging->envelope));
    else
        judging->envelope.document = evidence;
    result->kind = bulla_evidence_recognise(judging->envelope.document)->kind;
    return BULLA_OK;
}

/* The attester's own certificates help where the caller named none; they are believed for what they chain to. */
static enum bulla_reason verify(struct judging *judging)
{
    const struct bulla_judgement *judgement = judging->judgement;
    struct bulla_verification verification = judgement->trusted;
    verification.document = judging->envelope.document;
    bool own = judgement->at_its_own_time && bulla_evidence_verifiers[judging->result->kind]->states_time;
    verification.at = own ? 0 : judgement->now;
    if (!verification.endorsements.certificates.size)
        verification.endorsements.certificates = judging->envelope.certificates;
    return bulla_evidence_verify(&verification, &judging->result->claims);
}

/* What anybody could have made is refused, though its claims stay to be looked at. */
static enum bulla_reason check_key(struct judging *judging)
{
    return judging->result->claims.pinned
               ? BULLA_OK
               : bulla_refuse(BULLA_EVIDENCE_UNTRUSTED,
                     "its key is vouched for by nobody that you named: any TPM, or none, could have made it");
}

static enum bulla_reason check_age(struct judging *judging)
{
    const struct bulla_judgement *judgement = judging->judgement;
    uint64_t made = judging->result->claims.made_at, now = judgement->now;
    uint64_t oldest = judgement->oldest ? judgement->oldest : BULLA_AGE_DEFAULT;
    if (judgement->at_its_own_time || made == 0)
        return BULLA_OK;
    if (made > now && made - now > BULLA_CLOCK_SKEW)
        return bulla_refuse(
            BULLA_EVIDENCE_STALE, "the evidence was made %llu s in the future", (unsigned long long)(made - now));
    if (made < now && now - made > oldest)
        return bulla_refuse(BULLA_EVIDENCE_STALE, "the evidence is %llu s old, and may be %llu",
            (unsigned long long)(now - made), (unsigned long long)oldest);
    return BULLA_OK;
}

/* A bare document carries the nonce itself: in a field of its own, or as report data, with zeros behind it. */
static bool carries(const struct bulla_claims *claims, struct bulla_bytes nonce)
{
    uint8_t rest = 0;
    if (claims->nonce.size)
        return bulla_bytes_equal(claims->nonce, nonce);
    if (claims->report_data.size < nonce.size || memcmp(claims->report_data.data, nonce.data, nonce.size) != 0)
        return false;
    for (size_t i = nonce.size; i < claims->report_data.size; i++)
        rest |= claims->report_data.data[i];
    return rest == 0;
}

static enum bulla_reason bind_bare(struct judging *judging)
{
    const struct bulla_judgement *judgement = judging->judgement;
    if (judgement->has_purpose)
        return bulla_refuse(
            BULLA_EVIDENCE_UNBOUND, "the document carries no report: it was made for no purpose of bulla's");
    if (judgement->nonce.size && !carries(&judging->result->claims, judgement->nonce))
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the evidence carries another nonce");
    return BULLA_OK;
}

static enum bulla_reason bind_report(struct judging *judging)
{
    const struct bulla_judgement *judgement = judging->judgement;
    struct bulla_attestation_result *result = judging->result;
    struct bulla_report report;
    BULLA_TRY(bulla_report_read(judging->envelope.report, &report));
    enum bulla_purpose purpose = judgement->has_purpose ? judgement->purpose : report.purpose;
    enum bulla_reason reason =
        bulla_evidence_bind(&result->claims, judging->envelope.report, purpose, judgement->nonce, &report);
    result->reported = reason == BULLA_OK || reason == BULLA_EVIDENCE_MISMATCH; /* bound, if not as was asked for */
    if (result->reported)
        result->report = report;
    return reason;
}

static enum bulla_reason bind(struct judging *judging)
{
    BULLA_TRY(judging->enveloped ? bind_report(judging) : bind_bare(judging));
    judging->result->nonce = judging->judgement->nonce;
    return BULLA_OK;
}

static enum bulla_reason appraise(struct judging *judging)
{
    const struct bulla_policy *policy = judging->judgement->policy;
    struct bulla_attestation_result *result = judging->result;
    if (!policy)
        return BULLA_OK;
    BULLA_TRY(bulla_policy_check_time(policy, judging->judgement->now));
    BULLA_TRY(bulla_appraise(policy, &result->claims, result->label));
    result->appraised = true;
    return BULLA_OK;
}

static enum bulla_reason (*const steps[])(struct judging *judging) = {
    take_apart, verify, check_key, check_age, bind, appraise};

/* --- the vector --- */

static int8_t hardware_of(enum bulla_tcb_status tcb)
{
    static const int8_t claims[BULLA_TCB_STATUSES] = {
        [BULLA_TCB_UNKNOWN] = BULLA_TIER_AFFIRMING, /* genuine, by its chain; of its age nothing is known */
        [BULLA_TCB_UP_TO_DATE] = BULLA_TIER_AFFIRMING,
        [BULLA_TCB_CONFIGURATION_NEEDED] = BULLA_TIER_WARNING,
        [BULLA_TCB_OUT_OF_DATE] = BULLA_TIER_WARNING,
        [BULLA_TCB_REVOKED] = BULLA_TIER_CONTRA,
    };
    return (unsigned)tcb < BULLA_TCB_STATUSES ? claims[tcb] : BULLA_TIER_CONTRA;
}

static int8_t configuration_of(const struct bulla_attestation_result *result)
{
    if (result->claims.debug)
        return UNSAFE_CONFIGURATION;
    if (result->claims.migratable)
        return BULLA_TIER_WARNING;
    return result->appraised ? APPROVED_CONFIGURATION : NO_WEAK_CONFIGURATION;
}

static void fill_vector(struct bulla_attestation_result *result)
{
    const struct bulla_claims *claims = &result->claims;
    if (result->reason == BULLA_EVIDENCE_DEBUG) { /* the refusal says this, and nothing else is believed */
        result->vector[BULLA_TRUST_CONFIGURATION] = UNSAFE_CONFIGURATION;
        return;
    }
    if (claims->kind == BULLA_EVIDENCE_NONE) { /* nothing verified: nothing is known */
        for (unsigned i = 0; i < BULLA_TRUST_CLAIMS; i++)
            result->vector[i] = VERIFICATION_FAILED;
        return;
    }
    result->vector[BULLA_TRUST_INSTANCE_IDENTITY] = claims->pinned ? BULLA_TIER_AFFIRMING : UNRECOGNIZED_INSTANCE;
    result->vector[BULLA_TRUST_CONFIGURATION] = configuration_of(result);
    result->vector[BULLA_TRUST_HARDWARE] = claims->pinned ? hardware_of(claims->tcb) : 0;
    if (result->appraised)
        result->vector[BULLA_TRUST_EXECUTABLES] = APPROVED_BOOT;
    else if (result->reason == BULLA_POLICY_STATE)
        result->vector[BULLA_TRUST_EXECUTABLES] = UNRECOGNIZED_EXECUTABLES;
}

static enum bulla_trust_tier tier_of_claim(int8_t claim)
{
    if (claim == 0)
        return BULLA_TIER_NONE;
    if (claim < BULLA_TIER_WARNING)
        return BULLA_TIER_AFFIRMING;
    return claim < BULLA_TIER_CONTRA ? BULLA_TIER_WARNING : BULLA_TIER_CONTRA;
}

/* The worst of the vector; but what no policy looked at is not affirmed. */
static enum bulla_trust_tier tier_of(const struct bulla_attestation_result *result)
{
    enum bulla_trust_tier worst = BULLA_TIER_NONE;
    if (result->reason != BULLA_OK)
        return BULLA_TIER_CONTRA;
    for (unsigned i = 0; i < BULLA_TRUST_CLAIMS; i++) {
        enum bulla_trust_tier tier = tier_of_claim(result->vector[i]);
        worst = tier > worst ? tier : worst;
    }
    return worst == BULLA_TIER_AFFIRMING && !result->appraised ? BULLA_TIER_NONE : worst;
}

enum bulla_reason bulla_evidence_judge(const struct bulla_judgement *judgement, struct bulla_attestation_result *result)
{
    struct judging judging = {.judgement = judgement, .result = result};
    memset(result, 0, sizeof *result);
    result->judged_at = judgement->now;
    result->has_policy = judgement->policy != NULL;
    if (judgement->policy) {
        memcpy(result->authority, judgement->policy->authority, sizeof result->authority);
        result->policy_version = judgement->policy->version;
        result->policy_epoch = judgement->policy->epoch;
    }
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && result->reason == BULLA_OK; i++)
        result->reason = steps[i](&judging);
    if (result->reason != BULLA_OK)
        (void)snprintf(result->detail, sizeof result->detail, "%s", bulla_detail());
    fill_vector(result);
    result->tier = tier_of(result);
    return result->reason;
}
