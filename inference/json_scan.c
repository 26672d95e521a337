/* One function for each rule of the grammar; they move `at` behind what they accepted. Checking a document and stepping
 * over a value of a checked one are the same walk, so there is one place that knows where a value ends. The recursion
 * is bounded by BULLA_JSON_DEPTH. */
#include "json_scan.h"

#include <endian.h>
#include <string.h>
#include <utf8proc.h>

#include "json_reader.h"

static bool refuse(struct bulla_json_scan *scan, const char *wrong)
{
    scan->wrong = wrong;
    return false;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* The byte at hand; 0, which begins nothing in JSON, at the end. */
static uint8_t peek(const struct bulla_json_scan *scan)
{
    return scan->at < scan->end ? *scan->at : 0;
}

void bulla_json_scan_space(struct bulla_json_scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
}

static bool scan_literal(struct bulla_json_scan *scan, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0)
        return refuse(scan, "a word that is not null, true or false");
    scan->at += size;
    return true;
}

static bool scan_digits(struct bulla_json_scan *scan)
{
    if (!is_digit(peek(scan)))
        return refuse(scan, "a number without a digit");
    while (is_digit(peek(scan)))
        scan->at++;
    return true;
}

static bool scan_number(struct bulla_json_scan *scan)
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
static int32_t scan_hex(struct bulla_json_scan *scan)
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
static bool scan_escaped_point(struct bulla_json_scan *scan, uint32_t *point)
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
static bool scan_escape(struct bulla_json_scan *scan, uint32_t *point)
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

bool bulla_json_scan_point(struct bulla_json_scan *scan, uint32_t *point)
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

/* Steps over what most strings are made of: ASCII that stands for itself. Eight bytes at a time, because the pieces of
 * a vocabulary are short and a loop that ends after another number of bytes each time costs more than their bytes. The
 * top bit of a byte of `stops` says that it is below 0x20, a quote, a backslash or above 0x7F; subtraction borrows
 * upwards, so all bits up to the first that is set are right, and no other is looked at. */
static void scan_plain(struct bulla_json_scan *scan)
{
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    while (scan->end - scan->at >= 8) {
        uint64_t bytes;
        memcpy(&bytes, scan->at, sizeof bytes);
        bytes = le64toh(bytes);
        uint64_t quotes = bytes ^ ones * '"', backslashes = bytes ^ ones * '\\';
        uint64_t stops = (((bytes - ones * 0x20) & ~bytes) | ((quotes - ones) & ~quotes) |
                             ((backslashes - ones) & ~backslashes) | bytes) &
                         tops;
        if (stops) {
            scan->at += __builtin_ctzll(stops) / 8;
            return;
        }
        scan->at += 8;
    }
    while (scan->at < scan->end && *scan->at >= 0x20 && *scan->at < 0x80 && *scan->at != '"' && *scan->at != '\\')
        scan->at++;
}

bool bulla_json_scan_string(struct bulla_json_scan *scan)
{
    uint32_t point;
    if (peek(scan) != '"')
        return refuse(scan, "no string where one must be");
    scan->at++;
    for (;;) {
        scan_plain(scan);
        if (scan->at == scan->end || *scan->at == '"')
            break;
        if (!bulla_json_scan_point(scan, &point))
            return false;
    }
    if (scan->at == scan->end)
        return refuse(scan, "a string without an end");
    scan->at++;
    return true;
}

static bool scan_key(struct bulla_json_scan *scan)
{
    if (!bulla_json_scan_string(scan))
        return false;
    bulla_json_scan_space(scan);
    if (peek(scan) != ':')
        return refuse(scan, "a key without a colon");
    scan->at++;
    bulla_json_scan_space(scan);
    return true;
}

static bool scan_container(struct bulla_json_scan *scan, uint8_t closing, unsigned depth)
{
    if (depth == BULLA_JSON_DEPTH)
        return refuse(scan, "nested too deep");
    scan->at++;
    bulla_json_scan_space(scan);
    if (peek(scan) == closing) {
        scan->at++;
        return true;
    }
    for (;;) {
        if ((closing == '}' && !scan_key(scan)) || !bulla_json_scan_value(scan, depth + 1))
            return false;
        bulla_json_scan_space(scan);
        uint8_t c = peek(scan);
        if (c != ',' && c != closing)
            return refuse(scan, "no comma and no closing bracket");
        scan->at++;
        if (c == closing)
            return true;
        bulla_json_scan_space(scan);
    }
}

bool bulla_json_scan_value(struct bulla_json_scan *scan, unsigned depth)
{
    switch (peek(scan)) {
    case '{':
        return scan_container(scan, '}', depth);
    case '[':
        return scan_container(scan, ']', depth);
    case '"':
        return bulla_json_scan_string(scan);
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
