#include "support/test.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "air.h"
#include "evidence/receipt.h"
#include "signers.h"
#include "support/vectors.h"

static struct test_ed25519 key; /* of AIR's seed */
static const struct bulla_receipt_expectation nothing;

static struct bulla_bytes bytes_of(const char *hex, uint8_t memory[static 1024])
{
    return (struct bulla_bytes){memory, test_hex(hex, memory, 1024)};
}

/* -- AIR's vectors -- */

/* The claims as the vectors' JSON gives them. */
static uint8_t nitro_pcrs[3][48], tdx_pcrs[3][48], tdx_nonce[8] = {0xde, 0xad, 0xbe, 0xef, 0xca, 0xfe, 0xba, 0xbe};

static void air_common(struct bulla_receipt *receipt, uint8_t pcrs[3][48], const char *type)
{
    memset(receipt, 0, sizeof *receipt);
    receipt->issuer = BULLA_TEXT("cyntrisec.com");
    receipt->profile = BULLA_TEXT("https://spec.cyntrisec.com/air/v1");
    receipt->security_mode = BULLA_TEXT("production");
    (void)snprintf(receipt->measurement_type, sizeof receipt->measurement_type, "%s", type);
    receipt->measurement_count = 3;
    for (int i = 0; i < 3; i++) {
        (void)snprintf(receipt->measurements[i].name, sizeof receipt->measurements[i].name, "pcr%d", i & 3);
        receipt->measurements[i].value = BULLA_BYTES(pcrs[i]);
    }
}

static void air_nitro_claims(struct bulla_receipt *receipt)
{
    for (int i = 0; i < 3; i++)
        memset(nitro_pcrs[i], i + 1, 48);
    air_common(receipt, nitro_pcrs, "nitro-pcr");
    receipt->issued_at = 1740500000;
    for (int i = 0; i < 16; i++)
        receipt->id[i] = (uint8_t)(i + 0x01);
    receipt->model_id = BULLA_TEXT("minilm-l6-v2");
    receipt->model_version = BULLA_TEXT("1.0.0");
    memset(receipt->model_hash, 0xaa, 32);
    memset(receipt->request_hash, 0xbb, 32);
    memset(receipt->response_hash, 0xcc, 32);
    memset(receipt->attestation_hash, 0xdd, 32);
    receipt->policy_version = BULLA_TEXT("policy-2026.02");
    receipt->sequence = 42;
    receipt->milliseconds = 116;
    receipt->memory_mb = 512;
}

static void air_tdx_claims(struct bulla_receipt *receipt)
{
    for (int i = 0; i < 3; i++)
        memset(tdx_pcrs[i], 0x10 * (i + 1), 48);
    air_common(receipt, tdx_pcrs, "tdx-mrtd-rtmr");
    receipt->issued_at = 1740500100;
    for (int i = 0; i < 16; i++)
        receipt->id[i] = (uint8_t)(i + 0x11);
    receipt->nonce = BULLA_BYTES(tdx_nonce);
    receipt->model_id = BULLA_TEXT("llama-7b");
    receipt->model_version = BULLA_TEXT("2.0.0");
    memset(receipt->model_hash, 0x55, 32);
    memset(receipt->request_hash, 0x66, 32);
    memset(receipt->response_hash, 0x77, 32);
    memset(receipt->attestation_hash, 0x88, 32);
    receipt->policy_version = BULLA_TEXT("policy-2026.03");
    receipt->sequence = 1;
    receipt->milliseconds = 2500;
    receipt->memory_mb = 8192;
}

