#include "support/test.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "evidence/policy.h"
#include "signers.h"
#include "support/vectors.h"

static struct test_p256 authority, other;

static void fill(struct bulla_policy *policy, size_t states)
{
    memset(policy, 0, sizeof *policy);
    memcpy(policy->authority, authority.point, sizeof policy->authority);
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

static struct bulla_bytes signed_bundle(struct bulla_policy *policy, uint8_t memory[static BULLA_POLICY_LARGEST])
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, memory, BULLA_POLICY_LARGEST);
    assert_int_equal(bulla_policy_sign(policy, &authority.signer, &writer), BULLA_OK);
    return bulla_writer_bytes(&writer);
}

static uint8_t memory[BULLA_POLICY_LARGEST];
static struct bulla_policy policy, read_policy;
static const struct bulla_bytes anyone = {NULL, 0};

static void a_signed_policy_reads_back_as_it_was(void **state)
{
    (void)state;
    fill(&policy, 2);
    struct bulla_bytes bundle = signed_bundle(&policy, memory);
    assert_int_equal(bulla_policy_read(bundle, BULLA_BYTES(authority.point), &read_policy), BULLA_OK);
    assert_memory_equal(&read_policy, &policy, sizeof policy);
    assert_int_equal(bulla_policy_read(bundle, anyone, &read_policy), BULLA_OK);
    assert_memory_equal(&read_policy, &policy, sizeof policy);
}

/* TPM 2.0 Library Part 3, 23.7 (TPM2_PolicyPCR): policyDigestNew = H(policyDigestOld ‖ TPM_CC_PolicyPCR ‖ pcrs ‖
 * digestTPM), from the zero digest of a new session; TPM_CC_PolicyPCR is 0x17f (Part 2, 6.5.2). Written out here. */
static void the_approved_policy_is_what_a_tpm_would_compute(void **state)
{
    (void)state;
    uint8_t hashed[32 + 4 + 4 + 2 + 1 + 3 + 32] = {0}, digest[32], expected[32];
    static const uint8_t middle[] = {0, 0, 1, 0x7f, 0, 0, 0, 1, 0, 0x0b, 3, 0x80, 0x08, 0x40};
    memcpy(hashed + 32, middle, sizeof middle);
    memset(hashed + 46, 0xab, 32);
    SHA256(hashed, sizeof hashed, expected);
    bulla_policy_pcr_digest(1 << 7 | 1 << 11 | 1 << 22, hashed + 46, digest);
    assert_memory_equal(digest, expected, 32);
}

static void the_reference_binds_authority_and_epoch(void **state)
{
    (void)state;
    uint8_t hashed[17 + 65 + 8] = {0}, expected[32], reference[32];
    memcpy(hashed, "bulla/1 policyRef", 17);
    memcpy(hashed + 17, authority.point, 65);
    hashed[88] = 0x01;
    hashed[89] = 0x02;
    SHA256(hashed, sizeof hashed, expected);
    bulla_policy_reference(authority.point, 0x102, reference);
    assert_memory_equal(reference, expected, 32);
    bulla_policy_reference(authority.point, 0x103, reference);
    assert_memory_not_equal(reference, expected, 32);
    bulla_policy_reference(other.point, 0x102, reference);
    assert_memory_not_equal(reference, expected, 32);
}

/* What TPM2_VerifySignature will be asked: ECDSA over aHash = SHA-256(approvedPolicy ‖ policyRef), by OpenSSL. */
static void an_approval_is_a_signature_over_the_hash_a_tpm_verifies(void **state)
{
    (void)state;
    uint8_t message[64], hash[32], der[80];
    unsigned char *at = der;
    fill(&policy, 1);
    (void)signed_bundle(&policy, memory);
    memcpy(message, policy.states[0].approved_policy, 32);
    bulla_policy_reference(authority.point, 3, message + 32);
    SHA256(message, sizeof message, hash);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    assert_int_equal(ECDSA_SIG_set0(pair, BN_bin2bn(policy.states[0].approval, 32, NULL),
                         BN_bin2bn(policy.states[0].approval + 32, 32, NULL)),
        1);
    int size = i2d_ECDSA_SIG(pair, &at);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(authority.key, NULL);
    assert_int_equal(EVP_PKEY_verify_init(context), 1);
    assert_int_equal(EVP_PKEY_verify(context, der, (size_t)size, hash, sizeof hash), 1);
    EVP_PKEY_CTX_free(context);
    ECDSA_SIG_free(pair);
}

