/* Intel's collateral: real (tests/vectors, in force from 2025-06-19 to 2025-07-19), and that of a quoting enclave of
 * paper. What the real platforms' levels are was found by another program from the same files. */
#include "support/test.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/intel_collateral.h"
#include "intel_maker.h"
#include "real_documents.h"
#include "support/vectors.h"

enum { REAL_AT = 1750377600 }; /* 2025-06-20 */

static enum bulla_reason verify(
    struct bulla_bytes quote, struct bulla_bytes collateral, uint64_t at, struct bulla_claims *claims)
{
    const struct bulla_verification verification = {
        .document = quote, .at = at, .endorsements = {.collateral = collateral}};
    return bulla_evidence_verify(&verification, claims);
}

static const char *fact(const struct bulla_claims *claims, const char *name)
{
    for (size_t i = 0; i < claims->fact_count; i++)
        if (strcmp(claims->facts[i].name, name) == 0)
            return claims->facts[i].text;
    return "";
}

static void real_platforms_are_of_their_levels(void **state)
{
    (void)state;
    struct bulla_claims claims;
    REAL_DOCUMENT struct bulla_bytes td = real_document("tdx/phala-v4.bin");
    REAL_DOCUMENT struct bulla_bytes td_collateral = real_document("tdx/phala-collateral.json");
    REAL_DOCUMENT struct bulla_bytes enclave = real_document("sgx/phala-v3.bin");
    REAL_DOCUMENT struct bulla_bytes enclave_collateral = real_document("sgx/phala-collateral.json");
    assert_int_equal(verify(td, td_collateral, REAL_AT, &claims), BULLA_OK);
    assert_int_equal(claims.tcb, BULLA_TCB_UP_TO_DATE);
    assert_string_equal(fact(&claims, "platform-tcb"), "UpToDate (2024-03-13T00:00:00Z)");
    assert_int_equal(verify(enclave, enclave_collateral, REAL_AT, &claims), BULLA_OK);
    assert_int_equal(claims.tcb, BULLA_TCB_CONFIGURATION_NEEDED);
    assert_string_equal(fact(&claims, "platform-tcb"), "ConfigurationAndSWHardeningNeeded (2024-03-13T00:00:00Z)");
    assert_string_equal(fact(&claims, "advisories"), "INTEL-SA-00289 INTEL-SA-00615");
    /* each other's is for another kind and platform */
    assert_int_not_equal(verify(td, enclave_collateral, REAL_AT, &claims), BULLA_OK);
    assert_int_not_equal(verify(enclave, td_collateral, REAL_AT, &claims), BULLA_OK);
}

/* The last thing issued is TCB info (10:56:11, SGX), the first to end the QE identity (10:01:18 a month later). */
static void real_collateral_is_in_force_for_a_month(void **state)
{
    (void)state;
    struct bulla_claims claims;
    REAL_DOCUMENT struct bulla_bytes quote = real_document("sgx/phala-v3.bin");
    REAL_DOCUMENT struct bulla_bytes collateral = real_document("sgx/phala-collateral.json");
    assert_int_equal(verify(quote, collateral, 1750330571, &claims), BULLA_OK);
    assert_int_equal(verify(quote, collateral, 1750330570, &claims), BULLA_CERTIFICATE_NOT_YET);
    assert_int_equal(verify(quote, collateral, 1752919278, &claims), BULLA_OK);
    assert_int_equal(verify(quote, collateral, 1752919279, &claims), BULLA_CERTIFICATE_EXPIRED);
}

static void assert_each_character_is_signed(struct bulla_statement statement, const struct bulla_pins *pins)
{
    uint8_t *text = real_document_copy(statement.text);
    assert_int_equal(bulla_statement_verify(&statement, pins, REAL_AT, "it"), BULLA_OK);
    statement.text.data = text;
    for (size_t i = 0; i < statement.text.size; i++) {
        text[i] ^= 1 << i % 8;
        assert_int_equal(bulla_statement_verify(&statement, pins, REAL_AT, "it"), BULLA_SIGNATURE);
        text[i] ^= 1 << i % 8;
    }
    statement.text.size--;
    assert_int_equal(bulla_statement_verify(&statement, pins, REAL_AT, "it"), BULLA_SIGNATURE);
    free(text);
}

