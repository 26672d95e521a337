/* PKCS#11 3.0, 5.5: slots and tokens. Nothing here connects to a TPM, but C_InitToken. */
#include "face.h"

#include <stdio.h>

#include "mech/mechanism.h"

CK_RV C_GetSlotList(unsigned char token_present, CK_SLOT_ID *slots, unsigned long *count)
{
    (void)token_present; /* every slot has its token */
    if (!bulla_module_ready())
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    if (!count)
        return CKR_ARGUMENTS_BAD;
    unsigned long most = *count;
    *count = bulla_module_token_count();
    if (!slots)
        return CKR_OK;
    if (most < *count)
        return CKR_BUFFER_TOO_SMALL;
    for (unsigned i = 0; i < *count; i++)
        slots[i] = bulla_module_token(i)->config->slot;
    return CKR_OK;
}

static CK_RV slot_info(struct bulla_token *token, void *arguments)
{
    CK_SLOT_INFO *info = arguments;
    if (!info)
        return CKR_ARGUMENTS_BAD;
    char description[64];
    (void)snprintf(description, sizeof description, "bulla token %s", token->config->name);
    *info = (CK_SLOT_INFO){.flags = CKF_TOKEN_PRESENT};
    bulla_face_pad(info->slotDescription, sizeof info->slotDescription, description);
    bulla_face_pad(info->manufacturerID, sizeof info->manufacturerID, BULLA_LIBRARY_NAME);
    return CKR_OK;
}

CK_RV C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    return bulla_slot_call(slot, slot_info, info);
}

static CK_FLAGS pin_flags(struct bulla_token *token)
{
    static const struct {
        enum bulla_login who;
        CK_FLAGS low, final, locked;
    } rows[] = {
        {BULLA_USER, CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED},
        {BULLA_OFFICER, CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_LOCKED},
    };
    CK_FLAGS flags = 0;
    for (unsigned i = 0; i < 2; i++) {
        unsigned left, most;
        bulla_token_tries(token, rows[i].who, &left, &most);
        flags |= left < most ? rows[i].low : 0;
        flags |= left == 1 ? rows[i].final : 0;
        flags |= left == 0 ? rows[i].locked : 0;
    }
    return flags;
}

/* A store that is there and cannot be used is not "not initialised": whoever reads that would initialise it. Opening a
 * session says what is wrong with it. */
static CK_FLAGS state_flags(struct bulla_token *token)
{
    enum bulla_reason reason = bulla_token_refresh(token);
    if (reason == BULLA_STORE_MISSING)
        return 0;
    if (reason != BULLA_OK)
        return CKF_TOKEN_INITIALIZED;
    return CKF_TOKEN_INITIALIZED | pin_flags(token) |
           (bulla_token_user_pin_is_set(token) ? CKF_USER_PIN_INITIALIZED : 0);
}

static CK_RV token_info(struct bulla_token *token, void *arguments)
{
    CK_TOKEN_INFO *info = arguments;
    if (!info)
        return CKR_ARGUMENTS_BAD;
    *info = (CK_TOKEN_INFO){.flags = CKF_RNG | CKF_LOGIN_REQUIRED | CKF_DUAL_CRYPTO_OPERATIONS,
        .ulMaxSessionCount = BULLA_SESSIONS_LARGEST,
        .ulMaxRwSessionCount = BULLA_SESSIONS_LARGEST,
        .ulMinPinLen = BULLA_PIN_SHORTEST,
        .ulMaxPinLen = BULLA_PIN_LONGEST,
        .ulTotalPublicMemory = CK_UNAVAILABLE_INFORMATION,
        .ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION,
        .ulTotalPrivateMemory = CK_UNAVAILABLE_INFORMATION,
        .ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION,
        .firmwareVersion = {BULLA_VERSION_MAJOR, BULLA_VERSION_MINOR}};
    info->flags |= state_flags(token);
    (void)pthread_rwlock_rdlock(&token->lock);
    bulla_face_pad(info->label, sizeof info->label,
        *token->label || !(info->flags & CKF_TOKEN_INITIALIZED) ? token->label : token->config->name);
    bulla_face_pad(info->serialNumber, sizeof info->serialNumber, token->serial);
    info->ulSessionCount = token->sessions;
    info->ulRwSessionCount = token->writing_sessions;
    (void)pthread_rwlock_unlock(&token->lock);
    bulla_face_pad(info->manufacturerID, sizeof info->manufacturerID, BULLA_LIBRARY_NAME);
    bulla_face_pad(info->model, sizeof info->model, BULLA_LIBRARY_NAME);
    memset(info->utcTime, ' ', sizeof info->utcTime);
    return CKR_OK;
}

