/* The table of attributes, and sets of them. */
#include "support/test.h"

#include <string.h>

#include "core/attributes.h"

static void the_table_is_sorted_and_each_type_is_there_once(void **state)
{
    (void)state;
    size_t count = 0;
    const struct bulla_attribute_row *rows = bulla_attribute_rows(&count);
    assert_true(count > 50 && count < BULLA_ATTRIBUTES_LARGEST);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && rows[i - 1].type >= rows[i].type)
            fail_msg("0x%lx stands before 0x%lx", rows[i - 1].type, rows[i].type);
        assert_ptr_equal(bulla_attribute_row(rows[i].type), &rows[i]);
        assert_null(
            rows[i].type + 1 == (i + 1 < count ? rows[i + 1].type : 0) ? NULL : bulla_attribute_row(rows[i].type + 1));
    }
    assert_null(bulla_attribute_row(CKA_VENDOR_DEFINED));
    assert_null(bulla_attribute_row(~0UL));
}

static void rows_agree_with_themselves(void **state)
{
    (void)state;
    size_t count = 0;
    const struct bulla_attribute_row *rows = bulla_attribute_rows(&count);
    for (size_t i = 0; i < count; i++) {
        const struct bulla_attribute_row *row = &rows[i];
        assert_true(row->classes != 0);
        assert_int_equal(row->required & ~row->classes, 0); /* what must be given must be allowed */
        assert_false((row->flags & BULLA_BY_MODULE) && row->required);
        assert_false((row->flags & BULLA_ONLY_RAISE) && (row->flags & BULLA_ONLY_LOWER));
        if (row->flags & (BULLA_ONLY_RAISE | BULLA_ONLY_LOWER | BULLA_DEFAULT_TRUE))
            assert_int_equal(row->kind, BULLA_BOOL);
        if (row->flags & (BULLA_DEFAULT_EMPTY | BULLA_SENSITIVE))
            assert_int_equal(row->kind, BULLA_OCTETS);
        if (row->flags & BULLA_SENSITIVE) /* what is sealed is neither changed nor given to a generator */
            assert_true(!(row->flags & BULLA_SETTABLE) && (row->flags & BULLA_NOT_IN_GENERATE));
        if (row->kind == BULLA_ULONG || row->kind == BULLA_ULONGS)
            assert_true(row->flags & BULLA_NO_DEFAULT);
        assert_int_equal(row->type & CKF_ARRAY_ATTRIBUTE & (row->type >= CKA_VENDOR_DEFINED ? ~0UL : 0), 0);
    }
}

static void only_known_classes_have_a_bit(void **state)
{
    (void)state;
    static const CK_OBJECT_CLASS known[] = {
        CKO_DATA, CKO_CERTIFICATE, CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKO_SECRET_KEY, CKO_BULLA_POLICY, CKO_BULLA_STATUS};
    unsigned seen = 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        unsigned bit = bulla_class_bit(known[i]);
        assert_true(bit && (bit & (bit - 1)) == 0 && !(seen & bit));
        seen |= bit;
    }
    assert_int_equal(bulla_class_bit(CKO_DOMAIN_PARAMETERS), 0);
    assert_int_equal(bulla_class_bit(CKO_VENDOR_DEFINED), 0);
}

static struct bulla_bytes text(const char *words)
{
    return (struct bulla_bytes){(const uint8_t *)words, strlen(words)};
}

static const CK_OBJECT_CLASS class_data = CKO_DATA, class_secret = CKO_SECRET_KEY;

static void fill(struct bulla_attribute_list *list, const CK_OBJECT_CLASS *object_class, bool is_private)
{
    *list = (struct bulla_attribute_list){0};
    assert_true(bulla_list_put(list, CKA_VALUE, text("the value")));
    assert_true(bulla_list_put(list, CKA_LABEL, text("label")));
    assert_true(bulla_list_put(list, CKA_ID, text("")));
    assert_true(
        bulla_list_put(list, CKA_CLASS, (struct bulla_bytes){(const uint8_t *)object_class, sizeof *object_class}));
    assert_true(bulla_list_put_bool(list, CKA_PRIVATE, is_private));
}

