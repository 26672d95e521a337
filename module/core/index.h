/* The index of a token's objects: by handle, and by what callers look for.
 *
 * Objects are kept ascending by handle. Beside that, one hash table leads to them by their unique id, by their CKA_ID
 * and CKA_LABEL where these are public, and by the session that owns them. What is sealed is in no attribute set and so
 * in no table. An object is in one index at a time. Not thread-safe: the token's lock guards it. */
#ifndef BULLA_CORE_INDEX_H
#define BULLA_CORE_INDEX_H

#include "object.h"

struct bulla_index {
    struct bulla_object **objects; /* ascending by handle */
    size_t count, capacity;
    struct bulla_index_link **heads; /* 2^bits chains; NULL before the first object */
    unsigned bits;
    uint8_t hash_key[16]; /* of this index: nobody who writes objects can foresee what shares a chain */
    /* Moves whenever an object is replaced or removed: who took one from the index while it was this number, and finds
     * the same number now, has what the index has. Read without the lock. */
    atomic_ullong epoch;
};

/* The index takes over the caller's reference; with handle 0 the object gets a new one, else it replaces its namesake.
 * False without memory: the reference is the caller's still. */
bool bulla_index_put(struct bulla_index *index, struct bulla_object *object);
struct bulla_object *bulla_index_find(const struct bulla_index *index, CK_OBJECT_HANDLE handle);
/* Of several with the same id, the one with the highest handle. */
struct bulla_object *bulla_index_find_id(const struct bulla_index *index, const uint8_t id[static 16]);
/* The first one behind a handle (0 begins), or NULL. */
struct bulla_object *bulla_index_next(const struct bulla_index *index, CK_OBJECT_HANDLE after);
void bulla_index_remove(struct bulla_index *index, CK_OBJECT_HANDLE handle);
/* Removes every object of a session (owner), or every object (owner 0). A session without objects costs nothing. */
void bulla_index_clear(struct bulla_index *index, CK_SESSION_HANDLE owner);
void bulla_index_free(struct bulla_index *index);

/* A walk over few objects instead of all: those that share a chain with the value that is looked for, in no order, and
 * by chance some others: the caller compares. Nothing is put or removed meanwhile.
 *     struct bulla_index_walk walk = bulla_index_with(index, BULLA_INDEX_LABEL, label);
 *     while ((object = bulla_index_step(&walk))) …                                                                  */
struct bulla_index_walk {
    enum bulla_index_key key;
    uint32_t hash;
    const struct bulla_index_link *link;
};
struct bulla_index_walk bulla_index_with(
    const struct bulla_index *index, enum bulla_index_key key, struct bulla_bytes value);
struct bulla_object *bulla_index_step(struct bulla_index_walk *walk);
/* Which of two walks ends first, found in as many steps as that one has. */
struct bulla_index_walk bulla_index_shorter(struct bulla_index_walk left, struct bulla_index_walk right);

#endif
