/* Parameters of mechanisms: every structure that has pointers in it, with each of them NULL, with each length one that
 * no memory has, and cut short or too long itself. A structure that is right comes first: what is refused afterwards is
 * refused for that one field. Behind the byte that each length is about there is no memory: who reads it, ends here. */
#include "cipher_fixture.h"
#include "derive_fixture.h"
#include "ec_keys.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>

static CK_KEY_TYPE aes = CKK_AES, generic = CKK_GENERIC_SECRET;
static CK_OBJECT_HANDLE aes_key, chacha_key, wrapped_key, base_key;
static struct ec_pair agreeing, wrapping_curve;
static CK_OBJECT_HANDLE rsa_public;
static unsigned char *fence; /* one byte */

/* --- what a parameter is given to; each leaves nothing behind --- */

typedef CK_RV run(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism);

static CK_RV encrypt_with(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    unsigned char out[256], in[16] = {0};
    unsigned long size = sizeof out;
    CK_RV rv = p11->C_EncryptInit(session, mechanism, key);
    return rv == CKR_OK ? p11->C_Encrypt(session, in, sizeof in, out, &size) : rv;
}
static CK_RV encrypt_by_aes(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
    return encrypt_with(session, mechanism, aes_key);
}
static CK_RV encrypt_by_chacha(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
    return encrypt_with(session, mechanism, chacha_key);
}
static CK_RV encrypt_by_rsa(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
    return encrypt_with(session, mechanism, rsa_public);
}

static CK_RV derive_from(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base, CK_ULONG size)
{
    CK_OBJECT_HANDLE key = 0;
    CK_RV rv = derive_key(session, mechanism, base, size, false, &key);
    if (rv == CKR_OK)
        assert_ok(p11->C_DestroyObject(session, key));
    return rv;
}
static CK_RV derive_some(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
    return derive_from(session, mechanism, base_key, 16);
}
static CK_RV derive_all(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
    return derive_from(session, mechanism, base_key, 0);
}
static CK_RV derive_by_aes(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
    return derive_from(session, mechanism, aes_key, 16);
}
static CK_RV derive_by_curve(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
    return derive_from(session, mechanism, agreeing.private_key, 16);
}

static CK_RV wrap_under(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    unsigned char out[1024];
    unsigned long size = sizeof out;
    return p11->C_WrapKey(session, mechanism, key, wrapped_key, out, &size);
}
static CK_RV wrap_by_rsa(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
    return wrap_under(session, mechanism, rsa_public);
}
static CK_RV wrap_by_curve(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
    return wrap_under(session, mechanism, wrapping_curve.public_key);
}

static CK_RV generate(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG size = 32;
    CK_ATTRIBUTE attributes[] = {
        ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, generic), ATTRIBUTE(CKA_VALUE_LEN, size)};
    return p11->C_GenerateKey(session, mechanism, attributes, 3, &key);
}

/* The parameter is the message's. */
static CK_RV encrypt_message(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
    unsigned char out[256], in[16] = {0};
    unsigned long size = sizeof out;
    CK_MECHANISM bare = {mechanism->mechanism, NULL, 0};
    CK_OBJECT_HANDLE key = bare.mechanism == CKM_CHACHA20_POLY1305 ? chacha_key : aes_key;
    assert_ok(p11_3->C_MessageEncryptInit(session, &bare, key));
    CK_RV rv = p11_3->C_EncryptMessage(
        session, mechanism->pParameter, mechanism->ulParameterLen, NULL, 0, in, sizeof in, out, &size);
    assert_ok(p11_3->C_MessageEncryptFinal(session));
    return rv;
}

/* --- the structures, right --- */

