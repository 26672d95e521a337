/* One array and one hash table.
 *
 * The array ascends by handle. Handles are given out ascending, so a new object goes to its end.
 *
 * The table's chains run through the objects themselves (struct bulla_index_link): nothing is allocated for an object,
 * and taking one out of its chains needs no search, even where thousands have the same label. The hash is SipHash-2-4
 * under a random key of the index. The table grows to four times its size when there
 * are more objects than a quarter of the chains: most chains are empty then, so linking seldom touches another object.
 * The links keep their hashes for that.
 *
 * A session's own objects are found by their owner. A few are removed one by one; many, in one pass over the array that
 * begins at the first of them. */
#include "index.h"

#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BITS = 8, HASHED_LARGEST = 64, REMOVED_SINGLY = 16 };

/* --- the chains --- */

static struct bulla_object *object_of(const struct bulla_index_link *link)
{
    return (struct bulla_object *)((uintptr_t)(link - link->key) - offsetof(struct bulla_object, links));
}

/* Long values are hashed by their beginning and their size: labels are short, and the caller compares anyway. */
static uint32_t hash_of(const struct bulla_index *index, enum bulla_index_key key, struct bulla_bytes value)
{
    uint8_t bytes[1 + 8 + HASHED_LARGEST] = {(uint8_t)key};
    uint64_t size = value.size, hash = 0;
    size_t used = value.size < HASHED_LARGEST ? value.size : HASHED_LARGEST;
    memcpy(bytes + 1, &size, sizeof size);
    if (used)
        memcpy(bytes + 9, value.data, used);
    (void)crypto_shorthash((uint8_t *)&hash, bytes, 9 + used, index->hash_key);
    return (uint32_t)hash;
}

static struct bulla_index_link **head_of(const struct bulla_index *index, uint32_t hash)
{
    return &index->heads[hash & (((size_t)1 << index->bits) - 1)];
}

static void link_in(const struct bulla_index *index, struct bulla_index_link *link)
{
    struct bulla_index_link **head = head_of(index, link->hash);
    link->next = *head;
    link->from = head;
    if (link->next)
        link->next->from = &link->next;
    *head = link;
}

static void link_out(struct bulla_index_link *link)
{
    if (!link->from)
        return;
    *link->from = link->next;
    if (link->next)
        link->next->from = link->from;
    *link = (struct bulla_index_link){0};
}

/* What an object is found by; data NULL: not by this key. */
static struct bulla_bytes value_of(const struct bulla_object *object, enum bulla_index_key key)
{
    switch (key) {
    case BULLA_INDEX_UNIQUE_ID:
        return BULLA_BYTES(object->id);
    case BULLA_INDEX_ID:
        return bulla_attributes_get(object->attributes, CKA_ID);
    case BULLA_INDEX_LABEL:
        return bulla_attributes_get(object->attributes, CKA_LABEL);
    case BULLA_INDEX_OWNER:
        return object->owner ? (struct bulla_bytes){(const uint8_t *)&object->owner, sizeof object->owner}
                             : (struct bulla_bytes){NULL, 0};
    default:
        return (struct bulla_bytes){NULL, 0};
    }
}

/* Chains' heads lie far apart: all are asked of memory before the first is waited for. */
static void chain(const struct bulla_index *index, struct bulla_object *object)
{
    bool linked[BULLA_INDEX_KEYS];
    for (int key = 0; key < BULLA_INDEX_KEYS; key++) {
        struct bulla_bytes value = value_of(object, key);
        object->links[key] = (struct bulla_index_link){0};
        linked[key] = value.data != NULL;
        if (!linked[key])
            continue;
        object->links[key].hash = hash_of(index, key, value);
        object->links[key].key = (uint32_t)key;
        __builtin_prefetch(head_of(index, object->links[key].hash), 1);
    }
    for (int key = 0; key < BULLA_INDEX_KEYS; key++)
        if (linked[key])
            link_in(index, &object->links[key]);
}

static void unchain(struct bulla_object *object)
{
    for (int key = 0; key < BULLA_INDEX_KEYS; key++)
        link_out(&object->links[key]);
}

static bool grow_table(struct bulla_index *index)
{
    unsigned bits = index->heads ? index->bits + 2 : FIRST_BITS;
    if (index->heads && index->count < (size_t)1 << (index->bits - 2))
        return true;
    struct bulla_index_link **heads = calloc((size_t)1 << bits, sizeof(struct bulla_index_link *));
    if (!heads)
        return false;
    if (!index->heads)
        randombytes_buf(index->hash_key, sizeof index->hash_key);
    free(index->heads); /* the links' `from`s are all set anew below */
    index->heads = heads;
    index->bits = bits;
    for (size_t i = 0; i < index->count; i++)
        for (int key = 0; key < BULLA_INDEX_KEYS; key++)
            if (index->objects[i]->links[key].from)
                link_in(index, &index->objects[i]->links[key]);
    return true;
}

