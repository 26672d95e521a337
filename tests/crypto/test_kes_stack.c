/* What the core leaves on the stack: nothing that a period, past, present or to come, could be signed with.
 *
 * Each function runs in a thread on a stack that this program gave it, filled with one byte; afterwards every address
 * of that stack is compared with every 8 bytes of every seed of the key's tree, of the leaves' scalars and of the
 * nonces of what was signed, in the orders in which SHA-512 and BLAKE2b hold them, and with the scalars' digits, which
 * Ed25519's base multiplication makes. The functions' own threads are given such a stack, too. */
#include "support/test.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "crypto/arena.h"
#include "crypto/kes.h"
#include "inference/residue.h"

enum { DEPTH = 6, PERIODS = 1 << DEPTH, STACK = 1 << 18, FILL = 0xa5 };

/* --- what is looked for --- */

/* 8 bytes are enough: those of hashes are nowhere by chance. Of digits, which have four bits each, 16. */
struct window {
    uint8_t bytes[16];
    size_t size;
    const char *what;
};
enum { WORD = 8, DIGITS = 16, WINDOWS_MOST = 1 << 15 };
static struct window windows[WINDOWS_MOST];
static size_t window_count;

static int compare(const void *left, const void *right)
{
    return memcmp(left, right, WORD);
}

static void add(const char *what, const uint8_t *bytes, size_t size)
{
    assert_true(window_count < WINDOWS_MOST);
    struct window *window = &windows[window_count++];
    window->what = what;
    window->size = size;
    memcpy(window->bytes, bytes, size);
}

static void add_all(const char *what, const uint8_t *bytes, size_t size, size_t step)
{
    for (size_t at = 0; at + step <= size; at++)
        add(what, bytes + at, step);
}

/* SHA-512 holds its words big-endian. */
static void add_swapped(const char *what, const uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at < size; at += WORD) {
        uint64_t word;
        memcpy(&word, bytes + at, WORD);
        word = __builtin_bswap64(word);
        add(what, (const uint8_t *)&word, WORD);
    }
}

/* 64 digits from -8 to 7, the scalar's in base 16. */
static void digits_of(const uint8_t scalar[static 32], int8_t digits[static 64])
{
    int carry = 0;
    for (int i = 0; i < 64; i++) {
        int digit = (scalar[i / 2] >> (i % 2 ? 4 : 0) & 15) + carry;
        carry = i < 63 && digit >= 8;
        digits[i] = (int8_t)(digit - 16 * carry);
    }
}

static void add_scalar(const char *what, const uint8_t scalar[static 32])
{
    int8_t digits[64];
    digits_of(scalar, digits);
    add_all(what, scalar, 32, WORD);
    add_all(what, (const uint8_t *)digits, sizeof digits, DIGITS);
}

static const uint8_t text[] = "a block's header, or what else is signed";
static const struct bulla_bytes message = {text, sizeof text};

static void add_leaf(const uint8_t seed[static 32])
{
    uint8_t hash[64], nonce[64];
    crypto_hash_sha512_state sha;
    (void)crypto_hash_sha512(hash, seed, 32);
    add_swapped("a leaf's hash, swapped", hash, sizeof hash);
    add_all("what a leaf's nonces are made of", hash + 32, 32, WORD);
    (void)crypto_hash_sha512_init(&sha);
    (void)crypto_hash_sha512_update(&sha, hash + 32, 32);
    (void)crypto_hash_sha512_update(&sha, message.data, message.size);
    (void)crypto_hash_sha512_final(&sha, nonce);
    add_all("a nonce's hash", nonce, sizeof nonce, WORD);
    add_swapped("a nonce's hash, swapped", nonce, sizeof nonce);
    crypto_core_ed25519_scalar_reduce(nonce, nonce);
    add_scalar("a nonce", nonce);
    hash[0] &= 248;
    hash[31] = (uint8_t)((hash[31] & 127) | 64);
    add_scalar("a leaf's scalar", hash);
}

