/* PKCS#11 3.0, 5.21: random numbers, from the kernel's generator through libsodium. */
#include "face.h"

#include <sodium.h>

struct random_arguments {
    unsigned char *bytes;
    unsigned long size;
};

static CK_RV fill(struct bulla_session *session, void *arguments)
{
    (void)session;
    const struct random_arguments *a = arguments;
    randombytes_buf(a->bytes, a->size);
    return CKR_OK;
}

CK_RV C_GenerateRandom(CK_SESSION_HANDLE session, unsigned char *bytes, unsigned long size)
{
    struct random_arguments arguments = {bytes, size};
    return bytes ? bulla_call(session, fill, &arguments) : bulla_face_refuse_pointer();
}

static CK_RV refuse_seed(struct bulla_session *session, void *arguments)
{
    (void)session;
    (void)arguments;
    return CKR_RANDOM_SEED_NOT_SUPPORTED;
}

CK_RV C_SeedRandom(CK_SESSION_HANDLE session, unsigned char *seed, unsigned long size)
{
    (void)seed;
    (void)size;
    return bulla_call(session, refuse_seed, NULL);
}
