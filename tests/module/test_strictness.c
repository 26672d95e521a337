/* Orders of calls, lengths and buffers: what ends an operation, what does not, and what touches no memory. */
#include "module_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static CK_KEY_TYPE aes = CKK_AES;
static unsigned char data[64] = "0123456789abcdef0123456789abcdef", out[1024];

/* An operation of each function: how it is begun, and the calls that continue it. */
typedef CK_RV one_shot(CK_SESSION_HANDLE, unsigned char *, unsigned long, unsigned char *, unsigned long *);
typedef CK_RV last(CK_SESSION_HANDLE, unsigned char *, unsigned long *);

struct kind {
    const char *name;
    CK_MECHANISM_TYPE mechanism;
    CK_RV (*init)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
    one_shot *whole;
    one_shot *update; /* with output */
    CK_RV (*absorb)(CK_SESSION_HANDLE, unsigned char *, unsigned long);
    last *final;
    unsigned long size; /* of what 32 bytes become */
    CK_RV too_long;
};

static CK_RV digest_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    (void)key;
    return p11->C_DigestInit(session, mechanism);
}

/* The module is loaded when the tests run: the table is made then. */
static size_t make_kinds(struct kind *kinds)
{
    const struct kind all[] = {
        {"encrypt", CKM_AES_ECB, p11->C_EncryptInit, p11->C_Encrypt, p11->C_EncryptUpdate, NULL, p11->C_EncryptFinal,
            32, CKR_DATA_LEN_RANGE},
        {"decrypt", CKM_AES_ECB, p11->C_DecryptInit, p11->C_Decrypt, p11->C_DecryptUpdate, NULL, p11->C_DecryptFinal,
            32, CKR_ENCRYPTED_DATA_LEN_RANGE},
        {"digest", CKM_SHA256, digest_init, p11->C_Digest, NULL, p11->C_DigestUpdate, p11->C_DigestFinal, 32,
            CKR_DATA_LEN_RANGE},
        {"sign", CKM_SHA256_HMAC, p11->C_SignInit, p11->C_Sign, NULL, p11->C_SignUpdate, p11->C_SignFinal, 32,
            CKR_DATA_LEN_RANGE},
    };
    memcpy(kinds, all, sizeof all);
    return COUNT_OF(all);
}

static CK_OBJECT_HANDLE make_key(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE mechanism)
{
    CK_OBJECT_HANDLE key = 0;
    CK_KEY_TYPE type = mechanism == CKM_AES_ECB ? aes : CKK_GENERIC_SECRET;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, type),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef")};
    assert_ok(module_create(session, attributes, 3, &key));
    return key;
}

static void begin(CK_SESSION_HANDLE session, const struct kind *kind, CK_OBJECT_HANDLE key)
{
    CK_MECHANISM mechanism = {kind->mechanism, NULL, 0};
    assert_ok(kind->init(session, &mechanism, key));
}

static CK_RV update(CK_SESSION_HANDLE session, const struct kind *kind, unsigned char *in, unsigned long size)
{
    unsigned long room = sizeof out;
    return kind->update ? kind->update(session, in, size, out, &room) : kind->absorb(session, in, size);
}

static CK_RV whole(CK_SESSION_HANDLE session, const struct kind *kind, unsigned char *in, unsigned long size)
{
    unsigned long room = sizeof out;
    return kind->whole(session, in, size, out, &room);
}

static CK_RV finish(CK_SESSION_HANDLE session, const struct kind *kind)
{
    unsigned long room = sizeof out;
    return kind->final(session, out, &room);
}

/* Whether an operation is under way; it is cancelled by asking. */
static bool active(CK_SESSION_HANDLE session, const struct kind *kind)
{
    CK_MECHANISM mechanism = {kind->mechanism, NULL, 0};
    CK_OBJECT_HANDLE key = make_key(session, kind->mechanism);
    bool is = kind->init(session, &mechanism, key) == CKR_OPERATION_ACTIVE;
    assert_ok(kind->init(session, NULL, 0));
    assert_ok(p11->C_DestroyObject(session, key));
    return is;
}

