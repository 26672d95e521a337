/* Grants: which principal may do what with which of an authority's objects, from when to when, how often, how fast
 * (docs/formats.md, "Grant"). They stand in a policy bundle, or alone, signed by the same authority; a revocation takes
 * some back for good. What is left of a count, and what was revoked, is the token's to remember (module/core). */
#ifndef BULLA_EVIDENCE_GRANT_H
#define BULLA_EVIDENCE_GRANT_H

#include "crypto/cose.h"
#include "principal.h"

enum {
    BULLA_GRANT_ID = 16,
    BULLA_GRANT_OBJECT_LARGEST = 64,
    BULLA_GRANTS_LARGEST = 1024,
    BULLA_GRANT_DOCUMENT_LARGEST = 4096,
    BULLA_REVOCATIONS_LARGEST = 1024
};

/* Operations as bits, by PKCS#11 function; "infer" and "attest" are those of bulla's mechanisms. */
enum bulla_grant_operation {
    BULLA_MAY_INFER = 1 << 0,
    BULLA_MAY_SEAL = 1 << 1,
    BULLA_MAY_SIGN = 1 << 2,
    BULLA_MAY_DECRYPT = 1 << 3,
    BULLA_MAY_ENCRYPT = 1 << 4,
    BULLA_MAY_VERIFY = 1 << 5,
    BULLA_MAY_DERIVE = 1 << 6,
    BULLA_MAY_WRAP = 1 << 7,
    BULLA_MAY_UNWRAP = 1 << 8,
    BULLA_MAY_ALL = (1 << 9) - 1
};
const char *bulla_grant_operation_name(enum bulla_grant_operation operation); /* "infer"; NULL: no such bit */
/* "infer,sign" or "all". */
enum bulla_reason bulla_grant_operations_parse(const char *text, uint32_t *operations) BULLA_MUST_USE;

struct bulla_grant {
    uint8_t id[BULLA_GRANT_ID]; /* random; its uses are counted under it */
    struct bulla_principal who;
    uint8_t object[BULLA_GRANT_OBJECT_LARGEST]; /* the object's CKA_ID (a model id) or CKA_UNIQUE_ID's 16 bytes */
    uint8_t object_size;                        /* 0: every object of the authority */
    uint32_t operations;
    uint64_t not_before, not_after; /* Unix seconds, inclusive */
    uint64_t uses;                  /* 0: not counted */
    uint32_t rate, rate_seconds;    /* at most `rate` uses in any window of so many seconds; 0, 0: as fast as it can */
};

/* One map, inside a bundle's array or a document; every rule of form is checked. */
void bulla_grant_write_map(struct bulla_writer *writer, const struct bulla_grant *grant);
enum bulla_reason bulla_grant_read_map(const struct bulla_cbor *map, struct bulla_grant *grant) BULLA_MUST_USE;
/* Whether both say the same, id and all. */
bool bulla_grant_same(const struct bulla_grant *left, const struct bulla_grant *right);

/* Stand-alone documents: COSE_Sign1 by the authority. `authority`: the one expected (65 bytes), or empty to take the
 * document's own. BULLA_POLICY_AUTHORITY, BULLA_POLICY_SIGNATURE. */
struct bulla_grant_document {
    uint8_t authority[65];
    uint64_t epoch; /* counts under bundles of this epoch only */
    struct bulla_grant grant;
};
enum bulla_reason bulla_grant_sign(const struct bulla_grant_document *document, const struct bulla_cose_signer *signer,
    struct bulla_writer *writer) BULLA_MUST_USE;
enum bulla_reason bulla_grant_read(
    struct bulla_bytes bytes, struct bulla_bytes authority, struct bulla_grant_document *document) BULLA_MUST_USE;

struct bulla_revocation {
    uint8_t authority[65];
    size_t count;
    uint8_t ids[64][BULLA_GRANT_ID];
};
enum bulla_reason bulla_revocation_sign(const struct bulla_revocation *revocation,
    const struct bulla_cose_signer *signer, struct bulla_writer *writer) BULLA_MUST_USE;
enum bulla_reason bulla_revocation_read(
    struct bulla_bytes bytes, struct bulla_bytes authority, struct bulla_revocation *revocation) BULLA_MUST_USE;

/* Which kind of signed document these bytes are, by the format that the payload states; nothing is verified. */
enum bulla_policy_document {
    BULLA_DOCUMENT_UNKNOWN,
    BULLA_DOCUMENT_POLICY,
    BULLA_DOCUMENT_GRANT,
    BULLA_DOCUMENT_REVOCATION
};
enum bulla_policy_document bulla_policy_document_kind(struct bulla_bytes bytes);

/* --- deciding --- */
struct bulla_access {
    const struct bulla_principal *principals; /* proven; whoever is logged in is also ANYONE */
    size_t principal_count;
    struct bulla_bytes object_id;     /* CKA_ID */
    struct bulla_bytes object_unique; /* 16 bytes */
    uint32_t operation;               /* one bit */
    uint64_t now;
};
/* What a token remembers of a grant; asked for those that match otherwise. NULL functions: nothing is remembered. */
struct bulla_grant_memory {
    bool (*revoked)(void *context, const struct bulla_grant *grant);
    bool (*used_up)(void *context, const struct bulla_grant *grant);
    void *context;
};
/* The first grant that allows it, those without a count before those with one; else the refusal of the one that came
 * nearest, whatever their order: BULLA_GRANT_MISSING, _EXPIRED, _NOT_YET, _REVOKED, _USED_UP, each nearer than those
 * before it. Under 20 µs with 1,000 grants. */
enum bulla_reason bulla_grants_decide(const struct bulla_grant *grants, size_t count, const struct bulla_access *access,
    const struct bulla_grant_memory *memory, const struct bulla_grant **allowed) BULLA_MUST_USE;

#endif
