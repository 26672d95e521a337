/* Cardano's text envelope: a JSON object of three strings, "type", "description" and "cborHex", around a key, a
 * certificate or a counter (cardano-api, TextEnvelope). */
#ifndef BULLA_CRYPTO_TEXT_ENVELOPE_H
#define BULLA_CRYPTO_TEXT_ENVELOPE_H

#include "bytes.h"

/* Views of the text, as it is written there; of a signing key it is as secret as that. */
struct bulla_text_envelope {
    struct bulla_bytes type, description, cbor_hex; /* description.data NULL: absent */
};

/* False for what is no such object: another member, one twice, type or cborHex missing, bytes behind it. Read in place:
 * nothing is copied. */
bool bulla_text_envelope_read(struct bulla_bytes text, struct bulla_text_envelope *envelope);
/* The CBOR, into `cbor`, which lies in the arena where it is secret. BULLA_MALFORMED, also for more than `room` bytes;
 * `what` names it in the detail. */
enum bulla_reason bulla_text_envelope_cbor(const struct bulla_text_envelope *envelope, const char *what, uint8_t *cbor,
    size_t room, size_t *size) BULLA_MUST_USE;
/* In the form that cardano-cli gives it. Type and description need no escapes. Of a signing key the writer's memory is
 * the arena's. */
void bulla_text_envelope_write(
    const char *type, const char *description, struct bulla_bytes cbor, struct bulla_writer *writer);

#endif
