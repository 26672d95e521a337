/* The manifest that an archive begins with: names stay inside the folder, sizes add up. */
#include "fuzz.h"

#include <string.h>

#include "mech/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bulla_manifest manifest;
    if (bulla_manifest_read((struct bulla_bytes){data, size}, &manifest) != BULLA_OK)
        return 0;
    uint64_t total = 4 + size;
    FUZZ_CHECK(manifest.count >= 1 && manifest.count <= BULLA_MANIFEST_FILES);
    for (unsigned i = 0; i < manifest.count; i++) {
        const struct bulla_manifest_file *file = &manifest.files[i];
        FUZZ_CHECK(memchr(file->name, 0, sizeof file->name) && file->name[0] && file->name[0] != '/');
        FUZZ_CHECK(!strstr(file->name, "/../") && strncmp(file->name, "../", 3) != 0);
        FUZZ_CHECK(file->offset == total);
        total += file->size;
    }
    FUZZ_CHECK(manifest.archive_size == total);
    return 0;
}
