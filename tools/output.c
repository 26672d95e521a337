/* A line may hold texts that somebody wants to keep to himself: what it is composed in is wiped. */
#include "output.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/arena.h"
#include "crypto/bytes.h"
#include "exit.h"
#include "options.h"

/* The process has one standard output, and this is its state. */
static struct {
    bool json, quiet, printed, given;
    bool colours_out, colours_error;
    char remedy[BULLA_DETAIL_SIZE];
} output;

static const char *const escapes[] = {
    [1] = "\033[32m", [2] = "\033[31m", [3] = "\033[33m", [4] = "\033[1m", [5] = "\033[2m", [6] = "\033[0m"};

/* A byte that the format brought is a mark or a line's end; one that an argument brought is text and no more. Returns
 * how many bytes of text this took. */
static size_t byte_clean(const unsigned char *at, bool own, bool colours, struct bulla_writer *clean)
{
    bool mark = own && *at < BULLA_COUNT(escapes);
    bool control = *at < 0x20 || *at == 0x7f;
    bool c1 = *at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0; /* in UTF-8 */
    if (mark && colours)
        bulla_write_bytes(clean, BULLA_TEXT(escapes[*at]));
    else if (!mark && (c1 || (control && !own)))
        bulla_write_u8(clean, '?');
    else if (!mark)
        bulla_write_u8(clean, *at);
    return c1 ? 2 : 1;
}

void bulla_output_clean(const char *text, char *clean, size_t size)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, clean, size - 1);
    for (const unsigned char *at = (const unsigned char *)text; *at && writer.size < size - 1;)
        at += byte_clean(at, false, false, &writer);
    clean[writer.size] = '\0';
}

/* The format with other characters, never '%', for its control characters: what it makes differs from what the format
 * makes where the format's own stand, and nowhere else. */
static char *format_shadow(const char *format)
{
    char *shadow = strdup(format);
    for (char *at = shadow; at && *at; at++)
        *at = (char)(*at > 0 && *at < 0x20 ? *at ^ 0x40 : *at);
    return shadow;
}

static void wiped_free(char *text)
{
    if (text)
        bulla_wipe(text, strlen(text));
    free(text);
}

/* Without vasprintf, which leaves what it moves. */
__attribute__((format(printf, 1, 0))) static char *print_fresh(const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = size >= 0 ? malloc((size_t)size + 1) : NULL;
    if (text)
        (void)vsnprintf(text, (size_t)size + 1, format, arguments);
    return text;
}

__attribute__((format(printf, 1, 0))) static char *print_shadow(const char *format, va_list arguments)
{
    char *shadow = format_shadow(format);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    char *text = shadow ? print_fresh(shadow, arguments) : NULL; /* the same conversions */
#pragma GCC diagnostic pop
    free(shadow);
    return text;
}

char *bulla_output_compose(bool colours, const char *format, va_list arguments)
{
    struct bulla_writer writer;
    va_list again;
    va_copy(again, arguments);
    char *text = print_fresh(format, arguments);
    char *shadow = print_shadow(format, again);
    va_end(again);
    bool whole = text && shadow && strlen(text) == strlen(shadow);
    size_t room = whole ? strlen(text) * 5 : 0; /* a mark becomes at most five bytes */
    char *clean = whole ? malloc(room + 1) : NULL;
    bulla_writer_open(&writer, clean, clean ? room : 0);
    for (size_t at = 0; clean && text[at];)
        at += byte_clean((const unsigned char *)text + at, text[at] != shadow[at], colours, &writer);
    if (clean)
        clean[writer.size] = '\0';
    wiped_free(text);
    wiped_free(shadow);
    return clean;
}

static bool colours_for(int file)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(file) && (!no_color || !*no_color) && terminal && strcmp(terminal, "dumb") != 0;
}

/* jansson's copies go as this program's own do: a document may hold embeddings, which tell of the texts. */
static void json_free(void *memory)
{
    if (memory)
        bulla_wipe(memory, malloc_usable_size(memory));
    free(memory);
}

void bulla_output_open(bool json, bool quiet)
{
    json_set_alloc_funcs(malloc, json_free);
    output.json = json;
    output.quiet = quiet;
    output.colours_out = colours_for(STDOUT_FILENO);
    output.colours_error = colours_for(STDERR_FILENO);
}

void bulla_output_give(void)
{
    output.given = true;
}

static FILE *stream_said(void)
{
    return output.given ? stderr : stdout;
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
    char *text = bulla_output_compose(colours, format, arguments);
    if (text)
        (void)fputs(text, stream); /* bulla_output_finish looks at the stream's error */
    wiped_free(text);
}

void bulla_say(const char *format, ...)
{
    if (output.json)
        return;
    va_list arguments;
    va_start(arguments, format);
    print_clean(stream_said(), output.given ? output.colours_error : output.colours_out, format, arguments);
    va_end(arguments);
}

/* Line by line, so that each end is the format's. */
void bulla_say_own(const char *text)
{
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1)
        bulla_say("%.*s\n", (int)(end - text), text);
    bulla_say("%s", text);
}

const char *bulla_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
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
        size_t ascii =
            isatty(fileno(stream_said())) ? JSON_ENSURE_ASCII : 0; /* jansson leaves C1 as it is, a terminal doesn't */
        (void)json_dumpf(document, stream_said(), JSON_INDENT(2) | JSON_REAL_PRECISION(9) | ascii);
        (void)fputs("\n", stream_said());
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
