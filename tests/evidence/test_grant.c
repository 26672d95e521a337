#include "support/test.h"

#include <stdio.h>
#include <string.h>

#include "evidence/grant.h"
#include "evidence/signed_document.h"
#include "grant_fixture.h"
#include "signers.h"
#include "support/vectors.h"

static struct test_p256 authority, other;
static uint8_t memory[BULLA_GRANT_DOCUMENT_LARGEST + 64];
static const struct bulla_bytes anyone = {NULL, 0};

/* --- the map: bytes written out by hand after RFC 8949, and what may not stand in them --- */

#define ID "0050000102030405060708090a0b0c0d0e0f"
#define WHO "0168757365723a616e6e" /* "user:ann" */
#define MAY "0201"
#define FROM "0300"
#define UNTIL "0401"
#define LEAST ID WHO MAY FROM UNTIL
#define FULL                                                                                                           \
    "a9" ID WHO MAY "031a6553f100041a6b49d200"                                                                         \
    "05426d31"                                                                                                         \
    "060a"                                                                                                             \
    "0702"                                                                                                             \
    "08183c"

static struct bulla_bytes unhex(const char *hex, uint8_t bytes[static 512])
{
    return (struct bulla_bytes){bytes, test_hex(hex, bytes, 512)};
}

static enum bulla_reason read_hex(const char *hex, struct bulla_grant *grant)
{
    static const struct bulla_grant empty;
    uint8_t bytes[512];
    struct bulla_cbor map;
    BULLA_TRY(bulla_cbor_decode(unhex(hex, bytes), "grant", &map));
    memset(grant, 0xff, sizeof *grant);
    enum bulla_reason reason = bulla_grant_read_map(&map, grant);
    if (reason != BULLA_OK)
        assert_memory_equal(grant, &empty, sizeof empty); /* nothing of a refused grant is left */
    return reason;
}

static void a_grant_has_the_bytes_that_its_format_gives_it(void **state)
{
    (void)state;
    struct bulla_grant grant, read;
    uint8_t expected[512], written[512];
    struct bulla_writer writer;
    grant_fill(&grant);
    bulla_writer_open(&writer, written, sizeof written);
    bulla_grant_write_map(&writer, &grant);
    struct bulla_bytes bytes = unhex(FULL, expected);
    assert_int_equal(writer.size, bytes.size);
    assert_memory_equal(written, expected, bytes.size);
    assert_int_equal(read_hex(FULL, &read), BULLA_OK);
    assert_memory_equal(&read, &grant, sizeof grant);
}

static void what_is_not_limited_is_left_out(void **state)
{
    (void)state;
    struct bulla_grant grant, read;
    uint8_t expected[512], written[512];
    struct bulla_writer writer;
    grant_fill(&grant);
    memset(grant.object, 0, sizeof grant.object);
    grant.object_size = 0;
    grant.uses = grant.rate = grant.rate_seconds = 0;
    grant.not_before = 0;
    grant.not_after = 1;
    bulla_writer_open(&writer, written, sizeof written);
    bulla_grant_write_map(&writer, &grant);
    struct bulla_bytes bytes = unhex("a5" LEAST, expected);
    assert_int_equal(writer.size, bytes.size);
    assert_memory_equal(written, expected, bytes.size);
    assert_int_equal(read_hex("a5" LEAST, &read), BULLA_OK);
    assert_memory_equal(&read, &grant, sizeof grant);
}

