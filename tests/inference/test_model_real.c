/* The whole engine on real weights (scripts/fetch-model, or any such folder in $BULLA_TEST_MODEL) against
 * torch/transformers. The weights are the reference's rounded to F16: cosines of 0.9999 and more are expected. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inference/engine.h"
#include "inference/kernels.h"
#include "reference_items.h"
#include "support/folder.h"
#include "support/test.h"
#include "support/vectors.h"

enum { DIMENSION = 384, LONGEST = 256, FILES = 3 };

static const char *const names[FILES] = {"config.json", "tokenizer.json", "model/model.fp16.safetensors"};
static struct bulla_model_file list[FILES];
static const struct bulla_model_files files = {list, FILES};
static void *memory;
static const struct bulla_model *model;

static bool read_files(void)
{
    char path[4096];
    const char *folder = getenv("BULLA_TEST_MODEL");
    if (!folder)
        folder = BULLA_SOURCE_FOLDER "/build/models/all-MiniLM-L6-v2";
    for (size_t i = 0; i < FILES; i++) {
        test_folder_join(path, sizeof path, folder, names[i]);
        list[i].name = names[i];
        if (!(list[i].data = test_file_read(path, &list[i].size)))
            return false;
    }
    return true;
}

static void load(struct bulla_pool *pool)
{
    size_t bytes;
    struct bulla_inference_error error = {0};
    bool done = bulla_model_measure(&files, &bytes, &error) && (memory = aligned_alloc(64, bytes)) != NULL;
    if (done) {
        memset(memory, 0, bytes);
        done = bulla_model_load(&files, memory, bytes, pool, &model, &error);
    }
    if (!done)
        print_message("%s\n", error.text);
    assert_true(done);
}

static void embed(const uint32_t *ids, unsigned count, struct bulla_pool *pool, float embedding[static DIMENSION])
{
    struct bulla_inference_error error = {0};
    uint32_t offsets[] = {0, count};
    struct bulla_token_batch batch = {ids, offsets, 1};
    size_t bytes = bulla_model_workspace(model, &batch);
    void *workspace = aligned_alloc(64, bytes);
    assert_non_null(workspace);
    memset(workspace, 0xff, bytes);
    assert_true(bulla_model_embed(model, &batch, workspace, bytes, pool, embedding, &error));
    free(workspace);
}

static double cosine(const float *a, const double *b)
{
    double dot = 0, left = 0, right = 0;
    for (size_t i = 0; i < DIMENSION; i++) {
        dot += a[i] * b[i];
        left += (double)a[i] * a[i];
        right += b[i] * b[i];
    }
    assert_true(fabs(left - 1) < 1e-5);
    return dot / sqrt(left * right);
}

static void check(const char *text, const uint32_t *expected_ids, unsigned expected_count, const double *expected)
{
    uint32_t ids[LONGEST];
    unsigned count = 0;
    float embedding[DIMENSION];
    struct bulla_inference_error error = {0};
    void *scratch = calloc(1, bulla_tokenize_scratch(strlen(text)));
    assert_non_null(scratch);
    assert_true(bulla_tokenize(model, text, strlen(text), 0, scratch, ids, &count, &error));
    free(scratch);
    assert_int_equal(count, expected_count);
    assert_memory_equal(ids, expected_ids, count * sizeof *ids);
    embed(ids, count, NULL, embedding);
    double similarity = cosine(embedding, expected);
    if (!(similarity >= 0.9999))
        print_message("\"%s\": cosine %.7f\n", text, similarity);
    assert_true(similarity >= 0.9999);
}

static void carried_items_have_the_reference_ids_and_embeddings(void **state)
{
    (void)state;
    double expected[DIMENSION];
    for (size_t set = 0; set < bulla_kernel_sets_count; set++) {
        if (!bulla_kernel_sets[set]->runs_here())
            continue;
        (void)setenv("BULLA_KERNELS", bulla_kernel_sets[set]->name, 1); /* heeded by builds with BULLA_FAULTS */
        load(NULL);
        for (size_t i = 0; i < sizeof carried / sizeof *carried; i++) {
            for (size_t j = 0; j < DIMENSION; j++)
                expected[j] = carried[i].embedding[j];
            check(carried[i].text, carried[i].ids, carried[i].count, expected);
        }
        free(memory);
    }
    (void)unsetenv("BULLA_KERNELS");
}

static void check_item(const json_t *item)
{
    uint32_t ids[LONGEST];
    double expected[DIMENSION];
    const json_t *list_of_ids = json_object_get(item, "ids");
    const json_t *embedding = json_object_get(item, "embedding");
    assert_int_equal(json_array_size(embedding), DIMENSION);
    assert_in_range(json_array_size(list_of_ids), 2, LONGEST);
    for (size_t i = 0; i < json_array_size(list_of_ids); i++)
        ids[i] = (uint32_t)json_integer_value(json_array_get(list_of_ids, i));
    for (size_t i = 0; i < DIMENSION; i++)
        expected[i] = json_number_value(json_array_get(embedding, i));
    check(json_string_value(json_object_get(item, "text")), ids, (unsigned)json_array_size(list_of_ids), expected);
}

static void every_item_of_the_vectors_has_the_reference_ids_and_embedding(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = test_vector_file("inference/all-MiniLM-L6-v2.reference.json", &size);
    if (!bytes)
        skip();
    json_t *reference = json_loadb((const char *)bytes, size, 0, NULL);
    assert_non_null(reference);
    const json_t *items = json_object_get(reference, "items");
    assert_true(json_array_size(items) > 0);
    load(NULL);
    for (size_t i = 0; i < json_array_size(items); i++)
        check_item(json_array_get(items, i));
    free(memory);
    json_decref(reference);
    free(bytes);
}

static void threads_do_not_change_a_bit_of_a_real_embedding(void **state)
{
    (void)state;
    uint32_t ids[LONGEST];
    float alone[DIMENSION];
    float together[DIMENSION];
    for (uint32_t i = 0; i < LONGEST; i++)
        ids[i] = 1000 + i * 97 % 25000;
    load(NULL);
    embed(ids, LONGEST, NULL, alone);
    free(memory);
    struct bulla_pool *pool = bulla_pool_open(2);
    assert_non_null(pool);
    load(pool);
    for (int i = 0; i < 4; i++) {
        embed(ids, LONGEST, pool, together);
        assert_memory_equal(alone, together, sizeof alone);
    }
    free(memory);
    bulla_pool_close(pool);
}

static int free_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++)
        free((void *)(uintptr_t)list[i].data);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carried_items_have_the_reference_ids_and_embeddings),
        cmocka_unit_test(every_item_of_the_vectors_has_the_reference_ids_and_embedding),
        cmocka_unit_test(threads_do_not_change_a_bit_of_a_real_embedding),
    };
    if (!read_files()) {
        (void)free_files(NULL);
        return test_skip("the model all-MiniLM-L6-v2 (scripts/fetch-model fetches it)");
    }
    return cmocka_run_group_tests(tests, NULL, free_files);
}
