/* What a leaf of a release tree has to do: the contract of every backend.
 *
 * A leaf scheme seals one 32-byte share into an opaque blob and gives it back only where its condition holds. Backends
 * include this header, evidence/ and crypto/, and nothing else of the module; compose.c alone names them. */
#ifndef BULLA_RELEASE_LEAF_H
#define BULLA_RELEASE_LEAF_H

#include "crypto/bytes.h"

enum { BULLA_SHARE_SIZE = 32, BULLA_LEAF_BLOB_LARGEST = 4096, BULLA_LEAF_PATH_LARGEST = 64 };

/* An approval that the TPM checks itself: the authority's P-256 signature over SHA-256(approvedPolicy ‖ policyRef), for
 * one set of PCRs. */
struct bulla_approval {
    uint8_t bank;                /* log2 of the digest: only SHA-256 banks are taken; TPM_ALG_SHA256 = 0x0b */
    uint32_t pcr_mask;           /* bit i: PCR i, 0…23 */
    uint8_t pcr_digest[32];      /* SHA-256 over the selected PCRs' values, ascending */
    uint8_t approved_policy[32]; /* PolicyPCR's digest */
    uint8_t signature[64];       /* r ‖ s */
};

/* Whose tree it is. A PIN's opens the token key or proves the SO: its leaves take the PIN, and it has no authority. */
enum bulla_leaf_purpose { BULLA_LEAF_UNSET, BULLA_LEAF_OF_PIN, BULLA_LEAF_OF_OBJECT };

/* What a share is bound to (AAD, policy, auth values) and what its opening may use. Views are the caller's. */
struct bulla_leaf_request {
    enum bulla_leaf_purpose purpose;
    uint8_t token[16];                      /* serial */
    uint8_t object[16];                     /* the object's unique id; of a PIN's tree a constant for each role */
    char path[BULLA_LEAF_PATH_LARGEST];     /* place in the tree: "0.2" */
    struct bulla_bytes passphrase;          /* PIN or passphrase, in the arena; empty when there is none */
    struct bulla_bytes auth_value;          /* 32 bytes derived from the token key, for an object's leaf; else empty */
    struct bulla_bytes authority;           /* P-256 public key (65 bytes, 0x04 first); empty for a PIN's tree */
    uint8_t policy_ref[32];                 /* H(authority ‖ epoch) */
    const struct bulla_approval *approvals; /* of the policy in force */
    size_t approval_count;
    /* Why there are no approvals, where there are none: what an attesting leaf refuses with. Other leaves go on. */
    enum bulla_reason policy_refusal;
    const char *policy_refusal_detail;
    const char *tcti; /* of the token's configuration; NULL when it has none */
    bool quick;       /* cheap Argon2id: pin-cost = quick */
};

struct bulla_leaf_scheme {
    const char *name;   /* as written in a tree: "tpm" */
    bool attests;       /* opening depends on attested state */
    bool forgets;       /* what it sealed can be made unopenable: keys with state may use it */
    bool protects_pin;  /* may hold the token key under a PIN */
    bool by_passphrase; /* an object's leaf opens with the passphrase of the request */
    /* Appends the blob to `blob`. Wipes nothing of the caller's. */
    enum bulla_reason (*seal)(
        const struct bulla_leaf_request *request, const uint8_t share[static 32], struct bulla_writer *blob);
    /* Refuses with the reason a person can act on. Whatever stands in `share` then is the caller's to wipe:
     * tree_open.c, the only one, does it for every part that fails. */
    enum bulla_reason (*open)(
        const struct bulla_leaf_request *request, struct bulla_bytes blob, uint8_t share[static 32]);
    /* One line for `bulla status`: what it needs, and whether it is there now. May connect; has a deadline. */
    enum bulla_reason (*describe)(const struct bulla_leaf_request *request, char *line, size_t size);
};

/* Writes what binds a blob to its place, as the AAD of the box in it: `what` names the scheme, `parameters` is what of
 * the blob stands before the box; then token, object, path, authority and policyRef. */
enum { BULLA_LEAF_BINDING_LARGEST = 384 };
enum bulla_reason bulla_leaf_bind(const struct bulla_leaf_request *request, const char *what,
    struct bulla_bytes parameters, struct bulla_writer *aad) BULLA_MUST_USE;

/* All schemes, by name, defined in compose.c; ends with NULL. */
extern const struct bulla_leaf_scheme *const bulla_leaf_schemes[];
const struct bulla_leaf_scheme *bulla_leaf_scheme_find(struct bulla_bytes name);

#endif
