/* The dual functions: a cipher's update, and an update of a digest, a signature or a verification by its plaintext.
 *
 * What a length query or a short buffer answers is answered before either moves. An encryption's plaintext is absorbed
 * before it is encrypted, as the caller may encrypt in place; a decryption's is absorbed from where it was written. An
 * error of one ends both: they would no longer be about the same bytes. */
#include "dual.h"

#include "session.h"

static CK_RV absorb(struct bulla_session *session, enum bulla_function function, struct bulla_bytes plaintext)
{
    unsigned char nothing[1];
    unsigned long size = 0;
    const struct bulla_step step = {function, BULLA_UPDATE, plaintext, nothing, &size, {NULL, 0}, false};
    return function == BULLA_VERIFY ? bulla_operation_verify(session, &step) : bulla_operation_step(session, &step);
}

static CK_RV encrypt(struct bulla_session *session, const struct bulla_dual *dual, const struct bulla_step *step)
{
    CK_RV rv = absorb(session, dual->absorber, dual->in);
    return rv == CKR_OK ? bulla_operation_run(session, step) : rv;
}

static CK_RV decrypt(struct bulla_session *session, const struct bulla_dual *dual, const struct bulla_step *step)
{
    CK_RV rv = bulla_operation_run(session, step);
    if (rv != CKR_OK)
        return rv;
    rv = absorb(session, dual->absorber, (struct bulla_bytes){dual->out, *dual->out_size});
    if (rv != CKR_OK)
        bulla_wipe(dual->out, *dual->out_size);
    return rv;
}

CK_RV bulla_dual_update(struct bulla_session *session, const struct bulla_dual *dual)
{
    struct bulla_operation *cipher = &session->operations[dual->cipher];
    struct bulla_operation *absorber = &session->operations[dual->absorber];
    const struct bulla_step step = {dual->cipher, BULLA_UPDATE, dual->in, dual->out, dual->out_size, {NULL, 0}, false};
    bool answered = false;
    if (!cipher->mechanism || !absorber->mechanism || absorber->promised.data)
        return CKR_OPERATION_NOT_INITIALIZED;
    CK_RV rv = bulla_operation_ask(session, &step, &answered);
    if (rv == CKR_OK && !answered)
        rv = dual->cipher == BULLA_ENCRYPT ? encrypt(session, dual, &step) : decrypt(session, dual, &step);
    if (rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL) {
        bulla_operation_end(cipher);
        bulla_operation_end(absorber);
    }
    return rv;
}
