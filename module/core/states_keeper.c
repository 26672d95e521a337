/* What keeps the bytes that open the table of states: a secret beside the counter in the token's TPM; or, of a token
 * that was made without a TPM, a file of its folder that is overwritten in place. A disk may keep what was overwritten,
 * and whoever puts the whole folder back puts the file back: so a key says by whom it is kept (CKA_BULLA_KES_KEEPER).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "release/backend.h"
#include "token.h"

/* 0: the token has no TPM. */
static enum bulla_reason counter_of(struct bulla_token *token, uint32_t *counter)
{
    BULLA_TRY(bulla_ledger_index_read(token, counter));
    if (*counter && (!*token->config->tcti || !bulla_token_backend))
        return bulla_refuse(BULLA_TPM_UNREACHABLE, "the keys' states are kept by a TPM, and bulla.conf names no tcti");
    return BULLA_OK;
}

enum bulla_reason bulla_keeper_name(struct bulla_token *token, const char **name)
{
    uint32_t counter;
    BULLA_TRY(counter_of(token, &counter));
    *name = counter ? "tpm" : "file";
    return BULLA_OK;
}

/* --- the file --- */

static void file_path(const struct bulla_token *token, char path[static PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/states.key", token->config->path);
}

static enum bulla_reason refuse_file(const char *path)
{
    return bulla_refuse(BULLA_STORE_IO, "%s: %s", path, strerror(errno));
}

static enum bulla_reason file_read(const struct bulla_token *token, uint8_t *bytes, bool *present)
{
    char path[PATH_MAX];
    file_path(token, path);
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0 && errno == ENOENT)
        return BULLA_OK;
    if (file < 0)
        return refuse_file(path);
    ssize_t size = read(file, bytes, BULLA_KEEPER_SIZE);
    (void)close(file);
    if (size < 0)
        return refuse_file(path);
    *present = size == BULLA_KEEPER_SIZE; /* one that was made and not yet written has nothing to open */
    return size == 0 || *present ? BULLA_OK : bulla_refuse(BULLA_STORE_CORRUPT, "%s has %zd bytes", path, size);
}

/* A file's name is durable with its folder. */
static enum bulla_reason folder_sync(const struct bulla_token *token)
{
    int folder = open(token->config->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = folder >= 0 && fsync(folder) == 0;
    enum bulla_reason reason = done ? BULLA_OK : refuse_file(token->config->path);
    if (folder >= 0)
        (void)close(folder);
    return reason;
}

/* 32 bytes at the beginning of a file are in one sector: they are there whole, or those before them are. */
static enum bulla_reason file_write(const struct bulla_token *token, const uint8_t *bytes, bool first)
{
    char path[PATH_MAX];
    file_path(token, path);
    int file = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | (first ? O_CREAT : 0), 0600);
    if (file < 0)
        return refuse_file(path);
    bool done = pwrite(file, bytes, BULLA_KEEPER_SIZE, 0) == BULLA_KEEPER_SIZE && fdatasync(file) == 0;
    enum bulla_reason reason = done ? BULLA_OK : refuse_file(path);
    (void)close(file);
    return reason == BULLA_OK && first ? folder_sync(token) : reason;
}

/* --- the TPM --- */

static enum bulla_reason tpm_read(struct bulla_token *token, uint32_t counter, uint8_t *bytes, bool *present)
{
    struct bulla_detail_kept detail;
    bulla_detail_keep(&detail);
    enum bulla_reason reason =
        bulla_token_backend->secret_read(token->config->tcti, counter, token->keys->keeper, bytes);
    *present = reason == BULLA_OK;
    if (reason != BULLA_TPM_NV)
        return reason;
    bulla_detail_restore(&detail);
    return BULLA_OK;
}

/* A connection that was lost may have lost the answer alone: the secret itself says whether it was written. */
static enum bulla_reason tpm_write(struct bulla_token *token, uint32_t counter, const uint8_t *bytes, bool first)
{
    const struct bulla_backend *backend = bulla_token_backend;
    BULLA_SECRET void *now = NULL;
    struct bulla_detail_kept detail;
    bool present = false;
    BULLA_TRY(bulla_secret_allocate(BULLA_KEEPER_SIZE, &now));
    enum bulla_reason reason = (first ? backend->secret_create : backend->secret_write)(
        token->config->tcti, counter, token->keys->keeper, bytes);
    if (reason == BULLA_OK)
        return BULLA_OK;
    bulla_detail_keep(&detail);
    bool written = tpm_read(token, counter, now, &present) == BULLA_OK && present &&
                   sodium_memcmp(now, bytes, BULLA_KEEPER_SIZE) == 0;
    bulla_detail_restore(&detail);
    return written ? BULLA_OK : reason;
}

/* --- either --- */

enum bulla_reason bulla_keeper_read(struct bulla_token *token, uint8_t *bytes, bool *present)
{
    uint32_t counter;
    *present = false;
    BULLA_TRY(counter_of(token, &counter));
    return counter ? tpm_read(token, counter, bytes, present) : file_read(token, bytes, present);
}

enum bulla_reason bulla_keeper_write(struct bulla_token *token, const uint8_t *bytes, bool first)
{
    uint32_t counter;
    BULLA_TRY(counter_of(token, &counter));
    return counter ? tpm_write(token, counter, bytes, first) : file_write(token, bytes, first);
}

void bulla_keeper_discard(const struct bulla_token *token)
{
    char path[PATH_MAX];
    file_path(token, path);
    (void)unlink(path); /* what it opened is erased already */
}
