/* Sealing and opening trees over leaves that fail on demand. */
#include "support/test.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "release/fake_leaves.h"
#include "release/passphrase.h"
#include "release/tree.h"

static const uint8_t zero[32];
static uint8_t secret[32];
static uint8_t sealed_memory[BULLA_TREE_LARGEST];

static int begin(void **state)
{
    (void)state;
    fake_leaves_reset();
    randombytes_buf(secret, sizeof secret);
    return 0;
}

static struct bulla_leaf_request request(void)
{
    return (struct bulla_leaf_request){
        .purpose = BULLA_LEAF_OF_OBJECT, .token = "token", .object = "object", .quick = true};
}

static struct bulla_bytes seal(const char *text)
{
    struct bulla_tree_shape shape;
    struct bulla_writer writer;
    const struct bulla_leaf_request place = request();
    assert_int_equal(bulla_tree_parse(text, &shape), BULLA_OK);
    bulla_writer_open(&writer, sealed_memory, sizeof sealed_memory);
    assert_int_equal(bulla_tree_seal(&shape, &place, secret, &writer), BULLA_OK);
    assert_int_equal(bulla_writer_finish(&writer, "tree"), BULLA_OK);
    return bulla_writer_bytes(&writer);
}

static enum bulla_reason open_tree(struct bulla_bytes sealed)
{
    uint8_t opened[32];
    const struct bulla_leaf_request place = request();
    memset(opened, 0x55, sizeof opened);
    enum bulla_reason reason = bulla_tree_open(sealed, &place, opened);
    assert_memory_equal(opened, reason == BULLA_OK ? secret : zero, 32);
    return reason;
}

static unsigned opened_leaves(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < FAKE_COUNT; i++)
        count += fake_leaves[i].opened;
    return count;
}

/* --- which sets of leaves open which trees, by the shape's own meaning --- */
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

/* Each leaf of these trees is another fake, in this order. */
static const char *const shapes[] = {
    "one",
    "1 of (one)",
    "1 of (one, two)",
    "2 of (one, two)",
    "2 of (one, two, three)",
    "3 of (one, two, three)",
    "3 of (one, two, three, four, five, keeper:six)",
    "6 of (one, two, three, four, five, keeper:six)",
    "2 of (one, 1 of (two, three), four)",
    "2 of (2 of (one, two, three), 2 of (four, five), keeper:six)",
    "1 of (2 of (one, 1 of (two, 2 of (three, four))), 2 of (five, keeper:six))",
    "2 of (1 of (1 of (1 of (one))), two)",
};

static void trees_open_exactly_for_the_sets_that_satisfy_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct bulla_tree_shape shape;
        unsigned leaves = 0;
        struct bulla_bytes sealed = seal(shapes[i]);
        assert_int_equal(bulla_tree_parse(shapes[i], &shape), BULLA_OK);
        for (unsigned node = 0; node < shape.count; node++)
            leaves += shape.nodes[node].scheme != NULL;
        for (unsigned set = 0; set < 1U << leaves; set++) {
            unsigned index = 0, leaf = 0;
            fake_leaves_reset();
            for (unsigned fake = 0; fake < leaves; fake++)
                fake_leaves[fake].refuses = set >> fake & 1 ? BULLA_OK : BULLA_TPM_PCR;
            assert_int_equal(open_tree(sealed) == BULLA_OK, satisfied(&shape, &index, &leaf, set));
        }
    }
}

/* A wrong share counts as a missing one: named, and never joined. */
static void wrong_shares_neither_open_nor_spoil_a_tree(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct bulla_tree_shape shape;
        unsigned leaves = 0;
        struct bulla_bytes sealed = seal(shapes[i]);
        assert_int_equal(bulla_tree_parse(shapes[i], &shape), BULLA_OK);
        for (unsigned node = 0; node < shape.count; node++)
            leaves += shape.nodes[node].scheme != NULL;
        for (unsigned set = 0; set < 1U << leaves; set++) {
            unsigned index = 0, leaf = 0;
            fake_leaves_reset();
            for (unsigned fake = 0; fake < leaves; fake++)
                fake_leaves[fake].wrong_share = !(set >> fake & 1);
            assert_int_equal(open_tree(sealed) == BULLA_OK, satisfied(&shape, &index, &leaf, set));
        }
    }
}