static void every_character_of_intels_statements_is_signed(void **state)
{
    (void)state;
    BULLA_ENDORSED struct bulla_endorsed pck_chain = {.certificate_count = 0};
    BULLA_COLLATERAL struct bulla_collateral read = {.json = NULL};
    struct bulla_pins pins = {.count = 1};
    REAL_DOCUMENT struct bulla_bytes collateral = real_document("tdx/phala-collateral.json");
    (void)test_hex("44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3", pins.sha256[0], 32);
    assert_int_equal(bulla_collateral_read(collateral, &read, &pck_chain), BULLA_OK);
    assert_each_character_is_signed(read.tcb_info, &pins);
    assert_each_character_is_signed(read.qe_identity, &pins);
}

/* Its members one by one: away, empty, of another type, cut off, that of the other platform; and one that is unknown.
 */
static void every_member_is_needed_and_no_other_is_taken(void **state)
{
    (void)state;
    struct bulla_claims claims;
    const char *name;
    json_t *value;
    void *next;
    REAL_DOCUMENT struct bulla_bytes quote = real_document("tdx/phala-v4.bin");
    REAL_DOCUMENT struct bulla_bytes collateral = real_document("tdx/phala-collateral.json");
    json_t *object = json_loadb((const char *)collateral.data, collateral.size, 0, NULL);
    json_object_foreach_safe(object, next, name, value)
    {
        char *kept = strdup(json_string_value(value));
        json_t *const changed[] = {NULL, json_string(""), json_integer(1), json_string("-----BEGIN"),
            json_stringn(kept, strlen(kept) / 2), json_null()};
        for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
            json_t *copy = json_deep_copy(object);
            if (changed[i])
                assert_int_equal(json_object_set_new(copy, name, changed[i]), 0);
            else
                assert_int_equal(json_object_del(copy, name), 0);
            char *text = json_dumps(copy, 0);
            enum bulla_reason reason = verify(quote, BULLA_TEXT(text), REAL_AT, &claims);
            /* the PCK's issuer is in the quote: the copy of its chain may be anything that is certificates */
            if (strcmp(name, "pck_crl_issuer_chain") != 0 || i != 1)
                assert_int_not_equal(reason, BULLA_OK);
            if (strstr(name, "_signature") || strstr(name, "_crl") == name + strlen(name) - 4)
                assert_int_equal(reason, BULLA_MALFORMED);
            free(text);
            json_decref(copy);
        }
        free(kept);
    }
    assert_int_equal(json_object_set_new(object, "more", json_string("")), 0);
    char *text = json_dumps(object, 0);
    assert_int_equal(verify(quote, BULLA_TEXT(text), REAL_AT, &claims), BULLA_MALFORMED);
    free(text);
    json_decref(object);
}

static void collateral_cut_off_anywhere_is_refused(void **state)
{
    (void)state;
    struct bulla_claims claims;
    REAL_DOCUMENT struct bulla_bytes quote = real_document("sgx/phala-v3.bin");
    REAL_DOCUMENT struct bulla_bytes collateral = real_document("sgx/phala-collateral.json");
    size_t end = collateral.size;
    while (collateral.data[end - 1] != '}')
        end--;
    for (size_t size = 1; size < end; size += 17) {
        uint8_t *exact = real_document_copy((struct bulla_bytes){collateral.data, size});
        assert_int_equal(verify(quote, (struct bulla_bytes){exact, size}, REAL_AT, &claims), BULLA_MALFORMED);
        free(exact);
    }
}

/* Whatever is changed in the file: never a crash, and never a better verdict than the right one. */
static void no_changed_byte_makes_a_platform_better(void **state)
{
    (void)state;
    struct bulla_claims claims;
    REAL_DOCUMENT struct bulla_bytes quote = real_document("sgx/phala-v3.bin");
    REAL_DOCUMENT struct bulla_bytes collateral = real_document("sgx/phala-collateral.json");
    uint8_t *copy = real_document_copy(collateral);
    for (size_t i = 0; i < collateral.size; i += 11) {
        copy[i] ^= 1 << i % 8;
        if (verify(quote, (struct bulla_bytes){copy, collateral.size}, REAL_AT, &claims) == BULLA_OK)
            assert_int_equal(claims.tcb, BULLA_TCB_CONFIGURATION_NEEDED);
        copy[i] = collateral.data[i];
    }
    free(copy);
}

