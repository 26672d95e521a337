#include "operation.h"

#include <stdlib.h>

#include "follow.h"
#include "grants.h"
#include "mech/clock.h"
#include "refusal.h"
#include "session.h"

/* Forgets what is in the slot, but for what is kept. */
static void clear(struct bulla_operation *operation)
{
    operation->mechanism = NULL;
    operation->processor = NULL;
    operation->taken = (struct bulla_taken_key){0};
    operation->run = (struct bulla_run){0};
    free((void *)(uintptr_t)operation->promised.data);
    operation->promised = (struct bulla_bytes){NULL, 0};
    operation->updated = false;
    operation->granted = false;
    operation->unproved = 0;
}

void bulla_operation_end(struct bulla_operation *operation)
{
    if (!operation->mechanism)
        return;
    bulla_state_free(operation->run.state);
    bulla_key_give_back(&operation->taken);
    clear(operation);
}

/* A state that can be begun again goes to whoever uses the key next, in any session. */
void bulla_operation_cool(struct bulla_operation *operation)
{
    struct bulla_warm *warm = &operation->warm;
    if (!warm->mechanism)
        return;
    if (warm->state && warm->taken.key.material)
        bulla_material_leave(warm->taken.key.material, warm->state);
    else
        bulla_state_free(warm->state);
    bulla_key_give_back(&warm->taken);
    *warm = (struct bulla_warm){0};
}

/* The end of an operation that went well. What a session keeps warm costs the next operation no lock and writes nothing
 * that threads share; but the keys of models go with their lease, and a key that was destroyed meanwhile goes at once.
 */
static void finish(struct bulla_session *session, struct bulla_operation *operation)
{
    void *state = bulla_state_stays(operation->processor) ? operation->run.state : NULL;
    uint64_t expires = operation->taken.key.expires;
    if (operation->mechanism->only_by_name || (expires && bulla_clock_seconds() >= expires) ||
        operation->epoch != session->token->index.epoch) {
        bulla_operation_end(operation);
        return;
    }
    if (!state)
        bulla_state_free(operation->run.state);
    operation->warm =
        (struct bulla_warm){operation->mechanism, operation->handle, operation->epoch, operation->taken, state};
    clear(operation);
}

static bool is_over(const struct bulla_operation *operation, uint64_t now)
{
    return !operation->updated && now >= operation->taken.key.expires;
}

static void lapse_active(struct bulla_operation *operation, uint64_t now)
{
    struct bulla_taken_key *taken = &operation->taken;
    if (!operation->mechanism || !taken->key.expires || !is_over(operation, now))
        return;
    bulla_state_free(operation->run.state);
    operation->run.state = NULL;
    bulla_material_drop(taken->key.material);
    taken->key.material = NULL;
    bulla_secret_release(&taken->secret);
    taken->key.secret = (struct bulla_bytes){NULL, 0};
}

/* The same of what is kept: its state is ended too, for the lease is over for everybody. */
static void lapse_warm(struct bulla_operation *operation, uint64_t now)
{
    struct bulla_warm *warm = &operation->warm;
    if (warm->mechanism && warm->taken.key.expires && now >= warm->taken.key.expires)
        bulla_operation_cool(operation);
}

void bulla_operation_lapse(struct bulla_operation *operation, uint64_t now)
{
    lapse_active(operation, now);
    lapse_warm(operation, now);
}

/* A part of the running call: the call is spotless where each of its parts is. */
static void note_part(struct bulla_session *session, bool spotless)
{
    session->spotted |= !spotless;
    session->spotless = !session->spotted;
}

/* An Init that finds a state does no more than begin it; what uses a key without a slot opens others, too. */
static enum bulla_reason start(
    struct bulla_session *session, struct bulla_operation *operation, const CK_MECHANISM *mechanism)
{
    struct bulla_key *key = &operation->taken.key;
    const struct bulla_processor *processor = operation->processor;
    bulla_token_services(session->token, &operation->services);
    operation->run.key = operation->mechanism->keys ? key : NULL;
    operation->run.services = &operation->services;
    operation->run.mechanism = operation->mechanism;
    if (processor->reuse && key->material && !operation->run.state)
        operation->run.state = bulla_material_take(key->material, processor);
    note_part(session, processor->spotless && operation->run.state && operation->function < BULLA_FUNCTIONS);
    if (processor->state_size && !operation->run.state)
        BULLA_TRY(bulla_state_make(processor, &operation->run.state));
    return processor->begin ? processor->begin(&operation->run, mechanism) : BULLA_OK;
}

