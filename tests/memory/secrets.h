/* Which of the bytes that the module drew are secrets, what follows from them, and needles of both. */
#ifndef BULLA_TESTS_SECRETS_NEEDLES_H
#define BULLA_TESTS_SECRETS_NEEDLES_H

#include <stdbool.h>

#include "client_process.h"
#include "needles.h"

enum { DERIVED_MOST = 1024 };

struct secrets {
    struct needles needles;
    const struct draw *model_key; /* NULL before sealing */
    size_t keys;                  /* drawn secrets of 32 bytes */
    uint8_t (*derived)[64];
    size_t derived_count;
};

/* A draw of 32 bytes is a secret unless the token's folder or an answer shows it: salts and nonces do, in the clear.
 * From it follow the signing scalar, if it is a seed, and the payload and MAC keys of the sealed file, if it is the
 * model's. From a PIN and a draw of 16 bytes follows the auth value, if the draw is its salt. */
void secrets_gather(struct secrets *secrets, const struct client *client, const char *token, const char *sealed);
void secrets_free(struct secrets *secrets);

#endif