static void no_changed_byte_of_a_bundle_is_accepted(void **state)
{
    (void)state;
    fill(&policy, 2);
    struct bulla_bytes bundle = signed_bundle(&policy, memory);
    for (size_t i = 0; i < bundle.size; i++) {
        for (unsigned bit = 0; bit < 8; bit += 3) {
            memory[i] ^= (uint8_t)(1u << bit);
            if (bulla_policy_read(bundle, BULLA_BYTES(authority.point), &read_policy) == BULLA_OK)
                fail_msg("accepted with bit %u of byte %zu changed", bit, i);
            assert_int_equal(read_policy.state_count, 0);
            memory[i] ^= (uint8_t)(1u << bit);
        }
        assert_int_not_equal(
            bulla_policy_read((struct bulla_bytes){memory, i}, BULLA_BYTES(authority.point), &read_policy), BULLA_OK);
    }
    memory[bundle.size] = 0;
    assert_int_not_equal(
        bulla_policy_read((struct bulla_bytes){memory, bundle.size + 1}, anyone, &read_policy), BULLA_OK);
}

static void another_authoritys_bundle_is_refused(void **state)
{
    (void)state;
    fill(&policy, 1);
    struct bulla_bytes bundle = signed_bundle(&policy, memory);
    assert_int_equal(bulla_policy_read(bundle, BULLA_BYTES(other.point), &read_policy), BULLA_POLICY_AUTHORITY);
    assert_int_equal(
        bulla_policy_read(bundle, (struct bulla_bytes){authority.point, 64}, &read_policy), BULLA_POLICY_AUTHORITY);
}

static void a_bundle_is_not_signed_with_another_key_than_it_names(void **state)
{
    (void)state;
    struct bulla_writer writer;
    fill(&policy, 1);
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_equal(bulla_policy_sign(&policy, &other.signer, &writer), BULLA_POLICY_SIGNATURE);
}

static void signing_refuses_what_reading_would_refuse(void **state)
{
    (void)state;
    struct bulla_policy wrong[8];
    for (int i = 0; i < 8; i++)
        fill(&wrong[i], 2);
    wrong[0].state_count = 0; /* and no reference */
    wrong[1].state_count = BULLA_POLICY_STATES + 1;
    wrong[2].not_after = 0;
    wrong[3].not_after = wrong[3].not_before - 1;
    wrong[4].states[1].pcr_mask = 0;
    wrong[5].states[1].pcr_mask = 1 << 24;
    wrong[6].states[1].label[0] = '\n';
    memset(wrong[7].states[1].pcr_digest, 1, 32); /* the first one again */
    for (int i = 0; i < 8; i++) {
        struct bulla_writer writer;
        bulla_writer_open(&writer, memory, sizeof memory);
        assert_int_not_equal(bulla_policy_sign(&wrong[i], &authority.signer, &writer), BULLA_OK);
    }
    struct bulla_cose_signer eddsa = authority.signer;
    struct bulla_writer writer;
    eddsa.algorithm = BULLA_COSE_EDDSA;
    fill(&policy, 1);
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_equal(bulla_policy_sign(&policy, &eddsa, &writer), BULLA_ARGUMENT);
    bulla_writer_open(&writer, memory, 64);
    assert_int_equal(bulla_policy_sign(&policy, &authority.signer, &writer), BULLA_BUFFER_SMALL);
}

static void the_most_states_fit(void **state)
{
    (void)state;
    fill(&policy, BULLA_POLICY_STATES);
    for (size_t i = 0; i < BULLA_POLICY_STATES; i++) {
        memset(policy.states[i].label, 'l', sizeof policy.states[i].label - 1);
        policy.states[i].pcr_mask = 0xffffff;
    }
    memset(policy.note, 'n', sizeof policy.note - 1);
    policy.version = policy.epoch = policy.not_after = UINT64_MAX;
    struct bulla_bytes bundle = signed_bundle(&policy, memory);
    assert_int_equal(bulla_policy_read(bundle, anyone, &read_policy), BULLA_OK);
    assert_memory_equal(&read_policy, &policy, sizeof policy);
}

/* -- bundles that their authority signed, and that say something which may not be said -- */

struct draft {
    struct bulla_policy policy; /* with approvals of its own */
    size_t states;              /* written; state 0 again after the last */
    const char *format;
    struct bulla_bytes label; /* of every state */
    bool number_for_a_state;
    uint64_t content_type;
    size_t more_keys; /* fields behind the eighth, in hex */
    const char *more;
};

static void draft_approve(struct draft *draft, const struct test_p256 *by)
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

static void draft_init(struct draft *draft)
{
    memset(draft, 0, sizeof *draft);
    fill(&draft->policy, 2);
    draft->states = 2;
    draft->format = "bulla/1 policy";
    draft->label = BULLA_TEXT("kernel");
    draft_approve(draft, &authority);
}

static void write_pair(struct bulla_writer *writer, uint64_t name, uint64_t value)
{
    bulla_cbor_write_uint(writer, name);
    bulla_cbor_write_uint(writer, value);
}

static void write_draft_state(struct bulla_writer *writer, const struct draft *draft, size_t i)
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

static struct bulla_bytes write_draft(const struct draft *draft)
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

