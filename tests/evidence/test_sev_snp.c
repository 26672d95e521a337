/* Real SEV-SNP reports (tests/vectors/sev-snp), each at a time within its VCEK's validity: the day after the VCEK was
 * made. Expected values were cut out of the files at the ABI's offsets by another program. */
#include "support/test.h"

#include <openssl/sha.h>
#include <stdlib.h>

#include "evidence/policy.h"
#include "real_documents.h"
#include "snp_maker.h"
#include "support/vectors.h"

struct real {
    const char *report, *vcek, *chain;
    uint64_t at;
    const char *measurement, *report_data; /* hex */
    uint64_t valid_from;
    uint32_t version;
};
static const struct real milan = {"sev-snp/milan-report.bin", "sev-snp/milan-vcek.der", "sev-snp/cert_chain_milan.pem",
    1680566400, /* 2023-04-04 */
    "7a1e5c266c0108dbc9bb94fa926951320940915d0aafb42464bd88b579ea158d3e1a0dc39b2c60bd95b9c480cd81841f",
    "d447b55d197491bfe15cf298f9de9986b7a7c4be2468b4f6e2d53b71d7c645810b0f2cdfca0040433be063fc1a8293f0f3f8dae7b79fecb3d1"
    "cd82bd6a93ebfd",
    1680549823, 2};
static const struct real milan_test = {"sev-snp/milan-test-report.bin", "sev-snp/milan-test-vcek.der",
    "sev-snp/cert_chain_milan.pem", 1674604800, /* 2023-01-25 */
    "a1f3930413247bb38cfc171579ea3c12d5fe4901f0c792f63fd75d98f1ef827c23500644e0e692e6be917f9050d3d38c",
    "ec6c52d7533cc2c4f45be7849cf112ab82b2009fe7bd43e71ed08c14400ad7e200000000000000000000000000000000000000000000000000"
    "00000000000000",
    1674583106, 2};
static const struct real genoa = {"sev-snp/genoa-v5-report.bin", "sev-snp/genoa-vcek.der",
    "sev-snp/cert_chain_genoa.pem", 1771372800, /* 2026-02-18 */
    "d9912ba396ce409c2947841d93a5076b6839b898c22b4aae05edb3b2b058a99927f8cf9a4f8617ee695deb14795496c8",
    "68656c6c6f2d6174746573746174696f6e00000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000",
    1771369296, 5};

static enum bulla_reason verify(
    struct bulla_bytes report, struct bulla_bytes certificates, uint64_t at, struct bulla_claims *claims)
{
    const struct bulla_verification verification = {
        .document = report, .at = at, .endorsements = {.certificates = certificates}};
    return bulla_evidence_verify(&verification, claims);
}

static void assert_measured(const struct bulla_claims *claims, const char *name, const char *hex)
{
    uint8_t expected[64];
    size_t size = test_hex(hex, expected, sizeof expected);
    const struct bulla_measurement *found = bulla_claims_find(claims, name);
    assert_non_null(found);
    assert_int_equal(found->size, size);
    assert_memory_equal(found->value, expected, size);
}

static void assert_real(const struct real *real)
{
    REAL_DOCUMENT struct bulla_bytes report = real_document(real->report);
    REAL_DOCUMENT struct bulla_bytes certificates = real_documents(real->vcek, real->chain);
    struct bulla_claims claims;
    uint8_t report_data[64];
    assert_int_equal(verify(report, certificates, real->at, &claims), BULLA_OK);
    assert_int_equal(claims.kind, BULLA_EVIDENCE_SEV_SNP);
    assert_measured(&claims, "measurement", real->measurement);
    assert_int_equal(test_hex(real->report_data, report_data, sizeof report_data), 64);
    assert_true(bulla_bytes_equal(claims.report_data, BULLA_BYTES(report_data)));
    assert_true(claims.pinned && !claims.debug && !claims.migratable);
    assert_int_equal(claims.valid_from, real->valid_from);
    assert_int_equal(claims.tcb, BULLA_TCB_UNKNOWN);
    assert_int_equal(claims.made_at, 0);
}

static void real_reports_are_taken_with_their_claims(void **state)
{
    (void)state;
    assert_real(&milan);
    assert_real(&milan_test);
    assert_real(&genoa);
}

/* --- real documents, changed --- */

