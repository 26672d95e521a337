/* A token with one key that evolves, labelled "kes", by either keeper, for tests of a program's own: cmocka's set up
 * and tear down, and what most of these tests do with it. */
#ifndef BULLA_TESTS_FLOW_KES_FIXTURE_H
#define BULLA_TESTS_FLOW_KES_FIXTURE_H

#include "kes.h"

extern int depth;  /* of the key; 0, the standard one, unless main says another */
extern bool kills; /* processes die in these tests, main says, and leave in the TPM what they had loaded */
extern CK_OBJECT_HANDLE public_key, key;
extern uint8_t vk[32];
extern char backup[128], current[128]; /* folders beside the token's, for copies of it */

int set_up(void **state); /* W in a file */
int set_up_tpm(void **state);
int tear_down(void **state);
/* cmocka's rows: the test by the one keeper and by the other. */
#define PLAIN(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TPM(name)                                                                                                      \
    {                                                                                                                  \
#name " (tpm)", name, set_up_tpm, tear_down, NULL                                                              \
    }

void make_key(void);
/* The token's objects after flow_close or another process's work. */
void reopen(void);
/* Of a key of the standard depth. */
void assert_signs_in(CK_ULONG period);
/* A process signs in period 0, and has that state in memory; then, after `meddle` (NULL: nothing), another process
 * evolves the key to period 2. The first one's next signature is of period 2, and it evolves to none before. */
void evolve_beside_a_signer(void (*meddle)(void *context), void *context);
void take_backup(void);
void put_file_back(const char *name);

#endif
