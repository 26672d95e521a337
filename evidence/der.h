/* DER (X.690) as the extensions of attesters' certificates hold it: elements one after another, nothing interpreted.
 * Certificates themselves are crypto/certificate.h's. */
#ifndef BULLA_EVIDENCE_DER_H
#define BULLA_EVIDENCE_DER_H

#include "crypto/bytes.h"

enum {
    BULLA_DER_INTEGER = 0x02,
    BULLA_DER_OCTETS = 0x04,
    BULLA_DER_OID = 0x06,
    BULLA_DER_ENUMERATED = 0x0a,
    BULLA_DER_IA5 = 0x16,
    BULLA_DER_SEQUENCE = 0x30,
};

struct bulla_der {
    uint8_t tag;
    struct bulla_bytes content;
    struct bulla_bytes whole; /* with its tag and length */
};
/* The next element; false, with the reader failed, for one that is cut off, of 16 MiB or more, of a tag of several
 * bytes, or of a length that is not the shortest. */
bool bulla_der_next(struct bulla_reader *reader, struct bulla_der *element);
/* The one element that fills `bytes` and has this tag. */
bool bulla_der_only(struct bulla_bytes bytes, uint8_t tag, struct bulla_bytes *content);
/* An INTEGER from 0 to 65535 that fills `bytes`. */
bool bulla_der_small(struct bulla_bytes bytes, uint16_t *value);

#endif
