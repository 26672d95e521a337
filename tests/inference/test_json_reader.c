/* The reader against jansson, which is another's implementation of the same grammar: on documents written here and on
 * many thousand damaged ones, both must say yes or no alike, and where both say yes, see the same values. Where the two
 * differ on purpose is in agree(). */
#include "support/test.h"

#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inference/json_reader.h"

static bool opens(const void *data, size_t size, struct bulla_json *value)
{
    const char *wrong = NULL;
    size_t where = 0;
    bool good = bulla_json_open(data, size, value, &wrong, &where);
    assert_true(good == (wrong == NULL));
    assert_true(where <= size);
    return good;
}

static bool same(struct bulla_json value, json_t *theirs);

static bool same_text(struct bulla_json value, const char *theirs, size_t size)
{
    char *text = malloc(size + 1);
    bool equal = bulla_json_text(value, text, size + 1) == size && memcmp(text, theirs, size) == 0;
    free(text);
    return equal;
}

/* An object with a key twice is compared by the library's rule that the last one stays, so only its size may differ. */
static bool same_members(struct bulla_json value, json_t *theirs)
{
    struct bulla_json key, member;
    size_t count = 0;
    bool twice = false;
    for (struct bulla_json_walk walk = bulla_json_walk(value); bulla_json_next(&walk, &key, &member); count++) {
        char name[4096] = {0};
        struct bulla_json unused;
        assert_true(bulla_json_text(key, name, sizeof name - 1) < sizeof name);
        if (strlen(name) < 64 && bulla_json_member(value, name, &unused) == BULLA_JSON_TWICE)
            twice = true;
        else if (!same(member, json_object_get(theirs, name)))
            return false;
    }
    return twice || count == json_object_size(theirs);
}

static bool same_elements(struct bulla_json value, json_t *theirs)
{
    struct bulla_json element;
    size_t count = 0;
    for (struct bulla_json_walk walk = bulla_json_walk(value); bulla_json_next(&walk, NULL, &element); count++)
        if (!same(element, json_array_get(theirs, count)))
            return false;
    return count == json_array_size(theirs);
}

/* Numbers: what this reader understands must be what the library understands. */
static bool same_number(struct bulla_json value, json_t *theirs)
{
    uint64_t whole;
    double real;
    if (!json_is_number(theirs))
        return false;
    if (bulla_json_whole(value, &whole) && (!json_is_integer(theirs) || whole != (uint64_t)json_integer_value(theirs)))
        return false;
    return !bulla_json_real(value, &real) || real == json_number_value(theirs);
}

static bool same(struct bulla_json value, json_t *theirs)
{
    switch (bulla_json_kind(value)) {
    case BULLA_JSON_NULL:
        return json_is_null(theirs);
    case BULLA_JSON_FALSE:
        return json_is_false(theirs);
    case BULLA_JSON_TRUE:
        return json_is_true(theirs);
    case BULLA_JSON_NUMBER:
        return same_number(value, theirs);
    case BULLA_JSON_STRING:
        return json_is_string(theirs) && same_text(value, json_string_value(theirs), json_string_length(theirs));
    case BULLA_JSON_ARRAY:
        return json_is_array(theirs) && same_elements(value, theirs);
    default:
        return json_is_object(theirs) && same_members(value, theirs);
    }
}

/* Numbers that do not fit are no errors of this reader until somebody asks for them; depth is bounded lower here. */
static bool differs_on_purpose(const char *text)
{
    return strstr(text, "too big") || strstr(text, "too small") || strstr(text, "overflow") || strstr(text, "depth");
}

/* On the heap, so that a sanitizer sees a byte read behind the end. */
static void *exact_copy(const void *data, size_t size)
{
    void *copy = malloc(size ? size : 1);
    return size ? memcpy(copy, data, size) : copy;
}

static void agree(const char *data, size_t size)
{
    json_error_t error;
    struct bulla_json value;
    char *copy = exact_copy(data, size);
    bool ours = opens(copy, size, &value);
    json_t *theirs = json_loadb(data, size, 0, &error);
    if (ours != (theirs != NULL) && !(ours && differs_on_purpose(error.text)))
        fail_msg("%.*s: %s, and the library says %s", (int)size, data, ours ? "accepted" : "refused",
            theirs ? "yes" : error.text);
    if (ours && theirs && !same(value, theirs))
        fail_msg("%.*s: the values differ", (int)size, data);
    json_decref(theirs);
    free(copy);
}

