#include "evidence/policy.h"
#include "fixture.h"

#include <stdio.h>

/* 00 01 … 1f */
static uint8_t share[32], auth[32], point[65];
static EVP_PKEY *authority;

static int begin(void **state)
{
    for (unsigned i = 0; i < 32; i++) {
        share[i] = (uint8_t)(0xa0 ^ (i * 7));
        auth[i] = (uint8_t)(0x51 + i * 3);
    }
    (void)fixture_begin(state);
    authority = authority_make(point);
    return 0;
}

static int end(void **state)
{
    EVP_PKEY_free(authority);
    return fixture_end(state);
}

/* --- a token's leaf --- */

static void a_token_share_comes_back_with_the_pin(void **state)
{
    (void)state;
    struct bulla_leaf_request request = token_request("1234");
    struct blob blob;
    uint8_t opened[32];
    assert_reason(seal(&request, share, &blob), BULLA_OK);
    assert_reason(open_blob(&request, &blob, opened), BULLA_OK);
    assert_memory_equal(opened, share, 32);
}

static void a_wrong_pin_is_a_wrong_pin_and_the_tpm_counts_it(void **state)
{
    (void)state;
    struct bulla_leaf_request request = token_request("1234"), wrong = token_request("1235");
    struct bulla_tpm_status before, after;
    struct blob blob;
    uint8_t opened[32];
    memset(opened, 0xff, sizeof opened);
    assert_reason(seal(&request, share, &blob), BULLA_OK);
    assert_int_equal(bulla_tpm_status_read(tpm.tcti, &before), BULLA_OK);
    assert_reason(open_blob(&wrong, &blob, opened), BULLA_PIN_WRONG);
    assert_memory_not_equal(opened, share, 32);
    assert_int_equal(bulla_tpm_status_read(tpm.tcti, &after), BULLA_OK);
    assert_int_equal(after.lockout_counter, before.lockout_counter + 1);
}

static void no_pin_is_asked_for_before_the_tpm_is(void **state)
{
    (void)state;
    struct bulla_leaf_request request = token_request("1234"), without = token_request("");
    struct blob blob;
    uint8_t opened[32];
    assert_reason(seal(&request, share, &blob), BULLA_OK);
    without.tcti = "swtpm:path=/nonexistent";
    assert_int_equal(open_blob(&without, &blob, opened), BULLA_PASSPHRASE_NEEDED);
    assert_int_equal(seal(&without, share, &blob), BULLA_PASSPHRASE_NEEDED);
}

/* --- an object's leaf --- */

static void an_object_share_comes_back_in_an_approved_state(void **state)
{
    (void)state;
    struct bulla_leaf_request request = object_request(point, auth);
    struct bulla_approval approvals[2];
    struct blob blob;
    uint8_t opened[32];
    assert_reason(seal(&request, share, &blob), BULLA_OK);
    approval_make(&approvals[0], authority, request.policy_ref, 1U << 7 | 1U << 2);
    approvals[1] = approvals[0];
    approvals[0].pcr_digest[0] ^= 1; /* another machine's */
    request.approvals = approvals;
    request.approval_count = 2;
    assert_reason(open_blob(&request, &blob, opened), BULLA_OK);
    assert_memory_equal(opened, share, 32);
}

static void more_pcrs_than_one_answer_holds_are_read(void **state)
{
    (void)state;
    struct bulla_leaf_request request = object_request(point, auth);
    struct bulla_approval approval;
    struct blob blob;
    uint8_t opened[32];
    assert_reason(seal(&request, share, &blob), BULLA_OK);
    approval_make(&approval, authority, request.policy_ref, 0xffffff);
    request.approvals = &approval;
    request.approval_count = 1;
    assert_reason(open_blob(&request, &blob, opened), BULLA_OK);
    assert_memory_equal(opened, share, 32);
}

static void an_auth_value_that_ends_in_zeros_works(void **state)
{
    (void)state;
    uint8_t zeros[32];
    memcpy(zeros, auth, sizeof zeros);
    memset(zeros + 30, 0, 2);
    struct bulla_leaf_request request = object_request(point, zeros);
    struct bulla_approval approval;
    struct blob blob;
    uint8_t opened[32];
    assert_reason(seal(&request, share, &blob), BULLA_OK);
    approval_make(&approval, authority, request.policy_ref, 1);
    request.approvals = &approval;
    request.approval_count = 1;
    assert_reason(open_blob(&request, &blob, opened), BULLA_OK);
    assert_memory_equal(opened, share, 32);
}

