#include "reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct reason_row {
    const char *code;
    const char *remedy;
};

static const struct reason_row rows[] = {
#define BULLA_REASON(name, code, remedy) [BULLA_##name] = {code, remedy},
#include "reasons.h"
#undef BULLA_REASON
};

static _Thread_local char detail[BULLA_DETAIL_SIZE];

enum bulla_reason(bulla_refuse)(enum bulla_reason reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    return reason;
}

enum bulla_reason(bulla_refuse_within)(enum bulla_reason reason, const char *format, ...)
{
    char inner[BULLA_DETAIL_SIZE];
    memcpy(inner, detail, sizeof inner);
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    if (used >= 0 && (size_t)used < sizeof detail)
        (void)snprintf(detail + used, sizeof detail - (size_t)used, "%s", inner);
    return reason;
}

static const struct reason_row *reason_row(enum bulla_reason reason)
{
    return (unsigned)reason < BULLA_REASON_COUNT ? &rows[reason] : &rows[BULLA_INTERNAL];
}

const char *bulla_reason_code(enum bulla_reason reason)
{
    return reason_row(reason)->code;
}

const char *bulla_reason_remedy(enum bulla_reason reason)
{
    return reason_row(reason)->remedy;
}

const char *bulla_detail(void)
{
    return detail;
}

void bulla_detail_clear(void)
{
    detail[0] = '\0';
}

void bulla_detail_keep(struct bulla_detail_kept *kept)
{
    memcpy(kept->text, detail, sizeof detail);
}

void bulla_detail_restore(const struct bulla_detail_kept *kept)
{
    memcpy(detail, kept->text, sizeof detail);
}
