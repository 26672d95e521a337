/* Two operations of one session moved by one call. */
#ifndef BULLA_CORE_DUAL_H
#define BULLA_CORE_DUAL_H

#include "operation.h"

struct bulla_dual {
    enum bulla_function cipher;   /* BULLA_ENCRYPT or BULLA_DECRYPT */
    enum bulla_function absorber; /* BULLA_DIGEST, BULLA_SIGN or BULLA_VERIFY: gets the plaintext */
    struct bulla_bytes in;
    unsigned char *out; /* NULL: a length query, which moves neither; nor does CKR_BUFFER_TOO_SMALL */
    unsigned long *out_size;
};

/* CKR_OPERATION_NOT_INITIALIZED unless both are active: then neither is touched. Any other error ends both. */
CK_RV bulla_dual_update(struct bulla_session *session, const struct bulla_dual *dual);

#endif
