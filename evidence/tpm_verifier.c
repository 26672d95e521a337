/* The row of TPM evidence: bulla's own document, whose quote is checked as any other is (tpm_quote.c). A TPM states no
 * time of day; its clock counts milliseconds, and stands among the facts. */
#include <stdio.h>

#include "tpm_quote.h"
#include "tpm_verifier.h"
#include "verifier.h"

/* A map of seven or eight pairs, whose first is 0: "bulla/1 tpm-evidence". */
static bool recognises(struct bulla_bytes document)
{
    static const char format[] = "\x00\x74"
                                 "bulla/1 tpm-evidence";
    return document.size > sizeof format && (document.data[0] == 0xa7 || document.data[0] == 0xa8) &&
           memcmp(document.data + 1, format, sizeof format - 1) == 0;
}

static enum bulla_reason measure(const struct bulla_tpm_evidence *evidence, struct bulla_claims *claims)
{
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++) {
        char name[8];
        if (!(evidence->pcr_mask >> pcr & 1))
            continue;
        (void)snprintf(name, sizeof name, "pcr%u", pcr);
        BULLA_TRY(bulla_claims_measure(claims, name, bulla_tpm_evidence_pcr(evidence, pcr)));
    }
    return BULLA_OK;
}

/* TPM_PT_FIRMWARE_VERSION_1 and _2 as they are, and as makers write them: each half of each in decimal. Outside the
 * endorsement hierarchy a TPM adds a secret number of the key's to it, and who reads it should not take it for more. */
static void tell_firmware(uint64_t version, struct bulla_claims *claims)
{
    bulla_claims_tell(claims, "firmware", "%u.%u.%u.%u (0x%08x 0x%08x), as this key shows it",
        (unsigned)(version >> 48), (unsigned)(version >> 32 & 0xffff), (unsigned)(version >> 16 & 0xffff),
        (unsigned)(version & 0xffff), (unsigned)(version >> 32), (unsigned)(version & UINT32_MAX));
}

static void tell(const struct bulla_tpm_claims *quoted, bool pinned, struct bulla_claims *claims)
{
    char name[2 * BULLA_TPM_NAME_LARGEST + 1] = "";
    for (size_t i = 0; i < quoted->key_name.size; i++)
        (void)snprintf(name + 2 * i, 3, "%02x", quoted->key_name.bytes[i]);
    bulla_claims_tell(claims, "attestation key", "%s%s", name, pinned ? "" : " (unpinned)");
    bulla_claims_tell(claims, "bank", "%s", bulla_hash_name(quoted->bank));
    bulla_claims_tell(claims, "clock", "%llu ms%s", (unsigned long long)quoted->clock,
        quoted->clock_safe ? "" : ", may have gone back (not safe)");
    bulla_claims_tell(claims, "resets", "%u", quoted->reset_count);
    bulla_claims_tell(claims, "restarts", "%u", quoted->restart_count);
    tell_firmware(quoted->firmware, claims);
}

static enum bulla_reason judge(
    const struct bulla_verification *verification, struct bulla_tpm_evidence *evidence, struct bulla_claims *claims)
{
    struct bulla_tpm_claims quoted;
    bool pinned = verification->attestation_key.size > 0;
    BULLA_TRY(bulla_tpm_evidence_read(verification->document, evidence));
    BULLA_TRY(bulla_tpm_evidence_verify(evidence, verification->attestation_key, &quoted));
    claims->kind = BULLA_EVIDENCE_TPM;
    claims->pinned = pinned;
    claims->report_data = quoted.extra_data;
    tell(&quoted, pinned, claims);
    return measure(evidence, claims);
}

static enum bulla_reason verify(const struct bulla_verification *verification, struct bulla_claims *claims)
{
    struct bulla_tpm_evidence evidence;
    memset(claims, 0, sizeof *claims);
    enum bulla_reason reason = judge(verification, &evidence, claims);
    if (reason != BULLA_OK)
        memset(claims, 0, sizeof *claims);
    return reason;
}

const struct bulla_evidence_verifier bulla_tpm_verifier = {
    BULLA_EVIDENCE_TPM, "tpm", "TPM 2.0", false, recognises, verify};
