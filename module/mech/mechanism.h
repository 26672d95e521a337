/* Mechanisms: what a family's file adds, as rows of one table.
 *
 * A family never sees sessions, handles or templates: it gets an opened key and bytes, and a few services of the token.
 * The operation slot (core/operation.h) has answered length queries and short buffers before a row's code runs, so
 * every writer that a row gets is large enough for what its `bound` promised. */
#ifndef BULLA_MECH_MECHANISM_H
#define BULLA_MECH_MECHANISM_H

#include "bulla_pkcs11.h"
#include "crypto/cose.h"
#include "evidence/audit.h"
#include "evidence/report.h"

/* The functions that an operation can be of; each session has one slot for each. */
enum bulla_function {
    BULLA_ENCRYPT,
    BULLA_DECRYPT,
    BULLA_DIGEST,
    BULLA_SIGN,
    BULLA_VERIFY,
    BULLA_FUNCTIONS,
};
enum bulla_phase { BULLA_UPDATE, BULLA_FINISH, BULLA_WHOLE };

struct bulla_pool;

/* What a model's key says of its latest sealing. */
struct bulla_sealing {
    uint64_t generation;
    uint64_t dimension;
};

/* What the token does for a family. Every function may refuse; none keeps a pointer that it is given. */
struct bulla_services {
    void *token; /* passed back to each function */
    uint8_t serial[16];
    const char *models; /* folder of sealed models */
    unsigned lease;     /* seconds that an opened model is kept */
    bool threads;       /* threads may be started */
    struct bulla_pool *(*pool)(void *token);
    /* The least generation that is still accepted, and raising it durably. */
    enum bulla_reason (*generation_floor)(void *token, const uint8_t object[static 16], uint64_t *generation);
    enum bulla_reason (*generation_raise)(void *token, const uint8_t object[static 16], uint64_t generation);
    /* Records a finished sealing in the key's attributes, durably. */
    enum bulla_reason (*sealed)(void *token, const uint8_t object[static 16], const struct bulla_sealing *sealing);
    /* Ed25519 by the token's receipt key, and its public half. */
    enum bulla_reason (*receipt_sign)(void *token, struct bulla_bytes message, uint8_t signature[static 64]);
    enum bulla_reason (*receipt_key)(void *token, uint8_t key[static 32]);
    /* Evidence for a purpose of the module's own choice; BULLA_UNSUPPORTED where the token has no attester. */
    enum bulla_reason (*evidence)(void *token, enum bulla_purpose purpose, struct bulla_bytes nonce,
        const uint8_t object[static 16], struct bulla_writer *document);
    /* Something was released until `expires` (CLOCK_MONOTONIC seconds): the token sees to it that it lapses. */
    void (*released)(void *token, uint64_t expires);
    /* "<authority, 16 hex>/<version>" of the policy in force for an object, or "none". */
    void (*policy_version)(void *token, const uint8_t object[static 16], char *text, size_t size);
    uint64_t (*sequence)(void *token);
    void (*audit)(void *token, const char *event, const struct bulla_audit_field *fields, size_t count);
};

/* A key as a family gets it; the secret lies in the arena and is core's to wipe. */
struct bulla_key {
    uint8_t object[16];
    CK_OBJECT_CLASS object_class;
    CK_KEY_TYPE type;
    struct bulla_bytes secret;    /* CKA_VALUE of the key; empty for public keys */
    struct bulla_bytes id;        /* CKA_ID */
    struct bulla_bytes label;     /* CKA_LABEL */
    struct bulla_bytes authority; /* of its release tree; empty when none was named */
    uint64_t epoch;
    struct bulla_sealing sealing;
    uint64_t expires; /* CLOCK_MONOTONIC seconds until which the key is released; 0: until logout */
};

/* How records name a model: the key's label where that is short text, else its id in hex (cut when it is too long). */
enum { BULLA_KEY_NAME = 160 };
void bulla_key_name(const struct bulla_key *key, char name[static BULLA_KEY_NAME]);

/* A running operation. `state` is state_size zeroed bytes of the arena (NULL when that is 0). */
struct bulla_run {
    const struct bulla_key *key;
    const struct bulla_services *services;
    void *state;
};

struct bulla_processor {
    size_t state_size;
    enum bulla_reason (*begin)(struct bulla_run *run, const CK_MECHANISM *mechanism);
    /* The most that this call can give, in bytes, from its input alone: runs nothing, opens nothing. */
    enum bulla_reason (*bound)(
        const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes);
    enum bulla_reason (*update)(
        struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out); /* NULL: whole only */
    enum bulla_reason (*finish)(struct bulla_run *run, struct bulla_writer *out);
    enum bulla_reason (*whole)(
        struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out); /* NULL: update, finish */
    void (*end)(struct bulla_run *run); /* what state points to; the state itself is wiped by the slot; may be NULL */
};

/* A new secret key: writes its value (size of the row's key_bytes) into the arena memory given. */
typedef enum bulla_reason bulla_generate(const CK_MECHANISM *mechanism, uint8_t *value, size_t size);

struct bulla_mechanism {
    CK_MECHANISM_TYPE type;
    CK_MECHANISM_INFO info; /* sizes and CKF_ flags: what C_GetMechanismInfo says */
    CK_OBJECT_CLASS key_class;
    CK_KEY_TYPE key_type;
    bool only_by_name; /* works only with keys whose CKA_ALLOWED_MECHANISMS names it */
    const struct bulla_processor *processors[BULLA_FUNCTIONS];
    bulla_generate *generate;
    size_t key_bytes;                 /* of what generate makes */
    const CK_MECHANISM_TYPE *allowed; /* CKA_ALLOWED_MECHANISMS of what it generates; ends with 0; NULL: any */
    const CK_ATTRIBUTE_TYPE *usages;  /* booleans that are true in what it generates; ends with 0; NULL: none */
};

struct bulla_family {
    const char *name;
    const struct bulla_mechanism *mechanisms;
    size_t count;
    void (*close)(void); /* C_Finalize: wipes and frees everything the family keeps; may be NULL */
    void (*forget)(const uint8_t serial[static 16]); /* C_Logout: everything of one token; may be NULL */
    void (*lapse)(uint64_t now); /* drops what was released until before now (CLOCK_MONOTONIC seconds); may be NULL */
    void (*abandon)(void);       /* in a forked child; may be NULL */
};

/* All families, defined in compose.c; ends with NULL. */
extern const struct bulla_family *const bulla_families[];
/* NULL when no family has it. */
const struct bulla_mechanism *bulla_mechanism_find(CK_MECHANISM_TYPE type);

#endif
