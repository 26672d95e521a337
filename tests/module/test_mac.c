/* HMAC. The three messages are test cases 2, 6 and 7 of RFC 4231, whose values these are for SHA-2 but for SHA-512/t;
 * the values for the other hashes, and for SHA-3 and BLAKE2b, are Python's hmac and hashlib on the same input. SHA-1
 * with RFC 2202's keys and every other length are compared with OpenSSL's HMAC. */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Transform and its kin: what is looked for is a hash's inner state */
#include "module_fixture.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/vectors.h"

enum { CASES = 3 };
static const char *const messages[CASES] = {"what do ya want for nothing?",
    "Test Using Larger Than Block-Size Key - Hash Key First",
    "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed "
    "before being used by the HMAC algorithm."};
static unsigned char long_key[131], in[600], out[64], expected[64];

static const struct hash {
    CK_MECHANISM_TYPE hmac, general, generate;
    CK_KEY_TYPE type;
    const char *openssl; /* NULL: it has none */
    unsigned long size;
    const char *expected[CASES];
} hashes[] = {
    {CKM_SHA_1_HMAC, CKM_SHA_1_HMAC_GENERAL, CKM_SHA_1_KEY_GEN, CKK_SHA_1_HMAC, "SHA1", 20,
        {"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", "90d0dace1c1bdc957339307803160335bde6df2b",
            "217e44bb08b6e06a2d6c30f3cb9f537f97c63356"}},
    {CKM_SHA224_HMAC, CKM_SHA224_HMAC_GENERAL, CKM_SHA224_KEY_GEN, CKK_SHA224_HMAC, "SHA224", 28,
        {"a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
            "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e",
            "3a854166ac5d9f023f54d517d0b39dbd946770db9c2b95c9f6f565d1"}},
    {CKM_SHA256_HMAC, CKM_SHA256_HMAC_GENERAL, CKM_SHA256_KEY_GEN, CKK_SHA256_HMAC, "SHA256", 32,
        {"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"}},
    {CKM_SHA384_HMAC, CKM_SHA384_HMAC_GENERAL, CKM_SHA384_KEY_GEN, CKK_SHA384_HMAC, "SHA384", 48,
        {"af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
            "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c46523e"}},
    {CKM_SHA512_HMAC, CKM_SHA512_HMAC_GENERAL, CKM_SHA512_KEY_GEN, CKK_SHA512_HMAC, "SHA512", 64,
        {"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6"
         "b4b636e070a38bce737",
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f6"
            "3f0aec8b915a985d786598",
            "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6d"
            "e0446065c97440fa8c6a58"}},
    {CKM_SHA512_224_HMAC, CKM_SHA512_224_HMAC_GENERAL, CKM_SHA512_224_KEY_GEN, CKK_SHA512_224_HMAC, "SHA512-224", 28,
        {"4a530b31a79ebcce36916546317c45f247d83241dfb818fd37254bde",
            "29bef8ce88b54d4226c3c7718ea9e32ace2429026f089e38cea9aeda",
            "82a9619b47af0cea73a8b9741355ce902d807ad87ee9078522a246e1"}},
    {CKM_SHA512_256_HMAC, CKM_SHA512_256_HMAC_GENERAL, CKM_SHA512_256_KEY_GEN, CKK_SHA512_256_HMAC, "SHA512-256", 32,
        {"6df7b24630d5ccb2ee335407081a87188c221489768fa2020513b2d593359456",
            "87123c45f7c537a404f8f47cdbedda1fc9bec60eeb971982ce7ef10e774e6539",
            "6ea83f8e7315072c0bdaa33b93a26fc1659974637a9db8a887d06c05a7f35a66"}},
    {CKM_SHA3_224_HMAC, CKM_SHA3_224_HMAC_GENERAL, CKM_SHA3_224_KEY_GEN, CKK_SHA3_224_HMAC, "SHA3-224", 28,
        {"7fdb8dd88bd2f60d1b798634ad386811c2cfc85bfaf5d52bbace5e66",
            "b4a1f04c00287a9b7f6075b313d279b833bc8f75124352d05fb9995f",
            "05d8cd6d00faea8d1eb68ade28730bbd3cbab6929f0a086b29cd62a0"}},
    {CKM_SHA3_256_HMAC, CKM_SHA3_256_HMAC_GENERAL, CKM_SHA3_256_KEY_GEN, CKK_SHA3_256_HMAC, "SHA3-256", 32,
        {"c7d4072e788877ae3596bbb0da73b887c9171f93095b294ae857fbe2645e1ba5",
            "ed73a374b96c005235f948032f09674a58c0ce555cfc1f223b02356560312c3b",
            "65c5b06d4c3de32a7aef8763261e49adb6e2293ec8e7c61e8de61701fc63e123"}},
    {CKM_SHA3_384_HMAC, CKM_SHA3_384_HMAC_GENERAL, CKM_SHA3_384_KEY_GEN, CKK_SHA3_384_HMAC, "SHA3-384", 48,
        {"f1101f8cbf9766fd6764d2ed61903f21ca9b18f57cf3e1a23ca13508a93243ce48c045dc007f26a21b3f5e0e9df4c20a",
            "0fc19513bf6bd878037016706a0e57bc528139836b9a42c3d419e498e0e1fb9616fd669138d33a1105e07c72b6953bcc",
            "026fdf6b50741e373899c9f7d5406d4eb09fc6665636fc1a530029ddf5cf3ca5a900edce01f5f61e2f408cdf2fd3e7e8"}},
    {CKM_SHA3_512_HMAC, CKM_SHA3_512_HMAC_GENERAL, CKM_SHA3_512_KEY_GEN, CKK_SHA3_512_HMAC, "SHA3-512", 64,
        {"5a4bfeab6166427c7a3647b747292b8384537cdb89afb3bf5665e4c5e709350b287baec921fd7ca0ee7a0c31d022a95e1fc92ba9d77df"
         "883960275beb4e62024",
            "00f751a9e50695b090ed6911a4b65524951cdc15a73a5d58bb55215ea2cd839ac79d2b44a39bafab27e83fde9e11f6340b11d991b1"
            "b91bf2eee7fc872426c3a4",
            "38a456a004bd10d32c9ab8336684112862c3db61adcca31829355eaf46fd5c73d06a1f0d13fec9a652fb3811b577b1b1d1b9789f97"
            "ae5b83c6f44dfcf1d67eba"}},
    {CKM_BLAKE2B_160_HMAC, CKM_BLAKE2B_160_HMAC_GENERAL, CKM_BLAKE2B_160_KEY_GEN, CKK_BLAKE2B_160_HMAC, NULL, 20,
        {"c4728ccc2f7600f89d9a480514910b9f5daf3dd6", "f8f7ca79e3aff829ac9f09e028d3648d21896d50",
            "78b2259807340dc2141a9f7f4aabac2c857fc1cb"}},
    {CKM_BLAKE2B_256_HMAC, CKM_BLAKE2B_256_HMAC_GENERAL, CKM_BLAKE2B_256_KEY_GEN, CKK_BLAKE2B_256_HMAC, NULL, 32,
        {"3cf096eeeb2202a250db168c4823a44ef4618ebabb225789386fed316131e3a0",
            "8211788e2a5a2113c9297ab147e9e0cf0630e83a52f1c7d46241bbe0e1fc7bdc",
            "d565312dd0f66c3eb4c0e2ab7f24acddb102b59702394d9d9e85d0bd72faa06c"}},
    {CKM_BLAKE2B_384_HMAC, CKM_BLAKE2B_384_HMAC_GENERAL, CKM_BLAKE2B_384_KEY_GEN, CKK_BLAKE2B_384_HMAC, NULL, 48,
        {"e87f61624bc6c1db706a1efcc98e7e98c0ab8fea0978dbd87e2852406fdd313c87968c5b825847f3c04d975b8b88598d",
            "6678408fb4f257732f692cde19c21571f8e9c263d95300efdd97832a6a3c73bb5e3bbba03ce4af8562aba97eb1e645d9",
            "66c588f3f823961ed50c01500e0ec867c026ce66327c317e2b66105b5a3aec7b3649303fb4a99b316d2002c9402d18c2"}},
    {CKM_BLAKE2B_512_HMAC, CKM_BLAKE2B_512_HMAC_GENERAL, CKM_BLAKE2B_512_KEY_GEN, CKK_BLAKE2B_512_HMAC, "BLAKE2B512",
        64,
        {"6ff884f8ddc2a6586b3c98a4cd6ebdf14ec10204b6710073eb5865ade37a2643b8807c1335d107ecdb9ffeaeb6828c4625ba172c66379"
         "efcd222c2de11727ab4",
            "a54b2943b2a20227d41ca46c0945af09bc1faefb2f49894c23aebc557fb79c4889dca74408dc865086667aedee4a3185c53a49c80b"
            "814c4c5813ea0c8b38a8f8",
            "ab347980a64b5e825dd10e7d32fd43a01a8e6dea267ab9ad7d913524526618925311afbcb0c49519cbebdd709540a8d725fb911ac2"
            "aee9b2a3aa43d796123393"}},
};

