/* Real logs of third parties, replayed; and logs made by hand, in which one thing is wrong. */
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#include "event_log_values.h"
#include "evidence/tpm_event_log.h"
#include "support/vectors.h"
#include "tpm_vectors.h"

static uint8_t memory[TPM_VECTOR_LARGEST];

static enum bulla_reason walk(struct bulla_bytes bytes, size_t *count)
{
    struct bulla_tpm_event_log log;
    struct bulla_tpm_event event;
    *count = 0;
    BULLA_TRY(bulla_tpm_event_log_open(bytes, &log));
    while (bulla_reader_left(&log.reader)) {
        BULLA_TRY(bulla_tpm_event_log_next(&log, &event));
        ++*count;
    }
    return BULLA_OK;
}

static void real_logs_lead_to_the_values_that_others_compute(void **state)
{
    (void)state;
    const char *loaded = "";
    struct bulla_bytes bytes = {NULL, 0};
    for (size_t i = 0; i < sizeof event_log_values / sizeof event_log_values[0]; i++) {
        const struct event_log_value *row = &event_log_values[i];
        struct bulla_tpm_replay replay;
        uint8_t expected[64];
        if (strcmp(loaded, row->log) != 0)
            bytes = tpm_vector(loaded = row->log, memory);
        assert_int_equal(bulla_tpm_event_log_replay(bytes, row->bank, &replay), BULLA_OK);
        size_t size = test_hex(row->value, expected, sizeof expected);
        assert_int_equal(size, bulla_hash_size(row->bank));
        if (memcmp(replay.values[row->pcr], expected, size) != 0)
            fail_msg("%s, %s, PCR %u", row->log, bulla_hash_name(row->bank), row->pcr);
    }
}

static const struct {
    const char *name;
    size_t events;
    uint32_t extended;
    uint32_t banks; /* by enum bulla_hash */
} logs[] = {
    {"crypto-agile.log", 27, 0xff, 1 << BULLA_SHA256},
    {"debian-10.log", 25, 0xff, 1 << BULLA_SHA1},
    {"rhel8-uefi.log", 83, 0x43ff, 1 << BULLA_SHA1 | 1 << BULLA_SHA256 | 1 << BULLA_SHA384},
    {"sb-cert.log", 15, 0xb1, 1 << BULLA_SHA1 | 1 << BULLA_SHA256 | 1 << BULLA_SHA384},
    {"short-no-action.log", 1, 0, 1 << BULLA_SHA1},
};
enum { LOGS = sizeof logs / sizeof logs[0] };

static void a_log_has_its_banks_and_no_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < LOGS; i++) {
        struct bulla_bytes bytes = tpm_vector(logs[i].name, memory);
        size_t count = 0;
        assert_int_equal(walk(bytes, &count), BULLA_OK);
        assert_int_equal(count, logs[i].events);
        for (unsigned hash = 0; hash < BULLA_HASHES; hash++) {
            struct bulla_tpm_replay replay;
            bool there = logs[i].banks >> hash & 1;
            assert_int_equal(bulla_tpm_event_log_replay(bytes, (enum bulla_hash)hash, &replay),
                there ? BULLA_OK : BULLA_EVIDENCE_MISMATCH);
            if (there)
                assert_int_equal(replay.extended, logs[i].extended);
        }
    }
}

/* Each length that ends between two events is a shorter log; no other is one. */
static void a_cut_log_is_refused_unless_an_event_ends_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < LOGS; i++) {
        struct bulla_bytes bytes = tpm_vector(logs[i].name, memory);
        size_t whole = 0, step = bytes.size > 2000 ? 23 : 1;
        for (size_t size = 0; size < bytes.size; size += step) {
            uint8_t *copy = malloc(size ? size : 1);
            size_t count = 0;
            assert_non_null(copy);
            memcpy(copy, bytes.data, size);
            enum bulla_reason reason = walk((struct bulla_bytes){copy, size}, &count);
            assert_true(reason == BULLA_TRUNCATED || reason == BULLA_OK);
            whole += reason == BULLA_OK;
            free(copy);
        }
        assert_true(whole < logs[i].events);
    }
}

/* What makes the digests is never made up from what a byte says: a changed byte is refused, or leads elsewhere, or was
 * never signed (a type, or data that was not measured as it stands) and changes nothing of what is believed. */
