/* The header is walked twice: once by the JSON reader, which knows the grammar, once by the entries below, which know
 * what a tensor is. Then the tensors are put into the order of their data, where a hole, an overlap and a shared offset
 * all show as a tensor that does not begin where the one before it ended; and last into the order of their names, where
 * a name that comes twice lies beside itself.
 *
 * Sorting is a heapsort of our own: the C library's takes memory from the heap for arrays of this size. */
#include "safetensors.h"

#include <string.h>

#include "error.h"
#include "json_reader.h"

enum { HEADER_MAX = 100000000, LENGTH_SIZE = BULLA_WEIGHTS_BEGIN };

/* By enum bulla_tensor_type. */
static const struct {
    const char *name;
    size_t size;
} types[] = {
    [BULLA_TENSOR_BOOL] = {"BOOL", 1},
    [BULLA_TENSOR_U8] = {"U8", 1},
    [BULLA_TENSOR_I8] = {"I8", 1},
    [BULLA_TENSOR_F8_E4M3] = {"F8_E4M3", 1},
    [BULLA_TENSOR_F8_E5M2] = {"F8_E5M2", 1},
    [BULLA_TENSOR_I16] = {"I16", 2},
    [BULLA_TENSOR_U16] = {"U16", 2},
    [BULLA_TENSOR_F16] = {"F16", 2},
    [BULLA_TENSOR_BF16] = {"BF16", 2},
    [BULLA_TENSOR_I32] = {"I32", 4},
    [BULLA_TENSOR_U32] = {"U32", 4},
    [BULLA_TENSOR_F32] = {"F32", 4},
    [BULLA_TENSOR_I64] = {"I64", 8},
    [BULLA_TENSOR_U64] = {"U64", 8},
    [BULLA_TENSOR_F64] = {"F64", 8},
};
enum { TYPES = sizeof types / sizeof types[0] };

/* A file in hand: its header's JSON, where its data lies, and where a refusal goes. */
struct reading {
    const struct bulla_model_file *file;
    struct bulla_json header;
    size_t data_begin, data_size;
    struct bulla_inference_error *error;
};

#define MALFORMED(reading, format, ...)                                                                                \
    bulla_inference_refuse(                                                                                            \
        (reading)->error, BULLA_INFERENCE_MALFORMED, "%s: " format, (reading)->file->name, ##__VA_ARGS__)
#define NAME(tensor) (int)(tensor)->name_size, (tensor)->name

static uint64_t read_length(const uint8_t bytes[static LENGTH_SIZE])
{
    uint64_t length = 0;
    for (int i = LENGTH_SIZE - 1; i >= 0; i--)
        length = length << 8 | bytes[i];
    return length;
}

uint64_t bulla_weights_header(const uint8_t begin[static BULLA_WEIGHTS_BEGIN])
{
    uint64_t length = read_length(begin);
    return length > UINT64_MAX - LENGTH_SIZE ? UINT64_MAX : LENGTH_SIZE + length;
}

static bool open_header(struct reading *reading)
{
    const struct bulla_model_file *file = reading->file;
    if (file->size < LENGTH_SIZE)
        return MALFORMED(reading, "shorter than the length of its header");
    uint64_t length = read_length(file->data);
    if (length > HEADER_MAX)
        return bulla_inference_refuse(reading->error, BULLA_INFERENCE_TOO_LARGE, "%s: a header of %llu bytes, above %d",
            file->name, (unsigned long long)length, (int)HEADER_MAX);
    if (length > file->size - LENGTH_SIZE)
        return MALFORMED(reading, "a header of %llu bytes in a file of %zu", (unsigned long long)length, file->size);
    const uint8_t *header = file->data + LENGTH_SIZE;
    reading->data_begin = LENGTH_SIZE + (size_t)length;
    reading->data_size = file->size - reading->data_begin;
    if (length == 0 || header[0] != '{')
        return MALFORMED(reading, "the header does not begin with {");
    const char *wrong;
    size_t where;
    if (!bulla_json_open(header, (size_t)length, &reading->header, &wrong, &where))
        return MALFORMED(reading, "byte %zu of the header: %s", where, wrong);
    for (const uint8_t *at = reading->header.end; at < header + length; at++)
        if (*at != ' ')
            return MALFORMED(reading, "something other than spaces after the header");
    return true;
}

static bool check_metadata(const struct reading *reading, struct bulla_json metadata)
{
    struct bulla_json value;
    if (bulla_json_kind(metadata) != BULLA_JSON_OBJECT)
        return MALFORMED(reading, "__metadata__ is not an object");
    for (struct bulla_json_walk walk = bulla_json_walk(metadata); bulla_json_next(&walk, NULL, &value);)
        if (bulla_json_kind(value) != BULLA_JSON_STRING)
            return MALFORMED(reading, "__metadata__ holds something other than text");
    return true;
}

static bool read_name(const struct reading *reading, struct bulla_json key, struct bulla_tensor *tensor)
{
    if (!bulla_json_text_view(key, &tensor->name, &tensor->name_size))
        return bulla_inference_refuse(reading->error, BULLA_INFERENCE_UNSUPPORTED,
            "%s: a tensor's name is written with an escape", reading->file->name);
    if (tensor->name_size > BULLA_TENSOR_NAME_MAX)
        return bulla_inference_refuse(reading->error, BULLA_INFERENCE_TOO_LARGE,
            "%s: a tensor's name of %zu bytes, above %d", reading->file->name, tensor->name_size,
            (int)BULLA_TENSOR_NAME_MAX);
    return true;
}

static bool read_type(const struct reading *reading, struct bulla_json value, struct bulla_tensor *tensor)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (bulla_json_text_is(value, types[i].name)) {
            tensor->type = (enum bulla_tensor_type)i;
            return true;
        }
    }
    return MALFORMED(reading, "tensor %.*s: an unknown dtype", NAME(tensor));
}

