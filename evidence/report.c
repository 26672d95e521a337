/* One table says what the array's parts are, in their order, and their bounds. What was written is read back once: so
 * nothing is written which would not be read, and bounds and text are checked in one place. */
#include "report.h"

#include "crypto/cipher.h"

#define FORMAT "bulla/1"

static const char *const purpose_names[BULLA_PURPOSE_COUNT] = {
    [BULLA_PURPOSE_ATTEST] = "attest",
    [BULLA_PURPOSE_RECEIPT] = "receipt",
    [BULLA_PURPOSE_RELEASE] = "release",
};

struct part {
    const char *name;
    size_t offset; /* of the view in struct bulla_report */
    size_t smallest, largest;
    enum bulla_cbor_kind kind;
    bool or_empty;
};

#define PART(field, kind_, smallest_, largest_, or_empty_)                                                             \
    {                                                                                                                  \
        .name = #field, .offset = offsetof(struct bulla_report, field), .smallest = (smallest_),                       \
        .largest = (largest_), .kind = BULLA_CBOR_##kind_, .or_empty = (or_empty_)                                     \
    }
static const struct part parts[] = {
    PART(verifier, BSTR, 0, 128, false),
    PART(nonce, BSTR, 0, 64, false),
    PART(public_key, BSTR, 0, 128, false),
    PART(token, BSTR, 16, 16, false),
    PART(object, BSTR, 16, 16, true),
    PART(path, TSTR, 0, 256, false),
    PART(operation, TSTR, 0, 64, false),
    PART(grant_signer, BSTR, 0, 128, false),
    PART(authority, BSTR, 0, 128, false),
};
#undef PART
enum { PARTS = sizeof parts / sizeof parts[0], ITEMS = PARTS + 3 };

const char *bulla_purpose_name(enum bulla_purpose purpose)
{
    return (unsigned)purpose < BULLA_PURPOSE_COUNT ? purpose_names[purpose] : "unknown";
}

enum bulla_purpose bulla_purpose_named(struct bulla_bytes name)
{
    unsigned purpose = 0;
    while (purpose < BULLA_PURPOSE_COUNT && !bulla_bytes_equal_text(name, purpose_names[purpose]))
        purpose++;
    return (enum bulla_purpose)purpose;
}

static enum bulla_reason check_size(const struct part *part, size_t size)
{
    if ((size >= part->smallest && size <= part->largest) || (size == 0 && part->or_empty))
        return BULLA_OK;
    return bulla_refuse(BULLA_MALFORMED, "report data: %s of %zu bytes", part->name, size);
}

static struct bulla_bytes *view_of(struct bulla_report *report, const struct part *part)
{
    return (struct bulla_bytes *)(void *)((char *)report + part->offset);
}

enum bulla_reason bulla_report_write(const struct bulla_report *report, struct bulla_writer *writer)
{
    struct bulla_report copy = *report; /* views only */
    if ((unsigned)report->purpose >= BULLA_PURPOSE_COUNT)
        return bulla_refuse(BULLA_ARGUMENT, "report data: purpose %d", (int)report->purpose);
    size_t start = writer->size;
    bulla_cbor_write_array(writer, ITEMS);
    bulla_cbor_write_tstr(writer, FORMAT);
    bulla_cbor_write_tstr(writer, bulla_purpose_name(report->purpose));
    for (size_t i = 0; i < PARTS; i++) {
        struct bulla_bytes view = *view_of(&copy, &parts[i]);
        if (parts[i].kind == BULLA_CBOR_TSTR)
            bulla_cbor_write_tstr_bytes(writer, view);
        else
            bulla_cbor_write_bstr(writer, view);
    }
    bulla_cbor_write_uint(writer, report->policy_version);
    BULLA_TRY(bulla_writer_finish(writer, "report data"));
    return bulla_report_read((struct bulla_bytes){writer->data + start, writer->size - start}, &copy);
}

static enum bulla_reason read_purpose(struct bulla_cbor_walk *walk, enum bulla_purpose *purpose)
{
    struct bulla_cbor item;
    if (!bulla_cbor_next(walk, &item) || item.kind != BULLA_CBOR_TSTR || !bulla_bytes_equal_text(item.string, FORMAT))
        return bulla_refuse(BULLA_MALFORMED, "report data does not begin with " FORMAT);
    if (!bulla_cbor_next(walk, &item) || item.kind != BULLA_CBOR_TSTR)
        return bulla_refuse(BULLA_MALFORMED, "report data names no purpose");
    *purpose = bulla_purpose_named(item.string);
    return *purpose < BULLA_PURPOSE_COUNT ? BULLA_OK
                                          : bulla_refuse(BULLA_UNKNOWN_FIELD, "report data: unknown purpose");
}

enum bulla_reason bulla_report_read(struct bulla_bytes bytes, struct bulla_report *report)
{
    struct bulla_cbor array, item;
    *report = (struct bulla_report){.policy_version = 0};
    if (bytes.size > BULLA_REPORT_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "report data of %zu bytes", bytes.size);
    BULLA_TRY(bulla_cbor_decode(bytes, "report data", &array));
    if (array.kind != BULLA_CBOR_ARRAY || array.number != ITEMS)
        return bulla_refuse(BULLA_MALFORMED, "report data is not an array of %d", ITEMS);
    struct bulla_cbor_walk walk = bulla_cbor_inside(&array);
    BULLA_TRY(read_purpose(&walk, &report->purpose));
    for (size_t i = 0; i < PARTS; i++) {
        if (!bulla_cbor_next(&walk, &item) || item.kind != parts[i].kind)
            return bulla_refuse(BULLA_MALFORMED, "report data: %s is of another kind", parts[i].name);
        BULLA_TRY(check_size(&parts[i], item.string.size));
        *view_of(report, &parts[i]) = item.string;
    }
    if (!bulla_cbor_next(&walk, &item) || item.kind != BULLA_CBOR_UINT)
        return bulla_refuse(BULLA_MALFORMED, "report data: policy version is of another kind");
    report->policy_version = item.number;
    return BULLA_OK;
}

void bulla_report_digest(struct bulla_bytes encoded_report, uint8_t digest[static 32])
{
    bulla_sha256(encoded_report, digest);
}
