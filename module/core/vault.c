/* Sealing objects.
 *
 *   row.sealed = [ wrap, box ]       (empty where an object has no sealed attributes)
 *   wrap       = box(wrap key, AAD, object key)                    an ordinary object
 *              | box(wrap key, AAD, release tree of object key)    one with CKA_BULLA_RELEASE
 *   box        = box(object key, AAD, CBOR of the sealed attributes)
 *   AAD        = "bulla/1 object" ‖ token ‖ object id ‖ u64 class
 *   row.tag    = BLAKE2b-256(tag key, u64 generation ‖ AAD ‖ u32 size ‖ attributes ‖ sealed)
 *
 * The object key is 32 random bytes; a stolen store without the token key gives neither, and a row moved to another
 * object, token or class does not open. Object keys live in the arena for the length of one function; the opened
 * attributes live in the object until the lease or the login ends. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/cbor.h"
#include "crypto/cipher.h"
#include "lease.h"
#include "token.h"

enum { AAD_SIZE = 14 + 16 + 16 + 8, WRAP_LARGEST = BULLA_TREE_LARGEST + BULLA_BOX_OVERHEAD, PLAIN_LARGEST = 2 << 20 };

static void write_aad(const struct bulla_token *token, const uint8_t id[static 16], CK_OBJECT_CLASS object_class,
    struct bulla_writer *writer)
{
    bulla_write(writer, "bulla/1 object", 14);
    bulla_write_bytes(writer, bulla_token_serial(token));
    bulla_write(writer, id, 16);
    bulla_write_u64(writer, object_class);
}

static uint64_t monotonic_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

/* --- the tag --- */

/* The hash state holds what the key became: it is wiped. */
static void row_tag(const struct bulla_token *token, const uint8_t id[static 16], CK_OBJECT_CLASS object_class,
    uint64_t generation, struct bulla_bytes attributes, struct bulla_bytes sealed, uint8_t tag[static 32])
{
    uint8_t head[8 + AAD_SIZE + 4];
    struct bulla_writer writer;
    bulla_writer_open(&writer, head, sizeof head);
    bulla_write_u64(&writer, generation);
    write_aad(token, id, object_class, &writer);
    bulla_write_u32(&writer, (uint32_t)attributes.size);
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, token->keys->tag, 32, 32);
    (void)crypto_generichash_update(&state, head, writer.size);
    (void)crypto_generichash_update(&state, attributes.data, attributes.size);
    (void)crypto_generichash_update(&state, sealed.data, sealed.size);
    (void)crypto_generichash_final(&state, tag, 32);
    bulla_wipe(&state, sizeof state);
}

/* The public part as the store has it: encoding is deterministic, so it need not be kept beside the attributes. */
static enum bulla_reason encode_public(const struct bulla_attribute_list *list, uint8_t **bytes, size_t *size)
{
    struct bulla_writer writer;
    *size = bulla_attributes_encoded_size(list, false);
    *bytes = malloc(*size);
    if (!*bytes)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "encoding an object");
    bulla_writer_open(&writer, *bytes, *size);
    return bulla_attributes_encode(list, false, &writer);
}

bool bulla_vault_verifies(const struct bulla_token *token, const struct bulla_object *object)
{
    struct bulla_attribute_list list;
    uint8_t *attributes = NULL, tag[32];
    size_t size = 0;
    bulla_list_from(&list, object->attributes);
    bool right = encode_public(&list, &attributes, &size) == BULLA_OK;
    if (right) {
        row_tag(token, object->id, object->object_class, object->generation, (struct bulla_bytes){attributes, size},
            (struct bulla_bytes){object->sealed, object->sealed_size}, tag);
        right = sodium_memcmp(tag, object->tag, 32) == 0;
    }
    free(attributes);
    return right;
}