static const struct {
    const char *what, *hex;
    enum bulla_reason reason;
} forms[] = {
    {"no map", "80", BULLA_MALFORMED},
    {"an id of 15 bytes", "a5004f000102030405060708090a0b0c0d0e" WHO MAY FROM UNTIL, BULLA_MALFORMED},
    {"an id of 17 bytes", "a50051000102030405060708090a0b0c0d0e0f10" WHO MAY FROM UNTIL, BULLA_MALFORMED},
    {"nobody", "a5" ID "0160" MAY FROM UNTIL, BULLA_MALFORMED},
    {"a principal in bytes", "a5" ID "0148757365723a616e6e" MAY FROM UNTIL, BULLA_MALFORMED},
    {"no operation", "a5" ID WHO "0200" FROM UNTIL, BULLA_MALFORMED},
    {"an unknown operation", "a5" ID WHO "02190200" FROM UNTIL, BULLA_MALFORMED},
    {"an unknown operation beside one", "a5" ID WHO "02190201" FROM UNTIL, BULLA_MALFORMED},
    {"over before it begins", "a5" ID WHO MAY "0302" UNTIL, BULLA_MALFORMED},
    {"for ever", "a5" ID WHO MAY FROM "0400", BULLA_MALFORMED},
    {"an empty object", "a6" LEAST "0540", BULLA_MALFORMED},
    {"an object in text", "a6" LEAST "05626d31", BULLA_MALFORMED},
    {"an object of 65 bytes",
        "a6" LEAST "055841000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f"
        "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f00",
        BULLA_MALFORMED},
    {"no uses", "a6" LEAST "0600", BULLA_MALFORMED},
    {"a rate without seconds", "a6" LEAST "0701", BULLA_MALFORMED},
    {"seconds without a rate", "a6" LEAST "0801", BULLA_MALFORMED},
    {"a rate of nothing", "a7" LEAST "07000801", BULLA_MALFORMED},
    {"a rate in no time", "a7" LEAST "07010800", BULLA_MALFORMED},
    {"a rate above 32 bits", "a7" LEAST "071b00000001000000000801", BULLA_MALFORMED},
    {"seconds above 32 bits", "a7" LEAST "0701081b0000000100000000", BULLA_MALFORMED},
    {"no id", "a4" WHO MAY FROM UNTIL, BULLA_MALFORMED},
    {"no principal", "a4" ID MAY FROM UNTIL, BULLA_MALFORMED},
    {"no operations", "a4" ID WHO FROM UNTIL, BULLA_MALFORMED},
    {"no beginning", "a4" ID WHO MAY UNTIL, BULLA_MALFORMED},
    {"no end", "a4" ID WHO MAY FROM, BULLA_MALFORMED},
    {"an unknown field", "a6" LEAST "0901", BULLA_UNKNOWN_FIELD},
    {"a field twice", "a6" ID WHO MAY MAY FROM UNTIL, BULLA_DUPLICATE},
    {"fields out of order", "a5" ID WHO FROM MAY UNTIL, BULLA_NOT_CANONICAL},
    {"a number with a longer head", "a5" ID WHO "021801" FROM UNTIL, BULLA_NOT_CANONICAL},
    {"a map without a length", "bf" LEAST "ff", BULLA_NOT_CANONICAL},
    {"a byte behind it", "a5" LEAST "00", BULLA_TRAILING},
    {"one field less than announced", "a6" LEAST, BULLA_TRUNCATED},
};

static void a_grant_of_another_form_is_refused(void **state)
{
    (void)state;
    struct bulla_grant grant;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        enum bulla_reason reason = read_hex(forms[i].hex, &grant);
        if (reason != forms[i].reason)
            fail_msg("%s: %s (%s)", forms[i].what, bulla_reason_code(reason), bulla_detail());
    }
}

static void a_principal_that_is_none_or_has_another_form_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"root:ann", "user:", "user:Ann", "ann", "anyone ", "ethereum:0x12",
        "ethereum:0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", /* EIP-55's own, which people may write, but no grant */

        "ethereum:0xABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCD",
        "ed25519:D75A980182B10AB7D54BFED3C964073A0EE172F3DAA62325AF021A68F707511A"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint8_t head[512], bytes[512];
        struct bulla_writer writer;
        struct bulla_cbor map;
        struct bulla_grant grant;
        bulla_writer_open(&writer, bytes, sizeof bytes);
        bulla_write_bytes(&writer, unhex("a5" ID, head));
        bulla_signed_text(&writer, 1, BULLA_TEXT(texts[i]));
        bulla_signed_number(&writer, 2, 1);
        bulla_signed_number(&writer, 3, 0);
        bulla_signed_number(&writer, 4, 1);
        assert_int_equal(bulla_cbor_decode(bulla_writer_bytes(&writer), "grant", &map), BULLA_OK);
        if (bulla_grant_read_map(&map, &grant) == BULLA_OK)
            fail_msg("taken: %s", texts[i]);
    }
}

