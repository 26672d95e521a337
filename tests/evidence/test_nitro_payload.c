/* The map of a Nitro document, field by field: taken apart, changed, encoded again, and signed by a leaf whose chain is
 * right, so that it is the field that is refused, and for its own reason. */
#include "support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cbor.h"
#include "evidence/nitro.h"
#include "nitro_maker.h"
#include "support/vectors.h"

enum { FROM = 1700000000, MADE = 1700000100, UNTIL = 1700010800, LARGEST = 24576 };
enum { MODULE_ID, DIGEST, TIMESTAMP, PCRS, CERTIFICATE, BUNDLE, PUBLIC_KEY, USER_DATA, NONCE, FIELDS };

struct field {
    struct bulla_bytes key, value; /* encoded */
};

static struct nitro_pki pki;
static struct nitro_document wanted;
static uint8_t payload[NITRO_DOCUMENT];
static struct field right[FIELDS]; /* views into `payload` */
static struct bulla_claims claims;

static int begin(void **state)
{
    (void)state;
    struct bulla_cbor map;
    struct bulla_cbor item;
    nitro_pki_make(&pki, FROM, UNTIL);
    memset(wanted.pcrs, 7, sizeof wanted.pcrs);
    wanted.timestamp = MADE * UINT64_C(1000);
    size_t size = nitro_payload_make(&pki, &wanted, payload, sizeof payload);
    assert_int_equal(bulla_cbor_decode_lenient((struct bulla_bytes){payload, size}, "a payload", &map), BULLA_OK);
    struct bulla_cbor_walk walk = bulla_cbor_inside(&map);
    for (size_t i = 0; i < FIELDS; i++) {
        assert_true(bulla_cbor_next(&walk, &item));
        right[i].key = item.encoded;
        assert_true(bulla_cbor_next(&walk, &item));
        right[i].value = item.encoded;
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    nitro_pki_free(&pki);
    return 0;
}

static enum bulla_reason sign_and_verify(struct bulla_bytes bytes)
{
    static uint8_t document[LARGEST + 1024];
    const struct bulla_verification verification = {
        .document = {document, nitro_payload_sign(&pki, bytes, document, sizeof document)},
        .roots = (const uint8_t(*)[32])pki.root,
        .root_count = 1,
    };
    return bulla_nitro_verifier.verify(&verification, &claims);
}

static enum bulla_reason judge_fields(const struct field *fields, size_t count, bool indefinite)
{
    static uint8_t changed[LARGEST];
    struct bulla_writer writer;
    bulla_writer_open(&writer, changed, sizeof changed);
    if (indefinite)
        bulla_write_u8(&writer, 0xbf);
    else
        bulla_cbor_write_map(&writer, count);
    for (size_t i = 0; i < count; i++) {
        bulla_write_bytes(&writer, fields[i].key);
        bulla_write_bytes(&writer, fields[i].value);
    }
    if (indefinite)
        bulla_write_u8(&writer, 0xff);
    assert_int_equal(bulla_writer_finish(&writer, "a payload"), BULLA_OK);
    return sign_and_verify(bulla_writer_bytes(&writer));
}

/* The right fields with another value for one. */
static enum bulla_reason judge_value(size_t which, struct bulla_bytes value)
{
    struct field fields[FIELDS];
    memcpy(fields, right, sizeof fields);
    fields[which].value = value;
    return judge_fields(fields, FIELDS, false);
}

static enum bulla_reason judge_hex(size_t which, const char *hex)
{
    uint8_t value[4096];
    return judge_value(which, (struct bulla_bytes){value, test_hex(hex, value, sizeof value)});
}

/* A string of `size` bytes "x". */
static enum bulla_reason judge_size(size_t which, size_t size, bool text)
{
    static uint8_t value[LARGEST];
    static char content[LARGEST];
    struct bulla_writer writer;
    memset(content, 'x', size);
    content[size] = '\0';
    bulla_writer_open(&writer, value, sizeof value);
    if (text)
        bulla_cbor_write_tstr(&writer, content);
    else
        bulla_cbor_write_bstr(&writer, (struct bulla_bytes){(const uint8_t *)content, size});
    assert_int_equal(bulla_writer_finish(&writer, "a value"), BULLA_OK);
    return judge_value(which, bulla_writer_bytes(&writer));
}

static void the_fields_as_they_were_are_taken_in_any_order_and_any_length_form(void **state)
{
    (void)state;
    struct field reversed[FIELDS];
    for (size_t i = 0; i < FIELDS; i++)
        reversed[i] = right[FIELDS - 1 - i];
    assert_int_equal(judge_fields(right, FIELDS, false), BULLA_OK);
    assert_int_equal(judge_fields(right, FIELDS, true), BULLA_OK);
    assert_int_equal(judge_fields(reversed, FIELDS, false), BULLA_OK);
    assert_int_equal(claims.measurement_count, NITRO_PCRS);
}

static void no_field_can_be_left_out_or_come_twice(void **state)
{
    (void)state;
    for (size_t which = 0; which < FIELDS; which++) {
        struct field fields[FIELDS + 1];
        size_t count = 0;
        for (size_t i = 0; i < FIELDS; i++)
            if (i != which)
                fields[count++] = right[i];
        assert_int_equal(judge_fields(fields, count, false), BULLA_MALFORMED);
        assert_int_equal(judge_fields(fields, count, true), BULLA_MALFORMED);
        fields[count++] = right[which];
        assert_int_equal(judge_fields(fields, count, false), BULLA_OK);
        fields[count++] = right[which];
        assert_int_equal(judge_fields(fields, count, false), BULLA_DUPLICATE);
        assert_int_equal(judge_fields(fields, count, true), BULLA_DUPLICATE);
    }
}

static void a_field_that_is_not_known_is_refused(void **state)
{
    (void)state;
    struct field fields[FIELDS + 1];
    memcpy(fields, right, sizeof right);
    fields[FIELDS] = (struct field){BULLA_TEXT("\x65"
                                               "extra"),
        BULLA_TEXT("\x01")};
    assert_int_equal(judge_fields(fields, FIELDS + 1, false), BULLA_UNKNOWN_FIELD);
    fields[FIELDS].key = BULLA_TEXT("\x01");
    assert_int_equal(judge_fields(fields, FIELDS + 1, false), BULLA_UNKNOWN_FIELD);
}

/* Of every type that CBOR has; what the field takes is among them. */
static enum bulla_reason expected_of(size_t which, const char *value)
{
    static const struct {
        size_t which;
        const char *value;
        enum bulla_reason reason;
    } taken[] = {
        {MODULE_ID, "6161", BULLA_OK},
        {DIGEST, "6161", BULLA_UNSUPPORTED},     /* a text, and another than SHA384 */
        {TIMESTAMP, "01", BULLA_EVIDENCE_STALE}, /* second 0 of 1970 is no time */
        {CERTIFICATE, "4101", BULLA_MALFORMED},  /* bytes, and no certificate */
        {PUBLIC_KEY, "4101", BULLA_OK},
        {PUBLIC_KEY, "f6", BULLA_OK},
        {USER_DATA, "4101", BULLA_OK},
        {USER_DATA, "f6", BULLA_OK},
        {NONCE, "4101", BULLA_OK},
        {NONCE, "f6", BULLA_OK},
    };
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (taken[i].which == which && strcmp(taken[i].value, value) == 0)
            return taken[i].reason;
    return BULLA_MALFORMED;
}

static void no_field_can_be_of_another_type(void **state)
{
    (void)state;
    static const char *const values[] = {"01", "20", "4101", "6161", "8101", "a10101", "c101", "f5", "f6", "f93c00"};
    for (size_t which = 0; which < FIELDS; which++) {
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            enum bulla_reason reason = judge_hex(which, values[i]);
            if (reason != expected_of(which, values[i]))
                fail_msg("field %zu as %s: %s", which, values[i], bulla_reason_code(reason));
        }
    }
}

