/* C_GetOperationState and C_SetOperationState: what is restored goes on as if nothing had been, and what is no state is
 * refused, whatever is in it. */
#include "module_fixture.h"

#include <stdlib.h>

static unsigned char in[400], state_bytes[600], out[64], expected[64];

static const CK_MECHANISM_TYPE hashes[] = {CKM_SHA_1, CKM_SHA224, CKM_SHA256, CKM_SHA384, CKM_SHA512, CKM_SHA512_224,
    CKM_SHA512_256, CKM_SHA3_224, CKM_SHA3_256, CKM_SHA3_384, CKM_SHA3_512, CKM_BLAKE2B_160, CKM_BLAKE2B_256,
    CKM_BLAKE2B_384, CKM_BLAKE2B_512};

static void begin(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, size_t size)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    assert_ok(p11->C_DigestInit(session, &mechanism));
    if (size)
        assert_ok(p11->C_DigestUpdate(session, in, size));
}

static unsigned long save(CK_SESSION_HANDLE session)
{
    unsigned long size = 0, small;
    assert_ok(p11->C_GetOperationState(session, NULL, &size));
    small = size - 1;
    assert_rv(p11->C_GetOperationState(session, state_bytes, &small), CKR_BUFFER_TOO_SMALL);
    assert_int_equal(small, size);
    assert_ok(p11->C_GetOperationState(session, state_bytes, &size));
    return size;
}

static CK_RV restore(CK_SESSION_HANDLE session, unsigned long size)
{
    return p11->C_SetOperationState(session, state_bytes, size, 0, 0);
}

static void finish(CK_SESSION_HANDLE session, size_t from, unsigned char *digest)
{
    unsigned long size = 64;
    assert_ok(p11->C_DigestUpdate(session, in + from, sizeof in - from));
    assert_ok(p11->C_DigestFinal(session, digest, &size));
}

static void a_digest_goes_on_in_another_session_from_every_byte(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session, other = module_session(0, 0);
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (unsigned char)(i * 17);
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        memset(expected, 0, sizeof expected);
        begin(session, hashes[i], 0);
        finish(session, 0, expected);
        for (size_t at = 0; at <= 300; at++) {
            begin(session, hashes[i], at);
            assert_ok(restore(other, save(session)));
            memset(out, 0, sizeof out);
            finish(other, at, out);
            assert_memory_equal(out, expected, sizeof out);
            memset(out, 0, sizeof out);
            finish(session, at, out); /* saving took nothing from it */
            assert_memory_equal(out, expected, sizeof out);
        }
    }
}

static void what_was_saved_before_a_part_takes_a_one_shot_and_after_it_none(void **state)
{
    const struct module_fixture *fixture = *state;
    unsigned long size = sizeof out;
    begin(fixture->session, CKM_SHA256, 0);
    assert_ok(restore(fixture->session, save(fixture->session)));
    assert_ok(p11->C_Digest(fixture->session, in, 3, out, &size));
    begin(fixture->session, CKM_SHA256, 1);
    assert_ok(restore(fixture->session, save(fixture->session)));
    assert_rv(p11->C_Digest(fixture->session, in, 3, out, &size), CKR_OPERATION_ACTIVE);
}

static void nothing_or_a_keys_operation_is_not_saved(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    unsigned long size = sizeof state_bytes;
    CK_OBJECT_HANDLE key = 0;
    CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
    assert_rv(p11->C_GetOperationState(session, state_bytes, &size), CKR_OPERATION_NOT_INITIALIZED);
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        begin(session, hashes[i], 5);
        size = sizeof state_bytes;
        assert_ok(p11->C_GetOperationState(session, state_bytes, &size));
        finish(session, 5, out); /* the digest goes on all the same */
    }
    assert_ok(module_secret(session, false, true, false, "mac", &key));
    assert_ok(p11->C_SignInit(session, &hmac, key));
    size = sizeof state_bytes;
    assert_rv(p11->C_GetOperationState(session, state_bytes, &size), CKR_STATE_UNSAVEABLE);
    begin(session, CKM_SHA256, 5);
    assert_rv(p11->C_GetOperationState(session, state_bytes, &size), CKR_STATE_UNSAVEABLE);
}

