#include "module_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "exit.h"
#include "output.h"

enum { LINE_LARGEST = 2048 };

static int log_file = -1;

void bulla_module_log_begin(void)
{
    char path[32];
    if (log_file >= 0 || getenv("BULLA_LOG"))
        return;
    log_file = memfd_create("bulla-log", MFD_CLOEXEC);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", log_file);
    if (log_file >= 0 && setenv("BULLA_LOG", path, 1) != 0) {
        (void)close(log_file);
        log_file = -1;
    }
}

/* The last line that is the module's, without its newline: "bulla: TOKEN: EVENT: DETAIL (CODE); REMEDY". */
static char *last_line(char text[static LINE_LARGEST])
{
    off_t size = log_file >= 0 ? lseek(log_file, 0, SEEK_END) : 0;
    off_t from = size >= LINE_LARGEST ? size - LINE_LARGEST + 1 : 0;
    ssize_t got = size > 0 ? pread(log_file, text, (size_t)(size - from), from) : 0;
    char *last = NULL, *rest = NULL;
    text[got > 0 ? got : 0] = '\0';
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (strncmp(line, "bulla: ", 7) == 0)
            last = line;
    return last;
}

/* Cuts the line at "(CODE); REMEDY" and gives both. */
static enum bulla_reason split(char *line, const char **remedy)
{
    for (char *open = line; (open = strstr(open, " (")) != NULL; open++) {
        char *close = strstr(open, "); ");
        char code[64];
        size_t size = close ? (size_t)(close - open - 2) : sizeof code;
        if (size >= sizeof code)
            continue;
        memcpy(code, open + 2, size);
        code[size] = '\0';
        enum bulla_reason reason = bulla_reason_of_code(code);
        if (reason == BULLA_REASON_COUNT || reason == BULLA_OK)
            continue;
        *open = '\0';
        *remedy = close + 3;
        return reason;
    }
    return BULLA_REASON_COUNT;
}

enum bulla_reason bulla_module_log_refuse(enum bulla_reason reason, const char *doing, const char *otherwise)
{
    char text[LINE_LARGEST];
    const char *remedy = NULL;
    char *line = last_line(text);
    enum bulla_reason said = line ? split(line, &remedy) : BULLA_REASON_COUNT;
    if (said == BULLA_REASON_COUNT)
        return bulla_refuse(reason, "%s: %s", doing, otherwise);
    bulla_output_remedy("%s", remedy);
    return bulla_refuse(said, "%s: %s", doing, line + 7);
}
