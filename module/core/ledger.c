/* Numbers that never go back: policy versions, models' generations.
 *
 * The ledger is one sealed table, { name: number }. With a TPM it is bound to an NV counter: the row "ledger.<c>" is in
 * force where c is the counter's value. Raising writes "ledger.<c+1>", durably; increments the counter, which is the
 * commit; and erases "ledger.<c>". A crash before the increment leaves the old table in force, one after it the new
 * one; a folder put back from a backup holds neither, and is refused (BULLA_ROLLED_BACK). Processes take turns by a
 * lock on a file of the folder. Without a TPM the row is "ledger.0", replaced in place: as strong as the file system,
 * and shown as such by `bulla status` (it has no counter). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "crypto/cbor.h"
#include "crypto/cipher.h"
#include "release/backend.h"
#include "token.h"

enum { NAME_LARGEST = 64, ENTRIES_LARGEST = 256, TABLE_LARGEST = 16384, INDEX_SIZE = 4 };
enum { TURN_LONGEST = 30000 }; /* milliseconds: several processes, each with a slow TPM */

/* The table as bytes: public numbers, sealed so that only the token key's holder can write it. */
struct table {
    uint8_t bytes[TABLE_LARGEST];
    size_t size;
};

static void row_name(uint64_t counter, char name[static 32])
{
    (void)snprintf(name, 32, "ledger.%llu", (unsigned long long)counter);
}

static void write_aad(const struct bulla_token *token, uint64_t counter, struct bulla_writer *aad)
{
    bulla_write(aad, "bulla/1 ledger", 14);
    bulla_write_bytes(aad, bulla_token_serial(token));
    bulla_write_u64(aad, counter);
}

static enum bulla_reason counter_index(struct bulla_token *token, uint32_t *index)
{
    uint8_t value[INDEX_SIZE];
    struct bulla_writer writer;
    bulla_writer_open(&writer, value, sizeof value);
    BULLA_TRY(bulla_token_value(token, BULLA_VALUE_COUNTER, &writer));
    struct bulla_reader reader;
    bulla_reader_open(&reader, bulla_writer_bytes(&writer));
    *index = bulla_read_u32(&reader);
    return bulla_reader_finish(&reader, "the counter's index");
}

/* `index` is 0 for a token that was made without a TPM: it has no counter, also where it was given a TPM since. */
static enum bulla_reason counter_value(struct bulla_token *token, uint32_t *index, uint64_t *counter)
{
    *counter = 0;
    *index = 0;
    if (!token->keys)
        return bulla_refuse(BULLA_NOT_LOGGED_IN, "the ledger is read with the token key");
    BULLA_TRY(counter_index(token, index));
    if (!*index)
        return BULLA_OK;
    if (!*token->config->tcti || !bulla_token_backend)
        return bulla_refuse(BULLA_TPM_UNREACHABLE, "the token has a counter in a TPM, and bulla.conf names no tcti");
    return bulla_token_backend->counter_read(token->config->tcti, *index, token->keys->counter, counter);
}

/* --- the table --- */

static enum bulla_reason table_seal(
    struct bulla_token *token, const struct table *table, uint64_t counter, struct bulla_writer *sealed)
{
    uint8_t aad_bytes[64];
    struct bulla_writer aad;
    bulla_writer_open(&aad, aad_bytes, sizeof aad_bytes);
    write_aad(token, counter, &aad);
    return bulla_box_seal(
        token->keys->ledger, bulla_writer_bytes(&aad), (struct bulla_bytes){table->bytes, table->size}, sealed);
}

