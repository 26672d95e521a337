/* What each state of a session allows (PKCS#11 3.1, 4.2 and 5.6): the same call by nobody, the user and the SO, in a
 * session that reads and in one that writes. Where the standard names two codes and no order of them, either will do.
 * One thing is stricter here than there: an object of the token is sealed under a key that the user's PIN opens, so
 * nobody but the user makes, changes or destroys one. */
#include "module_fixture.h"

#include <stdio.h>

enum state { PUBLIC_READER, PUBLIC_WRITER, USER_READER, USER_WRITER, SO_WRITER, STATES };
static const char *const state_names[STATES] = {
    "nobody, reading", "nobody, writing", "the user, reading", "the user, writing", "the SO, writing"};
static const CK_STATE numbers[STATES] = {
    CKS_RO_PUBLIC_SESSION, CKS_RW_PUBLIC_SESSION, CKS_RO_USER_FUNCTIONS, CKS_RW_USER_FUNCTIONS, CKS_RW_SO_FUNCTIONS};

static CK_OBJECT_HANDLE shared; /* a public data object of the token, which everybody sees */
static CK_KEY_TYPE aes = CKK_AES;
static CK_ULONG sixteen = 16;
static unsigned char p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}; /* RFC 5480 */
static char short_pin[] = "1";

typedef CK_RV maker(CK_SESSION_HANDLE session, bool on_token, bool is_private);
typedef CK_RV asker(CK_SESSION_HANDLE session);

static CK_RV create(CK_SESSION_HANDLE session, bool on_token, bool is_private)
{
    CK_BBOOL token = on_token, private_flag = is_private;
    CK_OBJECT_HANDLE object = 0;
    CK_ATTRIBUTE attributes[] = {
        ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_TOKEN, token), ATTRIBUTE(CKA_PRIVATE, private_flag)};
    return p11->C_CreateObject(session, attributes, 3, &object);
}

static CK_RV generate(CK_SESSION_HANDLE session, bool on_token, bool is_private)
{
    CK_BBOOL token = on_token, private_flag = is_private;
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_OBJECT_HANDLE object = 0;
    CK_ATTRIBUTE attributes[] = {
        ATTRIBUTE(CKA_VALUE_LEN, sixteen), ATTRIBUTE(CKA_TOKEN, token), ATTRIBUTE(CKA_PRIVATE, private_flag)};
    return p11->C_GenerateKey(session, &mechanism, attributes, 3, &object);
}

/* Of the private half. */
static CK_RV generate_pair(CK_SESSION_HANDLE session, bool on_token, bool is_private)
{
    CK_BBOOL token = on_token, private_flag = is_private;
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_OBJECT_HANDLE one = 0, other = 0;
    CK_ATTRIBUTE public_template[] = {ATTRIBUTE(CKA_EC_PARAMS, p256)},
                 private_template[] = {ATTRIBUTE(CKA_TOKEN, token), ATTRIBUTE(CKA_PRIVATE, private_flag)};
    return p11->C_GenerateKeyPair(session, &mechanism, public_template, 1, private_template, 2, &one, &other);
}

/* By a session's key that everybody has. */
static CK_RV unwrap(CK_SESSION_HANDLE session, bool on_token, bool is_private)
{
    CK_BBOOL token = on_token, private_flag = is_private;
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP, NULL, 0};
    /* RFC 3394, 4.1 */
    unsigned char wrapped[] = {0x1f, 0xa6, 0x8b, 0x0a, 0x81, 0x12, 0xb4, 0x47, 0xae, 0xf3, 0x4b, 0xd8, 0xfb, 0x5a, 0x7b,
        0x82, 0x9d, 0x3e, 0x86, 0x23, 0x71, 0xd2, 0xcf, 0xe5};
    unsigned char value[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    CK_OBJECT_HANDLE key = 0, object = 0;
    CK_ATTRIBUTE wrapping[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes),
        ATTRIBUTE(CKA_VALUE, value), ATTRIBUTE(CKA_UNWRAP, yes), ATTRIBUTE(CKA_PRIVATE, no)};
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes),
        ATTRIBUTE(CKA_TOKEN, token), ATTRIBUTE(CKA_PRIVATE, private_flag)};
    assert_ok(module_create(session, wrapping, 5, &key));
    return p11->C_UnwrapKey(session, &mechanism, key, wrapped, sizeof wrapped, attributes, 4, &object);
}