/* Takes up what is kept of the operation before, where that was of the same row and key and nothing moved since. */
static bool take_warm(struct bulla_session *session, struct bulla_operation *operation,
    const struct bulla_mechanism *row, CK_OBJECT_HANDLE key)
{
    struct bulla_warm *warm = &operation->warm;
    uint64_t expires = warm->taken.key.expires;
    if (warm->mechanism != row || (row->keys && warm->handle != key) || warm->epoch != session->token->index.epoch ||
        (expires && bulla_clock_seconds() + 1 >= expires)) {
        bulla_operation_cool(operation);
        return false;
    }
    operation->handle = warm->handle;
    operation->epoch = warm->epoch;
    operation->taken = warm->taken;
    operation->run.state = warm->state;
    *warm = (struct bulla_warm){0};
    return true;
}

CK_RV bulla_operation_bind(struct bulla_session *session, struct bulla_operation *operation,
    enum bulla_function function, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    const struct bulla_key_use *use = &bulla_key_uses[function];
    const struct bulla_mechanism *row = bulla_mechanism_find(mechanism->mechanism);
    if (!row || !(row->info.flags & use->flag) || !row->processors[use->processor])
        return CKR_MECHANISM_INVALID;
    if (!mechanism->pParameter && mechanism->ulParameterLen)
        return CKR_MECHANISM_PARAM_INVALID;
    CK_RV rv = CKR_OK;
    if (!take_warm(session, operation, row, key)) {
        operation->handle = key;
        operation->epoch = session->token->index.epoch; /* before the key is found: a change after it is noticed */
        rv = row->keys ? bulla_key_take(session, key, row, function, &operation->taken) : CKR_OK;
    }
    if (rv != CKR_OK)
        return rv;
    operation->mechanism = row;
    operation->function = function;
    operation->processor = row->processors[use->processor];
    if (row->keys && bulla_attributes_bool(operation->taken.object->attributes, CKA_ALWAYS_AUTHENTICATE))
        operation->unproved = ++session->asked;
    enum bulla_reason reason = start(session, operation, mechanism);
    if (reason == BULLA_OK)
        return CKR_OK;
    rv = bulla_token_refusal(session->token, use->name, reason);
    bulla_operation_end(operation);
    return reason == BULLA_ARGUMENT ? CKR_MECHANISM_PARAM_INVALID
                                    : rv; /* all that a caller gives here beside the key */
}

/* What other processes did to the key that is to be used. Where it is the one that is kept warm, nothing is looked up;
 * as long as the epoch stands, that is the object which the index showed at `seen`. */
static CK_RV follow_key(struct bulla_session *session, const struct bulla_operation *operation,
    const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    const struct bulla_warm *warm = &operation->warm;
    struct bulla_object *object = NULL;
    uint64_t seen = session->token->seen;
    bool taken;
    if (mechanism->mechanism & CKM_VENDOR_DEFINED)
        return bulla_follow_all(session);
    if (key && warm->mechanism && warm->handle == key && warm->epoch == session->token->index.epoch)
        return bulla_follow_object(session, seen, warm->taken.object, &taken);
    if (!bulla_follow_is_behind(session->token, seen))
        return CKR_OK;
    if (!key)
        return bulla_follow_marks(session, seen, NULL, 0, &taken);
    CK_RV rv = bulla_follow_handle(session, key, &object);
    bulla_object_drop(object);
    return rv;
}

/* The same of the key that is in use; the operation goes on with it as it was taken. */
static CK_RV follow_step(struct bulla_session *session, enum bulla_function function)
{
    const struct bulla_operation *operation = &session->operations[function];
    uint64_t seen = session->token->seen;
    bool taken;
    if (!operation->mechanism)
        return CKR_OK;
    if (operation->mechanism->type & CKM_VENDOR_DEFINED || operation->epoch != session->token->index.epoch)
        return bulla_follow_all(session);
    return operation->taken.object ? bulla_follow_object(session, seen, operation->taken.object, &taken)
                                   : bulla_follow_marks(session, seen, NULL, 0, &taken);
}

CK_RV bulla_operation_begin(
    struct bulla_session *session, enum bulla_function function, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    struct bulla_operation *operation = &session->operations[function];
    if (!mechanism) {
        bulla_operation_end(operation); /* 3.0: a NULL mechanism cancels */
        return CKR_OK;
    }
    if (operation->mechanism)
        return CKR_OPERATION_ACTIVE;
    CK_RV rv = follow_key(session, operation, mechanism, key);
    return rv == CKR_OK ? bulla_operation_bind(session, operation, function, mechanism, key) : rv;
}

