#include "support/test.h"

#include <openssl/sha.h>
#include <string.h>

#include "evidence/report.h"
#include "support/vectors.h"

static const struct bulla_report full = {
    .purpose = BULLA_PURPOSE_ATTEST,
    .verifier = {(const uint8_t *)"v", 1},
    .nonce = {(const uint8_t *)"nonce678", 8},
    .public_key = {(const uint8_t *)"key", 3},
    .token = {(const uint8_t *)"0123456789abcdef", 16},
    .object = {(const uint8_t *)"ABCDEFGHIJKLMNOP", 16},
    .path = {(const uint8_t *)"0/1", 3},
    .operation = {(const uint8_t *)"open", 4},
    .grant_signer = {(const uint8_t *)"g", 1},
    .authority = {(const uint8_t *)"a", 1},
    .policy_version = 258,
};

static struct bulla_bytes written(const struct bulla_report *report, uint8_t memory[static BULLA_REPORT_LARGEST])
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, memory, BULLA_REPORT_LARGEST);
    assert_int_equal(bulla_report_write(report, &writer), BULLA_OK);
    return bulla_writer_bytes(&writer);
}

/* Put together by hand from RFC 8949: 8c array(12), 6n text, 4n bytes, 19 0102 the number 258. */
static void a_report_is_the_array_that_the_format_says(void **state)
{
    (void)state;
    uint8_t memory[BULLA_REPORT_LARGEST], expected[256];
    size_t size = test_hex("8c"
                           "67"
                           "62756c6c612f31"
                           "66"
                           "617474657374"
                           "41"
                           "76"
                           "48"
                           "6e6f6e6365363738"
                           "43"
                           "6b6579"
                           "50"
                           "30313233343536373839616263646566"
                           "50"
                           "4142434445464748494a4b4c4d4e4f50"
                           "63"
                           "302f31"
                           "64"
                           "6f70656e"
                           "41"
                           "67"
                           "41"
                           "61"
                           "190102",
        expected, sizeof expected);
    struct bulla_bytes bytes = written(&full, memory);
    assert_int_equal(bytes.size, size);
    assert_memory_equal(bytes.data, expected, size);
    uint8_t digest[32], hash[32];
    bulla_report_digest(bytes, digest);
    assert_memory_equal(digest, SHA256(expected, size, hash), 32);
}

static void a_report_reads_back_as_it_was(void **state)
{
    (void)state;
    uint8_t memory[BULLA_REPORT_LARGEST];
    struct bulla_report read;
    assert_int_equal(bulla_report_read(written(&full, memory), &read), BULLA_OK);
    assert_int_equal(read.purpose, BULLA_PURPOSE_ATTEST);
    assert_true(bulla_bytes_equal(read.verifier, full.verifier));
    assert_true(bulla_bytes_equal(read.nonce, full.nonce));
    assert_true(bulla_bytes_equal(read.public_key, full.public_key));
    assert_true(bulla_bytes_equal(read.token, full.token));
    assert_true(bulla_bytes_equal(read.object, full.object));
    assert_true(bulla_bytes_equal(read.path, full.path));
    assert_true(bulla_bytes_equal(read.operation, full.operation));
    assert_true(bulla_bytes_equal(read.grant_signer, full.grant_signer));
    assert_true(bulla_bytes_equal(read.authority, full.authority));
    assert_int_equal(read.policy_version, 258);
}

static void what_was_made_for_one_purpose_is_not_taken_for_another(void **state)
{
    (void)state;
    uint8_t digests[BULLA_PURPOSE_COUNT][32], memory[BULLA_REPORT_LARGEST];
    for (int i = 0; i < BULLA_PURPOSE_COUNT; i++) {
        struct bulla_report report = full, read;
        report.purpose = (enum bulla_purpose)i;
        struct bulla_bytes bytes = written(&report, memory);
        assert_int_equal(bulla_report_read(bytes, &read), BULLA_OK);
        for (int wanted = 0; wanted < BULLA_PURPOSE_COUNT; wanted++)
            assert_int_equal(read.purpose == (enum bulla_purpose)wanted, i == wanted);
        bulla_report_digest(bytes, digests[i]);
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(digests[i], digests[j], 32);
    }
}

/* Each part by itself decides the digest, and a byte moved from one part to its neighbour is seen. */
static void every_part_changes_the_digest(void **state)
{
    (void)state;
    struct bulla_report changed[11];
    uint8_t memory[BULLA_REPORT_LARGEST], digests[12][32];
    for (int i = 0; i < 11; i++)
        changed[i] = full;
    changed[0].verifier.size = 0;
    changed[1].nonce.size--;
    changed[2].public_key.size--;
    changed[3].token.data = (const uint8_t *)"0123456789abcdeF";
    changed[4].object.size = 0;
    changed[5].path.size--;
    changed[6].operation.size--;
    changed[7].grant_signer.size = 0;
    changed[8].authority.size = 0;
    changed[9].policy_version++;
    changed[10].grant_signer = full.authority;
    changed[10].authority = full.grant_signer;
    bulla_report_digest(written(&full, memory), digests[11]);
    for (int i = 0; i < 11; i++) {
        bulla_report_digest(written(&changed[i], memory), digests[i]);
        assert_memory_not_equal(digests[i], digests[11], 32);
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(digests[i], digests[j], 32);
    }
}

