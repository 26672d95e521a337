#include "support/test.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "evidence/policy.h"
#include "policy_fixture.h"

static struct bulla_policy policy;

static void a_signed_policy_reads_back_as_it_was(void **state)
{
    (void)state;
    policy_fill(&policy, 2);
    struct bulla_bytes bundle = policy_bundle(&policy);
    assert_int_equal(bulla_policy_read(bundle, BULLA_BYTES(policy_authority.point), &policy_read_back), BULLA_OK);
    assert_memory_equal(&policy_read_back, &policy, sizeof policy);
    assert_int_equal(bulla_policy_read(bundle, policy_anyone, &policy_read_back), BULLA_OK);
    assert_memory_equal(&policy_read_back, &policy, sizeof policy);
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
    memcpy(hashed + 17, policy_authority.point, 65);
    hashed[88] = 0x01;
    hashed[89] = 0x02;
    SHA256(hashed, sizeof hashed, expected);
    bulla_policy_reference(policy_authority.point, 0x102, reference);
    assert_memory_equal(reference, expected, 32);
    bulla_policy_reference(policy_authority.point, 0x103, reference);
    assert_memory_not_equal(reference, expected, 32);
    bulla_policy_reference(policy_other.point, 0x102, reference);
    assert_memory_not_equal(reference, expected, 32);
}

/* What TPM2_VerifySignature will be asked: ECDSA over aHash = SHA-256(approvedPolicy ‖ policyRef), by OpenSSL. */
static void an_approval_is_a_signature_over_the_hash_a_tpm_verifies(void **state)
{
    (void)state;
    uint8_t message[64], hash[32], der[80];
    unsigned char *at = der;
    policy_fill(&policy, 1);
    (void)policy_bundle(&policy);
    memcpy(message, policy.states[0].approved_policy, 32);
    bulla_policy_reference(policy_authority.point, 3, message + 32);
    SHA256(message, sizeof message, hash);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    assert_int_equal(ECDSA_SIG_set0(pair, BN_bin2bn(policy.states[0].approval, 32, NULL),
                         BN_bin2bn(policy.states[0].approval + 32, 32, NULL)),
        1);
    int size = i2d_ECDSA_SIG(pair, &at);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(policy_authority.key, NULL);
    assert_int_equal(EVP_PKEY_verify_init(context), 1);
    assert_int_equal(EVP_PKEY_verify(context, der, (size_t)size, hash, sizeof hash), 1);
    EVP_PKEY_CTX_free(context);
    ECDSA_SIG_free(pair);
}

static void no_changed_byte_of_a_bundle_is_accepted(void **state)
{
    (void)state;
    policy_fill(&policy, 2);
    struct bulla_bytes bundle = policy_bundle(&policy);
    for (size_t i = 0; i < bundle.size; i++) {
        for (unsigned bit = 0; bit < 8; bit += 3) {
            policy_memory[i] ^= (uint8_t)(1u << bit);
            if (bulla_policy_read(bundle, BULLA_BYTES(policy_authority.point), &policy_read_back) == BULLA_OK)
                fail_msg("accepted with bit %u of byte %zu changed", bit, i);
            assert_int_equal(policy_read_back.state_count, 0);
            policy_memory[i] ^= (uint8_t)(1u << bit);
        }
        assert_int_not_equal(bulla_policy_read((struct bulla_bytes){policy_memory, i},
                                 BULLA_BYTES(policy_authority.point), &policy_read_back),
            BULLA_OK);
    }
    policy_memory[bundle.size] = 0;
    assert_int_not_equal(
        bulla_policy_read((struct bulla_bytes){policy_memory, bundle.size + 1}, policy_anyone, &policy_read_back),
        BULLA_OK);
}

static void another_authoritys_bundle_is_refused(void **state)
{
    (void)state;
    policy_fill(&policy, 1);
    struct bulla_bytes bundle = policy_bundle(&policy);
    assert_int_equal(
        bulla_policy_read(bundle, BULLA_BYTES(policy_other.point), &policy_read_back), BULLA_POLICY_AUTHORITY);
    assert_int_equal(bulla_policy_read(bundle, (struct bulla_bytes){policy_authority.point, 64}, &policy_read_back),
        BULLA_POLICY_AUTHORITY);
}

