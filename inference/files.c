#include "files.h"

#include <string.h>

#include "config.h"
#include "error.h"

/* Beside the weights. */
static const char *const wanted[] = {
    "1_Pooling/config.json",
    "config.json",
    "modules.json",
    "sentence_bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
};

const struct bulla_model_file *bulla_model_file_find(const struct bulla_model_files *files, const char *name)
{
    for (size_t i = 0; i < files->count; i++)
        if (strcmp(files->files[i].name, name) == 0)
            return &files->files[i];
    return NULL;
}

bool bulla_model_file_is_weights(const char *name)
{
    static const char folder[] = "model/", ending[] = ".safetensors";
    if (strncmp(name, folder, sizeof folder - 1) == 0)
        name += sizeof folder - 1;
    size_t size = strlen(name), tail = sizeof ending - 1;
    return size > tail && !strchr(name, '/') && name[0] != '.' && strcmp(name + size - tail, ending) == 0;
}

bool bulla_model_wants(const char *name)
{
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (strcmp(wanted[i], name) == 0)
            return true;
    return bulla_model_file_is_weights(name);
}

bool bulla_document_open(struct bulla_document *document, const struct bulla_model_file *file, size_t most,
    enum bulla_json_kind kind, struct bulla_inference_error *error)
{
    const char *wrong;
    size_t where;
    document->file = file;
    document->error = error;
    if (file->size > most)
        return bulla_inference_refuse(
            error, BULLA_INFERENCE_TOO_LARGE, "%s: %zu bytes, above %zu", file->name, file->size, most);
    if (file->size == 0)
        return bulla_inference_refuse(error, BULLA_INFERENCE_MALFORMED, "%s: empty", file->name);
    if (!bulla_json_open(file->data, file->size, &document->top, &wrong, &where))
        return bulla_inference_refuse(error, BULLA_INFERENCE_MALFORMED, "%s: byte %zu: %s", file->name, where, wrong);
    if (bulla_json_kind(document->top) != kind)
        return bulla_inference_refuse(error, BULLA_INFERENCE_MALFORMED, "%s: not an %s at the top", file->name,
            kind == BULLA_JSON_ARRAY ? "array" : "object");
    return true;
}

bool bulla_document_member(const struct bulla_document *document, struct bulla_json object, const char *name,
    struct bulla_json *value, bool *found)
{
    enum bulla_json_found times = bulla_json_member(object, name, value);
    *found = times == BULLA_JSON_FOUND;
    if (times == BULLA_JSON_TWICE)
        return bulla_inference_refuse(
            document->error, BULLA_INFERENCE_MALFORMED, "%s: %s twice", document->file->name, name);
    return true;
}

bool bulla_document_is(
    const struct bulla_document *document, const char *name, struct bulla_json value, enum bulla_json_kind kind)
{
    if (bulla_json_kind(value) != kind)
        return bulla_inference_refuse(document->error, BULLA_INFERENCE_MALFORMED,
            "%s: %s is of another kind than it should be", document->file->name, name);
    return true;
}

bool bulla_document_need(const struct bulla_document *document, struct bulla_json object, const char *name,
    enum bulla_json_kind kind, struct bulla_json *value)
{
    bool found;
    if (!bulla_document_member(document, object, name, value, &found))
        return false;
    if (!found)
        return bulla_inference_refuse(
            document->error, BULLA_INFERENCE_MALFORMED, "%s: %s is missing", document->file->name, name);
    return bulla_document_is(document, name, *value, kind);
}

bool bulla_json_is_written(struct bulla_json value, const char *text)
{
    size_t size = strlen(text);
    return (size_t)(value.end - value.at) == size && memcmp(value.at, text, size) == 0;
}

static bool obey_one(const struct bulla_document *document, const char *within, const struct bulla_json_rule *rule,
    const struct bulla_json_lookup *member)
{
    const char *name = document->file->name;
    if (member->times > 1)
        return bulla_inference_refuse(
            document->error, BULLA_INFERENCE_MALFORMED, "%s: %s%s twice", name, within, rule->name);
    if (member->times == 0 && rule->needed)
        return bulla_inference_refuse(
            document->error, BULLA_INFERENCE_MALFORMED, "%s: %s%s is missing", name, within, rule->name);
    bool allowed = member->times == 0 || !rule->values[0];
    for (size_t i = 0; !allowed && i < sizeof rule->values / sizeof rule->values[0] && rule->values[i]; i++)
        allowed = bulla_json_is_written(member->value, rule->values[i]);
    if (!allowed)
        return bulla_inference_refuse(document->error, BULLA_INFERENCE_UNSUPPORTED, "%s: %s%s is %.*s; supported: %s",
            name, within, rule->name, BULLA_JSON_SHOWN(member->value), rule->values[0]);
    return true;
}

bool bulla_document_obey(const struct bulla_document *document, struct bulla_json object, const char *within,
    const struct bulla_json_rule *rules, size_t count, struct bulla_json *values)
{
    struct bulla_json_lookup members[BULLA_JSON_RULES_MAX] = {0};
    if (count > BULLA_JSON_RULES_MAX)
        return bulla_inference_refuse(document->error, BULLA_INFERENCE_ARGUMENT, "more rules than room");
    for (size_t i = 0; i < count; i++)
        members[i].name = rules[i].name;
    bulla_json_look(object, members, count);
    for (size_t i = 0; i < count; i++) {
        if (!obey_one(document, within, &rules[i], &members[i]))
            return false;
        if (values)
            values[i] = members[i].value;
    }
    return true;
}
