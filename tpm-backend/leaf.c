/* The leaf "tpm".
 *
 *     blob   = u8 version 1 ‖ u8 kind ‖ [Argon2id: u64 passes ‖ u64 memory ‖ salt 16] ‖ object (primary.h)
 *     sealed = share (32) ‖ SHA-256("bulla/1 tpm leaf" ‖ token ‖ object ‖ path ‖ policyRef ‖ authority)
 *
 * Kind 1 is a token's leaf and alone has Argon2id's parameters; kind 2 is an object's. The digest sealed beside the
 * share binds it to its place: a blob that was put elsewhere opens, where its auth value and policy are the same, and
 * is refused by the digest. A refused Argon2id or blob costs no connection; Argon2id runs before the burst, for nobody
 * else can use swtpm while we are connected. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "crypto/arena.h"
#include "crypto/cipher.h"
#include "policy_session.h"
#include "primary.h"
#include "tpm.h"

enum { VERSION = 1, SEALED_SIZE = 64 };

enum leaf_kind { LEAF_TOKEN = 1, LEAF_OBJECT = 2 };

static const TPMA_OBJECT leaf_attributes[] = {
    [LEAF_TOKEN] = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_USERWITHAUTH,
    [LEAF_OBJECT] = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_NODA,
};

struct leaf_blob {
    enum leaf_kind kind;
    struct bulla_argon2 argon2;
    struct bulla_tpm_object object;
};

static enum leaf_kind request_kind(const struct bulla_leaf_request *request)
{
    return request->purpose == BULLA_LEAF_OF_PIN ? LEAF_TOKEN : LEAF_OBJECT;
}

/* An object's leaf without an authority would be open to every state. */
static enum bulla_reason request_check(const struct bulla_leaf_request *request)
{
    bool of_pin = request->purpose == BULLA_LEAF_OF_PIN && request->authority.size == 0;
    bool of_object = request->purpose == BULLA_LEAF_OF_OBJECT && request->authority.size != 0;
    return of_pin || of_object
               ? bulla_tpm_tcti_check(request->tcti)
               : bulla_refuse(BULLA_ARGUMENT, "a TPM leaf is a PIN's, or an object's that names its authority");
}

/* The path counts with the zeros behind it, so that every part but the last has a fixed size. */
static void binding(const struct bulla_leaf_request *request, uint8_t digest[static 32])
{
    char path[BULLA_LEAF_PATH_LARGEST] = {0};
    memcpy(path, request->path, strnlen(request->path, sizeof path));
    const struct bulla_bytes parts[] = {BULLA_TEXT("bulla/1 tpm leaf"), BULLA_BYTES(request->token),
        BULLA_BYTES(request->object), BULLA_BYTES(path), BULLA_BYTES(request->policy_ref), request->authority};
    bulla_sha256_parts(parts, sizeof parts / sizeof parts[0], digest);
}

/* 32 bytes: from the PIN, or as they were derived from the token key. */
static enum bulla_reason leaf_auth(
    const struct bulla_leaf_request *request, const struct bulla_argon2 *argon2, uint8_t auth[static 32])
{
    if (request_kind(request) == LEAF_TOKEN) {
        if (request->passphrase.size == 0)
            return bulla_refuse(BULLA_PASSPHRASE_NEEDED, "the token's TPM leaf opens with the PIN");
        return bulla_argon2_derive(argon2, request->passphrase, auth);
    }
    if (request->auth_value.size != 32)
        return bulla_refuse(BULLA_ARGUMENT, "an auth value of %zu bytes, not 32", request->auth_value.size);
    memcpy(auth, request->auth_value.data, 32);
    return BULLA_OK;
}

/* --- the blob --- */

static enum bulla_reason blob_write(const struct leaf_blob *blob, struct bulla_writer *writer)
{
    bulla_write_u8(writer, VERSION);
    bulla_write_u8(writer, (uint8_t)blob->kind);
    if (blob->kind == LEAF_TOKEN) {
        bulla_write_u64(writer, blob->argon2.operations);
        bulla_write_u64(writer, blob->argon2.memory);
        bulla_write(writer, blob->argon2.salt, sizeof blob->argon2.salt);
    }
    return bulla_tpm_object_write(&blob->object, writer);
}

static enum bulla_reason blob_read(struct bulla_bytes bytes, struct leaf_blob *blob)
{
    struct bulla_reader reader;
    memset(blob, 0, sizeof *blob);
    bulla_reader_open(&reader, bytes);
    unsigned version = bulla_read_u8(&reader);
    blob->kind = bulla_read_u8(&reader);
    if (!reader.failed && (version != VERSION || (blob->kind != LEAF_TOKEN && blob->kind != LEAF_OBJECT)))
        return bulla_refuse(BULLA_MALFORMED, "a TPM leaf of version %u, kind %u", version, (unsigned)blob->kind);
    if (blob->kind == LEAF_TOKEN) {
        blob->argon2.operations = bulla_read_u64(&reader);
        blob->argon2.memory = bulla_read_u64(&reader);
        struct bulla_bytes salt = bulla_read(&reader, sizeof blob->argon2.salt);
        if (salt.size == sizeof blob->argon2.salt)
            memcpy(blob->argon2.salt, salt.data, salt.size);
    }
    BULLA_TRY(bulla_tpm_object_read(&reader, &blob->object));
    return bulla_reader_finish(&reader, "a TPM leaf");
}

