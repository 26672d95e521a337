/* ML-DSA and SLH-DSA: published answers for the first; for both OpenSSL, called apart from the module, as the other
 * party. Of SLH-DSA, whose small sets take seconds for a signature, the fast sets sign here, and one small one. */
#include <openssl/params.h>
#include <stdlib.h>

#include "pq_keys.h"
#include "pq_vectors.h"

static const int signing[] = {PQ_ML_DSA_44, PQ_ML_DSA_65, PQ_ML_DSA_87, PQ_SLH_DSA_SHA2_128S, PQ_SLH_DSA_SHA2_128F,
    PQ_SLH_DSA_SHAKE_128F, PQ_SLH_DSA_SHA2_192F, PQ_SLH_DSA_SHAKE_192F, PQ_SLH_DSA_SHA2_256F, PQ_SLH_DSA_SHAKE_256F};
static const int quick[] = {PQ_ML_DSA_44, PQ_ML_DSA_87, PQ_SLH_DSA_SHA2_128F};
static unsigned char message[] = "Hello world";
enum { MESSAGE = sizeof message - 1 };

/* A mechanism with its parameter; hedge NONE: without one. */
enum { NONE = -1 };
struct way {
    CK_MECHANISM mechanism;
    CK_SIGN_ADDITIONAL_CONTEXT parameter;
};
static void prepare(struct way *way, int set, long hedge, const char *context)
{
    *way = (struct way){{pq_mechanism(set), NULL, 0}, {0, NULL, 0}};
    if (hedge == NONE)
        return;
    way->parameter = (CK_SIGN_ADDITIONAL_CONTEXT){
        (CK_ULONG)hedge, (unsigned char *)(uintptr_t)context, context ? strlen(context) : 0};
    way->mechanism.pParameter = &way->parameter;
    way->mechanism.ulParameterLen = sizeof way->parameter;
}

static CK_RV sign(CK_SESSION_HANDLE session, struct way *way, CK_OBJECT_HANDLE key, struct pq_bytes *signature)
{
    unsigned long size = sizeof signature->data;
    CK_RV rv = p11->C_SignInit(session, &way->mechanism, key);
    if (rv == CKR_OK)
        rv = p11->C_Sign(session, message, MESSAGE, signature->data, &size);
    signature->size = size;
    return rv;
}

static CK_RV verify(CK_SESSION_HANDLE session, struct way *way, CK_OBJECT_HANDLE key, const struct pq_bytes *signature)
{
    CK_RV rv = p11->C_VerifyInit(session, &way->mechanism, key);
    return rv == CKR_OK ? p11->C_Verify(session, message, MESSAGE, PQ_VIEW(signature)) : rv;
}

/* --- OpenSSL --- */

typedef int begin_digest(EVP_MD_CTX *context, EVP_PKEY_CTX **own, const char *hash, OSSL_LIB_CTX *library,
    const char *properties, EVP_PKEY *pkey, const OSSL_PARAM params[]);

static EVP_MD_CTX *begin_openssl(begin_digest *begin, EVP_PKEY *pkey, int deterministic, const char *context)
{
    OSSL_PARAM params[] = {OSSL_PARAM_construct_int("deterministic", &deterministic),
        OSSL_PARAM_construct_octet_string(
            "context-string", (void *)(uintptr_t)(context ? context : ""), context ? strlen(context) : 0),
        OSSL_PARAM_construct_end()};
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    assert_non_null(digest);
    assert_int_equal(begin(digest, NULL, NULL, NULL, NULL, pkey, params), 1);
    return digest;
}

static bool openssl_verifies(EVP_PKEY *pkey, const char *context, const struct pq_bytes *signature)
{
    EVP_MD_CTX *digest = begin_openssl(EVP_DigestVerifyInit_ex, pkey, 0, context);
    bool valid = EVP_DigestVerify(digest, signature->data, signature->size, message, MESSAGE) == 1;
    EVP_MD_CTX_free(digest);
    return valid;
}