static void the_wrong_vcek_is_refused(void **state)
{
    (void)state;
    struct bulla_claims claims;
    REAL_DOCUMENT struct bulla_bytes report = real_document(milan_test.report);
    REAL_DOCUMENT struct bulla_bytes wrong =
        real_documents("sev-snp/milan-test-vcek-invalid.der", "sev-snp/cert_chain_milan.pem");
    REAL_DOCUMENT struct bulla_bytes others = real_documents(milan.vcek, milan.chain);
    REAL_DOCUMENT struct bulla_bytes elsewhere = real_documents(milan_test.vcek, genoa.chain);
    const uint64_t later = 1700000000; /* 2023-11-14: all of them are valid */
    assert_int_equal(verify(report, wrong, later, &claims), BULLA_CERTIFICATE_INVALID); /* the ASK did not sign it */
    assert_int_equal(verify(report, others, later, &claims), BULLA_EVIDENCE_MISMATCH);  /* another chip's */
    assert_int_equal(verify(report, elsewhere, later, &claims), BULLA_CERTIFICATE_INVALID);
}

/* Even where a caller trusts the wrong certificate by itself it does not fit the report. */
static void a_vcek_that_the_caller_pins_needs_no_chain(void **state)
{
    (void)state;
    uint8_t pin[1][32];
    struct bulla_claims claims;
    REAL_DOCUMENT struct bulla_bytes report = real_document(milan_test.report);
    REAL_DOCUMENT struct bulla_bytes right = real_document(milan_test.vcek);
    REAL_DOCUMENT struct bulla_bytes wrong = real_document("sev-snp/milan-test-vcek-invalid.der");
    struct bulla_verification verification = {
        .document = report, .at = 1700000000, .endorsements = {.certificates = right}};
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_CERTIFICATE_UNTRUSTED);
    verification.roots = (const uint8_t(*)[32])pin;
    verification.root_count = 1;
    SHA256(right.data, right.size, pin[0]);
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_OK);
    verification.endorsements.certificates = wrong;
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_CERTIFICATE_UNTRUSTED);
    SHA256(wrong.data, wrong.size, pin[0]);
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_EVIDENCE_MISMATCH);
}

static void every_byte_of_a_real_report_counts(void **state)
{
    (void)state;
    REAL_DOCUMENT struct bulla_bytes report = real_document(milan.report);
    REAL_DOCUMENT struct bulla_bytes certificates = real_documents(milan.vcek, milan.chain);
    uint8_t *copy = real_document_copy(report);
    struct bulla_claims claims;
    for (size_t i = 0; i < report.size; i++) {
        copy[i] ^= 1 << i % 8;
        assert_int_not_equal(
            verify((struct bulla_bytes){copy, report.size}, certificates, milan.at, &claims), BULLA_OK);
        assert_int_equal(claims.kind, BULLA_EVIDENCE_NONE);
        copy[i] = report.data[i];
    }
    assert_int_equal(verify((struct bulla_bytes){copy, report.size}, certificates, milan.at, &claims), BULLA_OK);
    free(copy);
}

static void every_byte_of_a_real_chain_counts(void **state)
{
    (void)state;
    REAL_DOCUMENT struct bulla_bytes report = real_document(genoa.report);
    REAL_DOCUMENT struct bulla_bytes certificates = real_documents(genoa.vcek, genoa.chain);
    REAL_DOCUMENT struct bulla_bytes vcek = real_document(genoa.vcek);
    uint8_t *copy = real_document_copy(certificates);
    struct bulla_claims claims;
    for (size_t i = 0; i < certificates.size; i += i < vcek.size ? 1 : 3) { /* ASK and ARK are text, and longer */
        copy[i] ^= 1 << i % 8;
        assert_int_not_equal(
            verify(report, (struct bulla_bytes){copy, certificates.size}, genoa.at, &claims), BULLA_OK);
        copy[i] = certificates.data[i];
    }
    free(copy);
}

