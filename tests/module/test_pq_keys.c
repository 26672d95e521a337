/* Post-quantum keys: generated, created from their values, wrapped and unwrapped. OpenSSL, called apart from the
 * module, reads and writes the same forms. */
#include <openssl/x509.h>

#include "pq_keys.h"
#include "pq_vectors.h"

static struct pq_bytes a, b, c; /* 64 KiB each */

/* --- what there is --- */

static void the_list_has_them(void **state)
{
    (void)state;
    static const struct {
        CK_MECHANISM_TYPE type;
        CK_MECHANISM_INFO info;
    } rows[] = {
        {CKM_ML_KEM_KEY_PAIR_GEN, {800, 1568, CKF_GENERATE_KEY_PAIR}},
        {CKM_ML_KEM, {800, 1568, CKF_ENCAPSULATE | CKF_DECAPSULATE}},
        {CKM_ML_DSA_KEY_PAIR_GEN, {1312, 2592, CKF_GENERATE_KEY_PAIR}},
        {CKM_ML_DSA, {1312, 2592, CKF_SIGN | CKF_VERIFY}},
        {CKM_SLH_DSA_KEY_PAIR_GEN, {32, 64, CKF_GENERATE_KEY_PAIR}},
        {CKM_SLH_DSA, {32, 64, CKF_SIGN | CKF_VERIFY}},
    };
    CK_MECHANISM_TYPE list[512];
    unsigned long count = COUNT_OF(list);
    assert_ok(p11->C_GetMechanismList(0, list, &count));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CK_MECHANISM_INFO info;
        unsigned found = 0;
        for (unsigned long j = 0; j < count; j++)
            found += list[j] == rows[i].type;
        assert_int_equal(found, 1);
        assert_ok(p11->C_GetMechanismInfo(0, rows[i].type, &info));
        assert_int_equal(info.ulMinKeySize, rows[i].info.ulMinKeySize);
        assert_int_equal(info.ulMaxKeySize, rows[i].info.ulMaxKeySize);
        assert_int_equal(info.flags, rows[i].info.flags);
    }
}

/* --- generating --- */

static void check_public(CK_SESSION_HANDLE session, int set, CK_OBJECT_HANDLE key)
{
    EVP_PKEY *pkey = pq_openssl_public(session, key);
    assert_true(EVP_PKEY_is_a(pkey, pq_sets[set].name));
    pq_openssl_value(pkey, "pub", &a);
    EVP_PKEY_free(pkey);
    assert_int_equal(a.size, pq_sets[set].public_size);
}

static void a_generated_pair_is_whole(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    for (int set = 0; set < PQ_SETS; set++) {
        struct pq_pair pair = pq_generate(session, set);
        bool kem = pq_sets[set].type == CKK_ML_KEM;
        check_public(session, set, pair.private_key);
        pq_get(session, pair.public_key, CKA_VALUE, &b);
        pq_assert_equal(&a, &b);
        check_public(session, set, pair.public_key);
        pq_assert_equal(&a, &b);
        pq_get(session, pair.private_key, CKA_VALUE, &b);
        assert_int_equal(b.size, pq_sets[set].private_size);
        EVP_PKEY *own = pq_openssl(set, "priv", &b); /* OpenSSL makes the same public key of it */
        pq_openssl_value(own, "pub", &c);
        pq_assert_equal(&a, &c);
        EVP_PKEY_free(own);
        unsigned long size = sizeof c.data;
        if (pq_sets[set].seed_size) {
            pq_get(session, pair.private_key, CKA_SEED, &c);
            assert_int_equal(c.size, pq_sets[set].seed_size);
            own = pq_openssl(set, "seed", &c);
            pq_openssl_value(own, "priv", &c);
            pq_assert_equal(&b, &c);
            EVP_PKEY_free(own);
        } else
            assert_rv(module_get(session, pair.private_key, CKA_SEED, c.data, &size), CKR_ATTRIBUTE_TYPE_INVALID);
        const CK_OBJECT_HANDLE halves[] = {pair.public_key, pair.private_key};
        for (int i = 0; i < 2; i++) {
            assert_int_equal(module_ulong(session, halves[i], CKA_PARAMETER_SET), pq_sets[set].number);
            assert_int_equal(module_ulong(session, halves[i], CKA_KEY_TYPE), pq_sets[set].type);
            assert_int_equal(module_ulong(session, halves[i], CKA_KEY_GEN_MECHANISM), pq_generation(set));
            assert_int_equal(module_boolean(session, halves[i], CKA_LOCAL), CK_TRUE);
        }
        assert_int_equal(module_boolean(session, pair.public_key, CKA_ENCAPSULATE), kem);
        assert_int_equal(module_boolean(session, pair.private_key, CKA_DECAPSULATE), kem);
        assert_int_equal(module_boolean(session, pair.public_key, CKA_VERIFY), !kem);
        assert_int_equal(module_boolean(session, pair.private_key, CKA_SIGN), !kem);
        assert_ok(p11->C_DestroyObject(session, pair.public_key));
        assert_ok(p11->C_DestroyObject(session, pair.private_key));
    }
}

