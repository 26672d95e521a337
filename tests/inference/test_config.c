/* config.json as all-MiniLM-L6-v2 has it, with one thing changed at a time. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inference/config.h"
#include "inference/error.h"
#include "support/folder.h"
#include "support/vectors.h"

static struct bulla_inference_error refusal;
static struct bulla_config config;

#define CONFIG                                                                                                         \
    "{\"architectures\":[\"BertModel\"],\"attention_probs_dropout_prob\":0.1,\"hidden_act\":\"gelu\","                 \
    "\"hidden_size\":384,\"intermediate_size\":1536,\"layer_norm_eps\":1e-12,\"max_position_embeddings\":512,"         \
    "\"model_type\":\"bert\",\"num_attention_heads\":12,\"num_hidden_layers\":6,\"type_vocab_size\":2,"                \
    "\"vocab_size\":30522}"
#define TOKENIZER(lowercase)                                                                                           \
    "{\"added_tokens\":[],\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,"                            \
    "\"handle_chinese_chars\":true,\"strip_accents\":null,\"lowercase\":" lowercase "},"                               \
    "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"                                                               \
    "\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",102],\"cls\":[\"[CLS]\",101]},"                \
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","                  \
    "\"max_input_chars_per_word\":100,\"vocab\":{}}}"

/* Reads a folder of config.json and, when they have names, one or two files more. */
static bool reads_both(
    const char *config_text, const char *name, const char *text, const char *other_name, const char *other)
{
    struct bulla_model_file folder[] = {
        {"config.json", (const uint8_t *)config_text, strlen(config_text)},
        {name, (const uint8_t *)text, text ? strlen(text) : 0},
        {other_name, (const uint8_t *)other, other ? strlen(other) : 0},
    };
    struct bulla_model_files files = {folder, 1U + (name != NULL) + (other_name != NULL)};
    memset(&refusal, 0, sizeof refusal);
    bool good = bulla_config_read(&files, &config, &refusal);
    assert_true(good == (refusal.reason == BULLA_INFERENCE_OK));
    return good;
}

static bool reads(const char *config_text, const char *name, const char *text)
{
    return reads_both(config_text, name, text, NULL, NULL);
}

/* CONFIG with the first `from` replaced. */
static const char *changed(const char *from, const char *to)
{
    static char text[4096];
    const char *at = strstr(CONFIG, from);
    assert_non_null(at);
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - CONFIG), CONFIG, to, at + strlen(from));
    return text;
}

static void the_facts_of_a_real_configuration(void **state)
{
    (void)state;
    if (!reads(CONFIG, NULL, NULL))
        fail_msg("%s", refusal.text);
    const struct bulla_model_facts *facts = &config.facts;
    assert_string_equal(facts->architecture, "BertModel");
    assert_int_equal(facts->layers, 6);
    assert_int_equal(facts->heads, 12);
    assert_int_equal(facts->dimension, 384);
    assert_int_equal(facts->intermediate, 1536);
    assert_int_equal(facts->vocabulary, 30522);
    assert_int_equal(facts->positions, 512);
    assert_int_equal(facts->longest, 256);
    assert_true(facts->lowercase);
    assert_false(facts->pooling_declared);
    assert_string_equal(facts->pooling, "mean");
    assert_int_equal(config.token_types, 2);
    assert_true(config.epsilon == 1e-12F);
}

static void the_real_files_are_read(void **state)
{
    (void)state;
    char path[2][4096];
    size_t size[2];
    const char *folder = getenv("BULLA_TEST_MODEL");
    static const char *const names[] = {"config.json", "tokenizer.json"};
    unsigned char *data[2];
    for (int i = 0; i < 2; i++) {
        (void)snprintf(path[i], sizeof path[i], "%s/%s",
            folder ? folder : BULLA_SOURCE_FOLDER "/build/models/all-MiniLM-L6-v2", names[i]);
        data[i] = test_file_read(path[i], &size[i]);
    }
    if (data[0] && data[1]) {
        struct bulla_model_file list[] = {{names[0], data[0], size[0]}, {names[1], data[1], size[1]}};
        struct bulla_model_files files = {list, 2};
        struct bulla_model_facts facts;
        if (!bulla_model_inspect(&files, &facts, &refusal))
            fail_msg("%s", refusal.text);
        assert_int_equal(facts.dimension, 384);
        assert_int_equal(facts.longest, 256); /* not the 128 that its tokenizer.json embeds */
    }
    free(data[0]);
    free(data[1]);
    if (!data[0] || !data[1])
        skip();
}

