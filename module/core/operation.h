/* The operation slot: one of each function in a session, with the mechanism row that Init bound.
 *
 * Length queries and short buffers are answered here, once for all mechanisms, from the request alone. A length query
 * and CKR_BUFFER_TOO_SMALL leave the operation alive; every other error, and success of the last step, ends it. */
#ifndef BULLA_CORE_OPERATION_H
#define BULLA_CORE_OPERATION_H

#include "key.h"

struct bulla_session;

/* What a slot keeps of an operation that went well: the key as it was taken, and the state that can be begun again. The
 * next operation of the same row and key takes it up, as long as the token's index has not moved since. */
struct bulla_warm {
    const struct bulla_mechanism *mechanism; /* NULL: nothing is kept */
    CK_OBJECT_HANDLE handle;
    uint64_t epoch;
    struct bulla_taken_key taken;
    void *state;
};

struct bulla_operation {
    const struct bulla_mechanism *mechanism; /* NULL: the slot is free */
    const struct bulla_processor *processor;
    struct bulla_taken_key taken; /* for as long as the operation runs; empty for digests */
    struct bulla_services services;
    struct bulla_run run;
    CK_OBJECT_HANDLE handle; /* of the key, and the index's epoch when it was taken */
    uint64_t epoch;
    struct bulla_warm warm;       /* outlives the operation */
    enum bulla_function function; /* that it is of; one of wrapping and unwrapping, too */
    struct bulla_bytes promised;  /* of C_VerifySignatureInit: the signature, on the heap; else NULL */
    bool updated;                 /* an Update has been: no one-shot may follow */
    bool granted;                 /* whoever governs the key has been asked (grants.h) */
    unsigned unproved; /* CKA_ALWAYS_AUTHENTICATE: the n-th operation for which the PIN is still to be given */
};

/* Input and output of a step. `out` NULL with `out_size` not: a length query. Of a verification, `signature` is given
 * in place of an output, or was with Init (`promised`). */
struct bulla_step {
    enum bulla_function function;
    enum bulla_phase phase;
    struct bulla_bytes in;
    unsigned char *out;
    unsigned long *out_size;
    struct bulla_bytes signature;
    bool promised;
};

CK_RV bulla_operation_begin(
    struct bulla_session *session, enum bulla_function function, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
/* The same of a verification whose signature comes with Init and is kept: C_VerifySignatureInit. */
CK_RV bulla_operation_begin_promised(
    struct bulla_session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, struct bulla_bytes signature);
CK_RV bulla_operation_step(struct bulla_session *session, const struct bulla_step *step);
/* The two halves of it: what needs no running (`answered`: a refusal, a length query, a short buffer), and the rest. */
CK_RV bulla_operation_ask(struct bulla_session *session, const struct bulla_step *step, bool *answered);
CK_RV bulla_operation_run(struct bulla_session *session, const struct bulla_step *step);
/* Asked before anything of the processor runs: whether the lease has not ended since Init, and the PIN was given where
 * the key asks for it. */
enum bulla_reason bulla_operation_usable(const struct bulla_operation *operation) BULLA_MUST_USE;
/* Asked once for each operation (each message of a message-based one), before the first byte is computed: whether a
 * grant allows it, where the key has an authority whose policy is restricted. */
enum bulla_reason bulla_operation_grant(
    struct bulla_session *session, struct bulla_operation *operation) BULLA_MUST_USE;
/* A step of a verification: no output, so no length query and no short buffer. */
CK_RV bulla_operation_verify(struct bulla_session *session, const struct bulla_step *step);
/* Whether a key of the session's asks for the PIN before its operation goes on; and that it was given. */
bool bulla_operations_unproved(const struct bulla_session *session);
void bulla_operations_prove(struct bulla_session *session);
/* C_DigestKey: an update of the digest by a secret key's value. */
CK_RV bulla_operation_digest_key(struct bulla_session *session, CK_OBJECT_HANDLE key);
/* An operation outside the session's slots, of one of the functions or of wrapping and unwrapping; nothing is held
 * after a refusal, else the caller ends it. */
CK_RV bulla_operation_bind(struct bulla_session *session, struct bulla_operation *operation,
    enum bulla_function function, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
/* All of it at once, its output in locked memory of the caller's to release. */
CK_RV bulla_operation_whole(struct bulla_session *session, struct bulla_operation *operation,
    enum bulla_function function, struct bulla_bytes in, struct bulla_secret *out, size_t *out_size);
/* Both, and the end. */
CK_RV bulla_operation_once(struct bulla_session *session, enum bulla_function function, const CK_MECHANISM *mechanism,
    CK_OBJECT_HANDLE key, struct bulla_bytes in, struct bulla_secret *out, size_t *out_size);
/* Takes the key from an operation that was begun and left alone until its lease was over at `now`: its steps are
 * refused. */
void bulla_operation_lapse(struct bulla_operation *operation, uint64_t now);
/* Wipes and frees what the operation holds; a free slot is allowed. */
void bulla_operation_end(struct bulla_operation *operation);
/* The same with what it keeps of the operation before. */
void bulla_operation_cool(struct bulla_operation *operation);

#endif