static void operations_are_named_as_commands_name_them(void **state)
{
    (void)state;
    uint32_t mask = 0;
    assert_string_equal(bulla_grant_operation_name(BULLA_MAY_INFER), "infer");
    assert_string_equal(bulla_grant_operation_name(BULLA_MAY_UNWRAP), "unwrap");
    assert_null(bulla_grant_operation_name((enum bulla_grant_operation)0));
    assert_null(bulla_grant_operation_name((enum bulla_grant_operation)3));
    assert_null(bulla_grant_operation_name((enum bulla_grant_operation)512));
    for (uint32_t bit = 1; bit <= BULLA_MAY_ALL; bit <<= 1) {
        assert_int_equal(
            bulla_grant_operations_parse(bulla_grant_operation_name((enum bulla_grant_operation)bit), &mask), BULLA_OK);
        assert_int_equal(mask, bit);
    }
    assert_int_equal(bulla_grant_operations_parse("infer,sign", &mask), BULLA_OK);
    assert_int_equal(mask, BULLA_MAY_INFER | BULLA_MAY_SIGN);
    assert_int_equal(bulla_grant_operations_parse("all", &mask), BULLA_OK);
    assert_int_equal(mask, BULLA_MAY_ALL);
    static const char *const wrong[] = {
        "", "infer,", ",infer", "infer,infer", "all,infer", "infer,all", "Infer", "infer sign", "inferx", "none"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(bulla_grant_operations_parse(wrong[i], &mask), BULLA_ARGUMENT);
        assert_int_equal(mask, 0);
    }
}

/* --- documents --- */

static struct bulla_bytes signed_grant(struct bulla_grant_document *document)
{
    struct bulla_writer writer;
    memset(document, 0, sizeof *document);
    memcpy(document->authority, authority.point, sizeof document->authority);
    document->epoch = 3;
    grant_fill(&document->grant);
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_equal(bulla_grant_sign(document, &authority.signer, &writer), BULLA_OK);
    return bulla_writer_bytes(&writer);
}

static struct bulla_bytes signed_revocation(struct bulla_revocation *revocation, size_t count)
{
    struct bulla_writer writer;
    memset(revocation, 0, sizeof *revocation);
    memcpy(revocation->authority, authority.point, sizeof revocation->authority);
    revocation->count = count;
    for (size_t i = 0; i < count; i++)
        revocation->ids[i][0] = (uint8_t)(i + 1);
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_equal(bulla_revocation_sign(revocation, &authority.signer, &writer), BULLA_OK);
    return bulla_writer_bytes(&writer);
}

static void a_signed_grant_reads_back_as_it_was(void **state)
{
    (void)state;
    struct bulla_grant_document document, read;
    struct bulla_bytes bytes = signed_grant(&document);
    assert_int_equal(bulla_grant_read(bytes, BULLA_BYTES(authority.point), &read), BULLA_OK);
    assert_memory_equal(&read, &document, sizeof read);
    assert_int_equal(bulla_grant_read(bytes, anyone, &read), BULLA_OK);
    assert_memory_equal(&read, &document, sizeof read);
}

static void a_signed_revocation_reads_back_as_it_was(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 64};
    for (size_t i = 0; i < 3; i++) {
        struct bulla_revocation revocation, read;
        struct bulla_bytes bytes = signed_revocation(&revocation, counts[i]);
        assert_int_equal(bulla_revocation_read(bytes, BULLA_BYTES(authority.point), &read), BULLA_OK);
        assert_memory_equal(&read, &revocation, sizeof read);
    }
}

static enum bulla_reason read_grant(struct bulla_bytes bytes, struct bulla_bytes by)
{
    static const struct bulla_grant_document empty;
    struct bulla_grant_document read;
    memset(&read, 0xff, sizeof read);
    enum bulla_reason reason = bulla_grant_read(bytes, by, &read);
    if (reason != BULLA_OK)
        assert_memory_equal(&read, &empty, sizeof empty);
    return reason;
}

static enum bulla_reason read_revocation(struct bulla_bytes bytes, struct bulla_bytes by)
{
    static const struct bulla_revocation empty;
    struct bulla_revocation read;
    memset(&read, 0xff, sizeof read);
    enum bulla_reason reason = bulla_revocation_read(bytes, by, &read);
    if (reason != BULLA_OK)
        assert_memory_equal(&read, &empty, sizeof empty);
    return reason;
}

