/* What the states of keys that evolve leave on disk, by both keepers, and what is made of files that are not as they
 * were written. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kes_fixture.h"

/* --- the files --- */

enum { SLOTS = 2, HEAD = 4 };
static const char *const slots[SLOTS] = {"states.0", "states.1"};

static unsigned char *read_slot(const char *folder, size_t slot, size_t *size)
{
    char path[160];
    test_folder_join(path, sizeof path, folder, slots[slot]);
    unsigned char *bytes = test_file_read(path, size);
    assert_non_null(bytes);
    return bytes;
}

static bool is_empty(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

/* Which slot the table is in; the other one has nothing. */
static size_t slot_in_force(void)
{
    size_t found = SLOTS, size;
    for (size_t i = 0; i < SLOTS; i++) {
        unsigned char *bytes = read_slot(flow.token, i, &size);
        if (!is_empty(bytes, size)) {
            assert_int_equal(found, SLOTS);
            found = i;
        }
        free(bytes);
    }
    assert_in_range(found, 0, SLOTS - 1);
    return found;
}

/* In any file of the token. */
static bool is_left(const uint8_t *bytes, size_t wanted)
{
    char path[400];
    bool found = false;
    size_t size;
    DIR *folder = opendir(flow.token);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        test_folder_join(path, sizeof path, flow.token, entry->d_name);
        unsigned char *file = test_file_read(path, &size);
        found |= file && memmem(file, size, bytes, wanted) != NULL;
        free(file);
    }
    (void)closedir(folder);
    return found;
}

static void an_evolved_token_has_nothing_of_the_table_before(void **state)
{
    (void)state;
    for (CK_ULONG period = 1; period <= 4; period++) {
        uint8_t before[64];
        size_t size, slot = slot_in_force();
        unsigned char *bytes = read_slot(flow.token, slot, &size);
        assert_true(size > 200);
        memcpy(before, bytes + 100, sizeof before); /* of its ciphertext */
        free(bytes);
        assert_true(is_left(before, sizeof before));
        assert_ok(flow_kes_evolve(key, period));
        assert_int_equal(slot_in_force(), 1 - slot);
        assert_false(is_left(before, sizeof before));
    }
}

static void write_slot(size_t slot, const unsigned char *bytes, size_t size)
{
    char path[160];
    test_folder_join(path, sizeof path, flow.token, slots[slot]);
    test_file_write(path, bytes, size);
}

/* A loss of power while a change wrote its slot: any part of it may be there, and W is the one before. */
static void a_slot_that_was_half_written_is_no_harm(void **state)
{
    (void)state;
    CK_ULONG period = 0;
    for (size_t part = 0; part <= 4; part++) {
        size_t size, slot = slot_in_force();
        unsigned char *bytes = read_slot(flow.token, slot, &size);
        for (size_t i = HEAD; i < size; i++)
            bytes[i] ^= 0x5a;
        flow_close();
        memset(bytes + size * part / 4, 0, size - size * part / 4);
        write_slot(1 - slot, bytes, size);
        free(bytes);
        reopen();
        assert_signs_in(period);
        assert_int_equal(slot_in_force(), slot); /* what was left is gone */
        assert_ok(flow_kes_evolve(key, ++period));
        assert_signs_in(period);
    }
}

/* Every byte counts: the size, the commitment, the nonce, the content and its tag. */
static void a_table_that_was_changed_is_refused(void **state)
{
    (void)state;
    static const struct {
        long at; /* from the end where it is negative */
        const char *reason;
        CK_RV code;
    } changes[] = {{0, "rolled-back", CKR_DEVICE_ERROR}, {3, "rolled-back", CKR_DEVICE_ERROR},
        {HEAD, "rolled-back", CKR_DEVICE_ERROR}, {HEAD + 40, "store-corrupt", CKR_TOKEN_NOT_RECOGNIZED},
        {HEAD + 100, "store-corrupt", CKR_TOKEN_NOT_RECOGNIZED}, {-1, "store-corrupt", CKR_TOKEN_NOT_RECOGNIZED}};
    size_t size, slot = slot_in_force();
    unsigned char *bytes = read_slot(flow.token, slot, &size);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct flow_kes_signature signature;
        unsigned char *byte = bytes + (changes[i].at < 0 ? (long)size : 0) + changes[i].at;
        flow_close();
        *byte ^= 1;
        write_slot(slot, bytes, size);
        reopen();
        assert_refused(
            flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature), changes[i].code, changes[i].reason);
        assert_refused(flow_kes_evolve(key, 1), changes[i].code, changes[i].reason);
        flow_close();
        *byte ^= 1;
        write_slot(slot, bytes, size);
        reopen();
        assert_signs_in(0);
    }
    free(bytes);
}

static void assert_corrupt(void)
{
    struct flow_kes_signature signature;
    assert_refused(
        flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature), CKR_TOKEN_NOT_RECOGNIZED, "store-corrupt");
    assert_refused(flow_kes_evolve(key, 1), CKR_TOKEN_NOT_RECOGNIZED, "store-corrupt");
}

