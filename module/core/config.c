/* One table of settings; a line is a section, a setting, a comment or an error. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/bytes.h"
#include "heap.h"
#include "release/backend.h"
#include "release/tree.h"

enum { FILE_LARGEST = 65536 };

enum setting_kind { TEXT, NUMBER, CHOICE, PCRS, BANK, TREE, ATTESTER };
struct setting {
    const char *name;
    enum setting_kind kind;
    size_t offset, size;
    const char *no, *yes;            /* of a choice */
    unsigned long smallest, largest; /* of a number */
};

#define FIELD(name) offsetof(struct bulla_token_config, name), sizeof(((struct bulla_token_config *)0)->name)
static const struct setting settings[] = {
    {"slot", NUMBER, FIELD(slot), NULL, NULL, 0, 0x7fffffff},
    {"serial", TEXT, FIELD(serial), NULL, NULL, 0, 0},
    {"path", TEXT, FIELD(path), NULL, NULL, 0, 0},
    {"models", TEXT, FIELD(models), NULL, NULL, 0, 0},
    {"tcti", TEXT, FIELD(tcti), NULL, NULL, 0, 0},
    {"release", TREE, FIELD(release), NULL, NULL, 0, 0},
    {"model-release", TREE, FIELD(model_release), NULL, NULL, 0, 0},
    {"attester", ATTESTER, FIELD(attester), NULL, NULL, 0, 0},
    {"pcrs", PCRS, FIELD(pcrs), NULL, NULL, 0, 0},
    {"pcr-bank", BANK, FIELD(pcr_bank), NULL, NULL, 0, 0},
    {"lease", NUMBER, FIELD(lease), NULL, NULL, 1, 31536000}, /* a year */
    {"threads", NUMBER, FIELD(threads), NULL, NULL, 0, 64},   /* 0: as many as processors, 8 at the most */
    {"pin-cost", CHOICE, FIELD(quick_pin), "standard", "quick", 0, 0},
    {"so-recovery", CHOICE, FIELD(so_recovery), "no", "yes", 0, 0},
};

static bool set_text(const struct setting *setting, char *field, const char *value)
{
    if (strlen(value) >= setting->size)
        return false;
    memcpy(field, value, strlen(value) + 1);
    return true;
}

static bool parse_number(const char *text, char **end, unsigned long *number)
{
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *number = strtoul(text, end, 10);
    return errno == 0;
}

static bool set_number(const struct setting *setting, char *field, const char *value)
{
    char *end;
    unsigned long number;
    if (!parse_number(value, &end, &number) || *end || number < setting->smallest || number > setting->largest)
        return false;
    memcpy(field, &number, sizeof number);
    return true;
}

/* A tree that could not be sealed is an error here, and not when a key is made. */
static bool set_tree(const struct setting *setting, char *field, const char *value)
{
    struct bulla_tree_shape shape;
    bool right = bulla_tree_parse(value, &shape) == BULLA_OK;
    return right && set_text(setting, field, value);
}

static bool set_attester(const struct setting *setting, char *field, const char *value)
{
    bool known = strcmp(value, "auto") == 0 || strcmp(value, "none") == 0;
    for (size_t i = 0; bulla_attesters[i] && !known; i++)
        known = strcmp(value, bulla_attesters[i]->name) == 0;
    return known && set_text(setting, field, value);
}

static bool set_choice(const struct setting *setting, char *field, const char *value)
{
    bool yes = strcmp(value, setting->yes) == 0;
    if (!yes && strcmp(value, setting->no) != 0)
        return false;
    memcpy(field, &yes, sizeof yes);
    return true;
}

/* "0-7" or "0,2,4-7". */
static bool set_pcrs(const struct setting *setting, char *field, const char *value)
{
    (void)setting;
    uint32_t mask = 0;
    char *at = NULL;
    for (const char *text = value;; text = at + 1) {
        unsigned long first, last;
        if (!parse_number(text, &at, &first))
            return false;
        last = first;
        if (*at == '-' && !parse_number(at + 1, &at, &last))
            return false;
        if (last > 23 || first > last)
            return false;
        for (unsigned long pcr = first; pcr <= last; pcr++)
            mask |= 1U << pcr;
        if (*at != ',')
            break;
    }
    memcpy(field, &mask, sizeof mask);
    return *at == '\0';
}

static bool set_bank(const struct setting *setting, char *field, const char *value)
{
    static const char *const names[BULLA_HASHES] = {
        [BULLA_SHA256] = "sha256", [BULLA_SHA384] = "sha384", [BULLA_SHA512] = "sha512"};
    (void)setting;
    for (int i = 0; i < BULLA_HASHES; i++)
        if (names[i] && strcmp(names[i], value) == 0) {
            enum bulla_hash bank = (enum bulla_hash)i;
            memcpy(field, &bank, sizeof bank);
            return true;
        }
    return false;
}

static bool (*const setters[])(const struct setting *, char *, const char *) = {
    [TEXT] = set_text,
    [NUMBER] = set_number,
    [CHOICE] = set_choice,
    [PCRS] = set_pcrs,
    [BANK] = set_bank,
    [TREE] = set_tree,
    [ATTESTER] = set_attester,
};

