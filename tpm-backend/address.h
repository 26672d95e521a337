/* Where a TPM is: the TCTI string of bulla.conf, taken apart. */
#ifndef BULLA_TPM_BACKEND_ADDRESS_H
#define BULLA_TPM_BACKEND_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/reason.h"

enum { BULLA_TPM_PATH_LARGEST = 108, BULLA_TPM_HOST_LARGEST = 64 };

struct bulla_tpm_address {
    bool simulator;                    /* Microsoft's simulator protocol: commands are framed */
    bool device;                       /* path is a character device, else a unix socket */
    char path[BULLA_TPM_PATH_LARGEST]; /* empty: TCP */
    char host[BULLA_TPM_HOST_LARGEST]; /* an IP address: a name would have to be resolved, without a deadline */
    char port[6];
};

/* BULLA_CONFIG_TCTI with what is wrong with the string. */
enum bulla_reason bulla_tpm_address_read(const char *tcti, struct bulla_tpm_address *address) BULLA_MUST_USE;

#endif
