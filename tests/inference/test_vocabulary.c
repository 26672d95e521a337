/* Small vocabularies in both forms, each malformed one beside a well-formed one that differs in nothing else. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inference/vocabulary.h"

static struct bulla_inference_error refusal;
static void *memory;
static const struct bulla_vocabulary *vocabulary;

static int unload(void **state)
{
    (void)state;
    free(memory);
    memory = NULL;
    return 0;
}

static bool measure_and_load(const struct bulla_model_files *files, size_t limit)
{
    size_t bytes;
    memset(&refusal, 0, sizeof refusal);
    free(memory);
    memory = NULL;
    if (!bulla_vocabulary_measure(files, &bytes, &refusal))
        return false;
    assert_int_equal(bytes % 64, 0);
    memory = aligned_alloc(64, bytes); /* exactly the room, and not zeroed */
    memset(memory, 0xA5, bytes);
    return bulla_vocabulary_load(files, limit, memory, bytes, &vocabulary, &refusal);
}

/* From a copy that is gone when this returns. */
static bool loads(const char *name, const char *text, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, text, size);
    struct bulla_model_file file = {name, copy, size};
    struct bulla_model_files files = {&file, 1};
    bool good = measure_and_load(&files, 100000);
    assert_true(good == (refusal.reason == BULLA_INFERENCE_OK));
    free(copy);
    return good;
}

static int32_t id_of(const char *piece, bool continuation)
{
    return bulla_vocabulary_lookup(vocabulary, piece, strlen(piece), continuation);
}

#define SPECIAL "[PAD]\n[UNK]\n[CLS]\n[SEP]\n"

static void check_small(void)
{
    assert_int_equal(bulla_vocabulary_count(vocabulary), 9);
    assert_int_equal(bulla_vocabulary_special(vocabulary, BULLA_TOKEN_PAD), 0);
    assert_int_equal(bulla_vocabulary_special(vocabulary, BULLA_TOKEN_UNK), 1);
    assert_int_equal(bulla_vocabulary_special(vocabulary, BULLA_TOKEN_CLS), 2);
    assert_int_equal(bulla_vocabulary_special(vocabulary, BULLA_TOKEN_SEP), 3);
    assert_int_equal(id_of("the", false), 4);
    assert_int_equal(id_of("the", true), -1);
    assert_int_equal(id_of("s", true), 5);
    assert_int_equal(id_of("s", false), -1);
    assert_int_equal(id_of("\"", false), 6);
    assert_int_equal(id_of("\u00e9", false), 7);
    assert_int_equal(id_of("\u00e9t\u00e9", true), 8);
    assert_int_equal(id_of("th", false), -1);
    assert_int_equal(id_of("them", false), -1);
    assert_int_equal(id_of("", false), -1);
    assert_int_equal(id_of("", true), -1);
}

static void a_text_file_holds_a_piece_a_line(void **state)
{
    (void)state;
    static const char text[] = SPECIAL "the\n##s\n\"\n\u00e9\n##\u00e9t\u00e9\n";
    if (!loads("vocab.txt", text, sizeof text - 1))
        fail_msg("%s", refusal.text);
    check_small();
    assert_true(loads("vocab.txt", text, sizeof text - 2)); /* without the last line's end */
    check_small();
    static const char crlf[] = "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\nthe\r\n##s\r\n\"\r\n\u00e9\r\n##\u00e9t\u00e9\r\n";
    assert_true(loads("vocab.txt", crlf, sizeof crlf - 1));
    check_small();
}

static void the_longest_prefix_wins(void **state)
{
    (void)state;
    static const char text[] = SPECIAL "a\nabc\n##a\n##abc\n\u00e9\n";
    size_t taken = 0;
    assert_true(loads("vocab.txt", text, sizeof text - 1));
    assert_int_equal(bulla_vocabulary_longest_prefix(vocabulary, "abcd", 4, false, &taken), 5);
    assert_int_equal(taken, 3);
    assert_int_equal(bulla_vocabulary_longest_prefix(vocabulary, "abd", 3, false, &taken), 4);
    assert_int_equal(taken, 1);
    assert_int_equal(bulla_vocabulary_longest_prefix(vocabulary, "abc", 3, true, &taken), 7);
    assert_int_equal(taken, 3);
    assert_int_equal(bulla_vocabulary_longest_prefix(vocabulary, "abc", 2, true, &taken), 6);
    assert_int_equal(taken, 1);
    assert_int_equal(bulla_vocabulary_longest_prefix(vocabulary, "\u00e8", 2, false, &taken), -1);
    assert_int_equal(bulla_vocabulary_longest_prefix(vocabulary, "\u00e9", 2, true, &taken), -1);
    assert_int_equal(bulla_vocabulary_longest_prefix(vocabulary, "", 0, false, &taken), -1);
}