static void a_bundle_is_not_signed_with_another_key_than_it_names(void **state)
{
    (void)state;
    struct bulla_writer writer;
    policy_fill(&policy, 1);
    bulla_writer_open(&writer, policy_memory, sizeof policy_memory);
    assert_int_equal(bulla_policy_sign(&policy, &policy_other.signer, &writer), BULLA_POLICY_SIGNATURE);
}

static void signing_refuses_what_reading_would_refuse(void **state)
{
    (void)state;
    struct bulla_policy wrong[8];
    for (int i = 0; i < 8; i++)
        policy_fill(&wrong[i], 2);
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
        bulla_writer_open(&writer, policy_memory, sizeof policy_memory);
        assert_int_not_equal(bulla_policy_sign(&wrong[i], &policy_authority.signer, &writer), BULLA_OK);
    }
    struct bulla_cose_signer eddsa = policy_authority.signer;
    struct bulla_writer writer;
    eddsa.algorithm = BULLA_COSE_EDDSA;
    policy_fill(&policy, 1);
    bulla_writer_open(&writer, policy_memory, sizeof policy_memory);
    assert_int_equal(bulla_policy_sign(&policy, &eddsa, &writer), BULLA_ARGUMENT);
    bulla_writer_open(&writer, policy_memory, 64);
    assert_int_equal(bulla_policy_sign(&policy, &policy_authority.signer, &writer), BULLA_BUFFER_SMALL);
}

static void the_most_states_fit(void **state)
{
    (void)state;
    policy_fill(&policy, BULLA_POLICY_STATES);
    for (size_t i = 0; i < BULLA_POLICY_STATES; i++) {
        memset(policy.states[i].label, 'l', sizeof policy.states[i].label - 1);
        policy.states[i].pcr_mask = 0xffffff;
    }
    memset(policy.note, 'n', sizeof policy.note - 1);
    policy.version = policy.epoch = policy.not_after = UINT64_MAX;
    struct bulla_bytes bundle = policy_bundle(&policy);
    assert_int_equal(bulla_policy_read(bundle, policy_anyone, &policy_read_back), BULLA_OK);
    assert_memory_equal(&policy_read_back, &policy, sizeof policy);
}

/* --- bundles that their authority signed, and that say something which may not be said --- */

static void a_draft_that_says_nothing_wrong_is_read(void **state)
{
    (void)state;
    struct policy_draft draft;
    policy_draft_init(&draft);
    assert_int_equal(policy_draft_read(&draft), BULLA_OK);
    assert_int_equal(policy_read_back.state_count, 2);
    assert_string_equal(policy_read_back.states[1].label, "kernel");
}

/* The draft is written out in eight fields, as bundles had them before there were grants and references. */
static void a_policy_without_lists_has_the_bytes_that_it_always_had(void **state)
{
    (void)state;
    struct policy_draft draft;
    struct bulla_cose_message message;
    policy_draft_init(&draft);
    for (size_t i = 0; i < 2; i++)
        draft.policy.states[i].label[6] = '\0'; /* "kernel", as the draft writes it */
    struct bulla_bytes bundle = policy_bundle(&draft.policy);
    assert_int_equal(bulla_cose_sign1_read(bundle, "bundle", &message), BULLA_OK);
    assert_true(bulla_bytes_equal(message.payload, policy_draft_write(&draft)));
}

static void a_number_of_states_out_of_bounds_is_refused(void **state)
{
    (void)state;
    struct policy_draft draft;
    policy_draft_init(&draft);
    draft.states = 0;
    assert_int_equal(policy_draft_read(&draft), BULLA_MALFORMED);
    policy_fill(&draft.policy, BULLA_POLICY_STATES);
    policy_draft_approve(&draft, &policy_authority);
    draft.states = BULLA_POLICY_STATES;
    assert_int_equal(policy_draft_read(&draft), BULLA_OK);
    draft.states = BULLA_POLICY_STATES + 1;
    assert_int_equal(policy_draft_read(&draft), BULLA_TOO_LARGE);
}

