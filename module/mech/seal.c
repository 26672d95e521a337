/* CKM_BULLA_SEAL: the archive of a model in, the sealed file out, in constant memory.
 *
 * The archive begins with its manifest, which is all that the header needs; from then on bytes are hashed, judged and
 * sealed as they pass. The verdict comes with the header of the weights file (candidate.h), before a number of it is
 * sealed. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "candidate.h"
#include "crypto/arena.h"
#include "crypto/stream.h"
#include "evidence/policy.h"
#include "families.h"
#include "manifest.h"
#include "model.h"

enum {
    HEAD_LARGEST = 4 + BULLA_MANIFEST_LARGEST,
    WORK_SIZE = BULLA_STREAM_CHUNK + BULLA_AEAD_TAG + HEAD_LARGEST,
};

/* Lies in the arena; what is larger hangs on it: locked pages for plaintext, the heap for the manifest. */
struct sealing {
    struct bulla_stream_sealer sealer;
    struct bulla_pages work; /* one chunk, then the head */
    struct bulla_manifest *manifest;
    uint8_t *head; /* "size ‖ manifest" */
    size_t head_have;
    size_t head_size; /* 0 until the size is known */
    bool begun;       /* the header is written */
    unsigned file;    /* that the next byte belongs to */
    uint64_t done;    /* bytes of it */
    crypto_hash_sha256_state hash;
    struct bulla_candidate candidate;
    uint64_t generation;
};

static enum bulla_reason seal_begin(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    struct sealing *sealing = run->state;
    const struct bulla_services *services = run->services;
    uint64_t floor = 0;
    if (mechanism->pParameter || mechanism->ulParameterLen)
        return bulla_refuse(BULLA_ARGUMENT, "CKM_BULLA_SEAL takes no parameter");
    if (run->key->secret.size != 32)
        return bulla_refuse(BULLA_KEY_INVALID, "a model key has 32 bytes");
    if (run->key->id.size == 0 || run->key->id.size > BULLA_STREAM_NAME_LARGEST)
        return bulla_refuse(BULLA_KEY_INVALID, "a model's id (CKA_ID) has 1 to %d bytes", BULLA_STREAM_NAME_LARGEST);
    BULLA_TRY(services->generation_floor(services->token, run->key->object, &floor));
    uint64_t latest = run->key->sealing.generation;
    sealing->generation = (latest > floor ? latest : floor) + 1;
    sealing->manifest = calloc(1, sizeof *sealing->manifest);
    if (!sealing->manifest)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "sealing a model");
    BULLA_TRY(bulla_pages_lock(&sealing->work, WORK_SIZE, "sealing a model"));
    sealing->head = sealing->work.data + BULLA_STREAM_CHUNK + BULLA_AEAD_TAG;
    return BULLA_OK;
}

static void seal_end(void *state)
{
    struct sealing *sealing = state;
    if (sealing->begun)
        bulla_stream_sealer_wipe(&sealing->sealer);
    bulla_candidate_close(&sealing->candidate);
    bulla_pages_release(&sealing->work);
    free(sealing->manifest);
    sealing->manifest = NULL;
}

/* Everything that is waiting may come out with this input: header, whole chunks and their tags. */
static enum bulla_reason seal_bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    const struct sealing *sealing = run->state;
    if (in.size > SIZE_MAX / 2)
        return bulla_refuse(BULLA_TOO_LARGE, "an update of %zu bytes", in.size);
    size_t waiting = sealing->begun ? sealing->sealer.filled : sealing->head_have;
    size_t plain = waiting + in.size;
    *bytes = plain + (plain / BULLA_STREAM_CHUNK + 2) * BULLA_AEAD_TAG;
    if (!sealing->begun)
        *bytes += bulla_stream_prefix_bound();
    if (phase == BULLA_FINISH)
        *bytes = waiting + BULLA_AEAD_TAG;
    return BULLA_OK;
}

/* --- the head: u32 size ‖ manifest --- */

static enum bulla_reason write_header(struct bulla_run *run, struct bulla_writer *out)
{
    struct sealing *sealing = run->state;
    const struct bulla_key *key = run->key;
    struct bulla_stream_header header = {.aead = BULLA_AEAD_AES_256_GCM,
        .chunk_size = BULLA_STREAM_CHUNK,
        .plaintext_size = sealing->manifest->archive_size,
        .name_size = key->id.size,
        .generation = sealing->generation};
    memcpy(header.name, key->id.data, key->id.size);
    memcpy(header.token, run->services->serial, 16);
    memcpy(header.manifest_digest, sealing->manifest->digest, 32);
    if (key->authority.size == 65) {
        bulla_sha256(key->authority, header.authority);
        bulla_policy_reference(key->authority.data, key->epoch, header.policy_ref);
    }
    BULLA_TRY(bulla_stream_seal_begin(&sealing->sealer, &header, key->secret.data, sealing->work.data, out));
    sealing->begun = true;
    return BULLA_OK;
}

