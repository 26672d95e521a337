#include "policy_fixture.h"

#include <stdio.h>
#include <string.h>

#include "support/vectors.h"

struct test_p256 policy_authority, policy_other;
const struct bulla_bytes policy_anyone;
uint8_t policy_memory[BULLA_POLICY_LARGEST];
struct bulla_policy policy_read_back;

int policy_keys_make(void **state)
{
    (void)state;
    test_p256_make(&policy_authority);
    test_p256_make(&policy_other);
    return 0;
}

int policy_keys_free(void **state)
{
    (void)state;
    test_p256_free(&policy_authority);
    test_p256_free(&policy_other);
    return 0;
}

void policy_fill(struct bulla_policy *policy, size_t states)
{
    memset(policy, 0, sizeof *policy);
    memcpy(policy->authority, policy_authority.point, sizeof policy->authority);
    policy->version = 7;
    policy->epoch = 3;
    policy->not_before = 1700000000;
    policy->not_after = 1800000000;
    (void)snprintf(policy->note, sizeof policy->note, "two kernels");
    policy->state_count = states;
    for (size_t i = 0; i < states; i++) {
        (void)snprintf(policy->states[i].label, sizeof policy->states[i].label, "kernel 6.1.0-%zu", i);
        policy->states[i].pcr_mask = 1 << 7 | 1 << 11;
        memset(policy->states[i].pcr_digest, (int)i + 1, 32);
    }
}

struct bulla_bytes policy_bundle(struct bulla_policy *policy)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, policy_memory, sizeof policy_memory);
    assert_int_equal(bulla_policy_sign(policy, &policy_authority.signer, &writer), BULLA_OK);
    return bulla_writer_bytes(&writer);
}

void policy_draft_approve(struct policy_draft *draft, const struct test_p256 *by)
{
    for (size_t i = 0; i < draft->policy.state_count; i++) {
        struct bulla_policy_state *one = &draft->policy.states[i];
        uint8_t message[64];
        bulla_policy_pcr_digest(one->pcr_mask, one->pcr_digest, one->approved_policy);
        memcpy(message, one->approved_policy, 32);
        bulla_policy_reference(draft->policy.authority, draft->policy.epoch, message + 32);
        assert_int_equal(by->signer.sign(by->signer.context, BULLA_BYTES(message), one->approval), BULLA_OK);
    }
}

void policy_draft_init(struct policy_draft *draft)
{
    memset(draft, 0, sizeof *draft);
    policy_fill(&draft->policy, 2);
    draft->states = 2;
    draft->format = "bulla/1 policy";
    draft->label = BULLA_TEXT("kernel");
    policy_draft_approve(draft, &policy_authority);
}

static void write_pair(struct bulla_writer *writer, uint64_t name, uint64_t value)
{
    bulla_cbor_write_uint(writer, name);
    bulla_cbor_write_uint(writer, value);
}

static void write_draft_state(struct bulla_writer *writer, const struct policy_draft *draft, size_t i)
{
    const struct bulla_policy_state *one = &draft->policy.states[i % draft->policy.state_count];
    bulla_cbor_write_map(writer, 5);
    bulla_cbor_write_uint(writer, 0);
    bulla_cbor_write_tstr_bytes(writer, draft->label);
    write_pair(writer, 1, one->pcr_mask);
    bulla_cbor_write_uint(writer, 2);
    bulla_cbor_write_bstr(writer, BULLA_BYTES(one->pcr_digest));
    bulla_cbor_write_uint(writer, 3);
    bulla_cbor_write_bstr(writer, BULLA_BYTES(one->approved_policy));
    bulla_cbor_write_uint(writer, 4);
    bulla_cbor_write_bstr(writer, BULLA_BYTES(one->approval));
}

struct bulla_bytes policy_draft_write(const struct policy_draft *draft)
{
    static uint8_t payload[BULLA_POLICY_LARGEST], more[BULLA_POLICY_LARGEST];
    struct bulla_writer writer;
    bulla_writer_open(&writer, payload, sizeof payload);
    bulla_cbor_write_map(&writer, 8 + draft->more_keys);
    bulla_cbor_write_uint(&writer, 0);
    bulla_cbor_write_tstr(&writer, draft->format);
    bulla_cbor_write_uint(&writer, 1);
    bulla_cbor_write_bstr(&writer, BULLA_BYTES(draft->policy.authority));
    write_pair(&writer, 2, draft->policy.version);
    write_pair(&writer, 3, draft->policy.epoch);
    write_pair(&writer, 4, draft->policy.not_before);
    write_pair(&writer, 5, draft->policy.not_after);
    bulla_cbor_write_uint(&writer, 6);
    bulla_cbor_write_tstr(&writer, draft->policy.note);
    bulla_cbor_write_uint(&writer, 7);
    bulla_cbor_write_array(&writer, draft->states);
    for (size_t i = 0; i < draft->states; i++)
        if (draft->number_for_a_state)
            bulla_cbor_write_uint(&writer, 1);
        else
            write_draft_state(&writer, draft, i);
    if (draft->more)
        bulla_write(&writer, more, test_hex(draft->more, more, sizeof more));
    assert_int_equal(bulla_writer_finish(&writer, "draft"), BULLA_OK);
    return bulla_writer_bytes(&writer);
}

enum bulla_reason policy_draft_read(const struct policy_draft *draft)
{
    struct bulla_writer bundle;
    bulla_writer_open(&bundle, policy_memory, sizeof policy_memory);
    assert_int_equal(bulla_cose_sign1_write(&bundle, &policy_authority.signer, draft->content_type,
                         policy_draft_write(draft), policy_anyone),
        BULLA_OK);
    enum bulla_reason reason =
        bulla_policy_read(bulla_writer_bytes(&bundle), BULLA_BYTES(policy_authority.point), &policy_read_back);
    static const struct bulla_policy empty;
    if (reason != BULLA_OK)
        assert_memory_equal(&policy_read_back, &empty, sizeof empty); /* nothing of a refused bundle leaves */
    return reason;
}
