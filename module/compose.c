/* The only file that names the leaves, the families, the attesters and the backend. */
#include "enclave-backend/backend.h"
#include "mech/families.h"
#include "release/backend.h"
#include "release/leaf.h"
#include "release/passphrase.h"
#include "tpm-backend/backend.h"
#include "tpm-backend/tpm.h"

const struct bulla_leaf_scheme *const bulla_leaf_schemes[] = {
    &bulla_passphrase_leaf,
    &bulla_snp_leaf,
    &bulla_tpm_leaf,
    NULL,
};

const struct bulla_family *const bulla_families[] = {
    &bulla_model_family,
    &bulla_secret_family,
    &bulla_digest_family,
    &bulla_mac_family,
    &bulla_kdf_family,
    &bulla_tls_family,
    &bulla_cipher_family,
    &bulla_rsa_family,
    &bulla_ec_family,
    &bulla_kes_family,
    &bulla_ml_kem_family,
    &bulla_ml_dsa_family,
    &bulla_slh_dsa_family,
    NULL,
};

const struct bulla_backend *const bulla_token_backend = &bulla_tpm_backend;

const struct bulla_attester *const bulla_attesters[] = {
    &bulla_tpm_attester,
    &bulla_nitro_attester,
    &bulla_sev_snp_attester,
    &bulla_tdx_attester,
    NULL,
};
