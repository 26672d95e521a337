#include "operation.h"

#include "mech/clock.h"
#include "refusal.h"
#include "session.h"

/* What each function asks of a key and of a mechanism. */
static const struct {
    const char *name;
    CK_FLAGS flag;
    CK_ATTRIBUTE_TYPE usage;
} functions[BULLA_FUNCTIONS] = {
    [BULLA_ENCRYPT] = {"encrypt", CKF_ENCRYPT, CKA_ENCRYPT},
    [BULLA_DECRYPT] = {"decrypt", CKF_DECRYPT, CKA_DECRYPT},
    [BULLA_DIGEST] = {"digest", CKF_DIGEST, 0},
    [BULLA_SIGN] = {"sign", CKF_SIGN, CKA_SIGN},
    [BULLA_VERIFY] = {"verify", CKF_VERIFY, CKA_VERIFY},
};

void bulla_operation_end(struct bulla_operation *operation)
{
    if (!operation->mechanism)
        return;
    if (operation->processor->end && operation->run.state)
        operation->processor->end(&operation->run);
    bulla_secret_free(operation->run.state);
    bulla_secret_release(&operation->secret);
    bulla_object_drop(operation->object);
    *operation = (struct bulla_operation){0};
}

static bool is_over(const struct bulla_operation *operation, uint64_t now)
{
    return !operation->updated && operation->key.expires && now >= operation->key.expires;
}

void bulla_operation_lapse(struct bulla_operation *operation, uint64_t now)
{
    if (!operation->mechanism || !is_over(operation, now))
        return;
    bulla_secret_release(&operation->secret);
    operation->key.secret = (struct bulla_bytes){NULL, 0};
}

static CK_RV check_key(
    const struct bulla_object *object, const struct bulla_mechanism *mechanism, enum bulla_function function)
{
    const struct bulla_attributes *attributes = object->attributes;
    if (object->object_class != mechanism->key_class ||
        bulla_attributes_ulong(attributes, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION) != mechanism->key_type)
        return CKR_KEY_TYPE_INCONSISTENT;
    bool listed = bulla_attributes_get(attributes, CKA_ALLOWED_MECHANISMS).data != NULL;
    if (!bulla_attributes_bool(attributes, functions[function].usage) ||
        !bulla_attributes_allow(attributes, mechanism->type) || (mechanism->only_by_name && !listed))
        return CKR_KEY_FUNCTION_NOT_PERMITTED;
    return CKR_OK;
}

/* Copies the key's value out of the opened object, so that a lease that ends does not cut short what is under way. */
static enum bulla_reason take_key(struct bulla_session *session, struct bulla_operation *operation)
{
    struct bulla_object *object = operation->object;
    const struct bulla_attributes *attributes = object->attributes;
    struct bulla_bytes passphrase = {session->passphrase.data, session->passphrase.size};
    struct bulla_key *key = &operation->key;
    memcpy(key->object, object->id, 16);
    key->object_class = object->object_class;
    key->type = bulla_attributes_ulong(attributes, CKA_KEY_TYPE, 0);
    key->id = bulla_attributes_get(attributes, CKA_ID);
    key->label = bulla_attributes_get(attributes, CKA_LABEL);
    key->authority = bulla_attributes_get(attributes, CKA_BULLA_AUTHORITY);
    key->epoch = bulla_attributes_ulong(attributes, CKA_BULLA_EPOCH, 0);
    key->sealing.generation = bulla_attributes_ulong(attributes, CKA_BULLA_GENERATION, 0);
    key->sealing.dimension = bulla_attributes_ulong(attributes, CKA_BULLA_DIMENSION, 0);
    BULLA_TRY(bulla_vault_open(session->token, object, passphrase));
    struct bulla_bytes value = bulla_vault_value(object, CKA_VALUE);
    enum bulla_reason reason = value.size ? bulla_secret_hold(&operation->secret, value.size, "a key") : BULLA_OK;
    if (reason == BULLA_OK && value.size)
        memcpy(operation->secret.data, value.data, value.size);
    key->secret = (struct bulla_bytes){operation->secret.data, operation->secret.size};
    key->expires = object->expires;
    (void)pthread_mutex_unlock(&object->lock);
    return reason;
}

static enum bulla_reason start(
    struct bulla_session *session, struct bulla_operation *operation, const CK_MECHANISM *mechanism)
{
    void *state = NULL;
    BULLA_TRY(take_key(session, operation));
    bulla_token_services(session->token, &operation->services);
    operation->run = (struct bulla_run){&operation->key, &operation->services, NULL};
    if (operation->processor->state_size)
        BULLA_TRY(bulla_secret_allocate(operation->processor->state_size, &state));
    operation->run.state = state;
    return operation->processor->begin ? operation->processor->begin(&operation->run, mechanism) : BULLA_OK;
}