static void a_report_of_any_other_length_is_refused(void **state)
{
    (void)state;
    REAL_DOCUMENT struct bulla_bytes report = real_documents(milan.report, milan.report);
    REAL_DOCUMENT struct bulla_bytes certificates = real_documents(milan.vcek, milan.chain);
    struct bulla_snp_report read;
    struct bulla_claims claims;
    for (size_t size = 0; size <= report.size; size++) {
        if (size == BULLA_SNP_REPORT_SIZE)
            continue;
        uint8_t *exact = real_document_copy((struct bulla_bytes){report.data, size});
        const struct bulla_bytes part = {exact, size};
        enum bulla_reason expected = size < BULLA_SNP_REPORT_SIZE ? BULLA_TRUNCATED : BULLA_TRAILING;
        assert_int_equal(verify(part, certificates, milan.at, &claims), BULLA_EVIDENCE_KIND);
        assert_int_equal(bulla_snp_report_read(part, &read), expected);
        free(exact);
    }
}

static void endorsements_cut_off_anywhere_are_refused(void **state)
{
    (void)state;
    REAL_DOCUMENT struct bulla_bytes report = real_document(genoa.report);
    REAL_DOCUMENT struct bulla_bytes certificates = real_documents(genoa.vcek, genoa.chain);
    struct bulla_claims claims;
    for (size_t size = 0; size + 1 < certificates.size; size++) { /* the last byte ends a line */
        uint8_t *exact = real_document_copy((struct bulla_bytes){certificates.data, size});
        assert_int_not_equal(verify(report, (struct bulla_bytes){exact, size}, genoa.at, &claims), BULLA_OK);
        free(exact);
    }
}

static void the_chain_is_judged_at_the_time_asked_for(void **state)
{
    (void)state;
    REAL_DOCUMENT struct bulla_bytes report = real_document(milan.report);
    REAL_DOCUMENT struct bulla_bytes certificates = real_documents(milan.vcek, milan.chain);
    struct bulla_claims claims;
    assert_int_equal(verify(report, certificates, milan.valid_from - 1, &claims), BULLA_CERTIFICATE_NOT_YET);
    assert_int_equal(verify(report, certificates, milan.valid_from, &claims), BULLA_OK);
    assert_int_equal(verify(report, certificates, claims.valid_until, &claims), BULLA_OK);
    assert_int_equal(claims.valid_until, 1901474623); /* 2030-04-03T19:23:43Z */
    assert_int_equal(verify(report, certificates, 1901474624, &claims), BULLA_CERTIFICATE_EXPIRED);
    assert_int_equal(verify(report, certificates, 0, &claims), BULLA_EVIDENCE_STALE);
}

/* --- a processor of paper: everything is signed properly, and one thing is not as it should be --- */

struct lie {
    const char *name;
    void (*tell)(struct snp_maker *maker);
    enum bulla_reason reason;
};

#define PUT(name, offset, value, size)                                                                                 \
    static void name(struct snp_maker *maker)                                                                          \
    {                                                                                                                  \
        snp_maker_put(maker, offset, value, size);                                                                     \
    }
PUT(version_0, 0x00, 0, 4)
PUT(version_1, 0x00, 1, 4)
PUT(version_6, 0x00, 6, 4)
PUT(version_2_with_cpuid, 0x00, 2, 4)
PUT(version_4_with_mitigations, 0x1f8, 1, 8)
PUT(policy_without_its_one, 0x08, 0x10000, 8)
PUT(policy_bit_26, 0x08, 0x4030000, 8)
PUT(policy_bit_63, 0x08, UINT64_C(0x8000000000030000), 8)
PUT(debug_policy, 0x08, 0xb0000, 8)
PUT(host_asked, 0x30, 0xffffffff, 4)
PUT(vmpl_4, 0x30, 4, 4)
PUT(algorithm_0, 0x34, 0, 4)
PUT(algorithm_2, 0x34, 2, 4)
PUT(platform_bit_6, 0x40, 0x40, 8)
PUT(platform_bit_8, 0x40, 0x100, 8)
PUT(key_info_bit_5, 0x48, 0x20, 4)
PUT(masked_chip_key, 0x48, 0x02, 4)
PUT(signing_key_2, 0x48, 0x08, 4)
PUT(signing_key_none, 0x48, 0x1c, 4)
PUT(vlek_claimed, 0x48, 0x04, 4)
PUT(reserved_4c, 0x4c, 1, 1)
PUT(reserved_4f, 0x4f, 1, 1)
PUT(turin, 0x188, 0x1a, 1)
PUT(reserved_18b, 0x18b, 1, 1)
PUT(reserved_19f, 0x19f, 1, 1)
PUT(reserved_1eb, 0x1eb, 1, 1)
PUT(reserved_1ef, 0x1ef, 1, 1)
PUT(reserved_208, 0x208, 1, 1)
PUT(reserved_29f, 0x29f, 1, 1)
PUT(current_tcb_reserved, 0x3a, 1, 1)
PUT(committed_tcb_reserved, 0x1e5, 1, 1)
PUT(launch_tcb_reserved, 0x1f3, 1, 1)
PUT(another_chip, 0x1df, 0, 1)
PUT(chip_not_told, 0x1a0, 0, 8)
PUT(reported_bootloader, 0x180, 3, 1)
PUT(reported_tee, 0x181, 0, 1)
PUT(reported_spl, 0x182, 1, 1)
PUT(reported_snp, 0x186, 23, 1)
PUT(reported_microcode, 0x187, 218, 1)