static bool read_shape(const struct reading *reading, struct bulla_json value, struct bulla_tensor *tensor)
{
    struct bulla_json extent;
    tensor->rank = 0;
    if (bulla_json_kind(value) != BULLA_JSON_ARRAY)
        return MALFORMED(reading, "tensor %.*s: shape is not an array", NAME(tensor));
    for (struct bulla_json_walk walk = bulla_json_walk(value); bulla_json_next(&walk, NULL, &extent); tensor->rank++) {
        if (tensor->rank == BULLA_TENSOR_RANK_MAX)
            return bulla_inference_refuse(reading->error, BULLA_INFERENCE_TOO_LARGE,
                "%s: tensor %.*s: more than %d dimensions", reading->file->name, NAME(tensor),
                (int)BULLA_TENSOR_RANK_MAX);
        if (!bulla_json_whole(extent, &tensor->shape[tensor->rank]))
            return MALFORMED(reading, "tensor %.*s: shape is not of whole numbers", NAME(tensor));
    }
    return true;
}

static bool read_offsets(const struct reading *reading, struct bulla_json value, struct bulla_tensor *tensor)
{
    struct bulla_json offset;
    uint64_t offsets[2];
    size_t count = 0;
    for (struct bulla_json_walk walk = bulla_json_walk(value); bulla_json_next(&walk, NULL, &offset); count++)
        if (count == 2 || walk.members || !bulla_json_whole(offset, &offsets[count]))
            return MALFORMED(reading, "tensor %.*s: data_offsets are not two whole numbers", NAME(tensor));
    if (count != 2)
        return MALFORMED(reading, "tensor %.*s: data_offsets are not two whole numbers", NAME(tensor));
    if (offsets[1] < offsets[0] || offsets[1] > reading->data_size)
        return MALFORMED(reading, "tensor %.*s: data_offsets outside the data", NAME(tensor));
    tensor->offset = reading->data_begin + (size_t)offsets[0];
    tensor->size = (size_t)(offsets[1] - offsets[0]);
    return true;
}

/* An extent of 0 makes the product 0 whatever follows; the others must not overflow even so. */
static bool check_size(const struct reading *reading, const struct bulla_tensor *tensor)
{
    uint64_t size = types[tensor->type].size;
    bool empty = false;
    for (unsigned i = 0; i < tensor->rank; i++) {
        empty = empty || tensor->shape[i] == 0;
        if (__builtin_mul_overflow(size, tensor->shape[i] ? tensor->shape[i] : 1, &size))
            return MALFORMED(reading, "tensor %.*s: its shape overflows", NAME(tensor));
    }
    if (tensor->size != (empty ? 0 : size))
        return MALFORMED(reading, "tensor %.*s: %zu bytes do not fit its shape and dtype", NAME(tensor), tensor->size);
    return true;
}

static const struct field {
    const char *name;
    bool (*read)(const struct reading *reading, struct bulla_json value, struct bulla_tensor *tensor);
} fields[] = {{"dtype", read_type}, {"shape", read_shape}, {"data_offsets", read_offsets}};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static const struct field *field_of(struct bulla_json key)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (bulla_json_text_is(key, fields[i].name))
            return &fields[i];
    return NULL;
}

static bool read_tensor(
    const struct reading *reading, struct bulla_json name, struct bulla_json entry, struct bulla_tensor *tensor)
{
    unsigned seen = 0;
    struct bulla_json key, value;
    if (!read_name(reading, name, tensor))
        return false;
    if (bulla_json_kind(entry) != BULLA_JSON_OBJECT)
        return MALFORMED(reading, "tensor %.*s is not an object", NAME(tensor));
    for (struct bulla_json_walk walk = bulla_json_walk(entry); bulla_json_next(&walk, &key, &value);) {
        const struct field *field = field_of(key);
        if (!field)
            return MALFORMED(reading, "tensor %.*s: an unknown key", NAME(tensor));
        unsigned bit = 1U << (field - fields);
        if (seen & bit)
            return MALFORMED(reading, "tensor %.*s: %s twice", NAME(tensor), field->name);
        seen |= bit;
        if (!field->read(reading, value, tensor))
            return false;
    }
    if (seen != (1U << FIELDS) - 1)
        return MALFORMED(reading, "tensor %.*s: dtype, shape or data_offsets is missing", NAME(tensor));
    return check_size(reading, tensor);
}

