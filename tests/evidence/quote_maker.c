#include "quote_maker.h"

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
    memset(maker->pcrs[0], 0x11, 32);
    memset(maker->pcrs[7], 0x77, 32);
    memset(maker->pcrs[23], 0xee, 32);
    uint8_t values[96];
    memcpy(values, maker->pcrs[0], 32);
    memcpy(values + 32, maker->pcrs[7], 32);
    memcpy(values + 64, maker->pcrs[23], 32);
    SHA256(values, sizeof values, maker->digest);
    bulla_writer_open(&writer, maker->report, sizeof maker->report);
    if (bulla_report_write(&report, &writer) != BULLA_OK)
        abort();
    maker->report_size = writer.size;
    SHA256(maker->report, maker->report_size, maker->extra_data);
    maker->extra_size = 32;
}

static size_t put_public(struct quote_maker *maker, const struct test_p256 *key)
{
    struct out out = {maker->key, 0};
    put(&out, 0x0023, 2); /* TPM_ALG_ECC */
    put(&out, 0x000b, 2);
    put(&out, maker->attributes, 4);
    put(&out, 0, 2);      /* no policy */
    put(&out, 0x0010, 2); /* no symmetric algorithm */
    put(&out, 0x0018, 2); /* ECDSA */
    put(&out, 0x000b, 2);
    put(&out, 0x0003, 2); /* P-256 */
    put(&out, 0x0010, 2);
    put_sized(&out, key->point + 1, 32);
    put_sized(&out, key->point + 33, 32);
    maker->name[0] = 0x00;
    maker->name[1] = 0x0b;
    SHA256(maker->key, out.size, maker->name + 2);
    return out.size;
}

static size_t put_attest(struct quote_maker *maker)
{
    struct out out = {maker->attest, 0};
    uint8_t signer[64];
    memset(signer, 0x5a, sizeof signer);
    signer[0] = 0x00;
    signer[1] = 0x0b;
    put(&out, maker->magic, 4);
    put(&out, maker->type, 2);
    put_sized(&out, signer, maker->signer_size);
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
    put_sized(&out, maker->digest, 32);
    for (size_t i = 0; i < maker->trailing; i++)
        put(&out, 0, 1);
    return out.size;
}

void quote_maker_make(struct quote_maker *maker, const struct test_p256 *key, struct bulla_tpm_evidence *evidence)
{
    uint8_t pair[64];
    struct out out = {maker->signature, 0};
    size_t key_size = put_public(maker, key), attest_size = put_attest(maker);
    if (key->signer.sign(key->signer.context, (struct bulla_bytes){maker->attest, attest_size}, pair) != BULLA_OK)
        abort();
    put(&out, 0x0018, 2);
    put(&out, 0x000b, 2);
    put_sized(&out, pair, 32);
    put_sized(&out, pair + 32, 32);
    memset(evidence, 0, sizeof *evidence);
    evidence->attest = (struct bulla_bytes){maker->attest, attest_size};
    evidence->signature = (struct bulla_bytes){maker->signature, out.size};
    evidence->key = (struct bulla_bytes){maker->key, key_size};
    evidence->pcr_mask = 1 << 0 | 1 << 7 | 1 << 23;
    memcpy(evidence->pcrs, maker->pcrs, sizeof evidence->pcrs);
    evidence->report = (struct bulla_bytes){maker->report, maker->report_size};
}
