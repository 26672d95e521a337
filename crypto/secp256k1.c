/* The library's static context verifies and recovers; contexts of one's own are for signing. Its callback for misuse
 * ends the process, so nothing reaches it that was not looked at before: sizes are in the prototypes, the recovery
 * number is 0 or 1. (2 and 3 are for an r that overflowed the group's order: one signature of 2^128, and wallets make
 * none.) */
#include "secp256k1.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>

#define CONTEXT secp256k1_context_static

static enum bulla_reason refuse_numbers(void)
{
    return bulla_refuse(BULLA_SIGNATURE, "r or s of the signature is no number of secp256k1's group");
}

static enum bulla_reason check_low(const secp256k1_ecdsa_signature *signature)
{
    if (secp256k1_ecdsa_signature_normalize(CONTEXT, NULL, signature))
        return bulla_refuse(BULLA_SIGNATURE, "s of the signature is in the upper half of secp256k1's group");
    return BULLA_OK;
}

enum bulla_reason bulla_secp256k1_verify(
    const uint8_t key[static 33], const uint8_t digest[static 32], const uint8_t signature[static 64])
{
    secp256k1_pubkey point;
    secp256k1_ecdsa_signature parsed;
    if (!secp256k1_ec_pubkey_parse(CONTEXT, &point, key, 33))
        return bulla_refuse(BULLA_KEY_INVALID, "the key is no point of secp256k1");
    if (!secp256k1_ecdsa_signature_parse_compact(CONTEXT, &parsed, signature))
        return refuse_numbers();
    BULLA_TRY(check_low(&parsed));
    if (!secp256k1_ecdsa_verify(CONTEXT, &parsed, digest, &point))
        return bulla_refuse(BULLA_SIGNATURE, "the signature does not verify under the secp256k1 key");
    return BULLA_OK;
}

enum bulla_reason bulla_secp256k1_recover(
    const uint8_t digest[static 32], const uint8_t signature[static 64], bool odd, uint8_t key[static 65])
{
    secp256k1_ecdsa_recoverable_signature parsed;
    secp256k1_ecdsa_signature plain;
    secp256k1_pubkey point;
    size_t size = 65;
    if (!secp256k1_ecdsa_recoverable_signature_parse_compact(CONTEXT, &parsed, signature, odd))
        return refuse_numbers();
    (void)secp256k1_ecdsa_recoverable_signature_convert(CONTEXT, &plain, &parsed);
    BULLA_TRY(check_low(&plain));
    if (!secp256k1_ecdsa_recover(CONTEXT, &point, &parsed, digest))
        return bulla_refuse(BULLA_SIGNATURE, "no secp256k1 key has this signature");
    (void)secp256k1_ec_pubkey_serialize(CONTEXT, key, &size, &point, SECP256K1_EC_UNCOMPRESSED);
    return BULLA_OK;
}

bool bulla_secp256k1_lower(uint8_t signature[static 64])
{
    secp256k1_ecdsa_signature parsed;
    if (!secp256k1_ecdsa_signature_parse_compact(CONTEXT, &parsed, signature))
        return false;
    (void)secp256k1_ecdsa_signature_normalize(CONTEXT, &parsed, &parsed);
    return secp256k1_ecdsa_signature_serialize_compact(CONTEXT, signature, &parsed) == 1;
}

void bulla_secp256k1_compress(const uint8_t key[static 65], uint8_t compressed[static 33])
{
    compressed[0] = (uint8_t)(0x02 | (key[64] & 1));
    memcpy(compressed + 1, key + 1, 32);
}
