/* The ledger's table as bytes: a CBOR map of names to numbers, deterministic (RFC 8949, 4.2). Its numbers are public;
 * it is sealed so that only the token key's holder can write it. */
#ifndef BULLA_CORE_LEDGER_TABLE_H
#define BULLA_CORE_LEDGER_TABLE_H

#include "crypto/bytes.h"

enum { BULLA_LEDGER_LARGEST = 208 << 10, BULLA_LEDGER_NAMES = 4096 };

/* Too large for the stack of a host's thread: on the heap. */
struct bulla_ledger_table {
    size_t size;
    uint8_t bytes[BULLA_LEDGER_LARGEST];
};

/* 0 for a name that is not there. BULLA_STORE_CORRUPT, or what CBOR is refused for. */
enum bulla_reason bulla_ledger_table_find(
    const struct bulla_ledger_table *table, const char *name, uint64_t *number) BULLA_MUST_USE;
/* Calls `visit` for each name and number, in the table's order. */
typedef void bulla_ledger_visit(void *context, struct bulla_bytes name, uint64_t number);
enum bulla_reason bulla_ledger_table_walk(
    const struct bulla_ledger_table *table, bulla_ledger_visit *visit, void *context) BULLA_MUST_USE;
/* `changed` is `old` with one number set; 0 takes the name away. BULLA_TOO_LARGE for a new name in a table that holds
 * BULLA_LEDGER_NAMES. */
enum bulla_reason bulla_ledger_table_set(const struct bulla_ledger_table *old, const char *name, uint64_t number,
    struct bulla_ledger_table *changed) BULLA_MUST_USE;
/* The same where the number is above the present one; else `raised` is `old`. */
enum bulla_reason bulla_ledger_table_raise(const struct bulla_ledger_table *old, const char *name, uint64_t number,
    struct bulla_ledger_table *raised) BULLA_MUST_USE;
void bulla_ledger_table_copy(const struct bulla_ledger_table *from, struct bulla_ledger_table *to);
/* {}: a ledger that remembers nothing. */
void bulla_ledger_table_clear(struct bulla_ledger_table *table);

#endif
