/* What the tests of the audit log share: a log in a fresh folder, and two keys that may sign its heads.
 *
 * The keys are the program's; the folder is the test's, made and removed around it by AUDIT_TEST. Whatever a helper
 * can't do fails the test, but for audit_verify, whose answer is what most tests are about. Allocated is what
 * audit_contents and audit_line return: the caller frees it. */
#ifndef BULLA_TESTS_AUDIT_FIXTURE_H
#define BULLA_TESTS_AUDIT_FIXTURE_H

#include "support/test.h"

#include "evidence/audit.h"
#include "signers.h"
#include "support/folder.h"

extern struct test_ed25519 audit_key, audit_other_key; /* the token's, and one that is not */
extern char audit_folder[64], audit_path[128];         /* the log's path in the folder; no file stands there yet */

int audit_keys_make(void **state); /* of the group: the same keys in every run */
int audit_begin(void **state);
int audit_end(void **state);

#define AUDIT_TEST(name) cmocka_unit_test_setup_teardown(name, audit_begin, audit_end)

/* The log, opened or made; closed by the caller. */
struct bulla_audit *audit_opened(void);
/* Appends an event with the fields object = `text` and uses = 41, not durably. */
void audit_append(struct bulla_audit *audit, const char *event, const char *text);
/* Three events and a head with counter 5, then two events. */
void audit_write_log(void);
/* Verifies the log under audit_key, without a counter to reach. */
enum bulla_reason audit_verify(struct bulla_audit_summary *summary);

/* The whole log, with a zero byte behind it that *size does not count. */
char *audit_contents(size_t *size);
/* Line `number` (from 0) of `text`, without its newline; the line must be there, and end. */
char *audit_line(const char *text, unsigned number);

#endif
