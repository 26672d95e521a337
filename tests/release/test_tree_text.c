/* Release trees as text: what is taken, what is refused and where, and what a shape says of its leaves. */
#include "support/test.h"

#include <stdio.h>
#include <string.h>

#include "release/tree.h"

static void trees_are_written_back_canonically(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"one", "one"},
        {"  keeper:six  ", "keeper:six"},
        {"1 of (one)", "1 of (one)"},
        {"2 of(one,two,three)", "2 of (one, two, three)"},
        {" 2   of ( one , 1 of(two,passphrase) ) ", "2 of (one, 1 of (two, passphrase))"},
        {"1 of (1 of (1 of (1 of (one))))", "1 of (1 of (1 of (1 of (one))))"},
        {"10 of (one,one,one,one,one,one,one,one,one,one,one,one,one,one,one,one)",
            "10 of (one, one, one, one, one, one, one, one, one, one, one, one, one, one, one, one)"},
        {"16 of (one,one,one,one,one,one,one,one,one,one,one,one,one,one,one,one)",
            "16 of (one, one, one, one, one, one, one, one, one, one, one, one, one, one, one, one)"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct bulla_tree_shape shape, again;
        char text[512];
        assert_int_equal(bulla_tree_parse(pairs[i][0], &shape), BULLA_OK);
        assert_int_equal(bulla_tree_print(&shape, text, sizeof text), BULLA_OK);
        assert_string_equal(text, pairs[i][1]);
        assert_int_equal(bulla_tree_parse(text, &again), BULLA_OK);
        assert_int_equal(again.count, shape.count);
        assert_int_equal(bulla_tree_print(&shape, text, strlen(pairs[i][1])), BULLA_BUFFER_SMALL);
        assert_int_equal(bulla_tree_print(&shape, text, strlen(pairs[i][1]) + 1), BULLA_OK);
    }
}

static void a_shape_is_in_prefix_order(void **state)
{
    (void)state;
    struct bulla_tree_shape shape;
    assert_int_equal(bulla_tree_parse("2 of (one, 1 of (two, three), four)", &shape), BULLA_OK);
    static const char *const names[] = {NULL, "one", NULL, "two", "three", "four"};
    static const unsigned thresholds[] = {2, 0, 1, 0, 0, 0}, children[] = {3, 0, 2, 0, 0, 0};
    assert_int_equal(shape.count, 6);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(shape.nodes[i].scheme == NULL, names[i] == NULL);
        if (names[i])
            assert_string_equal(shape.nodes[i].scheme->name, names[i]);
        assert_int_equal(shape.nodes[i].threshold, thresholds[i]);
        assert_int_equal(shape.nodes[i].children, children[i]);
    }
}

static void what_is_no_tree_is_refused_with_its_column(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned column;
    } wrong[] = {
        {"", 1},
        {"   ", 4},
        {"one two", 5},
        {"one,two", 4},
        {"one and two", 5},
        {"One", 1},
        {"-one", 1},
        {"one)", 4},
        {"(one)", 1},
        {"0 of (one)", 1},
        {"01 of (one)", 1},
        {"17 of (one)", 1},
        {"99999999999999999999 of (one)", 1},
        {"4294967297 of (one)", 1},
        {"2 of (one)", 1},
        {"1 of (one, 3 of (one, two))", 12},
        {"1", 2},
        {"1 ", 3},
        {"1of (one)", 2},
        {"1 on (one)", 3},
        {"1 of one", 6},
        {"1 of", 5},
        {"1 of (", 7},
        {"1 of ()", 7},
        {"1 of (one", 10},
        {"1 of (one,", 11},
        {"1 of (one,)", 11},
        {"1 of (one two)", 11},
        {"1 of (one))", 11},
        {"1 of (\tone)", 7},
        {"1 of (1 of (1 of (1 of (1 of (one)))))", 25},
        {"1 of (one,one,one,one,one,one,one,one,one,one,one,one,one,one,one,one,one)", 71},
        {"-1 of (one)", 1},
        {"+1 of (one)", 1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct bulla_tree_shape shape;
        char expected[64];
        assert_int_equal(bulla_tree_parse(wrong[i].text, &shape), BULLA_TREE_SYNTAX);
        (void)snprintf(expected, sizeof expected, "release tree, column %u: ", wrong[i].column);
        assert_memory_equal(bulla_detail(), expected, strlen(expected));
        assert_int_equal(shape.count, 0);
    }
}

