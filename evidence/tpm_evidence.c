/* The evidence document: a map whose PCR values are an array in the order of the mask's bits, so that a document says
 * each thing once. What it carries is only shaped here; tpm_quote.c checks it. */
#include "tpm_quote.h"

#include "crypto/cbor.h"

#define FORMAT "bulla/1 tpm-evidence"

enum { KEY_FORMAT, KEY_ATTEST, KEY_SIGNATURE, KEY_PUBLIC, KEY_MASK, KEY_PCRS, KEY_REPORT, KEY_BANK, KEYS };
enum {
    ATTEST_LARGEST = 1024,
    SIGNATURE_LARGEST = 1024,
    PUBLIC_LARGEST = 1024,
    MASK_LARGEST = (1 << BULLA_PCR_COUNT) - 1,
    BANK_LARGEST = 0xffff
};

static bool selected(uint32_t mask, unsigned pcr)
{
    return mask >> pcr & 1;
}

static size_t selected_count(uint32_t mask)
{
    return (size_t)__builtin_popcount(mask);
}

struct bulla_bytes bulla_tpm_evidence_pcr(const struct bulla_tpm_evidence *evidence, unsigned pcr)
{
    return pcr < BULLA_PCR_COUNT ? (struct bulla_bytes){evidence->values[pcr], bulla_hash_size(evidence->bank)}
                                 : (struct bulla_bytes){NULL, 0};
}

static void write_bytes(struct bulla_writer *writer, uint64_t key, struct bulla_bytes bytes)
{
    bulla_cbor_write_uint(writer, key);
    bulla_cbor_write_bstr(writer, bytes);
}

static void write_pcrs(struct bulla_writer *writer, const struct bulla_tpm_evidence *evidence)
{
    bulla_cbor_write_uint(writer, KEY_PCRS);
    bulla_cbor_write_array(writer, selected_count(evidence->pcr_mask));
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++)
        if (selected(evidence->pcr_mask, pcr))
            bulla_cbor_write_bstr(writer, bulla_tpm_evidence_pcr(evidence, pcr));
}

enum bulla_reason bulla_tpm_evidence_write(const struct bulla_tpm_evidence *evidence, struct bulla_writer *writer)
{
    struct bulla_tpm_evidence again;
    size_t start = writer->size;
    if (evidence->pcr_mask > MASK_LARGEST)
        return bulla_refuse(BULLA_ARGUMENT, "TPM evidence: PCR mask %08x", evidence->pcr_mask);
    bool banked = evidence->bank != BULLA_SHA256; /* which is what a document without the field means */
    bulla_cbor_write_map(writer, banked ? KEYS : KEYS - 1);
    bulla_cbor_write_uint(writer, KEY_FORMAT);
    bulla_cbor_write_tstr(writer, FORMAT);
    write_bytes(writer, KEY_ATTEST, evidence->attest);
    write_bytes(writer, KEY_SIGNATURE, evidence->signature);
    write_bytes(writer, KEY_PUBLIC, evidence->key);
    bulla_cbor_write_uint(writer, KEY_MASK);
    bulla_cbor_write_uint(writer, evidence->pcr_mask);
    write_pcrs(writer, evidence);
    write_bytes(writer, KEY_REPORT, evidence->report);
    if (banked) {
        bulla_cbor_write_uint(writer, KEY_BANK);
        bulla_cbor_write_uint(writer, bulla_tpm_hash_algorithm(evidence->bank));
    }
    BULLA_TRY(bulla_writer_finish(writer, "TPM evidence"));
    return bulla_tpm_evidence_read((struct bulla_bytes){writer->data + start, writer->size - start}, &again);
}

