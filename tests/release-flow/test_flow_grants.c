/* Who may use an authority's objects: on a token without a TPM, where nothing but the grants says no. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "grant.h"

static struct test_p256 authority, other;
static CK_OBJECT_HANDLE key;

static int set_up(void **state)
{
    (void)state;
    test_p256_make(&authority);
    test_p256_make(&other);
    flow_begin(FLOW_PLAIN, "");
    key = flow_governed_key("key", "key-1", &authority);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    test_p256_free(&authority);
    test_p256_free(&other);
    return 0;
}

#define assert_no(call, reason) assert_refused((call), CKR_FUNCTION_REJECTED, (reason))

/* --- when a grant is needed --- */

static void without_a_restricted_policy_everybody_may(void **state)
{
    (void)state;
    assert_ok(flow_encrypt(key)); /* no policy at all */
    assert_ok(flow_free(1, &authority));
    assert_ok(flow_encrypt(key));
    assert_ok(flow_restrict(1, &other, NULL, 0)); /* another authority's */
    assert_ok(flow_encrypt(key));
}

static void a_restricted_policy_without_grants_lets_nobody(void **state)
{
    (void)state;
    assert_ok(flow_restrict(1, &authority, NULL, 0));
    assert_no(flow_encrypt(key), "grant-missing");
    flow_reopen();
    key = flow_find(CKO_SECRET_KEY, "key");
    assert_no(flow_encrypt(key), "grant-missing");
}

static void a_grant_is_for_its_operations_alone(void **state)
{
    (void)state;
    struct bulla_grant grant = flow_grant(BULLA_MAY_ENCRYPT, 0);
    assert_ok(flow_restrict(1, &authority, &grant, 1));
    assert_ok(flow_encrypt(key));
    assert_no(flow_decrypt(key), "grant-missing");
}

static void a_grant_is_for_its_object_alone(void **state)
{
    (void)state;
    struct bulla_grant grant = flow_grant(BULLA_MAY_ENCRYPT, 0);
    CK_OBJECT_HANDLE second = flow_governed_key("second", "key-2", &authority);
    memcpy(grant.object, "key-2", 5);
    grant.object_size = 5;
    assert_ok(flow_restrict(1, &authority, &grant, 1));
    assert_ok(flow_encrypt(second));
    assert_no(flow_encrypt(key), "grant-missing");
}

static void a_grant_is_for_its_principal_alone(void **state)
{
    (void)state;
    struct bulla_grant grant = flow_grant(BULLA_MAY_ENCRYPT, 0);
    assert_int_equal(bulla_principal_parse(BULLA_TEXT("user:somebody"), &grant.who), BULLA_OK);
    assert_ok(flow_restrict(1, &authority, &grant, 1));
    assert_no(flow_encrypt(key), "grant-missing");
    grant.who.kind = BULLA_PRINCIPAL_ANYONE;
    grant.who.size = 0;
    memset(grant.who.value, 0, sizeof grant.who.value);
    assert_ok(flow_restrict(2, &authority, &grant, 1));
    assert_ok(flow_encrypt(key));
}

static void a_grant_has_a_beginning_and_an_end(void **state)
{
    (void)state;
    struct bulla_grant grant = flow_grant(BULLA_MAY_ENCRYPT, 0);
    uint64_t end = grant.not_after;
    grant.not_after = grant.not_before;
    assert_ok(flow_restrict(1, &authority, &grant, 1));
    assert_no(flow_encrypt(key), "grant-expired");
    grant.not_before = grant.not_after = end;
    assert_ok(flow_restrict(2, &authority, &grant, 1));
    assert_no(flow_encrypt(key), "grant-not-yet-valid");
}

/* The bundle that is not there any more was there once. */
static void a_bundle_that_was_destroyed_frees_nothing(void **state)
{
    (void)state;
    struct bulla_grant grant = flow_grant(BULLA_MAY_ENCRYPT, 0);
    assert_ok(flow_restrict(1, &authority, &grant, 1));
    assert_ok(flow_encrypt(key));
    assert_ok(flow.p11->C_DestroyObject(flow.session, flow_find(CKO_BULLA_POLICY, NULL)));
    assert_refused(flow_encrypt(key), CKR_FUNCTION_REJECTED, "policy-missing");
    flow_reopen();
    key = flow_find(CKO_SECRET_KEY, "key");
    assert_refused(flow_encrypt(key), CKR_FUNCTION_REJECTED, "policy-missing");
}

