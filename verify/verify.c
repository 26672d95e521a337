/* The public face of the verifier: it owns copies of what it was given, so that a caller has nothing to keep alive, and
 * keeps the last refusal, which the rooms below keep for a thread. */
#include <bulla_verify.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/certificate.h"
#include "crypto/library.h"
#include "evidence/judgement.h"

#define EXPORTED __attribute__((visibility("default")))

enum { ENDORSEMENTS = 3, KEY_NAME_LARGEST = 66 };

struct copy {
    uint8_t *data;
    size_t size;
};

struct bulla_verifier {
    enum bulla_reason reason;
    char detail[BULLA_DETAIL_SIZE];
    uint8_t roots[BULLA_EXTRA_ROOTS][32];
    size_t root_count;
    uint8_t key[KEY_NAME_LARGEST];
    size_t key_size;
    struct copy endorsements[ENDORSEMENTS];
    struct copy bundle; /* the policy's views point into it */
    struct bulla_policy *policy;
    struct bulla_nonces nonces;
};

struct bulla_verify_result {
    struct bulla_attestation_result judged;
    struct copy evidence; /* the views of `judged` point into it */
    uint8_t nonce[32];
    char *ear;
};

/* Every function's way out. Without a verifier there is nowhere to say why. */
static int settle(struct bulla_verifier *verifier, enum bulla_reason reason)
{
    if (!verifier)
        return -1;
    verifier->reason = reason;
    verifier->detail[0] = '\0';
    if (reason != BULLA_OK)
        memcpy(verifier->detail, bulla_detail(), strlen(bulla_detail()) + 1);
    return reason == BULLA_OK ? 0 : -1;
}

static enum bulla_reason copy_bytes(struct copy *copy, const void *bytes, size_t size, size_t largest)
{
    if (!bytes || size == 0)
        return bulla_refuse(BULLA_ARGUMENT, "nothing was given");
    if (size > largest)
        return bulla_refuse(BULLA_TOO_LARGE, "%zu bytes where %zu are allowed", size, largest);
    uint8_t *data = malloc(size);
    if (!data)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for %zu bytes", size);
    memcpy(data, bytes, size);
    free(copy->data);
    *copy = (struct copy){data, size};
    return BULLA_OK;
}

static struct bulla_bytes view(const struct copy *copy)
{
    return (struct bulla_bytes){copy->data, copy->size};
}

EXPORTED struct bulla_verifier *bulla_verifier_new(void)
{
    bulla_sodium_ready();
    return calloc(1, sizeof(struct bulla_verifier));
}

EXPORTED void bulla_verifier_free(struct bulla_verifier *verifier)
{
    if (!verifier)
        return;
    for (unsigned i = 0; i < ENDORSEMENTS; i++)
        free(verifier->endorsements[i].data);
    free(verifier->bundle.data);
    free(verifier->policy);
    free(verifier);
}

EXPORTED const char *bulla_verifier_code(const struct bulla_verifier *verifier)
{
    return bulla_reason_code(verifier ? verifier->reason : BULLA_ARGUMENT);
}

EXPORTED const char *bulla_verifier_detail(const struct bulla_verifier *verifier)
{
    return verifier ? verifier->detail : "there is no verifier";
}

EXPORTED const char *bulla_verifier_remedy(const struct bulla_verifier *verifier)
{
    return bulla_reason_remedy(verifier ? verifier->reason : BULLA_ARGUMENT);
}

/* --- what is trusted --- */

static enum bulla_reason read_root(struct bulla_bytes bytes, uint8_t fingerprint[static 32])
{
    BULLA_CERTIFICATE struct bulla_certificate *certificate = NULL;
    BULLA_TRY(bulla_certificate_read_one(bytes, "the root", &certificate));
    bulla_certificate_fingerprint(certificate, fingerprint);
    return BULLA_OK;
}

