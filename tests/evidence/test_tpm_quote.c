#include "support/test.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "quote_maker.h"
#include "support/vectors.h"

static struct test_p256 key, other_key;

struct made {
    struct quote_maker maker;
    struct bulla_tpm_evidence evidence;
    struct bulla_tpm_claims claims;
};

static void make(struct made *made)
{
    quote_maker_make(&made->maker, &key, &made->evidence);
}

static enum bulla_reason verify(struct made *made)
{
    return bulla_tpm_evidence_verify(&made->evidence, BULLA_BYTES(made->maker.name), &made->claims);
}

static struct bulla_bytes document_of(const struct bulla_tpm_evidence *evidence, uint8_t memory[static 8192])
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, memory, 8192);
    assert_int_equal(bulla_tpm_evidence_write(evidence, &writer), BULLA_OK);
    return bulla_writer_bytes(&writer);
}

static void a_quote_of_the_pinned_key_is_taken_with_its_claims(void **state)
{
    (void)state;
    struct made made;
    quote_maker_init(&made.maker);
    make(&made);
    assert_int_equal(verify(&made), BULLA_OK);
    assert_true(bulla_bytes_equal(bulla_tpm_name_bytes(&made.claims.key_name), BULLA_BYTES(made.maker.name)));
    assert_int_equal(made.claims.bank, BULLA_SHA256);
    assert_true(
        bulla_bytes_equal(made.claims.extra_data, (struct bulla_bytes){made.maker.extra_data, made.maker.extra_size}));
    assert_int_equal(made.claims.pcr_mask, 0x800081);
    assert_int_equal(made.claims.clock, 123456789);
    assert_int_equal(made.claims.reset_count, 17);
    assert_int_equal(made.claims.restart_count, 3);
    assert_true(made.claims.clock_safe);
    assert_int_equal(made.claims.firmware, UINT64_C(0x2020060400000001));
    assert_int_equal(bulla_tpm_evidence_verify(&made.evidence, BULLA_UNPINNED, &made.claims), BULLA_OK);
}

/* What a key signs is only as good as the key: with everything signed properly, each lie by itself. */
struct lie {
    const char *name;
    void (*tell)(struct quote_maker *maker);
    enum bulla_reason reason;
};

