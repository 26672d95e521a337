/* C_WrapKeyAuthenticated and C_UnwrapKeyAuthenticated: keys as messages under AES-GCM, AES-CCM and ChaCha20-Poly1305.
 */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sodium.h>

#include "cipher_fixture.h"

/* A secret key whose value is a published plaintext is wrapped to the published ciphertext and tag. GCM: McGrew and
 * Viega, appendix B, test case 4. CCM: SP 800-38C, appendix C, example 3. For ChaCha20-Poly1305 see libsodium, below.
 */
static const struct published {
    CK_MECHANISM_TYPE type;
    CK_KEY_TYPE key_type;
    const char *key, *nonce, *aad, *plain, *sealed, *tag;
} published[] = {
    {CKM_AES_GCM, CKK_AES, "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
        "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
        "5bc94fbc3221a5db94fae95ae7121a47"},
    {CKM_AES_CCM, CKK_AES, "404142434445464748494a4b4c4d4e4f", "101112131415161718191a1b",
        "000102030405060708090a0b0c0d0e0f10111213", "202122232425262728292a2b2c2d2e2f3031323334353637",
        "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5", "484392fbc1b09951"},
};

/* A message's parameter, whatever its mechanism. */
struct wrapping {
    CK_MECHANISM mechanism;
    union {
        CK_GCM_MESSAGE_PARAMS gcm;
        CK_CCM_MESSAGE_PARAMS ccm;
        CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS chacha;
    } parameter;
    struct cipher_bytes nonce, aad;
    unsigned char tag[16];
    CK_OBJECT_HANDLE key;
};

static void prepare(
    struct wrapping *wrapping, CK_MECHANISM_TYPE type, CK_ULONG generator, CK_ULONG fixed_bits, unsigned long tag)
{
    wrapping->mechanism = (CK_MECHANISM){type, &wrapping->parameter, 0};
    if (type == CKM_AES_GCM) {
        wrapping->mechanism.ulParameterLen = sizeof wrapping->parameter.gcm;
        wrapping->parameter.gcm = (CK_GCM_MESSAGE_PARAMS){
            wrapping->nonce.data, wrapping->nonce.size, fixed_bits, generator, wrapping->tag, 8 * tag};
    } else if (type == CKM_AES_CCM) { /* its data's length is for the token to find */
        wrapping->mechanism.ulParameterLen = sizeof wrapping->parameter.ccm;
        wrapping->parameter.ccm = (CK_CCM_MESSAGE_PARAMS){
            0, wrapping->nonce.data, wrapping->nonce.size, fixed_bits, generator, wrapping->tag, tag};
    } else {
        wrapping->mechanism.ulParameterLen = sizeof wrapping->parameter.chacha;
        wrapping->parameter.chacha =
            (CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS){wrapping->nonce.data, wrapping->nonce.size, wrapping->tag};
    }
}

static CK_OBJECT_HANDLE wrapping_key(CK_SESSION_HANDLE session, CK_KEY_TYPE type, const void *value, size_t size)
{
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE template[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, type),
        ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes), ATTRIBUTE(CKA_WRAP, yes),
        ATTRIBUTE(CKA_UNWRAP, yes), {CKA_VALUE, (void *)(uintptr_t)value, size}};
    assert_ok(module_create(session, template, COUNT_OF(template), &key));
    return key;
}

static CK_RV wrap(
    CK_SESSION_HANDLE session, struct wrapping *wrapping, CK_OBJECT_HANDLE target, struct cipher_bytes *out)
{
    out->size = sizeof out->data;
    return p11_32->C_WrapKeyAuthenticated(
        session, &wrapping->mechanism, wrapping->key, target, VIEW(wrapping->aad), out->data, &out->size);
}

static CK_RV unwrap_with(CK_SESSION_HANDLE session, struct wrapping *wrapping, const struct cipher_bytes *wrapped,
    CK_ATTRIBUTE *more, size_t count, CK_OBJECT_HANDLE *key)
{
    CK_ATTRIBUTE template[12] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, cipher_generic)};
    for (size_t i = 0; i < count; i++)
        template[2 + i] = more[i];
    *key = 0;
    return p11_32->C_UnwrapKeyAuthenticated(
        session, &wrapping->mechanism, wrapping->key, VIEW(*wrapped), template, 2 + count, VIEW(wrapping->aad), key);
}