static void sizes_are_kept(void **state)
{
    (void)state;
    static const struct {
        size_t which, size;
        bool text;
        enum bulla_reason reason;
    } rows[] = {
        {MODULE_ID, 0, true, BULLA_MALFORMED},
        {MODULE_ID, 1, true, BULLA_OK},
        {MODULE_ID, 4096, true, BULLA_OK},
        {CERTIFICATE, 0, false, BULLA_MALFORMED},
        {CERTIFICATE, 1025, false, BULLA_MALFORMED},
        {PUBLIC_KEY, 0, false, BULLA_MALFORMED},
        {PUBLIC_KEY, 1, false, BULLA_OK},
        {PUBLIC_KEY, 1024, false, BULLA_OK},
        {PUBLIC_KEY, 1025, false, BULLA_MALFORMED},
        {USER_DATA, 0, false, BULLA_OK},
        {USER_DATA, 512, false, BULLA_OK},
        {USER_DATA, 513, false, BULLA_MALFORMED},
        {NONCE, 0, false, BULLA_OK},
        {NONCE, 512, false, BULLA_OK},
        {NONCE, 513, false, BULLA_MALFORMED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum bulla_reason reason = judge_size(rows[i].which, rows[i].size, rows[i].text);
        if (reason != rows[i].reason)
            fail_msg("field %zu of %zu bytes: %s", rows[i].which, rows[i].size, bulla_detail());
    }
    assert_int_equal(judge_hex(TIMESTAMP, "00"), BULLA_MALFORMED);
    assert_int_equal(judge_hex(DIGEST, "66534841333834"), BULLA_OK);
    assert_int_equal(judge_hex(DIGEST, "66534841323536"), BULLA_UNSUPPORTED);
    assert_int_equal(judge_hex(DIGEST, "60"), BULLA_UNSUPPORTED);
    assert_int_equal(judge_hex(MODULE_ID, "62c328"), BULLA_NOT_TEXT);
}

static void a_payload_is_at_most_16384_bytes(void **state)
{
    (void)state;
    size_t others = 0;
    for (size_t i = 0; i < FIELDS; i++)
        others += right[i].key.size + (i == MODULE_ID ? 0 : right[i].value.size);
    size_t room = 16384 - 1 - others - 3; /* the map's head, and a text's */
    assert_int_equal(judge_size(MODULE_ID, room, true), BULLA_OK);
    assert_int_equal(judge_size(MODULE_ID, room + 1, true), BULLA_TOO_LARGE);
}

static void bytes_behind_the_map_are_refused(void **state)
{
    (void)state;
    size_t size = nitro_payload_make(&pki, &wanted, payload, sizeof payload - 1);
    payload[size] = 0;
    assert_int_equal(sign_and_verify((struct bulla_bytes){payload, size}), BULLA_OK);
    assert_int_equal(sign_and_verify((struct bulla_bytes){payload, size + 1}), BULLA_TRAILING);
    assert_int_equal(sign_and_verify((struct bulla_bytes){payload, size - 1}), BULLA_TRUNCATED);
}

/* PCRs */

struct pcrs {
    uint8_t memory[4096];
    struct bulla_writer writer;
};

static void open_pcrs(struct pcrs *pcrs, size_t count)
{
    bulla_writer_open(&pcrs->writer, pcrs->memory, sizeof pcrs->memory);
    bulla_cbor_write_map(&pcrs->writer, count);
}

static void add_pcr(struct pcrs *pcrs, uint64_t index, size_t size, uint8_t fill)
{
    uint8_t value[128];
    memset(value, fill, sizeof value);
    bulla_cbor_write_uint(&pcrs->writer, index);
    bulla_cbor_write_bstr(&pcrs->writer, (struct bulla_bytes){value, size});
}

static enum bulla_reason judge_pcrs(const struct pcrs *pcrs)
{
    return judge_value(PCRS, bulla_writer_bytes(&pcrs->writer));
}

static void any_number_of_pcrs_up_to_32_is_taken(void **state)
{
    (void)state;
    for (size_t count = 0; count <= 33; count++) {
        struct pcrs pcrs;
        open_pcrs(&pcrs, count);
        for (size_t i = 0; i < count; i++)
            add_pcr(&pcrs, i, 48, 1);
        assert_int_equal(judge_pcrs(&pcrs), count >= 3 && count <= 32 ? BULLA_OK : BULLA_MALFORMED);
        if (count >= 3 && count <= 32)
            assert_int_equal(claims.measurement_count, count);
    }
    const struct bulla_measurement *last = bulla_claims_find(&claims, "pcr31");
    assert_null(last); /* 33 were refused, and left nothing */
}

static void a_pcr_has_one_of_three_sizes(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 65; size++) {
        struct pcrs pcrs;
        open_pcrs(&pcrs, 4);
        for (size_t i = 0; i < 4; i++)
            add_pcr(&pcrs, i, i == 3 ? size : 48, 1);
        bool taken = size == 32 || size == 48 || size == 64;
        assert_int_equal(judge_pcrs(&pcrs), taken ? BULLA_OK : BULLA_MALFORMED);
    }
}

