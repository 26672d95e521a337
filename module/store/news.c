/* Whether what other processes wrote concerns a caller, without asking SQLite.
 *
 * M, D, S and R are as in generation.c. A caller names by their marks the rows that he is about to use; what is asked
 * is whether one of the commits in (R, M] may have changed one of them. For that their notes are sifted into a table of
 * marks, once for each commit, by whoever comes first; a question is then a few reads of memory that nobody writes.
 *
 * What must hold: a change whose commit returned before the question is asked is answered with true where it is the
 * caller's. Such a commit n has M >= n, and:
 *
 *   n noted as finished    it was made, once and for good, with these marks: they go into the table.
 *   n < M, else            its writer is an older version, could not write, was killed, or has not returned yet.
 *                          True: a walk finds out, and from there on R >= n.
 *   n = M, not D,          under way. What is noted before a commit is what that commit will be, so who is not meant by
 *   noted as such          it may go on; who is meant is told true, and bulla_store_has_news lets him go on until it is
 *                          finished. Where the writer was killed another one takes the number n: whose note was read
 *                          is believed until D = n or M > n, which is before that other one returns.
 *   n = M, not D, else     under way, by an older version. Nobody can complain for BULLA_STORE_PATIENCE; then true.
 *   n = M = D, else        true.
 *
 * So the one thing that may stay unseen by who never walks is a commit whose writer was killed between the commit and
 * D = n, having taken the number of another one that was killed before its commit: until the next commit, and nobody
 * was told of it.
 *
 * Everybody is concerned by a commit that changed more than one row or says so, by more than the ring holds, and by a
 * generation that went back. A walk empties the table: it begins anew at the generation that was reached. Walks that
 * were not made because nobody was concerned cost nothing but this: the next one brings all those changes at once.
 *
 * `calm` is for who asks of the same row again and again: as long as `turn` stands, and the table is of what is mapped,
 * the answer is what it was.
 *
 * The table is written under `lock`, with `turn` odd meanwhile; a question is asked again when `turn` has moved. It is
 * open addressed and at most three eighths full, of whole marks of 64 bits, so that two rows are hardly ever taken for
 * each other; then there is a walk for nothing. A sieve before it, of one bit for each mark, stays in the nearest
 * cache: most questions end there. */
#include <string.h>

#include "inside.h"

_Static_assert((BULLA_NEWS_TABLE & (BULLA_NEWS_TABLE - 1)) == 0, "a power of two");
_Static_assert(8 * BULLA_CHANGES_NOTED * BULLA_CHANGE_MARKS <= 3 * BULLA_NEWS_TABLE, "there is room");

static uint64_t stir(uint64_t mark, uint64_t word)
{
    mark = (mark ^ word) * UINT64_C(0xff51afd7ed558ccd);
    return mark ^ mark >> 32;
}

