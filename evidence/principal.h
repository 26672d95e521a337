/* Principals: who a grant is given to, and how each kind proves itself (DESIGN: Policy bundle; docs/policy.md).
 *
 * As text: "user:NAME", "ed25519:<64 hex>", "secp256k1:<66 hex>", "ethereum:0x<40 hex>", "anyone" (whoever is logged
 * in); in lower case, but for an address with the capitals of EIP-55. A key proves itself by signing a challenge: a
 * text that names the token and a fresh nonce. Ed25519 signs its bytes (64 bytes); secp256k1 and Ethereum sign it as
 * EIP-191 personal messages (65 bytes, r ‖ s ‖ v; low S only, v 0/1/27/28; a secp256k1 principal also takes 64 bytes).
 */
#ifndef BULLA_EVIDENCE_PRINCIPAL_H
#define BULLA_EVIDENCE_PRINCIPAL_H

#include "crypto/bytes.h"

enum bulla_principal_kind {
    BULLA_PRINCIPAL_NOBODY, /* matches nothing */
    BULLA_PRINCIPAL_ANYONE,
    BULLA_PRINCIPAL_USER,      /* a name: 1–64 bytes, [a-z0-9._-], not beginning with '.' or '-' */
    BULLA_PRINCIPAL_ED25519,   /* 32 bytes */
    BULLA_PRINCIPAL_SECP256K1, /* 33 bytes, compressed */
    BULLA_PRINCIPAL_ETHEREUM,  /* 20 bytes */
    BULLA_PRINCIPAL_KINDS
};
enum { BULLA_PRINCIPAL_LARGEST = 64, BULLA_PRINCIPAL_TEXT = 160, BULLA_CHALLENGE_SIZE = 160 };

struct bulla_principal {
    uint8_t kind; /* enum bulla_principal_kind */
    uint8_t size;
    uint8_t value[BULLA_PRINCIPAL_LARGEST];
};

/* BULLA_MALFORMED, and nobody then. bulla_principal_text gives the form in lower case. */
enum bulla_reason bulla_principal_parse(struct bulla_bytes text, struct bulla_principal *principal) BULLA_MUST_USE;
void bulla_principal_text(const struct bulla_principal *principal, char text[static BULLA_PRINCIPAL_TEXT]);
bool bulla_principal_equal(
    const struct bulla_principal *left, const struct bulla_principal *right); /* nobody is equal to none */
/* Whether it proves itself by a signature. */
bool bulla_principal_has_key(const struct bulla_principal *principal);

/* The challenge for a nonce, of at most 32 bytes of serial: "bulla login\ntoken: <serial>\nprincipal: <text>\nnonce:
 * <64 hex>\n", the same bytes on both sides, so that a wallet shows its user what is signed. */
void bulla_principal_challenge(const struct bulla_principal *principal, const char *serial,
    const uint8_t nonce[static 32], char challenge[static 2 * BULLA_CHALLENGE_SIZE]);
/* What secp256k1 keys and Ethereum accounts sign of a challenge: EIP-191's hash of a personal message. */
void bulla_principal_hash(struct bulla_bytes challenge, uint8_t digest[static 32]);
/* BULLA_PRINCIPAL_WRONG; BULLA_UNSUPPORTED for principals that have no key. */
enum bulla_reason bulla_principal_verify(
    const struct bulla_principal *principal, struct bulla_bytes challenge, struct bulla_bytes proof) BULLA_MUST_USE;

#endif
