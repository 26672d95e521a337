/* Opening: commitment, MAC, size, then any chunk alone.
 *
 * That a chunk is at its place, is the last one or is not, and was not repeated, is in its nonce; that none is missing
 * is in the header's count and the file's size. So a chunk needs nothing but the opener, which does not change. */
#include <sodium.h>

#include "arena.h"
#include "stream_inside.h"

static enum bulla_reason check_size(const struct bulla_stream_opener *opener, uint64_t file_size)
{
    uint64_t size = bulla_stream_sealed_size(&opener->header, (size_t)opener->first_chunk);
    if (file_size == size)
        return BULLA_OK;
    return bulla_refuse(file_size < size ? BULLA_TRUNCATED : BULLA_TRAILING,
        "the sealed model has %llu bytes instead of %llu", (unsigned long long)file_size, (unsigned long long)size);
}

static enum bulla_reason authenticate(
    struct bulla_stream_opener *opener, const struct bulla_stream_prefix *prefix, const uint8_t *key)
{
    BULLA_TRY(bulla_stream_keys_derive(key, &opener->header, &prefix->message, &opener->keys));
    const struct bulla_stream_keys *keys = (const struct bulla_stream_keys *)opener->keys;
    if (sodium_memcmp(keys->commitment, prefix->commitment.data, BULLA_STREAM_HASH) != 0)
        return bulla_refuse(BULLA_COMMITMENT, "it was sealed with another key, or its header was changed");
    return bulla_cose_mac0_verify(&prefix->message, keys->mac);
}

enum bulla_reason bulla_stream_open_begin(
    struct bulla_stream_opener *opener, struct bulla_bytes prefix, uint64_t file_size, const uint8_t key[static 32])
{
    struct bulla_stream_prefix parts = {0};
    *opener = (struct bulla_stream_opener){0};
    enum bulla_reason reason = bulla_stream_prefix_read(prefix, &parts, &opener->header);
    opener->first_chunk = parts.size;
    if (reason == BULLA_OK)
        reason = authenticate(opener, &parts, key);
    if (reason == BULLA_OK)
        reason = check_size(opener, file_size);
    if (reason != BULLA_OK) {
        bulla_stream_opener_wipe(opener);
        *opener = (struct bulla_stream_opener){0};
    }
    return reason;
}

void bulla_stream_chunk_place(const struct bulla_stream_opener *opener, uint64_t index, uint64_t *offset,
    size_t *sealed_size, uint64_t *plain_offset)
{
    const struct bulla_stream_header *header = &opener->header;
    uint64_t full = (uint64_t)header->chunk_size + BULLA_AEAD_TAG;
    *offset = opener->first_chunk + index * full;
    *plain_offset = index * header->chunk_size;
    *sealed_size = (size_t)full;
    if (index + 1 >= header->chunk_count)
        *sealed_size =
            index < header->chunk_count ? (size_t)(header->plaintext_size - *plain_offset) + BULLA_AEAD_TAG : 0;
}

enum bulla_reason bulla_stream_chunk_open(
    const struct bulla_stream_opener *opener, uint64_t index, struct bulla_bytes sealed, uint8_t *out)
{
    uint64_t offset = 0, plain_offset = 0;
    size_t size = 0;
    uint8_t nonce[BULLA_STREAM_NONCE_LARGEST]; /* public */
    if (!opener->keys || index >= opener->header.chunk_count)
        return bulla_refuse(BULLA_ARGUMENT, "there is no chunk %llu", (unsigned long long)index);
    bulla_stream_chunk_place(opener, index, &offset, &size, &plain_offset);
    if (sealed.size != size)
        return bulla_refuse(sealed.size < size ? BULLA_TRUNCATED : BULLA_TRAILING, "chunk %llu has %zu bytes, not %zu",
            (unsigned long long)index, size, sealed.size);
    const struct bulla_stream_keys *keys = (const struct bulla_stream_keys *)opener->keys;
    bulla_stream_nonce(&opener->header, index, nonce);
    enum bulla_reason reason =
        bulla_aead_open(opener->header.aead, keys->payload, nonce, (struct bulla_bytes){NULL, 0}, sealed, out);
    if (reason != BULLA_OK)
        return bulla_refuse_within(reason, "chunk %llu: ", (unsigned long long)index);
    return BULLA_OK;
}

void bulla_stream_opener_wipe(struct bulla_stream_opener *opener)
{
    bulla_secret_free(opener->keys);
    opener->keys = NULL;
}
