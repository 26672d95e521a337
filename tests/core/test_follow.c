/* Another process changes or destroys what a call has found, and another thread of this one takes that in before the
 * call asks whether it is concerned. That nothing is new by then must not be its answer. */
#include "tokens_fixture.h"

#include <string.h>

#include "core/follow.h"

static const CK_OBJECT_CLASS class_data = CKO_DATA;

static void put(struct bulla_token *token, const uint8_t id[static 16], const char *label)
{
    struct bulla_attribute_list list = {0};
    CK_OBJECT_HANDLE handle = 0;
    assert_true(
        bulla_list_put(&list, CKA_CLASS, (struct bulla_bytes){(const uint8_t *)&class_data, sizeof class_data}));
    assert_true(bulla_list_put_bool(&list, CKA_TOKEN, true));
    assert_true(bulla_list_put_bool(&list, CKA_PRIVATE, false));
    assert_true(bulla_list_put(&list, CKA_LABEL, (struct bulla_bytes){(const uint8_t *)label, strlen(label)}));
    assert_int_equal(bulla_vault_store(token, &list, id, (struct bulla_bytes){NULL, 0}, &handle), BULLA_OK);
}

/* What a call of the first process knows: an object that it found, and what the index showed then. */
struct found {
    struct bulla_object *object;
    uint64_t seen;
};

static struct found look(struct bulla_token *token, const uint8_t id[static 16])
{
    assert_int_equal(bulla_token_refresh(token), BULLA_OK);
    struct found found = {.seen = token->seen, .object = bulla_token_object_by_id(token, id)};
    assert_non_null(found.object);
    return found;
}

static bool takes_in(struct bulla_session *session, const struct found *found)
{
    bool taken = false;
    assert_int_equal(bulla_follow_object(session, found->seen, found->object, &taken), CKR_OK);
    return taken;
}

static bool takes_in_mark(struct bulla_session *session, const struct found *found)
{
    uint64_t mark = bulla_store_id_mark(found->object->id);
    bool taken = false;
    assert_int_equal(bulla_follow_marks(session, found->seen, &mark, 1, &taken), CKR_OK);
    return taken;
}

enum deed { CHANGE, ERASE };
static void try_deed(struct tokens_fixture *fixture, struct bulla_token *twin, enum deed deed, bool beside)
{
    static const uint8_t id[16] = {1}, other[16] = {2};
    struct bulla_session *session = fixture->sessions;
    struct bulla_token *token = session->token;
    put(token, id, "before");
    struct found found = look(token, id);
    assert_false(takes_in(session, &found));
    struct found elsewhere = look(twin, id);
    if (deed == CHANGE)
        put(twin, id, "after");
    else
        assert_int_equal(bulla_vault_erase(twin, elsewhere.object), BULLA_OK);
    assert_int_equal(bulla_token_refresh(token), BULLA_OK); /* another thread's call */
    if (beside)                                             /* of which the call is told that it is not concerned */
        put(twin, other, "other");
    assert_true(bulla_follow_is_behind(token, found.seen));
    assert_true(takes_in_mark(session, &found));
    assert_true(takes_in(session, &found));
    assert_true(takes_in(session, &found)); /* nothing was remembered of it */
    bulla_object_drop(found.object);
    bulla_object_drop(elsewhere.object);
    if (deed == CHANGE) {
        found = look(token, id);
        assert_true(bulla_bytes_equal_text(bulla_attributes_get(found.object->attributes, CKA_LABEL), "after"));
        assert_false(takes_in(session, &found) || takes_in_mark(session, &found));
        bulla_object_drop(found.object);
    }
}

static void what_another_thread_took_in_concerns_who_looked_before(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_token twin;
    bulla_token_make(&twin, &fixture->config.tokens[0]);
    assert_int_equal(bulla_token_refresh(&twin), BULLA_OK);
    tokens_log_in(&twin);
    for (int i = 0; i < 4; i++)
        try_deed(fixture, &twin, i & 1 ? ERASE : CHANGE, i & 2);
    bulla_token_close(&twin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_another_thread_took_in_concerns_who_looked_before, tokens_begin, tokens_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
