/* Whom a session acts for: who logged in, and who proved himself to it; and for how long. The clock is the test's. */
#include "tokens_fixture.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/objects.h"
#include "core/principal.h"
#include "core/users.h"

/* In place of libc's, for all that is linked here. */
static time_t ahead;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    long result = syscall(SYS_clock_gettime, clock, now);
    now->tv_sec += ahead;
    return (int)result;
}

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* RFC 8032, 7.1, TEST 2 and TEST 3: the secret keys; libsodium signs. */
static const char *const seeds[] = {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"};
static const char *const keys[] = {"ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"};

static int begin(void **state)
{
    ahead = 0;
    return tokens_begin(state);
}

/* --- what applications do --- */

static CK_RV try_create(struct bulla_session *session, const char *principal, CK_OBJECT_HANDLE *object)
{
    static CK_OBJECT_CLASS object_class = CKO_BULLA_PRINCIPAL;
    static CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class}, {CKA_TOKEN, &no, 1},
        {CKA_BULLA_PRINCIPAL, (void *)(uintptr_t)principal, strlen(principal)}};
    return bulla_objects_create(session, attributes, COUNT_OF(attributes), object);
}

static CK_OBJECT_HANDLE create(struct bulla_session *session, const char *principal)
{
    CK_OBJECT_HANDLE object = 0;
    assert_int_equal(try_create(session, principal, &object), CKR_OK);
    return object;
}

/* "" where there is none. */
static void read_challenge(struct bulla_session *session, CK_OBJECT_HANDLE object, char text[static 512])
{
    CK_ATTRIBUTE attribute = {CKA_BULLA_CHALLENGE, text, 511};
    CK_RV rv = bulla_objects_get(session, object, &attribute, 1);
    assert_true(rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID);
    text[rv == CKR_OK ? attribute.ulValueLen : 0] = '\0';
}

static CK_RV set_proof(struct bulla_session *session, CK_OBJECT_HANDLE object, const void *proof, size_t size)
{
    CK_ATTRIBUTE attribute = {CKA_BULLA_PROOF, (void *)(uintptr_t)proof, size};
    return bulla_objects_set(session, object, &attribute, 1);
}

static CK_RV prove_by(struct bulla_session *session, CK_OBJECT_HANDLE object, int key, const char *challenge)
{
    uint8_t seed[32], public_key[32], secret[64], proof[64];
    assert_int_equal(sodium_hex2bin(seed, sizeof seed, seeds[key], 64, NULL, NULL, NULL), 0);
    (void)crypto_sign_seed_keypair(public_key, secret, seed);
    (void)crypto_sign_detached(proof, NULL, (const uint8_t *)challenge, strlen(challenge), secret);
    return set_proof(session, object, proof, sizeof proof);
}

static CK_RV prove(struct bulla_session *session, CK_OBJECT_HANDLE object, int key)
{
    char challenge[512];
    read_challenge(session, object, challenge);
    return prove_by(session, object, key, challenge);
}

static CK_OBJECT_HANDLE add_user(struct bulla_session *session, const char *name, const char *pin)
{
    static CK_OBJECT_CLASS object_class = CKO_BULLA_PRINCIPAL;
    static CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE object = 0;
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class}, {CKA_TOKEN, &yes, 1},
        {CKA_LABEL, (void *)(uintptr_t)name, strlen(name)}, {CKA_BULLA_PROOF, (void *)(uintptr_t)pin, strlen(pin)}};
    assert_int_equal(bulla_objects_create(session, attributes, COUNT_OF(attributes), &object), CKR_OK);
    return object;
}

/* The session acts for exactly these, in this order; the list ends with NULL. */
static void acts_for(struct bulla_session *session, const char *const *expected)
{
    struct bulla_principal list[BULLA_SESSION_PRINCIPALS_MOST + 1];
    size_t count = bulla_session_principals(session, list, COUNT_OF(list));
    for (size_t i = 0; i < count; i++) {
        char text[BULLA_PRINCIPAL_TEXT];
        bulla_principal_text(&list[i], text);
        assert_non_null(expected[i]);
        assert_string_equal(text, expected[i]);
    }
    assert_null(expected[count]);
}
#define ACTS_FOR(session, ...) acts_for((session), (const char *const[]){__VA_ARGS__, NULL})