static CK_RV bind(struct bulla_session *session, struct bulla_operation *operation, enum bulla_function function,
    const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    const struct bulla_mechanism *row = bulla_mechanism_find(mechanism->mechanism);
    if (!row || !(row->info.flags & functions[function].flag) || !row->processors[function])
        return CKR_MECHANISM_INVALID;
    struct bulla_object *object = bulla_token_object(session->token, key);
    if (!object)
        return CKR_KEY_HANDLE_INVALID;
    CK_RV rv = check_key(object, row, function);
    if (rv != CKR_OK) {
        bulla_object_drop(object);
        return rv;
    }
    *operation = (struct bulla_operation){.mechanism = row, .processor = row->processors[function], .object = object};
    enum bulla_reason reason = start(session, operation, mechanism);
    if (reason == BULLA_OK)
        return CKR_OK;
    rv = bulla_token_refusal(session->token, functions[function].name, reason);
    bulla_operation_end(operation);
    return reason == BULLA_ARGUMENT ? CKR_MECHANISM_PARAM_INVALID
                                    : rv; /* all that a caller gives here beside the key */
}

CK_RV bulla_operation_begin(
    struct bulla_session *session, enum bulla_function function, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    struct bulla_operation *operation = &session->operations[function];
    if (!mechanism) {
        bulla_operation_end(operation); /* 3.0: a NULL mechanism cancels */
        return CKR_OK;
    }
    return operation->mechanism ? CKR_OPERATION_ACTIVE : bind(session, operation, function, mechanism, key);
}

static enum bulla_reason run_step(
    struct bulla_operation *operation, const struct bulla_step *step, struct bulla_writer *out)
{
    const struct bulla_processor *processor = operation->processor;
    if (is_over(operation, bulla_clock_seconds()))
        return bulla_refuse(BULLA_NOT_RELEASED, "the lease ended since the operation was begun: begin it again");
    if (step->phase == BULLA_UPDATE)
        return processor->update(&operation->run, step->in, out);
    if (step->phase == BULLA_FINISH)
        return processor->finish(&operation->run, out);
    if (processor->whole)
        return processor->whole(&operation->run, step->in, out);
    BULLA_TRY(processor->update(&operation->run, step->in, out));
    return processor->finish(&operation->run, out);
}

/* Whether the step fits what the operation has done so far. */
static CK_RV check_order(const struct bulla_operation *operation, const struct bulla_step *step)
{
    if (!operation->mechanism)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (!step->out_size || (!step->in.data && step->in.size))
        return CKR_ARGUMENTS_BAD;
    if (step->phase == BULLA_WHOLE && operation->updated)
        return CKR_OPERATION_ACTIVE;
    if (step->phase != BULLA_WHOLE && !operation->processor->update)
        return CKR_FUNCTION_NOT_SUPPORTED;
    return CKR_OK;
}

CK_RV bulla_operation_step(struct bulla_session *session, const struct bulla_step *step)
{
    struct bulla_operation *operation = &session->operations[step->function];
    size_t bound = 0;
    CK_RV rv = check_order(operation, step);
    if (rv == CKR_OPERATION_NOT_INITIALIZED)
        return rv;
    enum bulla_reason reason = BULLA_OK;
    if (rv == CKR_OK) {
        reason = operation->processor->bound(&operation->run, step->phase, step->in, &bound);
        if (reason == BULLA_OK && (!step->out || *step->out_size < bound)) {
            rv = step->out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
            *step->out_size = bound;
            return rv;
        }
    }
    struct bulla_writer writer;
    bulla_writer_open(&writer, step->out, rv == CKR_OK && reason == BULLA_OK ? *step->out_size : 0);
    if (rv == CKR_OK && reason == BULLA_OK)
        reason = run_step(operation, step, &writer);
    if (rv == CKR_OK && reason == BULLA_OK)
        reason = bulla_writer_finish(&writer, functions[step->function].name);
    if (rv == CKR_OK && reason == BULLA_OK) {
        *step->out_size = writer.size;
        operation->updated = true;
        if (step->phase != BULLA_UPDATE)
            bulla_operation_end(operation);
        return CKR_OK;
    }
    if (rv == CKR_OK && writer.data) /* nothing leaves on an error path */
        bulla_wipe(writer.data, writer.size < writer.capacity ? writer.size : writer.capacity);
    bulla_operation_end(operation);
    return rv == CKR_OK ? bulla_token_refusal(session->token, functions[step->function].name, reason) : rv;
}

static enum bulla_reason run_once(
    struct bulla_operation *operation, const struct bulla_step *step, struct bulla_secret *out, size_t *out_size)
{
    struct bulla_writer writer;
    size_t bound = 0;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is bound */
    BULLA_TRY(operation->processor->bound(&operation->run, BULLA_WHOLE, step->in, &bound));
    BULLA_TRY(bulla_secret_hold(out, bound, "an answer"));
    bulla_writer_open(&writer, out->data, out->size);
    BULLA_TRY(run_step(operation, step, &writer));
    BULLA_TRY(bulla_writer_finish(&writer, "an answer"));
    *out_size = writer.size;
    return BULLA_OK;
}

CK_RV bulla_operation_once(struct bulla_session *session, enum bulla_function function, const CK_MECHANISM *mechanism,
    CK_OBJECT_HANDLE key, struct bulla_bytes in, struct bulla_secret *out, size_t *out_size)
{
    struct bulla_operation operation = {0};
    const struct bulla_step step = {function, BULLA_WHOLE, in, NULL, NULL};
    CK_RV rv = bind(session, &operation, function, mechanism, key);
    if (rv != CKR_OK)
        return rv;
    enum bulla_reason reason = run_once(&operation, &step, out, out_size);
    rv = bulla_token_refusal(session->token, functions[function].name, reason);
    if (rv != CKR_OK)
        bulla_secret_release(out);
    bulla_operation_end(&operation);
    return rv;
}
