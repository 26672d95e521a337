#include "help.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int store_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    test_folder_make(fixture->base, sizeof fixture->base);
    test_folder_join(fixture->folder, sizeof fixture->folder, fixture->base, "token");
    *state = fixture;
    return bulla_store_create(fixture->folder, &fixture->store) == BULLA_OK ? 0 : -1;
}

int store_teardown(void **state)
{
    struct fixture *fixture = *state;
    bulla_store_close(fixture->store);
    test_folder_remove(fixture->base);
    free(fixture);
    return 0;
}

void store_content(uint32_t number, uint8_t content[static 64])
{
    for (uint32_t i = 0; i < 64; i++)
        content[i] = (uint8_t)(number * 31 + i * 7 + (number >> 8));
}

struct bulla_store_row store_object(uint32_t number, const uint8_t content[static 64])
{
    struct bulla_store_row row = {.object_class = UINT64_C(0xffffffff00000000) | number};
    memcpy(row.id, "object number", 12);
    memcpy(row.id + 12, &number, sizeof number);
    row.attributes = (struct bulla_bytes){content, 32 + number % 32};
    row.sealed = (struct bulla_bytes){content, number % 16};
    row.tag = (struct bulla_bytes){content + 8, number % 3 ? 32 : 0};
    return row;
}

enum bulla_reason store_put(struct bulla_store *store, uint32_t number)
{
    uint8_t content[64];
    store_content(number, content);
    struct bulla_store_row row = store_object(number, content);
    return bulla_store_put(store, &row);
}

enum bulla_reason store_add(struct bulla_store *store, uint32_t number)
{
    BULLA_TRY(bulla_store_begin(store));
    enum bulla_reason reason = store_put(store, number);
    if (reason == BULLA_OK)
        return bulla_store_commit(store);
    bulla_store_rollback(store);
    return reason;
}

enum bulla_reason store_drop(struct bulla_store *store, uint32_t number)
{
    uint8_t content[64];
    store_content(number, content);
    struct bulla_store_row row = store_object(number, content);
    BULLA_TRY(bulla_store_begin(store));
    enum bulla_reason reason = bulla_store_erase(store, row.id);
    if (reason == BULLA_OK)
        return bulla_store_commit(store);
    bulla_store_rollback(store);
    return reason;
}

static uint32_t number_of(const uint8_t *id)
{
    uint32_t number = 0;
    memcpy(&number, id + 12, sizeof number);
    return number < SEEN_LARGEST ? number : 0;
}

static enum bulla_reason see(void *context, const struct bulla_store_row *row)
{
    struct seen *seen = context;
    uint8_t content[64];
    uint32_t number = number_of(row->id);
    store_content(number, content);
    struct bulla_store_row expected = store_object(number, content);
    if (memcmp(expected.id, row->id, 16) != 0 || expected.object_class != row->object_class ||
        !bulla_bytes_equal(expected.attributes, row->attributes) || !bulla_bytes_equal(expected.sealed, row->sealed) ||
        !bulla_bytes_equal(expected.tag, row->tag) || row->generation < seen->last)
        seen->wrong++;
    seen->last = row->generation;
    seen->rows++;
    seen->present[number] = 1;
    return BULLA_OK;
}

static enum bulla_reason forget(void *context, const uint8_t *id)
{
    struct seen *seen = context;
    if (id) {
        seen->gone++;
        seen->present[number_of(id)] = 0;
    } else {
        seen->anew++;
        memset(seen->present, 0, sizeof seen->present);
    }
    return BULLA_OK;
}

enum bulla_reason store_follow(struct bulla_store *store, struct seen *seen)
{
    struct bulla_store_visitor visitor = {.each = see, .gone = forget, .context = seen};
    seen->last = 0;
    return bulla_store_changes(store, seen->now, &visitor, &seen->now);
}

int store_seen_count(const struct seen *seen)
{
    int count = 0;
    for (size_t i = 0; i < SEEN_LARGEST; i++)
        count += seen->present[i];
    return count;
}

int store_in_child(int (*body)(void *context), void *context)
{
    pid_t child = fork();
    if (child == 0)
        _exit(body(context));
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}