static void sealed_values_never_come_into_a_set(void **state)
{
    (void)state;
    struct bulla_attribute_list list;
    static const struct {
        const CK_OBJECT_CLASS *object_class;
        bool is_private, seals;
    } rows[] = {{&class_data, false, false}, {&class_data, true, true}, {&class_secret, false, true}};
    for (size_t i = 0; i < 3; i++) {
        fill(&list, rows[i].object_class, rows[i].is_private);
        assert_int_equal(bulla_list_seals(&list), rows[i].seals);
        struct bulla_attributes *set = bulla_attributes_make(&list);
        assert_non_null(set);
        assert_int_equal(bulla_attributes_get(set, CKA_VALUE).data == NULL, rows[i].seals);
        assert_true(bulla_bytes_equal_text(bulla_attributes_get(set, CKA_LABEL), "label"));
        assert_non_null(bulla_attributes_get(set, CKA_ID).data); /* empty, not absent */
        assert_null(bulla_attributes_get(set, CKA_SUBJECT).data);
        assert_int_equal(bulla_attributes_ulong(set, CKA_CLASS, 99), *rows[i].object_class);
        for (size_t j = 1; j < set->count; j++)
            assert_true(set->items[j - 1].type < set->items[j].type);
        bulla_attributes_free(set);
    }
}

static void a_full_list_takes_no_more(void **state)
{
    (void)state;
    struct bulla_attribute_list list = {0};
    for (CK_ATTRIBUTE_TYPE i = 0; i < BULLA_ATTRIBUTES_LARGEST; i++)
        assert_true(bulla_list_put(&list, i, text("x")));
    assert_false(bulla_list_put(&list, 1000, text("x")));
    assert_true(bulla_list_put(&list, 5, text("replaced")));
    assert_true(bulla_bytes_equal_text(bulla_list_find(&list, 5)->value, "replaced"));
}

/* By RFC 8949: {0: h'…', 2: h'01', 3: h'6c', 17: h'76'} with CK_ULONGs as 8 bytes big-endian. */
static void the_form_of_the_store_is_deterministic_cbor(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        0xa4, 0x00, 0x48, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x41, 0x00, 0x03, 0x41, 'l', 0x11, 0x41, 'v'};
    struct bulla_attribute_list list = {0};
    uint8_t bytes[128];
    struct bulla_writer writer;
    assert_true(bulla_list_put(&list, CKA_VALUE, text("v")));
    assert_true(bulla_list_put(&list, CKA_LABEL, text("l")));
    assert_true(bulla_list_put_bool(&list, CKA_PRIVATE, false));
    assert_true(
        bulla_list_put(&list, CKA_CLASS, (struct bulla_bytes){(const uint8_t *)&class_data, sizeof class_data}));
    bulla_writer_open(&writer, bytes, sizeof bytes);
    assert_int_equal(bulla_attributes_encode(&list, false, &writer), BULLA_OK);
    assert_int_equal(writer.size, sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
    assert_int_equal(bulla_attributes_encoded_size(&list, false), sizeof expected);
    CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST];
    struct bulla_attribute_list back = {0};
    assert_int_equal(bulla_attributes_decode(BULLA_BYTES(expected), numbers, &back), BULLA_OK);
    assert_int_equal(back.count, 4);
    assert_true(bulla_bytes_equal_text(bulla_list_find(&back, CKA_LABEL)->value, "l"));
    assert_int_equal(*(const CK_ULONG *)(const void *)bulla_list_find(&back, CKA_CLASS)->value.data, CKO_DATA);
}

static void another_form_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[16];
        size_t size;
    } rows[] = {
        {{0x80}, 1},                                   /* an array */
        {{0xa1, 0x03, 0x61, 'l'}, 4},                  /* text for bytes */
        {{0xa1, 0x02, 0x42, 0, 0}, 5},                 /* a boolean of two bytes */
        {{0xa1, 0x00, 0x44, 0, 0, 0, 1}, 7},           /* a number of four bytes */
        {{0xa1, 0x19, 0x7f, 0xff, 0x41, 0}, 6},        /* a type without a row */
        {{0xa2, 0x03, 0x41, 'a', 0x03, 0x41, 'b'}, 7}, /* twice */
        {{0xa2, 0x11, 0x41, 'v', 0x03, 0x41, 'l'}, 7}, /* out of order */
        {{0xa1, 0x03, 0x41}, 3},                       /* cut */
        {{0xa1, 0x03, 0x41, 'l', 0x00}, 5},            /* trailing */
        {{0}, 0},                                      /* nothing */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST];
        struct bulla_attribute_list back = {0};
        if (bulla_attributes_decode((struct bulla_bytes){rows[i].bytes, rows[i].size}, numbers, &back) == BULLA_OK)
            fail_msg("row %zu was accepted", i);
        struct bulla_attributes *read = NULL;
        if (bulla_attributes_read((struct bulla_bytes){rows[i].bytes, rows[i].size}, &read) == BULLA_OK)
            fail_msg("row %zu was read", i);
    }
}