/* --- collateral of paper: every statement is signed, and one thing is not as it should be --- */

struct lie {
    const char *name;
    enum intel_shape shape;
    const char *from, *to; /* in TCB info, or where `in_qe` in the QE identity; NULL: nothing */
    void (*tell)(struct intel_maker *maker);
    enum bulla_reason reason;
    enum bulla_tcb_status tcb;
    bool in_qe;
};

#define TELL(name, statement)                                                                                          \
    static void name(struct intel_maker *maker)                                                                        \
    {                                                                                                                  \
        statement;                                                                                                     \
    }
TELL(component_2, maker->components[5] = 2)
TELL(component_1, maker->components[15] = 1)
TELL(component_0, maker->components[0] = 0)
TELL(component_255, memset(maker->components, 255, 16))
TELL(pce_svn_10, maker->pce_svn = 10)
TELL(td_component_2, maker->body[2] = 2)
TELL(module_svn_4, maker->body[0] = 4)
TELL(module_svn_3, maker->body[0] = 3)
TELL(module_2, maker->body[1] = 2)
TELL(module_3, maker->body[1] = 3)
TELL(module_0, maker->body[1] = 0)
TELL(qe_svn_5, maker->qe[258] = 5)
TELL(qe_svn_3, maker->qe[258] = 3)
TELL(qe_misc, maker->qe[16] = 1)
TELL(qe_other_attributes, maker->qe[48] = 0x35)
TELL(qe_mode_differs, maker->qe[48] = 0x11)
TELL(other_fmspc, maker->fmspc[5] = 0)
TELL(other_pce, maker->pce_id[1] = 0)
TELL(pck_revoked, maker->pck_revoked = maker->pck_serial)
TELL(ca_revoked, maker->root_revoked = 2)
TELL(signer_revoked, maker->root_revoked = maker->signer_serial)
TELL(lists_expired, maker->crl_until = INTEL_MAKER_AT - 1)
TELL(signer_ca, maker->signer_is_ca = true)
TELL(signer_p384, maker->signer_p384 = true)

