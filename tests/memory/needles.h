/* What is looked for in memory: blocks of known bytes, found at any address.
 *
 * A needle of n bytes is cut into blocks; whoever holds 2 · block - 1 contiguous bytes of it holds a whole block. So
 * with blocks of 32 bytes any 64-byte window is found. A block has at least 12 bytes. Blocks of fewer than 8 different
 * bytes are left out: they are runs of zeros and small numbers, which are everywhere. */
#ifndef BULLA_TESTS_NEEDLES_H
#define BULLA_TESTS_NEEDLES_H

#include <stddef.h>
#include <stdint.h>

struct needle {
    char name[48];
    const uint8_t *data; /* of the caller */
    size_t size, block;
    size_t found; /* how many of its blocks were seen, counting each sight */
};

struct needles {
    struct needle *list;
    size_t count;
    struct needle_block *blocks;
    size_t block_count, blocks_most;
    uint32_t *table;  /* open addressing; 0: free, else block + 1 */
    uint64_t *begins; /* a Bloom filter of what blocks begin with, three bits in one word: it keeps the rest from being
                         read */
    unsigned bits;
};

void needles_add(struct needles *set, const char *name, const void *data, size_t size, size_t block);
/* After the last needle, before the first search. */
void needles_index(struct needles *set);
void needles_free(struct needles *set);
/* Searches a piece of memory: `seen` is called for each block in it. Pieces overlap by NEEDLES_OVERLAP. */
enum { NEEDLES_OVERLAP = 31 };
void needles_search(const struct needles *set, const uint8_t *data, size_t size,
    void (*seen)(void *context, struct needle *needle, size_t at), void *context);

#endif