#define FOR_EACH_KIND(session_name, kind, key)                                                                         \
    struct kind kinds[8];                                                                                              \
    size_t kind_count = make_kinds(kinds);                                                                             \
    CK_SESSION_HANDLE session_name = ((const struct module_fixture *)*state)->session;                                 \
    for (const struct kind *kind = kinds; kind < kinds + kind_count; kind++)                                           \
        for (CK_OBJECT_HANDLE key = make_key(session_name, kind->mechanism); key;                                      \
             assert_ok(p11->C_DestroyObject(session_name, key)), key = 0)

static void a_short_buffer_and_a_question_leave_the_operation_alive(void **state)
{
    FOR_EACH_KIND(session, kind, key)
    {
        begin(session, kind, key);
        for (unsigned long room = 0; room < kind->size; room += 31) {
            unsigned long size = room;
            memset(out, 0x5a, sizeof out);
            assert_rv(kind->whole(session, data, 32, out, &size), CKR_BUFFER_TOO_SMALL);
            assert_true(size >= kind->size);
            for (size_t i = 0; i < sizeof out; i++)
                assert_int_equal(out[i], 0x5a);
            size = room;
            assert_ok(kind->whole(session, data, 32, NULL, &size));
            assert_true(size >= kind->size);
        }
        unsigned long size = kind->size;
        assert_ok(kind->whole(session, data, 32, out, &size));
        assert_int_equal(size, kind->size);
        assert_false(active(session, kind));

        begin(session, kind, key);
        assert_ok(update(session, kind, data, 32));
        size = 0;
        assert_ok(kind->final(session, NULL, &size));
        if (size) { /* what gave all of its output already has nothing to be too small for */
            unsigned long room = size - 1;
            assert_rv(kind->final(session, out, &room), CKR_BUFFER_TOO_SMALL);
        }
        assert_ok(finish(session, kind));
        assert_false(active(session, kind));
    }
}

static void an_error_ends_the_operation(void **state)
{
    FOR_EACH_KIND(session, kind, key)
    {
        unsigned long room = sizeof out;
        begin(session, kind, key);
        assert_rv(kind->whole(session, NULL, 1, out, &room), CKR_ARGUMENTS_BAD);
        assert_false(active(session, kind));
        begin(session, kind, key);
        assert_rv(kind->whole(session, data, 32, out, NULL), CKR_ARGUMENTS_BAD);
        assert_false(active(session, kind));
        begin(session, kind, key);
        assert_rv(kind->final(session, out, NULL), CKR_ARGUMENTS_BAD);
        assert_false(active(session, kind));
        begin(session, kind, key);
        assert_rv(update(session, kind, NULL, 1), CKR_ARGUMENTS_BAD);
        assert_false(active(session, kind));
        begin(session, kind, key);
        assert_ok(update(session, kind, data, 16));
        assert_rv(whole(session, kind, data, 16), CKR_OPERATION_ACTIVE); /* one shot after a part */
        assert_false(active(session, kind));
    }
}

static void what_was_begun_is_not_begun_again(void **state)
{
    FOR_EACH_KIND(session, kind, key)
    {
        CK_MECHANISM mechanism = {kind->mechanism, NULL, 0}, none = {0x7654321, NULL, 0},
                     no_parameter = {kind->mechanism, NULL, 5}, too_much = {kind->mechanism, data, ~0UL};
        assert_rv(kind->init(session, &none, key), CKR_MECHANISM_INVALID);
        assert_rv(kind->init(session, &no_parameter, key), CKR_MECHANISM_PARAM_INVALID);
        assert_rv(kind->init(session, &too_much, key), CKR_MECHANISM_PARAM_INVALID);
        assert_false(active(session, kind));
        begin(session, kind, key);
        assert_rv(kind->init(session, &mechanism, key), CKR_OPERATION_ACTIVE);
        assert_rv(kind->init(session, &mechanism, 0), CKR_OPERATION_ACTIVE);
        assert_ok(whole(session, kind, data, 32)); /* it went on */
        assert_rv(whole(session, kind, data, 32), CKR_OPERATION_NOT_INITIALIZED);
        assert_rv(update(session, kind, data, 32), CKR_OPERATION_NOT_INITIALIZED);
        assert_rv(finish(session, kind), CKR_OPERATION_NOT_INITIALIZED);
        begin(session, kind, key);
        assert_ok(kind->init(session, NULL, key)); /* cancels */
        assert_rv(whole(session, kind, data, 32), CKR_OPERATION_NOT_INITIALIZED);
    }
}

