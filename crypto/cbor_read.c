/* The CBOR reader.
 *
 * One pass over the bytes checks everything, recursing at most BULLA_CBOR_DEPTH containers deep. A head takes a byte at
 * least and counts announced are not believed in, so the work is linear in the input in strict mode. Keys of a strict
 * map ascend, so each is compared with the one before it. Keys of a lenient map come in any order: each is compared
 * with all before it, by value and not by encoding (a longer head of the same number is the same key); the keys of all
 * maps that are open lie on one stack of KEYS_LARGEST.
 *
 * Walking reads the same bytes again with the checks off that have already been made; the bounds stay. */
#include "cbor.h"
#include "cbor_scalar.h"

enum { KEYS_LARGEST = 256 };

enum major { UNSIGNED, NEGATIVE, BSTR, TSTR, ARRAY, MAP, TAG, SIMPLE };
enum { INFO_INDEFINITE = 31, BREAK = 0xff };
enum { SIMPLE_FALSE = 20, SIMPLE_TRUE = 21, SIMPLE_NULL = 22, SIMPLE_BYTE = 24, FLOAT_HALF = 25, FLOAT_DOUBLE = 27 };

enum mode {
    STRICT,
    LENIENT,
    CHECKED, /* lenient, of bytes that were decoded before */
};

/* What tells one key of a lenient map from another. */
struct key {
    enum bulla_cbor_kind kind;
    uint64_t number;
    struct bulla_bytes string;
};

struct decoder {
    struct bulla_reader reader;
    const uint8_t *start;
    const char *what;
    enum mode mode;
    unsigned depth;
    struct key *keys; /* KEYS_LARGEST in lenient mode, else none */
    size_t keys_used;
};

struct head {
    enum major major;
    unsigned info;
    uint64_t argument;
};

static enum bulla_reason read_item(struct decoder *decoder, struct bulla_cbor *item);

static enum bulla_reason refuse(const struct decoder *decoder, enum bulla_reason reason, const char *how)
{
    return bulla_refuse(
        reason, "%s: CBOR %s at byte %zu", decoder->what, how, (size_t)(decoder->reader.at - decoder->start));
}

static uint64_t read_argument(struct bulla_reader *reader, unsigned info)
{
    switch (info) {
    case 24:
        return bulla_read_u8(reader);
    case 25:
        return bulla_read_u16(reader);
    case 26:
        return bulla_read_u32(reader);
    case 27:
        return bulla_read_u64(reader);
    default:
        return info;
    }
}

/* Arguments of floats are not numbers: their shortest form is another matter. */
static bool head_is_shortest(const struct head *head)
{
    static const uint64_t smallest[] = {24, UINT64_C(1) << 8, UINT64_C(1) << 16, UINT64_C(1) << 32};
    if (head->major == SIMPLE || head->info < 24 || head->info > 27)
        return true;
    return head->argument >= smallest[head->info - 24];
}

static enum bulla_reason read_head(struct decoder *decoder, struct head *head)
{
    uint8_t initial = bulla_read_u8(&decoder->reader);
    head->major = (enum major)(initial >> 5);
    head->info = initial & 0x1f;
    head->argument = read_argument(&decoder->reader, head->info);
    if (decoder->reader.failed)
        return refuse(decoder, BULLA_TRUNCATED, "ends early");
    if (head->info > 27 && head->info < INFO_INDEFINITE)
        return refuse(decoder, BULLA_MALFORMED, "has a reserved head");
    if (decoder->mode == STRICT && !head_is_shortest(head))
        return refuse(decoder, BULLA_NOT_CANONICAL, "has a head that is longer than needed");
    bool has_length = head->major >= BSTR && head->major <= MAP;
    if (decoder->mode == STRICT && head->info == INFO_INDEFINITE && has_length)
        return refuse(decoder, BULLA_NOT_CANONICAL, "has an indefinite length");
    return BULLA_OK;
}

static enum bulla_reason read_number(struct decoder *decoder, const struct head *head, struct bulla_cbor *item)
{
    if (head->info == INFO_INDEFINITE)
        return refuse(decoder, BULLA_MALFORMED, "has a number of indefinite length");
    item->kind = head->major == UNSIGNED ? BULLA_CBOR_UINT : BULLA_CBOR_NEGATIVE;
    item->number = head->argument;
    return BULLA_OK;
}

