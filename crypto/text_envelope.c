/* The envelope is read by hand: a JSON library would leave copies of a key on its heap. */
#include "text_envelope.h"

#include <sodium.h>

/* The next byte that is not blank, still to be read; 0 at the end. */
static uint8_t peek(struct bulla_bytes *text)
{
    while (text->size && (*text->data == ' ' || *text->data == '\t' || *text->data == '\n' || *text->data == '\r'))
        *text = (struct bulla_bytes){text->data + 1, text->size - 1};
    return text->size ? *text->data : 0;
}

static bool take(struct bulla_bytes *text, uint8_t wanted)
{
    if (peek(text) != wanted || !text->size)
        return false;
    *text = (struct bulla_bytes){text->data + 1, text->size - 1};
    return true;
}

/* What stands between two quotation marks, as it is written. */
static bool take_string(struct bulla_bytes *text, struct bulla_bytes *string)
{
    size_t at = 0;
    if (!take(text, '"'))
        return false;
    while (at < text->size && text->data[at] != '"' && text->data[at] >= ' ')
        at += text->data[at] == '\\' ? 2 : 1;
    if (at >= text->size || text->data[at] != '"')
        return false;
    *string = (struct bulla_bytes){text->data, at};
    *text = (struct bulla_bytes){text->data + at + 1, text->size - at - 1};
    return true;
}

static bool read_member(struct bulla_bytes *text, struct bulla_text_envelope *envelope)
{
    static const char *const names[] = {"type", "description", "cborHex"};
    struct bulla_bytes *const places[] = {&envelope->type, &envelope->description, &envelope->cbor_hex};
    struct bulla_bytes name, value;
    if (!take_string(text, &name) || !take(text, ':') || !take_string(text, &value))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (bulla_bytes_equal_text(name, names[i]) && !places[i]->data) {
            *places[i] = value;
            return true;
        }
    return false;
}

bool bulla_text_envelope_read(struct bulla_bytes text, struct bulla_text_envelope *envelope)
{
    *envelope = (struct bulla_text_envelope){{NULL, 0}, {NULL, 0}, {NULL, 0}};
    if (!take(&text, '{'))
        return false;
    do {
        if (!read_member(&text, envelope))
            return false;
    } while (take(&text, ','));
    return take(&text, '}') && !peek(&text) && !text.size && envelope->type.data && envelope->cbor_hex.data;
}

enum bulla_reason bulla_text_envelope_cbor(
    const struct bulla_text_envelope *envelope, const char *what, uint8_t *cbor, size_t room, size_t *size)
{
    const struct bulla_bytes hex = envelope->cbor_hex;
    *size = 0;
    if (hex.size / 2 > room)
        return bulla_refuse(BULLA_MALFORMED, "%s: its cborHex has %zu bytes, more than %zu", what, hex.size / 2, room);
    if (hex.size % 2 || sodium_hex2bin(cbor, room, (const char *)hex.data, hex.size, NULL, size, NULL) != 0 ||
        *size != hex.size / 2)
        return bulla_refuse(BULLA_MALFORMED, "%s: its cborHex is not hexadecimal", what);
    return BULLA_OK;
}

static void write_text(struct bulla_writer *writer, const char *text)
{
    bulla_write_bytes(writer, BULLA_TEXT(text));
}

/* By libsodium, which looks nothing up by what may be a key's bits. Its closing zero becomes the quotation mark. */
static void write_hex(struct bulla_writer *writer, struct bulla_bytes bytes)
{
    size_t size = 2 * bytes.size + 1;
    uint8_t *place = bulla_write_space(writer, size);
    if (!place)
        return;
    (void)sodium_bin2hex((char *)place, size, bytes.data, bytes.size);
    place[size - 1] = '"';
}

void bulla_text_envelope_write(
    const char *type, const char *description, struct bulla_bytes cbor, struct bulla_writer *writer)
{
    write_text(writer, "{\n    \"type\": \"");
    write_text(writer, type);
    write_text(writer, "\",\n    \"description\": \"");
    write_text(writer, description);
    write_text(writer, "\",\n    \"cborHex\": \"");
    write_hex(writer, cbor);
    write_text(writer, "\n}\n");
}
