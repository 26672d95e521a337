/* AWS Nitro Enclaves: attestation documents, as the Nitro Security Module signs them (docs/evidence.md). */
#ifndef BULLA_EVIDENCE_NITRO_H
#define BULLA_EVIDENCE_NITRO_H

#include "verifier.h"

enum {
    BULLA_NITRO_PAYLOAD_LARGEST = 16384,
    BULLA_NITRO_PCRS = 32,
    BULLA_NITRO_BUNDLE = 7, /* certificates above the leaf's: a chain has at most 8 */
};

/* The map that is signed, checked for its form and bounds alone. The views point into it. */
struct bulla_nitro_payload {
    struct bulla_bytes module_id;
    uint64_t timestamp; /* milliseconds, above 0 */
    uint32_t pcr_mask;
    struct bulla_bytes pcrs[BULLA_NITRO_PCRS];     /* those of the mask: 32, 48 or 64 bytes */
    struct bulla_bytes certificate;                /* of the key that signed */
    struct bulla_bytes bundle[BULLA_NITRO_BUNDLE]; /* the root first */
    size_t bundle_count;
    struct bulla_bytes public_key, user_data, nonce; /* `data` NULL where the document says null */
};
/* Every key of the map once and nothing else; maps of indefinite length are taken. BULLA_MALFORMED, BULLA_DUPLICATE,
 * BULLA_UNKNOWN_FIELD, BULLA_TOO_LARGE, BULLA_TRUNCATED, BULLA_TRAILING, BULLA_UNSUPPORTED, BULLA_NOT_TEXT. */
enum bulla_reason bulla_nitro_payload_read(
    struct bulla_bytes bytes, struct bulla_nitro_payload *payload) BULLA_MUST_USE;

/* Judges chains at the document's own time unless told another; the document's time must then still lie within the
 * validity of every certificate. Documents of an enclave in debug mode (PCR0, 1 or 2 is zero) are refused with
 * BULLA_EVIDENCE_DEBUG. Measurements: every PCR. Report data: user_data. */
extern const struct bulla_evidence_verifier bulla_nitro_verifier;

#endif
