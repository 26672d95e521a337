/* A model's small JSON files: opened, looked up and held against rules; for config.c and tokenizer_file.c. */
#ifndef BULLA_INFERENCE_FILES_H
#define BULLA_INFERENCE_FILES_H

#include "engine.h"
#include "json_reader.h"

/* A document in hand: the file that it came from, for refusals, and where they go. */
struct bulla_document {
    const struct bulla_model_file *file;
    struct bulla_inference_error *error;
    struct bulla_json top;
};

/* Checks that the file is JSON of at most `most` bytes with an object (or an array, as `kind` says) at the top. */
bool bulla_document_open(struct bulla_document *document, const struct bulla_model_file *file, size_t most,
    enum bulla_json_kind kind, struct bulla_inference_error *error) __attribute__((warn_unused_result));

/* Looks a member up: refuses when it comes twice; *found says whether it is there. */
bool bulla_document_member(const struct bulla_document *document, struct bulla_json object, const char *name,
    struct bulla_json *value, bool *found) __attribute__((warn_unused_result));
/* The same, and a member that is absent or of another kind is malformed. */
bool bulla_document_need(const struct bulla_document *document, struct bulla_json object, const char *name,
    enum bulla_json_kind kind, struct bulla_json *value) __attribute__((warn_unused_result));

/* A member may only hold one of these values, written as they stand in the file ("\"gelu\"", "false"); with none
 * named, any. */
struct bulla_json_rule {
    const char *name;
    bool needed;
    const char *values[4]; /* NULL after the last */
};
enum { BULLA_JSON_RULES_MAX = 16 };
/* Refuses by name a member that comes twice or is needed and missing, as malformed, and a value that its rule does not
 * allow, as unsupported. One walk over the object. `within` names the object in refusals ("model."). `values`, when it
 * is not NULL, gets the values in the order of the rules; an absent one's `at` is NULL. */
bool bulla_document_obey(const struct bulla_document *document, struct bulla_json object, const char *within,
    const struct bulla_json_rule *rules, size_t count, struct bulla_json *values) __attribute__((warn_unused_result));
/* Refuses as malformed a value of another kind. */
bool bulla_document_is(const struct bulla_document *document, const char *name, struct bulla_json value,
    enum bulla_json_kind kind) __attribute__((warn_unused_result));

/* Whether the value stands in the file exactly so. */
bool bulla_json_is_written(struct bulla_json value, const char *text);

/* For printf's "%.*s": a value as it stands in the file, cut to a few words. */
#define BULLA_JSON_SHOWN(value) (int)((value).end - (value).at < 48 ? (value).end - (value).at : 48), (value).at

#endif