static void openssl_signs(EVP_PKEY *pkey, int deterministic, const char *context, struct pq_bytes *signature)
{
    EVP_MD_CTX *digest = begin_openssl(EVP_DigestSignInit_ex, pkey, deterministic, context);
    signature->size = sizeof signature->data;
    assert_int_equal(EVP_DigestSign(digest, signature->data, &signature->size, message, MESSAGE), 1);
    EVP_MD_CTX_free(digest);
}

/* --- tests --- */

static void deterministic_signatures_are_the_published_ones(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static struct pq_bytes seed, signature, expected;
    struct way way;
    CK_OBJECT_HANDLE key;
    for (size_t i = 0; i < COUNT_OF(pq_signature_vectors); i++) {
        const struct pq_signature_vector *vector = &pq_signature_vectors[i];
        memset(seed.data, 0x2a, 32);
        seed.size = 32;
        assert_ok(pq_create_private(session, vector->set, &seed, NULL, NULL, &key));
        prepare(&way, vector->set, CKH_DETERMINISTIC_REQUIRED, vector->context);
        assert_ok(sign(session, &way, key, &signature));
        assert_int_equal(signature.size, pq_sets[vector->set].output_size);
        pq_hex(vector->first, &expected);
        assert_memory_equal(signature.data, expected.data, expected.size);
        if (!vector->last)
            continue;
        pq_hex(vector->last, &expected);
        assert_memory_equal(signature.data + signature.size - expected.size, expected.data, expected.size);
    }
}

static void openssl_verifies_what_was_signed(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static struct pq_bytes signature;
    static const char *const contexts[] = {NULL, "what for"};
    struct way way;
    for (size_t i = 0; i < COUNT_OF(signing); i++) {
        struct pq_pair pair = pq_generate(session, signing[i]);
        EVP_PKEY *pkey = pq_openssl_public(session, pair.public_key);
        for (size_t j = 0; j < COUNT_OF(contexts); j++) {
            prepare(&way, signing[i], contexts[j] ? (long)CKH_HEDGE_PREFERRED : NONE, contexts[j]);
            assert_ok(sign(session, &way, pair.private_key, &signature));
            assert_int_equal(signature.size, pq_sets[signing[i]].output_size);
            assert_true(openssl_verifies(pkey, contexts[j], &signature));
            assert_false(openssl_verifies(pkey, "another", &signature));
            assert_ok(verify(session, &way, pair.public_key, &signature));
            prepare(&way, signing[i], CKH_HEDGE_PREFERRED, "another");
            assert_rv(verify(session, &way, pair.public_key, &signature), CKR_SIGNATURE_INVALID);
        }
        EVP_PKEY_free(pkey);
    }
}

static void what_openssl_signed_verifies(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static struct pq_bytes signature, value;
    static const char *const contexts[] = {NULL, "what for"};
    struct way way;
    for (size_t i = 0; i < COUNT_OF(signing); i++) {
        EVP_PKEY *pkey = pq_openssl_new(signing[i]);
        CK_OBJECT_HANDLE key;
        pq_openssl_value(pkey, "pub", &value);
        assert_ok(pq_create_public(session, signing[i], &value, NULL, &key));
        for (size_t j = 0; j < COUNT_OF(contexts); j++) {
            openssl_signs(pkey, 0, contexts[j], &signature);
            prepare(&way, signing[i], CKH_HEDGE_REQUIRED, contexts[j]);
            assert_ok(verify(session, &way, key, &signature));
            way.parameter.hedgeVariant = 77; /* nothing to a verification */
            assert_ok(verify(session, &way, key, &signature));
            prepare(&way, signing[i], CKH_HEDGE_REQUIRED, contexts[1 - j]);
            assert_rv(verify(session, &way, key, &signature), CKR_SIGNATURE_INVALID);
        }
        EVP_PKEY_free(pkey);
    }
}

