/* The header of a sealed container. What is taken is within the bounds, its chunks fill the file exactly, and nothing
 * opens with a key that sealed no seed. */
#include "fuzz.h"

#include "crypto/stream.h"

static void check_bounds(const struct bulla_stream_header *header, size_t prefix_size, size_t size)
{
    FUZZ_CHECK(prefix_size <= size && prefix_size <= bulla_stream_prefix_bound());
    FUZZ_CHECK(header->chunk_size >= 1 && header->chunk_size <= BULLA_STREAM_CHUNK_LARGEST);
    FUZZ_CHECK(header->name_size >= 1 && header->name_size <= BULLA_STREAM_NAME_LARGEST);
    FUZZ_CHECK(bulla_aead_nonce_size(header->aead) != 0);
    FUZZ_CHECK(header->chunk_count >= 1);
}

static void check_places(const struct bulla_stream_header *header, size_t prefix_size)
{
    const struct bulla_stream_opener opener = {.header = *header, .first_chunk = prefix_size};
    uint64_t offset = 0, place = 0, sealed_size = bulla_stream_sealed_size(header, prefix_size);
    size_t last = 0;
    bulla_stream_chunk_place(&opener, header->chunk_count - 1, &offset, &last, &place);
    FUZZ_CHECK(offset >= prefix_size && offset + last == sealed_size);
    FUZZ_CHECK(place + last - BULLA_AEAD_TAG == header->plaintext_size);
    FUZZ_CHECK(last >= BULLA_AEAD_TAG && last - BULLA_AEAD_TAG <= header->chunk_size);
    FUZZ_CHECK(sealed_size <= INT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[32] = {1};
    const struct bulla_bytes bytes = {data, size};
    struct bulla_stream_header header;
    struct bulla_stream_opener opener;
    size_t prefix_size = 0;
    enum bulla_reason reason = bulla_stream_inspect(bytes, &header, &prefix_size);
    enum bulla_reason opened = bulla_stream_open_begin(&opener, bytes, size, key);
    if (reason != BULLA_OK) {
        FUZZ_CHECK(opened == reason);
        return 0;
    }
    check_bounds(&header, prefix_size, size);
    check_places(&header, prefix_size);
    FUZZ_CHECK(opened == BULLA_COMMITMENT);
    return 0;
}
