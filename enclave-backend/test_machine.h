/* Machines that tests play: an enclave without the hardware. Only builds with BULLA_FAULTS know them; in others nothing
 * is compiled of them, no variable of the environment is read, and there is no test root.
 *
 *     BULLA_TEST_NSM=TEXT     a Nitro enclave whose PCR0 to PCR2 follow from TEXT ("debug": they are zero)
 *     BULLA_TEST_SNP=TEXT     a guest of SEV-SNP whose measurement follows from TEXT
 *     BULLA_TEST_TSM=FOLDER   a folder in place of /sys/kernel/config/tsm/report */
#ifndef BULLA_ENCLAVE_BACKEND_TEST_MACHINE_H
#define BULLA_ENCLAVE_BACKEND_TEST_MACHINE_H

#include "nsm.h"
#include "snp_key.h"

#ifdef BULLA_FAULTS
/* NULL: no such machine is played. */
const struct bulla_nsm_transport *bulla_test_machine_nsm(void);
const struct bulla_snp_transport *bulla_test_machine_snp(void);
const char *bulla_test_machine_tsm(void);
#else
static inline const struct bulla_nsm_transport *bulla_test_machine_nsm(void)
{
    return NULL;
}
static inline const struct bulla_snp_transport *bulla_test_machine_snp(void)
{
    return NULL;
}
static inline const char *bulla_test_machine_tsm(void)
{
    return NULL;
}
#endif

#endif
