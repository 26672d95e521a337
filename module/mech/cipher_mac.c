/* CMAC (SP 800-38B) and GMAC (SP 800-38D). */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <sodium.h>
#include <stdatomic.h>

#include "crypto/library.h"
#include "symmetric.h"

/* --- CMAC --- */

struct cmac {
    EVP_MAC_CTX *context; /* with the key; NULL: new */
    size_t size;          /* bytes of the MAC */
};

static _Atomic(EVP_MAC *) fetched;

static EVP_MAC *cmac_find(void)
{
    EVP_MAC *none = NULL, *mac = atomic_load_explicit(&fetched, memory_order_acquire);
    if (mac || !bulla_openssl_context())
        return mac;
    mac = EVP_MAC_fetch(bulla_openssl_context(), "CMAC", NULL);
    if (mac && !atomic_compare_exchange_strong(&fetched, &none, mac)) {
        EVP_MAC_free(mac); /* another thread was faster */
        mac = none;
    }
    return mac;
}

void bulla_macs_close(void)
{
    EVP_MAC_free(atomic_exchange(&fetched, NULL));
}

static bool cmac_key(struct cmac *cmac, struct bulla_bytes key)
{
    static const char *const names[] = {"AES-128-CBC", "AES-192-CBC", "AES-256-CBC"};
    size_t place = key.size / 8 - 2;
    if (place >= sizeof names / sizeof names[0])
        return false;
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char *)(uintptr_t)names[place], 0),
        OSSL_PARAM_construct_end(),
    };
    cmac->context = EVP_MAC_CTX_new(cmac_find());
    return cmac->context && EVP_MAC_init(cmac->context, key.data, key.size, parameters) == 1;
}

/* The parameter of CKM_AES_CMAC_GENERAL is the MAC's size. */
static enum bulla_reason cmac_size(const struct bulla_run *run, const CK_MECHANISM *mechanism, size_t *size)
{
    CK_ULONG given = BULLA_CIPHER_TAG;
    if (run->mechanism->type != CKM_AES_CMAC_GENERAL)
        BULLA_TRY(bulla_mechanism_bare(mechanism));
    else {
        BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof given));
        memcpy(&given, mechanism->pParameter, sizeof given);
    }
    if (given == 0 || given > BULLA_CIPHER_TAG)
        return bulla_refuse(BULLA_PARAMETER, "CMAC has no MACs of %lu bytes", given);
    *size = given;
    return BULLA_OK;
}

static enum bulla_reason cmac_begin(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    struct cmac *cmac = run->state;
    BULLA_TRY(cmac_size(run, mechanism, &cmac->size));
    (void)ERR_set_mark();
    bool ready = cmac->context ? EVP_MAC_init(cmac->context, NULL, 0, NULL) == 1 : cmac_key(cmac, run->key->secret);
    (void)ERR_pop_to_mark();
    return ready ? BULLA_OK : bulla_refuse(BULLA_LIBRARY, "OpenSSL gives no CMAC");
}

static enum bulla_reason cmac_update(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    struct cmac *cmac = run->state;
    (void)out;
    return !in.size || EVP_MAC_update(cmac->context, in.data, in.size) == 1
               ? BULLA_OK
               : bulla_refuse(BULLA_LIBRARY, "OpenSSL does not take data");
}

static enum bulla_reason cmac_make(struct bulla_run *run, uint8_t mac[static BULLA_CIPHER_TAG])
{
    struct cmac *cmac = run->state;
    size_t size = 0;
    return EVP_MAC_final(cmac->context, mac, &size, BULLA_CIPHER_TAG) == 1
               ? BULLA_OK
               : bulla_refuse(BULLA_LIBRARY, "OpenSSL gives no CMAC");
}

static void cmac_end(void *state)
{
    EVP_MAC_CTX_free(((struct cmac *)state)->context);
}

