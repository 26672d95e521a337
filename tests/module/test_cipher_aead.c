/* AES-GCM, AES-CCM, ChaCha20-Poly1305 and XChaCha20-Poly1305. */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sodium.h>

#include "cipher_fixture.h"

/* One message: what a published example gives, or an oracle. `sealed` ends with the tag. */
struct message {
    CK_MECHANISM_TYPE type;
    const char *key, *nonce, *aad, *plain, *sealed;
    unsigned tag; /* bytes */
};

/* McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B: test cases 1 to 6, 10 and 16. */
#define GCM_KEY "feffe9928665731c6d6a8f9467308308"
#define GCM_PLAIN                                                                                                      \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                                                 \
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define GCM_AAD "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define GCM_IV "cafebabefacedbaddecaf888"
#define GCM_SEALED                                                                                                     \
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"                                                 \
    "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
/* SP 800-38C, appendix C */
#define CCM_KEY "404142434445464748494a4b4c4d4e4f"
/* RFC 8439, section 2.8.2, and draft-irtf-cfrg-xchacha-03, appendix A.3.1: the text about sunscreen */
#define SUNSCREEN                                                                                                      \
    "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f756c64206f66"   \
    "66657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73637265656e20776f756c64206265"   \
    "2069742e"
#define CHACHA_KEY "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
#define CHACHA_AAD "50515253c0c1c2c3c4c5c6c7"

static const struct message published[] = {
    {CKM_AES_GCM, "00000000000000000000000000000000", "000000000000000000000000", "", "",
        "58e2fccefa7e3061367f1d57a4e7455a", 16},
    {CKM_AES_GCM, "00000000000000000000000000000000", "000000000000000000000000", "",
        "00000000000000000000000000000000", "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf", 16},
    {CKM_AES_GCM, GCM_KEY, GCM_IV, "", GCM_PLAIN "1aafd255", GCM_SEALED "473f59854d5c2af327cd64a62cf35abd2ba6fab4", 16},
    {CKM_AES_GCM, GCM_KEY, GCM_IV, GCM_AAD, GCM_PLAIN, GCM_SEALED "5bc94fbc3221a5db94fae95ae7121a47", 16},
    {CKM_AES_GCM, GCM_KEY, "cafebabefacedbad", GCM_AAD, GCM_PLAIN,
        "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c7423"
        "73806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f45983612d2e79e3b0785561be14aaca2fccb",
        16},
    {CKM_AES_GCM, GCM_KEY,
        "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a"
        "57a637b39b",
        GCM_AAD, GCM_PLAIN,
        "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca7"
        "01e4a9a4fba43c90ccdcb281d48c7c6fd62875d2aca417034c34aee5619cc5aefffe0bfa462af43c1699d050",
        16},
    {CKM_AES_GCM, GCM_KEY "feffe9928665731c", GCM_IV, GCM_AAD, GCM_PLAIN,
        "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c"
        "7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda27102519498e80f1478f37ba55bd6d27618c",
        16},
    {CKM_AES_GCM, GCM_KEY GCM_KEY, GCM_IV, GCM_AAD, GCM_PLAIN,
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
        16},
    {CKM_AES_CCM, CCM_KEY, "10111213141516", "0001020304050607", "20212223", "7162015b4dac255d", 4},
    {CKM_AES_CCM, CCM_KEY, "1011121314151617", "000102030405060708090a0b0c0d0e0f", "202122232425262728292a2b2c2d2e2f",
        "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd", 6},
    {CKM_AES_CCM, CCM_KEY, "101112131415161718191a1b", "000102030405060708090a0b0c0d0e0f10111213",
        "202122232425262728292a2b2c2d2e2f3031323334353637",
        "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951", 8},
    {CKM_CHACHA20_POLY1305, CHACHA_KEY, "070000004041424344454647", CHACHA_AAD, SUNSCREEN,
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b"
        "2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586ce"
        "c64b61161ae10b594f09e26a7e902ecbd0600691",
        16},
    {CKM_CHACHA20_POLY1305, CHACHA_KEY, "404142434445464748494a4b4c4d4e4f5051525354555657", CHACHA_AAD, SUNSCREEN,
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c2"
        "16cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c6"
        "8b13b52ec0875924c1c7987947deafd8780acf49",
        16},
};

