/* The kinds of endorsement keys that makers certify: templates and where their certificates are. */
#ifndef BULLA_TPM_BACKEND_ENDORSEMENT_H
#define BULLA_TPM_BACKEND_ENDORSEMENT_H

#include "connection.h"

struct bulla_tpm_endorsement_kind {
    const char *name;     /* "rsa-2048" */
    uint32_t certificate; /* NV index (TCG registry of reserved TPM 2.0 handles) */
    TPM2B_PUBLIC public;  /* the template */
    size_t secret_size;   /* of the TPM2B_ENCRYPTED_SECRET of a credential for it, with its size before it */
    bool by_policy;       /* authorised by PolicySecret(endorsement); else by its auth value, which is empty */
};

enum { BULLA_TPM_ENDORSEMENT_KINDS = 3 };
extern const struct bulla_tpm_endorsement_kind bulla_tpm_endorsement_kinds[BULLA_TPM_ENDORSEMENT_KINDS];

#endif
