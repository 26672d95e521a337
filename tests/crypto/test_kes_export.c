/* Signing keys as others have them: cardano-cli's files come out as they went in (tests/vectors/kes/envelopes), CBOR as
 * RFC 8949 has it. */
#include "support/test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/arena.h"
#include "crypto/kes_certificate.h"
#include "crypto/kes_export.h"
#include "crypto/text_envelope.h"
#include "support/folder.h"

static struct bulla_bytes file(const char *name)
{
    char path[512];
    size_t size = 0;
    (void)snprintf(path, sizeof path, "%s/tests/vectors/kes/%s", BULLA_SOURCE_FOLDER, name);
    uint8_t *bytes = test_file_read(path, &size);
    assert_non_null(bytes);
    return (struct bulla_bytes){bytes, size};
}

static void release(struct bulla_bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

/* The raw key inside an envelope's text, through each step of importing. */
static void read_envelope(struct bulla_bytes text, uint8_t raw[static 608])
{
    struct bulla_text_envelope envelope;
    struct bulla_bytes bytes;
    uint8_t cbor[BULLA_KES_CBOR_LARGEST];
    size_t size = 0;
    assert_true(bulla_text_envelope_read(text, &envelope));
    assert_true(bulla_bytes_equal_text(envelope.type, "KesSigningKey_ed25519_kes_2^6"));
    assert_int_equal(bulla_text_envelope_cbor(&envelope, "a key", cbor, sizeof cbor, &size), BULLA_OK);
    assert_int_equal(bulla_kes_cbor_read((struct bulla_bytes){cbor, size}, 608, "a key", &bytes), BULLA_OK);
    memcpy(raw, bytes.data, 608);
}

static void cardano_clis_own_file_comes_out_byte_for_byte(void **state)
{
    (void)state;
    struct bulla_kes_key *key = calloc(1, sizeof *key);
    struct bulla_kes_secret *secret = NULL;
    struct bulla_writer writer;
    uint8_t raw[608], text[BULLA_KES_FORM_LARGEST];
    struct bulla_bytes published = file("envelopes/kes-agent.kes.skey");
    assert_int_equal(bulla_secret_allocate(sizeof *secret, (void **)&secret), BULLA_OK);
    read_envelope(published, raw);
    assert_int_equal(bulla_kes_import(BULLA_BYTES(raw), 6, 0, key, secret), BULLA_OK);
    bulla_writer_open(&writer, text, sizeof text);
    assert_int_equal(
        bulla_kes_form_write(BULLA_KES_ENVELOPE, 6, (struct bulla_bytes){secret->raw, 608}, &writer), BULLA_OK);
    assert_int_equal(writer.size, published.size);
    assert_memory_equal(text, published.data, published.size);
    bulla_secret_free(secret);
    release(published);
    free(key);
}

/* The Haskell implementation's keys, the one after five updates among them. */
static void what_is_written_is_read_again(void **state)
{
    (void)state;
    static const char *const names[] = {"key6.bin", "key6update1.bin", "key6update5.bin", "compactkey6update5.bin"};
    struct bulla_writer writer;
    uint8_t text[BULLA_KES_FORM_LARGEST], raw[608];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct bulla_bytes published = file(names[i]);
        bulla_writer_open(&writer, text, sizeof text);
        assert_int_equal(bulla_kes_form_write(BULLA_KES_ENVELOPE, 6, published, &writer), BULLA_OK);
        read_envelope(bulla_writer_bytes(&writer), raw);
        assert_memory_equal(raw, published.data, 608);
        release(published);
    }
}

static const struct {
    uint8_t bytes[3];
    size_t size;
} heads[] = {{{0x58, 32}, 2}, {{0x58, 128}, 2}, {{0x58, 224}, 2}, {{0x59, 1, 64}, 3}, {{0x59, 1, 160}, 3},
    {{0x59, 2, 0}, 3}, {{0x59, 2, 96}, 3}, {{0x59, 2, 192}, 3}};

static void every_depth_has_its_cbor_and_its_raw_form(void **state)
{
    (void)state;
    struct bulla_writer writer;
    struct bulla_bytes again;
    uint8_t raw[BULLA_KES_RAW_LARGEST], out[BULLA_KES_FORM_LARGEST];
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)(7 * i + 1);
    for (unsigned depth = 0; depth <= BULLA_KES_DEPTH_LARGEST; depth++) {
        const size_t size = 32 + 96 * depth, head = heads[depth].size;
        bulla_writer_open(&writer, out, sizeof out);
        assert_int_equal(
            bulla_kes_form_write(BULLA_KES_CBOR, depth, (struct bulla_bytes){raw, size}, &writer), BULLA_OK);
        assert_int_equal(writer.size, head + size);
        assert_memory_equal(out, heads[depth].bytes, head);
        assert_memory_equal(out + head, raw, size);
        assert_int_equal(bulla_kes_cbor_read(bulla_writer_bytes(&writer), size, "a key", &again), BULLA_OK);
        assert_memory_equal(again.data, raw, size);
        bulla_writer_open(&writer, out, sizeof out);
        assert_int_equal(
            bulla_kes_form_write(BULLA_KES_RAW, depth, (struct bulla_bytes){raw, size}, &writer), BULLA_OK);
        assert_int_equal(writer.size, size);
        assert_memory_equal(out, raw, size);
    }
}

