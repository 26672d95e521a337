/* The families, and the processors that their rows name. compose.c lists the families. */
#ifndef BULLA_MECH_FAMILIES_H
#define BULLA_MECH_FAMILIES_H

#include "mechanism.h"

extern const struct bulla_family bulla_model_family; /* model_family.c: key generation, SEAL, INFER, ATTEST, ACTIVATE */
extern const struct bulla_family bulla_secret_family; /* secret_family.c: kinds and generation of secret keys */
extern const struct bulla_family bulla_digest_family; /* digest_family.c */
extern const struct bulla_family bulla_mac_family;    /* mac_family.c: HMAC */
extern const struct bulla_family bulla_kdf_family;    /* kdf_family.c: derivations of keys from keys and passwords */
extern const struct bulla_family bulla_tls_family;    /* tls_family.c: TLS 1.2 */
extern const struct bulla_family bulla_cipher_family; /* cipher_family.c: AES and ChaCha20 */
extern const struct bulla_family bulla_rsa_family;    /* rsa_family.c */
extern const struct bulla_family bulla_kes_family;    /* kes_family.c: keys that evolve */
extern const struct bulla_family bulla_ec_family;     /* ec_family.c: Weierstrass, Edwards and Montgomery curves */
/* pq_family.c: what OpenSSL has from 3.5 on */
extern const struct bulla_family bulla_ml_kem_family, bulla_ml_dsa_family, bulla_slh_dsa_family;

extern const struct bulla_processor bulla_seal_processor;
extern const struct bulla_processor bulla_infer_processor;
extern const struct bulla_processor bulla_attest_processor;
extern const struct bulla_processor bulla_activate_processor;

#endif
