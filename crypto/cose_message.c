#include "cose_message.h"

#include <stdlib.h>

enum { HEADER_ALGORITHM = 1, HEADER_CONTENT_TYPE = 3, CONTENT_TYPE_LARGEST = 65535 };
enum { STRUCTURE_OVERHEAD = 64 }; /* heads, context and protected header of a structure, rounded up */

static const enum bulla_cose_algorithm signatures[] = {BULLA_COSE_EDDSA, BULLA_COSE_ES256};
static const enum bulla_cose_algorithm foreign_signatures[] = {BULLA_COSE_ES384};
static const enum bulla_cose_algorithm macs[] = {BULLA_COSE_HMAC_256};

const struct bulla_cose_kind bulla_cose_sign1 = {18, "Signature1", BULLA_CBOR_NEGATIVE, signatures, 2, 64, false};
const struct bulla_cose_kind bulla_cose_sign1_foreign = {
    18, "Signature1", BULLA_CBOR_NEGATIVE, foreign_signatures, 1, 96, true};
const struct bulla_cose_kind bulla_cose_mac0 = {17, "MAC0", BULLA_CBOR_UINT, macs, 1, 32, false};

static enum bulla_reason decode(
    const struct bulla_cose_kind *kind, struct bulla_bytes bytes, const char *what, struct bulla_cbor *item)
{
    return (kind->foreign ? bulla_cbor_decode_lenient : bulla_cbor_decode)(bytes, what, item);
}

static enum bulla_reason find_algorithm(const struct bulla_cose_kind *kind, const struct bulla_cbor *number,
    const char *what, enum bulla_cose_algorithm *algorithm)
{
    for (size_t i = 0; i < kind->algorithm_count; i++) {
        int64_t candidate = kind->algorithms[i];
        if (number->number == (uint64_t)(candidate < 0 ? -1 - candidate : candidate)) {
            *algorithm = kind->algorithms[i];
            return BULLA_OK;
        }
    }
    return bulla_refuse(BULLA_UNSUPPORTED, "%s: COSE algorithm %s%llu", what,
        number->kind == BULLA_CBOR_UINT ? "" : "-1-", (unsigned long long)number->number);
}

static enum bulla_reason read_header(
    const struct bulla_cose_kind *kind, const char *what, struct bulla_cose_message *message)
{
    struct bulla_cbor map;
    struct bulla_cbor algorithm;
    struct bulla_cbor content_type = {.kind = BULLA_CBOR_NULL};
    const struct bulla_cbor_field fields[] = {
        {.key = HEADER_ALGORITHM, .kind = kind->algorithm_kind, .value = &algorithm},
        {.key = HEADER_CONTENT_TYPE,
            .kind = BULLA_CBOR_UINT,
            .optional = true,
            .value = &content_type,
            .largest = CONTENT_TYPE_LARGEST},
    };
    BULLA_TRY(decode(kind, message->protected_header, what, &map));
    BULLA_TRY(bulla_cbor_fields(&map, fields, sizeof fields / sizeof *fields, what));
    message->content_type = content_type.kind == BULLA_CBOR_UINT ? content_type.number : 0;
    return find_algorithm(kind, &algorithm, what, &message->algorithm);
}

/* The four elements, in order. */
static enum bulla_reason read_elements(
    const struct bulla_cbor *array, const char *what, struct bulla_cose_message *message)
{
    static const enum bulla_cbor_kind expected[] = {BULLA_CBOR_BSTR, BULLA_CBOR_MAP, BULLA_CBOR_BSTR, BULLA_CBOR_BSTR};
    struct bulla_cbor elements[4];
    struct bulla_cbor_walk walk = bulla_cbor_inside(array);
    for (size_t i = 0; i < 4; i++)
        if (!bulla_cbor_next(&walk, &elements[i]) || elements[i].kind != expected[i])
            return bulla_refuse(BULLA_MALFORMED, "%s: element %zu of the COSE message is of the wrong kind", what, i);
    if (elements[1].number != 0)
        return bulla_refuse(BULLA_UNKNOWN_FIELD, "%s has unprotected header parameters", what);
    if (elements[2].string.size > BULLA_COSE_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "%s: a payload of %zu bytes", what, elements[2].string.size);
    message->protected_header = elements[0].string;
    message->payload = elements[2].string;
    message->signature = elements[3].string;
    return BULLA_OK;
}

static enum bulla_reason take_tag(
    const struct bulla_cose_kind *kind, const struct bulla_cbor *outer, const char *what, struct bulla_cbor *inner)
{
    if (kind->foreign && outer->kind != BULLA_CBOR_TAG) {
        *inner = *outer;
        return BULLA_OK;
    }
    if (outer->kind != BULLA_CBOR_TAG || outer->number != kind->tag)
        return bulla_refuse(BULLA_MALFORMED, "%s does not carry tag %llu", what, (unsigned long long)kind->tag);
    struct bulla_cbor_walk walk = bulla_cbor_inside(outer);
    return bulla_cbor_next(&walk, inner) ? BULLA_OK : bulla_refuse(BULLA_MALFORMED, "%s is an empty tag", what);
}

