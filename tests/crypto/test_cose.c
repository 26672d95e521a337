/* COSE_Sign1. The vectors are of cose-wg/Examples (sign1-tests, eddsa-examples) and gluecose/test-vectors. Nearly all
 * of them carry a key id in the unprotected header, which no signature covers: as published they must be refused, and
 * with that header emptied they must verify, or fail to, as they say. */
#include "support/test.h"

#include <jansson.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cose.h"
#include "support/vectors.h"

/* "This is the content." in all vectors. */
#define CONTENT "546869732069732074686520636f6e74656e742e"
#define EXTERNAL "11aa22bb33cc44dd55006699"
/* The P-256 key "11" of cose-wg and gluecose (x, y), and the Ed25519 key of eddsa-sig-01 (x_hex, d_hex). */
#define P256_KEY                                                                                                       \
    "04bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff"                                               \
    "20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e"
#define ED25519_KEY "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define ED25519_SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"

/* Signatures of sign1-tests/sign-fail-01 (which verifies but for its tag), sign-pass-02, eddsa-sig-01. */
#define SIGNATURE_ES256                                                                                                \
    "8eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e"                                                 \
    "2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36"
#define SIGNATURE_EXTERNAL                                                                                             \
    "10729cd711cb3813d8d8e944a8da7111e7b258c9bdca6135f7ae1adbee950989"                                                 \
    "1267837e1e33bd36c150326ae62755c6bd8e540c3e8f92d7d225e8db72b8820b"
#define SIGNATURE_EDDSA                                                                                                \
    "7142fd2ff96d56db85bee905a76ba1d0b7321a95c8c4d3607c5781932b7afb87"                                                 \
    "11497dfa751bf40b58b3bcc32300b1487f3db34085eef013bf08f4a44d6fef0d"

#define ZEROS "00000000000000000000000000000000"
#define ONES "ffffffffffffffffffffffffffffffff"

struct memory {
    struct bulla_bytes bytes;
    uint8_t data[1024];
};

static struct bulla_bytes from_hex(struct memory *memory, const char *hex)
{
    memory->bytes = (struct bulla_bytes){memory->data, test_hex(hex, memory->data, sizeof memory->data)};
    return memory->bytes;
}

struct keys {
    struct memory p256, ed25519;
    struct bulla_cose_key es256, eddsa;
};

static void load_keys(struct keys *keys)
{
    keys->es256 = (struct bulla_cose_key){BULLA_COSE_ES256, from_hex(&keys->p256, P256_KEY)};
    keys->eddsa = (struct bulla_cose_key){BULLA_COSE_EDDSA, from_hex(&keys->ed25519, ED25519_KEY)};
}

static enum bulla_reason read_and_verify(
    struct bulla_bytes bytes, const struct bulla_cose_key *key, struct bulla_bytes external)
{
    struct bulla_cose_message message;
    BULLA_TRY(bulla_cose_sign1_read(bytes, "a test", &message));
    return bulla_cose_sign1_verify(&message, key, external);
}

static const struct bulla_bytes none = {NULL, 0};

static void published_messages_verify_once_nothing_is_unprotected(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *external;
        bool eddsa;
        uint64_t content_type;
    } rows[] = {
        {"d28443a10126a054" CONTENT "5840" SIGNATURE_ES256, "", false, 0},
        {"d28443a10126a054" CONTENT "5840" SIGNATURE_EXTERNAL, EXTERNAL, false, 0},
        {"d28445a201270300a054" CONTENT "5840" SIGNATURE_EDDSA, "", true, 0},
        /* gluecose sign1-verify-0000 and -0001 */
        {"d28443a10126a054" CONTENT "58403a7487d9a528cb61dd8e99bd652c12577fc47d70ee5af2e703c420584f060fc7a8d61e4a35862b"
         "2b531a8447030ab966aeed8dd45ebc507c761431e349995770",
            EXTERNAL, false, 0},
        {"d28445a201260300a054" CONTENT "58402ad3b9dcc1e13d04f357e11cc8acd825196620e62f0d8deca72672508b829d90e07a3f23be"
         "6aa36fd6ebd31e2ed08d1760bffd981f"
         "991bfc94a45199a54875c4",
            "", false, 0},
    };
    struct keys keys;
    load_keys(&keys);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct memory message;
        struct memory external;
        struct bulla_cose_message read;
        const struct bulla_cose_key *key = rows[i].eddsa ? &keys.eddsa : &keys.es256;
        (void)from_hex(&message, rows[i].hex);
        assert_int_equal(bulla_cose_sign1_read(message.bytes, "a test", &read), BULLA_OK);
        assert_int_equal(read.algorithm, key->algorithm);
        assert_int_equal(read.content_type, rows[i].content_type);
        assert_true(bulla_bytes_equal_text(read.payload, "This is the content."));
        assert_int_equal(bulla_cose_sign1_verify(&read, key, from_hex(&external, rows[i].external)), BULLA_OK);
        const char *other = *rows[i].external ? "" : EXTERNAL;
        assert_int_equal(bulla_cose_sign1_verify(&read, key, from_hex(&external, other)), BULLA_SIGNATURE);
        const struct bulla_cose_key *wrong = rows[i].eddsa ? &keys.es256 : &keys.eddsa;
        assert_int_equal(bulla_cose_sign1_verify(&read, wrong, none), BULLA_SIGNATURE);
    }
}