static void a_single_failing_leaf_keeps_its_reason(void **state)
{
    (void)state;
    fake_leaves[FAKE_TWO].refuses = BULLA_TPM_PCR;
    assert_int_equal(open_tree(seal("2 of (one, two)")), BULLA_TPM_PCR);
    assert_string_equal(bulla_detail(), "release tree: 0.1 two: tpm-pcr-changed: told to refuse");
    fake_leaves[FAKE_ONE].refuses = BULLA_PIN_WRONG;
    assert_int_equal(open_tree(seal("one")), BULLA_PIN_WRONG);
    assert_string_equal(bulla_detail(), "release tree: 0 one: pin-wrong: told to refuse");
}

static void several_failing_leaves_are_all_listed(void **state)
{
    (void)state;
    fake_leaves[FAKE_ONE].refuses = BULLA_TPM_PCR;
    fake_leaves[FAKE_THREE].refuses = BULLA_TPM_UNREACHABLE;
    fake_leaves[FAKE_FOUR].wrong_share = true;
    assert_int_equal(open_tree(seal("2 of (one, 2 of (two, three), four, five)")), BULLA_NOT_RELEASED);
    assert_string_equal(
        bulla_detail(), "release tree: 0.0 one: tpm-pcr-changed, 0.1.1 three: tpm-unreachable, 0.2 four: share-wrong");
}

static void a_long_list_of_failures_is_cut_and_not_overrun(void **state)
{
    (void)state;
    fake_leaves[FAKE_ONE].refuses = BULLA_TPM_UNREACHABLE;
    assert_int_equal(
        open_tree(seal("1 of (one,one,one,one,one,one,one,one,one,one,one,one,one,one,one,one)")), BULLA_NOT_RELEASED);
    assert_true(strlen(bulla_detail()) > 400 && strlen(bulla_detail()) < BULLA_DETAIL_SIZE);
}

static void a_wrong_share_is_named_with_its_path(void **state)
{
    (void)state;
    fake_leaves[FAKE_TWO].wrong_share = true;
    assert_int_equal(open_tree(seal("2 of (one, 1 of (two))")), BULLA_SHARE_WRONG);
    assert_string_equal(
        bulla_detail(), "release tree: 0.1.0 two: share-wrong: part 0.1.0 gave a share that is not the one sealed");
}

static void no_leaf_is_tried_that_cannot_matter(void **state)
{
    (void)state;
    assert_int_equal(open_tree(seal("2 of (one, two, three)")), BULLA_OK);
    assert_int_equal(fake_leaves[FAKE_THREE].opened, 0);
    fake_leaves_reset();
    fake_leaves[FAKE_ONE].refuses = BULLA_TPM_PCR;
    assert_int_equal(open_tree(seal("3 of (one, two, three)")), BULLA_TPM_PCR);
    assert_int_equal(opened_leaves(), 1);
}

static void leaves_learn_their_path(void **state)
{
    (void)state;
    assert_int_equal(open_tree(seal("2 of (1 of (1 of (1 of (one))), two)")), BULLA_OK);
    assert_string_equal(fake_leaves[FAKE_ONE].last_path, "0.0.0.0.0");
    assert_string_equal(fake_leaves[FAKE_TWO].last_path, "0.1");
}

/* Also the bytes of leaves that are not needed: thresholds, names, commitments, blobs. */
static void every_changed_byte_is_refused(void **state)
{
    (void)state;
    static const char *const trees[] = {"one", "1 of (one, two)", "2 of (one, 2 of (two, three, four), five)"};
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
        struct bulla_bytes sealed = seal(trees[i]);
        for (size_t at = 0; at < sealed.size; at++)
            for (unsigned change = 1; change < 256; change <<= 1) {
                sealed_memory[at] ^= (uint8_t)change;
                assert_int_not_equal(open_tree(sealed), BULLA_OK);
                sealed_memory[at] ^= (uint8_t)change;
            }
        assert_int_equal(open_tree(sealed), BULLA_OK);
    }
}

static void every_shorter_or_longer_tree_is_refused(void **state)
{
    (void)state;
    struct bulla_bytes sealed = seal("2 of (one, two, three)");
    for (size_t size = 0; size < sealed.size; size++)
        assert_int_not_equal(open_tree((struct bulla_bytes){sealed.data, size}), BULLA_OK);
    sealed_memory[sealed.size] = 0;
    assert_int_equal(open_tree((struct bulla_bytes){sealed.data, sealed.size + 1}), BULLA_TRAILING);
    assert_int_equal(open_tree((struct bulla_bytes){sealed.data, BULLA_TREE_LARGEST + 1}), BULLA_TOO_LARGE);
}