static CK_RV import(CK_SESSION_HANDLE session, CK_KEY_TYPE type, const void *value, size_t size, CK_OBJECT_HANDLE *key)
{
    CK_ATTRIBUTE attributes[] = {
        ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, type), {CKA_VALUE, (void *)(uintptr_t)value, size}};
    return module_create(session, attributes, COUNT_OF(attributes), key);
}

static CK_OBJECT_HANDLE key_of(CK_SESSION_HANDLE session, CK_KEY_TYPE type, const void *value, size_t size)
{
    CK_OBJECT_HANDLE key = 0;
    assert_ok(import(session, type, value, size, &key));
    return key;
}

static void sign(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, const void *message,
    size_t message_size, unsigned char *mac, unsigned long *size)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    assert_ok(p11->C_SignInit(session, &mechanism, key));
    assert_ok(p11->C_Sign(session, (unsigned char *)(uintptr_t)message, message_size, mac, size));
}

static void published_macs_come_out_and_verify(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    memset(long_key, 0xaa, sizeof long_key);
    for (size_t i = 0; i < COUNT_OF(hashes) * 2; i++)
        for (int j = 0; j < CASES; j++) {
            const struct hash *hash = &hashes[i / 2];
            unsigned long size = sizeof out;
            CK_MECHANISM mechanism = {hash->hmac, NULL, 0};
            CK_OBJECT_HANDLE key = key_of(session, i % 2 ? CKK_GENERIC_SECRET : hash->type,
                j ? (const void *)long_key : "Jefe", j ? sizeof long_key : 4);
            sign(session, hash->hmac, key, messages[j], strlen(messages[j]), out, &size);
            assert_int_equal(size, hash->size);
            assert_int_equal(test_hex(hash->expected[j], expected, sizeof expected), size);
            assert_memory_equal(out, expected, size);
            assert_ok(p11->C_VerifyInit(session, &mechanism, key));
            unsigned char *message = (unsigned char *)(uintptr_t)messages[j];
            assert_ok(p11->C_Verify(session, message, strlen(messages[j]), expected, size));
            assert_ok(p11->C_DestroyObject(session, key));
        }
}

