/* The attestation result as others read it: the keys and values of draft-ietf-rats-ear-04 (its cddl/ear.cddl,
 * ear-appraisal.cddl and ar4si.cddl) written out here by hand; the CWT taken apart by libcbor, its signature verified
 * by OpenSSL. */
#include "support/test.h"

#include <cbor.h>
#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/judgement.h"
#include "real_documents.h"
#include "signers.h"
#include "support/vectors.h"

enum { NOW = 1795694400 };

/* PCRs of the document of 2024-02-26 were read out of it with Python's cbor2. */
static const char pcr0[] =
    "17bf8f048519797be90497001a7559a3d555395937117d76f8baaedf56ca6d97952de79479bc0c76e5d176d20f663790";
static const char pcr2[] =
    "249037310daa90f4eb0703e7b105a241fdb09f12d3c40b7aea2f39e57b07b887e6ff4e4f9757943e127e391626b5e4d5";
/* "hello-attestation", the nonce in genoa-v5-report.bin; in base64url by coreutils' basenc */
static const uint8_t hello[] = "hello-attestation";
static const char hello_base64url[] = "aGVsbG8tYXR0ZXN0YXRpb24";

static struct bulla_attestation_result result;
static struct bulla_policy policy;
static struct bulla_bytes nitro, snp, amd;
static char policy_id[64];

static void judge_nitro(void)
{
    const struct bulla_judgement judgement = {
        .evidence = nitro, .now = NOW, .at_its_own_time = true, .policy = &policy};
    assert_int_equal(bulla_evidence_judge(&judgement, &result), BULLA_OK);
}

static void judge_snp(void)
{
    const struct bulla_judgement judgement = {
        .evidence = snp, .trusted.endorsements.certificates = amd, .now = NOW, .nonce = {hello, sizeof hello - 1}};
    assert_int_equal(bulla_evidence_judge(&judgement, &result), BULLA_OK);
}

static void judge_nothing(void)
{
    const struct bulla_judgement judgement = {.evidence = BULLA_TEXT("nothing"), .now = NOW};
    assert_int_equal(bulla_evidence_judge(&judgement, &result), BULLA_EVIDENCE_KIND);
}

static json_t *ear(bool with_claims)
{
    char *text = bulla_ear_json(&result, with_claims);
    char *again = bulla_ear_json(&result, with_claims);
    assert_non_null(text);
    assert_string_equal(text, again);
    json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(document);
    free(text);
    free(again);
    return document;
}

static void assert_json(json_t *found, const char *expected)
{
    json_t *wanted = json_loads(expected, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(wanted);
    if (!json_equal(found, wanted))
        fail_msg("%s\ninstead of\n%s", json_dumps(found, JSON_INDENT(1)), expected);
    json_decref(wanted);
    json_decref(found);
}

/* --- JSON --- */

static void a_policys_yes_in_json(void **state)
{
    (void)state;
    char expected[1024];
    judge_nitro();
    (void)snprintf(expected, sizeof expected,
        "{\"eat_profile\": \"tag:ietf.org,2026:rats/ear#04\", \"iat\": 1795694400,"
        " \"ear_verifier_id\": {\"developer\": \"https://bulla.dev\", \"build\": \"bulla-verify 1\"},"
        " \"submods\": {\"nitro\": {\"ear_status\": \"affirming\","
        " \"ear_trustworthiness_vector\":"
        " {\"instance-identity\": 2, \"configuration\": 2, \"executables\": 3, \"hardware\": 2},"
        " \"ear_appraisal_policy_ids\": [\"%s\"]}}}",
        policy_id);
    assert_json(ear(false), expected);
}

static void a_nonce_in_json(void **state)
{
    (void)state;
    char expected[1024];
    judge_snp();
    (void)snprintf(expected, sizeof expected,
        "{\"eat_profile\": \"tag:ietf.org,2026:rats/ear#04\", \"iat\": 1795694400, \"eat_nonce\": \"%s\","
        " \"ear_verifier_id\": {\"developer\": \"https://bulla.dev\", \"build\": \"bulla-verify 1\"},"
        " \"submods\": {\"sev-snp\": {\"ear_status\": \"none\","
        " \"ear_trustworthiness_vector\": {\"instance-identity\": 2, \"configuration\": 3, \"hardware\": 2}}}}",
        hello_base64url);
    assert_json(ear(false), expected);
}

static void a_refusal_in_json(void **state)
{
    (void)state;
    judge_nothing();
    assert_json(ear(true),
        "{\"eat_profile\": \"tag:ietf.org,2026:rats/ear#04\", \"iat\": 1795694400,"
        " \"ear_verifier_id\": {\"developer\": \"https://bulla.dev\", \"build\": \"bulla-verify 1\"},"
        " \"submods\": {\"none\": {\"ear_status\": \"contraindicated\","
        " \"ear_trustworthiness_vector\": {\"instance-identity\": 99, \"configuration\": 99, \"executables\": 99,"
        " \"file-system\": 99, \"hardware\": 99},"
        " \"ear_verifier_claims\": {\"kind\": \"none\", \"reason\": \"evidence-kind\","
        " \"detail\": \"7 bytes that are no evidence of a kind known here\", \"pinned\": false, \"debug\": false,"
        " \"migratable\": false, \"tcb\": \"unknown\", \"measurements\": {}}}}}");
}

static void what_was_measured_in_json(void **state)
{
    (void)state;
    judge_nitro();
    json_t *document = ear(true);
    const json_t *claims =
        json_object_get(json_object_get(json_object_get(document, "submods"), "nitro"), "ear_verifier_claims");
    const json_t *measurements = json_object_get(claims, "measurements");
    assert_int_equal(json_object_size(measurements), 16);
    assert_string_equal(json_string_value(json_object_get(measurements, "pcr0")), pcr0);
    assert_string_equal(json_string_value(json_object_get(measurements, "pcr2")), pcr2);
    assert_int_equal(json_integer_value(json_object_get(claims, "made_at")), 1708930921);
    assert_string_equal(json_string_value(json_object_get(claims, "accepted_as")), "the image");
    assert_string_equal(json_string_value(json_object_get(claims, "reason")), "ok");
    json_decref(document);
}

/* --- CWT --- */

static struct test_p256 verifier;
static uint8_t cwt[BULLA_EAR_LARGEST + 512];

static struct bulla_bytes cwt_make(void)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, cwt, sizeof cwt);
    assert_int_equal(bulla_ear_cwt(&result, &verifier.signer, &writer), BULLA_OK);
    return bulla_writer_bytes(&writer);
}

