#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "options.h"

enum { ATTRIBUTE_LARGEST = 16 << 20, LABELLED_LARGEST = 32 };

enum bulla_reason bulla_client_find(struct bulla_client *client, CK_ATTRIBUTE *template, CK_ULONG attributes,
    CK_OBJECT_HANDLE *handles, CK_ULONG capacity, CK_ULONG *count)
{
    *count = 0;
    CK_RV result = client->module->C_FindObjectsInit(client->session, template, attributes);
    BULLA_TRY(bulla_client_check(client, result, "looking for objects"));
    for (CK_ULONG got = 1; result == CKR_OK && got && *count < capacity; *count += got)
        result = client->module->C_FindObjects(client->session, handles + *count, capacity - *count, &got);
    CK_RV ended = client->module->C_FindObjectsFinal(client->session);
    return bulla_client_check(client, result == CKR_OK ? ended : result, "looking for objects");
}

/* Read without bulla_client_check: it reads the "why" object by this way itself. */
static CK_RV attribute_read(
    struct bulla_client *client, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, uint8_t **value, size_t *size)
{
    CK_ATTRIBUTE attribute = {type, NULL, 0};
    *value = NULL;
    *size = 0;
    CK_RV result = client->module->C_GetAttributeValue(client->session, object, &attribute, 1);
    if (result == CKR_ATTRIBUTE_TYPE_INVALID || attribute.ulValueLen == (CK_ULONG)-1)
        return result == CKR_OK ? CKR_ATTRIBUTE_TYPE_INVALID : result;
    if (result != CKR_OK || attribute.ulValueLen > ATTRIBUTE_LARGEST)
        return result == CKR_OK ? CKR_DEVICE_ERROR : result;
    uint8_t *bytes = calloc(1, attribute.ulValueLen + 1);
    if (!bytes)
        return CKR_HOST_MEMORY;
    CK_ULONG room = attribute.ulValueLen;
    attribute.pValue = bytes;
    result = client->module->C_GetAttributeValue(client->session, object, &attribute, 1);
    if (result != CKR_OK || attribute.ulValueLen > room) {
        free(bytes);
        return result == CKR_OK ? CKR_DEVICE_ERROR : result;
    }
    *value = bytes;
    *size = attribute.ulValueLen;
    return CKR_OK;
}

enum bulla_reason bulla_client_attribute(
    struct bulla_client *client, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, uint8_t **value, size_t *size)
{
    CK_RV result = attribute_read(client, object, type, value, size);
    if (result == CKR_ATTRIBUTE_TYPE_INVALID)
        return BULLA_OK;
    return bulla_client_check(client, result, "reading an attribute");
}

enum bulla_reason bulla_client_number(
    struct bulla_client *client, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_ULONG fallback, CK_ULONG *number)
{
    uint8_t *value = NULL;
    size_t size = 0;
    *number = fallback;
    BULLA_TRY(bulla_client_attribute(client, object, type, &value, &size));
    if (size == sizeof *number)
        memcpy(number, value, size);
    free(value);
    return BULLA_OK;
}

enum bulla_reason bulla_client_flag(
    struct bulla_client *client, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool *flag)
{
    uint8_t *value = NULL;
    size_t size = 0;
    BULLA_TRY(bulla_client_attribute(client, object, type, &value, &size));
    *flag = size == 1 && value[0] == CK_TRUE;
    free(value);
    return BULLA_OK;
}

static CK_RV document_find(struct bulla_client *client, const char *label, CK_OBJECT_HANDLE *object)
{
    CK_OBJECT_CLASS class = CKO_BULLA_STATUS;
    char name[32];
    (void)strncpy(name, label, sizeof name - 1);
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, name, strlen(label)}};
    CK_ULONG count = 0;
    CK_RV result = client->module->C_FindObjectsInit(client->session, template, BULLA_COUNT(template));
    if (result != CKR_OK)
        return result;
    result = client->module->C_FindObjects(client->session, object, 1, &count);
    (void)client->module->C_FindObjectsFinal(client->session);
    return result == CKR_OK && count == 0 ? CKR_OBJECT_HANDLE_INVALID : result;
}

