/* The uses of counted and paced grants (DESIGN: What must not roll back).
 *
 * The ledger holds, for each grant, how many uses were debited ever. A block is debited durably and in full before the
 * first of its uses is had; what is left of it is in the arena alone. A process that ends without C_Finalize forfeits
 * it; a logout, and so C_Finalize, gives it back by another step of the ledger. Grants of fewer than BULLA_USES_SINGLE
 * uses are debited one by one. */
#ifndef BULLA_CORE_USES_H
#define BULLA_CORE_USES_H

#include <pthread.h>

#include "evidence/grant.h"

struct bulla_token;

enum {
    BULLA_USES_SINGLE = 100,
    BULLA_USES_BLOCK = 64,      /* the most that is debited at once, and so the most that a kill can lose */
    BULLA_USES_REMAINDERS = 64, /* grants of which a process keeps a block; of others it debits single uses */
    BULLA_USES_NAME = 48,
};

struct bulla_remainder;

struct bulla_uses {
    pthread_mutex_t lock;
    struct bulla_remainder *remainders; /* in the arena; NULL until the first block */
};

/* How the ledger and the store name a grant: the first half of SHA-256(authority ‖ id). An id alone could be another
 * authority's, too. */
enum { BULLA_GRANT_MARK = 16 };
void bulla_grant_mark(
    const uint8_t authority[static 65], const uint8_t id[static BULLA_GRANT_ID], uint8_t mark[static BULLA_GRANT_MARK]);
/* "uses:<32 hex>", "revoked:<32 hex>" */
#define BULLA_USES_OF "uses"
#define BULLA_REVOKED_OF "revoked"
void bulla_grant_name(const char *what, const uint8_t mark[static BULLA_GRANT_MARK], char name[static BULLA_USES_NAME]);
/* How many uses are debited at once. */
uint64_t bulla_uses_block(uint64_t uses);

struct bulla_use {
    uint8_t mark[BULLA_GRANT_MARK];
    uint64_t uses;               /* 0: not counted */
    uint32_t rate, rate_seconds; /* 0: not paced */
    uint64_t now;
};
/* Takes one use, durably; `left` is how many there are still to be had, in this process or any. BULLA_GRANT_USED_UP,
 * BULLA_GRANT_REVOKED, BULLA_GRANT_TOO_FAST. No lock but a session's is held. */
enum bulla_reason bulla_uses_take(
    struct bulla_token *token, const struct bulla_use *use, uint64_t *left) BULLA_MUST_USE;
/* How many of a grant's uses this process has debited and not had. */
uint64_t bulla_uses_remaining(struct bulla_token *token, const uint8_t mark[static BULLA_GRANT_MARK]);
/* Gives back what was debited and not had; the token's keys are in place. What can't be given back is forfeited. */
void bulla_uses_give_back(struct bulla_token *token);
void bulla_uses_open(struct bulla_token *token);
void bulla_uses_close(struct bulla_token *token);

/* Revokes grants for good: those that are not revoked yet. At most BULLA_LEDGER_CHANGES. */
enum bulla_reason bulla_uses_revoke(
    struct bulla_token *token, const uint8_t (*marks)[BULLA_GRANT_MARK], size_t count, uint64_t now) BULLA_MUST_USE;

#endif
