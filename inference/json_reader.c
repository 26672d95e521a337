/* The grammar stands in the scan_ functions, one each; they move `at` behind what they accepted. Checking a document
 * and stepping over a value of a checked one are the same walk, so there is one place that knows where a value ends.
 * The recursion is bounded by BULLA_JSON_DEPTH. */
#include "json_reader.h"

#include <string.h>
#include <utf8proc.h>

struct scan {
    const uint8_t *at;
    const uint8_t *end;
    const char *wrong;
};

static bool refuse(struct scan *scan, const char *wrong)
{
    scan->wrong = wrong;
    return false;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* The byte at hand; 0, which begins nothing in JSON, at the end. */
static uint8_t peek(const struct scan *scan)
{
    return scan->at < scan->end ? *scan->at : 0;
}

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
}

static bool scan_literal(struct scan *scan, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0)
        return refuse(scan, "a word that is not null, true or false");
    scan->at += size;
    return true;
}

static bool scan_digits(struct scan *scan)
{
    if (!is_digit(peek(scan)))
        return refuse(scan, "a number without a digit");
    while (is_digit(peek(scan)))
        scan->at++;
    return true;
}

static bool scan_number(struct scan *scan)
{
    if (peek(scan) == '-')
        scan->at++;
    bool zero = peek(scan) == '0';
    const uint8_t *first = scan->at;
    if (!scan_digits(scan))
        return false;
    if (zero && scan->at - first > 1)
        return refuse(scan, "a number that begins with a zero");
    if (peek(scan) == '.') {
        scan->at++;
        if (!scan_digits(scan))
            return false;
    }
    if ((peek(scan) | 0x20) != 'e')
        return true;
    scan->at++;
    if (peek(scan) == '+' || peek(scan) == '-')
        scan->at++;
    return scan_digits(scan);
}

/* Four hex digits; -1 when they are not there. */
static int32_t scan_hex(struct scan *scan)
{
    int32_t unit = 0;
    if (scan->end - scan->at < 4)
        return -1;
    for (const uint8_t *stop = scan->at + 4; scan->at < stop; scan->at++) {
        uint8_t c = *scan->at, lower = c | 0x20;
        if (!is_digit(c) && (lower < 'a' || lower > 'f'))
            return -1;
        unit = unit << 4 | (is_digit(c) ? c - '0' : lower - 'a' + 10);
    }
    return unit;
}

/* Behind "\u": the code point, joined from two escapes where the first is a high surrogate. */
static bool scan_escaped_point(struct scan *scan, uint32_t *point)
{
    int32_t high = scan_hex(scan);
    if (high <= 0)
        return refuse(scan, "an escape that is not four hex digits, or is U+0000");
    *point = (uint32_t)high;
    if (high < 0xD800 || high > 0xDFFF)
        return true;
    bool pair = high <= 0xDBFF && scan->end - scan->at >= 2 && scan->at[0] == '\\' && scan->at[1] == 'u';
    scan->at += pair ? 2 : 0;
    int32_t low = pair ? scan_hex(scan) : -1;
    if (low < 0xDC00 || low > 0xDFFF)
        return refuse(scan, "half of a surrogate pair");
    *point = 0x10000 + (((uint32_t)high - 0xD800) << 10) + ((uint32_t)low - 0xDC00);
    return true;
}

/* Behind the backslash. */
static bool scan_escape(struct scan *scan, uint32_t *point)
{
    static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    uint8_t c = peek(scan);
    const char *name = c ? strchr(names, c) : NULL;
    if (c != 'u' && !name)
        return refuse(scan, "an unknown escape");
    scan->at++;
    if (c == 'u')
        return scan_escaped_point(scan, point);
    *point = (uint8_t)means[name - names];
    return true;
}

