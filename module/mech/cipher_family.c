/* The rows of AES and ChaCha20. What they do is in cipher_*.c. */
#include "families.h"
#include "symmetric.h"

#define XTS(its_flags) .info = {32, 64, (its_flags)}, .keys = &aes_xts_keys
#define CHACHA20(its_flags) .info = {32, 32, (its_flags)}, .keys = &chacha20_keys
#define BOTH_AND_MESSAGES                                                                                              \
    .processors = {                                                                                                    \
        [BULLA_ENCRYPT] = &bulla_aead_encryptor,                                                                       \
        [BULLA_DECRYPT] = &bulla_aead_decryptor,                                                                       \
        [BULLA_MESSAGE_ENCRYPT] = &bulla_message_encrypt,                                                              \
        [BULLA_MESSAGE_DECRYPT] = &bulla_message_decrypt,                                                              \
    }
#define SIGNS(processor) .processors = {[BULLA_SIGN] = &(processor), [BULLA_VERIFY] = &(processor)}
#define AES(its_flags) .info = {16, 32, (its_flags)}, .keys = &aes_keys
#define BOTH(encryption, decryption) .processors = {[BULLA_ENCRYPT] = &(encryption), [BULLA_DECRYPT] = &(decryption)}

enum {
    CIPHER = CKF_ENCRYPT | CKF_DECRYPT,
    MESSAGES = CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE,
    MAC = CKF_SIGN | CKF_VERIFY,
    WRAPPER = CIPHER | CKF_WRAP | CKF_UNWRAP,
};

static const struct bulla_key_rule aes_keys = {.count = 1, .types = {CKK_AES}};
static const struct bulla_key_rule aes_xts_keys = {.count = 1, .types = {CKK_AES_XTS}};
static const struct bulla_key_rule chacha20_keys = {.count = 1, .types = {CKK_CHACHA20}};

static const struct bulla_cipher_detail ecb = {.mode = BULLA_ECB};
static const struct bulla_cipher_detail cbc = {.mode = BULLA_CBC};
static const struct bulla_cipher_detail cbc_pad = {.mode = BULLA_CBC, .padded = true};
static const struct bulla_cipher_detail gcm = {.mode = BULLA_GCM};
static const struct bulla_cipher_detail ccm = {.mode = BULLA_CCM};
static const struct bulla_cipher_detail ctr = {.mode = BULLA_CTR};
static const struct bulla_cipher_detail xts = {.mode = BULLA_XTS};
static const struct bulla_cipher_detail chacha20 = {.mode = BULLA_CHACHA20};
static const struct bulla_cipher_detail chacha20_poly1305 = {.mode = BULLA_CHACHA20_POLY1305};
static const struct bulla_cipher_detail kw = {.mode = BULLA_KW};
static const struct bulla_cipher_detail kwp = {.mode = BULLA_KWP};

static const char iv16[] = "IV of 16 bytes";

static const struct bulla_mechanism rows[] = {
    {BULLA_MECHANISM(CKM_AES_ECB), AES(CIPHER), .detail = &ecb, BOTH(bulla_block_encrypt, bulla_block_decrypt)},
    {BULLA_MECHANISM(CKM_AES_CBC), .parameter = iv16, AES(WRAPPER), .detail = &cbc,
        BOTH(bulla_block_encrypt, bulla_block_decrypt)},
    {BULLA_MECHANISM(CKM_AES_CBC_PAD), .parameter = iv16, AES(WRAPPER), .detail = &cbc_pad,
        BOTH(bulla_block_encrypt, bulla_block_decrypt)},
    {BULLA_MECHANISM(CKM_AES_CTR), .parameter = "CK_AES_CTR_PARAMS", AES(CIPHER), .detail = &ctr,
        BOTH(bulla_ctr_processor, bulla_ctr_processor)},
    {BULLA_MECHANISM(CKM_AES_GCM), .parameter = "CK_GCM_PARAMS; of messages CK_GCM_MESSAGE_PARAMS",
        AES(WRAPPER | MESSAGES), .detail = &gcm, BOTH_AND_MESSAGES},
    {BULLA_MECHANISM(CKM_AES_CCM), .parameter = "CK_CCM_PARAMS; of messages CK_CCM_MESSAGE_PARAMS",
        AES(WRAPPER | MESSAGES), .detail = &ccm, BOTH_AND_MESSAGES},
    {BULLA_MECHANISM(CKM_AES_KEY_WRAP), .parameter = "none, or IV of 8 bytes", AES(WRAPPER), .detail = &kw,
        BOTH(bulla_key_wrap, bulla_key_unwrap)},
    /* SoftHSM's, and as there the same as KWP. */
    {BULLA_MECHANISM(CKM_AES_KEY_WRAP_PAD), .parameter = "none, or IV of 4 bytes", AES(WRAPPER), .detail = &kwp,
        BOTH(bulla_key_wrap, bulla_key_unwrap)},
    {BULLA_MECHANISM(CKM_AES_KEY_WRAP_KWP), .parameter = "none, or IV of 4 bytes", AES(WRAPPER), .detail = &kwp,
        BOTH(bulla_key_wrap, bulla_key_unwrap)},
    {BULLA_MECHANISM(CKM_AES_XTS), .parameter = "tweak of 16 bytes", XTS(CIPHER), .detail = &xts,
        BOTH(bulla_xts_encrypt, bulla_xts_decrypt)},
    {BULLA_MECHANISM(CKM_AES_CMAC), AES(MAC), SIGNS(bulla_cmac_processor)},
    {BULLA_MECHANISM(CKM_AES_CMAC_GENERAL), .parameter = "CK_MAC_GENERAL_PARAMS", AES(MAC),
        SIGNS(bulla_cmac_processor)},
    {BULLA_MECHANISM(CKM_AES_GMAC), .parameter = "CK_GCM_PARAMS", AES(MAC), .detail = &gcm,
        SIGNS(bulla_gmac_processor)},
    {BULLA_MECHANISM(CKM_CHACHA20), .parameter = "CK_CHACHA20_PARAMS", CHACHA20(CIPHER), .detail = &chacha20,
        BOTH(bulla_chacha20_processor, bulla_chacha20_processor)},
    {BULLA_MECHANISM(CKM_CHACHA20_POLY1305),
        .parameter = "CK_SALSA20_CHACHA20_POLY1305_PARAMS; of messages CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS",
        CHACHA20(WRAPPER | MESSAGES), .detail = &chacha20_poly1305, BOTH_AND_MESSAGES},
};

static void close_all(void)
{
    bulla_ciphers_close();
    bulla_macs_close();
}

const struct bulla_family bulla_cipher_family = {
    .name = "cipher",
    .mechanisms = rows,
    .count = sizeof rows / sizeof rows[0],
    .close = close_all,
};
