#include "function_rows.h"

CK_MECHANISM mechanism;
static CK_ATTRIBUTE attribute;
unsigned char bytes[64];
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

void renew(void)
{
    attribute = (CK_ATTRIBUTE){CKA_CLASS, &class_data, sizeof class_data};
    size = sizeof bytes;
}

unsigned taken_pointers;

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

const struct row rows[] = {
#define ROW(name, ...)                                                                                                 \
    {                                                                                                                  \
        "C_" #name, call_##name, __VA_ARGS__                                                                           \
    }
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
const size_t rows_count = COUNT_OF(rows);

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

CK_RV expected_without(const struct row *row, unsigned pointer)
{
    for (size_t i = 0; i < COUNT_OF(allowed); i++)
        if (allowed[i].call == row->call && allowed[i].pointer == pointer)
            return allowed[i].expected;
    return CKR_ARGUMENTS_BAD;
}

/* What has to be under way for a function that continues it. */
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

const size_t continued_count = COUNT_OF(continued);

CK_FLAGS operations_of(const struct row *row)
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

CK_MECHANISM_TYPE type_of(const struct row *row)
{
    for (size_t i = 0; i < COUNT_OF(taken); i++)
        if (taken[i].call == row->call)
            return taken[i].type;
    return 0;
}
