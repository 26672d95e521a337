/* A tag, a length of one byte, or of one to three bytes behind 0x81 to 0x83, and that many bytes. */
#include "der.h"

enum { SHORT_FORM = 0x80, LENGTH_BYTES = 3, LONG_TAG = 0x1f };

static size_t read_length(struct bulla_reader *reader)
{
    size_t first = bulla_read_u8(reader), bytes = first - SHORT_FORM, length = 0;
    if (first < SHORT_FORM)
        return first;
    reader->failed |= bytes == 0 || bytes > LENGTH_BYTES;
    for (size_t i = 0; i < bytes && !reader->failed; i++)
        length = length << 8 | bulla_read_u8(reader);
    /* the shortest form: neither one that fits a single byte, nor one that begins with a zero */
    reader->failed |= length < SHORT_FORM || (bytes > 1 && length >> (8 * (bytes - 1)) == 0);
    return length;
}

bool bulla_der_next(struct bulla_reader *reader, struct bulla_der *element)
{
    const uint8_t *start = reader->at;
    *element = (struct bulla_der){.tag = bulla_read_u8(reader)};
    reader->failed |= (element->tag & LONG_TAG) == LONG_TAG;
    element->content = bulla_read(reader, read_length(reader));
    if (reader->failed)
        return false;
    element->whole = (struct bulla_bytes){start, (size_t)(reader->at - start)};
    return true;
}

bool bulla_der_only(struct bulla_bytes bytes, uint8_t tag, struct bulla_bytes *content)
{
    struct bulla_reader reader;
    struct bulla_der element;
    bulla_reader_open(&reader, bytes);
    if (!bulla_der_next(&reader, &element) || element.tag != tag || bulla_reader_left(&reader))
        return false;
    *content = element.content;
    return true;
}

/* Shortest form, no sign: a leading zero only before a byte whose highest bit is set. */
bool bulla_der_small(struct bulla_bytes bytes, uint16_t *value)
{
    struct bulla_bytes digits;
    uint32_t number = 0;
    if (!bulla_der_only(bytes, BULLA_DER_INTEGER, &digits) || digits.size == 0 || digits.size > 3 ||
        digits.data[0] & 0x80 || (digits.size > 1 && digits.data[0] == 0 && !(digits.data[1] & 0x80)))
        return false;
    for (size_t i = 0; i < digits.size; i++)
        number = number << 8 | digits.data[i];
    *value = (uint16_t)number;
    return number <= UINT16_MAX;
}