typedef enum bulla_reason reading(struct bulla_bytes bytes, struct bulla_bytes by);

static void tamper(reading *read, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            memory[i] ^= (uint8_t)(1u << bit);
            if (read((struct bulla_bytes){memory, size}, BULLA_BYTES(authority.point)) == BULLA_OK)
                fail_msg("accepted with bit %u of byte %zu changed", bit, i);
            memory[i] ^= (uint8_t)(1u << bit);
        }
        assert_int_not_equal(read((struct bulla_bytes){memory, i}, anyone), BULLA_OK);
    }
    memory[size] = 0;
    assert_int_equal(read((struct bulla_bytes){memory, size + 1}, anyone), BULLA_TRAILING);
    assert_int_equal(read((struct bulla_bytes){memory, size}, BULLA_BYTES(other.point)), BULLA_POLICY_AUTHORITY);
    assert_int_equal(read((struct bulla_bytes){memory, size}, anyone), BULLA_OK); /* nothing was left changed */
}

static void no_changed_byte_of_a_document_is_accepted(void **state)
{
    (void)state;
    struct bulla_grant_document document;
    struct bulla_revocation revocation;
    tamper(read_grant, signed_grant(&document).size);
    tamper(read_revocation, signed_revocation(&revocation, 2).size);
}

static void a_document_is_not_signed_by_another_key_than_it_names(void **state)
{
    (void)state;
    struct bulla_grant_document document;
    struct bulla_revocation revocation;
    struct bulla_writer writer;
    struct bulla_cose_signer eddsa = authority.signer;
    eddsa.algorithm = BULLA_COSE_EDDSA;
    (void)signed_grant(&document);
    (void)signed_revocation(&revocation, 1);
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_equal(bulla_grant_sign(&document, &other.signer, &writer), BULLA_POLICY_SIGNATURE);
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_equal(bulla_grant_sign(&document, &eddsa, &writer), BULLA_ARGUMENT);
    bulla_writer_open(&writer, memory, 64);
    assert_int_equal(bulla_grant_sign(&document, &authority.signer, &writer), BULLA_BUFFER_SMALL);
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_equal(bulla_revocation_sign(&revocation, &other.signer, &writer), BULLA_POLICY_SIGNATURE);
}

static void signing_refuses_what_reading_would_refuse(void **state)
{
    (void)state;
    struct bulla_grant_document document;
    struct bulla_grant wrong[5];
    struct bulla_revocation revocation;
    struct bulla_writer writer;
    (void)signed_grant(&document);
    for (size_t i = 0; i < 5; i++)
        grant_fill(&wrong[i]);
    wrong[0].operations = 0;
    wrong[1].operations = BULLA_MAY_ALL + 1;
    wrong[2].not_after = wrong[2].not_before - 1;
    wrong[3].rate_seconds = 0;
    memset(&wrong[4].who, 0, sizeof wrong[4].who);
    for (size_t i = 0; i < 5; i++) {
        document.grant = wrong[i];
        bulla_writer_open(&writer, memory, sizeof memory);
        if (bulla_grant_sign(&document, &authority.signer, &writer) == BULLA_OK)
            fail_msg("grant %zu was signed", i);
    }
    (void)signed_revocation(&revocation, 2);
    bulla_writer_open(&writer, memory, sizeof memory);
    revocation.count = 0;
    assert_int_equal(bulla_revocation_sign(&revocation, &authority.signer, &writer), BULLA_ARGUMENT);
    revocation.count = 65;
    assert_int_equal(bulla_revocation_sign(&revocation, &authority.signer, &writer), BULLA_ARGUMENT);
    revocation.count = 2;
    revocation.ids[0][0] = 3;
    assert_int_equal(bulla_revocation_sign(&revocation, &authority.signer, &writer), BULLA_NOT_CANONICAL);
    bulla_writer_open(&writer, memory, sizeof memory);
    revocation.ids[0][0] = 2;
    assert_int_equal(bulla_revocation_sign(&revocation, &authority.signer, &writer), BULLA_DUPLICATE);
}

