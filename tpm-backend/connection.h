/* A burst: one connection to the TPM, an ESAPI context on it, and the promise that nothing of ours stays behind.
 *
 *     BULLA_TPM_BURST struct bulla_tpm_burst burst;
 *     BULLA_TRY(bulla_tpm_burst_open(&burst, request->tcti));
 *     BULLA_TRY(bulla_tpm_check(&burst, Esys_…(burst.esys, …), "doing this"));
 *
 * Closing overwrites what ESAPI keeps of secrets, flushes what was loaded and clears the stack below. */
#ifndef BULLA_TPM_BACKEND_CONNECTION_H
#define BULLA_TPM_BACKEND_CONNECTION_H

#include <openssl/types.h>
#include <tss2/tss2_esys.h>

#include "channel.h"
#include "crypto/bytes.h"

enum { BULLA_TPM_HOLDERS = 4 };

/* An ESAPI object that was given an auth value, and the session that was keyed with it (or ESYS_TR_NONE). */
struct bulla_tpm_holder {
    ESYS_TR object, session;
};

struct bulla_tpm_burst {
    struct bulla_tpm_channel channel;
    ESYS_CONTEXT *esys;
    OSSL_LIB_CTX *host_library; /* the thread's OpenSSL context, put back at the end */
    struct bulla_tpm_holder holders[BULLA_TPM_HOLDERS];
    size_t holder_count;
};

/* BULLA_CONFIG_TCTI, BULLA_TPM_UNREACHABLE, BULLA_TPM_TIMEOUT, BULLA_TPM_FAILED. On refusal it is closed already. */
enum bulla_reason bulla_tpm_burst_open(struct bulla_tpm_burst *burst, const char *tcti) BULLA_MUST_USE;
/* Does nothing to one that is closed. */
void bulla_tpm_burst_close(struct bulla_tpm_burst *burst);
#define BULLA_TPM_BURST __attribute__((cleanup(bulla_tpm_burst_close)))

/* The reason for a response code; `doing` begins the detail. */
enum bulla_reason bulla_tpm_check(struct bulla_tpm_burst *burst, TSS2_RC code, const char *doing) BULLA_MUST_USE;

/* Gives ESAPI the auth value (32 bytes) of an object, for use in `session`. */
enum bulla_reason bulla_tpm_authorize(
    struct bulla_tpm_burst *burst, ESYS_TR object, ESYS_TR session, const uint8_t auth[static 32]) BULLA_MUST_USE;
/* Notes an object that ESAPI has an auth value of already. */
void bulla_tpm_holder_note(struct bulla_tpm_burst *burst, ESYS_TR object, ESYS_TR session);

/* The values of TPM properties (TPM2_PT_…), in the order asked for; 0 for one that the TPM does not have. */
enum bulla_reason bulla_tpm_properties(
    struct bulla_tpm_burst *burst, const uint32_t *properties, size_t count, uint32_t *values) BULLA_MUST_USE;

#endif