static void assert_same(const struct bulla_receipt *left, const struct bulla_receipt *right)
{
    assert_true(bulla_bytes_equal(left->issuer, right->issuer));
    assert_int_equal(left->issued_at, right->issued_at);
    assert_memory_equal(left->id, right->id, 16);
    assert_true(bulla_bytes_equal(left->profile, right->profile));
    assert_true(bulla_bytes_equal(left->nonce, right->nonce));
    assert_true(bulla_bytes_equal(left->model_id, right->model_id));
    assert_true(bulla_bytes_equal(left->model_version, right->model_version));
    assert_memory_equal(left->model_hash, right->model_hash, 32);
    assert_true(bulla_bytes_equal(left->model_hash_scheme, right->model_hash_scheme));
    assert_memory_equal(left->request_hash, right->request_hash, 32);
    assert_memory_equal(left->response_hash, right->response_hash, 32);
    assert_memory_equal(left->attestation_hash, right->attestation_hash, 32);
    assert_string_equal(left->measurement_type, right->measurement_type);
    assert_int_equal(left->measurement_count, right->measurement_count);
    for (size_t i = 0; i < left->measurement_count; i++) {
        assert_string_equal(left->measurements[i].name, right->measurements[i].name);
        assert_true(bulla_bytes_equal(left->measurements[i].value, right->measurements[i].value));
    }
    assert_true(bulla_bytes_equal(left->policy_version, right->policy_version));
    assert_int_equal(left->sequence, right->sequence);
    assert_int_equal(left->milliseconds, right->milliseconds);
    assert_int_equal(left->memory_mb, right->memory_mb);
    assert_true(bulla_bytes_equal(left->security_mode, right->security_mode));
}

static const struct air_valid {
    const char *receipt;
    void (*claims)(struct bulla_receipt *receipt);
} air_valid[] = {{air_nitro, air_nitro_claims}, {air_tdx, air_tdx_claims}};

static void airs_valid_receipts_verify_and_say_what_they_say(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        uint8_t memory[1024], public_key[64];
        struct bulla_receipt read, expected;
        air_valid[i].claims(&expected);
        assert_int_equal(test_hex(air_public, public_key, sizeof public_key), 32);
        assert_int_equal(
            bulla_receipt_verify(bytes_of(air_valid[i].receipt, memory), public_key, &nothing, &read), BULLA_OK);
        assert_same(&read, &expected);
    }
}

static void airs_valid_receipts_are_written_byte_for_byte(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        uint8_t memory[1024], written[BULLA_RECEIPT_LARGEST];
        struct bulla_receipt receipt;
        struct bulla_writer writer;
        struct bulla_bytes expected = bytes_of(air_valid[i].receipt, memory);
        air_valid[i].claims(&receipt);
        bulla_writer_open(&writer, written, sizeof written);
        assert_int_equal(bulla_receipt_write(&receipt, &key.signer, &writer), BULLA_OK);
        assert_int_equal(writer.size, expected.size);
        assert_memory_equal(written, expected.data, expected.size);
    }
}

static void airs_wrong_key_is_refused(void **state)
{
    (void)state;
    uint8_t memory[1024], wrong[32];
    struct bulla_receipt read;
    test_hex(air_wrong_public, wrong, sizeof wrong);
    assert_int_equal(bulla_receipt_verify(bytes_of(air_nitro, memory), wrong, &nothing, &read), BULLA_SIGNATURE);
}

static void airs_zero_model_hash_is_refused_though_properly_signed(void **state)
{
    (void)state;
    uint8_t memory[1024];
    struct bulla_receipt read;
    struct bulla_cose_message message;
    const struct bulla_cose_key public_key = {BULLA_COSE_EDDSA, BULLA_BYTES(key.point)};
    struct bulla_bytes bytes = bytes_of(air_zero_model_hash, memory);
    assert_int_equal(bulla_receipt_verify(bytes, key.point, &nothing, &read), BULLA_RECEIPT_INVALID);
    assert_int_equal(bulla_receipt_read(bytes, &read, &message), BULLA_RECEIPT_INVALID);
    assert_int_equal(bulla_cose_sign1_verify(&message, &public_key, (struct bulla_bytes){NULL, 0}), BULLA_OK);
}

