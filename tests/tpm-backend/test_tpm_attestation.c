#include "fixture.h"

/* The report's own form is evidence/'s concern: a quote signs the digest of whatever bytes it is given. */
static const uint8_t public_key[] = "the key that is vouched for";
static uint8_t report[BULLA_REPORT_LARGEST];
static size_t report_size;

static int begin(void **state)
{
    static const uint8_t nonce[16] = {7}, token[16] = {1};
    const struct bulla_report contents = {
        .purpose = BULLA_PURPOSE_ATTEST,
        .nonce = BULLA_BYTES(nonce),
        .public_key = BULLA_BYTES(public_key),
        .token = BULLA_BYTES(token),
        .policy_version = 1,
    };
    struct bulla_writer writer;
    bulla_writer_open(&writer, report, sizeof report);
    assert_int_equal(bulla_report_write(&contents, &writer), BULLA_OK);
    report_size = writer.size;
    return fixture_begin(state);
}

static void key_make(struct blob *key)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, key->data, sizeof key->data);
    assert_reason(bulla_tpm_attestation_key_create(tpm.tcti, &writer), BULLA_OK);
    assert_int_equal(bulla_writer_finish(&writer, "a key"), BULLA_OK);
    key->size = writer.size;
}

struct document {
    uint8_t data[BULLA_EVIDENCE_LARGEST];
    size_t size;
    struct bulla_tpm_evidence evidence;
};

static enum bulla_reason quote_bank(
    const struct blob *key, enum bulla_hash bank, uint32_t mask, struct document *document)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, document->data, sizeof document->data);
    enum bulla_reason reason = bulla_tpm_quote(tpm.tcti, (struct bulla_bytes){key->data, key->size},
        (struct bulla_tpm_selected){bank, mask}, (struct bulla_bytes){report, report_size}, &writer);
    document->size = writer.size;
    return reason == BULLA_OK ? bulla_writer_finish(&writer, "evidence") : reason;
}

static enum bulla_reason quote(const struct blob *key, uint32_t mask, struct document *document)
{
    return quote_bank(key, BULLA_SHA256, mask, document);
}

static void a_quote_verifies_and_names_its_key_and_its_pcrs(void **state)
{
    (void)state;
    const uint32_t mask = 1U << 0 | 1U << 7 | 1U << 16;
    struct blob key;
    struct document document;
    struct bulla_tpm_claims claims, again;
    uint8_t value[32];
    key_make(&key);
    test_swtpm_extend(&tpm, 16, 5);
    assert_reason(quote(&key, mask, &document), BULLA_OK);
    struct bulla_bytes bytes = {document.data, document.size};
    assert_int_equal(bulla_tpm_evidence_read(bytes, &document.evidence), BULLA_OK);
    assert_int_equal(bulla_tpm_evidence_verify(&document.evidence, BULLA_UNPINNED, &claims), BULLA_OK);
    assert_int_equal(claims.pcr_mask, mask);
    test_swtpm_pcr(&tpm, 16, value);
    assert_memory_equal(document.evidence.values[16], value, 32);
    assert_int_equal(document.evidence.report.size, report_size);
    assert_memory_equal(document.evidence.report.data, report, report_size);
    /* The same key is the same name; another key is another. */
    assert_reason(quote(&key, 1, &document), BULLA_OK);
    assert_int_equal(bulla_tpm_evidence_read(bytes, &document.evidence), BULLA_TRAILING);
    bytes.size = document.size;
    assert_int_equal(bulla_tpm_evidence_read(bytes, &document.evidence), BULLA_OK);
    assert_int_equal(
        bulla_tpm_evidence_verify(&document.evidence, bulla_tpm_name_bytes(&claims.key_name), &again), BULLA_OK);
    key_make(&key);
    assert_reason(quote(&key, 1, &document), BULLA_OK);
    assert_int_equal(bulla_tpm_evidence_read(bytes, &document.evidence), BULLA_OK);
    assert_int_equal(bulla_tpm_evidence_verify(&document.evidence, bulla_tpm_name_bytes(&claims.key_name), &again),
        BULLA_EVIDENCE_UNTRUSTED);
}

/* TPM2_PCR_Read of one PCR of the SHA-384 bank; the value ends the response. */
static void sha384_pcr(unsigned pcr, uint8_t value[static 48])
{
    uint8_t command[20] = {0x80, 0x01, 0, 0, 0, 20, 0, 0, 0x01, 0x7e, 0, 0, 0, 1, 0x00, 0x0c, 3}, response[4096];
    command[17 + pcr / 8] = (uint8_t)(1U << pcr % 8);
    size_t size = test_swtpm_command(&tpm, command, sizeof command, response, sizeof response);
    assert_true(size > 49 && response[size - 49] == 48);
    memcpy(value, response + size - 48, 48);
}