/* A mechanism with its parameter, and what that points to. */
struct prepared {
    CK_MECHANISM mechanism;
    union {
        CK_GCM_PARAMS gcm;
        CK_CCM_PARAMS ccm;
        CK_SALSA20_CHACHA20_POLY1305_PARAMS chacha;
    } parameter;
    struct cipher_bytes nonce, aad;
};

static void prepare_sizes(struct prepared *prepared, CK_MECHANISM_TYPE type, size_t data, size_t tag)
{
    struct cipher_bytes *nonce = &prepared->nonce, *aad = &prepared->aad;
    prepared->mechanism = (CK_MECHANISM){type, &prepared->parameter, 0};
    if (type == CKM_AES_GCM) {
        prepared->mechanism.ulParameterLen = sizeof prepared->parameter.gcm;
        prepared->parameter.gcm =
            (CK_GCM_PARAMS){nonce->data, nonce->size, nonce->size * 8, aad->data, aad->size, tag * 8};
    } else if (type == CKM_AES_CCM) {
        prepared->mechanism.ulParameterLen = sizeof prepared->parameter.ccm;
        prepared->parameter.ccm = (CK_CCM_PARAMS){data, nonce->data, nonce->size, aad->data, aad->size, tag};
    } else {
        prepared->mechanism.ulParameterLen = sizeof prepared->parameter.chacha;
        prepared->parameter.chacha =
            (CK_SALSA20_CHACHA20_POLY1305_PARAMS){nonce->data, nonce->size, aad->data, aad->size};
    }
}

static void prepare(struct prepared *prepared, const struct message *message)
{
    prepared->nonce = cipher_hex(message->nonce);
    prepared->aad = cipher_hex(message->aad);
    prepare_sizes(prepared, message->type, strlen(message->plain) / 2, message->tag);
}

static CK_OBJECT_HANDLE key_of(CK_SESSION_HANDLE session, const struct message *message)
{
    return cipher_key_hex(session, message->type == CKM_CHACHA20_POLY1305 ? CKK_CHACHA20 : CKK_AES, message->key);
}

static void published_vectors_hold(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    for (size_t i = 0; i < COUNT_OF(published); i++) {
        struct prepared prepared;
        struct cipher_bytes plain = cipher_hex(published[i].plain), sealed = cipher_hex(published[i].sealed);
        prepare(&prepared, &published[i]);
        cipher_check(session, &prepared.mechanism, key_of(session, &published[i]), &plain, &sealed);
    }
}

/* SP 800-38C, example 4: 65536 bytes of additional data. */
static void ccm_takes_long_additional_data(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static unsigned char aad[65536];
    struct cipher_bytes nonce = cipher_hex("101112131415161718191a1b1c");
    struct cipher_bytes plain = cipher_hex("202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f");
    struct cipher_bytes sealed =
        cipher_hex("69915dad1e84c6376a68c2967e4dab615ae0fd1faec44cc484828529463ccf72b4ac6bec93e8598e7f0dadbcea5b");
    for (size_t i = 0; i < sizeof aad; i++)
        aad[i] = (unsigned char)i;
    CK_CCM_PARAMS ccm = {plain.size, nonce.data, nonce.size, aad, sizeof aad, 14};
    CK_MECHANISM mechanism = {CKM_AES_CCM, &ccm, sizeof ccm};
    cipher_check(session, &mechanism, cipher_key_hex(session, CKK_AES, CCM_KEY), &plain, &sealed);
}

/* --- oracles: OpenSSL's GCM and libsodium's ChaChas over random lengths --- */

static void openssl_gcm(const unsigned char *key, const struct prepared *prepared, const struct cipher_bytes *plain,
    struct cipher_bytes *sealed)
{
    int size = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, NULL, NULL), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_IVLEN, (int)prepared->nonce.size, NULL), 1);
    assert_int_equal(EVP_EncryptInit_ex(context, NULL, NULL, key, prepared->nonce.data), 1);
    assert_int_equal(EVP_EncryptUpdate(context, NULL, &size, prepared->aad.data, (int)prepared->aad.size), 1);
    assert_int_equal(EVP_EncryptUpdate(context, sealed->data, &size, plain->data, (int)plain->size), 1);
    assert_int_equal(EVP_EncryptFinal_ex(context, sealed->data + size, &size), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, 16, sealed->data + plain->size), 1);
    sealed->size = plain->size + 16;
    EVP_CIPHER_CTX_free(context);
}

