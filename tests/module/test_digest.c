/* Digests. The expected values of "", "abc" and the 448-bit message are NIST's examples for FIPS 180-4 and FIPS 202,
 * but of SHA-512/224 and SHA-512/256 only "abc", the others being Python's hashlib's; of BLAKE2b, RFC 7693 appendix A
 * ("abc", 512 bits), and for the other lengths Python's hashlib. Everything longer is compared with OpenSSL's EVP. */
#include "module_fixture.h"

#include <openssl/evp.h>

#include "support/vectors.h"

static const char *const messages[] = {"", "abc", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"};

static const struct hash {
    CK_MECHANISM_TYPE type;
    const char *openssl; /* NULL: it has none */
    unsigned long size;
    const char *expected[COUNT_OF(messages)];
} hashes[] = {
    {CKM_SHA_1, "SHA1", 20,
        {"da39a3ee5e6b4b0d3255bfef95601890afd80709", "a9993e364706816aba3e25717850c26c9cd0d89d",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"}},
    {CKM_SHA224, "SHA224", 28,
        {"d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f",
            "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
            "75388b16512776cc5dba5da1fd890150b0c6455cb4f58b1952522525"}},
    {CKM_SHA256, "SHA256", 32,
        {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"}},
    {CKM_SHA384, "SHA384", 48,
        {"38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            "3391fdddfc8dc7393707a65b1b4709397cf8b1d162af05abfe8f450de5f36bc6b0455a8520bc4e6f5fe95b1fe3c8452b"}},
    {CKM_SHA512, "SHA512", 64,
        {"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417"
         "a81a538327af927da3e",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d442364"
            "3ce80e2a9ac94fa54ca49f",
            "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c33596fd15c13b1b07f9aa1d3bea57789ca031ad85c7a7"
            "1dd70354ec631238ca3445"}},
    {CKM_SHA512_224, "SHA512-224", 28,
        {"6ed0dd02806fa89e25de060c19d3ac86cabb87d6a0ddd05c333b84f4",
            "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa",
            "e5302d6d54bb242275d1e7622d68df6eb02dedd13f564c13dbda2174"}},
    {CKM_SHA512_256, "SHA512-256", 32,
        {"c672b8d1ef56ed28ab87c3622c5114069bdd3ad7b8f9737498d0c01ecef0967a",
            "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
            "bde8e1f9f19bb9fd3406c90ec6bc47bd36d8ada9f11880dbc8a22a7078b6a461"}},
    {CKM_SHA3_224, "SHA3-224", 28,
        {"6b4e03423667dbb73b6e15454f0eb1abd4597f9a1b078e3f5b5a6bc7",
            "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf",
            "8a24108b154ada21c9fd5574494479ba5c7e7ab76ef264ead0fcce33"}},
    {CKM_SHA3_256, "SHA3-256", 32,
        {"a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a",
            "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
            "41c0dba2a9d6240849100376a8235e2c82e1b9998a999e21db32dd97496d3376"}},
    {CKM_SHA3_384, "SHA3-384", 48,
        {"0c63a75b845e4f7d01107d852e4c2485c51a50aaaa94fc61995e71bbee983a2ac3713831264adb47fb6bd1e058d5f004",
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
            "991c665755eb3a4b6bbdfb75c78a492e8c56a22c5c4d7e429bfdbc32b9d4ad5aa04a1f076e62fea19eef51acd0657c22"}},
    {CKM_SHA3_512, "SHA3-512", 64,
        {"a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a615b2123af1f5f94c11e3e9402c3ac558f500199d95b6d"
         "3e301758586281dcd26",
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf4"
            "08d5a56592f8274eec53f0",
            "04a371e84ecfb5b8b77cb48610fca8182dd457ce6f326a0fd3d7ec2f1e91636dee691fbe0c985302ba1b0d8dc78c086346b533b49c"
            "030d99a27daf1139d6e75e"}},
    {CKM_BLAKE2B_160, NULL, 20,
        {"3345524abf6bbe1809449224b5972c41790b6cf2", "384264f676f39536840523f284921cdc68b6846b",
            "4fc6d7704103fc8aca4690f70432c8d35acfb833"}},
    {CKM_BLAKE2B_256, NULL, 32,
        {"0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319",
            "5f7a93da9c5621583f22e49e8e91a40cbba37536622235a380f434b9f68e49c4"}},
    {CKM_BLAKE2B_384, NULL, 48,
        {"b32811423377f52d7862286ee1a72ee540524380fda1724a6f25d7978c6fd3244a6caf0498812673c5e05ef583825100",
            "6f56a82c8e7ef526dfe182eb5212f7db9df1317e57815dbda46083fc30f54ee6c66ba83be64b302d7cba6ce15bb556f4",
            "5643daabfc919190d373a3d58935804d731b58812f30184f98793f7321d0cb34bb41b217fabce6bdf28ca6be1c923b81"}},
    {CKM_BLAKE2B_512, "BLAKE2B512", 64,
        {"786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419d25e1031afee585313896444934eb04b903a685b1448b"
         "755d56f701afe9be2ce",
            "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8db"
            "f1925ab92386edd4009923",
            "7285ff3e8bd768d69be62b3bf18765a325917fa9744ac2f582a20850bc2b1141ed1b3e4528595acc90772bdf2d37dc8a47130b44f3"
            "3a02e8730e5ad8e166e888"}},
};

static unsigned char in[5000], out[64], expected[64];

static void begin(CK_SESSION_HANDLE session, const struct hash *hash)
{
    CK_MECHANISM mechanism = {hash->type, NULL, 0};
    assert_ok(p11->C_DigestInit(session, &mechanism));
}

static void published_digests_come_out(void **state)
{
    const struct module_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(hashes); i++)
        for (size_t j = 0; j < COUNT_OF(messages); j++) {
            unsigned long size = sizeof out;
            begin(fixture->session, &hashes[i]);
            unsigned char *message = (unsigned char *)(uintptr_t)messages[j];
            assert_ok(p11->C_Digest(fixture->session, message, strlen(messages[j]), out, &size));
            assert_int_equal(size, hashes[i].size);
            assert_int_equal(test_hex(hashes[i].expected[j], expected, sizeof expected), size);
            assert_memory_equal(out, expected, size);
        }
}

/* FIPS 180-4's third example. */
static void a_million_letters_in_parts(void **state)
{
    const struct module_fixture *fixture = *state;
    unsigned long size = sizeof out;
    memset(in, 'a', sizeof in);
    begin(fixture->session, &hashes[2]);
    for (int i = 0; i < 200; i++)
        assert_ok(p11->C_DigestUpdate(fixture->session, in, 5000));
    assert_ok(p11->C_DigestFinal(fixture->session, out, &size));
    (void)test_hex("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", expected, sizeof expected);
    assert_memory_equal(out, expected, 32);
}

static void fill(void)
{
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (unsigned char)(i * 7 + i / 251);
}

static void digest_whole(CK_SESSION_HANDLE session, const struct hash *hash, size_t size, unsigned char *digest)
{
    unsigned long digest_size = 64;
    begin(session, hash);
    assert_ok(p11->C_Digest(session, in, size, digest, &digest_size));
    assert_int_equal(digest_size, hash->size);
}

static void every_length_is_as_openssl_has_it(void **state)
{
    const struct module_fixture *fixture = *state;
    fill();
    for (size_t i = 0; i < COUNT_OF(hashes); i++)
        for (size_t size = 0; hashes[i].openssl && size < 600; size += size < 300 ? 1 : 37) {
            unsigned made = 0;
            const EVP_MD *md = EVP_get_digestbyname(hashes[i].openssl);
            assert_non_null(md);
            assert_int_equal(EVP_Digest(in, size, expected, &made, md, NULL), 1);
            digest_whole(fixture->session, &hashes[i], size, out);
            assert_memory_equal(out, expected, made);
        }
}

static void every_split_is_the_whole(void **state)
{
    const struct module_fixture *fixture = *state;
    enum { SIZE = 290 };
    fill();
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        digest_whole(fixture->session, &hashes[i], SIZE, expected);
        for (size_t at = 0; at <= SIZE; at++) {
            unsigned long size = sizeof out;
            begin(fixture->session, &hashes[i]);
            assert_ok(p11->C_DigestUpdate(fixture->session, in, at));
            assert_ok(p11->C_DigestUpdate(fixture->session, in + at, SIZE - at));
            assert_ok(p11->C_DigestFinal(fixture->session, out, &size));
            assert_memory_equal(out, expected, hashes[i].size);
        }
        unsigned long size = sizeof out;
        begin(fixture->session, &hashes[i]);
        for (size_t at = 0; at < SIZE; at++)
            assert_ok(p11->C_DigestUpdate(fixture->session, in + at, 1));
        assert_ok(p11->C_DigestFinal(fixture->session, out, &size));
        assert_memory_equal(out, expected, hashes[i].size);
    }
}

static void length_queries_and_short_buffers_keep_the_digest(void **state)
{
    const struct module_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        unsigned long size = 0;
        begin(fixture->session, &hashes[i]);
        assert_ok(p11->C_Digest(fixture->session, in, 3, NULL, &size));
        assert_int_equal(size, hashes[i].size);
        size--;
        assert_rv(p11->C_Digest(fixture->session, in, 3, out, &size), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(size, hashes[i].size);
        assert_ok(p11->C_DigestUpdate(fixture->session, (unsigned char *)(uintptr_t) "abc", 3));
        size = 0;
        assert_rv(p11->C_DigestFinal(fixture->session, out, &size), CKR_BUFFER_TOO_SMALL);
        assert_ok(p11->C_DigestFinal(fixture->session, out, &size));
        (void)test_hex(hashes[i].expected[1], expected, sizeof expected);
        assert_memory_equal(out, expected, size);
        assert_rv(p11->C_DigestFinal(fixture->session, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    }
}

static void a_digest_takes_no_parameter_and_no_one_shot_after_a_part(void **state)
{
    const struct module_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        unsigned long size = sizeof out;
        CK_MECHANISM mechanism = {hashes[i].type, in, 8};
        assert_rv(p11->C_DigestInit(fixture->session, &mechanism), CKR_MECHANISM_PARAM_INVALID);
        begin(fixture->session, &hashes[i]);
        assert_ok(p11->C_DigestUpdate(fixture->session, in, 1));
        assert_rv(p11->C_Digest(fixture->session, in, 1, out, &size), CKR_OPERATION_ACTIVE);
        assert_rv(p11->C_DigestUpdate(fixture->session, in, 1), CKR_OPERATION_NOT_INITIALIZED);
    }
}

static CK_OBJECT_HANDLE secret_of(CK_SESSION_HANDLE session, size_t size, CK_BBOOL *sensitive, CK_BBOOL *extractable)
{
    CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, generic),
        {CKA_VALUE, in, size}, ATTRIBUTE(CKA_SENSITIVE, *sensitive), ATTRIBUTE(CKA_EXTRACTABLE, *extractable)};
    assert_ok(p11->C_CreateObject(session, attributes, COUNT_OF(attributes), &key));
    return key;
}

static void a_readable_key_is_digested_and_no_other(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    unsigned long size = sizeof out;
    fill();
    CK_OBJECT_HANDLE open = secret_of(session, 40, &no, &yes);
    CK_OBJECT_HANDLE closed[] = {secret_of(session, 40, &yes, &yes), secret_of(session, 40, &no, &no)};
    digest_whole(session, &hashes[2], 43, expected);
    begin(session, &hashes[2]);
    assert_ok(p11->C_DigestKey(session, open));
    assert_ok(p11->C_DigestUpdate(session, in + 40, 3));
    assert_ok(p11->C_DigestFinal(session, out, &size));
    assert_memory_equal(out, expected, 32);
    for (size_t i = 0; i < COUNT_OF(closed); i++) {
        begin(session, &hashes[2]);
        assert_rv(p11->C_DigestKey(session, closed[i]), CKR_KEY_INDIGESTIBLE);
        assert_rv(p11->C_DigestFinal(session, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    }
}

static void the_table_says_digest_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        CK_MECHANISM_INFO info;
        assert_ok(p11->C_GetMechanismInfo(0, hashes[i].type, &info));
        assert_int_equal(info.flags, CKF_DIGEST);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PUBLIC_TEST(published_digests_come_out),
        PUBLIC_TEST(a_million_letters_in_parts),
        PUBLIC_TEST(every_length_is_as_openssl_has_it),
        PUBLIC_TEST(every_split_is_the_whole),
        PUBLIC_TEST(length_queries_and_short_buffers_keep_the_digest),
        PUBLIC_TEST(a_digest_takes_no_parameter_and_no_one_shot_after_a_part),
        MODULE_TEST(a_readable_key_is_digested_and_no_other),
        PUBLIC_TEST(the_table_says_digest_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
