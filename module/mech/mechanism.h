/* Mechanisms: what a family's file adds, as rows of one table.
 *
 * A family never sees sessions, handles or templates: it gets an opened key and bytes, and a few services of the token.
 * The operation slot (core/operation.h) has answered length queries and short buffers before a row's code runs, so
 * every writer that a row gets is large enough for what its `bound` promised. */
#ifndef BULLA_MECH_MECHANISM_H
#define BULLA_MECH_MECHANISM_H

#include "bulla_pkcs11.h"
#include "crypto/cose.h"
#include "crypto/kes.h"
#include "evidence/audit.h"
#include "evidence/report.h"
#include "key_kind.h"

/* The functions that an operation can be of; each session has one slot for each. Behind them stand those that use a key
 * without a slot: wrapping and unwrapping are whole encryptions and decryptions of their rows. */
enum bulla_function {
    BULLA_ENCRYPT,
    BULLA_DECRYPT,
    BULLA_DIGEST,
    BULLA_SIGN,
    BULLA_VERIFY,
    BULLA_SIGN_RECOVER,
    BULLA_VERIFY_RECOVER,
    BULLA_MESSAGE_ENCRYPT,
    BULLA_MESSAGE_DECRYPT,
    BULLA_FUNCTIONS,
    BULLA_WRAP = BULLA_FUNCTIONS,
    BULLA_UNWRAP,
    BULLA_WRAP_AUTHENTICATED, /* these two are whole messages */
    BULLA_UNWRAP_AUTHENTICATED,
    BULLA_DERIVE,
    BULLA_ENCAPSULATE,
    BULLA_DECAPSULATE,
    BULLA_KEY_USES,
};
enum bulla_phase { BULLA_UPDATE, BULLA_FINISH, BULLA_WHOLE };

struct bulla_pool;

/* What a model's key says of its latest sealing. */
struct bulla_sealing {
    uint64_t generation;
    uint64_t dimension;
};

/* What evidence is wanted. The purpose is set by the code path that asks, never by a caller. */
struct bulla_evidence_request {
    enum bulla_purpose purpose;
    struct bulla_bytes nonce;
    const uint8_t *object;       /* 16 bytes: the key that it is about */
    struct bulla_bytes key_hash; /* of `attest`: SHA-256 of the SubjectPublicKeyInfo of that key, where it has one */
};

/* What is done with the present state of a key that evolves: the secret is in the arena, and core's. */
typedef enum bulla_reason bulla_services_state(
    void *context, const struct bulla_kes_key *key, struct bulla_kes_secret *secret);

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
    /* What binds the receipt key or, of `attest` by another key, that key. BULLA_UNSUPPORTED where the token has no
     * attester. And how many bytes of it there can be. */
    enum bulla_reason (*evidence)(
        void *token, const struct bulla_evidence_request *request, struct bulla_writer *evidence);
    size_t (*evidence_largest)(void *token);
    /* The secret in a credential made for the token's attestation key: BULLA_AUTHENTICATION when it is for another.
     * BULLA_KEY_INVALID for a key that is not the token's receipt key. */
    enum bulla_reason (*activate)(
        void *token, const uint8_t object[static 16], struct bulla_bytes credential, struct bulla_writer *secret);
    /* Something was released until `expires` (CLOCK_MONOTONIC seconds): the token sees to it that it lapses. */
    void (*released)(void *token, uint64_t expires);
    /* "<authority, 16 hex>/<version>" of the policy in force for an object, or "none". */
    void (*policy_version)(void *token, const uint8_t object[static 16], char *text, size_t size);
    /* Calls `use` with the present state of a key that evolves, which first evolves where its clock says so; perhaps
     * twice, and then the second time counts. BULLA_KES_CLOCK, BULLA_KES_OVER, BULLA_ROLLED_BACK … */
    enum bulla_reason (*state_use)(
        void *token, const uint8_t object[static 16], bulla_services_state *use, void *context);
    uint64_t (*sequence)(void *token);
    void (*audit)(void *token, const char *event, const struct bulla_audit_field *fields, size_t count);
};

