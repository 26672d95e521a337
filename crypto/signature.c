/* Verifying with OpenSSL 3.0, Ed25519 with libsodium as everywhere here; P-384 is tried with nettle first (p384.h).
 *
 * A key is built from its numbers for each verification (public_key.h), which checks that a point lies on its curve.
 * What OpenSSL knows of DER stays inside this file; r ‖ s and raw numbers are what goes in. RSASSA-PSS is tried with
 * the salt as long as the hash and then as long as can be, because TPMs make the second; to take any length would take
 * signatures that nobody makes. */
#include "signature.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdio.h>

#include "library.h"
#include "p384.h"
#include "public_key.h"

enum { ED25519_KEY = 32, ED25519_SIGNATURE = 64, RSA_SMALLEST = 256, RSA_LARGEST = 512, RSA_EXPONENT = 65537 };

static const struct {
    const char *name;    /* as people write it */
    const char *openssl; /* as OpenSSL fetches it */
    size_t size;
} hashes[BULLA_HASHES] = {
    [BULLA_SHA1] = {"SHA-1", "SHA1", 20},
    [BULLA_SHA256] = {"SHA-256", "SHA2-256", 32},
    [BULLA_SHA384] = {"SHA-384", "SHA2-384", 48},
    [BULLA_SHA512] = {"SHA-512", "SHA2-512", 64},
};

static bool hash_known(enum bulla_hash hash)
{
    return (unsigned)hash < BULLA_HASHES;
}

size_t bulla_hash_size(enum bulla_hash hash)
{
    return hash_known(hash) ? hashes[hash].size : 0;
}

const char *bulla_hash_name(enum bulla_hash hash)
{
    return hash_known(hash) ? hashes[hash].name : "an unknown hash";
}

enum bulla_reason bulla_hash_parts(enum bulla_hash hash, const struct bulla_bytes *parts, size_t count, uint8_t *digest)
{
    if (!hash_known(hash))
        return bulla_refuse(BULLA_UNSUPPORTED, "hash %d", (int)hash);
    (void)ERR_set_mark();
    EVP_MD *method = bulla_openssl_context() ? EVP_MD_fetch(bulla_openssl_context(), hashes[hash].openssl, NULL) : NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = method && context && EVP_DigestInit_ex2(context, method, NULL) == 1;
    for (size_t i = 0; i < count && done; i++)
        done = EVP_DigestUpdate(context, parts[i].data, parts[i].size) == 1;
    done = done && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    EVP_MD_free(method);
    (void)ERR_pop_to_mark();
    return done ? BULLA_OK : bulla_refuse(BULLA_OUT_OF_MEMORY, "hashing with %s", hashes[hash].name);
}

/* Of each kind of key: its form, and how the library gets it. */
struct kind {
    const char *name;
    size_t smallest, largest; /* of the value, in bytes */
    size_t field;             /* of a curve, in bytes; 0: no curve of OpenSSL's */
};
static const struct kind kinds[] = {
    [BULLA_PUBLIC_P256] = {"P-256", 65, 65, 32},
    [BULLA_PUBLIC_P384] = {"P-384", 97, 97, 48},
    [BULLA_PUBLIC_RSA] = {"RSA", RSA_SMALLEST, RSA_LARGEST, 0},
    [BULLA_PUBLIC_ED25519] = {"Ed25519", ED25519_KEY, ED25519_KEY, 0},
};

/* The DER of r ‖ s, which is the form that OpenSSL verifies, for the caller to free; 0 when memory is short. */
static size_t der_signature(struct bulla_bytes signature, size_t field, unsigned char **der)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature.data, (int)field, NULL);
    BIGNUM *s = BN_bin2bn(signature.data + field, (int)field, NULL);
    int size = 0;
    if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL; /* the pair's now */
        size = i2d_ECDSA_SIG(pair, der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return size > 0 ? (size_t)size : 0;
}

static enum bulla_reason unverified(const struct kind *kind)
{
    return bulla_refuse(BULLA_SIGNATURE, "the %s signature does not verify", kind->name);
}

static enum bulla_reason no_memory(const struct kind *kind)
{
    return bulla_refuse(BULLA_OUT_OF_MEMORY, "verifying a signature by %s", kind->name);
}

static enum bulla_reason verify_curve(
    const struct kind *kind, EVP_PKEY_CTX *context, const struct bulla_signature *signature, const uint8_t *digest)
{
    unsigned char *der = NULL;
    size_t size = der_signature(signature->value, kind->field, &der);
    enum bulla_reason reason = BULLA_OK;
    if (size == 0 || EVP_PKEY_verify_init(context) != 1)
        reason = no_memory(kind);
    else if (EVP_PKEY_verify(context, der, size, digest, bulla_hash_size(signature->hash)) != 1)
        reason = unverified(kind);
    OPENSSL_free(der);
    return reason;
}

/* salt: a length, or one of OpenSSL's negative words for it. */
static bool prepare_rsa(EVP_PKEY_CTX *context, const struct bulla_signature *signature, int salt)
{
    const char *hash = hashes[signature->hash].openssl;
    bool pss = signature->padding == BULLA_PADDING_PSS;
    char name[16];
    (void)snprintf(name, sizeof name, "%s", hash);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_PKEY_verify_init(context) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1 ||
        EVP_PKEY_CTX_set_params(context, parameters) != 1)
        return false;
    return !pss || (EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, hash, NULL) == 1 &&
                       EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt) == 1);
}

