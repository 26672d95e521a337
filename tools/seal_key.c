#include "seal.h"

#include <stdlib.h>
#include <string.h>

#include "authority.h"

static enum bulla_reason key_make(struct bulla_sealing *sealing)
{
    const struct bulla_seal_settings *settings = sealing->settings;
    CK_MECHANISM mechanism = {CKM_BULLA_MODEL_KEY_GEN, NULL, 0};
    CK_BBOOL yes = CK_TRUE;
    CK_ULONG epoch = (CK_ULONG)settings->epoch;
    uint8_t authority[BULLA_AUTHORITY_SIZE];
    char *label = strdup(settings->label);
    char *release = strdup(settings->release ? settings->release : "");
    CK_ATTRIBUTE template[6] = {
        {CKA_TOKEN, &yes, sizeof yes}, {CKA_PRIVATE, &yes, sizeof yes}, {CKA_LABEL, label, strlen(settings->label)}};
    CK_ULONG count = 3;
    enum bulla_reason reason = label && release ? BULLA_OK : bulla_refuse(BULLA_OUT_OF_MEMORY, "for a label");
    if (settings->release)
        template[count++] = (CK_ATTRIBUTE){CKA_BULLA_RELEASE, release, strlen(settings->release)};
    if (reason == BULLA_OK && settings->authority) {
        reason = bulla_authority_public(settings->authority, authority);
        template[count++] = (CK_ATTRIBUTE){CKA_BULLA_AUTHORITY, authority, sizeof authority};
    }
    if (settings->epoch)
        template[count++] = (CK_ATTRIBUTE){CKA_BULLA_EPOCH, &epoch, sizeof epoch};
    if (reason == BULLA_OK)
        reason = bulla_client_check(&sealing->client,
            sealing->client.module->C_GenerateKey(sealing->client.session, &mechanism, template, count, &sealing->key),
            "making the model's key");
    sealing->key_made = reason == BULLA_OK;
    free(label);
    free(release);
    return reason;
}

/* A key without a generation was never sealed under to the end: a crash, and no reason to ask for --force. */
static enum bulla_reason key_reuse_check(struct bulla_sealing *sealing)
{
    const struct bulla_seal_settings *settings = sealing->settings;
    CK_ULONG generation = 0;
    BULLA_TRY(bulla_client_number(&sealing->client, sealing->key, CKA_BULLA_GENERATION, 0, &generation));
    if (settings->release || settings->authority || settings->epoch)
        return bulla_refuse(
            BULLA_ARGUMENT, "\"%s\" has a key: --release, --authority and --epoch are for a new one", settings->label);
    if (generation && !settings->force)
        return bulla_refuse(BULLA_ARGUMENT, "\"%s\" is sealed already (generation %lu): --force seals a new generation",
            settings->label, generation);
    return BULLA_OK;
}

enum bulla_reason bulla_seal_key(struct bulla_sealing *sealing)
{
    BULLA_TRY(bulla_client_model(&sealing->client, sealing->settings->label, &sealing->key));
    if (sealing->key == CK_INVALID_HANDLE)
        BULLA_TRY(key_make(sealing));
    else
        BULLA_TRY(key_reuse_check(sealing));
    return bulla_client_model_id(&sealing->client, sealing->key, sealing->settings->label, sealing->id);
}
