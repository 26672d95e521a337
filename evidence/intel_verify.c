/* What makes a quote believable, link by link, each named by its refusal: the PCK's chain to Intel's root; the quoting
 * enclave's report, signed by the PCK; that this is Intel's quoting enclave, for any enclave with access to the
 * provisioning key could be certified in its place; the attestation key, bound in that report; and the quote's
 * signature by this key. */
#include <sodium.h>

#include "crypto/cipher.h"
#include "intel_tcb.h"

enum { PCK_CHAIN = 3, POINT = 65, HALF_POINT = 64 };

/* SHA-256 of the DER of "Intel SGX Root CA", for TDX as well. */
static const uint8_t intel_roots[][32] = {
    {0x44, 0xa0, 0x19, 0x6b, 0x2b, 0x99, 0xf8, 0x89, 0xb8, 0xe1, 0x49, 0xe9, 0x5b, 0x80, 0x7a, 0x35, 0x0e, 0x74, 0x24,
        0x96, 0x43, 0x99, 0xe8, 0x85, 0xa7, 0xcb, 0xb8, 0xcc, 0xfa, 0xb6, 0x74, 0xd3},
};

/* MRSIGNER and product of Intel's quoting enclaves, as Intel's own signed identities give them. */
static const struct quoting_enclave {
    uint8_t signer[32];
    uint16_t product;
} quoting_enclaves[] = {
    {{0x8c, 0x4f, 0x57, 0x75, 0xd7, 0x96, 0x50, 0x3e, 0x96, 0x13, 0x7f, 0x77, 0xc6, 0x8a, 0x82, 0x9a, 0x00, 0x56, 0xac,
         0x8d, 0xed, 0x70, 0x14, 0x0b, 0x08, 0x1b, 0x09, 0x44, 0x90, 0xc5, 0x7b, 0xff},
        1}, /* SGX */
    {{0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17, 0x47, 0x4e, 0x34, 0xa7, 0xfc, 0x43, 0xed, 0x03, 0x0f, 0x7c, 0x15,
         0x63, 0xf1, 0xba, 0xbd, 0xdf, 0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5},
        2}, /* TDX */
};

/* All that one quote is judged with. */
struct judged {
    const struct bulla_verification *verification;
    struct bulla_quote quote;
    struct bulla_pins pins;
    struct bulla_endorsed chain; /* the PCK's */
    struct bulla_pck pck;
    struct bulla_collateral collateral;
    bool has_collateral;
};

/* --- the links --- */

static enum bulla_reason take_endorsements(struct judged *judged)
{
    const struct bulla_endorsements *given = &judged->verification->endorsements;
    judged->has_collateral = given->collateral.size > 0;
    BULLA_TRY(
        bulla_pins_gather(judged->verification, intel_roots, sizeof intel_roots / sizeof *intel_roots, &judged->pins));
    BULLA_TRY(bulla_endorsed_add_certificates(&judged->chain, judged->quote.certificates, "the PCK's chain"));
    BULLA_TRY(bulla_endorsed_add_crls(&judged->chain, given->crls, "Intel's revocation list"));
    if (judged->has_collateral)
        return bulla_collateral_read(given->collateral, &judged->collateral, &judged->chain);
    return BULLA_OK;
}

static enum bulla_reason check_chain(struct judged *judged)
{
    BULLA_TRY(bulla_endorsed_verify(&judged->chain, PCK_CHAIN, &judged->pins, judged->verification->at));
    return bulla_pck_read(judged->chain.certificates[0], &judged->pck);
}

static enum bulla_reason check_qe_signature(struct judged *judged)
{
    struct bulla_public_key key;
    const struct bulla_signature signature = {BULLA_SHA256, BULLA_PADDING_NONE, judged->quote.qe_signature};
    bulla_certificate_key(judged->chain.certificates[0], &key);
    if (key.kind != BULLA_PUBLIC_P256)
        return bulla_refuse(BULLA_KEY_INVALID, "the PCK is not a P-256 key");
    enum bulla_reason reason = bulla_signature_verify(&key, &signature, judged->quote.qe_report);
    return reason == BULLA_OK ? BULLA_OK : bulla_refuse_within(reason, "the quoting enclave's report by the PCK: ");
}