static unsigned char nonce[16] = "0123456789ab", tag[16], more[4] = "more", point[65], client[32], server[32];
static CK_GCM_PARAMS gcm = {nonce, 12, 96, more, 4, 128};
static CK_CCM_PARAMS ccm = {16, nonce, 12, more, 4, 16};
static CK_CHACHA20_PARAMS chacha = {tag, 32, nonce, 96};
static CK_SALSA20_CHACHA20_POLY1305_PARAMS poly = {nonce, 12, more, 4};
static CK_GCM_MESSAGE_PARAMS gcm_message = {nonce, 12, 0, CKG_NO_GENERATE, tag, 128};
static CK_CCM_MESSAGE_PARAMS ccm_message = {16, nonce, 12, 0, CKG_NO_GENERATE, tag, 16};
static CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS poly_message = {nonce, 12, tag};
static CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, more, 4};
static CK_RSA_AES_KEY_WRAP_PARAMS rsa_aes = {256, &oaep};
static CK_ECDH_AES_KEY_WRAP_PARAMS ecdh_aes = {256, CKD_SHA256_KDF, 4, more};
static CK_ECDH1_DERIVE_PARAMS ecdh = {CKD_SHA256_KDF, 4, more, 65, point};
static CK_HKDF_PARAMS hkdf = {CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_DATA, more, 4, 0, nonce, 12};
static CK_PKCS5_PBKD2_PARAMS2 pbkdf2 = {
    CKZ_SALT_SPECIFIED, more, 4, 1000, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, nonce, 12};
static CK_KEY_DERIVATION_STRING_DATA string = {more, 4};
static CK_KEY_DERIVATION_STRING_DATA block = {nonce, 16};
static CK_AES_CBC_ENCRYPT_DATA_PARAMS blocks = {{0}, nonce, 16};
static CK_SP800_108_COUNTER_FORMAT counter = {CK_FALSE, 32};
static CK_PRF_DATA_PARAM fields[] = {
    {CK_SP800_108_ITERATION_VARIABLE, &counter, sizeof counter}, {CK_SP800_108_BYTE_ARRAY, more, 4}};
static CK_SP800_108_KDF_PARAMS counting = {CKM_SHA256_HMAC, 2, fields, 0, NULL};
static CK_TLS12_MASTER_KEY_DERIVE_PARAMS master = {{client, 32, server, 32}, NULL, CKM_SHA256};
static CK_TLS_KDF_PARAMS exporter = {CKM_SHA256, more, 4, {client, 32, server, 32}, nonce, 12};

enum { MOST_FIELDS = 4, NOWHERE = ~0 };
#define AT(structure, pointer, length)                                                                                 \
    {                                                                                                                  \
        offsetof(structure, pointer), offsetof(structure, length)                                                      \
    }
#define ALONE(structure, pointer)                                                                                      \
    {                                                                                                                  \
        offsetof(structure, pointer), (size_t)NOWHERE                                                                  \
    } /* without a length of its own */

