/* Roles: what a key may be for, and what may be made of it, so that no two uses of keys are an attack together.
 *
 * The table of uses that exclude each other is in roles.c. A secret key has its uses for life, or loses them: what was
 * never together in a key's template never comes together. CKR_TEMPLATE_INCONSISTENT is the answer to every template
 * that asks for such a thing (3.0, 4.1.1). docs/mechanisms.md, "Roles of keys", says what each rule is against. */
#ifndef BULLA_CORE_ROLES_H
#define BULLA_CORE_ROLES_H

#include "mech/mechanism.h"
#include "object.h"
#include "template.h"

/* The list of a key in the making, or of a copy: uses that exclude each other, CKA_ALWAYS_AUTHENTICATE of what is not
 * private, a value that anybody may read of a key whose authority has a say. Lists that are no key's are right. */
CK_RV bulla_roles_check(const struct bulla_attribute_list *list);
/* Whether an attribute of an object of this class may change to this boolean; CKR_ATTRIBUTE_READ_ONLY. */
CK_RV bulla_roles_change(unsigned class_bit, CK_ATTRIBUTE_TYPE type, bool now);
/* Whether this key may be wrapped by that one: CKR_KEY_NOT_WRAPPABLE, CKR_KEY_UNEXTRACTABLE, and CKR_KEY_HANDLE_INVALID
 * for a key that the wrapping key's CKA_WRAP_TEMPLATE does not match (5.18.3). */
CK_RV bulla_roles_wrap(const struct bulla_object *key, const struct bulla_object *wrapping);
/* A caller's template and what a key's CKA_UNWRAP_TEMPLATE or CKA_DERIVE_TEMPLATE adds to it: views of both. */
struct bulla_merged {
    CK_ATTRIBUTE attributes[BULLA_ATTRIBUTES_LARGEST];
    CK_ULONG count;
    CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST];
};
/* CKR_TEMPLATE_INCONSISTENT where they differ. */
CK_RV bulla_roles_merge(const struct bulla_object *key, CK_ATTRIBUTE_TYPE added, const CK_ATTRIBUTE *attributes,
    CK_ULONG count, struct bulla_merged *merged);

/* What an unwrapped key takes over from the key that unwraps it; refuses what would be weaker. The list was made of the
 * merged template. */
CK_RV bulla_roles_unwrap(
    const struct bulla_object *unwrapping, const struct bulla_merged *merged, struct bulla_attribute_list *list);

#endif
