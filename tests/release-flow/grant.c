#include "grant.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bulla_grant flow_grant(uint32_t operations, uint64_t uses)
{
    uint64_t now = (uint64_t)time(NULL);
    struct bulla_grant grant = {
        .operations = operations, .not_before = now - 3600, .not_after = now + 3600, .uses = uses};
    randombytes_buf(grant.id, sizeof grant.id);
    assert_int_equal(bulla_principal_parse(BULLA_TEXT("user:user"), &grant.who), BULLA_OK);
    return grant;
}

/* Without a TPM nobody measures: the state that is approved is one that never is. */
static void make_policy(uint64_t version, struct bulla_policy *policy)
{
    uint64_t now = (uint64_t)time(NULL);
    if (flow.kind == FLOW_TPM) {
        flow_policy_now(version, policy);
        return;
    }
    *policy = (struct bulla_policy){.version = version, .not_before = now - 3600, .not_after = now + 3600};
    policy->state_count = 1;
    policy->states[0].pcr_mask = 1;
    memcpy(policy->states[0].label, "none", 5);
}

CK_RV flow_free(uint64_t version, const struct test_p256 *authority)
{
    struct bulla_policy policy;
    make_policy(version, &policy);
    return flow_policy_load(&policy, authority);
}

CK_RV flow_restrict(uint64_t version, const struct test_p256 *authority, struct bulla_grant *grants, size_t count)
{
    static uint8_t memory[64 << 10];
    struct bulla_policy policy;
    struct bulla_writer writer;
    make_policy(version, &policy);
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_equal(bulla_policy_grants_write(grants, count, &writer), BULLA_OK);
    policy.restricted = true;
    policy.grants = bulla_writer_bytes(&writer);
    return flow_policy_load(&policy, authority);
}

CK_RV flow_grant_load(const struct bulla_grant *grant, uint64_t epoch, const struct test_p256 *authority)
{
    struct bulla_grant_document document = {.epoch = epoch, .grant = *grant};
    uint8_t memory[BULLA_GRANT_DOCUMENT_LARGEST];
    struct bulla_writer writer;
    memcpy(document.authority, authority->point, sizeof document.authority);
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_equal(bulla_grant_sign(&document, &authority->signer, &writer), BULLA_OK);
    return flow_policy_load_bytes(bulla_writer_bytes(&writer));
}

CK_RV flow_revoke(const struct bulla_grant *grant, const struct test_p256 *authority)
{
    struct bulla_revocation revocation = {.count = 1};
    uint8_t memory[BULLA_GRANT_DOCUMENT_LARGEST];
    struct bulla_writer writer;
    memcpy(revocation.authority, authority->point, sizeof revocation.authority);
    memcpy(revocation.ids[0], grant->id, sizeof grant->id);
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_equal(bulla_revocation_sign(&revocation, &authority->signer, &writer), BULLA_OK);
    return flow_policy_load_bytes(bulla_writer_bytes(&writer));
}

/* --- a key --- */

CK_OBJECT_HANDLE flow_governed_key(const char *label, const char *id, const struct test_p256 *authority)
{
    static const CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
    static const CK_KEY_TYPE aes = CKK_AES;
    static const CK_BBOOL yes = CK_TRUE;
    static const uint8_t value[32] = {7};
    CK_OBJECT_HANDLE key = 0;
#define A(type, value) {(type), (void *)(uintptr_t) & (value), sizeof(value)}
    CK_ATTRIBUTE template[] = {A(CKA_CLASS, secret_class), A(CKA_KEY_TYPE, aes), A(CKA_TOKEN, yes), A(CKA_VALUE, value),
        A(CKA_ENCRYPT, yes), A(CKA_DECRYPT, yes), A(CKA_SIGN, yes), A(CKA_VERIFY, yes), A(CKA_DERIVE, yes),
        A(CKA_EXTRACTABLE, yes), {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
        {CKA_ID, (void *)(uintptr_t)id, strlen(id)},
        {CKA_BULLA_AUTHORITY, (void *)(uintptr_t)authority->point, sizeof authority->point}};
#undef A
    assert_ok(flow.p11->C_CreateObject(flow.session, template, sizeof template / sizeof template[0], &key));
    return key;
}

static CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0};

CK_RV flow_encrypt(CK_OBJECT_HANDLE key)
{
    uint8_t plain[16] = {0}, out[16];
    CK_ULONG size = sizeof out;
    CK_RV rv = flow.p11->C_EncryptInit(flow.session, &ecb, key);
    return rv == CKR_OK ? flow.p11->C_Encrypt(flow.session, plain, sizeof plain, out, &size) : rv;
}

CK_RV flow_decrypt(CK_OBJECT_HANDLE key)
{
    uint8_t in[16] = {0}, out[16];
    CK_ULONG size = sizeof out;
    CK_RV rv = flow.p11->C_DecryptInit(flow.session, &ecb, key);
    return rv == CKR_OK ? flow.p11->C_Decrypt(flow.session, in, sizeof in, out, &size) : rv;
}

/* --- what is left --- */

struct flow_uses flow_uses(const struct bulla_grant *grant)
{
    struct flow_uses uses = {0};
    char id[2 * BULLA_GRANT_ID + 1];
    size_t i;
    json_t *row;
    char *text = flow_status("uses");
    assert_non_null(text);
    json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(document);
    (void)sodium_bin2hex(id, sizeof id, grant->id, sizeof grant->id);
    json_array_foreach(json_object_get(document, "grants"), i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "id")), id) != 0)
            continue;
        uses.found = true;
        uses.rows++;
        uses.revoked = json_is_true(json_object_get(row, "revoked"));
        uses.used = (uint64_t)json_integer_value(json_object_get(row, "used"));
        uses.left = (uint64_t)json_integer_value(json_object_get(row, "left"));
    }
    json_decref(document);
    free(text);
    return uses;
}
