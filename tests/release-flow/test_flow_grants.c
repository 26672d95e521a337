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

/* --- each way to use a key --- */

/* An AES key of the session, and what is asked of it. */
struct wanted {
    CK_BBOOL sensitive, extractable, wraps, derives;
    bool governed;
};

static CK_OBJECT_HANDLE make_key(struct wanted wanted, CK_RV expected)
{
    static const CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
    static const CK_KEY_TYPE aes = CKK_AES;
    static const uint8_t value[16] = {1};
    CK_OBJECT_HANDLE made = 0;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, (void *)(uintptr_t)&secret_class, sizeof secret_class},
        {CKA_KEY_TYPE, (void *)(uintptr_t)&aes, sizeof aes}, {CKA_VALUE, (void *)(uintptr_t)value, sizeof value},
        {CKA_SENSITIVE, &wanted.sensitive, 1}, {CKA_EXTRACTABLE, &wanted.extractable, 1}, {CKA_WRAP, &wanted.wraps, 1},
        {CKA_UNWRAP, &wanted.wraps, 1}, {CKA_DERIVE, &wanted.derives, 1},
        {CKA_BULLA_AUTHORITY, authority.point, sizeof authority.point}};
    assert_int_equal(flow.p11->C_CreateObject(flow.session, template, wanted.governed ? 9 : 8, &made), expected);
    return made;
}

static CK_RV use_wrap(bool as_wrapping)
{
    CK_MECHANISM wrap = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_OBJECT_HANDLE wrapping = make_key((struct wanted){1, 1, 1, .governed = as_wrapping}, CKR_OK);
    CK_OBJECT_HANDLE wrapped = as_wrapping ? make_key((struct wanted){1, 1, 0, .governed = false}, CKR_OK) : key;
    uint8_t out[128];
    CK_ULONG size = sizeof out;
    assert_ok(flow.p11->C_WrapKey(flow.session, &wrap, wrapping, wrapped, NULL, &size));
    size = sizeof out;
    return flow.p11->C_WrapKey(flow.session, &wrap, wrapping, wrapped, out, &size);
}

static CK_RV wrap_by_it(void)
{
    return use_wrap(true);
}

static CK_RV wrap_it(void)
{
    return use_wrap(false);
}

static CK_RV sign(void)
{
    CK_MECHANISM cmac = {CKM_AES_CMAC, NULL, 0};
    uint8_t data[16] = {0}, out[16];
    CK_ULONG size = sizeof out;
    assert_ok(flow.p11->C_SignInit(flow.session, &cmac, key));
    assert_ok(flow.p11->C_Sign(flow.session, data, sizeof data, NULL, &size)); /* how long it is, anybody may ask */
    return flow.p11->C_Sign(flow.session, data, sizeof data, out, &size);
}

static CK_RV verify(void)
{
    CK_MECHANISM cmac = {CKM_AES_CMAC, NULL, 0};
    uint8_t data[16] = {0}, tag[16] = {0};
    assert_ok(flow.p11->C_VerifyInit(flow.session, &cmac, key));
    CK_RV rv = flow.p11->C_Verify(flow.session, data, sizeof data, tag, sizeof tag);
    return rv == CKR_SIGNATURE_INVALID ? CKR_OK : rv; /* it was computed */
}

static CK_RV encrypt(void)
{
    return flow_encrypt(key);
}

static CK_RV decrypt(void)
{
    return flow_decrypt(key);
}

static CK_RV derive(void)
{
    uint8_t data[16] = {3};
    CK_KEY_DERIVATION_STRING_DATA parameter = {data, sizeof data};
    CK_MECHANISM mechanism = {CKM_AES_ECB_ENCRYPT_DATA, &parameter, sizeof parameter};
    CK_OBJECT_HANDLE derived = 0;
    return flow.p11->C_DeriveKey(flow.session, &mechanism, key, NULL, 0, &derived);
}

