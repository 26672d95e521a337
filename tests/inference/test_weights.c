/* Loading: what is taken, what is ignored, and that everything else is refused for its own reason. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inference/checkpoint.h"
#include "support/test.h"
#include "tiny_model.h"

static struct tiny_model *tiny(void)
{
    return tiny_make(2, 2, 40, 96, "F16", "");
}

/* Loads, and on success embeds a few ids; frees the model. */
static void assert_loads(struct tiny_model *model, float embedding[static 40])
{
    void *memory;
    struct bulla_inference_error error = {0};
    static _Alignas(64) unsigned char workspace[1 << 20];
    uint32_t ids[] = {2, 4, 5, 3};
    uint32_t offsets[] = {0, 4};
    tiny_write(model);
    const struct bulla_model *loaded = tiny_load(model, NULL, &memory, &error);
    if (!loaded)
        print_message("%s\n", error.text);
    assert_non_null(loaded);
    assert_true(bulla_model_embed(
        loaded, &(struct bulla_token_batch){ids, offsets, 1}, workspace, sizeof workspace, NULL, embedding, &error));
    free(memory);
    tiny_free(model);
}

/* bulla_model_check with nothing of the weights but their header, which lies at the end of its memory, and with memory
 * of exactly the measured size. */
static bool check(const struct tiny_model *model, struct bulla_model_facts *facts, struct bulla_inference_error *error)
{
    struct bulla_model_file list[TINY_FILES_MAX];
    struct bulla_model_files files = {list, model->files.count};
    unsigned char *header = NULL;
    size_t bytes;
    memcpy(list, model->list, sizeof list);
    for (size_t i = 0; i < files.count; i++) {
        if (list[i].data != model->bytes || list[i].size < BULLA_WEIGHTS_BEGIN)
            continue;
        size_t size = (size_t)bulla_weights_header(list[i].data);
        free(header);
        header = malloc(size);
        assert_non_null(header);
        memcpy(header, list[i].data, size);
        list[i].data = header;
    }
    void *memory = NULL;
    bool good = bulla_model_check_measure(&files, &bytes, error);
    if (good) {
        memory = aligned_alloc(64, bytes);
        assert_non_null(memory);
        good = bulla_model_check(&files, memory, bytes, facts, error);
    }
    free(memory);
    free(header);
    return good;
}

static void assert_named(const struct bulla_inference_error *error, enum bulla_inference_reason reason,
    const char *named, const char *also_named)
{
    if (error->reason != reason || !strstr(error->text, named) || !strstr(error->text, also_named))
        print_message(
            "%d, expected %d: %s; it should name %s and %s\n", error->reason, reason, error->text, named, also_named);
    assert_int_equal(error->reason, reason);
    assert_non_null(strstr(error->text, named));
    assert_non_null(strstr(error->text, also_named));
}

/* By the header alone, and then by whoever measures or loads, in these words or fewer. */
static void assert_written_is_refused(
    struct tiny_model *model, enum bulla_inference_reason reason, const char *named, const char *also_named)
{
    void *memory;
    struct bulla_model_facts facts;
    struct bulla_inference_error error = {0};
    assert_false(check(model, &facts, &error));
    assert_named(&error, reason, named, also_named);
    assert_null(tiny_load(model, NULL, &memory, &error));
    free(memory);
    tiny_free(model);
}

static void assert_refused(
    struct tiny_model *model, enum bulla_inference_reason reason, const char *named, const char *also_named)
{
    tiny_write(model);
    assert_written_is_refused(model, reason, named, also_named);
}

static void the_prefix_of_an_inner_model_changes_nothing(void **state)
{
    (void)state;
    float plain[40];
    float inner[40];
    assert_loads(tiny(), plain);
    assert_loads(tiny_make(2, 2, 40, 96, "F16", "bert."), inner);
    assert_memory_equal(plain, inner, sizeof plain);
}