static cbor_item_t *load(const uint8_t *data, size_t size)
{
    struct cbor_load_result loaded;
    cbor_item_t *item = cbor_load(data, size, &loaded);
    assert_non_null(item);
    assert_int_equal(loaded.read, size);
    return item;
}

/* Borrowed. */
static cbor_item_t *find(cbor_item_t *map, uint64_t key)
{
    assert_true(cbor_isa_map(map));
    for (size_t i = 0; i < cbor_map_size(map); i++) {
        struct cbor_pair *pair = &cbor_map_handle(map)[i];
        if (cbor_isa_uint(pair->key) && cbor_get_int(pair->key) == key)
            return pair->value;
    }
    return NULL;
}

static cbor_item_t *find_text(cbor_item_t *map, const char *key)
{
    assert_true(cbor_isa_map(map));
    for (size_t i = 0; i < cbor_map_size(map); i++) {
        struct cbor_pair *pair = &cbor_map_handle(map)[i];
        if (cbor_isa_string(pair->key) && cbor_string_length(pair->key) == strlen(key) &&
            memcmp(cbor_string_handle(pair->key), key, strlen(key)) == 0)
            return pair->value;
    }
    return NULL;
}

static void assert_number(cbor_item_t *item, uint64_t number)
{
    assert_non_null(item);
    assert_true(cbor_isa_uint(item));
    assert_true(cbor_get_int(item) == number);
}

static void assert_text(cbor_item_t *item, const char *text)
{
    assert_non_null(item);
    assert_true(cbor_isa_string(item));
    assert_int_equal(cbor_string_length(item), strlen(text));
    assert_memory_equal(cbor_string_handle(item), text, strlen(text));
}

static void assert_hex(cbor_item_t *item, const char *hex)
{
    uint8_t expected[64];
    size_t size = test_hex(hex, expected, sizeof expected);
    assert_non_null(item);
    assert_true(cbor_isa_bytestring(item));
    assert_int_equal(cbor_bytestring_length(item), size);
    assert_memory_equal(cbor_bytestring_handle(item), expected, size);
}

