/* The little of DER (X.690) that keys are written in. What is read is DER and nothing looser: definite lengths in their
 * shortest form, integers that are not negative and have no needless zero. */
#ifndef BULLA_MECH_DER_H
#define BULLA_MECH_DER_H

#include "crypto/bytes.h"

enum bulla_der_tag {
    BULLA_DER_INTEGER = 0x02,
    BULLA_DER_BIT_STRING = 0x03,
    BULLA_DER_OCTET_STRING = 0x04,
    BULLA_DER_NULL = 0x05,
    BULLA_DER_OID = 0x06,
    BULLA_DER_SEQUENCE = 0x30,
};

/* Bytes of a whole element whose content has `size` bytes. */
size_t bulla_der_size(size_t size);
/* Tag and length; the content is the caller's to write. */
void bulla_der_head(struct bulla_writer *writer, uint8_t tag, size_t size);
/* An INTEGER from its magnitude, big-endian, with or without leading zeroes; and the bytes of the whole element. */
void bulla_der_write_unsigned(struct bulla_writer *writer, struct bulla_bytes magnitude);
size_t bulla_der_unsigned_size(struct bulla_bytes magnitude);
/* The magnitude without leading zeroes: empty when it is zero. */
struct bulla_bytes bulla_der_strip(struct bulla_bytes magnitude);

/* The content of the next element, which must have this tag; else an empty view, and the reader has failed. */
struct bulla_bytes bulla_der_read(struct bulla_reader *reader, uint8_t tag);
/* The magnitude of an INTEGER, as bulla_der_strip gives it. */
struct bulla_bytes bulla_der_read_unsigned(struct bulla_reader *reader);

#endif
