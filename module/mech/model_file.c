/* Opening a sealed model: the header, the last chunk, then the other chunks in parallel, straight into locked pages;
 * the archive's files are handed to the engine as they lie there, and the pages are wiped when the weights are packed.
 *
 * Ciphertext passes through ordinary memory; plaintext never does. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/stream.h"
#include "manifest.h"
#include "model.h"

static const uint64_t plaintext_largest = (uint64_t)1 << 40;

struct sealed_file {
    int file;
    uint64_t size;
    const struct bulla_stream_opener *opener;
    uint8_t *plain;
    atomic_int reason; /* of the first chunk that was refused */
    char detail[BULLA_DETAIL_SIZE];
};

enum bulla_reason bulla_inference_refusal(const struct bulla_inference_error *error)
{
    static const enum bulla_reason reasons[] = {
        [BULLA_INFERENCE_OK] = BULLA_INTERNAL,
        [BULLA_INFERENCE_MALFORMED] = BULLA_MODEL_MALFORMED,
        [BULLA_INFERENCE_UNSUPPORTED] = BULLA_MODEL_UNSUPPORTED,
        [BULLA_INFERENCE_MISSING] = BULLA_MODEL_MALFORMED,
        [BULLA_INFERENCE_MISMATCH] = BULLA_MODEL_MALFORMED,
        [BULLA_INFERENCE_TOO_LARGE] = BULLA_MODEL_UNSUPPORTED, /* it speaks of models alone */
        [BULLA_INFERENCE_NOT_TEXT] = BULLA_NOT_TEXT,
        [BULLA_INFERENCE_ARGUMENT] = BULLA_REQUEST_MALFORMED,
    };
    size_t row = (size_t)error->reason < sizeof reasons / sizeof reasons[0] ? (size_t)error->reason : 0;
    return bulla_refuse(reasons[row], "%s", error->text);
}

/* --- the file --- */

/* No path comes from a request: the name is the key's id, in hex. */
static enum bulla_reason open_file(const struct bulla_run *run, struct sealed_file *sealed)
{
    char path[4096], hex[2 * BULLA_STREAM_NAME_LARGEST + 1];
    struct stat status;
    if (run->key->id.size == 0 || run->key->id.size > BULLA_STREAM_NAME_LARGEST)
        return bulla_refuse(BULLA_MODEL_MISSING, "a model's id has 1 to %d bytes", BULLA_STREAM_NAME_LARGEST);
    (void)sodium_bin2hex(hex, sizeof hex, run->key->id.data, run->key->id.size);
    if ((size_t)snprintf(path, sizeof path, "%s/%s.bulla", run->services->models, hex) >= sizeof path)
        return bulla_refuse(BULLA_MODEL_MISSING, "the path of the models folder is too long");
    sealed->file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); /* a FIFO must not hold the token */
    if (sealed->file < 0)
        return bulla_refuse(BULLA_MODEL_MISSING, "%s: %s", path, strerror(errno));
    if (fstat(sealed->file, &status) != 0 || !S_ISREG(status.st_mode))
        return bulla_refuse(BULLA_MODEL_MISSING, "%s is not a file", path);
    sealed->size = (uint64_t)status.st_size;
    return BULLA_OK;
}

static enum bulla_reason read_at(int file, uint64_t offset, uint8_t *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(file, data + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return bulla_refuse(BULLA_TRUNCATED, "the sealed file ends early or can't be read");
        done += (size_t)got;
    }
    return BULLA_OK;
}

/* Who sealed it, before any key is tried: another token's file is named as such. */
static enum bulla_reason check_origin(const struct bulla_run *run, const struct bulla_stream_header *header)
{
    if (memcmp(header->token, run->services->serial, 16) != 0)
        return bulla_refuse(BULLA_MODEL_OTHER_TOKEN, "the file was sealed by token %.16s", (const char *)header->token);
    if (!bulla_bytes_equal((struct bulla_bytes){header->name, header->name_size}, run->key->id))
        return bulla_refuse(BULLA_MODEL_OTHER_KEY, "the file is of another model");
    if (header->plaintext_size > plaintext_largest)
        return bulla_refuse(BULLA_TOO_LARGE, "a model of %llu bytes", (unsigned long long)header->plaintext_size);
    return BULLA_OK;
}