static void magic_zero(struct quote_maker *maker)
{
    maker->magic = 0;
}
static void another_magic(struct quote_maker *maker)
{
    maker->magic = 0xff544348;
}
static void type_certify(struct quote_maker *maker)
{
    maker->type = 0x8017;
}
static void no_signer(struct quote_maker *maker)
{
    maker->signer_size = 0;
}
static void signer_is_a_handle(struct quote_maker *maker)
{
    maker->signer_size = 4;
}
static void not_restricted(struct quote_maker *maker)
{
    maker->attributes &= ~(uint32_t)(1 << 16);
}
static void not_fixed_tpm(struct quote_maker *maker)
{
    maker->attributes &= ~(uint32_t)(1 << 1);
}
static void not_fixed_parent(struct quote_maker *maker)
{
    maker->attributes &= ~(uint32_t)(1 << 4);
}
static void imported(struct quote_maker *maker)
{
    maker->attributes &= ~(uint32_t)(1 << 5);
}
static void not_signing(struct quote_maker *maker)
{
    maker->attributes &= ~(uint32_t)(1 << 18);
}
static void decrypting(struct quote_maker *maker)
{
    maker->attributes |= 1 << 17;
}
static void another_nonce(struct quote_maker *maker)
{
    maker->extra_data[31] ^= 1;
}
static void no_nonce(struct quote_maker *maker)
{
    maker->extra_size = 0;
}
static void a_longer_nonce(struct quote_maker *maker)
{
    maker->extra_size = 33;
}
static void one_pcr_less(struct quote_maker *maker)
{
    maker->mask &= 0x7fffff;
}
static void one_pcr_more(struct quote_maker *maker)
{
    maker->mask |= 2;
}
static void no_pcr(struct quote_maker *maker)
{
    maker->mask = 0;
}
/* The same, with a digest that is right for the PCRs selected: the values in the document are of others. */
static void one_pcr_less_and_its_digest(struct quote_maker *maker)
{
    uint8_t values[64];
    one_pcr_less(maker);
    memcpy(values, maker->pcrs[0], 32);
    memcpy(values + 32, maker->pcrs[7], 32);
    SHA256(values, sizeof values, maker->digest);
    maker->digest_size = 32;
    maker->digest_told = true;
}
static void one_pcr_more_and_its_digest(struct quote_maker *maker)
{
    uint8_t values[128];
    one_pcr_more(maker);
    memcpy(values, maker->pcrs[0], 32);
    memcpy(values + 32, maker->pcrs[1], 32);
    memcpy(values + 64, maker->pcrs[7], 32);
    memcpy(values + 96, maker->pcrs[23], 32);
    SHA256(values, sizeof values, maker->digest);
    maker->digest_size = 32;
    maker->digest_told = true;
}
static void no_pcr_and_its_digest(struct quote_maker *maker)
{
    no_pcr(maker);
    SHA256((const uint8_t *)"", 0, maker->digest);
    maker->digest_size = 32;
    maker->digest_told = true;
}
static void an_unknown_bank(struct quote_maker *maker)
{
    maker->bank = 0x0012; /* SM3 */
}
static void sha1_bank(struct quote_maker *maker)
{
    maker->bank = 0x0004;
}
static void an_extra_bank(struct quote_maker *maker)
{
    maker->banks = 2;
}
static void no_bank(struct quote_maker *maker)
{
    maker->banks = 0;
}
static void another_digest(struct quote_maker *maker)
{
    memset(maker->digest, 0x80, 32);
    maker->digest_size = 32;
    maker->digest_told = true;
}
static void a_pcr_changed(struct quote_maker *maker)
{
    const unsigned given[] = {0, 7, 23};
    uint8_t values[96];
    for (size_t i = 0; i < 3; i++)
        memcpy(values + 32 * i, maker->pcrs[given[i]], 32);
    SHA256(values, sizeof values, maker->digest);
    maker->digest_size = 32;
    maker->digest_told = true;
    maker->pcrs[7][31] ^= 1;
}
static void trailing_byte(struct quote_maker *maker)
{
    maker->trailing = 1;
}
static void trailing_bytes(struct quote_maker *maker)
{
    maker->trailing = 16;
}

static const struct lie lies[] = {
    {"magic 0", magic_zero, BULLA_MALFORMED},
    {"another magic", another_magic, BULLA_MALFORMED},
    {"not a quote", type_certify, BULLA_MALFORMED},
    {"no qualified signer", no_signer, BULLA_EVIDENCE_MISMATCH},
    {"a handle for a signer", signer_is_a_handle, BULLA_EVIDENCE_MISMATCH},
    {"key not restricted", not_restricted, BULLA_EVIDENCE_UNTRUSTED},
    {"key not fixedTPM", not_fixed_tpm, BULLA_EVIDENCE_UNTRUSTED},
    {"key not fixedParent", not_fixed_parent, BULLA_EVIDENCE_UNTRUSTED},
    {"key made elsewhere", imported, BULLA_EVIDENCE_UNTRUSTED},
    {"key not for signing", not_signing, BULLA_EVIDENCE_UNTRUSTED},
    {"key that decrypts", decrypting, BULLA_EVIDENCE_UNTRUSTED},
    {"another nonce", another_nonce, BULLA_EVIDENCE_MISMATCH},
    {"no nonce", no_nonce, BULLA_EVIDENCE_MISMATCH},
    {"a longer nonce", a_longer_nonce, BULLA_EVIDENCE_MISMATCH},
    {"a PCR less", one_pcr_less, BULLA_EVIDENCE_MISMATCH},
    {"a PCR more", one_pcr_more, BULLA_EVIDENCE_MISMATCH},
    {"no PCR", no_pcr, BULLA_EVIDENCE_MISMATCH},
    {"a PCR less, digest right", one_pcr_less_and_its_digest, BULLA_EVIDENCE_MISMATCH},
    {"a PCR more, digest right", one_pcr_more_and_its_digest, BULLA_EVIDENCE_MISMATCH},
    {"no PCR, digest right", no_pcr_and_its_digest, BULLA_EVIDENCE_MISMATCH},
    {"an unknown bank", an_unknown_bank, BULLA_EVIDENCE_MISMATCH},
    {"the SHA-1 bank", sha1_bank, BULLA_UNSUPPORTED},
    {"an extra bank", an_extra_bank, BULLA_EVIDENCE_MISMATCH},
    {"no bank", no_bank, BULLA_EVIDENCE_MISMATCH},
    {"another digest", another_digest, BULLA_EVIDENCE_MISMATCH},
    {"a PCR changed", a_pcr_changed, BULLA_EVIDENCE_MISMATCH},
    {"a trailing byte", trailing_byte, BULLA_TRAILING},
    {"trailing bytes", trailing_bytes, BULLA_TRAILING},
};

