/* Grants and revocations that stand alone. What is signed is read back before it is handed out, as with bundles: what
 * its own rules refuse, or another key than the named authority signed, never leaves. */
#include "signed_document.h"

#include "grant.h"

enum { GRANT_EPOCH = 2, GRANT_MAP, GRANT_DOCUMENT_KEYS };
enum { REVOCATION_IDS = 2, REVOCATION_KEYS };
enum { REVOCATION_IDS_LARGEST = sizeof((struct bulla_revocation *)0)->ids / BULLA_GRANT_ID };

static struct bulla_bytes written_since(const struct bulla_writer *writer, size_t start)
{
    return (struct bulla_bytes){writer->data + start, writer->size - start};
}

enum bulla_reason bulla_grant_sign(
    const struct bulla_grant_document *document, const struct bulla_cose_signer *signer, struct bulla_writer *writer)
{
    uint8_t payload[BULLA_GRANT_DOCUMENT_LARGEST];
    struct bulla_grant_document again;
    struct bulla_writer map;
    size_t start = writer->size;
    bulla_writer_open(&map, payload, sizeof payload);
    bulla_signed_begin(&bulla_signed_grant, &map, document->authority, GRANT_DOCUMENT_KEYS);
    bulla_signed_number(&map, GRANT_EPOCH, document->epoch);
    bulla_cbor_write_uint(&map, GRANT_MAP);
    bulla_grant_write_map(&map, &document->grant);
    BULLA_TRY(bulla_writer_finish(&map, "grant"));
    BULLA_TRY(bulla_signed_write(&bulla_signed_grant, bulla_writer_bytes(&map), signer, writer));
    return bulla_grant_read(written_since(writer, start), BULLA_BYTES(document->authority), &again);
}

static enum bulla_reason read_grant(
    struct bulla_bytes bytes, struct bulla_bytes authority, struct bulla_grant_document *document)
{
    struct bulla_cbor value[GRANT_DOCUMENT_KEYS];
    const struct bulla_cbor_field fields[GRANT_DOCUMENT_KEYS] = {
        BULLA_SIGNED_FIELDS(value),
        {GRANT_EPOCH, NULL, BULLA_CBOR_UINT, false, &value[GRANT_EPOCH], 0, 0},
        {GRANT_MAP, NULL, BULLA_CBOR_MAP, false, &value[GRANT_MAP], 0, 0},
    };
    BULLA_TRY(bulla_signed_read(&bulla_signed_grant, bytes, authority, fields, GRANT_DOCUMENT_KEYS));
    memcpy(document->authority, value[BULLA_SIGNED_AUTHORITY].string.data, sizeof document->authority);
    document->epoch = value[GRANT_EPOCH].number;
    return bulla_grant_read_map(&value[GRANT_MAP], &document->grant);
}

enum bulla_reason bulla_grant_read(
    struct bulla_bytes bytes, struct bulla_bytes authority, struct bulla_grant_document *document)
{
    memset(document, 0, sizeof *document);
    enum bulla_reason reason = read_grant(bytes, authority, document);
    if (reason != BULLA_OK)
        memset(document, 0, sizeof *document);
    return reason;
}

/* --- revocations --- */

enum bulla_reason bulla_revocation_sign(
    const struct bulla_revocation *revocation, const struct bulla_cose_signer *signer, struct bulla_writer *writer)
{
    uint8_t payload[BULLA_GRANT_DOCUMENT_LARGEST];
    struct bulla_revocation again;
    struct bulla_writer map;
    size_t start = writer->size;
    if (revocation->count == 0 || revocation->count > REVOCATION_IDS_LARGEST)
        return bulla_refuse(
            BULLA_ARGUMENT, "a revocation of %zu grants: 1 to %zu", revocation->count, (size_t)REVOCATION_IDS_LARGEST);
    bulla_writer_open(&map, payload, sizeof payload);
    bulla_signed_begin(&bulla_signed_revocation, &map, revocation->authority, REVOCATION_KEYS);
    bulla_cbor_write_uint(&map, REVOCATION_IDS);
    bulla_cbor_write_array(&map, revocation->count);
    for (size_t i = 0; i < revocation->count; i++)
        bulla_cbor_write_bstr(&map, BULLA_BYTES(revocation->ids[i]));
    BULLA_TRY(bulla_writer_finish(&map, "revocation"));
    BULLA_TRY(bulla_signed_write(&bulla_signed_revocation, bulla_writer_bytes(&map), signer, writer));
    return bulla_revocation_read(written_since(writer, start), BULLA_BYTES(revocation->authority), &again);
}

