/* What sealing and opening of the container share; used by stream_*.c only. */
#ifndef BULLA_CRYPTO_STREAM_INSIDE_H
#define BULLA_CRYPTO_STREAM_INSIDE_H

#include "cose.h"
#include "stream.h"

enum { BULLA_STREAM_HASH = 32, BULLA_STREAM_NONCE_LARGEST = 24 };

/* In the arena: struct bulla_stream_sealer and _opener hold it as bytes. */
struct bulla_stream_keys {
    uint8_t payload[32], mac[32], commitment[32];
};

/* The bounds of every field but chunk_count, which is set from the others. BULLA_UNSUPPORTED, BULLA_TOO_LARGE,
 * BULLA_MALFORMED. */
enum bulla_reason bulla_stream_header_complete(struct bulla_stream_header *header) BULLA_MUST_USE;
/* The map that is the Mac0's payload. */
void bulla_stream_header_write(struct bulla_writer *writer, const struct bulla_stream_header *header);

/* The parts of a file before chunk 0. */
struct bulla_stream_prefix {
    struct bulla_cose_message message;
    struct bulla_bytes commitment;
    size_t size;
};
/* Parses and checks them; nothing is authenticated. BULLA_MALFORMED, BULLA_TRUNCATED and what the map's reading gives.
 */
enum bulla_reason bulla_stream_prefix_read(
    struct bulla_bytes bytes, struct bulla_stream_prefix *prefix, struct bulla_stream_header *header) BULLA_MUST_USE;

/* *keys: arena, the caller's to free. */
enum bulla_reason bulla_stream_keys_derive(const uint8_t key[static 32], const struct bulla_stream_header *header,
    const struct bulla_cose_message *message, uint8_t **keys) BULLA_MUST_USE;

/* The nonce of chunk `index`, of the size that the header's AEAD wants. */
void bulla_stream_nonce(
    const struct bulla_stream_header *header, uint64_t index, uint8_t nonce[static BULLA_STREAM_NONCE_LARGEST]);

extern const uint8_t bulla_stream_magic[8];

#endif