enum { PROMISED_LARGEST = 1 << 16 }; /* bytes: more than any signature has */

CK_RV bulla_operation_begin_promised(
    struct bulla_session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, struct bulla_bytes signature)
{
    struct bulla_operation *operation = &session->operations[BULLA_VERIFY];
    if (mechanism && !signature.data)
        return CKR_ARGUMENTS_BAD;
    if (mechanism && signature.size > PROMISED_LARGEST)
        return CKR_SIGNATURE_LEN_RANGE;
    CK_RV rv = bulla_operation_begin(session, BULLA_VERIFY, mechanism, key);
    if (rv != CKR_OK || !mechanism)
        return rv;
    uint8_t *kept = malloc(signature.size + 1);
    if (!kept) {
        bulla_operation_end(operation);
        return CKR_HOST_MEMORY;
    }
    memcpy(kept, signature.data, signature.size);
    operation->promised = (struct bulla_bytes){kept, signature.size};
    return CKR_OK;
}

/* --- keys that ask for the PIN each time --- */

static bool is_unproved(const struct bulla_operation *operation)
{
    return operation->mechanism && operation->unproved;
}

bool bulla_operations_unproved(const struct bulla_session *session)
{
    for (int i = 0; i < BULLA_FUNCTIONS; i++)
        if (is_unproved(&session->operations[i]))
            return true;
    return false;
}

/* One PIN is for one operation. Where more than one waits, which of them is meant can't be told: the one begun last. */
void bulla_operations_prove(struct bulla_session *session)
{
    struct bulla_operation *latest = NULL;
    for (int i = 0; i < BULLA_FUNCTIONS; i++) {
        struct bulla_operation *operation = &session->operations[i];
        if (is_unproved(operation) && (!latest || operation->unproved > latest->unproved))
            latest = operation;
    }
    if (latest)
        latest->unproved = 0;
}

/* --- steps --- */

static enum bulla_reason run_phases(
    struct bulla_operation *operation, const struct bulla_step *step, struct bulla_writer *out)
{
    const struct bulla_processor *processor = operation->processor;
    if (step->phase == BULLA_UPDATE)
        return processor->update(&operation->run, step->in, out);
    if (step->phase == BULLA_FINISH)
        return processor->finish(&operation->run, out);
    if (processor->whole)
        return processor->whole(&operation->run, step->in, out);
    BULLA_TRY(processor->update(&operation->run, step->in, out));
    return processor->finish(&operation->run, out);
}

static enum bulla_reason run_verification(
    struct bulla_operation *operation, const struct bulla_step *step, struct bulla_writer *nothing)
{
    const struct bulla_processor *processor = operation->processor;
    struct bulla_bytes signature = step->promised ? operation->promised : step->signature;
    if (step->phase == BULLA_UPDATE)
        return processor->update(&operation->run, step->in, nothing);
    if (step->phase == BULLA_FINISH)
        return processor->verify_finish(&operation->run, signature);
    if (processor->verify)
        return processor->verify(&operation->run, step->in, signature);
    BULLA_TRY(processor->update(&operation->run, step->in, nothing));
    return processor->verify_finish(&operation->run, signature);
}

/* Asked before anything of the processor runs: what lapsed has no state any more. */
static enum bulla_reason check_lease(const struct bulla_operation *operation)
{
    if (operation->taken.key.expires && is_over(operation, bulla_clock_seconds()))
        return bulla_refuse(BULLA_NOT_RELEASED, "the lease ended since the operation was begun: begin it again");
    return BULLA_OK;
}

static enum bulla_reason check_proved(const struct bulla_operation *operation)
{
    if (operation->unproved)
        return bulla_refuse(BULLA_AUTHENTICATE_AGAIN, "the key asks for the PIN before each use");
    return BULLA_OK;
}

enum bulla_reason bulla_operation_usable(const struct bulla_operation *operation)
{
    BULLA_TRY(check_lease(operation));
    return check_proved(operation);
}

enum bulla_reason bulla_operation_grant(struct bulla_session *session, struct bulla_operation *operation)
{
    if (operation->granted || !operation->taken.governed)
        return BULLA_OK;
    note_part(session, false); /* rows are judged and the ledger is opened, by keys of the token's */
    BULLA_TRY(bulla_grants_use(
        session, operation->taken.object, bulla_grants_operation(operation->mechanism, operation->function)));
    operation->granted = true;
    return BULLA_OK;
}

