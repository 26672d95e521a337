/* Signatures: PKCS#1 v1.5 and PSS, over data that the mechanism hashes or over what the caller hashed, and bare RSA.
 *
 * Hashing ones take data in parts; the hash is then signed like a caller's own. OpenSSL checks what it computed by the
 * Chinese remainder theorem with the public exponent before it gives it out, and blinds each private operation: neither
 * is done again here. What a verification recovers is compared in constant time, though all of it is public. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "rsa.h"
#include "rsa_padding.h"

struct signing {
    struct bulla_rsa_context context;
    struct bulla_hasher hasher; /* it holds what is signed: wiped when the operation ends */
};

static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism, bulla_rsa_init *init)
{
    struct signing *state = run->state;
    const struct bulla_rsa_scheme *scheme = run->mechanism->detail;
    struct bulla_rsa_padding padding;
    BULLA_TRY(bulla_rsa_padding_read(mechanism, scheme, run->key->material->size, &padding));
    BULLA_TRY(bulla_rsa_context_make(&state->context, run->key->material->pkey, init, &padding));
    return scheme->hash ? bulla_hasher_begin(&state->hasher, padding.hash) : BULLA_OK;
}

static enum bulla_reason begin_sign(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    return begin(run, mechanism, EVP_PKEY_sign_init_ex);
}

static enum bulla_reason begin_verify(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    return begin(run, mechanism, EVP_PKEY_verify_init_ex);
}

static enum bulla_reason begin_recover(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    return begin(run, mechanism, EVP_PKEY_verify_recover_init_ex);
}

static void end(void *pointer)
{
    struct signing *state = pointer;
    bulla_rsa_context_end(&state->context);
    bulla_hasher_end(&state->hasher);
}

/* --- hashing --- */

static enum bulla_reason update(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    struct signing *state = run->state;
    (void)out;
    return bulla_hasher_update(&state->hasher, in);
}

static enum bulla_reason finish_hash(struct signing *state, uint8_t hash[static BULLA_HASH_LARGEST])
{
    BULLA_TRY(bulla_hasher_finish(&state->hasher, hash));
    bulla_hasher_end(&state->hasher);
    return BULLA_OK;
}

/* --- signing --- */

static enum bulla_reason bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    (void)in;
    *bytes = phase == BULLA_UPDATE ? 0 : bulla_rsa_size(run);
    return BULLA_OK;
}

static enum bulla_reason sign(struct bulla_run *run, struct bulla_bytes what, struct bulla_writer *out)
{
    const struct signing *state = run->state;
    size_t size = bulla_rsa_size(run);
    uint8_t *signature = bulla_write_space(out, size);
    if (!signature)
        return BULLA_OK; /* the writer says what it lacks */
    (void)ERR_set_mark();
    bool signed_it = EVP_PKEY_sign(state->context.library, signature, &size, what.data, what.size) == 1;
    (void)ERR_pop_to_mark();
    if (signed_it && size == bulla_rsa_size(run))
        return BULLA_OK;
    return state->context.padding.padding == RSA_NO_PADDING
               ? bulla_refuse(BULLA_DATA_INVALID, "as a number, the data is not below the modulus")
               : bulla_refuse(BULLA_LIBRARY, "OpenSSL does not sign");
}

static enum bulla_reason finish(struct bulla_run *run, struct bulla_writer *out)
{
    uint8_t hash[BULLA_HASH_LARGEST]; /* of data that the caller has: no secret */
    struct signing *state = run->state;
    BULLA_TRY(finish_hash(state, hash));
    return sign(run, (struct bulla_bytes){hash, state->context.padding.hash->size}, out);
}

static enum bulla_reason check_data(const struct bulla_run *run, struct bulla_bytes in)
{
    const struct signing *state = run->state;
    const struct bulla_rsa_padding *padding = &state->context.padding;
    if (padding->hash && in.size != padding->hash->size)
        return bulla_refuse(
            BULLA_DATA_LENGTH, "%s gives %u bytes, not %zu", padding->hash->name, padding->hash->size, in.size);
    if (in.size > bulla_rsa_size(run) - bulla_rsa_padding_overhead(padding))
        return bulla_refuse(BULLA_DATA_LENGTH, "%zu bytes are too many for the key and padding", in.size);
    return BULLA_OK;
}

/* Bare RSA takes a number: what is shorter than the modulus has zeroes before it. */
static struct bulla_bytes widen(
    const struct bulla_run *run, struct bulla_bytes in, uint8_t wide[static RSA_LARGEST_BYTES])
{
    size_t size = bulla_rsa_size(run);
    memset(wide, 0, size);
    if (in.size)
        memcpy(wide + size - in.size, in.data, in.size);
    return (struct bulla_bytes){wide, size};
}

