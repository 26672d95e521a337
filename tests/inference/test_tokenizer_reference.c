/* Token ids of real sentences, with the real vocabulary: tokenizer.json of the model in $BULLA_TEST_MODEL or in
 * build/models/all-MiniLM-L6-v2, and the same pieces as a vocab.txt in the folder of vectors. Skipped without both. */
#include "support/test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inference/tokenizer.h"
#include "support/folder.h"
#include "support/vectors.h"

enum { LONGEST = 256, IDS_MAX = 40, SOURCES = 2 };

/* Written by torch/transformers 5.12.1 with tokenizers 0.23.1: all-MiniLM-L6-v2.reference.json, the short items, and
 * distilbert-tiny-random/reference.json, four more. */
static const struct {
    const char *text;
    unsigned count;
    uint32_t ids[IDS_MAX];
} carried[] = {
    {"The cat sits outside", 6, {101, 1996, 4937, 7719, 2648, 102}},
    {"I love pasta", 5, {101, 1045, 2293, 24857, 102}},
    {"The cat plays in the garden", 8, {101, 1996, 4937, 3248, 1999, 1996, 3871, 102}},
    {"The new movie is so great", 8, {101, 1996, 2047, 3185, 2003, 2061, 2307, 102}},
    {"How do I reset a forgotten PIN on a PKCS#11 token?", 18,
        {101, 2129, 2079, 1045, 25141, 1037, 6404, 9231, 2006, 1037, 1052, 2243, 6169, 1001, 2340, 19204, 1029, 102}},
    {"The patient was prescribed 20 mg of atorvastatin once daily after the myocardial infarction.", 25,
        {101, 1996, 5776, 2001, 16250, 2322, 11460, 1997, 2012, 2953, 12044, 29336, 2378, 2320, 3679, 2044, 1996, 2026,
            24755, 25070, 1999, 14971, 7542, 1012, 102}},
    {"La tortue géante des Galápagos peut vivre plus de cent ans — à l'état sauvage.", 31,
        {101, 2474, 17153, 8525, 2063, 16216, 12956, 4078, 16122, 4502, 12333, 21877, 4904, 6819, 12229, 4606, 2139,
            9358, 2019, 2015, 1517, 1037, 1048, 1005, 17997, 7842, 2226, 3567, 3351, 1012, 102}},
    {"東京は日本の首都です。", 13, {101, 1879, 1755, 1672, 1864, 1876, 1671, 100, 1961, 1665, 30184, 1636, 102}},
    {"E-mail me at first.last+tag@example.co.uk or call +1 (555) 010-9999!!!", 33,
        {101, 1041, 1011, 5653, 2033, 2012, 2034, 1012, 2197, 1009, 6415, 1030, 2742, 1012, 2522, 1012, 2866, 2030,
            2655, 1009, 1015, 1006, 29541, 1007, 5890, 2692, 1011, 25897, 2683, 999, 999, 999, 102}},
    {"🙂 Emoji, naïve café, and ﬁ ligatures — “quotes” …", 19,
        {101, 100, 7861, 29147, 2072, 1010, 15743, 7668, 1010, 1998, 1984, 8018, 22662, 1517, 1523, 16614, 1524, 1529,
            102}},
    {"A man is playing guitar", 7, {101, 1037, 2158, 2003, 2652, 2858, 102}},
    {"The new movie is awesome", 7, {101, 1996, 2047, 3185, 2003, 12476, 102}},
    {"A woman watches TV", 6, {101, 1037, 2450, 12197, 2694, 102}},
    {"Do you like pizza?", 7, {101, 2079, 2017, 2066, 10733, 1029, 102}},
};

static struct source {
    const char *name;
    unsigned char *data;
    void *memory;
    const struct bulla_vocabulary *vocabulary;
} sources[SOURCES] = {{.name = "tokenizer.json"}, {.name = "vocab.txt"}};
static void *scratch;

static int load(void **state)
{
    (void)state;
    scratch = malloc(bulla_tokenizer_scratch());
    return 0;
}

static int unload(void **state)
{
    (void)state;
    free(scratch);
    for (size_t i = 0; i < SOURCES; i++) {
        free(sources[i].memory);
        free(sources[i].data);
    }
    return 0;
}

