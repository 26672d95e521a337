#include "receipt_fixture.h"

#include <stdio.h>
#include <string.h>

#include "air.h"
#include "support/vectors.h"

struct test_ed25519 receipt_key;
const struct bulla_receipt_expectation receipt_nothing;
uint8_t receipt_nitro_pcrs[3][48], receipt_tdx_pcrs[3][48], receipt_tpm_pcrs[24][32];
uint8_t receipt_nonce[8] = {0xde, 0xad, 0xbe, 0xef, 0xca, 0xfe, 0xba, 0xbe};
uint8_t receipt_memory[BULLA_RECEIPT_LARGEST];

int receipt_key_make(void **state)
{
    (void)state;
    uint8_t seed[32];
    test_hex(air_seed, seed, sizeof seed);
    test_ed25519_make(&receipt_key, seed);
    return 0;
}

struct bulla_bytes receipt_bytes(const char *hex, uint8_t memory[static 1024])
{
    return (struct bulla_bytes){memory, test_hex(hex, memory, 1024)};
}

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

void receipt_air_nitro(struct bulla_receipt *receipt)
{
    for (int i = 0; i < 3; i++)
        memset(receipt_nitro_pcrs[i], i + 1, 48);
    air_common(receipt, receipt_nitro_pcrs, "nitro-pcr");
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

void receipt_air_tdx(struct bulla_receipt *receipt)
{
    for (int i = 0; i < 3; i++)
        memset(receipt_tdx_pcrs[i], 0x10 * (i + 1), 48);
    air_common(receipt, receipt_tdx_pcrs, "tdx-mrtd-rtmr");
    receipt->issued_at = 1740500100;
    for (int i = 0; i < 16; i++)
        receipt->id[i] = (uint8_t)(i + 0x11);
    receipt->nonce = BULLA_BYTES(receipt_nonce);
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

void receipt_assert_same(const struct bulla_receipt *left, const struct bulla_receipt *right)
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

void receipt_own(struct bulla_receipt *receipt)
{
    memset(receipt, 0, sizeof *receipt);
    receipt->issuer = BULLA_TEXT("bulla:0123456789abcdef");
    receipt->issued_at = 1800000000;
    memset(receipt->id, 0x4f, sizeof receipt->id);
    receipt->id[8] = 0x80;
    receipt->profile = BULLA_TEXT(BULLA_RECEIPT_PROFILE);
    receipt->nonce = BULLA_BYTES(receipt_nonce);
    receipt->model_id = BULLA_TEXT("6d69");
    receipt->model_version = BULLA_TEXT("1");
    memset(receipt->model_hash, 1, 32);
    receipt->model_hash_scheme = BULLA_TEXT("sha256-manifest");
    memset(receipt->attestation_hash, 2, 32);
    (void)snprintf(receipt->measurement_type, sizeof receipt->measurement_type, "tpm-pcr-sha256");
    receipt->measurement_count = 24;
    for (unsigned i = 0; i < 24; i++) {
        memset(receipt_tpm_pcrs[i], (int)i, 32);
        (void)snprintf(receipt->measurements[i].name, sizeof receipt->measurements[i].name, "pcr%u", i % 24);
        receipt->measurements[i].value = BULLA_BYTES(receipt_tpm_pcrs[i]);
    }
    receipt->policy_version = BULLA_TEXT("0123456789abcdef/7");
    receipt->sequence = UINT64_MAX;
    receipt->security_mode = BULLA_TEXT("attested");
}

enum bulla_reason receipt_write(const struct bulla_receipt *receipt, struct bulla_bytes *bytes)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, receipt_memory, sizeof receipt_memory);
    enum bulla_reason reason = bulla_receipt_write(receipt, &receipt_key.signer, &writer);
    *bytes = bulla_writer_bytes(&writer);
    return reason;
}
