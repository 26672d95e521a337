/* A token in a Nitro enclave, as a user has it, with the program and the module: its receipts name documents that bind
 * the receipt key, and both are checked. The enclave is one that tests play (enclave-backend/test_machine.h); its root
 * is trusted only where it is named. */
#include "support/test.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bulla_pkcs11.h"
#include "enclave-backend/test_root.h"
#include "inference/tiny_model.h"
#include "program.h"
#include "support/folder.h"
#include "support/pki.h"
#include "tools/exchange.h"
#include "tools/exit.h"

static char folder[64], pin[128], so_pin[128], root[128], model[128], receipt[128];

static void put(const char *name, const void *bytes, size_t size, char *path, size_t room)
{
    test_folder_join(path, room, folder, name);
    test_file_write(path, bytes, size);
}

static void configure(const char *attester)
{
    char config[512], path[128];
    (void)snprintf(
        config, sizeof config, "[token enclave]\npath = %s/token\npin-cost = quick\nattester = %s\n", folder, attester);
    put("bulla.conf", config, strlen(config), path, sizeof path);
    assert_int_equal(setenv("BULLA_CONF", path, 1), 0);
}

static void put_model(void)
{
    struct tiny_model *tiny = tiny_make(2, 2, 32, 64, "F32", "");
    tiny_write(tiny);
    test_folder_join(model, sizeof model, folder, "model");
    assert_int_equal(mkdir(model, 0700), 0);
    for (size_t i = 0; i < tiny->files.count; i++) {
        char path[256];
        test_folder_join(path, sizeof path, model, tiny->files.files[i].name);
        test_file_write(path, tiny->files.files[i].data, tiny->files.files[i].size);
    }
    tiny_free(tiny);
}

#define DONE(status_, ...)                                                                                             \
    do {                                                                                                               \
        struct program_result done;                                                                                    \
        RUN(&done, __VA_ARGS__);                                                                                       \
        if (done.status != (int)(status_))                                                                             \
            fail_msg("status %d instead of %d\n%s%s", done.status, (int)(status_), done.out, done.err);                \
        program_result_free(&done);                                                                                    \
    } while (0)
#define TOKEN "--module", BULLA_MODULE, "--pin-file", pin, "--json"

static int set_up(void **state)
{
    (void)state;
    (void)umask(077);
    test_folder_make(folder, sizeof folder);
    test_folder_join(receipt, sizeof receipt, folder, "receipt");
    put("pin", "user-pin", 8, pin, sizeof pin);
    put("so", "so-pin-12", 9, so_pin, sizeof so_pin);
    put("root.der", bulla_test_root, sizeof bulla_test_root, root, sizeof root);
    assert_int_equal(setenv("BULLA_TEST_NSM", "an image", 1), 0);
    configure("nitro");
    put_model();
    DONE(BULLA_EXIT_OK, "init", "--yes", "--label", "enclave", "--so-pin-file", so_pin, TOKEN);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static void make_receipt(void)
{
    struct program_result result;
    DONE(BULLA_EXIT_OK, "model", "seal", model, "--label", "tiny", TOKEN);
    RUN(&result, "infer", "--model", "tiny", "clay", "--nonce", "0011223344556677", "--receipt", receipt, TOKEN);
    if (result.status != BULLA_EXIT_OK)
        fail_msg("%s%s", result.out, result.err);
    assert_string_equal(program_text(&result, "security_mode"), "attested");
    program_result_free(&result);
}

static const char *check_of(const struct program_result *result, const char *name)
{
    size_t i;
    const json_t *row;
    json_array_foreach(json_object_get(result->json, "checks"), i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "check")), name) == 0)
            return json_string_value(json_object_get(row, "result"));
    }
    return "absent";
}

