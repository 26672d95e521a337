/* A report is believed in four steps: its form (sev_snp_report.c); the certificate's chain to an ARK that is pinned;
 * that the certificate is of the key, the chip and the TCB version that the report names; the signature.
 *
 * A VCEK is derived from a chip's secret and one TCB version, so its certificate's numbers have to be the report's
 * REPORTED_TCB, component by component, and its HWID the CHIP_ID. A VLEK is the provider's: it names the provider, and
 * no chip. */
#include "sev_snp.h"

#include <sodium.h>

#include "der.h"
#include "endorsements.h"

#define AMD "1.3.6.1.4.1.3704.1."
#define OID_PRODUCT AMD "2"
#define OID_HWID AMD "4"
#define OID_PROVIDER AMD "5"
#define OID_FMC AMD "3.9" /* of later processors, whose TCB version has another layout */

enum { P384_FIELD = 48, CHIP_ID = 64, CHAIN = 3, PRODUCT_LONGEST = 32 };

/* SHA-256 of the DER of ARK-Milan and ARK-Genoa (Genoa's signs Bergamo's and Siena's as well). */
static const uint8_t amd_roots[][32] = {
    {0x69, 0xd0, 0x63, 0xb4, 0x53, 0x44, 0xd2, 0x6a, 0x2e, 0x94, 0xe1, 0xf4, 0x21, 0x0d, 0xe4, 0x9e, 0xf5, 0x55, 0x30,
        0x82, 0x87, 0xd4, 0xc1, 0x74, 0x44, 0x5c, 0x95, 0x63, 0x9a, 0x54, 0x0b, 0xcd},
    {0x4c, 0x65, 0x98, 0xd1, 0x9c, 0x18, 0x71, 0x9c, 0x5d, 0xfd, 0x4a, 0x7d, 0x33, 0x5f, 0x67, 0x4e, 0x5b, 0xfe, 0x1d,
        0x8f, 0x80, 0x0c, 0xea, 0x2c, 0xf2, 0x70, 0xc1, 0x0d, 0x10, 0x3d, 0xb2, 0xf1},
};

/* The byte of a TCB version that each extension holds. */
static const struct {
    const char *oid;
    unsigned byte;
    const char *name;
} components[] = {
    {AMD "3.1", 0, "bootloader"},
    {AMD "3.2", 1, "TEE"},
    {AMD "3.4", 2, "SPL 4"},
    {AMD "3.5", 3, "SPL 5"},
    {AMD "3.6", 4, "SPL 6"},
    {AMD "3.7", 5, "SPL 7"},
    {AMD "3.3", 6, "SNP"},
    {AMD "3.8", 7, "microcode"},
};

static bool recognises(struct bulla_bytes document)
{
    return document.size == BULLA_SNP_REPORT_SIZE && sodium_is_zero(document.data + 1, 3);
}

/* --- the certificate that a report needs --- */

static enum bulla_reason check_tcb(const struct bulla_snp_report *report, const struct bulla_certificate *leaf)
{
    for (size_t i = 0; i < sizeof components / sizeof *components; i++) {
        uint16_t value;
        if (!bulla_der_small(bulla_certificate_extension(leaf, components[i].oid), &value))
            return bulla_refuse(
                BULLA_CERTIFICATE_INVALID, "the VCEK or VLEK names no version of its %s", components[i].name);
        if (value != report->reported_tcb.data[components[i].byte])
            return bulla_refuse(BULLA_EVIDENCE_MISMATCH,
                "the certificate is of %s version %u, the report of %u: get the one for the reported TCB",
                components[i].name, value, report->reported_tcb.data[components[i].byte]);
    }
    if (bulla_certificate_extension(leaf, OID_FMC).data)
        return bulla_refuse(BULLA_UNSUPPORTED, "the certificate is of a processor whose TCB version is not known here");
    return BULLA_OK;
}

/* 64 bytes; some certificates have them as an OCTET STRING of their own. */
static enum bulla_reason check_chip(const struct bulla_snp_report *report, const struct bulla_certificate *leaf)
{
    struct bulla_bytes hwid = bulla_certificate_extension(leaf, OID_HWID);
    if (hwid.size != CHIP_ID && !bulla_der_only(hwid, BULLA_DER_OCTETS, &hwid))
        hwid.size = 0;
    if (hwid.size != CHIP_ID)
        return bulla_refuse(BULLA_CERTIFICATE_INVALID, "the VCEK names no chip");
    if (!bulla_bytes_equal(hwid, report->chip_id))
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the VCEK is another chip's");
    return BULLA_OK;
}

