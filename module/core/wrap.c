/* C_WrapKey and C_UnwrapKey: a key's plain form, encrypted or decrypted whole by the mechanism's own processor;
 * C_WrapKeyAuthenticated and C_UnwrapKeyAuthenticated: by its messages, whose tag and, where the token makes it, nonce
 * are in the mechanism's parameter. The plain form lies in locked memory for the length of a call. */
#include "grants.h"
#include "message.h"
#include "objects.h"
#include "refusal.h"
#include "roles.h"

/* A view of no size must not be asked for what it points to. */
static CK_RV check_wrapper(const struct bulla_wrapper *wrapper)
{
    bool has_data = wrapper->aad.data || !wrapper->aad.size;
    return has_data && wrapper->aad.size <= PTRDIFF_MAX ? CKR_OK : CKR_ARGUMENTS_BAD;
}

static CK_RV run(struct bulla_session *session, struct bulla_operation *operation, const struct bulla_wrapper *wrapper,
    struct bulla_bytes in, struct bulla_secret *out, size_t *out_size)
{
    const struct bulla_message message = {
        wrapper->mechanism->pParameter, wrapper->mechanism->ulParameterLen, wrapper->aad, &in};
    return wrapper->authenticated ? bulla_message_whole(session, operation, &message, in, out, out_size)
                                  : bulla_operation_whole(session, operation, operation->function, in, out, out_size);
}

/* --- wrapping --- */

static enum bulla_reason export_opened(const struct bulla_object *object, struct bulla_secret *plain, size_t *size)
{
    BULLA_DRAFT draft = {0};
    struct bulla_writer out;
    BULLA_TRY(bulla_key_draft_object(object, &draft));
    const struct bulla_key_kind *kind = bulla_key_kind_find(draft.key_type);
    if (!kind || !kind->export)
        return bulla_refuse(
            BULLA_KEY_NOT_WRAPPABLE, "keys of type 0x%lx have no form to be wrapped in", draft.key_type);
    BULLA_TRY(bulla_secret_hold(plain, BULLA_DRAFT_MEMORY, "a key to be wrapped"));
    bulla_writer_open(&out, plain->data, plain->size);
    BULLA_TRY(kind->export(&draft, &out));
    *size = out.size;
    return bulla_writer_finish(&out, "a key to be wrapped");
}

static enum bulla_reason export_key(
    struct bulla_session *session, struct bulla_object *object, struct bulla_secret *plain, size_t *size)
{
    struct bulla_bytes passphrase = {session->passphrase.data, session->passphrase.size};
    BULLA_TRY(bulla_vault_open(session->token, object, passphrase));
    enum bulla_reason reason = export_opened(object, plain, size);
    (void)pthread_mutex_unlock(&object->lock);
    return reason;
}

static CK_RV of_key_size(CK_RV rv)
{
    return rv == CKR_DATA_LEN_RANGE ? CKR_KEY_SIZE_RANGE : rv;
}

