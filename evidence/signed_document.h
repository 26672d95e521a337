/* What policy bundles, grants and revocations share: COSE_Sign1 by a P-256 authority, over a map that names its format
 * in field 0 and that authority in field 1. Used by policy*.c and grant*.c only. */
#ifndef BULLA_EVIDENCE_SIGNED_DOCUMENT_H
#define BULLA_EVIDENCE_SIGNED_DOCUMENT_H

#include "crypto/cose.h"

enum { BULLA_SIGNED_FORMAT, BULLA_SIGNED_AUTHORITY };

struct bulla_signed_kind {
    const char *what;   /* for people: "policy bundle" */
    const char *format; /* "bulla/1 policy" */
    size_t largest;
};
extern const struct bulla_signed_kind bulla_signed_policy, bulla_signed_grant, bulla_signed_revocation;

/* The first two rows of `fields` are those of format and authority, each with a value. On success the values of all
 * rows are those of a document that its authority signed, and views of `bytes`. `authority`: the one expected, or
 * empty. BULLA_POLICY_AUTHORITY, BULLA_POLICY_SIGNATURE, BULLA_TOO_LARGE, and what bulla_cbor_fields says. */
enum bulla_reason bulla_signed_read(const struct bulla_signed_kind *kind, struct bulla_bytes bytes,
    struct bulla_bytes authority, const struct bulla_cbor_field *fields, size_t count) BULLA_MUST_USE;
#define BULLA_SIGNED_FIELDS(value)                                                                                     \
    {BULLA_SIGNED_FORMAT, NULL, BULLA_CBOR_TSTR, false, &(value)[BULLA_SIGNED_FORMAT], 0, 0},                          \
    {                                                                                                                  \
        BULLA_SIGNED_AUTHORITY, NULL, BULLA_CBOR_BSTR, false, &(value)[BULLA_SIGNED_AUTHORITY], 65, 65                 \
    }

/* The head of a map of `fields` fields with the first two; the caller writes the others behind it. */
void bulla_signed_begin(const struct bulla_signed_kind *kind, struct bulla_writer *payload,
    const uint8_t authority[static 65], size_t fields);
/* Appends the signed message. BULLA_ARGUMENT: the signer is none of ES256; BULLA_BUFFER_SMALL. */
enum bulla_reason bulla_signed_write(const struct bulla_signed_kind *kind, struct bulla_bytes payload,
    const struct bulla_cose_signer *signer, struct bulla_writer *writer) BULLA_MUST_USE;

/* One field of such a map. */
void bulla_signed_number(struct bulla_writer *writer, uint64_t key, uint64_t number);
void bulla_signed_bytes(struct bulla_writer *writer, uint64_t key, struct bulla_bytes bytes);
void bulla_signed_text(struct bulla_writer *writer, uint64_t key, struct bulla_bytes utf8);

#endif
