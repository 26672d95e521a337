/* A key's attributes as a family sees them: of a key in the making (its template, to which the family adds), or of one
 * that is opened.
 *
 * What core puts in are views that outlive the draft. What a family puts in is copied to locked memory, so that no
 * private value lies on the heap, and is marked as made: core writes it into the object. */
#ifndef BULLA_MECH_DRAFT_H
#define BULLA_MECH_DRAFT_H

#include "bulla_pkcs11.h"
#include "crypto/secret.h"

enum { BULLA_DRAFT_ITEMS = 96, BULLA_DRAFT_MEMORY = 32768 };

struct bulla_draft_item {
    CK_ATTRIBUTE_TYPE type;
    struct bulla_bytes value;
    bool made;
};
struct bulla_draft {
    CK_OBJECT_CLASS object_class;
    CK_KEY_TYPE key_type;
    size_t count;
    struct bulla_draft_item items[BULLA_DRAFT_ITEMS];
    struct bulla_secret memory;
    size_t used;
};

/* For the scope of a function: wiped and freed on every path out. */
#define BULLA_DRAFT __attribute__((cleanup(bulla_draft_release))) struct bulla_draft
void bulla_draft_release(struct bulla_draft *draft);

/* {NULL, 0} when absent; an empty value has data that is not NULL. */
struct bulla_bytes bulla_draft_get(const struct bulla_draft *draft, CK_ATTRIBUTE_TYPE type);
CK_ULONG bulla_draft_ulong(const struct bulla_draft *draft, CK_ATTRIBUTE_TYPE type, CK_ULONG absent);
bool bulla_draft_bool(const struct bulla_draft *draft, CK_ATTRIBUTE_TYPE type);
/* For core: a view that is not made here. */
enum bulla_reason bulla_draft_view(
    struct bulla_draft *draft, CK_ATTRIBUTE_TYPE type, struct bulla_bytes value) BULLA_MUST_USE;
/* Adds or replaces, by a copy in locked memory. */
enum bulla_reason bulla_draft_put(
    struct bulla_draft *draft, CK_ATTRIBUTE_TYPE type, struct bulla_bytes value) BULLA_MUST_USE;
enum bulla_reason bulla_draft_put_ulong(
    struct bulla_draft *draft, CK_ATTRIBUTE_TYPE type, CK_ULONG value) BULLA_MUST_USE;
/* The same, written in place by the caller: `size` zeroed bytes that are the attribute's value. */
enum bulla_reason bulla_draft_space(
    struct bulla_draft *draft, CK_ATTRIBUTE_TYPE type, size_t size, uint8_t **space) BULLA_MUST_USE;

#endif