static void airs_nonce_mismatch_is_found(void **state)
{
    (void)state;
    uint8_t memory[1024], nonce[8];
    struct bulla_receipt read;
    struct bulla_receipt_expectation expected = {.nonce = BULLA_BYTES(nonce)};
    test_hex(air_other_nonce, nonce, sizeof nonce);
    assert_int_equal(
        bulla_receipt_verify(bytes_of(air_tdx, memory), key.point, &expected, &read), BULLA_EVIDENCE_MISMATCH);
    /* one that has no nonce at all doesn't meet an expectation of one */
    assert_int_equal(
        bulla_receipt_verify(bytes_of(air_nitro, memory), key.point, &expected, &read), BULLA_EVIDENCE_MISMATCH);
    expected.nonce = BULLA_BYTES(tdx_nonce);
    assert_int_equal(bulla_receipt_verify(bytes_of(air_tdx, memory), key.point, &expected, &read), BULLA_OK);
}

static void airs_stale_receipt_is_found(void **state)
{
    (void)state;
    uint8_t memory[1024];
    struct bulla_receipt read;
    struct bulla_bytes bytes = bytes_of(air_nitro, memory);
    struct bulla_receipt_expectation expected = {.now = AIR_STALE_NOW, .oldest_seconds = AIR_STALE_SECONDS};
    assert_int_equal(bulla_receipt_verify(bytes, key.point, &expected, &read), BULLA_EVIDENCE_MISMATCH);
    static const struct {
        uint64_t now;
        enum bulla_reason reason;
    } times[] = {
        {1740500000 + 3601, BULLA_EVIDENCE_MISMATCH},
        {1740500000 + 3600, BULLA_OK},
        {1740500000, BULLA_OK},
        {1740500000 - 60, BULLA_OK},
        {1740500000 - 61, BULLA_EVIDENCE_MISMATCH},
        {1, BULLA_EVIDENCE_MISMATCH},
        {UINT64_MAX, BULLA_EVIDENCE_MISMATCH},
    };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        expected.now = times[i].now;
        assert_int_equal(bulla_receipt_verify(bytes, key.point, &expected, &read), times[i].reason);
    }
    expected.now = 0; /* an age without a clock would check nothing */
    assert_int_equal(bulla_receipt_verify(bytes, key.point, &expected, &read), BULLA_ARGUMENT);
}

/* -- bulla's own -- */

static uint8_t tpm_pcrs[24][32];

static void own_claims(struct bulla_receipt *receipt)
{
    memset(receipt, 0, sizeof *receipt);
    receipt->issuer = BULLA_TEXT("bulla:0123456789abcdef");
    receipt->issued_at = 1800000000;
    memset(receipt->id, 0x4f, sizeof receipt->id);
    receipt->id[8] = 0x80;
    receipt->profile = BULLA_TEXT(BULLA_RECEIPT_PROFILE);
    receipt->nonce = BULLA_BYTES(tdx_nonce);
    receipt->model_id = BULLA_TEXT("6d69");
    receipt->model_version = BULLA_TEXT("1");
    memset(receipt->model_hash, 1, 32);
    receipt->model_hash_scheme = BULLA_TEXT("sha256-manifest");
    memset(receipt->attestation_hash, 2, 32);
    (void)snprintf(receipt->measurement_type, sizeof receipt->measurement_type, "tpm-pcr-sha256");
    receipt->measurement_count = 24;
    for (unsigned i = 0; i < 24; i++) {
        memset(tpm_pcrs[i], (int)i, 32);
        (void)snprintf(receipt->measurements[i].name, sizeof receipt->measurements[i].name, "pcr%u", i % 24);
        receipt->measurements[i].value = BULLA_BYTES(tpm_pcrs[i]);
    }
    receipt->policy_version = BULLA_TEXT("0123456789abcdef/7");
    receipt->sequence = UINT64_MAX;
    receipt->security_mode = BULLA_TEXT("attested");
}

static uint8_t own_memory[BULLA_RECEIPT_LARGEST];

