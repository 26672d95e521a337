/* strptime reads the fixed part of a date and says where it stopped; what follows it decides the form. It takes days
 * that no month has, and mktime would carry them over: a date that does not come back as it was written is refused. */
#include "times.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static enum bulla_reason refuse(const char *text, const char *what)
{
    return bulla_refuse(BULLA_ARGUMENT,
        "%s '%s' is no time: write it like 2026-11-26, 2026-11-26T12:00:00Z, +10d, now or @1795694400", what, text);
}

static bool parse_count(const char *text, char **end, uint64_t *count)
{
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *count = strtoull(text, end, 10);
    return errno == 0 && *count <= INT64_MAX;
}

/* "+10d" */
static bool parse_relative(const char *text, uint64_t now, uint64_t *seconds)
{
    static const struct {
        char letter;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    uint64_t count, unit = 0;
    char *end;
    if ((*text != '+' && *text != '-') || !parse_count(text + 1, &end, &count))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (*end == units[i].letter && end[1] == '\0')
            unit = units[i].seconds;
    if (unit == 0 || count > (uint64_t)INT64_MAX / unit)
        return false;
    count *= unit;
    if (*text == '-' && count > now)
        return false;
    *seconds = *text == '+' ? now + count : now - count;
    return *seconds <= INT64_MAX;
}

/* "Z", "+01:00": seconds east of UTC. */
static bool parse_offset(const char *text, int64_t *east)
{
    int hours, minutes, used = 0;
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
        *east = 0;
        return true;
    }
    if (strlen(text) != 6 || text[3] != ':' || strspn(text + 1, "0123456789") != 2 ||
        strspn(text + 4, "0123456789") != 2)
        return false;
    if ((*text != '+' && *text != '-') || sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || used != 5 ||
        hours > 23 || minutes > 59)
        return false;
    *east = (*text == '-' ? -1 : 1) * (int64_t)(hours * 3600 + minutes * 60);
    return true;
}

static bool parse_date(const char *text, uint64_t *seconds)
{
    struct tm parts = {.tm_isdst = 0}, again;
    char written[BULLA_TIME_TEXT];
    int64_t east = 0;
    bool is_day = strlen(text) == 10;
    const char *rest = strptime(text, is_day ? "%Y-%m-%d" : "%Y-%m-%dT%H:%M:%S", &parts);
    if (!rest || (is_day ? *rest != '\0' : !parse_offset(rest, &east)))
        return false;
    time_t time = timegm(&parts);
    if (time < 0 || !gmtime_r(&time, &again) ||
        strftime(written, sizeof written, is_day ? "%Y-%m-%d" : "%Y-%m-%dT%H:%M:%S", &again) == 0 ||
        strncmp(written, text, strlen(written)) != 0 || (int64_t)time < east)
        return false;
    *seconds = (uint64_t)((int64_t)time - east);
    return true;
}

enum bulla_reason bulla_time_parse(const char *text, const char *what, uint64_t now, uint64_t *seconds)
{
    char *end;
    if (strcmp(text, "now") == 0) {
        *seconds = now;
        return BULLA_OK;
    }
    if (*text == '@' && parse_count(text + 1, &end, seconds) && *end == '\0')
        return BULLA_OK;
    return parse_relative(text, now, seconds) || parse_date(text, seconds) ? BULLA_OK : refuse(text, what);
}

const char *bulla_time_write(uint64_t seconds, char text[static BULLA_TIME_TEXT])
{
    return bulla_text_when(seconds, text);
}