static const struct {
    const char *what, *text;
    size_t size; /* 0: up to the zero */
    enum bulla_inference_reason reason;
} texts[] = {
    {"a piece twice", SPECIAL "a\nb\na\n", 0, BULLA_INFERENCE_MALFORMED},
    {"an empty line", SPECIAL "a\n\nb\n", 0, BULLA_INFERENCE_MALFORMED},
    {"two line ends at the end", SPECIAL "a\n\n", 0, BULLA_INFERENCE_MALFORMED},
    {"no UTF-8", SPECIAL "a\xFF\n", 0, BULLA_INFERENCE_MALFORMED},
    {"a return inside a line", SPECIAL "a\rb\n", 0, BULLA_INFERENCE_MALFORMED},
    {"a zero", SPECIAL "a\0b\n", sizeof SPECIAL + 3, BULLA_INFERENCE_MALFORMED},
    {"an empty file", "", 0, BULLA_INFERENCE_MALFORMED},
    {"no [PAD]", "[UNK]\n[CLS]\n[SEP]\n", 0, BULLA_INFERENCE_MISSING},
    {"no [UNK]", "[PAD]\n[CLS]\n[SEP]\n", 0, BULLA_INFERENCE_MISSING},
    {"no [CLS]", "[PAD]\n[UNK]\n[SEP]\n", 0, BULLA_INFERENCE_MISSING},
    {"no [SEP]", "[PAD]\n[UNK]\n[CLS]\n", 0, BULLA_INFERENCE_MISSING},
    {"nothing but what is needed", SPECIAL, 0, BULLA_INFERENCE_OK},
};

static void each_malformed_text_file_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bool good = loads("vocab.txt", texts[i].text, texts[i].size ? texts[i].size : strlen(texts[i].text));
        if (refusal.reason != texts[i].reason)
            fail_msg("%s: %s", texts[i].what, good ? "accepted" : refusal.text);
    }
}

static void a_piece_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char text[BULLA_PIECE_MAX + 64];
    for (int over = 0; over < 2; over++) {
        int size = snprintf(text, sizeof text, SPECIAL "%0*d", BULLA_PIECE_MAX + over, 0);
        assert_true(loads("vocab.txt", text, (size_t)size) == (over == 0));
    }
    assert_int_equal(refusal.reason, BULLA_INFERENCE_MALFORMED);
}

#define ADDED                                                                                                          \
    "\"added_tokens\":[{\"id\":0,\"special\":true,\"content\":\"[PAD]\"},"                                             \
    "{\"id\":3,\"special\":true,\"content\":\"[SEP]\"}]"
#define NORMALIZER                                                                                                     \
    "\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"                   \
    "\"strip_accents\":null,\"lowercase\":true}"
#define PRE "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}"
#define POST                                                                                                           \
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"[CLS]\","             \
    "\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":0}}]" \
    ",\"special_tokens\":{\"[CLS]\":{\"id\":\"[CLS]\",\"ids\":[2],\"tokens\":[\"[CLS]\"]},\"[SEP]\":{\"id\":\"[SEP]"   \
    "\",\"ids\":[3],\"tokens\":[\"[SEP]\"]}}}"
#define BERT(sep, cls)                                                                                                 \
    "\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\"," sep "],\"cls\":[\"[CLS]\"," cls "]}"
#define VOCAB                                                                                                          \
    "\"vocab\":{\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"\\u00e9\":7,\"\\\"\":6,\"the\":4,\"##s\":5,"         \
    "\"##\\u00e9t\\u00e9\":8}"
#define MODEL                                                                                                          \
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","                  \
    "\"max_input_chars_per_word\":100," VOCAB "}"
#define TOKENIZER                                                                                                      \
    "{\"version\":\"1.0\",\"truncation\":{\"max_length\":128},\"padding\":null," ADDED "," NORMALIZER "," PRE "," POST \
    "," MODEL "}"

