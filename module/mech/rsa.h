/* What the files of the RSA family share: the key's numbers, hashes and paddings (RFC 8017). */
#ifndef BULLA_MECH_RSA_H
#define BULLA_MECH_RSA_H

#include <openssl/types.h>

#include "mechanism.h"

/* Bits. Shorter keys than RSA_SMALLEST can be kept, for what others signed by them long ago; no mechanism takes them.
 */
enum { RSA_KEPT_SMALLEST = 1024, RSA_SMALLEST = 2048, RSA_LARGEST = 8192, RSA_LARGEST_BYTES = RSA_LARGEST / 8 };

/* The numbers in the order of RSAPrivateKey (RFC 8017, A.1.2). */
enum bulla_rsa_number {
    BULLA_RSA_N,
    BULLA_RSA_E,
    BULLA_RSA_D,
    BULLA_RSA_P,
    BULLA_RSA_Q,
    BULLA_RSA_DP,
    BULLA_RSA_DQ,
    BULLA_RSA_QINV,
    BULLA_RSA_NUMBERS,
    BULLA_RSA_PUBLIC_NUMBERS = BULLA_RSA_D,
};
struct bulla_rsa_name {
    CK_ATTRIBUTE_TYPE attribute;
    const char *library; /* OpenSSL's parameter */
};
extern const struct bulla_rsa_name bulla_rsa_names[BULLA_RSA_NUMBERS];

/* --- rsa_key.c --- */
extern const struct bulla_key_kind bulla_rsa_kind;
enum bulla_reason bulla_rsa_open(const struct bulla_draft *key, struct bulla_material *material) BULLA_MUST_USE;
enum bulla_reason bulla_rsa_export(const struct bulla_draft *key, struct bulla_writer *out) BULLA_MUST_USE;
enum bulla_reason bulla_rsa_import(struct bulla_bytes plain, struct bulla_draft *key) BULLA_MUST_USE;
/* CKA_PUBLIC_KEY_INFO from n and e. */
enum bulla_reason bulla_rsa_put_public_info(struct bulla_draft *key) BULLA_MUST_USE;

/* --- rsa_complete.c: see bulla_key_kind.complete --- */
enum bulla_reason bulla_rsa_complete(struct bulla_draft *key) BULLA_MUST_USE;
/* Whether an exponent can be the public one of a modulus of so many bits. */
enum bulla_reason bulla_rsa_check_exponent(struct bulla_bytes exponent, size_t bits) BULLA_MUST_USE;
size_t bulla_rsa_bits(struct bulla_bytes number);
/* Bytes of the modulus of a running operation's key. */
static inline size_t bulla_rsa_size(const struct bulla_run *run)
{
    return (run->key->material->size + 7) / 8;
}

/* --- rsa_generate.c --- */
bulla_generate_pair bulla_rsa_generate;

/* --- rsa_sign.c: what takes data or a hash whole, and what hashes; rows' detail is a struct bulla_rsa_scheme --- */
extern const struct bulla_processor bulla_rsa_sign, bulla_rsa_sign_hashed, bulla_rsa_verify, bulla_rsa_verify_data,
    bulla_rsa_verify_hashed, bulla_rsa_verify_recover;

/* --- rsa_encrypt.c: rows' detail is the same --- */
extern const struct bulla_processor bulla_rsa_encrypt, bulla_rsa_decrypt;

/* --- rsa_wrap.c --- */
extern const struct bulla_processor bulla_rsa_aes_wrap, bulla_rsa_aes_unwrap;

#endif