static enum bulla_reason read_draft(const struct draft *draft)
{
    struct bulla_writer bundle;
    bulla_writer_open(&bundle, memory, sizeof memory);
    assert_int_equal(
        bulla_cose_sign1_write(&bundle, &authority.signer, draft->content_type, write_draft(draft), anyone), BULLA_OK);
    enum bulla_reason reason =
        bulla_policy_read(bulla_writer_bytes(&bundle), BULLA_BYTES(authority.point), &read_policy);
    static const struct bulla_policy empty;
    if (reason != BULLA_OK)
        assert_memory_equal(&read_policy, &empty, sizeof empty); /* nothing of a refused bundle leaves */
    return reason;
}

static void a_draft_that_says_nothing_wrong_is_read(void **state)
{
    (void)state;
    struct draft draft;
    draft_init(&draft);
    assert_int_equal(read_draft(&draft), BULLA_OK);
    assert_int_equal(read_policy.state_count, 2);
    assert_string_equal(read_policy.states[1].label, "kernel");
}

/* The draft is written out in eight fields, as bundles had them before there were grants and references. */
static void a_policy_without_lists_has_the_bytes_that_it_always_had(void **state)
{
    (void)state;
    struct draft draft;
    struct bulla_cose_message message;
    draft_init(&draft);
    for (size_t i = 0; i < 2; i++)
        draft.policy.states[i].label[6] = '\0'; /* "kernel", as the draft writes it */
    struct bulla_bytes bundle = signed_bundle(&draft.policy, memory);
    assert_int_equal(bulla_cose_sign1_read(bundle, "bundle", &message), BULLA_OK);
    assert_true(bulla_bytes_equal(message.payload, write_draft(&draft)));
}

static void a_number_of_states_out_of_bounds_is_refused(void **state)
{
    (void)state;
    struct draft draft;
    draft_init(&draft);
    draft.states = 0;
    assert_int_equal(read_draft(&draft), BULLA_MALFORMED);
    fill(&draft.policy, BULLA_POLICY_STATES);
    draft_approve(&draft, &authority);
    draft.states = BULLA_POLICY_STATES;
    assert_int_equal(read_draft(&draft), BULLA_OK);
    draft.states = BULLA_POLICY_STATES + 1;
    assert_int_equal(read_draft(&draft), BULLA_TOO_LARGE);
}

static void a_state_that_comes_twice_is_refused(void **state)
{
    (void)state;
    struct draft draft;
    draft_init(&draft);
    draft.states = 3;
    assert_int_equal(read_draft(&draft), BULLA_DUPLICATE);
    memcpy(draft.policy.states[1].pcr_digest, draft.policy.states[0].pcr_digest, 32);
    draft.policy.states[1].pcr_mask = 1; /* the same digest over other PCRs is another state */
    draft_approve(&draft, &authority);
    draft.states = 2;
    assert_int_equal(read_draft(&draft), BULLA_OK);
}

static void an_approval_of_something_else_is_refused(void **state)
{
    (void)state;
    struct draft draft;
    draft_init(&draft);
    draft_approve(&draft, &other);
    assert_int_equal(read_draft(&draft), BULLA_POLICY_SIGNATURE);
    draft_init(&draft);
    draft.policy.epoch++; /* approvals of the epoch before */
    assert_int_equal(read_draft(&draft), BULLA_POLICY_SIGNATURE);
    draft_init(&draft);
    draft.policy.states[1].pcr_mask ^= 1; /* approved_policy is that of other PCRs */
    assert_int_equal(read_draft(&draft), BULLA_MALFORMED);
    draft_init(&draft);
    draft.policy.states[0].approved_policy[0] ^= 1;
    assert_int_equal(read_draft(&draft), BULLA_MALFORMED);
}

static void a_policy_that_is_never_or_always_valid_is_refused(void **state)
{
    (void)state;
    struct draft draft;
    draft_init(&draft);
    draft.policy.not_after = draft.policy.not_before - 1;
    assert_int_equal(read_draft(&draft), BULLA_MALFORMED);
    draft.policy.not_before = draft.policy.not_after = 0;
    assert_int_equal(read_draft(&draft), BULLA_MALFORMED);
}

