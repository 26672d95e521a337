/* CKM_ML_DSA and CKM_SLH_DSA: the pure forms, of FIPS 204 (algorithms 2 and 3) and FIPS 205 (algorithms 22 and 24), by
 * OpenSSL. The prehashed forms are not here: OpenSSL has none. */
#ifndef BULLA_MECH_PQ_SIGN_H
#define BULLA_MECH_PQ_SIGN_H

#include "mechanism.h"

/* Whole and in parts; parts are kept until the last one, for the message goes through the hash twice. Without a
 * parameter, or with CK_SIGN_ADDITIONAL_CONTEXT: a context of up to 255 bytes, and whether a signature is hedged, which
 * it is unless that is forbidden. */
extern const struct bulla_processor bulla_pq_sign_processor;

#endif
