/* The ledger's table as bytes: a CBOR map of names to numbers, deterministic (RFC 8949, 4.2). Its numbers are public;
 * it is sealed so that only the token key's holder can write it. */
#ifndef BULLA_CORE_LEDGER_TABLE_H
#define BULLA_CORE_LEDGER_TABLE_H

#include "crypto/bytes.h"

enum { BULLA_LEDGER_LARGEST = 60 << 10, BULLA_LEDGER_NAMES = 1024 };

/* Too large for the stack of a host's thread: on the heap. */
struct bulla_ledger_table {
    size_t size;
    uint8_t bytes[BULLA_LEDGER_LARGEST];
};

/* 0 for a name that is not there. BULLA_STORE_CORRUPT, or what CBOR is refused for. */
enum bulla_reason bulla_ledger_table_find(
    const struct bulla_ledger_table *table, const char *name, uint64_t *number) BULLA_MUST_USE;
/* `raised` is `old` with one number raised, or the same where the number is not above the present one. BULLA_TOO_LARGE
 * for a new name in a table that holds BULLA_LEDGER_NAMES. */
enum bulla_reason bulla_ledger_table_raise(const struct bulla_ledger_table *old, const char *name, uint64_t number,
    struct bulla_ledger_table *raised) BULLA_MUST_USE;

#endif