static CK_RV rename_key(CK_OBJECT_HANDLE object, const char *id)
{
    CK_ATTRIBUTE template = {CKA_ID, (void *)(uintptr_t)id, strlen(id)};
    return flow.p11->C_SetAttributeValue(flow.session, object, &template, 1);
}

static void a_key_takes_no_other_keys_id(void **state)
{
    (void)state;
    CK_ATTRIBUTE template = {CKA_ID, (void *)(uintptr_t) "key-2", 5};
    CK_OBJECT_HANDLE copy = 0;
    assert_int_equal(rename_key(key, "key-2"), CKR_ATTRIBUTE_READ_ONLY);
    assert_int_equal(rename_key(key, ""), CKR_ATTRIBUTE_READ_ONLY);
    assert_ok(rename_key(key, "key-1"));
    assert_int_equal(flow.p11->C_CopyObject(flow.session, key, &template, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
    assert_ok(flow.p11->C_CopyObject(flow.session, key, NULL, 0, &copy));
    assert_ok(flow_restrict(1, &authority, NULL, 0));
    assert_no(flow_encrypt(copy), "grant-missing"); /* the copy has the authority of what it is one of */
}

/* --- grants that stand alone --- */

static void a_grant_alone_counts_beside_a_bundle_of_its_authority_and_epoch(void **state)
{
    (void)state;
    struct bulla_grant grant = flow_grant(BULLA_MAY_ENCRYPT, 0), foreign = flow_grant(BULLA_MAY_ENCRYPT, 0);
    assert_ok(flow_restrict(1, &authority, NULL, 0));
    assert_ok(flow_grant_load(&grant, 7, &authority)); /* of another epoch */
    assert_no(flow_encrypt(key), "grant-missing");
    assert_ok(flow_grant_load(&foreign, 0, &other));
    assert_no(flow_encrypt(key), "grant-missing");
    assert_ok(flow_grant_load(&grant, 0, &authority));
    assert_ok(flow_encrypt(key));
    flow_reopen();
    key = flow_find(CKO_SECRET_KEY, "key");
    assert_ok(flow_encrypt(key));
    assert_ok(flow_restrict(2, &authority, NULL, 0)); /* and beside the next version, too */
    assert_ok(flow_encrypt(key));
}

static void a_grant_that_is_over_or_there_already_is_not_taken(void **state)
{
    (void)state;
    struct bulla_grant grant = flow_grant(BULLA_MAY_ENCRYPT, 0);
    assert_ok(flow_restrict(1, &authority, NULL, 0));
    grant.not_after = grant.not_before;
    assert_no(flow_grant_load(&grant, 0, &authority), "grant-expired");
}

static void a_changed_grant_is_no_grant(void **state)
{
    (void)state;
    struct bulla_grant_document document = {.grant = flow_grant(BULLA_MAY_ENCRYPT, 0)};
    uint8_t memory[BULLA_GRANT_DOCUMENT_LARGEST];
    struct bulla_writer writer;
    memcpy(document.authority, authority.point, sizeof document.authority);
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_equal(bulla_grant_sign(&document, &authority.signer, &writer), BULLA_OK);
    for (size_t i = 0; i < writer.size; i++) {
        memory[i] ^= 1;
        assert_int_not_equal(flow_policy_load_bytes(bulla_writer_bytes(&writer)), CKR_OK);
        memory[i] ^= 1;
    }
    assert_ok(flow_policy_load_bytes(bulla_writer_bytes(&writer)));
    assert_int_not_equal(flow_policy_load_bytes(bulla_writer_bytes(&writer)), CKR_OK); /* it is there */
}

/* --- revocations --- */

static void what_was_revoked_stays_revoked(void **state)
{
    (void)state;
    struct bulla_grant grant = flow_grant(BULLA_MAY_ENCRYPT, 0);
    assert_ok(flow_restrict(1, &authority, &grant, 1));
    assert_ok(flow_encrypt(key));
    assert_ok(flow_revoke(&grant, &authority));
    assert_no(flow_encrypt(key), "grant-revoked");
    flow_reopen();
    key = flow_find(CKO_SECRET_KEY, "key");
    assert_no(flow_encrypt(key), "grant-revoked");
    assert_true(flow_uses(&grant).revoked);
    assert_ok(flow_restrict(2, &authority, &grant, 1)); /* the bundle has it still */
    assert_no(flow_encrypt(key), "grant-revoked");
    assert_no(flow_grant_load(&grant, 0, &authority), "grant-revoked");
}

/* The revocation's object is a record: it is the ledger that revokes. */
static void a_revocation_outlives_its_object(void **state)
{
    (void)state;
    struct bulla_grant grant = flow_grant(BULLA_MAY_ENCRYPT, 0);
    CK_OBJECT_CLASS policy_class = CKO_BULLA_POLICY;
    CK_ATTRIBUTE template = {CKA_CLASS, &policy_class, sizeof policy_class};
    CK_OBJECT_HANDLE found[4];
    CK_ULONG count = 0;
    assert_ok(flow_restrict(1, &authority, &grant, 1));
    assert_ok(flow_revoke(&grant, &authority));
    assert_ok(flow.p11->C_FindObjectsInit(flow.session, &template, 1));
    assert_ok(flow.p11->C_FindObjects(flow.session, found, 4, &count));
    assert_ok(flow.p11->C_FindObjectsFinal(flow.session));
    assert_int_equal(count, 2);
    CK_ULONG destroyed = 0;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_ATTRIBUTE bundle = {CKA_BULLA_VERSION, NULL, 0};
        if (flow.p11->C_GetAttributeValue(flow.session, found[i], &bundle, 1) != CKR_OK) {
            assert_ok(flow.p11->C_DestroyObject(flow.session, found[i]));
            destroyed++;
        }
    }
    assert_int_equal(destroyed, 1);
    assert_no(flow_encrypt(key), "grant-revoked");
}

static void nobody_revokes_what_another_authority_granted(void **state)
{
    (void)state;
    struct bulla_grant grant = flow_grant(BULLA_MAY_ENCRYPT, 0);
    assert_ok(flow_restrict(1, &authority, &grant, 1));
    assert_ok(flow_revoke(&grant, &other));
    assert_ok(flow_encrypt(key));
    assert_false(flow_uses(&grant).revoked);
}

/* --- who proved himself --- */

/* A session object for a principal, and its challenge signed by an Ed25519 key. */
static CK_OBJECT_HANDLE prove(CK_SESSION_HANDLE session, const uint8_t *secret, const char *text)
{
    CK_OBJECT_CLASS principal_class = CKO_BULLA_PRINCIPAL;
    uint8_t challenge[2 * BULLA_CHALLENGE_SIZE], proof[64];
    CK_OBJECT_HANDLE object = 0;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &principal_class, sizeof principal_class},
        {CKA_BULLA_PRINCIPAL, (void *)(uintptr_t)text, strlen(text)}};
    CK_ATTRIBUTE asked = {CKA_BULLA_CHALLENGE, challenge, sizeof challenge};
    assert_ok(flow.p11->C_CreateObject(session, template, 2, &object));
    assert_ok(flow.p11->C_GetAttributeValue(session, object, &asked, 1));
    assert_int_equal(crypto_sign_detached(proof, NULL, challenge, asked.ulValueLen, secret), 0);
    CK_ATTRIBUTE given = {CKA_BULLA_PROOF, proof, sizeof proof};
    assert_ok(flow.p11->C_SetAttributeValue(session, object, &given, 1));
    return object;
}

