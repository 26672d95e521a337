/* Reading certificates. OpenSSL takes BER as well, so what it read is encoded again and compared; what is signed it
 * keeps as it was. The key's numbers are taken out at once: bulla_signature_verify is the only one who verifies. */
#include <openssl/err.h>
#include <stdlib.h>
#include <time.h>

#include "certificate_inside.h"
#include "library.h"
#include "pem.h"

enum { RSA_PARTS = 2, UTC_TIME = 13, GENERALIZED_TIME = 15, OID_TEXT = 64 };

void bulla_certificate_free(struct bulla_certificate **certificate)
{
    if (!*certificate)
        return;
    X509_free((*certificate)->x509);
    free((*certificate)->der);
    free(*certificate);
    *certificate = NULL;
}

bool bulla_asn1_seconds(const ASN1_TIME *time, uint64_t *seconds)
{
    struct tm parts;
    int length = ASN1_STRING_length(time);
    int expected = ASN1_STRING_type(time) == V_ASN1_UTCTIME ? UTC_TIME : GENERALIZED_TIME;
    if (length != expected || ASN1_STRING_get0_data(time)[length - 1] != 'Z' || ASN1_TIME_to_tm(time, &parts) != 1)
        return false;
    time_t value = timegm(&parts);
    *seconds = value < 0 ? 0 : (uint64_t)value;
    return true;
}

/* The parts of RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }. */
static bool rsa_numbers(struct bulla_certificate *certificate, const ASN1_SEQUENCE_ANY *parts)
{
    if (sk_ASN1_TYPE_num(parts) != RSA_PARTS)
        return false;
    const ASN1_TYPE *modulus = sk_ASN1_TYPE_value(parts, 0);
    const ASN1_TYPE *exponent = sk_ASN1_TYPE_value(parts, 1);
    if (modulus->type != V_ASN1_INTEGER || exponent->type != V_ASN1_INTEGER ||
        ASN1_INTEGER_get_uint64(&certificate->key.exponent, exponent->value.integer) != 1)
        return false;
    int size = ASN1_STRING_length(modulus->value.integer);
    if (size <= 0 || (size_t)size > sizeof certificate->modulus)
        return false;
    memcpy(certificate->modulus, ASN1_STRING_get0_data(modulus->value.integer), (size_t)size);
    certificate->key.value = (struct bulla_bytes){certificate->modulus, (size_t)size};
    return true;
}

static bool take_rsa(struct bulla_certificate *certificate, struct bulla_bytes bits)
{
    const unsigned char *at = bits.data;
    ASN1_SEQUENCE_ANY *parts = d2i_ASN1_SEQUENCE_ANY(NULL, &at, (long)bits.size);
    bool taken = parts && at == bits.data + bits.size && rsa_numbers(certificate, parts);
    sk_ASN1_TYPE_pop_free(parts, ASN1_TYPE_free);
    return taken;
}

static bool take_curve(struct bulla_certificate *certificate, struct bulla_bytes bits)
{
    static const size_t points[] = {[BULLA_PUBLIC_P256] = 65, [BULLA_PUBLIC_P384] = 97};
    certificate->key.value = bits;
    return bits.size == points[certificate->key.kind] && bits.data[0] == 0x04;
}

static bool take_ed25519(struct bulla_certificate *certificate, struct bulla_bytes bits)
{
    certificate->key.value = bits;
    return bits.size == crypto_sign_PUBLICKEYBYTES;
}

static const struct {
    int algorithm, curve;
    enum bulla_key_kind_public kind;
    bool (*take)(struct bulla_certificate *certificate, struct bulla_bytes bits);
} keys[] = {
    {NID_X9_62_id_ecPublicKey, NID_X9_62_prime256v1, BULLA_PUBLIC_P256, take_curve},
    {NID_X9_62_id_ecPublicKey, NID_secp384r1, BULLA_PUBLIC_P384, take_curve},
    {NID_rsaEncryption, NID_undef, BULLA_PUBLIC_RSA, take_rsa},
    {NID_ED25519, NID_undef, BULLA_PUBLIC_ED25519, take_ed25519},
};

