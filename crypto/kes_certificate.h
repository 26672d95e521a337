/* Cardano's operational certificates, which tie a KES key to a pool's cold key, and the rules of block headers; CBOR of
 * keys and signatures (cardano-ledger, CDDL; cardano-base, Cardano.Crypto.KES). */
#ifndef BULLA_CRYPTO_KES_CERTIFICATE_H
#define BULLA_CRYPTO_KES_CERTIFICATE_H

#include "kes.h"

/* [[hot vk, counter, period, signature], cold vk]; what is signed is vk ‖ u64 counter ‖ u64 period, 48 bytes. */
enum { BULLA_OPERATIONAL_CERTIFICATE_LARGEST = 160, BULLA_OPERATIONAL_CERTIFICATE_SIGNED = 48 };
struct bulla_operational_certificate {
    uint8_t hot[32];       /* KES verification key */
    uint64_t counter;      /* of issues: n */
    uint64_t period;       /* the KES period, counted from the chain's beginning, in which the key's own 0 lies */
    uint8_t signature[64]; /* Ed25519 by the cold key */
    uint8_t cold[32];
};
void bulla_operational_certificate_signed(const struct bulla_operational_certificate *certificate,
    uint8_t bytes[static BULLA_OPERATIONAL_CERTIFICATE_SIGNED]);
/* Deterministic CBOR; what is read is read strictly. BULLA_SIGNATURE is bulla_operational_certificate_verify's alone.
 */
enum bulla_reason bulla_operational_certificate_write(
    const struct bulla_operational_certificate *certificate, struct bulla_writer *writer) BULLA_MUST_USE;
enum bulla_reason bulla_operational_certificate_read(
    struct bulla_bytes bytes, struct bulla_operational_certificate *certificate) BULLA_MUST_USE;
enum bulla_reason bulla_operational_certificate_verify(
    const struct bulla_operational_certificate *certificate) BULLA_MUST_USE;

/* The chain's clock, from the genesis file. Mainnet: 129600 slots in a period, 62 evolutions. */
struct bulla_kes_clock {
    uint64_t slots_per_period;
    unsigned evolutions; /* most periods that a certificate is good for */
};
/* The key's own period in a slot under a certificate: slot / slots per period - certificate period. BULLA_KES_PAST
 * before the certificate's beginning, BULLA_KES_OVER from `evolutions` or the key's last period on. */
enum bulla_reason bulla_kes_period_of_slot(const struct bulla_kes_clock *clock, uint64_t slot,
    uint64_t certificate_period, unsigned depth, unsigned *period) BULLA_MUST_USE;
/* A header's certificate may have the counter of the one seen before, m, or one more: m ≤ n ≤ m + 1. BULLA_KES_PAST for
 * a lower one, BULLA_KES_OVER for one that jumps. */
enum bulla_reason bulla_kes_counter_follows(uint64_t seen, uint64_t counter) BULLA_MUST_USE;

/* A key, a signature or a verification key as CBOR: one byte string of exactly this size, nothing behind it. The view
 * is into `cbor`: of a signing key it is as secret as that. */
enum bulla_reason bulla_kes_cbor_read(
    struct bulla_bytes cbor, size_t size, const char *what, struct bulla_bytes *bytes) BULLA_MUST_USE;

#endif
