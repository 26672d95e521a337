/* Shamir's secret sharing, a polynomial of degree k - 1 for each of the 32 bytes: share = f(x), secret = f(0).
 *
 * The field is GF(2)[z] / (z^8 + z^4 + z^3 + z + 1), AES's. A product is formed bit by bit under masks: no table that a
 * secret would index, no branch on a secret. That makes 8 steps for each byte, some microseconds for a split, where a
 * table would leave its index in the cache. x values are public. */
#include "shamir.h"

#include "arena.h"
#include "keyed_hash.h"
#include "library.h"

enum { SIZE = 32 };

/* a · b; for every bit of b: add a under the bit's mask, then a := a · z. */
static uint8_t field_multiply(uint8_t a, uint8_t b)
{
    unsigned left = a, product = 0;
    for (unsigned bit = 0; bit < 8; bit++) {
        product ^= left & (0U - ((unsigned)b >> bit & 1U));
        left = (left << 1) ^ (0x11bU & (0U - (left >> 7)));
    }
    return (uint8_t)product;
}

/* a^254 = 1/a, and 0 for 0: the product of a^2, a^4, … a^128. */
static uint8_t field_invert(uint8_t a)
{
    uint8_t power = a, inverse = 1;
    for (unsigned i = 1; i < 8; i++) {
        power = field_multiply(power, power);
        inverse = field_multiply(inverse, power);
    }
    return inverse;
}

/* f(x) by Horner's rule; coefficients: k × 32 bytes, that of x^0 (the secret) first. */
static void polynomial_evaluate(const uint8_t *coefficients, unsigned k, uint8_t x, uint8_t *share)
{
    for (size_t i = 0; i < SIZE; i++)
        share[i] = 0;
    for (unsigned power = k; power-- > 0;)
        for (size_t i = 0; i < SIZE; i++)
            share[i] = field_multiply(share[i], x) ^ coefficients[(size_t)power * SIZE + i];
}

enum bulla_reason bulla_shamir_split(const uint8_t secret[static 32], unsigned k, unsigned n, uint8_t *shares)
{
    if (k < 1 || k > n || n > BULLA_SHARES_LARGEST)
        return bulla_refuse(BULLA_ARGUMENT, "%u of %u is no way to share a secret", k, n);
    BULLA_SECRET void *memory = NULL;
    BULLA_TRY(bulla_secret_allocate((size_t)k * SIZE, &memory));
    uint8_t *coefficients = memory;
    memcpy(coefficients, secret, SIZE);
    bulla_sodium_ready();
    randombytes_buf(coefficients + SIZE, (size_t)(k - 1) * SIZE);
    for (unsigned i = 0; i < n; i++)
        polynomial_evaluate(coefficients, k, (uint8_t)(i + 1), shares + (size_t)i * SIZE);
    return BULLA_OK;
}

static enum bulla_reason join_check(const uint8_t *xs, unsigned k)
{
    if (k < 1 || k > BULLA_SHARES_LARGEST)
        return bulla_refuse(BULLA_ARGUMENT, "%u shares can't be joined", k);
    for (unsigned i = 0; i < k; i++) {
        if (xs[i] == 0)
            return bulla_refuse(BULLA_ARGUMENT, "share %u claims to be the secret itself (x = 0)", i);
        for (unsigned j = 0; j < i; j++)
            if (xs[i] == xs[j])
                return bulla_refuse(BULLA_ARGUMENT, "shares %u and %u are the same one (x = %u)", j, i, xs[i]);
    }
    return BULLA_OK;
}

/* Lagrange's coefficient of share i at 0: the product over j ≠ i of x_j / (x_j - x_i). */
static uint8_t lagrange_at_zero(const uint8_t *xs, unsigned k, unsigned i)
{
    uint8_t above = 1, below = 1;
    for (unsigned j = 0; j < k; j++) {
        if (j == i)
            continue;
        above = field_multiply(above, xs[j]);
        below = field_multiply(below, xs[j] ^ xs[i]);
    }
    return field_multiply(above, field_invert(below));
}

enum bulla_reason bulla_shamir_join(const uint8_t *xs, const uint8_t *shares, unsigned k, uint8_t secret[static 32])
{
    bulla_wipe(secret, SIZE);
    BULLA_TRY(join_check(xs, k));
    for (unsigned i = 0; i < k; i++) {
        uint8_t weight = lagrange_at_zero(xs, k, i);
        for (size_t byte = 0; byte < SIZE; byte++)
            secret[byte] ^= field_multiply(shares[(size_t)i * SIZE + byte], weight);
    }
    return BULLA_OK;
}

void bulla_share_commit(const uint8_t share[static 32], struct bulla_bytes context, uint8_t commitment[static 32])
{
    const struct bulla_bytes parts[] = {BULLA_TEXT("bulla/1 share"), context};
    bulla_keyed_hash(share, parts, 2, commitment);
}
