/* One table for each file: what is read into the facts (fields), and what may only have the value that this engine
 * computes with (rules). Keys that change nothing here (dropout, caching, versions) are not looked at. */
#include "config.h"

#include <string.h>

#include "error.h"
#include "files.h"
#include "tokenizer_file.h"
#include "vocabulary.h"

enum { SMALL_FILE_MAX = 1 << 20, LONGEST_WITHOUT_A_WORD = 256, LONGEST_LEAST = 2 };

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define FACT(name) (offsetof(struct bulla_config, facts) + offsetof(struct bulla_model_facts, name))

/* A whole number of config.json; `otherwise` stands for an absent one, 0: it must be there. */
static const struct field {
    const char *name;
    size_t offset; /* of an unsigned in struct bulla_config */
    unsigned least, most, otherwise;
} fields[] = {
    {"num_hidden_layers", FACT(layers), 1, 128, 0},
    {"num_attention_heads", FACT(heads), 1, 256, 0},
    {"hidden_size", FACT(dimension), 1, 8192, 0},
    {"intermediate_size", FACT(intermediate), 1, 65536, 0},
    {"vocab_size", FACT(vocabulary), 1, BULLA_VOCABULARY_MAX, 0},
    {"max_position_embeddings", FACT(positions), LONGEST_LEAST, BULLA_POSITIONS_MAX, 0},
    {"type_vocab_size", offsetof(struct bulla_config, token_types), 1, 64, 2},
};

static const struct bulla_json_rule config_rules[] = {
    {"model_type", true, {"\"bert\""}},
    {"hidden_act", false, {"\"gelu\""}},
    {"position_embedding_type", false, {"\"absolute\"", "null"}},
    {"is_decoder", false, {"false"}},
    {"is_encoder_decoder", false, {"false"}},
    {"add_cross_attention", false, {"false"}},
    {"pruned_heads", false, {"{}"}},
    {"quantization_config", false, {"null"}},
    {"auto_map", false, {"null"}},
};

static const char *const architectures[] = {"BertModel"};

static const struct bulla_json_rule sentence_rules[] = {{"do_lower_case", false, {"false", "null"}}};

/* modules.json, in this order: the last part of a module's type, and where it must lie (NULL: anywhere). Embeddings are
 * always normalised, so that the last may be left out. */
static const struct {
    const char *type, *path;
} modules[] = {{"Transformer", ""}, {"Pooling", "1_Pooling"}, {"Normalize", NULL}};
enum { MODULES_NEEDED = 2 };
static const char modules_supported[] = "Transformer, Pooling in 1_Pooling, Normalize, in this order";
static const char pooling_file[] = "1_Pooling/config.json";

static bool read_field(const struct bulla_document *document, const struct field *field, struct bulla_config *config)
{
    bool found;
    struct bulla_json value;
    uint64_t number = field->otherwise;
    if (!bulla_document_member(document, document->top, field->name, &value, &found))
        return false;
    if (!found && field->otherwise == 0)
        return bulla_inference_refuse(
            document->error, BULLA_INFERENCE_MALFORMED, "%s: %s is missing", document->file->name, field->name);
    if (found && !bulla_json_whole(value, &number))
        return bulla_inference_refuse(document->error, BULLA_INFERENCE_MALFORMED, "%s: %s is not a whole number",
            document->file->name, field->name);
    if (number < field->least || number > field->most)
        return bulla_inference_refuse(document->error, BULLA_INFERENCE_TOO_LARGE, "%s: %s is %llu; from %u to %u",
            document->file->name, field->name, (unsigned long long)number, field->least, field->most);
    unsigned fact = (unsigned)number;
    memcpy((char *)config + field->offset, &fact, sizeof fact);
    return true;
}

static bool read_epsilon(const struct bulla_document *document, struct bulla_config *config)
{
    bool found;
    struct bulla_json value;
    double epsilon = 1e-12; /* what an absent one means */
    if (!bulla_document_member(document, document->top, "layer_norm_eps", &value, &found))
        return false;
    if (found && (!bulla_json_real(value, &epsilon) || !(epsilon > 0) || epsilon > 1))
        return bulla_inference_refuse(document->error, BULLA_INFERENCE_MALFORMED,
            "%s: layer_norm_eps is %.*s; above 0, up to 1", document->file->name, BULLA_JSON_SHOWN(value));
    config->epsilon = (float)epsilon;
    return true;
}

