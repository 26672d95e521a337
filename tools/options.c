/* getopt_long walks argv; its rows are made from ours, val = 256 + the row's index, so that nothing here knows an
 * option by name. What getopt calls unknown is compared with the table to say what may have been meant. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "values.h"

#define AT(member) offsetof(struct bulla_common, member)

static const struct bulla_option login_rows[] = {
    {"pin-file", 0, "FILE", "read the user's PIN from FILE (else $BULLA_PIN, else ask)", BULLA_OPTION_TEXT,
        AT(pin_file), 0, 0, false},
    {"passphrase-file", 0, "FILE", "a passphrase for release trees that ask for one (else $BULLA_PASSPHRASE)",
        BULLA_OPTION_TEXT, AT(passphrase_file), 0, 0, false},
    {"user", 'u', "NAME", "log in as this user of the token instead of its owner", BULLA_OPTION_TEXT, AT(user), 0, 0,
        false},
    {"as", 0, "PRINCIPAL", "prove to be this principal as well: ed25519:…, secp256k1:…, ethereum:0x…, user:NAME",
        BULLA_OPTION_TEXT, AT(as), 0, 0, false},
    {"as-key", 0, "FILE",
        "its private key in PEM, or the user's PIN (else the proof in hex is read from standard input)",
        BULLA_OPTION_TEXT, AT(as_key), 0, 0, false},
};
static const struct bulla_option token_rows[] = {
    {"token", 't', "LABEL", "the token: its label, serial number, name in bulla.conf, or a PKCS#11 URI",
        BULLA_OPTION_TEXT, AT(token), 0, 0, false},
    {"module", 'm', "PATH", "load this module through p11-kit instead of the registered ones", BULLA_OPTION_TEXT,
        AT(module), 0, 0, false},
};
static const struct bulla_option common_rows[] = {
    {"json", 'j', NULL, "print JSON", BULLA_OPTION_FLAG, AT(json), 0, 0, false},
    {"quiet", 'q', NULL, "no progress and no remarks", BULLA_OPTION_FLAG, AT(quiet), 0, 0, false},
    {"help", 'h', NULL, "print this help", BULLA_OPTION_FLAG, AT(help), 0, 0, false},
};

static bool is_there(const struct bulla_option *const *all, size_t total, const char *name)
{
    for (size_t i = 0; i < total; i++)
        if (strcmp(all[i]->name, name) == 0)
            return true;
    return false;
}

static void rows_append(const struct bulla_option *rows, size_t count, const struct bulla_option **all, size_t *total)
{
    for (size_t i = 0; i < count && *total < BULLA_OPTIONS_LARGEST; i++)
        if (!is_there(all, *total, rows[i].name))
            all[(*total)++] = &rows[i];
}

size_t bulla_options_collect(
    const struct bulla_command *command, const struct bulla_option *rows[BULLA_OPTIONS_LARGEST])
{
    size_t total = 0;
    rows_append(command->options, command->option_count, rows, &total);
    if (command->needs >= BULLA_NEEDS_LOGIN)
        rows_append(login_rows, BULLA_COUNT(login_rows), rows, &total);
    if (command->needs >= BULLA_NEEDS_TOKEN)
        rows_append(token_rows, BULLA_COUNT(token_rows), rows, &total);
    rows_append(common_rows, BULLA_COUNT(common_rows), rows, &total);
    return total;
}

/* --- what getopt wants --- */

struct getopt_rows {
    struct option longs[BULLA_OPTIONS_LARGEST + 1];
    char shorts[2 * BULLA_OPTIONS_LARGEST + 2];
};

static void getopt_rows_make(struct getopt_rows *made, const struct bulla_option *const *rows, size_t count)
{
    size_t used = 0;
    memset(made, 0, sizeof *made);
    made->shorts[used++] = ':'; /* a missing value is told apart from an unknown option */
    for (size_t i = 0; i < count; i++) {
        made->longs[i].name = rows[i]->name;
        made->longs[i].has_arg = rows[i]->value ? required_argument : no_argument;
        made->longs[i].val = 256 + (int)i;
        if (rows[i]->letter)
            made->shorts[used++] = rows[i]->letter;
        if (rows[i]->letter && rows[i]->value)
            made->shorts[used++] = ':';
    }
}