/* A key as a family gets it; the secret lies in the arena and is core's to wipe. */
struct bulla_key {
    uint8_t object[16];
    CK_OBJECT_CLASS object_class;
    CK_KEY_TYPE type;
    struct bulla_bytes secret;       /* CKA_VALUE of a model's or a secret key, in locked memory; else empty */
    struct bulla_material *material; /* NULL for keys that work only by name */
    struct bulla_bytes id;           /* CKA_ID */
    struct bulla_bytes label;        /* CKA_LABEL */
    /* For mechanisms that work without the secret; else empty and false. */
    struct bulla_bytes public_info; /* CKA_PUBLIC_KEY_INFO of a private key; may be empty */
    bool born_here;                 /* it was made in the token, and was always sensitive and never extractable */
    struct bulla_bytes authority;   /* of its release tree; empty when none was named */
    uint64_t epoch;
    struct bulla_sealing sealing;
    uint64_t expires; /* CLOCK_MONOTONIC seconds until which the key is released; 0: until logout */
};

/* How records name a model: the key's label where that is short text, else its id in hex (cut when it is too long). */
enum { BULLA_KEY_NAME = 160 };
void bulla_key_name(const struct bulla_key *key, char name[static BULLA_KEY_NAME]);

/* A running operation. `state` is state_size zeroed bytes of the arena (NULL when that is 0). */
struct bulla_run {
    const struct bulla_key *key; /* NULL for digests */
    const struct bulla_services *services;
    const struct bulla_mechanism *mechanism;
    void *state;
};

/* What a message-based function is given with each message; the parameter is the caller's structure, in and out. */
struct bulla_message {
    void *parameter;
    size_t parameter_size;
    struct bulla_bytes aad;
    /* The data of a message that no other follows under the same Init, NULL of others: no counter may make its nonce,
     * and the parameter need not say how long it is. */
    const struct bulla_bytes *alone;
};

struct bulla_processor {
    size_t state_size;
    /* The state outlives the operation: when the last step went well, it is kept beside the key's material, and begin
     * finds it as that operation left it (and has to find out whether it is new: new is zero). Such a state lies on the
     * heap; it holds contexts of libraries, no secret of its own. After a refusal it is ended. */
    bool reuse;
    /* Of such a state: it is a secret in plain memory, and no library's context. It lies in the arena and stays with
     * the session, where few do (BULLA_PLAIN_MOST), not with the material. */
    bool plain;
    /* Its steps, and a begin that finds a state, leave nothing secret on the stack: what they touch lies in contexts,
     * registers and the caller's memory. The stack is not wiped after them, which would cost as much as 1 KiB of AES.
     */
    bool spotless;
    enum bulla_reason (*begin)(struct bulla_run *run, const CK_MECHANISM *mechanism);
    /* The most that this call can give, in bytes, from its input alone: runs nothing, opens nothing. */
    enum bulla_reason (*bound)(
        const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes);
    enum bulla_reason (*update)(
        struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out); /* NULL: whole only */
    enum bulla_reason (*finish)(struct bulla_run *run, struct bulla_writer *out);
    enum bulla_reason (*whole)(
        struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out); /* NULL: update, finish */
    /* Verification, beside update: NULL where there is none. BULLA_VERIFY_FAILED, BULLA_SIGNATURE_LENGTH. */
    enum bulla_reason (*verify_finish)(struct bulla_run *run, struct bulla_bytes signature);
    enum bulla_reason (*verify)(struct bulla_run *run, struct bulla_bytes in, struct bulla_bytes signature);
    /* Of BULLA_MESSAGE_ENCRYPT and BULLA_MESSAGE_DECRYPT, in place of update, finish and whole: begin is Init, and
     * `bound` is asked for a message at once (BULLA_WHOLE), for its last part (BULLA_FINISH) and for the others. A
     * message whose tag is wrong is BULLA_CIPHERTEXT. After a refusal the next message begins as if nothing were. */
    enum bulla_reason (*message_begin)(struct bulla_run *run, const struct bulla_message *message);
    enum bulla_reason (*message_data)(struct bulla_run *run, const struct bulla_message *message, bool last,
        struct bulla_bytes in, struct bulla_writer *out);
    /* C_GetOperationState and C_SetOperationState, of digests: the state as bytes, and a state that was begun made to
     * go on from them (they are anyone's: judged whole). BULLA_STATE_UNSAVEABLE, BULLA_STATE_INVALID; both NULL: can't.
     */
    enum bulla_reason (*save)(const struct bulla_run *run, struct bulla_writer *out);
    enum bulla_reason (*restore)(struct bulla_run *run, struct bulla_bytes saved);
    void (*end)(void *state); /* frees what the state points to; the state itself is wiped by its owner; may be NULL */
};

