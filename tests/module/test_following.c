/* Beside a process that writes all the time: what it did to an object shows in the very next call that uses the object,
 * whichever call that is, and however much was written that concerns nobody. */
#include "module_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- another process, which does as it is told --- */

enum deed { CREATE, DESTROY, RELABEL, RENAME, FORBID, NOISE, COME_AND_GO, CHANGE_PIN };
struct order {
    enum deed deed;
    unsigned count;
    char label[24], other[24];
};

struct puppet {
    pid_t process;
    int line;
};

static CK_KEY_TYPE generic = CKK_GENERIC_SECRET;

/* A secret key that signs by HMAC; its CKA_ID is its first label. */
static CK_RV make_key(CK_SESSION_HANDLE session, const char *label, CK_OBJECT_HANDLE *key)
{
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, generic),
        ATTRIBUTE(CKA_TOKEN, yes), ATTRIBUTE(CKA_PRIVATE, yes), ATTRIBUTE(CKA_SIGN, yes),
        TEXT_ATTRIBUTE(CKA_LABEL, label), TEXT_ATTRIBUTE(CKA_ID, label),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef0123456789abcdef")};
    return p11->C_CreateObject(session, attributes, COUNT_OF(attributes), key);
}

/* How many objects have the text; ULONG_MAX: a call failed. */
static unsigned long count(CK_SESSION_HANDLE session, CK_ATTRIBUTE_TYPE type, const char *text, CK_OBJECT_HANDLE *first)
{
    CK_OBJECT_HANDLE handles[64];
    unsigned long found = 0;
    CK_ATTRIBUTE attribute = TEXT_ATTRIBUTE(type, text);
    if (p11->C_FindObjectsInit(session, &attribute, 1) != CKR_OK ||
        p11->C_FindObjects(session, handles, COUNT_OF(handles), &found) != CKR_OK ||
        p11->C_FindObjectsFinal(session) != CKR_OK)
        return (unsigned long)-1;
    if (first && found)
        *first = handles[0];
    return found;
}

static CK_RV make_noise(CK_SESSION_HANDLE session, unsigned times)
{
    CK_RV rv = CKR_OK;
    for (unsigned i = 0; i < times && rv == CKR_OK; i++) {
        CK_OBJECT_HANDLE key = 0;
        rv = make_key(session, "noise", &key);
        if (rv == CKR_OK)
            rv = p11->C_DestroyObject(session, key);
    }
    return rv;
}

static CK_RV set(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE attribute)
{
    return p11->C_SetAttributeValue(session, object, &attribute, 1);
}

static CK_RV obey(CK_SESSION_HANDLE session, const struct order *order)
{
    CK_OBJECT_HANDLE object = 0;
    if (order->deed <= FORBID && order->deed != CREATE && count(session, CKA_LABEL, order->label, &object) == 0)
        return CKR_OBJECT_HANDLE_INVALID;
    switch (order->deed) {
    case CREATE:
        return make_key(session, order->label, &object);
    case DESTROY:
        return p11->C_DestroyObject(session, object);
    case RELABEL:
        return set(session, object, (CK_ATTRIBUTE)TEXT_ATTRIBUTE(CKA_LABEL, order->other));
    case RENAME:
        return set(session, object, (CK_ATTRIBUTE)TEXT_ATTRIBUTE(CKA_ID, order->other));
    case FORBID:
        return set(session, object, (CK_ATTRIBUTE)ATTRIBUTE(CKA_SIGN, no));
    case NOISE:
        return make_noise(session, order->count);
    case COME_AND_GO: {
        CK_RV rv = p11->C_Logout(session);
        return rv == CKR_OK ? module_login(session, CKU_USER, USER_PIN) : rv;
    }
    case CHANGE_PIN:
        return p11->C_SetPIN(session, PIN(USER_PIN), PIN("new user pin"));
    default:
        return CKR_GENERAL_ERROR;
    }
}

