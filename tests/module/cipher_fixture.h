/* What the tests of the ciphers share: keys with a known value, and everything that a published vector must stand. */
#ifndef BULLA_TESTS_CIPHER_FIXTURE_H
#define BULLA_TESTS_CIPHER_FIXTURE_H

#include "module_fixture.h"

enum { CIPHER_LARGEST = 4096 };

struct cipher_bytes {
    unsigned char data[CIPHER_LARGEST];
    unsigned long size;
};
struct cipher_bytes cipher_hex(const char *hex);
#define VIEW(bytes) (unsigned char *)(uintptr_t)(bytes).data, (bytes).size

extern CK_KEY_TYPE cipher_aes, cipher_aes_xts, cipher_chacha20, cipher_generic;
/* A session key with this value that may do everything; asserted. */
CK_OBJECT_HANDLE cipher_key(CK_SESSION_HANDLE session, CK_KEY_TYPE type, const void *value, size_t size);
CK_OBJECT_HANDLE cipher_key_hex(CK_SESSION_HANDLE session, CK_KEY_TYPE type, const char *hex);

/* C_EncryptInit and C_Encrypt (C_DecryptInit and C_Decrypt); the code of the first that fails. */
CK_RV cipher_run(CK_SESSION_HANDLE session, bool encrypt, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    const struct cipher_bytes *in, struct cipher_bytes *out);
/* The same in parts of `part` bytes, then Final. */
CK_RV cipher_run_parts(CK_SESSION_HANDLE session, bool encrypt, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    const struct cipher_bytes *in, size_t part, struct cipher_bytes *out);
/* Both directions: whole, in place, in parts of many sizes, in place in parts; length queries and short buffers leave
 * the operation alive and give no more than they promise. */
void cipher_check(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    const struct cipher_bytes *plain, const struct cipher_bytes *sealed);
/* What C_EncryptInit and C_DecryptInit both say; a begun operation is cancelled. */
void cipher_check_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, CK_RV expected);

/* OpenSSL by itself: mode "GCM", "CBC" …; `size` bytes, no padding. Returns whether it worked. */
bool cipher_openssl(const char *name, bool encrypt, const unsigned char *key, const unsigned char *iv,
    const struct cipher_bytes *in, struct cipher_bytes *out);

#endif
