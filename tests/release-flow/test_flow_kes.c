/* Keys that evolve, over PKCS#11: the published vectors, what is refused, and what is shown. */
#include "kes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static int set_up(void **state)
{
    (void)state;
    flow_begin(FLOW_PLAIN, "");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    return 0;
}

static CK_OBJECT_HANDLE import_vector(const char *name, CK_ULONG period)
{
    CK_OBJECT_HANDLE key = 0;
    size_t size;
    uint8_t *raw = flow_kes_vector(name, &size);
    assert_ok(flow_kes_import(raw, size, period, name, &key));
    free(raw);
    return key;
}

static void assert_signs(CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE mechanism, const char *vector)
{
    struct flow_kes_signature signature;
    size_t size;
    uint8_t *expected = flow_kes_vector(vector, &size);
    assert_ok(flow_kes_sign(key, mechanism, "test message", &signature));
    assert_int_equal(signature.size, size);
    assert_memory_equal(signature.bytes, expected, size);
    free(expected);
}

/* input-output-hk/kes @57d2f944 (tests/vectors/kes) */
static void published_signatures_come_out_of_imported_keys(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key = import_vector("key6.bin", 0), later;
    assert_signs(key, CKM_BULLA_KES_SUM, "key6Sig.bin");
    assert_ok(flow_kes_evolve(key, 5));
    assert_int_equal(flow_kes_period(key), 5);
    assert_signs(key, CKM_BULLA_KES_SUM, "key6Sig5.bin");
    later = import_vector("key6update5.bin", 5);
    assert_signs(later, CKM_BULLA_KES_SUM, "key6Sig5.bin");
    later = import_vector("compactkey6.bin", 0);
    assert_signs(later, CKM_BULLA_KES_COMPACT, "compactkey6Sig.bin");
    assert_ok(flow_kes_evolve(later, 5));
    assert_signs(later, CKM_BULLA_KES_COMPACT, "compactkey6Sig5.bin");
}

static void an_evolved_key_is_the_published_one(void **state)
{
    (void)state;
    static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_BULLA_KES;
    CK_OBJECT_HANDLE key = 0;
    uint8_t value[BULLA_KES_RAW_LARGEST];
    size_t size, later_size;
    uint8_t *raw = flow_kes_vector("key6.bin", &size), *later = flow_kes_vector("key6update5.bin", &later_size);
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class}, {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &yes, 1}, {CKA_SENSITIVE, &no, 1}, {CKA_EXTRACTABLE, &yes, 1}, {CKA_VALUE, raw, size}};
    assert_ok(flow.p11->C_CreateObject(flow.session, attributes, COUNT_OF(attributes), &key));
    assert_int_equal(flow_bytes(key, CKA_VALUE, value, sizeof value), size);
    assert_memory_equal(value, raw, size);
    assert_ok(flow_kes_evolve(key, 5));
    assert_int_equal(flow_bytes(key, CKA_VALUE, value, sizeof value), later_size);
    assert_memory_equal(value, later, later_size);
    free(raw);
    free(later);
}

/* An envelope and its CBOR, made of a published key by hand. */
static size_t envelope_of(const uint8_t *raw, size_t size, char depth, char *text, size_t capacity)
{
    int used = snprintf(text, capacity,
        "{\n    \"type\": \"KesSigningKey_ed25519_kes_2^%c\",\n    \"description\": \"a \\\"KES\\\" key\",\n"
        "    \"cborHex\": \"59%04zx",
        depth, size);
    for (size_t i = 0; i < size; i++)
        used += snprintf(text + used, capacity - (size_t)used, "%02x", raw[i]);
    return (size_t)used + (size_t)snprintf(text + used, capacity - (size_t)used, "\"\n}\n");
}

static void envelopes_and_their_cbor_are_taken(void **state)
{
    (void)state;
    char text[2048];
    uint8_t cbor[3 + BULLA_KES_RAW_LARGEST];
    CK_OBJECT_HANDLE key = 0;
    size_t size;
    uint8_t *raw = flow_kes_vector("key6.bin", &size);
    assert_ok(flow_kes_import(text, envelope_of(raw, size, '6', text, sizeof text), 0, "text", &key));
    assert_signs(key, CKM_BULLA_KES_SUM, "key6Sig.bin");
    memcpy(cbor, "\x59\x02\x60", 3);
    memcpy(cbor + 3, raw, size);
    assert_ok(flow_kes_import(cbor, 3 + size, 0, "cbor", &key));
    assert_signs(key, CKM_BULLA_KES_SUM, "key6Sig.bin");
    free(raw);
    raw = flow_kes_vector("envelopes/kes-agent.kes.skey", &size);
    assert_ok(flow_kes_import(raw, size, 0, "agent", &key));
    assert_int_equal(flow_ulong(key, CKA_BULLA_KES_DEPTH), 6);
    free(raw);
}

