/* AEAD, HKDF, SHA-256 and Argon2id against published vectors, and XChaCha20-Poly1305 against libsodium's own. */
#include "support/test.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

#include "crypto/cipher.h"
#include "support/vectors.h"

struct aead_vector {
    enum bulla_aead aead;
    const char *key, *nonce, *aad, *plain, *sealed; /* sealed: ciphertext and tag */
};

static const struct aead_vector aead_vectors[] = {
    /* McGrew and Viega, The Galois/Counter Mode of Operation, appendix B, test cases 13, 14, 15, 16 */
    {BULLA_AEAD_AES_256_GCM, "0000000000000000000000000000000000000000000000000000000000000000",
        "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {BULLA_AEAD_AES_256_GCM, "0000000000000000000000000000000000000000000000000000000000000000",
        "000000000000000000000000", "", "00000000000000000000000000000000",
        "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
    {BULLA_AEAD_AES_256_GCM, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888", "",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de6"
        "57"
        "ba637b391aafd255",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a"
        "0a"
        "bcc9f662898015adb094dac5d93471bdec1a502270e3cc6c"},
    {BULLA_AEAD_AES_256_GCM, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de6"
        "57"
        "ba637b39",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a"
        "0a"
        "bcc9f66276fc6ece0f4e1768cddf8853bb2d551b"},
    /* draft-irtf-cfrg-xchacha-03, appendix A.3.1 */
    {BULLA_AEAD_XCHACHA20, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
        "404142434445464748494a4b4c4d4e4f5051525354555657", "50515253c0c1c2c3c4c5c6c7",
        "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f756c64206f66"
        "66"
        "657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73637265656e20776f756c6420626520"
        "69"
        "742e",
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c2"
        "16"
        "cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b"
        "13"
        "b52ec0875924c1c7987947deafd8780acf49"},
};

static struct bulla_bytes hex(const char *text, uint8_t *memory, size_t size)
{
    return (struct bulla_bytes){memory, test_hex(text, memory, size)};
}

static void aead_matches_the_published_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof aead_vectors / sizeof *aead_vectors; i++) {
        const struct aead_vector *vector = &aead_vectors[i];
        uint8_t memory[5][256], out[256];
        struct bulla_bytes key = hex(vector->key, memory[0], 256), nonce = hex(vector->nonce, memory[1], 256);
        struct bulla_bytes aad = hex(vector->aad, memory[2], 256), plain = hex(vector->plain, memory[3], 256);
        struct bulla_bytes sealed = hex(vector->sealed, memory[4], 256);
        assert_int_equal(nonce.size, bulla_aead_nonce_size(vector->aead));
        assert_int_equal(bulla_aead_seal(vector->aead, key.data, nonce.data, aad, plain, out), BULLA_OK);
        assert_memory_equal(out, sealed.data, sealed.size);
        memset(out, 0x55, sizeof out);
        assert_int_equal(bulla_aead_open(vector->aead, key.data, nonce.data, aad, sealed, out), BULLA_OK);
        assert_memory_equal(out, plain.data, plain.size);
    }
}

static const enum bulla_aead both[] = {BULLA_AEAD_AES_256_GCM, BULLA_AEAD_XCHACHA20};

static void every_changed_bit_is_refused_and_the_output_wiped(void **state)
{
    (void)state;
    static const uint8_t zero[21];
    for (size_t which = 0; which < 2; which++) {
        uint8_t key[32], nonce[24], aad[5], plain[21], sealed[37], out[21];
        randombytes_buf(key, sizeof key);
        randombytes_buf(nonce, sizeof nonce);
        randombytes_buf(aad, sizeof aad);
        randombytes_buf(plain, sizeof plain);
        assert_int_equal(
            bulla_aead_seal(both[which], key, nonce, BULLA_BYTES(aad), BULLA_BYTES(plain), sealed), BULLA_OK);
        struct {
            uint8_t *bytes;
            size_t size;
        } changed[] = {{key, 32}, {nonce, bulla_aead_nonce_size(both[which])}, {aad, 5}, {sealed, 37}};
        for (size_t part = 0; part < 4; part++)
            for (size_t bit = 0; bit < changed[part].size * 8; bit++) {
                changed[part].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
                memset(out, 0x55, sizeof out);
                assert_int_equal(bulla_aead_open(both[which], key, nonce, BULLA_BYTES(aad), BULLA_BYTES(sealed), out),
                    BULLA_AUTHENTICATION);
                assert_memory_equal(out, zero, sizeof out);
                changed[part].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            }
        assert_int_equal(
            bulla_aead_open(both[which], key, nonce, BULLA_BYTES(aad), BULLA_BYTES(sealed), out), BULLA_OK);
        assert_memory_equal(out, plain, sizeof plain);
    }
}