static void version_4(struct snp_maker *maker)
{
    snp_maker_put(maker, 0x00, 4, 4);
    version_4_with_mitigations(maker);
}
static void no_hwid(struct snp_maker *maker)
{
    maker->hwid_size = 0;
}
static void short_hwid(struct snp_maker *maker)
{
    maker->hwid_size = 63;
}
static void hwid_of_another(struct snp_maker *maker)
{
    maker->hwid[63] ^= 1;
}
static void microcode_left_out(struct snp_maker *maker)
{
    maker->left_out = 7;
}
static void bootloader_left_out(struct snp_maker *maker)
{
    maker->left_out = 0;
}
static void component_padded(struct snp_maker *maker)
{
    maker->tcb_hex = "02020004";
}
static void component_trailing(struct snp_maker *maker)
{
    maker->tcb_hex = "02010400";
}
static void component_octets(struct snp_maker *maker)
{
    maker->tcb_hex = "040104";
}
static void component_wide(struct snp_maker *maker)
{
    maker->tcb_hex = "02020104"; /* 260: its last byte would fit */
}
static void fmc(struct snp_maker *maker)
{
    maker->fmc = true;
}
static void vlek_certificate(struct snp_maker *maker)
{
    maker->provider = "160474657374";
}
static void p256(struct snp_maker *maker)
{
    maker->p256 = true;
}
static void expired(struct snp_maker *maker)
{
    maker->until = SNP_MAKER_AT - 1;
}