static void sodium_chacha(const unsigned char *key, const struct prepared *prepared, const struct cipher_bytes *plain,
    struct cipher_bytes *sealed)
{
    unsigned long long size = 0;
    if (prepared->nonce.size == 12)
        (void)crypto_aead_chacha20poly1305_ietf_encrypt(sealed->data, &size, plain->data, plain->size,
            prepared->aad.data, prepared->aad.size, NULL, prepared->nonce.data, key);
    else
        (void)crypto_aead_xchacha20poly1305_ietf_encrypt(sealed->data, &size, plain->data, plain->size,
            prepared->aad.data, prepared->aad.size, NULL, prepared->nonce.data, key);
    sealed->size = (unsigned long)size;
}

static void random_messages_are_what_the_oracles_make(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static const size_t gcm_nonces[] = {1, 8, 11, 12, 13, 16, 64, 127, 128}, chacha_nonces[] = {12, 24};
    unsigned char value[32];
    (void)RAND_bytes(value, sizeof value);
    CK_OBJECT_HANDLE aes = cipher_key(session, CKK_AES, value, 32),
                     chacha = cipher_key(session, CKK_CHACHA20, value, 32);
    for (int i = 0; i < 18; i++) {
        struct prepared prepared;
        struct cipher_bytes plain, sealed;
        unsigned short lengths[2];
        (void)RAND_bytes((unsigned char *)lengths, sizeof lengths);
        (void)RAND_bytes(plain.data, sizeof plain.data);
        (void)RAND_bytes(prepared.nonce.data, 128);
        (void)RAND_bytes(prepared.aad.data, 1024);
        plain.size = lengths[0] % 300;
        prepared.aad.size = lengths[1] % 100;
        prepared.nonce.size = gcm_nonces[(size_t)i % COUNT_OF(gcm_nonces)];
        prepare_sizes(&prepared, CKM_AES_GCM, plain.size, 16);
        openssl_gcm(value, &prepared, &plain, &sealed);
        cipher_check(session, &prepared.mechanism, aes, &plain, &sealed);
        prepared.nonce.size = chacha_nonces[(size_t)i % COUNT_OF(chacha_nonces)];
        prepare_sizes(&prepared, CKM_CHACHA20_POLY1305, plain.size, 16);
        sodium_chacha(value, &prepared, &plain, &sealed);
        cipher_check(session, &prepared.mechanism, chacha, &plain, &sealed);
    }
}

/* --- what is not the message --- */

/* Refused whole and in parts, with nothing of the plaintext left in the caller's memory. */
static void check_refused(
    CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, const struct cipher_bytes *sealed)
{
    struct cipher_bytes out;
    memset(out.data, 0, sizeof out.data);
    assert_rv(cipher_run(session, false, mechanism, key, sealed, &out), CKR_ENCRYPTED_DATA_INVALID);
    for (size_t i = 0; i < sizeof out.data; i++)
        assert_int_equal(out.data[i], 0);
    assert_rv(cipher_run_parts(session, false, mechanism, key, sealed, 11, &out), CKR_ENCRYPTED_DATA_INVALID);
    for (size_t i = 0; i < sizeof out.data; i++)
        assert_int_equal(out.data[i], 0);
}

static void every_changed_bit_is_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    for (size_t i = 3; i < COUNT_OF(published); i++) {
        struct prepared prepared;
        struct cipher_bytes sealed = cipher_hex(published[i].sealed), out;
        CK_OBJECT_HANDLE key = key_of(session, &published[i]);
        prepare(&prepared, &published[i]);
        for (size_t at = 0; at < sealed.size; at++) {
            sealed.data[at] ^= (unsigned char)(1U << at % 8);
            check_refused(session, &prepared.mechanism, key, &sealed);
            sealed.data[at] ^= (unsigned char)(1U << at % 8);
        }
        for (size_t at = 0; at < prepared.aad.size; at++) {
            prepared.aad.data[at] ^= 0x80;
            check_refused(session, &prepared.mechanism, key, &sealed);
            prepared.aad.data[at] ^= 0x80;
        }
        prepared.nonce.data[0] ^= 1;
        check_refused(session, &prepared.mechanism, key, &sealed);
        prepared.nonce.data[0] ^= 1;
        assert_ok(cipher_run(session, false, &prepared.mechanism, key, &sealed, &out)); /* it is right again */
    }
}

