/* Whether an object is in a token already: what makes two objects one, and what doesn't. */
#include "support/test.h"

#include <string.h>

#include "tools/carried.h"
#include "tools/carried_table.h"
#include "tools/import.h"

enum { EDWARDS = 0x40 };

static struct bulla_carried made(CK_OBJECT_CLASS class, CK_KEY_TYPE type)
{
    struct bulla_carried carried = {.class = class, .type = type};
    return carried;
}

static void put(struct bulla_carried *carried, CK_ATTRIBUTE_TYPE type, void *value, CK_ULONG size)
{
    CK_ATTRIBUTE *found = bulla_carried_find(carried, type);
    if (!found)
        found = &carried->attributes[carried->count++];
    *found = (CK_ATTRIBUTE){type, value, size};
}
#define PUT(carried, type, text)                                                                                       \
    do {                                                                                                               \
        static char kept_[] = text;                                                                                    \
        put(carried, type, kept_, sizeof kept_ - 1);                                                                   \
    } while (0)

static struct bulla_carried key_made(CK_OBJECT_CLASS class, CK_KEY_TYPE type)
{
    static char label[] = "web", id[] = "\x01";
    struct bulla_carried carried = made(class, type);
    put(&carried, CKA_LABEL, label, 3);
    put(&carried, CKA_ID, id, 1);
    return carried;
}

static void label_id_type_and_class_tell_objects_apart(void **state)
{
    (void)state;
    struct bulla_carried one = key_made(CKO_SECRET_KEY, CKK_AES);
    struct bulla_carried other = one;
    assert_true(bulla_carried_same(&one, &other));
    PUT(&other, CKA_LABEL, "wep");
    assert_false(bulla_carried_same(&one, &other));
    other = one;
    PUT(&other, CKA_ID, "\x02");
    assert_false(bulla_carried_same(&one, &other));
    other = one;
    other.count--; /* no id */
    assert_false(bulla_carried_same(&one, &other));
    assert_false(bulla_carried_same(&other, &one));
    other = one;
    other.type = CKK_GENERIC_SECRET;
    assert_false(bulla_carried_same(&one, &other));
    other = one;
    other.class = CKO_PRIVATE_KEY;
    assert_false(bulla_carried_same(&one, &other));
}

static void usages_and_subjects_do_not_tell_them_apart(void **state)
{
    (void)state;
    struct bulla_carried one = key_made(CKO_PUBLIC_KEY, CKK_RSA);
    struct bulla_carried other = one;
    PUT(&one, CKA_VERIFY, "\x01");
    PUT(&other, CKA_VERIFY, "\x00");
    PUT(&one, CKA_SUBJECT, "a");
    assert_true(bulla_carried_same(&one, &other));
}

static void a_value_that_one_side_keeps_is_not_compared(void **state)
{
    (void)state;
    struct bulla_carried one = key_made(CKO_SECRET_KEY, CKK_AES);
    struct bulla_carried other = one;
    PUT(&one, CKA_VALUE, "0123456789abcdef");
    assert_true(bulla_carried_same(&one, &other));
    PUT(&other, CKA_VALUE, "0123456789abcdeF");
    assert_false(bulla_carried_same(&one, &other));
    /* Data has no secret that a token may keep: none is another than some. */
    struct bulla_carried data = key_made(CKO_DATA, CK_UNAVAILABLE_INFORMATION);
    struct bulla_carried empty = data;
    PUT(&data, CKA_VALUE, "x");
    assert_false(bulla_carried_same(&data, &empty));
    assert_false(bulla_carried_same(&empty, &data));
}

static void one_modulus_and_one_point_have_several_forms(void **state)
{
    (void)state;
    struct bulla_carried one = key_made(CKO_PRIVATE_KEY, CKK_RSA);
    struct bulla_carried other = one;
    PUT(&one, CKA_MODULUS, "\x00\xc1\x05");
    PUT(&other, CKA_MODULUS, "\xc1\x05");
    assert_true(bulla_carried_same(&one, &other));
    PUT(&other, CKA_MODULUS, "\xc1\x07");
    assert_false(bulla_carried_same(&one, &other));
    one = other = key_made(CKO_PUBLIC_KEY, EDWARDS);
    PUT(&one, CKA_EC_POINT, "\x04\x03pqr");
    PUT(&other, CKA_EC_POINT, "pqr");
    assert_true(bulla_carried_same(&one, &other));
    PUT(&other, CKA_EC_POINT, "pqs");
    assert_false(bulla_carried_same(&one, &other));
    /* A point of P-256 begins like an octet string, and is none. */
    one = other = key_made(CKO_PUBLIC_KEY, CKK_EC);
    PUT(&one, CKA_EC_POINT, "\x04\x02xy1");
    PUT(&other, CKA_EC_POINT, "xy1");
    assert_false(bulla_carried_same(&one, &other));
}

