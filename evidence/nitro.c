/* Verifying a Nitro document, in the order in which its parts earn belief: the form of the map, which names the
 * certificates; the chain from the pinned root to the leaf; the leaf's signature over the bytes as they came; and only
 * then what the map says.
 *
 * AWS signs with a leaf that lives three hours and is used again within them, so a chain is judged at the document's
 * own time unless the caller names another, and freshness is a nonce's affair. Zero PCRs are how a debug enclave shows
 * itself: PCR0, 1 and 2 are zero then, PCR3 and PCR4 are not. */
#include "nitro.h"

#include <stdio.h>

#include "crypto/cose.h"
#include "endorsements.h"
#include "plain_text.h"

enum { CODE_PCRS = 3, SMALLEST = 64 };
_Static_assert(BULLA_NITRO_BUNDLE + 1 <= BULLA_CHAIN_LONGEST, "a chain has room for every cabundle and its leaf");
enum { COSE_TAG = 0xd2, COSE_ARRAY = 0x84, COSE_ARRAY_INDEFINITE = 0x9f };

/* AWS Nitro Enclaves Root G1: SHA-256 of its DER. */
static const uint8_t aws_root[][32] = {{0x64, 0x1a, 0x03, 0x21, 0xa3, 0xe2, 0x44, 0xef, 0xe4, 0x56, 0x46, 0x31, 0x95,
    0xd6, 0x06, 0x31, 0x7e, 0xd7, 0xcd, 0xcc, 0x3c, 0x17, 0x56, 0xe0, 0x98, 0x93, 0xf3, 0xc6, 0x8f, 0x79, 0xbb, 0x5b}};

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

static enum bulla_reason read_certificate(struct bulla_endorsed *chain, struct bulla_bytes der, const char *name)
{
    BULLA_TRY(bulla_certificate_read(der, name, &chain->certificates[chain->certificate_count]));
    chain->certificate_count++;
    return BULLA_OK;
}

/* Leaf first and root last, as endorsements.h has chains. */
static enum bulla_reason read_chain(const struct bulla_verification *verification,
    const struct bulla_nitro_payload *payload, struct bulla_endorsed *chain)
{
    BULLA_TRY(read_certificate(chain, payload->certificate, "the document's certificate"));
    for (size_t i = payload->bundle_count; i > 0; i--)
        BULLA_TRY(read_certificate(chain, payload->bundle[i - 1], "a certificate of the cabundle"));
    return bulla_endorsed_add_crls(chain, verification->endorsements.crls, "the revocation list");
}

static enum bulla_reason verify_chain(
    const struct bulla_verification *verification, const struct bulla_endorsed *chain, uint64_t made_at)
{
    struct bulla_pins pins;
    uint64_t at = verification->at ? verification->at : made_at;
    BULLA_TRY(bulla_pins_gather(verification, aws_root, 1, &pins));
    BULLA_TRY(bulla_endorsed_verify(chain, chain->certificate_count, &pins, at));
    if (!bulla_certificate_extension(chain->certificates[0], "2.5.29.15").data)
        return bulla_refuse(BULLA_CERTIFICATE_INVALID, "the document's certificate has no keyUsage");
    return BULLA_OK;
}

/* The document was made while every certificate was valid. */
static enum bulla_reason judge_time(const struct bulla_endorsed *chain, struct bulla_claims *claims)
{
    bulla_endorsed_validity(chain, claims);
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

/* What people want to see; the root first. */
static void tell(
    const struct bulla_nitro_payload *payload, const struct bulla_endorsed *chain, struct bulla_claims *claims)
{
    char from_text[BULLA_WHEN_SIZE];
    char until_text[BULLA_WHEN_SIZE];
    bulla_claims_tell(claims, "module", "%.*s", (int)(payload->module_id.size < 160 ? payload->module_id.size : 160),
        (const char *)payload->module_id.data);
    (void)bulla_text_when(claims->made_at, from_text);
    bulla_claims_tell(claims, "timestamp", "%s", from_text);
    bulla_claims_tell(claims, "digest", "SHA384");
    for (size_t i = 0; i < chain->certificate_count; i++) {
        const struct bulla_certificate *certificate = chain->certificates[chain->certificate_count - 1 - i];
        char name[40];
        char subject[96];
        uint64_t from = 0;
        uint64_t until = 0;
        bulla_certificate_validity(certificate, &from, &until);
        bulla_certificate_subject(certificate, subject, sizeof subject);
        (void)bulla_text_when(from, from_text);
        (void)bulla_text_when(until, until_text);
        (void)snprintf(name, sizeof name, "certificate %zu", i + 1);
        bulla_claims_tell(claims, name, "%s to %s, %s", from_text, until_text, subject);
    }
}

static enum bulla_reason verify_signature(const struct bulla_cose_message *message, const struct bulla_endorsed *chain)
{
    struct bulla_public_key key;
    bulla_certificate_key(chain->certificates[0], &key);
    if (key.kind != BULLA_PUBLIC_P384)
        return bulla_refuse(BULLA_CERTIFICATE_INVALID, "the document's certificate has no P-384 key");
    const struct bulla_cose_key signer = {BULLA_COSE_ES384, key.value};
    return bulla_cose_sign1_verify(message, &signer, (struct bulla_bytes){NULL, 0});
}

static enum bulla_reason verify_document(
    const struct bulla_verification *verification, struct bulla_endorsed *chain, struct bulla_claims *claims)
{
    struct bulla_cose_message message;
    struct bulla_nitro_payload payload;
    BULLA_TRY(bulla_cose_sign1_read_foreign(verification->document, "the Nitro document", &message));
    BULLA_TRY(bulla_nitro_payload_read(message.payload, &payload));
    claims->made_at = payload.timestamp / 1000;
    BULLA_TRY(read_chain(verification, &payload, chain));
    BULLA_TRY(verify_chain(verification, chain, claims->made_at));
    BULLA_TRY(verify_signature(&message, chain));
    BULLA_TRY(judge_time(chain, claims));
    BULLA_TRY(judge_debug(verification, &payload, claims));
    BULLA_TRY(measure(&payload, claims));
    claims->kind = BULLA_EVIDENCE_NITRO;
    claims->pinned = true;
    claims->report_data = payload.user_data;
    claims->nonce = payload.nonce;
    claims->public_key = payload.public_key;
    tell(&payload, chain, claims);
    return BULLA_OK;
}

static enum bulla_reason verify(const struct bulla_verification *verification, struct bulla_claims *claims)
{
    BULLA_ENDORSED struct bulla_endorsed chain = {.certificate_count = 0};
    memset(claims, 0, sizeof *claims);
    enum bulla_reason reason = verify_document(verification, &chain, claims);
    if (reason != BULLA_OK)
        memset(claims, 0, sizeof *claims);
    return reason;
}

const struct bulla_evidence_verifier bulla_nitro_verifier = {
    BULLA_EVIDENCE_NITRO, "nitro", "AWS Nitro Enclave", true, recognises, verify};