/* --- tests --- */

static void a_proof_makes_the_session_act_for_its_principal(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_session *session = fixture->sessions;
    ACTS_FOR(session, "user:user");
    CK_OBJECT_HANDLE first = create(session, keys[0]), second = create(session, keys[1]);
    ACTS_FOR(session, "user:user"); /* to be named is not to be proved */
    assert_int_equal(prove(session, first, 0), CKR_OK);
    ACTS_FOR(session, "user:user", keys[0]);
    assert_int_equal(prove(session, second, 1), CKR_OK);
    ACTS_FOR(session, "user:user", keys[1], keys[0]);
    struct bulla_principal one;
    assert_int_equal(bulla_session_principals(session, &one, 1), 1);
    assert_int_equal(bulla_session_principals(session, &one, 0), 0);
}

static void the_challenge_names_this_token_and_a_nonce_of_its_own(void **state)
{
    struct tokens_fixture *fixture = *state;
    char first[512], second[512], head[256];
    read_challenge(fixture->sessions, create(fixture->sessions, keys[0]), first);
    read_challenge(fixture->sessions, create(fixture->sessions, keys[0]), second);
    int size = snprintf(
        head, sizeof head, "bulla login\ntoken: %s\nprincipal: %s\nnonce: ", fixture->tokens[0].serial, keys[0]);
    assert_memory_equal(first, head, (size_t)size);
    assert_memory_equal(second, head, (size_t)size);
    assert_int_equal(strlen(first), size + 65);
    assert_string_not_equal(first, second);
}

static void a_wrong_proof_uses_up_the_challenge(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_session *session = fixture->sessions;
    CK_OBJECT_HANDLE object = create(session, keys[0]);
    char before[512], after[512];
    read_challenge(session, object, before);
    assert_int_equal(prove(session, object, 1), CKR_FUNCTION_REJECTED); /* another key */
    ACTS_FOR(session, "user:user");
    read_challenge(session, object, after);
    assert_string_not_equal(before, after);
    assert_int_equal(prove_by(session, object, 0, before), CKR_FUNCTION_REJECTED); /* right, and too late */
    assert_int_equal(prove_by(session, object, 0, after), CKR_FUNCTION_REJECTED);  /* which used up this one */
    ACTS_FOR(session, "user:user");
    assert_int_equal(set_proof(session, object, "", 0), CKR_FUNCTION_REJECTED);
    assert_int_equal(prove(session, object, 0), CKR_OK);
    ACTS_FOR(session, "user:user", keys[0]);
}

static void a_challenge_is_proved_once(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_session *session = fixture->sessions;
    CK_OBJECT_HANDLE object = create(session, keys[0]);
    char challenge[512], none[512];
    read_challenge(session, object, challenge);
    assert_int_equal(prove_by(session, object, 0, challenge), CKR_OK);
    read_challenge(session, object, none);
    assert_string_equal(none, "");
    assert_int_equal(prove_by(session, object, 0, challenge), CKR_FUNCTION_REJECTED);
    assert_non_null(strstr(bulla_detail(), "used up"));
    ACTS_FOR(session, "user:user", keys[0]); /* it was proved, and stays so */
    CK_OBJECT_HANDLE other = create(session, keys[0]);
    assert_int_equal(prove_by(session, other, 0, challenge), CKR_FUNCTION_REJECTED);
}

static void a_challenge_lives_for_minutes(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_session *session = fixture->sessions;
    CK_OBJECT_HANDLE early = create(session, keys[0]), late = create(session, keys[1]);
    ahead = BULLA_CHALLENGE_SECONDS - 2;
    assert_int_equal(prove(session, early, 0), CKR_OK);
    ahead = BULLA_CHALLENGE_SECONDS;
    assert_int_equal(prove(session, late, 1), CKR_FUNCTION_REJECTED);
    assert_non_null(strstr(bulla_detail(), "older"));
    ACTS_FOR(session, "user:user", keys[0]);
    assert_int_equal(prove(session, late, 1), CKR_OK); /* the new one */
    ahead = 100L * BULLA_CHALLENGE_SECONDS;
    ACTS_FOR(session, "user:user", keys[1], keys[0]); /* what was proved has no such limit */
}

