/* The audit log as a chain: what its hashes and signed heads are over, and that nothing in it is changed, forged,
 * moved, cut or rewritten unseen. */
#include "audit_fixture.h"

#include <jansson.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void a_log_that_nobody_touched_verifies(void **state)
{
    (void)state;
    struct bulla_audit_summary summary;
    audit_write_log();
    assert_int_equal(audit_verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 6);
    assert_int_equal(summary.heads, 1);
    assert_int_equal(summary.last_counter, 5);
    assert_int_equal(summary.after_last_head, 2);
    assert_int_equal(summary.broken_line, 0);
    assert_int_equal(bulla_audit_verify(audit_path, NULL, 5, &summary), BULLA_OK);
}

/* The chain as docs/formats.md gives it, computed here from the text: hash = SHA-256(prev ‖ the line without its hash
 * member), prev = the hash of the line before, 32 zero bytes for the first. */
static void the_chain_is_the_one_that_the_format_gives(void **state)
{
    (void)state;
    uint8_t prev[32] = {0};
    size_t size = 0;
    audit_write_log();
    char *text = audit_contents(&size);
    for (unsigned i = 0; i < 6; i++) {
        char *line = audit_line(text, i), prev_hex[65], hash_hex[65];
        json_t *object = json_loads(line, 0, NULL);
        assert_non_null(object);
        assert_int_equal(json_integer_value(json_object_get(object, "seq")), i + 1);
        assert_string_equal(json_string_value(json_object_get(object, "prev")), sodium_bin2hex(prev_hex, 65, prev, 32));
        char *member = strstr(line, ",\"hash\":\"");
        assert_non_null(member);
        uint8_t hashed[4200];
        size_t kept = (size_t)(member - line);
        memcpy(hashed, prev, 32);
        memcpy(hashed + 32, line, kept);
        hashed[32 + kept] = '}';
        SHA256(hashed, 33 + kept, prev);
        assert_string_equal(json_string_value(json_object_get(object, "hash")), sodium_bin2hex(hash_hex, 65, prev, 32));
        json_decref(object);
        free(line);
    }
    free(text);
}

static void a_heads_signature_is_over_seq_chain_counter_and_time(void **state)
{
    (void)state;
    size_t size = 0;
    audit_write_log();
    char *text = audit_contents(&size), *line = audit_line(text, 3);
    json_t *object = json_loads(line, 0, NULL);
    uint8_t message[18 + 8 + 32 + 8 + 24] = {0}, signature[64];
    memcpy(message, "bulla/1 audit head", 18);
    message[25] = 4;
    const char *prev = json_string_value(json_object_get(object, "prev"));
    assert_int_equal(sodium_hex2bin(message + 26, 32, prev, 64, NULL, NULL, NULL), 0);
    message[65] = 5;
    memcpy(message + 66, json_string_value(json_object_get(object, "time")), 24);
    const char *hex = json_string_value(json_object_get(object, "signature"));
    assert_int_equal(sodium_hex2bin(signature, 64, hex, 128, NULL, NULL, NULL), 0);
    assert_int_equal(crypto_sign_verify_detached(signature, message, sizeof message, audit_key.point), 0);
    json_decref(object);
    free(line);
    free(text);
}

static void every_changed_bit_is_found_in_its_line(void **state)
{
    (void)state;
    size_t size = 0;
    struct bulla_audit_summary summary;
    audit_write_log();
    char *text = audit_contents(&size);
    uint64_t line = 1;
    for (size_t i = 0; i < size; i++) {
        bool newline = text[i] == '\n';
        unsigned bit = (unsigned)(i % 8);
        text[i] ^= (char)(1u << bit);
        test_file_write(audit_path, text, size);
        if (audit_verify(&summary) != BULLA_AUDIT_BROKEN)
            fail_msg("bit %u of byte %zu", bit, i);
        assert_int_equal(summary.broken_line, line);
        text[i] ^= (char)(1u << bit);
        line += newline;
    }
    test_file_write(audit_path, text, size);
    assert_int_equal(audit_verify(&summary), BULLA_OK);
    free(text);
}

