/* Written and read by hand, not by OpenSSL's encoders and decoders, which leave copies of private values on the heap
 * that nobody wipes. Values pass through locked memory; the EVP_PKEY's own is cleansed when it is freed. */
#include "pkcs8.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "crypto/library.h"
#include "crypto/secret.h"
#include "der.h"

enum { ATTRIBUTES = 0xa0, PUBLIC_KEY = 0x81, EC_PARAMETERS = 0xa0, EC_PUBLIC_KEY = 0xa1, POINT_LARGEST = 133 };
enum { PADDING_MOST = 15 };

static const uint8_t version_0[] = {0x02, 0x01, 0x00};

void bulla_pkcs8_head(struct bulla_writer *out, struct bulla_bytes algorithm, size_t key_size)
{
    bulla_der_head(out, BULLA_DER_SEQUENCE, sizeof version_0 + algorithm.size + bulla_der_size(key_size));
    bulla_write_bytes(out, BULLA_BYTES(version_0));
    bulla_write_bytes(out, algorithm);
    bulla_der_head(out, BULLA_DER_OCTET_STRING, key_size);
}

/* Version 1 says that a public key is there, version 0 that there is none (RFC 5958, section 2). */
static bool split(struct bulla_reader *reader, struct bulla_pkcs8 *parts)
{
    struct bulla_bytes version = bulla_der_read_unsigned(reader);
    if (version.size > 1 || (version.size == 1 && version.data[0] != 1))
        return false;
    const uint8_t *start = reader->at;
    struct bulla_bytes algorithm = bulla_der_read(reader, BULLA_DER_SEQUENCE);
    if (reader->failed)
        return false;
    parts->algorithm = (struct bulla_bytes){start, (size_t)(algorithm.data + algorithm.size - start)};
    parts->key = bulla_der_read(reader, BULLA_DER_OCTET_STRING);
    if (bulla_reader_left(reader) && *reader->at == ATTRIBUTES)
        (void)bulla_der_read(reader, ATTRIBUTES);
    if (version.size == 1)
        (void)bulla_der_read(reader, PUBLIC_KEY);
    return !reader->failed && bulla_reader_left(reader) == 0;
}

/* What is wrapped in whole blocks has zeroes behind it: by CBC as the standard says, by SoftHSM in AES key wrap with
 * padding, too. Where anything else follows, it is left to be refused. */
static struct bulla_bytes without_padding(struct bulla_bytes der)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, der);
    (void)bulla_der_read(&reader, BULLA_DER_SEQUENCE);
    size_t left = bulla_reader_left(&reader);
    if (reader.failed || left > PADDING_MOST)
        return der;
    for (size_t i = der.size - left; i < der.size; i++)
        if (der.data[i])
            return der;
    return (struct bulla_bytes){der.data, der.size - left};
}

enum bulla_reason bulla_pkcs8_split(struct bulla_bytes der, struct bulla_pkcs8 *parts)
{
    struct bulla_reader outer, reader;
    bulla_reader_open(&outer, without_padding(der));
    bulla_reader_open(&reader, bulla_der_read(&outer, BULLA_DER_SEQUENCE));
    if (outer.failed || bulla_reader_left(&outer) || !split(&reader, parts))
        return bulla_refuse(BULLA_WRAPPED_KEY, "what was wrapped is no private key in PKCS#8");
    return BULLA_OK;
}

/* --- curves --- */

/* AlgorithmIdentifiers: id-ecPublicKey with the curve's name (RFC 5480), or the curve's own (RFC 8410). */
#define EC(...) 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, __VA_ARGS__
static const uint8_t p256[] = {0x30, 0x13, EC(0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07)};
static const uint8_t p384[] = {0x30, 0x10, EC(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22)};
static const uint8_t p521[] = {0x30, 0x10, EC(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23)};
static const uint8_t k256[] = {0x30, 0x10, EC(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a)};
static const uint8_t x25519[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e};
static const uint8_t x448[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6f};
static const uint8_t ed25519[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};
static const uint8_t ed448[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x71};
enum { EC_NAME_AT = 11 }; /* the curve's name in the first four */

