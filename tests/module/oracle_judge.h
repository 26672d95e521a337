/* How the answers of readers beside oracle.h's writers are judged, and the play that both are in. */
#ifndef BULLA_TESTS_ORACLE_JUDGE_H
#define BULLA_TESTS_ORACLE_JUDGE_H

#include "oracle.h"

/* The states that a call may have met. */
struct span {
    unsigned long from[OBJECTS], to[OBJECTS];
};
void span_begin(struct span *span); /* before the call */
void span_end(struct span *span);   /* after it */

typedef bool property(const struct state *state, const void *context);
property state_has_label, state_has_name; /* of an unsigned */
property state_exists;

/* Whether the property was true of some state of the span, and of all of them. */
void span_count(const struct span *span, unsigned object, property *is, const void *context, bool *may, bool *must);
/* Whether what was asked of the states is still what they were. */
bool span_judged(const struct span *span, unsigned object);
/* Blames an answer that nothing in the span explains. */
void span_must_be_possible(
    const char *what, const struct span *span, unsigned object, property *is, const void *context);
void span_must_be_as_many(
    const char *what, const struct span *span, property *is, const void *context, unsigned long found);

/* Writers, some of them killed and replaced where `kill_them` says so, beside processes of these readers, for
 * BULLA_TEST_SECONDS, or a minute with BULLA_TEST_LONG, or 3 seconds, from BULLA_TEST_SEED, or another one each time.
 * `reads` is a child's, until `stop`; its exit status. */
typedef int oracle_reads(unsigned which, unsigned seed);
void oracle_play(oracle_reads *reads, bool kill_them);

#endif