CK_RV C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    return bulla_slot_call(slot, token_info, info);
}

CK_RV C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
    if (!bulla_module_ready())
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    if (!slot || reserved)
        return CKR_ARGUMENTS_BAD;
    return flags & CKF_DONT_BLOCK ? CKR_NO_EVENT : CKR_FUNCTION_NOT_SUPPORTED; /* slots never change */
}

struct mechanism_arguments {
    CK_MECHANISM_TYPE *list, type;
    unsigned long *count;
    CK_MECHANISM_INFO *info;
};

static CK_RV mechanism_list(struct bulla_token *token, void *arguments)
{
    const struct mechanism_arguments *a = arguments;
    (void)token; /* all have the same */
    if (!a->count)
        return CKR_ARGUMENTS_BAD;
    size_t have;
    const struct bulla_mechanism *const *rows = bulla_mechanisms(&have);
    unsigned long most = *a->count;
    for (size_t i = 0; a->list && i < have && i < most; i++)
        a->list[i] = rows[i]->type;
    *a->count = have;
    return a->list && most < have ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

CK_RV C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, unsigned long *count)
{
    struct mechanism_arguments arguments = {.list = list, .count = count};
    return bulla_slot_call(slot, mechanism_list, &arguments);
}

static CK_RV mechanism_info(struct bulla_token *token, void *arguments)
{
    const struct mechanism_arguments *a = arguments;
    (void)token;
    if (!a->info)
        return CKR_ARGUMENTS_BAD;
    const struct bulla_mechanism *row = bulla_mechanism_find(a->type);
    if (!row)
        return CKR_MECHANISM_INVALID;
    *a->info = row->info;
    return CKR_OK;
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    struct mechanism_arguments arguments = {.type = type, .info = info};
    return bulla_slot_call(slot, mechanism_info, &arguments);
}

/* A label of 32 bytes, padded with blanks, as text. */
static void unpad(const unsigned char *label, char text[static 33])
{
    size_t size = 32;
    while (size && label[size - 1] == ' ')
        size--;
    memcpy(text, label, size);
    text[size] = '\0';
}

struct init_arguments {
    struct bulla_bytes pin;
    const unsigned char *label;
};

static CK_RV init_token(struct bulla_token *token, void *arguments)
{
    const struct init_arguments *a = arguments;
    char text[33];
    if (!a->pin.data || !a->label)
        return CKR_ARGUMENTS_BAD;
    if (!bulla_token_claim(token))
        return CKR_SESSION_EXISTS;
    unpad(a->label, text);
    enum bulla_reason reason = bulla_token_initialize(token, a->pin, text);
    bulla_token_release(token);
    if (reason == BULLA_OK)
        bulla_token_record(token, "initialized", NULL, 0);
    return bulla_token_refusal(token, "initialize", reason);
}

CK_RV C_InitToken(CK_SLOT_ID slot, unsigned char *pin, unsigned long pin_size, unsigned char *label)
{
    struct init_arguments arguments = {{pin, pin_size}, label};
    return bulla_slot_call(slot, init_token, &arguments);
}
