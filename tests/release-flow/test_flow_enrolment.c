/* The machine's side of an enrolment, as any application reaches it: the status object "enrolment", and
 * CKM_BULLA_ACTIVATE by the receipt key. The credentials are made by evidence/, whose own tests prove it. */
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/arena.h"
#include "evidence/tpm_credential.h"
#include "flow.h"

static CK_MECHANISM activate_with = {CKM_BULLA_ACTIVATE, NULL, 0};

static int set_up(void **state)
{
    (void)state;
    flow_begin(FLOW_ENDORSED, "");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    return 0;
}

static json_t *enrolment(void)
{
    char *text = flow_status("enrolment");
    json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    assert_true(json_is_object(document));
    return document;
}

static size_t unhex(const json_t *object, const char *name, uint8_t *bytes, size_t capacity)
{
    const char *text = json_string_value(json_object_get(object, name));
    size_t size = 0;
    assert_non_null(text);
    assert_int_equal(sodium_hex2bin(bytes, capacity, text, strlen(text), NULL, &size, NULL), 0);
    return size;
}

/* A credential for the endorsement of this number and the token's attestation key. */
static void credential_make(size_t endorsement, const uint8_t secret[static 32], uint8_t *credential, CK_ULONG *size)
{
    json_t *document = enrolment();
    uint8_t public[1024], name[64];
    struct bulla_writer writer;
    const json_t *entry = json_array_get(json_object_get(document, "endorsements"), endorsement);
    size_t public_size = unhex(entry, "public", public, sizeof public);
    size_t name_size = unhex(document, "attestation_key_name", name, sizeof name);
    json_decref(document);
    bulla_writer_open(&writer, credential, BULLA_CREDENTIAL_LARGEST);
    assert_int_equal(bulla_tpm_credential_make((struct bulla_bytes){public, public_size},
                         (struct bulla_bytes){name, name_size}, (struct bulla_bytes){secret, 32}, &writer),
        BULLA_OK);
    *size = writer.size;
}

static CK_RV activate(CK_OBJECT_HANDLE key, uint8_t *credential, CK_ULONG size, uint8_t *found, CK_ULONG *found_size)
{
    CK_RV rv = flow.p11->C_DecryptInit(flow.session, &activate_with, key);
    return rv == CKR_OK ? flow.p11->C_Decrypt(flow.session, credential, size, found, found_size) : rv;
}

static CK_OBJECT_HANDLE receipt_key(void)
{
    CK_OBJECT_HANDLE key = flow_find(CKO_PRIVATE_KEY, "bulla receipt key");
    assert_int_not_equal(key, 0);
    return key;
}

static void the_token_shows_what_an_enrolment_needs(void **state)
{
    (void)state;
    uint8_t bytes[4096], point[34];
    json_t *document = enrolment();
    assert_string_equal(json_string_value(json_object_get(document, "state")), "ok");
    assert_string_equal(json_string_value(json_object_get(document, "format")), "bulla/1 enrolment");
    assert_int_equal(json_array_size(json_object_get(document, "endorsements")), 2);
    assert_int_equal(unhex(document, "attestation_key_name", bytes, sizeof bytes), 34);
    assert_true(unhex(document, "attestation_key", bytes, sizeof bytes) > 64);
    assert_int_equal(unhex(document, "receipt_key", bytes, sizeof bytes), 32);
    CK_OBJECT_HANDLE key = flow_find(CKO_PUBLIC_KEY, "bulla receipt key");
    assert_int_equal(flow_bytes(key, CKA_EC_POINT, point, sizeof point), 34);
    assert_memory_equal(bytes, point + 2, 32);
    json_decref(document);
    flow_assert_nothing_loaded();
}

static CK_ULONG found_with(CK_ATTRIBUTE *template, CK_ULONG count)
{
    CK_OBJECT_HANDLE handles[8];
    CK_ULONG found = 0;
    assert_ok(flow.p11->C_FindObjectsInit(flow.session, template, count));
    assert_ok(flow.p11->C_FindObjects(flow.session, handles, 8, &found));
    assert_ok(flow.p11->C_FindObjectsFinal(flow.session));
    return found;
}

/* The TPM makes keys for it: no search that merely lists what there is has it do so. */
static void only_who_names_it_finds_it(void **state)
{
    (void)state;
    CK_OBJECT_CLASS class = CKO_BULLA_STATUS;
    char label[] = "enrolment";
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, label, sizeof label - 1}};
    assert_int_equal(found_with(template, 2), 1);
    assert_int_equal(found_with(template, 1), 2); /* "status" and "why" */
    assert_int_equal(found_with(template + 1, 1), 0);
    assert_int_equal(found_with(NULL, 0), 2); /* the receipt key pair */
}

static void a_refusal_is_in_the_document(void **state)
{
    (void)state;
    assert_ok(flow.p11->C_Logout(flow.session));
    json_t *document = enrolment();
    assert_string_equal(json_string_value(json_object_get(document, "state")), "failed");
    assert_string_equal(json_string_value(json_object_get(document, "reason")), "not-logged-in");
    assert_null(json_object_get(document, "endorsements"));
    json_decref(document);
    flow_end();
    flow_begin(FLOW_TPM, ""); /* whose maker certified nothing */
    document = enrolment();
    assert_string_equal(json_string_value(json_object_get(document, "reason")), "unsupported");
    json_decref(document);
}

