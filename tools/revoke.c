#include <stdlib.h>

#include "authority.h"
#include "commands.h"
#include "document.h"
#include "file.h"
#include "grant_show.h"
#include "output.h"

struct revoke_settings {
    struct bulla_common common;
    const char *key, *output;
    struct bulla_list grants;
    bool load;
};
#define AT(member) offsetof(struct revoke_settings, member)

static const struct bulla_option options[] = {
    {"key", 'k', "FILE", "the authority's private key, in PEM", BULLA_OPTION_TEXT, AT(key), 0, 0, true},
    {"grant", 'g', "GRANT", "what to revoke: a grant's file, or its id in hex; repeatable", BULLA_OPTION_LIST,
        AT(grants), 0, 0, true},
    {"output", 'o', "FILE", "where the revocation goes", BULLA_OPTION_OUTPUT, AT(output), 0, 0, true},
    {"load", 0, NULL, "load it into the token as well", BULLA_OPTION_FLAG, AT(load), 0, 0, false},
};

static bool is_id(const char *text)
{
    return strlen(text) == (size_t)2 * BULLA_GRANT_ID && strspn(text, "0123456789abcdefABCDEF") == strlen(text);
}

static enum bulla_reason id_take(
    const char *text, const struct bulla_authority *authority, uint8_t id[static BULLA_GRANT_ID])
{
    struct bulla_document document;
    struct bulla_hex hex;
    if (is_id(text)) {
        BULLA_TRY(bulla_hex_parse(text, "--grant", &hex));
        memcpy(id, hex.data, BULLA_GRANT_ID);
        return BULLA_OK;
    }
    enum bulla_reason reason =
        bulla_document_open_as(&document, text, BULLA_DOCUMENT_GRANT, BULLA_BYTES(authority->public_key));
    if (reason == BULLA_OK)
        memcpy(id, document.grant->grant.id, BULLA_GRANT_ID);
    bulla_document_close(&document);
    return reason;
}

static int by_value(const void *left, const void *right)
{
    return memcmp(left, right, BULLA_GRANT_ID);
}

/* Ascending, each once, as a revocation has them. */
static void ids_settle(struct bulla_revocation *revocation)
{
    size_t kept = 0;
    qsort(revocation->ids, revocation->count, BULLA_GRANT_ID, by_value);
    for (size_t i = 0; i < revocation->count; i++)
        if (i == 0 || by_value(revocation->ids[i], revocation->ids[kept - 1]) != 0)
            memmove(revocation->ids[kept++], revocation->ids[i], BULLA_GRANT_ID);
    revocation->count = kept;
}

static enum bulla_reason revocation_sign(
    const struct revoke_settings *settings, struct bulla_revocation *revocation, struct bulla_writer *writer)
{
    struct bulla_authority authority = {.key = NULL};
    enum bulla_reason reason = bulla_authority_open(&authority, settings->key);
    memcpy(revocation->authority, authority.public_key, sizeof revocation->authority);
    for (size_t i = 0; reason == BULLA_OK && i < settings->grants.count; i++)
        reason = id_take(settings->grants.items[i], &authority, revocation->ids[revocation->count++]);
    ids_settle(revocation);
    if (reason == BULLA_OK)
        reason = bulla_revocation_sign(revocation, &authority.signer, writer);
    bulla_authority_close(&authority);
    return reason;
}

static enum bulla_reason result_print(const struct bulla_revocation *revocation, const struct revoke_settings *settings)
{
    bulla_say(BULLA_GOOD "%s" BULLA_PLAIN " a revocation of %zu grant%s: %s\n",
        settings->load ? "signed and loaded" : "signed", revocation->count, bulla_plural(revocation->count),
        bulla_file_shown(settings->output));
    return bulla_output_document(json_pack("{s:o,s:s,s:b}", "revoked", bulla_revocation_show(revocation), "file",
        settings->output, "loaded", settings->load));
}

static enum bulla_reason revoke_run(const struct bulla_call *call)
{
    const struct revoke_settings *settings = call->settings;
    struct bulla_revocation revocation = {.count = 0};
    uint8_t bytes[BULLA_GRANT_DOCUMENT_LARGEST];
    struct bulla_writer writer;
    bulla_writer_open(&writer, bytes, sizeof bytes);
    BULLA_TRY(revocation_sign(settings, &revocation, &writer));
    BULLA_TRY(bulla_file_write(settings->output, 0644, bulla_writer_bytes(&writer)));
    if (settings->load)
        BULLA_TRY(bulla_document_load(call, bulla_writer_bytes(&writer)));
    return result_print(&revocation, settings);
}

const struct bulla_command bulla_command_revoke = {
    .name = "revoke",
    .arguments = "",
    .summary = "Sign a revocation: grants that the authority takes back for good",
    .text = "A token that has taken a revocation knows it from then on, whatever bundle or grant is loaded later.",
    .examples = "  bulla revoke --key authority.pem --grant ann.grant -o ann.revocation\n"
                "  bulla policy load ann.revocation\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct revoke_settings),
    .run = revoke_run,
};
