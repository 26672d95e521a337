/* Every kind of malformed file by itself, beside a well-formed one that differs in nothing else. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inference/safetensors.h"

static struct bulla_inference_error refusal;
static struct bulla_tensor tensors[BULLA_TENSORS_MAX];

static void put_length(uint8_t *file, uint64_t length)
{
    for (int i = 0; i < 8; i++)
        file[i] = (uint8_t)(length >> 8 * i);
}

/* A file of that header and so many bytes of data (0, 1, 2 …), at an odd address so that nothing is aligned. The exact
 * end of the allocation is the end of the file. */
struct built {
    uint8_t *base;
    struct bulla_model_file file;
};
static struct built build(const char *header, size_t header_size, size_t data_size)
{
    struct built built = {.base = malloc(1 + 8 + header_size + data_size)};
    uint8_t *file = built.base + 1;
    put_length(file, header_size);
    memcpy(file + 8, header, header_size);
    for (size_t i = 0; i < data_size; i++)
        file[8 + header_size + i] = (uint8_t)i;
    built.file = (struct bulla_model_file){"model.safetensors", file, 8 + header_size + data_size};
    return built;
}

static bool opens(const char *header, size_t header_size, size_t data_size)
{
    size_t count;
    struct built built = build(header, header_size, data_size);
    memset(&refusal, 0, sizeof refusal);
    bool good = bulla_safetensors_open(&built.file, tensors, BULLA_TENSORS_MAX, &count, &refusal);
    assert_true(good == (refusal.reason == BULLA_INFERENCE_OK));
    free(built.base);
    return good;
}

static void tensors_are_found_by_name(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[1,13]},"
        "\"a\":{\"shape\":[1],\"data_offsets\":[0,1],\"dtype\":\"U8\"},"
        "\"ab\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[13,21]}}  ";
    struct built built = build(header, sizeof header - 1, 21);
    size_t count;
    assert_true(bulla_safetensors_count(&built.file, &count, &refusal));
    assert_int_equal(count, 3);
    if (!bulla_safetensors_open(&built.file, tensors, count, &count, &refusal))
        fail_msg("%s", refusal.text);
    assert_int_equal(count, 3);
    const struct bulla_tensor *b = bulla_safetensors_find(tensors, count, "b");
    assert_non_null(b);
    assert_int_equal(b->type, BULLA_TENSOR_F16);
    assert_int_equal(b->rank, 2);
    assert_int_equal(b->shape[0], 2);
    assert_int_equal(b->shape[1], 3);
    assert_int_equal(b->size, 12);
    assert_int_equal(built.file.data[b->offset], 1);
    assert_memory_equal(b->name, "b", b->name_size);
    const struct bulla_tensor *scalar = bulla_safetensors_find(tensors, count, "ab");
    assert_non_null(scalar);
    assert_int_equal(scalar->rank, 0);
    assert_int_equal(built.file.data[scalar->offset], 13);
    assert_non_null(bulla_safetensors_find(tensors, count, "a"));
    assert_null(bulla_safetensors_find(tensors, count, "c"));
    assert_null(bulla_safetensors_find(tensors, count, ""));
    free(built.base);
}

#define T(name, type, shape, begin, end)                                                                               \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":[" shape "],\"data_offsets\":[" #begin "," #end "]}"