static void what_is_outside_the_subset_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum bulla_reason reason;
    } rows[] = {
        /* eddsa-sig-01, gluecose sign1-verify-0000 and sign-pass-01 as published: unprotected headers */
        {"d28445a201270300a10442313154" CONTENT "5840" SIGNATURE_EDDSA, BULLA_UNKNOWN_FIELD},
        {"d28443a10126a10442313154" CONTENT "5840" SIGNATURE_ES256, BULLA_UNKNOWN_FIELD},
        {"d28441a0a201260442313154" CONTENT "5840" SIGNATURE_ES256, BULLA_UNKNOWN_FIELD},
        /* sign-fail-01: tag 998; sign-pass-03: no tag; Mac0's tag */
        {"d903e68443a10126a054" CONTENT "5840" SIGNATURE_ES256, BULLA_MALFORMED},
        {"8443a10126a054" CONTENT "5840" SIGNATURE_ES256, BULLA_MALFORMED},
        {"d18443a10126a054" CONTENT "5840" SIGNATURE_ES256, BULLA_MALFORMED},
        /* sign-fail-03 and -04: algorithm -999 and "unknown"; ES384; HMAC; no algorithm at all */
        {"d28445a1013903e6a054" CONTENT "5840" SIGNATURE_ES256, BULLA_UNSUPPORTED},
        {"d2844aa10167756e6b6e6f776ea054" CONTENT "5840" SIGNATURE_ES256, BULLA_MALFORMED},
        {"d28444a1013822a054" CONTENT "5840" SIGNATURE_ES256, BULLA_UNSUPPORTED},
        {"d28443a10105a054" CONTENT "5840" SIGNATURE_ES256, BULLA_MALFORMED},
        {"d28441a0a054" CONTENT "5840" SIGNATURE_ES256, BULLA_MALFORMED},
        {"d28440a054" CONTENT "5840" SIGNATURE_ES256, BULLA_TRUNCATED},
        /* a header that is not known, a critical one, a content type that is text or too large */
        {"d28447a2012604423131a054" CONTENT "5840" SIGNATURE_ES256, BULLA_UNKNOWN_FIELD},
        {"d28446a20126028101a054" CONTENT "5840" SIGNATURE_ES256, BULLA_UNKNOWN_FIELD},
        {"d28446a20126036161a054" CONTENT "5840" SIGNATURE_ES256, BULLA_MALFORMED},
        {"d28449a20126031a00010000a054" CONTENT "5840" SIGNATURE_ES256, BULLA_MALFORMED},
        /* a protected header that is not deterministic, or followed by something */
        {"d28444a1180126a054" CONTENT "5840" SIGNATURE_ES256, BULLA_NOT_CANONICAL},
        {"d28445a203000126a054" CONTENT "5840" SIGNATURE_ES256, BULLA_NOT_CANONICAL},
        {"d28444a1012600a054" CONTENT "5840" SIGNATURE_ES256, BULLA_TRAILING},
        /* shapes: three elements, five, a detached payload, a map that is none, a short signature, bytes behind */
        {"d28343a10126a054" CONTENT, BULLA_MALFORMED},
        {"d28543a10126a054" CONTENT "5840" SIGNATURE_ES256 "00", BULLA_MALFORMED},
        {"d28443a10126a0f65840" SIGNATURE_ES256, BULLA_MALFORMED},
        {"d28443a101268054" CONTENT "5840" SIGNATURE_ES256, BULLA_MALFORMED},
        {"d28443a10126a054" CONTENT "4101", BULLA_MALFORMED},
        {"d28443a10126a054" CONTENT "5840" SIGNATURE_ES256 "00", BULLA_TRAILING},
        {"d21864", BULLA_MALFORMED},
        {"", BULLA_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct memory message;
        struct bulla_cose_message read;
        enum bulla_reason reason = bulla_cose_sign1_read(from_hex(&message, rows[i].hex), "a test", &read);
        if (reason != rows[i].reason)
            print_error("row %zu: %s: %s\n", i, bulla_reason_code(reason), bulla_detail());
        assert_int_equal(reason, rows[i].reason);
        assert_null(read.payload.data);
    }
}

