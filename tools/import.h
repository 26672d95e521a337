/* Bringing a token's objects into another: import.c does it object by object, import_wrap.c what must be wrapped for
 * the way, import_report.c tells what became of each. */
#ifndef BULLA_TOOLS_IMPORT_H
#define BULLA_TOOLS_IMPORT_H

#include <jansson.h>

#include "carried.h"
#include "client.h"
#include "source.h"

struct bulla_import_settings {
    struct bulla_common common;            /* the target */
    const char *module, *token, *pin_file; /* the source */
    bool dry_run;
};

enum bulla_import_result { BULLA_IMPORT_BROUGHT, BULLA_IMPORT_PRESENT, BULLA_IMPORT_LEFT, BULLA_IMPORT_RESULTS };

/* What became of one object. */
struct bulla_import_row {
    enum bulla_import_result result;
    bool unwrapped;
    bool split;                  /* it may no longer wrap and unwrap */
    char why[BULLA_DETAIL_SIZE]; /* of what is left behind */
    char notes[256];             /* what is not as it was at the source, or should be known */
};

struct bulla_import_wrapping {
    CK_OBJECT_HANDLE source_key, target_key;
    bool tried; /* to make them */
    char why[BULLA_DETAIL_SIZE];
};

struct bulla_import {
    const struct bulla_import_settings *settings;
    struct bulla_client target;
    struct bulla_source source;
    CK_OBJECT_HANDLE *objects; /* of the source */
    size_t count;
    CK_OBJECT_HANDLE *claimed; /* of the target: each is the counterpart of one object only */
    size_t claimed_count;
    struct bulla_import_wrapping wrapping;
    json_t *rows;
    size_t totals[BULLA_IMPORT_RESULTS];
};

/* Whether a code is about the object, and the next one may fare better. */
bool bulla_import_is_objects_own(CK_RV result);

/* Whether a refused template has something to give way in, which is then changed in it: usages that bulla does not let
 * one key have together. */
bool bulla_import_yield(CK_RV result, CK_ATTRIBUTE *template, CK_ULONG count, struct bulla_import_row *row);

/* Wraps at the source under a key that both sides have for this session, and unwraps in the token. What is about the
 * object alone, or about what the two tokens have in common, goes to row->why and leaves BULLA_OK. With --dry-run it is
 * only looked at whether there is a way. */
enum bulla_reason bulla_import_wrapped(struct bulla_import *import, CK_OBJECT_HANDLE object,
    struct bulla_carried *carried, struct bulla_import_row *row, CK_OBJECT_HANDLE *made) BULLA_MUST_USE;
/* Destroys the wrapping keys. */
void bulla_import_wrapping_end(struct bulla_import *import);

/* Adds the row to what is told at the end. */
void bulla_import_tell(struct bulla_import *import, struct bulla_carried *carried, const struct bulla_import_row *row);
/* The rows for people, or the document. */
void bulla_import_rows_say(const struct bulla_import *import);
enum bulla_reason bulla_import_document(struct bulla_import *import) BULLA_MUST_USE;

#endif
