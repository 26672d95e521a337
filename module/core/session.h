/* Sessions, and the way into the module: every C_ function that names a session goes through bulla_call. */
#ifndef BULLA_CORE_SESSION_H
#define BULLA_CORE_SESSION_H

#include "crypto/random.h"
#include "operation.h"
#include "token.h"

enum { BULLA_SESSIONS_LARGEST = 1 << 17 };

struct bulla_search {
    CK_OBJECT_HANDLE *handles; /* NULL: no search is active */
    size_t count, next;
};

struct bulla_session {
    pthread_mutex_t lock;
    CK_SESSION_HANDLE handle; /* 0: free */
    struct bulla_token *token;
    bool writable;
    bool spotless; /* the running call leaves no secret on its stack (struct bulla_processor), */
    bool spotted;  /* or did, whatever it runs besides */
    struct bulla_operation operations[BULLA_FUNCTIONS];
    unsigned asked; /* how many operations asked for the PIN (CKA_ALWAYS_AUTHENTICATE) */
    struct bulla_search search;
    struct bulla_random *random;    /* in the arena; NULL until it is first asked for random numbers */
    struct bulla_proving *provings; /* who was named to this session, and who proved himself (principal.c) */
    struct bulla_secret passphrase; /* of C_Login(CKU_CONTEXT_SPECIFIC): for release trees with a passphrase leaf */
};

/* Runs `body` with the session locked, after checking that the module is initialised in this process and the handle is
 * alive, and after taking in what other processes wrote. */
typedef CK_RV bulla_body(struct bulla_session *session, void *arguments);
CK_RV bulla_call(CK_SESSION_HANDLE handle, bulla_body *body, void *arguments);
/* The same without taking anything in: the body takes in what concerns it (follow.h). */
CK_RV bulla_call_following(CK_SESSION_HANDLE handle, bulla_body *body, void *arguments);
/* The same for what only gives things up, or tells of the session itself, or needs nothing of the token: it works also
 * where the store can't be read. */
CK_RV bulla_call_to_end(CK_SESSION_HANDLE handle, bulla_body *body, void *arguments);

CK_RV bulla_session_open(struct bulla_token *token, CK_FLAGS flags, CK_SESSION_HANDLE *handle);
CK_RV bulla_session_close(CK_SESSION_HANDLE handle);
void bulla_session_close_all(struct bulla_token *token);
bool bulla_token_has_reading_sessions(const struct bulla_token *token);
CK_STATE bulla_session_state(const struct bulla_session *session);
/* Ends what the session has under way: operations, search, passphrase, what was proved to it. */
void bulla_session_reset(struct bulla_session *session);
/* The same for every session of the token; no session is locked. */
void bulla_sessions_reset(const struct bulla_token *token);

/* Gives up what sessions keep of finished operations; a session that is in use is passed by, and finds out itself. */
void bulla_sessions_cool(const struct bulla_token *token);
/* Takes the keys whose lease is over at `now` from operations that were begun and left alone; a session that is in use
 * is passed by: the next call on it is refused. */
void bulla_sessions_lapse(uint64_t now);

/* The table of sessions: nothing is allocated before the first one. */
void bulla_sessions_free(void);
void bulla_sessions_abandon(void);

#endif
