#include "manifest.h"

#include "crypto/cbor.h"
#include "crypto/cipher.h"

/* Sizes are bounded so that sums cannot overflow: 64 files of at most 2^48 bytes. */
static const uint64_t file_largest = (uint64_t)1 << 48;

static bool name_is_harmless(struct bulla_bytes name)
{
    size_t part = 0;
    for (size_t i = 0; i <= name.size; i++) {
        if (i < name.size && name.data[i] != '/') {
            if (name.data[i] < 0x20 || name.data[i] == '\\' || name.data[i] == 0x7f)
                return false;
            continue;
        }
        size_t size = i - part;
        if (size == 0 || (size == 1 && name.data[part] == '.') || (size == 2 && memcmp(name.data + part, "..", 2) == 0))
            return false;
        part = i + 1;
    }
    return true;
}

static enum bulla_reason read_file(const struct bulla_cbor *entry, struct bulla_manifest_file *file)
{
    struct bulla_cbor name, size, digest;
    struct bulla_cbor_walk walk = bulla_cbor_inside(entry);
    if (entry->kind != BULLA_CBOR_ARRAY || entry->number != 3 || !bulla_cbor_next(&walk, &name) ||
        !bulla_cbor_next(&walk, &size) || !bulla_cbor_next(&walk, &digest) || name.kind != BULLA_CBOR_TSTR ||
        size.kind != BULLA_CBOR_UINT || digest.kind != BULLA_CBOR_BSTR || digest.string.size != 32)
        return bulla_refuse(BULLA_MODEL_MALFORMED, "a file of the manifest is not [name, size, sha256]");
    if (name.string.size == 0 || name.string.size > BULLA_MANIFEST_NAME || !name_is_harmless(name.string))
        return bulla_refuse(BULLA_MODEL_MALFORMED, "a file's name in the manifest leads out of the folder");
    if (size.number > file_largest)
        return bulla_refuse(BULLA_TOO_LARGE, "a file of %llu bytes", (unsigned long long)size.number);
    memcpy(file->name, name.string.data, name.string.size);
    file->name[name.string.size] = '\0';
    file->size = size.number;
    memcpy(file->sha256, digest.string.data, 32);
    return BULLA_OK;
}

static enum bulla_reason read_files(const struct bulla_cbor *files, struct bulla_manifest *manifest)
{
    struct bulla_cbor entry;
    struct bulla_cbor_walk walk = bulla_cbor_inside(files);
    if (files->number == 0 || files->number > BULLA_MANIFEST_FILES)
        return bulla_refuse(BULLA_MODEL_MALFORMED, "%llu files: a model has 1 to %d", (unsigned long long)files->number,
            BULLA_MANIFEST_FILES);
    while (bulla_cbor_next(&walk, &entry)) {
        struct bulla_manifest_file *file = &manifest->files[manifest->count];
        BULLA_TRY(read_file(&entry, file));
        for (unsigned i = 0; i < manifest->count; i++)
            if (strcmp(manifest->files[i].name, file->name) == 0)
                return bulla_refuse(BULLA_DUPLICATE, "the manifest names %s twice", file->name);
        file->offset = manifest->archive_size;
        manifest->archive_size += file->size;
        manifest->count++;
    }
    return BULLA_OK;
}

enum bulla_reason bulla_manifest_read(struct bulla_bytes bytes, struct bulla_manifest *manifest)
{
    struct bulla_cbor map, files, version;
    const struct bulla_cbor_field fields[] = {
        {.text_key = "files", .kind = BULLA_CBOR_ARRAY, .value = &files},
        {.text_key = "version", .kind = BULLA_CBOR_UINT, .value = &version, .smallest = 1, .largest = 1},
    };
    manifest->count = 0;
    manifest->archive_size = 4 + bytes.size;
    BULLA_TRY(bulla_cbor_decode(bytes, "the manifest", &map));
    BULLA_TRY(bulla_cbor_fields(&map, fields, 2, "the manifest"));
    BULLA_TRY(read_files(&files, manifest));
    bulla_sha256(bytes, manifest->digest);
    return BULLA_OK;
}
