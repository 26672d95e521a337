/* What compose.c names of this room: attesters and a leaf for machines that are enclaves. */
#ifndef BULLA_ENCLAVE_BACKEND_BACKEND_H
#define BULLA_ENCLAVE_BACKEND_BACKEND_H

#include "release/backend.h"
#include "release/leaf.h"

extern const struct bulla_attester bulla_nitro_attester;   /* "nitro": documents of /dev/nsm */
extern const struct bulla_attester bulla_sev_snp_attester; /* "sev-snp": reports, through configfs-tsm */
extern const struct bulla_attester bulla_tdx_attester;     /* "tdx": quotes, through configfs-tsm */
extern const struct bulla_leaf_scheme bulla_snp_leaf;      /* "snp": sealed to a measurement (snp_leaf.c) */

#endif
