/* A secret of any size: in the arena while it fits there, in locked pages above. */
#ifndef BULLA_CRYPTO_SECRET_H
#define BULLA_CRYPTO_SECRET_H

#include "arena.h"
#include "bytes.h"
#include "pages.h"

struct bulla_secret {
    uint8_t *data; /* NULL when empty */
    size_t size;
    struct bulla_pages pages;
};

/* Zeroed; the caller's to release. */
enum bulla_reason bulla_secret_hold(struct bulla_secret *secret, size_t size, const char *what) BULLA_MUST_USE;
void bulla_secret_release(struct bulla_secret *secret);
/* For the scope of a function: `BULLA_RELEASED struct bulla_secret plain = {0};` */
#define BULLA_RELEASED __attribute__((cleanup(bulla_secret_release)))

#endif
