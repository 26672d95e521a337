#include "tpm_vectors.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/folder.h"

struct bulla_bytes tpm_vector(const char *name, uint8_t memory[static TPM_VECTOR_LARGEST])
{
    char path[4096];
    size_t size = 0;
    (void)snprintf(path, sizeof path, "%s/tests/vectors/tpm/%s", BULLA_SOURCE_FOLDER, name);
    unsigned char *file = test_file_read(path, &size);
    if (!file || size > TPM_VECTOR_LARGEST) {
        (void)fprintf(stderr, "tests: %s can't be read\n", path);
        abort();
    }
    memcpy(memory, file, size);
    free(file);
    return (struct bulla_bytes){memory, size};
}
