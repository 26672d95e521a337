/* What the files of this room share; no other room includes it. */
#ifndef BULLA_STORE_INSIDE_H
#define BULLA_STORE_INSIDE_H

#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "generation.h"
#include "store.h"

/* Milliseconds that a lock of another process is waited for. */
enum { BULLA_STORE_TIMEOUT = 5000 };
enum { BULLA_STORE_VALUE_LARGEST = 256 << 10, BULLA_STORE_NAME_LARGEST = 255, BULLA_STORE_ERASURES_KEPT = 4096 };

/* The statements that are kept prepared; their text stands in connection.c. */
enum bulla_statement {
    BULLA_SQL_BEGIN_READ,
    BULLA_SQL_BEGIN_WRITE,
    BULLA_SQL_COMMIT,
    BULLA_SQL_ROLLBACK,
    BULLA_SQL_DATA_VERSION,
    BULLA_SQL_USER_VERSION,
    BULLA_SQL_STATE,
    BULLA_SQL_ADVANCE,
    BULLA_SQL_FLOOR,
    BULLA_SQL_RAISE_FLOOR,
    BULLA_SQL_TRIM,
    BULLA_SQL_PUT,
    BULLA_SQL_ERASE,
    BULLA_SQL_REMEMBER_ERASED,
    BULLA_SQL_FORGET_ERASED,
    BULLA_SQL_CHANGES,
    BULLA_SQL_OUTLINES,
    BULLA_SQL_ROW,
    BULLA_SQL_VALUE_PUT,
    BULLA_SQL_VALUE_GET,
    BULLA_SQL_VALUE_ERASE,
    BULLA_SQL_CLEAR_OBJECTS,
    BULLA_SQL_CLEAR_ERASED,
    BULLA_SQL_CLEAR_VALUES,
    BULLA_SQL_COUNT
};

/* What the commits since the last walk concern (news.c). */
enum { BULLA_NEWS_TABLE = 4096, BULLA_NEWS_SIEVE = 8192 };
struct bulla_news {
    pthread_mutex_t lock;                       /* of whoever writes here */
    uint64_t sifted;                            /* up to here the notes of commits are final, and in the table */
    size_t filled;                              /* how many marks the table holds */
    atomic_ullong turn;                         /* odd while what follows is written */
    atomic_ullong base;                         /* what the last walk reached */
    atomic_ullong mapped, done;                 /* M and D that the table is of; M is `base` where it is of none */
    atomic_bool patient;                        /* of the commit `mapped` nothing is known yet */
    atomic_ullong sieve[BULLA_NEWS_SIEVE / 64]; /* a bit for each mark: where there is none, the table has it not */
    atomic_ullong table[BULLA_NEWS_TABLE];
};

struct bulla_store {
    sqlite3 *database;
    sqlite3_stmt *statements[BULLA_SQL_COUNT];
    struct bulla_generation generation;
    pid_t process;
    atomic_bool in_use;         /* between the begin and the end of a call or a transaction; read after a fork */
    uint64_t next;              /* inside a transaction: its generation; else 0 */
    bool erased;                /* this transaction erased something */
    struct bulla_change change; /* what it changed so far */

    /* What this connection saw last, to find changes that did not advance the generation (transaction.c). */
    uint64_t seen_generation;
    int64_t seen_version;
    bool restart; /* the next walk starts anew */
    bool revisit; /* the next walk brings all rows */

    /* For bulla_store_has_news, which threads ask side by side: the end of a commit (D) as it was before the last walk,
     * a generation that nobody has reached yet, and since when (milliseconds) it has stood there. */
    atomic_ullong walked_done, awaited, awaited_since;

    struct bulla_news news;
    struct bulla_store *abandoned; /* list in store.c */
    struct stat files[2];          /* token.db and generation as they were opened */
    char path[PATH_MAX];           /* token.db */
    char generation_path[PATH_MAX];
};

/* connection.c: SQLite itself. */

/* Opens the database file, which must exist, hardened, in WAL mode. */
enum bulla_reason bulla_connection_open(const char *path, sqlite3 **database) BULLA_MUST_USE;
/* Turns a result code of SQLite into a refusal; `doing` for the detail: "put a row". */
enum bulla_reason bulla_connection_refuse(sqlite3 *database, int code, const char *doing) BULLA_MUST_USE;
enum bulla_reason bulla_connection_execute(sqlite3 *database, const char *text, const char *doing) BULLA_MUST_USE;
/* The one integer of a query of one row. */
enum bulla_reason bulla_connection_number(sqlite3 *database, const char *text, int64_t *number) BULLA_MUST_USE;

enum bulla_reason bulla_statements_prepare(struct bulla_store *store) BULLA_MUST_USE;
void bulla_statements_finalize(struct bulla_store *store);
/* Steps a statement that gives no row, and resets it. */
enum bulla_reason bulla_statement_run(struct bulla_store *store, enum bulla_statement which) BULLA_MUST_USE;
/* Steps once: SQLITE_ROW or SQLITE_DONE into `code`, or refuses (then it is reset). */
enum bulla_reason bulla_statement_step(struct bulla_store *store, enum bulla_statement which, int *code) BULLA_MUST_USE;
void bulla_statement_reset(struct bulla_store *store, enum bulla_statement which);
/* Binds a view that stays valid until the statement is reset; an empty one is an empty blob, not NULL. */
void bulla_statement_bind(sqlite3_stmt *statement, int index, struct bulla_bytes bytes);
/* A blob column as a view until the next step; refuses other types and more than `largest`. */
enum bulla_reason bulla_statement_blob(
    sqlite3_stmt *statement, int column, size_t largest, struct bulla_bytes *bytes) BULLA_MUST_USE;

/* values.c: inside or outside a transaction. */
enum bulla_reason bulla_store_value_read(
    struct bulla_store *store, const char *name, struct bulla_writer *writer) BULLA_MUST_USE;

/* transaction.c */

/* Refuses in a forked child. */
enum bulla_reason bulla_store_own(const struct bulla_store *store) BULLA_MUST_USE;
/* Refuses outside a write transaction, and in one that SQLite has rolled back after an error. */
enum bulla_reason bulla_store_writing(const struct bulla_store *store) BULLA_MUST_USE;
/* Inside any transaction: reads the stored generation and floor, and notices commits that did not advance it. */
enum bulla_reason bulla_store_observe(struct bulla_store *store, uint64_t *generation, uint64_t *floor) BULLA_MUST_USE;
/* The same of its schema alone; BULLA_STORE_NEWER. */
enum bulla_reason bulla_store_same_schema(struct bulla_store *store) BULLA_MUST_USE;
/* Whether a commit is under way that is younger than the patience. */
bool bulla_store_awaits(struct bulla_store *store, uint64_t generation);
/* news.c */
void bulla_news_open(struct bulla_news *news);
void bulla_news_close(struct bulla_news *news);
/* After a walk that reached this generation; D was `done` before it. */
void bulla_news_restart(struct bulla_news *news, uint64_t reached, uint64_t done);

/* Outside a transaction: makes the mapped generation the stored one. Without `wait` it leaves it when a writer is at
 * work, and BULLA_OK says only that nothing is wrong. */
enum bulla_reason bulla_store_settle(struct bulla_store *store, bool wait) BULLA_MUST_USE;
/* Inside a write transaction: erases everything; readers of what was there start anew. */
enum bulla_reason bulla_store_clear(struct bulla_store *store) BULLA_MUST_USE;

#endif
