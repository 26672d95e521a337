/* From a reason to the return code that PKCS#11 has for it: one table, and the way back to words. */
#ifndef BULLA_CORE_REFUSAL_H
#define BULLA_CORE_REFUSAL_H

#include <stdbool.h>

#include "bulla_pkcs11.h"
#include "crypto/reason.h"

/* CKR_OK for BULLA_OK; CKR_GENERAL_ERROR for what has no row (a test says there is none such). */
CK_RV bulla_refusal_code(enum bulla_reason reason);
/* A mistake in one call on an ordinary key: the caller is told, the audit log is not. */
bool bulla_reason_is_ordinary(enum bulla_reason reason);

#endif
