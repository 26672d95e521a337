/* CKM_BULLA_INFER: a request in; embeddings and a signed receipt out (docs/formats.md, "Answer").
 *
 * Token ids, scratch and embeddings lie in locked pages that are wiped after the call; texts are read where the caller
 * has them. The workspace of a model is kept locked between calls, empty: locking it anew would cost more than a short
 * sentence does. A second session that computes at the same time gets one of its own. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <time.h>

#include "answer.h"
#include "crypto/arena.h"
#include "families.h"
#include "model.h"
#include "request.h"

enum { TOKEN_BYTES = 5, ROUNDING = 64 };

static enum bulla_reason infer_begin(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    if (mechanism->pParameter || mechanism->ulParameterLen)
        return bulla_refuse(BULLA_ARGUMENT, "CKM_BULLA_INFER takes no parameter: the request describes itself");
    if (run->key->sealing.generation == 0)
        return bulla_refuse(BULLA_MODEL_MISSING, "nothing was sealed under this key yet");
    return BULLA_OK;
}

/* No text has more tokens than bytes, but for [CLS] and [SEP]. */
static size_t tokens_most(struct bulla_bytes text, size_t longest)
{
    return text.size + 2 < longest ? text.size + 2 : longest;
}

/* Bytes of the answer's token ids, at most: whether the model takes less of a text is known only once it is open. */
static size_t token_bytes_most(const struct bulla_request *request)
{
    size_t longest = request->longest ? request->longest : BULLA_POSITIONS_MAX, bytes = TOKEN_BYTES;
    struct bulla_request_walk walk = bulla_request_texts(request);
    struct bulla_bytes text;
    while (bulla_request_next(&walk, &text))
        bytes += (1 + tokens_most(text, longest)) * TOKEN_BYTES;
    return bytes;
}

static enum bulla_reason infer_bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    struct bulla_request request;
    (void)phase;
    BULLA_TRY(bulla_request_read(in, &request));
    size_t dimension = (size_t)run->key->sealing.dimension;
    *bytes = BULLA_ANSWER_OVERHEAD + run->services->evidence_largest(run->services->token) +
             request.count * (dimension * sizeof(float) + TOKEN_BYTES);
    if (request.tokens)
        *bytes += token_bytes_most(&request);
    return BULLA_OK;
}

/* Everything that one call computes in, in one block of locked pages. */
struct work {
    uint32_t *ids;     /* [count × longest] */
    uint32_t *offsets; /* [count + 1] */
    float *embeddings; /* [count, dimension] */
    uint8_t *scratch;  /* of the tokeniser, then of the encoder */
    size_t scratch_size;
};

static size_t rounded(size_t size)
{
    return (size + ROUNDING - 1) / ROUNDING * ROUNDING;
}

static size_t tokenize_scratch(const struct bulla_request *request)
{
    struct bulla_request_walk walk = bulla_request_texts(request);
    struct bulla_bytes text;
    size_t most = 0;
    while (bulla_request_next(&walk, &text)) {
        size_t need = bulla_tokenize_scratch(text.size);
        most = need > most ? need : most;
    }
    return most;
}

/* Ids, offsets and embeddings first; what is left is scratch. */
static size_t fixed_part(const struct bulla_open_model *model, const struct bulla_request *request, unsigned longest)
{
    return rounded(request->count * longest * sizeof(uint32_t)) + rounded((request->count + 1) * sizeof(uint32_t)) +
           rounded(request->count * bulla_model_facts(model->model)->dimension * sizeof(float));
}

static void lay_out(const struct bulla_open_model *model, const struct bulla_request *request, unsigned longest,
    const struct bulla_pages *pages, struct work *work)
{
    uint8_t *at = pages->data;
    work->ids = (uint32_t *)at;
    at += rounded(request->count * longest * sizeof(uint32_t));
    work->offsets = (uint32_t *)at;
    at += rounded((request->count + 1) * sizeof(uint32_t));
    work->embeddings = (float *)at;
    at += rounded(request->count * bulla_model_facts(model->model)->dimension * sizeof(float));
    work->scratch = at;
    work->scratch_size = pages->size - (size_t)(at - pages->data);
}

static enum bulla_reason tokenize(
    const struct bulla_open_model *model, const struct bulla_request *request, unsigned longest, struct work *work)
{
    struct bulla_inference_error error = {0};
    struct bulla_request_walk walk = bulla_request_texts(request);
    struct bulla_bytes text;
    uint32_t at = 0;
    size_t done = 0;
    while (bulla_request_next(&walk, &text)) {
        unsigned count = 0;
        if (!bulla_tokenize(model->model, (const char *)text.data, text.size, longest, work->scratch, work->ids + at,
                &count, &error)) {
            enum bulla_reason reason = bulla_inference_refusal(&error);
            return bulla_refuse_within(reason, "text %zu: ", done + 1);
        }
        work->offsets[done++] = at; /* NOLINT(clang-analyzer-core.NullDereference): laid out in pages that are there */
        at += count;
    }
    work->offsets[done] = at; /* NOLINT(clang-analyzer-core.NullDereference) */
    return BULLA_OK;
}

