/* C_GetAttributeValue: what may be read of an object, attribute by attribute. */
#include <sodium.h>

#include "evolving.h"
#include "follow.h"
#include "objects.h"
#include "refusal.h"
#include "template.h"

static void answer(CK_ATTRIBUTE *attribute, struct bulla_bytes value, CK_RV *rv)
{
    if (!attribute->pValue)
        attribute->ulValueLen = value.size;
    else if (attribute->ulValueLen < value.size) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        *rv = CKR_BUFFER_TOO_SMALL;
    } else {
        if (value.size)
            memcpy(attribute->pValue, value.data, value.size);
        attribute->ulValueLen = value.size;
    }
}

/* One attribute of an array: its type is told, its length, and its value where there is room (5.7.5). */
static void answer_inside(CK_ATTRIBUTE *attribute, const struct bulla_attribute *item, CK_RV *rv)
{
    attribute->type = item->type;
    answer(attribute, item->value, rv);
}

/* An array of attributes. What lies in the caller's buffer is read: its elements say where the values go. */
static void answer_nested(CK_ATTRIBUTE *attribute, struct bulla_bytes encoded, CK_RV *rv)
{
    CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST];
    struct bulla_attribute_list nested;
    nested.count = 0;
    enum bulla_reason reason = encoded.size ? bulla_attributes_decode(encoded, numbers, &nested) : BULLA_OK;
    CK_ULONG size = nested.count * sizeof(CK_ATTRIBUTE);
    if (reason != BULLA_OK || (attribute->pValue && attribute->ulValueLen < size)) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        *rv = reason == BULLA_OK ? CKR_BUFFER_TOO_SMALL : CKR_GENERAL_ERROR;
        return;
    }
    CK_ATTRIBUTE *inside = attribute->pValue;
    for (size_t i = 0; inside && i < nested.count; i++)
        answer_inside(&inside[i], &nested.items[i], rv);
    attribute->ulValueLen = size;
}

static void refuse_attribute(CK_ATTRIBUTE *attribute, CK_RV code, CK_RV *rv)
{
    attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
    *rv = code;
}

/* What a key that evolves is at present: its period, and its raw form where the owner let it out. */
static void get_state(struct bulla_session *session, struct bulla_object *object, CK_ATTRIBUTE *attribute, CK_RV *rv)
{
    BULLA_RELEASED struct bulla_secret raw = {0};
    CK_ULONG period = 0;
    bool value = attribute->type == CKA_VALUE;
    enum bulla_reason reason = bulla_evolving_read(session->token, object, &period, value ? &raw : NULL);
    if (reason != BULLA_OK)
        refuse_attribute(attribute, bulla_token_refusal(session->token, "read", reason), rv);
    else if (value)
        answer(attribute, (struct bulla_bytes){raw.data, raw.size}, rv);
    else
        answer(attribute, (struct bulla_bytes){(const uint8_t *)&period, sizeof period}, rv);
}

static void get_sealed(struct bulla_session *session, struct bulla_object *object, CK_ATTRIBUTE *attribute, CK_RV *rv)
{
    struct bulla_bytes passphrase = {session->passphrase.data, session->passphrase.size};
    enum bulla_reason reason = bulla_vault_open(session->token, object, passphrase);
    if (reason != BULLA_OK) {
        refuse_attribute(attribute, bulla_token_refusal(session->token, "read", reason), rv);
        return;
    }
    struct bulla_bytes value = bulla_vault_value(object, attribute->type);
    if (value.data)
        answer(attribute, value, rv);
    else
        refuse_attribute(attribute, CKR_ATTRIBUTE_TYPE_INVALID, rv);
    (void)pthread_mutex_unlock(&object->lock);
}

/* Tools ask every RSA public key for its size, and few of them give it. */
static CK_ULONG modulus_bits(const struct bulla_object *object)
{
    struct bulla_bytes modulus = bulla_attributes_get(object->attributes, CKA_MODULUS);
    while (modulus.size && !*modulus.data) {
        modulus.data++;
        modulus.size--;
    }
    return modulus.size ? 8 * modulus.size - (unsigned)(__builtin_clz(*modulus.data) - 24) : 0;
}

static void get_one(struct bulla_session *session, struct bulla_object *object, CK_ATTRIBUTE *attribute, CK_RV *rv)
{
    const struct bulla_attribute_row *row = bulla_attribute_row(attribute->type);
    struct bulla_bytes value = bulla_attributes_get(object->attributes, attribute->type);
    if (attribute->type == CKA_UNIQUE_ID) {
        char hex[33];
        (void)sodium_bin2hex(hex, sizeof hex, object->id, 16);
        answer(attribute, BULLA_TEXT(hex), rv);
    } else if (value.data && row && row->kind == BULLA_TEMPLATE) {
        answer_nested(attribute, value, rv);
    } else if (value.data) {
        answer(attribute, value, rv);
    } else if (attribute->type == CKA_BULLA_KES_PERIOD && bulla_object_evolves(object)) {
        get_state(session, object, attribute, rv);
    } else if (attribute->type == CKA_MODULUS_BITS && object->object_class == CKO_PUBLIC_KEY && modulus_bits(object)) {
        CK_ULONG bits = modulus_bits(object);
        answer(attribute, (struct bulla_bytes){(const uint8_t *)&bits, sizeof bits}, rv);
    } else if (!row || !(row->classes & bulla_class_bit(object->object_class)) || !(row->flags & BULLA_SENSITIVE) ||
               bulla_object_is_model_key(object)) {
        refuse_attribute(attribute, CKR_ATTRIBUTE_TYPE_INVALID, rv);
    } else if (row->flags & BULLA_WRITE_ONLY) {
        refuse_attribute(attribute, CKR_ATTRIBUTE_SENSITIVE, rv);
    } else if (bulla_object_is_own_key(object) && (bulla_attributes_bool(object->attributes, CKA_SENSITIVE) ||
                                                      !bulla_attributes_bool(object->attributes, CKA_EXTRACTABLE))) {
        refuse_attribute(attribute, CKR_ATTRIBUTE_SENSITIVE, rv);
    } else if (bulla_object_evolves(object)) {
        get_state(session, object, attribute, rv);
    } else {
        get_sealed(session, object, attribute, rv);
    }
}

CK_RV bulla_objects_get(
    struct bulla_session *session, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    struct bulla_object *object;
    if (count > BULLA_TEMPLATE_MOST)
        return CKR_ARGUMENTS_BAD;
    CK_RV rv = bulla_follow_handle(session, handle, &object);
    if (!object)
        return rv == CKR_OK ? CKR_OBJECT_HANDLE_INVALID : rv;
    for (CK_ULONG i = 0; i < count; i++)
        get_one(session, object, &attributes[i], &rv);
    bulla_object_drop(object);
    return rv;
}

CK_RV bulla_objects_size(struct bulla_session *session, CK_OBJECT_HANDLE handle, CK_ULONG *size)
{
    struct bulla_object *object;
    CK_RV rv = bulla_follow_handle(session, handle, &object);
    if (!object)
        return rv == CKR_OK ? CKR_OBJECT_HANDLE_INVALID : rv;
    *size = object->sealed_size;
    for (size_t i = 0; i < object->attributes->count; i++)
        *size += object->attributes->items[i].value.size;
    bulla_object_drop(object);
    return CKR_OK;
}