bool bulla_row_make(const struct bulla_store_row *row, struct bulla_object **made)
{
    CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST];
    struct bulla_attribute_list list = {0};
    if (row->tag.size != 32 || bulla_attributes_decode(row->attributes, numbers, &list) != BULLA_OK)
        return false;
    struct bulla_attributes *attributes = bulla_attributes_make(&list);
    struct bulla_object *object = attributes ? bulla_object_make(attributes) : NULL;
    if (!object)
        return false;
    object->sealed = malloc(row->sealed.size + 1);
    if (!object->sealed || object->object_class != row->object_class) {
        bulla_object_drop(object);
        return false;
    }
    if (row->sealed.size)
        memcpy(object->sealed, row->sealed.data, row->sealed.size);
    object->sealed_size = row->sealed.size;
    memcpy(object->id, row->id, 16);
    memcpy(object->tag, row->tag.data, 32);
    object->generation = row->generation;
    *made = object;
    return true;
}

/* --- sealing --- */

static enum bulla_reason plain_make(const struct bulla_attribute_list *list, struct bulla_secret *plain)
{
    struct bulla_writer writer;
    size_t size = bulla_attributes_encoded_size(list, true);
    if (size > PLAIN_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "the sealed part of an object has %zu bytes", size);
    BULLA_TRY(bulla_secret_hold(plain, size, "an object's sealed attributes"));
    bulla_writer_open(&writer, plain->data, plain->size);
    return bulla_attributes_encode(list, true, &writer);
}

/* The object key itself, or its release tree where the object has one. */
static enum bulla_reason wrap_payload(struct bulla_token *token, const struct bulla_attributes *attributes,
    const uint8_t id[static 16], struct bulla_bytes passphrase, const uint8_t *object_key, struct bulla_writer *payload)
{
    struct bulla_bytes release = bulla_attributes_get(attributes, CKA_BULLA_RELEASE);
    if (!release.size) {
        bulla_write(payload, object_key, 32);
        return BULLA_OK;
    }
    char text[256];
    struct bulla_tree_shape shape;
    struct bulla_leaf_request request;
    BULLA_SECRET void *auth_value = NULL;
    if (release.size >= sizeof text)
        return bulla_refuse(BULLA_TREE_SYNTAX, "a release tree of %zu bytes", release.size);
    memcpy(text, release.data, release.size);
    text[release.size] = '\0';
    BULLA_TRY(bulla_tree_parse(text, &shape));
    BULLA_TRY(bulla_secret_allocate(32, &auth_value));
    BULLA_TRY(bulla_token_object_request(token, attributes, id, auth_value, false, &request));
    request.passphrase = passphrase;
    return bulla_tree_seal(&shape, &request, object_key, payload);
}

static enum bulla_reason seal(struct bulla_token *token, const struct bulla_attribute_list *list,
    const struct bulla_attributes *attributes, const uint8_t id[static 16], struct bulla_bytes passphrase,
    struct bulla_writer *sealed)
{
    BULLA_RELEASED struct bulla_secret plain = {0};
    BULLA_SECRET void *object_key = NULL;
    BULLA_SECRET void *payload_memory = NULL;
    uint8_t aad_bytes[AAD_SIZE], *wrap = malloc(WRAP_LARGEST), *box = NULL;
    struct bulla_writer aad, payload, out;
    enum bulla_reason reason = wrap ? BULLA_OK : bulla_refuse(BULLA_OUT_OF_MEMORY, "sealing an object");
    bulla_writer_open(&aad, aad_bytes, sizeof aad_bytes);
    write_aad(token, id, bulla_attributes_ulong(attributes, CKA_CLASS, 0), &aad);
    if (reason == BULLA_OK)
        reason = plain_make(list, &plain);
    if (reason == BULLA_OK)
        reason = bulla_secret_allocate(32, &object_key);
    if (reason == BULLA_OK)
        reason = bulla_secret_allocate(BULLA_TREE_LARGEST, &payload_memory);
    if (reason != BULLA_OK)
        goto done;
    randombytes_buf(object_key, 32);
    bulla_writer_open(&payload, payload_memory, BULLA_TREE_LARGEST);
    reason = wrap_payload(token, attributes, id, passphrase, object_key, &payload);
    if (reason == BULLA_OK)
        reason = bulla_writer_finish(&payload, "release tree");
    bulla_writer_open(&out, wrap, WRAP_LARGEST);
    if (reason == BULLA_OK)
        reason = bulla_box_seal(token->keys->wrap, bulla_writer_bytes(&aad), bulla_writer_bytes(&payload), &out);
    if (reason != BULLA_OK)
        goto done;
    bulla_cbor_write_array(sealed, 2);
    bulla_cbor_write_bstr(sealed, bulla_writer_bytes(&out));
    box = malloc(plain.size + BULLA_BOX_OVERHEAD);
    bulla_writer_open(&out, box, box ? plain.size + BULLA_BOX_OVERHEAD : 0);
    reason =
        box ? bulla_box_seal(object_key, bulla_writer_bytes(&aad), (struct bulla_bytes){plain.data, plain.size}, &out)
            : bulla_refuse(BULLA_OUT_OF_MEMORY, "sealing an object");
    bulla_cbor_write_bstr(sealed, bulla_writer_bytes(&out));
    if (reason == BULLA_OK)
        reason = bulla_writer_finish(sealed, "sealed part");
done:
    free(wrap);
    free(box);
    return reason;
}

