/* ESAPI keeps what passes through it in memory that it frees without wiping: the auth value of every object that it
 * knows, and the parameters of its last command. Both are overwritten in place before it is finalized; what its
 * functions left on the stack is cleared then. It works with OpenSSL's default context of the thread, which is the
 * host's and may have a PKCS#11 provider in it, which may be us: for the time of a burst the thread has our own. */
#include "connection.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/arena.h"
#include "crypto/library.h"
#include "response.h"
#include "tpm.h"

enum { DEADLINE_MS = 10000, STACK_CLEARED = 32768 };

static atomic_uint deadline_ms = DEADLINE_MS;
static pthread_once_t silence_once = PTHREAD_ONCE_INIT;

void bulla_tpm_deadline_set(unsigned milliseconds)
{
    atomic_store(&deadline_ms, milliseconds > 0 ? milliseconds : DEADLINE_MS);
}

/* tss writes warnings to the host's stderr when a PIN is wrong. Each file of it reads TSS2_LOG by itself at its first
 * message, whenever that is, and there is no other way to set the level; so the variable has to stay in the
 * environment. A value that the host or its operator chose is left alone. */
static void silence(void)
{
    (void)setenv("TSS2_LOG", "all+none", 0);
}

/* --- codes --- */

enum bulla_reason bulla_tpm_check(struct bulla_tpm_burst *burst, TSS2_RC code, const char *doing)
{
    if (code == TSS2_RC_SUCCESS)
        return BULLA_OK;
    if (burst->channel.timed_out || burst->channel.state == BULLA_TPM_CHANNEL_BROKEN)
        return bulla_tpm_channel_refuse(&burst->channel, doing);
    uint32_t layer = code & TSS2_RC_LAYER_MASK;
    if (layer == TSS2_TPM_RC_LAYER || layer == TSS2_RESMGR_TPM_RC_LAYER) {
        const struct bulla_tpm_response *row = bulla_tpm_response_find(code & ~TSS2_RC_LAYER_MASK);
        if (row)
            return bulla_refuse(row->reason, "%s: %s (TPM response 0x%x)", doing, row->words, code & 0xfff);
        return bulla_refuse(BULLA_TPM_FAILED, "%s: TPM response 0x%x", doing, code & 0xfff);
    }
    if (code == TSS2_ESYS_RC_RSP_AUTH_FAILED)
        return bulla_refuse(BULLA_TPM_FAILED, "%s: the TPM's answer was changed on its way", doing);
    return bulla_refuse(BULLA_TPM_FAILED, "%s: tss code 0x%x", doing, code);
}

/* --- the burst --- */

/* A command that changes nothing: where another client holds the TPM it waits here, and if we give up while it is still
 * queued, its late execution does no harm. */
static enum bulla_reason knock(struct bulla_tpm_burst *burst)
{
    static const uint8_t command[] = {0x80, 0x01, 0, 0, 0, 22, 0, 0, 0x01, 0x7a, /* GetCapability: */
        0, 0, 0, TPM2_CAP_TPM_PROPERTIES, 0, 0, 0x02, 0, 0, 0, 0, 1};
    return bulla_tpm_check(burst, bulla_tpm_channel_command(&burst->channel, command, sizeof command), "connecting");
}

static enum bulla_reason begin(struct bulla_tpm_burst *burst, const char *tcti)
{
    uint64_t deadline = bulla_tpm_now_ms() + atomic_load(&deadline_ms);
    BULLA_TRY(bulla_tpm_channel_open(&burst->channel, tcti, deadline));
    BULLA_TRY(knock(burst));
    OSSL_LIB_CTX *ours = bulla_openssl_context();
    if (!ours)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "no OpenSSL context");
    burst->host_library = OSSL_LIB_CTX_set0_default(ours);
    return bulla_tpm_check(burst, Esys_Initialize(&burst->esys, (TSS2_TCTI_CONTEXT *)&burst->channel, NULL), "ESAPI");
}

enum bulla_reason bulla_tpm_burst_open(struct bulla_tpm_burst *burst, const char *tcti)
{
    (void)pthread_once(&silence_once, silence);
    burst->esys = NULL;
    burst->host_library = NULL;
    burst->holder_count = 0;
    enum bulla_reason reason = begin(burst, tcti);
    if (reason != BULLA_OK)
        bulla_tpm_burst_close(burst);
    return reason;
}

static void esys_end(struct bulla_tpm_burst *burst)
{
    static const TPM2B_AUTH zeros = {.size = sizeof zeros.buffer};
    while (burst->holder_count > 0)
        (void)Esys_TR_SetAuth(burst->esys, burst->holders[--burst->holder_count], &zeros);
    bulla_tpm_parameters_overwrite(burst);
    Esys_Finalize(&burst->esys);
    sodium_stackzero(STACK_CLEARED);
}

void bulla_tpm_burst_close(struct bulla_tpm_burst *burst)
{
    if (burst->esys)
        esys_end(burst);
    if (burst->host_library)
        (void)OSSL_LIB_CTX_set0_default(burst->host_library);
    burst->host_library = NULL;
    bulla_tpm_channel_close(&burst->channel);
}

/* --- auth values and parameters --- */

enum bulla_reason bulla_tpm_authorize(struct bulla_tpm_burst *burst, ESYS_TR object, struct bulla_bytes auth)
{
    BULLA_SECRET TPM2B_AUTH *value = NULL;
    if (auth.size > 32 || burst->holder_count == BULLA_TPM_HOLDERS)
        return bulla_refuse(BULLA_ARGUMENT, "an auth value of %zu bytes", auth.size);
    BULLA_TRY(bulla_secret_allocate(sizeof *value, (void **)&value));
    value->size = (UINT16)auth.size;
    memcpy(value->buffer, auth.data, auth.size);
    burst->holders[burst->holder_count++] = object;
    return bulla_tpm_check(burst, Esys_TR_SetAuth(burst->esys, object, value), "setting an auth value");
}

/* ESAPI copies a command's parameters into one union before it looks its handles up: a Create of zeros below no parent
 * fills the union and sends nothing. */
void bulla_tpm_parameters_overwrite(struct bulla_tpm_burst *burst)
{
    static const TPM2B_SENSITIVE_CREATE zeros;
    static const TPM2B_PUBLIC public;
    static const TPM2B_DATA outside;
    static const TPML_PCR_SELECTION selection;
    (void)Esys_Create_Async(
        burst->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &zeros, &public, &outside, &selection);
}

/* --- properties --- */

enum bulla_reason bulla_tpm_properties(
    struct bulla_tpm_burst *burst, const uint32_t *properties, size_t count, uint32_t *values)
{
    for (size_t i = 0; i < count; i++) {
        TPMS_CAPABILITY_DATA *data = NULL;
        BULLA_TRY(bulla_tpm_check(burst,
            Esys_GetCapability(burst->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_TPM_PROPERTIES,
                properties[i], 1, NULL, &data),
            "reading the TPM's properties"));
        const TPML_TAGGED_TPM_PROPERTY *list = &data->data.tpmProperties;
        bool there = data->capability == TPM2_CAP_TPM_PROPERTIES && list->count > 0 &&
                     list->tpmProperty[0].property == properties[i];
        values[i] = there ? list->tpmProperty[0].value : 0;
        Esys_Free(data);
    }
    return BULLA_OK;
}