static CK_RV copy(CK_SESSION_HANDLE session, bool on_token, bool is_private)
{
    CK_BBOOL token = on_token, private_flag = is_private;
    CK_OBJECT_HANDLE object = 0;
    CK_ATTRIBUTE attributes[] = {
        ATTRIBUTE(CKA_TOKEN, token), ATTRIBUTE(CKA_PRIVATE, private_flag), TEXT_ATTRIBUTE(CKA_LABEL, "copied")};
    return p11->C_CopyObject(session, shared, attributes, 3, &object);
}

static const struct {
    const char *name;
    maker *call;
} makers[] = {{"C_CreateObject", create}, {"C_GenerateKey", generate}, {"C_GenerateKeyPair", generate_pair},
    {"C_UnwrapKey", unwrap}, {"C_CopyObject", copy}};

/* --- what has nothing to do with where an object goes --- */

static CK_RV set(CK_SESSION_HANDLE session)
{
    CK_ATTRIBUTE label = TEXT_ATTRIBUTE(CKA_LABEL, "shared");
    return p11->C_SetAttributeValue(session, shared, &label, 1);
}
static CK_RV get(CK_SESSION_HANDLE session)
{
    CK_ATTRIBUTE label = {CKA_LABEL, NULL, 0};
    return p11->C_GetAttributeValue(session, shared, &label, 1);
}
static CK_RV init_pin(CK_SESSION_HANDLE session)
{
    return p11->C_InitPIN(session, (unsigned char *)short_pin, 1);
}
static CK_RV set_pin(CK_SESSION_HANDLE session)
{
    return p11->C_SetPIN(session, PIN(USER_PIN), (unsigned char *)short_pin, 1);
}
static CK_RV log_in_user(CK_SESSION_HANDLE session)
{
    return p11->C_Login(session, CKU_USER, (unsigned char *)short_pin, 1);
}
static CK_RV log_in_so(CK_SESSION_HANDLE session)
{
    return p11->C_Login(session, CKU_SO, (unsigned char *)short_pin, 1);
}
static CK_RV digest(CK_SESSION_HANDLE session)
{
    CK_MECHANISM mechanism = {CKM_SHA256, NULL, 0};
    unsigned char out[32];
    unsigned long size = sizeof out;
    CK_RV rv = p11->C_DigestInit(session, &mechanism);
    return rv == CKR_OK ? p11->C_Digest(session, out, 0, out, &size) : rv;
}
static CK_RV destroy(CK_SESSION_HANDLE session)
{
    return p11->C_DestroyObject(session, shared);
}
static CK_RV log_out(CK_SESSION_HANDLE session)
{
    return p11->C_Logout(session);
}

/* A PIN of one character is none: past the state, it is that which is told, and no try is counted. The last two rows
 * change what the others find. */
