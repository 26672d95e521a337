#include "object.h"

#include <stdlib.h>
#include <string.h>

static atomic_ulong last_handle;

struct bulla_object *bulla_object_make(struct bulla_attributes *attributes)
{
    struct bulla_object *object = calloc(1, sizeof *object);
    if (!object) {
        bulla_attributes_free(attributes);
        return NULL;
    }
    atomic_init(&object->references, 1);
    (void)pthread_mutex_init(&object->lock, NULL);
    object->attributes = attributes;
    object->object_class = bulla_attributes_ulong(attributes, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
    return object;
}

struct bulla_object *bulla_object_keep(struct bulla_object *object)
{
    if (object)
        (void)atomic_fetch_add_explicit(&object->references, 1, memory_order_relaxed);
    return object;
}

void bulla_object_shut_locked(struct bulla_object *object)
{
    bulla_material_drop(object->material);
    object->material = NULL;
    bulla_secret_release(&object->opened);
}

void bulla_object_shut(struct bulla_object *object)
{
    (void)pthread_mutex_lock(&object->lock);
    bulla_object_shut_locked(object);
    object->expires = 0;
    (void)pthread_mutex_unlock(&object->lock);
}

void bulla_object_drop(struct bulla_object *object)
{
    if (!object || atomic_fetch_sub_explicit(&object->references, 1, memory_order_acq_rel) != 1)
        return;
    bulla_object_shut(object);
    (void)pthread_mutex_destroy(&object->lock);
    bulla_attributes_free(object->attributes);
    free(object->sealed);
    free(object);
}

bool bulla_object_is_private(const struct bulla_object *object)
{
    return bulla_attributes_bool(object->attributes, CKA_PRIVATE);
}

/* A model key's value is nobody's attribute: it has none to ask for, sensitive or not. */
bool bulla_object_is_model_key(const struct bulla_object *object)
{
    return object->object_class == CKO_SECRET_KEY &&
           bulla_attributes_get(object->attributes, CKA_ALLOWED_MECHANISMS).data &&
           bulla_attributes_allow(object->attributes, CKM_BULLA_SEAL);
}

bool bulla_object_is_own_key(const struct bulla_object *object)
{
    return object->object_class == CKO_SECRET_KEY || object->object_class == CKO_PRIVATE_KEY;
}

/* Where the handle is, or would be put. */
static size_t position(const struct bulla_index *index, CK_OBJECT_HANDLE handle)
{
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (index->objects[middle]->handle < handle)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool grow(struct bulla_index *index)
{
    if (index->count < index->capacity)
        return true;
    size_t capacity = index->capacity ? 2 * index->capacity : 64;
    struct bulla_object **objects = realloc(index->objects, capacity * sizeof(struct bulla_object *));
    if (!objects)
        return false;
    index->objects = objects;
    index->capacity = capacity;
    return true;
}

bool bulla_index_put(struct bulla_index *index, struct bulla_object *object)
{
    if (object->handle == 0)
        object->handle = atomic_fetch_add(&last_handle, 1) + 1;
    size_t at = position(index, object->handle);
    if (at < index->count && index->objects[at]->handle == object->handle) {
        bulla_object_drop(index->objects[at]);
        index->objects[at] = object;
        return true;
    }
    if (!grow(index))
        return false;
    memmove(&index->objects[at + 1], &index->objects[at], (index->count - at) * sizeof(struct bulla_object *));
    index->objects[at] = object;
    index->count++;
    return true;
}

struct bulla_object *bulla_index_find(const struct bulla_index *index, CK_OBJECT_HANDLE handle)
{
    size_t at = position(index, handle);
    return at < index->count && index->objects[at]->handle == handle ? index->objects[at] : NULL;
}

struct bulla_object *bulla_index_next(const struct bulla_index *index, CK_OBJECT_HANDLE after)
{
    size_t at = position(index, after + 1);
    return at < index->count ? index->objects[at] : NULL;
}

struct bulla_object *bulla_index_find_id(const struct bulla_index *index, const uint8_t id[static 16])
{
    for (size_t i = index->count; i-- > 0;)
        if (memcmp(index->objects[i]->id, id, 16) == 0)
            return index->objects[i];
    return NULL;
}

void bulla_index_remove(struct bulla_index *index, CK_OBJECT_HANDLE handle)
{
    size_t at = position(index, handle);
    if (at == index->count || index->objects[at]->handle != handle)
        return;
    bulla_object_drop(index->objects[at]);
    index->count--;
    memmove(&index->objects[at], &index->objects[at + 1], (index->count - at) * sizeof(struct bulla_object *));
}

void bulla_index_clear(struct bulla_index *index, CK_SESSION_HANDLE owner)
{
    size_t kept = 0;
    for (size_t i = 0; i < index->count; i++) {
        if (owner == 0 || index->objects[i]->owner == owner)
            bulla_object_drop(index->objects[i]);
        else
            index->objects[kept++] = index->objects[i];
    }
    index->count = kept;
}

void bulla_index_free(struct bulla_index *index)
{
    bulla_index_clear(index, 0);
    free(index->objects);
    *index = (struct bulla_index){0};
}
