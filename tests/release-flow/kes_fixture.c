#include "kes_fixture.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int depth;
bool kills;
CK_OBJECT_HANDLE public_key, key;
uint8_t vk[32];
char backup[128], current[128];

void make_key(void)
{
    flow_kes_make(depth, &public_key, &key, vk);
}

static int set_up_kind(enum flow_kind kind)
{
    flow_begin(kind, "");
    make_key();
    test_folder_join(backup, sizeof backup, flow.folder, "backup");
    test_folder_join(current, sizeof current, flow.folder, "current");
    return 0;
}

int set_up(void **state)
{
    (void)state;
    return set_up_kind(FLOW_PLAIN);
}

int set_up_tpm(void **state)
{
    (void)state;
    return set_up_kind(FLOW_TPM);
}

int tear_down(void **state)
{
    (void)state;
    if (kills && flow.kind == FLOW_TPM)
        flow_flush_loaded();
    flow_end();
    return 0;
}

void reopen(void)
{
    flow_kes_resume(&public_key, &key);
}

void assert_signs_in(CK_ULONG period)
{
    flow_kes_assert_signs_in(key, vk, period);
}

void take_backup(void)
{
    flow_close();
    flow_copy_folder(flow.token, backup);
    reopen();
}

void put_file_back(const char *name)
{
    flow_put_file(backup, name);
}

/* --- two processes --- */

static void evolve_to_two(void *context)
{
    (void)context;
    reopen();
    assert_ok(flow_kes_evolve(key, 2));
    flow_close();
}

struct signer {
    int wake[2], told[2];
};

static void sign_before_and_after(struct signer *signer)
{
    char byte = 0;
    reopen();
    assert_signs_in(0);
    assert_int_equal(write(signer->told[1], &byte, 1), 1);
    assert_int_equal(read(signer->wake[0], &byte, 1), 1);
    assert_signs_in(2);
    assert_refused(flow_kes_evolve(key, 1), CKR_FUNCTION_REJECTED, "kes-past");
    flow_close();
}

void evolve_beside_a_signer(void (*meddle)(void *context), void *context)
{
    struct signer signer;
    char byte = 0;
    int status = 0;
    flow_close();
    assert_int_equal(pipe(signer.wake), 0);
    assert_int_equal(pipe(signer.told), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
        sign_before_and_after(&signer);
        _exit(0);
    }
    (void)close(signer.told[1]); /* its end is then the child's */
    assert_int_equal(read(signer.told[0], &byte, 1), 1);
    if (meddle)
        meddle(context);
    assert_int_equal(flow_in_child(evolve_to_two, NULL), 0);
    assert_int_equal(write(signer.wake[1], &byte, 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    reopen();
    assert_signs_in(2);
}