static enum bulla_reason write_own(const struct bulla_receipt *receipt, struct bulla_bytes *bytes)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, own_memory, sizeof own_memory);
    enum bulla_reason reason = bulla_receipt_write(receipt, &key.signer, &writer);
    *bytes = bulla_writer_bytes(&writer);
    return reason;
}

static void a_receipt_of_our_own_reads_back_as_it_was(void **state)
{
    (void)state;
    struct bulla_receipt receipt, read;
    struct bulla_bytes bytes;
    own_claims(&receipt);
    assert_int_equal(write_own(&receipt, &bytes), BULLA_OK);
    /* tag 18, an array of four, the protected header of every receipt, nothing unprotected */
    static const uint8_t head[] = {0xd2, 0x84, 0x46, 0xa2, 0x01, 0x27, 0x03, 0x18, 0x3d, 0xa0};
    assert_memory_equal(bytes.data, head, sizeof head);
    assert_int_equal(bulla_receipt_verify(bytes, key.point, &nothing, &read), BULLA_OK);
    assert_same(&read, &receipt);
    (void)snprintf(receipt.measurement_type, sizeof receipt.measurement_type, "none");
    receipt.measurement_count = 0;
    receipt.security_mode = BULLA_TEXT("unattested");
    receipt.policy_version = BULLA_TEXT("none");
    receipt.nonce = (struct bulla_bytes){NULL, 0};
    memset(receipt.attestation_hash, 0, 32);
    assert_int_equal(write_own(&receipt, &bytes), BULLA_OK);
    assert_int_equal(bulla_receipt_verify(bytes, key.point, &nothing, &read), BULLA_OK);
    assert_same(&read, &receipt);
}

static void no_changed_byte_of_a_receipt_is_accepted(void **state)
{
    (void)state;
    struct bulla_receipt receipt, read;
    struct bulla_bytes bytes;
    own_claims(&receipt);
    assert_int_equal(write_own(&receipt, &bytes), BULLA_OK);
    for (size_t i = 0; i < bytes.size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            own_memory[i] ^= (uint8_t)(1u << bit);
            if (bulla_receipt_verify(bytes, key.point, &nothing, &read) == BULLA_OK)
                fail_msg("accepted with bit %u of byte %zu changed", bit, i);
            own_memory[i] ^= (uint8_t)(1u << bit);
        }
        assert_int_equal(bulla_receipt_verify((struct bulla_bytes){own_memory, i}, key.point, &nothing, &read),
            BULLA_RECEIPT_INVALID);
    }
    own_memory[bytes.size] = 0;
    assert_int_equal(bulla_receipt_verify((struct bulla_bytes){own_memory, bytes.size + 1}, key.point, &nothing, &read),
        BULLA_RECEIPT_INVALID);
}

static void set_type(struct bulla_receipt *receipt, const char *type)
{
    (void)snprintf(receipt->measurement_type, sizeof receipt->measurement_type, "%s", type);
}

