/* The context of a private key is made once and stays with the key's material: what a signature costs is then OpenSSL's
 * own work. A context knows no hash, so it serves all of the mechanisms. */
#include "ec_sign.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "crypto/library.h"
#include "ec_curve.h"

/* --- forms of a signature --- */

enum { SEQUENCE = 0x30, INTEGER = 0x02 };

static bool read_integer(struct bulla_reader *reader, uint8_t *out, size_t half)
{
    if (bulla_read_u8(reader) != INTEGER)
        return false;
    struct bulla_bytes number = bulla_read(reader, bulla_read_u8(reader));
    if (reader->failed || number.size == 0 || (number.data[0] & 0x80))
        return false;
    if (number.data[0] == 0)
        number = (struct bulla_bytes){number.data + 1, number.size - 1};
    if (number.size > half)
        return false;
    memset(out, 0, half - number.size);
    if (number.size)
        memcpy(out + half - number.size, number.data, number.size);
    return true;
}

enum bulla_reason bulla_ecdsa_from_der(struct bulla_bytes der, uint8_t *raw, size_t half)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, der);
    bool sequence = bulla_read_u8(&reader) == SEQUENCE;
    size_t size = bulla_read_u8(&reader);
    if (size == 0x81)
        size = bulla_read_u8(&reader);
    if (!sequence || size != bulla_reader_left(&reader) || !read_integer(&reader, raw, half) ||
        !read_integer(&reader, raw + half, half) || bulla_reader_left(&reader))
        return bulla_refuse(BULLA_LIBRARY, "OpenSSL's signature has another form");
    return BULLA_OK;
}

static struct bulla_bytes shortest(const uint8_t *number, size_t size)
{
    while (size > 1 && *number == 0) {
        number++;
        size--;
    }
    return (struct bulla_bytes){number, size};
}

static size_t integer_size(struct bulla_bytes number)
{
    return number.size + (number.data[0] >> 7);
}

static void write_integer(struct bulla_writer *der, struct bulla_bytes number)
{
    bulla_write_u8(der, INTEGER);
    bulla_write_u8(der, (uint8_t)integer_size(number));
    if (number.data[0] & 0x80)
        bulla_write_u8(der, 0);
    bulla_write_bytes(der, number);
}

void bulla_ecdsa_to_der(const uint8_t *raw, size_t half, struct bulla_writer *der)
{
    struct bulla_bytes r = shortest(raw, half), s = shortest(raw + half, half);
    size_t size = 4 + integer_size(r) + integer_size(s);
    bulla_write_u8(der, SEQUENCE);
    if (size >= 0x80)
        bulla_write_u8(der, 0x81);
    bulla_write_u8(der, (uint8_t)size);
    write_integer(der, r);
    write_integer(der, s);
}

/* --- signing and verifying --- */

struct state {
    EVP_PKEY_CTX *context;
    EVP_MD_CTX *hashing; /* the rest: of mechanisms that hash */
    EVP_MD *hash;
    const void *name; /* of that hash: the detail of the row that it was fetched for */
};

static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    struct state *state = run->state;
    EVP_PKEY *pkey = run->key->material->pkey;
    BULLA_TRY(bulla_mechanism_bare(mechanism));
    if (state->context)
        return BULLA_OK;
    (void)ERR_set_mark();
    state->context = EVP_PKEY_CTX_new_from_pkey(bulla_openssl_context(), pkey, NULL);
    bool private = run->key->object_class == CKO_PRIVATE_KEY;
    bool ready =
        state->context && (private ? EVP_PKEY_sign_init(state->context) : EVP_PKEY_verify_init(state->context)) == 1;
    (void)ERR_pop_to_mark();
    return ready ? BULLA_OK : bulla_refuse(BULLA_LIBRARY, "OpenSSL begins no ECDSA with this key");
}

static size_t half_of(const struct bulla_run *run)
{
    return bulla_curves[run->key->material->curve].value_size;
}

static enum bulla_reason bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    (void)in;
    *bytes = phase == BULLA_UPDATE ? 0 : 2 * half_of(run);
    return BULLA_OK;
}

static enum bulla_reason check_data(struct bulla_bytes in)
{
    return in.size ? BULLA_OK : bulla_refuse(BULLA_DATA_LENGTH, "there is no hash to be signed");
}

