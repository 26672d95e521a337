#include "checks.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "exit.h"
#include "output.h"

enum bulla_reason bulla_checks_open(struct bulla_checks *checks)
{
    memset(checks, 0, sizeof *checks);
    checks->rows = json_array();
    return checks->rows ? BULLA_OK : bulla_refuse(BULLA_OUT_OF_MEMORY, "for the list of checks");
}

void bulla_checks_close(struct bulla_checks *checks)
{
    json_decref(checks->rows);
    checks->rows = NULL;
}

static void row_add(struct bulla_checks *checks, const char *name, const char *result, const char *detail)
{
    json_t *row = json_pack("{s:s,s:s,s:s}", "check", name, "result", result, "detail", detail);
    if (!row) /* the detail quoted bytes that are not UTF-8 */
        row = json_pack("{s:s,s:s}", "check", name, "result", result);
    (void)json_array_append_new(checks->rows, row);
}

bool bulla_checks_passed(struct bulla_checks *checks, const char *name, const char *format, ...)
{
    char detail[BULLA_DETAIL_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    row_add(checks, name, "ok", detail);
    bulla_say(BULLA_GOOD "ok         " BULLA_PLAIN " %s: %s\n", name, detail);
    return true;
}

void bulla_checks_skipped(struct bulla_checks *checks, const char *name, const char *format, ...)
{
    char detail[BULLA_DETAIL_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    row_add(checks, name, "not checked", detail);
    bulla_say(BULLA_WARN "not checked" BULLA_PLAIN " %s: %s\n", name, detail);
}

bool bulla_checks_failed(struct bulla_checks *checks, const char *name, enum bulla_reason reason)
{
    row_add(checks, name, "failed", bulla_detail());
    bulla_say(BULLA_BAD "failed     " BULLA_PLAIN " %s: %s\n", name, bulla_detail());
    if (checks->failed == BULLA_OK) {
        checks->failed = bulla_exit_of(reason) == BULLA_EXIT_UNVERIFIED ? reason : BULLA_RECEIPT_INVALID;
        (void)snprintf(checks->detail, sizeof checks->detail, "%s: %.400s", name, bulla_detail());
    }
    return false;
}

enum bulla_reason bulla_checks_result(const struct bulla_checks *checks)
{
    return checks->failed == BULLA_OK ? BULLA_OK : bulla_refuse(checks->failed, "%s", checks->detail);
}
