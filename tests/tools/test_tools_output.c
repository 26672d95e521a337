#include "support/test.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "tools/exit.h"
#include "tools/output.h"

static void control_characters_never_reach_the_terminal(void **state)
{
    (void)state;
    char clean[128];
    bulla_output_clean("a\x1b[31mb\x07\r\x7f\tc\n\001", clean, sizeof clean);
    assert_string_equal(clean, "a?[31mb????c??");
    bulla_output_clean("\xc2\x9b"
                       "31m \xc3\xa9 \xe2\x80\xa6",
        clean, sizeof clean); /* CSI as one C1 character; é and … stay */
    assert_string_equal(clean, "?31m \xc3\xa9 \xe2\x80\xa6");
}

__attribute__((format(printf, 3, 4))) static void assert_composed(
    const char *expected, bool colours, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = bulla_output_compose(colours, format, arguments);
    va_end(arguments);
    assert_non_null(text);
    assert_string_equal(text, expected);
    explicit_bzero(text, strlen(text)); /* the copies that were made on the way are the program's */
    free(text);
}

static void marks_are_colours_or_nothing(void **state)
{
    (void)state;
    assert_composed("\033[32myes\033[0m\n\t%", true, BULLA_GOOD "yes" BULLA_PLAIN "\n\t%%");
    assert_composed("yes", false, BULLA_GOOD "yes" BULLA_PLAIN);
}

/* What an attacker would like to have printed as the program's own line. */
static void an_argument_brings_no_colour_and_no_line(void **state)
{
    (void)state;
    static const char foreign[] = "x\n" BULLA_GOOD "attested" BULLA_PLAIN " by\t\x1b[1m";
    assert_composed("x??attested? by??[1m", false, "%s", foreign);
    assert_composed("\033[31mx??attested? by??[1m\033[0m 3\n", true, BULLA_BAD "%s" BULLA_PLAIN " %d\n", foreign, 3);
    assert_composed("x?\n   ?", false, "%.2s\n%4s", foreign, "\n");
    assert_composed("? J A", true, "%c J A", '\n'); /* what the format has beside them */
}

static void cleaning_stays_within_its_memory(void **state)
{
    (void)state;
    char clean[8];
    bulla_output_clean("0123456789", clean, sizeof clean);
    assert_string_equal(clean, "0123456");
    bulla_output_clean("012345\xc2\x9bx", clean, sizeof clean);
    assert_string_equal(clean, "012345?");
}

static void what_was_composed_or_made_json_is_nowhere(void **state)
{
    (void)state;
    static const char needle[] = "words that somebody asked a model about";
    bulla_output_open(false, true);
    assert_composed(needle, false, "%s", needle);
    assert_false(heap_holds(needle));
    json_t *document = json_array();
    for (int i = 0; i < 100; i++)
        (void)json_array_append_new(document, json_string(needle));
    json_decref(document);
    assert_false(heap_holds(needle));
}

static void each_family_of_reasons_has_its_status(void **state)
{
    (void)state;
    static const struct {
        enum bulla_reason reason;
        enum bulla_exit status;
    } rows[] = {
        {BULLA_OK, BULLA_EXIT_OK},
        {BULLA_ARGUMENT, BULLA_EXIT_USAGE},
        {BULLA_PIN_WRONG, BULLA_EXIT_REFUSED},
        {BULLA_TPM_PCR, BULLA_EXIT_REFUSED},
        {BULLA_POLICY_OLDER, BULLA_EXIT_REFUSED},
        {BULLA_MODEL_OLDER, BULLA_EXIT_REFUSED},
        {BULLA_SIGNATURE, BULLA_EXIT_UNVERIFIED},
        {BULLA_RECEIPT_INVALID, BULLA_EXIT_UNVERIFIED},
        {BULLA_TPM_UNREACHABLE, BULLA_EXIT_UNREACHABLE},
        {BULLA_TOKEN_UNINITIALIZED, BULLA_EXIT_UNREACHABLE},
        {BULLA_CONFIG_SYNTAX, BULLA_EXIT_UNREACHABLE},
        {BULLA_CONFIG_PERMISSION, BULLA_EXIT_UNREACHABLE},
        {BULLA_CONFIG_TCTI, BULLA_EXIT_UNREACHABLE},
        {BULLA_STORE_READ_ONLY, BULLA_EXIT_UNREACHABLE},
        {BULLA_STORE_CORRUPT, BULLA_EXIT_UNREACHABLE},
        {BULLA_STORE_NEWER, BULLA_EXIT_UNREACHABLE},
        {BULLA_STORE_PERMISSION, BULLA_EXIT_UNREACHABLE},
        {BULLA_STORE_NETWORK, BULLA_EXIT_UNREACHABLE},
        {BULLA_STORE_IO, BULLA_EXIT_UNREACHABLE},
        {BULLA_STORE_FULL, BULLA_EXIT_LIMIT},
        {BULLA_TPM_NV, BULLA_EXIT_LIMIT},
        {BULLA_MEMORY_LOCK, BULLA_EXIT_LIMIT},
        {BULLA_FILE, BULLA_EXIT_FAILED},
        {BULLA_INTERNAL, BULLA_EXIT_FAILED},
        {BULLA_REASON_COUNT, BULLA_EXIT_FAILED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(bulla_exit_of(rows[i].reason), rows[i].status);
    for (unsigned reason = BULLA_OK + 1; reason < BULLA_REASON_COUNT; reason++)
        assert_int_not_equal(bulla_exit_of((enum bulla_reason)reason), BULLA_EXIT_LEFT);
    for (unsigned reason = BULLA_OK + 1; reason < BULLA_REASON_COUNT; reason++)
        assert_int_not_equal(bulla_exit_of((enum bulla_reason)reason), BULLA_EXIT_OK);
}

static void codes_lead_back_to_their_reasons(void **state)
{
    (void)state;
    for (unsigned reason = 0; reason < BULLA_REASON_COUNT; reason++)
        assert_int_equal(bulla_reason_of_code(bulla_reason_code((enum bulla_reason)reason)), reason);
    assert_int_equal(bulla_reason_of_code("no such code"), BULLA_REASON_COUNT);
}

static void every_status_has_a_meaning_of_its_own(void **state)
{
    (void)state;
    for (unsigned a = 0; a < BULLA_EXIT_COUNT; a++)
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(bulla_exit_meaning((enum bulla_exit)a), bulla_exit_meaning((enum bulla_exit)b));
    assert_string_equal(bulla_exit_meaning(BULLA_EXIT_COUNT), bulla_exit_meaning(BULLA_EXIT_FAILED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_characters_never_reach_the_terminal),
        cmocka_unit_test(marks_are_colours_or_nothing),
        cmocka_unit_test(an_argument_brings_no_colour_and_no_line),
        cmocka_unit_test(cleaning_stays_within_its_memory),
        cmocka_unit_test(what_was_composed_or_made_json_is_nowhere),
        cmocka_unit_test(each_family_of_reasons_has_its_status),
        cmocka_unit_test(codes_lead_back_to_their_reasons),
        cmocka_unit_test(every_status_has_a_meaning_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