/* --- walks --- */

struct bulla_index_walk bulla_index_with(
    const struct bulla_index *index, enum bulla_index_key key, struct bulla_bytes value)
{
    if (!index->heads)
        return (struct bulla_index_walk){key, 0, NULL};
    uint32_t hash = hash_of(index, key, value);
    return (struct bulla_index_walk){key, hash, *head_of(index, hash)};
}

/* Links of other values and keys share the chain. */
struct bulla_object *bulla_index_step(struct bulla_index_walk *walk)
{
    const struct bulla_index_link *link = walk->link;
    while (link && (link->hash != walk->hash || link->key != walk->key))
        link = link->next;
    walk->link = link ? link->next : NULL;
    return link ? object_of(link) : NULL;
}

struct bulla_index_walk bulla_index_shorter(struct bulla_index_walk left, struct bulla_index_walk right)
{
    const struct bulla_index_link *a = left.link, *b = right.link;
    while (a && b) {
        a = a->next;
        b = b->next;
    }
    return a ? right : left;
}

/* --- the array --- */

/* Where the handle is, or would be put. */
static size_t position(const struct bulla_index *index, CK_OBJECT_HANDLE handle)
{
    size_t low = 0, high = index->count;
    if (high && index->objects[high - 1]->handle < handle)
        return high;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (index->objects[middle]->handle < handle)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool grow_array(struct bulla_index *index)
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

/* Takes one out of its chains, and gives its reference back. */
static void let_go(struct bulla_object *object)
{
    unchain(object);
    bulla_object_drop(object);
}

bool bulla_index_put(struct bulla_index *index, struct bulla_object *object)
{
    if (object->handle == 0)
        object->handle = bulla_object_new_handle();
    size_t at = position(index, object->handle);
    if (at < index->count && index->objects[at]->handle == object->handle) {
        (void)atomic_fetch_add(&index->epoch, 1);
        let_go(index->objects[at]);
    } else {
        if (!grow_array(index) || !grow_table(index))
            return false;
        memmove(&index->objects[at + 1], &index->objects[at], (index->count - at) * sizeof(struct bulla_object *));
        index->count++;
    }
    index->objects[at] = object;
    chain(index, object);
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
    struct bulla_object *object, *found = NULL;
    struct bulla_index_walk walk = bulla_index_with(index, BULLA_INDEX_UNIQUE_ID, (struct bulla_bytes){id, 16});
    while ((object = bulla_index_step(&walk)))
        if (memcmp(object->id, id, 16) == 0 && (!found || object->handle > found->handle))
            found = object;
    return found;
}

void bulla_index_remove(struct bulla_index *index, CK_OBJECT_HANDLE handle)
{
    size_t at = position(index, handle);
    if (at == index->count || index->objects[at]->handle != handle)
        return;
    (void)atomic_fetch_add(&index->epoch, 1);
    let_go(index->objects[at]);
    index->count--;
    memmove(&index->objects[at], &index->objects[at + 1], (index->count - at) * sizeof(struct bulla_object *));
}

/* How many objects the owner has, and the lowest of their handles. */
static size_t owned(const struct bulla_index *index, CK_SESSION_HANDLE owner, CK_OBJECT_HANDLE *first)
{
    size_t count = 0;
    const struct bulla_object *object;
    struct bulla_index_walk walk =
        bulla_index_with(index, BULLA_INDEX_OWNER, (struct bulla_bytes){(const uint8_t *)&owner, sizeof owner});
    while ((object = bulla_index_step(&walk)))
        if (object->owner == owner)
            *first = count++ && *first < object->handle ? *first : object->handle;
    return count;
}

static void sweep(struct bulla_index *index, CK_SESSION_HANDLE owner, size_t from)
{
    size_t kept = from;
    for (size_t i = from; i < index->count; i++) {
        if (owner == 0 || index->objects[i]->owner == owner)
            let_go(index->objects[i]);
        else
            index->objects[kept++] = index->objects[i];
    }
    index->count = kept;
}

void bulla_index_clear(struct bulla_index *index, CK_SESSION_HANDLE owner)
{
    CK_OBJECT_HANDLE first = 0;
    size_t count = owner ? owned(index, owner, &first) : index->count;
    if (owner && count && count <= REMOVED_SINGLY)
        for (; count; count = owned(index, owner, &first))
            bulla_index_remove(index, first);
    else if (count) {
        (void)atomic_fetch_add(&index->epoch, 1);
        sweep(index, owner, owner ? position(index, first) : 0);
    }
}

void bulla_index_free(struct bulla_index *index)
{
    bulla_index_clear(index, 0);
    free(index->objects);
    free(index->heads);
    *index = (struct bulla_index){0};
}
