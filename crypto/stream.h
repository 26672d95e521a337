/* The sealed container: a header and STREAM chunks (docs/formats.md, "Sealed model").
 *
 *   file   = "BULLA\x00\x00\x01" ‖ u32 header size ‖ header ‖ commitment (32) ‖ chunk 0 ‖ chunk 1 ‖ … ‖ last chunk
 *   header = COSE_Mac0 over the deterministic CBOR map of struct bulla_stream_header
 *   keys   = HKDF(sealing key, salt, "bulla/1 sealed" ‖ SHA-256(protected ‖ payload)) → payload, header-MAC, commitment
 *   chunk  = AEAD(payload key, nonce = 11-byte big-endian counter ‖ last flag, no AAD), chunk size + 16 bytes
 *            (XChaCha20: the nonce is preceded by 12 zero bytes)
 *
 * Every chunk but the last is full; the last one, 1 to chunk-size bytes (or 0 when the plaintext is empty), carries the
 * last flag. Opening checks commitment, MAC, the file's exact size, and the last chunk, in that order, before any
 * other. Sealing needs memory for one chunk; opening of chunks is independent, thread-safe and goes to the caller's
 * memory. */
#ifndef BULLA_CRYPTO_STREAM_H
#define BULLA_CRYPTO_STREAM_H

#include "cipher.h"

enum {
    BULLA_STREAM_CHUNK = 1 << 20, /* what sealing uses */
    BULLA_STREAM_CHUNK_LARGEST = 1 << 24,
    BULLA_STREAM_HEADER_LARGEST = 4096,
    BULLA_STREAM_NAME_LARGEST = 64,
};

struct bulla_stream_header {
    enum bulla_aead aead;
    uint32_t chunk_size;
    uint64_t chunk_count; /* from plaintext_size; at least 1 */
    uint64_t plaintext_size;
    uint8_t name[BULLA_STREAM_NAME_LARGEST]; /* the model id: the key's CKA_ID */
    size_t name_size;
    uint8_t token[16]; /* the token that sealed it */
    uint64_t generation;
    uint8_t salt[32];
    uint8_t manifest_digest[32];
    uint8_t authority[32]; /* SHA-256 of the authority's public key; zero when self-authorised */
    uint8_t policy_ref[32];
};

/* --- sealing: begin, any number of updates, finish; a caller that stops earlier calls bulla_stream_sealer_wipe. --- */
struct bulla_stream_sealer {
    struct bulla_stream_header header;
    uint8_t *keys;  /* arena */
    uint8_t *chunk; /* locked pages of the caller's, chunk_size + 16 */
    size_t filled;
    uint64_t counter;
    uint64_t taken; /* plaintext bytes so far */
};
/* Size of everything before chunk 0 (a bound), and of the whole file for a plaintext of this size. */
size_t bulla_stream_prefix_bound(void);
uint64_t bulla_stream_sealed_size(const struct bulla_stream_header *header, size_t prefix_size);
/* Writes magic, header and commitment. Fills in salt (random) and chunk_count. `chunk` must stay until finish. */
enum bulla_reason bulla_stream_seal_begin(struct bulla_stream_sealer *sealer, const struct bulla_stream_header *header,
    const uint8_t key[static 32], uint8_t *chunk, struct bulla_writer *out) BULLA_MUST_USE;
/* out needs room for in.size rounded up to chunks, and their tags. BULLA_TOO_LARGE past plaintext_size, and
 * BULLA_BUFFER_SMALL without that room: nothing was taken then. */
enum bulla_reason bulla_stream_seal_update(
    struct bulla_stream_sealer *sealer, struct bulla_bytes in, struct bulla_writer *out) BULLA_MUST_USE;
/* BULLA_TRUNCATED when less than plaintext_size came. Wipes the sealer, except for BULLA_BUFFER_SMALL: call again. */
enum bulla_reason bulla_stream_seal_finish(struct bulla_stream_sealer *sealer, struct bulla_writer *out) BULLA_MUST_USE;
void bulla_stream_sealer_wipe(struct bulla_stream_sealer *sealer);

/* --- opening --- */
struct bulla_stream_opener {
    struct bulla_stream_header header;
    uint8_t *keys;        /* arena */
    uint64_t first_chunk; /* offset of chunk 0 in the file */
};
/* Parses the header without any key: what `bulla model inspect` shows; nothing in it is authenticated then. */
enum bulla_reason bulla_stream_inspect(
    struct bulla_bytes prefix, struct bulla_stream_header *header, size_t *prefix_size) BULLA_MUST_USE;
/* prefix: at least the first bulla_stream_prefix_bound() bytes or the whole file; file_size: its exact size.
 * BULLA_COMMITMENT: another key, or a changed header, on which the keys depend. BULLA_AUTHENTICATION: a changed MAC.
 * BULLA_TRUNCATED, BULLA_TRAILING: size. The caller then opens the last chunk first. */
enum bulla_reason bulla_stream_open_begin(struct bulla_stream_opener *opener, struct bulla_bytes prefix,
    uint64_t file_size, const uint8_t key[static 32]) BULLA_MUST_USE;
/* Where chunk `index` lies in the file and in the plaintext. */
void bulla_stream_chunk_place(const struct bulla_stream_opener *opener, uint64_t index, uint64_t *offset,
    size_t *sealed_size, uint64_t *plain_offset);
/* Thread-safe on one opener. out: sealed.size - 16 bytes; wiped on refusal. */
enum bulla_reason bulla_stream_chunk_open(
    const struct bulla_stream_opener *opener, uint64_t index, struct bulla_bytes sealed, uint8_t *out) BULLA_MUST_USE;
void bulla_stream_opener_wipe(struct bulla_stream_opener *opener);

#endif
