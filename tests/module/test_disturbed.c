/* What other threads do in the middle of a call: they destroy its key, close its session, close all of them, log out.
 * Whatever is answered is a code that says so, or the right result; what leaves no trace here shows in the same program
 * under AddressSanitizer and ThreadSanitizer. */
#include "derive_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { WORKERS = 3, SECONDS = 2 };

/* What the workers use, and the disturber takes away and puts there again. */
static atomic_ulong mac, cipher, wrapping, rsa_private, rsa_public, ec_private, session_of[WORKERS];
static atomic_bool stop;
static unsigned char data[4096], expected_mac[32];

struct worker {
    unsigned number;
    unsigned long done, disturbed;
    CK_RV wrong; /* a code that says nothing of what happened */
    const char *where;
};

/* What a thing that went away in the meantime is called by the functions. */
static bool says_it_is_gone(CK_RV rv)
{
    static const CK_RV gone[] = {CKR_SESSION_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID,
        CKR_WRAPPING_KEY_HANDLE_INVALID, CKR_UNWRAPPING_KEY_HANDLE_INVALID, CKR_OPERATION_NOT_INITIALIZED,
        CKR_USER_NOT_LOGGED_IN};
    for (size_t i = 0; i < COUNT_OF(gone); i++)
        if (rv == gone[i])
            return true;
    return false;
}

/* Whether the call went well; what it may not say is kept. */
static bool did(struct worker *worker, const char *where, CK_RV rv)
{
    if (rv == CKR_OK)
        worker->done++;
    else if (says_it_is_gone(rv))
        worker->disturbed++;
    else if (!worker->wrong) {
        worker->wrong = rv;
        worker->where = where;
    }
    return rv == CKR_OK;
}

static CK_SESSION_HANDLE session_for(const struct worker *worker)
{
    return atomic_load(&session_of[worker->number]);
}

/* An operation that was left half done by a refusal would be in the way of the next one. */
static void leave(struct worker *worker, CK_SESSION_HANDLE session)
{
    CK_RV rv = p11_3->C_SessionCancel(session, CKF_SIGN | CKF_ENCRYPT | CKF_DIGEST | CKF_FIND_OBJECTS);
    if (rv != CKR_OK)
        (void)did(worker, "cancel", rv);
}

static void sign_in_parts(struct worker *worker)
{
    CK_SESSION_HANDLE session = session_for(worker);
    CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
    unsigned char out[32];
    unsigned long size = sizeof out;
    if (!did(worker, "sign init", p11->C_SignInit(session, &hmac, atomic_load(&mac))))
        return;
    for (size_t i = 0; i < sizeof data; i += 512)
        if (!did(worker, "sign update", p11->C_SignUpdate(session, data + i, 512)))
            break;
    if (!did(worker, "sign final", p11->C_SignFinal(session, out, &size)))
        leave(worker, session);
    else if (size != 32 || memcmp(out, expected_mac, 32) != 0)
        (void)did(worker, "another MAC", CKR_GENERAL_ERROR);
}

static void sign_by(struct worker *worker, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key)
{
    CK_SESSION_HANDLE session = session_for(worker);
    CK_MECHANISM mechanism = {type, NULL, 0};
    unsigned char out[512];
    unsigned long size = sizeof out;
    if (did(worker, "pair init", p11->C_SignInit(session, &mechanism, key)) &&
        !did(worker, "pair sign", p11->C_Sign(session, data, 64, out, &size)))
        leave(worker, session);
}

static void sign_by_pairs(struct worker *worker)
{
    sign_by(worker, CKM_SHA256_RSA_PKCS, atomic_load(&rsa_private));
    sign_by(worker, CKM_ECDSA_SHA256, atomic_load(&ec_private));
}