static void published_messages_that_were_changed_do_not_verify(void **state)
{
    (void)state;
    static const char *const rows[] = {
        /* sign-fail-02: the content changed; -06: a protected attribute added; -07: one removed */
        "d28443a10126a054546869732069732074686520636f6e74656e742f5840" SIGNATURE_ES256,
        "d28445a201260300a054" CONTENT "5840" SIGNATURE_ES256,
        "d28443a10126a054" CONTENT
        "58406520bbaf2081d7e0ed0f95f76eb0733d667005f7467cec4b87b9381a6ba1ede8e00df29f32a37230"
        "f39a842a54821fdd223092819d7728efb9d3a0080b75380b",
        /* signatures that are no numbers below the curve's order: zeros, and all ones */
        "d28443a10126a054" CONTENT "5840" ZEROS ZEROS ZEROS ZEROS,
        "d28443a10126a054" CONTENT "5840" ONES ONES ONES ONES,
    };
    struct keys keys;
    load_keys(&keys);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct memory message;
        assert_int_equal(read_and_verify(from_hex(&message, rows[i]), &keys.es256, none), BULLA_SIGNATURE);
    }
}

static void no_bit_of_a_message_can_be_changed(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "d28443a10126a054" CONTENT "5840" SIGNATURE_ES256,
        "d28445a201270300a054" CONTENT "5840" SIGNATURE_EDDSA,
    };
    struct keys keys;
    load_keys(&keys);
    for (size_t i = 0; i < 2; i++) {
        struct memory message;
        const struct bulla_cose_key *key = i ? &keys.eddsa : &keys.es256;
        (void)from_hex(&message, rows[i]);
        assert_int_equal(read_and_verify(message.bytes, key, none), BULLA_OK);
        for (size_t bit = 0; bit < 8 * message.bytes.size; bit++) {
            message.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_not_equal(read_and_verify(message.bytes, key, none), BULLA_OK);
            message.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void keys_that_are_none_are_refused(void **state)
{
    (void)state;
    struct memory message;
    struct keys keys;
    load_keys(&keys);
    (void)from_hex(&message, "d28443a10126a054" CONTENT "5840" SIGNATURE_ES256);
    keys.p256.data[64] ^= 1; /* no point of the curve */
    assert_int_equal(read_and_verify(message.bytes, &keys.es256, none), BULLA_KEY_INVALID);
    keys.p256.data[64] ^= 1;
    keys.p256.data[0] = 0x06; /* the hybrid form, which OpenSSL would take */
    assert_int_equal(read_and_verify(message.bytes, &keys.es256, none), BULLA_KEY_INVALID);
    keys.p256.data[0] = 0x04;
    keys.es256.key.size = 33;
    assert_int_equal(read_and_verify(message.bytes, &keys.es256, none), BULLA_KEY_INVALID);
    (void)from_hex(&message, "d28445a201270300a054" CONTENT "5840" SIGNATURE_EDDSA);
    keys.eddsa.key.size = 31;
    assert_int_equal(read_and_verify(message.bytes, &keys.eddsa, none), BULLA_KEY_INVALID);
    memset(keys.ed25519.data, 0, 32); /* a point of small order */
    keys.eddsa.key.size = 32;
    assert_int_equal(read_and_verify(message.bytes, &keys.eddsa, none), BULLA_SIGNATURE);
}

/* A signer that keeps what it was asked to sign and answers with a signature that is known. */
struct known {
    struct memory signed_bytes;
    const char *signature;
};

static enum bulla_reason sign_known(void *context, struct bulla_bytes to_be_signed, uint8_t signature[static 64])
{
    struct known *known = context;
    assert_true(to_be_signed.size <= sizeof known->signed_bytes.data);
    memcpy(known->signed_bytes.data, to_be_signed.data, to_be_signed.size);
    known->signed_bytes.bytes = (struct bulla_bytes){known->signed_bytes.data, to_be_signed.size};
    (void)test_hex(known->signature, signature, 64);
    return BULLA_OK;
}

static void the_published_structures_are_what_is_signed(void **state)
{
    (void)state;
    static const struct {
        enum bulla_cose_algorithm algorithm;
        const char *external, *signature, *to_be_signed, *message;
    } rows[] = {
        /* sign-fail-01, sign-pass-02 and eddsa-sig-02 (an Ed448 key; the structure is the same) */
        {BULLA_COSE_ES256, "", SIGNATURE_ES256, "846a5369676e61747572653143a101264054" CONTENT,
            "d28443a10126a054" CONTENT "5840" SIGNATURE_ES256},
        {BULLA_COSE_ES256, EXTERNAL, SIGNATURE_EXTERNAL, "846a5369676e61747572653143a101264c" EXTERNAL "54" CONTENT,
            "d28443a10126a054" CONTENT "5840" SIGNATURE_EXTERNAL},
        {BULLA_COSE_EDDSA, "", SIGNATURE_EDDSA, "846a5369676e61747572653143a101274054" CONTENT,
            "d28443a10127a054" CONTENT "5840" SIGNATURE_EDDSA},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct known known = {.signature = rows[i].signature};
        const struct bulla_cose_signer signer = {rows[i].algorithm, sign_known, &known};
        struct memory external;
        struct memory expected;
        uint8_t out[256];
        struct bulla_writer writer;
        bulla_writer_open(&writer, out, sizeof out);
        assert_int_equal(bulla_cose_sign1_write(&writer, &signer, 0, BULLA_TEXT("This is the content."),
                             from_hex(&external, rows[i].external)),
            BULLA_OK);
        assert_int_equal(bulla_writer_finish(&writer, "a test"), BULLA_OK);
        assert_true(bulla_bytes_equal(known.signed_bytes.bytes, from_hex(&expected, rows[i].to_be_signed)));
        assert_true(bulla_bytes_equal(bulla_writer_bytes(&writer), from_hex(&expected, rows[i].message)));
    }
}

static enum bulla_reason sign_ed25519(void *context, struct bulla_bytes to_be_signed, uint8_t signature[static 64])
{
    uint8_t seed[32];
    uint8_t public_key[32];
    uint8_t secret_key[64];
    (void)context;
    (void)test_hex(ED25519_SEED, seed, sizeof seed);
    (void)crypto_sign_seed_keypair(public_key, secret_key, seed);
    (void)crypto_sign_detached(signature, NULL, to_be_signed.data, to_be_signed.size, secret_key);
    return BULLA_OK;
}

static const struct bulla_cose_signer ed25519 = {BULLA_COSE_EDDSA, sign_ed25519, NULL};

static void a_content_type_is_protected_and_read_back(void **state)
{
    (void)state;
    struct keys keys;
    struct bulla_writer writer;
    struct bulla_cose_message message;
    uint8_t out[256];
    load_keys(&keys);
    bulla_writer_open(&writer, out, sizeof out);
    assert_int_equal(bulla_cose_sign1_write(&writer, &ed25519, 61, BULLA_TEXT("claims"), none), BULLA_OK);
    assert_int_equal(bulla_cose_sign1_read(bulla_writer_bytes(&writer), "a test", &message), BULLA_OK);
    assert_int_equal(message.content_type, 61);
    assert_memory_equal(message.protected_header.data, "\xa2\x01\x27\x03\x18\x3d", 6); /* {1: -8, 3: 61} */
    assert_int_equal(bulla_cose_sign1_verify(&message, &keys.eddsa, none), BULLA_OK);
    assert_int_equal(bulla_cose_sign1_write(&writer, &ed25519, 65536, none, none), BULLA_ARGUMENT);
}

static void payloads_are_taken_up_to_their_bound(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 16000, 16384, 20000, 65536, BULLA_COSE_LARGEST - 3};
    static uint8_t payload[BULLA_COSE_LARGEST + 1];
    static uint8_t out[BULLA_COSE_LARGEST + 256];
    struct keys keys;
    struct bulla_writer writer;
    struct bulla_cose_message message;
    load_keys(&keys);
    memset(payload, 0xa5, sizeof payload);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        bulla_writer_open(&writer, out, sizeof out);
        assert_int_equal(
            bulla_cose_sign1_write(&writer, &ed25519, 0, (struct bulla_bytes){payload, sizes[i]}, none), BULLA_OK);
        assert_int_equal(bulla_writer_finish(&writer, "a test"), BULLA_OK);
        assert_int_equal(bulla_cose_sign1_read(bulla_writer_bytes(&writer), "a test", &message), BULLA_OK);
        assert_int_equal(message.payload.size, sizes[i]);
        assert_int_equal(bulla_cose_sign1_verify(&message, &keys.eddsa, none), BULLA_OK);
    }
    struct bulla_bytes large = {payload, BULLA_COSE_LARGEST - 2};
    assert_int_equal(bulla_cose_sign1_write(&writer, &ed25519, 0, large, none), BULLA_TOO_LARGE);
    struct bulla_bytes half = {payload, BULLA_COSE_LARGEST / 2}; /* twice that and a header are more than all */
    message.payload = half;
    assert_int_equal(bulla_cose_sign1_verify(&message, &keys.eddsa, half), BULLA_TOO_LARGE);
    assert_int_equal(
        bulla_cose_sign1_verify(&message, &keys.eddsa, (struct bulla_bytes){payload, SIZE_MAX}), BULLA_TOO_LARGE);

    bulla_writer_open(&writer, out, sizeof out);
    bulla_write(&writer, "\xd2\x84\x43\xa1\x01\x27\xa0", 7);
    bulla_cbor_write_bstr(&writer, (struct bulla_bytes){payload, BULLA_COSE_LARGEST + 1});
    bulla_cbor_write_bstr(&writer, (struct bulla_bytes){payload, 64});
    assert_int_equal(bulla_cose_sign1_read(bulla_writer_bytes(&writer), "a test", &message), BULLA_TOO_LARGE);
}