/* A leaf sealed and approved for PCR 16; `request` is ready to open it. */
static void object_sealed(struct bulla_leaf_request *request, struct bulla_approval *approval, struct blob *blob)
{
    *request = object_request(point, auth);
    assert_reason(seal(request, share, blob), BULLA_OK);
    approval_make(approval, authority, request->policy_ref, 1U << 16);
    request->approvals = approval;
    request->approval_count = 1;
}

static void a_changed_pcr_is_named_and_a_new_approval_opens_without_resealing(void **state)
{
    (void)state;
    struct bulla_leaf_request request;
    struct bulla_approval approval;
    struct blob blob;
    uint8_t opened[32];
    memset(opened, 0xff, sizeof opened);
    object_sealed(&request, &approval, &blob);
    test_swtpm_extend(&tpm, 16, 1);
    assert_reason(open_blob(&request, &blob, opened), BULLA_TPM_PCR);
    assert_memory_not_equal(opened, share, 32);
    assert_int_equal(open_blob(&request, &blob, opened), BULLA_TPM_PCR);
    assert_non_null(strstr(bulla_detail(), "PCRs 16 "));
    approval_make(&approval, authority, request.policy_ref, 1U << 16);
    assert_reason(open_blob(&request, &blob, opened), BULLA_OK);
    assert_memory_equal(opened, share, 32);
}

static void without_approvals_the_policy_is_missing(void **state)
{
    (void)state;
    struct bulla_leaf_request request;
    struct bulla_approval approval;
    struct blob blob;
    uint8_t opened[32];
    object_sealed(&request, &approval, &blob);
    request.approval_count = 0;
    assert_reason(open_blob(&request, &blob, opened), BULLA_POLICY_MISSING);
    request.approval_count = 1;
    approval.bank = 0x0c;
    assert_reason(open_blob(&request, &blob, opened), BULLA_POLICY_MISSING);
}

static void an_approval_that_the_authority_did_not_sign_is_refused_by_the_tpm(void **state)
{
    (void)state;
    struct bulla_leaf_request request;
    struct bulla_approval approval;
    struct blob blob;
    uint8_t opened[32], other_point[65];
    object_sealed(&request, &approval, &blob);
    approval.signature[5] ^= 1;
    assert_reason(open_blob(&request, &blob, opened), BULLA_POLICY_SIGNATURE);
    EVP_PKEY *other = authority_make(other_point);
    approval_sign(&approval, other, request.policy_ref);
    assert_reason(open_blob(&request, &blob, opened), BULLA_POLICY_SIGNATURE);
    EVP_PKEY_free(other);
    const uint8_t other_reference[32] = {9};
    approval_sign(&approval, authority, other_reference);
    assert_reason(open_blob(&request, &blob, opened), BULLA_POLICY_SIGNATURE);
}

static void an_approved_policy_that_is_not_of_its_pcrs_is_refused(void **state)
{
    (void)state;
    struct bulla_leaf_request request;
    struct bulla_approval approval;
    struct blob blob;
    uint8_t opened[32];
    object_sealed(&request, &approval, &blob);
    memset(approval.approved_policy, 0, 32); /* "no PCRs at all", signed in earnest */
    approval_sign(&approval, authority, request.policy_ref);
    assert_reason(open_blob(&request, &blob, opened), BULLA_TPM_POLICY);
}

static void another_authority_or_epoch_does_not_open_it(void **state)
{
    (void)state;
    struct bulla_leaf_request request;
    struct bulla_approval approval;
    struct blob blob;
    uint8_t opened[32], other_point[65];
    object_sealed(&request, &approval, &blob);
    EVP_PKEY *other = authority_make(other_point);
    request.authority = BULLA_BYTES(other_point);
    approval_sign(&approval, other, request.policy_ref);
    assert_reason(open_blob(&request, &blob, opened), BULLA_TPM_POLICY);
    EVP_PKEY_free(other);
    request.authority = BULLA_BYTES(point);
    request.policy_ref[0] ^= 1;
    approval_sign(&approval, authority, request.policy_ref);
    assert_reason(open_blob(&request, &blob, opened), BULLA_TPM_POLICY);
}