static void a_pcr_that_occurs_twice_is_refused(void **state)
{
    (void)state;
    for (unsigned twice = 0; twice < 4; twice++) {
        struct pcrs pcrs;
        open_pcrs(&pcrs, 5);
        for (size_t i = 0; i < 4; i++)
            add_pcr(&pcrs, i, 48, 1);
        add_pcr(&pcrs, twice, 48, 2);
        assert_int_equal(judge_pcrs(&pcrs), BULLA_DUPLICATE);
    }
}

static void the_pcrs_of_the_code_must_be_there(void **state)
{
    (void)state;
    for (size_t missing = 0; missing < 5; missing++) {
        struct pcrs pcrs;
        open_pcrs(&pcrs, 4);
        for (size_t i = 0; i < 5; i++)
            if (i != missing)
                add_pcr(&pcrs, i, 48, 1);
        assert_int_equal(judge_pcrs(&pcrs), missing < 3 ? BULLA_MALFORMED : BULLA_OK);
    }
}

static void each_zero_pcr_of_the_code_shows_debugging(void **state)
{
    (void)state;
    for (size_t zero = 0; zero < 5; zero++) {
        struct pcrs pcrs;
        open_pcrs(&pcrs, 5);
        for (size_t i = 0; i < 5; i++)
            add_pcr(&pcrs, i, 48, i == zero ? 0 : 1);
        assert_int_equal(judge_pcrs(&pcrs), zero < 3 ? BULLA_EVIDENCE_DEBUG : BULLA_OK);
    }
}