/* RFC 9052, 4.4: ["Signature1", protected, h'', payload], signed with ES256. */
static bool verifies(const cbor_item_t *protected_header, const cbor_item_t *payload, const cbor_item_t *signature)
{
    static uint8_t signed_bytes[sizeof cwt + 64];
    size_t size = 0, length = cbor_bytestring_length(payload);
    static const uint8_t head[] = {0x84, 0x6a, 'S', 'i', 'g', 'n', 'a', 't', 'u', 'r', 'e', '1', 0x46};
    memcpy(signed_bytes, head, sizeof head);
    size = sizeof head;
    assert_int_equal(cbor_bytestring_length(protected_header), 6);
    memcpy(signed_bytes + size, cbor_bytestring_handle(protected_header), 6);
    size += 6;
    signed_bytes[size++] = 0x40;
    assert_true(length > 255 && length < 65536);
    signed_bytes[size++] = 0x59;
    signed_bytes[size++] = (uint8_t)(length >> 8);
    signed_bytes[size++] = (uint8_t)length;
    memcpy(signed_bytes + size, cbor_bytestring_handle(payload), length);
    size += length;

    const uint8_t *rs = cbor_bytestring_handle(signature);
    uint8_t *der = NULL;
    assert_int_equal(cbor_bytestring_length(signature), 64);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    assert_int_equal(ECDSA_SIG_set0(sig, BN_bin2bn(rs, 32, NULL), BN_bin2bn(rs + 32, 32, NULL)), 1);
    int der_size = i2d_ECDSA_SIG(sig, &der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, verifier.key), 1);
    bool right = EVP_DigestVerify(context, der, (size_t)der_size, signed_bytes, size) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    return right;
}

/* The array under tag 18, which libcbor 0.8 does not know. */
static cbor_item_t *load_message(struct bulla_bytes bytes)
{
    assert_true(bytes.size > 1 && bytes.data[0] == 0xd2);
    cbor_item_t *array = load(bytes.data + 1, bytes.size - 1);
    assert_true(cbor_isa_array(array) && cbor_array_size(array) == 4);
    return array;
}

/* Tag 18 over [protected {1: -7, 3: 61}, {}, payload, signature]: the payload's map. */
static cbor_item_t *payload_of(struct bulla_bytes bytes)
{
    cbor_item_t *array = load_message(bytes);
    cbor_item_t **parts = cbor_array_handle(array);
    assert_hex(parts[0], "a2012603183d");
    assert_true(cbor_isa_map(parts[1]) && cbor_map_size(parts[1]) == 0);
    assert_true(verifies(parts[0], parts[2], parts[3]));
    cbor_bytestring_handle(parts[2])[9] ^= 1;
    assert_false(verifies(parts[0], parts[2], parts[3]));
    cbor_bytestring_handle(parts[2])[9] ^= 1;
    cbor_item_t *payload = load(cbor_bytestring_handle(parts[2]), cbor_bytestring_length(parts[2]));
    cbor_decref(&array);
    return payload;
}

static void a_policys_yes_as_a_cwt(void **state)
{
    (void)state;
    judge_nitro();
    cbor_item_t *payload = payload_of(cwt_make());
    assert_int_equal(cbor_map_size(payload), 4); /* no nonce was asked for */
    assert_number(find(payload, 6), NOW);
    assert_text(find(payload, 265), "tag:ietf.org,2026:rats/ear#04");
    cbor_item_t *id = find(payload, 1004);
    assert_non_null(id);
    assert_text(find(id, 0), "https://bulla.dev");
    assert_text(find(id, 1), "bulla-verify 1");
    cbor_item_t *submodules = find(payload, 266);
    assert_non_null(submodules);
    assert_int_equal(cbor_map_size(submodules), 1);
    cbor_item_t *appraisal = find_text(submodules, "nitro");
    assert_non_null(appraisal);
    assert_int_equal(cbor_map_size(appraisal), 4);
    assert_number(find(appraisal, 1000), 2);
    cbor_item_t *vector = find(appraisal, 1001);
    assert_non_null(vector);
    assert_int_equal(cbor_map_size(vector), 4);
    assert_number(find(vector, 0), 2);
    assert_number(find(vector, 1), 2);
    assert_number(find(vector, 2), 3);
    assert_number(find(vector, 4), 2);
    cbor_item_t *policies = find(appraisal, 1003);
    assert_true(policies && cbor_isa_array(policies) && cbor_array_size(policies) == 1);
    assert_text(cbor_array_handle(policies)[0], policy_id);
    cbor_item_t *claims = find(appraisal, 1006);
    assert_non_null(claims);
    assert_text(find_text(claims, "reason"), "ok");
    cbor_item_t *measurements = find_text(claims, "measurements");
    assert_non_null(measurements);
    assert_int_equal(cbor_map_size(measurements), 16);
    assert_hex(find_text(measurements, "pcr0"), pcr0);
    assert_hex(find_text(measurements, "pcr2"), pcr2);
    cbor_decref(&payload);
}