static enum bulla_reason verify_rsa(
    const struct kind *kind, EVP_PKEY_CTX *context, const struct bulla_signature *signature, const uint8_t *digest)
{
    static const int salts[] = {RSA_PSS_SALTLEN_DIGEST, RSA_PSS_SALTLEN_MAX};
    size_t tries = signature->padding == BULLA_PADDING_PSS ? 2 : 1;
    for (size_t i = 0; i < tries; i++) {
        if (!prepare_rsa(context, signature, salts[i]))
            return no_memory(kind);
        if (EVP_PKEY_verify(
                context, signature->value.data, signature->value.size, digest, bulla_hash_size(signature->hash)) == 1)
            return BULLA_OK;
    }
    return unverified(kind);
}

static enum bulla_reason verify_ed25519(
    struct bulla_bytes key, const struct bulla_signature *signature, struct bulla_bytes message)
{
    bulla_sodium_ready();
    if (signature->value.size != ED25519_SIGNATURE ||
        crypto_sign_verify_detached(signature->value.data, message.data, message.size, key.data) != 0)
        return unverified(&kinds[BULLA_PUBLIC_ED25519]);
    return BULLA_OK;
}

/* Whether such a key signs so at all. */
static enum bulla_reason check_combination(const struct bulla_public_key *key, const struct bulla_signature *signature)
{
    bool rsa = key->kind == BULLA_PUBLIC_RSA;
    bool padded = signature->padding == BULLA_PADDING_PKCS1 || signature->padding == BULLA_PADDING_PSS;
    bool bare = signature->padding == BULLA_PADDING_NONE;
    if (rsa ? !padded : !bare)
        return bulla_refuse(
            BULLA_UNSUPPORTED, "a signature by %s with padding %d", kinds[key->kind].name, (int)signature->padding);
    if (key->kind != BULLA_PUBLIC_ED25519 && (!hash_known(signature->hash) || signature->hash == BULLA_SHA1))
        return bulla_refuse(
            BULLA_UNSUPPORTED, "a signature by %s over %s", kinds[key->kind].name, bulla_hash_name(signature->hash));
    return BULLA_OK;
}

static enum bulla_reason check_key(const struct bulla_public_key *key)
{
    const struct kind *kind = &kinds[key->kind];
    bool rsa = key->kind == BULLA_PUBLIC_RSA;
    if (key->value.size < kind->smallest || key->value.size > kind->largest)
        return bulla_refuse(BULLA_KEY_INVALID, "a public key of %s with %zu bytes", kind->name, key->value.size);
    if (kind->field && key->value.data[0] != 0x04)
        return bulla_refuse(BULLA_KEY_INVALID, "the %s key is no uncompressed point", kind->name);
    if (rsa &&
        (key->exponent != RSA_EXPONENT || key->value.data[0] == 0 || !(key->value.data[key->value.size - 1] & 1)))
        return bulla_refuse(
            BULLA_KEY_INVALID, "an RSA key of another exponent than %d, or whose modulus is none", RSA_EXPONENT);
    return BULLA_OK;
}

static enum bulla_reason verify_digest(
    const struct bulla_public_key *key, const struct bulla_signature *signature, const uint8_t *digest)
{
    const struct kind *kind = &kinds[key->kind];
    if (signature->value.size != (kind->field ? 2 * kind->field : key->value.size))
        return bulla_refuse(BULLA_SIGNATURE, "a signature of %zu bytes by %s", signature->value.size, kind->name);
    (void)ERR_set_mark(); /* what fails here must not stand in the error queue of a host that shares libcrypto */
    EVP_PKEY *made = bulla_public_key_make(key);
    EVP_PKEY_CTX *context = made ? EVP_PKEY_CTX_new_from_pkey(bulla_openssl_context(), made, NULL) : NULL;
    enum bulla_reason reason = BULLA_OK;
    if (!made)
        reason = bulla_refuse(BULLA_KEY_INVALID, "the %s key is %s", kind->name,
            kind->field ? "no point of the curve" : "not taken by OpenSSL");
    else if (!context)
        reason = no_memory(kind);
    else
        reason = (kind->field ? verify_curve : verify_rsa)(kind, context, signature, digest);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(made);
    (void)ERR_pop_to_mark();
    return reason;
}

enum bulla_reason bulla_signature_verify(
    const struct bulla_public_key *key, const struct bulla_signature *signature, struct bulla_bytes message)
{
    uint8_t digest[BULLA_HASH_LARGEST];
    if ((unsigned)key->kind >= sizeof kinds / sizeof *kinds)
        return bulla_refuse(BULLA_UNSUPPORTED, "a public key of kind %d", (int)key->kind);
    BULLA_TRY(check_combination(key, signature));
    BULLA_TRY(check_key(key));
    if (key->kind == BULLA_PUBLIC_ED25519)
        return verify_ed25519(key->value, signature, message);
    BULLA_TRY(bulla_hash_parts(signature->hash, &message, 1, digest));
    if (key->kind == BULLA_PUBLIC_P384 && signature->value.size == BULLA_P384_SIGNATURE &&
        bulla_p384_verifies(
            key->value.data, signature->value.data, (struct bulla_bytes){digest, bulla_hash_size(signature->hash)}))
        return BULLA_OK;
    return verify_digest(key, signature, digest);
}
