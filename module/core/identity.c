/* What a token proves itself with: the receipt key pair, objects like others, and the attestation key, which the TPM
 * wrapped and the token key's box shows to be this token's own. */
#include <sodium.h>

#include "crypto/cipher.h"
#include "mech/mechanism.h"
#include "release/backend.h"
#include "token.h"

static const char receipt_label[] = "bulla receipt key";
static const char receipt_id[] = BULLA_RECEIPT_ID;
/* OID 1.3.101.112, id-Ed25519 (RFC 8410). */
static const uint8_t ed25519_oid[] = {0x06, 0x03, 0x2b, 0x65, 0x70};

struct bulla_object *bulla_token_receipt_object(struct bulla_token *token, CK_OBJECT_CLASS object_class)
{
    struct bulla_object *found = NULL;
    (void)pthread_rwlock_rdlock(&token->lock);
    for (size_t i = 0; i < token->index.count && !found; i++) {
        struct bulla_object *object = token->index.objects[i];
        if (object->object_class == object_class && !object->owner &&
            bulla_attributes_bool(object->attributes, CKA_LOCAL) &&
            bulla_bytes_equal_text(bulla_attributes_get(object->attributes, CKA_ID), receipt_id) &&
            !bulla_object_is_hidden(token, object))
            found = bulla_object_keep(object);
    }
    (void)pthread_rwlock_unlock(&token->lock);
    return found;
}

static bool put_all(struct bulla_attribute_list *list, const struct bulla_attribute *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!bulla_list_put(list, items[i].type, items[i].value))
            return false;
    return true;
}

#define BYTES_OF(value)                                                                                                \
    {                                                                                                                  \
        (const uint8_t *)&(value), sizeof(value)                                                                       \
    }
#define TEXT_OF(text)                                                                                                  \
    {                                                                                                                  \
        (const uint8_t *)(text), sizeof(text) - 1                                                                      \
    }

static enum bulla_reason put_receipt_half(
    struct bulla_token *token, CK_OBJECT_CLASS object_class, const struct bulla_attribute *own, size_t own_count)
{
    static const CK_KEY_TYPE type = CKK_EC_EDWARDS;
    static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    bool is_private = object_class == CKO_PRIVATE_KEY;
    const CK_BBOOL *secret = is_private ? &yes : &no;
    const struct bulla_attribute common[] = {
        {CKA_CLASS, BYTES_OF(object_class)},
        {CKA_KEY_TYPE, BYTES_OF(type)},
        {CKA_TOKEN, BYTES_OF(yes)},
        {CKA_PRIVATE, {secret, 1}},
        {CKA_LABEL, TEXT_OF(receipt_label)},
        {CKA_ID, TEXT_OF(receipt_id)},
        {CKA_LOCAL, BYTES_OF(yes)},
        {CKA_MODIFIABLE, BYTES_OF(no)},
        {CKA_COPYABLE, BYTES_OF(no)},
        {CKA_DESTROYABLE, BYTES_OF(no)},
        {CKA_EC_PARAMS, BYTES_OF(ed25519_oid)},
        {CKA_DERIVE, BYTES_OF(no)},
        {CKA_SUBJECT, {(const uint8_t *)"", 0}},
        {CKA_START_DATE, {(const uint8_t *)"", 0}},
        {CKA_END_DATE, {(const uint8_t *)"", 0}},
    };
    struct bulla_attribute_list list = {0};
    struct bulla_object *object = NULL;
    uint8_t id[16];
    if (!put_all(&list, common, sizeof common / sizeof common[0]) || !put_all(&list, own, own_count))
        return bulla_refuse(BULLA_INTERNAL, "too many attributes");
    randombytes_buf(id, sizeof id);
    enum bulla_reason reason = bulla_vault_put(token, &list, id, &object);
    bulla_object_drop(object); /* the index takes it from the store, with the next refresh */
    return reason;
}

static enum bulla_reason put_receipt_pair(struct bulla_token *token)
{
    static const CK_MECHANISM_TYPE only = CKM_BULLA_ATTEST;
    static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    uint8_t point[34] = {0x04, 32}; /* DER OCTET STRING */
    BULLA_SECRET void *seed = NULL;
    BULLA_SECRET void *expanded = NULL;
    BULLA_TRY(bulla_secret_allocate(crypto_sign_SEEDBYTES, &seed));
    BULLA_TRY(bulla_secret_allocate(crypto_sign_SECRETKEYBYTES, &expanded));
    randombytes_buf(seed, crypto_sign_SEEDBYTES);
    (void)crypto_sign_seed_keypair(point + 2, expanded, seed);
    const struct bulla_attribute private_half[] = {
        {CKA_VALUE, {seed, crypto_sign_SEEDBYTES}},
        {CKA_SENSITIVE, BYTES_OF(yes)},
        {CKA_ALWAYS_SENSITIVE, BYTES_OF(yes)},
        {CKA_EXTRACTABLE, BYTES_OF(no)},
        {CKA_NEVER_EXTRACTABLE, BYTES_OF(yes)},
        {CKA_SIGN, BYTES_OF(yes)},
        {CKA_SIGN_RECOVER, BYTES_OF(no)},
        {CKA_DECRYPT, BYTES_OF(no)},
        {CKA_UNWRAP, BYTES_OF(no)},
        {CKA_ALWAYS_AUTHENTICATE, BYTES_OF(no)},
        {CKA_WRAP_WITH_TRUSTED, BYTES_OF(no)},
        {CKA_ALLOWED_MECHANISMS, BYTES_OF(only)},
        {CKA_BULLA_ATTESTED, BYTES_OF(no)},
    };
    const struct bulla_attribute public_half[] = {
        {CKA_EC_POINT, BYTES_OF(point)},
        {CKA_VERIFY, BYTES_OF(yes)},
        {CKA_VERIFY_RECOVER, BYTES_OF(no)},
        {CKA_ENCRYPT, BYTES_OF(no)},
        {CKA_WRAP, BYTES_OF(no)},
        {CKA_TRUSTED, BYTES_OF(no)},
    };
    BULLA_TRY(put_receipt_half(token, CKO_PRIVATE_KEY, private_half, sizeof private_half / sizeof private_half[0]));
    return put_receipt_half(token, CKO_PUBLIC_KEY, public_half, sizeof public_half / sizeof public_half[0]);
}

