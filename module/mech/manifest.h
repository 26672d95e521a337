/* What a sealed model holds: the archive that is sealed, and how it begins (docs/formats.md, "Archive").
 *
 *   archive  = u32 manifest size ‖ manifest ‖ the files' bytes in the manifest's order
 *   manifest = deterministic CBOR { "files": [[name, size, sha256], …], "version": 1 } */
#ifndef BULLA_MECH_MANIFEST_H
#define BULLA_MECH_MANIFEST_H

#include "crypto/bytes.h"

enum { BULLA_MANIFEST_FILES = 64, BULLA_MANIFEST_LARGEST = 32768, BULLA_MANIFEST_NAME = 255 };

struct bulla_manifest_file {
    char name[BULLA_MANIFEST_NAME + 1]; /* relative, '/' between its parts, none of them ".." */
    uint64_t size;
    uint8_t sha256[32];
    uint64_t offset; /* in the archive */
};
struct bulla_manifest {
    struct bulla_manifest_file files[BULLA_MANIFEST_FILES];
    unsigned count;
    uint64_t archive_size;
    uint8_t digest[32]; /* SHA-256 of the manifest's bytes */
};

/* BULLA_MODEL_MALFORMED and what crypto/cbor.h refuses with. */
enum bulla_reason bulla_manifest_read(struct bulla_bytes bytes, struct bulla_manifest *manifest) BULLA_MUST_USE;

#endif
