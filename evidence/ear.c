/* EAR twice, from one table of what is said: names for JSON, numbers for CBOR (draft-ietf-rats-ear-04, section 3). */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/cipher.h"
#include "judgement.h"

#define PROFILE "tag:ietf.org,2026:rats/ear#04"
#define DEVELOPER "https://bulla.dev"
#define BUILD "bulla-verify 1"

enum {
    KEY_ISSUED_AT = 6,
    KEY_NONCE = 10,
    KEY_PROFILE = 265,
    KEY_SUBMODULES = 266,
    KEY_STATUS = 1000,
    KEY_VECTOR = 1001,
    KEY_POLICIES = 1003,
    KEY_VERIFIER = 1004,
    KEY_VERIFIER_CLAIMS = 1006,
};

static const char *const vector_names[BULLA_TRUST_CLAIMS] = {
    [BULLA_TRUST_INSTANCE_IDENTITY] = "instance-identity",
    [BULLA_TRUST_CONFIGURATION] = "configuration",
    [BULLA_TRUST_EXECUTABLES] = "executables",
    [BULLA_TRUST_FILE_SYSTEM] = "file-system",
    [BULLA_TRUST_HARDWARE] = "hardware",
};

/* "bulla:policy:<16 hex of the authority's SHA-256>/<epoch>/<version>" */
enum { POLICY_ID = 96 };

static void policy_id(const struct bulla_attestation_result *result, char id[static POLICY_ID])
{
    uint8_t digest[32];
    char hex[17];
    bulla_sha256(BULLA_BYTES(result->authority), digest);
    (void)sodium_bin2hex(hex, sizeof hex, digest, 8);
    (void)snprintf(id, POLICY_ID, "bulla:policy:%s/%llu/%llu", hex, (unsigned long long)result->policy_epoch,
        (unsigned long long)result->policy_version);
}

static const char *submodule(const struct bulla_attestation_result *result)
{
    return bulla_evidence_verifiers[result->kind]->name;
}

/* --- JSON --- */

static json_t *hex_json(struct bulla_bytes bytes)
{
    char text[2 * 128 + 1];
    if (bytes.size > 128)
        return NULL;
    (void)sodium_bin2hex(text, sizeof text, bytes.data, bytes.size);
    return json_string(text);
}

static json_t *vector_json(const struct bulla_attestation_result *result)
{
    json_t *vector = json_object();
    for (unsigned i = 0; i < BULLA_TRUST_CLAIMS; i++)
        if (result->vector[i])
            (void)json_object_set_new(vector, vector_names[i], json_integer(result->vector[i]));
    return vector;
}

static json_t *measurements_json(const struct bulla_claims *claims)
{
    json_t *measurements = json_object();
    for (size_t i = 0; i < claims->measurement_count; i++) {
        const struct bulla_measurement *measurement = &claims->measurements[i];
        (void)json_object_set_new(
            measurements, measurement->name, hex_json((struct bulla_bytes){measurement->value, measurement->size}));
    }
    return measurements;
}

static json_t *claims_json(const struct bulla_attestation_result *result)
{
    const struct bulla_claims *claims = &result->claims;
    json_t *said = json_pack("{s:s,s:s,s:s,s:b,s:b,s:b,s:s}", "kind", submodule(result), "reason",
        bulla_reason_code(result->reason), "detail", result->detail, "pinned", claims->pinned, "debug", claims->debug,
        "migratable", claims->migratable, "tcb", bulla_tcb_status_name(claims->tcb));
    if (claims->made_at)
        (void)json_object_set_new(said, "made_at", json_integer((json_int_t)claims->made_at));
    if (result->appraised)
        (void)json_object_set_new(said, "accepted_as", json_string(result->label));
    if (result->reported) {
        (void)json_object_set_new(said, "purpose", json_string(bulla_purpose_name(result->report.purpose)));
        (void)json_object_set_new(said, "public_key", hex_json(result->report.public_key));
    }
    (void)json_object_set_new(said, "measurements", measurements_json(claims));
    return said;
}

static json_t *appraisal_json(const struct bulla_attestation_result *result, bool with_claims)
{
    char id[POLICY_ID];
    json_t *appraisal = json_pack("{s:s,s:o}", "ear_status", bulla_trust_tier_name(result->tier),
        "ear_trustworthiness_vector", vector_json(result));
    policy_id(result, id);
    if (result->has_policy)
        (void)json_object_set_new(appraisal, "ear_appraisal_policy_ids", json_pack("[s]", id));
    if (with_claims)
        (void)json_object_set_new(appraisal, "ear_verifier_claims", claims_json(result));
    return appraisal;
}

