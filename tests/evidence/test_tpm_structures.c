#include "support/test.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/tpm_structures.h"
#include "keylime.h"
#include "support/vectors.h"

static struct bulla_bytes bytes_of(const char *hex, uint8_t memory[static 1024])
{
    return (struct bulla_bytes){memory, test_hex(hex, memory, 1024)};
}

struct change {
    size_t at;
    uint8_t value;
    enum bulla_reason reason;
};

/* Read off the hex by the tables of TPM 2.0 Library Part 2, sections 10.11.1, 10.12.8 and 10.12.12. */
static void a_third_partys_quote_is_read(void **state)
{
    (void)state;
    uint8_t memory[1024], expected[64];
    struct bulla_tpm_attest attest;
    assert_int_equal(bulla_tpm_attest_read(bytes_of(keylime_attest, memory), &attest), BULLA_OK);
    test_hex("000b7ca54a622c87f30888b6da66f51e4a31ccb723cad8daa111a5006b44342dd623", expected, sizeof expected);
    assert_int_equal(attest.qualified_signer.size, 34);
    assert_memory_equal(attest.qualified_signer.data, expected, 34);
    test_hex("db1db298db6d60e6385b7231743e9c3056a18003", expected, sizeof expected);
    assert_int_equal(attest.extra_data.size, 20);
    assert_memory_equal(attest.extra_data.data, expected, 20);
    assert_int_equal(attest.clock, 0x176a);
    assert_int_equal(attest.reset_count, 0);
    assert_int_equal(attest.restart_count, 0);
    assert_true(attest.clock_safe);
    assert_int_equal(attest.firmware, UINT64_C(0x2016051100162800));
    assert_int_equal(attest.pcr_mask, 1 << 15 | 1 << 16 | 1 << 22);
}

static void its_pcr_digest_is_that_of_its_values(void **state)
{
    (void)state;
    uint8_t memory[1024], values[1024], digest[32];
    struct bulla_tpm_attest attest;
    assert_int_equal(bulla_tpm_attest_read(bytes_of(keylime_attest, memory), &attest), BULLA_OK);
    SHA256(values, test_hex(keylime_pcrs, values, sizeof values), digest);
    assert_int_equal(attest.pcr_digest.size, 32);
    assert_memory_equal(attest.pcr_digest.data, digest, 32);
}

static void its_keys_name_is_the_one_published(void **state)
{
    (void)state;
    uint8_t memory[1024], expected[1024];
    struct bulla_tpm_name name;
    assert_int_equal(bulla_tpm_public_name(bytes_of(keylime_public, memory), &name), BULLA_OK);
    assert_int_equal(test_hex(keylime_name, expected, sizeof expected), name.size);
    assert_memory_equal(name.bytes, expected, name.size);
    memory[3] = 0x04; /* nameAlg SHA-1 */
    assert_int_equal(bulla_tpm_public_name((struct bulla_bytes){memory, 10}, &name), BULLA_UNSUPPORTED);
    assert_int_equal(bulla_tpm_public_name((struct bulla_bytes){memory, 3}, &name), BULLA_TRUNCATED);
}

static void its_rsa_key_and_signature_are_read(void **state)
{
    (void)state;
    uint8_t memory[1024], second[1024];
    struct bulla_tpm_public key;
    struct bulla_tpm_signature signature;
    struct bulla_bytes area = bytes_of(keylime_public, memory);
    assert_int_equal(bulla_tpm_public_read(area, &key), BULLA_OK);
    assert_int_equal(key.kind, BULLA_PUBLIC_RSA);
    assert_int_equal(key.scheme, BULLA_TPM_RSASSA);
    assert_int_equal(key.scheme_hash, BULLA_SHA256);
    assert_int_equal(key.attributes, 0x00050072);
    struct bulla_public_key public = bulla_tpm_public_key(&key);
    assert_int_equal(public.exponent, 65537);
    assert_int_equal(public.value.size, 256);
    assert_ptr_equal(public.value.data, area.data + area.size - 256);
    assert_int_equal(bulla_tpm_signature_read(bytes_of(keylime_signature, second), &key, &signature), BULLA_OK);
    assert_int_equal(signature.signature.padding, BULLA_PADDING_PKCS1);
    assert_int_equal(signature.signature.value.size, 256);
    assert_memory_equal(signature.value, second + 6, 256);
}

