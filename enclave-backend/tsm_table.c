/*   table = entry … ‖ zero entry ‖ certificates      entry = GUID (16, in the order in which it is written)
 *                                                            ‖ offset (u32 LE, from the table's start) ‖ size (u32 LE)
 */
#include "tsm.h"

enum { GUID = 16, ENTRY = GUID + 4 + 4, ENTRIES = 32, WANTED = 4 };

/* In the order in which they are given. */
static const struct {
    const char *name;
    uint8_t guid[GUID];
} wanted[WANTED] = {
    {"VCEK", {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd}},
    {"VLEK", {0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1}},
    {"ASK", {0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82}},
    {"ARK", {0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae}},
};

struct entry {
    struct bulla_bytes guid;
    uint32_t offset, size;
};

static bool is_last(const struct entry *entry)
{
    uint8_t any = 0;
    for (size_t i = 0; i < entry->guid.size; i++)
        any |= entry->guid.data[i];
    return !any && entry->offset == 0 && entry->size == 0;
}

/* Where the entries end, and the certificates may begin. */
static enum bulla_reason read_entries(
    struct bulla_bytes table, struct entry entries[static ENTRIES], size_t *count, size_t *end)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, table);
    for (*count = 0; *count < ENTRIES; ++*count) {
        struct entry *entry = &entries[*count];
        entry->guid = bulla_read(&reader, GUID);
        entry->offset = bulla_read_u32_little(&reader);
        entry->size = bulla_read_u32_little(&reader);
        if (reader.failed)
            return bulla_refuse(BULLA_TRUNCATED, "the table of certificates has no end");
        if (is_last(entry)) {
            *end = (*count + 1) * ENTRY;
            return BULLA_OK;
        }
    }
    return bulla_refuse(BULLA_MALFORMED, "a table of more than %d certificates", ENTRIES);
}

static enum bulla_reason check_entry(const struct entry *entry, size_t end, size_t size)
{
    if (entry->size == 0 || entry->offset < end || entry->offset > size || entry->size > size - entry->offset)
        return bulla_refuse(BULLA_MALFORMED, "a certificate of the table lies outside it");
    return BULLA_OK;
}

enum bulla_reason bulla_tsm_certificates(struct bulla_bytes table, struct bulla_writer *certificates)
{
    struct entry entries[ENTRIES];
    size_t count = 0, end = 0;
    if (table.size == 0)
        return BULLA_OK;
    BULLA_TRY(read_entries(table, entries, &count, &end));
    for (size_t i = 0; i < count; i++)
        BULLA_TRY(check_entry(&entries[i], end, table.size));
    for (size_t kind = 0; kind < WANTED; kind++) {
        bool found = false;
        for (size_t i = 0; i < count; i++) {
            if (memcmp(entries[i].guid.data, wanted[kind].guid, GUID) != 0)
                continue;
            if (found)
                return bulla_refuse(BULLA_DUPLICATE, "the table has two certificates called %s", wanted[kind].name);
            found = true;
            bulla_write(certificates, table.data + entries[i].offset, entries[i].size);
        }
    }
    return bulla_writer_finish(certificates, "the host's certificates");
}
