/* ML-KEM: published answers, and OpenSSL, called apart from the module, on the other side. */
#include "pq_keys.h"
#include "pq_vectors.h"

static CK_MECHANISM kem = {CKM_ML_KEM, NULL, 0};
static CK_KEY_TYPE generic = CKK_GENERIC_SECRET, aes = CKK_AES;
static CK_ATTRIBUTE readable[] = {
    ATTRIBUTE(CKA_KEY_TYPE, generic), ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes)};

static CK_RV encapsulate(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_ATTRIBUTE *template, size_t count,
    struct pq_bytes *ciphertext, CK_OBJECT_HANDLE *made)
{
    unsigned long size = sizeof ciphertext->data;
    *made = 0;
    CK_RV rv = p11_32->C_EncapsulateKey(session, &kem, key, template, count, ciphertext->data, &size, made);
    ciphertext->size = size;
    return rv;
}

static CK_RV decapsulate(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_ATTRIBUTE *template, size_t count,
    const struct pq_bytes *ciphertext, CK_OBJECT_HANDLE *made)
{
    *made = 0;
    return p11_32->C_DecapsulateKey(session, &kem, key, template, count, PQ_VIEW(ciphertext), made);
}

static void check_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const unsigned char *expected)
{
    static struct pq_bytes value;
    pq_get(session, key, CKA_VALUE, &value);
    assert_int_equal(value.size, 32);
    assert_memory_equal(value.data, expected, 32);
}

static void decapsulation_gives_the_published_keys(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static const char *const vectors[][3] = {
        [PQ_ML_KEM_512] = {ML_KEM_512_SEED, ML_KEM_512_CIPHERTEXT, ML_KEM_512_KEY},
        [PQ_ML_KEM_768] = {ML_KEM_768_SEED, ML_KEM_768_CIPHERTEXT, ML_KEM_768_KEY},
        [PQ_ML_KEM_1024] = {ML_KEM_1024_SEED, ML_KEM_1024_CIPHERTEXT, ML_KEM_1024_KEY},
    };
    static struct pq_bytes seed, value, ciphertext, expected;
    for (int set = PQ_ML_KEM_512; set <= PQ_ML_KEM_1024; set++) {
        CK_OBJECT_HANDLE by_seed, by_value, made;
        pq_hex(vectors[set][0], &seed);
        pq_hex(vectors[set][1], &ciphertext);
        pq_hex(vectors[set][2], &expected);
        assert_ok(pq_create_private(session, set, &seed, NULL, NULL, &by_seed));
        pq_get(session, by_seed, CKA_VALUE, &value);
        assert_ok(pq_create_private(session, set, NULL, &value, NULL, &by_value));
        assert_ok(decapsulate(session, by_seed, readable, 3, &ciphertext, &made));
        check_value(session, made, expected.data);
        assert_ok(decapsulate(session, by_value, readable, 3, &ciphertext, &made));
        check_value(session, made, expected.data);
    }
}

static void both_sides_come_to_the_same_key(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static struct pq_bytes ciphertext, value, other;
    for (int set = PQ_ML_KEM_512; set <= PQ_ML_KEM_1024; set++) {
        struct pq_pair pair = pq_generate(session, set);
        CK_OBJECT_HANDLE one, two;
        assert_ok(encapsulate(session, pair.public_key, readable, 3, &ciphertext, &one));
        assert_int_equal(ciphertext.size, pq_sets[set].output_size);
        assert_ok(decapsulate(session, pair.private_key, readable, 3, &ciphertext, &two));
        pq_get(session, one, CKA_VALUE, &value);
        check_value(session, two, value.data);
        ciphertext.data[ciphertext.size / 2] ^= 1; /* implicit rejection: another key, and no refusal */
        assert_ok(decapsulate(session, pair.private_key, readable, 3, &ciphertext, &two));
        pq_get(session, two, CKA_VALUE, &other);
        assert_memory_not_equal(other.data, value.data, 32);
        assert_ok(encapsulate(session, pair.public_key, readable, 3, &ciphertext, &two));
        pq_get(session, two, CKA_VALUE, &other);
        assert_memory_not_equal(other.data, value.data, 32); /* each time another */
    }
}

