/* The TPM backend: leaf "tpm", quotes, endorsement and NV counters, over ESAPI.
 *
 * Each function is one burst of commands; the bursts of all processes that use bulla on one unix socket take turns, for
 * swtpm serves one client and has three slots. A burst has a deadline (BULLA_TPM_TIMEOUT after 10 s by default). On
 * every path what it loaded is flushed; only a TPM that hangs for a second more than the deadline keeps it, unless a
 * resource manager (/dev/tpmrm0) cleans up behind us. Sessions that carry a share are salted to the storage primary,
 * whose name is pinned in the blob at sealing; parameters and answers with secrets in them are encrypted. What tss
 * keeps of secrets is overwritten; its own logging is silenced by TSS2_LOG in the environment, unless that is set
 * already. */
#ifndef BULLA_TPM_BACKEND_TPM_H
#define BULLA_TPM_BACKEND_TPM_H

#include "evidence/tpm_quote.h"
#include "release/backend.h"
#include "release/leaf.h"

/* "tpm": for the token key's tree (request->authority empty) the share is sealed with authValue = Argon2id(passphrase,
 * salt in the blob), under the TPM's dictionary-attack protection; for an object's tree authPolicy =
 * PolicyAuthorize(authority, policyRef) ∧ PolicyAuthValue(request->auth_value), noDA. */
extern const struct bulla_leaf_scheme bulla_tpm_leaf;

/* How long a burst may take, in ms, for the whole process; 0: the default. Flushing may add a second. */
void bulla_tpm_deadline_set(unsigned milliseconds);

/* Only swtpm:…, device:/dev/tpm… and mssim:… are taken; strings that run commands (cmd:, pcap:) are refused:
 * BULLA_CONFIG_TCTI. Hosts are IP addresses or localhost. */
enum bulla_reason bulla_tpm_tcti_check(const char *tcti) BULLA_MUST_USE;

struct bulla_tpm_status {
    char manufacturer[8];
    uint64_t firmware;
    uint32_t max_tries, lockout_counter, recovery_seconds;
    bool in_lockout, owner_auth_set, lockout_auth_set;
    uint32_t nv_indexes_free;                   /* what the TPM estimates (TPM_PT_NV_COUNTERS_AVAIL): often more fit */
    uint32_t transient_loaded, sessions_loaded; /* for the leak tests */
};
enum bulla_reason bulla_tpm_status_read(const char *tcti, struct bulla_tpm_status *status) BULLA_MUST_USE;

/* SHA-256 bank. values: those of `mask`, at their index. */
enum bulla_reason bulla_tpm_pcr_read(
    const char *tcti, uint32_t mask, uint8_t values[static BULLA_PCR_COUNT][32]) BULLA_MUST_USE;

/* The token's attestation key: a restricted P-256 signing key under the owner hierarchy's storage primary; `blob` is
 * its wrapped form, kept in the store. */
enum bulla_reason bulla_tpm_attestation_key_create(const char *tcti, struct bulla_writer *blob) BULLA_MUST_USE;
/* PCRs of one bank. */
struct bulla_tpm_selected {
    enum bulla_hash bank; /* SHA-256, SHA-384 or SHA-512 */
    uint32_t mask;
};
/* Quotes these PCRs over SHA-256(report) and appends the evidence document. BULLA_ARGUMENT for no PCRs, one above 23,
 * or a bank of SHA-1; BULLA_TPM_FAILED where the TPM does not have the bank. */
enum bulla_reason bulla_tpm_quote(const char *tcti, struct bulla_bytes key_blob, struct bulla_tpm_selected selected,
    struct bulla_bytes report, struct bulla_writer *document) BULLA_MUST_USE;

/* The attestation key's TPMT_PUBLIC, and its name (34 bytes): from the blob alone. */
enum bulla_reason bulla_tpm_attestation_key_public(
    struct bulla_bytes key_blob, struct bulla_writer *public_area, struct bulla_writer *name) BULLA_MUST_USE;

/* Tells each endorsement key of the TCG's default templates (EK Credential Profile, 2.2 and B.3 to B.6) whose
 * certificate is in NV and is this key's: ECC P-256, ECC P-384, RSA 2048. Each is one burst; an RSA key may take a real
 * TPM seconds. BULLA_UNSUPPORTED: there is no certificate; BULLA_TPM_OTHER: none of them is for the key that the TPM
 * makes. */
enum bulla_reason bulla_tpm_endorsements(const char *tcti, bulla_backend_endorse *tell, void *context) BULLA_MUST_USE;
/* TPM2_ActivateCredential for the attestation key: TPM2B_ID_OBJECT ‖ TPM2B_ENCRYPTED_SECRET in, the secret out. The
 * size of the second part tells which endorsement key it is for. BULLA_MALFORMED: neither; BULLA_AUTHENTICATION: made
 * for another TPM or another attestation key, or changed. */
enum bulla_reason bulla_tpm_activate(const char *tcti, struct bulla_bytes key_blob, struct bulla_bytes credential,
    struct bulla_writer *secret) BULLA_MUST_USE;

/* A monotonic NV counter of the token: defined with an auth value (32 bytes from the token's own secret) so that
 * another user of the TPM does not move it. `index` is chosen free in 0x0182B000…0x0182BFFF when 0; on a refusal it
 * names an index that may have been left defined, for a connection that was lost can't remove it. A new counter starts
 * above every counter the TPM ever had. A refusal of an increment may come after the step was taken: read it then. */
enum bulla_reason bulla_tpm_counter_create(
    const char *tcti, const uint8_t auth[static 32], uint32_t *index, uint64_t *value) BULLA_MUST_USE;
enum bulla_reason bulla_tpm_counter_read(
    const char *tcti, uint32_t index, const uint8_t auth[static 32], uint64_t *value) BULLA_MUST_USE;
enum bulla_reason bulla_tpm_counter_increment(
    const char *tcti, uint32_t index, const uint8_t auth[static 32], uint64_t *value) BULLA_MUST_USE;
enum bulla_reason bulla_tpm_counter_remove(const char *tcti, uint32_t index) BULLA_MUST_USE; /* with its secret */

/* A secret beside a counter (release/backend.h): ordinary NV, read and written under `auth` alone. BULLA_TPM_NV: there
 * is none, or it was never written. A write that is refused may have been made: read it then. */
enum bulla_reason bulla_tpm_nv_secret_create(const char *tcti, uint32_t counter, const uint8_t auth[static 32],
    const uint8_t secret[static BULLA_NV_SECRET]) BULLA_MUST_USE;
enum bulla_reason bulla_tpm_nv_secret_read(const char *tcti, uint32_t counter, const uint8_t auth[static 32],
    uint8_t secret[static BULLA_NV_SECRET]) BULLA_MUST_USE;
enum bulla_reason bulla_tpm_nv_secret_write(const char *tcti, uint32_t counter, const uint8_t auth[static 32],
    const uint8_t secret[static BULLA_NV_SECRET]) BULLA_MUST_USE;

enum bulla_reason bulla_tpm_clock(const char *tcti, struct bulla_backend_clock *clock) BULLA_MUST_USE;

#endif