static void a_quote_may_be_of_another_bank(void **state)
{
    (void)state;
    struct blob key;
    struct document document;
    struct bulla_tpm_claims claims;
    uint8_t value[48];
    key_make(&key);
    assert_reason(quote_bank(&key, BULLA_SHA384, 0xffffff, &document), BULLA_OK);
    struct bulla_bytes bytes = {document.data, document.size};
    assert_int_equal(bulla_tpm_evidence_read(bytes, &document.evidence), BULLA_OK);
    assert_int_equal(bulla_tpm_evidence_verify(&document.evidence, BULLA_UNPINNED, &claims), BULLA_OK);
    assert_int_equal(claims.bank, BULLA_SHA384);
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++) {
        sha384_pcr(pcr, value);
        assert_memory_equal(document.evidence.values[pcr], value, 48);
    }
    document.evidence.values[0][47] ^= 1;
    assert_int_equal(bulla_tpm_evidence_verify(&document.evidence, BULLA_UNPINNED, &claims), BULLA_EVIDENCE_MISMATCH);
    document.evidence.values[0][47] ^= 1;
    document.evidence.bank = BULLA_SHA512;
    assert_int_equal(bulla_tpm_evidence_verify(&document.evidence, BULLA_UNPINNED, &claims), BULLA_EVIDENCE_MISMATCH);
    assert_reason(quote_bank(&key, BULLA_SHA1, 1, &document), BULLA_ARGUMENT);
}

/* Made with the banks of SHA-256 and SHA-384 alone. */
static void a_bank_that_the_tpm_lacks_is_refused(void **state)
{
    (void)state;
    struct test_swtpm first = tpm;
    struct blob key;
    struct document document;
    if (!test_swtpm_setup_available())
        skip();
    test_swtpm_start_endorsed(&tpm);
    key_make(&key);
    assert_reason(quote_bank(&key, BULLA_SHA384, 1, &document), BULLA_OK);
    assert_reason(quote_bank(&key, BULLA_SHA512, 1, &document), BULLA_TPM_FAILED);
    test_swtpm_finish(&tpm);
    tpm = first;
}

static void a_changed_report_or_pcr_no_longer_verifies(void **state)
{
    (void)state;
    struct blob key;
    struct document document;
    struct bulla_tpm_claims claims;
    key_make(&key);
    assert_reason(quote(&key, 1U << 16, &document), BULLA_OK);
    assert_int_equal(
        bulla_tpm_evidence_read((struct bulla_bytes){document.data, document.size}, &document.evidence), BULLA_OK);
    document.evidence.values[16][0] ^= 1;
    assert_int_not_equal(bulla_tpm_evidence_verify(&document.evidence, BULLA_UNPINNED, &claims), BULLA_OK);
    document.evidence.values[16][0] ^= 1;
    report[report_size - 1] ^= 1;
    document.evidence.report = (struct bulla_bytes){report, report_size};
    assert_int_not_equal(bulla_tpm_evidence_verify(&document.evidence, BULLA_UNPINNED, &claims), BULLA_OK);
    report[report_size - 1] ^= 1;
    assert_int_equal(bulla_tpm_evidence_verify(&document.evidence, BULLA_UNPINNED, &claims), BULLA_OK);
}

static void a_key_outlives_a_restart_and_the_quote_counts_it(void **state)
{
    (void)state;
    struct blob key;
    struct document document;
    struct bulla_tpm_claims before, after;
    key_make(&key);
    assert_reason(quote(&key, 1, &document), BULLA_OK);
    assert_int_equal(
        bulla_tpm_evidence_read((struct bulla_bytes){document.data, document.size}, &document.evidence), BULLA_OK);
    assert_int_equal(bulla_tpm_evidence_verify(&document.evidence, BULLA_UNPINNED, &before), BULLA_OK);
    test_swtpm_stop(&tpm);
    test_swtpm_restart(&tpm);
    assert_reason(quote(&key, 1, &document), BULLA_OK);
    assert_int_equal(
        bulla_tpm_evidence_read((struct bulla_bytes){document.data, document.size}, &document.evidence), BULLA_OK);
    assert_int_equal(
        bulla_tpm_evidence_verify(&document.evidence, bulla_tpm_name_bytes(&before.key_name), &after), BULLA_OK);
    assert_true(after.reset_count - before.reset_count == 1); /* modulo 2^32 */
    assert_int_equal(bulla_tpm_claims_follow(&before, &after), BULLA_OK);
    assert_int_equal(bulla_tpm_claims_follow(&after, &before), BULLA_EVIDENCE_STALE);
}

