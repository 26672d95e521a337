/* What certificates, revocation lists and chains share; used by certificate*.c and crl.c only. */
#ifndef BULLA_CRYPTO_CERTIFICATE_INSIDE_H
#define BULLA_CRYPTO_CERTIFICATE_INSIDE_H

#include <openssl/x509v3.h>

#include "certificate.h"

enum { BULLA_NAME_SHOWN = 128 }; /* bytes of a subject in a detail */

struct bulla_certificate {
    X509 *x509;
    uint8_t *der;
    size_t der_size;
    struct bulla_public_key key;
    uint8_t modulus[512]; /* of RSA: where the key's value lies */
    uint64_t not_before, not_after;
};

struct bulla_crl {
    X509_CRL *crl;
    uint8_t *der;
    size_t der_size;
    uint64_t this_update, next_update;
};

/* Unix seconds of a time in the one form that DER has (RFC 5280, 4.1.2.5); a time before 1970 is 0. */
bool bulla_asn1_seconds(const ASN1_TIME *time, uint64_t *seconds);

/* What is signed in a SEQUENCE { toBeSigned, algorithm, signature }, as it was encoded. */
bool bulla_asn1_signed_part(struct bulla_bytes der, struct bulla_bytes *part);

/* The signature of a certificate or list over `part`. BULLA_UNSUPPORTED: an algorithm that signature.h does not take;
 * BULLA_MALFORMED: parameters or a form that the algorithm does not have; BULLA_SIGNATURE and the rest as there. */
enum bulla_reason bulla_x509_verify(const struct bulla_public_key *key, const X509_ALGOR *algorithm,
    const ASN1_BIT_STRING *signature, struct bulla_bytes part) BULLA_MUST_USE;

/* Signatures of CAs that verified are remembered, by the hashes of both certificates: a chain's upper certificates come
 * again with each document, and a P-384 signature costs half a millisecond. Nothing but the signature is remembered;
 * validity, names and extensions are judged each time. Thread-safe, and of fixed size: the oldest goes. */
bool bulla_signed_before(const struct bulla_certificate *issuer, const struct bulla_certificate *certificate);
void bulla_signed_remember(const struct bulla_certificate *issuer, const struct bulla_certificate *certificate);

/* Whether `list` revokes `certificate`, which `issuer` signed; a list by somebody else revokes nothing. */
bool bulla_crl_revokes(
    const struct bulla_crl *list, const struct bulla_certificate *issuer, const struct bulla_certificate *certificate);
/* Whether the list is by one of `chain` (those that may sign lists), signed, and in force at `at`. */
enum bulla_reason bulla_crl_verify(const struct bulla_crl *list, const struct bulla_certificate *const *chain,
    size_t count, uint64_t at) BULLA_MUST_USE;

#endif
