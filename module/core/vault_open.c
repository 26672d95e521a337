/* Opening objects: through the wrap, through their release tree where they have one, for the length of a lease. */
#include <sodium.h>
#include <stdio.h>

#include "crypto/cbor.h"
#include "lease.h"
#include "mech/clock.h"
#include "vault_inside.h"

static enum bulla_reason read_sealed(
    const struct bulla_object *object, struct bulla_bytes *wrap, struct bulla_bytes *box)
{
    struct bulla_cbor array, item;
    BULLA_TRY(bulla_cbor_decode((struct bulla_bytes){object->sealed, object->sealed_size}, "sealed part", &array));
    struct bulla_cbor_walk walk = bulla_cbor_inside(&array);
    struct bulla_bytes *parts[2] = {wrap, box};
    if (array.kind != BULLA_CBOR_ARRAY || array.number != 2)
        return bulla_refuse(BULLA_MALFORMED, "the sealed part of an object is not [wrap, box]");
    for (int i = 0; i < 2; i++) {
        if (!bulla_cbor_next(&walk, &item) || item.kind != BULLA_CBOR_BSTR || item.string.size < BULLA_BOX_OVERHEAD)
            return bulla_refuse(BULLA_MALFORMED, "the sealed part of an object is not [wrap, box]");
        *parts[i] = item.string;
    }
    if (wrap->size > BULLA_VAULT_WRAP)
        return bulla_refuse(BULLA_TOO_LARGE, "a release tree of %zu bytes", wrap->size);
    return BULLA_OK;
}

/* What is under the wrap key: the object key, or its release tree. In the arena; the caller's to free. */
struct payload {
    void *memory;
    struct bulla_bytes bytes, box, aad;
    uint8_t aad_bytes[BULLA_VAULT_AAD];
};

static void payload_free(struct payload *payload)
{
    bulla_secret_free(payload->memory);
}
#define PAYLOAD __attribute__((cleanup(payload_free))) struct payload

static enum bulla_reason open_wrap(
    struct bulla_token *token, const struct bulla_object *object, struct payload *payload)
{
    struct bulla_bytes wrap = {NULL, 0};
    struct bulla_writer aad;
    BULLA_TRY(read_sealed(object, &wrap, &payload->box));
    bulla_writer_open(&aad, payload->aad_bytes, sizeof payload->aad_bytes);
    bulla_vault_aad(token, object->id, object->object_class, &aad);
    payload->aad = bulla_writer_bytes(&aad);
    BULLA_TRY(bulla_secret_allocate(wrap.size, &payload->memory));
    BULLA_TRY(bulla_box_open(token->keys->wrap, payload->aad, wrap, payload->memory));
    payload->bytes = (struct bulla_bytes){payload->memory, wrap.size - BULLA_BOX_OVERHEAD};
    return BULLA_OK;
}

static bool has_tree(const struct bulla_object *object)
{
    return bulla_attributes_get(object->attributes, CKA_BULLA_RELEASE).size != 0;
}

static enum bulla_reason unwrap(struct bulla_token *token, const struct bulla_object *object,
    struct bulla_bytes payload, struct bulla_bytes passphrase, uint8_t *object_key)
{
    if (!has_tree(object)) {
        if (payload.size != 32)
            return bulla_refuse(BULLA_MALFORMED, "an object key of %zu bytes", payload.size);
        memcpy(object_key, payload.data, 32);
        return BULLA_OK;
    }
    struct bulla_leaf_request request;
    BULLA_SECRET void *auth_value = NULL;
    BULLA_TRY(bulla_secret_allocate(32, &auth_value));
    BULLA_TRY(bulla_token_object_request(token, object->attributes, object->id, auth_value, true, &request));
    request.passphrase = passphrase;
    return bulla_tree_open(payload, &request, object_key);
}

