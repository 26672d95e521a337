/* PKCS#8: what is read as a curve's key is written again as that key; an RSA key that is imported is one that opens;
 * the values of a post-quantum key, which are judged later, come back as they were read. */
#include "fuzz.h"

#include <openssl/evp.h>

#include "mech/pkcs8.h"
#include "mech/pq_key.h"
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

static void check_same(const struct bulla_draft *one, const struct bulla_draft *two, CK_ATTRIBUTE_TYPE type)
{
    FUZZ_CHECK(bulla_bytes_equal(bulla_draft_get(one, type), bulla_draft_get(two, type)));
}

static void try_post_quantum(struct bulla_bytes der, CK_KEY_TYPE type)
{
    enum { LARGEST = 16384 };
    static uint8_t written[LARGEST];
    BULLA_DRAFT draft = {.object_class = CKO_PRIVATE_KEY, .key_type = type};
    BULLA_DRAFT again = {.object_class = CKO_PRIVATE_KEY, .key_type = type};
    struct bulla_writer out;
    if (bulla_pq_import(der, &draft) != BULLA_OK || !bulla_draft_get(&draft, CKA_VALUE).data)
        return;
    bulla_writer_open(&out, written, sizeof written);
    FUZZ_CHECK(bulla_pq_export(&draft, &out) == BULLA_OK);
    if (out.size > LARGEST) /* no key: it fits its size no more than anything else */
        return;
    FUZZ_CHECK(bulla_pq_import(bulla_writer_bytes(&out), &again) == BULLA_OK);
    check_same(&draft, &again, CKA_VALUE);
    check_same(&draft, &again, CKA_PARAMETER_SET);
    if (bulla_draft_get(&draft, CKA_SEED).size)
        check_same(&draft, &again, CKA_SEED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_curve((struct bulla_bytes){data, size});
    try_rsa((struct bulla_bytes){data, size});
    try_post_quantum((struct bulla_bytes){data, size}, CKK_ML_KEM);
    try_post_quantum((struct bulla_bytes){data, size}, CKK_ML_DSA);
    try_post_quantum((struct bulla_bytes){data, size}, CKK_SLH_DSA);
    return 0;
}
