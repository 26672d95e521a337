/* Claims are written in the table's order, measurements in the caller's; what was written is read back, so that a
 * receipt that its own rules refuse, or whose measurements stand out of order, never leaves. */
#include "receipt_claims.h"

static const uint8_t *field_of(const struct bulla_receipt *receipt, const struct bulla_claim *claim)
{
    return (const uint8_t *)receipt + claim->offset;
}

static void write_text(
    struct bulla_writer *writer, const struct bulla_receipt *receipt, const struct bulla_claim *claim)
{
    struct bulla_bytes view;
    memcpy(&view, field_of(receipt, claim), sizeof view);
    bulla_cbor_write_tstr_bytes(writer, view);
}

static void write_view(
    struct bulla_writer *writer, const struct bulla_receipt *receipt, const struct bulla_claim *claim)
{
    struct bulla_bytes view;
    memcpy(&view, field_of(receipt, claim), sizeof view);
    bulla_cbor_write_bstr(writer, view);
}

static void write_fixed(
    struct bulla_writer *writer, const struct bulla_receipt *receipt, const struct bulla_claim *claim)
{
    bulla_cbor_write_bstr(writer, (struct bulla_bytes){field_of(receipt, claim), claim->largest});
}

static void write_number(
    struct bulla_writer *writer, const struct bulla_receipt *receipt, const struct bulla_claim *claim)
{
    uint64_t number;
    memcpy(&number, field_of(receipt, claim), sizeof number);
    bulla_cbor_write_uint(writer, number);
}

/* "pcr0" … "pcr23" stand before "measurement_type": deterministic order sorts shorter keys first. */
static void write_measurements(
    struct bulla_writer *writer, const struct bulla_receipt *receipt, const struct bulla_claim *claim)
{
    (void)claim;
    bulla_cbor_write_map(writer, receipt->measurement_count + 1);
    for (size_t i = 0; i < receipt->measurement_count; i++) {
        bulla_cbor_write_tstr(writer, receipt->measurements[i].name);
        bulla_cbor_write_bstr(writer, receipt->measurements[i].value);
    }
    bulla_cbor_write_tstr(writer, "measurement_type");
    bulla_cbor_write_tstr(writer, receipt->measurement_type);
}

static void (*const write_claim[])(struct bulla_writer *, const struct bulla_receipt *, const struct bulla_claim *) = {
    [BULLA_CLAIM_TEXT] = write_text,
    [BULLA_CLAIM_BYTES] = write_view,
    [BULLA_CLAIM_FIXED] = write_fixed,
    [BULLA_CLAIM_NUMBER] = write_number,
    [BULLA_CLAIM_MAP] = write_measurements,
};

/* Optional claims are views. */
static bool left_out(const struct bulla_receipt *receipt, const struct bulla_claim *claim)
{
    struct bulla_bytes view;
    if (!claim->optional)
        return false;
    memcpy(&view, field_of(receipt, claim), sizeof view);
    return view.size == 0;
}

static void write_payload(struct bulla_writer *writer, const struct bulla_receipt *receipt)
{
    size_t pairs = 0;
    for (size_t i = 0; i < BULLA_RECEIPT_CLAIMS; i++)
        pairs += !left_out(receipt, &bulla_receipt_claims[i]);
    bulla_cbor_write_map(writer, pairs);
    for (size_t i = 0; i < BULLA_RECEIPT_CLAIMS; i++) {
        const struct bulla_claim *claim = &bulla_receipt_claims[i];
        if (left_out(receipt, claim))
            continue;
        bulla_cbor_write_int(writer, claim->key);
        write_claim[claim->kind](writer, receipt, claim);
    }
}

/* The struct's C strings end within their arrays and its counts within theirs. */
static enum bulla_reason check_arrays(const struct bulla_receipt *receipt)
{
    bool fits = receipt->measurement_count <= BULLA_RECEIPT_PCRS &&
                memchr(receipt->measurement_type, 0, sizeof receipt->measurement_type) != NULL;
    for (size_t i = 0; fits && i < receipt->measurement_count; i++)
        fits = memchr(receipt->measurements[i].name, 0, sizeof receipt->measurements[i].name) != NULL;
    return fits ? BULLA_OK : bulla_refuse(BULLA_ARGUMENT, "receipt: a name or count passes its array");
}

enum bulla_reason bulla_receipt_write(
    const struct bulla_receipt *receipt, const struct bulla_cose_signer *signer, struct bulla_writer *writer)
{
    uint8_t memory[BULLA_RECEIPT_LARGEST]; /* public */
    struct bulla_writer payload;
    struct bulla_receipt again;
    struct bulla_cose_message message;
    size_t start = writer->size;
    BULLA_TRY(check_arrays(receipt));
    if (signer->algorithm != BULLA_COSE_EDDSA)
        return bulla_refuse(BULLA_ARGUMENT, "receipt: a receipt key is Ed25519");
    bulla_writer_open(&payload, memory, sizeof memory);
    write_payload(&payload, receipt);
    BULLA_TRY(bulla_writer_finish(&payload, "receipt"));
    BULLA_TRY(bulla_cose_sign1_write(
        writer, signer, BULLA_RECEIPT_CONTENT_TYPE, bulla_writer_bytes(&payload), (struct bulla_bytes){NULL, 0}));
    BULLA_TRY(bulla_writer_finish(writer, "receipt"));
    return bulla_receipt_read((struct bulla_bytes){writer->data + start, writer->size - start}, &again, &message);
}
