/* Encryption: PKCS#1 v1.5, OAEP and bare RSA.
 *
 * Of PKCS#1 v1.5 an attacker who may send ciphertexts learns from "refused" or not what Bleichenbacher (1998) needs.
 * OpenSSL 3.2 and later never refuse: what is not padded right decrypts to bytes that the key and the ciphertext
 * determine (implicit rejection), and so it does here. OpenSSL 3.0, Debian 12's 3.0.19 included, finds wrong padding in
 * constant time and then says so, and a PKCS#11 module above it can only answer with one code for every such ciphertext
 * and the same sentence, which it does. Applications are better off with OAEP, where that answer gives nothing away. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "rsa.h"
#include "rsa_padding.h"

struct encryption {
    struct bulla_rsa_context context;
};

static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism, bulla_rsa_init *init)
{
    struct encryption *state = run->state;
    struct bulla_rsa_padding padding;
    BULLA_TRY(bulla_rsa_padding_read(mechanism, run->mechanism->detail, run->key->material->size, &padding));
    return bulla_rsa_context_make(&state->context, run->key->material->pkey, init, &padding);
}

static enum bulla_reason begin_encrypt(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    return begin(run, mechanism, EVP_PKEY_encrypt_init_ex);
}

static enum bulla_reason begin_decrypt(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    return begin(run, mechanism, EVP_PKEY_decrypt_init_ex);
}

static void end(void *pointer)
{
    struct encryption *state = pointer;
    bulla_rsa_context_end(&state->context);
}

/* --- encrypting --- */

static enum bulla_reason bound_encrypt(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    (void)phase;
    (void)in;
    *bytes = bulla_rsa_size(run);
    return BULLA_OK;
}

enum bulla_reason bulla_rsa_encrypt_one(
    const struct bulla_rsa_context *context, size_t size, struct bulla_bytes in, struct bulla_writer *out)
{
    size_t written = size;
    uint8_t *space = bulla_write_space(out, size);
    if (!space)
        return BULLA_OK; /* the writer says what it lacks */
    (void)ERR_set_mark();
    bool encrypted = EVP_PKEY_encrypt(context->library, space, &written, in.data, in.size) == 1 && written == size;
    (void)ERR_pop_to_mark();
    if (encrypted)
        return BULLA_OK;
    return context->padding.padding == RSA_NO_PADDING
               ? bulla_refuse(BULLA_DATA_INVALID, "as a number, the data is not below the modulus")
               : bulla_refuse(BULLA_LIBRARY, "OpenSSL does not encrypt by RSA");
}

static enum bulla_reason encrypt(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    BULLA_RELEASED struct bulla_secret wide = {0};
    const struct encryption *state = run->state;
    const struct bulla_rsa_padding *padding = &state->context.padding;
    size_t size = bulla_rsa_size(run), overhead = bulla_rsa_padding_overhead(padding);
    if (overhead > size || in.size > size - overhead)
        return bulla_refuse(BULLA_DATA_LENGTH, "%zu bytes are too many for the key and padding", in.size);
    if (padding->padding == RSA_NO_PADDING) { /* a number: zeroes before what is shorter than the modulus */
        BULLA_TRY(bulla_secret_hold(&wide, size, "data to be encrypted"));
        if (in.size)
            memcpy(wide.data + size - in.size, in.data, in.size);
        in = (struct bulla_bytes){wide.data, size};
    }
    return bulla_rsa_encrypt_one(&state->context, size, in, out);
}

/* --- decrypting --- */

static enum bulla_reason bound_decrypt(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    const struct encryption *state = run->state;
    size_t size = bulla_rsa_size(run), overhead = bulla_rsa_padding_overhead(&state->context.padding);
    (void)phase;
    (void)in;
    *bytes = overhead < size ? size - overhead : 0;
    return BULLA_OK;
}

/* OpenSSL wants room for the whole modulus, whatever comes out. */
enum bulla_reason bulla_rsa_decrypt_one(
    const struct bulla_rsa_context *context, size_t size, struct bulla_bytes in, struct bulla_writer *out)
{
    BULLA_RELEASED struct bulla_secret plain = {0};
    size_t written = size;
    if (in.size != size)
        return bulla_refuse(BULLA_CIPHERTEXT_LENGTH, "a ciphertext of this key has %zu bytes, not %zu", size, in.size);
    BULLA_TRY(bulla_secret_hold(&plain, size, "decrypted data"));
    (void)ERR_set_mark();
    bool decrypted = EVP_PKEY_decrypt(context->library, plain.data, &written, in.data, in.size) == 1;
    (void)ERR_pop_to_mark();
    if (!decrypted)
        return bulla_refuse(BULLA_CIPHERTEXT, "the ciphertext is not one of this key and padding");
    bulla_write(out, plain.data, written);
    return BULLA_OK;
}

static enum bulla_reason decrypt(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    const struct encryption *state = run->state;
    return bulla_rsa_decrypt_one(&state->context, bulla_rsa_size(run), in, out);
}

#define ENCRYPTION .state_size = sizeof(struct encryption), .reuse = true, .end = end

const struct bulla_processor bulla_rsa_encrypt = {
    ENCRYPTION, .begin = begin_encrypt, .bound = bound_encrypt, .whole = encrypt};
const struct bulla_processor bulla_rsa_decrypt = {
    ENCRYPTION, .begin = begin_decrypt, .bound = bound_decrypt, .whole = decrypt};
