/* What json_scan.c has accepted once is accepted again, so the walks below do not ask whether it was. */
#include "json_reader.h"

#include <string.h>
#include <utf8proc.h>

#include "json_scan.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

bool bulla_json_open(const uint8_t *data, size_t size, struct bulla_json *value, const char **wrong, size_t *where)
{
    struct bulla_json_scan scan = {data, data + size, NULL};
    bulla_json_scan_space(&scan);
    value->at = scan.at;
    bool container = scan.at < scan.end && (*scan.at == '{' || *scan.at == '[');
    bool good = container && bulla_json_scan_value(&scan, 0);
    value->end = scan.at;
    if (good)
        bulla_json_scan_space(&scan);
    *wrong = !container ? "no object or array at the top" : scan.wrong;
    *where = (size_t)(scan.at - data);
    if (good && scan.at < scan.end)
        *wrong = "bytes after the document";
    return *wrong == NULL;
}

enum bulla_json_kind bulla_json_kind(struct bulla_json value)
{
    switch (*value.at) {
    case '{':
        return BULLA_JSON_OBJECT;
    case '[':
        return BULLA_JSON_ARRAY;
    case '"':
        return BULLA_JSON_STRING;
    case 'n':
        return BULLA_JSON_NULL;
    case 't':
        return BULLA_JSON_TRUE;
    case 'f':
        return BULLA_JSON_FALSE;
    default:
        return BULLA_JSON_NUMBER;
    }
}

struct bulla_json_walk bulla_json_walk(struct bulla_json container)
{
    struct bulla_json_walk walk = {.rest = {container.end, container.end}};
    if (*container.at != '{' && *container.at != '[')
        return walk;
    walk.members = *container.at == '{';
    walk.rest = (struct bulla_json){container.at + 1, container.end - 1};
    return walk;
}

bool bulla_json_next(struct bulla_json_walk *walk, struct bulla_json *key, struct bulla_json *value)
{
    struct bulla_json_scan scan = {walk->rest.at, walk->rest.end, NULL};
    bulla_json_scan_space(&scan);
    if (scan.at == scan.end)
        return false;
    if (walk->begun) {
        scan.at++; /* the comma */
        bulla_json_scan_space(&scan);
    }
    walk->begun = true;
    if (walk->members) {
        struct bulla_json name = {scan.at, NULL};
        (void)bulla_json_scan_string(&scan);
        name.end = scan.at;
        if (key)
            *key = name;
        bulla_json_scan_space(&scan);
        scan.at++; /* the colon */
        bulla_json_scan_space(&scan);
    }
    value->at = scan.at;
    (void)bulla_json_scan_value(&scan, 0);
    value->end = scan.at;
    walk->rest.at = scan.at;
    return true;
}

void bulla_json_look(struct bulla_json object, struct bulla_json_lookup *lookups, size_t count)
{
    struct bulla_json key, value;
    for (size_t i = 0; i < count; i++)
        lookups[i].times = 0;
    if (bulla_json_kind(object) != BULLA_JSON_OBJECT)
        return;
    for (struct bulla_json_walk walk = bulla_json_walk(object); bulla_json_next(&walk, &key, &value);) {
        for (size_t i = 0; i < count; i++) {
            if (!bulla_json_text_is(key, lookups[i].name))
                continue;
            lookups[i].times++;
            lookups[i].value = value;
        }
    }
}

enum bulla_json_found bulla_json_member(struct bulla_json object, const char *name, struct bulla_json *value)
{
    struct bulla_json_lookup lookup = {.name = name};
    bulla_json_look(object, &lookup, 1);
    if (lookup.times > 0)
        *value = lookup.value;
    return lookup.times > 1 ? BULLA_JSON_TWICE : (enum bulla_json_found)lookup.times;
}

bool bulla_json_text_view(struct bulla_json value, const char **text, size_t *size)
{
    if (*value.at != '"')
        return false;
    *text = (const char *)value.at + 1;
    *size = (size_t)(value.end - value.at) - 2;
    return memchr(*text, '\\', *size) == NULL;
}

size_t bulla_json_text(struct bulla_json value, char *out, size_t capacity)
{
    const char *text;
    size_t size = 0;
    if (*value.at != '"')
        return 0;
    if (bulla_json_text_view(value, &text, &size)) {
        if (out)
            memcpy(out, text, size < capacity ? size : capacity);
        return size;
    }
    size = 0;
    for (struct bulla_json_scan scan = {value.at + 1, value.end - 1, NULL}; scan.at < scan.end;) {
        uint32_t point = 0;
        uint8_t bytes[4];
        (void)bulla_json_scan_point(&scan, &point);
        utf8proc_ssize_t count = utf8proc_encode_char((utf8proc_int32_t)point, bytes);
        for (utf8proc_ssize_t i = 0; i < count; i++, size++)
            if (out && size < capacity)
                out[size] = (char)bytes[i];
    }
    return size;
}

bool bulla_json_text_is(struct bulla_json value, const char *text)
{
    /* Names in this room are short; a longer text equals none of them. */
    char decoded[64];
    size_t size = bulla_json_text(value, decoded, sizeof decoded);
    return *value.at == '"' && size <= sizeof decoded && size == strlen(text) && memcmp(decoded, text, size) == 0;
}

bool bulla_json_whole(struct bulla_json value, uint64_t *number)
{
    uint64_t sum = 0;
    for (const uint8_t *at = value.at; at < value.end; at++) {
        if (!is_digit(*at) || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(*at - '0'), &sum))
            return false;
    }
    *number = sum;
    return true;
}

/* The exponent behind "e", or 0; false when it is far out of range. */
static bool read_exponent(const uint8_t *at, const uint8_t *end, int *exponent)
{
    *exponent = 0;
    if (at == end)
        return true;
    at++;
    bool negative = *at == '-';
    for (at += *at == '-' || *at == '+'; at < end; at++) {
        *exponent = *exponent * 10 + (*at - '0');
        if (*exponent > 1000)
            return false;
    }
    *exponent = negative ? -*exponent : *exponent;
    return true;
}

/* Below 2^53 the digits are exact in a double, and so is 10^22: one multiplication or division rounds once. */
bool bulla_json_real(struct bulla_json value, double *number)
{
    const uint8_t *at = value.at;
    uint64_t digits = 0;
    int scale = 0, exponent;
    bool negative = *at == '-', fraction = false;
    if (!negative && !is_digit(*at))
        return false;
    for (at += negative; at < value.end && (*at | 0x20) != 'e'; at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        digits = digits * 10 + (uint64_t)(*at - '0');
        scale -= fraction;
        if (digits >= 1000000000000000)
            return false;
    }
    if (!read_exponent(at, value.end, &exponent) || exponent + scale > 22 || exponent + scale < -22)
        return false;
    double power = 1;
    for (int i = exponent + scale; i != 0; i += i < 0 ? 1 : -1)
        power *= 10;
    *number = exponent + scale < 0 ? (double)digits / power : (double)digits * power;
    *number = negative ? -*number : *number;
    return true;
}
