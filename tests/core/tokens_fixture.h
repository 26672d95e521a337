/* What tests of tokens share: two of them in a fresh folder, each with a user's PIN and the owner logged in, and two
 * sessions of the first. The folder is the test's, made and removed around it. Whatever a helper can't do fails the
 * test. */
#ifndef BULLA_TESTS_TOKENS_FIXTURE_H
#define BULLA_TESTS_TOKENS_FIXTURE_H

#include "support/test.h"

#include "core/config.h"
#include "core/session.h"
#include "core/token.h"

#define TEXT(words) ((struct bulla_bytes){(const uint8_t *)(words), sizeof(words) - 1})

struct tokens_fixture {
    char folder[64]; /* in it: a/token.db and b/token.db */
    struct bulla_config config;
    struct bulla_token tokens[2];
    struct bulla_session sessions[2]; /* of the first token */
};

int tokens_begin(void **state);
int tokens_end(void **state);

/* The owner. */
void tokens_log_in(struct bulla_token *token);
/* SQL on the token's database, as somebody with the disk would do it; it must change something. */
void tokens_meddle(const struct tokens_fixture *fixture, unsigned token, const char *sql);

#endif
