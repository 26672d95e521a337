/* C_GetOperationState and C_SetOperationState. */
#ifndef BULLA_CORE_OPERATION_STATE_H
#define BULLA_CORE_OPERATION_STATE_H

#include "operation.h"

/* Writes the session's running digest. CKR_OPERATION_NOT_INITIALIZED, CKR_STATE_UNSAVEABLE, CKR_BUFFER_TOO_SMALL;
 * `out` NULL is a length query. */
CK_RV bulla_operation_save(const struct bulla_session *session, unsigned char *out, unsigned long *out_size);
/* Puts a saved digest in place of all that the session has under way. `keys`: the caller names keys, which no saved
 * state needs (CKR_KEY_NOT_NEEDED). CKR_SAVED_STATE_INVALID; the session is left as it was after a refusal. */
CK_RV bulla_operation_restore(struct bulla_session *session, struct bulla_bytes saved, bool keys);

#endif
