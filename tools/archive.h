/* A Hugging Face folder as what is sealed: archive = u32 manifest size ‖ manifest ‖ the files' bytes (docs/formats.md).
 *
 * What belongs to a model: *.json, *.txt and *.safetensors, in the folder and below it. Everything else (other formats
 * of the same weights, hidden files, documentation) is left out and told. Symbolic links are followed: Hugging Face's
 * cache is made of them. */
#ifndef BULLA_TOOLS_ARCHIVE_H
#define BULLA_TOOLS_ARCHIVE_H

#include "crypto/bytes.h"

enum { BULLA_ARCHIVE_FILES = 64, BULLA_ARCHIVE_NAME = 255, BULLA_ARCHIVE_MANIFEST_LARGEST = 32768 };

struct bulla_archive_file {
    char name[BULLA_ARCHIVE_NAME + 1]; /* relative, '/'-separated */
    uint64_t size;
    uint8_t digest[32];
};
struct bulla_archive {
    char folder[4096];
    struct bulla_archive_file files[BULLA_ARCHIVE_FILES]; /* config.json first, other small files, weights last */
    size_t count;
    uint64_t bytes; /* of all files */
};

/* Walks the folder. `ignored` (may be NULL) gets each thing left out and why. BULLA_MODEL_MALFORMED: no config.json, no
 * weights, too many files, a name that an archive can't hold. BULLA_FILE. */
enum bulla_reason bulla_archive_collect(struct bulla_archive *archive, const char *folder,
    void (*ignored)(const char *name, const char *why)) BULLA_MUST_USE;
/* Fills in the digests, with a progress line. BULLA_FILE when a file is not what it was. */
enum bulla_reason bulla_archive_hash(struct bulla_archive *archive) BULLA_MUST_USE;
enum bulla_reason bulla_archive_manifest(
    const struct bulla_archive *archive, struct bulla_writer *writer) BULLA_MUST_USE;

/* Hands the whole archive to `sink` in pieces of at most BULLA_ARCHIVE_PIECE bytes, in order, with a progress line.
 * Stops at the first refusal, of its own or of the sink. */
enum { BULLA_ARCHIVE_PIECE = 1 << 20 };
struct bulla_archive_sink {
    enum bulla_reason (*put)(void *context, struct bulla_bytes piece);
    void *context;
};
enum bulla_reason bulla_archive_stream(
    const struct bulla_archive *archive, const struct bulla_archive_sink *sink) BULLA_MUST_USE;

#endif
