/* Release trees, as text and sealed. What is taken as text is written back to a text that gives the same shape; what is
 * taken as sealed has a shape that can be written; opening ends with a secret or with zeros. The leaves are those of
 * tests/release/fake_leaves.c; no passphrase is given, so that none is derived. */
#include "fuzz.h"

#include <string.h>

#include "release/tree.h"

enum { TEXT_LARGEST = 2048 };

static void check_shape(const struct bulla_tree_shape *shape)
{
    char text[TEXT_LARGEST];
    struct bulla_tree_shape again;
    FUZZ_CHECK(shape->count >= 1 && shape->count <= BULLA_TREE_NODES);
    FUZZ_CHECK(bulla_tree_print(shape, text, sizeof text) == BULLA_OK);
    FUZZ_CHECK(bulla_tree_parse(text, &again) == BULLA_OK);
    FUZZ_CHECK(again.count == shape->count);
    for (unsigned i = 0; i < shape->count; i++) {
        FUZZ_CHECK(again.nodes[i].scheme == shape->nodes[i].scheme);
        FUZZ_CHECK(again.nodes[i].threshold == shape->nodes[i].threshold);
        FUZZ_CHECK(again.nodes[i].children == shape->nodes[i].children);
    }
    FUZZ_CHECK(bulla_tree_attested(&again) == bulla_tree_attested(shape));
    FUZZ_CHECK(bulla_tree_forgets(&again) == bulla_tree_forgets(shape));
}

static void try_text(const uint8_t *data, size_t size)
{
    struct bulla_tree_shape shape;
    char *text = malloc(size + 1);
    if (!text)
        return;
    memcpy(text, data, size);
    text[size] = '\0';
    if (bulla_tree_parse(text, &shape) == BULLA_OK)
        check_shape(&shape);
    else
        FUZZ_CHECK(shape.count == 0);
    free(text);
}

static void try_sealed(struct bulla_bytes bytes)
{
    static const uint8_t zero[32];
    const struct bulla_leaf_request request = {.purpose = BULLA_LEAF_OF_OBJECT, .token = "token", .object = "object"};
    struct bulla_tree_shape shape;
    uint8_t secret[32] = {1};
    enum bulla_reason reason = bulla_tree_shape_read(bytes, &shape);
    if (reason == BULLA_OK)
        check_shape(&shape);
    enum bulla_reason opened = bulla_tree_open(bytes, &request, secret);
    FUZZ_CHECK(reason == BULLA_OK || opened == reason);
    FUZZ_CHECK(opened == BULLA_OK || memcmp(secret, zero, sizeof zero) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_text(data, size);
    try_sealed((struct bulla_bytes){data, size});
    return 0;
}
