#include "uses.h"

#include <sodium.h>
#include <stdio.h>

#include "crypto/cipher.h"
#include "pace.h"
#include "token.h"

/* A block of a grant's, begun and not used up. */
struct bulla_remainder {
    uint8_t mark[BULLA_GRANT_MARK];
    uint64_t left;    /* 0: the place is free */
    uint64_t debited; /* of the grant, in all, when this block was */
};

void bulla_grant_mark(
    const uint8_t authority[static 65], const uint8_t id[static BULLA_GRANT_ID], uint8_t mark[static BULLA_GRANT_MARK])
{
    uint8_t digest[32];
    const struct bulla_bytes parts[] = {{authority, 65}, {id, BULLA_GRANT_ID}};
    bulla_sha256_parts(parts, 2, digest);
    memcpy(mark, digest, BULLA_GRANT_MARK);
}

void bulla_grant_name(const char *what, const uint8_t mark[static BULLA_GRANT_MARK], char name[static BULLA_USES_NAME])
{
    char hex[2 * BULLA_GRANT_MARK + 1];
    (void)sodium_bin2hex(hex, sizeof hex, mark, BULLA_GRANT_MARK);
    (void)snprintf(name, BULLA_USES_NAME, "%s:%s", what, hex);
}

uint64_t bulla_uses_block(uint64_t uses)
{
    uint64_t block = uses < BULLA_USES_SINGLE ? 1 : uses / 100;
    return block < BULLA_USES_BLOCK ? block : BULLA_USES_BLOCK;
}

void bulla_uses_open(struct bulla_token *token)
{
    token->uses = (struct bulla_uses){0};
    (void)pthread_mutex_init(&token->uses.lock, NULL);
}

void bulla_uses_close(struct bulla_token *token)
{
    bulla_secret_free(token->uses.remainders);
    (void)pthread_mutex_destroy(&token->uses.lock);
}

/* --- what is left in this process; the lock is held --- */

static struct bulla_remainder *find(struct bulla_token *token, const uint8_t mark[static BULLA_GRANT_MARK])
{
    struct bulla_remainder *list = token->uses.remainders;
    for (size_t i = 0; list && i < BULLA_USES_REMAINDERS; i++)
        if (list[i].left && memcmp(list[i].mark, mark, BULLA_GRANT_MARK) == 0)
            return &list[i];
    return NULL;
}

/* Where there is no place for a block, single uses are debited. */
static struct bulla_remainder *find_place(struct bulla_token *token)
{
    void *memory = NULL;
    if (!token->uses.remainders &&
        bulla_secret_allocate(BULLA_USES_REMAINDERS * sizeof(struct bulla_remainder), &memory) == BULLA_OK)
        token->uses.remainders = memory;
    struct bulla_remainder *list = token->uses.remainders;
    for (size_t i = 0; list && i < BULLA_USES_REMAINDERS; i++)
        if (!list[i].left)
            return &list[i];
    return NULL;
}

uint64_t bulla_uses_remaining(struct bulla_token *token, const uint8_t mark[static BULLA_GRANT_MARK])
{
    (void)pthread_mutex_lock(&token->uses.lock);
    const struct bulla_remainder *remainder = find(token, mark);
    uint64_t left = remainder ? remainder->left : 0;
    (void)pthread_mutex_unlock(&token->uses.lock);
    return left;
}

/* --- debiting --- */

enum { DEBITED, REVOKED, NUMBERS };

struct debit {
    uint64_t uses, block;
    uint64_t taken, debited; /* afterwards */
};

static enum bulla_reason decide_debit(void *context, uint64_t *numbers)
{
    struct debit *debit = context;
    if (numbers[REVOKED])
        return bulla_refuse(BULLA_GRANT_REVOKED, "the grant was revoked");
    if (numbers[DEBITED] >= debit->uses)
        return bulla_refuse(BULLA_GRANT_USED_UP, "the grant's %llu use%s used up", (unsigned long long)debit->uses,
            debit->uses == 1 ? " is" : "s are");
    uint64_t left = debit->uses - numbers[DEBITED];
    debit->taken = debit->block < left ? debit->block : left;
    numbers[DEBITED] += debit->taken;
    debit->debited = numbers[DEBITED];
    return BULLA_OK;
}

