/* Certificates and revocation lists that OpenSSL makes for a test, each field of which may be wrong while the
 * signatures stay right. Whatever can't be done aborts the test program. */
#ifndef BULLA_TESTS_PKI_H
#define BULLA_TESTS_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum test_pki_key { TEST_PKI_P256, TEST_PKI_P384, TEST_PKI_RSA, TEST_PKI_ED25519, TEST_PKI_P521 };
void *test_pki_key_make(enum test_pki_key kind); /* EVP_PKEY */
void test_pki_key_free(void *key);

struct test_pki_extension {
    const char *oid; /* dotted; NULL: none */
    const char *hex; /* of its octets */
    bool critical;
};

struct test_pki_certificate {
    const char *subject, *issuer; /* common names */
    void *key;                    /* the subject's */
    void *signer;                 /* the issuer's */
    const char *digest;           /* "SHA384"; NULL for Ed25519 */
    bool pss;                     /* RSASSA-PSS with the salt as long as the hash */
    long serial;
    uint64_t from, until;    /* Unix seconds */
    const char *constraints; /* as openssl.cnf writes it: "critical,CA:TRUE,pathlen:1"; NULL: no extension */
    const char *usage;       /* "critical,keyCertSign,cRLSign"; NULL: no extension */
    struct test_pki_extension extra[12];
};
/* Its DER; returns the size. */
size_t test_pki_certificate_make(const struct test_pki_certificate *wanted, uint8_t *der, size_t capacity);

struct test_pki_crl {
    const char *issuer;
    void *signer;
    const char *digest;
    uint64_t from, until; /* until 0: no nextUpdate */
    long revoked[4];      /* serials, up to the first 0 */
    const char *critical; /* dotted OID of a critical extension; NULL: none */
};
size_t test_pki_crl_make(const struct test_pki_crl *wanted, uint8_t *der, size_t capacity);

/* The PEM of one block, with a terminating zero; `text` is malloc'd. */
char *test_pki_pem(const char *label, const uint8_t *der, size_t size);

#endif
