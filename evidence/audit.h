/* The audit log: hash-chained JSON lines (docs/formats.md, "Audit log").
 *
 * Each line is a JSON object with seq, time, event, the fields of the event, prev (the hash of the line before) and
 * hash = SHA-256(prev ‖ the line without its hash member). Heads are lines of event "head" whose signature (Ed25519 by
 * the receipt key) covers seq, hash and a counter's value, so that truncation and rewriting show. Several processes
 * append under a lock on the file; an append is one write, and fsynced where the event asks for it. */
#ifndef BULLA_EVIDENCE_AUDIT_H
#define BULLA_EVIDENCE_AUDIT_H

#include "crypto/cose.h"

struct bulla_audit; /* an open log */

enum { BULLA_AUDIT_FIELDS = 12, BULLA_AUDIT_LINE_LARGEST = 4096 };
struct bulla_audit_field {
    const char *name;
    const char *text; /* UTF-8, escaped, cut and mended by the log; NULL: the number */
    uint64_t number;
};

/* Opens or creates (0600) the file; a torn last line (a crash in mid-write) is cut off and recorded as event
 * "repaired". BULLA_AUDIT_BROKEN when the last complete line does not parse or its hash is wrong. */
enum bulla_reason bulla_audit_open(const char *path, struct bulla_audit **audit) BULLA_MUST_USE;
void bulla_audit_close(struct bulla_audit *audit);
void bulla_audit_abandon(struct bulla_audit *audit); /* in a forked child */
enum bulla_reason bulla_audit_append(struct bulla_audit *audit, const char *event,
    const struct bulla_audit_field *fields, size_t count, bool durable) BULLA_MUST_USE;
/* A head, as its writer remembers it where whoever can write the log can't. All zero: no head was signed yet. */
struct bulla_audit_mark {
    uint64_t seq;
    uint8_t hash[32];
    bool lost; /* there was one, and which is not known any more */
};
/* Appends a signed head over everything before it, durably. signer: Ed25519; it is called with the log locked and must
 * not append to it. counter: below 2^53.
 * `last`: the head remembered; on success the one just written. When the log does not hold it, the event "cut" is
 * appended first, which the head covers and which no later head takes back. Remembering an older head of this log than
 * the last is no harm: it is found, too. NULL: nothing is remembered, and nothing looked for. */
enum bulla_reason bulla_audit_head(struct bulla_audit *audit, uint64_t counter, const struct bulla_cose_signer *signer,
    struct bulla_audit_mark *last) BULLA_MUST_USE;

struct bulla_audit_summary {
    uint64_t lines, heads, last_counter;
    uint64_t after_last_head; /* lines that no head covers yet */
    uint64_t broken_line;     /* 1-based; 0: none */
};
/* Reads a whole log; key: 32 bytes, or NULL to check the chain only. Heads from before the last line "initialized" may
 * be another key's: they are the token's that was there before. `least_counter`: the counter's value now; a last
 * head that is older shows truncation, and so does a line "cut". BULLA_AUDIT_BROKEN with the line. */
enum bulla_reason bulla_audit_verify(
    const char *path, const uint8_t *key, uint64_t least_counter, struct bulla_audit_summary *summary) BULLA_MUST_USE;
/* The last `count` lines, oldest first, handed to `each` without their newline. */
enum bulla_reason bulla_audit_tail(
    const char *path, size_t count, void (*each)(void *context, struct bulla_bytes line), void *context) BULLA_MUST_USE;

#endif
