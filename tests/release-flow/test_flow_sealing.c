/* Sealing through C_Encrypt: what gives a file that opens, and what is refused. */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model.h"

static int set_up(void **state)
{
    (void)state;
    flow_begin(FLOW_PLAIN, "");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    return 0;
}

static void assert_opens(CK_OBJECT_HANDLE key, const struct flow_sealed *sealed)
{
    flow_put(key, sealed->bytes, sealed->size);
    assert_ok(flow_run(key));
}

static void updates_of_any_size_give_files_that_open(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 3, 4097, 65537, 0};
    struct flow_archive archive = flow_archive_tiny();
    struct flow_sealed sealed;
    CK_OBJECT_HANDLE key = 0;
    size_t size = 0;
    assert_ok(flow_key_make("tiny", NULL, NULL, &key));
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_ok(flow_seal(key, &archive, steps[i], &sealed));
        assert_int_equal(flow_ulong(key, CKA_BULLA_GENERATION), i + 1);
        assert_int_equal(flow_ulong(key, CKA_BULLA_DIMENSION), 16);
        assert_true(size == 0 || size == sealed.size);
        size = sealed.size;
        assert_opens(key, &sealed);
        flow_sealed_free(&sealed);
    }
    flow_archive_free(&archive);
}

static void several_chunks_open_whatever_the_updates(void **state)
{
    (void)state;
    static const size_t steps[] = {1 << 20, (1 << 20) + 1, 999983, 0};
    struct flow_archive archive = flow_archive_large();
    struct flow_sealed sealed;
    CK_OBJECT_HANDLE key = 0;
    assert_true(archive.size > 3 << 20);
    assert_ok(flow_key_make("large", NULL, NULL, &key));
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_ok(flow_seal(key, &archive, steps[i], &sealed));
        assert_opens(key, &sealed);
        flow_sealed_free(&sealed);
    }
    flow_archive_free(&archive);
}

/* Output of an update is at most its input, a chunk and 8 KiB: what a client may rely on. */
static void output_never_exceeds_what_was_promised(void **state)
{
    (void)state;
    struct flow_archive archive = flow_archive_large();
    CK_MECHANISM mechanism = {CKM_BULLA_SEAL, NULL, 0};
    CK_OBJECT_HANDLE key = 0;
    const size_t step = 700001;
    uint8_t *out = malloc(step + (1 << 20) + 8192);
    assert_non_null(out);
    assert_ok(flow_key_make("large", NULL, NULL, &key));
    assert_ok(flow.p11->C_EncryptInit(flow.session, &mechanism, key));
    for (size_t done = 0; done < archive.size; done += step) {
        CK_ULONG part = archive.size - done < step ? archive.size - done : step, size = part + (1 << 20) + 8192;
        assert_ok(flow.p11->C_EncryptUpdate(flow.session, archive.bytes + done, part, out, &size));
    }
    CK_ULONG size = step + (1 << 20) + 8192;
    assert_ok(flow.p11->C_EncryptFinal(flow.session, out, &size));
    free(out);
    flow_archive_free(&archive);
}

