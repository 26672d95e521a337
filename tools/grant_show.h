/* Grants and references as people and scripts see them; used by all commands that show some. */
#ifndef BULLA_TOOLS_GRANT_SHOW_H
#define BULLA_TOOLS_GRANT_SHOW_H

#include <jansson.h>

#include "evidence/policy.h"

enum { BULLA_GRANT_TEXT = 640, BULLA_GRANT_ID_TEXT = 2 * BULLA_GRANT_ID + 1, BULLA_SUMMARY_TEXT = 192 };

void bulla_grant_id_text(const uint8_t id[static BULLA_GRANT_ID], char text[static BULLA_GRANT_ID_TEXT]);
/* "infer,sign", or "all"; text: 64 bytes. */
void bulla_grant_operations_text(uint32_t operations, char text[static 64]);
/* "user:ann may infer with 6d31 from … until …, 10 times, at most 2 in 60 s", without the id. */
void bulla_grant_text(const struct bulla_grant *grant, char text[static BULLA_GRANT_TEXT]);
/* {"id", "to", "object" (hex, or null: every object), "operations", "from", "until", "uses", "rate": "2/60"}; what is
 * not limited is null. NULL without memory. */
json_t *bulla_grant_json(const struct bulla_grant *grant);
/* Says the ids that are revoked, a line each, and gives the same as an array of texts; NULL without memory. */
json_t *bulla_revocation_show(const struct bulla_revocation *revocation);

/* "version 2 of epoch 0, 1 state, 0 references, restricted to 1 grant" */
void bulla_policy_summary(const struct bulla_policy *policy, char text[static BULLA_SUMMARY_TEXT]);

/* {"label", "kind", "measurements": {…}, "tcb", "migratable", "platform"}. */
json_t *bulla_reference_json(const struct bulla_policy_reference *reference);
/* {"label", "pcrs", "digest"}. */
json_t *bulla_state_json(const struct bulla_policy_state *state);

#endif