static void parts_beyond_their_bounds_are_refused_when_written(void **state)
{
    (void)state;
    static const uint8_t long_bytes[300] = {'x'};
    uint8_t memory[BULLA_REPORT_LARGEST];
    struct bulla_report wrong[13];
    for (int i = 0; i < 13; i++)
        wrong[i] = full;
    wrong[0].verifier = (struct bulla_bytes){long_bytes, 129};
    wrong[1].nonce = (struct bulla_bytes){long_bytes, 65};
    wrong[2].public_key = (struct bulla_bytes){long_bytes, 129};
    wrong[3].token.size = 15;
    wrong[4].token.size = 0;
    wrong[5].object.size = 1;
    wrong[6].object = (struct bulla_bytes){long_bytes, 17};
    wrong[7].path = (struct bulla_bytes){long_bytes, 257};
    wrong[8].operation = (struct bulla_bytes){long_bytes, 65};
    wrong[9].grant_signer = (struct bulla_bytes){long_bytes, 129};
    wrong[10].authority = (struct bulla_bytes){long_bytes, 129};
    wrong[11].purpose = BULLA_PURPOSE_COUNT;
    wrong[12].path = (struct bulla_bytes){(const uint8_t *)"\xff", 1};
    for (int i = 0; i < 13; i++) {
        struct bulla_writer writer;
        bulla_writer_open(&writer, memory, sizeof memory);
        assert_int_not_equal(bulla_report_write(&wrong[i], &writer), BULLA_OK);
    }
}

static void the_largest_report_fits(void **state)
{
    (void)state;
    uint8_t text[300], memory[BULLA_REPORT_LARGEST];
    memset(text, 'x', sizeof text);
    struct bulla_report report = full, read;
    report.purpose = BULLA_PURPOSE_RELEASE;
    report.verifier = report.public_key = (struct bulla_bytes){text, 128};
    report.grant_signer = report.authority = (struct bulla_bytes){text, 128};
    report.nonce = report.operation = (struct bulla_bytes){text, 64};
    report.path = (struct bulla_bytes){text, 256};
    report.policy_version = UINT64_MAX;
    assert_int_equal(bulla_report_read(written(&report, memory), &read), BULLA_OK);
    assert_int_equal(read.policy_version, UINT64_MAX);
}

static void a_small_buffer_is_refused(void **state)
{
    (void)state;
    uint8_t memory[BULLA_REPORT_LARGEST];
    size_t size = written(&full, memory).size;
    for (size_t capacity = 0; capacity < size; capacity++) {
        struct bulla_writer writer;
        bulla_writer_open(&writer, memory, capacity);
        assert_int_equal(bulla_report_write(&full, &writer), BULLA_BUFFER_SMALL);
    }
}

static void only_the_one_encoding_is_read(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "80",
        "a0",
        "8c",
        /* another format's name; an unknown purpose; a number for the purpose; eleven parts; thirteen */
        "8c6762756c6c612f32666174746573744040405030313233343536373839616263646566406060404000",
        "8c6762756c6c612f31666174746573784040405030313233343536373839616263646566406060404000",
        "8c6762756c6c612f31004040405030313233343536373839616263646566406060404000",
        "8b6762756c6c612f316661747465737440404050303132333435363738396162636465664060604040",
        "8d6762756c6c612f3166617474657374404040503031323334353637383961626364656640606040400000",
        /* path as bytes; token absent; version as text; version not the shortest; indefinite array; a byte after it */
        "8c6762756c6c612f31666174746573744040405030313233343536373839616263646566404060404000",
        "8c6762756c6c612f316661747465737440404040406060404000",
        "8c6762756c6c612f31666174746573744040405030313233343536373839616263646566406060404060",
        "8c6762756c6c612f3166617474657374404040503031323334353637383961626364656640606040401800",
        "9f6762756c6c612f31666174746573744040405030313233343536373839616263646566406060404000ff",
        "8c6762756c6c612f3166617474657374404040503031323334353637383961626364656640606040400000",
    };
    static const char right[] = "8c6762756c6c612f31666174746573744040405030313233343536373839616263646566406060404000";
    struct bulla_report read;
    uint8_t bytes[256];
    size_t size = test_hex(right, bytes, sizeof bytes);
    assert_int_equal(bulla_report_read((struct bulla_bytes){bytes, size}, &read), BULLA_OK);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_not_equal(bulla_report_read((struct bulla_bytes){bytes, cut}, &read), BULLA_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        size = test_hex(wrong[i], bytes, sizeof bytes);
        assert_int_not_equal(bulla_report_read((struct bulla_bytes){bytes, size}, &read), BULLA_OK);
    }
}

static void an_unknown_purpose_has_no_name_of_another(void **state)
{
    (void)state;
    assert_string_equal(bulla_purpose_name(BULLA_PURPOSE_RELEASE), "release");
    assert_string_equal(bulla_purpose_name(BULLA_PURPOSE_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_is_the_array_that_the_format_says),
        cmocka_unit_test(a_report_reads_back_as_it_was),
        cmocka_unit_test(what_was_made_for_one_purpose_is_not_taken_for_another),
        cmocka_unit_test(every_part_changes_the_digest),
        cmocka_unit_test(parts_beyond_their_bounds_are_refused_when_written),
        cmocka_unit_test(the_largest_report_fits),
        cmocka_unit_test(a_small_buffer_is_refused),
        cmocka_unit_test(only_the_one_encoding_is_read),
        cmocka_unit_test(an_unknown_purpose_has_no_name_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
