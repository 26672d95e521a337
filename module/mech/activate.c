/* CKM_BULLA_ACTIVATE: a credential in, the secret in it out. What a verifier made for the attestation key's name and
 * the TPM's endorsement key is opened by the TPM alone: with the secret the machine answers that it has both. */
#include "families.h"

/* What the TPM gives at most, whatever the credential is. */
enum { SECRET_LARGEST = 64, CREDENTIAL_LARGEST = 1024 };

static enum bulla_reason activate_begin(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    (void)run;
    return bulla_mechanism_bare(mechanism);
}

static enum bulla_reason activate_bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    (void)run;
    (void)phase;
    if (in.size == 0 || in.size > CREDENTIAL_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "a credential has 1 to %d bytes", CREDENTIAL_LARGEST);
    *bytes = SECRET_LARGEST;
    return BULLA_OK;
}

static enum bulla_reason activate_whole(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    const struct bulla_services *services = run->services;
    return services->activate(services->token, run->key->object, in, out);
}

const struct bulla_processor bulla_activate_processor = {
    .begin = activate_begin,
    .bound = activate_bound,
    .whole = activate_whole,
};
