/* Expected ids are worked out by hand from the small vocabulary below and the rules of WordPiece. */
#include "support/test.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inference/tokenizer.h"

enum { PAD, UNK, CLS, SEP, THE, CAT, S, SIT, ER, A, AA, B, BRACKET, CLOSE, SEP_WORD, MARKED, A_FIRST, ABC, C, DOT };

static const char pieces[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\ncat\n##s\nsit\n##er\n##a\n##aa\n##b\n[\n]\nsep\n\xE6\x9D\xB1\n"
    "a\nabc\n##c\n.\n";

static const struct bulla_model_file file = {"vocab.txt", (const uint8_t *)pieces, sizeof pieces - 1};
static const struct bulla_model_files files = {&file, 1};
static void *memory, *scratch;
static const struct bulla_vocabulary *vocabulary;
static struct bulla_inference_error refusal;

static int load(void **state)
{
    (void)state;
    size_t bytes;
    if (!bulla_vocabulary_measure(&files, &bytes, &refusal))
        return -1;
    memory = aligned_alloc(64, bytes);
    scratch = malloc(bulla_tokenizer_scratch());
    return bulla_vocabulary_load(&files, 1000, memory, bytes, &vocabulary, &refusal) ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    free(memory);
    free(scratch);
    return 0;
}

static void ids_of(const char *text, unsigned longest, const uint32_t *expected, unsigned expected_count)
{
    uint32_t *ids = malloc(longest * sizeof *ids); /* exactly the room, so that one id too many is seen */
    unsigned count = 0;
    assert_true(bulla_tokenizer_run(vocabulary, true, text, strlen(text), longest, scratch, ids, &count, &refusal));
    assert_int_equal(count, expected_count);
    assert_memory_equal(ids, expected, count * sizeof *ids);
    free(ids);
}

#define IDS(text, longest, ...)                                                                                        \
    ids_of(text, longest, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void a_word_is_cut_into_its_longest_pieces(void **state)
{
    (void)state;
    IDS("the Cats sitter", 64, CLS, THE, CAT, S, UNK, SEP);
    IDS("siter", 64, CLS, SIT, ER, SEP);
    IDS("aaaa aaa", 64, CLS, A_FIRST, AA, A, A_FIRST, AA, SEP);
    IDS("abc abca abb", 64, CLS, ABC, ABC, A, A_FIRST, B, B, SEP);
}

/* "b" and "##s" are pieces inside a word only. */
static void a_continuation_does_not_begin_a_word(void **state)
{
    (void)state;
    IDS("b s ##s", 64, CLS, UNK, UNK, UNK, UNK, UNK, SEP);
    IDS("catthe", 64, CLS, UNK, SEP);
}

static void a_word_that_fails_late_is_one_unknown(void **state)
{
    (void)state;
    IDS("cats catsx the", 64, CLS, CAT, S, UNK, THE, SEP);
}

static void nothing_becomes_the_two_ends(void **state)
{
    (void)state;
    IDS("", 64, CLS, SEP);
    IDS(" \t\r\n\u200b", 64, CLS, SEP);
    IDS("the", 2, CLS, SEP);
}

static void a_text_is_cut_to_the_length(void **state)
{
    (void)state;
    IDS("the cats the", 4, CLS, THE, CAT, SEP);
    IDS("the cats the", 5, CLS, THE, CAT, S, SEP);
    IDS("the cats the", 6, CLS, THE, CAT, S, THE, SEP);
}

/* "catsx" is unknown as a whole, also where only its first piece would have had room. */
static void a_word_across_the_cut_is_tried_to_its_end(void **state)
{
    (void)state;
    IDS("the catsx", 4, CLS, THE, UNK, SEP);
}

static void a_special_token_in_the_text_is_ordinary_text(void **state)
{
    (void)state;
    IDS("the [SEP] cat", 64, CLS, THE, BRACKET, SEP_WORD, CLOSE, CAT, SEP);
    IDS("[sep]", 64, CLS, BRACKET, SEP_WORD, CLOSE, SEP);
    IDS("[CLS][PAD]", 64, CLS, BRACKET, UNK, CLOSE, BRACKET, UNK, CLOSE, SEP);
}

static void ideographs_and_punctuation_are_words(void **state)
{
    (void)state;
    IDS("the\u6771cat.the", 64, CLS, THE, MARKED, CAT, DOT, THE, SEP);
}

static void a_word_of_a_hundred_characters_is_the_longest(void **state)
{
    (void)state;
    char text[103] = {0};
    uint32_t expected[101] = {CLS, A_FIRST};
    unsigned count = 2;
    memset(text, 'a', 100);
    for (int left = 99; left > 0; left -= 2)
        expected[count++] = left > 1 ? AA : A;
    expected[count++] = SEP;
    ids_of(text, 101, expected, count);
    text[100] = '\xCC', text[101] = '\x81'; /* U+0301: an accent goes before the characters are counted */
    ids_of(text, 101, expected, count);
    memset(text + 100, 0, 2);
    text[100] = 'a';
    IDS(text, 101, CLS, UNK, SEP);
}

static void what_is_not_utf8_is_refused_also_behind_the_cut(void **state)
{
    (void)state;
    uint32_t ids[3];
    unsigned count;
    static const char text[] = "the cat the \xC3";
    assert_false(bulla_tokenizer_run(vocabulary, true, text, sizeof text - 1, 3, scratch, ids, &count, &refusal));
    assert_int_equal(refusal.reason, BULLA_INFERENCE_NOT_TEXT);
}

static void a_length_without_room_for_the_ends_is_refused(void **state)
{
    (void)state;
    uint32_t ids[2];
    unsigned count;
    for (unsigned longest = 0; longest < 2; longest++) {
        assert_false(bulla_tokenizer_run(vocabulary, true, "the", 3, longest, scratch, ids, &count, &refusal));
        assert_int_equal(refusal.reason, BULLA_INFERENCE_ARGUMENT);
    }
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Texts of 1 MiB that invite quadratic work: one endless word, endless marks, unknown words at full length, accents. */
static void a_mebibyte_takes_linear_time(void **state)
{
    (void)state;
    static const char *const patterns[] = {"a", "\u302E\U0001D165", "a\u0301", "a ", ".",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaax "};
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    uint32_t *ids = malloc(SIZE * sizeof *ids);
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        size_t step = strlen(patterns[i]), size = SIZE / step * step;
        unsigned count = 0;
        for (size_t at = 0; at < size; at++)
            text[at] = patterns[i][at % step];
        double before = seconds();
        assert_true(bulla_tokenizer_run(vocabulary, true, text, size, SIZE, scratch, ids, &count, &refusal));
        assert_true(seconds() - before < 5); /* with sanitizers; without, a few hundredths */
    }
    free(ids);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_cut_into_its_longest_pieces),
        cmocka_unit_test(a_continuation_does_not_begin_a_word),
        cmocka_unit_test(a_word_that_fails_late_is_one_unknown),
        cmocka_unit_test(nothing_becomes_the_two_ends),
        cmocka_unit_test(a_text_is_cut_to_the_length),
        cmocka_unit_test(a_word_across_the_cut_is_tried_to_its_end),
        cmocka_unit_test(a_special_token_in_the_text_is_ordinary_text),
        cmocka_unit_test(ideographs_and_punctuation_are_words),
        cmocka_unit_test(a_word_of_a_hundred_characters_is_the_longest),
        cmocka_unit_test(what_is_not_utf8_is_refused_also_behind_the_cut),
        cmocka_unit_test(a_length_without_room_for_the_ends_is_refused),
        cmocka_unit_test(a_mebibyte_takes_linear_time),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
