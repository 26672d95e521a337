/* Reading goes from what decides to what is detailed: the format, the authority's name, its signature; what else the
 * fields say is the caller's to judge, of a document that is known to be signed. */
#include "signed_document.h"

#include "grant.h"
#include "policy.h"

const struct bulla_signed_kind bulla_signed_policy = {"policy bundle", "bulla/1 policy", BULLA_POLICY_LARGEST};
const struct bulla_signed_kind bulla_signed_grant = {"grant", "bulla/1 grant", BULLA_GRANT_DOCUMENT_LARGEST};
const struct bulla_signed_kind bulla_signed_revocation = {
    "revocation", "bulla/1 revocation", BULLA_GRANT_DOCUMENT_LARGEST};

enum bulla_reason bulla_signed_read(const struct bulla_signed_kind *kind, struct bulla_bytes bytes,
    struct bulla_bytes authority, const struct bulla_cbor_field *fields, size_t count)
{
    struct bulla_cose_message message;
    struct bulla_cbor map;
    if (bytes.size > kind->largest)
        return bulla_refuse(BULLA_TOO_LARGE, "a %s of %zu bytes", kind->what, bytes.size);
    BULLA_TRY(bulla_cose_sign1_read(bytes, kind->what, &message));
    if (message.content_type != 0)
        return bulla_refuse(
            BULLA_MALFORMED, "%s: of content type %llu", kind->what, (unsigned long long)message.content_type);
    BULLA_TRY(bulla_cbor_decode(message.payload, kind->what, &map));
    BULLA_TRY(bulla_cbor_fields(&map, fields, count, kind->what));
    if (!bulla_bytes_equal_text(fields[BULLA_SIGNED_FORMAT].value->string, kind->format))
        return bulla_refuse(BULLA_MALFORMED, "the payload does not say %s", kind->format);
    struct bulla_bytes named = fields[BULLA_SIGNED_AUTHORITY].value->string;
    if (authority.size && !bulla_bytes_equal(authority, named))
        return bulla_refuse(BULLA_POLICY_AUTHORITY, "the %s is of another authority", kind->what);
    const struct bulla_cose_key key = {BULLA_COSE_ES256, named};
    if (bulla_cose_sign1_verify(&message, &key, (struct bulla_bytes){NULL, 0}) != BULLA_OK)
        return bulla_refuse_within(BULLA_POLICY_SIGNATURE, "%s: ", kind->what);
    return BULLA_OK;
}

void bulla_signed_begin(const struct bulla_signed_kind *kind, struct bulla_writer *payload,
    const uint8_t authority[static 65], size_t fields)
{
    bulla_cbor_write_map(payload, fields);
    bulla_signed_text(payload, BULLA_SIGNED_FORMAT, BULLA_TEXT(kind->format));
    bulla_signed_bytes(payload, BULLA_SIGNED_AUTHORITY, (struct bulla_bytes){authority, 65});
}

enum bulla_reason bulla_signed_write(const struct bulla_signed_kind *kind, struct bulla_bytes payload,
    const struct bulla_cose_signer *signer, struct bulla_writer *writer)
{
    if (signer->algorithm != BULLA_COSE_ES256)
        return bulla_refuse(BULLA_ARGUMENT, "%s: an authority signs with ES256", kind->what);
    BULLA_TRY(bulla_cose_sign1_write(writer, signer, 0, payload, (struct bulla_bytes){NULL, 0}));
    return bulla_writer_finish(writer, kind->what);
}

void bulla_signed_number(struct bulla_writer *writer, uint64_t key, uint64_t number)
{
    bulla_cbor_write_uint(writer, key);
    bulla_cbor_write_uint(writer, number);
}

void bulla_signed_bytes(struct bulla_writer *writer, uint64_t key, struct bulla_bytes bytes)
{
    bulla_cbor_write_uint(writer, key);
    bulla_cbor_write_bstr(writer, bytes);
}

void bulla_signed_text(struct bulla_writer *writer, uint64_t key, struct bulla_bytes utf8)
{
    bulla_cbor_write_uint(writer, key);
    bulla_cbor_write_tstr_bytes(writer, utf8);
}
