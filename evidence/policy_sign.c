/* Signing computes what a TPM would compute (approved_policy), has each approval signed, then the bundle.
 *
 * What is signed is read back before it is handed out: a bundle that its own rules refuse, or that another key than the
 * named authority signed, never leaves. */
#include "policy_format.h"

#include <stdlib.h>

static enum bulla_reason approve(
    struct bulla_policy *policy, struct bulla_policy_state *state, const struct bulla_cose_signer *signer)
{
    uint8_t message[64];
    bulla_policy_pcr_digest(state->pcr_mask, state->pcr_digest, state->approved_policy);
    bulla_policy_approval_message(policy, state, message);
    return signer->sign(signer->context, BULLA_BYTES(message), state->approval);
}

static struct bulla_bytes text_of(const char *text, size_t size)
{
    return (struct bulla_bytes){(const uint8_t *)text, strnlen(text, size)};
}

static void write_state(struct bulla_writer *writer, const struct bulla_policy_state *state)
{
    bulla_cbor_write_map(writer, STATE_KEYS);
    bulla_signed_text(writer, STATE_LABEL, text_of(state->label, sizeof state->label));
    bulla_signed_number(writer, STATE_MASK, state->pcr_mask);
    bulla_signed_bytes(writer, STATE_DIGEST, BULLA_BYTES(state->pcr_digest));
    bulla_signed_bytes(writer, STATE_POLICY, BULLA_BYTES(state->approved_policy));
    bulla_signed_bytes(writer, STATE_APPROVAL, BULLA_BYTES(state->approval));
}

static void write_grants(struct bulla_writer *writer, const struct bulla_policy *policy)
{
    bulla_cbor_write_uint(writer, KEY_GRANTS);
    if (policy->grants.size)
        bulla_write_bytes(writer, policy->grants);
    else
        bulla_cbor_write_array(writer, 0);
}

static void write_payload(struct bulla_writer *writer, const struct bulla_policy *policy)
{
    size_t optional = (size_t)policy->restricted + (policy->reference_count != 0);
    bulla_signed_begin(&bulla_signed_policy, writer, policy->authority, KEY_GRANTS + optional);
    bulla_signed_number(writer, KEY_VERSION, policy->version);
    bulla_signed_number(writer, KEY_EPOCH, policy->epoch);
    bulla_signed_number(writer, KEY_NOT_BEFORE, policy->not_before);
    bulla_signed_number(writer, KEY_NOT_AFTER, policy->not_after);
    bulla_signed_text(writer, KEY_NOTE, text_of(policy->note, sizeof policy->note));
    bulla_cbor_write_uint(writer, KEY_STATES);
    bulla_cbor_write_array(writer, policy->state_count);
    for (size_t i = 0; i < policy->state_count; i++)
        write_state(writer, &policy->states[i]);
    if (policy->restricted)
        write_grants(writer, policy);
    if (policy->reference_count)
        bulla_policy_write_references(writer, policy);
}

/* The payload in memory from malloc: a policy is public, and may be too large for a stack. */
static enum bulla_reason sign_payload(
    const struct bulla_policy *policy, const struct bulla_cose_signer *signer, struct bulla_writer *bundle)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, NULL, 0);
    write_payload(&writer, policy);
    size_t size = writer.size;
    if (size > BULLA_POLICY_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "a policy of %zu bytes", size);
    uint8_t *payload = malloc(size);
    if (!payload)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "a policy of %zu bytes", size);
    bulla_writer_open(&writer, payload, size);
    write_payload(&writer, policy);
    enum bulla_reason reason = bulla_writer_finish(&writer, "policy");
    if (reason == BULLA_OK)
        reason = bulla_signed_write(&bulla_signed_policy, bulla_writer_bytes(&writer), signer, bundle);
    free(payload);
    return reason;
}

static enum bulla_reason check_counts(const struct bulla_policy *policy)
{
    if (policy->state_count > BULLA_POLICY_STATES)
        return bulla_refuse(BULLA_ARGUMENT, "policy: %zu states, at most %d", policy->state_count, BULLA_POLICY_STATES);
    if (!policy->restricted && policy->grants.size)
        return bulla_refuse(BULLA_ARGUMENT, "policy: grants in one that restricts nothing");
    return BULLA_OK;
}

enum bulla_reason bulla_policy_sign(
    struct bulla_policy *policy, const struct bulla_cose_signer *signer, struct bulla_writer *bundle)
{
    struct bulla_policy again;
    size_t start = bundle->size;
    if (signer->algorithm != BULLA_COSE_ES256)
        return bulla_refuse(BULLA_ARGUMENT, "policy: an authority signs with ES256");
    BULLA_TRY(check_counts(policy));
    BULLA_TRY(bulla_policy_settle_references(policy));
    for (size_t i = 0; i < policy->state_count; i++)
        BULLA_TRY(approve(policy, &policy->states[i], signer));
    BULLA_TRY(sign_payload(policy, signer, bundle));
    BULLA_TRY(bulla_policy_read(
        (struct bulla_bytes){bundle->data + start, bundle->size - start}, BULLA_BYTES(policy->authority), &again));
    policy->grant_count = again.grant_count;
    return BULLA_OK;
}
