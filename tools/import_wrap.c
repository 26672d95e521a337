/* The way of keys that their token does not show: an AES-256 key that is made here, and lives in both tokens for the
 * length of the session, wraps there and unwraps here. The tokens' lists decide on the mechanism.
 *
 * Two mechanisms carry RFC 5649: KWP, and with many modules the older PAD, which others pad in another way. So a pair
 * is tried after the other: what is unwrapped by the wrong one fails its integrity check, and nothing is made. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/arena.h"
#include "import.h"

#ifndef CKM_AES_KEY_WRAP
#define CKM_AES_KEY_WRAP 0x2109UL
#endif
#ifndef CKM_AES_KEY_WRAP_PAD
#define CKM_AES_KEY_WRAP_PAD 0x210AUL
#endif
#ifndef CKM_AES_KEY_WRAP_KWP
#define CKM_AES_KEY_WRAP_KWP 0x210BUL
#endif

enum { KEY_SIZE = 32, WRAPPED_LARGEST = 1 << 16 };

static const struct {
    CK_MECHANISM_TYPE source, target;
} pairs[] = {
    {CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_KWP},
    {CKM_AES_KEY_WRAP_PAD, CKM_AES_KEY_WRAP_KWP},
    {CKM_AES_KEY_WRAP_PAD, CKM_AES_KEY_WRAP_PAD},
    {CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP},
};

static bool is_able(CK_FUNCTION_LIST *module, CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_FLAGS flag)
{
    CK_MECHANISM_INFO info;
    return module->C_GetMechanismInfo(slot, type, &info) == CKR_OK && (info.flags & flag);
}

static bool pair_is_able(const struct bulla_import *import, size_t pair)
{
    return is_able(import->source.module, import->source.slot, pairs[pair].source, CKF_WRAP) &&
           is_able(import->target.module, import->target.slot, pairs[pair].target, CKF_UNWRAP);
}

static bool any_pair_is_able(const struct bulla_import *import)
{
    for (size_t i = 0; i < BULLA_COUNT(pairs); i++)
        if (pair_is_able(import, i))
            return true;
    return false;
}

static CK_RV key_put(
    CK_FUNCTION_LIST *module, CK_SESSION_HANDLE session, CK_ATTRIBUTE_TYPE use, uint8_t *value, CK_OBJECT_HANDLE *key)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    bool wraps = use == CKA_WRAP;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &no, sizeof no},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_ENCRYPT, &no, sizeof no},
        {CKA_DECRYPT, &no, sizeof no},
        {CKA_SIGN, &no, sizeof no},
        {CKA_VERIFY, &no, sizeof no},
        {CKA_WRAP, wraps ? &yes : &no, sizeof yes},
        {CKA_UNWRAP, wraps ? &no : &yes, sizeof yes},
        {CKA_VALUE, value, KEY_SIZE},
    };
    return module->C_CreateObject(session, template, BULLA_COUNT(template), key);
}

static enum bulla_reason keys_make(struct bulla_import *import)
{
    BULLA_SECRET uint8_t *value = NULL;
    struct bulla_import_wrapping *wrapping = &import->wrapping;
    void *memory = NULL;
    wrapping->tried = true;
    BULLA_TRY(bulla_secret_allocate(KEY_SIZE, &memory));
    value = memory;
    randombytes_buf(value, KEY_SIZE);
    CK_RV result = key_put(import->source.module, import->source.session, CKA_WRAP, value, &wrapping->source_key);
    enum bulla_reason reason = bulla_source_check(result, "taking the key to wrap with");
    if (result == CKR_OK) {
        result = key_put(import->target.module, import->target.session, CKA_UNWRAP, value, &wrapping->target_key);
        reason = bulla_client_check(&import->target, result, "taking the key to unwrap with");
    }
    if (result == CKR_OK || !bulla_import_is_objects_own(result))
        return reason;
    (void)snprintf(wrapping->why, sizeof wrapping->why, "%s", bulla_detail());
    return BULLA_OK;
}

static CK_RV source_wrap(
    struct bulla_import *import, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE object, uint8_t **wrapped, CK_ULONG *size)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    *wrapped = malloc(WRAPPED_LARGEST); /* ciphertext */
    *size = WRAPPED_LARGEST;
    return *wrapped ? import->source.module->C_WrapKey(
                          import->source.session, &mechanism, import->wrapping.source_key, object, *wrapped, size)
                    : CKR_HOST_MEMORY;
}

