/* Real quotes (tests/vectors/tdx, sgx). Those without collateral are judged the day after their PCK certificate was
 * made; the two with collateral on 2025-06-20, within the collateral's own month. Expected values were cut out of the
 * files at the specifications' offsets by another program. */
#include "support/test.h"

#include <stdlib.h>

#include "evidence/intel_quote.h"
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
    for (size_t i = 0; i < claims.fact_count; i++)
        print_message("%s: %s\n", claims.facts[i].name, claims.facts[i].text);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_quotes_get_their_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
