/* Receipts. What is read has one encoding, so writing its claims again with the signature that it came with gives the
 * same bytes. */
#include "fuzz.h"

#include <string.h>

#include "evidence/receipt.h"

static enum bulla_reason sign_again(void *context, struct bulla_bytes to_be_signed, uint8_t signature[static 64])
{
    const struct bulla_cose_message *message = context;
    (void)to_be_signed;
    memcpy(signature, message->signature.data, 64);
    return BULLA_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[32] = {0};
    static const struct bulla_receipt_expectation nothing;
    uint8_t memory[BULLA_RECEIPT_LARGEST];
    struct bulla_bytes bytes = {data, size};
    struct bulla_receipt receipt, again;
    struct bulla_cose_message message;
    struct bulla_writer writer;
    if (bulla_receipt_read(bytes, &receipt, &message) != BULLA_OK)
        return 0;
    const struct bulla_cose_signer signer = {BULLA_COSE_EDDSA, sign_again, &message};
    bulla_writer_open(&writer, memory, sizeof memory);
    FUZZ_CHECK(bulla_receipt_write(&receipt, &signer, &writer) == BULLA_OK);
    FUZZ_CHECK(bulla_bytes_equal(bulla_writer_bytes(&writer), bytes));
    FUZZ_CHECK(bulla_receipt_verify(bytes, key, &nothing, &again) == BULLA_SIGNATURE); /* a point of small order */
    return 0;
}