static void another_form_is_refused_though_signed(void **state)
{
    (void)state;
    static const char long_label[] = "0123456789012345678901234567890123456789012345678901234567890123";
    static const struct bulla_bytes labels[] = {{(const uint8_t *)"a\0b", 3}, {(const uint8_t *)"a\033[2J", 5},
        {(const uint8_t *)"\x7f", 1}, {(const uint8_t *)"\xc2\x9b", 2}, {(const uint8_t *)"\xff", 1},
        {(const uint8_t *)long_label, 64}};
    struct draft draft;
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        draft_init(&draft);
        draft.label = labels[i];
        assert_int_not_equal(read_draft(&draft), BULLA_OK);
    }
    draft_init(&draft);
    draft.format = "bulla/2 policy";
    assert_int_equal(read_draft(&draft), BULLA_MALFORMED);
    draft_init(&draft);
    draft.more_keys = 1;
    draft.more = "0a01";
    assert_int_equal(read_draft(&draft), BULLA_UNKNOWN_FIELD);
    draft_init(&draft);
    draft.number_for_a_state = true;
    assert_int_equal(read_draft(&draft), BULLA_MALFORMED);
    draft_init(&draft);
    draft.content_type = 61;
    assert_int_equal(read_draft(&draft), BULLA_MALFORMED);
    draft_init(&draft);
    draft.policy.states[0].pcr_mask = 0;
    draft_approve(&draft, &authority);
    assert_int_equal(read_draft(&draft), BULLA_MALFORMED);
    draft.policy.states[0].pcr_mask = 1 << 24;
    draft_approve(&draft, &authority);
    assert_int_equal(read_draft(&draft), BULLA_MALFORMED);
    assert_int_equal(bulla_policy_read((struct bulla_bytes){memory, BULLA_POLICY_LARGEST + 1}, anyone, &read_policy),
        BULLA_TOO_LARGE);
}

/* --- grants in a bundle --- */

static uint8_t encoded_grants[BULLA_POLICY_LARGEST];

static void one_grant(struct bulla_grant *grant, size_t i)
{
    memset(grant, 0, sizeof *grant);
    grant->id[0] = (uint8_t)(i >> 8);
    grant->id[1] = (uint8_t)i;
    assert_int_equal(bulla_principal_parse(BULLA_TEXT("user:ann"), &grant->who), BULLA_OK);
    grant->operations = BULLA_MAY_INFER;
    grant->not_after = 1800000000;
}

/* As large as a grant can be. */
static void large_grant(struct bulla_grant *grant, size_t i)
{
    one_grant(grant, i);
    static const char who[] = "secp256k1:0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    assert_int_equal(bulla_principal_parse(BULLA_TEXT(who), &grant->who), BULLA_OK);
    memset(grant->object, 'o', sizeof grant->object);
    grant->object_size = sizeof grant->object;
    grant->operations = BULLA_MAY_ALL;
    grant->not_before = grant->not_after = grant->uses = UINT64_MAX;
    grant->rate = grant->rate_seconds = UINT32_MAX;
}

static void restrict_to(struct bulla_policy *to, struct bulla_grant *grants, size_t count)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, encoded_grants, sizeof encoded_grants);
    assert_int_equal(bulla_policy_grants_write(grants, count, &writer), BULLA_OK);
    to->restricted = true;
    to->grants = bulla_writer_bytes(&writer);
}

static void grants_come_out_of_a_bundle_by_their_ids(void **state)
{
    (void)state;
    struct bulla_grant grants[3], read[3];
    size_t count = 0;
    fill(&policy, 1);
    one_grant(&grants[0], 2);
    one_grant(&grants[1], 0);
    one_grant(&grants[2], 1);
    restrict_to(&policy, grants, 3);
    struct bulla_bytes bundle = signed_bundle(&policy, memory);
    assert_int_equal(policy.grant_count, 3);
    assert_int_equal(bulla_policy_read(bundle, anyone, &read_policy), BULLA_OK);
    assert_true(read_policy.restricted);
    assert_int_equal(read_policy.grant_count, 3);
    assert_true(bulla_bytes_equal(read_policy.grants, policy.grants));
    assert_true(read_policy.grants.data > memory && read_policy.grants.data < memory + bundle.size);
    assert_int_equal(bulla_policy_grants(&read_policy, read, 2, &count), BULLA_TOO_LARGE);
    assert_int_equal(count, 0);
    assert_int_equal(bulla_policy_grants(&read_policy, read, 3, &count), BULLA_OK);
    assert_int_equal(count, 3);
    for (uint8_t i = 0; i < 3; i++) {
        assert_int_equal(read[i].id[1], i);
        assert_memory_equal(&read[i], &grants[i], sizeof read[i]); /* writing has sorted them */
    }
}

static void a_policy_may_restrict_to_nobody(void **state)
{
    (void)state;
    size_t count = 1;
    fill(&policy, 1);
    policy.restricted = true;
    struct bulla_bytes bundle = signed_bundle(&policy, memory);
    assert_int_equal(bulla_policy_read(bundle, anyone, &read_policy), BULLA_OK);
    assert_true(read_policy.restricted);
    assert_int_equal(bulla_policy_grants(&read_policy, NULL, 0, &count), BULLA_OK);
    assert_int_equal(count, 0);
}

