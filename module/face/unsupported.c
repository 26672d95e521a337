/* Functions that no mechanism needs yet, and those of asynchronous sessions, of which there are none (C_OpenSession
 * says CKR_SESSION_ASYNC_NOT_SUPPORTED): present in the lists, as the standard asks, and refused. */
#include "face.h"

#ifdef __clang__
#pragma clang diagnostic ignored "-Wc2x-extensions"
#endif

typedef unsigned char byte;
typedef unsigned long size;

/* name, parameters */
#define UNSUPPORTED(F)                                                                                                 \
    F(C_MessageSignInit, (CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE))                                        \
    F(C_SignMessage, (CK_SESSION_HANDLE, void *, size, byte *, size, byte *, size *))                                  \
    F(C_SignMessageBegin, (CK_SESSION_HANDLE, void *, size))                                                           \
    F(C_SignMessageNext, (CK_SESSION_HANDLE, void *, size, byte *, size, byte *, size *))                              \
    F(C_MessageSignFinal, (CK_SESSION_HANDLE))                                                                         \
    F(C_MessageVerifyInit, (CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE))                                      \
    F(C_VerifyMessage, (CK_SESSION_HANDLE, void *, size, byte *, size, byte *, size))                                  \
    F(C_VerifyMessageBegin, (CK_SESSION_HANDLE, void *, size))                                                         \
    F(C_VerifyMessageNext, (CK_SESSION_HANDLE, void *, size, byte *, size, byte *, size))                              \
    F(C_MessageVerifyFinal, (CK_SESSION_HANDLE))                                                                       \
    F(C_AsyncComplete, (CK_SESSION_HANDLE, byte *, CK_ASYNC_DATA *))                                                   \
    F(C_AsyncGetID, (CK_SESSION_HANDLE, byte *, size *))                                                               \
    F(C_AsyncJoin, (CK_SESSION_HANDLE, byte *, size, byte *, size))

#define REFUSE(name, parameters)                                                                                       \
    CK_RV name parameters                                                                                              \
    {                                                                                                                  \
        return bulla_module_ready() ? CKR_FUNCTION_NOT_SUPPORTED : CKR_CRYPTOKI_NOT_INITIALIZED;                       \
    }
UNSUPPORTED(REFUSE)

/* Legacy of parallel sessions: chapter 5.22 fixes the answer. */
CK_RV C_GetFunctionStatus(CK_SESSION_HANDLE session)
{
    (void)session;
    return CKR_FUNCTION_NOT_PARALLEL;
}

CK_RV C_CancelFunction(CK_SESSION_HANDLE session)
{
    (void)session;
    return CKR_FUNCTION_NOT_PARALLEL;
}