static void another_token_s_challenge_proves_nothing(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_session other = {.handle = 1, .token = &fixture->tokens[1], .writable = true};
    char challenge[512];
    read_challenge(&other, create(&other, keys[0]), challenge);
    CK_OBJECT_HANDLE object = create(fixture->sessions, keys[0]);
    assert_int_equal(prove_by(fixture->sessions, object, 0, challenge), CKR_FUNCTION_REJECTED);
    ACTS_FOR(fixture->sessions, "user:user");
    bulla_session_reset(&other);
}

static void a_proof_is_this_session_s_alone(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_session *session = &fixture->sessions[0], *other = &fixture->sessions[1];
    CK_OBJECT_HANDLE object = create(session, keys[0]);
    assert_int_equal(prove(other, object, 0), CKR_ACTION_PROHIBITED);
    ACTS_FOR(session, "user:user");
    assert_int_equal(prove(session, object, 0), CKR_OK);
    ACTS_FOR(session, "user:user", keys[0]);
    ACTS_FOR(other, "user:user");
}

static void a_destroyed_object_takes_the_proof_with_it(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_session *session = &fixture->sessions[0];
    CK_OBJECT_HANDLE object = create(session, keys[0]);
    assert_int_equal(prove(session, object, 0), CKR_OK);
    assert_int_equal(bulla_objects_destroy(&fixture->sessions[1], object), CKR_OK); /* whoever destroys it */
    ACTS_FOR(session, "user:user");
    assert_int_equal(prove_by(session, object, 0, "x"), CKR_OBJECT_HANDLE_INVALID);
    object = create(session, keys[0]);
    assert_int_equal(prove(session, object, 0), CKR_OK);
    assert_int_equal(bulla_objects_destroy(session, object), CKR_OK);
    ACTS_FOR(session, "user:user");
}

static void nothing_proved_outlives_the_login(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_session *session = fixture->sessions;
    CK_OBJECT_HANDLE object = create(session, keys[0]);
    assert_int_equal(prove(session, object, 0), CKR_OK);
    bulla_token_logout(session->token); /* C_Logout resets the sessions, too; nothing rests on it */
    assert_int_equal(bulla_session_principals(session, &(struct bulla_principal){0}, 1), 0);
    tokens_log_in(session->token);
    ACTS_FOR(session, "user:user");
    assert_int_equal(set_proof(session, object, "x", 1), CKR_OBJECT_HANDLE_INVALID);
    object = create(session, keys[0]);
    assert_int_equal(prove(session, object, 0), CKR_OK);
    bulla_session_reset(session);
    ACTS_FOR(session, "user:user");
}

static void objects_that_are_gone_make_room(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_session *session = fixture->sessions;
    CK_OBJECT_HANDLE objects[BULLA_SESSION_PRINCIPALS_MOST], more = 0;
    for (int i = 0; i < BULLA_SESSION_PRINCIPALS_MOST; i++)
        objects[i] = create(session, keys[0]);
    assert_int_equal(try_create(session, keys[0], &more), CKR_DEVICE_MEMORY);
    assert_int_equal(bulla_objects_destroy(session, objects[3]), CKR_OK);
    assert_int_equal(try_create(session, keys[0], &more), CKR_OK);
    assert_int_equal(try_create(session, keys[0], &more), CKR_DEVICE_MEMORY);
    assert_int_equal(prove(session, objects[0], 0), CKR_OK);
    assert_int_equal(prove(session, objects[15], 0), CKR_OK);
    ACTS_FOR(session, "user:user", keys[0], keys[0]);
}

