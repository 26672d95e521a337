#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "certificates.h"
#include "client.h"
#include "commands.h"
#include "crypto/cipher.h"
#include "evidence_check.h"
#include "file.h"
#include "output.h"
#include "progress.h"

enum { EVIDENCE_LARGEST = 65536 };

struct attest_settings {
    struct bulla_common common;
    struct bulla_hex nonce, attestation_key;
    struct bulla_list roots;
    const char *output, *key, *certificates;
};
struct attested {
    struct bulla_verified_evidence verified;
    struct bulla_report report; /* views into the evidence */
};
#define AT(member) offsetof(struct attest_settings, member)

static const struct bulla_option options[] = {
    {"nonce", 'n', "HEX", "8 to 64 bytes of whoever will verify", BULLA_OPTION_HEX, AT(nonce), 8, 64, true},
    {"output", 'o', "FILE", "where the evidence goes", BULLA_OPTION_OUTPUT, AT(output), 0, 0, true},
    {"attestation-key", 'a', "HEX", "TPM name of the attestation key that you trust, 34 bytes", BULLA_OPTION_HEX,
        AT(attestation_key), 34, 34, false},
    {"key", 'k', "LABEL", "evidence about this private key, which was made in the token", BULLA_OPTION_TEXT, AT(key), 0,
        0, false},
    {"root", 'r', "FILE", "a root that you trust beside those of the enclaves' makers, in PEM or DER; repeatable",
        BULLA_OPTION_LIST, AT(roots), 0, BULLA_EXTRA_ROOTS, false},
    {"certificates", 'c', "FILE", "VCEK, ASK, ARK (PEM or DER), where the machine's host gives none", BULLA_OPTION_TEXT,
        AT(certificates), 0, 0, false},
};

/* The private key that evidence is asked of: the one named, or the token's receipt key. */
static enum bulla_reason key_find(
    struct bulla_client *client, const struct attest_settings *settings, CK_OBJECT_HANDLE *key)
{
    return settings->key ? bulla_client_private_key(client, settings->key, NULL, "private key", key)
                         : bulla_client_receipt_key(client, key);
}

static enum bulla_reason evidence_get(struct bulla_client *client, const struct attest_settings *settings,
    CK_OBJECT_HANDLE key, uint8_t evidence[static EVIDENCE_LARGEST], size_t *size)
{
    CK_MECHANISM mechanism = {CKM_BULLA_ATTEST, NULL, 0};
    CK_ULONG room = EVIDENCE_LARGEST;
    struct bulla_hex nonce = settings->nonce; /* PKCS#11 has no const */
    struct bulla_wait wait;
    bulla_wait_begin(&wait, "waiting for the evidence");
    CK_RV result = client->module->C_SignInit(client->session, &mechanism, key);
    if (result == CKR_OK)
        result = client->module->C_Sign(client->session, nonce.data, nonce.size, evidence, &room);
    bulla_wait_end(&wait);
    BULLA_TRY(bulla_client_check(client, result, "attesting"));
    *size = room;
    return BULLA_OK;
}

/* Evidence about a key names it by the hash of its public half, which the token tells as well. */
static enum bulla_reason key_check(struct bulla_client *client, CK_OBJECT_HANDLE key, const struct bulla_report *report)
{
    uint8_t *info = NULL;
    size_t size = 0;
    uint8_t hash[32];
    BULLA_TRY(bulla_client_attribute(client, key, CKA_PUBLIC_KEY_INFO, &info, &size));
    bulla_sha256((struct bulla_bytes){info, size}, hash);
    free(info);
    bool same = bulla_bytes_equal_text(report->operation, "key") && size > 0 &&
                bulla_bytes_equal(report->public_key, BULLA_BYTES(hash));
    return same ? BULLA_OK : bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the evidence is not about this key");
}

static enum bulla_reason evidence_judge(const struct attest_settings *settings, struct bulla_bytes evidence,
    struct bulla_bytes given, struct attested *attested)
{
    BULLA_CERTIFICATES struct bulla_certificates certificates = {.count = 0};
    BULLA_TRY(bulla_certificates_add_roots(&certificates, &settings->roots));
    const struct bulla_evidence_trust trust = {
        .attestation_key = {settings->attestation_key.data, settings->attestation_key.size},
        .roots = (const uint8_t(*)[32])certificates.pins,
        .root_count = certificates.root_count,
        .endorsements.certificates = given,
        .now = (uint64_t)time(NULL)};
    BULLA_TRY(bulla_evidence_check(evidence, &trust, &attested->verified));
    return bulla_evidence_bind(&attested->verified.claims, attested->verified.envelope.report, BULLA_PURPOSE_ATTEST,
        (struct bulla_bytes){settings->nonce.data, settings->nonce.size}, &attested->report);
}

static enum bulla_reason evidence_verify(
    const struct attest_settings *settings, struct bulla_bytes evidence, struct attested *attested)
{
    uint8_t *data = NULL;
    size_t size = 0;
    if (settings->certificates)
        BULLA_TRY(bulla_file_read(settings->certificates, BULLA_COLLATERAL_LARGEST, &data, &size));
    enum bulla_reason reason = evidence_judge(settings, evidence, (struct bulla_bytes){data, size}, attested);
    free(data);
    return reason;
}