/* The last line of the audit log about this event. */
static json_t *logged(const char *event)
{
    char path[128];
    size_t size = 0;
    json_t *last = NULL;
    test_folder_join(path, sizeof path, flow.token, "audit.jsonl");
    char *log = (char *)test_file_read(path, &size), *rest = NULL;
    assert_non_null(log);
    for (char *line = strtok_r(log, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        json_t *entry = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(entry);
        bool wanted = strcmp(json_string_value(json_object_get(entry, "event")), event) == 0;
        json_decref(wanted ? last : entry);
        last = wanted ? entry : last;
    }
    free(log);
    assert_non_null(last);
    return last;
}

/* A label has no zero behind it where it is kept, whatever its length. */
static void the_log_names_what_was_sealed_and_its_generation(void **state)
{
    (void)state;
    static const char whole[] = "sixteen-letters.and-as-many-more";
    struct flow_archive archive = flow_archive_tiny();
    struct flow_sealed sealed;
    for (size_t size = 1; size < sizeof whole; size++) {
        char label[sizeof whole] = "";
        CK_OBJECT_HANDLE key = 0;
        memcpy(label, whole, size);
        assert_ok(flow_key_make(label, NULL, NULL, &key));
        assert_ok(flow_seal(key, &archive, 0, &sealed));
        flow_sealed_free(&sealed);
        json_t *line = logged("sealed");
        assert_string_equal(json_string_value(json_object_get(line, "model")), label);
        assert_int_equal(json_integer_value(json_object_get(line, "generation")), 1);
        assert_null(json_object_get(line, "sequence"));
        json_decref(line);
    }
    flow_archive_free(&archive);
}

static void the_log_says_how_a_sealed_model_pools(void **state)
{
    (void)state;
    static const char declared[] = "{\"word_embedding_dimension\":16,\"pooling_mode_mean_tokens\":true}";
    static const char *const pooling[] = {"mean (assumed)", "mean"};
    struct tiny_model *model = tiny_make(1, 2, 16, 32, "F32", "");
    CK_OBJECT_HANDLE key = 0;
    assert_ok(flow_key_make("tiny", NULL, NULL, &key));
    for (size_t i = 0; i < 2; i++) {
        struct flow_archive archive = flow_archive_of(&model->files);
        struct flow_sealed sealed;
        assert_ok(flow_seal(key, &archive, 0, &sealed));
        flow_sealed_free(&sealed);
        flow_archive_free(&archive);
        json_t *line = logged("sealed");
        assert_string_equal(json_string_value(json_object_get(line, "pooling")), pooling[i]);
        json_decref(line);
        model->list[3] = model->list[2];
        model->list[2] =
            (struct bulla_model_file){"1_Pooling/config.json", (const uint8_t *)declared, sizeof declared - 1};
        model->files.count = 4;
    }
    tiny_free(model);
}

/* --- what is refused; the key stays as it was, and seals afterwards --- */

static CK_RV seal_changed(CK_OBJECT_HANDLE key, const struct flow_archive *archive)
{
    struct flow_sealed sealed;
    CK_RV rv = flow_seal(key, archive, 4096, &sealed);
    flow_sealed_free(&sealed);
    return rv;
}

static void a_wrong_archive_is_refused_and_the_key_still_seals(void **state)
{
    (void)state;
    struct flow_archive archive = flow_archive_tiny();
    CK_OBJECT_HANDLE key = 0;
    assert_ok(flow_key_make("tiny", NULL, NULL, &key));

    archive.bytes[archive.size - 1] ^= 1; /* the weights' last byte: their hash is wrong */
    assert_refused(seal_changed(key, &archive), CKR_DATA_INVALID, "model-malformed");
    archive.bytes[archive.size - 1] ^= 1;
    archive.bytes[4 + archive.manifest_size] ^= 1; /* config.json's first byte */
    assert_refused(seal_changed(key, &archive), CKR_DATA_INVALID, "model-malformed");
    archive.bytes[4 + archive.manifest_size] ^= 1;

    archive.size--;
    assert_refused(seal_changed(key, &archive), CKR_DATA_INVALID, "truncated");
    archive.size = 4 + archive.manifest_size - 1; /* within the manifest */
    assert_refused(seal_changed(key, &archive), CKR_DATA_INVALID, "truncated");
    archive.size = 3; /* within the manifest's size */
    assert_refused(seal_changed(key, &archive), CKR_DATA_INVALID, "truncated");
    archive.size = 0;
    assert_refused(seal_changed(key, &archive), CKR_DATA_INVALID, "truncated");

    CK_ATTRIBUTE generation = {CKA_BULLA_GENERATION, NULL, 0}; /* there is none before the first sealing */
    assert_int_equal(flow.p11->C_GetAttributeValue(flow.session, key, &generation, 1), CKR_ATTRIBUTE_TYPE_INVALID);
    assert_refused(flow_run(key), CKR_FUNCTION_FAILED, "model-missing");
    flow_archive_free(&archive);
    archive = flow_archive_tiny();
    uint8_t *longer = realloc(archive.bytes, archive.size + 1);
    assert_non_null(longer);
    archive.bytes = longer;
    archive.bytes[archive.size++] = 0;
    assert_refused(seal_changed(key, &archive), CKR_DATA_INVALID, "trailing-bytes");
    archive.size--;
    assert_ok(seal_changed(key, &archive));
    assert_int_equal(flow_ulong(key, CKA_BULLA_GENERATION), 1);
    flow_archive_free(&archive);
}

/* An archive whose manifest is these bytes. */
static CK_RV seal_manifest(CK_OBJECT_HANDLE key, struct bulla_bytes manifest)
{
    struct flow_archive archive = {.bytes = malloc(4 + manifest.size + 64), .size = 4 + manifest.size + 64};
    struct bulla_writer writer;
    assert_non_null(archive.bytes);
    bulla_writer_open(&writer, archive.bytes, archive.size);
    bulla_write_u32(&writer, (uint32_t)manifest.size);
    bulla_write_bytes(&writer, manifest);
    memset(archive.bytes + writer.size, 0, archive.size - writer.size);
    CK_RV rv = seal_changed(key, &archive);
    flow_archive_free(&archive);
    return rv;
}

struct entry {
    const char *name;
    uint64_t size;
    size_t digest_size;
};

/* { "files": [entries], "version": version } */
static struct bulla_bytes manifest_of(const struct entry *entries, size_t count, uint64_t version)
{
    static uint8_t bytes[40000];
    static const uint8_t digest[64] = {0};
    struct bulla_writer writer;
    bulla_writer_open(&writer, bytes, sizeof bytes);
    bulla_cbor_write_map(&writer, 2);
    bulla_cbor_write_tstr(&writer, "files");
    bulla_cbor_write_array(&writer, count);
    for (size_t i = 0; i < count; i++) {
        bulla_cbor_write_array(&writer, 3);
        bulla_cbor_write_tstr(&writer, entries[i].name);
        bulla_cbor_write_uint(&writer, entries[i].size);
        bulla_cbor_write_bstr(&writer, (struct bulla_bytes){digest, entries[i].digest_size});
    }
    bulla_cbor_write_tstr(&writer, "version");
    bulla_cbor_write_uint(&writer, version);
    assert_int_equal(bulla_writer_finish(&writer, "a manifest"), BULLA_OK);
    return bulla_writer_bytes(&writer);
}

static void malformed_manifests_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct entry entry;
        uint64_t version;
        const char *reason;
        CK_RV code;
    } rows[] = {
        {{"config.json", 2, 31}, 1, "model-malformed", CKR_DATA_INVALID},
        {{"../config.json", 2, 32}, 1, "model-malformed", CKR_DATA_INVALID},
        {{"/etc/passwd", 2, 32}, 1, "model-malformed", CKR_DATA_INVALID},
        {{"a/../b", 2, 32}, 1, "model-malformed", CKR_DATA_INVALID},
        {{"a//b", 2, 32}, 1, "model-malformed", CKR_DATA_INVALID},
        {{"a\nb", 2, 32}, 1, "model-malformed", CKR_DATA_INVALID},
        {{"", 2, 32}, 1, "model-malformed", CKR_DATA_INVALID},
        {{"config.json", UINT64_MAX, 32}, 1, "too-large", CKR_DATA_LEN_RANGE},
        {{"config.json", 2, 32}, 2, "malformed", CKR_DATA_INVALID},
        {{"config.json", 2, 32}, 0, "malformed", CKR_DATA_INVALID},
    };
    CK_OBJECT_HANDLE key = 0;
    assert_ok(flow_key_make("tiny", NULL, NULL, &key));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct flow_refusal before, after;
        flow_why(&before);
        CK_RV rv = seal_manifest(key, manifest_of(&rows[i].entry, 1, rows[i].version));
        flow_why(&after);
        if (rv != rows[i].code || after.line == before.line || strcmp(after.reason, rows[i].reason) != 0)
            print_error("row %zu: 0x%lx %s\n", i, rv, after.reason);
        assert_int_equal(rv, rows[i].code);
        assert_string_equal(after.reason, rows[i].reason);
        assert_true(after.line > before.line);
    }
    struct entry many[65];
    char names[65][8];
    for (unsigned i = 0; i < 65; i++) {
        (void)snprintf(names[i], sizeof names[i], "f%u", i);
        many[i] = (struct entry){names[i], 0, 32};
    }
    assert_refused(seal_manifest(key, manifest_of(many, 65, 1)), CKR_DATA_INVALID, "model-malformed");
    assert_refused(seal_manifest(key, manifest_of(many, 0, 1)), CKR_DATA_INVALID, "model-malformed");
    many[1].name = names[0];
    assert_refused(seal_manifest(key, manifest_of(many, 2, 1)), CKR_DATA_INVALID, "duplicate");
    assert_refused(seal_manifest(key, BULLA_TEXT("\xa0")), CKR_DATA_INVALID, "malformed");
    assert_refused(seal_manifest(key, BULLA_TEXT("\xbf\xff")), CKR_DATA_INVALID, "not-canonical");
    assert_refused(seal_manifest(key, BULLA_TEXT("a")), CKR_DATA_INVALID, "truncated");
    static uint8_t large[32769];
    assert_refused(seal_manifest(key, BULLA_BYTES(large)), CKR_DATA_INVALID, "model-malformed");
    assert_refused(seal_manifest(key, (struct bulla_bytes){large, 0}), CKR_DATA_INVALID, "model-malformed");
}