static void cut_ciphertexts_are_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    for (size_t i = 0; i < COUNT_OF(published); i++) {
        struct prepared prepared;
        struct cipher_bytes sealed = cipher_hex(published[i].sealed), out;
        CK_OBJECT_HANDLE key = key_of(session, &published[i]);
        prepare(&prepared, &published[i]);
        bool says_length = published[i].type == CKM_AES_CCM;
        for (size_t size = sealed.size; size-- > 0;) {
            sealed.size = size;
            CK_RV expected =
                says_length || size < published[i].tag ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_INVALID;
            assert_rv(cipher_run(session, false, &prepared.mechanism, key, &sealed, &out), expected);
            assert_rv(cipher_run_parts(session, false, &prepared.mechanism, key, &sealed, 9, &out), expected);
        }
    }
}

/* The standard lets a module give plaintext early; this one does not. */
static void no_plaintext_leaves_before_the_tag_was_verified(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    for (size_t i = 3; i < COUNT_OF(published); i++) {
        struct prepared prepared;
        struct cipher_bytes sealed = cipher_hex(published[i].sealed), out;
        CK_OBJECT_HANDLE key = key_of(session, &published[i]);
        prepare(&prepared, &published[i]);
        memset(out.data, 0, sizeof out.data);
        out.size = sizeof out.data;
        assert_ok(p11->C_DecryptInit(session, &prepared.mechanism, key));
        assert_ok(p11->C_DecryptUpdate(session, sealed.data, sealed.size, out.data, &out.size));
        assert_int_equal(out.size, 0);
        for (size_t at = 0; at < sizeof out.data; at++)
            assert_int_equal(out.data[at], 0);
        out.size = 3;
        assert_rv(p11->C_DecryptFinal(session, out.data, &out.size), CKR_BUFFER_TOO_SMALL);
        assert_ok(p11->C_DecryptFinal(session, out.data, &out.size));
        struct cipher_bytes plain = cipher_hex(published[i].plain);
        assert_int_equal(out.size, plain.size);
        assert_memory_equal(out.data, plain.data, plain.size);
    }
}

static void short_tags_are_the_beginning_of_long_ones(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct prepared prepared;
    struct cipher_bytes plain = cipher_hex(GCM_PLAIN), sealed = cipher_hex(published[3].sealed);
    CK_OBJECT_HANDLE key = key_of(session, &published[3]);
    prepare(&prepared, &published[3]);
    for (unsigned bits = 0; bits <= 136; bits++) {
        bool allowed = bits == 32 || bits == 64 || (bits >= 96 && bits <= 128 && bits % 8 == 0);
        prepared.parameter.gcm.tag_bits = bits;
        sealed.size = plain.size + bits / 8;
        if (allowed)
            cipher_check(session, &prepared.mechanism, key, &plain, &sealed);
        else
            cipher_check_init(session, &prepared.mechanism, key, CKR_MECHANISM_PARAM_INVALID);
    }
}

/* --- parameters --- */

static void wrong_parameters_are_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static const size_t rows[] = {3, 8, 11};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct prepared prepared;
        const struct message *message = &published[rows[i]];
        CK_OBJECT_HANDLE key = key_of(session, message);
        prepare(&prepared, message);
        unsigned long size = prepared.mechanism.ulParameterLen;
        cipher_check_init(session, &prepared.mechanism, key, CKR_OK);
        prepared.mechanism.ulParameterLen = size - 8;
        cipher_check_init(session, &prepared.mechanism, key, CKR_MECHANISM_PARAM_INVALID);
        prepared.mechanism.ulParameterLen = size + 8;
        cipher_check_init(session, &prepared.mechanism, key, CKR_MECHANISM_PARAM_INVALID);
        prepared.mechanism.ulParameterLen = size;
        for (unsigned long nonce = 0; nonce < 140; nonce++) {
            prepared.nonce.size = nonce;
            prepare_sizes(&prepared, message->type, 4, message->tag);
            bool fits = message->type == CKM_AES_GCM   ? nonce >= 1 && nonce <= 128
                        : message->type == CKM_AES_CCM ? nonce >= 7 && nonce <= 13
                                                       : nonce == 12 || nonce == 24;
            cipher_check_init(session, &prepared.mechanism, key, fits ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
        }
    }
}

