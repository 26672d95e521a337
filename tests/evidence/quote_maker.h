/* A TPM of paper: quotes marshalled by hand from Part 2 of the TPM 2.0 Library and signed with OpenSSL, each field of
 * which a test can get wrong while the signature stays right. */
#ifndef BULLA_TESTS_QUOTE_MAKER_H
#define BULLA_TESTS_QUOTE_MAKER_H

#include "evidence/tpm_quote.h"
#include "signers.h"

struct quote_maker {
    uint32_t magic;
    uint16_t type;
    uint16_t signer_size; /* of the qualified signer: 34 */
    uint32_t attributes;  /* of the key */
    uint32_t banks, mask; /* of the selection */
    uint16_t bank;
    bool clock_unsafe;
    size_t trailing; /* zero bytes after TPMS_ATTEST, signed too */
    uint8_t extra_data[64];
    size_t extra_size;
    uint8_t digest[32]; /* of the PCRs */
    uint8_t pcrs[24][32];

    uint8_t report[BULLA_REPORT_LARGEST], attest[512], key[512], signature[512];
    size_t report_size;
    uint8_t name[34];
};

/* Everything right: PCRs 0, 7 and 23, a restricted key, extraData that is the report's digest. */
void quote_maker_init(struct quote_maker *maker);
/* Marshals and signs; the evidence points into `maker`. */
void quote_maker_make(struct quote_maker *maker, const struct test_p256 *key, struct bulla_tpm_evidence *evidence);

#endif
