/* The kinds CKK_ML_KEM, CKK_ML_DSA and CKK_SLH_DSA (PKCS#11 3.2, 6.67 to 6.69).
 *
 * A public key is CKA_PARAMETER_SET and CKA_VALUE. A private one is made of CKA_SEED, or of CKA_VALUE (the expanded
 * key), or of both, which then have to be of one key; SLH-DSA has no seeds. The token keeps both, as far as it knows
 * them, and CKA_PUBLIC_KEY_INFO. */
#ifndef BULLA_MECH_PQ_KEY_H
#define BULLA_MECH_PQ_KEY_H

#include "mechanism.h"

enum bulla_reason bulla_pq_complete(struct bulla_draft *key) BULLA_MUST_USE;
enum bulla_reason bulla_pq_open(const struct bulla_draft *key, struct bulla_material *material) BULLA_MUST_USE;
/* PKCS#8: seed and expanded key together where the token has both (RFC 9935, RFC 9881), the key's own octets of SLH-DSA
 * (RFC 9909). Either form, and each alone, is read. */
enum bulla_reason bulla_pq_export(const struct bulla_draft *key, struct bulla_writer *out) BULLA_MUST_USE;
enum bulla_reason bulla_pq_import(struct bulla_bytes plain, struct bulla_draft *key) BULLA_MUST_USE;
bulla_generate_pair bulla_pq_generate_pair;

#endif
