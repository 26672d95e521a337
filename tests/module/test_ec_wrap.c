/* Private keys of curves as they are wrapped: PKCS#8, which OpenSSL reads and writes. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "ec_keys.h"

static CK_MECHANISM pad = {CKM_AES_KEY_WRAP_KWP, NULL, 0};

static CK_OBJECT_HANDLE aes_key(CK_SESSION_HANDLE session, CK_ATTRIBUTE_TYPE use, CK_ATTRIBUTE_TYPE other)
{
    static CK_KEY_TYPE type = CKK_AES;
    static unsigned char value[32] = {1, 2, 3};
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, type),
        ATTRIBUTE(CKA_VALUE, value), ATTRIBUTE(use, yes), ATTRIBUTE(other, yes), ATTRIBUTE(CKA_SENSITIVE, no),
        ATTRIBUTE(CKA_EXTRACTABLE, yes)}; /* what it unwraps may be read, too */
    assert_ok(module_create(session, attributes, COUNT_OF(attributes), &key));
    return key;
}

/* Two keys of one value: none may both wrap and decrypt. */
struct wrapping {
    CK_OBJECT_HANDLE wraps, decrypts;
};

static struct wrapping wrapping_keys(CK_SESSION_HANDLE session)
{
    return (struct wrapping){aes_key(session, CKA_WRAP, CKA_UNWRAP), aes_key(session, CKA_ENCRYPT, CKA_DECRYPT)};
}

static struct ec_bytes wrap(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE wraps, CK_OBJECT_HANDLE key)
{
    struct ec_bytes wrapped;
    unsigned long size = sizeof wrapped.data;
    assert_ok(p11->C_WrapKey(session, &pad, wraps, key, wrapped.data, &size));
    wrapped.size = size;
    return wrapped;
}

static struct ec_bytes decrypted(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, struct ec_bytes wrapped)
{
    struct ec_bytes plain;
    unsigned long size = sizeof plain.data;
    assert_ok(p11->C_DecryptInit(session, &pad, key));
    assert_ok(p11->C_Decrypt(session, wrapped.data, wrapped.size, plain.data, &size));
    plain.size = size;
    return plain;
}

static struct ec_bytes encrypted(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, struct ec_bytes plain)
{
    struct ec_bytes wrapped;
    unsigned long size = sizeof wrapped.data;
    assert_ok(p11->C_EncryptInit(session, &pad, key));
    assert_ok(p11->C_Encrypt(session, plain.data, plain.size, wrapped.data, &size));
    wrapped.size = size;
    return wrapped;
}

/* `curve` < 0: the template names none. */
static CK_RV unwrap(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, struct ec_bytes wrapped, CK_KEY_TYPE type,
    int curve, CK_OBJECT_HANDLE *handle)
{
    struct ec_bytes params = {.size = 0};
    if (curve >= 0)
        params = ec_params(curve);
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_private), ATTRIBUTE(CKA_KEY_TYPE, type),
        ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes), {CKA_EC_PARAMS, params.data, params.size}};
    *handle = 0;
    return p11->C_UnwrapKey(session, &pad, key, wrapped.data, wrapped.size, attributes, curve >= 0 ? 5 : 4, handle);
}

static struct ec_bytes pkcs8(EVP_PKEY *pkey)
{
    struct ec_bytes der;
    unsigned char *out = der.data;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    assert_non_null(info);
    int size = i2d_PKCS8_PRIV_KEY_INFO(info, &out);
    assert_true(size > 0);
    der.size = (size_t)size;
    PKCS8_PRIV_KEY_INFO_free(info);
    return der;
}

static EVP_PKEY *openssl_key(int curve)
{
    EVP_PKEY *pkey = ec_curves[curve].type == CKK_EC ? EVP_EC_gen(ec_curves[curve].name)
                                                     : EVP_PKEY_Q_keygen(NULL, NULL, ec_curves[curve].name);
    assert_non_null(pkey);
    return pkey;
}

