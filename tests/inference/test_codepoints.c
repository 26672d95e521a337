/* The pieces of "a" + code point + "b", for every code point where the vectors are at hand, else for the ones below.
 * Both are Hugging Face's own output (tokenizers: BertNormalizer, then BertPreTokenizer), not this project's. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inference/unicode.h"
#include "inference/words.h"

/* From codepoints.txt.gz: words are parted by "|", code points by a space. */
static const struct {
    uint32_t point;
    const char *pieces;
} carried[] = {
    /* controls, spaces, ASCII */
    {0x1, "61 62"},
    {0x9, "61|62"},
    {0xA, "61|62"},
    {0xB, "61 62"},
    {0xC, "61 62"},
    {0xD, "61|62"},
    {0x1F, "61 62"},
    {0x20, "61|62"},
    {0x21, "61|21|62"},
    {0x24, "61|24|62"},
    {0x2B, "61|2B|62"},
    {0x30, "61 30 62"},
    {0x3C, "61|3C|62"},
    {0x41, "61 61 62"},
    {0x5A, "61 7A 62"},
    {0x5B, "61|5B|62"},
    {0x5E, "61|5E|62"},
    {0x60, "61|60|62"},
    {0x61, "61 61 62"},
    {0x7E, "61|7E|62"},
    {0x7F, "61 62"},
    {0x80, "61 62"},
    {0x85, "61 62"},
    {0xA0, "61|62"},
    /* Latin: accents, ligatures, special casing */
    {0xA7, "61|A7|62"},
    {0xAA, "61 AA 62"},
    {0xAB, "61|AB|62"},
    {0xAD, "61 62"},
    {0xB2, "61 B2 62"},
    {0xB5, "61 B5 62"},
    {0xBF, "61|BF|62"},
    {0xC0, "61 61 62"},
    {0xC5, "61 61 62"},
    {0xD7, "61 D7 62"},
    {0xDF, "61 DF 62"},
    {0xE9, "61 65 62"},
    {0x130, "61 69 62"},
    {0x131, "61 131 62"},
    {0x132, "61 133 62"},
    {0x149, "61 149 62"},
    {0x17F, "61 17F 62"},
    {0x1C4, "61 1C6 62"},
    {0x1C5, "61 1C6 62"},
    {0x1E9E, "61 DF 62"},
    {0x1F0, "61 6A 62"},
    {0x212A, "61 6B 62"},
    {0x212B, "61 61 62"},
    {0xFB01, "61 FB01 62"},
    {0xFF21, "61 FF41 62"},
    /* Greek and Cyrillic: final sigma, iota subscript, breve */
    {0x37E, "61|3B|62"},
    {0x387, "61|B7|62"},
    {0x390, "61 3B9 62"},
    {0x3A3, "61 3C3 62"},
    {0x3C2, "61 3C2 62"},
    {0x3A9, "61 3C9 62"},
    {0x1F80, "61 3B1 62"},
    {0x1FB3, "61 3B1 62"},
    {0x1FEF, "61|60|62"},
    {0x1FFC, "61 3C9 62"},
    {0x2126, "61 3C9 62"},
    {0x401, "61 435 62"},
    {0x419, "61 438 62"},
    {0x4C0, "61 4CF 62"},
    /* marks: Mn goes, Mc and Me stay */
    {0x300, "61 62"},
    {0x345, "61 62"},
    {0x36F, "61 62"},
    {0x488, "61 488 62"},
    {0x5B0, "61 62"},
    {0x64B, "61 62"},
    {0x903, "61 903 62"},
    {0x93C, "61 62"},
    {0x94D, "61 62"},
    {0x9CB, "61 9C7 9BE 62"},
    {0xDDA, "61 DD9 62"},
    {0xDDE, "61 DD9 DDF 62"},
    {0x1734, "61 62"},
    {0x1B44, "61 1B44 62"},
    {0x20D0, "61 62"},
    {0x20DD, "61 20DD 62"},
    {0x302E, "61 302E 62"},
    {0x3099, "61 62"},
    {0x309B, "61 309B 62"},
    {0x1D165, "61 1D165 62"},
    /* format, private, unassigned, noncharacters */
    {0x378, "61 378 62"},
    {0x61C, "61 62"},
    {0x6DD, "61 62"},
    {0x70F, "61 62"},
    {0x180E, "61 62"},
    {0x200B, "61 62"},
    {0x200D, "61 62"},
    {0x200E, "61 62"},
    {0x202E, "61 62"},
    {0x2060, "61 62"},
    {0xE000, "61 62"},
    {0xF8FF, "61 62"},
    {0xFDD0, "61 FDD0 62"},
    {0xFEFF, "61 62"},
    {0xFFFC, "61 FFFC 62"},
    {0xFFFD, "61 62"},
    {0xFFFE, "61 FFFE 62"},
    {0xE0001, "61 62"},
    {0xE0100, "61 62"},
    {0xF0000, "61 62"},
    {0x10FFFD, "61 62"},
    {0x10FFFF, "61 10FFFF 62"},
    /* spaces beyond ASCII */
    {0x1680, "61|62"},
    {0x2000, "61|62"},
    {0x2007, "61|62"},
    {0x200A, "61|62"},
    {0x2028, "61|62"},
    {0x2029, "61|62"},
    {0x202F, "61|62"},
    {0x205F, "61|62"},
    {0x3000, "61|62"},
    /* punctuation and symbols */
    {0x2010, "61|2010|62"},
    {0x2014, "61|2014|62"},
    {0x2018, "61|2018|62"},
    {0x201C, "61|201C|62"},
    {0x2026, "61|2026|62"},
    {0x203F, "61|203F|62"},
    {0x20AC, "61 20AC 62"},
    {0x2122, "61 2122 62"},
    {0x2160, "61 2170 62"},
    {0x2260, "61|3D|62"},
    {0x226E, "61|3C|62"},
    {0x2329, "61|3008|62"},
    {0x3001, "61|3001|62"},
    {0x3002, "61|3002|62"},
    {0xFF01, "61|FF01|62"},
    {0xFF5E, "61 FF5E 62"},
    {0x1F642, "61 1F642 62"},
    /* Korean, Japanese, Chinese */
    {0x1100, "61 1100 62"},
    {0xAC00, "61 1100 1161 62"},
    {0xAC01, "61 1100 1161 11A8 62"},
    {0xD7A3, "61 1112 1175 11C2 62"},
    {0x304C, "61 304B 62"},
    {0x3042, "61 3042 62"},
    {0x30AC, "61 30AB 62"},
    {0x3400, "61|3400|62"},
    {0x4DBF, "61|4DBF|62"},
    {0x4DC0, "61 4DC0 62"},
    {0x4E00, "61|4E00|62"},
    {0x9FFF, "61|9FFF|62"},
    {0xF900, "61|8C48|62"},
    {0xFA0E, "61|FA0E|62"},
    {0xFAFF, "61|FAFF|62"},
    {0x20000, "61|20000|62"},
    {0x2A6DF, "61|2A6DF|62"},
    {0x2A6E0, "61 2A6E0 62"},
    {0x2A700, "61|2A700|62"},
    {0x2B81F, "61|2B81F|62"},
    {0x2B820, "61 2B820 62"},
    {0x2B91F, "61 2B91F 62"},
    {0x2B920, "61|2B920|62"},
    {0x2CEAF, "61|2CEAF|62"},
    {0x2CEB0, "61 2CEB0 62"},
    {0x2F800, "61|4E3D|62"},
    {0x2FA1F, "61|2FA1F|62"},
    {0x30000, "61 30000 62"},
    /* where utf8proc 2.8 differs */
    {0x61D, "61 61D 62"},
    {0x7FD, "61 7FD 62"},
    {0x890, "61 890 62"},
    {0x898, "61 898 62"},
    {0x8E2, "61 8E2 62"},
    {0x9FD, "61 9FD 62"},
    {0xAFA, "61 AFA 62"},
    {0xC04, "61 C04 62"},
    {0x166D, "61|166D|62"},
    {0x1885, "61 1885 62"},
    {0x1C89, "61 1C8A 62"},
    {0x1C8A, "61 1C8A 62"},
    {0x1DF6, "61 1DF6 62"},
    {0x2E43, "61 2E43 62"},
    {0x2E5D, "61 2E5D 62"},
    {0xA7CB, "61 264 62"},
    {0xA7CC, "61 A7CD 62"},
    {0xA7DA, "61 A7DB 62"},
    {0xA7DC, "61 19B 62"},
    {0x10D50, "61 10D70 62"},
    {0x10D65, "61 10D85 62"},
    {0x10EAD, "61 10EAD 62"},
    {0x110CD, "61 110CD 62"},
    {0x111C9, "61|111C9|62"},
    {0x11938, "61 11938 62"},
    {0x11F43, "61 11F43 62"},
    {0x13430, "61 13430 62"},
    {0x16EA0, "61 16EBB 62"},
    {0x16EB8, "61 16ED3 62"},
    {0x1E944, "61 1E944 62"},
    {0x1E95E, "61 1E95E 62"},
    /* upper case in other scripts */
    {0x10A0, "61 2D00 62"},
    {0x13A0, "61 AB70 62"},
    {0x1C90, "61 10D0 62"},
    {0x2C00, "61 2C30 62"},
    {0xA640, "61 A641 62"},
    {0x10400, "61 10428 62"},
    {0x10C80, "61 10CC0 62"},
    {0x118A0, "61 118C0 62"},
    {0x1E900, "61 1E922 62"},
    {0x1D400, "61 1D400 62"},
};

