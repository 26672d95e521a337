/* Verifying signatures. ECDSA: RFC 6979 A.2.5 and A.2.6 (message "sample"); Ed25519: RFC 8032 7.1, TEST 2; the hashes:
 * FIPS 180's examples ("abc"). RSA signatures are OpenSSL's, made here by its other half. */
#include "support/test.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/signature.h"
#include "support/vectors.h"

#define P256_POINT                                                                                                     \
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"                                               \
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define P256_SIGNATURE                                                                                                 \
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"                                                 \
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
#define P384_POINT                                                                                                     \
    "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13"               \
    "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720"
#define P384_SIGNATURE                                                                                                 \
    "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"                 \
    "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8"
/* The order of P-256 less the s above: the same signature with the other s. */
#define P256_ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define ED25519_POINT "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
#define ED25519_SIGNATURE                                                                                              \
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"                                                 \
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"

struct sample {
    uint8_t key[520], value[520];
    struct bulla_public_key public_key;
    struct bulla_signature signature;
    struct bulla_bytes message;
};

static void sample_hex(struct sample *sample, enum bulla_key_kind_public kind, enum bulla_hash hash, const char *key,
    const char *signature, const char *message)
{
    sample->public_key = (struct bulla_public_key){
        .kind = kind, .value = {sample->key, test_hex(key, sample->key, sizeof sample->key)}, .exponent = 65537};
    sample->signature = (struct bulla_signature){
        .hash = hash, .value = {sample->value, test_hex(signature, sample->value, sizeof sample->value)}};
    sample->message = BULLA_TEXT(message);
}

/* RSA: a key of `bits`, and its signature over "sample". */
static void sample_rsa(struct sample *sample, unsigned bits, enum bulla_padding padding, int salt)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    EVP_PKEY_CTX *rsa = NULL;
    BIGNUM *modulus = NULL;
    size_t size = sizeof sample->value;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus), 1);
    assert_int_equal(BN_bn2bin(modulus, sample->key), bits / 8);
    assert_int_equal(EVP_DigestSignInit(context, &rsa, EVP_sha256(), NULL, key), 1);
    if (padding == BULLA_PADDING_PSS) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(rsa, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(rsa, salt), 1);
    }
    assert_int_equal(EVP_DigestSign(context, sample->value, &size, (const unsigned char *)"sample", 6), 1);
    sample->public_key =
        (struct bulla_public_key){.kind = BULLA_PUBLIC_RSA, .value = {sample->key, bits / 8}, .exponent = 65537};
    sample->signature =
        (struct bulla_signature){.hash = BULLA_SHA256, .padding = padding, .value = {sample->value, size}};
    sample->message = BULLA_TEXT("sample");
    BN_free(modulus);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
}

static enum bulla_reason verify(const struct sample *sample)
{
    return bulla_signature_verify(&sample->public_key, &sample->signature, sample->message);
}

static void each_bit_matters(struct sample *sample)
{
    assert_int_equal(verify(sample), BULLA_OK);
    for (size_t i = 0; i < sample->signature.value.size; i++) {
        sample->value[i] ^= 1;
        assert_int_equal(verify(sample), BULLA_SIGNATURE);
        sample->value[i] ^= 1;
    }
    sample->message = BULLA_TEXT("samplf");
    assert_int_equal(verify(sample), BULLA_SIGNATURE);
}

static void published_signatures_verify_and_each_bit_matters(void **state)
{
    (void)state;
    struct sample sample;
    sample_hex(&sample, BULLA_PUBLIC_P256, BULLA_SHA256, P256_POINT, P256_SIGNATURE, "sample");
    each_bit_matters(&sample);
    sample_hex(&sample, BULLA_PUBLIC_P384, BULLA_SHA384, P384_POINT, P384_SIGNATURE, "sample");
    each_bit_matters(&sample);
    sample_hex(&sample, BULLA_PUBLIC_ED25519, BULLA_SHA512, ED25519_POINT, ED25519_SIGNATURE, "r");
    each_bit_matters(&sample);
}

