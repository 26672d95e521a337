/* The one table of mechanisms agrees with itself: what C_GetMechanismInfo says of a row is what the row can do. */
#include <stdlib.h>

#include "mech/mechanism.h"
#include "support/test.h"

static const struct bulla_mechanism *const *rows;
static size_t count;

static const struct {
    CK_FLAGS flag;
    enum bulla_function function;
} processed[] = {
    {CKF_ENCRYPT, BULLA_ENCRYPT},
    {CKF_DECRYPT, BULLA_DECRYPT},
    {CKF_DIGEST, BULLA_DIGEST},
    {CKF_SIGN, BULLA_SIGN},
    {CKF_VERIFY, BULLA_VERIFY},
    {CKF_SIGN_RECOVER, BULLA_SIGN_RECOVER},
    {CKF_VERIFY_RECOVER, BULLA_VERIFY_RECOVER},
    {CKF_MESSAGE_ENCRYPT, BULLA_MESSAGE_ENCRYPT},
    {CKF_MESSAGE_DECRYPT, BULLA_MESSAGE_DECRYPT},
    {CKF_WRAP, BULLA_ENCRYPT},
    {CKF_UNWRAP, BULLA_DECRYPT},
};

#define EXPECT(condition, row, what)                                                                                   \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail_msg("%s: %s", (row)->name, what);                                                                     \
    } while (0)

static void every_mechanism_stands_once(void **state)
{
    (void)state;
    assert_true(count > 0);
    for (size_t i = 1; i < count; i++)
        EXPECT(rows[i - 1]->type < rows[i]->type, rows[i], "stands twice");
    for (size_t i = 0; i < count; i++) {
        assert_non_null(rows[i]->name);
        EXPECT(strncmp(rows[i]->name, "CKM_", 4) == 0, rows[i], "is not called by its name");
        assert_ptr_equal(bulla_mechanism_find(rows[i]->type), rows[i]);
    }
    assert_null(bulla_mechanism_find(CKM_VENDOR_DEFINED | 0x12345));
}

static void a_flag_stands_for_what_the_row_can_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct bulla_mechanism *row = rows[i];
        bool used[BULLA_FUNCTIONS] = {false};
        for (size_t j = 0; j < sizeof processed / sizeof processed[0]; j++) {
            if (!(row->info.flags & processed[j].flag))
                continue;
            used[processed[j].function] = true;
            EXPECT(row->processors[processed[j].function], row, "has a flag without a processor");
        }
        for (int j = 0; j < BULLA_FUNCTIONS; j++)
            EXPECT(used[j] || !row->processors[j], row, "has a processor without a flag");
        EXPECT(!(row->info.flags & CKF_GENERATE) == !row->generate, row, "CKF_GENERATE");
        EXPECT(!(row->info.flags & CKF_GENERATE_KEY_PAIR) == !row->generate_pair, row, "CKF_GENERATE_KEY_PAIR");
        EXPECT(!(row->info.flags & CKF_DERIVE) == !row->derive, row, "CKF_DERIVE");
        EXPECT(!(row->info.flags & CKF_ENCAPSULATE) == !row->encapsulate, row, "CKF_ENCAPSULATE");
        EXPECT(!(row->info.flags & CKF_DECAPSULATE) == !row->decapsulate, row, "CKF_DECAPSULATE");
        EXPECT(!row->encapsulate == !row->encapsulation_size, row, "does not say how long a ciphertext is");
    }
}

static void processors_are_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < count; i++)
        for (int j = 0; j < BULLA_FUNCTIONS; j++) {
            const struct bulla_processor *processor = rows[i]->processors[j];
            if (!processor)
                continue;
            bool verifies = j == BULLA_VERIFY, messages = j == BULLA_MESSAGE_ENCRYPT || j == BULLA_MESSAGE_DECRYPT;
            EXPECT(messages   ? processor->message_begin && processor->message_data
                   : verifies ? processor->verify || (processor->update && processor->verify_finish)
                              : processor->whole || (processor->update && processor->finish),
                rows[i], "has a processor that does nothing");
            EXPECT(verifies || processor->bound, rows[i], "does not say how much it gives");
            EXPECT(!processor->update || (verifies ? processor->verify_finish != NULL : processor->finish != NULL),
                rows[i], "has parts that do not end");
        }
}

static void every_key_has_a_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct bulla_key_rule *rule = rows[i]->keys;
        EXPECT(rule || (rows[i]->info.flags & ~(CK_FLAGS)CKF_DIGEST) == 0, rows[i], "has no rule of keys");
        for (unsigned j = 0; rule && j < rule->count; j++) {
            const struct bulla_key_kind *kind = bulla_key_kind_find(rule->types[j]);
            EXPECT(kind && kind->name && kind->open, rows[i], "names a type of key that has no kind");
            EXPECT(rule->pair ? kind->private_needs != NULL : kind->secret_needs != NULL, rows[i], "class of its keys");
        }
        EXPECT(!rule || rule->count > 0, rows[i], "has an empty rule of keys");
    }
}

/* A library that is new enough brings all of them (newer_openssl.sh sets the variable). */
static void what_a_newer_library_brings_is_there(void **state)
{
    (void)state;
    bool newer = getenv("BULLA_TEST_NEWER_OPENSSL") != NULL;
    for (size_t i = 0; bulla_families[i]; i++) {
        const struct bulla_family *family = bulla_families[i];
        for (size_t j = 0; j < family->count; j++) {
            const struct bulla_mechanism *row = bulla_mechanism_find(family->mechanisms[j].type);
            EXPECT(row == (bulla_family_present(family) ? &family->mechanisms[j] : NULL), &family->mechanisms[j],
                "stands in the table though its family is absent, or the other way round");
        }
        for (size_t j = 0; j < family->kind_count; j++)
            assert_ptr_equal(
                bulla_key_kind_find(family->kinds[j].type), bulla_family_present(family) ? &family->kinds[j] : NULL);
        if (newer)
            assert_true(bulla_family_present(family));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mechanism_stands_once),
        cmocka_unit_test(a_flag_stands_for_what_the_row_can_do),
        cmocka_unit_test(processors_are_whole),
        cmocka_unit_test(every_key_has_a_kind),
        cmocka_unit_test(what_a_newer_library_brings_is_there),
    };
    bulla_mechanisms_sort();
    rows = bulla_mechanisms(&count);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
