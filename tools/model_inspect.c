#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "authority.h"
#include "commands.h"
#include "crypto/stream.h"
#include "file.h"
#include "output.h"

struct inspect_settings {
    struct bulla_common common;
};

static const char *aead_name(enum bulla_aead aead)
{
    return aead == BULLA_AEAD_AES_256_GCM ? "AES-256-GCM" : "XChaCha20-Poly1305";
}

/* The beginning of the file, which is all that the header needs, and its size. */
static enum bulla_reason prefix_read(const char *path, uint8_t **prefix, size_t *size, uint64_t *file_size)
{
    struct stat status;
    FILE *file = fopen(path, "re");
    *prefix = calloc(1, bulla_stream_prefix_bound());
    if (!file || !*prefix || fstat(fileno(file), &status) != 0) {
        enum bulla_reason reason = bulla_refuse(BULLA_FILE, "opening %s: %m", path);
        if (file)
            (void)fclose(file);
        return reason;
    }
    *size = fread(*prefix, 1, bulla_stream_prefix_bound(), file);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    *file_size = (uint64_t)status.st_size;
    return failed ? bulla_refuse(BULLA_FILE, "reading %s", path) : BULLA_OK;
}

/* A token's serial number is 16 hex digits, and is written as bulla status does; what is none, as bytes. */
static void token_text(const uint8_t token[static 16], char text[static 33])
{
    bool serial = true;
    for (size_t i = 0; i < 16; i++)
        serial = serial && isxdigit(token[i]);
    bulla_hex_write(token, 16, text);
    if (serial)
        (void)snprintf(text, 33, "%.16s", (const char *)token);
}

static enum bulla_reason header_print(const struct bulla_stream_header *header, uint64_t expected, uint64_t found)
{
    char name[2 * BULLA_STREAM_NAME_LARGEST + 1];
    char token[33];
    char manifest[65];
    char authority[65];
    char policy[65];
    char hash[BULLA_AUTHORITY_HASH + 1];
    static const uint8_t zero[32];
    bulla_hex_write(header->name, header->name_size, name);
    token_text(header->token, token);
    bulla_hex_write(header->manifest_digest, sizeof header->manifest_digest, manifest);
    bulla_hex_write(header->authority, sizeof header->authority, authority);
    (void)snprintf(hash, sizeof hash, "%.*s", BULLA_AUTHORITY_HASH, authority); /* the header has the whole hash */
    bulla_hex_write(header->policy_ref, sizeof header->policy_ref, policy);
    bool self = memcmp(header->authority, zero, sizeof zero) == 0;
    bulla_say("  model id        %s\n  generation      %llu\n  sealed by token %s\n  manifest        %s\n", name,
        (unsigned long long)header->generation, token, manifest);
    bulla_say("  authority       %s\n  policy          %s\n", self ? "self-authorised" : hash, policy);
    bulla_say("  encryption      %s, %llu chunk%s of %u bytes, %llu bytes of plaintext\n", aead_name(header->aead),
        (unsigned long long)header->chunk_count, bulla_plural(header->chunk_count), header->chunk_size,
        (unsigned long long)header->plaintext_size);
    bulla_say("  file            %llu bytes", (unsigned long long)found);
    if (expected != found)
        bulla_say(", " BULLA_BAD "which is not what the header says" BULLA_PLAIN);
    bulla_say("\n");
    bulla_say(
        BULLA_WARN "unauthenticated" BULLA_PLAIN ": only the token that sealed it can tell whether this is true\n");
    return bulla_output_document(json_pack("{s:s,s:I,s:s,s:s,s:s,s:s,s:b,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:b}", "id", name,
        "generation", (json_int_t)header->generation, "token", token, "manifest", manifest, "authority_sha256",
        authority, "authority_hash", hash, "self_authorised", self, "policy_reference", policy, "encryption",
        aead_name(header->aead), "chunk_size", (json_int_t)header->chunk_size, "chunks",
        (json_int_t)header->chunk_count, "plaintext_size", (json_int_t)header->plaintext_size, "file_size",
        (json_int_t)found, "expected_size", (json_int_t)expected, "authenticated", 0));
}

static enum bulla_reason inspect_run(const struct bulla_call *call)
{
    const char *path = call->arguments[0];
    struct bulla_stream_header header;
    uint8_t *prefix = NULL;
    size_t size = 0;
    size_t prefix_size = 0;
    uint64_t found = 0;
    uint64_t expected = 0;
    enum bulla_reason reason = prefix_read(path, &prefix, &size, &found);
    if (reason == BULLA_OK)
        reason = bulla_stream_inspect((struct bulla_bytes){prefix, size}, &header, &prefix_size);
    if (reason == BULLA_OK) {
        expected = bulla_stream_sealed_size(&header, prefix_size);
        reason = header_print(&header, expected, found);
    }
    if (reason == BULLA_OK && found != expected)
        reason = bulla_refuse(found < expected ? BULLA_TRUNCATED : BULLA_TRAILING,
            "%s has %llu bytes, and its header says %llu", path, (unsigned long long)found,
            (unsigned long long)expected);
    free(prefix);
    return reason;
}

const struct bulla_command bulla_command_model_inspect = {
    .name = "model inspect",
    .arguments = "FILE",
    .summary = "Show the header of a sealed model, unauthenticated",
    .text = "Needs no token and no key, and so believes what the file says. Only the file's size is compared.",
    .examples = "  bulla model inspect ~/.local/share/bulla/models/6d696e696c6d.bulla\n",
    .needs = BULLA_NEEDS_NOTHING,
    .settings_size = sizeof(struct inspect_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = inspect_run,
};