/* One generic secret serves every hash in turn, so that no prepared key is taken for another's. */
static void one_key_serves_every_hash_at_every_length(void **state)
{
    const struct module_fixture *fixture = *state;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (unsigned char)(i * 11 + 3);
    for (size_t key_size = 1; key_size < 200; key_size += 33) {
        CK_OBJECT_HANDLE key = key_of(fixture->session, CKK_GENERIC_SECRET, in, key_size);
        for (size_t size = 0; size < sizeof in; size += 13)
            for (size_t i = 0; i < COUNT_OF(hashes); i++) {
                unsigned made = 0;
                unsigned long mac_size = sizeof out;
                if (!hashes[i].openssl)
                    continue;
                const EVP_MD *md = EVP_get_digestbyname(hashes[i].openssl);
                assert_non_null(HMAC(md, in, (int)key_size, in, size, expected, &made));
                sign(fixture->session, hashes[i].hmac, key, in, size, out, &mac_size);
                assert_int_equal(mac_size, made);
                assert_memory_equal(out, expected, made);
            }
        assert_ok(p11->C_DestroyObject(fixture->session, key));
    }
}

static void every_split_is_the_whole(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    enum { SIZE = 160 };
    CK_OBJECT_HANDLE key = key_of(session, CKK_GENERIC_SECRET, "key", 3);
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        CK_MECHANISM mechanism = {hashes[i].hmac, NULL, 0};
        unsigned long size = sizeof expected;
        sign(session, hashes[i].hmac, key, in, SIZE, expected, &size);
        for (size_t at = 0; at <= SIZE; at++) {
            assert_ok(p11->C_SignInit(session, &mechanism, key));
            assert_ok(p11->C_SignUpdate(session, in, at));
            assert_ok(p11->C_SignUpdate(session, in + at, SIZE - at));
            assert_ok(p11->C_SignFinal(session, out, &size));
            assert_memory_equal(out, expected, size);
            assert_ok(p11->C_VerifyInit(session, &mechanism, key));
            assert_ok(p11->C_VerifyUpdate(session, in, at));
            assert_ok(p11->C_VerifyUpdate(session, in + at, SIZE - at));
            assert_ok(p11->C_VerifyFinal(session, expected, size));
        }
        assert_ok(p11->C_SignInit(session, &mechanism, key));
        for (size_t at = 0; at < SIZE; at++)
            assert_ok(p11->C_SignUpdate(session, in + at, 1));
        assert_ok(p11->C_SignFinal(session, out, &size));
        assert_memory_equal(out, expected, size);
    }
}

