/* Leaves that fail on demand, and the array of schemes that compose.c would define. */
#ifndef BULLA_TESTS_FAKE_LEAVES_H
#define BULLA_TESTS_FAKE_LEAVES_H

#include "release/leaf.h"

/* Schemes "one", "two" … "six" and "attesting" keep the share in the clear; they open unless told otherwise here. */
struct fake_leaf {
    enum bulla_reason refuses; /* BULLA_OK: opens */
    bool wrong_share;          /* opens with another share */
    unsigned opened;           /* how often open was called */
    char last_path[BULLA_LEAF_PATH_LARGEST];
};
enum { FAKE_ONE, FAKE_TWO, FAKE_THREE, FAKE_FOUR, FAKE_FIVE, FAKE_SIX, FAKE_ATTESTING, FAKE_COUNT };
extern struct fake_leaf fake_leaves[FAKE_COUNT];
/* Of every fake: what sealing answers, and how much it writes before the rest (-1: nothing at all). */
extern enum bulla_reason fake_seal_reason;
extern int fake_seal_padding;
void fake_leaves_reset(void);

#endif