static void a_nonce_and_no_policy_as_a_cwt(void **state)
{
    (void)state;
    judge_snp();
    cbor_item_t *payload = payload_of(cwt_make());
    assert_int_equal(cbor_map_size(payload), 5);
    assert_hex(find(payload, 10), "68656c6c6f2d6174746573746174696f6e");
    cbor_item_t *appraisal = find_text(find(payload, 266), "sev-snp");
    assert_non_null(appraisal);
    assert_int_equal(cbor_map_size(appraisal), 3);
    assert_number(find(appraisal, 1000), 0);
    assert_null(find(appraisal, 1003));
    cbor_decref(&payload);
}

static void a_refusal_as_a_cwt(void **state)
{
    (void)state;
    judge_nothing();
    cbor_item_t *array = load_message(cwt_make());
    cbor_item_t *bstr = cbor_array_handle(array)[2];
    cbor_item_t *payload = load(cbor_bytestring_handle(bstr), cbor_bytestring_length(bstr));
    cbor_item_t *appraisal = find_text(find(payload, 266), "none");
    assert_non_null(appraisal);
    assert_number(find(appraisal, 1000), 96);
    assert_number(find(find(appraisal, 1001), 2), 99);
    assert_text(find_text(find(appraisal, 1006), "reason"), "evidence-kind");
    cbor_decref(&payload);
    cbor_decref(&array);
}

/* Our own reader takes no CBOR that is not deterministic. */
static void the_payload_is_deterministic(void **state)
{
    (void)state;
    static uint8_t first[sizeof cwt];
    struct bulla_cose_message message;
    struct bulla_cbor map;
    judge_nitro();
    struct bulla_bytes bytes = cwt_make();
    assert_int_equal(bulla_cose_sign1_read(bytes, "EAR", &message), BULLA_OK);
    assert_int_equal(bulla_cbor_decode(message.payload, "EAR", &map), BULLA_OK);
    size_t size = message.payload.size;
    memcpy(first, message.payload.data, size);
    assert_int_equal(bulla_cose_sign1_read(cwt_make(), "EAR", &message), BULLA_OK);
    assert_int_equal(message.payload.size, size);
    assert_memory_equal(message.payload.data, first, size);
}

static void what_has_no_room_is_refused(void **state)
{
    (void)state;
    struct bulla_writer writer;
    judge_nitro();
    size_t whole = cwt_make().size;
    bulla_writer_open(&writer, cwt, whole - 1);
    assert_int_not_equal(
        bulla_ear_cwt(&result, &verifier.signer, &writer) == BULLA_OK && bulla_writer_finish(&writer, "") == BULLA_OK,
        true);
}

static int set_up(void **state)
{
    (void)state;
    struct bulla_policy_reference *reference = &policy.references[0];
    uint8_t digest[32];
    test_p256_make(&verifier);
    nitro = real_document("nitro/20240226_base_prod_3a4a0301.cbor");
    snp = real_document("sev-snp/genoa-v5-report.bin");
    amd = real_documents("sev-snp/genoa-vcek.der", "sev-snp/cert_chain_genoa.pem");
    memset(policy.authority, 0x41, sizeof policy.authority);
    policy.version = 3;
    policy.epoch = 1;
    policy.not_after = NOW + 1;
    policy.reference_count = 1;
    reference->kind = BULLA_EVIDENCE_NITRO;
    (void)snprintf(reference->label, sizeof reference->label, "the image");
    reference->measurement_count = 1;
    (void)snprintf(reference->measurements[0].name, sizeof reference->measurements[0].name, "pcr0");
    reference->measurements[0].size = (uint8_t)test_hex(pcr0, reference->measurements[0].value, 64);
    SHA256(policy.authority, sizeof policy.authority, digest);
    (void)snprintf(policy_id, sizeof policy_id, "bulla:policy:%02x%02x%02x%02x%02x%02x%02x%02x/1/3", digest[0],
        digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_p256_free(&verifier);
    real_document_free(&nitro);
    real_document_free(&snp);
    real_document_free(&amd);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policys_yes_in_json),
        cmocka_unit_test(a_nonce_in_json),
        cmocka_unit_test(a_refusal_in_json),
        cmocka_unit_test(what_was_measured_in_json),
        cmocka_unit_test(a_policys_yes_as_a_cwt),
        cmocka_unit_test(a_nonce_and_no_policy_as_a_cwt),
        cmocka_unit_test(a_refusal_as_a_cwt),
        cmocka_unit_test(the_payload_is_deterministic),
        cmocka_unit_test(what_has_no_room_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
