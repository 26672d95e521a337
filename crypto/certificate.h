/* X.509 certificates as evidence carries them: read strictly from DER, chained to pinned roots, judged at a time that
 * the caller names. The system's trust store is never asked, and a path is never searched for: it is the list that the
 * caller gives.
 *
 * OpenSSL parses and verifies; what it holds is public. Everything is on the heap and freed by the cleanup attribute.
 */
#ifndef BULLA_CRYPTO_CERTIFICATE_H
#define BULLA_CRYPTO_CERTIFICATE_H

#include "signature.h"

enum { BULLA_CERTIFICATE_LARGEST = 8192, BULLA_CHAIN_LONGEST = 8, BULLA_CRL_LARGEST = 1 << 20 };

struct bulla_certificate;
void bulla_certificate_free(struct bulla_certificate **certificate);
#define BULLA_CERTIFICATE __attribute__((cleanup(bulla_certificate_free)))

/* Exactly one certificate that fills `der`. `what` names it in details ("the VCEK"). BULLA_MALFORMED, BULLA_TRAILING,
 * BULLA_TOO_LARGE, BULLA_UNSUPPORTED (a key that signature.h does not take). */
enum bulla_reason bulla_certificate_read(
    struct bulla_bytes der, const char *what, struct bulla_certificate **certificate) BULLA_MUST_USE;
/* Every CERTIFICATE block of a PEM text, in its order; other blocks and text that is none are refused, but for white
 * space and comment lines before a block. The caller frees `list[0…count-1]`, also after a refusal. */
enum bulla_reason bulla_certificate_read_pem(struct bulla_bytes pem, const char *what, struct bulla_certificate **list,
    size_t capacity, size_t *count) BULLA_MUST_USE;

/* The one certificate of DER, or of a PEM text: BULLA_MALFORMED where the text has none, BULLA_TOO_LARGE for more. */
enum bulla_reason bulla_certificate_read_one(
    struct bulla_bytes der_or_pem, const char *what, struct bulla_certificate **certificate) BULLA_MUST_USE;

struct bulla_bytes bulla_certificate_der(const struct bulla_certificate *certificate);
void bulla_certificate_fingerprint(const struct bulla_certificate *certificate, uint8_t sha256[static 32]);
/* For people: RFC 2253 text, control characters escaped; cut to `size`. */
void bulla_certificate_subject(const struct bulla_certificate *certificate, char *text, size_t size);
/* Whether its issuer's name is the other's subject: what to go by in looking for a chain, and no more. */
bool bulla_certificate_names(const struct bulla_certificate *certificate, const struct bulla_certificate *issuer);
void bulla_certificate_validity(const struct bulla_certificate *certificate, uint64_t *not_before, uint64_t *not_after);
/* Views that live as long as the certificate. */
void bulla_certificate_key(const struct bulla_certificate *certificate, struct bulla_public_key *key);
/* The octets inside an extension's OCTET STRING; `data` NULL when it is absent. */
struct bulla_bytes bulla_certificate_extension(const struct bulla_certificate *certificate, const char *dotted_oid);

struct bulla_crl; /* a certificate revocation list */
enum bulla_reason bulla_crl_read(
    struct bulla_bytes der_or_pem, const char *what, struct bulla_crl **crl) BULLA_MUST_USE;
void bulla_crl_free(struct bulla_crl **crl);
/* Whether its issuer's name is the certificate's subject: whose list it is, and no more. */
bool bulla_crl_is_by(const struct bulla_crl *list, const struct bulla_certificate *issuer);
#define BULLA_CRL __attribute__((cleanup(bulla_crl_free)))

struct bulla_chain_rules {
    const uint8_t (*pins)[32]; /* SHA-256 of the DER of each root that is trusted */
    size_t pin_count;
    uint64_t at;                         /* Unix seconds: when every certificate must be valid */
    const struct bulla_crl *const *crls; /* each must be by an issuer of the chain, signed, and in force at `at` */
    size_t crl_count;
    bool crls_of_all;   /* every issuer of the chain must have a list */
    bool leaf_decrypts; /* the last one's keyUsage must be there and have keyEncipherment or keyAgreement instead */
    bool leaf_is_ca;    /* allow the last one to be a CA (VCEKs have no basicConstraints at all) */
    const char *const
        *known_critical; /* dotted OIDs of critical extensions that the caller judges; ends with NULL; or NULL */
};
/* chain[0] is the root, whose fingerprint must be pinned (BULLA_CERTIFICATE_UNTRUSTED); each signs the next. Checked
 * for each issuer: basicConstraints CA, pathLen, keyUsage keyCertSign; for each certificate: issuer's name, signature,
 * validity (BULLA_CERTIFICATE_EXPIRED, BULLA_CERTIFICATE_NOT_YET), critical extensions; for the last, that it is no CA
 * and, where it has a keyUsage, digitalSignature; revocation where CRLs are given (BULLA_CERTIFICATE_REVOKED).
 * BULLA_CERTIFICATE_INVALID for the rest: the detail says which certificate and which rule. */
enum bulla_reason bulla_chain_verify(
    const struct bulla_certificate *const *chain, size_t count, const struct bulla_chain_rules *rules) BULLA_MUST_USE;

#endif
