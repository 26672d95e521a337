/* Intel's collateral: what Intel says of platforms and quoting enclaves (Intel SGX and TDX Provisioning Certification
 * Service API, version 4), in one JSON object as quote providers give it (docs/evidence.md). Each statement is a text
 * which Intel signed as it stands; the text is never written again, only read. */
#ifndef BULLA_EVIDENCE_INTEL_COLLATERAL_H
#define BULLA_EVIDENCE_INTEL_COLLATERAL_H

#include "endorsements.h"

/* One signed statement. */
struct bulla_statement {
    struct bulla_bytes text;      /* exactly what was signed */
    uint8_t signature[64];        /* r ‖ s */
    struct bulla_endorsed signer; /* its chain, leaf first, with the root's revocation list */
};

struct bulla_collateral {
    void *json; /* holds the texts */
    struct bulla_statement tcb_info, qe_identity;
};

/* Takes the object apart and adds the PCK's two revocation lists to `pck_chain`, which then needs one by each of its
 * issuers; nothing is verified. Strict: every member that docs/evidence.md names, none beside them, none twice.
 * BULLA_MALFORMED, and the readers' reasons. */
enum bulla_reason bulla_collateral_read(
    struct bulla_bytes bytes, struct bulla_collateral *collateral, struct bulla_endorsed *pck_chain) BULLA_MUST_USE;
void bulla_collateral_free(struct bulla_collateral *collateral);
#define BULLA_COLLATERAL __attribute__((cleanup(bulla_collateral_free)))

/* Whether a statement is Intel's: chain of two to a pinned root, at a time, and the signature over the text. */
enum bulla_reason bulla_statement_verify(const struct bulla_statement *statement, const struct bulla_pins *pins,
    uint64_t at, const char *what) BULLA_MUST_USE;

#endif