/* The named check fails, and nothing is called attested. */
static void assert_fails(const char *file, const char *root_file, const char *check)
{
    struct program_result result;
    RUN(&result, "receipt", "verify", file, "--root", root_file, "--json");
    if (result.status == BULLA_EXIT_OK || strcmp(check_of(&result, check), "failed") != 0)
        fail_msg("%s did not fail: %s", check, result.out);
    assert_true(json_is_null(json_object_get(result.json, "receipt")));
    program_result_free(&result);
}

static void a_receipt_and_its_document_are_checked_both(void **state)
{
    (void)state;
    struct program_result result;
    make_receipt();
    RUN(&result, "receipt", "verify", receipt, "--root", root, "--nonce", "0011223344556677", "--max-age", "600",
        "--json");
    if (result.status != BULLA_EXIT_OK)
        fail_msg("%s", result.out);
    static const char *const passed[] = {"bundle", "receipt form", "evidence hash", "evidence", "root", "receipt key",
        "token", "policy version", "measurements", "signature", "request", "answer", "nonce", "age"};
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++)
        if (strcmp(check_of(&result, passed[i]), "ok") != 0)
            fail_msg("%s: %s", passed[i], result.out);
    const json_t *found = json_object_get(result.json, "receipt");
    assert_true(json_is_true(json_object_get(found, "attested")));
    assert_string_equal(json_string_value(json_object_get(found, "evidence")), "nitro");
    program_result_free(&result);
    RUN(&result, "receipt", "verify", receipt, "--root", root);
    assert_non_null(strstr(result.out, "AWS Nitro Enclave"));
    program_result_free(&result);
}

/* A root that the relying party did not name is nobody's, and AWS's did not sign this. */
static void under_another_root_nothing_is_attested(void **state)
{
    (void)state;
    uint8_t der[1024];
    char other[128];
    void *key = test_pki_key_make(TEST_PKI_P384);
    const struct test_pki_certificate wanted = {.subject = "bulla test enclaves root",
        .issuer = "bulla test enclaves root",
        .key = key,
        .signer = key,
        .digest = "SHA384",
        .serial = 1,
        .from = 1577836800,
        .until = 2524607999,
        .constraints = "critical,CA:TRUE",
        .usage = "critical,keyCertSign"};
    size_t size = test_pki_certificate_make(&wanted, der, sizeof der);
    put("other.der", der, size, other, sizeof other);
    test_pki_key_free(key);
    make_receipt();
    assert_fails(receipt, other, "evidence");
    DONE(BULLA_EXIT_UNVERIFIED, "receipt", "verify", receipt, "--json");
}

/* Every 53rd byte of it, each changed in a bundle of its own: never attested. */
static void changed_evidence_is_refused(void **state)
{
    (void)state;
    char path[128];
    size_t size = 0;
    struct bulla_bytes answer_bytes, request;
    struct bulla_answer answer;
    make_receipt();
    uint8_t *bundle = test_file_read(receipt, &size);
    assert_int_equal(bulla_bundle_read((struct bulla_bytes){bundle, size}, &answer_bytes, &request), BULLA_OK);
    assert_int_equal(bulla_answer_read(answer_bytes, &answer), BULLA_OK);
    assert_true(answer.evidence.size > 2048);
    size_t begin = (size_t)(answer.evidence.data - bundle);
    for (size_t at = begin; at < begin + answer.evidence.size; at += 53) {
        bundle[at] ^= 0x04;
        put("changed", bundle, size, path, sizeof path);
        assert_fails(path, root, "evidence hash");
        bundle[at] ^= 0x04;
    }
    free(bundle);
}

static void another_key_is_not_the_one_vouched_for(void **state)
{
    (void)state;
    make_receipt();
    struct program_result result;
    RUN(&result, "receipt", "verify", receipt, "--root", root, "--key",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "--json");
    assert_int_equal(result.status, BULLA_EXIT_UNVERIFIED);
    assert_string_equal(check_of(&result, "receipt key"), "failed");
    program_result_free(&result);
    RUN(&result, "receipt", "verify", receipt, "--root", root, "--attestation-key",
        "000b0000000000000000000000000000000000000000000000000000000000000000", "--json");
    assert_string_equal(check_of(&result, "evidence"), "failed"); /* no TPM made this */
    program_result_free(&result);
}