/* Puts a row whose public part is `list` and whose sealed part is given. */
static enum bulla_reason put_row(struct bulla_token *token, const struct bulla_attribute_list *list,
    const uint8_t id[static 16], struct bulla_bytes sealed, struct bulla_object **object)
{
    uint8_t *attributes = NULL, tag[32];
    size_t size = 0;
    CK_OBJECT_CLASS object_class = 0;
    memcpy(&object_class, bulla_list_find(list, CKA_CLASS)->value.data, sizeof object_class);
    enum bulla_reason reason = encode_public(list, &attributes, &size);
    if (reason == BULLA_OK) {
        struct bulla_store_row row = {.generation = bulla_store_next_generation(token->store),
            .object_class = object_class,
            .attributes = {attributes, size},
            .sealed = sealed,
            .tag = {tag, sizeof tag}};
        memcpy(row.id, id, 16);
        row_tag(token, id, object_class, row.generation, row.attributes, sealed, tag);
        reason = bulla_store_put(token->store, &row);
        if (reason == BULLA_OK && !bulla_row_make(&row, object))
            reason = bulla_refuse(BULLA_INTERNAL, "an object can't be read back");
    }
    free(attributes);
    return reason;
}

static enum bulla_reason writers_only(void)
{
    return bulla_refuse(BULLA_NOT_LOGGED_IN, "the objects of a token are written by its user");
}

enum bulla_reason bulla_vault_put(struct bulla_token *token, const struct bulla_attribute_list *list,
    const uint8_t id[static 16], struct bulla_bytes passphrase, struct bulla_object **object)
{
    if (!token->keys)
        return writers_only();
    struct bulla_attributes *attributes = bulla_attributes_make(list);
    enum { SEALED_LARGEST = PLAIN_LARGEST + WRAP_LARGEST + 256 };
    uint8_t *sealed = NULL;
    struct bulla_writer writer;
    bulla_writer_open(&writer, NULL, 0);
    enum bulla_reason reason = attributes ? BULLA_OK : bulla_refuse(BULLA_OUT_OF_MEMORY, "writing an object");
    if (reason == BULLA_OK && bulla_list_seals(list)) {
        sealed = malloc(SEALED_LARGEST);
        bulla_writer_open(&writer, sealed, sealed ? SEALED_LARGEST : 0);
        reason = sealed ? seal(token, list, attributes, id, passphrase, &writer)
                        : bulla_refuse(BULLA_OUT_OF_MEMORY, "writing an object");
    }
    if (reason == BULLA_OK)
        reason = put_row(token, list, id, bulla_writer_bytes(&writer), object);
    bulla_attributes_free(attributes);
    free(sealed);
    return reason;
}

/* --- transactions of one object --- */

/* Shows what was committed in the index. Between the commit and this another thread may have taken it in from the store
 * already, and what came after it, too: then the index knows better, and an object that is not there was erased. */