static void a_user_proves_himself_by_his_pin(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_session *session = fixture->sessions;
    (void)add_user(session, "ann", "ann's pin");
    CK_OBJECT_HANDLE ann = create(session, "user:ann"), bob = create(session, "user:bob"),
                     so = create(session, "user:so");
    char none[512];
    read_challenge(session, ann, none);
    assert_string_equal(none, "");
    assert_int_equal(set_proof(session, ann, "bob's pin", 9), CKR_PIN_INCORRECT);
    assert_int_equal(set_proof(session, ann, "pin", 3), CKR_PIN_LEN_RANGE);
    ACTS_FOR(session, "user:user");
    assert_int_equal(set_proof(session, ann, "ann's pin", 9), CKR_OK);
    ACTS_FOR(session, "user:user", "user:ann");
    assert_int_equal(set_proof(session, bob, "ann's pin", 9), CKR_USER_PIN_NOT_INITIALIZED);
    assert_int_equal(set_proof(session, so, "so-secret", 9), CKR_USER_PIN_NOT_INITIALIZED);
    ACTS_FOR(session, "user:user", "user:ann");
}

static void tries_of_a_proof_are_counted_like_a_login_s(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_session *session = fixture->sessions;
    struct bulla_principal ann;
    assert_int_equal(bulla_principal_parse(TEXT("user:ann"), &ann), BULLA_OK);
    (void)add_user(session, "ann", "ann's pin");
    CK_OBJECT_HANDLE object = create(session, "user:ann");
    for (int i = 0; i < BULLA_PIN_TRIES; i++)
        assert_int_equal(set_proof(session, object, "wrong", 5), CKR_PIN_INCORRECT);
    assert_int_equal(set_proof(session, object, "ann's pin", 9), CKR_PIN_LOCKED);
    ACTS_FOR(session, "user:user");
    bulla_token_logout(session->token);
    assert_int_equal(bulla_token_login(session->token, &ann, TEXT("ann's pin")), BULLA_PIN_LOCKED);
    tokens_log_in(session->token); /* the owner has tries of his own */
}

static void who_logged_in_with_a_name_is_acted_for(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_session *session = fixture->sessions;
    struct bulla_principal ann;
    assert_int_equal(bulla_principal_parse(TEXT("user:ann"), &ann), BULLA_OK);
    (void)add_user(session, "ann", "ann's pin");
    bulla_token_logout(session->token);
    assert_int_equal(bulla_token_login(session->token, &ann, TEXT("user-secret")), BULLA_PIN_WRONG);
    assert_int_equal(bulla_token_login(session->token, &ann, TEXT("ann's pin")), BULLA_OK);
    ACTS_FOR(session, "user:ann");
    CK_OBJECT_HANDLE object = create(session, "user:user");
    assert_int_equal(set_proof(session, object, "user-secret", 11), CKR_OK);
    ACTS_FOR(session, "user:ann", "user:user");
}

static void before_a_login_only_a_user_s_pin_is_taken_and_logs_in(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_session *session = fixture->sessions;
    CK_OBJECT_HANDLE object = 0;
    (void)add_user(session, "ann", "ann's pin");
    bulla_token_logout(session->token);
    assert_int_equal(try_create(session, keys[0], &object), CKR_USER_NOT_LOGGED_IN);
    object = create(session, "user:ann");
    CK_OBJECT_HANDLE nobody = create(session, "user:bob");
    assert_int_equal(set_proof(session, object, "wrong", 5), CKR_PIN_INCORRECT);
    assert_int_equal(set_proof(session, nobody, "ann's pin", 9), CKR_USER_TYPE_INVALID);
    assert_int_equal(set_proof(&fixture->sessions[1], object, "ann's pin", 9), CKR_ACTION_PROHIBITED);
    assert_int_equal(bulla_token_login_state(session->token), BULLA_NOBODY);
    assert_int_equal(set_proof(session, object, "ann's pin", 9), CKR_OK);
    ACTS_FOR(session, "user:ann");
    ACTS_FOR(&fixture->sessions[1], "user:ann"); /* a login is the application's */
    assert_int_equal(set_proof(session, object, "ann's pin", 9), CKR_ACTION_PROHIBITED);
}