/* Payloads that the authority signed and that say what may not be said: fields 2 and up, written out. */
static enum bulla_reason read_payload(
    reading *read, const char *format, size_t fields, const char *rest, uint64_t content_type)
{
    uint8_t payload[BULLA_GRANT_DOCUMENT_LARGEST], bytes[512];
    struct bulla_writer writer, document;
    bulla_writer_open(&writer, payload, sizeof payload);
    bulla_cbor_write_map(&writer, fields);
    bulla_signed_text(&writer, 0, BULLA_TEXT(format));
    bulla_signed_bytes(&writer, 1, BULLA_BYTES(authority.point));
    bulla_write_bytes(&writer, unhex(rest, bytes));
    bulla_writer_open(&document, memory, sizeof memory);
    assert_int_equal(
        bulla_cose_sign1_write(&document, &authority.signer, content_type, bulla_writer_bytes(&writer), anyone),
        BULLA_OK);
    return read(bulla_writer_bytes(&document), BULLA_BYTES(authority.point));
}

static void a_document_of_another_form_is_refused_though_signed(void **state)
{
    (void)state;
    static const char grant[] = "bulla/1 grant", revocation[] = "bulla/1 revocation";
    static const char ids[] = "50000102030405060708090a0b0c0d0e0f";
    char two[128];
    assert_int_equal(read_payload(read_grant, grant, 4, "020303a5" LEAST, 0), BULLA_OK);
    assert_int_equal(read_payload(read_grant, grant, 4, "020303a5" LEAST, 61), BULLA_MALFORMED);
    assert_int_equal(read_payload(read_grant, "bulla/2 grant", 4, "020303a5" LEAST, 0), BULLA_MALFORMED);
    assert_int_equal(read_payload(read_grant, revocation, 4, "020303a5" LEAST, 0), BULLA_MALFORMED);
    assert_int_equal(read_payload(read_grant, grant, 3, "03a5" LEAST, 0), BULLA_MALFORMED);
    assert_int_equal(read_payload(read_grant, grant, 3, "0203", 0), BULLA_MALFORMED);
    assert_int_equal(read_payload(read_grant, grant, 4, "02030381a5" LEAST, 0), BULLA_MALFORMED);
    assert_int_equal(read_payload(read_grant, grant, 5, "020303a5" LEAST "0400", 0), BULLA_UNKNOWN_FIELD);
    assert_int_equal(read_payload(read_grant, grant, 4, "020303a5" LEAST "00", 0), BULLA_TRAILING);
    assert_int_equal(read_payload(read_grant, grant, 4, "020303a4" ID WHO MAY FROM, 0), BULLA_MALFORMED);

    (void)snprintf(two, sizeof two, "0281%s", ids);
    assert_int_equal(read_payload(read_revocation, revocation, 3, two, 0), BULLA_OK);
    assert_int_equal(read_payload(read_revocation, grant, 3, two, 0), BULLA_MALFORMED);
    assert_int_equal(read_payload(read_revocation, revocation, 3, "0280", 0), BULLA_MALFORMED);
    assert_int_equal(read_payload(read_revocation, revocation, 2, "", 0), BULLA_MALFORMED);
    assert_int_equal(read_payload(read_revocation, revocation, 3, "028101", 0), BULLA_MALFORMED);
    assert_int_equal(read_payload(read_revocation, revocation, 3, "028140", 0), BULLA_MALFORMED);
    (void)snprintf(two, sizeof two, "0282%s%s", ids, ids);
    assert_int_equal(read_payload(read_revocation, revocation, 3, two, 0), BULLA_DUPLICATE);
    (void)snprintf(two, sizeof two, "0282%s50000102030405060708090a0b0c0d0e0e", ids);
    assert_int_equal(read_payload(read_revocation, revocation, 3, two, 0), BULLA_NOT_CANONICAL);
}

