/* The schema of token.db and the way from an older one. */
#ifndef BULLA_STORE_SCHEMA_H
#define BULLA_STORE_SCHEMA_H

#include <sqlite3.h>
#include <stdint.h>

#include "crypto/reason.h"

/* "bull", in the header of the file (PRAGMA application_id). */
enum { BULLA_STORE_APPLICATION = 0x62756c6c };

/* Steps lead from version i + 1 to i + 2: steps[0] is the SQL that makes a version 2 of a version 1. */
struct bulla_schema_steps {
    const char *const *texts;
    int count;
};

/* The steps of this version of bulla. */
extern const struct bulla_schema_steps bulla_schema_steps;

/* BULLA_STORE_MISSING for a database in which nothing was made yet, _CORRUPT for one that is not bulla's, _NEWER. */
enum bulla_reason bulla_schema_version(sqlite3 *database, int newest, int *version) BULLA_MUST_USE;
/* Makes schema and state in an empty database, in one transaction. */
enum bulla_reason bulla_schema_create(sqlite3 *database) BULLA_MUST_USE;
/* From `version` to the last of the steps, in one transaction, after a backup to token.db.schema-<version> beside it.
 * The caller holds the folder's lock. */
enum bulla_reason bulla_schema_migrate(sqlite3 *database, int folder, const char *path, int version,
    const struct bulla_schema_steps *steps) BULLA_MUST_USE;
/* Refuses a schema that is not this version's, word for word: a file brings no triggers, views or defaults of its own.
 */
enum bulla_reason bulla_schema_check(sqlite3 *database) BULLA_MUST_USE;
/* Removes the backups; what a store held is gone then. */
enum bulla_reason bulla_schema_forget_backups(int folder) BULLA_MUST_USE;

#endif