static void indexes_and_values_of_other_types_are_refused(void **state)
{
    (void)state;
    static const char *const entries[] = {"2001", "613001",
        "1820"
        "4101",
        "0301", "036161", "03f6", "0380"};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        struct pcrs pcrs;
        uint8_t bytes[16];
        open_pcrs(&pcrs, 4);
        for (size_t j = 0; j < 3; j++)
            add_pcr(&pcrs, j, 48, 1);
        bulla_write(&pcrs.writer, bytes, test_hex(entries[i], bytes, sizeof bytes));
        assert_int_equal(judge_pcrs(&pcrs), BULLA_MALFORMED);
    }
}

/* cabundle */

static void bundles_of_other_forms_are_refused(void **state)
{
    (void)state;
    assert_int_equal(judge_hex(BUNDLE, "80"), BULLA_MALFORMED);
    assert_int_equal(judge_hex(BUNDLE, "8140"), BULLA_MALFORMED);
    assert_int_equal(judge_hex(BUNDLE, "8101"), BULLA_MALFORMED);
    assert_int_equal(judge_hex(BUNDLE, "814101"), BULLA_MALFORMED); /* no certificate */
    assert_int_equal(judge_hex(BUNDLE, "8841014101410141014101410141014101"), BULLA_TOO_LARGE);
    uint8_t large[2048];
    uint8_t zeros[1025] = {0};
    struct bulla_writer writer;
    bulla_writer_open(&writer, large, sizeof large);
    bulla_cbor_write_array(&writer, 1);
    bulla_cbor_write_bstr(&writer, BULLA_BYTES(zeros));
    assert_int_equal(judge_value(BUNDLE, bulla_writer_bytes(&writer)), BULLA_MALFORMED);
}

static void a_bundle_of_indefinite_length_is_taken(void **state)
{
    (void)state;
    static uint8_t bytes[NITRO_DOCUMENT];
    struct bulla_writer writer;
    bulla_writer_open(&writer, bytes, sizeof bytes);
    bulla_write_u8(&writer, 0x9f);
    for (size_t i = 0; i < NITRO_LEAF; i++)
        bulla_cbor_write_bstr(&writer, (struct bulla_bytes){pki.der[i], pki.size[i]});
    bulla_write_u8(&writer, 0xff);
    assert_int_equal(judge_value(BUNDLE, bulla_writer_bytes(&writer)), BULLA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fields_as_they_were_are_taken_in_any_order_and_any_length_form),
        cmocka_unit_test(no_field_can_be_left_out_or_come_twice),
        cmocka_unit_test(a_field_that_is_not_known_is_refused),
        cmocka_unit_test(no_field_can_be_of_another_type),
        cmocka_unit_test(sizes_are_kept),
        cmocka_unit_test(a_payload_is_at_most_16384_bytes),
        cmocka_unit_test(bytes_behind_the_map_are_refused),
        cmocka_unit_test(any_number_of_pcrs_up_to_32_is_taken),
        cmocka_unit_test(a_pcr_has_one_of_three_sizes),
        cmocka_unit_test(a_pcr_that_occurs_twice_is_refused),
        cmocka_unit_test(the_pcrs_of_the_code_must_be_there),
        cmocka_unit_test(each_zero_pcr_of_the_code_shows_debugging),
        cmocka_unit_test(indexes_and_values_of_other_types_are_refused),
        cmocka_unit_test(bundles_of_other_forms_are_refused),
        cmocka_unit_test(a_bundle_of_indefinite_length_is_taken),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
