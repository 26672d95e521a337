/* Requests and answers: what is taken, what is refused, and whether an answer is what its receipt says. */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "evidence/receipt.h"
#include "model.h"

static CK_OBJECT_HANDLE key;
static const uint8_t nonce[16] = "a nonce of 16 by";

static int set_up(void **state)
{
    (void)state;
    flow_begin(FLOW_PLAIN, "");
    key = flow_tiny("tiny", NULL, NULL);
    return 0;
}

static int set_up_short_lease(void **state)
{
    (void)state;
    flow_begin(FLOW_PLAIN, "lease = 2\n");
    key = flow_tiny("tiny", NULL, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    return 0;
}

/* --- refused --- */

static CK_RV infer_bytes(const void *data, size_t size)
{
    struct flow_answer answer;
    CK_RV rv = flow_infer(key, (struct bulla_bytes){data, size}, &answer);
    flow_answer_free(&answer);
    return rv;
}
#define INFER(literal) infer_bytes(literal, sizeof(literal) - 1)

static CK_RV infer_request(const struct flow_request *request)
{
    struct bulla_bytes bytes = flow_request_make(request);
    CK_RV rv = infer_bytes(bytes.data, bytes.size);
    free((void *)(uintptr_t)bytes.data);
    return rv;
}

static void empty_requests_are_refused(void **state)
{
    (void)state;
    static const char *const empty[] = {""};
    assert_refused(infer_bytes("", 0), CKR_DATA_LEN_RANGE, "request-empty");
    assert_refused(infer_request(&(struct flow_request){.texts = empty}), CKR_DATA_LEN_RANGE, "request-empty");
    assert_ok(infer_request(&(struct flow_request){.texts = empty, .count = 1})); /* [CLS] [SEP] */
    assert_ok(flow_run(key));
}

/* Each line is one map that is wrong in one way; bytes are written out, so that nothing mends them. */
static void malformed_maps_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *reason;
    } rows[] = {
#define ROW(literal, reason) {literal, sizeof(literal) - 1, reason}
        ROW("\xa1\x65texts\x81\x61", "request-malformed"),                    /* ends early */
        ROW("\xa1\x65texts\x81\x61x!", "request-malformed"),                  /* goes on */
        ROW("\xa1\x65texts\x98\x01\x61x", "request-malformed"),               /* a longer head than needed */
        ROW("\xbf\x65texts\x81\x61x\xff", "request-malformed"),               /* of indefinite length */
        ROW("\xa1\x65texts\x9f\x61x\xff", "request-malformed"),               /* the same, inside */
        ROW("\xa1\x65textz\x81\x61x", "request-malformed"),                   /* no texts */
        ROW("\xa2\x65texts\x81\x61x\x65thing\x01", "request-malformed"),      /* an unknown field, out of order */
        ROW("\xa2\x65texts\x81\x61x\x65topic\x01", "request-malformed"),      /* an unknown field, in its order */
        ROW("\xa2\x65texts\x81\x61x\x65texts\x81\x61y", "request-malformed"), /* twice */
        ROW("\xa2\x65texts\x81\x61x\x65nonce\x48"
            "12345678",
            "request-malformed"), /* keys out of order */
        ROW("\xa2\x65nonce\x47"
            "1234567\x65texts\x81\x61x",
            "request-malformed"), /* a nonce of 7 */
        ROW("\xa2\x65nonce\x68"
            "12345678\x65texts\x81\x61x",
            "request-malformed"),                                             /* of text */
        ROW("\xa1\x65texts\x61x", "request-malformed"),                       /* not an array */
        ROW("\xa1\x65texts\x81\x41x", "request-malformed"),                   /* of bytes */
        ROW("\xa1\x65texts\x81\x81\x61x", "request-malformed"),               /* of arrays */
        ROW("\xa2\x65texts\x81\x61x\x66tokens\x01", "request-malformed"),     /* not a boolean */
        ROW("\xa2\x65texts\x81\x61x\x6amax_length\x01", "request-malformed"), /* [CLS] [SEP] do not fit */
        ROW("\xa2\x65texts\x81\x61x\x6amax_length\x1a\x00\x01\x00\x00", "request-malformed"), /* 65,536 */
        ROW("\xa1\x65texts\x81\x62\xc3\x28", "not-utf-8"),
        ROW("\xa1\x01\x81\x61x", "request-malformed"), /* an integer for a key */
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct flow_refusal before, after;
        flow_why(&before);
        CK_RV rv = infer_bytes(rows[i].bytes, rows[i].size);
        flow_why(&after);
        if (rv != CKR_DATA_INVALID || after.line == before.line || strcmp(after.reason, rows[i].reason) != 0)
            fail_msg("row %zu: 0x%lx %s: %s", i, rv, after.reason, after.detail);
    }
    assert_ok(flow_run(key));
}

