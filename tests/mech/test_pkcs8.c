/* PKCS#8 as OpenSSL writes it: the same bytes, read back as the same key; anything else refused. */
#include "mech/pkcs8.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "support/test.h"

static const struct {
    const char *type, *group;
} kinds[] = {{"EC", "P-256"}, {"EC", "P-384"}, {"EC", "P-521"}, {"EC", "secp256k1"}, {"ED25519", NULL}, {"ED448", NULL},
    {"X25519", NULL}, {"X448", NULL}};
enum { KINDS = sizeof kinds / sizeof kinds[0], ROUNDS = 20 };

static EVP_PKEY *make(int kind)
{
    EVP_PKEY *pkey = kinds[kind].group ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", kinds[kind].group)
                                       : EVP_PKEY_Q_keygen(NULL, NULL, kinds[kind].type);
    assert_non_null(pkey);
    return pkey;
}

static size_t by_openssl(EVP_PKEY *pkey, uint8_t *der)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    int size = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    PKCS8_PRIV_KEY_INFO_free(info);
    assert_true(size > 0);
    return (size_t)size;
}

static void it_is_what_openssl_writes(void **state)
{
    (void)state;
    for (int i = 0; i < KINDS * ROUNDS; i++) { /* more than once: values with leading zeroes have the same length */
        uint8_t expected[512], der[512];
        struct bulla_writer out;
        EVP_PKEY *pkey = make(i % KINDS), *back = NULL;
        size_t size = by_openssl(pkey, expected);
        bulla_writer_open(&out, der, sizeof der);
        assert_int_equal(bulla_pkcs8_write(pkey, &out), BULLA_OK);
        assert_int_equal(out.size, size);
        assert_memory_equal(der, expected, size);
        assert_int_equal(bulla_pkcs8_read((struct bulla_bytes){der, size}, &back), BULLA_OK);
        assert_int_equal(EVP_PKEY_eq(pkey, back), 1);
        assert_int_equal(by_openssl(back, der), size);
        assert_memory_equal(der, expected, size);
        EVP_PKEY_free(pkey);
        EVP_PKEY_free(back);
    }
}

/* Every cut, something behind it, and every byte of the structure that is not the key itself. */
static void what_is_malformed_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        uint8_t der[512] = {0};
        EVP_PKEY *pkey = make(i), *back = NULL;
        size_t size = by_openssl(pkey, der);
        for (size_t length = 0; length < size; length++) {
            assert_int_equal(bulla_pkcs8_read((struct bulla_bytes){der, length}, &back), BULLA_WRAPPED_KEY);
            assert_null(back);
        }
        assert_int_equal(bulla_pkcs8_read((struct bulla_bytes){der, size + 15}, &back), BULLA_OK); /* padding */
        EVP_PKEY_free(back);
        assert_int_equal(bulla_pkcs8_read((struct bulla_bytes){der, size + 16}, &back), BULLA_WRAPPED_KEY);
        der[size] = 1;
        assert_int_equal(bulla_pkcs8_read((struct bulla_bytes){der, size + 1}, &back), BULLA_WRAPPED_KEY);
        size_t structure = kinds[i].group ? 28 : 16;
        for (size_t at = 0; at < structure; at++) {
            der[at] ^= 0x40;
            assert_int_equal(bulla_pkcs8_read((struct bulla_bytes){der, size}, &back), BULLA_WRAPPED_KEY);
            der[at] ^= 0x40;
        }
        assert_int_equal(bulla_pkcs8_read((struct bulla_bytes){der, size}, &back), BULLA_OK);
        EVP_PKEY_free(back);
        EVP_PKEY_free(pkey);
    }
}

static void other_keys_have_no_form(void **state)
{
    (void)state;
    uint8_t der[2048];
    struct bulla_writer out;
    EVP_PKEY *rsa = EVP_RSA_gen(1024), *brainpool = EVP_EC_gen("brainpoolP256r1"), *back = NULL;
    bulla_writer_open(&out, der, sizeof der);
    assert_int_equal(bulla_pkcs8_write(rsa, &out), BULLA_LIBRARY);
    assert_int_equal(bulla_pkcs8_write(brainpool, &out), BULLA_LIBRARY);
    assert_int_equal(out.size, 0);
    size_t size = by_openssl(rsa, der);
    assert_int_equal(bulla_pkcs8_read((struct bulla_bytes){der, size}, &back), BULLA_WRAPPED_KEY);
    size = by_openssl(brainpool, der);
    assert_int_equal(bulla_pkcs8_read((struct bulla_bytes){der, size}, &back), BULLA_WRAPPED_KEY);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(brainpool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_what_openssl_writes),
        cmocka_unit_test(what_is_malformed_is_refused),
        cmocka_unit_test(other_keys_have_no_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
