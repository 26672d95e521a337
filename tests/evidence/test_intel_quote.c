/* Real quotes (tests/vectors/tdx, sgx). Those without collateral are judged the day after their PCK certificate was
 * made; the two with collateral on 2025-06-20, within the collateral's own month. Expected values were cut out of the
 * files at the specifications' offsets by another program. */
#include "support/test.h"

#include <openssl/sha.h>
#include <stdlib.h>

#include "ecdsa_maker.h"
#include "evidence/policy.h"
#include "intel_maker.h"
#include "real_documents.h"
#include "support/vectors.h"

struct real {
    const char *quote, *collateral; /* NULL: none */
    uint64_t at;
    enum bulla_evidence_kind kind;
    enum bulla_reason reason;
    enum bulla_tcb_status tcb;
    const char *measured, *value; /* hex */
    const char *report_data;      /* hex */
};
static const struct real td_v4 = {"tdx/phala-v4.bin", "tdx/phala-collateral.json", 1750377600, BULLA_EVIDENCE_TDX,
    BULLA_OK, BULLA_TCB_UP_TO_DATE, "mrtd",
    "91eb2b44d141d4ece09f0c75c2c53d247a3c68edd7fafe8a3520c942a604a407de03ae6dc5f87f27428b2538873118b7",
    "9a9d48e7f6799642d3d1b34e1e5e1742d4bb02dd6ddd551862c1211d35c304f9eca3efdbb481601c163cf52493d6e44aed55d51ec39b7e518f"
    "adb92c2b523f20"};
static const struct real td_debug = {"tdx/debug-v4.bin", NULL, 1675814400, BULLA_EVIDENCE_TDX, BULLA_EVIDENCE_DEBUG,
    BULLA_TCB_UNKNOWN, "mrtd",
    "705ee9381b8633a9fbe532b52345e8433343d2868959f57889d84ca377c395b689cac1599ccea1b7d420483a9ce5f031",
    "7c71fe2c86eff65a7cf8dbc22b3275689fd0464a267baced1bf94fc1324656aeb755da3d44d098c0c87382f3a5f85b45c8a28fee1d3bdb3834"
    "2bf96671501429"};
static const struct real td_v5 = {"tdx/guest-v5.bin", NULL, 1710806400, BULLA_EVIDENCE_TDX, BULLA_OK, BULLA_TCB_UNKNOWN,
    "mrservicetd", "383c87d3bbb047b2d171eaca95312ede99f258088dc788f6ae2ccf8b6dd848fe8d47629e08b3f6cbd4a00dd47a5a033d",
    "6d6ab13b046cff606ac0074be13981b07b6325dba10b5facc96febf551c0c3be2b75f92fe1f88f4bb996969ad0174b4b7a70261b7b85c844f4"
    "b33a4674fd049f"};
static const struct real sgx_v3 = {"sgx/phala-v3.bin", "sgx/phala-collateral.json", 1750377600, BULLA_EVIDENCE_SGX,
    BULLA_OK, BULLA_TCB_CONFIGURATION_NEEDED, "mrenclave",
    "33d8736db756ed4997e04ba358d27833188f1932ff7b1d156904d3f560452fbb",
    "48656c6c6f2c20776f726c64210000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00"
    "000000000000"};

static enum bulla_reason verify(
    struct bulla_bytes quote, struct bulla_bytes collateral, uint64_t at, bool allow_debug, struct bulla_claims *claims)
{
    const struct bulla_verification verification = {
        .document = quote, .at = at, .endorsements = {.collateral = collateral}, .allow_debug = allow_debug};
    return bulla_evidence_verify(&verification, claims);
}

