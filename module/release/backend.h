/* What a trusted component does for a token beside opening leaves: evidence, counters that never go back, and its state
 * for people. Backends implement it next to leaf.h; compose.c names them. */
#ifndef BULLA_RELEASE_BACKEND_H
#define BULLA_RELEASE_BACKEND_H

#include "crypto/bytes.h"

/* One fact of a backend's state: text, or the number where text is NULL. */
struct bulla_backend_fact {
    const char *name;
    const char *text;
    uint64_t number;
};
typedef void bulla_backend_tell(void *context, const struct bulla_backend_fact *fact);

/* A clock that nobody turns back: it goes on while the component has power, and stands still while it has none. It may
 * be slow or fast by 15 %; after an unclean end it may be behind what it had told (then it is not `safe` until it has
 * caught up), and a cleared component begins at 0. */
struct bulla_backend_clock {
    uint64_t milliseconds;
    uint32_t resets, restarts;
    bool safe;
};

struct bulla_backend {
    const char *name; /* "tpm" */
    /* How many wrong PINs the component itself allows before it locks, and how many it allows now; the token's own
     * count stays below the first. */
    enum bulla_reason (*tries)(const char *tcti, unsigned *most, unsigned *left);
    enum bulla_reason (*state)(const char *tcti, uint32_t pcrs, bulla_backend_tell *tell, void *context);
    /* An attestation key, in wrapped form; and evidence by it over an encoded report. */
    enum bulla_reason (*key_create)(const char *tcti, struct bulla_writer *blob);
    enum bulla_reason (*evidence)(const char *tcti, struct bulla_bytes key_blob, uint32_t pcrs,
        struct bulla_bytes report, struct bulla_writer *document);
    /* Monotonic counters, each under an auth value of its own. */
    enum bulla_reason (*counter_create)(
        const char *tcti, const uint8_t auth[static 32], uint32_t *index, uint64_t *value);
    enum bulla_reason (*counter_read)(const char *tcti, uint32_t index, const uint8_t auth[static 32], uint64_t *value);
    enum bulla_reason (*counter_increment)(
        const char *tcti, uint32_t index, const uint8_t auth[static 32], uint64_t *value);
    enum bulla_reason (*counter_remove)(const char *tcti, uint32_t index);
    enum bulla_reason (*clock)(const char *tcti, struct bulla_backend_clock *clock); /* NULL: it has none */
};

/* The backend of tokens with a tcti, defined in compose.c. */
extern const struct bulla_backend *const bulla_token_backend;

#endif