/* Claims that may not stand in a receipt, by themselves or beside each other. */
static void wrong_air_over_tpm(struct bulla_receipt *receipt)
{
    receipt->profile = BULLA_TEXT(BULLA_RECEIPT_PROFILE_AIR);
}
static void wrong_air_over_none(struct bulla_receipt *receipt)
{
    wrong_air_over_tpm(receipt);
    set_type(receipt, "none");
    receipt->measurement_count = 0;
}
static void wrong_own_over_nitro(struct bulla_receipt *receipt)
{
    air_nitro_claims(receipt);
    receipt->profile = BULLA_TEXT(BULLA_RECEIPT_PROFILE);
}
static void wrong_own_over_tdx(struct bulla_receipt *receipt)
{
    air_tdx_claims(receipt);
    receipt->profile = BULLA_TEXT(BULLA_RECEIPT_PROFILE);
}
static void wrong_profile(struct bulla_receipt *receipt)
{
    receipt->profile = BULLA_TEXT("https://example.org/receipt");
}
static void wrong_scheme(struct bulla_receipt *receipt)
{
    air_nitro_claims(receipt);
    receipt->model_hash_scheme = BULLA_TEXT("sha256-tree");
}
static void wrong_own_scheme(struct bulla_receipt *receipt)
{
    receipt->model_hash_scheme = BULLA_TEXT("sha256-single");
}
static void wrong_no_own_scheme(struct bulla_receipt *receipt)
{
    receipt->model_hash_scheme.size = 0;
}
static void wrong_zero_hash(struct bulla_receipt *receipt)
{
    memset(receipt->model_hash, 0, 32);
}
static void wrong_mode(struct bulla_receipt *receipt)
{
    receipt->security_mode = BULLA_TEXT("production");
}
static void wrong_attested_by_nothing(struct bulla_receipt *receipt)
{
    memset(receipt->attestation_hash, 0, 32);
}
static void wrong_attested_without_measurements(struct bulla_receipt *receipt)
{
    set_type(receipt, "none");
    receipt->measurement_count = 0;
}
static void wrong_uuid_version(struct bulla_receipt *receipt)
{
    receipt->id[6] = 0x1f;
}
static void wrong_uuid_variant(struct bulla_receipt *receipt)
{
    receipt->id[8] = 0x4f;
}
static void wrong_short_nonce(struct bulla_receipt *receipt)
{
    receipt->nonce.size = 7;
}
static void wrong_long_nonce(struct bulla_receipt *receipt)
{
    receipt->nonce = (struct bulla_bytes){own_memory, 65};
}
static void wrong_no_pcr(struct bulla_receipt *receipt)
{
    receipt->measurement_count = 0;
}
static void wrong_pcr_order(struct bulla_receipt *receipt)
{
    memcpy(receipt->measurements[3].name, "pcr4", 5);
    memcpy(receipt->measurements[4].name, "pcr3", 5);
}
static void wrong_pcr_twice(struct bulla_receipt *receipt)
{
    memcpy(receipt->measurements[4].name, "pcr3", 5);
}
static void wrong_pcr_name(struct bulla_receipt *receipt)
{
    memcpy(receipt->measurements[23].name, "pcr24", 6);
}
static void wrong_pcr_number(struct bulla_receipt *receipt)
{
    receipt->measurement_count = 1;
    memcpy(receipt->measurements[0].name, "pcr00", 6);
}
static void wrong_pcr_size(struct bulla_receipt *receipt)
{
    receipt->measurement_count = 1;
    receipt->measurements[0].value = BULLA_BYTES(nitro_pcrs[0]);
}
static void wrong_nitro_pcr_size(struct bulla_receipt *receipt)
{
    air_nitro_claims(receipt);
    receipt->measurements[0].value = BULLA_BYTES(tpm_pcrs[0]);
}
static void wrong_nitro_pcr_missing(struct bulla_receipt *receipt)
{
    air_nitro_claims(receipt);
    receipt->measurement_count = 2;
}
static void wrong_nitro_pcr2_missing(struct bulla_receipt *receipt)
{
    air_nitro_claims(receipt);
    memcpy(receipt->measurements[2].name, "pcr3", 5);
}
static void wrong_nitro_pcr5(struct bulla_receipt *receipt)
{
    air_nitro_claims(receipt);
    receipt->measurements[3] = receipt->measurements[2];
    memcpy(receipt->measurements[3].name, "pcr5", 5);
    receipt->measurement_count = 4;
}
static void wrong_tdx_pcr8(struct bulla_receipt *receipt)
{
    air_tdx_claims(receipt);
    receipt->measurements[3] = receipt->measurements[2];
    memcpy(receipt->measurements[3].name, "pcr8", 5);
    receipt->measurement_count = 4;
}
static void wrong_type(struct bulla_receipt *receipt)
{
    set_type(receipt, "tpm-pcr-sha384");
}
static void wrong_text(struct bulla_receipt *receipt)
{
    receipt->model_version = (struct bulla_bytes){(const uint8_t *)"\xc0\x80", 2};
}
static void wrong_line_in_model(struct bulla_receipt *receipt)
{
    receipt->model_id = BULLA_TEXT("x\n\001attested\006 by");
}
static void wrong_escape_in_version(struct bulla_receipt *receipt)
{
    receipt->policy_version = BULLA_TEXT("\x1b[1m0123456789abcdef/7");
}
static void wrong_delete_in_issuer(struct bulla_receipt *receipt)
{
    receipt->issuer = BULLA_TEXT("bulla:0123456789abcdef\x7f");
}
static void wrong_c1_in_model(struct bulla_receipt *receipt)
{
    receipt->model_id = BULLA_TEXT("x\xc2\x9b"
                                   "1m");
}
static void wrong_no_issuer(struct bulla_receipt *receipt)
{
    receipt->issuer.size = 0;
}
static void wrong_count(struct bulla_receipt *receipt)
{
    receipt->measurement_count = 25;
}
static void wrong_unended_type(struct bulla_receipt *receipt)
{
    memset(receipt->measurement_type, 'x', sizeof receipt->measurement_type);
}