static void openssl_reads_what_is_wrapped_and_it_comes_back_the_same(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct wrapping keys = wrapping_keys(session);
    for (int curve = 0; curve < EC_CURVES; curve++) {
        struct ec_pair pair = ec_generate(session, curve);
        struct ec_bytes wrapped = wrap(session, keys.wraps, pair.private_key), plain;
        plain = decrypted(session, keys.decrypts, wrapped);
        const unsigned char *at = plain.data;
        EVP_PKEY *read = d2i_AutoPrivateKey(NULL, &at, (long)plain.size);
        assert_non_null(read);
        assert_ptr_equal(at, plain.data + plain.size);
        EVP_PKEY *own = ec_openssl(session, pair.public_key);
        assert_int_equal(EVP_PKEY_eq(read, own), 1);
        EVP_PKEY_free(read);
        EVP_PKEY_free(own);
        for (int named = -1; named <= curve; named += curve + 1) {
            CK_OBJECT_HANDLE back = 0;
            assert_ok(unwrap(session, keys.wraps, wrapped, ec_curves[curve].type, named, &back));
            static const CK_ATTRIBUTE_TYPE same[] = {CKA_VALUE, CKA_EC_POINT, CKA_EC_PARAMS, CKA_PUBLIC_KEY_INFO};
            for (size_t i = 0; i < COUNT_OF(same); i++) {
                struct ec_bytes before = ec_get(session, pair.private_key, same[i]),
                                after = ec_get(session, back, same[i]);
                assert_bytes(after, before);
            }
        }
    }
}

static void what_openssl_writes_comes_in(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct wrapping keys = wrapping_keys(session);
    for (int curve = 0; curve < EC_CURVES; curve++) {
        EVP_PKEY *pkey = openssl_key(curve);
        CK_OBJECT_HANDLE key = 0;
        struct ec_bytes wrapped = encrypted(session, keys.decrypts, pkcs8(pkey));
        assert_ok(unwrap(session, keys.wraps, wrapped, ec_curves[curve].type, -1, &key));
        struct ec_bytes point = ec_openssl_point(pkey), found = ec_point(session, key, curve);
        assert_bytes(found, point);
        EVP_PKEY_free(pkey);
    }
}

static void another_type_or_curve_than_the_templates_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct wrapping keys = wrapping_keys(session);
    CK_OBJECT_HANDLE key = 0;
    for (int curve = 0; curve < EC_CURVES; curve++) {
        struct ec_pair pair = ec_generate(session, curve);
        struct ec_bytes wrapped = wrap(session, keys.wraps, pair.private_key);
        for (int named = 0; named < EC_CURVES; named++)
            assert_rv(unwrap(session, keys.wraps, wrapped, ec_curves[named].type, named, &key),
                named == curve ? CKR_OK : CKR_TEMPLATE_INCONSISTENT);
    }
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    struct ec_bytes wrapped = encrypted(session, keys.decrypts, pkcs8(rsa));
    assert_rv(unwrap(session, keys.wraps, wrapped, CKK_EC, -1, &key), CKR_WRAPPED_KEY_INVALID);
    EVP_PKEY_free(rsa);
    EVP_PKEY *other = EVP_EC_gen("brainpoolP256r1");
    wrapped = encrypted(session, keys.decrypts, pkcs8(other));
    assert_rv(unwrap(session, keys.wraps, wrapped, CKK_EC, -1, &key), CKR_WRAPPED_KEY_INVALID);
    EVP_PKEY_free(other);
}

static void what_is_no_private_key_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct wrapping keys = wrapping_keys(session);
    CK_OBJECT_HANDLE key = 0;
    for (int curve = 0; curve < EC_CURVES; curve++) {
        EVP_PKEY *pkey = openssl_key(curve);
        struct ec_bytes right = pkcs8(pkey), wrong = right;
        CK_KEY_TYPE type = ec_curves[curve].type;
        wrong.size--;
        assert_rv(unwrap(session, keys.wraps, encrypted(session, keys.decrypts, wrong), type, -1, &key),
            CKR_WRAPPED_KEY_INVALID);
        wrong = right;
        wrong.data[wrong.size++] = 1; /* zeroes would be padding */
        assert_rv(unwrap(session, keys.wraps, encrypted(session, keys.decrypts, wrong), type, -1, &key),
            CKR_WRAPPED_KEY_INVALID);
        wrong = encrypted(session, keys.decrypts, right);
        wrong.data[9] ^= 1;
        assert_rv(unwrap(session, keys.wraps, wrong, type, -1, &key), CKR_WRAPPED_KEY_INVALID);
        wrong = (struct ec_bytes){.size = (size_t)i2d_PUBKEY(pkey, NULL)};
        unsigned char *out = wrong.data;
        (void)i2d_PUBKEY(pkey, &out);
        assert_rv(unwrap(session, keys.wraps, encrypted(session, keys.decrypts, wrong), type, -1, &key),
            CKR_WRAPPED_KEY_INVALID);
        EVP_PKEY_free(pkey);
    }
}

