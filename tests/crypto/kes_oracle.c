#include "kes_oracle.h"

#include <sodium.h>
#include <string.h>

static void hash(const uint8_t *in, size_t size, uint8_t out[32])
{
    (void)crypto_generichash(out, 32, in, size, NULL, 0);
}

static void split(const uint8_t seed[32], uint8_t left[32], uint8_t right[32])
{
    uint8_t in[33];
    memcpy(in + 1, seed, 32);
    in[0] = 1;
    hash(in, 33, left);
    in[0] = 2;
    hash(in, 33, right);
}

void oracle_generate(const uint8_t seed[32], unsigned depth, uint8_t raw[ORACLE_RAW], uint8_t key[32])
{
    uint8_t left[32], right[32], forgotten[ORACLE_RAW], *level = raw + 32 + 96 * (depth ? depth - 1 : 0);
    uint8_t expanded[64];
    if (depth == 0) {
        memcpy(raw, seed, 32);
        (void)crypto_sign_seed_keypair(key, expanded, seed);
        return;
    }
    split(seed, left, right);
    oracle_generate(left, depth - 1, raw, level + 32);
    oracle_generate(right, depth - 1, forgotten, level + 64);
    memcpy(level, right, 32);
    hash(level + 32, 64, key);
}

void oracle_update(uint8_t *raw, unsigned depth, unsigned period)
{
    unsigned half = 1U << (depth - 1);
    uint8_t *level = raw + 32 + 96 * (depth - 1), ignored[32];
    if (period + 1 < half)
        oracle_update(raw, depth - 1, period);
    else if (period + 1 == half) {
        oracle_generate(level, depth - 1, raw, ignored);
        memset(level, 0, 32);
    } else
        oracle_update(raw, depth - 1, period - half);
}

static void sign_leaf(const uint8_t *seed, const uint8_t *message, size_t size, uint8_t signature[64], uint8_t key[32])
{
    uint8_t expanded[64];
    (void)crypto_sign_seed_keypair(key, expanded, seed);
    (void)crypto_sign_detached(signature, NULL, message, size, expanded);
}

size_t oracle_sign_sum(const uint8_t *raw, unsigned depth, unsigned period, const uint8_t *message, size_t size,
    uint8_t signature[ORACLE_SIGNATURE])
{
    uint8_t key[32];
    if (depth == 0) {
        sign_leaf(raw, message, size, signature, key);
        return 64;
    }
    unsigned half = 1U << (depth - 1);
    size_t used = oracle_sign_sum(raw, depth - 1, period < half ? period : period - half, message, size, signature);
    memcpy(signature + used, raw + 32 + 96 * (depth - 1) + 32, 64);
    return used + 64;
}

size_t oracle_sign_compact(const uint8_t *raw, unsigned depth, unsigned period, const uint8_t *message, size_t size,
    uint8_t signature[ORACLE_SIGNATURE])
{
    if (depth == 0) {
        sign_leaf(raw, message, size, signature, signature + 64);
        return 96;
    }
    unsigned half = 1U << (depth - 1);
    const uint8_t *level = raw + 32 + 96 * (depth - 1);
    size_t used = oracle_sign_compact(raw, depth - 1, period < half ? period : period - half, message, size, signature);
    memcpy(signature + used, period < half ? level + 64 : level + 32, 32);
    return used + 32;
}
