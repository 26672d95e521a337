/* COSE (RFC 9052): Sign1 with Ed25519 or P-256 (ES256), and Mac0 with HMAC-SHA-256.
 *
 * Written tagged (18, 17) and deterministically, with an empty unprotected map. Read: tagged, nothing unprotected,
 * strict CBOR; the original protected and payload bytes are what is verified, never a re-encoding. Payload, external
 * data and protected header are at most BULLA_COSE_LARGEST bytes together (else BULLA_TOO_LARGE) and public.
 *
 * What others sign (ES384, as Nitro does) is read and verified only, and read as they write it. */
#ifndef BULLA_CRYPTO_COSE_H
#define BULLA_CRYPTO_COSE_H

#include "cbor.h"

enum { BULLA_COSE_LARGEST = 262144 };

enum bulla_cose_algorithm {
    BULLA_COSE_ES384 = -35, /* of others: bulla_cose_sign1_read_foreign */
    BULLA_COSE_EDDSA = -8,
    BULLA_COSE_ES256 = -7,
    BULLA_COSE_HMAC_256 = 5,
};

struct bulla_cose_message {
    enum bulla_cose_algorithm algorithm;
    uint64_t content_type; /* CoAP content format (61 = application/cwt), 0 when absent */
    struct bulla_bytes protected_header;
    struct bulla_bytes payload;
    struct bulla_bytes signature; /* or tag; 64 bytes signed, 96 by ES384, 32 MACed */
};

/* A public key: 32 bytes of Ed25519, or 65 bytes (0x04 ‖ x ‖ y) of P-256, 97 of P-384. */
struct bulla_cose_key {
    enum bulla_cose_algorithm algorithm;
    struct bulla_bytes key;
};

/* Signs with a callback, so that the key may lie anywhere: it gets Sig_structure's bytes and writes 64 bytes
 * (R ‖ S of Ed25519; r ‖ s of ES256). */
struct bulla_cose_signer {
    enum bulla_cose_algorithm algorithm;
    enum bulla_reason (*sign)(void *context, struct bulla_bytes to_be_signed, uint8_t signature[static 64]);
    void *context;
};

/* content_type 0: left out. The whole tagged message is appended to `writer`. `external` is external_aad. */
enum bulla_reason bulla_cose_sign1_write(struct bulla_writer *writer, const struct bulla_cose_signer *signer,
    uint64_t content_type, struct bulla_bytes payload, struct bulla_bytes external) BULLA_MUST_USE;
enum bulla_reason bulla_cose_sign1_read(
    struct bulla_bytes bytes, const char *what, struct bulla_cose_message *message) BULLA_MUST_USE;
/* Untagged or tagged 18; CBOR read leniently (crypto/cbor.h), nothing unprotected; ES384 alone, with exactly 96 bytes
 * of signature. The views are of the bytes as they came. */
enum bulla_reason bulla_cose_sign1_read_foreign(
    struct bulla_bytes bytes, const char *what, struct bulla_cose_message *message) BULLA_MUST_USE;
/* BULLA_SIGNATURE when it does not verify or the algorithms differ. Ed25519 by libsodium's rules, high S of ECDSA
 * allowed. */
enum bulla_reason bulla_cose_sign1_verify(const struct bulla_cose_message *message, const struct bulla_cose_key *key,
    struct bulla_bytes external) BULLA_MUST_USE;

enum bulla_reason bulla_cose_mac0_write(
    struct bulla_writer *writer, const uint8_t key[static 32], struct bulla_bytes payload) BULLA_MUST_USE;
enum bulla_reason bulla_cose_mac0_read(
    struct bulla_bytes bytes, const char *what, struct bulla_cose_message *message) BULLA_MUST_USE;
/* BULLA_AUTHENTICATION when the tag differs; compared in constant time. */
enum bulla_reason bulla_cose_mac0_verify(
    const struct bulla_cose_message *message, const uint8_t key[static 32]) BULLA_MUST_USE;

#endif
