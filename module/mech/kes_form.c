/* The envelope is a JSON object of three strings, of which one is the key in hexadecimal. It is read in place, by hand:
 * a JSON library would leave copies of the key on its heap. */
#include <sodium.h>
#include <stdio.h>

#include "crypto/kes_certificate.h"
#include "kes.h"

static enum bulla_reason refuse_form(const char *what)
{
    return bulla_refuse(BULLA_KEY_VALUE, "a KES signing key is raw, CBOR, or a TextEnvelope: %s", what);
}

static unsigned depth_of_size(size_t size)
{
    unsigned depth = 0;
    while (depth <= BULLA_KES_DEPTH_LARGEST && bulla_kes_raw_size(depth) != size)
        depth++;
    return depth;
}

/* --- JSON --- */

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

struct envelope {
    struct bulla_bytes type, description, cbor_hex; /* as they are written; data NULL: absent */
};

static bool read_member(struct bulla_bytes *text, struct envelope *envelope)
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

static bool read_envelope(struct bulla_bytes text, struct envelope *envelope)
{
    if (!take(&text, '{'))
        return false;
    do {
        if (!read_member(&text, envelope))
            return false;
    } while (take(&text, ','));
    return take(&text, '}') && !peek(&text) && !text.size && envelope->type.data && envelope->cbor_hex.data;
}

/* --- the key --- */

static enum bulla_reason read_cbor(struct bulla_bytes cbor, unsigned depth, uint8_t *raw)
{
    struct bulla_bytes bytes;
    if (bulla_kes_cbor_read(cbor, bulla_kes_raw_size(depth), "a KES signing key", &bytes) != BULLA_OK)
        return refuse_form("the CBOR is not one byte string of the depth's size");
    memcpy(raw, bytes.data, bytes.size);
    return BULLA_OK;
}

/* "KesSigningKey_ed25519_kes_2^6": the depth is the last digit. There are keys about whose envelope says another depth
 * than they have; they are refused, for whichever is meant, a signature by the other is none. */
static enum bulla_reason read_text(const struct envelope *envelope, uint8_t *raw, unsigned *found)
{
    enum { HEX_LARGEST = 2 * (3 + BULLA_KES_RAW_LARGEST) };
    static const char type[] = "KesSigningKey_ed25519_kes_2^";
    BULLA_SECRET uint8_t *cbor = NULL;
    size_t size = 0;
    if (envelope->type.size != sizeof type || memcmp(envelope->type.data, type, sizeof type - 1) != 0)
        return refuse_form("the envelope is not of a KES signing key");
    *found = (unsigned)(envelope->type.data[sizeof type - 1] - '0');
    if (*found > BULLA_KES_DEPTH_LARGEST || envelope->cbor_hex.size > HEX_LARGEST)
        return refuse_form("the envelope names a depth that there is not, or holds more than a key");
    BULLA_TRY(bulla_secret_allocate(HEX_LARGEST / 2, (void **)&cbor));
    if (envelope->cbor_hex.size % 2 ||
        sodium_hex2bin(cbor, HEX_LARGEST / 2, (const char *)envelope->cbor_hex.data, envelope->cbor_hex.size, NULL,
            &size, NULL) != 0 ||
        size != envelope->cbor_hex.size / 2)
        return refuse_form("the envelope's cborHex is not hexadecimal");
    return read_cbor((struct bulla_bytes){cbor, size}, *found, raw);
}

static enum bulla_reason read_bytes(struct bulla_bytes form, uint8_t *raw, unsigned *found)
{
    *found = depth_of_size(form.size);
    if (*found <= BULLA_KES_DEPTH_LARGEST) {
        memcpy(raw, form.data, form.size);
        return BULLA_OK;
    }
    for (*found = 0; *found < BULLA_KES_DEPTH_LARGEST; (*found)++)
        if (form.size < bulla_kes_raw_size(*found + 1))
            break;
    return read_cbor(form, *found, raw);
}

enum bulla_reason bulla_kes_form_read(struct bulla_bytes form, int depth, uint8_t *raw, unsigned *found)
{
    struct envelope envelope = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    BULLA_TRY(read_envelope(form, &envelope) ? read_text(&envelope, raw, found) : read_bytes(form, raw, found));
    if (depth == BULLA_KES_DEPTH_ANY || (unsigned)depth == *found)
        return BULLA_OK;
    return bulla_refuse(BULLA_KEY_INCONSISTENT, "the KES key has depth %u, not %d", *found, depth);
}
