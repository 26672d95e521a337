/* Principals: their texts, and what is no proof. */
#include "support/test.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/principal.h"

static struct bulla_principal parsed(const char *text)
{
    struct bulla_principal principal;
    assert_int_equal(bulla_principal_parse(BULLA_TEXT(text), &principal), BULLA_OK);
    return principal;
}

static void refused(const char *text)
{
    struct bulla_principal principal = {.kind = BULLA_PRINCIPAL_USER, .size = 3};
    assert_int_equal(bulla_principal_parse(BULLA_TEXT(text), &principal), BULLA_MALFORMED);
    assert_int_equal(principal.kind, BULLA_PRINCIPAL_NOBODY);
    assert_int_equal(principal.size, 0);
}

static struct bulla_bytes unhex(const char *hex, uint8_t *bytes, size_t capacity)
{
    size_t size = 0;
    assert_int_equal(sodium_hex2bin(bytes, capacity, hex, strlen(hex), NULL, &size, NULL), 0);
    return (struct bulla_bytes){bytes, size};
}

/* --- texts --- */

#define ED25519 "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
#define SECP256K1 "secp256k1:024e3b81af9c2234cad09d679ce6035ed1392347ce64ce405f5dcd36228a25de6e"
#define ETHEREUM "ethereum:0x2c7536e3605d9c16a7a3d7b1898e529396a65c23"
#define NAME_64 "a123456789012345678901234567890123456789012345678901234567890123"