static void more_than_64_revocations_in_one_are_refused(void **state)
{
    (void)state;
    uint8_t payload[BULLA_GRANT_DOCUMENT_LARGEST];
    struct bulla_writer writer, document;
    bulla_writer_open(&writer, payload, sizeof payload);
    bulla_cbor_write_map(&writer, 3);
    bulla_signed_text(&writer, 0, BULLA_TEXT("bulla/1 revocation"));
    bulla_signed_bytes(&writer, 1, BULLA_BYTES(authority.point));
    bulla_cbor_write_uint(&writer, 2);
    bulla_cbor_write_array(&writer, 65);
    for (uint8_t i = 0; i < 65; i++) {
        uint8_t id[BULLA_GRANT_ID] = {i};
        bulla_cbor_write_bstr(&writer, BULLA_BYTES(id));
    }
    bulla_writer_open(&document, memory, sizeof memory);
    assert_int_equal(
        bulla_cose_sign1_write(&document, &authority.signer, 0, bulla_writer_bytes(&writer), anyone), BULLA_OK);
    assert_int_equal(read_revocation(bulla_writer_bytes(&document), anyone), BULLA_TOO_LARGE);
}

static void no_kind_of_document_is_taken_for_another(void **state)
{
    (void)state;
    struct bulla_grant_document document;
    struct bulla_revocation revocation;
    struct bulla_bytes bytes = signed_grant(&document);
    assert_int_equal(bulla_policy_document_kind(bytes), BULLA_DOCUMENT_GRANT);
    assert_int_not_equal(read_revocation(bytes, anyone), BULLA_OK);
    memory[bytes.size] = 0;
    assert_int_equal(bulla_policy_document_kind((struct bulla_bytes){memory, bytes.size + 1}), BULLA_DOCUMENT_UNKNOWN);
    bytes = signed_revocation(&revocation, 2);
    assert_int_equal(bulla_policy_document_kind(bytes), BULLA_DOCUMENT_REVOCATION);
    assert_int_not_equal(read_grant(bytes, anyone), BULLA_OK);
    assert_int_equal(bulla_policy_document_kind(anyone), BULLA_DOCUMENT_UNKNOWN);
}

static void a_kind_is_told_by_the_format_alone(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        enum bulla_policy_document kind;
    } cases[] = {{"bulla/1 policy", BULLA_DOCUMENT_POLICY}, {"bulla/1 grant", BULLA_DOCUMENT_GRANT},
        {"bulla/1 revocation", BULLA_DOCUMENT_REVOCATION}, {"bulla/1 receipt", BULLA_DOCUMENT_UNKNOWN},
        {"", BULLA_DOCUMENT_UNKNOWN}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t payload[64];
        struct bulla_writer writer, document;
        bulla_writer_open(&writer, payload, sizeof payload);
        bulla_cbor_write_map(&writer, 1);
        bulla_signed_text(&writer, 0, BULLA_TEXT(cases[i].format));
        bulla_writer_open(&document, memory, sizeof memory);
        assert_int_equal(
            bulla_cose_sign1_write(&document, &authority.signer, 0, bulla_writer_bytes(&writer), anyone), BULLA_OK);
        assert_int_equal(bulla_policy_document_kind(bulla_writer_bytes(&document)), cases[i].kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grant_has_the_bytes_that_its_format_gives_it),
        cmocka_unit_test(what_is_not_limited_is_left_out),
        cmocka_unit_test(a_grant_of_another_form_is_refused),
        cmocka_unit_test(a_principal_that_is_none_or_has_another_form_is_refused),
        cmocka_unit_test(operations_are_named_as_commands_name_them),
        cmocka_unit_test(a_signed_grant_reads_back_as_it_was),
        cmocka_unit_test(a_signed_revocation_reads_back_as_it_was),
        cmocka_unit_test(no_changed_byte_of_a_document_is_accepted),
        cmocka_unit_test(a_document_is_not_signed_by_another_key_than_it_names),
        cmocka_unit_test(signing_refuses_what_reading_would_refuse),
        cmocka_unit_test(a_document_of_another_form_is_refused_though_signed),
        cmocka_unit_test(more_than_64_revocations_in_one_are_refused),
        cmocka_unit_test(no_kind_of_document_is_taken_for_another),
        cmocka_unit_test(a_kind_is_told_by_the_format_alone),
    };
    test_p256_make(&authority);
    test_p256_make(&other);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_p256_free(&authority);
    test_p256_free(&other);
    return failed;
}
