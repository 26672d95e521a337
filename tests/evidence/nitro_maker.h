/* A Nitro Security Module of paper: documents of the real shape (untagged COSE_Sign1, ES384, a chain of five) under a
 * PKI of its own. For tests alone: nothing that is installed may be linked with it. Whatever can't be done aborts. */
#ifndef BULLA_TESTS_NITRO_MAKER_H
#define BULLA_TESTS_NITRO_MAKER_H

#include "crypto/bytes.h"
#include "support/pki.h"

enum {
    NITRO_LINKS = 5,
    NITRO_LEAF = NITRO_LINKS - 1,
    NITRO_CERTIFICATE = 1024,
    NITRO_DOCUMENT = 12288,
    NITRO_PCRS = 16
};

struct nitro_pki {
    void *keys[NITRO_LINKS]; /* EVP_PKEY, P-384 */
    struct test_pki_certificate wanted[NITRO_LINKS];
    uint8_t der[NITRO_LINKS][NITRO_CERTIFICATE]; /* the root first, the leaf last */
    size_t size[NITRO_LINKS];
    uint8_t root[32]; /* SHA-256 of the root's DER: what a test verifier is told to trust */
};
/* All certificates are valid from `from` to `until`, Unix seconds. */
void nitro_pki_make(struct nitro_pki *pki, uint64_t from, uint64_t until);
/* Certificates and `root` anew, after `wanted` was changed. */
void nitro_pki_renew(struct nitro_pki *pki);
void nitro_pki_free(struct nitro_pki *pki);

struct nitro_document {
    uint8_t pcrs[NITRO_PCRS][48];
    struct bulla_bytes user_data, nonce, public_key; /* `data` NULL: null in the document */
    uint64_t timestamp;                              /* milliseconds */
};
/* The whole document; returns its size. A certificate above the leaf's whose size is 0 is left out. */
size_t nitro_document_make(
    const struct nitro_pki *pki, const struct nitro_document *wanted, uint8_t *document, size_t capacity);
/* Its two halves: the map, and any payload signed by the leaf's key. */
size_t nitro_payload_make(
    const struct nitro_pki *pki, const struct nitro_document *wanted, uint8_t *payload, size_t capacity);
size_t nitro_payload_sign(const struct nitro_pki *pki, struct bulla_bytes payload, uint8_t *document, size_t capacity);

#endif