static void an_unknown_leaf_is_named(void **state)
{
    (void)state;
    struct bulla_tree_shape shape;
    assert_int_equal(bulla_tree_parse("1 of (one, keeper:a)", &shape), BULLA_LEAF_UNKNOWN);
    assert_string_equal(bulla_detail(), "release tree, column 12: no leaf is called keeper:a");
    assert_int_equal(bulla_tree_parse("on", &shape), BULLA_LEAF_UNKNOWN);
    assert_int_equal(bulla_tree_parse("ones", &shape), BULLA_LEAF_UNKNOWN);
}

/* 4 gates of 15 leaves and the root are 65 nodes; one leaf less fits. */
static void a_tree_has_at_most_64_nodes(void **state)
{
    (void)state;
    for (unsigned last = 14; last <= 15; last++) {
        char text[1024] = "1 of (";
        struct bulla_tree_shape shape;
        for (unsigned gate = 0; gate < 4; gate++) {
            strcat(text, gate ? ", 1 of (" : "1 of (");
            for (unsigned leaf = 0; leaf < (gate == 3 ? last : 15); leaf++)
                strcat(text, leaf ? ",one" : "one");
            strcat(text, ")");
        }
        strcat(text, ")");
        assert_int_equal(bulla_tree_parse(text, &shape), last == 14 ? BULLA_OK : BULLA_TREE_SYNTAX);
        assert_int_equal(shape.count, last == 14 ? 64 : 0);
    }
}

/* --- what a shape says, against all sets of leaves --- */
static bool satisfied(const struct bulla_tree_shape *shape, unsigned *index, unsigned *leaf, unsigned set)
{
    const struct bulla_tree_node *node = &shape->nodes[(*index)++];
    if (node->scheme)
        return set >> (*leaf)++ & 1;
    unsigned count = 0;
    for (unsigned i = 0; i < node->children; i++)
        count += satisfied(shape, index, leaf, set);
    return count >= node->threshold;
}

static bool attested_by_all_sets(const struct bulla_tree_shape *shape)
{
    unsigned leaves = 0, attesting = 0;
    for (unsigned i = 0; i < shape->count; i++)
        if (shape->nodes[i].scheme)
            attesting |= (unsigned)shape->nodes[i].scheme->attests << leaves++;
    for (unsigned set = 0; set < 1U << leaves; set++) {
        unsigned index = 0, leaf = 0;
        if (satisfied(shape, &index, &leaf, set) && (set & attesting) == 0)
            return false;
    }
    return true;
}

static bool forgets_by_all_leaves(const char *text)
{
    return !strstr(text, "three") && !strstr(text, "passphrase");
}

static void attested_and_forgets_hold_for_every_satisfying_set(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool attested; /* by hand, to anchor the oracle */
    } trees[] = {
        {"one", false},
        {"attesting", true},
        {"1 of (attesting, one)", false},
        {"2 of (attesting, one)", true},
        {"2 of (attesting, one, two)", false},
        {"2 of (attesting, attesting, one)", true},
        {"3 of (attesting, one, two)", true},
        {"2 of (1 of (attesting, one), two)", false},
        {"2 of (2 of (attesting, one), two, three)", false},
        {"2 of (2 of (attesting, one), 2 of (attesting, two))", true},
        {"1 of (2 of (attesting, one), 2 of (attesting, two))", true},
        {"1 of (2 of (attesting, one), passphrase)", false},
        {"2 of (1 of (attesting, attesting), 1 of (one, two), three)", false},
    };
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
        struct bulla_tree_shape shape;
        assert_int_equal(bulla_tree_parse(trees[i].text, &shape), BULLA_OK);
        assert_int_equal(bulla_tree_attested(&shape), trees[i].attested);
        assert_int_equal(attested_by_all_sets(&shape), trees[i].attested);
        assert_int_equal(bulla_tree_forgets(&shape), forgets_by_all_leaves(trees[i].text));
    }
}

