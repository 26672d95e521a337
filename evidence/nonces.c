/* A nonce is taken by wiping it: there is no state in which it was seen and still could be used. */
#include <sodium.h>

#include "judgement.h"

void bulla_nonce_issue(struct bulla_nonces *nonces, uint64_t now, uint8_t nonce[static 32])
{
    size_t place = 0;
    for (size_t i = 1; i < BULLA_NONCES; i++)
        if (nonces->issued[i].until < nonces->issued[place].until)
            place = i;
    randombytes_buf(nonce, 32);
    memcpy(nonces->issued[place].value, nonce, 32);
    nonces->issued[place].until = now + BULLA_NONCE_SECONDS;
}

enum bulla_reason bulla_nonce_take(struct bulla_nonces *nonces, uint64_t now, struct bulla_bytes nonce)
{
    for (size_t i = 0; i < BULLA_NONCES && nonce.size == 32; i++) {
        uint64_t until = nonces->issued[i].until;
        if (until == 0 || sodium_memcmp(nonces->issued[i].value, nonce.data, 32) != 0)
            continue;
        memset(&nonces->issued[i], 0, sizeof nonces->issued[i]);
        return now <= until ? BULLA_OK
                            : bulla_refuse(BULLA_NONCE_UNKNOWN, "the nonce's time was over %llu s ago",
                                  (unsigned long long)(now - until));
    }
    return bulla_refuse(BULLA_NONCE_UNKNOWN, "no such nonce is waiting: it was never issued here, or was used before");
}