/* What is sealed anew is sealed under the passphrase that the session has: it must be the one there was. */
static enum bulla_reason check_passphrase(
    struct bulla_token *token, const struct bulla_object *object, struct bulla_bytes passphrase)
{
    struct bulla_leaf_request request;
    PAYLOAD payload = {0};
    BULLA_SECRET void *auth_value = NULL;
    BULLA_TRY(open_wrap(token, object, &payload));
    BULLA_TRY(bulla_secret_allocate(32, &auth_value));
    BULLA_TRY(bulla_token_object_request(token, object->attributes, object->id, auth_value, false, &request));
    request.passphrase = passphrase;
    return bulla_tree_passphrase_check(payload.bytes, &request);
}

/* What opens by a tree of its own opens for a lease; and a model's key goes with the model's lease, however it opens.
 */
static bool is_leased(const struct bulla_object *object)
{
    return has_tree(object) || bulla_object_is_model_key(object);
}

static void record_release(struct bulla_token *token, const struct bulla_object *object)
{
    char id[33], text[256];
    struct bulla_bytes release = bulla_attributes_get(object->attributes, CKA_BULLA_RELEASE);
    (void)sodium_bin2hex(id, sizeof id, object->id, 16);
    (void)snprintf(text, sizeof text, "%.*s", (int)(release.size & 0xff), (const char *)release.data);
    const struct bulla_audit_field fields[] = {{"object", id, 0}, {"by", text, 0}};
    bulla_token_record(token, "released", fields, 2);
}

static enum bulla_reason open_sealed(
    struct bulla_token *token, struct bulla_object *object, struct bulla_bytes passphrase)
{
    PAYLOAD payload = {0};
    BULLA_SECRET void *object_key = NULL;
    BULLA_TRY(open_wrap(token, object, &payload));
    BULLA_TRY(bulla_secret_allocate(32, &object_key));
    BULLA_TRY(unwrap(token, object, payload.bytes, passphrase, object_key));
    BULLA_RELEASED struct bulla_secret plain = {0};
    BULLA_TRY(bulla_secret_hold(&plain, payload.box.size - BULLA_BOX_OVERHEAD, "an object's sealed attributes"));
    BULLA_TRY(bulla_box_open(object_key, payload.aad, payload.box, plain.data));
    object->opened = plain;
    plain = (struct bulla_secret){0};
    object->expires = 0;
    if (is_leased(object)) {
        object->expires = bulla_clock_seconds() + token->config->lease;
        bulla_lease_note(object->expires);
    }
    if (has_tree(object))
        record_release(token, object);
    return BULLA_OK;
}

/* Seals an opened object anew under a higher epoch of its authority, and opens it again as it is now: the state of this
 * machine must be one that the higher epoch approves as well. What is moved to the caller's object is the new opening.
 */
static enum bulla_reason move_to_epoch(
    struct bulla_token *token, struct bulla_object *object, CK_ULONG epoch, struct bulla_bytes passphrase)
{
    CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST];
    struct bulla_attribute_list list;
    bulla_list_from(&list, object->attributes);
    BULLA_TRY(bulla_attributes_decode((struct bulla_bytes){object->opened.data, object->opened.size}, numbers, &list));
    if (!bulla_list_put(&list, CKA_BULLA_EPOCH, (struct bulla_bytes){(const uint8_t *)&epoch, sizeof epoch}))
        return bulla_refuse(BULLA_INTERNAL, "too many attributes");
    enum bulla_reason reason = check_passphrase(token, object, passphrase);
    if (reason == BULLA_OK)
        reason = bulla_vault_reseal(token, object, &list, passphrase);
    if (reason != BULLA_OK)
        return bulla_refuse_within(reason, "sealing anew for epoch %lu: ", epoch);
    bulla_object_shut_locked(object);
    struct bulla_object *moved = bulla_token_object_by_id(token, object->id);
    if (!moved)
        return bulla_refuse(BULLA_OBJECT_HIDDEN, "the object was destroyed while it was sealed anew");
    (void)pthread_mutex_lock(&moved->lock);
    reason = open_sealed(token, moved, passphrase);
    object->opened = moved->opened;
    object->expires = moved->expires;
    moved->opened = (struct bulla_secret){0};
    (void)pthread_mutex_unlock(&moved->lock);
    bulla_object_drop(moved);
    return reason;
}

