/* PINs come from where they may, into the arena only; the terminal is a pseudo-terminal that the test types on. */
#include "support/test.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "support/folder.h"
#include "tools/output.h"
#include "tools/pin.h"
#include "tools/terminal.h"

static char folder[64], path[128];

static int set_up(void **state)
{
    (void)state;
    bulla_output_open(false, true);
    test_folder_make(folder, sizeof folder);
    test_folder_join(path, sizeof path, folder, "pin");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_folder_remove(folder);
    assert_int_equal(bulla_arena_taken(), 0); /* nothing was left in the arena by any path */
    return 0;
}

static void assert_pin_of_file(const char *content, size_t size, const char *expected)
{
    struct bulla_pin *pin = NULL;
    struct bulla_pin_source source = {.file = path, .prompt = "PIN"};
    test_file_write(path, content, size);
    assert_int_equal(bulla_pin_get(&source, &pin), BULLA_OK);
    assert_int_equal(pin->size, strlen(expected));
    assert_memory_equal(pin->bytes, expected, pin->size);
    bulla_secret_free(pin);
}

static void one_line_end_of_a_file_is_dropped(void **state)
{
    (void)state;
    assert_pin_of_file("1234", 4, "1234");
    assert_pin_of_file("1234\n", 5, "1234");
    assert_pin_of_file("1234\r\n", 6, "1234");
    assert_pin_of_file("1234\n\n", 6, "1234\n");
    assert_pin_of_file(" 12 34 ", 7, " 12 34 ");
}

static void length_is_bounded_on_both_sides(void **state)
{
    (void)state;
    char longest[BULLA_PIN_LARGEST + 3];
    struct bulla_pin *pin = NULL;
    struct bulla_pin_source source = {.file = path, .prompt = "PIN"};
    memset(longest, 'x', sizeof longest);
    longest[BULLA_PIN_LARGEST] = '\n';
    test_file_write(path, longest, BULLA_PIN_LARGEST + 1);
    assert_int_equal(bulla_pin_get(&source, &pin), BULLA_OK);
    assert_int_equal(pin->size, BULLA_PIN_LARGEST);
    bulla_secret_free(pin);
    longest[BULLA_PIN_LARGEST] = 'x';
    test_file_write(path, longest, sizeof longest);
    assert_int_equal(bulla_pin_get(&source, &pin), BULLA_PIN_LENGTH);
    assert_null(pin);
    test_file_write(path, "123\n", 4);
    assert_int_equal(bulla_pin_get(&source, &pin), BULLA_PIN_LENGTH);
    source.file = "/nowhere/at/all";
    assert_int_equal(bulla_pin_get(&source, &pin), BULLA_FILE);
}

static void the_variable_is_wiped_and_removed(void **state)
{
    (void)state;
    struct bulla_pin *pin = NULL;
    struct bulla_pin_source source = {.environment = "BULLA_TEST_PIN", .prompt = "PIN"};
    assert_int_equal(setenv("BULLA_TEST_PIN", "secret-of-the-test", 1), 0);
    const char *where = getenv("BULLA_TEST_PIN");
    assert_int_equal(bulla_pin_get(&source, &pin), BULLA_OK);
    assert_memory_equal(pin->bytes, "secret-of-the-test", pin->size);
    bulla_secret_free(pin);
    assert_null(getenv("BULLA_TEST_PIN"));
    for (size_t i = 0; i < strlen("secret-of-the-test"); i++)
        assert_int_equal(where[i], 0);
}

static void a_file_wins_over_the_variable_and_that_over_the_uri(void **state)
{
    (void)state;
    char second[128];
    struct bulla_pin *pin = NULL;
    test_folder_join(second, sizeof second, folder, "second");
    test_file_write(path, "of the file", 11);
    test_file_write(second, "of the uri", 10);
    struct bulla_pin_source source = {
        .file = path, .environment = "BULLA_TEST_PIN", .second_file = second, .prompt = "PIN"};
    assert_int_equal(setenv("BULLA_TEST_PIN", "of the variable", 1), 0);
    assert_int_equal(bulla_pin_get(&source, &pin), BULLA_OK);
    assert_memory_equal(pin->bytes, "of the file", pin->size);
    bulla_secret_free(pin);
    source.file = NULL;
    assert_int_equal(bulla_pin_get(&source, &pin), BULLA_OK);
    assert_memory_equal(pin->bytes, "of the variable", pin->size);
    bulla_secret_free(pin);
    assert_int_equal(bulla_pin_get(&source, &pin), BULLA_OK);
    assert_memory_equal(pin->bytes, "of the uri", pin->size);
    bulla_secret_free(pin);
}

/* --- the terminal --- */

/* What the child does on its terminal: takes a PIN, and says by its status what came of it. */
static int child_main(bool twice)
{
    struct bulla_pin *pin = NULL;
    struct bulla_pin_source source = {.prompt = "PIN", .twice = twice};
    struct termios after;
    enum bulla_reason reason = bulla_pin_get(&source, &pin);
    int status = (int)reason;
    if (reason == BULLA_OK)
        status = pin->size == 6 && memcmp(pin->bytes, "secret", 6) == 0 ? 0 : 200;
    bulla_secret_free(pin);
    if (tcgetattr(0, &after) != 0 || !(after.c_lflag & ECHO) || !(after.c_lflag & ICANON))
        status = 201; /* the terminal was not put back */
    return status;
}

