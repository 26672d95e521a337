/* A reading of safetensors that owes nothing to the module's. Its copies live until they are released. */
#include "weights.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/folder.h"

enum { BLOCK = 32 };

static float values[65536];

/* IEEE 754 binary16 by its definition: sign, exponent (bias 15), fraction. */
static float half_value(unsigned half)
{
    unsigned exponent = half >> 10 & 31, fraction = half & 1023;
    float value = exponent ? (float)(fraction + 1024) : (float)fraction;
    for (unsigned i = exponent ? exponent : 1; i < 25; i++)
        value /= 2;
    for (unsigned i = 25; i < exponent; i++)
        value *= 2;
    return half >> 15 ? -value : value;
}

enum { HELD_MOST = 1024 };
static void *held[HELD_MOST];
static size_t held_count;

static void *hold(void *memory)
{
    if (!memory || held_count == HELD_MOST)
        abort();
    return held[held_count++] = memory;
}

void weights_release(void)
{
    while (held_count)
        free(held[--held_count]);
}

static void add_tensor(struct needles *set, const char *name, const uint8_t *data, size_t rows, size_t columns)
{
    char title[48];
    size_t count = rows * columns;
    float *plain = hold(malloc(count * sizeof *plain)), *turned = hold(malloc(count * sizeof *turned));
    for (size_t i = 0; i < count; i++) {
        plain[i] = values[data[2 * i] | data[2 * i + 1] << 8];
        turned[i % columns * rows + i / columns] = plain[i];
    }
    const char *tail = strlen(name) > 36 ? name + strlen(name) - 36 : name;
    (void)snprintf(title, sizeof title, "f16 %s", tail);
    needles_add(set, title, data, count * 2, BLOCK);
    (void)snprintf(title, sizeof title, "f32 %s", tail);
    needles_add(set, title, plain, count * sizeof *plain, BLOCK);
    (void)snprintf(title, sizeof title, "columns %s", tail);
    if (rows > 1)
        needles_add(set, title, turned, count * sizeof *turned, BLOCK);
}

static void add_entry(struct needles *set, const char *name, const json_t *entry, const uint8_t *data, size_t size)
{
    const json_t *shape = json_object_get(entry, "shape"), *offsets = json_object_get(entry, "data_offsets");
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    if (!type || strcmp(type, "F16") != 0) /* __metadata__, position_ids */
        return;
    size_t dimensions = json_array_size(shape);
    size_t start = (size_t)json_integer_value(json_array_get(offsets, 0));
    size_t last = dimensions ? (size_t)json_integer_value(json_array_get(shape, dimensions - 1)) : 0;
    size_t rows = dimensions == 2 ? (size_t)json_integer_value(json_array_get(shape, 0)) : 1;
    if (dimensions > 2 || rows * last == 0 || start + rows * last * 2 > size)
        abort();
    add_tensor(set, name, data + start, rows, last);
}

bool weights_add(struct needles *set, const char *path)
{
    size_t size = 0;
    uint64_t header = 0;
    for (unsigned i = 0; i < 65536; i++)
        values[i] = half_value(i);
    uint8_t *file = test_file_read(path, &size);
    if (file)
        (void)hold(file);
    if (file && size > sizeof header)
        memcpy(&header, file, sizeof header);
    json_t *table = header && header < size - 8 ? json_loadb((char *)file + 8, (size_t)header, 0, NULL) : NULL;
    const char *name;
    json_t *entry;
    json_object_foreach(table, name, entry) add_entry(set, name, entry, file + 8 + header, size - 8 - (size_t)header);
    json_decref(table);
    return table && set->count > 0;
}
