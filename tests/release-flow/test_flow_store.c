/* Stores that cannot be used, disks that are full, and memory that cannot be locked: the right code, the reason in
 * words, and a token that still tells what it is. */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model.h"

enum { NOBODY = 65534 };

static char database[128];

static int set_up(void **state)
{
    (void)state;
    flow_begin(FLOW_PLAIN, "");
    (void)flow_tiny("tiny", NULL, NULL);
    test_folder_join(database, sizeof database, flow.token, "token.db");
    flow_close();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)chmod(flow.token, 0700);
    flow_end();
    return 0;
}

/* Whatever the store is like, these answer, and never as for a token that works. */
static CK_RV login_to_what_is_there(void)
{
    CK_ULONG count = 1;
    CK_SLOT_INFO slot;
    CK_TOKEN_INFO token;
    assert_ok(flow.p11->C_Initialize(NULL));
    assert_ok(flow.p11->C_GetSlotList(CK_TRUE, &flow.slot, &count));
    assert_int_equal(count, 1);
    assert_ok(flow.p11->C_GetSlotInfo(flow.slot, &slot));
    assert_ok(flow.p11->C_GetTokenInfo(flow.slot, &token));
    assert_memory_equal(token.manufacturerID, "bulla ", 6);
    CK_RV rv = flow.p11->C_OpenSession(flow.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &flow.session);
    if (rv == CKR_OK)
        rv = flow_login(FLOW_PIN);
    return rv;
}

static void assert_unusable(CK_RV code, const char *reason)
{
    CK_RV rv = login_to_what_is_there();
    if (rv != code)
        fail_msg("0x%lx instead of 0x%lx for %s", rv, code, reason);
    flow_assert_logged(reason);
    assert_ok(flow.p11->C_Finalize(NULL));
}

static void assert_usable(void)
{
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    assert_ok(flow_run(flow_key("tiny")));
    flow_close();
}

static void a_store_that_is_missing_is_said_so(void **state)
{
    (void)state;
    char elsewhere[128];
    test_folder_join(elsewhere, sizeof elsewhere, flow.folder, "elsewhere");
    assert_int_equal(rename(flow.token, elsewhere), 0);
    assert_unusable(CKR_TOKEN_NOT_RECOGNIZED, "store-missing");
    assert_int_equal(access(flow.token, F_OK), -1); /* and nothing was made in its place */
    assert_int_equal(mkdir(flow.token, 0700), 0);
    assert_unusable(CKR_TOKEN_NOT_RECOGNIZED, "store-missing"); /* an empty folder */
    assert_int_equal(rmdir(flow.token), 0);
    assert_int_equal(rename(elsewhere, flow.token), 0);
    assert_usable();
}

static void garbage(size_t offset, size_t size)
{
    size_t whole = 0;
    unsigned char *bytes = test_file_read(database, &whole);
    assert_non_null(bytes);
    for (size_t i = offset; i < offset + size && i < whole; i++)
        bytes[i] = (unsigned char)(i * 131 + 7);
    test_file_write(database, bytes, whole);
    free(bytes);
}

static void a_corrupt_store_is_said_so(void **state)
{
    (void)state;
    char copy[128];
    test_folder_join(copy, sizeof copy, flow.folder, "copy");
    flow_copy_folder(flow.token, copy);
    garbage(0, 64); /* the header */
    assert_unusable(CKR_TOKEN_NOT_RECOGNIZED, "store-corrupt");
    flow_remove_folder(flow.token);
    flow_copy_folder(copy, flow.token);
    garbage(100, 3000); /* the schema's page */
    assert_unusable(CKR_TOKEN_NOT_RECOGNIZED, "store-corrupt");
    test_file_write(database, "a text", 6);
    assert_unusable(CKR_TOKEN_NOT_RECOGNIZED, "store-corrupt");
    flow_remove_folder(flow.token);
    flow_copy_folder(copy, flow.token);
    assert_usable();
}

