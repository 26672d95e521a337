/* Deterministic CBOR (RFC 8949 section 4.2): what bulla's own formats are written in.
 *
 * Writing uses libcbor's encoder primitives on a bulla_writer. The caller writes map keys in the order of their encoded
 * bytes; debug builds and tests check it through the decoder. Reading is ours: bounded, allocation-free, at most
 * BULLA_CBOR_DEPTH deep; in strict mode (our own formats) every head must be the shortest, lengths definite, map keys
 * ascending and unique, floats in the shortest form that keeps the value; lenient mode (foreign formats: Nitro's) takes
 * arrays and maps of indefinite length and longer heads and floats, and still refuses duplicate keys; its keys are
 * plain values, at most 256 in all the maps that enclose a place. Neither takes undefined, unassigned simple values or
 * strings in chunks. The work is bounded by the input's size, so whoever reads foreign bytes bounds that. */
#ifndef BULLA_CRYPTO_CBOR_H
#define BULLA_CRYPTO_CBOR_H

#include "bytes.h"

enum { BULLA_CBOR_DEPTH = 16 };

void bulla_cbor_write_uint(struct bulla_writer *writer, uint64_t value);
void bulla_cbor_write_int(struct bulla_writer *writer, int64_t value);
void bulla_cbor_write_bstr(struct bulla_writer *writer, struct bulla_bytes bytes);
void bulla_cbor_write_tstr(struct bulla_writer *writer, const char *text);
void bulla_cbor_write_tstr_bytes(struct bulla_writer *writer, struct bulla_bytes utf8);
void bulla_cbor_write_array(struct bulla_writer *writer, size_t items);
void bulla_cbor_write_map(struct bulla_writer *writer, size_t pairs);
void bulla_cbor_write_tag(struct bulla_writer *writer, uint64_t tag);
void bulla_cbor_write_bool(struct bulla_writer *writer, bool value);
void bulla_cbor_write_null(struct bulla_writer *writer);

enum bulla_cbor_kind {
    BULLA_CBOR_UINT,
    BULLA_CBOR_NEGATIVE, /* the value is -1 - number */
    BULLA_CBOR_BSTR,
    BULLA_CBOR_TSTR, /* checked to be UTF-8 */
    BULLA_CBOR_ARRAY,
    BULLA_CBOR_MAP,
    BULLA_CBOR_TAG,
    BULLA_CBOR_BOOL,
    BULLA_CBOR_NULL,
    BULLA_CBOR_FLOAT,
};

/* One data item: its head, its string as a view, and the whole encoding of it with everything inside. */
struct bulla_cbor {
    enum bulla_cbor_kind kind;
    uint64_t number; /* value, item or pair count, tag, string's size; bool as 0 and 1; a float's bits as f64 */
    struct bulla_bytes string;  /* of a bstr or tstr */
    struct bulla_bytes inside;  /* encoded items of an array, map or tag */
    struct bulla_bytes encoded; /* the whole item */
};

/* Reads exactly one item that fills `bytes`, checking it in depth. `what` names the format in details.
 * BULLA_TRUNCATED, BULLA_TRAILING, BULLA_MALFORMED, BULLA_NOT_CANONICAL, BULLA_DUPLICATE, BULLA_NOT_TEXT,
 * BULLA_TOO_LARGE, BULLA_UNSUPPORTED (well-formed, but not taken). `item` is null then. */
enum bulla_reason bulla_cbor_decode(struct bulla_bytes bytes, const char *what, struct bulla_cbor *item) BULLA_MUST_USE;
enum bulla_reason bulla_cbor_decode_lenient(
    struct bulla_bytes bytes, const char *what, struct bulla_cbor *item) BULLA_MUST_USE;

/* Walks the items inside an array, a map (key, value, key, …) or a tag that was decoded above (and so is well formed):
 *     struct bulla_cbor_walk walk = bulla_cbor_inside(&array);
 *     while (bulla_cbor_next(&walk, &item)) …                                                                      */
struct bulla_cbor_walk {
    struct bulla_reader reader;
};
struct bulla_cbor_walk bulla_cbor_inside(const struct bulla_cbor *container);
bool bulla_cbor_next(struct bulla_cbor_walk *walk, struct bulla_cbor *item);

/* A map of unsigned integers to byte strings and nothing else, as rows of the store have it, read in one pass. Accepted
 * is what bulla_cbor_decode accepts of such maps. The count announced is not to be believed in: bound it.
 *     BULLA_TRY(bulla_cbor_pairs_open(bytes, "attributes", &pairs));
 *     while (pairs.left) BULLA_TRY(bulla_cbor_pairs_next(&pairs, &key, &value));
 *     BULLA_TRY(bulla_reader_finish(&pairs.reader, "attributes"));                                                  */
struct bulla_cbor_pairs {
    struct bulla_reader reader;
    uint64_t left, previous;
    const char *what;
    bool begun;
};
/* BULLA_TRUNCATED, BULLA_MALFORMED (also what is of another kind), BULLA_NOT_CANONICAL, BULLA_DUPLICATE. */
enum bulla_reason bulla_cbor_pairs_open(
    struct bulla_bytes bytes, const char *what, struct bulla_cbor_pairs *pairs) BULLA_MUST_USE;
enum bulla_reason bulla_cbor_pairs_next(
    struct bulla_cbor_pairs *pairs, uint64_t *key, struct bulla_bytes *value) BULLA_MUST_USE;

enum { BULLA_CBOR_OR_NULL = 2 }; /* of a field: it must be there, and may be null */
/* A map as a table of fields: every pair of the map must match a row by key and kind, and every row not marked optional
 * must be met; anything else is refused. Keys are integers, or text where `text_key` is set. Values go to `*value`. */
struct bulla_cbor_field {
    int64_t key;
    const char *text_key;
    enum bulla_cbor_kind kind;
    uint8_t optional;         /* false, true or BULLA_CBOR_OR_NULL */
    struct bulla_cbor *value; /* untouched when absent: initialise its kind to BULLA_CBOR_NULL to tell */
    size_t smallest, largest; /* bounds of a string's size in bytes or of a number; both 0: none */
};
enum bulla_reason bulla_cbor_fields(
    const struct bulla_cbor *map, const struct bulla_cbor_field *fields, size_t count, const char *what) BULLA_MUST_USE;

#endif
