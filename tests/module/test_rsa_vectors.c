/* RSA by published figures: Wycheproof (C2SP/wycheproof, testvectors_v1), files rsa_pkcs1_2048_sig_gen_test.json,
 * rsa_pss_2048_sha256_mgf1_32_test.json and rsa_oaep_2048_sha256_mgf1sha256_test.json. The private keys are given as n,
 * e and d alone. */
#include <sodium.h>

#include "rsa_support.h"

struct vector_key {
    const char *n, *d;
};
static const struct vector_key pkcs1_key = {
    "bd31c7a02691d2d9587ef6a946ff788544ccadd4b2988ad62086792a6bf96c8616b4ad13317d2270b901d0fcd1d880cb"
    "8f52fb87304a5258c11b38dfeae8df670aeee7ea1d0d9df8e00e80847e41e5989ed402d44e78b30fef17b5671d3adbf8"
    "685e4dc204499ecd1863e1d5aff28a7cf66eadf31fec9236c120add13451522c647c9832a672cd64d328c1c322183f46"
    "61d09bda60b8dd5f0328da5420821424afdabb1a80c5d12763a1b0238cd89d0742bfc50b6a2fcb701d824218f9826f4f"
    "78a23a2b5aa42ace7f175376fb6cbdb2bad293ba583d4d31c6b8f9029e46b13689249855f505756e00e225a6a45a1876"
    "9bd8d2b3a4acb9f1c23d3e51882561e5",
    "0747d520ca9b2dfc0335cf94301140b8102fb838c92ea99917e354e25709602dc0cdef231ff26ad2dfabbc391e723072"
    "a4ef52929f3f1cf0216e44c0093030f8ac29096faef28933bc9b924287014e2e935e2145be4752ccb82cb76462719369"
    "79cab73f521eeb27855ac2a410834ae5082eb62ef6f9899ee5cbb624a8d8c04ab7edcf78fe135d0f808f63b5de6e0717"
    "79bf1d9eaaf8d3ef965486f2c52625e6e57a651c7bbd0197c99c057b3860a3260c864a11b3cf22ba44de3a3b3f3117e6"
    "4ebf9a91f626ebb3f3c26d1b0bb80753468d4bf6a997b28335f20ed8c384d7558360a9ae9755661fa3749846b174e6bf"
    "330e52d09941f6ccd7de5004779f9bb9",
};
static const struct vector_key key = {
    "a2b451a07d0aa5f96e455671513550514a8a5b462ebef717094fa1fee82224e637f9746d3f7cafd31878d80325b6ef5a"
    "1700f65903b469429e89d6eac8845097b5ab393189db92512ed8a7711a1253facd20f79c15e8247f3d3e42e46e48c98e"
    "254a2fe9765313a03eff8f17e1a029397a1fa26a8dce26f490ed81299615d9814c22da610428e09c7d9658594266f5c0"
    "21d0fceca08d945a12be82de4d1ece6b4c03145b5d3495d4ed5411eb878daf05fd7afc3e09ada0f1126422f590975a19"
    "69816f48698bcbba1b4d9cae79d460d8f9f85e7975005d9bc22c4e5ac0f7c1a45d12569a62807d3b9a02e5a530e77306"
    "6f453d1f5b4c2e9cf7820283f742b9d5",
    "24cdc62317f5d72a6f6ba6cc9632899b01d1ff28867d72f61688995bc855a4e420a8405250089bdb13cf8e09543827b7"
    "48b9d27fbb2b4d9e20af8c5a6a862796d1a4cc18ad16ea678bc1bd4a83bbbe9c5e57453b5ce7388e41a3ba4ce2b77b44"
    "38a229e954f720dae0353dc088ac8a76b26dc276f8e1b7851ddd6398ad16ff2e78195123b9b036e945c38c9d12434f6d"
    "f76fe22359eb3e1ac9c011678fc926fad3ae475a4fffff55feb2d147e9c894f4c0e29a599e762462482d968bf4278094"
    "5fc0d2c31c573c4431b8f4fe8b8c67bec815abd44f7a86edca1c2308737358d2c2ae5e2e0e2dadf730980262377e58b1"
    "3b7d9992060a0bc870ccfdb4a9319ee1",
};

