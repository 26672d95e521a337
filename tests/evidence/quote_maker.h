/* A TPM of paper: quotes marshalled by hand from Part 2 of the TPM 2.0 Library and signed with OpenSSL, each field of
 * which a test can get wrong while the signature stays right. */
#ifndef BULLA_TESTS_QUOTE_MAKER_H
#define BULLA_TESTS_QUOTE_MAKER_H

#include "evidence/tpm_quote.h"
#include "signers.h"

struct quote_maker {
    uint32_t magic;
    uint16_t type;
    uint16_t signer_size; /* of the qualified signer; 34 stands for what the key has */
    uint32_t attributes;  /* of the key */
    uint32_t banks, mask; /* of the selection */
    uint16_t bank;
    bool clock_unsafe;
    size_t trailing; /* zero bytes after TPMS_ATTEST, signed too */
    uint8_t extra_data[64];
    size_t extra_size;
    size_t digest_size; /* as the scheme's hash, or a test's */
    bool digest_told;   /* `digest` is a test's, not that of `pcrs` */
    uint8_t digest[64];
    uint8_t pcrs[24][64];

    uint8_t report[BULLA_REPORT_LARGEST], attest[512], key[1024], signature[1024];
    size_t report_size;
    uint8_t name[34]; /* of the key, where its nameAlg is SHA-256 */
    uint8_t full_name[50];
    size_t full_name_size;
};

/* A kind of attestation key, in the numbers of the TCG's Algorithm Registry. */
struct quote_scheme {
    const char *name;
    uint16_t type;   /* 0x0023 ECC, 0x0001 RSA */
    uint16_t scheme; /* 0x0018 ECDSA, 0x0014 RSASSA, 0x0016 RSAPSS */
    uint16_t hash, name_hash;
    uint16_t size; /* the curve's number, or the modulus in bits */
};

/* Everything right: PCRs 0, 7 and 23, a restricted key, extraData that is the report's digest. */
void quote_maker_init(struct quote_maker *maker);
/* Marshals and signs, by a key of any scheme (an EVP_PKEY) or by P-256 with SHA-256; the evidence points into `maker`.
 */
void quote_maker_make_by(
    struct quote_maker *maker, void *key, const struct quote_scheme *scheme, struct bulla_tpm_evidence *evidence);
void quote_maker_make(struct quote_maker *maker, const struct test_p256 *key, struct bulla_tpm_evidence *evidence);

#endif
