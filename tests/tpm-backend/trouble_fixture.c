#include "trouble_fixture.h"

#include <stdio.h>

#include "evidence/tpm_credential.h"

struct proxy proxy;
uint8_t share[32], auth[32], point[65], opened[32];
EVP_PKEY *authority;
struct bulla_approval approval;
struct blob object_blob, key_blob;
static struct blob token_blob, credential;
static uint32_t counter;

struct bulla_leaf_request proxied_object(void)
{
    struct bulla_leaf_request request = object_request(point, auth);
    request.tcti = proxy.tcti;
    request.approvals = &approval;
    request.approval_count = 1;
    return request;
}

static struct bulla_leaf_request proxied_token(void)
{
    struct bulla_leaf_request request = token_request("1234");
    request.tcti = proxy.tcti;
    return request;
}

/* For the P-384 endorsement and the attestation key of `key_blob`. */
static void credential_make(void *context, const struct bulla_backend_endorsement *endorsement)
{
    struct bulla_writer writer, public, name;
    uint8_t public_bytes[1024], name_bytes[34];
    void *secret = NULL;
    (void)context;
    if (strcmp(endorsement->name, "ecc-p384") != 0)
        return;
    bulla_writer_open(&writer, credential.data, sizeof credential.data);
    bulla_writer_open(&public, public_bytes, sizeof public_bytes);
    bulla_writer_open(&name, name_bytes, sizeof name_bytes);
    assert_int_equal(
        bulla_tpm_attestation_key_public((struct bulla_bytes){key_blob.data, key_blob.size}, &public, &name), BULLA_OK);
    assert_int_equal(bulla_secret_allocate(32, &secret), BULLA_OK);
    assert_int_equal(
        bulla_tpm_credential_make(endorsement->key, BULLA_BYTES(name_bytes), (struct bulla_bytes){secret, 32}, &writer),
        BULLA_OK);
    bulla_secret_free(secret);
    credential.size = writer.size;
}

int trouble_begin(void **state)
{
    (void)state;
    test_swtpm_start_endorsed(&tpm);
    for (unsigned i = 0; i < 32; i++) {
        share[i] = (uint8_t)(0xc3 ^ (i * 5));
        auth[i] = (uint8_t)(0x35 + i * 7);
    }
    authority = authority_make(point);
    proxy_start(&proxy, &tpm, PROXY_UNIX);
    struct bulla_leaf_request request = proxied_object();
    uint64_t value;
    struct bulla_writer writer;
    bulla_writer_open(&writer, key_blob.data, sizeof key_blob.data);
    approval_make(&approval, authority, request.policy_ref, 1U << PCR);
    assert_reason(seal(&request, share, &object_blob), BULLA_OK);
    request = proxied_token();
    assert_reason(seal(&request, share, &token_blob), BULLA_OK);
    /* The first use of all, whose first answer is TPM_RC_RETRY: what is to happen to the answer of an Unseal must not
     * happen to that one. */
    assert_reason(open_blob(&request, &token_blob, opened), BULLA_OK);
    assert_reason(bulla_tpm_attestation_key_create(tpm.tcti, &writer), BULLA_OK);
    key_blob.size = writer.size;
    assert_reason(bulla_tpm_endorsements(tpm.tcti, credential_make, NULL), BULLA_OK);
    assert_true(credential.size > 0);
    assert_reason(bulla_tpm_counter_create(tpm.tcti, auth, &counter, &value), BULLA_OK);
    return 0;
}

int trouble_approve(void **state)
{
    (void)state;
    struct bulla_leaf_request request = proxied_object();
    bulla_tpm_deadline_set(0);
    proxy_reset(&proxy);
    approval_make(&approval, authority, request.policy_ref, 1U << PCR);
    return 0;
}

int trouble_end(void **state)
{
    bulla_tpm_deadline_set(0);
    proxy_stop(&proxy);
    EVP_PKEY_free(authority);
    return fixture_end(state);
}

/* --- the calls --- */

static enum bulla_reason call_token_seal(void)
{
    struct bulla_leaf_request request = proxied_token();
    struct blob blob;
    return seal(&request, share, &blob);
}

static enum bulla_reason call_object_seal(void)
{
    struct bulla_leaf_request request = proxied_object();
    struct blob blob;
    return seal(&request, share, &blob);
}

static enum bulla_reason call_token_open(void)
{
    struct bulla_leaf_request request = proxied_token();
    memset(opened, 0xff, sizeof opened);
    return open_blob(&request, &token_blob, opened);
}

static enum bulla_reason call_object_open(void)
{
    struct bulla_leaf_request request = proxied_object();
    memset(opened, 0xff, sizeof opened);
    return open_blob(&request, &object_blob, opened);
}

