/* What a grant is counted under, and by how many at once. */
#include "core/uses.h"

#include <string.h>

#include "support/test.h"

static void few_uses_are_debited_one_by_one_and_many_in_hundredths(void **state)
{
    (void)state;
    static const struct {
        uint64_t uses, block;
    } cases[] = {{1, 1}, {10, 1}, {99, 1}, {100, 1}, {199, 1}, {200, 2}, {1000, 10}, {6399, 63}, {6400, 64},
        {1000000, 64}, {UINT64_MAX, 64}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(bulla_uses_block(cases[i].uses), cases[i].block);
}

/* By `head -c 81 /dev/zero | sha256sum`: the first 16 bytes of SHA-256 over 65 + 16 zeroes. */
static void a_grant_is_named_by_its_authority_and_id(void **state)
{
    (void)state;
    static const char expected[] = "uses:6778c7c7b6b6c1c273e668169a7652a6";
    uint8_t authority[65] = {0}, id[BULLA_GRANT_ID] = {0}, mark[BULLA_GRANT_MARK], other[BULLA_GRANT_MARK];
    char name[BULLA_USES_NAME];
    bulla_grant_mark(authority, id, mark);
    bulla_grant_name(BULLA_USES_OF, mark, name);
    assert_string_equal(name, expected);
    authority[64] = 1;
    bulla_grant_mark(authority, id, other);
    assert_memory_not_equal(mark, other, sizeof mark);
    authority[64] = 0;
    id[0] = 1;
    bulla_grant_mark(authority, id, other);
    assert_memory_not_equal(mark, other, sizeof mark);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_uses_are_debited_one_by_one_and_many_in_hundredths),
        cmocka_unit_test(a_grant_is_named_by_its_authority_and_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