static void either_s_of_a_signature_is_taken(void **state)
{
    (void)state;
    struct sample sample;
    uint8_t order[32];
    sample_hex(&sample, BULLA_PUBLIC_P256, BULLA_SHA256, P256_POINT, P256_SIGNATURE, "sample");
    (void)test_hex(P256_ORDER, order, sizeof order);
    BIGNUM *s = BN_bin2bn(sample.value + 32, 32, NULL);
    BIGNUM *n = BN_bin2bn(order, 32, NULL);
    assert_int_equal(BN_sub(s, n, s), 1);
    assert_int_equal(BN_bn2binpad(s, sample.value + 32, 32), 32);
    BN_free(s);
    BN_free(n);
    assert_int_equal(verify(&sample), BULLA_OK);
}

static void zero_signatures_and_other_lengths_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum bulla_key_kind_public kind;
        const char *key, *signature;
    } rows[] = {
        {BULLA_PUBLIC_P256, P256_POINT, P256_SIGNATURE},
        {BULLA_PUBLIC_P384, P384_POINT, P384_SIGNATURE},
        {BULLA_PUBLIC_ED25519, ED25519_POINT, ED25519_SIGNATURE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sample sample;
        sample_hex(&sample, rows[i].kind, BULLA_SHA256, rows[i].key, rows[i].signature, "sample");
        sample.signature.value.size--;
        assert_int_equal(verify(&sample), BULLA_SIGNATURE);
        sample.signature.value.size += 2;
        assert_int_equal(verify(&sample), BULLA_SIGNATURE);
        sample.signature.value.size--;
        memset(sample.value, 0, sizeof sample.value);
        assert_int_equal(verify(&sample), BULLA_SIGNATURE);
        memset(sample.value, 0xff, sizeof sample.value);
        assert_int_equal(verify(&sample), BULLA_SIGNATURE);
    }
}

static void a_key_that_is_no_point_is_named_so(void **state)
{
    (void)state;
    struct sample sample;
    sample_hex(&sample, BULLA_PUBLIC_P384, BULLA_SHA384, P384_POINT, P384_SIGNATURE, "sample");
    sample.key[96] ^= 1;
    assert_int_equal(verify(&sample), BULLA_KEY_INVALID);
    sample.key[96] ^= 1;
    sample.key[0] = 0x02;
    assert_int_equal(verify(&sample), BULLA_KEY_INVALID);
    sample.key[0] = 0x04;
    sample.public_key.value.size = 65;
    assert_int_equal(verify(&sample), BULLA_KEY_INVALID);
    sample.public_key.value.size = 0;
    assert_int_equal(verify(&sample), BULLA_KEY_INVALID);
}

static void rsa_verifies_with_both_paddings_and_both_salts(void **state)
{
    (void)state;
    static const struct {
        unsigned bits;
        enum bulla_padding padding;
        int salt;
    } rows[] = {
        {2048, BULLA_PADDING_PKCS1, 0},
        {2048, BULLA_PADDING_PSS, RSA_PSS_SALTLEN_DIGEST},
        {2048, BULLA_PADDING_PSS, RSA_PSS_SALTLEN_MAX},
        {3072, BULLA_PADDING_PSS, RSA_PSS_SALTLEN_DIGEST},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sample sample;
        sample_rsa(&sample, rows[i].bits, rows[i].padding, rows[i].salt);
        assert_int_equal(verify(&sample), BULLA_OK);
        sample.signature.padding = rows[i].padding == BULLA_PADDING_PSS ? BULLA_PADDING_PKCS1 : BULLA_PADDING_PSS;
        assert_int_equal(verify(&sample), BULLA_SIGNATURE);
        sample.signature.padding = rows[i].padding;
        sample.signature.hash = BULLA_SHA384;
        assert_int_equal(verify(&sample), BULLA_SIGNATURE);
        sample.signature.hash = BULLA_SHA256;
        each_bit_matters(&sample);
    }
}

static void a_salt_of_any_other_length_is_refused(void **state)
{
    (void)state;
    struct sample sample;
    sample_rsa(&sample, 2048, BULLA_PADDING_PSS, 20);
    assert_int_equal(verify(&sample), BULLA_SIGNATURE);
}