static void encrypt_in_parts(struct worker *worker)
{
    CK_SESSION_HANDLE session = session_for(worker);
    unsigned char nonce[12] = {0}, out[8192];
    CK_GCM_PARAMS params = {nonce, 12, 96, NULL, 0, 128};
    CK_MECHANISM gcm = {CKM_AES_GCM, &params, sizeof params};
    unsigned long size = sizeof out;
    if (!did(worker, "encrypt init", p11->C_EncryptInit(session, &gcm, atomic_load(&cipher))))
        return;
    for (size_t i = 0; i < sizeof data; i += 512) {
        size = sizeof out;
        if (!did(worker, "encrypt update", p11->C_EncryptUpdate(session, data + i, 512, out, &size)))
            break;
    }
    size = sizeof out;
    if (!did(worker, "encrypt final", p11->C_EncryptFinal(session, out, &size)))
        leave(worker, session);
}

static void encrypt_messages(struct worker *worker)
{
    CK_SESSION_HANDLE session = session_for(worker);
    unsigned char nonce[12] = {0}, tag[16], out[sizeof data];
    CK_GCM_MESSAGE_PARAMS params = {nonce, 12, 0, CKG_GENERATE, tag, 128};
    CK_MECHANISM gcm = {CKM_AES_GCM, NULL, 0};
    if (!did(worker, "message init", p11_3->C_MessageEncryptInit(session, &gcm, atomic_load(&cipher))))
        return;
    for (int i = 0; i < 4; i++) {
        unsigned long size = sizeof out;
        (void)did(worker, "message",
            p11_3->C_EncryptMessage(session, &params, sizeof params, NULL, 0, data, sizeof data, out, &size));
    }
    (void)did(worker, "message final", p11_3->C_MessageEncryptFinal(session));
}

static void wrap_and_derive(struct worker *worker)
{
    CK_SESSION_HANDLE session = session_for(worker);
    CK_MECHANISM wrap = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_KEY_DERIVATION_STRING_DATA string = {data, 16};
    CK_MECHANISM derive = {CKM_CONCATENATE_BASE_AND_DATA, &string, sizeof string};
    CK_OBJECT_HANDLE key = 0;
    unsigned char out[64];
    unsigned long size = sizeof out;
    (void)did(worker, "wrap", p11->C_WrapKey(session, &wrap, atomic_load(&wrapping), atomic_load(&cipher), out, &size));
    if (did(worker, "derive", p11->C_DeriveKey(session, &derive, atomic_load(&mac), NULL, 0, &key)))
        (void)did(worker, "destroy", p11->C_DestroyObject(session, key));
}

static void find_and_read(struct worker *worker)
{
    CK_SESSION_HANDLE session = session_for(worker);
    CK_OBJECT_HANDLE found[16];
    unsigned long count = 0;
    char label[64];
    if (!did(worker, "find init", p11->C_FindObjectsInit(session, NULL, 0)))
        return;
    if (!did(worker, "find", p11->C_FindObjects(session, found, COUNT_OF(found), &count)))
        return;
    (void)did(worker, "find final", p11->C_FindObjectsFinal(session));
    for (unsigned long i = 0; i < count; i++) {
        CK_ATTRIBUTE attributes[] = {{CKA_LABEL, label, sizeof label}, {CKA_CLASS, NULL, 0}};
        (void)did(worker, "read", p11->C_GetAttributeValue(session, found[i], attributes, 2));
    }
}

static void generate_and_destroy(struct worker *worker)
{
    CK_SESSION_HANDLE session = session_for(worker);
    CK_MECHANISM generation = {CKM_AES_KEY_GEN, NULL, 0};
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG size = 32;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_VALUE_LEN, size), ATTRIBUTE(CKA_TOKEN, no)};
    if (did(worker, "generate", p11->C_GenerateKey(session, &generation, attributes, 2, &key)))
        (void)did(worker, "destroy", p11->C_DestroyObject(session, key));
}

