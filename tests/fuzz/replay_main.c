/* Runs a fuzz target over every file of the folders given, where there is no fuzzer: each file whole, and each of its
 * beginnings up to 4 KiB, in memory of exactly that size, so that a sanitizer sees a step too far. */
#include <dirent.h>
#include <string.h>

#include "fuzz.h"

enum { PREFIX_LARGEST = 4096 };

static void run(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        abort();
    memcpy(exact, data, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(1 << 20);
    if (!file || !data) {
        perror(path);
        abort();
    }
    size_t size = fread(data, 1, 1 << 20, file);
    for (size_t cut = 0; cut < size && cut < PREFIX_LARGEST; cut++)
        run(data, cut);
    run(data, size);
    (void)fclose(file);
    free(data);
}

static unsigned run_folder(const char *folder)
{
    DIR *listing = opendir(folder);
    unsigned count = 0;
    if (!listing) {
        perror(folder);
        return 0;
    }
    for (const struct dirent *entry; (entry = readdir(listing));) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        run_file(path);
        count++;
    }
    (void)closedir(listing);
    return count;
}

/* A folder without files is a failure: nothing was tried. */
int main(int argc, char **argv)
{
    int status = argc > 1 ? 0 : 1;
    for (int i = 1; i < argc; i++) {
        unsigned count = run_folder(argv[i]);
        (void)printf("%s: %u files\n", argv[i], count);
        status |= count == 0;
    }
    return status;
}