static enum bulla_reason show(struct bulla_token *token, struct bulla_object *object, CK_OBJECT_HANDLE *handle)
{
    (void)pthread_rwlock_wrlock(&token->lock);
    struct bulla_object *present = bulla_index_find_id(&token->index, object->id);
    object->handle = present ? present->handle : 0;
    if (object->owner == 0 && object->generation <= token->seen) {
        if (handle)
            *handle = object->handle;
        (void)pthread_rwlock_unlock(&token->lock);
        bulla_object_drop(object);
        return BULLA_OK;
    }
    bulla_token_note_expiry(token, object);
    bool done = bulla_index_put(&token->index, object);
    if (done && handle)
        *handle = object->handle;
    (void)pthread_rwlock_unlock(&token->lock);
    if (done)
        return BULLA_OK;
    bulla_object_drop(object);
    return bulla_refuse(BULLA_OUT_OF_MEMORY, "listing an object");
}

static enum bulla_reason commit(struct bulla_token *token, enum bulla_reason reason)
{
    if (reason == BULLA_OK)
        return bulla_store_commit(token->store);
    bulla_store_rollback(token->store);
    return reason;
}

enum bulla_reason bulla_vault_store(struct bulla_token *token, const struct bulla_attribute_list *list,
    const uint8_t id[static 16], struct bulla_bytes passphrase, CK_OBJECT_HANDLE *handle)
{
    static const uint8_t unset[16] = {0};
    uint8_t fresh[16];
    struct bulla_object *object = NULL;
    memcpy(fresh, id, 16);
    if (memcmp(id, unset, 16) == 0)
        randombytes_buf(fresh, sizeof fresh);
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    (void)pthread_mutex_lock(&token->store_lock);
    enum bulla_reason reason = bulla_store_begin(token->store);
    if (reason == BULLA_OK)
        reason = commit(token, bulla_vault_put(token, list, fresh, passphrase, &object));
    (void)pthread_mutex_unlock(&token->store_lock);
    (void)pthread_rwlock_unlock(&token->keys_lock);
    if (reason == BULLA_OK)
        return show(token, object, handle);
    bulla_object_drop(object);
    return reason;
}

/* What was written since an object was read. */
struct watch {
    const struct bulla_object *object;
    bool anew, present;
};

static enum bulla_reason changed_meanwhile(void)
{
    return bulla_refuse(BULLA_STORE_BUSY, "the object was changed or destroyed meanwhile");
}

static enum bulla_reason watch_row(void *context, const struct bulla_store_row *row)
{
    struct watch *watch = context;
    if (memcmp(row->id, watch->object->id, 16) != 0)
        return BULLA_OK;
    watch->present = true;
    return row->generation == watch->object->generation ? BULLA_OK : changed_meanwhile();
}

static enum bulla_reason watch_gone(void *context, const uint8_t *id)
{
    struct watch *watch = context;
    watch->anew |= !id;
    return id && memcmp(id, watch->object->id, 16) == 0 ? changed_meanwhile() : BULLA_OK;
}

/* Inside a transaction: whether the row is still the one that the object was read from, `since` being what the index
 * showed then. A change computed from an older one would undo what another process or thread did in between, and bring
 * back what it erased. */
static enum bulla_reason still_current(struct bulla_token *token, const struct bulla_object *object, uint64_t since)
{
    struct watch watch = {.object = object};
    const struct bulla_store_visitor visitor = {watch_row, watch_gone, &watch};
    uint64_t now = 0;
    BULLA_TRY(bulla_store_changes(token->store, since, &visitor, &now));
    return watch.anew && !watch.present ? changed_meanwhile() : BULLA_OK;
}

static bool is_latest(struct bulla_token *token, const struct bulla_object *object, uint64_t *since)
{
    (void)pthread_rwlock_rdlock(&token->lock);
    const struct bulla_object *present = bulla_index_find(&token->index, object->handle);
    bool latest = present && present->generation == object->generation;
    *since = token->seen;
    (void)pthread_rwlock_unlock(&token->lock);
    return latest;
}

/* Writes an object that exists, from a list that was made of it: nothing is written when it changed meanwhile. */
struct rewriting {
    const struct bulla_attribute_list *list;
    bool anew; /* sealed anew, under another object key; else the sealed part stays */
    struct bulla_bytes passphrase;
};