static void an_rsa_key_of_another_kind_is_refused(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {1, 0x08, BULLA_UNSUPPORTED},  /* keyed hash */
        {3, 0x04, BULLA_UNSUPPORTED},  /* name by SHA-1 */
        {11, 0x06, BULLA_UNSUPPORTED}, /* AES, whose bits are then what the scheme was */
        {13, 0x15, BULLA_UNSUPPORTED}, /* RSAES */
        {13, 0x18, BULLA_UNSUPPORTED}, /* ECDSA by an RSA key */
        {15, 0x04, BULLA_UNSUPPORTED}, /* SHA-1 */
        {16, 0x04, BULLA_UNSUPPORTED}, /* 1024 bits */
        {16, 0x0c, BULLA_MALFORMED},   /* 3072 bits of which 2048 are there */
        {21, 0x03, BULLA_UNSUPPORTED}, /* exponent 3 */
        {24, 0x2b, BULLA_MALFORMED},   /* a modulus whose highest bit is clear */
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t memory[1024];
        struct bulla_tpm_public key;
        struct bulla_bytes bytes = bytes_of(keylime_public, memory);
        assert_int_not_equal(memory[changes[i].at], changes[i].value);
        memory[changes[i].at] = changes[i].value;
        enum bulla_reason reason = bulla_tpm_public_read(bytes, &key);
        if (reason != changes[i].reason)
            fail_msg("byte %zu: %s", changes[i].at, bulla_reason_code(reason));
    }
}

/* Every length but the right one is refused, and read no further than it reaches (the copies are exact: ASan sees). */
static void no_cut_quote_is_read(void **state)
{
    (void)state;
    uint8_t memory[1024];
    struct bulla_bytes whole = bytes_of(keylime_attest, memory);
    struct bulla_tpm_attest attest;
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        assert_non_null(copy);
        memcpy(copy, whole.data, size);
        assert_int_not_equal(bulla_tpm_attest_read((struct bulla_bytes){copy, size}, &attest), BULLA_OK);
        free(copy);
    }
    memory[whole.size] = 0;
    assert_int_equal(bulla_tpm_attest_read((struct bulla_bytes){memory, whole.size + 1}, &attest), BULLA_TRAILING);
}

static void what_is_no_quote_of_one_bank_is_refused(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {0, 0x00, BULLA_MALFORMED},            /* magic */
        {4, 0x00, BULLA_MALFORMED},            /* type, high byte */
        {5, 0x17, BULLA_MALFORMED},            /* type: TPM_ST_ATTEST_CERTIFY */
        {0x50, 0x02, BULLA_MALFORMED},         /* safe: neither yes nor no */
        {0x5c, 0x02, BULLA_EVIDENCE_MISMATCH}, /* two banks */
        {0x5c, 0x00, BULLA_EVIDENCE_MISMATCH}, /* none */
        {0x5e, 0x12, BULLA_EVIDENCE_MISMATCH}, /* SM3 */
        {0x5f, 0x04, BULLA_EVIDENCE_MISMATCH}, /* 32 PCRs */
        {0x5f, 0x02, BULLA_EVIDENCE_MISMATCH}, /* 16 PCRs */
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t memory[1024];
        struct bulla_tpm_attest attest;
        struct bulla_bytes bytes = bytes_of(keylime_attest, memory);
        assert_int_not_equal(memory[changes[i].at], changes[i].value);
        memory[changes[i].at] = changes[i].value;
        assert_int_equal(bulla_tpm_attest_read(bytes, &attest), changes[i].reason);
    }
}

