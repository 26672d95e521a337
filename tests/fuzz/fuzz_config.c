/* The small files of a folder. The first byte says which file the rest is; config.json is a good one when it is
 * another. Of a folder that is accepted, the facts keep what config.h guarantees. */
#include "fuzz.h"

#include <string.h>

#include "inference/config.h"

static const char good[] = "{\"architectures\":[\"BertModel\"],\"model_type\":\"bert\",\"hidden_size\":64,"
                           "\"intermediate_size\":128,\"max_position_embeddings\":32,\"num_attention_heads\":4,"
                           "\"num_hidden_layers\":2,\"vocab_size\":100}";

static const struct {
    char letter;
    const char *name;
} names[] = {{'c', "config.json"}, {'s', "sentence_bert_config.json"}, {'p', "1_Pooling/config.json"},
    {'m', "modules.json"}, {'t', "tokenizer_config.json"}, {'j', "tokenizer.json"}};

static void check_facts(const struct bulla_config *config)
{
    const struct bulla_model_facts *facts = &config->facts;
    FUZZ_CHECK(facts->layers > 0 && facts->heads > 0 && facts->dimension > 0 && facts->intermediate > 0);
    FUZZ_CHECK(facts->vocabulary > 0 && config->token_types > 0);
    FUZZ_CHECK(facts->dimension % facts->heads == 0);
    FUZZ_CHECK(facts->longest >= 2 && facts->longest <= facts->positions);
    FUZZ_CHECK(config->epsilon >= 0 && config->epsilon <= 1);
    FUZZ_CHECK(strcmp(facts->architecture, "BertModel") == 0 && strcmp(facts->pooling, "mean") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bulla_model_file folder[2] = {{"config.json", (const uint8_t *)good, sizeof good - 1}};
    struct bulla_inference_error error = {0};
    struct bulla_config config;
    if (size == 0)
        return 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].letter != (char)data[0])
            continue;
        struct bulla_model_files files = {folder, i ? 2 : 1};
        folder[i ? 1 : 0] = (struct bulla_model_file){names[i].name, data + 1, size - 1};
        if (bulla_config_read(&files, &config, &error))
            check_facts(&config);
        else
            FUZZ_CHECK(error.reason != BULLA_INFERENCE_OK && error.text[0]);
    }
    return 0;
}
