/* Quotes as other tools make them: keylime's, with an RSASSA key, and by tpm2-tools with four kinds of keys and banks.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/tpm_quote.h"
#include "support/vectors.h"
#include "tpm_vectors.h"

struct made {
    uint8_t attest[TPM_VECTOR_LARGEST], signature[TPM_VECTOR_LARGEST], key[TPM_VECTOR_LARGEST],
        pcrs[TPM_VECTOR_LARGEST];
    uint8_t name[TPM_VECTOR_LARGEST], nonce[64], values[BULLA_PCR_COUNT][BULLA_HASH_LARGEST];
    struct bulla_tpm_quote quote;
    struct bulla_bytes trusted, file;
    struct bulla_tpm_claims claims;
};
static struct made keylime, tools, p256, p384, rsa3072;
static struct made *const all[] = {&keylime, &tools, &p256, &p384, &rsa3072};
enum { ALL = sizeof all / sizeof all[0] };

static void load(struct made *made, const char *who, const char *nonce)
{
    struct {
        const char *name;
        uint8_t *memory;
        struct bulla_bytes *bytes;
    } files[] = {
        {"quote", made->attest, &made->quote.attest},
        {"signature", made->signature, &made->quote.signature},
        {"ak.pub", made->key, &made->quote.key},
        {"ak.name", made->name, &made->trusted},
        {"pcrs", made->pcrs, &made->file},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s-%s", who, files[i].name);
        *files[i].bytes = tpm_vector(name, files[i].memory);
    }
    made->quote.nonce = (struct bulla_bytes){made->nonce, test_hex(nonce, made->nonce, sizeof made->nonce)};
    made->quote.values = (const uint8_t(*)[BULLA_HASH_LARGEST])made->values;
    assert_int_equal(
        bulla_tpm_pcr_file_read(made->file, &made->quote.bank, &made->quote.pcr_mask, made->values), BULLA_OK);
}

static int begin(void **state)
{
    static const char nonce[] = "00112233445566778899aabbccddeeff";
    (void)state;
    load(&keylime, "keylime", "db1db298db6d60e6385b7231743e9c3056a18003");
    load(&tools, "tools-rsapss", nonce);
    load(&p256, "tools-p256", nonce);
    load(&p384, "tools-p384", nonce);
    load(&rsa3072, "tools-rsa3072", nonce);
    return 0;
}

static enum bulla_reason verify(struct made *made)
{
    return bulla_tpm_quote_verify(&made->quote, made->trusted, &made->claims);
}

/* The fields are read off the hex by the tables of TPM 2.0 Library Part 2. */
static void keylimes_quote_verifies_under_its_published_name(void **state)
{
    (void)state;
    uint8_t value[32];
    assert_int_equal(verify(&keylime), BULLA_OK);
    assert_int_equal(keylime.quote.bank, BULLA_SHA256);
    assert_int_equal(keylime.claims.pcr_mask, 1 << 15 | 1 << 16 | 1 << 22);
    assert_int_equal(keylime.claims.clock, 0x176a);
    assert_int_equal(keylime.claims.reset_count, 0);
    assert_true(keylime.claims.clock_safe);
    assert_int_equal(keylime.claims.firmware, UINT64_C(0x2016051100162800));
    assert_true(bulla_bytes_equal(bulla_tpm_name_bytes(&keylime.claims.key_name), keylime.trusted));
    test_hex("9dbb22387e019c04da95477333546082ce313152c4a7f8a6e1d5f0c77f4fb6f0", value, sizeof value);
    assert_memory_equal(keylime.values[16], value, 32); /* as the file's hex has it */
    assert_int_equal(bulla_tpm_quote_verify(&keylime.quote, BULLA_UNPINNED, &keylime.claims), BULLA_OK);
}

/* SHA-256(zeros ‖ 32 bytes of 0x11), by Python's hashlib: what the extended PCR 7 holds. */
static void a_quote_of_tpm2_tools_verifies_with_its_nine_pcrs(void **state)
{
    (void)state;
    uint8_t value[32];
    assert_int_equal(verify(&tools), BULLA_OK);
    assert_int_equal(tools.claims.pcr_mask, 0x8000ff);
    test_hex("8878b15a7d6a3a4f464e8f9f42591dbc0cf4bedea0ec309003d2b2ee53655ef8", value, sizeof value);
    assert_memory_equal(tools.values[7], value, 32);
    assert_true(bulla_bytes_equal(bulla_tpm_name_bytes(&tools.claims.key_name), tools.trusted));
}