static void a_tree_belongs_to_its_token_and_object(void **state)
{
    (void)state;
    struct bulla_bytes sealed = seal("1 of (one)");
    struct bulla_leaf_request elsewhere = request();
    uint8_t opened[32];
    elsewhere.object[0] ^= 1;
    assert_int_equal(bulla_tree_open(sealed, &elsewhere, opened), BULLA_SHARE_WRONG);
    assert_memory_equal(opened, zero, 32);
    elsewhere = request();
    elsewhere.token[15] ^= 1;
    assert_int_equal(bulla_tree_open(sealed, &elsewhere, opened), BULLA_SHARE_WRONG);
}

static void a_sealed_tree_tells_its_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct bulla_tree_shape shape;
        char text[256];
        assert_int_equal(bulla_tree_shape_read(seal(shapes[i]), &shape), BULLA_OK);
        assert_int_equal(bulla_tree_print(&shape, text, sizeof text), BULLA_OK);
        assert_string_equal(text, shapes[i]);
    }
    assert_int_equal(opened_leaves(), 0);
}

/* Trees by hand, wrong in one thing each; 32 bytes of commitment or tag are written as C and T. */
static void malformed_trees_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum bulla_reason reason;
        size_t size;
        const char *bytes;
    } wrong[] = {
#define C                                                                                                              \
    "\x58\x20"                                                                                                         \
    "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"
#define LEAF                                                                                                           \
    "\x82\x63"                                                                                                         \
    "one"                                                                                                              \
    "\x41"                                                                                                             \
    "b"
#define TREE(name, reason, bytes) {name, reason, sizeof bytes - 1, bytes}
        TREE("sound, but for its hashes", BULLA_AUTHENTICATION, "\x83\x01\x82" C LEAF C),
        TREE("a map", BULLA_MALFORMED, "\xa1\x01\x01"),
        TREE("version 2", BULLA_UNSUPPORTED, "\x83\x02\x82" C LEAF C),
        TREE("a tag of 31 bytes", BULLA_MALFORMED,
            "\x83\x01\x82" C LEAF "\x58\x1f"
            "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"),
        TREE("a commitment of 1 byte", BULLA_MALFORMED,
            "\x83\x01\x82"
            "\x41"
            "C" LEAF C),
        TREE("an empty blob", BULLA_MALFORMED,
            "\x83\x01\x82" C "\x82\x63"
            "one"
            "\x40" C),
        TREE("an unknown scheme", BULLA_LEAF_UNKNOWN,
            "\x83\x01\x82" C "\x82\x63"
            "oni"
            "\x41"
            "b" C),
        TREE("a threshold of 0", BULLA_MALFORMED, "\x83\x01\x82" C "\x82\x00\x81\x82" C LEAF C),
        TREE("a threshold above the parts", BULLA_MALFORMED, "\x83\x01\x82" C "\x82\x02\x81\x82" C LEAF C),
        TREE("a gate without parts", BULLA_MALFORMED, "\x83\x01\x82" C "\x82\x01\x80" C),
        TREE("a leaf of three", BULLA_MALFORMED,
            "\x83\x01\x82" C "\x83\x63"
            "one"
            "\x41"
            "b"
            "\x01" C),
        TREE("a part of three", BULLA_MALFORMED, "\x83\x01\x83" C LEAF "\x01" C),
        TREE("a leaf where a part belongs", BULLA_MALFORMED, "\x83\x01\x82" C "\x82\x01\x81" LEAF C),
        TREE("a long head", BULLA_NOT_CANONICAL, "\x83\x18\x01\x82" C LEAF C),
#undef C
#undef LEAF
#undef TREE
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        enum bulla_reason reason = open_tree((struct bulla_bytes){(const uint8_t *)wrong[i].bytes, wrong[i].size});
        if (reason != wrong[i].reason)
            fail_msg("%s: %s (%s)", wrong[i].name, bulla_reason_code(reason), bulla_detail());
    }
}

static void gates_deeper_than_four_are_refused(void **state)
{
    (void)state;
    for (unsigned depth = 4; depth <= 5; depth++) {
        uint8_t memory[512];
        struct bulla_writer writer;
        struct bulla_tree_shape shape;
        static const uint8_t hash[34] = {0x58, 0x20};
        bulla_writer_open(&writer, memory, sizeof memory);
        bulla_write(&writer, "\x83\x01", 2);
        for (unsigned gate = 0; gate < depth; gate++) {
            bulla_write(&writer, "\x82", 1);
            bulla_write(&writer, hash, sizeof hash);
            bulla_write(&writer, "\x82\x01\x81", 3);
        }
        bulla_write(&writer, "\x82", 1);
        bulla_write(&writer, hash, sizeof hash);
        bulla_write(&writer, "\x82\x63one\x41z", 7);
        bulla_write(&writer, hash, sizeof hash);
        assert_int_equal(bulla_tree_shape_read(bulla_writer_bytes(&writer), &shape) == BULLA_OK, depth == 4);
    }
}