static enum bulla_reason check_qe(struct judged *judged)
{
    const struct bulla_enclave_report *qe = &judged->quote.qe;
    const struct quoting_enclave *expected = &quoting_enclaves[judged->quote.is_td];
    if (qe->flags & BULLA_SGX_DEBUG)
        return bulla_refuse(BULLA_EVIDENCE_DEBUG, "the quoting enclave runs with debugging");
    if (!bulla_bytes_equal(qe->mrsigner, BULLA_BYTES(expected->signer)) || qe->product != expected->product)
        return bulla_refuse(BULLA_EVIDENCE_UNTRUSTED, "the quote was made by another enclave than Intel's");
    return BULLA_OK;
}

/* The QE's report data: SHA-256(key ‖ authentication data), then zeros. */
static enum bulla_reason check_key(struct judged *judged)
{
    const struct bulla_quote *quote = &judged->quote;
    const struct bulla_bytes parts[] = {quote->attestation_key, quote->qe_auth_data};
    uint8_t expected[64] = {0};
    bulla_sha256_parts(parts, 2, expected);
    if (!bulla_bytes_equal(quote->qe.report_data, BULLA_BYTES(expected)))
        return bulla_refuse(BULLA_EVIDENCE_UNBOUND, "the quoting enclave's report is for another attestation key");
    return BULLA_OK;
}

static enum bulla_reason check_signature(struct judged *judged)
{
    uint8_t point[POINT] = {0x04};
    const struct bulla_public_key key = {.kind = BULLA_PUBLIC_P256, .value = BULLA_BYTES(point)};
    const struct bulla_signature signature = {BULLA_SHA256, BULLA_PADDING_NONE, judged->quote.signature};
    memcpy(point + 1, judged->quote.attestation_key.data, HALF_POINT);
    enum bulla_reason reason = bulla_signature_verify(&key, &signature, judged->quote.signed_part);
    return reason == BULLA_OK ? BULLA_OK : bulla_refuse_within(reason, "the quote by its attestation key: ");
}

static enum bulla_reason check_statements(struct judged *judged)
{
    const struct bulla_collateral *collateral = &judged->collateral;
    uint64_t at = judged->verification->at;
    if (!judged->has_collateral)
        return BULLA_OK;
    BULLA_TRY(bulla_statement_verify(&collateral->tcb_info, &judged->pins, at, "TCB info"));
    return bulla_statement_verify(&collateral->qe_identity, &judged->pins, at, "the QE identity");
}

static enum bulla_reason (*const links[])(struct judged *judged) = {
    take_endorsements, check_chain, check_qe_signature, check_qe, check_key, check_signature, check_statements};

/* --- what it says --- */

struct named {
    const char *name;
    struct bulla_bytes value;
};

static enum bulla_reason measure(const struct named *list, size_t count, struct bulla_claims *claims)
{
    for (size_t i = 0; i < count; i++)
        BULLA_TRY(bulla_claims_measure(claims, list[i].name, list[i].value));
    return BULLA_OK;
}

static void tell_bytes(struct bulla_claims *claims, const char *name, struct bulla_bytes value)
{
    char hex[2 * 32 + 1];
    bulla_claims_tell(claims, name, "%s", sodium_bin2hex(hex, sizeof hex, value.data, value.size));
}

static enum bulla_reason claim_td(const struct bulla_td_report *td, struct bulla_claims *claims)
{
    const struct named list[] = {
        {"mrtd", td->mrtd}, {"rtmr0", td->rtmr[0]}, {"rtmr1", td->rtmr[1]}, {"rtmr2", td->rtmr[2]},
        {"rtmr3", td->rtmr[3]}, {"mrconfigid", td->mrconfigid}, {"mrowner", td->mrowner},
        {"mrownerconfig", td->mrownerconfig}, {"mrseam", td->mrseam},
        {"mrservicetd", td->mrservicetd}, /* only in version 1.5 */
    };
    claims->debug = td->attributes & BULLA_TD_DEBUG_BITS;
    claims->migratable = td->attributes & BULLA_TD_MIGRATABLE;
    claims->report_data = td->report_data;
    bulla_claims_tell(claims, "td-attributes", "%016llx", (unsigned long long)td->attributes);
    bulla_claims_tell(claims, "xfam", "%016llx", (unsigned long long)td->xfam);
    tell_bytes(claims, "tee-tcb-svn", td->tcb_svn);
    if (td->has_service)
        tell_bytes(claims, "tee-tcb-svn-now", td->tcb_svn_now);
    return measure(list, sizeof list / sizeof *list - !td->has_service, claims);
}