EXPORTED int bulla_verifier_root(struct bulla_verifier *verifier, const void *certificate, size_t size)
{
    if (!verifier || !certificate || size == 0)
        return settle(verifier, bulla_refuse(BULLA_ARGUMENT, "no certificate was given"));
    if (size > BULLA_COLLATERAL_LARGEST)
        return settle(verifier, bulla_refuse(BULLA_TOO_LARGE, "a root of %zu bytes", size));
    if (verifier->root_count == BULLA_EXTRA_ROOTS)
        return settle(verifier, bulla_refuse(BULLA_TOO_LARGE, "at most %d roots are taken", BULLA_EXTRA_ROOTS));
    enum bulla_reason reason =
        read_root((struct bulla_bytes){certificate, size}, verifier->roots[verifier->root_count]);
    if (reason == BULLA_OK)
        verifier->root_count++;
    return settle(verifier, reason);
}

EXPORTED int bulla_verifier_attestation_key(struct bulla_verifier *verifier, const void *name, size_t size)
{
    if (!verifier || !name || size < 34 || size > sizeof verifier->key)
        return settle(
            verifier, bulla_refuse(BULLA_ARGUMENT, "a TPM's name has 34 to %d bytes, not %zu", KEY_NAME_LARGEST, size));
    memcpy(verifier->key, name, size);
    verifier->key_size = size;
    return settle(verifier, BULLA_OK);
}

EXPORTED int bulla_verifier_endorse(
    struct bulla_verifier *verifier, enum bulla_verify_endorsement what, const void *bytes, size_t size)
{
    if (!verifier || (unsigned)what >= ENDORSEMENTS)
        return settle(verifier, bulla_refuse(BULLA_ARGUMENT, "there is no endorsement number %d", (int)what));
    return settle(verifier, copy_bytes(&verifier->endorsements[what], bytes, size, BULLA_COLLATERAL_LARGEST));
}

/* The new bundle takes the old one's place only when it was verified. */
static enum bulla_reason take_policy(
    struct bulla_verifier *verifier, const void *bytes, size_t size, const uint8_t *authority)
{
    struct copy bundle = {NULL, 0};
    struct bulla_policy *policy = calloc(1, sizeof *policy);
    enum bulla_reason reason = policy ? copy_bytes(&bundle, bytes, size, BULLA_POLICY_LARGEST)
                                      : bulla_refuse(BULLA_OUT_OF_MEMORY, "for the policy");
    if (reason == BULLA_OK && !authority)
        reason = bulla_refuse(BULLA_ARGUMENT, "no authority was named");
    if (reason == BULLA_OK)
        reason = bulla_policy_read(view(&bundle), (struct bulla_bytes){authority, 65}, policy);
    if (reason == BULLA_OK) {
        struct copy old = verifier->bundle;
        struct bulla_policy *old_policy = verifier->policy;
        verifier->bundle = bundle;
        verifier->policy = policy;
        bundle = old;
        policy = old_policy;
    }
    free(bundle.data);
    free(policy);
    return reason;
}

EXPORTED int bulla_verifier_policy(
    struct bulla_verifier *verifier, const void *bundle, size_t size, const uint8_t authority[65])
{
    return settle(verifier, verifier ? take_policy(verifier, bundle, size, authority) : BULLA_ARGUMENT);
}

/* --- judging --- */

EXPORTED int bulla_verifier_nonce(struct bulla_verifier *verifier, uint8_t nonce[32])
{
    if (!verifier || !nonce)
        return settle(verifier, bulla_refuse(BULLA_ARGUMENT, "there is no room for the nonce"));
    bulla_nonce_issue(&verifier->nonces, (uint64_t)time(NULL), nonce);
    return settle(verifier, BULLA_OK);
}

static enum bulla_reason ask_purpose(const char *name, struct bulla_judgement *judgement)
{
    judgement->has_purpose = name != NULL;
    if (!name)
        return BULLA_OK;
    judgement->purpose = bulla_purpose_named(BULLA_TEXT(name));
    return judgement->purpose < BULLA_PURPOSE_COUNT ? BULLA_OK
                                                    : bulla_refuse(BULLA_ARGUMENT, "there is no purpose \"%s\"", name);
}

