/* C_EncapsulateKey and C_DecapsulateKey: a secret key from a public key and a ciphertext that comes to be with it, and
 * from the private key and that ciphertext.
 *
 * The new key is judged as a derived one is (derive.c): its value is one-way in the key that gives it, so it follows
 * its template, within the rules of roles and CKA_ENCAPSULATE_TEMPLATE or CKA_DECAPSULATE_TEMPLATE. It was never always
 * sensitive: who made the ciphertext knows it. The ciphertext leaves when the key is there. */
#include "derive.h"
#include "refusal.h"

/* Takes the key and makes the list of the one that is to be; the list's views point into `merged` and the template. */
static CK_RV begin(struct bulla_deriving *deriving, CK_OBJECT_HANDLE key, struct bulla_template template,
    struct bulla_merged *merged, struct bulla_attribute_list *list)
{
    const CK_MECHANISM *mechanism = deriving->derivation.mechanism;
    const struct bulla_mechanism *row = bulla_mechanism_find(mechanism->mechanism);
    if (!row || !(deriving->use == BULLA_ENCAPSULATE ? row->encapsulate != NULL : row->decapsulate != NULL))
        return CKR_MECHANISM_INVALID;
    if (!mechanism->pParameter && mechanism->ulParameterLen)
        return CKR_MECHANISM_PARAM_INVALID;
    deriving->derivation.row = row;
    CK_RV rv = bulla_key_take(deriving->session, key, row, deriving->use, &deriving->base);
    if (rv != CKR_OK)
        return rv;
    deriving->derivation.base = &deriving->base.key;
    if (bulla_derive_asks_again(&deriving->base))
        return CKR_KEY_FUNCTION_NOT_PERMITTED;
    rv = bulla_derive_list(deriving, template, CKO_SECRET_KEY, merged, list);
    deriving->derivation.size = bulla_derive_wanted(merged);
    return rv;
}

static CK_RV refuse(const struct bulla_deriving *deriving, enum bulla_reason reason)
{
    return bulla_token_refusal(deriving->session->token, bulla_key_uses[deriving->use].name, reason);
}

/* --- encapsulating --- */

static enum bulla_reason run_encapsulation(
    const struct bulla_deriving *deriving, struct bulla_writer *ciphertext, struct bulla_secret *memory, size_t *size)
{
    struct bulla_writer secret;
    BULLA_TRY(bulla_derive_granted(deriving->session, &deriving->base));
    BULLA_TRY(bulla_secret_hold(memory, BULLA_DERIVED_LARGEST, "an encapsulated key"));
    bulla_writer_open(&secret, memory->data, memory->size);
    BULLA_TRY(deriving->derivation.row->encapsulate(&deriving->derivation, ciphertext, &secret));
    *size = secret.size;
    BULLA_TRY(bulla_writer_finish(ciphertext, "a ciphertext"));
    return bulla_writer_finish(&secret, "an encapsulated key");
}

static CK_RV encapsulate(struct bulla_deriving *deriving, struct bulla_attribute_list *list, unsigned char *out,
    CK_ULONG *out_size, CK_OBJECT_HANDLE *handle)
{
    BULLA_RELEASED struct bulla_secret memory = {0};
    uint8_t bytes[BULLA_ENCAPSULATION_LARGEST]; /* public */
    struct bulla_writer ciphertext;
    size_t size = 0;
    bulla_writer_open(&ciphertext, bytes, sizeof bytes);
    CK_RV rv = refuse(deriving, run_encapsulation(deriving, &ciphertext, &memory, &size));
    if (rv == CKR_OK && ciphertext.size > *out_size)
        rv = CKR_GENERAL_ERROR; /* not what the row said */
    if (rv == CKR_OK)
        rv = bulla_derive_end(deriving, (struct bulla_bytes){memory.data, size}, list, handle);
    if (rv == CKR_OK) {
        memcpy(out, bytes, ciphertext.size);
        *out_size = ciphertext.size;
    }
    return rv;
}

static CK_RV answer(const struct bulla_deriving *deriving, const unsigned char *out, CK_ULONG *out_size, bool *answered)
{
    size_t size = deriving->derivation.row->encapsulation_size(&deriving->base.key);
    *answered = !out || *out_size < size;
    if (*answered)
        *out_size = size;
    return *answered && out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

CK_RV bulla_objects_encapsulate(struct bulla_session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    struct bulla_template template, unsigned char *out, CK_ULONG *out_size, CK_OBJECT_HANDLE *handle)
{
    struct bulla_deriving deriving = {
        .session = session, .use = BULLA_ENCAPSULATE, .derivation = {.mechanism = mechanism}};
    struct bulla_attribute_list list = {0};
    struct bulla_merged merged;
    bool answered = false;
    CK_RV rv = begin(&deriving, key, template, &merged, &list);
    if (rv == CKR_OK)
        rv = answer(&deriving, out, out_size, &answered);
    if (rv == CKR_OK && !answered)
        rv = encapsulate(&deriving, &list, out, out_size, handle);
    bulla_key_give_back(&deriving.base);
    return rv;
}

/* --- decapsulating --- */

static enum bulla_reason run_decapsulation(
    const struct bulla_deriving *deriving, struct bulla_bytes ciphertext, struct bulla_secret *memory, size_t *size)
{
    struct bulla_writer secret;
    BULLA_TRY(bulla_derive_granted(deriving->session, &deriving->base));
    BULLA_TRY(bulla_secret_hold(memory, BULLA_DERIVED_LARGEST, "a decapsulated key"));
    bulla_writer_open(&secret, memory->data, memory->size);
    BULLA_TRY(deriving->derivation.row->decapsulate(&deriving->derivation, ciphertext, &secret));
    *size = secret.size;
    return bulla_writer_finish(&secret, "a decapsulated key");
}

static CK_RV decapsulate(struct bulla_deriving *deriving, struct bulla_bytes ciphertext,
    struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle)
{
    BULLA_RELEASED struct bulla_secret memory = {0};
    size_t size = 0;
    CK_RV rv = refuse(deriving, run_decapsulation(deriving, ciphertext, &memory, &size));
    return rv == CKR_OK ? bulla_derive_end(deriving, (struct bulla_bytes){memory.data, size}, list, handle) : rv;
}

CK_RV bulla_objects_decapsulate(struct bulla_session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    struct bulla_bytes ciphertext, struct bulla_template template, CK_OBJECT_HANDLE *handle)
{
    struct bulla_deriving deriving = {
        .session = session, .use = BULLA_DECAPSULATE, .derivation = {.mechanism = mechanism}};
    struct bulla_attribute_list list = {0};
    struct bulla_merged merged;
    if (ciphertext.size > PTRDIFF_MAX)
        return CKR_WRAPPED_KEY_LEN_RANGE;
    CK_RV rv = bulla_objects_of_unwrapping(begin(&deriving, key, template, &merged, &list));
    if (rv == CKR_OK)
        rv = decapsulate(&deriving, ciphertext, &list, handle);
    bulla_key_give_back(&deriving.base);
    return rv;
}
