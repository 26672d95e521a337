#include "cipher_fixture.h"

#include <openssl/evp.h>

#include "support/vectors.h"

CK_KEY_TYPE cipher_aes = CKK_AES, cipher_aes_xts = CKK_AES_XTS, cipher_chacha20 = CKK_CHACHA20,
            cipher_generic = CKK_GENERIC_SECRET;

struct cipher_bytes cipher_hex(const char *hex)
{
    struct cipher_bytes bytes = {.size = 0};
    bytes.size = test_hex(hex, bytes.data, sizeof bytes.data);
    return bytes;
}

CK_OBJECT_HANDLE cipher_key(CK_SESSION_HANDLE session, CK_KEY_TYPE type, const void *value, size_t size)
{
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE template[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, type),
        ATTRIBUTE(CKA_TOKEN, no), ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes),
        ATTRIBUTE(CKA_ENCRYPT, yes), ATTRIBUTE(CKA_DECRYPT, yes), ATTRIBUTE(CKA_SIGN, yes), ATTRIBUTE(CKA_VERIFY, yes),
        {CKA_VALUE, (void *)(uintptr_t)value, size}};
    assert_ok(module_create(session, template, COUNT_OF(template), &key));
    return key;
}

CK_OBJECT_HANDLE cipher_key_hex(CK_SESSION_HANDLE session, CK_KEY_TYPE type, const char *hex)
{
    struct cipher_bytes value = cipher_hex(hex);
    return cipher_key(session, type, value.data, value.size);
}

/* --- one function for each direction --- */

static CK_RV begin(CK_SESSION_HANDLE session, bool encrypt, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return encrypt ? p11->C_EncryptInit(session, mechanism, key) : p11->C_DecryptInit(session, mechanism, key);
}

static CK_RV whole(CK_SESSION_HANDLE session, bool encrypt, unsigned char *in, unsigned long in_size,
    unsigned char *out, unsigned long *size)
{
    return encrypt ? p11->C_Encrypt(session, in, in_size, out, size) : p11->C_Decrypt(session, in, in_size, out, size);
}

static CK_RV update(CK_SESSION_HANDLE session, bool encrypt, unsigned char *in, unsigned long in_size,
    unsigned char *out, unsigned long *size)
{
    return encrypt ? p11->C_EncryptUpdate(session, in, in_size, out, size)
                   : p11->C_DecryptUpdate(session, in, in_size, out, size);
}

static CK_RV final(CK_SESSION_HANDLE session, bool encrypt, unsigned char *out, unsigned long *size)
{
    return encrypt ? p11->C_EncryptFinal(session, out, size) : p11->C_DecryptFinal(session, out, size);
}

CK_RV cipher_run(CK_SESSION_HANDLE session, bool encrypt, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    const struct cipher_bytes *in, struct cipher_bytes *out)
{
    out->size = sizeof out->data;
    CK_RV rv = begin(session, encrypt, mechanism, key);
    return rv == CKR_OK ? whole(session, encrypt, VIEW(*in), out->data, &out->size) : rv;
}

/* The output goes where the input lies when `out` is `in`. */
static CK_RV run_parts(CK_SESSION_HANDLE session, bool encrypt, const struct cipher_bytes *in, size_t part,
    unsigned char *work, struct cipher_bytes *out)
{
    size_t written = 0;
    for (size_t at = 0; at < in->size; at += part) {
        unsigned long size = sizeof out->data - written, taken = in->size - at < part ? in->size - at : part;
        CK_RV rv = update(session, encrypt, work + at, taken, out->data + written, &size);
        if (rv != CKR_OK)
            return rv;
        written += size;
    }
    unsigned long size = sizeof out->data - written;
    CK_RV rv = final(session, encrypt, out->data + written, &size);
    out->size = written + size;
    return rv;
}

CK_RV cipher_run_parts(CK_SESSION_HANDLE session, bool encrypt, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    const struct cipher_bytes *in, size_t part, struct cipher_bytes *out)
{
    CK_RV rv = begin(session, encrypt, mechanism, key);
    return rv == CKR_OK ? run_parts(session, encrypt, in, part, (unsigned char *)(uintptr_t)in->data, out) : rv;
}

static void assert_same(const struct cipher_bytes *got, const struct cipher_bytes *expected)
{
    assert_int_equal(got->size, expected->size);
    if (expected->size)
        assert_memory_equal(got->data, expected->data, expected->size);
}

/* --- what each vector must stand --- */