/* Every seed of the tree below `seed`, by the definition; leaves of both halves to `leaves`, in order. */
static void add_tree(const uint8_t seed[static 32], unsigned height, uint8_t (**leaves)[32])
{
    uint8_t in[33], half[32];
    add_all("a seed", seed, 32, WORD);
    add_swapped("a seed, swapped", seed, 32);
    if (height == 0) {
        memcpy(*(*leaves)++, seed, 32);
        add_leaf(seed);
        return;
    }
    memcpy(in + 1, seed, 32);
    for (in[0] = 1; in[0] <= 2; in[0]++) {
        (void)crypto_generichash(half, 32, in, sizeof in, NULL, 0);
        add_tree(half, height - 1, leaves);
    }
}

/* --- stacks --- */

static uint8_t *own, *its_thread; /* the function's, and that of a thread which it begins */

static uint8_t *stack_make(void)
{
    uint8_t *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(stack, MAP_FAILED);
    memset(stack, FILL, STACK);
    return stack;
}

/* How often something is there; the first few are told, where `after` says what was done. */
static size_t stack_search(const uint8_t *stack, const char *after)
{
    size_t seen = 0, at = 0;
    while (at < STACK && stack[at] == FILL)
        at++;
    for (at = at < WORD ? 0 : at - WORD; at + DIGITS <= STACK; at++) {
        const struct window *window = bsearch(stack + at, windows, window_count, sizeof windows[0], compare);
        if (!window || memcmp(window->bytes, stack + at, window->size) != 0)
            continue;
        if (after && seen < 4)
            (void)fprintf(stderr, "after %s: %s is %zu bytes below the top\n", after, window->what, STACK - at);
        seen++;
    }
    return seen;
}

typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
static create *real_create(void)
{
    void *symbol = dlsym(RTLD_NEXT, "pthread_create");
    create *function;
    memcpy(&function, &symbol, sizeof function);
    return function;
}

static int create_on(uint8_t *stack, pthread_t *thread, void *(*run)(void *), void *context)
{
    pthread_attr_t attributes;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstack(&attributes, stack, STACK);
    int failed = real_create()(thread, &attributes, run, context);
    (void)pthread_attr_destroy(&attributes);
    return failed;
}

/* Stands before libc's for this program: the threads that the core begins. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context)
{
    (void)attributes;
    return create_on(its_thread, thread, run, context);
}

/* --- what is run --- */

struct work {
    struct bulla_kes_key *key;
    struct bulla_kes_secret *secret;
    uint8_t *seed, *raw; /* in the arena, as the secret */
    uint8_t signature[BULLA_KES_SIGNATURE_LARGEST];
    void *(*what)(void *);
    unsigned period;
    enum bulla_kes_scheme scheme;
    size_t pieces;
    enum bulla_reason reason;
};
static uint8_t leaves[PERIODS][32];

static struct work work_open(void)
{
    static struct bulla_kes_key key;
    struct work work = {.key = &key};
    assert_int_equal(bulla_secret_allocate(sizeof *work.secret, (void **)&work.secret), BULLA_OK);
    assert_int_equal(bulla_secret_allocate(32, (void **)&work.seed), BULLA_OK);
    assert_int_equal(bulla_secret_allocate(BULLA_KES_RAW_LARGEST, (void **)&work.raw), BULLA_OK);
    randombytes_buf(work.seed, 32);
    uint8_t(*next)[32] = leaves;
    window_count = 0;
    add_tree(work.seed, DEPTH, &next);
    qsort(windows, window_count, sizeof windows[0], compare);
    return work;
}

static void work_close(struct work *work)
{
    bulla_secret_free(work->secret);
    bulla_secret_free(work->seed);
    bulla_secret_free(work->raw);
}

/* Registers are cleared as the module clears them after a call: the end of a thread may spill them. */
static void *work_run(void *context)
{
    struct work *work = context;
    (void)work->what(work);
    bulla_residue_wipe_registers();
    return NULL;
}

