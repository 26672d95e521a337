/* COSE_Mac0 (RFC 9052 section 6.2) with HMAC-SHA-256. */
#include "arena.h"
#include "cose_message.h"
#include "library.h"

enum { TAG = crypto_auth_hmacsha256_BYTES };

/* The state carries the padded key until it is wiped here. It lies on the stack, since a MAC cannot fail for want of
 * memory. */
static enum bulla_reason compute(
    const struct bulla_cose_message *message, const uint8_t key[static 32], uint8_t tag[static TAG])
{
    const struct bulla_bytes none = {NULL, 0};
    BULLA_COSE_STRUCTURE structure;
    BULLA_TRY(bulla_cose_structure_build(&bulla_cose_mac0, message, none, &structure));
    bulla_sodium_ready();
    crypto_auth_hmacsha256_state state;
    (void)crypto_auth_hmacsha256_init(&state, key, 32);
    (void)crypto_auth_hmacsha256_update(&state, structure.bytes.data, structure.bytes.size);
    (void)crypto_auth_hmacsha256_final(&state, tag);
    bulla_wipe(&state, sizeof state);
    return BULLA_OK;
}

enum bulla_reason bulla_cose_mac0_write(
    struct bulla_writer *writer, const uint8_t key[static 32], struct bulla_bytes payload)
{
    uint8_t header[BULLA_COSE_HEADER_LARGEST];
    uint8_t tag[TAG]; /* becomes part of the message: no wiping */
    struct bulla_cose_message message = {.algorithm = BULLA_COSE_HMAC_256, .payload = payload};
    BULLA_TRY(bulla_cose_write_header(&bulla_cose_mac0, &message, header));
    BULLA_TRY(compute(&message, key, tag));
    message.signature = BULLA_BYTES(tag);
    bulla_cose_write(&bulla_cose_mac0, &message, writer);
    return BULLA_OK;
}

enum bulla_reason bulla_cose_mac0_read(struct bulla_bytes bytes, const char *what, struct bulla_cose_message *message)
{
    return bulla_cose_read(&bulla_cose_mac0, bytes, what, message);
}

/* The tag that would have been right is a forgery in the wrong hands, so it is wiped. */
enum bulla_reason bulla_cose_mac0_verify(const struct bulla_cose_message *message, const uint8_t key[static 32])
{
    if (message->algorithm != BULLA_COSE_HMAC_256 || message->signature.size != TAG)
        return bulla_refuse(BULLA_AUTHENTICATION, "a tag of algorithm %d", message->algorithm);
    uint8_t expected[TAG];
    BULLA_TRY(compute(message, key, expected));
    int differs = sodium_memcmp(expected, message->signature.data, TAG);
    bulla_wipe(expected, sizeof expected);
    if (differs)
        return bulla_refuse(BULLA_AUTHENTICATION, "the message's tag is not of this key");
    return BULLA_OK;
}
