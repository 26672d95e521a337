#include "flow.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "evidence/audit.h"

struct flow flow;

bool flow_has_faults(void)
{
#ifdef BULLA_FAULTS
    return true;
#else
    return false;
#endif
}

bool flow_is_long(void)
{
    return getenv("BULLA_TEST_LONG") != NULL;
}

/* --- the module --- */

static void load(void)
{
    CK_C_GetFunctionList get_list = NULL;
    if (flow.p11)
        return;
    void *module = dlopen(BULLA_MODULE, RTLD_NOW | RTLD_LOCAL);
    if (!module)
        fail_msg("%s", dlerror());
    void *symbol = dlsym(module, "C_GetFunctionList");
    assert_non_null(symbol);
    memcpy(&get_list, &symbol, sizeof symbol);
    assert_int_equal(get_list(&flow.p11), CKR_OK);
}

static const void *functions(unsigned char minor)
{
    CK_RV (*get)(CK_UTF8CHAR *, CK_VERSION *, CK_INTERFACE **, CK_FLAGS) = NULL;
    CK_INTERFACE *interface = NULL;
    CK_VERSION version = {3, minor};
    void *module = dlopen(BULLA_MODULE, RTLD_NOW | RTLD_NOLOAD), *symbol = dlsym(module, "C_GetInterface");
    assert_non_null(symbol);
    memcpy(&get, &symbol, sizeof symbol);
    assert_ok(get((CK_UTF8CHAR *)(uintptr_t) "PKCS 11", &version, &interface, 0));
    (void)dlclose(module);
    return interface->pFunctionList;
}

const struct bulla_function_list_3_0 *flow_functions_3(void)
{
    return functions(0);
}

const struct bulla_function_list_3_2 *flow_functions_32(void)
{
    return functions(2);
}

void flow_configure(const char *settings)
{
    char path[96], text[1024];
    test_folder_join(path, sizeof path, flow.folder, "bulla.conf");
    (void)snprintf(text, sizeof text, "[token flow]\npath = %s\npin-cost = quick\n%s%s\n%s", flow.token,
        flow.kind != FLOW_PLAIN ? "tcti = " : "release = passphrase", flow.kind != FLOW_PLAIN ? flow.tpm.tcti : "",
        settings);
    test_file_write(path, text, strlen(text));
    assert_int_equal(setenv("BULLA_CONF", path, 1), 0);
}

void flow_open(void)
{
    CK_ULONG count = 1;
    assert_ok(flow.p11->C_Initialize(NULL));
    flow.ready = true;
    assert_ok(flow.p11->C_GetSlotList(CK_TRUE, &flow.slot, &count));
    assert_int_equal(count, 1);
    assert_ok(flow.p11->C_OpenSession(flow.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &flow.session));
}

void flow_close(void)
{
    if (flow.ready)
        assert_ok(flow.p11->C_Finalize(NULL));
    flow.ready = false;
}

static CK_RV login(CK_USER_TYPE user, const char *pin)
{
    return flow.p11->C_Login(flow.session, user, (unsigned char *)(uintptr_t)pin, strlen(pin));
}

CK_RV flow_login(const char *pin)
{
    return login(CKU_USER, pin);
}

CK_RV flow_passphrase(const char *passphrase)
{
    return login(CKU_CONTEXT_SPECIFIC, passphrase);
}

void flow_resume(void)
{
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
}

void flow_reopen(void)
{
    flow_close();
    flow_resume();
}

void flow_relogin(void)
{
    assert_ok(flow.p11->C_Logout(flow.session));
    assert_ok(flow_login(FLOW_PIN));
}

