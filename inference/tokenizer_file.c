/* Everything in tokenizer.json that would change an id is held against a rule; truncation and padding are left to the
 * caller, who knows the model's own length, and the decoder is never run. */
#include "tokenizer_file.h"

#include "config.h"
#include "error.h"

enum { TOKENIZER_BYTES_MAX = 64 << 20, TOKENIZER_CONFIG_BYTES_MAX = 1 << 20 };

#define COUNT(rules) (sizeof(rules) / sizeof(rules)[0])

/* Where each rule's value comes, by its place in the table. */
enum { NORMALIZER, PRE_TOKENIZER, POST_PROCESSOR, MODEL, ADDED_TOKENS, PARTS };
static const struct bulla_json_rule parts[PARTS] = {
    [NORMALIZER] = {"normalizer", true, {NULL}},
    [PRE_TOKENIZER] = {"pre_tokenizer", true, {NULL}},
    [POST_PROCESSOR] = {"post_processor", true, {NULL}},
    [MODEL] = {"model", true, {NULL}},
    [ADDED_TOKENS] = {"added_tokens", true, {NULL}},
};
enum { LOWERCASE, STRIP_ACCENTS, NORMALIZER_REST };
static const struct bulla_json_rule normalizer_rules[] = {
    [LOWERCASE] = {"lowercase", true, {"true", "false"}},
    [STRIP_ACCENTS] = {"strip_accents", false, {"null", "true", "false"}},
    [NORMALIZER_REST] = {"type", true, {"\"BertNormalizer\""}},
    {"clean_text", true, {"true"}},
    {"handle_chinese_chars", true, {"true"}},
};
static const struct bulla_json_rule pre_tokenizer_rules[] = {{"type", true, {"\"BertPreTokenizer\""}}};
enum { PIECES, MODEL_REST };
static const struct bulla_json_rule model_rules[] = {
    [PIECES] = {"vocab", true, {NULL}},
    [MODEL_REST] = {"type", false, {"\"WordPiece\""}},
    {"unk_token", true, {"\"[UNK]\""}},
    {"continuing_subword_prefix", true, {"\"##\""}},
    {"max_input_chars_per_word", true, {"100"}},
};
static const struct bulla_json_rule post_processor_rules[] = {
    {"type", true, {"\"TemplateProcessing\"", "\"BertProcessing\""}},
};
static const struct bulla_json_rule added_token_rules[] = {{"special", true, {"true"}}};
/* LOWERCASE and STRIP_ACCENTS as in the normalizer's. */
static const struct bulla_json_rule tokenizer_config_rules[] = {
    [LOWERCASE] = {"do_lower_case", false, {"true", "false"}},
    [STRIP_ACCENTS] = {"strip_accents", false, {"null", "true", "false"}},
    {"tokenize_chinese_chars", false, {"true"}},
    {"do_basic_tokenize", false, {"true"}},
    {"never_split", false, {"null", "[]"}},
    {"auto_map", false, {"null"}},
    {"cls_token", false, {"\"[CLS]\""}},
    {"sep_token", false, {"\"[SEP]\""}},
    {"unk_token", false, {"\"[UNK]\""}},
};

static const struct {
    const char *name;
    enum bulla_tokenizer_class class;
} classes[] = {
    {"BertTokenizer", BULLA_TOKENIZER_BERT},
    {"BertTokenizerFast", BULLA_TOKENIZER_BERT},
    {"PreTrainedTokenizerFast", BULLA_TOKENIZER_GENERIC},
};

bool bulla_tokenizer_class_read(
    const struct bulla_document *document, const struct bulla_model_files *files, enum bulla_tokenizer_class *named)
{
    bool found;
    struct bulla_json value;
    *named = BULLA_TOKENIZER_UNNAMED;
    if (!bulla_document_member(document, document->top, "tokenizer_class", &value, &found))
        return false;
    if (!found || bulla_json_kind(value) == BULLA_JSON_NULL)
        return true;
    for (size_t i = 0; i < COUNT(classes); i++)
        if (bulla_json_text_is(value, classes[i].name))
            *named = classes[i].class;
    bool complete = *named != BULLA_TOKENIZER_GENERIC || bulla_model_file_find(files, "tokenizer.json");
    if (*named == BULLA_TOKENIZER_UNNAMED || !complete)
        return bulla_inference_refuse(document->error, BULLA_INFERENCE_UNSUPPORTED,
            "%s: tokenizer_class is %.*s; supported: BertTokenizer, BertTokenizerFast, and PreTrainedTokenizerFast "
            "with tokenizer.json",
            document->file->name, BULLA_JSON_SHOWN(value));
    return true;
}

/* Accents are stripped when text is lowercased, and else not: the setting may only repeat that. */
static bool check_accents(const struct bulla_document *document, struct bulla_json setting, bool lowercase)
{
    if (setting.at && !bulla_json_is_written(setting, "null") && bulla_json_is_written(setting, "true") != lowercase)
        return bulla_inference_refuse(document->error, BULLA_INFERENCE_UNSUPPORTED,
            "%s: strip_accents is %.*s, other than lowercasing", document->file->name, BULLA_JSON_SHOWN(setting));
    return true;
}

