/* What the files of the vault share: vault.c makes rows, vault_write.c commits them, vault_open.c opens them. */
#ifndef BULLA_CORE_VAULT_INSIDE_H
#define BULLA_CORE_VAULT_INSIDE_H

#include "crypto/cipher.h"
#include "token.h"

enum {
    BULLA_VAULT_AAD = 14 + 16 + 16 + 8,
    BULLA_VAULT_WRAP = BULLA_TREE_LARGEST + BULLA_BOX_OVERHEAD,
    BULLA_VAULT_PLAIN = 2 << 20
};

/* The AAD of an object's boxes; BULLA_VAULT_AAD bytes. */
void bulla_vault_aad(const struct bulla_token *token, const uint8_t id[static 16], CK_OBJECT_CLASS object_class,
    struct bulla_writer *writer);
/* The CBOR of a list's sealed attributes, in locked memory of the caller's to release. */
enum bulla_reason bulla_vault_plain(const struct bulla_attribute_list *list, struct bulla_secret *plain) BULLA_MUST_USE;
/* The sealed part of an object (empty where it has none): ciphertext, on the heap. */
struct bulla_vault_sealed {
    uint8_t *memory;
    struct bulla_bytes bytes;
};
#define BULLA_VAULT_SEALED __attribute__((cleanup(bulla_vault_sealed_free)))
void bulla_vault_sealed_free(struct bulla_vault_sealed *sealed);
/* Seals, with the keys read-locked and outside a transaction: a release tree may ask a slow TPM, and other writers do
 * not wait for it. BULLA_NOT_LOGGED_IN. */
enum bulla_reason bulla_vault_seal(struct bulla_token *token, const struct bulla_attribute_list *list,
    const uint8_t id[static 16], struct bulla_bytes passphrase, struct bulla_vault_sealed *sealed) BULLA_MUST_USE;
/* Inside a transaction: a row whose public part is `list` and whose sealed part is given. */
enum bulla_reason bulla_vault_row(struct bulla_token *token, const struct bulla_attribute_list *list,
    const uint8_t id[static 16], struct bulla_bytes sealed, struct bulla_object **object) BULLA_MUST_USE;
/* Refuses: nobody is logged in as the user. */
enum bulla_reason bulla_vault_writers_only(void) BULLA_MUST_USE;

#endif
