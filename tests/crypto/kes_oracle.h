/* KES once more, for tests: MMM's definition word for word, by plain recursion over a copied key, nothing cached,
 * nothing in place. Slow, and written without a look at crypto/kes_*.c's shapes. */
#ifndef BULLA_TESTS_KES_ORACLE_H
#define BULLA_TESTS_KES_ORACLE_H

#include <stddef.h>
#include <stdint.h>

enum { ORACLE_RAW = 704, ORACLE_SIGNATURE = 512 };

/* The raw key of period 0, and its verification key. */
void oracle_generate(const uint8_t seed[32], unsigned depth, uint8_t raw[ORACLE_RAW], uint8_t key[32]);
/* From period `period` to the next. */
void oracle_update(uint8_t *raw, unsigned depth, unsigned period);
/* Returns the signature's size. */
size_t oracle_sign_sum(const uint8_t *raw, unsigned depth, unsigned period, const uint8_t *message, size_t size,
    uint8_t signature[ORACLE_SIGNATURE]);
size_t oracle_sign_compact(const uint8_t *raw, unsigned depth, unsigned period, const uint8_t *message, size_t size,
    uint8_t signature[ORACLE_SIGNATURE]);

#endif
