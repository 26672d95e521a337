/* The signature comes before every expectation: what an unsigned receipt says is compared with nothing. An expectation
 * that is only half given (a salt of another size, an age without a clock) is refused, for it would check nothing. */
#include "crypto/cipher.h"
#include "receipt.h"

enum { CLOCK_SKEW_SECONDS = 60, SALT_SIZE = 32 };

static enum bulla_reason mismatch(const char *claim)
{
    return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the receipt's %s is not the one expected", claim);
}

static enum bulla_reason check_salted(
    struct bulla_bytes salt, struct bulla_bytes text, const uint8_t hash[static 32], const char *claim)
{
    uint8_t digest[32];
    if (salt.size == 0 && text.size == 0)
        return BULLA_OK;
    if (salt.size != SALT_SIZE)
        return bulla_refuse(BULLA_ARGUMENT, "the salt of the %s is %zu bytes, not %d", claim, salt.size, SALT_SIZE);
    const struct bulla_bytes parts[] = {salt, text};
    bulla_sha256_parts(parts, 2, digest);
    return memcmp(digest, hash, sizeof digest) == 0 ? BULLA_OK : mismatch(claim);
}

static enum bulla_reason check_time(
    const struct bulla_receipt *receipt, const struct bulla_receipt_expectation *expected)
{
    if (expected->now == 0)
        return expected->oldest_seconds == 0 ? BULLA_OK
                                             : bulla_refuse(BULLA_ARGUMENT, "an age is asked for without a time");
    if (receipt->issued_at > expected->now && receipt->issued_at - expected->now > CLOCK_SKEW_SECONDS)
        return bulla_refuse(BULLA_EVIDENCE_STALE, "the receipt was issued %llu s in the future",
            (unsigned long long)(receipt->issued_at - expected->now));
    if (expected->oldest_seconds && receipt->issued_at < expected->now &&
        expected->now - receipt->issued_at > expected->oldest_seconds)
        return bulla_refuse(BULLA_EVIDENCE_STALE, "the receipt is %llu s old, and may be %llu",
            (unsigned long long)(expected->now - receipt->issued_at), (unsigned long long)expected->oldest_seconds);
    return BULLA_OK;
}

static enum bulla_reason check_expectation(
    const struct bulla_receipt *receipt, const struct bulla_receipt_expectation *expected)
{
    if (expected->nonce.size && !bulla_bytes_equal(expected->nonce, receipt->nonce))
        return mismatch("nonce");
    if (expected->model_hash.size && !bulla_bytes_equal(expected->model_hash, BULLA_BYTES(receipt->model_hash)))
        return mismatch("model hash");
    BULLA_TRY(check_salted(expected->request_salt, expected->request, receipt->request_hash, "request"));
    BULLA_TRY(check_salted(expected->response_salt, expected->response, receipt->response_hash, "response"));
    return check_time(receipt, expected);
}

enum bulla_reason bulla_receipt_verify(struct bulla_bytes bytes, const uint8_t key[static 32],
    const struct bulla_receipt_expectation *expectation, struct bulla_receipt *receipt)
{
    struct bulla_cose_message message;
    const struct bulla_cose_key public_key = {BULLA_COSE_EDDSA, {key, 32}};
    BULLA_TRY(bulla_receipt_read(bytes, receipt, &message));
    BULLA_TRY(bulla_cose_sign1_verify(&message, &public_key, (struct bulla_bytes){NULL, 0}));
    return check_expectation(receipt, expectation);
}
