#include <string.h>
#include <time.h>

#include "kes.h"
#include "kes_serve.h"
#include "output.h"

enum { MILLISECONDS = 1000 };

static enum bulla_reason number(
    struct bulla_client *client, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE_TYPE type, uint64_t fallback, uint64_t *value)
{
    CK_ULONG read = 0;
    BULLA_TRY(bulla_client_number(client, handle, type, (CK_ULONG)fallback, &read));
    *value = read;
    return BULLA_OK;
}

enum bulla_reason bulla_served_key_open(struct bulla_client *client, const char *label, struct bulla_served_key *key)
{
    uint64_t depth = 0;
    BULLA_TRY(bulla_kes_find(client, label, &key->handle));
    BULLA_TRY(number(client, key->handle, CKA_BULLA_KES_DEPTH, BULLA_KES_DEPTH_LARGEST + 1, &depth));
    BULLA_TRY(number(client, key->handle, CKA_BULLA_KES_START_TIME, 0, &key->calendar.start_time));
    BULLA_TRY(number(client, key->handle, CKA_BULLA_KES_START_SLOT, 0, &key->calendar.start_slot));
    BULLA_TRY(number(client, key->handle, CKA_BULLA_KES_SLOTS_PER_PERIOD, 0, &key->calendar.slots_per_period));
    BULLA_TRY(number(client, key->handle, CKA_BULLA_KES_SLOT_LENGTH, MILLISECONDS, &key->calendar.slot_length));
    CK_ATTRIBUTE attribute = {CKA_BULLA_KES_VERIFICATION_KEY, key->verification_key, sizeof key->verification_key};
    CK_RV result = client->module->C_GetAttributeValue(client->session, key->handle, &attribute, 1);
    BULLA_TRY(bulla_client_check(client, result, "reading the key's verification key"));
    if (depth > BULLA_KES_DEPTH_LARGEST || attribute.ulValueLen != sizeof key->verification_key ||
        !key->calendar.slot_length)
        return bulla_refuse(BULLA_KEY_INVALID, "the token's KES key \"%.80s\" has odd attributes", label);
    key->depth = (unsigned)depth;
    return BULLA_OK;
}

enum bulla_reason bulla_served_key_check_export(struct bulla_client *client, const struct bulla_served_key *key)
{
    bool sensitive = true, extractable = false;
    BULLA_TRY(bulla_client_flag(client, key->handle, CKA_SENSITIVE, &sensitive));
    BULLA_TRY(bulla_client_flag(client, key->handle, CKA_EXTRACTABLE, &extractable));
    if (!sensitive && extractable)
        return BULLA_OK;
    bulla_output_remedy("serve it with --sign, where it stays in the token");
    return bulla_refuse(
        BULLA_KEY_UNEXTRACTABLE, "a node would be given the key itself, and who made this one did not allow it");
}

/* Each use begins here: what the token refused before is not why this one fails. */
static void begin_use(struct bulla_client *client)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    client->started = (int64_t)now.tv_sec * MILLISECONDS + now.tv_nsec / 1000000;
    bulla_output_remedy("%s", "");
}

enum bulla_reason bulla_served_key_period(
    struct bulla_client *client, const struct bulla_served_key *key, unsigned *period)
{
    CK_ULONG present = 0;
    CK_ATTRIBUTE attribute = {CKA_BULLA_KES_PERIOD, &present, sizeof present};
    begin_use(client);
    CK_RV result = client->module->C_GetAttributeValue(client->session, key->handle, &attribute, 1);
    if (result == CKR_OBJECT_HANDLE_INVALID)
        return bulla_refuse(BULLA_KES_OVER, "the KES key was removed from the token");
    BULLA_TRY(bulla_client_check(client, result, "reading the key's period"));
    if (present >= bulla_kes_periods(key->depth))
        return bulla_refuse(BULLA_KEY_INVALID, "the token says that the KES key is in period %lu", present);
    *period = (unsigned)present;
    return BULLA_OK;
}

enum bulla_reason bulla_served_key_evolve(
    struct bulla_client *client, const struct bulla_served_key *key, unsigned period)
{
    CK_ULONG wanted = period;
    CK_ATTRIBUTE attribute = {CKA_BULLA_KES_PERIOD, &wanted, sizeof wanted};
    CK_RV result = client->module->C_SetAttributeValue(client->session, key->handle, &attribute, 1);
    return bulla_client_check(client, result, "evolving the key");
}