/* One row's public part, read in one pass: as the general way has it. */
static void assert_reads_as_it_decodes(struct bulla_bytes bytes)
{
    CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST];
    struct bulla_attribute_list list = {0};
    struct bulla_attributes *read = NULL;
    assert_int_equal(bulla_attributes_decode(bytes, numbers, &list), BULLA_OK);
    assert_int_equal(bulla_attributes_read(bytes, &read), BULLA_OK);
    struct bulla_attributes *made = bulla_attributes_make(&list);
    assert_non_null(made);
    assert_int_equal(read->count, made->count);
    for (size_t i = 0; i < made->count; i++) {
        assert_int_equal(read->items[i].type, made->items[i].type);
        assert_true(bulla_bytes_equal(read->items[i].value, made->items[i].value));
        assert_non_null(read->items[i].value.data); /* an empty value is there all the same */
    }
    assert_true(bulla_bytes_equal(read->encoded, bytes));
    assert_ptr_not_equal(read->encoded.data, bytes.data); /* a copy of its own */
    assert_null(made->encoded.data);
    bulla_attributes_free(read);
    bulla_attributes_free(made);
}

static void a_row_is_read_as_it_is_decoded(void **state)
{
    (void)state;
    static const CK_MECHANISM_TYPE allowed[] = {CKM_AES_GCM, CKM_SHA256_HMAC};
    static const CK_OBJECT_CLASS *const classes[] = {&class_data, &class_secret};
    for (int i = 0; i < 4; i++) {
        struct bulla_attribute_list list;
        uint8_t bytes[512];
        struct bulla_writer writer;
        fill(&list, classes[i % 2], i / 2);
        assert_true(bulla_list_put(&list, CKA_ID, text("")) && bulla_list_put(&list, CKA_LABEL, text("a label")));
        assert_true(bulla_list_put(&list, CKA_ALLOWED_MECHANISMS, BULLA_BYTES(allowed)));
        bulla_writer_open(&writer, bytes, sizeof bytes);
        assert_int_equal(bulla_attributes_encode(&list, false, &writer), BULLA_OK);
        assert_reads_as_it_decodes(bulla_writer_bytes(&writer));
    }
}

/* {0: secret key, 2: h'00', 17: h'76'}: a key's value stands in no public part, and nobody sees one that does. */
static void what_is_sealed_is_not_read_from_a_public_part(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0xa3, 0x00, 0x48, 0, 0, 0, 0, 0, 0, 0, 4, 0x02, 0x41, 0x00, 0x11, 0x41, 'v'};
    struct bulla_attributes *read = NULL;
    assert_int_equal(bulla_attributes_read(BULLA_BYTES(bytes), &read), BULLA_OK);
    assert_null(bulla_attributes_get(read, CKA_VALUE).data);
    assert_int_equal(bulla_attributes_ulong(read, CKA_CLASS, 0), CKO_SECRET_KEY);
    bulla_attributes_free(read);
    assert_reads_as_it_decodes(BULLA_BYTES(bytes));
}

static void allowed_mechanisms_are_a_list_or_anything(void **state)
{
    (void)state;
    struct bulla_attribute_list list;
    const CK_MECHANISM_TYPE allowed[] = {CKM_BULLA_SEAL, CKM_BULLA_INFER};
    fill(&list, &class_secret, true);
    struct bulla_attributes *any = bulla_attributes_make(&list);
    assert_true(bulla_attributes_allow(any, CKM_AES_GCM));
    assert_true(bulla_list_put(&list, CKA_ALLOWED_MECHANISMS, BULLA_BYTES(allowed)));
    struct bulla_attributes *two = bulla_attributes_make(&list);
    assert_true(bulla_attributes_allow(two, CKM_BULLA_INFER));
    assert_false(bulla_attributes_allow(two, CKM_AES_GCM));
    assert_true(bulla_list_put(&list, CKA_ALLOWED_MECHANISMS, text("")));
    struct bulla_attributes *none = bulla_attributes_make(&list);
    assert_false(bulla_attributes_allow(none, CKM_BULLA_INFER));
    bulla_attributes_free(any);
    bulla_attributes_free(two);
    bulla_attributes_free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sorted_and_each_type_is_there_once),
        cmocka_unit_test(rows_agree_with_themselves),
        cmocka_unit_test(only_known_classes_have_a_bit),
        cmocka_unit_test(sealed_values_never_come_into_a_set),
        cmocka_unit_test(a_full_list_takes_no_more),
        cmocka_unit_test(the_form_of_the_store_is_deterministic_cbor),
        cmocka_unit_test(another_form_is_refused),
        cmocka_unit_test(a_row_is_read_as_it_is_decoded),
        cmocka_unit_test(what_is_sealed_is_not_read_from_a_public_part),
        cmocka_unit_test(allowed_mechanisms_are_a_list_or_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