/* The deterministic form is OpenSSL's own, too, for there is one. */
static void hedging_is_what_the_parameter_says(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static struct pq_bytes one, two, value;
    static const long hedged[] = {NONE, CKH_HEDGE_PREFERRED, CKH_HEDGE_REQUIRED};
    struct way way;
    for (size_t i = 0; i < COUNT_OF(quick); i++) {
        struct pq_pair pair = pq_generate(session, quick[i]);
        pq_get(session, pair.private_key, CKA_VALUE, &value);
        EVP_PKEY *pkey = pq_openssl(quick[i], "priv", &value);
        prepare(&way, quick[i], CKH_DETERMINISTIC_REQUIRED, "c");
        assert_ok(sign(session, &way, pair.private_key, &one));
        assert_ok(sign(session, &way, pair.private_key, &two));
        pq_assert_equal(&one, &two);
        openssl_signs(pkey, 1, "c", &two);
        pq_assert_equal(&one, &two);
        for (size_t j = 0; j < COUNT_OF(hedged); j++) {
            prepare(&way, quick[i], hedged[j], NULL);
            assert_ok(sign(session, &way, pair.private_key, &one));
            assert_ok(sign(session, &way, pair.private_key, &two));
            assert_memory_not_equal(one.data, two.data, one.size);
        }
        EVP_PKEY_free(pkey);
    }
}

static void parts_are_the_whole(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static struct pq_bytes whole, parts;
    struct way way;
    for (size_t i = 0; i < COUNT_OF(quick); i++) {
        struct pq_pair pair = pq_generate(session, quick[i]);
        unsigned long size = sizeof parts.data;
        prepare(&way, quick[i], CKH_DETERMINISTIC_REQUIRED, NULL);
        assert_ok(sign(session, &way, pair.private_key, &whole));
        assert_ok(p11->C_SignInit(session, &way.mechanism, pair.private_key));
        assert_ok(p11->C_SignUpdate(session, message, 4));
        assert_ok(p11->C_SignUpdate(session, message + 4, MESSAGE - 4));
        assert_ok(p11->C_SignFinal(session, parts.data, &size));
        parts.size = size;
        pq_assert_equal(&whole, &parts);
        assert_ok(p11->C_VerifyInit(session, &way.mechanism, pair.public_key));
        assert_ok(p11->C_VerifyUpdate(session, message, MESSAGE));
        assert_ok(p11->C_VerifyFinal(session, PQ_VIEW(&whole)));
        assert_ok(p11_32->C_VerifySignatureInit(session, &way.mechanism, pair.public_key, PQ_VIEW(&whole)));
        assert_ok(p11_32->C_VerifySignatureUpdate(session, message, 3));
        assert_ok(p11_32->C_VerifySignatureUpdate(session, message + 3, MESSAGE - 3));
        assert_ok(p11_32->C_VerifySignatureFinal(session));
        assert_ok(p11_32->C_VerifySignatureInit(session, &way.mechanism, pair.public_key, PQ_VIEW(&whole)));
        assert_rv(p11_32->C_VerifySignature(session, message, 3), CKR_SIGNATURE_INVALID);
    }
}

static void what_was_changed_does_not_verify(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static struct pq_bytes signature;
    struct way way;
    for (size_t i = 0; i < COUNT_OF(quick); i++) {
        struct pq_pair pair = pq_generate(session, quick[i]), other = pq_generate(session, quick[i]);
        prepare(&way, quick[i], NONE, NULL);
        assert_ok(sign(session, &way, pair.private_key, &signature));
        const size_t places[] = {0, signature.size / 2, signature.size - 1};
        for (size_t j = 0; j < COUNT_OF(places); j++) {
            signature.data[places[j]] ^= 1;
            assert_rv(verify(session, &way, pair.public_key, &signature), CKR_SIGNATURE_INVALID);
            signature.data[places[j]] ^= 1;
        }
        assert_rv(verify(session, &way, other.public_key, &signature), CKR_SIGNATURE_INVALID);
        message[0] ^= 1;
        assert_rv(verify(session, &way, pair.public_key, &signature), CKR_SIGNATURE_INVALID);
        message[0] ^= 1;
        for (int off = -1; off < 2; off++) {
            signature.size = pq_sets[quick[i]].output_size + (size_t)off;
            assert_rv(verify(session, &way, pair.public_key, &signature), off ? CKR_SIGNATURE_LEN_RANGE : CKR_OK);
        }
    }
}

