/* All of it is by names: a module built with the headers of 3.0 has these keys where it finds a newer library at run
 * time, and on an older one OpenSSL knows none of the names. */
#include "pq_pkey.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdatomic.h>

#include "crypto/library.h"

static const unsigned long first_version = 0x30500000UL;

static bool ask(const char *name)
{
    if (OpenSSL_version_num() < first_version)
        return false;
    (void)ERR_set_mark();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(bulla_openssl_context(), name, NULL);
    EVP_PKEY_CTX_free(context);
    (void)ERR_pop_to_mark();
    return context != NULL;
}

/* Every set of a type comes or goes with the others. */
bool bulla_pq_present(CK_KEY_TYPE type)
{
    enum { UNKNOWN, PRESENT, ABSENT };
    static atomic_int known[BULLA_PQ_SETS];
    int i = 0;
    while (i < BULLA_PQ_SETS && bulla_pq_sets[i].type != type)
        i++;
    if (i == BULLA_PQ_SETS)
        return false;
    if (atomic_load(&known[i]) == UNKNOWN)
        atomic_store(&known[i], ask(bulla_pq_sets[i].name) ? PRESENT : ABSENT);
    return atomic_load(&known[i]) == PRESENT;
}

enum bulla_reason bulla_pq_pkey(
    const struct bulla_pq_set *set, const char *which, struct bulla_bytes value, EVP_PKEY **pkey)
{
    bool is_public = strcmp(which, BULLA_PQ_PUBLIC) == 0;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(which, (void *)(uintptr_t)value.data, value.size),
        OSSL_PARAM_construct_end()};
    *pkey = NULL;
    (void)ERR_set_mark();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(bulla_openssl_context(), set->name, NULL);
    bool made = context && EVP_PKEY_fromdata_init(context) == 1 &&
                EVP_PKEY_fromdata(context, pkey, is_public ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR, params) == 1;
    EVP_PKEY_CTX_free(context);
    (void)ERR_pop_to_mark();
    if (made)
        return BULLA_OK;
    *pkey = NULL;
    return bulla_refuse(
        BULLA_KEY_VALUE, "%zu bytes are no %s of %s", value.size, is_public ? "public key" : "private key", set->name);
}

enum bulla_reason bulla_pq_check(const struct bulla_pq_set *set, EVP_PKEY *pkey)
{
    (void)ERR_set_mark();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(bulla_openssl_context(), pkey, NULL);
    bool right = context && EVP_PKEY_pairwise_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    (void)ERR_pop_to_mark();
    return right ? BULLA_OK
                 : bulla_refuse(BULLA_KEY_VALUE, "the parts of this private key of %s are not of one key", set->name);
}

enum bulla_reason bulla_pq_generate(const struct bulla_pq_set *set, EVP_PKEY **pkey)
{
    *pkey = NULL;
    (void)ERR_set_mark();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(bulla_openssl_context(), set->name, NULL);
    bool made = context && EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_generate(context, pkey) == 1;
    EVP_PKEY_CTX_free(context);
    (void)ERR_pop_to_mark();
    return made ? BULLA_OK : bulla_refuse(BULLA_LIBRARY, "OpenSSL made no key of %s", set->name);
}

enum bulla_reason bulla_pq_value(const EVP_PKEY *pkey, const char *which, uint8_t *value, size_t size)
{
    size_t got = 0;
    (void)ERR_set_mark();
    bool shown = EVP_PKEY_get_octet_string_param(pkey, which, value, size, &got) == 1 && got == size;
    (void)ERR_pop_to_mark();
    return shown ? BULLA_OK : bulla_refuse(BULLA_LIBRARY, "OpenSSL does not show \"%s\" of a key", which);
}