static void text_that_is_not_utf8_is_refused(void **state)
{
    (void)state;
    assert_refused(INFER("a\xff"), CKR_DATA_INVALID, "not-utf-8");
    assert_refused(INFER("\xc0\x80"), CKR_DATA_INVALID, "not-utf-8");         /* overlong */
    assert_refused(INFER("\xed\xa0\x80"), CKR_DATA_INVALID, "not-utf-8");     /* a surrogate */
    assert_refused(INFER("\xf4\x90\x80\x80"), CKR_DATA_INVALID, "not-utf-8"); /* above U+10FFFF */
    assert_refused(INFER("\xe2\x82"), CKR_DATA_INVALID, "not-utf-8");         /* cut */
    struct flow_refusal why;
    flow_why(&why);
    assert_null(strstr(why.detail, "\xe2")); /* no bytes of a request in the log */
    assert_ok(flow_run(key));
}

/* The text of a request never reaches the log, whatever is wrong with it. */
static void a_refusal_does_not_repeat_the_text(void **state)
{
    (void)state;
    static const char unknown_field[] = "\xa2\x65texts\x81\x69"
                                        "topsecret\x65topic\x01";
    char path[128];
    size_t size = 0;
    assert_refused(infer_bytes(unknown_field, sizeof unknown_field - 1), CKR_DATA_INVALID, "request-malformed");
    assert_refused(INFER("topsecret\xff"), CKR_DATA_INVALID, "not-utf-8");
    test_folder_join(path, sizeof path, flow.token, "audit.jsonl");
    char *log = (char *)test_file_read(path, &size);
    assert_non_null(log);
    assert_non_null(memmem(log, size, "refused", 7));
    assert_null(memmem(log, size, "topsecret", 9));
    free(log);
}

static void too_much_is_refused_and_much_is_taken(void **state)
{
    (void)state;
    static const char *texts[1025];
    const size_t huge = (8 << 20) + 1;
    char *text = malloc(huge);
    assert_non_null(text);
    for (size_t i = 0; i < 1025; i++)
        texts[i] = "clay";
    assert_ok(infer_request(&(struct flow_request){.texts = texts, .count = 1024}));
    assert_refused(
        infer_request(&(struct flow_request){.texts = texts, .count = 1025}), CKR_DATA_LEN_RANGE, "request-too-large");
    for (size_t i = 0; i < huge; i++)
        text[i] = "clay "[i % 5];
    assert_ok(infer_bytes(text, 1 << 20)); /* cut to the model's positions */
    assert_refused(infer_bytes(text, huge), CKR_DATA_LEN_RANGE, "request-too-large");
    memset(text, 'x', huge); /* one word of 1 MB: unknown */
    assert_ok(infer_bytes(text, 1 << 20));
    free(text);
    assert_ok(flow_run(key));
}

