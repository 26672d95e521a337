/* Everything in tokenizer.json that would change an id is held against a rule; truncation and padding are left to the
 * caller, who knows the model's own length, and the decoder is never run. */
#include "tokenizer_file.h"

#include "config.h"
#include "error.h"

enum { TOKENIZER_BYTES_MAX = 64 << 20, TOKENIZER_CONFIG_BYTES_MAX = 1 << 20 };

#define COUNT(rules) (sizeof(rules) / sizeof(rules)[0])

static const struct bulla_json_rule normalizer_rules[] = {
    {"type", true, {"\"BertNormalizer\""}},
    {"clean_text", true, {"true"}},
    {"handle_chinese_chars", true, {"true"}},
    {"lowercase", true, {"true", "false"}},
    {"strip_accents", false, {"null", "true", "false"}},
};
static const struct bulla_json_rule pre_tokenizer_rules[] = {{"type", true, {"\"BertPreTokenizer\""}}};
static const struct bulla_json_rule model_rules[] = {
    {"type", false, {"\"WordPiece\""}},
    {"unk_token", true, {"\"[UNK]\""}},
    {"continuing_subword_prefix", true, {"\"##\""}},
    {"max_input_chars_per_word", true, {"100"}},
};
static const struct bulla_json_rule post_processor_rules[] = {
    {"type", true, {"\"TemplateProcessing\"", "\"BertProcessing\""}},
};
static const struct bulla_json_rule added_token_rules[] = {{"special", true, {"true"}}};
static const struct bulla_json_rule tokenizer_config_rules[] = {
    {"do_lower_case", false, {"true", "false"}},
    {"strip_accents", false, {"null", "true", "false"}},
    {"tokenize_chinese_chars", false, {"true"}},
    {"do_basic_tokenize", false, {"true"}},
    {"never_split", false, {"null", "[]"}},
    {"cls_token", false, {"\"[CLS]\""}},
    {"sep_token", false, {"\"[SEP]\""}},
    {"unk_token", false, {"\"[UNK]\""}},
};

/* Accents are stripped when text is lowercased, and else not: the setting may only repeat that. */
static bool check_accents(const struct bulla_document *document, struct bulla_json object, bool lowercase)
{
    bool found;
    struct bulla_json value;
    if (!bulla_document_member(document, object, "strip_accents", &value, &found))
        return false;
    if (found && !bulla_json_is_written(value, "null") && bulla_json_is_written(value, "true") != lowercase)
        return bulla_inference_refuse(document->error, BULLA_INFERENCE_UNSUPPORTED,
            "%s: strip_accents is %.*s, other than lowercasing", document->file->name, BULLA_JSON_SHOWN(value));
    return true;
}

static bool read_normalizer(struct bulla_tokenizer_file *tokenizer)
{
    const struct bulla_document *document = &tokenizer->document;
    struct bulla_json normalizer;
    if (!bulla_document_need(document, document->top, "normalizer", BULLA_JSON_OBJECT, &normalizer) ||
        !bulla_document_obey(document, normalizer, "normalizer.", normalizer_rules, COUNT(normalizer_rules)))
        return false;
    struct bulla_json lowercase;
    tokenizer->lowercase = bulla_json_member(normalizer, "lowercase", &lowercase) == BULLA_JSON_FOUND &&
                           bulla_json_is_written(lowercase, "true");
    return check_accents(document, normalizer, tokenizer->lowercase);
}

/* One part of a template is {"SpecialToken" or "Sequence": {"id": name, …}}. */
static bool part_is(struct bulla_json part, const char *kind, const char *name)
{
    struct bulla_json inner, id;
    return bulla_json_member(part, kind, &inner) == BULLA_JSON_FOUND &&
           bulla_json_member(inner, "id", &id) == BULLA_JSON_FOUND && bulla_json_text_is(id, name);
}

static bool check_template(const struct bulla_document *document, struct bulla_json post_processor)
{
    static const struct {
        const char *kind, *name;
    } parts[] = {{"SpecialToken", "[CLS]"}, {"Sequence", "A"}, {"SpecialToken", "[SEP]"}};
    struct bulla_json single, part;
    size_t count = 0;
    bool same = true;
    if (!bulla_document_need(document, post_processor, "single", BULLA_JSON_ARRAY, &single))
        return false;
    for (struct bulla_json_walk walk = bulla_json_walk(single); bulla_json_next(&walk, NULL, &part); count++)
        same = same && count < COUNT(parts) && part_is(part, parts[count].kind, parts[count].name);
    if (!same || count != COUNT(parts))
        return bulla_inference_refuse(document->error, BULLA_INFERENCE_UNSUPPORTED,
            "%s: post_processor.single is not [CLS] A [SEP]", document->file->name);
    return true;
}

