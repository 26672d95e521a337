/* Sizes are asked for first, one attribute a call, because modules differ in what they do with a template of which they
 * refuse one; then all the values are read into one block, which is locked before the first byte of it is there. */
#include "carried.h"

#include <string.h>

#include "carried_table.h"
#include "crypto/arena.h"

enum { ALIGNMENT = 16, VALUE_LARGEST = 16 << 20 };

static CK_RV number_read(CK_FUNCTION_LIST *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE_TYPE type, CK_ULONG *number)
{
    CK_ATTRIBUTE attribute = {type, number, sizeof *number};
    CK_RV result = module->C_GetAttributeValue(session, object, &attribute, 1);
    return result == CKR_OK && attribute.ulValueLen != sizeof *number ? CKR_ATTRIBUTE_VALUE_INVALID : result;
}

/* 0 for a value that the token does not have or give. */
static CK_RV size_read(CK_FUNCTION_LIST *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE_TYPE type, CK_ULONG *size)
{
    CK_ATTRIBUTE attribute = {type, NULL, 0};
    CK_RV result = module->C_GetAttributeValue(session, object, &attribute, 1);
    bool absent = result == CKR_ATTRIBUTE_SENSITIVE || result == CKR_ATTRIBUTE_TYPE_INVALID ||
                  attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION;
    *size = absent ? 0 : attribute.ulValueLen;
    if (absent)
        return CKR_OK;
    return result == CKR_OK && *size > VALUE_LARGEST ? CKR_DATA_LEN_RANGE : result;
}

/* CK_INVALID_HANDLE for none, and for several, of which nobody knows the right one. */
static CK_OBJECT_HANDLE twin_find(
    CK_FUNCTION_LIST *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_KEY_TYPE type)
{
    enum { ID_LARGEST = 256 };
    uint8_t id[ID_LARGEST];
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_OBJECT_HANDLE found[2];
    CK_ULONG count = 0;
    CK_ATTRIBUTE template[] = {
        {CKA_ID, id, sizeof id}, {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}};
    if (module->C_GetAttributeValue(session, object, template, 1) != CKR_OK || template[0].ulValueLen == 0 ||
        module->C_FindObjectsInit(session, template, sizeof template / sizeof *template) != CKR_OK)
        return CK_INVALID_HANDLE;
    CK_RV result = module->C_FindObjects(session, found, 2, &count);
    (void)module->C_FindObjectsFinal(session);
    return result == CKR_OK && count == 1 ? found[0] : CK_INVALID_HANDLE;
}