static void files_of_a_wrong_size_are_refused(void **state)
{
    (void)state;
    static const unsigned char zeros[1 << 17];
    const struct {
        const char *name;
        size_t size;
    } files[] = {{"states.0", sizeof zeros}, {"states.1", sizeof zeros}, {"states.key", 31}, {"states.key", 33}};
    char path[160];
    take_backup();
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        if (flow.kind == FLOW_TPM && strcmp(files[i].name, "states.key") == 0)
            continue;
        flow_close();
        test_folder_join(path, sizeof path, flow.token, files[i].name);
        test_file_write(path, zeros, files[i].size);
        reopen();
        assert_corrupt();
        flow_close();
        put_file_back(files[i].name);
        reopen();
        assert_signs_in(0);
    }
}

/* A link may lead to anybody's file, which is not for reading and less for writing. */
static void a_link_in_the_place_of_a_file_is_refused(void **state)
{
    (void)state;
    char path[160], target[160];
    struct flow_kes_signature signature;
    size_t slot = slot_in_force(), size;
    unsigned char *bytes = read_slot(flow.token, slot, &size), *after;
    flow_close();
    test_folder_join(path, sizeof path, flow.token, slots[slot]);
    test_folder_join(target, sizeof target, flow.folder, "elsewhere");
    assert_int_equal(rename(path, target), 0);
    assert_int_equal(symlink(target, path), 0);
    reopen();
    assert_refused(flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature), CKR_DEVICE_ERROR, "store-io");
    assert_refused(flow_kes_evolve(key, 1), CKR_DEVICE_ERROR, "store-io");
    after = test_file_read(target, &size);
    assert_memory_equal(after, bytes, size);
    free(after);
    free(bytes);
}

/* --- a token made anew --- */

static void read_opener(uint8_t opener[32])
{
    char path[160];
    size_t size = 0;
    test_folder_join(path, sizeof path, flow.token, "states.key");
    unsigned char *bytes = test_file_read(path, &size);
    assert_int_equal(size, flow.kind == FLOW_PLAIN ? 32 : 0);
    if (bytes)
        memcpy(opener, bytes, size);
    free(bytes);
}

static void a_token_made_anew_begins_anew(void **state)
{
    (void)state;
    static const char *const files[] = {"states.0", "states.1", "states.key", "states.lock"};
    unsigned char label[33] = "again                           ";
    uint8_t before[64], opener[32] = {0};
    size_t size;
    take_backup();
    unsigned char *bytes = read_slot(flow.token, slot_in_force(), &size);
    memcpy(before, bytes + 100, sizeof before);
    free(bytes);
    read_opener(opener);
    assert_ok(flow.p11->C_CloseSession(flow.session));
    assert_ok(flow.p11->C_InitToken(flow.slot, (unsigned char *)(uintptr_t)FLOW_SO_PIN, strlen(FLOW_SO_PIN), label));
    flow_close();
    flow_open();
    assert_ok(flow.p11->C_Login(flow.session, CKU_SO, (unsigned char *)(uintptr_t)FLOW_SO_PIN, strlen(FLOW_SO_PIN)));
    assert_ok(flow.p11->C_InitPIN(flow.session, (unsigned char *)(uintptr_t)FLOW_PIN, strlen(FLOW_PIN)));
    assert_ok(flow.p11->C_Logout(flow.session));
    assert_ok(flow_login(FLOW_PIN));
    assert_int_equal(flow_find(CKO_PRIVATE_KEY, "kes"), 0);
    assert_false(is_left(before, sizeof before));
    if (flow.kind == FLOW_PLAIN)
        assert_false(is_left(opener, sizeof opener));
    for (size_t i = 0; i < COUNT_OF(files); i++) /* as where the making was killed before they were removed */
        put_file_back(files[i]);
    make_key();
    assert_signs_in(0);
    assert_ok(flow_kes_evolve(key, 1));
    assert_signs_in(1);
    assert_false(is_left(before, sizeof before));
}

int main(void)
{
    if (!test_swtpm_available())
        return test_skip("swtpm");
    static const struct CMUnitTest tests[] = {
        PLAIN(an_evolved_token_has_nothing_of_the_table_before),
        TPM(an_evolved_token_has_nothing_of_the_table_before),
        PLAIN(a_slot_that_was_half_written_is_no_harm),
        TPM(a_slot_that_was_half_written_is_no_harm),
        PLAIN(a_table_that_was_changed_is_refused),
        TPM(a_table_that_was_changed_is_refused),
        PLAIN(files_of_a_wrong_size_are_refused),
        TPM(files_of_a_wrong_size_are_refused),
        PLAIN(a_link_in_the_place_of_a_file_is_refused),
        PLAIN(a_token_made_anew_begins_anew),
        TPM(a_token_made_anew_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
