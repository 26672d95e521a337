#include "support/test.h"
#include "tpm-backend/address.h"
#include "tpm-backend/response.h"
#include "tpm-backend/tpm.h"

#include <stdio.h>
#include <string.h>

static void the_documented_forms_are_taken(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "swtpm:path=/run/tpm/sock",
        "swtpm:host=127.0.0.1,port=2321",
        "swtpm:host=localhost,port=2321",
        "swtpm:port=1,host=::1",
        "mssim:host=127.0.0.1,port=2321",
        "device:/dev/tpmrm0",
        "device:/dev/tpm0",
        "device:/dev/tpmrm12",
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        assert_int_equal(bulla_tpm_tcti_check(forms[i]), BULLA_OK);
}

static void what_runs_commands_or_opens_other_files_is_refused(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "",
        "swtpm",
        "swtpm:",
        "cmd:touch /tmp/x",
        "pcap:swtpm:path=/x",
        "libtss2-tcti-cmd.so.0:touch /tmp/x",
        "/usr/lib/x.so:swtpm",
        "tabrmd:",
        "device:/dev/sda",
        "device:/dev/tpm",
        "device:/dev/tpmrm",
        "device:/dev/tpm0/../sda",
        "device:/dev/tpm0 ",
        "device:/tmp/tpm0",
        "device:",
        "swtpm:path=relative",
        "swtpm:path=",
        "swtpm:path=/a,path=/b",
        "swtpm:path=/a,port=1",
        "swtpm:path=/a,",
        "swtpm:host=127.0.0.1",
        "swtpm:port=2321",
        "swtpm:host=tpm.example.org,port=2321",
        "swtpm:host=127.0.0.1,port=0",
        "swtpm:host=127.0.0.1,port=65536",
        "swtpm:host=127.0.0.1,port=+1",
        "swtpm:host=127.0.0.1,port=2321,colour=red",
        "mssim:path=/run/tpm/sock",
        "SWTPM:path=/a",
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (bulla_tpm_tcti_check(forms[i]) != BULLA_CONFIG_TCTI) {
            print_error("taken: %s\n", forms[i]);
            fail();
        }
    }
    assert_int_equal(bulla_tpm_tcti_check(NULL), BULLA_CONFIG_TCTI);
}

static void a_path_that_does_not_fit_a_socket_is_refused(void **state)
{
    (void)state;
    char tcti[256], path[128];
    memset(path, 'p', sizeof path);
    path[0] = '/';
    (void)snprintf(tcti, sizeof tcti, "swtpm:path=%.107s", path);
    assert_int_equal(bulla_tpm_tcti_check(tcti), BULLA_OK);
    (void)snprintf(tcti, sizeof tcti, "swtpm:path=%.108s", path);
    assert_int_equal(bulla_tpm_tcti_check(tcti), BULLA_CONFIG_TCTI);
}

static void the_table_of_responses_is_sorted(void **state)
{
    (void)state;
    for (size_t i = 1; i < bulla_tpm_response_count; i++)
        assert_true(bulla_tpm_responses[i - 1].code < bulla_tpm_responses[i].code);
}

/* Codes as TPMs return them, and their meaning by tpm2_rc_decode. */
static void a_response_is_found_whatever_it_belongs_to(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        enum bulla_reason reason;
    } codes[] = {
        {0x98e,
            BULLA_TPM_AUTHORIZATION}, /* session 1: the authorization HMAC check failed and DA counter incremented */
        {0x9a2, BULLA_TPM_AUTHORIZATION}, /* session 1: authorization failure without DA implications */
        {0x921, BULLA_TPM_LOCKOUT},
        {0x1df, BULLA_AUTHENTICATION},   /* parameter 1: integrity check failed */
        {0x2db, BULLA_POLICY_SIGNATURE}, /* parameter 2: the signature is not valid */
        {0x99d, BULLA_TPM_POLICY},       /* session 1: a policy check failed */
        {0x128, BULLA_TPM_PCR},
        {0x14c, BULLA_TPM_NV},
        {0x902, BULLA_TPM_FAILED},
        {0x100, BULLA_TPM_UNREACHABLE},
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        const struct bulla_tpm_response *row = bulla_tpm_response_find(codes[i].code);
        assert_non_null(row);
        assert_int_equal(row->reason, codes[i].reason);
    }
    assert_null(bulla_tpm_response_find(0x1ff & ~0x80U));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_forms_are_taken),
        cmocka_unit_test(what_runs_commands_or_opens_other_files_is_refused),
        cmocka_unit_test(a_path_that_does_not_fit_a_socket_is_refused),
        cmocka_unit_test(the_table_of_responses_is_sorted),
        cmocka_unit_test(a_response_is_found_whatever_it_belongs_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
