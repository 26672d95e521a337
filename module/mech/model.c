/* A model stands in the list from the moment that its opening begins, which may take long (decryption, a TPM that is
 * slow or hangs): who wants the same one waits for that opening instead of doing it again, and the list's lock is held
 * by nobody meanwhile. Whatever has users is freed by the last of them, if it has left the list by then. */
#include "model.h"

#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "crypto/arena.h"
#include "evidence/receipt_measure.h"

static struct {
    pthread_mutex_t lock;
    pthread_cond_t settled; /* an opening ended */
    struct bulla_open_model *first;
} opened = {.lock = PTHREAD_MUTEX_INITIALIZER, .settled = PTHREAD_COND_INITIALIZER};

static void model_free(struct bulla_open_model *model)
{
    bulla_pages_release(&model->weights);
    bulla_pages_release(&model->workspace);
    (void)pthread_mutex_destroy(&model->workspace_lock);
    free(model->evidence);
    free(model->claims);
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

/* In a forked child the pages read as zero; the list is forgotten, and who held its lock, opened a model or waited for
 * one is not here. */
void bulla_models_abandon(void)
{
    opened.first = NULL;
    (void)pthread_mutex_init(&opened.lock, NULL);
    (void)pthread_cond_init(&opened.settled, NULL);
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
    return model;
}

/* Once for all receipts of this opening. */
static enum bulla_reason read_claims(struct bulla_open_model *model)
{
    struct bulla_envelope envelope;
    model->claims = malloc(sizeof *model->claims);
    if (!model->claims)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "opening a model");
    BULLA_TRY(bulla_envelope_read((struct bulla_bytes){model->evidence, model->evidence_size}, &envelope));
    return bulla_evidence_measured(&envelope, model->claims);
}

/* Evidence for the receipts that this opening will back. A token without an attester gives unattested receipts; one
 * whose attester fails gives none. */
static enum bulla_reason add_evidence(const struct bulla_run *run, struct bulla_open_model *model)
{
    const struct bulla_services *services = run->services;
    const struct bulla_evidence_request request = {.purpose = BULLA_PURPOSE_RECEIPT, .object = run->key->object};
    size_t largest = services->evidence_largest(services->token);
    struct bulla_writer writer;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it was announced, so there is one */
    model->evidence = malloc(largest);
    if (!model->evidence)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "opening a model");
    bulla_writer_open(&writer, model->evidence, largest);
    enum bulla_reason reason = services->evidence(services->token, &request, &writer);
    if (reason == BULLA_UNSUPPORTED)
        return BULLA_OK;
    BULLA_TRY(reason);
    BULLA_TRY(bulla_writer_finish(&writer, "evidence"));
    model->evidence_size = writer.size;
    return read_claims(model);
}

static enum bulla_reason open_contents(const struct bulla_run *run, struct bulla_open_model *model)
{
    const struct bulla_services *services = run->services;
    BULLA_TRY(bulla_model_file_open(run, model));
    services->policy_version(services->token, run->key->object, model->policy_version, sizeof model->policy_version);
    BULLA_TRY(add_evidence(run, model));
    services->released(services->token, model->expires);
    return BULLA_OK;
}

/* --- the list, with its lock held --- */

/* Gives a hold back; the model to free, or NULL. */
static struct bulla_open_model *leave(struct bulla_open_model *model)
{
    return --model->users == 0 && !model->listed ? model : NULL;
}

static void take_off(struct bulla_open_model *model)
{
    struct bulla_open_model **at = &opened.first;
    while (*at && *at != model)
        at = &(*at)->next;
    if (*at)
        *at = model->next;
    model->listed = false;
}

/* The opened model, with a hold of the caller's; waits for one that is being opened. After a refusal those who waited
 * open it for themselves: theirs, if it comes to that, has words of its own. */
static struct bulla_open_model *join(const struct bulla_run *run)
{
    struct bulla_open_model *model, *unused;
    while ((model = find(run)) != NULL) {
        model->users++;
        while (model->opening == BULLA_OPENING)
            (void)pthread_cond_wait(&opened.settled, &opened.lock);
        if (model->opening == BULLA_OPENED)
            return model;
        if ((unused = leave(model)) != NULL)
            model_free(unused);
    }
    return NULL;
}

/* A model that its caller is about to open, listed and held. */
static enum bulla_reason announce(const struct bulla_run *run, struct bulla_open_model **model)
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
    made->users = 1;
    made->listed = true;
    made->next = opened.first;
    opened.first = made;
    *model = made;
    return BULLA_OK;
}

/* --- with the lock free --- */

static enum bulla_reason open_announced(const struct bulla_run *run, struct bulla_open_model *model)
{
    enum bulla_reason reason = open_contents(run, model);
    if (reason != BULLA_OK)
        bulla_pages_release(&model->weights); /* now, and not when the last who waited has woken up */
    (void)pthread_mutex_lock(&opened.lock);
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): as above */
    model->opening = reason == BULLA_OK ? BULLA_OPENED : BULLA_OPENING_REFUSED;
    if (reason != BULLA_OK)
        take_off(model);
    (void)pthread_cond_broadcast(&opened.settled);
    (void)pthread_mutex_unlock(&opened.lock);
    if (reason != BULLA_OK)
        bulla_model_release(model);
    return reason;
}

enum bulla_reason bulla_model_acquire(const struct bulla_run *run, struct bulla_open_model **model)
{
    enum bulla_reason reason = BULLA_OK;
    bulla_models_lapse(bulla_clock_seconds());
    (void)pthread_mutex_lock(&opened.lock);
    *model = join(run);
    bool mine = !*model;
    if (mine)
        reason = announce(run, model);
    (void)pthread_mutex_unlock(&opened.lock);
    return mine && reason == BULLA_OK ? open_announced(run, *model) : reason;
}

void bulla_model_release(struct bulla_open_model *model)
{
    (void)pthread_mutex_lock(&opened.lock);
    struct bulla_open_model *unused = leave(model);
    (void)pthread_mutex_unlock(&opened.lock);
    if (unused)
        model_free(unused);
}