static char *trimmed(char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    size_t size = strlen(text);
    while (size && strchr(" \t\r", text[size - 1]))
        text[--size] = '\0';
    return text;
}

/* Where a line stands, for the words of a refusal. */
struct place {
    const char *source;
    unsigned line;
};

static enum bulla_reason parse_section(char *line, const struct place *place, struct bulla_config *config)
{
    char *close = strchr(line, ']');
    if (!close || close[1] || strncmp(line, "[token ", 7) != 0)
        return bulla_refuse(
            BULLA_CONFIG_SYNTAX, "%s:%u: a section is written [token NAME]", place->source, place->line);
    *close = '\0';
    const char *name = trimmed(line + 7);
    if (!*name || strlen(name) >= sizeof config->tokens[0].name)
        return bulla_refuse(BULLA_CONFIG_SYNTAX, "%s:%u: a token's name has 1 to 32 bytes", place->source, place->line);
    if (config->count == BULLA_TOKENS_LARGEST)
        return bulla_refuse(
            BULLA_CONFIG_SYNTAX, "%s:%u: more than %d tokens", place->source, place->line, BULLA_TOKENS_LARGEST);
    struct bulla_token_config *token = &config->tokens[config->count];
    *token = (struct bulla_token_config){.slot = config->count, .pcrs = 0xff, .pcr_bank = BULLA_SHA256, .lease = 300};
    memcpy(token->name, name, strlen(name) + 1);
    config->count++;
    return BULLA_OK;
}

static enum bulla_reason parse_setting(char *line, const struct place *place, struct bulla_config *config)
{
    char *equals = strchr(line, '=');
    if (!equals || config->count == 0)
        return bulla_refuse(BULLA_CONFIG_SYNTAX, "%s:%u: expected %s", place->source, place->line,
            equals ? "a [token NAME] section before the settings" : "setting = value");
    *equals = '\0';
    const char *name = trimmed(line);
    const char *value = trimmed(equals + 1);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (strcmp(settings[i].name, name) != 0)
            continue;
        char *field = (char *)&config->tokens[config->count - 1] + settings[i].offset;
        bulla_detail_clear();
        if (setters[settings[i].kind](&settings[i], field, value))
            return BULLA_OK;
        if (*bulla_detail())
            return bulla_refuse_within(
                BULLA_CONFIG_SYNTAX, "%s:%u: \"%s\" is not a value of %s: ", place->source, place->line, value, name);
        return bulla_refuse(
            BULLA_CONFIG_SYNTAX, "%s:%u: \"%s\" is not a value of %s", place->source, place->line, value, name);
    }
    return bulla_refuse(BULLA_CONFIG_SYNTAX, "%s:%u: there is no setting \"%s\"", place->source, place->line, name);
}

/* Backends check the rest of a TCTI string; what runs a command is refused before any of them sees it. */
static bool tcti_is_harmless(const char *tcti)
{
    static const char *const kinds[] = {"swtpm:", "mssim:", "device:/dev/tpm"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncmp(tcti, kinds[i], strlen(kinds[i])) == 0)
            return true;
    return !*tcti || strcmp(tcti, "swtpm") == 0;
}

static enum bulla_reason complete_token(struct bulla_token_config *token, const char *source)
{
    if (token->path[0] != '/')
        return bulla_refuse(BULLA_CONFIG_SYNTAX, "%s: token %s needs an absolute path", source, token->name);
    size_t length = strlen(token->path);
    if (!*token->models) {
        if (length > sizeof token->models - sizeof "/models")
            return bulla_refuse(BULLA_CONFIG_SYNTAX, "%s: the path of token %s is too long", source, token->name);
        memcpy(token->models, token->path, length);
        memcpy(token->models + length, "/models", sizeof "/models");
    }
    if (token->models[0] != '/')
        return bulla_refuse(BULLA_CONFIG_SYNTAX, "%s: models of token %s needs an absolute path", source, token->name);
    if (*token->serial && strlen(token->serial) != 16)
        return bulla_refuse(BULLA_CONFIG_SYNTAX, "%s: the serial of token %s needs 16 characters", source, token->name);
    if (!tcti_is_harmless(token->tcti))
        return bulla_refuse(BULLA_CONFIG_TCTI, "%s: token %s: tcti \"%s\"", source, token->name, token->tcti);
    if (strcmp(token->attester, "tpm") == 0 && !*token->tcti)
        return bulla_refuse(BULLA_CONFIG_SYNTAX, "%s: token %s: the attester tpm needs a tcti", source, token->name);
    if (!*token->release)
        memcpy(token->release, *token->tcti ? "tpm" : "passphrase", *token->tcti ? 4 : 11);
    return BULLA_OK;
}

static bool are_one(const struct bulla_token_config *left, const struct bulla_token_config *right)
{
    return left->slot == right->slot || strcmp(left->path, right->path) == 0 ||
           (*left->serial && strcmp(left->serial, right->serial) == 0);
}

