/* Trees as text, and what follows from a tree's shape alone.
 *
 *   tree = leaf | gate
 *   gate = number " of " "(" tree { "," tree } ")"       number: 1 to the count of trees, no leading zero
 *   leaf = letter { letter | digit | "-" | ":" }         the name of a scheme, lower case
 *
 * Spaces may stand between any two of these. The shape is kept in prefix order, so that a node's first child follows it
 * and a subtree is a run of nodes: every walk below is one recursion that returns where the run ends, at most
 * BULLA_TREE_DEPTH gates deep. */
#include "crypto/shamir.h"
#include "release/tree_shape.h"

#include <stdio.h>

struct parser {
    const char *text;
    const char *at;
    struct bulla_tree_shape *shape;
};

static enum bulla_reason parse_refuse(const struct parser *parser, const char *at, const char *expected)
{
    return bulla_refuse(BULLA_TREE_SYNTAX, "release tree, column %zu: %s", (size_t)(at - parser->text) + 1, expected);
}

static void skip_spaces(struct parser *parser)
{
    parser->at += strspn(parser->at, " ");
}

static bool take(struct parser *parser, char mark)
{
    skip_spaces(parser);
    if (*parser->at != mark)
        return false;
    parser->at++;
    return true;
}

static enum bulla_reason add_node(struct parser *parser, const char *at, struct bulla_tree_node **node)
{
    if (parser->shape->count == BULLA_TREE_NODES)
        return parse_refuse(parser, at, "a tree has at most 64 nodes");
    *node = &parser->shape->nodes[parser->shape->count++];
    **node = (struct bulla_tree_node){0};
    return BULLA_OK;
}

static enum bulla_reason parse_leaf(struct parser *parser)
{
    const char *name = parser->at;
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-:");
    if (size == 0 || *name < 'a' || *name > 'z')
        return parse_refuse(parser, name, "expected a leaf's name, or a gate such as 2 of (tpm, passphrase)");
    parser->at += size;
    struct bulla_tree_node *node = NULL;
    BULLA_TRY(add_node(parser, name, &node));
    node->scheme = bulla_leaf_scheme_find((struct bulla_bytes){(const uint8_t *)name, size});
    if (!node->scheme)
        return bulla_refuse(BULLA_LEAF_UNKNOWN, "release tree, column %zu: no leaf is called %.*s",
            (size_t)(name - parser->text) + 1, size > 64 ? 64 : (int)size, name);
    return BULLA_OK;
}

/* 1 to 16, or 0 for what is no such number. */
static unsigned parse_number(struct parser *parser)
{
    size_t digits = strspn(parser->at, "0123456789");
    const char *at = parser->at;
    parser->at += digits;
    if (digits == 1)
        return (unsigned)(at[0] - '0');
    if (digits == 2 && at[0] == '1' && at[1] <= '6')
        return 10U + (unsigned)(at[1] - '0');
    return 0;
}

static enum bulla_reason parse_tree(struct parser *parser, unsigned depth);

static enum bulla_reason parse_children(struct parser *parser, struct bulla_tree_node *gate, unsigned depth)
{
    if (!take(parser, '('))
        return parse_refuse(parser, parser->at, "expected ( after of");
    do {
        skip_spaces(parser);
        if (gate->children == BULLA_SHARES_LARGEST)
            return parse_refuse(parser, parser->at, "a gate has at most 16 parts");
        BULLA_TRY(parse_tree(parser, depth + 1));
        gate->children++;
    } while (take(parser, ','));
    return take(parser, ')') ? BULLA_OK : parse_refuse(parser, parser->at, "expected , or )");
}

static enum bulla_reason parse_gate(struct parser *parser, unsigned depth)
{
    const char *number = parser->at;
    struct bulla_tree_node *gate = NULL;
    if (depth == BULLA_TREE_DEPTH)
        return parse_refuse(parser, number, "gates stand at most 4 deep");
    BULLA_TRY(add_node(parser, number, &gate));
    gate->threshold = parse_number(parser);
    if (gate->threshold == 0)
        return parse_refuse(parser, number, "a gate takes 1 to 16 of its parts");
    size_t spaces = strspn(parser->at, " ");
    if (spaces == 0 || strncmp(parser->at + spaces, "of", 2) != 0)
        return parse_refuse(parser, parser->at + spaces, "expected of after the number");
    parser->at += spaces + 2;
    BULLA_TRY(parse_children(parser, gate, depth));
    if (gate->threshold > gate->children)
        return parse_refuse(parser, number, "the gate has fewer parts than it takes");
    return BULLA_OK;
}

/* The caller has skipped the spaces. */
static enum bulla_reason parse_tree(struct parser *parser, unsigned depth)
{
    if (*parser->at >= '0' && *parser->at <= '9')
        return parse_gate(parser, depth);
    return parse_leaf(parser);
}

enum bulla_reason bulla_tree_parse(const char *text, struct bulla_tree_shape *shape)
{
    struct parser parser = {text, text, shape};
    shape->count = 0;
    skip_spaces(&parser);
    enum bulla_reason reason = parse_tree(&parser, 0);
    skip_spaces(&parser);
    if (reason == BULLA_OK && *parser.at != '\0')
        reason = parse_refuse(&parser, parser.at, "expected the end");
    if (reason != BULLA_OK)
        shape->count = 0;
    return reason;
}

static unsigned print_node(const struct bulla_tree_shape *shape, unsigned index, struct bulla_writer *writer)
{
    const struct bulla_tree_node *node = &shape->nodes[index++];
    if (node->scheme) {
        bulla_write_bytes(writer, BULLA_TEXT(node->scheme->name));
        return index;
    }
    char head[24];
    int size = snprintf(head, sizeof head, "%u of (", node->threshold);
    bulla_write(writer, head, (size_t)size);
    for (unsigned child = 0; child < node->children; child++) {
        if (child > 0)
            bulla_write_bytes(writer, BULLA_TEXT(", "));
        index = print_node(shape, index, writer);
    }
    bulla_write_u8(writer, ')');
    return index;
}

enum bulla_reason bulla_tree_print(const struct bulla_tree_shape *shape, char *text, size_t size)
{
    struct bulla_writer writer;
    BULLA_TRY(bulla_tree_shape_check(shape));
    bulla_writer_open(&writer, text, size);
    (void)print_node(shape, 0, &writer);
    bulla_write_u8(&writer, '\0');
    return bulla_writer_finish(&writer, "a release tree's text");
}
