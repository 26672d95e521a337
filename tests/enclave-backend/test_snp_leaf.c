/* The leaf "snp": what its key depends on, and what the blob is bound to. The guest is one that tests play; in a build
 * that knows none, a machine without /dev/sev-guest refuses. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/arena.h"
#include "enclave-backend/backend.h"
#include "enclave-backend/snp_key.h"

enum { BLOB = 1 + 32 + 32 + 72 };

static const uint8_t zero[32], share[32] = "a share of thirty-two bytes.....";
static const uint8_t authority[65] = {4, 1, 2, 3}, auth_value[32] = {9, 9, 9};

static struct bulla_leaf_request request(void)
{
    return (struct bulla_leaf_request){.purpose = BULLA_LEAF_OF_OBJECT,
        .token = "token",
        .object = "object",
        .path = "0.1",
        .auth_value = BULLA_BYTES(auth_value),
        .authority = BULLA_BYTES(authority),
        .policy_ref = "policy"};
}

/* --- the key --- */

static uint8_t answered[BULLA_SNP_KEY_ANSWER];
static struct bulla_snp_key_request asked;

static bool present(void)
{
    return true;
}

static enum bulla_reason derive(const struct bulla_snp_key_request *wanted, uint8_t answer[static BULLA_SNP_KEY_ANSWER])
{
    asked = *wanted;
    memcpy(answer, answered, sizeof answered);
    return BULLA_OK;
}

/* MSG_KEY_RSP (SEV-SNP Firmware ABI 1.55, table 21): status at 0, the key at 0x20. */
static void the_key_stands_behind_a_status_of_zero(void **state)
{
    (void)state;
    static const struct bulla_snp_transport fake = {"a fake", present, derive};
    static const struct bulla_snp_key_request wanted = {BULLA_SNP_MIX_MEASUREMENT, 1, 2, 3};
    BULLA_SECRET uint8_t *key = NULL;
    assert_int_equal(bulla_secret_allocate(32, (void **)&key), BULLA_OK);
    for (size_t i = 0; i < 32; i++)
        answered[32 + i] = (uint8_t)(i + 1);
    assert_int_equal(bulla_snp_key_derive(&fake, &wanted, key), BULLA_OK);
    assert_memory_equal(key, answered + 32, 32);
    assert_int_equal(asked.fields, 8);
    assert_int_equal(asked.vmpl, 1);
    for (size_t i = 0; i < 4; i++) {
        memset(answered, 0, 4);
        answered[i] = 0x16;
        assert_int_equal(bulla_snp_key_derive(&fake, &wanted, key), BULLA_ENCLAVE_FAILED);
        assert_memory_equal(key, zero, 32);
    }
    memset(answered, 0, sizeof answered); /* no key at all */
    assert_int_equal(bulla_snp_key_derive(&fake, &wanted, key), BULLA_ENCLAVE_FAILED);
}

static void a_machine_without_the_device_says_so(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    char line[128];
    struct bulla_writer writer;
    const struct bulla_leaf_request place = request();
    assert_string_equal(bulla_snp_transport()->name, "/dev/sev-guest");
    if (access("/dev/sev-guest", F_OK) == 0)
        skip();
    bulla_writer_open(&writer, blob, sizeof blob);
    assert_int_equal(bulla_snp_leaf.seal(&place, share, &writer), BULLA_ENCLAVE_UNREACHABLE);
    assert_int_equal(bulla_snp_leaf.describe(&place, line, sizeof line), BULLA_OK);
    assert_non_null(strstr(line, "not there"));
}

static void a_pin_is_not_sealed(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    struct bulla_writer writer;
    struct bulla_leaf_request place = request();
    place.purpose = BULLA_LEAF_OF_PIN;
    bulla_writer_open(&writer, blob, sizeof blob);
    assert_int_equal(bulla_snp_leaf.seal(&place, share, &writer), BULLA_UNSUPPORTED);
    assert_false(bulla_snp_leaf.protects_pin);
    assert_true(bulla_snp_leaf.attests);
}

#ifdef BULLA_FAULTS
static void be_guest(const char *measured)
{
    assert_int_equal(setenv("BULLA_TEST_SNP", measured, 1), 0);
}

static void seal(uint8_t *blob)
{
    const struct bulla_leaf_request place = request();
    struct bulla_writer writer;
    be_guest("one image");
    bulla_writer_open(&writer, blob, BLOB);
    if (bulla_snp_leaf.seal(&place, share, &writer) != BULLA_OK)
        fail_msg("%s", bulla_detail());
    assert_int_equal(writer.size, BLOB);
}