static const struct {
    const char *what, *header;
    size_t data;
    enum bulla_inference_reason reason;
} files[] = {
    {"nothing", "{}", 0, BULLA_INFERENCE_OK},
    {"one tensor", "{" T("a", "F32", "2", 0, 8) "}", 8, BULLA_INFERENCE_OK},
    {"two tensors", "{" T("a", "F32", "2", 0, 8) "," T("b", "U8", "1", 8, 9) "}", 9, BULLA_INFERENCE_OK},
    {"two, listed backwards", "{" T("b", "U8", "1", 8, 9) "," T("a", "F32", "2", 0, 8) "}", 9, BULLA_INFERENCE_OK},
    {"an unaligned tensor", "{" T("a", "U8", "1", 0, 1) "," T("b", "F32", "2", 1, 9) "}", 9, BULLA_INFERENCE_OK},
    {"an empty tensor at the end", "{" T("a", "U8", "1", 0, 1) "," T("b", "F32", "0", 1, 1) "}", 1, BULLA_INFERENCE_OK},
    {"eight dimensions", "{" T("a", "U8", "1,1,1,1,1,1,1,1", 0, 1) "}", 1, BULLA_INFERENCE_OK},
    {"spaces after the header", "{}    ", 0, BULLA_INFERENCE_OK},
    {"metadata of text", "{\"__metadata__\":{\"a\":\"b\"}}", 0, BULLA_INFERENCE_OK},

    {"a hole", "{" T("a", "U8", "1", 0, 1) "," T("b", "U8", "1", 2, 3) "}", 3, BULLA_INFERENCE_MALFORMED},
    {"an overlap", "{" T("a", "U8", "2", 0, 2) "," T("b", "U8", "2", 1, 3) "}", 3, BULLA_INFERENCE_MALFORMED},
    {"an overlap that a hole makes up for",
        "{" T("a", "U8", "2", 0, 2) "," T("b", "U8", "1", 1, 2) "," T("c", "U8", "1", 3, 4) "}", 4,
        BULLA_INFERENCE_MALFORMED},
    {"the same bytes twice", "{" T("a", "U8", "2", 0, 2) "," T("b", "U8", "2", 0, 2) "}", 2, BULLA_INFERENCE_MALFORMED},
    {"a tensor inside another", "{" T("a", "U8", "4", 0, 4) "," T("b", "U8", "1", 1, 2) "}", 4,
        BULLA_INFERENCE_MALFORMED},
    {"bytes after the last tensor", "{" T("a", "U8", "1", 0, 1) "}", 2, BULLA_INFERENCE_MALFORMED},
    {"data without a tensor", "{}", 1, BULLA_INFERENCE_MALFORMED},
    {"a first offset that is not 0", "{" T("a", "U8", "1", 1, 2) "}", 2, BULLA_INFERENCE_MALFORMED},
    {"an end before the begin", "{" T("a", "U8", "1", 1, 0) "}", 1, BULLA_INFERENCE_MALFORMED},
    {"an end behind the data", "{" T("a", "U8", "2", 0, 2) "}", 1, BULLA_INFERENCE_MALFORMED},
    {"an end of 2^64 - 1", "{" T("a", "U8", "1", 0, 18446744073709551615) "}", 1, BULLA_INFERENCE_MALFORMED},
    {"too few bytes for the shape", "{" T("a", "F32", "2", 0, 4) "}", 4, BULLA_INFERENCE_MALFORMED},
    {"too many bytes for the shape", "{" T("a", "F32", "2", 0, 12) "}", 12, BULLA_INFERENCE_MALFORMED},
    {"too many bytes for the type", "{" T("a", "F16", "2", 0, 8) "}", 8, BULLA_INFERENCE_MALFORMED},
    {"bytes in an empty tensor", "{" T("a", "F32", "0", 0, 4) "}", 4, BULLA_INFERENCE_MALFORMED},
    {"a shape that overflows to 0", "{" T("a", "F32", "4294967296,4294967296", 0, 0) "}", 0, BULLA_INFERENCE_MALFORMED},
    {"a shape that overflows by its type", "{" T("a", "F32", "4611686018427387905", 0, 4) "}", 4,
        BULLA_INFERENCE_MALFORMED},
    {"an overflow hidden behind a 0", "{" T("a", "U8", "0,4294967296,4294967296", 0, 0) "}", 0,
        BULLA_INFERENCE_MALFORMED},
    {"an extent above 2^64", "{" T("a", "U8", "18446744073709551617", 0, 1) "}", 1, BULLA_INFERENCE_MALFORMED},
    {"a negative extent", "{" T("a", "U8", "-1", 0, 1) "}", 1, BULLA_INFERENCE_MALFORMED},
    {"an extent with a fraction", "{" T("a", "U8", "1.0", 0, 1) "}", 1, BULLA_INFERENCE_MALFORMED},
    {"nine dimensions", "{" T("a", "U8", "1,1,1,1,1,1,1,1,1", 0, 1) "}", 1, BULLA_INFERENCE_TOO_LARGE},
    {"a name twice", "{" T("a", "U8", "1", 0, 1) "," T("a", "U8", "1", 1, 2) "}", 2, BULLA_INFERENCE_MALFORMED},
    {"a name written with an escape", "{" T("\\u0061", "U8", "1", 0, 1) "}", 1, BULLA_INFERENCE_UNSUPPORTED},
    {"two empty tensors at one offset", "{" T("a", "U8", "0", 0, 0) "," T("b", "U8", "0", 0, 0) "}", 0,
        BULLA_INFERENCE_MALFORMED},
    {"an empty tensor before another", "{" T("a", "U8", "0", 0, 0) "," T("b", "U8", "1", 0, 1) "}", 1,
        BULLA_INFERENCE_MALFORMED},
    {"an unknown type", "{" T("a", "F31", "1", 0, 4) "}", 4, BULLA_INFERENCE_MALFORMED},
    {"an unknown key", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":1}}", 1,
        BULLA_INFERENCE_MALFORMED},
    {"a key twice", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"dtype\":\"U8\"}}", 1,
        BULLA_INFERENCE_MALFORMED},
    {"no type", "{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, BULLA_INFERENCE_MALFORMED},
    {"no shape", "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, BULLA_INFERENCE_MALFORMED},
    {"no offsets", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, BULLA_INFERENCE_MALFORMED},
    {"one offset", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1, BULLA_INFERENCE_MALFORMED},
    {"three offsets", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,1]}}", 1,
        BULLA_INFERENCE_MALFORMED},
    {"offsets in an object", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":{\"b\":0,\"e\":1}}}", 1,
        BULLA_INFERENCE_MALFORMED},
    {"offsets of text", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[\"0\",\"1\"]}}", 1,
        BULLA_INFERENCE_MALFORMED},
    {"a shape of text", "{" T("a", "U8", "\"1\"", 0, 1) "}", 1, BULLA_INFERENCE_MALFORMED},
    {"a shape that is a number", "{\"a\":{\"dtype\":\"U8\",\"shape\":1,\"data_offsets\":[0,1]}}", 1,
        BULLA_INFERENCE_MALFORMED},
    {"a type that is a number", "{\"a\":{\"dtype\":8,\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
        BULLA_INFERENCE_MALFORMED},
    {"a tensor that is no object", "{\"a\":[1]}", 1, BULLA_INFERENCE_MALFORMED},
    {"metadata that is no object", "{\"__metadata__\":\"pt\"}", 0, BULLA_INFERENCE_MALFORMED},
    {"metadata that is no text", "{\"__metadata__\":{\"a\":1}}", 0, BULLA_INFERENCE_MALFORMED},
    {"metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}", 0, BULLA_INFERENCE_MALFORMED},
    {"a header that is an array", "[]", 0, BULLA_INFERENCE_MALFORMED},
    {"a space before the header", " {}", 0, BULLA_INFERENCE_MALFORMED},
    {"a line end after the header", "{}\n", 0, BULLA_INFERENCE_MALFORMED},
    {"something after the header", "{}{}", 0, BULLA_INFERENCE_MALFORMED},
    {"no JSON", "{a}", 0, BULLA_INFERENCE_MALFORMED},
    {"no UTF-8", "{\"__metadata__\":{\"a\":\"\xFF\"}}", 0, BULLA_INFERENCE_MALFORMED},
    {"an empty header", "", 0, BULLA_INFERENCE_MALFORMED},
};