static enum bulla_reason open_latest(
    struct bulla_token *token, struct bulla_object *object, struct bulla_bytes passphrase)
{
    struct bulla_bytes authority = bulla_attributes_get(object->attributes, CKA_BULLA_AUTHORITY);
    CK_ULONG epoch = bulla_attributes_ulong(object->attributes, CKA_BULLA_EPOCH, 0), latest = epoch;
    if (!token->keys)
        return bulla_refuse(BULLA_NOT_LOGGED_IN, "the token key is not open");
    BULLA_TRY(open_sealed(token, object, passphrase));
    if (authority.size && has_tree(object))
        latest = (CK_ULONG)bulla_token_latest_epoch(token, authority, epoch);
    if (latest == epoch)
        return BULLA_OK;
    enum bulla_reason reason = move_to_epoch(token, object, latest, passphrase);
    if (reason != BULLA_OK)
        bulla_object_shut_locked(object);
    return reason;
}

/* What is opened for use is open for a second more, so that an operation which begins now gets to its first step:
 * unless leases are so short that they would be opened anew each time. */
enum { LEASE_SHORT = 10 };

static bool is_nearly_over(const struct bulla_token *token, const struct bulla_object *object)
{
    uint64_t more = token->config->lease > LEASE_SHORT ? 1 : 0;
    return object->expires && bulla_clock_seconds() + more >= object->expires;
}

enum bulla_reason bulla_vault_open(
    struct bulla_token *token, struct bulla_object *object, struct bulla_bytes passphrase)
{
    (void)pthread_mutex_lock(&object->lock);
    if (object->owner || !object->sealed_size || (object->opened.data && !is_nearly_over(token, object)))
        return BULLA_OK; /* there is nothing to open */
    (void)pthread_mutex_unlock(&object->lock);
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    (void)pthread_mutex_lock(&object->lock);
    enum bulla_reason reason = BULLA_OK;
    if (object->opened.data && is_nearly_over(token, object))
        bulla_object_shut_locked(object);
    if (!object->opened.data && object->owner == 0 && object->sealed_size)
        reason = open_latest(token, object, passphrase);
    if (reason != BULLA_OK)
        (void)pthread_mutex_unlock(&object->lock);
    (void)pthread_rwlock_unlock(&token->keys_lock);
    return reason;
}

struct bulla_bytes bulla_vault_value(const struct bulla_object *object, CK_ATTRIBUTE_TYPE type)
{
    CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST];
    struct bulla_attribute_list list = {0};
    struct bulla_bytes opened = {object->opened.data, object->opened.size};
    if (!opened.data || bulla_attributes_decode(opened, numbers, &list) != BULLA_OK)
        return (struct bulla_bytes){NULL, 0};
    const struct bulla_attribute *item = bulla_list_find(&list, type);
    return item ? item->value : (struct bulla_bytes){NULL, 0}; /* sealed attributes are octets: never in `numbers` */
}

/* The next object behind `after`, kept. Its lock is not taken here: who opens an object holds that one while it waits
 * for the index. */
static struct bulla_object *next_object(struct bulla_token *token, CK_OBJECT_HANDLE after)
{
    (void)pthread_rwlock_rdlock(&token->lock);
    struct bulla_object *object = bulla_object_keep(bulla_index_next(&token->index, after));
    (void)pthread_rwlock_unlock(&token->lock);
    return object;
}

/* `now` is UINT64_MAX for all that is open, leased or not. A session's objects have nothing that could open them again.
 */
static void shut_over(struct bulla_object *object, uint64_t now)
{
    (void)pthread_mutex_lock(&object->lock);
    bool over = now == UINT64_MAX || (object->expires && now >= object->expires);
    if (object->owner == 0 && over)
        bulla_object_shut_locked(object);
    (void)pthread_mutex_unlock(&object->lock);
}

void bulla_vault_lapse(struct bulla_token *token, uint64_t now)
{
    struct bulla_object *object = next_object(token, 0);
    while (object) {
        CK_OBJECT_HANDLE handle = object->handle;
        if (object->owner == 0)
            shut_over(object, now);
        bulla_object_drop(object);
        object = next_object(token, handle);
    }
}

void bulla_vault_forget(struct bulla_token *token)
{
    bulla_vault_lapse(token, UINT64_MAX);
}
