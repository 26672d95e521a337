/* What the files of PINs share: pin.c tries them and logs in and out, pin_set.c sets them, initialize.c makes tokens.
 */
#ifndef BULLA_CORE_PIN_INSIDE_H
#define BULLA_CORE_PIN_INSIDE_H

#include "token.h"

/* Who may log in, and what the store keeps of them. */
struct bulla_role {
    enum bulla_login login;
    bool named;                              /* one of the users beside the owner (users.h) */
    char name[BULLA_PRINCIPAL_LARGEST + 8];  /* in the audit log, and what the tree is bound to */
    char tree[BULLA_PRINCIPAL_LARGEST + 16]; /* values of the store */
    char tries[BULLA_PRINCIPAL_LARGEST + 16];
};
extern const struct bulla_role bulla_roles[]; /* by enum bulla_login; nobody has none */

/* Of a role: how many wrong PINs there were, and how many lock it. */
struct bulla_tries {
    uint8_t wrong, most;
};

/* BULLA_PIN_LENGTH. */
enum bulla_reason bulla_pin_check_length(struct bulla_bytes pin) BULLA_MUST_USE;
enum bulla_reason bulla_pin_tries_read(
    struct bulla_token *token, const struct bulla_role *role, struct bulla_tries *tries) BULLA_MUST_USE;
/* Below the TPM's own limit, so that a mistyped PIN never locks other people's objects in it. */
unsigned bulla_pin_most_tries(const struct bulla_token *token);
/* Appends the tree of a role's 32-byte secret under a PIN. */
enum bulla_reason bulla_pin_tree_seal(struct bulla_token *token, const struct bulla_role *role, struct bulla_bytes pin,
    const uint8_t *secret, struct bulla_writer *tree) BULLA_MUST_USE;
/* A PIN that is ready to be written. */
struct bulla_pin_writing {
    const struct bulla_role *role;
    uint8_t tree[BULLA_TREE_LARGEST];
    size_t tree_size;
    uint8_t most;
};
/* Seals a role's 32-byte secret under a PIN: outside of any transaction, for it may ask a slow TPM. */
enum bulla_reason bulla_pin_prepare(struct bulla_token *token, const struct bulla_role *role, struct bulla_bytes pin,
    const uint8_t *secret, unsigned most, struct bulla_pin_writing *writing) BULLA_MUST_USE;
/* A bulla_token_write: `writing` is a struct bulla_pin_writing. */
enum bulla_reason bulla_pin_write(struct bulla_token *token, void *writing) BULLA_MUST_USE;
/* initialize.c: the user's PIN of a token that never had one. */
enum bulla_reason bulla_token_first_pin(struct bulla_token *token, struct bulla_bytes pin) BULLA_MUST_USE;
/* One try, counted before it is made. `secret` is wiped where it fails. */
enum bulla_reason bulla_pin_try(struct bulla_token *token, const struct bulla_role *role, struct bulla_bytes pin,
    bool beyond_lock, uint8_t *secret) BULLA_MUST_USE;
/* Everything that a token key gives, in the arena: the caller's to free. */
enum bulla_reason bulla_pin_derive_keys(
    const struct bulla_token *token, const uint8_t *token_key, struct bulla_token_keys **derived) BULLA_MUST_USE;
/* The SO's copy of the token key, while the SO is logged in; BULLA_STORE_MISSING where none was declared. */
enum bulla_reason bulla_pin_recover(struct bulla_token *token, uint8_t *token_key) BULLA_MUST_USE;
/* With keys, which become the token's, rows are judged; without them nothing is hidden but what is private. `gate`
 * is held. */
void bulla_pin_install_keys(struct bulla_token *token, struct bulla_token_keys *keys, enum bulla_login login);

#endif