static CK_RV unwrap(
    CK_SESSION_HANDLE session, struct wrapping *wrapping, const struct cipher_bytes *wrapped, CK_OBJECT_HANDLE *key)
{
    CK_ATTRIBUTE readable[] = {ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes)};
    return unwrap_with(session, wrapping, wrapped, readable, COUNT_OF(readable), key);
}

static void check_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const struct cipher_bytes *expected)
{
    struct cipher_bytes value = {.size = CIPHER_LARGEST};
    assert_ok(module_get(session, key, CKA_VALUE, value.data, &value.size));
    assert_int_equal(value.size, expected->size);
    assert_memory_equal(value.data, expected->data, expected->size);
}

static void begin_published(CK_SESSION_HANDLE session, const struct published *vector, struct wrapping *wrapping)
{
    struct cipher_bytes key = cipher_hex(vector->key);
    memset(wrapping, 0, sizeof *wrapping);
    wrapping->nonce = cipher_hex(vector->nonce);
    wrapping->aad = cipher_hex(vector->aad);
    wrapping->key = wrapping_key(session, vector->key_type, key.data, key.size);
    prepare(wrapping, vector->type, CKG_NO_GENERATE, 0, cipher_hex(vector->tag).size);
}

static void a_wrapped_key_is_the_published_message(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    for (size_t i = 0; i < COUNT_OF(published); i++) {
        struct cipher_bytes sealed = cipher_hex(published[i].sealed), tag = cipher_hex(published[i].tag), out;
        struct cipher_bytes plain = cipher_hex(published[i].plain);
        CK_OBJECT_HANDLE target = cipher_key_hex(session, CKK_GENERIC_SECRET, published[i].plain), again;
        struct wrapping wrapping;
        begin_published(session, &published[i], &wrapping);
        out.size = 0;
        assert_ok(p11_32->C_WrapKeyAuthenticated(
            session, &wrapping.mechanism, wrapping.key, target, VIEW(wrapping.aad), NULL, &out.size));
        assert_int_equal(out.size, sealed.size);
        out.size--;
        assert_rv(p11_32->C_WrapKeyAuthenticated(
                      session, &wrapping.mechanism, wrapping.key, target, VIEW(wrapping.aad), out.data, &out.size),
            CKR_BUFFER_TOO_SMALL);
        assert_int_equal(wrapping.tag[0] | wrapping.tag[1] | wrapping.tag[2], 0); /* neither of them ran anything */
        assert_ok(wrap(session, &wrapping, target, &out));
        assert_int_equal(out.size, sealed.size);
        assert_memory_equal(out.data, sealed.data, sealed.size);
        assert_memory_equal(wrapping.tag, tag.data, tag.size);
        assert_ok(unwrap(session, &wrapping, &sealed, &again));
        check_value(session, again, &plain);
    }
}

static void chacha_wraps_what_libsodium_makes(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    unsigned char key[32], tag[16];
    for (unsigned i = 0; i < 4; i++) {
        struct cipher_bytes plain = {.size = 32 + i}, expected, out;
        struct wrapping wrapping = {.nonce.size = i % 2 ? 24 : 12, .aad.size = 5 * i};
        CK_OBJECT_HANDLE again;
        (void)RAND_bytes(key, sizeof key);
        (void)RAND_bytes(plain.data, sizeof plain.data);
        (void)RAND_bytes(wrapping.nonce.data, 24);
        (void)RAND_bytes(wrapping.aad.data, 32);
        wrapping.key = wrapping_key(session, CKK_CHACHA20, key, sizeof key);
        prepare(&wrapping, CKM_CHACHA20_POLY1305, 0, 0, 16);
        (void)(i % 2 ? crypto_aead_xchacha20poly1305_ietf_encrypt_detached
                     : crypto_aead_chacha20poly1305_ietf_encrypt_detached)(expected.data, tag, NULL, plain.data,
            plain.size, wrapping.aad.data, wrapping.aad.size, NULL, wrapping.nonce.data, key);
        assert_ok(wrap(session, &wrapping, cipher_key(session, CKK_GENERIC_SECRET, plain.data, plain.size), &out));
        assert_int_equal(out.size, plain.size);
        assert_memory_equal(out.data, expected.data, plain.size);
        assert_memory_equal(wrapping.tag, tag, 16);
        assert_ok(unwrap(session, &wrapping, &out, &again));
        check_value(session, again, &plain);
    }
}

