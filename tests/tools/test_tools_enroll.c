/* A machine is enrolled: by its own TPM's answer, with two TPMs of two makers, the module and the program. */
#include "support/test.h"

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "program.h"
#include "support/folder.h"
#include "support/pki.h"
#include "support/swtpm.h"
#include "tools/exit.h"

struct machine {
    struct test_swtpm tpm;
    char config[128], request[128];
};
static struct machine ours, other;
static char folder[64], pin[128], so_pin[128], challenge[128], keep[128], answer[128], pinned[128];

static void join(char path[static 128], const char *name)
{
    test_folder_join(path, 128, folder, name);
}

static void put(const char *name, const char *text, char path[static 128])
{
    join(path, name);
    test_file_write(path, text, strlen(text));
}

static void run(struct program_result *result, enum bulla_exit status, const char *const *words)
{
    program_run(result, NULL, words);
    if (result->status != (int)status)
        fail_msg("%s %s: status %d instead of %d\n%s%s", words[0], words[1], result->status, (int)status, result->out,
            result->err);
}
#define DONE(status, ...)                                                                                              \
    do {                                                                                                               \
        struct program_result done;                                                                                    \
        run(&done, status, (const char *const[]){__VA_ARGS__, NULL});                                                  \
        program_result_free(&done);                                                                                    \
    } while (0)
/* Refused for this reason. */
#define REFUSED(reason, status, ...)                                                                                   \
    do {                                                                                                               \
        struct program_result done;                                                                                    \
        run(&done, status, (const char *const[]){__VA_ARGS__, "--json", NULL});                                        \
        assert_string_equal(program_text(&done, "error.reason"), reason);                                              \
        program_result_free(&done);                                                                                    \
    } while (0)
#define ONLINE "--module", BULLA_MODULE, "--pin-file", pin
#define TRUST(machine) "--root", (machine).tpm.root, "--chain", (machine).tpm.issuer

static void go_to(const struct machine *machine)
{
    assert_int_equal(setenv("BULLA_CONF", machine->config, 1), 0);
}

static void machine_make(struct machine *machine, const char *name)
{
    char text[512], file[32];
    test_swtpm_start_endorsed(&machine->tpm);
    (void)snprintf(text, sizeof text, "[token %s]\npath = %s/%s\ntcti = %s\npin-cost = quick\n", name, folder, name,
        machine->tpm.tcti);
    (void)snprintf(file, sizeof file, "%s.conf", name);
    put(file, text, machine->config);
    (void)snprintf(file, sizeof file, "%s.enrolment", name);
    join(machine->request, file);
    go_to(machine);
    DONE(BULLA_EXIT_OK, "init", "--yes", "--label", name, "--so-pin-file", so_pin, ONLINE);
    DONE(BULLA_EXIT_OK, "enroll", "request", "-o", machine->request, ONLINE);
}

static int set_up(void **state)
{
    (void)state;
    test_folder_make(folder, sizeof folder);
    (void)umask(077);
    put("pin", "user-pin", pin);
    put("so", "so-pin-12", so_pin);
    join(challenge, "challenge");
    join(keep, "state");
    join(answer, "answer");
    join(pinned, "machine.pin");
    machine_make(&ours, "ours");
    machine_make(&other, "other");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_swtpm_finish(&ours.tpm);
    test_swtpm_finish(&other.tpm);
    test_folder_remove(folder);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    (void)unlink(keep);
    (void)unlink(pinned);
    go_to(&ours);
    return 0;
}

/* --- changing documents --- */

static json_t *document_read(const char *path)
{
    json_t *document = json_load_file(path, 0, NULL);
    assert_non_null(document);
    return document;
}

static void document_write(json_t *document, const char *path)
{
    assert_int_equal(json_dump_file(document, path, 0), 0);
    json_decref(document);
}

/* The request of `machine` with one member of another request's, or another value. */
static void forge(const char *path, const char *member, json_t *value, char forged[static 128])
{
    json_t *document = document_read(path);
    join(forged, "forged");
    assert_int_equal(json_object_set_new(document, member, value), 0);
    document_write(document, forged);
}