static void execute(const char *text)
{
    sqlite3 *opened = NULL;
    char *error = NULL;
    assert_int_equal(sqlite3_open(database, &opened), SQLITE_OK);
    if (sqlite3_exec(opened, text, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", text, error);
    assert_int_equal(sqlite3_close(opened), SQLITE_OK);
}

static void a_newer_schema_is_said_so(void **state)
{
    (void)state;
    execute("PRAGMA user_version = 9999");
    assert_unusable(CKR_TOKEN_NOT_RECOGNIZED, "store-newer");
    execute("PRAGMA user_version = 2");
    assert_usable();
}

static void a_store_that_others_may_write_is_refused(void **state)
{
    (void)state;
    assert_int_equal(chmod(flow.token, 0770), 0);
    assert_unusable(CKR_TOKEN_NOT_RECOGNIZED, "store-permission");
    assert_int_equal(chmod(flow.token, 0702), 0);
    assert_unusable(CKR_TOKEN_NOT_RECOGNIZED, "store-permission");
    assert_int_equal(chmod(flow.token, 0700), 0);
    assert_int_equal(chmod(database, 0660), 0);
    assert_unusable(CKR_TOKEN_NOT_RECOGNIZED, "store-permission");
    assert_int_equal(chmod(database, 0600), 0);
    assert_usable();
}

/* A row that was changed outside is hidden at login, and the others are not. */
static void a_changed_row_is_hidden(void **state)
{
    (void)state;
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    CK_OBJECT_HANDLE other = 0;
    assert_ok(flow_key_make("other", NULL, NULL, &other));
    flow_close();
    execute("UPDATE object SET attributes = CAST(replace(hex(attributes), hex('tiny'), hex('tinx')) AS BLOB) "
            "WHERE 0");
    execute("UPDATE object SET tag = zeroblob(32) WHERE instr(attributes, CAST('tiny' AS BLOB)) > 0");
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    assert_int_equal(flow_find(CKO_SECRET_KEY, "tiny"), 0);
    assert_int_not_equal(flow_find(CKO_SECRET_KEY, "other"), 0);
    assert_int_not_equal(flow_find(CKO_PUBLIC_KEY, "bulla receipt key"), 0);
    flow_close();
}

/* A key's generation is part of what its row's tag covers. */
static void rows_do_not_stand_in_for_each_other(void **state)
{
    (void)state;
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    CK_OBJECT_HANDLE other = 0;
    assert_ok(flow_key_make("other", NULL, NULL, &other));
    flow_close();
    execute("UPDATE object SET sealed = (SELECT sealed FROM object WHERE instr(attributes, CAST('other' AS BLOB)) > 0) "
            "WHERE instr(attributes, CAST('tiny' AS BLOB)) > 0");
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    assert_int_equal(flow_find(CKO_SECRET_KEY, "tiny"), 0);
    flow_close();
}

static void a_setting_that_is_not_known_is_refused(void **state)
{
    (void)state;
    flow_configure("colour = blue\n");
    assert_int_equal(flow.p11->C_Initialize(NULL), CKR_GENERAL_ERROR);
    flow_assert_logged("config-syntax");
    flow_configure("tcti = cmd:rm -rf /\n");
    assert_int_equal(flow.p11->C_Initialize(NULL), CKR_GENERAL_ERROR);
    flow_assert_logged("config-tcti");
    flow_configure("");
    char path[96];
    test_folder_join(path, sizeof path, flow.folder, "bulla.conf");
    assert_int_equal(chmod(path, 0622), 0);
    assert_int_equal(flow.p11->C_Initialize(NULL), CKR_GENERAL_ERROR);
    flow_assert_logged("config-permission");
    assert_int_equal(chmod(path, 0600), 0);
    assert_usable();
}

/* --- as an ordinary user --- */

static void give_away(const char *path)
{
    char name[512];
    if (geteuid() != 0)
        return;
    assert_int_equal(lchown(path, NOBODY, NOBODY), 0);
    DIR *folder = opendir(path);
    if (!folder)
        return; /* a file */
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        test_folder_join(name, sizeof name, path, entry->d_name);
        give_away(name);
    }
    (void)closedir(folder);
}

static void become_ordinary(void)
{
    if (geteuid() != 0)
        return;
    assert_int_equal(setgroups(0, NULL), 0);
    assert_int_equal(setgid(NOBODY), 0);
    assert_int_equal(setuid(NOBODY), 0);
}

static void assert_child_passed(int status)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the child ended with status 0x%x", status);
}

static void use_read_only(void *unused)
{
    (void)unused;
    become_ordinary();
    assert_unusable(CKR_TOKEN_WRITE_PROTECTED, "store-read-only");
}

static void a_read_only_store_is_said_so(void **state)
{
    (void)state;
    give_away(flow.folder);
    assert_int_equal(chmod(flow.token, 0500), 0);
    assert_int_equal(chmod(database, 0400), 0);
    assert_child_passed(flow_in_child(use_read_only, NULL));
    assert_int_equal(chmod(flow.token, 0700), 0);
    assert_int_equal(chmod(database, 0600), 0);
}

static void use_as_owner(void *unused)
{
    (void)unused;
    become_ordinary();
    assert_usable();
}

static void use_others(void *unused)
{
    (void)unused;
    become_ordinary();
    CK_RV rv = login_to_what_is_there();
    assert_int_not_equal(rv, CKR_OK);
    assert_ok(flow.p11->C_Finalize(NULL));
}

/* Also a store that is another user's is none to write to. */
static void an_ordinary_user_uses_its_own_store_only(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    char path[96];
    test_folder_join(path, sizeof path, flow.folder, "bulla.conf");
    give_away(flow.folder);
    assert_child_passed(flow_in_child(use_as_owner, NULL));
    assert_int_equal(lchown(database, 0, 0), 0);
    assert_child_passed(flow_in_child(use_others, NULL));
}

/* --- memory that cannot be locked --- */

enum { LIMIT = 1 << 20 };

