/* The order of questions: ASCII, then the corrections, then utf8proc. A code point that is corrected to a letter or to
 * punctuation does not decompose either: Hugging Face's normaliser does not know it.
 *
 * The vectors try one code point at a time, so combining classes are utf8proc's own. Hugging Face's are older (before
 * Unicode 13: U+11938 does not decompose); they can only differ where two or more marks from after that follow one
 * letter.
 *
 * utf8proc's functions used here look a code point up in constant tables; none allocates, none keeps anything. */
#include "unicode.h"

#include <utf8proc.h>

/* Sorted. */
static const struct bulla_unicode_range ideographs[] = {
    {0x3400, 0x4DBF, 0},
    {0x4E00, 0x9FFF, 0},
    {0xF900, 0xFAFF, 0},
    {0x20000, 0x2A6DF, 0},
    {0x2A700, 0x2B73F, 0},
    {0x2B740, 0x2B81F, 0},
    {0x2B920, 0x2CEAF, 0},
    {0x2F800, 0x2FA1F, 0},
};
enum { IDEOGRAPHS = sizeof ideographs / sizeof ideographs[0], ASCII_END = 0x80, FIRST_MARK = 0x300 };

static const struct bulla_unicode_range *range_of(
    const struct bulla_unicode_range *ranges, size_t count, uint32_t point)
{
    for (size_t low = 0, high = count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (point >= ranges[middle].first && point <= ranges[middle].last)
            return &ranges[middle];
        if (point < ranges[middle].first)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static const struct bulla_unicode_range *correction(uint32_t point)
{
    return range_of(bulla_unicode_classes, bulla_unicode_classes_count, point);
}

static enum bulla_unicode_class ascii_class(uint32_t point)
{
    if (point == ' ' || point == '\t' || point == '\n' || point == '\r')
        return BULLA_UNICODE_SPACE;
    if (point < ' ' || point == 0x7F)
        return BULLA_UNICODE_DROPPED;
    bool letter = (point | 0x20) >= 'a' && (point | 0x20) <= 'z';
    bool digit = point >= '0' && point <= '9';
    return letter || digit ? BULLA_UNICODE_LETTER : BULLA_UNICODE_PUNCTUATION;
}

static const uint8_t category_classes[] = {
    [UTF8PROC_CATEGORY_MN] = BULLA_UNICODE_MARK,
    [UTF8PROC_CATEGORY_PC] = BULLA_UNICODE_PUNCTUATION,
    [UTF8PROC_CATEGORY_PD] = BULLA_UNICODE_PUNCTUATION,
    [UTF8PROC_CATEGORY_PS] = BULLA_UNICODE_PUNCTUATION,
    [UTF8PROC_CATEGORY_PE] = BULLA_UNICODE_PUNCTUATION,
    [UTF8PROC_CATEGORY_PI] = BULLA_UNICODE_PUNCTUATION,
    [UTF8PROC_CATEGORY_PF] = BULLA_UNICODE_PUNCTUATION,
    [UTF8PROC_CATEGORY_PO] = BULLA_UNICODE_PUNCTUATION,
    [UTF8PROC_CATEGORY_ZS] = BULLA_UNICODE_SPACE,
    [UTF8PROC_CATEGORY_ZL] = BULLA_UNICODE_SPACE,
    [UTF8PROC_CATEGORY_ZP] = BULLA_UNICODE_SPACE,
    [UTF8PROC_CATEGORY_CC] = BULLA_UNICODE_DROPPED,
    [UTF8PROC_CATEGORY_CF] = BULLA_UNICODE_DROPPED,
    [UTF8PROC_CATEGORY_CO] = BULLA_UNICODE_DROPPED,
};

enum bulla_unicode_class bulla_unicode_class(uint32_t point)
{
    if (point < ASCII_END)
        return ascii_class(point);
    if (point == 0xFFFD)
        return BULLA_UNICODE_DROPPED;
    const struct bulla_unicode_range *corrected = correction(point);
    if (corrected)
        return (enum bulla_unicode_class)corrected->class;
    size_t category = (size_t)utf8proc_category((utf8proc_int32_t)point);
    return category < sizeof category_classes ? (enum bulla_unicode_class)category_classes[category]
                                              : BULLA_UNICODE_LETTER;
}

bool bulla_unicode_is_ideograph(uint32_t point)
{
    return point >= ideographs[0].first && range_of(ideographs, IDEOGRAPHS, point);
}

size_t bulla_unicode_decompose(uint32_t point, uint32_t parts[static BULLA_UNICODE_PARTS])
{
    utf8proc_int32_t decomposed[BULLA_UNICODE_PARTS]; /* of one code point only: needs no wiping */
    int boundary = UTF8PROC_BOUNDCLASS_START;
    parts[0] = point;
    if (point < ASCII_END || correction(point))
        return 1;
    utf8proc_ssize_t count = utf8proc_decompose_char(
        (utf8proc_int32_t)point, decomposed, BULLA_UNICODE_PARTS, UTF8PROC_DECOMPOSE, &boundary);
    if (count < 1 || count > BULLA_UNICODE_PARTS)
        return 1;
    for (utf8proc_ssize_t i = 0; i < count; i++)
        parts[i] = (uint32_t)decomposed[i];
    return (size_t)count;
}

unsigned bulla_unicode_order(uint32_t point)
{
    if (point < FIRST_MARK)
        return 0;
    utf8proc_propval_t order = utf8proc_get_property((utf8proc_int32_t)point)->combining_class;
    return order > 0 ? (unsigned)order : 0;
}

uint32_t bulla_unicode_lower(uint32_t point)
{
    if (point < ASCII_END)
        return point >= 'A' && point <= 'Z' ? point + 0x20 : point;
    for (size_t i = 0; i < bulla_unicode_lowers_count && point >= bulla_unicode_lowers[i].first; i++)
        if (point <= bulla_unicode_lowers[i].last)
            return (uint32_t)((int32_t)point + bulla_unicode_lowers[i].step);
    return correction(point) ? point : (uint32_t)utf8proc_tolower((utf8proc_int32_t)point);
}
