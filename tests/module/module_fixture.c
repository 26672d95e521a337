#include "module_fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

CK_FUNCTION_LIST *p11;
struct bulla_function_list_3_0 *p11_3;
struct bulla_function_list_3_2 *p11_32;
void *p11_library;
CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
CK_OBJECT_CLASS class_data = CKO_DATA, class_certificate = CKO_CERTIFICATE, class_public = CKO_PUBLIC_KEY,
                class_private = CKO_PRIVATE_KEY, class_secret = CKO_SECRET_KEY;

/* A pointer to a function cannot be cast from one to an object in ISO C; its bytes can be copied. */
static void find_symbol(const char *name, void *function, size_t size)
{
    void *symbol = dlsym(p11_library, name);
    if (!symbol) {
        (void)fprintf(stderr, "%s\n", dlerror());
        abort();
    }
    memcpy(function, &symbol, size);
}

int module_load(void **state)
{
    (void)state;
    CK_RV (*get_list)(CK_FUNCTION_LIST **) = NULL;
    CK_RV (*get_interface)(unsigned char *, CK_VERSION *, CK_INTERFACE **, CK_FLAGS) = NULL;
    CK_INTERFACE *interface = NULL;
    if (p11_library)
        return 0;
    p11_library = dlopen(BULLA_MODULE, RTLD_NOW | RTLD_LOCAL);
    if (!p11_library) {
        (void)fprintf(stderr, "%s\n", dlerror());
        return -1;
    }
    find_symbol("C_GetFunctionList", &get_list, sizeof get_list);
    find_symbol("C_GetInterface", &get_interface, sizeof get_interface);
    CK_VERSION version = {3, 0};
    if (get_list(&p11) != CKR_OK || get_interface(NULL, &version, &interface, 0) != CKR_OK)
        return -1;
    p11_3 = interface->pFunctionList;
    version.minor = 2;
    if (get_interface(NULL, &version, &interface, 0) != CKR_OK)
        return -1;
    p11_32 = interface->pFunctionList;
    return 0;
}

void module_conf(const struct module_fixture *fixture, const char *more)
{
    char text[1024];
    int size = snprintf(
        text, sizeof text, "[token demo]\npath = %s\npin-cost = quick\n%s\n", fixture->token, more ? more : "");
    assert_true(size > 0 && (size_t)size < sizeof text);
    test_file_write(fixture->conf, text, (size_t)size);
    assert_int_equal(chmod(fixture->conf, 0600), 0);
}

int module_setup_conf(void **state)
{
    struct module_fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    test_folder_make(fixture->folder, sizeof fixture->folder);
    test_folder_join(fixture->conf, sizeof fixture->conf, fixture->folder, "bulla.conf");
    test_folder_join(fixture->token, sizeof fixture->token, fixture->folder, "token");
    module_conf(fixture, NULL);
    *state = fixture;
    return setenv("BULLA_CONF", fixture->conf, 1);
}

void module_initialize(void)
{
    assert_ok(p11->C_Initialize(NULL));
}

int module_setup_bare(void **state)
{
    if (module_setup_conf(state) != 0)
        return -1;
    return p11->C_Initialize(NULL) == CKR_OK ? 0 : -1;
}

void module_token_make(CK_SLOT_ID slot, bool user_pin)
{
    unsigned char label[32];
    memset(label, ' ', sizeof label);
    memcpy(label, "test token", 10);
    assert_ok(p11->C_InitToken(slot, PIN(SO_PIN), label));
    if (!user_pin)
        return;
    CK_SESSION_HANDLE session = module_session(slot, CKF_RW_SESSION);
    assert_ok(module_login(session, CKU_SO, SO_PIN));
    assert_ok(p11->C_InitPIN(session, PIN(USER_PIN)));
    assert_ok(p11->C_CloseSession(session));
}

CK_SESSION_HANDLE module_session(CK_SLOT_ID slot, CK_FLAGS more)
{
    CK_SESSION_HANDLE session = 0;
    assert_ok(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | more, NULL, NULL, &session));
    return session;
}

CK_RV module_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin)
{
    return p11->C_Login(session, user, (unsigned char *)(uintptr_t)pin, strlen(pin));
}

int module_setup_public(void **state)
{
    if (module_setup_bare(state) != 0)
        return -1;
    module_token_make(0, true);
    ((struct module_fixture *)*state)->session = module_session(0, CKF_RW_SESSION);
    return 0;
}

