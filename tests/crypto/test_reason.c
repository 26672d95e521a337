#include "support/test.h"

#include <string.h>

#include "crypto/reason.h"

static void every_reason_has_a_code_of_its_own_and_a_remedy(void **state)
{
    (void)state;
    for (int i = 1; i < BULLA_REASON_COUNT; i++) {
        assert_true(strlen(bulla_reason_code((enum bulla_reason)i)) > 1);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(bulla_reason_code((enum bulla_reason)i), bulla_reason_code((enum bulla_reason)j));
    }
}

static void an_unknown_reason_reads_as_internal(void **state)
{
    (void)state;
    assert_string_equal(bulla_reason_code((enum bulla_reason)100000), "internal");
}

static void a_refusal_keeps_its_words_and_takes_more_before_them(void **state)
{
    (void)state;
    assert_int_equal(bulla_refuse(BULLA_TRUNCATED, "chunk %d", 7), BULLA_TRUNCATED);
    assert_int_equal(bulla_refuse_within(BULLA_TRUNCATED, "model %s: ", "m"), BULLA_TRUNCATED);
    assert_string_equal(bulla_detail(), "model m: chunk 7");
}

static void a_long_detail_is_cut_not_overrun(void **state)
{
    (void)state;
    char words[2 * BULLA_DETAIL_SIZE];
    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    (void)bulla_refuse(BULLA_ARGUMENT, "%s", words);
    assert_int_equal(strlen(bulla_detail()), BULLA_DETAIL_SIZE - 1);
    (void)bulla_refuse_within(BULLA_ARGUMENT, "%s", words);
    assert_int_equal(strlen(bulla_detail()), BULLA_DETAIL_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_has_a_code_of_its_own_and_a_remedy),
        cmocka_unit_test(an_unknown_reason_reads_as_internal),
        cmocka_unit_test(a_refusal_keeps_its_words_and_takes_more_before_them),
        cmocka_unit_test(a_long_detail_is_cut_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
