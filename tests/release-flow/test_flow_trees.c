/* Release trees of keys: which sets of leaves open one, what may be said of it, and how it is sealed anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model.h"
#include "policy.h"

static struct test_p256 authority;
static CK_OBJECT_HANDLE key;

static int set_up(void **state)
{
    (void)state;
    test_p256_make(&authority);
    flow_begin(FLOW_TPM, "pcrs = 0,7\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    test_p256_free(&authority);
    return 0;
}

/* A model that is released to the TPM's present state, by policy version 1. */
static void make_model(void)
{
    assert_ok(flow_policy_approve(1, &authority));
    key = flow_tiny("tiny", "tpm", authority.point);
    assert_ok(flow_run(key));
}

static void relogin(void)
{
    flow_relogin();
    key = flow_key("tiny");
}

static CK_OBJECT_HANDLE make_gate(const char *label, const char *tree, bool attested)
{
    CK_OBJECT_HANDLE made = flow_tiny(label, tree, authority.point);
    assert_int_equal(flow_bool(made, CKA_BULLA_ATTESTED), attested);
    assert_ok(flow_run(made));
    flow_assert_nothing_loaded();
    return made;
}

static void one_of_tpm_and_passphrase_opens_with_either(void **state)
{
    (void)state;
    assert_ok(flow_policy_approve(1, &authority));
    assert_ok(flow_passphrase("correct horse"));
    CK_OBJECT_HANDLE made = make_gate("either", "1 of (tpm, passphrase)", false);
    flow_relogin();
    made = flow_key("either");
    assert_ok(flow_run(made)); /* by the TPM: no passphrase was given */
    test_swtpm_extend(&flow.tpm, 0, 1);
    flow_relogin();
    made = flow_key("either");
    assert_refused(flow_run(made), CKR_FUNCTION_REJECTED, "not-released");
    struct flow_refusal why;
    flow_why(&why);
    assert_non_null(strstr(why.detail, "tpm-pcr-changed"));
    assert_non_null(strstr(why.detail, "passphrase-needed"));
    assert_ok(flow_passphrase("wrong horse"));
    assert_refused(flow_run(made), CKR_FUNCTION_REJECTED, "not-released");
    flow_why(&why);
    assert_non_null(strstr(why.detail, "passphrase-wrong"));
    assert_ok(flow_passphrase("correct horse"));
    assert_ok(flow_run(made));
    flow_assert_nothing_loaded();
}

static void two_of_tpm_and_passphrase_need_both(void **state)
{
    (void)state;
    assert_ok(flow_policy_approve(1, &authority));
    assert_ok(flow_passphrase("correct horse"));
    CK_OBJECT_HANDLE made = make_gate("both", "2 of (tpm, passphrase)", true);
    flow_relogin();
    made = flow_key("both");
    CK_RV rv = flow_run(made); /* no passphrase */
    assert_true(rv == CKR_FUNCTION_REJECTED || rv == CKR_USER_NOT_LOGGED_IN);
    struct flow_refusal why;
    flow_why(&why);
    assert_non_null(strstr(why.detail, "passphrase"));
    assert_ok(flow_passphrase("wrong horse"));
    assert_int_not_equal(flow_run(made), CKR_OK);
    assert_ok(flow_passphrase("correct horse"));
    assert_ok(flow_run(made));
    test_swtpm_extend(&flow.tpm, 0, 1);
    flow_relogin();
    made = flow_key("both");
    assert_ok(flow_passphrase("correct horse"));
    assert_refused(flow_run(made), CKR_FUNCTION_REJECTED, "tpm-pcr-changed");
}

static void nested_gates_open(void **state)
{
    (void)state;
    assert_ok(flow_policy_approve(1, &authority));
    assert_ok(flow_passphrase("correct horse"));
    (void)make_gate("nested", "1 of (2 of (tpm, passphrase), tpm)", true);
    (void)make_gate("loose", "1 of (2 of (tpm, passphrase), passphrase)", false);
    flow_relogin();
    assert_ok(flow_run(flow_key("nested")));
}

