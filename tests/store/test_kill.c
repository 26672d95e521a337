/* kill -9 at every durable step: afterwards the store is the old one or the new one, whole, and goes on. */
#include "help.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct victim {
    struct fixture *fixture;
    const char *fault;
    int create;
};

static int write_batch(struct bulla_store *store)
{
    uint8_t content[64];
    store_content(1, content);
    if (bulla_store_begin(store) != BULLA_OK || store_put(store, 10) != BULLA_OK || store_put(store, 11) != BULLA_OK ||
        bulla_store_value_put(store, "label", BULLA_TEXT("new")) != BULLA_OK ||
        bulla_store_erase(store, store_object(1, content).id) != BULLA_OK || bulla_store_commit(store) != BULLA_OK)
        return 2;
    return 0;
}

/* What dies. It ends with 0 only when the fault point was never passed. */
static int die(void *context)
{
    struct victim *victim = context;
    struct bulla_store *store = NULL;
    bulla_store_abandon(victim->fixture->store);
    if (setenv("BULLA_FAULT", victim->fault, 1) != 0)
        return 1;
    if (victim->create)
        return bulla_store_create(victim->fixture->folder, &store) == BULLA_OK ? 0 : 3;
    if (bulla_store_open(victim->fixture->folder, &store) != BULLA_OK)
        return 4;
    return write_batch(store);
}

static void kill_at(struct fixture *fixture, const char *fault, int create)
{
    struct victim victim = {fixture, fault, create};
    int status = store_in_child(die, &victim);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        fail_msg("the process passed %s with status %x", fault, (unsigned)status);
}

static void assert_value(struct bulla_store *store, const char *expected)
{
    uint8_t out[16];
    struct bulla_writer writer;
    bulla_writer_open(&writer, out, sizeof out);
    assert_int_equal(bulla_store_value_get(store, "label", &writer), BULLA_OK);
    assert_true(bulla_bytes_equal_text(bulla_writer_bytes(&writer), expected));
}

static void fill(struct fixture *fixture)
{
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(store_put(fixture->store, i), BULLA_OK);
    assert_int_equal(bulla_store_value_put(fixture->store, "label", BULLA_TEXT("old")), BULLA_OK);
    assert_int_equal(bulla_store_commit(fixture->store), BULLA_OK);
}

static void assert_old(struct bulla_store *store, struct seen *seen)
{
    assert_int_equal(store_follow(store, seen), BULLA_OK);
    assert_int_equal(store_seen_count(seen), 3);
    assert_true(seen->present[0] && seen->present[1] && seen->present[2]);
    assert_int_equal(seen->wrong, 0);
    assert_value(store, "old");
}

static void assert_new(struct bulla_store *store, struct seen *seen)
{
    assert_int_equal(store_follow(store, seen), BULLA_OK);
    assert_int_equal(store_seen_count(seen), 4);
    assert_true(seen->present[0] && seen->present[2] && seen->present[10] && seen->present[11]);
    assert_int_equal(seen->wrong, 0);
    assert_value(store, "new");
}

static const struct {
    const char *fault;
    int lives; /* the batch is there afterwards */
} writes[] = {
    {"store-begin", 0},
    {"store-put", 0},
    {"store-value-put", 0},
    {"store-erase", 0},
    {"store-before-commit", 0},
    {"store-change-noted", 0},
    {"store-generation-advanced", 0},
    {"store-after-commit", 1},
    {"store-end-noted", 1},
};

/* `reader`: the parent keeps the store open, as another process of the same token would. */
static void kill_writers(struct fixture *fixture, int reader)
{
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        static struct seen seen;
        memset(&seen, 0, sizeof seen);
        bulla_store_close(fixture->store);
        assert_int_equal(bulla_store_create(fixture->folder, &fixture->store), BULLA_OK);
        fill(fixture);
        assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
        if (!reader) {
            bulla_store_close(fixture->store);
            fixture->store = NULL;
        }
        kill_at(fixture, writes[i].fault, 0);
        if (!reader) {
            memset(&seen, 0, sizeof seen);
            assert_int_equal(bulla_store_open(fixture->folder, &fixture->store), BULLA_OK);
        }
        /* A reader that only compares generations finds what there is to find, and comes to rest. */
        if (reader && writes[i].lives) {
            assert_true(bulla_store_generation(fixture->store) != seen.now);
            assert_true(bulla_store_concerns(fixture->store, seen.now, NULL, 0)); /* it is a batch of many rows */
        }
        (writes[i].lives ? assert_new : assert_old)(fixture->store, &seen);
        assert_true(bulla_store_generation(fixture->store) == seen.now);
        assert_int_equal(write_batch(fixture->store), 0);
        assert_true(bulla_store_generation(fixture->store) != seen.now);
        assert_new(fixture->store, &seen);
        assert_int_equal(seen.anew, 0);
    }
}

static void a_killed_writer_leaves_old_or_new(void **state)
{
    kill_writers(*state, 0);
}