static size_t encode(uint32_t point, char *out)
{
    static const uint32_t ends[] = {0x80, 0x800, 0x10000, 0x110000};
    static const uint8_t leads[] = {0, 0xC0, 0xE0, 0xF0};
    size_t size = 0;
    while (point >= ends[size])
        size++;
    for (size_t i = size; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3F));
    out[0] = (char)(leads[size] | point);
    return size + 1;
}

/* The words of `text`, written as the vectors write them. */
static void describe(const char *text, size_t size, bool lowercase, char *out, size_t room)
{
    struct bulla_words words;
    size_t at = 0;
    out[0] = '\0';
    bulla_words_begin(&words, text, size, lowercase);
    while (bulla_words_next(&words)) {
        at += (size_t)snprintf(out + at, room - at, "%s", at ? "|" : "");
        for (unsigned i = 0; i < words.size; i++)
            at += (size_t)snprintf(out + at, room - at, "%s%X", i ? " " : "", words.word[i]);
    }
    if (words.malformed)
        (void)snprintf(out, room, "malformed");
}

static const char *pieces_of(uint32_t point)
{
    static char out[256];
    char text[6] = "a";
    size_t size = 1 + encode(point, text + 1);
    text[size] = 'b';
    describe(text, size + 1, true, out, sizeof out);
    return out;
}

