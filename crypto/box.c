/* Boxes: commitment (32) ‖ nonce (24) ‖ XChaCha20-Poly1305.
 *
 * The commitment is BLAKE2b-256, keyed with the box's key, of "bulla/1 box" ‖ AAD. Poly1305 commits to no key: one
 * ciphertext can be made to open under two. The commitment does, it is compared in constant time before anything is
 * decrypted, and with it "another key" is told from "changed". It does not cover the nonce, so two boxes of one key and
 * AAD show that they are. Nonces are random; 24 bytes don't collide. */
#include "arena.h"
#include "cipher.h"
#include "keyed_hash.h"
#include "library.h"

enum { COMMITMENT = 32, NONCE = 24 };

static void box_commit(const uint8_t *key, struct bulla_bytes aad, uint8_t commitment[static COMMITMENT])
{
    const struct bulla_bytes parts[] = {BULLA_TEXT("bulla/1 box"), aad};
    bulla_keyed_hash(key, parts, 2, commitment);
}

enum bulla_reason bulla_box_seal(
    const uint8_t key[static 32], struct bulla_bytes aad, struct bulla_bytes secret, struct bulla_writer *writer)
{
    uint8_t head[COMMITMENT + NONCE]; /* public */
    if (secret.size > SIZE_MAX - BULLA_BOX_OVERHEAD)
        return bulla_refuse(BULLA_TOO_LARGE, "a box of %zu bytes", secret.size);
    bulla_sodium_ready();
    box_commit(key, aad, head);
    randombytes_buf(head + COMMITMENT, NONCE);
    bulla_write(writer, head, sizeof head);
    uint8_t *sealed = bulla_write_space(writer, secret.size + BULLA_AEAD_TAG);
    return sealed ? bulla_aead_seal(BULLA_AEAD_XCHACHA20, key, head + COMMITMENT, aad, secret, sealed) : BULLA_OK;
}

enum bulla_reason bulla_box_open(
    const uint8_t key[static 32], struct bulla_bytes aad, struct bulla_bytes box, uint8_t *out)
{
    uint8_t commitment[COMMITMENT]; /* public */
    if (box.size < BULLA_BOX_OVERHEAD)
        return bulla_refuse(BULLA_TRUNCATED, "a box has at least %d bytes", BULLA_BOX_OVERHEAD);
    box_commit(key, aad, commitment);
    if (sodium_memcmp(commitment, box.data, COMMITMENT) != 0) {
        if (box.size > BULLA_BOX_OVERHEAD)
            bulla_wipe(out, box.size - BULLA_BOX_OVERHEAD);
        return bulla_refuse(BULLA_COMMITMENT, "the box belongs to another key or place");
    }
    struct bulla_bytes sealed = {box.data + COMMITMENT + NONCE, box.size - COMMITMENT - NONCE};
    return bulla_aead_open(BULLA_AEAD_XCHACHA20, key, box.data + COMMITMENT, aad, sealed, out);
}
