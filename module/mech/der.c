#include "der.h"

static size_t length_bytes(size_t size)
{
    size_t bytes = 0;
    for (; size; size >>= 8)
        bytes++;
    return bytes;
}

size_t bulla_der_size(size_t size)
{
    return size < 0x80 ? 2 + size : 2 + length_bytes(size) + size;
}

void bulla_der_head(struct bulla_writer *writer, uint8_t tag, size_t size)
{
    bulla_write_u8(writer, tag);
    if (size < 0x80) {
        bulla_write_u8(writer, (uint8_t)size);
        return;
    }
    size_t bytes = length_bytes(size);
    bulla_write_u8(writer, (uint8_t)(0x80 | bytes));
    while (bytes-- > 0)
        bulla_write_u8(writer, (uint8_t)(size >> (8 * bytes)));
}

struct bulla_bytes bulla_der_strip(struct bulla_bytes magnitude)
{
    while (magnitude.size && magnitude.data[0] == 0) {
        magnitude.data++;
        magnitude.size--;
    }
    return magnitude;
}

/* A zero byte stands before a magnitude whose first bit is set, and for zero itself. */
static size_t content_size(struct bulla_bytes stripped)
{
    return stripped.size + (stripped.size == 0 || stripped.data[0] & 0x80 ? 1 : 0);
}

size_t bulla_der_unsigned_size(struct bulla_bytes magnitude)
{
    return bulla_der_size(content_size(bulla_der_strip(magnitude)));
}

void bulla_der_write_unsigned(struct bulla_writer *writer, struct bulla_bytes magnitude)
{
    struct bulla_bytes stripped = bulla_der_strip(magnitude);
    size_t size = content_size(stripped);
    bulla_der_head(writer, BULLA_DER_INTEGER, size);
    if (size > stripped.size)
        bulla_write_u8(writer, 0);
    bulla_write_bytes(writer, stripped);
}

/* --- reading --- */

static struct bulla_bytes fail(struct bulla_reader *reader)
{
    reader->failed = true;
    return (struct bulla_bytes){NULL, 0};
}

/* False for lengths that are indefinite, not the shortest form, or past four bytes. */
static bool read_length(struct bulla_reader *reader, size_t *size)
{
    uint8_t first = bulla_read_u8(reader);
    *size = first;
    if (first < 0x80)
        return !reader->failed;
    unsigned bytes = first & 0x7f;
    if (bytes == 0 || bytes > 4)
        return false;
    *size = 0;
    for (unsigned i = 0; i < bytes; i++)
        *size = *size << 8 | bulla_read_u8(reader);
    return !reader->failed && *size >= 0x80 && length_bytes(*size) == bytes;
}

struct bulla_bytes bulla_der_read(struct bulla_reader *reader, uint8_t tag)
{
    size_t size = 0;
    if (bulla_read_u8(reader) != tag || !read_length(reader, &size))
        return fail(reader);
    return bulla_read(reader, size);
}

struct bulla_bytes bulla_der_read_unsigned(struct bulla_reader *reader)
{
    struct bulla_bytes content = bulla_der_read(reader, BULLA_DER_INTEGER);
    if (content.size == 0 || content.data[0] & 0x80)
        return fail(reader);
    if (content.size > 1 && content.data[0] == 0 && !(content.data[1] & 0x80))
        return fail(reader);
    return bulla_der_strip(content);
}
