/* Before 3.2 OpenSSL computes on P-384 with its general arithmetic, 0.8 ms for a verification; nettle's public-key
 * half, hogweed, takes half of that, and a Nitro document has five of them in a row.
 *
 * Only nettle's yes counts. Its addition of two points does not double, so that up to 3.8 it misses signatures where
 * u1·G = u2·Q or the digest is zero; whoever has the private key can make the first kind. Such a no, like every other,
 * is left to OpenSSL: what is taken and what a refusal says are then the same as if nettle were not here, and a forged
 * signature costs both. A yes is had only for 0 < r, s < n (nettle 3.7.2; CVE-2021-20305 was before it) and a point on
 * the curve, whose coordinates are below p: ecc_point_set looks, and infinity has no such coordinates.
 *
 * It is used whatever OpenSSL is there: one way to prove. From 3.2 on, where OpenSSL's own P-384 caught up, it is not
 * much of a loss.
 *
 * nettle takes its memory from GMP, which ends the process when there is none. One verification has 3.3 KiB at most at
 * a time. They are asked for from malloc first, and given back: where the process has no more memory, OpenSSL is asked
 * instead, which refuses. What is left is a thread that takes the very last bytes in between. GMP's own functions for
 * memory are the whole process's, and so not ours to change. */
#include "p384.h"

#include <gmp.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecdsa.h>
#include <stdlib.h>

enum { FIELD = 48, MEMORY = 16384 };

static bool has_memory(void)
{
    void *volatile memory = malloc(MEMORY); /* volatile: a pair of malloc and free may be optimised away */
    free(memory);
    return memory != NULL;
}

static void read_number(mpz_t number, const uint8_t bytes[static FIELD])
{
    enum { MOST_SIGNIFICANT_FIRST = 1, BYTES = 1 };
    mpz_import(number, FIELD, MOST_SIGNIFICANT_FIRST, BYTES, MOST_SIGNIFICANT_FIRST, 0, bytes);
}

static bool read_point(struct ecc_point *point, const uint8_t bytes[static BULLA_P384_POINT])
{
    mpz_t x;
    mpz_t y;
    mpz_init(x);
    mpz_init(y);
    read_number(x, bytes + 1);
    read_number(y, bytes + 1 + FIELD);
    bool taken = bytes[0] == 0x04 && ecc_point_set(point, x, y) == 1;
    mpz_clear(x);
    mpz_clear(y);
    return taken;
}

bool bulla_p384_verifies(const uint8_t point[static BULLA_P384_POINT],
    const uint8_t signature[static BULLA_P384_SIGNATURE], struct bulla_bytes digest)
{
    struct ecc_point key;
    struct dsa_signature numbers;
    if (!has_memory())
        return false;
    ecc_point_init(&key, nettle_get_secp_384r1());
    dsa_signature_init(&numbers);
    read_number(numbers.r, signature);
    read_number(numbers.s, signature + FIELD);
    bool verifies = read_point(&key, point) && ecdsa_verify(&key, digest.size, digest.data, &numbers) == 1;
    dsa_signature_clear(&numbers);
    ecc_point_clear(&key);
    return verifies;
}
