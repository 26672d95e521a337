#include "candidate.h"

#include "model.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What is kept of a file: a small one whole, of the weights as much as a header may have. */
static uint64_t room_of(const struct bulla_candidate *candidate, const struct bulla_manifest_file *file, unsigned index)
{
    if (index == candidate->weights)
        return least(file->size, BULLA_WEIGHTS_BEGIN + BULLA_CANDIDATE_HEADER);
    return file->size;
}

static bool is_small(const struct bulla_manifest_file *file)
{
    return bulla_model_wants(file->name) && !bulla_model_file_is_weights(file->name);
}

/* The engine's choice among the names. */
static enum bulla_reason find_weights(struct bulla_candidate *candidate, const struct bulla_manifest *manifest)
{
    struct bulla_model_file names[BULLA_MANIFEST_FILES];
    const struct bulla_model_files files = {names, manifest->count};
    const struct bulla_model_file *weights = NULL;
    struct bulla_inference_error error = {0};
    for (unsigned i = 0; i < manifest->count; i++)
        names[i] = (struct bulla_model_file){manifest->files[i].name, NULL, 0};
    if (!bulla_model_weights(&files, &weights, &error))
        return bulla_inference_refusal(&error);
    candidate->weights = (unsigned)(weights - names);
    return BULLA_OK;
}

static enum bulla_reason measure(
    const struct bulla_candidate *candidate, const struct bulla_manifest *manifest, size_t *bytes)
{
    uint64_t small = 0;
    for (unsigned i = 0; i < manifest->count; i++) {
        if (!is_small(&manifest->files[i]))
            continue;
        if (i > candidate->weights)
            return bulla_refuse(
                BULLA_MODEL_MALFORMED, "%s stands behind the weights in the archive", manifest->files[i].name);
        small += manifest->files[i].size;
    }
    if (small > BULLA_CANDIDATE_SMALL)
        return bulla_refuse(BULLA_MODEL_UNSUPPORTED, "the files beside the weights have %llu bytes, the most are %d",
            (unsigned long long)small, BULLA_CANDIDATE_SMALL);
    *bytes = (size_t)(small + room_of(candidate, &manifest->files[candidate->weights], candidate->weights));
    return BULLA_OK;
}

enum bulla_reason bulla_candidate_open(struct bulla_candidate *candidate, const struct bulla_manifest *manifest)
{
    size_t bytes = 0;
    BULLA_TRY(find_weights(candidate, manifest));
    BULLA_TRY(measure(candidate, manifest, &bytes));
    BULLA_TRY(bulla_pages_lock(&candidate->pages, bytes + 1, "judging a model")); /* of no bytes as well */
    uint8_t *at = candidate->pages.data;
    for (unsigned i = 0; i < manifest->count; i++) {
        const struct bulla_manifest_file *file = &manifest->files[i];
        if (i != candidate->weights && !is_small(file))
            continue;
        candidate->places[i] = at;
        candidate->files[candidate->count++] = (struct bulla_model_file){file->name, at, (size_t)file->size};
        at += room_of(candidate, file, i);
    }
    return BULLA_OK;
}

static enum bulla_reason judge(struct bulla_candidate *candidate)
{
    const struct bulla_model_files files = {candidate->files, candidate->count};
    struct bulla_inference_error error = {0};
    struct bulla_pages memory = {0};
    size_t bytes = 0;
    candidate->judged = true;
    if (!bulla_model_check_measure(&files, &bytes, &error))
        return bulla_inference_refusal(&error);
    BULLA_TRY(bulla_pages_lock(&memory, bytes, "judging a model"));
    bool good = bulla_model_check(&files, memory.data, bytes, &candidate->facts, &error);
    bulla_pages_release(&memory);
    return good ? BULLA_OK : bulla_inference_refusal(&error);
}

/* `have` bytes of the weights have come. A header that is longer than its file is the engine's to refuse. */
static enum bulla_reason judge_in_time(
    struct bulla_candidate *candidate, const struct bulla_manifest_file *file, uint64_t have)
{
    uint64_t need = least(file->size, BULLA_WEIGHTS_BEGIN);
    if (have >= BULLA_WEIGHTS_BEGIN)
        need = bulla_weights_header(candidate->places[candidate->weights]);
    if (need <= file->size && need > BULLA_WEIGHTS_BEGIN + BULLA_CANDIDATE_HEADER)
        return bulla_refuse(BULLA_MODEL_UNSUPPORTED, "%s: a header of %llu bytes, the most that are sealed are %d",
            file->name, (unsigned long long)(need - BULLA_WEIGHTS_BEGIN), BULLA_CANDIDATE_HEADER);
    return have < need && need <= file->size ? BULLA_OK : judge(candidate);
}

enum bulla_reason bulla_candidate_take(struct bulla_candidate *candidate, const struct bulla_manifest_file *file,
    unsigned index, uint64_t offset, struct bulla_bytes part)
{
    uint8_t *place = candidate->places[index];
    uint64_t room = room_of(candidate, file, index);
    if (candidate->judged || !place)
        return BULLA_OK;
    if (part.size && offset < room)
        memcpy(place + offset, part.data, (size_t)least(part.size, room - offset));
    return index == candidate->weights ? judge_in_time(candidate, file, offset + part.size) : BULLA_OK;
}

void bulla_candidate_close(struct bulla_candidate *candidate)
{
    bulla_pages_release(&candidate->pages);
}