static void assert_real(const struct real *real)
{
    const struct bulla_bytes none = {NULL, 0};
    uint8_t expected[64];
    struct bulla_claims claims;
    REAL_DOCUMENT struct bulla_bytes quote = real_document(real->quote);
    REAL_DOCUMENT struct bulla_bytes collateral = real->collateral ? real_document(real->collateral) : none;
    enum bulla_reason reason = verify(quote, collateral, real->at, false, &claims);
    if (reason != real->reason)
        print_message("%s: %s\n", real->quote, bulla_detail());
    assert_int_equal(reason, real->reason);
    if (reason != BULLA_OK)
        assert_int_equal(claims.kind, BULLA_EVIDENCE_NONE);
    assert_int_equal(verify(quote, collateral, real->at, true, &claims), BULLA_OK);
    assert_int_equal(claims.kind, real->kind);
    assert_int_equal(claims.debug, real->reason == BULLA_EVIDENCE_DEBUG);
    assert_int_equal(claims.tcb, real->tcb);
    assert_true(claims.pinned && !claims.migratable);
    const struct bulla_measurement *found = bulla_claims_find(&claims, real->measured);
    assert_non_null(found);
    assert_int_equal(found->size, test_hex(real->value, expected, sizeof expected));
    assert_memory_equal(found->value, expected, found->size);
    assert_int_equal(test_hex(real->report_data, expected, sizeof expected), 64);
    assert_true(bulla_bytes_equal(claims.report_data, BULLA_BYTES(expected)));
}

static void real_quotes_get_their_verdict(void **state)
{
    (void)state;
    assert_real(&td_v4);
    assert_real(&td_debug);
    assert_real(&td_v5);
    assert_real(&sgx_v3);
}

/* --- real quotes, changed --- */

static const struct real *const reals[4] = {&td_v4, &td_debug, &td_v5, &sgx_v3};
enum { REALS = 4 };

static enum bulla_reason verify_bytes(const struct real *real, const uint8_t *data, size_t size)
{
    struct bulla_claims claims;
    const struct bulla_bytes none = {NULL, 0};
    enum bulla_reason reason = verify((struct bulla_bytes){data, size}, none, real->at, true, &claims);
    assert_true((reason == BULLA_OK) == (claims.kind != BULLA_EVIDENCE_NONE));
    return reason;
}

/* By their own statements of their length. */
static const size_t sizes[REALS] = {4936, 4936, 5006, 4600};

/* The last byte ends the text of the certificates, and may as well be white space. The texts are of one form, so that
 * those of the first quote stand for all. */
static void every_byte_of_a_real_quote_counts(void **state)
{
    (void)state;
    for (size_t k = 0; k < REALS; k++) {
        REAL_DOCUMENT struct bulla_bytes quote = real_document(reals[k]->quote);
        const uint8_t *text = memmem(quote.data, quote.size, "-----BEGIN", 10);
        uint8_t *copy = real_document_copy(quote);
        assert_non_null(text);
        size_t end = k == 0 ? quote.size : (size_t)(text - quote.data);
        for (size_t i = 0; i < end; i++) {
            copy[i] ^= 1 << i % 8;
            if (verify_bytes(reals[k], copy, quote.size) == BULLA_OK && i + 1 != sizes[k])
                fail_msg("%s: byte %zu does not count", reals[k]->quote, i);
            copy[i] = quote.data[i];
        }
        assert_int_equal(verify_bytes(reals[k], copy, quote.size), BULLA_OK);
        free(copy);
    }
}

/* The length up to which a quote's own statement of it reaches. */
static size_t whole_size(struct bulla_bytes quote)
{
    struct bulla_quote read;
    size_t size = quote.size;
    while (bulla_quote_read((struct bulla_bytes){quote.data, size - 1}, &read) == BULLA_OK)
        size--;
    return size;
}

static void a_quote_cut_off_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t k = 0; k < REALS; k++) {
        REAL_DOCUMENT struct bulla_bytes quote = real_document(reals[k]->quote);
        assert_int_equal(whole_size(quote), sizes[k]);
        for (size_t size = 0; size < sizes[k]; size++) {
            uint8_t *exact = real_document_copy((struct bulla_bytes){quote.data, size});
            struct bulla_quote read;
            assert_int_not_equal(verify_bytes(reals[k], exact, size), BULLA_OK);
            assert_int_equal(bulla_quote_read((struct bulla_bytes){exact, size}, &read), BULLA_TRUNCATED);
            free(exact);
        }
    }
}

static void zeros_behind_a_quote_are_cut_off_and_other_bytes_refused(void **state)
{
    (void)state;
    REAL_DOCUMENT struct bulla_bytes quote = real_document(td_v4.quote);
    uint8_t *copy = real_document_copy(quote);
    assert_int_equal(quote.size, 5006);
    assert_int_equal(verify_bytes(&td_v4, copy, quote.size), BULLA_OK);
    assert_int_equal(verify_bytes(&td_v4, copy, 4936), BULLA_OK);
    copy[5005] = 1;
    assert_int_equal(verify_bytes(&td_v4, copy, quote.size), BULLA_TRAILING);
    copy[5005] = 0;
    copy[4936] = 0x80;
    assert_int_equal(verify_bytes(&td_v4, copy, quote.size), BULLA_TRAILING);
    free(copy);
}

