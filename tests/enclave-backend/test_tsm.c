/* configfs-tsm, against a folder in which this test plays the kernel: mkdir fills a report's folder, opening "outblob"
 * makes the report from what was written to "inblob", and rmdir takes the files with it. What only a real kernel and
 * real firmware can show, that their reports are over these 64 bytes, is not shown here. */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "enclave-backend/backend.h"
#include "enclave-backend/tsm.h"
#include "evidence/real_documents.h"
#include "evidence/verifier.h"
#include "support/folder.h"

static struct kernel {
    char folder[64], report[256]; /* `report` "": there is none */
    const char *provider, *generation;
    const uint8_t *added;
    size_t added_size, made_size;
    bool has_added;
    const uint8_t *shape; /* of the report: what is given goes to `place` of it; NULL: first, and filler behind */
    size_t place;
    unsigned writes; /* that the generation counts: ours, and more where another meddles */
    int error;       /* of opening outblob */
    unsigned made, removed;
} kernel;

int __real_mkdir(const char *path, mode_t mode);
int __real_open(const char *path, int flags, ...);
int __real_rmdir(const char *path);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_open(const char *path, int flags, ...);
int __wrap_rmdir(const char *path);

static const char *const files[] = {"inblob", "outblob", "auxblob", "provider", "generation"};
enum { FILES = sizeof files / sizeof files[0] };

static void put(const char *name, const void *data, size_t size)
{
    char path[320];
    (void)snprintf(path, sizeof path, "%s/%s", kernel.report, name);
    int file = __real_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, data, size), (ssize_t)size);
    (void)close(file);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    int result = __real_mkdir(path, mode);
    if (result != 0 || !*kernel.folder || strncmp(path, kernel.folder, strlen(kernel.folder)) != 0)
        return result;
    kernel.made++;
    (void)snprintf(kernel.report, sizeof kernel.report, "%s", path);
    put("inblob", "", 0);
    put("outblob", "", 0);
    put("provider", kernel.provider, strlen(kernel.provider));
    put("generation", kernel.generation ? kernel.generation : "7\n", kernel.generation ? strlen(kernel.generation) : 2);
    if (kernel.has_added)
        put("auxblob", kernel.added, kernel.added_size);
    return 0;
}

