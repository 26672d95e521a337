#include "authority.h"
#include "commands.h"
#include "file.h"
#include "output.h"

struct keygen_settings {
    struct bulla_common common;
    const char *output;
};

static const struct bulla_option options[] = {
    {"output", 'o', "FILE", "where the private key goes; the public one goes to FILE.pub", BULLA_OPTION_OUTPUT,
        offsetof(struct keygen_settings, output), 0, 0, true},
};

static enum bulla_reason keygen_run(const struct bulla_call *call)
{
    const struct keygen_settings *settings = call->settings;
    uint8_t public_key[BULLA_AUTHORITY_SIZE];
    char hex[2 * BULLA_AUTHORITY_SIZE + 1];
    char hash[BULLA_AUTHORITY_HASH + 1];
    BULLA_TRY(bulla_authority_generate(settings->output, public_key));
    bulla_hex_write(public_key, sizeof public_key, hex);
    bulla_authority_hash(BULLA_BYTES(public_key), hash);
    bulla_say("authority %s\n  %s\n  private key  %s\n", hash, hex, bulla_file_shown(settings->output));
    json_t *document =
        json_pack("{s:s,s:s,s:s}", "authority", hex, "authority_hash", hash, "private_key", settings->output);
    if (!bulla_file_is_output(settings->output)) {
        bulla_say("  public key   %s.pub\n", settings->output);
        (void)json_object_set_new(document, "public_key", json_sprintf("%s.pub", settings->output));
    }
    return bulla_output_document(document);
}

const struct bulla_command bulla_command_policy_keygen = {
    .name = "policy keygen",
    .arguments = "",
    .summary = "Make an authority's key pair",
    .text = "A P-256 key that signs policies: a TPM checks its signatures itself. Keep it off the machines that it "
            "approves.",
    .examples = "  bulla policy keygen -o authority.pem\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_NOTHING,
    .settings_size = sizeof(struct keygen_settings),
    .run = keygen_run,
};