/* Walks the header; with `tensors` NULL it only counts. */
static bool read_tensors(const struct reading *reading, struct bulla_tensor *tensors, size_t capacity, size_t *count)
{
    struct bulla_json name, entry;
    bool metadata = false;
    *count = 0;
    for (struct bulla_json_walk walk = bulla_json_walk(reading->header); bulla_json_next(&walk, &name, &entry);) {
        if (bulla_json_text_is(name, "__metadata__")) {
            if (metadata)
                return MALFORMED(reading, "__metadata__ twice");
            metadata = true;
            if (!check_metadata(reading, entry))
                return false;
            continue;
        }
        if (*count == BULLA_TENSORS_MAX)
            return bulla_inference_refuse(reading->error, BULLA_INFERENCE_TOO_LARGE, "%s: more than %d tensors",
                reading->file->name, (int)BULLA_TENSORS_MAX);
        if (tensors && *count == capacity)
            return bulla_inference_refuse(
                reading->error, BULLA_INFERENCE_ARGUMENT, "%s: more tensors than room", reading->file->name);
        if (tensors && !read_tensor(reading, name, entry, &tensors[*count]))
            return false;
        ++*count;
    }
    return true;
}

typedef int compare_tensors(const struct bulla_tensor *a, const struct bulla_tensor *b);

static int compare_names(const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

static int by_name(const struct bulla_tensor *a, const struct bulla_tensor *b)
{
    return compare_names(a->name, a->name_size, b->name, b->name_size);
}

static int by_place(const struct bulla_tensor *a, const struct bulla_tensor *b)
{
    int order = (a->offset > b->offset) - (a->offset < b->offset);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Lets tensors[root] sink until none of its children below `count` is greater. */
static void sink(struct bulla_tensor *tensors, size_t root, size_t count, compare_tensors *compare)
{
    for (size_t child = 2 * root + 1; child < count; root = child, child = 2 * root + 1) {
        if (child + 1 < count && compare(&tensors[child], &tensors[child + 1]) < 0)
            child++;
        if (compare(&tensors[root], &tensors[child]) >= 0)
            return;
        struct bulla_tensor moved = tensors[root];
        tensors[root] = tensors[child];
        tensors[child] = moved;
    }
}

static void sort(struct bulla_tensor *tensors, size_t count, compare_tensors *compare)
{
    for (size_t i = count / 2; i-- > 0;)
        sink(tensors, i, count, compare);
    for (size_t last = count; last-- > 1;) {
        struct bulla_tensor greatest = tensors[0];
        tensors[0] = tensors[last];
        tensors[last] = greatest;
        sink(tensors, 0, last, compare);
    }
}

/* The tensors, in the order of their data, must cover all of it, each once. */
static bool check_places(const struct reading *reading, struct bulla_tensor *tensors, size_t count)
{
    size_t next = reading->data_begin;
    sort(tensors, count, by_place);
    for (size_t i = 0; i < count; i++) {
        if (tensors[i].offset != next)
            return MALFORMED(reading, "tensor %.*s does not begin where the one before it ends", NAME(&tensors[i]));
        if (i > 0 && tensors[i].offset == tensors[i - 1].offset)
            return MALFORMED(
                reading, "tensors %.*s and %.*s begin at one offset", NAME(&tensors[i - 1]), NAME(&tensors[i]));
        next += tensors[i].size;
    }
    if (next != reading->file->size)
        return MALFORMED(reading, "bytes after the last tensor");
    return true;
}

static bool check_names(const struct reading *reading, struct bulla_tensor *tensors, size_t count)
{
    sort(tensors, count, by_name);
    for (size_t i = 1; i < count; i++)
        if (by_name(&tensors[i - 1], &tensors[i]) == 0)
            return MALFORMED(reading, "tensor %.*s twice", NAME(&tensors[i]));
    return true;
}

bool bulla_safetensors_count(const struct bulla_model_file *file, size_t *count, struct bulla_inference_error *error)
{
    struct reading reading = {.file = file, .error = error};
    return open_header(&reading) && read_tensors(&reading, NULL, 0, count);
}

bool bulla_safetensors_open(const struct bulla_model_file *file, struct bulla_tensor *tensors, size_t capacity,
    size_t *count, struct bulla_inference_error *error)
{
    struct reading reading = {.file = file, .error = error};
    return open_header(&reading) && read_tensors(&reading, tensors, capacity, count) &&
           check_places(&reading, tensors, *count) && check_names(&reading, tensors, *count);
}

const struct bulla_tensor *bulla_safetensors_find(const struct bulla_tensor *tensors, size_t count, const char *name)
{
    size_t size = strlen(name);
    for (size_t low = 0, high = count; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = compare_names(name, size, tensors[middle].name, tensors[middle].name_size);
        if (order == 0)
            return &tensors[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const char *bulla_tensor_type_name(enum bulla_tensor_type type)
{
    return (size_t)type < TYPES ? types[type].name : "unknown";
}

size_t bulla_tensor_type_size(enum bulla_tensor_type type)
{
    return (size_t)type < TYPES ? types[type].size : 0;
}