int module_setup(void **state)
{
    if (module_setup_public(state) != 0)
        return -1;
    return module_login(((struct module_fixture *)*state)->session, CKU_USER, USER_PIN) == CKR_OK ? 0 : -1;
}

int module_teardown(void **state)
{
    struct module_fixture *fixture = *state;
    CK_RV rv = p11->C_Finalize(NULL);
    test_folder_remove(fixture->folder);
    free(fixture);
    return rv == CKR_OK || rv == CKR_CRYPTOKI_NOT_INITIALIZED ? 0 : -1;
}

/* --- objects --- */

CK_OBJECT_HANDLE module_data(
    CK_SESSION_HANDLE session, bool on_token, bool is_private, const char *label, const char *value)
{
    CK_BBOOL token_flag = on_token, private_flag = is_private;
    CK_OBJECT_HANDLE handle = 0;
    CK_ATTRIBUTE attributes[] = {
        ATTRIBUTE(CKA_CLASS, class_data),
        ATTRIBUTE(CKA_TOKEN, token_flag),
        ATTRIBUTE(CKA_PRIVATE, private_flag),
        TEXT_ATTRIBUTE(CKA_LABEL, label),
        TEXT_ATTRIBUTE(CKA_VALUE, value),
    };
    assert_ok(p11->C_CreateObject(session, attributes, COUNT_OF(attributes), &handle));
    assert_true(handle != 0);
    return handle;
}

CK_RV module_secret(CK_SESSION_HANDLE session, bool on_token, bool sensitive, bool extractable, const char *label,
    CK_OBJECT_HANDLE *handle)
{
    CK_BBOOL token_flag = on_token, sensitive_flag = sensitive, extractable_flag = extractable;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ATTRIBUTE attributes[] = {
        ATTRIBUTE(CKA_CLASS, class_secret),
        ATTRIBUTE(CKA_KEY_TYPE, type),
        ATTRIBUTE(CKA_TOKEN, token_flag),
        ATTRIBUTE(CKA_SENSITIVE, sensitive_flag),
        ATTRIBUTE(CKA_EXTRACTABLE, extractable_flag),
        TEXT_ATTRIBUTE(CKA_LABEL, label),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef"),
    };
    return p11->C_CreateObject(session, attributes, COUNT_OF(attributes), handle);
}

unsigned long module_find(
    CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, unsigned long count, CK_OBJECT_HANDLE *first)
{
    CK_OBJECT_HANDLE handles[64];
    unsigned long found = 0, more = 0;
    assert_ok(p11->C_FindObjectsInit(session, attributes, count));
    do {
        assert_ok(p11->C_FindObjects(session, handles, COUNT_OF(handles), &more));
        if (first && found == 0 && more > 0)
            *first = handles[0];
        found += more;
    } while (more > 0);
    assert_ok(p11->C_FindObjectsFinal(session));
    return found;
}

unsigned long module_find_label(CK_SESSION_HANDLE session, const char *label, CK_OBJECT_HANDLE *first)
{
    CK_ATTRIBUTE attribute = TEXT_ATTRIBUTE(CKA_LABEL, label);
    return module_find(session, &attribute, 1, first);
}

CK_RV module_get(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *value, unsigned long *size)
{
    CK_ATTRIBUTE attribute = {type, value, *size};
    CK_RV rv = p11->C_GetAttributeValue(session, object, &attribute, 1);
    *size = attribute.ulValueLen;
    return rv;
}

bool module_has_text(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, const char *text)
{
    char value[256];
    unsigned long size = sizeof value;
    return module_get(session, object, type, value, &size) == CKR_OK && size == strlen(text) &&
           memcmp(value, text, size) == 0;
}

CK_BBOOL module_boolean(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = 0xee;
    unsigned long size = sizeof value;
    assert_ok(module_get(session, object, type, &value, &size));
    assert_int_equal(size, 1);
    assert_true(value <= 1);
    return value;
}

CK_ULONG module_ulong(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_ULONG value = 0;
    unsigned long size = sizeof value;
    assert_ok(module_get(session, object, type, &value, &size));
    assert_int_equal(size, sizeof value);
    return value;
}

CK_RV module_create(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, size_t count, CK_OBJECT_HANDLE *handle)
{
    *handle = 0;
    return p11->C_CreateObject(session, attributes, count, handle);
}

/* --- processes --- */

pid_t module_start_child(int (*body)(void *context), void *context)
{
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(30);
        _exit(body(context));
    }
    assert_true(child > 0);
    return child;
}

int module_wait_child(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

int module_in_child(int (*body)(void *context), void *context)
{
    return module_wait_child(module_start_child(body, context));
}
