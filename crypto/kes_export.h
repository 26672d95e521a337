/* A signing key in the forms in which others take it (cardano-base: raw, CBOR; cardano-api: TextEnvelope). Whatever is
 * written is as secret as the key: the writer's memory is the arena's. */
#ifndef BULLA_CRYPTO_KES_EXPORT_H
#define BULLA_CRYPTO_KES_EXPORT_H

#include "kes.h"

enum bulla_kes_form {
    BULLA_KES_ENVELOPE, /* cardano-cli's file: JSON, KesSigningKey_ed25519_kes_2^6, around the CBOR's hex */
    BULLA_KES_CBOR,     /* one byte string of the raw key */
    BULLA_KES_RAW,
    BULLA_KES_FORMS
};
enum {
    BULLA_KES_ENVELOPE_DEPTH = 6, /* the only one that Cardano has a type for, of Sum */
    BULLA_KES_CBOR_LARGEST = 3 + BULLA_KES_RAW_LARGEST,
    BULLA_KES_FORM_LARGEST = 2048,
};

/* Whether keys of this depth have the form: BULLA_ARGUMENT. */
enum bulla_reason bulla_kes_form_check(enum bulla_kes_form form, unsigned depth) BULLA_MUST_USE;
/* BULLA_KEY_INVALID for a raw key that is not of the depth's size: whether it is a key is bulla_kes_import's to say.
 * BULLA_BUFFER_SMALL. */
enum bulla_reason bulla_kes_form_write(
    enum bulla_kes_form form, unsigned depth, struct bulla_bytes raw, struct bulla_writer *writer) BULLA_MUST_USE;

#endif