static void the_most_grants_states_and_references_fit(void **state)
{
    (void)state;
    static struct bulla_grant grants[BULLA_GRANTS_LARGEST], read[BULLA_GRANTS_LARGEST];
    size_t count = 0;
    fill(&policy, BULLA_POLICY_STATES);
    for (size_t i = 0; i < BULLA_POLICY_STATES; i++) {
        struct bulla_policy_reference *reference = &policy.references[i];
        memset(policy.states[i].label, 'l', sizeof policy.states[i].label - 1);
        memset(reference->label, 'r', sizeof reference->label - 1);
        reference->kind = BULLA_EVIDENCE_SEV_SNP;
        reference->tcb_accepted = 15;
        reference->migratable = true;
        reference->measurement_count = BULLA_REFERENCE_MEASUREMENTS;
        for (size_t j = 0; j < BULLA_REFERENCE_MEASUREMENTS; j++) {
            struct bulla_measurement *one = &reference->measurements[j];
            (void)snprintf(one->name, sizeof one->name, "measurement-%zu%zu", j, j);
            one->size = BULLA_MEASUREMENT_LARGEST;
            memset(one->value, (int)i, one->size);
        }
    }
    policy.reference_count = BULLA_POLICY_REFERENCES;
    memset(policy.note, 'n', sizeof policy.note - 1);
    for (size_t i = 0; i < BULLA_GRANTS_LARGEST; i++)
        large_grant(&grants[i], i);
    restrict_to(&policy, grants, BULLA_GRANTS_LARGEST);
    struct bulla_bytes bundle = signed_bundle(&policy, memory);
    assert_true(bundle.size > 200000); /* they are as large as that */
    assert_int_equal(bulla_policy_read(bundle, anyone, &read_policy), BULLA_OK);
    assert_int_equal(bulla_policy_grants(&read_policy, read, BULLA_GRANTS_LARGEST, &count), BULLA_OK);
    assert_memory_equal(read, grants, sizeof grants);
    assert_memory_equal(read_policy.references, policy.references, sizeof policy.references);
}

static void grants_that_are_too_many_or_share_an_id_are_not_written(void **state)
{
    (void)state;
    static struct bulla_grant grants[BULLA_GRANTS_LARGEST + 1];
    struct bulla_writer writer;
    for (size_t i = 0; i < BULLA_GRANTS_LARGEST + 1; i++)
        one_grant(&grants[i], i);
    bulla_writer_open(&writer, encoded_grants, sizeof encoded_grants);
    assert_int_equal(bulla_policy_grants_write(grants, BULLA_GRANTS_LARGEST + 1, &writer), BULLA_TOO_LARGE);
    bulla_writer_open(&writer, encoded_grants, 32);
    assert_int_equal(bulla_policy_grants_write(grants, 2, &writer), BULLA_BUFFER_SMALL);
    grants[5].id[1] = 2;
    bulla_writer_open(&writer, encoded_grants, sizeof encoded_grants);
    assert_int_equal(bulla_policy_grants_write(grants, 8, &writer), BULLA_DUPLICATE);
}

/* A grant's least form, and its id's last byte (test_grant.c has the rest of its rules). */
#define GRANT_OF(last) "a500500000000000000000000000000000000" last "0168757365723a616e6e020103000401"

static void a_list_of_grants_of_another_form_is_refused_though_signed(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        enum bulla_reason reason;
    } cases[] = {
        {"0880", BULLA_OK},
        {"0881" GRANT_OF("1"), BULLA_OK},
        {"0882" GRANT_OF("1") GRANT_OF("2"), BULLA_OK},
        {"0882" GRANT_OF("1") GRANT_OF("1"), BULLA_DUPLICATE},
        {"0882" GRANT_OF("2") GRANT_OF("1"), BULLA_NOT_CANONICAL},
        {"0883" GRANT_OF("1") GRANT_OF("3") GRANT_OF("2"), BULLA_NOT_CANONICAL},
        {"0881"
         "a0",
            BULLA_MALFORMED},
        {"0881"
         "01",
            BULLA_MALFORMED},
        {"08a0", BULLA_MALFORMED},
        {"0801", BULLA_MALFORMED},
        {"08f6", BULLA_MALFORMED},
    };
    struct draft draft;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        draft_init(&draft);
        draft.more_keys = 1;
        draft.more = cases[i].more;
        if (read_draft(&draft) != cases[i].reason)
            fail_msg("list %zu: %s", i, bulla_detail());
    }
}

static void more_grants_than_a_bundle_may_have_are_refused(void **state)
{
    (void)state;
    static char more[2 * BULLA_POLICY_LARGEST];
    static const char rest[] = "0000000000000000000000000000"
                               "0168757365723a616e6e020103000401";
    struct draft draft;
    for (size_t count = BULLA_GRANTS_LARGEST; count <= BULLA_GRANTS_LARGEST + 1; count++) {
        size_t used = (size_t)snprintf(more, sizeof more, "0899%04zx", count);
        for (size_t i = 0; i < count; i++)
            used += (size_t)snprintf(more + used, sizeof more - used, "a50050%04zx%s", i, rest);
        draft_init(&draft);
        draft.more_keys = 1;
        draft.more = more;
        assert_int_equal(read_draft(&draft), count == BULLA_GRANTS_LARGEST ? BULLA_OK : BULLA_TOO_LARGE);
    }
}

