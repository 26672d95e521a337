/* Fields are digits at fixed places; what they say is checked by writing it again, so that the 30th of February is not
 * the 2nd of March. Leap seconds are not taken: Unix time has none. */
#include "times.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "options.h"

#define LATEST UINT64_C(253402300799) /* 9999-12-31T23:59:59Z */
enum { DATE_SIZE = 10, TIME_SIZE = 19, DAY = 86400 };

/* "0000-00-00T00:00:00": a digit for each 0. */
static bool has_form(const char *text, const char *form, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == '0' ? !digit : text[i] != form[i])
            return false;
    }
    return true;
}

static bool calendar_take(const char *text, size_t size, int64_t *seconds)
{
    static const char form[] = "0000-00-00T00:00:00";
    struct tm parts = {.tm_mday = 0}, again;
    char copy[TIME_SIZE + 1] = "", written[32] = "";
    if (strnlen(text, size) < size || !has_form(text, form, size))
        return false;
    memcpy(copy, text, size);
    if (sscanf(copy, "%4d-%2d-%2dT%2d:%2d:%2d", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &parts.tm_hour,
            &parts.tm_min, &parts.tm_sec) < 3)
        return false;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    time_t when = timegm(&parts);
    if (!gmtime_r(&when, &again) || !strftime(written, sizeof written, "%Y-%m-%dT%H:%M:%S", &again))
        return false;
    *seconds = when;
    return strncmp(written, copy, size) == 0;
}

/* "Z" or "+01:00" at the end of a time, a fraction of a second before it. */
static bool offset_take(const char *text, int64_t *seconds)
{
    if (*text == '.') {
        size_t digits = strspn(text + 1, "0123456789");
        if (digits == 0)
            return false;
        text += 1 + digits;
    }
    if (strcmp(text, "Z") == 0)
        return true;
    int hours = 0, minutes = 0;
    if (strlen(text) != 6 || (*text != '+' && *text != '-') || !has_form(text + 1, "00:00", 5) ||
        sscanf(text + 1, "%2d:%2d", &hours, &minutes) != 2 || hours > 23 || minutes > 59)
        return false;
    int64_t offset = hours * INT64_C(3600) + minutes * INT64_C(60);
    *seconds -= *text == '+' ? offset : -offset;
    return true;
}

static bool later_take(const char *text, uint64_t now, int64_t *seconds)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', DAY}, {'w', 7 * DAY}};
    char number[16] = "";
    size_t digits = strspn(text + 1, "0123456789");
    uint64_t count = 0;
    if (digits == 0 || digits >= sizeof number || strlen(text) != digits + 2)
        return false;
    memcpy(number, text + 1, digits);
    for (size_t i = 0; i < BULLA_COUNT(units); i++)
        if (text[digits + 1] == units[i].unit &&
            bulla_number_parse(number, "a time", 1, LATEST / units[i].seconds, &count) == BULLA_OK) {
            *seconds = (int64_t)(now + count * units[i].seconds);
            return true;
        }
    return false;
}

enum bulla_reason bulla_time_parse(const char *text, const char *what, bool end, uint64_t now, uint64_t *seconds)
{
    int64_t when = -1;
    bool right;
    if (strcmp(text, "now") == 0) {
        *seconds = now;
        return BULLA_OK;
    }
    if (*text == '+') {
        right = later_take(text, now, &when);
    } else if (strlen(text) == DATE_SIZE) {
        right = calendar_take(text, DATE_SIZE, &when);
        when += end ? DAY - 1 : 0;
    } else {
        right = calendar_take(text, TIME_SIZE, &when) && offset_take(text + TIME_SIZE, &when);
    }
    if (!right || when < 0 || (uint64_t)when > LATEST)
        return bulla_refuse(BULLA_ARGUMENT,
            "%s: '%.40s' is no time: 2026-12-01, 2026-12-01T08:30:00Z, now, or +10d (s, m, h, d, w)", what, text);
    *seconds = (uint64_t)when;
    return BULLA_OK;
}
