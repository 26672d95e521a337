/* AIR v1's claims and two profiles over them. A profile names the measurements that may stand under it: AIR's own only
 * what it defines (Nitro, TDX), bulla's only what AIR has no words for. */
#include "receipt_claims.h"

#include <sodium.h>
#include <stdio.h>

#include "plain_text.h"

#define CLAIM(key_, kind_, field, smallest_, largest_, optional_)                                                      \
    {                                                                                                                  \
        .key = (key_), .offset = offsetof(struct bulla_receipt, field), .smallest = (smallest_),                       \
        .largest = (largest_), .kind = BULLA_CLAIM_##kind_, .optional = (optional_)                                    \
    }
const struct bulla_claim bulla_receipt_claims[BULLA_RECEIPT_CLAIMS] = {
    CLAIM(1, TEXT, issuer, 1, 256, false),
    CLAIM(6, NUMBER, issued_at, 0, 0, false),
    CLAIM(7, FIXED, id, 16, 16, false),
    CLAIM(10, BYTES, nonce, 8, 64, true),
    CLAIM(265, TEXT, profile, 1, 128, false),
    CLAIM(-65537, TEXT, model_id, 1, 256, false),
    CLAIM(-65538, TEXT, model_version, 0, 256, false),
    CLAIM(-65539, FIXED, model_hash, 32, 32, false),
    CLAIM(-65540, FIXED, request_hash, 32, 32, false),
    CLAIM(-65541, FIXED, response_hash, 32, 32, false),
    CLAIM(-65542, FIXED, attestation_hash, 32, 32, false),
    CLAIM(-65543, MAP, measurements, 0, 0, false),
    CLAIM(-65544, TEXT, policy_version, 0, 256, false),
    CLAIM(-65545, NUMBER, sequence, 0, 0, false),
    CLAIM(-65546, NUMBER, milliseconds, 0, 0, false),
    CLAIM(-65547, NUMBER, memory_mb, 0, 0, false),
    CLAIM(-65548, TEXT, security_mode, 0, 64, false),
    CLAIM(-65549, TEXT, model_hash_scheme, 1, 32, true),
};
#undef CLAIM

struct measurement_rule {
    const char *type, *profile;
    size_t value_size;
    uint32_t allowed, required; /* masks of PCR indexes */
    size_t least;               /* how many there must be */
};

/* AIR v1's CDDL: pcr0 to pcr2 required; pcr3, pcr4 and, for Nitro, pcr8 optional. */
static const struct measurement_rule measurement_rules[] = {
    {"nitro-pcr", BULLA_RECEIPT_PROFILE_AIR, 48, 0x11f, 0x7, 3},
    {"tdx-mrtd-rtmr", BULLA_RECEIPT_PROFILE_AIR, 48, 0x1f, 0x7, 3},
    {"snp-measurement", BULLA_RECEIPT_PROFILE, 48, 0x1, 0x1, 1},
    {"tpm-pcr-sha256", BULLA_RECEIPT_PROFILE, 32, 0xffffff, 0, 1},
    {"tpm-pcr-sha384", BULLA_RECEIPT_PROFILE, 48, 0xffffff, 0, 1},
    {"tpm-pcr-sha512", BULLA_RECEIPT_PROFILE, 64, 0xffffff, 0, 1},
    {"none", BULLA_RECEIPT_PROFILE, 0, 0, 0, 0},
};
enum { MEASUREMENT_RULES = sizeof measurement_rules / sizeof measurement_rules[0] };

static const char *const hash_schemes[] = {"sha256-single", "sha256-concat", "sha256-manifest"};
enum { HASH_SCHEMES = sizeof hash_schemes / sizeof hash_schemes[0] };

int bulla_receipt_pcr_index(struct bulla_bytes name)
{
    char expected[16];
    for (int i = 0; i < BULLA_RECEIPT_PCRS; i++) {
        (void)snprintf(expected, sizeof expected, "pcr%d", i);
        if (bulla_bytes_equal_text(name, expected))
            return i;
    }
    return -1;
}

static const struct measurement_rule *rule_of(const struct bulla_receipt *receipt)
{
    for (size_t i = 0; i < MEASUREMENT_RULES; i++)
        if (strncmp(receipt->measurement_type, measurement_rules[i].type, sizeof receipt->measurement_type) == 0)
            return &measurement_rules[i];
    return NULL;
}

