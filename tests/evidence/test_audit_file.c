/* The audit log as a file: torn lines, a full disk, several writers, who may reach it, its tail, and what an append
 * costs.
 */
#include "audit_fixture.h"

#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void a_torn_last_line_is_cut_off_and_said_so(void **state)
{
    (void)state;
    size_t size = 0, last = 0;
    struct bulla_audit_summary summary;
    audit_write_log();
    char *text = audit_contents(&size);
    for (size_t i = 0; i + 1 < size; i++)
        if (text[i] == '\n')
            last = i + 1;
    for (size_t cut = last + 1; cut < size; cut += 37) {
        test_file_write(audit_path, text, cut);
        assert_int_equal(audit_verify(&summary), BULLA_AUDIT_BROKEN); /* a reader doesn't mend it */
        assert_int_equal(summary.broken_line, 6);
        bulla_audit_close(audit_opened());
        assert_int_equal(audit_verify(&summary), BULLA_OK);
        assert_int_equal(summary.lines, 6);
        size_t mended_size = 0;
        char *mended = audit_contents(&mended_size), *line = audit_line(mended, 5);
        json_t *object = json_loads(line, 0, NULL);
        assert_string_equal(json_string_value(json_object_get(object, "event")), "repaired");
        assert_int_equal(json_integer_value(json_object_get(object, "bytes")), cut - last);
        json_decref(object);
        free(line);
        free(mended);
    }
    free(text);
}

static void a_torn_line_is_mended_by_whoever_appends_next(void **state)
{
    (void)state;
    struct bulla_audit_summary summary;
    struct bulla_audit *audit = audit_opened();
    audit_append(audit, "login", "a");
    FILE *file = fopen(audit_path, "a"); /* another process died here */
    assert_non_null(file);
    (void)fputs("{\"seq\":2,\"time\":\"20", file);
    (void)fclose(file);
    audit_append(audit, "logout", "b");
    bulla_audit_close(audit);
    assert_int_equal(audit_verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 3);
}

static void a_file_that_holds_only_a_torn_line_is_begun_anew(void **state)
{
    (void)state;
    struct bulla_audit_summary summary;
    test_file_write(audit_path, "{\"seq\":1", 8);
    bulla_audit_close(audit_opened());
    assert_int_equal(audit_verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 1);
}

