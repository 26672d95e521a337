/* What a process holds of ordinary keys that OpenSSL works with, seen by another one that knows them: private values
 * and seeds of curves, ML-KEM and ML-DSA, and what is shared by ECDH and ML-KEM.
 *
 * A process makes such keys in a token, uses them and never reads one. Others read the values and share the same
 * secrets; what they tell is looked for in the first, which stands still meanwhile. A secret that was shared is a key's
 * value, in guarded memory alone, for as long as that key is there. OpenSSL has private keys on its heap for as long as
 * somebody is logged in (docs/THREAT-MODEL.md); after the logout nobody has any. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "module/ec_keys.h"
#include "module/pq_keys.h"
#include "search.h"

enum { CIPHERTEXT = 1088, KEM_VECTOR = 1152, COEFFICIENTS = 768, DSA_SHORT = 1408, BLOCK = 16, SHORTEST = 32 };

/* What the first process gives away while it works; nothing of it is secret. */
static struct public_part {
    unsigned char made[CIPHERTEXT], taken[CIPHERTEXT];
} * public_part;

static const struct curve_case {
    int curve;
    const char *label;
} curves[] = {{EC_P256, "p256"}, {EC_P384, "p384"}, {EC_X25519, "x25519"}, {EC_X448, "x448"}};

/* --- the process that is searched --- */

static CK_SESSION_HANDLE begin(bool make)
{
    module_initialize();
    if (make)
        module_token_make(0, true);
    CK_SESSION_HANDLE session = module_session(0, CKF_RW_SESSION);
    assert_ok(module_login(session, CKU_USER, USER_PIN));
    return session;
}

static CK_OBJECT_HANDLE half(CK_SESSION_HANDLE session, CK_OBJECT_CLASS *of, const char *label)
{
    CK_OBJECT_HANDLE found = 0;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, of, sizeof *of}, TEXT_ATTRIBUTE(CKA_LABEL, label)};
    assert_int_equal(module_find(session, template, 2, &found), 1);
    return found;
}

static void generate(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_ATTRIBUTE which, const char *label)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_OBJECT_HANDLE public_key, private_key;
    CK_ATTRIBUTE public_template[] = {which, ATTRIBUTE(CKA_TOKEN, yes), TEXT_ATTRIBUTE(CKA_LABEL, label)};
    CK_ATTRIBUTE private_template[] = {ATTRIBUTE(CKA_TOKEN, yes), TEXT_ATTRIBUTE(CKA_LABEL, label),
        ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes)};
    assert_ok(p11->C_GenerateKeyPair(
        session, &mechanism, public_template, 3, private_template, 4, &public_key, &private_key));
}

static CK_OBJECT_HANDLE share(CK_SESSION_HANDLE session, const char *label, CK_ULONG kdf, bool readable)
{
    CK_BBOOL hidden = !readable, open = readable;
    CK_ULONG size = SHORTEST;
    CK_OBJECT_HANDLE derived = 0;
    struct ec_bytes peer = ec_get(session, half(session, &class_public, label), CKA_EC_POINT);
    CK_ECDH1_DERIVE_PARAMS params = {kdf, 0, NULL, peer.size, peer.data}; /* with itself: any other would do */
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &params, sizeof params};
    CK_ATTRIBUTE template[] = {
        ATTRIBUTE(CKA_SENSITIVE, hidden), ATTRIBUTE(CKA_EXTRACTABLE, open), ATTRIBUTE(CKA_VALUE_LEN, size)};
    CK_ULONG count = kdf == CKD_NULL ? 2 : 3; /* the whole secret */
    assert_ok(p11->C_DeriveKey(session, &mechanism, half(session, &class_private, label), template, count, &derived));
    return derived;
}

static CK_MECHANISM kem = {CKM_ML_KEM, NULL, 0};

static CK_OBJECT_HANDLE decapsulate(CK_SESSION_HANDLE session, unsigned char *ciphertext, bool readable)
{
    CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
    CK_BBOOL hidden = !readable, open = readable;
    CK_OBJECT_HANDLE made = 0;
    CK_ATTRIBUTE template[] = {
        ATTRIBUTE(CKA_KEY_TYPE, generic), ATTRIBUTE(CKA_SENSITIVE, hidden), ATTRIBUTE(CKA_EXTRACTABLE, open)};
    assert_ok(p11_32->C_DecapsulateKey(
        session, &kem, half(session, &class_private, "kem"), template, 3, ciphertext, CIPHERTEXT, &made));
    return made;
}

