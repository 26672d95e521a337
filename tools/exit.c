#include "exit.h"

#include <string.h>

static const char *const meanings[BULLA_EXIT_COUNT] = {
    [BULLA_EXIT_OK] = "done",
    [BULLA_EXIT_FAILED] = "failed, for a reason that has no status of its own",
    [BULLA_EXIT_USAGE] = "wrong usage: an option or an argument",
    [BULLA_EXIT_REFUSED] = "refused: PIN, policy, measured state, or an older generation",
    [BULLA_EXIT_UNVERIFIED] = "not verified: a signature, a hash, a claim or the format does not hold",
    [BULLA_EXIT_UNREACHABLE] = "no usable token, module or TPM",
    [BULLA_EXIT_LIMIT] = "a limit of this machine: locked memory, memory or disk space",
    [BULLA_EXIT_LEFT] = "done, but for what had to be left behind and is named",
};

/* Reasons that are not listed end with BULLA_EXIT_FAILED. */
static const enum bulla_exit statuses[BULLA_REASON_COUNT] = {
    [BULLA_OK] = BULLA_EXIT_OK,
    [BULLA_ARGUMENT] = BULLA_EXIT_USAGE,
    [BULLA_OUT_OF_MEMORY] = BULLA_EXIT_LIMIT,
    [BULLA_MEMORY_LOCK] = BULLA_EXIT_LIMIT,
    [BULLA_STORE_FULL] = BULLA_EXIT_LIMIT,

    [BULLA_TRUNCATED] = BULLA_EXIT_UNVERIFIED,
    [BULLA_TRAILING] = BULLA_EXIT_UNVERIFIED,
    [BULLA_MALFORMED] = BULLA_EXIT_UNVERIFIED,
    [BULLA_NOT_CANONICAL] = BULLA_EXIT_UNVERIFIED,
    [BULLA_DUPLICATE] = BULLA_EXIT_UNVERIFIED,
    [BULLA_UNKNOWN_FIELD] = BULLA_EXIT_UNVERIFIED,
    [BULLA_AUTHENTICATION] = BULLA_EXIT_UNVERIFIED,
    [BULLA_SIGNATURE] = BULLA_EXIT_UNVERIFIED,
    [BULLA_COMMITMENT] = BULLA_EXIT_UNVERIFIED,
    [BULLA_POLICY_SIGNATURE] = BULLA_EXIT_UNVERIFIED,
    [BULLA_EVIDENCE_MISMATCH] = BULLA_EXIT_UNVERIFIED,
    [BULLA_EVIDENCE_UNTRUSTED] = BULLA_EXIT_UNVERIFIED,
    [BULLA_RECEIPT_INVALID] = BULLA_EXIT_UNVERIFIED,
    [BULLA_AUDIT_BROKEN] = BULLA_EXIT_UNVERIFIED,

    [BULLA_TOKEN_UNINITIALIZED] = BULLA_EXIT_UNREACHABLE,
    [BULLA_STORE_MISSING] = BULLA_EXIT_UNREACHABLE,
    [BULLA_STORE_BUSY] = BULLA_EXIT_UNREACHABLE,
    [BULLA_TPM_UNREACHABLE] = BULLA_EXIT_UNREACHABLE,
    [BULLA_TPM_TIMEOUT] = BULLA_EXIT_UNREACHABLE,
    [BULLA_TPM_FAILED] = BULLA_EXIT_UNREACHABLE,

    [BULLA_ROLLED_BACK] = BULLA_EXIT_REFUSED,
    [BULLA_PIN_WRONG] = BULLA_EXIT_REFUSED,
    [BULLA_PIN_LOCKED] = BULLA_EXIT_REFUSED,
    [BULLA_PIN_LENGTH] = BULLA_EXIT_REFUSED,
    [BULLA_PIN_UNSET] = BULLA_EXIT_REFUSED,
    [BULLA_SO_CANNOT_OPEN] = BULLA_EXIT_REFUSED,
    [BULLA_NOT_LOGGED_IN] = BULLA_EXIT_REFUSED,
    [BULLA_NOT_RELEASED] = BULLA_EXIT_REFUSED,
    [BULLA_SHARE_WRONG] = BULLA_EXIT_REFUSED,
    [BULLA_PASSPHRASE_WRONG] = BULLA_EXIT_REFUSED,
    [BULLA_PASSPHRASE_NEEDED] = BULLA_EXIT_REFUSED,
    [BULLA_TPM_AUTHORIZATION] = BULLA_EXIT_REFUSED,
    [BULLA_TPM_LOCKOUT] = BULLA_EXIT_REFUSED,
    [BULLA_TPM_PCR] = BULLA_EXIT_REFUSED,
    [BULLA_TPM_POLICY] = BULLA_EXIT_REFUSED,
    [BULLA_TPM_OTHER] = BULLA_EXIT_REFUSED,
    [BULLA_POLICY_MISSING] = BULLA_EXIT_REFUSED,
    [BULLA_POLICY_AUTHORITY] = BULLA_EXIT_REFUSED,
    [BULLA_POLICY_EXPIRED] = BULLA_EXIT_REFUSED,
    [BULLA_POLICY_NOT_YET] = BULLA_EXIT_REFUSED,
    [BULLA_POLICY_OLDER] = BULLA_EXIT_REFUSED,
    [BULLA_POLICY_STATE] = BULLA_EXIT_REFUSED,
    [BULLA_MODEL_OTHER_KEY] = BULLA_EXIT_REFUSED,
    [BULLA_MODEL_OTHER_TOKEN] = BULLA_EXIT_REFUSED,
    [BULLA_MODEL_OLDER] = BULLA_EXIT_REFUSED,
    [BULLA_ANSWER_PENDING] = BULLA_EXIT_REFUSED,
};

const char *bulla_exit_meaning(enum bulla_exit status)
{
    return (unsigned)status < BULLA_EXIT_COUNT ? meanings[status] : meanings[BULLA_EXIT_FAILED];
}

enum bulla_exit bulla_exit_of(enum bulla_reason reason)
{
    if (reason == BULLA_OK)
        return BULLA_EXIT_OK;
    enum bulla_exit status = (unsigned)reason < BULLA_REASON_COUNT ? statuses[reason] : BULLA_EXIT_FAILED;
    return status == BULLA_EXIT_OK ? BULLA_EXIT_FAILED : status;
}

enum bulla_reason bulla_reason_of_code(const char *code)
{
    for (unsigned reason = 0; reason < BULLA_REASON_COUNT; reason++)
        if (strcmp(bulla_reason_code((enum bulla_reason)reason), code) == 0)
            return (enum bulla_reason)reason;
    return BULLA_REASON_COUNT;
}
