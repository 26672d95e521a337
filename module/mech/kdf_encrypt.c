/* CKM_AES_ECB_ENCRYPT_DATA and CKM_AES_CBC_ENCRYPT_DATA: the ciphertext of data is the key. It is one block or more,
 * without padding. */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "crypto/library.h"
#include "kdf.h"

enum { BLOCK = 16 };

/* Of the module's own context, whatever the host's configuration makes of its. NULL for a size that is none of AES. */
static EVP_CIPHER *cipher_fetch(size_t key_size, bool chained)
{
    static const char *const names[2][3] = {
        {"AES-128-ECB", "AES-192-ECB", "AES-256-ECB"}, {"AES-128-CBC", "AES-192-CBC", "AES-256-CBC"}};
    if (key_size < 16 || key_size > 32 || key_size % 8 != 0)
        return NULL;
    return EVP_CIPHER_fetch(bulla_openssl_context(), names[chained][key_size / 8 - 2], NULL);
}

static enum bulla_reason encrypt(
    struct bulla_bytes key, const uint8_t *iv, struct bulla_bytes data, struct bulla_writer *out)
{
    int made = 0;
    if (data.size == 0 || data.size % BLOCK != 0)
        return bulla_refuse(BULLA_PARAMETER, "%zu bytes are no whole blocks", data.size);
    uint8_t *space = bulla_write_space(out, data.size);
    if (!space)
        return BULLA_OK; /* the writer says so */
    (void)ERR_set_mark();
    EVP_CIPHER *cipher = cipher_fetch(key.size, iv != NULL);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool done = context && cipher && EVP_EncryptInit_ex2(context, cipher, key.data, iv, NULL) == 1 &&
                EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
                EVP_EncryptUpdate(context, space, &made, data.data, (int)data.size) == 1 && made == (int)data.size;
    EVP_CIPHER_CTX_free(context); /* wipes the key */
    EVP_CIPHER_free(cipher);
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