/* Which keys a row works with. Of pairs, a function takes the half that is its own: public keys encrypt, verify and
 * wrap, private ones do the rest. */
struct bulla_key_rule {
    bool pair;
    unsigned count;
    CK_KEY_TYPE types[12]; /* the first one is what is generated where the template names none */
};

/* What a derivation that makes several things cuts its bytes into. */
enum bulla_share_form {
    BULLA_SHARE_KEY,   /* a key by the caller's template */
    BULLA_SHARE_MAC,   /* a generic secret for MACs; what does not concern its use is from the caller's template */
    BULLA_SHARE_OWN,   /* a key by a template of its own */
    BULLA_SHARE_BYTES, /* bytes that the caller gets */
};
struct bulla_share {
    enum bulla_share_form form;
    size_t offset, size;
    const CK_ATTRIBUTE *attributes; /* of BULLA_SHARE_OWN: the caller's, judged by core */
    CK_ULONG count;
    CK_OBJECT_HANDLE *handle; /* NULL: where C_DeriveKey's own caller wants it */
    uint8_t *bytes;           /* of BULLA_SHARE_BYTES */
};
enum { BULLA_SHARES_LARGEST = 9 };
struct bulla_shares {
    size_t count;
    struct bulla_share list[BULLA_SHARES_LARGEST];
};

/* A derivation from a key. */
struct bulla_derivation {
    const CK_MECHANISM *mechanism;
    const struct bulla_mechanism *row;
    const struct bulla_key *base;
    const struct bulla_key *other;     /* the second key, where the row's `other` names one */
    size_t size;                       /* bytes that the new key is to have; 0: as many as the mechanism gives */
    const struct bulla_shares *shares; /* what `divide` made; NULL: one key */
    bool guarded;                      /* one of the keys is sensitive or not extractable */
    bool random;                       /* every byte of the base is: the token generated it */
};
enum { BULLA_DERIVED_LARGEST = 32768 };

/* A new secret key: puts CKA_VALUE into the draft, which is the template with the table's defaults. */
typedef enum bulla_reason bulla_generate(const CK_MECHANISM *mechanism, struct bulla_draft *key);
/* A new pair: puts the values of both halves into their drafts. */
typedef enum bulla_reason bulla_generate_pair(
    const CK_MECHANISM *mechanism, struct bulla_draft *public_key, struct bulla_draft *private_key);
/* Writes the new key's value to `out`, locked memory of BULLA_DERIVED_LARGEST bytes; what is longer than
 * derivation->size is cut by core at its end, what is shorter is refused there. */
typedef enum bulla_reason bulla_derive(const struct bulla_derivation *derivation, struct bulla_writer *out);
/* Before that: what its bytes are cut into. No share: one key, by the caller's template. All are made, or none. */
typedef enum bulla_reason bulla_divide(const struct bulla_derivation *derivation, struct bulla_shares *shares);

/* A secret that is agreed upon by one message (3.2, 5.18.8 and 5.18.9): a fresh one under a public key, with the
 * ciphertext that brings it to whoever has the private one; and that ciphertext opened. Of the derivation there are the
 * mechanism, the row, the base and the size; the secret goes where a derived key's value goes. BULLA_WRAPPED_KEY,
 * BULLA_WRAPPED_KEY_LENGTH for what is no ciphertext. */
typedef enum bulla_reason bulla_encapsulate(
    const struct bulla_derivation *derivation, struct bulla_writer *ciphertext, struct bulla_writer *secret);
