#include "enrolment.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "output.h"

const struct bulla_enrolment_format bulla_enrolment_request = {
    "bulla/1 enrolment", {"token", "serial", "receipt_key", "attestation_key", "attestation_key_name", "endorsements"}};
const struct bulla_enrolment_format bulla_enrolment_challenge = {
    "bulla/1 enrolment-challenge", {"attestation_key_name", "credential"}};
const struct bulla_enrolment_format bulla_enrolment_answer = {
    "bulla/1 enrolment-answer", {"attestation_key_name", "secret"}};
const struct bulla_enrolment_format bulla_enrolment_state = {"bulla/1 enrolment-state",
    {"attestation_key_name", "answer_digest", "certificate", "expires", "token", "serial", "receipt_key"}};

static enum bulla_reason shape_check(
    const json_t *document, const char *path, const struct bulla_enrolment_format *format)
{
    size_t count = 0;
    const char *name = json_string_value(json_object_get(document, "format"));
    if (!name || strcmp(name, format->name) != 0)
        return bulla_refuse(
            BULLA_MALFORMED, "%s is not a document \"%s\" but %s", path, format->name, name ? name : "something else");
    for (; format->members[count]; count++)
        if (!json_object_get(document, format->members[count]))
            return bulla_refuse(BULLA_MALFORMED, "%s: \"%s\" is missing", path, format->members[count]);
    if (json_object_size(document) != count + 1)
        return bulla_refuse(BULLA_MALFORMED, "%s: members that are not known", path);
    return BULLA_OK;
}

enum bulla_reason bulla_enrolment_parse(
    struct bulla_bytes text, const char *what, const struct bulla_enrolment_format *format, json_t **document)
{
    json_error_t error;
    *document = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    if (!*document)
        return bulla_refuse(BULLA_MALFORMED, "%s is not JSON: %s", what, error.text);
    enum bulla_reason reason = shape_check(*document, what, format);
    if (reason != BULLA_OK) {
        json_decref(*document);
        *document = NULL;
    }
    return reason;
}

enum bulla_reason bulla_enrolment_read(const char *path, const struct bulla_enrolment_format *format, json_t **document)
{
    uint8_t *data = NULL;
    size_t size = 0;
    *document = NULL;
    BULLA_TRY(bulla_file_read(path, BULLA_ENROLMENT_LARGEST, &data, &size));
    enum bulla_reason reason = bulla_enrolment_parse((struct bulla_bytes){data, size}, path, format, document);
    bulla_file_free(data, size);
    return reason;
}

enum bulla_reason bulla_enrolment_write(
    const char *path, mode_t mode, bool create, const struct bulla_enrolment_format *format, json_t *document)
{
    char *text = NULL;
    if (document && json_object_set_new(document, "format", json_string(format->name)) == 0)
        text = json_dumps(document, JSON_INDENT(2) | JSON_SORT_KEYS);
    json_decref(document);
    if (!text)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for %s", path);
    size_t size = strlen(text);
    text[size] = '\n'; /* in the place of the zero */
    struct bulla_bytes bytes = {(const uint8_t *)text, size + 1};
    enum bulla_reason reason = create ? bulla_file_create(path, mode, bytes) : bulla_file_write(path, mode, bytes);
    sodium_memzero(text, size);
    free(text);
    return reason;
}

enum bulla_reason bulla_enrolment_bytes(
    const json_t *document, const char *member, size_t least, size_t most, uint8_t *bytes, size_t *size)
{
    const char *text = json_string_value(json_object_get(document, member));
    const char *end = NULL;
    *size = 0;
    if (!text || sodium_hex2bin(bytes, most, text, strlen(text), NULL, size, &end) != 0 || *end != '\0')
        return bulla_refuse(BULLA_MALFORMED, "\"%s\" is not hex of %zu to %zu bytes", member, least, most);
    return *size >= least ? BULLA_OK
                          : bulla_refuse(BULLA_MALFORMED, "\"%s\" has %zu byte%s; %zu are needed", member, *size,
                                bulla_plural(*size), least);
}

json_t *bulla_enrolment_hex(struct bulla_bytes bytes)
{
    size_t size = 2 * bytes.size + 1;
    char *text = malloc(size);
    json_t *value = text ? json_string(sodium_bin2hex(text, size, bytes.data, bytes.size)) : NULL;
    if (text)
        sodium_memzero(text, size);
    free(text);
    return value;
}