static enum bulla_reason whole(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    struct state *state = run->state;
    uint8_t der[BULLA_ECDSA_DER_LARGEST];
    size_t size = sizeof der, half = half_of(run);
    BULLA_TRY(check_data(in));
    (void)ERR_set_mark();
    bool made = EVP_PKEY_sign(state->context, der, &size, in.data, in.size) == 1;
    (void)ERR_pop_to_mark();
    uint8_t *raw = bulla_write_space(out, 2 * half);
    if (!made || !raw)
        return bulla_refuse(BULLA_LIBRARY, "OpenSSL made no signature");
    return bulla_ecdsa_from_der((struct bulla_bytes){der, size}, raw, half);
}

static enum bulla_reason verify(struct bulla_run *run, struct bulla_bytes in, struct bulla_bytes signature)
{
    struct state *state = run->state;
    uint8_t der[BULLA_ECDSA_DER_LARGEST];
    struct bulla_writer out;
    size_t half = half_of(run);
    BULLA_TRY(check_data(in));
    if (signature.size != 2 * half)
        return bulla_refuse(BULLA_SIGNATURE_LENGTH, "the signature has %zu bytes, not %zu", signature.size, 2 * half);
    bulla_writer_open(&out, der, sizeof der);
    bulla_ecdsa_to_der(signature.data, half, &out);
    BULLA_TRY(bulla_writer_finish(&out, "a signature"));
    (void)ERR_set_mark();
    bool valid = EVP_PKEY_verify(state->context, out.data, out.size, in.data, in.size) == 1;
    (void)ERR_pop_to_mark();
    return valid ? BULLA_OK : bulla_refuse(BULLA_VERIFY_FAILED, "the signature does not verify");
}

static void end(void *bytes)
{
    struct state *state = bytes;
    EVP_PKEY_CTX_free(state->context);
    EVP_MD_CTX_free(state->hashing);
    EVP_MD_free(state->hash);
}

const struct bulla_processor bulla_ecdsa_processor = {
    .state_size = sizeof(struct state),
    .reuse = true,
    .begin = begin,
    .bound = bound,
    .whole = whole,
    .verify = verify,
    .end = end,
};

/* --- the same with a hash --- */

static bool fetch(struct state *state, const char *name)
{
    if (!state->hashing)
        state->hashing = EVP_MD_CTX_new();
    if (state->name == name)
        return true;
    EVP_MD_free(state->hash);
    state->hash = EVP_MD_fetch(bulla_openssl_context(), name, NULL);
    state->name = state->hash ? name : NULL;
    return state->hash;
}

static enum bulla_reason begin_hashing(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    struct state *state = run->state;
    BULLA_TRY(begin(run, mechanism));
    (void)ERR_set_mark();
    bool ready = fetch(state, run->mechanism->detail) && state->hashing &&
                 EVP_DigestInit_ex2(state->hashing, state->hash, NULL) == 1;
    (void)ERR_pop_to_mark();
    return ready ? BULLA_OK : bulla_refuse(BULLA_LIBRARY, "OpenSSL begins no hash");
}

static enum bulla_reason update(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    struct state *state = run->state;
    (void)out;
    if (in.size && EVP_DigestUpdate(state->hashing, in.data, in.size) != 1)
        return bulla_refuse(BULLA_LIBRARY, "OpenSSL does not hash");
    return BULLA_OK;
}

static enum bulla_reason finish_hash(struct bulla_run *run, uint8_t *memory, struct bulla_bytes *hash)
{
    struct state *state = run->state;
    unsigned size = 0;
    if (EVP_DigestFinal_ex(state->hashing, memory, &size) != 1)
        return bulla_refuse(BULLA_LIBRARY, "OpenSSL does not hash");
    *hash = (struct bulla_bytes){memory, size};
    return BULLA_OK;
}

static enum bulla_reason finish(struct bulla_run *run, struct bulla_writer *out)
{
    uint8_t memory[EVP_MAX_MD_SIZE];
    struct bulla_bytes hash = {NULL, 0};
    BULLA_TRY(finish_hash(run, memory, &hash));
    return whole(run, hash, out);
}

static enum bulla_reason verify_finish(struct bulla_run *run, struct bulla_bytes signature)
{
    uint8_t memory[EVP_MAX_MD_SIZE];
    struct bulla_bytes hash = {NULL, 0};
    BULLA_TRY(finish_hash(run, memory, &hash));
    return verify(run, hash, signature);
}

const struct bulla_processor bulla_ecdsa_hash_processor = {
    .state_size = sizeof(struct state),
    .reuse = true,
    .begin = begin_hashing,
    .bound = bound,
    .update = update,
    .finish = finish,
    .verify_finish = verify_finish,
    .end = end,
};
