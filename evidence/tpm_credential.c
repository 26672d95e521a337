/* Part 1, 24.4 and annexes B.10.3 and C.6.3. H is the endorsement key's nameAlg, n its size.
 *
 *     seed      RSA: n random bytes, sent by OAEP(H, label "IDENTITY\0")
 *               ECC: KDFe(H, x of ECDH, "IDENTITY", x of the ephemeral key, x of the endorsement key); sent: the
 *               ephemeral public key
 *     sealed    AES-CFB(KDFa(H, seed, "STORAGE", name), iv 0, TPM2B of the secret)
 *     integrity HMAC-H(KDFa(H, seed, "INTEGRITY"), sealed ‖ name)
 *
 * One block of either KDF is all that is ever needed: no key is longer than H. Labels are hashed with their zero. The
 * seed, what is derived from it and the point's x lie in one block of the arena; OpenSSL holds the ephemeral key, the
 * AES key and the HMAC key for the length of a call and clears them with its contexts. */
#include "tpm_credential.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdio.h>

#include "crypto/arena.h"
#include "crypto/library.h"
#include "crypto/public_key.h"

enum { FIELD_LARGEST = 48, HASH_LARGEST = 48, SECRET_SENT_LARGEST = BULLA_TPM_SIGNATURE_LARGEST, BLOCK = 16 };

struct secrets {
    uint8_t seed[HASH_LARGEST];
    uint8_t shared[FIELD_LARGEST];
    uint8_t aes_key[HASH_LARGEST];
    uint8_t mac_key[HASH_LARGEST];
    uint8_t plain[2 + BULLA_CREDENTIAL_SECRET_LARGEST];
};

struct making {
    struct bulla_tpm_public ek;
    struct secrets *secrets;
    const char *hash; /* as OpenSSL fetches it */
    size_t hash_size;
    struct bulla_bytes name, secret;
    uint8_t sealed[2 + BULLA_CREDENTIAL_SECRET_LARGEST];
    uint8_t integrity[HASH_LARGEST];
    uint8_t sent[SECRET_SENT_LARGEST];
    size_t sent_size;
};

static const char identity[] = "IDENTITY"; /* with its zero, as the labels below */
static const char storage[] = "STORAGE";
static const char integrity[] = "INTEGRITY";

static enum bulla_reason failed(const char *what)
{
    return bulla_refuse(BULLA_OUT_OF_MEMORY, "making a credential: %s", what);
}

/* `key` is as long as the hash. */
static bool mac(
    const struct making *making, const uint8_t *key, struct bulla_bytes message, uint8_t out[static HASH_LARGEST])
{
    size_t size = 0;
    return EVP_Q_mac(bulla_openssl_context(), "HMAC", NULL, making->hash, NULL, key, making->hash_size, message.data,
               message.size, out, HASH_LARGEST, &size) &&
           size == making->hash_size;
}

/* Part 1, 11.4.10.2. No caller has a contextV. `bits` is at most the hash's; all of the block is written. */
static bool derive_symmetric(const struct making *making, struct bulla_bytes label, struct bulla_bytes context,
    uint32_t bits, uint8_t out[static HASH_LARGEST])
{
    uint8_t message[128];
    struct bulla_writer writer;
    bulla_writer_open(&writer, message, sizeof message);
    bulla_write_u32(&writer, 1);
    bulla_write_bytes(&writer, label);
    bulla_write_bytes(&writer, context);
    bulla_write_u32(&writer, bits);
    return mac(making, making->secrets->seed, bulla_writer_bytes(&writer), out);
}

/* -- the seed and its transport -- */

static bool oaep(struct making *making, EVP_PKEY_CTX *context)
{
    char padding[] = OSSL_PKEY_RSA_PAD_MODE_OAEP;
    char hash[16];
    char label[sizeof identity];
    (void)snprintf(hash, sizeof hash, "%s", making->hash);
    memcpy(label, identity, sizeof label);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, padding, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, hash, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, hash, 0),
        OSSL_PARAM_construct_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, label, sizeof label),
        OSSL_PARAM_construct_end(),
    };
    making->sent_size = sizeof making->sent;
    return EVP_PKEY_encrypt_init_ex(context, parameters) == 1 &&
           EVP_PKEY_encrypt(context, making->sent, &making->sent_size, making->secrets->seed, making->hash_size) == 1;
}