static enum bulla_reason check_vcek(const struct bulla_snp_report *report, const struct bulla_certificate *leaf)
{
    if (report->key_info & BULLA_SNP_MASK_CHIP_KEY)
        return bulla_refuse(BULLA_MALFORMED, "SNP report: the chip's key is masked, so nothing was signed by it");
    if (bulla_certificate_extension(leaf, OID_PROVIDER).data)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the report is by a VCEK, the certificate is a VLEK's");
    return check_chip(report, leaf);
}

static enum bulla_reason check_vlek(const struct bulla_snp_report *report, const struct bulla_certificate *leaf)
{
    (void)report;
    if (bulla_certificate_extension(leaf, OID_HWID).data || !bulla_certificate_extension(leaf, OID_PROVIDER).data)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the report is by a VLEK, the certificate is not one's");
    return BULLA_OK;
}

static enum bulla_reason check_leaf(const struct bulla_snp_report *report, const struct bulla_certificate *leaf)
{
    enum bulla_snp_key key = bulla_snp_signing_key(report);
    if (key != BULLA_SNP_VCEK && key != BULLA_SNP_VLEK)
        return bulla_refuse(BULLA_SIGNATURE, "SNP report: signing key %u is no VCEK and no VLEK", key);
    BULLA_TRY(key == BULLA_SNP_VCEK ? check_vcek(report, leaf) : check_vlek(report, leaf));
    return check_tcb(report, leaf);
}

/* --- the signature --- */

/* Little-endian with padding to the curve's field. */
static bool turn_round(struct bulla_bytes number, uint8_t out[static P384_FIELD])
{
    for (size_t i = 0; i < P384_FIELD; i++)
        out[i] = number.data[P384_FIELD - 1 - i];
    return sodium_is_zero(number.data + P384_FIELD, number.size - P384_FIELD);
}

static enum bulla_reason check_signature(
    const struct bulla_snp_report *report, struct bulla_bytes document, const struct bulla_certificate *leaf)
{
    uint8_t pair[2 * P384_FIELD];
    struct bulla_public_key key;
    bulla_certificate_key(leaf, &key);
    if (key.kind != BULLA_PUBLIC_P384)
        return bulla_refuse(BULLA_KEY_INVALID, "the VCEK or VLEK is no P-384 key");
    if (!turn_round(report->r, pair) || !turn_round(report->s, pair + P384_FIELD))
        return bulla_refuse(BULLA_MALFORMED, "SNP report: its signature is padded with other bytes than zeros");
    const struct bulla_signature signature = {BULLA_SHA384, BULLA_PADDING_NONE, BULLA_BYTES(pair)};
    return bulla_signature_verify(&key, &signature, (struct bulla_bytes){document.data, BULLA_SNP_SIGNED_SIZE});
}

/* --- what it says --- */

static enum bulla_reason measure(const struct bulla_snp_report *report, struct bulla_claims *claims)
{
    const struct {
        const char *name;
        struct bulla_bytes value;
    } measurements[] = {
        {"measurement", report->measurement},
        {"host-data", report->host_data},
        {"id-key-digest", report->id_key_digest},
        {"author-digest", report->author_key_digest},
        {"report-id", report->report_id},
        {"chip-id", report->chip_id},
    };
    for (size_t i = 0; i < sizeof measurements / sizeof *measurements; i++)
        BULLA_TRY(bulla_claims_measure(claims, measurements[i].name, measurements[i].value));
    return BULLA_OK;
}

static void tell_product(const struct bulla_certificate *leaf, struct bulla_claims *claims)
{
    struct bulla_bytes text;
    if (bulla_der_only(bulla_certificate_extension(leaf, OID_PRODUCT), BULLA_DER_IA5, &text) &&
        text.size <= PRODUCT_LONGEST)
        bulla_claims_tell(claims, "product", "%.*s", (int)text.size, (const char *)text.data);
    if (bulla_der_only(bulla_certificate_extension(leaf, OID_PROVIDER), BULLA_DER_IA5, &text) &&
        text.size <= PRODUCT_LONGEST)
        bulla_claims_tell(claims, "provider", "%.*s", (int)text.size, (const char *)text.data);
}

static void tell_tcb(struct bulla_claims *claims, const char *name, struct bulla_bytes tcb)
{
    bulla_claims_tell(claims, name, "bootloader %u, TEE %u, SNP %u, microcode %u", tcb.data[0], tcb.data[1],
        tcb.data[6], tcb.data[7]);
}