static void initialize(void)
{
    unsigned char label[33] = "flow                            ";
    CK_ULONG count = 1;
    assert_ok(flow.p11->C_Initialize(NULL));
    assert_ok(flow.p11->C_GetSlotList(CK_TRUE, &flow.slot, &count));
    assert_ok(flow.p11->C_InitToken(flow.slot, (unsigned char *)(uintptr_t)FLOW_SO_PIN, strlen(FLOW_SO_PIN), label));
    assert_ok(flow.p11->C_Finalize(NULL));
    flow_open();
    assert_ok(login(CKU_SO, FLOW_SO_PIN));
    assert_ok(flow.p11->C_InitPIN(flow.session, (unsigned char *)(uintptr_t)FLOW_PIN, strlen(FLOW_PIN)));
    assert_ok(flow.p11->C_Logout(flow.session));
    assert_ok(flow_login(FLOW_PIN));
    if (mkdir(flow.models, 0700) != 0)
        assert_int_equal(access(flow.models, W_OK), 0);
}

void flow_begin(enum flow_kind kind, const char *settings)
{
    load();
    (void)umask(077);
    flow.kind = kind;
    test_folder_make(flow.folder, sizeof flow.folder);
    test_folder_join(flow.token, sizeof flow.token, flow.folder, "token");
    test_folder_join(flow.models, sizeof flow.models, flow.token, "models");
    test_folder_join(flow.log, sizeof flow.log, flow.folder, "log");
    assert_int_equal(setenv("BULLA_LOG", flow.log, 1), 0);
    if (kind == FLOW_TPM)
        test_swtpm_start(&flow.tpm);
    if (kind == FLOW_ENDORSED)
        test_swtpm_start_endorsed(&flow.tpm);
    flow_configure(settings);
    initialize();
}

/* Whatever a test did, processes killed in mid-call included: every line of the log follows from the one before. */
static void assert_audit_is_whole(void)
{
    struct bulla_audit_summary summary;
    char path[128];
    test_folder_join(path, sizeof path, flow.token, "audit.jsonl");
    if (access(path, F_OK) != 0)
        return;
    if (bulla_audit_verify(path, NULL, 0, &summary) != BULLA_OK)
        fail_msg("%s", bulla_detail());
    assert_true(summary.lines > 0);
}

void flow_end(void)
{
    (void)flow.p11->C_Finalize(NULL); /* a test that failed may have left it in any state */
    flow.ready = false;
    assert_audit_is_whole();
    if (flow.kind != FLOW_PLAIN) {
        if (flow.tpm.pid)
            flow_assert_nothing_loaded();
        test_swtpm_finish(&flow.tpm);
    }
    test_folder_remove(flow.folder);
}

/* --- why --- */

char *flow_status(const char *label)
{
    CK_OBJECT_HANDLE object = flow_find(CKO_BULLA_STATUS, label);
    CK_ATTRIBUTE value = {CKA_VALUE, NULL, 0};
    if (!object)
        return NULL;
    assert_ok(flow.p11->C_GetAttributeValue(flow.session, object, &value, 1));
    size_t room = value.ulValueLen + 4096; /* it may grow meanwhile */
    char *text = calloc(1, room + 1);
    assert_non_null(text);
    value = (CK_ATTRIBUTE){CKA_VALUE, text, room};
    assert_ok(flow.p11->C_GetAttributeValue(flow.session, object, &value, 1));
    return text;
}

static void take_text(const json_t *entry, const char *name, char *text, size_t size)
{
    const char *value = json_string_value(json_object_get(entry, name));
    (void)snprintf(text, size, "%s", value ? value : "");
}

void flow_why(struct flow_refusal *refusal)
{
    *refusal = (struct flow_refusal){0};
    char *text = flow_status("why");
    if (!text)
        return;
    json_t *why = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *all = json_object_get(why, "refusals");
    assert_true(json_is_array(all));
    const json_t *last = json_array_get(all, json_array_size(all) - 1);
    if (last) {
        refusal->line = (uint64_t)json_integer_value(json_object_get(last, "seq"));
        take_text(last, "reason", refusal->reason, sizeof refusal->reason);
        take_text(last, "detail", refusal->detail, sizeof refusal->detail);
        take_text(last, "remedy", refusal->remedy, sizeof refusal->remedy);
    }
    json_decref(why);
    free(text);
}

