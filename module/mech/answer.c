/* The keys of the answer's map stand in deterministic order: by length, then by bytes. Embeddings are little-endian
 * f32, as the machines that this runs on have them in memory. */
#include "answer.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <time.h>

#include "crypto/cipher.h"
#include "evidence/receipt_measure.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "embeddings are written as they lie in memory");

enum { SALT = 32 };

/* Texts and views that a receipt points to while it is written. */
struct receipt_parts {
    char issuer[32], model_id[BULLA_KEY_NAME], model_version[32], policy_version[48];
    uint8_t request_salt[SALT], response_salt[SALT];
    uint8_t request_hash[32], nonce[64];
};

static void write_embeddings(const struct bulla_answer *answer, struct bulla_writer *out)
{
    size_t size = answer->dimension * sizeof(float);
    bulla_cbor_write_array(out, answer->request->count);
    for (size_t i = 0; i < answer->request->count; i++)
        bulla_cbor_write_bstr(
            out, (struct bulla_bytes){(const uint8_t *)(answer->embeddings + i * answer->dimension), size});
}

static void write_tokens(const struct bulla_answer *answer, struct bulla_writer *out)
{
    const struct bulla_token_batch *batch = &answer->batch;
    bulla_cbor_write_tstr(out, "tokens");
    bulla_cbor_write_array(out, batch->sequences);
    for (size_t i = 0; i < batch->sequences; i++) {
        bulla_cbor_write_array(out, batch->offsets[i + 1] - batch->offsets[i]);
        for (uint32_t at = batch->offsets[i]; at < batch->offsets[i + 1]; at++)
            bulla_cbor_write_uint(out, batch->ids[at]);
    }
}

static void salted(const uint8_t salt[static SALT], struct bulla_bytes bytes, uint8_t digest[static 32])
{
    const struct bulla_bytes parts[] = {{salt, SALT}, bytes};
    bulla_sha256_parts(parts, 2, digest);
}

/* --- the receipt --- */

static enum bulla_reason sign_receipt(void *context, struct bulla_bytes message, uint8_t signature[static 64])
{
    const struct bulla_services *services = context;
    return services->receipt_sign(services->token, message, signature);
}

/* What the evidence measured, as views into the model's claims; or that there is none. */
static enum bulla_reason add_measurements(const struct bulla_open_model *model, struct bulla_receipt *receipt)
{
    if (model->evidence_size) {
        bulla_sha256((struct bulla_bytes){model->evidence, model->evidence_size}, receipt->attestation_hash);
        return bulla_receipt_measure(model->claims, receipt);
    }
    (void)snprintf(receipt->measurement_type, sizeof receipt->measurement_type, "none");
    receipt->profile = BULLA_TEXT(BULLA_RECEIPT_PROFILE);
    receipt->security_mode = BULLA_TEXT("unattested");
    return BULLA_OK;
}

static void name_parts(const struct bulla_run *run, const struct bulla_open_model *model, struct receipt_parts *parts)
{
    (void)snprintf(parts->issuer, sizeof parts->issuer, "bulla:%.16s", (const char *)run->services->serial);
    bulla_key_name(run->key, parts->model_id);
    (void)snprintf(parts->model_version, sizeof parts->model_version, "generation %" PRIu64, model->generation);
    (void)snprintf(parts->policy_version, sizeof parts->policy_version, "%s", model->policy_version);
    randombytes_buf(parts->request_salt, SALT);
    randombytes_buf(parts->response_salt, SALT);
}

/* The answer may be written where the request stands: what the receipt says of the request is taken before. */
static void take_request(const struct bulla_answer *answer, struct receipt_parts *parts)
{
    const struct bulla_bytes nonce = answer->request->nonce;
    salted(parts->request_salt, answer->request_bytes, parts->request_hash);
    if (nonce.size && nonce.size <= sizeof parts->nonce)
        memcpy(parts->nonce, nonce.data, nonce.size);
}

/* RFC 9562, 5.4: version 4, variant 10. */
static void make_uuid(uint8_t id[static 16])
{
    randombytes_buf(id, 16);
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
}

