#include "needles.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 12 };

struct needle_block {
    const uint8_t *data;
    uint32_t needle;
};

static void *grow(void *memory, size_t count, size_t size)
{
    void *grown = reallocarray(memory, count, size);
    if (!grown)
        abort();
    return grown;
}

static uint64_t word(const uint8_t *data)
{
    uint64_t value;
    memcpy(&value, data, sizeof value);
    return value;
}

/* Of the first 12 bytes, the size of the smallest block: neighbouring weights are often equal in 8. */
static uint64_t hash(const uint8_t *data)
{
    uint64_t mixed = word(data) * 0x9e3779b97f4a7c15ULL ^ word(data + HEAD - 8) * 0xc2b2ae3d27d4eb4fULL;
    return (mixed ^ mixed >> 29) * 0xbf58476d1ce4e5b9ULL;
}

static size_t place(const struct needles *set, uint64_t hashed)
{
    return (size_t)(hashed >> (64 - set->bits));
}

static uint64_t filter_bits(uint64_t hashed)
{
    return (uint64_t)1 << (hashed & 63) | (uint64_t)1 << (hashed >> 6 & 63) | (uint64_t)1 << (hashed >> 12 & 63);
}

static bool is_telling(const uint8_t *data, size_t size)
{
    bool seen[256] = {false};
    size_t different = 0;
    for (size_t i = 0; i < size; i++) {
        different += !seen[data[i]];
        seen[data[i]] = true;
    }
    return different >= 8;
}

void needles_add(struct needles *set, const char *name, const void *data, size_t size, size_t block)
{
    set->list = grow(set->list, set->count + 1, sizeof *set->list);
    struct needle *needle = &set->list[set->count];
    *needle = (struct needle){.data = data, .size = size, .block = block};
    (void)snprintf(needle->name, sizeof needle->name, "%s", name);
    for (size_t at = 0; at + block <= size; at += block) {
        if (!is_telling(needle->data + at, block))
            continue;
        if (set->block_count == set->blocks_most) {
            set->blocks_most = set->blocks_most * 2 + 64;
            set->blocks = grow(set->blocks, set->blocks_most, sizeof *set->blocks);
        }
        set->blocks[set->block_count++] = (struct needle_block){needle->data + at, (uint32_t)set->count};
    }
    set->count++;
}

/* One of equal blocks is enough. */
static bool is_same(const struct needles *set, const struct needle_block *a, const struct needle_block *b)
{
    size_t size = set->list[a->needle].block;
    return set->list[b->needle].block == size && memcmp(a->data, b->data, size) == 0;
}

void needles_index(struct needles *set)
{
    for (set->bits = 8; ((size_t)1 << set->bits) < 4 * set->block_count; set->bits++)
        ;
    size_t size = (size_t)1 << set->bits;
    set->table = calloc(size, sizeof *set->table);
    set->begins = calloc(size / 16, sizeof *set->begins);
    if (!set->table || !set->begins)
        abort();
    for (size_t i = 0; i < set->block_count; i++) {
        uint64_t hashed = hash(set->blocks[i].data);
        size_t at = place(set, hashed);
        set->begins[at / 16] |= filter_bits(hashed);
        while (set->table[at] && !is_same(set, &set->blocks[i], &set->blocks[set->table[at] - 1]))
            at = (at + 1) & (size - 1);
        if (!set->table[at])
            set->table[at] = (uint32_t)i + 1;
    }
}

void needles_free(struct needles *set)
{
    free(set->list);
    free(set->blocks);
    free(set->table);
    free(set->begins);
    *set = (struct needles){0};
}

void needles_search(const struct needles *set, const uint8_t *data, size_t size,
    void (*seen)(void *context, struct needle *needle, size_t at), void *context)
{
    size_t mask = ((size_t)1 << set->bits) - 1;
    for (size_t i = 0; i + HEAD <= size; i++) {
        uint64_t hashed = hash(data + i);
        size_t first = place(set, hashed);
        if (~set->begins[first / 16] & filter_bits(hashed))
            continue;
        for (size_t at = first; set->table[at]; at = (at + 1) & mask) {
            const struct needle_block *block = &set->blocks[set->table[at] - 1];
            struct needle *needle = &set->list[block->needle];
            if (i + needle->block > size || memcmp(block->data, data + i, needle->block) != 0)
                continue;
            seen(context, needle, i);
            break;
        }
    }
}
