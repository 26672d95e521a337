/* What an event of the audit log may carry: text of any bytes and length, which members, which numbers. */
#include "audit_fixture.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What `text` became in the log. */
static char *logged(const char *text)
{
    size_t size = 0;
    (void)unlink(audit_path);
    struct bulla_audit *audit = audit_opened();
    audit_append(audit, "x", text);
    bulla_audit_close(audit);
    struct bulla_audit_summary summary;
    assert_int_equal(audit_verify(&summary), BULLA_OK);
    char *all = audit_contents(&size);
    assert_true(size <= BULLA_AUDIT_LINE_LARGEST);
    for (size_t i = 0; i + 1 < size; i++)
        assert_true(all[i] >= 0x20 && all[i] < 0x7f); /* one line, no control characters, no other alphabet */
    json_t *object = json_loads(all, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    assert_int_equal(json_integer_value(json_object_get(object, "uses")), 41);
    char *value = strdup(json_string_value(json_object_get(object, "object")));
    json_decref(object);
    free(all);
    return value;
}

static void hostile_text_stays_inside_its_string(void **state)
{
    (void)state;
    static const struct {
        const char *text, *becomes;
    } rows[] = {
        {"plain", "plain"},
        {"\",\"event\":\"head\",\"x\":\"", "\",\"event\":\"head\",\"x\":\""},
        {"a\nb\r\tc\\", "a\nb\r\tc\\"},
        {"\033]0;owned\007\x7f", "\033]0;owned\007\xef\xbf\xbd"},
        {"gr\xc3\xbc\xc3\x9f \xf0\x9f\xa6\x86", "gr\xc3\xbc\xc3\x9f \xf0\x9f\xa6\x86"},
        {"\xff", "\xef\xbf\xbd"},                                 /* no UTF-8 */
        {"a\xc3", "a\xef\xbf\xbd"},                               /* cut short */
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *value = logged(rows[i].text);
        assert_string_equal(value, rows[i].becomes);
        free(value);
    }
}

static void text_of_any_length_does_not_keep_an_event_out(void **state)
{
    (void)state;
    static const char *const fillers[] = {"x", "\n", "\"", "\xff", "\xc3\xbc", "\xf0\x9f\xa6\x86"};
    char *text = malloc(20001);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof fillers / sizeof fillers[0]; i++) {
        size_t unit = strlen(fillers[i]), used = 0;
        while (used + unit <= 20000) {
            memcpy(text + used, fillers[i], unit);
            used += unit;
        }
        text[used] = '\0';
        char *value = logged(text);
        size_t size = strlen(value);
        assert_true(size > 200);
        assert_string_equal(value + size - 3, "\xe2\x80\xa6"); /* the ellipsis says that it was cut */
        free(value);
    }
    struct bulla_audit_field fields[BULLA_AUDIT_FIELDS];
    char names[BULLA_AUDIT_FIELDS][33];
    for (int i = 0; i < BULLA_AUDIT_FIELDS; i++) {
        memset(names[i], 'a' + i, 32);
        names[i][32] = '\0';
        fields[i] = (struct bulla_audit_field){names[i], text, 0};
    }
    struct bulla_audit *audit = audit_opened();
    assert_int_equal(bulla_audit_append(audit, names[0], fields, BULLA_AUDIT_FIELDS, false), BULLA_OK);
    bulla_audit_close(audit);
    struct bulla_audit_summary summary;
    assert_int_equal(audit_verify(&summary), BULLA_OK);
    free(text);
}

static void names_that_would_shadow_the_logs_own_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"seq", "time", "event", "prev", "hash", "", "Upper", "sp ace", "q\"",
        "\xc3\xbc", "a123456789012345678901234567890123"};
    struct bulla_audit *audit = audit_opened();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct bulla_audit_field field = {names[i], "x", 0};
        assert_int_equal(bulla_audit_append(audit, "x", &field, 1, false), BULLA_ARGUMENT);
    }
    const struct bulla_audit_field twice[] = {{"a", "x", 0}, {"a", "y", 0}};
    assert_int_equal(bulla_audit_append(audit, "x", twice, 2, false), BULLA_ARGUMENT);
    assert_int_equal(bulla_audit_append(audit, "head", NULL, 0, false), BULLA_ARGUMENT);
    assert_int_equal(bulla_audit_append(audit, "repaired", NULL, 0, false), BULLA_ARGUMENT);
    assert_int_equal(bulla_audit_append(audit, "cut", NULL, 0, false), BULLA_ARGUMENT);
    assert_int_equal(bulla_audit_append(audit, "", NULL, 0, false), BULLA_ARGUMENT);
    struct bulla_audit_field many[BULLA_AUDIT_FIELDS + 1] = {{"a", "x", 0}};
    assert_int_equal(bulla_audit_append(audit, "x", many, BULLA_AUDIT_FIELDS + 1, false), BULLA_ARGUMENT);
    struct bulla_cose_signer es256 = audit_key.signer;
    es256.algorithm = BULLA_COSE_ES256;
    assert_int_equal(bulla_audit_head(audit, 1, &es256, NULL), BULLA_ARGUMENT);
    assert_int_equal(bulla_audit_head(audit, UINT64_C(1) << 53, &audit_key.signer, NULL), BULLA_ARGUMENT);
    bulla_audit_close(audit);
    struct bulla_audit_summary summary;
    assert_int_equal(audit_verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 0);
}

static void numbers_beyond_what_json_carries_are_text(void **state)
{
    (void)state;
    size_t size = 0;
    const struct bulla_audit_field fields[] = {
        {"largest", NULL, UINT64_MAX}, {"exact", NULL, (UINT64_C(1) << 53) - 1}, {"above", NULL, UINT64_C(1) << 53}};
    struct bulla_audit *audit = audit_opened();
    assert_int_equal(bulla_audit_append(audit, "x", fields, 3, false), BULLA_OK);
    bulla_audit_close(audit);
    char *text = audit_contents(&size);
    assert_non_null(strstr(text, "\"largest\":\"18446744073709551615\",\"exact\":9007199254740991,"
                                 "\"above\":\"9007199254740992\""));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AUDIT_TEST(hostile_text_stays_inside_its_string),
        AUDIT_TEST(text_of_any_length_does_not_keep_an_event_out),
        AUDIT_TEST(names_that_would_shadow_the_logs_own_are_refused),
        AUDIT_TEST(numbers_beyond_what_json_carries_are_text),
    };
    return cmocka_run_group_tests(tests, audit_keys_make, NULL);
}