static void a_changed_byte_changes_values_or_nothing_that_is_believed(void **state)
{
    (void)state;
    struct bulla_bytes bytes = tpm_vector("sb-cert.log", memory);
    struct bulla_tpm_replay right, other;
    size_t refused = 0, elsewhere = 0, same = 0;
    assert_int_equal(bulla_tpm_event_log_replay(bytes, BULLA_SHA256, &right), BULLA_OK);
    for (size_t at = 0; at < bytes.size; at += 3) {
        memory[at] ^= 0x40;
        if (bulla_tpm_event_log_replay(bytes, BULLA_SHA256, &other) != BULLA_OK)
            refused++;
        else if (bulla_tpm_replay_differs(&right, 0xffffff, (const uint8_t(*)[BULLA_HASH_LARGEST])other.values))
            elsewhere++;
        else
            same++;
        memory[at] ^= 0x40;
    }
    assert_true(refused > 3500); /* of 6316: nearly all of it is variables, whose data is measured as it stands */
    assert_true(elsewhere > 50); /* SHA-256 digests of the others */
    assert_true(same < 2000);    /* the SHA-1 and SHA-384 digests of events without such data, and that data */
}

static void compared_values_must_be_those_of_the_log(void **state)
{
    (void)state;
    struct bulla_tpm_replay replay;
    uint8_t values[BULLA_PCR_COUNT][BULLA_HASH_LARGEST];
    const uint8_t(*view)[BULLA_HASH_LARGEST] = (const uint8_t(*)[BULLA_HASH_LARGEST])values;
    assert_int_equal(bulla_tpm_event_log_replay(tpm_vector("rhel8-uefi.log", memory), BULLA_SHA384, &replay), BULLA_OK);
    memcpy(values, replay.values, sizeof values);
    assert_int_equal(bulla_tpm_replay_check(&replay, 0xffffff, view), BULLA_OK);
    values[10][0] = 1; /* IMA's, in no firmware log */
    assert_int_equal(bulla_tpm_replay_differs(&replay, 0xffffff, view), 1 << 10);
    assert_int_equal(bulla_tpm_replay_check(&replay, 0xff, view), BULLA_OK);
    values[7][47] ^= 1;
    assert_int_equal(bulla_tpm_replay_check(&replay, 0xff, view), BULLA_EVIDENCE_MISMATCH);
    assert_non_null(strstr(bulla_detail(), "PCR 7"));
    assert_int_equal(bulla_tpm_replay_check(&replay, 0x7f, view), BULLA_OK);
    assert_int_equal(replay.values[17][0], 0xff); /* a dynamic PCR that nothing launched */
    assert_int_equal(replay.values[23][0], 0);
}

/* -- made by hand -- */

struct hand {
    uint8_t bytes[4096];
    size_t size;
};

static void put(struct hand *hand, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        hand->bytes[hand->size++] = (uint8_t)(value >> (8 * i));
}

static void put_hex(struct hand *hand, const char *hex)
{
    hand->size += test_hex(hex, hand->bytes + hand->size, sizeof hand->bytes - hand->size);
}

static void put_data(struct hand *hand, const void *data, size_t size)
{
    put(hand, size, 4);
    memcpy(hand->bytes + hand->size, data, size);
    hand->size += size;
}

/* The head of a crypto-agile log with SHA-1 and SHA-256; `edit` changes its 41 - 4 bytes of data. */
struct edit {
    size_t at;
    uint8_t value;
};
static void put_head(struct hand *hand, struct edit edit)
{
    uint8_t data[37] = "Spec ID Event03\0\0\0\0\0\0\2\0\2\2\0\0\0\4\0\x14\0\x0b\0\x20\0";
    hand->size = 0;
    if (edit.at)
        data[edit.at] = edit.value;
    put(hand, 0, 4);
    put(hand, 3, 4);
    memset(hand->bytes + hand->size, 0, 20);
    hand->size += 20;
    put_data(hand, data, sizeof data);
}
static const struct edit as_is = {0, 0};

/* By Python's hashlib, of four zero bytes: a separator. */
static const char zeros_sha1[] = "9069ca78e7450a285173431b3e52c5c25299e473";
static const char zeros_sha256[] = "df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119";
static const uint8_t zeros[4];

