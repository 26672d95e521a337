#include <string.h>

#include "client.h"
#include "commands.h"
#include "crypto/arena.h"
#include "enrolment.h"
#include "file.h"
#include "output.h"
#include "progress.h"

enum { CREDENTIAL_LARGEST = 1024, SECRET_ROOM = 64 };

struct answer_settings {
    struct bulla_common common;
    const char *output;
};
#define AT(member) offsetof(struct answer_settings, member)

static const struct bulla_option options[] = {
    {"output", 'o', "FILE", "where the answer goes", BULLA_OPTION_OUTPUT, AT(output), 0, 0, true},
};

static enum bulla_reason secret_get(
    struct bulla_client *client, struct bulla_bytes credential, uint8_t *secret, size_t *size)
{
    CK_MECHANISM mechanism = {CKM_BULLA_ACTIVATE, NULL, 0};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_ULONG room = SECRET_ROOM;
    uint8_t given[CREDENTIAL_LARGEST]; /* PKCS#11 has no const */
    struct bulla_wait wait;
    memcpy(given, credential.data, credential.size);
    BULLA_TRY(bulla_client_receipt_key(client, &key));
    bulla_wait_begin(&wait, "waiting for the TPM");
    CK_RV result = client->module->C_DecryptInit(client->session, &mechanism, key);
    if (result == CKR_OK)
        result = client->module->C_Decrypt(client->session, given, credential.size, secret, &room);
    bulla_wait_end(&wait);
    BULLA_TRY(bulla_client_check(client, result, "activating the credential"));
    *size = room;
    return BULLA_OK;
}

static enum bulla_reason answer_write(
    const struct answer_settings *settings, const json_t *challenge, struct bulla_bytes secret)
{
    const char *name = json_string_value(json_object_get(challenge, "attestation_key_name"));
    json_t *answer =
        json_pack("{s:s,s:o*}", "attestation_key_name", name ? name : "", "secret", bulla_enrolment_hex(secret));
    BULLA_TRY(bulla_enrolment_write(settings->output, 0600, false, &bulla_enrolment_answer, answer));
    bulla_say(BULLA_GOOD "answered" BULLA_PLAIN ": %s is for the verifier, and for nobody else\n",
        bulla_file_shown(settings->output));
    return bulla_output_document(json_pack("{s:s}", "file", settings->output));
}

static enum bulla_reason challenge_answer(const struct bulla_call *call, const json_t *challenge)
{
    struct bulla_client client = {.session = CK_INVALID_HANDLE};
    uint8_t credential[CREDENTIAL_LARGEST];
    BULLA_SECRET uint8_t *secret = NULL;
    size_t size = 0, secret_size = 0;
    BULLA_TRY(bulla_enrolment_bytes(challenge, "credential", 1, sizeof credential, credential, &size));
    BULLA_TRY(bulla_secret_allocate(SECRET_ROOM, (void **)&secret));
    enum bulla_reason reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = secret_get(&client, (struct bulla_bytes){credential, size}, secret, &secret_size);
    if (reason == BULLA_OK)
        reason = answer_write(call->settings, challenge, (struct bulla_bytes){secret, secret_size});
    bulla_client_close(&client);
    return reason;
}

static enum bulla_reason answer_run(const struct bulla_call *call)
{
    json_t *challenge = NULL;
    BULLA_TRY(bulla_enrolment_read(call->arguments[0], &bulla_enrolment_challenge, &challenge));
    enum bulla_reason reason = challenge_answer(call, challenge);
    json_decref(challenge);
    return reason;
}

const struct bulla_command bulla_command_enroll_answer = {
    .name = "enroll answer",
    .arguments = "CHALLENGE",
    .summary = "Answer a verifier's challenge: only this machine's TPM can",
    .text =
        "The TPM gives out the secret in the challenge only where it has the endorsement key that the challenge is\n"
        "encrypted to, and the attestation key that it names.",
    .examples = "  bulla enroll answer machine.challenge -o machine.answer\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct answer_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = answer_run,
};
