/* RSA keys: made, imported with all or some of their numbers, and read. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "rsa_support.h"

static unsigned char out[8192];
static const CK_ATTRIBUTE_TYPE sign_use[] = {CKA_SIGN, 0}, verify_use[] = {CKA_VERIFY, 0};

static unsigned long get(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, unsigned char *value)
{
    unsigned long size = RSA_ROOM;
    assert_ok(module_get(session, key, type, value, &size));
    return size;
}

static void assert_number(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const struct rsa_number *number)
{
    unsigned char value[RSA_ROOM];
    assert_int_equal(get(session, key, number->type, value), number->size);
    assert_memory_equal(value, number->bytes, number->size);
}

/* A signature by the key verifies outside. */
static void assert_signs(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, EVP_PKEY *outside)
{
    CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS, NULL, 0};
    unsigned char hash[32] = {0};
    unsigned long size = sizeof out;
    assert_ok(rsa_sign(session, &mechanism, key, "text", 4, out, &size));
    assert_int_equal(EVP_Digest("text", 4, hash, NULL, EVP_sha256(), NULL), 1);
    EVP_PKEY_CTX *context = rsa_context(outside, EVP_PKEY_verify_init, RSA_PKCS1_PADDING, "SHA256", NULL, -1);
    assert_int_equal(EVP_PKEY_verify(context, out, size, hash, sizeof hash), 1);
    EVP_PKEY_CTX_free(context);
}

static EVP_PKEY *public_info(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    unsigned long size = sizeof out;
    assert_ok(module_get(session, key, CKA_PUBLIC_KEY_INFO, out, &size));
    const unsigned char *at = out;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)size);
    assert_non_null(pkey);
    assert_ptr_equal(at, out + size);
    return pkey;
}

/* --- generation --- */

static CK_RV generate(
    CK_SESSION_HANDLE session, CK_ULONG bits, const void *exponent, size_t exponent_size, struct rsa_pair *pair)
{
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_template[] = {ATTRIBUTE(CKA_VERIFY, yes), ATTRIBUTE(CKA_MODULUS_BITS, bits),
        {CKA_PUBLIC_EXPONENT, (void *)(uintptr_t)exponent, exponent_size}};
    CK_ATTRIBUTE private_template[] = {
        ATTRIBUTE(CKA_SIGN, yes), ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes)};
    *pair = (struct rsa_pair){0};
    return p11->C_GenerateKeyPair(session, &mechanism, public_template, exponent ? 3 : 2, private_template, 3,
        &pair->public_key, &pair->private_key);
}

/* OpenSSL's own check of all that belongs together, primes included. */
static void assert_openssl_accepts(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    static const struct {
        CK_ATTRIBUTE_TYPE type;
        const char *name;
    } numbers[] = {{CKA_MODULUS, "n"}, {CKA_PUBLIC_EXPONENT, "e"}, {CKA_PRIVATE_EXPONENT, "d"},
        {CKA_PRIME_1, "rsa-factor1"}, {CKA_PRIME_2, "rsa-factor2"}, {CKA_EXPONENT_1, "rsa-exponent1"},
        {CKA_EXPONENT_2, "rsa-exponent2"}, {CKA_COEFFICIENT, "rsa-coefficient1"}};
    static unsigned char native[COUNT_OF(numbers)][RSA_ROOM];
    OSSL_PARAM parameters[COUNT_OF(numbers) + 1];
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        unsigned char value[RSA_ROOM];
        unsigned long size = get(session, key, numbers[i].type, value);
        BIGNUM *number = BN_bin2bn(value, (int)size, NULL);
        assert_int_equal(BN_bn2nativepad(number, native[i], (int)size), size);
        parameters[i] = OSSL_PARAM_construct_BN(numbers[i].name, native[i], size);
        BN_free(number);
    }
    parameters[COUNT_OF(numbers)] = OSSL_PARAM_construct_end();
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_KEYPAIR, parameters), 1);
    EVP_PKEY_CTX_free(context);
    context = EVP_PKEY_CTX_new(pkey, NULL);
    assert_int_equal(EVP_PKEY_check(context), 1);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(pkey);
}

