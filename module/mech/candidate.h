/* A model on its way to be sealed: what is kept of it until the engine has said whether it can run it.
 *
 * Kept are the small files that the engine reads and the header of its weights file, in locked pages: memory is bounded
 * by BULLA_CANDIDATE_SMALL and BULLA_CANDIDATE_HEADER, whatever the size of the weights. Which files those are, and
 * what they may hold, only the engine says (inference/engine.h). */
#ifndef BULLA_MECH_CANDIDATE_H
#define BULLA_MECH_CANDIDATE_H

#include "crypto/pages.h"
#include "inference/engine.h"
#include "manifest.h"

enum { BULLA_CANDIDATE_SMALL = 8 << 20, BULLA_CANDIDATE_HEADER = 1 << 20 };

struct bulla_candidate {
    struct bulla_pages pages;
    struct bulla_model_file files[BULLA_MANIFEST_FILES]; /* for the engine, with their true sizes */
    size_t count;
    uint8_t *places[BULLA_MANIFEST_FILES]; /* of the manifest's files; NULL: not kept */
    unsigned weights;                      /* the weights file's place in the manifest */
    bool judged;
    struct bulla_model_facts facts; /* once judged */
};

/* Finds the files, by the manifest's names and sizes, and locks memory for them. The manifest must outlive it.
 * BULLA_MODEL_MALFORMED, _UNSUPPORTED, BULLA_MEMORY_LOCK. */
enum bulla_reason bulla_candidate_open(
    struct bulla_candidate *candidate, const struct bulla_manifest *manifest) BULLA_MUST_USE;
/* Bytes of the manifest's file `index`, from `offset` on, in the order of the archive; an empty file has one empty
 * part. With the last byte of the weights' header comes the verdict: what bulla_model_check refuses is refused. */
enum bulla_reason bulla_candidate_take(struct bulla_candidate *candidate, const struct bulla_manifest_file *file,
    unsigned index, uint64_t offset, struct bulla_bytes part) BULLA_MUST_USE;
void bulla_candidate_close(struct bulla_candidate *candidate);

#endif
