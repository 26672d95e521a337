/* CKM_ML_KEM (FIPS 203, algorithms 20 and 21), by OpenSSL. The secret has 32 bytes, and so has the key: a template that
 * wants another length is refused. A ciphertext that was changed gives another secret, as the standard has it (implicit
 * rejection); one of another length is BULLA_WRAPPED_KEY_LENGTH. */
#ifndef BULLA_MECH_PQ_KEM_H
#define BULLA_MECH_PQ_KEM_H

#include "mechanism.h"

bulla_encapsulate bulla_ml_kem_encapsulate;
bulla_decapsulate bulla_ml_kem_decapsulate;
size_t bulla_ml_kem_encapsulation_size(const struct bulla_key *key);

#endif