static void log_in_as_ann(struct tokens_fixture *fixture, const char *pin, enum bulla_reason expected)
{
    struct bulla_principal ann;
    struct bulla_token *token = fixture->tokens;
    assert_int_equal(bulla_principal_parse(TEXT("user:ann"), &ann), BULLA_OK);
    bulla_token_close(token);
    bulla_token_make(token, &fixture->config.tokens[0]);
    assert_int_equal(bulla_token_refresh(token), BULLA_OK);
    assert_int_equal(bulla_token_login(token, &ann, (struct bulla_bytes){(const uint8_t *)pin, strlen(pin)}), expected);
    assert_int_equal(bulla_token_login_state(token), expected == BULLA_OK ? BULLA_USER : BULLA_NOBODY);
    assert_int_equal(token->keys != NULL, expected == BULLA_OK);
}

/* The rows of the values are not authenticated; what they hold is bound to one name, and the user's row is the token's.
 */
static void a_user_s_tree_is_his_alone(void **state)
{
    struct tokens_fixture *fixture = *state;
    (void)add_user(fixture->sessions, "ann", "ann's pin");
    (void)add_user(fixture->sessions, "bob", "bob's pin");
    bulla_session_reset(fixture->sessions);
    log_in_as_ann(fixture, "ann's pin", BULLA_OK);
    tokens_meddle(fixture, 0,
        "UPDATE value SET value = (SELECT v.value FROM value v WHERE v.name = 'user-tree:bob') "
        "WHERE name = 'user-tree:ann'");
    log_in_as_ann(fixture, "bob's pin", BULLA_PIN_WRONG);
    log_in_as_ann(fixture, "ann's pin", BULLA_PIN_WRONG);
}

static void a_tree_without_the_user_s_row_logs_nobody_in(void **state)
{
    struct tokens_fixture *fixture = *state;
    char keep[256], put_back[256];
    CK_OBJECT_HANDLE ann = add_user(fixture->sessions, "ann", "ann's pin");
    (void)snprintf(keep, sizeof keep,
        "ATTACH '%s/kept' AS kept; CREATE TABLE kept.value(name, value); "
        "INSERT INTO kept.value SELECT * FROM main.value WHERE name LIKE 'user-%%:ann'",
        fixture->folder);
    (void)snprintf(put_back, sizeof put_back,
        "ATTACH '%s/kept' AS kept; INSERT INTO main.value SELECT * FROM kept.value", fixture->folder);
    tokens_meddle(fixture, 0, keep);
    assert_int_equal(bulla_objects_destroy(fixture->sessions, ann), CKR_OK);
    bulla_session_reset(fixture->sessions);
    log_in_as_ann(fixture, "ann's pin", BULLA_PIN_UNSET);
    tokens_meddle(fixture, 0, put_back);
    log_in_as_ann(fixture, "ann's pin", BULLA_PIN_UNSET);
    tokens_log_in(fixture->tokens); /* and the name is free for another ann */
    (void)add_user(fixture->sessions, "ann", "another ann's");
    bulla_session_reset(fixture->sessions);
    log_in_as_ann(fixture, "ann's pin", BULLA_PIN_WRONG);
    log_in_as_ann(fixture, "another ann's", BULLA_OK);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, tokens_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_proof_makes_the_session_act_for_its_principal),
        CASE(the_challenge_names_this_token_and_a_nonce_of_its_own),
        CASE(a_wrong_proof_uses_up_the_challenge),
        CASE(a_challenge_is_proved_once),
        CASE(a_challenge_lives_for_minutes),
        CASE(another_token_s_challenge_proves_nothing),
        CASE(a_proof_is_this_session_s_alone),
        CASE(a_destroyed_object_takes_the_proof_with_it),
        CASE(nothing_proved_outlives_the_login),
        CASE(objects_that_are_gone_make_room),
        CASE(a_user_proves_himself_by_his_pin),
        CASE(tries_of_a_proof_are_counted_like_a_login_s),
        CASE(who_logged_in_with_a_name_is_acted_for),
        CASE(before_a_login_only_a_user_s_pin_is_taken_and_logs_in),
        CASE(a_user_s_tree_is_his_alone),
        CASE(a_tree_without_the_user_s_row_logs_nobody_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