/* Writes the log's lines in the order given, -1 ends it. */
static void rearrange(const int *order)
{
    size_t size = 0;
    char *text = audit_contents(&size);
    FILE *file = fopen(audit_path, "w");
    assert_non_null(file);
    for (; *order >= 0; order++) {
        char *line = audit_line(text, (unsigned)*order);
        (void)fprintf(file, "%s\n", line);
        free(line);
    }
    (void)fclose(file);
    free(text);
}

static void lines_removed_swapped_or_doubled_are_found(void **state)
{
    (void)state;
    static const struct {
        int order[8];
        uint64_t broken;
    } changes[] = {
        {{1, 2, 3, 4, 5, -1}, 1},       /* the first removed */
        {{0, 2, 3, 4, 5, -1}, 2},       /* one in the middle */
        {{0, 1, 2, 4, 5, -1}, 4},       /* the head */
        {{1, 0, 2, 3, 4, 5, -1}, 1},    /* swapped */
        {{0, 1, 2, 3, 5, 4, -1}, 5},    /* swapped after the head */
        {{0, 0, 1, 2, 3, 4, 5, -1}, 2}, /* doubled */
        {{0, 1, 2, 3, 4, 5, 5, -1}, 7}, /* the last doubled */
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct bulla_audit_summary summary;
        (void)unlink(audit_path);
        audit_write_log();
        rearrange(changes[i].order);
        assert_int_equal(audit_verify(&summary), BULLA_AUDIT_BROKEN);
        assert_int_equal(summary.broken_line, changes[i].broken);
    }
}

/* A line whose own hash is right, for anybody can compute one. */
static void forge_line(unsigned seq, const char *event, const uint8_t prev[static 32], char line[static 512])
{
    uint8_t hashed[512], hash[32];
    char prev_hex[65], hash_hex[65];
    memcpy(hashed, prev, 32);
    int size = snprintf((char *)hashed + 32, 480,
        "{\"seq\":%u,\"time\":\"2026-01-31T12:00:00.000Z\",\"event\":\"%s\",\"prev\":\"%s\"}", seq, event,
        sodium_bin2hex(prev_hex, 65, prev, 32));
    SHA256(hashed, 32 + (size_t)size, hash);
    (void)snprintf(
        line, 512, "%.*s,\"hash\":\"%s\"}\n", size - 1, (char *)hashed + 32, sodium_bin2hex(hash_hex, 65, hash, 32));
}

