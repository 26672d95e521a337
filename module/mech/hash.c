#include "hash.h"

#include "hash_engine.h"

#define HASH(number, its_name, its_library_name, its_engine, its_size, its_block)                                      \
    {                                                                                                                  \
        .digest = CKM_##number, .hmac = CKM_##number##_HMAC, .hmac_general = CKM_##number##_HMAC_GENERAL,              \
        .hmac_key = CKK_##number##_HMAC, .name = (its_name), .library_name = (its_library_name),                       \
        .engine = &(its_engine), .size = (its_size), .block = (its_block)                                              \
    }

const struct bulla_hash bulla_hashes[BULLA_HASHES] = {
    [BULLA_SHA1] = HASH(SHA_1, "SHA-1", "SHA1", bulla_sha1_engine, 20, 64),
    [BULLA_SHA224] = HASH(SHA224, "SHA-224", "SHA2-224", bulla_sha224_engine, 28, 64),
    [BULLA_SHA256] = HASH(SHA256, "SHA-256", "SHA2-256", bulla_sha256_engine, 32, 64),
    [BULLA_SHA384] = HASH(SHA384, "SHA-384", "SHA2-384", bulla_sha384_engine, 48, 128),
    [BULLA_SHA512] = HASH(SHA512, "SHA-512", "SHA2-512", bulla_sha512_engine, 64, 128),
    [BULLA_SHA512_224] = HASH(SHA512_224, "SHA-512/224", "SHA2-512/224", bulla_sha512_224_engine, 28, 128),
    [BULLA_SHA512_256] = HASH(SHA512_256, "SHA-512/256", "SHA2-512/256", bulla_sha512_256_engine, 32, 128),
    [BULLA_SHA3_224] = HASH(SHA3_224, "SHA3-224", "SHA3-224", bulla_sha3_224_engine, 28, 144),
    [BULLA_SHA3_256] = HASH(SHA3_256, "SHA3-256", "SHA3-256", bulla_sha3_256_engine, 32, 136),
    [BULLA_SHA3_384] = HASH(SHA3_384, "SHA3-384", "SHA3-384", bulla_sha3_384_engine, 48, 104),
    [BULLA_SHA3_512] = HASH(SHA3_512, "SHA3-512", "SHA3-512", bulla_sha3_512_engine, 64, 72),
    [BULLA_BLAKE2B_160] = HASH(BLAKE2B_160, "BLAKE2b-160", NULL, bulla_blake2b_engine, 20, 128),
    [BULLA_BLAKE2B_256] = HASH(BLAKE2B_256, "BLAKE2b-256", NULL, bulla_blake2b_engine, 32, 128),
    [BULLA_BLAKE2B_384] = HASH(BLAKE2B_384, "BLAKE2b-384", NULL, bulla_blake2b_engine, 48, 128),
    [BULLA_BLAKE2B_512] = HASH(BLAKE2B_512, "BLAKE2b-512", "BLAKE2B-512", bulla_blake2b_engine, 64, 128),
};

const struct bulla_hash *bulla_hash_find(CK_MECHANISM_TYPE digest)
{
    for (int i = 0; i < BULLA_HASHES; i++)
        if (bulla_hashes[i].digest == digest)
            return &bulla_hashes[i];
    return NULL;
}

const struct bulla_hash *bulla_hash_find_hmac(CK_MECHANISM_TYPE hmac)
{
    for (int i = 0; i < BULLA_HASHES; i++)
        if (bulla_hashes[i].hmac == hmac)
            return &bulla_hashes[i];
    return NULL;
}

void bulla_hashes_close(void)
{
    bulla_blake2b_close();
}

/* --- hashing --- */

static enum bulla_reason judge(const struct bulla_hash *hash, bool done)
{
    return done ? BULLA_OK : bulla_refuse(BULLA_LIBRARY, "a library failed at %s", hash->name);
}

enum bulla_reason bulla_hasher_begin(struct bulla_hasher *hasher, const struct bulla_hash *hash)
{
    if (hasher->hash && hasher->hash->engine != hash->engine)
        bulla_hasher_end(hasher);
    hasher->hash = hash;
    return judge(hash, hash->engine->begin(hasher));
}

enum bulla_reason bulla_hasher_update(struct bulla_hasher *hasher, struct bulla_bytes in)
{
    return in.size ? judge(hasher->hash, hasher->hash->engine->update(hasher, in)) : BULLA_OK;
}

enum bulla_reason bulla_hasher_finish(struct bulla_hasher *hasher, uint8_t *out)
{
    return judge(hasher->hash, hasher->hash->engine->finish(hasher, out));
}

enum bulla_reason bulla_hasher_copy(struct bulla_hasher *to, const struct bulla_hasher *from)
{
    if (to->hash && to->hash->engine != from->hash->engine)
        bulla_hasher_end(to);
    to->hash = from->hash;
    return judge(from->hash, from->hash->engine->copy(to, from));
}

void bulla_hasher_end(struct bulla_hasher *hasher)
{
    if (!hasher->hash)
        return;
    hasher->hash->engine->end(hasher);
    hasher->hash = NULL;
}

enum bulla_reason bulla_hash_whole(const struct bulla_hash *hash, struct bulla_bytes in, uint8_t *out)
{
    BULLA_HASHER hasher = {0};
    BULLA_TRY(bulla_hasher_begin(&hasher, hash));
    BULLA_TRY(bulla_hasher_update(&hasher, in));
    return bulla_hasher_finish(&hasher, out);
}
