/* Inside the checks of a receipt bundle: what receipt_checks.c and receipt_evidence.c share. */
#ifndef BULLA_TOOLS_RECEIPT_EXAMINATION_H
#define BULLA_TOOLS_RECEIPT_EXAMINATION_H

#include "receipt_checks.h"

struct bulla_examination {
    struct bulla_checks *checks;
    const struct bulla_receipt_trust *trust;
    struct bulla_receipt_findings *findings;
    struct bulla_answer answer;
    struct bulla_bytes request;
    struct bulla_cose_message message;
    struct bulla_report report;
};

/* The line of a check: `good` when it passed, else the thread's detail. Returns whether it passed. */
bool bulla_examination_check(
    struct bulla_examination *examination, const char *name, enum bulla_reason reason, const char *good);
/* Everything about the evidence; finds the key that it vouches for, and whether the receipt is attested. */
void bulla_receipt_evidence_check(struct bulla_examination *examination);

#endif