/* SHA-384(48 zero bytes, 48 bytes of 0x11), by Python's hashlib. Digests of quotes go by the key's hash, not the
 * bank's. */
static void a_quote_goes_by_its_keys_hash_over_any_bank(void **state)
{
    (void)state;
    uint8_t value[48];
    assert_int_equal(verify(&p256), BULLA_OK);
    assert_int_equal(p256.claims.bank, BULLA_SHA384);
    assert_int_equal(p256.claims.pcr_mask, 1 << 0 | 1 << 7 | 1 << 16 | 1 << 17 | 1 << 23);
    test_hex("c7304e0aec48bbbc703c099b425485b7a60e19b6a83630b0fb558ce2f02ec41e"
             "4cdf205335b4b613b3537ad83eb62262",
        value, sizeof value);
    assert_memory_equal(p256.values[16], value, 48);
    assert_int_equal(verify(&p384), BULLA_OK);
    assert_int_equal(p384.claims.bank, BULLA_SHA256);
    assert_int_equal(p384.claims.key_name.size, 50);
    assert_int_equal(verify(&rsa3072), BULLA_OK);
    assert_int_equal(rsa3072.claims.bank, BULLA_SHA512);
}

/* Every bit of the two that take a tenth of a millisecond; of the others one bit of each byte. */
static void flip_all(struct made *made, uint8_t *bytes, size_t size, const char *what)
{
    for (size_t i = 0; i < size; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            if (made != &keylime && made != &tools && bit != i % 8)
                continue;
            bytes[i] ^= (uint8_t)(1u << bit);
            if (verify(made) == BULLA_OK)
                fail_msg("%s: bit %u of byte %zu", what, bit, i);
            assert_int_equal(made->claims.pcr_mask, 0);
            bytes[i] ^= (uint8_t)(1u << bit);
        }
    assert_int_equal(verify(made), BULLA_OK);
}

static void no_changed_byte_verifies(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL; i++) {
        flip_all(all[i], all[i]->attest, all[i]->quote.attest.size, "attest");
        flip_all(all[i], all[i]->signature, all[i]->quote.signature.size, "signature");
        flip_all(all[i], all[i]->key, all[i]->quote.key.size, "key");
        flip_all(all[i], all[i]->name, all[i]->trusted.size, "trusted name");
        flip_all(all[i], all[i]->nonce, all[i]->quote.nonce.size, "nonce");
        for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++)
            if (all[i]->quote.pcr_mask >> pcr & 1)
                flip_all(all[i], all[i]->values[pcr], bulla_hash_size(all[i]->quote.bank), "PCR");
    }
}

static void other_pcrs_or_another_bank_are_refused(void **state)
{
    (void)state;
    const uint32_t mask = keylime.quote.pcr_mask;
    for (unsigned pcr = 0; pcr < 32; pcr++) {
        keylime.quote.pcr_mask = mask ^ UINT32_C(1) << pcr;
        assert_int_equal(verify(&keylime), BULLA_EVIDENCE_MISMATCH);
    }
    keylime.quote.pcr_mask = mask;
    static const enum bulla_hash others[] = {BULLA_SHA1, BULLA_SHA384, BULLA_SHA512};
    for (size_t i = 0; i < 3; i++) {
        keylime.quote.bank = others[i];
        assert_int_equal(verify(&keylime), BULLA_EVIDENCE_MISMATCH);
    }
    keylime.quote.bank = BULLA_SHA256;
    assert_int_equal(verify(&keylime), BULLA_OK);
}

/* Copies of their exact size: a sanitizer sees what is read past them. */
static void cut(struct made *made, struct bulla_bytes *part)
{
    struct bulla_bytes whole = *part;
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        assert_non_null(copy);
        memcpy(copy, whole.data, size);
        *part = (struct bulla_bytes){copy, size};
        assert_int_not_equal(verify(made), BULLA_OK);
        free(copy);
    }
    uint8_t *longer = calloc(1, whole.size + 1);
    assert_non_null(longer);
    memcpy(longer, whole.data, whole.size);
    *part = (struct bulla_bytes){longer, whole.size + 1};
    assert_int_not_equal(verify(made), BULLA_OK);
    free(longer);
    *part = whole;
}