static void operations_of_different_functions_run_beside_each_other(void **state)
{
    struct kind kinds[8];
    size_t count = make_kinds(kinds);
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    for (size_t i = 0; i < count; i++)
        begin(session, &kinds[i], make_key(session, kinds[i].mechanism));
    for (size_t i = 0; i < count; i++)
        assert_ok(update(session, &kinds[i], data, 32));
    assert_rv(whole(session, &kinds[0], NULL, 1), CKR_ARGUMENTS_BAD);
    for (size_t i = 1; i < count; i++)
        assert_ok(finish(session, &kinds[i]));
}

/* The byte behind `page` is nobody's: who reads beyond what is there, ends here. */
static unsigned char *fenced(void)
{
    unsigned char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + 4096, 4096, PROT_NONE), 0);
    return pages + 4095;
}

static void lengths_that_no_memory_has_are_refused(void **state)
{
    static const unsigned long lengths[] = {~0UL, ~0UL - 15, 1UL << 63};
    unsigned char *byte = fenced();
    FOR_EACH_KIND(session, kind, key)
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        begin(session, kind, key);
        assert_rv(whole(session, kind, byte, lengths[i]), kind->too_long);
        assert_false(active(session, kind));
        begin(session, kind, key);
        assert_rv(update(session, kind, byte, lengths[i]), kind->too_long);
        assert_false(active(session, kind));
    }
}

