/* Long texts and many of them, for a model of many positions: the room that was promised for an answer is enough, and
 * our own reader takes the answer apart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

enum { POSITIONS = 2048, PIECES = 300 };

static CK_OBJECT_HANDLE key;

/* vocab.txt: four special tokens, then pieces that are their own numbers; ids from 256 on take three bytes of CBOR. */
static char *make_vocabulary(void)
{
    char *text = calloc(PIECES, 8);
    assert_non_null(text);
    int used = sprintf(text, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n");
    for (int i = 4; i < PIECES; i++)
        used += sprintf(text + used, "%d\n", i);
    return text;
}

static void replace(struct tiny_model *model, const char *name, size_t rows)
{
    struct tiny_tensor *tensor;
    tiny_remove(model, name);
    tensor = tiny_add(model, name, "F32", rows, 16);
    for (size_t i = 0; i < rows * 16; i++)
        tensor->values[i] = (double)(i * 37 % 101) / 101 - 0.5;
}

static int set_up(void **state)
{
    (void)state;
    static const char longest[] = "{\"max_seq_length\":2048,\"do_lower_case\":false}";
    struct tiny_model *model = tiny_make(1, 2, 16, 32, "F32", "");
    char *vocabulary = make_vocabulary();
    struct flow_sealed sealed;
    flow_begin(FLOW_PLAIN, "");
    replace(model, "embeddings.position_embeddings.weight", POSITIONS);
    replace(model, "embeddings.word_embeddings.weight", PIECES);
    model->positions = POSITIONS;
    model->vocabulary = PIECES;
    tiny_write(model);
    model->list[1] = (struct bulla_model_file){"vocab.txt", (const uint8_t *)vocabulary, strlen(vocabulary)};
    model->list[3] = model->list[2];
    model->list[2] =
        (struct bulla_model_file){"sentence_bert_config.json", (const uint8_t *)longest, sizeof longest - 1};
    model->files.count = 4;
    struct flow_archive archive = flow_archive_of(&model->files);
    assert_ok(flow_key_make("wide", NULL, NULL, &key));
    assert_ok(flow_seal(key, &archive, 0, &sealed));
    flow_put(key, sealed.bytes, sealed.size);
    flow_sealed_free(&sealed);
    flow_archive_free(&archive);
    free(vocabulary);
    tiny_free(model);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    return 0;
}

/* `count` texts of `words` words each, all of them the piece 299, with their tokens. */
static struct flow_answer answer_to_repeated(size_t words, size_t count)
{
    struct flow_answer answer;
    char *text = calloc(words, 4);
    const char **texts = calloc(count, sizeof *texts);
    assert_non_null(text);
    assert_non_null(texts);
    for (size_t i = 0; i < words; i++)
        memcpy(text + 4 * i, "299 ", i + 1 < words ? 4 : 3);
    for (size_t i = 0; i < count; i++)
        texts[i] = text;
    struct bulla_bytes request = flow_request_make(&(struct flow_request){texts, count, NULL, 0, true, 0});
    assert_ok(flow_infer(key, request, &answer));
    free((void *)(uintptr_t)request.data);
    free(texts);
    free(text);
    return answer;
}

/* [CLS], `words` times 299, [SEP] for each text. */
static void assert_tokens(const struct flow_answer *answer, size_t words, size_t count)
{
    struct bulla_cbor row, item;
    struct bulla_cbor_walk rows = bulla_cbor_inside(&answer->tokens);
    assert_int_equal(answer->tokens.number, count);
    while (bulla_cbor_next(&rows, &row)) {
        struct bulla_cbor_walk items = bulla_cbor_inside(&row);
        assert_int_equal(row.number, words + 2);
        for (size_t i = 0; bulla_cbor_next(&items, &item); i++)
            assert_int_equal(item.number, i == 0 ? 2 : i <= words ? 299 : 3);
    }
}

static void a_model_of_many_positions_gives_all_its_tokens(void **state)
{
    (void)state;
    struct flow_answer answer = answer_to_repeated(2046, 1);
    assert_tokens(&answer, 2046, 1);
    flow_answer_free(&answer);
    answer = answer_to_repeated(2046, 12); /* the answer is longer than all of its fixed parts */
    assert_tokens(&answer, 2046, 12);
    flow_answer_free(&answer);
    answer = answer_to_repeated(3000, 1);
    assert_tokens(&answer, 2046, 1);
    flow_answer_free(&answer);
}

static void the_most_texts_with_their_tokens_can_be_read(void **state)
{
    (void)state;
    struct flow_answer answer = answer_to_repeated(64, 1024); /* 67,584 tokens */
    assert_tokens(&answer, 64, 1024);
    assert_int_equal(answer.count, 1024);
    flow_answer_free(&answer);
}

static CK_ULONG bound_of(struct bulla_bytes request)
{
    CK_MECHANISM mechanism = {CKM_BULLA_INFER, NULL, 0};
    CK_ULONG size = 0;
    assert_ok(flow.p11->C_DecryptInit(flow.session, &mechanism, key));
    assert_ok(flow.p11->C_Decrypt(flow.session, (unsigned char *)(uintptr_t)request.data, request.size, NULL, &size));
    assert_int_equal(flow.p11->C_DecryptInit(flow.session, NULL, 0), CKR_OK);
    free((void *)(uintptr_t)request.data);
    return size;
}

/* What is promised for tokens hangs on the text and on max_length, and not on a model that is not opened yet. */
static void short_texts_promise_little(void **state)
{
    (void)state;
    static const char *const texts[] = {"clay", "299 299 299 299 299 299 299 299 299 299"};
    CK_ULONG none = bound_of(flow_request_make(&(struct flow_request){texts, 2, NULL, 0, false, 0}));
    CK_ULONG all = bound_of(flow_request_make(&(struct flow_request){texts, 2, NULL, 0, true, 0}));
    CK_ULONG cut = bound_of(flow_request_make(&(struct flow_request){texts, 2, NULL, 0, true, 3}));
    assert_in_range(all, none + 1, none + (strlen(texts[0]) + strlen(texts[1]) + 7) * 5);
    assert_in_range(cut, none + 1, none + 9 * 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_model_of_many_positions_gives_all_its_tokens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_most_texts_with_their_tokens_can_be_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(short_texts_promise_little, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