static void pooler_and_position_ids_are_ignored(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"", "bert."};
    for (size_t i = 0; i < 2; i++) {
        char name[64];
        float plain[40];
        float with[40];
        assert_loads(tiny(), plain);
        struct tiny_model *model = tiny_make(2, 2, 40, 96, "F16", prefixes[i]);
        (void)snprintf(name, sizeof name, "%sembeddings.position_ids", prefixes[i]);
        (void)tiny_add(model, name, "I64", 1, 40);
        (void)snprintf(name, sizeof name, "%spooler.dense.weight", prefixes[i]);
        (void)tiny_add(model, name, "F32", 40, 40);
        (void)snprintf(name, sizeof name, "%spooler.dense.bias", prefixes[i]);
        (void)tiny_add(model, name, "F32", 0, 40);
        assert_loads(model, with);
        assert_memory_equal(plain, with, sizeof plain);
    }
}

static void an_unknown_tensor_is_refused(void **state)
{
    (void)state;
    static const char *const unknown[] = {"classifier.weight", "pooler.dense.weights", "a", "zzz",
        "embeddings.position_id", "encoder.layer.0.attention.self.query.scale", "bert.pooler.dense.bias"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        struct tiny_model *model = tiny();
        (void)tiny_add(model, unknown[i], "F16", 2, 3);
        assert_refused(model, BULLA_INFERENCE_MISMATCH, unknown[i], "config.json");
    }
}

static void every_missing_tensor_is_refused_by_name(void **state)
{
    (void)state;
    struct tiny_model *whole = tiny();
    for (size_t i = 0; i < whole->count; i++) {
        struct tiny_model *model = tiny();
        tiny_remove(model, whole->tensors[i].name);
        assert_refused(model, BULLA_INFERENCE_MISSING, whole->tensors[i].name, "model.safetensors");
    }
    tiny_free(whole);
}

static void every_wrong_shape_is_refused_with_both_shapes(void **state)
{
    (void)state;
    struct tiny_model *whole = tiny();
    for (size_t i = 0; i < whole->count; i++) {
        char is[64];
        char should[64];
        const struct tiny_tensor *tensor = &whole->tensors[i];
        struct tiny_model *model = tiny();
        (void)snprintf(
            should, sizeof should, tensor->rank == 2 ? "[%zu, %zu]" : "[%zu]", tensor->shape[0], tensor->shape[1]);
        (void)snprintf(
            is, sizeof is, tensor->rank == 2 ? "[%zu, %zu]" : "[%zu]", tensor->shape[0] - 1, tensor->shape[1]);
        model->tensors[i].shape[0]--;
        tiny_write(model);
        assert_written_is_refused(model, BULLA_INFERENCE_MISMATCH, is, should);
    }
    tiny_free(whole);
}

static void a_transposed_matrix_and_a_vector_of_rank_two_are_refused(void **state)
{
    (void)state;
    struct tiny_model *model = tiny();
    struct tiny_tensor *tensor = tiny_tensor(model, "encoder.layer.1.intermediate.dense.weight");
    tensor->shape[0] = 40;
    tensor->shape[1] = 96;
    assert_refused(model, BULLA_INFERENCE_MISMATCH, "[40, 96]", "[96, 40]");
    model = tiny();
    tensor = tiny_tensor(model, "encoder.layer.1.output.dense.bias");
    tensor->rank = 2;
    tensor->shape[0] = 1;
    tensor->shape[1] = 40;
    assert_refused(model, BULLA_INFERENCE_MISMATCH, "[1, 40]", "[40]");
}

static void other_types_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const types[] = {"F64", "I64", "U8"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct tiny_model *model = tiny();
        (void)strcpy(tiny_tensor(model, "encoder.layer.0.output.dense.weight")->type, types[i]);
        assert_refused(model, BULLA_INFERENCE_UNSUPPORTED, "encoder.layer.0.output.dense.weight", types[i]);
    }
}

static void types_may_be_mixed(void **state)
{
    (void)state;
    float embedding[40];
    double expected[40];
    struct tiny_model *model = tiny();
    (void)strcpy(tiny_tensor(model, "embeddings.word_embeddings.weight")->type, "F32");
    (void)strcpy(tiny_tensor(model, "embeddings.position_embeddings.weight")->type, "BF16");
    (void)strcpy(tiny_tensor(model, "encoder.layer.0.output.dense.weight")->type, "BF16");
    (void)strcpy(tiny_tensor(model, "encoder.layer.1.output.LayerNorm.bias")->type, "F32");
    tiny_write(model);
    tiny_reference(model, (const uint32_t[]){2, 4, 5, 3}, 4, expected);
    assert_loads(model, embedding);
    for (size_t i = 0; i < 40; i++)
        assert_true(fabs(embedding[i] - expected[i]) < 1e-5);
}