static CK_RV verify(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, size_t mac_size)
{
    assert_ok(p11->C_VerifyInit(session, mechanism, key));
    CK_RV rv = p11->C_Verify(session, in, 50, out, mac_size);
    assert_rv(p11->C_Verify(session, in, 50, out, mac_size), CKR_OPERATION_NOT_INITIALIZED);
    return rv;
}

static void another_mac_message_key_or_length_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = key_of(session, CKK_GENERIC_SECRET, "key", 3),
                     other = key_of(session, CKK_GENERIC_SECRET, "kez", 3);
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        CK_MECHANISM mechanism = {hashes[i].hmac, NULL, 0};
        unsigned long size = sizeof out;
        sign(session, hashes[i].hmac, key, in, 50, out, &size);
        for (size_t byte = 0; byte < size; byte++) {
            out[byte] ^= 0x80;
            assert_rv(verify(session, &mechanism, key, size), CKR_SIGNATURE_INVALID);
            out[byte] ^= 0x80;
        }
        in[49] ^= 1;
        assert_rv(verify(session, &mechanism, key, size), CKR_SIGNATURE_INVALID);
        in[49] ^= 1;
        assert_rv(verify(session, &mechanism, other, size), CKR_SIGNATURE_INVALID);
        assert_rv(verify(session, &mechanism, key, size - 1), CKR_SIGNATURE_LEN_RANGE);
        assert_rv(verify(session, &mechanism, key, size + 1), CKR_SIGNATURE_LEN_RANGE);
        assert_rv(verify(session, &mechanism, key, 0), CKR_SIGNATURE_LEN_RANGE);
        assert_ok(verify(session, &mechanism, key, size));
    }
}

