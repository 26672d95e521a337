/* Vocabularies: tokenizer.json where the input begins with a brace, else vocab.txt. Of one that is accepted, what is
 * measured is enough, and of vocab.txt every line is found again under its number. */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "inference/vocabulary.h"

static void check_lines(const struct bulla_vocabulary *vocabulary, const char *text, size_t size)
{
    size_t count = bulla_vocabulary_count(vocabulary);
    for (size_t id = 0; id < count; id++) {
        const char *end = memchr(text, '\n', size);
        size_t line = end ? (size_t)(end - text) : size, taken = 0;
        size_t piece = line > 0 && text[line - 1] == '\r' ? line - 1 : line;
        FUZZ_CHECK(bulla_vocabulary_lookup(vocabulary, text, piece, false) == (int32_t)id);
        FUZZ_CHECK(bulla_vocabulary_longest_prefix(vocabulary, text, piece, false, &taken) == (int32_t)id);
        FUZZ_CHECK(taken == piece);
        if (piece > 2 && text[0] == '#' && text[1] == '#')
            FUZZ_CHECK(bulla_vocabulary_lookup(vocabulary, text + 2, piece - 2, true) == (int32_t)id);
        text += end ? line + 1 : line;
        size -= end ? line + 1 : line;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool json = size > 0 && data[0] == '{';
    struct bulla_model_file file = {json ? "tokenizer.json" : "vocab.txt", data, size};
    struct bulla_model_files files = {&file, 1};
    struct bulla_inference_error error = {0};
    const struct bulla_vocabulary *vocabulary;
    size_t bytes;
    if (!bulla_vocabulary_measure(&files, &bytes, &error)) {
        FUZZ_CHECK(error.reason != BULLA_INFERENCE_OK);
        return 0;
    }
    void *memory = aligned_alloc(64, bytes);
    if (!memory)
        return 0;
    if (bulla_vocabulary_load(&files, 1000, memory, bytes, &vocabulary, &error)) {
        for (int i = 0; i < BULLA_TOKENS_SPECIAL; i++)
            FUZZ_CHECK(
                bulla_vocabulary_special(vocabulary, (enum bulla_special_token)i) < bulla_vocabulary_count(vocabulary));
        if (!json)
            check_lines(vocabulary, (const char *)data, size);
    } else {
        FUZZ_CHECK(error.reason != BULLA_INFERENCE_OK);
    }
    free(memory);
    return 0;
}
