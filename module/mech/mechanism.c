#include "mechanism.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/cbor_scalar.h"
#include "evidence/plain_text.h"

enum { MECHANISMS_LARGEST = 320 };

/* Every row of every family. Whether a family is present is asked when one of its rows is looked up, or all are listed,
 * and not before: asking a library may cost more than all the rest of C_Initialize. */
struct place {
    const struct bulla_mechanism *row;
    const struct bulla_family *family;
};
static struct {
    struct place places[MECHANISMS_LARGEST];
    size_t count;
} sorted;
static struct {
    pthread_once_t once;
    const struct bulla_mechanism *rows[MECHANISMS_LARGEST];
    size_t count;
} listed = {.once = PTHREAD_ONCE_INIT};

static int by_type(const void *left, const void *right)
{
    CK_MECHANISM_TYPE a = ((const struct place *)left)->row->type, b = ((const struct place *)right)->row->type;
    return (a > b) - (a < b);
}

bool bulla_family_present(const struct bulla_family *family)
{
    return !family->present || family->present();
}

void bulla_mechanisms_sort(void)
{
    if (sorted.count)
        return;
    size_t count = 0;
    for (size_t i = 0; bulla_families[i]; i++)
        for (size_t j = 0; j < bulla_families[i]->count && count < MECHANISMS_LARGEST; j++)
            sorted.places[count++] = (struct place){&bulla_families[i]->mechanisms[j], bulla_families[i]};
    qsort(sorted.places, count, sizeof sorted.places[0], by_type);
    sorted.count = count;
}

static void list_present(void)
{
    for (size_t i = 0; i < sorted.count; i++)
        if (bulla_family_present(sorted.places[i].family))
            listed.rows[listed.count++] = sorted.places[i].row;
}

const struct bulla_mechanism *const *bulla_mechanisms(size_t *count)
{
    (void)pthread_once(&listed.once, list_present);
    *count = listed.count;
    return listed.rows;
}

const struct bulla_mechanism *bulla_mechanism_find(CK_MECHANISM_TYPE type)
{
    size_t low = 0, high = sorted.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct place *place = &sorted.places[middle];
        if (place->row->type == type)
            return bulla_family_present(place->family) ? place->row : NULL;
        if (place->row->type < type)
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
                return bulla_family_present(bulla_families[i]) ? &bulla_families[i]->kinds[j] : NULL;
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