static void pointers_and_lengths_that_cannot_be_are_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    unsigned char nonce[24] = {0}, aad[4] = {0};
    CK_GCM_PARAMS gcm[] = {{NULL, 12, 96, aad, 4, 128}, {nonce, 12, 96, NULL, 4, 128}, {nonce, 12, 96, aad, ~0UL, 128},
        {nonce, ~0UL, 96, aad, 4, 128}, {nonce, 12, 96, aad, 4, ~0UL}, {nonce, 12, 96, aad, 4, 256 + 128}};
    CK_CCM_PARAMS ccm[] = {{4, NULL, 12, aad, 4, 8}, {4, nonce, 12, NULL, 4, 8}, {4, nonce, 12, aad, ~0UL, 8},
        {4, nonce, ~0UL, aad, 4, 8}, {4, nonce, 12, aad, 4, 2}, {4, nonce, 12, aad, 4, 7}, {4, nonce, 12, aad, 4, 18},
        {~0UL, nonce, 12, aad, 4, 8}, {65536, nonce, 13, aad, 4, 8}};
    CK_SALSA20_CHACHA20_POLY1305_PARAMS chacha[] = {
        {NULL, 12, aad, 4}, {nonce, 12, NULL, 4}, {nonce, 12, aad, ~0UL}, {nonce, ~0UL, aad, 4}};
    CK_OBJECT_HANDLE aes = cipher_key_hex(session, CKK_AES, GCM_KEY),
                     other = cipher_key_hex(session, CKK_CHACHA20, CHACHA_KEY);
    for (size_t i = 0; i < COUNT_OF(gcm); i++) {
        CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm[i], sizeof gcm[i]};
        cipher_check_init(session, &mechanism, aes, CKR_MECHANISM_PARAM_INVALID);
    }
    for (size_t i = 0; i < COUNT_OF(ccm); i++) {
        CK_MECHANISM mechanism = {CKM_AES_CCM, &ccm[i], sizeof ccm[i]};
        cipher_check_init(session, &mechanism, aes, CKR_MECHANISM_PARAM_INVALID);
    }
    for (size_t i = 0; i < COUNT_OF(chacha); i++) {
        CK_MECHANISM mechanism = {CKM_CHACHA20_POLY1305, &chacha[i], sizeof chacha[i]};
        cipher_check_init(session, &mechanism, other, CKR_MECHANISM_PARAM_INVALID);
        cipher_check_init(session, &mechanism, aes, CKR_KEY_TYPE_INCONSISTENT);
    }
}

/* CCM is told the length of what is to come, and holds the caller to it. */
static void ccm_takes_exactly_what_it_was_told(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct prepared prepared;
    struct cipher_bytes plain = cipher_hex(published[10].plain), out;
    CK_OBJECT_HANDLE key = key_of(session, &published[10]);
    prepare(&prepared, &published[10]);
    for (plain.size = 0; plain.size < 50; plain.size++) {
        CK_RV expected = plain.size == 24 ? CKR_OK : CKR_DATA_LEN_RANGE;
        assert_rv(cipher_run(session, true, &prepared.mechanism, key, &plain, &out), expected);
        assert_rv(cipher_run_parts(session, true, &prepared.mechanism, key, &plain, 7, &out), expected);
    }
}

/* A decryption in parts keeps what came: 64 MiB at most. */
static void parts_are_bounded(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static unsigned char part[1 << 20];
    struct prepared prepared;
    unsigned char out[16];
    unsigned long size;
    prepare(&prepared, &published[3]);
    assert_ok(p11->C_DecryptInit(session, &prepared.mechanism, key_of(session, &published[3])));
    for (int i = 0; i < 64; i++) {
        size = sizeof out;
        assert_ok(p11->C_DecryptUpdate(session, part, sizeof part, out, &size));
    }
    size = sizeof out;
    assert_rv(p11->C_DecryptUpdate(session, part, 1, out, &size), CKR_DATA_LEN_RANGE);
    assert_rv(p11->C_DecryptUpdate(session, part, 1, out, &size), CKR_OPERATION_NOT_INITIALIZED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(published_vectors_hold),
        MODULE_TEST(ccm_takes_long_additional_data),
        MODULE_TEST(random_messages_are_what_the_oracles_make),
        MODULE_TEST(every_changed_bit_is_refused),
        MODULE_TEST(cut_ciphertexts_are_refused),
        MODULE_TEST(no_plaintext_leaves_before_the_tag_was_verified),
        MODULE_TEST(short_tags_are_the_beginning_of_long_ones),
        MODULE_TEST(wrong_parameters_are_refused),
        MODULE_TEST(pointers_and_lengths_that_cannot_be_are_refused),
        MODULE_TEST(ccm_takes_exactly_what_it_was_told),
        MODULE_TEST(parts_are_bounded),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