static const struct row {
    const char *name;
    CK_MECHANISM_TYPE type;
    run *run;
    void *parameter;
    size_t size;
    struct {
        size_t pointer, length;
    } fields[MOST_FIELDS];
    size_t count;
} rows[] = {
#define ROW(type, run, parameter, count, ...)                                                                          \
    {                                                                                                                  \
#type "/" #parameter, type, run, &(parameter), sizeof(parameter), {__VA_ARGS__ }, count                        \
    }
    ROW(CKM_AES_GCM, encrypt_by_aes, gcm, 2, AT(CK_GCM_PARAMS, iv_ptr, iv_len), AT(CK_GCM_PARAMS, aad_ptr, aad_len)),
    ROW(CKM_AES_CCM, encrypt_by_aes, ccm, 2, AT(CK_CCM_PARAMS, pNonce, ulNonceLen), AT(CK_CCM_PARAMS, pAAD, ulAADLen)),
    ROW(CKM_CHACHA20, encrypt_by_chacha, chacha, 2, AT(CK_CHACHA20_PARAMS, pBlockCounter, blockCounterBits),
        AT(CK_CHACHA20_PARAMS, pNonce, ulNonceBits)),
    ROW(CKM_CHACHA20_POLY1305, encrypt_by_chacha, poly, 2, AT(CK_SALSA20_CHACHA20_POLY1305_PARAMS, pNonce, ulNonceLen),
        AT(CK_SALSA20_CHACHA20_POLY1305_PARAMS, pAAD, ulAADLen)),
    ROW(CKM_AES_GCM, encrypt_message, gcm_message, 2, AT(CK_GCM_MESSAGE_PARAMS, pIv, ulIvLen),
        AT(CK_GCM_MESSAGE_PARAMS, pTag, ulTagBits)),
    ROW(CKM_AES_CCM, encrypt_message, ccm_message, 2, AT(CK_CCM_MESSAGE_PARAMS, pNonce, ulNonceLen),
        AT(CK_CCM_MESSAGE_PARAMS, pMAC, ulMACLen)),
    ROW(CKM_CHACHA20_POLY1305, encrypt_message, poly_message, 2,
        AT(CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS, pNonce, ulNonceLen),
        ALONE(CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS, pTag)),
    ROW(CKM_RSA_PKCS_OAEP, encrypt_by_rsa, oaep, 1, AT(CK_RSA_PKCS_OAEP_PARAMS, source_data, source_data_len)),
    ROW(CKM_RSA_PKCS_OAEP, wrap_by_rsa, oaep, 1, AT(CK_RSA_PKCS_OAEP_PARAMS, source_data, source_data_len)),
    ROW(CKM_RSA_AES_KEY_WRAP, wrap_by_rsa, rsa_aes, 1, ALONE(CK_RSA_AES_KEY_WRAP_PARAMS, pOAEPParams)),
    ROW(CKM_ECDH_AES_KEY_WRAP, wrap_by_curve, ecdh_aes, 1,
        AT(CK_ECDH_AES_KEY_WRAP_PARAMS, pSharedData, ulSharedDataLen)),
    ROW(CKM_ECDH1_DERIVE, derive_by_curve, ecdh, 2, AT(CK_ECDH1_DERIVE_PARAMS, shared_data, shared_data_len),
        AT(CK_ECDH1_DERIVE_PARAMS, public_data, public_data_len)),
    ROW(CKM_HKDF_DERIVE, derive_some, hkdf, 2, AT(CK_HKDF_PARAMS, pSalt, ulSaltLen),
        AT(CK_HKDF_PARAMS, pInfo, ulInfoLen)),
    ROW(CKM_PKCS5_PBKD2, generate, pbkdf2, 2, AT(CK_PKCS5_PBKD2_PARAMS2, pSaltSourceData, ulSaltSourceDataLen),
        AT(CK_PKCS5_PBKD2_PARAMS2, pPassword, ulPasswordLen)),
    ROW(CKM_CONCATENATE_BASE_AND_DATA, derive_all, string, 1,
        AT(CK_KEY_DERIVATION_STRING_DATA, string_data, string_data_len)),
    ROW(CKM_CONCATENATE_DATA_AND_BASE, derive_all, string, 1,
        AT(CK_KEY_DERIVATION_STRING_DATA, string_data, string_data_len)),
    ROW(CKM_XOR_BASE_AND_DATA, derive_all, string, 1, AT(CK_KEY_DERIVATION_STRING_DATA, string_data, string_data_len)),
    ROW(CKM_AES_ECB_ENCRYPT_DATA, derive_by_aes, block, 1,
        AT(CK_KEY_DERIVATION_STRING_DATA, string_data, string_data_len)),
    ROW(CKM_AES_CBC_ENCRYPT_DATA, derive_by_aes, blocks, 1, AT(CK_AES_CBC_ENCRYPT_DATA_PARAMS, data_params, length)),
    ROW(CKM_SP800_108_COUNTER_KDF, derive_some, counting, 1,
        AT(CK_SP800_108_KDF_PARAMS, pDataParams, ulNumberOfDataParams)),
    ROW(CKM_TLS12_MASTER_KEY_DERIVE_DH, derive_all, master, 2,
        AT(CK_TLS12_MASTER_KEY_DERIVE_PARAMS, RandomInfo.pClientRandom, RandomInfo.ulClientRandomLen),
        AT(CK_TLS12_MASTER_KEY_DERIVE_PARAMS, RandomInfo.pServerRandom, RandomInfo.ulServerRandomLen)),
    ROW(CKM_TLS_KDF, derive_some, exporter, 4, AT(CK_TLS_KDF_PARAMS, pLabel, ulLabelLength),
        AT(CK_TLS_KDF_PARAMS, RandomInfo.pClientRandom, RandomInfo.ulClientRandomLen),
        AT(CK_TLS_KDF_PARAMS, RandomInfo.pServerRandom, RandomInfo.ulServerRandomLen),
        AT(CK_TLS_KDF_PARAMS, pContextData, ulContextDataLength)),
};