/* --- models that it cannot run --- */

static CK_RV seal_model(CK_OBJECT_HANDLE key, const struct tiny_model *model)
{
    struct flow_archive archive = flow_archive_of(&model->files);
    CK_RV rv = seal_changed(key, &archive);
    flow_archive_free(&archive);
    return rv;
}

static void an_unsupported_architecture_is_named(void **state)
{
    (void)state;
    struct tiny_model *model = tiny_make(1, 2, 16, 32, "F32", "");
    struct flow_refusal why;
    CK_OBJECT_HANDLE key = 0;
    char other[512];
    (void)snprintf(other, sizeof other, "%s", model->config);
    memcpy(strstr(other, "BertModel"), "GptsModel", 9);
    model->list[0].data = (const uint8_t *)other;
    assert_ok(flow_key_make("gpt", NULL, NULL, &key));
    assert_refused(seal_model(key, model), CKR_DATA_INVALID, "model-unsupported");
    flow_why(&why);
    assert_non_null(strstr(why.detail, "GptsModel"));
    tiny_free(model);
}

static void an_incomplete_model_is_refused(void **state)
{
    (void)state;
    struct tiny_model *model = tiny_make(1, 2, 16, 32, "F32", "");
    CK_OBJECT_HANDLE key = 0;
    assert_ok(flow_key_make("part", NULL, NULL, &key));
    model->files.count = 2; /* no weights */
    assert_refused(seal_model(key, model), CKR_DATA_INVALID, "model-malformed");
    model->files = (struct bulla_model_files){model->list + 1, 2}; /* no config.json */
    assert_refused(seal_model(key, model), CKR_DATA_INVALID, "model-malformed");
    model->files = (struct bulla_model_files){model->list, 3};
    struct bulla_model_file weights = model->list[2];
    model->list[2] = model->list[0]; /* config.json behind the weights */
    model->list[0] = weights;
    assert_refused(seal_model(key, model), CKR_DATA_INVALID, "model-malformed");
    tiny_free(model);
}

