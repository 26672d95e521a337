/* Quotes by each kind of key over each bank, and one after another. The keys are OpenSSL's, the structures the maker's.
 */
#include "support/test.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#include "quote_maker.h"

static const struct quote_scheme schemes[] = {
    {"P-256, SHA-256", 0x0023, 0x0018, 0x000b, 0x000b, 3},
    {"P-256, SHA-512, name by SHA-384", 0x0023, 0x0018, 0x000d, 0x000c, 3},
    {"P-384, SHA-384", 0x0023, 0x0018, 0x000c, 0x000b, 4},
    {"P-384, SHA-384, name by SHA-384", 0x0023, 0x0018, 0x000c, 0x000c, 4},
    {"RSASSA 2048, SHA-256", 0x0001, 0x0014, 0x000b, 0x000b, 2048},
    {"RSASSA 3072, SHA-384", 0x0001, 0x0014, 0x000c, 0x000b, 3072},
    {"RSASSA 4096, SHA-512", 0x0001, 0x0014, 0x000d, 0x000b, 4096},
    {"RSAPSS 2048, SHA-256", 0x0001, 0x0016, 0x000b, 0x000c, 2048},
    {"RSAPSS 3072, SHA-384", 0x0001, 0x0016, 0x000c, 0x000b, 3072},
    {"RSAPSS 4096, SHA-512", 0x0001, 0x0016, 0x000d, 0x000b, 4096},
};
enum { SCHEMES = sizeof schemes / sizeof schemes[0] };
static EVP_PKEY *p256, *p384, *rsa[3];

static EVP_PKEY *key_of(const struct quote_scheme *scheme)
{
    if (scheme->type == 0x0023)
        return scheme->size == 4 ? p384 : p256;
    return rsa[scheme->size / 1024 - 2];
}

struct made {
    struct quote_maker maker;
    struct bulla_tpm_evidence evidence;
    struct bulla_tpm_claims claims;
};

static enum bulla_reason verify(struct made *made)
{
    return bulla_tpm_evidence_verify(
        &made->evidence, (struct bulla_bytes){made->maker.full_name, made->maker.full_name_size}, &made->claims);
}

static void make(struct made *made, const struct quote_scheme *scheme, uint16_t bank)
{
    quote_maker_init(&made->maker);
    made->maker.bank = bank;
    quote_maker_make_by(&made->maker, key_of(scheme), scheme, &made->evidence);
}

static void assert_good(struct made *made, const char *name)
{
    enum bulla_reason reason = verify(made);
    if (reason != BULLA_OK)
        fail_msg("%s: %s (%s)", name, bulla_reason_code(reason), bulla_detail());
    assert_true(bulla_bytes_equal(bulla_tpm_name_bytes(&made->claims.key_name),
        (struct bulla_bytes){made->maker.full_name, made->maker.full_name_size}));
}

static void every_kind_of_key_is_taken_and_no_other_signature(void **state)
{
    (void)state;
    for (size_t i = 0; i < SCHEMES; i++) {
        struct made made;
        make(&made, &schemes[i], 0x000b);
        assert_good(&made, schemes[i].name);
        made.maker.signature[made.evidence.signature.size - 1] ^= 1;
        assert_int_not_equal(verify(&made), BULLA_OK);
        made.maker.signature[made.evidence.signature.size - 1] ^= 1;
        made.maker.attest[60] ^= 1; /* the nonce's middle */
        assert_int_equal(verify(&made), BULLA_SIGNATURE);
        made.maker.attest[60] ^= 1;
        assert_good(&made, schemes[i].name);
    }
}

