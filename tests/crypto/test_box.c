/* Boxes: what they bind, what a change of each byte is called. */
#include "support/test.h"

#include <sodium.h>
#include <string.h>

#include "crypto/cipher.h"

static const uint8_t key[32] = "thirty-two bytes that are a key.";
static const char secret[] = "a small secret";
enum { SECRET = sizeof secret, BOX = SECRET + BULLA_BOX_OVERHEAD };

static void seal(uint8_t *box, const char *aad)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, box, BOX);
    assert_int_equal(bulla_box_seal(key, BULLA_TEXT(aad), BULLA_BYTES(secret), &writer), BULLA_OK);
    assert_int_equal(bulla_writer_finish(&writer, "box"), BULLA_OK);
    assert_int_equal(writer.size, BOX);
}

static void a_box_gives_back_what_was_sealed(void **state)
{
    (void)state;
    uint8_t box[BOX], again[BOX], out[SECRET];
    seal(box, "here");
    seal(again, "here");
    assert_memory_not_equal(box + 32, again + 32, 24);
    assert_int_equal(bulla_box_open(key, BULLA_TEXT("here"), BULLA_BYTES(box), out), BULLA_OK);
    assert_memory_equal(out, secret, SECRET);
}

/* The layout of cipher.h, taken apart with libsodium alone. */
static void a_box_is_what_the_header_says(void **state)
{
    (void)state;
    uint8_t box[BOX], out[SECRET], commitment[32];
    seal(box, "here");
    assert_int_equal(crypto_generichash(commitment, 32, (const uint8_t *)"bulla/1 boxhere", 15, key, 32), 0);
    assert_memory_equal(box, commitment, 32);
    assert_int_equal(crypto_aead_xchacha20poly1305_ietf_decrypt(
                         out, NULL, NULL, box + 56, BOX - 56, (const uint8_t *)"here", 4, box + 32, key),
        0);
    assert_memory_equal(out, secret, SECRET);
}

static void another_key_or_place_is_told_by_the_commitment(void **state)
{
    (void)state;
    uint8_t box[BOX], out[SECRET], other[32];
    static const uint8_t zero[SECRET];
    seal(box, "here");
    memcpy(other, key, 32);
    other[31] ^= 1;
    memset(out, 0x55, sizeof out);
    assert_int_equal(bulla_box_open(other, BULLA_TEXT("here"), BULLA_BYTES(box), out), BULLA_COMMITMENT);
    assert_memory_equal(out, zero, SECRET);
    assert_int_equal(bulla_box_open(key, BULLA_TEXT("there"), BULLA_BYTES(box), out), BULLA_COMMITMENT);
}

static void every_changed_bit_is_refused(void **state)
{
    (void)state;
    uint8_t box[BOX], out[SECRET];
    static const uint8_t zero[SECRET];
    seal(box, "here");
    for (size_t bit = 0; bit < (size_t)BOX * 8; bit++) {
        box[bit / 8] ^= (uint8_t)(1 << bit % 8);
        memset(out, 0x55, sizeof out);
        assert_int_equal(bulla_box_open(key, BULLA_TEXT("here"), BULLA_BYTES(box), out),
            bit < 256 ? BULLA_COMMITMENT : BULLA_AUTHENTICATION);
        assert_memory_equal(out, zero, SECRET);
        box[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void every_shorter_box_is_refused(void **state)
{
    (void)state;
    uint8_t box[BOX], out[SECRET];
    seal(box, "here");
    for (size_t size = 0; size < BOX; size++)
        assert_int_equal(bulla_box_open(key, BULLA_TEXT("here"), (struct bulla_bytes){box, size}, out),
            size < BULLA_BOX_OVERHEAD ? BULLA_TRUNCATED : BULLA_AUTHENTICATION);
}

static void an_empty_secret_has_a_box_too(void **state)
{
    (void)state;
    uint8_t box[BULLA_BOX_OVERHEAD], none[1] = {7};
    struct bulla_writer writer;
    bulla_writer_open(&writer, box, sizeof box);
    assert_int_equal(bulla_box_seal(key, BULLA_TEXT(""), (struct bulla_bytes){NULL, 0}, &writer), BULLA_OK);
    assert_int_equal(bulla_box_open(key, BULLA_TEXT(""), BULLA_BYTES(box), none), BULLA_OK);
    assert_int_equal(none[0], 7);
    box[70] ^= 1;
    assert_int_equal(bulla_box_open(key, BULLA_TEXT(""), BULLA_BYTES(box), none), BULLA_AUTHENTICATION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_gives_back_what_was_sealed),
        cmocka_unit_test(a_box_is_what_the_header_says),
        cmocka_unit_test(another_key_or_place_is_told_by_the_commitment),
        cmocka_unit_test(every_changed_bit_is_refused),
        cmocka_unit_test(every_shorter_box_is_refused),
        cmocka_unit_test(an_empty_secret_has_a_box_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
