/* What sealing refuses of a model, which is all that an opening would but for numbers that are not finite: one thing is
 * wrong at a time, and the refusal names it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

static int set_up(void **state)
{
    (void)state;
    flow_begin(FLOW_PLAIN, "");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    return 0;
}

/* --- models that are wrong --- */

enum { VOCABULARY = 1, WEIGHTS = 2, HEADER_MOST = 1 << 20, SMALL_MOST = 8 << 20 };

/* Room for what a change makes anew. */
static unsigned char made[SMALL_MOST + (1 << 20)];

static void set_file(struct tiny_model *model, size_t place, const char *name, const void *data, size_t size)
{
    model->list[place] = (struct bulla_model_file){name, data, size};
}

/* Before the weights, which stay last. */
static void add_file(struct tiny_model *model, const char *name, const char *text)
{
    model->list[model->files.count] = model->list[model->files.count - 1];
    set_file(model, model->files.count - 1, name, text, strlen(text));
    model->files.count++;
}

static void set_words(struct tiny_model *model, const char *text)
{
    set_file(model, VOCABULARY, "vocab.txt", text, strlen(text));
}

static void no_vocabulary(struct tiny_model *model)
{
    model->list[VOCABULARY] = model->list[WEIGHTS];
    model->files.count = 2;
}

static void no_separator(struct tiny_model *model)
{
    set_words(model, "[PAD]\n[UNK]\n[CLS]\nclay\n");
}

static void no_beginning(struct tiny_model *model)
{
    set_words(model, "[PAD]\n[UNK]\n[SEP]\nclay\n");
}

static void a_piece_twice(struct tiny_model *model)
{
    set_words(model, "[PAD]\n[UNK]\n[CLS]\n[SEP]\nclay\nseal\nclay\n");
}

static void too_many_pieces(struct tiny_model *model)
{
    set_words(model, "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\nc\nd\ne\nf\ng\nh\n");
}

