/* What is in force, gathered once and kept: the bundle of the authority's latest epoch, taken apart, and the grants
 * that stand alone beside it. Policy objects are few and change seldom; that they are the same is seen from a print
 * over their ids and generations. The ledger moves with each debit of any process: it is walked again when the store
 * has moved. */
#include <stdlib.h>

#include "grants_inside.h"
#include "heap.h"

static bool is_of(const struct bulla_token *token, const struct bulla_object *object, struct bulla_bytes authority)
{
    return object->object_class == CKO_BULLA_POLICY && !object->owner &&
           bulla_bytes_equal(bulla_attributes_get(object->attributes, CKA_BULLA_AUTHORITY), authority) &&
           !bulla_object_is_hidden(token, object);
}

/* Bundles have a version, and revocations are the ledger's. */
static bool is_grant(const struct bulla_object *object)
{
    return !bulla_attributes_get(object->attributes, CKA_BULLA_VERSION).data &&
           bulla_policy_document_kind(bulla_attributes_get(object->attributes, CKA_VALUE)) == BULLA_DOCUMENT_GRANT;
}

/* FNV-1a. Nobody gains by two sets of one print: every row is written under the token key. */
static void mix(uint64_t *print, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++)
        *print = (*print ^ bytes[i]) * UINT64_C(0x100000001b3);
}

static uint64_t print_of(struct bulla_token *token, struct bulla_bytes authority)
{
    uint64_t print = UINT64_C(0xcbf29ce484222325);
    (void)pthread_rwlock_rdlock(&token->lock);
    for (size_t i = 0; i < token->index.count; i++) {
        const struct bulla_object *object = token->index.objects[i];
        if (!is_of(token, object, authority))
            continue;
        mix(&print, object->id, sizeof object->id);
        mix(&print, &object->generation, sizeof object->generation);
    }
    (void)pthread_rwlock_unlock(&token->lock);
    return print;
}

/* --- gathering --- */

static void empty(struct bulla_grants_of *of)
{
    free(of->list);
    free(of->marks);
    of->list = NULL;
    of->marks = NULL;
    of->count = 0;
    of->known = false;
    of->policy = (struct bulla_policy){0};
}

/* The next grant behind `after` that stands alone, kept. */
static struct bulla_object *next_alone(struct bulla_token *token, struct bulla_bytes authority, CK_OBJECT_HANDLE after)
{
    (void)pthread_rwlock_rdlock(&token->lock);
    struct bulla_object *object = bulla_index_next(&token->index, after);
    while (object && (!is_of(token, object, authority) || !is_grant(object)))
        object = bulla_index_next(&token->index, object->handle);
    (void)bulla_object_keep(object);
    (void)pthread_rwlock_unlock(&token->lock);
    return object;
}

static enum bulla_reason make_room(struct bulla_grants_of *of, size_t count)
{
    struct bulla_grant *list = realloc(of->list, (count ? count : 1) * sizeof *list);
    if (!list)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "%zu grants", count);
    of->list = list;
    return BULLA_OK;
}

/* The bundle may have taken up what was loaded alone before it: that is one grant, told once. */
static bool holds(const struct bulla_grants_of *of, const struct bulla_grant *grant)
{
    bool found = false;
    for (size_t i = 0; i < of->count && !found; i++)
        found = bulla_grant_same(&of->list[i], grant);
    return found;
}

static enum bulla_reason add_alone(
    struct bulla_grants_of *of, const struct bulla_object *object, size_t *capacity, uint64_t epoch)
{
    struct bulla_grant_document document;
    BULLA_TRY(
        bulla_grant_read(bulla_attributes_get(object->attributes, CKA_VALUE), BULLA_BYTES(of->authority), &document));
    if (document.epoch != epoch || holds(of, &document.grant))
        return BULLA_OK;
    if (of->count == *capacity) {
        *capacity += 64;
        BULLA_TRY(make_room(of, *capacity));
    }
    of->list[of->count++] = document.grant;
    return BULLA_OK;
}