static enum bulla_reason rewrite_row(struct bulla_token *token, const struct bulla_object *object,
    const struct rewriting *rewriting, struct bulla_object **changed)
{
    const struct bulla_bytes sealed = {object->sealed, object->sealed_size};
    return rewriting->anew ? bulla_vault_put(token, rewriting->list, object->id, rewriting->passphrase, changed)
                           : put_row(token, rewriting->list, object->id, sealed, changed);
}

static enum bulla_reason rewrite(
    struct bulla_token *token, const struct bulla_object *object, const struct rewriting *rewriting)
{
    struct bulla_object *changed = NULL;
    uint64_t since = 0;
    if (!is_latest(token, object, &since))
        return changed_meanwhile();
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    (void)pthread_mutex_lock(&token->store_lock);
    enum bulla_reason reason = token->keys ? bulla_store_begin(token->store) : writers_only();
    if (reason == BULLA_OK) {
        reason = still_current(token, object, since);
        if (reason == BULLA_OK)
            reason = rewrite_row(token, object, rewriting, &changed);
        reason = commit(token, reason);
    }
    (void)pthread_mutex_unlock(&token->store_lock);
    (void)pthread_rwlock_unlock(&token->keys_lock);
    if (reason == BULLA_OK)
        return show(token, changed, NULL);
    bulla_object_drop(changed);
    return reason;
}

enum bulla_reason bulla_vault_restate(
    struct bulla_token *token, const struct bulla_object *object, const struct bulla_attribute_list *list)
{
    const struct rewriting rewriting = {.list = list};
    return rewrite(token, object, &rewriting);
}

enum bulla_reason bulla_vault_reseal(struct bulla_token *token, const struct bulla_object *object,
    const struct bulla_attribute_list *list, struct bulla_bytes passphrase)
{
    const struct rewriting rewriting = {list, true, passphrase};
    return rewrite(token, object, &rewriting);
}

enum bulla_reason bulla_vault_erase(struct bulla_token *token, struct bulla_object *object)
{
    if (object->owner == 0) {
        (void)pthread_rwlock_rdlock(&token->keys_lock);
        (void)pthread_mutex_lock(&token->store_lock);
        enum bulla_reason reason = token->keys ? bulla_store_begin(token->store) : writers_only();
        if (reason == BULLA_OK)
            reason = commit(token, bulla_store_erase(token->store, object->id));
        (void)pthread_mutex_unlock(&token->store_lock);
        (void)pthread_rwlock_unlock(&token->keys_lock);
        BULLA_TRY(reason);
    }
    (void)pthread_rwlock_wrlock(&token->lock);
    bulla_index_remove(&token->index, object->handle);
    (void)pthread_rwlock_unlock(&token->lock);
    return BULLA_OK;
}

enum bulla_reason bulla_vault_hold(struct bulla_token *token, const struct bulla_attribute_list *list,
    CK_SESSION_HANDLE owner, CK_OBJECT_HANDLE *handle)
{
    struct bulla_attributes *attributes = bulla_attributes_make(list);
    struct bulla_object *object = attributes ? bulla_object_make(attributes) : NULL;
    if (!object)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "making a session object");
    randombytes_buf(object->id, sizeof object->id);
    object->owner = owner;
    if (bulla_list_seals(list)) {
        enum bulla_reason reason = plain_make(list, &object->opened);
        if (reason != BULLA_OK) {
            bulla_object_drop(object);
            return reason;
        }
    }
    return show(token, object, handle);
}

/* --- opening --- */

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
    if (wrap->size > WRAP_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "a release tree of %zu bytes", wrap->size);
    return BULLA_OK;
}

