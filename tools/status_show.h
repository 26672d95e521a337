/* A token's status document for people, and what init asks consent for. */
#ifndef BULLA_TOOLS_STATUS_SHOW_H
#define BULLA_TOOLS_STATUS_SHOW_H

#include <jansson.h>

void bulla_status_show(const json_t *status);
/* The TPM's dictionary-attack figures and its empty auths; returns how many of those are empty. */
unsigned bulla_status_tpm_show(const json_t *tpm);

#endif
