/* A token's status document for people, and what init asks consent for. */
#ifndef BULLA_TOOLS_STATUS_SHOW_H
#define BULLA_TOOLS_STATUS_SHOW_H

#include <jansson.h>
#include <stdbool.h>

/* Adds to each policy the hash that its authority is called by. */
void bulla_status_authorities_name(json_t *status);
/* After that. */
void bulla_status_show(const json_t *status);
/* What the TPM's auths must and should be. */
struct bulla_status_auths {
    bool owner_set; /* no token of this TPM can be made or opened: bulla uses the owner hierarchy with an empty auth */
    bool lockout_empty; /* whoever reaches the TPM may reset its lockout, or bring it about for good */
};
/* The TPM's dictionary-attack figures and what is wrong with its auths. */
void bulla_status_tpm_show(const json_t *tpm, struct bulla_status_auths *auths);

#endif
