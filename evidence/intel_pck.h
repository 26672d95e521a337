/* What a PCK certificate says of the platform whose quoting enclave it certifies (Intel SGX PCK Certificate and
 * Certificate Revocation List Profile Specification, 1.3.5: the extension 1.2.840.113741.1.13.1). */
#ifndef BULLA_EVIDENCE_INTEL_PCK_H
#define BULLA_EVIDENCE_INTEL_PCK_H

#include "crypto/certificate.h"

enum { BULLA_TCB_COMPONENTS = 16 };

struct bulla_pck {
    uint8_t components[BULLA_TCB_COMPONENTS]; /* SVNs of the platform's TCB */
    uint16_t pce_svn;
    uint8_t fmspc[6], pce_id[2];
};
/* BULLA_CERTIFICATE_INVALID: the extension is missing, not whole, or says a thing twice. */
enum bulla_reason bulla_pck_read(const struct bulla_certificate *certificate, struct bulla_pck *pck) BULLA_MUST_USE;

#endif