static void real_quotes_are_judged_at_the_time_asked_for(void **state)
{
    (void)state;
    const struct bulla_bytes none = {NULL, 0};
    for (size_t k = 0; k < REALS; k++) {
        struct bulla_claims claims, again;
        REAL_DOCUMENT struct bulla_bytes quote = real_document(reals[k]->quote);
        assert_int_equal(verify(quote, none, reals[k]->at, true, &claims), BULLA_OK);
        assert_int_equal(verify(quote, none, claims.valid_from, true, &again), BULLA_OK);
        assert_int_equal(verify(quote, none, claims.valid_until, true, &again), BULLA_OK);
        assert_int_equal(verify(quote, none, claims.valid_from - 1, true, &again), BULLA_CERTIFICATE_NOT_YET);
        assert_int_equal(verify(quote, none, claims.valid_until + 1, true, &again), BULLA_CERTIFICATE_EXPIRED);
        assert_int_equal(verify(quote, none, 0, true, &again), BULLA_EVIDENCE_STALE);
    }
}

/* Everything behind the body, from one guest's quote to another's: all of it verifies by itself. */
static void signature_data_of_another_quote_is_refused(void **state)
{
    (void)state;
    REAL_DOCUMENT struct bulla_bytes quote = real_document(td_v4.quote);
    REAL_DOCUMENT struct bulla_bytes other = real_document(td_debug.quote);
    const size_t body = 48 + 584;
    uint8_t *copy = real_document_copy(other);
    memcpy(copy, quote.data, body);
    assert_int_equal(verify_bytes(&td_v4, copy, other.size), BULLA_SIGNATURE);
    free(copy);
}

/* The certificates of a real quote: `count` blocks of PEM. */
static size_t blocks_of(struct bulla_bytes quote, struct bulla_bytes blocks[static 3])
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----\n";
    const uint8_t *at = quote.data, *stop = quote.data + quote.size;
    size_t count = 0;
    while (count < 3) {
        const uint8_t *from = memmem(at, (size_t)(stop - at), begin, sizeof begin - 1);
        const uint8_t *to = from ? memmem(from, (size_t)(stop - from), end, sizeof end - 1) : NULL;
        if (!to)
            return count;
        at = to + sizeof end - 1;
        blocks[count++] = (struct bulla_bytes){from, (size_t)(at - from)};
    }
    return count;
}

/* The quote with other certificates, and its three lengths set right. */
static size_t with_certificates(
    struct bulla_bytes quote, const struct bulla_bytes *list, size_t count, uint8_t *out, size_t capacity)
{
    static const size_t data = 48 + 584; /* where the signature data's length stands in a quote of version 4 */
    struct bulla_bytes blocks[3];
    assert_int_equal(blocks_of(quote, blocks), 3);
    size_t at = (size_t)(blocks[0].data - quote.data), text = 1;
    memcpy(out, quote.data, at);
    for (size_t i = 0; i < count; i++) {
        assert_true(at + text + list[i].size < capacity);
        memcpy(out + at + text - 1, list[i].data, list[i].size);
        text += list[i].size;
    }
    out[at + text - 1] = 0;
    intel_maker_put(out + at - 4, text, 4);
    intel_maker_put(out + data, at + text - data - 4, 4);
    intel_maker_put(out + data + 4 + 128 + 2, at + text - data - 4 - 134, 4);
    return at + text;
}

