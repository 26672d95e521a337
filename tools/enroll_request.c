#include <string.h>

#include "client.h"
#include "commands.h"
#include "enrolment.h"
#include "file.h"
#include "output.h"
#include "progress.h"

struct request_settings {
    struct bulla_common common;
    const char *output;
};
#define AT(member) offsetof(struct request_settings, member)

static const struct bulla_option options[] = {
    {"output", 'o', "FILE", "where the enrolment document goes", BULLA_OPTION_OUTPUT, AT(output), 0, 0, true},
};

/* The token's own reason, where it gives none of what is asked for. */
static enum bulla_reason state_check(const json_t *enrolment)
{
    const char *state = json_string_value(json_object_get(enrolment, "state"));
    const char *code = json_string_value(json_object_get(enrolment, "reason"));
    const char *detail = json_string_value(json_object_get(enrolment, "detail"));
    if (state && strcmp(state, "ok") == 0)
        return BULLA_OK;
    for (int i = 0; code && i < BULLA_REASON_COUNT; i++)
        if (i != BULLA_OK && strcmp(bulla_reason_code((enum bulla_reason)i), code) == 0)
            return bulla_refuse((enum bulla_reason)i, "%s", detail ? detail : "the token says no more");
    return bulla_refuse(BULLA_MALFORMED, "the token's \"enrolment\" says neither what it has nor why not");
}

static enum bulla_reason request_print(const json_t *enrolment, const char *path)
{
    const char *name = json_string_value(json_object_get(enrolment, "attestation_key_name"));
    const json_t *endorsements = json_object_get(enrolment, "endorsements");
    json_t *algorithms = json_array();
    size_t i;
    const json_t *entry;
    bulla_say(
        BULLA_GOOD "written" BULLA_PLAIN ": %s\n  attestation key  %s\n", bulla_file_shown(path), name ? name : "");
    json_array_foreach(endorsements, i, entry)
    {
        const char *algorithm = json_string_value(json_object_get(entry, "algorithm"));
        bulla_say("  certificate      %s\n", algorithm ? algorithm : "");
        (void)json_array_append_new(algorithms, json_string(algorithm ? algorithm : ""));
    }
    return bulla_output_document(
        json_pack("{s:s,s:s,s:o}", "file", path, "attestation_key_name", name ? name : "", "endorsements", algorithms));
}

static enum bulla_reason request_run(const struct bulla_call *call)
{
    const struct request_settings *settings = call->settings;
    struct bulla_client client;
    struct bulla_wait wait;
    json_t *enrolment = NULL;
    enum bulla_reason reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK) {
        bulla_wait_begin(&wait, "waiting for the TPM's endorsement keys");
        reason = bulla_client_document(&client, "enrolment", &enrolment);
        bulla_wait_end(&wait);
    }
    if (reason == BULLA_OK)
        reason = state_check(enrolment);
    if (reason == BULLA_OK) {
        (void)json_object_del(enrolment, "state");
        reason = bulla_enrolment_write(settings->output, 0644, false, &bulla_enrolment_request, json_incref(enrolment));
    }
    if (reason == BULLA_OK)
        reason = request_print(enrolment, settings->output);
    json_decref(enrolment);
    bulla_client_close(&client);
    return reason;
}

const struct bulla_command bulla_command_enroll_request = {
    .name = "enroll request",
    .arguments = "",
    .summary = "Write what a verifier needs to enrol this machine",
    .text = "The document has the TPM's endorsement certificates, its attestation key and the token's receipt key. All "
            "of it\n"
            "is public. The verifier makes a challenge from it.",
    .examples = "  bulla enroll request -o machine.enrolment\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct request_settings),
    .run = request_run,
};
