#include "object.h"

#include <stdlib.h>

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

CK_OBJECT_HANDLE bulla_object_new_handle(void)
{
    return atomic_fetch_add(&last_handle, 1) + 1;
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

bool bulla_object_is_plain(const struct bulla_object *object)
{
    struct bulla_attribute_list list;
    bulla_list_from(&list, object->attributes);
    return bulla_list_is_plain(&list);
}

bool bulla_object_is_own_key(const struct bulla_object *object)
{
    return object->object_class == CKO_SECRET_KEY || object->object_class == CKO_PRIVATE_KEY;
}

bool bulla_object_evolves(const struct bulla_object *object)
{
    return object->object_class == CKO_PRIVATE_KEY &&
           bulla_attributes_ulong(object->attributes, CKA_KEY_TYPE, 0) == CKK_BULLA_KES;
}
