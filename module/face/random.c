/* PKCS#11 3.0, 5.21: random numbers. Each session has a generator of its own, seeded by the kernel (crypto/random.h):
 * threads do not wait for each other, and small requests cost no system call. */
#include "face.h"

#include <sodium.h>
#include <stdint.h>

#include "crypto/arena.h"

struct random_arguments {
    unsigned char *bytes;
    unsigned long size;
};

static CK_RV fill(struct bulla_session *session, void *arguments)
{
    const struct random_arguments *a = arguments;
    if (a->size > PTRDIFF_MAX)
        return CKR_ARGUMENTS_BAD; /* no memory is so large */
    void *memory = NULL;
    if (!session->random && bulla_secret_allocate(sizeof *session->random, &memory) == BULLA_OK)
        session->random = memory;
    if (session->random)
        bulla_random_fill(session->random, a->bytes, a->size);
    else /* no more memory can be locked: the kernel's own will do */
        randombytes_buf(a->bytes, a->size);
    return CKR_OK;
}

CK_RV C_GenerateRandom(CK_SESSION_HANDLE session, unsigned char *bytes, unsigned long size)
{
    struct random_arguments arguments = {bytes, size};
    return bytes ? bulla_call_to_end(session, fill, &arguments) : bulla_face_refuse_pointer();
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
