/* Deterministic CBOR out: libcbor chooses the shortest head, the writer bounds it. */
#include <cbor/encoding.h>

#include "cbor.h"

enum { HEAD_LARGEST = 9 };

void bulla_cbor_write_uint(struct bulla_writer *writer, uint64_t value)
{
    unsigned char head[HEAD_LARGEST];
    bulla_write(writer, head, cbor_encode_uint(value, head, sizeof head));
}

/* -1 - value is the bitwise complement, and so fits for INT64_MIN too. */
void bulla_cbor_write_int(struct bulla_writer *writer, int64_t value)
{
    unsigned char head[HEAD_LARGEST];
    if (value >= 0)
        bulla_cbor_write_uint(writer, (uint64_t)value);
    else
        bulla_write(writer, head, cbor_encode_negint(~(uint64_t)value, head, sizeof head));
}

void bulla_cbor_write_bstr(struct bulla_writer *writer, struct bulla_bytes bytes)
{
    unsigned char head[HEAD_LARGEST];
    bulla_write(writer, head, cbor_encode_bytestring_start(bytes.size, head, sizeof head));
    bulla_write_bytes(writer, bytes);
}

void bulla_cbor_write_tstr(struct bulla_writer *writer, const char *text)
{
    bulla_cbor_write_tstr_bytes(writer, BULLA_TEXT(text));
}

void bulla_cbor_write_tstr_bytes(struct bulla_writer *writer, struct bulla_bytes utf8)
{
    unsigned char head[HEAD_LARGEST];
    bulla_write(writer, head, cbor_encode_string_start(utf8.size, head, sizeof head));
    bulla_write_bytes(writer, utf8);
}

void bulla_cbor_write_array(struct bulla_writer *writer, size_t items)
{
    unsigned char head[HEAD_LARGEST];
    bulla_write(writer, head, cbor_encode_array_start(items, head, sizeof head));
}

void bulla_cbor_write_map(struct bulla_writer *writer, size_t pairs)
{
    unsigned char head[HEAD_LARGEST];
    bulla_write(writer, head, cbor_encode_map_start(pairs, head, sizeof head));
}

void bulla_cbor_write_tag(struct bulla_writer *writer, uint64_t tag)
{
    unsigned char head[HEAD_LARGEST];
    bulla_write(writer, head, cbor_encode_tag(tag, head, sizeof head));
}

void bulla_cbor_write_bool(struct bulla_writer *writer, bool value)
{
    unsigned char head[HEAD_LARGEST];
    bulla_write(writer, head, cbor_encode_bool(value, head, sizeof head));
}

void bulla_cbor_write_null(struct bulla_writer *writer)
{
    unsigned char head[HEAD_LARGEST];
    bulla_write(writer, head, cbor_encode_null(head, sizeof head));
}