static void generated_pairs_are_whole(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    static const unsigned char three[] = {3}, f4_long[] = {0, 1, 0, 1}, large[] = {1, 0, 0, 0, 0, 0, 0, 0, 1};
    const struct {
        CK_ULONG bits;
        const unsigned char *exponent;
        size_t size;
    } rows[] = {{2048, NULL, 0}, {2048, three, 1}, {2048, large, 9}, {2056, NULL, 0}, {3072, f4_long + 1, 3}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rsa_pair pair;
        unsigned char value[RSA_ROOM], other[RSA_ROOM];
        assert_ok(generate(session, rows[i].bits, rows[i].exponent, rows[i].size, &pair));
        assert_int_equal(module_ulong(session, pair.public_key, CKA_MODULUS_BITS), rows[i].bits);
        assert_int_equal(module_ulong(session, pair.private_key, CKA_KEY_TYPE), CKK_RSA);
        assert_true(module_boolean(session, pair.private_key, CKA_LOCAL));
        assert_int_equal(get(session, pair.public_key, CKA_MODULUS, value), rows[i].bits / 8);
        assert_true(value[0] & 0x80);
        assert_int_equal(get(session, pair.private_key, CKA_MODULUS, other), rows[i].bits / 8);
        assert_memory_equal(value, other, rows[i].bits / 8);
        unsigned long size = get(session, pair.public_key, CKA_PUBLIC_EXPONENT, value);
        assert_int_equal(size, rows[i].exponent ? rows[i].size : 3);
        assert_memory_equal(value, rows[i].exponent ? rows[i].exponent : f4_long + 1, size);
        assert_openssl_accepts(session, pair.private_key);
        EVP_PKEY *of_public = public_info(session, pair.public_key),
                 *of_private = public_info(session, pair.private_key);
        assert_int_equal(EVP_PKEY_eq(of_public, of_private), 1);
        assert_signs(session, pair.private_key, of_public);
        EVP_PKEY_free(of_public);
        EVP_PKEY_free(of_private);
    }
}