static void a_json_file_holds_pieces_and_ids(void **state)
{
    (void)state;
    if (!loads("tokenizer.json", TOKENIZER, sizeof TOKENIZER - 1))
        fail_msg("%s", refusal.text);
    check_small();
}

static const struct {
    const char *from, *to;
    enum bulla_inference_reason reason;
    const char *word;
} changes[] = {
    {"BertNormalizer", "Lowercase", BULLA_INFERENCE_UNSUPPORTED, "normalizer.type is \"Lowercase\""},
    {"\"clean_text\":true", "\"clean_text\":false", BULLA_INFERENCE_UNSUPPORTED, "clean_text"},
    {"\"clean_text\":true,", "", BULLA_INFERENCE_MALFORMED, "clean_text is missing"},
    {"\"handle_chinese_chars\":true", "\"handle_chinese_chars\":false", BULLA_INFERENCE_UNSUPPORTED, "chinese"},
    {"\"strip_accents\":null", "\"strip_accents\":false", BULLA_INFERENCE_UNSUPPORTED, "strip_accents"},
    {"\"strip_accents\":null", "\"strip_accents\":true", BULLA_INFERENCE_OK, ""},
    {"\"lowercase\":true", "\"lowercase\":\"yes\"", BULLA_INFERENCE_UNSUPPORTED, "lowercase"},
    {"BertPreTokenizer", "Whitespace", BULLA_INFERENCE_UNSUPPORTED, "pre_tokenizer.type"},
    {"TemplateProcessing", "RobertaProcessing", BULLA_INFERENCE_UNSUPPORTED, "post_processor.type"},
    {"\"id\":\"[CLS]\"", "\"id\":\"[PAD]\"", BULLA_INFERENCE_UNSUPPORTED, "post_processor.single"},
    {"\"id\":\"A\"", "\"id\":\"B\"", BULLA_INFERENCE_UNSUPPORTED, "post_processor.single"},
    {",{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":0}}", "", BULLA_INFERENCE_UNSUPPORTED, "post_processor.single"},
    {"\"id\":\"A\",\"type_id\":0", "\"id\":\"A\",\"type_id\":1", BULLA_INFERENCE_UNSUPPORTED, "type 0"},
    {"[2]", "[3]", BULLA_INFERENCE_MISMATCH, "gives [CLS] the id 3"},
    {"[3]", "[2]", BULLA_INFERENCE_MISMATCH, "gives [SEP] the id 2"},
    {"[3]", "[4294967299]", BULLA_INFERENCE_MISMATCH, "gives [SEP] the id 4294967299"},
    {"[3]", "[3,3]", BULLA_INFERENCE_MALFORMED, "one id for [SEP]"},
    {"[3]", "[]", BULLA_INFERENCE_MALFORMED, "one id for [SEP]"},
    {"[3]", "[\"3\"]", BULLA_INFERENCE_MALFORMED, "one id for [SEP]"},
    {"\"special_tokens\"", "\"special\"", BULLA_INFERENCE_MALFORMED, "special_tokens is missing"},
    {"{\"[CLS]\":{\"id\"", "{\"[cls]\":{\"id\"", BULLA_INFERENCE_MALFORMED, "[CLS] is missing"},
    {POST, BERT("3", "2"), BULLA_INFERENCE_OK, ""},
    {POST, BERT("3", "1"), BULLA_INFERENCE_MISMATCH, "gives [CLS] the id 1"},
    {POST, BERT("102", "2"), BULLA_INFERENCE_MISMATCH, "gives [SEP] the id 102"},
    {POST, BERT("3,3", "2"), BULLA_INFERENCE_MALFORMED, "one id for [SEP]"},
    {POST, BERT("-3", "2"), BULLA_INFERENCE_MALFORMED, "one id for [SEP]"},
    {POST, "\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"[PAD]\",3],\"cls\":[\"[CLS]\",2]}",
        BULLA_INFERENCE_MALFORMED, "one id for [SEP]"},
    {POST, "\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",2]}", BULLA_INFERENCE_MALFORMED,
        "sep is missing"},
    {"\"WordPiece\"", "\"BPE\"", BULLA_INFERENCE_UNSUPPORTED, "model.type is \"BPE\""},
    {"\"unk_token\":\"[UNK]\"", "\"unk_token\":\"<unk>\"", BULLA_INFERENCE_UNSUPPORTED, "unk_token"},
    {"_prefix\":\"##\"", "_prefix\":\"@@\"", BULLA_INFERENCE_UNSUPPORTED, "continuing_subword_prefix"},
    {":100", ":200", BULLA_INFERENCE_UNSUPPORTED, "max_input_chars_per_word"},
    {"\"special\":true", "\"special\":false", BULLA_INFERENCE_UNSUPPORTED, "special"},
    {"\"special\":true,", "", BULLA_INFERENCE_MALFORMED, "special"},
    {"\"content\":\"[SEP]\"", "\"content\":\"[CLS]\"", BULLA_INFERENCE_MISMATCH, "[CLS]"},
    {"{\"id\":3,", "{\"id\":\"3\",", BULLA_INFERENCE_MALFORMED, "id"},
    {"{\"id\":3,", "{", BULLA_INFERENCE_MALFORMED, "id"},
    {"\"vocab\":{", "\"vocab\":{\"x\":9,", BULLA_INFERENCE_OK, ""},
    {"\"vocab\":{", "\"vocab\":{\"x\":10,", BULLA_INFERENCE_MALFORMED, "gap"},
    {"\"vocab\":{", "\"vocab\":{\"x\":4294967296,", BULLA_INFERENCE_MALFORMED, "gap"},
    {"\"the\":4", "\"the\":5", BULLA_INFERENCE_MALFORMED, "id 5 twice"},
    {"\"the\":4", "\"the\":-4", BULLA_INFERENCE_MALFORMED, "whole number"},
    {"\"the\":4", "\"the\":\"4\"", BULLA_INFERENCE_MALFORMED, "whole number"},
    {"\"the\":4", "\"\\u0023\\u0023s\":4", BULLA_INFERENCE_MALFORMED, "twice"},
    {"\"the\":4", "\"\":4", BULLA_INFERENCE_MALFORMED, "empty"},
    {"\"vocab\":{", "\"vocab\":{},\"vocab\":{", BULLA_INFERENCE_MALFORMED, "vocab twice"},
    {"\"vocab\":{", "\"words\":{", BULLA_INFERENCE_MALFORMED, "vocab is missing"},
    {"\"[SEP]\":3", "\"[sep]\":3", BULLA_INFERENCE_MISSING, "no piece [SEP]"},
    {"\"model\"", "\"modell\"", BULLA_INFERENCE_MALFORMED, "model is missing"},
    {"\"added_tokens\"", "\"added\"", BULLA_INFERENCE_MALFORMED, "added_tokens is missing"},
    {"{\"version\"", "{\"version\":{}}{", BULLA_INFERENCE_MALFORMED, "byte"},
};