static enum bulla_reason take_ids(const struct bulla_cbor *array, struct bulla_revocation *revocation)
{
    struct bulla_cbor_walk walk = bulla_cbor_inside(array);
    struct bulla_cbor id;
    if (array->number == 0)
        return bulla_refuse(BULLA_MALFORMED, "revocation: it revokes nothing");
    if (array->number > REVOCATION_IDS_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "revocation: more than %zu grants", (size_t)REVOCATION_IDS_LARGEST);
    for (size_t i = 0; bulla_cbor_next(&walk, &id); i++) {
        if (id.kind != BULLA_CBOR_BSTR || id.string.size != BULLA_GRANT_ID)
            return bulla_refuse(BULLA_MALFORMED, "revocation: a grant's id has %d bytes", BULLA_GRANT_ID);
        int order = i ? memcmp(id.string.data, revocation->ids[i - 1], BULLA_GRANT_ID) : 1;
        if (order <= 0)
            return bulla_refuse(
                order ? BULLA_NOT_CANONICAL : BULLA_DUPLICATE, "revocation: ids ascend, and each comes once");
        memcpy(revocation->ids[i], id.string.data, BULLA_GRANT_ID);
        revocation->count = i + 1;
    }
    return BULLA_OK;
}

static enum bulla_reason read_revocation(
    struct bulla_bytes bytes, struct bulla_bytes authority, struct bulla_revocation *revocation)
{
    struct bulla_cbor value[REVOCATION_KEYS];
    const struct bulla_cbor_field fields[REVOCATION_KEYS] = {
        BULLA_SIGNED_FIELDS(value),
        {REVOCATION_IDS, NULL, BULLA_CBOR_ARRAY, false, &value[REVOCATION_IDS], 0, 0},
    };
    BULLA_TRY(bulla_signed_read(&bulla_signed_revocation, bytes, authority, fields, REVOCATION_KEYS));
    memcpy(revocation->authority, value[BULLA_SIGNED_AUTHORITY].string.data, sizeof revocation->authority);
    return take_ids(&value[REVOCATION_IDS], revocation);
}

enum bulla_reason bulla_revocation_read(
    struct bulla_bytes bytes, struct bulla_bytes authority, struct bulla_revocation *revocation)
{
    memset(revocation, 0, sizeof *revocation);
    enum bulla_reason reason = read_revocation(bytes, authority, revocation);
    if (reason != BULLA_OK)
        memset(revocation, 0, sizeof *revocation);
    return reason;
}

/* --- which is which --- */

static bool states_format(struct bulla_bytes bytes, struct bulla_bytes *format)
{
    struct bulla_cose_message message;
    struct bulla_cbor map, key, value;
    if (bytes.size > bulla_signed_policy.largest || bulla_cose_sign1_read(bytes, "document", &message) != BULLA_OK ||
        bulla_cbor_decode(message.payload, "document", &map) != BULLA_OK || map.kind != BULLA_CBOR_MAP)
        return false;
    struct bulla_cbor_walk walk = bulla_cbor_inside(&map);
    if (!bulla_cbor_next(&walk, &key) || !bulla_cbor_next(&walk, &value))
        return false;
    *format = value.string;
    return key.kind == BULLA_CBOR_UINT && key.number == BULLA_SIGNED_FORMAT && value.kind == BULLA_CBOR_TSTR;
}

enum bulla_policy_document bulla_policy_document_kind(struct bulla_bytes bytes)
{
    static const struct {
        const struct bulla_signed_kind *kind;
        enum bulla_policy_document document;
    } kinds[] = {
        {&bulla_signed_policy, BULLA_DOCUMENT_POLICY},
        {&bulla_signed_grant, BULLA_DOCUMENT_GRANT},
        {&bulla_signed_revocation, BULLA_DOCUMENT_REVOCATION},
    };
    struct bulla_bytes format;
    if (!states_format(bytes, &format))
        return BULLA_DOCUMENT_UNKNOWN;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (bulla_bytes_equal_text(format, kinds[i].kind->format))
            return kinds[i].document;
    return BULLA_DOCUMENT_UNKNOWN;
}
