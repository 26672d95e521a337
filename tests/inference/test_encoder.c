/* The encoder against an independent computation in double precision (tiny_model.c), and what must not change its bits.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inference/kernels.h"
#include "support/test.h"
#include "tiny_model.h"

static const char *const types[] = {"F32", "F16", "BF16"};

/* Heads of 12, 20, 16 and 8 columns: padded and not. */
static const struct {
    size_t layers, heads, dimension, intermediate;
} shapes[] = {{1, 3, 36, 50}, {2, 2, 40, 96}, {2, 3, 48, 33}, {3, 4, 32, 128}};

/* Sequences of these lengths, one after the other; ids from a fixed rule. */
struct texts {
    uint32_t ids[4096];
    uint32_t offsets[512];
    struct bulla_token_batch batch;
};

static void make_texts(struct texts *texts, const uint32_t *lengths, size_t count)
{
    texts->offsets[0] = 0;
    for (size_t i = 0; i < count; i++)
        texts->offsets[i + 1] = texts->offsets[i] + lengths[i];
    assert_true(texts->offsets[count] <= 4096);
    for (uint32_t i = 0; i < texts->offsets[count]; i++)
        texts->ids[i] = (i * 7 + i / 5) % 11;
    texts->batch = (struct bulla_token_batch){texts->ids, texts->offsets, count};
}

/* [sequences, dimension], malloc'd; workspace is exactly what was asked for. */
static float *embed(const struct bulla_model *model, const struct bulla_token_batch *batch, struct bulla_pool *pool)
{
    struct bulla_inference_error error = {0};
    size_t bytes = bulla_model_workspace(model, batch);
    float *embeddings = calloc(batch->sequences * bulla_model_facts(model)->dimension, sizeof *embeddings);
    void *workspace = aligned_alloc(64, bytes);
    assert_non_null(embeddings);
    assert_non_null(workspace);
    memset(workspace, 0xff, bytes); /* not a number anywhere: what is read before it was written shows */
    bool done = bulla_model_embed(model, batch, workspace, bytes, pool, embeddings, &error);
    if (!done)
        print_message("%s\n", error.text);
    assert_true(done);
    free(workspace);
    return embeddings;
}

static void check_against_reference(struct tiny_model *tiny, const struct bulla_model *model, double tolerance)
{
    static const uint32_t lengths[] = {2, 7, 40, 16, 1, 33};
    enum { COUNT = sizeof lengths / sizeof *lengths };
    static struct texts texts;
    double expected[64];
    make_texts(&texts, lengths, COUNT);
    float *got = embed(model, &texts.batch, NULL);
    for (size_t i = 0; i < COUNT; i++) {
        tiny_reference(tiny, texts.ids + texts.offsets[i], lengths[i], expected);
        for (size_t j = 0; j < tiny->dimension; j++) {
            if (fabs(got[i * tiny->dimension + j] - expected[j]) > tolerance)
                print_message(
                    "sequence %zu, number %zu: %.9g, expected %.9g\n", i, j, got[i * tiny->dimension + j], expected[j]);
            assert_true(fabs(got[i * tiny->dimension + j] - expected[j]) <= tolerance);
        }
    }
    free(got);
}

static void check_shape_and_type(size_t shape, const char *type)
{
    void *memory;
    struct bulla_inference_error error;
    struct tiny_model *tiny = tiny_make(
        shapes[shape].layers, shapes[shape].heads, shapes[shape].dimension, shapes[shape].intermediate, type, "");
    const struct bulla_model *model = tiny_load(tiny, NULL, &memory, &error);
    if (!model)
        print_message("%s\n", error.text);
    assert_non_null(model);
    check_against_reference(tiny, model, 1e-5);
    free(memory);
    tiny_free(tiny);
}

static void embeddings_are_those_of_the_paper_for_every_kernel_set_and_type(void **state)
{
    (void)state;
    for (size_t set = 0; set < bulla_kernel_sets_count; set++) {
        if (!bulla_kernel_sets[set]->runs_here())
            continue;
        (void)setenv("BULLA_KERNELS", bulla_kernel_sets[set]->name, 1);
#if defined(BULLA_FAULTS)
        assert_string_equal(bulla_kernels_name(), bulla_kernel_sets[set]->name);
#endif
        for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++)
            for (size_t type = 0; type < sizeof types / sizeof *types; type++)
                check_shape_and_type(shape, types[type]);
    }
    (void)unsetenv("BULLA_KERNELS");
}

struct fixture {
    struct tiny_model *tiny;
    void *memory;
    const struct bulla_model *model;
};