static void make_report(void)
{
    static uint8_t report[BULLA_TSM_REPORT_LARGEST + 1];
    char path[320], generation[16];
    (void)snprintf(path, sizeof path, "%s/inblob", kernel.report);
    int file = __real_open(path, O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(read(file, report, sizeof report), BULLA_TSM_DATA);
    (void)close(file);
    memset(report + BULLA_TSM_DATA, 0xee, sizeof report - BULLA_TSM_DATA);
    if (kernel.shape) {
        memmove(report + kernel.place, report, BULLA_TSM_DATA);
        memcpy(report, kernel.shape, kernel.place);
        memcpy(report + kernel.place + BULLA_TSM_DATA, kernel.shape + kernel.place + BULLA_TSM_DATA,
            kernel.made_size - kernel.place - BULLA_TSM_DATA);
    }
    put("outblob", report, kernel.made_size);
    (void)snprintf(generation, sizeof generation, "%u\n", 7 + kernel.writes);
    if (!kernel.generation)
        put("generation", generation, strlen(generation));
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    const char *name = strrchr(path, '/');
    if (*kernel.report && name && strcmp(name, "/outblob") == 0) {
        if (kernel.error) {
            errno = kernel.error;
            return -1;
        }
        make_report();
    }
    return __real_open(path, flags, mode);
}

int __wrap_rmdir(const char *path)
{
    if (*kernel.report && strcmp(path, kernel.report) == 0) {
        kernel.removed++;
        for (size_t i = 0; i < FILES; i++) {
            char name[320];
            (void)snprintf(name, sizeof name, "%s/%s", path, files[i]);
            (void)unlink(name);
        }
        kernel.report[0] = '\0';
    }
    return __real_rmdir(path);
}

static int set_up(void **state)
{
    (void)state;
    kernel = (struct kernel){.provider = "sev_guest\n", .made_size = 1184, .writes = 1};
    test_folder_make(kernel.folder, sizeof kernel.folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unsigned made = kernel.made, removed = kernel.removed;
    (void)unsetenv("BULLA_TEST_TSM");
    test_folder_remove(kernel.folder);
    return made == removed ? 0 : -1; /* on every path */
}

static uint8_t data[BULLA_TSM_DATA], report_bytes[BULLA_TSM_REPORT_LARGEST], added_bytes[BULLA_TSM_AUXILIARY_LARGEST];
static struct bulla_writer report, added;

static enum bulla_reason get_report(const char *provider)
{
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i + 1);
    bulla_writer_open(&report, report_bytes, sizeof report_bytes);
    bulla_writer_open(&added, added_bytes, sizeof added_bytes);
    return bulla_tsm_report(kernel.folder, provider, data, &report, &added);
}

static void a_report_is_over_the_bytes_given(void **state)
{
    (void)state;
    static const uint8_t table[] = "a table";
    kernel.has_added = true;
    kernel.added = table;
    kernel.added_size = sizeof table;
    if (get_report("sev_guest") != BULLA_OK)
        fail_msg("%s", bulla_detail());
    assert_int_equal(report.size, 1184);
    assert_memory_equal(report_bytes, data, sizeof data);
    assert_int_equal(added.size, sizeof table);
    assert_memory_equal(added_bytes, table, sizeof table);
    assert_int_equal(kernel.removed, 1);
}

static void nothing_need_be_added(void **state)
{
    (void)state;
    kernel.provider = "tdx_guest";
    assert_int_equal(get_report("tdx_guest"), BULLA_OK);
    assert_int_equal(added.size, 0);
    kernel.has_added = true; /* there, and empty */
    assert_int_equal(get_report("tdx_guest"), BULLA_OK);
    assert_int_equal(added.size, 0);
}

static void another_provider_is_refused(void **state)
{
    (void)state;
    assert_int_equal(get_report("tdx_guest"), BULLA_ENCLAVE_FAILED);
    kernel.provider = "";
    assert_int_equal(get_report("tdx_guest"), BULLA_ENCLAVE_FAILED);
    assert_int_equal(kernel.removed, 2);
}

static void a_report_that_another_wrote_to_is_refused(void **state)
{
    (void)state;
    static const char *const no_numbers[] = {"", "x\n", "-1\n", "7 \n"};
    kernel.writes = 2;
    assert_int_equal(get_report("sev_guest"), BULLA_ENCLAVE_FAILED);
    kernel.writes = 0; /* ours was not taken */
    assert_int_equal(get_report("sev_guest"), BULLA_ENCLAVE_FAILED);
    for (size_t i = 0; i < 4; i++) {
        kernel.generation = no_numbers[i];
        assert_int_equal(get_report("sev_guest"), BULLA_ENCLAVE_FAILED);
    }
}

static void what_the_firmware_refuses_is_told(void **state)
{
    (void)state;
    kernel.error = ETIMEDOUT;
    assert_int_equal(get_report("sev_guest"), BULLA_ENCLAVE_FAILED);
    assert_non_null(strstr(bulla_detail(), "outblob"));
    kernel.error = EACCES;
    assert_int_equal(get_report("sev_guest"), BULLA_ENCLAVE_UNREACHABLE);
    kernel.error = 0;
    kernel.made_size = 0;
    assert_int_equal(get_report("sev_guest"), BULLA_ENCLAVE_FAILED);
    kernel.made_size = BULLA_TSM_REPORT_LARGEST;
    assert_int_equal(get_report("sev_guest"), BULLA_OK);
    kernel.made_size = BULLA_TSM_REPORT_LARGEST + 1;
    assert_int_equal(get_report("sev_guest"), BULLA_TOO_LARGE);
    assert_int_equal(kernel.removed, 5);
}

static void a_machine_without_it_says_so(void **state)
{
    (void)state;
    bulla_writer_open(&report, report_bytes, sizeof report_bytes);
    bulla_writer_open(&added, added_bytes, sizeof added_bytes);
    assert_int_equal(
        bulla_tsm_report("/no/such/folder", "sev_guest", data, &report, &added), BULLA_ENCLAVE_UNREACHABLE);
    assert_false(bulla_tsm_present("/no/such/folder", "sev_guest"));
    assert_string_equal(bulla_tsm_folder(), "/sys/kernel/config/tsm/report");
}

#ifdef BULLA_FAULTS
static void a_played_machine_is_found_by_its_device(void **state)
{
    (void)state;
    char device[80];
    (void)snprintf(device, sizeof device, "%s/sev_guest", kernel.folder);
    assert_int_equal(setenv("BULLA_TEST_TSM", kernel.folder, 1), 0);
    assert_string_equal(bulla_tsm_folder(), kernel.folder);
    assert_false(bulla_tsm_present(bulla_tsm_folder(), "sev_guest"));
    test_file_write(device, "", 0);
    assert_true(bulla_tsm_present(bulla_tsm_folder(), "sev_guest"));
    assert_false(bulla_tsm_present(bulla_tsm_folder(), "tdx_guest"));
}
#endif

/* --- the table of certificates; the GUIDs are those of the GHCB specification, 4.1.8.1 --- */

static const uint8_t vcek[] = {
    0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd};
static const uint8_t ask[] = {
    0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82};
static const uint8_t ark[] = {
    0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae};
static const uint8_t crl[] = {
    0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d, 0x97, 0xff, 0xd1, 0x9f, 0x88, 0xdc, 0x67, 0xea};

static void put_entry(uint8_t *table, size_t index, const uint8_t *guid, uint32_t offset, uint32_t size)
{
    uint8_t *entry = table + 24 * index;
    memcpy(entry, guid, 16);
    for (unsigned i = 0; i < 4; i++) {
        entry[16 + i] = (uint8_t)(offset >> (8 * i));
        entry[20 + i] = (uint8_t)(size >> (8 * i));
    }
}

static enum bulla_reason take(const uint8_t *table, size_t size, const char *wanted)
{
    uint8_t bytes[64] = {0};
    struct bulla_writer writer;
    bulla_writer_open(&writer, bytes, sizeof bytes);
    enum bulla_reason reason = bulla_tsm_certificates((struct bulla_bytes){table, size}, &writer);
    if (reason == BULLA_OK) {
        assert_int_equal(writer.size, strlen(wanted));
        assert_memory_equal(bytes, wanted, writer.size);
    }
    return reason;
}

static void certificates_are_taken_in_the_chains_order(void **state)
{
    (void)state;
    uint8_t table[160] = {0};
    memcpy(table + 120, "ark", 3);
    memcpy(table + 123, "ask!", 4);
    memcpy(table + 127, "vcek.", 5);
    memcpy(table + 132, "crl", 3);
    put_entry(table, 0, ark, 120, 3);
    put_entry(table, 1, crl, 132, 3);
    put_entry(table, 2, ask, 123, 4);
    put_entry(table, 3, vcek, 127, 5);
    assert_int_equal(take(table, sizeof table, "vcek.ask!ark"), BULLA_OK);
    assert_int_equal(take(table, 135, "vcek.ask!ark"), BULLA_OK);
    assert_int_equal(take(table, 134, NULL), BULLA_MALFORMED); /* also of what is not taken */
    assert_int_equal(take(table, 0, ""), BULLA_OK);
    memset(table, 0, 24);
    assert_int_equal(take(table, sizeof table, ""), BULLA_OK);
}

static void a_table_that_points_elsewhere_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t offset, size;
    } wrong[] = {
        {48, 0}, {47, 1}, {0, 48}, {63, 2}, {64, 1}, {UINT32_MAX, 1}, {48, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}};
    uint8_t table[64] = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        put_entry(table, 0, vcek, wrong[i].offset, wrong[i].size);
        assert_int_equal(take(table, sizeof table, NULL), BULLA_MALFORMED);
    }
    put_entry(table, 0, vcek, 48, 16);
    for (size_t size = 1; size < 48; size++)
        assert_int_equal(take(table, size, NULL), BULLA_TRUNCATED);
    uint8_t twice[74] = {0};
    put_entry(twice, 0, vcek, 72, 1);
    put_entry(twice, 1, vcek, 73, 1);
    assert_int_equal(take(twice, sizeof twice, NULL), BULLA_DUPLICATE);
    static uint8_t many[24 * 33 + 1];
    for (size_t i = 0; i < 32; i++)
        put_entry(many, i, crl, 24 * 33, 1);
    assert_int_equal(take(many, sizeof many, NULL), BULLA_MALFORMED);
}

