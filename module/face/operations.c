/* PKCS#11 3.0, 5.8 to 5.13: encryption, decryption, signing and verifying, which differ in the slot they use and in
 * nothing else: the operation slot (core/operation.h) does the rest. */
#include "face.h"

struct init_arguments {
    enum bulla_function function;
    CK_MECHANISM *mechanism;
    CK_OBJECT_HANDLE key;
};

static CK_RV begin(struct bulla_session *session, void *arguments)
{
    const struct init_arguments *a = arguments;
    return bulla_operation_begin(session, a->function, a->mechanism, a->key);
}

static CK_RV call_begin(
    CK_SESSION_HANDLE session, enum bulla_function function, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    struct init_arguments arguments = {function, mechanism, key};
    return bulla_call(session, begin, &arguments);
}

static CK_RV step(struct bulla_session *session, void *arguments)
{
    return bulla_operation_step(session, arguments);
}

static CK_RV call_step(CK_SESSION_HANDLE session, enum bulla_function function, enum bulla_phase phase,
    struct bulla_bytes in, unsigned char *out, unsigned long *out_size)
{
    struct bulla_step arguments = {function, phase, in, out, out_size};
    return bulla_call(session, step, &arguments);
}

static const struct bulla_bytes no_input = {NULL, 0};

#define BULLA_IN(data, size) ((struct bulla_bytes){(data), (size)})

/* The four calls of a function that turns input into output. */
#define BULLA_TRANSFORM(name, slot)                                                                                    \
    CK_RV C_##name##Init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)                     \
    {                                                                                                                  \
        return call_begin(session, slot, mechanism, key);                                                              \
    }                                                                                                                  \
    CK_RV C_##name(CK_SESSION_HANDLE session, unsigned char *in, unsigned long in_size, unsigned char *out,            \
        unsigned long *out_size)                                                                                       \
    {                                                                                                                  \
        return call_step(session, slot, BULLA_WHOLE, BULLA_IN(in, in_size), out, out_size);                            \
    }                                                                                                                  \
    CK_RV C_##name##Final(CK_SESSION_HANDLE session, unsigned char *out, unsigned long *out_size)                      \
    {                                                                                                                  \
        return call_step(session, slot, BULLA_FINISH, no_input, out, out_size);                                        \
    }

BULLA_TRANSFORM(Encrypt, BULLA_ENCRYPT)
BULLA_TRANSFORM(Decrypt, BULLA_DECRYPT)
BULLA_TRANSFORM(Sign, BULLA_SIGN)

CK_RV C_EncryptUpdate(
    CK_SESSION_HANDLE session, unsigned char *in, unsigned long in_size, unsigned char *out, unsigned long *out_size)
{
    return call_step(session, BULLA_ENCRYPT, BULLA_UPDATE, BULLA_IN(in, in_size), out, out_size);
}

CK_RV C_DecryptUpdate(
    CK_SESSION_HANDLE session, unsigned char *in, unsigned long in_size, unsigned char *out, unsigned long *out_size)
{
    return call_step(session, BULLA_DECRYPT, BULLA_UPDATE, BULLA_IN(in, in_size), out, out_size);
}

/* An update that gives no output: its writer has no room, and its bound is 0. */
CK_RV C_SignUpdate(CK_SESSION_HANDLE session, unsigned char *in, unsigned long in_size)
{
    unsigned char nothing[1];
    unsigned long size = 0;
    return call_step(session, BULLA_SIGN, BULLA_UPDATE, BULLA_IN(in, in_size), nothing, &size);
}
