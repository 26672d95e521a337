#include "values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "output.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum bulla_reason bulla_hex_parse(const char *text, const char *what, struct bulla_hex *hex)
{
    size_t digits = strlen(text);
    if (digits % 2 || digits / 2 > sizeof hex->data)
        return bulla_refuse(BULLA_ARGUMENT, "%s: %zu hex digit%s; an even number up to %zu is needed", what, digits,
            bulla_plural(digits), 2 * sizeof hex->data);
    for (size_t i = 0; i < digits / 2; i++) {
        int high = hex_digit(text[2 * i]);
        int low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return bulla_refuse(BULLA_ARGUMENT, "%s: '%.2s' at digit %zu is not hex", what, text + 2 * i, 2 * i + 1);
        hex->data[i] = (uint8_t)(high << 4 | low);
    }
    hex->size = digits / 2;
    return BULLA_OK;
}

void bulla_hex_write(const uint8_t *data, size_t size, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[data[i] >> 4];
        text[2 * i + 1] = digits[data[i] & 15];
    }
    text[2 * size] = '\0';
}

enum bulla_reason bulla_number_parse(
    const char *text, const char *what, uint64_t least, uint64_t most, uint64_t *number)
{
    uint64_t value = 0;
    bool bad = *text == '\0';
    for (const char *at = text; *at && !bad; at++)
        bad = *at < '0' || *at > '9' || __builtin_mul_overflow(value, 10, &value) ||
              __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value);
    if (bad || value < least || (most && value > most))
        return most ? bulla_refuse(BULLA_ARGUMENT, "%s: '%s' is not a number from %llu to %llu", what, text,
                          (unsigned long long)least, (unsigned long long)most)
                    : bulla_refuse(BULLA_ARGUMENT, "%s: '%s' is not a number of at least %llu", what, text,
                          (unsigned long long)least);
    *number = value;
    return BULLA_OK;
}

/* --- one function for each kind --- */

static enum bulla_reason flag_store(const struct bulla_option *row, const char *text, void *at)
{
    (void)row;
    (void)text;
    *(bool *)at = true;
    return BULLA_OK;
}

static enum bulla_reason text_store(const struct bulla_option *row, const char *text, void *at)
{
    if (*text == '\0')
        return bulla_refuse(BULLA_ARGUMENT, "--%s is empty: %s", row->name, row->value);
    *(const char **)at = text;
    return BULLA_OK;
}

static enum bulla_reason kept_store(const struct bulla_option *row, const char *text, void *at)
{
    if (bulla_file_is_output(text))
        return bulla_refuse(BULLA_ARGUMENT, "--%s '-': it is kept in a file, name one", row->name);
    return text_store(row, text, at);
}

static enum bulla_reason number_store(const struct bulla_option *row, const char *text, void *at)
{
    char what[64];
    (void)snprintf(what, sizeof what, "--%s", row->name);
    return bulla_number_parse(text, what, row->least, row->most, at);
}

enum { NAMED_LARGEST = 4096 };

/* "@FILE": the digits are what stands in that file. */
static enum bulla_reason hex_read(const char *path, const char *what, struct bulla_hex *hex)
{
    uint8_t *data = NULL;
    size_t size = 0;
    char text[NAMED_LARGEST + 1];
    BULLA_TRY(bulla_file_read(path, NAMED_LARGEST, &data, &size));
    memcpy(text, data, size);
    bulla_file_free(data, size);
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        size--;
    text[size] = '\0';
    return bulla_hex_parse(text, what, hex);
}

static enum bulla_reason hex_store(const struct bulla_option *row, const char *text, void *at)
{
    struct bulla_hex *hex = at;
    char what[64];
    (void)snprintf(what, sizeof what, "--%s", row->name);
    BULLA_TRY(*text == '@' ? hex_read(text + 1, what, hex) : bulla_hex_parse(text, what, hex));
    if (hex->size < row->least || hex->size > row->most)
        return row->least == row->most
                   ? bulla_refuse(BULLA_ARGUMENT, "--%s: %zu byte%s; %llu are needed", row->name, hex->size,
                         bulla_plural(hex->size), (unsigned long long)row->least)
                   : bulla_refuse(BULLA_ARGUMENT, "--%s: %zu byte%s; %llu to %llu are needed", row->name, hex->size,
                         bulla_plural(hex->size), (unsigned long long)row->least, (unsigned long long)row->most);
    return BULLA_OK;
}

static enum bulla_reason list_store(const struct bulla_option *row, const char *text, void *at)
{
    struct bulla_list *list = at;
    if (list->count == BULLA_LIST_LARGEST)
        return bulla_refuse(BULLA_ARGUMENT, "--%s is given more than %d times", row->name, BULLA_LIST_LARGEST);
    list->items[list->count++] = text;
    return BULLA_OK;
}

static enum bulla_reason (*const stores[])(const struct bulla_option *row, const char *text, void *at) = {
    [BULLA_OPTION_FLAG] = flag_store,
    [BULLA_OPTION_TEXT] = text_store,
    [BULLA_OPTION_OUTPUT] = text_store,
    [BULLA_OPTION_KEPT] = kept_store,
    [BULLA_OPTION_NUMBER] = number_store,
    [BULLA_OPTION_HEX] = hex_store,
    [BULLA_OPTION_LIST] = list_store,
};

enum bulla_reason bulla_value_store(const struct bulla_option *row, const char *text, void *settings)
{
    if ((unsigned)row->kind >= BULLA_COUNT(stores))
        return bulla_refuse(BULLA_INTERNAL, "--%s has a kind without a parser", row->name);
    return stores[row->kind](row, text, (uint8_t *)settings + row->offset);
}
