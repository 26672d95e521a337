#include <sodium.h>

#include "commands.h"
#include "file.h"
#include "kes.h"
#include "output.h"

enum { MESSAGE_LARGEST = 64 << 20, SIGNATURE_FILE_LARGEST = 2 * BULLA_KES_SIGNATURE_LARGEST + 2 };

struct verify_settings {
    struct bulla_common common;
    const char *key, *signature, *period;
    bool compact;
};
#define AT(member) offsetof(struct verify_settings, member)

static const struct bulla_option options[] = {
    {"key", 'k', "FILE", "the verification key: text envelope, hex, CBOR or raw, or its 64 hex digits",
        BULLA_OPTION_TEXT, AT(key), 0, 0, true},
    {"signature", 's', "FILE", "the signature: its bytes, or hex", BULLA_OPTION_TEXT, AT(signature), 0, 0, true},
    {"period", 'p', "N", "the key's own period that it must be of (default: any)", BULLA_OPTION_TEXT, AT(period), 0, 0,
        false},
    {"compact", 0, NULL, "by CompactSumKES (default: SumKES)", BULLA_OPTION_FLAG, AT(compact), 0, 0, false},
};

struct verification {
    struct bulla_kes_claim claim;
    uint8_t key[32];
    uint8_t signature[SIGNATURE_FILE_LARGEST];
    uint8_t *message;
    size_t message_size;
};

/* Hex digits with the end of a line or without, or else the bytes themselves: no signature is all digits. */
static void signature_take(struct verification *verification, const uint8_t *data, size_t size)
{
    size_t digits = size;
    size_t taken = 0;
    while (digits && (data[digits - 1] == '\n' || data[digits - 1] == '\r'))
        digits--;
    bool hex = digits % 2 == 0 && sodium_hex2bin(verification->signature, sizeof verification->signature,
                                      (const char *)data, digits, NULL, &taken, NULL) == 0;
    if (!hex || taken != digits / 2) {
        memcpy(verification->signature, data, size);
        taken = size;
    }
    verification->claim.signature = (struct bulla_bytes){verification->signature, taken};
}

static enum bulla_reason signature_read(struct verification *verification, const char *path)
{
    uint8_t *data = NULL;
    size_t size = 0;
    BULLA_TRY(bulla_file_read(path, SIGNATURE_FILE_LARGEST, &data, &size));
    signature_take(verification, data, size);
    bulla_file_free(data, size);
    return BULLA_OK;
}

/* An envelope says the depth; otherwise the signature's size does. */
static enum bulla_reason depth_take(struct bulla_kes_claim *claim, int depth)
{
    claim->depth = 0;
    if (depth != BULLA_KES_DEPTH_UNKNOWN) {
        claim->depth = (unsigned)depth;
        return BULLA_OK;
    }
    while (claim->depth <= BULLA_KES_DEPTH_LARGEST &&
           bulla_kes_signature_size(claim->scheme, claim->depth) != claim->signature.size)
        claim->depth++;
    return claim->depth <= BULLA_KES_DEPTH_LARGEST
               ? BULLA_OK
               : bulla_refuse(BULLA_SIGNATURE, "no KES signature of this scheme has %zu byte%s", claim->signature.size,
                     bulla_plural(claim->signature.size));
}

static enum bulla_reason verify(struct bulla_kes_claim *claim, const char *period)
{
    if (period) {
        BULLA_TRY(bulla_number_parse(period, "--period", 0, INT64_MAX, &claim->period));
        return bulla_kes_verify(claim);
    }
    for (claim->period = 0; claim->period < bulla_kes_periods(claim->depth); claim->period++)
        if (bulla_kes_verify(claim) == BULLA_OK)
            return BULLA_OK;
    return bulla_refuse(BULLA_SIGNATURE, "the KES signature is not the key's over this file, in none of its periods");
}

static enum bulla_reason run(struct verification *verification, const struct bulla_call *call)
{
    const struct verify_settings *settings = call->settings;
    struct bulla_kes_claim *claim = &verification->claim;
    int depth = 0;
    claim->scheme = settings->compact ? BULLA_KES_COMPACT : BULLA_KES_SUM;
    claim->key = verification->key;
    BULLA_TRY(bulla_kes_vkey_read(settings->key, verification->key, &depth));
    BULLA_TRY(signature_read(verification, settings->signature));
    BULLA_TRY(
        bulla_file_read(call->arguments[0], MESSAGE_LARGEST, &verification->message, &verification->message_size));
    claim->message = (struct bulla_bytes){verification->message, verification->message_size};
    BULLA_TRY(depth_take(claim, depth));
    BULLA_TRY(verify(claim, settings->period));
    bulla_say(BULLA_GOOD "valid" BULLA_PLAIN ": period %llu of 0 to %u\n", (unsigned long long)claim->period,
        bulla_kes_periods(claim->depth) - 1);
    return bulla_output_document(json_pack("{s:b,s:I,s:I,s:s}", "valid", 1, "period", (json_int_t)claim->period,
        "depth", (json_int_t)claim->depth, "scheme", settings->compact ? "compact" : "sum"));
}

static enum bulla_reason verify_run(const struct bulla_call *call)
{
    struct verification verification;
    memset(&verification, 0, sizeof verification);
    enum bulla_reason reason = run(&verification, call);
    bulla_file_free(verification.message, verification.message_size);
    return reason;
}

const struct bulla_command bulla_command_kes_verify = {
    .name = "kes verify",
    .arguments = "FILE",
    .summary = "Verify a KES signature over a file, offline",
    .text =
        "In a block header the period is what counts: give --period. The bytes of a signature do not say it, and a\n"
        "key that was stolen signs in every later one.",
    .examples = "  bulla kes verify --key kes.vkey --signature header.sig --period 5 header.cbor\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_NOTHING,
    .settings_size = sizeof(struct verify_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = verify_run,
};
