/* What no everyday tool does with a foreign token, and a test of bringing one over needs:
 *     token_keys generate MODULE TOKEN PIN            pairs that the token shows: RSA, P-256, Ed25519
 *     token_keys many     MODULE TOKEN PIN COUNT      private data objects, "object 0" and so on; one
 *                                                      alone is of 100,000 bytes
 *     token_keys private|public MODULE TOKEN PIN LABEL   the key of that label, in PEM, from its attributes */
#include <dlfcn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bulla_pkcs11.h"

enum { VALUE_LARGEST = 1024, SLOTS_LARGEST = 16, LARGE = 100000 };

static CK_FUNCTION_LIST *module;
static CK_SESSION_HANDLE session;

static void need(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "token_keys: %s\n", what);
    exit(1);
}

static void session_open(const char *path, const char *label, char *pin)
{
    CK_SLOT_ID slots[SLOTS_LARGEST];
    CK_ULONG count = SLOTS_LARGEST;
    CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;
    void *library = dlopen(path, RTLD_NOW);
    void *symbol = library ? dlsym(library, "C_GetFunctionList") : NULL;
    memcpy(&get, &symbol, sizeof get);
    need(get && get(&module) == CKR_OK && module->C_Initialize(NULL) == CKR_OK, "loading the module");
    need(module->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK, "listing slots");
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO token;
        if (module->C_GetTokenInfo(slots[i], &token) != CKR_OK || memcmp(token.label, label, strlen(label)) != 0)
            continue;
        need(module->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) == CKR_OK,
            "opening a session");
        need(module->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin)) == CKR_OK, "logging in");
        return;
    }
    need(false, "there is no such token");
}

static void pair_generate(CK_MECHANISM_TYPE type, char *label, CK_BYTE id, CK_ATTRIBUTE what)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ATTRIBUTE public_key[] = {{CKA_TOKEN, &yes, 1}, {CKA_LABEL, label, strlen(label)}, {CKA_ID, &id, 1},
        {CKA_PRIVATE, &no, 1}, {CKA_VERIFY, &yes, 1}, what};
    CK_ATTRIBUTE private_key[] = {{CKA_TOKEN, &yes, 1}, {CKA_LABEL, label, strlen(label)}, {CKA_ID, &id, 1},
        {CKA_PRIVATE, &yes, 1}, {CKA_SIGN, &yes, 1}, {CKA_DECRYPT, &no, 1}, {CKA_UNWRAP, &no, 1},
        {CKA_SENSITIVE, &no, 1}, {CKA_EXTRACTABLE, &yes, 1}};
    CK_OBJECT_HANDLE made[2];
    need(module->C_GenerateKeyPair(session, &mechanism, public_key, 6, private_key, 9, &made[0], &made[1]) == CKR_OK,
        label);
}

static void generate(void)
{
    CK_ULONG bits = 2048;
    uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}; /* RFC 5480, secp256r1 */
    uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};                            /* RFC 8410 */
    char rsa_label[] = "open-rsa", ec_label[] = "open-ec", ed_label[] = "open-ed";
    pair_generate(CKM_RSA_PKCS_KEY_PAIR_GEN, rsa_label, 0x21, (CK_ATTRIBUTE){CKA_MODULUS_BITS, &bits, sizeof bits});
    pair_generate(CKM_EC_KEY_PAIR_GEN, ec_label, 0x22, (CK_ATTRIBUTE){CKA_EC_PARAMS, p256, sizeof p256});
    pair_generate(0x1055UL, ed_label, 0x23, (CK_ATTRIBUTE){CKA_EC_PARAMS, ed25519, sizeof ed25519});
}

static void many(int count)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    char label[32];
    uint8_t *large = calloc(1, LARGE);
    CK_OBJECT_HANDLE made;
    need(large != NULL, "memory");
    for (int i = 0; i < LARGE; i++)
        large[i] = (uint8_t)(i * 7 + i / 251);
    for (int i = 0; i < count; i++) {
        int size = snprintf(label, sizeof label, "object %d", i);
        CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, 1}, {CKA_PRIVATE, &yes, 1},
            {CKA_LABEL, label, (CK_ULONG)size},
            {CKA_VALUE, count > 1 ? (void *)label : large, count > 1 ? (CK_ULONG)size : LARGE}};
        need(module->C_CreateObject(session, template, 5, &made) == CKR_OK, label);
    }
    free(large);
}

static CK_OBJECT_HANDLE find(CK_OBJECT_CLASS class, char *label)
{
    CK_OBJECT_HANDLE found = CK_INVALID_HANDLE;
    CK_ULONG count = 0;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, label, strlen(label)}};
    need(module->C_FindObjectsInit(session, template, 2) == CKR_OK &&
             module->C_FindObjects(session, &found, 1, &count) == CKR_OK && count == 1,
        "there is no such key");
    (void)module->C_FindObjectsFinal(session);
    return found;
}

static size_t value(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, uint8_t bytes[static VALUE_LARGEST])
{
    CK_ATTRIBUTE attribute = {type, bytes, VALUE_LARGEST};
    need(module->C_GetAttributeValue(session, key, &attribute, 1) == CKR_OK, "the key does not show itself");
    return attribute.ulValueLen;
}

/* What a key is made of; the numbers live until it is. */
struct parts {
    OSSL_PARAM_BLD *build;
    BIGNUM *numbers[8];
    size_t count;
};

