/* PINs: from a file, the environment, a PKCS#11 URI's pin-source, or the terminal without echo; into the arena only. */
#ifndef BULLA_TOOLS_PIN_H
#define BULLA_TOOLS_PIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/arena.h"

enum { BULLA_PIN_LARGEST = 255 };

struct bulla_pin {
    uint8_t bytes[BULLA_PIN_LARGEST + 1];
    size_t size;
};

struct bulla_pin_source {
    const char *file;        /* wins; NULL: none */
    const char *environment; /* name of a variable, removed from the environment once read; NULL: none */
    const char *second_file; /* pin-source of a URI; NULL: none */
    const char *prompt;      /* "User PIN" */
    bool twice;              /* a new PIN: asked twice on the terminal */
};

/* `*pin` is in the arena and the caller's to free (bulla_secret_free). A line end after the PIN in a file is dropped.
 * BULLA_PIN_LENGTH; BULLA_PIN_WRONG when two entries differ; BULLA_NOT_LOGGED_IN when there is no source and no
 * terminal; BULLA_CANCELLED; BULLA_FILE. */
enum bulla_reason bulla_pin_get(const struct bulla_pin_source *source, struct bulla_pin **pin) BULLA_MUST_USE;

#endif