static enum bulla_reason read_pcrs(const struct bulla_cbor *array, struct bulla_tpm_evidence *evidence)
{
    if (array->number != selected_count(evidence->pcr_mask))
        return bulla_refuse(BULLA_MALFORMED, "TPM evidence: %zu PCRs selected, %llu given",
            selected_count(evidence->pcr_mask), (unsigned long long)array->number);
    size_t size = bulla_hash_size(evidence->bank);
    struct bulla_cbor_walk walk = bulla_cbor_inside(array);
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++) {
        struct bulla_cbor value;
        if (!selected(evidence->pcr_mask, pcr))
            continue;
        if (!bulla_cbor_next(&walk, &value) || value.kind != BULLA_CBOR_BSTR || value.string.size != size)
            return bulla_refuse(BULLA_MALFORMED, "TPM evidence: PCR %u is not %zu bytes", pcr, size);
        memcpy(evidence->values[pcr], value.string.data, size);
    }
    return BULLA_OK;
}

/* Absent: SHA-256. Given, it must be another: a document says each thing in one way. */
static enum bulla_reason read_bank(const struct bulla_cbor *field, struct bulla_tpm_evidence *evidence)
{
    evidence->bank = BULLA_SHA256;
    if (field->kind == BULLA_CBOR_NULL)
        return BULLA_OK;
    if (!bulla_tpm_hash((uint16_t)field->number, &evidence->bank))
        return bulla_refuse(BULLA_UNSUPPORTED, "TPM evidence: bank %04x", (unsigned)field->number);
    if (evidence->bank == BULLA_SHA256)
        return bulla_refuse(BULLA_NOT_CANONICAL, "TPM evidence: the SHA-256 bank is not written");
    return BULLA_OK;
}

enum bulla_reason bulla_tpm_evidence_read(struct bulla_bytes document, struct bulla_tpm_evidence *evidence)
{
    struct bulla_cbor map, value[KEYS] = {[KEY_BANK] = {.kind = BULLA_CBOR_NULL}};
    const struct bulla_cbor_field fields[KEYS] = {
        {KEY_FORMAT, NULL, BULLA_CBOR_TSTR, false, &value[KEY_FORMAT], 0, 0},
        {KEY_ATTEST, NULL, BULLA_CBOR_BSTR, false, &value[KEY_ATTEST], 1, ATTEST_LARGEST},
        {KEY_SIGNATURE, NULL, BULLA_CBOR_BSTR, false, &value[KEY_SIGNATURE], 1, SIGNATURE_LARGEST},
        {KEY_PUBLIC, NULL, BULLA_CBOR_BSTR, false, &value[KEY_PUBLIC], 1, PUBLIC_LARGEST},
        {KEY_MASK, NULL, BULLA_CBOR_UINT, false, &value[KEY_MASK], 1, MASK_LARGEST},
        {KEY_PCRS, NULL, BULLA_CBOR_ARRAY, false, &value[KEY_PCRS], 0, 0},
        {KEY_REPORT, NULL, BULLA_CBOR_BSTR, false, &value[KEY_REPORT], 1, BULLA_REPORT_LARGEST},
        {KEY_BANK, NULL, BULLA_CBOR_UINT, true, &value[KEY_BANK], 1, BANK_LARGEST},
    };
    *evidence = (struct bulla_tpm_evidence){.pcr_mask = 0};
    if (document.size > BULLA_EVIDENCE_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "TPM evidence of %zu bytes", document.size);
    BULLA_TRY(bulla_cbor_decode(document, "TPM evidence", &map));
    BULLA_TRY(bulla_cbor_fields(&map, fields, KEYS, "TPM evidence"));
    if (!bulla_bytes_equal_text(value[KEY_FORMAT].string, FORMAT))
        return bulla_refuse(BULLA_MALFORMED, "TPM evidence does not say " FORMAT);
    evidence->attest = value[KEY_ATTEST].string;
    evidence->signature = value[KEY_SIGNATURE].string;
    evidence->key = value[KEY_PUBLIC].string;
    evidence->pcr_mask = (uint32_t)value[KEY_MASK].number;
    evidence->report = value[KEY_REPORT].string;
    BULLA_TRY(read_bank(&value[KEY_BANK], evidence));
    return read_pcrs(&value[KEY_PCRS], evidence);
}