/* What no header shows. */
static void assert_numbers_are_refused(struct tiny_model *model, const char *name)
{
    void *memory;
    struct bulla_model_facts facts;
    struct bulla_inference_error error = {0};
    tiny_write(model);
    assert_true(check(model, &facts, &error));
    assert_null(tiny_load(model, NULL, &memory, &error));
    assert_named(&error, BULLA_INFERENCE_MALFORMED, name, "finite");
    free(memory);
    tiny_free(model);
}

/* The last number of every tensor, in every type. */
static void numbers_that_are_not_finite_are_refused_wherever_they_stand(void **state)
{
    (void)state;
    static const char *const types[] = {"F32", "F16", "BF16"};
    const double wrong[] = {INFINITY, -INFINITY, NAN};
    struct tiny_model *whole = tiny();
    for (size_t i = 0; i < whole->count; i++) {
        for (size_t type = 0; type < 3; type++) {
            struct tiny_model *model = tiny_make(2, 2, 40, 96, types[type], "");
            struct tiny_tensor *tensor = &model->tensors[i];
            size_t last = (tensor->rank == 2 ? tensor->shape[0] * tensor->shape[1] : tensor->shape[0]) - 1;
            tensor->values[last] = wrong[(i + type) % 3];
            assert_numbers_are_refused(model, tensor->name);
        }
    }
    tiny_free(whole);
}

static void finiteness_is_seen_at_every_place_and_size(void **state)
{
    (void)state;
    static const struct {
        enum bulla_weight type;
        size_t bytes;
        uint32_t largest, infinite;
    } types[] = {{BULLA_WEIGHT_F32, 4, 0x7f7fffff, 0xff800000}, {BULLA_WEIGHT_F16, 2, 0x7bff, 0xfc00},
        {BULLA_WEIGHT_BF16, 2, 0xff7f, 0x7f80}};
    for (size_t i = 0; i < 3; i++) {
        for (size_t count = 1; count < 12; count++) {
            uint8_t data[48];
            for (size_t at = 0; at < count; at++)
                memcpy(data + at * types[i].bytes, &types[i].largest, types[i].bytes);
            assert_true(bulla_weight_finite(types[i].type, data, count * types[i].bytes));
            for (size_t at = 0; at < count; at++) {
                memcpy(data + at * types[i].bytes, &types[i].infinite, types[i].bytes);
                assert_false(bulla_weight_finite(types[i].type, data, count * types[i].bytes));
                memcpy(data + at * types[i].bytes, &types[i].largest, types[i].bytes);
            }
        }
    }
}

static void a_config_that_counts_otherwise_is_refused(void **state)
{
    (void)state;
    struct tiny_model *model = tiny();
    model->layers = 1;
    assert_refused(model, BULLA_INFERENCE_MISMATCH, "encoder.layer.1.", "config.json");
    model = tiny();
    model->layers = 3;
    assert_refused(model, BULLA_INFERENCE_MISSING, "encoder.layer.2.", "model.safetensors");
    model = tiny();
    model->positions = 41;
    assert_refused(model, BULLA_INFERENCE_MISMATCH, "[40, 40]", "[41, 40]");
    model = tiny();
    model->vocabulary = 12;
    assert_refused(model, BULLA_INFERENCE_MISMATCH, "[11, 40]", "[12, 40]");
    model = tiny();
    model->vocabulary = 10; /* fewer than vocab.txt has */
    assert_refused(model, BULLA_INFERENCE_MISMATCH, "10", "");
    model = tiny();
    model->intermediate = 95;
    assert_refused(model, BULLA_INFERENCE_MISMATCH, "[96, 40]", "[95, 40]");
}

/* Wide words and nothing else: the memory is measured by what the file's size leaves for them. */
static void words_alone_do_not_write_beyond_the_memory(void **state)
{
    (void)state;
    struct tiny_model *model = tiny();
    (void)strcpy(tiny_tensor(model, "embeddings.word_embeddings.weight")->type, "F32");
    while (model->count > 1)
        tiny_remove(model, model->tensors[model->count - 1].name);
    assert_refused(model, BULLA_INFERENCE_MISSING, "embeddings.", "model.safetensors");
}

/* ---- the weights file ---- */

