/* HMAC (RFC 2104, FIPS 198-1) over any hash of the table: for MACs and for what derives keys by it. */
#ifndef BULLA_MECH_HMAC_H
#define BULLA_MECH_HMAC_H

#include "hash.h"

/* A key in its prepared form: the hash after the inner and after the outer padded key. Zeroed memory holds none, and
 * may be ended. Worth as much as the key. */
struct bulla_hmac {
    struct bulla_hasher inner, outer, running;
};

/* Prepares for a key of any length, also an empty one. */
enum bulla_reason bulla_hmac_key(
    struct bulla_hmac *hmac, const struct bulla_hash *hash, struct bulla_bytes key) BULLA_MUST_USE;
/* A message: begin, update, finish; the key stays. `out` gets the hash's size. */
enum bulla_reason bulla_hmac_begin(struct bulla_hmac *hmac) BULLA_MUST_USE;
enum bulla_reason bulla_hmac_update(struct bulla_hmac *hmac, struct bulla_bytes in) BULLA_MUST_USE;
enum bulla_reason bulla_hmac_finish(struct bulla_hmac *hmac, uint8_t *out) BULLA_MUST_USE;
/* Of parts that follow each other. */
enum bulla_reason bulla_hmac_whole(
    struct bulla_hmac *hmac, const struct bulla_bytes *parts, size_t count, uint8_t *out) BULLA_MUST_USE;
/* Wipes and frees all. */
void bulla_hmac_end(struct bulla_hmac *hmac);

/* In locked memory, for the scope of a function. */
#define BULLA_HMAC __attribute__((cleanup(bulla_hmac_free))) struct bulla_hmac
enum bulla_reason bulla_hmac_make(
    const struct bulla_hash *hash, struct bulla_bytes key, struct bulla_hmac **hmac) BULLA_MUST_USE;
void bulla_hmac_free(struct bulla_hmac **hmac);

#endif