static CK_RV room_make(struct bulla_carried *carried, size_t size, uint8_t **room)
{
    enum bulla_reason reason = size <= BULLA_ARENA_LARGEST
                                   ? bulla_secret_allocate(size, &carried->secret)
                                   : bulla_pages_lock(&carried->pages, size, "an object on its way");
    *room = carried->secret ? carried->secret : carried->pages.data;
    carried->memory = reason;
    return reason == BULLA_OK ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV sizes_read(CK_FUNCTION_LIST *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    struct bulla_carried *carried, size_t *total)
{
    size_t rows = 0;
    const struct bulla_carried_row *row = bulla_carried_rows(&rows);
    for (const struct bulla_carried_row *end = row + rows; row < end; row++) {
        CK_ULONG size = 0;
        if (!bulla_carried_row_fits(row, carried->class, carried->type))
            continue;
        CK_RV result = size_read(module, session, object, row->type, &size);
        if (result == CKR_OK && !size && row->type == CKA_EC_POINT && carried->twin != CK_INVALID_HANDLE)
            result = size_read(module, session, carried->twin, row->type, &size);
        else if (row->type == CKA_EC_POINT)
            carried->twin = CK_INVALID_HANDLE;
        if (result != CKR_OK)
            return result;
        carried->sealed = carried->sealed || (!size && row->role == BULLA_CARRIED_SECRET);
        if (!size || carried->count == BULLA_CARRIED_LARGEST)
            continue;
        carried->attributes[carried->count++] = (CK_ATTRIBUTE){row->type, NULL, size};
        *total += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    return CKR_OK;
}

static CK_RV values_read(CK_FUNCTION_LIST *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    struct bulla_carried *carried, uint8_t *room)
{
    for (CK_ULONG i = 0; i < carried->count; i++) {
        CK_ATTRIBUTE *attribute = &carried->attributes[i];
        CK_ULONG size = attribute->ulValueLen;
        attribute->pValue = room;
        bool twins = attribute->type == CKA_EC_POINT && carried->twin != CK_INVALID_HANDLE;
        CK_RV result = module->C_GetAttributeValue(session, twins ? carried->twin : object, attribute, 1);
        if (result != CKR_OK || attribute->ulValueLen > size)
            return result == CKR_OK ? CKR_DATA_LEN_RANGE : result;
        room += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    return CKR_OK;
}

CK_RV bulla_carried_read(CK_FUNCTION_LIST *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, bool twin,
    struct bulla_carried *carried)
{
    size_t total = 0;
    uint8_t *room = NULL;
    memset(carried, 0, sizeof *carried);
    carried->type = CK_UNAVAILABLE_INFORMATION;
    CK_RV result = number_read(module, session, object, CKA_CLASS, &carried->class);
    if (result == CKR_OK && bulla_carried_is_key(carried->class))
        result = number_read(module, session, object, CKA_KEY_TYPE, &carried->type);
    if (result == CKR_OK && twin && carried->class == CKO_PRIVATE_KEY)
        carried->twin = twin_find(module, session, object, carried->type);
    if (result == CKR_OK)
        result = sizes_read(module, session, object, carried, &total);
    if (result == CKR_OK && total)
        result = room_make(carried, total, &room);
    if (result == CKR_OK && total)
        result = values_read(module, session, object, carried, room);
    carried->known = bulla_carried_is_known(carried->class, carried->type);
    if (result != CKR_OK) {
        enum bulla_reason memory = carried->memory;
        bulla_carried_release(carried);
        carried->memory = memory;
    }
    return result;
}

void bulla_carried_release(struct bulla_carried *carried)
{
    bulla_secret_free(carried->secret);
    bulla_pages_release(&carried->pages);
    memset(carried, 0, sizeof *carried);
}

CK_ATTRIBUTE *bulla_carried_find(struct bulla_carried *carried, CK_ATTRIBUTE_TYPE type)
{
    for (CK_ULONG i = 0; i < carried->count; i++)
        if (carried->attributes[i].type == type)
            return &carried->attributes[i];
    return NULL;
}

bool bulla_carried_flag(struct bulla_carried *carried, CK_ATTRIBUTE_TYPE type)
{
    const CK_ATTRIBUTE *found = bulla_carried_find(carried, type);
    return found && found->ulValueLen == 1 && *(const CK_BBOOL *)found->pValue != CK_FALSE;
}

CK_ULONG bulla_carried_template(
    struct bulla_carried *carried, bool unwrapping, CK_ATTRIBUTE template[static BULLA_CARRIED_LARGEST])
{
    static CK_BBOOL yes = CK_TRUE; /* what a template points to is not written */
    CK_ULONG count = 0;
    size_t rows = 0;
    const struct bulla_carried_row *row = bulla_carried_rows(&rows);
    template[count++] = (CK_ATTRIBUTE){CKA_TOKEN, &yes, sizeof yes};
    if ((carried->class == CKO_PRIVATE_KEY || carried->class == CKO_SECRET_KEY) &&
        !bulla_carried_find(carried, CKA_SENSITIVE))
        template[count++] = (CK_ATTRIBUTE){CKA_SENSITIVE, &yes, sizeof yes};
    for (const struct bulla_carried_row *end = row + rows; row < end; row++) {
        bool part = row->role == BULLA_CARRIED_SECRET || row->role == BULLA_CARRIED_PART;
        const CK_ATTRIBUTE *found =
            bulla_carried_row_fits(row, carried->class, carried->type) ? bulla_carried_find(carried, row->type) : NULL;
        if (found && row->role != BULLA_CARRIED_READ && !(part && unwrapping) && count < BULLA_CARRIED_LARGEST)
            template[count++] = *found;
    }
    return count;
}
