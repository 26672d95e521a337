/* Every step of the normaliser looks at one code point, except canonical ordering: marks behind a letter are sorted by
 * their combining class. Accents (Mn) are dropped after that, so it only moves the few marks of other categories; but
 * an accent of class 0 stands in the way of a move, and leaves a BARRIER where it was dropped. A word is at most a
 * hundred code points, so sorting by insertion costs a bounded number of steps for each. */
#include "words.h"

#include <utf8proc.h>

#include "unicode.h"

enum { BARRIER = 0 /* U+0000 itself is dropped */, SPACE = ' ' };

void bulla_words_begin(struct bulla_words *words, const char *text, size_t size, bool lowercase)
{
    *words = (struct bulla_words){.lowercase = lowercase};
    words->at = (const uint8_t *)text;
    words->end = words->at + size;
}

static void put(struct bulla_words *words, uint32_t part)
{
    words->parts[words->waiting++] = part;
}

/* NFD without accents, lowercased. */
static void put_normalised(struct bulla_words *words, uint32_t point)
{
    uint32_t parts[BULLA_UNICODE_PARTS]; /* of one code point only: needs no wiping */
    if (!words->lowercase) {
        put(words, point);
        return;
    }
    size_t count = bulla_unicode_decompose(point, parts);
    for (size_t i = 0; i < count; i++) {
        if (bulla_unicode_class(parts[i]) != BULLA_UNICODE_MARK)
            put(words, bulla_unicode_lower(parts[i]));
        else if (bulla_unicode_order(parts[i]) == 0)
            put(words, BARRIER);
    }
}

/* Takes code points until one leaves something; false at the end of the text. */
static bool refill(struct bulla_words *words)
{
    words->next = words->waiting = 0;
    while (words->waiting == 0 && words->at < words->end) {
        utf8proc_int32_t decoded = *words->at;
        utf8proc_ssize_t taken = decoded < 0x80 ? 1 : utf8proc_iterate(words->at, words->end - words->at, &decoded);
        words->malformed = taken < 1;
        if (words->malformed)
            return false;
        words->at += taken;
        uint32_t point = (uint32_t)decoded;
        enum bulla_unicode_class class = bulla_unicode_class(point);
        if (class == BULLA_UNICODE_DROPPED)
            continue;
        bool ideograph = bulla_unicode_is_ideograph(point);
        if (class == BULLA_UNICODE_SPACE || ideograph)
            put(words, SPACE);
        if (class != BULLA_UNICODE_SPACE)
            put_normalised(words, point);
        if (ideograph)
            put(words, SPACE);
    }
    return words->waiting > 0;
}

static void append(struct bulla_words *words, uint32_t point)
{
    if (words->size == BULLA_WORD_MAX) {
        words->overlong = true;
        return;
    }
    unsigned order = words->lowercase ? bulla_unicode_order(point) : 0;
    unsigned place = words->size++;
    for (; order > 0 && place > words->run && bulla_unicode_order(words->word[place - 1]) > order; place--)
        words->word[place] = words->word[place - 1];
    words->word[place] = point;
    if (order == 0)
        words->run = words->size;
}

bool bulla_words_next(struct bulla_words *words)
{
    words->size = words->run = 0;
    words->overlong = false;
    while (words->next < words->waiting || refill(words)) {
        uint32_t part = words->parts[words->next];
        bool punctuation = part != BARRIER && bulla_unicode_class(part) == BULLA_UNICODE_PUNCTUATION;
        if (punctuation && words->size > 0)
            return true;
        words->next++;
        if (part == BARRIER)
            words->run = words->size;
        else if (part != SPACE)
            append(words, part);
        if (punctuation || (part == SPACE && words->size > 0))
            return true;
    }
    return words->size > 0 && !words->malformed;
}
