#include "ecdsa_maker.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>

static void must(bool done)
{
    if (!done)
        abort();
}

void ecdsa_make(void *key, const char *digest, struct bulla_bytes message, size_t field, uint8_t *pair)
{
    unsigned char der[160];
    size_t size = sizeof der;
    const unsigned char *at = der;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    must(context && EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, key, NULL) == 1);
    must(EVP_DigestSign(context, der, &size, message.data, message.size) == 1);
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &at, (long)size);
    must(numbers != NULL);
    must(BN_bn2binpad(ECDSA_SIG_get0_r(numbers), pair, (int)field) == (int)field);
    must(BN_bn2binpad(ECDSA_SIG_get0_s(numbers), pair + field, (int)field) == (int)field);
    ECDSA_SIG_free(numbers);
    EVP_MD_CTX_free(context);
}

size_t ecdsa_point(void *key, uint8_t *out, size_t capacity)
{
    uint8_t point[160];
    size_t size = 0;
    must(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &size) == 1);
    must(point[0] == 0x04 && size - 1 <= capacity);
    memcpy(out, point + 1, size - 1);
    return size - 1;
}
