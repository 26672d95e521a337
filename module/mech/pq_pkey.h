/* Post-quantum keys as OpenSSL has them from 3.5 on, in the library context of our own. OpenSSL keeps private values on
 * its heap, and wipes them with the key. */
#ifndef BULLA_MECH_PQ_PKEY_H
#define BULLA_MECH_PQ_PKEY_H

#include "pq_set.h"

struct evp_pkey_st;

/* Whether the OpenSSL that runs has keys of this type; asked once for each process. */
bool bulla_pq_present(CK_KEY_TYPE type);

/* What OpenSSL calls the values of a key. */
#define BULLA_PQ_SEED "seed"
#define BULLA_PQ_PRIVATE "priv"
#define BULLA_PQ_PUBLIC "pub"

/* A key of one of its values, of the set's size, which OpenSSL judges: the hashes inside ML-KEM's and ML-DSA's private
 * keys, the coefficients of ML-KEM's public ones; of SLH-DSA's private keys, that the root is that of its tree
 * (bulla_pq_check). BULLA_KEY_VALUE. The key is the caller's to free. */
enum bulla_reason bulla_pq_pkey(const struct bulla_pq_set *set, const char *which, struct bulla_bytes value,
    struct evp_pkey_st **pkey) BULLA_MUST_USE;
enum bulla_reason bulla_pq_check(const struct bulla_pq_set *set, struct evp_pkey_st *pkey) BULLA_MUST_USE;
/* A new one, where there are no seeds. */
enum bulla_reason bulla_pq_generate(const struct bulla_pq_set *set, struct evp_pkey_st **pkey) BULLA_MUST_USE;
/* A value of a key, of exactly this size; `value` of a private one is locked memory. */
enum bulla_reason bulla_pq_value(
    const struct evp_pkey_st *pkey, const char *which, uint8_t *value, size_t size) BULLA_MUST_USE;

#endif