static void *work(void *context)
{
    static void (*const tasks[])(struct worker *) = {sign_in_parts, sign_by_pairs, encrypt_in_parts, encrypt_messages,
        wrap_and_derive, find_and_read, generate_and_destroy};
    struct worker *worker = context;
    for (unsigned long i = worker->number; !atomic_load(&stop); i++)
        tasks[i % COUNT_OF(tasks)](worker);
    return NULL;
}

/* --- the disturber's --- */

static CK_OBJECT_HANDLE secret(CK_SESSION_HANDLE session, CK_KEY_TYPE type, bool on_token, CK_ATTRIBUTE_TYPE use)
{
    CK_OBJECT_HANDLE key = 0;
    CK_BBOOL token = on_token;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, type),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef"), ATTRIBUTE(CKA_TOKEN, token), {use, &yes, 1},
        ATTRIBUTE(CKA_EXTRACTABLE, yes), ATTRIBUTE(CKA_DERIVE, yes)};
    assert_ok(module_create(session, attributes, COUNT_OF(attributes), &key));
    return key;
}

static void pair(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_ATTRIBUTE what, atomic_ulong *private_key,
    atomic_ulong *public_key)
{
    CK_MECHANISM generation = {type, NULL, 0};
    CK_OBJECT_HANDLE one = 0, other = 0;
    CK_ATTRIBUTE public_template[] = {what, ATTRIBUTE(CKA_TOKEN, yes)},
                 private_template[] = {ATTRIBUTE(CKA_SIGN, yes), ATTRIBUTE(CKA_TOKEN, yes)};
    assert_ok(p11->C_GenerateKeyPair(session, &generation, public_template, 2, private_template, 2, &one, &other));
    atomic_store(public_key, one);
    atomic_store(private_key, other);
}

static void make_keys(CK_SESSION_HANDLE session)
{
    static unsigned char p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static atomic_ulong unused;
    CK_ULONG bits = 2048;
    CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
    unsigned long size = sizeof expected_mac;
    CK_ATTRIBUTE modulus = ATTRIBUTE(CKA_MODULUS_BITS, bits), curve = ATTRIBUTE(CKA_EC_PARAMS, p256);
    memset(data, 0x5a, sizeof data);
    atomic_store(&mac, secret(session, CKK_GENERIC_SECRET, true, CKA_SIGN));
    atomic_store(&cipher, secret(session, CKK_AES, true, CKA_ENCRYPT));
    atomic_store(&wrapping, secret(session, CKK_AES, true, CKA_WRAP));
    pair(session, CKM_RSA_PKCS_KEY_PAIR_GEN, modulus, &rsa_private, &rsa_public);
    pair(session, CKM_EC_KEY_PAIR_GEN, curve, &ec_private, &unused);
    assert_ok(p11->C_SignInit(session, &hmac, atomic_load(&mac)));
    assert_ok(p11->C_Sign(session, data, sizeof data, expected_mac, &size));
}

/* Another key with the same value in its place. */
static void replace(
    CK_SESSION_HANDLE session, atomic_ulong *place, CK_KEY_TYPE type, bool on_token, CK_ATTRIBUTE_TYPE use)
{
    CK_OBJECT_HANDLE old = atomic_load(place);
    assert_ok(p11->C_DestroyObject(session, old));
    atomic_store(place, secret(session, type, on_token, use));
}

typedef void disturber(CK_SESSION_HANDLE session, unsigned round);

static void destroy_keys(CK_SESSION_HANDLE session, unsigned round)
{
    replace(session, &mac, CKK_GENERIC_SECRET, round % 2, CKA_SIGN);
    replace(session, &cipher, CKK_AES, round % 2, CKA_ENCRYPT);
    replace(session, &wrapping, CKK_AES, round % 2, CKA_WRAP);
}

static void close_one(CK_SESSION_HANDLE session, unsigned round)
{
    (void)session;
    CK_SESSION_HANDLE old = atomic_exchange(&session_of[round % WORKERS], module_session(0, CKF_RW_SESSION));
    assert_ok(p11->C_CloseSession(old));
}