static enum bulla_reason seed_by_rsa(struct making *making)
{
    const struct bulla_public_key numbers = bulla_tpm_public_key(&making->ek);
    EVP_PKEY *key = bulla_public_key_make(&numbers);
    EVP_PKEY_CTX *context = key ? EVP_PKEY_CTX_new_from_pkey(bulla_openssl_context(), key, NULL) : NULL;
    randombytes_buf(making->secrets->seed, making->hash_size);
    bool done = context && oaep(making, context);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    return done ? BULLA_OK : failed("RSA-OAEP");
}

static bool agree(struct making *making, EVP_PKEY *own, EVP_PKEY *peer, size_t field)
{
    size_t size = FIELD_LARGEST;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(bulla_openssl_context(), own, NULL);
    bool done = context && EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, peer) == 1 &&
                EVP_PKEY_derive(context, making->secrets->shared, &size) == 1 && size == field;
    EVP_PKEY_CTX_free(context);
    return done;
}

/* KDFe (11.4.10.3), and the ephemeral point as TPMS_ECC_POINT; coordinates have the field's size in both. */
static bool seed_from_point(struct making *making, const uint8_t *ephemeral, size_t field)
{
    static const uint8_t counter[4] = {0, 0, 0, 1};
    const struct bulla_bytes parts[] = {BULLA_BYTES(counter), {making->secrets->shared, field}, BULLA_BYTES(identity),
        {ephemeral + 1, field}, {making->ek.point + 1, field}};
    struct bulla_writer writer;
    bulla_writer_open(&writer, making->sent, sizeof making->sent);
    bulla_write_u16(&writer, (uint16_t)field);
    bulla_write(&writer, ephemeral + 1, field);
    bulla_write_u16(&writer, (uint16_t)field);
    bulla_write(&writer, ephemeral + 1 + field, field);
    making->sent_size = writer.size;
    return bulla_hash_parts(making->ek.name_hash, parts, sizeof parts / sizeof parts[0], making->secrets->seed) ==
           BULLA_OK;
}

static enum bulla_reason seed_by_ecc(struct making *making)
{
    bool large = making->ek.kind == BULLA_PUBLIC_P384;
    char group[8];
    uint8_t ephemeral[BULLA_TPM_POINT_LARGEST];
    size_t field = large ? 48 : 32, size = 0;
    (void)snprintf(group, sizeof group, "%s", large ? "P-384" : "P-256");
    const struct bulla_public_key numbers = bulla_tpm_public_key(&making->ek);
    EVP_PKEY *peer = bulla_public_key_make(&numbers);
    EVP_PKEY *own = EVP_PKEY_Q_keygen(bulla_openssl_context(), NULL, "EC", group);
    enum bulla_reason reason = BULLA_OK;
    if (!peer)
        reason = bulla_refuse(BULLA_KEY_INVALID, "the endorsement key is no point of %s", group);
    else if (!own ||
             EVP_PKEY_get_octet_string_param(own, OSSL_PKEY_PARAM_PUB_KEY, ephemeral, sizeof ephemeral, &size) != 1 ||
             size != 1 + 2 * field || !agree(making, own, peer, field) || !seed_from_point(making, ephemeral, field))
        reason = failed("ECDH");
    EVP_PKEY_free(own);
    EVP_PKEY_free(peer);
    return reason;
}

/* -- what is under the seed -- */