static enum bulla_reason sign_not(void *context, struct bulla_bytes to_be_signed, uint8_t signature[static 64])
{
    (void)context;
    (void)to_be_signed;
    (void)signature;
    return bulla_refuse(BULLA_NOT_LOGGED_IN, "the key is asleep");
}

static void a_signer_that_refuses_leaves_nothing_written(void **state)
{
    (void)state;
    uint8_t out[256];
    struct bulla_writer writer;
    const struct bulla_cose_signer refusing = {BULLA_COSE_EDDSA, sign_not, NULL};
    const struct bulla_cose_signer hmac = {BULLA_COSE_HMAC_256, sign_ed25519, NULL};
    bulla_writer_open(&writer, out, sizeof out);
    assert_int_equal(bulla_cose_sign1_write(&writer, &refusing, 0, BULLA_TEXT("a"), none), BULLA_NOT_LOGGED_IN);
    assert_int_equal(bulla_cose_sign1_write(&writer, &hmac, 0, BULLA_TEXT("a"), none), BULLA_ARGUMENT);
    assert_int_equal(writer.size, 0);
}

static void a_writer_that_is_too_small_says_how_much_is_needed(void **state)
{
    (void)state;
    uint8_t out[100];
    struct bulla_writer writer;
    bulla_writer_open(&writer, out, 50);
    assert_int_equal(bulla_cose_sign1_write(&writer, &ed25519, 0, BULLA_TEXT("This is the content."), none), BULLA_OK);
    assert_int_equal(bulla_writer_finish(&writer, "a test"), BULLA_BUFFER_SMALL);
    assert_int_equal(writer.size, 2 + 4 + 1 + 21 + 66);
}