/* Nothing but what was wrapped comes back. */
static void what_was_changed_is_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    for (size_t i = 0; i < COUNT_OF(published); i++) {
        struct cipher_bytes sealed = cipher_hex(published[i].sealed), tag = cipher_hex(published[i].tag);
        struct wrapping wrapping;
        CK_OBJECT_HANDLE none = 0;
        begin_published(session, &published[i], &wrapping);
        memcpy(wrapping.tag, tag.data, tag.size);
        unsigned char *places[] = {&sealed.data[0], &sealed.data[sealed.size - 1], &wrapping.tag[0],
            &wrapping.nonce.data[3], &wrapping.aad.data[1]};
        for (size_t place = 0; place < COUNT_OF(places); place++) {
            *places[place] ^= 4;
            assert_rv(unwrap(session, &wrapping, &sealed, &none), CKR_WRAPPED_KEY_INVALID);
            *places[place] ^= 4;
        }
        wrapping.aad.size--;
        assert_rv(unwrap(session, &wrapping, &sealed, &none), CKR_WRAPPED_KEY_INVALID);
        wrapping.aad.size++;
        sealed.size--;
        assert_rv(unwrap(session, &wrapping, &sealed, &none), CKR_WRAPPED_KEY_INVALID);
        sealed.size++;
        unsigned long size = sealed.size;
        sealed.size = ~0UL; /* no memory has that */
        assert_rv(unwrap(session, &wrapping, &sealed, &none), CKR_WRAPPED_KEY_LEN_RANGE);
        sealed.size = size;
        assert_int_equal(none, 0);
        assert_ok(unwrap(session, &wrapping, &sealed, &none)); /* nothing but the changes was wrong */
    }
}

static void wrong_parameters_are_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    for (size_t i = 0; i < COUNT_OF(published); i++) {
        CK_OBJECT_HANDLE target = cipher_key_hex(session, CKK_GENERIC_SECRET, published[i].plain), none = 0;
        struct cipher_bytes out, sealed = cipher_hex(published[i].sealed);
        struct wrapping wrapping;
        begin_published(session, &published[i], &wrapping);
        wrapping.mechanism.ulParameterLen--;
        assert_rv(wrap(session, &wrapping, target, &out), CKR_MECHANISM_PARAM_INVALID);
        assert_rv(unwrap(session, &wrapping, &sealed, &none), CKR_MECHANISM_PARAM_INVALID);
        wrapping.mechanism = (CK_MECHANISM){published[i].type, NULL, 0};
        assert_rv(wrap(session, &wrapping, target, &out), CKR_MECHANISM_PARAM_INVALID);
        prepare(&wrapping, published[i].type, CKG_NO_GENERATE, 0, 17);
        assert_rv(wrap(session, &wrapping, target, &out), CKR_MECHANISM_PARAM_INVALID);
        prepare(&wrapping, published[i].type, CKG_NO_GENERATE, 0, 16);
        if (published[i].type == CKM_AES_GCM)
            wrapping.parameter.gcm.pTag = NULL;
        else
            wrapping.parameter.ccm.pMAC = NULL;
        assert_rv(wrap(session, &wrapping, target, &out), CKR_MECHANISM_PARAM_INVALID);
        prepare(&wrapping, published[i].type, CKG_NO_GENERATE, 0, 16);
        out.size = sizeof out.data;
        assert_rv(p11_32->C_WrapKeyAuthenticated(
                      session, &wrapping.mechanism, wrapping.key, target, NULL, 1, out.data, &out.size),
            CKR_ARGUMENTS_BAD);
        assert_rv(p11_32->C_WrapKeyAuthenticated(
                      session, &wrapping.mechanism, wrapping.key, target, out.data, ~0UL, out.data, &out.size),
            CKR_ARGUMENTS_BAD);
        wrapping.mechanism = (CK_MECHANISM){CKM_AES_KEY_WRAP, NULL, 0}; /* one that has no messages */
        assert_rv(wrap(session, &wrapping, target, &out), CKR_MECHANISM_INVALID);
        assert_rv(unwrap(session, &wrapping, &sealed, &none), CKR_MECHANISM_INVALID);
    }
}