static const char *const documents[] = {
    "{}",
    "[]",
    " [ ] ",
    "\t{\n}\r\n",
    "[1]",
    "[1,2,3]",
    "[[[[]]]]",
    "{\"a\":1}",
    "{\"a\" : {\"b\" : [null, true, false]}}",
    "[0, -0, 1.5, -2.25, 1e3, 1E+3, 1e-3, 12345678901234567, 0.1]",
    "[\"\", \"a\", \"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
    "[\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"]",
    "[\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x99\x82\"]",
    "{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}",
    "{\"a\":1,\"a\":2}",
    "{\"\":[{\"\":\"\"}]}",
    /* and what is none */
    "",
    " ",
    "1",
    "\"a\"",
    "null",
    "{",
    "[",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{'a':1}",
    "{1:1}",
    "[01]",
    "[-]",
    "[+1]",
    "[.5]",
    "[1.]",
    "[1e]",
    "[1e+]",
    "[0x1]",
    "[NaN]",
    "[Infinity]",
    "[nul]",
    "[nullx]",
    "[True]",
    "[\"\\x\"]",
    "[\"\\u12\"]",
    "[\"\\u12g4\"]",
    "[\"\\ud800\"]",
    "[\"\\ud800\\u0041\"]",
    "[\"\\udc00\"]",
    "[\"\\ud800x\"]",
    "[\"\\u0000\"]",
    "[\"a\nb\"]",
    "[\"a\tb\"]",
    "[\"a]",
    "[\"a\\\"]",
    "[\"\xC3\"]",
    "[\"\xC0\x80\"]",
    "[\"\xED\xA0\x80\"]",
    "[\"\xF4\x90\x80\x80\"]",
    "\xEF\xBB\xBF[]",
    "[]]",
    "[] x",
    "[]//",
    "[/**/]",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1,\"b\"}",
    "[1}",
    "{\"a\":1]",
    "[\x01]",
    "[1\x0B,2]",
    "[\"\\ud83d\\ude0\"]",
};
enum { DOCUMENTS = sizeof documents / sizeof documents[0] };

static void known_documents_are_judged_as_the_library_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < DOCUMENTS; i++)
        agree(documents[i], strlen(documents[i]));
    agree("[]\0", 3);
    agree("[\0]", 3);
}

static uint32_t draw(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* One to four bytes replaced, removed or doubled, most of them by characters that mean something in JSON. */
static size_t damage(char *text, size_t size, size_t room, uint32_t *seed)
{
    static const char means[] = "{}[]\",:\\u0123456789abcdefDd8.eE+-ntl \n\x01\x7F\x80\xC3\xA9\xED\xF0";
    for (uint32_t left = 1 + draw(seed) % 4; left > 0 && size > 0; left--) {
        size_t at = draw(seed) % size;
        uint32_t way = draw(seed) % 3;
        if (way == 0)
            text[at] = means[draw(seed) % (sizeof means - 1)];
        if (way == 1)
            memmove(text + at, text + at + 1, --size - at);
        if (way == 2 && size < room) {
            memmove(text + at + 1, text + at, size - at);
            text[at] = means[draw(seed) % (sizeof means - 1)];
            size++;
        }
    }
    return size;
}

static void damaged_documents_are_judged_as_the_library_does(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 200000; round++) {
        char text[256];
        const char *document = documents[draw(&seed) % DOCUMENTS];
        size_t size = 0;
        for (; document[size]; size++)
            text[size] = document[size];
        size = damage(text, size, sizeof text, &seed);
        agree(text, size);
    }
}

/* Strings are read eight bytes at a time: whatever stands at whichever place must be seen. */
static void every_byte_at_every_place_of_a_string_is_judged_as_the_library_does(void **state)
{
    (void)state;
    char text[32];
    for (size_t size = 1; size <= 18; size++)
        for (size_t place = 0; place < size; place++)
            for (int byte = 0; byte < 256; byte++) {
                int length = snprintf(text, sizeof text, "[\"%.*s\"]", (int)size, "abcdefghijklmnopqrst");
                text[2 + place] = (char)byte;
                agree(text, (size_t)length);
            }
}

static void every_cut_of_a_document_is_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,\"\\ud83d\\ude00\xC3\xA9\",true],\"b\":{\"c\":-1.5e3}}";
    struct bulla_json value;
    assert_true(opens(text, sizeof text - 1, &value));
    for (size_t size = 0; size < sizeof text - 1; size++) {
        void *copy = exact_copy(text, size);
        assert_false(opens(copy, size, &value));
        free(copy);
    }
}

static void nesting_ends_at_the_bound(void **state)
{
    (void)state;
    char text[4 * BULLA_JSON_DEPTH];
    struct bulla_json value;
    memset(text, '[', BULLA_JSON_DEPTH);
    memset(text + BULLA_JSON_DEPTH, ']', BULLA_JSON_DEPTH);
    assert_true(opens(text, 2 * (size_t)BULLA_JSON_DEPTH, &value));
    memset(text, '[', BULLA_JSON_DEPTH + 1);
    memset(text + BULLA_JSON_DEPTH + 1, ']', BULLA_JSON_DEPTH + 1);
    assert_false(opens(text, 2 * (size_t)BULLA_JSON_DEPTH + 2, &value));
    /* A long run of brackets must not reach the end of the stack. */
    size_t size = 10000000;
    char *run = malloc(size);
    memset(run, '[', size);
    assert_false(opens(run, size, &value));
    free(run);
}

