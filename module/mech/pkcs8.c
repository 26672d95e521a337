#include "pkcs8.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "crypto/library.h"

enum bulla_reason bulla_pkcs8_write(struct evp_pkey_st *pkey, struct bulla_writer *out)
{
    (void)ERR_set_mark();
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;
    uint8_t *space = size > 0 ? bulla_write_space(out, (size_t)size) : NULL;
    bool written = space && i2d_PKCS8_PRIV_KEY_INFO(info, &space) == size;
    PKCS8_PRIV_KEY_INFO_free(info);
    (void)ERR_pop_to_mark();
    return written || size > 0 ? BULLA_OK : bulla_refuse(BULLA_LIBRARY, "the key has no form in PKCS#8");
}

enum bulla_reason bulla_pkcs8_read(struct bulla_bytes der, struct evp_pkey_st **pkey)
{
    const unsigned char *at = der.data;
    *pkey = NULL;
    (void)ERR_set_mark();
    PKCS8_PRIV_KEY_INFO *info =
        der.size && der.size <= INT_MAX ? d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.size) : NULL;
    if (info && at == der.data + der.size)
        *pkey = EVP_PKCS82PKEY_ex(info, bulla_openssl_context(), NULL);
    PKCS8_PRIV_KEY_INFO_free(info);
    (void)ERR_pop_to_mark();
    return *pkey ? BULLA_OK : bulla_refuse(BULLA_WRAPPED_KEY, "what was wrapped is no private key in PKCS#8");
}
