/* Verifying a Nitro document, in the order in which its parts earn belief: the form of the map, which names the
 * certificates; the chain from the pinned root to the leaf; the leaf's signature over the bytes as they came; and only
 * then what the map says.
 *
 * AWS signs with a leaf that lives three hours and is used again within them, so a chain is judged at the document's
 * own time unless the caller names another, and freshness is a nonce's affair. Zero PCRs are how a debug enclave shows
 * itself: PCR0, 1 and 2 are zero then, PCR3 and PCR4 are not. */
#include "nitro.h"

#include <stdio.h>

#include "crypto/certificate.h"
#include "crypto/cose.h"
#include "plain_text.h"

enum { CHAIN_LARGEST = BULLA_NITRO_BUNDLE + 1, CODE_PCRS = 3, SMALLEST = 64, PINS = 1 + BULLA_EXTRA_ROOTS };
enum { COSE_TAG = 0xd2, COSE_ARRAY = 0x84, COSE_ARRAY_INDEFINITE = 0x9f };

/* AWS Nitro Enclaves Root G1: SHA-256 of its DER. */
static const uint8_t aws_root[32] = {0x64, 0x1a, 0x03, 0x21, 0xa3, 0xe2, 0x44, 0xef, 0xe4, 0x56, 0x46, 0x31, 0x95, 0xd6,
    0x06, 0x31, 0x7e, 0xd7, 0xcd, 0xcc, 0x3c, 0x17, 0x56, 0xe0, 0x98, 0x93, 0xf3, 0xc6, 0x8f, 0x79, 0xbb, 0x5b};

struct chain {
    struct bulla_certificate *list[CHAIN_LARGEST];
    size_t count;
    struct bulla_crl *crl; /* NULL: none was given */
};
#define CHAIN __attribute__((cleanup(free_chain))) struct chain

static void free_chain(struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        bulla_certificate_free(&chain->list[i]);
    bulla_crl_free(&chain->crl);
}

static const struct bulla_certificate *leaf_of(const struct chain *chain)
{
    return chain->list[chain->count - 1];
}

/* A COSE_Sign1 with a cabundle somewhere in it, whatever else is right or wrong. */
static bool recognises(struct bulla_bytes document)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, document);
    uint8_t head = bulla_read_u8(&reader);
    if (head == COSE_TAG)
        head = bulla_read_u8(&reader);
    return document.size >= SMALLEST && (head == COSE_ARRAY || head == COSE_ARRAY_INDEFINITE) &&
           memmem(document.data, document.size, "cabundle", strlen("cabundle")) != NULL;
}

static enum bulla_reason read_chain(
    const struct bulla_verification *verification, const struct bulla_nitro_payload *payload, struct chain *chain)
{
    struct bulla_bytes crl = verification->endorsements.crls;
    for (size_t i = 0; i < payload->bundle_count; i++) {
        BULLA_TRY(bulla_certificate_read(payload->bundle[i], "a certificate of the cabundle", &chain->list[i]));
        chain->count++;
    }
    BULLA_TRY(bulla_certificate_read(payload->certificate, "the document's certificate", &chain->list[chain->count]));
    chain->count++;
    return crl.size ? bulla_crl_read(crl, "the revocation list", &chain->crl) : BULLA_OK;
}

static enum bulla_reason verify_chain(
    const struct bulla_verification *verification, const struct chain *chain, uint64_t made_at)
{
    uint8_t pins[PINS][32];
    if (verification->root_count > BULLA_EXTRA_ROOTS)
        return bulla_refuse(BULLA_ARGUMENT, "more than %d roots", BULLA_EXTRA_ROOTS);
    memcpy(pins[0], aws_root, sizeof aws_root);
    for (size_t i = 0; i < verification->root_count; i++)
        memcpy(pins[i + 1], verification->roots[i], sizeof pins[0]);
    const struct bulla_chain_rules rules = {
        .pins = (const uint8_t(*)[32])pins,
        .pin_count = 1 + verification->root_count,
        .at = verification->at ? verification->at : made_at,
        .crls = (const struct bulla_crl *const *)&chain->crl,
        .crl_count = chain->crl ? 1 : 0,
    };
    BULLA_TRY(bulla_chain_verify((const struct bulla_certificate *const *)chain->list, chain->count, &rules));
    if (!bulla_certificate_extension(leaf_of(chain), "2.5.29.15").data)
        return bulla_refuse(BULLA_CERTIFICATE_INVALID, "the document's certificate has no keyUsage");
    return BULLA_OK;
}

/* When every certificate is valid; and that the document was made then. */
static enum bulla_reason judge_time(const struct chain *chain, struct bulla_claims *claims)
{
    claims->valid_until = UINT64_MAX;
    for (size_t i = 0; i < chain->count; i++) {
        uint64_t from = 0;
        uint64_t until = 0;
        bulla_certificate_validity(chain->list[i], &from, &until);
        claims->valid_from = from > claims->valid_from ? from : claims->valid_from;
        claims->valid_until = until < claims->valid_until ? until : claims->valid_until;
    }
    if (claims->made_at < claims->valid_from)
        return bulla_refuse(BULLA_CERTIFICATE_NOT_YET, "the document was made before its certificates were valid");
    if (claims->made_at > claims->valid_until)
        return bulla_refuse(BULLA_CERTIFICATE_EXPIRED, "the document was made after its certificates were valid");
    return BULLA_OK;
}