static void what_is_no_key_of_its_depth_and_period_is_refused(void **state)
{
    (void)state;
    char text[2048];
    CK_OBJECT_HANDLE key = 0;
    size_t size, other_size;
    uint8_t *raw = flow_kes_vector("key6.bin", &size);
    uint8_t *golden = flow_kes_vector("envelopes/cardano-cli-golden.kes.skey", &other_size);
    /* 704 bytes under the name of depth 6 */
    assert_int_equal(flow_kes_import(golden, other_size, 0, "golden", &key), CKR_ATTRIBUTE_VALUE_INVALID);
    free(golden);
    golden = flow_kes_vector("envelopes/cardano-cli-golden.kes.vkey", &other_size);
    assert_int_equal(flow_kes_import(golden, other_size, 0, "public", &key), CKR_ATTRIBUTE_VALUE_INVALID);
    free(golden);
    assert_int_equal(flow_kes_import(raw, size - 1, 0, "short", &key), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_int_equal(flow_kes_import(raw, size, 1, "later", &key), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_refused(flow_kes_import(raw, size, 64, "beyond", &key), CKR_FUNCTION_REJECTED, "kes-over");
    assert_int_equal(flow_kes_import(text, envelope_of(raw, size, '7', text, sizeof text), 0, "depth", &key),
        CKR_ATTRIBUTE_VALUE_INVALID);
    size_t whole = envelope_of(raw, size, '6', text, sizeof text);
    text[whole - 10] = 'g';
    assert_int_equal(flow_kes_import(text, whole, 0, "hex", &key), CKR_ATTRIBUTE_VALUE_INVALID);
    for (size_t at = 0; at < size; at += 32) { /* every seed and every key of a pair is checked */
        raw[at] ^= 1;
        CK_RV rv = flow_kes_import(raw, size, 0, "bent", &key);
        if (rv == CKR_OK) { /* a right half's seed, or the root's right key: it shows when the tree is made */
            assert_true((at - 32) % 96 == 0 || at == size - 32);
            assert_refused(flow_kes_evolve(key, 1), CKR_ATTRIBUTE_VALUE_INVALID, "key-invalid");
            assert_int_equal(flow_kes_period(key), 0);
        } else {
            assert_int_equal(rv, CKR_ATTRIBUTE_VALUE_INVALID);
        }
        raw[at] ^= 1;
    }
    free(raw);
}

static void every_depth_signs_in_all_its_periods_and_stops(void **state)
{
    (void)state;
    for (int depth = 0; depth <= 7; depth += depth < 3 ? 1 : 2) {
        CK_OBJECT_HANDLE public_key = 0, key = 0;
        uint8_t vk[32];
        struct flow_kes_signature signature;
        assert_ok(
            flow_kes_generate(&(struct flow_kes_settings){.depth = depth ? depth : FLOW_KES_NONE}, &public_key, &key));
        assert_int_equal(flow_bytes(public_key, CKA_VALUE, vk, sizeof vk), 32);
        CK_ULONG last = flow_ulong(key, CKA_BULLA_KES_LAST_PERIOD);
        assert_int_equal(last, (1UL << depth) - 1);
        for (CK_ULONG period = 0; period <= last; period += period < 4 || period + 2 > last ? 1 : last / 4) {
            assert_ok(flow_kes_evolve(key, period));
            assert_ok(flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature));
            assert_int_equal(signature.size, 64 + 64 * depth);
            assert_int_equal(flow_kes_period_of(vk, (unsigned)depth, "message", &signature), period);
            assert_ok(flow_kes_verify(public_key, CKM_BULLA_KES_SUM, "message", &signature));
            assert_ok(flow_kes_sign(key, CKM_BULLA_KES_COMPACT, "message", &signature));
            assert_int_equal(signature.size, 96 + 32 * depth);
            assert_ok(flow_kes_verify(public_key, CKM_BULLA_KES_COMPACT, "message", &signature));
        }
        assert_ok(flow_kes_evolve(key, last));
        assert_refused(flow_kes_evolve(key, last + 1), CKR_FUNCTION_REJECTED, "kes-over");
        assert_refused(flow_kes_evolve(key, ~0UL), CKR_FUNCTION_REJECTED, "kes-over");
        if (last)
            assert_refused(flow_kes_evolve(key, last - 1), CKR_FUNCTION_REJECTED, "kes-past");
        assert_int_equal(flow_kes_period(key), last);
        assert_ok(flow.p11->C_DestroyObject(flow.session, key));
        assert_ok(flow.p11->C_DestroyObject(flow.session, public_key));
    }
}

static void a_public_key_that_names_a_period_takes_signatures_of_that_alone(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE public_key = 0, key = 0;
    struct flow_kes_signature signature;
    assert_ok(flow_kes_generate(&(struct flow_kes_settings){.depth = 3}, &public_key, &key));
    assert_ok(flow_kes_evolve(key, 5));
    assert_ok(flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature));
    assert_ok(flow_kes_verify(public_key, CKM_BULLA_KES_SUM, "message", &signature));
    for (CK_ULONG period = 0; period < 8; period++) {
        assert_ok(flow_kes_evolve(public_key, period)); /* of a public key: any */
        assert_int_equal(flow_kes_verify(public_key, CKM_BULLA_KES_SUM, "message", &signature),
            period == 5 ? CKR_OK : CKR_SIGNATURE_INVALID);
    }
    assert_ok(flow_kes_evolve(public_key, 8));
    assert_refused(
        flow_kes_verify(public_key, CKM_BULLA_KES_SUM, "message", &signature), CKR_FUNCTION_REJECTED, "kes-over");
}