static CK_RV make_large(CK_OBJECT_HANDLE *object)
{
    static uint8_t content[200 << 10];
    CK_OBJECT_CLASS object_class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &object_class, sizeof object_class},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_LABEL, (void *)(uintptr_t) "large", 5},
        {CKA_VALUE, content, sizeof content},
    };
    memset(content, 0x5a, sizeof content);
    return flow.p11->C_CreateObject(flow.session, template, 5, object);
}

static void let_files_grow_to(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void fill_the_disk(void *unused)
{
    (void)unused;
    CK_OBJECT_HANDLE object = 0;
    CK_RV rv = CKR_OK;
    unsigned made = 0;
    (void)signal(SIGXFSZ, SIG_IGN);
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    let_files_grow_to(2 << 20);
    while (made < 100 && (rv = make_large(&object)) == CKR_OK)
        made++;
    assert_in_range(made, 1, 99);
    assert_int_equal(rv, CKR_DEVICE_MEMORY);
    flow_assert_logged("store-full");
    assert_ok(flow_run(flow_key("tiny"))); /* what only reads goes on */
    let_files_grow_to(RLIM_INFINITY);
    assert_ok(make_large(&object));
    _exit((int)made + 1);
}

/* By a limit of file sizes, which the kernel refuses in the same place as a full disk. */
static void a_full_disk_refuses_what_is_written_and_loses_nothing(void **state)
{
    (void)state;
    int status = flow_in_child(fill_the_disk, NULL);
    assert_true(WIFEXITED(status));
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    CK_OBJECT_HANDLE found[128];
    CK_ULONG count = 0;
    CK_ATTRIBUTE label = {CKA_LABEL, (void *)(uintptr_t) "large", 5};
    assert_ok(flow.p11->C_FindObjectsInit(flow.session, &label, 1));
    assert_ok(flow.p11->C_FindObjects(flow.session, found, 128, &count));
    assert_ok(flow.p11->C_FindObjectsFinal(flow.session));
    assert_int_equal(count, WEXITSTATUS(status));
    for (CK_ULONG i = 0; i < count; i++) { /* whole */
        static uint8_t content[256 << 10];
        assert_int_equal(flow_bytes(found[i], CKA_VALUE, content, sizeof content), 200 << 10);
        assert_int_equal(content[0], 0x5a);
        assert_int_equal(content[(200 << 10) - 1], 0x5a);
    }
    assert_ok(flow_run(flow_key("tiny")));
    flow_close();
}

static void set_limit(rlim_t bytes)
{
    const struct rlimit limit = {bytes, bytes};
    become_ordinary();
    assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
}

/* The arena fits, the model does not. */
static void open_under_the_limit(void *unused)
{
    (void)unused;
    struct flow_refusal why;
    char limit[32];
    set_limit(LIMIT);
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    assert_refused(flow_run(flow_key("large")), CKR_HOST_MEMORY, "memory-lock");
    flow_why(&why);
    (void)snprintf(limit, sizeof limit, "%d", LIMIT);
    assert_non_null(strstr(why.detail, limit));
    assert_non_null(strstr(why.detail, "more bytes are needed"));
    assert_non_null(strstr(why.detail, "LimitMEMLOCK"));
    assert_non_null(strstr(why.remedy, "LimitMEMLOCK"));
    flow_close();
}

static void log_in_under_the_limit(void *unused)
{
    (void)unused;
    set_limit(0);
    flow_open();
    assert_int_equal(flow_login(FLOW_PIN), CKR_HOST_MEMORY);
    flow_assert_logged("memory-lock");
    CK_TOKEN_INFO info;
    assert_ok(flow.p11->C_GetTokenInfo(flow.slot, &info));
    assert_false(info.flags & CKF_USER_PIN_COUNT_LOW); /* a PIN that was not judged costs no try */
    flow_close();
}

static void a_limit_of_locked_memory_is_named_with_need_and_remedy(void **state)
{
    (void)state;
    struct flow_archive archive = flow_archive_large();
    struct flow_sealed sealed;
    CK_OBJECT_HANDLE key = 0;
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    assert_ok(flow_key_make("large", NULL, NULL, &key));
    assert_ok(flow_seal(key, &archive, 0, &sealed));
    flow_put(key, sealed.bytes, sealed.size);
    assert_ok(flow_run(key));
    flow_sealed_free(&sealed);
    flow_archive_free(&archive);
    flow_close();
    give_away(flow.folder);
    assert_child_passed(flow_in_child(open_under_the_limit, NULL));
    assert_child_passed(flow_in_child(log_in_under_the_limit, NULL));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_store_that_is_missing_is_said_so),
        T(a_corrupt_store_is_said_so),
        T(a_newer_schema_is_said_so),
        T(a_store_that_others_may_write_is_refused),
        T(a_changed_row_is_hidden),
        T(rows_do_not_stand_in_for_each_other),
        T(a_setting_that_is_not_known_is_refused),
        T(a_read_only_store_is_said_so),
        T(an_ordinary_user_uses_its_own_store_only),
        T(a_full_disk_refuses_what_is_written_and_loses_nothing),
        T(a_limit_of_locked_memory_is_named_with_need_and_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
