#include "quote_maker.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

struct out {
    uint8_t *at;
    size_t size;
};

static void put(struct out *out, uint64_t value, unsigned bytes)
{
    while (bytes-- > 0)
        out->at[out->size++] = (uint8_t)(value >> (8 * bytes));
}

static void put_bytes(struct out *out, const void *bytes, size_t size)
{
    memcpy(out->at + out->size, bytes, size);
    out->size += size;
}

static void put_sized(struct out *out, const void *bytes, size_t size)
{
    put(out, size, 2);
    put_bytes(out, bytes, size);
}

void quote_maker_init(struct quote_maker *maker)
{
    static const char token[] = "0123456789abcdef";
    const struct bulla_report report = {
        .purpose = BULLA_PURPOSE_ATTEST,
        .nonce = BULLA_TEXT("a nonce of the verifier"),
        .token = {(const uint8_t *)token, 16},
    };
    struct bulla_writer writer;
    memset(maker, 0, sizeof *maker);
    maker->magic = 0xff544347;
    maker->type = 0x8018;
    maker->signer_size = 34;
    maker->attributes = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 16 | 1 << 18;
    maker->banks = 1;
    maker->bank = 0x000b;
    maker->mask = 1 << 0 | 1 << 7 | 1 << 23;
    memset(maker->pcrs[0], 0x11, 64);
    memset(maker->pcrs[7], 0x77, 64);
    memset(maker->pcrs[23], 0xee, 64);
    bulla_writer_open(&writer, maker->report, sizeof maker->report);
    if (bulla_report_write(&report, &writer) != BULLA_OK)
        abort();
    maker->report_size = writer.size;
    SHA256(maker->report, maker->report_size, maker->extra_data);
    maker->extra_size = 32;
}

static void must(bool done)
{
    if (!done)
        abort();
}

static const EVP_MD *digest_of(uint16_t algorithm)
{
    return algorithm == 0x000d ? EVP_sha512() : algorithm == 0x000c ? EVP_sha384() : EVP_sha256();
}

static size_t hash_size(uint16_t algorithm)
{
    return algorithm == 0x0004 ? 20 : algorithm == 0x000d ? 64 : algorithm == 0x000c ? 48 : 32;
}

static void put_number(struct out *out, EVP_PKEY *key, const char *name, int size)
{
    BIGNUM *number = NULL;
    must(EVP_PKEY_get_bn_param(key, name, &number) == 1);
    put(out, (uint64_t)size, 2);
    must(BN_bn2binpad(number, out->at + out->size, size) == size);
    out->size += (size_t)size;
    BN_free(number);
}

static size_t put_public(struct quote_maker *maker, EVP_PKEY *key, const struct quote_scheme *scheme)
{
    struct out out = {maker->key, 0};
    unsigned size = 0;
    put(&out, scheme->type, 2);
    put(&out, scheme->name_hash, 2);
    put(&out, maker->attributes, 4);
    put(&out, 0, 2);      /* no policy */
    put(&out, 0x0010, 2); /* no symmetric algorithm */
    put(&out, scheme->scheme, 2);
    put(&out, scheme->hash, 2);
    put(&out, scheme->size, 2);
    if (scheme->type == 0x0023) {
        put(&out, 0x0010, 2); /* no key derivation */
        put_number(&out, key, OSSL_PKEY_PARAM_EC_PUB_X, scheme->size == 4 ? 48 : 32);
        put_number(&out, key, OSSL_PKEY_PARAM_EC_PUB_Y, scheme->size == 4 ? 48 : 32);
    } else {
        put(&out, 0, 4); /* the usual exponent */
        put_number(&out, key, OSSL_PKEY_PARAM_RSA_N, scheme->size / 8);
    }
    maker->full_name[0] = (uint8_t)(scheme->name_hash >> 8);
    maker->full_name[1] = (uint8_t)scheme->name_hash;
    must(EVP_Digest(maker->key, out.size, maker->full_name + 2, &size, digest_of(scheme->name_hash), NULL) == 1);
    maker->full_name_size = 2 + size;
    memcpy(maker->name, maker->full_name, sizeof maker->name);
    return out.size;
}

static void digest_pcrs(struct quote_maker *maker, uint16_t hash)
{
    static const unsigned given[] = {0, 7, 23};
    uint8_t values[3 * 64];
    unsigned size = 0;
    if (maker->digest_told)
        return;
    for (size_t i = 0; i < 3; i++)
        memcpy(values + i * hash_size(maker->bank), maker->pcrs[given[i]], hash_size(maker->bank));
    must(EVP_Digest(values, 3 * hash_size(maker->bank), maker->digest, &size, digest_of(hash), NULL) == 1);
    maker->digest_size = size;
}