static void every_byte_of_a_signature_counts(void **state)
{
    (void)state;
    static const CK_MECHANISM_TYPE mechanisms[] = {CKM_BULLA_KES_SUM, CKM_BULLA_KES_COMPACT};
    CK_OBJECT_HANDLE public_key = 0, key = 0;
    struct flow_kes_signature signature;
    assert_ok(flow_kes_generate(&(struct flow_kes_settings){.depth = 2}, &public_key, &key));
    for (size_t i = 0; i < COUNT_OF(mechanisms); i++) {
        assert_ok(flow_kes_sign(key, mechanisms[i], "message", &signature));
        for (CK_ULONG at = 0; at < signature.size; at++) {
            signature.bytes[at] ^= 0x10;
            assert_int_equal(flow_kes_verify(public_key, mechanisms[i], "message", &signature), CKR_SIGNATURE_INVALID);
            signature.bytes[at] ^= 0x10;
        }
        assert_int_equal(flow_kes_verify(public_key, mechanisms[i], "massage", &signature), CKR_SIGNATURE_INVALID);
        assert_int_equal(
            flow_kes_verify(public_key, mechanisms[1 - i], "message", &signature), CKR_SIGNATURE_LEN_RANGE);
        signature.size--;
        assert_int_equal(flow_kes_verify(public_key, mechanisms[i], "message", &signature), CKR_SIGNATURE_LEN_RANGE);
    }
}

static void a_message_may_come_in_parts(void **state)
{
    (void)state;
    CK_MECHANISM mechanism = {CKM_BULLA_KES_SUM, NULL, 0};
    CK_OBJECT_HANDLE key = import_vector("key6.bin", 0);
    unsigned char text[] = "test message", signature[BULLA_KES_SIGNATURE_LARGEST];
    CK_ULONG size = 0;
    size_t expected_size;
    uint8_t *expected = flow_kes_vector("key6Sig.bin", &expected_size);
    assert_ok(flow.p11->C_SignInit(flow.session, &mechanism, key));
    assert_ok(flow.p11->C_SignUpdate(flow.session, text, 5));
    assert_ok(flow.p11->C_SignUpdate(flow.session, text + 5, 7));
    assert_ok(flow.p11->C_SignFinal(flow.session, NULL, &size));
    assert_int_equal(size, expected_size);
    size = 10;
    assert_int_equal(flow.p11->C_SignFinal(flow.session, signature, &size), CKR_BUFFER_TOO_SMALL);
    size = sizeof signature;
    assert_ok(flow.p11->C_SignFinal(flow.session, signature, &size));
    assert_memory_equal(signature, expected, expected_size);
    free(expected);
}

