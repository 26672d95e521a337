/* Kinds of keys: what each type demands of its attributes, and how it comes in, goes out and is opened for use. A
 * family lists its kinds beside its mechanisms. */
#ifndef BULLA_MECH_KEY_KIND_H
#define BULLA_MECH_KEY_KIND_H

#include "draft.h"
#include "material.h"

#define BULLA_KEY_KIND(number) .type = (number), .name = #number

struct bulla_key_kind {
    CK_KEY_TYPE type;
    const char *name;
    /* What C_CreateObject demands, by class; each list ends with 0, NULL: there are no such keys. */
    const CK_ATTRIBUTE_TYPE *public_needs;
    const CK_ATTRIBUTE_TYPE *private_needs;
    const CK_ATTRIBUTE_TYPE *secret_needs;
    /* What keys of this kind are for: the booleans that are true where a template names no use; ends with 0. */
    const CK_ATTRIBUTE_TYPE *uses;
    /* Judges the values of a key that was created, unwrapped or derived, puts them into the form in which the token
     * keeps them (EC_POINT as a DER octet string) and adds what follows from them (a private key's public part). The
     * draft has its class and type. BULLA_KEY_VALUE, BULLA_CURVE, BULLA_KEY_SIZE. */
    enum bulla_reason (*complete)(struct bulla_draft *key);
    /* An opened key (any class of this kind) as libraries want it; on refusal the material is core's to drop. */
    enum bulla_reason (*open)(const struct bulla_draft *key, struct bulla_material *material);
    /* The plain form that is wrapped: the value of a secret key, PKCS#8 of a private one; `out` is locked memory. */
    enum bulla_reason (*export)(const struct bulla_draft *key, struct bulla_writer *out);
    /* The way back: puts what `plain` holds into the draft; `complete` follows. BULLA_WRAPPED_KEY. */
    enum bulla_reason (*import)(struct bulla_bytes plain, struct bulla_draft *key);
};

/* NULL for a type that no family has. */
const struct bulla_key_kind *bulla_key_kind_find(CK_KEY_TYPE type);
/* What C_CreateObject demands of this class; NULL: there are no such keys. */
const CK_ATTRIBUTE_TYPE *bulla_key_kind_needs(const struct bulla_key_kind *kind, CK_OBJECT_CLASS object_class);

#endif
