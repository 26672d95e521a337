/* Nothing here looks at meaning: names, types, sizes. */
#include "intel_json.h"

#include <sodium.h>
#include <time.h>

const char *bulla_member_text(struct bulla_members *members, const char *name)
{
    const char *text = json_string_value(json_object_get(members->object, name));
    members->failed |= !text;
    return text ? text : "";
}

uint64_t bulla_member_number(struct bulla_members *members, const char *name, uint64_t most)
{
    const json_t *value = json_object_get(members->object, name);
    json_int_t number = json_integer_value(value);
    bool good = json_is_integer(value) && number >= 0 && (uint64_t)number <= most;
    members->failed |= !good;
    return good ? (uint64_t)number : 0;
}

void bulla_member_hex(struct bulla_members *members, const char *name, uint8_t *out, size_t size)
{
    const char *hex = bulla_member_text(members, name);
    size_t got = 0;
    memset(out, 0, size);
    if (sodium_hex2bin(out, size, hex, strlen(hex), NULL, &got, NULL) != 0 || got != size)
        members->failed = true;
}

static bool has_shape(const char *text, const char *shape)
{
    for (; *shape; text++, shape++)
        if (*shape == '0' ? *text < '0' || *text > '9' : *text != *shape)
            return false;
    return *text == 0;
}

static int digits(const char *text, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++)
        value = 10 * value + (text[i] - '0');
    return value;
}

/* timegm puts the thirtieth of February right, and so changes it. */
uint64_t bulla_member_time(struct bulla_members *members, const char *name)
{
    const char *text = bulla_member_text(members, name);
    if (members->failed || !has_shape(text, "0000-00-00T00:00:00Z")) {
        members->failed = true;
        return 0;
    }
    const struct tm stated = {.tm_year = digits(text, 4) - 1900,
        .tm_mon = digits(text + 5, 2) - 1,
        .tm_mday = digits(text + 8, 2),
        .tm_hour = digits(text + 11, 2),
        .tm_min = digits(text + 14, 2),
        .tm_sec = digits(text + 17, 2)};
    struct tm normal = stated;
    time_t seconds = timegm(&normal);
    bool good = seconds > 0 && normal.tm_mon == stated.tm_mon && normal.tm_mday == stated.tm_mday &&
                normal.tm_hour == stated.tm_hour && normal.tm_min == stated.tm_min && normal.tm_sec == stated.tm_sec;
    members->failed |= !good;
    return good ? (uint64_t)seconds : 0;
}

const json_t *bulla_member_array(struct bulla_members *members, const char *name)
{
    const json_t *value = json_object_get(members->object, name);
    members->failed |= !json_is_array(value);
    return json_is_array(value) ? value : NULL;
}

struct bulla_members bulla_member_object(struct bulla_members *members, const char *name)
{
    const json_t *value = json_object_get(members->object, name);
    members->failed |= !json_is_object(value);
    return (struct bulla_members){value, !json_is_object(value)};
}
