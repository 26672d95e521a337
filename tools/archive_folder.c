/* The walk: which files of a folder make a model, and in which order they are sealed. */
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "archive.h"

/* What is left out, by how its name ends, with the word that people get. Order does not matter; first match. */
static const struct {
    const char *ending;
    const char *why;
} left_out[] = {
    {".bin", "PyTorch weights; safetensors are sealed"},
    {".pt", "PyTorch weights; safetensors are sealed"},
    {".pth", "PyTorch weights; safetensors are sealed"},
    {".h5", "TensorFlow weights; safetensors are sealed"},
    {".ot", "Rust weights; safetensors are sealed"},
    {".msgpack", "Flax weights; safetensors are sealed"},
    {".onnx", "ONNX model; safetensors are sealed"},
    {".gguf", "GGUF model; safetensors are sealed"},
    {".tflite", "TensorFlow Lite model; safetensors are sealed"},
    {".md", "documentation"},
};
static const char *const folders_left_out[] = {"onnx", "openvino", "coreml", "node_modules"};
static const char *const endings_taken[] = {".json", ".txt", ".safetensors"};

static bool ends_with(const char *name, const char *ending)
{
    size_t size = strlen(name);
    size_t tail = strlen(ending);
    return size > tail && strcmp(name + size - tail, ending) == 0;
}

static bool is_taken(const char *name)
{
    for (size_t i = 0; i < sizeof endings_taken / sizeof *endings_taken; i++)
        if (ends_with(name, endings_taken[i]))
            return true;
    return false;
}

static bool is_weights(const char *name)
{
    return ends_with(name, ".safetensors");
}

static const char *why_left_out(const char *name)
{
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (ends_with(name, left_out[i].ending))
            return left_out[i].why;
    return "not a part of a model";
}

static const char *why_folder_left_out(const FTSENT *entry)
{
    if (entry->fts_level > 0 && entry->fts_name[0] == '.')
        return "hidden";
    for (size_t i = 0; entry->fts_level > 0 && i < sizeof folders_left_out / sizeof *folders_left_out; i++)
        if (strcmp(entry->fts_name, folders_left_out[i]) == 0)
            return "another format of the model";
    return NULL;
}

static enum bulla_reason file_add(struct bulla_archive *archive, const char *name, uint64_t size)
{
    if (archive->count == BULLA_ARCHIVE_FILES)
        return bulla_refuse(BULLA_MODEL_MALFORMED, "%s has more than %d files that belong to a model", archive->folder,
            BULLA_ARCHIVE_FILES);
    if (strlen(name) > BULLA_ARCHIVE_NAME)
        return bulla_refuse(BULLA_MODEL_MALFORMED, "the name %.80s… is longer than %d bytes", name, BULLA_ARCHIVE_NAME);
    struct bulla_archive_file *file = &archive->files[archive->count++];
    memset(file, 0, sizeof *file);
    memcpy(file->name, name, strlen(name));
    file->size = size;
    archive->bytes += size;
    return BULLA_OK;
}

struct walk {
    struct bulla_archive *archive;
    size_t prefix; /* of the folder's own path in fts_path */
    void (*ignored)(const char *name, const char *why);
};

static void entry_ignore(const struct walk *walk, const char *name, const char *why)
{
    if (walk->ignored)
        walk->ignored(name, why);
}

static enum bulla_reason file_consider(const struct walk *walk, const FTSENT *entry, const char *name)
{
    if (entry->fts_name[0] == '.')
        entry_ignore(walk, name, "hidden");
    else if (is_taken(name))
        return file_add(walk->archive, name, (uint64_t)entry->fts_statp->st_size);
    else
        entry_ignore(walk, name, why_left_out(name));
    return BULLA_OK;
}

static enum bulla_reason entry_consider(const struct walk *walk, FTS *tree, FTSENT *entry)
{
    const char *name = entry->fts_path + walk->prefix;
    while (*name == '/')
        name++;
    if (entry->fts_info == FTS_F)
        return file_consider(walk, entry, name);
    if (entry->fts_info == FTS_D && why_folder_left_out(entry)) {
        entry_ignore(walk, name, why_folder_left_out(entry));
        (void)fts_set(tree, entry, FTS_SKIP);
    }
    if (entry->fts_info == FTS_SLNONE || entry->fts_info == FTS_DEFAULT || entry->fts_info == FTS_DC)
        entry_ignore(walk, name, "not a file");
    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS)
        return bulla_refuse(BULLA_FILE, "%s: %s", entry->fts_path, strerror(entry->fts_errno));
    return BULLA_OK;
}

static int rank(const char *name)
{
    if (strcmp(name, "config.json") == 0)
        return 0;
    return is_weights(name) ? 2 : 1;
}

static int file_compare(const void *left, const void *right)
{
    const struct bulla_archive_file *a = left;
    const struct bulla_archive_file *b = right;
    int difference = rank(a->name) - rank(b->name);
    return difference ? difference : strcmp(a->name, b->name);
}

/* The files are sorted: config.json is first, weights are last, if they are there at all. */
static enum bulla_reason collection_check(const struct bulla_archive *archive)
{
    if (archive->count == 0 || rank(archive->files[0].name) != 0)
        return bulla_refuse(
            BULLA_MODEL_MALFORMED, "%s has no config.json: name the folder that holds it", archive->folder);
    if (!is_weights(archive->files[archive->count - 1].name))
        return bulla_refuse(BULLA_MODEL_MALFORMED, "%s has no *.safetensors weights", archive->folder);
    return BULLA_OK;
}

enum bulla_reason bulla_archive_collect(
    struct bulla_archive *archive, const char *folder, void (*ignored)(const char *name, const char *why))
{
    char *whole = realpath(folder, NULL);
    enum bulla_reason reason = BULLA_OK;
    memset(archive, 0, sizeof *archive);
    if (!whole || snprintf(archive->folder, sizeof archive->folder, "%s", whole) >= (int)sizeof archive->folder) {
        free(whole);
        return bulla_refuse(BULLA_FILE, "the folder %s: %s", folder, strerror(errno));
    }
    char *roots[] = {whole, NULL};
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    struct walk walk = {archive, strlen(whole), ignored};
    errno = 0;
    for (FTSENT *entry = tree ? fts_read(tree) : NULL; entry && reason == BULLA_OK; entry = fts_read(tree))
        reason = entry_consider(&walk, tree, entry);
    if (reason == BULLA_OK && (!tree || errno))
        reason = bulla_refuse(BULLA_FILE, "walking the folder %s: %s", folder, strerror(errno));
    if (tree)
        (void)fts_close(tree);
    free(whole);
    BULLA_TRY(reason);
    qsort(archive->files, archive->count, sizeof *archive->files, file_compare);
    return collection_check(archive);
}
