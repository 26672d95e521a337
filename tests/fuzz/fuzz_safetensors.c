/* safetensors headers. Of a file that is accepted, the tensors cover its data without a gap, have the sizes that their
 * shapes say, are sorted and are found by their names. The header alone, with nothing behind it in memory, gives the
 * same verdict. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "inference/safetensors.h"

static void check_tensor(const struct bulla_tensor *tensor, size_t size)
{
    size_t bytes = bulla_tensor_type_size(tensor->type);
    FUZZ_CHECK(tensor->rank <= BULLA_TENSOR_RANK_MAX && tensor->name_size <= BULLA_TENSOR_NAME_MAX);
    for (unsigned i = 0; i < tensor->rank; i++)
        bytes *= tensor->shape[i];
    FUZZ_CHECK(bytes == tensor->size);
    FUZZ_CHECK(tensor->offset <= size && tensor->size <= size - tensor->offset);
}

static void check_found(const struct bulla_tensor *tensors, size_t count, size_t i)
{
    char name[BULLA_TENSOR_NAME_MAX + 1] = {0};
    memcpy(name, tensors[i].name, tensors[i].name_size);
    if (strlen(name) == tensors[i].name_size)
        FUZZ_CHECK(bulla_safetensors_find(tensors, count, name) == &tensors[i]);
}

static void check_header_alone(const uint8_t *data, size_t size, bool accepted)
{
    static struct bulla_tensor tensors[BULLA_TENSORS_MAX];
    struct bulla_inference_error error = {0};
    size_t count;
    uint64_t header = size < BULLA_WEIGHTS_BEGIN ? size : bulla_weights_header(data);
    size_t kept = header <= size ? (size_t)header : BULLA_WEIGHTS_BEGIN;
    uint8_t *copy = malloc(kept + !kept);
    if (!copy)
        return;
    memcpy(copy, data, kept);
    struct bulla_model_file file = {"model.safetensors", copy, size};
    FUZZ_CHECK(bulla_safetensors_open(&file, tensors, BULLA_TENSORS_MAX, &count, &error) == accepted);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bulla_tensor tensors[BULLA_TENSORS_MAX];
    struct bulla_model_file file = {"model.safetensors", data, size};
    struct bulla_inference_error error = {0};
    size_t count, counted, total = 0;
    bool accepted = bulla_safetensors_open(&file, tensors, BULLA_TENSORS_MAX, &count, &error);
    check_header_alone(data, size, accepted);
    if (!accepted) {
        FUZZ_CHECK(error.reason != BULLA_INFERENCE_OK && error.text[0]);
        return 0;
    }
    FUZZ_CHECK(bulla_safetensors_count(&file, &counted, &error) && counted == count);
    for (size_t i = 0; i < count; i++) {
        check_tensor(&tensors[i], size);
        check_found(tensors, count, i);
        total += tensors[i].size;
    }
    uint64_t header;
    memcpy(&header, data, sizeof header);
    FUZZ_CHECK(total == size - 8 - header);
    return 0;
}