static CK_RV generate(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_template,
    size_t public_count, CK_ATTRIBUTE *private_template, size_t private_count, struct pq_pair *pair)
{
    *pair = (struct pq_pair){0, 0};
    return p11->C_GenerateKeyPair(session, mechanism, public_template, public_count, private_template, private_count,
        &pair->public_key, &pair->private_key);
}

static void wrong_templates_make_no_pair(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static const int sets[] = {PQ_ML_KEM_768, PQ_ML_DSA_65, PQ_SLH_DSA_SHA2_128F};
    CK_ULONG first = 1, second = 2, none[] = {0, 4, 13, ~0UL};
    CK_ATTRIBUTE one = ATTRIBUTE(CKA_PARAMETER_SET, first), two = ATTRIBUTE(CKA_PARAMETER_SET, second);
    unsigned long before = module_find(session, NULL, 0, NULL);
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        CK_MECHANISM mechanism = {pq_generation(sets[i]), NULL, 0}, parameter = {pq_generation(sets[i]), &one, 1};
        CK_KEY_TYPE other = CKK_EC;
        struct pq_pair pair;
        CK_ATTRIBUTE typed[] = {one, ATTRIBUTE(CKA_KEY_TYPE, other)};
        CK_ATTRIBUTE seeded[] = {{CKA_SEED, a.data, 32}}, valued[] = {one, {CKA_VALUE, a.data, 32}};
        assert_rv(generate(session, &mechanism, NULL, 0, NULL, 0, &pair), CKR_TEMPLATE_INCOMPLETE);
        assert_rv(generate(session, &mechanism, &one, 1, &two, 1, &pair), CKR_TEMPLATE_INCONSISTENT);
        assert_rv(generate(session, &mechanism, typed, 2, NULL, 0, &pair), CKR_TEMPLATE_INCONSISTENT);
        assert_rv(generate(session, &mechanism, &one, 1, seeded, 1, &pair), CKR_TEMPLATE_INCONSISTENT);
        assert_rv(generate(session, &mechanism, valued, 2, NULL, 0, &pair), CKR_TEMPLATE_INCONSISTENT);
        assert_rv(generate(session, &parameter, &one, 1, NULL, 0, &pair), CKR_MECHANISM_PARAM_INVALID);
        for (size_t j = 0; j < COUNT_OF(none); j++) {
            CK_ATTRIBUTE wrong = ATTRIBUTE(CKA_PARAMETER_SET, none[j]);
            if (none[j] == 4 && pq_sets[sets[i]].type == CKK_SLH_DSA)
                continue;
            assert_rv(generate(session, &mechanism, &wrong, 1, NULL, 0, &pair), CKR_PARAMETER_SET_NOT_SUPPORTED);
        }
    }
    assert_int_equal(module_find(session, NULL, 0, NULL), before);
}