/* k of (a of (x, y, z), b of (x, y), c) over every k, a, b and every choice of attesting or not for the six leaves. */
static void attested_agrees_with_the_oracle_over_many_shapes(void **state)
{
    (void)state;
    const struct bulla_leaf_scheme *plain = bulla_leaf_scheme_find(BULLA_TEXT("one"));
    const struct bulla_leaf_scheme *attesting = bulla_leaf_scheme_find(BULLA_TEXT("attesting"));
    unsigned seen[2] = {0, 0};
    for (unsigned bits = 0; bits < 64; bits++)
        for (unsigned k = 1; k <= 3; k++)
            for (unsigned a = 1; a <= 3; a++)
                for (unsigned b = 1; b <= 2; b++) {
                    struct bulla_tree_shape shape = {.count = 9};
                    static const unsigned leaves[6] = {2, 3, 4, 6, 7, 8};
                    shape.nodes[0] = (struct bulla_tree_node){NULL, k, 3};
                    shape.nodes[1] = (struct bulla_tree_node){NULL, a, 3};
                    shape.nodes[5] = (struct bulla_tree_node){NULL, b, 2};
                    for (unsigned leaf = 0; leaf < 6; leaf++)
                        shape.nodes[leaves[leaf]].scheme = bits >> leaf & 1 ? attesting : plain;
                    bool expected = attested_by_all_sets(&shape);
                    assert_int_equal(bulla_tree_attested(&shape), expected);
                    seen[expected]++;
                }
    assert_true(seen[0] > 0 && seen[1] > 0);
}

/* Shapes that no text gives are neither printed nor trusted. */
static void a_shape_that_is_no_tree_is_refused(void **state)
{
    (void)state;
    const struct bulla_leaf_scheme *attesting = bulla_leaf_scheme_find(BULLA_TEXT("attesting"));
    const struct bulla_tree_node leaf = {attesting, 0, 0};
    struct bulla_tree_shape wrong[] = {
        {.count = 0},
        {.count = 2, .nodes = {leaf, leaf}},
        {.count = 2, .nodes = {{NULL, 1, 2}, leaf}},
        {.count = 3, .nodes = {{NULL, 1, 1}, leaf, leaf}},
        {.count = 2, .nodes = {{NULL, 0, 1}, leaf}},
        {.count = 2, .nodes = {{NULL, 2, 1}, leaf}},
        {.count = 1, .nodes = {{NULL, 0, 0}}},
        {.count = 1, .nodes = {{attesting, 1, 0}}},
        {.count = 6, .nodes = {{NULL, 1, 1}, {NULL, 1, 1}, {NULL, 1, 1}, {NULL, 1, 1}, {NULL, 1, 1}, leaf}},
        {.count = BULLA_TREE_NODES + 1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[64];
        assert_int_equal(bulla_tree_print(&wrong[i], text, sizeof text), BULLA_ARGUMENT);
        assert_false(bulla_tree_attested(&wrong[i]));
        assert_false(bulla_tree_forgets(&wrong[i]));
    }
}

static void schemes_are_found_by_their_whole_name(void **state)
{
    (void)state;
    assert_string_equal(bulla_leaf_scheme_find(BULLA_TEXT("passphrase"))->name, "passphrase");
    assert_null(bulla_leaf_scheme_find(BULLA_TEXT("passphras")));
    assert_null(bulla_leaf_scheme_find(BULLA_TEXT("passphrase2")));
    assert_null(bulla_leaf_scheme_find(BULLA_TEXT("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees_are_written_back_canonically),
        cmocka_unit_test(a_shape_is_in_prefix_order),
        cmocka_unit_test(what_is_no_tree_is_refused_with_its_column),
        cmocka_unit_test(an_unknown_leaf_is_named),
        cmocka_unit_test(a_tree_has_at_most_64_nodes),
        cmocka_unit_test(attested_and_forgets_hold_for_every_satisfying_set),
        cmocka_unit_test(attested_agrees_with_the_oracle_over_many_shapes),
        cmocka_unit_test(a_shape_that_is_no_tree_is_refused),
        cmocka_unit_test(schemes_are_found_by_their_whole_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
