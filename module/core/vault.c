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
 * attributes live in the object until the lease or the login ends.
 *
 * Tags are checked when an object is first asked for, not all of them at login: of ten thousand objects most processes
 * use a few. What was read of a row stays in memory as it was read, so the answer is the same whenever it is asked. An
 * object remembers it beside the number of the login that it was given in; two threads that ask at once both compute
 * it. The keys it is checked by are `judge`, which changes under the token's lock alone, and never while it is held. */
#include <sodium.h>
#include <stdlib.h>

#include "crypto/cbor.h"
#include "crypto/cipher.h"
#include "heap.h"
#include "vault_inside.h"

void bulla_vault_aad(const struct bulla_token *token, const uint8_t id[static 16], CK_OBJECT_CLASS object_class,
    struct bulla_writer *writer)
{
    bulla_write(writer, "bulla/1 object", 14);
    bulla_write_bytes(writer, bulla_token_serial(token));
    bulla_write(writer, id, 16);
    bulla_write_u64(writer, object_class);
}

/* --- the tag --- */

/* The hash state holds what the key became: it is wiped. */
static void row_tag(const struct bulla_token *token, const struct bulla_token_keys *keys, const uint8_t id[static 16],
    CK_OBJECT_CLASS object_class, uint64_t generation, struct bulla_bytes attributes, struct bulla_bytes sealed,
    uint8_t tag[static 32])
{
    uint8_t head[8 + BULLA_VAULT_AAD + 4];
    struct bulla_writer writer;
    bulla_writer_open(&writer, head, sizeof head);
    bulla_write_u64(&writer, generation);
    bulla_vault_aad(token, id, object_class, &writer);
    bulla_write_u32(&writer, (uint32_t)attributes.size);
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, keys->tag, 32, 32);
    (void)crypto_generichash_update(&state, head, writer.size);
    (void)crypto_generichash_update(&state, attributes.data, attributes.size);
    (void)crypto_generichash_update(&state, sealed.data, sealed.size);
    (void)crypto_generichash_final(&state, tag, 32);
    bulla_wipe(&state, sizeof state);
}

/* The public part as the store has it. */
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

static bool tag_is_right(const struct bulla_token *token, const struct bulla_object *object, struct bulla_bytes encoded)
{
    uint8_t tag[32]; /* the right one of a row that somebody made up: wiped */
    row_tag(token, token->judge, object->id, object->object_class, object->generation, encoded,
        (struct bulla_bytes){object->sealed, object->sealed_size}, tag);
    bool right = sodium_memcmp(tag, object->tag, sizeof tag) == 0;
    bulla_wipe(tag, sizeof tag);
    return right;
}

/* Over the bytes that were read, or, where the set does not keep them, over what it is encoded as. */
static enum bulla_reason verify(const struct bulla_token *token, const struct bulla_object *object, bool *right)
{
    struct bulla_attribute_list list;
    uint8_t *attributes = NULL;
    size_t size = 0;
    if (object->attributes->encoded.data) {
        *right = tag_is_right(token, object, object->attributes->encoded);
        return BULLA_OK;
    }
    bulla_list_from(&list, object->attributes);
    enum bulla_reason reason = encode_public(&list, &attributes, &size);
    *right = reason == BULLA_OK && tag_is_right(token, object, (struct bulla_bytes){attributes, size});
    free(attributes);
    return reason;
}

/* The verdict is no part of what an object is: it may be remembered of one that its holder does not change. */
bool bulla_object_is_hidden(const struct bulla_token *token, const struct bulla_object *object)
{
    if (!token->judge || object->owner)
        return false;
    atomic_ullong *verdict = &((struct bulla_object *)(uintptr_t)object)->verdict;
    uint64_t known = atomic_load_explicit(verdict, memory_order_relaxed);
    if (known >> 1 != token->judgements) {
        bool right = false;
        if (verify(token, object, &right) != BULLA_OK)
            return true; /* for want of memory; that is no verdict, the next one asks again */
        known = token->judgements << 1 | !right;
        atomic_store_explicit(verdict, known, memory_order_relaxed);
    }
    return known & 1;
}