static enum bulla_reason gather_grants(struct bulla_token *token, struct bulla_grants_of *of, uint64_t epoch)
{
    size_t capacity = of->policy.grant_count;
    BULLA_TRY(make_room(of, capacity));
    BULLA_TRY(bulla_policy_grants(&of->policy, of->list, capacity, &of->count));
    struct bulla_object *object = next_alone(token, BULLA_BYTES(of->authority), 0);
    enum bulla_reason reason = BULLA_OK;
    while (object && reason == BULLA_OK) {
        CK_OBJECT_HANDLE handle = object->handle;
        reason = add_alone(of, object, &capacity, epoch);
        bulla_object_drop(object);
        object = reason == BULLA_OK ? next_alone(token, BULLA_BYTES(of->authority), handle) : NULL;
    }
    BULLA_TRY(reason);
    of->marks = calloc(of->count ? of->count : 1, sizeof *of->marks);
    if (!of->marks)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "%zu grants", of->count);
    for (size_t i = 0; i < of->count; i++)
        bulla_grant_mark(of->authority, of->list[i].id, of->marks[i].mark);
    return BULLA_OK;
}

/* Without a bundle nothing is restricted, unless there was one: whoever destroys it wins no freedom. */
static enum bulla_reason gather_none(struct bulla_token *token, struct bulla_grants_of *of, uint64_t epoch)
{
    struct bulla_detail_kept detail;
    bool taken = false;
    bulla_detail_keep(&detail);
    BULLA_TRY(bulla_token_policy_was_taken(token, BULLA_BYTES(of->authority), epoch, &taken));
    bulla_detail_restore(&detail);
    return taken ? BULLA_POLICY_MISSING : BULLA_OK;
}

static enum bulla_reason gather(struct bulla_token *token, struct bulla_grants_of *of)
{
    struct bulla_object *object = NULL;
    struct bulla_bytes authority = BULLA_BYTES(of->authority);
    empty(of);
    uint64_t epoch = bulla_token_latest_epoch(token, authority, of->epoch);
    enum bulla_reason reason = bulla_token_bundle(token, authority, epoch, &object, &of->policy);
    if (reason == BULLA_POLICY_MISSING) {
        of->policy = (struct bulla_policy){0};
        return gather_none(token, of, epoch);
    }
    if (reason == BULLA_OK && of->policy.restricted)
        reason = gather_grants(token, of, epoch);
    of->policy.grants = (struct bulla_bytes){NULL, 0};
    bulla_object_drop(object);
    return reason;
}

/* --- what the ledger says --- */

/* The grants by their marks: more than one may have the same (a grant that is in the bundle and stands alone, too). */
struct ordered {
    struct bulla_grant_mark **marks;
    size_t count;
};

static int by_mark(const void *left, const void *right)
{
    const struct bulla_grant_mark *const *a = left, *const *b = right;
    return memcmp((*a)->mark, (*b)->mark, BULLA_GRANT_MARK);
}