static void pieces_that_are_no_text(struct tiny_model *model)
{
    set_words(model, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n\xff\n");
}

static void another_tokeniser(struct tiny_model *model)
{
    add_file(model, "tokenizer_config.json", "{\"tokenizer_class\":\"BertJapaneseTokenizer\"}");
}

static void a_tokenizer_file_that_is_none(struct tiny_model *model)
{
    add_file(model, "tokenizer.json", "{}");
}

static void pooling_that_is_not_there(struct tiny_model *model)
{
    add_file(model, "modules.json",
        "[{\"type\":\"a.Transformer\",\"path\":\"\"},{\"type\":\"a.Pooling\",\"path\":\"1_Pooling\"}]");
}

static void two_weights_files(struct tiny_model *model)
{
    model->list[WEIGHTS].name = "a.safetensors";
    add_file(model, "b.safetensors", "x");
}

static void shards(struct tiny_model *model)
{
    add_file(model, "model.safetensors.index.json", "{}");
}

static void weights_elsewhere(struct tiny_model *model)
{
    model->list[WEIGHTS].name = "onnx/model.safetensors";
}

static void words_behind_the_weights(struct tiny_model *model)
{
    struct bulla_model_file words = model->list[VOCABULARY];
    model->list[VOCABULARY] = model->list[WEIGHTS];
    model->list[WEIGHTS] = words;
}

static void empty_weights(struct tiny_model *model)
{
    model->list[WEIGHTS].size = 0;
}

static void weights_of_seven_bytes(struct tiny_model *model)
{
    model->list[WEIGHTS].size = 7;
}

static void weights_that_are_cut(struct tiny_model *model)
{
    model->list[WEIGHTS].size--;
}

static void bytes_behind_the_weights(struct tiny_model *model)
{
    memcpy(made, model->bytes, model->list[WEIGHTS].size);
    set_file(model, WEIGHTS, "model.safetensors", made, model->list[WEIGHTS].size + 1);
}

static void a_header_without_a_brace(struct tiny_model *model)
{
    model->bytes[8] = ' ';
}

static void a_header_beyond_its_file(struct tiny_model *model)
{
    model->bytes[2] = 0x20; /* 2 MiB */
}

static void a_header_without_end(struct tiny_model *model)
{
    memset(model->bytes, 0xff, 8);
}

static void a_hole(struct tiny_model *model)
{
    char *at = strstr((char *)model->bytes + 8, "\"data_offsets\":[0,");
    assert_non_null(at);
    at[strlen("\"data_offsets\":[")] = '1';
}

/* Spaces behind the header's JSON, so that it has `size` bytes. */
static void widen_header(struct tiny_model *model, uint64_t size)
{
    uint64_t had;
    memcpy(&had, model->bytes, sizeof had);
    size_t rest = model->list[WEIGHTS].size - 8 - had;
    memset(made, ' ', 8 + size);
    memcpy(made, &size, sizeof size);
    memcpy(made + 8, model->bytes + 8, had);
    memcpy(made + 8 + size, model->bytes + 8 + had, rest);
    set_file(model, WEIGHTS, "model.safetensors", made, 8 + size + rest);
}

static void a_header_that_is_too_large(struct tiny_model *model)
{
    widen_header(model, HEADER_MOST + 1);
}

/* Lines that no vocabulary would have. */
static void small_files_that_are_too_large(struct tiny_model *model)
{
    memset(made, 'x', sizeof made);
    set_file(model, VOCABULARY, "vocab.txt", made, SMALL_MOST);
}

static void a_tensor_that_is_missing(struct tiny_model *model)
{
    tiny_remove(model, "encoder.layer.0.output.dense.bias");
    tiny_write(model);
}

static void a_tensor_that_nobody_knows(struct tiny_model *model)
{
    (void)tiny_add(model, "classifier.weight", "F32", 2, 16);
    tiny_write(model);
}

static void another_shape(struct tiny_model *model)
{
    model->positions = 41;
    tiny_write(model);
}

static void another_type(struct tiny_model *model)
{
    (void)strcpy(tiny_tensor(model, "encoder.layer.0.output.dense.weight")->type, "F64");
    tiny_write(model);
}

static void more_layers_than_there_are(struct tiny_model *model)
{
    model->layers = 2;
    tiny_write(model);
}

static void more_layers_than_are_supported(struct tiny_model *model)
{
    model->layers = 129;
    tiny_write(model);
}

static const struct {
    void (*change)(struct tiny_model *model);
    const char *reason, *words;
} rows[] = {
    {no_vocabulary, "model-malformed", "vocab.txt are missing"},
    {no_separator, "model-malformed", "no piece [SEP]"},
    {no_beginning, "model-malformed", "no piece [CLS]"},
    {a_piece_twice, "model-malformed", "comes twice"},
    {too_many_pieces, "model-malformed", "vocab_size"},
    {pieces_that_are_no_text, "model-malformed", "vocab.txt"},
    {another_tokeniser, "model-unsupported", "BertJapaneseTokenizer"},
    {a_tokenizer_file_that_is_none, "model-malformed", "normalizer is missing"},
    {pooling_that_is_not_there, "model-malformed", "1_Pooling/config.json"},
    {two_weights_files, "model-unsupported", "b.safetensors, a.safetensors"},
    {shards, "model-unsupported", "sharded"},
    {weights_elsewhere, "model-malformed", "model.safetensors is missing"},
    {words_behind_the_weights, "model-malformed", "vocab.txt stands behind the weights"},
    {empty_weights, "model-malformed", "shorter than the length of its header"},
    {weights_of_seven_bytes, "model-malformed", "shorter than the length of its header"},
    {weights_that_are_cut, "model-malformed", "data_offsets outside the data"},
    {bytes_behind_the_weights, "model-malformed", "bytes after the last tensor"},
    {a_header_without_a_brace, "model-malformed", "does not begin with {"},
    {a_header_beyond_its_file, "model-malformed", "in a file of"},
    {a_header_without_end, "model-unsupported", "18446744073709551615"},
    {a_hole, "model-malformed", "word_embeddings"},
    {a_header_that_is_too_large, "model-unsupported", "a header of 1048577 bytes"},
    {small_files_that_are_too_large, "model-unsupported", "the most are 8388608"},
    {a_tensor_that_is_missing, "model-malformed", "encoder.layer.0.output.dense.bias is missing"},
    {a_tensor_that_nobody_knows, "model-malformed", "classifier.weight"},
    {another_shape, "model-malformed", "[40, 16]"},
    {another_type, "model-unsupported", "F64"},
    {more_layers_than_there_are, "model-malformed", "encoder.layer.1."},
    {more_layers_than_are_supported, "model-unsupported", "num_hidden_layers"},
};

static CK_RV seal(CK_OBJECT_HANDLE key, const struct tiny_model *model, size_t step)
{
    struct flow_archive archive = flow_archive_of(&model->files);
    struct flow_sealed sealed;
    CK_RV rv = flow_seal(key, &archive, step, &sealed);
    if (rv == CKR_OK)
        flow_put(key, sealed.bytes, sealed.size);
    flow_sealed_free(&sealed);
    flow_archive_free(&archive);
    return rv;
}

static void assert_row(CK_OBJECT_HANDLE key, size_t row, size_t step)
{
    struct tiny_model *model = tiny_make(1, 2, 16, 32, "F32", "");
    struct flow_refusal before, why;
    flow_why(&before);
    rows[row].change(model);
    CK_RV rv = seal(key, model, step);
    flow_why(&why);
    if (rv != CKR_DATA_INVALID || why.line == before.line || strcmp(why.reason, rows[row].reason) != 0 ||
        !strstr(why.detail, rows[row].words))
        fail_msg("row %zu, updates of %zu: 0x%lx %s: %s; it should say %s", row, step, rv, why.reason, why.detail,
            rows[row].words);
    tiny_free(model);
}

/* The key has no generation, and the first model that is sealed under it gets the first one. */
static void what_cannot_be_opened_is_not_sealed(void **state)
{
    (void)state;
    static const size_t steps[] = {0, 1000};
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG generation = 0;
    CK_ATTRIBUTE attribute = {CKA_BULLA_GENERATION, &generation, sizeof generation};
    assert_ok(flow_key_make("tiny", NULL, NULL, &key));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t j = 0; j < sizeof steps / sizeof steps[0]; j++)
            assert_row(key, i, steps[j]);
    assert_int_equal(flow.p11->C_GetAttributeValue(flow.session, key, &attribute, 1), CKR_ATTRIBUTE_TYPE_INVALID);
    struct tiny_model *model = tiny_make(1, 2, 16, 32, "F32", "");
    assert_ok(seal(key, model, 1));
    assert_int_equal(flow_ulong(key, CKA_BULLA_GENERATION), 1);
    assert_ok(flow_run(key));
    tiny_free(model);
}

