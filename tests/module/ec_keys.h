/* Keys of curves for the tests: their parameters, and pairs and halves made through the module. */
#ifndef BULLA_TESTS_EC_KEYS_H
#define BULLA_TESTS_EC_KEYS_H

#include <openssl/evp.h>

#include "module_fixture.h"

enum { EC_P256, EC_P384, EC_P521, EC_SECP256K1, EC_ED25519, EC_ED448, EC_X25519, EC_X448, EC_CURVES };

/* What the standards say of a curve (RFC 5480, SEC 2, RFC 8410, RFC 7748, RFC 8032). */
struct ec_curve {
    const char *name;    /* OpenSSL's */
    const char *hex;     /* DER of the object identifier */
    const char *printed; /* the curve's name in PKCS#11 */
    CK_KEY_TYPE type;
    CK_MECHANISM_TYPE generation;
    size_t value, point; /* bytes of a private value and of a point */
};
extern const struct ec_curve ec_curves[EC_CURVES];

struct ec_bytes {
    unsigned char data[4096];
    size_t size;
};
/* Text in hex, spaces allowed. */
struct ec_bytes ec_hex(const char *hex);
struct ec_bytes ec_params(int curve);
struct ec_bytes ec_printed(int curve); /* PrintableString */
/* A DER octet string around up to 255 bytes. */
struct ec_bytes ec_octets(const unsigned char *data, size_t size);

struct ec_pair {
    CK_OBJECT_HANDLE public_key, private_key;
};
/* Session objects, extractable and not sensitive; asserted. */
struct ec_pair ec_generate(CK_SESSION_HANDLE session, int curve);
CK_RV ec_generate_with(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_ATTRIBUTE *public_template,
    unsigned long public_count, CK_ATTRIBUTE *private_template, unsigned long private_count, struct ec_pair *pair);
/* C_CreateObject of a half; `more` is one attribute that is added, or NULL. */
CK_RV ec_create_public(
    CK_SESSION_HANDLE session, int curve, struct ec_bytes point, CK_ATTRIBUTE *more, CK_OBJECT_HANDLE *handle);
CK_RV ec_create_private(
    CK_SESSION_HANDLE session, int curve, struct ec_bytes value, CK_ATTRIBUTE *more, CK_OBJECT_HANDLE *handle);
/* An attribute's value; asserted. */
struct ec_bytes ec_get(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
/* CKA_EC_POINT without its DER; asserted to be an octet string of the curve's size. */
struct ec_bytes ec_point(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, int curve);
/* The public key as OpenSSL reads it from CKA_PUBLIC_KEY_INFO; the caller's to free. */
EVP_PKEY *ec_openssl(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object);
/* The public key's point, uncompressed. */
struct ec_bytes ec_openssl_point(const EVP_PKEY *pkey);

CK_RV ec_sign(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, struct ec_bytes data,
    struct ec_bytes *signature);
CK_RV ec_verify(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, struct ec_bytes data,
    struct ec_bytes signature);

#define assert_bytes(left, right)                                                                                      \
    do {                                                                                                               \
        assert_int_equal((left).size, (right).size);                                                                   \
        assert_memory_equal((left).data, (right).data, (right).size);                                                  \
    } while (0)

#endif