static void nonces_have_8_to_64_bytes(void **state)
{
    (void)state;
    static const char *const texts[] = {"clay"};
    static const uint8_t bytes[65] = {1};
    static const size_t good[] = {8, 32, 64}, bad[] = {1, 7, 65};
    for (size_t i = 0; i < 3; i++) {
        assert_ok(
            infer_request(&(struct flow_request){.texts = texts, .count = 1, .nonce = bytes, .nonce_size = good[i]}));
        assert_refused(
            infer_request(&(struct flow_request){.texts = texts, .count = 1, .nonce = bytes, .nonce_size = bad[i]}),
            CKR_DATA_INVALID, "request-malformed");
    }
}

/* --- answers --- */

static struct flow_answer answer_to(const struct flow_request *request)
{
    struct flow_answer answer;
    struct bulla_bytes bytes = flow_request_make(request);
    assert_ok(flow_infer(key, bytes, &answer));
    free((void *)(uintptr_t)bytes.data);
    return answer;
}

/* What the tiny model says by the reference implementation, in double precision. */
static void assert_embedding(const float *values, const uint32_t *ids, size_t count)
{
    struct tiny_model *model = tiny_make(1, 2, 16, 32, "F32", "");
    double expected[16];
    tiny_reference(model, ids, count, expected);
    for (size_t i = 0; i < 16; i++)
        assert_true(expected[i] - (double)values[i] < 1e-5 && (double)values[i] - expected[i] < 1e-5);
    tiny_free(model);
}

static uint32_t token_at(const struct flow_answer *answer, size_t text, size_t place, size_t *count)
{
    struct bulla_cbor row, item;
    struct bulla_cbor_walk rows = bulla_cbor_inside(&answer->tokens);
    for (size_t i = 0; i <= text; i++)
        assert_true(bulla_cbor_next(&rows, &row));
    *count = (size_t)row.number;
    struct bulla_cbor_walk items = bulla_cbor_inside(&row);
    for (size_t i = 0; i <= place; i++)
        assert_true(bulla_cbor_next(&items, &item));
    return (uint32_t)item.number;
}

/* vocab.txt of the tiny model: [PAD] [UNK] [CLS] [SEP] clay seal ##ed to ##ken open . */
static void embeddings_and_tokens_are_the_models(void **state)
{
    (void)state;
    static const char *const texts[] = {"Sealed token.", "unknown"};
    static const uint32_t first[] = {2, 5, 6, 7, 8, 10, 3}, second[] = {2, 1, 3};
    struct flow_answer answer = answer_to(&(struct flow_request){.texts = texts, .count = 2, .tokens = true});
    size_t count = 0;
    assert_int_equal(answer.count, 2);
    assert_int_equal(answer.dimension, 16);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(token_at(&answer, 0, i, &count), first[i]);
    assert_int_equal(count, 7);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(token_at(&answer, 1, i, &count), second[i]);
    assert_int_equal(count, 3);
    assert_embedding(answer.values[0], first, 7);
    assert_embedding(answer.values[1], second, 3);
    flow_answer_free(&answer);

    static const uint32_t cut[] = {2, 5, 6, 3}; /* max_length counts [CLS] and [SEP] */
    answer = answer_to(&(struct flow_request){.texts = texts, .count = 1, .tokens = true, .longest = 4});
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(token_at(&answer, 0, i, &count), cut[i]);
    assert_int_equal(count, 4);
    assert_embedding(answer.values[0], cut, 4);
    flow_answer_free(&answer);
    answer = answer_to(&(struct flow_request){.texts = texts, .count = 1, .longest = 65535}); /* the model's own */
    assert_int_equal(answer.tokens.kind, BULLA_CBOR_NULL);
    assert_embedding(answer.values[0], first, 7);
    flow_answer_free(&answer);
}