static void a_sensitive_key_does_not_show_its_values(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    CK_MECHANISM mechanism = {CKM_ML_KEM_KEY_PAIR_GEN, NULL, 0};
    CK_ULONG number = 2;
    CK_ATTRIBUTE template[] = {ATTRIBUTE(CKA_PARAMETER_SET, number), ATTRIBUTE(CKA_TOKEN, yes)};
    struct pq_pair pair;
    unsigned long size = sizeof a.data;
    assert_ok(generate(session, &mechanism, template, 2, template, 2, &pair));
    assert_rv(module_get(session, pair.private_key, CKA_SEED, a.data, &size), CKR_ATTRIBUTE_SENSITIVE);
    size = sizeof a.data;
    assert_rv(module_get(session, pair.private_key, CKA_VALUE, a.data, &size), CKR_ATTRIBUTE_SENSITIVE);
    pq_get(session, pair.public_key, CKA_VALUE, &a);
    assert_int_equal(a.size, 1184);
    CK_ATTRIBUTE seed = {CKA_SEED, a.data, 64};
    assert_rv(p11->C_SetAttributeValue(session, pair.private_key, &seed, 1), CKR_ATTRIBUTE_READ_ONLY);
}

/* --- creating --- */

static void a_key_comes_of_its_published_seed(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    CK_OBJECT_HANDLE key;
    for (size_t i = 0; i < COUNT_OF(pq_key_vectors); i++) {
        const struct pq_key_vector *vector = &pq_key_vectors[i];
        size_t public_size = pq_sets[vector->set].public_size;
        pq_hex(vector->seed, &c);
        assert_ok(pq_create_private(session, vector->set, &c, NULL, NULL, &key));
        check_public(session, vector->set, key);
        pq_hex(vector->first, &b);
        assert_memory_equal(a.data, b.data, b.size);
        pq_hex(vector->last, &b);
        assert_memory_equal(a.data + a.size - b.size, b.data, b.size);
        pq_get(session, key, CKA_VALUE, &b);
        assert_int_equal(b.size, pq_sets[vector->set].private_size);
        if (pq_sets[vector->set].type != CKK_ML_KEM)
            continue;
        /* FIPS 203, algorithm 16: the public key, its hash and the seed's second half are the end of the private one.
         */
        assert_memory_equal(b.data + b.size - 64 - public_size, a.data, public_size);
        assert_memory_equal(b.data + b.size - 32, c.data + 32, 32);
    }
    for (size_t i = 0; i < COUNT_OF(pq_private_vectors); i++) {
        int set = pq_private_vectors[i].set;
        pq_hex(pq_private_vectors[i].value, &b);
        assert_ok(pq_create_private(session, set, NULL, &b, NULL, &key));
        check_public(session, set, key);
        assert_memory_equal(a.data, b.data + b.size / 2, a.size);
        for (size_t at = 0; at < b.size; at += b.size - 1) { /* the root is that of the tree, or it is no key */
            b.data[at] ^= 1;
            assert_rv(pq_create_private(session, set, NULL, &b, NULL, &key), CKR_ATTRIBUTE_VALUE_INVALID);
            b.data[at] ^= 1;
        }
    }
}

static const int some[] = {PQ_ML_KEM_512, PQ_ML_KEM_1024, PQ_ML_DSA_44, PQ_ML_DSA_87, PQ_SLH_DSA_SHA2_128F};

