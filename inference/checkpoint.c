/* Finding, opening, taking; see checkpoint.h.
 *
 * Finiteness is looked at in the stored bits, many numbers at a time: an exponent of all ones plus one carries into the
 * bit above it. */
#include "checkpoint.h"

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "error.h"

static const struct {
    enum bulla_tensor_type tensor;
    enum bulla_weight weight;
    size_t bytes;
} types[] = {
    {BULLA_TENSOR_F32, BULLA_WEIGHT_F32, 4},
    {BULLA_TENSOR_F16, BULLA_WEIGHT_F16, 2},
    {BULLA_TENSOR_BF16, BULLA_WEIGHT_BF16, 2},
};
enum { TYPES = sizeof types / sizeof *types };

size_t bulla_weight_bytes(enum bulla_weight type)
{
    size_t i = 0;
    while (i < TYPES - 1 && types[i].weight != type)
        i++;
    return types[i].bytes;
}

static bool set_type(
    const struct bulla_checkpoint *checkpoint, const struct bulla_tensor *tensor, struct bulla_stored *stored)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (types[i].tensor == tensor->type) {
            stored->type = types[i].weight;
            return true;
        }
    }
    return bulla_inference_refuse(checkpoint->error, BULLA_INFERENCE_UNSUPPORTED,
        "%s: %s is of type %s; supported: F32, F16, BF16", checkpoint->file->name, stored->name,
        bulla_tensor_type_name(tensor->type));
}

enum { SHAPE_TEXT = 96 };

static void write_shape(char text[static SHAPE_TEXT], const uint64_t *shape, unsigned rank)
{
    int used = snprintf(text, SHAPE_TEXT, "[");
    for (unsigned i = 0; i < rank && used < SHAPE_TEXT; i++)
        used += snprintf(text + used, SHAPE_TEXT - (size_t)used, "%s%llu", i ? ", " : "", (unsigned long long)shape[i]);
    if (used < SHAPE_TEXT)
        (void)snprintf(text + used, SHAPE_TEXT - (size_t)used, "]");
}

static bool check_shape(
    const struct bulla_checkpoint *checkpoint, const struct bulla_tensor *tensor, const struct bulla_stored *stored)
{
    uint64_t wanted[2] = {stored->rows, stored->columns};
    unsigned first = stored->rows == 0; /* rows 0: a vector */
    unsigned rank = 2 - first;
    if (tensor->rank == rank && memcmp(tensor->shape, wanted + first, rank * sizeof *wanted) == 0)
        return true;
    char is[SHAPE_TEXT];
    char should[SHAPE_TEXT];
    write_shape(is, tensor->shape, tensor->rank);
    write_shape(should, wanted + first, rank);
    return bulla_inference_refuse(checkpoint->error, BULLA_INFERENCE_MISMATCH,
        "%s: %s has the shape %s; by config.json it is %s", checkpoint->file->name, stored->name, is, should);
}

/* The tensor `prefix + name`, [rows, columns]; rows 0: a vector of `columns`. */
bool bulla_checkpoint_take(
    struct bulla_checkpoint *checkpoint, const char *name, size_t rows, size_t columns, struct bulla_stored *stored)
{
    char whole[BULLA_TENSOR_NAME_MAX + 1];
    (void)snprintf(whole, sizeof whole, "%s%s", checkpoint->prefix, name);
    *stored = (struct bulla_stored){.name = name, .rows = rows, .columns = columns};
    const struct bulla_tensor *tensor = bulla_safetensors_find(checkpoint->tensors, checkpoint->count, whole);
    if (!tensor)
        return bulla_inference_refuse(
            checkpoint->error, BULLA_INFERENCE_MISSING, "%s: the tensor %s is missing", checkpoint->file->name, whole);
    if (!set_type(checkpoint, tensor, stored) || !check_shape(checkpoint, tensor, stored))
        return false;
    checkpoint->taken[tensor - checkpoint->tensors] = true;
    stored->data = checkpoint->header_only ? NULL : checkpoint->file->data + tensor->offset;
    return true;
}

bool bulla_checkpoint_refuse_numbers(const struct bulla_checkpoint *checkpoint, const struct bulla_stored *stored)
{
    return bulla_inference_refuse(checkpoint->error, BULLA_INFERENCE_MALFORMED,
        "%s: %s holds a number that is not finite", checkpoint->file->name, stored->name);
}