static void a_restored_digest_takes_the_place_of_what_was(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = 0;
    CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
    assert_ok(module_secret(session, false, true, false, "mac", &key));
    begin(session, CKM_SHA256, 100);
    unsigned long size = save(session);
    finish(session, 100, expected);
    assert_ok(p11->C_SignInit(session, &hmac, key));
    begin(session, CKM_SHA512, 7);
    assert_rv(p11->C_SetOperationState(session, state_bytes, size, key, 0), CKR_KEY_NOT_NEEDED);
    assert_rv(p11->C_SetOperationState(session, state_bytes, size, 0, key), CKR_KEY_NOT_NEEDED);
    assert_ok(restore(session, size));
    assert_rv(p11->C_SignUpdate(session, in, 1), CKR_OPERATION_NOT_INITIALIZED);
    finish(session, 100, out);
    assert_memory_equal(out, expected, 32);
}

static void every_changed_byte_and_every_length_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        begin(session, hashes[i], 77);
        unsigned long size = save(session);
        finish(session, 77, expected);
        for (unsigned long at = 0; at < size; at++)
            for (int bit = 0; bit < 8; bit++) {
                state_bytes[at] ^= (unsigned char)(1 << bit);
                CK_RV rv = restore(session, size);
                /* Byte 8 says whether a part has been: both are states. */
                assert_true(rv == CKR_SAVED_STATE_INVALID || (at == 8 && bit == 0 && rv == CKR_OK));
                state_bytes[at] ^= (unsigned char)(1 << bit);
                assert_ok(p11->C_DigestInit(session, NULL));
            }
        for (unsigned long cut = 0; cut < size; cut++)
            assert_rv(restore(session, cut), CKR_SAVED_STATE_INVALID);
        state_bytes[size] = 0;
        assert_rv(restore(session, size + 1), CKR_SAVED_STATE_INVALID);
        assert_rv(p11->C_DigestUpdate(session, in, 1), CKR_OPERATION_NOT_INITIALIZED);
        assert_ok(restore(session, size));
        finish(session, 77, out);
        assert_memory_equal(out, expected, 20);
    }
}

static void put_u64(unsigned char *at, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        at[i] = (unsigned char)value;
}

/* Whoever knows the format can make the sum right: the counters must be safe then, too. The layout: mechanism (8), part
 * (1), magic (4), mechanism (4), words (32), count (8), open block, sum (16). */
static void a_forged_count_reaches_no_memory_but_the_states(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    static const uint64_t counts[] = {
        0, 63, 64, 76, 78, 127, 128, UINT64_MAX, UINT64_MAX / 8, UINT64_MAX / 8 + 1, 1ULL << 63};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
        unsigned long size, sum_size = 64;
        begin(session, CKM_SHA256, 77); /* 13 bytes in the open block */
        size = save(session);
        assert_int_equal(size, 8 + 1 + 8 + 32 + 8 + 13 + 16);
        assert_ok(p11->C_DigestInit(session, NULL));
        put_u64(state_bytes + 49, counts[i]);
        assert_ok(p11->C_DigestInit(session, &sha256));
        assert_ok(p11->C_Digest(session, state_bytes + 9, size - 9 - 16, out, &sum_size));
        memcpy(state_bytes + size - 16, out, 16);
        assert_rv(restore(session, size), CKR_SAVED_STATE_INVALID);
    }
    /* a count that fits what is there is a state, though none that a message led to */
    CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
    unsigned long size, sum_size = 64;
    begin(session, CKM_SHA256, 77);
    size = save(session);
    assert_ok(p11->C_DigestInit(session, NULL));
    put_u64(state_bytes + 49, 64 * 1000 + 13);
    assert_ok(p11->C_DigestInit(session, &sha256));
    assert_ok(p11->C_Digest(session, state_bytes + 9, size - 9 - 16, out, &sum_size));
    memcpy(state_bytes + size - 16, out, 16);
    assert_ok(restore(session, size));
    finish(session, 77, out);
}

/* Makes the sum right, as anyone can. */
static void mend_sum(CK_SESSION_HANDLE session, unsigned long size)
{
    CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
    unsigned long sum_size = 64;
    assert_ok(p11->C_DigestInit(session, &sha256));
    assert_ok(p11->C_Digest(session, state_bytes + 9, size - 9 - 16, out, &sum_size));
    memcpy(state_bytes + size - 16, out, 16);
}

/* Some of what BLAKE2b's state holds leads libsodium to memory: it is taken only as it was saved. The layout: mechanism
 * (8), part (1), magic (4), mechanism (4), libsodium's state (384), voucher (32), sum (16). */
