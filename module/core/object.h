/* Objects of a token; index.h keeps them.
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

/* What the index finds objects by, beside their handle; and an object's place in the chain of each (index.c). */
enum bulla_index_key { BULLA_INDEX_UNIQUE_ID, BULLA_INDEX_ID, BULLA_INDEX_LABEL, BULLA_INDEX_OWNER, BULLA_INDEX_KEYS };
struct bulla_index_link {
    struct bulla_index_link *next, **from; /* NULL: in no chain */
    uint32_t hash, key;
};

struct bulla_object {
    CK_OBJECT_HANDLE handle;
    atomic_uint references;
    uint8_t id[16];
    uint64_t generation; /* the store's, when it was written; 0 for a session object */
    CK_OBJECT_CLASS object_class;
    CK_SESSION_HANDLE owner; /* of a session object; 0: a token object */
    /* Whether its row's tag was found to be wrong, and in which login that was asked (vault.c). */
    atomic_ullong verdict;
    /* Until when it is known that no other process changed its row (follow.c). */
    atomic_ullong calm;
    bool transient;                      /* made by the module for its session: a status object */
    struct bulla_attributes *attributes; /* what is not sealed */
    uint8_t *sealed;                     /* token object: the row's sealed part */
    size_t sealed_size;
    uint8_t tag[32];
    /* The CBOR of the sealed attributes, once opened. Guarded by the lock. */
    pthread_mutex_t lock;
    struct bulla_secret opened;
    struct bulla_material *material;                 /* a key's, made at its first use; NULL before */
    uint64_t expires;                                /* by the clock of leases (mech/clock.h); 0: until logout */
    struct bulla_index_link links[BULLA_INDEX_KEYS]; /* the index's own, under its lock */
};

/* One reference, the caller's. Takes over `attributes`. NULL without memory (attributes are freed then). */
struct bulla_object *bulla_object_make(struct bulla_attributes *attributes);
CK_OBJECT_HANDLE bulla_object_new_handle(void);
struct bulla_object *bulla_object_keep(struct bulla_object *object);
void bulla_object_drop(struct bulla_object *object); /* NULL is allowed */
/* Wipes what it has opened. */
void bulla_object_shut(struct bulla_object *object);
/* The same with its lock held. */
void bulla_object_shut_locked(struct bulla_object *object);
bool bulla_object_is_private(const struct bulla_object *object);
/* A secret or private key. */
bool bulla_object_is_own_key(const struct bulla_object *object);
/* A private key whose secret is a state (states.h). */
bool bulla_object_evolves(const struct bulla_object *object);
/* An object as everyday tools make them: nothing of the module itself looks for it, so its row need not be read before
 * somebody names it. */
bool bulla_object_is_plain(const struct bulla_object *object);
/* A secret key whose only mechanisms are those of sealed models. */
bool bulla_object_is_model_key(const struct bulla_object *object);

#endif
