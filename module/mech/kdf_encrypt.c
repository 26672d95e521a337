/* CKM_AES_ECB_ENCRYPT_DATA and CKM_AES_CBC_ENCRYPT_DATA: the ciphertext of data is the key. It is one block or more,
 * without padding. */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "kdf.h"

enum { BLOCK = 16 };

static const EVP_CIPHER *cipher_of(size_t key_size, bool chained)
{
    switch (key_size) {
    case 16:
        return chained ? EVP_aes_128_cbc() : EVP_aes_128_ecb();
    case 24:
        return chained ? EVP_aes_192_cbc() : EVP_aes_192_ecb();
    case 32:
        return chained ? EVP_aes_256_cbc() : EVP_aes_256_ecb();
    default:
        return NULL;
    }
}

static enum bulla_reason encrypt(
    struct bulla_bytes key, const uint8_t *iv, struct bulla_bytes data, struct bulla_writer *out)
{
    int made = 0;
    const EVP_CIPHER *cipher = cipher_of(key.size, iv != NULL);
    if (data.size == 0 || data.size % BLOCK != 0)
        return bulla_refuse(BULLA_PARAMETER, "%zu bytes are no whole blocks", data.size);
    uint8_t *space = bulla_write_space(out, data.size);
    if (!space)
        return BULLA_OK; /* the writer says so */
    (void)ERR_set_mark();
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool done = context && cipher && EVP_EncryptInit_ex(context, cipher, NULL, key.data, iv) == 1 &&
                EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
                EVP_EncryptUpdate(context, space, &made, data.data, (int)data.size) == 1 && made == (int)data.size;
    EVP_CIPHER_CTX_free(context); /* wipes the key */
    (void)ERR_pop_to_mark();
    return done ? BULLA_OK : bulla_refuse(BULLA_LIBRARY, "OpenSSL refused to encrypt");
}

enum bulla_reason bulla_derive_aes_ecb(const struct bulla_derivation *derivation, struct bulla_writer *out)
{
    CK_KEY_DERIVATION_STRING_DATA parameter;
    struct bulla_bytes data;
    BULLA_TRY(bulla_mechanism_parameter(derivation->mechanism, sizeof parameter));
    memcpy(&parameter, derivation->mechanism->pParameter, sizeof parameter);
    BULLA_TRY(bulla_kdf_string(parameter.string_data, parameter.string_data_len, "data", &data));
    return encrypt(derivation->base->secret, NULL, data, out);
}

enum bulla_reason bulla_derive_aes_cbc(const struct bulla_derivation *derivation, struct bulla_writer *out)
{
    CK_AES_CBC_ENCRYPT_DATA_PARAMS parameter;
    struct bulla_bytes data;
    BULLA_TRY(bulla_mechanism_parameter(derivation->mechanism, sizeof parameter));
    memcpy(&parameter, derivation->mechanism->pParameter, sizeof parameter);
    BULLA_TRY(bulla_kdf_string(parameter.data_params, parameter.length, "data", &data));
    return encrypt(derivation->base->secret, parameter.iv, data, out);
}
