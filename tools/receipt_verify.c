#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "authority.h"
#include "certificates.h"
#include "commands.h"
#include "file.h"
#include "output.h"
#include "receipt_checks.h"

struct verify_settings {
    struct bulla_common common;
    struct bulla_hex key, attestation_key, nonce, model_hash;
    uint64_t max_age;
    const char *policy, *authority, *certificates, *collateral;
    struct bulla_list roots;
};
#define AT(member) offsetof(struct verify_settings, member)

static const struct bulla_option options[] = {
    {"key", 'k', "HEX", "the token's receipt key, 32 bytes", BULLA_OPTION_HEX, AT(key), 32, 32, false},
    {"attestation-key", 'a', "HEX", "TPM name of the attestation key that you trust, 34 bytes", BULLA_OPTION_HEX,
        AT(attestation_key), 34, 34, false},
    {"nonce", 'n', "HEX", "the nonce that the request carried", BULLA_OPTION_HEX, AT(nonce), 8, 64, false},
    {"model-hash", 0, "HEX", "SHA-256 of the model's manifest", BULLA_OPTION_HEX, AT(model_hash), 32, 32, false},
    {"max-age", 0, "SECONDS", "refuse a receipt that is older", BULLA_OPTION_NUMBER, AT(max_age), 1, 0, false},
    {"policy", 'p', "FILE", "a policy bundle: the quoted state must be on its allowlist", BULLA_OPTION_TEXT, AT(policy),
        0, 0, false},
    {"root", 'r', "FILE", "a root that you trust beside those of the enclaves' makers, in PEM or DER; repeatable",
        BULLA_OPTION_LIST, AT(roots), 0, BULLA_EXTRA_ROOTS, false},
    {"certificates", 'c', "FILE", "VCEK, ASK, ARK (PEM or DER), where the evidence brings none", BULLA_OPTION_TEXT,
        AT(certificates), 0, 0, false},
    {"collateral", 0, "FILE", "Intel's TCB information (JSON)", BULLA_OPTION_TEXT, AT(collateral), 0, 0, false},
    {"authority", 0, "KEY", "the authority that must have signed the policy", BULLA_OPTION_TEXT, AT(authority), 0, 0,
        false},
};

static struct bulla_bytes hex_view(const struct bulla_hex *hex)
{
    return (struct bulla_bytes){hex->data, hex->size};
}

static enum bulla_reason policy_get(const struct verify_settings *settings, struct bulla_policy *policy)
{
    const struct bulla_bytes any = {NULL, 0}; /* whose it is, is a check of its own */
    uint8_t *data = NULL;
    size_t size = 0;
    BULLA_TRY(bulla_file_read(settings->policy, BULLA_POLICY_LARGEST, &data, &size));
    enum bulla_reason reason = bulla_policy_read((struct bulla_bytes){data, size}, any, policy);
    free(data);
    return reason;
}

/* A file that helps to check evidence; nothing where none is named. */
static enum bulla_reason part_get(const char *path, uint8_t **data, struct bulla_bytes *part)
{
    size_t size = 0;
    if (path)
        BULLA_TRY(bulla_file_read(path, BULLA_COLLATERAL_LARGEST, data, &size));
    *part = (struct bulla_bytes){*data, size};
    return BULLA_OK;
}

static json_t *findings_json(const struct bulla_receipt_findings *findings)
{
    char key[65] = "";
    char name[2 * BULLA_TPM_NAME_LARGEST + 1] = "";
    if (findings->key.size == 32)
        bulla_hex_write(findings->key.data, 32, key);
    bulla_hex_write(findings->evidence.tpm.key_name.bytes, findings->evidence.tpm.key_name.size, name);
    const struct bulla_receipt *receipt = &findings->receipt;
    return json_pack("{s:s%,s:s%,s:I,s:I,s:s,s:s,s:s,s:b,s:b,s:b}", "issuer", (const char *)receipt->issuer.data,
        receipt->issuer.size, "model", (const char *)receipt->model_id.data, receipt->model_id.size, "issued_at",
        (json_int_t)receipt->issued_at, "sequence", (json_int_t)receipt->sequence, "receipt_key", key, "evidence",
        bulla_evidence_verifiers[findings->evidence.claims.kind]->name, "attestation_key_name",
        findings->attested ? name : "", "attested", findings->attested, "pinned",
        findings->pinned && findings->attested, "clock_safe", findings->attested && findings->evidence.tpm.clock_safe);
}