static void no_depth_but_six_has_an_envelope(void **state)
{
    (void)state;
    struct bulla_writer writer;
    uint8_t raw[BULLA_KES_RAW_LARGEST] = {0}, out[BULLA_KES_FORM_LARGEST];
    char said[64];
    for (unsigned depth = 0; depth <= BULLA_KES_DEPTH_LARGEST; depth++) {
        enum bulla_reason wanted = depth == 6 ? BULLA_OK : BULLA_ARGUMENT;
        bulla_writer_open(&writer, out, sizeof out);
        bulla_detail_clear();
        assert_int_equal(bulla_kes_form_check(BULLA_KES_ENVELOPE, depth), wanted);
        assert_int_equal(bulla_kes_form_write(
                             BULLA_KES_ENVELOPE, depth, (struct bulla_bytes){raw, 32 + 96 * (size_t)depth}, &writer),
            wanted);
        if (depth == 6)
            continue;
        assert_int_equal(writer.size, 0);
        (void)snprintf(said, sizeof said, "of depth 6 alone, not of %u", depth);
        assert_non_null(strstr(bulla_detail(), said));
    }
}

static void another_size_form_or_depth_is_refused(void **state)
{
    (void)state;
    struct bulla_writer writer;
    uint8_t raw[BULLA_KES_RAW_LARGEST + 1] = {0}, out[BULLA_KES_FORM_LARGEST];
    bulla_writer_open(&writer, out, sizeof out);
    for (enum bulla_kes_form form = BULLA_KES_ENVELOPE; form < BULLA_KES_FORMS; form++)
        for (size_t size = 0; size <= sizeof raw; size++)
            if (size != 608)
                assert_int_equal(
                    bulla_kes_form_write(form, 6, (struct bulla_bytes){raw, size}, &writer), BULLA_KEY_INVALID);
    assert_int_equal(bulla_kes_form_write(BULLA_KES_FORMS, 6, (struct bulla_bytes){raw, 608}, &writer), BULLA_ARGUMENT);
    assert_int_equal(bulla_kes_form_write(BULLA_KES_RAW, 8, (struct bulla_bytes){raw, 800}, &writer), BULLA_ARGUMENT);
    assert_int_equal(bulla_kes_form_check(BULLA_KES_CBOR, 8), BULLA_ARGUMENT);
    assert_int_equal(writer.size, 0);
}

/* cardano-cli's golden signing key says that it is of depth 6, and has the 704 bytes of 7. */
static void the_golden_key_of_another_depth_has_no_envelope(void **state)
{
    (void)state;
    struct bulla_text_envelope envelope;
    struct bulla_writer writer;
    struct bulla_bytes raw, published = file("envelopes/cardano-cli-golden.kes.skey");
    uint8_t cbor[BULLA_KES_CBOR_LARGEST], out[BULLA_KES_FORM_LARGEST];
    size_t size = 0;
    assert_true(bulla_text_envelope_read(published, &envelope));
    assert_int_equal(bulla_text_envelope_cbor(&envelope, "a key", cbor, sizeof cbor, &size), BULLA_OK);
    assert_int_equal(bulla_kes_cbor_read((struct bulla_bytes){cbor, size}, 704, "a key", &raw), BULLA_OK);
    bulla_writer_open(&writer, out, sizeof out);
    assert_int_equal(bulla_kes_form_write(BULLA_KES_ENVELOPE, 7, raw, &writer), BULLA_ARGUMENT);
    assert_int_equal(bulla_kes_form_write(BULLA_KES_ENVELOPE, 6, raw, &writer), BULLA_KEY_INVALID);
    assert_int_equal(bulla_kes_form_write(BULLA_KES_CBOR, 7, raw, &writer), BULLA_OK);
    assert_int_equal(writer.size, size);
    assert_memory_equal(out, cbor, size);
    release(published);
}

static void too_little_room_is_refused_and_not_exceeded(void **state)
{
    (void)state;
    struct bulla_writer writer;
    uint8_t raw[608] = {0}, out[BULLA_KES_FORM_LARGEST];
    for (enum bulla_kes_form form = BULLA_KES_ENVELOPE; form < BULLA_KES_FORMS; form++) {
        bulla_writer_open(&writer, out, sizeof out);
        assert_int_equal(bulla_kes_form_write(form, 6, BULLA_BYTES(raw), &writer), BULLA_OK);
        for (size_t size = writer.size, room = 0; room < size; room++) {
            memset(out, 0x77, sizeof out);
            bulla_writer_open(&writer, out, room);
            assert_int_equal(bulla_kes_form_write(form, 6, BULLA_BYTES(raw), &writer), BULLA_BUFFER_SMALL);
            assert_int_equal(writer.size, size);
            assert_int_equal(out[room], 0x77);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cardano_clis_own_file_comes_out_byte_for_byte),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(every_depth_has_its_cbor_and_its_raw_form),
        cmocka_unit_test(no_depth_but_six_has_an_envelope),
        cmocka_unit_test(another_size_form_or_depth_is_refused),
        cmocka_unit_test(the_golden_key_of_another_depth_has_no_envelope),
        cmocka_unit_test(too_little_room_is_refused_and_not_exceeded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
