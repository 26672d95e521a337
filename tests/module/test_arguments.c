/* Every function with what a careless caller gives it: before C_Initialize, with handles that are none, with NULL
 * wherever a pointer is taken. None may do anything but answer with the code that the standard has. */
#include "module_fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* What a row is called with. */
struct given {
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE object;
    unsigned null; /* a bit for each pointer that is NULL, in the order of the arguments */
    CK_SLOT_ID slot;
};

static CK_MECHANISM mechanism;
static CK_ATTRIBUTE attribute;
static unsigned char bytes[64];
static unsigned long size;
static CK_OBJECT_HANDLE handle, other;
static CK_SLOT_ID slots[4];
static CK_SLOT_INFO slot_info;
static CK_TOKEN_INFO token_info;
static CK_SESSION_INFO session_info;
static CK_MECHANISM_INFO mechanism_info;
static CK_INFO info;
static CK_FLAGS flags;
static CK_ASYNC_DATA data;

static void renew(void)
{
    attribute = (CK_ATTRIBUTE){CKA_CLASS, &class_data, sizeof class_data};
    size = sizeof bytes;
}

enum { EVERY = ~0 };            /* all of them */
static unsigned taken_pointers; /* a bit for each pointer of the last call */

static void *pointer_of(const struct given *given, unsigned n, void *pointer)
{
    taken_pointers |= 1U << n;
    return given->null >> n & 1 ? NULL : pointer;
}

#define P(n, pointer) pointer_of(given, n, pointer)
#define CALL(name, ...)                                                                                                \
    static CK_RV call_##name(const struct given *given)                                                                \
    {                                                                                                                  \
        (void)given;                                                                                                   \
        return p11->C_##name(__VA_ARGS__);                                                                             \
    }
#define CALL_3(name, ...)                                                                                              \
    static CK_RV call_##name(const struct given *given)                                                                \
    {                                                                                                                  \
        return p11_3->C_##name(__VA_ARGS__);                                                                           \
    }
#define CALL_32(name, ...)                                                                                             \
    static CK_RV call_##name(const struct given *given)                                                                \
    {                                                                                                                  \
        return p11_32->C_##name(__VA_ARGS__);                                                                          \
    }
#define S given->session
#define O given->object