static void a_log_whose_last_line_was_changed_is_not_continued(void **state)
{
    (void)state;
    size_t size = 0;
    struct bulla_audit *audit = NULL;
    audit_write_log();
    char *text = audit_contents(&size);
    text[size - 100] ^= 1;
    test_file_write(audit_path, text, size);
    assert_int_equal(bulla_audit_open(audit_path, &audit), BULLA_AUDIT_BROKEN);
    assert_null(audit);
    memset(text, 'x', size);
    test_file_write(audit_path, text, size < 4096 ? size : 4096);
    free(text);
    text = malloc(9000);
    assert_non_null(text);
    memset(text, 'x', 9000);
    test_file_write(audit_path, text, 9000); /* more than any torn line can be */
    assert_int_equal(bulla_audit_open(audit_path, &audit), BULLA_AUDIT_BROKEN);
    text[8999] = '\n';
    test_file_write(audit_path, text, 9000);
    assert_int_equal(bulla_audit_open(audit_path, &audit), BULLA_AUDIT_BROKEN);
    struct bulla_audit_summary summary;
    assert_int_equal(audit_verify(&summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(summary.broken_line, 1);
    free(text);
}

static void a_log_that_shrinks_or_goes_away_is_not_continued(void **state)
{
    (void)state;
    struct bulla_audit *audit = audit_opened();
    audit_append(audit, "login", "a");
    audit_append(audit, "logout", "a");
    assert_int_equal(truncate(audit_path, 100), 0);
    assert_int_equal(bulla_audit_append(audit, "login", NULL, 0, false), BULLA_AUDIT_BROKEN);
    assert_int_equal(unlink(audit_path), 0);
    assert_int_equal(bulla_audit_append(audit, "login", NULL, 0, false), BULLA_FILE);
    bulla_audit_close(audit);
}

/* A file may grow to `size` and no further, as on a full disk. */
static void limit_files(rlim_t size)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_is_a_refusal_and_leaves_no_half_line(void **state)
{
    (void)state;
    static const off_t rooms[] = {0, 1, 40}; /* bytes that still fit: no line does */
    struct bulla_audit_summary summary;
    struct bulla_audit *audit = audit_opened();
    audit_append(audit, "login", "a");
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        struct stat full;
        assert_int_equal(stat(audit_path, &full), 0);
        limit_files((rlim_t)(full.st_size + rooms[i]));
        enum bulla_reason reason = bulla_audit_append(audit, "release", NULL, 0, true);
        struct stat after;
        int looked = stat(audit_path, &after);
        limit_files(RLIM_INFINITY);
        assert_int_equal(reason, BULLA_FILE);
        assert_non_null(strstr(bulla_detail(), "writing"));
        assert_int_equal(looked, 0);
        assert_int_equal(after.st_size, full.st_size);
        audit_append(audit, "logout", "there is room again");
    }
    (void)signal(SIGXFSZ, before);
    bulla_audit_close(audit);
    assert_int_equal(bulla_audit_verify(audit_path, NULL, 0, &summary), BULLA_OK);
    assert_int_equal(summary.lines, 4);
}

static void append_fifty(const char *who)
{
    struct bulla_audit *audit = NULL;
    if (bulla_audit_open(audit_path, &audit) != BULLA_OK)
        _exit(1);
    for (uint64_t i = 0; i < 50; i++) {
        const struct bulla_audit_field fields[] = {{"who", who, 0}, {"i", NULL, i}};
        if (bulla_audit_append(audit, "tick", fields, 2, i % 16 == 0) != BULLA_OK)
            _exit(2);
    }
    bulla_audit_close(audit);
    _exit(0);
}

static void several_processes_append_to_one_chain(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d"};
    pid_t children[4];
    for (int i = 0; i < 4; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            append_fifty(names[i]);
    }
    for (int i = 0; i < 4; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    struct bulla_audit_summary summary;
    assert_int_equal(audit_verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 200);
    size_t size = 0;
    char *text = audit_contents(&size);
    int seen[4] = {0};
    for (unsigned line = 0; line < 200; line++) {
        char *one = audit_line(text, line);
        json_t *object = json_loads(one, 0, NULL);
        int who = json_string_value(json_object_get(object, "who"))[0] - 'a';
        assert_int_equal(json_integer_value(json_object_get(object, "i")), seen[who]++); /* each in its own order */
        json_decref(object);
        free(one);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(seen[i], 50);
    free(text);
}

static void *append_in_a_thread(void *audit)
{
    for (int i = 0; i < 500; i++)
        audit_append(audit, "tick", "thread");
    return NULL;
}

static void several_threads_append_with_one_handle(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct bulla_audit *audit = audit_opened();
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, append_in_a_thread, audit), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    bulla_audit_close(audit);
    struct bulla_audit_summary summary;
    assert_int_equal(audit_verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 2000);
}

static void a_forked_child_lets_go_of_the_log(void **state)
{
    (void)state;
    struct bulla_audit *audit = audit_opened();
    audit_append(audit, "login", "a");
    pid_t child = fork();
    if (child == 0) {
        bulla_audit_abandon(audit);
        append_fifty("child");
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    audit_append(audit, "logout", "a");
    bulla_audit_close(audit);
    struct bulla_audit_summary summary;
    assert_int_equal(audit_verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 52);
}

static void the_file_is_its_owners_alone_and_no_link_is_followed(void **state)
{
    (void)state;
    struct stat status;
    struct bulla_audit *audit = NULL;
    struct bulla_audit_summary summary;
    char link[128];
    mode_t mask = umask(0);
    audit_write_log();
    (void)umask(mask);
    assert_int_equal(stat(audit_path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    test_folder_join(link, sizeof link, audit_folder, "link");
    assert_int_equal(symlink(audit_path, link), 0);
    assert_int_equal(bulla_audit_open(link, &audit), BULLA_FILE);
    assert_int_equal(bulla_audit_verify(link, audit_key.point, 0, &summary), BULLA_FILE);
    assert_int_equal(bulla_audit_open(audit_folder, &audit), BULLA_FILE);
    assert_int_equal(chmod(audit_path, 0620), 0); /* others may write */
    assert_int_equal(bulla_audit_open(audit_path, &audit), BULLA_FILE);
    assert_int_equal(unlink(audit_path), 0);
    assert_int_equal(mkfifo(audit_path, 0600), 0);
    assert_int_equal(bulla_audit_open(audit_path, &audit), BULLA_FILE);
    assert_int_equal(bulla_audit_verify("/nonexistent/audit.log", NULL, 0, &summary), BULLA_FILE);
}

struct gathered {
    size_t count;
    uint64_t first_seq, last_seq;
};

static void gather(void *context, struct bulla_bytes line)
{
    struct gathered *gathered = context;
    json_t *object = json_loadb((const char *)line.data, line.size, 0, NULL);
    assert_non_null(object);
    gathered->last_seq = (uint64_t)json_integer_value(json_object_get(object, "seq"));
    if (gathered->count++ == 0)
        gathered->first_seq = gathered->last_seq;
    json_decref(object);
}

static void the_tail_is_the_last_lines_oldest_first(void **state)
{
    (void)state;
    struct bulla_audit *audit = audit_opened();
    for (int i = 0; i < 100; i++)
        audit_append(audit, "tick", "0123456789012345678901234567890123456789");
    bulla_audit_close(audit);
    FILE *file = fopen(audit_path, "a");
    assert_non_null(file);
    (void)fputs("{\"torn", file); /* isn't handed out */
    (void)fclose(file);
    static const size_t counts[] = {0, 1, 7, 99, 100, 101, SIZE_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct gathered gathered = {0};
        size_t expected = counts[i] < 100 ? counts[i] : 100;
        assert_int_equal(bulla_audit_tail(audit_path, counts[i], gather, &gathered), BULLA_OK);
        assert_int_equal(gathered.count, expected);
        assert_int_equal(gathered.first_seq, expected ? 101 - expected : 0);
        assert_int_equal(gathered.last_seq, expected ? 100 : 0);
    }
    test_file_write(audit_path, "", 0);
    struct gathered gathered = {0};
    assert_int_equal(bulla_audit_tail(audit_path, 5, gather, &gathered), BULLA_OK);
    assert_int_equal(gathered.count, 0);
    assert_int_equal(bulla_audit_tail("/nonexistent/audit.log", 5, gather, &gathered), BULLA_FILE);
}

/* Under sanitizers and load a ceiling ten times that of the figure aimed at (200 microseconds). */
static void an_append_costs_little(void **state)
{
    (void)state;
    enum { LINES = 2000 };
    struct timespec from, to;
    struct bulla_audit *audit = audit_opened();
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < LINES; i++)
        audit_append(audit, "infer", "6d69");
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    bulla_audit_close(audit);
    double each = ((double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3) / LINES;
    print_message("append, not durable: %.1f us\n", each);
    assert_true(each < 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AUDIT_TEST(a_torn_last_line_is_cut_off_and_said_so),
        AUDIT_TEST(a_torn_line_is_mended_by_whoever_appends_next),
        AUDIT_TEST(a_file_that_holds_only_a_torn_line_is_begun_anew),
        AUDIT_TEST(a_log_whose_last_line_was_changed_is_not_continued),
        AUDIT_TEST(a_log_that_shrinks_or_goes_away_is_not_continued),
        AUDIT_TEST(a_full_disk_is_a_refusal_and_leaves_no_half_line),
        AUDIT_TEST(several_processes_append_to_one_chain),
        AUDIT_TEST(several_threads_append_with_one_handle),
        AUDIT_TEST(a_forked_child_lets_go_of_the_log),
        AUDIT_TEST(the_file_is_its_owners_alone_and_no_link_is_followed),
        AUDIT_TEST(the_tail_is_the_last_lines_oldest_first),
        AUDIT_TEST(an_append_costs_little),
    };
    return cmocka_run_group_tests(tests, audit_keys_make, NULL);
}