static void a_text_gives_the_same_alone_and_among_others(void **state)
{
    (void)state;
    static const char *const texts[] = {"clay", "open the sealed clay token. open to clay", "seal", "clay"};
    struct flow_answer alone, among = answer_to(&(struct flow_request){.texts = texts, .count = 4});
    for (size_t i = 0; i < 4; i++) {
        assert_ok(flow_infer_text(key, texts[i], &alone));
        assert_true(flow_largest_difference(alone.values[0], among.values[i], 16) < 1e-6F);
        flow_answer_free(&alone);
    }
    assert_true(flow_largest_difference(among.values[0], among.values[3], 16) < 1e-6F);
    assert_true(flow_largest_difference(among.values[0], among.values[2], 16) > 1e-3F);
    flow_answer_free(&among);
}

/* --- receipts --- */

static void receipt_key(uint8_t point[static 32])
{
    uint8_t der[34];
    CK_OBJECT_HANDLE object = flow_find(CKO_PUBLIC_KEY, "bulla receipt key");
    assert_int_not_equal(object, 0);
    assert_int_equal(flow_bytes(object, CKA_EC_POINT, der, sizeof der), sizeof der);
    assert_int_equal(der[0], 0x04); /* DER OCTET STRING of 32 bytes */
    assert_int_equal(der[1], 32);
    memcpy(point, der + 2, 32);
}

static void salted(struct bulla_bytes salt, struct bulla_bytes bytes, uint8_t digest[static 32])
{
    crypto_hash_sha256_state hash;
    (void)crypto_hash_sha256_init(&hash);
    (void)crypto_hash_sha256_update(&hash, salt.data, salt.size);
    (void)crypto_hash_sha256_update(&hash, bytes.data, bytes.size);
    (void)crypto_hash_sha256_final(&hash, digest);
}

static void assert_receipt(const struct flow_answer *answer, struct bulla_bytes request, struct bulla_bytes its_nonce,
    struct bulla_receipt *receipt)
{
    uint8_t point[32], digest[32];
    receipt_key(point);
    const struct bulla_receipt_expectation expectation = {.nonce = its_nonce,
        .request = request,
        .request_salt = answer->request_salt.string,
        .response = answer->embeddings.encoded,
        .response_salt = answer->response_salt.string,
        .now = (uint64_t)time(NULL),
        .oldest_seconds = 60};
    if (bulla_receipt_verify(answer->receipt.string, point, &expectation, receipt) != BULLA_OK)
        fail_msg("%s", bulla_detail());
    salted(answer->request_salt.string, request, digest);
    assert_memory_equal(digest, receipt->request_hash, 32);
    salted(answer->response_salt.string, answer->embeddings.encoded, digest);
    assert_memory_equal(digest, receipt->response_hash, 32);
    assert_true(bulla_bytes_equal_text(receipt->profile, BULLA_RECEIPT_PROFILE));
    assert_true(bulla_bytes_equal_text(receipt->model_id, "tiny"));
    point[0] ^= 1;
    assert_int_not_equal(bulla_receipt_verify(answer->receipt.string, point, &expectation, receipt), BULLA_OK);
    point[0] ^= 1;
    assert_int_equal(bulla_receipt_verify(answer->receipt.string, point, &expectation, receipt), BULLA_OK);
}

static void receipts_are_signed_and_bind_request_answer_and_nonce(void **state)
{
    (void)state;
    static const char *const texts[] = {"clay", "seal"};
    struct bulla_bytes request =
        flow_request_make(&(struct flow_request){.texts = texts, .count = 2, .nonce = nonce, .nonce_size = 16});
    struct flow_answer first, second;
    struct bulla_receipt receipt, later;
    uint8_t digest[32];
    assert_ok(flow_infer(key, request, &first));
    assert_receipt(&first, request, BULLA_BYTES(nonce), &receipt);
    assert_true(bulla_bytes_equal(receipt.nonce, BULLA_BYTES(nonce)));
    assert_true(bulla_bytes_equal_text(receipt.security_mode, "unattested"));
    assert_string_equal(receipt.measurement_type, "none");
    assert_true(bulla_bytes_equal_text(receipt.policy_version, "none"));
    assert_int_equal(first.evidence.kind, BULLA_CBOR_NULL);
    struct flow_archive archive = flow_archive_tiny(); /* the model's hash is that of its manifest */
    (void)crypto_hash_sha256(digest, archive.bytes + 4, archive.manifest_size);
    assert_memory_equal(digest, receipt.model_hash, 32);
    flow_archive_free(&archive);

    assert_ok(flow_infer(key, request, &second));
    assert_receipt(&second, request, BULLA_BYTES(nonce), &later);
    assert_int_equal(later.sequence, receipt.sequence + 1);
    assert_memory_not_equal(later.id, receipt.id, 16);
    assert_false(bulla_bytes_equal(first.request_salt.string, second.request_salt.string));
    assert_false(bulla_bytes_equal(first.response_salt.string, second.response_salt.string));
    assert_memory_not_equal(later.request_hash, receipt.request_hash, 32);
    flow_answer_free(&second);
    flow_answer_free(&first);
    free((void *)(uintptr_t)request.data);
}

