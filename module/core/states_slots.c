/* The table of states on disk:
 *
 *   "states.0" or "states.1" = u32 size ‖ box(K, AAD, table) ‖ zeros
 *
 *   K = HKDF-SHA-256(token key, salt W, "bulla/1 states")     AAD = "bulla/1 states" ‖ token
 *
 * Files of their own, not values of the store: a store that logs its writes has what was overwritten in its log until
 * that is copied and truncated, which takes three waits for the disk more, and then in blocks that nobody overwrites. A
 * file that is overwritten in place takes one wait, and what was in it is in no file. */
#include "states_slots.h"

#include <sodium.h>
#include <stdio.h>

#include "crypto/cipher.h"
#include "heap.h"
#include "states_file.h"
#include "token.h"

enum {
    SLOTS = 2,
    HEAD_SIZE = 4,
    SEALED_LARGEST = BULLA_STATES_LARGEST + BULLA_BOX_OVERHEAD,
    SLOT_LARGEST = HEAD_SIZE + SEALED_LARGEST,
    AAD_SIZE = 14 + 16
};

static void slot_name(unsigned slot, char name[static 16])
{
    (void)snprintf(name, 16, "states.%u", slot);
}

static struct bulla_bytes write_aad(const struct bulla_token *token, uint8_t bytes[static AAD_SIZE])
{
    struct bulla_writer aad;
    bulla_writer_open(&aad, bytes, AAD_SIZE);
    bulla_write(&aad, "bulla/1 states", 14);
    bulla_write_bytes(&aad, bulla_token_serial(token));
    return bulla_writer_bytes(&aad);
}

/* In the arena: what the token key and W give. */
static enum bulla_reason derive(const struct bulla_token *token, const uint8_t *kept, uint8_t *key)
{
    return bulla_hkdf((struct bulla_bytes){token->keys->token, 32}, (struct bulla_bytes){kept, 32},
        BULLA_TEXT("bulla/1 states"), key, 32);
}

/* --- reading --- */

/* BULLA_COMMITMENT: there is no table in it that this key opens. */
static enum bulla_reason open_slot(
    const struct bulla_token *token, const uint8_t *key, struct bulla_bytes file, struct bulla_state_table *table)
{
    uint8_t aad[AAD_SIZE];
    struct bulla_reader reader;
    BULLA_RELEASED struct bulla_secret plain = {0};
    bulla_reader_open(&reader, file);
    struct bulla_bytes box = bulla_read(&reader, bulla_read_u32(&reader));
    if (reader.failed || box.size <= BULLA_BOX_OVERHEAD)
        return BULLA_COMMITMENT;
    BULLA_TRY(bulla_secret_hold(&plain, box.size - BULLA_BOX_OVERHEAD, "the keys' states"));
    enum bulla_reason reason = bulla_box_open(key, write_aad(token, aad), box, plain.data);
    if (reason == BULLA_AUTHENTICATION)
        return bulla_refuse(BULLA_STORE_CORRUPT, "the keys' states were changed since they were written");
    BULLA_TRY(reason);
    return bulla_state_table_read((struct bulla_bytes){plain.data, plain.size}, table);
}

/* What is not of this key is what a change left that was cut off, or an older folder's; half of a table as well. */
static enum bulla_reason read_slots(
    struct bulla_token *token, const uint8_t *key, struct bulla_state_table *table, bool *stale)
{
    BULLA_HEAP uint8_t *file = NULL;
    bool found = false;
    BULLA_TRY(bulla_heap_allocate(SLOT_LARGEST, "the keys' states", (void **)&file));
    for (unsigned i = 0; i < SLOTS; i++) {
        char name[16];
        struct bulla_writer writer;
        slot_name(i, name);
        bulla_writer_open(&writer, file, SLOT_LARGEST);
        enum bulla_reason reason = bulla_state_file_read(token, name, &writer);
        if (reason == BULLA_STORE_MISSING)
            continue;
        if (reason == BULLA_BUFFER_SMALL)
            return bulla_refuse(
                BULLA_STORE_CORRUPT, "%s has %zu bytes; %d are the most", name, writer.size, SLOT_LARGEST);
        BULLA_TRY(reason);
        reason = open_slot(token, key, bulla_writer_bytes(&writer), table);
        if (reason == BULLA_COMMITMENT) {
            *stale |= !sodium_is_zero(file, writer.size);
            continue;
        }
        BULLA_TRY(reason);
        table->slot = i;
        found = true;
    }
    bulla_detail_clear();
    return found ? BULLA_OK : BULLA_COMMITMENT;
}

enum bulla_reason bulla_state_slots_read(
    struct bulla_token *token, const uint8_t *kept, struct bulla_state_table *table, bool *stale)
{
    BULLA_SECRET void *key = NULL;
    *stale = false;
    BULLA_TRY(bulla_secret_allocate(32, &key));
    BULLA_TRY(derive(token, kept, key));
    return read_slots(token, key, table, stale);
}

/* --- writing --- */

static enum bulla_reason seal(const struct bulla_token *token, const uint8_t *key,
    const struct bulla_state_table *table, struct bulla_writer *box)
{
    uint8_t aad[AAD_SIZE];
    struct bulla_writer plain;
    BULLA_RELEASED struct bulla_secret memory = {0};
    BULLA_TRY(bulla_secret_hold(&memory, BULLA_STATES_LARGEST, "the keys' states"));
    bulla_writer_open(&plain, memory.data, memory.size);
    BULLA_TRY(bulla_state_table_write(table, &plain));
    BULLA_TRY(bulla_box_seal(key, write_aad(token, aad), bulla_writer_bytes(&plain), box));
    return bulla_writer_finish(box, "the keys' states");
}

static enum bulla_reason write_slot(struct bulla_token *token, unsigned slot, struct bulla_bytes bytes)
{
    char name[16];
    slot_name(slot, name);
    return bulla_state_file_write(token, name, bytes);
}

enum bulla_reason bulla_state_slots_write(
    struct bulla_token *token, const uint8_t *kept, const struct bulla_state_table *table)
{
    BULLA_SECRET void *key = NULL;
    BULLA_HEAP uint8_t *memory = NULL;
    struct bulla_writer head, box;
    BULLA_TRY(bulla_secret_allocate(32, &key));
    BULLA_TRY(bulla_heap_allocate(SLOT_LARGEST, "the keys' states", (void **)&memory));
    BULLA_TRY(derive(token, kept, key));
    bulla_writer_open(&box, memory + HEAD_SIZE, SEALED_LARGEST);
    BULLA_TRY(seal(token, key, table, &box));
    bulla_writer_open(&head, memory, HEAD_SIZE);
    bulla_write_u32(&head, (uint32_t)box.size);
    if (!table->kept) /* both files are there from the first table on, so that later changes make none */
        BULLA_TRY(write_slot(token, table->slot, (struct bulla_bytes){memory, 0}));
    return write_slot(token, 1 - table->slot, (struct bulla_bytes){memory, HEAD_SIZE + box.size});
}

enum bulla_reason bulla_state_slots_wipe(struct bulla_token *token, const struct bulla_state_table *table, bool durable)
{
    char name[16];
    slot_name(1 - table->slot, name);
    return bulla_state_file_wipe(token, name, durable);
}

void bulla_state_slots_remove(const struct bulla_token *token)
{
    char name[16];
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        slot_name(slot, name);
        bulla_state_file_remove(token, name);
    }
}