static void a_general_mac_is_the_beginning_of_the_whole(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = key_of(session, CKK_GENERIC_SECRET, "key", 3);
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        unsigned long size = sizeof expected;
        sign(session, hashes[i].hmac, key, in, 50, expected, &size);
        for (CK_ULONG cut = 1; cut <= hashes[i].size; cut++) {
            CK_MECHANISM mechanism = {hashes[i].general, &cut, sizeof cut};
            size = cut - 1;
            memset(out, 0, sizeof out);
            assert_ok(p11->C_SignInit(session, &mechanism, key));
            assert_rv(p11->C_Sign(session, in, 50, out, &size), CKR_BUFFER_TOO_SMALL);
            assert_int_equal(size, cut);
            assert_ok(p11->C_Sign(session, in, 50, out, &size));
            assert_int_equal(size, cut);
            assert_memory_equal(out, expected, cut);
            assert_ok(verify(session, &mechanism, key, cut));
            assert_rv(verify(session, &mechanism, key, cut + 1), CKR_SIGNATURE_LEN_RANGE);
            assert_rv(verify(session, &mechanism, key, cut - 1), CKR_SIGNATURE_LEN_RANGE);
            out[cut - 1] ^= 1;
            assert_rv(verify(session, &mechanism, key, cut), CKR_SIGNATURE_INVALID);
        }
    }
}

static void wrong_parameters_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE key = key_of(fixture->session, CKK_GENERIC_SECRET, "key", 3);
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        CK_ULONG sizes[] = {0, hashes[i].size + 1, ~0UL, 1};
        CK_MECHANISM wrong[] = {{hashes[i].general, &sizes[0], sizeof(CK_ULONG)},
            {hashes[i].general, &sizes[1], sizeof(CK_ULONG)}, {hashes[i].general, &sizes[2], sizeof(CK_ULONG)},
            {hashes[i].general, &sizes[3], 4}, {hashes[i].general, NULL, 0}, {hashes[i].general, NULL, 8},
            {hashes[i].hmac, &sizes[3], sizeof(CK_ULONG)}};
        for (size_t j = 0; j < COUNT_OF(wrong); j++) {
            assert_rv(p11->C_SignInit(fixture->session, &wrong[j], key), CKR_MECHANISM_PARAM_INVALID);
            assert_rv(p11->C_VerifyInit(fixture->session, &wrong[j], key), CKR_MECHANISM_PARAM_INVALID);
        }
    }
}

static void a_key_of_another_hash_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        CK_OBJECT_HANDLE key = key_of(fixture->session, hashes[i].type, "key", 3);
        for (size_t j = 0; j < COUNT_OF(hashes); j++) {
            CK_MECHANISM mechanism = {hashes[j].hmac, NULL, 0};
            assert_rv(p11->C_SignInit(fixture->session, &mechanism, key), i == j ? CKR_OK : CKR_KEY_TYPE_INCONSISTENT);
            assert_ok(p11->C_SignInit(fixture->session, NULL, 0)); /* cancels */
        }
    }
}

static void keys_are_generated_for_their_hash(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        CK_MECHANISM generate = {hashes[i].generate, NULL, 0}, mechanism = {hashes[i].hmac, NULL, 0};
        CK_ULONG size = hashes[i].size;
        CK_OBJECT_HANDLE key = 0;
        CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_VALUE_LEN, size)};
        assert_rv(p11->C_GenerateKey(session, &generate, NULL, 0, &key), CKR_TEMPLATE_INCOMPLETE);
        assert_ok(p11->C_GenerateKey(session, &generate, attributes, 1, &key));
        assert_int_equal(module_ulong(session, key, CKA_KEY_TYPE), hashes[i].type);
        assert_int_equal(module_ulong(session, key, CKA_VALUE_LEN), size);
        assert_int_equal(module_ulong(session, key, CKA_KEY_GEN_MECHANISM), hashes[i].generate);
        sign(session, mechanism.mechanism, key, in, 50, out, &size);
        assert_ok(verify(session, &mechanism, key, size));
    }
}

static int sign_in_child(void *context)
{
    const struct module_fixture *fixture = context;
    CK_MECHANISM mechanism = {hashes[0].hmac, NULL, 0};
    return p11->C_SignInit(fixture->session, &mechanism, 1) == CKR_CRYPTOKI_NOT_INITIALIZED ? 0 : 1;
}