/* The token judges the time by its own rules when it is asked to evolve; this only says when to ask. */
static enum bulla_reason due(const struct bulla_served_key *key, unsigned present, uint64_t *period)
{
    *period = present;
    if (!bulla_kes_calendar_is_set(&key->calendar) ||
        bulla_kes_calendar_period(&key->calendar, (uint64_t)time(NULL), period))
        return BULLA_OK;
    return bulla_refuse(BULLA_KES_CLOCK, "the KES key's first period has not begun: it begins with slot %llu",
        (unsigned long long)key->calendar.start_slot);
}

enum bulla_reason bulla_served_key_follow(
    struct bulla_client *client, const struct bulla_served_key *key, unsigned *period)
{
    uint64_t wanted;
    BULLA_TRY(bulla_served_key_period(client, key, period));
    BULLA_TRY(due(key, *period, &wanted));
    if (wanted == *period)
        return BULLA_OK;
    if (wanted >= bulla_kes_periods(key->depth))
        return bulla_refuse(BULLA_KES_OVER, "it is period %llu, and the KES key's last one is %u",
            (unsigned long long)wanted, bulla_kes_periods(key->depth) - 1);
    if (wanted != (uint64_t)*period + 1)
        return bulla_refuse(
            BULLA_KES_CLOCK, "it is period %llu, and the KES key is in %u", (unsigned long long)wanted, *period);
    BULLA_TRY(bulla_served_key_evolve(client, key, (unsigned)wanted));
    *period = (unsigned)wanted;
    return BULLA_OK;
}

/* Whether the bytes are the key of that period: reading the two attributes is not one step. The tree of verification
 * keys is public. */
static enum bulla_reason check_raw(const struct bulla_served_key *key, unsigned period, const uint8_t *raw, size_t size)
{
    struct bulla_kes_key opened;
    BULLA_SECRET struct bulla_kes_secret *secret = NULL;
    BULLA_TRY(bulla_secret_allocate(sizeof *secret, (void **)&secret));
    BULLA_TRY(bulla_kes_import((struct bulla_bytes){raw, size}, key->depth, period, &opened, secret));
    if (memcmp(opened.nodes[1], key->verification_key, sizeof key->verification_key) != 0)
        return bulla_refuse(BULLA_KEY_INVALID, "the key that the token gave is not that of its verification key");
    return BULLA_OK;
}

enum bulla_reason bulla_served_key_read(
    struct bulla_client *client, const struct bulla_served_key *key, unsigned period, uint8_t *raw)
{
    unsigned after = 0;
    CK_ATTRIBUTE attribute = {CKA_VALUE, raw, bulla_kes_raw_size(key->depth)};
    CK_RV result = client->module->C_GetAttributeValue(client->session, key->handle, &attribute, 1);
    BULLA_TRY(bulla_client_check(client, result, "reading the key"));
    BULLA_TRY(bulla_served_key_period(client, key, &after));
    if (after != period)
        return bulla_refuse(BULLA_KES_PAST, "the KES key went on to period %u while it was read", after);
    return check_raw(key, period, raw, attribute.ulValueLen);
}

/* The token signs in the period of its own moment; the signature itself says which that was. */
static enum bulla_reason period_of(const struct bulla_served_key *key, struct bulla_kes_claim *claim, unsigned *period)
{
    for (; claim->period < bulla_kes_periods(key->depth); claim->period++)
        if (bulla_kes_verify(claim) == BULLA_OK) {
            *period = (unsigned)claim->period;
            return BULLA_OK;
        }
    return bulla_refuse(BULLA_SIGNATURE, "the token's signature does not verify");
}

enum bulla_reason bulla_served_key_sign(struct bulla_client *client, const struct bulla_served_key *key,
    enum bulla_kes_scheme scheme, struct bulla_bytes message, uint8_t *signature, size_t *size, unsigned *period)
{
    CK_MECHANISM mechanism = {scheme == BULLA_KES_SUM ? CKM_BULLA_KES_SUM : CKM_BULLA_KES_COMPACT, NULL, 0};
    CK_ULONG length = *size;
    unsigned before = 0;
    BULLA_TRY(bulla_served_key_period(client, key, &before));
    CK_RV result = client->module->C_SignInit(client->session, &mechanism, key->handle);
    if (result == CKR_OK)
        result = client->module->C_Sign(
            client->session, (CK_BYTE *)(uintptr_t)message.data, message.size, signature, &length);
    BULLA_TRY(bulla_client_check(client, result, "signing"));
    *size = length;
    struct bulla_kes_claim claim = {scheme, key->depth, before, key->verification_key, message, {signature, length}};
    return period_of(key, &claim, period);
}
