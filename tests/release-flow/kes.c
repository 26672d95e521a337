#include "kes.h"

#include <stdio.h>
#include <string.h>

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

CK_RV flow_kes_generate(const struct flow_kes_settings *settings, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *key)
{
    CK_MECHANISM mechanism = {CKM_BULLA_KES_KEY_PAIR_GEN, NULL, 0};
    char *label = (char *)(uintptr_t)(settings->label ? settings->label : "kes");
    CK_ULONG depth = settings->depth == FLOW_KES_NONE ? 0 : (CK_ULONG)settings->depth;
    CK_ULONG start = settings->start, slots = settings->slots;
    CK_ATTRIBUTE publics[] = {{CKA_TOKEN, &yes, 1}, {CKA_LABEL, label, strlen(label)}};
    CK_ATTRIBUTE privates[9] = {{CKA_TOKEN, &yes, 1}, {CKA_LABEL, label, strlen(label)}};
    CK_ULONG count = 2;
    if (settings->depth)
        privates[count++] = (CK_ATTRIBUTE){CKA_BULLA_KES_DEPTH, &depth, sizeof depth};
    if (slots) {
        privates[count++] = (CK_ATTRIBUTE){CKA_BULLA_KES_START_TIME, &start, sizeof start};
        privates[count++] = (CK_ATTRIBUTE){CKA_BULLA_KES_SLOTS_PER_PERIOD, &slots, sizeof slots};
    }
    if (settings->readable) {
        privates[count++] = (CK_ATTRIBUTE){CKA_SENSITIVE, &no, 1};
        privates[count++] = (CK_ATTRIBUTE){CKA_EXTRACTABLE, &yes, 1};
    }
    return flow.p11->C_GenerateKeyPair(
        flow.session, &mechanism, publics, COUNT_OF(publics), privates, count, public_key, key);
}

void flow_kes_make(int depth, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *key, uint8_t value[static 32])
{
    assert_ok(flow_kes_generate(&(struct flow_kes_settings){.depth = depth}, public_key, key));
    assert_int_equal(flow_bytes(*public_key, CKA_VALUE, value, 32), 32);
}

void flow_kes_resume(CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *key)
{
    flow_resume();
    *key = flow_find(CKO_PRIVATE_KEY, "kes");
    *public_key = flow_find(CKO_PUBLIC_KEY, "kes");
}

CK_RV flow_kes_import(const void *form, size_t size, CK_ULONG period, const char *label, CK_OBJECT_HANDLE *key)
{
    CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_BULLA_KES;
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class}, {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &yes, 1}, {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
        {CKA_VALUE, (void *)(uintptr_t)form, size}, {CKA_BULLA_KES_PERIOD, &period, sizeof period}};
    return flow.p11->C_CreateObject(flow.session, attributes, COUNT_OF(attributes), key);
}

CK_RV flow_kes_import_public(const uint8_t value[static 32], CK_ULONG depth, CK_OBJECT_HANDLE *key)
{
    CK_OBJECT_CLASS object_class = CKO_PUBLIC_KEY;
    CK_KEY_TYPE type = CKK_BULLA_KES;
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class}, {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_VALUE, (void *)(uintptr_t)value, 32}, {CKA_BULLA_KES_DEPTH, &depth, sizeof depth}};
    return flow.p11->C_CreateObject(flow.session, attributes, COUNT_OF(attributes), key);
}

CK_RV flow_kes_sign(
    CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type, const char *message, struct flow_kes_signature *signature)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_RV rv = flow.p11->C_SignInit(flow.session, &mechanism, key);
    signature->size = sizeof signature->bytes;
    return rv != CKR_OK ? rv
                        : flow.p11->C_Sign(flow.session, (unsigned char *)(uintptr_t)message, strlen(message),
                              signature->bytes, &signature->size);
}

CK_RV flow_kes_verify(
    CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type, const char *message, const struct flow_kes_signature *signature)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_RV rv = flow.p11->C_VerifyInit(flow.session, &mechanism, key);
    return rv != CKR_OK ? rv
                        : flow.p11->C_Verify(flow.session, (unsigned char *)(uintptr_t)message, strlen(message),
                              (unsigned char *)(uintptr_t)signature->bytes, signature->size);
}

int flow_kes_period_of(
    const uint8_t key[static 32], unsigned depth, const char *message, const struct flow_kes_signature *signature)
{
    struct bulla_kes_claim claim = {
        BULLA_KES_SUM, depth, 0, key, BULLA_TEXT(message), {signature->bytes, signature->size}};
    for (; claim.period < bulla_kes_periods(depth); claim.period++)
        if (bulla_kes_verify(&claim) == BULLA_OK)
            return (int)claim.period;
    return -1;
}

void flow_kes_assert_signs_in(CK_OBJECT_HANDLE key, const uint8_t value[static 32], CK_ULONG period)
{
    struct flow_kes_signature signature;
    assert_int_equal(flow_kes_period(key), period);
    assert_ok(flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature));
    assert_int_equal(flow_kes_period_of(value, 6, "message", &signature), period);
}

CK_RV flow_kes_evolve(CK_OBJECT_HANDLE key, CK_ULONG period)
{
    CK_ATTRIBUTE attribute = {CKA_BULLA_KES_PERIOD, &period, sizeof period};
    return flow.p11->C_SetAttributeValue(flow.session, key, &attribute, 1);
}

CK_ULONG flow_kes_period(CK_OBJECT_HANDLE key)
{
    return flow_ulong(key, CKA_BULLA_KES_PERIOD);
}

uint8_t *flow_kes_vector(const char *name, size_t *size)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/tests/vectors/kes/%s", BULLA_SOURCE_FOLDER, name);
    uint8_t *bytes = test_file_read(path, size);
    assert_non_null(bytes);
    return bytes;
}
