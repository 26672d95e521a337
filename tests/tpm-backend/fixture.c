#include "fixture.h"

#include <openssl/ec.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct test_swtpm tpm;

int fixture_begin(void **state)
{
    (void)state;
    test_swtpm_start(&tpm);
    return 0;
}

int fixture_end(void **state)
{
    (void)state;
    test_swtpm_finish(&tpm);
    return 0;
}

EVP_PKEY *authority_make(uint8_t point[static 65])
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    size_t size = 0;
    assert_non_null(key);
    assert_int_equal(EVP_PKEY_get_octet_string_param(key, "pub", point, 65, &size), 1);
    assert_int_equal(size, 65);
    return key;
}

void ecdsa_sign(EVP_PKEY *key, const uint8_t *message, size_t message_size, uint8_t signature[static 64])
{
    uint8_t der[128];
    size_t size = sizeof der;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, der, &size, message, message_size), 1);
    EVP_MD_CTX_free(context);
    const uint8_t *at = der;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)size);
    assert_non_null(pair);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + 32, 32), 32);
    ECDSA_SIG_free(pair);
}

void approval_sign(struct bulla_approval *approval, EVP_PKEY *authority, const uint8_t policy_ref[static 32])
{
    uint8_t message[64];
    memcpy(message, approval->approved_policy, 32);
    memcpy(message + 32, policy_ref, 32);
    ecdsa_sign(authority, message, sizeof message, approval->signature);
}

void approval_make(
    struct bulla_approval *approval, EVP_PKEY *authority, const uint8_t policy_ref[static 32], uint32_t mask)
{
    uint8_t values[24 * 32];
    size_t size = 0;
    for (unsigned pcr = 0; pcr < 24; pcr++) {
        if (mask >> pcr & 1) {
            test_swtpm_pcr(&tpm, pcr, values + size);
            size += 32;
        }
    }
    approval->bank = 0x0b;
    approval->pcr_mask = mask;
    SHA256(values, size, approval->pcr_digest);
    /* H(0 ‖ TPM_CC_PolicyPCR ‖ count 1 ‖ SHA-256, 3 octets ‖ pcrDigest) */
    uint8_t policy[32 + 4 + 4 + 2 + 1 + 3 + 32] = {0};
    const uint8_t middle[] = {
        0, 0, 0x01, 0x7f, 0, 0, 0, 1, 0, 0x0b, 3, (uint8_t)mask, (uint8_t)(mask >> 8), (uint8_t)(mask >> 16)};
    memcpy(policy + 32, middle, sizeof middle);
    memcpy(policy + 32 + sizeof middle, approval->pcr_digest, 32);
    SHA256(policy, sizeof policy, approval->approved_policy);
    approval_sign(approval, authority, policy_ref);
}

struct bulla_leaf_request token_request(const char *pin)
{
    struct bulla_leaf_request request = {.purpose = BULLA_LEAF_OF_PIN, .path = "0", .tcti = tpm.tcti, .quick = true};
    memset(request.token, 0x11, sizeof request.token);
    request.passphrase = BULLA_TEXT(pin);
    return request;
}

struct bulla_leaf_request object_request(const uint8_t point[static 65], const uint8_t auth[static 32])
{
    struct bulla_leaf_request request = {
        .purpose = BULLA_LEAF_OF_OBJECT, .path = "0.1", .tcti = tpm.tcti, .quick = true};
    memset(request.token, 0x11, sizeof request.token);
    memset(request.object, 0x22, sizeof request.object);
    memset(request.policy_ref, 0x33, sizeof request.policy_ref);
    request.authority = (struct bulla_bytes){point, 65};
    request.auth_value = (struct bulla_bytes){auth, 32};
    return request;
}

enum bulla_reason seal(const struct bulla_leaf_request *request, const uint8_t share[static 32], struct blob *blob)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, blob->data, sizeof blob->data);
    enum bulla_reason reason = bulla_tpm_leaf.seal(request, share, &writer);
    blob->size = writer.size;
    return reason == BULLA_OK ? bulla_writer_finish(&writer, "a leaf") : reason;
}

enum bulla_reason open_blob(const struct bulla_leaf_request *request, const struct blob *blob, uint8_t share[static 32])
{
    return bulla_tpm_leaf.open(request, (struct bulla_bytes){blob->data, blob->size}, share);
}

void assert_nothing_loaded(void)
{
    struct bulla_tpm_status status;
    assert_int_equal(bulla_tpm_status_read(tpm.tcti, &status), BULLA_OK);
    assert_int_equal(status.transient_loaded, 0);
    assert_int_equal(status.sessions_loaded, 0);
}

void assert_reason_at(enum bulla_reason reason, enum bulla_reason expected, const char *file, int line)
{
    if (reason != expected) {
        print_error("%s:%d: %s (%s), not %s\n", file, line, bulla_reason_code(reason), bulla_detail(),
            bulla_reason_code(expected));
        fail();
    }
    assert_nothing_loaded();
}

double now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

void median_print(const char *what, double *times, size_t count)
{
    qsort(times, count, sizeof *times, compare);
    print_message("%-28s %8.2f ms (median of %zu)\n", what, times[count / 2], count);
}
