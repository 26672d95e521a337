/* C_Login and C_LoginUser, and the object by which a user with a name logs in where neither can say who he is: who may
 * log in when, and what is written of it. */
#include "refusal.h"
#include "users.h"

static CK_RV check_login(struct bulla_session *session, const struct bulla_principal *user)
{
    struct bulla_principal present;
    enum bulla_login now = bulla_token_login_state(session->token);
    bool same = bulla_token_user(session->token, &present) ? user && bulla_principal_equal(user, &present)
                                                           : !user && now == BULLA_OFFICER;
    if (now != BULLA_NOBODY)
        return same ? CKR_USER_ALREADY_LOGGED_IN : CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
    if (!user && bulla_token_has_reading_sessions(session->token))
        return CKR_SESSION_READ_ONLY_EXISTS;
    return CKR_OK;
}

CK_RV bulla_login_as(struct bulla_session *session, const struct bulla_principal *user, struct bulla_bytes pin)
{
    char text[BULLA_PRINCIPAL_TEXT] = "so";
    CK_RV rv = check_login(session, user);
    if (rv != CKR_OK)
        return rv;
    enum bulla_reason reason = bulla_token_login(session->token, user, pin);
    if (reason == BULLA_CANCELLED && (rv = check_login(session, user)) != CKR_OK)
        return rv; /* another thread was faster */
    if (user)
        bulla_principal_text(user, text);
    const struct bulla_audit_field field = {"user", strcmp(text, "user:user") == 0 ? "user" : text, 0};
    if (reason == BULLA_OK)
        bulla_token_record(session->token, "login", &field, 1);
    rv = bulla_token_refusal(session->token, "login", reason);
    return reason == BULLA_PIN_UNSET && strcmp(field.text, "user") != 0 && user ? CKR_USER_TYPE_INVALID : rv;
}
