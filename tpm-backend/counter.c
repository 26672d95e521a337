/* NV counters (TPM2_NT_COUNTER). A new one starts at the highest value that any counter of this TPM ever had, and one
 * more with its first increment: removing and defining it anew never brings an older value back.
 *
 * The auth value goes to the TPM once, encrypted to the storage primary, when the index is defined; nothing has pinned
 * the primary's name by then, so an interposer on the bus at that moment could read it. Afterwards it only keys HMACs,
 * and the TPM's answers are authenticated with it: an index that somebody else put in its place is noticed, and so is a
 * value that was changed on its way. The owner may read it, and may remove it, without the auth value. */
#include "nv.h"
#include "primary.h"
#include "tpm.h"

enum { INDEX_FIRST = BULLA_TPM_COUNTER_FIRST, INDEX_LAST = INDEX_FIRST + 0xfff, INDEX_ATTEMPTS = 8 };

static const TPMA_NV attributes =
    TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_OWNERREAD | TPMA_NV_NO_DA | TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT;

static enum bulla_reason index_check(uint32_t index)
{
    if (index < INDEX_FIRST || index > INDEX_LAST)
        return bulla_refuse(
            BULLA_ARGUMENT, "NV index 0x%08x: counters are in 0x%08x to 0x%08x", index, INDEX_FIRST, INDEX_LAST);
    return BULLA_OK;
}

/* --- which index --- */

/* The first one from `index` on that is not defined; handles come in ascending order. */
static enum bulla_reason index_free(struct bulla_tpm_burst *burst, uint32_t *index)
{
    TPMI_YES_NO more = TPM2_YES;
    while (more == TPM2_YES && *index <= INDEX_LAST) {
        TPMS_CAPABILITY_DATA *data = NULL;
        BULLA_TRY(bulla_tpm_check(burst,
            Esys_GetCapability(burst->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES, *index,
                TPM2_MAX_CAP_HANDLES, &more, &data),
            "listing NV indexes"));
        const TPML_HANDLE *handles = &data->data.handles;
        UINT32 at = 0;
        while (at < handles->count && handles->handle[at] == *index) {
            at++;
            (*index)++;
        }
        bool found = at < handles->count || at == 0;
        Esys_Free(data);
        if (found)
            break;
    }
    return *index <= INDEX_LAST ? BULLA_OK : bulla_refuse(BULLA_TPM_NV, "all NV indexes for counters are taken");
}

/* --- using one --- */

struct counter {
    ESYS_TR nv;
    ESYS_TR session;
};

/* NV_Increment and NV_Read by the auth value, and the value read. */
static enum bulla_reason counter_value(struct bulla_tpm_burst *burst, const struct counter *counter, uint64_t *value)
{
    TPM2B_MAX_NV_BUFFER *data = NULL;
    struct bulla_reader reader;
    BULLA_TRY(bulla_tpm_check(burst,
        Esys_NV_Read(burst->esys, counter->nv, counter->nv, counter->session, ESYS_TR_NONE, ESYS_TR_NONE, 8, 0, &data),
        "reading the counter"));
    bulla_reader_open(&reader, (struct bulla_bytes){data->buffer, data->size});
    *value = bulla_read_u64(&reader);
    Esys_Free(data);
    return bulla_reader_finish(&reader, "an NV counter");
}

static enum bulla_reason counter_step(struct bulla_tpm_burst *burst, const struct counter *counter)
{
    return bulla_tpm_check(burst,
        Esys_NV_Increment(burst->esys, counter->nv, counter->nv, counter->session, ESYS_TR_NONE, ESYS_TR_NONE),
        "incrementing the counter");
}

static const struct bulla_tpm_nv_kind counters = {"counter", attributes, 8};

static enum bulla_reason counter_begin(
    struct bulla_tpm_burst *burst, uint32_t index, const uint8_t auth[static 32], struct counter *counter)
{
    BULLA_TRY(bulla_tpm_nv_find(burst, index, &counters, &counter->nv));
    BULLA_TRY(bulla_tpm_session(burst, ESYS_TR_NONE, TPM2_SE_HMAC, 0, &counter->session));
    return bulla_tpm_authorize(burst, counter->nv, counter->session, auth);
}

