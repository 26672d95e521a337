/* The rows of AES and ChaCha20. What they do is in cipher_*.c. */
#include "families.h"
#include "symmetric.h"

#define AES(its_flags) .info = {16, 32, (its_flags)}, .keys = &aes_keys
#define BOTH(encryption, decryption) .processors = {[BULLA_ENCRYPT] = &(encryption), [BULLA_DECRYPT] = &(decryption)}

enum {
    CIPHER = CKF_ENCRYPT | CKF_DECRYPT,
    WRAPPER = CIPHER | CKF_WRAP | CKF_UNWRAP,
};

static const struct bulla_key_rule aes_keys = {.count = 1, .types = {CKK_AES}};

static const struct bulla_cipher_detail ecb = {.mode = BULLA_ECB};
static const struct bulla_cipher_detail cbc = {.mode = BULLA_CBC};
static const struct bulla_cipher_detail cbc_pad = {.mode = BULLA_CBC, .padded = true};
static const struct bulla_cipher_detail gcm = {.mode = BULLA_GCM};
static const struct bulla_cipher_detail ccm = {.mode = BULLA_CCM};
static const struct bulla_cipher_detail kw = {.mode = BULLA_KW};
static const struct bulla_cipher_detail kwp = {.mode = BULLA_KWP};

static const char iv16[] = "IV of 16 bytes";

static const struct bulla_mechanism rows[] = {
    {BULLA_MECHANISM(CKM_AES_ECB), AES(CIPHER), .detail = &ecb, BOTH(bulla_block_encrypt, bulla_block_decrypt)},
    {BULLA_MECHANISM(CKM_AES_CBC), .parameter = iv16, AES(WRAPPER), .detail = &cbc,
        BOTH(bulla_block_encrypt, bulla_block_decrypt)},
    {BULLA_MECHANISM(CKM_AES_CBC_PAD), .parameter = iv16, AES(WRAPPER), .detail = &cbc_pad,
        BOTH(bulla_block_encrypt, bulla_block_decrypt)},
    {BULLA_MECHANISM(CKM_AES_GCM), .parameter = "CK_GCM_PARAMS", AES(WRAPPER), .detail = &gcm,
        BOTH(bulla_aead_encryptor, bulla_aead_decryptor)},
    {BULLA_MECHANISM(CKM_AES_CCM), .parameter = "CK_CCM_PARAMS", AES(WRAPPER), .detail = &ccm,
        BOTH(bulla_aead_encryptor, bulla_aead_decryptor)},
    {BULLA_MECHANISM(CKM_AES_KEY_WRAP), .parameter = "none, or IV of 8 bytes", AES(WRAPPER), .detail = &kw,
        BOTH(bulla_key_wrap, bulla_key_unwrap)},
    /* SoftHSM's, and as there the same as KWP. */
    {BULLA_MECHANISM(CKM_AES_KEY_WRAP_PAD), .parameter = "none, or IV of 4 bytes", AES(WRAPPER), .detail = &kwp,
        BOTH(bulla_key_wrap, bulla_key_unwrap)},
    {BULLA_MECHANISM(CKM_AES_KEY_WRAP_KWP), .parameter = "none, or IV of 4 bytes", AES(WRAPPER), .detail = &kwp,
        BOTH(bulla_key_wrap, bulla_key_unwrap)},
};

const struct bulla_family bulla_cipher_family = {
    .name = "cipher",
    .mechanisms = rows,
    .count = sizeof rows / sizeof rows[0],
    .close = bulla_ciphers_close,
};
