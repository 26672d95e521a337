/* tokenizer.json and tokenizer_config.json: whether they describe the one tokeniser that is here, and its vocabulary.
 */
#ifndef BULLA_INFERENCE_TOKENIZER_FILE_H
#define BULLA_INFERENCE_TOKENIZER_FILE_H

#include "engine.h"
#include "files.h"

/* Views into the file. */
struct bulla_tokenizer_file {
    struct bulla_document document;
    struct bulla_json pieces; /* object: piece → id, not looked into yet */
    struct bulla_json added;  /* array of {"id", "content", "special": true …} */
    uint64_t cls, sep;        /* what the post-processor puts around a text; not yet held against the pieces */
    bool lowercase;
};
bool bulla_tokenizer_file_open(const struct bulla_model_file *file, struct bulla_tokenizer_file *tokenizer,
    struct bulla_inference_error *error) __attribute__((warn_unused_result));

/* The classes of tokenisers that a folder may name (tokenizer_class) for the one that is here. */
enum bulla_tokenizer_class {
    BULLA_TOKENIZER_UNNAMED,
    BULLA_TOKENIZER_BERT,
    BULLA_TOKENIZER_GENERIC, /* what tokenizer.json says, and nothing else */
};
/* tokenizer_class of config.json or tokenizer_config.json; refuses others by name. */
bool bulla_tokenizer_class_read(const struct bulla_document *document, const struct bulla_model_files *files,
    enum bulla_tokenizer_class *named) __attribute__((warn_unused_result));

/* Whether the folder's tokeniser lowercases (and so strips accents): tokenizer_config.json and tokenizer.json must
 * agree where both say it; true where neither does. A tokenizer_config.json of Bert's class that does not say it means
 * true: its library then overrules tokenizer.json. */
bool bulla_tokenizer_lowercases(const struct bulla_model_files *files, bool *lowercase,
    struct bulla_inference_error *error) __attribute__((warn_unused_result));
/* The same with tokenizer.json in hand; NULL: the folder has none. */
bool bulla_tokenizer_agrees(const struct bulla_model_files *files, const struct bulla_tokenizer_file *tokenizer,
    bool *lowercase, struct bulla_inference_error *error) __attribute__((warn_unused_result));

#endif