enum bulla_reason bulla_tpm_counter_read(
    const char *tcti, uint32_t index, const uint8_t auth[static 32], uint64_t *value)
{
    struct counter counter;
    BULLA_TRY(index_check(index));
    BULLA_TPM_BURST struct bulla_tpm_burst burst;
    BULLA_TRY(bulla_tpm_burst_open(&burst, tcti));
    BULLA_TRY(counter_begin(&burst, index, auth, &counter));
    return counter_value(&burst, &counter, value);
}

enum bulla_reason bulla_tpm_counter_increment(
    const char *tcti, uint32_t index, const uint8_t auth[static 32], uint64_t *value)
{
    struct counter counter;
    BULLA_TRY(index_check(index));
    BULLA_TPM_BURST struct bulla_tpm_burst burst;
    BULLA_TRY(bulla_tpm_burst_open(&burst, tcti));
    BULLA_TRY(counter_begin(&burst, index, auth, &counter));
    BULLA_TRY(counter_step(&burst, &counter));
    return counter_value(&burst, &counter, value);
}

/* --- defining and removing --- */

/* Somebody else may take the index that was free: the next one, then. */
static enum bulla_reason counter_define_somewhere(
    struct bulla_tpm_burst *burst, ESYS_TR session, uint32_t *index, const uint8_t auth[static 32])
{
    enum bulla_reason reason = BULLA_TPM_NV;
    uint32_t candidate = INDEX_FIRST;
    for (int attempt = 0; attempt < INDEX_ATTEMPTS; attempt++, candidate++) {
        BULLA_TRY(index_free(burst, &candidate));
        reason = bulla_tpm_nv_define(burst, session, candidate, &counters, auth);
        if (reason != BULLA_TPM_NV)
            break;
    }
    *index = reason == BULLA_TPM_NV ? 0 : candidate; /* that one is somebody else's, or there is no room */
    return reason;
}

/* The first increment makes the value; a counter that has none is removed again. */
static enum bulla_reason counter_first(
    struct bulla_tpm_burst *burst, uint32_t index, const uint8_t auth[static 32], uint64_t *value)
{
    struct counter counter = {ESYS_TR_NONE, ESYS_TR_NONE};
    enum bulla_reason reason = counter_begin(burst, index, auth, &counter);
    if (reason == BULLA_OK)
        reason = counter_step(burst, &counter);
    if (reason == BULLA_OK)
        reason = counter_value(burst, &counter, value);
    if (reason == BULLA_OK || counter.nv == ESYS_TR_NONE)
        return reason;
    struct bulla_detail_kept detail;
    bulla_detail_keep(&detail);
    enum bulla_reason ignored = bulla_tpm_nv_undefine(burst, counter.nv, "removing the counter");
    (void)ignored;
    bulla_detail_restore(&detail);
    return reason;
}

enum bulla_reason bulla_tpm_counter_create(
    const char *tcti, const uint8_t auth[static 32], uint32_t *index, uint64_t *value)
{
    ESYS_TR primary = ESYS_TR_NONE, session = ESYS_TR_NONE;
    uint8_t name[BULLA_TPM_NAME_SIZE];
    if (*index != 0)
        BULLA_TRY(index_check(*index));
    BULLA_TPM_BURST struct bulla_tpm_burst burst;
    BULLA_TRY(bulla_tpm_burst_open(&burst, tcti));
    BULLA_TRY(bulla_tpm_primary(&burst, &primary, name));
    BULLA_TRY(bulla_tpm_session(&burst, primary, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT, &session));
    if (*index != 0)
        BULLA_TRY(bulla_tpm_nv_define(&burst, session, *index, &counters, auth));
    else
        BULLA_TRY(counter_define_somewhere(&burst, session, index, auth));
    return counter_first(&burst, *index, auth, value);
}

/* The secret goes first: nobody gets its index before the counter's is free. */
enum bulla_reason bulla_tpm_counter_remove(const char *tcti, uint32_t index)
{
    ESYS_TR nv = ESYS_TR_NONE;
    BULLA_TRY(index_check(index));
    BULLA_TPM_BURST struct bulla_tpm_burst burst;
    BULLA_TRY(bulla_tpm_burst_open(&burst, tcti));
    BULLA_TRY(bulla_tpm_nv_secret_discard(&burst, bulla_tpm_nv_secret_index(index)));
    BULLA_TRY(bulla_tpm_nv_find(&burst, index, &counters, &nv));
    return bulla_tpm_nv_undefine(&burst, nv, "removing the counter");
}
