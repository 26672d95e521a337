/* Options as tables: one table of rows gives the parser, the help text, the completion and the manual's check.
 *
 * A command's settings are a structure that begins with struct bulla_common; a row says at which offset its value goes.
 * Texts point into argv. */
#ifndef BULLA_TOOLS_OPTIONS_H
#define BULLA_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/reason.h"

enum bulla_option_kind {
    BULLA_OPTION_FLAG,   /* bool */
    BULLA_OPTION_TEXT,   /* const char * */
    BULLA_OPTION_OUTPUT, /* const char *, a file that is written: "-" is standard output */
    BULLA_OPTION_KEPT,   /* const char *, a file that is written and read again: never "-" */
    BULLA_OPTION_NUMBER, /* uint64_t, within least … most */
    BULLA_OPTION_HEX,    /* struct bulla_hex, least … most bytes; "@FILE": the digits stand in that file */
    BULLA_OPTION_LIST,   /* struct bulla_list, one item each time it is given */
};

enum { BULLA_HEX_LARGEST = 128, BULLA_LIST_LARGEST = 32, BULLA_OPTIONS_LARGEST = 32 };

struct bulla_hex {
    uint8_t data[BULLA_HEX_LARGEST];
    size_t size; /* 0: not given */
};
struct bulla_list {
    const char *items[BULLA_LIST_LARGEST];
    size_t count;
};

/* The order is that in which rows are written. */
struct bulla_option { /* NOLINT(clang-analyzer-optin.performance.Padding) */
    const char *name;
    char letter;       /* 0: none */
    const char *value; /* name of the value in the help; NULL for flags */
    const char *help;
    enum bulla_option_kind kind;
    size_t offset;
    uint64_t least, most; /* most 0: unbounded */
    bool required;
};

/* What every command knows; the token's part is unused by commands that need none. */
struct bulla_common {
    bool help, json, quiet;
    const char *module, *token;
    const char *pin_file, *passphrase_file;
    const char *user, *as, *as_key; /* who logs in, and for whom the session acts besides */
    bool partly; /* set by a command that did what it could, and told what it could not: BULLA_EXIT_LEFT */
};

enum bulla_needs { BULLA_NEEDS_NOTHING, BULLA_NEEDS_TOKEN, BULLA_NEEDS_LOGIN };

struct bulla_call;
struct bulla_command {
    const char *name;      /* one word to three */
    const char *arguments; /* "FOLDER", or "" */
    const char *summary;   /* one line */
    const char *text;      /* paragraphs for --help, or NULL */
    const char *examples;  /* lines, each ending in a newline */
    const struct bulla_option *options;
    size_t option_count;
    enum bulla_needs needs;
    size_t settings_size;
    size_t arguments_least, arguments_most;
    enum bulla_reason (*run)(const struct bulla_call *call);
};

struct bulla_call {
    const struct bulla_command *command;
    void *settings; /* zeroed before the options went in */
    char **arguments;
    size_t count;
};

#define BULLA_COUNT(array) (sizeof(array) / sizeof *(array))

/* The command's own rows, then those that its needs bring, but for names that the command has itself, then the common
 * ones; returns how many. */
size_t bulla_options_collect(
    const struct bulla_command *command, const struct bulla_option *rows[BULLA_OPTIONS_LARGEST]);
/* argv[0] is the last word of the command's name. Fills in settings, arguments and count of a call whose command and
 * settings are set. BULLA_ARGUMENT with a sentence that names what was wrong, and what is near to it. With --help
 * given, what is missing is not asked for. */
enum bulla_reason bulla_options_parse(struct bulla_call *call, int argc, char **argv) BULLA_MUST_USE;

/* Whether an option of BULLA_OPTION_OUTPUT names standard output. */
bool bulla_options_want_output(const struct bulla_call *call);

/* Hex digits of either case; BULLA_ARGUMENT otherwise, with `what` in the detail. */
enum bulla_reason bulla_hex_parse(const char *text, const char *what, struct bulla_hex *hex) BULLA_MUST_USE;
/* 2 * size digits and a zero into `text`. */
void bulla_hex_write(const uint8_t *data, size_t size, char *text);
/* Decimal digits only, within least … most. */
enum bulla_reason bulla_number_parse(
    const char *text, const char *what, uint64_t least, uint64_t most, uint64_t *number) BULLA_MUST_USE;

/* The candidate at the smallest edit distance, when it is near enough to be what was meant; else NULL. */
const char *bulla_nearest(const char *word, const char *const *candidates, size_t count);

#endif