CALL(GetInfo, P(0, &info))
CALL(GetSlotList, CK_TRUE, P(0, slots), P(1, &size))
CALL(GetSlotInfo, given->slot, P(0, &slot_info))
CALL(GetTokenInfo, given->slot, P(0, &token_info))
CALL(GetMechanismList, given->slot, P(0, slots), P(1, &size))
CALL(GetMechanismInfo, given->slot, CKM_BULLA_SEAL, P(0, &mechanism_info))
CALL(InitToken, given->slot, P(0, bytes), 8, P(1, bytes))
CALL(InitPIN, S, P(0, bytes), 8)
CALL(SetPIN, S, P(0, bytes), 8, P(1, bytes), 8)
CALL(OpenSession, given->slot, CKF_SERIAL_SESSION, NULL, NULL, P(0, &handle))
CALL(CloseSession, S)
CALL(CloseAllSessions, given->slot)
CALL(GetSessionInfo, S, P(0, &session_info))
CALL(GetOperationState, S, P(0, bytes), P(1, &size))
CALL(SetOperationState, S, P(0, bytes), 8, O, O)
CALL(Login, S, CKU_USER, P(0, bytes), 8)
CALL(Logout, S)
CALL(CreateObject, S, P(0, &attribute), 1, P(1, &handle))
CALL(CopyObject, S, O, P(0, &attribute), 1, P(1, &handle))
CALL(DestroyObject, S, O)
CALL(GetObjectSize, S, O, P(0, &size))
CALL(GetAttributeValue, S, O, P(0, &attribute), 1)
CALL(SetAttributeValue, S, O, P(0, &attribute), 1)
CALL(FindObjectsInit, S, P(0, &attribute), 1)
CALL(FindObjects, S, P(0, &handle), 1, P(1, &size))
CALL(FindObjectsFinal, S)
CALL(EncryptInit, S, P(0, &mechanism), O)
CALL(Encrypt, S, P(0, bytes), 8, P(1, bytes), P(2, &size))
CALL(EncryptUpdate, S, P(0, bytes), 8, P(1, bytes), P(2, &size))
CALL(EncryptFinal, S, P(0, bytes), P(1, &size))
CALL(DecryptInit, S, P(0, &mechanism), O)
CALL(Decrypt, S, P(0, bytes), 8, P(1, bytes), P(2, &size))
CALL(DecryptUpdate, S, P(0, bytes), 8, P(1, bytes), P(2, &size))
CALL(DecryptFinal, S, P(0, bytes), P(1, &size))
CALL(DigestInit, S, P(0, &mechanism))
CALL(Digest, S, P(0, bytes), 8, P(1, bytes), P(2, &size))
CALL(DigestUpdate, S, P(0, bytes), 8)
CALL(DigestKey, S, O)
CALL(DigestFinal, S, P(0, bytes), P(1, &size))
CALL(SignInit, S, P(0, &mechanism), O)
CALL(Sign, S, P(0, bytes), 8, P(1, bytes), P(2, &size))
CALL(SignUpdate, S, P(0, bytes), 8)
CALL(SignFinal, S, P(0, bytes), P(1, &size))
CALL(SignRecoverInit, S, P(0, &mechanism), O)
CALL(SignRecover, S, P(0, bytes), 8, P(1, bytes), P(2, &size))
CALL(VerifyInit, S, P(0, &mechanism), O)
CALL(Verify, S, P(0, bytes), 8, P(1, bytes), 8)
CALL(VerifyUpdate, S, P(0, bytes), 8)
CALL(VerifyFinal, S, P(0, bytes), 8)
CALL(VerifyRecoverInit, S, P(0, &mechanism), O)
CALL(VerifyRecover, S, P(0, bytes), 8, P(1, bytes), P(2, &size))
CALL(DigestEncryptUpdate, S, P(0, bytes), 8, P(1, bytes), P(2, &size))
CALL(DecryptDigestUpdate, S, P(0, bytes), 8, P(1, bytes), P(2, &size))
CALL(SignEncryptUpdate, S, P(0, bytes), 8, P(1, bytes), P(2, &size))
CALL(DecryptVerifyUpdate, S, P(0, bytes), 8, P(1, bytes), P(2, &size))
CALL(GenerateKey, S, P(0, &mechanism), P(1, &attribute), 1, P(2, &handle))
CALL(GenerateKeyPair, S, P(0, &mechanism), P(1, &attribute), 1, P(2, &attribute), 1, P(3, &handle), P(4, &other))
CALL(WrapKey, S, P(0, &mechanism), O, O, P(1, bytes), P(2, &size))
CALL(UnwrapKey, S, P(0, &mechanism), O, P(1, bytes), 8, P(2, &attribute), 1, P(3, &handle))
CALL(DeriveKey, S, P(0, &mechanism), O, P(1, &attribute), 1, P(2, &handle))
CALL(SeedRandom, S, P(0, bytes), 8)
CALL(GenerateRandom, S, P(0, bytes), 8)
CALL(GetFunctionStatus, S)
CALL(CancelFunction, S)
CALL(WaitForSlotEvent, CKF_DONT_BLOCK, P(0, slots), NULL)
CALL_3(LoginUser, S, CKU_USER, P(0, bytes), 8, P(1, bytes), 8)
CALL_3(SessionCancel, S, CKF_ENCRYPT)
CALL_3(MessageEncryptInit, S, P(0, &mechanism), O)
CALL_3(EncryptMessage, S, P(0, bytes), 8, P(1, bytes), 8, P(2, bytes), 8, P(3, bytes), P(4, &size))
CALL_3(EncryptMessageBegin, S, P(0, bytes), 8, P(1, bytes), 8)
CALL_3(EncryptMessageNext, S, P(0, bytes), 8, P(1, bytes), 8, P(2, bytes), P(3, &size), 0)
CALL_3(MessageEncryptFinal, S)
CALL_3(MessageDecryptInit, S, P(0, &mechanism), O)
CALL_3(DecryptMessage, S, P(0, bytes), 8, P(1, bytes), 8, P(2, bytes), 8, P(3, bytes), P(4, &size))
CALL_3(DecryptMessageBegin, S, P(0, bytes), 8, P(1, bytes), 8)
CALL_3(DecryptMessageNext, S, P(0, bytes), 8, P(1, bytes), 8, P(2, bytes), P(3, &size), 0)
CALL_3(MessageDecryptFinal, S)
CALL_3(MessageSignInit, S, P(0, &mechanism), O)
CALL_3(SignMessage, S, P(0, bytes), 8, P(1, bytes), 8, P(2, bytes), P(3, &size))
CALL_3(SignMessageBegin, S, P(0, bytes), 8)
CALL_3(SignMessageNext, S, P(0, bytes), 8, P(1, bytes), 8, P(2, bytes), P(3, &size))
CALL_3(MessageSignFinal, S)
CALL_3(MessageVerifyInit, S, P(0, &mechanism), O)
CALL_3(VerifyMessage, S, P(0, bytes), 8, P(1, bytes), 8, P(2, bytes), 8)
CALL_3(VerifyMessageBegin, S, P(0, bytes), 8)
CALL_3(VerifyMessageNext, S, P(0, bytes), 8, P(1, bytes), 8, P(2, bytes), 8)
CALL_3(MessageVerifyFinal, S)
CALL_32(EncapsulateKey, S, P(0, &mechanism), O, P(1, &attribute), 1, P(2, bytes), P(3, &size), P(4, &handle))
CALL_32(DecapsulateKey, S, P(0, &mechanism), O, P(1, &attribute), 1, P(2, bytes), 8, P(3, &handle))
CALL_32(VerifySignatureInit, S, P(0, &mechanism), O, P(1, bytes), 8)
CALL_32(VerifySignature, S, P(0, bytes), 8)
CALL_32(VerifySignatureUpdate, S, P(0, bytes), 8)
CALL_32(VerifySignatureFinal, S)
CALL_32(GetSessionValidationFlags, S, CKS_LAST_VALIDATION_OK, P(0, &flags))
CALL_32(AsyncComplete, S, P(0, bytes), P(1, &data))
CALL_32(AsyncGetID, S, P(0, bytes), P(1, &size))
CALL_32(AsyncJoin, S, P(0, bytes), 1, P(1, bytes), 8)
CALL_32(WrapKeyAuthenticated, S, P(0, &mechanism), O, O, P(1, bytes), 8, P(2, bytes), P(3, &size))
CALL_32(
    UnwrapKeyAuthenticated, S, P(0, &mechanism), O, P(1, bytes), 8, P(2, &attribute), 1, P(3, bytes), 8, P(4, &handle))