/* Collects the head; when it is whole the header is written and the head sealed. */
static enum bulla_reason take_head(struct bulla_run *run, struct bulla_bytes *in, struct bulla_writer *out)
{
    struct sealing *sealing = run->state;
    while (in->size && (!sealing->head_size || sealing->head_have < sealing->head_size)) {
        sealing->head[sealing->head_have++] = *in->data++;
        in->size--;
        if (sealing->head_have != 4)
            continue;
        const uint8_t *head = sealing->head;
        size_t size = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        if (size == 0 || size > BULLA_MANIFEST_LARGEST)
            return bulla_refuse(BULLA_MODEL_MALFORMED, "a manifest of %zu bytes", size);
        sealing->head_size = 4 + size;
    }
    if (!sealing->head_size || sealing->head_have < sealing->head_size)
        return BULLA_OK;
    struct bulla_bytes manifest = {sealing->head + 4, sealing->head_size - 4};
    BULLA_TRY(bulla_manifest_read(manifest, sealing->manifest));
    BULLA_TRY(bulla_candidate_open(&sealing->candidate, sealing->manifest));
    BULLA_TRY(write_header(run, out));
    (void)crypto_hash_sha256_init(&sealing->hash);
    return bulla_stream_seal_update(&sealing->sealer, (struct bulla_bytes){sealing->head, sealing->head_size}, out);
}

/* --- the files --- */

static enum bulla_reason end_file(struct sealing *sealing, const struct bulla_manifest_file *file)
{
    uint8_t digest[32];
    (void)crypto_hash_sha256_final(&sealing->hash, digest);
    (void)crypto_hash_sha256_init(&sealing->hash);
    sealing->file++;
    sealing->done = 0;
    if (memcmp(digest, file->sha256, 32) != 0)
        return bulla_refuse(BULLA_MODEL_MALFORMED, "%s is not what the manifest says (SHA-256)", file->name);
    return BULLA_OK;
}

/* One file's part of the input, at least one byte or the end of an empty file. */
static enum bulla_reason take_part(struct sealing *sealing, struct bulla_bytes *in)
{
    const struct bulla_manifest_file *file = &sealing->manifest->files[sealing->file];
    uint64_t left = file->size - sealing->done;
    const struct bulla_bytes part = {in->data, in->size < left ? in->size : (size_t)left};
    (void)crypto_hash_sha256_update(&sealing->hash, part.data, part.size);
    BULLA_TRY(bulla_candidate_take(&sealing->candidate, file, sealing->file, sealing->done, part));
    in->data += part.size;
    in->size -= part.size;
    sealing->done += part.size;
    return sealing->done == file->size ? end_file(sealing, file) : BULLA_OK;
}

static enum bulla_reason take_files(struct sealing *sealing, struct bulla_bytes in)
{
    while (sealing->file < sealing->manifest->count) {
        bool empty = sealing->manifest->files[sealing->file].size == 0;
        if (!in.size && !empty)
            return BULLA_OK;
        BULLA_TRY(take_part(sealing, &in));
    }
    return in.size ? bulla_refuse(BULLA_TRAILING, "the archive goes on behind its last file") : BULLA_OK;
}

/* --- the steps --- */

static enum bulla_reason seal_update(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    struct sealing *sealing = run->state;
    if (out->data && in.data < out->data + out->capacity && out->data < in.data + in.size)
        return bulla_refuse(BULLA_ARGUMENT, "sealing does not work in place: the output is longer than the input");
    if (!sealing->begun)
        BULLA_TRY(take_head(run, &in, out));
    if (!sealing->begun)
        return BULLA_OK;
    BULLA_TRY(take_files(sealing, in));
    return bulla_stream_seal_update(&sealing->sealer, in, out);
}

/* What the folder did not say and was assumed is said here. */
static void record(const struct bulla_run *run, const struct sealing *sealing)
{
    char name[BULLA_KEY_NAME], pooling[64];
    bulla_key_name(run->key, name);
    (void)snprintf(pooling, sizeof pooling, "%s%s", sealing->candidate.facts.pooling,
        sealing->candidate.facts.pooling_declared ? "" : " (assumed)");
    const struct bulla_audit_field fields[] = {
        {"model", name, 0},
        {"generation", NULL, sealing->generation},
        {"pooling", pooling, 0},
    };
    run->services->audit(run->services->token, "sealed", fields, sizeof fields / sizeof fields[0]);
}

static enum bulla_reason seal_finish(struct bulla_run *run, struct bulla_writer *out)
{
    struct sealing *sealing = run->state;
    if (!sealing->begun || sealing->file < sealing->manifest->count)
        return bulla_refuse(BULLA_TRUNCATED, "the archive ends before its last file does");
    BULLA_TRY(bulla_stream_seal_finish(&sealing->sealer, out));
    struct bulla_sealing made = {sealing->generation, sealing->candidate.facts.dimension};
    BULLA_TRY(run->services->sealed(run->services->token, run->key->object, &made));
    record(run, sealing);
    return BULLA_OK;
}

const struct bulla_processor bulla_seal_processor = {
    .state_size = sizeof(struct sealing),
    .begin = seal_begin,
    .bound = seal_bound,
    .update = seal_update,
    .finish = seal_finish,
    .end = seal_end,
};