/* --- the calls themselves --- */

static void sealing_takes_no_parameter_and_not_in_place(void **state)
{
    (void)state;
    struct flow_archive archive = flow_archive_tiny();
    CK_OBJECT_HANDLE key = 0;
    unsigned char parameter = 0;
    CK_MECHANISM mechanism = {CKM_BULLA_SEAL, &parameter, 1};
    assert_ok(flow_key_make("tiny", NULL, NULL, &key));
    assert_refused(flow.p11->C_EncryptInit(flow.session, &mechanism, key), CKR_MECHANISM_PARAM_INVALID, "argument");
    mechanism = (CK_MECHANISM){CKM_BULLA_SEAL, NULL, 0};
    size_t room = archive.size + (2 << 20);
    uint8_t *same = malloc(room);
    assert_non_null(same);
    memcpy(same, archive.bytes, archive.size);
    CK_ULONG size = room;
    assert_ok(flow.p11->C_EncryptInit(flow.session, &mechanism, key));
    assert_refused(
        flow.p11->C_EncryptUpdate(flow.session, same, archive.size, same, &size), CKR_ARGUMENTS_BAD, "argument");
    free(same);
    flow_archive_free(&archive);
}

/* Of two sealings at once the one that ends last does not take the key's generation back. */
static void a_sealing_that_was_overtaken_is_refused(void **state)
{
    (void)state;
    CK_MECHANISM mechanism = {CKM_BULLA_SEAL, NULL, 0};
    struct flow_archive archive = flow_archive_tiny();
    struct flow_sealed sealed;
    struct flow_refusal why;
    CK_SESSION_HANDLE slow = 0;
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG size = archive.size + (2 << 20), room = size, sealings = 0;
    uint8_t *out = malloc(size);
    assert_non_null(out);
    assert_ok(flow_key_make("tiny", NULL, NULL, &key));
    assert_ok(flow.p11->C_OpenSession(flow.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &slow));
    for (CK_ULONG quicker = 1; quicker < 3; quicker++) { /* one as high as its own, then a higher one */
        assert_ok(flow.p11->C_EncryptInit(slow, &mechanism, key));
        size = room;
        assert_ok(flow.p11->C_EncryptUpdate(slow, archive.bytes, archive.size, out, &size));
        for (CK_ULONG i = 0; i < quicker; i++, sealings++) {
            assert_ok(flow_seal(key, &archive, 0, &sealed));
            flow_put(key, sealed.bytes, sealed.size);
            flow_sealed_free(&sealed);
        }
        size = room;
        assert_refused(flow.p11->C_EncryptFinal(slow, out, &size), CKR_FUNCTION_REJECTED, "model-older-generation");
        flow_why(&why);
        assert_non_null(strstr(why.detail, "sealed meanwhile"));
        assert_int_equal(flow_ulong(key, CKA_BULLA_GENERATION), sealings);
        assert_ok(flow_run(key));
    }
    free(out);
    flow_archive_free(&archive);
}