/* PCRs are called by their numbers, as TPMs' users know them; what others measure by its name. */
static json_t *measurements_json(const struct bulla_claims *claims)
{
    json_t *measurements = json_object();
    bool tpm = claims->kind == BULLA_EVIDENCE_TPM;
    for (size_t i = 0; i < claims->measurement_count; i++) {
        const struct bulla_measurement *measurement = &claims->measurements[i];
        char value[2 * BULLA_MEASUREMENT_LARGEST + 1];
        bulla_hex_write(measurement->value, measurement->size, value);
        (void)json_object_set_new(
            measurements, tpm ? measurement->name + strlen("pcr") : measurement->name, json_string(value));
        if (tpm)
            bulla_say("  PCR %-2s  %s\n", measurement->name + strlen("pcr"), value);
        else
            bulla_say("  %-16s %s\n", measurement->name, value);
    }
    return measurements;
}

static void tpm_print(const struct bulla_verified_evidence *verified, json_t *document)
{
    const struct bulla_tpm_claims *tpm = &verified->tpm;
    char name[2 * BULLA_TPM_NAME_LARGEST + 1];
    bulla_hex_write(tpm->key_name.bytes, tpm->key_name.size, name);
    bulla_say("  attestation key  %s", name);
    bulla_say(verified->claims.pinned ? "\n" : BULLA_WARN " (unpinned attestation key)" BULLA_PLAIN "\n");
    bulla_say("  TPM clock        %llu ms, %u reset%s, %u restart%s%s\n", (unsigned long long)tpm->clock,
        tpm->reset_count, bulla_plural(tpm->reset_count), tpm->restart_count, bulla_plural(tpm->restart_count),
        tpm->clock_safe ? "" : ", not safe");
    json_t *own =
        json_pack("{s:s,s:I,s:I,s:I,s:b}", "attestation_key_name", name, "clock", (json_int_t)tpm->clock, "resets",
            (json_int_t)tpm->reset_count, "restarts", (json_int_t)tpm->restart_count, "clock_safe", tpm->clock_safe);
    (void)json_object_update(document, own);
    json_decref(own);
}

static enum bulla_reason attested_print(const struct attest_settings *settings, const struct attested *attested)
{
    const struct bulla_claims *claims = &attested->verified.claims;
    const struct bulla_report *report = &attested->report;
    bool tpm = attested->verified.envelope.kind == BULLA_EVIDENCE_TPM;
    char key[2 * BULLA_HEX_LARGEST + 1] = "", kind[80];
    if (report->public_key.size <= BULLA_HEX_LARGEST)
        bulla_hex_write(report->public_key.data, report->public_key.size, key);
    bulla_evidence_describe(&attested->verified, kind, sizeof kind);
    bulla_say(BULLA_GOOD "verified" BULLA_PLAIN ": %s, purpose attest, your nonce\n", kind);
    bulla_say("  %-16s %s\n", settings->key ? "key (SHA-256)" : "receipt key", key);
    json_t *document = json_pack("{s:s,s:b,s:s,s:I}", "evidence", bulla_evidence_verifiers[claims->kind]->name,
        "pinned", claims->pinned, settings->key ? "key_sha256" : "receipt_key", key, "policy_version",
        (json_int_t)report->policy_version);
    if (tpm)
        tpm_print(&attested->verified, document);
    (void)json_object_set_new(document, tpm ? "pcrs" : "measurements", measurements_json(claims));
    return bulla_output_document(document);
}

/* The evidence is verified before it is written: a file that this command leaves is one that verifies. */
static enum bulla_reason attest(
    struct bulla_client *client, const struct attest_settings *settings, uint8_t evidence[static EVIDENCE_LARGEST])
{
    struct attested attested;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    size_t size = 0;
    BULLA_TRY(key_find(client, settings, &key));
    BULLA_TRY(evidence_get(client, settings, key, evidence, &size));
    BULLA_TRY(evidence_verify(settings, (struct bulla_bytes){evidence, size}, &attested));
    if (settings->key)
        BULLA_TRY(key_check(client, key, &attested.report));
    BULLA_TRY(bulla_file_write(settings->output, 0644, (struct bulla_bytes){evidence, size}));
    return attested_print(settings, &attested);
}

static enum bulla_reason attest_run(const struct bulla_call *call)
{
    struct bulla_client client;
    uint8_t *evidence = malloc(EVIDENCE_LARGEST);
    if (!evidence)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for the evidence");
    enum bulla_reason reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = attest(&client, call->settings, evidence);
    bulla_client_close(&client);
    free(evidence);
    return reason;
}

const struct bulla_command bulla_command_attest = {
    .name = "attest",
    .arguments = "",
    .summary = "Get evidence of the machine's state, or about a key, for a nonce",
    .text =
        "The evidence is a TPM's or an enclave's, as bulla.conf has it, and is verified before it is written. It\n"
        "names the token's receipt key or, with --key, a key that was made in the token and can't leave it. A TPM's\n"
        "quote proves the boot state, not that a process is this one.",
    .examples = "  bulla attest --nonce 00112233445566778899aabbccddeeff -o machine.evidence\n"
                "  bulla attest --nonce 00112233445566778899aabbccddeeff -o key.evidence --key signer\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct attest_settings),
    .run = attest_run,
};