/* A block that was debited and never came to be had (a kill here) is lost to everybody. */
static enum bulla_reason debit_block(struct bulla_token *token, const struct bulla_use *use, uint64_t *left)
{
    char debited[BULLA_USES_NAME], revoked[BULLA_USES_NAME];
    const char *const names[NUMBERS] = {debited, revoked};
    struct bulla_remainder *place = find_place(token);
    struct debit debit = {.uses = use->uses, .block = place ? bulla_uses_block(use->uses) : 1};
    bulla_grant_name(BULLA_USES_OF, use->mark, debited);
    bulla_grant_name(BULLA_REVOKED_OF, use->mark, revoked);
    bulla_fault_point("uses-asked");
    BULLA_TRY(bulla_ledger_change(token, NUMBERS, names, decide_debit, &debit));
    bulla_fault_point("uses-debited");
    *left = use->uses - debit.debited + debit.taken - 1;
    if (debit.taken == 1)
        return BULLA_OK;
    /* The block has a place: without one a single use was debited. NOLINTNEXTLINE(clang-analyzer-core.*) */
    *place = (struct bulla_remainder){.left = debit.taken - 1, .debited = debit.debited};
    memcpy(place->mark, use->mark, sizeof place->mark);
    return BULLA_OK;
}

static enum bulla_reason take_counted(struct bulla_token *token, const struct bulla_use *use, uint64_t *left)
{
    struct bulla_remainder *remainder = find(token, use->mark);
    if (!remainder)
        return debit_block(token, use, left);
    remainder->left--;
    *left = remainder->left + (use->uses > remainder->debited ? use->uses - remainder->debited : 0);
    return BULLA_OK;
}

/* --- the pace, across processes --- */

enum { PACE_AAD = 12 + 16 + BULLA_USES_NAME };

static void write_pace_aad(const struct bulla_token *token, const char *name, struct bulla_writer *aad)
{
    bulla_write_bytes(aad, BULLA_TEXT("bulla/1 pace"));
    bulla_write_bytes(aad, bulla_token_serial(token));
    bulla_write_bytes(aad, BULLA_TEXT(name));
}

static enum bulla_reason load_pace(
    struct bulla_token *token, const char *name, struct bulla_bytes aad, struct bulla_pace *pace)
{
    uint8_t box[BULLA_PACE_SIZE + BULLA_BOX_OVERHEAD], plain[BULLA_PACE_SIZE];
    struct bulla_writer writer;
    *pace = (struct bulla_pace){0};
    bulla_writer_open(&writer, box, sizeof box);
    enum bulla_reason reason = bulla_token_value(token, name, &writer);
    if (reason == BULLA_STORE_MISSING)
        return BULLA_OK;
    BULLA_TRY(reason);
    if (writer.size != sizeof box)
        return bulla_refuse(BULLA_STORE_CORRUPT, "a grant's pace has %zu bytes", writer.size);
    BULLA_TRY(bulla_box_open(token->keys->ledger, aad, BULLA_BYTES(box), plain));
    return bulla_pace_read(BULLA_BYTES(plain), pace);
}

static enum bulla_reason store_pace(
    struct bulla_token *token, const char *name, struct bulla_bytes aad, const struct bulla_pace *pace)
{
    uint8_t box[BULLA_PACE_SIZE + BULLA_BOX_OVERHEAD], plain[BULLA_PACE_SIZE];
    struct bulla_writer writer;
    bulla_writer_open(&writer, plain, sizeof plain);
    bulla_pace_write(pace, &writer);
    bulla_writer_open(&writer, box, sizeof box);
    BULLA_TRY(bulla_box_seal(token->keys->ledger, aad, BULLA_BYTES(plain), &writer));
    return bulla_token_value_put(token, name, bulla_writer_bytes(&writer));
}

static enum bulla_reason pace_in_turn(struct bulla_token *token, void *context)
{
    const struct bulla_use *use = context;
    uint8_t aad_bytes[PACE_AAD];
    char name[BULLA_USES_NAME];
    struct bulla_writer aad;
    struct bulla_pace pace;
    if (!token->keys)
        return bulla_refuse(BULLA_NOT_LOGGED_IN, "a grant's pace is kept with the token key");
    bulla_grant_name("pace", use->mark, name);
    bulla_writer_open(&aad, aad_bytes, sizeof aad_bytes);
    write_pace_aad(token, name, &aad);
    BULLA_TRY(load_pace(token, name, bulla_writer_bytes(&aad), &pace));
    BULLA_TRY(bulla_pace_count(&pace, use->rate, use->rate_seconds, use->now));
    return store_pace(token, name, bulla_writer_bytes(&aad), &pace);
}

