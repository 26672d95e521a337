#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "commands.h"
#include "evidence/tpm_quote.h"
#include "file.h"
#include "output.h"
#include "pcrs.h"
#include "progress.h"

struct attest_settings {
    struct bulla_common common;
    struct bulla_hex nonce, attestation_key;
    const char *output;
};
#define AT(member) offsetof(struct attest_settings, member)

static const struct bulla_option options[] = {
    {"nonce", 'n', "HEX", "8 to 64 bytes of whoever will verify", BULLA_OPTION_HEX, AT(nonce), 8, 64, true},
    {"output", 'o', "FILE", "where the evidence goes", BULLA_OPTION_TEXT, AT(output), 0, 0, true},
    {"attestation-key", 'a', "HEX", "TPM name of the attestation key that you trust, 34 bytes", BULLA_OPTION_HEX,
        AT(attestation_key), 34, 34, false},
};

static enum bulla_reason quote_get(struct bulla_client *client, const struct attest_settings *settings,
    uint8_t document[static BULLA_EVIDENCE_LARGEST], size_t *size)
{
    CK_MECHANISM mechanism = {CKM_BULLA_ATTEST, NULL, 0};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_ULONG room = BULLA_EVIDENCE_LARGEST;
    struct bulla_hex nonce = settings->nonce; /* PKCS#11 has no const */
    struct bulla_wait wait;
    BULLA_TRY(bulla_client_receipt_key(client, &key));
    bulla_wait_begin(&wait, "waiting for the TPM's quote");
    CK_RV result = client->module->C_SignInit(client->session, &mechanism, key);
    if (result == CKR_OK)
        result = client->module->C_Sign(client->session, nonce.data, nonce.size, document, &room);
    bulla_wait_end(&wait);
    BULLA_TRY(bulla_client_check(client, result, "attesting"));
    *size = room;
    return BULLA_OK;
}

static enum bulla_reason report_check(
    const struct bulla_tpm_evidence *evidence, const struct attest_settings *settings, struct bulla_report *report)
{
    struct bulla_bytes nonce = {settings->nonce.data, settings->nonce.size};
    BULLA_TRY(bulla_report_read(evidence->report, report));
    if (report->purpose != BULLA_PURPOSE_ATTEST)
        return bulla_refuse(
            BULLA_EVIDENCE_MISMATCH, "the evidence was made for the purpose %s", bulla_purpose_name(report->purpose));
    return bulla_bytes_equal(report->nonce, nonce)
               ? BULLA_OK
               : bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the evidence carries another nonce");
}

static json_t *pcrs_json(const struct bulla_tpm_evidence *evidence)
{
    json_t *pcrs = json_object();
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++) {
        char name[4];
        char value[2 * BULLA_HASH_LARGEST + 1];
        if (!(evidence->pcr_mask & UINT32_C(1) << pcr))
            continue;
        (void)snprintf(name, sizeof name, "%u", pcr);
        struct bulla_bytes bytes = bulla_tpm_evidence_pcr(evidence, pcr);
        bulla_hex_write(bytes.data, bytes.size, value);
        (void)json_object_set_new(pcrs, name, json_string(value));
        bulla_say("  PCR %-2u  %s\n", pcr, value);
    }
    return pcrs;
}

static enum bulla_reason claims_print(const struct bulla_tpm_evidence *evidence, const struct bulla_tpm_claims *claims,
    const struct bulla_report *report, bool pinned)
{
    char name[2 * BULLA_TPM_NAME_LARGEST + 1];
    char key[2 * BULLA_HEX_LARGEST + 1] = "";
    char pcrs[64];
    bulla_hex_write(claims->key_name.bytes, claims->key_name.size, name);
    if (report->public_key.size <= BULLA_HEX_LARGEST)
        bulla_hex_write(report->public_key.data, report->public_key.size, key);
    bulla_pcrs_write(claims->pcr_mask, pcrs);
    bulla_say(BULLA_GOOD "verified" BULLA_PLAIN ": purpose attest, your nonce, PCRs %s\n", pcrs);
    bulla_say("  attestation key  %s", name);
    if (!pinned)
        bulla_say(BULLA_WARN " (unpinned attestation key)" BULLA_PLAIN);
    bulla_say("\n");
    bulla_say("  receipt key      %s\n  TPM clock        %llu ms, %u resets, %u restarts%s\n", key,
        (unsigned long long)claims->clock, claims->reset_count, claims->restart_count,
        claims->clock_safe ? "" : ", not safe");
    return bulla_output_document(json_pack("{s:s,s:b,s:s,s:I,s:I,s:I,s:b,s:I,s:o}", "attestation_key_name", name,
        "pinned", pinned, "receipt_key", key, "clock", (json_int_t)claims->clock, "resets",
        (json_int_t)claims->reset_count, "restarts", (json_int_t)claims->restart_count, "clock_safe",
        claims->clock_safe, "policy_version", (json_int_t)report->policy_version, "pcrs", pcrs_json(evidence)));
}

/* The evidence is verified before it is written: a file that this command leaves is one that verifies. */
static enum bulla_reason document_handle(const struct attest_settings *settings, struct bulla_bytes document)
{
    struct bulla_tpm_evidence evidence;
    struct bulla_tpm_claims claims;
    struct bulla_report report;
    bool pinned = settings->attestation_key.size > 0;
    BULLA_TRY(bulla_tpm_evidence_read(document, &evidence));
    BULLA_TRY(bulla_tpm_evidence_verify(
        &evidence, (struct bulla_bytes){settings->attestation_key.data, settings->attestation_key.size}, &claims));
    BULLA_TRY(report_check(&evidence, settings, &report));
    BULLA_TRY(bulla_file_write(settings->output, 0644, document));
    return claims_print(&evidence, &claims, &report, pinned);
}

static enum bulla_reason attest_run(const struct bulla_call *call)
{
    struct bulla_client client;
    uint8_t document[BULLA_EVIDENCE_LARGEST];
    size_t size = 0;
    enum bulla_reason reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = quote_get(&client, call->settings, document, &size);
    if (reason == BULLA_OK)
        reason = document_handle(call->settings, (struct bulla_bytes){document, size});
    bulla_client_close(&client);
    return reason;
}

const struct bulla_command bulla_command_attest = {
    .name = "attest",
    .arguments = "",
    .summary = "Get the TPM's evidence of the machine's state for a nonce",
    .text =
        "The evidence is verified before it is written. A quote proves the boot state, not that a process is this one.",
    .examples = "  bulla attest --nonce 00112233445566778899aabbccddeeff -o machine.evidence\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct attest_settings),
    .run = attest_run,
};