static int be_a_puppet(int line)
{
    CK_SESSION_HANDLE session = 0;
    struct order order;
    CK_RV rv = p11->C_Initialize(NULL);
    if (rv == CKR_OK)
        rv = p11->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
    if (rv == CKR_OK)
        rv = module_login(session, CKU_USER, USER_PIN);
    while (write(line, &rv, sizeof rv) == sizeof rv && read(line, &order, sizeof order) == sizeof order)
        rv = obey(session, &order);
    (void)p11->C_Finalize(NULL);
    return 0;
}

static void await_answer(const struct puppet *puppet)
{
    CK_RV rv = CKR_GENERAL_ERROR;
    assert_int_equal(read(puppet->line, &rv, sizeof rv), sizeof rv);
    assert_ok(rv);
}

static void send_order(const struct puppet *puppet, const struct order *order)
{
    assert_int_equal(write(puppet->line, order, sizeof *order), sizeof *order);
}

static void puppet_open(struct puppet *puppet)
{
    int lines[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, lines), 0);
    puppet->process = fork();
    assert_true(puppet->process >= 0);
    if (puppet->process == 0) {
        (void)close(lines[0]);
        _exit(be_a_puppet(lines[1]));
    }
    assert_int_equal(close(lines[1]), 0);
    puppet->line = lines[0];
    await_answer(puppet);
}

static void puppet_close(struct puppet *puppet)
{
    int status = -1;
    assert_int_equal(close(puppet->line), 0);
    assert_int_equal(waitpid(puppet->process, &status, 0), puppet->process);
    assert_int_equal(status, 0);
}

/* Has it done when this returns: its call has returned. */
static void order(const struct puppet *puppet, enum deed deed, const char *label, const char *other)
{
    struct order order = {.deed = deed};
    (void)snprintf(order.label, sizeof order.label, "%s", label);
    (void)snprintf(order.other, sizeof order.other, "%s", other);
    send_order(puppet, &order);
    await_answer(puppet);
}

static void noise(const struct puppet *puppet, unsigned times)
{
    const struct order order = {.deed = NOISE, .count = times};
    if (!times)
        return;
    send_order(puppet, &order);
    await_answer(puppet);
}

/* --- calls that use one object --- */

static CK_RV sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
    unsigned char text[] = "text", mac[32];
    unsigned long size = sizeof mac;
    CK_RV rv = p11->C_SignInit(session, &hmac, key);
    return rv == CKR_OK ? p11->C_Sign(session, text, sizeof text, mac, &size) : rv;
}

static bool signs(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_RV rv = sign(session, key);
    assert_true(rv == CKR_OK || rv == CKR_KEY_HANDLE_INVALID);
    return rv == CKR_OK;
}

static bool has_size(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    unsigned long size = 0;
    CK_RV rv = p11->C_GetObjectSize(session, key, &size);
    assert_true(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID);
    return rv == CKR_OK;
}

static bool has_attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_BBOOL value = 0;
    CK_ATTRIBUTE attribute = ATTRIBUTE(CKA_TOKEN, value);
    CK_RV rv = p11->C_GetAttributeValue(session, key, &attribute, 1);
    assert_true(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID);
    return rv == CKR_OK;
}

static bool has_its_label(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    (void)key;
    return count(session, CKA_LABEL, "key", NULL) == 1;
}

static bool has_its_id(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    (void)key;
    return count(session, CKA_ID, "key", NULL) == 1;
}

static bool is_among_all(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_OBJECT_HANDLE handles[64];
    unsigned long found = 0;
    assert_ok(p11->C_FindObjectsInit(session, NULL, 0));
    assert_ok(p11->C_FindObjects(session, handles, COUNT_OF(handles), &found));
    assert_ok(p11->C_FindObjectsFinal(session));
    for (unsigned long i = 0; i < found; i++)
        if (handles[i] == key)
            return true;
    return false;
}

typedef bool probe(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key);
static probe *const probes[] = {has_its_label, has_its_id, has_attributes, has_size, signs, is_among_all};
static const unsigned noises[] = {0, 1, 20};