static const struct form {
    const char *type, *group; /* OpenSSL's; no group: the type is the curve */
    size_t size;              /* of the private value */
    struct bulla_bytes algorithm;
} forms[] = {
    {"EC", "prime256v1", 32, {p256, sizeof p256}},
    {"EC", "secp384r1", 48, {p384, sizeof p384}},
    {"EC", "secp521r1", 66, {p521, sizeof p521}},
    {"EC", "secp256k1", 32, {k256, sizeof k256}},
    {"X25519", NULL, 32, {x25519, sizeof x25519}},
    {"X448", NULL, 56, {x448, sizeof x448}},
    {"ED25519", NULL, 32, {ed25519, sizeof ed25519}},
    {"ED448", NULL, 57, {ed448, sizeof ed448}},
};

static const struct form *form_of(const EVP_PKEY *pkey)
{
    char group[32] = "";
    if (EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) != 1)
        return NULL;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (EVP_PKEY_is_a(pkey, forms[i].type) && (!forms[i].group || strcmp(group, forms[i].group) == 0))
            return &forms[i];
    return NULL;
}

static const struct form *form_by_algorithm(struct bulla_bytes algorithm)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (bulla_bytes_equal(algorithm, forms[i].algorithm))
            return &forms[i];
    return NULL;
}

/* OpenSSL takes and gives numbers in the machine's order of bytes. */
static void turn(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && i < size / 2; i++) {
        uint8_t byte = bytes[i];
        bytes[i] = bytes[size - 1 - i];
        bytes[size - 1 - i] = byte;
    }
}

/* --- writing --- */

static bool get_number(const EVP_PKEY *pkey, struct bulla_secret *value)
{
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, value->data, value->size), OSSL_PARAM_construct_end()};
    if (EVP_PKEY_get_params(pkey, parameters) != 1)
        return false;
    turn(value->data, value->size); /* it fills the whole of it */
    return true;
}

/* ECPrivateKey (RFC 5915) with its public key; the curve's name stands in front of it. */
static bool write_ec(
    const struct form *form, const EVP_PKEY *pkey, struct bulla_secret *value, struct bulla_writer *out)
{
    static const uint8_t version_1[] = {0x02, 0x01, 0x01};
    uint8_t point[POINT_LARGEST];
    size_t size = 0;
    if (!get_number(pkey, value) ||
        EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &size) != 1)
        return false;
    size_t bits = 1 + size;
    size_t content = sizeof version_1 + bulla_der_size(value->size) + bulla_der_size(bulla_der_size(bits));
    bulla_pkcs8_head(out, form->algorithm, bulla_der_size(content));
    bulla_der_head(out, BULLA_DER_SEQUENCE, content);
    bulla_write_bytes(out, BULLA_BYTES(version_1));
    bulla_der_head(out, BULLA_DER_OCTET_STRING, value->size);
    bulla_write(out, value->data, value->size);
    bulla_der_head(out, EC_PUBLIC_KEY, bulla_der_size(bits));
    bulla_der_head(out, BULLA_DER_BIT_STRING, bits);
    bulla_write_u8(out, 0); /* no bit of the last byte is unused */
    bulla_write(out, point, size);
    return true;
}

/* CurvePrivateKey (RFC 8410): the value as an OCTET STRING of its own. */
static bool write_curve(
    const struct form *form, const EVP_PKEY *pkey, struct bulla_secret *value, struct bulla_writer *out)
{
    size_t size = value->size;
    if (EVP_PKEY_get_raw_private_key(pkey, value->data, &size) != 1 || size != value->size)
        return false;
    bulla_pkcs8_head(out, form->algorithm, bulla_der_size(size));
    bulla_der_head(out, BULLA_DER_OCTET_STRING, size);
    bulla_write(out, value->data, size);
    return true;
}

enum bulla_reason bulla_pkcs8_write(struct evp_pkey_st *pkey, struct bulla_writer *out)
{
    BULLA_RELEASED struct bulla_secret value = {0};
    const struct form *form = form_of(pkey);
    if (!form)
        return bulla_refuse(BULLA_LIBRARY, "the key has no form in PKCS#8");
    BULLA_TRY(bulla_secret_hold(&value, form->size, "a private key"));
    (void)ERR_set_mark();
    bool written = form->group ? write_ec(form, pkey, &value, out) : write_curve(form, pkey, &value, out);
    (void)ERR_pop_to_mark();
    return written ? BULLA_OK : bulla_refuse(BULLA_LIBRARY, "OpenSSL does not show a private key");
}