static void absent_settings_mean_what_they_mean_elsewhere(void **state)
{
    (void)state;
    assert_true(reads(changed("\"layer_norm_eps\":1e-12,", ""), NULL, NULL));
    assert_true(config.epsilon == 1e-12F);
    assert_true(reads(changed("\"type_vocab_size\":2,", ""), NULL, NULL));
    assert_int_equal(config.token_types, 2);
    assert_true(reads(changed("\"hidden_act\":\"gelu\",", ""), NULL, NULL));
}

/* What is changed in CONFIG, and what must come of it; the refusal holds the word. */
static const struct {
    const char *from, *to;
    enum bulla_inference_reason reason;
    const char *word;
} changes[] = {
    {"BertModel", "DistilBertForSequenceClassification", BULLA_INFERENCE_UNSUPPORTED,
        "DistilBertForSequenceClassification"},
    {"[\"BertModel\"]", "[]", BULLA_INFERENCE_UNSUPPORTED, "0 architectures"},
    {"[\"BertModel\"]", "[\"BertModel\",\"BertModel\"]", BULLA_INFERENCE_UNSUPPORTED, "2 architectures"},
    {"[\"BertModel\"]", "\"BertModel\"", BULLA_INFERENCE_MALFORMED, "architectures"},
    {"\"architectures\":[\"BertModel\"],", "", BULLA_INFERENCE_MALFORMED, "architectures is missing"},
    {"\"bert\"", "\"roberta\"", BULLA_INFERENCE_UNSUPPORTED, "model_type is \"roberta\""},
    {"\"model_type\":\"bert\",", "", BULLA_INFERENCE_MALFORMED, "model_type is missing"},
    {"\"gelu\"", "\"gelu_new\"", BULLA_INFERENCE_UNSUPPORTED, "hidden_act is \"gelu_new\""},
    {"{", "{\"position_embedding_type\":\"relative_key\",", BULLA_INFERENCE_UNSUPPORTED, "relative_key"},
    {"{", "{\"is_decoder\":true,", BULLA_INFERENCE_UNSUPPORTED, "is_decoder"},
    {"{", "{\"quantization_config\":{\"bits\":4},", BULLA_INFERENCE_UNSUPPORTED, "quantization_config"},
    {"{", "{\"auto_map\":{\"AutoModel\":\"x.Y\"},", BULLA_INFERENCE_UNSUPPORTED, "auto_map"},
    {"{", "{\"tokenizer_class\":\"BertJapaneseTokenizer\",", BULLA_INFERENCE_UNSUPPORTED, "BertJapaneseTokenizer"},
    {"{", "{\"tokenizer_class\":\"PreTrainedTokenizerFast\",", BULLA_INFERENCE_UNSUPPORTED, "tokenizer.json"},
    {"{", "{\"tokenizer_class\":1,", BULLA_INFERENCE_UNSUPPORTED, "tokenizer_class is 1"},
    {"{", "{\"tokenizer_class\":null,\"tokenizer_class\":null,", BULLA_INFERENCE_MALFORMED, "tokenizer_class twice"},
    {"{", "{\"pruned_heads\":{\"0\":[1]},", BULLA_INFERENCE_UNSUPPORTED, "pruned_heads"},
    {"{", "{\"model_type\":\"bert\",", BULLA_INFERENCE_MALFORMED, "model_type twice"},
    {"{", "{\"hidden_size\":384,", BULLA_INFERENCE_MALFORMED, "hidden_size twice"},
    {"\"hidden_size\":384,", "", BULLA_INFERENCE_MALFORMED, "hidden_size is missing"},
    {":384", ":\"384\"", BULLA_INFERENCE_MALFORMED, "hidden_size"},
    {":384", ":384.0", BULLA_INFERENCE_MALFORMED, "hidden_size"},
    {":384", ":-384", BULLA_INFERENCE_MALFORMED, "hidden_size"},
    {":384", ":0", BULLA_INFERENCE_TOO_LARGE, "hidden_size"},
    {":384", ":8193", BULLA_INFERENCE_TOO_LARGE, "hidden_size"},
    {":384", ":18446744073709551999", BULLA_INFERENCE_MALFORMED, "hidden_size"},
    {":384", ":4294967680", BULLA_INFERENCE_TOO_LARGE, "hidden_size"},
    {":384", ":385", BULLA_INFERENCE_MISMATCH, "num_attention_heads"},
    {":6,", ":129,", BULLA_INFERENCE_TOO_LARGE, "num_hidden_layers"},
    {":12,", ":0,", BULLA_INFERENCE_TOO_LARGE, "num_attention_heads"},
    {":1536", ":65537", BULLA_INFERENCE_TOO_LARGE, "intermediate_size"},
    {":30522", ":1000001", BULLA_INFERENCE_TOO_LARGE, "vocab_size"},
    {":512", ":1", BULLA_INFERENCE_TOO_LARGE, "max_position_embeddings"},
    {":2,", ":65,", BULLA_INFERENCE_TOO_LARGE, "type_vocab_size"},
    {"1e-12", "0", BULLA_INFERENCE_MALFORMED, "layer_norm_eps"},
    {"1e-12", "-1e-12", BULLA_INFERENCE_MALFORMED, "layer_norm_eps"},
    {"1e-12", "2", BULLA_INFERENCE_MALFORMED, "layer_norm_eps"},
    {"1e-12", "\"1e-12\"", BULLA_INFERENCE_MALFORMED, "layer_norm_eps"},
    {"}", "", BULLA_INFERENCE_MALFORMED, "config.json"},
    {"{", "[{", BULLA_INFERENCE_MALFORMED, "config.json"},
};

