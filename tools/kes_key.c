#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/kes_calendar.h"
#include "kes.h"
#include "output.h"
#include "times.h"

enum { MILLISECONDS = 1000 };

enum bulla_reason bulla_kes_find(struct bulla_client *client, const char *label, CK_OBJECT_HANDLE *key)
{
    static const CK_KEY_TYPE type = CKK_BULLA_KES;
    return bulla_client_private_key(client, label, &type, "KES key", key);
}

static enum bulla_reason bytes_get(
    struct bulla_client *client, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, void *bytes, size_t room, size_t *size)
{
    uint8_t *value = NULL;
    BULLA_TRY(bulla_client_attribute(client, key, type, &value, size));
    *size = *size < room ? *size : room;
    if (value)
        memcpy(bytes, value, *size);
    free(value);
    return BULLA_OK;
}

static enum bulla_reason text_get(
    struct bulla_client *client, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, char *text, size_t room)
{
    size_t size = 0;
    BULLA_TRY(bytes_get(client, key, type, text, room - 1, &size));
    text[size] = '\0';
    return BULLA_OK;
}

enum bulla_reason bulla_kes_look(struct bulla_client *client, CK_OBJECT_HANDLE key, struct bulla_kes_view *view)
{
    memset(view, 0, sizeof *view);
    const struct {
        CK_ATTRIBUTE_TYPE type;
        CK_ULONG *place;
        CK_ULONG absent;
    } numbers[] = {{CKA_BULLA_KES_DEPTH, &view->depth, BULLA_KES_DEPTH_LARGEST + 1},
        {CKA_BULLA_KES_PERIOD, &view->period, 0}, {CKA_BULLA_KES_LAST_PERIOD, &view->last, 0},
        {CKA_BULLA_KES_START_TIME, &view->start_time, 0}, {CKA_BULLA_KES_START_SLOT, &view->start_slot, 0},
        {CKA_BULLA_KES_SLOTS_PER_PERIOD, &view->slots_per_period, 0},
        {CKA_BULLA_KES_SLOT_LENGTH, &view->slot_length, MILLISECONDS}};
    size_t size = 0;
    bool sensitive = true;
    for (size_t i = 0; i < BULLA_COUNT(numbers); i++)
        BULLA_TRY(bulla_client_number(client, key, numbers[i].type, numbers[i].absent, numbers[i].place));
    BULLA_TRY(text_get(client, key, CKA_LABEL, view->label, sizeof view->label));
    BULLA_TRY(text_get(client, key, CKA_BULLA_KES_KEEPER, view->keeper, sizeof view->keeper));
    BULLA_TRY(bulla_client_flag(client, key, CKA_EXTRACTABLE, &view->exportable));
    BULLA_TRY(bulla_client_flag(client, key, CKA_SENSITIVE, &sensitive));
    view->exportable = view->exportable && !sensitive;
    BULLA_TRY(bytes_get(client, key, CKA_BULLA_KES_VERIFICATION_KEY, view->key, sizeof view->key, &size));
    if (size != sizeof view->key || view->depth > BULLA_KES_DEPTH_LARGEST)
        return bulla_refuse(BULLA_KEY_INVALID, "the token says too little of the KES key \"%s\"", view->label);
    return BULLA_OK;
}

bool bulla_kes_due(const struct bulla_kes_view *view, uint64_t now, uint64_t *period)
{
    const struct bulla_kes_calendar calendar = {
        view->start_time, view->slot_length, view->start_slot, view->slots_per_period};
    return bulla_kes_calendar_period(&calendar, now, period);
}

void bulla_kes_say(const struct bulla_kes_view *view)
{
    char key[2 * sizeof view->key + 1], when[BULLA_TIME_TEXT];
    uint64_t due = 0;
    bulla_hex_write(view->key, sizeof view->key, key);
    bulla_say(BULLA_STRONG "%s" BULLA_PLAIN "  period %lu of 0 to %lu, depth %lu\n  verification key %s\n", view->label,
        view->period, view->last, view->depth, key);
    bulla_say(strcmp(view->keeper, "tpm") == 0 ? "  past periods are forgotten by the TPM\n"
                                               : "  past periods are forgotten by a file: " BULLA_WARN
                                                 "a copy of the folder brings them back" BULLA_PLAIN "\n");
    if (view->exportable)
        bulla_say("  " BULLA_WARN "exportable" BULLA_PLAIN "\n");
    if (!view->slots_per_period)
        return;
    bulla_say("  clock: slot 0 at %s, %lu slot%s of %lu ms in a period, the first from slot %lu",
        bulla_time_write(view->start_time, when), view->slots_per_period, bulla_plural(view->slots_per_period),
        view->slot_length, view->start_slot);
    if (!bulla_kes_due(view, (uint64_t)time(NULL), &due))
        bulla_say(": not begun\n");
    else
        bulla_say(": it is period %llu\n", (unsigned long long)due);
}

json_t *bulla_kes_json(const struct bulla_kes_view *view)
{
    char key[2 * sizeof view->key + 1];
    uint64_t due = 0;
    bulla_hex_write(view->key, sizeof view->key, key);
    json_t *document = json_pack("{s:s,s:s,s:I,s:I,s:I,s:s,s:b}", "label", view->label, "verification_key", key,
        "depth", (json_int_t)view->depth, "period", (json_int_t)view->period, "last_period", (json_int_t)view->last,
        "keeper", view->keeper, "exportable", view->exportable);
    json_t *clock = json_null();
    if (view->slots_per_period)
        clock = json_pack("{s:I,s:I,s:I,s:I,s:o}", "start_time", (json_int_t)view->start_time, "start_slot",
            (json_int_t)view->start_slot, "slots_per_period", (json_int_t)view->slots_per_period, "slot_length",
            (json_int_t)view->slot_length, "period",
            bulla_kes_due(view, (uint64_t)time(NULL), &due) ? json_integer((json_int_t)due) : json_null());
    if (json_object_set_new(document, "clock", clock) == 0)
        return document;
    json_decref(document);
    return NULL;
}