static void ask_trust(const struct bulla_verifier *verifier, struct bulla_judgement *judgement)
{
    judgement->trusted.endorsements.certificates = view(&verifier->endorsements[BULLA_VERIFY_CERTIFICATES]);
    judgement->trusted.endorsements.collateral = view(&verifier->endorsements[BULLA_VERIFY_COLLATERAL]);
    judgement->trusted.endorsements.crls = view(&verifier->endorsements[BULLA_VERIFY_REVOCATIONS]);
    judgement->trusted.roots = verifier->roots;
    judgement->trusted.root_count = verifier->root_count;
    judgement->trusted.attestation_key = (struct bulla_bytes){verifier->key, verifier->key_size};
    judgement->policy = verifier->policy;
}

/* The nonce goes first: whatever else is wrong, it is used up. */
static enum bulla_reason ask(struct bulla_verifier *verifier, const struct bulla_verify_question *question,
    struct bulla_verify_result *result, struct bulla_judgement *judgement)
{
    uint64_t now = (uint64_t)time(NULL);
    if (question->nonce) {
        memcpy(result->nonce, question->nonce, sizeof result->nonce);
        judgement->nonce = BULLA_BYTES(result->nonce);
        BULLA_TRY(bulla_nonce_take(&verifier->nonces, now, judgement->nonce));
    }
    BULLA_TRY(copy_bytes(
        &result->evidence, question->evidence, question->evidence_size, 2UL * BULLA_EVIDENCE_DOCUMENT_LARGEST));
    BULLA_TRY(ask_purpose(question->purpose, judgement));
    judgement->evidence = view(&result->evidence);
    judgement->now = question->at ? question->at : now;
    judgement->oldest = question->oldest;
    ask_trust(verifier, judgement);
    return BULLA_OK;
}

EXPORTED int bulla_verifier_judge(
    struct bulla_verifier *verifier, const struct bulla_verify_question *question, struct bulla_verify_result **result)
{
    struct bulla_judgement judgement = {.now = 0};
    if (result)
        *result = NULL;
    if (!verifier || !question || !result)
        return settle(verifier, bulla_refuse(BULLA_ARGUMENT, "there is no question, or no room for the result"));
    struct bulla_verify_result *made = calloc(1, sizeof *made);
    if (!made)
        return settle(verifier, bulla_refuse(BULLA_OUT_OF_MEMORY, "for the result"));
    enum bulla_reason reason = ask(verifier, question, made, &judgement);
    if (reason != BULLA_OK) {
        bulla_verify_result_free(made);
        return settle(verifier, reason);
    }
    reason = bulla_evidence_judge(&judgement, &made->judged);
    *result = made;
    return settle(verifier, reason);
}

/* --- the result --- */

EXPORTED void bulla_verify_result_free(struct bulla_verify_result *result)
{
    if (!result)
        return;
    free(result->evidence.data);
    free(result->ear);
    free(result);
}

EXPORTED const char *bulla_verify_status(const struct bulla_verify_result *result)
{
    return bulla_trust_tier_name(result ? result->judged.tier : BULLA_TIER_CONTRA);
}

EXPORTED const char *bulla_verify_kind(const struct bulla_verify_result *result)
{
    return bulla_evidence_verifiers[result ? result->judged.kind : BULLA_EVIDENCE_NONE]->name;
}

EXPORTED const char *bulla_verify_ear(struct bulla_verify_result *result)
{
    if (result && !result->ear)
        result->ear = bulla_ear_json(&result->judged, true);
    return result ? result->ear : NULL;
}

EXPORTED size_t bulla_verify_measurement(const struct bulla_verify_result *result, const char *name, uint8_t value[64])
{
    const struct bulla_measurement *measurement =
        result && name ? bulla_claims_find(&result->judged.claims, name) : NULL;
    if (!measurement || !value)
        return 0;
    memcpy(value, measurement->value, measurement->size);
    return measurement->size;
}

/* Of refused evidence nothing is vouched for. */
EXPORTED size_t bulla_verify_public_key(const struct bulla_verify_result *result, uint8_t *key, size_t room)
{
    if (!result || !key || result->judged.reason != BULLA_OK)
        return 0;
    struct bulla_bytes found =
        result->judged.reported ? result->judged.report.public_key : result->judged.claims.public_key;
    if (found.size == 0 || found.size > room)
        return 0;
    memcpy(key, found.data, found.size);
    return found.size;
}
