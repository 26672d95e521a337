/* Certificates by themselves: how they are read, from DER and from PEM, and what they tell. */
#include "chain_fixture.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void one_certificate_fills_its_bytes(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    chain_make(fixture);
    struct bulla_certificate *read = NULL;
    uint8_t *der = fixture->der[LEAF];
    size_t size = fixture->size[LEAF];
    der[size] = 0;
    assert_int_equal(bulla_certificate_read((struct bulla_bytes){der, size + 1}, "a link", &read), BULLA_TRAILING);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(bulla_certificate_read((struct bulla_bytes){der, cut}, "a link", &read), BULLA_MALFORMED);
    static const uint8_t large[BULLA_CERTIFICATE_LARGEST + 1];
    assert_int_equal(bulla_certificate_read(BULLA_BYTES(large), "a link", &read), BULLA_TOO_LARGE);
    assert_null(read);
    chain_end(fixture);
}

/* 30 82 hh ll with one more, needless byte of length: BER, and not what was signed as a whole. */
static void what_is_not_der_is_refused(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    chain_make(fixture);
    uint8_t ber[CHAIN_DER];
    struct bulla_certificate *read = NULL;
    const uint8_t *der = fixture->der[LEAF];
    size_t size = fixture->size[LEAF];
    assert_int_equal(der[1], 0x82);
    ber[0] = der[0];
    ber[1] = 0x83;
    ber[2] = 0;
    memcpy(ber + 3, der + 2, size - 2);
    assert_int_equal(bulla_certificate_read((struct bulla_bytes){ber, size + 1}, "a link", &read), BULLA_MALFORMED);
    assert_null(read);
    chain_end(fixture);
}

static void keys_of_other_kinds_are_refused(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    struct bulla_certificate *read = NULL;
    fixture->wanted[LEAF].key = fixture->keys[TEST_PKI_P521];
    fixture->size[LEAF] = test_pki_certificate_make(&fixture->wanted[LEAF], fixture->der[LEAF], CHAIN_DER);
    assert_int_equal(bulla_certificate_read((struct bulla_bytes){fixture->der[LEAF], fixture->size[LEAF]}, "x", &read),
        BULLA_UNSUPPORTED);
    assert_null(read);
}

static void what_a_certificate_says_is_told(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    uint64_t from = 0;
    uint64_t until = 0;
    uint8_t print[32];
    char text[40];
    struct bulla_public_key key;
    fixture->wanted[LEAF].subject = "a\tb\x1b[31m";
    fixture->wanted[LEAF].until = 253402300799; /* the last second of the year 9999 */
    fixture->wanted[LEAF].extra[0] = (struct test_pki_extension){"1.2.3.4.5", "0400", false};
    chain_make(fixture);
    const struct bulla_certificate *leaf = fixture->chain[LEAF];
    bulla_certificate_subject(leaf, text, sizeof text);
    assert_string_equal(text, "CN=a\\09b\\1B[31m");
    bulla_certificate_subject(leaf, text, 4);
    assert_string_equal(text, "CN=");
    bulla_certificate_validity(leaf, &from, &until);
    assert_true(from == FROM && until == 253402300799);
    crypto_hash_sha256(print, fixture->der[LEAF], fixture->size[LEAF]);
    bulla_certificate_fingerprint(leaf, fixture->pins[0]);
    assert_memory_equal(print, fixture->pins[0], sizeof print);
    bulla_certificate_key(leaf, &key);
    assert_int_equal(key.kind, BULLA_PUBLIC_P384);
    assert_int_equal(key.value.size, 97);
    bulla_certificate_key(fixture->chain[LOWER], &key);
    assert_int_equal(key.kind, BULLA_PUBLIC_RSA);
    assert_int_equal(key.value.size, 256);
    assert_int_equal(key.exponent, 65537);
    assert_true(bulla_bytes_equal(bulla_certificate_extension(leaf, "1.2.3.4.5"), BULLA_BYTES("\x04")));
    assert_null(bulla_certificate_extension(leaf, "1.2.3.4").data);
    assert_true(
        bulla_bytes_equal(bulla_certificate_der(leaf), (struct bulla_bytes){fixture->der[LEAF], fixture->size[LEAF]}));
    chain_end(fixture);
}

static void pem_gives_its_certificates_in_order(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    struct bulla_certificate *list[CHAIN_LINKS] = {NULL};
    char text[CHAIN_LINKS * CHAIN_DER] = "# the chain\n";
    size_t count = 0;
    chain_make(fixture);
    for (size_t i = 0; i < CHAIN_LINKS; i++) {
        char *pem = test_pki_pem("CERTIFICATE", fixture->der[i], fixture->size[i]);
        (void)strcat(text, pem);
        free(pem);
    }
    assert_int_equal(bulla_certificate_read_pem(BULLA_TEXT(text), "a chain", list, CHAIN_LINKS, &count), BULLA_OK);
    assert_int_equal(count, CHAIN_LINKS);
    for (size_t i = 0; i < CHAIN_LINKS; i++) {
        assert_true(bulla_bytes_equal(bulla_certificate_der(list[i]), bulla_certificate_der(fixture->chain[i])));
        bulla_certificate_free(&list[i]);
    }
    assert_int_equal(
        bulla_certificate_read_pem(BULLA_TEXT(text), "a chain", list, CHAIN_LINKS - 1, &count), BULLA_TOO_LARGE);
    assert_int_equal(count, CHAIN_LINKS - 1);
    for (size_t i = 0; i < count; i++)
        bulla_certificate_free(&list[i]);
    assert_int_equal(bulla_certificate_read_pem(BULLA_TEXT(""), "a chain", list, CHAIN_LINKS, &count), BULLA_OK);
    assert_int_equal(count, 0);
    chain_end(fixture);
}

static void one_is_neither_none_nor_two(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    struct bulla_certificate *one = NULL;
    chain_make(fixture);
    const struct bulla_bytes der = {fixture->der[ROOT], fixture->size[ROOT]};
    char *pem = test_pki_pem("CERTIFICATE", fixture->der[ROOT], fixture->size[ROOT]), twice[2 * CHAIN_DER];
    const struct bulla_bytes right[] = {der, BULLA_TEXT(pem)};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(bulla_certificate_read_one(right[i], "a root", &one), BULLA_OK);
        assert_true(bulla_bytes_equal(bulla_certificate_der(one), der));
        bulla_certificate_free(&one);
    }
    (void)snprintf(twice, sizeof twice, "%s%s", pem, pem);
    assert_int_equal(bulla_certificate_read_one(BULLA_TEXT(twice), "a root", &one), BULLA_TOO_LARGE);
    assert_null(one);
    free(pem);
    static const char *const none[] = {"", "\n", "# -----BEGIN CERTIFICATE-----\n"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(bulla_certificate_read_one(BULLA_TEXT(none[i]), "a root", &one), BULLA_MALFORMED);
        assert_null(one);
    }
    chain_end(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_certificate_fills_its_bytes),
        cmocka_unit_test(what_is_not_der_is_refused),
        cmocka_unit_test(keys_of_other_kinds_are_refused),
        cmocka_unit_test(what_a_certificate_says_is_told),
        cmocka_unit_test(pem_gives_its_certificates_in_order),
        cmocka_unit_test(one_is_neither_none_nor_two),
    };
    return cmocka_run_group_tests(tests, chain_keys_make, chain_keys_free);
}
