#include "support/test.h"

#include <string.h>

#include "evidence/judgement.h"

enum { NOW = 1795694400 };

static struct bulla_nonces nonces;

static struct bulla_bytes issue(uint64_t now, uint8_t nonce[static 32])
{
    bulla_nonce_issue(&nonces, now, nonce);
    return (struct bulla_bytes){nonce, 32};
}

static int begin(void **state)
{
    (void)state;
    memset(&nonces, 0, sizeof nonces);
    return 0;
}

static void a_nonce_is_good_once(void **state)
{
    (void)state;
    uint8_t first[32], second[32];
    issue(NOW, first);
    issue(NOW, second);
    assert_memory_not_equal(first, second, 32);
    assert_int_equal(bulla_nonce_take(&nonces, NOW, BULLA_BYTES(second)), BULLA_OK);
    assert_int_equal(bulla_nonce_take(&nonces, NOW, BULLA_BYTES(second)), BULLA_NONCE_UNKNOWN);
    assert_int_equal(bulla_nonce_take(&nonces, NOW, BULLA_BYTES(first)), BULLA_OK);
    assert_int_equal(bulla_nonce_take(&nonces, NOW, BULLA_BYTES(first)), BULLA_NONCE_UNKNOWN);
}

static void a_nonce_lives_for_five_minutes(void **state)
{
    (void)state;
    uint8_t nonce[32];
    issue(NOW, nonce);
    assert_int_equal(bulla_nonce_take(&nonces, NOW + 300, BULLA_BYTES(nonce)), BULLA_OK);
    issue(NOW, nonce);
    assert_int_equal(bulla_nonce_take(&nonces, NOW + 301, BULLA_BYTES(nonce)), BULLA_NONCE_UNKNOWN);
    assert_int_equal(bulla_nonce_take(&nonces, NOW, BULLA_BYTES(nonce)), BULLA_NONCE_UNKNOWN); /* it went with that */
}

/* Also not the zeros of a place that is free. */
static void what_was_never_issued_is_refused(void **state)
{
    (void)state;
    uint8_t nonce[33] = {0};
    assert_int_equal(bulla_nonce_take(&nonces, NOW, (struct bulla_bytes){nonce, 32}), BULLA_NONCE_UNKNOWN);
    issue(NOW, nonce);
    assert_int_equal(bulla_nonce_take(&nonces, NOW, (struct bulla_bytes){nonce, 31}), BULLA_NONCE_UNKNOWN);
    assert_int_equal(bulla_nonce_take(&nonces, NOW, BULLA_BYTES(nonce)), BULLA_NONCE_UNKNOWN);
    assert_int_equal(bulla_nonce_take(&nonces, NOW, (struct bulla_bytes){NULL, 0}), BULLA_NONCE_UNKNOWN);
    for (size_t i = 0; i < 32; i++) {
        nonce[i] ^= 1;
        assert_int_equal(bulla_nonce_take(&nonces, NOW, (struct bulla_bytes){nonce, 32}), BULLA_NONCE_UNKNOWN);
        nonce[i] ^= 1;
    }
    assert_int_equal(bulla_nonce_take(&nonces, NOW, (struct bulla_bytes){nonce, 32}), BULLA_OK);
}

/* The sixty-fifth takes the place of the oldest, and one that was taken leaves its place. */
static void a_full_table_forgets_the_oldest(void **state)
{
    (void)state;
    uint8_t issued[BULLA_NONCES + 2][32];
    for (size_t i = 0; i <= BULLA_NONCES; i++)
        issue(NOW + i, issued[i]);
    assert_int_equal(bulla_nonce_take(&nonces, NOW + 64, BULLA_BYTES(issued[0])), BULLA_NONCE_UNKNOWN);
    assert_int_equal(bulla_nonce_take(&nonces, NOW + 64, BULLA_BYTES(issued[40])), BULLA_OK);
    issue(NOW + 65, issued[BULLA_NONCES + 1]);
    for (size_t i = 1; i < BULLA_NONCES + 2; i++)
        assert_int_equal(
            bulla_nonce_take(&nonces, NOW + 65, BULLA_BYTES(issued[i])), i == 40 ? BULLA_NONCE_UNKNOWN : BULLA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_nonce_is_good_once, begin),
        cmocka_unit_test_setup(a_nonce_lives_for_five_minutes, begin),
        cmocka_unit_test_setup(what_was_never_issued_is_refused, begin),
        cmocka_unit_test_setup(a_full_table_forgets_the_oldest, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
