/* Bytes that are read and bytes that are written: one bounded reader and one bounded writer for every wire format.
 *
 * Neither allocates. A reader refuses to go past its end and then stays failed; a writer that meets its capacity stops
 * writing, and `bulla_writer_finish` says so: no call between has to be checked. */
#ifndef BULLA_CRYPTO_BYTES_H
#define BULLA_CRYPTO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "reason.h"

/* A borrowed view; {NULL, 0} is empty. */
struct bulla_bytes {
    const uint8_t *data;
    size_t size;
};

#define BULLA_BYTES(array) ((struct bulla_bytes){(const uint8_t *)(array), sizeof(array)})
#define BULLA_TEXT(text) ((struct bulla_bytes){(const uint8_t *)(text), strlen(text)})

/* Not for secrets: its time depends on the content. Secrets are compared with sodium_memcmp. */
bool bulla_bytes_equal(struct bulla_bytes left, struct bulla_bytes right);
bool bulla_bytes_equal_text(struct bulla_bytes left, const char *text);

struct bulla_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

void bulla_reader_open(struct bulla_reader *reader, struct bulla_bytes bytes);
size_t bulla_reader_left(const struct bulla_reader *reader);
/* The next `size` bytes as a view, or an empty view with `failed` set. */
struct bulla_bytes bulla_read(struct bulla_reader *reader, size_t size);
/* Big-endian, as every wire format here; 0 with `failed` set at the end. */
uint8_t bulla_read_u8(struct bulla_reader *reader);
uint16_t bulla_read_u16(struct bulla_reader *reader);
uint32_t bulla_read_u32(struct bulla_reader *reader);
uint64_t bulla_read_u64(struct bulla_reader *reader);
/* Little-endian, as processors' makers write: reports, quotes, event logs. */
uint16_t bulla_read_u16_little(struct bulla_reader *reader);
uint32_t bulla_read_u32_little(struct bulla_reader *reader);
uint64_t bulla_read_u64_little(struct bulla_reader *reader);
/* Whether the next `size` bytes are there, and zeros. */
bool bulla_read_zeros(struct bulla_reader *reader, size_t size);
/* BULLA_TRUNCATED when it failed, BULLA_TRAILING when bytes are left; `what` names the format in the detail. */
enum bulla_reason bulla_reader_finish(const struct bulla_reader *reader, const char *what) BULLA_MUST_USE;

struct bulla_writer {
    uint8_t *data;
    size_t capacity;
    size_t size; /* what would have been written, also past the capacity */
};

/* `data` may be NULL with capacity 0: the writer then only counts. The memory stays the caller's; what a writer holds
 * of secrets is wiped by whoever owns that memory. */
void bulla_writer_open(struct bulla_writer *writer, void *data, size_t capacity);
void bulla_write(struct bulla_writer *writer, const void *data, size_t size);
void bulla_write_bytes(struct bulla_writer *writer, struct bulla_bytes bytes);
/* Where `size` bytes are written in place; NULL where they don't fit (the writer counts them all the same). */
uint8_t *bulla_write_space(struct bulla_writer *writer, size_t size);
void bulla_write_u8(struct bulla_writer *writer, uint8_t value);
void bulla_write_u16(struct bulla_writer *writer, uint16_t value);
void bulla_write_u32(struct bulla_writer *writer, uint32_t value);
void bulla_write_u64(struct bulla_writer *writer, uint64_t value);
/* BULLA_BUFFER_SMALL when more was written than fits; `size` then is what is needed. */
enum bulla_reason bulla_writer_finish(const struct bulla_writer *writer, const char *what) BULLA_MUST_USE;
/* What was written so far. */
struct bulla_bytes bulla_writer_bytes(const struct bulla_writer *writer);

#endif