/* One character of a string that is not its closing quote. */
static bool scan_point(struct scan *scan, uint32_t *point)
{
    uint8_t c = *scan->at;
    if (c < 0x20)
        return refuse(scan, "a control character in a string");
    if (c == '\\') {
        scan->at++;
        return scan_escape(scan, point);
    }
    utf8proc_int32_t decoded = c;
    utf8proc_ssize_t taken = c < 0x80 ? 1 : utf8proc_iterate(scan->at, scan->end - scan->at, &decoded);
    if (taken < 1)
        return refuse(scan, "bytes that are not UTF-8");
    *point = (uint32_t)decoded;
    scan->at += taken;
    return true;
}

/* What most strings are made of: ASCII that stands for itself. */
static const bool plain[256] = {[0x20 ... '"' - 1] = true, ['"' + 1 ... '\\' - 1] = true, ['\\' + 1 ... 0x7F] = true};

static bool scan_string(struct scan *scan)
{
    uint32_t point;
    if (peek(scan) != '"')
        return refuse(scan, "no string where one must be");
    scan->at++;
    for (;;) {
        while (scan->at < scan->end && plain[*scan->at])
            scan->at++;
        if (scan->at == scan->end || *scan->at == '"')
            break;
        if (!scan_point(scan, &point))
            return false;
    }
    if (scan->at == scan->end)
        return refuse(scan, "a string without an end");
    scan->at++;
    return true;
}

static bool scan_value(struct scan *scan, unsigned depth);

static bool scan_key(struct scan *scan)
{
    if (!scan_string(scan))
        return false;
    skip_space(scan);
    if (peek(scan) != ':')
        return refuse(scan, "a key without a colon");
    scan->at++;
    skip_space(scan);
    return true;
}

static bool scan_container(struct scan *scan, uint8_t closing, unsigned depth)
{
    if (depth == BULLA_JSON_DEPTH)
        return refuse(scan, "nested too deep");
    scan->at++;
    skip_space(scan);
    if (peek(scan) == closing) {
        scan->at++;
        return true;
    }
    for (;;) {
        if ((closing == '}' && !scan_key(scan)) || !scan_value(scan, depth + 1))
            return false;
        skip_space(scan);
        uint8_t c = peek(scan);
        if (c != ',' && c != closing)
            return refuse(scan, "no comma and no closing bracket");
        scan->at++;
        if (c == closing)
            return true;
        skip_space(scan);
    }
}

static bool scan_value(struct scan *scan, unsigned depth)
{
    switch (peek(scan)) {
    case '{':
        return scan_container(scan, '}', depth);
    case '[':
        return scan_container(scan, ']', depth);
    case '"':
        return scan_string(scan);
    case 'n':
        return scan_literal(scan, "null");
    case 't':
        return scan_literal(scan, "true");
    case 'f':
        return scan_literal(scan, "false");
    default:
        return scan_number(scan);
    }
}

bool bulla_json_open(const uint8_t *data, size_t size, struct bulla_json *value, const char **wrong, size_t *where)
{
    struct scan scan = {data, data + size, NULL};
    skip_space(&scan);
    value->at = scan.at;
    bool good = peek(&scan) == '{' || peek(&scan) == '[' ? scan_value(&scan, 0)
                                                         : refuse(&scan, "no object or array at the top");
    value->end = scan.at;
    if (good)
        skip_space(&scan);
    if (good && scan.at < scan.end)
        good = refuse(&scan, "bytes after the document");
    *wrong = scan.wrong;
    *where = (size_t)(scan.at - data);
    return good;
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
    struct scan scan = {walk->rest.at, walk->rest.end, NULL};
    skip_space(&scan);
    if (scan.at == scan.end)
        return false;
    if (walk->begun) {
        scan.at++; /* the comma */
        skip_space(&scan);
    }
    walk->begun = true;
    if (walk->members) {
        struct bulla_json name = {scan.at, NULL};
        (void)scan_string(&scan);
        name.end = scan.at;
        if (key)
            *key = name;
        skip_space(&scan);
        scan.at++; /* the colon */
        skip_space(&scan);
    }
    value->at = scan.at;
    (void)scan_value(&scan, 0);
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
    for (struct scan scan = {value.at + 1, value.end - 1, NULL}; scan.at < scan.end;) {
        uint32_t point = 0;
        uint8_t bytes[4];
        (void)scan_point(&scan, &point);
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
