/* A ring of hashes over (issuer, certificate). Whoever could make another pair of the same hash could forge
 * certificates by easier means. The lock is only tried: a child forked while another thread held it would wait for
 * ever. */
#include <pthread.h>

#include "certificate_inside.h"
#include "library.h"

enum { REMEMBERED = 64, LINK = 32 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t links[REMEMBERED][LINK];
static size_t used, next;

static void hash_link(
    const struct bulla_certificate *issuer, const struct bulla_certificate *certificate, uint8_t link[static LINK])
{
    uint8_t prints[2][LINK];
    bulla_certificate_fingerprint(issuer, prints[0]);
    bulla_certificate_fingerprint(certificate, prints[1]);
    (void)crypto_hash_sha256(link, prints[0], sizeof prints);
}

static bool find(const uint8_t link[static LINK])
{
    for (size_t i = 0; i < used; i++)
        if (memcmp(links[i], link, LINK) == 0)
            return true;
    return false;
}

bool bulla_signed_before(const struct bulla_certificate *issuer, const struct bulla_certificate *certificate)
{
    uint8_t link[LINK];
    hash_link(issuer, certificate, link);
    if (pthread_mutex_trylock(&lock) != 0)
        return false;
    bool found = find(link);
    (void)pthread_mutex_unlock(&lock);
    return found;
}

void bulla_signed_remember(const struct bulla_certificate *issuer, const struct bulla_certificate *certificate)
{
    uint8_t link[LINK];
    hash_link(issuer, certificate, link);
    if (pthread_mutex_trylock(&lock) != 0)
        return;
    if (!find(link)) {
        memcpy(links[next], link, LINK);
        next = (next + 1) % REMEMBERED;
        used = used < REMEMBERED ? used + 1 : used;
    }
    (void)pthread_mutex_unlock(&lock);
}