static void tell_id(struct bulla_claims *claims, const char *name, struct bulla_bytes id)
{
    char hex[2 * 16 + 1];
    if (!sodium_is_zero(id.data, id.size))
        bulla_claims_tell(claims, name, "%s", sodium_bin2hex(hex, sizeof hex, id.data, id.size));
}

static void tell(
    const struct bulla_snp_report *report, const struct bulla_certificate *leaf, struct bulla_claims *claims)
{
    bulla_claims_tell(claims, "signed-by", bulla_snp_signing_key(report) == BULLA_SNP_VLEK ? "VLEK" : "VCEK");
    tell_product(leaf, claims);
    bulla_claims_tell(claims, "report-version", "%u", report->version);
    bulla_claims_tell(claims, "vmpl", "%u", report->vmpl);
    bulla_claims_tell(claims, "guest-svn", "%u", report->guest_svn);
    bulla_claims_tell(claims, "policy", "%llx", (unsigned long long)report->policy);
    bulla_claims_tell(claims, "platform-info", "%llx", (unsigned long long)report->platform_info);
    tell_tcb(claims, "reported-tcb", report->reported_tcb);
    tell_tcb(claims, "committed-tcb", report->committed_tcb);
    bulla_claims_tell(
        claims, "firmware", "%u.%u.%u", report->current_major, report->current_minor, report->current_build);
    tell_id(claims, "family-id", report->family_id);
    tell_id(claims, "image-id", report->image_id);
}

static enum bulla_reason claim(const struct bulla_snp_report *report, const struct bulla_endorsed *endorsed,
    bool allow_debug, struct bulla_claims *claims)
{
    claims->kind = BULLA_EVIDENCE_SEV_SNP;
    claims->debug = report->policy & BULLA_SNP_POLICY_DEBUG;
    if (claims->debug && !allow_debug)
        return bulla_refuse(BULLA_EVIDENCE_DEBUG, "the guest's policy allows debugging");
    claims->migratable = report->policy & BULLA_SNP_POLICY_MIGRATE;
    claims->pinned = true;
    claims->snp_vmpl = report->vmpl;
    claims->snp_tcb[BULLA_SNP_BOOTLOADER] = report->reported_tcb.data[0];
    claims->snp_tcb[BULLA_SNP_TEE] = report->reported_tcb.data[1];
    claims->snp_tcb[BULLA_SNP_FIRMWARE] = report->reported_tcb.data[6];
    claims->snp_tcb[BULLA_SNP_MICROCODE] = report->reported_tcb.data[7];
    claims->report_data = report->report_data;
    bulla_endorsed_validity(endorsed, claims);
    tell(report, endorsed->certificates[0], claims);
    return measure(report, claims);
}

static enum bulla_reason judge(
    const struct bulla_verification *verification, struct bulla_endorsed *endorsed, struct bulla_claims *claims)
{
    struct bulla_snp_report report;
    struct bulla_pins pins;
    BULLA_TRY(bulla_snp_report_read(verification->document, &report));
    BULLA_TRY(
        bulla_endorsed_add_certificates(endorsed, verification->endorsements.certificates, "the VCEK or its chain"));
    BULLA_TRY(bulla_endorsed_add_crls(endorsed, verification->endorsements.crls, "AMD's revocation list"));
    if (endorsed->certificate_count == 0)
        return bulla_refuse(BULLA_CERTIFICATE_UNTRUSTED, "no VCEK or VLEK was given, with its ASK and ARK");
    BULLA_TRY(bulla_pins_gather(verification, amd_roots, sizeof amd_roots / sizeof *amd_roots, &pins));
    size_t length = endorsed->certificate_count == 1 ? 1 : CHAIN;
    BULLA_TRY(bulla_endorsed_verify(endorsed, length, &pins, verification->at));
    BULLA_TRY(check_leaf(&report, endorsed->certificates[0]));
    BULLA_TRY(check_signature(&report, verification->document, endorsed->certificates[0]));
    return claim(&report, endorsed, verification->allow_debug, claims);
}

static enum bulla_reason verify(const struct bulla_verification *verification, struct bulla_claims *claims)
{
    BULLA_ENDORSED struct bulla_endorsed endorsed = {.certificate_count = 0};
    memset(claims, 0, sizeof *claims);
    enum bulla_reason reason = judge(verification, &endorsed, claims);
    if (reason != BULLA_OK)
        memset(claims, 0, sizeof *claims);
    return reason;
}

const struct bulla_evidence_verifier bulla_sev_snp_verifier = {
    BULLA_EVIDENCE_SEV_SNP, "sev-snp", "AMD SEV-SNP guest", false, recognises, verify};
