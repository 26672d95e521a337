/* The tensors of a BertModel: found by name, held against config.json, packed into an encoder. */
#ifndef BULLA_INFERENCE_WEIGHTS_H
#define BULLA_INFERENCE_WEIGHTS_H

#include "config.h"
#include "encoder.h"
#include "engine.h"

/* Memory that is handed out from the front; with base NULL it is only counted. */
struct bulla_place {
    uint8_t *base;
    size_t used;
    size_t size; /* of base; not looked at while counting */
};
/* The next `bytes`, 64-byte aligned; NULL while counting. */
void *bulla_place_take(struct bulla_place *place, size_t bytes);

/* Checks the file's header alone, all of it: every tensor that config.json asks for is there, of its shape and of a
 * type that is read, and no other is. Takes the list of tensors from `place`, as the first function counts. */
bool bulla_weights_check_measure(const struct bulla_model_file *file, struct bulla_place *place,
    struct bulla_inference_error *error) __attribute__((warn_unused_result));
bool bulla_weights_check(const struct bulla_model_file *file, const struct bulla_config *config,
    struct bulla_place *place, struct bulla_inference_error *error) __attribute__((warn_unused_result));

/* Adds to `place` what bulla_weights_load takes from it, at most. */
bool bulla_weights_measure(const struct bulla_model_file *file, const struct bulla_config *config,
    struct bulla_place *place, struct bulla_inference_error *error) __attribute__((warn_unused_result));
/* Fills the encoder from memory of `place`, which must be zeroed. Refuses what bulla_weights_check refuses, before a
 * number is looked at, and then a number that is not finite. */
bool bulla_weights_load(const struct bulla_model_file *file, const struct bulla_config *config,
    struct bulla_place *place, struct bulla_pool *pool, struct bulla_encoder *encoder,
    struct bulla_inference_error *error) __attribute__((warn_unused_result));

#endif