static bool read_architecture(const struct bulla_document *document, struct bulla_config *config)
{
    struct bulla_json list, name = {0}, one;
    size_t count = 0;
    if (!bulla_document_need(document, document->top, "architectures", BULLA_JSON_ARRAY, &list))
        return false;
    for (struct bulla_json_walk walk = bulla_json_walk(list); bulla_json_next(&walk, NULL, &one); count++)
        name = one;
    if (count != 1)
        return bulla_inference_refuse(document->error, BULLA_INFERENCE_UNSUPPORTED,
            "%s: %zu architectures instead of one", document->file->name, count);
    for (size_t i = 0; i < COUNT(architectures); i++) {
        if (bulla_json_text_is(name, architectures[i])) {
            memcpy(config->facts.architecture, architectures[i], strlen(architectures[i]) + 1);
            return true;
        }
    }
    return bulla_inference_refuse(document->error, BULLA_INFERENCE_UNSUPPORTED, "%s: architecture %.*s; supported: %s",
        document->file->name, BULLA_JSON_SHOWN(name), architectures[0]);
}

static bool read_config(
    const struct bulla_model_files *files, struct bulla_config *config, struct bulla_inference_error *error)
{
    struct bulla_document document;
    enum bulla_tokenizer_class named;
    const struct bulla_model_file *file = bulla_model_file_find(files, "config.json");
    if (!file)
        return bulla_inference_refuse(error, BULLA_INFERENCE_MISSING, "config.json is missing");
    if (!bulla_document_open(&document, file, SMALL_FILE_MAX, BULLA_JSON_OBJECT, error) ||
        !read_architecture(&document, config) ||
        !bulla_document_obey(&document, document.top, "", config_rules, COUNT(config_rules), NULL) ||
        !bulla_tokenizer_class_read(&document, files, &named) || !read_epsilon(&document, config))
        return false;
    for (size_t i = 0; i < COUNT(fields); i++)
        if (!read_field(&document, &fields[i], config))
            return false;
    if (config->facts.dimension % config->facts.heads != 0)
        return bulla_inference_refuse(error, BULLA_INFERENCE_MISMATCH,
            "config.json: hidden_size %u is no multiple of num_attention_heads %u", config->facts.dimension,
            config->facts.heads);
    return true;
}

/* sentence_bert_config.json rules over any length that tokenizer.json has embedded. */
static bool read_longest(
    const struct bulla_model_files *files, struct bulla_model_facts *facts, struct bulla_inference_error *error)
{
    bool found = false;
    uint64_t longest = LONGEST_WITHOUT_A_WORD;
    struct bulla_json value;
    struct bulla_document document;
    const struct bulla_model_file *file = bulla_model_file_find(files, "sentence_bert_config.json");
    if (file && (!bulla_document_open(&document, file, SMALL_FILE_MAX, BULLA_JSON_OBJECT, error) ||
                    !bulla_document_obey(&document, document.top, "", sentence_rules, COUNT(sentence_rules), NULL) ||
                    !bulla_document_member(&document, document.top, "max_seq_length", &value, &found)))
        return false;
    if (found && bulla_json_kind(value) != BULLA_JSON_NULL &&
        (!bulla_json_whole(value, &longest) || longest < LONGEST_LEAST))
        return bulla_inference_refuse(
            error, BULLA_INFERENCE_MALFORMED, "%s: max_seq_length is %.*s", file->name, BULLA_JSON_SHOWN(value));
    facts->longest = longest < facts->positions ? (unsigned)longest : facts->positions;
    return true;
}

/* Whether the key switches a pooling mode on, and which; `mode`: "pooling_mode_mean_tokens" or "mean". */
static bool pooling_mode(struct bulla_json key, struct bulla_json value, struct bulla_json *mode)
{
    static const char prefix[] = "pooling_mode_";
    const char *name;
    size_t size;
    *mode = bulla_json_text_is(key, "pooling_mode") ? value : key;
    if (bulla_json_text_is(key, "pooling_mode"))
        return true;
    return bulla_json_kind(value) == BULLA_JSON_TRUE && bulla_json_text_view(key, &name, &size) &&
           size >= sizeof prefix - 1 && memcmp(name, prefix, sizeof prefix - 1) == 0;
}

static bool check_pooling_dimension(const struct bulla_document *document, unsigned dimension)
{
    bool found;
    uint64_t number;
    struct bulla_json value;
    if (!bulla_document_member(document, document->top, "word_embedding_dimension", &value, &found))
        return false;
    if (found && (!bulla_json_whole(value, &number) || number != dimension))
        return bulla_inference_refuse(document->error, BULLA_INFERENCE_MISMATCH,
            "%s: word_embedding_dimension is %.*s, but hidden_size of config.json is %u", document->file->name,
            BULLA_JSON_SHOWN(value), dimension);
    return true;
}

