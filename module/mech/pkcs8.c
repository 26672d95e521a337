#include "pkcs8.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "crypto/library.h"
#include "der.h"

enum { ATTRIBUTES = 0xa0, PUBLIC_KEY = 0x81 };

static const uint8_t version_0[] = {0x02, 0x01, 0x00};

void bulla_pkcs8_head(struct bulla_writer *out, struct bulla_bytes algorithm, size_t key_size)
{
    bulla_der_head(out, BULLA_DER_SEQUENCE, sizeof version_0 + algorithm.size + bulla_der_size(key_size));
    bulla_write_bytes(out, BULLA_BYTES(version_0));
    bulla_write_bytes(out, algorithm);
    bulla_der_head(out, BULLA_DER_OCTET_STRING, key_size);
}

/* Version 1 says that a public key is there, version 0 that there is none (RFC 5958, section 2). */
static bool split(struct bulla_reader *reader, struct bulla_pkcs8 *parts)
{
    struct bulla_bytes version = bulla_der_read_unsigned(reader);
    if (version.size > 1 || (version.size == 1 && version.data[0] != 1))
        return false;
    const uint8_t *start = reader->at;
    struct bulla_bytes algorithm = bulla_der_read(reader, BULLA_DER_SEQUENCE);
    if (reader->failed)
        return false;
    parts->algorithm = (struct bulla_bytes){start, (size_t)(algorithm.data + algorithm.size - start)};
    parts->key = bulla_der_read(reader, BULLA_DER_OCTET_STRING);
    if (bulla_reader_left(reader) && *reader->at == ATTRIBUTES)
        (void)bulla_der_read(reader, ATTRIBUTES);
    if (version.size == 1)
        (void)bulla_der_read(reader, PUBLIC_KEY);
    return !reader->failed && bulla_reader_left(reader) == 0;
}

enum bulla_reason bulla_pkcs8_split(struct bulla_bytes der, struct bulla_pkcs8 *parts)
{
    struct bulla_reader outer, reader;
    bulla_reader_open(&outer, der);
    bulla_reader_open(&reader, bulla_der_read(&outer, BULLA_DER_SEQUENCE));
    if (outer.failed || bulla_reader_left(&outer) || !split(&reader, parts))
        return bulla_refuse(BULLA_WRAPPED_KEY, "what was wrapped is no private key in PKCS#8");
    return BULLA_OK;
}

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
    struct bulla_pkcs8 parts;
    const unsigned char *at = der.data;
    *pkey = NULL;
    BULLA_TRY(bulla_pkcs8_split(der, &parts));
    (void)ERR_set_mark();
    PKCS8_PRIV_KEY_INFO *info =
        der.size && der.size <= INT_MAX ? d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.size) : NULL;
    if (info && at == der.data + der.size)
        *pkey = EVP_PKCS82PKEY_ex(info, bulla_openssl_context(), NULL);
    PKCS8_PRIV_KEY_INFO_free(info);
    (void)ERR_pop_to_mark();
    return *pkey ? BULLA_OK : bulla_refuse(BULLA_WRAPPED_KEY, "what was wrapped is no private key in PKCS#8");
}