/* Kinds of functions: what decides their answers. */
enum kind {
    GLOBAL,      /* names no session */
    IN_SLOT,     /* names a slot */
    IN_SESSION,  /* works in a session */
    OPERATION,   /* continues an operation: with none active, CKR_OPERATION_NOT_INITIALIZED whatever else is wrong */
    UNSUPPORTED, /* CKR_FUNCTION_NOT_SUPPORTED */
    LEGACY,      /* CKR_FUNCTION_NOT_PARALLEL */
};

static const struct row {
    const char *name;
    CK_RV (*call)(const struct given *given);
    enum kind kind;
    CK_RV null;        /* NULL pointers in a live session, the user logged in; ~0: not called */
    CK_RV dead_object; /* live session, pointers, an object that is not there; ~0: names no object */
} rows[] = {
#define ROW(name, ...)                                                                                                 \
    {                                                                                                                  \
        "C_" #name, call_##name, __VA_ARGS__                                                                           \
    }
#define NONE (~0UL)
    ROW(GetInfo, GLOBAL, CKR_ARGUMENTS_BAD, NONE),
    ROW(GetSlotList, GLOBAL, CKR_ARGUMENTS_BAD, NONE),
    ROW(GetSlotInfo, IN_SLOT, CKR_ARGUMENTS_BAD, NONE),
    ROW(GetTokenInfo, IN_SLOT, CKR_ARGUMENTS_BAD, NONE),
    ROW(GetMechanismList, IN_SLOT, CKR_ARGUMENTS_BAD, NONE),
    ROW(GetMechanismInfo, IN_SLOT, CKR_ARGUMENTS_BAD, NONE),
    ROW(InitToken, IN_SLOT, CKR_ARGUMENTS_BAD, NONE),
    ROW(InitPIN, IN_SESSION, CKR_ARGUMENTS_BAD, NONE),
    ROW(SetPIN, IN_SESSION, CKR_ARGUMENTS_BAD, NONE),
    ROW(OpenSession, IN_SLOT, CKR_ARGUMENTS_BAD, NONE),
    ROW(CloseSession, IN_SESSION, NONE, NONE),
    ROW(CloseAllSessions, IN_SLOT, NONE, NONE),
    ROW(GetSessionInfo, IN_SESSION, CKR_ARGUMENTS_BAD, NONE),
    ROW(GetOperationState, OPERATION, CKR_ARGUMENTS_BAD, NONE),
    ROW(SetOperationState, IN_SESSION, CKR_ARGUMENTS_BAD, NONE),
    ROW(Login, IN_SESSION, CKR_ARGUMENTS_BAD, NONE),
    ROW(Logout, IN_SESSION, NONE, NONE),
    ROW(CreateObject, IN_SESSION, CKR_ARGUMENTS_BAD, NONE),
    ROW(CopyObject, IN_SESSION, CKR_ARGUMENTS_BAD, CKR_OBJECT_HANDLE_INVALID),
    ROW(DestroyObject, IN_SESSION, NONE, CKR_OBJECT_HANDLE_INVALID),
    ROW(GetObjectSize, IN_SESSION, CKR_ARGUMENTS_BAD, CKR_OBJECT_HANDLE_INVALID),
    ROW(GetAttributeValue, IN_SESSION, CKR_ARGUMENTS_BAD, CKR_OBJECT_HANDLE_INVALID),
    ROW(SetAttributeValue, IN_SESSION, CKR_ARGUMENTS_BAD, CKR_OBJECT_HANDLE_INVALID),
    ROW(FindObjectsInit, IN_SESSION, CKR_ARGUMENTS_BAD, NONE),
    ROW(FindObjects, IN_SESSION, CKR_ARGUMENTS_BAD, NONE),
    ROW(FindObjectsFinal, IN_SESSION, NONE, NONE),
    ROW(EncryptInit, IN_SESSION, CKR_OK, CKR_KEY_HANDLE_INVALID), /* 3.0: a NULL mechanism cancels */
    ROW(Encrypt, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(EncryptUpdate, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(EncryptFinal, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(DecryptInit, IN_SESSION, CKR_OK, CKR_KEY_HANDLE_INVALID),
    ROW(Decrypt, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(DecryptUpdate, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(DecryptFinal, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(DigestInit, IN_SESSION, CKR_OK, NONE),
    ROW(Digest, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(DigestUpdate, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(DigestKey, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(DigestFinal, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(SignInit, IN_SESSION, CKR_OK, CKR_KEY_HANDLE_INVALID),
    ROW(Sign, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(SignUpdate, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(SignFinal, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(SignRecoverInit, IN_SESSION, CKR_OK, CKR_KEY_HANDLE_INVALID),
    ROW(SignRecover, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(VerifyInit, IN_SESSION, CKR_OK, CKR_KEY_HANDLE_INVALID),
    ROW(Verify, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(VerifyUpdate, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(VerifyFinal, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(VerifyRecoverInit, IN_SESSION, CKR_OK, CKR_KEY_HANDLE_INVALID),
    ROW(VerifyRecover, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(DigestEncryptUpdate, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(DecryptDigestUpdate, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(SignEncryptUpdate, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(DecryptVerifyUpdate, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(GenerateKey, IN_SESSION, CKR_ARGUMENTS_BAD, NONE),
    ROW(GenerateKeyPair, IN_SESSION, CKR_ARGUMENTS_BAD, NONE),
    ROW(WrapKey, IN_SESSION, CKR_ARGUMENTS_BAD, CKR_WRAPPING_KEY_HANDLE_INVALID),
    ROW(UnwrapKey, IN_SESSION, CKR_ARGUMENTS_BAD, CKR_UNWRAPPING_KEY_HANDLE_INVALID),
    ROW(DeriveKey, IN_SESSION, CKR_ARGUMENTS_BAD, CKR_KEY_HANDLE_INVALID),
    ROW(SeedRandom, IN_SESSION, CKR_RANDOM_SEED_NOT_SUPPORTED, NONE),
    ROW(GenerateRandom, IN_SESSION, CKR_ARGUMENTS_BAD, NONE),
    ROW(GetFunctionStatus, LEGACY, NONE, NONE),
    ROW(CancelFunction, LEGACY, NONE, NONE),
    ROW(WaitForSlotEvent, GLOBAL, CKR_ARGUMENTS_BAD, NONE),
    ROW(LoginUser, IN_SESSION, CKR_ARGUMENTS_BAD, NONE),
    ROW(SessionCancel, IN_SESSION, NONE, NONE),
    ROW(MessageEncryptInit, IN_SESSION, CKR_OK, CKR_KEY_HANDLE_INVALID),
    ROW(EncryptMessage, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(EncryptMessageBegin, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(EncryptMessageNext, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(MessageEncryptFinal, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(MessageDecryptInit, IN_SESSION, CKR_OK, CKR_KEY_HANDLE_INVALID),
    ROW(DecryptMessage, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(DecryptMessageBegin, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(DecryptMessageNext, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(MessageDecryptFinal, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(MessageSignInit, UNSUPPORTED, NONE, NONE),
    ROW(SignMessage, UNSUPPORTED, NONE, NONE),
    ROW(SignMessageBegin, UNSUPPORTED, NONE, NONE),
    ROW(SignMessageNext, UNSUPPORTED, NONE, NONE),
    ROW(MessageSignFinal, UNSUPPORTED, NONE, NONE),
    ROW(MessageVerifyInit, UNSUPPORTED, NONE, NONE),
    ROW(VerifyMessage, UNSUPPORTED, NONE, NONE),
    ROW(VerifyMessageBegin, UNSUPPORTED, NONE, NONE),
    ROW(VerifyMessageNext, UNSUPPORTED, NONE, NONE),
    ROW(MessageVerifyFinal, UNSUPPORTED, NONE, NONE),
    ROW(EncapsulateKey, IN_SESSION, CKR_ARGUMENTS_BAD, CKR_KEY_HANDLE_INVALID),
    ROW(DecapsulateKey, IN_SESSION, CKR_ARGUMENTS_BAD, CKR_UNWRAPPING_KEY_HANDLE_INVALID),
    ROW(VerifySignatureInit, IN_SESSION, CKR_OK, CKR_KEY_HANDLE_INVALID),
    ROW(VerifySignature, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(VerifySignatureUpdate, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(VerifySignatureFinal, OPERATION, CKR_OPERATION_NOT_INITIALIZED, NONE),
    ROW(GetSessionValidationFlags, IN_SESSION, CKR_ARGUMENTS_BAD, NONE),
    ROW(AsyncComplete, UNSUPPORTED, NONE, NONE),
    ROW(AsyncGetID, UNSUPPORTED, NONE, NONE),
    ROW(AsyncJoin, UNSUPPORTED, NONE, NONE),
    ROW(WrapKeyAuthenticated, IN_SESSION, CKR_ARGUMENTS_BAD, CKR_WRAPPING_KEY_HANDLE_INVALID),
    ROW(UnwrapKeyAuthenticated, IN_SESSION, CKR_ARGUMENTS_BAD, CKR_UNWRAPPING_KEY_HANDLE_INVALID),
};

/* Where NULL for one pointer alone is not CKR_ARGUMENTS_BAD. */
static const struct {
    CK_RV (*call)(const struct given *given);
    unsigned pointer;
    CK_RV expected;
} allowed[] = {
    {call_GetSlotList, 0, CKR_OK}, /* asks how many there are */
    {call_GetMechanismList, 0, CKR_OK},
    {call_SeedRandom, 0, CKR_RANDOM_SEED_NOT_SUPPORTED},
    {call_EncryptInit, 0, CKR_OK}, /* cancels */
    {call_DecryptInit, 0, CKR_OK},
    {call_DigestInit, 0, CKR_OK},
    {call_SignInit, 0, CKR_OK},
    {call_SignRecoverInit, 0, CKR_OK},
    {call_VerifyInit, 0, CKR_OK},
    {call_VerifyRecoverInit, 0, CKR_OK},
    {call_MessageEncryptInit, 0, CKR_OK},
    {call_MessageDecryptInit, 0, CKR_OK},
    {call_VerifySignatureInit, 0, CKR_OK},
    {call_WrapKey, 1, CKR_WRAPPING_KEY_HANDLE_INVALID}, /* asks how long it becomes: the key is looked at first */
    {call_WrapKeyAuthenticated, 2, CKR_WRAPPING_KEY_HANDLE_INVALID},
    {call_EncapsulateKey, 2, CKR_KEY_HANDLE_INVALID},
    {call_DeriveKey, 2, CKR_KEY_HANDLE_INVALID}, /* derivations that make several keys have no use for it */
    {call_GetOperationState, 0, CKR_OK},
    {call_Encrypt, 1, CKR_OK}, /* ask for a length */
    {call_EncryptUpdate, 1, CKR_OK},
    {call_EncryptFinal, 0, CKR_OK},
    {call_Decrypt, 1, CKR_OK},
    {call_DecryptUpdate, 1, CKR_OK},
    {call_DecryptFinal, 0, CKR_OK},
    {call_Digest, 1, CKR_OK},
    {call_DigestFinal, 0, CKR_OK},
    {call_Sign, 1, CKR_OK},
    {call_SignFinal, 0, CKR_OK},
    {call_SignRecover, 1, CKR_OK},
    {call_VerifyRecover, 1, CKR_OK},
    {call_DigestEncryptUpdate, 1, CKR_OK},
    {call_DecryptDigestUpdate, 1, CKR_OK},
    {call_SignEncryptUpdate, 1, CKR_OK},
    {call_DecryptVerifyUpdate, 1, CKR_OK},
    {call_EncryptMessage, 3, CKR_OK},
    {call_DecryptMessage, 3, CKR_OK},
};

static CK_RV expected_without(const struct row *row, unsigned pointer)
{
    for (size_t i = 0; i < COUNT_OF(allowed); i++)
        if (allowed[i].call == row->call && allowed[i].pointer == pointer)
            return allowed[i].expected;
    return CKR_ARGUMENTS_BAD;
}

/* What has to be under way for a function that continues it; a promised verification is C_VerifySignatureInit's. */
enum { PROMISED = 1UL << 40 };
static const struct {
    CK_RV (*call)(const struct given *given);
    CK_FLAGS operations;
} continued[] = {
    {call_GetOperationState, CKF_DIGEST},
    {call_Encrypt, CKF_ENCRYPT},
    {call_EncryptUpdate, CKF_ENCRYPT},
    {call_EncryptFinal, CKF_ENCRYPT},
    {call_Decrypt, CKF_DECRYPT},
    {call_DecryptUpdate, CKF_DECRYPT},
    {call_DecryptFinal, CKF_DECRYPT},
    {call_Digest, CKF_DIGEST},
    {call_DigestUpdate, CKF_DIGEST},
    {call_DigestFinal, CKF_DIGEST},
    {call_Sign, CKF_SIGN},
    {call_SignUpdate, CKF_SIGN},
    {call_SignFinal, CKF_SIGN},
    {call_SignRecover, CKF_SIGN_RECOVER},
    {call_Verify, CKF_VERIFY},
    {call_VerifyUpdate, CKF_VERIFY},
    {call_VerifyFinal, CKF_VERIFY},
    {call_VerifyRecover, CKF_VERIFY_RECOVER},
    {call_DigestEncryptUpdate, CKF_DIGEST | CKF_ENCRYPT},
    {call_DecryptDigestUpdate, CKF_DIGEST | CKF_DECRYPT},
    {call_SignEncryptUpdate, CKF_SIGN | CKF_ENCRYPT},
    {call_DecryptVerifyUpdate, CKF_VERIFY | CKF_DECRYPT},
    {call_EncryptMessage, CKF_MESSAGE_ENCRYPT},
    {call_EncryptMessageBegin, CKF_MESSAGE_ENCRYPT},
    {call_DecryptMessage, CKF_MESSAGE_DECRYPT},
    {call_DecryptMessageBegin, CKF_MESSAGE_DECRYPT},
    {call_VerifySignature, CKF_VERIFY | PROMISED},
    {call_VerifySignatureUpdate, CKF_VERIFY | PROMISED},
};

static CK_FLAGS operations_of(const struct row *row)
{
    for (size_t i = 0; i < COUNT_OF(continued); i++)
        if (continued[i].call == row->call)
            return continued[i].operations;
    return 0;
}

/* A mechanism of each function that takes one. */
static const struct {
    CK_RV (*call)(const struct given *given);
    CK_MECHANISM_TYPE type;
} taken[] = {
    {call_MessageDecryptInit, CKM_AES_GCM},
    {call_MessageEncryptInit, CKM_AES_GCM},
    {call_EncryptInit, CKM_AES_ECB},
    {call_DecryptInit, CKM_AES_ECB},
    {call_DigestInit, CKM_SHA256},
    {call_SignInit, CKM_SHA256_HMAC},
    {call_SignRecoverInit, CKM_RSA_PKCS},
    {call_VerifyInit, CKM_SHA256_HMAC},
    {call_VerifyRecoverInit, CKM_RSA_PKCS},
    {call_GenerateKey, CKM_AES_KEY_GEN},
    {call_GenerateKeyPair, CKM_RSA_PKCS_KEY_PAIR_GEN},
    {call_WrapKey, CKM_AES_KEY_WRAP},
    {call_UnwrapKey, CKM_AES_KEY_WRAP},
    {call_DeriveKey, CKM_CONCATENATE_BASE_AND_DATA},
    {call_EncapsulateKey, CKM_ECDH1_DERIVE},
    {call_DecapsulateKey, CKM_ECDH1_DERIVE},
    {call_VerifySignatureInit, CKM_SHA256_HMAC},
    {call_WrapKeyAuthenticated, CKM_AES_GCM},
    {call_UnwrapKeyAuthenticated, CKM_AES_GCM},
};

/* 0: the function takes none. */
static CK_MECHANISM_TYPE type_of(const struct row *row)
{
    for (size_t i = 0; i < COUNT_OF(taken); i++)
        if (taken[i].call == row->call)
            return taken[i].type;
    return 0;
}

static void expect(const struct row *row, const char *when, const struct given *given, CK_RV expected)
{
    renew();
    if (!mechanism.mechanism)
        mechanism.mechanism = type_of(row);
    CK_RV rv = row->call(given);
    mechanism = (CK_MECHANISM){0, NULL, 0};
    if (rv != expected)
        fail_msg("%s %s: 0x%lx instead of 0x%lx", row->name, when, rv, expected);
}

/* 68, 24 and 12 functions, without C_Initialize, C_Finalize, and what needs no initialising: C_GetFunctionList,
 * C_GetInterfaceList, C_GetInterface. */
static void every_function_has_a_row(void **state)
{
    (void)state;
    assert_int_equal(COUNT_OF(rows), 68 + 24 + 12 - 5);
}

static void before_initialising_every_function_says_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (int null = 0; null < 2; null++) {
            struct given given = {1, 1, null ? EVERY : 0, 0};
            expect(&rows[i], null ? "with NULL, not initialised" : "not initialised", &given,
                rows[i].kind == LEGACY ? CKR_FUNCTION_NOT_PARALLEL : CKR_CRYPTOKI_NOT_INITIALIZED);
        }
}

static void a_session_that_is_none_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE closed = module_session(0, 0);
    assert_ok(p11->C_CloseSession(closed));
    const CK_SESSION_HANDLE none[] = {0, ~0UL, closed, fixture->session ^ 1, fixture->session + (1UL << 17)};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t j = 0; j < COUNT_OF(none); j++)
            if (rows[i].kind == IN_SESSION || rows[i].kind == OPERATION) {
                struct given given = {none[j], 1, 0, 0};
                expect(&rows[i], "without a session", &given, CKR_SESSION_HANDLE_INVALID);
            }
}

static void null_is_refused_wherever_a_pointer_is_taken(void **state)
{
    const struct module_fixture *fixture = *state;
    struct given given = {fixture->session, 1, EVERY, 0};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].null != NONE)
            expect(&rows[i], "with NULL", &given, rows[i].null);
}

/* Every function, with each of its pointers NULL and all others there; and none is left unnamed above. */
static void null_is_refused_for_each_pointer_alone(void **state)
{
    const struct module_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct given given = {fixture->session, 1, EVERY, 0};
        if (rows[i].null == NONE || rows[i].kind == OPERATION)
            continue;
        taken_pointers = 0;
        expect(&rows[i], "with NULL", &given, rows[i].null);
        for (unsigned n = 0, pointers = taken_pointers; pointers >> n; n++) {
            char what[32];
            (void)snprintf(what, sizeof what, "without pointer %u", n);
            given.null = 1U << n;
            expect(&rows[i], what, &given, expected_without(&rows[i], n));
        }
    }
}

struct keys {
    CK_OBJECT_HANDLE aes, mac, public_key, private_key;
};

static struct keys make_keys(CK_SESSION_HANDLE session)
{
    static CK_KEY_TYPE aes_type = CKK_AES, mac_type = CKK_GENERIC_SECRET;
    static CK_ULONG bits = 2048;
    CK_MECHANISM pair = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    struct keys keys = {0};
    CK_ATTRIBUTE secret[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes_type),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef")};
    CK_ATTRIBUTE public_key[] = {ATTRIBUTE(CKA_MODULUS_BITS, bits), ATTRIBUTE(CKA_VERIFY_RECOVER, yes)},
                 private_key[] = {ATTRIBUTE(CKA_SIGN_RECOVER, yes)};
    assert_ok(module_create(session, secret, 3, &keys.aes));
    secret[1].pValue = &mac_type;
    assert_ok(module_create(session, secret, 3, &keys.mac));
    assert_ok(
        p11->C_GenerateKeyPair(session, &pair, public_key, 2, private_key, 1, &keys.public_key, &keys.private_key));
    return keys;
}

static void begin(CK_SESSION_HANDLE session, const struct keys *keys, CK_FLAGS operations)
{
    CK_AES_CTR_PARAMS block = {128, {0}};
    CK_MECHANISM ctr = {CKM_AES_CTR, &block, sizeof block}, gcm = {CKM_AES_GCM, NULL, 0},
                 hmac = {CKM_SHA256_HMAC, NULL, 0}, sha = {CKM_SHA256, NULL, 0}, rsa = {CKM_RSA_PKCS, NULL, 0};
    if (operations & CKF_ENCRYPT)
        assert_ok(p11->C_EncryptInit(session, &ctr, keys->aes));
    if (operations & CKF_DECRYPT)
        assert_ok(p11->C_DecryptInit(session, &ctr, keys->aes));
    if (operations & CKF_DIGEST)
        assert_ok(p11->C_DigestInit(session, &sha));
    if (operations & CKF_SIGN)
        assert_ok(p11->C_SignInit(session, &hmac, keys->mac));
    if (operations & CKF_SIGN_RECOVER)
        assert_ok(p11->C_SignRecoverInit(session, &rsa, keys->private_key));
    if (operations & CKF_VERIFY_RECOVER)
        assert_ok(p11->C_VerifyRecoverInit(session, &rsa, keys->public_key));
    if (operations & CKF_MESSAGE_ENCRYPT)
        assert_ok(p11_3->C_MessageEncryptInit(session, &gcm, keys->aes));
    if (operations & CKF_MESSAGE_DECRYPT)
        assert_ok(p11_3->C_MessageDecryptInit(session, &gcm, keys->aes));
    if (operations & PROMISED)
        assert_ok(p11_32->C_VerifySignatureInit(session, &hmac, keys->mac, bytes, 32));
    else if (operations & CKF_VERIFY)
        assert_ok(p11->C_VerifyInit(session, &hmac, keys->mac));
}

/* The flags of C_SessionCancel, one by one: which of them are under way, and they end. */
static CK_FLAGS end_all(CK_SESSION_HANDLE session, const struct keys *keys, CK_FLAGS operations)
{
    CK_AES_CTR_PARAMS block = {128, {0}};
    CK_MECHANISM ctr = {CKM_AES_CTR, &block, sizeof block}, gcm = {CKM_AES_GCM, NULL, 0},
                 hmac = {CKM_SHA256_HMAC, NULL, 0}, sha = {CKM_SHA256, NULL, 0}, rsa = {CKM_RSA_PKCS, NULL, 0};
    const struct {
        CK_FLAGS flag;
        CK_RV again; /* what beginning it once more says */
    } asked[] = {
        {CKF_ENCRYPT, p11->C_EncryptInit(session, &ctr, keys->aes)},
        {CKF_DECRYPT, p11->C_DecryptInit(session, &ctr, keys->aes)},
        {CKF_DIGEST, p11->C_DigestInit(session, &sha)},
        {CKF_SIGN, p11->C_SignInit(session, &hmac, keys->mac)},
        {CKF_VERIFY, p11->C_VerifyInit(session, &hmac, keys->mac)},
        {CKF_SIGN_RECOVER, p11->C_SignRecoverInit(session, &rsa, keys->private_key)},
        {CKF_VERIFY_RECOVER, p11->C_VerifyRecoverInit(session, &rsa, keys->public_key)},
        {CKF_MESSAGE_ENCRYPT, p11_3->C_MessageEncryptInit(session, &gcm, keys->aes)},
        {CKF_MESSAGE_DECRYPT, p11_3->C_MessageDecryptInit(session, &gcm, keys->aes)},
    };
    CK_FLAGS active = 0;
    for (size_t i = 0; i < COUNT_OF(asked); i++)
        if (operations & asked[i].flag)
            active |= asked[i].again == CKR_OPERATION_ACTIVE ? asked[i].flag : 0;
    for (size_t i = 0; i < COUNT_OF(asked); i++)
        assert_ok(p11_3->C_SessionCancel(session, asked[i].flag));
    return active;
}

/* The same of what continues an operation: it ends, except where a length was asked for. Messages go on to the next. */
static void null_ends_an_operation_for_each_pointer_alone(void **state)
{
    const struct module_fixture *fixture = *state;
    struct keys keys = make_keys(fixture->session);
    size_t seen = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CK_FLAGS operations = operations_of(&rows[i]);
        struct given given = {fixture->session, 1, EVERY, 0};
        if (!operations)
            continue;
        seen++;
        taken_pointers = 0;
        (void)rows[i].call(&given);
        assert_int_not_equal(taken_pointers, 0);
        for (unsigned n = 0, pointers = taken_pointers; pointers >> n; n++) {
            char what[32];
            (void)snprintf(what, sizeof what, "without pointer %u", n);
            CK_RV expected = expected_without(&rows[i], n);
            bool goes_on = expected == CKR_OK || (operations & (CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT)) ||
                           rows[i].call == call_GetOperationState;
            begin(fixture->session, &keys, operations);
            given.null = 1U << n;
            expect(&rows[i], what, &given, expected);
            CK_FLAGS left = end_all(fixture->session, &keys, operations & ~(CK_FLAGS)PROMISED);
            if (left != (goes_on ? operations & ~(CK_FLAGS)PROMISED : 0))
                fail_msg("%s %s: of the operations 0x%lx there are 0x%lx", rows[i].name, what, operations, left);
        }
    }
    assert_int_equal(seen, COUNT_OF(continued));
}

static void an_object_that_is_none_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE gone = module_data(fixture->session, true, false, "gone", "x");
    assert_ok(p11->C_DestroyObject(fixture->session, gone));
    const CK_OBJECT_HANDLE none[] = {0, ~0UL, gone, gone + 1000};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t j = 0; j < COUNT_OF(none); j++)
            if (rows[i].dead_object != NONE) {
                struct given given = {fixture->session, none[j], 0, 0};
                expect(&rows[i], "without an object", &given, rows[i].dead_object);
            }
}

static void what_is_not_supported_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (int null = 0; null < 2; null++) {
            struct given given = {fixture->session, 1, null ? EVERY : 0, 0};
            if (rows[i].kind == UNSUPPORTED)
                expect(&rows[i], "", &given, CKR_FUNCTION_NOT_SUPPORTED);
            if (rows[i].kind == LEGACY)
                expect(&rows[i], "", &given, CKR_FUNCTION_NOT_PARALLEL);
        }
}

static void an_operation_that_was_not_begun_is_not_continued(void **state)
{
    const struct module_fixture *fixture = *state;
    struct given given = {fixture->session, 1, 0, 0};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].kind == OPERATION)
            expect(&rows[i], "without an operation", &given, CKR_OPERATION_NOT_INITIALIZED);
}

static void a_slot_that_is_none_is_refused(void **state)
{
    const CK_SLOT_ID none[] = {1, 1UL << 32, ~0UL};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t j = 0; j < COUNT_OF(none); j++)
            for (int null = 0; null < 2; null++) {
                struct given given = {1, 1, null ? EVERY : 0, none[j]};
                if (rows[i].kind == IN_SLOT)
                    expect(&rows[i], "in no slot", &given, CKR_SLOT_ID_INVALID);
            }
}

/* No number that no family has, none of a mechanism that does something else, and no length without a parameter. */
static void a_mechanism_that_is_none_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    const CK_MECHANISM_TYPE none[] = {0x7654321, ~0UL, CKM_VENDOR_DEFINED, CKM_BULLA_ATTEST};
    struct given given = {fixture->session, 1, 0, 0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CK_MECHANISM_TYPE type = type_of(&rows[i]);
        for (size_t j = 0; type && j < COUNT_OF(none); j++) {
            if (none[j] == CKM_BULLA_ATTEST && type == CKM_SHA256_HMAC)
                continue; /* it signs */
            mechanism = (CK_MECHANISM){none[j], NULL, 0};
            expect(&rows[i], "with no mechanism", &given, CKR_MECHANISM_INVALID);
        }
        if (!type || type == CKM_AES_KEY_GEN || type == CKM_RSA_PKCS_KEY_PAIR_GEN)
            continue; /* whose templates are judged first */
        mechanism = (CK_MECHANISM){type, NULL, 5};
        expect(&rows[i], "with a parameter that is not there", &given, CKR_MECHANISM_PARAM_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONF_TEST(every_function_has_a_row),
        CONF_TEST(before_initialising_every_function_says_so),
        PUBLIC_TEST(a_session_that_is_none_is_refused),
        MODULE_TEST(null_is_refused_wherever_a_pointer_is_taken),
        MODULE_TEST(null_is_refused_for_each_pointer_alone),
        MODULE_TEST(null_ends_an_operation_for_each_pointer_alone),
        MODULE_TEST(an_object_that_is_none_is_refused),
        BARE_TEST(a_slot_that_is_none_is_refused),
        MODULE_TEST(a_mechanism_that_is_none_is_refused),
        MODULE_TEST(what_is_not_supported_is_refused),
        MODULE_TEST(an_operation_that_was_not_begun_is_not_continued),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