static void put_event(struct hand *hand, uint32_t pcr, uint32_t type, const void *data, size_t size)
{
    put(hand, pcr, 4);
    put(hand, type, 4);
    put(hand, 2, 4);
    put(hand, 0x0b, 2);
    put_hex(hand, zeros_sha256); /* in another order than the head's: it has none */
    put(hand, 0x04, 2);
    put_hex(hand, zeros_sha1);
    put_data(hand, data, size);
}

static enum bulla_reason read_hand(const struct hand *hand)
{
    size_t count = 0;
    return walk((struct bulla_bytes){hand->bytes, hand->size}, &count);
}

/* SHA-256(zeros ‖ SHA-256(four zero bytes)), by Python's hashlib: the PCRs 2, 3 and 6 of every machine in the real
 * logs. */
static void a_separator_alone_gives_the_well_known_value(void **state)
{
    (void)state;
    struct hand hand;
    struct bulla_tpm_replay replay;
    uint8_t expected[32];
    put_head(&hand, as_is);
    put_event(&hand, 6, 4, zeros, 4);
    assert_int_equal(
        bulla_tpm_event_log_replay((struct bulla_bytes){hand.bytes, hand.size}, BULLA_SHA256, &replay), BULLA_OK);
    test_hex("3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969", expected, sizeof expected);
    assert_memory_equal(replay.values[6], expected, 32);
    assert_int_equal(replay.extended, 1 << 6);
}

static void a_head_that_is_not_the_profiles_is_refused(void **state)
{
    (void)state;
    static const struct {
        struct edit edit;
        enum bulla_reason reason;
    } heads[] = {
        {{20, 1}, BULLA_UNSUPPORTED},  /* version 2.1 */
        {{21, 1}, BULLA_UNSUPPORTED},  /* 1.0 */
        {{24, 0}, BULLA_UNSUPPORTED},  /* no bank */
        {{24, 9}, BULLA_UNSUPPORTED},  /* nine */
        {{24, 3}, BULLA_TRUNCATED},    /* three, of which one is not there */
        {{24, 1}, BULLA_TRUNCATED},    /* one, whose neighbour reads as a long vendor information */
        {{28, 0x0b}, BULLA_MALFORMED}, /* SHA-256 of 20 bytes */
        {{30, 0x15}, BULLA_MALFORMED}, /* SHA-1 of 21 */
        {{32, 0x12}, BULLA_OK},        /* SM3: passed over */
        {{33, 0x01}, BULLA_OK},        /* some other */
        {{34, 0x41}, BULLA_MALFORMED}, /* digests of 65 bytes */
        {{36, 0x01}, BULLA_TRUNCATED}, /* information of the vendor that is not there */
    };
    struct hand hand;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        put_head(&hand, heads[i].edit);
        enum bulla_reason reason = read_hand(&hand);
        if (reason != heads[i].reason)
            fail_msg("byte %zu: %s (%s)", heads[i].edit.at, bulla_reason_code(reason), bulla_detail());
    }
    put_head(&hand, as_is);
    memcpy(hand.bytes + 32 + 32, hand.bytes + 32 + 28, 4); /* SHA-1 twice */
    assert_int_equal(read_hand(&hand), BULLA_DUPLICATE);
}

static void an_event_that_is_not_the_profiles_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at; /* within the event */
        uint8_t value;
        enum bulla_reason reason;
    } changes[] = {
        {0, 24, BULLA_MALFORMED},                                       /* a PCR that there is not */
        {3, 0x01, BULLA_MALFORMED},                                     /* another */
        {4, 0x02, BULLA_UNKNOWN_FIELD},                                 /* EV_UNUSED */
        {4, 0x7f, BULLA_UNKNOWN_FIELD}, {7, 0x80, BULLA_UNKNOWN_FIELD}, /* 0x80000004 with … is known: see below */
        {8, 1, BULLA_MALFORMED},                                        /* one digest of two */
        {8, 3, BULLA_MALFORMED},                                        /* three */
        {12, 0x04, BULLA_MALFORMED},         /* the first said to be SHA-1: the rest is none */
        {12, 0x0c, BULLA_MALFORMED},         /* a bank that the log does not list */
        {14, 0x00, BULLA_EVIDENCE_MISMATCH}, /* another SHA-256 digest than the separator's */
        {48, 0x00, BULLA_EVIDENCE_MISMATCH}, /* another SHA-1 digest */
        {68, 3, BULLA_EVIDENCE_MISMATCH},    /* a byte less: another separator, and a byte too many */
        {68, 5, BULLA_TRUNCATED}, {71, 0x7f, BULLA_TRUNCATED}, {72, 1, BULLA_EVIDENCE_MISMATCH}, /* its data */
    };
    struct hand hand;
    put_head(&hand, as_is);
    size_t start = hand.size;
    put_event(&hand, 0, 4, zeros, 4);
    assert_int_equal(hand.size, start + 76);
    assert_int_equal(read_hand(&hand), BULLA_OK);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t kept = hand.bytes[start + changes[i].at];
        hand.bytes[start + changes[i].at] = changes[i].value;
        enum bulla_reason reason = read_hand(&hand);
        if (changes[i].at == 7) /* EV_EFI_BOOT_SERVICES_DRIVER, whose data is not what is measured */
            assert_int_equal(reason, BULLA_OK);
        else if (reason != changes[i].reason)
            fail_msg("byte %zu: %s (%s)", changes[i].at, bulla_reason_code(reason), bulla_detail());
        hand.bytes[start + changes[i].at] = kept;
    }
    hand.bytes[hand.size++] = 0;
    assert_int_equal(read_hand(&hand), BULLA_TRUNCATED);
}