struct vector {
    const char *message, *result;
};
/* SHA-1, tcId 67 and 70. */
static const struct vector pkcs1[] = {
    {"54657374", "a0e86ac8060a42bdb3e46e1e3243b87f831483cf73ed6cbb6b30f442e80abd04ef351de45b9952c807497381f3d4c802"
                 "d7985c73895243e79887211b1c1bf23c1510bea2f038e03cbdf368844ec4513f5541079cfec0e6e0c2136524bbb90e67"
                 "0cc554919b6ce40f668ddf603e9188ce4c2d83e29df3880b9ba5473a676a6bc39e39e6d560587db7b9a5bae659df1c65"
                 "184d20b0237404d86da670bf24cad739686946a55e2e6e6651e8ca79f7459b1b00a5847400b9675c403ef1f547b0f27d"
                 "dbd44f91c16c5e4ccf3d271973271752e67e17955ab3a3aba53f27dca6676de79e1bf69a177d1a38d1038572407f620c"
                 "2a66692d9208c10a7d7e520d5e2597c2"},
    {"61", "60c54adc744cbe9079c5bde94afd7a233b76c4b4d3f7b6948e35948a60d76dba4b939a949903100080f532e6d21a3c78"
           "8d4bbe08678d5d5b24c0515286e025a7eb220490f1e94b8fb1891d32b423c9889446b6acc17da1e127ca0865602ac309"
           "d85cf27fdd594d84603c790ceef7e967f49c1cdd23989dd01abd84a2c33380fd8a723654592f0702fdddd4c129fcbe08"
           "27f91bd1fb1eeea8f9aa42853e4cffaaec9930d98dee7469bf59f225421c0c0c50142c81968e270f7044ee95a1d86999"
           "216b20bc77280237d9df87781c9138fd030f1edf1ff7069fbbc55b1232beaae640a110ec708a559fb360d54a64aafe7c"
           "990d7a6dff88f0018cf3f77beed9e28c"},
};
/* SHA-256, MGF1 by SHA-256, a salt of 32 bytes: tcId 3 and 7. */
static const struct vector pss[] = {
    {"54657374", "401eb03cdb47ca88033e3030f6bdecbac8f5c8fc1dd6a13d23d379ed9a2b309891d13d74fea9d21d159b9e6d8f37efa2"
                 "489962e24555f56dd434ff1d31ce4f9f5abd3f22cbea8b691d6a11e44efb83e2bca155e6a164325e0fde2a8865afd5c9"
                 "f51161a9d615f62af7ec2e31b3e5ab649c164490d31d88cfae35b84aea7925690f929a144b6d2f48e8fb894a52deecd1"
                 "b9a6496990c4ecf1588699a42cacd10c53af350514e4291ea9a058e77f101e32c1c0cefa61d945f7bc931f8bd19e7ba3"
                 "169358a60e5a8b0123bc3199b9fdcafe8e519c41ba675491a27b85e44ef2d77277c10fe107293c8290186913bc9a99b6"
                 "40d8da041b64f31eab1d35920985f4a5"},
    {"e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
        "8bdd6db90323f3bf26a36a4ab5b92180c96881bd32b66317c4b48c2ba1421f8434000c06adde4264c6ea2d5346468c6d"
        "5e97cb13d3cb932e523ac57b59c814fa0397ca6dcc9bec4be1147d77abcd318a6aba1af46ede2f5640da06511a006fd1"
        "bd5fb8e04be22789956adc47bbec7988be477150f9b24a07dff51530e8f0c14cfef7d25ca141f512939987b7eb082563"
        "3d41a48742bd7f56d4db9733d92ac0f36b4041f51332695f551ec91076da2301120c438eb9ec197cbe318d4571b6b790"
        "98d17eded0ca47747a143e34f882ad6e3f490f3a710ff7ec1bffce022027165d96281e593180c67f44aeda9ce6605e6b"
        "8e5eac1347695dab211a965bb3d3f928"},
};
/* SHA-256, MGF1 by SHA-256, no label: tcId 3 and 7. */
static const struct vector oaep[] = {
    {"54657374", "5eab3f0741e63986ed647d53e1cd71df041986900803d0f99c68355d249a15a47dc5b4f70a191477654299e5a2731f3b"
                 "4eec76dea18262fc696ac794e5f66cbfcddac4472c578e246c26707598055584540b839836b1404c5611ae558a984cee"
                 "8fd036cea924e0be2474a940f61e0acc14fcae95ebdc59942a9ce9af9a9c81999f7f6815f057ffdc2533cb15d6391d1e"
                 "2d95f16f9c04209c889a4c359c7d2926d28a66e2b030a416b928d2825627998e5191fb4983a6e65024262d94fc09187a"
                 "2d78162122433251d1bfcc8e507d06eba2d229c10031261da32ab8ccd15f1c5f9fbf07ed158483d736a110af4b44d6a4"
                 "da60d6cb519b4454213cf9f0dc560f2b"},
    {"e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
        "096958786ee7972050d67a9e4b69d6c6af7db7cc674386df725770dd29129b826e39552330104c8d71e6cc3a3014dd2f"
        "61b54153af51b0438d447ee939f9e3c13bb8b00a37dea6a068f6c9d27e848b1be7a1eeeb3ee50b78036fba95ae46948c"
        "a5b13f356ea24db10f60dc09e4b8bad8f766b668ef72524432080a0ce00ed676d6d5e354984b1078520412525848156d"
        "06f0652469f95791baa3d9a798ae537094f76f976faecd5c9ce0c930a75910c63dacf63485cb4b5e7bdbcf4d80e74037"
        "eaa1a8fe4b52930bec6be99cf6ac88cf5878dbf6859d456a95dbc34654eec425de84ca2a535d517403a9aada827e7d00"
        "93ecfc97ed056a7652825e9a45cb2dcb"},
};

