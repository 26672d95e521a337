/* Initialising, the function lists, and what the shared object shows of itself. */
#include "module_fixture.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static CK_RV mutex_make(void **mutex)
{
    (void)mutex;
    return CKR_OK;
}
static CK_RV mutex_use(void *mutex)
{
    (void)mutex;
    return CKR_OK;
}

static void arguments_of_initialize_are_judged(void **state)
{
    (void)state;
    struct {
        CK_C_INITIALIZE_ARGS arguments;
        CK_RV expected;
    } rows[] = {
        {{0}, CKR_OK},
        {{.flags = CKF_OS_LOCKING_OK}, CKR_OK},
        {{.flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS}, CKR_OK},
        {{mutex_make, mutex_use, mutex_use, mutex_use, CKF_OS_LOCKING_OK, NULL}, CKR_OK},
        {{mutex_make, mutex_use, mutex_use, mutex_use, 0, NULL}, CKR_CANT_LOCK},
        {{mutex_make, NULL, NULL, NULL, CKF_OS_LOCKING_OK, NULL}, CKR_ARGUMENTS_BAD},
        {{mutex_make, mutex_use, mutex_use, NULL, CKF_OS_LOCKING_OK, NULL}, CKR_ARGUMENTS_BAD},
        {{NULL, NULL, NULL, NULL, 0, &yes}, CKR_ARGUMENTS_BAD},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CK_RV rv = p11->C_Initialize(&rows[i].arguments);
        if (rv != rows[i].expected)
            fail_msg("row %zu: 0x%lx", i, rv);
        if (rv == CKR_OK)
            assert_ok(p11->C_Finalize(NULL));
        else
            assert_rv(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
    }
}

static void initialize_works_once_until_finalize(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_ok(p11->C_Initialize(NULL));
        assert_rv(p11->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
        assert_rv(p11->C_Finalize(&yes), CKR_ARGUMENTS_BAD);
        assert_ok(p11->C_Finalize(NULL));
        assert_rv(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
    }
}

static void a_broken_configuration_initialises_nothing(void **state)
{
    struct module_fixture *fixture = *state;
    module_conf(fixture, "no-such-setting = 1");
    assert_rv(p11->C_Initialize(NULL), CKR_GENERAL_ERROR);
    assert_rv(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
    module_conf(fixture, NULL);
    assert_int_equal(chmod(fixture->conf, 0620), 0);
    assert_rv(p11->C_Initialize(NULL), CKR_GENERAL_ERROR);
    assert_int_equal(chmod(fixture->conf, 0640), 0); /* reading harms nobody */
    assert_ok(p11->C_Initialize(NULL));
}

static void a_session_does_not_survive_finalize(void **state)
{
    struct module_fixture *fixture = *state;
    CK_SESSION_INFO info;
    assert_ok(p11->C_GetSessionInfo(fixture->session, &info));
    assert_ok(p11->C_Finalize(NULL));
    assert_rv(p11->C_GetSessionInfo(fixture->session, &info), CKR_CRYPTOKI_NOT_INITIALIZED);
    assert_ok(p11->C_Initialize(NULL));
    assert_rv(p11->C_GetSessionInfo(fixture->session, &info), CKR_SESSION_HANDLE_INVALID);
    fixture->session = module_session(0, CKF_RW_SESSION);
    assert_ok(p11->C_GetSessionInfo(fixture->session, &info));
    assert_int_equal(info.state, CKS_RW_PUBLIC_SESSION); /* and neither does a login */
}

static void information_says_who_this_is(void **state)
{
    (void)state;
    CK_INFO info;
    memset(&info, 0xee, sizeof info);
    assert_ok(p11->C_GetInfo(&info));
    assert_memory_equal(info.manufacturerID, "bulla                           ", 32);
    assert_int_equal(info.flags, 0);
    assert_true(info.cryptokiVersion.major >= 2);
    assert_memory_equal(info.libraryDescription + 23, "         ", 9); /* padded, not terminated */
    assert_rv(p11->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
}

/* Every list: each member after the version is a pointer to a function, and a newer list begins with the older one. */
static void no_list_has_a_gap(void **state)
{
    (void)state;
    enum { MEMBERS = (sizeof(CK_FUNCTION_LIST) - offsetof(CK_FUNCTION_LIST, C_Initialize)) / sizeof(void *) };
    enum { MEMBERS_3 = (sizeof(struct bulla_function_list_3_0) - sizeof(CK_FUNCTION_LIST)) / sizeof(void *) };
    enum {
        MEMBERS_32 = (sizeof(struct bulla_function_list_3_2) - sizeof(struct bulla_function_list_3_0)) / sizeof(void *)
    };
    void *members[MEMBERS], *members_3[MEMBERS_3], *members_32[MEMBERS_32];
    memcpy(members, (char *)p11 + offsetof(CK_FUNCTION_LIST, C_Initialize), sizeof members);
    assert_int_equal(MEMBERS, 68);   /* functions of PKCS#11 2.40 */
    assert_int_equal(MEMBERS_3, 24); /* those that 3.0 adds */
    assert_int_equal(MEMBERS_32, 12);
    for (size_t i = 0; i < MEMBERS; i++)
        assert_non_null(members[i]);
    memcpy(members, (char *)p11_3 + offsetof(CK_FUNCTION_LIST, C_Initialize), sizeof members);
    for (size_t i = 0; i < MEMBERS; i++)
        assert_non_null(members[i]);
    memcpy(members_3, (char *)p11_3 + sizeof(CK_FUNCTION_LIST), sizeof members_3);
    for (size_t i = 0; i < MEMBERS_3; i++)
        assert_non_null(members_3[i]);
    memcpy(members_32, (char *)p11_32 + sizeof(struct bulla_function_list_3_0), sizeof members_32);
    for (size_t i = 0; i < MEMBERS_32; i++)
        assert_non_null(members_32[i]);
    assert_memory_equal((char *)p11_32 + offsetof(CK_FUNCTION_LIST, C_Initialize),
        (char *)p11_3 + offsetof(CK_FUNCTION_LIST, C_Initialize),
        sizeof(struct bulla_function_list_3_0) - offsetof(CK_FUNCTION_LIST, C_Initialize));
    assert_int_equal(p11_32->base.base.version.major, 3);
    assert_int_equal(p11_32->base.base.version.minor, 2);
    assert_int_equal(p11->version.major, 2);
    assert_int_equal(p11->version.minor, 40);
    assert_int_equal(p11_3->base.version.major, 3);
    assert_int_equal(p11_3->base.version.minor, 0);
}

/* The lists name what the shared object defines under the same name: none has slipped by a place, and none is another
 * library's, although this program links libp11-kit, which exports a C_GetFunctionList of its own. */
static void members_of_the_list_are_the_exported_functions(void **state)
{
    (void)state;
#define SAME(name) assert_ptr_equal((void *)(uintptr_t)p11->name, dlsym(p11_library, #name))
    SAME(C_Initialize);
    SAME(C_GetFunctionList);
    SAME(C_InitToken);
    SAME(C_OpenSession);
    SAME(C_Login);
    SAME(C_CreateObject);
    SAME(C_FindObjectsFinal);
    SAME(C_EncryptUpdate);
    SAME(C_DecryptFinal);
    SAME(C_DigestKey);
    SAME(C_SignRecover);
    SAME(C_VerifyUpdate);
    SAME(C_DecryptVerifyUpdate);
    SAME(C_GenerateKeyPair);
    SAME(C_DeriveKey);
    SAME(C_GenerateRandom);
    SAME(C_WaitForSlotEvent);
    assert_ptr_equal((void *)(uintptr_t)p11_3->C_GetInterface, dlsym(p11_library, "C_GetInterface"));
    assert_ptr_equal((void *)(uintptr_t)p11_3->C_SessionCancel, dlsym(p11_library, "C_SessionCancel"));
    assert_ptr_equal((void *)(uintptr_t)p11_3->C_MessageVerifyFinal, dlsym(p11_library, "C_MessageVerifyFinal"));
    assert_ptr_equal((void *)(uintptr_t)p11_32->C_EncapsulateKey, dlsym(p11_library, "C_EncapsulateKey"));
    assert_ptr_equal((void *)(uintptr_t)p11_32->C_AsyncJoin, dlsym(p11_library, "C_AsyncJoin"));
    assert_ptr_equal(
        (void *)(uintptr_t)p11_32->C_UnwrapKeyAuthenticated, dlsym(p11_library, "C_UnwrapKeyAuthenticated"));
}

static void interfaces_are_the_standard_ones(void **state)
{
    (void)state;
    CK_INTERFACE *interface = NULL, list[8];
    unsigned char standard[] = "PKCS 11", other[] = "Vendor";
    CK_VERSION v2 = {2, 40}, v3 = {3, 0}, v32 = {3, 2}, v31 = {3, 1}, v9 = {9, 9};
    unsigned long count = 0;
    assert_ok(p11_3->C_GetInterface(NULL, NULL, &interface, 0));
    assert_string_equal((char *)interface->pInterfaceName, "PKCS 11");
    assert_ptr_equal(interface->pFunctionList, p11_3); /* what nobody asked for by its number is not newer than 3.0 */
    assert_ok(p11_3->C_GetInterface(standard, &v32, &interface, 0));
    assert_ptr_equal(interface->pFunctionList, p11_32);
    assert_int_not_equal(p11_3->C_GetInterface(standard, &v31, &interface, 0), CKR_OK);
    assert_ok(p11_3->C_GetInterface(standard, &v2, &interface, 0));
    assert_ptr_equal(interface->pFunctionList, p11);
    assert_ok(p11_3->C_GetInterface(standard, &v3, &interface, 0));
    assert_ptr_equal(interface->pFunctionList, p11_3);
    assert_int_not_equal(p11_3->C_GetInterface(other, NULL, &interface, 0), CKR_OK);
    assert_int_not_equal(p11_3->C_GetInterface(standard, &v9, &interface, 0), CKR_OK);
    assert_int_not_equal(p11_3->C_GetInterface(standard, &v3, &interface, CKF_INTERFACE_FORK_SAFE), CKR_OK);
    assert_rv(p11_3->C_GetInterface(NULL, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
    assert_rv(p11_3->C_GetInterfaceList(NULL, NULL), CKR_ARGUMENTS_BAD);
    assert_ok(p11_3->C_GetInterfaceList(NULL, &count));
    assert_int_equal(count, 3);
    unsigned long less = count - 1;
    assert_rv(p11_3->C_GetInterfaceList(list, &less), CKR_BUFFER_TOO_SMALL);
    assert_int_equal(less, count);
    assert_ok(p11_3->C_GetInterfaceList(list, &count));
    for (unsigned long i = 0; i < count; i++)
        assert_string_equal((char *)list[i].pInterfaceName, "PKCS 11"); /* p11-kit drops others */
    assert_rv(p11->C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD);
}

/* Lists are there before C_Initialize. */
static void lists_need_no_initialising(void **state)
{
    (void)state;
    CK_FUNCTION_LIST *list = NULL;
    CK_INTERFACE *interface = NULL;
    assert_ok(p11->C_GetFunctionList(&list));
    assert_ptr_equal(list, p11);
    assert_ok(p11_3->C_GetInterface(NULL, NULL, &interface, 0));
}

static void nothing_but_pkcs11_is_exported(void **state)
{
    (void)state;
    char line[256];
    unsigned functions = 0;
    FILE *symbols = popen("nm -D --defined-only --format=posix " BULLA_MODULE, "r");
    assert_non_null(symbols);
    while (fgets(line, sizeof line, symbols)) {
        if (strncmp(line, "C_", 2) != 0)
            fail_msg("exported: %s", line);
        functions++;
    }
    assert_int_equal(pclose(symbols), 0);
    assert_int_equal(functions, 68 + 24 + 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONF_TEST(arguments_of_initialize_are_judged),
        CONF_TEST(initialize_works_once_until_finalize),
        CONF_TEST(a_broken_configuration_initialises_nothing),
        MODULE_TEST(a_session_does_not_survive_finalize),
        BARE_TEST(information_says_who_this_is),
        CONF_TEST(no_list_has_a_gap),
        CONF_TEST(members_of_the_list_are_the_exported_functions),
        CONF_TEST(interfaces_are_the_standard_ones),
        CONF_TEST(lists_need_no_initialising),
        CONF_TEST(nothing_but_pkcs11_is_exported),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