static void significant_code_points_become_the_reference_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof carried / sizeof carried[0]; i++) {
        const char *pieces = pieces_of(carried[i].point);
        if (strcmp(pieces, carried[i].pieces) != 0)
            fail_msg("U+%04X: %s, not %s", carried[i].point, pieces, carried[i].pieces);
    }
}

static void every_code_point_becomes_the_reference_pieces(void **state)
{
    (void)state;
    const char *folder = getenv("BULLA_VECTORS");
    char path[4000], command[4200], line[512];
    (void)snprintf(path, sizeof path, "%s/tokenizer/codepoints.txt.gz",
        folder ? folder : BULLA_SOURCE_FOLDER "/../shared/vectors");
    if (access(path, R_OK) != 0)
        skip();
    (void)snprintf(command, sizeof command, "gzip -dc '%s'", path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t lines = 0, wrong = 0;
    while (fgets(line, sizeof line, pipe)) {
        char *pieces;
        uint32_t point = (uint32_t)strtoul(line, &pieces, 16);
        line[strcspn(line, "\n")] = '\0';
        lines++;
        if (strcmp(pieces_of(point), pieces + 1) != 0 && ++wrong < 20)
            print_error("U+%04X: %s, not %s\n", point, pieces_of(point), pieces + 1);
    }
    assert_int_equal(pclose(pipe), 0);
    assert_int_equal(lines, 1112063); /* all but U+0000 and the surrogates */
    assert_int_equal(wrong, 0);
}

/* U+0000 is the one code point that the vectors leave out; the rule drops it. */
static void zero_is_dropped(void **state)
{
    (void)state;
    assert_string_equal(pieces_of(0), "61 62");
}

static void the_correction_tables_are_sorted(void **state)
{
    (void)state;
    for (size_t i = 0; i < bulla_unicode_classes_count; i++) {
        assert_true(bulla_unicode_classes[i].first <= bulla_unicode_classes[i].last);
        assert_true(i == 0 || bulla_unicode_classes[i - 1].last < bulla_unicode_classes[i].first);
    }
    for (size_t i = 0; i < bulla_unicode_lowers_count; i++) {
        assert_true(bulla_unicode_lowers[i].first <= bulla_unicode_lowers[i].last);
        assert_true(i == 0 || bulla_unicode_lowers[i - 1].last < bulla_unicode_lowers[i].first);
    }
}

static void words_are(const char *text, bool lowercase, const char *expected)
{
    char out[4096];
    describe(text, strlen(text), lowercase, out, sizeof out);
    assert_string_equal(out, expected);
}

static void a_cased_model_keeps_case_and_accents(void **state)
{
    (void)state;
    words_are("\u00C9A, \u4E00\u0300", false, "C9 41|2C|4E00|300");
}

/* Canonical ordering (Unicode standard, section 3.11): U+302E (class 224) and U+1D165 (class 216) are marks that stay
 * (Mc), so the lower class comes first; a letter or an accent of class 0 (U+0901) between them keeps them apart. An
 * accent of another class (U+0301, 230) does not. */
static void marks_that_stay_are_put_into_canonical_order(void **state)
{
    (void)state;
    words_are("a\u302E\U0001D165", true, "61 1D165 302E");
    words_are("a\u302E\u0301\U0001D165", true, "61 1D165 302E");
    words_are("a\u302E\u0901\U0001D165", true, "61 302E 1D165");
    words_are("a\u302Ex\U0001D165", true, "61 302E 78 1D165");
    words_are("a\u302E\U0001D165", false, "61 302E 1D165");
}

static void what_is_not_utf8_is_malformed(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a\x80", "a\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF", "ab\xF0\x9F\x99"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        words_are(texts[i], true, "malformed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(significant_code_points_become_the_reference_pieces),
        cmocka_unit_test(every_code_point_becomes_the_reference_pieces),
        cmocka_unit_test(zero_is_dropped),
        cmocka_unit_test(the_correction_tables_are_sorted),
        cmocka_unit_test(a_cased_model_keeps_case_and_accents),
        cmocka_unit_test(marks_that_stay_are_put_into_canonical_order),
        cmocka_unit_test(what_is_not_utf8_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