static void a_key_comes_of_its_seed_or_its_value_or_both(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    for (size_t i = 0; i < COUNT_OF(some); i++) {
        int set = some[i];
        EVP_PKEY *pkey = pq_openssl_new(set);
        const struct pq_bytes *seed = pq_sets[set].seed_size ? &b : NULL;
        CK_OBJECT_HANDLE keys[3] = {0}, none;
        unsigned long size = sizeof a.data;
        pq_openssl_value(pkey, "priv", &c);
        if (seed)
            pq_openssl_value(pkey, "seed", &b);
        assert_ok(pq_create_private(session, set, NULL, &c, NULL, &keys[0]));
        assert_rv(module_get(session, keys[0], CKA_SEED, a.data, &size), CKR_ATTRIBUTE_TYPE_INVALID);
        if (seed) {
            assert_ok(pq_create_private(session, set, seed, NULL, NULL, &keys[1]));
            assert_ok(pq_create_private(session, set, seed, &c, NULL, &keys[2]));
            pq_get(session, keys[1], CKA_VALUE, &a);
            pq_assert_equal(&a, &c);
            pq_get(session, keys[1], CKA_SEED, &a);
            pq_assert_equal(&a, &b);
            b.data[0] ^= 1; /* the seed of another key */
            assert_rv(pq_create_private(session, set, seed, &c, NULL, &none), CKR_TEMPLATE_INCONSISTENT);
        }
        pq_openssl_value(pkey, "pub", &b);
        for (int j = 0; j < 3 && keys[j]; j++) {
            check_public(session, set, keys[j]);
            pq_assert_equal(&a, &b);
            assert_int_equal(module_boolean(session, keys[j], CKA_LOCAL), CK_FALSE);
        }
        EVP_PKEY_free(pkey);
    }
}

static void what_is_no_key_is_refused(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    CK_OBJECT_HANDLE none = 0;
    for (size_t i = 0; i < COUNT_OF(some); i++) {
        int set = some[i];
        EVP_PKEY *pkey = pq_openssl_new(set), *other = pq_openssl_new(set);
        pq_openssl_value(pkey, "priv", &c);
        pq_openssl_value(pkey, "pub", &b);
        assert_rv(pq_create_private(session, set, NULL, NULL, NULL, &none), CKR_TEMPLATE_INCOMPLETE);
        assert_rv(pq_create_public(session, set, NULL, NULL, &none), CKR_TEMPLATE_INCOMPLETE);
        for (int off = -1; off < 2; off += 2) {
            c.size = pq_sets[set].private_size + (size_t)off;
            assert_rv(pq_create_private(session, set, NULL, &c, NULL, &none), CKR_ATTRIBUTE_VALUE_INVALID);
            b.size = pq_sets[set].public_size + (size_t)off;
            assert_rv(pq_create_public(session, set, &b, NULL, &none), CKR_ATTRIBUTE_VALUE_INVALID);
            a.size = pq_sets[set].seed_size + (size_t)off;
            if (pq_sets[set].seed_size)
                assert_rv(pq_create_private(session, set, &a, NULL, NULL, &none), CKR_ATTRIBUTE_VALUE_INVALID);
        }
        c.size = pq_sets[set].private_size;
        b.size = pq_sets[set].public_size;
        a.size = 32;
        if (!pq_sets[set].seed_size)
            assert_rv(pq_create_private(session, set, &a, &c, NULL, &none), CKR_TEMPLATE_INCONSISTENT);
        c.data[0] ^= 1;
        assert_rv(pq_create_private(session, set, NULL, &c, NULL, &none), CKR_ATTRIBUTE_VALUE_INVALID);
        c.data[0] ^= 1;
        unsigned char *out = a.data; /* the public key of another */
        int size = i2d_PUBKEY(other, &out);
        assert_true(size > 0);
        CK_ATTRIBUTE info = {CKA_PUBLIC_KEY_INFO, a.data, (CK_ULONG)size};
        assert_rv(pq_create_private(session, set, NULL, &c, &info, &none), CKR_TEMPLATE_INCONSISTENT);
        assert_rv(pq_create_public(session, set, &b, &info, &none), CKR_TEMPLATE_INCONSISTENT);
        out = a.data;
        assert_int_equal(i2d_PUBKEY(pkey, &out), size);
        assert_ok(pq_create_private(session, set, NULL, &c, &info, &none));
        assert_ok(pq_create_public(session, set, &b, &info, &none));
        if (pq_sets[set].type == CKK_ML_KEM) { /* FIPS 203, section 7.2: coefficients are below q */
            memset(b.data, 0xff, 32);
            assert_rv(pq_create_public(session, set, &b, NULL, &none), CKR_ATTRIBUTE_VALUE_INVALID);
        }
        EVP_PKEY_free(pkey);
        EVP_PKEY_free(other);
    }
    c.size = 1632;
    CK_ULONG wrong = 4;
    CK_ATTRIBUTE template[] = {ATTRIBUTE(CKA_CLASS, class_private), ATTRIBUTE(CKA_KEY_TYPE, pq_sets[0].type),
        {CKA_VALUE, c.data, c.size}, ATTRIBUTE(CKA_PARAMETER_SET, wrong)};
    assert_rv(module_create(session, template, 4, &none), CKR_PARAMETER_SET_NOT_SUPPORTED);
    assert_rv(module_create(session, template, 3, &none), CKR_TEMPLATE_INCOMPLETE);
}

