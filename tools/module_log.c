#include "module_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exit.h"
#include "output.h"

enum { LINE_LARGEST = 2048 };

/* The program's own log, in memory, or -1; and what of it was copied to standard error, where the user wants it. */
static struct {
    int file;
    bool wanted;
    off_t copied;
} own = {.file = -1};

/* The size of the user's file before this call. */
static off_t before;

void bulla_module_log_begin(void)
{
    const char *place = getenv("BULLA_LOG");
    char path[32];
    struct stat info;
    if (own.file >= 0)
        return;
    if (place && *place == '/') {
        before = stat(place, &info) == 0 ? info.st_size : 0;
        return;
    }
    own.wanted = place && *place;
    own.file = memfd_create("bulla-log", MFD_CLOEXEC);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", own.file);
    if (own.file >= 0 && setenv("BULLA_LOG", path, 1) != 0) {
        (void)close(own.file);
        own.file = -1;
    }
}

void bulla_module_log_end(void)
{
    char text[LINE_LARGEST];
    ssize_t got;
    while (own.wanted && own.file >= 0 && (got = pread(own.file, text, sizeof text, own.copied)) > 0) {
        (void)fwrite(text, 1, (size_t)got, stderr);
        own.copied += got;
    }
}

/* The end of the log, of what this call has added; a place that can't be read back, like a terminal, gives nothing. */
static bool log_read(char text[static LINE_LARGEST])
{
    const char *place = getenv("BULLA_LOG");
    int file = place ? open(place, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
    off_t size = file >= 0 ? lseek(file, 0, SEEK_END) : 0;
    off_t from = size - before >= LINE_LARGEST ? size - LINE_LARGEST + 1 : before;
    ssize_t got = size > from ? pread(file, text, (size_t)(size - from), from) : 0;
    text[got > 0 ? got : 0] = '\0';
    if (file >= 0)
        (void)close(file);
    return got > 0;
}

/* The last line that is the module's, without its newline: "bulla: TOKEN: EVENT: DETAIL (CODE); REMEDY". */
static char *last_line(char text[static LINE_LARGEST])
{
    char *last = NULL, *rest = NULL;
    if (!log_read(text))
        return NULL;
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