static void check_whole(CK_SESSION_HANDLE session, bool encrypt, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    const struct cipher_bytes *in, const struct cipher_bytes *expected)
{
    struct cipher_bytes out;
    assert_ok(cipher_run(session, encrypt, mechanism, key, in, &out));
    assert_same(&out, expected);
    /* in place */
    struct cipher_bytes work = *in;
    work.size = sizeof work.data;
    assert_ok(begin(session, encrypt, mechanism, key));
    assert_ok(whole(session, encrypt, work.data, in->size, work.data, &work.size));
    assert_same(&work, expected);
    /* a length query and a short buffer, then a buffer of the length that was said, with a guard behind it */
    unsigned long said = 0, small = 0;
    assert_ok(begin(session, encrypt, mechanism, key));
    assert_ok(whole(session, encrypt, VIEW(*in), NULL, &said));
    assert_true(said >= expected->size && said <= expected->size + 16 && said < sizeof out.data);
    if (said) {
        small = said - 1;
        assert_rv(whole(session, encrypt, VIEW(*in), out.data, &small), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(small, said);
    }
    memset(out.data, 0x5a, sizeof out.data);
    out.size = said;
    assert_ok(whole(session, encrypt, VIEW(*in), out.data, &out.size));
    assert_same(&out, expected);
    for (size_t i = said; i < sizeof out.data; i++)
        assert_int_equal(out.data[i], 0x5a);
    out.size = sizeof out.data;
    assert_rv(whole(session, encrypt, VIEW(*in), out.data, &out.size), CKR_OPERATION_NOT_INITIALIZED);
}

static void check_parts(CK_SESSION_HANDLE session, bool encrypt, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    const struct cipher_bytes *in, const struct cipher_bytes *expected)
{
    for (size_t part = 1; part <= in->size + 1; part += part < 70 ? 1 : 61) {
        struct cipher_bytes out, work = *in;
        assert_ok(begin(session, encrypt, mechanism, key));
        assert_ok(run_parts(session, encrypt, in, part, work.data, &out));
        assert_same(&out, expected);
    }
}

/* Each part is overwritten by what comes of it; the output is collected apart. */
static void check_parts_in_place(CK_SESSION_HANDLE session, bool encrypt, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    const struct cipher_bytes *in, const struct cipher_bytes *expected, size_t part)
{
    struct cipher_bytes out = {.size = 0}, work;
    assert_ok(begin(session, encrypt, mechanism, key));
    for (size_t at = 0; at < in->size; at += part) {
        unsigned long taken = in->size - at < part ? in->size - at : part, size = sizeof work.data;
        memcpy(work.data, in->data + at, taken);
        assert_ok(update(session, encrypt, work.data, taken, work.data, &size));
        memcpy(out.data + out.size, work.data, size);
        out.size += size;
    }
    unsigned long size = 0, last = sizeof out.data - out.size;
    assert_ok(final(session, encrypt, NULL, &size)); /* a length query */
    assert_ok(final(session, encrypt, out.data + out.size, &last));
    assert_true(last <= size);
    out.size += last;
    assert_same(&out, expected);
}

static void check_both(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    const struct cipher_bytes *plain, const struct cipher_bytes *sealed)
{
    check_whole(session, true, mechanism, key, plain, sealed);
    check_whole(session, false, mechanism, key, sealed, plain);
}

void cipher_check(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    const struct cipher_bytes *plain, const struct cipher_bytes *sealed)
{
    static const size_t parts[] = {1, 5, 15, 16, 17, 31, 33, 64, 100, 2049};
    check_both(session, mechanism, key, plain, sealed);
    check_parts(session, true, mechanism, key, plain, sealed);
    check_parts(session, false, mechanism, key, sealed, plain);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        check_parts_in_place(session, true, mechanism, key, plain, sealed, parts[i]);
        check_parts_in_place(session, false, mechanism, key, sealed, plain, parts[i]);
    }
}

void cipher_check_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, CK_RV expected)
{
    for (int encrypt = 0; encrypt < 2; encrypt++) {
        assert_rv(begin(session, encrypt, mechanism, key), expected);
        if (expected == CKR_OK)
            assert_ok(begin(session, encrypt, NULL, 0));
    }
}

/* --- the second oracle --- */

bool cipher_openssl(const char *name, bool encrypt, const unsigned char *key, const unsigned char *iv,
    const struct cipher_bytes *in, struct cipher_bytes *out)
{
    int size = 0, last = 0;
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    bool good = cipher && context && EVP_CipherInit_ex(context, cipher, NULL, key, iv, encrypt) == 1 &&
                EVP_CipherUpdate(context, out->data, &size, in->data, (int)in->size) == 1 &&
                EVP_CipherFinal_ex(context, out->data + size, &last) == 1;
    out->size = (unsigned long)(size + last);
    EVP_CIPHER_CTX_free(context);
    EVP_CIPHER_free(cipher);
    return good;
}