static void no_other_sizes_and_exponents_are_generated(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    static const CK_ULONG bits[] = {0, 1, 512, 1024, 2040, 2047, 2049, 8193, 8200, 16384, ~0UL};
    static const unsigned char one[] = {1}, even[] = {1, 0, 0}, zero[] = {0}, eight[9] = {1, [8] = 1};
    unsigned char longest[33] = {1, [32] = 1}; /* 2^256 + 1 */
    struct rsa_pair pair;
    for (size_t i = 0; i < COUNT_OF(bits); i++)
        assert_rv(generate(session, bits[i], NULL, 0, &pair), CKR_KEY_SIZE_RANGE);
    assert_rv(generate(session, 2048, one, 1, &pair), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_rv(generate(session, 2048, even, 3, &pair), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_rv(generate(session, 2048, zero, 1, &pair), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_rv(generate(session, 2048, zero, 0, &pair), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_rv(generate(session, 2048, longest, sizeof longest, &pair), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_rv(generate(session, 4096, eight, sizeof eight, &pair), CKR_ATTRIBUTE_VALUE_INVALID);
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0}, with = {CKM_RSA_PKCS_KEY_PAIR_GEN, out, 1};
    CK_ULONG right = 2048;
    CK_ATTRIBUTE bits_only = ATTRIBUTE(CKA_MODULUS_BITS, right);
    assert_rv(p11->C_GenerateKeyPair(session, &mechanism, NULL, 0, NULL, 0, &pair.public_key, &pair.private_key),
        CKR_TEMPLATE_INCOMPLETE);
    assert_rv(p11->C_GenerateKeyPair(session, &with, &bits_only, 1, NULL, 0, &pair.public_key, &pair.private_key),
        CKR_MECHANISM_PARAM_INVALID);
    CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
    CK_KEY_TYPE type = CKK_RSA;
    for (int i = 0; i < 2; i++) {
        CK_ATTRIBUTE wanted[] = {ATTRIBUTE(CKA_CLASS, classes[i]), ATTRIBUTE(CKA_KEY_TYPE, type)};
        assert_int_equal(module_find(session, wanted, 2, NULL), 0); /* no half is left behind */
    }
}

/* --- import --- */

static void assert_whole(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const struct rsa_outside *outside)
{
    for (int i = 0; i < 3; i++)
        assert_number(session, key, &outside->numbers[i]);
    assert_openssl_accepts(session, key);
    assert_signs(session, key, outside->pkey);
    EVP_PKEY *info = public_info(session, key);
    assert_int_equal(EVP_PKEY_eq(info, outside->pkey), 1);
    EVP_PKEY_free(info);
}

static void keys_are_imported_with_any_of_their_numbers(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_outside *outside = rsa_outside(2048);
    /* n, e, d, p, q, dp, dq, qinv from the lowest bit on; n and d are always there */
    static const unsigned rows[] = {
        RSA_ALL, RSA_WITHOUT_PRIMES, RSA_BARE, 0x1f, 0x1d, 0x0f, 0x17, 0x0d, 0x15, 0x7f, 0xfd};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CK_OBJECT_HANDLE key = 0;
        assert_ok(rsa_create(session, outside, true, rows[i], sign_use, &key));
        assert_whole(session, key, outside);
        if (rows[i] == RSA_ALL)
            for (int j = 0; j < RSA_NUMBERS; j++)
                assert_number(session, key, &outside->numbers[j]);
    }
}

/* Without the public exponent and the primes, only the exponent that everybody uses is found. */
static void a_key_without_its_exponent_may_lack_too_much(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    static const unsigned char three[] = {3};
    struct rsa_pair pair;
    struct rsa_outside key = {0};
    CK_OBJECT_HANDLE handle = 0;
    assert_ok(generate(session, 2048, three, 1, &pair));
    for (int i = 0; i < RSA_NUMBERS; i++) {
        key.numbers[i] = rsa_outside(2048)->numbers[i];
        key.numbers[i].size = get(session, pair.private_key, key.numbers[i].type, key.numbers[i].bytes);
    }
    assert_rv(rsa_create(session, &key, true, RSA_BARE, sign_use, &handle), CKR_TEMPLATE_INCOMPLETE);
    assert_ok(rsa_create(session, &key, true, RSA_WITHOUT_PRIMES, sign_use, &handle));
    assert_ok(rsa_create(session, &key, true, 0x1d, sign_use, &handle)); /* the primes say what it is */
    assert_number(session, handle, &key.numbers[1]);
    assert_openssl_accepts(session, handle);
}

static void leading_zeroes_are_taken_off(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_outside *outside = rsa_outside(2048), wide = *outside;
    CK_OBJECT_HANDLE key = 0;
    for (int i = 0; i < RSA_NUMBERS; i++) {
        struct rsa_number *number = &wide.numbers[i];
        memmove(number->bytes + 3, number->bytes, number->size);
        memset(number->bytes, 0, 3);
        number->size += 3;
    }
    assert_ok(rsa_create(session, &wide, true, RSA_ALL, sign_use, &key));
    for (int i = 0; i < RSA_NUMBERS; i++)
        assert_number(session, key, &outside->numbers[i]);
    assert_ok(rsa_create(session, &wide, false, RSA_PUBLIC, verify_use, &key));
    assert_number(session, key, &outside->numbers[0]);
    assert_number(session, key, &outside->numbers[1]);
    assert_int_equal(module_ulong(session, key, CKA_MODULUS_BITS), 2048);
}

static void numbers_that_do_not_belong_together_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_outside *outside = rsa_outside(2048);
    CK_OBJECT_HANDLE key = 0;
    for (int i = 0; i < RSA_NUMBERS; i++) {
        struct rsa_outside wrong = *outside;
        wrong.numbers[i].bytes[wrong.numbers[i].size / 2] ^= 4;
        assert_rv(rsa_create(session, &wrong, true, RSA_ALL, sign_use, &key), CKR_ATTRIBUTE_VALUE_INVALID);
        assert_int_equal(key, 0);
        if (i < 3)
            assert_rv(
                rsa_create(session, &wrong, true, RSA_WITHOUT_PRIMES, sign_use, &key), CKR_ATTRIBUTE_VALUE_INVALID);
        if (i == 0 || i == 2)
            assert_rv(rsa_create(session, &wrong, true, RSA_BARE, sign_use, &key), CKR_TEMPLATE_INCOMPLETE);
    }
    struct rsa_outside swapped = *outside, trivial = *outside;
    swapped.numbers[3] = outside->numbers[4];
    swapped.numbers[3].type = CKA_PRIME_1;
    assert_rv(rsa_create(session, &swapped, true, RSA_ALL, sign_use, &key), CKR_ATTRIBUTE_VALUE_INVALID); /* p = q */
    trivial.numbers[3].size = 1;
    trivial.numbers[3].bytes[0] = 1;
    trivial.numbers[4] = outside->numbers[0];
    trivial.numbers[4].type = CKA_PRIME_2;
    assert_rv(rsa_create(session, &trivial, true, 0x1f, sign_use, &key), CKR_ATTRIBUTE_VALUE_INVALID); /* 1 × n */
    trivial.numbers[2].size = 1;
    trivial.numbers[2].bytes[0] = 0;
    assert_rv(rsa_create(session, &trivial, true, RSA_WITHOUT_PRIMES, sign_use, &key), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void public_keys_are_judged_too(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_outside *outside = rsa_outside(2048);
    CK_OBJECT_HANDLE key = 0;
    static const struct {
        int number;
        unsigned long size;
        unsigned char first, last;
    } rows[] = {
        {0, 256, 0x80, 0},  /* an even modulus */
        {0, 127, 0x80, 1},  /* too short */
        {0, 1025, 0x80, 1}, /* too long */
        {0, 1, 0, 0},       /* zero */
        {1, 1, 1, 1},       /* exponents: 1, even, zero, too long */
        {1, 3, 1, 0},
        {1, 1, 0, 0},
        {1, 33, 1, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rsa_outside wrong = *outside;
        struct rsa_number *number = &wrong.numbers[rows[i].number];
        memset(number->bytes, 0, sizeof number->bytes);
        number->size = rows[i].size;
        number->bytes[0] = rows[i].first;
        number->bytes[rows[i].size - 1] = rows[i].last;
        assert_rv(rsa_create(session, &wrong, false, RSA_PUBLIC, verify_use, &key), CKR_ATTRIBUTE_VALUE_INVALID);
    }
    assert_rv(rsa_create(session, outside, false, 1, verify_use, &key), CKR_TEMPLATE_INCOMPLETE);
    assert_ok(rsa_create(session, outside, false, RSA_PUBLIC, verify_use, &key));
    EVP_PKEY *info = public_info(session, key);
    assert_int_equal(EVP_PKEY_eq(info, outside->pkey), 1);
    EVP_PKEY_free(info);
}

static void the_largest_key_works(void **state)
{
    const struct module_fixture *fixture = *state;
    struct rsa_outside largest, *outside = &largest;
    FILE *file = fopen(RSA_8192, "r"); /* made by `openssl genpkey`: it takes a minute */
    assert_non_null(file);
    EVP_PKEY *pkey = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    (void)fclose(file);
    assert_non_null(pkey);
    rsa_outside_read(pkey, outside);
    CK_OBJECT_HANDLE key = 0;
    assert_ok(rsa_create(fixture->session, outside, true, RSA_ALL, sign_use, &key));
    assert_signs(fixture->session, key, outside->pkey);
    assert_ok(rsa_create(fixture->session, outside, true, RSA_WITHOUT_PRIMES, sign_use, &key));
    assert_signs(fixture->session, key, outside->pkey);
    EVP_PKEY_free(pkey);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(generated_pairs_are_whole),
        MODULE_TEST(no_other_sizes_and_exponents_are_generated),
        MODULE_TEST(keys_are_imported_with_any_of_their_numbers),
        MODULE_TEST(a_key_without_its_exponent_may_lack_too_much),
        MODULE_TEST(leading_zeroes_are_taken_off),
        MODULE_TEST(numbers_that_do_not_belong_together_are_refused),
        MODULE_TEST(public_keys_are_judged_too),
        MODULE_TEST(the_largest_key_works),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