static bool read_normalizer(struct bulla_tokenizer_file *tokenizer, struct bulla_json normalizer)
{
    const struct bulla_document *document = &tokenizer->document;
    struct bulla_json values[COUNT(normalizer_rules)];
    if (!bulla_document_is(document, "normalizer", normalizer, BULLA_JSON_OBJECT) ||
        !bulla_document_obey(document, normalizer, "normalizer.", normalizer_rules, COUNT(normalizer_rules), values))
        return false;
    tokenizer->lowercase = bulla_json_is_written(values[LOWERCASE], "true");
    return check_accents(document, values[STRIP_ACCENTS], tokenizer->lowercase);
}

/* One part of a template is {"SpecialToken" or "Sequence": {"id": name, "type_id": 0}}. */
static bool part_is(struct bulla_json part, const char *kind, const char *name)
{
    struct bulla_json inner, id, type;
    return bulla_json_member(part, kind, &inner) == BULLA_JSON_FOUND &&
           bulla_json_member(inner, "id", &id) == BULLA_JSON_FOUND && bulla_json_text_is(id, name) &&
           bulla_json_member(inner, "type_id", &type) == BULLA_JSON_FOUND && bulla_json_is_written(type, "0");
}

static bool check_template(const struct bulla_document *document, struct bulla_json post_processor)
{
    static const struct {
        const char *kind, *name;
    } template[] = {{"SpecialToken", "[CLS]"}, {"Sequence", "A"}, {"SpecialToken", "[SEP]"}};
    struct bulla_json single, part;
    size_t count = 0;
    bool same = true;
    if (!bulla_document_need(document, post_processor, "single", BULLA_JSON_ARRAY, &single))
        return false;
    for (struct bulla_json_walk walk = bulla_json_walk(single); bulla_json_next(&walk, NULL, &part); count++)
        same = same && count < COUNT(template) && part_is(part, template[count].kind, template[count].name);
    if (!same || count != COUNT(template))
        return bulla_inference_refuse(document->error, BULLA_INFERENCE_UNSUPPORTED,
            "%s: post_processor.single is not [CLS] A [SEP], all of type 0", document->file->name);
    return true;
}

static bool refuse_special(const struct bulla_document *document, const char *name)
{
    return bulla_inference_refuse(document->error, BULLA_INFERENCE_MALFORMED,
        "%s: post_processor does not give one id for %s", document->file->name, name);
}

/* TemplateProcessing: {"special_tokens": {name: {"ids": [id]}}} */
static bool read_template_id(
    const struct bulla_document *document, struct bulla_json post_processor, const char *name, uint64_t *id)
{
    struct bulla_json all, token, ids, one;
    size_t count = 0;
    if (!bulla_document_need(document, post_processor, "special_tokens", BULLA_JSON_OBJECT, &all) ||
        !bulla_document_need(document, all, name, BULLA_JSON_OBJECT, &token) ||
        !bulla_document_need(document, token, "ids", BULLA_JSON_ARRAY, &ids))
        return false;
    for (struct bulla_json_walk walk = bulla_json_walk(ids); bulla_json_next(&walk, NULL, &one); count++)
        if (count > 0 || !bulla_json_whole(one, id))
            return refuse_special(document, name);
    return count == 1 || refuse_special(document, name);
}

/* BertProcessing: {member: [name, id]} */
static bool read_pair_id(const struct bulla_document *document, struct bulla_json post_processor, const char *member,
    const char *name, uint64_t *id)
{
    struct bulla_json pair, one;
    size_t count = 0;
    if (!bulla_document_need(document, post_processor, member, BULLA_JSON_ARRAY, &pair))
        return false;
    for (struct bulla_json_walk walk = bulla_json_walk(pair); bulla_json_next(&walk, NULL, &one); count++)
        if (count > 1 || !(count == 0 ? bulla_json_text_is(one, name) : bulla_json_whole(one, id)))
            return refuse_special(document, name);
    return count == 2 || refuse_special(document, name);
}

static bool read_post_processor(struct bulla_tokenizer_file *tokenizer, struct bulla_json post_processor)
{
    const struct bulla_document *document = &tokenizer->document;
    struct bulla_json type;
    if (!bulla_document_is(document, "post_processor", post_processor, BULLA_JSON_OBJECT) ||
        !bulla_document_obey(
            document, post_processor, "post_processor.", post_processor_rules, COUNT(post_processor_rules), &type))
        return false;
    if (bulla_json_text_is(type, "BertProcessing"))
        return read_pair_id(document, post_processor, "cls", "[CLS]", &tokenizer->cls) &&
               read_pair_id(document, post_processor, "sep", "[SEP]", &tokenizer->sep);
    return check_template(document, post_processor) &&
           read_template_id(document, post_processor, "[CLS]", &tokenizer->cls) &&
           read_template_id(document, post_processor, "[SEP]", &tokenizer->sep);
}

