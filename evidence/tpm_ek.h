/* The certificate of a TPM's endorsement key: its maker's word that the key lies in a real TPM (TCG EK Credential
 * Profile for TPM 2.0).
 *
 * With it, an enrolment begins: a credential made for that key (tpm_credential.h) can only be answered by that TPM. */
#ifndef BULLA_EVIDENCE_TPM_EK_H
#define BULLA_EVIDENCE_TPM_EK_H

#include "crypto/certificate.h"
#include "tpm_structures.h"

struct bulla_tpm_ek_question {
    struct bulla_bytes certificate;                 /* DER as it lies in NV: zeros or ones may follow it */
    struct bulla_bytes public_area;                 /* TPMT_PUBLIC or TPM2B_PUBLIC of the endorsement key */
    const struct bulla_certificate *const *issuers; /* the root first, the one that signed the certificate last */
    size_t issuer_count;
    const uint8_t (*pins)[32]; /* SHA-256 of the DER of the roots that the caller trusts */
    size_t pin_count;
    const struct bulla_crl *const *crls;
    size_t crl_count;
    uint64_t at; /* Unix seconds */
};

/* What the certificate says of the TPM; plain text. */
struct bulla_tpm_ek {
    char manufacturer[16]; /* "id:" and the vendor's number in hex */
    char model[64], version[32];
    uint8_t fingerprint[32]; /* SHA-256 of the certificate's DER */
    uint64_t not_before, not_after;
    struct bulla_tpm_name name; /* of the endorsement key */
};

/* Checks that the chain leads to a pinned root (crypto/certificate.h), the certificate is for endorsement
 * (extendedKeyUsage tcg-kp-EKCertificate, keyUsage keyEncipherment or keyAgreement) and names the TPM's maker, model
 * and version, its key is the public area's, and that is a key of the default templates: made by its TPM and kept
 * there, restricted, decrypting, under PolicyA or PolicyB of the profile. BULLA_CERTIFICATE_…; BULLA_EVIDENCE_MISMATCH:
 * it certifies another key; BULLA_EVIDENCE_UNTRUSTED: the key is none of the templates'; BULLA_MALFORMED,
 * BULLA_UNSUPPORTED, BULLA_TRAILING. `*ek` is zeroed on refusal. */
enum bulla_reason bulla_tpm_ek_verify(
    const struct bulla_tpm_ek_question *question, struct bulla_tpm_ek *ek) BULLA_MUST_USE;

#endif
