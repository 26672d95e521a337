/* What a call leaves on the stack: a cipher's that has its key and asks nobody leaves it as it is, which is the price
 * of its speed; every other one wipes it, whatever it does beside the cipher's part.
 *
 * The call is made in a thread on a stack that this program gave it, filled with one byte. A stack that was wiped shows
 * as many zeroes in one piece as nothing else leaves. */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "grant.h"

enum { STACK = 1 << 19, FILL = 0xa5, WIPED_LEAST = 6 << 10 };

static struct test_p256 authority;
static CK_OBJECT_HANDLE governed, aes, wrapping, other, mac;

static CK_OBJECT_HANDLE make_key(CK_KEY_TYPE type, CK_ATTRIBUTE_TYPE use, CK_ATTRIBUTE_TYPE other_use)
{
    static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
    static CK_BBOOL yes = CK_TRUE;
    static uint8_t value[32] = {1};
    CK_OBJECT_HANDLE made = 0;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &secret_class, sizeof secret_class}, {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_VALUE, value, sizeof value}, {CKA_EXTRACTABLE, &yes, 1}, {use, &yes, 1}, {other_use, &yes, 1}};
    assert_ok(flow.p11->C_CreateObject(flow.session, template, sizeof template / sizeof template[0], &made));
    return made;
}

static int set_up(void **state)
{
    (void)state;
    test_p256_make(&authority);
    flow_begin(FLOW_PLAIN, "");
    governed = flow_governed_key("key", "key-1", &authority);
    aes = make_key(CKK_AES, CKA_ENCRYPT, CKA_DECRYPT);
    wrapping = make_key(CKK_AES, CKA_WRAP, CKA_ENCRYPT);
    other = make_key(CKK_AES, CKA_WRAP, CKA_ENCRYPT);
    mac = make_key(CKK_GENERIC_SECRET, CKA_SIGN, CKA_VERIFY);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    test_p256_free(&authority);
    return 0;
}

/* --- stacks --- */

struct call {
    CK_RV (*make)(void);
    CK_RV rv;
};

static void *run(void *context)
{
    struct call *call = context;
    call->rv = call->make();
    return NULL;
}

static size_t longest_zeroes(const uint8_t *stack)
{
    size_t longest = 0, length = 0;
    for (size_t at = 0; at < STACK; at++) {
        length = stack[at] ? 0 : length + 1;
        longest = length > longest ? length : longest;
    }
    return longest;
}

static bool wipes(CK_RV (*make)(void))
{
    struct call call = {make, CKR_GENERAL_ERROR};
    pthread_attr_t attributes;
    pthread_t thread;
    uint8_t *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(stack, MAP_FAILED);
    memset(stack, FILL, STACK);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK), 0);
    assert_int_equal(pthread_create(&thread, &attributes, run, &call), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)pthread_attr_destroy(&attributes);
    size_t zeroes = longest_zeroes(stack);
    print_message("%zu zeroes\n", zeroes);
    assert_int_equal(munmap(stack, STACK), 0);
    assert_ok(call.rv);
    return zeroes >= WIPED_LEAST;
}

/* --- calls --- */

static uint8_t iv[16], plain[32], cipher[48], back[48], tag[32];
static CK_AES_CTR_PARAMS counter = {128, {1}};
static CK_MECHANISM cbc_pad = {CKM_AES_CBC_PAD, iv, sizeof iv}, ctr = {CKM_AES_CTR, &counter, sizeof counter},
                    ecb = {CKM_AES_ECB, NULL, 0}, hmac = {CKM_SHA256_HMAC, NULL, 0};

static CK_RV encrypt(void)
{
    CK_ULONG size = sizeof cipher;
    return flow.p11->C_Encrypt(flow.session, plain, sizeof plain, cipher, &size);
}

static CK_RV sign_and_encrypt(void)
{
    CK_ULONG size = sizeof cipher;
    return flow.p11->C_SignEncryptUpdate(flow.session, plain, sizeof plain, cipher, &size);
}

static CK_RV decrypt_and_verify(void)
{
    CK_ULONG size = sizeof back;
    return flow.p11->C_DecryptVerifyUpdate(flow.session, cipher, sizeof plain, back, &size);
}

static CK_RV wrap(void)
{
    CK_ULONG size = sizeof cipher;
    return flow.p11->C_WrapKey(flow.session, &cbc_pad, wrapping, mac, cipher, &size);
}

/* The key's state is kept warm by the session. */
static void warm(CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    for (int i = 0; i < 2; i++) {
        assert_ok(flow.p11->C_EncryptInit(flow.session, mechanism, key));
        assert_ok(encrypt());
    }
}

static void a_ciphers_call_alone_leaves_the_stack(void **state)
{
    (void)state;
    warm(&ecb, aes);
    assert_ok(flow.p11->C_EncryptInit(flow.session, &ecb, aes));
    assert_false(wipes(encrypt)); /* so it shows where the others do not */
}

static void a_call_that_asked_for_a_grant_wipes_it(void **state)
{
    (void)state;
    struct bulla_grant grant = flow_grant(BULLA_MAY_ENCRYPT, 5);
    assert_ok(flow_restrict(1, &authority, &grant, 1));
    warm(&ecb, governed);
    assert_ok(flow.p11->C_EncryptInit(flow.session, &ecb, governed));
    assert_true(wipes(encrypt));
}

static void a_mac_beside_a_cipher_wipes_it(void **state)
{
    (void)state;
    warm(&ctr, aes);
    assert_ok(flow.p11->C_EncryptInit(flow.session, &ctr, aes));
    assert_ok(flow.p11->C_SignInit(flow.session, &hmac, mac));
    assert_true(wipes(sign_and_encrypt));
    CK_ULONG size = sizeof tag;
    assert_ok(flow.p11->C_SignFinal(flow.session, tag, &size));
    assert_ok(flow.p11->C_DecryptInit(flow.session, &ctr, aes));
    assert_ok(flow.p11->C_VerifyInit(flow.session, &hmac, mac));
    assert_true(wipes(decrypt_and_verify));
    assert_ok(flow.p11->C_VerifyFinal(flow.session, tag, size));
    assert_memory_equal(back, plain, sizeof plain);
}

/* The wrapping key's state is one that an encryption left with it. */
static void wrapping_wipes_it(void **state)
{
    (void)state;
    warm(&cbc_pad, wrapping);
    warm(&cbc_pad, other);
    assert_true(wipes(wrap));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_ciphers_call_alone_leaves_the_stack),
        T(a_call_that_asked_for_a_grant_wipes_it),
        T(a_mac_beside_a_cipher_wipes_it),
        T(wrapping_wipes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