static enum bulla_reason unwrap(struct bulla_token *token, const struct bulla_object *object,
    struct bulla_bytes payload, struct bulla_bytes passphrase, uint8_t *object_key)
{
    if (!bulla_attributes_get(object->attributes, CKA_BULLA_RELEASE).size) {
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
    struct bulla_bytes wrap, box;
    uint8_t aad_bytes[AAD_SIZE];
    struct bulla_writer aad;
    BULLA_SECRET void *payload = NULL;
    BULLA_SECRET void *object_key = NULL;
    BULLA_TRY(read_sealed(object, &wrap, &box));
    bulla_writer_open(&aad, aad_bytes, sizeof aad_bytes);
    write_aad(token, object->id, object->object_class, &aad);
    BULLA_TRY(bulla_secret_allocate(wrap.size, &payload));
    BULLA_TRY(bulla_secret_allocate(32, &object_key));
    BULLA_TRY(bulla_box_open(token->keys->wrap, bulla_writer_bytes(&aad), wrap, payload));
    struct bulla_bytes payload_bytes = {payload, wrap.size - BULLA_BOX_OVERHEAD};
    BULLA_TRY(unwrap(token, object, payload_bytes, passphrase, object_key));
    BULLA_RELEASED struct bulla_secret plain = {0};
    BULLA_TRY(bulla_secret_hold(&plain, box.size - BULLA_BOX_OVERHEAD, "an object's sealed attributes"));
    BULLA_TRY(bulla_box_open(object_key, bulla_writer_bytes(&aad), box, plain.data));
    object->opened = plain;
    plain = (struct bulla_secret){0};
    object->expires = 0;
    if (bulla_attributes_get(object->attributes, CKA_BULLA_RELEASE).size) {
        object->expires = monotonic_seconds() + token->config->lease;
        bulla_lease_note(object->expires);
        record_release(token, object);
    }
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
    BULLA_TRY(bulla_vault_reseal(token, object, &list, passphrase));
    bulla_secret_release(&object->opened);
    struct bulla_object *moved = bulla_token_object_by_id(token, object->id);
    if (!moved)
        return bulla_refuse(BULLA_OBJECT_HIDDEN, "the object was destroyed while it was sealed anew");
    (void)pthread_mutex_lock(&moved->lock);
    enum bulla_reason reason = open_sealed(token, moved, passphrase);
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
    if (authority.size && bulla_attributes_get(object->attributes, CKA_BULLA_RELEASE).size)
        latest = (CK_ULONG)bulla_token_latest_epoch(token, authority, epoch);
    if (latest == epoch)
        return BULLA_OK;
    enum bulla_reason reason = move_to_epoch(token, object, latest, passphrase);
    if (reason != BULLA_OK)
        bulla_secret_release(&object->opened);
    return reason;
}

enum bulla_reason bulla_vault_open(
    struct bulla_token *token, struct bulla_object *object, struct bulla_bytes passphrase)
{
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    (void)pthread_mutex_lock(&object->lock);
    enum bulla_reason reason = BULLA_OK;
    if (object->opened.data && object->expires && monotonic_seconds() >= object->expires)
        bulla_secret_release(&object->opened);
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

/* The next object behind `after` that a lease may be over for, kept; 0 begins. Its lock is not taken here: who opens an
 * object holds that one while it waits for the index. */
static struct bulla_object *next_leased(struct bulla_token *token, CK_OBJECT_HANDLE after)
{
    struct bulla_object *found = NULL;
    (void)pthread_rwlock_rdlock(&token->lock);
    for (size_t i = 0; i < token->index.count && !found; i++) {
        struct bulla_object *object = token->index.objects[i];
        if (object->handle > after && bulla_attributes_get(object->attributes, CKA_BULLA_RELEASE).size)
            found = bulla_object_keep(object);
    }
    (void)pthread_rwlock_unlock(&token->lock);
    return found;
}

void bulla_vault_lapse(struct bulla_token *token, uint64_t now)
{
    struct bulla_object *object = next_leased(token, 0);
    while (object) {
        CK_OBJECT_HANDLE handle = object->handle;
        (void)pthread_mutex_lock(&object->lock);
        if (object->opened.data && object->expires && now >= object->expires)
            bulla_secret_release(&object->opened);
        (void)pthread_mutex_unlock(&object->lock);
        bulla_object_drop(object);
        object = next_leased(token, handle);
    }
}