static void a_pins_tree_takes_the_pin_once(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool allowed;
    } trees[] = {
        {"passphrase", true},
        {"1 of (passphrase, one)", true},
        {"2 of (attesting, passphrase)", false},
        {"1 of (passphrase, 2 of (one, passphrase))", false},
        {"2 of (passphrase, three)", false},
    };
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
        struct bulla_leaf_request place = {.purpose = BULLA_LEAF_OF_PIN,
            .token = "token",
            .object = "a role", /* the security officer's as well as the user's */
            .quick = true,
            .passphrase = BULLA_TEXT("1234")};
        struct bulla_tree_shape shape;
        struct bulla_writer writer;
        assert_int_equal(bulla_tree_parse(trees[i].text, &shape), BULLA_OK);
        bulla_writer_open(&writer, sealed_memory, sizeof sealed_memory);
        assert_int_equal(
            bulla_tree_seal(&shape, &place, secret, &writer), trees[i].allowed ? BULLA_OK : BULLA_ARGUMENT);
        assert_int_equal(writer.size == 0, !trees[i].allowed);
        place.purpose = BULLA_LEAF_UNSET;
        assert_int_equal(bulla_tree_seal(&shape, &place, secret, &writer), BULLA_ARGUMENT);
        place.purpose = BULLA_LEAF_OF_OBJECT; /* an object's tree may */
        assert_int_equal(bulla_tree_seal(&shape, &place, secret, &writer), BULLA_OK);
    }
}

/* Each leaf that takes the passphrase is opened with it, the others are left alone, whatever the gates would need. */
static void a_passphrase_is_checked_at_each_of_its_leaves(void **state)
{
    (void)state;
    const struct bulla_leaf_request place = request();
    struct bulla_bytes sealed = seal("1 of (one, 2 of (two, three), three, attesting)");
    assert_int_equal(bulla_tree_passphrase_check(sealed, &place), BULLA_OK);
    assert_int_equal(fake_leaves[FAKE_THREE].opened, 2);
    assert_int_equal(opened_leaves(), 2);
    fake_leaves[FAKE_THREE].refuses = BULLA_PASSPHRASE_WRONG;
    assert_int_equal(bulla_tree_passphrase_check(sealed, &place), BULLA_PASSPHRASE_WRONG);
    fake_leaves_reset();
    fake_leaves[FAKE_THREE].wrong_share = true;
    assert_int_equal(bulla_tree_passphrase_check(sealed, &place), BULLA_SHARE_WRONG);
    fake_leaves_reset();
    assert_int_equal(bulla_tree_passphrase_check(seal("2 of (one, attesting)"), &place), BULLA_OK);
    assert_int_equal(opened_leaves(), 0);
    sealed.size--;
    assert_int_not_equal(bulla_tree_passphrase_check(sealed, &place), BULLA_OK);
}

static void a_buffer_that_is_too_small_is_refused(void **state)
{
    (void)state;
    size_t needed = seal("2 of (one, two)").size;
    const struct bulla_leaf_request place = request();
    struct bulla_tree_shape shape;
    assert_int_equal(bulla_tree_parse("2 of (one, two)", &shape), BULLA_OK);
    for (size_t size = 0; size <= needed; size++) {
        struct bulla_writer writer;
        bulla_writer_open(&writer, sealed_memory, size);
        assert_int_equal(
            bulla_tree_seal(&shape, &place, secret, &writer), size == needed ? BULLA_OK : BULLA_BUFFER_SMALL);
    }
}

