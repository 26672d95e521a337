/* OpenSSL signs: Ed25519 the text, secp256k1 its hash. It gives DER and either value of s; Ethereum wants r ‖ s ‖ v
 * with the lower s, where v says which of two keys signed: both are tried. */
#include "principal_key.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

#include "authority.h"
#include "crypto/secp256k1.h"

static bool sign_ed25519(EVP_PKEY *key, struct bulla_bytes challenge, struct bulla_hex *proof)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    proof->size = 64;
    bool done = context && EVP_PKEY_is_a(key, "ED25519") && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(context, proof->data, &proof->size, challenge.data, challenge.size) == 1;
    EVP_MD_CTX_free(context);
    return done;
}

static bool is_secp256k1(EVP_PKEY *key)
{
    char group[32] = "";
    return EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 && strcmp(group, "secp256k1") == 0;
}

static bool unpack(const uint8_t *der, size_t size, uint8_t *signature)
{
    ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &der, (long)size);
    bool done = parts && BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature, 32) == 32 &&
                BN_bn2binpad(ECDSA_SIG_get0_s(parts), signature + 32, 32) == 32;
    ECDSA_SIG_free(parts);
    return done && bulla_secp256k1_lower(signature);
}

static bool sign_secp256k1(EVP_PKEY *key, struct bulla_bytes challenge, struct bulla_hex *proof)
{
    uint8_t digest[32], der[80];
    size_t size = sizeof der;
    bulla_principal_hash(challenge, digest);
    EVP_PKEY_CTX *context = is_secp256k1(key) ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    bool done = context && EVP_PKEY_sign_init(context) == 1 &&
                EVP_PKEY_sign(context, der, &size, digest, sizeof digest) == 1 && unpack(der, size, proof->data);
    EVP_PKEY_CTX_free(context);
    proof->size = 65;
    return done;
}

/* v is 27 or 28; of an Ed25519 signature there is nothing to try. */
static enum bulla_reason check(
    const struct bulla_principal *principal, struct bulla_bytes challenge, struct bulla_hex *proof)
{
    enum bulla_reason reason = BULLA_PRINCIPAL_WRONG;
    bool ed25519 = principal->kind == BULLA_PRINCIPAL_ED25519;
    for (uint8_t v = 27; v <= 28 && reason == BULLA_PRINCIPAL_WRONG; v++) {
        proof->data[64] = v;
        reason = bulla_principal_verify(principal, challenge, (struct bulla_bytes){proof->data, ed25519 ? 64U : 65U});
    }
    return reason;
}

enum bulla_reason bulla_principal_sign(
    const struct bulla_principal *principal, const char *path, struct bulla_bytes challenge, struct bulla_hex *proof)
{
    void *key = NULL;
    BULLA_TRY(bulla_key_file_open(path, "the principal's", &key));
    bool done = principal->kind == BULLA_PRINCIPAL_ED25519 ? sign_ed25519(key, challenge, proof)
                                                           : sign_secp256k1(key, challenge, proof);
    EVP_PKEY_free(key);
    if (!done)
        return bulla_refuse(BULLA_KEY_INVALID, "%s is no private key of the principal's kind", path);
    return check(principal, challenge, proof);
}
