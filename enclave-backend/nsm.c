/* An answer is a map of one pair: the request's name, and a map of its results; or "Error", and a word.
 *
 * A request without parts is its bare name. Absent parts of an attestation are null, and stand in it all the same. */
#include "nsm.h"

#include <ctype.h>
#include <stdio.h>

#include "crypto/cbor.h"

enum { WORD = 32 };

/* --- answers --- */

/* The device's word, if it is one. */
static enum bulla_reason refuse_error(const struct bulla_cbor *value)
{
    bool word = value->kind == BULLA_CBOR_TSTR && value->string.size > 0 && value->string.size <= WORD;
    for (size_t i = 0; word && i < value->string.size; i++)
        word = isalpha(value->string.data[i]) != 0;
    if (!word)
        return bulla_refuse(BULLA_MALFORMED, "the NSM answered with an error that is no word");
    return bulla_refuse(
        BULLA_ENCLAVE_FAILED, "the NSM says %.*s", (int)value->string.size, (const char *)value->string.data);
}

/* The results of the request called `name`. */
static enum bulla_reason read_answer(struct bulla_bytes answer, const char *name, struct bulla_cbor *results)
{
    struct bulla_cbor map, key, rest;
    if (answer.size > BULLA_NSM_ANSWER_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "the NSM's answer has %zu bytes", answer.size);
    BULLA_TRY(bulla_cbor_decode_lenient(answer, "the NSM's answer", &map));
    struct bulla_cbor_walk walk = bulla_cbor_inside(&map);
    if (map.kind != BULLA_CBOR_MAP || !bulla_cbor_next(&walk, &key) || !bulla_cbor_next(&walk, results) ||
        bulla_cbor_next(&walk, &rest) || key.kind != BULLA_CBOR_TSTR)
        return bulla_refuse(BULLA_MALFORMED, "the NSM's answer is not a map of one name");
    if (bulla_bytes_equal_text(key.string, "Error"))
        return refuse_error(results);
    if (!bulla_bytes_equal_text(key.string, name))
        return bulla_refuse(BULLA_MALFORMED, "the NSM's answer is not to %s", name);
    return BULLA_OK;
}

static bool take_text(struct bulla_bytes text, char *into, size_t size)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    if (text.size >= size)
        return false;
    memcpy(into, text.data, text.size);
    into[text.size] = '\0';
    return true;
}

static enum bulla_reason take_locked(const struct bulla_cbor *array, uint32_t *mask)
{
    struct bulla_cbor item;
    struct bulla_cbor_walk walk = bulla_cbor_inside(array);
    while (bulla_cbor_next(&walk, &item)) {
        if (item.kind != BULLA_CBOR_UINT || item.number >= BULLA_NSM_PCRS || *mask >> item.number & 1)
            return bulla_refuse(BULLA_MALFORMED, "the NSM lists a locked PCR that is none, or lists it twice");
        *mask |= UINT32_C(1) << item.number;
    }
    return BULLA_OK;
}

enum bulla_reason bulla_nsm_description_read(struct bulla_bytes answer, struct bulla_nsm_description *description)
{
    enum { MAJOR, MINOR, PATCH, MODULE, MOST, LOCKED, DIGEST, FIELDS };
    struct bulla_cbor results, value[FIELDS];
    const struct bulla_cbor_field fields[FIELDS] = {
        {0, "version_major", BULLA_CBOR_UINT, false, &value[MAJOR], 0, UINT16_MAX},
        {0, "version_minor", BULLA_CBOR_UINT, false, &value[MINOR], 0, UINT16_MAX},
        {0, "version_patch", BULLA_CBOR_UINT, false, &value[PATCH], 0, UINT16_MAX},
        {0, "module_id", BULLA_CBOR_TSTR, false, &value[MODULE], 1, sizeof description->module_id - 1},
        {0, "max_pcrs", BULLA_CBOR_UINT, false, &value[MOST], 1, BULLA_NSM_PCRS},
        {0, "locked_pcrs", BULLA_CBOR_ARRAY, false, &value[LOCKED], 0, 0},
        {0, "digest", BULLA_CBOR_TSTR, false, &value[DIGEST], 1, sizeof description->digest - 1},
    };
    memset(description, 0, sizeof *description);
    BULLA_TRY(read_answer(answer, "DescribeNSM", &results));
    BULLA_TRY(bulla_cbor_fields(&results, fields, FIELDS, "the NSM's description"));
    uint32_t locked = 0;
    BULLA_TRY(take_locked(&value[LOCKED], &locked));
    if (!take_text(value[MODULE].string, description->module_id, sizeof description->module_id) ||
        !take_text(value[DIGEST].string, description->digest, sizeof description->digest)) {
        memset(description, 0, sizeof *description);
        return bulla_refuse(BULLA_NOT_TEXT, "the NSM's description has text that is not plain");
    }
    description->version_major = (unsigned)value[MAJOR].number;
    description->version_minor = (unsigned)value[MINOR].number;
    description->version_patch = (unsigned)value[PATCH].number;
    description->pcrs = (unsigned)value[MOST].number;
    description->locked_pcrs = locked;
    return BULLA_OK;
}