/* --- wrapping --- */

static CK_MECHANISM kwp = {CKM_AES_KEY_WRAP_KWP, NULL, 0};

/* Two keys of one value: none may both wrap and decrypt. */
static CK_OBJECT_HANDLE aes_key(CK_SESSION_HANDLE session, CK_ATTRIBUTE_TYPE use, CK_ATTRIBUTE_TYPE other)
{
    static CK_KEY_TYPE aes = CKK_AES;
    static unsigned char value[32] = {1, 2, 3};
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE template[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes),
        ATTRIBUTE(CKA_VALUE, value), ATTRIBUTE(use, yes), ATTRIBUTE(other, yes), ATTRIBUTE(CKA_SENSITIVE, no),
        ATTRIBUTE(CKA_EXTRACTABLE, yes)};
    assert_ok(module_create(session, template, COUNT_OF(template), &key));
    return key;
}

static void wrap(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, struct pq_bytes *plain)
{
    static struct pq_bytes wrapped;
    unsigned long size = sizeof wrapped.data;
    assert_ok(p11->C_WrapKey(session, &kwp, aes_key(session, CKA_WRAP, CKA_UNWRAP), key, wrapped.data, &size));
    assert_ok(p11->C_DecryptInit(session, &kwp, aes_key(session, CKA_ENCRYPT, CKA_DECRYPT)));
    wrapped.size = size;
    size = sizeof plain->data;
    assert_ok(p11->C_Decrypt(session, wrapped.data, wrapped.size, plain->data, &size));
    plain->size = size;
}

/* `number` NULL: the template leaves the set to what was wrapped. */
static CK_RV unwrap(
    CK_SESSION_HANDLE session, int set, const CK_ULONG *number, const struct pq_bytes *plain, CK_OBJECT_HANDLE *key)
{
    static struct pq_bytes wrapped;
    unsigned long size = sizeof wrapped.data;
    CK_ATTRIBUTE template[] = {ATTRIBUTE(CKA_CLASS, class_private), ATTRIBUTE(CKA_KEY_TYPE, pq_sets[set].type),
        ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes),
        {CKA_PARAMETER_SET, (void *)(uintptr_t)number, sizeof *number}};
    assert_ok(p11->C_EncryptInit(session, &kwp, aes_key(session, CKA_ENCRYPT, CKA_DECRYPT)));
    assert_ok(p11->C_Encrypt(session, PQ_VIEW(plain), wrapped.data, &size));
    *key = 0;
    return p11->C_UnwrapKey(
        session, &kwp, aes_key(session, CKA_WRAP, CKA_UNWRAP), wrapped.data, size, template, number ? 5 : 4, key);
}