static enum bulla_reason run_step(struct bulla_session *session, struct bulla_operation *operation,
    const struct bulla_step *step, struct bulla_writer *out)
{
    BULLA_TRY(check_proved(operation));
    BULLA_TRY(bulla_operation_grant(session, operation));
    if (!operation->processor->spotless)
        note_part(session, false); /* of two operations that one call steps, either may be such */
    return step->function == BULLA_VERIFY ? run_verification(operation, step, out) : run_phases(operation, step, out);
}

/* A length that no memory has. What reads it would run beyond the end, and what adds to it would begin anew. */
static CK_RV check_lengths(const struct bulla_step *step)
{
    bool decrypts = step->function == BULLA_DECRYPT;
    bool recovers = step->function == BULLA_VERIFY_RECOVER;
    if (step->signature.size > PTRDIFF_MAX || (recovers && step->in.size > PTRDIFF_MAX))
        return CKR_SIGNATURE_LEN_RANGE;
    if (step->in.size > PTRDIFF_MAX)
        return decrypts ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE;
    return CKR_OK;
}

/* Whether the step fits what the operation has done so far. */
static CK_RV check_order(const struct bulla_operation *operation, const struct bulla_step *step)
{
    if (!operation->mechanism || (operation->promised.data != NULL) != step->promised)
        return CKR_OPERATION_NOT_INITIALIZED;
    if ((!step->in.data && step->in.size) || (!step->signature.data && step->signature.size))
        return CKR_ARGUMENTS_BAD;
    if (step->phase == BULLA_WHOLE && operation->updated)
        return CKR_OPERATION_ACTIVE;
    if (step->phase != BULLA_WHOLE && !operation->processor->update)
        return CKR_FUNCTION_NOT_SUPPORTED;
    return check_lengths(step);
}

/* After a step that was run: what went well goes on or finishes, everything else ends. */
static CK_RV conclude(struct bulla_session *session, struct bulla_operation *operation, const struct bulla_step *step,
    enum bulla_reason reason)
{
    CK_RV rv = CKR_OK;
    if (reason != BULLA_OK)
        rv = bulla_token_refusal(session->token, bulla_key_uses[step->function].name, reason);
    operation->updated = true;
    if (rv != CKR_OK)
        bulla_operation_end(operation);
    else if (step->phase != BULLA_UPDATE)
        finish(session, operation);
    return rv;
}

static enum bulla_reason write_step(
    struct bulla_session *session, struct bulla_operation *operation, const struct bulla_step *step)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, step->out, *step->out_size);
    enum bulla_reason reason = run_step(session, operation, step, &writer);
    if (reason == BULLA_OK)
        reason = bulla_writer_finish(&writer, bulla_key_uses[step->function].name);
    if (reason == BULLA_OK)
        *step->out_size = writer.size;
    else if (writer.data) /* nothing leaves on an error path */
        bulla_wipe(writer.data, writer.size < writer.capacity ? writer.size : writer.capacity);
    return reason;
}