static int load_model(void **state)
{
    static struct fixture fixture;
    struct bulla_inference_error error;
    fixture.tiny = tiny_make(2, 2, 40, 96, "F16", "");
    fixture.model = tiny_load(fixture.tiny, NULL, &fixture.memory, &error);
    *state = &fixture;
    return fixture.model ? 0 : -1;
}

static int free_model(void **state)
{
    struct fixture *fixture = *state;
    free(fixture->memory);
    tiny_free(fixture->tiny);
    return 0;
}

/* 170 sequences of 1 to 37 tokens: several groups. */
static void make_many(struct texts *texts)
{
    uint32_t lengths[170];
    for (uint32_t i = 0; i < 170; i++)
        lengths[i] = i % 5 == 0 ? 37 : 1 + i * 11 % 23;
    make_texts(texts, lengths, 170);
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    const struct fixture *fixture = *state;
    static struct texts texts;
    make_many(&texts);
    float *alone = embed(fixture->model, &texts.batch, NULL);
    for (unsigned threads = 2; threads <= 5; threads++) {
        void *memory;
        struct bulla_inference_error error;
        struct bulla_pool *pool = bulla_pool_open(threads);
        assert_non_null(pool);
        const struct bulla_model *model = tiny_load(fixture->tiny, pool, &memory, &error);
        assert_non_null(model);
        for (int round = 0; round < 5; round++) {
            float *together = embed(model, &texts.batch, pool);
            assert_memory_equal(together, alone, 170 * 40 * sizeof(float));
            free(together);
        }
        bulla_pool_close(pool);
        free(memory);
    }
    free(alone);
}

static void a_sequence_alone_and_among_others_gives_the_same_bits(void **state)
{
    const struct fixture *fixture = *state;
    static struct texts texts;
    make_many(&texts);
    float *all = embed(fixture->model, &texts.batch, NULL);
    for (size_t i = 0; i < texts.batch.sequences; i++) {
        struct bulla_token_batch one = {texts.ids, texts.offsets + i, 1}; /* offsets need not begin at 0 */
        float *single = embed(fixture->model, &one, NULL);
        assert_memory_equal(single, all + i * 40, 40 * sizeof(float));
        free(single);
    }
    free(all);
}

static void workspace_does_not_grow_with_the_number_of_sequences(void **state)
{
    const struct fixture *fixture = *state;
    static uint32_t ids[40 * 4000];
    static uint32_t offsets[4001];
    for (uint32_t i = 0; i <= 4000; i++)
        offsets[i] = i * 40;
    size_t hundred = bulla_model_workspace(fixture->model, &(struct bulla_token_batch){ids, offsets, 100});
    size_t all = bulla_model_workspace(fixture->model, &(struct bulla_token_batch){ids, offsets, 4000});
    size_t one = bulla_model_workspace(fixture->model, &(struct bulla_token_batch){ids, offsets, 1});
    assert_int_equal(hundred, all);
    assert_true(one < all);
}

static size_t workspace_of(const struct fixture *fixture, uint32_t sequences, uint32_t longest)
{
    static uint32_t offsets[65];
    for (uint32_t i = 0; i <= sequences; i++)
        offsets[i] = i * longest;
    return bulla_model_workspace(fixture->model, &(struct bulla_token_batch){NULL, offsets, sequences});
}

/* Who locks memory before the texts are tokenised knows only how long the sequences may become. */
static void workspace_of_longer_sequences_is_enough_for_shorter_ones(void **state)
{
    const struct fixture *fixture = *state;
    for (uint32_t sequences = 1; sequences <= 64; sequences *= 2)
        for (uint32_t longest = 3; longest <= 600; longest++)
            assert_true(workspace_of(fixture, sequences, longest - 1) <= workspace_of(fixture, sequences, longest));
}

static void an_empty_batch_is_nothing_to_do(void **state)
{
    const struct fixture *fixture = *state;
    uint32_t offset = 0;
    struct bulla_inference_error error;
    struct bulla_token_batch none = {NULL, &offset, 0};
    assert_int_equal(bulla_model_workspace(fixture->model, &none), 0);
    assert_true(bulla_model_embed(fixture->model, &none, NULL, 0, NULL, NULL, &error));
}

static void assert_refused(const struct bulla_model *model, const struct bulla_token_batch *batch, size_t less,
    size_t shift, enum bulla_inference_reason reason)
{
    struct bulla_inference_error error = {0};
    static _Alignas(64) unsigned char workspace[1 << 20];
    float embeddings[128];
    size_t bytes = bulla_model_workspace(model, batch);
    if (bytes > sizeof workspace - 64)
        bytes = sizeof workspace - 64;
    assert_false(bulla_model_embed(model, batch, workspace + shift, bytes - less, NULL, embeddings, &error));
    assert_int_equal(error.reason, reason);
    assert_true(strlen(error.text) > 0);
}