static enum bulla_reason take_key(struct bulla_certificate *certificate, const char *what)
{
    ASN1_OBJECT *object = NULL;
    const unsigned char *data = NULL;
    int size = 0;
    int type = V_ASN1_UNDEF;
    const void *parameter = NULL;
    X509_ALGOR *algorithm = NULL;
    if (X509_PUBKEY_get0_param(&object, &data, &size, &algorithm, X509_get_X509_PUBKEY(certificate->x509)) != 1)
        return bulla_refuse(BULLA_MALFORMED, "%s has no public key", what);
    X509_ALGOR_get0(NULL, &type, &parameter, algorithm);
    int curve = type == V_ASN1_OBJECT ? OBJ_obj2nid(parameter) : NID_undef;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (keys[i].algorithm != OBJ_obj2nid(object) || keys[i].curve != curve)
            continue;
        certificate->key.kind = keys[i].kind;
        if (!keys[i].take(certificate, (struct bulla_bytes){data, (size_t)size}))
            return bulla_refuse(BULLA_UNSUPPORTED, "%s has a public key of %d bytes in another form", what, size);
        return BULLA_OK;
    }
    return bulla_refuse(
        BULLA_UNSUPPORTED, "%s has a public key of another kind than RSA, P-256, P-384 and Ed25519", what);
}

/* Whether OpenSSL would write it as it was. */
static bool encoded_alike(X509 *x509, struct bulla_bytes der)
{
    unsigned char *again = NULL;
    int size = i2d_X509(x509, &again);
    bool alike = size >= 0 && bulla_bytes_equal((struct bulla_bytes){again, (size_t)size}, der);
    OPENSSL_free(again);
    return alike;
}

static enum bulla_reason parse(struct bulla_certificate *certificate, struct bulla_bytes der, const char *what)
{
    const unsigned char *at = certificate->der;
    certificate->x509 = bulla_openssl_reading_context() ? X509_new_ex(bulla_openssl_reading_context(), NULL) : NULL;
    if (!certificate->x509)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "reading %s", what);
    if (!d2i_X509(&certificate->x509, &at, (long)der.size))
        return bulla_refuse(BULLA_MALFORMED, "%s is no X.509 certificate", what);
    if (at != certificate->der + der.size)
        return bulla_refuse(BULLA_TRAILING, "%s has bytes behind its end", what);
    if (!encoded_alike(certificate->x509, der))
        return bulla_refuse(BULLA_MALFORMED, "%s is not encoded as DER asks", what);
    if (!bulla_asn1_seconds(X509_get0_notBefore(certificate->x509), &certificate->not_before) ||
        !bulla_asn1_seconds(X509_get0_notAfter(certificate->x509), &certificate->not_after))
        return bulla_refuse(BULLA_MALFORMED, "%s has a validity that is no time", what);
    return take_key(certificate, what);
}

enum bulla_reason bulla_certificate_read(
    struct bulla_bytes der, const char *what, struct bulla_certificate **certificate)
{
    *certificate = NULL;
    if (der.size > BULLA_CERTIFICATE_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "%s has %zu bytes", what, der.size);
    if (der.size == 0)
        return bulla_refuse(BULLA_MALFORMED, "%s is empty", what);
    struct bulla_certificate *made = calloc(1, sizeof *made);
    if (made)
        made->der = malloc(der.size);
    if (!made || !made->der) {
        free(made);
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "reading %s", what);
    }
    memcpy(made->der, der.data, der.size);
    made->der_size = der.size;
    (void)ERR_set_mark(); /* what fails here must not stand in the error queue of a host that shares libcrypto */
    enum bulla_reason reason = parse(made, der, what);
    (void)ERR_pop_to_mark();
    if (reason != BULLA_OK)
        bulla_certificate_free(&made);
    *certificate = made;
    return reason;
}