static void wrong_parameters_and_keys_are_refused(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static struct pq_bytes signature;
    static char longest[257];
    struct way way;
    memset(longest, 'c', 255);
    for (size_t i = 0; i < COUNT_OF(quick); i++) {
        struct pq_pair pair = pq_generate(session, quick[i]);
        prepare(&way, quick[i], CKH_HEDGE_PREFERRED, longest);
        assert_ok(sign(session, &way, pair.private_key, &signature));
        assert_ok(verify(session, &way, pair.public_key, &signature));
        way.parameter.ulContextLen = 256;
        assert_rv(sign(session, &way, pair.private_key, &signature), CKR_MECHANISM_PARAM_INVALID);
        assert_rv(verify(session, &way, pair.public_key, &signature), CKR_MECHANISM_PARAM_INVALID);
        prepare(&way, quick[i], CKH_HEDGE_PREFERRED, NULL);
        way.parameter.ulContextLen = 1;
        assert_rv(sign(session, &way, pair.private_key, &signature), CKR_MECHANISM_PARAM_INVALID);
        prepare(&way, quick[i], 3, NULL);
        assert_rv(sign(session, &way, pair.private_key, &signature), CKR_MECHANISM_PARAM_INVALID);
        prepare(&way, quick[i], CKH_HEDGE_PREFERRED, NULL);
        way.mechanism.ulParameterLen--;
        assert_rv(sign(session, &way, pair.private_key, &signature), CKR_MECHANISM_PARAM_INVALID);
        prepare(&way, quick[i], NONE, NULL);
        assert_rv(sign(session, &way, pair.public_key, &signature), CKR_KEY_TYPE_INCONSISTENT);
        assert_rv(verify(session, &way, pair.private_key, &signature), CKR_KEY_TYPE_INCONSISTENT);
        way.mechanism.mechanism = CKM_ECDSA;
        assert_rv(sign(session, &way, pair.private_key, &signature), CKR_KEY_TYPE_INCONSISTENT);
    }
}

static void lengths_are_told_and_nothing_is_signed(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static struct pq_bytes signature;
    struct way way;
    for (size_t i = 0; i < COUNT_OF(quick); i++) {
        struct pq_pair pair = pq_generate(session, quick[i]);
        unsigned long size = 0;
        prepare(&way, quick[i], NONE, NULL);
        assert_ok(p11->C_SignInit(session, &way.mechanism, pair.private_key));
        assert_ok(p11->C_Sign(session, message, MESSAGE, NULL, &size));
        assert_int_equal(size, pq_sets[quick[i]].output_size);
        size--;
        assert_rv(p11->C_Sign(session, message, MESSAGE, signature.data, &size), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(size, pq_sets[quick[i]].output_size);
        assert_ok(p11->C_Sign(session, message, MESSAGE, signature.data, &size));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(deterministic_signatures_are_the_published_ones),
        MODULE_TEST(openssl_verifies_what_was_signed),
        MODULE_TEST(what_openssl_signed_verifies),
        MODULE_TEST(hedging_is_what_the_parameter_says),
        MODULE_TEST(parts_are_the_whole),
        MODULE_TEST(what_was_changed_does_not_verify),
        MODULE_TEST(wrong_parameters_and_keys_are_refused),
        MODULE_TEST(lengths_are_told_and_nothing_is_signed),
    };
    int skipped = pq_skipped();
    return skipped ? skipped : cmocka_run_group_tests(tests, module_load, NULL);
}