static void each_kind_of_file_is_judged_by_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        bool good = opens(files[i].header, strlen(files[i].header), files[i].data);
        if (good != (files[i].reason == BULLA_INFERENCE_OK) || refusal.reason != files[i].reason)
            fail_msg("%s: %s (reason %d, not %d)", files[i].what, good ? "accepted" : refusal.text, (int)refusal.reason,
                (int)files[i].reason);
        assert_true(good || strncmp(refusal.text, "model.safetensors: ", 19) == 0);
    }
}

static void zeros_after_the_header_are_refused(void **state)
{
    (void)state;
    assert_true(opens("{}  ", 4, 0));
    assert_false(opens("{}\0\0", 4, 0));
    assert_int_equal(refusal.reason, BULLA_INFERENCE_MALFORMED);
}

static void a_length_beyond_the_file_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint64_t length;
        enum bulla_inference_reason reason;
    } lengths[] = {{3, BULLA_INFERENCE_MALFORMED}, {100000000, BULLA_INFERENCE_MALFORMED},
        {100000001, BULLA_INFERENCE_TOO_LARGE}, {UINT64_C(1) << 63, BULLA_INFERENCE_TOO_LARGE},
        {UINT64_MAX, BULLA_INFERENCE_TOO_LARGE}, {UINT64_MAX - 7, BULLA_INFERENCE_TOO_LARGE}};
    size_t count;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct built built = build("{}", 2, 0);
        put_length(built.base + 1, lengths[i].length);
        assert_false(bulla_safetensors_open(&built.file, tensors, BULLA_TENSORS_MAX, &count, &refusal));
        assert_int_equal(refusal.reason, lengths[i].reason);
        assert_false(bulla_safetensors_count(&built.file, &count, &refusal));
        free(built.base);
    }
}