static void a_key_stays_where_it_is(void **state)
{
    (void)state;
    static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_MECHANISM generate = {CKM_BULLA_KES_KEY_PAIR_GEN, NULL, 0}, sum = {CKM_BULLA_KES_SUM, NULL, 0};
    CK_OBJECT_HANDLE public_key = 0, key = 0, copy = 0;
    uint8_t buffer[BULLA_KES_RAW_LARGEST];
    CK_ULONG size = 0;
    CK_ATTRIBUTE value = {CKA_VALUE, buffer, sizeof buffer}, copyable = {CKA_COPYABLE, &yes, 1};
    CK_ATTRIBUTE extractable = {CKA_EXTRACTABLE, &yes, 1}, session_key = {CKA_TOKEN, &no, 1};
    assert_ok(flow_kes_generate(&(struct flow_kes_settings){0}, &public_key, &key));
    assert_false(flow_bool(key, CKA_COPYABLE));
    assert_true(flow_bool(key, CKA_SENSITIVE));
    assert_false(flow_bool(key, CKA_EXTRACTABLE));
    assert_int_equal(flow.p11->C_CopyObject(flow.session, key, NULL, 0, &copy), CKR_ACTION_PROHIBITED);
    assert_int_equal(flow.p11->C_GetAttributeValue(flow.session, key, &value, 1), CKR_ATTRIBUTE_SENSITIVE);
    assert_int_equal(flow.p11->C_SetAttributeValue(flow.session, key, &copyable, 1), CKR_ATTRIBUTE_READ_ONLY);
    assert_int_equal(flow.p11->C_SetAttributeValue(flow.session, key, &extractable, 1), CKR_ATTRIBUTE_READ_ONLY);
    assert_int_equal(flow.p11->C_GenerateKeyPair(flow.session, &generate, NULL, 0, &session_key, 1, &public_key, &key),
        CKR_TEMPLATE_INCONSISTENT);
    key = flow_find(CKO_PRIVATE_KEY, "kes");
    assert_ok(flow.p11->C_SignInit(flow.session, &sum, key));
    CK_RV rv = flow.p11->C_GetOperationState(flow.session, NULL, &size);
    assert_true(rv == CKR_STATE_UNSAVEABLE || rv == CKR_OPERATION_NOT_INITIALIZED);
}

static void the_object_says_what_it_is(void **state)
{
    (void)state;
    uint8_t of_public[32], of_private[32], keeper[8];
    CK_OBJECT_HANDLE public_key = 0, key = 0;
    assert_ok(flow_kes_generate(&(struct flow_kes_settings){0}, &public_key, &key));
    assert_int_equal(flow_ulong(key, CKA_BULLA_KES_DEPTH), 6);
    assert_int_equal(flow_ulong(key, CKA_BULLA_KES_LAST_PERIOD), 63);
    assert_int_equal(flow_kes_period(key), 0);
    assert_int_equal(flow_bytes(public_key, CKA_VALUE, of_public, sizeof of_public), 32);
    assert_int_equal(flow_bytes(key, CKA_BULLA_KES_VERIFICATION_KEY, of_private, sizeof of_private), 32);
    assert_memory_equal(of_public, of_private, 32);
    assert_int_equal(flow_bytes(key, CKA_BULLA_KES_KEEPER, keeper, sizeof keeper), 4);
    assert_memory_equal(keeper, "file", 4);
}