static void each_change_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        bool good = reads(changed(changes[i].from, changes[i].to), NULL, NULL);
        if (good || refusal.reason != changes[i].reason || !strstr(refusal.text, changes[i].word))
            fail_msg("%s -> %s: %s (%d)", changes[i].from, changes[i].to, good ? "accepted" : refusal.text,
                (int)refusal.reason);
    }
}

#define POOLING(mean, cls)                                                                                             \
    "{\"word_embedding_dimension\":384,\"pooling_mode_cls_token\":" cls ",\"pooling_mode_mean_tokens\":" mean ","      \
    "\"pooling_mode_max_tokens\":false}"
#define TRANSFORMER MODULE("sentence_transformers.models.Transformer", "")
#define POOLS MODULE("sentence_transformers.models.Pooling", "1_Pooling")
#define NORMALIZE MODULE("sentence_transformers.models.Normalize", "2_Normalize")
#define MODULE(type, path) "{\"idx\":0,\"name\":\"0\",\"path\":\"" path "\",\"type\":\"" type "\"}"

static const struct {
    const char *name, *text;
    enum bulla_inference_reason reason;
    const char *word;
} companions[] = {
    {"1_Pooling/config.json", POOLING("true", "false"), BULLA_INFERENCE_OK, ""},
    {"1_Pooling/config.json", "{\"pooling_mode\":\"mean\"}", BULLA_INFERENCE_OK, ""},
    {"1_Pooling/config.json", POOLING("false", "true"), BULLA_INFERENCE_UNSUPPORTED, "pooling_mode_cls_token"},
    {"1_Pooling/config.json", POOLING("true", "true"), BULLA_INFERENCE_UNSUPPORTED, "pooling_mode_cls_token"},
    {"1_Pooling/config.json", "{\"pooling_mode\":\"cls\"}", BULLA_INFERENCE_UNSUPPORTED, "cls"},
    {"1_Pooling/config.json", "{\"pooling_mode_new\":true}", BULLA_INFERENCE_UNSUPPORTED, "pooling_mode_new"},
    {"1_Pooling/config.json", POOLING("false", "false"), BULLA_INFERENCE_MALFORMED, "0 pooling modes"},
    {"1_Pooling/config.json", "{\"pooling_mode\":\"mean\",\"pooling_mode_mean_tokens\":true}",
        BULLA_INFERENCE_MALFORMED, "2 pooling modes"},
    {"1_Pooling/config.json", "{\"pooling_mode_mean_tokens\":true,\"pooling_mode_mean_tokens\":false}",
        BULLA_INFERENCE_MALFORMED, "twice"},
    {"1_Pooling/config.json", "{\"word_embedding_dimension\":768,\"pooling_mode_mean_tokens\":true}",
        BULLA_INFERENCE_MISMATCH, "768"},
    {"1_Pooling/config.json", "[]", BULLA_INFERENCE_MALFORMED, "object"},
    {"1_Pooling/config.json", "", BULLA_INFERENCE_MALFORMED, "empty"},

    {"sentence_bert_config.json", "{\"max_seq_length\":128,\"do_lower_case\":false}", BULLA_INFERENCE_OK, ""},
    {"sentence_bert_config.json", "{\"max_seq_length\":1}", BULLA_INFERENCE_MALFORMED, "max_seq_length"},
    {"sentence_bert_config.json", "{\"max_seq_length\":\"128\"}", BULLA_INFERENCE_MALFORMED, "max_seq_length"},
    {"sentence_bert_config.json", "{\"do_lower_case\":true}", BULLA_INFERENCE_UNSUPPORTED, "do_lower_case"},

    {"modules.json", "[" TRANSFORMER "," POOLS "," NORMALIZE "]", BULLA_INFERENCE_MISSING, "1_Pooling/config.json"},
    {"modules.json", "[" TRANSFORMER "," POOLS "]", BULLA_INFERENCE_MISSING, "1_Pooling/config.json"},
    {"modules.json", "[]", BULLA_INFERENCE_UNSUPPORTED, "0 modules"},
    {"modules.json", "[" TRANSFORMER "]", BULLA_INFERENCE_UNSUPPORTED, "1 modules"},
    {"modules.json", "[" TRANSFORMER "," NORMALIZE "," POOLS "]", BULLA_INFERENCE_UNSUPPORTED, "Normalize"},
    {"modules.json", "[" POOLS "," TRANSFORMER "]", BULLA_INFERENCE_UNSUPPORTED, "Pooling"},
    {"modules.json", "[" TRANSFORMER "," POOLS "," POOLS "]", BULLA_INFERENCE_UNSUPPORTED, "module 2"},
    {"modules.json", "[" TRANSFORMER "," POOLS "," NORMALIZE "," NORMALIZE "]", BULLA_INFERENCE_UNSUPPORTED,
        "module 3"},
    {"modules.json", "[" MODULE("sentence_transformers.models.Dense", "2_Dense") "]", BULLA_INFERENCE_UNSUPPORTED,
        "Dense"},
    {"modules.json", "[" MODULE("sentence_transformers.models.Transformer", "0_Transformer") "]",
        BULLA_INFERENCE_UNSUPPORTED, "0_Transformer"},
    {"modules.json", "[" MODULE("sentence_transformers.models.Pooling", "2_Pooling") "]", BULLA_INFERENCE_UNSUPPORTED,
        "2_Pooling"},
    {"modules.json", "[{\"path\":\"\"}]", BULLA_INFERENCE_MALFORMED, "type"},
    {"modules.json", "[1]", BULLA_INFERENCE_MALFORMED, "type"},
    {"modules.json", "{}", BULLA_INFERENCE_MALFORMED, "array"},

    {"tokenizer_config.json", "{\"do_lower_case\":false}", BULLA_INFERENCE_OK, ""},
    {"tokenizer_config.json", "{\"tokenizer_class\":\"BertTokenizer\"}", BULLA_INFERENCE_OK, ""},
    {"tokenizer_config.json", "{\"tokenizer_class\":\"BertTokenizerFast\"}", BULLA_INFERENCE_OK, ""},
    {"tokenizer_config.json", "{\"tokenizer_class\":null}", BULLA_INFERENCE_OK, ""},
    {"tokenizer_config.json", "{\"tokenizer_class\":\"PreTrainedTokenizerFast\"}", BULLA_INFERENCE_UNSUPPORTED,
        "PreTrainedTokenizerFast"},
    {"tokenizer_config.json", "{\"tokenizer_class\":\"BertJapaneseTokenizer\"}", BULLA_INFERENCE_UNSUPPORTED,
        "BertJapaneseTokenizer"},
    {"tokenizer_config.json", "{\"tokenizer_class\":\"XLMRobertaTokenizer\"}", BULLA_INFERENCE_UNSUPPORTED,
        "XLMRobertaTokenizer"},
    {"tokenizer_config.json", "{\"tokenizer_class\":\"bertTokenizer\"}", BULLA_INFERENCE_UNSUPPORTED, "bertTokenizer"},
    {"tokenizer_config.json", "{\"auto_map\":{\"AutoTokenizer\":[\"x.Y\",null]}}", BULLA_INFERENCE_UNSUPPORTED,
        "auto_map"},
    {"tokenizer_config.json", "{\"do_lower_case\":1}", BULLA_INFERENCE_UNSUPPORTED, "do_lower_case"},
    {"tokenizer_config.json", "{\"strip_accents\":false}", BULLA_INFERENCE_UNSUPPORTED, "strip_accents"},
    {"tokenizer_config.json", "{\"tokenize_chinese_chars\":false}", BULLA_INFERENCE_UNSUPPORTED, "chinese"},
    {"tokenizer_config.json", "{\"never_split\":[\"x\"]}", BULLA_INFERENCE_UNSUPPORTED, "never_split"},
    {"tokenizer_config.json", "{\"sep_token\":\"</s>\"}", BULLA_INFERENCE_UNSUPPORTED, "sep_token"},

    {"tokenizer.json", TOKENIZER("true"), BULLA_INFERENCE_OK, ""},
    {"tokenizer.json", TOKENIZER("null"), BULLA_INFERENCE_UNSUPPORTED, "lowercase"},
    {"tokenizer.json", "{}", BULLA_INFERENCE_MALFORMED, "normalizer"},
};