/* How long the wrapped key may be: all that a length query or a short buffer gets, and no use of either key. */
static CK_RV answer(struct bulla_session *session, const struct bulla_operation *operation, struct bulla_bytes plain,
    const unsigned char *out, CK_ULONG *out_size, bool *answered)
{
    size_t bound = 0;
    enum bulla_reason reason = operation->processor->bound(&operation->run, BULLA_WHOLE, plain, &bound);
    *answered = reason == BULLA_OK && (!out || *out_size < bound);
    if (reason != BULLA_OK)
        return of_key_size(bulla_token_refusal(session->token, "wrap", reason));
    if (*answered)
        *out_size = bound;
    return *answered && out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

/* What leaves is out of its authority's reach. */
static CK_RV check_grant(struct bulla_session *session, const struct bulla_object *key)
{
    return bulla_grants_govern(key)
               ? bulla_token_refusal(session->token, "wrap", bulla_grants_use(session, key, BULLA_MAY_WRAP))
               : CKR_OK;
}

static CK_RV wrap(struct bulla_session *session, struct bulla_operation *operation, const struct bulla_wrapper *wrapper,
    struct bulla_object *key, unsigned char *out, CK_ULONG *out_size)
{
    BULLA_RELEASED struct bulla_secret plain = {0};
    BULLA_RELEASED struct bulla_secret wrapped = {0};
    size_t size = 0;
    bool answered = false;
    CK_RV rv = bulla_roles_wrap(key, operation->taken.object);
    if (rv == CKR_OK && operation->unproved)
        rv = CKR_KEY_FUNCTION_NOT_PERMITTED; /* there is no Init to give the PIN after */
    if (rv == CKR_OK)
        rv = bulla_token_refusal(session->token, "wrap", export_key(session, key, &plain, &size));
    struct bulla_bytes in = {plain.data, size};
    if (rv == CKR_OK)
        rv = answer(session, operation, in, out, out_size, &answered);
    if (rv != CKR_OK || answered)
        return rv;
    rv = check_grant(session, key);
    if (rv == CKR_OK)
        rv = of_key_size(run(session, operation, wrapper, in, &wrapped, &size));
    if (rv == CKR_OK) {
        memcpy(out, wrapped.data, size); /* at most the bound */
        *out_size = size;
    }
    return rv;
}

/* Chapter 5.18.3 names what is wrong with the wrapping key apart from what is wrong with the key. */
static CK_RV of_wrapping_key(CK_RV rv, bool wrapping)
{
    static const CK_RV names[][3] = {
        {CKR_KEY_HANDLE_INVALID, CKR_WRAPPING_KEY_HANDLE_INVALID, CKR_UNWRAPPING_KEY_HANDLE_INVALID},
        {CKR_KEY_TYPE_INCONSISTENT, CKR_WRAPPING_KEY_TYPE_INCONSISTENT, CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT},
        {CKR_KEY_SIZE_RANGE, CKR_WRAPPING_KEY_SIZE_RANGE, CKR_UNWRAPPING_KEY_SIZE_RANGE},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i][0] == rv)
            return names[i][wrapping ? 1 : 2];
    return rv;
}

CK_RV bulla_objects_of_unwrapping(CK_RV rv)
{
    return of_wrapping_key(rv, false);
}

CK_RV bulla_objects_wrap(struct bulla_session *session, const struct bulla_wrapper *wrapper, CK_OBJECT_HANDLE key,
    unsigned char *out, CK_ULONG *out_size)
{
    struct bulla_operation operation = {0};
    enum bulla_function use = wrapper->authenticated ? BULLA_WRAP_AUTHENTICATED : BULLA_WRAP;
    CK_RV rv = check_wrapper(wrapper);
    if (rv == CKR_OK)
        rv = of_wrapping_key(bulla_operation_bind(session, &operation, use, wrapper->mechanism, wrapper->key), true);
    if (rv != CKR_OK)
        return rv;
    struct bulla_object *object = bulla_token_object(session->token, key);
    rv = object ? wrap(session, &operation, wrapper, object, out, out_size) : CKR_KEY_HANDLE_INVALID;
    bulla_object_drop(object);
    bulla_operation_end(&operation);
    return rv;
}

/* --- unwrapping --- */