static void a_wrong_auth_value_is_refused_and_not_counted(void **state)
{
    (void)state;
    struct bulla_leaf_request request;
    struct bulla_approval approval;
    struct bulla_tpm_status before, after;
    struct blob blob;
    uint8_t opened[32], other[32];
    object_sealed(&request, &approval, &blob);
    memcpy(other, auth, sizeof other);
    other[31] ^= 1;
    request.auth_value = BULLA_BYTES(other);
    assert_int_equal(bulla_tpm_status_read(tpm.tcti, &before), BULLA_OK);
    assert_reason(open_blob(&request, &blob, opened), BULLA_TPM_AUTHORIZATION);
    assert_int_equal(bulla_tpm_status_read(tpm.tcti, &after), BULLA_OK);
    assert_int_equal(after.lockout_counter, before.lockout_counter);
    request.auth_value.size = 31;
    assert_reason(open_blob(&request, &blob, opened), BULLA_ARGUMENT);
}

static void a_leaf_moved_to_another_place_is_refused(void **state)
{
    (void)state;
    struct bulla_leaf_request request, moved;
    struct bulla_approval approval;
    struct blob blob;
    uint8_t opened[32];
    object_sealed(&request, &approval, &blob);
    moved = request;
    moved.object[15] ^= 1;
    memset(opened, 0xff, sizeof opened);
    assert_reason(open_blob(&moved, &blob, opened), BULLA_AUTHENTICATION);
    assert_memory_not_equal(opened, share, 32);
    moved = request;
    moved.token[0] ^= 1;
    assert_reason(open_blob(&moved, &blob, opened), BULLA_AUTHENTICATION);
    moved = request;
    moved.path[2] = '2';
    assert_reason(open_blob(&moved, &blob, opened), BULLA_AUTHENTICATION);
    moved = token_request("1234");
    assert_reason(open_blob(&moved, &blob, opened), BULLA_AUTHENTICATION);
}

/* Changes each byte of the blob in turn. What can't be told apart from another TPM, another Argon2id or another form is
 * refused as that; no change opens. */
static void every_changed_byte_of_a_blob_is_refused(void **state)
{
    (void)state;
    struct bulla_leaf_request request;
    struct bulla_approval approval;
    struct blob blob;
    uint8_t opened[32];
    object_sealed(&request, &approval, &blob);
    for (size_t i = 0; i < blob.size; i++) {
        memset(opened, 0xff, sizeof opened);
        blob.data[i] ^= 0x10;
        if (open_blob(&request, &blob, opened) == BULLA_OK) {
            print_error("byte %zu of %zu may be changed\n", i, blob.size);
            fail();
        }
        assert_memory_not_equal(opened, share, 32);
        blob.data[i] ^= 0x10;
    }
    assert_nothing_loaded();
    for (size_t size = 0; size < blob.size; size++) {
        struct blob cut = blob;
        cut.size = size;
        assert_int_not_equal(open_blob(&request, &cut, opened), BULLA_OK);
    }
    blob.data[blob.size++] = 0;
    assert_reason(open_blob(&request, &blob, opened), BULLA_TRAILING);
}

static void a_blob_of_another_tpm_is_told_from_a_changed_one(void **state)
{
    (void)state;
    struct bulla_leaf_request request = token_request("1234");
    struct blob blob, object;
    uint8_t opened[32];
    assert_reason(seal(&request, share, &blob), BULLA_OK);
    struct bulla_leaf_request object_leaf;
    struct bulla_approval approval;
    object_sealed(&object_leaf, &approval, &object);
    object.data[object.size - 1] ^= 1;
    assert_reason(open_blob(&object_leaf, &object, opened), BULLA_AUTHENTICATION);
    struct test_swtpm first = tpm;
    test_swtpm_start(&tpm);
    request.tcti = tpm.tcti;
    assert_reason(open_blob(&request, &blob, opened), BULLA_TPM_OTHER);
    test_swtpm_finish(&tpm);
    tpm = first;
}