static enum bulla_reason write_receipt(struct bulla_run *run, const struct bulla_answer *answer,
    const struct receipt_parts *parts, struct bulla_bytes response, uint64_t sequence, struct bulla_writer *out)
{
    const struct bulla_open_model *model = answer->model;
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): a signer's context is not const, and this one is only read */
    const struct bulla_cose_signer signer = {BULLA_COSE_EDDSA, sign_receipt, (void *)(uintptr_t)run->services};
    struct bulla_receipt receipt = {
        .issuer = BULLA_TEXT(parts->issuer),
        .issued_at = (uint64_t)time(NULL),
        .nonce = {parts->nonce, answer->request->nonce.size},
        .model_id = BULLA_TEXT(parts->model_id),
        .model_version = BULLA_TEXT(parts->model_version),
        .model_hash_scheme = BULLA_TEXT("sha256-manifest"),
        .policy_version = BULLA_TEXT(parts->policy_version),
        .sequence = sequence,
        .milliseconds = answer->milliseconds,
        .memory_mb = (model->weights.size + answer->pages->size) >> 20,
    };
    make_uuid(receipt.id);
    memcpy(receipt.model_hash, model->manifest_digest, 32);
    memcpy(receipt.request_hash, parts->request_hash, 32);
    salted(parts->response_salt, response, receipt.response_hash);
    BULLA_TRY(add_measurements(model, &receipt));
    return bulla_receipt_write(&receipt, &signer, out);
}

/* --- the answer --- */

/* The embeddings are hashed as they stand in the answer, so they are written first, behind their key; what sorts before
 * that key ("model", "tokens", "receipt", "evidence") is written around them from a second buffer. */
enum bulla_reason bulla_answer_write(struct bulla_run *run, const struct bulla_answer *answer, struct bulla_writer *out)
{
    const struct bulla_open_model *model = answer->model;
    struct receipt_parts parts;
    uint8_t receipt[BULLA_RECEIPT_LARGEST];
    struct bulla_writer receipt_writer;
    name_parts(run, model, &parts);
    take_request(answer, &parts);
    uint64_t sequence = run->services->sequence(run->services->token);
    size_t start = out->size;
    write_embeddings(answer, out);
    if (out->size > out->capacity)
        return bulla_writer_finish(out, "the answer");
    struct bulla_bytes response = {out->data + start, out->size - start};
    bulla_writer_open(&receipt_writer, receipt, sizeof receipt);
    BULLA_TRY(write_receipt(run, answer, &parts, response, sequence, &receipt_writer));
    BULLA_TRY(bulla_writer_finish(&receipt_writer, "the receipt"));
    out->size = start; /* now everything in its order: the embeddings are written again where they belong */
    bulla_cbor_write_map(out, 5 + (answer->request->tokens ? 1 : 0) + (model->evidence_size ? 1 : 0));
    bulla_cbor_write_tstr(out, "model");
    bulla_cbor_write_tstr(out, parts.model_id);
    if (answer->request->tokens)
        write_tokens(answer, out);
    bulla_cbor_write_tstr(out, "receipt");
    bulla_cbor_write_bstr(out, bulla_writer_bytes(&receipt_writer));
    if (model->evidence_size) {
        bulla_cbor_write_tstr(out, "evidence");
        bulla_cbor_write_bstr(out, (struct bulla_bytes){model->evidence, model->evidence_size});
    }
    bulla_cbor_write_tstr(out, "embeddings");
    write_embeddings(answer, out);
    bulla_cbor_write_tstr(out, "request_salt");
    bulla_cbor_write_bstr(out, BULLA_BYTES(parts.request_salt));
    bulla_cbor_write_tstr(out, "response_salt");
    bulla_cbor_write_bstr(out, BULLA_BYTES(parts.response_salt));
    const struct bulla_audit_field fields[] = {{"model", parts.model_id, 0}, {"sequence", NULL, sequence}};
    run->services->audit(run->services->token, "inference", fields, sizeof fields / sizeof fields[0]);
    return bulla_writer_finish(out, "the answer");
}