/* The token makes the nonce: each time another, with the caller's fixed bits; and never by a counter, which would begin
 * anew with every key. */
static void a_made_nonce_comes_once(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static const CK_ULONG random[] = {CKG_GENERATE, CKG_GENERATE_RANDOM},
                          counters[] = {CKG_GENERATE_COUNTER, CKG_GENERATE_COUNTER_XOR, 9};
    for (size_t i = 0; i < COUNT_OF(published); i++) {
        struct cipher_bytes plain = cipher_hex(published[i].plain), out, first;
        CK_OBJECT_HANDLE target = cipher_key_hex(session, CKK_GENERIC_SECRET, published[i].plain), again;
        struct wrapping wrapping;
        begin_published(session, &published[i], &wrapping);
        first = wrapping.nonce;
        for (size_t j = 0; j < COUNT_OF(random); j++) {
            unsigned char before[16];
            memcpy(before, wrapping.nonce.data, wrapping.nonce.size);
            prepare(&wrapping, published[i].type, random[j], 16, 16);
            assert_ok(wrap(session, &wrapping, target, &out));
            assert_memory_equal(wrapping.nonce.data, first.data, 2);
            assert_memory_not_equal(wrapping.nonce.data, before, wrapping.nonce.size);
            assert_ok(unwrap(session, &wrapping, &out, &again));
            check_value(session, again, &plain);
        }
        for (size_t j = 0; j < COUNT_OF(counters); j++) {
            prepare(&wrapping, published[i].type, counters[j], 16, 16);
            assert_rv(wrap(session, &wrapping, target, &out), CKR_MECHANISM_PARAM_INVALID);
        }
        prepare(&wrapping, published[i].type, CKG_GENERATE, 40, 16); /* too few bits are left to be random */
        assert_rv(wrap(session, &wrapping, target, &out), CKR_MECHANISM_PARAM_INVALID);
    }
}