static enum bulla_reason begin(
    const struct bulla_run *run, struct sealed_file *sealed, struct bulla_stream_opener *opener)
{
    struct bulla_stream_header header;
    size_t prefix_size = 0, have = bulla_stream_prefix_bound();
    if (sealed->size < have)
        have = (size_t)sealed->size;
    uint8_t *prefix = malloc(have + 1);
    if (!prefix)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "opening a model");
    enum bulla_reason reason = read_at(sealed->file, 0, prefix, have);
    struct bulla_bytes bytes = {prefix, have};
    if (reason == BULLA_OK)
        reason = bulla_stream_inspect(bytes, &header, &prefix_size);
    if (reason == BULLA_OK)
        reason = check_origin(run, &header);
    if (reason == BULLA_OK)
        reason = bulla_stream_open_begin(opener, bytes, sealed->size, run->key->secret.data);
    free(prefix);
    return reason == BULLA_COMMITMENT ? BULLA_MODEL_OTHER_KEY : reason;
}

/* A file of a newer generation than the token has seen raises the floor, once all of it was opened: from then on
 * nothing older opens. A damaged newer file locks nobody out of the good older one. */
static enum bulla_reason check_generation(const struct bulla_run *run, uint64_t generation, bool *raise)
{
    const struct bulla_services *services = run->services;
    uint64_t floor = 0;
    BULLA_TRY(services->generation_floor(services->token, run->key->object, &floor));
    if (generation < floor)
        return bulla_refuse(BULLA_MODEL_OLDER, "the file is generation %llu, and the token has opened %llu",
            (unsigned long long)generation, (unsigned long long)floor);
    *raise = generation > floor;
    return BULLA_OK;
}

/* --- chunks --- */

static enum bulla_reason open_chunk(struct sealed_file *sealed, uint64_t index)
{
    uint64_t offset, plain_offset;
    size_t size;
    bulla_stream_chunk_place(sealed->opener, index, &offset, &size, &plain_offset);
    uint8_t *bytes = malloc(size + 1);
    if (!bytes)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "opening a model");
    enum bulla_reason reason = read_at(sealed->file, offset, bytes, size);
    if (reason == BULLA_OK)
        reason = bulla_stream_chunk_open(
            sealed->opener, index, (struct bulla_bytes){bytes, size}, sealed->plain + plain_offset);
    free(bytes);
    return reason;
}

/* Details are kept per thread: the first refusal's words are carried over to the caller's. */
static void open_chunk_task(void *context, size_t index)
{
    struct sealed_file *sealed = context;
    int none = BULLA_OK;
    if (atomic_load(&sealed->reason) != BULLA_OK)
        return;
    enum bulla_reason reason = open_chunk(sealed, index);
    if (reason != BULLA_OK && atomic_compare_exchange_strong(&sealed->reason, &none, (int)reason))
        (void)snprintf(sealed->detail, sizeof sealed->detail, "%s", bulla_detail());
}

static enum bulla_reason open_chunks(const struct bulla_run *run, struct sealed_file *sealed)
{
    uint64_t last = sealed->opener->header.chunk_count - 1;
    BULLA_TRY(open_chunk(sealed, last));
    bulla_pool_run(run->services->pool(run->services->token), (size_t)last, open_chunk_task, sealed);
    enum bulla_reason reason = (enum bulla_reason)atomic_load(&sealed->reason);
    return reason == BULLA_OK ? BULLA_OK : bulla_refuse(reason, "%s", sealed->detail);
}

/* --- the archive --- */

static enum bulla_reason read_archive(
    struct bulla_bytes archive, const uint8_t digest[static 32], struct bulla_manifest *manifest)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, archive);
    uint32_t size = bulla_read_u32(&reader);
    if (size > BULLA_MANIFEST_LARGEST)
        return bulla_refuse(BULLA_MODEL_MALFORMED, "a manifest of %u bytes", size);
    struct bulla_bytes bytes = bulla_read(&reader, size);
    if (reader.failed)
        return bulla_refuse(BULLA_MODEL_MALFORMED, "the manifest ends early");
    BULLA_TRY(bulla_manifest_read(bytes, manifest));
    if (manifest->archive_size != archive.size || memcmp(manifest->digest, digest, 32) != 0)
        return bulla_refuse(BULLA_MODEL_MALFORMED, "the manifest is not the one that the header names");
    return BULLA_OK;
}