/* TPMT_PUBLIC put together by hand: ECC, SHA-256, attributes, no policy, no symmetric algorithm, ECDSA with SHA-256,
 * P-256, no KDF, x and y (sections 12.2.4, 12.2.3.6, 11.2.5.1). */
static const char public_area[] = "0023"
                                  "000b"
                                  "00050072"
                                  "0000"
                                  "0010"
                                  "0018"
                                  "000b"
                                  "0003"
                                  "0010"
                                  "0020"
                                  "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                                  "0020"
                                  "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

static void an_ecc_key_is_read(void **state)
{
    (void)state;
    uint8_t memory[1024];
    struct bulla_tpm_public key;
    assert_int_equal(bulla_tpm_public_read(bytes_of(public_area, memory), &key), BULLA_OK);
    assert_int_equal(key.attributes, 0x00050072);
    assert_int_equal(key.point[0], 4);
    assert_memory_equal(key.point + 1, memory + 22, 32);
    assert_memory_equal(key.point + 33, memory + 56, 32);
}

static void an_ecc_key_of_another_kind_is_refused(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {1, 0x25, BULLA_UNSUPPORTED},  /* symmetric key */
        {3, 0x0d, BULLA_UNSUPPORTED},  /* name by SHA-512 */
        {4, 0x80, BULLA_MALFORMED},    /* a reserved attribute */
        {7, 0x73, BULLA_MALFORMED},    /* another */
        {11, 0x06, BULLA_UNSUPPORTED}, /* a storage key's AES */
        {13, 0x1a, BULLA_UNSUPPORTED}, /* ECDAA */
        {15, 0x04, BULLA_UNSUPPORTED}, /* SHA-1 */
        {17, 0x05, BULLA_UNSUPPORTED}, /* P-521 */
        {19, 0x20, BULLA_UNSUPPORTED}, /* a KDF */
        {20, 0x01, BULLA_MALFORMED},   /* a coordinate of 288 bytes */
    };
    uint8_t memory[1024];
    struct bulla_tpm_public key;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct bulla_bytes bytes = bytes_of(public_area, memory);
        memset(memory + bytes.size, 0, sizeof memory - bytes.size);
        bytes.size += changes[i].at == 20 ? 256 : 0;
        assert_int_not_equal(memory[changes[i].at], changes[i].value);
        memory[changes[i].at] = changes[i].value;
        assert_int_equal(bulla_tpm_public_read(bytes, &key), changes[i].reason);
    }
    struct bulla_bytes whole = bytes_of(public_area, memory);
    for (size_t size = 0; size < whole.size; size++)
        assert_int_equal(bulla_tpm_public_read((struct bulla_bytes){memory, size}, &key), BULLA_TRUNCATED);
    memory[whole.size] = 0;
    assert_int_equal(bulla_tpm_public_read((struct bulla_bytes){memory, whole.size + 1}, &key), BULLA_TRAILING);
}

static enum bulla_reason read_signature(const char *hex, struct bulla_tpm_signature *signature)
{
    uint8_t memory[1024], of_signature[1024];
    struct bulla_tpm_public key;
    assert_int_equal(bulla_tpm_public_read(bytes_of(public_area, memory), &key), BULLA_OK);
    return bulla_tpm_signature_read(bytes_of(hex, of_signature), &key, signature);
}

static void a_signatures_short_integers_keep_their_value(void **state)
{
    (void)state;
    uint8_t expected[64] = {0};
    struct bulla_tpm_signature signature;
    assert_int_equal(read_signature("0018000b0001070002abcd", &signature), BULLA_OK);
    expected[31] = 0x07;
    expected[62] = 0xab;
    expected[63] = 0xcd;
    assert_int_equal(signature.signature.value.size, 64);
    assert_memory_equal(signature.signature.value.data, expected, 64);
}