#define UP BULLA_TCB_UP_TO_DATE
#define CONFIGURE BULLA_TCB_CONFIGURATION_NEEDED
#define OLD BULLA_TCB_OUT_OF_DATE
#define NONE BULLA_TCB_UNKNOWN
static const struct lie lies[] = {
    {"right", INTEL_TD_V4, NULL, NULL, NULL, BULLA_OK, UP, false},
    {"right", INTEL_TD_V5_SERVICE, NULL, NULL, NULL, BULLA_OK, UP, false},
    {"right", INTEL_SGX_V3, NULL, NULL, NULL, BULLA_OK, UP, false},
    /* levels */
    {"SGX component", INTEL_SGX_V3, NULL, NULL, component_2, BULLA_OK, CONFIGURE, false},
    {"SGX component of a TD", INTEL_TD_V4, NULL, NULL, component_2, BULLA_OK, CONFIGURE, false},
    {"SGX component revoked", INTEL_SGX_V3, NULL, NULL, component_1, BULLA_EVIDENCE_TCB, NONE, false},
    {"SGX component of no level", INTEL_SGX_V3, NULL, NULL, component_0, BULLA_EVIDENCE_TCB, NONE, false},
    {"newer than all levels", INTEL_SGX_V3, NULL, NULL, component_255, BULLA_OK, UP, false},
    {"PCE SVN", INTEL_SGX_V3, NULL, NULL, pce_svn_10, BULLA_OK, CONFIGURE, false},
    {"TDX component", INTEL_TD_V4, NULL, NULL, td_component_2, BULLA_OK, CONFIGURE, false},
    {"module out of date", INTEL_TD_V4, NULL, NULL, module_svn_4, BULLA_OK, OLD, false},
    {"module of no level", INTEL_TD_V4, NULL, NULL, module_svn_3, BULLA_EVIDENCE_TCB, NONE, false},
    {"module that is not named", INTEL_TD_V4, NULL, NULL, module_2, BULLA_EVIDENCE_TCB, NONE, false},
    {"module without levels", INTEL_TD_V4, NULL, NULL, module_3, BULLA_EVIDENCE_TCB, NONE, false},
    {"module 1.0", INTEL_TD_V4, NULL, NULL, module_0, BULLA_OK, UP, false},
    {"QE out of date", INTEL_TD_V4, NULL, NULL, qe_svn_5, BULLA_OK, OLD, false},
    {"QE of no level", INTEL_SGX_V3, NULL, NULL, qe_svn_3, BULLA_EVIDENCE_TCB, NONE, false},
    {"level out of date", INTEL_SGX_V3, "\"UpToDate\"", "\"OutOfDate\"", NULL, BULLA_OK, OLD, false},
    {"level out of date, weakly configured", INTEL_SGX_V3, "\"UpToDate\"", "\"OutOfDateConfigurationNeeded\"", NULL,
        BULLA_OK, OLD, false},
    {"level to be configured", INTEL_SGX_V3, "\"UpToDate\"", "\"ConfigurationNeeded\"", NULL, BULLA_OK, CONFIGURE,
        false},
    {"both to be done", INTEL_SGX_V3, "\"UpToDate\"", "\"ConfigurationAndSWHardeningNeeded\"", NULL, BULLA_OK,
        CONFIGURE, false},
    {"level revoked", INTEL_SGX_V3, "\"UpToDate\"", "\"Revoked\"", NULL, BULLA_EVIDENCE_TCB, NONE, false},
    {"QE revoked", INTEL_SGX_V3, "\"UpToDate\"", "\"Revoked\"", NULL, BULLA_EVIDENCE_TCB, NONE, true},
    {"unknown status", INTEL_SGX_V3, "\"UpToDate\"", "\"Fine\"", NULL, BULLA_MALFORMED, NONE, false},
    {"a member more", INTEL_SGX_V3, "\"version\"", "\"new\":1,\"version\"", NULL, BULLA_OK, UP, false},
    /* whose statement it is */
    {"FMSPC", INTEL_TD_V4, NULL, NULL, other_fmspc, BULLA_EVIDENCE_MISMATCH, NONE, false},
    {"PCE ID", INTEL_SGX_V3, NULL, NULL, other_pce, BULLA_EVIDENCE_MISMATCH, NONE, false},
    {"id", INTEL_SGX_V3, "\"SGX\"", "\"TDX\"", NULL, BULLA_EVIDENCE_MISMATCH, NONE, false},
    {"QE id", INTEL_TD_V4, "\"TD_QE\"", "\"QE\"", NULL, BULLA_EVIDENCE_MISMATCH, NONE, true},
    {"version", INTEL_SGX_V3, "\"version\":3", "\"version\":2", NULL, BULLA_UNSUPPORTED, NONE, false},
    {"QE version", INTEL_SGX_V3, "\"version\":2", "\"version\":1", NULL, BULLA_UNSUPPORTED, NONE, true},
    {"QE signer", INTEL_SGX_V3, "8c4f", "8c4e", NULL, BULLA_EVIDENCE_MISMATCH, NONE, true},
    {"QE product", INTEL_SGX_V3, "\"isvprodid\":1", "\"isvprodid\":2", NULL, BULLA_EVIDENCE_MISMATCH, NONE, true},
    {"QE misc", INTEL_SGX_V3, NULL, NULL, qe_misc, BULLA_EVIDENCE_MISMATCH, NONE, false},
    {"QE attributes", INTEL_SGX_V3, NULL, NULL, qe_other_attributes, BULLA_EVIDENCE_MISMATCH, NONE, false},
    {"QE attribute that is masked", INTEL_SGX_V3, NULL, NULL, qe_mode_differs, BULLA_OK, UP, false},
    {"module's signer", INTEL_TD_V4, "\"TDX_01\",\"mrsigner\":\"00", "\"TDX_01\",\"mrsigner\":\"01", NULL,
        BULLA_EVIDENCE_MISMATCH, NONE, false},
    /* dates */
    {"issued later", INTEL_SGX_V3, "2025-06-01T", "2025-06-16T", NULL, BULLA_CERTIFICATE_NOT_YET, NONE, false},
    {"ended before", INTEL_SGX_V3, "2025-07-01T", "2025-06-15T", NULL, BULLA_CERTIFICATE_EXPIRED, NONE, false},
    {"QE issued later", INTEL_SGX_V3, "2025-06-01T", "2025-06-16T", NULL, BULLA_CERTIFICATE_NOT_YET, NONE, true},
    {"QE ended before", INTEL_SGX_V3, "2025-07-01T", "2025-06-15T", NULL, BULLA_CERTIFICATE_EXPIRED, NONE, true},
    {"no date", INTEL_SGX_V3, "2025-07-01T", "2025-07-01 ", NULL, BULLA_MALFORMED, NONE, false},
    {"no day", INTEL_SGX_V3, "2025-07-01T", "2025-06-31T", NULL, BULLA_MALFORMED, NONE, false},
    {"no month", INTEL_SGX_V3, "2025-07-01T", "2025-13-01T", NULL, BULLA_MALFORMED, NONE, false},
    /* form */
    {"no levels", INTEL_SGX_V3, "\"tcbLevels\"", "\"levels\"", NULL, BULLA_MALFORMED, NONE, false},
    {"QE without levels", INTEL_SGX_V3, "\"tcbLevels\"", "\"levels\"", NULL, BULLA_MALFORMED, NONE, true},
    {"no modules", INTEL_TD_V4, "\"tdxModuleIdentities\"", "\"modules\"", NULL, BULLA_MALFORMED, NONE, false},
    {"no first module", INTEL_TD_V4, "\"tdxModule\"", "\"module\"", module_0, BULLA_MALFORMED, NONE, false},
    {"fifteen components", INTEL_SGX_V3, "{\"svn\":3},", "", NULL, BULLA_MALFORMED, NONE, false},
    {"negative", INTEL_SGX_V3, "\"svn\":3", "\"svn\":-1", NULL, BULLA_MALFORMED, NONE, false},
    {"above a byte", INTEL_SGX_V3, "\"svn\":3", "\"svn\":256", NULL, BULLA_MALFORMED, NONE, false},
    {"a fraction", INTEL_SGX_V3, "\"svn\":3", "\"svn\":3.0", NULL, BULLA_MALFORMED, NONE, false},
    {"no PCE SVN", INTEL_SGX_V3, "\"pcesvn\":11,", "", NULL, BULLA_MALFORMED, NONE, false},
    {"no TDX components", INTEL_TD_V4, "\"tdxtcbcomponents\"", "\"others\"", NULL, BULLA_MALFORMED, NONE, false},
    {"another type of TCB", INTEL_SGX_V3, "\"tcbType\":0", "\"tcbType\":1", NULL, BULLA_MALFORMED, NONE, false},
    {"FMSPC of five bytes", INTEL_SGX_V3, "010203040506", "0102030405", NULL, BULLA_MALFORMED, NONE, false},
    {"twice", INTEL_SGX_V3, "\"version\":3", "\"version\":3,\"version\":3", NULL, BULLA_MALFORMED, NONE, false},
    {"trailing", INTEL_SGX_V3, "]}]}", "]}]}]", NULL, BULLA_MALFORMED, NONE, false},
    {"short mask", INTEL_SGX_V3, "FFFFFFFF", "FFFFFF", NULL, BULLA_MALFORMED, NONE, true},
    {"QE level without SVN", INTEL_SGX_V3, "\"isvsvn\":6", "\"svn\":6", NULL, BULLA_MALFORMED, NONE, true},
    /* who is trusted */
    {"PCK revoked", INTEL_TD_V4, NULL, NULL, pck_revoked, BULLA_CERTIFICATE_REVOKED, NONE, false},
    {"PCK CA revoked", INTEL_TD_V4, NULL, NULL, ca_revoked, BULLA_CERTIFICATE_REVOKED, NONE, false},
    {"signer revoked", INTEL_TD_V4, NULL, NULL, signer_revoked, BULLA_CERTIFICATE_REVOKED, NONE, false},
    {"lists ended", INTEL_SGX_V3, NULL, NULL, lists_expired, BULLA_CERTIFICATE_EXPIRED, NONE, false},
    {"signer of another curve", INTEL_SGX_V3, NULL, NULL, signer_p384, BULLA_KEY_INVALID, NONE, false},
    {"signer a CA", INTEL_SGX_V3, NULL, NULL, signer_ca, BULLA_CERTIFICATE_INVALID, NONE, false},
};