static CK_OBJECT_HANDLE encapsulate(CK_SESSION_HANDLE session, unsigned char ciphertext[static CIPHERTEXT])
{
    CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
    CK_OBJECT_HANDLE made = 0;
    CK_ULONG size = CIPHERTEXT;
    CK_ATTRIBUTE template[] = {ATTRIBUTE(CKA_KEY_TYPE, generic), ATTRIBUTE(CKA_SENSITIVE, yes)};
    assert_ok(p11_32->C_EncapsulateKey(
        session, &kem, half(session, &class_public, "kem"), template, 2, ciphertext, &size, &made));
    assert_int_equal(size, CIPHERTEXT);
    return made;
}

static void sign(CK_SESSION_HANDLE session)
{
    static unsigned char message[] = "message", signature[4096];
    CK_MECHANISM mechanism = {CKM_ML_DSA, NULL, 0};
    CK_ULONG size = sizeof signature;
    assert_ok(p11->C_SignInit(session, &mechanism, half(session, &class_private, "dsa")));
    assert_ok(p11->C_Sign(session, message, sizeof message, signature, &size));
}

/* Returns how many keys it left in `made`. */
static size_t use_curves(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *made)
{
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        struct ec_bytes params = ec_params(curves[i].curve);
        CK_ATTRIBUTE which = {CKA_EC_PARAMS, params.data, params.size};
        generate(session, ec_curves[curves[i].curve].generation, which, curves[i].label);
        made[count++] = share(session, curves[i].label, CKD_NULL, false);
        made[count++] = share(session, curves[i].label, CKD_SHA256_KDF, false);
    }
    return count;
}

static size_t use_lattices(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *made)
{
    CK_ATTRIBUTE of_kem = ATTRIBUTE(CKA_PARAMETER_SET, pq_sets[PQ_ML_KEM_768].number),
                 of_dsa = ATTRIBUTE(CKA_PARAMETER_SET, pq_sets[PQ_ML_DSA_65].number);
    generate(session, CKM_ML_KEM_KEY_PAIR_GEN, of_kem, "kem");
    generate(session, CKM_ML_DSA_KEY_PAIR_GEN, of_dsa, "dsa");
    sign(session);
    made[0] = encapsulate(session, public_part->made);
    (void)encapsulate(session, public_part->taken); /* whose key goes with the session */
    made[1] = decapsulate(session, public_part->taken, false);
    return 2;
}

static void work(void)
{
    CK_OBJECT_HANDLE made[2 * COUNT_OF(curves) + 2];
    CK_SESSION_HANDLE session = begin(true), short_lived = module_session(0, CKF_RW_SESSION);
    size_t count = use_curves(short_lived, made);
    if (pq_here())
        count += use_lattices(short_lived, made + count);
    (void)raise(SIGSTOP);
    for (size_t i = 0; i < count; i++)
        assert_ok(p11->C_DestroyObject(short_lived, made[i]));
    assert_ok(p11->C_CloseSession(short_lived));
    (void)raise(SIGSTOP);
    assert_ok(p11->C_Logout(session));
    (void)raise(SIGSTOP);
    assert_ok(p11->C_Finalize(NULL));
    (void)raise(SIGSTOP);
}

/* --- who reads the secrets, and tells them through a pipe --- */

struct told {
    char name[32];
    bool shared;
    size_t size;
    unsigned char bytes[2 * COEFFICIENTS];
};

static void tell(int out, const char *name, bool shared, const unsigned char *bytes, size_t size)
{
    struct told told = {.shared = shared, .size = size};
    assert_true(size <= sizeof told.bytes);
    (void)snprintf(told.name, sizeof told.name, "%s", name);
    memcpy(told.bytes, bytes, size);
    assert_int_equal(write(out, &told, sizeof told), sizeof told);
}

/* And as a big number has it where its words begin with the lowest byte. */
static void tell_value(CK_SESSION_HANDLE session, int out, const char *name, CK_OBJECT_HANDLE key, bool shared)
{
    char backwards[32];
    struct ec_bytes value = ec_get(session, key, CKA_VALUE), turned = {.size = value.size};
    tell(out, name, shared, value.data, value.size);
    for (size_t i = 0; i < value.size; i++)
        turned.data[i] = value.data[value.size - 1 - i];
    (void)snprintf(backwards, sizeof backwards, "%s backwards", name);
    tell(out, backwards, shared, turned.data, turned.size);
}

/* As OpenSSL computes with it: FIPS 203, ByteDecode of 12 bits, in 16. */
static void tell_vector(int out, const unsigned char vector[static KEM_VECTOR])
{
    uint16_t coefficients[COEFFICIENTS];
    for (size_t i = 0; i < COEFFICIENTS; i += 2) {
        const unsigned char *three = vector + i / 2 * 3;
        coefficients[i] = (uint16_t)(three[0] | (three[1] & 15) << 8);
        coefficients[i + 1] = (uint16_t)(three[1] >> 4 | three[2] << 4);
    }
    tell(out, "ML-KEM's vector", false, (const unsigned char *)coefficients, sizeof coefficients);
}

