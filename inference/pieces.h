/* The pieces of a vocabulary, one by one, out of tokenizer.json or vocab.txt. */
#ifndef BULLA_INFERENCE_PIECES_H
#define BULLA_INFERENCE_PIECES_H

#include "engine.h"
#include "tokenizer_file.h"

/* Opened once, then walked, once or more. */
struct bulla_pieces {
    const struct bulla_model_file *file;
    struct bulla_inference_error *error;
    bool failed;
    struct bulla_tokenizer_file tokenizer; /* of tokenizer.json */
    struct bulla_json_walk walk;
    const uint8_t *at; /* of vocab.txt: the next line; NULL for tokenizer.json */
    uint64_t line;
};

struct bulla_piece {
    uint64_t id;
    size_t size;           /* bytes, 1 to BULLA_PIECE_MAX */
    struct bulla_json key; /* of tokenizer.json, its escapes not resolved yet */
    const uint8_t *text;   /* of vocab.txt */
};

/* tokenizer.json if the folder has it, else vocab.txt. */
bool bulla_pieces_open(struct bulla_pieces *pieces, const struct bulla_model_files *files,
    struct bulla_inference_error *error) __attribute__((warn_unused_result));
/* Back to the first piece. */
void bulla_pieces_rewind(struct bulla_pieces *pieces);
/* False at the end, or after a refusal (`failed`). */
bool bulla_pieces_next(struct bulla_pieces *pieces, struct bulla_piece *piece);
/* The piece's text; `out` has room for piece->size bytes. */
void bulla_piece_copy(const struct bulla_piece *piece, char *out);

#endif