/* The signature says another scheme or hash than the key; it is never asked what it would have meant. */
static void a_signature_of_another_scheme_than_the_keys_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < SCHEMES; i++) {
        struct made made;
        make(&made, &schemes[i], 0x000b);
        made.maker.signature[1] = schemes[i].scheme == 0x0014 ? 0x16 : 0x14;
        assert_int_equal(verify(&made), BULLA_EVIDENCE_MISMATCH);
        made.maker.signature[1] = (uint8_t)schemes[i].scheme;
        static const uint8_t hashes[] = {0x04, 0x0b, 0x0c, 0x0d, 0x10};
        for (size_t j = 0; j < sizeof hashes; j++) {
            made.maker.signature[3] = hashes[j];
            assert_int_equal(verify(&made), hashes[j] == schemes[i].hash ? BULLA_OK : BULLA_EVIDENCE_MISMATCH);
        }
    }
}

static void every_bank_but_sha_1_is_taken(void **state)
{
    (void)state;
    static const struct {
        uint16_t algorithm;
        size_t size;
    } banks[] = {{0x000b, 32}, {0x000c, 48}, {0x000d, 64}};
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < SCHEMES; j += 3) {
            struct made made;
            make(&made, &schemes[j], banks[i].algorithm);
            assert_good(&made, schemes[j].name);
            assert_int_equal(made.claims.bank, made.evidence.bank);
            assert_int_equal(bulla_tpm_evidence_pcr(&made.evidence, 7).size, banks[i].size);
            made.evidence.values[7][banks[i].size - 1] ^= 1;
            assert_int_equal(verify(&made), BULLA_EVIDENCE_MISMATCH);
        }
    struct made made;
    make(&made, &schemes[0], 0x0004);
    assert_int_equal(made.evidence.bank, BULLA_SHA1);
    assert_int_equal(verify(&made), BULLA_UNSUPPORTED);
}

static void a_document_names_its_bank_unless_it_is_sha_256(void **state)
{
    (void)state;
    static const uint16_t banks[] = {0x0004, 0x000b, 0x000c, 0x000d};
    for (size_t i = 0; i < 4; i++) {
        struct made made, again;
        uint8_t memory[BULLA_EVIDENCE_LARGEST];
        struct bulla_writer writer;
        make(&made, &schemes[0], banks[i]);
        bulla_writer_open(&writer, memory, sizeof memory);
        assert_int_equal(bulla_tpm_evidence_write(&made.evidence, &writer), BULLA_OK);
        struct bulla_bytes document = bulla_writer_bytes(&writer);
        assert_int_equal(document.data[0], banks[i] == 0x000b ? 0xa7 : 0xa8);
        if (banks[i] != 0x000b) {
            assert_int_equal(document.data[document.size - 2], 7); /* the field; and its number in one byte */
            assert_int_equal(document.data[document.size - 1], banks[i]);
        }
        again.maker = made.maker;
        assert_int_equal(bulla_tpm_evidence_read(document, &again.evidence), BULLA_OK);
        assert_int_equal(again.evidence.bank, made.evidence.bank);
        assert_int_equal(verify(&again), banks[i] == 0x0004 ? BULLA_UNSUPPORTED : BULLA_OK);
        if (banks[i] == 0x000c) {
            static const uint8_t others[] = {0x04, 0x0b, 0x0d, 0x12, 0x00};
            for (size_t j = 0; j < sizeof others; j++) {
                memory[document.size - 1] = others[j];
                assert_int_not_equal(bulla_tpm_evidence_read(document, &again.evidence), BULLA_OK);
            }
        }
    }
}

/* -- one after another -- */

static struct bulla_tpm_claims at(uint32_t resets, uint32_t restarts, uint64_t clock, bool safe)
{
    struct bulla_tpm_claims claims = {
        .reset_count = resets, .restart_count = restarts, .clock = clock, .clock_safe = safe, .firmware = 7};
    claims.key_name.size = 34;
    return claims;
}

