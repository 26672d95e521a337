/* The index of objects: whatever is put in, replaced and taken out, it finds what a look at every object finds. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/index.h"

enum { LARGEST = 400, ROUNDS = 20000, OWNERS = 5, TEXTS = 12 };

/* splitmix64, as its authors publish it: any other generator would do. */
static uint64_t state_of_random = 0x696e646578;
static uint64_t next_random(void)
{
    uint64_t z = state_of_random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}
static size_t below(size_t bound)
{
    return (size_t)(next_random() % bound);
}

/* What the index should hold: a flat list of the test's own, with a reference to each object. */
static struct bulla_object *model[LARGEST];
static size_t model_count;

/* An object with a label and a CKA_ID, either NULL for none. */
static struct bulla_object *make(const char *label, const char *id, CK_SESSION_HANDLE owner)
{
    static const CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    struct bulla_attribute_list list = {0};
    assert_true(bulla_list_put(&list, CKA_CLASS, (struct bulla_bytes){(const uint8_t *)&class, sizeof class}));
    if (label)
        assert_true(bulla_list_put(&list, CKA_LABEL, BULLA_TEXT(label)));
    if (id)
        assert_true(bulla_list_put(&list, CKA_ID, BULLA_TEXT(id)));
    struct bulla_attributes *attributes = bulla_attributes_make(&list);
    assert_non_null(attributes);
    struct bulla_object *object = bulla_object_make(attributes);
    assert_non_null(object);
    for (int i = 0; i < 16; i++)
        object->id[i] = (uint8_t)next_random();
    object->owner = owner;
    return object;
}

/* Texts that are shared by many, the empty one among them, and one longer than what is hashed of it. */
static const char *some_text(void)
{
    static char text[128];
    size_t number = below(TEXTS);
    if (number == 0)
        return NULL;
    if (number == 1)
        return "";
    (void)snprintf(text, sizeof text, number < 4 ? "%090d%zu" : "text %d, %zu", 0, number);
    return text;
}

static void put_in_model(struct bulla_object *object)
{
    for (size_t i = 0; i < model_count; i++)
        if (model[i]->handle == object->handle) {
            bulla_object_drop(model[i]);
            model[i] = bulla_object_keep(object);
            return;
        }
    assert_true(model_count < LARGEST);
    model[model_count++] = bulla_object_keep(object);
}

static void remove_from_model(size_t at)
{
    bulla_object_drop(model[at]);
    model[at] = model[--model_count];
}

static bool has(const struct bulla_object *object, CK_ATTRIBUTE_TYPE type, const char *text)
{
    struct bulla_bytes value = bulla_attributes_get(object->attributes, type);
    return value.data && bulla_bytes_equal_text(value, text);
}

/* Every match of the model is met by the walk, once, and by no other object than those of the index. */
static void assert_walk_finds(
    const struct bulla_index *index, enum bulla_index_key key, CK_ATTRIBUTE_TYPE type, const char *text)
{
    struct bulla_index_walk walk = bulla_index_with(index, key, BULLA_TEXT(text));
    const struct bulla_object *object;
    size_t met = 0, expected = 0;
    while ((object = bulla_index_step(&walk))) {
        assert_ptr_equal(bulla_index_find(index, object->handle), object);
        met += has(object, type, text);
    }
    for (size_t i = 0; i < model_count; i++)
        expected += has(model[i], type, text);
    assert_int_equal(met, expected);
}

static void assert_owners(const struct bulla_index *index, CK_SESSION_HANDLE owner)
{
    struct bulla_index_walk walk =
        bulla_index_with(index, BULLA_INDEX_OWNER, (struct bulla_bytes){(const uint8_t *)&owner, sizeof owner});
    const struct bulla_object *object;
    size_t met = 0, expected = 0;
    while ((object = bulla_index_step(&walk)))
        met += object->owner == owner;
    for (size_t i = 0; i < model_count; i++)
        expected += model[i]->owner == owner;
    assert_int_equal(met, owner ? expected : 0); /* objects of the token are in no chain of owners */
}

static void assert_is_the_model(const struct bulla_index *index)
{
    assert_int_equal(index->count, model_count);
    CK_OBJECT_HANDLE last = 0;
    for (size_t i = 0; i < index->count; i++) {
        assert_true(index->objects[i]->handle > last);
        assert_ptr_equal(bulla_index_next(index, last), index->objects[i]);
        last = index->objects[i]->handle;
    }
    assert_null(bulla_index_next(index, last));
    for (size_t i = 0; i < model_count; i++) {
        assert_ptr_equal(bulla_index_find(index, model[i]->handle), model[i]);
        assert_ptr_equal(bulla_index_find_id(index, model[i]->id), model[i]);
    }
    for (int i = 0; i < TEXTS; i++) {
        const char *text = some_text();
        if (!text)
            continue;
        assert_walk_finds(index, BULLA_INDEX_LABEL, CKA_LABEL, text);
        assert_walk_finds(index, BULLA_INDEX_ID, CKA_ID, text);
    }
    for (CK_SESSION_HANDLE owner = 0; owner <= OWNERS; owner++)
        assert_owners(index, owner);
}

