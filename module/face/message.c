/* PKCS#11 3.0, 5.9 and 5.11: message-based encryption and decryption. Those for signing are refused (unsupported.c). */
#include "core/message.h"
#include "face.h"

static CK_RV step(struct bulla_session *session, void *arguments)
{
    return bulla_message_step(session, arguments);
}

struct initialization {
    enum bulla_function function;
    CK_MECHANISM *mechanism;
    CK_OBJECT_HANDLE key;
};

static CK_RV begin(struct bulla_session *session, void *arguments)
{
    const struct initialization *a = arguments;
    return bulla_operation_begin(session, a->function, a->mechanism, a->key);
}

static CK_RV end(struct bulla_session *session, void *arguments)
{
    return bulla_message_end(session, *(const enum bulla_function *)arguments);
}

/* The functions of one direction: Init, a whole message, its beginning, its parts, Final. */
#define BULLA_MESSAGES(direction, slot)                                                                                \
    CK_RV C_Message##direction##Init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)         \
    {                                                                                                                  \
        struct initialization arguments = {slot, mechanism, key};                                                      \
        return bulla_call(session, begin, &arguments);                                                                 \
    }                                                                                                                  \
    CK_RV C_##direction##Message(CK_SESSION_HANDLE session, void *parameter, unsigned long parameter_size,             \
        unsigned char *aad, unsigned long aad_size, unsigned char *in, unsigned long in_size, unsigned char *out,      \
        unsigned long *out_size)                                                                                       \
    {                                                                                                                  \
        struct bulla_message_step arguments = {                                                                        \
            slot, true, true, true, {parameter, parameter_size, {aad, aad_size}, NULL}, {in, in_size}, out, out_size}; \
        return bulla_call(session, step, &arguments);                                                                  \
    }                                                                                                                  \
    CK_RV C_##direction##MessageBegin(CK_SESSION_HANDLE session, void *parameter, unsigned long parameter_size,        \
        unsigned char *aad, unsigned long aad_size)                                                                    \
    {                                                                                                                  \
        struct bulla_message_step arguments = {                                                                        \
            slot, true, false, false, {parameter, parameter_size, {aad, aad_size}, NULL}, {NULL, 0}, NULL, NULL};      \
        return bulla_call(session, step, &arguments);                                                                  \
    }                                                                                                                  \
    CK_RV C_##direction##MessageNext(CK_SESSION_HANDLE session, void *parameter, unsigned long parameter_size,         \
        unsigned char *in, unsigned long in_size, unsigned char *out, unsigned long *out_size, CK_FLAGS flags)         \
    {                                                                                                                  \
        struct bulla_message_step arguments = {slot, false, true, (flags & CKF_END_OF_MESSAGE) != 0,                   \
            {parameter, parameter_size, {NULL, 0}, NULL}, {in, in_size}, out, out_size};                               \
        return bulla_call(session, step, &arguments);                                                                  \
    }                                                                                                                  \
    CK_RV C_Message##direction##Final(CK_SESSION_HANDLE session)                                                       \
    {                                                                                                                  \
        enum bulla_function function = slot;                                                                           \
        return bulla_call_to_end(session, end, &function);                                                             \
    }

BULLA_MESSAGES(Encrypt, BULLA_MESSAGE_ENCRYPT)
BULLA_MESSAGES(Decrypt, BULLA_MESSAGE_DECRYPT)
