#include "tokens_fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/folder.h"

static void make_token(struct bulla_token *token, const struct bulla_token_config *config)
{
    bulla_token_make(token, config);
    assert_int_equal(bulla_token_initialize(token, TEXT("so-secret"), "test"), BULLA_OK);
    assert_int_equal(bulla_token_login(token, NULL, TEXT("so-secret")), BULLA_OK);
    assert_int_equal(bulla_token_user_pin_initialize(token, TEXT("user-secret")), BULLA_OK);
    bulla_token_logout(token);
    tokens_log_in(token);
}

int tokens_begin(void **state)
{
    struct tokens_fixture *fixture = calloc(1, sizeof *fixture);
    char text[512];
    if (!fixture)
        return -1;
    test_folder_make(fixture->folder, sizeof fixture->folder);
    (void)snprintf(text, sizeof text,
        "[token a]\npath = %s/a\npin-cost = quick\n[token b]\npath = %s/b\npin-cost = quick\n", fixture->folder,
        fixture->folder);
    if (bulla_config_parse(text, "test", &fixture->config) != BULLA_OK)
        return -1;
    for (unsigned i = 0; i < 2; i++) {
        make_token(&fixture->tokens[i], &fixture->config.tokens[i]);
        fixture->sessions[i] = (struct bulla_session){.handle = i + 1, .token = fixture->tokens, .writable = true};
    }
    *state = fixture;
    return 0;
}

int tokens_end(void **state)
{
    struct tokens_fixture *fixture = *state;
    for (unsigned i = 0; i < 2; i++) {
        bulla_session_reset(&fixture->sessions[i]);
        bulla_token_close(&fixture->tokens[i]);
    }
    test_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

void tokens_log_in(struct bulla_token *token)
{
    assert_int_equal(bulla_token_login(token, &bulla_token_owner, TEXT("user-secret")), BULLA_OK);
}

void tokens_meddle(const struct tokens_fixture *fixture, unsigned token, const char *sql)
{
    char path[128], *error = NULL;
    sqlite3 *database = NULL;
    (void)snprintf(path, sizeof path, "%s/%c/token.db", fixture->folder, (char)('a' + token));
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    if (sqlite3_exec(database, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error);
    assert_true(sqlite3_changes(database) > 0); /* a tamper test that changes nothing shows nothing */
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}
