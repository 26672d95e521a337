/* The documents that an enrolment passes between a machine and whoever enrols it: JSON objects of a "format" and
 * exactly that format's members, bytes in hex (docs/formats.md, "Enrolment"). None of them is believed for what it
 * says: certificates, names and the answer are. */
#ifndef BULLA_TOOLS_ENROLMENT_H
#define BULLA_TOOLS_ENROLMENT_H

#include <jansson.h>
#include <sys/types.h>

#include "crypto/bytes.h"

enum { BULLA_ENROLMENT_LARGEST = 131072, BULLA_ENROLMENT_NAME_LARGEST = 50, BULLA_ENROLMENT_SECRET = 32 };

struct bulla_enrolment_format {
    const char *name;
    const char *members[8]; /* beside "format"; ends with NULL */
};
extern const struct bulla_enrolment_format bulla_enrolment_request, bulla_enrolment_challenge, bulla_enrolment_answer,
    bulla_enrolment_state;

/* The caller's to json_decref, also after a refusal (NULL then). `what` names it in details. BULLA_MALFORMED: no JSON,
 * of another format, a member missing or unknown. */
enum bulla_reason bulla_enrolment_parse(struct bulla_bytes text, const char *what,
    const struct bulla_enrolment_format *format, json_t **document) BULLA_MUST_USE;
/* The same of a file. */
enum bulla_reason bulla_enrolment_read(
    const char *path, const struct bulla_enrolment_format *format, json_t **document) BULLA_MUST_USE;
/* Adds the format and writes it; `create`: where there is no file of that name yet. Takes the reference. */
enum bulla_reason bulla_enrolment_write(const char *path, mode_t mode, bool create,
    const struct bulla_enrolment_format *format, json_t *document) BULLA_MUST_USE;

/* A member's bytes, `least` to `most` of them, into `bytes`. BULLA_MALFORMED. */
enum bulla_reason bulla_enrolment_bytes(
    const json_t *document, const char *member, size_t least, size_t most, uint8_t *bytes, size_t *size) BULLA_MUST_USE;
/* NULL without memory. */
json_t *bulla_enrolment_hex(struct bulla_bytes bytes);

#endif
