#include "kwp.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "crypto/library.h"

enum { BLOCK = 8, SMALLEST = 16 }; /* bytes: what wrapped keys are a multiple of, and the least */

enum bulla_reason bulla_kwp_key_size(CK_ULONG bits, size_t *size)
{
    if (bits != 128 && bits != 192 && bits != 256)
        return bulla_refuse(BULLA_PARAMETER, "an AES key has 128, 192 or 256 bits, not %lu", bits);
    *size = bits / 8;
    return BULLA_OK;
}

/* Bytes that `size` bytes become. */
static size_t wrapped_size(size_t size)
{
    return (size + BLOCK - 1) / BLOCK * BLOCK + BLOCK;
}

enum bulla_reason bulla_kwp_bound_wrap(size_t before, struct bulla_bytes in, size_t *bytes)
{
    if (in.size == 0 || in.size > INT_MAX / 2)
        return bulla_refuse(BULLA_DATA_LENGTH, "a key of %zu bytes can't be wrapped", in.size);
    *bytes = before + wrapped_size(in.size);
    return BULLA_OK;
}

enum bulla_reason bulla_kwp_bound_unwrap(size_t before, struct bulla_bytes in, size_t *bytes)
{
    if (in.size > INT_MAX / 2 || in.size < before + SMALLEST || (in.size - before) % BLOCK)
        return bulla_refuse(BULLA_CIPHERTEXT_LENGTH, "%zu bytes are no key that was wrapped so", in.size);
    *bytes = in.size - before - BLOCK;
    return BULLA_OK;
}

static const char *name(size_t key_size)
{
    return key_size == 16 ? "AES-128-WRAP-PAD" : key_size == 24 ? "AES-192-WRAP-PAD" : "AES-256-WRAP-PAD";
}

/* False when `in` is not what was wrapped by this key, or memory is short. The context holds the key until it is freed,
 * and OpenSSL wipes it then. */
static bool run(const struct bulla_secret *key, int wrap, struct bulla_bytes in, uint8_t *out, size_t *size)
{
    int written = 0;
    (void)ERR_set_mark();
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(bulla_openssl_context(), name(key->size), NULL);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (context)
        EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    bool done = cipher && context && EVP_CipherInit_ex2(context, cipher, key->data, NULL, wrap, NULL) == 1 &&
                EVP_CipherUpdate(context, out, &written, in.data, (int)in.size) == 1 && written > 0;
    EVP_CIPHER_CTX_free(context);
    EVP_CIPHER_free(cipher);
    (void)ERR_pop_to_mark();
    *size = (size_t)written;
    return done;
}

enum bulla_reason bulla_kwp_wrap(const struct bulla_secret *key, struct bulla_bytes in, struct bulla_writer *out)
{
    size_t size = 0;
    uint8_t *space = bulla_write_space(out, wrapped_size(in.size));
    if (!space)
        return BULLA_OK; /* the writer says what it lacks */
    return run(key, 1, in, space, &size) && size == wrapped_size(in.size)
               ? BULLA_OK
               : bulla_refuse(BULLA_LIBRARY, "OpenSSL does not wrap by AES-KWP");
}

/* OpenSSL clears as many bytes of output as it had input when that is not intact: so it works in memory of ours. */
enum bulla_reason bulla_kwp_unwrap(const struct bulla_secret *key, struct bulla_bytes wrapped, struct bulla_writer *out)
{
    BULLA_RELEASED struct bulla_secret plain = {0};
    size_t size = 0;
    BULLA_TRY(bulla_secret_hold(&plain, wrapped.size, "an unwrapped key"));
    if (!run(key, 0, wrapped, plain.data, &size))
        return bulla_refuse(BULLA_CIPHERTEXT, "the wrapped key was changed");
    bulla_write(out, plain.data, size);
    return BULLA_OK;
}
