/* PCR selections as people write them ("0-7,11"), and digests of their values. */
#ifndef BULLA_TOOLS_PCRS_H
#define BULLA_TOOLS_PCRS_H

#include <jansson.h>

#include "crypto/bytes.h"
#include "evidence/policy.h"

/* Numbers and ranges of PCRs 0–23, each once. BULLA_ARGUMENT. */
enum bulla_reason bulla_pcrs_parse(const char *text, uint32_t *mask) BULLA_MUST_USE;
/* The shortest such text; text: 64 bytes. */
void bulla_pcrs_write(uint32_t mask, char text[static 64]);
/* SHA-256 over the values, ascending, from a JSON object {"0" or "pcr0": 64 hex digits, …} of a status document.
 * BULLA_TPM_UNREACHABLE when one is not there. */
enum bulla_reason bulla_pcrs_digest(const json_t *values, uint32_t mask, uint8_t digest[static 32]) BULLA_MUST_USE;
/* A label of a state or a reference: 1 to 63 bytes without control characters; whether it is one. */
bool bulla_label_take(const char *text, size_t size, char label[static 64]);
/* "LABEL=PCRS:digest" into a policy's state; the label may hold '=' but no control character. */
enum bulla_reason bulla_pcrs_state_parse(const char *text, struct bulla_policy_state *state) BULLA_MUST_USE;

#endif
