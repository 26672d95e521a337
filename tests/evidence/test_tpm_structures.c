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
    uint8_t memory[1024], expected[1024], name[34];
    bulla_tpm_public_name(bytes_of(keylime_public, memory), name);
    assert_int_equal(test_hex(keylime_name, expected, sizeof expected), sizeof name);
    assert_memory_equal(name, expected, sizeof name);
}

static void its_rsa_key_and_signature_are_refused_by_name(void **state)
{
    (void)state;
    uint8_t memory[1024], signature[64];
    struct bulla_tpm_public key;
    assert_int_equal(bulla_tpm_public_read(bytes_of(keylime_public, memory), &key), BULLA_UNSUPPORTED);
    assert_int_equal(bulla_tpm_signature_read(bytes_of(keylime_signature, memory), signature), BULLA_UNSUPPORTED);
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

struct change {
    size_t at;
    uint8_t value;
    enum bulla_reason reason;
};

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
        {0x5e, 0x04, BULLA_EVIDENCE_MISMATCH}, /* SHA-1 */
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
        {3, 0x0c, BULLA_UNSUPPORTED},  /* name by SHA-384 */
        {4, 0x80, BULLA_MALFORMED},    /* a reserved attribute */
        {7, 0x73, BULLA_MALFORMED},    /* another */
        {11, 0x06, BULLA_UNSUPPORTED}, /* a storage key's AES */
        {13, 0x1a, BULLA_UNSUPPORTED}, /* ECDAA */
        {15, 0x04, BULLA_UNSUPPORTED}, /* SHA-1 */
        {17, 0x04, BULLA_UNSUPPORTED}, /* P-384 */
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

static void a_signatures_short_integers_keep_their_value(void **state)
{
    (void)state;
    uint8_t memory[1024], signature[64], expected[64] = {0};
    assert_int_equal(bulla_tpm_signature_read(bytes_of("0018000b0001070002abcd", memory), signature), BULLA_OK);
    expected[31] = 0x07;
    expected[62] = 0xab;
    expected[63] = 0xcd;
    assert_memory_equal(signature, expected, 64);
}

static void a_signature_of_another_kind_is_refused(void **state)
{
    (void)state;
    uint8_t memory[1024], signature[64];
    static const char whole[] = "0018000b0001070002abcd";
    for (size_t size = 0; size < sizeof whole / 2; size++) {
        (void)bytes_of(whole, memory);
        assert_int_equal(bulla_tpm_signature_read((struct bulla_bytes){memory, size}, signature), BULLA_TRUNCATED);
    }
    assert_int_equal(bulla_tpm_signature_read(bytes_of("0018000b0001070002abcd00", memory), signature), BULLA_TRAILING);
    assert_int_equal(bulla_tpm_signature_read(bytes_of("0018000400010700017d", memory), signature), BULLA_UNSUPPORTED);
    assert_int_equal(bulla_tpm_signature_read(bytes_of("0010000b00010700017d", memory), signature), BULLA_UNSUPPORTED);
    assert_int_equal(bulla_tpm_signature_read(bytes_of("0018000b000000017d", memory), signature), BULLA_MALFORMED);
    assert_int_equal(
        bulla_tpm_signature_read(bytes_of("0018000b"
                                          "0021000000000000000000000000000000000000000000000000000000000000000001"
                                          "0001"
                                          "01",
                                     memory),
            signature),
        BULLA_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_third_partys_quote_is_read),
        cmocka_unit_test(its_pcr_digest_is_that_of_its_values),
        cmocka_unit_test(its_keys_name_is_the_one_published),
        cmocka_unit_test(its_rsa_key_and_signature_are_refused_by_name),
        cmocka_unit_test(no_cut_quote_is_read),
        cmocka_unit_test(what_is_no_quote_of_one_bank_is_refused),
        cmocka_unit_test(an_ecc_key_is_read),
        cmocka_unit_test(an_ecc_key_of_another_kind_is_refused),
        cmocka_unit_test(a_signatures_short_integers_keep_their_value),
        cmocka_unit_test(a_signature_of_another_kind_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
