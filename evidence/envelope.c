/* An envelope says what kind its document is, and a reader holds it to that: the document must be recognised as of the
 * kind that is named. TPM evidence has its report inside and needs no envelope; it is read as one all the same. */
#include "tpm_quote.h"
#include "verifier.h"

#define FORMAT "bulla/1 evidence"

enum { KEY_FORMAT, KEY_KIND, KEY_DOCUMENT, KEY_REPORT, KEY_CERTIFICATES, KEYS };
enum { CERTIFICATES_LARGEST = 16384 };

static void write_bytes(struct bulla_writer *writer, uint64_t key, struct bulla_bytes bytes)
{
    bulla_cbor_write_uint(writer, key);
    bulla_cbor_write_bstr(writer, bytes);
}

enum bulla_reason bulla_envelope_write(const struct bulla_envelope *envelope, struct bulla_writer *writer)
{
    struct bulla_envelope again;
    size_t start = writer->size;
    if (envelope->kind <= BULLA_EVIDENCE_NONE || envelope->kind >= BULLA_EVIDENCE_KINDS)
        return bulla_refuse(BULLA_ARGUMENT, "an evidence envelope of kind %d", (int)envelope->kind);
    bulla_cbor_write_map(writer, envelope->certificates.size ? KEYS : KEYS - 1);
    bulla_cbor_write_uint(writer, KEY_FORMAT);
    bulla_cbor_write_tstr(writer, FORMAT);
    bulla_cbor_write_uint(writer, KEY_KIND);
    bulla_cbor_write_uint(writer, envelope->kind);
    write_bytes(writer, KEY_DOCUMENT, envelope->document);
    write_bytes(writer, KEY_REPORT, envelope->report);
    if (envelope->certificates.size)
        write_bytes(writer, KEY_CERTIFICATES, envelope->certificates);
    BULLA_TRY(bulla_writer_finish(writer, "an evidence envelope"));
    return bulla_envelope_read((struct bulla_bytes){writer->data + start, writer->size - start}, &again);
}

static enum bulla_reason read_tpm(struct bulla_bytes bytes, struct bulla_envelope *envelope)
{
    struct bulla_tpm_evidence evidence;
    BULLA_TRY(bulla_tpm_evidence_read(bytes, &evidence));
    *envelope = (struct bulla_envelope){.kind = BULLA_EVIDENCE_TPM, .document = bytes, .report = evidence.report};
    return BULLA_OK;
}

static bool says_tpm(const struct bulla_cbor *map)
{
    struct bulla_cbor key, value;
    struct bulla_cbor_walk walk = bulla_cbor_inside(map);
    return map->kind == BULLA_CBOR_MAP && bulla_cbor_next(&walk, &key) && bulla_cbor_next(&walk, &value) &&
           value.kind == BULLA_CBOR_TSTR && bulla_bytes_equal_text(value.string, "bulla/1 tpm-evidence");
}

static enum bulla_reason read_map(const struct bulla_cbor *map, struct bulla_envelope *envelope)
{
    struct bulla_cbor value[KEYS] = {[KEY_CERTIFICATES] = {.kind = BULLA_CBOR_NULL}};
    const struct bulla_cbor_field fields[KEYS] = {
        {KEY_FORMAT, NULL, BULLA_CBOR_TSTR, false, &value[KEY_FORMAT], 0, 0},
        {KEY_KIND, NULL, BULLA_CBOR_UINT, false, &value[KEY_KIND], BULLA_EVIDENCE_NONE + 1, BULLA_EVIDENCE_KINDS - 1},
        {KEY_DOCUMENT, NULL, BULLA_CBOR_BSTR, false, &value[KEY_DOCUMENT], 1, BULLA_EVIDENCE_DOCUMENT_LARGEST},
        {KEY_REPORT, NULL, BULLA_CBOR_BSTR, false, &value[KEY_REPORT], 1, BULLA_REPORT_LARGEST},
        {KEY_CERTIFICATES, NULL, BULLA_CBOR_BSTR, true, &value[KEY_CERTIFICATES], 1, CERTIFICATES_LARGEST},
    };
    BULLA_TRY(bulla_cbor_fields(map, fields, KEYS, "evidence envelope"));
    if (!bulla_bytes_equal_text(value[KEY_FORMAT].string, FORMAT))
        return bulla_refuse(BULLA_MALFORMED, "the evidence envelope does not say " FORMAT);
    envelope->kind = (enum bulla_evidence_kind)value[KEY_KIND].number;
    envelope->document = value[KEY_DOCUMENT].string;
    envelope->report = value[KEY_REPORT].string;
    if (value[KEY_CERTIFICATES].kind == BULLA_CBOR_BSTR)
        envelope->certificates = value[KEY_CERTIFICATES].string;
    if (bulla_evidence_recognise(envelope->document)->kind != envelope->kind)
        return bulla_refuse(BULLA_EVIDENCE_KIND, "the evidence envelope holds no document of the kind %s that it names",
            bulla_evidence_verifiers[envelope->kind]->name);
    return BULLA_OK;
}

enum bulla_reason bulla_envelope_read(struct bulla_bytes bytes, struct bulla_envelope *envelope)
{
    struct bulla_cbor map;
    *envelope = (struct bulla_envelope){.kind = BULLA_EVIDENCE_NONE};
    if (bytes.size > BULLA_EVIDENCE_DOCUMENT_LARGEST + CERTIFICATES_LARGEST + 2 * BULLA_REPORT_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "an evidence envelope of %zu bytes", bytes.size);
    BULLA_TRY(bulla_cbor_decode(bytes, "evidence envelope", &map));
    if (says_tpm(&map))
        return read_tpm(bytes, envelope);
    enum bulla_reason reason = read_map(&map, envelope);
    if (reason != BULLA_OK)
        *envelope = (struct bulla_envelope){.kind = BULLA_EVIDENCE_NONE};
    return reason;
}