uint64_t bulla_store_mark(uint64_t kind, struct bulla_bytes value)
{
    uint64_t mark = (kind + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ value.size, word = 0;
    size_t at = 0;
    for (; value.size - at >= sizeof word; at += sizeof word) {
        memcpy(&word, value.data + at, sizeof word);
        mark = stir(mark, word);
    }
    if (at < value.size && at) /* the last eight, some of them once more */
        memcpy(&word, value.data + value.size - sizeof word, sizeof word);
    for (; at < value.size && value.size < sizeof word; at++)
        word = word << 8 | value.data[at];
    mark = stir(mark, word);
    return mark ? mark : 1;
}

void bulla_news_open(struct bulla_news *news)
{
    (void)pthread_mutex_init(&news->lock, NULL);
}

void bulla_news_close(struct bulla_news *news)
{
    (void)pthread_mutex_destroy(&news->lock);
}

/* --- the table; a mark spreads its bits well enough to be its own hash --- */

static bool is_in(const struct bulla_news *news, uint64_t mark)
{
    size_t bit = (mark >> 48) % BULLA_NEWS_SIEVE;
    if (!(atomic_load_explicit(&news->sieve[bit / 64], memory_order_relaxed) >> bit % 64 & 1))
        return false;
    for (size_t at = mark % BULLA_NEWS_TABLE;; at = (at + 1) % BULLA_NEWS_TABLE) {
        uint64_t present = atomic_load_explicit(&news->table[at], memory_order_relaxed);
        if (!present || present == mark)
            return present != 0;
    }
}

static void put_in(struct bulla_news *news, uint64_t mark)
{
    size_t at = mark % BULLA_NEWS_TABLE, bit = (mark >> 48) % BULLA_NEWS_SIEVE;
    uint64_t present;
    (void)atomic_fetch_or_explicit(&news->sieve[bit / 64], UINT64_C(1) << bit % 64, memory_order_relaxed);
    while ((present = atomic_load_explicit(&news->table[at], memory_order_relaxed)) && present != mark)
        at = (at + 1) % BULLA_NEWS_TABLE;
    news->filled += !present;
    atomic_store_explicit(&news->table[at], mark, memory_order_relaxed);
}

/* Around what is written; `lock` is held. */
static void begin_turn(struct bulla_news *news)
{
    atomic_store_explicit(&news->turn, news->turn + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static void end_turn(struct bulla_news *news)
{
    atomic_store_explicit(&news->turn, news->turn + 1, memory_order_release);
}

void bulla_news_restart(struct bulla_news *news, uint64_t reached, uint64_t done)
{
    (void)pthread_mutex_lock(&news->lock);
    begin_turn(news);
    for (size_t i = 0; news->filled && i < BULLA_NEWS_TABLE; i++)
        atomic_store_explicit(&news->table[i], 0, memory_order_relaxed);
    for (size_t i = 0; news->filled && i < BULLA_NEWS_SIEVE / 64; i++)
        atomic_store_explicit(&news->sieve[i], 0, memory_order_relaxed);
    news->filled = 0;
    news->sifted = reached;
    atomic_store_explicit(&news->base, reached, memory_order_relaxed);
    atomic_store_explicit(&news->mapped, reached, memory_order_relaxed);
    atomic_store_explicit(&news->done, done, memory_order_relaxed);
    atomic_store_explicit(&news->patient, false, memory_order_relaxed);
    end_turn(news);
    (void)pthread_mutex_unlock(&news->lock);
}

/* --- sifting --- */

enum sifted { SIFTED, UNDER_WAY, EVERYBODY };

static enum sifted sift_one(struct bulla_store *store, uint64_t value, uint64_t mapped, uint64_t done)
{
    struct bulla_change change;
    bool last = value == mapped && done != mapped;
    if (store->news.filled > BULLA_NEWS_TABLE / 2) /* of commits that came to nothing */
        return EVERYBODY;
    if (!bulla_generation_noted(&store->generation, value, &change))
        return last ? UNDER_WAY : EVERYBODY;
    if (change.reach == BULLA_CHANGE_ANY || (!change.finished && !last))
        return EVERYBODY;
    for (int i = 0; i < BULLA_CHANGE_MARKS; i++)
        if (change.marks[i])
            put_in(&store->news, change.marks[i]);
    if (change.finished)
        store->news.sifted = value;
    return SIFTED;
}

/* `lock` is held, and it is this one's turn. */
static enum sifted sift(struct bulla_store *store, uint64_t mapped, uint64_t done)
{
    struct bulla_news *news = &store->news;
    if (mapped < news->sifted || mapped - news->base >= BULLA_CHANGES_NOTED)
        return EVERYBODY;
    enum sifted sifted = SIFTED;
    for (uint64_t value = news->sifted + 1; value <= mapped && sifted == SIFTED; value++)
        sifted = sift_one(store, value, mapped, done);
    return sifted;
}

/* Brings the table to what is mapped now. False: everybody is concerned. */
static bool bring_up(struct bulla_store *store, uint64_t reached)
{
    struct bulla_news *news = &store->news;
    (void)pthread_mutex_lock(&news->lock);
    uint64_t mapped = bulla_generation_read(&store->generation);
    uint64_t done = bulla_generation_done(&store->generation);
    enum sifted sifted = EVERYBODY;
    begin_turn(news);
    if (news->base == reached)
        sifted = sift(store, mapped, done);
    /* R is no news: where it is the mark of a table that is not up to date, nobody believes in it. */
    atomic_store_explicit(&news->mapped, sifted == EVERYBODY ? news->base : mapped, memory_order_relaxed);
    atomic_store_explicit(&news->done, done, memory_order_relaxed);
    atomic_store_explicit(&news->patient, sifted == UNDER_WAY, memory_order_relaxed);
    end_turn(news);
    (void)pthread_mutex_unlock(&news->lock);
    return sifted != EVERYBODY;
}

/* --- asking --- */

static bool is_up_to_date(const struct bulla_news *news, uint64_t reached, uint64_t mapped, uint64_t done)
{
    return atomic_load_explicit(&news->base, memory_order_relaxed) == reached &&
           atomic_load_explicit(&news->mapped, memory_order_relaxed) == mapped &&
           atomic_load_explicit(&news->done, memory_order_relaxed) == done;
}

uint64_t bulla_store_calm(const struct bulla_store *store)
{
    const struct bulla_news *news = &store->news;
    uint64_t turn = atomic_load_explicit(&news->turn, memory_order_acquire);
    uint64_t mapped = bulla_generation_read(&store->generation);
    uint64_t done = bulla_generation_done(&store->generation);
    bool up_to_date = atomic_load_explicit(&news->mapped, memory_order_relaxed) == mapped &&
                      atomic_load_explicit(&news->done, memory_order_relaxed) == done &&
                      !atomic_load_explicit(&news->patient, memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    return up_to_date && turn % 2 == 0 && atomic_load_explicit(&news->turn, memory_order_relaxed) == turn ? turn : 0;
}

static bool is_among(struct bulla_store *store, uint64_t mapped, const uint64_t *marks, size_t count)
{
    if (atomic_load_explicit(&store->news.patient, memory_order_relaxed) && !bulla_store_awaits(store, mapped))
        return true;
    for (size_t i = 0; i < count; i++)
        if (is_in(&store->news, marks[i]))
            return true;
    return false;
}

bool bulla_store_concerns(struct bulla_store *store, uint64_t reached, const uint64_t *marks, size_t count)
{
    enum { TRIES = 8 }; /* of threads that bring each other out of turn; a walk is the way out */
    const struct bulla_news *news = &store->news;
    for (int try = 0; try < TRIES; try++) {
        uint64_t mapped = bulla_generation_read(&store->generation);
        if (mapped == reached)
            return false;
        uint64_t done = bulla_generation_done(&store->generation);
        uint64_t turn = atomic_load_explicit(&news->turn, memory_order_acquire);
        if (turn % 2 || !is_up_to_date(news, reached, mapped, done)) {
            if (!bring_up(store, reached))
                return true;
            continue;
        }
        bool concerned = is_among(store, mapped, marks, count);
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&news->turn, memory_order_relaxed) == turn)
            return concerned;
    }
    return true;
}
