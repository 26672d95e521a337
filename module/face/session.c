/* PKCS#11 3.0, 5.6: sessions and who is logged in. */
#include "face.h"

#include "core/users.h"

struct opening {
    CK_FLAGS flags;
    CK_SESSION_HANDLE *handle;
};

static CK_RV open_session(struct bulla_token *token, void *arguments)
{
    const struct opening *opening = arguments;
    if (!opening->handle)
        return CKR_ARGUMENTS_BAD;
    if (!(opening->flags & CKF_SERIAL_SESSION))
        return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
    if (opening->flags & CKF_ASYNC_SESSION)
        return CKR_SESSION_ASYNC_NOT_SUPPORTED;
    enum bulla_reason reason = bulla_token_refresh(token);
    if (reason != BULLA_OK)
        return bulla_token_refusal(token, "session", reason); /* without a store BULLA_LOG alone can say why */
    return bulla_session_open(token, opening->flags, opening->handle);
}

CK_RV C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *handle)
{
    struct opening opening = {flags, handle};
    (void)application;
    (void)notify; /* there is nothing to notify of */
    return bulla_slot_call(slot, open_session, &opening);
}

CK_RV C_CloseSession(CK_SESSION_HANDLE handle)
{
    return bulla_session_close(handle);
}

static CK_RV close_all(struct bulla_token *token, void *arguments)
{
    (void)arguments;
    bulla_session_close_all(token);
    return CKR_OK;
}

CK_RV C_CloseAllSessions(CK_SLOT_ID slot)
{
    return bulla_slot_call(slot, close_all, NULL);
}

static CK_RV session_info(struct bulla_session *session, void *arguments)
{
    CK_SESSION_INFO *info = arguments;
    *info = (CK_SESSION_INFO){.slotID = session->token->config->slot,
        .state = bulla_session_state(session),
        .flags = CKF_SERIAL_SESSION | (session->writable ? CKF_RW_SESSION : 0)};
    return CKR_OK;
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
    return info ? bulla_call_to_end(handle, session_info, info) : bulla_face_refuse_pointer();
}

struct login {
    CK_USER_TYPE user;
    struct bulla_bytes name;       /* of C_LoginUser */
    struct bulla_bytes pin, other; /* old and new, for C_SetPIN */
};

/* A passphrase for release trees, kept for the session until it is used up by closing or logging out. */
static CK_RV keep_passphrase(struct bulla_session *session, struct bulla_bytes passphrase)
{
    if (bulla_token_login_state(session->token) != BULLA_USER)
        return CKR_USER_NOT_LOGGED_IN;
    if (passphrase.size == 0 || passphrase.size > BULLA_PIN_LONGEST)
        return CKR_PIN_LEN_RANGE;
    bulla_secret_release(&session->passphrase);
    enum bulla_reason reason = bulla_secret_hold(&session->passphrase, passphrase.size, "a passphrase");
    if (reason == BULLA_OK)
        memcpy(session->passphrase.data, passphrase.data, passphrase.size);
    return bulla_token_refusal(session->token, "login", reason);
}

/* The PIN once more, for an operation with a key that asks for it each time. */
static CK_RV prove(struct bulla_session *session, struct bulla_bytes pin)
{
    enum bulla_reason reason = bulla_token_pin_prove(session->token, pin);
    if (reason == BULLA_OK)
        bulla_operations_prove(session);
    return bulla_token_refusal(session->token, "login", reason);
}

static CK_RV login_again(struct bulla_session *session, struct bulla_bytes secret)
{
    return bulla_operations_unproved(session) ? prove(session, secret) : keep_passphrase(session, secret);
}

/* The name is given by C_LoginUser alone; the SO and, without one, the token's owner need none. */
static CK_RV login(struct bulla_session *session, void *arguments)
{
    const struct login *login = arguments;
    struct bulla_principal user, present;
    struct bulla_writer writer;
    uint8_t text[BULLA_PRINCIPAL_TEXT];
    if (login->user == CKU_SO)
        return !login->name.size || bulla_bytes_equal_text(login->name, "so")
                   ? bulla_login_as(session, NULL, login->pin)
                   : CKR_USER_TYPE_INVALID;
    if (login->user != CKU_USER && login->user != CKU_CONTEXT_SPECIFIC)
        return CKR_USER_TYPE_INVALID;
    bulla_writer_open(&writer, text, sizeof text);
    bulla_write_bytes(&writer, BULLA_TEXT("user:"));
    bulla_write_bytes(&writer, login->name.size ? login->name : BULLA_TEXT("user"));
    if (bulla_writer_finish(&writer, "a user's name") != BULLA_OK ||
        bulla_principal_parse(bulla_writer_bytes(&writer), &user) != BULLA_OK)
        return CKR_USER_TYPE_INVALID;
    if (login->user == CKU_USER)
        return bulla_login_as(session, &user, login->pin);
    bool other = bulla_token_user(session->token, &present) && !bulla_principal_equal(&user, &present);
    return login->name.size && other ? CKR_USER_TYPE_INVALID : login_again(session, login->pin);
}