static void the_vocabulary_loads(void **state)
{
    struct source *source = *state;
    struct bulla_inference_error error = {0};
    struct bulla_model_file file = {source->name, source->data, strlen((const char *)source->data)};
    struct bulla_model_files files = {&file, 1};
    size_t bytes;
    if (!bulla_vocabulary_measure(&files, &bytes, &error))
        fail_msg("%s", error.text);
    source->memory = aligned_alloc(64, bytes);
    if (!bulla_vocabulary_load(&files, 30522, source->memory, bytes, &source->vocabulary, &error))
        fail_msg("%s", error.text);
    free(source->data); /* nothing may point into the file any more */
    source->data = NULL;
    assert_int_equal(bulla_vocabulary_count(source->vocabulary), 30522);
    assert_int_equal(bulla_vocabulary_special(source->vocabulary, BULLA_TOKEN_PAD), 0);
    assert_int_equal(bulla_vocabulary_special(source->vocabulary, BULLA_TOKEN_UNK), 100);
    assert_int_equal(bulla_vocabulary_special(source->vocabulary, BULLA_TOKEN_CLS), 101);
    assert_int_equal(bulla_vocabulary_special(source->vocabulary, BULLA_TOKEN_SEP), 102);
    assert_int_equal(bulla_vocabulary_lookup(source->vocabulary, "the", 3, false), 1996); /* the reference's ids */
}

static void check(const struct source *source, const char *text, const uint32_t *expected, size_t expected_count)
{
    uint32_t ids[LONGEST];
    unsigned count;
    struct bulla_inference_error error = {0};
    assert_non_null(source->vocabulary);
    if (!bulla_tokenizer_run(source->vocabulary, true, text, strlen(text), LONGEST, scratch, ids, &count, &error))
        fail_msg("%s", error.text);
    assert_int_equal(count, expected_count);
    assert_memory_equal(ids, expected, count * sizeof *ids);
}

static void real_sentences_become_the_reference_ids(void **state)
{
    for (size_t i = 0; i < sizeof carried / sizeof carried[0]; i++)
        check(*state, carried[i].text, carried[i].ids, carried[i].count);
}

static void check_reference(const struct source *source, const char *name)
{
    size_t size, index;
    json_t *item;
    unsigned char *data = test_vector_file(name, &size);
    if (!data)
        skip();
    json_t *reference = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(reference);
    assert_true(json_array_size(json_object_get(reference, "items")) > 0);
    json_array_foreach(json_object_get(reference, "items"), index, item)
    {
        uint32_t ids[LONGEST];
        const json_t *list = json_object_get(item, "ids");
        assert_true(json_array_size(list) <= LONGEST);
        for (size_t i = 0; i < json_array_size(list); i++)
            ids[i] = (uint32_t)json_integer_value(json_array_get(list, i));
        check(source, json_string_value(json_object_get(item, "text")), ids, json_array_size(list));
    }
    json_decref(reference);
    free(data);
}

static void every_item_of_the_references_becomes_its_ids(void **state)
{
    check_reference(*state, "inference/all-MiniLM-L6-v2.reference.json");
    check_reference(*state, "inference/distilbert-tiny-random/reference.json");
}

static void find_sources(void)
{
    char path[4096];
    size_t size;
    const char *folder = getenv("BULLA_TEST_MODEL");
    (void)snprintf(
        path, sizeof path, "%s/tokenizer.json", folder ? folder : BULLA_SOURCE_FOLDER "/build/models/all-MiniLM-L6-v2");
    sources[0].data = test_file_read(path, &size);
    sources[1].data = test_vector_file("inference/distilbert-tiny-random/vocab.txt", &size);
}

int main(void)
{
    find_sources();
    if (!sources[0].data && !sources[1].data)
        return test_skip("the real vocabulary");
    struct CMUnitTest tests[3 * SOURCES];
    size_t count = 0;
    for (size_t i = 0; i < SOURCES; i++) {
        if (!sources[i].data)
            continue;
        tests[count++] = (struct CMUnitTest)cmocka_unit_test_prestate(the_vocabulary_loads, &sources[i]);
        tests[count++] =
            (struct CMUnitTest)cmocka_unit_test_prestate(real_sentences_become_the_reference_ids, &sources[i]);
        tests[count++] =
            (struct CMUnitTest)cmocka_unit_test_prestate(every_item_of_the_references_becomes_its_ids, &sources[i]);
    }
    return _cmocka_run_group_tests("reference", tests, count, load, unload);
}