static void real_certificates_that_are_others_or_elsewhere_are_refused(void **state)
{
    (void)state;
    REAL_DOCUMENT struct bulla_bytes quote = real_document(td_v4.quote);
    REAL_DOCUMENT struct bulla_bytes other_quote = real_document(td_v5.quote);
    REAL_DOCUMENT struct bulla_bytes enclave = real_document(sgx_v3.quote);
    struct bulla_bytes own[3], others[3], processors[3];
    uint8_t out[16384];
    assert_int_equal(blocks_of(quote, own), 3);
    assert_int_equal(blocks_of(other_quote, others), 3);
    assert_int_equal(blocks_of(enclave, processors), 3);
    const struct {
        struct bulla_bytes list[4];
        size_t count;
        enum bulla_reason reason;
    } cases[] = {
        {{own[0], own[1], own[2]}, 3, BULLA_OK},
        {{own[0]}, 0, BULLA_CERTIFICATE_INVALID},
        {{own[1], own[2]}, 2, BULLA_CERTIFICATE_INVALID},
        {{own[0], own[2]}, 2, BULLA_CERTIFICATE_INVALID},
        {{own[0], own[1]}, 2, BULLA_CERTIFICATE_INVALID},
        {{own[0], own[1], own[2], own[2]}, 4, BULLA_CERTIFICATE_INVALID},
        {{own[1], own[0], own[2]}, 3, BULLA_CERTIFICATE_INVALID},
        {{own[2], own[1], own[0]}, 3, BULLA_CERTIFICATE_UNTRUSTED},
        {{own[0], own[2], own[1]}, 3, BULLA_CERTIFICATE_UNTRUSTED},
        {{others[0], own[1], own[2]}, 3, BULLA_SIGNATURE}, /* by the same CA: only the QE's signature tells */
        {{own[0], processors[1], own[2]}, 3, BULLA_CERTIFICATE_INVALID},
        {{processors[0], processors[1], own[2]}, 3, BULLA_SIGNATURE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = with_certificates(quote, cases[i].list, cases[i].count, out, sizeof out);
        assert_int_equal(verify_bytes(&td_v4, out, size), cases[i].reason);
    }
}

/* --- a quoting enclave of paper: everything is signed properly, and one thing is not as it should be --- */

struct lie {
    const char *name;
    enum intel_shape shape;
    void (*tell)(struct intel_maker *maker);
    enum bulla_reason reason;
};

#define PUT(name, field, offset, value, size)                                                                          \
    static void name(struct intel_maker *maker)                                                                        \
    {                                                                                                                  \
        intel_maker_put(maker->field + (offset), value, size);                                                         \
    }
#define SET(name, field, value)                                                                                        \
    static void name(struct intel_maker *maker)                                                                        \
    {                                                                                                                  \
        maker->field = value;                                                                                          \
    }
PUT(version_3, header, 0, 3, 2)
PUT(version_4, header, 0, 4, 2)
PUT(version_6, header, 0, 6, 2)
PUT(key_type_3, header, 2, 3, 2)
PUT(tee_sgx, header, 4, 0, 4)
PUT(tee_unknown, header, 4, 0x82, 4)
PUT(other_vendor, header, 12, 0, 1)
PUT(td_debug_bit, body, 120, 0x10000001, 8)
PUT(td_profiled, body, 120, 0x10000004, 8)
PUT(td_reserved_attribute, body, 120, 0x10000100, 8)
PUT(td_high_attribute, body, 120, UINT64_C(0x0000000110000000), 8)
PUT(seam_attribute, body, 112, 1, 8)
PUT(other_module, body, 64, 1, 1)
PUT(enclave_debug, body, 48, 0x07, 8)
PUT(enclave_not_initialised, body, 48, 0x04, 8)
PUT(enclave_reserved_flag, body, 48, 0x0d, 8)
PUT(enclave_high_flag, body, 48, UINT64_C(0x8000000000000005), 8)
PUT(enclave_reserved_20, body, 20, 1, 1)
PUT(enclave_reserved_96, body, 96, 1, 1)
PUT(enclave_reserved_160, body, 160, 1, 1)
PUT(enclave_reserved_262, body, 262, 1, 1)
PUT(enclave_reserved_303, body, 303, 1, 1)
PUT(qe_debug, qe, 48, 0x17, 8)
PUT(qe_reserved, qe, 20, 1, 1)
PUT(qe_other_signer, qe, 128, 0, 1)
PUT(qe_other_product, qe, 256, 3, 2)
SET(body_type_1, body_type, 1)
SET(body_type_4, body_type, 4)
SET(body_too_long, body_stated, 585)
SET(outer_type_5, outer_type, 5)
SET(inner_type_3, inner_type, 3)
SET(inner_type_6, inner_type, 6)
SET(slack_forward, slack, 1)
SET(slack_back, slack, -1)
SET(trailing, behind, 1)
SET(key_unbound, key_unbound, true)
SET(no_ca, ca_left_out, true)
SET(swapped, swapped, true)
SET(pck_expired, pck_until, INTEL_MAKER_AT - 1)
SET(pck_ca, pck_is_ca, true)
SET(no_extension, pck_extension, "")
SET(empty_extension, pck_extension, "3000")
SET(other_extension, pck_extension, "0500")
SET(pck_p384, pck_p384, true)

/* Of the extension, everything else being right. */
#define STEM "2a864886f84d010d01"
#define CHANGE(name, from, to)                                                                                         \
    static void name(struct intel_maker *maker)                                                                        \
    {                                                                                                                  \
        maker->extension_from = from;                                                                                  \
        maker->extension_to = to;                                                                                      \
    }
CHANGE(no_fmspc, STEM "04", STEM "06")
CHANGE(no_pce_id, STEM "03", STEM "07")
CHANGE(no_tcb, "060a" STEM "02", "060a" STEM "08")
CHANGE(part_twice, STEM "01", STEM "05")
CHANGE(part_of_another, STEM "05", "2a864886f84d010d0205")
CHANGE(part_high, STEM "05", STEM "ff")
CHANGE(pce_id_integer, "04020708", "02020708")
CHANGE(fmspc_short, "0406010203040506", "0405010203040506")
CHANGE(component_twice, STEM "0202", STEM "0201")
CHANGE(component_19, STEM "0212", STEM "0213")
CHANGE(component_0, STEM "0201", STEM "0200")
CHANGE(component_octets, STEM "0201020103", STEM "0201040103")
CHANGE(component_negative, STEM "0201020103", STEM "0201020183")
CHANGE(cpu_svn_integer, STEM "02120410", STEM "02120210")
CHANGE(pair_not_a_sequence, "300f060a" STEM "05", "310f060a" STEM "05")
CHANGE(oid_not_an_oid, "300f060a" STEM "05", "300f040a" STEM "05")

static void nothing(struct intel_maker *maker)
{
    (void)maker;
}
static void qe_report_has_a_tail(struct intel_maker *maker)
{
    (void)maker;
    maker->key_unbound = true; /* the digest is right, and the rest not zero */
    uint8_t key[96], digest[32];
    assert_int_equal(ecdsa_point(maker->attestation, key, 64), 64);
    memcpy(key + 64, maker->auth, 32);
    SHA256(key, sizeof key, digest);
    memcpy(maker->qe + 320, digest, 32);
    maker->qe[383] = 1;
}
static void other_attestation_key(struct intel_maker *maker)
{
    qe_report_has_a_tail(maker);
    maker->qe[383] = 0;
    maker->auth[0] ^= 1; /* the digest was over other authentication data */
}

static const struct lie lies[] = {
    {"right", INTEL_TD_V4, nothing, BULLA_OK},
    {"right", INTEL_TD_V5, nothing, BULLA_OK},
    {"right", INTEL_TD_V5_SERVICE, nothing, BULLA_OK},
    {"right", INTEL_SGX_V3, nothing, BULLA_OK},
    {"a TD of version 3", INTEL_TD_V4, version_3, BULLA_UNSUPPORTED},
    {"a TD of version 6", INTEL_TD_V4, version_6, BULLA_UNSUPPORTED},
    {"an enclave of version 4", INTEL_SGX_V3, version_4, BULLA_UNSUPPORTED},
    {"key type 3", INTEL_TD_V4, key_type_3, BULLA_UNSUPPORTED},
    {"key type 3", INTEL_SGX_V3, key_type_3, BULLA_UNSUPPORTED},
    {"a TD that says it is an enclave", INTEL_TD_V4, tee_sgx, BULLA_UNSUPPORTED},
    {"an unknown TEE", INTEL_TD_V4, tee_unknown, BULLA_EVIDENCE_KIND},
    {"another vendor", INTEL_TD_V4, other_vendor, BULLA_EVIDENCE_KIND},
    {"debug", INTEL_TD_V4, td_debug_bit, BULLA_EVIDENCE_DEBUG},
    {"debug", INTEL_TD_V5_SERVICE, td_debug_bit, BULLA_EVIDENCE_DEBUG},
    {"profiled", INTEL_TD_V4, td_profiled, BULLA_EVIDENCE_DEBUG},
    {"attribute 8", INTEL_TD_V4, td_reserved_attribute, BULLA_MALFORMED},
    {"attribute 32", INTEL_TD_V4, td_high_attribute, BULLA_MALFORMED},
    {"SEAM attribute", INTEL_TD_V4, seam_attribute, BULLA_MALFORMED},
    {"another's module", INTEL_TD_V4, other_module, BULLA_MALFORMED},
    {"debug", INTEL_SGX_V3, enclave_debug, BULLA_EVIDENCE_DEBUG},
    {"not initialised", INTEL_SGX_V3, enclave_not_initialised, BULLA_MALFORMED},
    {"flag 3", INTEL_SGX_V3, enclave_reserved_flag, BULLA_MALFORMED},
    {"flag 63", INTEL_SGX_V3, enclave_high_flag, BULLA_MALFORMED},
    {"reserved 20", INTEL_SGX_V3, enclave_reserved_20, BULLA_MALFORMED},
    {"reserved 96", INTEL_SGX_V3, enclave_reserved_96, BULLA_MALFORMED},
    {"reserved 160", INTEL_SGX_V3, enclave_reserved_160, BULLA_MALFORMED},
    {"reserved 262", INTEL_SGX_V3, enclave_reserved_262, BULLA_MALFORMED},
    {"reserved 303", INTEL_SGX_V3, enclave_reserved_303, BULLA_MALFORMED},
    {"QE debug", INTEL_TD_V4, qe_debug, BULLA_EVIDENCE_DEBUG},
    {"QE reserved", INTEL_TD_V4, qe_reserved, BULLA_MALFORMED},
    {"QE of another", INTEL_TD_V4, qe_other_signer, BULLA_EVIDENCE_UNTRUSTED},
    {"QE of another", INTEL_SGX_V3, qe_other_signer, BULLA_EVIDENCE_UNTRUSTED},
    {"QE of another product", INTEL_TD_V4, qe_other_product, BULLA_EVIDENCE_UNTRUSTED},
    {"body 1", INTEL_TD_V5, body_type_1, BULLA_UNSUPPORTED},
    {"body 4", INTEL_TD_V5_SERVICE, body_type_4, BULLA_UNSUPPORTED},
    {"body's size", INTEL_TD_V5, body_too_long, BULLA_UNSUPPORTED},
    {"outer type", INTEL_TD_V4, outer_type_5, BULLA_UNSUPPORTED},
    {"inner type", INTEL_TD_V4, inner_type_3, BULLA_UNSUPPORTED},
    {"inner type", INTEL_SGX_V3, inner_type_6, BULLA_UNSUPPORTED},
    {"length", INTEL_TD_V4, slack_forward, BULLA_TRAILING},
    {"length", INTEL_TD_V4, slack_back, BULLA_TRUNCATED},
    {"length", INTEL_SGX_V3, slack_back, BULLA_TRUNCATED},
    {"trailing", INTEL_TD_V4, trailing, BULLA_TRAILING},
    {"key unbound", INTEL_TD_V4, key_unbound, BULLA_EVIDENCE_UNBOUND},
    {"key unbound", INTEL_SGX_V3, key_unbound, BULLA_EVIDENCE_UNBOUND},
    {"report data's tail", INTEL_TD_V4, qe_report_has_a_tail, BULLA_EVIDENCE_UNBOUND},
    {"another key", INTEL_TD_V4, other_attestation_key, BULLA_EVIDENCE_UNBOUND},
    {"no CA", INTEL_TD_V4, no_ca, BULLA_CERTIFICATE_INVALID},
    {"swapped", INTEL_TD_V4, swapped, BULLA_CERTIFICATE_INVALID},
    {"PCK expired", INTEL_TD_V4, pck_expired, BULLA_CERTIFICATE_EXPIRED},
    {"PCK a CA", INTEL_TD_V4, pck_ca, BULLA_CERTIFICATE_INVALID},
    {"no extension", INTEL_TD_V4, no_extension, BULLA_CERTIFICATE_INVALID},
    {"empty extension", INTEL_SGX_V3, empty_extension, BULLA_CERTIFICATE_INVALID},
    {"PCK of another curve", INTEL_TD_V4, pck_p384, BULLA_KEY_INVALID},
    {"no FMSPC", INTEL_TD_V4, no_fmspc, BULLA_CERTIFICATE_INVALID},
    {"no PCE ID", INTEL_TD_V4, no_pce_id, BULLA_CERTIFICATE_INVALID},
    {"no TCB", INTEL_TD_V4, no_tcb, BULLA_CERTIFICATE_INVALID},
    {"a part twice", INTEL_TD_V4, part_twice, BULLA_CERTIFICATE_INVALID},
    {"a part of something else", INTEL_TD_V4, part_of_another, BULLA_CERTIFICATE_INVALID},
    {"part 255", INTEL_TD_V4, part_high, BULLA_CERTIFICATE_INVALID},
    {"PCE ID that is an INTEGER", INTEL_TD_V4, pce_id_integer, BULLA_CERTIFICATE_INVALID},
    {"FMSPC of five bytes", INTEL_TD_V4, fmspc_short, BULLA_CERTIFICATE_INVALID},
    {"a component twice", INTEL_TD_V4, component_twice, BULLA_CERTIFICATE_INVALID},
    {"component 19", INTEL_TD_V4, component_19, BULLA_CERTIFICATE_INVALID},
    {"component 0", INTEL_TD_V4, component_0, BULLA_CERTIFICATE_INVALID},
    {"a component that is no INTEGER", INTEL_TD_V4, component_octets, BULLA_CERTIFICATE_INVALID},
    {"a negative component", INTEL_TD_V4, component_negative, BULLA_CERTIFICATE_INVALID},
    {"a CPUSVN that is an INTEGER", INTEL_TD_V4, cpu_svn_integer, BULLA_CERTIFICATE_INVALID},
    {"a part that is no SEQUENCE", INTEL_TD_V4, pair_not_a_sequence, BULLA_CERTIFICATE_INVALID},
    {"a part without OID", INTEL_TD_V4, oid_not_an_oid, BULLA_CERTIFICATE_INVALID},
    {"another extension", INTEL_TD_V4, other_extension, BULLA_CERTIFICATE_INVALID},
};

static void what_is_not_as_specified_is_refused_although_it_is_signed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct intel_maker *maker = malloc(sizeof *maker);
        struct bulla_claims claims;
        intel_maker_init(maker, lies[i].shape);
        lies[i].tell(maker);
        intel_maker_make(maker);
        const struct bulla_verification verification = intel_maker_verification(maker);
        enum bulla_reason reason = bulla_evidence_verify(&verification, &claims);
        if (reason != lies[i].reason)
            print_error("%s: %s (%s)\n", lies[i].name, bulla_reason_code(reason), bulla_detail());
        assert_int_equal(reason, lies[i].reason);
        assert_true((claims.kind == BULLA_EVIDENCE_NONE) == (reason != BULLA_OK));
        intel_maker_free(maker);
        free(maker);
    }
}