/* Nothing of the weights' numbers is sealed, or taken, before the verdict. */
static void the_verdict_comes_with_the_header(void **state)
{
    (void)state;
    CK_MECHANISM mechanism = {CKM_BULLA_SEAL, NULL, 0};
    struct tiny_model *model = tiny_make(1, 2, 16, 32, "F32", "");
    CK_OBJECT_HANDLE key = 0;
    uint64_t header;
    a_tensor_that_is_missing(model);
    struct flow_archive archive = flow_archive_of(&model->files);
    memcpy(&header, model->bytes, sizeof header);
    size_t before = archive.size - (model->list[WEIGHTS].size - 8 - header) - 1; /* all but its last byte */
    CK_ULONG size = 4 << 20;
    uint8_t *out = malloc(size);
    assert_non_null(out);
    assert_ok(flow_key_make("tiny", NULL, NULL, &key));
    assert_ok(flow.p11->C_EncryptInit(flow.session, &mechanism, key));
    assert_ok(flow.p11->C_EncryptUpdate(flow.session, archive.bytes, before, out, &size));
    size = 4 << 20;
    assert_refused(flow.p11->C_EncryptUpdate(flow.session, archive.bytes + before, 1, out, &size), CKR_DATA_INVALID,
        "model-malformed");
    free(out);
    flow_archive_free(&archive);
    tiny_free(model);
}

static void the_largest_that_is_kept_is_sealed_and_opens(void **state)
{
    (void)state;
    struct tiny_model *model = tiny_make(1, 2, 16, 32, "F32", "");
    CK_OBJECT_HANDLE key = 0;
    widen_header(model, HEADER_MOST);
    assert_ok(flow_key_make("wide", NULL, NULL, &key));
    assert_ok(seal(key, model, 0));
    assert_ok(flow_run(key));
    assert_ok(seal(key, model, 65537));
    assert_ok(flow_run(key));
    tiny_free(model);
}

/* Files that the engine does not read may stand anywhere and be of any size; so may weights that it does not choose. */
static void other_files_do_not_matter(void **state)
{
    (void)state;
    struct tiny_model *model = tiny_make(1, 2, 16, 32, "F32", "");
    CK_OBJECT_HANDLE key = 0;
    memset(made, 'x', sizeof made);
    set_file(model, 3, "other.safetensors", made, 100);
    set_file(model, 4, "README.md", made, sizeof made);
    set_file(model, 5, "special_tokens_map.json", made, 0);
    model->files.count = 6;
    assert_ok(flow_key_make("more", NULL, NULL, &key));
    assert_ok(seal(key, model, 0));
    assert_ok(flow_run(key));
    tiny_free(model);
}

/* What no header shows is found when the model is opened. */
static void numbers_that_are_not_finite_are_found_at_the_opening(void **state)
{
    (void)state;
    struct tiny_model *model = tiny_make(1, 2, 16, 32, "F32", "");
    struct flow_refusal why;
    CK_OBJECT_HANDLE key = 0;
    tiny_tensor(model, "encoder.layer.0.output.dense.bias")->values[3] = NAN;
    tiny_write(model);
    assert_ok(flow_key_make("nan", NULL, NULL, &key));
    assert_ok(seal(key, model, 0));
    assert_refused(flow_run(key), CKR_DATA_INVALID, "model-malformed");
    flow_why(&why);
    assert_non_null(strstr(why.detail, "encoder.layer.0.output.dense.bias"));
    tiny_free(model);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_cannot_be_opened_is_not_sealed),
        T(the_verdict_comes_with_the_header),
        T(the_largest_that_is_kept_is_sealed_and_opens),
        T(other_files_do_not_matter),
        T(numbers_that_are_not_finite_are_found_at_the_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
