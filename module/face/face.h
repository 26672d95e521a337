/* The C_ functions: they check what a pointer must be, pack the arguments, and hand over to core. */
#ifndef BULLA_FACE_FACE_H
#define BULLA_FACE_FACE_H

#include <string.h>

#include "core/module.h"
#include "core/objects.h"
#include "core/refusal.h"
#include "core/session.h"

/* Fixed-size text fields: padded with blanks, not terminated. */
static inline void bulla_face_pad(unsigned char *field, size_t size, const char *text)
{
    size_t length = strlen(text);
    memset(field, ' ', size);
    memcpy(field, text, length < size ? length : size);
}

/* What a call with a NULL pointer gives: before C_Initialize, that comes first. */
static inline CK_RV bulla_face_refuse_pointer(void)
{
    return bulla_module_ready() ? CKR_ARGUMENTS_BAD : CKR_CRYPTOKI_NOT_INITIALIZED;
}

#define BULLA_LIBRARY_NAME "bulla"
#define BULLA_LIBRARY_DESCRIPTION "sealed keys and models"
enum { BULLA_VERSION_MAJOR = 0, BULLA_VERSION_MINOR = 1 };

#endif
