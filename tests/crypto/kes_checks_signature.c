/* Signing. */
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kes_checks.h"

static enum bulla_reason sign(
    const struct scheme *scheme, struct signer *signer, struct bulla_bytes message, uint8_t *signature)
{
    return bulla_kes_sign(scheme->kind, &signer->key, signer->secret, message, signature);
}

static struct signer *made(const struct scheme *scheme, unsigned number)
{
    uint8_t seed[32];
    seed_for(number, seed);
    return signer_open(seed, scheme->depth);
}

static enum bulla_reason verify(
    const struct scheme *scheme, const struct signer *signer, struct bulla_bytes message, const uint8_t *signature)
{
    const struct bulla_kes_claim claim = claim_of(scheme->kind, signer, signer->key.period, message, signature);
    return bulla_kes_verify(&claim);
}

static void the_published_signatures_are_made(const struct scheme *scheme)
{
    char name[64];
    uint8_t signature[BULLA_KES_SIGNATURE_LARGEST];
    struct signer *signer = signer_open(kes_published_seed, scheme->depth);
    for (unsigned period = 0; period <= 5; period += 5) {
        signer_evolve_to(signer, period);
        assert_int_equal(sign(scheme, signer, kes_published_message, signature), BULLA_OK);
        (void)snprintf(name, sizeof name, "%skey6Sig%s", scheme->prefix, period ? "5" : "");
        assert_published(name, signature, scheme->signature_size);
    }
    signer_close(signer);
}

/* In each period: the leaf's seed is what OpenSSL signs with, over the message itself. */
static void a_signature_begins_with_the_one_that_openssl_makes(const struct scheme *scheme)
{
    uint8_t signature[BULLA_KES_SIGNATURE_LARGEST], expected[64];
    struct signer *signer = made(scheme, 300);
    for (;;) {
        size_t size = sizeof expected;
        EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, signer->secret->raw, 32);
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, key), 1);
        assert_int_equal(
            EVP_DigestSign(context, expected, &size, kes_published_message.data, kes_published_message.size), 1);
        assert_int_equal(sign(scheme, signer, kes_published_message, signature), BULLA_OK);
        assert_memory_equal(signature, expected, sizeof expected);
        EVP_MD_CTX_free(context);
        EVP_PKEY_free(key);
        if (signer->key.period + 1 == scheme_periods(scheme))
            break;
        assert_int_equal(bulla_kes_evolve(&signer->key, signer->secret), BULLA_OK);
    }
    signer_close(signer);
}

static void assert_textbooks(const struct scheme *scheme, struct signer *signer, struct bulla_bytes message)
{
    uint8_t signature[BULLA_KES_SIGNATURE_LARGEST], expected[ORACLE_SIGNATURE];
    size_t size = (scheme->kind == BULLA_KES_SUM ? oracle_sign_sum : oracle_sign_compact)(
        signer->secret->raw, scheme->depth, signer->key.period, message.data, message.size, expected);
    assert_int_equal(size, scheme->signature_size);
    assert_int_equal(sign(scheme, signer, message, signature), BULLA_OK);
    assert_memory_equal(signature, expected, size);
    assert_int_equal(verify(scheme, signer, message, signature), BULLA_OK);
}

static void every_periods_signature_is_the_textbooks(const struct scheme *scheme)
{
    struct signer *signer = made(scheme, 301);
    for (unsigned period = 0; period < scheme_periods(scheme); period++) {
        signer_evolve_to(signer, period);
        assert_textbooks(scheme, signer, kes_published_message);
    }
    signer_close(signer);
}

static void an_empty_message_is_signed(const struct scheme *scheme)
{
    struct signer *signer = made(scheme, 302);
    signer_evolve_to(signer, scheme_middle(scheme));
    assert_textbooks(scheme, signer, (struct bulla_bytes){(const uint8_t *)"", 0});
    signer_close(signer);
}