static const struct lie lies[] = {
    {"version 0", version_0, BULLA_UNSUPPORTED},
    {"version 1", version_1, BULLA_UNSUPPORTED},
    {"version 6", version_6, BULLA_UNSUPPORTED},
    {"version 2 with a processor's family", version_2_with_cpuid, BULLA_MALFORMED},
    {"version 4 with mitigations", version_4, BULLA_MALFORMED},
    {"policy bit 17", policy_without_its_one, BULLA_MALFORMED},
    {"policy bit 26", policy_bit_26, BULLA_MALFORMED},
    {"policy bit 63", policy_bit_63, BULLA_MALFORMED},
    {"debug", debug_policy, BULLA_EVIDENCE_DEBUG},
    {"asked for by the host", host_asked, BULLA_MALFORMED},
    {"VMPL 4", vmpl_4, BULLA_MALFORMED},
    {"algorithm 0", algorithm_0, BULLA_UNSUPPORTED},
    {"algorithm 2", algorithm_2, BULLA_UNSUPPORTED},
    {"platform info bit 6", platform_bit_6, BULLA_MALFORMED},
    {"platform info bit 8", platform_bit_8, BULLA_MALFORMED},
    {"key info bit 5", key_info_bit_5, BULLA_MALFORMED},
    {"masked key", masked_chip_key, BULLA_MALFORMED},
    {"signing key 2", signing_key_2, BULLA_SIGNATURE},
    {"no signing key", signing_key_none, BULLA_SIGNATURE},
    {"VLEK claimed", vlek_claimed, BULLA_EVIDENCE_MISMATCH},
    {"reserved 4c", reserved_4c, BULLA_MALFORMED},
    {"reserved 4f", reserved_4f, BULLA_MALFORMED},
    {"Turin", turin, BULLA_UNSUPPORTED},
    {"reserved 18b", reserved_18b, BULLA_MALFORMED},
    {"reserved 19f", reserved_19f, BULLA_MALFORMED},
    {"reserved 1eb", reserved_1eb, BULLA_MALFORMED},
    {"reserved 1ef", reserved_1ef, BULLA_MALFORMED},
    {"reserved 208", reserved_208, BULLA_MALFORMED},
    {"reserved 29f", reserved_29f, BULLA_MALFORMED},
    {"current TCB", current_tcb_reserved, BULLA_MALFORMED},
    {"committed TCB", committed_tcb_reserved, BULLA_MALFORMED},
    {"launch TCB", launch_tcb_reserved, BULLA_MALFORMED},
    {"reported SPL", reported_spl, BULLA_MALFORMED},
    {"another chip", another_chip, BULLA_EVIDENCE_MISMATCH},
    {"a chip that is not told", chip_not_told, BULLA_EVIDENCE_MISMATCH},
    {"bootloader", reported_bootloader, BULLA_EVIDENCE_MISMATCH},
    {"TEE", reported_tee, BULLA_EVIDENCE_MISMATCH},
    {"SNP", reported_snp, BULLA_EVIDENCE_MISMATCH},
    {"microcode", reported_microcode, BULLA_EVIDENCE_MISMATCH},
    {"no HWID", no_hwid, BULLA_CERTIFICATE_INVALID},
    {"short HWID", short_hwid, BULLA_CERTIFICATE_INVALID},
    {"HWID of another", hwid_of_another, BULLA_EVIDENCE_MISMATCH},
    {"no microcode", microcode_left_out, BULLA_CERTIFICATE_INVALID},
    {"no bootloader", bootloader_left_out, BULLA_CERTIFICATE_INVALID},
    {"padded integer", component_padded, BULLA_CERTIFICATE_INVALID},
    {"trailing integer", component_trailing, BULLA_CERTIFICATE_INVALID},
    {"no integer", component_octets, BULLA_CERTIFICATE_INVALID},
    {"wide integer", component_wide, BULLA_EVIDENCE_MISMATCH},
    {"FMC", fmc, BULLA_UNSUPPORTED},
    {"VLEK's certificate", vlek_certificate, BULLA_EVIDENCE_MISMATCH},
    {"P-256", p256, BULLA_KEY_INVALID},
    {"expired", expired, BULLA_CERTIFICATE_EXPIRED},
};

static enum bulla_reason verify_made(struct snp_maker *maker, struct bulla_claims *claims)
{
    const struct bulla_verification verification = snp_maker_verification(maker);
    return bulla_evidence_verify(&verification, claims);
}

static void what_is_not_as_the_abi_says_is_refused_although_it_is_signed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct snp_maker maker;
        struct bulla_claims claims;
        snp_maker_init(&maker);
        lies[i].tell(&maker);
        snp_maker_make(&maker);
        enum bulla_reason reason = verify_made(&maker, &claims);
        if (reason != lies[i].reason)
            print_error("%s: %s (%s)\n", lies[i].name, bulla_reason_code(reason), bulla_detail());
        assert_int_equal(reason, lies[i].reason);
        assert_int_equal(claims.kind, BULLA_EVIDENCE_NONE);
        snp_maker_free(&maker);
    }
}

static void every_known_version_is_read(void **state)
{
    (void)state;
    for (uint64_t version = 2; version <= 5; version++) {
        struct snp_maker maker;
        struct bulla_claims claims;
        snp_maker_init(&maker);
        snp_maker_put(&maker, 0x00, version, 4);
        if (version == 2)
            snp_maker_put(&maker, 0x188, 0, 3);
        if (version == 5)
            snp_maker_put(&maker, 0x1f8, 11, 8);
        snp_maker_make(&maker);
        assert_int_equal(verify_made(&maker, &claims), BULLA_OK);
        snp_maker_free(&maker);
    }
}

