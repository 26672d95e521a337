#include "es256.h"

#include "signature.h"

enum { POINT = 65, SIGNATURE = 64 };

enum bulla_reason bulla_es256_verify(
    const uint8_t key[static 65], struct bulla_bytes message, const uint8_t signature[static 64])
{
    const struct bulla_public_key point = {.kind = BULLA_PUBLIC_P256, .value = {key, POINT}};
    const struct bulla_signature pair = {.hash = BULLA_SHA256, .value = {signature, SIGNATURE}};
    return bulla_signature_verify(&point, &pair, message);
}