static bool check_post_processor(const struct bulla_document *document)
{
    struct bulla_json post_processor, type;
    if (!bulla_document_need(document, document->top, "post_processor", BULLA_JSON_OBJECT, &post_processor) ||
        !bulla_document_obey(
            document, post_processor, "post_processor.", post_processor_rules, COUNT(post_processor_rules)))
        return false;
    if (bulla_json_member(post_processor, "type", &type) == BULLA_JSON_FOUND &&
        bulla_json_text_is(type, "TemplateProcessing"))
        return check_template(document, post_processor);
    return true;
}

static bool check_pre_tokenizer(const struct bulla_document *document)
{
    struct bulla_json pre_tokenizer;
    return bulla_document_need(document, document->top, "pre_tokenizer", BULLA_JSON_OBJECT, &pre_tokenizer) &&
           bulla_document_obey(
               document, pre_tokenizer, "pre_tokenizer.", pre_tokenizer_rules, COUNT(pre_tokenizer_rules));
}

static bool read_model(struct bulla_tokenizer_file *tokenizer)
{
    const struct bulla_document *document = &tokenizer->document;
    struct bulla_json model;
    return bulla_document_need(document, document->top, "model", BULLA_JSON_OBJECT, &model) &&
           bulla_document_obey(document, model, "model.", model_rules, COUNT(model_rules)) &&
           bulla_document_need(document, model, "vocab", BULLA_JSON_OBJECT, &tokenizer->pieces);
}

/* A token that is not special would be cut out of the text before anything else. */
static bool read_added(struct bulla_tokenizer_file *tokenizer)
{
    const struct bulla_document *document = &tokenizer->document;
    struct bulla_json token;
    if (!bulla_document_need(document, document->top, "added_tokens", BULLA_JSON_ARRAY, &tokenizer->added))
        return false;
    for (struct bulla_json_walk walk = bulla_json_walk(tokenizer->added); bulla_json_next(&walk, NULL, &token);)
        if (!bulla_document_obey(document, token, "added_tokens: ", added_token_rules, COUNT(added_token_rules)))
            return false;
    return true;
}

bool bulla_tokenizer_file_open(
    const struct bulla_model_file *file, struct bulla_tokenizer_file *tokenizer, struct bulla_inference_error *error)
{
    struct bulla_document *document = &tokenizer->document;
    return bulla_document_open(document, file, TOKENIZER_BYTES_MAX, BULLA_JSON_OBJECT, error) &&
           read_normalizer(tokenizer) && check_pre_tokenizer(document) && check_post_processor(document) &&
           read_model(tokenizer) && read_added(tokenizer);
}

/* tokenizer_config.json; *said: whether it says do_lower_case. */
static bool read_tokenizer_config(
    const struct bulla_model_file *file, bool *lowercase, bool *said, struct bulla_inference_error *error)
{
    struct bulla_document document;
    struct bulla_json value;
    *lowercase = true;
    *said = false;
    if (!file)
        return true;
    if (!bulla_document_open(&document, file, TOKENIZER_CONFIG_BYTES_MAX, BULLA_JSON_OBJECT, error) ||
        !bulla_document_obey(&document, document.top, "", tokenizer_config_rules, COUNT(tokenizer_config_rules)) ||
        !bulla_document_member(&document, document.top, "do_lower_case", &value, said))
        return false;
    if (*said)
        *lowercase = bulla_json_is_written(value, "true");
    return check_accents(&document, document.top, *lowercase);
}

bool bulla_tokenizer_lowercases(
    const struct bulla_model_files *files, bool *lowercase, struct bulla_inference_error *error)
{
    bool said;
    const struct bulla_model_file *file = bulla_model_file_find(files, "tokenizer.json");
    if (!read_tokenizer_config(bulla_model_file_find(files, "tokenizer_config.json"), lowercase, &said, error))
        return false;
    if (!file)
        return true;
    struct bulla_tokenizer_file tokenizer;
    if (!bulla_tokenizer_file_open(file, &tokenizer, error))
        return false;
    if (said && tokenizer.lowercase != *lowercase)
        return bulla_inference_refuse(
            error, BULLA_INFERENCE_MISMATCH, "tokenizer_config.json and tokenizer.json disagree about lowercasing");
    *lowercase = tokenizer.lowercase;
    return true;
}
