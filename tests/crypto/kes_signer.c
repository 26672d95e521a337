#include "kes_signer.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/arena.h"

const uint8_t kes_published_seed[33] = "test string of 32 byte of lenght";
const struct bulla_bytes kes_published_message = {(const uint8_t *)"test message", 12};

struct signer *signer_open(const uint8_t *seed, unsigned depth)
{
    struct signer *signer = calloc(1, sizeof *signer);
    assert_non_null(signer);
    assert_int_equal(bulla_secret_allocate(sizeof *signer->secret, (void **)&signer->secret), BULLA_OK);
    if (seed)
        assert_int_equal(bulla_kes_generate(seed, depth, 1, &signer->key, signer->secret), BULLA_OK);
    return signer;
}

void signer_close(struct signer *signer)
{
    bulla_secret_free(signer->secret);
    free(signer);
}

void signer_evolve_to(struct signer *signer, unsigned period)
{
    assert_int_equal(bulla_kes_evolve_to(&signer->key, signer->secret, period), BULLA_OK);
}

bool signer_is_wiped(const struct signer *signer)
{
    return sodium_is_zero((const uint8_t *)signer->secret, sizeof *signer->secret) == 1;
}

struct bulla_kes_claim claim_of(enum bulla_kes_scheme scheme, const struct signer *signer, uint64_t period,
    struct bulla_bytes message, const uint8_t *signature)
{
    return (struct bulla_kes_claim){scheme, signer->key.depth, period, signer->key.nodes[1], message,
        {signature, bulla_kes_signature_size(scheme, signer->key.depth)}};
}

enum bulla_reason pieces_push(void *context, const uint8_t *piece, size_t size)
{
    struct pieces *pieces = context;
    assert_int_equal(size, 32);
    if (pieces->count == pieces->refuse_at)
        return BULLA_CANCELLED;
    assert_in_range(pieces->count, 0, ORACLE_RAW / 32 - 1);
    memcpy(pieces->bytes + 32 * pieces->count++, piece, size);
    return BULLA_OK;
}

enum bulla_reason pieces_pull(void *context, uint8_t *piece, size_t size)
{
    struct pieces *pieces = context;
    if (pieces->count == pieces->refuse_at)
        return BULLA_CANCELLED;
    memcpy(piece, pieces->bytes + 32 * pieces->count++, size);
    return BULLA_OK;
}

void seed_for(unsigned number, uint8_t seed[32])
{
    uint8_t bytes[4] = {(uint8_t)number, (uint8_t)(number >> 8), 'k', 'e'};
    (void)crypto_generichash(seed, 32, bytes, sizeof bytes, NULL, 0);
}

void assert_published(const char *name, const uint8_t *bytes, size_t size)
{
    char path[512];
    uint8_t expected[ORACLE_RAW + 1];
    (void)snprintf(path, sizeof path, "%s/tests/vectors/kes/%s.bin", BULLA_SOURCE_FOLDER, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(expected, 1, sizeof expected, file), size);
    (void)fclose(file);
    assert_memory_equal(bytes, expected, size);
}