static void each_companion_is_heeded_or_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof companions / sizeof companions[0]; i++) {
        bool good = reads(CONFIG, companions[i].name, companions[i].text);
        if (refusal.reason != companions[i].reason || !strstr(refusal.text, companions[i].word))
            fail_msg("%s: %s: %s (%d)", companions[i].name, companions[i].text, good ? "accepted" : refusal.text,
                (int)refusal.reason);
    }
}

static void the_length_is_that_of_sentence_bert_up_to_the_positions(void **state)
{
    (void)state;
    assert_true(reads(CONFIG, "sentence_bert_config.json", "{\"max_seq_length\":128}"));
    assert_int_equal(config.facts.longest, 128);
    assert_true(reads(CONFIG, "sentence_bert_config.json", "{\"max_seq_length\":1000}"));
    assert_int_equal(config.facts.longest, 512);
    assert_true(reads(CONFIG, "sentence_bert_config.json", "{\"max_seq_length\":null}"));
    assert_int_equal(config.facts.longest, 256);
    assert_true(reads(changed(":512", ":64"), NULL, NULL));
    assert_int_equal(config.facts.longest, 64);
}

static void pooling_is_declared_by_its_file(void **state)
{
    (void)state;
    assert_true(reads(CONFIG, "1_Pooling/config.json", POOLING("true", "false")));
    assert_true(config.facts.pooling_declared);
    assert_string_equal(config.facts.pooling, "mean");
    static const char *const lists[] = {"[" TRANSFORMER "," POOLS "]", "[" TRANSFORMER "," POOLS "," NORMALIZE "]"};
    for (size_t i = 0; i < 2; i++) {
        assert_true(reads_both(CONFIG, "1_Pooling/config.json", POOLING("true", "false"), "modules.json", lists[i]));
        assert_true(config.facts.pooling_declared);
    }
    assert_false(reads_both(CONFIG, "1_Pooling/config.json", POOLING("true", "false"), "modules.json", "[]"));
}

