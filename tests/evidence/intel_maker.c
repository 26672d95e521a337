#include "intel_maker.h"

#include <jansson.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#include "ecdsa_maker.h"
#include "support/pki.h"
#include "support/vectors.h"

#define STEM "2a864886f84d010d01" /* 1.2.840.113741.1.13.1 */

static const char qe_signers[2][65] = {"8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff",
    "dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5"};

static void must(bool done)
{
    if (!done)
        abort();
}

void intel_maker_put(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static bool is_td(const struct intel_maker *maker)
{
    return maker->shape != INTEL_SGX_V3;
}

/* --- what is right --- */

static void init_header(struct intel_maker *maker)
{
    static const uint16_t versions[] = {4, 5, 5, 3};
    intel_maker_put(maker->header, versions[maker->shape], 2);
    intel_maker_put(maker->header + 2, 2, 2);
    intel_maker_put(maker->header + 4, is_td(maker) ? 0x81 : 0, 4);
    (void)test_hex("939a7233f79c4ca9940a0db3957f0607", maker->header + 12, 16);
}

/* Measurements are filled with the number of the field. */
static void init_body(struct intel_maker *maker)
{
    static const size_t sizes[] = {584, 584, 648, 384};
    maker->body_size = sizes[maker->shape];
    maker->body_type = maker->shape == INTEL_TD_V5_SERVICE ? 3 : 2;
    maker->body_stated = (uint32_t)maker->body_size;
    if (!is_td(maker)) {
        intel_maker_put(maker->body + 48, 0x05, 8); /* initialised, 64 bits */
        memset(maker->body + 64, 1, 32);            /* MRENCLAVE */
        memset(maker->body + 128, 2, 32);           /* MRSIGNER */
        memset(maker->body + 320, 0x5a, 64);
        return;
    }
    (void)test_hex("05010300", maker->body, 4); /* TEE_TCB_SVN: module 1.5, SVN 5 */
    memset(maker->body + 16, 1, 48);            /* MRSEAM */
    intel_maker_put(maker->body + 120, 0x10000000, 8);
    intel_maker_put(maker->body + 128, 0xe7, 8);
    for (uint8_t i = 0; i < 8; i++) /* MRTD, MRCONFIGID, MROWNER, MROWNERCONFIG, RTMRs */
        memset(maker->body + 136 + 48 * i, 2 + i, 48);
    memset(maker->body + 520, 0x5a, 64);
    memset(maker->body + 584, 3, 16);
    memset(maker->body + 600, 10, 48);
}

static void init_qe(struct intel_maker *maker)
{
    intel_maker_put(maker->qe + 48, 0x15, 8);
    intel_maker_put(maker->qe + 56, 0xe7, 8);
    memset(maker->qe + 64, 9, 32);
    (void)test_hex(qe_signers[is_td(maker)], maker->qe + 128, 32);
    intel_maker_put(maker->qe + 256, is_td(maker) ? 2 : 1, 2);
    intel_maker_put(maker->qe + 258, 6, 2);
    for (uint8_t i = 0; i < sizeof maker->auth; i++)
        maker->auth[i] = i;
}

static void put_level(char *text, size_t capacity, const struct intel_maker *maker, unsigned svn, const char *status)
{
    size_t at = strlen(text);
    const char *const names[] = {"sgxtcbcomponents", "tdxtcbcomponents"};
    at += (size_t)snprintf(text + at, capacity - at, "{\"tcb\":{\"pcesvn\":%u", svn + 8);
    for (int list = 0; list < 1 + is_td(maker); list++) {
        at += (size_t)snprintf(text + at, capacity - at, ",\"%s\":[", names[list]);
        for (int i = 0; i < 16; i++)
            at += (size_t)snprintf(text + at, capacity - at, "%s{\"svn\":%u}", i ? "," : "",
                list == 0 ? svn
                : i == 2  ? svn
                          : 0);
        at += (size_t)snprintf(text + at, capacity - at, "]");
    }
    (void)snprintf(text + at, capacity - at,
        "},\"tcbDate\":\"2024-03-13T00:00:00Z\",\"tcbStatus\":\"%s\",\"advisoryIDs\":[\"TEST-%u\"]}", status, svn);
}

#define DATES "\"issueDate\":\"2025-06-01T00:00:00Z\",\"nextUpdate\":\"2025-07-01T00:00:00Z\","
#define MODULE                                                                                                         \
    "\"mrsigner\":\"00000000000000000000000000000000000000000000000000000000000000000000000000000000"                  \
    "0000000000000000\",\"attributes\":\"0000000000000000\",\"attributesMask\":\"FFFFFFFFFFFFFFFF\""

/* Levels 3, 2 and 1, of which the platform is 3. */
static void init_statements(struct intel_maker *maker)
{
    char *info = maker->tcb_info;
    size_t capacity = sizeof maker->tcb_info;
    (void)snprintf(info, capacity,
        "{\"id\":\"%s\",\"version\":3," DATES "\"fmspc\":\"010203040506\",\"pceId\":\"0708\",\"tcbType\":0,%s"
        "\"tcbLevels\":[",
        is_td(maker) ? "TDX" : "SGX",
        is_td(maker) ? "\"tdxModule\":{" MODULE "},\"tdxModuleIdentities\":[{\"id\":\"TDX_03\"," MODULE
                       ",\"tcbLevels\":[]},{\"id\":\"TDX_01\"," MODULE
                       ",\"tcbLevels\":[{\"tcb\":{\"isvsvn\":5},\"tcbDate\":\"2024\",\"tcbStatus\":\"UpToDate\"},{"
                       "\"tcb\":{\"isvsvn\":4},\"tcbDate\":\"2023\",\"tcbStatus\":\"OutOfDate\"}]}],"
                     : "");
    put_level(info, capacity, maker, 3, "UpToDate");
    (void)strcat(info, ",");
    put_level(info, capacity, maker, 2, "SWHardeningNeeded");
    (void)strcat(info, ",");
    put_level(info, capacity, maker, 1, "Revoked");
    (void)strcat(info, "]}");
    (void)snprintf(maker->qe_identity, sizeof maker->qe_identity,
        "{\"id\":\"%s\",\"version\":2," DATES "\"miscselect\":\"00000000\",\"miscselectMask\":\"FFFFFFFF\","
        "\"attributes\":\"11000000000000000000000000000000\",\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\","
        "\"mrsigner\":\"%s\",\"isvprodid\":%d,\"tcbLevels\":[{\"tcb\":{\"isvsvn\":6},\"tcbDate\":\"2024\","
        "\"tcbStatus\":\"UpToDate\"},{\"tcb\":{\"isvsvn\":4},\"tcbDate\":\"2023\",\"tcbStatus\":\"OutOfDate\"}]}",
        is_td(maker) ? "TD_QE" : "QE", qe_signers[is_td(maker)], is_td(maker) ? 2 : 1);
}

/* --- certificates --- */

/* One { OID, value } with a value in hex. */
static size_t put_pair(char *hex, const char *oid, const char *value)
{
    size_t oid_size = strlen(oid) / 2, size = 2 + oid_size + strlen(value) / 2;
    return size < 128 ? (size_t)sprintf(hex, "30%02zx06%02zx%s%s", size, oid_size, oid, value)
                      : (size_t)sprintf(hex, "3082%04zx06%02zx%s%s", size, oid_size, oid, value);
}

static void put_octets(char *hex, const uint8_t *bytes, size_t size)
{
    size_t at = (size_t)sprintf(hex, "04%02zx", size);
    for (size_t i = 0; i < size; i++)
        at += (size_t)sprintf(hex + at, "%02x", bytes[i]);
}

static void put_svn(char *hex, unsigned svn)
{
    (void)sprintf(hex, svn > 0x7f ? "020200%02x" : "0201%02x", svn);
}

static void put_extension(const struct intel_maker *maker, char *hex)
{
    static const uint8_t ppid[16] = {1};
    char tcb[1024] = "", value[2048], parts[3072] = "", oid[32];
    size_t at = 0, whole = 0;
    for (unsigned i = 1; i <= 18; i++) {
        (void)sprintf(oid, STEM "02%02x", i);
        if (i == 18)
            put_octets(value, maker->components, 16);
        else
            put_svn(value, i == 17 ? maker->pce_svn : maker->components[i - 1]);
        at += put_pair(tcb + at, oid, value);
    }
    put_octets(value, ppid, sizeof ppid);
    whole += put_pair(parts + whole, STEM "01", value);
    (void)sprintf(value, "3082%04zx%s", at / 2, tcb);
    whole += put_pair(parts + whole, STEM "02", value);
    put_octets(value, maker->pce_id, 2);
    whole += put_pair(parts + whole, STEM "03", value);
    put_octets(value, maker->fmspc, 6);
    whole += put_pair(parts + whole, STEM "04", value);
    whole += put_pair(parts + whole, STEM "05", "0a0100");
    (void)sprintf(hex, "3082%04zx%s", whole / 2, parts);
}

static char *pem_of(const struct test_pki_certificate *wanted, uint8_t pin[static 32])
{
    uint8_t der[4096];
    size_t size = test_pki_certificate_make(wanted, der, sizeof der);
    SHA256(der, size, pin);
    return test_pki_pem("CERTIFICATE", der, size);
}

/* Made once: another signature would be another certificate than the one that is pinned. */
static void make_root(struct intel_maker *maker)
{
    const struct test_pki_certificate wanted = {"Root", "Root", maker->root, maker->root, "SHA256", false, 1,
        INTEL_MAKER_FROM, INTEL_MAKER_UNTIL, "critical,CA:TRUE,pathlen:1", "critical,keyCertSign,cRLSign",
        {{NULL, NULL, false}}};
    maker->root_pem = pem_of(&wanted, maker->pin[0]);
}

static char *ca_pem(const struct intel_maker *maker)
{
    uint8_t unused[32];
    const struct test_pki_certificate wanted = {"PCK CA", "Root", maker->ca, maker->root, "SHA256", false, 2,
        INTEL_MAKER_FROM, INTEL_MAKER_UNTIL, "critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign",
        {{NULL, NULL, false}}};
    return pem_of(&wanted, unused);
}

static void *other_key(void)
{
    static void *key;
    if (!key)
        key = test_pki_key_make(TEST_PKI_P384);
    return key;
}

static char *pck_pem(const struct intel_maker *maker)
{
    char extension[8192];
    uint8_t unused[32];
    struct test_pki_certificate wanted = {"PCK", "PCK CA", maker->pck_p384 ? other_key() : maker->pck, maker->ca,
        "SHA256", false, maker->pck_serial, INTEL_MAKER_FROM, maker->pck_until,
        maker->pck_is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE", "critical,digitalSignature,nonRepudiation",
        {{"1.2.840.113741.1.13.1", extension, false}}};
    put_extension(maker, extension);
    if (maker->extension_from)
        intel_maker_replace(extension, sizeof extension, maker->extension_from, maker->extension_to);
    if (maker->pck_extension)
        wanted.extra[0].hex = maker->pck_extension;
    if (maker->pck_extension && !*maker->pck_extension)
        wanted.extra[0].oid = NULL;
    return pem_of(&wanted, unused);
}

void intel_maker_init(struct intel_maker *maker, enum intel_shape shape)
{
    void **const keys[] = {&maker->root, &maker->ca, &maker->pck, &maker->attestation, &maker->tcb_signer};
    memset(maker, 0, sizeof *maker);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        *keys[i] = test_pki_key_make(TEST_PKI_P256);
    maker->shape = shape;
    init_header(maker);
    init_body(maker);
    init_qe(maker);
    memset(maker->components, 3, sizeof maker->components);
    maker->pce_svn = 11;
    for (uint8_t i = 0; i < 6; i++)
        maker->fmspc[i] = i + 1;
    maker->pce_id[0] = 7;
    maker->pce_id[1] = 8;
    maker->outer_type = 6;
    maker->inner_type = 5;
    maker->pck_until = maker->crl_until = INTEL_MAKER_UNTIL;
    maker->pck_serial = 3;
    maker->signer_serial = 4;
    init_statements(maker);
    make_root(maker);
}

void intel_maker_free(struct intel_maker *maker)
{
    test_pki_key_free(maker->root);
    test_pki_key_free(maker->ca);
    test_pki_key_free(maker->pck);
    test_pki_key_free(maker->attestation);
    test_pki_key_free(maker->tcb_signer);
    free(maker->collateral);
    free(maker->root_pem);
    maker->collateral = maker->root_pem = NULL;
}

/* --- the quote --- */

struct out {
    uint8_t *data;
    size_t size;
};

static void put(struct out *out, const void *data, size_t size)
{
    memcpy(out->data + out->size, data, size);
    out->size += size;
}

static void put_number(struct out *out, uint64_t value, size_t size)
{
    intel_maker_put(out->data + out->size, value, size);
    out->size += size;
}

static size_t put_chain(struct intel_maker *maker, char *text, size_t capacity)
{
    char *pck = pck_pem(maker), *ca = ca_pem(maker);
    const char *second = maker->ca_left_out ? "" : ca;
    int size = snprintf(
        text, capacity, "%s%s%s", maker->swapped ? second : pck, maker->swapped ? pck : second, maker->root_pem);
    must(size > 0 && (size_t)size < capacity);
    free(pck);
    free(ca);
    return (size_t)size + !maker->no_terminator;
}

static void put_qe(struct intel_maker *maker, const uint8_t point[static 64], struct out *out)
{
    char chain[8192];
    uint8_t signature[64], key[64 + sizeof maker->auth];
    size_t chain_size = put_chain(maker, chain, sizeof chain);
    memcpy(key, point, 64);
    memcpy(key + 64, maker->auth, sizeof maker->auth);
    if (!maker->key_unbound)
        SHA256(key, sizeof key, maker->qe + 320);
    ecdsa_make(maker->pck, "SHA256", BULLA_BYTES(maker->qe), 32, signature);
    put(out, maker->qe, sizeof maker->qe);
    put(out, signature, sizeof signature);
    put_number(out, sizeof maker->auth, 2);
    put(out, maker->auth, sizeof maker->auth);
    put_number(out, maker->inner_type, 2);
    put_number(out, chain_size, 4);
    put(out, chain, chain_size);
}

void intel_maker_make(struct intel_maker *maker)
{
    struct out quote = {maker->quote, 0};
    uint8_t inner[12288], signature[64], point[64];
    struct out qe = {inner, 0};
    must(ecdsa_point(maker->attestation, point, sizeof point) == 64);
    put(&quote, maker->header, sizeof maker->header);
    if (maker->shape == INTEL_TD_V5 || maker->shape == INTEL_TD_V5_SERVICE) {
        put_number(&quote, maker->body_type, 2);
        put_number(&quote, maker->body_stated, 4);
    }
    put(&quote, maker->body, maker->body_size);
    ecdsa_make(maker->attestation, "SHA256", (struct bulla_bytes){quote.data, quote.size}, 32, signature);
    put_qe(maker, point, &qe);
    put_number(&quote, (uint64_t)((long)(128 + qe.size + (is_td(maker) ? 6 : 0)) + maker->slack), 4);
    put(&quote, signature, sizeof signature);
    put(&quote, point, sizeof point);
    if (is_td(maker)) {
        put_number(&quote, maker->outer_type, 2);
        put_number(&quote, qe.size, 4);
    }
    put(&quote, inner, qe.size);
    memset(quote.data + quote.size, maker->behind, 4);
    maker->quote_size = quote.size + 4;
}

/* --- collateral --- */

static char *hex_of(const uint8_t *bytes, size_t size)
{
    char *hex = malloc(2 * size + 1);
    must(hex != NULL);
    for (size_t i = 0; i < size; i++)
        (void)sprintf(hex + 2 * i, "%02x", bytes[i]);
    return hex;
}

static char *crl_hex(const char *issuer, void *key, uint64_t until, long revoked)
{
    uint8_t der[2048];
    const struct test_pki_crl wanted = {issuer, key, "SHA256", INTEL_MAKER_FROM, until, {revoked, 0, 0, 0}, NULL};
    return hex_of(der, test_pki_crl_make(&wanted, der, sizeof der));
}

static char *signer_chain(const struct intel_maker *maker)
{
    uint8_t unused[32];
    const struct test_pki_certificate wanted = {"TCB Signing", "Root",
        maker->signer_p384 ? other_key() : maker->tcb_signer, maker->root, "SHA256", false, maker->signer_serial,
        INTEL_MAKER_FROM, INTEL_MAKER_UNTIL, maker->signer_is_ca ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE",
        "critical,digitalSignature,nonRepudiation", {{NULL, NULL, false}}};
    char *leaf = pem_of(&wanted, unused);
    char *both = malloc(strlen(leaf) + strlen(maker->root_pem) + 1);
    must(both != NULL);
    (void)sprintf(both, "%s%s", leaf, maker->root_pem);
    free(leaf);
    return both;
}

static char *signature_hex(const struct intel_maker *maker, const char *text)
{
    uint8_t signature[64];
    ecdsa_make(maker->tcb_signer, "SHA256", BULLA_TEXT(text), 32, signature);
    return hex_of(signature, sizeof signature);
}

static void set(json_t *object, const char *name, char *text)
{
    must(json_object_set_new(object, name, json_string(text)) == 0);
    free(text);
}

void intel_maker_collateral(struct intel_maker *maker)
{
    json_t *object = json_object();
    must(object != NULL);
    set(object, "pck_crl_issuer_chain", ca_pem(maker));
    set(object, "root_ca_crl", crl_hex("Root", maker->root, maker->crl_until, maker->root_revoked));
    set(object, "pck_crl", crl_hex("PCK CA", maker->ca, maker->crl_until, maker->pck_revoked));
    set(object, "tcb_info_issuer_chain", signer_chain(maker));
    set(object, "tcb_info", strdup(maker->tcb_info));
    set(object, "tcb_info_signature", signature_hex(maker, maker->tcb_info));
    set(object, "qe_identity_issuer_chain", signer_chain(maker));
    set(object, "qe_identity", strdup(maker->qe_identity));
    set(object, "qe_identity_signature", signature_hex(maker, maker->qe_identity));
    free(maker->collateral);
    maker->collateral = json_dumps(object, 0);
    must(maker->collateral != NULL);
    json_decref(object);
}

void intel_maker_replace(char *statement, size_t capacity, const char *from, const char *to)
{
    char *at = strstr(statement, from);
    must(at && strlen(statement) + strlen(to) < capacity);
    memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
    memcpy(at, to, strlen(to));
}

struct bulla_verification intel_maker_verification(const struct intel_maker *maker)
{
    return (struct bulla_verification){.document = {maker->quote, maker->quote_size},
        .at = INTEL_MAKER_AT,
        .endorsements = {.collateral =
                             maker->collateral ? BULLA_TEXT(maker->collateral) : (struct bulla_bytes){NULL, 0}},
        .roots = maker->pin,
        .root_count = 1};
}
