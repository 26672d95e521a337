/* The way of wrapped keys between two real tokens, both SoftHSM's, by a real AES key wrap: what is unwrapped signs what
 * the source's public key verifies. */
#include "support/test.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/folder.h"
#include "tools/import.h"

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

static char folder[64];
static CK_FUNCTION_LIST *module;
static struct bulla_import_settings settings;
static struct bulla_import import;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static CK_SESSION_HANDLE token_make(const char *name, CK_SLOT_ID *slot)
{
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    CK_UTF8CHAR pin[] = "1234", label[33];
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
    (void)snprintf((char *)label, sizeof label, "%-32s", name);
    assert_int_equal(module->C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK); /* which makes SoftHSM look anew */
    count = 8;
    assert_int_equal(module->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    *slot = slots[count - 1]; /* the one that is free */
    assert_int_equal(module->C_InitToken(*slot, pin, 4, label), CKR_OK);
    assert_int_equal(module->C_OpenSession(*slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), CKR_OK);
    assert_int_equal(module->C_Login(session, CKU_SO, pin, 4), CKR_OK);
    assert_int_equal(module->C_InitPIN(session, pin, 4), CKR_OK);
    assert_int_equal(module->C_Logout(session), CKR_OK);
    assert_int_equal(module->C_Login(session, CKU_USER, pin, 4), CKR_OK);
    return session;
}

static int set_up(void **state)
{
    (void)state;
    char text[256];
    char config[128];
    CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;
    test_folder_make(folder, sizeof folder);
    test_folder_join(config, sizeof config, folder, "softhsm2.conf");
    int size = snprintf(text, sizeof text, "directories.tokendir = %s\nlog.level = ERROR\n", folder);
    test_file_write(config, text, (size_t)size);
    assert_int_equal(setenv("SOFTHSM2_CONF", config, 1), 0);
    void *library = dlopen(SOFTHSM, RTLD_NOW);
    void *symbol = library ? dlsym(library, "C_GetFunctionList") : NULL;
    memcpy(&get, &symbol, sizeof get);
    assert_non_null(get);
    assert_int_equal(get(&module), CKR_OK);
    assert_int_equal(module->C_Initialize(NULL), CKR_OK);
    memset(&settings, 0, sizeof settings);
    memset(&import, 0, sizeof import);
    import.settings = &settings;
    import.source.module = import.target.module = module;
    import.source.session = token_make("one", &import.source.slot);
    import.target.session = token_make("other", &import.target.slot);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bulla_import_wrapping_end(&import);
    assert_int_equal(module->C_Finalize(NULL), CKR_OK);
    test_folder_remove(folder);
    return 0;
}

/* A sensitive pair at the source, CKA_EXTRACTABLE and CKA_WRAP_WITH_TRUSTED as given. */
static void pair_make(
    CK_MECHANISM_TYPE type, CK_ATTRIBUTE what, CK_BBOOL *extractable, CK_BBOOL *trusted, CK_OBJECT_HANDLE pair[2])
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_BYTE id = 7;
    CK_ATTRIBUTE public_key[] = {{CKA_VERIFY, &yes, 1}, {CKA_ID, &id, 1}, what};
    CK_ATTRIBUTE private_key[] = {{CKA_TOKEN, &yes, 1}, {CKA_SIGN, &yes, 1}, {CKA_ID, &id, 1}, {CKA_SENSITIVE, &yes, 1},
        {CKA_EXTRACTABLE, extractable, 1}, {CKA_WRAP_WITH_TRUSTED, trusted, 1}};
    assert_int_equal(
        module->C_GenerateKeyPair(import.source.session, &mechanism, public_key, 3, private_key, 6, &pair[0], &pair[1]),
        CKR_OK);
}

static uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}; /* RFC 5480, secp256r1 */
static CK_ULONG bits = 2048;
#define P256                                                                                                           \
    CKM_EC_KEY_PAIR_GEN, (CK_ATTRIBUTE)                                                                                \
    {                                                                                                                  \
        CKA_EC_PARAMS, p256, sizeof p256                                                                               \
    }
#define RSA                                                                                                            \
    CKM_RSA_PKCS_KEY_PAIR_GEN, (CK_ATTRIBUTE)                                                                          \
    {                                                                                                                  \
        CKA_MODULUS_BITS, &bits, sizeof bits                                                                           \
    }

static void bring(CK_OBJECT_HANDLE key, struct bulla_import_row *row, CK_OBJECT_HANDLE *made)
{
    struct bulla_carried carried;
    *made = CK_INVALID_HANDLE;
    memset(row, 0, sizeof *row);
    assert_int_equal(bulla_carried_read(module, import.source.session, key, true, &carried), CKR_OK);
    assert_true(carried.known && carried.sealed);
    assert_int_equal(bulla_import_wrapped(&import, key, &carried, row, made), BULLA_OK);
    bulla_carried_release(&carried);
}

static bool flag(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = 2;
    CK_ATTRIBUTE attribute = {type, &value, 1};
    assert_int_equal(module->C_GetAttributeValue(import.target.session, key, &attribute, 1), CKR_OK);
    return value == CK_TRUE;
}