static struct bulla_model_file *weights_file(struct tiny_model *model)
{
    return &model->list[model->files.count - 1];
}

static void the_weights_file_may_have_another_name_or_lie_in_model(void **state)
{
    (void)state;
    static const char *const names[] = {
        "model.fp16.safetensors", "model/model.fp16.safetensors", "model/a.safetensors"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *memory;
        struct bulla_inference_error error;
        struct tiny_model *model = tiny();
        weights_file(model)->name = names[i];
        assert_non_null(tiny_load(model, NULL, &memory, &error));
        free(memory);
        tiny_free(model);
    }
}

static void model_safetensors_goes_before_others(void **state)
{
    (void)state;
    void *memory;
    struct bulla_inference_error error;
    struct tiny_model *model = tiny();
    struct bulla_model_file *last = &model->list[model->files.count++];
    *last = (struct bulla_model_file){"a.safetensors", (const uint8_t *)"x", 1};
    assert_non_null(tiny_load(model, NULL, &memory, &error));
    free(memory);
    tiny_free(model);
}

static void no_weights_file_or_several_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const elsewhere[] = {"model.safetensors.bak", "onnx/model.safetensors", "model/x/a.safetensors",
        "pytorch_model.bin", ".safetensors"};
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        struct tiny_model *model = tiny();
        weights_file(model)->name = elsewhere[i];
        assert_written_is_refused(model, BULLA_INFERENCE_MISSING, "model.safetensors", "");
    }
    struct tiny_model *model = tiny();
    weights_file(model)->name = "a.safetensors";
    model->list[model->files.count] = *weights_file(model);
    model->list[model->files.count++].name = "model/b.safetensors";
    assert_written_is_refused(model, BULLA_INFERENCE_UNSUPPORTED, "a.safetensors", "model/b.safetensors");
    model = tiny();
    model->list[model->files.count++] =
        (struct bulla_model_file){"model.safetensors.index.json", (const uint8_t *)"{}", 2};
    assert_written_is_refused(model, BULLA_INFERENCE_UNSUPPORTED, "model.safetensors.index.json", "sharded");
}

static void too_little_or_misaligned_memory_is_refused(void **state)
{
    (void)state;
    size_t bytes;
    const struct bulla_model *loaded;
    struct bulla_inference_error error = {0};
    struct tiny_model *model = tiny();
    assert_true(bulla_model_measure(&model->files, &bytes, &error));
    unsigned char *memory = aligned_alloc(64, bytes + 64);
    assert_non_null(memory);
    memset(memory, 0, bytes + 64);
    assert_false(bulla_model_load(&model->files, memory, bytes - 1, NULL, &loaded, &error));
    assert_int_equal(error.reason, BULLA_INFERENCE_ARGUMENT);
    error.reason = BULLA_INFERENCE_OK;
    assert_false(bulla_model_load(&model->files, memory + 4, bytes, NULL, &loaded, &error));
    assert_int_equal(error.reason, BULLA_INFERENCE_ARGUMENT);
    assert_true(bulla_model_load(&model->files, memory, bytes, NULL, &loaded, &error));
    free(memory);
    tiny_free(model);
}

static void a_header_is_enough_to_check_a_model(void **state)
{
    (void)state;
    struct bulla_model_facts facts;
    struct bulla_inference_error error = {0};
    struct tiny_model *model = tiny();
    assert_true(check(model, &facts, &error));
    assert_int_equal(facts.dimension, 40);
    assert_int_equal(facts.layers, 2);
    assert_string_equal(facts.pooling, "mean");
    model->words[0] = 'x'; /* no [PAD] */
    assert_false(check(model, &facts, &error));
    assert_named(&error, BULLA_INFERENCE_MISSING, "vocab.txt", "[PAD]");
    model->words[0] = '[';
    memcpy(strstr(model->words, "seal"), "clay", 4);
    assert_false(check(model, &facts, &error));
    assert_named(&error, BULLA_INFERENCE_MALFORMED, "vocab.txt", "twice");
    tiny_write(model);
    weights_file(model)->size--; /* what was promised does not fit the offsets */
    assert_false(check(model, &facts, &error));
    assert_named(&error, BULLA_INFERENCE_MALFORMED, "model.safetensors", "data_offsets");
    weights_file(model)->size = BULLA_WEIGHTS_BEGIN - 1;
    assert_false(check(model, &facts, &error));
    assert_named(&error, BULLA_INFERENCE_MALFORMED, "model.safetensors", "shorter");
    tiny_free(model);
}

