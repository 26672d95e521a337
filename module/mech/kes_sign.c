/* Signing is by the present state of the key, which core hands over for the length of a call: what is signed in is the
 * period of that moment. A verification is in the period that the public key names; where it names none, in whichever
 * of its periods the signature is of (its hashes tell, before anything is verified by the curve). */
#include "kes.h"
#include "parts.h"

static enum bulla_kes_scheme scheme_of(const struct bulla_run *run)
{
    return *(const enum bulla_kes_scheme *)run->mechanism->detail;
}

static size_t signature_size(const struct bulla_run *run)
{
    return bulla_kes_signature_size(scheme_of(run), (unsigned)run->key->material->size);
}

static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    (void)run;
    return bulla_mechanism_bare(mechanism);
}

static enum bulla_reason bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    (void)in;
    *bytes = phase == BULLA_UPDATE ? 0 : signature_size(run);
    return BULLA_OK;
}

/* --- signing --- */

struct signing {
    enum bulla_kes_scheme scheme;
    struct bulla_bytes message;
    uint8_t *signature;
    size_t size;
};

static enum bulla_reason sign(void *context, const struct bulla_kes_key *key, struct bulla_kes_secret *secret)
{
    const struct signing *signing = context;
    if (bulla_kes_signature_size(signing->scheme, key->depth) != signing->size)
        return bulla_refuse(BULLA_KEY_INVALID, "the KES key's state has another depth than its object");
    return bulla_kes_sign(signing->scheme, key, secret, signing->message, signing->signature);
}

static enum bulla_reason whole(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    const struct bulla_services *services = run->services;
    struct signing signing = {.scheme = scheme_of(run), .message = in, .size = signature_size(run)};
    signing.signature = bulla_write_space(out, signing.size);
    if (!signing.signature)
        return bulla_refuse(BULLA_INTERNAL, "no room for a signature");
    return services->state_use(services->token, run->key->object, sign, &signing);
}

static enum bulla_reason finish(struct bulla_run *run, struct bulla_writer *out)
{
    return whole(run, bulla_parts_bytes(run), out);
}

/* --- verifying --- */

static enum bulla_reason verify(struct bulla_run *run, struct bulla_bytes in, struct bulla_bytes signature)
{
    const struct bulla_material *material = run->key->material;
    struct bulla_kes_claim claim = {
        scheme_of(run), (unsigned)material->size, material->period, material->value.data, in, signature};
    if (signature.size != signature_size(run))
        return bulla_refuse(
            BULLA_SIGNATURE_LENGTH, "the signature has %zu bytes, not %zu", signature.size, signature_size(run));
    bool any = material->period == CK_UNAVAILABLE_INFORMATION;
    claim.period = any ? 0 : material->period;
    enum bulla_reason reason = bulla_kes_verify(&claim);
    while (any && reason == BULLA_SIGNATURE && ++claim.period < bulla_kes_periods(claim.depth))
        reason = bulla_kes_verify(&claim);
    return reason == BULLA_SIGNATURE ? bulla_refuse(BULLA_VERIFY_FAILED, "the signature does not verify") : reason;
}

static enum bulla_reason verify_finish(struct bulla_run *run, struct bulla_bytes signature)
{
    return verify(run, bulla_parts_bytes(run), signature);
}

const struct bulla_processor bulla_kes_processor = {
    .state_size = sizeof(struct bulla_parts),
    .begin = begin,
    .bound = bound,
    .update = bulla_parts_update,
    .finish = finish,
    .whole = whole,
    .verify_finish = verify_finish,
    .verify = verify,
    .end = bulla_parts_end,
};
