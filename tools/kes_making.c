/* The clock's figures of Cardano's networks are those of their genesis files. Slots had 20 s before Shelley; `start` is
 * when slot 0 would have been, had they always had one: of mainnet, slot 4,492,800 was at 1596059091. */
#include <time.h>

#include "crypto/kes_calendar.h"
#include "kes.h"
#include "output.h"
#include "times.h"

static const struct {
    const char *name;
    uint64_t start, slots_per_period;
} networks[] = {
    {"mainnet", 1596059091 - 4492800, 129600},
    {"preprod", 1655769600 - 86400, 129600},
    {"preview", 1666656000, 129600},
};

enum { SLOT_LENGTH = 1000 };

void bulla_kes_template_add(struct bulla_kes_template *template, CK_ATTRIBUTE_TYPE type, void *value, CK_ULONG size)
{
    if (template->count < BULLA_KES_TEMPLATE_LARGEST)
        template->items[template->count++] = (CK_ATTRIBUTE){type, value, size};
}

static enum bulla_reason network_take(struct bulla_kes_template *template, const struct bulla_kes_making *making)
{
    if (making->start_time || making->slots_per_period || making->slot_length)
        return bulla_refuse(BULLA_ARGUMENT, "--network is the whole clock: leave the others of it out");
    for (size_t i = 0; i < BULLA_COUNT(networks); i++)
        if (strcmp(networks[i].name, making->network) == 0) {
            template->start_time = networks[i].start;
            template->slots_per_period = networks[i].slots_per_period;
            template->slot_length = SLOT_LENGTH;
            return BULLA_OK;
        }
    return bulla_refuse(
        BULLA_ARGUMENT, "--network '%.40s' is none of mainnet, preprod and preview: give its clock", making->network);
}

static enum bulla_reason own_take(struct bulla_kes_template *template, const struct bulla_kes_making *making)
{
    uint64_t start = 0;
    bool any = making->start_time || making->slots_per_period || making->slot_length || making->start_slot;
    if (any && (!making->start_time || !making->slots_per_period))
        return bulla_refuse(BULLA_ARGUMENT, "a clock is --network, or both --start-time and --slots-per-period");
    if (!any)
        return BULLA_OK;
    BULLA_TRY(bulla_time_parse(making->start_time, "--start-time", (uint64_t)time(NULL), &start));
    template->start_time = start;
    template->slots_per_period = making->slots_per_period;
    template->slot_length = making->slot_length ? making->slot_length : SLOT_LENGTH;
    return BULLA_OK;
}

/* So that the chain's present period is the key's `period`. */
static enum bulla_reason start_slot_take(
    struct bulla_kes_template *template, const struct bulla_kes_making *making, uint64_t period)
{
    uint64_t slot = 0, present = 0; /* 0 before the chain's beginning */
    const struct bulla_kes_calendar chain = {
        template->start_time, template->slot_length, 0, template->slots_per_period};
    if (making->start_slot) {
        BULLA_TRY(bulla_number_parse(making->start_slot, "--start-slot", 0, INT64_MAX, &slot));
        template->start_slot = slot;
        return BULLA_OK;
    }
    (void)bulla_kes_calendar_period(&chain, (uint64_t)time(NULL), &present);
    if (present < period)
        return bulla_refuse(BULLA_ARGUMENT,
            "it is the chain's period %llu, and the key is said to be in its own %llu: give --start-slot, or mend "
            "either",
            (unsigned long long)present, (unsigned long long)period);
    template->start_slot = (present - period) * template->slots_per_period;
    return BULLA_OK;
}

static void clock_add(struct bulla_kes_template *template)
{
    const struct {
        CK_ATTRIBUTE_TYPE type;
        CK_ULONG *value;
    } rows[] = {{CKA_BULLA_KES_START_TIME, &template->start_time}, {CKA_BULLA_KES_START_SLOT, &template->start_slot},
        {CKA_BULLA_KES_SLOTS_PER_PERIOD, &template->slots_per_period},
        {CKA_BULLA_KES_SLOT_LENGTH, &template->slot_length}};
    for (size_t i = 0; i < BULLA_COUNT(rows); i++)
        bulla_kes_template_add(template, rows[i].type, rows[i].value, sizeof *rows[i].value);
}

enum bulla_reason bulla_kes_template_open(
    struct bulla_kes_template *template, const struct bulla_kes_making *making, uint64_t period)
{
    memset(template, 0, sizeof *template);
    template->yes = CK_TRUE;
    if (!*making->label || strlen(making->label) >= BULLA_KES_LABEL_LARGEST)
        return bulla_refuse(BULLA_ARGUMENT, "--label has 1 to %d bytes", BULLA_KES_LABEL_LARGEST - 1);
    BULLA_TRY(making->network ? network_take(template, making) : own_take(template, making));
    bulla_kes_template_add(template, CKA_TOKEN, &template->yes, sizeof template->yes);
    bulla_kes_template_add(
        template, CKA_LABEL, (void *)(uintptr_t)making->label, strlen(making->label)); /* PKCS#11 has no const */
    if (making->exportable) {
        bulla_kes_template_add(template, CKA_SENSITIVE, &template->no, sizeof template->no);
        bulla_kes_template_add(template, CKA_EXTRACTABLE, &template->yes, sizeof template->yes);
    }
    if (!template->slots_per_period)
        return BULLA_OK;
    BULLA_TRY(start_slot_take(template, making, period));
    clock_add(template);
    return BULLA_OK;
}

enum bulla_reason bulla_kes_absence_check(struct bulla_client *client, const char *label)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_BULLA_KES;
    CK_OBJECT_HANDLE found = CK_INVALID_HANDLE;
    CK_ULONG count = 0;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
    BULLA_TRY(bulla_client_find(client, template, BULLA_COUNT(template), &found, 1, &count));
    return count == 0
               ? BULLA_OK
               : bulla_refuse(BULLA_ARGUMENT, "the token has a KES key \"%s\" already: choose another --label", label);
}
