/* The operation slot: one of each function in a session, with the mechanism row that Init bound.
 *
 * Length queries and short buffers are answered here, once for all mechanisms, from the request alone. A length query
 * and CKR_BUFFER_TOO_SMALL leave the operation alive; every other error, and success of the last step, ends it. */
#ifndef BULLA_CORE_OPERATION_H
#define BULLA_CORE_OPERATION_H

#include "mech/mechanism.h"
#include "object.h"

struct bulla_session;

struct bulla_operation {
    const struct bulla_mechanism *mechanism; /* NULL: the slot is free */
    const struct bulla_processor *processor;
    struct bulla_object *object; /* a reference, for as long as the operation runs */
    struct bulla_key key;
    struct bulla_secret secret; /* the key's value */
    struct bulla_services services;
    struct bulla_run run;
    bool updated; /* an Update has been: no one-shot may follow */
};

/* Input and output of a step. `out` NULL with `out_size` not: a length query. */
struct bulla_step {
    enum bulla_function function;
    enum bulla_phase phase;
    struct bulla_bytes in;
    unsigned char *out;
    unsigned long *out_size;
};

CK_RV bulla_operation_begin(
    struct bulla_session *session, enum bulla_function function, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
CK_RV bulla_operation_step(struct bulla_session *session, const struct bulla_step *step);
/* A whole operation outside the session's slots, its output in locked memory of the caller's to release. */
CK_RV bulla_operation_once(struct bulla_session *session, enum bulla_function function, const CK_MECHANISM *mechanism,
    CK_OBJECT_HANDLE key, struct bulla_bytes in, struct bulla_secret *out, size_t *out_size);
/* Wipes and frees what the operation holds; a free slot is allowed. */
/* Takes the key from an operation that was begun and left alone until its lease was over at `now`: its steps are
 * refused. */
void bulla_operation_lapse(struct bulla_operation *operation, uint64_t now);
void bulla_operation_end(struct bulla_operation *operation);

#endif
