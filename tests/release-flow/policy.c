#include "policy.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void flow_policy_now(uint64_t version, struct bulla_policy *policy)
{
    uint8_t values[2][32];
    uint64_t now = (uint64_t)time(NULL);
    *policy =
        (struct bulla_policy){.version = version, .not_before = now - 3600, .not_after = now + 3600, .state_count = 1};
    struct bulla_policy_state *state = &policy->states[0];
    (void)snprintf(state->label, sizeof state->label, "state %llu", (unsigned long long)version);
    state->pcr_mask = FLOW_PCRS;
    test_swtpm_pcr(&flow.tpm, 0, values[0]);
    test_swtpm_pcr(&flow.tpm, 7, values[1]);
    (void)crypto_hash_sha256(state->pcr_digest, values[0], sizeof values); /* TPM 2.0 part 3, PolicyPCR: ascending */
}

struct bulla_bytes flow_policy_sign(struct bulla_policy *policy, const struct test_p256 *authority)
{
    struct bulla_writer writer;
    uint8_t *bundle = malloc(BULLA_POLICY_LARGEST);
    assert_non_null(bundle);
    memcpy(policy->authority, authority->point, sizeof policy->authority);
    bulla_writer_open(&writer, bundle, BULLA_POLICY_LARGEST);
    assert_int_equal(bulla_policy_sign(policy, &authority->signer, &writer), BULLA_OK);
    assert_int_equal(bulla_writer_finish(&writer, "a bundle"), BULLA_OK);
    return bulla_writer_bytes(&writer);
}

CK_RV flow_policy_load_bytes_in(CK_SESSION_HANDLE session, struct bulla_bytes bundle)
{
    CK_OBJECT_CLASS object_class = CKO_BULLA_POLICY;
    CK_OBJECT_HANDLE object = 0;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &object_class, sizeof object_class},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_VALUE, (void *)(uintptr_t)bundle.data, bundle.size},
    };
    return flow.p11->C_CreateObject(session, template, 3, &object);
}

CK_RV flow_policy_load_bytes(struct bulla_bytes bundle)
{
    return flow_policy_load_bytes_in(flow.session, bundle);
}

CK_RV flow_policy_load(struct bulla_policy *policy, const struct test_p256 *authority)
{
    struct bulla_bytes bundle = flow_policy_sign(policy, authority);
    CK_RV rv = flow_policy_load_bytes(bundle);
    free((void *)(uintptr_t)bundle.data);
    return rv;
}

CK_RV flow_policy_approve(uint64_t version, const struct test_p256 *authority)
{
    struct bulla_policy policy;
    flow_policy_now(version, &policy);
    return flow_policy_load(&policy, authority);
}
