/* A list of checks that people can follow: what was checked, what came of it, and the first that failed. */
#ifndef BULLA_TOOLS_CHECKS_H
#define BULLA_TOOLS_CHECKS_H

#include <jansson.h>
#include <stdbool.h>

#include "crypto/reason.h"

struct bulla_checks {
    json_t *rows;             /* [{"check", "result": "ok"|"failed"|"not checked", "detail"}] */
    enum bulla_reason failed; /* of the first failure; BULLA_OK: none */
    char detail[BULLA_DETAIL_SIZE];
};

enum bulla_reason bulla_checks_open(struct bulla_checks *checks) BULLA_MUST_USE;
void bulla_checks_close(struct bulla_checks *checks);

/* Each prints its line and returns whether it passed. */
bool bulla_checks_passed(struct bulla_checks *checks, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The thread's detail becomes the line's. A reason whose exit status is not "not verified" counts as
 * BULLA_RECEIPT_INVALID, so that whatever fails here ends with that status. */
bool bulla_checks_failed(struct bulla_checks *checks, const char *name, enum bulla_reason reason);
void bulla_checks_skipped(struct bulla_checks *checks, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The first failure again, with its detail; BULLA_OK when everything passed. */
enum bulla_reason bulla_checks_result(const struct bulla_checks *checks) BULLA_MUST_USE;

#endif
