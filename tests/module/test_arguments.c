/* Every function with what a careless caller gives it: before C_Initialize, with handles that are none, with NULL
 * wherever a pointer is taken. None may do anything but answer with the code that the standard has. */
#include "module_fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* What a row is called with. */
struct given {
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE object;
    bool null; /* NULL for every pointer */
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

#define P(pointer) (given->null ? NULL : (pointer))
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

CALL(GetInfo, P(&info))
CALL(GetSlotList, CK_TRUE, P(slots), P(&size))
CALL(GetSlotInfo, given->slot, P(&slot_info))
CALL(GetTokenInfo, given->slot, P(&token_info))
CALL(GetMechanismList, given->slot, P(slots), P(&size))
CALL(GetMechanismInfo, given->slot, CKM_BULLA_SEAL, P(&mechanism_info))
CALL(InitToken, given->slot, P(bytes), 8, P(bytes))
CALL(InitPIN, S, P(bytes), 8)
CALL(SetPIN, S, P(bytes), 8, P(bytes), 8)
CALL(OpenSession, given->slot, CKF_SERIAL_SESSION, NULL, NULL, P(&handle))
CALL(CloseSession, S)
CALL(CloseAllSessions, given->slot)
CALL(GetSessionInfo, S, P(&session_info))
CALL(GetOperationState, S, P(bytes), P(&size))
CALL(SetOperationState, S, P(bytes), 8, O, O)
CALL(Login, S, CKU_USER, P(bytes), 8)
CALL(Logout, S)
CALL(CreateObject, S, P(&attribute), 1, P(&handle))
CALL(CopyObject, S, O, P(&attribute), 1, P(&handle))
CALL(DestroyObject, S, O)
CALL(GetObjectSize, S, O, P(&size))
CALL(GetAttributeValue, S, O, P(&attribute), 1)
CALL(SetAttributeValue, S, O, P(&attribute), 1)
CALL(FindObjectsInit, S, P(&attribute), 1)
CALL(FindObjects, S, P(&handle), 1, P(&size))
CALL(FindObjectsFinal, S)
CALL(EncryptInit, S, P(&mechanism), O)
CALL(Encrypt, S, P(bytes), 8, P(bytes), P(&size))
CALL(EncryptUpdate, S, P(bytes), 8, P(bytes), P(&size))
CALL(EncryptFinal, S, P(bytes), P(&size))
CALL(DecryptInit, S, P(&mechanism), O)
CALL(Decrypt, S, P(bytes), 8, P(bytes), P(&size))
CALL(DecryptUpdate, S, P(bytes), 8, P(bytes), P(&size))
CALL(DecryptFinal, S, P(bytes), P(&size))
CALL(DigestInit, S, P(&mechanism))
CALL(Digest, S, P(bytes), 8, P(bytes), P(&size))
CALL(DigestUpdate, S, P(bytes), 8)
CALL(DigestKey, S, O)
CALL(DigestFinal, S, P(bytes), P(&size))
CALL(SignInit, S, P(&mechanism), O)
CALL(Sign, S, P(bytes), 8, P(bytes), P(&size))
CALL(SignUpdate, S, P(bytes), 8)
CALL(SignFinal, S, P(bytes), P(&size))
CALL(SignRecoverInit, S, P(&mechanism), O)
CALL(SignRecover, S, P(bytes), 8, P(bytes), P(&size))
CALL(VerifyInit, S, P(&mechanism), O)
CALL(Verify, S, P(bytes), 8, P(bytes), 8)
CALL(VerifyUpdate, S, P(bytes), 8)
CALL(VerifyFinal, S, P(bytes), 8)
CALL(VerifyRecoverInit, S, P(&mechanism), O)
CALL(VerifyRecover, S, P(bytes), 8, P(bytes), P(&size))
CALL(DigestEncryptUpdate, S, P(bytes), 8, P(bytes), P(&size))
CALL(DecryptDigestUpdate, S, P(bytes), 8, P(bytes), P(&size))
CALL(SignEncryptUpdate, S, P(bytes), 8, P(bytes), P(&size))
CALL(DecryptVerifyUpdate, S, P(bytes), 8, P(bytes), P(&size))
CALL(GenerateKey, S, P(&mechanism), P(&attribute), 1, P(&handle))
CALL(GenerateKeyPair, S, P(&mechanism), P(&attribute), 1, P(&attribute), 1, P(&handle), P(&other))
CALL(WrapKey, S, P(&mechanism), O, O, P(bytes), P(&size))
CALL(UnwrapKey, S, P(&mechanism), O, P(bytes), 8, P(&attribute), 1, P(&handle))
CALL(DeriveKey, S, P(&mechanism), O, P(&attribute), 1, P(&handle))
CALL(SeedRandom, S, P(bytes), 8)
CALL(GenerateRandom, S, P(bytes), 8)
CALL(GetFunctionStatus, S)
CALL(CancelFunction, S)
CALL(WaitForSlotEvent, CKF_DONT_BLOCK, P(slots), NULL)
CALL_3(LoginUser, S, CKU_USER, P(bytes), 8, P(bytes), 8)
CALL_3(SessionCancel, S, CKF_ENCRYPT)
CALL_3(MessageEncryptInit, S, P(&mechanism), O)
CALL_3(EncryptMessage, S, P(bytes), 8, P(bytes), 8, P(bytes), 8, P(bytes), P(&size))
CALL_3(EncryptMessageBegin, S, P(bytes), 8, P(bytes), 8)
CALL_3(EncryptMessageNext, S, P(bytes), 8, P(bytes), 8, P(bytes), P(&size), 0)
CALL_3(MessageEncryptFinal, S)
CALL_3(MessageDecryptInit, S, P(&mechanism), O)
CALL_3(DecryptMessage, S, P(bytes), 8, P(bytes), 8, P(bytes), 8, P(bytes), P(&size))
CALL_3(DecryptMessageBegin, S, P(bytes), 8, P(bytes), 8)
CALL_3(DecryptMessageNext, S, P(bytes), 8, P(bytes), 8, P(bytes), P(&size), 0)
CALL_3(MessageDecryptFinal, S)
CALL_3(MessageSignInit, S, P(&mechanism), O)
CALL_3(SignMessage, S, P(bytes), 8, P(bytes), 8, P(bytes), P(&size))
CALL_3(SignMessageBegin, S, P(bytes), 8)
CALL_3(SignMessageNext, S, P(bytes), 8, P(bytes), 8, P(bytes), P(&size))
CALL_3(MessageSignFinal, S)
CALL_3(MessageVerifyInit, S, P(&mechanism), O)
CALL_3(VerifyMessage, S, P(bytes), 8, P(bytes), 8, P(bytes), 8)
CALL_3(VerifyMessageBegin, S, P(bytes), 8)
CALL_3(VerifyMessageNext, S, P(bytes), 8, P(bytes), 8, P(bytes), 8)
CALL_3(MessageVerifyFinal, S)
CALL_32(EncapsulateKey, S, P(&mechanism), O, P(&attribute), 1, P(bytes), P(&size), P(&handle))
CALL_32(DecapsulateKey, S, P(&mechanism), O, P(&attribute), 1, P(bytes), 8, P(&handle))
CALL_32(VerifySignatureInit, S, P(&mechanism), O, P(bytes), 8)
CALL_32(VerifySignature, S, P(bytes), 8)
CALL_32(VerifySignatureUpdate, S, P(bytes), 8)
CALL_32(VerifySignatureFinal, S)
CALL_32(GetSessionValidationFlags, S, CKS_LAST_VALIDATION_OK, P(&flags))
CALL_32(AsyncComplete, S, P(bytes), P(&data))
CALL_32(AsyncGetID, S, P(bytes), P(&size))
CALL_32(AsyncJoin, S, P(bytes), 1, P(bytes), 8)
CALL_32(WrapKeyAuthenticated, S, P(&mechanism), O, O, P(bytes), 8, P(bytes), P(&size))
CALL_32(UnwrapKeyAuthenticated, S, P(&mechanism), O, P(bytes), 8, P(&attribute), 1, P(bytes), 8, P(&handle))

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
            struct given given = {1, 1, null, 0};
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
                struct given given = {none[j], 1, false, 0};
                expect(&rows[i], "without a session", &given, CKR_SESSION_HANDLE_INVALID);
            }
}

