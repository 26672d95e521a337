/* What tests of processes on one token judge answers by: objects that one process each changes at random, and in memory
 * that all processes share what became of them.
 *
 * Before a call that changes an object its writer notes the state that is to be, and the number of changes `begun`;
 * after it, `ended`. A reader notes `ended` before its call and `begun` after it; the states from the one to the other
 * are all that it may have met. Where a writer was killed in a change, both states may be met until the next one, who
 * has looked which it is. */
#ifndef BULLA_TESTS_ORACLE_H
#define BULLA_TESTS_ORACLE_H

#include "module_fixture.h"

#include <stdatomic.h>

enum { OBJECTS = 12, LABELS = 4, NAMES = 2, HISTORY = 128, WRITERS = 2 };

struct state {
    bool exists, signs;
    bool is_public; /* who is not logged in sees it, too */
    unsigned incarnation, label, name;
};

struct history {
    atomic_ulong begun, ended;
    struct state states[HISTORY];
};

struct oracle {
    atomic_bool stop, failed;
    atomic_ulong changes[WRITERS], answers, unjudged;
    atomic_ulong kills; /* each of which may have left an object of the noise behind */
    char failure[256];
    struct history objects[OBJECTS];
};
/* Mapped by the test before it forks. */
extern struct oracle *oracle;

/* A state by its number; to be believed while fewer than HISTORY were begun after it. */
struct state oracle_state(unsigned object, unsigned long number);
/* Of a process that may assert nothing: ends the play, and says why. */
void oracle_blame(const char *what, unsigned object, unsigned long number);
bool oracle_did(const char *what, unsigned object, CK_RV rv); /* the same where it is not CKR_OK */
const char *oracle_label(unsigned label);
void oracle_name(unsigned object, unsigned name, char text[static 16]);

/* A writer's process until `stop`, of the objects whose number is `which` modulo WRITERS; its exit status. */
int oracle_write(unsigned which, unsigned seed);
/* A data object of the token that comes and goes. */
void oracle_noise(CK_SESSION_HANDLE session, const char *label);

/* A session of a child's own, with the user logged in. */
CK_RV oracle_start(CK_SESSION_HANDLE *session);
CK_RV oracle_find(
    CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, size_t count, CK_OBJECT_HANDLE *first, unsigned long *found);
unsigned random_below(unsigned *seed, unsigned bound);
void oracle_rest(unsigned microseconds);

#endif
