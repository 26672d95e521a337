/* Form first (COSE, strict CBOR, the table of claims), then the rules between claims. Every refusal of the form is
 * BULLA_RECEIPT_INVALID; its sentence keeps what the parser said. */
#include "receipt_claims.h"

static const enum bulla_cbor_kind cbor_kinds[] = {
    [BULLA_CLAIM_TEXT] = BULLA_CBOR_TSTR,
    [BULLA_CLAIM_BYTES] = BULLA_CBOR_BSTR,
    [BULLA_CLAIM_FIXED] = BULLA_CBOR_BSTR,
    [BULLA_CLAIM_NUMBER] = BULLA_CBOR_UINT,
    [BULLA_CLAIM_MAP] = BULLA_CBOR_MAP,
};

static enum bulla_reason take_type(const struct bulla_cbor *value, struct bulla_receipt *receipt)
{
    if (value->kind != BULLA_CBOR_TSTR || value->string.size >= sizeof receipt->measurement_type ||
        (value->string.size && memchr(value->string.data, 0, value->string.size)))
        return bulla_refuse(BULLA_RECEIPT_INVALID, "the measurements' type is unknown");
    memcpy(receipt->measurement_type, value->string.data, value->string.size);
    return BULLA_OK;
}

static enum bulla_reason take_measurement(
    const struct bulla_cbor *key, const struct bulla_cbor *value, struct bulla_receipt *receipt)
{
    if (key->kind != BULLA_CBOR_TSTR)
        return bulla_refuse(BULLA_RECEIPT_INVALID, "a measurement has no name");
    if (bulla_bytes_equal_text(key->string, "measurement_type"))
        return take_type(value, receipt);
    if (value->kind != BULLA_CBOR_BSTR || bulla_receipt_pcr_index(key->string) < 0 ||
        receipt->measurement_count == BULLA_RECEIPT_PCRS)
        return bulla_refuse(BULLA_RECEIPT_INVALID, "a measurement is unknown");
    struct bulla_receipt_measurement *measurement = &receipt->measurements[receipt->measurement_count++];
    memcpy(measurement->name, key->string.data, key->string.size); /* "pcr23" at most */
    measurement->value = value->string;
    return BULLA_OK;
}

static enum bulla_reason take_measurements(const struct bulla_cbor *map, struct bulla_receipt *receipt)
{
    struct bulla_cbor_walk walk = bulla_cbor_inside(map);
    struct bulla_cbor key, value;
    while (bulla_cbor_next(&walk, &key) && bulla_cbor_next(&walk, &value))
        BULLA_TRY(take_measurement(&key, &value, receipt));
    return BULLA_OK;
}

static void take_claim(const struct bulla_claim *claim, const struct bulla_cbor *value, struct bulla_receipt *receipt)
{
    uint8_t *field = (uint8_t *)receipt + claim->offset;
    if (claim->kind == BULLA_CLAIM_NUMBER)
        memcpy(field, &value->number, sizeof value->number);
    else if (claim->kind == BULLA_CLAIM_FIXED)
        memcpy(field, value->string.data, claim->largest);
    else if (claim->kind == BULLA_CLAIM_TEXT || claim->kind == BULLA_CLAIM_BYTES)
        memcpy(field, &value->string, sizeof value->string);
}

static enum bulla_reason read_payload(struct bulla_bytes payload, struct bulla_receipt *receipt)
{
    struct bulla_cbor map, value[BULLA_RECEIPT_CLAIMS];
    struct bulla_cbor_field fields[BULLA_RECEIPT_CLAIMS];
    for (size_t i = 0; i < BULLA_RECEIPT_CLAIMS; i++) {
        const struct bulla_claim *claim = &bulla_receipt_claims[i];
        value[i] = (struct bulla_cbor){.kind = BULLA_CBOR_NULL};
        fields[i] = (struct bulla_cbor_field){
            claim->key, NULL, cbor_kinds[claim->kind], claim->optional, &value[i], claim->smallest, claim->largest};
    }
    BULLA_TRY(bulla_cbor_decode(payload, "receipt", &map));
    BULLA_TRY(bulla_cbor_fields(&map, fields, BULLA_RECEIPT_CLAIMS, "receipt"));
    for (size_t i = 0; i < BULLA_RECEIPT_CLAIMS; i++) {
        if (value[i].kind == BULLA_CBOR_MAP)
            BULLA_TRY(take_measurements(&value[i], receipt));
        else if (value[i].kind != BULLA_CBOR_NULL)
            take_claim(&bulla_receipt_claims[i], &value[i], receipt);
    }
    return BULLA_OK;
}

static enum bulla_reason read_form(
    struct bulla_bytes bytes, struct bulla_receipt *receipt, struct bulla_cose_message *message)
{
    if (bytes.size > BULLA_RECEIPT_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "%zu bytes", bytes.size);
    BULLA_TRY(bulla_cose_sign1_read(bytes, "receipt", message));
    if (message->algorithm != BULLA_COSE_EDDSA || message->content_type != BULLA_RECEIPT_CONTENT_TYPE)
        return bulla_refuse(BULLA_RECEIPT_INVALID, "its protected header is not that of a receipt");
    return read_payload(message->payload, receipt);
}

enum bulla_reason bulla_receipt_read(
    struct bulla_bytes bytes, struct bulla_receipt *receipt, struct bulla_cose_message *message)
{
    *receipt = (struct bulla_receipt){.issued_at = 0};
    *message = (struct bulla_cose_message){.content_type = 0};
    if (read_form(bytes, receipt, message) != BULLA_OK)
        return bulla_refuse_within(BULLA_RECEIPT_INVALID, "not a receipt: ");
    return bulla_receipt_check(receipt);
}
