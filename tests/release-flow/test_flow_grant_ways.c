/* Each way to use a key of an authority needs its grant. */
#include <string.h>

#include "grant.h"

static struct test_p256 authority;
static CK_OBJECT_HANDLE key;

static int set_up(void **state)
{
    (void)state;
    test_p256_make(&authority);
    flow_begin(FLOW_PLAIN, "");
    key = flow_governed_key("key", "key-1", &authority);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    test_p256_free(&authority);
    return 0;
}

#define assert_no(call, reason) assert_refused((call), CKR_FUNCTION_REJECTED, (reason))

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

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(every_way_to_use_a_key_needs_its_grant),
        T(a_key_with_an_authority_is_not_readable),
        T(a_short_buffer_for_a_wrapped_key_is_no_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
