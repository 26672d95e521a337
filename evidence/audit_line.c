/* A line is what jansson writes, compact and in ASCII, and ends with `,"hash":"<64 hex>"}` to the byte: the hash is
 * over the 32 bytes of prev and the line's bytes with that member taken out, so nobody has to re-encode JSON to check
 * it.
 *
 * Text from outside may be anything. It becomes UTF-8 (what is none is replaced), is cut to its share of the line, so
 * that nobody can keep an event out of the log with a long name, and is escaped to ASCII, so that nobody can write to
 * the terminal of whoever reads the log. */
#include "audit_line.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <utf8proc.h>

#include "crypto/cipher.h"

#define HASH_MEMBER ",\"hash\":\""
enum {
    HASH_TAIL = sizeof HASH_MEMBER - 1 + 64 + 2, /* the member, its quote and the object's brace */
    NAME_LARGEST = 32,
    /* seq, time, event, prev and hash with their names and punctuation, and the newline */
    FIXED_LARGEST = 320,
    PER_FIELD = NAME_LARGEST + 6,            /* "name":"…", */
    TEXT_LARGEST = BULLA_AUDIT_LINE_LARGEST, /* of one cut text; escapes only make it longer */
};

void bulla_audit_time(char text[static BULLA_AUDIT_TIME + 1])
{
    struct timespec now;
    struct tm parts;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (!gmtime_r(&now.tv_sec, &parts) || strftime(text, 20, "%Y-%m-%dT%H:%M:%S", &parts) != 19)
        memcpy(text, "0000-00-00T00:00:00", 20); /* a clock beyond the year 9999 */
    (void)snprintf(text + 19, 6, ".%03uZ", (unsigned)now.tv_nsec / 1000000 % 1000);
}

/* -- writing -- */

static bool name_is_good(const char *name)
{
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return size >= 1 && size <= NAME_LARGEST && name[size] == '\0';
}

/* How many bytes a code point takes at most when it is written; 0xfffd takes as many as any below 0x10000. */
static size_t escaped_size(utf8proc_int32_t point)
{
    if (point == '"' || point == '\\')
        return 2;
    if (point >= 0x20 && point < 0x7f)
        return 1;
    return point < 0x10000 ? 6 : 12;
}

/* `text` as UTF-8 whose escaped form fits in `room`; U+2026 stands at the end of what was cut. */
static void clean_text(const char *text, size_t room, char out[static TEXT_LARGEST])
{
    const size_t ellipsis = 6;
    size_t left = strnlen(text, TEXT_LARGEST), at = 0, used = 0;
    const utf8proc_uint8_t *next = (const utf8proc_uint8_t *)text;
    while (left > 0) {
        utf8proc_int32_t point;
        utf8proc_ssize_t step = utf8proc_iterate(next, (utf8proc_ssize_t)left, &point);
        if (step <= 0 || point == 0x7f) { /* DEL is ASCII, and jansson lets it through */
            step = 1;
            point = 0xfffd;
        }
        size_t cost = escaped_size(point);
        if (used + cost + ellipsis > room || at + 8 > TEXT_LARGEST) {
            at += (size_t)utf8proc_encode_char(0x2026, (utf8proc_uint8_t *)out + at);
            break;
        }
        at += (size_t)utf8proc_encode_char(point, (utf8proc_uint8_t *)out + at);
        used += cost;
        next += step;
        left -= (size_t)step;
    }
    out[at] = '\0';
}

static json_t *number_value(uint64_t number)
{
    char digits[24];
    if (number <= BULLA_AUDIT_NUMBER_LARGEST)
        return json_integer((json_int_t)number);
    (void)snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    return json_string(digits);
}

static enum bulla_reason put(json_t *object, const char *name, json_t *value)
{
    if (!name_is_good(name) || json_object_get(object, name)) {
        json_decref(value);
        return bulla_refuse(BULLA_ARGUMENT, "audit: a field's name is reserved, repeated or malformed");
    }
    if (json_object_set_new(object, name, value) != 0)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "audit: composing a line");
    return BULLA_OK;
}

static enum bulla_reason put_fields(json_t *object, const struct bulla_audit_field *fields, size_t count)
{
    char text[TEXT_LARGEST];
    size_t room = count ? (BULLA_AUDIT_LINE_LARGEST - FIXED_LARGEST) / count - PER_FIELD : 0;
    for (size_t i = 0; i < count; i++) {
        json_t *value = NULL;
        if (fields[i].text) {
            clean_text(fields[i].text, room, text);
            value = json_string(text);
        } else {
            value = number_value(fields[i].number);
        }
        if (strcmp(fields[i].name, "prev") == 0 || strcmp(fields[i].name, "hash") == 0) {
            json_decref(value);
            return bulla_refuse(BULLA_ARGUMENT, "audit: the field's name '%s' is reserved", fields[i].name);
        }
        BULLA_TRY(put(object, fields[i].name, value));
    }
    return BULLA_OK;
}

static enum bulla_reason compose(json_t *object, const struct bulla_audit_end *end, const char *time, const char *event,
    const struct bulla_audit_field *fields, size_t count)
{
    char prev[2 * BULLA_AUDIT_HASH + 1];
    if (!object || count > BULLA_AUDIT_FIELDS || !name_is_good(event))
        return bulla_refuse(
            object ? BULLA_ARGUMENT : BULLA_OUT_OF_MEMORY, "audit: composing a line of %zu fields", count);
    BULLA_TRY(put(object, "seq", number_value(end->seq + 1)));
    BULLA_TRY(put(object, "time", json_string(time)));
    BULLA_TRY(put(object, "event", json_string(event)));
    BULLA_TRY(put_fields(object, fields, count));
    return put(object, "prev", json_string(sodium_bin2hex(prev, sizeof prev, end->hash, sizeof end->hash)));
}

