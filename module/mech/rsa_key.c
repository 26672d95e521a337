/* RSA keys in and out: to OpenSSL, and to PKCS#8 and SubjectPublicKeyInfo and back.
 *
 * Both forms are written and read here rather than by OpenSSL, whose encoders and decoders leave copies of private
 * numbers on the heap that nobody wipes. What OpenSSL gets, it gets as OSSL_PARAMs that point into locked memory; the
 * key that it makes of them is its own, and cleansed when it is freed. */
#include <openssl/core_names.h>
#include <openssl/err.h>

#include "crypto/library.h"
#include "der.h"
#include "pkcs8.h"
#include "rsa.h"

const struct bulla_rsa_name bulla_rsa_names[BULLA_RSA_NUMBERS] = {
    [BULLA_RSA_N] = {CKA_MODULUS, OSSL_PKEY_PARAM_RSA_N},
    [BULLA_RSA_E] = {CKA_PUBLIC_EXPONENT, OSSL_PKEY_PARAM_RSA_E},
    [BULLA_RSA_D] = {CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D},
    [BULLA_RSA_P] = {CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1},
    [BULLA_RSA_Q] = {CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2},
    [BULLA_RSA_DP] = {CKA_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1},
    [BULLA_RSA_DQ] = {CKA_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2},
    [BULLA_RSA_QINV] = {CKA_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
};

static struct bulla_bytes number(const struct bulla_draft *key, enum bulla_rsa_number which)
{
    return bulla_der_strip(bulla_draft_get(key, bulla_rsa_names[which].attribute));
}

/* --- opening --- */

/* OpenSSL takes numbers in the machine's order of bytes. */
static void put_native(uint8_t *out, struct bulla_bytes big_endian)
{
    for (size_t i = 0; i < big_endian.size; i++)
        out[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? big_endian.size - 1 - i : i] = big_endian.data[i];
}

static enum bulla_reason make_pkey(OSSL_PARAM *parameters, int selection, EVP_PKEY **pkey)
{
    (void)ERR_set_mark();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(bulla_openssl_context(), "RSA", NULL);
    bool made =
        context && EVP_PKEY_fromdata_init(context) == 1 && EVP_PKEY_fromdata(context, pkey, selection, parameters) == 1;
    EVP_PKEY_CTX_free(context);
    (void)ERR_pop_to_mark();
    return made ? BULLA_OK : bulla_refuse(BULLA_LIBRARY, "OpenSSL does not take the RSA key");
}

/* How many of the numbers OpenSSL is given: all of a private key that is complete, else none of those for the Chinese
 * remainder theorem. */
static unsigned usable(const struct bulla_draft *key)
{
    if (key->object_class == CKO_PUBLIC_KEY)
        return BULLA_RSA_PUBLIC_NUMBERS;
    for (unsigned i = BULLA_RSA_P; i < BULLA_RSA_NUMBERS; i++)
        if (!number(key, i).size)
            return BULLA_RSA_P;
    return BULLA_RSA_NUMBERS;
}

enum bulla_reason bulla_rsa_open(const struct bulla_draft *key, struct bulla_material *material)
{
    BULLA_RELEASED struct bulla_secret native = {0};
    OSSL_PARAM parameters[BULLA_RSA_NUMBERS + 1];
    unsigned count = usable(key);
    size_t at = 0;
    BULLA_TRY(bulla_secret_hold(&native, (size_t)BULLA_RSA_NUMBERS * RSA_LARGEST_BYTES, "an RSA key"));
    for (unsigned i = 0; i < count; i++) {
        struct bulla_bytes value = number(key, i);
        if (value.size == 0 || value.size > RSA_LARGEST_BYTES)
            return bulla_refuse(BULLA_KEY_VALUE, "the RSA key lacks its attribute 0x%lx", bulla_rsa_names[i].attribute);
        put_native(native.data + at, value);
        parameters[i] = OSSL_PARAM_construct_BN(bulla_rsa_names[i].library, native.data + at, value.size);
        at += value.size;
    }
    parameters[count] = OSSL_PARAM_construct_end();
    material->size = bulla_rsa_bits(number(key, BULLA_RSA_N));
    return make_pkey(
        parameters, key->object_class == CKO_PUBLIC_KEY ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR, &material->pkey);
}

/* --- SubjectPublicKeyInfo --- */

/* AlgorithmIdentifier of rsaEncryption with its NULL parameter (RFC 8017, A.1). */
static const uint8_t algorithm[] = {
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};

enum bulla_reason bulla_rsa_put_public_info(struct bulla_draft *key)
{
    struct bulla_bytes n = number(key, BULLA_RSA_N), e = number(key, BULLA_RSA_E);
    size_t numbers = bulla_der_unsigned_size(n) + bulla_der_unsigned_size(e);
    size_t bits = 1 + bulla_der_size(numbers); /* the first byte says that no bit of the last one is unused */
    size_t content = sizeof algorithm + bulla_der_size(bits);
    struct bulla_writer out;
    uint8_t *space = NULL;
    BULLA_TRY(bulla_draft_space(key, CKA_PUBLIC_KEY_INFO, bulla_der_size(content), &space));
    bulla_writer_open(&out, space, bulla_der_size(content));
    bulla_der_head(&out, BULLA_DER_SEQUENCE, content);
    bulla_write_bytes(&out, BULLA_BYTES(algorithm));
    bulla_der_head(&out, BULLA_DER_BIT_STRING, bits);
    bulla_write_u8(&out, 0);
    bulla_der_head(&out, BULLA_DER_SEQUENCE, numbers);
    bulla_der_write_unsigned(&out, n);
    bulla_der_write_unsigned(&out, e);
    return bulla_writer_finish(&out, "a public key");
}

/* --- PKCS#8 --- */

static const uint8_t version_0[] = {0x02, 0x01, 0x00}; /* two primes; and PKCS#8 without a public key */

enum bulla_reason bulla_rsa_export(const struct bulla_draft *key, struct bulla_writer *out)
{
    size_t numbers = sizeof version_0;
    if (usable(key) != BULLA_RSA_NUMBERS || !number(key, BULLA_RSA_E).size)
        return bulla_refuse(BULLA_KEY_NOT_WRAPPABLE, "the RSA key lacks numbers: import it anew");
    for (unsigned i = 0; i < BULLA_RSA_NUMBERS; i++)
        numbers += bulla_der_unsigned_size(number(key, i));
    bulla_pkcs8_head(out, BULLA_BYTES(algorithm), bulla_der_size(numbers));
    bulla_der_head(out, BULLA_DER_SEQUENCE, numbers);
    bulla_write_bytes(out, BULLA_BYTES(version_0));
    for (unsigned i = 0; i < BULLA_RSA_NUMBERS; i++)
        bulla_der_write_unsigned(out, number(key, i));
    return BULLA_OK;
}

/* RSAPrivateKey of two primes, and nothing behind it. */
static bool read_numbers(struct bulla_bytes der, struct bulla_bytes numbers[static BULLA_RSA_NUMBERS])
{
    struct bulla_reader outer, reader;
    bulla_reader_open(&outer, der);
    bulla_reader_open(&reader, bulla_der_read(&outer, BULLA_DER_SEQUENCE));
    bool two_primes = bulla_der_read_unsigned(&reader).size == 0 && !reader.failed;
    for (unsigned i = 0; i < BULLA_RSA_NUMBERS; i++) {
        numbers[i] = bulla_der_read_unsigned(&reader);
        two_primes = two_primes && numbers[i].size > 0 && numbers[i].size <= RSA_LARGEST_BYTES;
    }
    return two_primes && !outer.failed && !reader.failed && !bulla_reader_left(&outer) && !bulla_reader_left(&reader);
}

enum bulla_reason bulla_rsa_import(struct bulla_bytes plain, struct bulla_draft *key)
{
    struct bulla_pkcs8 parts;
    struct bulla_bytes numbers[BULLA_RSA_NUMBERS];
    BULLA_TRY(bulla_pkcs8_split(plain, &parts));
    if (!bulla_bytes_equal(parts.algorithm, BULLA_BYTES(algorithm)) || !read_numbers(parts.key, numbers))
        return bulla_refuse(BULLA_WRAPPED_KEY, "what was wrapped is no RSA private key");
    for (unsigned i = 0; i < BULLA_RSA_NUMBERS; i++)
        BULLA_TRY(bulla_draft_put(key, bulla_rsa_names[i].attribute, numbers[i]));
    return bulla_rsa_complete(key) == BULLA_OK
               ? BULLA_OK
               : bulla_refuse_within(BULLA_WRAPPED_KEY, "of the RSA key that was wrapped: ");
}

static const CK_ATTRIBUTE_TYPE public_needs[] = {CKA_MODULUS, CKA_PUBLIC_EXPONENT, 0};
static const CK_ATTRIBUTE_TYPE private_needs[] = {CKA_MODULUS, CKA_PRIVATE_EXPONENT, 0};
static const CK_ATTRIBUTE_TYPE uses[] = {CKA_SIGN, CKA_VERIFY, CKA_ENCRYPT, CKA_DECRYPT, 0};

const struct bulla_key_kind bulla_rsa_kind = {BULLA_KEY_KIND(CKK_RSA), .public_needs = public_needs,
    .private_needs = private_needs, .uses = uses, .complete = bulla_rsa_complete, .open = bulla_rsa_open,
    .export = bulla_rsa_export, .import = bulla_rsa_import};
