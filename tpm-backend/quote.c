/* The attestation key and quotes by it.
 *
 *     key blob = u8 version 1 ‖ object (primary.h)
 *
 * A restricted key signs nothing that claims to come from a TPM and does not. It has no auth value: a quote is worth
 * what its report data says, and whoever may use the TPM may have it quote. The values of the PCRs and the quote are
 * two commands; where a PCR is extended between them the digests differ, and both are taken again. */
#include <string.h>
#include <tss2/tss2_mu.h>

#include "pcrs.h"
#include "primary.h"
#include "tpm.h"

enum { VERSION = 1, ATTEMPTS = 4 };

static const TPM2B_PUBLIC key_template = {
    .publicArea =
        {
            .type = TPM2_ALG_ECC,
            .nameAlg = TPM2_ALG_SHA256,
            .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED |
                                TPMA_OBJECT_SIGN_ENCRYPT,
            .parameters.eccDetail =
                {
                    .symmetric.algorithm = TPM2_ALG_NULL,
                    .scheme = {.scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256},
                    .curveID = TPM2_ECC_NIST_P256,
                    .kdf.scheme = TPM2_ALG_NULL,
                },
        },
};

enum bulla_reason bulla_tpm_attestation_key_create(const char *tcti, struct bulla_writer *blob)
{
    static const TPM2B_SENSITIVE_CREATE no_auth;
    struct bulla_tpm_object key;
    BULLA_TPM_BURST struct bulla_tpm_burst burst;
    BULLA_TRY(bulla_tpm_burst_open(&burst, tcti));
    BULLA_TRY(bulla_tpm_object_create(&burst, &no_auth, &key_template, &key));
    bulla_write_u8(blob, VERSION);
    return bulla_tpm_object_write(&key, blob);
}

enum bulla_reason bulla_tpm_attestation_key_read(struct bulla_bytes blob, struct bulla_tpm_object *key)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, blob);
    unsigned version = bulla_read_u8(&reader);
    if (!reader.failed && version != VERSION)
        return bulla_refuse(BULLA_MALFORMED, "an attestation key of version %u", version);
    BULLA_TRY(bulla_tpm_object_read(&reader, key));
    return bulla_reader_finish(&reader, "an attestation key");
}

static enum bulla_reason public_write(const struct bulla_tpm_object *key, struct bulla_writer *public_area)
{
    uint8_t marshalled[sizeof key->public];
    size_t size = 0;
    if (Tss2_MU_TPMT_PUBLIC_Marshal(&key->public.publicArea, marshalled, sizeof marshalled, &size) != TSS2_RC_SUCCESS)
        return bulla_refuse(BULLA_MALFORMED, "an attestation key's public area");
    bulla_write(public_area, marshalled, size);
    return BULLA_OK;
}

enum bulla_reason bulla_tpm_attestation_key_public(
    struct bulla_bytes key_blob, struct bulla_writer *public_area, struct bulla_writer *name)
{
    struct bulla_tpm_object key;
    uint8_t name_bytes[BULLA_TPM_NAME_SIZE];
    BULLA_TRY(bulla_tpm_attestation_key_read(key_blob, &key));
    BULLA_TRY(bulla_tpm_name(&key.public.publicArea, name_bytes));
    bulla_write_bytes(name, BULLA_BYTES(name_bytes));
    return public_write(&key, public_area);
}

/* What a quote consists of, in wire form. */
struct quote {
    TPM2B_ATTEST attest;
    uint8_t signature[sizeof(TPMT_SIGNATURE)];
    size_t signature_size;
    uint8_t values[BULLA_PCR_COUNT][BULLA_HASH_LARGEST];
};