static void make_keys(CK_SESSION_HANDLE session)
{
    CK_MECHANISM rsa = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ULONG bits = 2048;
    CK_OBJECT_HANDLE rsa_private = 0;
    CK_ATTRIBUTE public_key[] = {
        ATTRIBUTE(CKA_MODULUS_BITS, bits), ATTRIBUTE(CKA_ENCRYPT, yes), ATTRIBUTE(CKA_WRAP, yes)};
    CK_ATTRIBUTE secret[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef"), ATTRIBUTE(CKA_EXTRACTABLE, yes), ATTRIBUTE(CKA_ENCRYPT, yes),
        ATTRIBUTE(CKA_DERIVE, yes)};
    unsigned char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + 4096, 4096, PROT_NONE), 0);
    fence = pages + 4095;
    assert_ok(module_create(session, secret, COUNT_OF(secret), &aes_key));
    wrapped_key = aes_key;
    chacha_key = cipher_key(session, CKK_CHACHA20, "0123456789abcdef0123456789abcdef", 32);
    base_key = derive_open_base(session, CKK_GENERIC_SECRET, "0123456789abcdef", 16);
    assert_ok(p11->C_GenerateKeyPair(session, &rsa, public_key, 3, NULL, 0, &rsa_public, &rsa_private));
    agreeing = ec_generate(session, EC_P256);
    struct ec_bytes params = ec_params(EC_P256);
    CK_ATTRIBUTE wrapping[] = {{CKA_EC_PARAMS, params.data, params.size}, ATTRIBUTE(CKA_WRAP, yes)};
    assert_ok(ec_generate_with(session, CKM_EC_KEY_PAIR_GEN, wrapping, 2, NULL, 0, &wrapping_curve));
    struct ec_bytes own = ec_point(session, agreeing.public_key, EC_P256);
    assert_int_equal(own.size, sizeof point);
    memcpy(point, own.data, own.size);
}

/* The row's structure with one field changed. */
static void check(
    CK_SESSION_HANDLE session, const struct row *row, const char *what, size_t field, void *pointer, CK_ULONG length)
{
    unsigned char changed[256];
    CK_MECHANISM mechanism = {row->type, changed, row->size};
    assert_true(row->size <= sizeof changed);
    memcpy(changed, row->parameter, row->size);
    memcpy(changed + row->fields[field].pointer, &pointer, sizeof pointer);
    if (row->fields[field].length != (size_t)NOWHERE && length)
        memcpy(changed + row->fields[field].length, &length, sizeof length);
    CK_RV rv = row->run(session, &mechanism);
    if (rv != CKR_MECHANISM_PARAM_INVALID)
        fail_msg("%s, field %zu %s: 0x%lx", row->name, field, what, rv);
}

static void every_pointer_and_every_length_is_judged(void **state)
{
    static const CK_ULONG endless[] = {~0UL, ~0UL - 15, 1UL << 63};
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    make_keys(session);
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        CK_MECHANISM mechanism = {row->type, row->parameter, row->size};
        CK_RV rv = row->run(session, &mechanism);
        if (rv != CKR_OK)
            fail_msg("%s as it should be: 0x%lx", row->name, rv);
        for (size_t field = 0; field < row->count; field++) {
            check(session, row, "NULL", field, NULL, 0);
            for (size_t i = 0; i < COUNT_OF(endless) && row->fields[field].length != (size_t)NOWHERE; i++)
                check(session, row, "endless", field, fence, endless[i]);
        }
        assert_ok(row->run(session, &mechanism));
    }
}

static void every_structure_has_one_size(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    make_keys(session);
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        const CK_ULONG sizes[] = {0, 1, row->size - 1, row->size + 1, 2 * row->size, ~0UL};
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            CK_MECHANISM mechanism = {row->type, row->parameter, sizes[i]};
            CK_RV rv = row->run(session, &mechanism);
            bool message = row->run == encrypt_message && sizes[i] == ~0UL; /* a length of the call, too */
            if (rv != (message ? CKR_ARGUMENTS_BAD : CKR_MECHANISM_PARAM_INVALID))
                fail_msg("%s with %lu bytes: 0x%lx", row->name, sizes[i], rv);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(every_pointer_and_every_length_is_judged),
        MODULE_TEST(every_structure_has_one_size),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
