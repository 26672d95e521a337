#include "receipt_maker.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "evidence/verifier.h"

const uint8_t receipt_maker_nonce[8] = {0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77};
static const uint8_t embeddings[] = {0x81, 0x48, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}; /* [[1, -2]] as f32le */
static const uint8_t request_salt[32] = {0xa1}, response_salt[32] = {0xa2};

static void must(bool done)
{
    if (!done)
        abort();
}

void receipt_maker_init(struct receipt_maker *maker)
{
    static const uint8_t seed[32] = {1}, other_seed[32] = {2};
    memset(maker, 0, sizeof *maker);
    quote_maker_init(&maker->quote);
    test_p256_make(&maker->attestation_key);
    test_ed25519_make(&maker->receipt_key, seed);
    test_ed25519_make(&maker->other_key, other_seed);
    maker->purpose = BULLA_PURPOSE_RECEIPT;
    maker->vouched = maker->receipt_key.point;
    maker->signer = &maker->receipt_key;
    maker->measurements = 3;
    maker->token = "0123456789abcdef";
    maker->receipt.issuer = BULLA_TEXT("bulla:0123456789abcdef");
    maker->receipt.issued_at = (uint64_t)time(NULL) - 10;
    memset(maker->receipt.id, 0x42, sizeof maker->receipt.id);
    maker->receipt.id[6] = 0x42; /* version 4 */
    maker->receipt.id[8] = 0x82; /* variant 1 */
    maker->receipt.profile = BULLA_TEXT(BULLA_RECEIPT_PROFILE);
    maker->receipt.nonce = BULLA_BYTES(receipt_maker_nonce);
    maker->receipt.model_id = BULLA_TEXT("minilm");
    maker->receipt.model_version = BULLA_TEXT("1");
    memset(maker->receipt.model_hash, 0x3d, 32);
    maker->receipt.model_hash_scheme = BULLA_TEXT("sha256-manifest");
    maker->receipt.policy_version = BULLA_TEXT("none");
    maker->receipt.sequence = 12;
    maker->receipt.milliseconds = 3;
    maker->receipt.memory_mb = 90;
    maker->receipt.security_mode = BULLA_TEXT("attested");
}

void receipt_maker_free(struct receipt_maker *maker)
{
    test_p256_free(&maker->attestation_key);
}

static void quote_make(struct receipt_maker *maker, struct bulla_writer *writer)
{
    struct bulla_tpm_evidence evidence;
    SHA256(maker->quote.report, maker->quote.report_size, maker->quote.extra_data);
    quote_maker_make(&maker->quote, &maker->attestation_key, &evidence);
    if (maker->evidence_flipped)
        maker->quote.signature[20] ^= 1;
    must(bulla_tpm_evidence_write(&evidence, writer) == BULLA_OK);
}

static void document_make(struct receipt_maker *maker, struct bulla_writer *writer)
{
    uint8_t document[NITRO_DOCUMENT], digest[32];
    SHA256(maker->quote.report, maker->quote.report_size, digest);
    digest[0] ^= maker->document_unbound;
    maker->document.user_data = BULLA_BYTES(digest);
    maker->document.public_key = (struct bulla_bytes){maker->document_key ? maker->document_key : maker->vouched, 32};
    maker->document.timestamp = (uint64_t)time(NULL) * 1000;
    size_t size = nitro_document_make(maker->nitro, &maker->document, document, sizeof document);
    document[size - 1] ^= maker->evidence_flipped;
    const struct bulla_envelope envelope = {.kind = BULLA_EVIDENCE_NITRO,
        .document = {document, size},
        .report = {maker->quote.report, maker->quote.report_size}};
    must(bulla_envelope_write(&envelope, writer) == BULLA_OK);
}

static void evidence_make(struct receipt_maker *maker)
{
    struct bulla_writer writer;
    const struct bulla_report report = {.purpose = maker->purpose,
        .token = BULLA_TEXT(maker->token),
        .public_key = {maker->vouched, 32},
        .authority = maker->authority,
        .policy_version = maker->policy_version};
    bulla_writer_open(&writer, maker->quote.report, sizeof maker->quote.report);
    must(bulla_report_write(&report, &writer) == BULLA_OK);
    maker->quote.report_size = writer.size;
    bulla_writer_open(&writer, maker->evidence, sizeof maker->evidence);
    (maker->nitro ? document_make : quote_make)(maker, &writer);
    maker->evidence_size = writer.size;
}

static void salted(const uint8_t salt[static 32], struct bulla_bytes bytes, uint8_t digest[static 32])
{
    uint8_t joined[1024];
    must(32 + bytes.size <= sizeof joined);
    memcpy(joined, salt, 32);
    memcpy(joined + 32, bytes.data, bytes.size);
    SHA256(joined, 32 + bytes.size, digest);
}

