/* The templates of the TCG EK Credential Profile for TPM 2.0 (version 2.5): L-1 and L-2, the low range, as TPMs have
 * had them since 2014, and H-3, of the high range, which is what swtpm certifies beside L-1.
 *
 *     low range    authPolicy = PolicyA = PolicySecret(endorsement), user auth disabled; AES-128-CFB; unique all zero
 *     high range   authPolicy = PolicyB = PolicyOR(PolicyA, PolicyC), user auth allowed; AES-256-CFB; unique empty
 *
 * The policies' digests follow from Part 3 (23.4, 23.6) and the profile's PolicyC; the tests compute them. */
#include "endorsement.h"

#define COMMON_ATTRIBUTES                                                                                              \
    (TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY |  \
        TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)

#define POLICY_A_SHA256                                                                                                \
    {                                                                                                                  \
        0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52,    \
            0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa                         \
    }
#define POLICY_B_SHA384                                                                                                \
    {                                                                                                                  \
        0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc, 0xf5, 0xfd, 0x3a, 0x1a, 0x07, 0x41,    \
            0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4, 0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca, 0xcb, 0x47, 0xba,      \
            0x09, 0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12                               \
    }

const struct bulla_tpm_endorsement_kind bulla_tpm_endorsement_kinds[BULLA_TPM_ENDORSEMENT_KINDS] = {
    {
        .name = "ecc-p256",
        .certificate = 0x01c0000a,
        .secret_size = 2 + 2 * (2 + 32),
        .by_policy = true,
        .public.publicArea =
            {
                .type = TPM2_ALG_ECC,
                .nameAlg = TPM2_ALG_SHA256,
                .objectAttributes = COMMON_ATTRIBUTES,
                .authPolicy = {.size = 32, .buffer = POLICY_A_SHA256},
                .parameters.eccDetail =
                    {
                        .symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB},
                        .scheme.scheme = TPM2_ALG_NULL,
                        .curveID = TPM2_ECC_NIST_P256,
                        .kdf.scheme = TPM2_ALG_NULL,
                    },
                .unique.ecc = {.x.size = 32, .y.size = 32},
            },
    },
    {
        .name = "ecc-p384",
        .certificate = 0x01c00016,
        .secret_size = 2 + 2 * (2 + 48),
        .by_policy = false,
        .public.publicArea =
            {
                .type = TPM2_ALG_ECC,
                .nameAlg = TPM2_ALG_SHA384,
                .objectAttributes = COMMON_ATTRIBUTES | TPMA_OBJECT_USERWITHAUTH,
                .authPolicy = {.size = 48, .buffer = POLICY_B_SHA384},
                .parameters.eccDetail =
                    {
                        .symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 256, .mode.aes = TPM2_ALG_CFB},
                        .scheme.scheme = TPM2_ALG_NULL,
                        .curveID = TPM2_ECC_NIST_P384,
                        .kdf.scheme = TPM2_ALG_NULL,
                    },
            },
    },
    {
        .name = "rsa-2048",
        .certificate = 0x01c00002,
        .secret_size = 2 + 256,
        .by_policy = true,
        .public.publicArea =
            {
                .type = TPM2_ALG_RSA,
                .nameAlg = TPM2_ALG_SHA256,
                .objectAttributes = COMMON_ATTRIBUTES,
                .authPolicy = {.size = 32, .buffer = POLICY_A_SHA256},
                .parameters.rsaDetail =
                    {
                        .symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB},
                        .scheme.scheme = TPM2_ALG_NULL,
                        .keyBits = 2048,
                    },
                .unique.rsa.size = 256,
            },
    },
};
