/* The object store: what a token keeps on disk, and how several processes share it.
 *
 * A folder (0700) with token.db (SQLite: WAL, synchronous=FULL, secure_delete) and `generation`, a mapped u64 that is
 * advanced inside each write transaction, so that a reader learns in nanoseconds that something changed. The store
 * knows rows and names, not their meaning: what is secret in them was sealed before it came here. A store is used by
 * one thread at a time (the token's lock); several processes may have it open. */
#ifndef BULLA_STORE_STORE_H
#define BULLA_STORE_STORE_H

#include <stdbool.h>

#include "crypto/bytes.h"

enum { BULLA_STORE_SCHEMA = 2, BULLA_STORE_ROW_LARGEST = 16 << 20, BULLA_STORE_MARKS = 2 };

struct bulla_store;

/* One object. The views belong to the store during a callback, to the caller in a put. */
struct bulla_store_row {
    uint8_t id[16];      /* unique id, random, never reused */
    uint64_t generation; /* the store's generation when it was written; set by the store, bound by the writer's MAC via
                            bulla_store_next_generation */
    uint64_t object_class;
    struct bulla_bytes attributes; /* public attributes, deterministic CBOR */
    struct bulla_bytes sealed;     /* sensitive part; may be empty */
    struct bulla_bytes tag;        /* authenticates the row; 32 bytes, or empty before there is a token key */
    /* What else the row is looked for by (bulla_store_mark); 0: nothing. */
    uint64_t marks[BULLA_STORE_MARKS];
    bool plain;   /* its reader may wait until somebody looks for it */
    bool outline; /* of a walk: class, attributes, sealed part and tag were not read */
};

/* BULLA_STORE_MISSING (no folder or no database), _PERMISSION (others may write, or another owner), _NETWORK,
 * _READ_ONLY, _CORRUPT, _NEWER (schema above ours), _BUSY, _IO. An older schema is migrated after a backup beside it
 * (token.db.schema-N). Opening starts no thread. */
enum bulla_reason bulla_store_open(const char *folder, struct bulla_store **store) BULLA_MUST_USE;
/* Makes the folder (0700, parents must exist) and an empty database; what a store held there before is gone, durably,
 * when this returns. Its readers get `gone(context, NULL)`. Refuses as open does what is damaged, newer or another
 * program's: to be rid of that, remove the folder. */
enum bulla_reason bulla_store_create(const char *folder, struct bulla_store **store) BULLA_MUST_USE;
void bulla_store_close(struct bulla_store *store);
/* After fork, in the child: leaves SQLite's handles and files alone. All else refuses with BULLA_FORKED there. The
 * child may open the store again if no call or transaction was under way at the fork (fork under the token's lock);
 * else that is refused with BULLA_FORKED too. */
void bulla_store_abandon(struct bulla_store *store);

/* The generation now, by a read of the mapping: no system call. Different from what a caller remembers: there is news.
 */
uint64_t bulla_store_generation(const struct bulla_store *store);
/* The same question, asked well: whether a caller whom bulla_store_changes brought to `reached` has to walk again. A
 * commit that is under way is no news until it is finished, or has been under way for BULLA_STORE_PATIENCE milliseconds
 * (its writer may be dead); what another process's commit has returned from is news at once. Several threads may ask.
 */
enum { BULLA_STORE_PATIENCE = 20 };
bool bulla_store_has_news(struct bulla_store *store, uint64_t reached);

/* The same question of who uses a few rows alone and knows how these are found: whether news may concern one of them.
 * Rows are named by marks: that of their id, and those that their writers gave them. `count` 0: only what concerns
 * everybody. False: whatever was committed before this call changed other rows, or small values alone, and need not be
 * walked now. True: ask bulla_store_has_news, and walk. The answer rests on what writers of this folder say of
 * themselves (generation.h); it takes nanoseconds beside a writer that is at work. Several threads may ask. */
bool bulla_store_concerns(struct bulla_store *store, uint64_t reached, const uint64_t *marks, size_t count);
/* A number that stands for what the answers rest on: as long as it is the same, who was answered false is not
 * concerned. It has to be read before the question that it is remembered with. 0: there is none, ask. */
uint64_t bulla_store_calm(const struct bulla_store *store);
/* Something that rows are looked for by, as a number that is not 0; `kind` tells labels from ids. Not for secrets: it
 * is no cryptographic hash, and stands in a file. */