static enum bulla_reason read_string(struct decoder *decoder, const struct head *head, struct bulla_cbor *item)
{
    if (head->info == INFO_INDEFINITE)
        return refuse(decoder, BULLA_UNSUPPORTED, "has a string in chunks");
    if (head->argument > bulla_reader_left(&decoder->reader))
        return refuse(decoder, BULLA_TRUNCATED, "ends within a string");
    item->kind = head->major == BSTR ? BULLA_CBOR_BSTR : BULLA_CBOR_TSTR;
    item->number = head->argument;
    item->string = bulla_read(&decoder->reader, (size_t)head->argument);
    if (head->major == TSTR && decoder->mode != CHECKED && !bulla_utf8_valid(item->string))
        return refuse(decoder, BULLA_NOT_TEXT, "has text that is not UTF-8");
    return BULLA_OK;
}

/* Takes the break that ends an indefinite length, if it stands here. */
static bool take_break(struct decoder *decoder)
{
    if (bulla_reader_left(&decoder->reader) == 0 || *decoder->reader.at != BREAK)
        return false;
    (void)bulla_read_u8(&decoder->reader);
    return true;
}

static bool more_items(struct decoder *decoder, const struct head *head, uint64_t read, struct bulla_bytes *inside)
{
    inside->size = (size_t)(decoder->reader.at - inside->data);
    return head->info == INFO_INDEFINITE ? !take_break(decoder) : read < head->argument;
}

static enum bulla_reason read_array(struct decoder *decoder, const struct head *head, struct bulla_cbor *item)
{
    item->kind = BULLA_CBOR_ARRAY;
    item->inside.data = decoder->reader.at;
    for (item->number = 0; more_items(decoder, head, item->number, &item->inside); item->number++) {
        struct bulla_cbor element;
        BULLA_TRY(read_item(decoder, &element));
    }
    return BULLA_OK;
}

static int compare_bytes(struct bulla_bytes left, struct bulla_bytes right)
{
    size_t common = left.size < right.size ? left.size : right.size;
    int order = common > 0 ? memcmp(left.data, right.data, common) : 0;
    if (order != 0)
        return order;
    return (left.size > right.size) - (left.size < right.size);
}

static enum bulla_reason check_strict_key(
    const struct decoder *decoder, const struct bulla_cbor *key, struct bulla_bytes *previous)
{
    int order = previous->size > 0 ? compare_bytes(*previous, key->encoded) : -1;
    if (order == 0)
        return refuse(decoder, BULLA_DUPLICATE, "has a map with the same key twice");
    if (order > 0)
        return refuse(decoder, BULLA_NOT_CANONICAL, "has a map whose keys do not ascend");
    *previous = key->encoded;
    return BULLA_OK;
}

static enum bulla_reason check_lenient_key(struct decoder *decoder, const struct bulla_cbor *item, size_t first)
{
    if (item->kind == BULLA_CBOR_ARRAY || item->kind == BULLA_CBOR_MAP || item->kind == BULLA_CBOR_TAG)
        return refuse(decoder, BULLA_UNSUPPORTED, "has a map whose key is no plain value");
    if (decoder->keys_used == KEYS_LARGEST)
        return refuse(decoder, BULLA_TOO_LARGE, "has maps with too many keys");
    for (size_t i = first; i < decoder->keys_used; i++) {
        const struct key *other = &decoder->keys[i];
        if (other->kind == item->kind && other->number == item->number &&
            bulla_bytes_equal(other->string, item->string))
            return refuse(decoder, BULLA_DUPLICATE, "has a map with the same key twice");
    }
    decoder->keys[decoder->keys_used++] = (struct key){item->kind, item->number, item->string};
    return BULLA_OK;
}

static enum bulla_reason read_map(struct decoder *decoder, const struct head *head, struct bulla_cbor *item)
{
    struct bulla_bytes previous = {NULL, 0};
    size_t first = decoder->keys_used;
    item->kind = BULLA_CBOR_MAP;
    item->inside.data = decoder->reader.at;
    for (item->number = 0; more_items(decoder, head, item->number, &item->inside); item->number++) {
        struct bulla_cbor key;
        struct bulla_cbor value;
        BULLA_TRY(read_item(decoder, &key));
        if (decoder->mode == STRICT)
            BULLA_TRY(check_strict_key(decoder, &key, &previous));
        if (decoder->mode == LENIENT)
            BULLA_TRY(check_lenient_key(decoder, &key, first));
        BULLA_TRY(read_item(decoder, &value));
    }
    decoder->keys_used = first;
    return BULLA_OK;
}

static enum bulla_reason read_tag(struct decoder *decoder, const struct head *head, struct bulla_cbor *item)
{
    if (head->info == INFO_INDEFINITE)
        return refuse(decoder, BULLA_MALFORMED, "has a tag of indefinite length");
    struct bulla_cbor tagged;
    item->kind = BULLA_CBOR_TAG;
    item->number = head->argument;
    item->inside.data = decoder->reader.at;
    BULLA_TRY(read_item(decoder, &tagged));
    item->inside.size = (size_t)(decoder->reader.at - item->inside.data);
    return BULLA_OK;
}