static enum bulla_reason call_status(void)
{
    struct bulla_tpm_status status;
    return bulla_tpm_status_read(proxy.tcti, &status);
}

static enum bulla_reason call_pcr_read(void)
{
    uint8_t values[BULLA_PCR_COUNT][32];
    return bulla_tpm_pcr_read(proxy.tcti, 0xffffff, values);
}

static enum bulla_reason call_key_create(void)
{
    uint8_t data[BULLA_LEAF_BLOB_LARGEST];
    struct bulla_writer writer;
    bulla_writer_open(&writer, data, sizeof data);
    return bulla_tpm_attestation_key_create(proxy.tcti, &writer);
}

static enum bulla_reason call_quote(void)
{
    uint8_t data[BULLA_EVIDENCE_LARGEST];
    struct bulla_writer writer;
    bulla_writer_open(&writer, data, sizeof data);
    return bulla_tpm_quote(proxy.tcti, (struct bulla_bytes){key_blob.data, key_blob.size},
        (struct bulla_tpm_selected){BULLA_SHA256, 1}, BULLA_TEXT("a report"), &writer);
}

static void told(void *context, const struct bulla_backend_endorsement *endorsement)
{
    (void)context;
    assert_true(endorsement->certificate.size > 0);
}

static enum bulla_reason call_endorsements(void)
{
    return bulla_tpm_endorsements(proxy.tcti, told, NULL);
}

static enum bulla_reason call_activate(void)
{
    uint8_t secret[BULLA_ACTIVATED_LARGEST];
    struct bulla_writer writer;
    bulla_writer_open(&writer, secret, sizeof secret);
    enum bulla_reason reason = bulla_tpm_activate(proxy.tcti, (struct bulla_bytes){key_blob.data, key_blob.size},
        (struct bulla_bytes){credential.data, credential.size}, &writer);
    assert_int_equal(writer.size, reason == BULLA_OK ? 32 : 0);
    return reason;
}

static enum bulla_reason call_counter_create(void)
{
    uint32_t index = 0;
    uint64_t value;
    enum bulla_reason reason = bulla_tpm_counter_create(proxy.tcti, auth, &index, &value);
    /* Left defined when the connection was lost behind its definition; not there when it went wrong before or
     * otherwise. */
    enum bulla_reason removed = index != 0 ? bulla_tpm_counter_remove(tpm.tcti, index) : BULLA_OK;
    assert_true(removed == BULLA_OK || removed == BULLA_TPM_NV);
    return reason;
}

static enum bulla_reason call_counter_read(void)
{
    uint64_t value;
    return bulla_tpm_counter_read(proxy.tcti, counter, auth, &value);
}

static enum bulla_reason call_counter_increment(void)
{
    uint64_t value;
    return bulla_tpm_counter_increment(proxy.tcti, counter, auth, &value);
}

const struct trouble_call calls[CALLS] = {
    [CALL_TOKEN_SEAL] = {"token seal", call_token_seal, false},
    [CALL_OBJECT_SEAL] = {"object seal", call_object_seal, false},
    [CALL_TOKEN_OPEN] = {"token open", call_token_open, true},
    [CALL_OBJECT_OPEN] = {"object open", call_object_open, true},
    [CALL_STATUS] = {"status", call_status, false},
    [CALL_PCR_READ] = {"PCR read", call_pcr_read, false},
    [CALL_KEY_CREATE] = {"attestation key", call_key_create, false},
    [CALL_QUOTE] = {"quote", call_quote, false},
    [CALL_ENDORSEMENTS] = {"endorsements", call_endorsements, false},
    [CALL_ACTIVATE] = {"activation", call_activate, false},
    [CALL_COUNTER_CREATE] = {"counter create", call_counter_create, false},
    [CALL_COUNTER_READ] = {"counter read", call_counter_read, false},
    [CALL_COUNTER_INCREMENT] = {"counter increment", call_counter_increment, false},
};

int commands_of(size_t call)
{
    assert_reason(calls[call].call(), BULLA_OK);
    proxy_reset(&proxy);
    assert_reason(calls[call].call(), BULLA_OK);
    return atomic_load(&proxy.seen);
}

void assert_refused(size_t call, int at, enum bulla_reason reason)
{
    if (reason == BULLA_OK || !atomic_load(&proxy.struck)) {
        print_error("%s: command %d went wrong, and the call did not\n", calls[call].name, at);
        fail();
    }
    if (calls[call].opens)
        assert_memory_not_equal(opened, share, sizeof opened);
}

void assert_in_time(double start)
{
    double taken = now_ms() - start;
    if (taken > DEADLINE_MS + SLACK_MS) {
        print_error("%.0f ms\n", taken);
        fail();
    }
}
