/* Damaged files: never a crash; a refusal, or what is still sound as far as SQLite can tell. */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static uint32_t random_state;

/* A fixed sequence (Marsaglia's xorshift32), so that a failure can be repeated. */
static uint32_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

static int is_expected(enum bulla_reason reason)
{
    static const enum bulla_reason expected[] = {
        BULLA_OK, BULLA_STORE_CORRUPT, BULLA_STORE_MISSING, BULLA_STORE_NEWER, BULLA_STORE_IO, BULLA_STORE_READ_ONLY};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        if (expected[i] == reason)
            return 1;
    return 0;
}

struct files {
    unsigned char *database, *log;
    size_t database_size, log_size;
};

static void take(const char *folder, struct files *files)
{
    char path[128];
    test_folder_join(path, sizeof path, folder, "token.db");
    files->database = test_file_read(path, &files->database_size);
    test_folder_join(path, sizeof path, folder, "token.db-wal");
    files->log = test_file_read(path, &files->log_size);
    assert_non_null(files->database);
}

static void put_file(const char *folder, const char *name, const unsigned char *data, size_t size)
{
    char path[128];
    test_folder_join(path, sizeof path, folder, name);
    test_file_write(path, data, size);
    assert_int_equal(chmod(path, 0600), 0);
}

/* Everything that a token does with a store; stops at the first refusal. */
static enum bulla_reason use(const char *folder, struct seen *seen)
{
    struct bulla_store *store = NULL;
    uint8_t out[64];
    struct bulla_writer writer;
    bulla_writer_open(&writer, out, sizeof out);
    BULLA_TRY(bulla_store_open(folder, &store));
    enum bulla_reason reason = store_follow(store, seen);
    if (reason == BULLA_OK && (reason = bulla_store_value_get(store, "label", &writer)) == BULLA_STORE_MISSING)
        reason = BULLA_OK;
    if (reason == BULLA_OK)
        reason = store_drop(store, 3);
    if (reason == BULLA_OK)
        reason = store_add(store, 500);
    bulla_store_close(store);
    return reason;
}

static int refused;

static void use_damaged(struct fixture *fixture, const struct files *files)
{
    static struct seen seen;
    char folder[96];
    memset(&seen, 0, sizeof seen);
    test_folder_join(folder, sizeof folder, fixture->base, "damaged");
    test_folder_remove(folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    put_file(folder, "token.db", files->database, files->database_size);
    if (files->log)
        put_file(folder, "token.db-wal", files->log, files->log_size);
    enum bulla_reason reason = use(folder, &seen);
    if (!is_expected(reason))
        fail_msg("%s: %s", bulla_reason_code(reason), bulla_detail());
    refused += reason != BULLA_OK;
}

static void flip(unsigned char *data, size_t size)
{
    for (uint32_t i = 0, count = 1 + random_next() % 8; i < count; i++)
        data[random_next() % size] ^= (unsigned char)(1 + random_next() % 255);
}

static void damage(struct fixture *fixture, const struct files *sound, int rounds, int log)
{
    for (int i = 0; i < rounds; i++) {
        struct files files = *sound;
        files.database = malloc(sound->database_size);
        files.log = sound->log ? malloc(sound->log_size + 1) : NULL;
        assert_true(files.database && (files.log || !sound->log));
        memcpy(files.database, sound->database, sound->database_size);
        if (files.log)
            memcpy(files.log, sound->log, sound->log_size);
        unsigned char *data = log ? files.log : files.database;
        assert_non_null(data);
        size_t *size = log ? &files.log_size : &files.database_size;
        if (i % 4 == 3)
            *size = random_next() % *size;
        else if (i % 4 == 2)
            flip(data, *size < 256 ? *size : 256); /* the header and the first page's */
        else
            flip(data, *size);
        use_damaged(fixture, &files);
        free(files.database);
        free(files.log);
    }
}

static void fill(struct fixture *fixture)
{
    for (uint32_t i = 0; i < 60; i++)
        assert_int_equal(store_add(fixture->store, i), BULLA_OK);
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    assert_int_equal(bulla_store_value_put(fixture->store, "label", BULLA_TEXT("a token")), BULLA_OK);
    assert_int_equal(bulla_store_commit(fixture->store), BULLA_OK);
}

static void flipped_and_missing_bytes_of_the_database_never_crash(void **state)
{
    struct fixture *fixture = *state;
    struct files files;
    fill(fixture);
    bulla_store_close(fixture->store);
    fixture->store = NULL;
    take(fixture->folder, &files);
    random_state = 2463534242U;
    refused = 0;
    use_damaged(fixture, &files);
    assert_int_equal(refused, 0); /* undamaged */
    damage(fixture, &files, 400, 0);
    print_message("%d of 400 damaged databases refused\n", refused);
    assert_true(refused > 100); /* at the least those with a broken header or a missing tail */
    free(files.database);
    free(files.log);
}

/* SQLite's log is checksummed frame by frame: what follows a damaged frame never was committed. */
static void a_damaged_log_ends_at_the_damage(void **state)
{
    struct fixture *fixture = *state;
    struct files files;
    fill(fixture);
    take(fixture->folder, &files);
    assert_non_null(files.log);
    random_state = 88675123U;
    refused = 0;
    damage(fixture, &files, 200, 1);
    assert_int_equal(refused, 0);
    free(files.database);
    free(files.log);
}

static void what_is_no_database_is_corrupt(void **state)
{
    struct fixture *fixture = *state;
    struct bulla_store *store = NULL;
    static unsigned char noise[20000];
    random_state = 1;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)random_next();
    bulla_store_close(fixture->store);
    fixture->store = NULL;
    put_file(fixture->folder, "token.db", noise, sizeof noise);
    assert_int_equal(bulla_store_open(fixture->folder, &store), BULLA_STORE_CORRUPT);
    assert_null(store);
    assert_int_equal(bulla_store_create(fixture->folder, &store), BULLA_STORE_CORRUPT);
    assert_null(store);
}

static void the_refusal_of_a_damaged_file_says_what_the_check_found(void **state)
{
    struct fixture *fixture = *state;
    struct files files;
    static struct seen seen;
    memset(&seen, 0, sizeof seen);
    fill(fixture);
    bulla_store_close(fixture->store);
    fixture->store = NULL;
    take(fixture->folder, &files);
    assert_true(files.database_size > 8192);
    for (size_t page = 4096; page < files.database_size; page += 4096)
        memset(files.database + page, 0x55, 12); /* every page's header but the first's */
    put_file(fixture->folder, "token.db", files.database, files.database_size);
    assert_int_equal(use(fixture->folder, &seen), BULLA_STORE_CORRUPT);
    assert_non_null(strstr(bulla_detail(), "the check says"));
    free(files.database);
    free(files.log);
}

int main(void)
{
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(flipped_and_missing_bytes_of_the_database_never_crash),
        STORE_TEST(a_damaged_log_ends_at_the_damage),
        STORE_TEST(what_is_no_database_is_corrupt),
        STORE_TEST(the_refusal_of_a_damaged_file_says_what_the_check_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