CK_RV bulla_operation_ask(struct bulla_session *session, const struct bulla_step *step, bool *answered)
{
    struct bulla_operation *operation = &session->operations[step->function];
    size_t bound = 0;
    CK_RV rv = check_order(operation, step);
    *answered = true;
    if (rv == CKR_OPERATION_NOT_INITIALIZED)
        return rv;
    if (rv == CKR_OK && !step->out_size)
        rv = CKR_ARGUMENTS_BAD;
    if (rv != CKR_OK) {
        bulla_operation_end(operation);
        return rv;
    }
    enum bulla_reason reason = check_lease(operation);
    if (reason == BULLA_OK)
        reason = operation->processor->bound(&operation->run, step->phase, step->in, &bound);
    if (reason != BULLA_OK)
        return conclude(session, operation, step, reason);
    *answered = !step->out || *step->out_size < bound;
    if (*answered)
        *step->out_size = bound;
    return *answered && step->out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

CK_RV bulla_operation_run(struct bulla_session *session, const struct bulla_step *step)
{
    struct bulla_operation *operation = &session->operations[step->function];
    note_part(session, operation->processor->spotless);
    return conclude(session, operation, step, write_step(session, operation, step));
}

CK_RV bulla_operation_step(struct bulla_session *session, const struct bulla_step *step)
{
    bool answered;
    CK_RV rv = follow_step(session, step->function);
    if (rv == CKR_OK)
        rv = bulla_operation_ask(session, step, &answered);
    return rv != CKR_OK || answered ? rv : bulla_operation_run(session, step);
}

CK_RV bulla_operation_verify(struct bulla_session *session, const struct bulla_step *step)
{
    struct bulla_operation *operation = &session->operations[step->function];
    struct bulla_writer nothing;
    CK_RV rv = follow_step(session, step->function);
    if (rv != CKR_OK)
        return rv;
    rv = check_order(operation, step);
    if (rv == CKR_OPERATION_NOT_INITIALIZED)
        return rv;
    if (rv == CKR_OK && step->phase != BULLA_UPDATE && !step->promised && !step->signature.data)
        rv = CKR_ARGUMENTS_BAD;
    if (rv != CKR_OK) {
        bulla_operation_end(operation);
        return rv;
    }
    bulla_writer_open(&nothing, NULL, 0);
    enum bulla_reason reason = check_lease(operation);
    return conclude(
        session, operation, step, reason == BULLA_OK ? run_step(session, operation, step, &nothing) : reason);
}

/* A key whose value may not leave may not be hashed either: the hash of a short one gives it away. */
static CK_RV digest_key(struct bulla_operation *operation, struct bulla_session *session, struct bulla_object *object)
{
    static const struct bulla_bytes no_passphrase = {NULL, 0};
    struct bulla_writer nothing;
    if (object->object_class != CKO_SECRET_KEY)
        return CKR_KEY_INDIGESTIBLE;
    if (bulla_attributes_bool(object->attributes, CKA_SENSITIVE) ||
        !bulla_attributes_bool(object->attributes, CKA_EXTRACTABLE))
        return CKR_KEY_INDIGESTIBLE;
    enum bulla_reason reason = bulla_vault_open(session->token, object, no_passphrase);
    if (reason == BULLA_OK) {
        bulla_writer_open(&nothing, NULL, 0);
        reason = operation->processor->update(&operation->run, bulla_vault_value(object, CKA_VALUE), &nothing);
        (void)pthread_mutex_unlock(&object->lock);
    }
    return bulla_token_refusal(session->token, "digest", reason);
}

CK_RV bulla_operation_digest_key(struct bulla_session *session, CK_OBJECT_HANDLE key)
{
    struct bulla_operation *operation = &session->operations[BULLA_DIGEST];
    if (!operation->mechanism)
        return CKR_OPERATION_NOT_INITIALIZED;
    struct bulla_object *object = bulla_token_object(session->token, key);
    CK_RV rv = object ? digest_key(operation, session, object) : CKR_KEY_HANDLE_INVALID;
    bulla_object_drop(object);
    operation->updated = true;
    if (rv != CKR_OK)
        bulla_operation_end(operation);
    return rv;
}

/* --- outside the slots --- */

static enum bulla_reason run_whole(struct bulla_session *session, struct bulla_operation *operation,
    const struct bulla_step *step, struct bulla_secret *out, size_t *out_size)
{
    struct bulla_writer writer;
    size_t bound = 0;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is bound */
    BULLA_TRY(operation->processor->bound(&operation->run, BULLA_WHOLE, step->in, &bound));
    BULLA_TRY(bulla_secret_hold(out, bound ? bound : 1, "an answer"));
    bulla_writer_open(&writer, out->data, out->size);
    BULLA_TRY(run_step(session, operation, step, &writer));
    BULLA_TRY(bulla_writer_finish(&writer, "an answer"));
    *out_size = writer.size;
    return BULLA_OK;
}

CK_RV bulla_operation_whole(struct bulla_session *session, struct bulla_operation *operation,
    enum bulla_function function, struct bulla_bytes in, struct bulla_secret *out, size_t *out_size)
{
    const struct bulla_step step = {.function = bulla_key_uses[function].processor, .phase = BULLA_WHOLE, .in = in};
    enum bulla_reason reason = run_whole(session, operation, &step, out, out_size);
    CK_RV rv = bulla_token_refusal(session->token, bulla_key_uses[function].name, reason);
    if (rv != CKR_OK)
        bulla_secret_release(out);
    return rv;
}

CK_RV bulla_operation_once(struct bulla_session *session, enum bulla_function function, const CK_MECHANISM *mechanism,
    CK_OBJECT_HANDLE key, struct bulla_bytes in, struct bulla_secret *out, size_t *out_size)
{
    struct bulla_operation operation = {0};
    CK_RV rv = bulla_operation_bind(session, &operation, function, mechanism, key);
    if (rv != CKR_OK)
        return rv;
    rv = bulla_operation_whole(session, &operation, function, in, out, out_size);
    bulla_operation_end(&operation);
    return rv;
}