static void apply(const struct lie *lie, struct intel_maker *maker)
{
    if (lie->from && lie->in_qe)
        intel_maker_replace(maker->qe_identity, sizeof maker->qe_identity, lie->from, lie->to);
    else if (lie->from)
        intel_maker_replace(maker->tcb_info, sizeof maker->tcb_info, lie->from, lie->to);
    if (lie->tell)
        lie->tell(maker);
}

static void a_platform_is_what_intel_says_of_it(void **state)
{
    (void)state;
    struct intel_maker *maker = malloc(sizeof *maker);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct bulla_claims claims;
        intel_maker_init(maker, lies[i].shape);
        apply(&lies[i], maker);
        intel_maker_make(maker);
        intel_maker_collateral(maker);
        const struct bulla_verification verification = intel_maker_verification(maker);
        enum bulla_reason reason = bulla_evidence_verify(&verification, &claims);
        if (reason != lies[i].reason || claims.tcb != lies[i].tcb)
            print_error("%s: %s (%s), %s\n", lies[i].name, bulla_reason_code(reason), bulla_detail(),
                bulla_tcb_status_name(claims.tcb));
        assert_int_equal(reason, lies[i].reason);
        assert_int_equal(claims.tcb, lies[i].tcb);
        intel_maker_free(maker);
    }
    free(maker);
}

