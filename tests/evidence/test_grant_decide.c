#include "support/test.h"

#include <string.h>

#include "evidence/grant.h"
#include "grant_fixture.h"

struct memory_of {
    const struct bulla_grant *revoked, *used_up, *used_up_too;
    size_t asked;
};

static bool was_revoked(void *context, const struct bulla_grant *grant)
{
    struct memory_of *of = context;
    of->asked++;
    return grant == of->revoked;
}

static bool is_used_up(void *context, const struct bulla_grant *grant)
{
    const struct memory_of *of = context;
    return grant == of->used_up || grant == of->used_up_too;
}

struct question {
    struct bulla_principal who[2];
    struct bulla_access access;
    struct memory_of of;
    const struct bulla_grant *allowed;
};

static void ask_as(struct question *question, const char *who)
{
    memset(question, 0, sizeof *question);
    assert_int_equal(bulla_principal_parse(BULLA_TEXT(who), &question->who[0]), BULLA_OK);
    question->access.object_id = BULLA_TEXT("m1");
    question->access.object_unique = BULLA_TEXT("0123456789abcdef");
    question->access.operation = BULLA_MAY_INFER;
    question->access.now = 1750000000;
    question->access.principal_count = 1;
}

static enum bulla_reason decide(struct question *question, const struct bulla_grant *grants, size_t count)
{
    const struct bulla_grant_memory remembers = {was_revoked, is_used_up, &question->of};
    question->access.principals = question->who;
    question->allowed = grants;
    enum bulla_reason reason = bulla_grants_decide(grants, count, &question->access, &remembers, &question->allowed);
    assert_true((reason == BULLA_OK) == (question->allowed != NULL));
    return reason;
}

static void a_grant_allows_its_principal_its_operation_with_its_object(void **state)
{
    (void)state;
    struct bulla_grant grant;
    struct question question;
    grant_fill(&grant);
    ask_as(&question, "user:ann");
    assert_int_equal(decide(&question, &grant, 1), BULLA_OK);
    assert_ptr_equal(question.allowed, &grant);
    ask_as(&question, "user:bob");
    assert_int_equal(decide(&question, &grant, 1), BULLA_GRANT_MISSING);
    assert_non_null(strstr(bulla_detail(), "user:bob"));
    assert_non_null(strstr(bulla_detail(), "infer"));
    ask_as(&question, "user:ann");
    question.access.operation = BULLA_MAY_SIGN;
    assert_int_equal(decide(&question, &grant, 1), BULLA_GRANT_MISSING);
    ask_as(&question, "user:ann");
    question.access.object_id = BULLA_TEXT("m2");
    assert_int_equal(decide(&question, &grant, 1), BULLA_GRANT_MISSING);
    question.access.object_id = BULLA_TEXT("m");
    assert_int_equal(decide(&question, &grant, 1), BULLA_GRANT_MISSING);
    assert_int_equal(decide(&question, &grant, 0), BULLA_GRANT_MISSING);
    ask_as(&question, "user:ann");
    question.access.principal_count = 0;
    assert_int_equal(decide(&question, &grant, 1), BULLA_GRANT_MISSING);
}

static void any_of_the_proven_principals_may_be_the_one(void **state)
{
    (void)state;
    struct bulla_grant grant;
    struct question question;
    grant_fill(&grant);
    ask_as(&question, "user:bob");
    question.access.principal_count = 2;
    assert_int_equal(bulla_principal_parse(BULLA_TEXT("user:ann"), &question.who[1]), BULLA_OK);
    assert_int_equal(decide(&question, &grant, 1), BULLA_OK);
}

static void an_object_is_named_by_either_of_its_ids_or_is_any(void **state)
{
    (void)state;
    struct bulla_grant grant;
    struct question question;
    grant_fill(&grant);
    memcpy(grant.object, "0123456789abcdef", 16);
    grant.object_size = 16;
    ask_as(&question, "user:ann");
    assert_int_equal(decide(&question, &grant, 1), BULLA_OK);
    grant.object[15] ^= 1;
    assert_int_equal(decide(&question, &grant, 1), BULLA_GRANT_MISSING);
    grant.object_size = 0;
    assert_int_equal(decide(&question, &grant, 1), BULLA_OK);
    question.access.object_id = question.access.object_unique = (struct bulla_bytes){NULL, 0};
    assert_int_equal(decide(&question, &grant, 1), BULLA_OK);
}

static void anyone_is_whoever_proved_something(void **state)
{
    (void)state;
    struct bulla_grant grant;
    struct question question;
    grant_fill(&grant);
    grant_give_to(&grant, "anyone");
    ask_as(&question, "user:bob");
    assert_int_equal(decide(&question, &grant, 1), BULLA_OK);
    ask_as(&question, "anyone");
    assert_int_equal(decide(&question, &grant, 1), BULLA_OK);
    question.access.principal_count = 0;
    assert_int_equal(decide(&question, &grant, 1), BULLA_GRANT_MISSING);
    memset(question.who, 0, sizeof question.who); /* nobody */
    question.access.principal_count = 1;
    assert_int_equal(decide(&question, &grant, 1), BULLA_GRANT_MISSING);
    memset(&grant.who, 0, sizeof grant.who); /* nor does a grant to nobody allow nobody */
    assert_int_equal(decide(&question, &grant, 1), BULLA_GRANT_MISSING);
}