static void a_receipt_of_other_bytes_is_refused(void **state)
{
    (void)state;
    struct flow_answer answer;
    struct bulla_receipt receipt;
    uint8_t point[32];
    receipt_key(point);
    assert_ok(flow_infer_text(key, "clay", &answer));
    assert_receipt(&answer, BULLA_TEXT("clay"), (struct bulla_bytes){NULL, 0}, &receipt);
    struct bulla_receipt_expectation wrong = {
        .request = BULLA_TEXT("clax"), .request_salt = answer.request_salt.string};
    assert_int_equal(bulla_receipt_verify(answer.receipt.string, point, &wrong, &receipt), BULLA_EVIDENCE_MISMATCH);
    wrong = (struct bulla_receipt_expectation){
        .response = answer.tokens.encoded, .response_salt = answer.response_salt.string};
    wrong.response = answer.request_salt.encoded;
    assert_int_equal(bulla_receipt_verify(answer.receipt.string, point, &wrong, &receipt), BULLA_EVIDENCE_MISMATCH);
    wrong = (struct bulla_receipt_expectation){.nonce = BULLA_BYTES(nonce)};
    assert_int_equal(bulla_receipt_verify(answer.receipt.string, point, &wrong, &receipt), BULLA_EVIDENCE_MISMATCH);
    flow_answer_free(&answer);
}

static void sequence_numbers_ascend(void **state)
{
    (void)state;
    struct flow_answer answer;
    struct bulla_receipt receipt;
    uint64_t last = 0;
    for (int i = 0; i < 5; i++) {
        assert_ok(flow_infer_text(key, "clay", &answer));
        assert_receipt(&answer, BULLA_TEXT("clay"), (struct bulla_bytes){NULL, 0}, &receipt);
        assert_true(receipt.sequence > last);
        last = receipt.sequence;
        flow_answer_free(&answer);
        if (i == 2) {
            flow_relogin();
            key = flow_key("tiny");
        }
    }
}

/* --- the object route --- */

static CK_RV write_request(const char *label, struct bulla_bytes request, bool on_token, CK_OBJECT_HANDLE *object)
{
    CK_OBJECT_CLASS data = CKO_DATA;
    CK_BBOOL token = on_token ? CK_TRUE : CK_FALSE;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &data, sizeof data},
        {CKA_TOKEN, &token, sizeof token},
        {CKA_APPLICATION, (void *)(uintptr_t)BULLA_INFER_APPLICATION, strlen(BULLA_INFER_APPLICATION)},
        {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
        {CKA_VALUE, (void *)(uintptr_t)request.data, request.size},
    };
    return flow.p11->C_CreateObject(flow.session, template, 5, object);
}

static struct flow_answer read_answer(CK_OBJECT_HANDLE object)
{
    enum { ROOM = 65536 };
    struct flow_answer answer;
    uint8_t *bytes = malloc(ROOM);
    assert_non_null(bytes);
    size_t size = flow_bytes(object, CKA_VALUE, bytes, ROOM);
    flow_answer_read(bytes, size, &answer);
    return answer;
}

