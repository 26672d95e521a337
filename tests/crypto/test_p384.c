/* ECDSA on P-384 by two libraries, against OpenSSL alone. Published figures: RFC 6979 A.2.6 (message "sample")
 * and Wycheproof (C2SP/wycheproof, testvectors/ecdsa_secp384r1_sha384_test.json).
 *
 *   test_p384 [ROUNDS]     so many random keys; default 100 */
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/certificate_inside.h"
#include "p384_sample.h"
#include "support/vectors.h"

static size_t rounds = 100;

static void published_signatures_verify_without_openssl(void **state)
{
    (void)state;
    static const struct {
        const char *message, *point, *pair;
    } rows[] = {
        {"sample",
            "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13"
            "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
            "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"
            "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8"},
        /* tcId 340, u2 = 1 */
        {"123400",
            "04e78fe2c11beac7090ee0af7fed469a8ccebd3cccc4ee9fccc8ef3fc0455b69aaa082dc13e1d84f34026cb6f0af9e992f"
            "f34ebba71bf3a4050bf28e4084b5c5f5d4098ec46f10a31b02fb4bf20cc9362f6f02a66e802f817507535fac3ec0b099",
            "55555555555555555555555555555555555555555555555542766f2b5167b9f51d5e0490c2e58d28f9a40878eeec6326"
            "55555555555555555555555555555555555555555555555542766f2b5167b9f51d5e0490c2e58d28f9a40878eeec6326"},
        /* tcId 341, u2 = n − 1 */
        {"123400",
            "04ee24ab8a34d05af684939357f32759cc5a14f3c717529a20aea8e0c5965d8a41e68925f688471994b72021ba51b28c09"
            "0a55693c92ad0cbae9edcf515e2b4c060b888d82c81e4a3b6a173b62ed04a46fa95db1a2f3949980fba2e371263c4fa9",
            "55555555555555555555555555555555555555555555555542766f2b5167b9f51d5e0490c2e58d28f9a40878eeec6326"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa84ecde56a2cf73ea3abc092185cb1a51f34810f1ddd8c64d"},
        /* tcId 376, an extreme k */
        {"123400",
            "040fd1aab89f47b565b8160dfcc433b6408adeb1473c036b26b7ddec714fb4d0e7dd756c88469e86e218813ead8e8e7676"
            "f1cc955c4139e0071c0079ec1d77164e0569bdf453837e8b33c98535a0e7c9c61ef24762067bb46b6116ea7909a69b23",
            "08d999057ba3d2d969260045c55b97f089025959a6f434d651d207d19fb96e9e4fe0e86ebe0e64f85b96a9c75295df61"
            "0eb10e5ab95f2f26a40700b1300fb8c3e754d5c453d9384ecce1daa38135a48a0a96c24efc2a76d00bde1d7aeedf7f6a"},
        /* tcId 380, an extreme k and 1/s */
        {"123400",
            "04036b253e3b4ac88bb8585a2b32b978766a931e5ad0d0e653a2e34b44d6ddcc0d386e20c4def2d8bb3f8da128c1eac69f"
            "9c8e3b5ff5dde2205af359b3974d52758d7abae812b8b275e1452c4e59cb62e9b6771d347dbd1dea761c70291cc5e0a6",
            "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"
            "99999999999999999999999999999999999999999999999977a1fb4df8ede852ce760837c536cae35af40f4014764c12"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sample sample;
        const struct bulla_bytes text = {(const uint8_t *)rows[i].message, strlen(rows[i].message)};
        (void)test_hex(rows[i].point, sample.point, sizeof sample.point);
        (void)test_hex(rows[i].pair, sample.pair, sizeof sample.pair);
        sample_hash(&sample, text);
        assert_true(bulla_p384_verifies(sample.point, sample.pair, digest_of(&sample)));
        assert_int_equal(sample_verify(&sample, text), BULLA_OK);
        sample.digest[0] ^= 1;
        judged_alike(&sample, false);
    }
}

static void flip_one_bit(uint8_t *bytes, size_t size)
{
    bytes[(size_t)rand() % size] ^= (uint8_t)(1 << rand() % 8);
}

static void random_signatures_are_judged_alike(void **state)
{
    (void)state;
    for (size_t i = 0; i < rounds; i++) {
        struct sample sample;
        struct sample changed;
        sample_make(&sample);
        assert_true(bulla_p384_verifies(sample.point, sample.pair, digest_of(&sample)));
        message_judged_alike(&sample, BULLA_OK);
        changed = sample;
        flip_one_bit(changed.pair, sizeof changed.pair);
        message_judged_alike(&changed, BULLA_SIGNATURE);
        changed = sample;
        flip_one_bit(changed.point + 1, sizeof changed.point - 1);
        message_judged_alike(&changed, BULLA_KEY_INVALID);
        changed = sample;
        flip_one_bit(changed.digest, sizeof changed.digest);
        judged_alike(&changed, false);
    }
}

/* An X.509 signature of the message in these bytes. */
static enum bulla_reason verify_der(const struct sample *sample, struct bulla_bytes der, long unused_bits)
{
    const struct bulla_public_key key = {.kind = BULLA_PUBLIC_P384, .value = BULLA_BYTES(sample->point)};
    X509_ALGOR *algorithm = X509_ALGOR_new();
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    assert_int_equal(X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_ecdsa_with_SHA384), V_ASN1_UNDEF, NULL), 1);
    assert_int_equal(ASN1_BIT_STRING_set(bits, (unsigned char *)(uintptr_t)der.data, (int)der.size), 1);
    bits->flags = (bits->flags & ~7L) | unused_bits;
    enum bulla_reason reason = bulla_x509_verify(&key, algorithm, bits, sample_message);
    ASN1_BIT_STRING_free(bits);
    X509_ALGOR_free(algorithm);
    return reason;
}