/* --- reading --- */

static EVP_PKEY *make_ec(const struct form *form, struct bulla_bytes value, struct bulla_bytes point)
{
    struct bulla_secret native = {0};
    EVP_PKEY *pkey = NULL;
    if (bulla_secret_hold(&native, value.size, "a private key") != BULLA_OK)
        return NULL;
    memcpy(native.data, value.data, value.size);
    turn(native.data, native.size);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)form->group, 0),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native.data, native.size),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point.data, point.size),
        OSSL_PARAM_construct_end(),
    };
    if (!point.size)
        parameters[2] = OSSL_PARAM_construct_end();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(bulla_openssl_context(), "EC", NULL);
    if (context && EVP_PKEY_fromdata_init(context) == 1)
        (void)EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_KEYPAIR, parameters);
    EVP_PKEY_CTX_free(context);
    bulla_secret_release(&native);
    return pkey;
}

/* The parameters, where they are there, must be those in front. */
static bool read_ec_parameters(const struct form *form, struct bulla_reader *reader)
{
    if (!bulla_reader_left(reader) || *reader->at != EC_PARAMETERS)
        return true;
    struct bulla_bytes name = {form->algorithm.data + EC_NAME_AT, form->algorithm.size - EC_NAME_AT};
    return bulla_bytes_equal(bulla_der_read(reader, EC_PARAMETERS), name);
}

static bool read_ec_point(struct bulla_reader *reader, struct bulla_bytes *point)
{
    struct bulla_reader bits;
    if (!bulla_reader_left(reader))
        return true;
    bulla_reader_open(&bits, bulla_der_read(reader, EC_PUBLIC_KEY));
    *point = bulla_der_read(&bits, BULLA_DER_BIT_STRING);
    if (bits.failed || bulla_reader_left(&bits) || point->size < 2 || point->data[0] != 0)
        return false;
    *point = (struct bulla_bytes){point->data + 1, point->size - 1};
    return true;
}

static EVP_PKEY *read_ec(const struct form *form, struct bulla_bytes der)
{
    struct bulla_reader outer, reader;
    struct bulla_bytes point = {NULL, 0};
    bulla_reader_open(&outer, der);
    bulla_reader_open(&reader, bulla_der_read(&outer, BULLA_DER_SEQUENCE));
    struct bulla_bytes version = bulla_der_read_unsigned(&reader);
    struct bulla_bytes value = bulla_der_read(&reader, BULLA_DER_OCTET_STRING);
    bool right = version.size == 1 && version.data[0] == 1 && value.size == form->size &&
                 read_ec_parameters(form, &reader) && read_ec_point(&reader, &point);
    if (!right || outer.failed || reader.failed || bulla_reader_left(&outer) || bulla_reader_left(&reader))
        return NULL;
    return make_ec(form, value, point);
}

static EVP_PKEY *read_curve(const struct form *form, struct bulla_bytes der)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, der);
    struct bulla_bytes value = bulla_der_read(&reader, BULLA_DER_OCTET_STRING);
    if (reader.failed || bulla_reader_left(&reader) || value.size != form->size)
        return NULL;
    return EVP_PKEY_new_raw_private_key_ex(bulla_openssl_context(), form->type, NULL, value.data, value.size);
}

enum bulla_reason bulla_pkcs8_read(struct bulla_bytes der, struct evp_pkey_st **pkey)
{
    struct bulla_pkcs8 parts;
    *pkey = NULL;
    BULLA_TRY(bulla_pkcs8_split(der, &parts));
    const struct form *form = form_by_algorithm(parts.algorithm);
    (void)ERR_set_mark();
    if (form)
        *pkey = form->group ? read_ec(form, parts.key) : read_curve(form, parts.key);
    (void)ERR_pop_to_mark();
    return *pkey ? BULLA_OK : bulla_refuse(BULLA_WRAPPED_KEY, "what was wrapped is no private key of a known curve");
}