/* --- references in a bundle --- */

#define HASH32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HASH48 HASH32 "202122232425262728292a2b2c2d2e2f"
#define LABEL "006161"         /* "a" */
#define NITRO "01656e6974726f" /* "nitro" */
#define PCR0                                                                                                           \
    "6470637230"                                                                                                       \
    "5830" HASH48 /* "pcr0": … */
#define PCR1                                                                                                           \
    "6470637231"                                                                                                       \
    "5830" HASH48
#define ALLOWS "02a1" PCR0

static void a_reference_reads_as_its_bytes_say(void **state)
{
    (void)state;
    struct draft draft;
    draft_init(&draft);
    draft.states = 0;
    draft.more_keys = 1;
    draft.more = "0981a5" LABEL NITRO "02a2" PCR0 PCR1 "0303"
                 "04f5";
    assert_int_equal(read_draft(&draft), BULLA_OK);
    assert_int_equal(read_policy.state_count, 0);
    assert_int_equal(read_policy.reference_count, 1);
    const struct bulla_policy_reference *reference = &read_policy.references[0];
    assert_string_equal(reference->label, "a");
    assert_int_equal(reference->kind, BULLA_EVIDENCE_NITRO);
    assert_int_equal(reference->measurement_count, 2);
    assert_string_equal(reference->measurements[1].name, "pcr1");
    assert_int_equal(reference->measurements[1].size, 48);
    assert_int_equal(reference->measurements[1].value[47], 0x2f);
    assert_int_equal(reference->tcb_accepted, 1 << BULLA_TCB_UNKNOWN | 1 << BULLA_TCB_UP_TO_DATE);
    assert_true(reference->migratable);
    assert_false(read_policy.restricted);
}

static void a_list_of_references_of_another_form_is_refused_though_signed(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        enum bulla_reason reason;
    } cases[] = {
        {"0981a3" LABEL NITRO ALLOWS, BULLA_OK},
        {"0981a3" LABEL "0167"
         "7365762d736e70" ALLOWS,
            BULLA_OK}, /* sev-snp */
        {"0981a3" LABEL "0163"
         "746478" ALLOWS,
            BULLA_OK}, /* tdx */
        {"0981a3" LABEL "0163"
         "736778" ALLOWS,
            BULLA_OK}, /* sgx */
        {"0981a3" LABEL "0163"
         "74706d" ALLOWS,
            BULLA_MALFORMED}, /* tpm: states are for that */
        {"0981a3" LABEL "0164"
         "6e6f6e65" ALLOWS,
            BULLA_MALFORMED},
        {"0981a3" LABEL "0160" ALLOWS, BULLA_MALFORMED},
        {"0980", BULLA_MALFORMED},
        {"098101", BULLA_MALFORMED},
        {"09a0", BULLA_MALFORMED},
        {"0981a2" LABEL NITRO, BULLA_MALFORMED},
        {"0981a2" LABEL ALLOWS, BULLA_MALFORMED},
        {"0981a2" NITRO ALLOWS, BULLA_MALFORMED},
        {"0981a3"
         "00611b" NITRO ALLOWS,
            BULLA_MALFORMED},
        {"0981a3" LABEL NITRO "02a0", BULLA_MALFORMED},
        {"0981a3" LABEL NITRO "02a1"
         "01"
         "5830" HASH48,
            BULLA_MALFORMED},
        {"0981a3" LABEL NITRO "02a1"
         "60"
         "5830" HASH48,
            BULLA_MALFORMED},
        {"0981a3" LABEL NITRO "02a1"
         "6450435230"
         "5830" HASH48,
            BULLA_MALFORMED}, /* "PCR0" */
        {"0981a3" LABEL NITRO "02a1"
         "70"
         "61616161616161616161616161616161"
         "5830" HASH48,
            BULLA_MALFORMED},
        {"0981a3" LABEL NITRO "02a1"
         "6470637230"
         "582f" HASH32 "202122232425262728292a2b2c2d2e",
            BULLA_MALFORMED},
        {"0981a3" LABEL NITRO "02a1"
         "6470637230"
         "40",
            BULLA_MALFORMED},
        {"0981a3" LABEL NITRO "02a1"
         "6470637230"
         "01",
            BULLA_MALFORMED},
        {"0981a3" LABEL NITRO "02a2" PCR0 PCR0, BULLA_DUPLICATE},
        {"0981a3" LABEL NITRO "02a2" PCR1 PCR0, BULLA_NOT_CANONICAL},
        {"0981a4" LABEL NITRO ALLOWS "0300", BULLA_MALFORMED},
        {"0981a4" LABEL NITRO ALLOWS "030f", BULLA_OK},
        {"0981a4" LABEL NITRO ALLOWS "0310", BULLA_MALFORMED}, /* revoked firmware */
        {"0981a4" LABEL NITRO ALLOWS "04f5", BULLA_OK},
        {"0981a4" LABEL NITRO ALLOWS "04f4", BULLA_MALFORMED}, /* said by leaving it out */
        {"0981a4" LABEL NITRO ALLOWS "0401", BULLA_MALFORMED},
        {"0981a4" LABEL NITRO ALLOWS "0501", BULLA_UNKNOWN_FIELD},
        {"0982a3" LABEL NITRO ALLOWS "a3" LABEL NITRO ALLOWS, BULLA_DUPLICATE},
        {"0982a3" LABEL NITRO ALLOWS "a4" LABEL NITRO ALLOWS "0303", BULLA_DUPLICATE},
        {"0982a3" LABEL NITRO ALLOWS "a3" LABEL "0163746478" ALLOWS, BULLA_OK},
    };
    struct draft draft;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        draft_init(&draft);
        draft.more_keys = 1;
        draft.more = cases[i].more;
        enum bulla_reason reason = read_draft(&draft);
        if (reason != cases[i].reason)
            fail_msg("list %zu: %s, %s", i, bulla_reason_code(reason), bulla_detail());
    }
}

