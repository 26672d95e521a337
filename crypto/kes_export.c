#include "kes_export.h"

#include "arena.h"
#include "cbor.h"
#include "text_envelope.h"

static enum bulla_reason write_raw(struct bulla_bytes raw, struct bulla_writer *writer)
{
    bulla_write_bytes(writer, raw);
    return BULLA_OK;
}

static enum bulla_reason write_cbor(struct bulla_bytes raw, struct bulla_writer *writer)
{
    bulla_cbor_write_bstr(writer, raw);
    return BULLA_OK;
}

static enum bulla_reason write_envelope(struct bulla_bytes raw, struct bulla_writer *writer)
{
    BULLA_SECRET void *memory = NULL;
    struct bulla_writer cbor;
    BULLA_TRY(bulla_secret_allocate(BULLA_KES_CBOR_LARGEST, &memory));
    bulla_writer_open(&cbor, memory, BULLA_KES_CBOR_LARGEST);
    bulla_cbor_write_bstr(&cbor, raw);
    BULLA_TRY(bulla_writer_finish(&cbor, "a KES key's CBOR"));
    bulla_text_envelope_write("KesSigningKey_ed25519_kes_2^6", "KES Signing Key", bulla_writer_bytes(&cbor), writer);
    return BULLA_OK;
}

static enum bulla_reason (*const writers[BULLA_KES_FORMS])(struct bulla_bytes raw, struct bulla_writer *writer) = {
    [BULLA_KES_ENVELOPE] = write_envelope, [BULLA_KES_CBOR] = write_cbor, [BULLA_KES_RAW] = write_raw};

enum bulla_reason bulla_kes_form_check(enum bulla_kes_form form, unsigned depth)
{
    if ((unsigned)form >= BULLA_KES_FORMS || depth > BULLA_KES_DEPTH_LARGEST)
        return bulla_refuse(BULLA_ARGUMENT, "there is no such form, or depth, of a KES key");
    if (form == BULLA_KES_ENVELOPE && depth != BULLA_KES_ENVELOPE_DEPTH)
        return bulla_refuse(BULLA_ARGUMENT, "Cardano has a text envelope for KES keys of depth %d alone, not of %u",
            BULLA_KES_ENVELOPE_DEPTH, depth);
    return BULLA_OK;
}

enum bulla_reason bulla_kes_form_write(
    enum bulla_kes_form form, unsigned depth, struct bulla_bytes raw, struct bulla_writer *writer)
{
    BULLA_TRY(bulla_kes_form_check(form, depth));
    if (raw.size != bulla_kes_raw_size(depth))
        return bulla_refuse(BULLA_KEY_INVALID, "a KES key of depth %u has %zu bytes, not %zu", depth,
            bulla_kes_raw_size(depth), raw.size);
    BULLA_TRY(writers[form](raw, writer));
    return bulla_writer_finish(writer, "a KES key's form");
}