static void a_forged_state_of_blake2b_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    unsigned long size;
    begin(session, CKM_BLAKE2B_512, 77);
    size = save(session);
    assert_int_equal(size, 8 + 1 + 8 + 384 + 32 + 16);
    assert_ok(p11->C_DigestInit(session, NULL));
    for (unsigned long at = 17; at < size - 16; at++) {
        state_bytes[at] ^= 0x80;
        mend_sum(session, size);
        assert_rv(restore(session, size), CKR_SAVED_STATE_INVALID);
        state_bytes[at] ^= 0x80;
    }
    mend_sum(session, size);
    assert_ok(restore(session, size));
    assert_ok(p11->C_DigestInit(session, NULL));
    put_u64(state_bytes, CKM_BLAKE2B_256); /* the same library's state, of another length of hash */
    put_u64(state_bytes + 9, 0x6268730100000000ULL | CKM_BLAKE2B_256);
    mend_sum(session, size);
    assert_rv(restore(session, size), CKR_SAVED_STATE_INVALID);
}

/* The open block of SHA3-256 has up to 135 bytes. */
static void a_forged_block_of_sha_3_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    begin(session, CKM_SHA3_256, 135);
    unsigned long size = save(session);
    assert_int_equal(size, 8 + 1 + 8 + 200 + 135 + 16);
    assert_ok(p11->C_DigestInit(session, NULL));
    for (unsigned long more = 1; more < 20; more++) {
        mend_sum(session, size + more);
        assert_rv(restore(session, size + more), CKR_SAVED_STATE_INVALID);
    }
    for (unsigned long less = 1; less < 135 + 200; less += 134) {
        mend_sum(session, size - less);
        assert_rv(restore(session, size - less), less <= 135 ? CKR_OK : CKR_SAVED_STATE_INVALID);
        assert_ok(p11->C_DigestInit(session, NULL));
    }
}

static int go_on_in_child(void *context)
{
    unsigned long size = *(const unsigned long *)context;
    if (p11->C_Initialize(NULL) != CKR_OK)
        return 255;
    CK_RV rv = restore(module_session(0, 0), size);
    return rv == CKR_OK ? 0 : rv == CKR_SAVED_STATE_INVALID ? 1 : 2;
}

static void another_process_goes_on_with_sha_and_not_with_blake2b(void **state)
{
    const struct module_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        bool blake2b = hashes[i] == CKM_BLAKE2B_160 || hashes[i] == CKM_BLAKE2B_256 || hashes[i] == CKM_BLAKE2B_384 ||
                       hashes[i] == CKM_BLAKE2B_512;
        begin(fixture->session, hashes[i], 77);
        unsigned long size = save(fixture->session);
        assert_int_equal(module_in_child(go_on_in_child, &size), blake2b);
        assert_ok(restore(fixture->session, size));
        assert_ok(p11->C_DigestInit(fixture->session, NULL));
    }
}

/* A state of BLAKE2b goes no further than C_Finalize. */
static void a_state_of_blake2b_ends_with_the_module(void **state)
{
    struct module_fixture *fixture = *state;
    begin(fixture->session, CKM_BLAKE2B_256, 77);
    unsigned long size = save(fixture->session);
    assert_ok(p11->C_Finalize(NULL));
    module_initialize();
    fixture->session = module_session(0, 0);
    assert_rv(restore(fixture->session, size), CKR_SAVED_STATE_INVALID);
}

static void a_state_of_a_mechanism_that_does_not_digest_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    static const CK_MECHANISM_TYPE types[] = {
        CKM_SHA256_HMAC, CKM_SHA3_256, CKM_BLAKE2B_256, CKM_SHA512, CKM_SHA224, CKM_HKDF_DERIVE, 0xffffffff};
    begin(fixture->session, CKM_SHA256, 77);
    unsigned long size = save(fixture->session);
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        put_u64(state_bytes, types[i]);
        assert_rv(restore(fixture->session, size), CKR_SAVED_STATE_INVALID);
    }
    finish(fixture->session, 77, out); /* what was under way is as it was */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PUBLIC_TEST(a_digest_goes_on_in_another_session_from_every_byte),
        PUBLIC_TEST(what_was_saved_before_a_part_takes_a_one_shot_and_after_it_none),
        MODULE_TEST(nothing_or_a_keys_operation_is_not_saved),
        MODULE_TEST(a_restored_digest_takes_the_place_of_what_was),
        PUBLIC_TEST(every_changed_byte_and_every_length_is_refused),
        PUBLIC_TEST(a_forged_count_reaches_no_memory_but_the_states),
        PUBLIC_TEST(a_forged_state_of_blake2b_is_refused),
        PUBLIC_TEST(a_forged_block_of_sha_3_is_refused),
        PUBLIC_TEST(another_process_goes_on_with_sha_and_not_with_blake2b),
        PUBLIC_TEST(a_state_of_blake2b_ends_with_the_module),
        PUBLIC_TEST(a_state_of_a_mechanism_that_does_not_digest_is_refused),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
