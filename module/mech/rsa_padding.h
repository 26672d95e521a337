/* RSA's paddings as PKCS#11's parameters say them and OpenSSL's contexts take them. */
#ifndef BULLA_MECH_RSA_PADDING_H
#define BULLA_MECH_RSA_PADDING_H

#include "hash.h"
#include "mechanism.h"

/* What a row says: the `detail` of RSA's rows that pad. */
struct bulla_rsa_scheme {
    int padding;            /* OpenSSL's RSA_PKCS1_PADDING … */
    CK_MECHANISM_TYPE hash; /* what the mechanism hashes by; 0: it takes what is hashed, or no hash at all */
};

/* What an operation says: the scheme with the parameter. */
struct bulla_rsa_padding {
    int padding;
    const struct bulla_hash *hash, *mask; /* NULL: none */
    size_t salt;                          /* bytes, of PSS */
    struct bulla_bytes label;             /* of OAEP: a view into the parameter, gone after begin */
};

/* Reads the parameter; `bits` is the key's. BULLA_PARAMETER. */
enum bulla_reason bulla_rsa_padding_read(const CK_MECHANISM *mechanism, const struct bulla_rsa_scheme *scheme,
    size_t bits, struct bulla_rsa_padding *padding) BULLA_MUST_USE;
enum bulla_reason bulla_rsa_padding_read_oaep(
    const CK_RSA_PKCS_OAEP_PARAMS *parameters, struct bulla_rsa_padding *padding) BULLA_MUST_USE;
/* Bytes that the padding takes from the modulus. */
size_t bulla_rsa_padding_overhead(const struct bulla_rsa_padding *padding);

/* OpenSSL's context for one key, one function and one padding. Zeroed: there is none. */
struct bulla_rsa_context {
    EVP_PKEY_CTX *library;
    struct bulla_rsa_padding padding;
};
typedef int bulla_rsa_init(EVP_PKEY_CTX *context, const OSSL_PARAM *parameters); /* EVP_PKEY_sign_init_ex … */
/* Leaves a context that is already like this as it is, else makes it anew. The caller ends it, also on refusal. */
enum bulla_reason bulla_rsa_context_make(struct bulla_rsa_context *context, struct evp_pkey_st *pkey,
    bulla_rsa_init *init, const struct bulla_rsa_padding *padding) BULLA_MUST_USE;
void bulla_rsa_context_end(struct bulla_rsa_context *context);

/* --- rsa_encrypt.c: once, by a context for it; `size` is the modulus' in bytes. BULLA_DATA_INVALID and, alike for
 * everything that can be wrong with a ciphertext of the right length, BULLA_CIPHERTEXT. */
enum bulla_reason bulla_rsa_encrypt_one(const struct bulla_rsa_context *context, size_t size, struct bulla_bytes in,
    struct bulla_writer *out) BULLA_MUST_USE;
enum bulla_reason bulla_rsa_decrypt_one(const struct bulla_rsa_context *context, size_t size, struct bulla_bytes in,
    struct bulla_writer *out) BULLA_MUST_USE;

#endif
