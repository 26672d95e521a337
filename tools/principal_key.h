/* A principal's private key in a PEM file, for --as-key. */
#ifndef BULLA_TOOLS_PRINCIPAL_KEY_H
#define BULLA_TOOLS_PRINCIPAL_KEY_H

#include "evidence/principal.h"
#include "options.h"

/* Signs a challenge as the principal's kind wants it, and verifies that before the token does. BULLA_FILE,
 * BULLA_KEY_INVALID, BULLA_PRINCIPAL_WRONG for another principal's key. */
enum bulla_reason bulla_principal_sign(const struct bulla_principal *principal, const char *path,
    struct bulla_bytes challenge, struct bulla_hex *proof) BULLA_MUST_USE;

#endif