enum bulla_reason bulla_client_document(struct bulla_client *client, const char *label, json_t **document)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    uint8_t *text = NULL;
    size_t size = 0;
    json_error_t error;
    *document = NULL;
    CK_RV result = document_find(client, label, &object);
    if (result == CKR_OK)
        result = attribute_read(client, object, CKA_VALUE, &text, &size);
    if (result != CKR_OK)
        return bulla_refuse(bulla_reason_of_ckr(result), "the token gives no \"%s\" (code 0x%lx)", label, result);
    *document = json_loadb((const char *)text, size, JSON_REJECT_DUPLICATES, &error);
    free(text);
    if (!json_is_object(*document)) {
        json_decref(*document);
        *document = NULL;
        return bulla_refuse(BULLA_MALFORMED, "the token's \"%s\" is not a JSON object: %s", label, error.text);
    }
    return BULLA_OK;
}

enum bulla_reason bulla_client_private_key(
    struct bulla_client *client, const char *label, const CK_KEY_TYPE *type, const char *what, CK_OBJECT_HANDLE *key)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE wanted = type ? *type : 0;
    CK_OBJECT_HANDLE found[2] = {CK_INVALID_HANDLE, CK_INVALID_HANDLE};
    CK_ULONG count = 0;
    *key = CK_INVALID_HANDLE;
    /* PKCS#11 has no const */
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
        {CKA_KEY_TYPE, &wanted, sizeof wanted}};
    BULLA_TRY(bulla_client_find(client, template, type ? 3 : 2, found, 2, &count));
    if (count != 1)
        return bulla_refuse(
            BULLA_ARGUMENT, count ? "the token has several %ss \"%s\"" : "there is no %s \"%s\"", what, label);
    *key = found[0];
    return BULLA_OK;
}

enum bulla_reason bulla_client_receipt_key(struct bulla_client *client, CK_OBJECT_HANDLE *key)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    char id[] = "receipt";
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_ID, id, sizeof id - 1}};
    CK_ULONG count = 0;
    BULLA_TRY(bulla_client_find(client, template, BULLA_COUNT(template), key, 1, &count));
    return count ? BULLA_OK : bulla_refuse(BULLA_KEY_INVALID, "the token has no receipt key");
}

enum bulla_reason bulla_client_is_model(struct bulla_client *client, CK_OBJECT_HANDLE key, bool *model)
{
    CK_ULONG mechanism = 0;
    BULLA_TRY(bulla_client_number(client, key, CKA_KEY_GEN_MECHANISM, CK_UNAVAILABLE_INFORMATION, &mechanism));
    *model = mechanism == CKM_BULLA_MODEL_KEY_GEN;
    return BULLA_OK;
}

enum bulla_reason bulla_client_model(struct bulla_client *client, const char *label, CK_OBJECT_HANDLE *key)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_OBJECT_HANDLE found[LABELLED_LARGEST];
    CK_ULONG count = 0;
    CK_ULONG models = 0;
    char *name = strdup(label); /* PKCS#11 has no const */
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, name, strlen(label)}};
    *key = CK_INVALID_HANDLE;
    enum bulla_reason reason =
        name ? bulla_client_find(client, template, BULLA_COUNT(template), found, LABELLED_LARGEST, &count)
             : bulla_refuse(BULLA_OUT_OF_MEMORY, "for a label");
    for (CK_ULONG i = 0; reason == BULLA_OK && i < count; i++) {
        bool model = false;
        reason = bulla_client_is_model(client, found[i], &model);
        *key = model ? found[i] : *key;
        models += model;
    }
    free(name);
    if (reason == BULLA_OK && models > 1)
        return bulla_refuse(BULLA_ARGUMENT, "%lu models are labelled \"%s\": rename all but one", models, label);
    return reason;
}

enum bulla_reason bulla_client_model_id(
    struct bulla_client *client, CK_OBJECT_HANDLE key, const char *label, char id[static 2 * BULLA_MODEL_ID + 1])
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    *id = '\0';
    BULLA_TRY(bulla_client_attribute(client, key, CKA_ID, &bytes, &size));
    if (size > 0 && size <= BULLA_MODEL_ID)
        bulla_hex_write(bytes, size, id);
    free(bytes);
    return *id ? BULLA_OK
               : bulla_refuse(BULLA_KEY_INVALID, "the id of \"%s\" has %zu bytes instead of 1 to %d", label, size,
                     BULLA_MODEL_ID);
}