static enum bulla_reason embed(const struct bulla_run *run, const struct bulla_open_model *model,
    const struct bulla_token_batch *batch, struct work *work)
{
    struct bulla_inference_error error = {0};
    if (!bulla_model_embed(model->model, batch, work->scratch, work->scratch_size,
            run->services->pool(run->services->token), work->embeddings, &error))
        return bulla_inference_refusal(&error);
    return BULLA_OK;
}

/* What the encoder will need is known only when the tokens are: a bound is a batch of the longest sequences. */
static size_t encoder_bound(const struct bulla_open_model *model, const struct bulla_request *request, unsigned longest)
{
    uint32_t offsets[BULLA_REQUEST_TEXTS + 1]; /* lengths only */
    for (size_t i = 0; i <= request->count; i++)
        offsets[i] = (uint32_t)(i * longest);
    const struct bulla_token_batch batch = {NULL, offsets, request->count};
    return bulla_model_workspace(model->model, &batch);
}

static unsigned longest_of(const struct bulla_open_model *model, const struct bulla_request *request)
{
    unsigned longest = bulla_model_facts(model->model)->longest;
    struct bulla_request_walk walk = bulla_request_texts(request);
    struct bulla_bytes text;
    size_t most = 0;
    if (request->longest && request->longest < longest)
        longest = request->longest;
    while (bulla_request_next(&walk, &text)) {
        size_t tokens = tokens_most(text, longest);
        most = tokens > most ? tokens : most;
    }
    return (unsigned)most;
}

static enum bulla_reason compute(struct bulla_run *run, struct bulla_open_model *model,
    const struct bulla_request *request, unsigned longest, struct bulla_answer *answer)
{
    struct work work;
    lay_out(model, request, longest, answer->pages, &work);
    BULLA_TRY(tokenize(model, request, longest, &work));
    const struct bulla_token_batch batch = {work.ids, work.offsets, request->count};
    BULLA_TRY(embed(run, model, &batch, &work));
    answer->batch = batch;
    answer->embeddings = work.embeddings;
    answer->dimension = bulla_model_facts(model->model)->dimension;
    return BULLA_OK;
}

static uint64_t milliseconds_since(const struct timespec *start)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t elapsed = (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
    return elapsed > 0 ? (uint64_t)elapsed : 0;
}

/* Computes in `pages`, which are large enough, and wipes what was written there. */
static enum bulla_reason answer_in(struct bulla_run *run, struct bulla_open_model *model,
    const struct bulla_request *request, struct bulla_bytes in, struct bulla_pages *pages, struct bulla_writer *out)
{
    struct timespec start;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    struct bulla_answer answer = {.model = model, .request = request, .request_bytes = in, .pages = pages};
    enum bulla_reason reason = compute(run, model, request, longest_of(model, request), &answer);
    answer.milliseconds = milliseconds_since(&start);
    if (reason == BULLA_OK)
        reason = bulla_answer_write(run, &answer, out);
    bulla_wipe(pages->data, pages->size);
    return reason;
}

/* The model's own workspace where it is free, grown when it is too small; else pages for this call. */
static enum bulla_reason answer_with(struct bulla_run *run, struct bulla_open_model *model,
    const struct bulla_request *request, struct bulla_bytes in, struct bulla_writer *out)
{
    unsigned longest = longest_of(model, request);
    size_t tokens = tokenize_scratch(request), encoder = encoder_bound(model, request, longest);
    size_t need = fixed_part(model, request, longest) + rounded(tokens > encoder ? tokens : encoder);
    struct bulla_pages own = {0};
    enum bulla_reason reason = BULLA_OK;
    bool shared = pthread_mutex_trylock(&model->workspace_lock) == 0;
    struct bulla_pages *pages = shared ? &model->workspace : &own;
    if (pages->size < need) {
        bulla_pages_release(pages);
        reason = bulla_pages_lock(pages, need, "an inference's activations");
    }
    if (reason == BULLA_OK)
        reason = answer_in(run, model, request, in, pages, out);
    if (shared)
        (void)pthread_mutex_unlock(&model->workspace_lock);
    bulla_pages_release(&own);
    return reason;
}

static enum bulla_reason infer_whole(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    struct bulla_request request;
    struct bulla_open_model *model = NULL;
    BULLA_TRY(bulla_request_read(in, &request));
    BULLA_TRY(bulla_model_acquire(run, &model));
    enum bulla_reason reason = answer_with(run, model, &request, in, out);
    bulla_model_release(model);
    return reason;
}

const struct bulla_processor bulla_infer_processor = {
    .begin = infer_begin,
    .bound = infer_bound,
    .whole = infer_whole,
};