static bool check_pre_tokenizer(const struct bulla_document *document, struct bulla_json pre_tokenizer)
{
    return bulla_document_is(document, "pre_tokenizer", pre_tokenizer, BULLA_JSON_OBJECT) &&
           bulla_document_obey(
               document, pre_tokenizer, "pre_tokenizer.", pre_tokenizer_rules, COUNT(pre_tokenizer_rules), NULL);
}

static bool read_model(struct bulla_tokenizer_file *tokenizer, struct bulla_json model)
{
    const struct bulla_document *document = &tokenizer->document;
    struct bulla_json values[COUNT(model_rules)];
    if (!bulla_document_is(document, "model", model, BULLA_JSON_OBJECT) ||
        !bulla_document_obey(document, model, "model.", model_rules, COUNT(model_rules), values) ||
        !bulla_document_is(document, "model.vocab", values[PIECES], BULLA_JSON_OBJECT))
        return false;
    tokenizer->pieces = values[PIECES];
    return true;
}

/* A token that is not special would be cut out of the text before anything else. */
static bool read_added(struct bulla_tokenizer_file *tokenizer, struct bulla_json added)
{
    const struct bulla_document *document = &tokenizer->document;
    struct bulla_json token;
    if (!bulla_document_is(document, "added_tokens", added, BULLA_JSON_ARRAY))
        return false;
    tokenizer->added = added;
    for (struct bulla_json_walk walk = bulla_json_walk(added); bulla_json_next(&walk, NULL, &token);)
        if (!bulla_document_obey(document, token, "added_tokens: ", added_token_rules, COUNT(added_token_rules), NULL))
            return false;
    return true;
}

bool bulla_tokenizer_file_open(
    const struct bulla_model_file *file, struct bulla_tokenizer_file *tokenizer, struct bulla_inference_error *error)
{
    const struct bulla_document *document = &tokenizer->document;
    struct bulla_json found[PARTS];
    return bulla_document_open(&tokenizer->document, file, TOKENIZER_BYTES_MAX, BULLA_JSON_OBJECT, error) &&
           bulla_document_obey(document, document->top, "", parts, PARTS, found) &&
           read_normalizer(tokenizer, found[NORMALIZER]) && check_pre_tokenizer(document, found[PRE_TOKENIZER]) &&
           read_post_processor(tokenizer, found[POST_PROCESSOR]) && read_model(tokenizer, found[MODEL]) &&
           read_added(tokenizer, found[ADDED_TOKENS]);
}

/* tokenizer_config.json; *said: whether it decides about lowercasing. */
static bool read_tokenizer_config(
    const struct bulla_model_files *files, bool *lowercase, bool *said, struct bulla_inference_error *error)
{
    struct bulla_document document;
    enum bulla_tokenizer_class named;
    struct bulla_json values[COUNT(tokenizer_config_rules)];
    const struct bulla_model_file *file = bulla_model_file_find(files, "tokenizer_config.json");
    *lowercase = true;
    *said = false;
    if (!file)
        return true;
    if (!bulla_document_open(&document, file, TOKENIZER_CONFIG_BYTES_MAX, BULLA_JSON_OBJECT, error) ||
        !bulla_tokenizer_class_read(&document, files, &named) ||
        !bulla_document_obey(
            &document, document.top, "", tokenizer_config_rules, COUNT(tokenizer_config_rules), values))
        return false;
    bool written = values[LOWERCASE].at != NULL;
    if (written)
        *lowercase = bulla_json_is_written(values[LOWERCASE], "true");
    *said = written || named != BULLA_TOKENIZER_GENERIC;
    return check_accents(&document, values[STRIP_ACCENTS], *lowercase);
}

bool bulla_tokenizer_agrees(const struct bulla_model_files *files, const struct bulla_tokenizer_file *tokenizer,
    bool *lowercase, struct bulla_inference_error *error)
{
    bool said;
    if (!read_tokenizer_config(files, lowercase, &said, error))
        return false;
    if (!tokenizer)
        return true;
    if (said && tokenizer->lowercase != *lowercase)
        return bulla_inference_refuse(
            error, BULLA_INFERENCE_MISMATCH, "tokenizer_config.json and tokenizer.json disagree about lowercasing");
    *lowercase = tokenizer->lowercase;
    return true;
}

bool bulla_tokenizer_lowercases(
    const struct bulla_model_files *files, bool *lowercase, struct bulla_inference_error *error)
{
    struct bulla_tokenizer_file tokenizer;
    const struct bulla_model_file *file = bulla_model_file_find(files, "tokenizer.json");
    if (file && !bulla_tokenizer_file_open(file, &tokenizer, error))
        return false;
    return bulla_tokenizer_agrees(files, file ? &tokenizer : NULL, lowercase, error);
}
