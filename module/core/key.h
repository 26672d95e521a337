/* Keys as mechanisms get them: found, checked against a row, opened, and given back. */
#ifndef BULLA_CORE_KEY_H
#define BULLA_CORE_KEY_H

#include "mech/mechanism.h"
#include "object.h"

struct bulla_session;

/* What each use asks of a key and of a mechanism. */
struct bulla_key_use {
    const char *name;
    CK_FLAGS flag;
    CK_ATTRIBUTE_TYPE usage;
    enum bulla_function processor; /* whose processor does the work */
    bool public_half;              /* of a pair */
};
extern const struct bulla_key_use bulla_key_uses[BULLA_KEY_USES];

struct bulla_taken_key {
    struct bulla_object *object; /* a reference */
    bool governed;               /* its authority may have a say (grants.h) */
    struct bulla_key key;
    struct bulla_secret secret; /* of keys that work only by name: a copy, so that a lease's end cuts nothing short */
};

/* Finds the key, checks that the row may use it so, opens it. CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT,
 * CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_SIZE_RANGE, and what opening refuses. Nothing is held after a refusal. */
CK_RV bulla_key_take(struct bulla_session *session, CK_OBJECT_HANDLE handle, const struct bulla_mechanism *row,
    enum bulla_function use, struct bulla_taken_key *taken);
/* Whatever is held, is given back; a zeroed one is allowed. */
void bulla_key_give_back(struct bulla_taken_key *taken);
#define BULLA_TAKEN_KEY __attribute__((cleanup(bulla_key_give_back))) struct bulla_taken_key

/* Whether the type of key is one that the row works with. */
bool bulla_key_type_fits(const struct bulla_key_rule *rule, CK_KEY_TYPE type);
/* Whether any row does this (CKA_ENCRYPT …) with keys of the type, whatever they are called. */
bool bulla_key_type_has_use(CK_KEY_TYPE type, CK_ATTRIBUTE_TYPE usage);
/* The list as a family sees it: views. */
enum bulla_reason bulla_key_draft(const struct bulla_attribute_list *list, struct bulla_draft *draft) BULLA_MUST_USE;
/* The kind's judgement of a key from outside (struct bulla_key_kind); BULLA_KEY_TYPE for a type that no family has. */
enum bulla_reason bulla_key_complete(struct bulla_draft *draft) BULLA_MUST_USE;
/* What a family made, put into the list; the draft must outlive it. A template's own value that differs is refused
 * (BULLA_KEY_INCONSISTENT) where `strict`, else it is replaced by its right form. */
enum bulla_reason bulla_key_undraft(
    const struct bulla_draft *draft, bool strict, struct bulla_attribute_list *list) BULLA_MUST_USE;
/* All attributes of an opened object whose lock is held, as views. */
enum bulla_reason bulla_key_draft_object(const struct bulla_object *object, struct bulla_draft *draft) BULLA_MUST_USE;

#endif