static void claims_make(struct receipt_maker *maker, struct bulla_bytes request)
{
    static const unsigned tpm_pcrs[] = {0, 7, 23}, nitro_pcrs[] = {0, 1, 2, 3, 4, 8};
    static uint8_t flipped[48];
    const unsigned *pcrs = maker->nitro ? nitro_pcrs : tpm_pcrs;
    size_t size = maker->nitro ? 48 : 32;
    struct bulla_receipt *receipt = &maker->receipt;
    salted(request_salt, request, receipt->request_hash);
    salted(response_salt, BULLA_BYTES(embeddings), receipt->response_hash);
    if (!maker->evidence_unnamed)
        SHA256(maker->evidence, maker->evidence_size, receipt->attestation_hash);
    (void)snprintf(receipt->measurement_type, sizeof receipt->measurement_type, "%s",
        maker->evidence_unnamed ? "none"
        : maker->nitro          ? "nitro-pcr"
                                : "tpm-pcr-sha256");
    receipt->measurement_count = maker->evidence_unnamed ? 0 : maker->measurements;
    for (unsigned i = 0; i < receipt->measurement_count; i++) {
        (void)snprintf(receipt->measurements[i].name, sizeof receipt->measurements[i].name, "pcr%u", pcrs[i]);
        const uint8_t *value = maker->nitro ? maker->document.pcrs[pcrs[i]] : maker->quote.pcrs[pcrs[i]];
        memcpy(flipped, value, size);
        flipped[31] ^= 1;
        receipt->measurements[i].value =
            (struct bulla_bytes){maker->measurement_flipped == i + 1 ? flipped : value, size};
    }
}

static void answer_write(const struct receipt_maker *maker, struct bulla_bytes receipt, struct bulla_writer *writer)
{
    uint8_t rows[sizeof embeddings];
    uint8_t salt[32];
    memcpy(rows, embeddings, sizeof rows);
    rows[4] ^= maker->answer_flipped;
    memcpy(salt, request_salt, sizeof salt);
    salt[9] ^= maker->salt_flipped;
    bulla_cbor_write_map(writer, maker->evidence_left_out ? 5 : 6);
    bulla_cbor_write_tstr(writer, "model");
    bulla_cbor_write_tstr(writer, "minilm");
    bulla_cbor_write_tstr(writer, "receipt");
    bulla_cbor_write_bstr(writer, receipt);
    if (!maker->evidence_left_out) {
        bulla_cbor_write_tstr(writer, "evidence");
        bulla_cbor_write_bstr(writer, (struct bulla_bytes){maker->evidence, maker->evidence_size});
    }
    bulla_cbor_write_tstr(writer, "embeddings");
    bulla_write(writer, rows, sizeof rows);
    bulla_cbor_write_tstr(writer, "request_salt");
    bulla_cbor_write_bstr(writer, BULLA_BYTES(salt));
    bulla_cbor_write_tstr(writer, "response_salt");
    bulla_cbor_write_bstr(writer, BULLA_BYTES(response_salt));
}

void receipt_maker_make(struct receipt_maker *maker)
{
    static const uint8_t asked[] = {0xa1, 0x65, 't', 'e', 'x', 't', 's', 0x81, 0x61, 'a'};
    uint8_t request[sizeof asked];
    uint8_t receipt[BULLA_RECEIPT_LARGEST];
    uint8_t answer[2 * BULLA_EVIDENCE_LARGEST];
    struct bulla_writer writer;
    struct bulla_writer answer_writer;
    evidence_make(maker);
    claims_make(maker, BULLA_BYTES(asked));
    bulla_writer_open(&writer, receipt, sizeof receipt);
    must(bulla_receipt_write(&maker->receipt, &maker->signer->signer, &writer) == BULLA_OK);
    receipt[writer.size - 1] ^= maker->receipt_flipped;
    bulla_writer_open(&answer_writer, answer, sizeof answer);
    answer_write(maker, bulla_writer_bytes(&writer), &answer_writer);
    memcpy(request, asked, sizeof request);
    request[9] ^= maker->request_flipped;
    bulla_writer_open(&writer, maker->bundle, sizeof maker->bundle);
    bulla_cbor_write_map(&writer, 2);
    bulla_cbor_write_tstr(&writer, "answer");
    bulla_cbor_write_bstr(&writer, bulla_writer_bytes(&answer_writer));
    bulla_cbor_write_tstr(&writer, "request");
    bulla_cbor_write_bstr(&writer, BULLA_BYTES(request));
    must(bulla_writer_finish(&writer, "a bundle") == BULLA_OK);
    maker->bundle_size = writer.size;
}
