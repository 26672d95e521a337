/* The private key's PEM passes through the arena; OpenSSL's parser and EVP_PKEY are the listed exception: the key is
 * freed at the end of the command, and what the parser copied is wiped by the program's allocator (wiped_memory.c). The
 * passphrase of a protected key lies in the arena and in a buffer that OpenSSL cleanses. */
#include "authority.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/arena.h"
#include "crypto/cipher.h"
#include "file.h"
#include "options.h"
#include "output.h"
#include "terminal.h"

enum { PEM_LARGEST = 16384 };

static int passphrase_ask(char *buffer, int size, int writing, void *context)
{
    BULLA_SECRET struct bulla_pin *pin = NULL;
    char prompt[64];
    (void)writing;
    (void)snprintf(prompt, sizeof prompt, "Passphrase of %s key", (const char *)context);
    struct bulla_pin_source source = {.prompt = prompt};
    if (bulla_pin_get(&source, &pin) != BULLA_OK || pin->size > (size_t)size)
        return -1;
    memcpy(buffer, pin->bytes, pin->size);
    return (int)pin->size;
}

static bool public_key_of(EVP_PKEY *key, uint8_t public_key[static BULLA_AUTHORITY_SIZE])
{
    char group[32] = "";
    size_t size = 0;
    return EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 && strcmp(group, "prime256v1") == 0 &&
           EVP_PKEY_get_octet_string_param(key, "encoded-pub-key", public_key, BULLA_AUTHORITY_SIZE, &size) == 1 &&
           size == BULLA_AUTHORITY_SIZE && public_key[0] == 4;
}

/* ES256 wants r ‖ s of 32 bytes each; OpenSSL gives DER. Signatures are public. */
static enum bulla_reason authority_sign(void *context, struct bulla_bytes to_be_signed, uint8_t signature[static 64])
{
    uint8_t der[80];
    size_t size = sizeof der;
    const uint8_t *at = der;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool done = digest && EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, context) == 1 &&
                EVP_DigestSign(digest, der, &size, to_be_signed.data, to_be_signed.size) == 1;
    EVP_MD_CTX_free(digest);
    ECDSA_SIG *parts = done ? d2i_ECDSA_SIG(NULL, &at, (long)size) : NULL;
    done = parts && BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature, 32) == 32 &&
           BN_bn2binpad(ECDSA_SIG_get0_s(parts), signature + 32, 32) == 32;
    ECDSA_SIG_free(parts);
    return done ? BULLA_OK : bulla_refuse(BULLA_KEY_INVALID, "the authority's key did not sign");
}

enum bulla_reason bulla_key_file_open(const char *path, const char *whose, void **key)
{
    BULLA_SECRET uint8_t *pem = NULL;
    size_t size = 0;
    BULLA_TRY(bulla_file_read_secret(path, PEM_LARGEST, &pem, &size));
    BIO *bio = BIO_new_mem_buf(pem, (int)size);
    *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, passphrase_ask, (void *)(uintptr_t)whose) : NULL;
    BIO_free(bio);
    if (!*key)
        return bulla_refuse(BULLA_KEY_INVALID, "%s is not a private key in PEM, or its passphrase is another", path);
    return BULLA_OK;
}

enum bulla_reason bulla_authority_open(struct bulla_authority *authority, const char *path)
{
    memset(authority, 0, sizeof *authority);
    if (access(path, F_OK) != 0 && errno == ENOENT)
        bulla_output_remedy("`bulla policy keygen -o %s` makes one", path);
    BULLA_TRY(bulla_key_file_open(path, "the authority's", &authority->key));
    if (!public_key_of(authority->key, authority->public_key))
        return bulla_refuse(BULLA_KEY_INVALID, "%s is not a P-256 key", path);
    authority->signer = (struct bulla_cose_signer){BULLA_COSE_ES256, authority_sign, authority->key};
    return BULLA_OK;
}

void bulla_authority_close(struct bulla_authority *authority)
{
    EVP_PKEY_free(authority->key);
    authority->key = NULL;
}

/* --- making one --- */