static void each_change_of_the_json_file_is_judged_by_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char text[4096];
        const char *at = strstr(TOKENIZER, changes[i].from);
        assert_non_null(at);
        int size = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - TOKENIZER), TOKENIZER, changes[i].to,
            at + strlen(changes[i].from));
        bool good = loads("tokenizer.json", text, (size_t)size);
        if (refusal.reason != changes[i].reason || !strstr(refusal.text, changes[i].word))
            fail_msg("%s -> %s: %s (%d)", changes[i].from, changes[i].to, good ? "accepted" : refusal.text,
                (int)refusal.reason);
    }
}

static void tokenizer_json_goes_before_vocab_txt(void **state)
{
    (void)state;
    static const char text[] = SPECIAL "other\n";
    const struct bulla_model_file both[] = {{"vocab.txt", (const uint8_t *)text, sizeof text - 1},
        {"tokenizer.json", (const uint8_t *)TOKENIZER, sizeof TOKENIZER - 1}};
    struct bulla_model_files files = {both, 2};
    assert_true(measure_and_load(&files, 9));
    check_small();
    files.count = 0;
    assert_false(measure_and_load(&files, 9));
    assert_int_equal(refusal.reason, BULLA_INFERENCE_MISSING);
}

static void more_pieces_than_the_model_has_are_a_mismatch(void **state)
{
    (void)state;
    const struct bulla_model_file file = {"tokenizer.json", (const uint8_t *)TOKENIZER, sizeof TOKENIZER - 1};
    struct bulla_model_files files = {&file, 1};
    assert_true(measure_and_load(&files, 10));
    assert_true(measure_and_load(&files, 9));
    assert_false(measure_and_load(&files, 8));
    assert_int_equal(refusal.reason, BULLA_INFERENCE_MISMATCH);
}