static void a_member_that_comes_twice_is_told(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":1,\"b\":2,\"\\u0061\":3}";
    struct bulla_json value, member;
    assert_true(opens(text, sizeof text - 1, &value));
    assert_int_equal(bulla_json_member(value, "a", &member), BULLA_JSON_TWICE);
    assert_int_equal(bulla_json_member(value, "b", &member), BULLA_JSON_FOUND);
    assert_int_equal(*member.at, '2');
    assert_int_equal(bulla_json_member(value, "c", &member), BULLA_JSON_ABSENT);
    assert_int_equal(bulla_json_member(member, "c", &member), BULLA_JSON_ABSENT);
}

static struct bulla_json only_element(const char *text, struct bulla_json *element)
{
    struct bulla_json value;
    assert_true(opens(text, strlen(text), &value));
    struct bulla_json_walk walk = bulla_json_walk(value);
    assert_true(bulla_json_next(&walk, NULL, element));
    assert_false(bulla_json_next(&walk, NULL, &value));
    return *element;
}

static void whole_numbers_are_digits_alone(void **state)
{
    (void)state;
    uint64_t number;
    struct bulla_json element;
    static const char *const others[] = {"[18446744073709551616]", "[99999999999999999999]", "[-1]", "[-0]", "[1.0]",
        "[1e0]", "[\"1\"]", "[null]", "[[1]]", "[true]"};
    assert_true(bulla_json_whole(only_element("[18446744073709551615]", &element), &number));
    assert_true(number == UINT64_MAX);
    assert_true(bulla_json_whole(only_element("[0]", &element), &number));
    assert_int_equal(number, 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(bulla_json_whole(only_element(others[i], &element), &number));
}

/* Against the compiler's own conversion of the same text. */
static void real_numbers_are_correctly_rounded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double number;
    } numbers[] = {{"[1e-12]", 1e-12}, {"[1e-05]", 1e-05}, {"[0.000001]", 0.000001}, {"[-2.5E+3]", -2.5E+3},
        {"[123456789012.345]", 123456789012.345}, {"[1e22]", 1e22}, {"[0.1]", 0.1}, {"[7]", 7}};
    static const char *const others[] = {
        "[1e23]", "[1e-23]", "[1e99999999999]", "[1234567890123456]", "[\"1\"]", "[null]", "[{}]"};
    struct bulla_json element;
    double number;
    (void)setlocale(LC_ALL, "de_DE.UTF-8"); /* with a comma, where it is installed */
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_true(bulla_json_real(only_element(numbers[i].text, &element), &number));
        assert_true(number == numbers[i].number);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(bulla_json_real(only_element(others[i], &element), &number));
    (void)setlocale(LC_ALL, "C");
}

static void text_is_copied_up_to_the_room(void **state)
{
    (void)state;
    struct bulla_json element;
    const char *view;
    size_t size;
    char out[4] = "....";
    (void)only_element("[\"a\\u00e9bc\"]", &element);
    assert_int_equal(bulla_json_text(element, NULL, 0), 5);
    assert_int_equal(bulla_json_text(element, out, 2), 5);
    assert_memory_equal(out, "a\xC3..", 4);
    assert_true(bulla_json_text_is(element, "a\u00e9bc"));
    assert_false(bulla_json_text_is(element, "a\u00e9b"));
    assert_false(bulla_json_text_is(element, "a\u00e9bcd"));
    assert_false(bulla_json_text_view(element, &view, &size));
    (void)only_element("[12]", &element);
    assert_false(bulla_json_text_is(element, "12"));
    assert_false(bulla_json_text_is(element, ""));
    assert_int_equal(bulla_json_text(element, out, sizeof out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_documents_are_judged_as_the_library_does),
        cmocka_unit_test(damaged_documents_are_judged_as_the_library_does),
        cmocka_unit_test(every_byte_at_every_place_of_a_string_is_judged_as_the_library_does),
        cmocka_unit_test(every_cut_of_a_document_is_refused),
        cmocka_unit_test(nesting_ends_at_the_bound),
        cmocka_unit_test(a_member_that_comes_twice_is_told),
        cmocka_unit_test(whole_numbers_are_digits_alone),
        cmocka_unit_test(real_numbers_are_correctly_rounded),
        cmocka_unit_test(text_is_copied_up_to_the_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
