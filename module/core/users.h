/* Users with names and PINs of their own, beside the token's owner ("user", C_Login's CKU_USER).
 *
 * Each has a tree of the token key under his PIN and a count of wrong ones ("user-tree:<name>", "user-tries:<name>"),
 * and an object that says that he is there, authenticated like every row. All of them share the token key. */
#ifndef BULLA_CORE_USERS_H
#define BULLA_CORE_USERS_H

#include "evidence/principal.h"
#include "pin_inside.h"
#include "session.h"

/* The role of a user: the owner's for "user". BULLA_PIN_UNSET for "so", which is no user's name. */
enum bulla_reason bulla_user_role(const struct bulla_principal *user, struct bulla_role *role) BULLA_MUST_USE;
/* Whether the token's rows name the user; the owner needs no row. The keys are in place. */
bool bulla_user_is_listed(struct bulla_token *token, const struct bulla_principal *user);

/* By the owner, who is logged in (BULLA_PRINCIPAL_UNPROVED otherwise): all of it or nothing. `list` is the object.
 * BULLA_DUPLICATE: there is such a user. */
enum bulla_reason bulla_user_add(struct bulla_token *token, const struct bulla_principal *user, struct bulla_bytes pin,
    const struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle) BULLA_MUST_USE;
enum bulla_reason bulla_user_remove(
    struct bulla_token *token, const struct bulla_principal *user, struct bulla_object *object) BULLA_MUST_USE;
/* A user's PIN, tried and counted as at a login, while some user is logged in: nothing is opened by it. */
enum bulla_reason bulla_user_prove(
    struct bulla_token *token, const struct bulla_principal *user, struct bulla_bytes pin) BULLA_MUST_USE;

/* login.c: logs in, unless somebody is; NULL is the SO. CKR_USER_ALREADY_LOGGED_IN,
 * CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CKR_SESSION_READ_ONLY_EXISTS, CKR_USER_TYPE_INVALID for a name that no user has.
 */
CK_RV bulla_login_as(struct bulla_session *session, const struct bulla_principal *user, struct bulla_bytes pin);

#endif