static void a_quote_that_lies_is_refused_though_properly_signed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct made made;
        quote_maker_init(&made.maker);
        lies[i].tell(&made.maker);
        make(&made);
        enum bulla_reason reason = verify(&made);
        if (reason != lies[i].reason)
            print_error("%s: %s (%s)\n", lies[i].name, bulla_reason_code(reason), bulla_detail());
        assert_int_equal(reason, lies[i].reason);
        assert_int_equal(made.claims.pcr_mask, 0); /* a refused quote claims nothing */
        assert_int_not_equal(bulla_tpm_evidence_verify(&made.evidence, BULLA_UNPINNED, &made.claims), BULLA_OK);
    }
}

static void a_report_that_is_no_report_is_refused_though_bound(void **state)
{
    (void)state;
    struct made made;
    quote_maker_init(&made.maker);
    static const uint8_t text[] = "not CBOR";
    bulla_report_digest(BULLA_BYTES(text), made.maker.extra_data);
    make(&made);
    made.evidence.report = BULLA_BYTES(text);
    assert_int_not_equal(verify(&made), BULLA_OK);
}

static void a_quote_cut_at_any_length_is_refused(void **state)
{
    (void)state;
    struct made made;
    quote_maker_init(&made.maker);
    make(&made);
    struct bulla_bytes *const parts[] = {&made.evidence.attest, &made.evidence.signature, &made.evidence.key};
    for (size_t i = 0; i < 3; i++) {
        struct bulla_bytes whole = *parts[i];
        for (parts[i]->size = 0; parts[i]->size < whole.size; parts[i]->size++)
            assert_int_not_equal(bulla_tpm_evidence_verify(&made.evidence, BULLA_UNPINNED, &made.claims), BULLA_OK);
    }
    assert_int_equal(verify(&made), BULLA_OK);
}

static void a_document_holds_the_key_without_its_size(void **state)
{
    (void)state;
    struct made made;
    uint8_t sized[1024];
    quote_maker_init(&made.maker);
    make(&made);
    sized[0] = (uint8_t)(made.evidence.key.size >> 8);
    sized[1] = (uint8_t)made.evidence.key.size;
    memcpy(sized + 2, made.evidence.key.data, made.evidence.key.size);
    made.evidence.key = (struct bulla_bytes){sized, made.evidence.key.size + 2};
    assert_int_equal(verify(&made), BULLA_MALFORMED);
}

static void another_keys_signature_is_refused(void **state)
{
    (void)state;
    struct made made, forged;
    quote_maker_init(&made.maker);
    quote_maker_init(&forged.maker);
    make(&made);
    quote_maker_make(&forged.maker, &other_key, &forged.evidence);
    made.evidence.signature = forged.evidence.signature;
    assert_int_equal(verify(&made), BULLA_SIGNATURE);
    assert_int_equal(bulla_tpm_evidence_verify(&made.evidence, BULLA_UNPINNED, &made.claims), BULLA_SIGNATURE);
}