/* As the second of two base keys. */
static CK_RV derive_beside(void)
{
    CK_MECHANISM mechanism = {CKM_CONCATENATE_BASE_AND_KEY, &key, sizeof key};
    CK_OBJECT_HANDLE derived = 0,
                     base = make_key((struct wanted){.derives = 1, .sensitive = 1, .extractable = 1}, CKR_OK);
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template[] = {{CKA_SENSITIVE, &yes, 1}, {CKA_EXTRACTABLE, &yes, 1}};
    return flow.p11->C_DeriveKey(flow.session, &mechanism, base, template, 2, &derived);
}

static CK_RV unwrap(void)
{
    static const CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
    static const CK_KEY_TYPE aes = CKK_AES;
    CK_MECHANISM wrap = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_OBJECT_HANDLE wrapping = make_key((struct wanted){1, 1, 1, .governed = false}, CKR_OK); /* of the same value */
    CK_OBJECT_HANDLE unwrapping = make_key((struct wanted){1, 1, 1, .governed = true}, CKR_OK), unwrapped = 0;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, (void *)(uintptr_t)&secret_class, sizeof secret_class},
        {CKA_KEY_TYPE, (void *)(uintptr_t)&aes, sizeof aes}};
    uint8_t out[128];
    CK_ULONG size = sizeof out;
    assert_ok(flow.p11->C_WrapKey(
        flow.session, &wrap, wrapping, make_key((struct wanted){1, 1, 0, .governed = false}, CKR_OK), out, &size));
    return flow.p11->C_UnwrapKey(flow.session, &wrap, unwrapping, out, size, template, 2, &unwrapped);
}

static CK_RV digest_and_encrypt(void)
{
    CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0}, sha256 = {CKM_SHA256, NULL, 0};
    uint8_t block[16] = {0}, out[16];
    CK_ULONG size = sizeof out;
    assert_ok(flow.p11->C_EncryptInit(flow.session, &ecb, key));
    assert_ok(flow.p11->C_DigestInit(flow.session, &sha256));
    CK_RV rv = flow.p11->C_DigestEncryptUpdate(flow.session, block, sizeof block, out, &size);
    if (rv == CKR_OK) {
        assert_ok(flow.p11->C_EncryptFinal(flow.session, out, &size));
    }
    (void)flow.p11->C_DigestInit(flow.session, NULL); /* cancels */
    return rv;
}

static CK_RV run_message(bool encrypts)
{
    const struct bulla_function_list_3_0 *list = flow_functions_3();
    uint8_t iv[12] = {1}, tag[16] = {0}, out[16], plain[16] = {0};
    CK_GCM_MESSAGE_PARAMS gcm = {iv, sizeof iv, 0, CKG_NO_GENERATE, tag, 128};
    CK_MECHANISM mechanism = {CKM_AES_GCM, NULL, 0};
    CK_ULONG size = sizeof out;
    CK_RV rv = CKR_OK;
    if (encrypts) {
        assert_ok(list->C_MessageEncryptInit(flow.session, &mechanism, key));
        rv = list->C_EncryptMessage(flow.session, &gcm, sizeof gcm, NULL, 0, plain, sizeof plain, out, &size);
        assert_ok(list->C_MessageEncryptFinal(flow.session));
        return rv;
    }
    assert_ok(list->C_MessageDecryptInit(flow.session, &mechanism, key));
    rv = list->C_DecryptMessage(flow.session, &gcm, sizeof gcm, NULL, 0, plain, sizeof plain, out, &size);
    assert_ok(list->C_MessageDecryptFinal(flow.session));
    return rv == CKR_AEAD_DECRYPT_FAILED ? CKR_OK : rv; /* it was computed */
}

static CK_RV encrypt_message(void)
{
    return run_message(true);
}

static CK_RV decrypt_message(void)
{
    return run_message(false);
}

static CK_RV sign_recover(void)
{
    CK_MECHANISM generate = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0}, rsa = {CKM_RSA_PKCS, NULL, 0};
    CK_ULONG bits = 2048, size = 256;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE public_template[] = {{CKA_MODULUS_BITS, &bits, sizeof bits}};
    CK_ATTRIBUTE private_template[] = {
        {CKA_SIGN_RECOVER, &yes, 1}, {CKA_BULLA_AUTHORITY, authority.point, sizeof authority.point}};
    CK_OBJECT_HANDLE public_key = 0, private_key = 0;
    uint8_t data[16] = {0}, out[256];
    assert_ok(flow.p11->C_GenerateKeyPair(
        flow.session, &generate, public_template, 1, private_template, 2, &public_key, &private_key));
    assert_ok(flow.p11->C_SignRecoverInit(flow.session, &rsa, private_key));
    return flow.p11->C_SignRecover(flow.session, data, sizeof data, out, &size);
}