static void (*const wrongs[])(struct bulla_receipt *receipt) = {
    wrong_air_over_tpm,
    wrong_air_over_none,
    wrong_own_over_nitro,
    wrong_own_over_tdx,
    wrong_profile,
    wrong_scheme,
    wrong_own_scheme,
    wrong_no_own_scheme,
    wrong_zero_hash,
    wrong_mode,
    wrong_attested_by_nothing,
    wrong_attested_without_measurements,
    wrong_uuid_version,
    wrong_uuid_variant,
    wrong_short_nonce,
    wrong_long_nonce,
    wrong_no_pcr,
    wrong_pcr_order,
    wrong_pcr_twice,
    wrong_pcr_name,
    wrong_pcr_number,
    wrong_pcr_size,
    wrong_nitro_pcr_size,
    wrong_nitro_pcr_missing,
    wrong_nitro_pcr2_missing,
    wrong_nitro_pcr5,
    wrong_tdx_pcr8,
    wrong_type,
    wrong_text,
    wrong_line_in_model,
    wrong_escape_in_version,
    wrong_delete_in_issuer,
    wrong_c1_in_model,
    wrong_no_issuer,
    wrong_count,
    wrong_unended_type,
};

/* The writer reads back what it wrote, so the bytes that it refused are properly signed: the reader is asked as well.
 */
static void claims_that_may_not_stand_are_neither_written_nor_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        struct bulla_receipt receipt, read;
        struct bulla_bytes bytes;
        own_claims(&receipt);
        wrongs[i](&receipt);
        enum bulla_reason reason = write_own(&receipt, &bytes);
        if (reason != BULLA_RECEIPT_INVALID && reason != BULLA_ARGUMENT)
            fail_msg("claims %zu: %s", i, bulla_reason_code(reason));
        if (bytes.size > 0)
            assert_int_equal(bulla_receipt_verify(bytes, key.point, &nothing, &read), BULLA_RECEIPT_INVALID);
    }
}

static void airs_known_schemes_are_read(void **state)
{
    (void)state;
    static const char *const schemes[] = {"sha256-single", "sha256-concat", "sha256-manifest"};
    for (int i = 0; i < 3; i++) {
        struct bulla_receipt receipt, read;
        struct bulla_bytes bytes;
        air_nitro_claims(&receipt);
        receipt.model_hash_scheme = BULLA_TEXT(schemes[i]);
        assert_int_equal(write_own(&receipt, &bytes), BULLA_OK);
        assert_int_equal(bulla_receipt_verify(bytes, key.point, &nothing, &read), BULLA_OK);
        assert_true(bulla_bytes_equal_text(read.model_hash_scheme, schemes[i]));
    }
}

