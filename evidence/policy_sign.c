/* Signing computes what a TPM would compute (approved_policy), has each approval signed, then the bundle.
 *
 * What is signed is read back before it is handed out: a bundle that its own rules refuse, or that another key than the
 * named authority signed, never leaves. */
#include "policy_format.h"

enum { PAYLOAD_LARGEST = 8192 }; /* 32 states of at most 210 bytes, and a head of less than 400 */

static enum bulla_reason approve(
    struct bulla_policy *policy, struct bulla_policy_state *state, const struct bulla_cose_signer *signer)
{
    uint8_t message[64];
    bulla_policy_pcr_digest(state->pcr_mask, state->pcr_digest, state->approved_policy);
    bulla_policy_approval_message(policy, state, message);
    return signer->sign(signer->context, BULLA_BYTES(message), state->approval);
}

static void write_text(struct bulla_writer *writer, uint64_t key, const char *text, size_t size)
{
    bulla_cbor_write_uint(writer, key);
    bulla_cbor_write_tstr_bytes(writer, (struct bulla_bytes){(const uint8_t *)text, strnlen(text, size)});
}

static void write_bytes(struct bulla_writer *writer, uint64_t key, struct bulla_bytes bytes)
{
    bulla_cbor_write_uint(writer, key);
    bulla_cbor_write_bstr(writer, bytes);
}

static void write_number(struct bulla_writer *writer, uint64_t key, uint64_t number)
{
    bulla_cbor_write_uint(writer, key);
    bulla_cbor_write_uint(writer, number);
}

static void write_state(struct bulla_writer *writer, const struct bulla_policy_state *state)
{
    bulla_cbor_write_map(writer, STATE_KEYS);
    write_text(writer, STATE_LABEL, state->label, sizeof state->label);
    write_number(writer, STATE_MASK, state->pcr_mask);
    write_bytes(writer, STATE_DIGEST, BULLA_BYTES(state->pcr_digest));
    write_bytes(writer, STATE_POLICY, BULLA_BYTES(state->approved_policy));
    write_bytes(writer, STATE_APPROVAL, BULLA_BYTES(state->approval));
}

static void write_payload(struct bulla_writer *writer, const struct bulla_policy *policy)
{
    bulla_cbor_write_map(writer, KEYS);
    write_text(writer, KEY_FORMAT, BULLA_POLICY_FORMAT, sizeof BULLA_POLICY_FORMAT);
    write_bytes(writer, KEY_AUTHORITY, BULLA_BYTES(policy->authority));
    write_number(writer, KEY_VERSION, policy->version);
    write_number(writer, KEY_EPOCH, policy->epoch);
    write_number(writer, KEY_NOT_BEFORE, policy->not_before);
    write_number(writer, KEY_NOT_AFTER, policy->not_after);
    write_text(writer, KEY_NOTE, policy->note, sizeof policy->note);
    bulla_cbor_write_uint(writer, KEY_STATES);
    bulla_cbor_write_array(writer, policy->state_count);
    for (size_t i = 0; i < policy->state_count; i++)
        write_state(writer, &policy->states[i]);
}

enum bulla_reason bulla_policy_sign(
    struct bulla_policy *policy, const struct bulla_cose_signer *signer, struct bulla_writer *bundle)
{
    uint8_t payload[PAYLOAD_LARGEST]; /* public */
    struct bulla_policy again;
    struct bulla_writer writer;
    size_t start = bundle->size;
    if (signer->algorithm != BULLA_COSE_ES256)
        return bulla_refuse(BULLA_ARGUMENT, "policy: an authority signs with ES256");
    if (policy->state_count == 0 || policy->state_count > BULLA_POLICY_STATES)
        return bulla_refuse(BULLA_ARGUMENT, "policy: %zu states, 1 to %d", policy->state_count, BULLA_POLICY_STATES);
    for (size_t i = 0; i < policy->state_count; i++)
        BULLA_TRY(approve(policy, &policy->states[i], signer));
    bulla_writer_open(&writer, payload, sizeof payload);
    write_payload(&writer, policy);
    BULLA_TRY(bulla_writer_finish(&writer, "policy"));
    BULLA_TRY(bulla_cose_sign1_write(bundle, signer, 0, bulla_writer_bytes(&writer), (struct bulla_bytes){NULL, 0}));
    BULLA_TRY(bulla_writer_finish(bundle, "policy bundle"));
    return bulla_policy_read(
        (struct bulla_bytes){bundle->data + start, bundle->size - start}, BULLA_BYTES(policy->authority), &again);
}