/* A child that was forked has no prepared keys, of any kind of hash, and finds that out by itself. */
static void prepared_keys_end_in_a_forked_child(void **state)
{
    struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE key = key_of(fixture->session, CKK_GENERIC_SECRET, "key", 3);
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        unsigned long size = sizeof out;
        sign(fixture->session, hashes[i].hmac, key, in, 50, out, &size);
    }
    assert_int_equal(module_in_child(sign_in_child, fixture), 0);
}

/* The first and last address of the heap; false where there is none by that name (ASan has its own). */
static bool find_heap(unsigned long *first, unsigned long *last)
{
    char line[512];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (!found && fgets(line, sizeof line, maps))
        found = strstr(line, "[heap]") && sscanf(line, "%lx-%lx", first, last) == 2;
    (void)fclose(maps);
    return found;
}

static bool heap_has(const unsigned char *bytes, size_t size)
{
    unsigned long first = 0, last = 0;
    if (!find_heap(&first, &last))
        skip();
    return memmem((const void *)first, last - first, bytes, size) != NULL; /* NOLINT(performance-no-int-to-ptr) */
}

/* What HMAC-SHA-256 makes of a key is the hash's words after the padded key: as good as the key for whoever reads it.
 * OpenSSL makes the same words here. */
static void what_is_made_of_a_key_is_not_on_the_heap(void **state)
{
    const struct module_fixture *fixture = *state;
    static const unsigned char secret[] = "a key that is nowhere else at all";
    static SHA256_CTX hash;
    static unsigned char block[64];
    unsigned long size = sizeof out;
    sign(fixture->session, CKM_SHA256_HMAC, key_of(fixture->session, CKK_GENERIC_SECRET, secret, sizeof secret), in, 50,
        out, &size);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (i < sizeof secret ? secret[i] : 0) ^ 0x36;
    assert_int_equal(SHA256_Init(&hash), 1);
    SHA256_Transform(&hash, block);
    assert_false(heap_has((const unsigned char *)hash.h, sizeof hash.h));
    unsigned char *planted = malloc(sizeof hash.h); /* the search finds what is there */
    assert_non_null(planted);
    memcpy(planted, hash.h, sizeof hash.h);
    assert_true(heap_has((const unsigned char *)hash.h, sizeof hash.h));
    memset(planted, 0, sizeof hash.h);
    free(planted);
}

static unsigned long locked_kib(void)
{
    char line[256];
    unsigned long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    assert_non_null(status);
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "VmLck: %lu", &kib) == 1)
            break;
    (void)fclose(status);
    return kib;
}

/* Locked memory is scarce: what sessions keep of their last MAC has a bound. */
static void idle_sessions_keep_little_locked_memory(void **state)
{
    const struct module_fixture *fixture = *state;
    enum { FEW = 300, MANY = 900 };
    CK_OBJECT_HANDLE key = key_of(fixture->session, CKK_GENERIC_SECRET, "key", 3);
    unsigned long few = 0;
    for (int i = 0; i < MANY; i++) {
        unsigned long size = sizeof out;
        sign(module_session(0, 0), CKM_SHA256_HMAC, key, in, 50, out, &size);
        if (i == FEW)
            few = locked_kib();
    }
    assert_true(few > 0);
    assert_int_equal(locked_kib(), few);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(published_macs_come_out_and_verify),
        MODULE_TEST(one_key_serves_every_hash_at_every_length),
        MODULE_TEST(every_split_is_the_whole),
        MODULE_TEST(another_mac_message_key_or_length_is_refused),
        MODULE_TEST(a_general_mac_is_the_beginning_of_the_whole),
        MODULE_TEST(wrong_parameters_are_refused),
        MODULE_TEST(a_key_of_another_hash_is_refused),
        MODULE_TEST(keys_are_generated_for_their_hash),
        MODULE_TEST(prepared_keys_end_in_a_forked_child),
        MODULE_TEST(what_is_made_of_a_key_is_not_on_the_heap),
        MODULE_TEST(idle_sessions_keep_little_locked_memory),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