/* A payload that our writer can't make, signed all the same. */
static void another_form_is_refused_though_signed(void **state)
{
    (void)state;
    uint8_t memory[1024], bytes[2048];
    struct bulla_receipt read;
    struct bulla_cose_message message;
    assert_int_equal(bulla_receipt_read(bytes_of(air_nitro, memory), &read, &message), BULLA_OK);
    uint8_t payload[1024];
    size_t size = message.payload.size;
    memcpy(payload, message.payload.data, size);
    static const struct {
        size_t cut_head; /* bytes of the payload that `head` replaces */
        const char *head, *tail;
        uint64_t content_type;
        enum bulla_reason reason;
    } forms[] = {
        {1, "b0", "", 61, BULLA_OK}, {1, "b0", "", 60, BULLA_RECEIPT_INVALID}, /* another content type */
        {1, "b0", "", 0, BULLA_RECEIPT_INVALID},                               /* none */
        {1, "b0", "00", 61, BULLA_RECEIPT_INVALID},                            /* a byte after it */
        {1, "b1", "3a0001000d6178", 61, BULLA_RECEIPT_INVALID},                /* an unknown claim, -65550 */
        {1, "b1", "3a0001000b6178", 61, BULLA_RECEIPT_INVALID},                /* a claim twice */
        {1, "b1", "0548deadbeefcafebabe", 61, BULLA_RECEIPT_INVALID},          /* a claim out of order */
        {1, "bf", "ff", 61, BULLA_RECEIPT_INVALID},                            /* an indefinite map */
        {2, "b01801", "", 61, BULLA_RECEIPT_INVALID},                          /* a key that is not the shortest */
        {1, "af", "", 61, BULLA_RECEIPT_INVALID},                              /* a claim less than there are */
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        uint8_t made[1100];
        struct bulla_writer writer;
        size_t used = test_hex(forms[i].head, made, sizeof made);
        memcpy(made + used, payload + forms[i].cut_head, size - forms[i].cut_head);
        used += size - forms[i].cut_head;
        used += test_hex(forms[i].tail, made + used, sizeof made - used);
        bulla_writer_open(&writer, bytes, sizeof bytes);
        assert_int_equal(bulla_cose_sign1_write(&writer, &key.signer, forms[i].content_type,
                             (struct bulla_bytes){made, used}, (struct bulla_bytes){NULL, 0}),
            BULLA_OK);
        assert_int_equal(
            bulla_receipt_verify(bulla_writer_bytes(&writer), key.point, &nothing, &read), forms[i].reason);
    }
    bytes_of(air_nitro, memory);
    assert_int_equal(bulla_receipt_read((struct bulla_bytes){memory + 1, 597}, &read, &message), BULLA_RECEIPT_INVALID);
}

static void a_receipt_key_is_ed25519(void **state)
{
    (void)state;
    struct test_p256 p256;
    struct bulla_receipt receipt, read;
    struct bulla_writer writer;
    test_p256_make(&p256);
    own_claims(&receipt);
    bulla_writer_open(&writer, own_memory, sizeof own_memory);
    assert_int_equal(bulla_receipt_write(&receipt, &p256.signer, &writer), BULLA_ARGUMENT);
    uint8_t memory[1024];
    struct bulla_cose_message message; /* a payload that would stand, under the other algorithm */
    assert_int_equal(bulla_receipt_read(bytes_of(air_nitro, memory), &read, &message), BULLA_OK);
    bulla_writer_open(&writer, own_memory, sizeof own_memory);
    assert_int_equal(
        bulla_cose_sign1_write(&writer, &p256.signer, 61, message.payload, (struct bulla_bytes){NULL, 0}), BULLA_OK);
    assert_int_equal(
        bulla_receipt_verify(bulla_writer_bytes(&writer), p256.point, &nothing, &read), BULLA_RECEIPT_INVALID);
    test_p256_free(&p256);
}