static void a_report_says_what_was_measured(void **state)
{
    (void)state;
    struct snp_maker maker;
    struct bulla_claims claims;
    uint8_t bytes[64];
    snp_maker_init(&maker);
    snp_maker_put(&maker, 0x08, 0x70000, 8); /* a migration agent may move it */
    snp_maker_put(&maker, 0x30, 2, 4);       /* VMPL */
    memset(maker.report + 0x38, 0xff, 8);    /* CURRENT_TCB, which no certificate bears out */
    memset(maker.report + 0x3a, 0, 4);
    memset(maker.report + 0xe0, 0x33, 48);
    memset(maker.report + 0x110, 0x44, 48);
    memset(maker.report + 0x140, 0x66, 32);
    snp_maker_make(&maker);
    assert_int_equal(verify_made(&maker, &claims), BULLA_OK);
    assert_true(claims.migratable && !claims.debug && claims.pinned);
    const struct {
        const char *name;
        uint8_t byte, size;
    } expected[] = {{"measurement", 0x11, 48}, {"host-data", 0x22, 32}, {"id-key-digest", 0x33, 48},
        {"author-digest", 0x44, 48}, {"report-id", 0x66, 32}, {"chip-id", 0x77, 64}};
    assert_int_equal(claims.snp_vmpl, 2);
    assert_int_equal(claims.snp_tcb[BULLA_SNP_BOOTLOADER], 4);
    assert_int_equal(claims.snp_tcb[BULLA_SNP_TEE], 1);
    assert_int_equal(claims.snp_tcb[BULLA_SNP_FIRMWARE], 24);
    assert_int_equal(claims.snp_tcb[BULLA_SNP_MICROCODE], 219);
    assert_int_equal(claims.measurement_count, 6);
    for (size_t i = 0; i < 6; i++) {
        const struct bulla_measurement *found = bulla_claims_find(&claims, expected[i].name);
        assert_non_null(found);
        assert_int_equal(found->size, expected[i].size);
        assert_true(bulla_policy_reference_measures(BULLA_EVIDENCE_SEV_SNP, expected[i].name, expected[i].size));
        memset(bytes, expected[i].byte, sizeof bytes);
        assert_memory_equal(found->value, bytes, found->size);
    }
    memset(bytes, 0x5a, sizeof bytes);
    assert_true(bulla_bytes_equal(claims.report_data, BULLA_BYTES(bytes)));
    snp_maker_free(&maker);
}

static void debugging_can_be_allowed_and_is_told(void **state)
{
    (void)state;
    struct snp_maker maker;
    struct bulla_claims claims;
    snp_maker_init(&maker);
    debug_policy(&maker);
    snp_maker_make(&maker);
    struct bulla_verification verification = snp_maker_verification(&maker);
    assert_int_equal(bulla_sev_snp_verifier.verify(&verification, &claims), BULLA_EVIDENCE_DEBUG);
    verification.allow_debug = true;
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_OK);
    assert_true(claims.debug);
    snp_maker_free(&maker);
}

static void a_vlek_names_its_provider_and_no_chip(void **state)
{
    (void)state;
    struct snp_maker maker;
    struct bulla_claims claims;
    snp_maker_init(&maker);
    vlek_claimed(&maker);
    vlek_certificate(&maker);
    maker.hwid_size = 0;
    snp_maker_make(&maker);
    assert_int_equal(verify_made(&maker, &claims), BULLA_OK);
    snp_maker_put(&maker, 0x48, 0x06, 4); /* the chip's own key may be masked then */
    snp_maker_make(&maker);
    assert_int_equal(verify_made(&maker, &claims), BULLA_OK);
    maker.provider = NULL; /* neither a chip nor a provider */
    snp_maker_make(&maker);
    assert_int_equal(verify_made(&maker, &claims), BULLA_EVIDENCE_MISMATCH);
    vlek_certificate(&maker);
    maker.hwid_size = 64; /* both */
    snp_maker_make(&maker);
    assert_int_equal(verify_made(&maker, &claims), BULLA_EVIDENCE_MISMATCH);
    snp_maker_free(&maker);
}

static void a_hwid_may_be_wrapped(void **state)
{
    (void)state;
    struct snp_maker maker;
    struct bulla_claims claims;
    snp_maker_init(&maker);
    maker.wrapped = true;
    snp_maker_make(&maker);
    assert_int_equal(verify_made(&maker, &claims), BULLA_OK);
    maker.hwid[0] ^= 1;
    snp_maker_make(&maker);
    assert_int_equal(verify_made(&maker, &claims), BULLA_EVIDENCE_MISMATCH);
    snp_maker_free(&maker);
}

