/* What a caller gives beside evidence, taken apart: certificates and revocation lists from one file each, and the chain
 * that they make. Used by the verifiers whose chains are not inside their documents, and by those that pin roots. */
#ifndef BULLA_EVIDENCE_ENDORSEMENTS_H
#define BULLA_EVIDENCE_ENDORSEMENTS_H

#include "crypto/certificate.h"
#include "verifier.h"

enum { BULLA_PINS_OWN = 4, BULLA_CRLS = 4 };

/* Zeroed at first; freed by the cleanup attribute. */
struct bulla_endorsed {
    struct bulla_certificate *certificates[BULLA_CHAIN_LONGEST];
    size_t certificate_count;
    struct bulla_crl *crls[BULLA_CRLS];
    size_t crl_count;
    bool crls_of_all; /* a list by each issuer is needed: whoever makes a chain must not choose what is left out */
};
void bulla_endorsed_free(struct bulla_endorsed *endorsed);
#define BULLA_ENDORSED __attribute__((cleanup(bulla_endorsed_free)))

/* Appends every certificate, or every list, of `bytes`: PEM and DER, one after another, as `cat vcek.der chain.pem`
 * makes them. BULLA_TOO_LARGE when there are more than fit; the readers' reasons else. */
enum bulla_reason bulla_endorsed_add_certificates(
    struct bulla_endorsed *endorsed, struct bulla_bytes bytes, const char *what) BULLA_MUST_USE;
enum bulla_reason bulla_endorsed_add_crls(
    struct bulla_endorsed *endorsed, struct bulla_bytes bytes, const char *what) BULLA_MUST_USE;

/* The kind's own roots and those that the caller trusts beside them. */
struct bulla_pins {
    uint8_t sha256[BULLA_PINS_OWN + BULLA_EXTRA_ROOTS][32];
    size_t count;
};
enum bulla_reason bulla_pins_gather(const struct bulla_verification *verification, const uint8_t (*own)[32],
    size_t own_count, struct bulla_pins *pins) BULLA_MUST_USE;

/* The certificates of `endorsed`, leaf first and root last, with its lists, at a time: bulla_chain_verify's reasons,
 * BULLA_CERTIFICATE_INVALID for another number of certificates than `length`, and BULLA_EVIDENCE_STALE when no time was
 * named, for none of these documents states its own. */
enum bulla_reason bulla_endorsed_verify(
    const struct bulla_endorsed *endorsed, size_t length, const struct bulla_pins *pins, uint64_t at) BULLA_MUST_USE;
/* When all of them are valid; narrows what `claims` says already. */
void bulla_endorsed_validity(const struct bulla_endorsed *endorsed, struct bulla_claims *claims);

#endif