static void run(struct work *work, void *(*what)(void *))
{
    pthread_t thread;
    own = stack_make();
    its_thread = stack_make();
    work->reason = BULLA_INTERNAL;
    work->what = what;
    assert_int_equal(create_on(own, &thread, work_run, work), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(work->reason, BULLA_OK);
}

static void forget_stacks(void)
{
    assert_int_equal(munmap(own, STACK), 0);
    assert_int_equal(munmap(its_thread, STACK), 0);
}

static void run_clean(struct work *work, void *(*what)(void *), const char *name)
{
    run(work, what);
    assert_int_equal(stack_search(own, name), 0);
    assert_int_equal(stack_search(its_thread, name), 0);
    forget_stacks();
}

static void *generate(void *context)
{
    struct work *work = context;
    work->reason = bulla_kes_generate(work->seed, DEPTH, 1, work->key, work->secret);
    return NULL;
}

static void *generate_on_two(void *context)
{
    struct work *work = context;
    work->reason = bulla_kes_generate(work->seed, DEPTH, 2, work->key, work->secret);
    return NULL;
}

static void *evolve(void *context)
{
    struct work *work = context;
    work->reason = bulla_kes_evolve(work->key, work->secret);
    return NULL;
}

static void *evolve_far(void *context)
{
    struct work *work = context;
    work->reason = bulla_kes_evolve_to(work->key, work->secret, work->period);
    return NULL;
}

static void *sign(void *context)
{
    struct work *work = context;
    work->reason = bulla_kes_sign(work->scheme, work->key, work->secret, message, work->signature);
    return NULL;
}

static void *import(void *context)
{
    struct work *work = context;
    struct bulla_bytes raw = {work->raw, bulla_kes_raw_size(DEPTH)};
    work->reason = bulla_kes_import(raw, DEPTH, work->period, work->key, work->secret);
    return NULL;
}

static void *complete(void *context)
{
    struct work *work = context;
    work->reason = bulla_kes_complete(work->key, work->secret);
    return NULL;
}

static enum bulla_reason push(void *context, const uint8_t *piece, size_t size)
{
    struct work *work = context;
    memcpy(work->raw + size * work->pieces++, piece, size);
    return BULLA_OK;
}

static enum bulla_reason pull(void *context, uint8_t *piece, size_t size)
{
    struct work *work = context;
    memcpy(piece, work->raw + size * work->pieces++, size);
    return BULLA_OK;
}

static void *direct_write(void *context)
{
    struct work *work = context;
    work->pieces = 0;
    work->reason = bulla_kes_direct_write(work->key, work->secret, push, work);
    return NULL;
}

static void *direct_read(void *context)
{
    struct work *work = context;
    work->pieces = 0;
    work->reason = bulla_kes_direct_read(pull, work, DEPTH, work->period, work->key, work->secret);
    return NULL;
}

static void generating_leaves_no_seed_on_the_stack(void **state)
{
    (void)state;
    struct work work = work_open();
    run_clean(&work, generate, "generating");
    assert_memory_equal(work.secret->raw, leaves[0], 32); /* what is looked for is what it makes */
    run_clean(&work, generate_on_two, "generating on two threads");
    assert_memory_equal(work.secret->raw, leaves[0], 32);
    work_close(&work);
}

static void evolving_leaves_no_seed_on_the_stack(void **state)
{
    (void)state;
    struct work work = work_open();
    run_clean(&work, generate, "generating");
    while (work.key->period + 1 < PERIODS) {
        run_clean(&work, evolve, "evolving");
        assert_memory_equal(work.secret->raw, leaves[work.key->period], 32);
    }
    work_close(&work);
}

static void evolving_many_periods_leaves_no_seed_on_the_stack(void **state)
{
    (void)state;
    struct work work = work_open();
    run_clean(&work, generate, "generating");
    for (work.period = 0; work.period < PERIODS; work.period += 21)
        run_clean(&work, evolve_far, "evolving further");
    work_close(&work);
}

static void signing_leaves_no_seed_scalar_or_nonce_on_the_stack(void **state)
{
    (void)state;
    struct work work = work_open();
    run_clean(&work, generate, "generating");
    for (unsigned period = 0; period < PERIODS; period += 9) {
        assert_int_equal(bulla_kes_evolve_to(work.key, work.secret, period), BULLA_OK);
        for (work.scheme = BULLA_KES_SUM; work.scheme < BULLA_KES_SCHEMES; work.scheme++)
            run_clean(&work, sign, "signing");
    }
    work_close(&work);
}

static void importing_and_completing_leave_no_seed_on_the_stack(void **state)
{
    (void)state;
    struct work work = work_open();
    assert_int_equal(bulla_kes_generate(work.seed, DEPTH, 1, work.key, work.secret), BULLA_OK);
    for (work.period = 0; work.period < PERIODS; work.period += 7) {
        assert_int_equal(bulla_kes_evolve_to(work.key, work.secret, work.period), BULLA_OK);
        run_clean(&work, direct_write, "writing pieces");
        run_clean(&work, import, "importing");
        run_clean(&work, complete, "completing");
        run_clean(&work, direct_read, "reading pieces");
        run_clean(&work, complete, "completing");
    }
    work_close(&work);
}

/* --- that it would be seen --- */

/* Eight bytes of the root's seed at an odd place, a word of it swapped, the digits of a leaf's scalar: each as a
 * careless function would leave them. */
static __attribute__((noinline)) void leave(const void *bytes, size_t size)
{
    uint8_t place[64];
    memcpy(place, bytes, size);
    __asm__ volatile("" : : "r"(place) : "memory");
}

static void *plant_bytes(void *context)
{
    struct work *work = context;
    leave(work->seed + 5, WORD);
    work->reason = BULLA_OK;
    return NULL;
}

static void *plant_swapped(void *context)
{
    struct work *work = context;
    uint64_t word;
    memcpy(&word, work->seed + 16, WORD);
    word = __builtin_bswap64(word);
    leave(&word, WORD);
    work->reason = BULLA_OK;
    return NULL;
}

static void *plant_digits(void *context)
{
    struct work *work = context;
    leave(work->raw, 64);
    work->reason = BULLA_OK;
    return NULL;
}

static void *plant_in_another_thread(void *context)
{
    pthread_t thread;
    (void)pthread_create(&thread, NULL, plant_bytes, context);
    (void)pthread_join(thread, NULL);
    return NULL;
}

static void what_is_left_on_a_stack_is_seen(void **state)
{
    (void)state;
    uint8_t hash[64];
    struct work work = work_open();
    run(&work, plant_bytes);
    assert_true(stack_search(own, NULL) > 0);
    forget_stacks();
    run(&work, plant_swapped);
    assert_true(stack_search(own, NULL) > 0);
    forget_stacks();
    run(&work, plant_in_another_thread);
    assert_int_equal(stack_search(own, NULL), 0);
    assert_true(stack_search(its_thread, NULL) > 0);
    forget_stacks();
    (void)crypto_hash_sha512(hash, leaves[17], 32);
    hash[0] &= 248;
    hash[31] = (uint8_t)((hash[31] & 127) | 64);
    digits_of(hash, (int8_t *)work.raw);
    run(&work, plant_digits);
    assert_true(stack_search(own, NULL) > 0);
    forget_stacks();
    work_close(&work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_on_a_stack_is_seen),
        cmocka_unit_test(generating_leaves_no_seed_on_the_stack),
        cmocka_unit_test(evolving_leaves_no_seed_on_the_stack),
        cmocka_unit_test(evolving_many_periods_leaves_no_seed_on_the_stack),
        cmocka_unit_test(signing_leaves_no_seed_scalar_or_nonce_on_the_stack),
        cmocka_unit_test(importing_and_completing_leave_no_seed_on_the_stack),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