static void assert_filled(const struct bulla_claims *claims, const char *name, uint8_t byte, size_t size)
{
    uint8_t expected[64];
    const struct bulla_measurement *found = bulla_claims_find(claims, name);
    memset(expected, byte, sizeof expected);
    assert_non_null(found);
    assert_int_equal(found->size, size);
    assert_memory_equal(found->value, expected, size);
    assert_true(bulla_policy_reference_measures(claims->kind, name, size));
}

static void a_td_says_what_was_measured(void **state)
{
    (void)state;
    static const char *const names[] = {
        "mrtd", "mrconfigid", "mrowner", "mrownerconfig", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "mrservicetd"};
    struct intel_maker *maker = malloc(sizeof *maker);
    struct bulla_claims claims;
    intel_maker_init(maker, INTEL_TD_V5_SERVICE);
    intel_maker_put(maker->body + 120, 0x30000000, 8); /* it may migrate */
    intel_maker_make(maker);
    const struct bulla_verification verification = intel_maker_verification(maker);
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_OK);
    assert_int_equal(claims.measurement_count, 10);
    for (uint8_t i = 0; i < 9; i++)
        assert_filled(&claims, names[i], 2 + i, 48);
    assert_filled(&claims, "mrseam", 1, 48);
    assert_true(claims.migratable && !claims.debug);
    assert_int_equal(claims.valid_from, INTEL_MAKER_FROM);
    assert_int_equal(claims.valid_until, INTEL_MAKER_UNTIL);
    assert_int_equal(claims.tcb, BULLA_TCB_UNKNOWN); /* no collateral */
    intel_maker_free(maker);
    free(maker);
}