enum bulla_reason bulla_cose_read(
    const struct bulla_cose_kind *kind, struct bulla_bytes bytes, const char *what, struct bulla_cose_message *message)
{
    *message = (struct bulla_cose_message){.algorithm = 0};
    struct bulla_cbor outer;
    struct bulla_cbor array;
    BULLA_TRY(decode(kind, bytes, what, &outer));
    BULLA_TRY(take_tag(kind, &outer, what, &array));
    if (array.kind != BULLA_CBOR_ARRAY || array.number != 4)
        return bulla_refuse(BULLA_MALFORMED, "%s is not an array of four", what);
    struct bulla_cose_message read = {.algorithm = 0};
    BULLA_TRY(read_elements(&array, what, &read));
    BULLA_TRY(read_header(kind, what, &read));
    if (read.signature.size != kind->signature_size)
        return bulla_refuse(BULLA_MALFORMED, "%s: a signature or tag of %zu bytes", what, read.signature.size);
    *message = read;
    return BULLA_OK;
}

enum bulla_reason bulla_cose_write_header(const struct bulla_cose_kind *kind, struct bulla_cose_message *message,
    uint8_t header[static BULLA_COSE_HEADER_LARGEST])
{
    bool known = false;
    for (size_t i = 0; i < kind->algorithm_count; i++)
        known |= kind->algorithms[i] == message->algorithm;
    if (!known || message->content_type > CONTENT_TYPE_LARGEST)
        return bulla_refuse(BULLA_ARGUMENT, "a COSE message of algorithm %d and content type %llu", message->algorithm,
            (unsigned long long)message->content_type);
    struct bulla_writer writer;
    bulla_writer_open(&writer, header, BULLA_COSE_HEADER_LARGEST);
    bulla_cbor_write_map(&writer, message->content_type ? 2 : 1);
    bulla_cbor_write_uint(&writer, HEADER_ALGORITHM);
    bulla_cbor_write_int(&writer, message->algorithm);
    if (message->content_type) {
        bulla_cbor_write_uint(&writer, HEADER_CONTENT_TYPE);
        bulla_cbor_write_uint(&writer, message->content_type);
    }
    message->protected_header = bulla_writer_bytes(&writer);
    return bulla_writer_finish(&writer, "a protected header");
}

void bulla_cose_write(
    const struct bulla_cose_kind *kind, const struct bulla_cose_message *message, struct bulla_writer *writer)
{
    bulla_cbor_write_tag(writer, kind->tag);
    bulla_cbor_write_array(writer, 4);
    bulla_cbor_write_bstr(writer, message->protected_header);
    bulla_cbor_write_map(writer, 0);
    bulla_cbor_write_bstr(writer, message->payload);
    bulla_cbor_write_bstr(writer, message->signature);
}

static void write_structure(const struct bulla_cose_kind *kind, const struct bulla_cose_message *message,
    struct bulla_bytes external, struct bulla_writer *writer)
{
    bulla_cbor_write_array(writer, 4);
    bulla_cbor_write_tstr(writer, kind->context);
    bulla_cbor_write_bstr(writer, message->protected_header);
    bulla_cbor_write_bstr(writer, external);
    bulla_cbor_write_bstr(writer, message->payload);
}

/* The writer's count alone would do; the bound comes first so that no sum can wrap. */
enum bulla_reason bulla_cose_structure_build(const struct bulla_cose_kind *kind,
    const struct bulla_cose_message *message, struct bulla_bytes external, struct bulla_cose_structure *structure)
{
    structure->large = NULL;
    structure->bytes = (struct bulla_bytes){NULL, 0};
    size_t total = 0;
    if (__builtin_add_overflow(message->payload.size, external.size, &total) ||
        __builtin_add_overflow(message->protected_header.size, total, &total) || total > BULLA_COSE_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "a COSE message of more than %d bytes", BULLA_COSE_LARGEST);
    size_t capacity = total + STRUCTURE_OVERHEAD;
    uint8_t *memory = structure->small;
    if (capacity > sizeof structure->small) {
        structure->large = malloc(capacity);
        if (!structure->large)
            return bulla_refuse(BULLA_OUT_OF_MEMORY, "a COSE message of %zu bytes", total);
        memory = structure->large;
    }
    struct bulla_writer writer;
    bulla_writer_open(&writer, memory, capacity);
    write_structure(kind, message, external, &writer);
    structure->bytes = bulla_writer_bytes(&writer);
    return bulla_writer_finish(&writer, "a COSE message");
}

void bulla_cose_structure_release(struct bulla_cose_structure *structure)
{
    free(structure->large);
    structure->large = NULL;
}