/* What can be told without the TPM: that the blob is for this kind of leaf, this authority and this policyRef. */
static enum bulla_reason blob_check(const struct leaf_blob *blob, const struct bulla_leaf_request *request)
{
    if (blob->kind != request_kind(request))
        return bulla_refuse(BULLA_AUTHENTICATION, "a TPM leaf of a token is not one of an object");
    if (blob->kind == LEAF_TOKEN)
        return BULLA_OK;
    uint8_t policy[32];
    const TPM2B_DIGEST *sealed = &blob->object.public.publicArea.authPolicy;
    BULLA_TRY(bulla_tpm_policy_digest(request, policy));
    if (sealed->size != sizeof policy || memcmp(sealed->buffer, policy, sizeof policy) != 0)
        return bulla_refuse(BULLA_TPM_POLICY, "the leaf was sealed for another authority or another epoch");
    return BULLA_OK;
}

/* --- sealing --- */

static enum bulla_reason template_make(const struct bulla_leaf_request *request, TPM2B_PUBLIC *template)
{
    enum leaf_kind kind = request_kind(request);
    *template = (TPM2B_PUBLIC){
        .publicArea =
            {
                .type = TPM2_ALG_KEYEDHASH,
                .nameAlg = TPM2_ALG_SHA256,
                .objectAttributes = leaf_attributes[kind],
                .parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL,
            },
    };
    if (kind == LEAF_TOKEN)
        return BULLA_OK;
    template->publicArea.authPolicy.size = 32;
    return bulla_tpm_policy_digest(request, template->publicArea.authPolicy.buffer);
}

/* The share and its auth value lie in `sensitive`, in the arena; the locals hold nothing secret. */
static enum bulla_reason leaf_seal(
    const struct bulla_leaf_request *request, const uint8_t share[static 32], struct bulla_writer *writer)
{
    BULLA_SECRET TPM2B_SENSITIVE_CREATE *sensitive = NULL;
    struct leaf_blob blob = {.kind = request_kind(request)};
    TPM2B_PUBLIC template;
    BULLA_TRY(request_check(request));
    BULLA_TRY(template_make(request, &template));
    BULLA_TRY(bulla_secret_allocate(sizeof *sensitive, (void **)&sensitive));
    bulla_argon2_choose(&blob.argon2, request->quick);
    BULLA_TRY(leaf_auth(request, &blob.argon2, sensitive->sensitive.userAuth.buffer));
    sensitive->sensitive.userAuth.size = 32;
    sensitive->sensitive.data.size = SEALED_SIZE;
    memcpy(sensitive->sensitive.data.buffer, share, 32);
    binding(request, sensitive->sensitive.data.buffer + 32);
    BULLA_TPM_BURST struct bulla_tpm_burst burst;
    BULLA_TRY(bulla_tpm_burst_open(&burst, request->tcti));
    BULLA_TRY(bulla_tpm_object_create(&burst, sensitive, &template, &blob.object));
    return blob_write(&blob, writer);
}

/* --- opening --- */

/* Takes the share out of what was unsealed, in constant time as far as it is secret, and wipes the rest. */
static enum bulla_reason share_take(
    const struct bulla_leaf_request *request, TPM2B_SENSITIVE_DATA *data, uint8_t share[static 32])
{
    uint8_t bound[32]; /* not secret */
    binding(request, bound);
    bool ours = data->size == SEALED_SIZE && sodium_memcmp(data->buffer + 32, bound, sizeof bound) == 0;
    if (ours)
        memcpy(share, data->buffer, 32);
    bulla_wipe(data, sizeof *data);
    Esys_Free(data);
    return ours ? BULLA_OK : bulla_refuse(BULLA_AUTHENTICATION, "the TPM leaf was sealed for another place");
}

static enum bulla_reason unseal(struct bulla_tpm_burst *burst, const struct bulla_leaf_request *request, ESYS_TR object,
    ESYS_TR session, uint8_t share[static 32])
{
    TPM2B_SENSITIVE_DATA *data = NULL;
    BULLA_TRY(bulla_tpm_check(
        burst, Esys_Unseal(burst->esys, object, session, ESYS_TR_NONE, ESYS_TR_NONE, &data), "unsealing"));
    return share_take(request, data, share);
}