CK_RV C_Login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, unsigned char *pin, unsigned long pin_size)
{
    struct login arguments = {.user = user, .pin = {pin, pin_size}};
    return pin ? bulla_call(handle, login, &arguments) : bulla_face_refuse_pointer(); /* there is no PIN pad */
}

CK_RV C_LoginUser(CK_SESSION_HANDLE handle, CK_USER_TYPE user, unsigned char *pin, unsigned long pin_size,
    unsigned char *name, unsigned long name_size)
{
    struct login arguments = {.user = user, .name = {name, name_size}, .pin = {pin, pin_size}};
    return pin && (name || !name_size) ? bulla_call(handle, login, &arguments) : bulla_face_refuse_pointer();
}

static CK_RV logout(struct bulla_session *session, void *arguments)
{
    struct bulla_token **token = arguments;
    if (bulla_token_login_state(session->token) == BULLA_NOBODY)
        return CKR_USER_NOT_LOGGED_IN;
    *token = session->token;
    bulla_session_reset(session);
    bulla_token_logout(session->token);
    bulla_token_record(session->token, "logout", NULL, 0);
    return CKR_OK;
}

CK_RV C_Logout(CK_SESSION_HANDLE handle)
{
    struct bulla_token *token = NULL;
    CK_RV rv = bulla_call_to_end(handle, logout, &token);
    if (rv == CKR_OK) /* the token's other sessions hold keys and passphrases too; here none is locked */
        bulla_sessions_reset(token);
    return rv;
}

static CK_RV init_pin(struct bulla_session *session, void *arguments)
{
    const struct login *login = arguments;
    if (bulla_token_login_state(session->token) != BULLA_OFFICER)
        return CKR_USER_NOT_LOGGED_IN;
    enum bulla_reason reason = bulla_token_user_pin_initialize(session->token, login->pin);
    if (reason == BULLA_OK)
        bulla_token_record(session->token, "pin-initialized", NULL, 0);
    return bulla_token_refusal(session->token, "init-pin", reason);
}

CK_RV C_InitPIN(CK_SESSION_HANDLE handle, unsigned char *pin, unsigned long pin_size)
{
    struct login arguments = {.user = CKU_SO, .pin = {pin, pin_size}};
    return pin ? bulla_call(handle, init_pin, &arguments) : bulla_face_refuse_pointer();
}

static CK_RV set_pin(struct bulla_session *session, void *arguments)
{
    const struct login *login = arguments;
    if (!session->writable)
        return CKR_SESSION_READ_ONLY;
    enum bulla_reason reason = bulla_token_pin_change(session->token, login->pin, login->other);
    if (reason == BULLA_OK)
        bulla_token_record(session->token, "pin-changed", NULL, 0);
    return bulla_token_refusal(session->token, "set-pin", reason);
}

CK_RV C_SetPIN(CK_SESSION_HANDLE handle, unsigned char *old_pin, unsigned long old_size, unsigned char *new_pin,
    unsigned long new_size)
{
    struct login arguments = {.user = CKU_USER, .pin = {old_pin, old_size}, .other = {new_pin, new_size}};
    return old_pin && new_pin ? bulla_call(handle, set_pin, &arguments) : bulla_face_refuse_pointer();
}

/* --- 3.2, 5.6.8: validation --- */

struct validation {
    CK_SESSION_VALIDATION_FLAGS_TYPE type;
    CK_FLAGS *flags;
};

/* Nobody has validated this module: no flag is ever raised. */
static CK_RV validation_flags(struct bulla_session *session, void *arguments)
{
    const struct validation *a = arguments;
    (void)session;
    if (a->type != CKS_LAST_VALIDATION_OK)
        return CKR_ARGUMENTS_BAD;
    *a->flags = 0;
    return CKR_OK;
}

CK_RV C_GetSessionValidationFlags(CK_SESSION_HANDLE session, CK_SESSION_VALIDATION_FLAGS_TYPE type, CK_FLAGS *flags)
{
    struct validation arguments = {type, flags};
    return flags ? bulla_call_to_end(session, validation_flags, &arguments) : bulla_face_refuse_pointer();
}