static void templates_that_ask_for_what_there_is_not_are_refused(void **state)
{
    (void)state;
    static CK_BBOOL yes = CK_TRUE;
    CK_MECHANISM generate = {CKM_BULLA_KES_KEY_PAIR_GEN, NULL, 0};
    CK_ULONG eight = 8, one = 1, zero = 0;
    CK_OBJECT_HANDLE public_key = 0, key = 0;
    const struct {
        CK_ATTRIBUTE attribute;
        CK_RV code;
    } cases[] = {
        {{CKA_BULLA_KES_DEPTH, &eight, sizeof eight}, CKR_ATTRIBUTE_VALUE_INVALID},
        {{CKA_BULLA_KES_PERIOD, &one, sizeof one}, CKR_TEMPLATE_INCONSISTENT},
        {{CKA_BULLA_KES_SLOTS_PER_PERIOD, &one, sizeof one}, CKR_TEMPLATE_INCOMPLETE},
        {{CKA_BULLA_KES_START_TIME, &one, sizeof one}, CKR_TEMPLATE_INCOMPLETE},
        {{CKA_BULLA_KES_SLOT_LENGTH, &zero, sizeof zero}, CKR_TEMPLATE_INCOMPLETE},
        {{CKA_BULLA_KES_LAST_PERIOD, &one, sizeof one}, CKR_ATTRIBUTE_READ_ONLY},
        {{CKA_BULLA_KES_KEEPER, (void *)(uintptr_t) "tpm", 3}, CKR_ATTRIBUTE_READ_ONLY},
        {{CKA_BULLA_RELEASE, (void *)(uintptr_t) "passphrase", 10}, CKR_TEMPLATE_INCONSISTENT},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CK_ATTRIBUTE template[] = {{CKA_TOKEN, &yes, 1}, cases[i].attribute};
        CK_RV rv = flow.p11->C_GenerateKeyPair(flow.session, &generate, NULL, 0, template, 2, &public_key, &key);
        if (rv != cases[i].code)
            fail_msg("case %zu: 0x%lx", i, rv);
    }
    assert_int_equal(flow_find(CKO_PRIVATE_KEY, "kes"), 0);
}

static void a_token_has_a_bounded_number_of_them(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE public_key = 0, first = 0, key = 0;
    const struct flow_kes_settings small = {.depth = 1};
    assert_ok(flow_kes_generate(&small, &public_key, &first));
    for (int i = 1; i < 64; i++)
        assert_ok(flow_kes_generate(&small, &public_key, &key));
    assert_refused(flow_kes_generate(&small, &public_key, &key), CKR_DATA_LEN_RANGE, "too-large");
    assert_ok(flow.p11->C_DestroyObject(flow.session, first));
    assert_ok(flow_kes_generate(&small, &public_key, &key));
    flow_reopen();
    assert_int_equal(flow_kes_period(flow_find(CKO_PRIVATE_KEY, "kes")), 0);
}

static void what_was_evolved_is_so_in_the_next_process(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key = import_vector("key6.bin", 0);
    assert_ok(flow_kes_evolve(key, 5));
    flow_reopen();
    key = flow_find(CKO_PRIVATE_KEY, "key6.bin");
    assert_int_equal(flow_kes_period(key), 5);
    assert_signs(key, CKM_BULLA_KES_SUM, "key6Sig5.bin");
}

/* A module with a sanitizer in it can't be loaded by a program without. */
static void pkcs11_tool_lists_them(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    CK_OBJECT_HANDLE public_key = 0, key = 0;
    char line[256];
    int seen = 0;
    assert_ok(flow_kes_generate(&(struct flow_kes_settings){.label = "pool"}, &public_key, &key));
    flow_close();
    FILE *tool = popen("pkcs11-tool --module " BULLA_MODULE " --login --pin " FLOW_PIN " -O 2>/dev/null", "r");
    assert_non_null(tool);
    while (fgets(line, sizeof line, tool))
        seen += strstr(line, "pool") != NULL;
    int status = pclose(tool);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        skip();
    assert_int_equal(status, 0);
    assert_int_equal(seen, 2); /* both halves, under their label */
    flow_open();
}

int main(void)
{
#define FLOW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        FLOW(published_signatures_come_out_of_imported_keys),
        FLOW(an_evolved_key_is_the_published_one),
        FLOW(envelopes_and_their_cbor_are_taken),
        FLOW(what_is_no_key_of_its_depth_and_period_is_refused),
        FLOW(every_depth_signs_in_all_its_periods_and_stops),
        FLOW(a_public_key_that_names_a_period_takes_signatures_of_that_alone),
        FLOW(every_byte_of_a_signature_counts),
        FLOW(a_message_may_come_in_parts),
        FLOW(a_key_stays_where_it_is),
        FLOW(the_object_says_what_it_is),
        FLOW(templates_that_ask_for_what_there_is_not_are_refused),
        FLOW(a_token_has_a_bounded_number_of_them),
        FLOW(what_was_evolved_is_so_in_the_next_process),
        FLOW(pkcs11_tool_lists_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
