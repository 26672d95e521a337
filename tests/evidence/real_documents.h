/* Real evidence of third parties (tests/vectors, each folder with its sources), read whole. */
#ifndef BULLA_TESTS_REAL_DOCUMENTS_H
#define BULLA_TESTS_REAL_DOCUMENTS_H

#include "crypto/bytes.h"

/* tests/vectors/<name>, malloc'd; aborts the test program when it is missing. */
struct bulla_bytes real_document(const char *name);
/* Two of them, one behind the other. */
struct bulla_bytes real_documents(const char *first, const char *second);
void real_document_free(struct bulla_bytes *document);
#define REAL_DOCUMENT __attribute__((cleanup(real_document_free)))
/* A copy that may be changed. */
uint8_t *real_document_copy(struct bulla_bytes document);

#endif