static void the_object_route_gives_the_same_answer(void **state)
{
    (void)state;
    struct flow_answer direct, routed;
    struct bulla_receipt receipt;
    CK_OBJECT_HANDLE object = 0;
    assert_ok(flow_infer_text(key, "clay token", &direct));
    for (int on_token = 0; on_token < 2; on_token++) {
        assert_ok(write_request(on_token ? "tiny#1" : "tiny", BULLA_TEXT("clay token"), on_token, &object));
        for (int again = 0; again < 2; again++) { /* reading does not destroy */
            routed = read_answer(object);
            assert_int_equal(routed.count, 1);
            assert_true(flow_largest_difference(direct.values[0], routed.values[0], 16) < 1e-6F);
            assert_receipt(&routed, BULLA_TEXT("clay token"), (struct bulla_bytes){NULL, 0}, &receipt);
            flow_answer_free(&routed);
        }
    }
    flow_answer_free(&direct);
}

static void answers_are_told_apart_by_their_tags(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE first = 0, second = 0;
    assert_ok(write_request("tiny#a", BULLA_TEXT("clay"), true, &first));
    assert_refused(
        write_request("tiny#a", BULLA_TEXT("seal"), true, &second), CKR_TEMPLATE_INCONSISTENT, "answer-pending");
    assert_ok(write_request("tiny#b", BULLA_TEXT("seal"), true, &second));
    struct flow_answer one = read_answer(first), two = read_answer(second);
    assert_true(flow_largest_difference(one.values[0], two.values[0], 16) > 1e-3F);
    flow_answer_free(&one);
    flow_answer_free(&two);
    assert_ok(flow.p11->C_DestroyObject(flow.session, first)); /* its label is free again */
    assert_ok(write_request("tiny#a", BULLA_TEXT("seal"), true, &first));
    (void)flow_tiny("ti#ny", NULL, NULL); /* a label of a model, and one of a tag, may hold the mark, too */
    assert_ok(write_request("ti#ny", BULLA_TEXT("seal"), true, &second));
    assert_ok(write_request("ti#ny#1", BULLA_TEXT("seal"), true, &second));
    assert_ok(write_request("tiny#1#2", BULLA_TEXT("seal"), true, &second));
    assert_refused(write_request("ti#no", BULLA_TEXT("x"), true, &second), CKR_FUNCTION_FAILED, "model-missing");
    assert_refused(write_request("other#a", BULLA_TEXT("x"), true, &second), CKR_FUNCTION_FAILED, "model-missing");
    assert_refused(write_request("#a", BULLA_TEXT("x"), true, &second), CKR_FUNCTION_FAILED, "model-missing");
    assert_refused(write_request("tiny#c", BULLA_TEXT("a\xff"), true, &second), CKR_DATA_INVALID, "not-utf-8");
    assert_refused(write_request("tiny#c", BULLA_TEXT(""), true, &second), CKR_DATA_LEN_RANGE, "request-empty");
}

static void answers_are_for_the_user_only(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE object = 0;
    assert_ok(write_request("tiny#a", BULLA_TEXT("clay"), true, &object));
    assert_true(flow_bool(object, CKA_PRIVATE));
    assert_ok(flow.p11->C_Logout(flow.session));
    assert_int_equal(flow_find(CKO_DATA, "tiny#a"), 0);
    assert_int_equal(write_request("tiny#b", BULLA_TEXT("clay"), true, &object), CKR_USER_NOT_LOGGED_IN);
    assert_ok(flow_login(FLOW_PIN));
    object = flow_find(CKO_DATA, "tiny#a");
    assert_int_not_equal(object, 0);
    struct flow_answer answer = read_answer(object);
    flow_answer_free(&answer);
    /* neither the request nor the answer lies in the store in the clear */
    char path[160];
    size_t size = 0;
    flow_close();
    test_folder_join(path, sizeof path, flow.token, "token.db");
    unsigned char *store = test_file_read(path, &size);
    assert_non_null(store);
    assert_null(memmem(store, size, "embeddings", 10));
    free(store);
}

