/* The bundle is one map inside a COSE_Sign1; each allowed state carries a second signature, which a TPM checks by
 * itself (TPM2_VerifySignature, TPM2_PolicyAuthorize) and which is checked here with the same arithmetic.
 *
 * Nothing of an unsigned bundle leaves: the struct is zeroed on every refusal. */
#include "policy_format.h"

#include "crypto/cipher.h"
#include "crypto/es256.h"
#include "plain_text.h"

enum { PCR_MASK_LARGEST = 0xffffff };

void bulla_policy_reference(const uint8_t authority[static 65], uint64_t epoch, uint8_t policy_ref[static 32])
{
    uint8_t number[8];
    struct bulla_writer writer;
    bulla_writer_open(&writer, number, sizeof number);
    bulla_write_u64(&writer, epoch);
    const struct bulla_bytes parts[] = {
        BULLA_TEXT("bulla/1 policyRef"),
        {authority, 65},
        BULLA_BYTES(number),
    };
    bulla_sha256_parts(parts, 3, policy_ref);
}

void bulla_policy_pcr_digest(uint32_t pcr_mask, const uint8_t pcr_digest[static 32], uint8_t policy[static 32])
{
    static const uint8_t zero[32];
    const uint8_t command[] = {
        0x00,
        0x00,
        0x01,
        0x7f, /* TPM_CC_PolicyPCR */
        0x00,
        0x00,
        0x00,
        0x01, /* TPML_PCR_SELECTION: one */
        0x00,
        0x0b,
        0x03, /* the SHA-256 bank, 24 PCRs */
        (uint8_t)pcr_mask,
        (uint8_t)(pcr_mask >> 8),
        (uint8_t)(pcr_mask >> 16),
    };
    const struct bulla_bytes parts[] = {BULLA_BYTES(zero), BULLA_BYTES(command), {pcr_digest, 32}};
    bulla_sha256_parts(parts, 3, policy);
}

void bulla_policy_approval_message(
    const struct bulla_policy *policy, const struct bulla_policy_state *state, uint8_t message[static 64])
{
    memcpy(message, state->approved_policy, 32);
    bulla_policy_reference(policy->authority, policy->epoch, message + 32);
}

enum bulla_reason bulla_policy_take_text(const struct bulla_cbor *value, char *text, size_t size)
{
    if (value->string.size >= size)
        return bulla_refuse(BULLA_TOO_LARGE, "policy: a text of %zu bytes", value->string.size);
    if (!bulla_text_is_plain(value->string))
        return bulla_refuse(BULLA_MALFORMED, "policy: a control character in a text");
    memset(text, 0, size);
    if (value->string.size)
        memcpy(text, value->string.data, value->string.size);
    return BULLA_OK;
}

static enum bulla_reason check_approval(const struct bulla_policy *policy, const struct bulla_policy_state *state)
{
    uint8_t expected[32], message[64];
    bulla_policy_pcr_digest(state->pcr_mask, state->pcr_digest, expected);
    if (memcmp(expected, state->approved_policy, sizeof expected) != 0)
        return bulla_refuse(BULLA_MALFORMED, "policy: state '%s' approves something else than its PCRs", state->label);
    bulla_policy_approval_message(policy, state, message);
    if (bulla_es256_verify(policy->authority, BULLA_BYTES(message), state->approval) != BULLA_OK)
        return bulla_refuse(BULLA_POLICY_SIGNATURE, "policy: the approval of state '%s' does not verify", state->label);
    return BULLA_OK;
}

static enum bulla_reason check_unique(const struct bulla_policy *policy, const struct bulla_policy_state *state)
{
    for (size_t i = 0; i < policy->state_count; i++)
        if (policy->states[i].pcr_mask == state->pcr_mask &&
            memcmp(policy->states[i].pcr_digest, state->pcr_digest, sizeof state->pcr_digest) == 0)
            return bulla_refuse(
                BULLA_DUPLICATE, "policy: states '%s' and '%s' are one", policy->states[i].label, state->label);
    return BULLA_OK;
}

static enum bulla_reason read_state(
    const struct bulla_cbor *map, const struct bulla_policy *policy, struct bulla_policy_state *state)
{
    struct bulla_cbor value[STATE_KEYS];
    const struct bulla_cbor_field fields[STATE_KEYS] = {
        {STATE_LABEL, NULL, BULLA_CBOR_TSTR, false, &value[STATE_LABEL], 0, 0},
        {STATE_MASK, NULL, BULLA_CBOR_UINT, false, &value[STATE_MASK], 1, PCR_MASK_LARGEST},
        {STATE_DIGEST, NULL, BULLA_CBOR_BSTR, false, &value[STATE_DIGEST], 32, 32},
        {STATE_POLICY, NULL, BULLA_CBOR_BSTR, false, &value[STATE_POLICY], 32, 32},
        {STATE_APPROVAL, NULL, BULLA_CBOR_BSTR, false, &value[STATE_APPROVAL], 64, 64},
    };
    BULLA_TRY(bulla_cbor_fields(map, fields, STATE_KEYS, "policy state"));
    BULLA_TRY(bulla_policy_take_text(&value[STATE_LABEL], state->label, sizeof state->label));
    state->pcr_mask = (uint32_t)value[STATE_MASK].number;
    memcpy(state->pcr_digest, value[STATE_DIGEST].string.data, sizeof state->pcr_digest);
    memcpy(state->approved_policy, value[STATE_POLICY].string.data, sizeof state->approved_policy);
    memcpy(state->approval, value[STATE_APPROVAL].string.data, sizeof state->approval);
    BULLA_TRY(check_unique(policy, state));
    return check_approval(policy, state);
}