static void lengths_of_everything_else_are_refused(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0}, wrap = {CKM_AES_KEY_WRAP, NULL, 0},
                 generate = {CKM_AES_KEY_GEN, NULL, 0};
    unsigned char *byte = fenced();
    CK_OBJECT_HANDLE mac = make_key(session, CKM_SHA256_HMAC), wrapper = 0, key = 0;
    CK_ATTRIBUTE uses[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef"), ATTRIBUTE(CKA_UNWRAP, yes)};
    CK_ATTRIBUTE endless = {CKA_LABEL, byte, ~0UL}, half = {CKA_LABEL, byte, 1UL << 63}, one = ATTRIBUTE(CKA_TOKEN, no);
    assert_ok(module_create(session, uses, 4, &wrapper));
    assert_rv(p11->C_UnwrapKey(session, &wrap, wrapper, byte, ~0UL, uses, 2, &key), CKR_WRAPPED_KEY_LEN_RANGE);
    assert_ok(p11->C_VerifyInit(session, &hmac, mac));
    assert_rv(p11->C_Verify(session, data, 32, byte, ~0UL), CKR_SIGNATURE_LEN_RANGE);
    assert_ok(p11->C_VerifyInit(session, &hmac, mac));
    assert_rv(p11->C_Verify(session, byte, ~0UL, data, 32), CKR_DATA_LEN_RANGE);
    assert_rv(p11->C_GenerateRandom(session, byte, ~0UL), CKR_ARGUMENTS_BAD);
    assert_rv(p11->C_SetPIN(session, byte, ~0UL, data, 8), CKR_PIN_LEN_RANGE);
    assert_rv(p11->C_SetPIN(session, data, 8, byte, ~0UL), CKR_PIN_LEN_RANGE);
    assert_rv(p11->C_Login(session, CKU_CONTEXT_SPECIFIC, byte, ~0UL), CKR_PIN_LEN_RANGE);

    /* values and counts of templates */
    assert_rv(p11->C_CreateObject(session, &endless, 1, &key), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_rv(p11->C_GenerateKey(session, &generate, &endless, 1, &key), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_rv(p11->C_SetAttributeValue(session, mac, &endless, 1), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_rv(p11->C_CopyObject(session, mac, &half, 1, &key), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_rv(p11->C_FindObjectsInit(session, &endless, 1), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_rv(p11->C_FindObjectsInit(session, &half, 1), CKR_ATTRIBUTE_VALUE_INVALID);
    static const unsigned long counts[] = {~0UL, 1UL << 60, 1UL << 32, 100000};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        assert_rv(p11->C_FindObjectsInit(session, &one, counts[i]), CKR_ARGUMENTS_BAD);
        assert_rv(p11->C_GetAttributeValue(session, mac, &one, counts[i]), CKR_ARGUMENTS_BAD);
        assert_rv(p11->C_SetAttributeValue(session, mac, &one, counts[i]), CKR_TEMPLATE_INCONSISTENT);
        assert_rv(p11->C_CopyObject(session, mac, &one, counts[i], &key), CKR_TEMPLATE_INCONSISTENT);
        assert_rv(p11->C_CreateObject(session, &one, counts[i], &key), CKR_TEMPLATE_INCONSISTENT);
        assert_rv(p11->C_GenerateKey(session, &generate, &one, counts[i], &key), CKR_TEMPLATE_INCONSISTENT);
        assert_rv(
            p11->C_UnwrapKey(session, &wrap, wrapper, data, 24, &one, counts[i], &key), CKR_TEMPLATE_INCONSISTENT);
    }
}

/* --- under other hands --- */

/* An operation has its key until it ends; nobody begins another one with it. */
static void a_key_that_is_destroyed_serves_what_was_begun(void **state)
{
    struct kind kinds[8];
    size_t count = make_kinds(kinds);
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    for (const struct kind *kind = kinds; kind < kinds + count; kind++) {
        CK_OBJECT_HANDLE key = make_key(session, kind->mechanism);
        CK_MECHANISM mechanism = {kind->mechanism, NULL, 0};
        unsigned char expected[64];
        begin(session, kind, key);
        assert_ok(whole(session, kind, data, 32));
        memcpy(expected, out, sizeof expected);
        begin(session, kind, key);
        assert_ok(update(session, kind, data, 16));
        assert_ok(p11->C_DestroyObject(session, key));
        if (kind->init != digest_init)
            assert_rv(p11->C_VerifyInit(session, &mechanism, key),
                kind->mechanism == CKM_AES_ECB ? CKR_MECHANISM_INVALID : CKR_KEY_HANDLE_INVALID);
        assert_ok(update(session, kind, data + 16, 16));
        if (kind->update)
            assert_memory_equal(out, expected + 16, 16);
        assert_ok(finish(session, kind));
        if (!kind->update)
            assert_memory_equal(out, expected, 32);
        if (kind->init != digest_init)
            assert_rv(kind->init(session, &mechanism, key), CKR_KEY_HANDLE_INVALID);
    }
}

/* What a session keeps of a finished operation does not outlive a use that was taken away. */
static void a_use_that_is_taken_away_is_refused_at_once(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session,
                      other = module_session(0, CKF_RW_SESSION);
    CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_TOKEN, yes),
        ATTRIBUTE(CKA_KEY_TYPE, aes), TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef"), ATTRIBUTE(CKA_SIGN, yes)};
    CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
    CK_ATTRIBUTE stop = ATTRIBUTE(CKA_SIGN, no);
    attributes[2].pValue = &generic;
    for (int on_token = 0; on_token < 2; on_token++) {
        CK_OBJECT_HANDLE key = 0;
        unsigned long size = sizeof out;
        attributes[1].pValue = on_token ? &yes : &no;
        assert_ok(module_create(session, attributes, COUNT_OF(attributes), &key));
        for (int i = 0; i < 3; i++) {
            assert_ok(p11->C_SignInit(session, &hmac, key));
            size = sizeof out;
            assert_ok(p11->C_Sign(session, data, 32, out, &size));
        }
        assert_ok(p11->C_SetAttributeValue(other, key, &stop, 1));
        assert_rv(p11->C_SignInit(session, &hmac, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
        assert_ok(p11->C_DestroyObject(other, key));
        assert_rv(p11->C_SignInit(session, &hmac, key), CKR_KEY_HANDLE_INVALID);
    }
}

static void logging_out_ends_what_keys_were_used_for(void **state)
{
    FOR_EACH_KIND(session, kind, key)
    {
        CK_SESSION_HANDLE other = module_session(0, CKF_RW_SESSION);
        begin(session, kind, key);
        assert_ok(p11->C_Logout(other));
        assert_rv(whole(session, kind, data, 32), CKR_OPERATION_NOT_INITIALIZED);
        assert_ok(module_login(session, CKU_USER, USER_PIN));
        assert_ok(p11->C_CloseSession(other));
        key = make_key(session, kind->mechanism); /* the old one was the session's, and private */
    }
}

struct closing {
    atomic_ulong session;
    CK_OBJECT_HANDLE key;
    atomic_bool stop;
    atomic_ulong done, wrong;
};

static bool expected_under_closing(CK_RV rv)
{
    return rv == CKR_OK || rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_OPERATION_NOT_INITIALIZED ||
           rv == CKR_OPERATION_ACTIVE;
}

static void *sign_all_the_time(void *context)
{
    struct closing *closing = context;
    CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
    unsigned char mac[64];
    while (!atomic_load(&closing->stop)) {
        CK_SESSION_HANDLE session = atomic_load(&closing->session);
        unsigned long size = sizeof mac;
        CK_RV rvs[] = {p11->C_SignInit(session, &hmac, closing->key), p11->C_SignUpdate(session, data, 32),
            p11->C_SignUpdate(session, data, 32), p11->C_SignFinal(session, mac, &size)};
        for (size_t i = 0; i < COUNT_OF(rvs); i++)
            atomic_fetch_add(&closing->wrong, !expected_under_closing(rvs[i]));
        atomic_fetch_add(&closing->done, rvs[3] == CKR_OK);
    }
    return NULL;
}

static void a_session_is_closed_in_the_middle_of_signing(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    struct closing closing = {.session = module_session(0, 0), .key = make_key(session, CKM_SHA256_HMAC)};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_all_the_time, &closing), 0);
    time_t end = time(NULL) + 20;
    for (int i = 0; i < 3000 || (atomic_load(&closing.done) < 100 && time(NULL) < end); i++) {
        CK_SESSION_HANDLE next = module_session(0, 0), old = atomic_exchange(&closing.session, next);
        assert_ok(p11->C_CloseSession(old));
    }
    atomic_store(&closing.stop, true);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(closing.wrong, 0);
    assert_true(closing.done > 0);
}

static void ten_thousand_sessions_have_an_operation_each(void **state)
{
    enum { MANY = 10000 };
    CK_SESSION_HANDLE owner = ((const struct module_fixture *)*state)->session,
                      *sessions = calloc(MANY, sizeof *sessions);
    CK_OBJECT_HANDLE key = make_key(owner, CKM_SHA256_HMAC);
    CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
    unsigned char expected[32];
    unsigned long size = sizeof expected;
    assert_non_null(sessions);
    assert_ok(p11->C_SignInit(owner, &hmac, key));
    assert_ok(p11->C_Sign(owner, data, 32, expected, &size));
    for (int i = 0; i < MANY; i++) {
        sessions[i] = module_session(0, 0);
        assert_ok(p11->C_SignInit(sessions[i], &hmac, key));
        assert_ok(p11->C_SignUpdate(sessions[i], data, 16));
    }
    for (int i = 0; i < MANY; i += 2) { /* the others are closed with what they have under way */
        size = sizeof out;
        assert_ok(p11->C_SignUpdate(sessions[i], data + 16, 16));
        assert_ok(p11->C_SignFinal(sessions[i], out, &size));
        assert_memory_equal(out, expected, 32);
        assert_ok(p11->C_CloseSession(sessions[i]));
    }
    assert_ok(p11->C_CloseAllSessions(0));
    free(sessions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(a_short_buffer_and_a_question_leave_the_operation_alive),
        MODULE_TEST(an_error_ends_the_operation),
        MODULE_TEST(what_was_begun_is_not_begun_again),
        MODULE_TEST(operations_of_different_functions_run_beside_each_other),
        MODULE_TEST(lengths_that_no_memory_has_are_refused),
        MODULE_TEST(lengths_of_everything_else_are_refused),
        MODULE_TEST(a_key_that_is_destroyed_serves_what_was_begun),
        MODULE_TEST(a_use_that_is_taken_away_is_refused_at_once),
        MODULE_TEST(logging_out_ends_what_keys_were_used_for),
        MODULE_TEST(a_session_is_closed_in_the_middle_of_signing),
        MODULE_TEST(ten_thousand_sessions_have_an_operation_each),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
