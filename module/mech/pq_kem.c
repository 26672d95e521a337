#include "pq_kem.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "crypto/library.h"
#include "pq_set.h"

enum { SECRET = 32 };

static const struct bulla_pq_set *set_of(const struct bulla_key *key)
{
    return &bulla_pq_sets[key->material->curve];
}

size_t bulla_ml_kem_encapsulation_size(const struct bulla_key *key)
{
    return set_of(key)->output_size;
}

static enum bulla_reason check(const struct bulla_derivation *derivation)
{
    BULLA_TRY(bulla_mechanism_bare(derivation->mechanism));
    if (derivation->size && derivation->size != SECRET)
        return bulla_refuse(
            BULLA_KEY_INCONSISTENT, "ML-KEM gives a key of %d bytes, not of %zu", SECRET, derivation->size);
    return BULLA_OK;
}

enum bulla_reason bulla_ml_kem_encapsulate(
    const struct bulla_derivation *derivation, struct bulla_writer *ciphertext, struct bulla_writer *secret)
{
    size_t size = set_of(derivation->base)->output_size, secret_size = SECRET;
    BULLA_TRY(check(derivation));
    uint8_t *out = bulla_write_space(ciphertext, size), *value = bulla_write_space(secret, SECRET);
    if (!out || !value)
        return bulla_refuse(BULLA_INTERNAL, "no room for a ciphertext");
    (void)ERR_set_mark();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(bulla_openssl_context(), derivation->base->material->pkey, NULL);
    bool made = context && EVP_PKEY_encapsulate_init(context, NULL) == 1 &&
                EVP_PKEY_encapsulate(context, out, &size, value, &secret_size) == 1 && secret_size == SECRET &&
                size == set_of(derivation->base)->output_size;
    EVP_PKEY_CTX_free(context);
    (void)ERR_pop_to_mark();
    return made ? BULLA_OK : bulla_refuse(BULLA_LIBRARY, "OpenSSL encapsulates no key");
}

enum bulla_reason bulla_ml_kem_decapsulate(
    const struct bulla_derivation *derivation, struct bulla_bytes ciphertext, struct bulla_writer *secret)
{
    const struct bulla_pq_set *set = set_of(derivation->base);
    size_t secret_size = SECRET;
    BULLA_TRY(check(derivation));
    if (ciphertext.size != set->output_size)
        return bulla_refuse(BULLA_WRAPPED_KEY_LENGTH, "a ciphertext of %s has %zu bytes, not %zu", set->name,
            set->output_size, ciphertext.size);
    uint8_t *value = bulla_write_space(secret, SECRET);
    if (!value)
        return bulla_refuse(BULLA_INTERNAL, "no room for a secret");
    (void)ERR_set_mark();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(bulla_openssl_context(), derivation->base->material->pkey, NULL);
    bool opened = context && EVP_PKEY_decapsulate_init(context, NULL) == 1 &&
                  EVP_PKEY_decapsulate(context, value, &secret_size, ciphertext.data, ciphertext.size) == 1 &&
                  secret_size == SECRET;
    EVP_PKEY_CTX_free(context);
    (void)ERR_pop_to_mark();
    return opened ? BULLA_OK : bulla_refuse(BULLA_LIBRARY, "OpenSSL decapsulates no key");
}