static CK_RV verify_what_came_first(void)
{
    const struct bulla_function_list_3_2 *list = flow_functions_32();
    CK_MECHANISM cmac = {CKM_AES_CMAC, NULL, 0};
    uint8_t data[16] = {0}, tag[16] = {0};
    assert_ok(list->C_VerifySignatureInit(flow.session, &cmac, key, tag, sizeof tag));
    CK_RV rv = list->C_VerifySignature(flow.session, data, sizeof data);
    return rv == CKR_SIGNATURE_INVALID ? CKR_OK : rv; /* it was computed */
}

static CK_RV use_authenticated(bool wraps)
{
    static const CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
    static const CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
    const struct bulla_function_list_3_2 *list = flow_functions_32();
    uint8_t iv[12] = {1}, tag[16] = {0}, out[16] = {0};
    CK_GCM_MESSAGE_PARAMS gcm = {iv, sizeof iv, 0, CKG_NO_GENERATE, tag, 128};
    CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof gcm};
    CK_OBJECT_HANDLE wrapping = make_key((struct wanted){1, 1, 1, .governed = true}, CKR_OK), made = 0;
    CK_ULONG size = 0;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, (void *)(uintptr_t)&secret_class, sizeof secret_class},
        {CKA_KEY_TYPE, (void *)(uintptr_t)&generic, sizeof generic}};
    if (wraps) {
        made = make_key((struct wanted){1, 1, 0, .governed = false}, CKR_OK);
        assert_ok(list->C_WrapKeyAuthenticated(flow.session, &mechanism, wrapping, made, NULL, 0, NULL, &size));
        return list->C_WrapKeyAuthenticated(flow.session, &mechanism, wrapping, made, NULL, 0, out, &size);
    }
    CK_RV rv = list->C_UnwrapKeyAuthenticated(
        flow.session, &mechanism, wrapping, out, sizeof out, template, 2, NULL, 0, &made);
    return rv == CKR_WRAPPED_KEY_INVALID ? CKR_OK : rv; /* it was computed */
}

static CK_RV wrap_authenticated(void)
{
    return use_authenticated(true);
}

static CK_RV unwrap_authenticated(void)
{
    return use_authenticated(false);
}

static CK_RV decapsulate(void)
{
    static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    const struct bulla_function_list_3_2 *list = flow_functions_32();
    CK_MECHANISM generate = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ECDH1_DERIVE_PARAMS params = {.kdf = CKD_NULL};
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &params, sizeof params};
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE public_template[] = {
        {CKA_EC_PARAMS, (void *)(uintptr_t)p256, sizeof p256}, {CKA_ENCAPSULATE, &yes, 1}};
    CK_ATTRIBUTE private_template[] = {
        {CKA_DECAPSULATE, &yes, 1}, {CKA_BULLA_AUTHORITY, authority.point, sizeof authority.point}};
    CK_OBJECT_HANDLE public_key = 0, private_key = 0, made = 0;
    uint8_t ciphertext[65];
    CK_ULONG size = sizeof ciphertext;
    assert_ok(flow.p11->C_GenerateKeyPair(
        flow.session, &generate, public_template, 2, private_template, 2, &public_key, &private_key));
    assert_ok(list->C_EncapsulateKey(flow.session, &mechanism, public_key, NULL, 0, ciphertext, &size, &made));
    return list->C_DecapsulateKey(flow.session, &mechanism, private_key, NULL, 0, ciphertext, size, &made);
}