static void a_passphrase_alone_is_unattested(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE made = 0;
    assert_refused(flow_key_make("phrase", "passphrase", NULL, &made), CKR_USER_NOT_LOGGED_IN, "passphrase-needed");
    assert_ok(flow_passphrase("correct horse"));
    made = make_gate("phrase", "passphrase", false);
    flow_relogin();
    made = flow_key("phrase");
    assert_refused(flow_run(made), CKR_USER_NOT_LOGGED_IN, "passphrase-needed");
    assert_ok(flow_passphrase("wrong horse"));
    assert_refused(flow_run(made), CKR_PIN_INCORRECT, "passphrase-wrong");
    assert_ok(flow_passphrase("correct horse"));
    assert_ok(flow_run(made));
}

/* CKA_BULLA_RELEASE set anew: the object is sealed under another tree, and the model under it stays as it is. */
static CK_RV set_tree(const char *text)
{
    CK_ATTRIBUTE tree = {CKA_BULLA_RELEASE, (void *)(uintptr_t)text, strlen(text)};
    return flow.p11->C_SetAttributeValue(flow.session, key, &tree, 1);
}

static void a_tree_is_changed_without_resealing_the_model(void **state)
{
    (void)state;
    assert_ok(flow_policy_approve(1, &authority));
    assert_ok(flow_passphrase("correct horse"));
    key = flow_tiny("tiny", "1 of (tpm, passphrase)", authority.point);
    assert_false(flow_bool(key, CKA_BULLA_ATTESTED));
    test_swtpm_extend(&flow.tpm, 0, 1);
    relogin();
    assert_refused(set_tree("tpm"), CKR_FUNCTION_REJECTED, "not-released");
    assert_ok(flow_passphrase("correct horse"));
    assert_ok(flow_run(key));
    assert_ok(set_tree("tpm"));
    relogin();
    assert_true(flow_bool(key, CKA_BULLA_ATTESTED));
    assert_ok(flow_passphrase("correct horse"));
    assert_refused(flow_run(key), CKR_FUNCTION_REJECTED, "tpm-pcr-changed"); /* the passphrase is no way any more */
    assert_ok(flow_policy_approve(2, &authority));
    assert_ok(flow_run(key));
    assert_refused(set_tree("2 of (tpm)"), CKR_ATTRIBUTE_VALUE_INVALID, "tree-syntax");
    flow_assert_nothing_loaded();
}

/* The PIN alone is not enough to go round the policy's authority. */
static void an_attested_key_stays_attested(void **state)
{
    (void)state;
    uint8_t text[64];
    make_model();
    assert_refused(set_tree("2 of (tpm, passphrase)"), CKR_USER_NOT_LOGGED_IN, "passphrase-needed");
    assert_ok(flow_passphrase("correct horse"));
    assert_refused(set_tree("passphrase"), CKR_ACTION_PROHIBITED, "tree-looser");
    assert_refused(set_tree("1 of (tpm, passphrase)"), CKR_ACTION_PROHIBITED, "tree-looser");
    assert_int_equal(flow_bytes(key, CKA_BULLA_RELEASE, text, sizeof text), 3); /* what was refused changed nothing */
    assert_ok(set_tree("2 of (tpm, passphrase)"));
    key = flow_key("tiny");
    assert_true(flow_bool(key, CKA_BULLA_ATTESTED));
    relogin();
    assert_refused(flow_run(key), CKR_USER_NOT_LOGGED_IN, "passphrase-needed");
    assert_ok(flow_passphrase("correct horse"));
    assert_ok(flow_run(key));
}