void flow_assert_ok(CK_RV rv, const char *call, const char *file, int line)
{
    struct flow_refusal why = {0};
    if (rv == CKR_OK)
        return;
    if (flow.ready && flow.session)
        flow_why(&why);
    print_error("%s gave 0x%lx; the last refusal: %s: %s\n", call, rv, why.reason, why.detail);
    _fail(file, line);
}

void flow_assert_refused(
    const struct flow_refusal *before, CK_RV rv, CK_RV code, const char *reason, const char *file, int line)
{
    struct flow_refusal why;
    flow_why(&why);
    if (rv == code && why.line > before->line && strcmp(why.reason, reason) == 0 && *why.remedy && *why.detail)
        return;
    print_error("0x%lx instead of 0x%lx; %s reason \"%s\" instead of \"%s\": %s\n", rv, code,
        why.line > before->line ? "new" : "old", why.reason, reason, why.detail);
    _fail(file, line);
}

void flow_assert_logged(const char *reason)
{
    char wanted[80];
    size_t size = 0;
    char *text = (char *)test_file_read(flow.log, &size);
    assert_non_null(text);
    while (size && text[size - 1] == '\n')
        text[--size] = '\0';
    const char *last = strrchr(text, '\n');
    (void)snprintf(wanted, sizeof wanted, "(%s)", reason);
    if (!strstr(last ? last : text, wanted))
        fail_msg("the log's last line is not about %s: %s", reason, last ? last : text);
    free(text);
}

/* --- the TPM --- */

/* TPM2_GetCapability(TPM_CAP_HANDLES): how many of this range there are. */
static unsigned handles(uint32_t first)
{
    uint8_t command[] = {
        0x80, 0x01, 0, 0, 0, 22, 0, 0, 0x01, 0x7a, 0, 0, 0, 1, (uint8_t)(first >> 24), 0, 0, 0, 0, 0, 0, 16};
    uint8_t response[512];
    size_t size = test_swtpm_command(&flow.tpm, command, sizeof command, response, sizeof response);
    assert_true(size >= 19);
    for (int i = 6; i < 10; i++)
        assert_int_equal(response[i], 0);
    return response[18]; /* behind header, moreData and the capability: the list's count */
}

void flow_assert_nothing_loaded(void)
{
    static const uint32_t ranges[] = {
        0x80000000, 0x02000000, 0x03000000}; /* transient, HMAC or loaded, policy or saved */
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (handles(ranges[i]) != 0)
            fail_msg("%u handles from 0x%08x are left in the TPM", handles(ranges[i]), ranges[i]);
}

void flow_flush_loaded(void)
{
    static const uint8_t ranges[] = {0x80, 0x02, 0x03};
    uint8_t list[] = {0x80, 1, 0, 0, 0, 22, 0, 0, 0x01, 0x7a, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 16};
    uint8_t flush[] = {0x80, 1, 0, 0, 0, 14, 0, 0, 0x01, 0x65, 0, 0, 0, 0};
    uint8_t response[256], answer[64];
    for (size_t i = 0; i < sizeof ranges; i++) {
        list[14] = ranges[i];
        assert_true(test_swtpm_command(&flow.tpm, list, sizeof list, response, sizeof response) >= 19);
        for (unsigned at = 0; at < response[18]; at++) {
            memcpy(flush + 10, response + 19 + 4 * at, 4);
            (void)test_swtpm_command(&flow.tpm, flush, sizeof flush, answer, sizeof answer);
        }
    }
}

/* TPM2_DictionaryAttackLockReset with the empty lockout auth. */
void flow_reset_lockout(void)
{
    static const uint8_t command[] = {
        0x80, 0x02, 0, 0, 0, 27, 0, 0, 0x01, 0x39, 0x40, 0, 0, 0x0a, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0};
    uint8_t response[256];
    assert_true(test_swtpm_command(&flow.tpm, command, sizeof command, response, sizeof response) >= 10);
    assert_int_equal(response[8] << 8 | response[9], 0);
}

