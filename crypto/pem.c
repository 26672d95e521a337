#include "pem.h"

#include "library.h"

#define BEGIN "-----BEGIN "
#define END "-----END "
#define DASHES "-----"

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

bool bulla_pem_looks_like(struct bulla_bytes bytes)
{
    if (bytes.size == 0)
        return false;
    uint8_t first = bytes.data[0];
    return first == '-' || first == '#' || first == '\n' || is_space(first);
}

/* The next line without its end and the white space before that; `rest` moves behind it. */
static bool next_line(struct bulla_bytes *rest, struct bulla_bytes *line)
{
    if (rest->size == 0)
        return false;
    const uint8_t *end = memchr(rest->data, '\n', rest->size);
    size_t size = end ? (size_t)(end - rest->data) : rest->size;
    size_t taken = end ? size + 1 : size;
    *line = (struct bulla_bytes){rest->data, size};
    *rest = (struct bulla_bytes){rest->data + taken, rest->size - taken};
    while (line->size > 0 && is_space(line->data[line->size - 1]))
        line->size--;
    return true;
}

static bool take_text(struct bulla_bytes *line, const char *text)
{
    size_t size = strlen(text);
    if (line->size < size || memcmp(line->data, text, size) != 0)
        return false;
    *line = (struct bulla_bytes){line->data + size, line->size - size};
    return true;
}

static bool is_boundary(struct bulla_bytes line, const char *word, const char *label)
{
    return take_text(&line, word) && take_text(&line, label) && take_text(&line, DASHES) && line.size == 0;
}

/* Up to the line that begins a block; false at the end of the text. */
static enum bulla_reason find_begin(struct bulla_bytes *rest, const char *label, const char *what, bool *found)
{
    struct bulla_bytes line;
    *found = false;
    while (!*found && next_line(rest, &line)) {
        *found = is_boundary(line, BEGIN, label);
        if (!*found && line.size > 0 && line.data[0] != '#')
            return bulla_refuse(BULLA_MALFORMED, "%s: text outside PEM blocks of the label %s", what, label);
    }
    return BULLA_OK;
}

/* The lines before the end of the block, in one piece. */
static enum bulla_reason find_end(
    struct bulla_bytes *rest, const char *label, const char *what, struct bulla_bytes *base64)
{
    struct bulla_bytes line;
    *base64 = (struct bulla_bytes){rest->data, 0};
    while (next_line(rest, &line)) {
        if (is_boundary(line, END, label))
            return BULLA_OK;
        base64->size = (size_t)(rest->data - base64->data);
    }
    return bulla_refuse(BULLA_TRUNCATED, "%s: a PEM block of the label %s has no end", what, label);
}

/* libsodium takes some bytes above 0x7f for letters of the alphabet. */
static bool is_ascii(struct bulla_bytes text)
{
    uint8_t all = 0;
    for (size_t i = 0; i < text.size; i++)
        all |= text.data[i];
    return all < 0x80;
}

enum bulla_reason bulla_pem_next(struct bulla_bytes *rest, const char *label, const char *what, uint8_t *memory,
    size_t capacity, struct bulla_bytes *der)
{
    bool found = false;
    size_t size = 0;
    struct bulla_bytes base64;
    *der = (struct bulla_bytes){NULL, 0};
    BULLA_TRY(find_begin(rest, label, what, &found));
    if (!found)
        return BULLA_OK;
    BULLA_TRY(find_end(rest, label, what, &base64));
    bulla_sodium_ready();
    const char *end = NULL;
    const char *text = (const char *)base64.data;
    int failed =
        sodium_base642bin(memory, capacity, text, base64.size, "\r\n \t", &size, &end, sodium_base64_VARIANT_ORIGINAL);
    if (failed && base64.size / 4 * 3 > capacity)
        return bulla_refuse(BULLA_TOO_LARGE, "%s: a PEM block of more than %zu bytes", what, capacity);
    if (failed || size == 0 || end != text + base64.size || !is_ascii(base64))
        return bulla_refuse(BULLA_MALFORMED, "%s: a PEM block that is no base64", what);
    *der = (struct bulla_bytes){memory, size};
    return BULLA_OK;
}