static void a_leaf_that_does_not_seal_leaves_nothing_behind(void **state)
{
    (void)state;
    static const struct {
        enum bulla_reason answers;
        int padding;
        enum bulla_reason reason;
    } leaves[] = {
        {BULLA_TPM_UNREACHABLE, 0, BULLA_TPM_UNREACHABLE},
        {BULLA_BUFFER_SMALL, 0, BULLA_BUFFER_SMALL},
        {BULLA_OK, -1, BULLA_INTERNAL},
        {BULLA_OK, BULLA_LEAF_BLOB_LARGEST, BULLA_INTERNAL},
    };
    const struct bulla_leaf_request place = request();
    struct bulla_tree_shape shape;
    assert_int_equal(bulla_tree_parse("2 of (one, two)", &shape), BULLA_OK);
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        struct bulla_writer writer;
        fake_seal_reason = leaves[i].answers;
        fake_seal_padding = leaves[i].padding;
        bulla_writer_open(&writer, sealed_memory, sizeof sealed_memory);
        bulla_write_u8(&writer, 0x55);
        assert_int_equal(bulla_tree_seal(&shape, &place, secret, &writer), leaves[i].reason);
        assert_int_equal(writer.size, 1);
    }
}

/* Five leaves of 4000 bytes are more than a tree has, whatever the buffer. */
static void a_tree_that_would_be_too_large_is_refused(void **state)
{
    (void)state;
    static uint8_t large[2 * BULLA_TREE_LARGEST];
    const struct bulla_leaf_request place = request();
    for (unsigned leaves = 4; leaves <= 5; leaves++) {
        struct bulla_tree_shape shape;
        struct bulla_writer writer;
        fake_seal_padding = 3900;
        assert_int_equal(
            bulla_tree_parse(leaves == 4 ? "1 of (one,one,one,one)" : "1 of (one,one,one,one,one)", &shape), BULLA_OK);
        bulla_writer_open(&writer, large, sizeof large);
        assert_int_equal(bulla_tree_seal(&shape, &place, secret, &writer), leaves == 4 ? BULLA_OK : BULLA_TOO_LARGE);
        assert_int_equal(writer.size == 0, leaves == 5);
    }
}

/* A real leaf beside the fakes: the whole of it with Argon2id. */
static void a_passphrase_opens_its_part_of_a_tree(void **state)
{
    (void)state;
    struct bulla_leaf_request place = request();
    struct bulla_tree_shape shape;
    struct bulla_writer writer;
    uint8_t opened[32];
    place.passphrase = BULLA_TEXT("open sesame");
    assert_int_equal(bulla_tree_parse("2 of (one, passphrase)", &shape), BULLA_OK);
    bulla_writer_open(&writer, sealed_memory, sizeof sealed_memory);
    assert_int_equal(bulla_tree_seal(&shape, &place, secret, &writer), BULLA_OK);
    assert_int_equal(bulla_tree_open(bulla_writer_bytes(&writer), &place, opened), BULLA_OK);
    assert_memory_equal(opened, secret, 32);
    place.passphrase = BULLA_TEXT("open barley");
    assert_int_equal(bulla_tree_open(bulla_writer_bytes(&writer), &place, opened), BULLA_PASSPHRASE_WRONG);
    assert_memory_equal(opened, zero, 32);
    place.passphrase = (struct bulla_bytes){NULL, 0};
    assert_int_equal(bulla_tree_open(bulla_writer_bytes(&writer), &place, opened), BULLA_PASSPHRASE_NEEDED);
    writer.size = 0;
    assert_int_equal(bulla_tree_seal(&shape, &place, secret, &writer), BULLA_PASSPHRASE_NEEDED);
    assert_int_equal(writer.size, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(trees_open_exactly_for_the_sets_that_satisfy_them),
        TEST(wrong_shares_neither_open_nor_spoil_a_tree),
        TEST(a_single_failing_leaf_keeps_its_reason),
        TEST(several_failing_leaves_are_all_listed),
        TEST(a_long_list_of_failures_is_cut_and_not_overrun),
        TEST(a_wrong_share_is_named_with_its_path),
        TEST(no_leaf_is_tried_that_cannot_matter),
        TEST(leaves_learn_their_path),
        TEST(every_changed_byte_is_refused),
        TEST(every_shorter_or_longer_tree_is_refused),
        TEST(a_tree_belongs_to_its_token_and_object),
        TEST(a_sealed_tree_tells_its_shape),
        TEST(malformed_trees_are_refused),
        TEST(gates_deeper_than_four_are_refused),
        TEST(a_pins_tree_takes_the_pin_once),
        TEST(a_passphrase_is_checked_at_each_of_its_leaves),
        TEST(a_buffer_that_is_too_small_is_refused),
        TEST(a_leaf_that_does_not_seal_leaves_nothing_behind),
        TEST(a_tree_that_would_be_too_large_is_refused),
        TEST(a_passphrase_opens_its_part_of_a_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
