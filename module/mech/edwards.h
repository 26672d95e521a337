/* EdDSA (RFC 8032). */
#ifndef BULLA_MECH_EDWARDS_H
#define BULLA_MECH_EDWARDS_H

#include "mechanism.h"

/* CKM_EDDSA, whole and in parts; parts are kept until the last one, for the message goes through the hash twice.
 * Without a parameter, or with CK_EDDSA_PARAMS that ask for nothing, it is the pure form (edwards_variant.h has the
 * others). */
extern const struct bulla_processor bulla_eddsa_processor;

#endif