/* The epoch moves an object whose tree has a passphrase, too: it is sealed anew with the one that opened it. */
static void an_epoch_moves_a_tree_with_a_passphrase(void **state)
{
    (void)state;
    struct bulla_policy policy;
    assert_ok(flow_policy_approve(1, &authority));
    assert_ok(flow_passphrase("correct horse"));
    key = flow_tiny("tiny", "2 of (tpm, passphrase)", authority.point);
    flow_policy_now(1, &policy);
    policy.epoch = 4;
    assert_ok(flow_policy_load(&policy, &authority));
    relogin();
    assert_int_not_equal(flow_run(key), CKR_OK);
    assert_ok(flow_passphrase("correct horse"));
    assert_ok(flow_run(key));
    key = flow_key("tiny");
    assert_int_equal(flow_ulong(key, CKA_BULLA_EPOCH), 4);
    relogin();
    assert_int_not_equal(flow_run(key), CKR_OK);
    assert_ok(flow_passphrase("correct horse"));
    assert_ok(flow_run(key));
}

/* Where the TPM alone would open it, too, the passphrase that it is sealed anew with has to be the one there was. */
static void an_epoch_takes_no_other_passphrase(void **state)
{
    (void)state;
    struct bulla_policy policy;
    struct flow_refusal why;
    assert_ok(flow_policy_approve(1, &authority));
    assert_ok(flow_passphrase("correct horse"));
    key = flow_tiny("tiny", "1 of (tpm, passphrase)", authority.point);
    flow_policy_now(1, &policy);
    policy.epoch = 4;
    assert_ok(flow_policy_load(&policy, &authority));
    relogin();
    assert_refused(flow_run(key), CKR_USER_NOT_LOGGED_IN, "passphrase-needed");
    flow_why(&why);
    assert_non_null(strstr(why.detail, "epoch 4"));
    assert_ok(flow_passphrase("wrong horse"));
    assert_refused(flow_run(key), CKR_PIN_INCORRECT, "passphrase-wrong");
    assert_int_equal(flow_ulong(key, CKA_BULLA_EPOCH), 0);
    assert_ok(flow_passphrase("correct horse"));
    assert_ok(flow_run(key));
    key = flow_key("tiny");
    assert_int_equal(flow_ulong(key, CKA_BULLA_EPOCH), 4);
    test_swtpm_extend(&flow.tpm, 0, 1); /* now only the passphrase opens it */
    relogin();
    assert_ok(flow_passphrase("correct horse"));
    assert_ok(flow_run(key));
}

/* What is wrong with the policy, or with the TPM, is the TPM leaf's refusal, and not the passphrase's. */
static void a_passphrase_opens_without_a_policy_and_without_a_tpm(void **state)
{
    (void)state;
    struct bulla_policy policy;
    struct flow_refusal why;
    flow_policy_now(1, &policy);
    policy.not_after = (uint64_t)time(NULL) + 1;
    assert_ok(flow_policy_load(&policy, &authority));
    assert_ok(flow_passphrase("correct horse"));
    assert_ok(flow_key_make("either", "1 of (tpm, passphrase)", authority.point, &key));
    (void)usleep(2200000);
    flow_relogin();
    key = flow_key("either");
    CK_MECHANISM infer = {CKM_BULLA_INFER, NULL, 0};
    assert_refused(flow.p11->C_DecryptInit(flow.session, &infer, key), CKR_FUNCTION_REJECTED, "not-released");
    flow_why(&why);
    assert_non_null(strstr(why.detail, "policy-expired"));
    assert_ok(flow_passphrase("correct horse"));
    assert_refused(flow.p11->C_DecryptInit(flow.session, &infer, key), CKR_FUNCTION_FAILED, "model-missing");
}