static enum bulla_reason open_blob(const struct bulla_leaf_request *place, struct bulla_bytes blob)
{
    uint8_t opened[32];
    memset(opened, 0x55, sizeof opened);
    enum bulla_reason reason = bulla_snp_leaf.open(place, blob, opened);
    assert_int_equal(memcmp(opened, share, 32) == 0, reason == BULLA_OK);
    return reason;
}

static void the_same_measurement_opens_and_another_does_not(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    const struct bulla_leaf_request place = request();
    seal(blob);
    assert_int_equal(open_blob(&place, BULLA_BYTES(blob)), BULLA_OK);
    be_guest("another image");
    assert_int_equal(open_blob(&place, BULLA_BYTES(blob)), BULLA_EVIDENCE_MISMATCH);
    be_guest("one image");
    assert_int_equal(open_blob(&place, BULLA_BYTES(blob)), BULLA_OK);
}

static void two_blobs_have_nothing_in_common(void **state)
{
    (void)state;
    uint8_t first[BLOB], second[BLOB];
    seal(first);
    seal(second);
    assert_memory_not_equal(first + 1, second + 1, 32);
    assert_memory_not_equal(first + 33, second + 33, BLOB - 33);
}

static void every_changed_byte_is_refused(void **state)
{
    (void)state;
    uint8_t blob[BLOB + 1];
    const struct bulla_leaf_request place = request();
    seal(blob);
    for (size_t i = 0; i < BLOB; i++) {
        blob[i] ^= 1;
        assert_int_not_equal(open_blob(&place, (struct bulla_bytes){blob, BLOB}), BULLA_OK);
        blob[i] ^= 1;
    }
    for (size_t size = 0; size < BLOB; size++)
        assert_int_equal(open_blob(&place, (struct bulla_bytes){blob, size}), BULLA_TRUNCATED);
    blob[BLOB] = 0;
    assert_int_equal(open_blob(&place, (struct bulla_bytes){blob, BLOB + 1}), BULLA_TRAILING);
    blob[0] = 2;
    assert_int_equal(open_blob(&place, (struct bulla_bytes){blob, BLOB}), BULLA_UNSUPPORTED);
}

static void a_blob_opens_in_its_place_only(void **state)
{
    (void)state;
    static const uint8_t other_authority[65] = {4, 1, 2, 4}, other_auth[32] = {9, 9, 8};
    uint8_t blob[BLOB];
    struct bulla_leaf_request places[6];
    seal(blob);
    for (size_t i = 0; i < 6; i++)
        places[i] = request();
    places[0].token[0] = 'T';
    places[1].object[0] = 'O';
    places[2].path[2] = '2';
    places[3].authority = BULLA_BYTES(other_authority);
    places[4].policy_ref[0] = 'P';
    places[5].auth_value = BULLA_BYTES(other_auth); /* another token's key */
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(open_blob(&places[i], BULLA_BYTES(blob)), BULLA_EVIDENCE_MISMATCH);
}

static void a_policy_that_is_refused_keeps_it_closed(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    struct bulla_leaf_request place = request();
    seal(blob);
    place.policy_refusal = BULLA_POLICY_EXPIRED;
    place.policy_refusal_detail = "it is over";
    assert_int_equal(open_blob(&place, BULLA_BYTES(blob)), BULLA_POLICY_EXPIRED);
}

static void nothing_is_left_in_the_arena(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    const struct bulla_leaf_request place = request();
    size_t taken = bulla_arena_taken();
    seal(blob);
    assert_int_equal(open_blob(&place, BULLA_BYTES(blob)), BULLA_OK);
    be_guest("another image");
    assert_int_not_equal(open_blob(&place, BULLA_BYTES(blob)), BULLA_OK);
    assert_int_equal(bulla_arena_taken(), taken);
}
#endif

static int tear_down(void **state)
{
    (void)state;
    return unsetenv("BULLA_TEST_SNP");
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_key_stands_behind_a_status_of_zero),
        T(a_machine_without_the_device_says_so),
        T(a_pin_is_not_sealed),
#ifdef BULLA_FAULTS
        T(the_same_measurement_opens_and_another_does_not),
        T(two_blobs_have_nothing_in_common),
        T(every_changed_byte_is_refused),
        T(a_blob_opens_in_its_place_only),
        T(a_policy_that_is_refused_keeps_it_closed),
        T(nothing_is_left_in_the_arena),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
