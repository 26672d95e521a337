/* What the files of the cipher family share: the table of OpenSSL's ciphers, a context that keeps its key, and input
 * that is gathered.
 *
 * A state is kept from one operation to the next (processor.reuse), so a key schedule is made once and Init sets no
 * more than an IV. What was buffered of an operation's data is wiped at its end. */
#ifndef BULLA_MECH_SYMMETRIC_H
#define BULLA_MECH_SYMMETRIC_H

#include <openssl/evp.h>

#include "mechanism.h"

enum bulla_cipher_mode {
    BULLA_ECB,
    BULLA_CBC,
    BULLA_CTR,
    BULLA_GCM,
    BULLA_CCM,
    BULLA_XTS,
    BULLA_KW,
    BULLA_KWP,
    BULLA_CHACHA20,
    BULLA_CHACHA20_POLY1305,
    BULLA_CIPHER_MODES
};

/* `detail` of the family's rows. */
struct bulla_cipher_detail {
    enum bulla_cipher_mode mode;
    bool padded; /* CBC: PKCS #7 padding */
};

enum { BULLA_CIPHER_BLOCK = 16, BULLA_CIPHER_TAG = 16 };
enum { BULLA_GATHER_LARGEST = 64 << 20 }; /* bytes */

/* Input kept until all of it has come: plaintext in locked memory, ciphertext, which is no secret, on the heap. */
struct bulla_gather {
    uint8_t *data;
    size_t size, capacity;
    struct bulla_secret memory; /* holds `data` where it is secret */
};
/* BULLA_TOO_LARGE above BULLA_GATHER_LARGEST. */
enum bulla_reason bulla_gather_add(struct bulla_gather *gather, bool secret, struct bulla_bytes in) BULLA_MUST_USE;
struct bulla_bytes bulla_gather_bytes(const struct bulla_gather *gather);
void bulla_gather_clear(struct bulla_gather *gather);

struct bulla_cipher_state {
    EVP_CIPHER_CTX *context;
    const EVP_CIPHER *cipher; /* whose key schedule the context holds; NULL: none that fits the key */
    bool encrypting;
    size_t nonce_size, tag_size; /* AEAD: what the context is set to */
    uint64_t left;               /* bytes of data that may still come */
    size_t held;                 /* bytes in `block` */
    uint8_t block[BULLA_CIPHER_BLOCK];
    struct bulla_gather gather;
};

/* The context has the row's cipher with the run's key, in the direction that the state says. */
enum bulla_reason bulla_cipher_prepare(struct bulla_run *run) BULLA_MUST_USE;
/* A new IV under the same key; `key` NULL: the one that is set. */
enum bulla_reason bulla_cipher_restart(
    struct bulla_cipher_state *state, const uint8_t *key, const uint8_t *iv) BULLA_MUST_USE;
/* All of `in`, as many bytes out, which may be the same memory; `out` NULL: additional data. */
enum bulla_reason bulla_cipher_feed(
    struct bulla_cipher_state *state, struct bulla_bytes in, uint8_t *out) BULLA_MUST_USE;
/* Frees the context and what is gathered: every processor's `end`. */
void bulla_cipher_end(void *state);
/* The family's close: the ciphers that were fetched. */
void bulla_ciphers_close(void);

/* What an authenticated encryption is told beside its data; views, valid for one call. */
struct bulla_aead_parameters {
    struct bulla_bytes nonce;
    struct bulla_bytes aad;
    size_t tag_size;
    uint64_t data_size; /* CCM: of the plaintext */
};
/* Sets an AEAD row's context to them, for a new message. */
enum bulla_reason bulla_aead_start(
    struct bulla_run *run, const struct bulla_aead_parameters *parameters) BULLA_MUST_USE;
/* The message's data whole: ciphertext of as many bytes, and the tag. */
enum bulla_reason bulla_aead_encrypt(
    struct bulla_cipher_state *state, struct bulla_bytes in, uint8_t *out, uint8_t *tag) BULLA_MUST_USE;
/* BULLA_CIPHERTEXT, with `out` wiped, where the tag is not the message's. */
enum bulla_reason bulla_aead_decrypt(
    struct bulla_cipher_state *state, struct bulla_bytes in, const uint8_t *tag, uint8_t *out) BULLA_MUST_USE;
/* The tag of an encryption whose data has come. */
enum bulla_reason bulla_aead_tag(struct bulla_cipher_state *state, uint8_t *tag) BULLA_MUST_USE;
/* Checks of nonces and tags, in bytes and bits; BULLA_PARAMETER. */
enum bulla_reason bulla_gcm_check(size_t nonce_size, CK_ULONG tag_bits) BULLA_MUST_USE;
enum bulla_reason bulla_ccm_check(CK_ULONG nonce_size, CK_ULONG tag_size, CK_ULONG data_size) BULLA_MUST_USE;
enum bulla_reason bulla_aead_check_view(const void *data, CK_ULONG size, CK_ULONG largest) BULLA_MUST_USE;
enum { BULLA_GCM_NONCE_LARGEST = 128 }; /* bytes; OpenSSL's limit */

/* The family's close: what cipher_mac.c fetched. */
void bulla_macs_close(void);

extern const struct bulla_processor bulla_block_encrypt, bulla_block_decrypt;
extern const struct bulla_processor bulla_ctr_processor, bulla_chacha20_processor; /* both directions */
extern const struct bulla_processor bulla_aead_encryptor, bulla_aead_decryptor;
extern const struct bulla_processor bulla_message_encrypt, bulla_message_decrypt;
extern const struct bulla_processor bulla_xts_encrypt, bulla_xts_decrypt;
extern const struct bulla_processor bulla_key_wrap, bulla_key_unwrap;
extern const struct bulla_processor bulla_cmac_processor, bulla_gmac_processor; /* both directions */

#endif
