/* Opened models while one of them is being opened, which a test makes as slow as it likes: the services are its own,
 * and the one that makes evidence waits at a gate. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mech/clock.h"
#include "mech/families.h"
#include "mech/model.h"
#include "release-flow/model.h"

const struct bulla_family *const bulla_families[] = {&bulla_model_family, NULL};

static char folder[64];

/* --- the services --- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed;               /* openings of `slow` wait */
    unsigned waiting, counted; /* at the gate; openings of `slow` that came to it */
    unsigned refusals;         /* the next so many are refused */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static size_t evidence_largest(void *token)
{
    (void)token;
    return 1024;
}

static enum bulla_reason evidence(
    void *token, const struct bulla_evidence_request *request, struct bulla_writer *document)
{
    (void)token;
    (void)document;
    if (request->object[0] != 's')
        return bulla_refuse(BULLA_UNSUPPORTED, "no attester");
    (void)pthread_mutex_lock(&gate.lock);
    gate.counted++;
    gate.waiting++;
    (void)pthread_cond_broadcast(&gate.changed);
    while (gate.closed)
        (void)pthread_cond_wait(&gate.changed, &gate.lock);
    gate.waiting--;
    bool refused = gate.refusals > 0;
    gate.refusals -= refused;
    (void)pthread_mutex_unlock(&gate.lock);
    return bulla_refuse(refused ? BULLA_TPM_FAILED : BULLA_UNSUPPORTED, "no attester");
}

static void close_gate(void)
{
    gate.closed = true;
    gate.counted = 0;
}

static void open_gate(void)
{
    (void)pthread_mutex_lock(&gate.lock);
    gate.closed = false;
    (void)pthread_cond_broadcast(&gate.changed);
    (void)pthread_mutex_unlock(&gate.lock);
}

static void await_at_gate(void)
{
    (void)pthread_mutex_lock(&gate.lock);
    while (gate.waiting == 0)
        (void)pthread_cond_wait(&gate.changed, &gate.lock);
    (void)pthread_mutex_unlock(&gate.lock);
}

static enum bulla_reason generation_floor(void *token, const uint8_t object[static 16], uint64_t *generation)
{
    (void)token;
    (void)object;
    *generation = 0;
    return BULLA_OK;
}

static enum bulla_reason generation_raise(void *token, const uint8_t object[static 16], uint64_t generation)
{
    (void)token;
    (void)object;
    (void)generation;
    return BULLA_OK;
}

static enum bulla_reason sealed(void *token, const uint8_t object[static 16], const struct bulla_sealing *sealing)
{
    return generation_raise(token, object, sealing->generation);
}

static struct bulla_pool *no_pool(void *token)
{
    (void)token;
    return NULL;
}

static void released(void *token, uint64_t expires)
{
    (void)token;
    (void)expires;
}

static void policy_version(void *token, const uint8_t object[static 16], char *text, size_t size)
{
    (void)token;
    (void)object;
    (void)snprintf(text, size, "none");
}

static void audit(void *token, const char *event, const struct bulla_audit_field *fields, size_t count)
{
    (void)token;
    (void)event;
    (void)fields;
    (void)count;
}

static const struct bulla_services services = {
    .serial = "0123456789abcdef",
    .models = folder,
    .lease = 3600,
    .pool = no_pool,
    .generation_floor = generation_floor,
    .generation_raise = generation_raise,
    .sealed = sealed,
    .evidence = evidence,
    .evidence_largest = evidence_largest,
    .released = released,
    .policy_version = policy_version,
    .audit = audit,
};

/* --- two models, one of them slow to open --- */

static const uint8_t secret[32] = {7};
static const struct bulla_key quick = {
    .object = "quick", .secret = {secret, 32}, .id = {(const uint8_t *)"q", 1}, .sealing = {1, 16}};
static const struct bulla_key slow = {
    .object = "slow", .secret = {secret, 32}, .id = {(const uint8_t *)"s", 1}, .sealing = {1, 16}};

static void seal(const struct bulla_key *key, const char *name)
{
    struct flow_archive archive = flow_archive_tiny();
    struct bulla_key fresh = *key;
    fresh.sealing = (struct bulla_sealing){0, 0};
    const CK_MECHANISM mechanism = {CKM_BULLA_SEAL, NULL, 0};
    struct bulla_run run = {&fresh, &services, NULL, calloc(1, bulla_seal_processor.state_size)};
    struct bulla_writer writer;
    size_t room = archive.size + (4 << 20);
    uint8_t *bytes = malloc(room);
    char path[96];
    assert_non_null(run.state);
    assert_non_null(bytes);
    bulla_writer_open(&writer, bytes, room);
    assert_int_equal(bulla_seal_processor.begin(&run, &mechanism), BULLA_OK);
    assert_int_equal(
        bulla_seal_processor.update(&run, (struct bulla_bytes){archive.bytes, archive.size}, &writer), BULLA_OK);
    assert_int_equal(bulla_seal_processor.finish(&run, &writer), BULLA_OK);
    bulla_seal_processor.end(run.state);
    test_folder_join(path, sizeof path, folder, name);
    test_file_write(path, bytes, writer.size);
    free(bytes);
    free(run.state);
    flow_archive_free(&archive);
}

struct opening {
    pthread_t thread;
    const struct bulla_key *key;
    enum bulla_reason reason;
    struct bulla_open_model *model;
};

static void *open_it(void *context)
{
    struct opening *opening = context;
    const struct bulla_run run = {opening->key, &services, NULL, NULL};
    opening->reason = bulla_model_acquire(&run, &opening->model);
    return NULL;
}

