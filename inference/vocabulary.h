/* The WordPiece vocabulary, in the caller's memory: from tokenizer.json if there is one, else from vocab.txt.
 *
 * tokenizer.json must be a BERT WordPiece tokenizer (normalizer, pre-tokenizer, model, "##", [UNK], 100 characters);
 * anything else in it that would change the ids is refused by name. Its truncation and padding are not heeded
 * (facts.longest rules). Ids run from 0 without a gap; [PAD], [UNK], [CLS] and [SEP] are there; no piece occurs twice.
 */
#ifndef BULLA_INFERENCE_VOCABULARY_H
#define BULLA_INFERENCE_VOCABULARY_H

#include "engine.h"
#include "pieces.h"

enum {
    BULLA_VOCABULARY_MAX = 1000000, /* pieces */
    BULLA_PIECE_MAX = 1024,         /* bytes of one, with its "##" */
};

/* Position-dependent: it points into its own memory and may not be copied. */
struct bulla_vocabulary;

/* The vocabulary's file, opened and counted: what measuring and loading begin with. Whoever does both opens it once,
 * for each walk through it takes as long as a layer of the encoder. */
struct bulla_vocabulary_file {
    struct bulla_pieces pieces;
    size_t count, texts_size; /* pieces, bytes of all of them */
};
bool bulla_vocabulary_open(const struct bulla_model_files *files, struct bulla_vocabulary_file *file,
    struct bulla_inference_error *error) __attribute__((warn_unused_result));
/* What tokenizer.json says beside the pieces; NULL when they come from vocab.txt. */
const struct bulla_tokenizer_file *bulla_vocabulary_tokenizer(const struct bulla_vocabulary_file *file);
/* As bulla_vocabulary_measure and _load below. */
size_t bulla_vocabulary_bytes(const struct bulla_vocabulary_file *file);
bool bulla_vocabulary_fill(struct bulla_vocabulary_file *file, size_t limit, void *memory, size_t bytes,
    const struct bulla_vocabulary **vocabulary) __attribute__((warn_unused_result));

/* Bytes that bulla_vocabulary_load needs (64-byte aligned). */
bool bulla_vocabulary_measure(const struct bulla_model_files *files, size_t *bytes, struct bulla_inference_error *error)
    __attribute__((warn_unused_result));
/* Loads into `memory`; more than `limit` pieces (config.json's vocab_size) is a mismatch. The files may be wiped
 * afterwards. */
bool bulla_vocabulary_load(const struct bulla_model_files *files, size_t limit, void *memory, size_t bytes,
    const struct bulla_vocabulary **vocabulary, struct bulla_inference_error *error)
    __attribute__((warn_unused_result));

size_t bulla_vocabulary_count(const struct bulla_vocabulary *vocabulary);

enum bulla_special_token { BULLA_TOKEN_PAD, BULLA_TOKEN_UNK, BULLA_TOKEN_CLS, BULLA_TOKEN_SEP, BULLA_TOKENS_SPECIAL };
uint32_t bulla_vocabulary_special(const struct bulla_vocabulary *vocabulary, enum bulla_special_token token);

/* The id of a piece (UTF-8, without its "##"; continuation: inside a word), or -1. */
int32_t bulla_vocabulary_lookup(
    const struct bulla_vocabulary *vocabulary, const char *piece, size_t size, bool continuation);

/* The longest piece that `word` begins with: its id, and its bytes in *taken; -1 when there is none. */
int32_t bulla_vocabulary_longest_prefix(
    const struct bulla_vocabulary *vocabulary, const char *word, size_t size, bool continuation, size_t *taken);

#endif
