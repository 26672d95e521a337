/* CKM_BULLA_ATTEST: a nonce in, evidence out. The purpose is `attest`, whatever the caller wants.
 *
 * By the receipt key it is about the token; by another private key about that key: that it was made in this token, and
 * never was, nor can be, anywhere else. So a key that came from outside, or may leave, is refused. */
#include "crypto/cipher.h"
#include "families.h"

enum { NONCE_SHORTEST = 8, NONCE_LONGEST = 64 };

static enum bulla_reason attest_begin(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    if (!run->key->born_here)
        return bulla_refuse(BULLA_UNSUPPORTED, "a key is attested that was made here, sensitive and never extractable");
    return bulla_mechanism_bare(mechanism);
}

static enum bulla_reason attest_bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    (void)phase;
    if (in.size < NONCE_SHORTEST || in.size > NONCE_LONGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "a nonce has %d to %d bytes", NONCE_SHORTEST, NONCE_LONGEST);
    *bytes = run->services->evidence_largest(run->services->token);
    return BULLA_OK;
}

static enum bulla_reason attest_whole(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    const struct bulla_services *services = run->services;
    uint8_t hash[32];
    struct bulla_evidence_request request = {BULLA_PURPOSE_ATTEST, in, run->key->object, {NULL, 0}};
    if (run->key->public_info.size) {
        bulla_sha256(run->key->public_info, hash);
        request.key_hash = BULLA_BYTES(hash);
    }
    return services->evidence(services->token, &request, out);
}

const struct bulla_processor bulla_attest_processor = {
    .begin = attest_begin,
    .bound = attest_bound,
    .whole = attest_whole,
};