static void openssl_opens_what_was_encapsulated(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static struct pq_bytes ciphertext, value;
    for (int set = PQ_ML_KEM_512; set <= PQ_ML_KEM_1024; set++) {
        unsigned char secret[32];
        size_t size = sizeof secret;
        CK_OBJECT_HANDLE public_key, made;
        EVP_PKEY *pkey = pq_openssl_new(set);
        pq_openssl_value(pkey, "pub", &value);
        assert_ok(pq_create_public(session, set, &value, NULL, &public_key));
        assert_ok(encapsulate(session, public_key, readable, 3, &ciphertext, &made));
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        assert_int_equal(EVP_PKEY_decapsulate_init(context, NULL), 1);
        assert_int_equal(EVP_PKEY_decapsulate(context, secret, &size, ciphertext.data, ciphertext.size), 1);
        check_value(session, made, secret);
        EVP_PKEY_CTX_free(context);
        EVP_PKEY_free(pkey);
    }
}

static void what_openssl_encapsulated_is_opened(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static struct pq_bytes ciphertext;
    for (int set = PQ_ML_KEM_512; set <= PQ_ML_KEM_1024; set++) {
        struct pq_pair pair = pq_generate(session, set);
        unsigned char secret[32];
        size_t size = sizeof secret;
        CK_OBJECT_HANDLE made;
        EVP_PKEY *pkey = pq_openssl_public(session, pair.private_key);
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        ciphertext.size = sizeof ciphertext.data;
        assert_int_equal(EVP_PKEY_encapsulate_init(context, NULL), 1);
        assert_int_equal(EVP_PKEY_encapsulate(context, ciphertext.data, &ciphertext.size, secret, &size), 1);
        assert_ok(decapsulate(session, pair.private_key, readable, 3, &ciphertext, &made));
        check_value(session, made, secret);
        EVP_PKEY_CTX_free(context);
        EVP_PKEY_free(pkey);
    }
}

static void wrong_lengths_are_refused(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static struct pq_bytes ciphertext;
    for (int set = PQ_ML_KEM_512; set <= PQ_ML_KEM_1024; set++) {
        struct pq_pair pair = pq_generate(session, set);
        unsigned long said = 0, before = module_find(session, NULL, 0, NULL);
        CK_OBJECT_HANDLE made = 7;
        assert_ok(p11_32->C_EncapsulateKey(session, &kem, pair.public_key, readable, 3, NULL, &said, NULL));
        assert_int_equal(said, pq_sets[set].output_size);
        said--;
        assert_rv(p11_32->C_EncapsulateKey(session, &kem, pair.public_key, readable, 3, ciphertext.data, &said, &made),
            CKR_BUFFER_TOO_SMALL);
        assert_int_equal(said, pq_sets[set].output_size);
        assert_int_equal(made, 7);
        assert_int_equal(module_find(session, NULL, 0, NULL), before);
        assert_ok(encapsulate(session, pair.public_key, readable, 3, &ciphertext, &made));
        for (int off = -1; off < 2; off += 2) {
            ciphertext.size = pq_sets[set].output_size + (size_t)off;
            assert_rv(
                decapsulate(session, pair.private_key, readable, 3, &ciphertext, &made), CKR_WRAPPED_KEY_LEN_RANGE);
        }
        ciphertext.size = 0;
        assert_rv(decapsulate(session, pair.private_key, readable, 3, &ciphertext, &made), CKR_WRAPPED_KEY_LEN_RANGE);
    }
}