static void findings_say(const struct bulla_receipt_findings *findings)
{
    const struct bulla_receipt *receipt = &findings->receipt;
    char when[32] = "";
    time_t seconds = (time_t)receipt->issued_at;
    struct tm parts;
    if (gmtime_r(&seconds, &parts))
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
    bulla_say("\nissued by %.*s at %s, number %llu, model %.*s, policy %.*s\n", (int)receipt->issuer.size,
        (const char *)receipt->issuer.data, when, (unsigned long long)receipt->sequence, (int)receipt->model_id.size,
        (const char *)receipt->model_id.data, (int)receipt->policy_version.size,
        (const char *)receipt->policy_version.data);
    if (!findings->attested)
        bulla_say(BULLA_WARN "unattested" BULLA_PLAIN ": the signature is the token's, and nothing vouches for the "
                             "machine's state\n");
    else if (findings->evidence.claims.kind != BULLA_EVIDENCE_TPM)
        bulla_say(BULLA_GOOD "attested" BULLA_PLAIN " by %s\n",
            bulla_evidence_verifiers[findings->evidence.claims.kind]->people);
    else if (!findings->pinned)
        bulla_say(BULLA_WARN "attested by an unpinned attestation key" BULLA_PLAIN "\n");
    else
        bulla_say(BULLA_GOOD "attested" BULLA_PLAIN " by the attestation key that you named\n");
}

static enum bulla_reason findings_print(struct bulla_checks *checks, const struct bulla_receipt_findings *findings)
{
    bool valid = checks->failed == BULLA_OK;
    if (valid)
        findings_say(findings);
    json_t *document = json_pack("{s:b,s:O,s:o}", "valid", valid, "checks", checks->rows, "receipt",
        valid ? findings_json(findings) : json_null());
    BULLA_TRY(bulla_output_document(document));
    return bulla_checks_result(checks);
}

static enum bulla_reason bundle_verify(const struct verify_settings *settings, struct bulla_bytes bundle,
    const struct bulla_policy *policy, const struct bulla_endorsements *endorsements,
    struct bulla_receipt_findings *findings)
{
    struct bulla_checks checks;
    uint8_t authority[BULLA_AUTHORITY_SIZE];
    BULLA_CERTIFICATES struct bulla_certificates certificates = {.count = 0};
    struct bulla_receipt_trust trust = {.key = hex_view(&settings->key),
        .evidence.attestation_key = hex_view(&settings->attestation_key),
        .evidence.endorsements = *endorsements,
        .nonce = hex_view(&settings->nonce),
        .model_hash = hex_view(&settings->model_hash),
        .max_age = settings->max_age,
        .now = (uint64_t)time(NULL),
        .policy = policy};
    if (settings->authority) {
        BULLA_TRY(bulla_authority_public(settings->authority, authority));
        trust.authority = BULLA_BYTES(authority);
    }
    BULLA_TRY(bulla_certificates_add_roots(&certificates, &settings->roots));
    trust.evidence.roots = (const uint8_t(*)[32])certificates.pins;
    trust.evidence.root_count = certificates.root_count;
    trust.evidence.now = trust.now;
    BULLA_TRY(bulla_checks_open(&checks));
    bulla_receipt_examine(&checks, bundle, &trust, findings);
    enum bulla_reason reason = findings_print(&checks, findings);
    bulla_checks_close(&checks);
    return reason;
}

static enum bulla_reason verify_run(const struct bulla_call *call)
{
    const struct verify_settings *settings = call->settings;
    struct bulla_policy *policy = calloc(1, sizeof *policy);
    struct bulla_receipt_findings *findings = calloc(1, sizeof *findings);
    uint8_t *data = NULL, *certificates = NULL, *collateral = NULL;
    struct bulla_endorsements endorsements = {.certificates = {NULL, 0}};
    size_t size = 0;
    enum bulla_reason reason = BULLA_OK;
    if (!policy || !findings) {
        reason = bulla_refuse(BULLA_OUT_OF_MEMORY, "for the receipt");
        goto done;
    }
    if (settings->policy)
        reason = policy_get(settings, policy);
    if (reason == BULLA_OK)
        reason = part_get(settings->certificates, &certificates, &endorsements.certificates);
    if (reason == BULLA_OK)
        reason = part_get(settings->collateral, &collateral, &endorsements.collateral);
    if (reason == BULLA_OK)
        reason = bulla_file_read(call->arguments[0], BULLA_BUNDLE_LARGEST, &data, &size);
    if (reason == BULLA_OK)
        reason = bundle_verify(
            settings, (struct bulla_bytes){data, size}, settings->policy ? policy : NULL, &endorsements, findings);
done:
    free(certificates);
    free(collateral);
    free(findings);
    free(policy);
    bulla_file_free(data, size); /* texts, answer and salts */
    return reason;
}

const struct bulla_command bulla_command_receipt_verify = {
    .name = "receipt verify",
    .arguments = "FILE",
    .summary = "Check a receipt, its request and answer, and the evidence behind it",
    .text =
        "FILE is a bundle that `bulla infer --receipt` wrote. Each line says what was checked. Without evidence the\n"
        "receipt is unattested; without --attestation-key any TPM could have made the evidence. No token is needed.",
    .examples = "  bulla receipt verify answer.receipt --attestation-key 000b… --nonce 0011223344556677\n"
                "  bulla receipt verify answer.receipt --policy machines.policy --authority authority.pem.pub --json\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_NOTHING,
    .settings_size = sizeof(struct verify_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = verify_run,
};