static void a_signature_is_padded_with_zeros_only(void **state)
{
    (void)state;
    struct snp_maker maker;
    struct bulla_claims claims;
    snp_maker_init(&maker);
    snp_maker_make(&maker);
    for (size_t i = BULLA_SNP_SIGNED_SIZE; i < BULLA_SNP_REPORT_SIZE; i++) {
        maker.report[i] ^= 0x80;
        assert_int_not_equal(verify_made(&maker, &claims), BULLA_OK);
        maker.report[i] ^= 0x80;
    }
    assert_int_equal(verify_made(&maker, &claims), BULLA_OK);
    snp_maker_free(&maker);
}

static void certificates_in_another_order_or_number_are_refused(void **state)
{
    (void)state;
    struct snp_maker maker;
    struct bulla_claims claims;
    uint8_t mixed[sizeof maker.certificates + 8192];
    snp_maker_init(&maker);
    snp_maker_make(&maker);
    struct bulla_verification verification = snp_maker_verification(&maker);
    const struct bulla_bytes whole = verification.endorsements.certificates;
    const size_t vcek = maker.sizes[0], ask = maker.sizes[1], ark = maker.sizes[2];
    const struct bulla_bytes parts[] = {{NULL, 0}, {whole.data, vcek}, {whole.data, vcek + ask},
        {whole.data + vcek, ask + ark}, {whole.data + vcek, ask}, {whole.data + vcek + ask, ark}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        verification.endorsements.certificates = parts[i];
        enum bulla_reason reason = bulla_evidence_verify(&verification, &claims);
        assert_true(reason == BULLA_CERTIFICATE_INVALID || reason == BULLA_CERTIFICATE_UNTRUSTED);
        assert_true(i > 0 || reason == BULLA_CERTIFICATE_UNTRUSTED); /* nothing was given */
    }
    memcpy(mixed, whole.data + vcek, ask); /* ASK, VCEK, ARK */
    memcpy(mixed + ask, whole.data, vcek);
    memcpy(mixed + ask + vcek, whole.data + vcek + ask, ark);
    verification.endorsements.certificates = (struct bulla_bytes){mixed, whole.size};
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_CERTIFICATE_INVALID);
    memcpy(mixed, whole.data, whole.size); /* the ARK twice */
    memcpy(mixed + whole.size, whole.data + vcek + ask, ark);
    verification.endorsements.certificates = (struct bulla_bytes){mixed, whole.size + ark};
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_CERTIFICATE_INVALID);
    verification.endorsements.certificates = whole;
    verification.root_count = 0; /* nobody pinned this ARK */
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_CERTIFICATE_UNTRUSTED);
    snp_maker_free(&maker);
}

static void a_revoked_ask_is_refused(void **state)
{
    (void)state;
    struct snp_maker maker;
    struct bulla_claims claims;
    uint8_t crl[2048];
    snp_maker_init(&maker);
    snp_maker_make(&maker);
    struct bulla_verification verification = snp_maker_verification(&maker);
    verification.endorsements.crls = (struct bulla_bytes){crl, snp_maker_crl(&maker, 99, crl, sizeof crl)};
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_OK);
    verification.endorsements.crls.size = snp_maker_crl(&maker, maker.ask_serial, crl, sizeof crl);
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_CERTIFICATE_REVOKED);
    verification.endorsements.crls.size--;
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_MALFORMED);
    snp_maker_free(&maker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_reports_are_taken_with_their_claims),
        cmocka_unit_test(the_wrong_vcek_is_refused),
        cmocka_unit_test(a_vcek_that_the_caller_pins_needs_no_chain),
        cmocka_unit_test(every_byte_of_a_real_report_counts),
        cmocka_unit_test(every_byte_of_a_real_chain_counts),
        cmocka_unit_test(a_report_of_any_other_length_is_refused),
        cmocka_unit_test(endorsements_cut_off_anywhere_are_refused),
        cmocka_unit_test(the_chain_is_judged_at_the_time_asked_for),
        cmocka_unit_test(what_is_not_as_the_abi_says_is_refused_although_it_is_signed),
        cmocka_unit_test(every_known_version_is_read),
        cmocka_unit_test(a_report_says_what_was_measured),
        cmocka_unit_test(debugging_can_be_allowed_and_is_told),
        cmocka_unit_test(a_vlek_names_its_provider_and_no_chip),
        cmocka_unit_test(a_hwid_may_be_wrapped),
        cmocka_unit_test(a_signature_is_padded_with_zeros_only),
        cmocka_unit_test(certificates_in_another_order_or_number_are_refused),
        cmocka_unit_test(a_revoked_ask_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