static void public_keys_are_not_wrapped(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct wrapping keys = wrapping_keys(session);
    struct ec_pair pair = ec_generate(session, EC_P256);
    unsigned char out[512];
    unsigned long size = sizeof out;
    assert_rv(p11->C_WrapKey(session, &pad, keys.wraps, pair.public_key, out, &size), CKR_KEY_NOT_WRAPPABLE);
}

/* --- CKM_ECDH_AES_KEY_WRAP: OpenSSL is the other party --- */

static const int wrapping_curves[] = {EC_P256, EC_P384, EC_P521, EC_SECP256K1};
static unsigned char shared[] = "shared data";

static const struct agreement {
    CK_ULONG bits, kdf, shared_size;
    const char *hash; /* of X9.63; NULL: none */
} agreements[] = {{256, CKD_SHA256_KDF, 11, "SHA256"}, {192, CKD_SHA512_KDF, 0, "SHA512"},
    {128, CKD_SHA1_KDF, 11, "SHA1"}, {256, CKD_NULL, 0, NULL}};

static CK_ECDH_AES_KEY_WRAP_PARAMS parameter_of(const struct agreement *agreement)
{
    return (CK_ECDH_AES_KEY_WRAP_PARAMS){
        agreement->bits, agreement->kdf, agreement->shared_size, agreement->shared_size ? shared : NULL};
}

/* ANSI X9.63's first block, which is enough for a key; or the end of the secret. */
static void transport_key(
    EVP_PKEY *own, EVP_PKEY *peer, const struct agreement *agreement, unsigned char key[static 64])
{
    static const unsigned char first[] = {0, 0, 0, 1};
    unsigned char secret[66];
    size_t size = sizeof secret;
    unsigned got = 0;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
    assert_int_equal(EVP_PKEY_derive_init(context), 1);
    assert_int_equal(EVP_PKEY_derive_set_peer(context, peer), 1);
    assert_int_equal(EVP_PKEY_derive(context, secret, &size), 1);
    EVP_PKEY_CTX_free(context);
    if (!agreement->hash) {
        memcpy(key, secret + size - agreement->bits / 8, agreement->bits / 8);
        return;
    }
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestInit_ex(hash, EVP_get_digestbyname(agreement->hash), NULL), 1);
    assert_int_equal(EVP_DigestUpdate(hash, secret, size), 1);
    assert_int_equal(EVP_DigestUpdate(hash, first, sizeof first), 1);
    assert_int_equal(EVP_DigestUpdate(hash, shared, agreement->shared_size), 1);
    assert_int_equal(EVP_DigestFinal_ex(hash, key, &got), 1);
    EVP_MD_CTX_free(hash);
}

static struct ec_bytes run_kwp(CK_ULONG bits, const unsigned char *key, int wrap, const unsigned char *in, size_t size)
{
    struct ec_bytes out;
    int written = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    const EVP_CIPHER *cipher = bits == 128   ? EVP_aes_128_wrap_pad()
                               : bits == 192 ? EVP_aes_192_wrap_pad()
                                             : EVP_aes_256_wrap_pad();
    assert_int_equal(EVP_CipherInit_ex(context, cipher, NULL, key, NULL, wrap), 1);
    assert_int_equal(EVP_CipherUpdate(context, out.data, &written, in, (int)size), 1);
    EVP_CIPHER_CTX_free(context);
    out.size = (size_t)written;
    return out;
}

