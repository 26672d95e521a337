#include "parts.h"

#include <stdlib.h>

#include "crypto/arena.h"

enum { PARTS_FIRST = 4096 };

static enum bulla_reason grow(struct bulla_parts *parts, size_t needed)
{
    size_t capacity = parts->capacity ? parts->capacity : PARTS_FIRST;
    while (capacity < needed)
        capacity *= 2;
    uint8_t *data = malloc(capacity);
    if (!data)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "keeping a message of %zu bytes", needed);
    if (parts->size)
        memcpy(data, parts->data, parts->size);
    if (parts->data)
        bulla_wipe(parts->data, parts->size);
    free(parts->data);
    parts->data = data;
    parts->capacity = capacity;
    return BULLA_OK;
}

enum bulla_reason bulla_parts_update(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    struct bulla_parts *parts = run->state;
    (void)out;
    if (in.size > BULLA_PARTS_LARGEST - parts->size)
        return bulla_refuse(BULLA_TOO_LARGE, "a message in parts may have %d bytes", BULLA_PARTS_LARGEST);
    if (in.size == 0)
        return BULLA_OK;
    if (in.size > parts->capacity - parts->size)
        BULLA_TRY(grow(parts, parts->size + in.size));
    memcpy(parts->data + parts->size, in.data, in.size);
    parts->size += in.size;
    return BULLA_OK;
}

struct bulla_bytes bulla_parts_bytes(const struct bulla_run *run)
{
    const struct bulla_parts *parts = run->state;
    return (struct bulla_bytes){parts->data, parts->size};
}

void bulla_parts_end(void *state)
{
    struct bulla_parts *parts = state;
    if (parts->data)
        bulla_wipe(parts->data, parts->size);
    free(parts->data);
    *parts = (struct bulla_parts){0};
}