static void a_reference_of_too_many_measurements_or_too_many_references_are_refused(void **state)
{
    (void)state;
    static char more[2 * 8192];
    struct draft draft;
    for (size_t count = BULLA_REFERENCE_MEASUREMENTS; count <= BULLA_REFERENCE_MEASUREMENTS + 1; count++) {
        size_t used = (size_t)snprintf(more, sizeof more, "0981a3" LABEL NITRO "02a%zx", count);
        for (size_t i = 0; i < count; i++)
            used += (size_t)snprintf(more + used, sizeof more - used,
                "647063723%zx"
                "5830" HASH48,
                i);
        draft_init(&draft);
        draft.more_keys = 1;
        draft.more = more;
        assert_int_equal(read_draft(&draft), count == BULLA_REFERENCE_MEASUREMENTS ? BULLA_OK : BULLA_MALFORMED);
    }
    for (size_t count = BULLA_POLICY_REFERENCES; count <= BULLA_POLICY_REFERENCES + 1; count++) {
        size_t used = (size_t)snprintf(more, sizeof more, "0998%02zx", count);
        for (size_t i = 0; i < count; i++)
            used += (size_t)snprintf(more + used, sizeof more - used,
                "a3" LABEL NITRO "02a1"
                "6470637230"
                "5820%064zx",
                i);
        draft_init(&draft);
        draft.more_keys = 1;
        draft.more = more;
        assert_int_equal(read_draft(&draft), count == BULLA_POLICY_REFERENCES ? BULLA_OK : BULLA_TOO_LARGE);
    }
}

static void a_policy_of_references_alone_reads_back_as_it_was(void **state)
{
    (void)state;
    fill(&policy, 0);
    policy.reference_count = 1;
    struct bulla_policy_reference *reference = &policy.references[0];
    memcpy(reference->label, "enclave", 7);
    reference->kind = BULLA_EVIDENCE_TDX;
    reference->measurement_count = 3;
    memcpy(reference->measurements[0].name, "rtmr1", 5);
    memcpy(reference->measurements[1].name, "rtmr0", 5);
    memcpy(reference->measurements[2].name, "mrtd", 4);
    for (size_t i = 0; i < 3; i++) {
        reference->measurements[i].size = 48;
        memset(reference->measurements[i].value, (int)i, 48);
    }
    struct bulla_bytes bundle = signed_bundle(&policy, memory);
    assert_int_equal(bulla_policy_read(bundle, anyone, &read_policy), BULLA_OK);
    assert_memory_equal(&read_policy, &policy, sizeof policy); /* signing has sorted them */
    assert_string_equal(read_policy.references[0].measurements[0].name, "mrtd");
    assert_string_equal(read_policy.references[0].measurements[2].name, "rtmr1");
}

static void signing_refuses_lists_that_reading_would_refuse(void **state)
{
    (void)state;
    static struct bulla_policy wrong[7];
    static const uint8_t no_array[] = {0xa0};
    for (size_t i = 0; i < 7; i++) {
        fill(&wrong[i], 1);
        wrong[i].reference_count = 1;
        wrong[i].references[0].kind = BULLA_EVIDENCE_NITRO;
        wrong[i].references[0].measurement_count = 1;
        memcpy(wrong[i].references[0].measurements[0].name, "pcr0", 4);
        wrong[i].references[0].measurements[0].size = 48;
    }
    wrong[0].references[0].kind = BULLA_EVIDENCE_TPM;
    wrong[1].references[0].measurement_count = 0;
    wrong[2].references[0].measurement_count = BULLA_REFERENCE_MEASUREMENTS + 1;
    wrong[3].reference_count = BULLA_POLICY_REFERENCES + 1;
    wrong[4].references[0].tcb_accepted = 1 << BULLA_TCB_REVOKED;
    wrong[5].grants = BULLA_BYTES(no_array); /* in a policy that restricts nothing */
    wrong[6].restricted = true;
    wrong[6].grants = BULLA_BYTES(no_array);
    for (size_t i = 0; i < 7; i++) {
        struct bulla_writer writer;
        bulla_writer_open(&writer, memory, sizeof memory);
        if (bulla_policy_sign(&wrong[i], &authority.signer, &writer) == BULLA_OK)
            fail_msg("policy %zu was signed", i);
    }
}

