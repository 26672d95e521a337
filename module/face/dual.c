/* PKCS#11 3.0, 5.16: dual-function operations, and 5.6: operation state. */
#include "core/dual.h"
#include "core/operation_state.h"
#include "face.h"

static CK_RV update(struct bulla_session *session, void *arguments)
{
    return bulla_dual_update(session, arguments);
}

#define BULLA_DUAL(name, cipher, absorber)                                                                             \
    CK_RV C_##name##Update(CK_SESSION_HANDLE session, unsigned char *in, unsigned long in_size, unsigned char *out,    \
        unsigned long *out_size)                                                                                       \
    {                                                                                                                  \
        struct bulla_dual arguments = {cipher, absorber, {in, in_size}, out, out_size};                                \
        return bulla_call(session, update, &arguments);                                                                \
    }

BULLA_DUAL(DigestEncrypt, BULLA_ENCRYPT, BULLA_DIGEST)
BULLA_DUAL(DecryptDigest, BULLA_DECRYPT, BULLA_DIGEST)
BULLA_DUAL(SignEncrypt, BULLA_ENCRYPT, BULLA_SIGN)
BULLA_DUAL(DecryptVerify, BULLA_DECRYPT, BULLA_VERIFY)

struct saving {
    unsigned char *out;
    unsigned long *out_size;
};

static CK_RV save(struct bulla_session *session, void *arguments)
{
    const struct saving *a = arguments;
    return bulla_operation_save(session, a->out, a->out_size);
}

CK_RV C_GetOperationState(CK_SESSION_HANDLE session, unsigned char *state, unsigned long *state_size)
{
    struct saving arguments = {state, state_size};
    return state_size ? bulla_call(session, save, &arguments) : bulla_face_refuse_pointer();
}

struct restoring {
    struct bulla_bytes state;
    bool keys;
};

static CK_RV restore(struct bulla_session *session, void *arguments)
{
    const struct restoring *a = arguments;
    return bulla_operation_restore(session, a->state, a->keys);
}

CK_RV C_SetOperationState(CK_SESSION_HANDLE session, unsigned char *state, unsigned long state_size,
    CK_OBJECT_HANDLE encryption_key, CK_OBJECT_HANDLE authentication_key)
{
    struct restoring arguments = {
        {state, state_size}, encryption_key != CK_INVALID_HANDLE || authentication_key != CK_INVALID_HANDLE};
    return state ? bulla_call(session, restore, &arguments) : bulla_face_refuse_pointer();
}
