#include "evolving.h"

#include <sodium.h>

#include "crypto/kes_calendar.h"
#include "refusal.h"

static CK_ULONG list_ulong(const struct bulla_attribute_list *list, CK_ATTRIBUTE_TYPE type, CK_ULONG absent)
{
    const struct bulla_attribute *item = bulla_list_find(list, type);
    if (item && item->value.size == sizeof absent)
        memcpy(&absent, item->value.data, sizeof absent);
    return absent;
}

bool bulla_evolving_is(const struct bulla_attribute_list *list)
{
    return list_ulong(list, CKA_CLASS, CK_UNAVAILABLE_INFORMATION) == CKO_PRIVATE_KEY &&
           list_ulong(list, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION) == CKK_BULLA_KES;
}

/* --- the object --- */

/* Views of the list, but for what is the state's. */
static void copy_row(const struct bulla_attribute_list *list, struct bulla_attribute_list *row)
{
    row->count = 0;
    row->nested_used = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].type != CKA_VALUE && list->items[i].type != CKA_BULLA_KES_PERIOD)
            row->items[row->count++] = list->items[i];
}

struct row_writing {
    size_t count;
    struct bulla_vault_new rows[2];
};

static enum bulla_reason write_row(struct bulla_token *token, void *context)
{
    static const struct bulla_bytes no_passphrase = {NULL, 0};
    const struct row_writing *writing = context;
    return bulla_vault_store_all(token, writing->rows, writing->count, no_passphrase);
}

static enum bulla_reason put(struct bulla_token *token, const struct bulla_attribute_list *list,
    const struct bulla_vault_new *beside, CK_OBJECT_HANDLE *handle)
{
    uint8_t id[16];
    struct bulla_attribute_list row;
    const char *keeper;
    const struct bulla_attribute *value = bulla_list_find(list, CKA_VALUE);
    const struct bulla_state_new state = {id, value ? value->value : (struct bulla_bytes){NULL, 0},
        (unsigned)list_ulong(list, CKA_BULLA_KES_DEPTH, BULLA_KES_DEPTH_LARGEST + 1),
        (unsigned)list_ulong(list, CKA_BULLA_KES_PERIOD, 0)};
    randombytes_buf(id, sizeof id);
    BULLA_TRY(bulla_keeper_name(token, &keeper));
    copy_row(list, &row);
    if (!bulla_list_put_bool(&row, CKA_COPYABLE, false) ||
        !bulla_list_put(&row, CKA_BULLA_KES_KEEPER, BULLA_TEXT(keeper)))
        return bulla_refuse(BULLA_INTERNAL, "too many attributes");
    struct row_writing writing = {1, {{&row, id, handle}}};
    if (beside)
        writing.rows[writing.count++] = *beside;
    return bulla_states_add(token, &state, write_row, &writing);
}

CK_RV bulla_evolving_put(struct bulla_session *session, const struct bulla_attribute_list *list,
    const struct bulla_vault_new *beside, const char *event, CK_OBJECT_HANDLE *handle)
{
    if (!bulla_list_bool(list, CKA_TOKEN) || bulla_list_find(list, CKA_BULLA_RELEASE))
        return CKR_TEMPLATE_INCONSISTENT;
    return bulla_token_refusal(session->token, event, put(session->token, list, beside, handle));
}

enum bulla_reason bulla_evolving_erase(struct bulla_token *token, struct bulla_object *object)
{
    if (object->owner == 0 && bulla_object_evolves(object))
        BULLA_TRY(bulla_states_erase(token, object->id));
    return bulla_vault_erase(token, object);
}

/* --- the clock --- */

enum { SECOND = 1000 }; /* milliseconds: the usual slot */

/* Whether the key has a clock, and then the period that it is. The attributes are the row's, which the token key
 * authenticates. */
static enum bulla_reason clock_period(
    struct bulla_token *token, const struct bulla_object *object, bool *has, uint64_t *period)
{
    const struct bulla_attributes *attributes = object->attributes;
    uint64_t now;
    const struct bulla_kes_calendar calendar = {
        .start_time = bulla_attributes_ulong(attributes, CKA_BULLA_KES_START_TIME, 0),
        .slot_length = bulla_attributes_ulong(attributes, CKA_BULLA_KES_SLOT_LENGTH, SECOND),
        .start_slot = bulla_attributes_ulong(attributes, CKA_BULLA_KES_START_SLOT, 0),
        .slots_per_period = bulla_attributes_ulong(attributes, CKA_BULLA_KES_SLOTS_PER_PERIOD, 0),
    };
    *has = bulla_kes_calendar_is_set(&calendar);
    if (!*has)
        return BULLA_OK;
    BULLA_TRY(bulla_token_now(token, &now));
    if (!bulla_kes_calendar_period(&calendar, now, period))
        return bulla_refuse(BULLA_KES_CLOCK, "the KES key's first period has not begun: it begins with slot %llu",
            (unsigned long long)calendar.start_slot);
    return BULLA_OK;
}

