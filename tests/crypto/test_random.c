/* The generator of many small requests. Its keystream is checked against OpenSSL's ChaCha20. */
#include "support/test.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/arena.h"
#include "crypto/random.h"

enum { WHOLE = 32 + BULLA_RANDOM_BUFFER };

static struct bulla_random *make(void)
{
    void *memory = NULL;
    assert_int_equal(bulla_secret_allocate(sizeof(struct bulla_random), &memory), BULLA_OK);
    return memory;
}

/* Counter and nonce zero. */
static void keystream(const uint8_t key[static 32], uint8_t stream[static WHOLE])
{
    static const uint8_t zeros[WHOLE], iv[16];
    int size = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_EncryptInit_ex(context, EVP_chacha20(), NULL, key, iv), 1);
    assert_int_equal(EVP_EncryptUpdate(context, stream, &size, zeros, WHOLE), 1);
    EVP_CIPHER_CTX_free(context);
}

static bool is_zero(const uint8_t *memory, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (memory[i])
            return false;
    return true;
}

static bool holds(const struct bulla_random *random, const void *bytes, size_t size)
{
    return memmem(random, sizeof *random, bytes, size) != NULL;
}

/* Empties the buffer of a state: the next request refills it. */
static void drain(struct bulla_random *random)
{
    uint8_t bytes[BULLA_RANDOM_BUFFER];
    if (random->left)
        bulla_random_fill(random, bytes, random->left);
    assert_int_equal(random->left, 0);
}

static void a_refill_is_chacha20_and_replaces_its_key(void **state)
{
    (void)state;
    struct bulla_random *random = make();
    uint8_t bytes[16], stream[WHOLE], all[BULLA_RANDOM_BUFFER], key[32];
    bulla_random_fill(random, bytes, sizeof bytes);
    drain(random);
    memcpy(key, random->key, sizeof key);
    keystream(key, stream);
    bulla_random_fill(random, all, sizeof all);
    assert_memory_equal(all, stream + 32, sizeof all);
    assert_memory_equal(random->key, stream, 32);
    assert_false(holds(random, key, sizeof key)); /* who has the state can't make again what was given */
    bulla_secret_free(random);
}

static void what_was_given_is_erased(void **state)
{
    (void)state;
    struct bulla_random *random = make();
    for (size_t size = 16; size <= 256; size += 16) {
        uint8_t bytes[256], kept[BULLA_RANDOM_BUFFER];
        bulla_random_fill(random, bytes, size);
        assert_false(is_zero(bytes, size));
        assert_false(holds(random, bytes, size));
        assert_true(is_zero(random->buffer + random->left, size));
        memcpy(kept, random->buffer, random->left);
        assert_true(!random->left || holds(random, kept, random->left)); /* the search does find what is there */
    }
    drain(random);
    assert_true(is_zero(random->buffer, sizeof random->buffer));
    bulla_secret_free(random);
}

static int compare(const void *left, const void *right)
{
    return memcmp(left, right, 16);
}

static void nothing_comes_twice(void **state)
{
    (void)state;
    enum { DRAWS = 100000 };
    struct bulla_random *random = make();
    uint8_t(*draws)[16] = calloc(DRAWS, 16);
    assert_non_null(draws);
    for (int i = 0; i < DRAWS; i++)
        bulla_random_fill(random, draws[i], 16);
    qsort(draws, DRAWS, 16, compare);
    for (int i = 1; i < DRAWS; i++)
        assert_memory_not_equal(draws[i - 1], draws[i], 16);
    free(draws);
    bulla_secret_free(random);
}

/* Every size up to beyond the buffer is filled to its end and not past it. */
static void every_size_is_filled(void **state)
{
    (void)state;
    struct bulla_random *random = make();
    static uint8_t bytes[2 * BULLA_RANDOM_BUFFER + 1];
    for (size_t size = 0; size < 2 * BULLA_RANDOM_BUFFER; size++) {
        memset(bytes, 0, sizeof bytes);
        bulla_random_fill(random, bytes, size);
        assert_int_equal(bytes[size], 0);
        if (size >= 8) /* eight zeros at an end by chance: once in 2^64 */
            assert_false(is_zero(bytes + size - 8, 8) || is_zero(bytes, 8));
    }
    bulla_secret_free(random);
}

/* What comes after `change` is not what the key alone would give. */
static void assert_reseeded(struct bulla_random *random, bool expected)
{
    uint8_t stream[WHOLE], all[BULLA_RANDOM_BUFFER];
    keystream(random->key, stream);
    bulla_random_fill(random, all, sizeof all);
    assert_int_equal(memcmp(all, stream + 32, sizeof all) != 0, expected);
}

static void a_fresh_seed_comes_after_many_bytes_and_after_a_while(void **state)
{
    (void)state;
    struct bulla_random *random = make();
    uint8_t byte;
    bulla_random_fill(random, &byte, 1);
    assert_true(random->seeded_at != 0);
    drain(random);
    assert_reseeded(random, false);
    random->given = BULLA_RANDOM_RESEED;
    assert_reseeded(random, true);
    assert_int_equal(random->given, BULLA_RANDOM_BUFFER);
    assert_reseeded(random, false);
    random->seeded_at -= BULLA_RANDOM_RESEED_SECONDS;
    assert_reseeded(random, true);
    assert_reseeded(random, false);
    bulla_secret_free(random);
}

/* Without being told of the fork: by what the memory says alone. */
static void draw_in_child(struct bulla_random *random, uint8_t bytes[static 32])
{
    int ends[2], status = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bulla_random_fill(random, bytes, 32);
        _exit(write(ends[1], bytes, 32) == 32 ? 0 : 1);
    }
    assert_int_equal(read(ends[0], bytes, 32), 32);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void a_forked_child_draws_other_bytes(void **state)
{
    (void)state;
    struct bulla_random *random = make(), ordinary;
    uint8_t byte, childs[2][32], parents[32];
    bulla_random_fill(random, &byte, 1);
    memcpy(&ordinary, random, sizeof ordinary);
    draw_in_child(random, childs[0]);
    draw_in_child(random, childs[1]);
    bulla_random_fill(random, parents, sizeof parents);
    assert_memory_not_equal(childs[0], parents, 32);
    assert_memory_not_equal(childs[1], parents, 32);
    assert_memory_not_equal(childs[0], childs[1], 32);
    /* In memory that a child inherits it would be the same: the arena is what makes the difference. */
    draw_in_child(&ordinary, childs[0]);
    bulla_random_fill(&ordinary, parents, sizeof parents);
    assert_memory_equal(childs[0], parents, 32);
    bulla_wipe(&ordinary, sizeof ordinary);
    bulla_secret_free(random);
}

static int close_arena(void **state)
{
    (void)state;
    bulla_arena_close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refill_is_chacha20_and_replaces_its_key),
        cmocka_unit_test(what_was_given_is_erased),
        cmocka_unit_test(nothing_comes_twice),
        cmocka_unit_test(every_size_is_filled),
        cmocka_unit_test(a_fresh_seed_comes_after_many_bytes_and_after_a_while),
        cmocka_unit_test(a_forked_child_draws_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, close_arena);
}