static void a_key_may_what_it_was_granted_in_the_session_that_it_proved_itself_to(void **state)
{
    (void)state;
    uint8_t public_key[32], secret[64];
    char text[BULLA_PRINCIPAL_TEXT] = "ed25519:";
    struct bulla_grant grant = flow_grant(BULLA_MAY_ENCRYPT, 0);
    CK_SESSION_HANDLE first = flow.session, second = 0;
    assert_int_equal(crypto_sign_keypair(public_key, secret), 0);
    (void)sodium_bin2hex(text + 8, sizeof text - 8, public_key, sizeof public_key);
    assert_int_equal(bulla_principal_parse(BULLA_TEXT(text), &grant.who), BULLA_OK);
    assert_ok(flow_restrict(1, &authority, &grant, 1));
    assert_no(flow_encrypt(key), "grant-missing"); /* the owner has none */
    CK_OBJECT_HANDLE object = prove(flow.session, secret, text);
    assert_ok(flow_encrypt(key));
    assert_ok(flow.p11->C_OpenSession(flow.slot, CKF_SERIAL_SESSION, NULL, NULL, &second));
    flow.session = second;
    assert_no(flow_encrypt(key), "grant-missing"); /* nor has another session */
    flow.session = first;
    assert_ok(flow_encrypt(key));
    assert_ok(flow.p11->C_DestroyObject(flow.session, object));
    assert_no(flow_encrypt(key), "grant-missing");
}