static size_t resident(void)
{
    char text[128] = "";
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long all = 0, pages = 0;
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    (void)fclose(file);
    char *rest = NULL;
    all = strtoul(text, &rest, 10);
    pages = strtoul(rest, NULL, 10);
    assert_true(all >= pages);
    return pages * 4096;
}

/* The header of a weights file: the model's tensors, all of them zeros and its words as many as `rows`. Gives the size
 * of what is behind it. */
static size_t write_header_of_zeros(const struct tiny_model *model, size_t rows, struct bulla_writer *writer)
{
    size_t data = 0, start = writer->size, used = 0;
    char text[8192];
    for (size_t i = 0; i < model->count; i++) {
        const struct tiny_tensor *tensor = &model->tensors[i];
        size_t first = strstr(tensor->name, "word_embeddings") ? rows : tensor->shape[0];
        size_t size = first * (tensor->rank == 2 ? tensor->shape[1] : 1) * sizeof(float);
        char shape[64];
        (void)snprintf(shape, sizeof shape, tensor->rank == 2 ? "%zu,%zu" : "%zu", first, tensor->shape[1]);
        used += (size_t)snprintf(text + used, sizeof text - used,
            "%c\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}", i ? ',' : '{', tensor->name,
            shape, data, data + size);
        data += size;
    }
    text[used++] = '}';
    uint64_t length = used;
    bulla_write(writer, &length, sizeof length); /* little-endian, as this machine is */
    bulla_write(writer, text, used);
    assert_int_equal(writer->size - start, 8 + used);
    return data;
}

static void hash_zeros(crypto_hash_sha256_state *hash, size_t size, const uint8_t *zeros, size_t step)
{
    for (size_t done = 0; done < size; done += step)
        (void)crypto_hash_sha256_update(hash, zeros, size - done < step ? size - done : step);
}