static void record(struct bulla_token *token, const struct bulla_object *object, unsigned from, unsigned to)
{
    char id[33];
    (void)sodium_bin2hex(id, sizeof id, object->id, sizeof object->id);
    const struct bulla_audit_field fields[] = {{"object", id, 0}, {"from", NULL, from}, {"to", NULL, to}};
    bulla_token_record(token, "kes-evolved", fields, 3);
}

/* `period` may be any number: the key says what is beyond it. */
static enum bulla_reason evolve(struct bulla_token *token, const struct bulla_object *object, uint64_t period)
{
    unsigned from = 0, to = period > BULLA_KES_PERIODS_LARGEST ? BULLA_KES_PERIODS_LARGEST : (unsigned)period;
    BULLA_TRY(bulla_states_evolve(token, object->id, to, &from));
    if (from != to)
        record(token, object, from, to);
    return BULLA_OK;
}

/* --- using --- */

struct using_in_time {
    uint64_t due; /* UINT64_MAX: there is no clock */
    bulla_state_use *use;
    void *context;
    unsigned period, last; /* what the key was in */
    bool used;
};

static enum bulla_reason use_in_time(void *context, const struct bulla_kes_key *key, struct bulla_kes_secret *secret)
{
    struct using_in_time *using = context;
    using->period = key->period;
    using->last = bulla_kes_periods(key->depth) - 1;
    using->used = using->due == UINT64_MAX || using->due == key->period;
    return using->used ? using->use(using->context, key, secret) : BULLA_OK;
}

static enum bulla_reason refuse_clock(const struct using_in_time *using)
{
    unsigned long long due = using->due;
    if (using->due > using->last)
        return bulla_refuse(BULLA_KES_OVER, "it is period %llu, and the KES key's last one is %u", due, using->last);
    return bulla_refuse(BULLA_KES_CLOCK, "it is period %llu, and the KES key is in %u", due, using->period);
}

enum bulla_reason bulla_evolving_use(
    struct bulla_token *token, struct bulla_object *object, bulla_state_use *use, void *context)
{
    struct using_in_time using = {.due = UINT64_MAX, .use = use, .context = context};
    bool has_clock;
    uint64_t due = 0;
    BULLA_TRY(clock_period(token, object, &has_clock, &due));
    if (has_clock)
        using.due = due;
    BULLA_TRY(bulla_states_use(token, object->id, use_in_time, &using));
    if (using.used)
        return BULLA_OK;
    if (using.due != (uint64_t) using.period + 1 || using.due > using.last)
        return refuse_clock(&using);
    BULLA_TRY(evolve(token, object, using.due));
    BULLA_TRY(bulla_states_use(token, object->id, use_in_time, &using));
    return using.used ? BULLA_OK : refuse_clock(&using);
}

struct reading {
    CK_ULONG *period;
    struct bulla_secret *raw;
};

static enum bulla_reason read_state(void *context, const struct bulla_kes_key *key, struct bulla_kes_secret *secret)
{
    const struct reading *reading = context;
    *reading->period = key->period;
    if (!reading->raw)
        return BULLA_OK;
    bulla_secret_release(reading->raw); /* of the first time, where this is the second */
    BULLA_TRY(bulla_secret_hold(reading->raw, bulla_kes_raw_size(key->depth), "a KES key"));
    memcpy(reading->raw->data, secret->raw, reading->raw->size);
    return BULLA_OK;
}

enum bulla_reason bulla_evolving_read(
    struct bulla_token *token, const struct bulla_object *object, CK_ULONG *period, struct bulla_secret *raw)
{
    struct reading reading = {period, raw};
    return bulla_states_use(token, object->id, read_state, &reading);
}

/* --- setting --- */

static enum bulla_reason set(struct bulla_token *token, const struct bulla_object *object, CK_ULONG wanted)
{
    bool has_clock;
    uint64_t due = 0;
    BULLA_TRY(clock_period(token, object, &has_clock, &due));
    if (has_clock && wanted > due)
        return bulla_refuse(
            BULLA_KES_CLOCK, "period %lu has not begun: it is period %llu", wanted, (unsigned long long)due);
    return evolve(token, object, wanted);
}

CK_RV bulla_evolving_set(struct bulla_session *session, struct bulla_object *object, const CK_ATTRIBUTE *attribute)
{
    CK_ULONG wanted;
    if (!bulla_object_evolves(object))
        return CKR_ATTRIBUTE_TYPE_INVALID;
    memcpy(&wanted, attribute->pValue, sizeof wanted); /* its size was looked at */
    return bulla_token_refusal(session->token, "evolve", set(session->token, object, wanted));
}
