/* Private keys that evolve, as objects: the row has what stays the same, states.h what does not. */
#ifndef BULLA_CORE_EVOLVING_H
#define BULLA_CORE_EVOLVING_H

#include "session.h"

/* Whether the list is of such a key. */
bool bulla_evolving_is(const struct bulla_attribute_list *list);
/* Writes a new one: of the token, never copied. CKR_TEMPLATE_INCONSISTENT for a session's, or one with a release tree
 * of its own: such a tree may have leaves that can't forget. `beside`, where it is not NULL, is an object of the token
 * that is written with its row, or not at all. */
CK_RV bulla_evolving_put(struct bulla_session *session, const struct bulla_attribute_list *list,
    const struct bulla_vault_new *beside, const char *event, CK_OBJECT_HANDLE *handle);
/* Erases an object of any kind: of such a key the state goes first. */
enum bulla_reason bulla_evolving_erase(struct bulla_token *token, struct bulla_object *object) BULLA_MUST_USE;

/* Calls `use` with the present state. Where the key has a clock, that must be of the clock's period: a key that is one
 * behind evolves first, durably; further behind or ahead it is BULLA_KES_CLOCK. */
enum bulla_reason bulla_evolving_use(
    struct bulla_token *token, struct bulla_object *object, bulla_state_use *use, void *context) BULLA_MUST_USE;
/* The present period, whatever the clock says; and the raw key, where `raw` is not NULL, the caller's to release. */
enum bulla_reason bulla_evolving_read(struct bulla_token *token, const struct bulla_object *object, CK_ULONG *period,
    struct bulla_secret *raw) BULLA_MUST_USE;
/* C_SetAttributeValue of CKA_BULLA_KES_PERIOD: evolves, to no later period than the clock's. */
CK_RV bulla_evolving_set(struct bulla_session *session, struct bulla_object *object, const CK_ATTRIBUTE *attribute);

#endif
