/* The leaf "passphrase" alone: what it binds, and what each change of its blob is called. */
#include "support/test.h"

#include <stdio.h>
#include <string.h>

#include "release/passphrase.h"

enum { BLOB = 1 + 4 + 8 + 16 + 32 + 72 };

static const uint8_t share[32] = "a share of thirty-two bytes.....";
static const uint8_t authority[65] = {4, 1, 2, 3};

static struct bulla_leaf_request request(void)
{
    return (struct bulla_leaf_request){.purpose = BULLA_LEAF_OF_OBJECT,
        .token = "token",
        .object = "object",
        .path = "0.1",
        .passphrase = BULLA_TEXT("correct horse"),
        .authority = BULLA_BYTES(authority),
        .policy_ref = "policy",
        .quick = true};
}

static void seal(uint8_t *blob)
{
    const struct bulla_leaf_request place = request();
    struct bulla_writer writer;
    bulla_writer_open(&writer, blob, BLOB);
    assert_int_equal(bulla_passphrase_leaf.seal(&place, share, &writer), BULLA_OK);
    assert_int_equal(bulla_writer_finish(&writer, "blob"), BULLA_OK);
    assert_int_equal(writer.size, BLOB);
}

static enum bulla_reason open_blob(const struct bulla_leaf_request *place, struct bulla_bytes blob)
{
    uint8_t opened[32];
    memset(opened, 0x55, sizeof opened);
    enum bulla_reason reason = bulla_passphrase_leaf.open(place, blob, opened);
    assert_int_equal(memcmp(opened, share, 32) == 0, reason == BULLA_OK);
    return reason;
}

static void the_right_passphrase_opens(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    struct bulla_leaf_request place = request();
    seal(blob);
    assert_int_equal(open_blob(&place, BULLA_BYTES(blob)), BULLA_OK);
    place.quick = false; /* the blob carries its own cost */
    assert_int_equal(open_blob(&place, BULLA_BYTES(blob)), BULLA_OK);
}

static void another_passphrase_is_wrong_and_none_is_needed(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    struct bulla_leaf_request place = request();
    seal(blob);
    place.passphrase = BULLA_TEXT("correct horsf");
    assert_int_equal(open_blob(&place, BULLA_BYTES(blob)), BULLA_PASSPHRASE_WRONG);
    place.passphrase = BULLA_TEXT("correct hors");
    assert_int_equal(open_blob(&place, BULLA_BYTES(blob)), BULLA_PASSPHRASE_WRONG);
    place.passphrase = (struct bulla_bytes){NULL, 0};
    assert_int_equal(open_blob(&place, BULLA_BYTES(blob)), BULLA_PASSPHRASE_NEEDED);
}

static void a_share_is_bound_to_every_field_of_its_place(void **state)
{
    (void)state;
    uint8_t blob[BLOB], other[65] = {4, 1, 2, 4};
    seal(blob);
    struct bulla_leaf_request places[6];
    for (size_t i = 0; i < 6; i++)
        places[i] = request();
    places[0].token[15] = 1;
    places[1].object[15] = 1;
    (void)snprintf(places[2].path, sizeof places[2].path, "0.2");
    places[3].authority = BULLA_BYTES(other);
    places[4].authority.size = 0;
    places[5].policy_ref[31] = 1;
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(open_blob(&places[i], BULLA_BYTES(blob)), BULLA_PASSPHRASE_WRONG);
}

static void every_changed_byte_is_refused(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    const struct bulla_leaf_request place = request();
    seal(blob);
    for (size_t at = 0; at < BLOB; at++) {
        blob[at] ^= 0x80;
        enum bulla_reason reason = open_blob(&place, BULLA_BYTES(blob));
        if (at == 0)
            assert_int_equal(reason, BULLA_UNSUPPORTED); /* version */
        else if (at < 13)
            assert_true(reason == BULLA_UNSUPPORTED || reason == BULLA_PASSPHRASE_WRONG); /* cost */
        else
            assert_int_equal(reason, at < 29 + 32 ? BULLA_PASSPHRASE_WRONG : BULLA_AUTHENTICATION);
        blob[at] ^= 0x80;
    }
}

static void every_other_length_is_refused(void **state)
{
    (void)state;
    uint8_t blob[BLOB + 1] = {0};
    const struct bulla_leaf_request place = request();
    seal(blob);
    for (size_t size = 0; size < BLOB; size++)
        assert_int_equal(open_blob(&place, (struct bulla_bytes){blob, size}), BULLA_TRUNCATED);
    assert_int_equal(open_blob(&place, (struct bulla_bytes){blob, BLOB + 1}), BULLA_TRAILING);
}

static void excessive_costs_are_refused_before_they_are_paid(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    const struct bulla_leaf_request place = request();
    seal(blob);
    memset(blob + 1, 0xff, 4);
    assert_int_equal(open_blob(&place, BULLA_BYTES(blob)), BULLA_UNSUPPORTED);
    seal(blob);
    memset(blob + 5, 0xff, 8);
    assert_int_equal(open_blob(&place, BULLA_BYTES(blob)), BULLA_UNSUPPORTED);
}

static void two_seals_of_one_share_differ(void **state)
{
    (void)state;
    uint8_t first[BLOB], second[BLOB];
    seal(first);
    seal(second);
    assert_memory_not_equal(first + 13, second + 13, 16);
    assert_memory_not_equal(first + 29, second + 29, BLOB - 29);
}

static void its_properties_are_what_the_design_says(void **state)
{
    (void)state;
    char line[64];
    struct bulla_leaf_request place = request();
    assert_string_equal(bulla_passphrase_leaf.name, "passphrase");
    assert_true(bulla_passphrase_leaf.protects_pin);
    assert_false(bulla_passphrase_leaf.attests);
    assert_false(bulla_passphrase_leaf.forgets);
    assert_int_equal(bulla_passphrase_leaf.describe(&place, line, sizeof line), BULLA_OK);
    assert_string_equal(line, "passphrase: given");
    place.passphrase.size = 0;
    assert_int_equal(bulla_passphrase_leaf.describe(&place, line, sizeof line), BULLA_OK);
    assert_string_equal(line, "passphrase: needed, not given");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_passphrase_opens),
        cmocka_unit_test(another_passphrase_is_wrong_and_none_is_needed),
        cmocka_unit_test(a_share_is_bound_to_every_field_of_its_place),
        cmocka_unit_test(every_changed_byte_is_refused),
        cmocka_unit_test(every_other_length_is_refused),
        cmocka_unit_test(excessive_costs_are_refused_before_they_are_paid),
        cmocka_unit_test(two_seals_of_one_share_differ),
        cmocka_unit_test(its_properties_are_what_the_design_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