uint64_t bulla_store_mark(uint64_t kind, struct bulla_bytes value);
/* Of a row's id, which is random. */
static inline uint64_t bulla_store_id_mark(const uint8_t id[static 16])
{
    uint64_t halves[2];
    memcpy(halves, id, sizeof halves);
    return halves[0] ^ halves[1] ? halves[0] ^ halves[1] : 1;
}
/* Inside a transaction: it changes more than its rows show, and concerns everybody. Else it concerns those who use its
 * row, where that is one, and everybody, where there are more. */
void bulla_store_concern_all(struct bulla_store *store);

/* A write transaction. Between begin and commit the process holds the store's write lock; commit is one fsync, and
 * durable when it returns. On refusal, and after rollback, nothing of it is there. */
enum bulla_reason bulla_store_begin(struct bulla_store *store) BULLA_MUST_USE;
enum bulla_reason bulla_store_commit(struct bulla_store *store) BULLA_MUST_USE;
void bulla_store_rollback(struct bulla_store *store);
/* A number of its user's beside the generation, read as cheaply, for what processes share and the store does not hold.
 * 0: there is none, in a file that is new or that somebody cut. Not for the disk; who writes it takes turns. */
uint64_t bulla_store_tally(const struct bulla_store *store);
enum bulla_reason bulla_store_tally_write(struct bulla_store *store, uint64_t tally) BULLA_MUST_USE;

/* Inside a transaction: the generation that its rows will carry. */
uint64_t bulla_store_next_generation(const struct bulla_store *store);
enum bulla_reason bulla_store_put(struct bulla_store *store, const struct bulla_store_row *row) BULLA_MUST_USE;
/* Erasing what is not there is nothing. */
enum bulla_reason bulla_store_erase(struct bulla_store *store, const uint8_t id[static 16]) BULLA_MUST_USE;
/* Small named values (at most 256 KiB): the token's label, PIN counts, the sealed token key. */
enum bulla_reason bulla_store_value_put(
    struct bulla_store *store, const char *name, struct bulla_bytes value) BULLA_MUST_USE;
enum bulla_reason bulla_store_value_erase(struct bulla_store *store, const char *name) BULLA_MUST_USE;

/* Reads see the last commit. value_get copies up to `writer`'s capacity, BULLA_BUFFER_SMALL when that is
 * not all of it; BULLA_STORE_MISSING when there is none. */
enum bulla_reason bulla_store_value_get(
    struct bulla_store *store, const char *name, struct bulla_writer *writer) BULLA_MUST_USE;
/* Calls `each` for the rows written after generation `since` (0: all), and `gone` for the ids erased after it; then
 * `*now` is the generation that this brought the caller to. A callback that refuses stops the walk. Several processes'
 * writes come in order. The table of changes keeps the last 4096 erasures; a caller further behind gets
 * `gone(context, NULL)` first: forget all, every row follows. A row that the caller has already may come again,
 * with the generation that it had. */
typedef enum bulla_reason bulla_store_each(void *context, const struct bulla_store_row *row);
struct bulla_store_visitor {
    bulla_store_each *each;
    enum bulla_reason (*gone)(void *context, const uint8_t *id);
    void *context;
    /* Where it is named: a small value as it was at that same moment, after the rows; as bulla_store_value_get has it.
     */
    const char *name;
    struct bulla_writer *value;
    /* Of plain rows only outlines, where the walk is from 0. What rows say of themselves is not authenticated, here as
     * in their other columns. */
    bool outlines;
};
enum bulla_reason bulla_store_changes(
    struct bulla_store *store, uint64_t since, const struct bulla_store_visitor *visitor, uint64_t *now) BULLA_MUST_USE;

/* One row, or every one, whole, as the last commit left them: not as any walk saw them. Outside a transaction. `each`
 * is not called for a row that is not there; where it refuses, that is the answer. */
enum bulla_reason bulla_store_row(
    struct bulla_store *store, const uint8_t id[static 16], bulla_store_each *each, void *context) BULLA_MUST_USE;
enum bulla_reason bulla_store_rows(struct bulla_store *store, bulla_store_each *each, void *context) BULLA_MUST_USE;

/* Named fault points for the kill tests: with BULLA_FAULT=<name> in the environment of a test build, the process kills
 * itself (SIGKILL) when it passes one; with <name>#<n>, when it passes it for the n-th time. Release builds have none
 * (BULLA_FAULTS undefined). */
#ifdef BULLA_FAULTS
void bulla_fault_point(const char *name);
#else
static inline void bulla_fault_point(const char *name)
{
    (void)name;
}
#endif

#endif