static const struct {
    const char *name;
    asker *call;
    CK_RV expected[STATES];
} others[] = {
    {"C_SetAttributeValue", set,
        {CKR_SESSION_READ_ONLY, CKR_USER_NOT_LOGGED_IN, CKR_SESSION_READ_ONLY, CKR_OK, CKR_USER_NOT_LOGGED_IN}},
    {"C_GetAttributeValue", get, {CKR_OK, CKR_OK, CKR_OK, CKR_OK, CKR_OK}},
    {"C_InitPIN", init_pin,
        {CKR_USER_NOT_LOGGED_IN, CKR_USER_NOT_LOGGED_IN, CKR_USER_NOT_LOGGED_IN, CKR_USER_NOT_LOGGED_IN,
            CKR_PIN_LEN_RANGE}},
    {"C_SetPIN", set_pin,
        {CKR_SESSION_READ_ONLY, CKR_PIN_LEN_RANGE, CKR_SESSION_READ_ONLY, CKR_PIN_LEN_RANGE, CKR_PIN_LEN_RANGE}},
    {"C_Login as the user", log_in_user,
        {CKR_PIN_LEN_RANGE, CKR_PIN_LEN_RANGE, CKR_USER_ALREADY_LOGGED_IN, CKR_USER_ALREADY_LOGGED_IN,
            CKR_USER_ANOTHER_ALREADY_LOGGED_IN}},
    {"C_Login as the SO", log_in_so,
        {CKR_SESSION_READ_ONLY_EXISTS, CKR_PIN_LEN_RANGE, CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
            CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CKR_USER_ALREADY_LOGGED_IN}},
    {"C_Digest", digest, {CKR_OK, CKR_OK, CKR_OK, CKR_OK, CKR_OK}},
    {"C_DestroyObject", destroy,
        {CKR_SESSION_READ_ONLY, CKR_USER_NOT_LOGGED_IN, CKR_SESSION_READ_ONLY, CKR_OK, CKR_USER_NOT_LOGGED_IN}},
    {"C_Logout", log_out, {CKR_USER_NOT_LOGGED_IN, CKR_USER_NOT_LOGGED_IN, CKR_OK, CKR_OK, CKR_OK}},
};

/* One session of this state, the only one of the token. */
static CK_SESSION_HANDLE enter(enum state which)
{
    CK_SESSION_INFO info;
    assert_ok(p11->C_CloseAllSessions(0));
    CK_SESSION_HANDLE session = module_session(0, CKF_RW_SESSION);
    assert_ok(module_login(session, CKU_USER, USER_PIN));
    if (!module_find_label(session, "shared", &shared))
        shared = module_data(session, true, false, "shared", "x");
    assert_ok(p11->C_CloseAllSessions(0));
    session = module_session(0, which == PUBLIC_READER || which == USER_READER ? 0 : CKF_RW_SESSION);
    if (which == USER_READER || which == USER_WRITER)
        assert_ok(module_login(session, CKU_USER, USER_PIN));
    if (which == SO_WRITER)
        assert_ok(module_login(session, CKU_SO, SO_PIN));
    assert_ok(p11->C_GetSessionInfo(session, &info));
    assert_int_equal(info.state, numbers[which]);
    assert_int_equal(module_find_label(session, "shared", &shared), 1);
    return session;
}

static void objects_are_made_where_the_state_allows_it(void **state)
{
    (void)state;
    for (enum state which = 0; which < STATES; which++) {
        CK_SESSION_HANDLE session = enter(which);
        bool reads = which == PUBLIC_READER || which == USER_READER;
        bool user = which == USER_READER || which == USER_WRITER;
        for (size_t i = 0; i < COUNT_OF(makers); i++)
            for (int kind = 0; kind < 4; kind++) {
                bool on_token = kind & 1, is_private = kind & 2;
                CK_RV rv = makers[i].call(session, on_token, is_private);
                bool right = rv == CKR_OK;
                if ((on_token && reads) || ((on_token || is_private) && !user))
                    right = (on_token && reads && rv == CKR_SESSION_READ_ONLY) ||
                            ((on_token || is_private) && !user && rv == CKR_USER_NOT_LOGGED_IN);
                if (!right)
                    fail_msg("%s by %s, token %d, private %d: 0x%lx", makers[i].name, state_names[which], on_token,
                        is_private, rv);
            }
    }
}

static void everything_else_asks_for_its_state(void **state)
{
    (void)state;
    for (enum state which = 0; which < STATES; which++) {
        CK_SESSION_HANDLE session = enter(which);
        for (size_t i = 0; i < COUNT_OF(others); i++) {
            CK_RV rv = others[i].call(session);
            if (rv != others[i].expected[which])
                fail_msg("%s by %s: 0x%lx instead of 0x%lx", others[i].name, state_names[which], rv,
                    others[i].expected[which]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PUBLIC_TEST(objects_are_made_where_the_state_allows_it),
        PUBLIC_TEST(everything_else_asks_for_its_state),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
