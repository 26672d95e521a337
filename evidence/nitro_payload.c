/* The map inside a Nitro document. Its bounds are those that the Nitro Security Module keeps to ("Verifying the root of
 * trust", aws-nitro-enclaves-nsm-api); all nine keys are there in every document, and what is absent is null.
 *
 * A second key of the same name is refused by the decoder, and a key that is not known by the table: who takes the last
 * of two reads another document than who takes the first. */
#include "crypto/cbor.h"
#include "nitro.h"

enum { CERTIFICATE_LARGEST = 1024, PUBLIC_KEY_LARGEST = 1024, DATA_LARGEST = 512 };

static const char what[] = "the Nitro document";

static bool pcr_size(size_t size)
{
    return size == 32 || size == 48 || size == 64;
}

/* Indexes in any order; the decoder has seen to it that none occurs twice. */
static enum bulla_reason read_pcrs(const struct bulla_cbor *map, struct bulla_nitro_payload *payload)
{
    struct bulla_cbor index;
    struct bulla_cbor value;
    struct bulla_cbor_walk walk = bulla_cbor_inside(map);
    while (bulla_cbor_next(&walk, &index) && bulla_cbor_next(&walk, &value)) {
        if (index.kind != BULLA_CBOR_UINT || index.number >= BULLA_NITRO_PCRS)
            return bulla_refuse(BULLA_MALFORMED, "%s has a PCR whose index is not 0 to 31", what);
        if (value.kind != BULLA_CBOR_BSTR || !pcr_size(value.string.size))
            return bulla_refuse(BULLA_MALFORMED, "%s: PCR%u has not 32, 48 or 64 bytes", what, (unsigned)index.number);
        payload->pcr_mask |= UINT32_C(1) << index.number;
        payload->pcrs[index.number] = value.string;
    }
    if (payload->pcr_mask == 0)
        return bulla_refuse(BULLA_MALFORMED, "%s has no PCRs", what);
    return BULLA_OK;
}

static enum bulla_reason read_bundle(const struct bulla_cbor *array, struct bulla_nitro_payload *payload)
{
    struct bulla_cbor item;
    struct bulla_cbor_walk walk = bulla_cbor_inside(array);
    while (bulla_cbor_next(&walk, &item)) {
        if (payload->bundle_count == BULLA_NITRO_BUNDLE)
            return bulla_refuse(BULLA_TOO_LARGE, "%s has a cabundle of more than %d", what, BULLA_NITRO_BUNDLE);
        if (item.kind != BULLA_CBOR_BSTR || item.string.size == 0 || item.string.size > CERTIFICATE_LARGEST)
            return bulla_refuse(BULLA_MALFORMED, "%s: entry %zu of its cabundle is no byte string of 1 to %d", what,
                payload->bundle_count, CERTIFICATE_LARGEST);
        payload->bundle[payload->bundle_count++] = item.string;
    }
    if (payload->bundle_count == 0)
        return bulla_refuse(BULLA_MALFORMED, "%s has an empty cabundle", what);
    return BULLA_OK;
}

static enum bulla_reason read_map(const struct bulla_cbor *map, struct bulla_nitro_payload *payload)
{
    struct bulla_cbor module_id, digest, timestamp, pcrs, certificate, bundle, public_key, user_data, nonce;
    const struct bulla_cbor_field fields[] = {
        {.text_key = "module_id", .kind = BULLA_CBOR_TSTR, .value = &module_id, .smallest = 1, .largest = SIZE_MAX},
        {.text_key = "digest", .kind = BULLA_CBOR_TSTR, .value = &digest},
        {.text_key = "timestamp", .kind = BULLA_CBOR_UINT, .value = &timestamp, .smallest = 1, .largest = SIZE_MAX},
        {.text_key = "pcrs", .kind = BULLA_CBOR_MAP, .value = &pcrs},
        {.text_key = "certificate",
            .kind = BULLA_CBOR_BSTR,
            .value = &certificate,
            .smallest = 1,
            .largest = CERTIFICATE_LARGEST},
        {.text_key = "cabundle", .kind = BULLA_CBOR_ARRAY, .value = &bundle},
        {.text_key = "public_key",
            .kind = BULLA_CBOR_BSTR,
            .value = &public_key,
            .smallest = 1,
            .largest = PUBLIC_KEY_LARGEST,
            .optional = BULLA_CBOR_OR_NULL},
        {.text_key = "user_data",
            .kind = BULLA_CBOR_BSTR,
            .value = &user_data,
            .largest = DATA_LARGEST,
            .optional = BULLA_CBOR_OR_NULL},
        {.text_key = "nonce",
            .kind = BULLA_CBOR_BSTR,
            .value = &nonce,
            .largest = DATA_LARGEST,
            .optional = BULLA_CBOR_OR_NULL},
    };
    BULLA_TRY(bulla_cbor_fields(map, fields, sizeof fields / sizeof *fields, what));
    if (!bulla_bytes_equal_text(digest.string, "SHA384"))
        return bulla_refuse(BULLA_UNSUPPORTED, "%s names another digest than SHA384", what);
    payload->module_id = module_id.string;
    payload->timestamp = timestamp.number;
    payload->certificate = certificate.string;
    payload->public_key = public_key.string;
    payload->user_data = user_data.string;
    payload->nonce = nonce.string;
    BULLA_TRY(read_pcrs(&pcrs, payload));
    return read_bundle(&bundle, payload);
}

enum bulla_reason bulla_nitro_payload_read(struct bulla_bytes bytes, struct bulla_nitro_payload *payload)
{
    struct bulla_cbor map;
    struct bulla_nitro_payload read = {.pcr_mask = 0};
    *payload = read;
    if (bytes.size > BULLA_NITRO_PAYLOAD_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "%s has a payload of %zu bytes", what, bytes.size);
    BULLA_TRY(bulla_cbor_decode_lenient(bytes, what, &map));
    BULLA_TRY(read_map(&map, &read));
    *payload = read;
    return BULLA_OK;
}