static void what_was_destroyed_elsewhere_is_gone(void **state)
{
    const struct module_fixture *fixture = *state;
    struct puppet puppet;
    puppet_open(&puppet);
    for (size_t i = 0; i < COUNT_OF(probes); i++)
        for (size_t j = 0; j < COUNT_OF(noises); j++) {
            CK_OBJECT_HANDLE key = 0;
            assert_ok(make_key(fixture->session, "key", &key));
            assert_true(probes[i](fixture->session, key));
            noise(&puppet, noises[j]);
            assert_true(probes[i](fixture->session, key));
            order(&puppet, DESTROY, "key", "");
            noise(&puppet, noises[j]);
            assert_false(probes[i](fixture->session, key));
            assert_false(probes[i](fixture->session, key));
        }
    puppet_close(&puppet);
}

/* More is written than is noted. */
static void what_was_destroyed_long_ago_is_gone(void **state)
{
    const struct module_fixture *fixture = *state;
    struct puppet puppet;
    puppet_open(&puppet);
    for (size_t i = 0; i < 2; i++) {
        CK_OBJECT_HANDLE key = 0;
        assert_ok(make_key(fixture->session, "key", &key));
        assert_true(probes[i * 2](fixture->session, key));
        order(&puppet, DESTROY, "key", "");
        noise(&puppet, 300);
        assert_false(probes[i * 2](fixture->session, key));
    }
    puppet_close(&puppet);
}

static void what_was_made_elsewhere_is_found(void **state)
{
    const struct module_fixture *fixture = *state;
    struct puppet puppet;
    CK_OBJECT_HANDLE first = 0, second = 0;
    puppet_open(&puppet);
    for (size_t j = 0; j < COUNT_OF(noises); j++) {
        assert_int_equal(count(fixture->session, CKA_LABEL, "made", NULL), 0);
        noise(&puppet, noises[j]);
        order(&puppet, CREATE, "made", "");
        noise(&puppet, noises[j]);
        assert_int_equal(count(fixture->session, CKA_LABEL, "made", &first), 1);
        assert_true(signs(fixture->session, first));
        order(&puppet, DESTROY, "made", "");
        order(&puppet, CREATE, "made", ""); /* the same CKA_ID, another object */
        noise(&puppet, noises[j]);
        assert_int_equal(count(fixture->session, CKA_ID, "made", &second), 1);
        assert_int_not_equal(first, second);
        assert_false(signs(fixture->session, first));
        assert_true(signs(fixture->session, second));
        order(&puppet, DESTROY, "made", "");
    }
    puppet_close(&puppet);
}

