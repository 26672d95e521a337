#include "now.h"

#include <time.h>

#include "mech/clock.h"
#include "release/backend.h"
#include "token.h"

uint64_t bulla_system_seconds(void)
{
    return (uint64_t)time(NULL);
}

enum bulla_reason bulla_token_clock(const struct bulla_token *token, uint64_t *milliseconds)
{
    struct bulla_backend_clock clock = {0};
    *milliseconds = 0;
    if (!*token->config->tcti || !bulla_token_backend || !bulla_token_backend->clock)
        return BULLA_OK;
    BULLA_TRY(bulla_token_backend->clock(token->config->tcti, &clock));
    *milliseconds = clock.milliseconds;
    return BULLA_OK;
}

/* The lock is held. */
static void note(struct bulla_token *token, const struct bulla_time_mark *mark, uint64_t clock)
{
    struct bulla_token_time *known = &token->time;
    known->mark = *mark;
    known->floor = bulla_time_floor(mark, clock);
    known->read_at = bulla_clock_seconds();
    known->read = true;
}

static enum bulla_reason read_mark(struct bulla_token *token)
{
    static const char *const names[] = {BULLA_LEDGER_TIME, BULLA_LEDGER_CLOCK};
    uint64_t numbers[2], clock = 0;
    BULLA_TRY(bulla_ledger_read_many(token, 2, names, numbers));
    const struct bulla_time_mark mark = {numbers[0], numbers[1]};
    if (mark.clock)
        BULLA_TRY(bulla_token_clock(token, &clock));
    note(token, &mark, clock);
    return BULLA_OK;
}

static enum bulla_reason floor_now(struct bulla_token *token, uint64_t *floor)
{
    const struct bulla_token_time *known = &token->time;
    if (!known->read || bulla_clock_seconds() - known->read_at >= BULLA_TIME_READ)
        BULLA_TRY(read_mark(token));
    *floor = known->floor + (bulla_clock_seconds() - known->read_at);
    return BULLA_OK;
}

uint64_t bulla_token_time_floor(struct bulla_token *token)
{
    const struct bulla_token_time *known = &token->time;
    (void)pthread_mutex_lock(&token->time.lock);
    uint64_t floor = known->read ? known->floor + (bulla_clock_seconds() - known->read_at) : 0;
    (void)pthread_mutex_unlock(&token->time.lock);
    return floor;
}

enum bulla_reason bulla_token_now(struct bulla_token *token, uint64_t *now)
{
    uint64_t floor = 0;
    (void)pthread_mutex_lock(&token->time.lock);
    enum bulla_reason reason = floor_now(token, &floor);
    (void)pthread_mutex_unlock(&token->time.lock);
    *now = 0;
    return reason == BULLA_OK ? bulla_time_judge(floor, bulla_system_seconds(), now) : reason;
}

void bulla_token_time_note(struct bulla_token *token, const struct bulla_time_mark *mark)
{
    (void)pthread_mutex_lock(&token->time.lock);
    note(token, mark, mark->clock);
    (void)pthread_mutex_unlock(&token->time.lock);
}

void bulla_token_time_forget(struct bulla_token *token)
{
    (void)pthread_mutex_lock(&token->time.lock);
    token->time.read = false;
    (void)pthread_mutex_unlock(&token->time.lock);
}

static uint64_t marked_at(struct bulla_token *token)
{
    (void)pthread_mutex_lock(&token->time.lock);
    uint64_t at = token->time.mark.time;
    (void)pthread_mutex_unlock(&token->time.lock);
    return at;
}

void bulla_token_time_keep(struct bulla_token *token)
{
    uint64_t now;
    struct bulla_detail_kept detail;
    bulla_detail_keep(&detail);
    if (bulla_token_now(token, &now) == BULLA_OK && now >= marked_at(token) + BULLA_TIME_KEPT) {
        enum bulla_reason ignored = bulla_ledger_keep_time(token);
        (void)ignored; /* at the next occasion, then */
    }
    bulla_detail_restore(&detail);
}