static void an_enclave_says_what_was_measured(void **state)
{
    (void)state;
    struct intel_maker *maker = malloc(sizeof *maker);
    struct bulla_claims claims;
    intel_maker_init(maker, INTEL_SGX_V3);
    memset(maker->body + 192, 3, 64); /* CONFIGID */
    intel_maker_make(maker);
    const struct bulla_verification verification = intel_maker_verification(maker);
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_OK);
    assert_int_equal(claims.measurement_count, 3);
    assert_filled(&claims, "mrenclave", 1, 32);
    assert_filled(&claims, "mrsigner", 2, 32);
    assert_filled(&claims, "config-id", 3, 64);
    assert_false(claims.migratable);
    intel_maker_free(maker);
    free(maker);
}

static void a_verifier_takes_its_own_kind_only(void **state)
{
    (void)state;
    struct bulla_claims claims;
    REAL_DOCUMENT struct bulla_bytes td = real_document(td_v5.quote);
    REAL_DOCUMENT struct bulla_bytes enclave = real_document(sgx_v3.quote);
    struct bulla_verification verification = {.document = td, .at = td_v5.at};
    assert_true(bulla_tdx_verifier.recognises(td) && !bulla_sgx_verifier.recognises(td));
    assert_true(bulla_sgx_verifier.recognises(enclave) && !bulla_tdx_verifier.recognises(enclave));
    assert_int_equal(bulla_tdx_verifier.verify(&verification, &claims), BULLA_OK);
    assert_int_equal(bulla_sgx_verifier.verify(&verification, &claims), BULLA_EVIDENCE_KIND);
    verification = (struct bulla_verification){.document = enclave, .at = sgx_v3.at};
    assert_int_equal(bulla_sgx_verifier.verify(&verification, &claims), BULLA_OK);
    assert_int_equal(bulla_tdx_verifier.verify(&verification, &claims), BULLA_EVIDENCE_KIND);
}