static void a_state_that_comes_twice_is_refused(void **state)
{
    (void)state;
    struct policy_draft draft;
    policy_draft_init(&draft);
    draft.states = 3;
    assert_int_equal(policy_draft_read(&draft), BULLA_DUPLICATE);
    memcpy(draft.policy.states[1].pcr_digest, draft.policy.states[0].pcr_digest, 32);
    draft.policy.states[1].pcr_mask = 1; /* the same digest over other PCRs is another state */
    policy_draft_approve(&draft, &policy_authority);
    draft.states = 2;
    assert_int_equal(policy_draft_read(&draft), BULLA_OK);
}

static void an_approval_of_something_else_is_refused(void **state)
{
    (void)state;
    struct policy_draft draft;
    policy_draft_init(&draft);
    policy_draft_approve(&draft, &policy_other);
    assert_int_equal(policy_draft_read(&draft), BULLA_POLICY_SIGNATURE);
    policy_draft_init(&draft);
    draft.policy.epoch++; /* approvals of the epoch before */
    assert_int_equal(policy_draft_read(&draft), BULLA_POLICY_SIGNATURE);
    policy_draft_init(&draft);
    draft.policy.states[1].pcr_mask ^= 1; /* approved_policy is that of other PCRs */
    assert_int_equal(policy_draft_read(&draft), BULLA_MALFORMED);
    policy_draft_init(&draft);
    draft.policy.states[0].approved_policy[0] ^= 1;
    assert_int_equal(policy_draft_read(&draft), BULLA_MALFORMED);
}

static void a_policy_that_is_never_or_always_valid_is_refused(void **state)
{
    (void)state;
    struct policy_draft draft;
    policy_draft_init(&draft);
    draft.policy.not_after = draft.policy.not_before - 1;
    assert_int_equal(policy_draft_read(&draft), BULLA_MALFORMED);
    draft.policy.not_before = draft.policy.not_after = 0;
    assert_int_equal(policy_draft_read(&draft), BULLA_MALFORMED);
}

static void another_form_is_refused_though_signed(void **state)
{
    (void)state;
    static const char long_label[] = "0123456789012345678901234567890123456789012345678901234567890123";
    static const struct bulla_bytes labels[] = {{(const uint8_t *)"a\0b", 3}, {(const uint8_t *)"a\033[2J", 5},
        {(const uint8_t *)"\x7f", 1}, {(const uint8_t *)"\xc2\x9b", 2}, {(const uint8_t *)"\xff", 1},
        {(const uint8_t *)long_label, 64}};
    struct policy_draft draft;
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        policy_draft_init(&draft);
        draft.label = labels[i];
        assert_int_not_equal(policy_draft_read(&draft), BULLA_OK);
    }
    policy_draft_init(&draft);
    draft.format = "bulla/2 policy";
    assert_int_equal(policy_draft_read(&draft), BULLA_MALFORMED);
    policy_draft_init(&draft);
    draft.more_keys = 1;
    draft.more = "0a01";
    assert_int_equal(policy_draft_read(&draft), BULLA_UNKNOWN_FIELD);
    policy_draft_init(&draft);
    draft.number_for_a_state = true;
    assert_int_equal(policy_draft_read(&draft), BULLA_MALFORMED);
    policy_draft_init(&draft);
    draft.content_type = 61;
    assert_int_equal(policy_draft_read(&draft), BULLA_MALFORMED);
    policy_draft_init(&draft);
    draft.policy.states[0].pcr_mask = 0;
    policy_draft_approve(&draft, &policy_authority);
    assert_int_equal(policy_draft_read(&draft), BULLA_MALFORMED);
    draft.policy.states[0].pcr_mask = 1 << 24;
    policy_draft_approve(&draft, &policy_authority);
    assert_int_equal(policy_draft_read(&draft), BULLA_MALFORMED);
    assert_int_equal(bulla_policy_read((struct bulla_bytes){policy_memory, BULLA_POLICY_LARGEST + 1}, policy_anyone,
                         &policy_read_back),
        BULLA_TOO_LARGE);
}

static void a_policy_is_valid_from_its_first_to_its_last_second(void **state)
{
    (void)state;
    policy_fill(&policy, 1);
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
        cmocka_unit_test(a_policy_is_valid_from_its_first_to_its_last_second),
    };
    return cmocka_run_group_tests(tests, policy_keys_make, policy_keys_free);
}