static CK_RV login_named(const char *name, const char *pin)
{
    return flow_functions_3()->C_LoginUser(flow.session, CKU_USER, (unsigned char *)(uintptr_t)pin, strlen(pin),
        (unsigned char *)(uintptr_t)name, strlen(name));
}

static void a_users_grant_is_not_the_owners_nor_another_users(void **state)
{
    (void)state;
    struct bulla_grant grant = flow_grant(BULLA_MAY_ENCRYPT, 2);
    flow_add_user("ann", "ann's own pin");
    flow_add_user("bob", "bob's own pin");
    assert_int_equal(bulla_principal_parse(BULLA_TEXT("user:ann"), &grant.who), BULLA_OK);
    assert_ok(flow_restrict(1, &authority, &grant, 1));
    assert_no(flow_encrypt(key), "grant-missing");
    assert_ok(flow.p11->C_Logout(flow.session));
    assert_ok(login_named("bob", "bob's own pin"));
    key = flow_find(CKO_SECRET_KEY, "key");
    assert_no(flow_encrypt(key), "grant-missing");
    assert_ok(flow.p11->C_Logout(flow.session));
    assert_ok(login_named("ann", "ann's own pin"));
    key = flow_find(CKO_SECRET_KEY, "key");
    assert_ok(flow_encrypt(key));
    assert_ok(flow_encrypt(key));
    assert_no(flow_encrypt(key), "grant-used-up");
}

/* --- between grants --- */

static void a_grant_without_a_count_goes_first(void **state)
{
    (void)state;
    struct bulla_grant grants[] = {flow_grant(BULLA_MAY_ENCRYPT, 2), flow_grant(BULLA_MAY_ENCRYPT, 0)};
    const struct bulla_grant counted = grants[0];
    assert_ok(flow_restrict(1, &authority, grants, 2));
    for (int i = 0; i < 5; i++)
        assert_ok(flow_encrypt(key));
    assert_int_equal(flow_uses(&counted).used, 0);
}

static void what_one_grant_has_no_more_another_may_have(void **state)
{
    (void)state;
    struct bulla_grant grants[] = {flow_grant(BULLA_MAY_ENCRYPT, 2), flow_grant(BULLA_MAY_ENCRYPT, 3)};
    assert_ok(flow_restrict(1, &authority, grants, 2));
    for (int i = 0; i < 5; i++)
        assert_ok(flow_encrypt(key));
    assert_no(flow_encrypt(key), "grant-used-up");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(without_a_restricted_policy_everybody_may),
        T(a_restricted_policy_without_grants_lets_nobody),
        T(a_grant_is_for_its_operations_alone),
        T(a_grant_is_for_its_object_alone),
        T(a_grant_is_for_its_principal_alone),
        T(a_grant_has_a_beginning_and_an_end),
        T(a_bundle_that_was_destroyed_frees_nothing),
        T(a_key_takes_no_other_keys_id),
        T(a_grant_alone_counts_beside_a_bundle_of_its_authority_and_epoch),
        T(a_grant_that_is_over_or_there_already_is_not_taken),
        T(a_changed_grant_is_no_grant),
        T(what_was_revoked_stays_revoked),
        T(a_revocation_outlives_its_object),
        T(nobody_revokes_what_another_authority_granted),
        T(a_key_may_what_it_was_granted_in_the_session_that_it_proved_itself_to),
        T(a_users_grant_is_not_the_owners_nor_another_users),
        T(a_grant_without_a_count_goes_first),
        T(what_one_grant_has_no_more_another_may_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