static void too_little_memory_is_refused(void **state)
{
    (void)state;
    size_t bytes;
    const struct bulla_model_file file = {"tokenizer.json", (const uint8_t *)TOKENIZER, sizeof TOKENIZER - 1};
    struct bulla_model_files files = {&file, 1};
    assert_true(bulla_vocabulary_measure(&files, &bytes, &refusal));
    void *small = aligned_alloc(64, bytes);
    assert_false(bulla_vocabulary_load(&files, 9, small, bytes - 1, &vocabulary, &refusal));
    assert_int_equal(refusal.reason, BULLA_INFERENCE_ARGUMENT);
    free(small);
}

/* Every piece is there, with its own id, in a vocabulary of the usual size; and none that is not. */
static void a_large_vocabulary_is_found_again(void **state)
{
    (void)state;
    enum { COUNT = 60000 };
    char *text = malloc((size_t)COUNT * 16), name[16];
    size_t size = (size_t)sprintf(text, SPECIAL);
    for (int i = 4; i < COUNT; i++)
        size += (size_t)sprintf(text + size, "%s%x\n", i % 3 ? "" : "##", i);
    if (!loads("vocab.txt", text, size))
        fail_msg("%s", refusal.text);
    free(text);
    for (int i = 4; i < COUNT; i++) {
        (void)snprintf(name, sizeof name, "%x", i);
        assert_int_equal(id_of(name, i % 3 == 0), i);
        assert_int_equal(id_of(name, i % 3 != 0), -1);
    }
}

/* One piece more than the bound is refused, and a million lines take no quadratic time. */
static void too_many_pieces_are_refused(void **state)
{
    (void)state;
    char *text = malloc((size_t)BULLA_VOCABULARY_MAX * 8 + 64);
    size_t size = 0;
    clock_t before = clock();
    for (int i = 0; i <= BULLA_VOCABULARY_MAX; i++)
        size += (size_t)sprintf(text + size, "%x\n", i);
    assert_false(loads("vocab.txt", text, size));
    assert_int_equal(refusal.reason, BULLA_INFERENCE_TOO_LARGE);
    assert_true((double)(clock() - before) / CLOCKS_PER_SEC < 10);
    free(text);
}

/* 600 pieces that all want one of 2048 slots: a table of so many pieces has that size, and its hash is FNV-1a of 64
 * bits with the halves folded, which whoever writes a vocabulary can compute as well. */
static void pieces_made_to_collide_are_refused(void **state)
{
    (void)state;
    char text[16384] = SPECIAL, name[16];
    size_t size = sizeof SPECIAL - 1, found = 0;
    for (unsigned i = 0; found < 600; i++) {
        int length = snprintf(name, sizeof name, "%x\n", i);
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        for (int at = 0; at < length - 1; at++)
            hash = (hash ^ (uint8_t)name[at]) * UINT64_C(0x100000001b3);
        if (((uint32_t)(hash ^ hash >> 32) & 2047) != 7)
            continue;
        memcpy(text + size, name, (size_t)length);
        size += (size_t)length;
        found++;
    }
    assert_false(loads("vocab.txt", text, size));
    assert_int_equal(refusal.reason, BULLA_INFERENCE_MALFORMED);
    assert_non_null(strstr(refusal.text, "collides"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_file_holds_a_piece_a_line),
        cmocka_unit_test(the_longest_prefix_wins),
        cmocka_unit_test(each_malformed_text_file_is_refused),
        cmocka_unit_test(a_piece_that_is_too_long_is_refused),
        cmocka_unit_test(a_json_file_holds_pieces_and_ids),
        cmocka_unit_test(each_change_of_the_json_file_is_judged_by_itself),
        cmocka_unit_test(tokenizer_json_goes_before_vocab_txt),
        cmocka_unit_test(more_pieces_than_the_model_has_are_a_mismatch),
        cmocka_unit_test(too_little_memory_is_refused),
        cmocka_unit_test(a_large_vocabulary_is_found_again),
        cmocka_unit_test(too_many_pieces_are_refused),
        cmocka_unit_test(pieces_made_to_collide_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, unload);
}
