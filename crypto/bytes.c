#include "bytes.h"

bool bulla_bytes_equal(struct bulla_bytes left, struct bulla_bytes right)
{
    return left.size == right.size && (left.size == 0 || memcmp(left.data, right.data, left.size) == 0);
}

bool bulla_bytes_equal_text(struct bulla_bytes left, const char *text)
{
    return bulla_bytes_equal(left, BULLA_TEXT(text));
}

/* An empty view may be {NULL, 0}: no offset is ever added to a null pointer. */
void bulla_reader_open(struct bulla_reader *reader, struct bulla_bytes bytes)
{
    reader->at = bytes.data;
    reader->end = bytes.size > 0 ? bytes.data + bytes.size : bytes.data;
    reader->failed = false;
}

size_t bulla_reader_left(const struct bulla_reader *reader)
{
    return reader->failed ? 0 : (size_t)(reader->end - reader->at);
}

struct bulla_bytes bulla_read(struct bulla_reader *reader, size_t size)
{
    if (reader->failed || size > bulla_reader_left(reader)) {
        reader->failed = true;
        return (struct bulla_bytes){NULL, 0};
    }
    struct bulla_bytes view = {reader->at, size};
    if (size > 0)
        reader->at += size;
    return view;
}

/* 0 when fewer than `size` (at most 8) bytes are left. */
static uint64_t read_number(struct bulla_reader *reader, size_t size)
{
    struct bulla_bytes view = bulla_read(reader, size);
    uint64_t value = 0;
    for (size_t i = 0; i < view.size; i++)
        value = value << 8 | view.data[i];
    return value;
}

uint8_t bulla_read_u8(struct bulla_reader *reader)
{
    return (uint8_t)read_number(reader, 1);
}

uint16_t bulla_read_u16(struct bulla_reader *reader)
{
    return (uint16_t)read_number(reader, 2);
}

uint32_t bulla_read_u32(struct bulla_reader *reader)
{
    return (uint32_t)read_number(reader, 4);
}

uint64_t bulla_read_u64(struct bulla_reader *reader)
{
    return read_number(reader, 8);
}

bool bulla_read_zeros(struct bulla_reader *reader, size_t size)
{
    struct bulla_bytes view = bulla_read(reader, size);
    uint8_t any = 0;
    for (size_t i = 0; i < view.size; i++)
        any |= view.data[i];
    return view.size == size && any == 0;
}

static uint64_t read_little(struct bulla_reader *reader, size_t size)
{
    struct bulla_bytes view = bulla_read(reader, size);
    uint64_t value = 0;
    for (size_t i = view.size; i > 0; i--)
        value = value << 8 | view.data[i - 1];
    return value;
}

uint16_t bulla_read_u16_little(struct bulla_reader *reader)
{
    return (uint16_t)read_little(reader, 2);
}

uint32_t bulla_read_u32_little(struct bulla_reader *reader)
{
    return (uint32_t)read_little(reader, 4);
}

uint64_t bulla_read_u64_little(struct bulla_reader *reader)
{
    return read_little(reader, 8);
}

enum bulla_reason bulla_reader_finish(const struct bulla_reader *reader, const char *what)
{
    if (reader->failed)
        return bulla_refuse(BULLA_TRUNCATED, "%s ends early", what);
    size_t left = bulla_reader_left(reader);
    if (left > 0)
        return bulla_refuse(BULLA_TRAILING, "%s is followed by %zu bytes that do not belong to it", what, left);
    return BULLA_OK;
}

void bulla_writer_open(struct bulla_writer *writer, void *data, size_t capacity)
{
    writer->data = data;
    writer->capacity = data ? capacity : 0;
    writer->size = 0;
}

/* Once a write did not fit nothing more is written, although a later and shorter one might: what is in the memory is
 * always a prefix of what was meant. The count sticks at SIZE_MAX rather than wrap. */
uint8_t *bulla_write_space(struct bulla_writer *writer, size_t size)
{
    bool fits = writer->size <= writer->capacity && size <= writer->capacity - writer->size;
    uint8_t *space = fits ? writer->data + writer->size : NULL;
    if (__builtin_add_overflow(writer->size, size, &writer->size))
        writer->size = SIZE_MAX;
    return space;
}

void bulla_write(struct bulla_writer *writer, const void *data, size_t size)
{
    uint8_t *space = bulla_write_space(writer, size);
    if (space && size > 0)
        memcpy(space, data, size);
}

void bulla_write_bytes(struct bulla_writer *writer, struct bulla_bytes bytes)
{
    bulla_write(writer, bytes.data, bytes.size);
}

static void write_number(struct bulla_writer *writer, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    bulla_write(writer, bytes, size);
}

void bulla_write_u8(struct bulla_writer *writer, uint8_t value)
{
    write_number(writer, value, 1);
}

void bulla_write_u16(struct bulla_writer *writer, uint16_t value)
{
    write_number(writer, value, 2);
}

void bulla_write_u32(struct bulla_writer *writer, uint32_t value)
{
    write_number(writer, value, 4);
}

void bulla_write_u64(struct bulla_writer *writer, uint64_t value)
{
    write_number(writer, value, 8);
}

enum bulla_reason bulla_writer_finish(const struct bulla_writer *writer, const char *what)
{
    if (writer->size > writer->capacity)
        return bulla_refuse(
            BULLA_BUFFER_SMALL, "%s needs %zu bytes and has room for %zu", what, writer->size, writer->capacity);
    return BULLA_OK;
}

/* After an overrun the view would reach past the memory: it is empty then, and bulla_writer_finish says why. */
struct bulla_bytes bulla_writer_bytes(const struct bulla_writer *writer)
{
    if (writer->size > writer->capacity)
        return (struct bulla_bytes){NULL, 0};
    return (struct bulla_bytes){writer->data, writer->size};
}
