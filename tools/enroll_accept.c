#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "crypto/arena.h"
#include "crypto/cipher.h"
#include "enrolment.h"
#include "file.h"
#include "output.h"

struct accept_settings {
    struct bulla_common common;
    const char *keep, *output;
};
#define AT(member) offsetof(struct accept_settings, member)

static const struct bulla_option options[] = {
    {"keep", 0, "STATE", "what `enroll challenge` kept; it is used up", BULLA_OPTION_KEPT, AT(keep), 0, 0, true},
    {"output", 'o', "FILE", "where the attestation key's name goes: other commands take it as @FILE",
        BULLA_OPTION_OUTPUT, AT(output), 0, 0, true},
};

struct name {
    uint8_t bytes[BULLA_ENROLMENT_NAME_LARGEST];
    size_t size;
};

static enum bulla_reason name_get(const json_t *document, struct name *name)
{
    return bulla_enrolment_bytes(document, "attestation_key_name", 34, sizeof name->bytes, name->bytes, &name->size);
}

static enum bulla_reason answer_check(const json_t *state, const json_t *answer, struct name *name)
{
    struct name answered;
    uint8_t expected[32], digest[32]; /* of 256 random bits: they tell nothing of them */
    BULLA_SECRET uint8_t *secret = NULL;
    size_t size = 0;
    json_int_t expires = json_integer_value(json_object_get(state, "expires"));
    if ((json_int_t)time(NULL) >= expires)
        return bulla_refuse(BULLA_EVIDENCE_STALE, "the challenge was good for a day: make another");
    BULLA_TRY(name_get(state, name));
    BULLA_TRY(name_get(answer, &answered));
    if (!bulla_bytes_equal(
            (struct bulla_bytes){name->bytes, name->size}, (struct bulla_bytes){answered.bytes, answered.size}))
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the answer is to a challenge for another attestation key");
    BULLA_TRY(bulla_secret_allocate(BULLA_ENROLMENT_SECRET, (void **)&secret));
    BULLA_TRY(bulla_enrolment_bytes(state, "answer_digest", sizeof expected, sizeof expected, expected, &size));
    BULLA_TRY(bulla_enrolment_bytes(answer, "secret", BULLA_ENROLMENT_SECRET, BULLA_ENROLMENT_SECRET, secret, &size));
    bulla_sha256((struct bulla_bytes){secret, BULLA_ENROLMENT_SECRET}, digest);
    return sodium_memcmp(digest, expected, sizeof digest) == 0
               ? BULLA_OK
               : bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the answer is not the secret of this challenge");
}

/* First the name, then the end of what it was proved with: a crash between them leaves both, and does no harm. */
static enum bulla_reason pin_write(const struct accept_settings *settings, const json_t *state, const struct name *name)
{
    char text[2 * BULLA_ENROLMENT_NAME_LARGEST + 2];
    bulla_hex_write(name->bytes, name->size, text);
    size_t digits = strlen(text);
    text[digits] = '\n';
    BULLA_TRY(bulla_file_write(settings->output, 0644, (struct bulla_bytes){(const uint8_t *)text, digits + 1}));
    text[digits] = '\0';
    if (unlink(settings->keep) != 0)
        return bulla_refuse(
            BULLA_FILE, "%s: can't be removed, and could be used again: %s", settings->keep, strerrordesc_np(errno));
    const char *token = json_string_value(json_object_get(state, "token"));
    const char *serial = json_string_value(json_object_get(state, "serial"));
    const char *certificate = json_string_value(json_object_get(state, "certificate"));
    const char *receipt_key = json_string_value(json_object_get(state, "receipt_key"));
    bulla_say(BULLA_GOOD "enrolled" BULLA_PLAIN ": token %s\n  attestation key  %s\n", token ? token : "", text);
    return bulla_output_document(json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "file", settings->output,
        "attestation_key_name", text, "certificate", certificate ? certificate : "", "token", token ? token : "",
        "serial", serial ? serial : "", "receipt_key", receipt_key ? receipt_key : ""));
}

static enum bulla_reason accept_run(const struct bulla_call *call)
{
    const struct accept_settings *settings = call->settings;
    struct name name;
    json_t *state = NULL, *answer = NULL;
    enum bulla_reason reason = bulla_enrolment_read(settings->keep, &bulla_enrolment_state, &state);
    if (reason == BULLA_OK)
        reason = bulla_enrolment_read(call->arguments[0], &bulla_enrolment_answer, &answer);
    if (reason == BULLA_OK)
        reason = answer_check(state, answer, &name);
    if (reason == BULLA_OK)
        reason = pin_write(settings, state, &name);
    json_decref(state);
    json_decref(answer);
    return reason;
}

const struct bulla_command bulla_command_enroll_accept = {
    .name = "enroll accept",
    .arguments = "ANSWER",
    .summary = "Check a machine's answer and pin its attestation key",
    .text = "With the right answer the attestation key lies in the TPM whose certificate the challenge was made for. "
            "STATE is\n"
            "removed: an answer is good once. No token is needed.",
    .examples = "  bulla enroll accept machine.answer --keep machine.state -o machine.pin\n"
                "  bulla receipt verify answer.receipt --attestation-key @machine.pin\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_NOTHING,
    .settings_size = sizeof(struct accept_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = accept_run,
};