static const struct bulla_option *row_of(const struct bulla_option *const *rows, size_t count, int found)
{
    if (found >= 256)
        return (size_t)(found - 256) < count ? rows[found - 256] : NULL;
    for (size_t i = 0; i < count; i++)
        if (rows[i]->letter == found)
            return rows[i];
    return NULL;
}

static enum bulla_reason unknown_refuse(const struct bulla_option *const *rows, size_t count, const char *given)
{
    const char *names[BULLA_OPTIONS_LARGEST];
    char word[64] = "";
    if (given[0] != '-' || given[1] != '-')
        return bulla_refuse(BULLA_ARGUMENT, "unknown option '-%c'", optopt);
    for (size_t i = 0; i < count; i++)
        names[i] = rows[i]->name;
    (void)strncpy(word, given + 2, sizeof word - 1);
    word[strcspn(word, "=")] = '\0';
    const char *near = bulla_nearest(word, names, count);
    return near ? bulla_refuse(BULLA_ARGUMENT, "unknown option '--%s'; did you mean '--%s'?", word, near)
                : bulla_refuse(BULLA_ARGUMENT, "unknown option '--%s'", word);
}

static enum bulla_reason given_refuse(const struct bulla_option *const *rows, size_t count, char **argv, int found)
{
    const struct bulla_option *row = optopt ? row_of(rows, count, optopt) : NULL;
    if (found == ':' && row)
        return bulla_refuse(BULLA_ARGUMENT, "--%s needs a value: %s", row->name, row->value);
    if (row)
        return bulla_refuse(BULLA_ARGUMENT, "--%s takes no value", row->name);
    return unknown_refuse(rows, count, argv[optind - 1]);
}

static enum bulla_reason required_check(const struct bulla_option *const *rows, size_t count, const bool *met)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i]->required && !met[i])
            return bulla_refuse(
                BULLA_ARGUMENT, "--%s %s is missing", rows[i]->name, rows[i]->value ? rows[i]->value : "");
    return BULLA_OK;
}

static enum bulla_reason arguments_check(const struct bulla_call *call)
{
    if (call->count < call->command->arguments_least)
        return bulla_refuse(
            BULLA_ARGUMENT, "too few arguments: bulla %s %s", call->command->name, call->command->arguments);
    if (call->count > call->command->arguments_most)
        return bulla_refuse(BULLA_ARGUMENT, "too many arguments, the first superfluous one is '%s'",
            call->arguments[call->command->arguments_most]);
    return BULLA_OK;
}

bool bulla_options_want_output(const struct bulla_call *call)
{
    const struct bulla_command *command = call->command;
    for (size_t i = 0; i < command->option_count; i++) {
        const void *at = (const uint8_t *)call->settings + command->options[i].offset;
        const char *path = command->options[i].kind == BULLA_OPTION_OUTPUT ? *(const char *const *)at : NULL;
        if (path && bulla_file_is_output(path))
            return true;
    }
    return false;
}

enum bulla_reason bulla_options_parse(struct bulla_call *call, int argc, char **argv)
{
    const struct bulla_option *rows[BULLA_OPTIONS_LARGEST];
    bool met[BULLA_OPTIONS_LARGEST] = {false};
    struct getopt_rows made;
    size_t count = bulla_options_collect(call->command, rows);
    getopt_rows_make(&made, rows, count);
    optind = 0; /* glibc: start anew */
    opterr = 0;
    int found;
    /* The program parses once, before any thread is started. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    while ((found = getopt_long(argc, argv, made.shorts, made.longs, NULL)) != -1) {
        const struct bulla_option *row = found == '?' || found == ':' ? NULL : row_of(rows, count, found);
        if (!row)
            return given_refuse(rows, count, argv, found);
        BULLA_TRY(bulla_value_store(row, optarg, call->settings));
        for (size_t i = 0; i < count; i++)
            met[i] = met[i] || rows[i] == row;
    }
    call->arguments = argv + optind;
    call->count = (size_t)(argc - optind);
    if (((const struct bulla_common *)call->settings)->help)
        return BULLA_OK;
    BULLA_TRY(required_check(rows, count, met));
    return arguments_check(call);
}