static bool is_zero(struct bulla_bytes bytes)
{
    uint8_t bits = 0;
    for (size_t i = 0; i < bytes.size; i++)
        bits |= bytes.data[i];
    return bits == 0;
}

/* PCR0, 1 and 2 have to be there: a verifier that skips what is missing has checked nothing. */
static enum bulla_reason judge_debug(const struct bulla_verification *verification,
    const struct bulla_nitro_payload *payload, struct bulla_claims *claims)
{
    for (unsigned i = 0; i < CODE_PCRS; i++) {
        if (!(payload->pcr_mask >> i & 1))
            return bulla_refuse(BULLA_MALFORMED, "the Nitro document lacks PCR%u", i);
        claims->debug |= is_zero(payload->pcrs[i]);
    }
    if (claims->debug && !verification->allow_debug)
        return bulla_refuse(BULLA_EVIDENCE_DEBUG, "the enclave ran in debug mode: PCR0, 1 or 2 is zero");
    return BULLA_OK;
}

static enum bulla_reason measure(const struct bulla_nitro_payload *payload, struct bulla_claims *claims)
{
    for (unsigned i = 0; i < BULLA_NITRO_PCRS; i++) {
        char name[8];
        if (!(payload->pcr_mask >> i & 1))
            continue;
        (void)snprintf(name, sizeof name, "pcr%u", i);
        BULLA_TRY(bulla_claims_measure(claims, name, payload->pcrs[i]));
    }
    return BULLA_OK;
}

/* What people want to see. */
static void tell(const struct bulla_nitro_payload *payload, const struct chain *chain, struct bulla_claims *claims)
{
    char from_text[BULLA_WHEN_SIZE];
    char until_text[BULLA_WHEN_SIZE];
    bulla_claims_tell(claims, "module", "%.*s", (int)(payload->module_id.size < 160 ? payload->module_id.size : 160),
        (const char *)payload->module_id.data);
    (void)bulla_text_when(claims->made_at, from_text);
    bulla_claims_tell(claims, "timestamp", "%s", from_text);
    bulla_claims_tell(claims, "digest", "SHA384");
    for (size_t i = 0; i < chain->count; i++) {
        char name[40];
        char subject[96];
        uint64_t from = 0;
        uint64_t until = 0;
        bulla_certificate_validity(chain->list[i], &from, &until);
        bulla_certificate_subject(chain->list[i], subject, sizeof subject);
        (void)bulla_text_when(from, from_text);
        (void)bulla_text_when(until, until_text);
        (void)snprintf(name, sizeof name, "certificate %zu", i + 1);
        bulla_claims_tell(claims, name, "%s to %s, %s", from_text, until_text, subject);
    }
}

static enum bulla_reason verify_signature(const struct bulla_cose_message *message, const struct chain *chain)
{
    struct bulla_public_key key;
    bulla_certificate_key(leaf_of(chain), &key);
    if (key.kind != BULLA_PUBLIC_P384)
        return bulla_refuse(BULLA_CERTIFICATE_INVALID, "the document's certificate has no P-384 key");
    const struct bulla_cose_key signer = {BULLA_COSE_ES384, key.value};
    return bulla_cose_sign1_verify(message, &signer, (struct bulla_bytes){NULL, 0});
}

static enum bulla_reason verify_document(const struct bulla_verification *verification, struct bulla_claims *claims)
{
    struct bulla_cose_message message;
    struct bulla_nitro_payload payload;
    CHAIN chain = {.count = 0};
    BULLA_TRY(bulla_cose_sign1_read_foreign(verification->document, "the Nitro document", &message));
    BULLA_TRY(bulla_nitro_payload_read(message.payload, &payload));
    claims->made_at = payload.timestamp / 1000;
    BULLA_TRY(read_chain(verification, &payload, &chain));
    BULLA_TRY(verify_chain(verification, &chain, claims->made_at));
    BULLA_TRY(verify_signature(&message, &chain));
    BULLA_TRY(judge_time(&chain, claims));
    BULLA_TRY(judge_debug(verification, &payload, claims));
    BULLA_TRY(measure(&payload, claims));
    claims->kind = BULLA_EVIDENCE_NITRO;
    claims->pinned = true;
    claims->report_data = payload.user_data;
    claims->nonce = payload.nonce;
    claims->public_key = payload.public_key;
    tell(&payload, &chain, claims);
    return BULLA_OK;
}

static enum bulla_reason verify(const struct bulla_verification *verification, struct bulla_claims *claims)
{
    memset(claims, 0, sizeof *claims);
    enum bulla_reason reason = verify_document(verification, claims);
    if (reason != BULLA_OK)
        memset(claims, 0, sizeof *claims);
    return reason;
}

const struct bulla_evidence_verifier bulla_nitro_verifier = {
    BULLA_EVIDENCE_NITRO, "nitro", "AWS Nitro Enclave", recognises, verify};
