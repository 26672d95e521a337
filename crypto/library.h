/* The two libraries below this room, made ready once for each process.
 *
 * OpenSSL is used through a library context of our own: the default one belongs to the host, whose openssl.cnf may set
 * default properties and load a PKCS#11 provider, and that provider may have loaded us. The file is still read once for
 * each process, into the default context: EVP_CipherInit of OpenSSL 3 asks for engines, and asking reads it. */
#ifndef BULLA_CRYPTO_LIBRARY_H
#define BULLA_CRYPTO_LIBRARY_H

#include <openssl/evp.h>
#include <sodium.h>

/* libsodium has chosen its implementations. Thread-safe; free after the first call. */
void bulla_sodium_ready(void);
/* The context and the ciphers fetched from it, NULL when memory was short at the first call; never freed, hold no key.
 */
OSSL_LIB_CTX *bulla_openssl_context(void);
/* One without algorithms, for reading what only has to be taken apart: OpenSSL makes a key of its own from each
 * certificate that it reads, and looking for the decoder takes it longer than all the rest. */
OSSL_LIB_CTX *bulla_openssl_reading_context(void);
const EVP_CIPHER *bulla_openssl_aes_256_gcm(void);
const EVP_CIPHER *bulla_openssl_chacha20_poly1305(void);

#endif
