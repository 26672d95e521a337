/* COSE_Sign1 as others write it. What is given out lies within what came, and is of one algorithm. */
#include "fuzz.h"

#include <stdbool.h>

#include "crypto/cose.h"

/* The P-384 key of the seed "glue": gluecose/test-vectors, sign1-verify-0002. */
static const uint8_t key[97] = {0x04, 0x91, 0x32, 0x72, 0x3f, 0x62, 0x92, 0xb0, 0x10, 0x61, 0x9d, 0xbe, 0x24, 0x8d,
    0x69, 0x8c, 0x17, 0xb5, 0x87, 0x56, 0xc6, 0x39, 0xe7, 0x15, 0x0f, 0x81, 0xbe, 0xe4, 0xeb, 0x8a, 0xc3, 0x72, 0x36,
    0xad, 0x0a, 0x1a, 0x19, 0xd6, 0x7b, 0xe3, 0x2a, 0x66, 0x26, 0x3e, 0x1e, 0x52, 0x4d, 0x12, 0x9c, 0x98, 0xcd, 0x30,
    0x78, 0xc5, 0x54, 0xd8, 0x32, 0xac, 0x60, 0x3c, 0x43, 0x26, 0x41, 0x0f, 0xf6, 0x16, 0x62, 0x45, 0x9b, 0x41, 0xf1,
    0xf3, 0xdf, 0x5d, 0xbc, 0xc8, 0x35, 0x98, 0xff, 0x7c, 0x5e, 0xd8, 0x41, 0x1c, 0xa7, 0x35, 0x67, 0x9d, 0x1c, 0x4c,
    0xb3, 0x00, 0x93, 0x97, 0xd9, 0xef, 0x2c};

static bool lies_within(struct bulla_bytes part, struct bulla_bytes whole)
{
    return part.size == 0 || (part.data >= whole.data && part.size <= whole.size &&
                                 (size_t)(part.data - whole.data) <= whole.size - part.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bulla_bytes bytes = {data, size};
    const struct bulla_cose_key signer = {BULLA_COSE_ES384, BULLA_BYTES(key)};
    struct bulla_cose_message message;
    if (bulla_cose_sign1_read_foreign(bytes, "fuzz", &message) != BULLA_OK) {
        FUZZ_CHECK(message.payload.size == 0 && message.signature.size == 0);
        return 0;
    }
    FUZZ_CHECK(message.algorithm == BULLA_COSE_ES384 && message.signature.size == 96);
    FUZZ_CHECK(lies_within(message.protected_header, bytes) && lies_within(message.payload, bytes) &&
               lies_within(message.signature, bytes));
    (void)!bulla_cose_sign1_verify(&message, &signer, (struct bulla_bytes){NULL, 0});
    FUZZ_CHECK(bulla_cose_sign1_verify(&message, &signer, BULLA_TEXT("external")) == BULLA_SIGNATURE);
    return 0;
}