static void every_kind_is_written_back_as_it_was_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum bulla_principal_kind kind;
        uint8_t size;
    } rows[] = {
        {"anyone", BULLA_PRINCIPAL_ANYONE, 0},
        {"user:ann", BULLA_PRINCIPAL_USER, 3},
        {"user:0._-", BULLA_PRINCIPAL_USER, 4},
        {"user:_", BULLA_PRINCIPAL_USER, 1},
        {"user:" NAME_64, BULLA_PRINCIPAL_USER, 64},
        {ED25519, BULLA_PRINCIPAL_ED25519, 32},
        {SECP256K1, BULLA_PRINCIPAL_SECP256K1, 33},
        {ETHEREUM, BULLA_PRINCIPAL_ETHEREUM, 20},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[BULLA_PRINCIPAL_TEXT];
        struct bulla_principal principal = parsed(rows[i].text);
        assert_int_equal(principal.kind, rows[i].kind);
        assert_int_equal(principal.size, rows[i].size);
        bulla_principal_text(&principal, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "nobody", "anyone ", "anyoneelse", "any", "user", "user:", "user:.ann",
        "user:-ann", "user:Ann", "user:an n", "user:a/b", "user:\xc3\xa4", "user:" NAME_64 "4", " user:ann", "USER:ann",
        "ed25519:", "ed25519:00", ED25519 "0", ED25519 "00", "ed25519:0x3d4017c3",
        "ed25519:3D4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "ed25519:gd4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "secp256k1:044e3b81af9c2234cad09d679ce6035ed1392347ce64ce405f5dcd36228a25de6e",
        "secp256k1:4e3b81af9c2234cad09d679ce6035ed1392347ce64ce405f5dcd36228a25de6e", SECP256K1 "00",
        "ethereum:2c7536e3605d9c16a7a3d7b1898e529396a65c23", "ethereum:0X2c7536e3605d9c16a7a3d7b1898e529396a65c23",
        "ethereum:0x2c7536e3605d9c16a7a3d7b1898e529396a65c2", ETHEREUM "0", "rsa:00", "ed25519"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        refused(texts[i]);
    struct bulla_principal principal;
    assert_int_equal(bulla_principal_parse((struct bulla_bytes){NULL, 0}, &principal), BULLA_MALFORMED);
    assert_int_equal(
        bulla_principal_parse((struct bulla_bytes){(const uint8_t *)"user:a\0b", 8}, &principal), BULLA_MALFORMED);
}

/* EIP-55, "Test Cases". */
static void capitals_of_an_address_are_its_checksum(void **state)
{
    (void)state;
    static const char *const addresses[] = {"0x52908400098527886E0F7030069857D2E4169EE7",
        "0x8617E340B3D01FA5F11F306F4090FD50E238070D", "0xde709f2102306220921060314715629080e2fb77",
        "0x27b1fdb04752bbc536007a920d24acb045561c26", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        char text[64] = "ethereum:", lower[64] = "ethereum:", written[BULLA_PRINCIPAL_TEXT];
        memcpy(text + 9, addresses[i], 43);
        for (size_t j = 0; j < 43; j++) {
            char letter = addresses[i][j];
            lower[9 + j] = letter >= 'A' && letter <= 'F' ? (char)(letter + 32) : letter;
        }
        struct bulla_principal principal = parsed(text), same = parsed(lower);
        assert_true(bulla_principal_equal(&principal, &same));
        bulla_principal_text(&principal, written);
        assert_string_equal(written, lower);
        for (size_t j = 11; j < 51; j++) { /* each letter in its other case */
            bool letter = (text[j] | 32) >= 'a' && (text[j] | 32) <= 'f';
            text[j] ^= letter ? 32 : 0;
            if (letter && strcmp(text, lower) != 0)
                refused(text);
            text[j] ^= letter ? 32 : 0;
        }
    }
}

static void principals_are_equal_by_kind_and_value(void **state)
{
    (void)state;
    static const char *const texts[] = {"anyone", "user:ann", "user:anna", "user:bob", ED25519, SECP256K1, ETHEREUM};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (size_t j = 0; j < sizeof texts / sizeof texts[0]; j++) {
            struct bulla_principal left = parsed(texts[i]), right = parsed(texts[j]);
            assert_int_equal(bulla_principal_equal(&left, &right), i == j);
        }
    const struct bulla_principal nobody = {0};
    assert_false(bulla_principal_equal(&nobody, &nobody));
}

static void what_no_parser_made_is_written_without_harm(void **state)
{
    (void)state;
    struct bulla_principal principal = {.kind = 200, .size = 255};
    char text[BULLA_PRINCIPAL_TEXT];
    bulla_principal_text(&principal, text);
    assert_string_equal(text, "nobody");
    assert_false(bulla_principal_has_key(&principal));
    principal.kind = BULLA_PRINCIPAL_ED25519;
    bulla_principal_text(&principal, text);
    assert_string_equal(text, "ed25519:");
}

/* --- challenges --- */

static void count_up(uint8_t nonce[static 32])
{
    for (uint8_t i = 0; i < 32; i++)
        nonce[i] = i;
}

static void a_challenge_names_token_principal_and_nonce(void **state)
{
    (void)state;
    uint8_t nonce[32];
    char challenge[2 * BULLA_CHALLENGE_SIZE];
    struct bulla_principal principal = parsed(ETHEREUM);
    count_up(nonce);
    bulla_principal_challenge(&principal, "0123456789abcdef", nonce, challenge);
    assert_string_equal(challenge, "bulla login\ntoken: 0123456789abcdef\nprincipal: " ETHEREUM
                                   "\nnonce: 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n");
}

/* --- proofs --- */

/* Refused with every bit of the proof, every bit of the challenge and every bit of the key changed, and in every other
 * length. */
static void check_proof(const struct bulla_principal *principal, struct bulla_bytes challenge, struct bulla_bytes proof)
{
    uint8_t text[512], bytes[128];
    assert_int_equal(bulla_principal_verify(principal, challenge, proof), BULLA_OK);
    memcpy(text, challenge.data, challenge.size);
    memcpy(bytes, proof.data, proof.size);
    const struct bulla_bytes changed_text = {text, challenge.size}, changed_proof = {bytes, proof.size};
    for (size_t bit = 0; bit < 8 * proof.size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(bulla_principal_verify(principal, challenge, changed_proof), BULLA_PRINCIPAL_WRONG);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * challenge.size; bit++) {
        text[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(bulla_principal_verify(principal, changed_text, proof), BULLA_PRINCIPAL_WRONG);
        text[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8U * principal->size; bit++) {
        struct bulla_principal other = *principal;
        other.value[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(bulla_principal_verify(&other, challenge, proof), BULLA_PRINCIPAL_WRONG);
    }
    for (size_t size = 0; size <= proof.size + 2; size++)
        if (size != proof.size)
            assert_int_equal(
                bulla_principal_verify(principal, challenge, (struct bulla_bytes){bytes, size}), BULLA_PRINCIPAL_WRONG);
}

/* RFC 8032, 7.1, TEST 2. */
static void an_ed25519_key_proves_itself_by_signing(void **state)
{
    (void)state;
    uint8_t proof[64];
    struct bulla_principal principal = parsed(ED25519);
    check_proof(&principal, (struct bulla_bytes){(const uint8_t *)"\x72", 1},
        unhex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
              "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            proof, sizeof proof));
}

/* S plus the group's order verifies by the equation alone (RFC 8032, 5.1.7 demands the range). */
static void an_ed25519_signature_has_one_form(void **state)
{
    (void)state;
    static const uint8_t order[32] = {
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    uint8_t proof[64];
    unsigned carry = 0;
    struct bulla_principal principal = parsed(ED25519);
    struct bulla_bytes bytes = unhex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                                     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        proof, sizeof proof);
    for (size_t i = 0; i < 32; i++, carry >>= 8) {
        carry += proof[32 + i] + order[i];
        proof[32 + i] = (uint8_t)carry;
    }
    assert_int_equal(bulla_principal_verify(&principal, (struct bulla_bytes){(const uint8_t *)"\x72", 1}, bytes),
        BULLA_PRINCIPAL_WRONG);
}

/* With the neutral element as the key, R = the base point and S = 1 satisfy the equation for every message. */
static void a_key_of_small_order_proves_nobody(void **state)
{
    (void)state;
    uint8_t proof[64];
    struct bulla_principal principal =
        parsed("ed25519:0100000000000000000000000000000000000000000000000000000000000000");
    struct bulla_bytes bytes = unhex("5866666666666666666666666666666666666666666666666666666666666666"
                                     "0100000000000000000000000000000000000000000000000000000000000000",
        proof, sizeof proof);
    assert_int_equal(bulla_principal_verify(&principal, BULLA_TEXT("whatever"), bytes), BULLA_PRINCIPAL_WRONG);
}

/* web3.js's documentation of web3.eth.accounts.sign (docs.web3js.org): "Some data" under the private key
 * 0x4c0883a6…362318. That key's address is in the same documentation, its compressed point by python3-cryptography,
 * which also verified both signatures: this one and that with the upper half's s. */
#define WEB3_R "b91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd"
#define WEB3_S "6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a029"
#define WEB3_HIGH_S "9ff818b327d1fc847ffe79bdd03d25e83e3a5df66962ceb160751b8bd754a118"

static void an_ethereum_account_proves_itself_by_a_personal_message(void **state)
{
    (void)state;
    uint8_t proof[65];
    struct bulla_principal principal = parsed("ethereum:0x2c7536E3605D9C16a7a3D7b1898e529396a65c23");
    check_proof(&principal, BULLA_TEXT("Some data"), unhex(WEB3_R WEB3_S "1c", proof, sizeof proof));
}

static void a_secp256k1_key_proves_itself_in_either_length(void **state)
{
    (void)state;
    uint8_t proof[65];
    struct bulla_principal principal = parsed(SECP256K1);
    struct bulla_bytes bytes = unhex(WEB3_R WEB3_S "1c", proof, sizeof proof);
    assert_int_equal(bulla_principal_verify(&principal, BULLA_TEXT("Some data"), bytes), BULLA_OK);
    bytes.size = 64;
    assert_int_equal(bulla_principal_verify(&principal, BULLA_TEXT("Some data"), bytes), BULLA_OK);
    bytes.size = 63;
    assert_int_equal(bulla_principal_verify(&principal, BULLA_TEXT("Some data"), bytes), BULLA_PRINCIPAL_WRONG);
    for (size_t size = 64; size <= 65; size++)
        for (size_t bit = 0; bit < 8 * size; bit++) {
            proof[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(
                bulla_principal_verify(&principal, BULLA_TEXT("Some data"), (struct bulla_bytes){proof, size}),
                BULLA_PRINCIPAL_WRONG);
            proof[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    bytes.size = 64;
    for (size_t bit = 0; bit < 8U * 33; bit++) {
        struct bulla_principal other = principal;
        other.value[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(bulla_principal_verify(&other, BULLA_TEXT("Some data"), bytes), BULLA_PRINCIPAL_WRONG);
    }
}

static void an_account_s_proof_holds_the_recovery_bit(void **state)
{
    (void)state;
    uint8_t proof[65];
    struct bulla_principal principal = parsed(ETHEREUM);
    struct bulla_bytes bytes = unhex(WEB3_R WEB3_S "1c", proof, sizeof proof);
    for (unsigned v = 0; v < 256; v++) {
        proof[64] = (uint8_t)v;
        assert_int_equal(bulla_principal_verify(&principal, BULLA_TEXT("Some data"), bytes),
            v == 1 || v == 28 ? BULLA_OK : BULLA_PRINCIPAL_WRONG);
    }
    bytes.size = 64;
    assert_int_equal(bulla_principal_verify(&principal, BULLA_TEXT("Some data"), bytes), BULLA_PRINCIPAL_WRONG);
}

static void the_upper_half_of_s_is_refused(void **state)
{
    (void)state;
    uint8_t proof[65];
    static const char *const texts[] = {SECP256K1, ETHEREUM};
    struct bulla_bytes bytes = unhex(WEB3_R WEB3_HIGH_S "1b", proof, sizeof proof);
    for (size_t i = 0; i < 2; i++) {
        struct bulla_principal principal = parsed(texts[i]);
        for (unsigned v = 0; v < 2; v++) {
            proof[64] = (uint8_t)(27 + v);
            assert_int_equal(bulla_principal_verify(&principal, BULLA_TEXT("Some data"), bytes), BULLA_PRINCIPAL_WRONG);
            assert_non_null(strstr(bulla_detail(), "upper half"));
        }
        assert_int_equal(bulla_principal_verify(&principal, BULLA_TEXT("Some data"), (struct bulla_bytes){proof, 64}),
            BULLA_PRINCIPAL_WRONG);
    }
}

static void numbers_beyond_the_group_are_refused(void **state)
{
    (void)state;
    static const char *const halves[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    struct bulla_principal principal = parsed(ETHEREUM), key = parsed(SECP256K1);
    uint8_t proof[65];
    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++)
        for (size_t half = 0; half < 2; half++) {
            struct bulla_bytes bytes = unhex(WEB3_R WEB3_S "1c", proof, sizeof proof);
            (void)unhex(halves[i], proof + 32 * half, 32);
            assert_int_equal(bulla_principal_verify(&principal, BULLA_TEXT("Some data"), bytes), BULLA_PRINCIPAL_WRONG);
            bytes.size = 64;
            assert_int_equal(bulla_principal_verify(&key, BULLA_TEXT("Some data"), bytes), BULLA_PRINCIPAL_WRONG);
        }
}

/* Challenges of the real form, signed by python3-cryptography with the same key over a Keccak of its own. */
static void challenges_of_this_token_are_proved(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {SECP256K1, "581b1711c6847b618035f72a04090d4d655e5b042057ca2e879a039ad66b2158"
                    "018bfbd8b52802db738b2577ed447f8d7f7838698806863fc4f480fada1e98f7"},
        {ETHEREUM, "d826f47883f837108239b080256ec6407fac9c570d13b694d507a54b5f37d880"
                   "4a29d9ebd5c5a3bd686bd277f5755ffda4d3c57c00000a43315a22acb0b7c090"},
    };
    for (size_t i = 0; i < 2; i++) {
        uint8_t nonce[32], proof[65];
        char challenge[2 * BULLA_CHALLENGE_SIZE];
        unsigned proved = 0;
        struct bulla_principal principal = parsed(rows[i][0]);
        count_up(nonce);
        (void)unhex(rows[i][1], proof, 64);
        bulla_principal_challenge(&principal, "0123456789abcdef", nonce, challenge);
        for (proof[64] = 0; proof[64] < 2; proof[64]++) /* the signer gave no recovery bit: it is one of the two */
            proved += bulla_principal_verify(&principal, BULLA_TEXT(challenge), BULLA_BYTES(proof)) == BULLA_OK;
        assert_int_equal(proved, 1);
        bulla_principal_challenge(&principal, "0123456789abcdee", nonce, challenge); /* another token's */
        for (proof[64] = 0; proof[64] < 2; proof[64]++)
            assert_int_equal(
                bulla_principal_verify(&principal, BULLA_TEXT(challenge), BULLA_BYTES(proof)), BULLA_PRINCIPAL_WRONG);
    }
}

static void who_has_no_key_proves_nothing_by_a_signature(void **state)
{
    (void)state;
    static const char *const texts[] = {"anyone", "user:ann"};
    const uint8_t proof[65] = {0};
    for (size_t i = 0; i < 2; i++) {
        struct bulla_principal principal = parsed(texts[i]);
        assert_false(bulla_principal_has_key(&principal));
        assert_int_equal(bulla_principal_verify(&principal, BULLA_TEXT("x"), BULLA_BYTES(proof)), BULLA_UNSUPPORTED);
    }
    const struct bulla_principal nobody = {0};
    assert_int_equal(bulla_principal_verify(&nobody, BULLA_TEXT("x"), BULLA_BYTES(proof)), BULLA_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_written_back_as_it_was_read),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(capitals_of_an_address_are_its_checksum),
        cmocka_unit_test(principals_are_equal_by_kind_and_value),
        cmocka_unit_test(what_no_parser_made_is_written_without_harm),
        cmocka_unit_test(a_challenge_names_token_principal_and_nonce),
        cmocka_unit_test(an_ed25519_key_proves_itself_by_signing),
        cmocka_unit_test(an_ed25519_signature_has_one_form),
        cmocka_unit_test(a_key_of_small_order_proves_nobody),
        cmocka_unit_test(an_ethereum_account_proves_itself_by_a_personal_message),
        cmocka_unit_test(a_secp256k1_key_proves_itself_in_either_length),
        cmocka_unit_test(an_account_s_proof_holds_the_recovery_bit),
        cmocka_unit_test(the_upper_half_of_s_is_refused),
        cmocka_unit_test(numbers_beyond_the_group_are_refused),
        cmocka_unit_test(challenges_of_this_token_are_proved),
        cmocka_unit_test(who_has_no_key_proves_nothing_by_a_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