static void lowercasing_is_what_the_tokenizer_says(void **state)
{
    (void)state;
    assert_true(reads(CONFIG, "tokenizer_config.json", "{\"do_lower_case\":false,\"strip_accents\":null}"));
    assert_false(config.facts.lowercase);
    assert_true(reads(CONFIG, "tokenizer.json", TOKENIZER("false")));
    assert_false(config.facts.lowercase);
    assert_true(reads(CONFIG, "tokenizer.json", TOKENIZER("true")));
    assert_true(config.facts.lowercase);
}

static void files_that_disagree_about_lowercasing_are_refused(void **state)
{
    (void)state;
    static const char one[] = "{\"do_lower_case\":true}", other[] = TOKENIZER("false");
    const struct bulla_model_file folder[] = {
        {"config.json", (const uint8_t *)CONFIG, sizeof CONFIG - 1},
        {"tokenizer_config.json", (const uint8_t *)one, sizeof one - 1},
        {"tokenizer.json", (const uint8_t *)other, sizeof other - 1},
    };
    struct bulla_model_files files = {folder, 3};
    assert_false(bulla_config_read(&files, &config, &refusal));
    assert_int_equal(refusal.reason, BULLA_INFERENCE_MISMATCH);
    files.count = 2;
    assert_true(bulla_config_read(&files, &config, &refusal));
}