/* An archive up to where its weights' numbers begin, `*left` zero bytes that are hashed as they will pass. */
static struct bulla_bytes head_of_zeros(size_t rows, const uint8_t *zeros, size_t step, size_t *left)
{
    static uint8_t bytes[32768], header[16384];
    struct tiny_model *model = tiny_make(1, 2, 64, 128, "F32", "");
    crypto_hash_sha256_state hash;
    struct bulla_writer writer;
    uint8_t digests[3][32];
    model->vocabulary = rows;
    tiny_write(model);
    bulla_writer_open(&writer, header, sizeof header);
    *left = write_header_of_zeros(model, rows, &writer);
    const struct bulla_bytes parts[] = {
        BULLA_TEXT(model->config), BULLA_TEXT(model->words), bulla_writer_bytes(&writer)};
    static const char *const names[] = {"config.json", "vocab.txt", "model.safetensors"};
    for (size_t i = 0; i < 3; i++) {
        (void)crypto_hash_sha256_init(&hash);
        (void)crypto_hash_sha256_update(&hash, parts[i].data, parts[i].size);
        hash_zeros(&hash, i == 2 ? *left : 0, zeros, step);
        (void)crypto_hash_sha256_final(&hash, digests[i]);
    }
    bulla_writer_open(&writer, bytes + 4, sizeof bytes - 4);
    bulla_cbor_write_map(&writer, 2);
    bulla_cbor_write_tstr(&writer, "files");
    bulla_cbor_write_array(&writer, 3);
    for (size_t i = 0; i < 3; i++) {
        bulla_cbor_write_array(&writer, 3);
        bulla_cbor_write_tstr(&writer, names[i]);
        bulla_cbor_write_uint(&writer, parts[i].size + (i == 2 ? *left : 0));
        bulla_cbor_write_bstr(&writer, BULLA_BYTES(digests[i]));
    }
    bulla_cbor_write_tstr(&writer, "version");
    bulla_cbor_write_uint(&writer, 1);
    size_t manifest = writer.size;
    for (size_t i = 0; i < 3; i++)
        bulla_write(&writer, parts[i].data, parts[i].size);
    assert_int_equal(bulla_writer_finish(&writer, "a head"), BULLA_OK);
    size_t whole = 4 + writer.size;
    bulla_writer_open(&writer, bytes, 4);
    bulla_write_u32(&writer, (uint32_t)manifest);
    tiny_free(model);
    return (struct bulla_bytes){bytes, whole};
}

static void sealing_needs_the_same_memory_for_any_size(void **state)
{
    (void)state;
    enum { STEP = 1 << 20, ROWS = 820000, GROWTH = 24 << 20 };
    CK_MECHANISM mechanism = {CKM_BULLA_SEAL, NULL, 0};
    CK_OBJECT_HANDLE key = 0;
    uint8_t *zeros = calloc(1, STEP), *out = calloc(1, STEP + (2 << 20));
    size_t start = 0, most = 0, left = 0;
    assert_non_null(zeros);
    assert_non_null(out);
    struct bulla_bytes head = head_of_zeros(ROWS, zeros, STEP, &left);
    assert_true(left > 200 << 20);
    assert_ok(flow_key_make("large", NULL, NULL, &key));
    start = resident();
    assert_ok(flow.p11->C_EncryptInit(flow.session, &mechanism, key));
    CK_ULONG size = STEP + (2 << 20);
    assert_ok(flow.p11->C_EncryptUpdate(flow.session, (unsigned char *)(uintptr_t)head.data, head.size, out, &size));
    for (size_t done = 0; done < left; done += STEP) {
        size = STEP + (2 << 20);
        assert_ok(flow.p11->C_EncryptUpdate(flow.session, zeros, left - done < STEP ? left - done : STEP, out, &size));
        size_t now = resident();
        most = now > most ? now : most;
    }
    size = STEP + (2 << 20);
    assert_ok(flow.p11->C_EncryptFinal(flow.session, out, &size));
    if (most - start > GROWTH)
        fail_msg("sealing 200 MiB took %zu MiB", (most - start) >> 20);
    free(zeros);
    free(out);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(updates_of_any_size_give_files_that_open),
        T(several_chunks_open_whatever_the_updates),
        T(output_never_exceeds_what_was_promised),
        T(the_log_names_what_was_sealed_and_its_generation),
        T(the_log_says_how_a_sealed_model_pools),
        T(a_wrong_archive_is_refused_and_the_key_still_seals),
        T(malformed_manifests_are_refused),
        T(an_unsupported_architecture_is_named),
        T(an_incomplete_model_is_refused),
        T(sealing_takes_no_parameter_and_not_in_place),
        T(a_sealing_that_was_overtaken_is_refused),
        T(sealing_needs_the_same_memory_for_any_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
