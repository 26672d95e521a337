/* What the tests of post-quantum keys share: what the standards say of each parameter set, pairs and halves made
 * through the module, and OpenSSL, called apart from the module, as the other party. */
#ifndef BULLA_TESTS_PQ_KEYS_H
#define BULLA_TESTS_PQ_KEYS_H

#include <openssl/evp.h>

#include "module_fixture.h"

enum {
    PQ_ML_KEM_512,
    PQ_ML_KEM_768,
    PQ_ML_KEM_1024,
    PQ_ML_DSA_44,
    PQ_ML_DSA_65,
    PQ_ML_DSA_87,
    PQ_SLH_DSA_SHA2_128S,
    PQ_SLH_DSA_SHAKE_128S,
    PQ_SLH_DSA_SHA2_128F,
    PQ_SLH_DSA_SHAKE_128F,
    PQ_SLH_DSA_SHA2_192S,
    PQ_SLH_DSA_SHAKE_192S,
    PQ_SLH_DSA_SHA2_192F,
    PQ_SLH_DSA_SHAKE_192F,
    PQ_SLH_DSA_SHA2_256S,
    PQ_SLH_DSA_SHAKE_256S,
    PQ_SLH_DSA_SHA2_256F,
    PQ_SLH_DSA_SHAKE_256F,
    PQ_SETS,
};

/* Bytes, by FIPS 203 (table 3), FIPS 204 (table 2) and FIPS 205 (table 2). */
struct pq_set {
    CK_KEY_TYPE type;
    CK_ULONG number;
    const char *name; /* OpenSSL's */
    size_t public_size, private_size, seed_size, output_size;
};
extern const struct pq_set pq_sets[PQ_SETS];

/* Whether the OpenSSL that this process found has these algorithms: 3.5 or later. */
bool pq_here(void);
/* For main: 77 where the tests are not for this OpenSSL, and 1 where BULLA_TEST_NEWER_OPENSSL says that there must be
 * one that is new enough; 0: they are. */
int pq_skipped(void);

struct pq_bytes {
    unsigned char data[65536];
    size_t size;
};
#define PQ_VIEW(bytes) (unsigned char *)(uintptr_t)(bytes)->data, (bytes)->size
void pq_hex(const char *hex, struct pq_bytes *bytes);
/* An attribute's value; asserted. */
void pq_get(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct pq_bytes *bytes);
void pq_assert_equal(const struct pq_bytes *left, const struct pq_bytes *right);

CK_MECHANISM_TYPE pq_generation(int set);
CK_MECHANISM_TYPE pq_mechanism(int set); /* that uses the keys */

struct pq_pair {
    CK_OBJECT_HANDLE public_key, private_key;
};
/* Session objects, extractable and not sensitive; asserted. */
struct pq_pair pq_generate(CK_SESSION_HANDLE session, int set);
/* C_CreateObject of a half, readable; seed, value and `more` (one attribute) may be NULL. */
CK_RV pq_create_private(CK_SESSION_HANDLE session, int set, const struct pq_bytes *seed, const struct pq_bytes *value,
    CK_ATTRIBUTE *more, CK_OBJECT_HANDLE *handle);
CK_RV pq_create_public(
    CK_SESSION_HANDLE session, int set, const struct pq_bytes *value, CK_ATTRIBUTE *more, CK_OBJECT_HANDLE *handle);

/* OpenSSL's own key, the caller's to free: a new one, one of a raw value, and the one that CKA_PUBLIC_KEY_INFO says. */
EVP_PKEY *pq_openssl_new(int set);
EVP_PKEY *pq_openssl(int set, const char *which, const struct pq_bytes *value);
EVP_PKEY *pq_openssl_public(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object);
void pq_openssl_value(const EVP_PKEY *pkey, const char *which, struct pq_bytes *value);

#endif
