/* References of a policy as people write them: LABEL=KIND:NAME=HEX,NAME=HEX[,tcb=STATUS+STATUS][,migratable], and of
 * sev-snp also [,min-COMPONENT=N][,max-vmpl=N]. */
#ifndef BULLA_TOOLS_REFERENCE_H
#define BULLA_TOOLS_REFERENCE_H

#include "evidence/policy.h"

/* KIND: nitro, sev-snp, tdx, sgx. STATUS: what of the platform's firmware is accepted, by the names of
 * bulla_tcb_status_name. COMPONENT: bulla_snp_component_name. The label may hold '='. BULLA_ARGUMENT. */
enum bulla_reason bulla_reference_parse(const char *text, struct bulla_policy_reference *reference) BULLA_MUST_USE;
/* "up-to-date+unknown", or "" where the policy leaves it to the kind. */
enum { BULLA_TCB_TEXT = 96 };
void bulla_reference_tcb(const struct bulla_policy_reference *reference, char text[static BULLA_TCB_TEXT]);
/* "min-snp=22,max-vmpl=0", or "". */
enum { BULLA_SNP_TEXT = 96 };
void bulla_reference_snp(const struct bulla_policy_reference *reference, char text[static BULLA_SNP_TEXT]);

#endif
