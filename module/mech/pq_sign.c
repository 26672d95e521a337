#include "pq_sign.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto/library.h"
#include "parts.h"
#include "pq_set.h"

enum { CONTEXT_LARGEST = 255 };

struct state {
    struct bulla_parts parts; /* first */
    uint8_t context[CONTEXT_LARGEST];
    size_t context_size;
    bool deterministic;
};

static const struct bulla_pq_set *set_of(const struct bulla_run *run)
{
    return &bulla_pq_sets[run->key->material->curve];
}

static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    struct state *state = run->state;
    CK_SIGN_ADDITIONAL_CONTEXT given;
    bool signs = run->key->object_class == CKO_PRIVATE_KEY;
    if (!mechanism->pParameter) /* then it has no length: core has looked */
        return BULLA_OK;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof given));
    memcpy(&given, mechanism->pParameter, sizeof given);
    if (given.ulContextLen > CONTEXT_LARGEST || (given.ulContextLen && !given.pContext))
        return bulla_refuse(
            BULLA_PARAMETER, "a context has up to %d bytes, not %lu", CONTEXT_LARGEST, given.ulContextLen);
    if (signs && given.hedgeVariant > CKH_DETERMINISTIC_REQUIRED) /* a verification has no use for it */
        return bulla_refuse(BULLA_PARAMETER, "there is no way %lu to hedge a signature", given.hedgeVariant);
    state->deterministic = given.hedgeVariant == CKH_DETERMINISTIC_REQUIRED;
    state->context_size = given.ulContextLen;
    if (given.ulContextLen)
        memcpy(state->context, given.pContext, given.ulContextLen);
    return BULLA_OK;
}

static enum bulla_reason bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    (void)in;
    *bytes = phase == BULLA_UPDATE ? 0 : set_of(run)->output_size;
    return BULLA_OK;
}

typedef int begin_digest(EVP_MD_CTX *context, EVP_PKEY_CTX **own, const char *hash, OSSL_LIB_CTX *library,
    const char *properties, EVP_PKEY *pkey, const OSSL_PARAM params[]);

/* Ready for the message; NULL when OpenSSL refuses. The hash is the set's own: none is named. */
static EVP_MD_CTX *ready(begin_digest *begin_message, const struct bulla_run *run)
{
    struct state *state = run->state;
    int deterministic = state->deterministic;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int("deterministic", &deterministic),
        OSSL_PARAM_construct_octet_string("context-string", state->context, state->context_size),
        OSSL_PARAM_construct_end(),
    };
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context &&
        begin_message(context, NULL, NULL, bulla_openssl_context(), NULL, run->key->material->pkey, params) == 1)
        return context;
    EVP_MD_CTX_free(context);
    return NULL;
}

static enum bulla_reason whole(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    size_t size = set_of(run)->output_size;
    uint8_t *signature = bulla_write_space(out, size);
    if (!signature)
        return bulla_refuse(BULLA_INTERNAL, "no room for a signature");
    (void)ERR_set_mark();
    EVP_MD_CTX *context = ready(EVP_DigestSignInit_ex, run);
    bool made = context && EVP_DigestSign(context, signature, &size, in.data, in.size) == 1;
    EVP_MD_CTX_free(context);
    (void)ERR_pop_to_mark();
    return made && size == set_of(run)->output_size ? BULLA_OK
                                                    : bulla_refuse(BULLA_LIBRARY, "OpenSSL made no signature");
}

static enum bulla_reason finish(struct bulla_run *run, struct bulla_writer *out)
{
    return whole(run, bulla_parts_bytes(run), out);
}

static enum bulla_reason verify(struct bulla_run *run, struct bulla_bytes in, struct bulla_bytes signature)
{
    size_t size = set_of(run)->output_size;
    if (signature.size != size)
        return bulla_refuse(BULLA_SIGNATURE_LENGTH, "the signature has %zu bytes, not %zu", signature.size, size);
    (void)ERR_set_mark();
    EVP_MD_CTX *context = ready(EVP_DigestVerifyInit_ex, run);
    bool valid = context && EVP_DigestVerify(context, signature.data, signature.size, in.data, in.size) == 1;
    EVP_MD_CTX_free(context);
    (void)ERR_pop_to_mark();
    return valid ? BULLA_OK : bulla_refuse(BULLA_VERIFY_FAILED, "the signature does not verify");
}

static enum bulla_reason verify_finish(struct bulla_run *run, struct bulla_bytes signature)
{
    return verify(run, bulla_parts_bytes(run), signature);
}

const struct bulla_processor bulla_pq_sign_processor = {
    .state_size = sizeof(struct state),
    .begin = begin,
    .bound = bound,
    .update = bulla_parts_update,
    .finish = finish,
    .whole = whole,
    .verify_finish = verify_finish,
    .verify = verify,
    .end = bulla_parts_end,
};
