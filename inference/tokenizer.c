/* A word becomes the longest piece that it begins with, then the longest "##" piece that the rest begins with, and so
 * on; when nothing fits, the whole word is [UNK]. So a word that reaches the cut must still be tried to its end: it may
 * turn out to be one [UNK] instead of its first pieces. */
#include "tokenizer.h"

#include <utf8proc.h>

#include "error.h"
#include "words.h"

struct scratch {
    struct bulla_words words;
    char bytes[4 * BULLA_WORD_MAX]; /* the word as UTF-8 */
};

/* The ids so far. */
struct sequence {
    uint32_t *ids;
    unsigned count, room;
};

size_t bulla_tokenizer_scratch(void)
{
    return sizeof(struct scratch);
}

static void put(struct sequence *sequence, uint32_t id)
{
    if (sequence->count < sequence->room)
        sequence->ids[sequence->count++] = id;
}

static size_t encode(struct scratch *scratch)
{
    size_t size = 0;
    for (unsigned i = 0; i < scratch->words.size; i++)
        size += (size_t)utf8proc_encode_char(
            (utf8proc_int32_t)scratch->words.word[i], (utf8proc_uint8_t *)scratch->bytes + size);
    return size;
}

static void put_word(const struct bulla_vocabulary *vocabulary, struct scratch *scratch, struct sequence *sequence)
{
    unsigned before = sequence->count;
    size_t size = encode(scratch), taken = 0;
    int32_t id = scratch->words.overlong ? -1 : 0;
    for (size_t at = 0; id >= 0 && at < size; at += taken) {
        id = bulla_vocabulary_longest_prefix(vocabulary, scratch->bytes + at, size - at, at > 0, &taken);
        if (id >= 0)
            put(sequence, (uint32_t)id);
    }
    if (id < 0) {
        sequence->count = before;
        put(sequence, bulla_vocabulary_special(vocabulary, BULLA_TOKEN_UNK));
    }
}

bool bulla_tokenizer_run(const struct bulla_vocabulary *vocabulary, bool lowercase, const char *text, size_t size,
    unsigned longest, void *scratch_memory, uint32_t *ids, unsigned *count, struct bulla_inference_error *error)
{
    struct scratch *scratch = scratch_memory;
    if (longest < 2)
        return bulla_inference_refuse(
            error, BULLA_INFERENCE_ARGUMENT, "%u tokens do not hold [CLS] and [SEP]", longest);
    struct sequence sequence = {.ids = ids, .room = longest - 1};
    put(&sequence, bulla_vocabulary_special(vocabulary, BULLA_TOKEN_CLS));
    bulla_words_begin(&scratch->words, text, size, lowercase);
    while (bulla_words_next(&scratch->words))
        if (sequence.count < sequence.room)
            put_word(vocabulary, scratch, &sequence);
    if (scratch->words.malformed)
        return bulla_inference_refuse(error, BULLA_INFERENCE_NOT_TEXT, "the text is not UTF-8");
    sequence.room++;
    put(&sequence, bulla_vocabulary_special(vocabulary, BULLA_TOKEN_SEP));
    *count = sequence.count;
    return true;
}