static void line_hash(const uint8_t prev[static BULLA_AUDIT_HASH], struct bulla_bytes before_hash_member,
    uint8_t hash[static BULLA_AUDIT_HASH])
{
    const struct bulla_bytes parts[] = {{prev, BULLA_AUDIT_HASH}, before_hash_member, BULLA_TEXT("}")};
    bulla_sha256_parts(parts, 3, hash);
}

enum bulla_reason bulla_audit_line_write(struct bulla_audit_end *end, const char *time, const char *event,
    const struct bulla_audit_field *fields, size_t count, char line[static BULLA_AUDIT_LINE_LARGEST], size_t *size)
{
    char hex[2 * BULLA_AUDIT_HASH + 1];
    uint8_t hash[BULLA_AUDIT_HASH];
    json_t *object = json_object();
    size_t used = 0;
    enum bulla_reason reason = compose(object, end, time, event, fields, count);
    if (reason == BULLA_OK)
        used = json_dumpb(object, line, BULLA_AUDIT_LINE_LARGEST, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(object);
    BULLA_TRY(reason);
    if (used == 0 || used + HASH_TAIL > BULLA_AUDIT_LINE_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "audit: a line of %zu bytes", used);
    used--; /* the object's brace, which the hash member takes along */
    line_hash(end->hash, (struct bulla_bytes){(const uint8_t *)line, used}, hash);
    (void)sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    struct bulla_writer tail;
    bulla_writer_open(&tail, line + used, HASH_TAIL + 1);
    bulla_write_bytes(&tail, BULLA_TEXT(HASH_MEMBER));
    bulla_write_bytes(&tail, BULLA_TEXT(hex));
    bulla_write_bytes(&tail, BULLA_TEXT("\"}\n"));
    *size = used + tail.size;
    end->seq++;
    memcpy(end->hash, hash, sizeof end->hash);
    return BULLA_OK;
}

/* -- reading -- */

static bool read_hex(const json_t *object, const char *name, uint8_t *out, size_t size)
{
    const json_t *value = json_object_get(object, name);
    char again[2 * 64 + 1];
    size_t got = 0;
    if (!json_is_string(value) || json_string_length(value) != 2 * size)
        return false;
    const char *hex = json_string_value(value);
    return sodium_hex2bin(out, size, hex, 2 * size, NULL, &got, NULL) == 0 && got == size &&
           strcmp(sodium_bin2hex(again, sizeof again, out, size), hex) == 0;
}

static bool read_number(const json_t *object, const char *name, uint64_t *number)
{
    const json_t *value = json_object_get(object, name);
    json_int_t integer = json_integer_value(value);
    *number = (uint64_t)integer;
    return json_is_integer(value) && integer >= 0 && (uint64_t)integer <= BULLA_AUDIT_NUMBER_LARGEST;
}

static bool read_members(const json_t *object, struct bulla_audit_line *read)
{
    const json_t *event = json_object_get(object, "event");
    const json_t *time = json_object_get(object, "time");
    if (!read_number(object, "seq", &read->seq) || !read_hex(object, "prev", read->prev, sizeof read->prev) ||
        !read_hex(object, "hash", read->hash, sizeof read->hash) || !json_is_string(event) || !json_is_string(time) ||
        json_string_length(time) != BULLA_AUDIT_TIME)
        return false;
    memcpy(read->time, json_string_value(time), sizeof read->time);
    read->head = strcmp(json_string_value(event), "head") == 0;
    read->begins = strcmp(json_string_value(event), "initialized") == 0;
    read->cut = strcmp(json_string_value(event), "cut") == 0;
    if (read->head)
        return read_number(object, "counter", &read->counter) &&
               read_hex(object, "signature", read->signature, sizeof read->signature);
    return !read->cut || read_number(object, "missing", &read->missing);
}

enum bulla_reason bulla_audit_line_read(struct bulla_bytes line, struct bulla_audit_line *read)
{
    uint8_t hash[BULLA_AUDIT_HASH];
    memset(read, 0, sizeof *read);
    if (line.size <= HASH_TAIL || line.size >= BULLA_AUDIT_LINE_LARGEST ||
        memcmp(line.data + line.size - HASH_TAIL, HASH_MEMBER, sizeof HASH_MEMBER - 1) != 0)
        return bulla_refuse(BULLA_AUDIT_BROKEN, "a line of %zu bytes does not end with its hash", line.size);
    json_t *object = json_loadb((const char *)line.data, line.size, JSON_REJECT_DUPLICATES, NULL);
    bool good = json_is_object(object) && read_members(object, read);
    json_decref(object);
    if (!good)
        return bulla_refuse(BULLA_AUDIT_BROKEN, "a line is not of the log's form");
    line_hash(read->prev, (struct bulla_bytes){line.data, line.size - HASH_TAIL}, hash);
    if (memcmp(hash, read->hash, sizeof hash) != 0)
        return bulla_refuse(BULLA_AUDIT_BROKEN, "line %llu was changed", (unsigned long long)read->seq);
    return BULLA_OK;
}

void bulla_audit_head_message(uint64_t seq, const uint8_t prev[static BULLA_AUDIT_HASH], uint64_t counter,
    const char time[static BULLA_AUDIT_TIME], uint8_t message[static BULLA_AUDIT_HEAD_SIGNED])
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, message, BULLA_AUDIT_HEAD_SIGNED);
    bulla_write_bytes(&writer, BULLA_TEXT("bulla/1 audit head"));
    bulla_write_u64(&writer, seq);
    bulla_write(&writer, prev, BULLA_AUDIT_HASH);
    bulla_write_u64(&writer, counter);
    bulla_write(&writer, time, BULLA_AUDIT_TIME);
}