static void the_length_of_a_header_does_not_overflow(void **state)
{
    (void)state;
    const uint8_t ten[] = {10, 0, 0, 0, 0, 0, 0, 0};
    uint8_t most[BULLA_WEIGHTS_BEGIN];
    memset(most, 0xff, sizeof most);
    assert_int_equal(bulla_weights_header(ten), 18);
    assert_true(bulla_weights_header(most) == UINT64_MAX);
    most[0] = 0xf7;
    assert_true(bulla_weights_header(most) == UINT64_MAX);
}

/* A small file whose config.json speaks of a large model: nobody is to lock memory for it. */
static void a_config_that_the_weights_do_not_account_for_measures_nothing(void **state)
{
    (void)state;
    size_t bytes = 0;
    struct bulla_inference_error error = {0};
    struct tiny_model *model = tiny();
    assert_true(bulla_model_measure(&model->files, &bytes, &error));
    assert_true(bytes < 8 * weights_file(model)->size);
    for (size_t i = 0; i < 4; i++) {
        size_t *counts[] = {&model->layers, &model->intermediate, &model->positions, &model->vocabulary};
        size_t kept = *counts[i];
        *counts[i] = i == 0 ? 128 : 60000;
        tiny_write(model);
        assert_false(bulla_model_measure(&model->files, &bytes, &error));
        assert_named(&error, BULLA_INFERENCE_MISMATCH, "model.safetensors", "at least");
        *counts[i] = kept;
    }
    tiny_write(model);
    assert_true(bulla_model_measure(&model->files, &bytes, &error));
    tiny_free(model);
}

static void files_may_go_once_the_model_is_loaded(void **state)
{
    (void)state;
    void *memory;
    float before[40];
    float after[40];
    struct bulla_inference_error error;
    static _Alignas(64) unsigned char workspace[1 << 20];
    uint32_t ids[] = {2, 4, 5, 3};
    uint32_t offsets[] = {0, 4};
    struct bulla_token_batch batch = {ids, offsets, 1};
    assert_loads(tiny(), before);
    struct tiny_model *model = tiny();
    const struct bulla_model *loaded = tiny_load(model, NULL, &memory, &error);
    assert_non_null(loaded);
    memset(model->bytes, 0xff, weights_file(model)->size);
    memset(model->config, 0xff, sizeof model->config);
    memset(model->words, 0xff, sizeof model->words);
    assert_true(bulla_model_embed(loaded, &batch, workspace, sizeof workspace, NULL, after, &error));
    assert_memory_equal(before, after, sizeof before);
    free(memory);
    tiny_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_prefix_of_an_inner_model_changes_nothing),
        cmocka_unit_test(pooler_and_position_ids_are_ignored),
        cmocka_unit_test(an_unknown_tensor_is_refused),
        cmocka_unit_test(every_missing_tensor_is_refused_by_name),
        cmocka_unit_test(every_wrong_shape_is_refused_with_both_shapes),
        cmocka_unit_test(a_transposed_matrix_and_a_vector_of_rank_two_are_refused),
        cmocka_unit_test(other_types_are_refused_by_name),
        cmocka_unit_test(types_may_be_mixed),
        cmocka_unit_test(numbers_that_are_not_finite_are_refused_wherever_they_stand),
        cmocka_unit_test(finiteness_is_seen_at_every_place_and_size),
        cmocka_unit_test(a_config_that_counts_otherwise_is_refused),
        cmocka_unit_test(words_alone_do_not_write_beyond_the_memory),
        cmocka_unit_test(the_weights_file_may_have_another_name_or_lie_in_model),
        cmocka_unit_test(model_safetensors_goes_before_others),
        cmocka_unit_test(no_weights_file_or_several_are_refused_by_name),
        cmocka_unit_test(too_little_or_misaligned_memory_is_refused),
        cmocka_unit_test(a_header_is_enough_to_check_a_model),
        cmocka_unit_test(the_length_of_a_header_does_not_overflow),
        cmocka_unit_test(a_config_that_the_weights_do_not_account_for_measures_nothing),
        cmocka_unit_test(files_may_go_once_the_model_is_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
