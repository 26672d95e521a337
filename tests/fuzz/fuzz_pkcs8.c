/* PKCS#8: what is read as a curve's key is written again as that key; an RSA key that is imported is one that opens. */
#include "fuzz.h"

#include <openssl/evp.h>

#include "mech/pkcs8.h"
#include "mech/rsa.h"

static void try_curve(struct bulla_bytes der)
{
    EVP_PKEY *pkey = NULL, *back = NULL;
    uint8_t written[512];
    struct bulla_writer out;
    if (bulla_pkcs8_read(der, &pkey) != BULLA_OK)
        return;
    bulla_writer_open(&out, written, sizeof written);
    if (bulla_pkcs8_write(pkey, &out) == BULLA_OK) { /* of EC keys, only with the point */
        FUZZ_CHECK(bulla_pkcs8_read(bulla_writer_bytes(&out), &back) == BULLA_OK);
        FUZZ_CHECK(EVP_PKEY_eq(pkey, back) == 1);
    }
    EVP_PKEY_free(pkey);
    EVP_PKEY_free(back);
}

static void try_rsa(struct bulla_bytes der)
{
    BULLA_DRAFT draft = {.object_class = CKO_PRIVATE_KEY, .key_type = CKK_RSA};
    struct bulla_material *material = NULL;
    if (bulla_rsa_import(der, &draft) != BULLA_OK)
        return;
    FUZZ_CHECK(bulla_material_make(&bulla_rsa_kind, &draft, &material) == BULLA_OK);
    bulla_material_drop(material);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_curve((struct bulla_bytes){data, size});
    try_rsa((struct bulla_bytes){data, size});
    return 0;
}