static void a_message_of_a_mebibyte_is_signed(const struct scheme *scheme)
{
    enum { LONG = 1 << 20 };
    uint8_t *bytes = calloc(1, LONG);
    struct signer *signer = made(scheme, 303);
    assert_non_null(bytes);
    for (size_t i = 0; i < LONG; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    assert_textbooks(scheme, signer, (struct bulla_bytes){bytes, LONG});
    signer_close(signer);
    free(bytes);
}

static void signing_changes_nothing_of_the_key(const struct scheme *scheme)
{
    uint8_t first[BULLA_KES_SIGNATURE_LARGEST], second[BULLA_KES_SIGNATURE_LARGEST];
    struct signer *signer = made(scheme, 304);
    signer_evolve_to(signer, scheme_middle(scheme));
    struct bulla_kes_key key = signer->key;
    struct bulla_kes_secret secret = *signer->secret;
    assert_int_equal(sign(scheme, signer, kes_published_message, first), BULLA_OK);
    assert_int_equal(sign(scheme, signer, kes_published_message, second), BULLA_OK);
    assert_memory_equal(first, second, scheme->signature_size);
    assert_memory_equal(&signer->key, &key, sizeof key);
    assert_memory_equal(signer->secret, &secret, sizeof secret);
    signer_close(signer);
}

static void nothing_is_written_behind_a_signature(const struct scheme *scheme)
{
    uint8_t signature[BULLA_KES_SIGNATURE_LARGEST + 1];
    struct signer *signer = made(scheme, 305);
    memset(signature, 0x77, sizeof signature);
    assert_int_equal(sign(scheme, signer, kes_published_message, signature), BULLA_OK);
    for (size_t i = scheme->signature_size; i < sizeof signature; i++)
        assert_int_equal(signature[i], 0x77);
    signer_close(signer);
}

static void two_messages_have_two_signatures(const struct scheme *scheme)
{
    uint8_t first[BULLA_KES_SIGNATURE_LARGEST], second[BULLA_KES_SIGNATURE_LARGEST];
    struct bulla_bytes shorter = {kes_published_message.data, kes_published_message.size - 1};
    struct signer *signer = made(scheme, 306);
    assert_int_equal(sign(scheme, signer, kes_published_message, first), BULLA_OK);
    assert_int_equal(sign(scheme, signer, shorter, second), BULLA_OK);
    assert_memory_not_equal(first, second, 32);           /* R: the nonce is the message's */
    assert_memory_not_equal(first + 32, second + 32, 32); /* S */
    assert_memory_equal(first + 64, second + 64, scheme->signature_size - 64);
    signer_close(signer);
}

/* A key that says it is in a period that it has not, or a scheme that is none: nothing is signed. */
static void what_is_no_period_or_scheme_signs_nothing(const struct scheme *scheme)
{
    static const unsigned beyond[] = {0, 1, 64, 0x7fffffff};
    uint8_t signature[BULLA_KES_SIGNATURE_LARGEST];
    struct signer *signer = made(scheme, 307);
    memset(signature, 0x77, sizeof signature);
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        signer->key.period = scheme_periods(scheme) + beyond[i];
        assert_int_equal(sign(scheme, signer, kes_published_message, signature), BULLA_ARGUMENT);
    }
    signer->key.period = 0;
    assert_int_equal(bulla_kes_sign(BULLA_KES_SCHEMES, &signer->key, signer->secret, kes_published_message, signature),
        BULLA_ARGUMENT);
    assert_int_equal(
        bulla_kes_sign((enum bulla_kes_scheme) - 1, &signer->key, signer->secret, kes_published_message, signature),
        BULLA_ARGUMENT);
    for (size_t i = 0; i < sizeof signature; i++)
        assert_int_equal(signature[i], 0x77);
    signer_close(signer);
}

/* What it signs after evolving is of the new period, and of no earlier one. */
static void an_evolved_key_signs_for_no_earlier_period(const struct scheme *scheme)
{
    uint8_t signature[BULLA_KES_SIGNATURE_LARGEST];
    struct signer *signer = made(scheme, 308);
    for (unsigned period = 0; period < scheme_periods(scheme); period++) {
        signer_evolve_to(signer, period);
        assert_int_equal(sign(scheme, signer, kes_published_message, signature), BULLA_OK);
        struct bulla_kes_claim claim = claim_of(scheme->kind, signer, 0, kes_published_message, signature);
        for (; claim.period < period; claim.period++)
            assert_int_equal(bulla_kes_verify(&claim), BULLA_SIGNATURE);
        assert_int_equal(bulla_kes_verify(&claim), BULLA_OK);
    }
    signer_close(signer);
}

const struct check kes_signature_checks[] = {
    CHECK_OF_TREES(the_published_signatures_are_made),
    CHECK(a_signature_begins_with_the_one_that_openssl_makes),
    CHECK(every_periods_signature_is_the_textbooks),
    CHECK(an_empty_message_is_signed),
    CHECK(a_message_of_a_mebibyte_is_signed),
    CHECK(signing_changes_nothing_of_the_key),
    CHECK(nothing_is_written_behind_a_signature),
    CHECK(two_messages_have_two_signatures),
    CHECK(what_is_no_period_or_scheme_signs_nothing),
    CHECK_OF_TREES(an_evolved_key_signs_for_no_earlier_period),
};
const size_t kes_signature_check_count = sizeof kes_signature_checks / sizeof kes_signature_checks[0];