static void nothing_cut_or_lengthened_verifies(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL; i++) {
        cut(all[i], &all[i]->quote.attest);
        cut(all[i], &all[i]->quote.signature);
        cut(all[i], &all[i]->quote.key);
        cut(all[i], &all[i]->quote.nonce);
    }
    assert_int_equal(verify(&keylime), BULLA_OK);
}

static void a_key_without_its_size_is_the_same_key(void **state)
{
    (void)state;
    struct bulla_bytes whole = keylime.quote.key;
    keylime.quote.key = (struct bulla_bytes){whole.data + 2, whole.size - 2};
    assert_int_equal(verify(&keylime), BULLA_OK);
    keylime.quote.key = whole;
}

static void a_file_of_pcrs_of_another_form_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
        enum bulla_reason reason;
    } changes[] = {
        {0, 0, BULLA_UNSUPPORTED},     /* no bank */
        {0, 2, BULLA_UNSUPPORTED},     /* two */
        {4, 0x12, BULLA_UNSUPPORTED},  /* SM3 */
        {4, 0x0c, BULLA_MALFORMED},    /* SHA-384 with values of 32 bytes */
        {6, 4, BULLA_MALFORMED},       /* 32 PCRs */
        {8, 0x81, BULLA_MALFORMED},    /* one PCR more than there are values */
        {8, 0x00, BULLA_MALFORMED},    /* one less */
        {10, 1, BULLA_MALFORMED},      /* something in the padding */
        {0x0c, 0x0b, BULLA_MALFORMED}, /* something in a slot that does not count */
        {0x84, 0, BULLA_TRAILING},     /* no list */
        {0x84, 2, BULLA_TRUNCATED},    /* two */
        {0x84, 4, BULLA_MALFORMED},    /* more lists than PCRs need */
        {0x88, 2, BULLA_MALFORMED},    /* two values of three */
        {0x88, 4, BULLA_MALFORMED},    /* four */
        {0x8c, 0x14, BULLA_MALFORMED}, /* a value of another size */
        {0xae, 1, BULLA_MALFORMED},    /* something behind a value */
        {0x29b, 1, BULLA_MALFORMED},   /* something in a slot that does not count */
    };
    enum bulla_hash bank;
    uint32_t mask;
    uint8_t values[BULLA_PCR_COUNT][BULLA_HASH_LARGEST];
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t kept = keylime.pcrs[changes[i].at];
        assert_int_not_equal(kept, changes[i].value);
        keylime.pcrs[changes[i].at] = changes[i].value;
        enum bulla_reason reason = bulla_tpm_pcr_file_read(keylime.file, &bank, &mask, values);
        if (reason != changes[i].reason)
            fail_msg("byte %zu: %s", changes[i].at, bulla_reason_code(reason));
        keylime.pcrs[changes[i].at] = kept;
    }
    for (size_t size = 0; size < keylime.file.size; size++)
        assert_int_equal(
            bulla_tpm_pcr_file_read((struct bulla_bytes){keylime.pcrs, size}, &bank, &mask, values), BULLA_TRUNCATED);
    assert_int_equal(
        bulla_tpm_pcr_file_read((struct bulla_bytes){keylime.pcrs, keylime.file.size + 1}, &bank, &mask, values),
        BULLA_TRAILING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keylimes_quote_verifies_under_its_published_name),
        cmocka_unit_test(a_quote_of_tpm2_tools_verifies_with_its_nine_pcrs),
        cmocka_unit_test(a_quote_goes_by_its_keys_hash_over_any_bank),
        cmocka_unit_test(no_changed_byte_verifies),
        cmocka_unit_test(other_pcrs_or_another_bank_are_refused),
        cmocka_unit_test(nothing_cut_or_lengthened_verifies),
        cmocka_unit_test(a_key_without_its_size_is_the_same_key),
        cmocka_unit_test(a_file_of_pcrs_of_another_form_is_refused),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