static void a_grant_is_valid_from_its_first_to_its_last_second(void **state)
{
    (void)state;
    static const struct {
        uint64_t now;
        enum bulla_reason reason;
    } cases[] = {{1699999999, BULLA_GRANT_NOT_YET}, {1700000000, BULLA_OK}, {1800000000, BULLA_OK},
        {1800000001, BULLA_GRANT_EXPIRED}, {0, BULLA_GRANT_NOT_YET}, {UINT64_MAX, BULLA_GRANT_EXPIRED}};
    struct bulla_grant grant;
    struct question question;
    grant_fill(&grant);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask_as(&question, "user:ann");
        question.access.now = cases[i].now;
        assert_int_equal(decide(&question, &grant, 1), cases[i].reason);
    }
}

static void what_was_revoked_or_used_up_allows_nothing(void **state)
{
    (void)state;
    struct bulla_grant grant;
    struct question question;
    grant_fill(&grant);
    ask_as(&question, "user:ann");
    question.of.revoked = &grant;
    assert_int_equal(decide(&question, &grant, 1), BULLA_GRANT_REVOKED);
    assert_non_null(strstr(bulla_detail(), "000102030405060708090a0b0c0d0e0f"));
    ask_as(&question, "user:ann");
    question.of.used_up = &grant;
    assert_int_equal(decide(&question, &grant, 1), BULLA_GRANT_USED_UP);
    assert_non_null(strstr(bulla_detail(), "10 uses"));
    grant.uses = 1;
    assert_int_equal(decide(&question, &grant, 1), BULLA_GRANT_USED_UP);
    assert_non_null(strstr(bulla_detail(), "its one use is used up"));
    grant.uses = 0; /* not counted: it can't be used up */
    assert_int_equal(decide(&question, &grant, 1), BULLA_OK);
    question.of.revoked = &grant;
    assert_int_equal(decide(&question, &grant, 1), BULLA_GRANT_REVOKED);
}

static void what_a_token_remembers_is_asked_only_of_grants_that_allow_otherwise(void **state)
{
    (void)state;
    struct bulla_grant grants[4];
    struct question question;
    for (size_t i = 0; i < 4; i++)
        grant_fill(&grants[i]);
    grant_give_to(&grants[0], "user:bob");
    grants[1].not_after = 1700000001;
    grants[2].not_before = 1799999999;
    ask_as(&question, "user:ann");
    assert_int_equal(decide(&question, grants, 4), BULLA_OK);
    assert_int_equal(question.of.asked, 1);
    assert_ptr_equal(question.allowed, &grants[3]);
}

static void a_grant_without_a_count_goes_before_one_with_it(void **state)
{
    (void)state;
    struct bulla_grant grants[3];
    struct question question;
    for (size_t i = 0; i < 3; i++)
        grant_fill(&grants[i]);
    grants[2].uses = 0;
    ask_as(&question, "user:ann");
    assert_int_equal(decide(&question, grants, 3), BULLA_OK);
    assert_ptr_equal(question.allowed, &grants[2]);
    question.of.revoked = &grants[2];
    assert_int_equal(decide(&question, grants, 3), BULLA_OK);
    assert_ptr_equal(question.allowed, &grants[0]);
    question.of.used_up = &grants[0];
    assert_int_equal(decide(&question, grants, 3), BULLA_OK);
    assert_ptr_equal(question.allowed, &grants[1]);
    question.of.used_up_too = &grants[1];
    assert_int_equal(decide(&question, grants, 3), BULLA_GRANT_USED_UP);
}

static void the_refusal_is_of_the_grant_that_came_nearest(void **state)
{
    (void)state;
    struct bulla_grant grants[5];
    struct question question;
    for (size_t i = 0; i < 5; i++)
        grant_fill(&grants[i]);
    grant_give_to(&grants[0], "user:bob");
    grants[1].not_after = 1700000001;
    grants[2].not_before = 1799999999;
    ask_as(&question, "user:ann");
    question.of.revoked = &grants[3];
    question.of.used_up = &grants[4];
    static const enum bulla_reason reasons[] = {
        BULLA_GRANT_MISSING, BULLA_GRANT_EXPIRED, BULLA_GRANT_NOT_YET, BULLA_GRANT_REVOKED, BULLA_GRANT_USED_UP};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(decide(&question, grants, i + 1), reasons[i]);
    for (size_t i = 0; i < 2; i++) {
        grants[i] = grants[4];
        grants[i].not_after = 1700000001;
        grants[i].id[0] = (uint8_t)(0xa0 + i);
    }
    assert_int_equal(decide(&question, grants, 2), BULLA_GRANT_EXPIRED);
    assert_non_null(strstr(bulla_detail(), "grant a001")); /* of two that came as far, the first */
}

