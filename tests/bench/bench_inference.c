/* Times packing and embedding: bench_inference FOLDER [rounds]. One line of JSON for each row, minima in milliseconds:
 *   {"engine": "bulla avx512f", "batch": 1, "tokens": 16, "threads": 1, "ms": …}
 * Token ids are arbitrary; their number is what costs. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "inference/engine.h"
#include "support/folder.h"

enum { FILES_MAX = 16, NAME_MAX_SIZE = 320 };

static struct bulla_model_file list[FILES_MAX];
static char names[FILES_MAX][NAME_MAX_SIZE];
static struct bulla_model_files files = {list, 0};

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec * 1e-6;
}

static void give_up(const char *what)
{
    (void)fprintf(stderr, "bench_inference: %s\n", what);
    exit(1);
}

/* Zeroed pages, as the module's locked ones: huge where the system has them. */
static void *pages(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        give_up("no memory");
    (void)madvise(at, size, MADV_HUGEPAGE);
    memset(at, 0, size);
    return at;
}

static void read_folder(const char *folder, const char *below)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, below);
    DIR *open = opendir(path);
    for (const struct dirent *entry; open && (entry = readdir(open)) && files.count < FILES_MAX;) {
        struct bulla_model_file *file = &list[files.count];
        char *name = names[files.count];
        (void)snprintf(name, NAME_MAX_SIZE, "%s%s", below, entry->d_name);
        (void)snprintf(path, sizeof path, "%s/%s", folder, name);
        if (!(file->data = test_file_read(path, &file->size)))
            continue;
        file->name = name;
        files.count++;
    }
    if (open)
        (void)closedir(open);
}

static const struct bulla_model *load(struct bulla_pool *pool, void *memory, size_t bytes)
{
    const struct bulla_model *model;
    struct bulla_inference_error error;
    if (!bulla_model_load(&files, memory, bytes, pool, &model, &error))
        give_up(error.text);
    return model;
}

static void row(const char *what, unsigned batch, unsigned tokens, unsigned threads, double ms)
{
    printf(
        "{\"engine\": \"bulla %s\", \"what\": \"%s\", \"batch\": %u, \"tokens\": %u, \"threads\": %u, \"ms\": %.3f}\n",
        bulla_kernels_name(), what, batch, tokens, threads, ms);
    (void)fflush(stdout);
}

static void time_batch(
    const struct bulla_model *model, unsigned sequences, unsigned tokens, struct bulla_pool *pool, double budget)
{
    struct bulla_inference_error error;
    size_t dimension = bulla_model_facts(model)->dimension;
    uint32_t *ids = calloc((size_t)sequences * tokens, sizeof *ids);
    uint32_t *offsets = calloc(sequences + 1, sizeof *offsets);
    float *embeddings = calloc(sequences * dimension, sizeof *embeddings);
    if (!ids || !offsets || !embeddings)
        give_up("no memory");
    for (unsigned i = 0; i < sequences * tokens; i++)
        ids[i] = 1000 + i * 37 % 20000;
    for (unsigned i = 0; i <= sequences; i++)
        offsets[i] = i * tokens;
    struct bulla_token_batch batch = {ids, offsets, sequences};
    size_t bytes = bulla_model_workspace(model, &batch);
    void *workspace = pages(bytes);
    double best = 1e9;
    double end = now() + budget;
    for (int i = 0; i < 3 || now() < end; i++) {
        double start = now();
        if (!bulla_model_embed(model, &batch, workspace, bytes, pool, embeddings, &error))
            give_up(error.text);
        double taken = now() - start;
        best = taken < best ? taken : best;
    }
    row("embed", sequences, tokens, bulla_pool_threads(pool), best);
    (void)munmap(workspace, bytes);
    free(embeddings);
    free(offsets);
    free(ids);
}

int main(int count, char **arguments)
{
    static const struct {
        unsigned sequences, tokens;
        double budget; /* milliseconds */
    } shapes[] = {{1, 16, 300}, {1, 128, 600}, {1, 256, 600}, {32, 128, 2500}};
    if (count < 2)
        give_up("usage: bench_inference FOLDER");
    read_folder(arguments[1], "");
    read_folder(arguments[1], "model/");
    size_t bytes;
    struct bulla_inference_error error;
    if (!bulla_model_measure(&files, &bytes, &error))
        give_up(error.text);
    void *memory = pages(bytes);
    for (unsigned threads = 1; threads <= 2; threads++) {
        struct bulla_pool *pool = bulla_pool_open(threads);
        const struct bulla_model *model = NULL;
        double best = 1e9;
        for (int i = 0; i < 5; i++) {
            double start = now();
            model = load(pool, memory, bytes);
            double taken = now() - start;
            best = taken < best ? taken : best;
        }
        row("load", 0, 0, threads, best);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            time_batch(model, shapes[i].sequences, shapes[i].tokens, pool, shapes[i].budget);
        bulla_pool_close(pool);
    }
    (void)munmap(memory, bytes);
    for (size_t i = 0; i < files.count; i++)
        free((void *)(uintptr_t)list[i].data);
    return 0;
}