static void put(struct bulla_index *index, CK_OBJECT_HANDLE handle)
{
    const char *label = some_text();
    char copy[128];
    if (label)
        (void)snprintf(copy, sizeof copy, "%s", label);
    struct bulla_object *object = make(label ? copy : NULL, some_text(), below(3) ? 0 : 1 + below(OWNERS));
    object->handle = handle;
    assert_true(bulla_index_put(index, bulla_object_keep(object)));
    put_in_model(object);
    bulla_object_drop(object);
}

static void change(struct bulla_index *index)
{
    size_t at = model_count ? below(model_count) : 0;
    CK_SESSION_HANDLE owner = 1 + below(OWNERS);
    switch (below(200) == 0 ? 3 : below(model_count < LARGEST / 2 ? 4 : 6) % 3) {
    case 0:
        if (model_count < LARGEST)
            put(index, 0);
        return;
    case 1:
        if (model_count)
            put(index, model[at]->handle);
        return;
    case 2:
        if (!model_count)
            return;
        bulla_index_remove(index, model[at]->handle);
        remove_from_model(at);
        return;
    default:
        bulla_index_clear(index, owner);
        for (size_t i = model_count; i-- > 0;)
            if (model[i]->owner == owner)
                remove_from_model(i);
    }
}

static void clear(struct bulla_index *index)
{
    bulla_index_free(index);
    while (model_count)
        remove_from_model(model_count - 1);
}

static void what_is_found_is_what_a_look_at_all_finds(void **state)
{
    (void)state;
    struct bulla_index index = {0};
    assert_is_the_model(&index);
    for (int i = 0; i < ROUNDS; i++) {
        change(&index);
        if (i % 50 == 0)
            assert_is_the_model(&index);
    }
    assert_is_the_model(&index);
    bulla_index_clear(&index, 0);
    assert_int_equal(index.count, 0);
    for (size_t i = 0; i < model_count; i++) {
        assert_int_equal(atomic_load(&model[i]->references), 1); /* the index gave all of its own back */
        for (int key = 0; key < BULLA_INDEX_KEYS; key++)
            assert_null(model[i]->links[key].from);
    }
    clear(&index);
}

static void a_removed_handle_is_removed_once(void **state)
{
    (void)state;
    struct bulla_index index = {0};
    struct bulla_object *object = bulla_object_keep(make("a", "b", 0));
    bulla_index_remove(&index, 1);
    assert_true(bulla_index_put(&index, object));
    bulla_index_remove(&index, object->handle + 1);
    assert_int_equal(index.count, 1);
    bulla_index_remove(&index, object->handle);
    bulla_index_remove(&index, object->handle);
    assert_int_equal(index.count, 0);
    assert_null(bulla_index_find_id(&index, object->id));
    assert_int_equal(atomic_load(&object->references), 1);
    bulla_object_drop(object);
    bulla_index_free(&index);
}

static void of_two_with_one_id_the_later_is_found(void **state)
{
    (void)state;
    struct bulla_index index = {0};
    struct bulla_object *first = make("a", NULL, 0), *second = make("b", NULL, 0);
    memcpy(second->id, first->id, 16);
    assert_true(bulla_index_put(&index, first) && bulla_index_put(&index, second));
    assert_ptr_equal(bulla_index_find_id(&index, first->id), second);
    bulla_index_remove(&index, second->handle);
    assert_ptr_equal(bulla_index_find_id(&index, first->id), first);
    bulla_index_free(&index);
}

/* All in the one chain that a label has, all owned by one session: more than are removed one by one. */
static void thousands_of_one_label_come_and_go(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    struct bulla_index index = {0};
    for (int i = 0; i < MANY; i++)
        assert_true(bulla_index_put(&index, make("the same", NULL, i % 2 ? 7 : 0)));
    struct bulla_index_walk walk = bulla_index_with(&index, BULLA_INDEX_LABEL, BULLA_TEXT("the same"));
    size_t met = 0;
    while (bulla_index_step(&walk))
        met++;
    assert_int_equal(met, MANY);
    bulla_index_clear(&index, 7);
    assert_int_equal(index.count, MANY / 2);
    for (size_t i = 0; i < index.count; i++)
        assert_int_equal(index.objects[i]->owner, 0);
    bulla_index_clear(&index, 8); /* who owns nothing loses nothing */
    assert_int_equal(index.count, MANY / 2);
    bulla_index_free(&index);
}

static void the_shorter_of_two_walks_is_taken(void **state)
{
    (void)state;
    struct bulla_index index = {0};
    for (int i = 0; i < 500; i++)
        assert_true(bulla_index_put(&index, make("common", i == 250 ? "rare" : "frequent", 0)));
    struct bulla_index_walk common = bulla_index_with(&index, BULLA_INDEX_LABEL, BULLA_TEXT("common"));
    struct bulla_index_walk rare = bulla_index_with(&index, BULLA_INDEX_ID, BULLA_TEXT("rare"));
    struct bulla_index_walk orders[2] = {bulla_index_shorter(common, rare), bulla_index_shorter(rare, common)};
    for (int i = 0; i < 2; i++) {
        size_t met = 0;
        while (bulla_index_step(&orders[i]))
            met++;
        assert_int_equal(met, 1);
    }
    bulla_index_free(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_found_is_what_a_look_at_all_finds),
        cmocka_unit_test(a_removed_handle_is_removed_once),
        cmocka_unit_test(of_two_with_one_id_the_later_is_found),
        cmocka_unit_test(thousands_of_one_label_come_and_go),
        cmocka_unit_test(the_shorter_of_two_walks_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