static void answers_and_models_go_with_their_lease(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE object = 0, again = 0;
    assert_ok(write_request("tiny#a", BULLA_TEXT("clay"), true, &object));
    CK_ULONG expires = flow_ulong(object, CKA_BULLA_EXPIRES);
    assert_in_range(expires, (CK_ULONG)time(NULL), (CK_ULONG)time(NULL) + 2);
    (void)usleep(3200000);
    assert_int_equal(flow_find(CKO_DATA, "tiny#a"), 0);
    assert_ok(write_request("tiny#a", BULLA_TEXT("seal"), true, &again));
    assert_ok(flow_run(key));
    char path[256];
    flow_model_path(key, path, sizeof path);
    assert_ok(flow_run(key));
    (void)usleep(3200000); /* the opened model is gone: its file is needed again */
    assert_int_equal(unlink(path), 0);
    assert_refused(flow_run(key), CKR_FUNCTION_FAILED, "model-missing");
}

/* --- the real model, where it is there --- */

static void the_real_model_answers(void **state)
{
    (void)state;
    const char *named = getenv("BULLA_TEST_MODEL");
    struct flow_archive archive =
        flow_archive_of_folder(named ? named : BULLA_SOURCE_FOLDER "/build/models/all-MiniLM-L6-v2");
    struct flow_sealed sealed;
    static const char *const texts[] = {
        "A man is eating food.", "A man is eating a piece of bread.", "A cheetah is running behind its prey."};
    if (!archive.bytes) {
        if (getenv("CI"))
            fail_msg("the model all-MiniLM-L6-v2 is missing");
        print_message("the model all-MiniLM-L6-v2 is not there: skipped\n");
        skip();
    }
    assert_ok(flow_key_make("minilm", NULL, NULL, &key));
    assert_ok(flow_seal(key, &archive, 1 << 22, &sealed));
    flow_put(key, sealed.bytes, sealed.size);
    flow_sealed_free(&sealed);
    flow_archive_free(&archive);
    struct flow_answer answer = answer_to(&(struct flow_request){.texts = texts, .count = 3});
    assert_int_equal(answer.dimension, 384);
    float near = 0, far = 0;
    for (size_t i = 0; i < 384; i++) {
        near += answer.values[0][i] * answer.values[1][i];
        far += answer.values[0][i] * answer.values[2][i];
    }
    assert_true(near > 0.6F && far < 0.3F && near <= 1.0001F);
    flow_answer_free(&answer);
    struct flow_answer alone;
    assert_ok(flow_infer_text(key, texts[0], &alone));
    struct bulla_receipt receipt;
    uint8_t point[32];
    receipt_key(point);
    const struct bulla_receipt_expectation expectation = {
        .request = BULLA_TEXT(texts[0]), .request_salt = alone.request_salt.string};
    assert_int_equal(bulla_receipt_verify(alone.receipt.string, point, &expectation, &receipt), BULLA_OK);
    flow_answer_free(&alone);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(empty_requests_are_refused),
        T(malformed_maps_are_refused),
        T(text_that_is_not_utf8_is_refused),
        T(a_refusal_does_not_repeat_the_text),
        T(too_much_is_refused_and_much_is_taken),
        T(nonces_have_8_to_64_bytes),
        T(embeddings_and_tokens_are_the_models),
        T(a_text_gives_the_same_alone_and_among_others),
        T(receipts_are_signed_and_bind_request_answer_and_nonce),
        T(a_receipt_of_other_bytes_is_refused),
        T(sequence_numbers_ascend),
        T(the_object_route_gives_the_same_answer),
        T(answers_are_told_apart_by_their_tags),
        T(answers_are_for_the_user_only),
        cmocka_unit_test_setup_teardown(answers_and_models_go_with_their_lease, set_up_short_lease, tear_down),
        T(the_real_model_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