static void every_way_to_use_a_key_needs_its_grant(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        CK_RV (*use)(void);
        uint32_t operation;
    } ways[] = {
        {"encrypt", encrypt, BULLA_MAY_ENCRYPT},
        {"decrypt", decrypt, BULLA_MAY_DECRYPT},
        {"sign", sign, BULLA_MAY_SIGN},
        {"verify", verify, BULLA_MAY_VERIFY},
        {"derive", derive, BULLA_MAY_DERIVE},
        {"derive with it beside another", derive_beside, BULLA_MAY_DERIVE},
        {"unwrap by it", unwrap, BULLA_MAY_UNWRAP},
        {"encrypt, beside a digest", digest_and_encrypt, BULLA_MAY_ENCRYPT},
        {"encrypt a message", encrypt_message, BULLA_MAY_ENCRYPT},
        {"decrypt a message", decrypt_message, BULLA_MAY_DECRYPT},
        {"sign with recovery", sign_recover, BULLA_MAY_SIGN},
        {"wrap by it", wrap_by_it, BULLA_MAY_WRAP},
        {"wrap it", wrap_it, BULLA_MAY_WRAP},
        {"verify a signature that came first", verify_what_came_first, BULLA_MAY_VERIFY},
        {"wrap by it, authenticated", wrap_authenticated, BULLA_MAY_WRAP},
        {"unwrap by it, authenticated", unwrap_authenticated, BULLA_MAY_UNWRAP},
        {"decapsulate", decapsulate, BULLA_MAY_DERIVE},
    };
    uint64_t version = 1;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct bulla_grant grant = flow_grant(BULLA_MAY_ALL & ~ways[i].operation, 0);
        print_message("%s\n", ways[i].name);
        assert_ok(flow_restrict(version++, &authority, &grant, 1));
        assert_no(ways[i].use(), "grant-missing");
        grant = flow_grant(ways[i].operation, 0);
        assert_ok(flow_restrict(version++, &authority, &grant, 1));
        assert_ok(ways[i].use());
    }
}

/* Its value would be everybody's to read or to digest, whatever was granted: what is to leave is wrapped. */
static void a_key_with_an_authority_is_not_readable(void **state)
{
    (void)state;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template = {CKA_EXTRACTABLE, &yes, sizeof yes};
    CK_OBJECT_HANDLE copy = 0;
    (void)make_key((struct wanted){.extractable = 1}, CKR_OK);
    (void)make_key((struct wanted){.extractable = 1, .governed = true}, CKR_TEMPLATE_INCONSISTENT);
    (void)make_key((struct wanted){.sensitive = 1, .extractable = 1, .governed = true}, CKR_OK);
    CK_OBJECT_HANDLE kept = make_key((struct wanted){.governed = true}, CKR_OK);
    assert_int_equal(flow.p11->C_SetAttributeValue(flow.session, kept, &template, 1), CKR_ATTRIBUTE_READ_ONLY);
    assert_int_equal(flow.p11->C_CopyObject(flow.session, kept, &template, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
}

static void a_short_buffer_for_a_wrapped_key_is_no_use(void **state)
{
    (void)state;
    struct bulla_grant grant = flow_grant(BULLA_MAY_WRAP, 2);
    const struct bulla_grant counted = grant;
    CK_MECHANISM wrap = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_OBJECT_HANDLE wrapping = make_key((struct wanted){1, 1, 1, .governed = false}, CKR_OK);
    uint8_t out[128];
    CK_ULONG size = 0;
    assert_ok(flow_restrict(1, &authority, &grant, 1));
    assert_ok(flow.p11->C_WrapKey(flow.session, &wrap, wrapping, key, NULL, &size));
    assert_int_equal(size, 40);
    size = 39;
    assert_int_equal(flow.p11->C_WrapKey(flow.session, &wrap, wrapping, key, out, &size), CKR_BUFFER_TOO_SMALL);
    assert_int_equal(size, 40);
    assert_int_equal(flow_uses(&counted).used, 0);
    assert_ok(flow.p11->C_WrapKey(flow.session, &wrap, wrapping, key, out, &size));
    assert_int_equal(flow_uses(&counted).used, 1);
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
        T(every_way_to_use_a_key_needs_its_grant),
        T(a_key_with_an_authority_is_not_readable),
        T(a_short_buffer_for_a_wrapped_key_is_no_use),
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