static void a_consistent_quote_of_a_key_that_is_not_pinned_is_untrusted(void **state)
{
    (void)state;
    struct made made, forged;
    quote_maker_init(&made.maker);
    quote_maker_init(&forged.maker);
    make(&made);
    quote_maker_make(&forged.maker, &other_key, &forged.evidence);
    assert_int_equal(bulla_tpm_evidence_verify(&forged.evidence, BULLA_UNPINNED, &forged.claims), BULLA_OK);
    assert_int_equal(bulla_tpm_evidence_verify(&forged.evidence, BULLA_BYTES(made.maker.name), &forged.claims),
        BULLA_EVIDENCE_UNTRUSTED);
    made.maker.name[33] ^= 1;
    assert_int_equal(verify(&made), BULLA_EVIDENCE_UNTRUSTED);
}

static void a_key_off_the_curve_is_refused(void **state)
{
    (void)state;
    struct made made;
    quote_maker_init(&made.maker);
    make(&made);
    made.maker.key[made.evidence.key.size - 1] ^= 1;
    assert_int_equal(bulla_tpm_evidence_verify(&made.evidence, BULLA_UNPINNED, &made.claims), BULLA_KEY_INVALID);
}

/* -- the document -- */

static void a_document_reads_back_as_it_was(void **state)
{
    (void)state;
    struct made made;
    struct bulla_tpm_evidence read;
    uint8_t memory[8192];
    quote_maker_init(&made.maker);
    make(&made);
    assert_int_equal(bulla_tpm_evidence_read(document_of(&made.evidence, memory), &read), BULLA_OK);
    assert_true(bulla_bytes_equal(read.attest, made.evidence.attest));
    assert_true(bulla_bytes_equal(read.signature, made.evidence.signature));
    assert_true(bulla_bytes_equal(read.key, made.evidence.key));
    assert_true(bulla_bytes_equal(read.report, made.evidence.report));
    assert_int_equal(read.pcr_mask, made.evidence.pcr_mask);
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++)
        assert_true(!(read.pcr_mask >> pcr & 1) || memcmp(read.values[pcr], made.evidence.values[pcr], 32) == 0);
    assert_int_equal(bulla_tpm_evidence_verify(&read, BULLA_BYTES(made.maker.name), &made.claims), BULLA_OK);
}

static bool accepted(struct bulla_bytes document, struct bulla_bytes name)
{
    struct bulla_tpm_evidence read;
    struct bulla_tpm_claims claims;
    return bulla_tpm_evidence_read(document, &read) == BULLA_OK &&
           bulla_tpm_evidence_verify(&read, name, &claims) == BULLA_OK;
}

static void no_changed_byte_of_a_document_is_accepted(void **state)
{
    (void)state;
    struct made made;
    uint8_t memory[8192];
    quote_maker_init(&made.maker);
    make(&made);
    struct bulla_bytes document = document_of(&made.evidence, memory);
    assert_true(accepted(document, BULLA_BYTES(made.maker.name)));
    for (size_t i = 0; i < document.size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            memory[i] ^= (uint8_t)(1u << bit);
            if (accepted(document, BULLA_BYTES(made.maker.name)))
                fail_msg("accepted with bit %u of byte %zu changed", bit, i);
            memory[i] ^= (uint8_t)(1u << bit);
        }
    }
    for (size_t size = 0; size < document.size; size++)
        assert_false(accepted((struct bulla_bytes){memory, size}, BULLA_BYTES(made.maker.name)));
    memory[document.size] = 0;
    assert_false(accepted((struct bulla_bytes){memory, document.size + 1}, BULLA_BYTES(made.maker.name)));
}

/* By hand: {0: format, 1: 'a', 2: 's', 3: 'k', 4: mask, 5: [values], 6: 'r'}. */
#define HEAD                                                                                                           \
    "a7"                                                                                                               \
    "00"                                                                                                               \
    "74"                                                                                                               \
    "62756c6c612f312074706d2d65766964656e6365"                                                                         \
    "0141"                                                                                                             \
    "61"                                                                                                               \
    "0241"                                                                                                             \
    "73"                                                                                                               \
    "0341"                                                                                                             \
    "6b"
#define PCR                                                                                                            \
    "5820"                                                                                                             \
    "1111111111111111111111111111111111111111111111111111111111111111"
