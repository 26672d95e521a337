/* The parameter sets of ML-KEM (FIPS 203), ML-DSA (FIPS 204) and SLH-DSA (FIPS 205): one table, which generation,
 * import and use read. Sizes are in bytes. */
#ifndef BULLA_MECH_PQ_SET_H
#define BULLA_MECH_PQ_SET_H

#include "draft.h"

struct bulla_pq_set {
    CK_KEY_TYPE type;
    CK_ULONG number;     /* CKA_PARAMETER_SET */
    const char *name;    /* OpenSSL's */
    uint8_t arcs[2];     /* the last two of its object identifier (NIST's CSOR) */
    size_t public_size;  /* CKA_VALUE of a public key */
    size_t private_size; /* CKA_VALUE of a private key */
    size_t seed_size;    /* CKA_SEED; 0: there is none */
    size_t output_size;  /* of a ciphertext or a signature */
};

enum { BULLA_PQ_SETS = 18, BULLA_PQ_ALGORITHM = 13, BULLA_PQ_PUBLIC_LARGEST = 2592, BULLA_PQ_PRIVATE_LARGEST = 4896 };
enum { BULLA_PQ_INFO_LARGEST = BULLA_PQ_PUBLIC_LARGEST + 32 };
/* material->curve of opened keys counts in this table. */
extern const struct bulla_pq_set bulla_pq_sets[BULLA_PQ_SETS];

/* The set of a key. BULLA_KEY_INCOMPLETE without CKA_PARAMETER_SET, BULLA_PARAMETER_SET for one that its type of key
 * has not. */
enum bulla_reason bulla_pq_set_of(const struct bulla_draft *key, const struct bulla_pq_set **set) BULLA_MUST_USE;
/* AlgorithmIdentifier: an object identifier without parameters (RFC 9935, RFC 9881, RFC 9909); NULL for another one. */
void bulla_pq_algorithm(const struct bulla_pq_set *set, uint8_t algorithm[static BULLA_PQ_ALGORITHM]);
const struct bulla_pq_set *bulla_pq_by_algorithm(struct bulla_bytes algorithm);

#endif