/* The files at hand: what the algorithms and the key allow must verify exactly where the file says that it does. */
static void check_file(const char *name, const struct keys *keys, unsigned *verified, unsigned *failed)
{
    size_t size = 0;
    unsigned char *file = test_vector_file(name, &size);
    assert_non_null(file);
    json_t *json = json_loadb((const char *)file, size, 0, NULL);
    assert_non_null(json);
    const json_t *glue = json_object_get(json, "sign1::verify");
    const json_t *input = json_object_get(json_object_get(json, "input"), "sign0");
    const char *hex = json_string_value(glue ? json_object_get(json_object_get(glue, "taggedCOSESign1"), "cborHex")
                                             : json_object_get(json_object_get(json, "output"), "cbor"));
    const char *external = json_string_value(json_object_get(glue ? glue : input, "external"));
    bool should = glue ? json_is_true(json_object_get(glue, "shouldVerify")) : !json_object_get(json, "fail");
    struct memory published;
    struct memory aad;
    struct bulla_cose_message message;
    struct bulla_cbor item;
    (void)from_hex(&published, hex);
    assert_int_not_equal(bulla_cose_sign1_read(published.bytes, name, &message), BULLA_OK);

    struct bulla_cbor parts[4];
    uint8_t out[1024];
    struct bulla_writer writer;
    assert_int_equal(bulla_cbor_decode(published.bytes, name, &item), BULLA_OK);
    bulla_writer_open(&writer, out, sizeof out);
    if (item.kind == BULLA_CBOR_TAG) {
        bulla_cbor_write_tag(&writer, item.number);
        struct bulla_cbor_walk walk = bulla_cbor_inside(&item);
        assert_true(bulla_cbor_next(&walk, &item));
    }
    struct bulla_cbor_walk walk = bulla_cbor_inside(&item);
    for (size_t i = 0; i < 4; i++)
        assert_true(bulla_cbor_next(&walk, &parts[i]));
    bulla_cbor_write_array(&writer, 4);
    bulla_write_bytes(&writer, parts[0].encoded);
    bulla_cbor_write_map(&writer, 0);
    bulla_write_bytes(&writer, parts[2].encoded);
    bulla_write_bytes(&writer, parts[3].encoded);
    const struct bulla_cose_key *key = strstr(name, "eddsa") ? &keys->eddsa : &keys->es256;
    (void)from_hex(&aad, external ? external : "");
    bool verifies = read_and_verify(bulla_writer_bytes(&writer), key, aad.bytes) == BULLA_OK;
    bool ours = !strstr(name, "eddsa-sig-02") && !strstr(name, "pass-01") && !strstr(name, "pass-03") &&
                !(glue && strcmp(json_string_value(json_object_get(json, "alg")), "ES256") != 0);
    assert_int_equal(verifies, ours && should);
    *verified += verifies;
    *failed += !verifies;
    json_decref(json);
    free(file);
}

