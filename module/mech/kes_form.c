#include "crypto/kes_certificate.h"
#include "crypto/text_envelope.h"
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
static enum bulla_reason read_text(const struct bulla_text_envelope *envelope, uint8_t *raw, unsigned *found)
{
    enum { CBOR_LARGEST = 3 + BULLA_KES_RAW_LARGEST };
    static const char type[] = "KesSigningKey_ed25519_kes_2^";
    BULLA_SECRET uint8_t *cbor = NULL;
    size_t size = 0;
    if (envelope->type.size != sizeof type || memcmp(envelope->type.data, type, sizeof type - 1) != 0)
        return refuse_form("the envelope is not of a KES signing key");
    *found = (unsigned)(envelope->type.data[sizeof type - 1] - '0');
    if (*found > BULLA_KES_DEPTH_LARGEST)
        return refuse_form("the envelope names a depth that there is not");
    BULLA_TRY(bulla_secret_allocate(CBOR_LARGEST, (void **)&cbor));
    if (bulla_text_envelope_cbor(envelope, "a KES signing key", cbor, CBOR_LARGEST, &size) != BULLA_OK)
        return refuse_form("the envelope's cborHex is not hexadecimal, or more than a key");
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
    struct bulla_text_envelope envelope;
    bool text = bulla_text_envelope_read(form, &envelope);
    BULLA_TRY(text ? read_text(&envelope, raw, found) : read_bytes(form, raw, found));
    if (depth == BULLA_KES_DEPTH_ANY || (unsigned)depth == *found)
        return BULLA_OK;
    return bulla_refuse(BULLA_KEY_INCONSISTENT, "the KES key has depth %u, not %d", *found, depth);
}
