#include "model.h"

#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "crypto/arena.h"

static struct {
    pthread_mutex_t lock;
    struct bulla_open_model *first;
} opened = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void model_free(struct bulla_open_model *model)
{
    bulla_pages_release(&model->weights);
    bulla_pages_release(&model->workspace);
    (void)pthread_mutex_destroy(&model->workspace_lock);
    free(model->evidence);
    free(model);
}

/* Takes those that `drops` names off the list; who still computes with one frees it when done. */
static void unlist(bool (*drops)(const struct bulla_open_model *model, const void *context), const void *context)
{
    struct bulla_open_model *unused = NULL;
    (void)pthread_mutex_lock(&opened.lock);
    for (struct bulla_open_model **at = &opened.first; *at;) {
        struct bulla_open_model *model = *at;
        if (!drops(model, context)) {
            at = &model->next;
            continue;
        }
        *at = model->next;
        model->listed = false;
        if (model->users == 0) {
            model->next = unused;
            unused = model;
        }
    }
    (void)pthread_mutex_unlock(&opened.lock);
    while (unused) {
        struct bulla_open_model *next = unused->next;
        model_free(unused);
        unused = next;
    }
}

static bool any(const struct bulla_open_model *model, const void *context)
{
    (void)model;
    (void)context;
    return true;
}

static bool of_token(const struct bulla_open_model *model, const void *serial)
{
    return memcmp(model->serial, serial, 16) == 0;
}

static bool is_over(const struct bulla_open_model *model, const void *now)
{
    return model->expires && *(const uint64_t *)now >= model->expires;
}

void bulla_models_close(void)
{
    unlist(any, NULL);
}

void bulla_models_forget(const uint8_t serial[static 16])
{
    unlist(of_token, serial);
}

void bulla_models_lapse(uint64_t now)
{
    unlist(is_over, &now);
}

/* In a forked child the pages read as zero; the list is forgotten, its lock may be held by a thread that is not here.
 */
void bulla_models_abandon(void)
{
    opened.first = NULL;
    (void)pthread_mutex_init(&opened.lock, NULL);
}

static bool is_wanted(const struct bulla_open_model *model, const struct bulla_run *run)
{
    return memcmp(model->object, run->key->object, 16) == 0 && memcmp(model->serial, run->services->serial, 16) == 0 &&
           model->sealing == run->key->sealing.generation &&
           !(model->expires && bulla_clock_seconds() >= model->expires);
}

static struct bulla_open_model *find(const struct bulla_run *run)
{
    struct bulla_open_model *model = opened.first;
    while (model && !is_wanted(model, run))
        model = model->next;
    if (model)
        model->users++;
    return model;
}

/* Evidence for the receipts that this opening will back. A token without an attester gives unattested receipts; one
 * whose attester fails gives none. */
static enum bulla_reason add_evidence(const struct bulla_run *run, struct bulla_open_model *model)
{
    static const struct bulla_bytes no_nonce = {NULL, 0};
    struct bulla_writer writer;
    model->evidence = malloc(BULLA_EVIDENCE_LARGEST);
    if (!model->evidence)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "opening a model");
    bulla_writer_open(&writer, model->evidence, BULLA_EVIDENCE_LARGEST);
    enum bulla_reason reason =
        run->services->evidence(run->services->token, BULLA_PURPOSE_RECEIPT, no_nonce, run->key->object, &writer);
    if (reason == BULLA_UNSUPPORTED)
        return BULLA_OK;
    BULLA_TRY(reason);
    model->evidence_size = writer.size;
    return bulla_writer_finish(&writer, "evidence");
}

static enum bulla_reason open_model(const struct bulla_run *run, struct bulla_open_model **model)
{
    if (run->key->expires && bulla_clock_seconds() >= run->key->expires)
        return bulla_refuse(BULLA_NOT_RELEASED, "the lease ended since C_DecryptInit: begin the operation again");
    struct bulla_open_model *made = calloc(1, sizeof *made);
    if (!made)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "opening a model");
    (void)pthread_mutex_init(&made->workspace_lock, NULL);
    memcpy(made->serial, run->services->serial, 16);
    memcpy(made->object, run->key->object, 16);
    made->sealing = run->key->sealing.generation;
    made->expires = run->key->expires ? run->key->expires : bulla_clock_seconds() + run->services->lease;
    enum bulla_reason reason = bulla_model_file_open(run, made);
    if (reason == BULLA_OK) {
        run->services->policy_version(
            run->services->token, run->key->object, made->policy_version, sizeof made->policy_version);
        reason = add_evidence(run, made);
    }
    if (reason != BULLA_OK) {
        model_free(made);
        return reason;
    }
    made->users = 1;
    made->listed = true;
    *model = made;
    run->services->released(run->services->token, made->expires);
    return BULLA_OK;
}

/* The list's lock is held while a model is opened: two sessions that ask at once get one copy, not two. */
enum bulla_reason bulla_model_acquire(const struct bulla_run *run, struct bulla_open_model **model)
{
    bulla_models_lapse(bulla_clock_seconds());
    (void)pthread_mutex_lock(&opened.lock);
    enum bulla_reason reason = BULLA_OK;
    *model = find(run);
    if (!*model) {
        reason = open_model(run, model);
        if (reason == BULLA_OK) {
            (*model)->next = opened.first;
            opened.first = *model;
        }
    }
    (void)pthread_mutex_unlock(&opened.lock);
    return reason;
}

void bulla_model_release(struct bulla_open_model *model)
{
    (void)pthread_mutex_lock(&opened.lock);
    bool last = --model->users == 0 && !model->listed;
    (void)pthread_mutex_unlock(&opened.lock);
    if (last)
        model_free(model);
}