static void a_leaf_outlives_a_restart_of_the_tpm(void **state)
{
    (void)state;
    struct bulla_leaf_request request = token_request("a PIN");
    struct blob blob;
    uint8_t opened[32];
    assert_reason(seal(&request, share, &blob), BULLA_OK);
    test_swtpm_stop(&tpm);
    assert_int_equal(open_blob(&request, &blob, opened), BULLA_TPM_UNREACHABLE);
    test_swtpm_restart(&tpm);
    assert_reason(open_blob(&request, &blob, opened), BULLA_OK);
    assert_memory_equal(opened, share, 32);
}

static enum bulla_reason authority_sign(void *context, struct bulla_bytes message, uint8_t signature[static 64])
{
    (void)context;
    ecdsa_sign(authority, message.data, message.size, signature);
    return BULLA_OK;
}

/* Rooms that were written apart agree: evidence/ signs the approval, the TPM takes it. */
static void an_approval_out_of_a_policy_bundle_opens(void **state)
{
    (void)state;
    static uint8_t data[BULLA_POLICY_LARGEST];
    static struct bulla_policy policy, read;
    const struct bulla_cose_signer signer = {.algorithm = BULLA_COSE_ES256, .sign = authority_sign};
    struct bulla_leaf_request request = object_request(point, auth);
    struct bulla_approval now, approval = {.bank = 0x0b};
    struct bulla_writer bundle;
    struct blob blob;
    uint8_t opened[32];
    memcpy(policy.authority, point, sizeof policy.authority);
    policy.version = 3;
    policy.epoch = 2;
    policy.not_after = 4000000000;
    policy.state_count = 1;
    bulla_policy_reference(policy.authority, policy.epoch, request.policy_ref);
    approval_make(&now, authority, request.policy_ref, 1U << 2 | 1U << 23);
    policy.states[0].pcr_mask = now.pcr_mask;
    memcpy(policy.states[0].pcr_digest, now.pcr_digest, 32);
    bulla_writer_open(&bundle, data, sizeof data);
    assert_int_equal(bulla_policy_sign(&policy, &signer, &bundle), BULLA_OK);
    assert_int_equal(bulla_policy_read(bulla_writer_bytes(&bundle), BULLA_BYTES(point), &read), BULLA_OK);
    assert_memory_equal(read.states[0].approved_policy, now.approved_policy, 32);
    approval.pcr_mask = read.states[0].pcr_mask;
    memcpy(approval.pcr_digest, read.states[0].pcr_digest, 32);
    memcpy(approval.approved_policy, read.states[0].approved_policy, 32);
    memcpy(approval.signature, read.states[0].approval, 64);
    request.approvals = &approval;
    request.approval_count = 1;
    assert_reason(seal(&request, share, &blob), BULLA_OK);
    assert_reason(open_blob(&request, &blob, opened), BULLA_OK);
    assert_memory_equal(opened, share, 32);
}

static void an_authority_that_is_no_point_is_refused(void **state)
{
    (void)state;
    uint8_t bad[65];
    memcpy(bad, point, sizeof bad);
    bad[0] = 0x03;
    struct bulla_leaf_request request = object_request(bad, auth);
    struct blob blob;
    assert_reason(seal(&request, share, &blob), BULLA_KEY_INVALID);
    request.authority.size = 64;
    assert_reason(seal(&request, share, &blob), BULLA_KEY_INVALID);
}

static void a_leaf_describes_what_it_needs(void **state)
{
    (void)state;
    struct bulla_leaf_request request = token_request("1234");
    char line[256];
    assert_reason(bulla_tpm_leaf.describe(&request, line, sizeof line), BULLA_OK);
    assert_non_null(strstr(line, "the PIN"));
    request.tcti = "swtpm:path=/nonexistent";
    assert_int_equal(bulla_tpm_leaf.describe(&request, line, sizeof line), BULLA_TPM_UNREACHABLE);
    assert_non_null(strstr(line, "/nonexistent"));
    request.tcti = NULL;
    assert_int_equal(bulla_tpm_leaf.describe(&request, line, sizeof line), BULLA_CONFIG_TCTI);
}