static void the_rules_of_wrapping_hold(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct cipher_bytes sealed = cipher_hex(published[0].sealed), tag = cipher_hex(published[0].tag), out;
    CK_OBJECT_HANDLE target = cipher_key_hex(session, CKK_GENERIC_SECRET, published[0].plain), key = 0, stays = 0;
    struct wrapping wrapping;
    begin_published(session, &published[0], &wrapping);
    memcpy(wrapping.tag, tag.data, tag.size);
    CK_ATTRIBUTE kept[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, cipher_generic),
        ATTRIBUTE(CKA_EXTRACTABLE, no), TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef")};
    assert_ok(module_create(session, kept, COUNT_OF(kept), &stays));
    assert_rv(wrap(session, &wrapping, stays, &out), CKR_KEY_UNEXTRACTABLE);
    assert_rv(wrap(session, &wrapping, 0xdead, &out), CKR_KEY_HANDLE_INVALID);
    assert_rv(wrap(session, &wrapping, wrapping.key, &out), CKR_KEY_NOT_WRAPPABLE);
    CK_ATTRIBUTE both[] = {ATTRIBUTE(CKA_WRAP, yes), ATTRIBUTE(CKA_DECRYPT, yes)};
    assert_rv(unwrap_with(session, &wrapping, &sealed, both, COUNT_OF(both), &key), CKR_TEMPLATE_INCONSISTENT);
    CK_ATTRIBUTE valued[] = {TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef")};
    assert_rv(unwrap_with(session, &wrapping, &sealed, valued, 1, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_ok(unwrap_with(session, &wrapping, &sealed, NULL, 0, &key));
    assert_int_equal(module_boolean(session, key, CKA_SENSITIVE), CK_TRUE);
    assert_int_equal(module_boolean(session, key, CKA_EXTRACTABLE), CK_TRUE);
    assert_int_equal(module_boolean(session, key, CKA_LOCAL), CK_FALSE);
    assert_int_equal(module_boolean(session, key, CKA_ALWAYS_SENSITIVE), CK_FALSE);

    wrapping.key = cipher_key_hex(session, CKK_AES, published[0].key); /* it encrypts, and does not wrap */
    assert_rv(wrap(session, &wrapping, target, &out), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_rv(unwrap(session, &wrapping, &sealed, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    wrapping.key = target; /* another type of key */
    assert_rv(wrap(session, &wrapping, stays, &out), CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
    assert_rv(unwrap(session, &wrapping, &sealed, &key), CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT);
}

/* What is sensitive does not come back readable (core/roles.c). */
static void a_sensitive_wrapping_key_brings_in_nothing_readable(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct cipher_bytes sealed = cipher_hex(published[0].sealed), tag = cipher_hex(published[0].tag);
    struct cipher_bytes value = cipher_hex(published[0].key);
    CK_OBJECT_HANDLE key = 0;
    struct wrapping wrapping;
    begin_published(session, &published[0], &wrapping);
    memcpy(wrapping.tag, tag.data, tag.size);
    CK_ATTRIBUTE template[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, cipher_aes),
        ATTRIBUTE(CKA_UNWRAP, yes), {CKA_VALUE, value.data, value.size}};
    assert_ok(module_create(session, template, COUNT_OF(template), &wrapping.key));
    assert_rv(unwrap(session, &wrapping, &sealed, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_ok(unwrap_with(session, &wrapping, &sealed, NULL, 0, &key));
}

/* Under one key: C_WrapKey with CK_SALSA20_CHACHA20_POLY1305_PARAMS gives the same, with the tag behind it. */
static void chacha_wraps_without_messages_too(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static unsigned char key[32] = {1, 2, 3};
    struct wrapping wrapping = {.nonce.size = 12, .aad.size = 9};
    struct cipher_bytes plain = cipher_hex(published[0].plain), out, joined = {.size = CIPHER_LARGEST};
    CK_OBJECT_HANDLE target = cipher_key_hex(session, CKK_GENERIC_SECRET, published[0].plain);
    wrapping.key = wrapping_key(session, CKK_CHACHA20, key, sizeof key);
    prepare(&wrapping, CKM_CHACHA20_POLY1305, 0, 0, 16);
    assert_ok(wrap(session, &wrapping, target, &out));
    CK_SALSA20_CHACHA20_POLY1305_PARAMS parameter = {wrapping.nonce.data, 12, VIEW(wrapping.aad)};
    CK_MECHANISM mechanism = {CKM_CHACHA20_POLY1305, &parameter, sizeof parameter};
    assert_ok(p11->C_WrapKey(session, &mechanism, wrapping.key, target, joined.data, &joined.size));
    assert_int_equal(joined.size, plain.size + 16);
    assert_memory_equal(joined.data, out.data, plain.size);
    assert_memory_equal(joined.data + plain.size, wrapping.tag, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(a_wrapped_key_is_the_published_message),
        MODULE_TEST(chacha_wraps_what_libsodium_makes),
        MODULE_TEST(what_was_changed_is_refused),
        MODULE_TEST(wrong_parameters_are_refused),
        MODULE_TEST(a_made_nonce_comes_once),
        MODULE_TEST(the_rules_of_wrapping_hold),
        MODULE_TEST(a_sensitive_wrapping_key_brings_in_nothing_readable),
        MODULE_TEST(chacha_wraps_without_messages_too),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
