/* Signs of life: what standard error gets, and when. It is a file here, so that lines are plain. */
#include "support/test.h"

#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/output.h"
#include "tools/progress.h"

static char said[4096];

/* Runs `work` in a child whose standard error is a file, and keeps what it said. */
static void listen(void (*work)(void))
{
    FILE *file = tmpfile();
    int status = 0;
    assert_non_null(file);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(fileno(file), STDERR_FILENO);
        work();
        (void)fflush(stderr);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    (void)fclose(file);
}

static struct bulla_progress begun(long seconds_ago)
{
    struct bulla_progress progress;
    bulla_progress_begin(&progress, "sealing", 4000000);
    progress.started.tv_sec -= seconds_ago;
    return progress;
}

static void work_short(void)
{
    struct bulla_progress progress = begun(0);
    bulla_progress_add(&progress, 4000000);
    bulla_progress_end(&progress);
}

static void work_long(void)
{
    struct bulla_progress progress = begun(2);
    bulla_progress_add(&progress, 1000000);
    bulla_progress_add(&progress, 1000000); /* too early for another line */
    progress.shown.tv_sec -= 6;
    bulla_progress_add(&progress, 1000000);
    bulla_progress_end(&progress);
}

static void count_long(void)
{
    struct bulla_progress progress;
    bulla_progress_begin_count(&progress, "bringing over", 40);
    progress.started.tv_sec -= 2;
    bulla_progress_add(&progress, 1);
    bulla_progress_end(&progress);
}

static void work_long_quiet(void)
{
    bulla_output_open(false, true);
    work_long();
}

static void what_takes_less_than_a_second_says_nothing(void **state)
{
    (void)state;
    listen(work_short);
    assert_string_equal(said, "");
}

static void longer_work_says_where_it_is_every_five_seconds(void **state)
{
    (void)state;
    listen(work_long);
    assert_string_equal(said, "sealing: 25 % of 4 MB\nsealing: 75 % of 4 MB\n");
    listen(work_long_quiet);
    assert_string_equal(said, "");
    listen(count_long);
    assert_string_equal(said, "bringing over: 1 of 40\n");
}

static void wait_short(void)
{
    struct bulla_wait wait;
    bulla_wait_begin(&wait, "waiting");
    bulla_wait_end(&wait);
}

static void wait_long(void)
{
    struct bulla_wait wait;
    bulla_wait_begin(&wait, "waiting for the TPM");
    (void)usleep(1300000);
    bulla_wait_end(&wait);
}

static void a_call_that_hangs_is_named_once(void **state)
{
    (void)state;
    listen(wait_short);
    assert_string_equal(said, "");
    listen(wait_long);
    assert_string_equal(said, "waiting for the TPM …\n");
}

/* --- colours --- */

static void coloured(char *shown, size_t size)
{
    int terminal = -1;
    int status = 0;
    size_t used = 0;
    pid_t child = forkpty(&terminal, NULL, NULL, NULL);
    assert_true(child >= 0);
    if (child == 0) {
        bulla_output_open(false, false);
        bulla_say(BULLA_GOOD "yes" BULLA_PLAIN "\n");
        _exit(bulla_output_finish() == BULLA_OK ? 0 : 1);
    }
    for (ssize_t got = 1; got > 0 && used + 1 < size; used += got > 0 ? (size_t)got : 0)
        got = read(terminal, shown + used, size - used - 1);
    shown[used] = '\0';
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)close(terminal);
}

static void colours_are_for_terminals_that_want_them(void **state)
{
    (void)state;
    char shown[256];
    assert_int_equal(setenv("TERM", "xterm", 1), 0);
    assert_int_equal(unsetenv("NO_COLOR"), 0);
    coloured(shown, sizeof shown);
    assert_string_equal(shown, "\033[32myes\033[0m\r\n");
    assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
    coloured(shown, sizeof shown);
    assert_string_equal(shown, "yes\r\n");
    assert_int_equal(setenv("NO_COLOR", "", 1), 0); /* set but empty: as if it were not */
    coloured(shown, sizeof shown);
    assert_string_equal(shown, "\033[32myes\033[0m\r\n");
    assert_int_equal(setenv("TERM", "dumb", 1), 0);
    coloured(shown, sizeof shown);
    assert_string_equal(shown, "yes\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_takes_less_than_a_second_says_nothing),
        cmocka_unit_test(longer_work_says_where_it_is_every_five_seconds),
        cmocka_unit_test(a_call_that_hangs_is_named_once),
        cmocka_unit_test(colours_are_for_terminals_that_want_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