static void only_the_documents_own_form_is_read(void **state)
{
    (void)state;
    static const char right[] = HEAD "0402"
                                     "0581" PCR "0641"
                                     "72";
    static const char *const wrong[] = {
        HEAD "0400"
             "0580"
             "0641"
             "72", /* no PCR */
        HEAD "041a01000000"
             "0581" PCR "0641"
             "72", /* PCR 24 */
        HEAD "0402"
             "0580"
             "0641"
             "72", /* a value less than the mask says */
        HEAD "0402"
             "0582" PCR PCR "0641"
             "72", /* one more */
        HEAD "0402"
             "05814100"
             "0641"
             "72", /* a value of one byte */
        HEAD "0402"
             "058100"
             "0641"
             "72", /* a value that is a number */
        HEAD "0402"
             "0581" PCR "0640", /* an empty report */
        HEAD "0402"
             "0581" PCR "0661"
             "72", /* a report that is text */
        HEAD "0402"
             "0581" PCR "0741"
             "72", /* an unknown key */
        "a600"
        "74"
        "62756c6c612f312074706d2d65766964656e6365"
        "0141"
        "61"
        "0241"
        "73"
        "0341"
        "6b"
        "0402"
        "0581" PCR,
        "a700"
        "74"
        "62756c6c612f312074706d2d65766964656e6366"
        "0141"
        "61"
        "0241"
        "73"
        "0341"
        "6b"
        "0402"
        "0581" PCR "0641"
        "72",
        "80",
        "",
    };
    uint8_t bytes[1024];
    struct bulla_tpm_evidence read;
    size_t size = test_hex(right, bytes, sizeof bytes);
    assert_int_equal(bulla_tpm_evidence_read((struct bulla_bytes){bytes, size}, &read), BULLA_OK);
    assert_int_equal(read.pcr_mask, 2);
    assert_int_equal(read.values[1][31], 0x11);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        size = test_hex(wrong[i], bytes, sizeof bytes);
        assert_int_not_equal(bulla_tpm_evidence_read((struct bulla_bytes){bytes, size}, &read), BULLA_OK);
    }
}

static void what_would_not_be_read_is_not_written(void **state)
{
    (void)state;
    struct made made;
    uint8_t memory[8192], large[2048] = {0};
    struct bulla_writer writer;
    quote_maker_init(&made.maker);
    make(&made);
    made.evidence.pcr_mask = 1 << 24;
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_equal(bulla_tpm_evidence_write(&made.evidence, &writer), BULLA_ARGUMENT);
    made.evidence.pcr_mask = 0;
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_not_equal(bulla_tpm_evidence_write(&made.evidence, &writer), BULLA_OK);
    make(&made);
    made.evidence.attest = BULLA_BYTES(large);
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_not_equal(bulla_tpm_evidence_write(&made.evidence, &writer), BULLA_OK);
    make(&made);
    bulla_writer_open(&writer, memory, 100);
    assert_int_equal(bulla_tpm_evidence_write(&made.evidence, &writer), BULLA_BUFFER_SMALL);
    static uint8_t zeros[BULLA_EVIDENCE_LARGEST + 1];
    assert_int_equal(bulla_tpm_evidence_read(BULLA_BYTES(zeros), &made.evidence), BULLA_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quote_of_the_pinned_key_is_taken_with_its_claims),
        cmocka_unit_test(a_quote_that_lies_is_refused_though_properly_signed),
        cmocka_unit_test(a_report_that_is_no_report_is_refused_though_bound),
        cmocka_unit_test(a_quote_cut_at_any_length_is_refused),
        cmocka_unit_test(a_document_holds_the_key_without_its_size),
        cmocka_unit_test(another_keys_signature_is_refused),
        cmocka_unit_test(a_consistent_quote_of_a_key_that_is_not_pinned_is_untrusted),
        cmocka_unit_test(a_key_off_the_curve_is_refused),
        cmocka_unit_test(a_document_reads_back_as_it_was),
        cmocka_unit_test(no_changed_byte_of_a_document_is_accepted),
        cmocka_unit_test(only_the_documents_own_form_is_read),
        cmocka_unit_test(what_would_not_be_read_is_not_written),
    };
    test_p256_make(&key);
    test_p256_make(&other_key);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_p256_free(&key);
    test_p256_free(&other_key);
    return failed;
}
