#include "support/test.h"

#include <string.h>

#include "tools/times.h"

enum { NOW = 1795694400 }; /* date -u -d 2026-11-26T12:00:00Z +%s */

static void moments_are_read_as_people_write_them(void **state)
{
    (void)state;
    /* by GNU date: date -u -d TEXT +%s */
    static const struct {
        const char *text;
        uint64_t seconds;
    } rows[] = {
        {"now", NOW},
        {"2026-11-26T12:00:00Z", NOW},
        {"2026-11-26T13:00:00+01:00", NOW},
        {"2026-11-26T06:30:00-05:30", NOW},
        {"2026-11-26", 1795651200},
        {"2024-02-29", 1709164800},
        {"1970-01-01T00:00:00Z", 0},
        {"@1700000000", 1700000000},
        {"+10d", NOW + 864000},
        {"-90m", NOW - 5400},
        {"+0s", NOW},
        {"+2w", NOW + 1209600},
        {"+3h", NOW + 10800},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t seconds = 1;
        assert_int_equal(bulla_time_parse(rows[i].text, "--at", NOW, &seconds), BULLA_OK);
        assert_int_equal(seconds, rows[i].seconds);
    }
}

static void everything_else_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "tomorrow", "2026-11", "2026-13-01", "2026-02-29", "2026-02-30",
        "2026-11-26 ", "2026-11-26T12:00:00", "2026-11-26T12:00Z", "2026-11-26T24:00:00Z", "2026-11-26T12:60:00Z",
        "2026-11-26T12:00:00+1:00", "2026-11-26T12:00:00+24:00", "2026-11-26T12:00:00Zz", "2026-11-26T12:00:00+01:0x",
        "1969-12-31", "1970-01-01T00:00:00+01:00", "+10", "+d", "10d", "+10y", "+10d ", "-1795694401s",
        "+99999999999999999999s", "+9223372036854775807w", "@", "@-1", "@1 ", "@99999999999999999999", "1700000000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t seconds = 0;
        assert_int_equal(bulla_time_parse(bad[i], "--at", NOW, &seconds), BULLA_ARGUMENT);
        assert_non_null(strstr(bulla_detail(), "--at"));
    }
}

static void moments_are_written_in_utc(void **state)
{
    (void)state;
    char text[BULLA_TIME_TEXT];
    assert_string_equal(bulla_time_write(NOW, text), "2026-11-26T12:00:00Z");
    assert_string_equal(bulla_time_write(0, text), "1970-01-01T00:00:00Z");
    assert_string_equal(bulla_time_write(UINT64_MAX, text), "18446744073709551615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_read_as_people_write_them),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(moments_are_written_in_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
