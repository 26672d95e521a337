/* A signature does not say of which period it is. It is verified here before it is given away: that tells, whatever
 * other processes do to the key meanwhile. */
#include <stdlib.h>

#include "commands.h"
#include "file.h"
#include "kes.h"
#include "output.h"
#include "progress.h"

enum { MESSAGE_LARGEST = 64 << 20 };

struct sign_settings {
    struct bulla_common common;
    bool compact;
    const char *output;
};

static const struct bulla_option options[] = {
    {"compact", 0, NULL, "by CompactSumKES (default: SumKES, which Cardano has)", BULLA_OPTION_FLAG,
        offsetof(struct sign_settings, compact), 0, 0, false},
    {"output", 'o', "FILE", "write the signature's bytes there (default: hex to standard output)", BULLA_OPTION_OUTPUT,
        offsetof(struct sign_settings, output), 0, 0, false},
};

struct signing {
    const struct sign_settings *settings;
    const char *label;
    struct bulla_bytes message;
    uint8_t signature[BULLA_KES_SIGNATURE_LARGEST];
    CK_ULONG size;
    struct bulla_kes_view before, after;
    uint64_t period;
};

static enum bulla_reason signature_get(struct bulla_client *client, struct signing *signing, CK_OBJECT_HANDLE key)
{
    CK_MECHANISM mechanism = {signing->settings->compact ? CKM_BULLA_KES_COMPACT : CKM_BULLA_KES_SUM, NULL, 0};
    struct bulla_wait wait;
    signing->size = sizeof signing->signature;
    bulla_wait_begin(&wait, "signing");
    CK_RV result = client->module->C_SignInit(client->session, &mechanism, key);
    if (result == CKR_OK) /* PKCS#11 has no const */
        result = client->module->C_Sign(client->session, (CK_BYTE *)(uintptr_t)signing->message.data,
            signing->message.size, signing->signature, &signing->size);
    bulla_wait_end(&wait);
    return bulla_client_check(client, result, "signing");
}

static enum bulla_reason period_find(struct signing *signing)
{
    struct bulla_kes_claim claim = {.scheme = signing->settings->compact ? BULLA_KES_COMPACT : BULLA_KES_SUM,
        .depth = (unsigned)signing->after.depth,
        .key = signing->after.key,
        .message = signing->message,
        .signature = {signing->signature, signing->size}};
    enum bulla_reason reason = BULLA_SIGNATURE;
    for (claim.period = signing->before.period; reason != BULLA_OK && claim.period <= signing->after.period;) {
        signing->period = claim.period;
        reason = bulla_kes_verify(&claim);
        claim.period++;
    }
    return reason;
}

static enum bulla_reason result_print(const struct signing *signing)
{
    const char *output = signing->settings->output;
    char hex[2 * sizeof signing->signature + 1];
    bulla_hex_write(signing->signature, signing->size, hex);
    if (output) {
        BULLA_TRY(bulla_file_write(output, 0644, (struct bulla_bytes){signing->signature, signing->size}));
        bulla_say(BULLA_GOOD "signed" BULLA_PLAIN " in period %llu: %s\n", (unsigned long long)signing->period,
            bulla_file_shown(output));
    } else {
        bulla_say("%s\n", hex);
        bulla_remark("signed in period %llu", (unsigned long long)signing->period);
    }
    return bulla_output_document(json_pack("{s:s,s:s,s:I,s:s}", "label", signing->label, "scheme",
        signing->settings->compact ? "compact" : "sum", "period", (json_int_t)signing->period, "signature", hex));
}

static enum bulla_reason sign(struct bulla_client *client, struct signing *signing)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    BULLA_TRY(bulla_kes_find(client, signing->label, &key));
    BULLA_TRY(bulla_kes_look(client, key, &signing->before));
    BULLA_TRY(signature_get(client, signing, key));
    BULLA_TRY(bulla_kes_look(client, key, &signing->after));
    BULLA_TRY(period_find(signing));
    return result_print(signing);
}

static enum bulla_reason sign_run(const struct bulla_call *call)
{
    struct signing signing = {.settings = call->settings, .label = call->arguments[0]};
    struct bulla_client client = {.session = CK_INVALID_HANDLE};
    uint8_t *message = NULL;
    size_t size = 0;
    enum bulla_reason reason = bulla_file_read(call->arguments[1], MESSAGE_LARGEST, &message, &size);
    signing.message = (struct bulla_bytes){message, size};
    if (reason == BULLA_OK)
        reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = sign(&client, &signing);
    bulla_client_close(&client);
    bulla_file_free(message, size);
    return reason;
}

const struct bulla_command bulla_command_kes_sign = {
    .name = "kes sign",
    .arguments = "LABEL FILE",
    .summary = "Sign a file by a KES key, in its present period",
    .text =
        "A key with a clock goes to the clock's period first, where that is the next one. What the state of the key\n"
        "is after the signature is durable before the signature is out.",
    .examples = "  bulla kes sign pool header.cbor -o header.sig\n  bulla kes sign pool - < header.cbor\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct sign_settings),
    .arguments_least = 2,
    .arguments_most = 2,
    .run = sign_run,
};
