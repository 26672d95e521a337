#include "support/test.h"

#include <fcntl.h>
#include <jansson.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "evidence/audit.h"
#include "signers.h"
#include "support/folder.h"

static struct test_ed25519 key, other;
static char folder[64], path[128];

static int make_folder(void **state)
{
    (void)state;
    test_folder_make(folder, sizeof folder);
    test_folder_join(path, sizeof path, folder, "audit.log");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static struct bulla_audit *opened(void)
{
    struct bulla_audit *audit = NULL;
    assert_int_equal(bulla_audit_open(path, &audit), BULLA_OK);
    return audit;
}

static void append(struct bulla_audit *audit, const char *event, const char *text)
{
    const struct bulla_audit_field fields[] = {{"object", text, 0}, {"uses", NULL, 41}};
    assert_int_equal(bulla_audit_append(audit, event, fields, 2, false), BULLA_OK);
}

/* Three events and a head with counter 5, then two events. */
static void write_log(void)
{
    struct bulla_audit *audit = opened();
    append(audit, "login", "a");
    append(audit, "release", "b");
    append(audit, "infer", "c");
    assert_int_equal(bulla_audit_head(audit, 5, &key.signer, NULL), BULLA_OK);
    append(audit, "refusal", "d");
    append(audit, "logout", "e");
    bulla_audit_close(audit);
}

static enum bulla_reason verify(struct bulla_audit_summary *summary)
{
    return bulla_audit_verify(path, key.point, 0, summary);
}

static char *contents(size_t *size)
{
    char *text = (char *)test_file_read(path, size);
    assert_non_null(text);
    return text;
}

/* Line `number` (from 0) of `text`, without its newline, malloc'd. */
static char *line_of(const char *text, unsigned number)
{
    while (number-- > 0)
        text = strchr(text, '\n') + 1;
    return strndup(text, (size_t)(strchr(text, '\n') - text));
}

static void a_log_that_nobody_touched_verifies(void **state)
{
    (void)state;
    struct bulla_audit_summary summary;
    write_log();
    assert_int_equal(verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 6);
    assert_int_equal(summary.heads, 1);
    assert_int_equal(summary.last_counter, 5);
    assert_int_equal(summary.after_last_head, 2);
    assert_int_equal(summary.broken_line, 0);
    assert_int_equal(bulla_audit_verify(path, NULL, 5, &summary), BULLA_OK);
}

/* The chain as docs/formats.md gives it, computed here from the text: hash = SHA-256(prev ‖ the line without its hash
 * member), prev = the hash of the line before, 32 zero bytes for the first. */
static void the_chain_is_the_one_that_the_format_gives(void **state)
{
    (void)state;
    uint8_t prev[32] = {0};
    size_t size = 0;
    write_log();
    char *text = contents(&size);
    for (unsigned i = 0; i < 6; i++) {
        char *line = line_of(text, i), prev_hex[65], hash_hex[65];
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
    write_log();
    char *text = contents(&size), *line = line_of(text, 3);
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
    assert_int_equal(crypto_sign_verify_detached(signature, message, sizeof message, key.point), 0);
    json_decref(object);
    free(line);
    free(text);
}

static void every_changed_bit_is_found_in_its_line(void **state)
{
    (void)state;
    size_t size = 0;
    struct bulla_audit_summary summary;
    write_log();
    char *text = contents(&size);
    uint64_t line = 1;
    for (size_t i = 0; i < size; i++) {
        bool newline = text[i] == '\n';
        unsigned bit = (unsigned)(i % 8);
        text[i] ^= (char)(1u << bit);
        test_file_write(path, text, size);
        if (verify(&summary) != BULLA_AUDIT_BROKEN)
            fail_msg("bit %u of byte %zu", bit, i);
        assert_int_equal(summary.broken_line, line);
        text[i] ^= (char)(1u << bit);
        line += newline;
    }
    test_file_write(path, text, size);
    assert_int_equal(verify(&summary), BULLA_OK);
    free(text);
}

/* Writes the log's lines in the order given, -1 ends it. */
static void rearrange(const int *order)
{
    size_t size = 0;
    char *text = contents(&size);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (; *order >= 0; order++) {
        char *line = line_of(text, (unsigned)*order);
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
        (void)unlink(path);
        write_log();
        rearrange(changes[i].order);
        assert_int_equal(verify(&summary), BULLA_AUDIT_BROKEN);
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
    test_file_write(path, line, strlen(line));
    assert_int_equal(verify(&summary), BULLA_OK);
    forge_line(2, "x", zero, line);
    test_file_write(path, line, strlen(line));
    assert_int_equal(verify(&summary), BULLA_AUDIT_BROKEN);
    forge_line(1, "x", elsewhere, line);
    test_file_write(path, line, strlen(line));
    assert_int_equal(verify(&summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(summary.broken_line, 1);
    forge_line(1, "x\",\"event\":\"y", zero, line); /* readers of JSON differ on which of two members holds */
    test_file_write(path, line, strlen(line));
    assert_int_equal(verify(&summary), BULLA_AUDIT_BROKEN);
}

static void truncation_shows_by_the_counter(void **state)
{
    (void)state;
    static const int without_second_head[] = {0, 1, 2, 3, 4, 5, -1}, without_heads[] = {0, 1, 2, -1};
    struct bulla_audit_summary summary;
    write_log();
    struct bulla_audit *audit = opened();
    assert_int_equal(bulla_audit_head(audit, 6, &key.signer, NULL), BULLA_OK);
    bulla_audit_close(audit);
    assert_int_equal(bulla_audit_verify(path, key.point, 6, &summary), BULLA_OK);
    assert_int_equal(summary.after_last_head, 0);
    rearrange(without_second_head); /* a chain that is whole in itself */
    assert_int_equal(bulla_audit_verify(path, key.point, 0, &summary), BULLA_OK);
    assert_int_equal(bulla_audit_verify(path, key.point, 6, &summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(bulla_audit_verify(path, key.point, 5, &summary), BULLA_OK);
    rearrange(without_heads);
    assert_int_equal(bulla_audit_verify(path, key.point, 1, &summary), BULLA_AUDIT_BROKEN);
    test_file_write(path, "", 0);
    assert_int_equal(bulla_audit_verify(path, key.point, 0, &summary), BULLA_OK);
    assert_int_equal(bulla_audit_verify(path, key.point, 1, &summary), BULLA_AUDIT_BROKEN);
}

static void a_head_by_another_key_is_found(void **state)
{
    (void)state;
    struct bulla_audit_summary summary;
    struct bulla_audit *audit = opened();
    append(audit, "login", "a");
    assert_int_equal(bulla_audit_head(audit, 1, &key.signer, NULL), BULLA_OK);
    assert_int_equal(bulla_audit_head(audit, 2, &other.signer, NULL), BULLA_OK);
    bulla_audit_close(audit);
    assert_int_equal(verify(&summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(summary.broken_line, 3);
    assert_int_equal(bulla_audit_verify(path, other.point, 0, &summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(summary.broken_line, 2);
    assert_int_equal(bulla_audit_verify(path, NULL, 0, &summary), BULLA_OK); /* the chain alone is whole */
}

static void a_token_that_is_initialised_anew_has_a_key_and_a_counter_of_its_own(void **state)
{
    (void)state;
    struct bulla_audit_summary summary;
    struct bulla_audit *audit = opened();
    append(audit, "initialized", "a");
    assert_int_equal(bulla_audit_head(audit, 9, &other.signer, NULL), BULLA_OK);
    append(audit, "initialized", "b");
    assert_int_equal(bulla_audit_head(audit, 2, &key.signer, NULL), BULLA_OK);
    assert_int_equal(verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 4);
    assert_int_equal(summary.heads, 1);
    assert_int_equal(summary.last_counter, 2);
    assert_int_equal(bulla_audit_verify(path, other.point, 0, &summary), BULLA_AUDIT_BROKEN); /* it is no more */
    assert_int_equal(summary.broken_line, 4);
    assert_int_equal(bulla_audit_head(audit, 3, &other.signer, NULL), BULLA_OK);
    assert_int_equal(verify(&summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(summary.broken_line, 5);
    append(audit, "initialized", "c"); /* written by anybody: the end is then without a head, and the counter tells */
    assert_int_equal(bulla_audit_verify(path, key.point, 2, &summary), BULLA_AUDIT_BROKEN);
    bulla_audit_close(audit);
}

static void a_counter_that_runs_backwards_is_found(void **state)
{
    (void)state;
    struct bulla_audit_summary summary;
    struct bulla_audit *audit = opened();
    assert_int_equal(bulla_audit_head(audit, 9, &key.signer, NULL), BULLA_OK);
    assert_int_equal(bulla_audit_head(audit, 9, &key.signer, NULL), BULLA_OK);
    assert_int_equal(bulla_audit_head(audit, 8, &key.signer, NULL), BULLA_OK);
    bulla_audit_close(audit);
    assert_int_equal(verify(&summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(summary.broken_line, 3);
}

/* Signs a head over the log as it is now, by whoever opens it next. */
static void sign_anew(struct bulla_audit_mark *mark)
{
    struct bulla_audit *audit = opened();
    append(audit, "login", "f");
    assert_int_equal(bulla_audit_head(audit, 7, &key.signer, mark), BULLA_OK);
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
    assert_int_equal(verify(&summary), BULLA_OK);
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
        (void)unlink(path);
        write_log();
        sign_anew(&mark);
        assert_int_equal(mark.seq, 8);
        rearrange(cuts[i]);
        assert_int_equal(bulla_audit_verify(path, key.point, 0, &summary), BULLA_OK); /* nothing shows yet */
        sign_anew(&mark);
        char *text = contents(&size);
        assert_non_null(strstr(text, "\"event\":\"cut\",\"missing\":8,"));
        free(text);
        for (int again = 0; again < 2; again++, sign_anew(&mark)) {
            assert_int_equal(bulla_audit_verify(path, key.point, 7, &summary), BULLA_AUDIT_BROKEN);
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
    test_file_write(path, log, strlen(log));
    sign_anew(&mark);
    assert_int_equal(verify(&summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(summary.broken_line, 6);
}

static void a_head_that_is_not_known_any_more_is_a_cut_too(void **state)
{
    (void)state;
    struct bulla_audit_summary summary;
    struct bulla_audit_mark mark = {.lost = true};
    sign_anew(&mark);
    assert_false(mark.lost);
    assert_int_equal(verify(&summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(summary.broken_line, 2);
}

static void a_torn_last_line_is_cut_off_and_said_so(void **state)
{
    (void)state;
    size_t size = 0, last = 0;
    struct bulla_audit_summary summary;
    write_log();
    char *text = contents(&size);
    for (size_t i = 0; i + 1 < size; i++)
        if (text[i] == '\n')
            last = i + 1;
    for (size_t cut = last + 1; cut < size; cut += 37) {
        test_file_write(path, text, cut);
        assert_int_equal(verify(&summary), BULLA_AUDIT_BROKEN); /* a reader doesn't mend it */
        assert_int_equal(summary.broken_line, 6);
        bulla_audit_close(opened());
        assert_int_equal(verify(&summary), BULLA_OK);
        assert_int_equal(summary.lines, 6);
        size_t mended_size = 0;
        char *mended = contents(&mended_size), *line = line_of(mended, 5);
        json_t *object = json_loads(line, 0, NULL);
        assert_string_equal(json_string_value(json_object_get(object, "event")), "repaired");
        assert_int_equal(json_integer_value(json_object_get(object, "bytes")), cut - last);
        json_decref(object);
        free(line);
        free(mended);
    }
    free(text);
}

static void a_torn_line_is_mended_by_whoever_appends_next(void **state)
{
    (void)state;
    struct bulla_audit_summary summary;
    struct bulla_audit *audit = opened();
    append(audit, "login", "a");
    FILE *file = fopen(path, "a"); /* another process died here */
    assert_non_null(file);
    (void)fputs("{\"seq\":2,\"time\":\"20", file);
    (void)fclose(file);
    append(audit, "logout", "b");
    bulla_audit_close(audit);
    assert_int_equal(verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 3);
}

static void a_file_that_holds_only_a_torn_line_is_begun_anew(void **state)
{
    (void)state;
    struct bulla_audit_summary summary;
    test_file_write(path, "{\"seq\":1", 8);
    bulla_audit_close(opened());
    assert_int_equal(verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 1);
}

static void a_log_whose_last_line_was_changed_is_not_continued(void **state)
{
    (void)state;
    size_t size = 0;
    struct bulla_audit *audit = NULL;
    write_log();
    char *text = contents(&size);
    text[size - 100] ^= 1;
    test_file_write(path, text, size);
    assert_int_equal(bulla_audit_open(path, &audit), BULLA_AUDIT_BROKEN);
    assert_null(audit);
    memset(text, 'x', size);
    test_file_write(path, text, size < 4096 ? size : 4096);
    free(text);
    text = malloc(9000);
    assert_non_null(text);
    memset(text, 'x', 9000);
    test_file_write(path, text, 9000); /* more than any torn line can be */
    assert_int_equal(bulla_audit_open(path, &audit), BULLA_AUDIT_BROKEN);
    text[8999] = '\n';
    test_file_write(path, text, 9000);
    assert_int_equal(bulla_audit_open(path, &audit), BULLA_AUDIT_BROKEN);
    struct bulla_audit_summary summary;
    assert_int_equal(verify(&summary), BULLA_AUDIT_BROKEN);
    assert_int_equal(summary.broken_line, 1);
    free(text);
}

static void a_log_that_shrinks_or_goes_away_is_not_continued(void **state)
{
    (void)state;
    struct bulla_audit *audit = opened();
    append(audit, "login", "a");
    append(audit, "logout", "a");
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(bulla_audit_append(audit, "login", NULL, 0, false), BULLA_AUDIT_BROKEN);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(bulla_audit_append(audit, "login", NULL, 0, false), BULLA_FILE);
    bulla_audit_close(audit);
}

/* A file may grow to `size` and no further, as on a full disk. */
static void limit_files(rlim_t size)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_is_a_refusal_and_leaves_no_half_line(void **state)
{
    (void)state;
    static const off_t rooms[] = {0, 1, 40}; /* bytes that still fit: no line does */
    struct bulla_audit_summary summary;
    struct bulla_audit *audit = opened();
    append(audit, "login", "a");
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        struct stat full;
        assert_int_equal(stat(path, &full), 0);
        limit_files((rlim_t)(full.st_size + rooms[i]));
        enum bulla_reason reason = bulla_audit_append(audit, "release", NULL, 0, true);
        struct stat after;
        int looked = stat(path, &after);
        limit_files(RLIM_INFINITY);
        assert_int_equal(reason, BULLA_FILE);
        assert_non_null(strstr(bulla_detail(), "writing"));
        assert_int_equal(looked, 0);
        assert_int_equal(after.st_size, full.st_size);
        append(audit, "logout", "there is room again");
    }
    (void)signal(SIGXFSZ, before);
    bulla_audit_close(audit);
    assert_int_equal(bulla_audit_verify(path, NULL, 0, &summary), BULLA_OK);
    assert_int_equal(summary.lines, 4);
}

static void append_fifty(const char *who)
{
    struct bulla_audit *audit = NULL;
    if (bulla_audit_open(path, &audit) != BULLA_OK)
        _exit(1);
    for (uint64_t i = 0; i < 50; i++) {
        const struct bulla_audit_field fields[] = {{"who", who, 0}, {"i", NULL, i}};
        if (bulla_audit_append(audit, "tick", fields, 2, i % 16 == 0) != BULLA_OK)
            _exit(2);
    }
    bulla_audit_close(audit);
    _exit(0);
}

static void several_processes_append_to_one_chain(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d"};
    pid_t children[4];
    for (int i = 0; i < 4; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            append_fifty(names[i]);
    }
    for (int i = 0; i < 4; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    struct bulla_audit_summary summary;
    assert_int_equal(verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 200);
    size_t size = 0;
    char *text = contents(&size);
    int seen[4] = {0};
    for (unsigned line = 0; line < 200; line++) {
        char *one = line_of(text, line);
        json_t *object = json_loads(one, 0, NULL);
        int who = json_string_value(json_object_get(object, "who"))[0] - 'a';
        assert_int_equal(json_integer_value(json_object_get(object, "i")), seen[who]++); /* each in its own order */
        json_decref(object);
        free(one);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(seen[i], 50);
    free(text);
}

static void *append_in_a_thread(void *audit)
{
    for (int i = 0; i < 500; i++)
        append(audit, "tick", "thread");
    return NULL;
}

static void several_threads_append_with_one_handle(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct bulla_audit *audit = opened();
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, append_in_a_thread, audit), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    bulla_audit_close(audit);
    struct bulla_audit_summary summary;
    assert_int_equal(verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 2000);
}

static void a_forked_child_lets_go_of_the_log(void **state)
{
    (void)state;
    struct bulla_audit *audit = opened();
    append(audit, "login", "a");
    pid_t child = fork();
    if (child == 0) {
        bulla_audit_abandon(audit);
        append_fifty("child");
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    append(audit, "logout", "a");
    bulla_audit_close(audit);
    struct bulla_audit_summary summary;
    assert_int_equal(verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 52);
}

/* What `text` became in the log. */
static char *logged(const char *text)
{
    size_t size = 0;
    (void)unlink(path);
    struct bulla_audit *audit = opened();
    append(audit, "x", text);
    bulla_audit_close(audit);
    struct bulla_audit_summary summary;
    assert_int_equal(verify(&summary), BULLA_OK);
    char *all = contents(&size);
    assert_true(size <= BULLA_AUDIT_LINE_LARGEST);
    for (size_t i = 0; i + 1 < size; i++)
        assert_true(all[i] >= 0x20 && all[i] < 0x7f); /* one line, no control characters, no other alphabet */
    json_t *object = json_loads(all, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    assert_int_equal(json_integer_value(json_object_get(object, "uses")), 41);
    char *value = strdup(json_string_value(json_object_get(object, "object")));
    json_decref(object);
    free(all);
    return value;
}

static void hostile_text_stays_inside_its_string(void **state)
{
    (void)state;
    static const struct {
        const char *text, *becomes;
    } rows[] = {
        {"plain", "plain"},
        {"\",\"event\":\"head\",\"x\":\"", "\",\"event\":\"head\",\"x\":\""},
        {"a\nb\r\tc\\", "a\nb\r\tc\\"},
        {"\033]0;owned\007\x7f", "\033]0;owned\007\xef\xbf\xbd"},
        {"gr\xc3\xbc\xc3\x9f \xf0\x9f\xa6\x86", "gr\xc3\xbc\xc3\x9f \xf0\x9f\xa6\x86"},
        {"\xff", "\xef\xbf\xbd"},                                 /* no UTF-8 */
        {"a\xc3", "a\xef\xbf\xbd"},                               /* cut short */
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *value = logged(rows[i].text);
        assert_string_equal(value, rows[i].becomes);
        free(value);
    }
}

static void text_of_any_length_does_not_keep_an_event_out(void **state)
{
    (void)state;
    static const char *const fillers[] = {"x", "\n", "\"", "\xff", "\xc3\xbc", "\xf0\x9f\xa6\x86"};
    char *text = malloc(20001);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof fillers / sizeof fillers[0]; i++) {
        size_t unit = strlen(fillers[i]), used = 0;
        while (used + unit <= 20000) {
            memcpy(text + used, fillers[i], unit);
            used += unit;
        }
        text[used] = '\0';
        char *value = logged(text);
        size_t size = strlen(value);
        assert_true(size > 200);
        assert_string_equal(value + size - 3, "\xe2\x80\xa6"); /* the ellipsis says that it was cut */
        free(value);
    }
    struct bulla_audit_field fields[BULLA_AUDIT_FIELDS];
    char names[BULLA_AUDIT_FIELDS][33];
    for (int i = 0; i < BULLA_AUDIT_FIELDS; i++) {
        memset(names[i], 'a' + i, 32);
        names[i][32] = '\0';
        fields[i] = (struct bulla_audit_field){names[i], text, 0};
    }
    struct bulla_audit *audit = opened();
    assert_int_equal(bulla_audit_append(audit, names[0], fields, BULLA_AUDIT_FIELDS, false), BULLA_OK);
    bulla_audit_close(audit);
    struct bulla_audit_summary summary;
    assert_int_equal(verify(&summary), BULLA_OK);
    free(text);
}

static void names_that_would_shadow_the_logs_own_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"seq", "time", "event", "prev", "hash", "", "Upper", "sp ace", "q\"",
        "\xc3\xbc", "a123456789012345678901234567890123"};
    struct bulla_audit *audit = opened();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct bulla_audit_field field = {names[i], "x", 0};
        assert_int_equal(bulla_audit_append(audit, "x", &field, 1, false), BULLA_ARGUMENT);
    }
    const struct bulla_audit_field twice[] = {{"a", "x", 0}, {"a", "y", 0}};
    assert_int_equal(bulla_audit_append(audit, "x", twice, 2, false), BULLA_ARGUMENT);
    assert_int_equal(bulla_audit_append(audit, "head", NULL, 0, false), BULLA_ARGUMENT);
    assert_int_equal(bulla_audit_append(audit, "repaired", NULL, 0, false), BULLA_ARGUMENT);
    assert_int_equal(bulla_audit_append(audit, "cut", NULL, 0, false), BULLA_ARGUMENT);
    assert_int_equal(bulla_audit_append(audit, "", NULL, 0, false), BULLA_ARGUMENT);
    struct bulla_audit_field many[BULLA_AUDIT_FIELDS + 1] = {{"a", "x", 0}};
    assert_int_equal(bulla_audit_append(audit, "x", many, BULLA_AUDIT_FIELDS + 1, false), BULLA_ARGUMENT);
    struct bulla_cose_signer es256 = key.signer;
    es256.algorithm = BULLA_COSE_ES256;
    assert_int_equal(bulla_audit_head(audit, 1, &es256, NULL), BULLA_ARGUMENT);
    assert_int_equal(bulla_audit_head(audit, UINT64_C(1) << 53, &key.signer, NULL), BULLA_ARGUMENT);
    bulla_audit_close(audit);
    struct bulla_audit_summary summary;
    assert_int_equal(verify(&summary), BULLA_OK);
    assert_int_equal(summary.lines, 0);
}

static void numbers_beyond_what_json_carries_are_text(void **state)
{
    (void)state;
    size_t size = 0;
    const struct bulla_audit_field fields[] = {
        {"largest", NULL, UINT64_MAX}, {"exact", NULL, (UINT64_C(1) << 53) - 1}, {"above", NULL, UINT64_C(1) << 53}};
    struct bulla_audit *audit = opened();
    assert_int_equal(bulla_audit_append(audit, "x", fields, 3, false), BULLA_OK);
    bulla_audit_close(audit);
    char *text = contents(&size);
    assert_non_null(strstr(text, "\"largest\":\"18446744073709551615\",\"exact\":9007199254740991,"
                                 "\"above\":\"9007199254740992\""));
    free(text);
}

static void the_file_is_its_owners_alone_and_no_link_is_followed(void **state)
{
    (void)state;
    struct stat status;
    struct bulla_audit *audit = NULL;
    struct bulla_audit_summary summary;
    char link[128];
    mode_t mask = umask(0);
    write_log();
    (void)umask(mask);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    test_folder_join(link, sizeof link, folder, "link");
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(bulla_audit_open(link, &audit), BULLA_FILE);
    assert_int_equal(bulla_audit_verify(link, key.point, 0, &summary), BULLA_FILE);
    assert_int_equal(bulla_audit_open(folder, &audit), BULLA_FILE);
    assert_int_equal(chmod(path, 0620), 0); /* others may write */
    assert_int_equal(bulla_audit_open(path, &audit), BULLA_FILE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(bulla_audit_open(path, &audit), BULLA_FILE);
    assert_int_equal(bulla_audit_verify("/nonexistent/audit.log", NULL, 0, &summary), BULLA_FILE);
}

struct gathered {
    size_t count;
    uint64_t first_seq, last_seq;
};

static void gather(void *context, struct bulla_bytes line)
{
    struct gathered *gathered = context;
    json_t *object = json_loadb((const char *)line.data, line.size, 0, NULL);
    assert_non_null(object);
    gathered->last_seq = (uint64_t)json_integer_value(json_object_get(object, "seq"));
    if (gathered->count++ == 0)
        gathered->first_seq = gathered->last_seq;
    json_decref(object);
}

static void the_tail_is_the_last_lines_oldest_first(void **state)
{
    (void)state;
    struct bulla_audit *audit = opened();
    for (int i = 0; i < 100; i++)
        append(audit, "tick", "0123456789012345678901234567890123456789");
    bulla_audit_close(audit);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    (void)fputs("{\"torn", file); /* isn't handed out */
    (void)fclose(file);
    static const size_t counts[] = {0, 1, 7, 99, 100, 101, SIZE_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct gathered gathered = {0};
        size_t expected = counts[i] < 100 ? counts[i] : 100;
        assert_int_equal(bulla_audit_tail(path, counts[i], gather, &gathered), BULLA_OK);
        assert_int_equal(gathered.count, expected);
        assert_int_equal(gathered.first_seq, expected ? 101 - expected : 0);
        assert_int_equal(gathered.last_seq, expected ? 100 : 0);
    }
    test_file_write(path, "", 0);
    struct gathered gathered = {0};
    assert_int_equal(bulla_audit_tail(path, 5, gather, &gathered), BULLA_OK);
    assert_int_equal(gathered.count, 0);
    assert_int_equal(bulla_audit_tail("/nonexistent/audit.log", 5, gather, &gathered), BULLA_FILE);
}

/* Under sanitizers and load a ceiling ten times that of the figure aimed at (200 microseconds). */
static void an_append_costs_little(void **state)
{
    (void)state;
    enum { LINES = 2000 };
    struct timespec from, to;
    struct bulla_audit *audit = opened();
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < LINES; i++)
        append(audit, "infer", "6d69");
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    bulla_audit_close(audit);
    double each = ((double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3) / LINES;
    print_message("append, not durable: %.1f us\n", each);
    assert_true(each < 2000);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_log_that_nobody_touched_verifies),
        IN_FOLDER(the_chain_is_the_one_that_the_format_gives),
        IN_FOLDER(a_heads_signature_is_over_seq_chain_counter_and_time),
        IN_FOLDER(every_changed_bit_is_found_in_its_line),
        IN_FOLDER(lines_removed_swapped_or_doubled_are_found),
        IN_FOLDER(a_line_in_the_wrong_place_is_found_though_its_hash_is_right),
        IN_FOLDER(truncation_shows_by_the_counter),
        IN_FOLDER(a_head_by_another_key_is_found),
        IN_FOLDER(a_token_that_is_initialised_anew_has_a_key_and_a_counter_of_its_own),
        IN_FOLDER(a_counter_that_runs_backwards_is_found),
        IN_FOLDER(a_remembered_head_is_found_and_the_next_remembered),
        IN_FOLDER(a_cut_log_is_signed_as_a_cut_one_for_good),
        IN_FOLDER(a_rewritten_log_is_signed_as_a_cut_one),
        IN_FOLDER(a_head_that_is_not_known_any_more_is_a_cut_too),
        IN_FOLDER(a_torn_last_line_is_cut_off_and_said_so),
        IN_FOLDER(a_torn_line_is_mended_by_whoever_appends_next),
        IN_FOLDER(a_file_that_holds_only_a_torn_line_is_begun_anew),
        IN_FOLDER(a_log_whose_last_line_was_changed_is_not_continued),
        IN_FOLDER(a_log_that_shrinks_or_goes_away_is_not_continued),
        IN_FOLDER(a_full_disk_is_a_refusal_and_leaves_no_half_line),
        IN_FOLDER(several_processes_append_to_one_chain),
        IN_FOLDER(several_threads_append_with_one_handle),
        IN_FOLDER(a_forked_child_lets_go_of_the_log),
        IN_FOLDER(hostile_text_stays_inside_its_string),
        IN_FOLDER(text_of_any_length_does_not_keep_an_event_out),
        IN_FOLDER(names_that_would_shadow_the_logs_own_are_refused),
        IN_FOLDER(numbers_beyond_what_json_carries_are_text),
        IN_FOLDER(the_file_is_its_owners_alone_and_no_link_is_followed),
        IN_FOLDER(the_tail_is_the_last_lines_oldest_first),
        IN_FOLDER(an_append_costs_little),
    };
    uint8_t seed[32] = {1};
    test_ed25519_make(&key, seed);
    seed[0] = 2;
    test_ed25519_make(&other, seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