static enum bulla_reason bio_create_file(BIO *bio, const char *path, mode_t mode)
{
    char *data = NULL;
    long size = BIO_get_mem_data(bio, &data);
    return size > 0 ? bulla_file_create(path, mode, (struct bulla_bytes){(const uint8_t *)data, (size_t)size})
                    : bulla_refuse(BULLA_OUT_OF_MEMORY, "writing a key");
}

enum bulla_reason bulla_authority_generate(const char *path, uint8_t public_key[static BULLA_AUTHORITY_SIZE])
{
    char public_path[4096];
    enum bulla_reason reason = BULLA_OK;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *secret = BIO_new(BIO_s_secmem()); /* cleansed when freed */
    BIO *public = BIO_new(BIO_s_mem());
    if (!key || !secret || !public || !public_key_of(key, public_key) ||
        PEM_write_bio_PKCS8PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_PUBKEY(public, key) != 1) {
        reason = bulla_refuse(BULLA_INTERNAL, "no P-256 key could be made");
        goto done;
    }
    bool alone = bulla_file_is_output(path); /* whoever has the private key has the public one */
    if (snprintf(public_path, sizeof public_path, "%s.pub", path) >= (int)sizeof public_path) {
        reason = bulla_refuse(BULLA_FILE, "the path %.80s… is too long", path);
        goto done;
    }
    reason = bio_create_file(secret, path, 0600);
    if (reason != BULLA_OK || alone)
        goto done;
    reason = bio_create_file(public, public_path, 0644);
    if (reason != BULLA_OK)
        (void)unlink(path); /* half of a pair, and a private key that nobody knows of */
done:
    EVP_PKEY_free(key);
    BIO_free(secret);
    BIO_free(public);
    return reason;
}

/* --- public keys --- */

static EVP_PKEY *point_check(const uint8_t *point, size_t size)
{
    EVP_PKEY *key = NULL;
    char group[] = "prime256v1";
    uint8_t copy[BULLA_AUTHORITY_SIZE];
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (size != sizeof copy || point[0] != 4 || !context)
        goto done;
    memcpy(copy, point, sizeof copy);
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("group", group, 0),
        OSSL_PARAM_construct_octet_string("pub", copy, sizeof copy), OSSL_PARAM_construct_end()};
    if (EVP_PKEY_fromdata_init(context) != 1 || EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
done:
    EVP_PKEY_CTX_free(context);
    return key;
}

/* PEM, or hex with a line end; the file's bytes are public. */
static EVP_PKEY *public_parse(char *text)
{
    struct bulla_hex hex;
    BIO *bio = BIO_new_mem_buf(text, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    text[strcspn(text, "\r\n \t")] = '\0';
    if (!key && bulla_hex_parse(text, "a public key", &hex) == BULLA_OK)
        key = point_check(hex.data, hex.size);
    return key;
}

enum bulla_reason bulla_authority_public(const char *text, uint8_t public_key[static BULLA_AUTHORITY_SIZE])
{
    uint8_t *data = NULL;
    size_t size = 0;
    bool inline_hex = strlen(text) == (size_t)2 * BULLA_AUTHORITY_SIZE && access(text, F_OK) != 0;
    char *copy = NULL;
    if (inline_hex) {
        copy = strdup(text);
    } else {
        BULLA_TRY(bulla_file_read(text, PEM_LARGEST, &data, &size));
        copy = strndup((const char *)data, size);
    }
    free(data);
    EVP_PKEY *key = copy ? public_parse(copy) : NULL;
    free(copy);
    bool good = key && public_key_of(key, public_key);
    EVP_PKEY_free(key);
    return good ? BULLA_OK
                : bulla_refuse(BULLA_KEY_INVALID, "%.80s is not a P-256 public key, in PEM or as 130 hex digits", text);
}

void bulla_authority_hash(struct bulla_bytes public_key, char hash[static BULLA_AUTHORITY_HASH + 1])
{
    uint8_t digest[32];
    bulla_sha256(public_key, digest);
    bulla_hex_write(digest, BULLA_AUTHORITY_HASH / 2, hash);
}