/* A pair that OpenSSL made, in the token for wrapping. */
static EVP_PKEY *wrapping_pair(CK_SESSION_HANDLE session, int curve, struct ec_pair *pair)
{
    EVP_PKEY *pkey = openssl_key(curve);
    struct ec_bytes value = {.size = ec_curves[curve].value};
    BIGNUM *number = NULL;
    CK_ATTRIBUTE wraps = ATTRIBUTE(CKA_WRAP, yes), unwraps[] = {ATTRIBUTE(CKA_UNWRAP, yes),
                                                       ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes)};
    assert_int_equal(EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
    assert_true(BN_bn2binpad(number, value.data, (int)value.size) > 0);
    BN_free(number);
    assert_ok(ec_create_public(session, curve, ec_openssl_point(pkey), &wraps, &pair->public_key));
    assert_ok(ec_create_private(session, curve, value, &unwraps[0], &pair->private_key));
    return pkey;
}

static EVP_PKEY *public_of(int curve, const unsigned char *point)
{
    EVP_PKEY *pkey = EVP_PKEY_new(), *group = openssl_key(curve);
    assert_int_equal(EVP_PKEY_copy_parameters(pkey, group), 1);
    assert_int_equal(EVP_PKEY_set1_encoded_public_key(pkey, point, ec_curves[curve].point), 1);
    EVP_PKEY_free(group);
    return pkey;
}

static CK_RV unwrap_by(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE by, struct ec_bytes wrapped,
    CK_OBJECT_HANDLE *key)
{
    static CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ATTRIBUTE attributes[] = {
        ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, type), ATTRIBUTE(CKA_SIGN, yes)};
    *key = 0;
    return p11->C_UnwrapKey(session, mechanism, by, wrapped.data, wrapped.size, attributes, 3, key);
}

/* The keys that are wrapped can't be read in the token again: their MAC shows that they are the same. */
static struct ec_bytes mac_by(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    struct ec_bytes mac, data = ec_hex("0102");
    assert_ok(ec_sign(session, CKM_SHA256_HMAC, key, data, &mac));
    return mac;
}

static void openssl_and_the_token_unwrap_each_others_keys(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    static CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
    static unsigned char value[45] = "a key of no whole semiblocks";
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, generic),
        ATTRIBUTE(CKA_VALUE, value), ATTRIBUTE(CKA_EXTRACTABLE, yes), ATTRIBUTE(CKA_SIGN, yes)};
    CK_OBJECT_HANDLE key = 0, back = 0;
    assert_ok(module_create(session, attributes, COUNT_OF(attributes), &key));
    for (size_t i = 0; i < COUNT_OF(wrapping_curves) * COUNT_OF(agreements); i++) {
        int curve = wrapping_curves[i % COUNT_OF(wrapping_curves)];
        const struct agreement *agreement = &agreements[i / COUNT_OF(wrapping_curves)];
        size_t point = ec_curves[curve].point;
        CK_ECDH_AES_KEY_WRAP_PARAMS parameter = parameter_of(agreement);
        CK_MECHANISM mechanism = {CKM_ECDH_AES_KEY_WRAP, &parameter, sizeof parameter};
        struct ec_pair pair;
        struct ec_bytes wrapped, plain, theirs;
        unsigned char transport[64];
        unsigned long said = 0, size = sizeof wrapped.data;
        EVP_PKEY *pkey = wrapping_pair(session, curve, &pair), *ephemeral;
        assert_ok(p11->C_WrapKey(session, &mechanism, pair.public_key, key, NULL, &said));
        assert_ok(p11->C_WrapKey(session, &mechanism, pair.public_key, key, wrapped.data, &size));
        assert_int_equal(said, size);
        assert_int_equal(size, point + 48 + 8);
        ephemeral = public_of(curve, wrapped.data);
        transport_key(pkey, ephemeral, agreement, transport);
        plain = run_kwp(agreement->bits, transport, 0, wrapped.data + point, size - point);
        assert_int_equal(plain.size, sizeof value);
        assert_memory_equal(plain.data, value, sizeof value);
        EVP_PKEY_free(ephemeral);

        EVP_PKEY *own = openssl_key(curve);
        transport_key(own, pkey, agreement, transport);
        plain = run_kwp(agreement->bits, transport, 1, value, sizeof value);
        theirs = ec_openssl_point(own);
        memcpy(theirs.data + theirs.size, plain.data, plain.size);
        theirs.size += plain.size;
        assert_ok(unwrap_by(session, &mechanism, pair.private_key, theirs, &back));
        assert_bytes(mac_by(session, back), mac_by(session, key));
        EVP_PKEY_free(own);
        EVP_PKEY_free(pkey);
    }
}

