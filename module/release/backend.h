/* What a trusted component does for a token beside opening leaves: evidence, counters that never go back, and its state
 * for people. Backends implement it next to leaf.h; compose.c names them. */
#ifndef BULLA_RELEASE_BACKEND_H
#define BULLA_RELEASE_BACKEND_H

#include "crypto/signature.h"
#include "evidence/claims.h"

/* One fact of a backend's state: text, or the number where text is NULL. */
struct bulla_backend_fact {
    const char *name;
    const char *text;
    uint64_t number;
};
typedef void bulla_backend_tell(void *context, const struct bulla_backend_fact *fact);

/* A key that the component's maker vouches for: his certificate (DER) and the key as the component itself writes it
 * (TPM: TPMT_PUBLIC); the two have been compared. Views that end with the call. */
struct bulla_backend_endorsement {
    const char *name; /* "ecc-p384" */
    struct bulla_bytes certificate, key;
};
typedef void bulla_backend_endorse(void *context, const struct bulla_backend_endorsement *endorsement);

enum { BULLA_ENDORSEMENT_CERTIFICATE_LARGEST = 8192, BULLA_ACTIVATED_LARGEST = 64, BULLA_NV_SECRET = 32 };

/* A clock that nobody turns back: it goes on while the component has power, and stands still while it has none. It may
 * be slow or fast by 15 %; after an unclean end it may be behind what it had told (then it is not `safe` until it has
 * caught up), and a cleared component begins at 0. */
struct bulla_backend_clock {
    uint64_t milliseconds;
    uint32_t resets, restarts;
    bool safe;
};

struct bulla_backend {
    const char *name; /* "tpm" */
    /* How many wrong PINs the component itself allows before it locks, and how many it allows now; the token's own
     * count stays below the first. */
    enum bulla_reason (*tries)(const char *tcti, unsigned *most, unsigned *left);
    enum bulla_reason (*state)(const char *tcti, uint32_t pcrs, bulla_backend_tell *tell, void *context);
    /* An attestation key, in wrapped form: what an attester with needs_key signs with. */
    enum bulla_reason (*key_create)(const char *tcti, struct bulla_writer *blob);
    /* Enrolment: a maker's certificate, and proof that the attestation key lies in the component that it is for. NULL
     * for components that carry their proof in the evidence itself.
     * Tells each endorsement; BULLA_UNSUPPORTED when there is none. */
    enum bulla_reason (*endorsements)(const char *tcti, bulla_backend_endorse *tell, void *context);
    /* The attestation key as the component writes it (TPMT_PUBLIC), and its name; asks no component. */
    enum bulla_reason (*key_public)(
        struct bulla_bytes key_blob, struct bulla_writer *public_area, struct bulla_writer *name);
    /* The secret in a credential that was made for an endorsement and this attestation key: at most
     * BULLA_ACTIVATED_LARGEST bytes. BULLA_AUTHENTICATION: it was made for another, or changed. */
    enum bulla_reason (*activate)(
        const char *tcti, struct bulla_bytes key_blob, struct bulla_bytes credential, struct bulla_writer *secret);
    /* Monotonic counters, each under an auth value of its own. */
    enum bulla_reason (*counter_create)(
        const char *tcti, const uint8_t auth[static 32], uint32_t *index, uint64_t *value);
    enum bulla_reason (*counter_read)(const char *tcti, uint32_t index, const uint8_t auth[static 32], uint64_t *value);
    enum bulla_reason (*counter_increment)(
        const char *tcti, uint32_t index, const uint8_t auth[static 32], uint64_t *value);
    enum bulla_reason (*counter_remove)(const char *tcti, uint32_t index); /* and the secret beside it */
    /* A secret beside a counter, of BULLA_NV_SECRET bytes in the arena, which one write replaces whole and for good.
     * Creating one ends the one there was. BULLA_TPM_NV: there is none, or its creation was cut off. A refusal of a
     * write may come after it was made: read it then. */
    enum bulla_reason (*secret_create)(
        const char *tcti, uint32_t counter, const uint8_t auth[static 32], const uint8_t *secret);
    enum bulla_reason (*secret_read)(
        const char *tcti, uint32_t counter, const uint8_t auth[static 32], uint8_t *secret);
    enum bulla_reason (*secret_write)(
        const char *tcti, uint32_t counter, const uint8_t auth[static 32], const uint8_t *secret);
    enum bulla_reason (*clock)(const char *tcti, struct bulla_backend_clock *clock); /* NULL: it has none */
};

/* The backend of tokens with a tcti, defined in compose.c. */
extern const struct bulla_backend *const bulla_token_backend;

/* What an attester is to sign, and what it may need for it. Views are the caller's. */
struct bulla_attester_request {
    struct bulla_bytes report;            /* encoded bulla_report: what is signed is its SHA-256 */
    struct bulla_bytes nonce, public_key; /* the report's own, for attesters that have fields for them */
    const char *tcti;                     /* "" where the token has none */
    uint32_t pcrs;                        /* to be quoted */
    enum bulla_hash bank;                 /* of these */
    struct bulla_bytes key_blob;          /* of needs_key */
};

/* Something of the machine that signs what it measured, over a report: the attester of RFC 9334. */
struct bulla_attester {
    const char *name; /* as bulla.conf has it: "nitro" */
    enum bulla_evidence_kind kind;
    bool needs_key;          /* signs with the attestation key that the token was made with */
    size_t evidence_largest; /* evidence has at most so many bytes */
    /* Whether the machine has it. Looks, and connects to nothing. */
    bool (*detect)(const char *tcti);
    /* What of the machine it would work with, found by looking: each is a text. */
    void (*devices)(bulla_backend_tell *tell, void *context);
    /* Facts for `bulla status`; may ask the device. NULL: they are told elsewhere. */
    enum bulla_reason (*state)(bulla_backend_tell *tell, void *context);
    /* Appends the evidence as it travels: what bulla_envelope_read takes. */
    enum bulla_reason (*evidence)(const struct bulla_attester_request *request, struct bulla_writer *evidence);
};

/* All attesters, in the order in which `attester = auto` asks for them; defined in compose.c, ends with NULL. */
extern const struct bulla_attester *const bulla_attesters[];

#endif
