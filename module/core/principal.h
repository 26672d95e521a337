/* Whom a session acts for, and the objects of CKO_BULLA_PRINCIPAL by which that is said (docs/principals.md).
 *
 * An object of the token is a user with a PIN of his own: the token's owner makes and destroys it. An object of a
 * session is somebody who proves himself to that session: its challenge is signed, and the proof set. What was proved
 * ends with the object, the session and the login. While nobody is logged in there are only users' objects, and the PIN
 * logs in. */
#ifndef BULLA_CORE_PRINCIPAL_H
#define BULLA_CORE_PRINCIPAL_H

#include "evidence/principal.h"
#include "session.h"

enum { BULLA_CHALLENGE_SECONDS = 300, BULLA_SESSION_PRINCIPALS_MOST = 16 };

/* All that the session acts for: whoever logged in ("user:user" for the token's owner), first, and then who proved
 * himself to this session. Returns how many there are in the list, at most `capacity`; 0 where no user is logged in.
 * The session is locked. */
size_t bulla_session_principals(struct bulla_session *session, struct bulla_principal *list, size_t capacity);
/* Forgets what was proved to the session. */
void bulla_session_principals_forget(struct bulla_session *session);

/* C_CreateObject of the class: `list` was judged by the table. */
CK_RV bulla_principal_create(
    struct bulla_session *session, const struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle);
/* C_SetAttributeValue: of the session's own object, and CKA_BULLA_PROOF alone. CKR_FUNCTION_REJECTED for a wrong proof
 * or a challenge that is used up or too old: the object has a new challenge then. */
CK_RV bulla_principal_set(
    struct bulla_session *session, struct bulla_object *object, const CK_ATTRIBUTE *attributes, CK_ULONG count);
/* C_DestroyObject. */
CK_RV bulla_principal_destroy(struct bulla_session *session, struct bulla_object *object);

#endif
