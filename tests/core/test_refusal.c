/* Reasons and their return codes: every reason has a row of its own choice. */
#include "support/test.h"

#include <stdbool.h>

#include "core/refusal.h"

static void every_reason_has_a_row(void **state)
{
    (void)state;
    assert_int_equal(bulla_refusal_code(BULLA_OK), CKR_OK);
    for (int reason = BULLA_OK + 1; reason < BULLA_REASON_COUNT; reason++) {
        CK_RV code = bulla_refusal_code((enum bulla_reason)reason);
        assert_int_not_equal(code, CKR_OK); /* a refusal is never a success */
        /* What has no row gets CKR_GENERAL_ERROR: only these chose it. */
        bool chosen = reason == BULLA_INTERNAL || reason == BULLA_CONFIG_SYNTAX || reason == BULLA_CONFIG_PERMISSION ||
                      reason == BULLA_CONFIG_TCTI;
        if ((code == CKR_GENERAL_ERROR) != chosen)
            fail_msg("%s: 0x%lx", bulla_reason_code((enum bulla_reason)reason), code);
    }
    assert_int_equal(bulla_refusal_code(BULLA_REASON_COUNT), CKR_GENERAL_ERROR);
}

/* What chapter 5 fixes. */
static void codes_are_those_that_callers_know(void **state)
{
    (void)state;
    static const struct {
        enum bulla_reason reason;
        CK_RV code;
    } rows[] = {
        {BULLA_PIN_WRONG, CKR_PIN_INCORRECT},
        {BULLA_PIN_LOCKED, CKR_PIN_LOCKED},
        {BULLA_PIN_LENGTH, CKR_PIN_LEN_RANGE},
        {BULLA_PIN_UNSET, CKR_USER_PIN_NOT_INITIALIZED},
        {BULLA_NOT_LOGGED_IN, CKR_USER_NOT_LOGGED_IN},
        {BULLA_OUT_OF_MEMORY, CKR_HOST_MEMORY},
        {BULLA_MEMORY_LOCK, CKR_HOST_MEMORY},
        {BULLA_BUFFER_SMALL, CKR_BUFFER_TOO_SMALL},
        {BULLA_STORE_READ_ONLY, CKR_TOKEN_WRITE_PROTECTED},
        {BULLA_TPM_UNREACHABLE, CKR_DEVICE_ERROR},
        {BULLA_FORKED, CKR_CRYPTOKI_NOT_INITIALIZED},
        {BULLA_ANSWER_PENDING, CKR_TEMPLATE_INCONSISTENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(bulla_refusal_code(rows[i].reason), rows[i].code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_has_a_row),
        cmocka_unit_test(codes_are_those_that_callers_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
