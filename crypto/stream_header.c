/* The container's header: bounds, encoding, and the keys that hang on it.
 *
 * The keys are derived from the header's own hash, so a changed header gives other keys: the commitment differs and
 * nothing is decrypted. The commitment is a third output of HKDF beside the keys; to find two sealing keys that share
 * it is to find a collision of HMAC-SHA-256, which is what AES-GCM's and Poly1305's tags do not promise. */
#include "stream.h"

#include "arena.h"
#include "stream_inside.h"

const uint8_t bulla_stream_magic[8] = {'B', 'U', 'L', 'L', 'A', 0, 0, 1};

static const char what[] = "a sealed model's header";

/* How many chunks a plaintext has; chunk_size is not 0. */
static uint64_t count_chunks(const struct bulla_stream_header *header)
{
    uint64_t full = header->plaintext_size / header->chunk_size;
    return full + (header->plaintext_size % header->chunk_size != 0 || full == 0);
}

size_t bulla_stream_prefix_bound(void)
{
    return sizeof bulla_stream_magic + 4 + BULLA_STREAM_HEADER_LARGEST + BULLA_STREAM_HASH;
}

uint64_t bulla_stream_sealed_size(const struct bulla_stream_header *header, size_t prefix_size)
{
    if (header->chunk_size == 0)
        return 0;
    return prefix_size + header->plaintext_size + count_chunks(header) * BULLA_AEAD_TAG;
}

enum bulla_reason bulla_stream_header_complete(struct bulla_stream_header *header)
{
    uint64_t tags = 0, size = 0;
    if (bulla_aead_nonce_size(header->aead) == 0)
        return bulla_refuse(BULLA_UNSUPPORTED, "%s names an unknown AEAD", what);
    if (header->chunk_size == 0 || header->chunk_size > BULLA_STREAM_CHUNK_LARGEST)
        return bulla_refuse(BULLA_MALFORMED, "%s has chunks of %u bytes", what, header->chunk_size);
    if (header->name_size == 0 || header->name_size > BULLA_STREAM_NAME_LARGEST)
        return bulla_refuse(BULLA_MALFORMED, "%s has a name of %zu bytes", what, header->name_size);
    header->chunk_count = count_chunks(header);
    if (__builtin_mul_overflow(header->chunk_count, BULLA_AEAD_TAG, &tags) ||
        __builtin_add_overflow(header->plaintext_size, tags, &size) || size > INT64_MAX - bulla_stream_prefix_bound())
        return bulla_refuse(BULLA_TOO_LARGE, "%s counts more bytes than a file has", what);
    return BULLA_OK;
}

void bulla_stream_header_write(struct bulla_writer *writer, const struct bulla_stream_header *header)
{
    const struct bulla_bytes strings[] = {
        {header->name, header->name_size},
        BULLA_BYTES(header->token),
        BULLA_BYTES(header->salt),
        BULLA_BYTES(header->manifest_digest),
        BULLA_BYTES(header->authority),
        BULLA_BYTES(header->policy_ref),
    };
    const uint64_t numbers[] = {header->chunk_size, header->chunk_count, header->plaintext_size, header->generation};
    bulla_cbor_write_map(writer, 11);
    bulla_cbor_write_uint(writer, 1);
    bulla_cbor_write_int(writer, header->aead);
    for (unsigned i = 0; i < 4; i++) {
        bulla_cbor_write_uint(writer, 2 + i);
        bulla_cbor_write_uint(writer, numbers[i]);
    }
    for (unsigned i = 0; i < 6; i++) {
        bulla_cbor_write_uint(writer, 6 + i);
        bulla_cbor_write_bstr(writer, strings[i]);
    }
}

/* The AEADs' numbers are of two kinds of CBOR, and a row of a table of fields has one: that of the map at hand. */
static enum bulla_cbor_kind aead_kind(const struct bulla_cbor *map)
{
    struct bulla_cbor_walk walk = bulla_cbor_inside(map);
    struct bulla_cbor key, value;
    bool there = map->kind == BULLA_CBOR_MAP && bulla_cbor_next(&walk, &key) && bulla_cbor_next(&walk, &value);
    return there && value.kind == BULLA_CBOR_NEGATIVE ? BULLA_CBOR_NEGATIVE : BULLA_CBOR_UINT;
}

/* 0, which is no AEAD, for numbers that are out of all range. */
static enum bulla_aead aead_of(const struct bulla_cbor *value)
{
    if (value->number > INT32_MAX)
        return (enum bulla_aead)0;
    int64_t number = (int64_t)value->number;
    return (enum bulla_aead)(value->kind == BULLA_CBOR_NEGATIVE ? -1 - number : number);
}

