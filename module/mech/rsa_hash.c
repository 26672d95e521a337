#include "rsa_hash.h"

#include <pthread.h>

#include "crypto/library.h"

static const struct bulla_rsa_hash hashes[] = {
    {CKM_SHA_1, CKG_MGF1_SHA1, "SHA1", 20},
    {CKM_SHA224, CKG_MGF1_SHA224, "SHA2-224", 28},
    {CKM_SHA256, CKG_MGF1_SHA256, "SHA2-256", 32},
    {CKM_SHA384, CKG_MGF1_SHA384, "SHA2-384", 48},
    {CKM_SHA512, CKG_MGF1_SHA512, "SHA2-512", 64},
    {CKM_SHA3_224, CKG_MGF1_SHA3_224, "SHA3-224", 28},
    {CKM_SHA3_256, CKG_MGF1_SHA3_256, "SHA3-256", 32},
    {CKM_SHA3_384, CKG_MGF1_SHA3_384, "SHA3-384", 48},
    {CKM_SHA3_512, CKG_MGF1_SHA3_512, "SHA3-512", 64},
};
enum { HASHES = sizeof hashes / sizeof hashes[0] };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *fetched[HASHES];

static void fetch(void)
{
    for (int i = 0; i < HASHES; i++)
        fetched[i] = EVP_MD_fetch(bulla_openssl_context(), hashes[i].name, NULL);
}

const struct bulla_rsa_hash *bulla_rsa_hash_find(CK_MECHANISM_TYPE mechanism)
{
    for (int i = 0; i < HASHES; i++)
        if (hashes[i].mechanism == mechanism)
            return &hashes[i];
    return NULL;
}

const struct bulla_rsa_hash *bulla_rsa_hash_find_mask(CK_ULONG mask)
{
    for (int i = 0; i < HASHES; i++)
        if (hashes[i].mask == mask)
            return &hashes[i];
    return NULL;
}

const EVP_MD *bulla_rsa_hash_library(const struct bulla_rsa_hash *hash)
{
    (void)pthread_once(&once, fetch);
    return fetched[hash - hashes];
}