static void request_and_answer_are_found_by_their_salted_hashes(void **state)
{
    (void)state;
    static const char request[] = "a short prompt", answer[] = "an answer";
    uint8_t salt[2][32], salted[64];
    struct bulla_receipt receipt, read;
    struct bulla_bytes bytes;
    memset(salt[0], 7, 32);
    memset(salt[1], 8, 32);
    own_claims(&receipt);
    memcpy(salted, salt[0], 32);
    memcpy(salted + 32, request, strlen(request));
    SHA256(salted, 32 + strlen(request), receipt.request_hash);
    memcpy(salted, salt[1], 32);
    memcpy(salted + 32, answer, strlen(answer));
    SHA256(salted, 32 + strlen(answer), receipt.response_hash);
    assert_int_equal(write_own(&receipt, &bytes), BULLA_OK);
    struct bulla_receipt_expectation expected = {
        .request = BULLA_TEXT(request),
        .request_salt = BULLA_BYTES(salt[0]),
        .response = BULLA_TEXT(answer),
        .response_salt = BULLA_BYTES(salt[1]),
        .model_hash = BULLA_BYTES(receipt.model_hash),
        .nonce = BULLA_BYTES(tdx_nonce),
        .now = 1800000001,
        .oldest_seconds = 5,
    };
    assert_int_equal(bulla_receipt_verify(bytes, key.point, &expected, &read), BULLA_OK);
    struct bulla_receipt_expectation wrong[8];
    enum bulla_reason reasons[8];
    for (int i = 0; i < 8; i++) {
        wrong[i] = expected;
        reasons[i] = BULLA_EVIDENCE_MISMATCH;
    }
    wrong[0].request.size--;
    wrong[1].response = expected.request;
    wrong[2].request_salt = expected.response_salt;
    wrong[3].response_salt = expected.request_salt;
    wrong[4].model_hash = expected.request_salt;
    wrong[5].model_hash.size = 31;
    wrong[6].request_salt.size = 31;
    wrong[7].response_salt.size = 0; /* an answer without its salt would check nothing */
    reasons[6] = reasons[7] = BULLA_ARGUMENT;
    for (int i = 0; i < 8; i++)
        assert_int_equal(bulla_receipt_verify(bytes, key.point, &wrong[i], &read), reasons[i]);
}

static void a_small_buffer_is_refused(void **state)
{
    (void)state;
    struct bulla_receipt receipt;
    struct bulla_writer writer;
    own_claims(&receipt);
    bulla_writer_open(&writer, own_memory, 500);
    assert_int_equal(bulla_receipt_write(&receipt, &key.signer, &writer), BULLA_BUFFER_SMALL);
    bulla_writer_open(&writer, NULL, 0);
    assert_int_equal(bulla_receipt_write(&receipt, &key.signer, &writer), BULLA_BUFFER_SMALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(airs_valid_receipts_verify_and_say_what_they_say),
        cmocka_unit_test(airs_valid_receipts_are_written_byte_for_byte),
        cmocka_unit_test(airs_wrong_key_is_refused),
        cmocka_unit_test(airs_zero_model_hash_is_refused_though_properly_signed),
        cmocka_unit_test(airs_nonce_mismatch_is_found),
        cmocka_unit_test(airs_stale_receipt_is_found),
        cmocka_unit_test(a_receipt_of_our_own_reads_back_as_it_was),
        cmocka_unit_test(no_changed_byte_of_a_receipt_is_accepted),
        cmocka_unit_test(claims_that_may_not_stand_are_neither_written_nor_read),
        cmocka_unit_test(airs_known_schemes_are_read),
        cmocka_unit_test(another_form_is_refused_though_signed),
        cmocka_unit_test(a_receipt_key_is_ed25519),
        cmocka_unit_test(request_and_answer_are_found_by_their_salted_hashes),
        cmocka_unit_test(a_small_buffer_is_refused),
    };
    uint8_t seed[32];
    test_hex(air_seed, seed, sizeof seed);
    test_ed25519_make(&key, seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