static void a_killed_writer_does_not_disturb_a_reader(void **state)
{
    kill_writers(*state, 1);
}

static void a_killed_creation_over_a_store_leaves_old_or_empty(void **state)
{
    static const struct {
        const char *fault;
        int empty;
    } rows[] = {
        {"store-create-file", 0},
        {"store-begin", 0},
        {"store-create-cleared", 0},
        {"store-before-commit", 0},
        {"store-change-noted", 0},
        {"store-generation-advanced", 0},
        {"store-after-commit", 1},
        {"store-create-committed", 1},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct seen seen;
        memset(&seen, 0, sizeof seen);
        fill(fixture);
        assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
        kill_at(fixture, rows[i].fault, 1);
        if (rows[i].empty) {
            assert_true(bulla_store_generation(fixture->store) != seen.now);
            assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
            assert_int_equal(seen.anew, 1);
            assert_int_equal(store_seen_count(&seen), 0);
        } else {
            assert_old(fixture->store, &seen);
        }
    }
}

static void a_killed_first_creation_can_be_repeated(void **state)
{
    static const char *const faults[] = {"store-create-file", "store-create-schema"};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < 2; i++) {
        struct seen seen = {0};
        struct bulla_store *store = NULL;
        bulla_store_close(fixture->store);
        fixture->store = NULL;
        (void)snprintf(fixture->folder, sizeof fixture->folder, "%s/fresh%zu", fixture->base, i);
        kill_at(fixture, faults[i], 1);
        assert_int_equal(bulla_store_open(fixture->folder, &store), BULLA_STORE_MISSING);
        assert_int_equal(bulla_store_create(fixture->folder, &fixture->store), BULLA_OK);
        assert_int_equal(store_add(fixture->store, 1), BULLA_OK);
        assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
        assert_int_equal(store_seen_count(&seen), 1);
    }
}

/* Pairs of objects come and go together, whenever the writer is killed. */
static int write_pairs(void *context)
{
    struct fixture *fixture = context;
    struct bulla_store *store = NULL;
    bulla_store_abandon(fixture->store);
    if (bulla_store_open(fixture->folder, &store) != BULLA_OK)
        return 1;
    for (uint32_t i = (uint32_t)getpid();; i += 7) {
        uint8_t content[64];
        uint32_t number = 1 + i % 500;
        store_content(number, content);
        if (bulla_store_begin(store) != BULLA_OK)
            return 2;
        for (uint32_t j = 0; j < 2; j++) {
            uint32_t each = number + j * 1000;
            enum bulla_reason reason =
                i % 3 ? store_put(store, each) : bulla_store_erase(store, store_object(each, content).id);
            if (reason != BULLA_OK)
                return 3;
        }
        if (bulla_store_commit(store) != BULLA_OK)
            return 4;
    }
}

static void assert_pairs(const struct seen *seen)
{
    assert_int_equal(seen->wrong, 0);
    for (size_t i = 1; i <= 500; i++)
        assert_int_equal(seen->present[i], seen->present[i + 1000]);
}

static void writers_killed_at_any_moment_leave_whole_transactions(void **state)
{
    struct fixture *fixture = *state;
    static struct seen seen;
    enum { ROUNDS = 40, WRITERS = 2 };
    memset(&seen, 0, sizeof seen);
    for (int round = 0; round < ROUNDS; round++) {
        pid_t children[WRITERS];
        for (int i = 0; i < WRITERS; i++) {
            children[i] = fork();
            if (children[i] == 0)
                _exit(write_pairs(fixture));
        }
        for (int i = 0; i < WRITERS; i++) {
            int status = 0;
            (void)usleep((useconds_t)(5000 + (round * 7919 + i * 104729) % 15000));
            if (bulla_store_generation(fixture->store) != seen.now)
                assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
            assert_pairs(&seen);
            assert_int_equal(kill(children[i], SIGKILL), 0);
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_true(WIFSIGNALED(status)); /* it had not ended by itself */
        }
        if (bulla_store_generation(fixture->store) != seen.now)
            assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
        assert_true(bulla_store_generation(fixture->store) == seen.now);
    }
    /* What the reader put together from changes is what a new one reads at once. */
    static struct seen fresh;
    memset(&fresh, 0, sizeof fresh);
    bulla_store_close(fixture->store);
    assert_int_equal(bulla_store_open(fixture->folder, &fixture->store), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &fresh), BULLA_OK);
    assert_memory_equal(fresh.present, seen.present, sizeof seen.present);
    assert_pairs(&fresh);
    assert_true(store_seen_count(&fresh) > 0);
    assert_int_equal(seen.anew, 0);
}

int main(void)
{
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_killed_writer_leaves_old_or_new),
        STORE_TEST(a_killed_writer_does_not_disturb_a_reader),
        STORE_TEST(a_killed_creation_over_a_store_leaves_old_or_empty),
        STORE_TEST(a_killed_first_creation_can_be_repeated),
        STORE_TEST(writers_killed_at_any_moment_leave_whole_transactions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