static enum bulla_reason sign_whole(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    uint8_t wide[RSA_LARGEST_BYTES]; /* data to be signed: no secret */
    const struct signing *state = run->state;
    BULLA_TRY(check_data(run, in));
    if (state->context.padding.padding != RSA_NO_PADDING)
        return sign(run, in, out);
    return sign(run, widen(run, in, wide), out);
}

/* --- verifying --- */

static enum bulla_reason check_signature(const struct bulla_run *run, struct bulla_bytes signature)
{
    if (signature.size != bulla_rsa_size(run))
        return bulla_refuse(BULLA_SIGNATURE_LENGTH, "a signature of this key has %zu bytes, not %zu",
            bulla_rsa_size(run), signature.size);
    return BULLA_OK;
}

static enum bulla_reason verify_hash(struct bulla_run *run, struct bulla_bytes hash, struct bulla_bytes signature)
{
    const struct signing *state = run->state;
    BULLA_TRY(check_signature(run, signature));
    (void)ERR_set_mark();
    bool verified = EVP_PKEY_verify(state->context.library, signature.data, signature.size, hash.data, hash.size) == 1;
    (void)ERR_pop_to_mark();
    return verified ? BULLA_OK : bulla_refuse(BULLA_VERIFY_FAILED, "the RSA signature does not verify");
}

static enum bulla_reason verify_finish(struct bulla_run *run, struct bulla_bytes signature)
{
    uint8_t hash[BULLA_HASH_LARGEST];
    struct signing *state = run->state;
    BULLA_TRY(finish_hash(state, hash));
    return verify_hash(run, (struct bulla_bytes){hash, state->context.padding.hash->size}, signature);
}

/* PSS over a hash that the caller made. */
static enum bulla_reason verify_whole(struct bulla_run *run, struct bulla_bytes in, struct bulla_bytes signature)
{
    BULLA_TRY(check_data(run, in));
    return verify_hash(run, in, signature);
}

/* --- recovering --- */

/* OpenSSL wants room for the whole modulus, whatever comes out. */
static enum bulla_reason recover(
    struct bulla_run *run, struct bulla_bytes signature, uint8_t data[static RSA_LARGEST_BYTES], size_t *size)
{
    const struct signing *state = run->state;
    *size = bulla_rsa_size(run);
    BULLA_TRY(check_signature(run, signature));
    (void)ERR_set_mark();
    bool recovered = EVP_PKEY_verify_recover(state->context.library, data, size, signature.data, signature.size) == 1;
    (void)ERR_pop_to_mark();
    return recovered ? BULLA_OK : bulla_refuse(BULLA_VERIFY_FAILED, "there is no data in the RSA signature");
}

static enum bulla_reason verify_data(struct bulla_run *run, struct bulla_bytes in, struct bulla_bytes signature)
{
    uint8_t data[RSA_LARGEST_BYTES], wide[RSA_LARGEST_BYTES];
    const struct signing *state = run->state;
    size_t size = 0;
    BULLA_TRY(check_data(run, in));
    if (state->context.padding.padding == RSA_NO_PADDING)
        in = widen(run, in, wide);
    BULLA_TRY(recover(run, signature, data, &size));
    return size == in.size && (size == 0 || sodium_memcmp(data, in.data, size) == 0)
               ? BULLA_OK
               : bulla_refuse(BULLA_VERIFY_FAILED, "the RSA signature is of other data");
}

static enum bulla_reason bound_recover(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    const struct signing *state = run->state;
    (void)phase;
    (void)in;
    *bytes = bulla_rsa_size(run) - bulla_rsa_padding_overhead(&state->context.padding);
    return BULLA_OK;
}

static enum bulla_reason recover_whole(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    uint8_t data[RSA_LARGEST_BYTES];
    size_t size = 0;
    BULLA_TRY(recover(run, in, data, &size));
    bulla_write(out, data, size);
    return BULLA_OK;
}

#define SIGNING .state_size = sizeof(struct signing), .reuse = true, .end = end

const struct bulla_processor bulla_rsa_sign = {SIGNING, .begin = begin_sign, .bound = bound, .whole = sign_whole};
const struct bulla_processor bulla_rsa_sign_hashed = {
    SIGNING, .begin = begin_sign, .bound = bound, .update = update, .finish = finish};
const struct bulla_processor bulla_rsa_verify = {SIGNING, .begin = begin_verify, .verify = verify_whole};
const struct bulla_processor bulla_rsa_verify_data = {SIGNING, .begin = begin_recover, .verify = verify_data};
const struct bulla_processor bulla_rsa_verify_hashed = {
    SIGNING, .begin = begin_verify, .update = update, .verify_finish = verify_finish};
const struct bulla_processor bulla_rsa_verify_recover = {
    SIGNING, .begin = begin_recover, .bound = bound_recover, .whole = recover_whole};
