/* COSE messages. What is read has one encoding, so signing it again with the signature that it came with gives the same
 * bytes; what is given out lies within them. */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "crypto/cose.h"

/* The public keys of the seeds: Ed25519 of cose-wg/Examples' eddsa-sig-01 and P-256 of its sign1-tests. */
static const uint8_t ed25519_key[32] = {0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9,
    0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};
static const uint8_t p256_key[65] = {0x04, 0xba, 0xc5, 0xb1, 0x1c, 0xad, 0x8f, 0x99, 0xf9, 0xc7, 0x2b, 0x05, 0xcf, 0x4b,
    0x9e, 0x26, 0xd2, 0x44, 0xdc, 0x18, 0x9f, 0x74, 0x52, 0x28, 0x25, 0x5a, 0x21, 0x9a, 0x86, 0xd6, 0xa0, 0x9e, 0xff,
    0x20, 0x13, 0x8b, 0xf8, 0x2d, 0xc1, 0xb6, 0xd5, 0x62, 0xbe, 0x0f, 0xa5, 0x4a, 0xb7, 0x80, 0x4a, 0x3a, 0x64, 0xb6,
    0xd7, 0x2c, 0xcf, 0xed, 0x6b, 0x6f, 0xb6, 0xed, 0x28, 0xbb, 0xfc, 0x11, 0x7e};

static bool lies_within(struct bulla_bytes part, struct bulla_bytes whole)
{
    return part.size == 0 || (part.data >= whole.data && part.size <= whole.size &&
                                 (size_t)(part.data - whole.data) <= whole.size - part.size);
}

static void check_views(const struct bulla_cose_message *message, struct bulla_bytes bytes)
{
    FUZZ_CHECK(lies_within(message->protected_header, bytes));
    FUZZ_CHECK(lies_within(message->payload, bytes));
    FUZZ_CHECK(lies_within(message->signature, bytes));
}

static enum bulla_reason sign_again(void *context, struct bulla_bytes to_be_signed, uint8_t signature[static 64])
{
    const struct bulla_cose_message *message = context;
    (void)to_be_signed;
    memcpy(signature, message->signature.data, 64);
    return BULLA_OK;
}

/* A content type of 0 that is present is read as 0 and would be left out. */
static void check_written_again(struct bulla_cose_message *message, struct bulla_bytes bytes)
{
    if (message->content_type == 0 && message->protected_header.size > 3)
        return;
    uint8_t *memory = malloc(bytes.size);
    struct bulla_writer writer;
    const struct bulla_cose_signer signer = {message->algorithm, sign_again, message};
    const struct bulla_bytes none = {NULL, 0};
    if (!memory)
        return;
    bulla_writer_open(&writer, memory, bytes.size);
    enum bulla_reason reason = bulla_cose_sign1_write(&writer, &signer, message->content_type, message->payload, none);
    FUZZ_CHECK(reason == BULLA_TOO_LARGE || bulla_bytes_equal(bulla_writer_bytes(&writer), bytes));
    free(memory);
}

static void try_sign1(struct bulla_bytes bytes)
{
    const struct bulla_cose_key keys[] = {
        {BULLA_COSE_EDDSA, BULLA_BYTES(ed25519_key)}, {BULLA_COSE_ES256, BULLA_BYTES(p256_key)}};
    struct bulla_cose_message message;
    if (bulla_cose_sign1_read(bytes, "fuzz", &message) != BULLA_OK)
        return;
    check_views(&message, bytes);
    FUZZ_CHECK(message.signature.size == 64);
    check_written_again(&message, bytes);
    for (size_t i = 0; i < 2; i++) {
        enum bulla_reason reason = bulla_cose_sign1_verify(&message, &keys[i], BULLA_TEXT("external"));
        FUZZ_CHECK(reason != BULLA_OK); /* no seed was signed with this external data */
        FUZZ_CHECK(keys[i].algorithm == message.algorithm || reason == BULLA_SIGNATURE);
        (void)!bulla_cose_sign1_verify(&message, &keys[i], (struct bulla_bytes){NULL, 0});
    }
}

static void try_mac0(struct bulla_bytes bytes)
{
    const uint8_t key[32] = {0};
    struct bulla_cose_message message;
    if (bulla_cose_mac0_read(bytes, "fuzz", &message) != BULLA_OK)
        return;
    check_views(&message, bytes);
    FUZZ_CHECK(message.signature.size == 32);
    FUZZ_CHECK(bulla_cose_mac0_verify(&message, key) != BULLA_OK); /* no seed is of this key */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bulla_bytes bytes = {data, size};
    try_sign1(bytes);
    try_mac0(bytes);
    return 0;
}
