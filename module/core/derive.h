/* Derivations: shared by derive.c and derive_many.c. */
#ifndef BULLA_CORE_DERIVE_H
#define BULLA_CORE_DERIVE_H

#include "objects.h"
#include "roles.h"

struct bulla_deriving {
    struct bulla_session *session;
    enum bulla_function use;            /* BULLA_DERIVE, BULLA_ENCAPSULATE or BULLA_DECAPSULATE */
    struct bulla_taken_key base, other; /* `other` is empty where the mechanism names none */
    struct bulla_derivation derivation;
};

/* The list of an object to be derived: the template and the base's CKA_DERIVE_TEMPLATE (or the one of the use), which
 * `merged` holds together afterwards, defaults, history, and what it may not be weaker in. The views point into both.
 */
CK_RV bulla_derive_list(const struct bulla_deriving *deriving, struct bulla_template template,
    CK_OBJECT_CLASS object_class, struct bulla_merged *merged, struct bulla_attribute_list *list);
/* Runs the row: `memory` is the caller's to release, `size` how much of it was written. */
enum bulla_reason bulla_derive_run(
    const struct bulla_deriving *deriving, struct bulla_secret *memory, size_t *size) BULLA_MUST_USE;
/* How many bytes the merged template asks for; 0: it does not say. */
size_t bulla_derive_wanted(const struct bulla_merged *merged);
/* Whether a grant allows it, where the key has an authority with a say. */
enum bulla_reason bulla_derive_granted(
    struct bulla_session *session, const struct bulla_taken_key *taken) BULLA_MUST_USE;
/* Whether the key asks for the PIN before each use: there is no Init to give it after. */
bool bulla_derive_asks_again(const struct bulla_taken_key *taken);
/* Makes the object with as much of these bytes as was wanted. */
CK_RV bulla_derive_end(const struct bulla_deriving *deriving, struct bulla_bytes given,
    struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle);
/* Makes the object with this value. */
CK_RV bulla_derive_put(const struct bulla_deriving *deriving, struct bulla_bytes value,
    struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle);
/* Makes all of the shares, or none (derive_many.c). `handle` is the call's own, of a share that names no place. */
CK_RV bulla_derive_many(struct bulla_deriving *deriving, struct bulla_template template,
    const struct bulla_shares *shares, CK_OBJECT_HANDLE *handle);

#endif