static EVP_PKEY *from_parts(const char *name, struct parts *parts)
{
    EVP_PKEY *made = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, name, NULL);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(parts->build);
    need(context && parameters && EVP_PKEY_fromdata_init(context) == 1 &&
             EVP_PKEY_fromdata(context, &made, EVP_PKEY_KEYPAIR, parameters) == 1,
        "the parts make no key");
    OSSL_PARAM_free(parameters);
    EVP_PKEY_CTX_free(context);
    return made;
}

static void parts_free(struct parts *parts)
{
    OSSL_PARAM_BLD_free(parts->build);
    for (size_t i = 0; i < parts->count; i++)
        BN_clear_free(parts->numbers[i]);
}

static void number_push(struct parts *parts, const char *name, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type)
{
    uint8_t bytes[VALUE_LARGEST];
    size_t size = value(key, type, bytes);
    BIGNUM *number = BN_bin2bn(bytes, (int)size, NULL);
    parts->numbers[parts->count++] = number;
    need(OSSL_PARAM_BLD_push_BN(parts->build, name, number) == 1, name);
}

/* The point without its DER octet string, where it has one. */
static const uint8_t *point(CK_OBJECT_HANDLE key, uint8_t bytes[static VALUE_LARGEST], size_t *size)
{
    *size = value(key, CKA_EC_POINT, bytes);
    bool wrapped = *size > 2 && bytes[0] == 0x04 && bytes[1] == *size - 2;
    *size -= wrapped ? 2 : 0;
    return bytes + (wrapped ? 2 : 0);
}

static EVP_PKEY *edwards(CK_OBJECT_HANDLE key, bool private)
{
    uint8_t bytes[VALUE_LARGEST];
    size_t size = 0;
    if (!private) {
        const uint8_t *at = point(key, bytes, &size);
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, at, size);
    }
    size = value(key, CKA_VALUE, bytes);
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes, size);
}

static const struct {
    const char *name;
    CK_ATTRIBUTE_TYPE type;
} rsa_parts[] = {
    {OSSL_PKEY_PARAM_RSA_D, CKA_PRIVATE_EXPONENT},
    {OSSL_PKEY_PARAM_RSA_FACTOR1, CKA_PRIME_1},
    {OSSL_PKEY_PARAM_RSA_FACTOR2, CKA_PRIME_2},
    {OSSL_PKEY_PARAM_RSA_EXPONENT1, CKA_EXPONENT_1},
    {OSSL_PKEY_PARAM_RSA_EXPONENT2, CKA_EXPONENT_2},
    {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, CKA_COEFFICIENT},
};

static EVP_PKEY *rsa(struct parts *parts, CK_OBJECT_HANDLE key, bool private)
{
    number_push(parts, OSSL_PKEY_PARAM_RSA_N, key, CKA_MODULUS);
    number_push(parts, OSSL_PKEY_PARAM_RSA_E, key, CKA_PUBLIC_EXPONENT);
    for (size_t i = 0; private && i < sizeof rsa_parts / sizeof *rsa_parts; i++)
        number_push(parts, rsa_parts[i].name, key, rsa_parts[i].type);
    return from_parts("RSA", parts);
}

static EVP_PKEY *ec(struct parts *parts, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE public_key, bool private)
{
    uint8_t bytes[VALUE_LARGEST];
    size_t size = 0;
    const uint8_t *at = point(public_key, bytes, &size);
    need(OSSL_PARAM_BLD_push_utf8_string(parts->build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
             OSSL_PARAM_BLD_push_octet_string(parts->build, OSSL_PKEY_PARAM_PUB_KEY, at, size) == 1,
        "the public key");
    if (private)
        number_push(parts, OSSL_PKEY_PARAM_PRIV_KEY, key, CKA_VALUE);
    return from_parts("EC", parts);
}

static EVP_PKEY *key_make(CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE public_key, bool private)
{
    CK_KEY_TYPE type = 0;
    struct parts parts = {.build = OSSL_PARAM_BLD_new()};
    CK_ATTRIBUTE attribute = {CKA_KEY_TYPE, &type, sizeof type};
    need(module->C_GetAttributeValue(session, key, &attribute, 1) == CKR_OK, "the key has no type");
    EVP_PKEY *made = type == CKK_RSA  ? rsa(&parts, key, private)
                     : type == CKK_EC ? ec(&parts, key, public_key, private)
                                      : edwards(key, private);
    parts_free(&parts);
    return made;
}

static void key_write(char *label, bool private)
{
    CK_OBJECT_HANDLE public_key = find(CKO_PUBLIC_KEY, label);
    CK_OBJECT_HANDLE key = private ? find(CKO_PRIVATE_KEY, label) : public_key;
    EVP_PKEY *made = key_make(key, public_key, private);
    need(made &&
             (private ? PEM_write_PrivateKey(stdout, made, NULL, NULL, 0, NULL, NULL) : PEM_write_PUBKEY(stdout, made)),
        "writing the key");
    EVP_PKEY_free(made);
}

int main(int argc, char **argv)
{
    need(argc >= 5, "token_keys VERB MODULE TOKEN PIN …");
    session_open(argv[2], argv[3], argv[4]);
    bool private = strcmp(argv[1], "private") == 0;
    if (strcmp(argv[1], "generate") == 0)
        generate();
    else if (strcmp(argv[1], "many") == 0 && argc == 6)
        many((int)strtol(argv[5], NULL, 10));
    else if ((private || strcmp(argv[1], "public") == 0) && argc == 6)
        key_write(argv[5], private);
    else
        need(false, "no such verb");
    need(module->C_Finalize(NULL) == CKR_OK, "finishing");
    return 0;
}
