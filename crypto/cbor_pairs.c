/* A flat map in one pass. What the general reader (cbor_read.c) checks of any item is here checked of two kinds: an
 * unsigned integer and a byte string, each after a head of its shortest form. Keys that ascend as numbers ascend as
 * encoded bytes, because a shorter head begins with a lower byte. */
#include "cbor.h"

enum { UNSIGNED = 0, BSTR = 2, MAP = 5 };

static enum bulla_reason refuse(const struct bulla_cbor_pairs *pairs, enum bulla_reason reason, const char *how)
{
    return bulla_refuse(reason, "%s: %s", pairs->what, how);
}

/* The argument of a head of the one major type that may stand here. */
static enum bulla_reason read_head(struct bulla_cbor_pairs *pairs, unsigned major, uint64_t *argument)
{
    static const uint64_t smallest[] = {24, UINT64_C(1) << 8, UINT64_C(1) << 16, UINT64_C(1) << 32};
    struct bulla_reader *reader = &pairs->reader;
    if (reader->at == reader->end)
        return refuse(pairs, BULLA_TRUNCATED, "ends early");
    unsigned initial = *reader->at++, info = initial & 0x1f;
    if (initial >> 5 != major || info > 27)
        return refuse(pairs, BULLA_MALFORMED, "is not a map of unsigned integers to byte strings");
    *argument = info;
    if (info < 24)
        return BULLA_OK;
    size_t size = (size_t)1 << (info - 24);
    if ((size_t)(reader->end - reader->at) < size)
        return refuse(pairs, BULLA_TRUNCATED, "ends early");
    *argument = 0;
    for (size_t i = 0; i < size; i++)
        *argument = *argument << 8 | *reader->at++;
    return *argument >= smallest[info - 24]
               ? BULLA_OK
               : refuse(pairs, BULLA_NOT_CANONICAL, "has a head that is longer than needed");
}

enum bulla_reason bulla_cbor_pairs_open(struct bulla_bytes bytes, const char *what, struct bulla_cbor_pairs *pairs)
{
    *pairs = (struct bulla_cbor_pairs){.what = what};
    bulla_reader_open(&pairs->reader, bytes);
    return read_head(pairs, MAP, &pairs->left);
}

static enum bulla_reason read_key(struct bulla_cbor_pairs *pairs, uint64_t *key)
{
    BULLA_TRY(read_head(pairs, UNSIGNED, key));
    if (pairs->begun && *key == pairs->previous)
        return refuse(pairs, BULLA_DUPLICATE, "has the same key twice");
    if (pairs->begun && *key < pairs->previous)
        return refuse(pairs, BULLA_NOT_CANONICAL, "has keys that do not ascend");
    pairs->begun = true;
    pairs->previous = *key;
    return BULLA_OK;
}

enum bulla_reason bulla_cbor_pairs_next(struct bulla_cbor_pairs *pairs, uint64_t *key, struct bulla_bytes *value)
{
    uint64_t size = 0;
    if (pairs->left == 0)
        return refuse(pairs, BULLA_INTERNAL, "has no more pairs");
    BULLA_TRY(read_key(pairs, key));
    BULLA_TRY(read_head(pairs, BSTR, &size));
    if (size > (size_t)(pairs->reader.end - pairs->reader.at))
        return refuse(pairs, BULLA_TRUNCATED, "ends within a string");
    *value = (struct bulla_bytes){pairs->reader.at, (size_t)size};
    pairs->reader.at += size;
    pairs->left--;
    return BULLA_OK;
}