static enum bulla_reason complete(struct bulla_config *config)
{
    if (config->count == 0)
        return bulla_refuse(BULLA_CONFIG_SYNTAX, "%s declares no token: write a [token NAME] section", config->source);
    for (unsigned i = 0; i < config->count; i++) {
        BULLA_TRY(complete_token(&config->tokens[i], config->source));
        for (unsigned j = 0; j < i; j++)
            if (are_one(&config->tokens[i], &config->tokens[j]))
                return bulla_refuse(BULLA_CONFIG_SYNTAX, "%s: tokens %s and %s have the same slot, path or serial",
                    config->source, config->tokens[j].name, config->tokens[i].name);
    }
    return BULLA_OK;
}

enum bulla_reason bulla_config_parse(const char *text, const char *source, struct bulla_config *config)
{
    *config = (struct bulla_config){.count = 0};
    (void)snprintf(config->source, sizeof config->source, "%s", source);
    struct place place = {source, 0};
    while (*text) {
        char line[BULLA_CONFIG_PATH + 64];
        size_t size = strcspn(text, "\n");
        place.line++;
        if (size >= sizeof line)
            return bulla_refuse(BULLA_CONFIG_SYNTAX, "%s:%u: the line is too long", source, place.line);
        memcpy(line, text, size);
        line[size] = '\0';
        char *at = trimmed(line);
        if (*at && *at != '#')
            BULLA_TRY((*at == '[' ? parse_section : parse_setting)(at, &place, config));
        text += size + (text[size] == '\n');
    }
    return complete(config);
}

/* BULLA_STORE_MISSING: there is no such file, and the next place is tried. */
static enum bulla_reason read_file(const char *path, char *text)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT || errno == ENOTDIR ? BULLA_STORE_MISSING
                                                   : bulla_refuse(BULLA_FILE, "%s: %s", path, strerror(errno));
    enum bulla_reason reason = BULLA_OK;
    struct stat status;
    ssize_t size = 0;
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
        reason = bulla_refuse(BULLA_FILE, "%s is not a file", path);
    else if ((status.st_mode & (S_IWGRP | S_IWOTH)) || (status.st_uid != 0 && status.st_uid != geteuid()))
        reason = bulla_refuse(BULLA_CONFIG_PERMISSION, "%s may be written by others", path);
    else if ((size = read(file, text, FILE_LARGEST)) < 0 || size == FILE_LARGEST)
        reason = bulla_refuse(BULLA_FILE, "%s can't be read, or is larger than %d bytes", path, FILE_LARGEST);
    else
        text[size] = '\0';
    (void)close(file);
    return reason;
}

/* $variable/bulla/<last>, or $HOME/<fallback>/bulla/<last>. */
static bool user_path(char *path, const char *variable, const char *fallback, const char *last)
{
    const char *base = secure_getenv(variable);
    const char *home = secure_getenv("HOME");
    if (base && *base == '/')
        return (size_t)snprintf(path, BULLA_CONFIG_PATH, "%s/bulla/%s", base, last) < BULLA_CONFIG_PATH;
    return home && *home == '/' &&
           (size_t)snprintf(path, BULLA_CONFIG_PATH, "%s/%s/bulla/%s", home, fallback, last) < BULLA_CONFIG_PATH;
}

static enum bulla_reason built_in(struct bulla_config *config)
{
    *config = (struct bulla_config){.count = 1};
    struct bulla_token_config *token = &config->tokens[0];
    *token = (struct bulla_token_config){.name = "bulla", .pcrs = 0xff, .pcr_bank = BULLA_SHA256, .lease = 300};
    if (!user_path(token->path, "XDG_DATA_HOME", ".local/share", "token")) {
        config->count = 0;
        return BULLA_OK;
    }
    return complete(config);
}

enum bulla_reason bulla_config_load(struct bulla_config *config)
{
    char places[3][BULLA_CONFIG_PATH] = {"", "", "/etc/bulla/bulla.conf"};
    const char *named = secure_getenv("BULLA_CONF");
    if (named && *named)
        (void)snprintf(places[0], sizeof places[0], "%s", named);
    if (!user_path(places[1], "XDG_CONFIG_HOME", ".config", "bulla.conf"))
        places[1][0] = '\0';
    BULLA_HEAP void *text = NULL;
    BULLA_TRY(bulla_heap_allocate(FILE_LARGEST + 1, "reading bulla.conf", &text));
    enum bulla_reason reason = BULLA_STORE_MISSING;
    for (unsigned i = 0; i < 3 && reason == BULLA_STORE_MISSING; i++) {
        if (!places[i][0])
            continue;
        reason = read_file(places[i], text);
        if (reason == BULLA_OK)
            reason = bulla_config_parse(text, places[i], config);
        else if (reason == BULLA_STORE_MISSING && i == 0)
            reason = bulla_refuse(BULLA_FILE, "BULLA_CONF names %s, which is not there", places[0]);
    }
    if (reason == BULLA_STORE_MISSING)
        reason = built_in(config);
    return reason;
}
