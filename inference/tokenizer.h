/* Text → token ids, as Hugging Face's fast BertTokenizer does it, with one difference on purpose: a special token that
 * is written out in the text ("[SEP]") is ordinary text here ("[", "sep", "]"), so that whoever writes a text cannot
 * put separators into the sequence. */
#ifndef BULLA_INFERENCE_TOKENIZER_H
#define BULLA_INFERENCE_TOKENIZER_H

#include "engine.h"
#include "vocabulary.h"

/* Bytes of scratch, 8-byte aligned; the same for every text. */
size_t bulla_tokenizer_scratch(void);

/* [CLS] pieces [SEP], cut to `longest` (≥ 2) ids; ids has room for that many. The whole text must be UTF-8
 * (BULLA_INFERENCE_NOT_TEXT otherwise), also what is cut off. Linear in `size`. What it keeps of the text is in
 * `scratch`, which the caller wipes; on the stack only single code points. */
bool bulla_tokenizer_run(const struct bulla_vocabulary *vocabulary, bool lowercase, const char *text, size_t size,
    unsigned longest, void *scratch, uint32_t *ids, unsigned *count, struct bulla_inference_error *error)
    __attribute__((warn_unused_result));

#endif
