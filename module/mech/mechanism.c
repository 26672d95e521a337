#include "mechanism.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/cbor_scalar.h"
#include "evidence/plain_text.h"

enum { MECHANISMS_LARGEST = 320 };
static struct {
    const struct bulla_mechanism *rows[MECHANISMS_LARGEST];
    size_t count;
} sorted;

static int by_type(const void *left, const void *right)
{
    CK_MECHANISM_TYPE a = (*(const struct bulla_mechanism *const *)left)->type;
    CK_MECHANISM_TYPE b = (*(const struct bulla_mechanism *const *)right)->type;
    return (a > b) - (a < b);
}

void bulla_mechanisms_sort(void)
{
    if (sorted.count)
        return;
    size_t count = 0;
    for (size_t i = 0; bulla_families[i]; i++)
        for (size_t j = 0; j < bulla_families[i]->count && count < MECHANISMS_LARGEST; j++)
            sorted.rows[count++] = &bulla_families[i]->mechanisms[j];
    qsort(sorted.rows, count, sizeof sorted.rows[0], by_type); /* NOLINT(bugprone-sizeof-expression): of pointers */
    sorted.count = count;
}

const struct bulla_mechanism *const *bulla_mechanisms(size_t *count)
{
    *count = sorted.count;
    return sorted.rows;
}

const struct bulla_mechanism *bulla_mechanism_find(CK_MECHANISM_TYPE type)
{
    size_t low = 0, high = sorted.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sorted.rows[middle]->type == type)
            return sorted.rows[middle];
        if (sorted.rows[middle]->type < type)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct bulla_key_kind *bulla_key_kind_find(CK_KEY_TYPE type)
{
    for (size_t i = 0; bulla_families[i]; i++)
        for (size_t j = 0; j < bulla_families[i]->kind_count; j++)
            if (bulla_families[i]->kinds[j].type == type)
                return &bulla_families[i]->kinds[j];
    return NULL;
}

const CK_ATTRIBUTE_TYPE *bulla_key_kind_needs(const struct bulla_key_kind *kind, CK_OBJECT_CLASS object_class)
{
    switch (object_class) {
    case CKO_PUBLIC_KEY:
        return kind->public_needs;
    case CKO_PRIVATE_KEY:
        return kind->private_needs;
    case CKO_SECRET_KEY:
        return kind->secret_needs;
    default:
        return NULL;
    }
}

enum bulla_reason bulla_mechanism_bare(const CK_MECHANISM *mechanism)
{
    if (mechanism->pParameter || mechanism->ulParameterLen)
        return bulla_refuse(BULLA_PARAMETER, "mechanism 0x%lx takes no parameter", mechanism->mechanism);
    return BULLA_OK;
}

enum bulla_reason bulla_mechanism_parameter(const CK_MECHANISM *mechanism, size_t size)
{
    if (!mechanism->pParameter || mechanism->ulParameterLen != size)
        return bulla_refuse(BULLA_PARAMETER, "mechanism 0x%lx takes a parameter of %zu bytes, not %lu",
            mechanism->mechanism, size, mechanism->ulParameterLen);
    return BULLA_OK;
}

void bulla_key_name(const struct bulla_key *key, char name[static BULLA_KEY_NAME])
{
    enum { ID_SHOWN = (BULLA_KEY_NAME - 1) / 2 };
    if (key->label.size && key->label.size < BULLA_KEY_NAME && bulla_utf8_valid(key->label) &&
        bulla_text_is_plain(key->label)) {
        (void)snprintf(name, BULLA_KEY_NAME, "%.*s", (int)key->label.size, (const char *)key->label.data);
        return;
    }
    (void)sodium_bin2hex(name, BULLA_KEY_NAME, key->id.data, key->id.size < ID_SHOWN ? key->id.size : ID_SHOWN);
}