static void a_ciphertext_shorter_than_its_tag_is_refused(void **state)
{
    (void)state;
    uint8_t key[32] = {0}, nonce[24] = {0}, sealed[16] = {0}, out[1];
    const struct bulla_bytes none = {NULL, 0};
    for (size_t size = 0; size < 16; size++)
        assert_int_equal(
            bulla_aead_open(BULLA_AEAD_AES_256_GCM, key, nonce, none, (struct bulla_bytes){sealed, size}, out),
            BULLA_TRUNCATED);
}

static void an_unknown_aead_is_refused(void **state)
{
    (void)state;
    uint8_t key[32] = {0}, nonce[24] = {0}, out[17];
    const struct bulla_bytes none = {NULL, 0};
    assert_int_equal(bulla_aead_nonce_size((enum bulla_aead)1), 0);
    assert_int_equal(bulla_aead_seal((enum bulla_aead)1, key, nonce, none, none, out), BULLA_UNSUPPORTED);
    assert_int_equal(bulla_aead_open((enum bulla_aead)1, key, nonce, none, BULLA_BYTES(out), out), BULLA_UNSUPPORTED);
    assert_int_equal(
        bulla_aead_seal(BULLA_AEAD_XCHACHA20, key, nonce, none, (struct bulla_bytes){out, ((size_t)1 << 30) + 1}, out),
        BULLA_TOO_LARGE);
}

static void xchacha20_agrees_with_libsodium_both_ways(void **state)
{
    (void)state;
    for (size_t round = 0; round < 300; round++) {
        uint8_t key[32], nonce[24], aad[64], plain[600], ours[616], theirs[616], out[600];
        size_t size = randombytes_uniform(600), aad_size = randombytes_uniform(64);
        randombytes_buf(key, sizeof key);
        randombytes_buf(nonce, sizeof nonce);
        randombytes_buf(aad, sizeof aad);
        randombytes_buf(plain, sizeof plain);
        const struct bulla_bytes bound = {aad, aad_size};
        assert_int_equal(
            bulla_aead_seal(BULLA_AEAD_XCHACHA20, key, nonce, bound, (struct bulla_bytes){plain, size}, ours),
            BULLA_OK);
        crypto_aead_xchacha20poly1305_ietf_encrypt(theirs, NULL, plain, size, aad, aad_size, NULL, nonce, key);
        assert_memory_equal(ours, theirs, size + 16);
        assert_int_equal(
            bulla_aead_open(BULLA_AEAD_XCHACHA20, key, nonce, bound, (struct bulla_bytes){theirs, size + 16}, out),
            BULLA_OK);
        assert_memory_equal(out, plain, size);
        assert_int_equal(
            crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, ours, size + 16, aad, aad_size, nonce, key), 0);
    }
}

/* A host may have set its OpenSSL up for itself alone, for instance for the provider that has loaded us. */
static void the_hosts_setting_of_openssl_does_not_matter(void **state)
{
    (void)state;
    assert_int_equal(EVP_set_default_properties(NULL, "provider=none-that-exists"), 1);
    EVP_CIPHER *hosts = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    assert_null(hosts);
    aead_matches_the_published_vectors(state);
    assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
}

static void sealing_and_opening_work_in_place(void **state)
{
    (void)state;
    for (size_t which = 0; which < 2; which++) {
        uint8_t key[32], nonce[24], memory[116], plain[100], apart[116];
        randombytes_buf(key, sizeof key);
        randombytes_buf(nonce, sizeof nonce);
        randombytes_buf(plain, sizeof plain);
        memcpy(memory, plain, sizeof plain);
        const struct bulla_bytes none = {NULL, 0};
        assert_int_equal(bulla_aead_seal(both[which], key, nonce, none, BULLA_BYTES(plain), apart), BULLA_OK);
        assert_int_equal(
            bulla_aead_seal(both[which], key, nonce, none, (struct bulla_bytes){memory, 100}, memory), BULLA_OK);
        assert_memory_equal(memory, apart, sizeof apart);
        assert_int_equal(bulla_aead_open(both[which], key, nonce, none, BULLA_BYTES(memory), memory), BULLA_OK);
        assert_memory_equal(memory, plain, sizeof plain);
    }
}

static void hkdf_matches_rfc_5869(void **state)
{
    (void)state;
    static const struct {
        const char *key, *salt, *info, *out;
    } vectors[] = {
        /* RFC 5869, appendices A.1, A.2, A.3 */
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353"
         "637"
         "38393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
            "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f9091929394"
            "95"
            "969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
            "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4"
            "e5"
            "e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c"
            "2f"
            "09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
    };
    for (size_t i = 0; i < 3; i++) {
        uint8_t memory[4][128], out[128];
        struct bulla_bytes expected = hex(vectors[i].out, memory[3], 128);
        assert_int_equal(bulla_hkdf(hex(vectors[i].key, memory[0], 128), hex(vectors[i].salt, memory[1], 128),
                             hex(vectors[i].info, memory[2], 128), out, expected.size),
            BULLA_OK);
        assert_memory_equal(out, expected.data, expected.size);
    }
}