static void what_ecdh_did_not_wrap_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_ECDH_AES_KEY_WRAP_PARAMS parameter = parameter_of(&agreements[0]), other;
    CK_MECHANISM mechanism = {CKM_ECDH_AES_KEY_WRAP, &parameter, sizeof parameter};
    struct ec_pair pair, sign = ec_generate(session, EC_P256), edwards = ec_generate(session, EC_ED25519);
    CK_OBJECT_HANDLE key = aes_key(session, CKA_SIGN, CKA_VERIFY), back = 0;
    struct ec_bytes wrapped, changed;
    unsigned long size = sizeof wrapped.data, small = 10;
    EVP_PKEY_free(wrapping_pair(session, EC_P256, &pair));
    assert_rv(p11->C_WrapKey(session, &mechanism, pair.public_key, key, wrapped.data, &small), CKR_BUFFER_TOO_SMALL);
    assert_ok(p11->C_WrapKey(session, &mechanism, pair.public_key, key, wrapped.data, &size));
    wrapped.size = size;
    for (size_t at = 0; at < size; at++) {
        changed = wrapped;
        changed.data[at] ^= 1;
        assert_rv(unwrap_by(session, &mechanism, pair.private_key, changed, &back), CKR_WRAPPED_KEY_INVALID);
    }
    for (changed = wrapped, changed.size = 0; changed.size < size; changed.size++)
        assert_rv(unwrap_by(session, &mechanism, pair.private_key, changed, &back),
            changed.size % 8 == 65 % 8 && changed.size >= 65 + 16 ? CKR_WRAPPED_KEY_INVALID
                                                                  : CKR_WRAPPED_KEY_LEN_RANGE);
    mechanism.pParameter = &other;
    for (int i = 0; i < 3; i++) { /* another function, other data, another size: another key */
        other = parameter;
        other.kdf = i == 0 ? CKD_SHA384_KDF : other.kdf;
        other.ulSharedDataLen -= i == 1;
        other.ulAESKeyBits -= i == 2 ? 64 : 0;
        assert_rv(unwrap_by(session, &mechanism, pair.private_key, wrapped, &back), CKR_WRAPPED_KEY_INVALID);
    }
    for (int i = 0; i < 6; i++) {
        other = parameter;
        other.kdf = i == 0 ? 99 : i == 1 ? CKD_NULL : other.kdf; /* with shared data */
        other.pSharedData = i == 2 ? NULL : other.pSharedData;
        other.ulSharedDataLen = i == 3 ? ~0UL : other.ulSharedDataLen;
        other.ulAESKeyBits = i == 4 ? 129 : i == 5 ? ~0UL : other.ulAESKeyBits;
        assert_rv(unwrap_by(session, &mechanism, pair.private_key, wrapped, &back), CKR_MECHANISM_PARAM_INVALID);
    }
    other = parameter;
    assert_rv(unwrap_by(session, &mechanism, sign.private_key, wrapped, &back), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_rv(
        unwrap_by(session, &mechanism, edwards.private_key, wrapped, &back), CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT);
    size = sizeof changed.data;
    assert_rv(
        p11->C_WrapKey(session, &mechanism, sign.public_key, key, changed.data, &size), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_ok(unwrap_by(session, &mechanism, pair.private_key, wrapped, &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(openssl_reads_what_is_wrapped_and_it_comes_back_the_same),
        MODULE_TEST(what_openssl_writes_comes_in),
        MODULE_TEST(another_type_or_curve_than_the_templates_is_refused),
        MODULE_TEST(what_is_no_private_key_is_refused),
        MODULE_TEST(public_keys_are_not_wrapped),
        MODULE_TEST(openssl_and_the_token_unwrap_each_others_keys),
        MODULE_TEST(what_ecdh_did_not_wrap_is_refused),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