static enum bulla_reason read_states(const struct bulla_cbor *array, struct bulla_policy *policy)
{
    if (array->number > BULLA_POLICY_STATES)
        return bulla_refuse(BULLA_TOO_LARGE, "policy: more than %d states", BULLA_POLICY_STATES);
    struct bulla_cbor_walk walk = bulla_cbor_inside(array);
    struct bulla_cbor item;
    while (bulla_cbor_next(&walk, &item)) {
        if (item.kind != BULLA_CBOR_MAP)
            return bulla_refuse(BULLA_MALFORMED, "policy: a state is no map");
        BULLA_TRY(read_state(&item, policy, &policy->states[policy->state_count]));
        policy->state_count++;
    }
    return BULLA_OK;
}

static enum bulla_reason take_head(const struct bulla_cbor value[static KEYS], struct bulla_policy *policy)
{
    memcpy(policy->authority, value[KEY_AUTHORITY].string.data, sizeof policy->authority);
    policy->version = value[KEY_VERSION].number;
    policy->epoch = value[KEY_EPOCH].number;
    policy->not_before = value[KEY_NOT_BEFORE].number;
    policy->not_after = value[KEY_NOT_AFTER].number;
    if (policy->not_after == 0 || policy->not_after < policy->not_before)
        return bulla_refuse(BULLA_MALFORMED, "policy: it is never valid, or for ever");
    return bulla_policy_take_text(&value[KEY_NOTE], policy->note, sizeof policy->note);
}

static enum bulla_reason read_lists(const struct bulla_cbor value[static KEYS], struct bulla_policy *policy)
{
    BULLA_TRY(read_states(&value[KEY_STATES], policy));
    if (value[KEY_GRANTS].kind == BULLA_CBOR_ARRAY)
        BULLA_TRY(bulla_policy_read_grants(&value[KEY_GRANTS], policy));
    if (value[KEY_REFERENCES].kind == BULLA_CBOR_ARRAY)
        BULLA_TRY(bulla_policy_read_references(&value[KEY_REFERENCES], policy));
    if (policy->state_count == 0 && policy->reference_count == 0)
        return bulla_refuse(BULLA_MALFORMED, "policy: allows no state");
    return BULLA_OK;
}

static enum bulla_reason read_bundle(
    struct bulla_bytes bundle, struct bulla_bytes authority, struct bulla_policy *policy)
{
    struct bulla_cbor value[KEYS];
    const struct bulla_cbor_field fields[KEYS] = {
        BULLA_SIGNED_FIELDS(value),
        {KEY_VERSION, NULL, BULLA_CBOR_UINT, false, &value[KEY_VERSION], 0, 0},
        {KEY_EPOCH, NULL, BULLA_CBOR_UINT, false, &value[KEY_EPOCH], 0, 0},
        {KEY_NOT_BEFORE, NULL, BULLA_CBOR_UINT, false, &value[KEY_NOT_BEFORE], 0, 0},
        {KEY_NOT_AFTER, NULL, BULLA_CBOR_UINT, false, &value[KEY_NOT_AFTER], 0, 0},
        {KEY_NOTE, NULL, BULLA_CBOR_TSTR, false, &value[KEY_NOTE], 0, 0},
        {KEY_STATES, NULL, BULLA_CBOR_ARRAY, false, &value[KEY_STATES], 0, 0},
        {KEY_GRANTS, NULL, BULLA_CBOR_ARRAY, true, &value[KEY_GRANTS], 0, 0},
        {KEY_REFERENCES, NULL, BULLA_CBOR_ARRAY, true, &value[KEY_REFERENCES], 0, 0},
    };
    value[KEY_GRANTS].kind = value[KEY_REFERENCES].kind = BULLA_CBOR_NULL;
    BULLA_TRY(bulla_signed_read(&bulla_signed_policy, bundle, authority, fields, KEYS));
    BULLA_TRY(take_head(value, policy));
    return read_lists(value, policy);
}

enum bulla_reason bulla_policy_read(
    struct bulla_bytes bundle, struct bulla_bytes authority, struct bulla_policy *policy)
{
    memset(policy, 0, sizeof *policy);
    enum bulla_reason reason = read_bundle(bundle, authority, policy);
    if (reason != BULLA_OK)
        memset(policy, 0, sizeof *policy);
    return reason;
}

enum bulla_reason bulla_policy_check_time(const struct bulla_policy *policy, uint64_t now)
{
    char limit[BULLA_WHEN_SIZE], today[BULLA_WHEN_SIZE];
    unsigned long long version = policy->version;
    if (now < policy->not_before)
        return bulla_refuse(BULLA_POLICY_NOT_YET, "policy version %llu is valid from %s, it is %s", version,
            bulla_text_when(policy->not_before, limit), bulla_text_when(now, today));
    if (now > policy->not_after)
        return bulla_refuse(BULLA_POLICY_EXPIRED, "policy version %llu was valid until %s, it is %s", version,
            bulla_text_when(policy->not_after, limit), bulla_text_when(now, today));
    return BULLA_OK;
}
