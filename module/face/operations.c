/* PKCS#11 3.2, 5.8 to 5.15: encryption, decryption, digesting, signing and verifying, which differ in the slot they use
 * and in nothing else: the operation slot (core/operation.h) does the rest. */
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
    return bulla_call_following(session, begin, &arguments);
}

static CK_RV step(struct bulla_session *session, void *arguments)
{
    return bulla_operation_step(session, arguments);
}

static CK_RV call_step(CK_SESSION_HANDLE session, enum bulla_function function, enum bulla_phase phase,
    struct bulla_bytes in, unsigned char *out, unsigned long *out_size)
{
    struct bulla_step arguments = {function, phase, in, out, out_size, {NULL, 0}, false};
    return bulla_call_following(session, step, &arguments);
}

static const struct bulla_bytes no_input = {NULL, 0};

#define BULLA_IN(data, size) ((struct bulla_bytes){(data), (size)})

#define BULLA_INIT(name, slot)                                                                                         \
    CK_RV C_##name##Init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)                     \
    {                                                                                                                  \
        return call_begin(session, slot, mechanism, key);                                                              \
    }

/* The calls of a function that turns input into output: all at once, and the end of many parts. */
#define BULLA_WHOLE_CALL(name, slot)                                                                                   \
    CK_RV C_##name(CK_SESSION_HANDLE session, unsigned char *in, unsigned long in_size, unsigned char *out,            \
        unsigned long *out_size)                                                                                       \
    {                                                                                                                  \
        return call_step(session, slot, BULLA_WHOLE, BULLA_IN(in, in_size), out, out_size);                            \
    }
#define BULLA_FINAL_CALL(name, slot)                                                                                   \
    CK_RV C_##name##Final(CK_SESSION_HANDLE session, unsigned char *out, unsigned long *out_size)                      \
    {                                                                                                                  \
        return call_step(session, slot, BULLA_FINISH, no_input, out, out_size);                                        \
    }

BULLA_INIT(Encrypt, BULLA_ENCRYPT)
BULLA_WHOLE_CALL(Encrypt, BULLA_ENCRYPT)
BULLA_FINAL_CALL(Encrypt, BULLA_ENCRYPT)
BULLA_INIT(Decrypt, BULLA_DECRYPT)
BULLA_WHOLE_CALL(Decrypt, BULLA_DECRYPT)
BULLA_FINAL_CALL(Decrypt, BULLA_DECRYPT)
BULLA_INIT(Sign, BULLA_SIGN)
BULLA_WHOLE_CALL(Sign, BULLA_SIGN)
BULLA_FINAL_CALL(Sign, BULLA_SIGN)
BULLA_WHOLE_CALL(Digest, BULLA_DIGEST)
BULLA_FINAL_CALL(Digest, BULLA_DIGEST)
BULLA_INIT(SignRecover, BULLA_SIGN_RECOVER)
BULLA_WHOLE_CALL(SignRecover, BULLA_SIGN_RECOVER)
BULLA_INIT(VerifyRecover, BULLA_VERIFY_RECOVER)
BULLA_WHOLE_CALL(VerifyRecover, BULLA_VERIFY_RECOVER)
BULLA_INIT(Verify, BULLA_VERIFY)

CK_RV C_DigestInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
    return call_begin(session, BULLA_DIGEST, mechanism, 0);
}

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
static CK_RV call_absorb(
    CK_SESSION_HANDLE session, enum bulla_function function, unsigned char *in, unsigned long in_size)
{
    unsigned char nothing[1];
    unsigned long size = 0;
    return call_step(session, function, BULLA_UPDATE, BULLA_IN(in, in_size), nothing, &size);
}

CK_RV C_SignUpdate(CK_SESSION_HANDLE session, unsigned char *in, unsigned long in_size)
{
    return call_absorb(session, BULLA_SIGN, in, in_size);
}

CK_RV C_DigestUpdate(CK_SESSION_HANDLE session, unsigned char *in, unsigned long in_size)
{
    return call_absorb(session, BULLA_DIGEST, in, in_size);
}

static CK_RV digest_key(struct bulla_session *session, void *arguments)
{
    return bulla_operation_digest_key(session, *(const CK_OBJECT_HANDLE *)arguments);
}

CK_RV C_DigestKey(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    return bulla_call(session, digest_key, &key);
}

/* --- verifying --- */

static CK_RV verify_step(struct bulla_session *session, void *arguments)
{
    return bulla_operation_verify(session, arguments);
}

static CK_RV call_verify(
    CK_SESSION_HANDLE session, enum bulla_phase phase, struct bulla_bytes in, struct bulla_bytes signature)
{
    struct bulla_step arguments = {BULLA_VERIFY, phase, in, NULL, NULL, signature, false};
    return bulla_call_following(session, verify_step, &arguments);
}

CK_RV C_Verify(CK_SESSION_HANDLE session, unsigned char *in, unsigned long in_size, unsigned char *signature,
    unsigned long signature_size)
{
    return call_verify(session, BULLA_WHOLE, BULLA_IN(in, in_size), BULLA_IN(signature, signature_size));
}

CK_RV C_VerifyUpdate(CK_SESSION_HANDLE session, unsigned char *in, unsigned long in_size)
{
    return call_verify(session, BULLA_UPDATE, BULLA_IN(in, in_size), no_input);
}

CK_RV C_VerifyFinal(CK_SESSION_HANDLE session, unsigned char *signature, unsigned long signature_size)
{
    return call_verify(session, BULLA_FINISH, no_input, BULLA_IN(signature, signature_size));
}

/* --- 3.2, 5.15.7: verifying a signature that comes first --- */

struct promise {
    CK_MECHANISM *mechanism;
    CK_OBJECT_HANDLE key;
    struct bulla_bytes signature;
};

static CK_RV begin_promised(struct bulla_session *session, void *arguments)
{
    const struct promise *a = arguments;
    return bulla_operation_begin_promised(session, a->mechanism, a->key, a->signature);
}

CK_RV C_VerifySignatureInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    unsigned char *signature, unsigned long signature_size)
{
    struct promise arguments = {mechanism, key, {signature, signature_size}};
    return bulla_call_following(session, begin_promised, &arguments);
}

static CK_RV call_promised(CK_SESSION_HANDLE session, enum bulla_phase phase, struct bulla_bytes in)
{
    struct bulla_step arguments = {BULLA_VERIFY, phase, in, NULL, NULL, {NULL, 0}, true};
    return bulla_call_following(session, verify_step, &arguments);
}

CK_RV C_VerifySignature(CK_SESSION_HANDLE session, unsigned char *in, unsigned long in_size)
{
    return call_promised(session, BULLA_WHOLE, BULLA_IN(in, in_size));
}

CK_RV C_VerifySignatureUpdate(CK_SESSION_HANDLE session, unsigned char *in, unsigned long in_size)
{
    return call_promised(session, BULLA_UPDATE, BULLA_IN(in, in_size));
}

CK_RV C_VerifySignatureFinal(CK_SESSION_HANDLE session)
{
    return call_promised(session, BULLA_FINISH, no_input);
}
