/* The state of keys that evolve, by both keepers: what was put back from a copy, and what processes do side by side. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kes_fixture.h"

/* --- what was put back --- */

static void assert_rolled_back(void)
{
    struct flow_kes_signature signature;
    CK_OBJECT_HANDLE another = 0, other_half = 0;
    assert_refused(flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature), CKR_DEVICE_ERROR, "rolled-back");
    assert_refused(flow_kes_evolve(key, 1), CKR_DEVICE_ERROR, "rolled-back");
    assert_refused(flow_kes_generate(&(struct flow_kes_settings){.label = "new"}, &other_half, &another),
        CKR_DEVICE_ERROR, "rolled-back");
}

static void states_put_back_are_refused_and_the_present_ones_go_on(void **state)
{
    (void)state;
    take_backup();
    assert_ok(flow_kes_evolve(key, 3));
    flow_close();
    flow_copy_folder(flow.token, current);
    put_file_back("states.0");
    put_file_back("states.1");
    reopen();
    assert_rolled_back();
    flow_close();
    flow_remove_folder(flow.token);
    assert_int_equal(rename(current, flow.token), 0);
    reopen();
    assert_signs_in(3);
}

static void a_database_put_back_takes_no_key_back(void **state)
{
    (void)state;
    static const char *const names[] = {"token.db", "token.db-wal", "token.db-shm", "generation"};
    take_backup();
    assert_ok(flow_kes_evolve(key, 3));
    flow_close();
    for (size_t i = 0; i < COUNT_OF(names); i++)
        put_file_back(names[i]);
    reopen();
    assert_signs_in(3);
    assert_refused(flow_kes_evolve(key, 2), CKR_FUNCTION_REJECTED, "kes-past");
    assert_ok(flow_kes_evolve(key, 4));
}

/* What docs/kes.md says of keys that such a database does not know: their states go with the next key that is made. */
static void a_key_that_a_database_put_back_does_not_know_is_gone_with_the_next_one(void **state)
{
    (void)state;
    static const char *const names[] = {"token.db", "token.db-wal", "token.db-shm", "generation"};
    CK_OBJECT_HANDLE half = 0, other = 0;
    struct flow_kes_signature signature;
    take_backup();
    assert_ok(flow_kes_generate(&(struct flow_kes_settings){.label = "other"}, &half, &other));
    flow_close();
    flow_copy_folder(flow.token, current);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        put_file_back(names[i]);
    reopen();
    assert_int_equal(flow_find(CKO_PRIVATE_KEY, "other"), 0);
    assert_ok(flow_kes_generate(&(struct flow_kes_settings){.label = "next"}, &half, &other));
    flow_close();
    for (size_t i = 0; i < COUNT_OF(names); i++)
        flow_put_file(current, names[i]);
    reopen();
    assert_signs_in(0);
    other = flow_find(CKO_PRIVATE_KEY, "other");
    assert_int_not_equal(other, 0);
    assert_refused(
        flow_kes_sign(other, CKM_BULLA_KES_SUM, "message", &signature), CKR_TOKEN_NOT_RECOGNIZED, "store-missing");
}

static void put_folder_back(void)
{
    flow_close();
    assert_int_equal(rename(flow.token, current), 0);
    flow_copy_folder(backup, flow.token);
    reopen();
}

static void a_folder_put_back_is_refused_with_a_tpm(void **state)
{
    (void)state;
    take_backup();
    assert_ok(flow_kes_evolve(key, 3));
    put_folder_back();
    assert_rolled_back();
    flow_close();
    flow_remove_folder(flow.token);
    assert_int_equal(rename(current, flow.token), 0);
    reopen();
    assert_signs_in(3);
}

/* What docs/THREAT-MODEL.md says of a token without a TPM. */
static void a_folder_put_back_is_in_its_old_period_without_one(void **state)
{
    (void)state;
    take_backup();
    assert_ok(flow_kes_evolve(key, 3));
    put_folder_back();
    assert_signs_in(0);
}

/* A copy of the folder in use on the same TPM: whichever evolves leaves the other behind. */
static void of_two_copies_one_goes_on(void **state)
{
    (void)state;
    take_backup();
    assert_ok(flow_kes_evolve(key, 1));
    put_folder_back();
    assert_rolled_back();
}

static void a_folder_from_before_the_first_key_makes_no_other(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE another = 0, other_half = 0;
    assert_ok(flow.p11->C_DestroyObject(flow.session, key));
    assert_ok(flow.p11->C_DestroyObject(flow.session, public_key));
    make_key(); /* the TPM's secret stays, and opens what there is now */
    assert_signs_in(0);
    take_backup();
    assert_ok(flow.p11->C_DestroyObject(flow.session, key));
    put_folder_back(); /* what was destroyed is not there again */
    assert_rolled_back();
    assert_refused(
        flow_kes_generate(&(struct flow_kes_settings){0}, &other_half, &another), CKR_DEVICE_ERROR, "rolled-back");
}

static void a_rolled_back_key_can_be_destroyed(void **state)
{
    (void)state;
    take_backup();
    assert_ok(flow_kes_evolve(key, 1));
    put_folder_back();
    assert_rolled_back();
    assert_ok(flow.p11->C_DestroyObject(flow.session, key));
    assert_int_equal(flow_find(CKO_PRIVATE_KEY, "kes"), 0);
    CK_OBJECT_HANDLE another = 0, other_half = 0; /* the latest folder's keys stay what the TPM's secret opens */
    assert_refused(
        flow_kes_generate(&(struct flow_kes_settings){0}, &other_half, &another), CKR_DEVICE_ERROR, "rolled-back");
}

