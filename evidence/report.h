/* Report data: what evidence is bound to (DESIGN: Evidence is bound to its purpose; docs/formats.md, "Report data").
 *
 * SHA-256 over the deterministic CBOR array ["bulla/1", purpose, verifier, nonce, HPKE public key, token, object, path,
 * operation, grant's signer, authority, policy version]. The purpose is set by the code path that asks, never by a
 * caller: what was made for one purpose is refused for every other. */
#ifndef BULLA_EVIDENCE_REPORT_H
#define BULLA_EVIDENCE_REPORT_H

#include "crypto/cbor.h"

enum bulla_purpose { BULLA_PURPOSE_ATTEST, BULLA_PURPOSE_RECEIPT, BULLA_PURPOSE_RELEASE, BULLA_PURPOSE_COUNT };
const char *bulla_purpose_name(enum bulla_purpose purpose);      /* "attest", "receipt", "release" */
enum bulla_purpose bulla_purpose_named(struct bulla_bytes name); /* BULLA_PURPOSE_COUNT: none */

/* Absent parts are empty strings. */
struct bulla_report {
    enum bulla_purpose purpose;
    struct bulla_bytes verifier;
    struct bulla_bytes nonce;      /* at most 64 bytes */
    struct bulla_bytes public_key; /* the key that the evidence vouches for: HPKE or receipt key */
    struct bulla_bytes token;      /* 16 bytes */
    struct bulla_bytes object;     /* 16 bytes or empty */
    struct bulla_bytes path;
    struct bulla_bytes operation;
    struct bulla_bytes grant_signer;
    struct bulla_bytes authority;
    uint64_t policy_version;
};

enum { BULLA_REPORT_LARGEST = 1024 };
enum bulla_reason bulla_report_write(const struct bulla_report *report, struct bulla_writer *writer) BULLA_MUST_USE;
/* Strict; the views point into `bytes`. */
enum bulla_reason bulla_report_read(struct bulla_bytes bytes, struct bulla_report *report) BULLA_MUST_USE;
void bulla_report_digest(struct bulla_bytes encoded_report, uint8_t digest[static 32]);

#endif