static enum bulla_reason quote_once(struct bulla_tpm_burst *burst, ESYS_TR key, const TPM2B_DATA *qualifying,
    const TPML_PCR_SELECTION *selection, struct quote *quote)
{
    static const TPMT_SIG_SCHEME of_the_key = {.scheme = TPM2_ALG_NULL};
    TPM2B_ATTEST *attest = NULL;
    TPMT_SIGNATURE *signature = NULL;
    BULLA_TRY(bulla_tpm_check(burst,
        Esys_Quote(burst->esys, key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, qualifying, &of_the_key, selection,
            &attest, &signature),
        "quoting"));
    quote->attest = *attest;
    quote->signature_size = 0;
    TSS2_RC code =
        Tss2_MU_TPMT_SIGNATURE_Marshal(signature, quote->signature, sizeof quote->signature, &quote->signature_size);
    Esys_Free(attest);
    Esys_Free(signature);
    return bulla_tpm_check(burst, code, "writing the quote's signature");
}

static bool quote_covers(const struct quote *quote, struct bulla_tpm_selected selected)
{
    TPMS_ATTEST attest;
    uint8_t digest[32];
    size_t used = 0;
    bulla_tpm_pcrs_digest(selected, quote->values, digest);
    if (Tss2_MU_TPMS_ATTEST_Unmarshal(quote->attest.attestationData, quote->attest.size, &used, &attest) !=
            TSS2_RC_SUCCESS ||
        attest.type != TPM2_ST_ATTEST_QUOTE)
        return false;
    const TPM2B_DIGEST *quoted = &attest.attested.quote.pcrDigest;
    return quoted->size == sizeof digest && memcmp(quoted->buffer, digest, sizeof digest) == 0;
}

static enum bulla_reason quote_take(struct bulla_tpm_burst *burst, const struct bulla_tpm_object *object,
    struct bulla_tpm_selected selected, struct bulla_bytes report, struct quote *quote)
{
    ESYS_TR primary = ESYS_TR_NONE, key = ESYS_TR_NONE;
    TPML_PCR_SELECTION selection;
    TPM2B_DATA qualifying = {.size = 32};
    bulla_report_digest(report, qualifying.buffer);
    BULLA_TRY(bulla_tpm_selection(selected, &selection));
    BULLA_TRY(bulla_tpm_primary_pinned(burst, object->primary, &primary));
    BULLA_TRY(bulla_tpm_object_load(burst, primary, object, &key));
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        BULLA_TRY(bulla_tpm_pcrs(burst, selected, quote->values));
        BULLA_TRY(quote_once(burst, key, &qualifying, &selection, quote));
        if (quote_covers(quote, selected))
            return BULLA_OK;
    }
    return bulla_refuse(BULLA_TPM_PCR, "the PCRs change while they are quoted");
}

enum bulla_reason bulla_tpm_quote(const char *tcti, struct bulla_bytes key_blob, struct bulla_tpm_selected selected,
    struct bulla_bytes report, struct bulla_writer *document)
{
    struct bulla_tpm_object key;
    struct quote quote;
    uint8_t public[sizeof key.public];
    struct bulla_writer public_area;
    bulla_writer_open(&public_area, public, sizeof public);
    BULLA_TRY(bulla_tpm_attestation_key_read(key_blob, &key));
    BULLA_TRY(public_write(&key, &public_area));
    {
        BULLA_TPM_BURST struct bulla_tpm_burst burst;
        BULLA_TRY(bulla_tpm_burst_open(&burst, tcti));
        BULLA_TRY(quote_take(&burst, &key, selected, report, &quote));
    }
    struct bulla_tpm_evidence evidence = {
        .attest = {quote.attest.attestationData, quote.attest.size},
        .signature = {quote.signature, quote.signature_size},
        .key = bulla_writer_bytes(&public_area),
        .bank = selected.bank,
        .pcr_mask = selected.mask,
        .report = report,
    };
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++)
        memcpy(evidence.values[pcr], quote.values[pcr], sizeof quote.values[pcr]);
    return bulla_tpm_evidence_write(&evidence, document);
}