static void weak_and_odd_rsa_keys_are_refused(void **state)
{
    (void)state;
    struct sample sample;
    sample_rsa(&sample, 1024, BULLA_PADDING_PKCS1, 0);
    assert_int_equal(verify(&sample), BULLA_KEY_INVALID);
    sample_rsa(&sample, 2048, BULLA_PADDING_PKCS1, 0);
    sample.public_key.exponent = 3;
    assert_int_equal(verify(&sample), BULLA_KEY_INVALID);
    sample.public_key.exponent = 65537;
    sample.key[255] &= 0xfe;
    assert_int_equal(verify(&sample), BULLA_KEY_INVALID);
    sample.key[255] |= 1;
    sample.key[0] = 0;
    assert_int_equal(verify(&sample), BULLA_KEY_INVALID);
}

static void combinations_that_are_not_listed_are_refused(void **state)
{
    (void)state;
    struct sample sample;
    sample_hex(&sample, BULLA_PUBLIC_P256, BULLA_SHA1, P256_POINT, P256_SIGNATURE, "sample");
    assert_int_equal(verify(&sample), BULLA_UNSUPPORTED);
    sample.signature.hash = BULLA_HASHES;
    assert_int_equal(verify(&sample), BULLA_UNSUPPORTED);
    sample.signature.hash = BULLA_SHA256;
    sample.signature.padding = BULLA_PADDING_PSS;
    assert_int_equal(verify(&sample), BULLA_UNSUPPORTED);
    sample.signature.padding = BULLA_PADDING_NONE;
    sample.public_key.kind = (enum bulla_key_kind_public)9;
    assert_int_equal(verify(&sample), BULLA_UNSUPPORTED);
    sample_rsa(&sample, 2048, BULLA_PADDING_PKCS1, 0);
    sample.signature.padding = BULLA_PADDING_NONE;
    assert_int_equal(verify(&sample), BULLA_UNSUPPORTED);
    sample.signature.padding = BULLA_PADDING_PKCS1;
    sample.signature.hash = BULLA_SHA1;
    assert_int_equal(verify(&sample), BULLA_UNSUPPORTED);
}

static void hashes_are_those_of_fips_180_in_any_parts(void **state)
{
    (void)state;
    static const char *const digests[BULLA_HASHES] = {
        [BULLA_SHA1] = "a9993e364706816aba3e25717850c26c9cd0d89d",
        [BULLA_SHA256] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        [BULLA_SHA384] =
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        [BULLA_SHA512] = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                         "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    };
    const struct bulla_bytes parts[] = {BULLA_TEXT("a"), BULLA_TEXT(""), BULLA_TEXT("bc")};
    for (enum bulla_hash hash = BULLA_SHA1; hash < BULLA_HASHES; hash++) {
        uint8_t expected[BULLA_HASH_LARGEST];
        uint8_t digest[BULLA_HASH_LARGEST];
        size_t size = test_hex(digests[hash], expected, sizeof expected);
        assert_int_equal(bulla_hash_size(hash), size);
        assert_int_equal(bulla_hash_parts(hash, parts, 3, digest), BULLA_OK);
        assert_memory_equal(digest, expected, size);
    }
    uint8_t digest[BULLA_HASH_LARGEST];
    assert_int_equal(bulla_hash_parts(BULLA_HASHES, parts, 3, digest), BULLA_UNSUPPORTED);
    assert_int_equal(bulla_hash_size(BULLA_HASHES), 0);
    assert_string_equal(bulla_hash_name(BULLA_SHA384), "SHA-384");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_signatures_verify_and_each_bit_matters),
        cmocka_unit_test(either_s_of_a_signature_is_taken),
        cmocka_unit_test(zero_signatures_and_other_lengths_are_refused),
        cmocka_unit_test(a_key_that_is_no_point_is_named_so),
        cmocka_unit_test(rsa_verifies_with_both_paddings_and_both_salts),
        cmocka_unit_test(a_salt_of_any_other_length_is_refused),
        cmocka_unit_test(weak_and_odd_rsa_keys_are_refused),
        cmocka_unit_test(combinations_that_are_not_listed_are_refused),
        cmocka_unit_test(hashes_are_those_of_fips_180_in_any_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
