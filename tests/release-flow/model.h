/* Models of a test, from files in memory to a sealed file that answers requests. */
#ifndef BULLA_TESTS_FLOW_MODEL_H
#define BULLA_TESTS_FLOW_MODEL_H

#include "crypto/cbor.h"
#include "flow.h"
#include "inference/tiny_model.h"

/* --- archives --- */
struct flow_archive {
    uint8_t *bytes;
    size_t size, manifest_size;
};
/* The archive of the files, as docs/formats.md has it. */
struct flow_archive flow_archive_of(const struct bulla_model_files *files);
/* A tiny model's (one chunk), and one of several chunks. */
struct flow_archive flow_archive_tiny(void);
struct flow_archive flow_archive_large(void);
/* That of a folder with config.json, tokenizer.json or vocab.txt, and model.safetensors; bytes NULL when it is not
 * there. */
struct flow_archive flow_archive_of_folder(const char *folder);
void flow_archive_free(struct flow_archive *archive);

/* --- keys --- */
/* A model key of the token; `release` and `authority` may be NULL. */
CK_RV flow_key_make(const char *label, const char *release, const uint8_t *authority, CK_OBJECT_HANDLE *key);
CK_OBJECT_HANDLE flow_key(const char *label);
/* "<models>/<id>.bulla" */
void flow_model_path(CK_OBJECT_HANDLE key, char *path, size_t size);

/* --- sealing --- */
struct flow_sealed {
    uint8_t *bytes;
    size_t size;
};
/* Seals in updates of `step` bytes (0: all at once); what was refused comes back, and `sealed` is empty then. */
CK_RV flow_seal(CK_OBJECT_HANDLE key, const struct flow_archive *archive, size_t step, struct flow_sealed *sealed);
void flow_sealed_free(struct flow_sealed *sealed);
void flow_put(CK_OBJECT_HANDLE key, const uint8_t *bytes, size_t size);
/* A key, the tiny model sealed under it and its file in place. */
CK_OBJECT_HANDLE flow_tiny(const char *label, const char *release, const uint8_t *authority);

/* --- answers --- */
enum { FLOW_TEXTS = 8, FLOW_DIMENSION = 384 };
struct flow_answer {
    uint8_t *bytes;
    size_t size;
    struct bulla_cbor model, tokens, receipt, evidence, embeddings, request_salt, response_salt;
    size_t count, dimension;
    float values[FLOW_TEXTS][FLOW_DIMENSION];
};
CK_RV flow_infer(CK_OBJECT_HANDLE key, struct bulla_bytes request, struct flow_answer *answer);
CK_RV flow_infer_text(CK_OBJECT_HANDLE key, const char *text, struct flow_answer *answer);
/* Takes an answer's bytes (malloc'd; the answer's from then on) apart. */
void flow_answer_read(uint8_t *bytes, size_t size, struct flow_answer *answer);
void flow_answer_free(struct flow_answer *answer);
/* One inference that works, its answer dropped; and one whose answer does not matter because it is refused. */
CK_RV flow_run(CK_OBJECT_HANDLE key);
float flow_largest_difference(const float *left, const float *right, size_t count);

/* The request map of these texts: nonce of `nonce_size` bytes (0: none), tokens, max_length (0: none). */
struct flow_request {
    const char *const *texts;
    size_t count;
    const uint8_t *nonce;
    size_t nonce_size;
    bool tokens;
    unsigned longest;
};
/* malloc'd */
struct bulla_bytes flow_request_make(const struct flow_request *request);

#endif