/* Private objects have other handles after a login: the token's own are found again. */
static void find_again(CK_SESSION_HANDLE session)
{
    static CK_KEY_TYPE aes = CKK_AES, generic = CKK_GENERIC_SECRET, rsa = CKK_RSA, ec = CKK_EC;
    static const struct {
        atomic_ulong *place;
        CK_KEY_TYPE *type;
        CK_ATTRIBUTE_TYPE use;
    } places[] = {{&mac, &generic, CKA_SIGN}, {&cipher, &aes, CKA_ENCRYPT}, {&wrapping, &aes, CKA_WRAP},
        {&rsa_private, &rsa, CKA_SIGN}, {&ec_private, &ec, CKA_SIGN}};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        CK_OBJECT_HANDLE found = 0;
        CK_ATTRIBUTE wanted[] = {
            {CKA_KEY_TYPE, places[i].type, sizeof(CK_KEY_TYPE)}, ATTRIBUTE(CKA_TOKEN, yes), {places[i].use, &yes, 1}};
        assert_int_not_equal(module_find(session, wanted, 3, &found), 0);
        atomic_store(places[i].place, found);
    }
}

static void log_out(CK_SESSION_HANDLE session, unsigned round)
{
    (void)round;
    assert_ok(p11->C_Logout(session));
    assert_ok(module_login(session, CKU_USER, USER_PIN));
    find_again(session);
}

/* The module's own session is among them: it is opened again, and the user logs in. */
static struct module_fixture *fixture_here;
static void close_all(CK_SESSION_HANDLE session, unsigned round)
{
    (void)session;
    (void)round;
    assert_ok(p11->C_CloseAllSessions(0));
    fixture_here->session = module_session(0, CKF_RW_SESSION);
    assert_ok(module_login(fixture_here->session, CKU_USER, USER_PIN));
    for (unsigned i = 0; i < WORKERS; i++)
        atomic_store(&session_of[i], module_session(0, CKF_RW_SESSION));
    find_again(fixture_here->session);
}

static void disturbed_by(struct module_fixture *fixture, disturber *disturb)
{
    struct worker workers[WORKERS] = {0};
    pthread_t threads[WORKERS];
    const struct timespec pause = {0, 2000000};
    unsigned long done = 0, disturbed = 0;
    fixture_here = fixture;
    make_keys(fixture->session);
    atomic_store(&stop, false);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i].number = i;
        atomic_store(&session_of[i], module_session(0, CKF_RW_SESSION));
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    time_t end = time(NULL) + SECONDS;
    for (unsigned round = 0; time(NULL) <= end; round++) {
        (void)nanosleep(&pause, NULL);
        disturb(fixture->session, round);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        done += workers[i].done;
        disturbed += workers[i].disturbed;
        if (workers[i].wrong)
            fail_msg("%s: 0x%lx", workers[i].where, workers[i].wrong);
    }
    print_message("%lu calls, %lu of them disturbed\n", done, disturbed);
    assert_true(done > 100);
    assert_true(disturbed > 0);
}

static void keys_are_destroyed_in_the_middle_of_calls(void **state)
{
    disturbed_by(*state, destroy_keys);
}

static void sessions_are_closed_in_the_middle_of_calls(void **state)
{
    disturbed_by(*state, close_one);
}

static void the_user_logs_out_in_the_middle_of_calls(void **state)
{
    disturbed_by(*state, log_out);
}

static void all_sessions_are_closed_in_the_middle_of_calls(void **state)
{
    disturbed_by(*state, close_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(keys_are_destroyed_in_the_middle_of_calls),
        MODULE_TEST(sessions_are_closed_in_the_middle_of_calls),
        MODULE_TEST(the_user_logs_out_in_the_middle_of_calls),
        MODULE_TEST(all_sessions_are_closed_in_the_middle_of_calls),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
