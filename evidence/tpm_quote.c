/* A quote is checked by a table of checks, all of which must pass; the order decides only which reason is given first.
 *
 * The structure's own checks (magic, type, one bank, nothing trailing) are the reader's. A key that is not restricted
 * would sign a structure which somebody made up, so the key's attributes come before its signature; they are the key's
 * own words until its name is the pinned one. */
#include "tpm_quote.h"

#include "crypto/cipher.h"
#include "crypto/es256.h"
#include "tpm_structures.h"

struct quote {
    const struct bulla_tpm_evidence *evidence;
    const uint8_t *trusted_name;
    struct bulla_tpm_attest attest;
    struct bulla_tpm_public key;
    uint8_t key_name[34];
    uint8_t signature[64];
};

static enum bulla_reason key_attests(const struct quote *quote)
{
    const uint32_t needed = BULLA_TPM_FIXED_TPM | BULLA_TPM_FIXED_PARENT | BULLA_TPM_SENSITIVE_DATA_ORIGIN |
                            BULLA_TPM_RESTRICTED | BULLA_TPM_SIGN;
    if ((quote->key.attributes & (needed | BULLA_TPM_DECRYPT)) != needed)
        return bulla_refuse(BULLA_EVIDENCE_UNTRUSTED,
            "the key (attributes %08x) is not a restricted signing key which its TPM made and keeps",
            quote->key.attributes);
    return BULLA_OK;
}

static enum bulla_reason key_is_trusted(const struct quote *quote)
{
    if (quote->trusted_name && memcmp(quote->key_name, quote->trusted_name, sizeof quote->key_name) != 0)
        return bulla_refuse(BULLA_EVIDENCE_UNTRUSTED, "the attestation key is not the one that was pinned");
    return BULLA_OK;
}

static enum bulla_reason signature_verifies(const struct quote *quote)
{
    return bulla_es256_verify(quote->key.point, quote->evidence->attest, quote->signature);
}

/* The name hashes the key's ancestors as well, which a document doesn't carry: only its form can be checked. */
static enum bulla_reason signer_is_named(const struct quote *quote)
{
    struct bulla_bytes name = quote->attest.qualified_signer;
    if (name.size != 34 || memcmp(name.data, quote->key_name, 2) != 0)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the quote's qualified signer is no SHA-256 name");
    return BULLA_OK;
}

static enum bulla_reason report_is_bound(const struct quote *quote)
{
    struct bulla_report report;
    uint8_t digest[32];
    BULLA_TRY(bulla_report_read(quote->evidence->report, &report));
    bulla_report_digest(quote->evidence->report, digest);
    if (!bulla_bytes_equal(quote->attest.extra_data, BULLA_BYTES(digest)))
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the quote was made over another report");
    return BULLA_OK;
}

static enum bulla_reason selection_is_given(const struct quote *quote)
{
    if (quote->attest.pcr_mask == 0 || quote->attest.pcr_mask != quote->evidence->pcr_mask)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the quote is over PCRs %06x, the values are of %06x",
            quote->attest.pcr_mask, quote->evidence->pcr_mask);
    return BULLA_OK;
}

static enum bulla_reason digest_is_of_values(const struct quote *quote)
{
    struct bulla_bytes parts[BULLA_PCR_COUNT];
    size_t count = 0;
    uint8_t digest[32];
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++)
        if (quote->attest.pcr_mask >> pcr & 1)
            parts[count++] = BULLA_BYTES(quote->evidence->pcrs[pcr]);
    bulla_sha256_parts(parts, count, digest);
    if (!bulla_bytes_equal(quote->attest.pcr_digest, BULLA_BYTES(digest)))
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the quote's PCR digest is not that of the values given");
    return BULLA_OK;
}

static enum bulla_reason (*const checks[])(const struct quote *quote) = {
    key_attests,
    key_is_trusted,
    signature_verifies,
    signer_is_named,
    report_is_bound,
    selection_is_given,
    digest_is_of_values,
};

static void claims_of(const struct quote *quote, struct bulla_tpm_claims *claims)
{
    memcpy(claims->key_name, quote->key_name, sizeof claims->key_name);
    memcpy(claims->pcr_digest, quote->attest.pcr_digest.data, sizeof claims->pcr_digest);
    claims->pcr_mask = quote->attest.pcr_mask;
    claims->clock = quote->attest.clock;
    claims->reset_count = quote->attest.reset_count;
    claims->restart_count = quote->attest.restart_count;
    claims->clock_safe = quote->attest.clock_safe;
    claims->firmware = quote->attest.firmware;
}

enum bulla_reason bulla_tpm_evidence_verify(
    const struct bulla_tpm_evidence *evidence, const uint8_t *trusted_name, struct bulla_tpm_claims *claims)
{
    struct quote quote = {.evidence = evidence, .trusted_name = trusted_name};
    *claims = (struct bulla_tpm_claims){.clock = 0};
    BULLA_TRY(bulla_tpm_attest_read(evidence->attest, &quote.attest));
    BULLA_TRY(bulla_tpm_public_read(evidence->key, &quote.key));
    BULLA_TRY(bulla_tpm_signature_read(evidence->signature, quote.signature));
    bulla_tpm_public_name(evidence->key, quote.key_name);
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        BULLA_TRY(checks[i](&quote));
    claims_of(&quote, claims);
    return BULLA_OK;
}
