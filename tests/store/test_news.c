/* Whom another process's commits concern, and whom they do not; and that nobody is told less than the truth by notes
 * that are missing, half written, of a commit that came to nothing, or too many. */
#include "help.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/generation.h"

enum { LABEL = 3, ID = 258 }; /* kinds of marks; any numbers */

/* A reader beside the fixture's store, which writes; and the file by which they meet. */
struct beside {
    struct bulla_store *reader, *writer;
    struct bulla_generation shared;
    struct seen seen;
};

static void beside_open(const struct fixture *fixture, struct beside *beside)
{
    *beside = (struct beside){.writer = fixture->store};
    int folder = open(fixture->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(folder >= 0);
    assert_int_equal(bulla_generation_open(&beside->shared, folder), BULLA_OK);
    assert_int_equal(close(folder), 0);
    assert_int_equal(bulla_store_open(fixture->folder, &beside->reader), BULLA_OK);
    assert_int_equal(store_follow(beside->reader, &beside->seen), BULLA_OK);
}

static void beside_close(struct beside *beside)
{
    bulla_generation_close(&beside->shared);
    bulla_store_close(beside->reader);
}

static uint64_t mark(uint64_t kind, uint32_t number)
{
    return bulla_store_mark(kind, (struct bulla_bytes){(const uint8_t *)&number, sizeof number});
}

static uint64_t id_mark(uint32_t number)
{
    uint8_t content[64];
    store_content(number, content);
    return bulla_store_id_mark(store_object(number, content).id);
}

static void put_marked(struct bulla_store *store, uint32_t number)
{
    uint8_t content[64];
    store_content(number, content);
    struct bulla_store_row row = store_object(number, content);
    row.marks[0] = mark(LABEL, number);
    row.marks[1] = mark(ID, number);
    assert_int_equal(bulla_store_put(store, &row), BULLA_OK);
}

static void add_marked(struct bulla_store *store, uint32_t number)
{
    assert_int_equal(bulla_store_begin(store), BULLA_OK);
    put_marked(store, number);
    assert_int_equal(bulla_store_commit(store), BULLA_OK);
}

static bool concerns(const struct beside *beside, uint64_t asked)
{
    return bulla_store_concerns(beside->reader, beside->seen.now, &asked, 1);
}

static bool concerns_everybody(const struct beside *beside)
{
    bool everybody = bulla_store_concerns(beside->reader, beside->seen.now, NULL, 0);
    assert_true(!everybody || concerns(beside, mark(LABEL, 7777)));
    return everybody;
}

static void walk(struct beside *beside)
{
    assert_int_equal(store_follow(beside->reader, &beside->seen), BULLA_OK);
    assert_false(concerns_everybody(beside));
}

static void wait_beyond_patience(void)
{
    const struct timespec time = {0, (BULLA_STORE_PATIENCE + 20) * 1000000L};
    (void)nanosleep(&time, NULL);
}

static void a_commit_concerns_who_uses_its_row(void **state)
{
    struct beside beside;
    uint64_t before = 0;
    beside_open(*state, &beside);
    for (uint32_t i = 1; i < 300; i++) {
        add_marked(beside.writer, i);
        assert_int_equal(bulla_store_calm(beside.reader), 0);
        const uint64_t others[] = {id_mark(i + 1), mark(LABEL, i + 1), mark(ID, i + 1), mark(LABEL, i + 1)};
        assert_true(
            concerns(&beside, id_mark(i)) && concerns(&beside, mark(LABEL, i)) && concerns(&beside, mark(ID, i)));
        assert_true(concerns(&beside, id_mark(1)) && concerns(&beside, mark(ID, i / 2 + 1))); /* and all before */
        assert_false(bulla_store_concerns(beside.reader, beside.seen.now, others, 4));
        assert_false(concerns(&beside, mark(ID + 1, i))); /* an id is no label */
        uint64_t calm = bulla_store_calm(beside.reader);
        assert_true(calm != 0 && calm != before);
        assert_false(concerns(&beside, id_mark(i + 1)));
        before = bulla_store_calm(beside.reader);
        assert_true(before == calm); /* a question disturbs nobody */
    }
    walk(&beside);
    assert_false(concerns(&beside, id_mark(299)));
    assert_int_equal(store_drop(beside.writer, 17), BULLA_OK);
    assert_true(concerns(&beside, id_mark(17)));
    assert_false(concerns(&beside, id_mark(18)));
    walk(&beside);
    assert_false(beside.seen.present[17]);
    add_marked(beside.writer, 17); /* the same id again */
    assert_true(concerns(&beside, id_mark(17)));
    beside_close(&beside);
}

static void values_concern_nobody_and_what_says_so_everybody(void **state)
{
    struct beside beside;
    beside_open(*state, &beside);
    const struct bulla_bytes value = BULLA_TEXT("value");
    assert_int_equal(bulla_store_begin(beside.writer), BULLA_OK);
    assert_int_equal(bulla_store_value_put(beside.writer, "name", value), BULLA_OK);
    assert_int_equal(bulla_store_commit(beside.writer), BULLA_OK);
    assert_true(bulla_store_has_news(beside.reader, beside.seen.now));
    assert_false(concerns_everybody(&beside));
    for (int i = 0; i < 2; i++) { /* before a row, and after it */
        assert_int_equal(bulla_store_begin(beside.writer), BULLA_OK);
        if (i == 0)
            bulla_store_concern_all(beside.writer);
        put_marked(beside.writer, 1);
        if (i == 1)
            bulla_store_concern_all(beside.writer);
        assert_int_equal(bulla_store_commit(beside.writer), BULLA_OK);
        assert_true(concerns_everybody(&beside));
        walk(&beside);
    }
    beside_close(&beside);
}

static void a_commit_of_two_rows_concerns_everybody(void **state)
{
    struct beside beside;
    beside_open(*state, &beside);
    assert_int_equal(bulla_store_begin(beside.writer), BULLA_OK);
    put_marked(beside.writer, 1);
    put_marked(beside.writer, 2);
    assert_int_equal(bulla_store_commit(beside.writer), BULLA_OK);
    assert_true(concerns_everybody(&beside));
    walk(&beside);
    add_marked(beside.writer, 3); /* nothing of that transaction clings to the next */
    assert_false(concerns_everybody(&beside));
    assert_false(concerns(&beside, id_mark(2)));
    beside_close(&beside);
}

static void a_store_made_anew_concerns_everybody(void **state)
{
    struct fixture *fixture = *state;
    struct beside beside;
    struct bulla_store *anew = NULL;
    beside_open(fixture, &beside);
    assert_int_equal(bulla_store_create(fixture->folder, &anew), BULLA_OK);
    assert_true(concerns_everybody(&beside));
    walk(&beside);
    bulla_store_close(anew);
    beside_close(&beside);
}

/* The ring holds the last 512; one more, and nobody is told that he is not concerned. */
static void more_commits_than_are_noted_concern_everybody(void **state)
{
    struct beside beside;
    beside_open(*state, &beside);
    for (int round = 0; round < 2; round++) {
        uint64_t first = beside.seen.now;
        for (uint32_t i = 0; i < BULLA_CHANGES_NOTED + 40; i++) {
            add_marked(beside.writer, 100 + i % 50);
            bool more = bulla_store_generation(beside.reader) - first >= BULLA_CHANGES_NOTED;
            if (i % 16 == 0 || i + 3 > BULLA_CHANGES_NOTED)
                assert_int_equal(concerns_everybody(&beside), more);
        }
        walk(&beside);
    }
    beside_close(&beside);
}

/* The same where the reader asks only once, at the end. */
static void who_asks_late_is_told_of_all(void **state)
{
    struct beside beside;
    beside_open(*state, &beside);
    for (uint32_t i = 0; i < BULLA_CHANGES_NOTED - 1; i++)
        add_marked(beside.writer, i);
    assert_false(concerns_everybody(&beside));
    for (uint32_t i = 0; i < BULLA_CHANGES_NOTED - 1; i++)
        assert_true(concerns(&beside, id_mark(i)) && concerns(&beside, mark(LABEL, i)));
    walk(&beside);
    for (uint32_t i = 0; i < BULLA_CHANGES_NOTED; i++)
        add_marked(beside.writer, i);
    assert_true(concerns_everybody(&beside));
    beside_close(&beside);
}

static void overwrite(const struct beside *beside, size_t place, const void *bytes, size_t size)
{
    assert_int_equal(pwrite(beside->shared.file, bytes, size, (off_t)place), (ssize_t)size);
}

/* Where a commit is noted, as generation.c draws it: with the last ones, and in the ring. */
enum place { LAST, RING, PLACES };
static size_t place_of(uint64_t generation, enum place place)
{
    return place == LAST ? 64 * (1 + generation % 63) : 4096 + generation % 512 * 64;
}

static void spoil_newest(const struct beside *beside, enum place place, size_t at)
{
    uint8_t byte;
    size_t offset = place_of(bulla_store_generation(beside->reader), place) + at;
    assert_int_equal(pread(beside->shared.file, &byte, 1, (off_t)offset), 1);
    byte ^= 0x41;
    overwrite(beside, offset, &byte, 1);
}

static void a_note_that_is_not_whole_is_none(void **state)
{
    struct beside beside;
    beside_open(*state, &beside);
    for (size_t at = 0; at < 48; at++) {
        add_marked(beside.writer, 5);
        spoil_newest(&beside, LAST, at);
        spoil_newest(&beside, RING, at);
        assert_true(concerns_everybody(&beside));
        walk(&beside);
    }
    beside_close(&beside);
}

static void either_place_of_a_note_is_enough(void **state)
{
    struct beside beside;
    beside_open(*state, &beside);
    for (int spoiled = LAST; spoiled < PLACES; spoiled++) {
        add_marked(beside.writer, 5);
        spoil_newest(&beside, (enum place)spoiled, 8);
        assert_false(concerns_everybody(&beside));
        assert_true(concerns(&beside, id_mark(5)));
        walk(&beside);
    }
    beside_close(&beside);
}

/* A version of bulla that knows nothing of notes. */
static void a_commit_without_a_note_concerns_everybody(void **state)
{
    struct beside beside;
    static const uint8_t nothing[64];
    beside_open(*state, &beside);
    for (int behind = 0; behind < 2; behind++) {
        add_marked(beside.writer, 1);
        for (int place = LAST; place < PLACES; place++)
            overwrite(
                &beside, place_of(bulla_store_generation(beside.reader), (enum place)place), nothing, sizeof nothing);
        if (behind) /* and a commit with one behind it */
            add_marked(beside.writer, 2);
        assert_true(concerns_everybody(&beside));
        walk(&beside);
    }
    beside_close(&beside);
}

/* A wrong note delays: the news is there all the same, for whoever asks for all of it. */
static void a_wrong_note_hides_nothing_from_a_walk(void **state)
{
    struct beside beside;
    beside_open(*state, &beside);
    add_marked(beside.writer, 5);
    const struct bulla_change wrong = {BULLA_CHANGE_ONE_ROW, true, {id_mark(6), 0, 0}};
    assert_int_equal(bulla_generation_note(&beside.shared, bulla_store_generation(beside.reader), &wrong), BULLA_OK);
    assert_false(concerns(&beside, id_mark(5)));
    assert_true(concerns(&beside, id_mark(6)));
    assert_true(bulla_store_has_news(beside.reader, beside.seen.now));
    walk(&beside);
    assert_true(beside.seen.present[5]);
    beside_close(&beside);
}

static void announce(struct beside *beside, uint64_t generation, uint32_t number)
{
    const struct bulla_change change = {BULLA_CHANGE_ONE_ROW, false, {id_mark(number), mark(LABEL, number), 0}};
    assert_int_equal(bulla_generation_note(&beside->shared, generation, &change), BULLA_OK);
    assert_int_equal(bulla_generation_write(&beside->shared, generation), BULLA_OK);
}

/* Who is not meant by a commit that waits for the disk, or whose writer was killed, is not kept by it at all. */
static void a_commit_under_way_concerns_those_whom_it_announces(void **state)
{
    struct beside beside;
    beside_open(*state, &beside);
    uint64_t next = beside.seen.now + 1;
    announce(&beside, next, 5);
    for (int i = 0; i < 2; i++) {
        assert_true(concerns(&beside, id_mark(5)) && concerns(&beside, mark(LABEL, 5)));
        assert_false(concerns_everybody(&beside));
        assert_false(concerns(&beside, id_mark(6)));
        wait_beyond_patience();
    }
    /* It came to nothing: a walk puts the generation right, and the number is given to another commit. */
    assert_false(bulla_store_has_news(beside.reader, beside.seen.now));
    wait_beyond_patience();
    assert_true(bulla_store_has_news(beside.reader, beside.seen.now));
    walk(&beside);
    assert_int_equal(beside.seen.now, next - 1);
    assert_int_equal(bulla_store_generation(beside.reader), next - 1);
    assert_false(concerns(&beside, id_mark(5)));
    add_marked(beside.writer, 6);
    assert_int_equal(bulla_store_generation(beside.reader), next);
    assert_true(concerns(&beside, id_mark(6)));
    assert_false(concerns(&beside, id_mark(5)));
    beside_close(&beside);
}

/* The same while the reader has sifted the first and asks nothing until the second is made. */
static void a_number_given_out_twice_is_sifted_twice(void **state)
{
    struct beside beside;
    beside_open(*state, &beside);
    uint64_t before = beside.seen.now;
    announce(&beside, before + 1, 5);
    assert_false(concerns(&beside, id_mark(6)));
    assert_int_equal(bulla_generation_write(&beside.shared, before), BULLA_OK);
    add_marked(beside.writer, 6);
    assert_int_equal(bulla_store_generation(beside.reader), before + 1);
    assert_true(concerns(&beside, id_mark(6)));
    beside_close(&beside);
}

static void a_commit_that_was_not_told_of_to_its_end_concerns_everybody(void **state)
{
    struct beside beside;
    beside_open(*state, &beside);
    uint64_t before = beside.seen.now;
    add_marked(beside.writer, 5);
    announce(&beside, before + 1, 6); /* D is this one, its note is unfinished: an older version took the number */
    assert_true(concerns_everybody(&beside));
    walk(&beside);
    add_marked(beside.writer, 5);
    announce(&beside, before + 2, 6);
    bulla_generation_finish(&beside.shared, before + 1); /* killed before it could tell */
    assert_false(concerns_everybody(&beside));
    add_marked(beside.writer, 7);
    assert_true(concerns_everybody(&beside)); /* there is one behind it now */
    walk(&beside);
    assert_true(beside.seen.present[5] && beside.seen.present[7]);
    beside_close(&beside);
}

/* An older version's commit under way says nothing: as long as patience lasts nobody can complain. */
static void an_unknown_commit_under_way_is_waited_for_with_patience(void **state)
{
    struct beside beside;
    beside_open(*state, &beside);
    assert_int_equal(bulla_generation_write(&beside.shared, beside.seen.now + 1), BULLA_OK);
    assert_false(concerns_everybody(&beside));
    wait_beyond_patience();
    assert_true(concerns_everybody(&beside));
    walk(&beside);
    beside_close(&beside);
}

static void a_generation_that_went_back_concerns_everybody(void **state)
{
    struct beside beside;
    beside_open(*state, &beside);
    add_marked(beside.writer, 1);
    walk(&beside);
    add_marked(beside.writer, 2);
    assert_false(concerns_everybody(&beside));
    assert_int_equal(bulla_generation_write(&beside.shared, beside.seen.now - 1), BULLA_OK);
    assert_true(concerns_everybody(&beside));
    walk(&beside);
    beside_close(&beside);
}

/* Whoever names another generation than the last walk reached has not walked with it. */
static void a_walk_that_another_one_made_is_not_believed(void **state)
{
    struct beside beside;
    beside_open(*state, &beside);
    uint64_t before = beside.seen.now, asked = id_mark(9);
    add_marked(beside.writer, 1);
    walk(&beside);
    assert_true(bulla_store_concerns(beside.reader, before, &asked, 1));
    assert_false(bulla_store_concerns(beside.reader, beside.seen.now, &asked, 1));
    beside_close(&beside);
}

static void an_older_file_grows(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    struct stat status;
    struct beside beside;
    assert_int_equal(store_add(fixture->store, 1), BULLA_OK);
    uint64_t generation = bulla_store_generation(fixture->store);
    bulla_store_close(fixture->store);
    test_folder_join(path, sizeof path, fixture->folder, "generation");
    assert_int_equal(truncate(path, 16), 0);
    assert_int_equal(bulla_store_open(fixture->folder, &fixture->store), BULLA_OK);
    assert_int_equal(bulla_store_generation(fixture->store), generation);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 4096 + 512 * 64);
    beside_open(fixture, &beside);
    add_marked(fixture->store, 2);
    assert_true(concerns(&beside, id_mark(2)));
    assert_false(concerns(&beside, id_mark(1)));
    beside_close(&beside);
}

