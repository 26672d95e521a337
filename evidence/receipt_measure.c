/* A receipt names measurements pcr0, pcr1 … whatever they are: AIR v1 calls TDX's MRTD and RTMRs so, and bulla
 * SEV-SNP's measurement. One table says which is which; the rules of each type are in receipt_claims.c. */
#include "receipt_measure.h"

#include <stdio.h>

#include "intel_quote.h"
#include "nitro.h"
#include "sev_snp.h"
#include "tpm_quote.h"

static const char *const snp_names[BULLA_RECEIPT_PCRS] = {"measurement"};
static const char *const tdx_names[BULLA_RECEIPT_PCRS] = {"mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"};

static const struct words {
    const char *type, *profile;
    size_t value_size;
    uint32_t pcrs;            /* which of them a receipt may name */
    const char *const *names; /* of the claims, by the receipt's PCR; NULL: they are the same */
} words_of_kinds[BULLA_EVIDENCE_KINDS] = {
    [BULLA_EVIDENCE_TPM] = {"tpm-pcr-sha256", BULLA_RECEIPT_PROFILE, 32, 0xffffff, NULL},
    [BULLA_EVIDENCE_NITRO] = {"nitro-pcr", BULLA_RECEIPT_PROFILE_AIR, 48, 0x11f, NULL},
    [BULLA_EVIDENCE_SEV_SNP] = {"snp-measurement", BULLA_RECEIPT_PROFILE, 48, 0x1, snp_names},
    [BULLA_EVIDENCE_TDX] = {"tdx-mrtd-rtmr", BULLA_RECEIPT_PROFILE_AIR, 48, 0x1f, tdx_names},
};

/* A TPM's, where it quoted another bank than usual. */
static const struct words words_of_banks[] = {
    {"tpm-pcr-sha384", BULLA_RECEIPT_PROFILE, 48, 0xffffff, NULL},
    {"tpm-pcr-sha512", BULLA_RECEIPT_PROFILE, 64, 0xffffff, NULL},
};

static const struct words *words_for(const struct bulla_claims *claims)
{
    const struct words *words = (unsigned)claims->kind < BULLA_EVIDENCE_KINDS ? &words_of_kinds[claims->kind] : NULL;
    bool quoted = claims->kind == BULLA_EVIDENCE_TPM && claims->measurement_count > 0;
    for (size_t i = 0; quoted && i < sizeof words_of_banks / sizeof words_of_banks[0]; i++)
        if (claims->measurements[0].size == words_of_banks[i].value_size)
            return &words_of_banks[i];
    return words;
}

enum bulla_reason bulla_receipt_measure(const struct bulla_claims *claims, struct bulla_receipt *receipt)
{
    const struct words *words = words_for(claims);
    receipt->measurement_count = 0;
    if (!words || !words->type)
        return bulla_refuse(BULLA_EVIDENCE_KIND, "a receipt has no words for measurements of this kind");
    (void)snprintf(receipt->measurement_type, sizeof receipt->measurement_type, "%s", words->type);
    receipt->profile = BULLA_TEXT(words->profile);
    receipt->security_mode = BULLA_TEXT("attested");
    for (unsigned i = 0; i < BULLA_RECEIPT_PCRS; i++) {
        struct bulla_receipt_measurement *measurement = &receipt->measurements[receipt->measurement_count];
        (void)snprintf(measurement->name, sizeof measurement->name, "pcr%u", i);
        const char *name = words->names ? words->names[i] : measurement->name;
        const struct bulla_measurement *found = words->pcrs >> i & 1 && name ? bulla_claims_find(claims, name) : NULL;
        if (!found)
            continue;
        if (found->size != words->value_size)
            return bulla_refuse(BULLA_UNSUPPORTED, "a receipt has no words for %s of %u bytes", name, found->size);
        measurement->value = (struct bulla_bytes){found->value, found->size};
        receipt->measurement_count++;
    }
    return BULLA_OK;
}

/* --- by the form alone --- */

static enum bulla_reason measured_by_tpm(struct bulla_bytes document, struct bulla_claims *claims)
{
    struct bulla_tpm_evidence evidence;
    char name[16];
    BULLA_TRY(bulla_tpm_evidence_read(document, &evidence));
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++) {
        if (!(evidence.pcr_mask >> pcr & 1))
            continue;
        (void)snprintf(name, sizeof name, "pcr%u", pcr);
        BULLA_TRY(bulla_claims_measure(claims, name, bulla_tpm_evidence_pcr(&evidence, pcr)));
    }
    return BULLA_OK;
}

static enum bulla_reason measured_by_nitro(struct bulla_bytes document, struct bulla_claims *claims)
{
    struct bulla_cose_message message;
    struct bulla_nitro_payload payload;
    char name[16];
    BULLA_TRY(bulla_cose_sign1_read_foreign(document, "a Nitro document", &message));
    BULLA_TRY(bulla_nitro_payload_read(message.payload, &payload));
    for (unsigned pcr = 0; pcr < BULLA_NITRO_PCRS; pcr++) {
        if (!(payload.pcr_mask >> pcr & 1))
            continue;
        (void)snprintf(name, sizeof name, "pcr%u", pcr);
        BULLA_TRY(bulla_claims_measure(claims, name, payload.pcrs[pcr]));
    }
    return BULLA_OK;
}

static enum bulla_reason measured_by_snp(struct bulla_bytes document, struct bulla_claims *claims)
{
    struct bulla_snp_report report;
    BULLA_TRY(bulla_snp_report_read(document, &report));
    return bulla_claims_measure(claims, "measurement", report.measurement);
}

static enum bulla_reason measured_by_tdx(struct bulla_bytes document, struct bulla_claims *claims)
{
    struct bulla_quote quote;
    char name[16];
    BULLA_TRY(bulla_quote_read(document, &quote));
    if (!quote.is_td)
        return bulla_refuse(BULLA_EVIDENCE_KIND, "the quote is not of a TDX guest");
    BULLA_TRY(bulla_claims_measure(claims, "mrtd", quote.td.mrtd));
    for (unsigned i = 0; i < 4; i++) {
        (void)snprintf(name, sizeof name, "rtmr%u", i);
        BULLA_TRY(bulla_claims_measure(claims, name, quote.td.rtmr[i]));
    }
    return BULLA_OK;
}

static enum bulla_reason (*const measured_by[BULLA_EVIDENCE_KINDS])(struct bulla_bytes, struct bulla_claims *) = {
    [BULLA_EVIDENCE_TPM] = measured_by_tpm,
    [BULLA_EVIDENCE_NITRO] = measured_by_nitro,
    [BULLA_EVIDENCE_SEV_SNP] = measured_by_snp,
    [BULLA_EVIDENCE_TDX] = measured_by_tdx,
};

enum bulla_reason bulla_evidence_measured(const struct bulla_envelope *envelope, struct bulla_claims *claims)
{
    memset(claims, 0, sizeof *claims);
    if ((unsigned)envelope->kind >= BULLA_EVIDENCE_KINDS || !measured_by[envelope->kind])
        return bulla_refuse(BULLA_EVIDENCE_KIND, "the token reads no measurements of this kind");
    claims->kind = envelope->kind;
    enum bulla_reason reason = measured_by[envelope->kind](envelope->document, claims);
    if (reason != BULLA_OK)
        memset(claims, 0, sizeof *claims);
    return reason;
}