static enum bulla_reason load(const struct bulla_run *run, const struct bulla_manifest *manifest,
    const uint8_t *archive, struct bulla_open_model *model)
{
    struct bulla_model_file entries[BULLA_MANIFEST_FILES];
    struct bulla_model_files files = {entries, manifest->count};
    struct bulla_inference_error error = {0};
    size_t bytes = 0;
    for (unsigned i = 0; i < manifest->count; i++)
        entries[i] = (struct bulla_model_file){
            manifest->files[i].name, archive + manifest->files[i].offset, (size_t)manifest->files[i].size};
    if (!bulla_model_measure(&files, &bytes, &error))
        return bulla_inference_refusal(&error);
    BULLA_TRY(bulla_pages_lock(&model->weights, bytes, "a model's weights"));
    if (!bulla_model_load(
            &files, model->weights.data, bytes, run->services->pool(run->services->token), &model->model, &error))
        return bulla_inference_refusal(&error);
    return BULLA_OK;
}

/* Into `sealed->plain`, which is large enough. */
static enum bulla_reason open_plain(const struct bulla_run *run, struct sealed_file *sealed, size_t size,
    struct bulla_manifest *manifest, struct bulla_open_model *model)
{
    const struct bulla_stream_opener *opener = sealed->opener;
    BULLA_TRY(open_chunks(run, sealed));
    BULLA_TRY(read_archive((struct bulla_bytes){sealed->plain, size}, opener->header.manifest_digest, manifest));
    return load(run, manifest, sealed->plain, model);
}

static enum bulla_reason open_contents(const struct bulla_run *run, struct sealed_file *sealed,
    const struct bulla_stream_opener *opener, struct bulla_open_model *model)
{
    struct bulla_pages plain = {0};
    size_t size = (size_t)opener->header.plaintext_size;
    BULLA_TRY(bulla_pages_lock(&plain, size ? size : 1, "a sealed model's plaintext"));
    sealed->plain = plain.data;
    sealed->opener = opener;
    struct bulla_manifest *manifest = calloc(1, sizeof *manifest); /* names, sizes and hashes of files */
    enum bulla_reason reason = manifest ? open_plain(run, sealed, size, manifest, model)
                                        : bulla_refuse(BULLA_OUT_OF_MEMORY, "opening a model");
    free(manifest);
    bulla_pages_release(&plain);
    return reason;
}

enum bulla_reason bulla_model_file_open(const struct bulla_run *run, struct bulla_open_model *model)
{
    struct sealed_file sealed = {.file = -1};
    struct bulla_stream_opener opener = {0};
    bool raise = false;
    if (run->key->secret.size != 32)
        return bulla_refuse(BULLA_KEY_INVALID, "a model key has 32 bytes");
    enum bulla_reason reason = open_file(run, &sealed);
    if (reason == BULLA_OK)
        reason = begin(run, &sealed, &opener);
    if (reason == BULLA_OK)
        reason = check_generation(run, opener.header.generation, &raise);
    if (reason == BULLA_OK)
        reason = open_contents(run, &sealed, &opener, model);
    if (reason == BULLA_OK && raise)
        reason = run->services->generation_raise(run->services->token, run->key->object, opener.header.generation);
    if (reason == BULLA_MEMORY_LOCK) /* what was short is said for one step: this is for all of them together */
        reason = bulla_refuse_within(reason, "opening this model locks up to %llu MiB in all: ",
            (unsigned long long)(3 * opener.header.plaintext_size >> 20) + 8);
    if (reason == BULLA_OK) {
        model->generation = opener.header.generation;
        memcpy(model->manifest_digest, opener.header.manifest_digest, 32);
    }
    bulla_stream_opener_wipe(&opener);
    if (sealed.file >= 0)
        (void)close(sealed.file);
    return reason;
}