/* The pace comes first: what is too fast costs no use. */
static enum bulla_reason take(struct bulla_token *token, const struct bulla_use *use, uint64_t *left)
{
    struct bulla_use paced = *use;
    if (use->rate)
        BULLA_TRY(bulla_ledger_turn(token, pace_in_turn, &paced));
    return use->uses ? take_counted(token, use, left) : BULLA_OK;
}

enum bulla_reason bulla_uses_take(struct bulla_token *token, const struct bulla_use *use, uint64_t *left)
{
    *left = 0;
    (void)pthread_mutex_lock(&token->uses.lock);
    enum bulla_reason reason = take(token, use, left);
    (void)pthread_mutex_unlock(&token->uses.lock);
    return reason;
}

/* --- giving back --- */

struct giving {
    size_t count;
    uint64_t left[BULLA_USES_REMAINDERS];
};
_Static_assert((int)BULLA_USES_REMAINDERS <= (int)BULLA_LEDGER_CHANGES, "all are given back in one step");

static enum bulla_reason decide_giving(void *context, uint64_t *numbers)
{
    const struct giving *giving = context;
    for (size_t i = 0; i < giving->count; i++)
        numbers[i] -= giving->left[i] < numbers[i] ? giving->left[i] : numbers[i];
    return BULLA_OK;
}

/* They are forgotten first: whatever becomes of the step, nobody has them and gives them back, too. */
static void collect(struct bulla_token *token, struct giving *giving, char (*names)[BULLA_USES_NAME])
{
    struct bulla_remainder *list = token->uses.remainders;
    for (size_t i = 0; list && i < BULLA_USES_REMAINDERS; i++) {
        if (!list[i].left)
            continue;
        bulla_grant_name(BULLA_USES_OF, list[i].mark, names[giving->count]);
        giving->left[giving->count++] = list[i].left;
        list[i] = (struct bulla_remainder){0};
    }
}

void bulla_uses_give_back(struct bulla_token *token)
{
    char texts[BULLA_USES_REMAINDERS][BULLA_USES_NAME];
    const char *names[BULLA_USES_REMAINDERS];
    struct giving giving = {0};
    (void)pthread_mutex_lock(&token->uses.lock);
    collect(token, &giving, texts);
    (void)pthread_mutex_unlock(&token->uses.lock);
    for (size_t i = 0; i < giving.count; i++)
        names[i] = texts[i];
    if (!giving.count)
        return;
    bulla_fault_point("uses-forgotten");
    struct bulla_detail_kept detail;
    bulla_detail_keep(&detail);
    enum bulla_reason ignored = bulla_ledger_change(token, giving.count, names, decide_giving, &giving);
    (void)ignored; /* forfeited */
    bulla_detail_restore(&detail);
    bulla_fault_point("uses-given-back");
}

/* --- revoking --- */

struct revoking {
    size_t count;
    uint64_t now;
};

static enum bulla_reason decide_revoking(void *context, uint64_t *numbers)
{
    const struct revoking *revoking = context;
    for (size_t i = 0; i < revoking->count; i++)
        if (!numbers[i])
            numbers[i] = revoking->now ? revoking->now : 1;
    return BULLA_OK;
}

enum bulla_reason bulla_uses_revoke(
    struct bulla_token *token, const uint8_t (*marks)[BULLA_GRANT_MARK], size_t count, uint64_t now)
{
    char texts[BULLA_LEDGER_CHANGES][BULLA_USES_NAME];
    const char *names[BULLA_LEDGER_CHANGES];
    struct revoking revoking = {count, now};
    if (count > BULLA_LEDGER_CHANGES)
        return bulla_refuse(BULLA_TOO_LARGE, "%zu grants revoked at once", count);
    for (size_t i = 0; i < count; i++) {
        bulla_grant_name(BULLA_REVOKED_OF, marks[i], texts[i]);
        names[i] = texts[i];
    }
    return bulla_ledger_change(token, count, names, decide_revoking, &revoking);
}
