/* What a call has to take in of what other processes wrote, where it uses few objects and knows which.
 *
 * bulla_call takes in everything before it runs a body; a body of bulla_call_following does it itself, by one of these,
 * before it uses an object. Beside a process that writes all day the difference is a look at the store for each commit.
 * What depends on more than the attributes and the value of an object itself is not followed by that object alone:
 * policies, grants, states, the objects of the module's own classes and its own mechanisms take in everything.
 *
 * A refusal is recorded, and is the call's answer. No lock of the token's or of an object is held. */
#ifndef BULLA_CORE_FOLLOW_H
#define BULLA_CORE_FOLLOW_H

#include "session.h"

/* `seen` is the token's `seen` as it was before the caller looked at the index, or under its lock while he did. Another
 * thread may have taken in since what changes his answer: that nothing is new by now says nothing about what he found.
 *
 * Whether anything is new at all since then. In a session; two reads of memory. */
bool bulla_follow_is_behind(struct bulla_token *token, uint64_t seen);
/* Everything. */
CK_RV bulla_follow_all(struct bulla_session *session);
/* Everything, where news may concern the rows of these marks (store.h); `taken` tells, and then the caller looks again.
 */
CK_RV bulla_follow_marks(
    struct bulla_session *session, uint64_t seen, const uint64_t *marks, size_t count, bool *taken);
/* The same of an object that the session found; NULL: there was none. */
CK_RV bulla_follow_object(struct bulla_session *session, uint64_t seen, struct bulla_object *object, bool *taken);
/* A kept reference to the object of a handle as it is now, NULL where none is visible. */
CK_RV bulla_follow_handle(struct bulla_session *session, CK_OBJECT_HANDLE handle, struct bulla_object **object);

#endif
