/* The storage primary, sessions salted to it, and objects below it. */
#ifndef BULLA_TPM_BACKEND_PRIMARY_H
#define BULLA_TPM_BACKEND_PRIMARY_H

#include "connection.h"

/* A TPM name with SHA-256: 0x000b ‖ digest of the public area. */
enum { BULLA_TPM_NAME_SIZE = 34 };

/* An object below the primary, wrapped by the TPM, with the name of the primary at the time of its creation. */
struct bulla_tpm_object {
    uint8_t primary[BULLA_TPM_NAME_SIZE];
    TPM2B_PUBLIC public;
    TPM2B_PRIVATE private;
};

/* primary ‖ TPM2B_PUBLIC ‖ TPM2B_PRIVATE. Reading: BULLA_MALFORMED, or the reader fails. */
enum bulla_reason bulla_tpm_object_write(
    const struct bulla_tpm_object *object, struct bulla_writer *writer) BULLA_MUST_USE;
enum bulla_reason bulla_tpm_object_read(struct bulla_reader *reader, struct bulla_tpm_object *object) BULLA_MUST_USE;

/* The object in an attestation key's blob (quote.c). */
enum bulla_reason bulla_tpm_attestation_key_read(struct bulla_bytes blob, struct bulla_tpm_object *key) BULLA_MUST_USE;

/* Computed here from the public area, never taken from the TPM's answer. */
enum bulla_reason bulla_tpm_name(const TPMT_PUBLIC *public, uint8_t name[static BULLA_TPM_NAME_SIZE]) BULLA_MUST_USE;

/* Creates the primary of the owner hierarchy: the same one each time until the TPM is cleared. */
enum bulla_reason bulla_tpm_primary(
    struct bulla_tpm_burst *burst, ESYS_TR *primary, uint8_t name[static BULLA_TPM_NAME_SIZE]) BULLA_MUST_USE;
/* The same, and BULLA_TPM_OTHER when it is not the one that was pinned. */
enum bulla_reason bulla_tpm_primary_pinned(
    struct bulla_tpm_burst *burst, const uint8_t pinned[static BULLA_TPM_NAME_SIZE], ESYS_TR *primary) BULLA_MUST_USE;

/* A session of `type` with AES-128-CFB, salted to `salt` (ESYS_TR_NONE: unsalted). `attributes`: TPMA_SESSION_DECRYPT
 * and _ENCRYPT; the session goes on until the burst ends. */
enum bulla_reason bulla_tpm_session(struct bulla_tpm_burst *burst, ESYS_TR salt, TPM2_SE type, TPMA_SESSION attributes,
    ESYS_TR *session) BULLA_MUST_USE;

/* Creates an object below the primary; all parameters and the answer go through a salted session. */
enum bulla_reason bulla_tpm_object_create(struct bulla_tpm_burst *burst, const TPM2B_SENSITIVE_CREATE *sensitive,
    const TPM2B_PUBLIC *template, struct bulla_tpm_object *object) BULLA_MUST_USE;
enum bulla_reason bulla_tpm_object_load(struct bulla_tpm_burst *burst, ESYS_TR primary,
    const struct bulla_tpm_object *object, ESYS_TR *handle) BULLA_MUST_USE;

#endif