static bool read_pooling(
    const struct bulla_model_files *files, struct bulla_model_facts *facts, struct bulla_inference_error *error)
{
    struct bulla_document document;
    struct bulla_json key, value, mode;
    size_t modes = 0;
    bool found;
    const struct bulla_model_file *file = bulla_model_file_find(files, pooling_file);
    memcpy(facts->pooling, "mean", sizeof "mean");
    facts->pooling_declared = file != NULL;
    if (!file)
        return true;
    if (!bulla_document_open(&document, file, SMALL_FILE_MAX, BULLA_JSON_OBJECT, error) ||
        !check_pooling_dimension(&document, facts->dimension))
        return false;
    for (struct bulla_json_walk walk = bulla_json_walk(document.top); bulla_json_next(&walk, &key, &value);) {
        if (!pooling_mode(key, value, &mode))
            continue;
        if (!bulla_json_text_is(mode, "pooling_mode_mean_tokens") && !bulla_json_text_is(mode, "mean"))
            return bulla_inference_refuse(error, BULLA_INFERENCE_UNSUPPORTED,
                "%s: %.*s; supported: pooling_mode_mean_tokens", file->name, BULLA_JSON_SHOWN(mode));
        modes++;
    }
    if (!bulla_document_member(&document, document.top, "pooling_mode_mean_tokens", &value, &found))
        return false;
    if (modes != 1)
        return bulla_inference_refuse(
            error, BULLA_INFERENCE_MALFORMED, "%s: %zu pooling modes instead of one", file->name, modes);
    return true;
}

/* The part of a module's type behind its last dot, and its path, held against the row of its place. */
static bool module_is(size_t row, struct bulla_json type, struct bulla_json path)
{
    const char *name;
    size_t size;
    if (row >= COUNT(modules) || !bulla_json_text_view(type, &name, &size))
        return false;
    const char *dot = memrchr(name, '.', size);
    size -= dot ? (size_t)(dot + 1 - name) : 0;
    name = dot ? dot + 1 : name;
    return size == strlen(modules[row].type) && memcmp(name, modules[row].type, size) == 0 &&
           (!modules[row].path || bulla_json_text_is(path, modules[row].path));
}

static bool check_module(const struct bulla_document *document, struct bulla_json module, size_t row)
{
    struct bulla_json type, path;
    if (!bulla_document_need(document, module, "type", BULLA_JSON_STRING, &type) ||
        !bulla_document_need(document, module, "path", BULLA_JSON_STRING, &path))
        return false;
    if (!module_is(row, type, path))
        return bulla_inference_refuse(document->error, BULLA_INFERENCE_UNSUPPORTED,
            "modules.json: module %zu is %.*s in %.*s; supported: %s", row, BULLA_JSON_SHOWN(type),
            BULLA_JSON_SHOWN(path), modules_supported);
    return true;
}

/* A folder that names its pooling has it: a download that was cut short is not pooled by a guess. */
static bool check_modules(
    const struct bulla_model_files *files, const struct bulla_model_facts *facts, struct bulla_inference_error *error)
{
    struct bulla_document document;
    struct bulla_json module;
    size_t count = 0;
    const struct bulla_model_file *file = bulla_model_file_find(files, "modules.json");
    if (!file)
        return true;
    if (!bulla_document_open(&document, file, SMALL_FILE_MAX, BULLA_JSON_ARRAY, error))
        return false;
    for (struct bulla_json_walk walk = bulla_json_walk(document.top); bulla_json_next(&walk, NULL, &module); count++)
        if (!check_module(&document, module, count))
            return false;
    if (count < MODULES_NEEDED)
        return bulla_inference_refuse(
            error, BULLA_INFERENCE_UNSUPPORTED, "modules.json: %zu modules; supported: %s", count, modules_supported);
    if (!facts->pooling_declared)
        return bulla_inference_refuse(
            error, BULLA_INFERENCE_MISSING, "%s is missing, and modules.json names it", pooling_file);
    return true;
}

bool bulla_config_read_model(
    const struct bulla_model_files *files, struct bulla_config *config, struct bulla_inference_error *error)
{
    memset(config, 0, sizeof *config);
    return read_config(files, config, error) && read_longest(files, &config->facts, error) &&
           read_pooling(files, &config->facts, error) && check_modules(files, &config->facts, error);
}

bool bulla_config_read(
    const struct bulla_model_files *files, struct bulla_config *config, struct bulla_inference_error *error)
{
    return bulla_config_read_model(files, config, error) &&
           bulla_tokenizer_lowercases(files, &config->facts.lowercase, error);
}

bool bulla_model_inspect(
    const struct bulla_model_files *files, struct bulla_model_facts *facts, struct bulla_inference_error *error)
{
    struct bulla_config config;
    if (!bulla_config_read(files, &config, error))
        return false;
    *facts = config.facts;
    return true;
}