/* TPM2_NV_UndefineSpace by the owner: what tpm2_nvundefine does (docs/operations.md). */
static void undefine_kept(void)
{
    static const uint8_t command[] = {0x80, 0x02, 0, 0, 0, 31, 0, 0, 0x01, 0x22, 0x40, 0, 0, 0x01, 0x01, 0x82, 0xc0, 0,
        0, 0, 0, 9, 0x40, 0, 0, 0x09, 0, 0, 0, 0, 0};
    static const uint8_t success[4] = {0};
    uint8_t response[64];
    assert_true(test_swtpm_command(&flow.tpm, command, sizeof command, response, sizeof response) >= 10);
    assert_memory_equal(response + 6, success, 4);
}

/* The way out of a folder whose states are lost for good: the dead keys go, then what the TPM keeps for them. */
static void who_gives_the_lost_keys_up_makes_others(void **state)
{
    (void)state;
    take_backup();
    assert_ok(flow_kes_evolve(key, 1));
    put_folder_back();
    flow_close();
    undefine_kept();
    reopen();
    CK_OBJECT_HANDLE another = 0, other_half = 0;
    assert_refused(
        flow_kes_generate(&(struct flow_kes_settings){0}, &other_half, &another), CKR_DEVICE_ERROR, "tpm-nv");
    assert_ok(flow.p11->C_DestroyObject(flow.session, key));
    make_key();
    assert_signs_in(0);
    assert_ok(flow_kes_evolve(key, 1));
    flow_close();
    reopen();
    assert_signs_in(1);
}

/* --- processes --- */

static void a_process_notices_that_another_one_evolved_the_key(void **state)
{
    (void)state;
    evolve_beside_a_signer(NULL, NULL);
}

enum { RACERS = 4, ROUNDS = 12 };

/* Every signature is of the period that the key was in at that moment: never an earlier one than was seen before. */
static void race(void)
{
    reopen();
    for (int i = 0; i < ROUNDS; i++) {
        struct flow_kes_signature signature;
        CK_ULONG seen = flow_kes_period(key);
        CK_RV rv = flow_kes_evolve(key, seen + 1);
        assert_true(rv == CKR_OK || rv == CKR_FUNCTION_REJECTED); /* another one was faster, twice */
        assert_ok(flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature));
        assert_true(flow_kes_period_of(vk, 6, "message", &signature) >= (int)seen + 1);
        assert_true((int)flow_kes_period(key) >= flow_kes_period_of(vk, 6, "message", &signature));
    }
    flow_close();
}

static void processes_that_evolve_at_once_agree(void **state)
{
    (void)state;
    pid_t children[RACERS];
    flow_close();
    for (int i = 0; i < RACERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
            race();
            _exit(0);
        }
    }
    for (int i = 0; i < RACERS; i++) {
        int status = 1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    reopen();
    assert_in_range(flow_kes_period(key), ROUNDS, RACERS * ROUNDS);
    assert_signs_in(flow_kes_period(key));
}

/* --- the TPM --- */

static void without_its_tpm_a_key_signs_on_and_does_not_evolve(void **state)
{
    (void)state;
    assert_signs_in(0);
    test_swtpm_stop(&flow.tpm);
    assert_signs_in(0); /* what is open stays open until logout */
    assert_refused(flow_kes_evolve(key, 1), CKR_DEVICE_ERROR, "tpm-unreachable");
    test_swtpm_restart(&flow.tpm);
    assert_signs_in(0);
    assert_ok(flow_kes_evolve(key, 1));
    assert_signs_in(1);
}

static void the_object_says_who_keeps_it(void **state)
{
    (void)state;
    uint8_t keeper[8];
    assert_int_equal(flow_bytes(key, CKA_BULLA_KES_KEEPER, keeper, sizeof keeper), 3);
    assert_memory_equal(keeper, "tpm", 3);
}

int main(void)
{
    if (!test_swtpm_available())
        return test_skip("swtpm");
    const struct CMUnitTest tests[] = {
        PLAIN(states_put_back_are_refused_and_the_present_ones_go_on),
        TPM(states_put_back_are_refused_and_the_present_ones_go_on),
        PLAIN(a_database_put_back_takes_no_key_back),
        TPM(a_database_put_back_takes_no_key_back),
        PLAIN(a_key_that_a_database_put_back_does_not_know_is_gone_with_the_next_one),
        TPM(a_folder_put_back_is_refused_with_a_tpm),
        PLAIN(a_folder_put_back_is_in_its_old_period_without_one),
        TPM(of_two_copies_one_goes_on),
        TPM(a_folder_from_before_the_first_key_makes_no_other),
        TPM(a_rolled_back_key_can_be_destroyed),
        TPM(who_gives_the_lost_keys_up_makes_others),
        PLAIN(a_process_notices_that_another_one_evolved_the_key),
        TPM(a_process_notices_that_another_one_evolved_the_key),
        PLAIN(processes_that_evolve_at_once_agree),
        TPM(processes_that_evolve_at_once_agree),
        TPM(without_its_tpm_a_key_signs_on_and_does_not_evolve),
        TPM(the_object_says_who_keeps_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
