#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit.h"

/* The process has one standard output, and this is its state. */
static struct {
    bool json, quiet, printed;
    bool colours_out, colours_error;
    char remedy[BULLA_DETAIL_SIZE];
} output;

static const char *const escapes[] = {
    [1] = "\033[32m", [2] = "\033[31m", [3] = "\033[33m", [4] = "\033[1m", [5] = "\033[2m", [6] = "\033[0m"};

void bulla_output_clean(const char *text, bool colours, char *clean, size_t size)
{
    size_t used = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at && used + 1 < size; at++) {
        if (*at < sizeof escapes / sizeof *escapes) {
            size_t length = colours ? strlen(escapes[*at]) : 0;
            if (used + length + 1 > size)
                break;
            memcpy(clean + used, escapes[*at], length);
            used += length;
        } else if ((*at < 0x20 && *at != '\n' && *at != '\t') || *at == 0x7f) {
            clean[used++] = '?';
        } else if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) { /* C1 in UTF-8 */
            clean[used++] = '?';
            at++;
        } else {
            clean[used++] = (char)*at;
        }
    }
    clean[used] = '\0';
}

static bool colours_for(int file)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(file) && (!no_color || !*no_color) && terminal && strcmp(terminal, "dumb") != 0;
}

void bulla_output_open(bool json, bool quiet)
{
    output.json = json;
    output.quiet = quiet;
    output.colours_out = colours_for(STDOUT_FILENO);
    output.colours_error = colours_for(STDERR_FILENO);
}

bool bulla_output_json_wanted(void)
{
    return output.json;
}

bool bulla_output_quiet(void)
{
    return output.quiet;
}

__attribute__((format(printf, 3, 0))) static void print_clean(
    FILE *stream, bool colours, const char *format, va_list arguments)
{
    char *text = NULL;
    int length = vasprintf(&text, format, arguments);
    if (length < 0)
        return;
    size_t size = (size_t)length * 6 + 1; /* a mark becomes at most five bytes */
    char *clean = malloc(size);
    if (clean) {
        bulla_output_clean(text, colours, clean, size);
        (void)fputs(clean, stream); /* bulla_output_finish looks at the stream's error */
    }
    free(clean);
    free(text);
}

void bulla_say(const char *format, ...)
{
    if (output.json)
        return;
    va_list arguments;
    va_start(arguments, format);
    print_clean(stdout, output.colours_out, format, arguments);
    va_end(arguments);
}

void bulla_say_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_clean(stderr, output.colours_error, format, arguments);
    va_end(arguments);
}

void bulla_remark(const char *format, ...)
{
    if (output.quiet)
        return;
    (void)fputs("bulla: ", stderr);
    va_list arguments;
    va_start(arguments, format);
    print_clean(stderr, output.colours_error, format, arguments);
    va_end(arguments);
    (void)fputs("\n", stderr);
}

enum bulla_reason bulla_output_document(json_t *document)
{
    if (!document)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "building the JSON document");
    if (output.json) {
        output.printed = true;
        (void)json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        (void)fputs("\n", stdout);
    }
    json_decref(document);
    return BULLA_OK;
}

void bulla_output_remedy(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(output.remedy, sizeof output.remedy, format, arguments);
    va_end(arguments);
}

void bulla_output_refusal(const char *command, enum bulla_reason reason)
{
    const char *remedy = output.remedy[0] ? output.remedy : bulla_reason_remedy(reason);
    const char *detail = bulla_detail()[0] ? bulla_detail() : bulla_reason_code(reason);
    bulla_say_error("%s: " BULLA_BAD "%s" BULLA_PLAIN " (%s)\n", command, detail, bulla_reason_code(reason));
    if (*remedy && reason != BULLA_ARGUMENT)
        bulla_say_error("  %s\n", remedy);
    if (!output.json || output.printed)
        return;
    json_t *error = json_pack("{s:{s:s,s:s,s:s,s:i}}", "error", "reason", bulla_reason_code(reason), "detail", detail,
        "remedy", remedy, "status", (int)bulla_exit_of(reason));
    if (bulla_output_document(error) != BULLA_OK)
        bulla_say_error("%s: no JSON could be printed\n", command);
}

enum bulla_reason bulla_output_finish(void)
{
    bool failed = fflush(stdout) != 0 || ferror(stdout);
    return failed ? bulla_refuse(BULLA_FILE, "writing to standard output: %s", strerror(errno)) : BULLA_OK;
}