static json_t *member_of(const char *path, const char *member)
{
    json_t *document = document_read(path);
    json_t *value = json_incref(json_object_get(document, member));
    json_decref(document);
    assert_non_null(value);
    return value;
}

static void flip(char *digit)
{
    *digit = *digit == '0' ? '1' : '0';
}

static json_t *with_digit_flipped(const char *path, const char *member, size_t at)
{
    json_t *value = member_of(path, member);
    char text[16384];
    assert_true((size_t)snprintf(text, sizeof text, "%s", json_string_value(value)) < sizeof text);
    json_decref(value);
    assert_true(at < strlen(text));
    flip(text + at);
    return json_string(text);
}

/* --- the enrolment --- */

static void challenge_make(void)
{
    DONE(BULLA_EXIT_OK, "enroll", "challenge", ours.request, TRUST(ours), "-o", challenge, "--keep", keep);
}

static void a_machine_is_enrolled_and_its_evidence_is_pinned(void **state)
{
    (void)state;
    struct program_result result;
    struct stat status;
    char evidence[128], at[140];
    challenge_make();
    assert_int_equal(stat(keep, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    run(&result, BULLA_EXIT_OK, (const char *const[]){"enroll", "answer", challenge, "-o", "-", ONLINE, NULL});
    test_file_write(answer, result.out, result.out_size);
    program_result_free(&result);
    run(&result, BULLA_EXIT_OK,
        (const char *const[]){"enroll", "accept", answer, "--keep", keep, "-o", pinned, "--json", NULL});
    assert_string_equal(program_text(&result, "token"), "ours");
    program_result_free(&result);
    assert_int_not_equal(access(keep, F_OK), 0);

    join(evidence, "evidence");
    (void)snprintf(at, sizeof at, "@%s", pinned);
    run(&result, BULLA_EXIT_OK,
        (const char *const[]){
            "attest", "--nonce", "0011223344556677", "-o", evidence, "--attestation-key", at, "--json", ONLINE, NULL});
    assert_true(json_is_true(json_object_get(result.json, "pinned")));
    program_result_free(&result);
    go_to(&other);
    DONE(BULLA_EXIT_UNVERIFIED, "attest", "--nonce", "0011223344556677", "-o", evidence, "--attestation-key", at,
        ONLINE);
}

static void an_answer_is_good_once(void **state)
{
    (void)state;
    challenge_make();
    DONE(BULLA_EXIT_OK, "enroll", "answer", challenge, "-o", answer, ONLINE);
    DONE(BULLA_EXIT_OK, "enroll", "accept", answer, "--keep", keep, "-o", pinned);
    REFUSED("file", BULLA_EXIT_FAILED, "enroll", "accept", answer, "--keep", keep, "-o", pinned);
    /* And not for another challenge to the same machine. */
    challenge_make();
    REFUSED("evidence-mismatch", BULLA_EXIT_UNVERIFIED, "enroll", "accept", answer, "--keep", keep, "-o", pinned);
}

static void what_is_kept_of_a_challenge_is_not_overwritten(void **state)
{
    (void)state;
    challenge_make();
    REFUSED(
        "file", BULLA_EXIT_FAILED, "enroll", "challenge", ours.request, TRUST(ours), "-o", challenge, "--keep", keep);
}

static void a_changed_answer_is_refused_and_the_right_one_still_taken(void **state)
{
    (void)state;
    char forged[128];
    challenge_make();
    DONE(BULLA_EXIT_OK, "enroll", "answer", challenge, "-o", answer, ONLINE);
    for (size_t at = 0; at < 64; at += 21) {
        forge(answer, "secret", with_digit_flipped(answer, "secret", at), forged);
        REFUSED("evidence-mismatch", BULLA_EXIT_UNVERIFIED, "enroll", "accept", forged, "--keep", keep, "-o", pinned);
    }
    forge(answer, "attestation_key_name", member_of(other.request, "attestation_key_name"), forged);
    REFUSED("evidence-mismatch", BULLA_EXIT_UNVERIFIED, "enroll", "accept", forged, "--keep", keep, "-o", pinned);
    forge(answer, "more", json_true(), forged);
    REFUSED("malformed", BULLA_EXIT_UNVERIFIED, "enroll", "accept", forged, "--keep", keep, "-o", pinned);
    assert_int_not_equal(access(pinned, F_OK), 0);
    DONE(BULLA_EXIT_OK, "enroll", "accept", answer, "--keep", keep, "-o", pinned);
}

static void a_challenge_that_is_too_old_is_over(void **state)
{
    (void)state;
    json_t *document;
    challenge_make();
    DONE(BULLA_EXIT_OK, "enroll", "answer", challenge, "-o", answer, ONLINE);
    document = document_read(keep);
    assert_int_equal(json_object_set_new(document, "expires", json_integer(1000)), 0);
    document_write(document, keep);
    REFUSED("evidence-stale", BULLA_EXIT_UNVERIFIED, "enroll", "accept", answer, "--keep", keep, "-o", pinned);
}

static void another_machine_can_not_answer(void **state)
{
    (void)state;
    challenge_make();
    go_to(&other);
    REFUSED("authentication", BULLA_EXIT_UNVERIFIED, "enroll", "answer", challenge, "-o", answer, ONLINE);
    go_to(&ours);
    for (size_t at = 0; at < 340; at += 61) {
        char forged[128];
        forge(challenge, "credential", with_digit_flipped(challenge, "credential", at), forged);
        DONE(BULLA_EXIT_UNVERIFIED, "enroll", "answer", forged, "-o", answer, ONLINE);
    }
}

/* A certified TPM, and a key that lies elsewhere: the challenge is answered by neither. */
static void an_attestation_key_of_another_tpm_is_never_enrolled(void **state)
{
    (void)state;
    char forged[128];
    json_t *document = document_read(ours.request);
    static const char *const members[] = {"attestation_key", "attestation_key_name"};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(json_object_set_new(document, members[i], member_of(other.request, members[i])), 0);
    join(forged, "forged");
    document_write(document, forged);
    DONE(BULLA_EXIT_OK, "enroll", "challenge", forged, TRUST(ours), "-o", challenge, "--keep", keep);
    REFUSED("authentication", BULLA_EXIT_UNVERIFIED, "enroll", "answer", challenge, "-o", answer, ONLINE);
    go_to(&other);
    REFUSED("authentication", BULLA_EXIT_UNVERIFIED, "enroll", "answer", challenge, "-o", answer, ONLINE);
}

/* Every maker's certificates have the same names here: it is the signatures that tell them apart. */
static void a_certificate_of_another_maker_is_refused(void **state)
{
    (void)state;
    REFUSED("certificate-invalid", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", ours.request, TRUST(other), "-o",
        challenge, "--keep", keep);
    REFUSED("certificate-invalid", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", ours.request, "--root", other.tpm.root,
        "--chain", ours.tpm.issuer, "-o", challenge, "--keep", keep);
    /* What lies between is missing; and a root that is given as if it lay between is not trusted. */
    REFUSED("certificate-untrusted", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", ours.request, "--root",
        ours.tpm.root, "-o", challenge, "--keep", keep);
    REFUSED("certificate-invalid", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", ours.request, "--root", other.tpm.root,
        "--chain", ours.tpm.root, "--chain", ours.tpm.issuer, "-o", challenge, "--keep", keep);
    assert_int_not_equal(access(keep, F_OK), 0);
}

/* Right and wrong ones of the same names together: the path that holds is found. The issuer may be trusted itself. */
static void the_chain_is_found_among_others(void **state)
{
    (void)state;
    DONE(
        BULLA_EXIT_OK, "enroll", "challenge", ours.request, TRUST(other), TRUST(ours), "-o", challenge, "--keep", keep);
    (void)unlink(keep);
    DONE(
        BULLA_EXIT_OK, "enroll", "challenge", ours.request, "--root", ours.tpm.issuer, "-o", challenge, "--keep", keep);
}

/* --- revocation lists --- */

enum { LIST_LARGEST = 4096, HOUR = 3600 };

/* The maker of our TPM again, with the same keys, as one that may sign lists; swtpm_localca's may not. */
struct maker {
    EVP_PKEY *root_key, *issuer_key;
    char root[128], issuer[128];
    long certified[4]; /* the serials of our TPM's certificates */
};

static EVP_PKEY *maker_key(const char *name)
{
    char path[128];
    test_folder_join(path, sizeof path, ours.tpm.folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    assert_int_equal(fclose(file), 0);
    assert_non_null(key);
    return key;
}

static void maker_certificate(const struct maker *maker, const char *subject, EVP_PKEY *key, char path[static 128])
{
    uint8_t der[LIST_LARGEST];
    const struct test_pki_certificate wanted = {.subject = subject,
        .issuer = "swtpm-localca-rootca",
        .key = key,
        .signer = maker->root_key,
        .digest = "SHA256",
        .serial = 4711,
        .from = (uint64_t)time(NULL) - HOUR,
        .until = (uint64_t)time(NULL) + HOUR,
        .constraints = "critical,CA:TRUE",
        .usage = "critical,keyCertSign,cRLSign"};
    join(path, subject);
    test_file_write(path, der, test_pki_certificate_make(&wanted, der, sizeof der));
}

static void maker_open(struct maker *maker)
{
    size_t count = 0;
    json_t *endorsements = member_of(ours.request, "endorsements"), *entry;
    memset(maker, 0, sizeof *maker);
    maker->root_key = maker_key("swtpm-localca-rootca-privkey.pem");
    maker->issuer_key = maker_key("signkey.pem");
    maker_certificate(maker, "swtpm-localca-rootca", maker->root_key, maker->root);
    maker_certificate(maker, "swtpm-localca", maker->issuer_key, maker->issuer);
    for (size_t i = 0; i < json_array_size(endorsements); i++) {
        long size = 0;
        entry = json_object_get(json_array_get(endorsements, i), "certificate");
        unsigned char *der = OPENSSL_hexstr2buf(json_string_value(entry), &size);
        const unsigned char *at = der;
        X509 *certificate = d2i_X509(NULL, &at, size);
        assert_non_null(certificate);
        assert_true(count < 3);
        maker->certified[count] = ASN1_INTEGER_get(X509_get_serialNumber(certificate));
        assert_true(maker->certified[count++] > 0);
        X509_free(certificate);
        OPENSSL_free(der);
    }
    json_decref(endorsements);
    assert_true(count > 0);
}

static void maker_close(struct maker *maker)
{
    EVP_PKEY_free(maker->root_key);
    EVP_PKEY_free(maker->issuer_key);
}

/* A list in force from an hour ago until `until`. */
static void list_make(
    const char *issuer, EVP_PKEY *signer, const long revoked[static 4], int until, bool pem, char path[static 128])
{
    uint8_t der[LIST_LARGEST];
    struct test_pki_crl wanted = {.issuer = issuer,
        .signer = signer,
        .digest = "SHA256",
        .from = (uint64_t)time(NULL) - HOUR,
        .until = (uint64_t)((int64_t)time(NULL) + until)};
    memcpy(wanted.revoked, revoked, sizeof wanted.revoked);
    size_t size = test_pki_crl_make(&wanted, der, sizeof der);
    char *text = test_pki_pem("X509 CRL", der, size);
    test_file_write(path, pem ? (const void *)text : der, pem ? strlen(text) : size);
    free(text);
}

#define LISTED(maker) "--root", (maker).root, "--chain", (maker).issuer, "-o", challenge, "--keep", keep

static void a_revoked_certificate_is_refused_where_the_list_is_given(void **state)
{
    (void)state;
    static const long none[4], another[4] = {999999}, the_issuer[4] = {4711};
    struct maker maker;
    char list[128], of_root[128];
    maker_open(&maker);
    join(list, "list");
    join(of_root, "list-of-root");
    list_make("swtpm-localca", maker.issuer_key, maker.certified, HOUR, true, list);
    list_make("swtpm-localca-rootca", maker.root_key, none, HOUR, false, of_root);
    DONE(BULLA_EXIT_OK, "enroll", "challenge", ours.request, LISTED(maker)); /* nobody asked */
    (void)unlink(keep);
    REFUSED("certificate-revoked", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", ours.request, LISTED(maker),
        "--revocations", list);
    REFUSED("certificate-revoked", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", ours.request, LISTED(maker),
        "--revocations", of_root, "--revocations", list);
    assert_int_not_equal(access(keep, F_OK), 0);
    list_make("swtpm-localca", maker.issuer_key, another, HOUR, false, list);
    DONE(BULLA_EXIT_OK, "enroll", "challenge", ours.request, LISTED(maker), "--revocations", list, "--revocations",
        of_root);
    (void)unlink(keep);
    list_make("swtpm-localca-rootca", maker.root_key, the_issuer, HOUR, true, of_root);
    REFUSED("certificate-revoked", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", ours.request, LISTED(maker),
        "--revocations", list, "--revocations", of_root);
    maker_close(&maker);
}

static void a_list_that_says_nothing_here_is_refused(void **state)
{
    (void)state;
    static const long none[4];
    struct maker maker;
    char list[128];
    maker_open(&maker);
    join(list, "list");
    list_make("swtpm-localca", maker.issuer_key, none, -1, true, list);
    REFUSED("certificate-expired", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", ours.request, LISTED(maker),
        "--revocations", list);
    list_make("swtpm-localca", maker.root_key, none, HOUR, true, list); /* signed by another */
    REFUSED("certificate-invalid", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", ours.request, LISTED(maker),
        "--revocations", list);
    list_make("somebody", maker.root_key, none, HOUR, true, list); /* of nobody who was named */
    REFUSED("certificate-invalid", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", ours.request, LISTED(maker),
        "--revocations", list);
    list_make("swtpm-localca", maker.issuer_key, none, HOUR, true, list); /* by a CA that may sign no lists */
    REFUSED("certificate-invalid", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", ours.request, TRUST(ours), "-o",
        challenge, "--keep", keep, "--revocations", list);
    REFUSED("malformed", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", ours.request, LISTED(maker), "--revocations",
        ours.tpm.root);
    REFUSED("file", BULLA_EXIT_FAILED, "enroll", "challenge", ours.request, LISTED(maker), "--revocations", "nowhere");
    assert_int_not_equal(access(keep, F_OK), 0);
    maker_close(&maker);
}

static void a_certificate_for_another_key_is_refused(void **state)
{
    (void)state;
    char forged[128];
    json_t *document = document_read(ours.request), *others = member_of(other.request, "endorsements");
    json_t *endorsements = json_object_get(document, "endorsements");
    assert_int_equal(json_array_size(endorsements), json_array_size(others));
    for (size_t i = 0; i < json_array_size(endorsements); i++)
        assert_int_equal(json_object_set(json_array_get(endorsements, i), "public",
                             json_object_get(json_array_get(others, i), "public")),
            0);
    json_decref(others);
    join(forged, "forged");
    document_write(document, forged);
    REFUSED("evidence-mismatch", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", forged, TRUST(ours), "-o", challenge,
        "--keep", keep);
}

/* Bits of TPMA_OBJECT (Part 2, 8.3) in the third u16 and fourth of TPMT_PUBLIC; the name follows. */
static void forge_attributes(uint32_t clear, uint32_t add, char forged[static 128])
{
    json_t *value = member_of(ours.request, "attestation_key");
    const char *hex = json_string_value(value);
    uint8_t public[512], digest[32];
    size_t size = strlen(hex) / 2;
    char text[1025], name[69] = "000b";
    assert_true(size <= sizeof public);
    for (size_t i = 0; i < size; i++)
    public[i] = (uint8_t)strtoul((const char[]){hex[2 * i], hex[2 * i + 1], '\0'}, NULL, 16);
    json_decref(value);
    for (int i = 0; i < 4; i++)
    public[4 + i] = (uint8_t)((public[4 + i] & ~(clear >> (24 - 8 * i))) | add >> (24 - 8 * i));
    (void)SHA256(public, size, digest);
    for (size_t i = 0; i < size; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", public[i]);
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(name + 4 + 2 * i, 3, "%02x", digest[i]);
    forge(ours.request, "attestation_key", json_string(text), forged);
    json_t *document = document_read(forged);
    assert_int_equal(json_object_set_new(document, "attestation_key_name", json_string(name)), 0);
    document_write(document, forged);
}

static void only_a_restricted_signing_key_that_stays_is_challenged(void **state)
{
    (void)state;
    static const struct {
        uint32_t clear, add;
    } changes[] = {{1 << 16, 0}, {1 << 18, 0}, {1 << 1, 0}, {1 << 4, 0}, {1 << 5, 0}, {0, 1 << 17}};
    char forged[128];
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        forge_attributes(changes[i].clear, changes[i].add, forged);
        REFUSED("evidence-untrusted", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", forged, TRUST(ours), "-o",
            challenge, "--keep", keep);
    }
    forge_attributes(0, 0, forged); /* it was not the forging */
    DONE(BULLA_EXIT_OK, "enroll", "challenge", forged, TRUST(ours), "-o", challenge, "--keep", keep);
}

static void a_request_that_is_not_whole_is_refused(void **state)
{
    (void)state;
    char forged[128];
    forge(ours.request, "attestation_key_name", member_of(other.request, "attestation_key_name"), forged);
    REFUSED("evidence-mismatch", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", forged, TRUST(ours), "-o", challenge,
        "--keep", keep);
    forge(ours.request, "format", json_string("bulla/2 enrolment"), forged);
    REFUSED("malformed", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", forged, TRUST(ours), "-o", challenge, "--keep",
        keep);
    forge(ours.request, "endorsements", json_array(), forged);
    REFUSED("malformed", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", forged, TRUST(ours), "-o", challenge, "--keep",
        keep);
    forge(ours.request, "attestation_key", json_string("00zz"), forged);
    REFUSED("malformed", BULLA_EXIT_UNVERIFIED, "enroll", "challenge", forged, TRUST(ours), "-o", challenge, "--keep",
        keep);
}

static void a_token_without_a_tpm_has_nothing_to_enrol(void **state)
{
    (void)state;
    struct machine none;
    char text[256], request[128];
    (void)snprintf(text, sizeof text, "[token none]\npath = %s/none\npin-cost = quick\nrelease = passphrase\n", folder);
    put("none.conf", text, none.config);
    go_to(&none);
    join(request, "none.enrolment");
    DONE(BULLA_EXIT_OK, "init", "--yes", "--label", "none", "--so-pin-file", so_pin, ONLINE);
    REFUSED("unsupported", BULLA_EXIT_FAILED, "enroll", "request", "-o", request, ONLINE);
    REFUSED("unsupported", BULLA_EXIT_FAILED, "enroll", "answer", challenge, "-o", answer, ONLINE);
    assert_int_not_equal(access(request, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_machine_is_enrolled_and_its_evidence_is_pinned, clean),
        cmocka_unit_test_setup(an_answer_is_good_once, clean),
        cmocka_unit_test_setup(what_is_kept_of_a_challenge_is_not_overwritten, clean),
        cmocka_unit_test_setup(a_changed_answer_is_refused_and_the_right_one_still_taken, clean),
        cmocka_unit_test_setup(a_challenge_that_is_too_old_is_over, clean),
        cmocka_unit_test_setup(another_machine_can_not_answer, clean),
        cmocka_unit_test_setup(an_attestation_key_of_another_tpm_is_never_enrolled, clean),
        cmocka_unit_test_setup(a_certificate_of_another_maker_is_refused, clean),
        cmocka_unit_test_setup(the_chain_is_found_among_others, clean),
        cmocka_unit_test_setup(a_revoked_certificate_is_refused_where_the_list_is_given, clean),
        cmocka_unit_test_setup(a_list_that_says_nothing_here_is_refused, clean),
        cmocka_unit_test_setup(a_certificate_for_another_key_is_refused, clean),
        cmocka_unit_test_setup(only_a_restricted_signing_key_that_stays_is_challenged, clean),
        cmocka_unit_test_setup(a_request_that_is_not_whole_is_refused, clean),
        cmocka_unit_test_setup(a_token_without_a_tpm_has_nothing_to_enrol, clean),
    };
    if (!test_swtpm_setup_available())
        return test_skip("swtpm_setup with swtpm_localca");
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
