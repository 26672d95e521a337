/* Secrets of 32 bytes in ordinary NV indexes (TPM2_NT_ORDINARY), which are replaced whole by one TPM2_NV_Write: what
 * was there before is gone with it, as far as the TPM erases its memory. That a write is whole or not at all is the
 * TPM's promise (part 3, 31.7); where one breaks it the value is neither, and what it opened is lost.
 *
 * A secret's index goes with that of the token's counter, so that nothing has to remember it: neither can be another
 * token's as long as the counter is there.
 *
 * The secret passes in parameters that a session encrypts. Its key comes from the index's auth value, which is the
 * token's own and of full entropy, so the session needs no salt; the auth value itself goes to the TPM once, as a
 * counter's does (counter.c). The owner may remove the index, and can't read it. */
#include <string.h>

#include "crypto/arena.h"
#include "nv.h"
#include "primary.h"
#include "tpm.h"

enum { SIZE = BULLA_NV_SECRET };

static const struct bulla_tpm_nv_kind secrets = {
    "secret", TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA | TPM2_NT_ORDINARY << TPMA_NV_TPM2_NT_SHIFT, SIZE};

uint32_t bulla_tpm_nv_secret_index(uint32_t counter)
{
    return BULLA_TPM_SECRET_FIRST + (counter - BULLA_TPM_COUNTER_FIRST);
}

struct index {
    ESYS_TR nv, session;
};

static enum bulla_reason index_begin(struct bulla_tpm_burst *burst, uint32_t counter, TPMA_SESSION attributes,
    const uint8_t auth[static 32], struct index *index)
{
    BULLA_TRY(bulla_tpm_nv_find(burst, bulla_tpm_nv_secret_index(counter), &secrets, &index->nv));
    BULLA_TRY(bulla_tpm_session(burst, ESYS_TR_NONE, TPM2_SE_HMAC, attributes, &index->session));
    return bulla_tpm_authorize(burst, index->nv, index->session, auth);
}

enum bulla_reason bulla_tpm_nv_secret_read(
    const char *tcti, uint32_t counter, const uint8_t auth[static 32], uint8_t secret[static SIZE])
{
    struct index index;
    TPM2B_MAX_NV_BUFFER *data = NULL;
    BULLA_TPM_BURST struct bulla_tpm_burst burst;
    BULLA_TRY(bulla_tpm_burst_open(&burst, tcti));
    BULLA_TRY(index_begin(&burst, counter, TPMA_SESSION_ENCRYPT, auth, &index));
    BULLA_TRY(bulla_tpm_check(&burst,
        Esys_NV_Read(burst.esys, index.nv, index.nv, index.session, ESYS_TR_NONE, ESYS_TR_NONE, SIZE, 0, &data),
        "reading the secret"));
    bool whole = data->size == SIZE;
    if (whole)
        memcpy(secret, data->buffer, SIZE);
    bulla_wipe(data, sizeof *data);
    Esys_Free(data);
    return whole ? BULLA_OK : bulla_refuse(BULLA_TPM_FAILED, "the TPM gave another size than was asked for");
}

static enum bulla_reason write_secret(
    struct bulla_tpm_burst *burst, uint32_t counter, const uint8_t auth[static 32], const uint8_t secret[static SIZE])
{
    struct index index;
    BULLA_SECRET TPM2B_MAX_NV_BUFFER *data = NULL;
    BULLA_TRY(bulla_secret_allocate(sizeof *data, (void **)&data));
    BULLA_TRY(index_begin(burst, counter, TPMA_SESSION_DECRYPT, auth, &index));
    data->size = SIZE;
    memcpy(data->buffer, secret, SIZE);
    return bulla_tpm_check(burst,
        Esys_NV_Write(burst->esys, index.nv, index.nv, index.session, ESYS_TR_NONE, ESYS_TR_NONE, data, 0),
        "writing the secret");
}

enum bulla_reason bulla_tpm_nv_secret_write(
    const char *tcti, uint32_t counter, const uint8_t auth[static 32], const uint8_t secret[static SIZE])
{
    BULLA_TPM_BURST struct bulla_tpm_burst burst;
    BULLA_TRY(bulla_tpm_burst_open(&burst, tcti));
    return write_secret(&burst, counter, auth, secret);
}

/* A creation that was cut off before the first write left an index that was never written, under the same auth value:
 * it is made anew. */
enum bulla_reason bulla_tpm_nv_secret_create(
    const char *tcti, uint32_t counter, const uint8_t auth[static 32], const uint8_t secret[static SIZE])
{
    ESYS_TR primary = ESYS_TR_NONE, session = ESYS_TR_NONE;
    uint8_t name[BULLA_TPM_NAME_SIZE];
    BULLA_TPM_BURST struct bulla_tpm_burst burst;
    BULLA_TRY(bulla_tpm_burst_open(&burst, tcti));
    BULLA_TRY(bulla_tpm_nv_secret_discard(&burst, bulla_tpm_nv_secret_index(counter)));
    BULLA_TRY(bulla_tpm_primary(&burst, &primary, name));
    BULLA_TRY(bulla_tpm_session(&burst, primary, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT, &session));
    BULLA_TRY(bulla_tpm_nv_define(&burst, session, bulla_tpm_nv_secret_index(counter), &secrets, auth));
    return write_secret(&burst, counter, auth, secret);
}

enum bulla_reason bulla_tpm_nv_secret_discard(struct bulla_tpm_burst *burst, uint32_t index)
{
    ESYS_TR nv = ESYS_TR_NONE;
    struct bulla_detail_kept detail;
    bulla_detail_keep(&detail);
    enum bulla_reason reason = bulla_tpm_nv_find(burst, index, &secrets, &nv);
    if (reason == BULLA_TPM_NV) { /* there is none, or it is not ours to remove */
        bulla_detail_restore(&detail);
        return BULLA_OK;
    }
    BULLA_TRY(reason);
    return bulla_tpm_nv_undefine(burst, nv, "removing the secret");
}