/* The key has the 32 bytes that ML-KEM gives: none is cut. */
static void the_key_is_what_its_template_says(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    struct pq_pair pair = pq_generate(session, PQ_ML_KEM_768);
    static struct pq_bytes ciphertext;
    CK_OBJECT_HANDLE made;
    CK_ULONG lengths[] = {16, 32, 33};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        CK_ATTRIBUTE template[] = {ATTRIBUTE(CKA_KEY_TYPE, aes), ATTRIBUTE(CKA_VALUE_LEN, lengths[i])};
        CK_RV expected = lengths[i] == 32 ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
        assert_rv(encapsulate(session, pair.public_key, template, 2, &ciphertext, &made), expected);
        ciphertext.size = 1088;
        assert_rv(decapsulate(session, pair.private_key, template, 2, &ciphertext, &made), expected);
    }
    CK_ATTRIBUTE clash[] = {ATTRIBUTE(CKA_KEY_TYPE, aes), ATTRIBUTE(CKA_UNWRAP, yes), ATTRIBUTE(CKA_ENCRYPT, yes)};
    assert_rv(encapsulate(session, pair.public_key, clash, 3, &ciphertext, &made), CKR_TEMPLATE_INCONSISTENT);
    ciphertext.size = 1088;
    assert_rv(decapsulate(session, pair.private_key, clash, 3, &ciphertext, &made), CKR_TEMPLATE_INCONSISTENT);
    CK_ATTRIBUTE plain[] = {ATTRIBUTE(CKA_KEY_TYPE, aes)};
    assert_ok(decapsulate(session, pair.private_key, plain, 1, &ciphertext, &made));
    assert_int_equal(module_ulong(session, made, CKA_VALUE_LEN), 32);
    assert_int_equal(module_boolean(session, made, CKA_SENSITIVE), CK_TRUE);
    assert_int_equal(module_boolean(session, made, CKA_EXTRACTABLE), CK_TRUE);
    assert_int_equal(module_boolean(session, made, CKA_ALWAYS_SENSITIVE), CK_FALSE);
    assert_int_equal(module_boolean(session, made, CKA_LOCAL), CK_FALSE);
}

static void keys_do_what_they_are_for(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static struct pq_bytes seed, ciphertext;
    struct pq_pair pair = pq_generate(session, PQ_ML_KEM_512), dsa = pq_generate(session, PQ_ML_DSA_44);
    CK_ATTRIBUTE idle = ATTRIBUTE(CKA_DECAPSULATE, no);
    CK_MECHANISM parameter = {CKM_ML_KEM, &seed, 1}, sign = {CKM_ML_DSA, NULL, 0};
    CK_OBJECT_HANDLE other, made;
    unsigned long size = sizeof ciphertext.data;
    pq_hex(ML_KEM_512_SEED, &seed);
    assert_ok(pq_create_private(session, PQ_ML_KEM_512, &seed, NULL, &idle, &other));
    ciphertext.size = 768;
    assert_rv(decapsulate(session, other, readable, 3, &ciphertext, &made), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_rv(
        decapsulate(session, pair.public_key, readable, 3, &ciphertext, &made), CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT);
    assert_rv(encapsulate(session, pair.private_key, readable, 3, &ciphertext, &made), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(encapsulate(session, dsa.public_key, readable, 3, &ciphertext, &made), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(p11->C_SignInit(session, &sign, pair.private_key), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(
        p11_32->C_EncapsulateKey(session, &parameter, pair.public_key, readable, 3, ciphertext.data, &size, &made),
        CKR_MECHANISM_PARAM_INVALID);
    assert_rv(p11_32->C_DecapsulateKey(session, &parameter, pair.private_key, readable, 3, ciphertext.data, 768, &made),
        CKR_MECHANISM_PARAM_INVALID);
    assert_rv(p11->C_DeriveKey(session, &kem, pair.private_key, readable, 3, &made), CKR_MECHANISM_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(decapsulation_gives_the_published_keys),
        MODULE_TEST(both_sides_come_to_the_same_key),
        MODULE_TEST(openssl_opens_what_was_encapsulated),
        MODULE_TEST(what_openssl_encapsulated_is_opened),
        MODULE_TEST(wrong_lengths_are_refused),
        MODULE_TEST(the_key_is_what_its_template_says),
        MODULE_TEST(keys_do_what_they_are_for),
    };
    int skipped = pq_skipped();
    return skipped ? skipped : cmocka_run_group_tests(tests, module_load, NULL);
}
