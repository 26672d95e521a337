/* Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours each cost 1. Words are short,
 * so the whole table of (length + 1)² bytes stands on the stack. */
#include "options.h"

#include <string.h>

enum { WORD_LARGEST = 31 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    unsigned cost[WORD_LARGEST + 1][WORD_LARGEST + 1];
    for (size_t i = 0; i <= a_size; i++)
        cost[i][0] = (unsigned)i;
    for (size_t j = 0; j <= b_size; j++)
        cost[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_size; i++)
        for (size_t j = 1; j <= b_size; j++) {
            unsigned same = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            cost[i][j] = least(same, least(cost[i - 1][j], cost[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                cost[i][j] = least(cost[i][j], cost[i - 2][j - 2] + 1);
        }
    return cost[a_size][b_size];
}

const char *bulla_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t size = strlen(word);
    if (size == 0 || size > WORD_LARGEST)
        return NULL;
    /* A third of the word may be wrong, and one letter of a short one. */
    unsigned smallest = (unsigned)(size < 6 ? 1 : size / 3) + 1;
    for (size_t i = 0; i < count; i++) {
        size_t candidate_size = strlen(candidates[i]);
        if (candidate_size > WORD_LARGEST)
            continue;
        unsigned cost = distance(word, size, candidates[i], candidate_size);
        if (cost < smallest) {
            smallest = cost;
            nearest = candidates[i];
        }
    }
    return nearest;
}
