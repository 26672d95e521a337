#include "derive_fixture.h"

CK_OBJECT_HANDLE derive_base(
    CK_SESSION_HANDLE session, CK_KEY_TYPE type, const void *value, size_t size, bool sensitive, bool extractable)
{
    CK_OBJECT_HANDLE key = 0;
    CK_BBOOL hidden = sensitive, leaves = extractable;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, type),
        {CKA_VALUE, (void *)(uintptr_t)value, size}, ATTRIBUTE(CKA_DERIVE, yes), ATTRIBUTE(CKA_SENSITIVE, hidden),
        ATTRIBUTE(CKA_EXTRACTABLE, leaves)};
    assert_ok(p11->C_CreateObject(session, attributes, COUNT_OF(attributes), &key));
    return key;
}

CK_OBJECT_HANDLE derive_open_base(CK_SESSION_HANDLE session, CK_KEY_TYPE type, const void *value, size_t size)
{
    return derive_base(session, type, value, size, false, true);
}

CK_RV derive_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base, CK_ULONG size, bool guarded,
    CK_OBJECT_HANDLE *key)
{
    CK_BBOOL hidden = guarded, leaves = !guarded;
    CK_ATTRIBUTE attributes[] = {
        ATTRIBUTE(CKA_SENSITIVE, hidden), ATTRIBUTE(CKA_EXTRACTABLE, leaves), ATTRIBUTE(CKA_VALUE_LEN, size)};
    *key = 0;
    return p11->C_DeriveKey(session, mechanism, base, attributes, size ? 3 : 2, key);
}

size_t derive_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, unsigned char *value, size_t most)
{
    unsigned long size = most;
    assert_ok(module_get(session, key, CKA_VALUE, value, &size));
    return size;
}

void derive_expect(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base, CK_ULONG size,
    const void *expected, size_t expected_size)
{
    static unsigned char value[20000];
    CK_OBJECT_HANDLE key;
    assert_ok(derive_key(session, mechanism, base, size, false, &key));
    assert_int_equal(derive_value(session, key, value, sizeof value), expected_size);
    assert_memory_equal(value, expected, expected_size);
    assert_ok(p11->C_DestroyObject(session, key));
}