/* Two words at once: every processor that matters has a register for them. */
typedef uint64_t words __attribute__((vector_size(16)));

bool bulla_weight_finite(enum bulla_weight type, const uint8_t *data, size_t size)
{
    static const struct {
        uint64_t exponent, one, sign; /* of each number in eight bytes */
    } lanes[BULLA_WEIGHTS] = {
        [BULLA_WEIGHT_F32] = {0x7f8000007f800000, 0x0080000000800000, 0x8000000080000000},
        [BULLA_WEIGHT_F16] = {0x7c007c007c007c00, 0x0400040004000400, 0x8000800080008000},
        [BULLA_WEIGHT_BF16] = {0x7f807f807f807f80, 0x0080008000800080, 0x8000800080008000},
    };
    const words exponent = {lanes[type].exponent, lanes[type].exponent};
    const words one = {lanes[type].one, lanes[type].one};
    words carried[2] = {{0}, {0}};
    words next[2];
    for (; size >= sizeof next; data += sizeof next, size -= sizeof next) {
        memcpy(next, data, sizeof next);
        carried[0] |= (next[0] & exponent) + one;
        carried[1] |= (next[1] & exponent) + one;
    }
    memset(next, 0, sizeof next);
    memcpy(next, data, size);
    carried[0] |= ((next[0] & exponent) + one) | ((next[1] & exponent) + one) | carried[1];
    return ((carried[0][0] | carried[0][1]) & lanes[type].sign) == 0;
}

/* ---- the file ---- */

bool bulla_model_weights(
    const struct bulla_model_files *files, const struct bulla_model_file **file, struct bulla_inference_error *error)
{
    static const char index[] = "model.safetensors.index.json";
    if (bulla_model_file_find(files, index))
        return bulla_inference_refuse(
            error, BULLA_INFERENCE_UNSUPPORTED, "%s: weights in several files (sharded) are not supported", index);
    *file = bulla_model_file_find(files, "model.safetensors");
    for (size_t i = 0; i < files->count && (!*file || strcmp((*file)->name, "model.safetensors") != 0); i++) {
        if (!bulla_model_file_is_weights(files->files[i].name))
            continue;
        if (*file)
            return bulla_inference_refuse(error, BULLA_INFERENCE_UNSUPPORTED,
                "two weights files and neither is model.safetensors: %s, %s", (*file)->name, files->files[i].name);
        *file = &files->files[i];
    }
    if (!*file)
        return bulla_inference_refuse(error, BULLA_INFERENCE_MISSING, "model.safetensors is missing");
    return true;
}

bool bulla_checkpoint_open(struct bulla_checkpoint *checkpoint, void *memory, size_t count)
{
    checkpoint->tensors = memory;
    checkpoint->taken = (bool *)(checkpoint->tensors + count);
    if (!bulla_safetensors_open(checkpoint->file, checkpoint->tensors, count, &checkpoint->count, checkpoint->error))
        return false;
    memset(checkpoint->taken, 0, checkpoint->count * sizeof *checkpoint->taken);
    bool inside = bulla_safetensors_find(
                      checkpoint->tensors, checkpoint->count, "bert.embeddings.word_embeddings.weight") != NULL;
    checkpoint->prefix = inside ? "bert." : "";
    return true;
}

static bool is_ignored(const struct bulla_checkpoint *checkpoint, const struct bulla_tensor *tensor)
{
    static const char *const ignored[] = {"embeddings.position_ids", "pooler.dense.bias", "pooler.dense.weight"};
    size_t skipped = strlen(checkpoint->prefix);
    if (tensor->name_size < skipped || memcmp(tensor->name, checkpoint->prefix, skipped) != 0)
        return false;
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        if (tensor->name_size - skipped == strlen(ignored[i]) &&
            memcmp(tensor->name + skipped, ignored[i], strlen(ignored[i])) == 0)
            return true;
    return false;
}

bool bulla_checkpoint_finish(const struct bulla_checkpoint *checkpoint)
{
    for (size_t i = 0; i < checkpoint->count; i++) {
        const struct bulla_tensor *tensor = &checkpoint->tensors[i];
        if (!checkpoint->taken[i] && !is_ignored(checkpoint, tensor))
            return bulla_inference_refuse(checkpoint->error, BULLA_INFERENCE_MISMATCH,
                "%s: by config.json there is no tensor %.*s", checkpoint->file->name, (int)tensor->name_size,
                tensor->name);
    }
    return true;
}