static enum bulla_reason table_load(struct bulla_token *token, uint64_t counter, struct table *table)
{
    uint8_t sealed[TABLE_LARGEST + BULLA_BOX_OVERHEAD], aad_bytes[64];
    struct bulla_writer writer, aad;
    char name[32];
    row_name(counter, name);
    bulla_writer_open(&writer, sealed, sizeof sealed);
    enum bulla_reason reason = bulla_token_value(token, name, &writer);
    if (reason == BULLA_STORE_MISSING)
        return bulla_refuse(BULLA_ROLLED_BACK, "the TPM's counter is at %llu, and the store has no ledger for it",
            (unsigned long long)counter);
    BULLA_TRY(reason);
    if (writer.size < BULLA_BOX_OVERHEAD)
        return bulla_refuse(BULLA_STORE_CORRUPT, "the ledger has %zu bytes", writer.size);
    bulla_writer_open(&aad, aad_bytes, sizeof aad_bytes);
    write_aad(token, counter, &aad);
    table->size = writer.size - BULLA_BOX_OVERHEAD;
    return bulla_box_open(token->keys->ledger, bulla_writer_bytes(&aad), bulla_writer_bytes(&writer), table->bytes);
}

static enum bulla_reason table_entries(const struct table *table, struct bulla_cbor *map)
{
    BULLA_TRY(bulla_cbor_decode((struct bulla_bytes){table->bytes, table->size}, "the ledger", map));
    if (map->kind != BULLA_CBOR_MAP || map->number > ENTRIES_LARGEST)
        return bulla_refuse(BULLA_STORE_CORRUPT, "the ledger is not a map");
    return BULLA_OK;
}

static uint64_t table_find(const struct bulla_cbor *map, const char *name)
{
    struct bulla_cbor key, value;
    struct bulla_cbor_walk walk = bulla_cbor_inside(map);
    while (bulla_cbor_next(&walk, &key) && bulla_cbor_next(&walk, &value))
        if (bulla_bytes_equal_text(key.string, name))
            return value.number;
    return 0;
}

/* Deterministic order of text keys: shorter first, then by bytes. */
static int key_order(struct bulla_bytes key, const char *name)
{
    size_t size = strlen(name);
    return key.size != size ? (key.size < size ? -1 : 1) : memcmp(key.data, name, size);
}

/* The same map with one number raised. */
static enum bulla_reason table_raise(const struct table *old, const char *name, uint64_t number, struct table *raised)
{
    struct bulla_cbor map, key, value;
    BULLA_TRY(table_entries(old, &map));
    bool present = table_find(&map, name) != 0, written = false;
    if (!present && map.number >= ENTRIES_LARGEST) /* a table with more would never be read again */
        return bulla_refuse(
            BULLA_TOO_LARGE, "the ledger holds %d numbers, and %s is not one of them", ENTRIES_LARGEST, name);
    struct bulla_writer writer;
    bulla_writer_open(&writer, raised->bytes, sizeof raised->bytes);
    bulla_cbor_write_map(&writer, (size_t)map.number + (present ? 0 : 1));
    struct bulla_cbor_walk walk = bulla_cbor_inside(&map);
    while (bulla_cbor_next(&walk, &key) && bulla_cbor_next(&walk, &value)) {
        int order = key_order(key.string, name);
        if (order >= 0 && !written) {
            bulla_cbor_write_tstr(&writer, name);
            bulla_cbor_write_uint(&writer, number);
            written = true;
        }
        if (order != 0) {
            bulla_write_bytes(&writer, key.encoded);
            bulla_write_bytes(&writer, value.encoded);
        }
    }
    if (!written) {
        bulla_cbor_write_tstr(&writer, name);
        bulla_cbor_write_uint(&writer, number);
    }
    raised->size = writer.size;
    return bulla_writer_finish(&writer, "the ledger");
}

/* --- reading and raising --- */

enum bulla_reason bulla_ledger_counter(struct bulla_token *token, uint64_t *counter)
{
    uint32_t index;
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    enum bulla_reason reason = counter_value(token, &index, counter);
    (void)pthread_rwlock_unlock(&token->keys_lock);
    return reason;
}