static void openssl_reads_what_is_wrapped_and_it_comes_back(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    for (int set = 0; set < PQ_SETS; set++) {
        struct pq_pair pair = pq_generate(session, set);
        CK_OBJECT_HANDLE again;
        wrap(session, pair.private_key, &b);
        const unsigned char *at = b.data;
        EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &at, (long)b.size);
        assert_non_null(pkey);
        assert_ptr_equal(at, b.data + b.size);
        pq_openssl_value(pkey, "pub", &a);
        EVP_PKEY_free(pkey);
        pq_get(session, pair.public_key, CKA_VALUE, &c);
        pq_assert_equal(&a, &c);
        assert_ok(unwrap(session, set, NULL, &b, &again));
        pq_get(session, pair.private_key, CKA_VALUE, &a);
        pq_get(session, again, CKA_VALUE, &b);
        pq_assert_equal(&a, &b);
        if (pq_sets[set].seed_size) {
            pq_get(session, pair.private_key, CKA_SEED, &a);
            pq_get(session, again, CKA_SEED, &b);
            pq_assert_equal(&a, &b);
        }
        assert_int_equal(module_ulong(session, again, CKA_PARAMETER_SET), pq_sets[set].number);
        pq_get(session, pair.private_key, CKA_PUBLIC_KEY_INFO, &a);
        pq_get(session, again, CKA_PUBLIC_KEY_INFO, &b);
        pq_assert_equal(&a, &b);
    }
}

static size_t pkcs8(EVP_PKEY *pkey, struct pq_bytes *der)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    unsigned char *out = der->data;
    assert_non_null(info);
    int size = i2d_PKCS8_PRIV_KEY_INFO(info, &out);
    assert_true(size > 0);
    PKCS8_PRIV_KEY_INFO_free(info);
    return der->size = (size_t)size;
}

static void what_openssl_wrote_is_unwrapped(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    for (int set = 0; set < PQ_SETS; set++) {
        EVP_PKEY *pkey = pq_openssl_new(set);
        CK_OBJECT_HANDLE key;
        pkcs8(pkey, &b);
        assert_ok(unwrap(session, set, &pq_sets[set].number, &b, &key));
        check_public(session, set, key);
        pq_openssl_value(pkey, "pub", &c);
        pq_assert_equal(&a, &c);
        wrap(session, key, &a); /* and written as OpenSSL writes it */
        pq_assert_equal(&a, &b);
        if (pq_sets[set].seed_size) { /* the expanded key alone */
            pq_openssl_value(pkey, "priv", &a);
            EVP_PKEY *expanded = pq_openssl(set, "priv", &a);
            assert_true(pkcs8(expanded, &a) < b.size);
            assert_ok(unwrap(session, set, NULL, &a, &key));
            wrap(session, key, &b);
            pq_assert_equal(&a, &b);
            EVP_PKEY_free(expanded);
        }
        EVP_PKEY_free(pkey);
    }
}