enum bulla_reason bulla_certificate_read_pem(
    struct bulla_bytes pem, const char *what, struct bulla_certificate **list, size_t capacity, size_t *count)
{
    uint8_t memory[BULLA_CERTIFICATE_LARGEST];
    struct bulla_bytes der;
    *count = 0;
    for (;;) {
        BULLA_TRY(bulla_pem_next(&pem, "CERTIFICATE", what, memory, sizeof memory, &der));
        if (!der.data)
            return BULLA_OK;
        if (*count == capacity)
            return bulla_refuse(BULLA_TOO_LARGE, "%s holds more than %zu certificates", what, capacity);
        BULLA_TRY(bulla_certificate_read(der, what, &list[*count]));
        ++*count;
    }
}

enum bulla_reason bulla_certificate_read_one(
    struct bulla_bytes der_or_pem, const char *what, struct bulla_certificate **certificate)
{
    size_t count = 0;
    *certificate = NULL;
    if (!bulla_pem_looks_like(der_or_pem))
        return bulla_certificate_read(der_or_pem, what, certificate);
    enum bulla_reason reason = bulla_certificate_read_pem(der_or_pem, what, certificate, 1, &count);
    if (reason == BULLA_OK && count == 0)
        return bulla_refuse(BULLA_MALFORMED, "%s holds no certificate", what);
    if (reason != BULLA_OK)
        bulla_certificate_free(certificate);
    return reason;
}

struct bulla_bytes bulla_certificate_der(const struct bulla_certificate *certificate)
{
    return (struct bulla_bytes){certificate->der, certificate->der_size};
}

void bulla_certificate_fingerprint(const struct bulla_certificate *certificate, uint8_t sha256[static 32])
{
    (void)crypto_hash_sha256(sha256, certificate->der, certificate->der_size);
}

void bulla_certificate_subject(const struct bulla_certificate *certificate, char *text, size_t size)
{
    if (size == 0)
        return;
    text[0] = '\0';
    (void)ERR_set_mark();
    BIO *memory = BIO_new(BIO_s_mem());
    if (memory && X509_NAME_print_ex(memory, X509_get_subject_name(certificate->x509), 0, XN_FLAG_RFC2253) >= 0) {
        int written = BIO_read(memory, text, (int)(size - 1));
        text[written > 0 ? written : 0] = '\0';
    }
    BIO_free(memory);
    (void)ERR_pop_to_mark();
}

bool bulla_certificate_names(const struct bulla_certificate *certificate, const struct bulla_certificate *issuer)
{
    return X509_NAME_cmp(X509_get_issuer_name(certificate->x509), X509_get_subject_name(issuer->x509)) == 0;
}

void bulla_certificate_validity(const struct bulla_certificate *certificate, uint64_t *not_before, uint64_t *not_after)
{
    *not_before = certificate->not_before;
    *not_after = certificate->not_after;
}

void bulla_certificate_key(const struct bulla_certificate *certificate, struct bulla_public_key *key)
{
    *key = certificate->key;
}

struct bulla_bytes bulla_certificate_extension(const struct bulla_certificate *certificate, const char *dotted_oid)
{
    char text[OID_TEXT];
    for (int i = 0; i < X509_get_ext_count(certificate->x509); i++) {
        X509_EXTENSION *extension = X509_get_ext(certificate->x509, i);
        int length = OBJ_obj2txt(text, sizeof text, X509_EXTENSION_get_object(extension), 1);
        if (length <= 0 || (size_t)length >= sizeof text || strcmp(text, dotted_oid) != 0)
            continue;
        const ASN1_OCTET_STRING *octets = X509_EXTENSION_get_data(extension);
        return (struct bulla_bytes){ASN1_STRING_get0_data(octets), (size_t)ASN1_STRING_length(octets)};
    }
    return (struct bulla_bytes){NULL, 0};
}