static void hkdf_gives_255_blocks_and_no_more(void **state)
{
    (void)state;
    static uint8_t longest[255 * 32 + 1];
    uint8_t shorter[100];
    const struct bulla_bytes none = {NULL, 0};
    assert_int_equal(bulla_hkdf(BULLA_TEXT("key"), none, none, longest, sizeof longest), BULLA_TOO_LARGE);
    assert_int_equal(bulla_hkdf(BULLA_TEXT("key"), none, none, longest, sizeof longest - 1), BULLA_OK);
    assert_int_equal(bulla_hkdf(BULLA_TEXT("key"), none, none, shorter, sizeof shorter), BULLA_OK);
    assert_memory_equal(longest, shorter, sizeof shorter);
}

static void sha256_matches_fips_180_and_joins_parts(void **state)
{
    (void)state;
    uint8_t digest[32], expected[32];
    /* FIPS 180-2, appendices B.1 and B.2; the empty message from NIST's SHA256ShortMsg.rsp */
    test_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", expected, 32);
    bulla_sha256(BULLA_TEXT("abc"), digest);
    assert_memory_equal(digest, expected, 32);
    const struct bulla_bytes parts[] = {BULLA_TEXT("a"), {NULL, 0}, BULLA_TEXT("bc")};
    bulla_sha256_parts(parts, 3, digest);
    assert_memory_equal(digest, expected, 32);
    test_hex("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", expected, 32);
    bulla_sha256(BULLA_TEXT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), digest);
    assert_memory_equal(digest, expected, 32);
    test_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", expected, 32);
    bulla_sha256_parts(NULL, 0, digest);
    assert_memory_equal(digest, expected, 32);
}

static void argon2id_matches_the_reference_program(void **state)
{
    (void)state;
    /* echo -n 123 | argon2 ABCDEFGHIJKLMNOP -id -v 13 -k … -t …, as recorded in iov-one/iov-core,
     * packages/iov-crypto/src/libsodium.spec.ts */
    static const struct {
        uint64_t operations, memory;
        const char *out;
    } vectors[] = {
        {5, 1 << 20, "3c5d010180ba0cf5b6b858cba23b318e42d33088983c404598599c3b029ecac6"},
        {2, 8 << 20, "3ee950488d26ce691657b1d753f562139857b61a58f234d6cb0ce84c4cc27328"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct bulla_argon2 argon2 = {vectors[i].operations, vectors[i].memory, "ABCDEFGHIJKLMNO"};
        argon2.salt[15] = 'P';
        uint8_t key[32], expected[32];
        test_hex(vectors[i].out, expected, 32);
        assert_int_equal(bulla_argon2_derive(&argon2, BULLA_TEXT("123"), key), BULLA_OK);
        assert_memory_equal(key, expected, 32);
    }
}

static void argon2id_refuses_parameters_out_of_bounds(void **state)
{
    (void)state;
    static const struct bulla_argon2 wrong[] = {
        {.operations = 0, .memory = 8 << 20},
        {.operations = 65, .memory = 8 << 20},
        {.operations = UINT64_MAX, .memory = 8 << 20},
        {.operations = 1, .memory = ((uint64_t)1 << 30) + 1},
        {.operations = 1, .memory = UINT64_MAX},
        {.operations = 1, .memory = 8191}, /* RFC 9106 section 3.1: at least 8 KiB for one lane */
        {.operations = 1, .memory = 0},
    };
    static const uint8_t zero[32];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t key[32] = {1};
        assert_int_equal(bulla_argon2_derive(&wrong[i], BULLA_TEXT("pin"), key), BULLA_UNSUPPORTED);
        assert_memory_equal(key, zero, 32);
    }
}

static void argon2id_is_chosen_afresh(void **state)
{
    (void)state;
    struct bulla_argon2 first, second;
    bulla_argon2_choose(&first, false);
    bulla_argon2_choose(&second, true);
    assert_int_equal(first.operations, 3);
    assert_int_equal(first.memory, 64 << 20);
    assert_int_equal(second.operations, 1);
    assert_int_equal(second.memory, 8 << 20);
    assert_memory_not_equal(first.salt, second.salt, sizeof first.salt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aead_matches_the_published_vectors),
        cmocka_unit_test(every_changed_bit_is_refused_and_the_output_wiped),
        cmocka_unit_test(a_ciphertext_shorter_than_its_tag_is_refused),
        cmocka_unit_test(an_unknown_aead_is_refused),
        cmocka_unit_test(xchacha20_agrees_with_libsodium_both_ways),
        cmocka_unit_test(the_hosts_setting_of_openssl_does_not_matter),
        cmocka_unit_test(sealing_and_opening_work_in_place),
        cmocka_unit_test(hkdf_matches_rfc_5869),
        cmocka_unit_test(hkdf_gives_255_blocks_and_no_more),
        cmocka_unit_test(sha256_matches_fips_180_and_joins_parts),
        cmocka_unit_test(argon2id_matches_the_reference_program),
        cmocka_unit_test(argon2id_refuses_parameters_out_of_bounds),
        cmocka_unit_test(argon2id_is_chosen_afresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
