/* The mappings are those of /proc/PID/smaps, the bytes those of /proc/PID/mem. Pages that /proc/PID/pagemap calls
 * neither present nor swapped hold nothing of the process. AddressSanitizer's shadow, terabytes of one byte for every
 * eight of the program, is left out by its size. */
#include "search.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 1 << 20, PAGE = 4096 };
static const uint64_t largest = (uint64_t)1 << 36;

struct mapping {
    uint64_t start, end;
    char access[5], name[96], flags[128];
};
struct search {
    const struct needles *const *sets;
    size_t set_count;
    struct sights *sights;
    const struct mapping *mapping; /* NULL in a file */
    uint64_t base;                 /* address of the piece */
    uint8_t *buffer;
};

static bool is_guarded(const struct mapping *mapping)
{
    return mapping && strstr(mapping->flags, " lo") && strstr(mapping->flags, " dd") && strstr(mapping->flags, " wf");
}

static void seen(void *context, struct needle *needle, size_t at)
{
    struct search *search = context;
    struct sights *sights = search->sights;
    bool guarded = is_guarded(search->mapping);
    needle->found++;
    sights->total++;
    sights->guarded += guarded;
    if (guarded || sights->first_count == sizeof sights->first / sizeof *sights->first)
        return;
    struct sight *sight = &sights->first[sights->first_count++];
    sight->needle = needle;
    sight->address = (unsigned long)(search->base + at);
    if (search->mapping)
        (void)snprintf(sight->mapping, sizeof sight->mapping, "%.80s %s%.60s", search->mapping->name,
            search->mapping->access, search->mapping->flags);
    else
        (void)snprintf(sight->mapping, sizeof sight->mapping, "file");
}

static void search_piece(struct search *search, size_t size)
{
    search->sights->searched += size;
    for (size_t i = 0; i < search->set_count; i++)
        needles_search(search->sets[i], search->buffer, size, seen, search);
}

/* Whether a page of the piece holds anything; true when that can't be told. */
static bool is_there(int pagemap, uint64_t start, size_t size)
{
    static uint64_t pages[PIECE / PAGE + 1];
    size_t bytes = (size + PAGE - 1) / PAGE * sizeof *pages;
    ssize_t got = pread(pagemap, pages, bytes, (off_t)(start / PAGE * sizeof *pages));
    if (got != (ssize_t)bytes)
        return true;
    for (size_t i = 0; i < bytes / sizeof *pages; i++)
        if (pages[i] >> 62)
            return true;
    return false;
}

/* Reads in pieces whose overlap is searched twice, so that nothing is missed across them: a block that lies wholly in
 * the overlap is counted twice, which only the count shows. */
static void search_mapping(struct search *search, int memory, int pagemap)
{
    const struct mapping *mapping = search->mapping;
    for (uint64_t at = mapping->start; at < mapping->end; at += PIECE) {
        uint64_t from = at == mapping->start ? at : at - NEEDLES_OVERLAP;
        size_t size = mapping->end - at < PIECE ? (size_t)(mapping->end - from) : (size_t)(at + PIECE - from);
        if (!is_there(pagemap, at, size))
            continue;
        ssize_t got = pread(memory, search->buffer, size, (off_t)from);
        search->base = from;
        if (got > 0)
            search_piece(search, (size_t)got);
    }
}

static bool is_header(const char *line, struct mapping *mapping)
{
    int at = 0;
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %n", &mapping->start, &mapping->end, mapping->access,
            &at) < 3 ||
        at == 0)
        return false;
    (void)snprintf(mapping->name, sizeof mapping->name, "%.*s", (int)strcspn(line + at, "\n"), line + at);
    return true;
}

static bool is_wanted(const struct mapping *mapping)
{
    return mapping->access[0] == 'r' && strncmp(mapping->name, "[v", 2) != 0 && mapping->end - mapping->start < largest;
}

static bool search_all(struct search *search, FILE *smaps, int memory, int pagemap)
{
    char line[512];
    struct mapping mapping = {0}, next;
    while (fgets(line, sizeof line, smaps)) {
        if (is_header(line, &next))
            mapping = next;
        if (strncmp(line, "VmFlags:", 8) != 0) /* the last line of each */
            continue;
        (void)snprintf(mapping.flags, sizeof mapping.flags, "%.*s", (int)strcspn(line + 8, "\n"), line + 8);
        search->mapping = &mapping;
        if (is_wanted(&mapping))
            search_mapping(search, memory, pagemap);
    }
    return search->sights->searched > 0;
}

bool search_process(pid_t process, const struct needles *const *sets, size_t set_count, struct sights *sights)
{
    char path[64];
    *sights = (struct sights){0};
    struct search search = {sets, set_count, sights, NULL, 0, malloc(PIECE + NEEDLES_OVERLAP)};
    (void)snprintf(path, sizeof path, "/proc/%d/smaps", (int)process);
    FILE *smaps = fopen(path, "r");
    (void)snprintf(path, sizeof path, "/proc/%d/mem", (int)process);
    int memory = open(path, O_RDONLY | O_CLOEXEC);
    (void)snprintf(path, sizeof path, "/proc/%d/pagemap", (int)process);
    int pagemap = open(path, O_RDONLY | O_CLOEXEC);
    bool done = smaps && memory >= 0 && search.buffer && search_all(&search, smaps, memory, pagemap);
    if (smaps)
        (void)fclose(smaps);
    (void)close(memory);
    (void)close(pagemap);
    free(search.buffer);
    return done;
}

bool search_file(const char *path, const struct needles *const *sets, size_t set_count, struct sights *sights)
{
    *sights = (struct sights){0};
    struct search search = {sets, set_count, sights, NULL, 0, malloc(PIECE + NEEDLES_OVERLAP)};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool done = file >= 0 && search.buffer;
    for (off_t at = 0; done; at += PIECE) {
        ssize_t got = pread(file, search.buffer, PIECE + NEEDLES_OVERLAP, at);
        if (got <= 0)
            break;
        search.base = (uint64_t)at;
        search_piece(&search, (size_t)got);
    }
    (void)close(file);
    free(search.buffer);
    return done && sights->searched > 0;
}

void search_print(const char *title, const struct sights *sights)
{
    (void)fprintf(stderr, "%s: %zu MiB searched, seen %zu times, %zu of them in guarded memory\n", title,
        sights->searched >> 20, sights->total, sights->guarded);
    for (size_t i = 0; i < sights->first_count; i++)
        (void)fprintf(stderr, "  %s at %lx in %s\n", sights->first[i].needle->name, sights->first[i].address,
            sights->first[i].mapping);
}
