/* In these slots `updated` says that a message is under way. */
#include "message.h"

#include "refusal.h"
#include "session.h"

static CK_RV check_order(const struct bulla_operation *operation, const struct bulla_message_step *step)
{
    if (!operation->mechanism)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (step->begin && operation->updated)
        return CKR_OPERATION_ACTIVE;
    if (!step->begin && !operation->updated)
        return CKR_OPERATION_NOT_INITIALIZED;
    if ((!step->in.data && step->in.size) || (!step->message.aad.data && step->message.aad.size) ||
        (step->data && !step->out_size) || (!step->message.parameter && step->message.parameter_size))
        return CKR_ARGUMENTS_BAD;
    if (step->message.aad.size > PTRDIFF_MAX || step->message.parameter_size > PTRDIFF_MAX)
        return CKR_ARGUMENTS_BAD; /* no memory has such lengths */
    if (step->in.size > PTRDIFF_MAX)
        return step->function == BULLA_MESSAGE_DECRYPT ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE;
    return CKR_OK;
}

/* Each message is a use of the key. */
static enum bulla_reason run(
    struct bulla_session *session, struct bulla_operation *operation, const struct bulla_message_step *step)
{
    const struct bulla_processor *processor = operation->processor;
    struct bulla_writer writer;
    if (step->begin) {
        operation->granted = false;
        BULLA_TRY(bulla_operation_grant(session, operation));
        BULLA_TRY(processor->message_begin(&operation->run, &step->message));
        operation->updated = true;
    }
    if (!step->data)
        return BULLA_OK;
    bulla_writer_open(&writer, step->out, *step->out_size);
    enum bulla_reason reason = processor->message_data(&operation->run, &step->message, step->last, step->in, &writer);
    if (reason == BULLA_OK)
        *step->out_size = writer.size;
    else if (writer.data) /* nothing leaves on an error path */
        bulla_wipe(writer.data, writer.size < writer.capacity ? writer.size : writer.capacity);
    return reason;
}

static CK_RV conclude(struct bulla_session *session, struct bulla_operation *operation,
    const struct bulla_message_step *step, enum bulla_reason reason)
{
    if (reason != BULLA_OK || step->last)
        operation->updated = false;
    CK_RV rv = bulla_token_refusal(session->token, bulla_key_uses[step->function].name, reason);
    return rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_AEAD_DECRYPT_FAILED : rv;
}

/* Whether the step only asks for a length, or has too little room. Where nothing goes in and nothing can come out there
 * is nothing to ask: a last part without data, and without a place for data, is there for its tag. */
static bool is_answered(const struct bulla_message_step *step, size_t bound)
{
    if (!step->data || (!step->in.size && !bound))
        return false;
    return !step->out || *step->out_size < bound;
}

CK_RV bulla_message_step(struct bulla_session *session, const struct bulla_message_step *step)
{
    struct bulla_operation *operation = &session->operations[step->function];
    enum bulla_phase phase = step->begin ? BULLA_WHOLE : step->last ? BULLA_FINISH : BULLA_UPDATE;
    size_t bound = 0;
    CK_RV rv = check_order(operation, step);
    if (rv != CKR_OK)
        return rv;
    enum bulla_reason reason = bulla_operation_usable(operation);
    if (reason == BULLA_OK && step->data)
        reason = operation->processor->bound(&operation->run, phase, step->in, &bound);
    if (reason == BULLA_OK && is_answered(step, bound)) {
        *step->out_size = bound;
        return step->out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
    }
    return conclude(session, operation, step, reason == BULLA_OK ? run(session, operation, step) : reason);
}

static enum bulla_reason run_whole(struct bulla_session *session, struct bulla_operation *operation,
    const struct bulla_message *message, struct bulla_bytes in, struct bulla_secret *out, size_t *out_size)
{
    const struct bulla_processor *processor = operation->processor;
    struct bulla_writer writer;
    size_t bound = 0;
    BULLA_TRY(bulla_operation_usable(operation));
    BULLA_TRY(processor->bound(&operation->run, BULLA_WHOLE, in, &bound));
    BULLA_TRY(bulla_secret_hold(out, bound ? bound : 1, "a message"));
    bulla_writer_open(&writer, out->data, out->size);
    BULLA_TRY(bulla_operation_grant(session, operation));
    BULLA_TRY(processor->message_begin(&operation->run, message));
    BULLA_TRY(processor->message_data(&operation->run, message, true, in, &writer));
    BULLA_TRY(bulla_writer_finish(&writer, "a message"));
    *out_size = writer.size;
    return BULLA_OK;
}

CK_RV bulla_message_whole(struct bulla_session *session, struct bulla_operation *operation,
    const struct bulla_message *message, struct bulla_bytes in, struct bulla_secret *out, size_t *out_size)
{
    enum bulla_reason reason = run_whole(session, operation, message, in, out, out_size);
    CK_RV rv = bulla_token_refusal(session->token, bulla_key_uses[operation->function].name, reason);
    if (rv != CKR_OK)
        bulla_secret_release(out);
    return rv;
}

CK_RV bulla_message_end(struct bulla_session *session, enum bulla_function function)
{
    struct bulla_operation *operation = &session->operations[function];
    if (!operation->mechanism)
        return CKR_OPERATION_NOT_INITIALIZED;
    bulla_operation_end(operation);
    return CKR_OK;
}
