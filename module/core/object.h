/* Objects and the index of a token's objects.
 *
 * An object is immutable but for what it has opened: a change puts another object with the same handle in its place.
 * Handles are the process's own, ascending and never reused. Everybody who keeps an object holds a reference. */
#ifndef BULLA_CORE_OBJECT_H
#define BULLA_CORE_OBJECT_H

#include <pthread.h>
#include <stdatomic.h>

#include "attributes.h"
#include "crypto/secret.h"
#include "mech/material.h"

struct bulla_object {
    CK_OBJECT_HANDLE handle;
    atomic_uint references;
    uint8_t id[16];
    uint64_t generation; /* the store's, when it was written; 0 for a session object */
    CK_OBJECT_CLASS object_class;
    CK_SESSION_HANDLE owner;             /* of a session object; 0: a token object */
    bool hidden;                         /* its row failed verification at login */
    bool transient;                      /* made by the module for its session: a status object */
    struct bulla_attributes *attributes; /* what is not sealed */
    uint8_t *sealed;                     /* token object: the row's sealed part */
    size_t sealed_size;
    uint8_t tag[32];
    /* The CBOR of the sealed attributes, once opened. Guarded by the lock. */
    pthread_mutex_t lock;
    struct bulla_secret opened;
    struct bulla_material *material; /* a key's, made at its first use; NULL before */
    uint64_t expires;                /* by the clock of leases (mech/clock.h); 0: until logout */
};

struct bulla_index {
    struct bulla_object **objects; /* ascending by handle */
    size_t count, capacity;
};

/* One reference, the caller's. Takes over `attributes`. NULL without memory (attributes are freed then). */
struct bulla_object *bulla_object_make(struct bulla_attributes *attributes);
struct bulla_object *bulla_object_keep(struct bulla_object *object);
void bulla_object_drop(struct bulla_object *object); /* NULL is allowed */
/* Wipes what it has opened. */
void bulla_object_shut(struct bulla_object *object);
/* The same with its lock held. */
void bulla_object_shut_locked(struct bulla_object *object);
bool bulla_object_is_private(const struct bulla_object *object);
/* A secret or private key. */
bool bulla_object_is_own_key(const struct bulla_object *object);
/* A secret key whose only mechanisms are those of sealed models. */
bool bulla_object_is_model_key(const struct bulla_object *object);

/* The index takes over the caller's reference; with handle 0 the object gets a new one, else it replaces its namesake.
 */
bool bulla_index_put(struct bulla_index *index, struct bulla_object *object);
struct bulla_object *bulla_index_find(const struct bulla_index *index, CK_OBJECT_HANDLE handle);
struct bulla_object *bulla_index_find_id(const struct bulla_index *index, const uint8_t id[static 16]);
/* The first one behind a handle (0 begins), or NULL. */
struct bulla_object *bulla_index_next(const struct bulla_index *index, CK_OBJECT_HANDLE after);
void bulla_index_remove(struct bulla_index *index, CK_OBJECT_HANDLE handle);
/* Removes every object of a session (owner), or every object (owner 0). */
void bulla_index_clear(struct bulla_index *index, CK_SESSION_HANDLE owner);
void bulla_index_free(struct bulla_index *index);

#endif