static void debug_enclaves_attest_nothing(void **state)
{
    (void)state;
    assert_int_equal(setenv("BULLA_TEST_NSM", "debug", 1), 0);
    make_receipt();
    assert_fails(receipt, root, "evidence");
}

/* A pair of the token, as an application makes it. */
static void make_pair(const char *label, bool extractable)
{
    static const uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    CK_MECHANISM mechanism = {CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0};
    CK_BBOOL yes = CK_TRUE, leaves = extractable ? CK_TRUE : CK_FALSE;
    CK_ATTRIBUTE public_template[] = {
        {CKA_EC_PARAMS, (void *)(uintptr_t)ed25519, sizeof ed25519}, {CKA_TOKEN, &yes, sizeof yes}};
    CK_ATTRIBUTE private_template[] = {{CKA_TOKEN, &yes, sizeof yes}, {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &leaves, sizeof leaves}, {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
    CK_C_GetFunctionList get_list = NULL;
    CK_FUNCTION_LIST *p11 = NULL;
    CK_SLOT_ID slot = 0;
    CK_ULONG count = 1;
    CK_SESSION_HANDLE session = 0;
    CK_OBJECT_HANDLE public_key = 0, private_key = 0;
    void *module = dlopen(BULLA_MODULE, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(module);
    void *symbol = dlsym(module, "C_GetFunctionList");
    memcpy(&get_list, &symbol, sizeof symbol);
    assert_int_equal(get_list(&p11), CKR_OK);
    assert_int_equal(p11->C_Initialize(NULL), CKR_OK);
    assert_int_equal(p11->C_GetSlotList(CK_TRUE, &slot, &count), CKR_OK);
    assert_int_equal(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), CKR_OK);
    assert_int_equal(p11->C_Login(session, CKU_USER, (unsigned char *)(uintptr_t) "user-pin", 8), CKR_OK);
    assert_int_equal(
        p11->C_GenerateKeyPair(session, &mechanism, public_template, 2, private_template, 4, &public_key, &private_key),
        CKR_OK);
    assert_int_equal(p11->C_Finalize(NULL), CKR_OK);
}

#define NONCE "--nonce", "00112233445566778899aabbccddeeff"

static void evidence_is_verified_before_it_is_written(void **state)
{
    (void)state;
    struct program_result result;
    char path[128];
    test_folder_join(path, sizeof path, folder, "evidence");
    RUN(&result, "attest", NONCE, "-o", path, TOKEN);
    assert_int_equal(result.status, BULLA_EXIT_UNVERIFIED); /* AWS did not sign this */
    assert_string_equal(program_text(&result, "error.reason"), "certificate-untrusted");
    assert_int_equal(access(path, F_OK), -1);
    program_result_free(&result);
    RUN(&result, "attest", NONCE, "-o", path, "--root", root, TOKEN);
    if (result.status != BULLA_EXIT_OK)
        fail_msg("%s%s", result.out, result.err);
    assert_string_equal(program_text(&result, "evidence"), "nitro");
    assert_int_equal(strlen(program_text(&result, "measurements.pcr0")), 96);
    assert_int_equal(strlen(program_text(&result, "receipt_key")), 64);
    assert_int_equal(access(path, F_OK), 0);
    program_result_free(&result);
    /* Whoever has only the file judges it the same. */
    DONE(BULLA_EXIT_OK, "evidence", "verify", path, "--root", root, NONCE, "--purpose", "attest");
    DONE(BULLA_EXIT_UNVERIFIED, "evidence", "verify", path, "--root", root, NONCE, "--purpose", "release");
    DONE(BULLA_EXIT_UNVERIFIED, "evidence", "verify", path, "--root", root, "--nonce", "0011223344556677");
    DONE(BULLA_EXIT_UNVERIFIED, "evidence", "verify", path, NONCE);
}

static void a_key_is_attested_by_its_label(void **state)
{
    (void)state;
    struct program_result result;
    char path[128];
    test_folder_join(path, sizeof path, folder, "evidence");
    make_pair("signer", false);
    make_pair("loose", true);
    RUN(&result, "attest", NONCE, "-o", path, "--root", root, "--key", "signer", TOKEN);
    if (result.status != BULLA_EXIT_OK)
        fail_msg("%s%s", result.out, result.err);
    assert_int_equal(strlen(program_text(&result, "key_sha256")), 64);
    program_result_free(&result);
    assert_int_equal(unlink(path), 0);
    RUN(&result, "attest", NONCE, "-o", path, "--root", root, "--key", "loose", TOKEN);
    assert_string_equal(program_text(&result, "error.reason"), "unsupported");
    program_result_free(&result);
    RUN(&result, "attest", NONCE, "-o", path, "--root", root, "--key", "nobody", TOKEN);
    assert_int_not_equal(result.status, BULLA_EXIT_OK);
    program_result_free(&result);
    assert_int_equal(access(path, F_OK), -1);
}

static void status_shows_the_enclave(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, "status", "--module", BULLA_MODULE, "--json");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_string_equal(program_text(&result, "attester"), "nitro");
    assert_string_equal(program_text(&result, "enclave.state"), "ok");
    assert_int_equal(strlen(program_text(&result, "enclave.pcr0")), 96);
    assert_string_equal(json_string_value(json_array_get(json_object_get(result.json, "machine"), 0)), "a played NSM");
    program_result_free(&result);
    RUN(&result, "status", "--module", BULLA_MODULE);
    assert_non_null(strstr(result.out, "evidence comes from        nitro"));
    assert_non_null(strstr(result.out, "i-0000000000000test-enc"));
    program_result_free(&result);
}

static void what_is_found_is_taken_and_what_is_named_is_kept_to(void **state)
{
    (void)state;
    struct program_result result;
    configure("auto");
    RUN(&result, "status", "--module", BULLA_MODULE, "--json");
    assert_string_equal(program_text(&result, "attester"), "nitro");
    program_result_free(&result);
    configure("none");
    RUN(&result, "status", "--module", BULLA_MODULE, "--json");
    assert_string_equal(program_text(&result, "attester"), "none");
    assert_null(json_object_get(result.json, "enclave"));
    program_result_free(&result);
    assert_int_equal(unsetenv("BULLA_TEST_NSM"), 0);
    if (access("/dev/nsm", F_OK) == 0)
        skip();
    configure("nitro"); /* named, and not there: said so, not left out */
    RUN(&result, "status", "--module", BULLA_MODULE, "--json");
    assert_int_equal(result.status, BULLA_EXIT_UNREACHABLE);
    assert_string_equal(program_text(&result, "enclave.reason"), "enclave-unreachable");
    program_result_free(&result);
    DONE(BULLA_EXIT_OK, "model", "seal", model, "--label", "tiny", TOKEN);
    RUN(&result, "infer", "--model", "tiny", "clay", TOKEN);
    assert_int_equal(result.status, BULLA_EXIT_UNREACHABLE); /* not an unattested receipt instead */
    assert_string_equal(program_text(&result, "error.reason"), "enclave-unreachable");
    program_result_free(&result);
    configure("sgx");
    RUN(&result, "status", "--module", BULLA_MODULE, "--json");
    assert_int_not_equal(result.status, BULLA_EXIT_OK);
    program_result_free(&result);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_receipt_and_its_document_are_checked_both),
        T(under_another_root_nothing_is_attested),
        T(changed_evidence_is_refused),
        T(another_key_is_not_the_one_vouched_for),
        T(debug_enclaves_attest_nothing),
        T(evidence_is_verified_before_it_is_written),
        T(a_key_is_attested_by_its_label),
        T(status_shows_the_enclave),
        T(what_is_found_is_taken_and_what_is_named_is_kept_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