#ifdef BULLA_FAULTS
/* --- the attesters: what they put into the report, and what travels --- */

static void attest(const struct bulla_attester *attester, const char *document, size_t place)
{
    static uint8_t evidence[65536];
    char device[80];
    uint8_t wanted[BULLA_TSM_DATA] = {0};
    struct bulla_writer writer;
    struct bulla_envelope envelope;
    REAL_DOCUMENT struct bulla_bytes shape = real_document(document);
    kernel.shape = shape.data;
    kernel.made_size = shape.size;
    kernel.place = place;
    (void)snprintf(device, sizeof device, "%s/%.9s", kernel.folder, kernel.provider);
    assert_int_equal(setenv("BULLA_TEST_TSM", kernel.folder, 1), 0);
    assert_false(attester->detect(""));
    test_file_write(device, "", 0);
    assert_true(attester->detect(""));
    const struct bulla_attester_request request = {.report = BULLA_TEXT("a report"), .tcti = ""};
    bulla_writer_open(&writer, evidence, attester->evidence_largest);
    if (attester->evidence(&request, &writer) != BULLA_OK)
        fail_msg("%s", bulla_detail());
    assert_int_equal(bulla_envelope_read(bulla_writer_bytes(&writer), &envelope), BULLA_OK);
    assert_int_equal(envelope.kind, attester->kind);
    assert_true(bulla_bytes_equal_text(envelope.report, "a report"));
    assert_int_equal(envelope.document.size, shape.size);
    SHA256((const unsigned char *)"a report", 8, wanted);
    assert_memory_equal(envelope.document.data + place, wanted, sizeof wanted); /* the digest, and zeros */
    if (kernel.has_added)
        assert_true(bulla_bytes_equal_text(envelope.certificates, "vcek"));
    else
        assert_int_equal(envelope.certificates.size, 0);
    assert_int_equal(kernel.removed, 1);
}