static void assert_signs(CK_OBJECT_HANDLE made, CK_OBJECT_HANDLE public_key, CK_MECHANISM_TYPE type)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_BYTE message[32] = "to be signed", signature[512];
    CK_ULONG size = sizeof signature;
    assert_int_equal(module->C_SignInit(import.target.session, &mechanism, made), CKR_OK);
    assert_int_equal(module->C_Sign(import.target.session, message, sizeof message, signature, &size), CKR_OK);
    assert_int_equal(module->C_VerifyInit(import.source.session, &mechanism, public_key), CKR_OK);
    assert_int_equal(module->C_Verify(import.source.session, message, sizeof message, signature, size), CKR_OK);
    message[0] ^= 1;
    assert_int_equal(module->C_VerifyInit(import.source.session, &mechanism, public_key), CKR_OK);
    assert_int_equal(
        module->C_Verify(import.source.session, message, sizeof message, signature, size), CKR_SIGNATURE_INVALID);
}

static void a_wrapped_private_key_signs_as_before(void **state)
{
    (void)state;
    struct bulla_import_row row;
    CK_OBJECT_HANDLE pair[2];
    CK_OBJECT_HANDLE made;
    pair_make(P256, &yes, &no, pair);
    bring(pair[1], &row, &made);
    assert_string_equal(row.why, "");
    assert_true(row.unwrapped);
    assert_true(flag(made, CKA_SENSITIVE) && flag(made, CKA_EXTRACTABLE) && flag(made, CKA_TOKEN));
    assert_signs(made, pair[0], CKM_ECDSA);
    CK_OBJECT_HANDLE first = import.wrapping.source_key;
    pair_make(RSA, &yes, &no, pair);
    bring(pair[1], &row, &made);
    assert_true(row.unwrapped);
    assert_signs(made, pair[0], CKM_RSA_PKCS);
    assert_int_equal(import.wrapping.source_key, first); /* one for the run */
}

static void a_wrapped_secret_key_encrypts_as_before(void **state)
{
    (void)state;
    struct bulla_import_row row;
    CK_OBJECT_HANDLE key;
    CK_OBJECT_HANDLE made;
    CK_MECHANISM generation = {CKM_AES_KEY_GEN, NULL, 0};
    CK_MECHANISM mechanism = {CKM_AES_ECB, NULL, 0};
    CK_ULONG size = 16;
    CK_BYTE block[16] = "sixteen bytes...", one[16], other[16];
    CK_ATTRIBUTE template[] = {{CKA_VALUE_LEN, &size, sizeof size}, {CKA_SENSITIVE, &yes, 1},
        {CKA_EXTRACTABLE, &yes, 1}, {CKA_ENCRYPT, &yes, 1}};
    assert_int_equal(module->C_GenerateKey(import.source.session, &generation, template, 4, &key), CKR_OK);
    bring(key, &row, &made);
    assert_true(row.unwrapped);
    assert_int_equal(module->C_EncryptInit(import.source.session, &mechanism, key), CKR_OK);
    assert_int_equal(module->C_Encrypt(import.source.session, block, sizeof block, one, &size), CKR_OK);
    assert_int_equal(module->C_EncryptInit(import.target.session, &mechanism, made), CKR_OK);
    assert_int_equal(module->C_Encrypt(import.target.session, block, sizeof block, other, &size), CKR_OK);
    assert_memory_equal(one, other, sizeof one);
}

static void what_may_not_be_wrapped_is_left_with_the_reason(void **state)
{
    (void)state;
    struct bulla_import_row row;
    CK_OBJECT_HANDLE pair[2];
    CK_OBJECT_HANDLE made;
    pair_make(P256, &no, &no, pair); /* the tool does not even try such a key; the source has the last word */
    bring(pair[1], &row, &made);
    assert_false(row.unwrapped);
    assert_int_equal(made, CK_INVALID_HANDLE);
    assert_non_null(strstr(row.why, "wrapping it"));
    pair_make(P256, &yes, &yes, pair);
    bring(pair[1], &row, &made);
    assert_false(row.unwrapped);
    assert_non_null(strstr(row.why, "CKA_WRAP_WITH_TRUSTED"));
}

static CK_ULONG secret_keys(CK_SESSION_HANDLE session)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof class};
    CK_OBJECT_HANDLE found[8];
    CK_ULONG count = 0;
    assert_int_equal(module->C_FindObjectsInit(session, &template, 1), CKR_OK);
    assert_int_equal(module->C_FindObjects(session, found, 8, &count), CKR_OK);
    assert_int_equal(module->C_FindObjectsFinal(session), CKR_OK);
    return count;
}

static void the_wrapping_key_goes_with_the_run(void **state)
{
    (void)state;
    struct bulla_import_row row;
    CK_OBJECT_HANDLE pair[2];
    CK_OBJECT_HANDLE made;
    pair_make(P256, &yes, &no, pair);
    settings.dry_run = true;
    bring(pair[1], &row, &made);
    assert_true(row.unwrapped); /* it would be */
    assert_int_equal(made, CK_INVALID_HANDLE);
    assert_int_equal(secret_keys(import.source.session) + secret_keys(import.target.session), 0);
    settings.dry_run = false;
    bring(pair[1], &row, &made);
    assert_int_equal(secret_keys(import.source.session), 1);
    assert_int_equal(secret_keys(import.target.session), 1);
    assert_false(flag(import.wrapping.target_key, CKA_TOKEN));
    assert_true(flag(import.wrapping.target_key, CKA_SENSITIVE));
    assert_false(flag(import.wrapping.target_key, CKA_EXTRACTABLE));
    bulla_import_wrapping_end(&import);
    assert_int_equal(secret_keys(import.source.session) + secret_keys(import.target.session), 0);
}

int main(void)
{
    if (access(SOFTHSM, R_OK) != 0)
        return test_skip("softhsm2");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_wrapped_private_key_signs_as_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrapped_secret_key_encrypts_as_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_may_not_be_wrapped_is_left_with_the_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_wrapping_key_goes_with_the_run, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