/* An older version's file, copied over this one while processes use it, ends before its notes. */
static void a_file_that_was_cut_holds_no_notes(void **state)
{
    struct beside beside;
    beside_open(*state, &beside);
    for (off_t size = 16; size <= 4096 + 512 * 64; size += 4096) {
        add_marked(beside.writer, 1);
        assert_int_equal(ftruncate(beside.shared.file, size), 0);
        bool noted = size >= (off_t)place_of(bulla_store_generation(beside.reader), LAST) + 48;
        assert_int_equal(concerns_everybody(&beside), !noted);
        walk(&beside);
        add_marked(beside.writer, 2); /* and is written to again */
        assert_false(concerns_everybody(&beside));
        assert_true(concerns(&beside, id_mark(2)));
        walk(&beside);
    }
    beside_close(&beside);
}

/* --- many threads --- */

enum { COMMITS = 1500, ASKERS = 3 };
struct crowd {
    struct bulla_store *reader;
    uint64_t first;        /* the generation before commit 0 */
    atomic_uint committed; /* commits that have returned */
    atomic_ullong reached; /* what was walked */
    atomic_ulong missed, passed;
    atomic_bool over;
};

static void *ask_all_the_time(void *context)
{
    struct crowd *crowd = context;
    while (!atomic_load(&crowd->over)) {
        uint64_t calm = bulla_store_calm(crowd->reader);
        uint32_t last = atomic_load(&crowd->committed);
        uint64_t reached = atomic_load(&crowd->reached);
        uint64_t asked = last ? id_mark(last - 1) : 0, other = id_mark(5000);
        if (last && crowd->first + last > reached && !bulla_store_concerns(crowd->reader, reached, &asked, 1))
            (void)atomic_fetch_add(&crowd->missed, 1);
        if (!bulla_store_concerns(crowd->reader, reached, &other, 1))
            (void)atomic_fetch_add(&crowd->passed, 1);
        /* A whole commit has been, from its beginning to its end: nobody is calm as he was. */
        if (calm && atomic_load(&crowd->committed) > last + 1 && bulla_store_calm(crowd->reader) == calm)
            (void)atomic_fetch_add(&crowd->missed, 1);
    }
    return NULL;
}