static void what_went_back_is_stale(void **state)
{
    (void)state;
    static const struct {
        uint32_t resets, restarts;
        uint64_t clock;
        bool safe;
        enum bulla_reason reason;
    } later[] = {
        {5, 2, 1000, true, BULLA_OK}, /* the same again */
        {5, 2, 1001, true, BULLA_OK},
        {5, 3, 1001, true, BULLA_OK},
        {6, 0, 1001, true, BULLA_OK},
        {6, 0, 900, false, BULLA_OK}, /* cut off: the clock lost what was not saved */
        {6, 0, 900, true, BULLA_EVIDENCE_STALE},
        {5, 2, 999, true, BULLA_EVIDENCE_STALE},
        {5, 2, 999, false, BULLA_EVIDENCE_STALE}, /* nothing was restarted */
        {5, 1, 1001, true, BULLA_EVIDENCE_STALE},
        {4, 2, 1001, true, BULLA_EVIDENCE_STALE},
        {4, 9, 1001, false, BULLA_EVIDENCE_STALE},
    };
    /* Counts are shifted by a number of the key: the same story, round zero. */
    static const uint32_t shifts[] = {0, 0xfffffffa, 0xfffffffd, 0x7ffffffa};
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        for (size_t j = 0; j < 4; j++) {
            struct bulla_tpm_claims first = at(5 + shifts[j], 2 + shifts[j], 1000, true);
            struct bulla_tpm_claims second =
                at(later[i].resets + shifts[j], later[i].restarts + shifts[j], later[i].clock, later[i].safe);
            assert_int_equal(bulla_tpm_claims_follow(&first, &second), later[i].reason);
        }
}

static void two_keys_tell_nothing_of_each_other(void **state)
{
    (void)state;
    struct bulla_tpm_claims first = at(5, 2, 1000, true), second = first;
    second.key_name.bytes[33] = 1;
    assert_int_equal(bulla_tpm_claims_follow(&first, &second), BULLA_EVIDENCE_UNTRUSTED);
    second = first;
    second.key_name.size = 50;
    assert_int_equal(bulla_tpm_claims_follow(&first, &second), BULLA_EVIDENCE_UNTRUSTED);
    first.key_name.size = second.key_name.size = 0; /* claims of nothing */
    assert_int_equal(bulla_tpm_claims_follow(&first, &second), BULLA_EVIDENCE_UNTRUSTED);
}

static void firmware_is_what_the_caller_lists(void **state)
{
    (void)state;
    static const uint64_t with[] = {1, 7}, without[] = {1, 8};
    struct bulla_tpm_claims claims = at(0, 0, 0, true);
    assert_int_equal(bulla_tpm_firmware_check(&claims, with, 2), BULLA_OK);
    assert_int_equal(bulla_tpm_firmware_check(&claims, without, 2), BULLA_EVIDENCE_TCB);
    assert_int_equal(bulla_tpm_firmware_check(&claims, with, 0), BULLA_EVIDENCE_TCB);
}

/* Generating one of 4096 bits may take many seconds. */
static EVP_PKEY *key_read(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    (void)fclose(file);
    return key;
}

static int begin(void **state)
{
    (void)state;
    p256 = EVP_EC_gen("P-256");
    p384 = EVP_EC_gen("P-384");
    rsa[0] = EVP_RSA_gen(2048);
    rsa[1] = EVP_RSA_gen(3072);
    rsa[2] = key_read(BULLA_SOURCE_FOLDER "/tests/evidence/rsa_4096.pem");
    return p256 && p384 && rsa[0] && rsa[1] && rsa[2] ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    EVP_PKEY_free(p256);
    EVP_PKEY_free(p384);
    for (unsigned i = 0; i < 3; i++)
        EVP_PKEY_free(rsa[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_key_is_taken_and_no_other_signature),
        cmocka_unit_test(a_signature_of_another_scheme_than_the_keys_is_refused),
        cmocka_unit_test(every_bank_but_sha_1_is_taken),
        cmocka_unit_test(a_document_names_its_bank_unless_it_is_sha_256),
        cmocka_unit_test(what_went_back_is_stale),
        cmocka_unit_test(two_keys_tell_nothing_of_each_other),
        cmocka_unit_test(firmware_is_what_the_caller_lists),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