static enum bulla_reason check_measurements(const struct bulla_receipt *receipt)
{
    const struct measurement_rule *rule = rule_of(receipt);
    uint32_t given = 0;
    if (!rule || !bulla_bytes_equal_text(receipt->profile, rule->profile))
        return bulla_refuse(BULLA_RECEIPT_INVALID, "the profile does not know measurements of type '%.*s'",
            (int)sizeof receipt->measurement_type, receipt->measurement_type);
    for (size_t i = 0; i < receipt->measurement_count; i++) {
        const struct bulla_receipt_measurement *measurement = &receipt->measurements[i];
        struct bulla_bytes name = {
            (const uint8_t *)measurement->name, strnlen(measurement->name, sizeof measurement->name)};
        int index = bulla_receipt_pcr_index(name);
        if (index < 0 || !(rule->allowed >> index & 1) || measurement->value.size != rule->value_size)
            return bulla_refuse(BULLA_RECEIPT_INVALID, "%s has no measurement '%.8s' of %zu bytes", rule->type,
                measurement->name, measurement->value.size);
        given |= UINT32_C(1) << index;
    }
    if ((given & rule->required) != rule->required || receipt->measurement_count < rule->least)
        return bulla_refuse(BULLA_RECEIPT_INVALID, "%s: a required measurement is missing", rule->type);
    return BULLA_OK;
}

/* A model without identity vouches for nothing; a scheme that isn't known says nothing that could be checked. */
static enum bulla_reason check_model_hash(const struct bulla_receipt *receipt)
{
    bool known = receipt->model_hash_scheme.size == 0;
    if (sodium_is_zero(receipt->model_hash, sizeof receipt->model_hash))
        return bulla_refuse(BULLA_RECEIPT_INVALID, "the model's hash is zero");
    for (size_t i = 0; i < HASH_SCHEMES; i++)
        known = known || bulla_bytes_equal_text(receipt->model_hash_scheme, hash_schemes[i]);
    if (!known)
        return bulla_refuse(BULLA_RECEIPT_INVALID, "the scheme of the model's hash is unknown");
    return BULLA_OK;
}

/* What bulla's own profile says more exactly than AIR. */
static enum bulla_reason check_own_profile(const struct bulla_receipt *receipt)
{
    bool attested = bulla_bytes_equal_text(receipt->security_mode, "attested");
    if (!attested && !bulla_bytes_equal_text(receipt->security_mode, "unattested"))
        return bulla_refuse(BULLA_RECEIPT_INVALID, "the security mode is neither attested nor unattested");
    if (attested && (sodium_is_zero(receipt->attestation_hash, 32) || strcmp(receipt->measurement_type, "none") == 0))
        return bulla_refuse(BULLA_RECEIPT_INVALID, "it says attested and names no evidence");
    if (receipt->id[6] >> 4 != 4 || receipt->id[8] >> 6 != 2)
        return bulla_refuse(BULLA_RECEIPT_INVALID, "its id is no UUID of version 4");
    if (!bulla_bytes_equal_text(receipt->model_hash_scheme, "sha256-manifest"))
        return bulla_refuse(BULLA_RECEIPT_INVALID, "the scheme of the model's hash is not sha256-manifest");
    return BULLA_OK;
}

/* Text is for people: what would write to their terminal is refused, as in a policy. */
static enum bulla_reason check_texts(const struct bulla_receipt *receipt)
{
    for (size_t i = 0; i < BULLA_RECEIPT_CLAIMS; i++) {
        const struct bulla_claim *claim = &bulla_receipt_claims[i];
        struct bulla_bytes text = {NULL, 0};
        if (claim->kind == BULLA_CLAIM_TEXT)
            memcpy(&text, (const uint8_t *)receipt + claim->offset, sizeof text);
        if (!bulla_text_is_plain(text))
            return bulla_refuse(
                BULLA_RECEIPT_INVALID, "a control character in the text of claim %lld", (long long)claim->key);
    }
    return BULLA_OK;
}

enum bulla_reason bulla_receipt_check(const struct bulla_receipt *receipt)
{
    BULLA_TRY(check_texts(receipt));
    BULLA_TRY(check_measurements(receipt));
    BULLA_TRY(check_model_hash(receipt));
    return bulla_bytes_equal_text(receipt->profile, BULLA_RECEIPT_PROFILE) ? check_own_profile(receipt) : BULLA_OK;
}