/* Named, none, or the first that the machine has. */
const struct bulla_attester *bulla_token_attester(const struct bulla_token *token)
{
    const char *name = token->config->attester;
    bool any = !*name || strcmp(name, "auto") == 0;
    for (size_t i = 0; bulla_attesters[i]; i++)
        if (any ? bulla_attesters[i]->detect(token->config->tcti) : strcmp(bulla_attesters[i]->name, name) == 0)
            return bulla_attesters[i];
    return NULL;
}

bool bulla_token_can_enroll(const struct bulla_token *token)
{
    return *token->config->tcti && bulla_token_backend && bulla_token_backend->endorsements &&
           bulla_token_backend->activate;
}

enum bulla_reason bulla_token_identity_make(struct bulla_token *token, struct bulla_token_identity *identity)
{
    struct bulla_writer writer;
    identity->size = 0;
    if (!*token->config->tcti || !bulla_token_backend)
        return BULLA_OK;
    bulla_writer_open(&writer, identity->blob, sizeof identity->blob);
    BULLA_TRY(bulla_token_backend->key_create(token->config->tcti, &writer));
    identity->size = writer.size;
    return bulla_writer_finish(&writer, "attestation key");
}

/* The blob is the TPM's to open; the box says that it is this token's own. */
enum { IDENTITY_AAD = 23 + 16, IDENTITY_BOX = sizeof((struct bulla_token_identity *)0)->blob + BULLA_BOX_OVERHEAD };

static void identity_aad(const struct bulla_token *token, struct bulla_writer *aad)
{
    bulla_write(aad, "bulla/1 attestation key", 23);
    bulla_write_bytes(aad, bulla_token_serial(token));
}

enum bulla_reason bulla_token_identity_put(struct bulla_token *token, const struct bulla_token_identity *identity)
{
    uint8_t aad_bytes[IDENTITY_AAD], box[IDENTITY_BOX];
    struct bulla_writer aad, writer;
    BULLA_TRY(put_receipt_pair(token));
    if (!identity->size)
        return BULLA_OK;
    bulla_writer_open(&aad, aad_bytes, sizeof aad_bytes);
    bulla_writer_open(&writer, box, sizeof box);
    identity_aad(token, &aad);
    BULLA_TRY(bulla_box_seal(
        token->keys->wrap, bulla_writer_bytes(&aad), (struct bulla_bytes){identity->blob, identity->size}, &writer));
    return bulla_store_value_put(token->store, BULLA_VALUE_ATTESTATION_KEY, bulla_writer_bytes(&writer));
}

enum bulla_reason bulla_token_identity_get(struct bulla_token *token, struct bulla_token_identity *identity)
{
    uint8_t aad_bytes[IDENTITY_AAD], box[IDENTITY_BOX];
    struct bulla_writer aad, writer;
    bulla_writer_open(&aad, aad_bytes, sizeof aad_bytes);
    bulla_writer_open(&writer, box, sizeof box);
    enum bulla_reason reason = bulla_token_value(token, BULLA_VALUE_ATTESTATION_KEY, &writer);
    if (reason == BULLA_STORE_MISSING)
        return bulla_refuse(BULLA_UNSUPPORTED, "the token was made without a TPM: it has no attestation key");
    BULLA_TRY(reason);
    BULLA_TRY(bulla_writer_finish(&writer, "attestation key"));
    if (writer.size < BULLA_BOX_OVERHEAD)
        return bulla_refuse(BULLA_STORE_CORRUPT, "the attestation key has %zu bytes", writer.size);
    identity_aad(token, &aad);
    identity->size = writer.size - BULLA_BOX_OVERHEAD;
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    reason = token->keys ? bulla_box_open(
                               token->keys->wrap, bulla_writer_bytes(&aad), bulla_writer_bytes(&writer), identity->blob)
                         : bulla_refuse(BULLA_NOT_LOGGED_IN, "the attestation key is used by the token's user");
    (void)pthread_rwlock_unlock(&token->keys_lock);
    return reason;
}