typedef enum bulla_reason bulla_decapsulate(
    const struct bulla_derivation *derivation, struct bulla_bytes ciphertext, struct bulla_writer *secret);
enum { BULLA_ENCAPSULATION_LARGEST = 1568 }; /* bytes of a ciphertext: ML-KEM-1024's */

/* A row's number and its name, which the documentation's table and refusals show. */
#define BULLA_MECHANISM(number) .type = (number), .name = #number

struct bulla_mechanism {
    CK_MECHANISM_TYPE type;
    const char *name;
    const char *parameter;             /* the structure that it takes, for people; NULL: none */
    CK_MECHANISM_INFO info;            /* sizes and CKF_ flags: what C_GetMechanismInfo says */
    const struct bulla_key_rule *keys; /* NULL: a digest, which has none */
    const void *detail;                /* the family's own: what tells this row from its neighbours */
    const struct bulla_processor *processors[BULLA_FUNCTIONS];
    bulla_generate *generate;
    bulla_generate_pair *generate_pair;
    bulla_derive *derive;
    bulla_divide *divide; /* NULL: a derivation makes one key */
    bulla_encapsulate *encapsulate;
    bulla_decapsulate *decapsulate;
    size_t (*encapsulation_size)(const struct bulla_key *key); /* bytes of a ciphertext under this public key */
    bool keeps;          /* what is derived has the base's own bytes in it: it may not be less protected */
    bool makes_data;     /* CKO_DATA in place of a key */
    bool only_by_name;   /* works only with keys whose CKA_ALLOWED_MECHANISMS names it */
    bool without_secret; /* works with what is known of a key: its secret is not handed over */
    bool value_at_end;   /* unwrapping gives zeroes before a secret key's value: CKA_VALUE_LEN cuts it */
    /* The second key of a derivation, CK_INVALID_HANDLE where this call has none; NULL: there is none. */
    enum bulla_reason (*other)(const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE *other);
    /* With only_by_name: works with those keys that name this mechanism instead, whatever their attributes of use. */
    CK_MECHANISM_TYPE goes_with;
    const CK_MECHANISM_TYPE *allowed; /* CKA_ALLOWED_MECHANISMS of what it generates; ends with 0; NULL: any */
    const CK_ATTRIBUTE_TYPE *usages;  /* booleans that are true in what it generates; ends with 0; NULL: none */
};

struct bulla_family {
    const char *name;
    const struct bulla_mechanism *mechanisms;
    size_t count;
    const struct bulla_key_kind *kinds;
    size_t kind_count;
    /* Whether the libraries that run have what it needs, the same for the life of the process; without, the token has
     * neither its mechanisms nor its kinds. NULL: always. */
    bool (*present)(void);
    void (*close)(void); /* C_Finalize: wipes and frees everything the family keeps; may be NULL */
    void (*forget)(const uint8_t serial[static 16]); /* C_Logout: everything of one token; may be NULL */
    void (*lapse)(uint64_t now); /* drops what was released until before now (CLOCK_MONOTONIC seconds); may be NULL */
    void (*abandon)(void);       /* in a forked child; may be NULL */
};

/* All families, defined in compose.c; ends with NULL. */
extern const struct bulla_family *const bulla_families[];
bool bulla_family_present(const struct bulla_family *family);
/* Makes the table, at the first C_Initialize and before any other use of it. */
void bulla_mechanisms_sort(void);
/* Every row of every family that is present, ascending by type. */
const struct bulla_mechanism *const *bulla_mechanisms(size_t *count);
/* NULL when no family that is present has it. */
const struct bulla_mechanism *bulla_mechanism_find(CK_MECHANISM_TYPE type);

/* For rows without parameter: BULLA_PARAMETER when there is one. */
enum bulla_reason bulla_mechanism_bare(const CK_MECHANISM *mechanism) BULLA_MUST_USE;
/* A parameter that is one structure of this size. */
enum bulla_reason bulla_mechanism_parameter(const CK_MECHANISM *mechanism, size_t size) BULLA_MUST_USE;

#endif