static CK_RV target_unwrap(struct bulla_import *import, CK_MECHANISM_TYPE type, uint8_t *wrapped, CK_ULONG size,
    struct bulla_carried *carried, struct bulla_import_row *row, CK_OBJECT_HANDLE *made)
{
    CK_ATTRIBUTE template[BULLA_CARRIED_LARGEST];
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_ULONG count = bulla_carried_template(carried, true, template);
    CK_RV result;
    do
        result = import->target.module->C_UnwrapKey(
            import->target.session, &mechanism, import->wrapping.target_key, wrapped, size, template, count, made);
    while (bulla_import_yield(result, template, count, row));
    return result;
}

/* One pair; *ours tells whose code it is. */
static CK_RV pair_try(struct bulla_import *import, size_t pair, CK_OBJECT_HANDLE object, struct bulla_carried *carried,
    struct bulla_import_row *row, CK_OBJECT_HANDLE *made, bool *ours)
{
    uint8_t *wrapped = NULL;
    CK_ULONG size = 0;
    *ours = false;
    CK_RV result = source_wrap(import, pairs[pair].source, object, &wrapped, &size);
    if (result == CKR_OK) {
        *ours = true;
        result = target_unwrap(import, pairs[pair].target, wrapped, size, carried, row, made);
    }
    free(wrapped);
    return result;
}

static enum bulla_reason pairs_try(struct bulla_import *import, CK_OBJECT_HANDLE object, struct bulla_carried *carried,
    struct bulla_import_row *row, CK_OBJECT_HANDLE *made)
{
    bool ours = false;
    CK_RV result = CKR_MECHANISM_INVALID;
    enum bulla_reason reason = BULLA_OK;
    for (size_t i = 0; i < BULLA_COUNT(pairs) && result != CKR_OK; i++) {
        if (!pair_is_able(import, i))
            continue;
        result = pair_try(import, i, object, carried, row, made, &ours);
        reason = ours ? bulla_client_check(&import->target, result, "unwrapping it")
                      : bulla_source_check(result, "wrapping it");
        if (result != CKR_OK && !bulla_import_is_objects_own(result))
            return reason;
    }
    row->unwrapped = result == CKR_OK;
    if (result != CKR_OK)
        (void)snprintf(row->why, sizeof row->why, "%s", bulla_detail());
    return BULLA_OK;
}

enum bulla_reason bulla_import_wrapped(struct bulla_import *import, CK_OBJECT_HANDLE object,
    struct bulla_carried *carried, struct bulla_import_row *row, CK_OBJECT_HANDLE *made)
{
    if (bulla_carried_flag(carried, CKA_WRAP_WITH_TRUSTED))
        (void)snprintf(row->why, sizeof row->why, "it may be wrapped by a trusted key only (CKA_WRAP_WITH_TRUSTED)");
    else if (!any_pair_is_able(import))
        (void)snprintf(row->why, sizeof row->why,
            "the source does not show it, and there is no AES key wrap that the source wraps with and bulla unwraps "
            "with");
    row->unwrapped = !*row->why;
    if (*row->why || import->settings->dry_run)
        return BULLA_OK;
    if (!import->wrapping.tried)
        BULLA_TRY(keys_make(import));
    if (*import->wrapping.why) {
        row->unwrapped = false;
        memcpy(row->why, import->wrapping.why, sizeof row->why);
        return BULLA_OK;
    }
    return pairs_try(import, object, carried, row, made);
}

void bulla_import_wrapping_end(struct bulla_import *import)
{
    if (import->wrapping.source_key != CK_INVALID_HANDLE)
        (void)import->source.module->C_DestroyObject(import->source.session, import->wrapping.source_key);
    if (import->wrapping.target_key != CK_INVALID_HANDLE)
        (void)import->target.module->C_DestroyObject(import->target.session, import->wrapping.target_key);
    import->wrapping.source_key = import->wrapping.target_key = CK_INVALID_HANDLE;
}