/* --- folders --- */

static void copy_entry(const char *from, const char *to)
{
    struct stat status;
    size_t size = 0;
    assert_int_equal(lstat(from, &status), 0);
    if (S_ISDIR(status.st_mode)) {
        flow_copy_folder(from, to);
        return;
    }
    unsigned char *bytes = test_file_read(from, &size);
    assert_non_null(bytes);
    test_file_write(to, bytes, size);
    free(bytes);
    assert_int_equal(chmod(to, status.st_mode & 0777), 0);
}

void flow_copy_folder(const char *from, const char *to)
{
    char source[512], target[512];
    assert_int_equal(mkdir(to, 0700), 0);
    DIR *folder = opendir(from);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        test_folder_join(source, sizeof source, from, entry->d_name);
        test_folder_join(target, sizeof target, to, entry->d_name);
        copy_entry(source, target);
    }
    (void)closedir(folder);
}

void flow_remove_folder(const char *path)
{
    test_folder_remove(path);
}

void flow_put_file(const char *folder, const char *name)
{
    char from[512], to[512];
    test_folder_join(from, sizeof from, folder, name);
    test_folder_join(to, sizeof to, flow.token, name);
    (void)unlink(to);
    if (access(from, F_OK) == 0)
        copy_entry(from, to);
}

/* --- objects --- */

CK_OBJECT_HANDLE flow_find(CK_OBJECT_CLASS object_class, const char *label)
{
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &object_class, sizeof object_class},
        {CKA_LABEL, (void *)(uintptr_t)label, label ? strlen(label) : 0},
    };
    CK_OBJECT_HANDLE found = 0;
    CK_ULONG count = 0;
    assert_int_equal(flow.p11->C_FindObjectsInit(flow.session, template, label ? 2 : 1), CKR_OK);
    assert_int_equal(flow.p11->C_FindObjects(flow.session, &found, 1, &count), CKR_OK);
    assert_int_equal(flow.p11->C_FindObjectsFinal(flow.session), CKR_OK);
    return count ? found : 0;
}

size_t flow_bytes(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, uint8_t *value, size_t capacity)
{
    CK_ATTRIBUTE attribute = {type, value, capacity};
    assert_ok(flow.p11->C_GetAttributeValue(flow.session, object, &attribute, 1));
    return attribute.ulValueLen;
}

CK_ULONG flow_ulong(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_ULONG value = 0;
    assert_int_equal(flow_bytes(object, type, (uint8_t *)&value, sizeof value), sizeof value);
    return value;
}

bool flow_bool(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = 2;
    assert_int_equal(flow_bytes(object, type, &value, 1), 1);
    assert_in_range(value, CK_FALSE, CK_TRUE);
    return value == CK_TRUE;
}

/* --- children --- */

void flow_exchange_folder(const char *path)
{
    char aside[128];
    test_folder_join(aside, sizeof aside, flow.folder, "aside");
    flow_close();
    assert_int_equal(rename(flow.token, aside), 0);
    assert_int_equal(rename(path, flow.token), 0);
    assert_int_equal(rename(aside, path), 0);
    flow_resume();
}

void flow_add_user(const char *name, const char *pin)
{
    CK_OBJECT_CLASS object_class = CKO_BULLA_PRINCIPAL;
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE user = 0;
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class}, {CKA_TOKEN, &yes, 1},
        {CKA_LABEL, (void *)(uintptr_t)name, strlen(name)}, {CKA_BULLA_PROOF, (void *)(uintptr_t)pin, strlen(pin)}};
    assert_ok(flow.p11->C_CreateObject(flow.session, attributes, 4, &user));
}

int flow_in_child(void (*body)(void *context), void *context)
{
    int status = 0;
    assert_false(flow.ready); /* the child must not inherit an initialised module */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)setenv("CMOCKA_TEST_ABORT", "1", 1); /* a failure in the child must not go on with the other tests */
        body(context);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}