/* Right in all but whose it is: both statements by somebody whose root is not the quote's. */
static void statements_of_another_root_are_refused(void **state)
{
    (void)state;
    struct bulla_claims claims;
    struct intel_maker *maker = malloc(sizeof *maker), *other = malloc(sizeof *other);
    intel_maker_init(maker, INTEL_TD_V4);
    intel_maker_init(other, INTEL_TD_V4);
    intel_maker_make(maker);
    intel_maker_collateral(maker);
    intel_maker_collateral(other);
    struct bulla_verification verification = intel_maker_verification(maker);
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_OK);
    verification.endorsements.collateral = BULLA_TEXT(other->collateral);
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_CERTIFICATE_INVALID);
    json_t *mixed = json_loads(maker->collateral, 0, NULL), *others = json_loads(other->collateral, 0, NULL);
    const char *const names[] = {"tcb_info", "tcb_info_signature", "tcb_info_issuer_chain"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(json_object_set(mixed, names[i], json_object_get(others, names[i])), 0);
    char *text = json_dumps(mixed, 0);
    verification.endorsements.collateral = BULLA_TEXT(text);
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_CERTIFICATE_UNTRUSTED);
    free(text);
    json_decref(mixed);
    json_decref(others);
    intel_maker_free(maker);
    intel_maker_free(other);
    free(maker);
    free(other);
}

/* The root's list in the place of that by the PCK's issuer is signed and in force, and says nothing of PCKs. */
static void a_list_by_each_issuer_is_needed(void **state)
{
    (void)state;
    struct bulla_claims claims;
    struct intel_maker *maker = malloc(sizeof *maker);
    intel_maker_init(maker, INTEL_TD_V4);
    maker->pck_revoked = maker->pck_serial;
    intel_maker_make(maker);
    intel_maker_collateral(maker);
    struct bulla_verification verification = intel_maker_verification(maker);
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_CERTIFICATE_REVOKED);
    json_t *object = json_loads(maker->collateral, 0, NULL);
    assert_int_equal(json_object_set(object, "pck_crl", json_object_get(object, "root_ca_crl")), 0);
    char *text = json_dumps(object, 0);
    verification.endorsements.collateral = BULLA_TEXT(text);
    assert_int_equal(bulla_evidence_verify(&verification, &claims), BULLA_CERTIFICATE_INVALID);
    assert_non_null(strstr(bulla_detail(), "there is no revocation list of it"));
    free(text);
    json_decref(object);
    intel_maker_free(maker);
    free(maker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_platforms_are_of_their_levels),
        cmocka_unit_test(real_collateral_is_in_force_for_a_month),
        cmocka_unit_test(every_character_of_intels_statements_is_signed),
        cmocka_unit_test(every_member_is_needed_and_no_other_is_taken),
        cmocka_unit_test(collateral_cut_off_anywhere_is_refused),
        cmocka_unit_test(no_changed_byte_makes_a_platform_better),
        cmocka_unit_test(a_platform_is_what_intel_says_of_it),
        cmocka_unit_test(statements_of_another_root_are_refused),
        cmocka_unit_test(a_list_by_each_issuer_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
