#include "pq_keys.h"

#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/vectors.h"

#define KEM(name, number, open, secret, out)                                                                           \
    {                                                                                                                  \
        CKK_ML_KEM, (number), (name), (open), (secret), 64, (out)                                                      \
    }
#define DSA(name, number, open, secret, out)                                                                           \
    {                                                                                                                  \
        CKK_ML_DSA, (number), (name), (open), (secret), 32, (out)                                                      \
    }
#define SLH(name, number, n, out)                                                                                      \
    {                                                                                                                  \
        CKK_SLH_DSA, (number), (name), 2 * (n), 4 * (n), 0, (out)                                                      \
    }
const struct pq_set pq_sets[PQ_SETS] = {
    KEM("ML-KEM-512", 1, 800, 1632, 768),
    KEM("ML-KEM-768", 2, 1184, 2400, 1088),
    KEM("ML-KEM-1024", 3, 1568, 3168, 1568),
    DSA("ML-DSA-44", 1, 1312, 2560, 2420),
    DSA("ML-DSA-65", 2, 1952, 4032, 3309),
    DSA("ML-DSA-87", 3, 2592, 4896, 4627),
    SLH("SLH-DSA-SHA2-128s", 1, 16, 7856),
    SLH("SLH-DSA-SHAKE-128s", 2, 16, 7856),
    SLH("SLH-DSA-SHA2-128f", 3, 16, 17088),
    SLH("SLH-DSA-SHAKE-128f", 4, 16, 17088),
    SLH("SLH-DSA-SHA2-192s", 5, 24, 16224),
    SLH("SLH-DSA-SHAKE-192s", 6, 24, 16224),
    SLH("SLH-DSA-SHA2-192f", 7, 24, 35664),
    SLH("SLH-DSA-SHAKE-192f", 8, 24, 35664),
    SLH("SLH-DSA-SHA2-256s", 9, 32, 29792),
    SLH("SLH-DSA-SHAKE-256s", 10, 32, 29792),
    SLH("SLH-DSA-SHA2-256f", 11, 32, 49856),
    SLH("SLH-DSA-SHAKE-256f", 12, 32, 49856),
};

bool pq_here(void)
{
    return OpenSSL_version_num() >= 0x30500000UL;
}

int pq_skipped(void)
{
    bool must = getenv("BULLA_TEST_NEWER_OPENSSL") != NULL;
    if (pq_here())
        return 0;
    (void)fprintf(stderr, "%s: OpenSSL 3.5 is missing, this is %s\n", must ? "FAILED" : "SKIPPED",
        OpenSSL_version(OPENSSL_VERSION));
    return must ? 1 : 77;
}

void pq_hex(const char *hex, struct pq_bytes *bytes)
{
    bytes->size = test_hex(hex, bytes->data, sizeof bytes->data);
}

void pq_get(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct pq_bytes *bytes)
{
    unsigned long size = sizeof bytes->data;
    assert_ok(module_get(session, object, type, bytes->data, &size));
    bytes->size = size;
}

void pq_assert_equal(const struct pq_bytes *left, const struct pq_bytes *right)
{
    assert_int_equal(left->size, right->size);
    assert_memory_equal(left->data, right->data, left->size);
}

CK_MECHANISM_TYPE pq_generation(int set)
{
    CK_KEY_TYPE type = pq_sets[set].type;
    return type == CKK_ML_KEM   ? CKM_ML_KEM_KEY_PAIR_GEN
           : type == CKK_ML_DSA ? CKM_ML_DSA_KEY_PAIR_GEN
                                : CKM_SLH_DSA_KEY_PAIR_GEN;
}

CK_MECHANISM_TYPE pq_mechanism(int set)
{
    CK_KEY_TYPE type = pq_sets[set].type;
    return type == CKK_ML_KEM ? CKM_ML_KEM : type == CKK_ML_DSA ? CKM_ML_DSA : CKM_SLH_DSA;
}

struct pq_pair pq_generate(CK_SESSION_HANDLE session, int set)
{
    CK_MECHANISM mechanism = {pq_generation(set), NULL, 0};
    CK_ATTRIBUTE public_template[] = {ATTRIBUTE(CKA_PARAMETER_SET, pq_sets[set].number)};
    CK_ATTRIBUTE private_template[] = {ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes)};
    struct pq_pair pair = {0, 0};
    assert_ok(p11->C_GenerateKeyPair(
        session, &mechanism, public_template, 1, private_template, 2, &pair.public_key, &pair.private_key));
    return pair;
}

static CK_ATTRIBUTE of_bytes(CK_ATTRIBUTE_TYPE type, const struct pq_bytes *bytes)
{
    return (CK_ATTRIBUTE){type, (void *)(uintptr_t)bytes->data, bytes->size};
}

CK_RV pq_create_private(CK_SESSION_HANDLE session, int set, const struct pq_bytes *seed, const struct pq_bytes *value,
    CK_ATTRIBUTE *more, CK_OBJECT_HANDLE *handle)
{
    size_t count = 5;
    CK_ATTRIBUTE template[8] = {ATTRIBUTE(CKA_CLASS, class_private), ATTRIBUTE(CKA_KEY_TYPE, pq_sets[set].type),
        ATTRIBUTE(CKA_PARAMETER_SET, pq_sets[set].number), ATTRIBUTE(CKA_SENSITIVE, no),
        ATTRIBUTE(CKA_EXTRACTABLE, yes)};
    if (seed)
        template[count++] = of_bytes(CKA_SEED, seed);
    if (value)
        template[count++] = of_bytes(CKA_VALUE, value);
    if (more)
        template[count++] = *more;
    return module_create(session, template, count, handle);
}

CK_RV pq_create_public(
    CK_SESSION_HANDLE session, int set, const struct pq_bytes *value, CK_ATTRIBUTE *more, CK_OBJECT_HANDLE *handle)
{
    size_t count = 3;
    CK_ATTRIBUTE template[5] = {ATTRIBUTE(CKA_CLASS, class_public), ATTRIBUTE(CKA_KEY_TYPE, pq_sets[set].type),
        ATTRIBUTE(CKA_PARAMETER_SET, pq_sets[set].number)};
    if (value)
        template[count++] = of_bytes(CKA_VALUE, value);
    if (more)
        template[count++] = *more;
    return module_create(session, template, count, handle);
}

/* --- OpenSSL --- */

EVP_PKEY *pq_openssl_new(int set)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, pq_sets[set].name);
    assert_non_null(pkey);
    return pkey;
}

EVP_PKEY *pq_openssl(int set, const char *which, const struct pq_bytes *value)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(which, (void *)(uintptr_t)value->data, value->size),
        OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, pq_sets[set].name, NULL);
    assert_non_null(context);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(
        EVP_PKEY_fromdata(context, &pkey, strcmp(which, "pub") == 0 ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR, params),
        1);
    EVP_PKEY_CTX_free(context);
    return pkey;
}

EVP_PKEY *pq_openssl_public(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    struct pq_bytes info;
    pq_get(session, object, CKA_PUBLIC_KEY_INFO, &info);
    const unsigned char *at = info.data;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)info.size);
    assert_non_null(pkey);
    assert_ptr_equal(at, info.data + info.size);
    return pkey;
}

void pq_openssl_value(const EVP_PKEY *pkey, const char *which, struct pq_bytes *value)
{
    assert_int_equal(EVP_PKEY_get_octet_string_param(pkey, which, value->data, sizeof value->data, &value->size), 1);
}
