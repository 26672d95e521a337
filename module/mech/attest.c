/* CKM_BULLA_ATTEST: a nonce in, an evidence document out. The purpose is `attest`, whatever the caller wants. */
#include "evidence/tpm_quote.h"
#include "families.h"

enum { NONCE_SHORTEST = 8, NONCE_LONGEST = 64 };

static enum bulla_reason attest_begin(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    (void)run;
    return bulla_mechanism_bare(mechanism);
}

static enum bulla_reason attest_bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    (void)run;
    (void)phase;
    if (in.size < NONCE_SHORTEST || in.size > NONCE_LONGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "a nonce has %d to %d bytes", NONCE_SHORTEST, NONCE_LONGEST);
    *bytes = BULLA_EVIDENCE_LARGEST;
    return BULLA_OK;
}

static enum bulla_reason attest_whole(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    const struct bulla_services *services = run->services;
    return services->evidence(services->token, BULLA_PURPOSE_ATTEST, in, run->key->object, out);
}

const struct bulla_processor bulla_attest_processor = {
    .begin = attest_begin,
    .bound = attest_bound,
    .whole = attest_whole,
};