static void no_changed_byte_of_the_lists_is_accepted(void **state)
{
    (void)state;
    struct bulla_grant grants[2];
    fill(&policy, 0);
    policy.reference_count = 1;
    policy.references[0].kind = BULLA_EVIDENCE_NITRO;
    policy.references[0].measurement_count = 1;
    memcpy(policy.references[0].measurements[0].name, "pcr0", 4);
    policy.references[0].measurements[0].size = 48;
    one_grant(&grants[0], 0);
    large_grant(&grants[1], 1);
    restrict_to(&policy, grants, 2);
    struct bulla_bytes bundle = signed_bundle(&policy, memory);
    for (size_t i = 0; i < bundle.size; i++) {
        memory[i] ^= 1;
        if (bulla_policy_read(bundle, BULLA_BYTES(authority.point), &read_policy) == BULLA_OK)
            fail_msg("accepted with byte %zu changed", i);
        assert_false(read_policy.restricted);
        assert_int_equal(read_policy.reference_count, 0);
        memory[i] ^= 1;
    }
}

static void a_policy_is_valid_from_its_first_to_its_last_second(void **state)
{
    (void)state;
    fill(&policy, 1);
    assert_int_equal(bulla_policy_check_time(&policy, 1699999999), BULLA_POLICY_NOT_YET);
    assert_int_equal(bulla_policy_check_time(&policy, 1700000000), BULLA_OK);
    assert_int_equal(bulla_policy_check_time(&policy, 1800000000), BULLA_OK);
    assert_int_equal(bulla_policy_check_time(&policy, 1800000001), BULLA_POLICY_EXPIRED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_policy_reads_back_as_it_was),
        cmocka_unit_test(the_approved_policy_is_what_a_tpm_would_compute),
        cmocka_unit_test(the_reference_binds_authority_and_epoch),
        cmocka_unit_test(an_approval_is_a_signature_over_the_hash_a_tpm_verifies),
        cmocka_unit_test(no_changed_byte_of_a_bundle_is_accepted),
        cmocka_unit_test(another_authoritys_bundle_is_refused),
        cmocka_unit_test(a_bundle_is_not_signed_with_another_key_than_it_names),
        cmocka_unit_test(signing_refuses_what_reading_would_refuse),
        cmocka_unit_test(the_most_states_fit),
        cmocka_unit_test(a_draft_that_says_nothing_wrong_is_read),
        cmocka_unit_test(a_policy_without_lists_has_the_bytes_that_it_always_had),
        cmocka_unit_test(a_number_of_states_out_of_bounds_is_refused),
        cmocka_unit_test(a_state_that_comes_twice_is_refused),
        cmocka_unit_test(an_approval_of_something_else_is_refused),
        cmocka_unit_test(a_policy_that_is_never_or_always_valid_is_refused),
        cmocka_unit_test(another_form_is_refused_though_signed),
        cmocka_unit_test(grants_come_out_of_a_bundle_by_their_ids),
        cmocka_unit_test(a_policy_may_restrict_to_nobody),
        cmocka_unit_test(the_most_grants_states_and_references_fit),
        cmocka_unit_test(grants_that_are_too_many_or_share_an_id_are_not_written),
        cmocka_unit_test(a_list_of_grants_of_another_form_is_refused_though_signed),
        cmocka_unit_test(more_grants_than_a_bundle_may_have_are_refused),
        cmocka_unit_test(a_reference_reads_as_its_bytes_say),
        cmocka_unit_test(a_list_of_references_of_another_form_is_refused_though_signed),
        cmocka_unit_test(a_reference_of_too_many_measurements_or_too_many_references_are_refused),
        cmocka_unit_test(a_policy_of_references_alone_reads_back_as_it_was),
        cmocka_unit_test(signing_refuses_lists_that_reading_would_refuse),
        cmocka_unit_test(no_changed_byte_of_the_lists_is_accepted),
        cmocka_unit_test(a_policy_is_valid_from_its_first_to_its_last_second),
    };
    test_p256_make(&authority);
    test_p256_make(&other);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_p256_free(&authority);
    test_p256_free(&other);
    return failed;
}