/* Waits until the terminal shows `words`, adding what it shows to `shown`. */
static void wait_for(int terminal, const char *words, char *shown, size_t size)
{
    struct pollfd ready = {terminal, POLLIN, 0};
    while (!strstr(shown, words)) {
        size_t used = strlen(shown);
        assert_int_equal(poll(&ready, 1, 10000), 1);
        ssize_t got = read(terminal, shown + used, size - used - 1);
        assert_true(got > 0);
        shown[used + (size_t)got] = '\0';
    }
}

static int on_terminal(bool twice, const char *first, const char *second, char *shown, size_t size)
{
    int terminal = -1;
    int status = 0;
    memset(shown, 0, size);
    pid_t child = forkpty(&terminal, NULL, NULL, NULL);
    assert_true(child >= 0);
    if (child == 0)
        _exit(child_main(twice));
    wait_for(terminal, "PIN: ", shown, size);
    assert_int_equal(write(terminal, first, strlen(first)), strlen(first));
    if (second) {
        wait_for(terminal, "Again: PIN: ", shown, size);
        assert_int_equal(write(terminal, second, strlen(second)), strlen(second));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    ssize_t got = read(terminal, shown + strlen(shown), size - strlen(shown) - 1);
    (void)got;
    (void)close(terminal);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void what_is_typed_is_read_and_not_shown(void **state)
{
    (void)state;
    char shown[4096];
    assert_int_equal(on_terminal(false, "secret\r", NULL, shown, sizeof shown), 0);
    assert_null(strstr(shown, "secret"));
    assert_null(strstr(shown, "s"));
}

static void a_line_can_be_corrected(void **state)
{
    (void)state;
    char shown[4096];
    assert_int_equal(on_terminal(false, "wrong\x15secrex\x7ft\r", NULL, shown, sizeof shown), 0);
    assert_int_equal(on_terminal(false, "\x7f\x7fsecret\n", NULL, shown, sizeof shown), 0);
}

static void a_new_pin_is_typed_twice(void **state)
{
    (void)state;
    char shown[4096];
    assert_int_equal(on_terminal(true, "secret\r", "secret\r", shown, sizeof shown), 0);
    assert_int_equal(on_terminal(true, "secret\r", "secreT\r", shown, sizeof shown), BULLA_PIN_WRONG);
    assert_int_equal(on_terminal(true, "secret\r", "secrets\r", shown, sizeof shown), BULLA_PIN_WRONG);
}

static void asking_can_be_cancelled(void **state)
{
    (void)state;
    char shown[4096];
    assert_int_equal(on_terminal(false, "sec\x03", NULL, shown, sizeof shown), BULLA_CANCELLED);
    assert_int_equal(on_terminal(false, "\x04", NULL, shown, sizeof shown), BULLA_CANCELLED);
    assert_int_equal(on_terminal(false, "abc\r", NULL, shown, sizeof shown), BULLA_PIN_LENGTH);
}

/* --- a terminal that does not tell its state --- */

static bool untold;
static unsigned settings; /* how often one was set */

int tcgetattr(int file, struct termios *state)
{
    static int (*real)(int, struct termios *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "tcgetattr");
    errno = EIO;
    return untold ? -1 : real(file, state);
}

int tcsetattr(int file, int when, const struct termios *state)
{
    static int (*real)(int, int, const struct termios *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "tcsetattr");
    settings++;
    return real(file, when, state);
}

static void a_terminal_that_tells_no_state_gets_none(void **state)
{
    (void)state;
    int terminal = -1;
    int status = 0;
    pid_t child = forkpty(&terminal, NULL, NULL, NULL);
    assert_true(child >= 0);
    if (child == 0) {
        struct bulla_pin *pin = NULL;
        struct bulla_pin_source source = {.prompt = "PIN"};
        untold = true;
        settings = 0;
        _exit(bulla_pin_get(&source, &pin) == BULLA_FILE ? (int)settings : 100);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    (void)close(terminal);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int confirm_on_terminal(const char *answer)
{
    char shown[4096] = "";
    int terminal = -1;
    int status = 0;
    pid_t child = forkpty(&terminal, NULL, NULL, NULL);
    assert_true(child >= 0);
    if (child == 0)
        _exit(bulla_terminal_confirm("Go on?") ? 1 : 0);
    wait_for(terminal, "Go on? [y/N] ", shown, sizeof shown);
    assert_int_equal(write(terminal, answer, strlen(answer)), strlen(answer));
    assert_int_equal(waitpid(child, &status, 0), child);
    (void)close(terminal);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void only_yes_is_consent(void **state)
{
    (void)state;
    assert_int_equal(confirm_on_terminal("y\r"), 1);
    assert_int_equal(confirm_on_terminal("YES\r"), 1);
    assert_int_equal(confirm_on_terminal("\r"), 0);
    assert_int_equal(confirm_on_terminal("n\r"), 0);
    assert_int_equal(confirm_on_terminal("yesterday\r"), 0);
    assert_int_equal(confirm_on_terminal("\x04"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_line_end_of_a_file_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(length_is_bounded_on_both_sides, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_variable_is_wiped_and_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_wins_over_the_variable_and_that_over_the_uri, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_typed_is_read_and_not_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_can_be_corrected, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_pin_is_typed_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_terminal_that_tells_no_state_gets_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_yes_is_consent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(asking_can_be_cancelled, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
