/* A principal's text, a line's end, and a proof. A text that is taken is written back to one that gives the same
 * principal; a proof of a fixed challenge that nobody signed is never accepted. */
#include "fuzz.h"

#include <string.h>

#include "evidence/principal.h"

static void try_proof(const struct bulla_principal *principal, struct bulla_bytes proof)
{
    static const uint8_t nonce[32] = {1};
    char challenge[2 * BULLA_CHALLENGE_SIZE];
    bulla_principal_challenge(principal, "0123456789abcdef", nonce, challenge);
    FUZZ_CHECK(strlen(challenge) < sizeof challenge - 1);
    enum bulla_reason reason = bulla_principal_verify(principal, BULLA_TEXT(challenge), proof);
    FUZZ_CHECK(reason == (bulla_principal_has_key(principal) ? BULLA_PRINCIPAL_WRONG : BULLA_UNSUPPORTED));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bulla_principal principal, again;
    char text[BULLA_PRINCIPAL_TEXT];
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    struct bulla_bytes line = {data, end ? (size_t)(end - data) : size};
    struct bulla_bytes proof = {end ? end + 1 : NULL, end ? size - line.size - 1 : 0};
    if (bulla_principal_parse(line, &principal) != BULLA_OK) {
        FUZZ_CHECK(principal.kind == BULLA_PRINCIPAL_NOBODY && principal.size == 0);
        return 0;
    }
    bulla_principal_text(&principal, text);
    FUZZ_CHECK(bulla_principal_parse(BULLA_TEXT(text), &again) == BULLA_OK);
    FUZZ_CHECK(bulla_principal_equal(&principal, &again));
    try_proof(&principal, proof);
    return 0;
}