/* tokenizer_config.json beside a tokenizer.json that does not lowercase, and whether they agree. */
static void a_tokenizer_of_berts_class_lowercases_unless_it_says_otherwise(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool agrees;
    } rows[] = {
        {"{\"do_lower_case\":false}", true},
        {"{\"do_lower_case\":false,\"tokenizer_class\":\"BertTokenizer\"}", true},
        {"{\"tokenizer_class\":\"PreTrainedTokenizerFast\"}", true},
        {"{\"tokenizer_class\":\"PreTrainedTokenizerFast\",\"do_lower_case\":true}", false},
        {"{\"tokenizer_class\":\"BertTokenizerFast\"}", false},
        {"{}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool good = reads_both(CONFIG, "tokenizer_config.json", rows[i].text, "tokenizer.json", TOKENIZER("false"));
        if (good != rows[i].agrees || refusal.reason != (good ? BULLA_INFERENCE_OK : BULLA_INFERENCE_MISMATCH))
            fail_msg("%s: %s", rows[i].text, refusal.text);
        assert_false(good && config.facts.lowercase);
        assert_true(good || strstr(refusal.text, "lowercasing"));
        if (i > 1 && i != 3)
            assert_true(reads_both(CONFIG, "tokenizer_config.json", rows[i].text, "tokenizer.json", TOKENIZER("true")));
    }
}

static void config_may_name_the_class_of_tokenizer(void **state)
{
    (void)state;
    assert_true(reads(changed("{", "{\"tokenizer_class\":\"BertTokenizer\","), NULL, NULL));
    assert_true(reads(changed("{", "{\"tokenizer_class\":null,"), NULL, NULL));
    assert_true(
        reads(changed("{", "{\"tokenizer_class\":\"PreTrainedTokenizerFast\","), "tokenizer.json", TOKENIZER("true")));
}

static void a_folder_without_config_is_refused(void **state)
{
    (void)state;
    struct bulla_model_files files = {NULL, 0};
    assert_false(bulla_config_read(&files, &config, &refusal));
    assert_int_equal(refusal.reason, BULLA_INFERENCE_MISSING);
}

static void a_config_above_a_mebibyte_is_refused(void **state)
{
    (void)state;
    enum { SIZE = (1 << 20) + 1 };
    char *text = malloc(SIZE + 1);
    memset(text, ' ', SIZE);
    memcpy(text, CONFIG, sizeof CONFIG - 1);
    text[SIZE] = '\0';
    assert_false(reads(text, NULL, NULL));
    assert_int_equal(refusal.reason, BULLA_INFERENCE_TOO_LARGE);
    text[SIZE - 1] = '\0';
    assert_true(reads(text, NULL, NULL));
    free(text);
}

static void the_engine_wants_its_files_and_no_others(void **state)
{
    (void)state;
    static const char *const wanted[] = {"config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json",
        "sentence_bert_config.json", "modules.json", "1_Pooling/config.json", "model.safetensors",
        "model.fp16.safetensors", "model-00001-of-00002.safetensors", "model/model.fp16.safetensors"};
    static const char *const others[] = {"README.md", "pytorch_model.bin", ".safetensors", "onnx/model.safetensors",
        "model.safetensors.index.json", "2_Dense/config.json", "", "CONFIG.JSON", "../config.json",
        ".model.safetensors", "model/.model.safetensors", "model/.safetensors", "model/model/model.safetensors",
        "model/config.json", "/model/model.safetensors"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        assert_true(bulla_model_wants(wanted[i]));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(bulla_model_wants(others[i]));
}

static void a_long_refusal_is_cut_and_none_is_needed(void **state)
{
    (void)state;
    char words[1000];
    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    assert_false(bulla_inference_refuse(&refusal, BULLA_INFERENCE_ARGUMENT, "%s", words));
    assert_int_equal(strlen(refusal.text), sizeof refusal.text - 1);
    assert_false(bulla_inference_refuse(NULL, BULLA_INFERENCE_ARGUMENT, "nobody listens"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_facts_of_a_real_configuration),
        cmocka_unit_test(the_real_files_are_read),
        cmocka_unit_test(absent_settings_mean_what_they_mean_elsewhere),
        cmocka_unit_test(each_change_is_refused_by_name),
        cmocka_unit_test(each_companion_is_heeded_or_refused_by_name),
        cmocka_unit_test(the_length_is_that_of_sentence_bert_up_to_the_positions),
        cmocka_unit_test(pooling_is_declared_by_its_file),
        cmocka_unit_test(lowercasing_is_what_the_tokenizer_says),
        cmocka_unit_test(files_that_disagree_about_lowercasing_are_refused),
        cmocka_unit_test(a_tokenizer_of_berts_class_lowercases_unless_it_says_otherwise),
        cmocka_unit_test(config_may_name_the_class_of_tokenizer),
        cmocka_unit_test(a_folder_without_config_is_refused),
        cmocka_unit_test(a_config_above_a_mebibyte_is_refused),
        cmocka_unit_test(the_engine_wants_its_files_and_no_others),
        cmocka_unit_test(a_long_refusal_is_cut_and_none_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