static void wrong_batches_are_refused(void **state)
{
    const struct fixture *fixture = *state;
    uint32_t ids[64] = {2, 4, 3, 10, 11};
    static const uint32_t wrong[][2] = {
        {3, 3},  /* empty */
        {5, 2},  /* backwards */
        {3, 5},  /* an id beyond the vocabulary */
        {5, 46}, /* 41 tokens, 40 positions */
    };
    const uint32_t offsets[] = {0, 3};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_refused(fixture->model, &(struct bulla_token_batch){ids, wrong[i], 1}, 0, 0, BULLA_INFERENCE_ARGUMENT);
    struct bulla_token_batch right = {ids, offsets, 1};
    assert_refused(fixture->model, &right, 1, 0, BULLA_INFERENCE_ARGUMENT);
    assert_refused(fixture->model, &right, 0, 4, BULLA_INFERENCE_ARGUMENT);
}

/* The weights of these tensors, all of them finite, are so large that what is computed with them is not. */
static void check_overflow(const char *const *names, size_t count)
{
    void *memory;
    struct bulla_inference_error error;
    struct tiny_model *tiny = tiny_make(1, 2, 40, 96, "F32", "");
    for (size_t i = 0; i < count; i++) {
        struct tiny_tensor *weights = tiny_tensor(tiny, names[i]);
        for (size_t j = 0; j < weights->shape[0] * weights->shape[1]; j++)
            weights->values[j] = j % 2 ? 1e38 : -3e38;
    }
    tiny_write(tiny);
    const struct bulla_model *model = tiny_load(tiny, NULL, &memory, &error);
    assert_non_null(model);
    uint32_t ids[] = {2, 4, 3};
    uint32_t offsets[] = {0, 3};
    assert_refused(model, &(struct bulla_token_batch){ids, offsets, 1}, 0, 0, BULLA_INFERENCE_MALFORMED);
    free(memory);
    tiny_free(tiny);
}

static void numbers_that_overflow_are_refused_by_every_kernel_set(void **state)
{
    (void)state;
    static const char *const expanded[] = {"encoder.layer.0.intermediate.dense.weight"};
    static const char *const scores[] = {
        "encoder.layer.0.attention.self.query.weight", "encoder.layer.0.attention.self.key.weight"};
    for (size_t set = 0; set < bulla_kernel_sets_count; set++) {
        if (!bulla_kernel_sets[set]->runs_here())
            continue;
        (void)setenv("BULLA_KERNELS", bulla_kernel_sets[set]->name, 1);
        check_overflow(expanded, 1);
        check_overflow(scores, 2);
    }
    (void)unsetenv("BULLA_KERNELS");
}

static void texts_become_ids_within_the_models_bounds(void **state)
{
    const struct fixture *fixture = *state;
    static _Alignas(64) unsigned char scratch[1 << 20];
    static const char text[] = "Sealed token.";
    const uint32_t expected[] = {2, 5, 6, 7, 8, 10, 3}; /* the lines of vocab.txt */
    uint32_t ids[40];
    unsigned count = 0;
    struct bulla_inference_error error;
    assert_true(bulla_tokenize_scratch(sizeof text) <= sizeof scratch);
    assert_int_equal(bulla_model_facts(fixture->model)->longest, 40);
    assert_true(bulla_tokenize(fixture->model, text, strlen(text), 0, scratch, ids, &count, &error));
    assert_int_equal(count, 7);
    assert_memory_equal(ids, expected, sizeof expected);
    assert_true(bulla_tokenize(fixture->model, text, strlen(text), 3, scratch, ids, &count, &error));
    assert_int_equal(count, 3);
    for (unsigned longest = 1; longest <= 41; longest += 40) {
        assert_false(bulla_tokenize(fixture->model, text, strlen(text), longest, scratch, ids, &count, &error));
        assert_int_equal(error.reason, BULLA_INFERENCE_ARGUMENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embeddings_are_those_of_the_paper_for_every_kernel_set_and_type),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(a_sequence_alone_and_among_others_gives_the_same_bits),
        cmocka_unit_test(workspace_does_not_grow_with_the_number_of_sequences),
        cmocka_unit_test(workspace_of_longer_sequences_is_enough_for_shorter_ones),
        cmocka_unit_test(an_empty_batch_is_nothing_to_do),
        cmocka_unit_test(wrong_batches_are_refused),
        cmocka_unit_test(numbers_that_overflow_are_refused_by_every_kernel_set),
        cmocka_unit_test(texts_become_ids_within_the_models_bounds),
    };
    return cmocka_run_group_tests(tests, load_model, free_model);
}