static void a_signature_of_another_kind_is_refused(void **state)
{
    (void)state;
    static const char whole[] = "0018000b0001070002abcd";
    struct bulla_tpm_signature signature;
    for (size_t size = 0; size < sizeof whole - 1; size += 2) {
        char cut[sizeof whole] = "";
        memcpy(cut, whole, size);
        assert_int_equal(read_signature(cut, &signature), BULLA_TRUNCATED);
    }
    assert_int_equal(read_signature("0018000b0001070002abcd00", &signature), BULLA_TRAILING);
    assert_int_equal(read_signature("0018000400010700017d", &signature), BULLA_EVIDENCE_MISMATCH);
    assert_int_equal(read_signature("0010000b00010700017d", &signature), BULLA_EVIDENCE_MISMATCH);
    assert_int_equal(read_signature("0018000b000000017d", &signature), BULLA_MALFORMED);
    assert_int_equal(read_signature("0018000b"
                                    "0021000000000000000000000000000000000000000000000000000000000000000001"
                                    "0001"
                                    "01",
                         &signature),
        BULLA_MALFORMED);
}

/* The public area of an endorsement key by template L-2, with a point in place of the empty one. */
static void a_key_that_protects_others_has_no_scheme(void **state)
{
    (void)state;
    static const char endorsement[] = "0023"
                                      "000b"
                                      "000300b2"
                                      "0020"
                                      "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
                                      "000600800043"
                                      "0010"
                                      "0003"
                                      "0010"
                                      "0020"
                                      "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                                      "0020"
                                      "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    uint8_t memory[1024], of_signature[1024];
    struct bulla_tpm_public key;
    struct bulla_tpm_signature signature;
    assert_int_equal(bulla_tpm_public_read(bytes_of(endorsement, memory), &key), BULLA_OK);
    assert_int_equal(key.aes_bits, 128);
    assert_int_equal(key.scheme, BULLA_TPM_NO_SCHEME);
    assert_int_equal(key.auth_policy.size, 32);
    assert_int_equal(bulla_tpm_signature_read(bytes_of("0018000b0001070002abcd", of_signature), &key, &signature),
        BULLA_UNSUPPORTED);
}

/* 2 + 88 bytes: the size in front, or not. */
static void a_tpm2b_is_unwrapped_and_nothing_else(void **state)
{
    (void)state;
    uint8_t memory[1024], wrapped[1024];
    struct bulla_bytes area = bytes_of(public_area, memory);
    wrapped[0] = 0;
    wrapped[1] = (uint8_t)area.size;
    memcpy(wrapped + 2, area.data, area.size);
    assert_true(bulla_bytes_equal(bulla_tpm_public_area(area), area));
    assert_true(bulla_bytes_equal(bulla_tpm_public_area((struct bulla_bytes){wrapped, area.size + 2}), area));
    assert_int_equal(bulla_tpm_public_area((struct bulla_bytes){wrapped, area.size + 1}).size, area.size + 1);
    assert_int_equal(bulla_tpm_public_area((struct bulla_bytes){wrapped, 1}).size, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_third_partys_quote_is_read),
        cmocka_unit_test(its_pcr_digest_is_that_of_its_values),
        cmocka_unit_test(its_keys_name_is_the_one_published),
        cmocka_unit_test(its_rsa_key_and_signature_are_read),
        cmocka_unit_test(an_rsa_key_of_another_kind_is_refused),
        cmocka_unit_test(no_cut_quote_is_read),
        cmocka_unit_test(what_is_no_quote_of_one_bank_is_refused),
        cmocka_unit_test(an_ecc_key_is_read),
        cmocka_unit_test(an_ecc_key_of_another_kind_is_refused),
        cmocka_unit_test(a_signatures_short_integers_keep_their_value),
        cmocka_unit_test(a_signature_of_another_kind_is_refused),
        cmocka_unit_test(a_key_that_protects_others_has_no_scheme),
        cmocka_unit_test(a_tpm2b_is_unwrapped_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