static size_t first_with(const struct ordered *ordered, const uint8_t mark[static BULLA_GRANT_MARK])
{
    size_t low = 0, high = ordered->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (memcmp(ordered->marks[middle]->mark, mark, BULLA_GRANT_MARK) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int digit(uint8_t letter)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = letter ? strchr(digits, letter) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* "uses:<32 hex>" */
static bool is_named(struct bulla_bytes name, const char *what, uint8_t mark[static BULLA_GRANT_MARK])
{
    size_t size = strlen(what);
    if (name.size != size + 1 + 2 * (size_t)BULLA_GRANT_MARK || memcmp(name.data, what, size) != 0 ||
        name.data[size] != ':')
        return false;
    for (size_t i = 0; i < BULLA_GRANT_MARK; i++) {
        int high = digit(name.data[size + 1 + 2 * i]), low = digit(name.data[size + 2 + 2 * i]);
        if (high < 0 || low < 0)
            return false;
        mark[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static void take_number(void *context, struct bulla_bytes name, uint64_t number)
{
    const struct ordered *ordered = context;
    uint8_t mark[BULLA_GRANT_MARK];
    bool used = is_named(name, BULLA_USES_OF, mark);
    if (!used && !is_named(name, BULLA_REVOKED_OF, mark))
        return;
    for (size_t i = first_with(ordered, mark);
         i < ordered->count && memcmp(ordered->marks[i]->mark, mark, BULLA_GRANT_MARK) == 0; i++) {
        if (used)
            ordered->marks[i]->used = number;
        else
            ordered->marks[i]->revoked = number != 0;
    }
}

static enum bulla_reason take_numbers(struct bulla_token *token, struct bulla_grants_of *of)
{
    BULLA_HEAP struct bulla_grant_mark **marks = NULL;
    if (!of->count)
        return BULLA_OK;
    BULLA_TRY(bulla_heap_allocate(of->count * sizeof(struct bulla_grant_mark *), "grants", (void **)&marks));
    for (size_t i = 0; i < of->count; i++) {
        marks[i] = &of->marks[i];
        of->marks[i].used = 0;
        of->marks[i].revoked = false;
    }
    qsort(marks, of->count, sizeof(struct bulla_grant_mark *), by_mark);
    struct ordered ordered = {marks, of->count};
    return bulla_ledger_walk(token, take_number, &ordered);
}

/* --- keeping --- */

static enum bulla_reason bring_up(struct bulla_token *token, struct bulla_grants_of *of)
{
    uint64_t seen = bulla_token_seen(token);
    if (of->known && of->seen == seen)
        return BULLA_OK;
    uint64_t print = print_of(token, BULLA_BYTES(of->authority));
    if (!of->known || print != of->print)
        BULLA_TRY(gather(token, of));
    of->known = false;
    BULLA_TRY(take_numbers(token, of));
    of->known = true;
    of->print = print;
    of->seen = seen;
    return BULLA_OK;
}

static struct bulla_grants_of *find(const struct bulla_grants *grants, struct bulla_bytes authority, uint64_t epoch)
{
    for (int i = 0; i < BULLA_GRANTS_KEPT; i++) {
        struct bulla_grants_of *of = grants->of[i];
        if (of && of->epoch == epoch && bulla_bytes_equal(authority, BULLA_BYTES(of->authority)))
            return of;
    }
    return NULL;
}

static void drop(struct bulla_grants_of *of)
{
    if (of)
        empty(of);
    free(of);
}

static enum bulla_reason take_place(
    struct bulla_grants *grants, struct bulla_bytes authority, uint64_t epoch, struct bulla_grants_of **of)
{
    *of = NULL;
    BULLA_TRY(bulla_heap_allocate(sizeof **of, "the grants of an authority", (void **)of));
    memcpy((*of)->authority, authority.data, sizeof(*of)->authority);
    (*of)->epoch = epoch;
    drop(grants->of[grants->next]);
    grants->of[grants->next] = *of;
    grants->next = (grants->next + 1) % BULLA_GRANTS_KEPT;
    return BULLA_OK;
}

enum bulla_reason bulla_grants_hold(
    struct bulla_token *token, struct bulla_bytes authority, uint64_t epoch, struct bulla_grants_of **of)
{
    if (authority.size != sizeof(*of)->authority)
        return bulla_refuse(BULLA_KEY_INVALID, "an authority is a P-256 public key of 65 bytes, 0x04 first");
    *of = find(&token->grants, authority, epoch);
    if (!*of)
        BULLA_TRY(take_place(&token->grants, authority, epoch, of));
    return bring_up(token, *of);
}

void bulla_grants_open(struct bulla_token *token)
{
    token->grants = (struct bulla_grants){0};
    (void)pthread_mutex_init(&token->grants.lock, NULL);
}

void bulla_grants_forget(struct bulla_token *token)
{
    (void)pthread_mutex_lock(&token->grants.lock);
    for (int i = 0; i < BULLA_GRANTS_KEPT; i++) {
        drop(token->grants.of[i]);
        token->grants.of[i] = NULL;
    }
    (void)pthread_mutex_unlock(&token->grants.lock);
}

void bulla_grants_close(struct bulla_token *token)
{
    bulla_grants_forget(token);
    (void)pthread_mutex_destroy(&token->grants.lock);
}
