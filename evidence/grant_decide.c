/* One pass over the grants. Each that does not allow falls at one of the steps below, and the refusal is that of the
 * one that came furthest: whoever has to mend it learns of the grant that was nearly enough, not of the thousand
 * others. Of several that ended, or are still to begin, that is the one whose time is the least away; else the first.
 * What a token remembers is asked for last, for the few that have passed the rest. */
#include "grant.h"

#include "plain_text.h"

/* AT_SUBJECT: it is somebody else's, or is for other operations with another object. */
enum step { AT_SUBJECT, AT_OBJECT, AT_OPERATION, AT_END, AT_BEGIN, AT_REVOKED, AT_USED_UP, ALLOWED };

static bool is_for(const struct bulla_grant *grant, const struct bulla_access *access)
{
    for (size_t i = 0; i < access->principal_count; i++) {
        const struct bulla_principal *who = &access->principals[i];
        if (who->kind == BULLA_PRINCIPAL_NOBODY)
            continue;
        if (grant->who.kind == BULLA_PRINCIPAL_ANYONE || bulla_principal_equal(&grant->who, who))
            return true;
    }
    return false;
}

/* The sizes first, and here: most of a thousand grants are looked at no further. */
static bool is_id(const struct bulla_grant *grant, struct bulla_bytes id)
{
    return grant->object_size == id.size && memcmp(grant->object, id.data, id.size) == 0;
}

static bool is_over(const struct bulla_grant *grant, const struct bulla_access *access)
{
    return grant->object_size == 0 || is_id(grant, access->object_id) || is_id(grant, access->object_unique);
}

static bool remembered(bool (*question)(void *, const struct bulla_grant *), const struct bulla_grant_memory *memory,
    const struct bulla_grant *grant)
{
    return question && question(memory->context, grant);
}

/* Where the grant falls; at the first step, too, where it would fall no further than another has come. */
static enum step judge(const struct bulla_grant *grant, const struct bulla_access *access,
    const struct bulla_grant_memory *memory, enum step furthest)
{
    bool operation = grant->operations & access->operation, object = is_over(grant, access);
    if (!operation || !object) {
        enum step step = operation ? AT_OBJECT : object ? AT_OPERATION : AT_SUBJECT;
        return step > furthest && is_for(grant, access) ? step : AT_SUBJECT;
    }
    if (!is_for(grant, access))
        return AT_SUBJECT;
    if (access->now > grant->not_after)
        return AT_END;
    if (access->now < grant->not_before)
        return AT_BEGIN;
    if (remembered(memory->revoked, memory, grant))
        return AT_REVOKED;
    if (grant->uses && remembered(memory->used_up, memory, grant))
        return AT_USED_UP;
    return ALLOWED;
}

static void write_id(const struct bulla_grant *grant, char text[static 2 * BULLA_GRANT_ID + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < BULLA_GRANT_ID; i++) {
        text[2 * i] = digits[grant->id[i] >> 4];
        text[2 * i + 1] = digits[grant->id[i] & 15];
    }
    text[(size_t)2 * BULLA_GRANT_ID] = '\0';
}

static uint64_t seconds_away(enum step step, const struct bulla_grant *grant, const struct bulla_access *access)
{
    if (step == AT_END)
        return access->now - grant->not_after;
    return step == AT_BEGIN ? grant->not_before - access->now : 0;
}

static enum bulla_reason refuse_missing(
    enum step step, const struct bulla_grant *nearest, const struct bulla_access *access)
{
    char id[2 * BULLA_GRANT_ID + 1];
    char who[BULLA_PRINCIPAL_TEXT] = "nobody";
    const char *operation = bulla_grant_operation_name((enum bulla_grant_operation)access->operation);
    if (access->principal_count)
        bulla_principal_text(&access->principals[0], who);
    operation = operation ? operation : "do that";
    if (step == AT_SUBJECT)
        return bulla_refuse(BULLA_GRANT_MISSING, "no grant lets %s %s with this object", who, operation);
    write_id(nearest, id);
    return bulla_refuse(BULLA_GRANT_MISSING, "no grant lets %s %s with this object; the nearest, %s, is for %s", who,
        operation, id, step == AT_OBJECT ? "another object" : "other operations");
}

static enum bulla_reason refuse(enum step step, const struct bulla_grant *nearest, const struct bulla_access *access)
{
    char id[2 * BULLA_GRANT_ID + 1], limit[BULLA_WHEN_SIZE], now[BULLA_WHEN_SIZE];
    if (step < AT_END)
        return refuse_missing(step, nearest, access);
    write_id(nearest, id);
    (void)bulla_text_when(access->now, now);
    if (step == AT_END)
        return bulla_refuse(BULLA_GRANT_EXPIRED, "grant %s was valid until %s, it is %s", id,
            bulla_text_when(nearest->not_after, limit), now);
    if (step == AT_BEGIN)
        return bulla_refuse(BULLA_GRANT_NOT_YET, "grant %s is valid from %s, it is %s", id,
            bulla_text_when(nearest->not_before, limit), now);
    if (step == AT_REVOKED)
        return bulla_refuse(BULLA_GRANT_REVOKED, "grant %s was revoked", id);
    if (nearest->uses == 1)
        return bulla_refuse(BULLA_GRANT_USED_UP, "grant %s: its one use is used up", id);
    return bulla_refuse(
        BULLA_GRANT_USED_UP, "grant %s: its %llu uses are used up", id, (unsigned long long)nearest->uses);
}

enum bulla_reason bulla_grants_decide(const struct bulla_grant *grants, size_t count, const struct bulla_access *access,
    const struct bulla_grant_memory *memory, const struct bulla_grant **allowed)
{
    static const struct bulla_grant_memory nothing;
    const struct bulla_grant *nearest = NULL, *counted = NULL;
    enum step furthest = AT_SUBJECT;
    uint64_t least = 0;
    *allowed = NULL;
    if (!memory)
        memory = &nothing;
    for (size_t i = 0; i < count; i++) {
        if (counted && grants[i].uses)
            continue; /* only one without a count would go before it */
        enum step step = judge(&grants[i], access, memory, furthest);
        if (step == ALLOWED && grants[i].uses == 0) {
            *allowed = &grants[i];
            return BULLA_OK;
        }
        if (step == ALLOWED)
            counted = &grants[i];
        if (step < furthest || step == AT_SUBJECT)
            continue;
        uint64_t away = seconds_away(step, &grants[i], access);
        if (step > furthest || away < least) {
            furthest = step;
            least = away;
            nearest = &grants[i];
        }
    }
    *allowed = counted;
    return counted ? BULLA_OK : refuse(furthest, nearest, access);
}
