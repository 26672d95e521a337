/* A program that knows nothing of grants: ten uses over ten processes of pkcs11-tool, and no eleventh. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "grant.h"

static struct test_p256 authority;
static uint8_t point[34]; /* an OCTET STRING around the public key */

/* An Ed25519 key of the token, by its id `key-1`, with the authority. */
static void make_key(void)
{
    static const uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70}; /* RFC 8410 */
    CK_MECHANISM mechanism = {CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0};
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE public_key = 0, private_key = 0;
    CK_ATTRIBUTE publics[] = {{CKA_TOKEN, &yes, 1}, {CKA_EC_PARAMS, (void *)(uintptr_t)ed25519, sizeof ed25519}};
    CK_ATTRIBUTE privates[] = {{CKA_TOKEN, &yes, 1}, {CKA_ID, (void *)(uintptr_t) "key-1", 5}, {CKA_SIGN, &yes, 1},
        {CKA_BULLA_AUTHORITY, authority.point, sizeof authority.point}};
    assert_ok(
        flow.p11->C_GenerateKeyPair(flow.session, &mechanism, publics, 2, privates, 4, &public_key, &private_key));
    assert_int_equal(flow_bytes(public_key, CKA_EC_POINT, point, sizeof point), sizeof point);
}

static int set_up(void **state)
{
    (void)state;
    test_p256_make(&authority);
    flow_begin(FLOW_TPM, "pcrs = 0,7\n");
    make_key();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    test_p256_free(&authority);
    return 0;
}

static const uint8_t message[16] = {0};

/* A process of pkcs11-tool that logs in and signs; its exit status. What it says is in the file "said", and the
 * signature, where one was made, in "signature". */
static int sign_in_a_process(void)
{
    char command[1024];
    char input[128], said[128], signature[128];
    test_folder_join(input, sizeof input, flow.folder, "message");
    test_folder_join(said, sizeof said, flow.folder, "said");
    test_folder_join(signature, sizeof signature, flow.folder, "signature");
    test_file_write(input, message, sizeof message);
    (void)remove(signature);
    (void)snprintf(command, sizeof command,
        "exec pkcs11-tool --module %s --login --pin %s --sign --mechanism EDDSA --id 6b65792d31 --input-file %s "
        "--output-file %s >%s 2>&1",
        BULLA_MODULE, FLOW_PIN, input, signature, said);
    int status = system(command);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static size_t read_back(const char *name, char *text, size_t capacity)
{
    char path[128];
    size_t size = 0;
    test_folder_join(path, sizeof path, flow.folder, name);
    unsigned char *bytes = test_file_read(path, &size);
    if (!bytes)
        return 0;
    assert_true(size < capacity);
    memcpy(text, bytes, size);
    text[size] = 0;
    free(bytes);
    return size;
}

static void ten_processes_of_pkcs11_tool_sign_and_no_eleventh(void **state)
{
    (void)state;
    char text[4096];
    struct flow_refusal why;
    struct bulla_grant grant = flow_grant(BULLA_MAY_SIGN, 10), copy = grant;
    assert_ok(flow_restrict(1, &authority, &copy, 1));
    flow_close();
    for (int i = 0; i < 10; i++) {
        if (sign_in_a_process() != 0) {
            (void)read_back("said", text, sizeof text);
            fail_msg("process %d of ten: %s", i + 1, text);
        }
        assert_int_equal(read_back("signature", text, sizeof text), crypto_sign_BYTES);
        assert_int_equal(
            crypto_sign_verify_detached((const unsigned char *)text, message, sizeof message, point + 2), 0);
    }
    assert_int_not_equal(sign_in_a_process(), 0);
    assert_true(read_back("said", text, sizeof text) > 0);
    if (!strstr(text, "(0x200)")) /* CKR_FUNCTION_REJECTED, of which OpenSC 0.23 does not know the name */
        fail_msg("the eleventh says: %s", text);
    assert_int_equal(read_back("signature", text, sizeof text), 0);
    flow_resume();
    flow_why(&why);
    assert_string_equal(why.reason, "grant-used-up");
    struct flow_uses uses = flow_uses(&grant);
    assert_true(uses.found);
    assert_int_equal(uses.used, 10);
    assert_int_equal(uses.left, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ten_processes_of_pkcs11_tool_sign_and_no_eleventh, set_up, tear_down),
    };
    if (!test_swtpm_available())
        return test_skip("swtpm");
    if (system("command -v pkcs11-tool >/dev/null") != 0)
        return test_skip("pkcs11-tool");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