/* Readers take no turns: between the counter and its row another may have raised both, and then they are read again. */
static enum bulla_reason table_in_force(struct bulla_token *token, struct table *table)
{
    uint64_t counter = 0, before = 0;
    uint32_t index;
    BULLA_TRY(counter_value(token, &index, &counter));
    for (;;) {
        enum bulla_reason reason = table_load(token, counter, table);
        before = counter;
        if (reason != BULLA_ROLLED_BACK)
            return reason;
        BULLA_TRY(counter_value(token, &index, &counter));
        if (counter == before)
            return reason;
    }
}

static enum bulla_reason read_entries(
    struct bulla_token *token, size_t count, const char *const *names, uint64_t *numbers)
{
    struct table table;
    struct bulla_cbor map;
    BULLA_TRY(table_in_force(token, &table));
    BULLA_TRY(table_entries(&table, &map));
    for (size_t i = 0; i < count; i++)
        numbers[i] = table_find(&map, names[i]);
    return BULLA_OK;
}

enum bulla_reason bulla_ledger_read_many(
    struct bulla_token *token, size_t count, const char *const *names, uint64_t *numbers)
{
    memset(numbers, 0, count * sizeof *numbers);
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    enum bulla_reason reason = read_entries(token, count, names, numbers);
    (void)pthread_rwlock_unlock(&token->keys_lock);
    return reason;
}

enum bulla_reason bulla_ledger_read(struct bulla_token *token, const char *name, uint64_t *number)
{
    return bulla_ledger_read_many(token, 1, &name, number);
}

static enum bulla_reason write_rows(
    struct bulla_token *token, const char *put, struct bulla_bytes value, const char *erase)
{
    (void)pthread_mutex_lock(&token->store_lock);
    enum bulla_reason reason = bulla_store_begin(token->store);
    if (reason == BULLA_OK) {
        if (put)
            reason = bulla_store_value_put(token->store, put, value);
        if (reason == BULLA_OK && erase)
            reason = bulla_store_value_erase(token->store, erase);
        if (reason == BULLA_OK)
            reason = bulla_store_commit(token->store);
        else
            bulla_store_rollback(token->store);
    }
    (void)pthread_mutex_unlock(&token->store_lock);
    return reason;
}

/* Row c+1, increment, erase row c. */
static enum bulla_reason advance(struct bulla_token *token, uint32_t index, uint64_t counter, struct bulla_bytes sealed)
{
    static const struct bulla_bytes nothing = {NULL, 0};
    char next[32], old[32];
    uint64_t now = 0;
    row_name(counter + 1, next);
    row_name(counter, old);
    BULLA_TRY(write_rows(token, next, sealed, NULL));
    bulla_fault_point("ledger-written");
    BULLA_TRY(bulla_token_backend->counter_increment(token->config->tcti, index, token->keys->counter, &now));
    bulla_fault_point("ledger-incremented");
    if (now != counter + 1)
        return bulla_refuse(BULLA_ROLLED_BACK, "the counter went from %llu to %llu: somebody else moves it",
            (unsigned long long)counter, (unsigned long long)now);
    return write_rows(token, NULL, nothing, old);
}

static enum bulla_reason raise_locked(struct bulla_token *token, const char *name, uint64_t number)
{
    struct table table, raised;
    struct bulla_cbor map;
    uint64_t counter;
    uint8_t sealed[TABLE_LARGEST + BULLA_BOX_OVERHEAD];
    struct bulla_writer writer;
    uint32_t index;
    BULLA_TRY(counter_value(token, &index, &counter));
    BULLA_TRY(table_load(token, counter, &table));
    BULLA_TRY(table_entries(&table, &map));
    if (table_find(&map, name) >= number)
        return BULLA_OK;
    BULLA_TRY(table_raise(&table, name, number, &raised));
    bulla_writer_open(&writer, sealed, sizeof sealed);
    BULLA_TRY(table_seal(token, &raised, index ? counter + 1 : 0, &writer));
    if (index)
        return advance(token, index, counter, bulla_writer_bytes(&writer));
    return write_rows(token, "ledger.0", bulla_writer_bytes(&writer), NULL);
}

