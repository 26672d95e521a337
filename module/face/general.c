/* PKCS#11 3.0, 5.4: general-purpose functions. */
#include "face.h"

CK_RV C_Initialize(void *arguments)
{
    return bulla_module_open(arguments);
}

CK_RV C_Finalize(void *reserved)
{
    return reserved ? CKR_ARGUMENTS_BAD : bulla_module_close();
}

CK_RV C_GetInfo(CK_INFO *info)
{
    if (!bulla_module_ready())
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    if (!info)
        return CKR_ARGUMENTS_BAD;
    *info = (CK_INFO){.cryptokiVersion = {2, 40}, .libraryVersion = {BULLA_VERSION_MAJOR, BULLA_VERSION_MINOR}};
    bulla_face_pad(info->manufacturerID, sizeof info->manufacturerID, BULLA_LIBRARY_NAME);
    bulla_face_pad(info->libraryDescription, sizeof info->libraryDescription, BULLA_LIBRARY_DESCRIPTION);
    return CKR_OK;
}
