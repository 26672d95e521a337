/* Keys that evolve, as the commands of `bulla kes` have them: in a token, by their labels, and in Cardano's files. */
#ifndef BULLA_TOOLS_KES_H
#define BULLA_TOOLS_KES_H

#include "client.h"
#include "crypto/kes_certificate.h"

enum { BULLA_KES_LABEL_LARGEST = 128 };

/* --- kes_key.c: what a token says of a key --- */

struct bulla_kes_view {
    char label[BULLA_KES_LABEL_LARGEST];
    char keeper[16]; /* what forgets past periods: "tpm", "file" */
    uint8_t key[32]; /* its verification key */
    CK_ULONG depth, period, last;
    CK_ULONG start_time, start_slot, slots_per_period, slot_length; /* slots_per_period 0: it has no clock */
    bool exportable;
};

/* The private key with this label; BULLA_ARGUMENT when there is none, or several. */
enum bulla_reason bulla_kes_find(struct bulla_client *client, const char *label, CK_OBJECT_HANDLE *key) BULLA_MUST_USE;
enum bulla_reason bulla_kes_look(
    struct bulla_client *client, CK_OBJECT_HANDLE key, struct bulla_kes_view *view) BULLA_MUST_USE;
/* In which period of its own the key should be at a moment of Unix time; false without a clock, or before its first. */
bool bulla_kes_due(const struct bulla_kes_view *view, uint64_t now, uint64_t *period);
void bulla_kes_say(const struct bulla_kes_view *view);
json_t *bulla_kes_json(const struct bulla_kes_view *view);

/* --- kes_making.c: how a key is made, which keygen and import have in common --- */

/* The settings of both. */
struct bulla_kes_making {
    struct bulla_common common;
    const char *label, *network, *start_time, *start_slot;
    uint64_t slots_per_period, slot_length;
    bool exportable;
    const char *depth;  /* keygen's */
    const char *period; /* import's */
};
#define BULLA_KES_MAKING_OPTIONS                                                                                       \
    {"label", 'l', "NAME", "what the key is called", BULLA_OPTION_TEXT, offsetof(struct bulla_kes_making, label), 0,   \
        0, true},                                                                                                      \
        {"network", 0, "NAME", "whose clock it has: mainnet, preprod or preview", BULLA_OPTION_TEXT,                   \
            offsetof(struct bulla_kes_making, network), 0, 0, false},                                                  \
        {"start-time", 0, "TIME", "instead of --network: when slot 0 was, or would have been", BULLA_OPTION_TEXT,      \
            offsetof(struct bulla_kes_making, start_time), 0, 0, false},                                               \
        {"slots-per-period", 0, "N", "instead of --network: how many slots a period has", BULLA_OPTION_NUMBER,         \
            offsetof(struct bulla_kes_making, slots_per_period), 1, INT64_MAX, false},                                 \
        {"slot-length", 0, "MS", "instead of --network: milliseconds of a slot (default 1000)", BULLA_OPTION_NUMBER,   \
            offsetof(struct bulla_kes_making, slot_length), 1, INT64_MAX, false},                                      \
        {"start-slot", 0, "N", "where the key's period 0 begins (default: so that now is the period it is in)",        \
            BULLA_OPTION_TEXT, offsetof(struct bulla_kes_making, start_slot), 0, 0, false},                            \
    {                                                                                                                  \
        "exportable", 0, NULL, "let the present key be read out of the token, for good", BULLA_OPTION_FLAG,            \
            offsetof(struct bulla_kes_making, exportable), 0, 0, false                                                 \
    }

/* A private key's template: label, clock and flags; room for what a command adds. Values point into the structure. */
enum { BULLA_KES_TEMPLATE_LARGEST = 16 };
struct bulla_kes_template {
    CK_ATTRIBUTE items[BULLA_KES_TEMPLATE_LARGEST];
    CK_ULONG count;
    CK_ULONG start_time, start_slot, slots_per_period, slot_length;
    CK_BBOOL yes, no;
};
void bulla_kes_template_add(struct bulla_kes_template *template, CK_ATTRIBUTE_TYPE type, void *value, CK_ULONG size);
/* For a key that is in `period` now. BULLA_ARGUMENT. */
enum bulla_reason bulla_kes_template_open(
    struct bulla_kes_template *template, const struct bulla_kes_making *making, uint64_t period) BULLA_MUST_USE;
/* These commands call keys by their labels: BULLA_ARGUMENT where the token has a KES key of that name already. */
enum bulla_reason bulla_kes_absence_check(struct bulla_client *client, const char *label) BULLA_MUST_USE;

/* --- kes_files.c --- */

enum { BULLA_KES_FILE_LARGEST = 4096, BULLA_KES_DEPTH_UNKNOWN = -1 };

/* "KesVerificationKey_ed25519_kes_2^" and the depth: the type of an envelope. */
#define BULLA_KES_VKEY_TYPE "KesVerificationKey_ed25519_kes_2^"
#define BULLA_KES_CERTIFICATE_TYPE "NodeOperationalCertificate"
#define BULLA_KES_COUNTER_TYPE "NodeOperationalCertificateIssueCounter"

/* A verification key: 64 hex digits, or a file of a text envelope, hex, CBOR or 32 bytes. `depth` is what an envelope
 * says, or BULLA_KES_DEPTH_UNKNOWN. BULLA_KEY_INVALID, BULLA_FILE. */
enum bulla_reason bulla_kes_vkey_read(const char *text, uint8_t key[static 32], int *depth) BULLA_MUST_USE;
/* The CBOR inside an envelope of this type, or, where the file is none, the file. BULLA_MALFORMED. */
enum bulla_reason bulla_kes_envelope_read(
    const char *path, const char *type, uint8_t *cbor, size_t room, size_t *size) BULLA_MUST_USE;
/* Writes an envelope where a file of that name may be. */
enum bulla_reason bulla_kes_envelope_write(
    const char *path, const char *type, const char *description, struct bulla_bytes cbor) BULLA_MUST_USE;
/* A cold key's Ed25519 seed, 32 bytes of the arena: from a StakePoolSigningKey_ed25519's envelope. */
enum bulla_reason bulla_kes_cold_read(const char *path, uint8_t seed[static 32]) BULLA_MUST_USE;

#endif
