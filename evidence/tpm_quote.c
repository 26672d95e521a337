/* A quote is checked by a table of checks, all of which must pass; the order decides only which reason is given first.
 *
 * The structure's own checks (magic, type, one bank, nothing trailing) are the reader's. A key that is not restricted
 * would sign a structure which somebody made up, so the key's attributes come before its signature; they are the key's
 * own words until its name is the pinned one. */
#include "tpm_quote.h"

struct judged {
    const struct bulla_tpm_quote *quote;
    struct bulla_bytes trusted_name;
    struct bulla_tpm_attest attest;
    struct bulla_tpm_public key;
    struct bulla_tpm_name key_name;
    struct bulla_tpm_signature signature;
};

static enum bulla_reason key_attests(const struct judged *judged)
{
    return bulla_tpm_public_attests(&judged->key);
}

static enum bulla_reason key_is_trusted(const struct judged *judged)
{
    if (judged->trusted_name.size > 0 &&
        !bulla_bytes_equal(judged->trusted_name, bulla_tpm_name_bytes(&judged->key_name)))
        return bulla_refuse(BULLA_EVIDENCE_UNTRUSTED, "the attestation key is not the one that was pinned");
    return BULLA_OK;
}

static enum bulla_reason signature_verifies(const struct judged *judged)
{
    struct bulla_public_key key = bulla_tpm_public_key(&judged->key);
    return bulla_signature_verify(&key, &judged->signature.signature, judged->quote->attest);
}

/* A qualified name hashes the key's ancestors as well, which a quote doesn't carry: only its form can be checked, which
 * is that of the key's own name. */
static enum bulla_reason signer_is_named(const struct judged *judged)
{
    struct bulla_bytes name = judged->attest.qualified_signer;
    if (name.size != judged->key_name.size || memcmp(name.data, judged->key_name.bytes, 2) != 0)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the quote's qualified signer is no %s name",
            bulla_hash_name(judged->key.name_hash));
    return BULLA_OK;
}

static enum bulla_reason nonce_is_signed(const struct judged *judged)
{
    if (!bulla_bytes_equal(judged->attest.extra_data, judged->quote->nonce))
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the quote was made over another report or nonce");
    return BULLA_OK;
}

static enum bulla_reason selection_is_given(const struct judged *judged)
{
    const struct bulla_tpm_attest *attest = &judged->attest;
    if (attest->bank != judged->quote->bank)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the quote is over the %s bank, the values are of the %s bank",
            bulla_hash_name(attest->bank), bulla_hash_name(judged->quote->bank));
    if (attest->pcr_mask == 0 || attest->pcr_mask != judged->quote->pcr_mask)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the quote is over PCRs %06x, the values are of %06x",
            attest->pcr_mask, judged->quote->pcr_mask);
    return BULLA_OK;
}

static enum bulla_reason bank_is_strong(const struct judged *judged)
{
    if (judged->attest.bank == BULLA_SHA1)
        return bulla_refuse(BULLA_UNSUPPORTED, "a quote over the SHA-1 bank proves nothing: SHA-1 is broken");
    return BULLA_OK;
}

/* The digest is by the hash of the key's scheme (Part 3, TPM2_Quote), whatever the bank's is. */
static enum bulla_reason digest_is_of_values(const struct judged *judged)
{
    struct bulla_bytes parts[BULLA_PCR_COUNT];
    size_t count = 0, size = bulla_hash_size(judged->attest.bank);
    uint8_t digest[BULLA_HASH_LARGEST];
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++)
        if (judged->attest.pcr_mask >> pcr & 1)
            parts[count++] = (struct bulla_bytes){judged->quote->values[pcr], size};
    BULLA_TRY(bulla_hash_parts(judged->key.scheme_hash, parts, count, digest));
    if (!bulla_bytes_equal(
            judged->attest.pcr_digest, (struct bulla_bytes){digest, bulla_hash_size(judged->key.scheme_hash)}))
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the quote's PCR digest is not that of the values given");
    return BULLA_OK;
}

static enum bulla_reason (*const checks[])(const struct judged *judged) = {
    key_attests,
    key_is_trusted,
    signature_verifies,
    signer_is_named,
    nonce_is_signed,
    selection_is_given,
    bank_is_strong,
    digest_is_of_values,
};

static void claims_of(const struct judged *judged, struct bulla_tpm_claims *claims)
{
    const struct bulla_tpm_attest *attest = &judged->attest;
    claims->key_name = judged->key_name;
    claims->bank = attest->bank;
    claims->pcr_mask = attest->pcr_mask;
    claims->extra_data = attest->extra_data;
    claims->clock = attest->clock;
    claims->reset_count = attest->reset_count;
    claims->restart_count = attest->restart_count;
    claims->clock_safe = attest->clock_safe;
    claims->firmware = attest->firmware;
}

enum bulla_reason bulla_tpm_quote_verify(
    const struct bulla_tpm_quote *quote, struct bulla_bytes trusted_name, struct bulla_tpm_claims *claims)
{
    struct judged judged = {.quote = quote, .trusted_name = trusted_name};
    struct bulla_bytes area = bulla_tpm_public_area(quote->key);
    *claims = (struct bulla_tpm_claims){.clock = 0};
    BULLA_TRY(bulla_tpm_attest_read(quote->attest, &judged.attest));
    BULLA_TRY(bulla_tpm_public_read(area, &judged.key));
    BULLA_TRY(bulla_tpm_signature_read(quote->signature, &judged.key, &judged.signature));
    BULLA_TRY(bulla_tpm_public_name(area, &judged.key_name));
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        BULLA_TRY(checks[i](&judged));
    claims_of(&judged, claims);
    return BULLA_OK;
}

enum bulla_reason bulla_tpm_evidence_verify(
    const struct bulla_tpm_evidence *evidence, struct bulla_bytes trusted_name, struct bulla_tpm_claims *claims)
{
    struct bulla_report report;
    uint8_t digest[32];
    *claims = (struct bulla_tpm_claims){.clock = 0};
    if (bulla_tpm_public_area(evidence->key).size != evidence->key.size) /* the document has one form */
        return bulla_refuse(BULLA_MALFORMED, "TPM evidence: its key is a TPM2B_PUBLIC, not a TPMT_PUBLIC");
    BULLA_TRY(bulla_report_read(evidence->report, &report));
    bulla_report_digest(evidence->report, digest);
    const struct bulla_tpm_quote quote = {
        .attest = evidence->attest,
        .signature = evidence->signature,
        .key = evidence->key,
        .bank = evidence->bank,
        .pcr_mask = evidence->pcr_mask,
        .values = evidence->values,
        .nonce = BULLA_BYTES(digest),
    };
    return bulla_tpm_quote_verify(&quote, trusted_name, claims);
}