static void assert_nearest(struct question *question, const struct bulla_grant *grants, size_t count,
    enum bulla_reason reason, const char *told)
{
    assert_int_equal(decide(question, grants, count), reason);
    if (!strstr(bulla_detail(), told))
        fail_msg("'%s' is not in: %s", told, bulla_detail());
}

/* In either order: each grant's id begins with its number. */
static void the_nearest_of_two_is_told_in_any_order(
    const struct bulla_grant *near, const struct bulla_grant *far, enum bulla_reason reason, const char *told)
{
    struct question question;
    struct bulla_grant grants[3] = {*far, *near, *far};
    ask_as(&question, "user:ann");
    assert_nearest(&question, grants, 2, reason, told);
    assert_nearest(&question, grants + 1, 2, reason, told);
    assert_nearest(&question, grants, 3, reason, told);
}

static void of_grants_that_come_as_far_the_one_least_away_is_told(void **state)
{
    (void)state;
    struct bulla_grant near, far;
    grant_fill(&near);
    near.id[0] = 0xaa;
    far = near;
    far.id[0] = 0xbb;
    near.not_after = 1749999999; /* a second ago */
    far.not_after = 1749999998;
    the_nearest_of_two_is_told_in_any_order(&near, &far, BULLA_GRANT_EXPIRED, "grant aa01");
    near.not_after = far.not_after = 1800000000;
    near.not_before = 1750000001;
    far.not_before = 1750000002;
    the_nearest_of_two_is_told_in_any_order(&near, &far, BULLA_GRANT_NOT_YET, "grant aa01");
    far.not_after = 1749999999;
    the_nearest_of_two_is_told_in_any_order(&near, &far, BULLA_GRANT_NOT_YET, "grant aa01");
}

static void a_grant_that_is_for_something_else_is_told_where_none_is_nearer(void **state)
{
    (void)state;
    static const char other_object[] = "aa0102030405060708090a0b0c0d0e0f, is for another object";
    static const char other_operations[] = "aa0102030405060708090a0b0c0d0e0f, is for other operations";
    struct bulla_grant object, operation, somebody, expired;
    struct question question;
    grant_fill(&object);
    object.id[0] = 0xaa;
    operation = somebody = expired = object;
    object.object[1] ^= 1;
    operation.operations = BULLA_MAY_SIGN;
    expired.not_after = 1;
    grant_give_to(&somebody, "user:bob");
    somebody.id[0] = 0xbb;
    ask_as(&question, "user:ann");
    assert_nearest(&question, &somebody, 1, BULLA_GRANT_MISSING, "user:ann infer with this object");
    assert_null(strstr(bulla_detail(), "bb")); /* others' grants are nobody's affair */
    the_nearest_of_two_is_told_in_any_order(&object, &somebody, BULLA_GRANT_MISSING, other_object);
    object.id[0] = 0xcc;
    the_nearest_of_two_is_told_in_any_order(&operation, &object, BULLA_GRANT_MISSING, other_operations);
    operation.id[0] = 0xcc;
    the_nearest_of_two_is_told_in_any_order(&expired, &operation, BULLA_GRANT_EXPIRED, "grant aa01");
    object.operations = BULLA_MAY_SIGN; /* neither is right: as far as somebody else's */
    assert_int_equal(decide(&question, &object, 1), BULLA_GRANT_MISSING);
    assert_null(strstr(bulla_detail(), "nearest"));
}

static void without_a_memory_nothing_is_remembered(void **state)
{
    (void)state;
    static const struct bulla_grant_memory empty;
    struct bulla_grant grant;
    struct question question;
    grant_fill(&grant);
    ask_as(&question, "user:ann");
    question.access.principals = question.who;
    assert_int_equal(bulla_grants_decide(&grant, 1, &question.access, NULL, &question.allowed), BULLA_OK);
    assert_int_equal(bulla_grants_decide(&grant, 1, &question.access, &empty, &question.allowed), BULLA_OK);
    assert_ptr_equal(question.allowed, &grant);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grant_allows_its_principal_its_operation_with_its_object),
        cmocka_unit_test(any_of_the_proven_principals_may_be_the_one),
        cmocka_unit_test(an_object_is_named_by_either_of_its_ids_or_is_any),
        cmocka_unit_test(anyone_is_whoever_proved_something),
        cmocka_unit_test(a_grant_is_valid_from_its_first_to_its_last_second),
        cmocka_unit_test(what_was_revoked_or_used_up_allows_nothing),
        cmocka_unit_test(what_a_token_remembers_is_asked_only_of_grants_that_allow_otherwise),
        cmocka_unit_test(a_grant_without_a_count_goes_before_one_with_it),
        cmocka_unit_test(the_refusal_is_of_the_grant_that_came_nearest),
        cmocka_unit_test(of_grants_that_come_as_far_the_one_least_away_is_told),
        cmocka_unit_test(a_grant_that_is_for_something_else_is_told_where_none_is_nearer),
        cmocka_unit_test(without_a_memory_nothing_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
