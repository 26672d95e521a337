/* What the tokeniser asks of one code point. utf8proc answers, corrected where Hugging Face's own (partly older, partly
 * newer) tables differ; what is unassigned in Unicode 15 is a letter that stays as it is, whatever version of utf8proc
 * is installed. */
#ifndef BULLA_INFERENCE_UNICODE_H
#define BULLA_INFERENCE_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bulla_unicode_class {
    BULLA_UNICODE_LETTER, /* and everything else that only makes words */
    BULLA_UNICODE_PUNCTUATION,
    BULLA_UNICODE_MARK, /* Mn: an accent */
    BULLA_UNICODE_SPACE,
    BULLA_UNICODE_DROPPED, /* U+0000, U+FFFD, Cc, Cf, Co */
};
enum bulla_unicode_class bulla_unicode_class(uint32_t point);

/* A CJK ideograph, which is a word of its own. */
bool bulla_unicode_is_ideograph(uint32_t point);

/* The canonical decomposition, in order; returns how many. */
enum { BULLA_UNICODE_PARTS = 4 };
size_t bulla_unicode_decompose(uint32_t point, uint32_t parts[static BULLA_UNICODE_PARTS]);
/* The canonical combining class. */
unsigned bulla_unicode_order(uint32_t point);
/* Lowercase of one code point alone. */
uint32_t bulla_unicode_lower(uint32_t point);

/* The corrections (unicode_corrections.c), sorted, without overlap. */
struct bulla_unicode_range {
    uint32_t first, last, class;
};
struct bulla_unicode_step {
    uint32_t first, last;
    int32_t step; /* to lowercase */
};
extern const struct bulla_unicode_range bulla_unicode_classes[];
extern const size_t bulla_unicode_classes_count;
extern const struct bulla_unicode_step bulla_unicode_lowers[];
extern const size_t bulla_unicode_lowers_count;

#endif