static void null_is_refused_wherever_a_pointer_is_taken(void **state)
{
    const struct module_fixture *fixture = *state;
    struct given given = {fixture->session, 1, true, 0};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].null != NONE)
            expect(&rows[i], "with NULL", &given, rows[i].null);
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
                struct given given = {fixture->session, none[j], false, 0};
                expect(&rows[i], "without an object", &given, rows[i].dead_object);
            }
}

static void what_is_not_supported_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (int null = 0; null < 2; null++) {
            struct given given = {fixture->session, 1, null, 0};
            if (rows[i].kind == UNSUPPORTED)
                expect(&rows[i], "", &given, CKR_FUNCTION_NOT_SUPPORTED);
            if (rows[i].kind == LEGACY)
                expect(&rows[i], "", &given, CKR_FUNCTION_NOT_PARALLEL);
        }
}

static void an_operation_that_was_not_begun_is_not_continued(void **state)
{
    const struct module_fixture *fixture = *state;
    struct given given = {fixture->session, 1, false, 0};
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
                struct given given = {1, 1, null, none[j]};
                if (rows[i].kind == IN_SLOT)
                    expect(&rows[i], "in no slot", &given, CKR_SLOT_ID_INVALID);
            }
}

/* No number that no family has, none of a mechanism that does something else, and no length without a parameter. */
static void a_mechanism_that_is_none_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    const CK_MECHANISM_TYPE none[] = {0x7654321, ~0UL, CKM_VENDOR_DEFINED, CKM_BULLA_ATTEST};
    struct given given = {fixture->session, 1, false, 0};
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
        MODULE_TEST(an_object_that_is_none_is_refused),
        BARE_TEST(a_slot_that_is_none_is_refused),
        MODULE_TEST(a_mechanism_that_is_none_is_refused),
        MODULE_TEST(what_is_not_supported_is_refused),
        MODULE_TEST(an_operation_that_was_not_begun_is_not_continued),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