bool bulla_row_make(const struct bulla_store_row *row, struct bulla_object **made)
{
    struct bulla_attributes *attributes = NULL;
    if (row->tag.size != 32 || bulla_attributes_read(row->attributes, &attributes) != BULLA_OK)
        return false;
    struct bulla_object *object = bulla_object_make(attributes);
    if (!object)
        return false;
    if (row->sealed.size)
        object->sealed = malloc(row->sealed.size);
    if ((row->sealed.size && !object->sealed) || object->object_class != row->object_class) {
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

enum bulla_reason bulla_vault_plain(const struct bulla_attribute_list *list, struct bulla_secret *plain)
{
    struct bulla_writer writer;
    size_t size = bulla_attributes_encoded_size(list, true);
    if (size > BULLA_VAULT_PLAIN)
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

/* Writes box(key, AAD, plain) as a byte string. */
static enum bulla_reason write_box(
    const uint8_t *key, struct bulla_bytes aad, struct bulla_bytes plain, struct bulla_writer *sealed)
{
    size_t size = plain.size + BULLA_BOX_OVERHEAD;
    BULLA_HEAP void *box = NULL;
    struct bulla_writer writer;
    BULLA_TRY(bulla_heap_allocate(size, "sealing an object", &box));
    bulla_writer_open(&writer, box, size);
    BULLA_TRY(bulla_box_seal(key, aad, plain, &writer));
    bulla_cbor_write_bstr(sealed, bulla_writer_bytes(&writer));
    return bulla_writer_finish(&writer, "sealed part");
}

static enum bulla_reason seal(struct bulla_token *token, const struct bulla_attribute_list *list,
    const struct bulla_attributes *attributes, const uint8_t id[static 16], struct bulla_bytes passphrase,
    struct bulla_writer *sealed)
{
    BULLA_RELEASED struct bulla_secret plain = {0};
    BULLA_SECRET void *object_key = NULL;
    BULLA_SECRET void *memory = NULL;
    uint8_t aad_bytes[BULLA_VAULT_AAD];
    struct bulla_writer aad, payload;
    BULLA_TRY(bulla_vault_plain(list, &plain));
    BULLA_TRY(bulla_secret_allocate(32, &object_key));
    BULLA_TRY(bulla_secret_allocate(BULLA_TREE_LARGEST, &memory));
    bulla_writer_open(&aad, aad_bytes, sizeof aad_bytes);
    bulla_vault_aad(token, id, bulla_attributes_ulong(attributes, CKA_CLASS, 0), &aad);
    randombytes_buf(object_key, 32);
    bulla_writer_open(&payload, memory, BULLA_TREE_LARGEST);
    BULLA_TRY(wrap_payload(token, attributes, id, passphrase, object_key, &payload));
    BULLA_TRY(bulla_writer_finish(&payload, "release tree"));
    bulla_cbor_write_array(sealed, 2);
    BULLA_TRY(write_box(token->keys->wrap, bulla_writer_bytes(&aad), bulla_writer_bytes(&payload), sealed));
    BULLA_TRY(write_box(object_key, bulla_writer_bytes(&aad), (struct bulla_bytes){plain.data, plain.size}, sealed));
    return bulla_writer_finish(sealed, "sealed part");
}

const CK_ATTRIBUTE_TYPE bulla_row_marks[BULLA_STORE_MARKS] = {CKA_LABEL, CKA_ID};

static void mark_row(const struct bulla_attribute_list *list, struct bulla_store_row *row)
{
    row->plain = bulla_list_is_plain(list);
    for (int i = 0; i < BULLA_STORE_MARKS; i++) {
        const struct bulla_attribute *item = bulla_list_find(list, bulla_row_marks[i]);
        row->marks[i] = item ? bulla_store_mark(bulla_row_marks[i], item->value) : 0;
    }
}

enum bulla_reason bulla_vault_row(struct bulla_token *token, const struct bulla_attribute_list *list,
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
        mark_row(list, &row);
        row_tag(token, token->keys, id, object_class, row.generation, row.attributes, sealed, tag);
        reason = bulla_store_put(token->store, &row);
        if (reason == BULLA_OK && !bulla_row_make(&row, object))
            reason = bulla_refuse(BULLA_INTERNAL, "an object can't be read back");
    }
    free(attributes);
    return reason;
}

enum bulla_reason bulla_vault_writers_only(void)
{
    return bulla_refuse(BULLA_NOT_LOGGED_IN, "the objects of a token are written by its user");
}

enum bulla_reason bulla_vault_seal(struct bulla_token *token, const struct bulla_attribute_list *list,
    const uint8_t id[static 16], struct bulla_bytes passphrase, struct bulla_vault_sealed *sealed)
{
    enum { SEALED_LARGEST = BULLA_VAULT_PLAIN + BULLA_VAULT_WRAP + 256 };
    struct bulla_writer writer;
    *sealed = (struct bulla_vault_sealed){0};
    if (!token->keys)
        return bulla_vault_writers_only();
    if (!bulla_list_seals(list))
        return BULLA_OK;
    struct bulla_attributes *attributes = bulla_attributes_make(list);
    sealed->memory = malloc(SEALED_LARGEST);
    bulla_writer_open(&writer, sealed->memory, sealed->memory ? SEALED_LARGEST : 0);
    enum bulla_reason reason = attributes && sealed->memory ? seal(token, list, attributes, id, passphrase, &writer)
                                                            : bulla_refuse(BULLA_OUT_OF_MEMORY, "writing an object");
    bulla_attributes_free(attributes);
    if (reason == BULLA_OK)
        sealed->bytes = bulla_writer_bytes(&writer);
    return reason;
}

void bulla_vault_sealed_free(struct bulla_vault_sealed *sealed)
{
    free(sealed->memory);
}

enum bulla_reason bulla_vault_put(struct bulla_token *token, const struct bulla_attribute_list *list,
    const uint8_t id[static 16], struct bulla_object **object)
{
    static const struct bulla_bytes nothing = {NULL, 0};
    BULLA_VAULT_SEALED struct bulla_vault_sealed sealed;
    BULLA_TRY(bulla_vault_seal(token, list, id, nothing, &sealed));
    return bulla_vault_row(token, list, id, sealed.bytes, object);
}