static bool encrypt(struct making *making, size_t size)
{
    static const uint8_t iv[BLOCK] = {0};
    int written = 0;
    EVP_CIPHER *cipher =
        EVP_CIPHER_fetch(bulla_openssl_context(), making->ek.aes_bits == 128 ? "AES-128-CFB" : "AES-256-CFB", NULL);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool done = cipher && context && EVP_EncryptInit_ex2(context, cipher, making->secrets->aes_key, iv, NULL) == 1 &&
                EVP_EncryptUpdate(context, making->sealed, &written, making->secrets->plain, (int)size) == 1 &&
                (size_t)written == size;
    EVP_CIPHER_CTX_free(context);
    EVP_CIPHER_free(cipher);
    return done;
}

static bool authenticate(struct making *making, size_t size)
{
    uint8_t message[sizeof making->sealed + BULLA_TPM_NAME_LARGEST];
    memcpy(message, making->sealed, size);
    memcpy(message + size, making->name.data, making->name.size);
    return mac(
        making, making->secrets->mac_key, (struct bulla_bytes){message, size + making->name.size}, making->integrity);
}

static enum bulla_reason seal(struct making *making)
{
    const struct bulla_bytes nothing = {NULL, 0};
    struct secrets *secrets = making->secrets;
    size_t size = 2 + making->secret.size;
    secrets->plain[1] = (uint8_t)making->secret.size;
    memcpy(secrets->plain + 2, making->secret.data, making->secret.size);
    bool done = derive_symmetric(making, BULLA_BYTES(storage), making->name, making->ek.aes_bits, secrets->aes_key) &&
                derive_symmetric(
                    making, BULLA_BYTES(integrity), nothing, (uint32_t)(8 * making->hash_size), secrets->mac_key) &&
                encrypt(making, size) && authenticate(making, size);
    return done ? BULLA_OK : failed("AES or HMAC");
}

static void write_credential(const struct making *making, struct bulla_writer *writer)
{
    size_t sealed = 2 + making->secret.size;
    bulla_write_u16(writer, (uint16_t)(2 + making->hash_size + sealed));
    bulla_write_u16(writer, (uint16_t)making->hash_size);
    bulla_write(writer, making->integrity, making->hash_size);
    bulla_write(writer, making->sealed, sealed);
    bulla_write_u16(writer, (uint16_t)making->sent_size);
    bulla_write(writer, making->sent, making->sent_size);
}

static enum bulla_reason check(const struct making *making)
{
    if (making->secret.size == 0 || making->secret.size > BULLA_CREDENTIAL_SECRET_LARGEST)
        return bulla_refuse(BULLA_ARGUMENT, "a credential's secret of %zu bytes", making->secret.size);
    if (making->name.size != 34 && making->name.size != 50)
        return bulla_refuse(BULLA_ARGUMENT, "a credential for a name of %zu bytes", making->name.size);
    if (making->ek.aes_bits == 0 || making->ek.scheme != BULLA_TPM_NO_SCHEME)
        return bulla_refuse(BULLA_UNSUPPORTED, "a credential for a key that protects no others");
    return BULLA_OK;
}

enum bulla_reason bulla_tpm_credential_make(struct bulla_bytes ek_public, struct bulla_bytes ak_name,
    struct bulla_bytes secret, struct bulla_writer *credential)
{
    BULLA_SECRET struct secrets *secrets = NULL;
    struct making making = {.name = ak_name, .secret = secret};
    BULLA_TRY(bulla_tpm_public_read(ek_public, &making.ek));
    BULLA_TRY(check(&making));
    if (!bulla_openssl_context())
        return failed("no library context");
    BULLA_TRY(bulla_secret_allocate(sizeof *secrets, (void **)&secrets));
    making.secrets = secrets;
    making.hash = making.ek.name_hash == BULLA_SHA384 ? "SHA2-384" : "SHA2-256";
    making.hash_size = bulla_hash_size(making.ek.name_hash);
    (void)ERR_set_mark();
    enum bulla_reason reason = making.ek.kind == BULLA_PUBLIC_RSA ? seed_by_rsa(&making) : seed_by_ecc(&making);
    if (reason == BULLA_OK)
        reason = seal(&making);
    (void)ERR_pop_to_mark();
    BULLA_TRY(reason);
    write_credential(&making, credential);
    return bulla_writer_finish(credential, "a credential");
}