static CK_RV make_list(struct bulla_session *session, const struct bulla_object *unwrapping,
    const struct bulla_merged *merged, struct bulla_attribute_list *list)
{
    CK_OBJECT_CLASS object_class =
        bulla_template_ulong(merged->attributes, merged->count, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
    CK_KEY_TYPE type =
        bulla_template_ulong(merged->attributes, merged->count, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
    if (object_class == CK_UNAVAILABLE_INFORMATION || type == CK_UNAVAILABLE_INFORMATION)
        return CKR_TEMPLATE_INCOMPLETE;
    if (object_class != CKO_SECRET_KEY && object_class != CKO_PRIVATE_KEY)
        return CKR_TEMPLATE_INCONSISTENT;
    CK_RV rv = bulla_template_new(merged->attributes, merged->count, BULLA_UNWRAPPED, object_class, list);
    if (rv == CKR_OK)
        rv = bulla_roles_unwrap(unwrapping, merged, list);
    return rv == CKR_OK ? bulla_objects_may_write(session, list) : rv;
}

/* Where the mechanism fills up with zeroes in front, the template has to say how long a secret key is (PKCS#11 3.0,
 * 2.1.8: its bytes are taken from the end). */
static enum bulla_reason cut_key(
    const struct bulla_mechanism *row, const struct bulla_draft *draft, struct bulla_bytes *plain)
{
    CK_ULONG size = bulla_draft_ulong(draft, CKA_VALUE_LEN, 0);
    if (!row->value_at_end || draft->object_class != CKO_SECRET_KEY)
        return BULLA_OK;
    if (size == 0)
        return bulla_refuse(BULLA_KEY_INCOMPLETE, "the template does not say how long the key is (CKA_VALUE_LEN)");
    if (size < plain->size)
        *plain = (struct bulla_bytes){plain->data + plain->size - size, size};
    return BULLA_OK;
}

static enum bulla_reason import_key(
    const struct bulla_mechanism *row, struct bulla_bytes plain, struct bulla_draft *draft)
{
    BULLA_TRY(cut_key(row, draft, &plain));
    const struct bulla_key_kind *kind = bulla_key_kind_find(draft->key_type);
    if (!kind || !kind->import || !bulla_key_kind_needs(kind, draft->object_class))
        return bulla_refuse(BULLA_KEY_VALUE, "keys of type 0x%lx can't be unwrapped", draft->key_type);
    BULLA_TRY(kind->import(plain, draft));
    return bulla_key_complete(draft);
}

static CK_RV unwrap(struct bulla_session *session, struct bulla_operation *operation,
    const struct bulla_wrapper *wrapper, struct bulla_bytes wrapped, struct bulla_attribute_list *list,
    CK_OBJECT_HANDLE *handle)
{
    BULLA_RELEASED struct bulla_secret plain = {0};
    BULLA_DRAFT draft = {0};
    size_t size = 0;
    CK_RV rv =
        operation->unproved ? CKR_KEY_FUNCTION_NOT_PERMITTED : run(session, operation, wrapper, wrapped, &plain, &size);
    if (rv == CKR_ENCRYPTED_DATA_INVALID)
        rv = CKR_WRAPPED_KEY_INVALID;
    if (rv == CKR_ENCRYPTED_DATA_LEN_RANGE)
        rv = CKR_WRAPPED_KEY_LEN_RANGE;
    if (rv != CKR_OK)
        return rv;
    enum bulla_reason reason = bulla_key_draft(list, &draft);
    if (reason == BULLA_OK)
        reason = import_key(operation->mechanism, (struct bulla_bytes){plain.data, size}, &draft);
    if (reason == BULLA_OK)
        reason = bulla_key_undraft(&draft, true, list);
    rv = bulla_token_refusal(session->token, "unwrap", reason);
    return rv == CKR_OK ? bulla_objects_put(session, list, "unwrap", handle) : rv;
}

CK_RV bulla_objects_unwrap(struct bulla_session *session, const struct bulla_wrapper *wrapper,
    struct bulla_bytes wrapped, struct bulla_template template, CK_OBJECT_HANDLE *handle)
{
    struct bulla_operation operation = {0};
    struct bulla_attribute_list list = {0};
    struct bulla_merged merged; /* the list's views point into it */
    if (wrapped.size > PTRDIFF_MAX)
        return CKR_WRAPPED_KEY_LEN_RANGE;
    enum bulla_function use = wrapper->authenticated ? BULLA_UNWRAP_AUTHENTICATED : BULLA_UNWRAP;
    CK_RV rv = check_wrapper(wrapper);
    if (rv == CKR_OK)
        rv = of_wrapping_key(bulla_operation_bind(session, &operation, use, wrapper->mechanism, wrapper->key), false);
    if (rv != CKR_OK)
        return rv;
    const struct bulla_object *key = operation.taken.object;
    rv = bulla_roles_merge(key, CKA_UNWRAP_TEMPLATE, template.attributes, template.count, &merged);
    if (rv == CKR_OK)
        rv = make_list(session, key, &merged, &list);
    if (rv == CKR_OK)
        rv = unwrap(session, &operation, wrapper, wrapped, &list, handle);
    bulla_operation_end(&operation);
    return rv;
}