static void a_line_in_the_wrong_place_is_found_though_its_hash_is_right(void **state)
{
    (void)state;
    uint8_t zero[32] = {0}, elsewhere[32] = {1};
    char line[512];
    struct bulla_audit_summary summary;
    forge_line(1, "x", zero, line);
    test_file_write(audit_path, line, strlen(line));
    assert_int_equal(audit_verify(&summary), BULLA_OK);
    forge_line(2, "x", zero, line);
    test_file_write(audit_path, line, strlen(line));
    assert_int_equal(audit_verify(&summary), BULLA_AUDIT_BROKEN);
    forge_line(1, "x", elsewhere, line);
    test_file_write(audit_path, line, strlen(line));
    assert_int_equal(audit_verify(&summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(summary.broken_line, 1);
    forge_line(1, "x\",\"event\":\"y", zero, line); /* readers of JSON differ on which of two members holds */
    test_file_write(audit_path, line, strlen(line));
    assert_int_equal(audit_verify(&summary), BULLA_AUDIT_BROKEN);
}

static void truncation_shows_by_the_counter(void **state)
{
    (void)state;
    static const int without_second_head[] = {0, 1, 2, 3, 4, 5, -1}, without_heads[] = {0, 1, 2, -1};
    struct bulla_audit_summary summary;
    audit_write_log();
    struct bulla_audit *audit = audit_opened();
    assert_int_equal(bulla_audit_head(audit, 6, &audit_key.signer, NULL), BULLA_OK);
    bulla_audit_close(audit);
    assert_int_equal(bulla_audit_verify(audit_path, audit_key.point, 6, &summary), BULLA_OK);
    assert_int_equal(summary.after_last_head, 0);
    rearrange(without_second_head); /* a chain that is whole in itself */
    assert_int_equal(bulla_audit_verify(audit_path, audit_key.point, 0, &summary), BULLA_OK);
    assert_int_equal(bulla_audit_verify(audit_path, audit_key.point, 6, &summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(bulla_audit_verify(audit_path, audit_key.point, 5, &summary), BULLA_OK);
    rearrange(without_heads);
    assert_int_equal(bulla_audit_verify(audit_path, audit_key.point, 1, &summary), BULLA_AUDIT_BROKEN);
    test_file_write(audit_path, "", 0);
    assert_int_equal(bulla_audit_verify(audit_path, audit_key.point, 0, &summary), BULLA_OK);
    assert_int_equal(bulla_audit_verify(audit_path, audit_key.point, 1, &summary), BULLA_AUDIT_BROKEN);
}

static void a_head_by_another_key_is_found(void **state)
{
    (void)state;
    struct bulla_audit_summary summary;
    struct bulla_audit *audit = audit_opened();
    audit_append(audit, "login", "a");
    assert_int_equal(bulla_audit_head(audit, 1, &audit_key.signer, NULL), BULLA_OK);
    assert_int_equal(bulla_audit_head(audit, 2, &audit_other_key.signer, NULL), BULLA_OK);
    bulla_audit_close(audit);
    assert_int_equal(audit_verify(&summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(summary.broken_line, 3);
    assert_int_equal(bulla_audit_verify(audit_path, audit_other_key.point, 0, &summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(summary.broken_line, 2);
    assert_int_equal(bulla_audit_verify(audit_path, NULL, 0, &summary), BULLA_OK); /* the chain alone is whole */
}

static void a_token_that_is_initialised_anew_has_a_key_and_a_counter_of_its_own(void **state)
{
    (void)state;
    struct bulla_audit_summary summary;
    struct bulla_audit *audit = audit_opened();
    audit_append(audit, "initialized", "a");
    assert_int_equal(bulla_audit_head(audit, 9, &audit_other_key.signer, NULL), BULLA_OK);
    audit_append(audit, "initialized", "b");
    assert_int_equal(bulla_audit_head(audit, 2, &audit_key.signer, NULL), BULLA_OK);
    assert_int_equal(audit_verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 4);
    assert_int_equal(summary.heads, 1);
    assert_int_equal(summary.last_counter, 2);
    assert_int_equal(
        bulla_audit_verify(audit_path, audit_other_key.point, 0, &summary), BULLA_AUDIT_BROKEN); /* it is no more */
    assert_int_equal(summary.broken_line, 4);
    assert_int_equal(bulla_audit_head(audit, 3, &audit_other_key.signer, NULL), BULLA_OK);
    assert_int_equal(audit_verify(&summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(summary.broken_line, 5);
    audit_append(
        audit, "initialized", "c"); /* written by anybody: the end is then without a head, and the counter tells */
    assert_int_equal(bulla_audit_verify(audit_path, audit_key.point, 2, &summary), BULLA_AUDIT_BROKEN);
    bulla_audit_close(audit);
}

static void a_counter_that_runs_backwards_is_found(void **state)
{
    (void)state;
    struct bulla_audit_summary summary;
    struct bulla_audit *audit = audit_opened();
    assert_int_equal(bulla_audit_head(audit, 9, &audit_key.signer, NULL), BULLA_OK);
    assert_int_equal(bulla_audit_head(audit, 9, &audit_key.signer, NULL), BULLA_OK);
    assert_int_equal(bulla_audit_head(audit, 8, &audit_key.signer, NULL), BULLA_OK);
    bulla_audit_close(audit);
    assert_int_equal(audit_verify(&summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(summary.broken_line, 3);
}

/* Signs a head over the log as it is now, by whoever opens it next. */
static void sign_anew(struct bulla_audit_mark *mark)
{
    struct bulla_audit *audit = audit_opened();
    audit_append(audit, "login", "f");
    assert_int_equal(bulla_audit_head(audit, 7, &audit_key.signer, mark), BULLA_OK);
    bulla_audit_close(audit);
}

static void a_remembered_head_is_found_and_the_next_remembered(void **state)
{
    (void)state;
    struct bulla_audit_summary summary;
    struct bulla_audit_mark mark = {0};
    sign_anew(&mark);
    assert_int_equal(mark.seq, 2);
    const struct bulla_audit_mark first = mark;
    sign_anew(&mark);
    assert_int_equal(mark.seq, 4);
    mark = first; /* killed before the second was remembered */
    sign_anew(&mark);
    assert_int_equal(mark.seq, 6);
    assert_int_equal(audit_verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 6);
    assert_int_equal(summary.heads, 3);
}

/* Each is a chain that is whole in itself when the next head comes to sign it. */
static void a_cut_log_is_signed_as_a_cut_one_for_good(void **state)
{
    (void)state;
    static const int cuts[][5] = {{-1}, {0, -1}, {0, 1, -1}, {0, 1, 2, -1}, {0, 1, 2, 3, -1}};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct bulla_audit_summary summary;
        struct bulla_audit_mark mark = {0};
        size_t size = 0;
        (void)unlink(audit_path);
        audit_write_log();
        sign_anew(&mark);
        assert_int_equal(mark.seq, 8);
        rearrange(cuts[i]);
        assert_int_equal(
            bulla_audit_verify(audit_path, audit_key.point, 0, &summary), BULLA_OK); /* nothing shows yet */
        sign_anew(&mark);
        char *text = audit_contents(&size);
        assert_non_null(strstr(text, "\"event\":\"cut\",\"missing\":8,"));
        free(text);
        for (int again = 0; again < 2; again++, sign_anew(&mark)) {
            assert_int_equal(bulla_audit_verify(audit_path, audit_key.point, 7, &summary), BULLA_AUDIT_BROKEN);
            assert_int_equal(summary.broken_line, i + 2);
        }
    }
}

static void a_rewritten_log_is_signed_as_a_cut_one(void **state)
{
    (void)state;
    uint8_t prev[32] = {0};
    struct bulla_audit_summary summary;
    struct bulla_audit_mark mark = {0};
    char log[4 * 512] = "";
    sign_anew(&mark);
    for (unsigned seq = 1; seq <= 4; seq++) { /* longer than what was there, and without its refusals */
        char *line = log + strlen(log);
        forge_line(seq, "infer", prev, line);
        assert_int_equal(sodium_hex2bin(prev, 32, strstr(line, "\"hash\":\"") + 8, 64, NULL, NULL, NULL), 0);
    }
    test_file_write(audit_path, log, strlen(log));
    sign_anew(&mark);
    assert_int_equal(audit_verify(&summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(summary.broken_line, 6);
}

static void a_head_that_is_not_known_any_more_is_a_cut_too(void **state)
{
    (void)state;
    struct bulla_audit_summary summary;
    struct bulla_audit_mark mark = {.lost = true};
    sign_anew(&mark);
    assert_false(mark.lost);
    assert_int_equal(audit_verify(&summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(summary.broken_line, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AUDIT_TEST(a_log_that_nobody_touched_verifies),
        AUDIT_TEST(the_chain_is_the_one_that_the_format_gives),
        AUDIT_TEST(a_heads_signature_is_over_seq_chain_counter_and_time),
        AUDIT_TEST(every_changed_bit_is_found_in_its_line),
        AUDIT_TEST(lines_removed_swapped_or_doubled_are_found),
        AUDIT_TEST(a_line_in_the_wrong_place_is_found_though_its_hash_is_right),
        AUDIT_TEST(truncation_shows_by_the_counter),
        AUDIT_TEST(a_head_by_another_key_is_found),
        AUDIT_TEST(a_token_that_is_initialised_anew_has_a_key_and_a_counter_of_its_own),
        AUDIT_TEST(a_counter_that_runs_backwards_is_found),
        AUDIT_TEST(a_remembered_head_is_found_and_the_next_remembered),
        AUDIT_TEST(a_cut_log_is_signed_as_a_cut_one_for_good),
        AUDIT_TEST(a_rewritten_log_is_signed_as_a_cut_one),
        AUDIT_TEST(a_head_that_is_not_known_any_more_is_a_cut_too),
    };
    return cmocka_run_group_tests(tests, audit_keys_make, NULL);
}
