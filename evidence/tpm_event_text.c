/* Strings of events are ASCII, or UTF-16LE in UEFI variables (a GUID, two lengths, the name). What is neither gives
 * nothing: events hold certificates and addresses as well. */
#include "tpm_event_log.h"

#include <stdio.h>

enum { VARIABLE_HEAD = 32, VARIABLE_NAME_LARGEST = 64 };

static bool is_variable(uint32_t type)
{
    return type == 0x80000001 || type == 0x80000002 || type == 0x8000000c || type == 0x800000e0;
}

static bool printable(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7f;
}

/* UEFI_VARIABLE_DATA: GUID, UnicodeNameLength, VariableDataLength (u64 each), name, data. */
static void variable_text(struct bulla_bytes data, char *text, size_t size)
{
    size_t used = 0;
    uint64_t length = 0, value = 0;
    if (data.size < VARIABLE_HEAD)
        return;
    for (size_t i = 0; i < 8; i++) {
        length |= (uint64_t)data.data[16 + i] << (8 * i);
        value |= (uint64_t)data.data[24 + i] << (8 * i);
    }
    if (length > VARIABLE_NAME_LARGEST || data.size - VARIABLE_HEAD < 2 * length)
        return;
    char name[VARIABLE_NAME_LARGEST + 1];
    for (; used < length; used++) {
        const uint8_t *unit = data.data + VARIABLE_HEAD + 2 * used;
        if (unit[1] != 0 || !printable(unit[0]))
            return;
        name[used] = (char)unit[0];
    }
    name[used] = 0;
    (void)snprintf(text, size, "%s, %llu bytes", name, (unsigned long long)value);
}

/* Zeros may end it. */
static void plain_text(struct bulla_bytes data, char *text, size_t size)
{
    while (data.size > 0 && data.data[data.size - 1] == 0)
        data.size--;
    for (size_t i = 0; i < data.size; i++)
        if (!printable(data.data[i]))
            return;
    (void)snprintf(text, size, "%.*s", (int)data.size, (const char *)data.data);
}

void bulla_tpm_event_text(const struct bulla_tpm_event *event, char *text, size_t size)
{
    if (size > 0)
        text[0] = 0;
    if (!event->data_is_digested || event->data.size == 0)
        return;
    if (is_variable(event->type))
        variable_text(event->data, text, size);
    else
        plain_text(event->data, text, size);
}