static void the_vectors_at_hand_verify_as_they_say(void **state)
{
    (void)state;
    static const char *const names[] = {"glue_sign1-verify-0000", "glue_sign1-verify-0001", "glue_sign1-verify-0002",
        "glue_sign1-verify-0003", "glue_sign1-verify-0004", "glue_sign1-verify-0005", "glue_sign1-verify-0006",
        "wg_eddsa-sig-01", "wg_eddsa-sig-02", "wg_sign-fail-01", "wg_sign-fail-02", "wg_sign-fail-03",
        "wg_sign-fail-04", "wg_sign-fail-06", "wg_sign-fail-07", "wg_sign-pass-01", "wg_sign-pass-02",
        "wg_sign-pass-03"};
    size_t size = 0;
    unsigned char *there = test_vector_file("cose/wg_sign-pass-01.json", &size);
    if (!there)
        skip();
    free(there);
    struct keys keys;
    unsigned verified = 0;
    unsigned failed = 0;
    load_keys(&keys);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "cose/%s.json", names[i]);
        check_file(path, &keys, &verified, &failed);
    }
    assert_int_equal(verified, 4);
    assert_int_equal(failed, 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_messages_verify_once_nothing_is_unprotected),
        cmocka_unit_test(what_is_outside_the_subset_is_refused),
        cmocka_unit_test(published_messages_that_were_changed_do_not_verify),
        cmocka_unit_test(no_bit_of_a_message_can_be_changed),
        cmocka_unit_test(keys_that_are_none_are_refused),
        cmocka_unit_test(the_published_structures_are_what_is_signed),
        cmocka_unit_test(a_content_type_is_protected_and_read_back),
        cmocka_unit_test(payloads_are_taken_up_to_their_bound),
        cmocka_unit_test(a_signer_that_refuses_leaves_nothing_written),
        cmocka_unit_test(a_writer_that_is_too_small_says_how_much_is_needed),
        cmocka_unit_test(the_vectors_at_hand_verify_as_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