static void what_was_changed_elsewhere_is_changed(void **state)
{
    const struct module_fixture *fixture = *state;
    struct puppet puppet;
    puppet_open(&puppet);
    for (size_t j = 0; j < COUNT_OF(noises); j++) {
        CK_OBJECT_HANDLE key = 0, found = 0;
        assert_ok(make_key(fixture->session, "key", &key));
        assert_true(signs(fixture->session, key));
        order(&puppet, RELABEL, "key", "another");
        noise(&puppet, noises[j]);
        assert_int_equal(count(fixture->session, CKA_LABEL, "key", NULL), 0);
        order(&puppet, RELABEL, "another", "third");
        noise(&puppet, noises[j]);
        assert_int_equal(count(fixture->session, CKA_LABEL, "third", &found), 1);
        assert_int_equal(found, key);
        order(&puppet, RENAME, "third", "id");
        noise(&puppet, noises[j]);
        assert_int_equal(count(fixture->session, CKA_ID, "id", &found), 1);
        order(&puppet, RENAME, "third", "id again");
        noise(&puppet, noises[j]);
        assert_int_equal(count(fixture->session, CKA_ID, "id", NULL), 0);
        order(&puppet, RELABEL, "third", "fourth");
        noise(&puppet, noises[j]);
        assert_true(module_has_text(fixture->session, key, CKA_LABEL, "fourth"));
        assert_true(signs(fixture->session, key));
        order(&puppet, FORBID, "fourth", "");
        noise(&puppet, noises[j]);
        assert_rv(sign(fixture->session, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
        assert_ok(p11->C_DestroyObject(fixture->session, key));
    }
    puppet_close(&puppet);
}

static void one_of_many_that_share_a_label_is_missed(void **state)
{
    const struct module_fixture *fixture = *state;
    enum { MANY = 40 };
    struct puppet puppet;
    for (int i = 0; i < MANY; i++) {
        CK_OBJECT_HANDLE key = 0;
        assert_ok(make_key(fixture->session, "many", &key));
    }
    puppet_open(&puppet);
    for (unsigned long left = MANY; left-- > 0;) {
        assert_int_equal(count(fixture->session, CKA_LABEL, "many", NULL), left + 1);
        order(&puppet, DESTROY, "many", "");
        assert_int_equal(count(fixture->session, CKA_LABEL, "many", NULL), left);
    }
    puppet_close(&puppet);
}

/* Killed anywhere in the midst of its writes; what others do afterwards shows as ever. */
static void a_killed_writer_keeps_nothing_back(void **state)
{
    const struct module_fixture *fixture = *state;
    for (unsigned i = 0; i < 8; i++) {
        const struct order endless = {.deed = NOISE, .count = 1000000};
        CK_OBJECT_HANDLE key = 0;
        struct puppet killed, puppet;
        assert_ok(make_key(fixture->session, "key", &key));
        puppet_open(&killed);
        send_order(&killed, &endless);
        for (unsigned j = 0; j < 300 + 37 * i; j++)
            assert_true(has_its_label(fixture->session, key) && signs(fixture->session, key));
        assert_int_equal(kill(killed.process, SIGKILL), 0);
        assert_int_equal(waitpid(killed.process, NULL, 0), killed.process);
        assert_int_equal(close(killed.line), 0);
        assert_true(has_its_label(fixture->session, key));
        puppet_open(&puppet);
        order(&puppet, RELABEL, "key", "other");
        assert_false(has_its_label(fixture->session, key));
        order(&puppet, DESTROY, "other", "");
        assert_false(has_attributes(fixture->session, key));
        puppet_close(&puppet);
    }
}

static void a_login_elsewhere_is_none_here(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE key = 0;
    struct puppet puppet;
    puppet_open(&puppet);
    assert_ok(make_key(fixture->session, "key", &key));
    order(&puppet, COME_AND_GO, "", "");
    assert_true(has_its_label(fixture->session, key) && signs(fixture->session, key));
    assert_ok(p11->C_Logout(fixture->session));
    noise(&puppet, 3);
    assert_false(has_its_label(fixture->session, key));
    assert_false(has_attributes(fixture->session, key));
    assert_false(signs(fixture->session, key));
    order(&puppet, CREATE, "made", "");
    assert_int_equal(count(fixture->session, CKA_LABEL, "made", NULL), 0); /* it is private */
    order(&puppet, CHANGE_PIN, "", "");
    noise(&puppet, 3);
    assert_rv(module_login(fixture->session, CKU_USER, USER_PIN), CKR_PIN_INCORRECT);
    assert_ok(module_login(fixture->session, CKU_USER, "new user pin"));
    assert_true(has_its_label(fixture->session, key) && signs(fixture->session, key));
    assert_int_equal(count(fixture->session, CKA_LABEL, "made", NULL), 1);
    puppet_close(&puppet);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        MODULE_TEST(what_was_destroyed_elsewhere_is_gone),
        MODULE_TEST(what_was_destroyed_long_ago_is_gone),
        MODULE_TEST(what_was_made_elsewhere_is_found),
        MODULE_TEST(what_was_changed_elsewhere_is_changed),
        MODULE_TEST(one_of_many_that_share_a_label_is_missed),
        MODULE_TEST(a_killed_writer_keeps_nothing_back),
        MODULE_TEST(a_login_elsewhere_is_none_here),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
