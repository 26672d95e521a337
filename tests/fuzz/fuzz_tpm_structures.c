/* TPM structures on their wire form, as attestation, public area, signature by a key of each kind and
 * file of PCR values: read within their bytes, and what was read is what the contract says. */
#include "fuzz.h"

#include "evidence/tpm_quote.h"

static void try_attest(struct bulla_bytes bytes)
{
    struct bulla_tpm_attest attest;
    if (bulla_tpm_attest_read(bytes, &attest) != BULLA_OK)
        return;
    FUZZ_CHECK(attest.pcr_mask <= 0xffffff && attest.bank < BULLA_HASHES);
    FUZZ_CHECK(attest.qualified_signer.size + attest.extra_data.size + attest.pcr_digest.size < bytes.size);
}

static void try_public(struct bulla_bytes bytes)
{
    struct bulla_tpm_public key;
    struct bulla_tpm_name name;
    struct bulla_bytes area = bulla_tpm_public_area(bytes);
    FUZZ_CHECK(area.size == bytes.size || area.size + 2 == bytes.size);
    if (bulla_tpm_public_read(area, &key) != BULLA_OK)
        return;
    FUZZ_CHECK(bulla_tpm_public_name(area, &name) == BULLA_OK && name.size == 2 + bulla_hash_size(key.name_hash));
    struct bulla_public_key public = bulla_tpm_public_key(&key);
    FUZZ_CHECK(public.kind == BULLA_PUBLIC_RSA ? public.value.size >= 256 : public.value.data[0] == 0x04);
    FUZZ_CHECK(key.scheme == BULLA_TPM_NO_SCHEME || key.scheme_hash != BULLA_SHA1);
}

static void try_signature(struct bulla_bytes bytes)
{
    static const uint8_t modulus[256] = {0x80};
    static const struct bulla_tpm_public keys[] = {
        {.scheme = BULLA_TPM_ECDSA, .scheme_hash = BULLA_SHA256, .kind = BULLA_PUBLIC_P256},
        {.scheme = BULLA_TPM_ECDSA, .scheme_hash = BULLA_SHA384, .kind = BULLA_PUBLIC_P384},
        {.scheme = BULLA_TPM_RSASSA,
            .scheme_hash = BULLA_SHA256,
            .kind = BULLA_PUBLIC_RSA,
            .modulus = BULLA_BYTES(modulus)},
        {.scheme = BULLA_TPM_RSAPSS,
            .scheme_hash = BULLA_SHA512,
            .kind = BULLA_PUBLIC_RSA,
            .modulus = BULLA_BYTES(modulus)},
        {.scheme = BULLA_TPM_NO_SCHEME, .kind = BULLA_PUBLIC_P256},
    };
    static const size_t sizes[] = {64, 96, 256, 256, 0};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct bulla_tpm_signature signature;
        if (bulla_tpm_signature_read(bytes, &keys[i], &signature) == BULLA_OK)
            FUZZ_CHECK(signature.signature.value.size == sizes[i] && sizes[i] > 0);
    }
}

static void try_pcr_file(struct bulla_bytes bytes)
{
    static uint8_t values[BULLA_PCR_COUNT][BULLA_HASH_LARGEST];
    enum bulla_hash bank;
    uint32_t mask;
    if (bulla_tpm_pcr_file_read(bytes, &bank, &mask, values) == BULLA_OK)
        FUZZ_CHECK(mask > 0 && mask <= 0xffffff && bank < BULLA_HASHES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bulla_bytes bytes = {data, size};
    try_attest(bytes);
    try_public(bytes);
    try_signature(bytes);
    try_pcr_file(bytes);
    return 0;
}
