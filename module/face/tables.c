/* The function lists and interfaces, from one table of names each: the 2.40 names in the order of CK_FUNCTION_LIST, the
 * 3.0 and 3.2 ones of bulla_pkcs11.h behind them. */
#include "face.h"

/* clang-format does not settle on a layout for this. */
/* clang-format off */
#define FUNCTIONS_2_40(F)                                                                                              \
    F(C_Initialize) F(C_Finalize) F(C_GetInfo) F(C_GetFunctionList) F(C_GetSlotList) F(C_GetSlotInfo)                  \
    F(C_GetTokenInfo) F(C_GetMechanismList) F(C_GetMechanismInfo) F(C_InitToken) F(C_InitPIN) F(C_SetPIN)              \
    F(C_OpenSession) F(C_CloseSession) F(C_CloseAllSessions) F(C_GetSessionInfo) F(C_GetOperationState)                \
    F(C_SetOperationState) F(C_Login) F(C_Logout) F(C_CreateObject) F(C_CopyObject) F(C_DestroyObject)                 \
    F(C_GetObjectSize) F(C_GetAttributeValue) F(C_SetAttributeValue) F(C_FindObjectsInit) F(C_FindObjects)             \
    F(C_FindObjectsFinal) F(C_EncryptInit) F(C_Encrypt) F(C_EncryptUpdate) F(C_EncryptFinal) F(C_DecryptInit)          \
    F(C_Decrypt) F(C_DecryptUpdate) F(C_DecryptFinal) F(C_DigestInit) F(C_Digest) F(C_DigestUpdate) F(C_DigestKey)     \
    F(C_DigestFinal) F(C_SignInit) F(C_Sign) F(C_SignUpdate) F(C_SignFinal) F(C_SignRecoverInit) F(C_SignRecover)      \
    F(C_VerifyInit) F(C_Verify) F(C_VerifyUpdate) F(C_VerifyFinal) F(C_VerifyRecoverInit) F(C_VerifyRecover)           \
    F(C_DigestEncryptUpdate) F(C_DecryptDigestUpdate) F(C_SignEncryptUpdate) F(C_DecryptVerifyUpdate)                  \
    F(C_GenerateKey) F(C_GenerateKeyPair) F(C_WrapKey) F(C_UnwrapKey) F(C_DeriveKey) F(C_SeedRandom)                   \
    F(C_GenerateRandom) F(C_GetFunctionStatus) F(C_CancelFunction) F(C_WaitForSlotEvent)
/* clang-format on */

/* NOLINTBEGIN(bugprone-macro-parentheses): names of members */
#define NAMED(name) .name = name,
#define NAMED_3(name, parameters) .name = name,
/* NOLINTEND(bugprone-macro-parentheses) */

static CK_FUNCTION_LIST list_2_40 = {.version = {2, 40}, FUNCTIONS_2_40(NAMED)};
static struct bulla_function_list_3_0 list_3_0 = {
    .base = {.version = {3, 0}, FUNCTIONS_2_40(NAMED)}, BULLA_FUNCTIONS_3_0(NAMED_3)};
static struct bulla_function_list_3_2 list_3_2 = {
    .base = {.base = {.version = {3, 2}, FUNCTIONS_2_40(NAMED)}, BULLA_FUNCTIONS_3_0(NAMED_3)},
    BULLA_FUNCTIONS_3_2(NAMED_3)};

static unsigned char standard_name[] = "PKCS 11";
/* The first one is what C_GetInterface(NULL) gives: who names no version was written for 3.0. */
static CK_INTERFACE interfaces[] = {
    {standard_name, &list_3_0, 0},
    {standard_name, &list_3_2, 0},
    {standard_name, &list_2_40, 0},
};
enum { INTERFACES = sizeof interfaces / sizeof interfaces[0] };

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    if (!list)
        return CKR_ARGUMENTS_BAD;
    *list = &list_2_40;
    return CKR_OK;
}

CK_RV C_GetInterfaceList(CK_INTERFACE *list, unsigned long *count)
{
    if (!count)
        return CKR_ARGUMENTS_BAD;
    unsigned long most = *count;
    *count = INTERFACES;
    if (!list)
        return CKR_OK;
    if (most < INTERFACES)
        return CKR_BUFFER_TOO_SMALL;
    memcpy(list, interfaces, sizeof interfaces);
    return CKR_OK;
}

/* Every list begins with its version. */
static bool interface_matches(
    const CK_INTERFACE *interface, const unsigned char *name, const CK_VERSION *version, CK_FLAGS flags)
{
    const CK_VERSION *its = interface->pFunctionList;
    if (name && strcmp((const char *)name, (const char *)interface->pInterfaceName) != 0)
        return false;
    if (version && (version->major != its->major || version->minor != its->minor))
        return false;
    return (flags & ~interface->flags) == 0;
}

CK_RV C_GetInterface(unsigned char *name, CK_VERSION *version, CK_INTERFACE **interface, CK_FLAGS flags)
{
    if (!interface)
        return CKR_ARGUMENTS_BAD;
    for (unsigned i = 0; i < INTERFACES; i++)
        if (interface_matches(&interfaces[i], name, version, flags)) {
            *interface = &interfaces[i];
            return CKR_OK;
        }
    return CKR_FUNCTION_FAILED;
}

/* --- 3.0, 5.6: cancelling --- */

static CK_RV cancel(struct bulla_session *session, void *arguments)
{
    CK_FLAGS flags = *(const CK_FLAGS *)arguments;
    for (int i = 0; i < BULLA_FUNCTIONS; i++)
        if (flags & bulla_key_uses[i].flag)
            bulla_operation_end(&session->operations[i]);
    if (flags & CKF_FIND_OBJECTS)
        (void)bulla_search_end(session);
    return CKR_OK;
}

CK_RV C_SessionCancel(CK_SESSION_HANDLE session, CK_FLAGS flags)
{
    return bulla_call_to_end(session, cancel, &flags);
}
