/* Argon2id (RFC 9106) as libsodium has it, with one lane. Its working memory is libsodium's own mapping: not locked,
 * and given back to the kernel when it is done. The bounds hold for parameters that come from a file: whoever can write
 * the file must not be able to make a login take all memory or last for hours. */
#include "arena.h"
#include "cipher.h"
#include "library.h"

enum { OPERATIONS_LARGEST = 64, MEMORY_LARGEST = 1 << 30, STACK_USED = 1 << 14 };

void bulla_argon2_choose(struct bulla_argon2 *argon2, bool quick)
{
    bulla_sodium_ready();
    argon2->operations = quick ? 1 : 3;
    argon2->memory = (uint64_t)(quick ? 8 : 64) << 20;
    randombytes_buf(argon2->salt, sizeof argon2->salt);
}

static enum bulla_reason argon2_check(const struct bulla_argon2 *argon2, struct bulla_bytes passphrase)
{
    if (argon2->operations < crypto_pwhash_argon2id_OPSLIMIT_MIN || argon2->operations > OPERATIONS_LARGEST)
        return bulla_refuse(BULLA_UNSUPPORTED, "Argon2id with other than 1 to %d passes", OPERATIONS_LARGEST);
    if (argon2->memory < crypto_pwhash_argon2id_MEMLIMIT_MIN || argon2->memory > MEMORY_LARGEST)
        return bulla_refuse(BULLA_UNSUPPORTED, "Argon2id with other than 8 KiB to 1 GiB of memory");
    if (passphrase.size > BULLA_ARENA_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "a passphrase has at most %d bytes", BULLA_ARENA_LARGEST);
    return BULLA_OK;
}

enum bulla_reason bulla_argon2_derive(
    const struct bulla_argon2 *argon2, struct bulla_bytes passphrase, uint8_t key[static 32])
{
    bulla_wipe(key, 32);
    BULLA_TRY(argon2_check(argon2, passphrase));
    bulla_sodium_ready();
    const char *text = passphrase.size > 0 ? (const char *)passphrase.data : "";
    int failed = crypto_pwhash_argon2id(key, 32, text, passphrase.size, argon2->salt, argon2->operations,
        (size_t)argon2->memory, crypto_pwhash_argon2id_ALG_ARGON2ID13);
    sodium_stackzero(STACK_USED); /* BLAKE2b leaves the whole key there */
    if (failed)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "Argon2id needs %llu MiB", (unsigned long long)argon2->memory >> 20);
    return BULLA_OK;
}
