#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"

static int digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
    if (!at)
        abort();
    return (int)(at - digits);
}

size_t test_hex(const char *hex, uint8_t *out, size_t size)
{
    size_t count = strlen(hex) / 2;
    if (strlen(hex) % 2 || count > size)
        abort();
    for (size_t i = 0; i < count; i++)
        out[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    return count;
}

uint8_t *test_hex_bytes(const char *hex, size_t *size)
{
    uint8_t *bytes = malloc(strlen(hex) / 2 + 1);
    if (!bytes)
        abort();
    *size = test_hex(hex, bytes, strlen(hex) / 2);
    return bytes;
}

unsigned char *test_vector_file(const char *name, size_t *size)
{
    char path[4096];
    const char *folder = getenv("BULLA_VECTORS");
    (void)snprintf(path, sizeof path, "%s/%s", folder ? folder : BULLA_SOURCE_FOLDER "/../shared/vectors", name);
    return test_file_read(path, size);
}