static void parts_go_into_a_created_object_and_not_into_an_unwrapped_one(void **state)
{
    (void)state;
    CK_ATTRIBUTE template[BULLA_CARRIED_LARGEST];
    struct bulla_carried key = key_made(CKO_PRIVATE_KEY, CKK_EC);
    PUT(&key, CKA_VALUE, "secret");
    PUT(&key, CKA_LOCAL, "\x01");
    bool value = false, sensitive = false, local = false;
    for (int unwrapping = 0; unwrapping < 2; unwrapping++) {
        value = sensitive = local = false;
        CK_ULONG count = bulla_carried_template(&key, unwrapping, template);
        for (CK_ULONG i = 0; i < count; i++) {
            value = value || template[i].type == CKA_VALUE;
            sensitive = sensitive || (template[i].type == CKA_SENSITIVE && *(CK_BBOOL *)template[i].pValue == CK_TRUE);
            local = local || template[i].type == CKA_LOCAL;
        }
        assert_int_equal(value, !unwrapping);
        assert_true(sensitive); /* for the source does not say */
        assert_false(local);
    }
    PUT(&key, CKA_SENSITIVE, "\x00");
    CK_ULONG count = bulla_carried_template(&key, false, template);
    for (CK_ULONG i = 0; i < count; i++)
        assert_false(template[i].type == CKA_SENSITIVE && *(CK_BBOOL *)template[i].pValue != CK_FALSE);
}

static void a_refused_template_gives_way_in_wrapping_first(void **state)
{
    (void)state;
    CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    struct bulla_import_row row = {.split = false};
    CK_ATTRIBUTE both[] = {{CKA_CLASS, &secret, sizeof secret}, {CKA_DECRYPT, &yes, 1}, {CKA_WRAP, &yes, 1}};
    assert_false(bulla_import_yield(CKR_OK, both, 3, &row));
    assert_false(bulla_import_yield(CKR_DEVICE_MEMORY, both, 3, &row));
    assert_false(row.split);
    assert_true(bulla_import_yield(CKR_TEMPLATE_INCONSISTENT, both, 3, &row));
    assert_true(row.split);
    assert_int_equal(*(CK_BBOOL *)both[1].pValue, CK_TRUE);
    assert_int_equal(*(CK_BBOOL *)both[2].pValue, CK_FALSE);
    assert_int_equal(yes, CK_TRUE);                                             /* the value itself is not touched */
    assert_false(bulla_import_yield(CKR_TEMPLATE_INCONSISTENT, both, 3, &row)); /* nothing is left to give */

    /* One that only wraps is refused for another reason. */
    CK_ATTRIBUTE wraps[] = {{CKA_CLASS, &secret, sizeof secret}, {CKA_DECRYPT, &no, 1}, {CKA_WRAP, &yes, 1}};
    assert_false(bulla_import_yield(CKR_TEMPLATE_INCONSISTENT, wraps, 3, &row));
    assert_int_equal(*(CK_BBOOL *)wraps[2].pValue, CK_TRUE);
}

static void a_row_fits_its_classes_and_types_only(void **state)
{
    (void)state;
    size_t count = 0;
    const struct bulla_carried_row *rows = bulla_carried_rows(&count);
    unsigned moduli = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].type != CKA_MODULUS)
            continue;
        moduli++;
        assert_true(bulla_carried_row_fits(&rows[i], CKO_PUBLIC_KEY, CKK_RSA));
        assert_false(bulla_carried_row_fits(&rows[i], CKO_PUBLIC_KEY, CKK_EC));
        assert_false(bulla_carried_row_fits(&rows[i], CKO_SECRET_KEY, CKK_RSA));
        assert_false(bulla_carried_row_fits(&rows[i], 0x12345678, CKK_RSA));
    }
    assert_int_equal(moduli, 1);
    assert_true(bulla_carried_is_known(CKO_DATA, CK_UNAVAILABLE_INFORMATION));
    assert_true(bulla_carried_is_known(CKO_PRIVATE_KEY, CKK_EC));
    assert_false(bulla_carried_is_known(CKO_PRIVATE_KEY, CKK_DSA));
    assert_false(bulla_carried_is_known(0x12345678, CKK_RSA));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(label_id_type_and_class_tell_objects_apart),
        cmocka_unit_test(usages_and_subjects_do_not_tell_them_apart),
        cmocka_unit_test(a_value_that_one_side_keeps_is_not_compared),
        cmocka_unit_test(one_modulus_and_one_point_have_several_forms),
        cmocka_unit_test(parts_go_into_a_created_object_and_not_into_an_unwrapped_one),
        cmocka_unit_test(a_refused_template_gives_way_in_wrapping_first),
        cmocka_unit_test(a_row_fits_its_classes_and_types_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