static enum bulla_reason token_session(
    struct bulla_tpm_burst *burst, ESYS_TR primary, const struct bulla_leaf_request *request, ESYS_TR *session)
{
    (void)request;
    return bulla_tpm_session(burst, primary, TPM2_SE_HMAC, TPMA_SESSION_ENCRYPT, session);
}

/* Says how long a lockout lasts; a wrong auth value of a token's leaf is a wrong PIN. */
static enum bulla_reason token_refusal(struct bulla_tpm_burst *burst, enum bulla_reason reason)
{
    static const uint32_t interval = TPM2_PT_LOCKOUT_INTERVAL;
    uint32_t seconds = 0;
    if (reason == BULLA_TPM_AUTHORIZATION)
        return bulla_refuse(BULLA_PIN_WRONG, "the TPM refused the PIN, and counted it");
    if (reason != BULLA_TPM_LOCKOUT || bulla_tpm_properties(burst, &interval, 1, &seconds) != BULLA_OK)
        return reason;
    return bulla_refuse(reason, "the TPM takes no PIN for up to %u seconds after too many wrong ones", seconds);
}

static enum bulla_reason object_refusal(struct bulla_tpm_burst *burst, enum bulla_reason reason)
{
    (void)burst;
    return reason;
}

static const struct {
    enum bulla_reason (*session)(
        struct bulla_tpm_burst *burst, ESYS_TR primary, const struct bulla_leaf_request *request, ESYS_TR *session);
    enum bulla_reason (*refusal)(struct bulla_tpm_burst *burst, enum bulla_reason reason);
} leaf_opening[] = {
    [LEAF_TOKEN] = {token_session, token_refusal},
    [LEAF_OBJECT] = {bulla_tpm_policy_session, object_refusal},
};

static enum bulla_reason blob_open(struct bulla_tpm_burst *burst, const struct bulla_leaf_request *request,
    const struct leaf_blob *blob, const uint8_t auth[static 32], uint8_t share[static 32])
{
    ESYS_TR primary = ESYS_TR_NONE, session = ESYS_TR_NONE, object = ESYS_TR_NONE;
    BULLA_TRY(bulla_tpm_primary_pinned(burst, blob->object.primary, &primary));
    BULLA_TRY(leaf_opening[blob->kind].session(burst, primary, request, &session));
    BULLA_TRY(bulla_tpm_object_load(burst, primary, &blob->object, &object));
    BULLA_TRY(bulla_tpm_authorize(burst, object, session, auth));
    enum bulla_reason reason = unseal(burst, request, object, session, share);
    return leaf_opening[blob->kind].refusal(burst, reason);
}

static enum bulla_reason leaf_open_checked(
    const struct bulla_leaf_request *request, const struct leaf_blob *blob, uint8_t share[static 32])
{
    BULLA_SECRET uint8_t *auth = NULL;
    BULLA_TRY(request_check(request));
    BULLA_TRY(blob_check(blob, request));
    if (blob->kind == LEAF_OBJECT && request->policy_refusal != BULLA_OK)
        return bulla_refuse(request->policy_refusal, "%s", request->policy_refusal_detail);
    if (blob->kind == LEAF_OBJECT && request->approval_count == 0)
        return bulla_refuse(BULLA_POLICY_MISSING, "the object's TPM leaf needs a policy of its authority");
    BULLA_TRY(bulla_secret_allocate(32, (void **)&auth));
    BULLA_TRY(leaf_auth(request, &blob->argon2, auth));
    BULLA_TPM_BURST struct bulla_tpm_burst burst;
    BULLA_TRY(bulla_tpm_burst_open(&burst, request->tcti));
    return blob_open(&burst, request, blob, auth, share);
}

static enum bulla_reason leaf_open(
    const struct bulla_leaf_request *request, struct bulla_bytes bytes, uint8_t share[static 32])
{
    struct leaf_blob blob;
    BULLA_TRY(blob_read(bytes, &blob));
    return leaf_open_checked(request, &blob, share);
}

static enum bulla_reason leaf_describe(const struct bulla_leaf_request *request, char *line, size_t size)
{
    struct bulla_tpm_status status;
    enum bulla_reason reason = bulla_tpm_status_read(request->tcti, &status);
    if (reason != BULLA_OK) {
        (void)snprintf(line, size, "the TPM: %s", bulla_detail());
        return reason;
    }
    const char *needs = request_kind(request) == LEAF_TOKEN ? "the PIN" : "an approved state of the PCRs";
    (void)snprintf(line, size, "the TPM (%s) and %s; %s, %u of %u wrong tries counted", status.manufacturer, needs,
        status.in_lockout ? "locked" : "it answers", status.lockout_counter, status.max_tries);
    return BULLA_OK;
}

const struct bulla_leaf_scheme bulla_tpm_leaf = {
    .name = "tpm",
    .attests = true,
    .forgets = true,
    .protects_pin = true,
    .seal = leaf_seal,
    .open = leaf_open,
    .describe = leaf_describe,
};
