/* ESAPI frees its memory without wiping it. What is secret in there is overwritten in place before, by ESAPI itself,
 * on a muted channel which lets nothing out to the TPM any more:
 *     the auth value of an object             by another one
 *     session key ‖ auth value of a session   by preparing a command with that other auth value
 *     the parameters of the last command      by the parameters of a Create
 *     the last response, an unsealed share    by the answer of the muted channel, which fills the buffer
 * Session keys stay: they open nothing but what went over the bus in that session. A session whose answer was tampered
 * with on the bus is beyond repair for ESAPI, and so are then its own copies. What its functions left on the stack is
 * cleared.
 *
 * ESAPI works with OpenSSL's default context of the thread, which is the host's and may have a PKCS#11 provider in it,
 * which may be us: for the time of a burst the thread has our own. */
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

/* Not the number of any ESAPI object. */
static const ESYS_TR NOWHERE = 0xfffffffe;

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
    if (burst->channel.state == BULLA_TPM_CHANNEL_LATE || burst->channel.state == BULLA_TPM_CHANNEL_BROKEN)
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

/* The union of parameters is filled before the handles are looked up: a Create below an unknown parent does that, and
 * no more. */
static void parameters_overwrite(ESYS_CONTEXT *esys)
{
    static const TPM2B_SENSITIVE_CREATE zeros;
    static const TPM2B_PUBLIC public;
    static const TPM2B_DATA outside;
    static const TPML_PCR_SELECTION selection;
    (void)Esys_Create_Async(
        esys, NOWHERE, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &zeros, &public, &outside, &selection);
}

/* Not zeros: ESAPI cuts them off an auth value. */
static void auth_overwrite(ESYS_CONTEXT *esys, const struct bulla_tpm_holder *holder)
{
    TPM2B_AUTH other = {.size = 32};
    TPM2B_SENSITIVE_DATA *nothing = NULL;
    memset(other.buffer, 0xa5, other.size);
    (void)Esys_TR_SetAuth(esys, holder->object, &other);
    (void)Esys_Unseal(esys, holder->object, holder->session, ESYS_TR_NONE, ESYS_TR_NONE, &nothing);
}

static void esys_end(struct bulla_tpm_burst *burst)
{
    burst->channel.muted = true;
    parameters_overwrite(burst->esys);
    while (burst->holder_count > 0)
        auth_overwrite(burst->esys, &burst->holders[--burst->holder_count]);
    TPM2B_DIGEST *nothing = NULL; /* any command has the response's buffer filled */
    (void)Esys_GetRandom(burst->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, 32, &nothing);
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

/* --- auth values --- */

void bulla_tpm_holder_note(struct bulla_tpm_burst *burst, ESYS_TR object, ESYS_TR session)
{
    if (burst->holder_count < BULLA_TPM_HOLDERS)
        burst->holders[burst->holder_count++] = (struct bulla_tpm_holder){object, session};
}

enum bulla_reason bulla_tpm_authorize(
    struct bulla_tpm_burst *burst, ESYS_TR object, ESYS_TR session, const uint8_t auth[static 32])
{
    BULLA_SECRET TPM2B_AUTH *value = NULL;
    BULLA_TRY(bulla_secret_allocate(sizeof *value, (void **)&value));
    value->size = 32;
    memcpy(value->buffer, auth, 32);
    bulla_tpm_holder_note(burst, object, session);
    return bulla_tpm_check(burst, Esys_TR_SetAuth(burst->esys, object, value), "setting an auth value");
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