static void times(void **state)
{
    (void)state;
    enum { ROUNDS = 15 };
    struct bulla_leaf_request request;
    struct bulla_approval approval;
    struct blob blob;
    uint8_t opened[32];
    double sealing[ROUNDS], opening[ROUNDS];
    object_sealed(&request, &approval, &blob);
    for (int i = 0; i < ROUNDS; i++) {
        double start = now_ms();
        assert_int_equal(seal(&request, share, &blob), BULLA_OK);
        double middle = now_ms();
        assert_int_equal(open_blob(&request, &blob, opened), BULLA_OK);
        opening[i] = now_ms() - middle;
        sealing[i] = middle - start;
    }
    median_print("object leaf: seal", sealing, ROUNDS);
    median_print("object leaf: open", opening, ROUNDS);
}

/* Last: it leaves the TPM locked. swtpm's maxTries is 3. */
static void the_tpm_locks_after_its_tries_and_says_for_how_long(void **state)
{
    (void)state;
    struct bulla_leaf_request request = token_request("1234"), wrong = token_request("4321");
    struct bulla_tpm_status status;
    struct blob blob;
    uint8_t opened[32];
    assert_reason(seal(&request, share, &blob), BULLA_OK);
    assert_int_equal(bulla_tpm_status_read(tpm.tcti, &status), BULLA_OK);
    for (uint32_t i = status.lockout_counter; i < status.max_tries; i++)
        assert_reason(open_blob(&wrong, &blob, opened), BULLA_PIN_WRONG);
    assert_reason(open_blob(&request, &blob, opened), BULLA_TPM_LOCKOUT);
    assert_int_equal(bulla_tpm_status_read(tpm.tcti, &status), BULLA_OK);
    assert_true(status.in_lockout);
    char seconds[32];
    (void)snprintf(seconds, sizeof seconds, "%u seconds", status.recovery_seconds);
    assert_int_equal(open_blob(&request, &blob, opened), BULLA_TPM_LOCKOUT);
    assert_non_null(strstr(bulla_detail(), seconds));
    /* What has no DA protection goes on. */
    struct bulla_approval approval;
    object_sealed(&request, &approval, &blob);
    assert_reason(open_blob(&request, &blob, opened), BULLA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_share_comes_back_with_the_pin),
        cmocka_unit_test(a_wrong_pin_is_a_wrong_pin_and_the_tpm_counts_it),
        cmocka_unit_test(no_pin_is_asked_for_before_the_tpm_is),
        cmocka_unit_test(an_object_share_comes_back_in_an_approved_state),
        cmocka_unit_test(more_pcrs_than_one_answer_holds_are_read),
        cmocka_unit_test(an_auth_value_that_ends_in_zeros_works),
        cmocka_unit_test(a_changed_pcr_is_named_and_a_new_approval_opens_without_resealing),
        cmocka_unit_test(without_approvals_the_policy_is_missing),
        cmocka_unit_test(an_approval_that_the_authority_did_not_sign_is_refused_by_the_tpm),
        cmocka_unit_test(an_approved_policy_that_is_not_of_its_pcrs_is_refused),
        cmocka_unit_test(another_authority_or_epoch_does_not_open_it),
        cmocka_unit_test(a_wrong_auth_value_is_refused_and_not_counted),
        cmocka_unit_test(a_leaf_moved_to_another_place_is_refused),
        cmocka_unit_test(every_changed_byte_of_a_blob_is_refused),
        cmocka_unit_test(a_blob_of_another_tpm_is_told_from_a_changed_one),
        cmocka_unit_test(a_leaf_outlives_a_restart_of_the_tpm),
        cmocka_unit_test(an_approval_out_of_a_policy_bundle_opens),
        cmocka_unit_test(an_authority_that_is_no_point_is_refused),
        cmocka_unit_test(a_leaf_describes_what_it_needs),
        cmocka_unit_test(times),
        cmocka_unit_test(the_tpm_locks_after_its_tries_and_says_for_how_long),
    };
    if (!test_swtpm_available())
        return test_skip("swtpm");
    return cmocka_run_group_tests(tests, begin, end);
}
