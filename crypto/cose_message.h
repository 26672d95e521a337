/* What COSE_Sign1 and COSE_Mac0 share; used by cose_*.c only.
 *
 * Both are a tagged array of four: protected header (a map in a byte string), unprotected header, payload, and the
 * signature or tag over a structure [context, protected, external, payload]; Mac0 has no place for `external` here. */
#ifndef BULLA_CRYPTO_COSE_MESSAGE_H
#define BULLA_CRYPTO_COSE_MESSAGE_H

#include "cose.h"

struct bulla_cose_kind {
    uint64_t tag;
    const char *context;                 /* of the structure that is signed or MACed */
    enum bulla_cbor_kind algorithm_kind; /* signatures are negative numbers, HMAC is not */
    const enum bulla_cose_algorithm *algorithms;
    size_t algorithm_count;
    size_t signature_size;
    bool foreign; /* written by others: the tag may be missing, and CBOR is read leniently */
};
extern const struct bulla_cose_kind bulla_cose_sign1;
extern const struct bulla_cose_kind bulla_cose_sign1_foreign;
extern const struct bulla_cose_kind bulla_cose_mac0;

enum {
    BULLA_COSE_HEADER_LARGEST = 16, /* of the protected header, as written */
    BULLA_COSE_STRUCTURE_SMALL = 16384,
};

enum bulla_reason bulla_cose_read(const struct bulla_cose_kind *kind, struct bulla_bytes bytes, const char *what,
    struct bulla_cose_message *message) BULLA_MUST_USE;

/* Fills message->protected_header with a view into `header`. */
enum bulla_reason bulla_cose_write_header(const struct bulla_cose_kind *kind, struct bulla_cose_message *message,
    uint8_t header[static BULLA_COSE_HEADER_LARGEST]) BULLA_MUST_USE;
void bulla_cose_write(
    const struct bulla_cose_kind *kind, const struct bulla_cose_message *message, struct bulla_writer *writer);

/* The bytes that are signed or MACed. Small ones lie in `small`, others in memory from malloc: payloads of signed and
 * MACed messages are public (they travel in the clear), so neither needs locking or wiping. */
struct bulla_cose_structure {
    struct bulla_bytes bytes;
    uint8_t *large;
    uint8_t small[BULLA_COSE_STRUCTURE_SMALL];
};
#define BULLA_COSE_STRUCTURE __attribute__((cleanup(bulla_cose_structure_release))) struct bulla_cose_structure
/* BULLA_TOO_LARGE above BULLA_COSE_LARGEST bytes of payload and external data together; BULLA_OUT_OF_MEMORY. On refusal
 * there is nothing to release, and releasing does no harm. */
enum bulla_reason bulla_cose_structure_build(const struct bulla_cose_kind *kind,
    const struct bulla_cose_message *message, struct bulla_bytes external,
    struct bulla_cose_structure *structure) BULLA_MUST_USE;
void bulla_cose_structure_release(struct bulla_cose_structure *structure);

#endif
