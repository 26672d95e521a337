/* TPM2_MakeCredential without a TPM: a secret that only the TPM which holds this endorsement key can read, and only
 * while it also holds a key of this name (TPM 2.0 Library Part 1, 24).
 *
 * It is what an enrolment stands on: the endorsement key's certificate (tpm_ek.h) says that it is a real TPM's, and
 * whoever gives the secret back has shown that the attestation key lies in the same TPM. */
#ifndef BULLA_EVIDENCE_TPM_CREDENTIAL_H
#define BULLA_EVIDENCE_TPM_CREDENTIAL_H

#include "tpm_structures.h"

enum { BULLA_CREDENTIAL_SECRET_LARGEST = 32, BULLA_CREDENTIAL_LARGEST = 1024 };

/* `ek_public`: TPMT_PUBLIC of the endorsement key, RSA or P-256 or P-384, which protects by AES; that it is a TPM's own
 * is not checked here. `ak_name`: 34 or 50 bytes. `secret`: 1 to 32 bytes, in the arena.
 * Writes TPM2B_ID_OBJECT ‖ TPM2B_ENCRYPTED_SECRET, as TPM2_ActivateCredential takes them; nothing of it is secret.
 * BULLA_ARGUMENT, BULLA_UNSUPPORTED, BULLA_KEY_INVALID (a point off its curve), BULLA_MEMORY_LOCK. */
enum bulla_reason bulla_tpm_credential_make(struct bulla_bytes ek_public, struct bulla_bytes ak_name,
    struct bulla_bytes secret, struct bulla_writer *credential) BULLA_MUST_USE;

#endif
