/* Each file is read twice, to hash and to seal; the token compares what came with the manifest, so that a file that
 * changes between the two is refused there. One buffer in locked pages serves both. */
#include "archive.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/cbor.h"
#include "crypto/cipher.h"
#include "crypto/pages.h"
#include "interrupt.h"
#include "progress.h"

struct reading {
    const struct bulla_archive *archive;
    struct bulla_pages buffer;
    struct bulla_progress progress;
};

static enum bulla_reason reading_begin(struct reading *reading, const struct bulla_archive *archive, const char *what)
{
    reading->archive = archive;
    bulla_progress_begin(&reading->progress, what, archive->bytes);
    return bulla_pages_lock(&reading->buffer, BULLA_ARCHIVE_PIECE, "the buffer of the model's files");
}

static void reading_end(struct reading *reading)
{
    bulla_progress_end(&reading->progress);
    bulla_pages_release(&reading->buffer);
}

static enum bulla_reason file_open(
    const struct bulla_archive *archive, const struct bulla_archive_file *file, int *opened)
{
    struct stat status;
    char path[sizeof archive->folder + sizeof file->name + 1];
    (void)snprintf(path, sizeof path, "%s/%s", archive->folder, file->name);
    *opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*opened < 0)
        return bulla_refuse(BULLA_FILE, "opening %s: %s", path, strerror(errno));
    if (fstat(*opened, &status) != 0 || !S_ISREG(status.st_mode) || (uint64_t)status.st_size != file->size) {
        (void)close(*opened);
        return bulla_refuse(BULLA_FILE, "%s changed while it was being sealed", path);
    }
    (void)posix_fadvise(*opened, 0, 0, POSIX_FADV_SEQUENTIAL);
    return BULLA_OK;
}

static enum bulla_reason piece_read(struct reading *reading, int opened, const char *name, uint64_t left, size_t *got)
{
    size_t wanted = left < BULLA_ARCHIVE_PIECE ? (size_t)left : BULLA_ARCHIVE_PIECE;
    ssize_t result = read(opened, reading->buffer.data, wanted);
    if (result < 0)
        return bulla_refuse(BULLA_FILE, "reading %s: %s", name, strerror(errno));
    if (result == 0)
        return bulla_refuse(BULLA_FILE, "%s became shorter while it was being sealed", name);
    *got = (size_t)result;
    bulla_progress_add(&reading->progress, *got);
    return bulla_interrupt_check();
}

/* Gives a file's bytes to the sink, exactly as many as were counted. */
static enum bulla_reason file_read(
    struct reading *reading, const struct bulla_archive_file *file, const struct bulla_archive_sink *sink)
{
    int opened = -1;
    BULLA_TRY(file_open(reading->archive, file, &opened));
    enum bulla_reason reason = BULLA_OK;
    for (uint64_t left = file->size; left && reason == BULLA_OK;) {
        size_t got = 0;
        reason = piece_read(reading, opened, file->name, left, &got);
        if (reason == BULLA_OK)
            reason = sink->put(sink->context, (struct bulla_bytes){reading->buffer.data, got});
        left -= got;
    }
    (void)close(opened);
    return reason;
}

static enum bulla_reason digest_put(void *context, struct bulla_bytes piece)
{
    return EVP_DigestUpdate(context, piece.data, piece.size) == 1 ? BULLA_OK
                                                                  : bulla_refuse(BULLA_INTERNAL, "hashing failed");
}

/* The context holds a running hash of the model, not a key: EVP_MD_CTX_free cleanses it. */
static enum bulla_reason file_hash(struct reading *reading, struct bulla_archive_file *file)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct bulla_archive_sink sink = {digest_put, context};
    enum bulla_reason reason = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1
                                   ? file_read(reading, file, &sink)
                                   : bulla_refuse(BULLA_OUT_OF_MEMORY, "for hashing");
    if (reason == BULLA_OK && EVP_DigestFinal_ex(context, file->digest, NULL) != 1)
        reason = bulla_refuse(BULLA_INTERNAL, "hashing failed");
    EVP_MD_CTX_free(context);
    return reason;
}

enum bulla_reason bulla_archive_hash(struct bulla_archive *archive)
{
    struct reading reading;
    BULLA_TRY(reading_begin(&reading, archive, "hashing"));
    enum bulla_reason reason = BULLA_OK;
    for (size_t i = 0; i < archive->count && reason == BULLA_OK; i++)
        reason = file_hash(&reading, &archive->files[i]);
    reading_end(&reading);
    return reason;
}

enum bulla_reason bulla_archive_manifest(const struct bulla_archive *archive, struct bulla_writer *writer)
{
    bulla_cbor_write_map(writer, 2);
    bulla_cbor_write_tstr(writer, "files");
    bulla_cbor_write_array(writer, archive->count);
    for (size_t i = 0; i < archive->count; i++) {
        bulla_cbor_write_array(writer, 3);
        bulla_cbor_write_tstr(writer, archive->files[i].name);
        bulla_cbor_write_uint(writer, archive->files[i].size);
        bulla_cbor_write_bstr(writer, BULLA_BYTES(archive->files[i].digest));
    }
    bulla_cbor_write_tstr(writer, "version");
    bulla_cbor_write_uint(writer, 1);
    return bulla_writer_finish(writer, "the manifest");
}

static enum bulla_reason manifest_put(const struct bulla_archive *archive, const struct bulla_archive_sink *sink)
{
    uint8_t encoded[BULLA_ARCHIVE_MANIFEST_LARGEST];
    uint8_t size[4];
    struct bulla_writer writer;
    struct bulla_writer head;
    bulla_writer_open(&writer, encoded, sizeof encoded);
    BULLA_TRY(bulla_archive_manifest(archive, &writer));
    bulla_writer_open(&head, size, sizeof size);
    bulla_write_u32(&head, (uint32_t)writer.size);
    BULLA_TRY(sink->put(sink->context, BULLA_BYTES(size)));
    return sink->put(sink->context, bulla_writer_bytes(&writer));
}

enum bulla_reason bulla_archive_stream(const struct bulla_archive *archive, const struct bulla_archive_sink *sink)
{
    struct reading reading;
    BULLA_TRY(reading_begin(&reading, archive, "sealing"));
    enum bulla_reason reason = manifest_put(archive, sink);
    for (size_t i = 0; i < archive->count && reason == BULLA_OK; i++)
        reason = file_read(&reading, &archive->files[i], sink);
    reading_end(&reading);
    return reason;
}
