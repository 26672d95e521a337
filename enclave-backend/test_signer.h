/* Nitro documents of the real shape, under the test root (test_root.h): only in builds with BULLA_FAULTS. */
#ifndef BULLA_ENCLAVE_BACKEND_TEST_SIGNER_H
#define BULLA_ENCLAVE_BACKEND_TEST_SIGNER_H

#include "nsm.h"

enum { BULLA_TEST_PCRS = 16, BULLA_TEST_PCR_SIZE = 48 };

struct bulla_test_document {
    const char *module_id;
    const uint8_t (*pcrs)[BULLA_TEST_PCR_SIZE];      /* BULLA_TEST_PCRS of them */
    const struct bulla_nsm_attestation *attestation; /* an empty part is null in the document */
};
/* Made now, by a new leaf of three hours under three new intermediates. */
enum bulla_reason bulla_test_document_sign(
    const struct bulla_test_document *document, struct bulla_writer *writer) BULLA_MUST_USE;

#endif