static void an_authority_that_is_none_is_refused(void **state)
{
    (void)state;
    static CK_BBOOL yes = CK_TRUE;
    CK_MECHANISM mechanism = {CKM_BULLA_MODEL_KEY_GEN, NULL, 0};
    CK_OBJECT_HANDLE made = 0;
    uint8_t point[66];
    memcpy(point, authority.point, 65);
    point[65] = 0;
    static const struct {
        CK_ULONG size;
        uint8_t first;
        CK_RV rv;
        const char *reason;
    } rows[] = {
        {0, 4, CKR_TEMPLATE_INCOMPLETE, "authority-missing"},
        {1, 4, CKR_ATTRIBUTE_VALUE_INVALID, "key-invalid"},
        {64, 4, CKR_ATTRIBUTE_VALUE_INVALID, "key-invalid"},
        {66, 4, CKR_ATTRIBUTE_VALUE_INVALID, "key-invalid"},
        {65, 2, CKR_ATTRIBUTE_VALUE_INVALID, "key-invalid"},
    };
    assert_ok(flow_passphrase("correct horse"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        point[0] = rows[i].first;
        CK_ATTRIBUTE template[] = {
            {CKA_TOKEN, &yes, sizeof yes},
            {CKA_BULLA_RELEASE, (void *)(uintptr_t) "tpm", 3},
            {CKA_BULLA_AUTHORITY, point, rows[i].size},
        };
        assert_refused(
            flow.p11->C_GenerateKey(flow.session, &mechanism, template, 3, &made), rows[i].rv, rows[i].reason);
    }
    flow_assert_nothing_loaded();
}

static void a_key_without_a_tree_is_unattested(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE made = flow_tiny("plain", NULL, NULL);
    assert_false(flow_bool(made, CKA_BULLA_ATTESTED));
    assert_ok(flow_run(made));
}

static void trees_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *tree, *reason;
    } rows[] = {
        {"3 of (tpm, passphrase)", "tree-syntax"},
        {"0 of (tpm)", "tree-syntax"},
        {"2 of (tpm", "tree-syntax"},
        {"tpm tpm", "tree-syntax"},
        {"oracle", "leaf-unknown"},
    };
    CK_OBJECT_HANDLE made = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refused(
            flow_key_make("bad", rows[i].tree, authority.point, &made), CKR_ATTRIBUTE_VALUE_INVALID, rows[i].reason);
    assert_int_equal(flow_find(CKO_SECRET_KEY, "bad"), 0);
    flow_assert_nothing_loaded();
}

/* One leaf takes the PIN, for the user's tree and for the SO's: where two fail, none says that the PIN was wrong. */
static void a_token_under_two_leaves_that_take_the_pin_is_refused(void **state)
{
    (void)state;
    unsigned char label[32];
    memset(label, ' ', sizeof label);
    static const char *const trees[] = {
        "release = 1 of (passphrase, passphrase)\n", "release = 2 of (tpm, passphrase)\n"};
    for (size_t i = 0; i < 2; i++) {
        flow_close();
        flow_configure(trees[i]);
        flow_open();
        (void)flow.p11->C_CloseAllSessions(flow.slot);
        assert_int_equal(
            flow.p11->C_InitToken(flow.slot, (unsigned char *)(uintptr_t)FLOW_SO_PIN, strlen(FLOW_SO_PIN), label),
            CKR_ARGUMENTS_BAD);
        assert_ok(flow.p11->C_OpenSession(flow.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &flow.session));
        assert_ok(flow_login(FLOW_PIN)); /* the token is what it was */
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(one_of_tpm_and_passphrase_opens_with_either),
        T(two_of_tpm_and_passphrase_need_both),
        T(nested_gates_open),
        T(a_passphrase_alone_is_unattested),
        T(a_tree_is_changed_without_resealing_the_model),
        T(an_attested_key_stays_attested),
        T(an_epoch_moves_a_tree_with_a_passphrase),
        T(an_epoch_takes_no_other_passphrase),
        T(a_passphrase_opens_without_a_policy_and_without_a_tpm),
        T(an_authority_that_is_none_is_refused),
        T(a_key_without_a_tree_is_unattested),
        T(trees_that_cannot_be_are_refused),
        T(a_token_under_two_leaves_that_take_the_pin_is_refused),
    };
    if (!test_swtpm_available())
        return test_skip("swtpm");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
