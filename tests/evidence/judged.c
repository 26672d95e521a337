#include "judged.h"

#include <string.h>

#include "support/test.h"

struct bulla_attestation_result result;

enum bulla_reason judge(const struct bulla_judgement *judgement)
{
    memset(&result, 0xa5, sizeof result);
    enum bulla_reason reason = bulla_evidence_judge(judgement, &result);
    assert_int_equal(result.reason, reason);
    assert_int_equal(result.detail[0] == '\0', reason == BULLA_OK);
    assert_true(result.judged_at == judgement->now);
    return reason;
}

void assert_vector(int identity, int configuration, int executables, int hardware)
{
    assert_int_equal(result.vector[BULLA_TRUST_INSTANCE_IDENTITY], identity);
    assert_int_equal(result.vector[BULLA_TRUST_CONFIGURATION], configuration);
    assert_int_equal(result.vector[BULLA_TRUST_EXECUTABLES], executables);
    assert_int_equal(result.vector[BULLA_TRUST_HARDWARE], hardware);
}