/* SM3 alone: passed over, and so nothing says that the data was measured. */
static void data_under_unknown_digests_alone_is_not_believed(void **state)
{
    (void)state;
    struct hand hand;
    struct bulla_tpm_event_log log;
    struct bulla_tpm_event event;
    char text[40];
    uint8_t data[33] = "Spec ID Event03\0\0\0\0\0\0\2\0\2\1\0\0\0\x12\0\x20\0";
    hand.size = 0;
    put(&hand, 0, 4);
    put(&hand, 3, 4);
    memset(hand.bytes + hand.size, 0, 20);
    hand.size += 20;
    put_data(&hand, data, sizeof data);
    put(&hand, 8, 4);
    put(&hand, 0x0d, 4); /* EV_IPL */
    put(&hand, 1, 4);
    put(&hand, 0x12, 2);
    put_hex(&hand, zeros_sha256);
    put_data(&hand, "text", 4);
    assert_int_equal(bulla_tpm_event_log_open((struct bulla_bytes){hand.bytes, hand.size}, &log), BULLA_OK);
    assert_int_equal(bulla_tpm_event_log_next(&log, &event), BULLA_OK);
    assert_int_equal(bulla_tpm_event_log_next(&log, &event), BULLA_OK);
    assert_false(event.data_is_digested);
    bulla_tpm_event_text(&event, text, sizeof text);
    assert_string_equal(text, "");
    assert_int_equal(bulla_reader_left(&log.reader), 0);
    hand.bytes[32 + sizeof data + 4] = 4; /* a separator, whose data must be measured */
    assert_int_equal(read_hand(&hand), BULLA_EVIDENCE_MISMATCH);
}

static void the_same_bank_twice_in_an_event_is_refused(void **state)
{
    (void)state;
    struct hand hand;
    put_head(&hand, as_is);
    put(&hand, 0, 4);
    put(&hand, 4, 4);
    put(&hand, 2, 4);
    for (int i = 0; i < 2; i++) {
        put(&hand, 0x04, 2);
        put_hex(&hand, zeros_sha1);
    }
    put_data(&hand, zeros, 4);
    assert_int_equal(read_hand(&hand), BULLA_MALFORMED);
}

