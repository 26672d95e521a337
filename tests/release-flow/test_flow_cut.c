/* Files of a token's folder that somebody cuts, before it is opened and under a process that has it open: what is lost
 * by that is refused or mended, and no process is ended. Not so under a process that has them open the two that are
 * mapped, the store's generation and SQLite's index of its log (docs/operations.md, "Backup"). */
#include <errno.h>
#include <unistd.h>

#include "kes_fixture.h"

static const struct {
    const char *name;
    bool mapped;
} files[] = {{"audit.jsonl", false}, {"generation", true}, {"ledger.lock", false}, {"pin.lock", false},
    {"states.0", false}, {"states.1", false}, {"states.key", false}, {"states.lock", false}, {"token.db", false},
    {"token.db-shm", true}, {"token.db-wal", false}};
static const off_t sizes[] = {0, 3};

static void cut(const char *name, off_t size)
{
    char path[160];
    test_folder_join(path, sizeof path, flow.token, name);
    assert_true(truncate(path, size) == 0 || errno == ENOENT); /* SQLite's two are there while it is open */
}

/* --- one file, one process --- */

struct cutting {
    const char *name;
    off_t size;
    bool open; /* by then */
};

/* How far it comes is what the token answers; that it comes to the end is the test. */
static void use(void)
{
    struct flow_kes_signature signature;
    CK_TOKEN_INFO info;
    CK_BYTE random[16];
    for (CK_ULONG period = 1; period <= 2; period++) {
        (void)flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature);
        (void)flow_kes_evolve(key, period);
        (void)flow.p11->C_GetTokenInfo(flow.slot, &info);
        (void)flow.p11->C_GenerateRandom(flow.session, random, sizeof random);
        (void)flow.p11->C_DestroyObject(flow.session, public_key);
    }
}

static void cut_and_use(void *context)
{
    const struct cutting *cutting = context;
    CK_ULONG count = 1;
    if (cutting->open) {
        reopen();
        assert_signs_in(0); /* the states' files are open only then */
    }
    cut(cutting->name, cutting->size);
    if (!cutting->open &&
        (flow.p11->C_Initialize(NULL) != CKR_OK || flow.p11->C_GetSlotList(CK_TRUE, &flow.slot, &count) != CKR_OK ||
            flow.p11->C_OpenSession(flow.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &flow.session) !=
                CKR_OK ||
            flow_login(FLOW_PIN) != CKR_OK))
        _exit(0);
    use();
    (void)flow.p11->C_Finalize(NULL);
}

static void a_file_that_is_cut_ends_no_process(void **state)
{
    (void)state;
    flow_close();
    flow_copy_folder(flow.token, backup);
    for (size_t i = 0; i < COUNT_OF(files); i++)
        for (unsigned way = 0; way < 2 * COUNT_OF(sizes); way++) {
            struct cutting cutting = {files[i].name, sizes[way / 2], way % 2};
            if (cutting.open && files[i].mapped)
                continue;
            int status = flow_in_child(cut_and_use, &cutting);
            if (status != 0)
                fail_msg("%s cut to %d %s: status 0x%x", cutting.name, (int)cutting.size,
                    cutting.open ? "while it is open" : "before", (unsigned)status);
            flow_remove_folder(flow.token);
            flow_copy_folder(backup, flow.token);
        }
    reopen();
    assert_signs_in(0);
}

/* --- the number by which processes tell that a key was changed --- */

static void cut_and_sign(void *context)
{
    (void)context;
    reopen();
    for (CK_ULONG period = 0; period < 4; period++) {
        assert_signs_in(period);
        cut("states.lock", sizes[period % 2]);
        assert_signs_in(period);
        cut("states.lock", sizes[period % 2]);
        assert_ok(flow_kes_evolve(key, period + 1));
    }
    assert_signs_in(4);
    flow_close();
}

static void signatures_go_on_where_the_number_was_cut(void **state)
{
    (void)state;
    flow_close();
    assert_int_equal(flow_in_child(cut_and_sign, NULL), 0);
    reopen();
    assert_signs_in(4);
}

static void cut_whole(void *name)
{
    cut(name, 0);
}

/* A number that began again would come to what the signer remembers, and he would sign in a period that is over. Who
 * opens the folder meanwhile makes `generation` whole, before the signer reads there. */
static void who_remembers_the_number_is_not_taken_in_by_a_new_one(void **state)
{
    (void)state;
    char name[] = "states.lock";
    evolve_beside_a_signer(cut_whole, name);
}

static void who_remembers_the_number_notices_that_its_file_was_cut(void **state)
{
    (void)state;
    char name[] = "generation";
    evolve_beside_a_signer(cut_whole, name);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        PLAIN(a_file_that_is_cut_ends_no_process),
        PLAIN(signatures_go_on_where_the_number_was_cut),
        PLAIN(who_remembers_the_number_is_not_taken_in_by_a_new_one),
        PLAIN(who_remembers_the_number_notices_that_its_file_was_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