static void no_pcrs_or_unknown_ones_are_refused(void **state)
{
    (void)state;
    struct blob key;
    struct document document;
    uint8_t values[BULLA_PCR_COUNT][32];
    key_make(&key);
    assert_reason(quote(&key, 0, &document), BULLA_ARGUMENT);
    assert_reason(quote(&key, 1U << 24, &document), BULLA_ARGUMENT);
    assert_reason(bulla_tpm_pcr_read(tpm.tcti, 0, values), BULLA_ARGUMENT);
    assert_reason(bulla_tpm_pcr_read(tpm.tcti, 1U << 31, values), BULLA_ARGUMENT);
}

static void pcrs_read_as_the_tpm_has_them(void **state)
{
    (void)state;
    uint8_t values[BULLA_PCR_COUNT][32], value[32];
    test_swtpm_extend(&tpm, 23, 3);
    test_swtpm_extend(&tpm, 9, 4);
    assert_reason(bulla_tpm_pcr_read(tpm.tcti, 0xffffff, values), BULLA_OK);
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++) {
        test_swtpm_pcr(&tpm, pcr, value);
        assert_memory_equal(values[pcr], value, 32);
    }
}

static void a_broken_key_blob_is_refused(void **state)
{
    (void)state;
    struct blob key;
    struct document document;
    key_make(&key);
    for (size_t i = 0; i < key.size; i++) {
        key.data[i] ^= 0x20;
        assert_int_not_equal(quote(&key, 1, &document), BULLA_OK);
        key.data[i] ^= 0x20;
    }
    while (key.size-- > 0)
        assert_int_not_equal(quote(&key, 1, &document), BULLA_OK);
    assert_nothing_loaded();
}

static void status_tells_what_the_tpm_is(void **state)
{
    (void)state;
    struct bulla_tpm_status status;
    assert_int_equal(bulla_tpm_status_read(tpm.tcti, &status), BULLA_OK);
    assert_string_equal(status.manufacturer, "IBM"); /* libtpms's; the fourth letter is a zero */
    assert_int_not_equal(status.firmware, 0);
    assert_int_equal(status.max_tries, 3);
    assert_int_equal(status.recovery_seconds, 1000);
    assert_false(status.in_lockout);
    assert_false(status.owner_auth_set);
    assert_false(status.lockout_auth_set);
}

/* TPM2_HierarchyChangeAuth of the owner to "x": what then needs the owner is refused, and status says why. */
static void an_owner_auth_is_shown_and_stands_in_the_way(void **state)
{
    (void)state;
    static const uint8_t change[] = {0x80, 0x02, 0, 0, 0, 30, 0, 0, 0x01, 0x29, 0x40, 0, 0, 0x01, 0, 0, 0, 9, 0x40, 0,
        0, 9, 0, 0, 0, 0, 0, 0, 1, 'x'};
    uint8_t response[4096];
    struct bulla_tpm_status status;
    struct blob key;
    struct bulla_writer writer;
    assert_int_equal(sizeof change, 30);
    (void)test_swtpm_command(&tpm, change, sizeof change, response, sizeof response);
    assert_memory_equal(response + 6, "\0\0\0\0", 4);
    assert_int_equal(bulla_tpm_status_read(tpm.tcti, &status), BULLA_OK);
    assert_true(status.owner_auth_set);
    bulla_writer_open(&writer, key.data, sizeof key.data);
    assert_reason(bulla_tpm_attestation_key_create(tpm.tcti, &writer), BULLA_TPM_AUTHORIZATION);
}

static void times(void **state)
{
    (void)state;
    enum { ROUNDS = 25 };
    double quotes[ROUNDS];
    struct blob key;
    struct document document;
    key_make(&key);
    for (int i = 0; i < ROUNDS; i++) {
        double start = now_ms();
        assert_int_equal(quote(&key, 0xff, &document), BULLA_OK);
        quotes[i] = now_ms() - start;
    }
    median_print("quote of PCRs 0 to 7", quotes, ROUNDS);
    print_message("document: %zu bytes\n", document.size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_tells_what_the_tpm_is),
        cmocka_unit_test(a_quote_verifies_and_names_its_key_and_its_pcrs),
        cmocka_unit_test(a_quote_may_be_of_another_bank),
        cmocka_unit_test(a_bank_that_the_tpm_lacks_is_refused),
        cmocka_unit_test(a_changed_report_or_pcr_no_longer_verifies),
        cmocka_unit_test(a_key_outlives_a_restart_and_the_quote_counts_it),
        cmocka_unit_test(no_pcrs_or_unknown_ones_are_refused),
        cmocka_unit_test(pcrs_read_as_the_tpm_has_them),
        cmocka_unit_test(a_broken_key_blob_is_refused),
        cmocka_unit_test(times),
        cmocka_unit_test(an_owner_auth_is_shown_and_stands_in_the_way),
    };
    if (!test_swtpm_available())
        return test_skip("swtpm");
    return cmocka_run_group_tests(tests, begin, fixture_end);
}
