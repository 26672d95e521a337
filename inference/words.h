/* Text → normalised words, one at a time: the steps of BertNormalizer and BertPreTokenizer in one pass over the text.
 */
#ifndef BULLA_INFERENCE_WORDS_H
#define BULLA_INFERENCE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BULLA_WORD_MAX = 100 /* code points; a longer word is [UNK] as a whole */ };

/* Holds text: it belongs into the caller's locked memory, which the caller wipes. */
struct bulla_words {
    const uint8_t *at, *end;
    bool lowercase; /* and strip accents */
    bool malformed; /* the text is not UTF-8 */
    bool overlong;  /* the word has more code points than fit */
    unsigned size;  /* of the word, code points */
    unsigned run;   /* where the marks that may change places begin */
    unsigned waiting, next;
    uint32_t parts[8]; /* of the code point in hand, normalised */
    uint32_t word[BULLA_WORD_MAX];
};

void bulla_words_begin(struct bulla_words *words, const char *text, size_t size, bool lowercase);
/* The next word; false at the end, or where the text is malformed. */
bool bulla_words_next(struct bulla_words *words);

#endif
