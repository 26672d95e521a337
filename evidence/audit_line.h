/* One line of the audit log: how it is written and how it is read. */
#ifndef BULLA_EVIDENCE_AUDIT_LINE_H
#define BULLA_EVIDENCE_AUDIT_LINE_H

#include "audit.h"

enum { BULLA_AUDIT_TIME = 24, BULLA_AUDIT_HASH = 32 };
/* Numbers above this (2^53 - 1) are not the same to every reader of JSON. */
#define BULLA_AUDIT_NUMBER_LARGEST UINT64_C(0x1fffffffffffff)

/* The end of the chain: the next line's seq is `seq` + 1 and its prev is `hash`. Zero for an empty log. */
struct bulla_audit_end {
    uint64_t seq;
    uint8_t hash[BULLA_AUDIT_HASH];
};

/* "2026-01-31T12:00:00.000Z" and a terminating zero, of the machine's clock now. */
void bulla_audit_time(char text[static BULLA_AUDIT_TIME + 1]);

/* The line that follows `end`, with its newline. On success `end` is the new end and `*size` at most
 * BULLA_AUDIT_LINE_LARGEST. BULLA_ARGUMENT: names that are not [a-z0-9_-]{1,32}, or reserved, or twice. */
enum bulla_reason bulla_audit_line_write(struct bulla_audit_end *end, const char *time, const char *event,
    const struct bulla_audit_field *fields, size_t count, char line[static BULLA_AUDIT_LINE_LARGEST],
    size_t *size) BULLA_MUST_USE;

struct bulla_audit_line {
    uint64_t seq;
    uint8_t prev[BULLA_AUDIT_HASH], hash[BULLA_AUDIT_HASH];
    bool head, cut, begins;          /* begins: a token was initialised */
    uint64_t missing;                /* of a cut: the seq of the head that is not there; 0: unknown */
    char time[BULLA_AUDIT_TIME + 1]; /* of a head: */
    uint64_t counter;
    uint8_t signature[64];
};
/* line: without its newline. Checks its form and that its hash is its own; not where it stands. BULLA_AUDIT_BROKEN. */
enum bulla_reason bulla_audit_line_read(struct bulla_bytes line, struct bulla_audit_line *read) BULLA_MUST_USE;

/* What a head's signature is over:
 * "bulla/1 audit head" ‖ u64 seq ‖ prev ‖ u64 counter ‖ time (24 bytes of text), big-endian. */
enum { BULLA_AUDIT_HEAD_SIGNED = 18 + 8 + BULLA_AUDIT_HASH + 8 + BULLA_AUDIT_TIME };
void bulla_audit_head_message(uint64_t seq, const uint8_t prev[static BULLA_AUDIT_HASH], uint64_t counter,
    const char time[static BULLA_AUDIT_TIME], uint8_t message[static BULLA_AUDIT_HEAD_SIGNED]);

#endif