static void start(struct opening *opening, const struct bulla_key *key)
{
    *opening = (struct opening){.key = key};
    assert_int_equal(pthread_create(&opening->thread, NULL, open_it, opening), 0);
}

static enum bulla_reason finish(struct opening *opening)
{
    assert_int_equal(pthread_join(opening->thread, NULL), 0);
    return opening->reason;
}

static void assert_opens(const struct bulla_key *key)
{
    struct opening opening;
    start(&opening, key);
    assert_int_equal(finish(&opening), BULLA_OK);
    bulla_model_release(opening.model);
}

static int set_up(void **state)
{
    (void)state;
    test_folder_make(folder, sizeof folder);
    seal(&quick, "71.bulla");
    seal(&slow, "73.bulla");
    gate.refusals = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)alarm(0);
    bulla_models_close();
    test_folder_remove(folder);
    return 0;
}

/* --- */

/* Whoever would wait here waits for good: the alarm ends the program. */
static void a_slow_opening_keeps_nobody_waiting_but_those_who_want_it(void **state)
{
    (void)state;
    static const uint8_t other_token[16] = "another token...";
    struct opening opening;
    assert_opens(&quick);
    close_gate();
    start(&opening, &slow);
    await_at_gate();
    (void)alarm(10);
    assert_opens(&quick);
    bulla_models_forget(other_token);
    bulla_models_lapse(bulla_clock_seconds());
    assert_opens(&quick);
    bulla_models_forget(services.serial);
    assert_opens(&quick); /* opened anew */
    open_gate();
    assert_int_equal(finish(&opening), BULLA_OK);
    bulla_model_release(opening.model);
}

static void those_who_want_the_same_model_share_one_opening(void **state)
{
    (void)state;
    enum { CALLERS = 5 };
    struct opening openings[CALLERS];
    close_gate();
    for (size_t i = 0; i < CALLERS; i++)
        start(&openings[i], &slow);
    await_at_gate();
    (void)usleep(100000);
    open_gate();
    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(finish(&openings[i]), BULLA_OK);
        assert_ptr_equal(openings[i].model, openings[0].model);
    }
    assert_int_equal(openings[0].model->users, CALLERS);
    for (size_t i = 0; i < CALLERS; i++)
        bulla_model_release(openings[i].model);
    assert_opens(&slow);
    assert_int_equal(gate.counted, 1);
}

static void forget_it(void)
{
    bulla_models_forget(services.serial);
}

static void let_it_lapse(void)
{
    bulla_models_lapse(bulla_clock_seconds() + services.lease);
}

/* Who opened it and who waited may still use it; nobody else finds it. */
static void a_model_that_was_dropped_while_it_opened_is_not_kept(void **state)
{
    (void)state;
    void (*const drops[])(void) = {forget_it, let_it_lapse, bulla_models_close};
    for (size_t i = 0; i < sizeof drops / sizeof drops[0]; i++) {
        struct opening opening, waiting;
        close_gate();
        start(&opening, &slow);
        await_at_gate();
        start(&waiting, &slow);
        (void)usleep(100000);
        (void)alarm(10);
        drops[i]();
        open_gate();
        assert_int_equal(finish(&opening), BULLA_OK);
        assert_int_equal(finish(&waiting), BULLA_OK);
        assert_false(opening.model->listed);
        assert_ptr_equal(opening.model, waiting.model);
        assert_int_equal(opening.model->users, 2);
        bulla_model_release(opening.model);
        assert_int_equal(waiting.model->users, 1); /* and is freed by the next line: the sanitizer sees it */
        bulla_model_release(waiting.model);
        assert_opens(&slow);
        assert_int_equal(gate.counted, 2);
        bulla_models_close();
    }
}

static void after_a_refusal_those_who_waited_try_for_themselves(void **state)
{
    (void)state;
    struct opening first, second;
    close_gate();
    gate.refusals = 1;
    start(&first, &slow);
    await_at_gate();
    start(&second, &slow);
    (void)usleep(100000);
    open_gate();
    assert_int_equal(finish(&first), BULLA_TPM_FAILED);
    assert_int_equal(finish(&second), BULLA_OK);
    assert_int_equal(gate.counted, 2);
    bulla_model_release(second.model);
    bulla_models_close();
    gate.refusals = 1;
    start(&first, &slow);
    assert_int_equal(finish(&first), BULLA_TPM_FAILED);
    assert_opens(&slow);
}

static void a_child_forked_while_a_model_opens_opens_its_own(void **state)
{
    (void)state;
    struct opening opening, waiting;
    int status = 0;
    close_gate();
    start(&opening, &slow);
    await_at_gate();
    start(&waiting, &slow);
    (void)usleep(100000);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct bulla_run run = {&slow, &services, NULL, NULL};
        struct bulla_open_model *model = NULL;
        (void)alarm(10);
        gate.closed = false; /* its lock is free: whoever stands at the gate waits */
        bulla_models_abandon();
        enum bulla_reason reason = bulla_model_acquire(&run, &model);
        bulla_models_forget(services.serial);
        _exit(reason == BULLA_OK && !model->listed ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    open_gate();
    assert_int_equal(finish(&opening), BULLA_OK);
    assert_int_equal(finish(&waiting), BULLA_OK);
    bulla_model_release(opening.model);
    bulla_model_release(waiting.model);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_slow_opening_keeps_nobody_waiting_but_those_who_want_it),
        T(those_who_want_the_same_model_share_one_opening),
        T(a_model_that_was_dropped_while_it_opened_is_not_kept),
        T(after_a_refusal_those_who_waited_try_for_themselves),
        T(a_child_forked_while_a_model_opens_opens_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