static enum bulla_reason read_float(struct decoder *decoder, const struct head *head, struct bulla_cbor *item)
{
    size_t size = (size_t)2 << (head->info - FLOAT_HALF);
    if (decoder->mode == STRICT && !bulla_float_is_shortest(head->argument, size))
        return refuse(decoder, BULLA_NOT_CANONICAL, "has a float that is longer than needed");
    item->kind = BULLA_CBOR_FLOAT;
    item->number = bulla_float_widen(head->argument, size);
    return BULLA_OK;
}

static enum bulla_reason read_simple(struct decoder *decoder, const struct head *head, struct bulla_cbor *item)
{
    if (head->info >= FLOAT_HALF && head->info <= FLOAT_DOUBLE)
        return read_float(decoder, head, item);
    if (head->info == INFO_INDEFINITE)
        return refuse(decoder, BULLA_MALFORMED, "has a break where an item belongs");
    if (head->info == SIMPLE_BYTE && head->argument < 32)
        return refuse(decoder, BULLA_MALFORMED, "has a simple value in the wrong form");
    if (head->argument < SIMPLE_FALSE || head->argument > SIMPLE_NULL)
        return refuse(decoder, BULLA_UNSUPPORTED, "has an undefined or unassigned simple value");
    item->kind = head->argument == SIMPLE_NULL ? BULLA_CBOR_NULL : BULLA_CBOR_BOOL;
    item->number = head->argument == SIMPLE_TRUE;
    return BULLA_OK;
}

typedef enum bulla_reason read_major(struct decoder *, const struct head *, struct bulla_cbor *);
static read_major *const readers[] = {
    [UNSIGNED] = read_number,
    [NEGATIVE] = read_number,
    [BSTR] = read_string,
    [TSTR] = read_string,
    [ARRAY] = read_array,
    [MAP] = read_map,
    [TAG] = read_tag,
    [SIMPLE] = read_simple,
};

/* Containers and tags nest at most BULLA_CBOR_DEPTH deep; a scalar adds no depth. */
static enum bulla_reason read_item(struct decoder *decoder, struct bulla_cbor *item)
{
    *item = (struct bulla_cbor){.encoded.data = decoder->reader.at};
    struct head head = {UNSIGNED, 0, 0};
    BULLA_TRY(read_head(decoder, &head));
    bool nests = head.major == ARRAY || head.major == MAP || head.major == TAG;
    if (nests && decoder->depth == BULLA_CBOR_DEPTH)
        return refuse(decoder, BULLA_TOO_LARGE, "is nested too deep");
    decoder->depth += nests;
    BULLA_TRY(readers[head.major](decoder, &head, item));
    decoder->depth -= nests;
    item->encoded.size = (size_t)(decoder->reader.at - item->encoded.data);
    return BULLA_OK;
}

static enum bulla_reason decode(
    struct bulla_bytes bytes, const char *what, enum mode mode, struct key *keys, struct bulla_cbor *item)
{
    struct decoder decoder = {.start = bytes.data, .what = what, .mode = mode, .keys = keys};
    bulla_reader_open(&decoder.reader, bytes);
    enum bulla_reason reason = read_item(&decoder, item);
    if (reason == BULLA_OK)
        reason = bulla_reader_finish(&decoder.reader, what);
    if (reason != BULLA_OK)
        *item = (struct bulla_cbor){.kind = BULLA_CBOR_NULL};
    return reason;
}

enum bulla_reason bulla_cbor_decode(struct bulla_bytes bytes, const char *what, struct bulla_cbor *item)
{
    return decode(bytes, what, STRICT, NULL, item);
}

enum bulla_reason bulla_cbor_decode_lenient(struct bulla_bytes bytes, const char *what, struct bulla_cbor *item)
{
    struct key keys[KEYS_LARGEST];
    return decode(bytes, what, LENIENT, keys, item);
}

struct bulla_cbor_walk bulla_cbor_inside(const struct bulla_cbor *container)
{
    struct bulla_cbor_walk walk;
    bulla_reader_open(&walk.reader, container->inside);
    return walk;
}

bool bulla_cbor_next(struct bulla_cbor_walk *walk, struct bulla_cbor *item)
{
    if (bulla_reader_left(&walk->reader) == 0)
        return false;
    struct decoder decoder = {.reader = walk->reader, .start = walk->reader.at, .what = "walk", .mode = CHECKED};
    bool read = read_item(&decoder, item) == BULLA_OK;
    walk->reader = decoder.reader;
    walk->reader.failed |= !read;
    return read;
}
