#include "real_documents.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/folder.h"

struct bulla_bytes real_document(const char *name)
{
    char path[4096];
    size_t size = 0;
    (void)snprintf(path, sizeof path, "%s/tests/vectors/%s", BULLA_SOURCE_FOLDER, name);
    uint8_t *data = test_file_read(path, &size);
    if (!data)
        abort();
    return (struct bulla_bytes){data, size};
}

struct bulla_bytes real_documents(const char *first, const char *second)
{
    REAL_DOCUMENT struct bulla_bytes left = real_document(first);
    REAL_DOCUMENT struct bulla_bytes right = real_document(second);
    uint8_t *data = malloc(left.size + right.size);
    if (!data)
        abort();
    memcpy(data, left.data, left.size);
    memcpy(data + left.size, right.data, right.size);
    return (struct bulla_bytes){data, left.size + right.size};
}

void real_document_free(struct bulla_bytes *document)
{
    free((void *)(uintptr_t)document->data);
    *document = (struct bulla_bytes){NULL, 0};
}

uint8_t *real_document_copy(struct bulla_bytes document)
{
    uint8_t *copy = malloc(document.size);
    if (!copy)
        abort();
    memcpy(copy, document.data, document.size);
    return copy;
}