char *bulla_ear_json(const struct bulla_attestation_result *result, bool with_claims)
{
    json_t *ear = json_pack("{s:s,s:I,s:{s:s,s:s},s:{s:o}}", "eat_profile", PROFILE, "iat",
        (json_int_t)result->judged_at, "ear_verifier_id", "developer", DEVELOPER, "build", BUILD, "submods",
        submodule(result), appraisal_json(result, with_claims));
    char encoded[sodium_base64_ENCODED_LEN(64, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    if (result->nonce.size && result->nonce.size <= 64) {
        (void)sodium_bin2base64(
            encoded, sizeof encoded, result->nonce.data, result->nonce.size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        (void)json_object_set_new(ear, "eat_nonce", json_string(encoded));
    }
    char *text = json_dumps(ear, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(ear);
    return text;
}

/* --- CWT --- */

static void write_vector(struct bulla_writer *writer, const struct bulla_attestation_result *result)
{
    size_t count = 0;
    for (unsigned i = 0; i < BULLA_TRUST_CLAIMS; i++)
        count += result->vector[i] != 0;
    bulla_cbor_write_map(writer, count);
    for (unsigned i = 0; i < BULLA_TRUST_CLAIMS; i++)
        if (result->vector[i]) {
            bulla_cbor_write_uint(writer, i);
            bulla_cbor_write_int(writer, result->vector[i]);
        }
}

/* Keys ascend by their encoding, in which a shorter text comes first. */
static int by_encoding(const void *left, const void *right)
{
    const char *a = (*(const struct bulla_measurement *const *)left)->name;
    const char *b = (*(const struct bulla_measurement *const *)right)->name;
    size_t a_size = strlen(a), b_size = strlen(b);
    return a_size != b_size ? (a_size > b_size) - (a_size < b_size) : strcmp(a, b);
}

static void write_measurements(struct bulla_writer *writer, const struct bulla_claims *claims)
{
    const struct bulla_measurement *sorted[BULLA_MEASUREMENTS];
    for (size_t i = 0; i < claims->measurement_count; i++)
        sorted[i] = &claims->measurements[i];
    qsort(sorted, claims->measurement_count, sizeof sorted[0], by_encoding);
    bulla_cbor_write_map(writer, claims->measurement_count);
    for (size_t i = 0; i < claims->measurement_count; i++) {
        bulla_cbor_write_tstr(writer, sorted[i]->name);
        bulla_cbor_write_bstr(writer, (struct bulla_bytes){sorted[i]->value, sorted[i]->size});
    }
}

static void write_appraisal(struct bulla_writer *writer, const struct bulla_attestation_result *result)
{
    char id[POLICY_ID];
    policy_id(result, id);
    bulla_cbor_write_map(writer, result->has_policy ? 4 : 3);
    bulla_cbor_write_uint(writer, KEY_STATUS);
    bulla_cbor_write_uint(writer, (uint64_t)result->tier);
    bulla_cbor_write_uint(writer, KEY_VECTOR);
    write_vector(writer, result);
    if (result->has_policy) {
        bulla_cbor_write_uint(writer, KEY_POLICIES);
        bulla_cbor_write_array(writer, 1);
        bulla_cbor_write_tstr(writer, id);
    }
    bulla_cbor_write_uint(writer, KEY_VERIFIER_CLAIMS);
    bulla_cbor_write_map(writer, 2);
    bulla_cbor_write_tstr(writer, "reason");
    bulla_cbor_write_tstr(writer, bulla_reason_code(result->reason));
    bulla_cbor_write_tstr(writer, "measurements");
    write_measurements(writer, &result->claims);
}

enum bulla_reason bulla_ear_cwt(
    const struct bulla_attestation_result *result, const struct bulla_cose_signer *signer, struct bulla_writer *writer)
{
    enum { CONTENT_CWT = 61 };
    uint8_t payload[BULLA_EAR_LARGEST];
    struct bulla_writer inner;
    bulla_writer_open(&inner, payload, sizeof payload);
    bulla_cbor_write_map(&inner, result->nonce.size ? 5 : 4);
    bulla_cbor_write_uint(&inner, KEY_ISSUED_AT);
    bulla_cbor_write_uint(&inner, result->judged_at);
    if (result->nonce.size) {
        bulla_cbor_write_uint(&inner, KEY_NONCE);
        bulla_cbor_write_bstr(&inner, result->nonce);
    }
    bulla_cbor_write_uint(&inner, KEY_PROFILE);
    bulla_cbor_write_tstr(&inner, PROFILE);
    bulla_cbor_write_uint(&inner, KEY_SUBMODULES);
    bulla_cbor_write_map(&inner, 1);
    bulla_cbor_write_tstr(&inner, submodule(result));
    write_appraisal(&inner, result);
    bulla_cbor_write_uint(&inner, KEY_VERIFIER);
    bulla_cbor_write_map(&inner, 2);
    bulla_cbor_write_uint(&inner, 0);
    bulla_cbor_write_tstr(&inner, DEVELOPER);
    bulla_cbor_write_uint(&inner, 1);
    bulla_cbor_write_tstr(&inner, BUILD);
    BULLA_TRY(bulla_writer_finish(&inner, "an attestation result"));
    return bulla_cose_sign1_write(
        writer, signer, CONTENT_CWT, bulla_writer_bytes(&inner), (struct bulla_bytes){NULL, 0});
}