static void the_receipt_key_activates_a_credential(void **state)
{
    (void)state;
    BULLA_SECRET uint8_t *secret = NULL;
    uint8_t credential[BULLA_CREDENTIAL_LARGEST], found[64];
    CK_ULONG size = 0;
    assert_int_equal(bulla_secret_allocate(32, (void **)&secret), BULLA_OK);
    memcpy(secret, "the secret that a verifier made.", 32);
    assert_false(flow_bool(receipt_key(), CKA_DECRYPT)); /* as tokens have it that were made before */
    for (size_t i = 0; i < 2; i++) {
        credential_make(i, secret, credential, &size);
        CK_ULONG room = sizeof found;
        assert_ok(activate(receipt_key(), credential, size, found, &room));
        assert_int_equal(room, 32);
        assert_memory_equal(found, secret, 32);
    }
    flow_assert_nothing_loaded();
}

static void a_length_query_asks_no_tpm(void **state)
{
    (void)state;
    uint8_t credential[BULLA_CREDENTIAL_LARGEST] = {1}, found[64];
    CK_ULONG room = 0;
    assert_ok(activate(receipt_key(), credential, 172, NULL, &room));
    assert_int_equal(room, 64);
    room = 63;
    assert_int_equal(flow.p11->C_Decrypt(flow.session, credential, 172, found, &room), CKR_BUFFER_TOO_SMALL);
    assert_int_equal(room, 64);
    assert_refused(flow.p11->C_Decrypt(flow.session, credential, 172, found, &room), CKR_DATA_INVALID, "malformed");
}

static void what_is_no_credential_is_refused(void **state)
{
    (void)state;
    BULLA_SECRET uint8_t *secret = NULL;
    uint8_t credential[BULLA_CREDENTIAL_LARGEST + 1] = {0}, found[64];
    CK_ULONG size = 0, room = sizeof found;
    assert_int_equal(bulla_secret_allocate(32, (void **)&secret), BULLA_OK);
    credential_make(0, secret, credential, &size);
    credential[12] ^= 1; /* inside the first part's HMAC */
    assert_refused(
        activate(receipt_key(), credential, size, found, &room), CKR_ENCRYPTED_DATA_INVALID, "authentication");
    credential[12] ^= 1;
    assert_refused(activate(receipt_key(), credential, size + 1, found, &room), CKR_DATA_INVALID, "malformed");
    assert_refused(
        activate(receipt_key(), credential, sizeof credential, found, &room), CKR_DATA_LEN_RANGE, "too-large");
    assert_refused(activate(receipt_key(), credential, 0, found, &room), CKR_DATA_LEN_RANGE, "too-large");
    CK_MECHANISM with_parameter = {CKM_BULLA_ACTIVATE, found, 4};
    assert_int_equal(
        flow.p11->C_DecryptInit(flow.session, &with_parameter, receipt_key()), CKR_MECHANISM_PARAM_INVALID);
    flow_assert_nothing_loaded();
}

/* An Ed25519 pair; its private half with these mechanisms (0: none named). */
static CK_OBJECT_HANDLE other_key(CK_MECHANISM_TYPE allowed)
{
    static uint8_t curve[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    CK_MECHANISM make = {CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0};
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE public_template[] = {{CKA_EC_PARAMS, curve, sizeof curve}};
    CK_ATTRIBUTE private_template[] = {{CKA_SIGN, &yes, sizeof yes}, {CKA_DECRYPT, &yes, sizeof yes},
        {CKA_ALLOWED_MECHANISMS, &allowed, sizeof allowed}};
    CK_OBJECT_HANDLE public_key = 0, private_key = 0;
    assert_ok(flow.p11->C_GenerateKeyPair(
        flow.session, &make, public_template, 1, private_template, allowed ? 3 : 2, &public_key, &private_key));
    return private_key;
}

static void no_other_key_activates_anything(void **state)
{
    (void)state;
    uint8_t credential[172] = {0}, found[64];
    CK_ULONG room = sizeof found;
    assert_int_equal(
        flow.p11->C_DecryptInit(flow.session, &activate_with, other_key(0)), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_int_equal(flow.p11->C_DecryptInit(flow.session, &activate_with, other_key(CKM_BULLA_ACTIVATE)),
        CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_refused(activate(other_key(CKM_BULLA_ATTEST), credential, sizeof credential, found, &room),
        CKR_ATTRIBUTE_VALUE_INVALID, "key-invalid");
    assert_int_equal(flow.p11->C_DecryptInit(flow.session, &activate_with, flow_find(CKO_PUBLIC_KEY, NULL)),
        CKR_KEY_TYPE_INCONSISTENT);
    assert_ok(flow.p11->C_Logout(flow.session));
    assert_int_equal(flow_find(CKO_PRIVATE_KEY, "bulla receipt key"), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_token_shows_what_an_enrolment_needs),
        T(only_who_names_it_finds_it),
        T(a_refusal_is_in_the_document),
        T(the_receipt_key_activates_a_credential),
        T(a_length_query_asks_no_tpm),
        T(what_is_no_credential_is_refused),
        T(no_other_key_activates_anything),
    };
    if (!test_swtpm_setup_available())
        return test_skip("swtpm_setup with swtpm_localca");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