static enum bulla_reason header_read(struct bulla_bytes bytes, struct bulla_stream_header *header)
{
    struct bulla_cbor map, aead, numbers[4], strings[6];
    BULLA_TRY(bulla_cbor_decode(bytes, what, &map));
    const struct bulla_cbor_field fields[] = {
        {.key = 1, .kind = aead_kind(&map), .value = &aead},
        {.key = 2, .kind = BULLA_CBOR_UINT, .value = &numbers[0], .smallest = 1, .largest = BULLA_STREAM_CHUNK_LARGEST},
        {.key = 3, .kind = BULLA_CBOR_UINT, .value = &numbers[1]},
        {.key = 4, .kind = BULLA_CBOR_UINT, .value = &numbers[2]},
        {.key = 5, .kind = BULLA_CBOR_UINT, .value = &numbers[3]},
        {.key = 6, .kind = BULLA_CBOR_BSTR, .value = &strings[0], .smallest = 1, .largest = BULLA_STREAM_NAME_LARGEST},
        {.key = 7, .kind = BULLA_CBOR_BSTR, .value = &strings[1], .smallest = 16, .largest = 16},
        {.key = 8, .kind = BULLA_CBOR_BSTR, .value = &strings[2], .smallest = 32, .largest = 32},
        {.key = 9, .kind = BULLA_CBOR_BSTR, .value = &strings[3], .smallest = 32, .largest = 32},
        {.key = 10, .kind = BULLA_CBOR_BSTR, .value = &strings[4], .smallest = 32, .largest = 32},
        {.key = 11, .kind = BULLA_CBOR_BSTR, .value = &strings[5], .smallest = 32, .largest = 32},
    };
    BULLA_TRY(bulla_cbor_fields(&map, fields, sizeof fields / sizeof *fields, what));
    *header = (struct bulla_stream_header){.aead = aead_of(&aead),
        .chunk_size = (uint32_t)numbers[0].number,
        .plaintext_size = numbers[2].number,
        .generation = numbers[3].number,
        .name_size = strings[0].string.size};
    uint8_t *const places[] = {
        header->name, header->token, header->salt, header->manifest_digest, header->authority, header->policy_ref};
    for (unsigned i = 0; i < 6; i++)
        memcpy(places[i], strings[i].string.data, strings[i].string.size);
    BULLA_TRY(bulla_stream_header_complete(header));
    if (header->chunk_count != numbers[1].number)
        return bulla_refuse(BULLA_MALFORMED, "%s counts other chunks than its plaintext has", what);
    return BULLA_OK;
}

enum bulla_reason bulla_stream_prefix_read(
    struct bulla_bytes bytes, struct bulla_stream_prefix *prefix, struct bulla_stream_header *header)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, bytes);
    struct bulla_bytes magic = bulla_read(&reader, sizeof bulla_stream_magic);
    if (!reader.failed && !bulla_bytes_equal(magic, BULLA_BYTES(bulla_stream_magic)))
        return bulla_refuse(BULLA_MALFORMED, "it does not begin as a sealed model of version 1 does");
    uint32_t size = bulla_read_u32(&reader);
    if (size > BULLA_STREAM_HEADER_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "%s has at most %d bytes", what, BULLA_STREAM_HEADER_LARGEST);
    struct bulla_bytes mac0 = bulla_read(&reader, size);
    prefix->commitment = bulla_read(&reader, BULLA_STREAM_HASH);
    if (reader.failed)
        return bulla_refuse(BULLA_TRUNCATED, "%s ends early", what);
    prefix->size = bytes.size - bulla_reader_left(&reader);
    BULLA_TRY(bulla_cose_mac0_read(mac0, what, &prefix->message));
    return header_read(prefix->message.payload, header);
}

enum bulla_reason bulla_stream_inspect(
    struct bulla_bytes prefix, struct bulla_stream_header *header, size_t *prefix_size)
{
    struct bulla_stream_prefix parts = {0};
    BULLA_TRY(bulla_stream_prefix_read(prefix, &parts, header));
    *prefix_size = parts.size;
    return BULLA_OK;
}

enum bulla_reason bulla_stream_keys_derive(const uint8_t key[static 32], const struct bulla_stream_header *header,
    const struct bulla_cose_message *message, uint8_t **keys)
{
    static const char label[] = "bulla/1 sealed";
    uint8_t info[sizeof label - 1 + BULLA_STREAM_HASH]; /* public */
    const struct bulla_bytes parts[] = {message->protected_header, message->payload};
    memcpy(info, label, sizeof label - 1);
    bulla_sha256_parts(parts, 2, info + sizeof label - 1);
    BULLA_SECRET void *memory = NULL;
    BULLA_TRY(bulla_secret_allocate(sizeof(struct bulla_stream_keys), &memory));
    BULLA_TRY(bulla_hkdf((struct bulla_bytes){key, 32}, BULLA_BYTES(header->salt), BULLA_BYTES(info), memory,
        sizeof(struct bulla_stream_keys)));
    *keys = BULLA_SECRET_KEEP(memory);
    return BULLA_OK;
}

/* Zeros where the nonce is longer than 12 bytes ‖ 11-byte big-endian counter ‖ last flag. */
void bulla_stream_nonce(
    const struct bulla_stream_header *header, uint64_t index, uint8_t nonce[static BULLA_STREAM_NONCE_LARGEST])
{
    struct bulla_writer writer;
    memset(nonce, 0, BULLA_STREAM_NONCE_LARGEST);
    bulla_writer_open(&writer, nonce + bulla_aead_nonce_size(header->aead) - 9, 9);
    bulla_write_u64(&writer, index);
    bulla_write_u8(&writer, index == header->chunk_count - 1);
}
