#include "error.h"

#include <stdarg.h>
#include <stdio.h>

bool bulla_inference_refuse(
    struct bulla_inference_error *error, enum bulla_inference_reason reason, const char *format, ...)
{
    if (!error)
        return false;
    error->reason = reason;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return false;
}
