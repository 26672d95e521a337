#include "snp_maker.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#include "ecdsa_maker.h"
#include "support/pki.h"

#define AMD "1.3.6.1.4.1.3704.1."

void snp_maker_put(struct snp_maker *maker, size_t offset, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        maker->report[offset + i] = (uint8_t)(value >> (8 * i));
}

void snp_maker_init(struct snp_maker *maker)
{
    static const uint8_t tcb[8] = {4, 1, 0, 0, 0, 0, 24, 219};
    memset(maker, 0, sizeof *maker);
    maker->ark = test_pki_key_make(TEST_PKI_P384);
    maker->ask = test_pki_key_make(TEST_PKI_P384);
    maker->vcek = test_pki_key_make(TEST_PKI_P384);
    snp_maker_put(maker, 0x00, 5, 4);
    snp_maker_put(maker, 0x04, 7, 4);
    snp_maker_put(maker, 0x08, 0x30000, 8);
    snp_maker_put(maker, 0x30, 1, 4);
    snp_maker_put(maker, 0x34, 1, 4);
    snp_maker_put(maker, 0x40, 0x25, 8);
    memset(maker->report + 0x50, 0x5a, 64);
    memset(maker->report + 0x90, 0x11, 48);
    memset(maker->report + 0xc0, 0x22, 32);
    memset(maker->report + 0x160, 0xff, 32);
    memcpy(maker->report + 0x38, tcb, 8);
    memcpy(maker->report + 0x180, tcb, 8);
    snp_maker_put(maker, 0x188, 0x021119, 3);
    memset(maker->report + 0x1a0, 0x77, 64);
    memcpy(maker->report + 0x1e0, tcb, 8);
    memcpy(maker->report + 0x1f0, tcb, 8);
    memset(maker->hwid, 0x77, 64);
    memcpy(maker->tcb, tcb, 8);
    maker->hwid_size = 64;
    maker->left_out = -1;
    maker->from = SNP_MAKER_FROM;
    maker->until = SNP_MAKER_UNTIL;
    maker->serial = 3;
    maker->ask_serial = 2;
}

void snp_maker_free(struct snp_maker *maker)
{
    test_pki_key_free(maker->ark);
    test_pki_key_free(maker->ask);
    test_pki_key_free(maker->vcek);
}

static void put_number(char *hex, unsigned value)
{
    (void)sprintf(hex, value > 0x7f ? "020200%02x" : "0201%02x", value);
}

static void put_extensions(
    const struct snp_maker *maker, struct test_pki_certificate *vcek, char numbers[8][16], char hwid[static 160])
{
    static const char *const oids[8] = {
        AMD "3.1", AMD "3.2", AMD "3.4", AMD "3.5", AMD "3.6", AMD "3.7", AMD "3.3", AMD "3.8"};
    size_t count = 0, at = 0;
    for (int i = 0; i < 8; i++) {
        put_number(numbers[i], maker->tcb[i]);
        if (i != maker->left_out)
            vcek->extra[count++] = (struct test_pki_extension){oids[i], numbers[i], false};
    }
    if (maker->tcb_hex)
        vcek->extra[0].hex = maker->tcb_hex;
    if (maker->wrapped)
        at = (size_t)sprintf(hwid, "04%02zx", maker->hwid_size);
    for (size_t i = 0; i < maker->hwid_size; i++)
        at += (size_t)sprintf(hwid + at, "%02x", maker->hwid[i]);
    if (maker->hwid_size)
        vcek->extra[count++] = (struct test_pki_extension){AMD "4", hwid, false};
    if (maker->provider)
        vcek->extra[count++] = (struct test_pki_extension){AMD "5", maker->provider, false};
    if (maker->fmc)
        vcek->extra[count++] = (struct test_pki_extension){AMD "3.9", "020100", false};
}

static void make_certificates(struct snp_maker *maker)
{
    char numbers[8][16], hwid[160];
    const struct test_pki_certificate ark = {"ARK", "ARK", maker->ark, maker->ark, "SHA384", false, 1, SNP_MAKER_FROM,
        SNP_MAKER_UNTIL, "critical,CA:TRUE", "critical,keyCertSign,cRLSign", {{NULL, NULL, false}}};
    const struct test_pki_certificate ask = {"ASK", "ARK", maker->ask, maker->ark, "SHA384", false, maker->ask_serial,
        SNP_MAKER_FROM, SNP_MAKER_UNTIL, "critical,CA:TRUE,pathlen:0", "critical,keyCertSign", {{NULL, NULL, false}}};
    struct test_pki_certificate vcek = {"VCEK", "ASK", maker->vcek, maker->ask, "SHA384", false, maker->serial,
        maker->from, maker->until, NULL, NULL, {{NULL, NULL, false}}};
    const struct test_pki_certificate *const list[3] = {&vcek, &ask, &ark};
    put_extensions(maker, &vcek, numbers, hwid);
    maker->certificates_size = 0;
    for (size_t i = 0; i < 3; i++) {
        uint8_t *at = maker->certificates + maker->certificates_size;
        maker->sizes[i] = test_pki_certificate_make(list[i], at, 4096);
        maker->certificates_size += maker->sizes[i];
        SHA256(at, maker->sizes[i], maker->root[0]); /* the ARK's stays */
    }
}

void snp_maker_make(struct snp_maker *maker)
{
    uint8_t pair[96];
    size_t field = maker->p256 ? 32 : 48;
    if (maker->p256) {
        test_pki_key_free(maker->vcek);
        maker->vcek = test_pki_key_make(TEST_PKI_P256);
    }
    make_certificates(maker);
    ecdsa_make(maker->vcek, "SHA384", (struct bulla_bytes){maker->report, BULLA_SNP_SIGNED_SIZE}, field, pair);
    memset(maker->report + BULLA_SNP_SIGNED_SIZE, 0, BULLA_SNP_REPORT_SIZE - BULLA_SNP_SIGNED_SIZE);
    for (size_t i = 0; i < field; i++) {
        maker->report[BULLA_SNP_SIGNED_SIZE + i] = pair[field - 1 - i];
        maker->report[BULLA_SNP_SIGNED_SIZE + BULLA_SNP_FIELD + i] = pair[2 * field - 1 - i];
    }
}

size_t snp_maker_crl(const struct snp_maker *maker, long revoked, uint8_t *der, size_t capacity)
{
    const struct test_pki_crl wanted = {
        "ARK", maker->ark, "SHA384", SNP_MAKER_FROM, SNP_MAKER_UNTIL, {revoked, 0, 0, 0}, NULL};
    return test_pki_crl_make(&wanted, der, capacity);
}

struct bulla_verification snp_maker_verification(const struct snp_maker *maker)
{
    return (struct bulla_verification){.document = BULLA_BYTES(maker->report),
        .at = SNP_MAKER_AT,
        .endorsements = {.certificates = {maker->certificates, maker->certificates_size}},
        .roots = maker->root,
        .root_count = 1};
}
