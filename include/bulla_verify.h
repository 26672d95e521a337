/* libbulla-verify: what a relying party needs who has only the evidence.
 *
 * Works offline and opens nothing: roots of AWS, AMD and Intel are pinned inside; everything else (a TPM's attestation
 * key or its manufacturer's root, certificates, collateral, revocation lists, a policy) is given by the caller as
 * bytes. Evidence is bulla's own (`bulla attest -o FILE`, the "evidence" of an answer), or an attester's bare document:
 * a Nitro attestation document, an SEV-SNP report, a TDX or SGX quote.
 *
 *     struct bulla_verifier *verifier = bulla_verifier_new();
 *     bulla_verifier_policy(verifier, bundle, bundle_size, authority, 65);
 *     bulla_verifier_nonce(verifier, nonce);                  … send it, get the evidence …
 *     if (bulla_verifier_judge(verifier, &question, &result) == 0) … it may be trusted …
 *
 * Functions return 0, or -1 with the reason in bulla_verifier_code, _detail and _remedy until the next call. NULL where
 * something is needed is refused, not followed. What this header declares stays as it is within a major version of the
 * library. A verifier is used by one thread at a time. */
#ifndef BULLA_VERIFY_H
#define BULLA_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bulla_verifier;

/* NULL without memory. */
struct bulla_verifier *bulla_verifier_new(void);
void bulla_verifier_free(struct bulla_verifier *verifier); /* NULL is allowed */

/* Why the last call was refused: a stable code ("evidence-debug"; "ok" after success), a sentence, and what to do.
 * Texts live until the next call. */
const char *bulla_verifier_code(const struct bulla_verifier *verifier);
const char *bulla_verifier_detail(const struct bulla_verifier *verifier);
const char *bulla_verifier_remedy(const struct bulla_verifier *verifier);

/* Trusts one more root: a certificate in PEM or DER. For TPM manufacturers and private test roots; up to 8. */
int bulla_verifier_root(struct bulla_verifier *verifier, const void *certificate, size_t size);
/* Trusts one TPM's attestation key by its name (34 bytes for SHA-256), learned at enrolment. Only that TPM's evidence
 * is taken from then on; without it no TPM's is. */
int bulla_verifier_attestation_key(struct bulla_verifier *verifier, const void *name, size_t size);
/* What helps to judge: certificates (VCEK, ASK, ARK; PEM or DER), Intel's collateral (JSON), revocation lists (PEM or
 * DER). Copied; each replaces the one before. */
enum bulla_verify_endorsement { BULLA_VERIFY_CERTIFICATES, BULLA_VERIFY_COLLATERAL, BULLA_VERIFY_REVOCATIONS };
int bulla_verifier_endorse(
    struct bulla_verifier *verifier, enum bulla_verify_endorsement what, const void *bytes, size_t size);
/* The appraisal policy: a signed bundle (`bulla policy sign`) and the authority that must have signed it, 65 bytes. */
int bulla_verifier_policy(
    struct bulla_verifier *verifier, const void *bundle, size_t size, const uint8_t authority[65]);

/* A fresh nonce, good for one bulla_verifier_judge within five minutes; up to 64 wait at a time. */
int bulla_verifier_nonce(struct bulla_verifier *verifier, uint8_t nonce[32]);

struct bulla_verify_question {
    const void *evidence;
    size_t evidence_size;
    const uint8_t *nonce; /* 32 bytes that bulla_verifier_nonce gave: used up by this, whatever comes of it; or NULL */
    /* "attest", "receipt", "release": what the evidence must have been made for; NULL: any, and bare documents. */
    const char *purpose;
    uint64_t at;     /* Unix seconds; 0: now */
    uint64_t oldest; /* how old a document that states its time may be, in seconds; 0: 300 */
};

struct bulla_verify_result;
void bulla_verify_result_free(struct bulla_verify_result *result); /* NULL is allowed */

/* 0: it is genuine, its key is vouched for, and nothing that was asked for speaks against it. -1 with a result
 * (`*result` is not NULL): the evidence is refused, and the result says so, too; -1 without one: the question could not
 * be asked. Without a policy a result is never better than "none": what was measured is compared with nothing. */
int bulla_verifier_judge(
    struct bulla_verifier *verifier, const struct bulla_verify_question *question, struct bulla_verify_result **result);

/* "affirming", "none", "warning", "contraindicated" (AR4SI's tiers). */
const char *bulla_verify_status(const struct bulla_verify_result *result);
/* "tpm", "nitro", "sev-snp", "tdx", "sgx", "none". */
const char *bulla_verify_kind(const struct bulla_verify_result *result);
/* EAR claims (draft-ietf-rats-ear-04) as JSON; lives as long as the result. NULL without memory. */
const char *bulla_verify_ear(struct bulla_verify_result *result);
/* One measurement by name ("pcr0", "mrtd", "measurement" …): its size, or 0 when there is none. They are there also
 * where the evidence verified and was refused afterwards, for its nonce, its age or by the policy. */
size_t bulla_verify_measurement(const struct bulla_verify_result *result, const char *name, uint8_t value[64]);
/* The public key that the evidence vouches for, as its report names it: its size, or 0. */
size_t bulla_verify_public_key(const struct bulla_verify_result *result, uint8_t *key, size_t room);

#ifdef __cplusplus
}
#endif

#endif
