/* The WordPiece vocabulary, in the caller's memory: from tokenizer.json if there is one, else from vocab.txt.
 *
 * tokenizer.json must be a BERT WordPiece tokenizer (normalizer, pre-tokenizer, model, "##", [UNK], 100 characters);
 * anything else in it that would change the ids is refused by name. Its truncation and padding are not heeded
 * (facts.longest rules). Ids run from 0 without a gap; [PAD], [UNK], [CLS] and [SEP] are there; no piece occurs twice.
 */
#ifndef BULLA_INFERENCE_VOCABULARY_H
#define BULLA_INFERENCE_VOCABULARY_H

#include "engine.h"

enum {
    BULLA_VOCABULARY_MAX = 1000000, /* pieces */
    BULLA_PIECE_MAX = 1024,         /* bytes of one, with its "##" */
};

/* Position-dependent: it points into its own memory and may not be copied. */
struct bulla_vocabulary;

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