static void every_cut_of_a_file_is_refused(void **state)
{
    (void)state;
    static const char header[] = "{" T("a", "F32", "2", 0, 8) "}";
    struct built built = build(header, sizeof header - 1, 8);
    size_t count;
    for (size_t size = 0; size < built.file.size; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        memcpy(copy, built.file.data, size);
        struct bulla_model_file cut = {"model.safetensors", copy, size};
        assert_false(bulla_safetensors_open(&cut, tensors, BULLA_TENSORS_MAX, &count, &refusal));
        assert_int_equal(refusal.reason, BULLA_INFERENCE_MALFORMED);
        free(copy);
    }
    free(built.base);
}

/* `count` tensors of one byte each; the names' order is not the data's. */
static char *long_header(size_t count, size_t *size)
{
    char *header = malloc(count * 80 + 2);
    *size = 0;
    for (size_t i = 0; i < count; i++)
        *size +=
            (size_t)sprintf(header + *size, "%c\"t%zu\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%zu,%zu]}",
                i ? ',' : '{', i * 7919 % count, i, i + 1);
    header[(*size)++] = '}';
    return header;
}

static void the_most_tensors_are_sorted_and_found(void **state)
{
    (void)state;
    size_t size, count;
    char *header = long_header(BULLA_TENSORS_MAX, &size);
    struct built built = build(header, size, BULLA_TENSORS_MAX);
    if (!bulla_safetensors_open(&built.file, tensors, BULLA_TENSORS_MAX, &count, &refusal))
        fail_msg("%s", refusal.text);
    for (size_t i = 0; i < BULLA_TENSORS_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t%zu", i * 7919 % BULLA_TENSORS_MAX);
        const struct bulla_tensor *tensor = bulla_safetensors_find(tensors, count, name);
        assert_non_null(tensor);
        assert_int_equal(built.file.data[tensor->offset], i & 0xFF);
    }
    assert_false(bulla_safetensors_open(&built.file, tensors, BULLA_TENSORS_MAX - 1, &count, &refusal));
    assert_int_equal(refusal.reason, BULLA_INFERENCE_ARGUMENT);
    free(built.base);
    free(header);
}

static void a_hundred_thousand_entries_are_refused_fast(void **state)
{
    (void)state;
    size_t size;
    char *header = long_header(100000, &size);
    clock_t before = clock();
    assert_false(opens(header, size, 100000));
    assert_int_equal(refusal.reason, BULLA_INFERENCE_TOO_LARGE);
    assert_true((double)(clock() - before) / CLOCKS_PER_SEC < 1);
    free(header);
}

static void a_long_name_is_refused(void **state)
{
    (void)state;
    char header[512];
    for (int size = BULLA_TENSOR_NAME_MAX; size <= BULLA_TENSOR_NAME_MAX + 1; size++) {
        (void)snprintf(
            header, sizeof header, "{\"%0*d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", size, 0);
        assert_true(opens(header, strlen(header), 1) == (size <= BULLA_TENSOR_NAME_MAX));
    }
    assert_int_equal(refusal.reason, BULLA_INFERENCE_TOO_LARGE);
}

static void types_have_names_and_sizes(void **state)
{
    (void)state;
    assert_string_equal(bulla_tensor_type_name(BULLA_TENSOR_BF16), "BF16");
    assert_int_equal(bulla_tensor_type_size(BULLA_TENSOR_BF16), 2);
    assert_int_equal(bulla_tensor_type_size(BULLA_TENSOR_F64), 8);
    assert_string_equal(bulla_tensor_type_name((enum bulla_tensor_type)99), "unknown");
    assert_int_equal(bulla_tensor_type_size((enum bulla_tensor_type)99), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_found_by_name),
        cmocka_unit_test(each_kind_of_file_is_judged_by_itself),
        cmocka_unit_test(zeros_after_the_header_are_refused),
        cmocka_unit_test(a_length_beyond_the_file_is_refused),
        cmocka_unit_test(every_cut_of_a_file_is_refused),
        cmocka_unit_test(the_most_tensors_are_sorted_and_found),
        cmocka_unit_test(a_hundred_thousand_entries_are_refused_fast),
        cmocka_unit_test(a_long_name_is_refused),
        cmocka_unit_test(types_have_names_and_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
