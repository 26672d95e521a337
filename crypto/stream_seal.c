/* Sealing, in one pass and in the memory of one chunk.
 *
 * The size of the plaintext is known at the start (the header says it), so is which chunk is the last one: a chunk is
 * sealed as soon as it is full, unless it is the last, which waits for finish. */
#include "arena.h"
#include "library.h"
#include "stream_inside.h"

/* The Mac0 of this payload under this key, into `memory`. */
static enum bulla_reason write_mac0(const uint8_t *key, struct bulla_bytes payload, struct bulla_writer *writer,
    uint8_t memory[static BULLA_STREAM_HEADER_LARGEST])
{
    bulla_writer_open(writer, memory, BULLA_STREAM_HEADER_LARGEST);
    BULLA_TRY(bulla_cose_mac0_write(writer, key, payload));
    return bulla_writer_finish(writer, "a sealed model's header");
}

/* The keys hang on the protected header, which COSE alone writes: a first Mac0 under a key of zeros shows it. */
static enum bulla_reason derive_keys(struct bulla_stream_sealer *sealer, const uint8_t *key, struct bulla_bytes payload)
{
    static const uint8_t no_key[32];
    uint8_t memory[BULLA_STREAM_HEADER_LARGEST]; /* public */
    struct bulla_writer writer;
    struct bulla_cose_message message;
    BULLA_TRY(write_mac0(no_key, payload, &writer, memory));
    BULLA_TRY(bulla_cose_mac0_read(bulla_writer_bytes(&writer), "a sealed model's header", &message));
    return bulla_stream_keys_derive(key, &sealer->header, &message, &sealer->keys);
}

static enum bulla_reason write_prefix(struct bulla_stream_sealer *sealer, const uint8_t *key, struct bulla_writer *out)
{
    uint8_t map_memory[BULLA_STREAM_HEADER_LARGEST], mac0_memory[BULLA_STREAM_HEADER_LARGEST]; /* public */
    struct bulla_writer map, mac0;
    bulla_writer_open(&map, map_memory, sizeof map_memory);
    bulla_stream_header_write(&map, &sealer->header);
    BULLA_TRY(bulla_writer_finish(&map, "a sealed model's header"));
    BULLA_TRY(derive_keys(sealer, key, bulla_writer_bytes(&map)));
    const struct bulla_stream_keys *keys = (const struct bulla_stream_keys *)sealer->keys;
    BULLA_TRY(write_mac0(keys->mac, bulla_writer_bytes(&map), &mac0, mac0_memory));
    bulla_write_bytes(out, BULLA_BYTES(bulla_stream_magic));
    bulla_write_u32(out, (uint32_t)mac0.size);
    bulla_write_bytes(out, bulla_writer_bytes(&mac0));
    bulla_write_bytes(out, BULLA_BYTES(keys->commitment));
    return bulla_writer_finish(out, "a sealed model");
}

enum bulla_reason bulla_stream_seal_begin(struct bulla_stream_sealer *sealer, const struct bulla_stream_header *header,
    const uint8_t key[static 32], uint8_t *chunk, struct bulla_writer *out)
{
    *sealer = (struct bulla_stream_sealer){.header = *header};
    bulla_sodium_ready();
    randombytes_buf(sealer->header.salt, sizeof sealer->header.salt);
    enum bulla_reason reason = bulla_stream_header_complete(&sealer->header);
    if (reason == BULLA_OK)
        reason = write_prefix(sealer, key, out);
    if (reason != BULLA_OK)
        bulla_stream_sealer_wipe(sealer);
    else
        sealer->chunk = chunk; /* not before: its size is not known to be that of a refused header */
    return reason;
}

/* Seals the chunk in its place, so that no plaintext stays in it, and writes it out. */
static enum bulla_reason flush(struct bulla_stream_sealer *sealer, struct bulla_writer *out)
{
    const struct bulla_stream_keys *keys = (const struct bulla_stream_keys *)sealer->keys;
    const struct bulla_bytes plain = {sealer->chunk, sealer->filled};
    uint8_t nonce[BULLA_STREAM_NONCE_LARGEST]; /* public */
    bulla_stream_nonce(&sealer->header, sealer->counter, nonce);
    BULLA_TRY(bulla_aead_seal(
        sealer->header.aead, keys->payload, nonce, (struct bulla_bytes){NULL, 0}, plain, sealer->chunk));
    bulla_write(out, sealer->chunk, sealer->filled + BULLA_AEAD_TAG);
    sealer->counter++;
    sealer->filled = 0;
    return BULLA_OK;
}

/* Chunks that will have been written once `taken` bytes came: all full ones but the last. */
static uint64_t chunks_after(const struct bulla_stream_sealer *sealer, uint64_t taken)
{
    uint64_t full = taken / sealer->header.chunk_size;
    return full < sealer->header.chunk_count ? full : sealer->header.chunk_count - 1;
}

static enum bulla_reason check_room(const struct bulla_writer *out, uint64_t need)
{
    if (out->size > out->capacity || out->capacity - out->size < need)
        return bulla_refuse(BULLA_BUFFER_SMALL, "sealing needs room for %llu bytes", (unsigned long long)need);
    return BULLA_OK;
}

enum bulla_reason bulla_stream_seal_update(
    struct bulla_stream_sealer *sealer, struct bulla_bytes in, struct bulla_writer *out)
{
    const struct bulla_stream_header *header = &sealer->header;
    if (!sealer->keys)
        return bulla_refuse(BULLA_ARGUMENT, "nothing is being sealed");
    if (in.size > header->plaintext_size - sealer->taken)
        return bulla_refuse(BULLA_TOO_LARGE, "more than the %llu bytes that the header announces",
            (unsigned long long)header->plaintext_size);
    uint64_t chunks = chunks_after(sealer, sealer->taken + in.size) - sealer->counter;
    BULLA_TRY(check_room(out, chunks * (header->chunk_size + (uint64_t)BULLA_AEAD_TAG)));
    while (in.size > 0) {
        size_t room = header->chunk_size - sealer->filled, part = in.size < room ? in.size : room;
        memcpy(sealer->chunk + sealer->filled, in.data, part);
        in = (struct bulla_bytes){in.data + part, in.size - part};
        sealer->filled += part;
        sealer->taken += part;
        if (sealer->filled == header->chunk_size && sealer->counter + 1 < header->chunk_count)
            BULLA_TRY(flush(sealer, out));
    }
    return BULLA_OK;
}

enum bulla_reason bulla_stream_seal_finish(struct bulla_stream_sealer *sealer, struct bulla_writer *out)
{
    if (!sealer->keys)
        return bulla_refuse(BULLA_ARGUMENT, "nothing is being sealed");
    enum bulla_reason reason = BULLA_OK;
    if (sealer->taken < sealer->header.plaintext_size) {
        reason = bulla_refuse(BULLA_TRUNCATED, "%llu of %llu bytes came", (unsigned long long)sealer->taken,
            (unsigned long long)sealer->header.plaintext_size);
    } else {
        BULLA_TRY(check_room(out, sealer->filled + BULLA_AEAD_TAG));
        reason = flush(sealer, out);
    }
    bulla_stream_sealer_wipe(sealer);
    return reason;
}

void bulla_stream_sealer_wipe(struct bulla_stream_sealer *sealer)
{
    bulla_secret_free(sealer->keys);
    if (sealer->chunk)
        bulla_wipe(sealer->chunk, (size_t)sealer->header.chunk_size + BULLA_AEAD_TAG);
    sealer->keys = NULL;
    sealer->chunk = NULL;
    sealer->filled = 0;
}
