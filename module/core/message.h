/* The message-based functions (3.0, 5.9 and 5.11): many messages under one Init, each with a parameter of its own. They
 * have slots beside those of the other functions, begun and ended in the same way. */
#ifndef BULLA_CORE_MESSAGE_H
#define BULLA_CORE_MESSAGE_H

#include "operation.h"

/* A message is begun, or goes on, or is begun and ended at once. */
struct bulla_message_step {
    enum bulla_function function; /* BULLA_MESSAGE_ENCRYPT, BULLA_MESSAGE_DECRYPT */
    bool begin, data, last;
    struct bulla_message message;
    struct bulla_bytes in;
    unsigned char *out;
    unsigned long *out_size;
};

/* A refusal ends the message and leaves the slot as it was begun: the next message may be another's to spoil.
 * CKR_OPERATION_ACTIVE where a message is under way, CKR_OPERATION_NOT_INITIALIZED where none is. */
CK_RV bulla_message_step(struct bulla_session *session, const struct bulla_message_step *step);
/* One message, outside the session's slots: an operation that was bound to BULLA_WRAP_AUTHENTICATED or its like, whose
 * output comes to be in locked memory of the caller's to release. */
CK_RV bulla_message_whole(struct bulla_session *session, struct bulla_operation *operation,
    const struct bulla_message *message, struct bulla_bytes in, struct bulla_secret *out, size_t *out_size);
/* C_MessageEncryptFinal and its like: also where a message is under way, which is given up. */
CK_RV bulla_message_end(struct bulla_session *session, enum bulla_function function);

#endif
