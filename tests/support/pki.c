#include "support/pki.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "support/vectors.h"

static void must(bool done)
{
    if (!done)
        abort();
}

void *test_pki_key_make(enum test_pki_key kind)
{
    EVP_PKEY *key = NULL;
    switch (kind) {
    case TEST_PKI_P256:
        key = EVP_EC_gen("P-256");
        break;
    case TEST_PKI_P384:
        key = EVP_EC_gen("P-384");
        break;
    case TEST_PKI_P521:
        key = EVP_EC_gen("P-521");
        break;
    case TEST_PKI_RSA:
        key = EVP_RSA_gen(2048);
        break;
    case TEST_PKI_ED25519:
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    }
    must(key != NULL);
    return key;
}

void test_pki_key_free(void *key)
{
    EVP_PKEY_free(key);
}

static X509_NAME *name_of(const char *common_name)
{
    X509_NAME *name = X509_NAME_new();
    must(name != NULL);
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) == 1);
    return name;
}

static X509_EXTENSION *extension_of(const char *oid, const char *hex, bool critical)
{
    uint8_t octets[1024];
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *string = ASN1_OCTET_STRING_new();
    must(object && string);
    must(ASN1_OCTET_STRING_set(string, octets, (int)test_hex(hex, octets, sizeof octets)) == 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, critical, string);
    must(extension != NULL);
    ASN1_OCTET_STRING_free(string);
    ASN1_OBJECT_free(object);
    return extension;
}

static void add_extension(X509 *x509, X509_EXTENSION *extension)
{
    must(extension != NULL);
    must(X509_add_ext(x509, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static EVP_MD_CTX *signing(void *key, const char *digest, bool pss)
{
    EVP_PKEY_CTX *padding = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    must(context && EVP_DigestSignInit_ex(context, &padding, digest, NULL, NULL, key, NULL) == 1);
    if (pss) {
        must(EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1);
        must(EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST) == 1);
    }
    return context;
}

static size_t copy(unsigned char *encoded, int size, uint8_t *der, size_t capacity)
{
    must(size > 0 && (size_t)size <= capacity);
    memcpy(der, encoded, (size_t)size);
    OPENSSL_free(encoded);
    return (size_t)size;
}

/* Version 3, names, validity and key. */
static X509 *begin(const struct test_pki_certificate *wanted)
{
    X509 *x509 = X509_new();
    X509_NAME *subject = name_of(wanted->subject);
    X509_NAME *issuer = name_of(wanted->issuer);
    must(x509 && X509_set_version(x509, X509_VERSION_3) == 1);
    must(ASN1_INTEGER_set(X509_get_serialNumber(x509), wanted->serial) == 1);
    must(X509_set_subject_name(x509, subject) == 1 && X509_set_issuer_name(x509, issuer) == 1);
    must(ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)wanted->from) != NULL);
    must(ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)wanted->until) != NULL);
    must(X509_set_pubkey(x509, wanted->key) == 1);
    X509_NAME_free(subject);
    X509_NAME_free(issuer);
    return x509;
}

size_t test_pki_certificate_make(const struct test_pki_certificate *wanted, uint8_t *der, size_t capacity)
{
    unsigned char *encoded = NULL;
    X509 *x509 = begin(wanted);
    if (wanted->constraints)
        add_extension(x509, X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, wanted->constraints));
    if (wanted->usage)
        add_extension(x509, X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, wanted->usage));
    for (size_t i = 0; i < sizeof wanted->extra / sizeof *wanted->extra; i++)
        if (wanted->extra[i].oid)
            add_extension(x509, extension_of(wanted->extra[i].oid, wanted->extra[i].hex, wanted->extra[i].critical));
    EVP_MD_CTX *context = signing(wanted->signer, wanted->digest, wanted->pss);
    must(X509_sign_ctx(x509, context) > 0);
    int size = i2d_X509(x509, &encoded);
    size_t copied = copy(encoded, size, der, capacity);
    EVP_MD_CTX_free(context);
    X509_free(x509);
    return copied;
}

static void add_revoked(X509_CRL *crl, long serial, uint64_t when)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)when);
    must(entry && number && time && ASN1_INTEGER_set(number, serial) == 1);
    must(X509_REVOKED_set_serialNumber(entry, number) == 1 && X509_REVOKED_set_revocationDate(entry, time) == 1);
    must(X509_CRL_add0_revoked(crl, entry) == 1);
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(time);
}

size_t test_pki_crl_make(const struct test_pki_crl *wanted, uint8_t *der, size_t capacity)
{
    unsigned char *encoded = NULL;
    X509_CRL *crl = X509_CRL_new();
    X509_NAME *issuer = name_of(wanted->issuer);
    ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)wanted->from);
    ASN1_TIME *until = ASN1_TIME_set(NULL, (time_t)wanted->until);
    must(crl && from && until && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1);
    must(X509_CRL_set_issuer_name(crl, issuer) == 1 && X509_CRL_set1_lastUpdate(crl, from) == 1);
    must(wanted->until == 0 || X509_CRL_set1_nextUpdate(crl, until) == 1);
    for (size_t i = 0; i < sizeof wanted->revoked / sizeof *wanted->revoked && wanted->revoked[i]; i++)
        add_revoked(crl, wanted->revoked[i], wanted->from);
    if (wanted->critical) {
        X509_EXTENSION *extension = extension_of(wanted->critical, "0500", true);
        must(X509_CRL_add_ext(crl, extension, -1) == 1);
        X509_EXTENSION_free(extension);
    }
    EVP_MD_CTX *context = signing(wanted->signer, wanted->digest, false);
    must(X509_CRL_sign_ctx(crl, context) > 0);
    int size = i2d_X509_CRL(crl, &encoded);
    size_t copied = copy(encoded, size, der, capacity);
    EVP_MD_CTX_free(context);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    X509_NAME_free(issuer);
    X509_CRL_free(crl);
    return copied;
}

char *test_pki_pem(const char *label, const uint8_t *der, size_t size)
{
    char *data = NULL;
    BIO *memory = BIO_new(BIO_s_mem());
    must(memory && PEM_write_bio(memory, label, "", der, (long)size) > 0);
    long length = BIO_get_mem_data(memory, &data);
    char *text = malloc((size_t)length + 1);
    must(text != NULL);
    memcpy(text, data, (size_t)length);
    text[length] = '\0';
    BIO_free(memory);
    return text;
}