/* FIPS 203, algorithm 16: the vector, the public key, its hash, z. FIPS 204, algorithm 24: rho, K, tr, s1 and s2. */
static void tell_lattices(CK_SESSION_HANDLE session, int out)
{
    static struct pq_bytes bytes;
    CK_OBJECT_HANDLE key = half(session, &class_private, "kem");
    pq_get(session, key, CKA_SEED, &bytes);
    tell(out, "ML-KEM's seed", false, bytes.data, bytes.size);
    pq_get(session, key, CKA_VALUE, &bytes);
    tell(out, "ML-KEM's key", false, bytes.data, KEM_VECTOR);
    tell_vector(out, bytes.data);
    key = half(session, &class_private, "dsa");
    pq_get(session, key, CKA_SEED, &bytes);
    tell(out, "ML-DSA's seed", false, bytes.data, bytes.size);
    pq_get(session, key, CKA_VALUE, &bytes);
    tell(out, "ML-DSA's K", false, bytes.data + 32, 32);
    tell(out, "ML-DSA's s1 and s2", false, bytes.data + 128, DSA_SHORT);
    tell_value(session, out, "encapsulated", decapsulate(session, public_part->made, true), true);
    tell_value(session, out, "decapsulated", decapsulate(session, public_part->taken, true), true);
}

static void read_all(int out)
{
    CK_SESSION_HANDLE session = begin(false);
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        const char *label = curves[i].label;
        tell_value(session, out, label, half(session, &class_private, label), false);
        tell_value(session, out, label, share(session, label, CKD_NULL, true), true);
        tell_value(session, out, label, share(session, label, CKD_SHA256_KDF, true), true);
    }
    if (pq_here())
        tell_lattices(session, out);
    assert_ok(p11->C_Finalize(NULL));
}

/* --- the search --- */

enum { TOLD_MOST = 64 };
static struct told told[TOLD_MOST];
static struct needles keys, shared;

static void gather(void)
{
    int ends[2], status = 0;
    size_t count = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t reader = fork();
    if (reader == 0) {
        (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
        read_all(ends[1]);
        _exit(0);
    }
    (void)close(ends[1]);
    while (read(ends[0], &told[count], sizeof told[count]) == (ssize_t)sizeof told[count])
        assert_true(++count < TOLD_MOST);
    (void)close(ends[0]);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
    for (size_t i = 0; i < count; i++)
        needles_add(told[i].shared ? &shared : &keys, told[i].name, told[i].bytes, told[i].size, BLOCK);
    assert_int_equal(count, 6 * COUNT_OF(curves) + (pq_here() ? 10 : 0));
    needles_index(&keys);
    needles_index(&shared);
}

static struct sights search(pid_t process, const struct needles *set, const char *title)
{
    const struct needles *const sets[] = {set};
    struct sights sights;
    assert_true(search_process(process, sets, 1, &sights));
    assert_true(sights.searched > 1 << 20);
    search_print(title, &sights);
    return sights;
}

static void assert_each_is_found(const struct needles *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->list[i].found == 0 && !strstr(set->list[i].name, "backwards"))
            fail_msg("%s is nowhere", set->list[i].name);
}

static void await_stop(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
}

static void go_on_and_stop(pid_t child)
{
    assert_int_equal(kill(child, SIGCONT), 0);
    await_stop(child);
}

static void keys_are_nowhere_after_the_logout_and_shared_secrets_while_nobody_has_them(void **state)
{
    (void)state;
    int status = 0;
    public_part = mmap(NULL, sizeof *public_part, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(public_part != MAP_FAILED);
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it stands still where the test fails */
        (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
        work();
        _exit(0);
    }
    await_stop(child);
    gather();
    struct sights sights = search(child, &shared, "shared, while the keys are there");
    assert_int_equal(sights.total, sights.guarded);
    (void)search(child, &keys, "keys in use");
    assert_each_is_found(&shared); /* what is looked for later is in a form in which it is there */
    assert_each_is_found(&keys);
    go_on_and_stop(child);
    assert_int_equal(search(child, &shared, "shared, destroyed").total, 0);
    go_on_and_stop(child);
    assert_int_equal(search(child, &keys, "keys, logged out").total, 0);
    assert_int_equal(search(child, &shared, "shared, logged out").total, 0);
    go_on_and_stop(child);
    assert_int_equal(search(child, &keys, "keys, finalised").total, 0);
    assert_int_equal(kill(child, SIGCONT), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    needles_free(&keys);
    needles_free(&shared);
}

int main(void)
{
    int skipped = getenv("BULLA_TEST_NEWER_OPENSSL") ? pq_skipped() : 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_nowhere_after_the_logout_and_shared_secrets_while_nobody_has_them,
            module_setup_conf, module_teardown),
    };
    return skipped ? skipped : cmocka_run_group_tests(tests, module_load, NULL);
}