static void *walk_now_and_then(void *context)
{
    struct crowd *crowd = context;
    static struct seen seen;
    seen = (struct seen){.now = atomic_load(&crowd->reached)};
    while (!atomic_load(&crowd->over)) {
        const struct timespec nap = {0, 3000000};
        if (store_follow(crowd->reader, &seen) != BULLA_OK || seen.wrong)
            (void)atomic_fetch_add(&crowd->missed, 1);
        atomic_store(&crowd->reached, seen.now);
        (void)nanosleep(&nap, NULL);
    }
    return NULL;
}

static void threads_that_ask_side_by_side_miss_nothing(void **state)
{
    struct beside beside;
    pthread_t threads[ASKERS + 1];
    beside_open(*state, &beside);
    struct crowd crowd = {.reader = beside.reader, .first = beside.seen.now, .reached = beside.seen.now};
    for (int i = 0; i <= ASKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i ? ask_all_the_time : walk_now_and_then, &crowd), 0);
    for (uint32_t i = 0; i < COMMITS; i++) {
        add_marked(beside.writer, i);
        atomic_store(&crowd.committed, i + 1);
    }
    atomic_store(&crowd.over, true);
    for (int i = 0; i <= ASKERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(crowd.missed, 0);
    assert_true(crowd.passed > 0); /* it would be no use otherwise */
    beside_close(&beside);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        T(a_commit_concerns_who_uses_its_row),
        T(values_concern_nobody_and_what_says_so_everybody),
        T(a_commit_of_two_rows_concerns_everybody),
        T(a_store_made_anew_concerns_everybody),
        T(more_commits_than_are_noted_concern_everybody),
        T(who_asks_late_is_told_of_all),
        T(a_note_that_is_not_whole_is_none),
        T(either_place_of_a_note_is_enough),
        T(a_commit_without_a_note_concerns_everybody),
        T(a_wrong_note_hides_nothing_from_a_walk),
        T(a_commit_under_way_concerns_those_whom_it_announces),
        T(a_number_given_out_twice_is_sifted_twice),
        T(a_commit_that_was_not_told_of_to_its_end_concerns_everybody),
        T(an_unknown_commit_under_way_is_waited_for_with_patience),
        T(a_generation_that_went_back_concerns_everybody),
        T(a_walk_that_another_one_made_is_not_believed),
        T(an_older_file_grows),
        T(a_file_that_was_cut_holds_no_notes),
        T(threads_that_ask_side_by_side_miss_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