static size_t cmac_tag(const struct bulla_run *run)
{
    return ((const struct cmac *)run->state)->size;
}

/* --- GMAC: GCM of nothing, whose additional data is what is signed --- */

static enum bulla_reason gmac_begin(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    struct bulla_cipher_state *state = run->state;
    CK_GCM_PARAMS given;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof given));
    memcpy(&given, mechanism->pParameter, sizeof given);
    BULLA_TRY(bulla_aead_check_view(given.iv_ptr, given.iv_len, BULLA_GCM_NONCE_LARGEST));
    BULLA_TRY(bulla_gcm_check(given.iv_len, given.tag_bits));
    if (given.aad_len)
        return bulla_refuse(BULLA_PARAMETER, "GMAC signs its data: there is no additional data beside it");
    state->encrypting = true;
    const struct bulla_aead_parameters parameters = {{given.iv_ptr, given.iv_len}, {NULL, 0}, given.tag_bits / 8, 0};
    return bulla_aead_start(run, &parameters);
}

static enum bulla_reason gmac_update(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    (void)out;
    return bulla_cipher_feed(run->state, in, NULL);
}

static enum bulla_reason gmac_make(struct bulla_run *run, uint8_t mac[static BULLA_CIPHER_TAG])
{
    return bulla_aead_tag(run->state, mac);
}

static size_t gmac_tag(const struct bulla_run *run)
{
    return ((const struct bulla_cipher_state *)run->state)->tag_size;
}

/* --- what both do with a MAC --- */

struct mac {
    enum bulla_reason (*make)(struct bulla_run *run, uint8_t mac[static BULLA_CIPHER_TAG]);
    size_t (*size)(const struct bulla_run *run);
};
static const struct mac cmac_rules = {cmac_make, cmac_tag}, gmac_rules = {gmac_make, gmac_tag};

static const struct mac *rules(const struct bulla_run *run)
{
    return run->mechanism->type == CKM_AES_GMAC ? &gmac_rules : &cmac_rules;
}

static enum bulla_reason bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    (void)in;
    *bytes = phase == BULLA_UPDATE ? 0 : rules(run)->size(run);
    return BULLA_OK;
}

static enum bulla_reason finish(struct bulla_run *run, struct bulla_writer *out)
{
    uint8_t mac[BULLA_CIPHER_TAG];
    enum bulla_reason reason = rules(run)->make(run, mac);
    if (reason == BULLA_OK)
        bulla_write(out, mac, rules(run)->size(run));
    bulla_wipe(mac, sizeof mac);
    return reason;
}

static enum bulla_reason verify_finish(struct bulla_run *run, struct bulla_bytes signature)
{
    uint8_t mac[BULLA_CIPHER_TAG];
    if (signature.size != rules(run)->size(run))
        return bulla_refuse(BULLA_SIGNATURE_LENGTH, "a MAC of %zu bytes", signature.size);
    enum bulla_reason reason = rules(run)->make(run, mac);
    if (reason == BULLA_OK && sodium_memcmp(mac, signature.data, signature.size) != 0)
        reason = bulla_refuse(BULLA_VERIFY_FAILED, "the MAC is not the data's");
    bulla_wipe(mac, sizeof mac); /* the right one for data of the caller's choice */
    return reason;
}

const struct bulla_processor bulla_cmac_processor = {
    .state_size = sizeof(struct cmac),
    .reuse = true,
    .spotless = true,
    .begin = cmac_begin,
    .bound = bound,
    .update = cmac_update,
    .finish = finish,
    .verify_finish = verify_finish,
    .end = cmac_end,
};
const struct bulla_processor bulla_gmac_processor = {
    .state_size = sizeof(struct bulla_cipher_state),
    .reuse = true,
    .spotless = true,
    .begin = gmac_begin,
    .bound = bound,
    .update = gmac_update,
    .finish = finish,
    .verify_finish = verify_finish,
    .end = bulla_cipher_end,
};