static void the_startup_locality_is_where_pcr_0_begins(void **state)
{
    (void)state;
    static const struct {
        char data[18];
        size_t size;
        uint32_t pcr;
        bool after; /* an event of PCR 0 */
        enum bulla_reason reason;
    } cases[] = {
        {"StartupLocality\0\3", 17, 0, false, BULLA_OK},
        {"StartupLocality\0\4", 17, 0, false, BULLA_OK},
        {"StartupLocality\0\0", 17, 0, false, BULLA_OK},
        {"StartupLocality\0\1", 17, 0, false, BULLA_MALFORMED},
        {"StartupLocality\0\5", 17, 0, false, BULLA_MALFORMED},
        {"StartupLocality\0\3", 18, 0, false, BULLA_MALFORMED},
        {"StartupLocality\0\3", 16, 0, false, BULLA_MALFORMED},
        {"StartupLocality\0\3", 17, 1, false, BULLA_MALFORMED},
        {"StartupLocality\0\3", 17, 0, true, BULLA_MALFORMED},
        {"StartupLocalitz\0\3", 17, 0, true, BULLA_OK}, /* something else that changes nothing */
        {"Spec ID Event03\0\3", 17, 0, false, BULLA_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hand hand;
        put_head(&hand, as_is);
        if (cases[i].after)
            put_event(&hand, 0, 4, zeros, 4);
        put_event(&hand, cases[i].pcr, 3, cases[i].data, cases[i].size);
        assert_int_equal(read_hand(&hand), cases[i].reason);
    }
    /* SHA-256(31 zero bytes ‖ 3 ‖ SHA-256(four zero bytes)), by Python's hashlib. */
    struct hand hand;
    struct bulla_tpm_replay replay;
    uint8_t expected[32];
    put_head(&hand, as_is);
    put_event(&hand, 0, 3, cases[0].data, 17);
    put_event(&hand, 0, 4, zeros, 4);
    put_event(&hand, 0xffffffff, 3, "of the platform", 15);
    assert_int_equal(
        bulla_tpm_event_log_replay((struct bulla_bytes){hand.bytes, hand.size}, BULLA_SHA256, &replay), BULLA_OK);
    test_hex(locality_3_separator, expected, sizeof expected);
    assert_memory_equal(replay.values[0], expected, 32);
    put_event(&hand, 0xffffffff, 4, zeros, 4); /* what extends has a PCR */
    assert_int_equal(read_hand(&hand), BULLA_MALFORMED);
}

static void text_is_shown_of_what_was_measured_alone(void **state)
{
    (void)state;
    struct bulla_tpm_event_log log;
    struct bulla_tpm_event event;
    char text[80], short_text[8];
    bool version = false, variable = false, action = false;
    assert_int_equal(bulla_tpm_event_log_open(tpm_vector("rhel8-uefi.log", memory), &log), BULLA_OK);
    while (bulla_reader_left(&log.reader)) {
        assert_int_equal(bulla_tpm_event_log_next(&log, &event), BULLA_OK);
        bulla_tpm_event_text(&event, text, sizeof text);
        bulla_tpm_event_text(&event, short_text, sizeof short_text);
        assert_true(strlen(short_text) < sizeof short_text);
        for (const char *at = text; *at; at++)
            assert_true(*at >= 0x20 && *at < 0x7f);
        assert_true(event.data_is_digested || !text[0]);
        version |= event.type == 8 && event.data_is_digested;
        variable |=
            strcmp(event.type_name, "EV_EFI_VARIABLE_DRIVER_CONFIG") == 0 && strncmp(text, "SecureBoot, ", 12) == 0;
        action |= strcmp(text, "Exit Boot Services Invocation") == 0;
    }
    assert_true(version && variable && action);
}

static void a_log_larger_than_any_is_refused(void **state)
{
    (void)state;
    uint8_t *large = calloc(1, BULLA_EVENT_LOG_LARGEST + 1);
    size_t count = 0;
    assert_non_null(large);
    assert_int_equal(walk((struct bulla_bytes){large, BULLA_EVENT_LOG_LARGEST + 1}, &count), BULLA_TOO_LARGE);
    assert_int_equal(walk((struct bulla_bytes){large, BULLA_EVENT_LOG_LARGEST}, &count), BULLA_UNKNOWN_FIELD);
    assert_int_equal(walk((struct bulla_bytes){NULL, 0}, &count), BULLA_TRUNCATED);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_logs_lead_to_the_values_that_others_compute),
        cmocka_unit_test(a_log_has_its_banks_and_no_others),
        cmocka_unit_test(a_cut_log_is_refused_unless_an_event_ends_there),
        cmocka_unit_test(a_changed_byte_changes_values_or_nothing_that_is_believed),
        cmocka_unit_test(compared_values_must_be_those_of_the_log),
        cmocka_unit_test(a_separator_alone_gives_the_well_known_value),
        cmocka_unit_test(a_head_that_is_not_the_profiles_is_refused),
        cmocka_unit_test(an_event_that_is_not_the_profiles_is_refused),
        cmocka_unit_test(data_under_unknown_digests_alone_is_not_believed),
        cmocka_unit_test(the_same_bank_twice_in_an_event_is_refused),
        cmocka_unit_test(the_startup_locality_is_where_pcr_0_begins),
        cmocka_unit_test(text_is_shown_of_what_was_measured_alone),
        cmocka_unit_test(a_log_larger_than_any_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
