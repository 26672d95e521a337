#ifndef BULLA_CORE_PRINCIPAL_H
#define BULLA_CORE_PRINCIPAL_H

#include "evidence/principal.h"
#include "session.h"

static inline size_t bulla_session_principals(
    struct bulla_session *session, struct bulla_principal *list, size_t capacity)
{
    if (bulla_token_login_state(session->token) != BULLA_USER || !capacity)
        return 0;
    list[0] = (struct bulla_principal){.kind = BULLA_PRINCIPAL_USER, .size = 4, .value = "user"};
    return 1;
}

#endif
