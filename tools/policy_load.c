#include <stdlib.h>
#include <time.h>

#include "authority.h"
#include "client.h"
#include "commands.h"
#include "evidence/policy.h"
#include "file.h"
#include "output.h"
#include "values.h"

struct load_settings {
    struct bulla_common common;
};

static enum bulla_reason bundle_load(struct bulla_client *client, uint8_t *data, size_t size)
{
    CK_OBJECT_CLASS class = CKO_BULLA_POLICY;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, sizeof yes}, {CKA_VALUE, data, size}};
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_RV result = client->module->C_CreateObject(client->session, template, BULLA_COUNT(template), &object);
    return bulla_client_check(client, result, "loading the policy");
}

static enum bulla_reason result_print(const struct bulla_policy *policy)
{
    char authority[2 * sizeof policy->authority + 1];
    char hash[BULLA_AUTHORITY_HASH + 1];
    bulla_hex_write(policy->authority, sizeof policy->authority, authority);
    bulla_authority_hash(BULLA_BYTES(policy->authority), hash);
    bulla_say(BULLA_GOOD "loaded" BULLA_PLAIN " version %llu of epoch %llu, %zu states, by authority %s\n",
        (unsigned long long)policy->version, (unsigned long long)policy->epoch, policy->state_count, hash);
    return bulla_output_document(
        json_pack("{s:I,s:I,s:I,s:s,s:s}", "version", (json_int_t)policy->version, "epoch", (json_int_t)policy->epoch,
            "states", (json_int_t)policy->state_count, "authority", authority, "authority_hash", hash));
}

/* What the token would refuse for its form or its time is refused before a PIN is asked for. */
static enum bulla_reason load_run(const struct bulla_call *call)
{
    struct bulla_client client = {.session = CK_INVALID_HANDLE};
    struct bulla_policy *policy = calloc(1, sizeof *policy);
    uint8_t *data = NULL;
    size_t size = 0;
    if (!policy)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for the policy");
    enum bulla_reason reason = bulla_file_read(call->arguments[0], BULLA_POLICY_LARGEST, &data, &size);
    if (reason == BULLA_OK)
        reason = bulla_policy_read((struct bulla_bytes){data, size}, (struct bulla_bytes){NULL, 0}, policy);
    if (reason == BULLA_OK)
        reason = bulla_policy_check_time(policy, (uint64_t)time(NULL));
    if (reason == BULLA_OK)
        reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = bundle_load(&client, data, size);
    if (reason == BULLA_OK)
        reason = result_print(policy);
    bulla_client_close(&client);
    free(policy);
    free(data);
    return reason;
}

const struct bulla_command bulla_command_policy_load = {
    .name = "policy load",
    .arguments = "FILE",
    .summary = "Load a signed policy bundle into the token",
    .text = "The token takes only a higher version than it has of the same authority; an object uses those of its own.",
    .examples = "  bulla policy load machines.policy\n",
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct load_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = load_run,
};
