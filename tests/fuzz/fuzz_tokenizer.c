/* Texts. The first byte is the length to cut at and whether the model is cased. Whatever the text, its ids stand
 * between the two ends, are pieces of the vocabulary and no special token but [UNK], and a longer cut begins alike. */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "inference/tokenizer.h"

enum { LONGEST = 64 };

static const char pieces[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\nab\n##a\n##b\n##ab\n[\n]\nsep\nsepa\n.\n##s\n\xC3\x9F\n"
                             "\xE4\xB8\x80\n##\xE1\x85\xA1\n\xE1\x84\x80\n0\n##0\n-\n";

static const struct bulla_vocabulary *load(void)
{
    static const struct bulla_vocabulary *vocabulary;
    static _Alignas(64) uint8_t memory[8192];
    const struct bulla_model_file file = {"vocab.txt", (const uint8_t *)pieces, sizeof pieces - 1};
    const struct bulla_model_files files = {&file, 1};
    struct bulla_inference_error error;
    if (!vocabulary)
        FUZZ_CHECK(bulla_vocabulary_load(&files, 100, memory, sizeof memory, &vocabulary, &error));
    return vocabulary;
}

static void check_ids(const struct bulla_vocabulary *vocabulary, const uint32_t *ids, unsigned count, unsigned longest)
{
    FUZZ_CHECK(count >= 2 && count <= longest);
    FUZZ_CHECK(ids[0] == bulla_vocabulary_special(vocabulary, BULLA_TOKEN_CLS));
    FUZZ_CHECK(ids[count - 1] == bulla_vocabulary_special(vocabulary, BULLA_TOKEN_SEP));
    for (unsigned i = 1; i + 1 < count; i++) {
        FUZZ_CHECK(ids[i] < bulla_vocabulary_count(vocabulary));
        FUZZ_CHECK(ids[i] != bulla_vocabulary_special(vocabulary, BULLA_TOKEN_SEP));
        FUZZ_CHECK(ids[i] != bulla_vocabulary_special(vocabulary, BULLA_TOKEN_CLS));
        FUZZ_CHECK(ids[i] != bulla_vocabulary_special(vocabulary, BULLA_TOKEN_PAD));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct bulla_vocabulary *vocabulary = load();
    struct bulla_inference_error error;
    unsigned longest = 2 + data[0] % (LONGEST - 2), count, whole;
    bool lowercase = data[0] < 128;
    const char *text = (const char *)data + 1;
    void *scratch = malloc(bulla_tokenizer_scratch());
    uint32_t *ids = malloc(longest * sizeof *ids), all[LONGEST];
    if (!scratch || !ids)
        abort();
    bool good = bulla_tokenizer_run(vocabulary, lowercase, text, size - 1, longest, scratch, ids, &count, &error);
    FUZZ_CHECK(
        bulla_tokenizer_run(vocabulary, lowercase, text, size - 1, LONGEST, scratch, all, &whole, &error) == good);
    if (good) {
        check_ids(vocabulary, ids, count, longest);
        check_ids(vocabulary, all, whole, LONGEST);
        FUZZ_CHECK(count == longest || count == whole);
        FUZZ_CHECK(memcmp(ids, all, (count - 1) * sizeof *ids) == 0);
    }
    free(ids);
    free(scratch);
    return 0;
}