/* A process that was stopped in its turn must not stop the others for good: they give up. */
static enum bulla_reason take_turn(const char *path, int file)
{
    const struct timespec nap = {.tv_nsec = 10000000};
    for (int waited = 0; flock(file, LOCK_EX | LOCK_NB) != 0; waited += 10) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return bulla_refuse(BULLA_STORE_IO, "%s: %s", path, strerror(errno));
        if (waited >= TURN_LONGEST)
            return bulla_refuse(BULLA_STORE_BUSY, "%s: another process has been raising a number for long", path);
        (void)nanosleep(&nap, NULL);
    }
    return BULLA_OK;
}

/* What is done in a process's turn, with the keys read-locked. */
typedef enum bulla_reason turn(struct bulla_token *token, void *context);

/* The lock is given back by name: a child that was forked meanwhile has the file open too, and would keep it. */
static enum bulla_reason in_turn(struct bulla_token *token, turn *action, void *context)
{
    char path[BULLA_CONFIG_PATH + 16];
    (void)snprintf(path, sizeof path, "%s/ledger.lock", token->config->path);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return bulla_refuse(BULLA_STORE_IO, "%s: %s", path, strerror(errno));
    enum bulla_reason reason = take_turn(path, file);
    if (reason == BULLA_OK) {
        (void)pthread_rwlock_rdlock(&token->keys_lock);
        reason = action(token, context);
        (void)pthread_rwlock_unlock(&token->keys_lock);
        (void)flock(file, LOCK_UN);
    }
    (void)close(file);
    return reason;
}

struct raising {
    const char *name;
    uint64_t number;
};

static enum bulla_reason raise_in_turn(struct bulla_token *token, void *context)
{
    const struct raising *raising = context;
    return raise_locked(token, raising->name, raising->number);
}

enum bulla_reason bulla_ledger_raise(struct bulla_token *token, const char *name, uint64_t number)
{
    struct raising raising = {name, number};
    return in_turn(token, raise_in_turn, &raising);
}

struct anchoring {
    bulla_anchored *action;
    void *context;
};

static enum bulla_reason anchor_in_turn(struct bulla_token *token, void *context)
{
    const struct anchoring *anchoring = context;
    uint64_t counter;
    uint32_t index;
    BULLA_TRY(counter_value(token, &index, &counter));
    return anchoring->action(token, counter, anchoring->context);
}

enum bulla_reason bulla_ledger_anchor(struct bulla_token *token, bulla_anchored *action, void *context)
{
    struct anchoring anchoring = {action, context};
    return in_turn(token, anchor_in_turn, &anchoring);
}

enum bulla_reason bulla_ledger_create(struct bulla_token *token)
{
    static const uint8_t empty_map = 0xa0;
    struct table table = {.bytes = {empty_map}, .size = 1};
    uint8_t sealed[128], index_bytes[INDEX_SIZE];
    struct bulla_writer writer;
    uint32_t index = 0;
    uint64_t counter = 0;
    char name[32];
    if (*token->config->tcti && bulla_token_backend)
        BULLA_TRY(bulla_token_backend->counter_create(token->config->tcti, token->keys->counter, &index, &counter));
    token->made_counter = index;
    bulla_writer_open(&writer, index_bytes, sizeof index_bytes);
    bulla_write_u32(&writer, index);
    BULLA_TRY(bulla_store_value_put(token->store, BULLA_VALUE_COUNTER, bulla_writer_bytes(&writer)));
    bulla_writer_open(&writer, sealed, sizeof sealed);
    BULLA_TRY(table_seal(token, &table, counter, &writer));
    row_name(counter, name);
    return bulla_store_value_put(token->store, name, bulla_writer_bytes(&writer));
}