/* Without the table of kinds, which refuses debugging once more. */
static void a_verifier_refuses_debugging_by_itself(void **state)
{
    (void)state;
    struct bulla_claims claims;
    REAL_DOCUMENT struct bulla_bytes quote = real_document(td_debug.quote);
    const struct bulla_verification verification = {.document = quote, .at = td_debug.at};
    assert_int_equal(bulla_tdx_verifier.verify(&verification, &claims), BULLA_EVIDENCE_DEBUG);
    assert_int_equal(claims.kind, BULLA_EVIDENCE_NONE);
}

static void a_root_that_nobody_pinned_is_refused(void **state)
{
    (void)state;
    struct intel_maker *maker = malloc(sizeof *maker);
    struct bulla_claims claims;
    intel_maker_init(maker, INTEL_TD_V4);
    maker->no_terminator = true;
    intel_maker_make(maker);
    struct bulla_verification verification = intel_maker_verification(maker);
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_OK);
    verification.root_count = 0;
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_CERTIFICATE_UNTRUSTED);
    verification.root_count = BULLA_EXTRA_ROOTS + 1;
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_TOO_LARGE);
    intel_maker_free(maker);
    free(maker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_quotes_get_their_verdict),
        cmocka_unit_test(every_byte_of_a_real_quote_counts),
        cmocka_unit_test(a_quote_cut_off_anywhere_is_refused),
        cmocka_unit_test(zeros_behind_a_quote_are_cut_off_and_other_bytes_refused),
        cmocka_unit_test(real_quotes_are_judged_at_the_time_asked_for),
        cmocka_unit_test(signature_data_of_another_quote_is_refused),
        cmocka_unit_test(real_certificates_that_are_others_or_elsewhere_are_refused),
        cmocka_unit_test(what_is_not_as_specified_is_refused_although_it_is_signed),
        cmocka_unit_test(a_td_says_what_was_measured),
        cmocka_unit_test(an_enclave_says_what_was_measured),
        cmocka_unit_test(a_verifier_takes_its_own_kind_only),
        cmocka_unit_test(a_verifier_refuses_debugging_by_itself),
        cmocka_unit_test(a_root_that_nobody_pinned_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
