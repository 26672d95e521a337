/* The files of tests/vectors/tpm, whose README says where each is from. */
#ifndef BULLA_TESTS_TPM_VECTORS_H
#define BULLA_TESTS_TPM_VECTORS_H

#include "crypto/bytes.h"

enum { TPM_VECTOR_LARGEST = 40000 };

/* Into `memory`; a file that is missing or larger aborts the test program. */
struct bulla_bytes tpm_vector(const char *name, uint8_t memory[static TPM_VECTOR_LARGEST]);

#endif
