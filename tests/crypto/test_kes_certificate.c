#include "support/test.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/arena.h"
#include "crypto/kes_certificate.h"
#include "support/vectors.h"

/* The cborHex of a text envelope under tests/vectors/kes/envelopes. */
static struct bulla_bytes envelope_bytes(const json_t *envelope)
{
    struct bulla_bytes bytes = {NULL, 0};
    const char *hex = json_string_value(json_object_get(envelope, "cborHex"));
    assert_non_null(hex);
    bytes.data = test_hex_bytes(hex, &bytes.size);
    return bytes;
}

static json_t *envelope_file(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/tests/vectors/kes/envelopes/%s", BULLA_SOURCE_FOLDER, name);
    json_t *envelope = json_load_file(path, 0, NULL);
    assert_non_null(envelope);
    return envelope;
}

static struct bulla_bytes envelope(const char *name)
{
    json_t *file = envelope_file(name);
    struct bulla_bytes bytes = envelope_bytes(file);
    json_decref(file);
    return bytes;
}

static void release(struct bulla_bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

/* Imports a CBOR signing key of depth 6 in period 0, and checks that it signs for `hot`. */
static void assert_key_is_of(struct bulla_bytes cbor, const uint8_t hot[static 32])
{
    struct bulla_kes_key *key = calloc(1, sizeof *key);
    struct bulla_bytes raw;
    void *memory = NULL;
    uint8_t signature[BULLA_KES_SIGNATURE_LARGEST];
    struct bulla_bytes message = {(const uint8_t *)"a header", 8};
    assert_int_equal(bulla_secret_allocate(sizeof(struct bulla_kes_secret), &memory), BULLA_OK);
    struct bulla_kes_secret *secret = memory;
    assert_int_equal(bulla_kes_cbor_read(cbor, 608, "a KES key", &raw), BULLA_OK);
    assert_int_equal(bulla_kes_import(raw, 6, 0, key, secret), BULLA_OK);
    assert_memory_equal(key->nodes[1], hot, 32);
    assert_int_equal(bulla_kes_complete(key, secret), BULLA_OK);
    assert_int_equal(bulla_kes_sign(BULLA_KES_SUM, key, secret, message, signature), BULLA_OK);
    struct bulla_kes_claim claim = {BULLA_KES_SUM, 6, 0, hot, message, {signature, 448}};
    assert_int_equal(bulla_kes_verify(&claim), BULLA_OK);
    bulla_secret_free(memory);
    free(key);
}

static void kes_agents_files_belong_together(void **state)
{
    (void)state;
    struct bulla_operational_certificate certificate;
    struct bulla_bytes cold, hot, file = envelope("kes-agent.opcert.cert"), cold_file = envelope("kes-agent.cold.vkey"),
                                  hot_file = envelope("kes-agent.kes.vkey"), key = envelope("kes-agent.kes.skey");
    uint8_t written[BULLA_OPERATIONAL_CERTIFICATE_LARGEST];
    struct bulla_writer writer;
    assert_int_equal(bulla_operational_certificate_read(file, &certificate), BULLA_OK);
    assert_int_equal(bulla_operational_certificate_verify(&certificate), BULLA_OK);
    assert_int_equal(certificate.counter, 7); /* its counter file says that 8 is next */
    assert_int_equal(certificate.period, 1430);
    assert_int_equal(bulla_kes_cbor_read(cold_file, 32, "a cold key", &cold), BULLA_OK);
    assert_memory_equal(cold.data, certificate.cold, 32);
    assert_int_equal(bulla_kes_cbor_read(hot_file, 32, "a KES key", &hot), BULLA_OK);
    assert_memory_equal(hot.data, certificate.hot, 32);
    assert_key_is_of(key, certificate.hot);
    bulla_writer_open(&writer, written, sizeof written);
    assert_int_equal(bulla_operational_certificate_write(&certificate, &writer), BULLA_OK);
    assert_int_equal(writer.size, file.size);
    assert_memory_equal(written, file.data, file.size);
    release(file);
    release(cold_file);
    release(hot_file);
    release(key);
}

/* Made anew with the published cold key: Ed25519 is deterministic, so it is the published certificate. */
static void a_certificate_is_issued_byte_for_byte(void **state)
{
    (void)state;
    struct bulla_operational_certificate published, issued = {.counter = 7, .period = 1430};
    struct bulla_bytes seed, file = envelope("kes-agent.opcert.cert"), cold = envelope("kes-agent.cold.skey");
    uint8_t message[BULLA_OPERATIONAL_CERTIFICATE_SIGNED], expanded[crypto_sign_SECRETKEYBYTES];
    assert_int_equal(bulla_operational_certificate_read(file, &published), BULLA_OK);
    assert_int_equal(bulla_kes_cbor_read(cold, 32, "a cold key", &seed), BULLA_OK);
    memcpy(issued.hot, published.hot, 32);
    (void)crypto_sign_seed_keypair(issued.cold, expanded, seed.data);
    bulla_operational_certificate_signed(&issued, message);
    (void)crypto_sign_detached(issued.signature, NULL, message, sizeof message, expanded);
    assert_memory_equal(&issued, &published, sizeof issued);
    release(file);
    release(cold);
}

static void consensus_credentials_belong_together(void **state)
{
    (void)state;
    json_t *file = envelope_file("ouroboros-consensus.bulk-creds-k2.json");
    assert_int_equal(json_array_size(file), 2);
    for (size_t i = 0; i < 2; i++) {
        struct bulla_operational_certificate certificate;
        const json_t *set = json_array_get(file, i);
        struct bulla_bytes signed_one = envelope_bytes(json_array_get(set, 0)),
                           key = envelope_bytes(json_array_get(set, 2));
        assert_int_equal(bulla_operational_certificate_read(signed_one, &certificate), BULLA_OK);
        assert_int_equal(bulla_operational_certificate_verify(&certificate), BULLA_OK);
        assert_key_is_of(key, certificate.hot);
        release(signed_one);
        release(key);
    }
    json_decref(file);
}

/* It has depth 7 under the name 2^6, and a certificate over another structure. */
static void the_golden_files_of_cardano_cli_are_refused(void **state)
{
    (void)state;
    struct bulla_operational_certificate certificate;
    struct bulla_bytes raw, key = envelope("cardano-cli-golden.kes.skey"),
                            file = envelope("cardano-cli-golden.opcert.cert");
    assert_int_equal(bulla_kes_cbor_read(key, 608, "a KES key of depth 6", &raw), BULLA_MALFORMED);
    assert_int_equal(bulla_kes_cbor_read(key, 704, "a KES key of depth 7", &raw), BULLA_OK);
    assert_int_equal(bulla_operational_certificate_read(file, &certificate), BULLA_OK);
    assert_int_equal(bulla_operational_certificate_verify(&certificate), BULLA_SIGNATURE);
    release(key);
    release(file);
}

static void no_byte_of_a_certificate_can_be_another(void **state)
{
    (void)state;
    struct bulla_operational_certificate certificate;
    struct bulla_bytes file = envelope("kes-agent.opcert.cert");
    uint8_t *bytes = malloc(file.size + 1);
    for (size_t i = 0; i < file.size; i++) {
        memcpy(bytes, file.data, file.size);
        bytes[i] ^= 1;
        enum bulla_reason reason =
            bulla_operational_certificate_read((struct bulla_bytes){bytes, file.size}, &certificate);
        if (reason == BULLA_OK)
            reason = bulla_operational_certificate_verify(&certificate);
        assert_int_not_equal(reason, BULLA_OK);
    }
    memcpy(bytes, file.data, file.size);
    for (size_t cut = 0; cut < file.size; cut++)
        assert_int_not_equal(
            bulla_operational_certificate_read((struct bulla_bytes){bytes, cut}, &certificate), BULLA_OK);
    bytes[file.size] = 0;
    assert_int_equal(
        bulla_operational_certificate_read((struct bulla_bytes){bytes, file.size + 1}, &certificate), BULLA_TRAILING);
    free(bytes);
    release(file);
}

static void a_headers_period_follows_from_its_slot(void **state)
{
    (void)state;
    const struct bulla_kes_clock mainnet = {129600, 62};
    unsigned period = 99;
    assert_int_equal(bulla_kes_period_of_slot(&mainnet, 129600ULL * 1430, 1430, 6, &period), BULLA_OK);
    assert_int_equal(period, 0);
    assert_int_equal(bulla_kes_period_of_slot(&mainnet, 129600ULL * 1431 - 1, 1430, 6, &period), BULLA_OK);
    assert_int_equal(period, 0);
    assert_int_equal(bulla_kes_period_of_slot(&mainnet, 129600ULL * (1430 + 61), 1430, 6, &period), BULLA_OK);
    assert_int_equal(period, 61);
    assert_int_equal(bulla_kes_period_of_slot(&mainnet, 129600ULL * (1430 + 62), 1430, 6, &period), BULLA_KES_OVER);
    assert_int_equal(bulla_kes_period_of_slot(&mainnet, 129600ULL * 1430 - 1, 1430, 6, &period), BULLA_KES_PAST);
    assert_int_equal(bulla_kes_period_of_slot(&mainnet, UINT64_MAX, 0, 6, &period), BULLA_KES_OVER);
    assert_int_equal(bulla_kes_period_of_slot(&mainnet, 129600ULL * 2, 0, 1, &period), BULLA_KES_OVER);
    assert_int_equal(bulla_kes_period_of_slot(&(struct bulla_kes_clock){0, 62}, 0, 0, 6, &period), BULLA_ARGUMENT);
}

static void a_headers_counter_stays_or_goes_on_by_one(void **state)
{
    (void)state;
    assert_int_equal(bulla_kes_counter_follows(7, 7), BULLA_OK);
    assert_int_equal(bulla_kes_counter_follows(7, 8), BULLA_OK);
    assert_int_equal(bulla_kes_counter_follows(7, 6), BULLA_KES_PAST);
    assert_int_equal(bulla_kes_counter_follows(7, 9), BULLA_KES_OVER);
    assert_int_equal(bulla_kes_counter_follows(0, UINT64_MAX), BULLA_KES_OVER);
    assert_int_equal(bulla_kes_counter_follows(UINT64_MAX, 0), BULLA_KES_PAST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kes_agents_files_belong_together),
        cmocka_unit_test(a_certificate_is_issued_byte_for_byte),
        cmocka_unit_test(consensus_credentials_belong_together),
        cmocka_unit_test(the_golden_files_of_cardano_cli_are_refused),
        cmocka_unit_test(no_byte_of_a_certificate_can_be_another),
        cmocka_unit_test(a_headers_period_follows_from_its_slot),
        cmocka_unit_test(a_headers_counter_stays_or_goes_on_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