enum bulla_reason bulla_nsm_pcr_read(struct bulla_bytes answer, struct bulla_nsm_pcr *pcr)
{
    enum { LOCK, DATA, FIELDS };
    struct bulla_cbor results, value[FIELDS];
    const struct bulla_cbor_field fields[FIELDS] = {
        {0, "lock", BULLA_CBOR_BOOL, false, &value[LOCK], 0, 0},
        {0, "data", BULLA_CBOR_BSTR, false, &value[DATA], 32, BULLA_NSM_PCR_LARGEST},
    };
    memset(pcr, 0, sizeof *pcr);
    BULLA_TRY(read_answer(answer, "DescribePCR", &results));
    BULLA_TRY(bulla_cbor_fields(&results, fields, FIELDS, "the NSM's PCR"));
    struct bulla_bytes data = value[DATA].string;
    if (data.size % 16)
        return bulla_refuse(BULLA_MALFORMED, "a PCR of %zu bytes", data.size);
    pcr->locked = value[LOCK].number != 0;
    pcr->size = data.size;
    memcpy(pcr->value, data.data, data.size);
    return BULLA_OK;
}

enum bulla_reason bulla_nsm_document_read(struct bulla_bytes answer, struct bulla_bytes *document)
{
    struct bulla_cbor results, value;
    const struct bulla_cbor_field field = {0, "document", BULLA_CBOR_BSTR, false, &value, 1, BULLA_NSM_ANSWER_LARGEST};
    *document = (struct bulla_bytes){NULL, 0};
    BULLA_TRY(read_answer(answer, "Attestation", &results));
    BULLA_TRY(bulla_cbor_fields(&results, &field, 1, "the NSM's attestation"));
    *document = value.string;
    return BULLA_OK;
}

/* --- requests --- */

/* The answer's memory is the caller's; `*answer` is what of it was written. */
static enum bulla_reason call(const struct bulla_nsm_transport *transport, const struct bulla_writer *request,
    uint8_t memory[static BULLA_NSM_ANSWER_LARGEST], struct bulla_bytes *answer)
{
    size_t size = 0;
    BULLA_TRY(bulla_writer_finish(request, "a request to the NSM"));
    BULLA_TRY(transport->exchange(bulla_writer_bytes(request), memory, &size));
    if (size > BULLA_NSM_ANSWER_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "%s says that it wrote %zu bytes", transport->name, size);
    *answer = (struct bulla_bytes){memory, size};
    return BULLA_OK;
}

static void open_request(
    struct bulla_writer *writer, uint8_t memory[static BULLA_NSM_REQUEST_LARGEST], const char *name, size_t parts)
{
    bulla_writer_open(writer, memory, BULLA_NSM_REQUEST_LARGEST);
    bulla_cbor_write_map(writer, 1);
    bulla_cbor_write_tstr(writer, name);
    bulla_cbor_write_map(writer, parts);
}

enum bulla_reason bulla_nsm_describe(
    const struct bulla_nsm_transport *transport, struct bulla_nsm_description *description)
{
    uint8_t request[16], answer[BULLA_NSM_ANSWER_LARGEST];
    struct bulla_writer writer;
    struct bulla_bytes answered;
    memset(description, 0, sizeof *description);
    bulla_writer_open(&writer, request, sizeof request);
    bulla_cbor_write_tstr(&writer, "DescribeNSM");
    BULLA_TRY(call(transport, &writer, answer, &answered));
    return bulla_nsm_description_read(answered, description);
}

enum bulla_reason bulla_nsm_pcr(const struct bulla_nsm_transport *transport, unsigned index, struct bulla_nsm_pcr *pcr)
{
    uint8_t request[BULLA_NSM_REQUEST_LARGEST], answer[BULLA_NSM_ANSWER_LARGEST];
    struct bulla_writer writer;
    struct bulla_bytes answered;
    memset(pcr, 0, sizeof *pcr);
    if (index >= BULLA_NSM_PCRS)
        return bulla_refuse(BULLA_ARGUMENT, "an NSM has no PCR %u", index);
    open_request(&writer, request, "DescribePCR", 1);
    bulla_cbor_write_tstr(&writer, "index");
    bulla_cbor_write_uint(&writer, index);
    BULLA_TRY(call(transport, &writer, answer, &answered));
    return bulla_nsm_pcr_read(answered, pcr);
}

static enum bulla_reason write_part(
    struct bulla_writer *writer, const char *name, struct bulla_bytes part, size_t largest)
{
    if (part.size > largest)
        return bulla_refuse(BULLA_TOO_LARGE, "%s of %zu bytes: the NSM takes %zu", name, part.size, largest);
    bulla_cbor_write_tstr(writer, name);
    if (part.size)
        bulla_cbor_write_bstr(writer, part);
    else
        bulla_cbor_write_null(writer);
    return BULLA_OK;
}

enum bulla_reason bulla_nsm_attest(const struct bulla_nsm_transport *transport,
    const struct bulla_nsm_attestation *attestation, struct bulla_writer *document)
{
    uint8_t request[BULLA_NSM_REQUEST_LARGEST], answer[BULLA_NSM_ANSWER_LARGEST];
    struct bulla_writer writer;
    struct bulla_bytes answered, signed_document;
    open_request(&writer, request, "Attestation", 3);
    BULLA_TRY(write_part(&writer, "user_data", attestation->user_data, BULLA_NSM_USER_DATA_LARGEST));
    BULLA_TRY(write_part(&writer, "nonce", attestation->nonce, BULLA_NSM_USER_DATA_LARGEST));
    BULLA_TRY(write_part(&writer, "public_key", attestation->public_key, BULLA_NSM_KEY_LARGEST));
    BULLA_TRY(call(transport, &writer, answer, &answered));
    BULLA_TRY(bulla_nsm_document_read(answered, &signed_document));
    bulla_write_bytes(document, signed_document);
    return bulla_writer_finish(document, "a Nitro document");
}
