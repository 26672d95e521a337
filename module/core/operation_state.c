/* Only a digest is saved. The state of a key's operation is as good as a part of the key (what an HMAC keeps) or would
 * have to be sealed to be given away, and put under a key that may by then be another one: such a session is
 * CKR_STATE_UNSAVEABLE.
 *
 * The bytes: the mechanism (u64), whether an update has been (u8), and the processor's own (mech/hash_state.c), which
 * vouch for the mechanism. */
#include "operation_state.h"

#include "refusal.h"
#include "session.h"

static CK_RV check_saveable(const struct bulla_session *session)
{
    const struct bulla_operation *digest = &session->operations[BULLA_DIGEST];
    bool active = false;
    for (int i = 0; i < BULLA_FUNCTIONS; i++) {
        active = active || session->operations[i].mechanism;
        if (i != BULLA_DIGEST && session->operations[i].mechanism)
            return CKR_STATE_UNSAVEABLE;
    }
    if (!active)
        return CKR_OPERATION_NOT_INITIALIZED;
    return digest->processor->save ? CKR_OK : CKR_STATE_UNSAVEABLE;
}

static enum bulla_reason write_state(const struct bulla_operation *digest, struct bulla_writer *out)
{
    bulla_write_u64(out, digest->mechanism->type);
    bulla_write_u8(out, digest->updated);
    return digest->processor->save(&digest->run, out);
}

CK_RV bulla_operation_save(const struct bulla_session *session, unsigned char *out, unsigned long *out_size)
{
    struct bulla_writer writer;
    CK_RV rv = check_saveable(session);
    if (rv != CKR_OK)
        return rv;
    bulla_writer_open(&writer, out, out ? *out_size : 0);
    rv = bulla_token_refusal(session->token, "digest", write_state(&session->operations[BULLA_DIGEST], &writer));
    if (rv != CKR_OK)
        return rv;
    *out_size = writer.size;
    return out && writer.size > writer.capacity ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

/* Begins the digest that the state is of, aside; it holds nothing after a refusal. */
static CK_RV begin(struct bulla_session *session, CK_MECHANISM_TYPE type, struct bulla_operation *digest)
{
    const CK_MECHANISM mechanism = {type, NULL, 0};
    const struct bulla_mechanism *row = bulla_mechanism_find(type);
    if (!row || row->keys || !row->processors[BULLA_DIGEST] || !row->processors[BULLA_DIGEST]->restore)
        return CKR_SAVED_STATE_INVALID;
    return bulla_operation_bind(session, digest, BULLA_DIGEST, &mechanism, CK_INVALID_HANDLE);
}

CK_RV bulla_operation_restore(struct bulla_session *session, struct bulla_bytes saved, bool keys)
{
    struct bulla_operation digest = {0};
    struct bulla_reader reader;
    bulla_reader_open(&reader, saved);
    CK_MECHANISM_TYPE type = bulla_read_u64(&reader);
    uint8_t updated = bulla_read_u8(&reader);
    if (reader.failed || updated > 1)
        return CKR_SAVED_STATE_INVALID;
    if (keys)
        return CKR_KEY_NOT_NEEDED;
    CK_RV rv = begin(session, type, &digest);
    if (rv != CKR_OK)
        return rv;
    struct bulla_bytes own = bulla_read(&reader, bulla_reader_left(&reader));
    rv = bulla_token_refusal(session->token, "digest", digest.processor->restore(&digest.run, own));
    if (rv != CKR_OK) {
        bulla_operation_end(&digest);
        return rv;
    }
    digest.updated = updated;
    for (int i = 0; i < BULLA_FUNCTIONS; i++)
        bulla_operation_end(&session->operations[i]);
    session->operations[BULLA_DIGEST] = digest;
    /* what points into the operation moves with it */
    session->operations[BULLA_DIGEST].run.services = &session->operations[BULLA_DIGEST].services;
    return CKR_OK;
}