/* ATTESTATION_REPORT: REPORT_DATA is at 0x50. */
static void a_report_of_sev_snp_travels_with_its_certificates(void **state)
{
    (void)state;
    uint8_t table[52] = {0};
    put_entry(table, 0, vcek, 48, 4);
    memcpy(table + 48, "vcek", 4);
    kernel.has_added = true;
    kernel.added = table;
    kernel.added_size = sizeof table;
    attest(&bulla_sev_snp_attester, "sev-snp/genoa-v5-report.bin", 0x50);
}

/* TDREPORT behind the header of a quote: REPORTDATA is at 48 + 520. */
static void a_quote_of_tdx_travels_alone(void **state)
{
    (void)state;
    kernel.provider = "tdx_guest\n";
    attest(&bulla_tdx_attester, "tdx/phala-v4.bin", 48 + 520);
}

static void a_table_that_is_none_is_no_evidence(void **state)
{
    (void)state;
    uint8_t evidence[4096];
    struct bulla_writer writer;
    REAL_DOCUMENT struct bulla_bytes shape = real_document("sev-snp/genoa-v5-report.bin");
    kernel.shape = shape.data;
    kernel.place = 0x50;
    kernel.has_added = true;
    kernel.added = (const uint8_t *)"no table";
    kernel.added_size = 8;
    assert_int_equal(setenv("BULLA_TEST_TSM", kernel.folder, 1), 0);
    const struct bulla_attester_request request = {.report = BULLA_TEXT("a report"), .tcti = ""};
    bulla_writer_open(&writer, evidence, sizeof evidence);
    assert_int_equal(bulla_sev_snp_attester.evidence(&request, &writer), BULLA_TRUNCATED);
}
#endif

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_report_is_over_the_bytes_given),
        T(nothing_need_be_added),
        T(another_provider_is_refused),
        T(a_report_that_another_wrote_to_is_refused),
        T(what_the_firmware_refuses_is_told),
        T(a_machine_without_it_says_so),
#ifdef BULLA_FAULTS
        T(a_played_machine_is_found_by_its_device),
#endif
#ifdef BULLA_FAULTS
        T(a_report_of_sev_snp_travels_with_its_certificates),
        T(a_quote_of_tdx_travels_alone),
        T(a_table_that_is_none_is_no_evidence),
#endif
        cmocka_unit_test(certificates_are_taken_in_the_chains_order),
        cmocka_unit_test(a_table_that_points_elsewhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