enum { SIZE = 256 };
struct bytes {
    unsigned char data[SIZE];
    size_t size;
};

static struct bytes from_hex(const char *hex)
{
    struct bytes bytes;
    assert_int_equal(sodium_hex2bin(bytes.data, sizeof bytes.data, hex, strlen(hex), NULL, &bytes.size, NULL), 0);
    return bytes;
}

static struct rsa_outside numbers_of(const struct vector_key *from)
{
    struct rsa_outside numbers = {0};
    const struct bytes values[] = {from_hex(from->n), from_hex("010001"), from_hex(from->d)};
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT};
    for (int i = 0; i < 3; i++) {
        numbers.numbers[i].type = types[i];
        numbers.numbers[i].size = values[i].size;
        memcpy(numbers.numbers[i].bytes, values[i].data, values[i].size);
    }
    return numbers;
}

static CK_OBJECT_HANDLE create(
    CK_SESSION_HANDLE session, const struct vector_key *from, bool private_half, CK_ATTRIBUTE_TYPE use)
{
    CK_OBJECT_HANDLE handle = 0;
    CK_ATTRIBUTE_TYPE uses[] = {use, 0};
    struct rsa_outside numbers = numbers_of(from);
    assert_ok(
        rsa_create(session, &numbers, private_half, private_half ? RSA_WITHOUT_PRIMES : RSA_PUBLIC, uses, &handle));
    return handle;
}

static void pkcs1_signatures_are_those_published(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE sign = create(fixture->session, &pkcs1_key, true, CKA_SIGN);
    CK_OBJECT_HANDLE verify = create(fixture->session, &pkcs1_key, false, CKA_VERIFY);
    CK_MECHANISM mechanism = {CKM_SHA1_RSA_PKCS, NULL, 0};
    for (size_t i = 0; i < COUNT_OF(pkcs1); i++) {
        struct bytes message = from_hex(pkcs1[i].message), expected = from_hex(pkcs1[i].result);
        unsigned char signature[SIZE];
        unsigned long size = sizeof signature;
        assert_ok(rsa_sign(fixture->session, &mechanism, sign, message.data, message.size, signature, &size));
        assert_int_equal(size, expected.size);
        assert_memory_equal(signature, expected.data, size);
        assert_ok(
            rsa_verify(fixture->session, &mechanism, verify, message.data, message.size, expected.data, expected.size));
    }
}

static void pss_signatures_that_were_published_verify(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE verify = create(fixture->session, &key, false, CKA_VERIFY);
    CK_RSA_PKCS_PSS_PARAMS parameters = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS_PSS, &parameters, sizeof parameters};
    for (size_t i = 0; i < COUNT_OF(pss); i++) {
        struct bytes message = from_hex(pss[i].message), signature = from_hex(pss[i].result);
        assert_ok(rsa_verify(
            fixture->session, &mechanism, verify, message.data, message.size, signature.data, signature.size));
        signature.data[SIZE - 1] ^= 1;
        assert_rv(rsa_verify(
                      fixture->session, &mechanism, verify, message.data, message.size, signature.data, signature.size),
            CKR_SIGNATURE_INVALID);
    }
}

static void oaep_ciphertexts_that_were_published_decrypt(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE decrypt = create(fixture->session, &key, true, CKA_DECRYPT);
    CK_RSA_PKCS_OAEP_PARAMS parameters = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0};
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_OAEP, &parameters, sizeof parameters};
    for (size_t i = 0; i < COUNT_OF(oaep); i++) {
        struct bytes message = from_hex(oaep[i].message), ciphertext = from_hex(oaep[i].result);
        unsigned char plain[SIZE];
        unsigned long size = sizeof plain;
        assert_ok(rsa_decrypt(fixture->session, &mechanism, decrypt, ciphertext.data, ciphertext.size, plain, &size));
        assert_int_equal(size, message.size);
        assert_memory_equal(plain, message.data, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(pkcs1_signatures_are_those_published),
        MODULE_TEST(pss_signatures_that_were_published_verify),
        MODULE_TEST(oaep_ciphertexts_that_were_published_decrypt),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