static enum bulla_reason claim_enclave(const struct bulla_enclave_report *enclave, struct bulla_claims *claims)
{
    const struct named list[] = {
        {"mrenclave", enclave->mrenclave},
        {"mrsigner", enclave->mrsigner},
        {"config-id", enclave->config_id},
    };
    claims->debug = enclave->flags & BULLA_SGX_DEBUG;
    claims->report_data = enclave->report_data;
    bulla_claims_tell(claims, "isvprodid", "%u", enclave->product);
    bulla_claims_tell(claims, "isvsvn", "%u", enclave->svn);
    tell_bytes(claims, "attributes", enclave->attributes);
    tell_bytes(claims, "cpu-svn", enclave->cpu_svn);
    return measure(list, sizeof list / sizeof *list, claims);
}

static enum bulla_reason claim(const struct judged *judged, struct bulla_claims *claims)
{
    const struct bulla_quote *quote = &judged->quote;
    claims->kind = quote->is_td ? BULLA_EVIDENCE_TDX : BULLA_EVIDENCE_SGX;
    claims->pinned = true;
    bulla_endorsed_validity(&judged->chain, claims);
    bulla_claims_tell(claims, "quote-version", "%u", quote->version);
    BULLA_TRY(quote->is_td ? claim_td(&quote->td, claims) : claim_enclave(&quote->enclave, claims));
    tell_bytes(claims, "fmspc", BULLA_BYTES(judged->pck.fmspc));
    bulla_claims_tell(claims, "pce-svn", "%u", judged->pck.pce_svn);
    bulla_claims_tell(claims, "qe-svn", "%u", quote->qe.svn);
    if (claims->debug && !judged->verification->allow_debug)
        return bulla_refuse(BULLA_EVIDENCE_DEBUG, "it runs with debugging");
    if (judged->has_collateral)
        return bulla_intel_tcb(quote, &judged->pck, &judged->collateral, judged->verification->at, claims);
    return BULLA_OK;
}

static enum bulla_reason judge(struct judged *judged, bool td_wanted, struct bulla_claims *claims)
{
    BULLA_TRY(bulla_quote_read(judged->verification->document, &judged->quote));
    if (judged->quote.is_td != td_wanted)
        return bulla_refuse(BULLA_EVIDENCE_KIND, "the quote is of another kind of TEE");
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        BULLA_TRY(links[i](judged));
    return claim(judged, claims);
}

static enum bulla_reason verify(
    const struct bulla_verification *verification, bool td_wanted, struct bulla_claims *claims)
{
    struct judged judged = {.verification = verification};
    memset(claims, 0, sizeof *claims);
    enum bulla_reason reason = judge(&judged, td_wanted, claims);
    bulla_endorsed_free(&judged.chain);
    bulla_collateral_free(&judged.collateral);
    if (reason != BULLA_OK)
        memset(claims, 0, sizeof *claims);
    return reason;
}

/* --- the rows --- */

static enum bulla_reason verify_tdx(const struct bulla_verification *verification, struct bulla_claims *claims)
{
    return verify(verification, true, claims);
}

static enum bulla_reason verify_sgx(const struct bulla_verification *verification, struct bulla_claims *claims)
{
    return verify(verification, false, claims);
}

static bool recognises_tdx(struct bulla_bytes document)
{
    return bulla_quote_recognised(document, true);
}

static bool recognises_sgx(struct bulla_bytes document)
{
    return bulla_quote_recognised(document, false);
}

const struct bulla_evidence_verifier bulla_tdx_verifier = {
    BULLA_EVIDENCE_TDX, "tdx", "Intel TDX guest", false, recognises_tdx, verify_tdx};
const struct bulla_evidence_verifier bulla_sgx_verifier = {
    BULLA_EVIDENCE_SGX, "sgx", "Intel SGX enclave", false, recognises_sgx, verify_sgx};