static size_t put_attest(struct quote_maker *maker, uint16_t name_hash)
{
    struct out out = {maker->attest, 0};
    uint8_t signer[64];
    memset(signer, 0x5a, sizeof signer);
    signer[0] = (uint8_t)(name_hash >> 8);
    signer[1] = (uint8_t)name_hash;
    put(&out, maker->magic, 4);
    put(&out, maker->type, 2);
    put_sized(&out, signer, maker->signer_size == 34 ? maker->full_name_size : maker->signer_size);
    put_sized(&out, maker->extra_data, maker->extra_size);
    put(&out, 123456789, 8);                   /* clock */
    put(&out, 17, 4);                          /* resetCount */
    put(&out, 3, 4);                           /* restartCount */
    put(&out, maker->clock_unsafe ? 0 : 1, 1); /* safe */
    put(&out, UINT64_C(0x2020060400000001), 8);
    put(&out, maker->banks, 4);
    for (uint32_t i = 0; i < maker->banks; i++) {
        put(&out, i == 0 ? maker->bank : 0x0004, 2);
        put(&out, 3, 1);
        put(&out, maker->mask & 0xff, 1);
        put(&out, maker->mask >> 8 & 0xff, 1);
        put(&out, maker->mask >> 16 & 0xff, 1);
    }
    put_sized(&out, maker->digest, maker->digest_size);
    for (size_t i = 0; i < maker->trailing; i++)
        put(&out, 0, 1);
    return out.size;
}

static void put_signature(struct out *out, EVP_PKEY *key, const struct quote_scheme *scheme, struct bulla_bytes message)
{
    uint8_t made[1024];
    size_t size = sizeof made;
    EVP_PKEY_CTX *settings = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    must(EVP_DigestSignInit(context, &settings, digest_of(scheme->hash), NULL, key) == 1);
    if (scheme->scheme == 0x0016)
        must(EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_MAX) == 1);
    must(EVP_DigestSign(context, made, &size, message.data, message.size) == 1);
    EVP_MD_CTX_free(context);
    put(out, scheme->scheme, 2);
    put(out, scheme->hash, 2);
    if (scheme->type == 0x0001) {
        put_sized(out, made, size);
        return;
    }
    const unsigned char *at = made;
    int field = scheme->size == 4 ? 48 : 32;
    uint8_t half[48];
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)size);
    must(pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), half, field) == field);
    put_sized(out, half, (size_t)field);
    must(BN_bn2binpad(ECDSA_SIG_get0_s(pair), half, field) == field);
    put_sized(out, half, (size_t)field);
    ECDSA_SIG_free(pair);
}

void quote_maker_make_by(
    struct quote_maker *maker, void *key, const struct quote_scheme *scheme, struct bulla_tpm_evidence *evidence)
{
    struct out out = {maker->signature, 0};
    size_t key_size = put_public(maker, key, scheme);
    digest_pcrs(maker, scheme->hash);
    size_t attest_size = put_attest(maker, scheme->name_hash);
    put_signature(&out, key, scheme, (struct bulla_bytes){maker->attest, attest_size});
    memset(evidence, 0, sizeof *evidence);
    evidence->attest = (struct bulla_bytes){maker->attest, attest_size};
    evidence->signature = (struct bulla_bytes){maker->signature, out.size};
    evidence->key = (struct bulla_bytes){maker->key, key_size};
    evidence->bank = maker->bank == 0x0004   ? BULLA_SHA1
                     : maker->bank == 0x000c ? BULLA_SHA384
                     : maker->bank == 0x000d ? BULLA_SHA512
                                             : BULLA_SHA256;
    evidence->pcr_mask = 1 << 0 | 1 << 7 | 1 << 23;
    memcpy(evidence->values, maker->pcrs, sizeof evidence->values);
    evidence->report = (struct bulla_bytes){maker->report, maker->report_size};
}

void quote_maker_make(struct quote_maker *maker, const struct test_p256 *key, struct bulla_tpm_evidence *evidence)
{
    static const struct quote_scheme scheme = {"P-256", 0x0023, 0x0018, 0x000b, 0x000b, 3};
    quote_maker_make_by(maker, key->key, &scheme, evidence);
}