/* A seed alone, in RFC 9881's example of the form: C2SP/wycheproof has it as privateKeyPkcs8. */
static void a_seed_alone_is_unwrapped(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static const char head_44[] = "3034020100300b060960864801650304031104228020";
    CK_OBJECT_HANDLE key;
    pq_hex(head_44, &b);
    memset(b.data + b.size, 0x2a, 32);
    b.size += 32;
    assert_ok(unwrap(session, PQ_ML_DSA_44, NULL, &b, &key));
    check_public(session, PQ_ML_DSA_44, key);
    pq_hex(pq_key_vectors[3].first, &c);
    assert_memory_equal(a.data, c.data, c.size);
    pq_get(session, key, CKA_SEED, &a);
    assert_int_equal(a.size, 32);
    b.size--; /* cut */
    assert_rv(unwrap(session, PQ_ML_DSA_44, NULL, &b, &key), CKR_WRAPPED_KEY_INVALID);
    b.size++;
    b.data[20] = 0x81; /* no member of the choice */
    assert_rv(unwrap(session, PQ_ML_DSA_44, NULL, &b, &key), CKR_WRAPPED_KEY_INVALID);
    b.data[20] = 0x80;
    assert_rv(unwrap(session, PQ_ML_DSA_65, &pq_sets[PQ_ML_DSA_65].number, &b, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_rv(unwrap(session, PQ_ML_KEM_512, NULL, &b, &key), CKR_TEMPLATE_INCONSISTENT);
    b.data[17] = 0x14; /* an SLH-DSA key of 34 bytes */
    assert_rv(unwrap(session, PQ_SLH_DSA_SHA2_128S, NULL, &b, &key), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void seed_and_key_that_do_not_belong_together_are_refused(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    for (int set = PQ_ML_KEM_512; set <= PQ_ML_DSA_87; set++) {
        EVP_PKEY *pkey = pq_openssl_new(set);
        CK_OBJECT_HANDLE key;
        size_t size = pkcs8(pkey, &b);
        b.data[size - 1] ^= 1;
        assert_rv(unwrap(session, set, NULL, &b, &key), CKR_TEMPLATE_INCONSISTENT);
        b.data[size - 1] ^= 1;
        b.data[size - pq_sets[set].private_size - 5] ^= 1; /* the seed's last byte */
        assert_rv(unwrap(session, set, NULL, &b, &key), CKR_TEMPLATE_INCONSISTENT);
        EVP_PKEY_free(pkey);
    }
}

/* --- keeping --- */

static void a_token_key_is_there_after_the_next_login(void **state)
{
    struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_MECHANISM generation = {CKM_ML_DSA_KEY_PAIR_GEN, NULL, 0}, mechanism = {CKM_ML_DSA, NULL, 0};
    CK_ULONG number = 2;
    CK_ATTRIBUTE public_template[] = {
        ATTRIBUTE(CKA_PARAMETER_SET, number), ATTRIBUTE(CKA_TOKEN, yes), TEXT_ATTRIBUTE(CKA_LABEL, "kept")};
    CK_ATTRIBUTE private_template[] = {ATTRIBUTE(CKA_TOKEN, yes), TEXT_ATTRIBUTE(CKA_LABEL, "kept")};
    CK_ATTRIBUTE wanted[] = {TEXT_ATTRIBUTE(CKA_LABEL, "kept"), ATTRIBUTE(CKA_CLASS, class_private)};
    struct pq_pair pair;
    unsigned long size = sizeof a.data;
    assert_ok(generate(session, &generation, public_template, 3, private_template, 2, &pair));
    assert_ok(p11->C_Finalize(NULL));
    module_initialize();
    session = fixture->session = module_session(0, CKF_RW_SESSION);
    assert_ok(module_login(session, CKU_USER, USER_PIN));
    assert_int_equal(module_find(session, wanted, 2, &pair.private_key), 1);
    wanted[1].pValue = &class_public;
    assert_int_equal(module_find(session, wanted, 2, &pair.public_key), 1);
    assert_ok(p11->C_SignInit(session, &mechanism, pair.private_key));
    assert_ok(p11->C_Sign(session, b.data, 100, a.data, &size));
    assert_ok(p11->C_VerifyInit(session, &mechanism, pair.public_key));
    assert_ok(p11->C_Verify(session, b.data, 100, a.data, size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(the_list_has_them),
        MODULE_TEST(a_generated_pair_is_whole),
        MODULE_TEST(wrong_templates_make_no_pair),
        MODULE_TEST(a_sensitive_key_does_not_show_its_values),
        MODULE_TEST(a_key_comes_of_its_published_seed),
        MODULE_TEST(a_key_comes_of_its_seed_or_its_value_or_both),
        MODULE_TEST(what_is_no_key_is_refused),
        MODULE_TEST(openssl_reads_what_is_wrapped_and_it_comes_back),
        MODULE_TEST(what_openssl_wrote_is_unwrapped),
        MODULE_TEST(a_seed_alone_is_unwrapped),
        MODULE_TEST(seed_and_key_that_do_not_belong_together_are_refused),
        MODULE_TEST(a_token_key_is_there_after_the_next_login),
    };
    int skipped = pq_skipped();
    return skipped ? skipped : cmocka_run_group_tests(tests, module_load, NULL);
}