/* A signature whose r needs a leading zero and whose s needs none. */
static void sample_with_one_high_number(struct sample *sample)
{
    do
        sample_make(sample);
    while (!(sample->pair[0] & 0x80) || (sample->pair[FIELD] & 0x80) || sample->pair[FIELD] == 0);
}

static void a_signature_has_one_encoding(void **state)
{
    (void)state;
    struct sample sample;
    static const struct {
        const char *before, *between, *after;
        enum bulla_reason reason;
        long unused_bits;
    } rows[] = {
        {"3065023100", "0230", "", BULLA_OK, 0}, {"3065023100", "0230", "", BULLA_MALFORMED, 1},
        {"30640230", "0230", "", BULLA_MALFORMED, 0},     /* r is negative */
        {"306602320000", "0230", "", BULLA_MALFORMED, 0}, /* a zero too many before r */
        {"3066023100", "023100", "", BULLA_MALFORMED, 0}, /* and before s */
        {"308165023100", "0230", "", BULLA_MALFORMED, 0}, /* longer lengths than are needed */
        {"306602813100", "0230", "", BULLA_MALFORMED, 0},
        {"3080023100", "0230", "0000", BULLA_MALFORMED, 0},   /* an indefinite length */
        {"3065023100", "0230", "00", BULLA_MALFORMED, 0},     /* bytes behind the end */
        {"3068023100", "0230", "020100", BULLA_MALFORMED, 0}, /* a third number */
        {"3066023101", "0230", "", BULLA_MALFORMED, 0},       /* a length that is none */
        {"3065023101", "0230", "", BULLA_MALFORMED, 0},       /* r of 385 bits */
        {"3165023100", "0230", "", BULLA_MALFORMED, 0},       /* a set */
        {"3065023100", "0430", "", BULLA_MALFORMED, 0},       /* an octet string */
        {"3065023100", "0231", "", BULLA_MALFORMED, 0},       /* cut off */
    };
    sample_with_one_high_number(&sample);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t der[128];
        size_t size = test_hex(rows[i].before, der, sizeof der);
        memcpy(der + size, sample.pair, FIELD);
        size += FIELD;
        size += test_hex(rows[i].between, der + size, sizeof der - size);
        memcpy(der + size, sample.pair + FIELD, FIELD);
        size += FIELD;
        size += test_hex(rows[i].after, der + size, sizeof der - size);
        assert_int_equal(verify_der(&sample, (struct bulla_bytes){der, size}, rows[i].unused_bits), rows[i].reason);
    }
}

/* GMP ends a process that it gets no memory in. */
static void a_process_without_memory_gets_an_answer(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* its malloc ends the process itself */
#endif
    struct sample sample;
    sample_make(&sample);
    assert_int_equal(sample_verify(&sample, sample_message), BULLA_OK);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit nothing = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &nothing);
        (void)setrlimit(RLIMIT_AS, &nothing);
        for (size_t size = 1 << 20; size >= 16; size /= 2)
            while (malloc(size))
                continue;
        bool verifies = bulla_p384_verifies(sample.point, sample.pair, digest_of(&sample));
        _exit(!verifies && sample_verify(&sample, sample_message) == BULLA_OUT_OF_MEMORY ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        rounds = strtoul(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_signatures_verify_without_openssl),
        cmocka_unit_test(random_signatures_are_judged_alike),
        cmocka_unit_test(a_signature_has_one_encoding),
        cmocka_unit_test(a_process_without_memory_gets_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
