/* What keeps the bytes that open the table of states: a secret beside the counter in the token's TPM; or, of a token
 * that was made without a TPM, a file of its folder that is overwritten in place. A disk may keep what was overwritten,
 * and whoever puts the whole folder back puts the file back: so a key says by whom it is kept (CKA_BULLA_KES_KEEPER).
 */
#include <sodium.h>

#include "release/backend.h"
#include "states_file.h"
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

enum bulla_reason bulla_keeper_is_attested(struct bulla_token *token, bool *attested)
{
    uint32_t counter;
    BULLA_TRY(bulla_ledger_index_read(token, &counter));
    *attested = counter != 0;
    return BULLA_OK;
}

/* --- the file --- */

static const char file_name[] = "states.key";

/* One that is empty was made and not yet written, and has nothing to open; one of zeros was a former token's. */
static enum bulla_reason file_read(const struct bulla_token *token, uint8_t *bytes, bool *present)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, bytes, BULLA_KEEPER_SIZE);
    enum bulla_reason reason = bulla_state_file_read(token, file_name, &writer);
    if (reason == BULLA_STORE_MISSING) {
        bulla_detail_clear();
        return BULLA_OK;
    }
    if (reason == BULLA_BUFFER_SMALL || (reason == BULLA_OK && writer.size != 0 && writer.size != BULLA_KEEPER_SIZE))
        return bulla_refuse(
            BULLA_STORE_CORRUPT, "%s has %zu bytes instead of %d", file_name, writer.size, BULLA_KEEPER_SIZE);
    BULLA_TRY(reason);
    *present = writer.size == BULLA_KEEPER_SIZE && !sodium_is_zero(bytes, BULLA_KEEPER_SIZE);
    return BULLA_OK;
}

/* 32 bytes at the beginning of a file are in one sector: they are there whole, or those before them are. */
static enum bulla_reason file_write(const struct bulla_token *token, const uint8_t *bytes)
{
    return bulla_state_file_write(token, file_name, (struct bulla_bytes){bytes, BULLA_KEEPER_SIZE});
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
    return counter ? tpm_write(token, counter, bytes, first) : file_write(token, bytes);
}

enum bulla_reason bulla_keeper_settle(struct bulla_token *token, const uint8_t *bytes)
{
    uint32_t counter;
    BULLA_TRY(counter_of(token, &counter));
    return counter ? BULLA_OK : file_write(token, bytes);
}

void bulla_keeper_remove(const struct bulla_token *token)
{
    bulla_state_file_remove(token, file_name);
}
