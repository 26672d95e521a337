/* Users of a token under a TPM: each PIN opens by the TPM alone, in a tree of its own. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "bulla.h"
#include "model.h"
#include "policy.h"

#define ANN_PIN "ann's own pin"
#define BOB_PIN "bob's own pin"

static struct test_p256 authority;

/* As through a p11-kit that has no C_LoginUser. */
static CK_RV login_user(const char *principal, const char *pin)
{
    CK_OBJECT_CLASS object_class = CKO_BULLA_PRINCIPAL;
    CK_OBJECT_HANDLE object = 0;
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class},
        {CKA_BULLA_PRINCIPAL, (void *)(uintptr_t)principal, strlen(principal)}};
    CK_ATTRIBUTE proof = {CKA_BULLA_PROOF, (void *)(uintptr_t)pin, strlen(pin)};
    assert_ok(flow.p11->C_CreateObject(flow.session, attributes, 2, &object));
    CK_RV rv = flow.p11->C_SetAttributeValue(flow.session, object, &proof, 1);
    if (rv != CKR_OK)
        assert_ok(flow.p11->C_DestroyObject(flow.session, object));
    return rv;
}

static int set_up(void **state)
{
    (void)state;
    test_p256_make(&authority);
    flow_begin(FLOW_TPM, "pcrs = 0,7\n");
    assert_ok(flow_policy_approve(1, &authority));
    (void)flow_tiny("tiny", "tpm", authority.point);
    flow_add_user("ann", ANN_PIN);
    flow_add_user("bob", BOB_PIN);
    flow_reset_lockout();
    assert_ok(flow.p11->C_Logout(flow.session));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    test_p256_free(&authority);
    return 0;
}

static double tpm_number(const char *name)
{
    char *text = flow_status("status");
    assert_non_null(text);
    json_t *status = json_loads(text, 0, NULL);
    const json_t *value = json_object_get(json_object_get(status, "tpm"), name);
    double number = json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
    json_decref(status);
    free(text);
    return number;
}

static void a_user_s_pin_opens_what_is_sealed_to_the_machine(void **state)
{
    (void)state;
    assert_ok(login_user("user:ann", ANN_PIN));
    assert_ok(flow_run(flow_key("tiny")));
    assert_ok(flow.p11->C_Logout(flow.session));
    assert_refused(login_user("user:ann", BOB_PIN), CKR_PIN_INCORRECT, "pin-wrong");
    assert_ok(login_user("user:bob", BOB_PIN));
    assert_ok(flow_run(flow_key("tiny")));
    assert_ok(flow.p11->C_Logout(flow.session));
    flow_assert_nothing_loaded();
}

/* The module locks ann before the TPM locks everybody. */
static void one_user_s_tries_lock_neither_another_nor_the_tpm(void **state)
{
    (void)state;
    int wrong = 0;
    CK_RV rv;
    flow_reset_lockout();
    while ((rv = login_user("user:ann", "wrong")) == CKR_PIN_INCORRECT)
        assert_true(++wrong < 10);
    assert_int_equal(rv, CKR_PIN_LOCKED);
    assert_refused(login_user("user:ann", ANN_PIN), CKR_PIN_LOCKED, "pin-locked");
    assert_int_equal(wrong, (int)tpm_number("max_tries") - 1);
    assert_true(tpm_number("in_lockout") == 0);
    assert_ok(login_user("user:bob", BOB_PIN));
    assert_ok(flow.p11->C_Logout(flow.session));
    assert_ok(flow_login(FLOW_PIN));
    assert_ok(flow.p11->C_Logout(flow.session));
    flow_close();
    flow_open();
    assert_refused(login_user("user:ann", ANN_PIN), CKR_PIN_LOCKED, "pin-locked");
}

static void a_try_without_the_tpm_is_given_back(void **state)
{
    (void)state;
    flow_reset_lockout();
    test_swtpm_kill(&flow.tpm);
    for (int i = 0; i < 6; i++)
        assert_refused(login_user("user:ann", ANN_PIN), CKR_DEVICE_ERROR, "tpm-unreachable");
    test_swtpm_restart(&flow.tpm);
    assert_ok(login_user("user:ann", ANN_PIN));
    assert_ok(flow.p11->C_Logout(flow.session));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_user_s_pin_opens_what_is_sealed_to_the_machine),
        T(one_user_s_tries_lock_neither_another_nor_the_tpm),
        T(a_try_without_the_tpm_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
