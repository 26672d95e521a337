#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/folder.h"
#include "support/vectors.h"
#include "tools/archive.h"

static char folder[64];
static struct bulla_archive archive;
static char ignored[4096];

static int set_up(void **state)
{
    (void)state;
    test_folder_make(folder, sizeof folder);
    ignored[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static void put(const char *name, const char *text)
{
    char path[256];
    test_folder_join(path, sizeof path, folder, name);
    test_file_write(path, text, strlen(text));
}

static void put_folder(const char *name)
{
    char path[256];
    test_folder_join(path, sizeof path, folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void ignored_note(const char *name, const char *why)
{
    size_t used = strlen(ignored);
    (void)snprintf(ignored + used, sizeof ignored - used, "%s (%s)\n", name, why);
}

static void put_model(void)
{
    put("model.safetensors", "weights");
    put("vocab.txt", "[PAD]\n");
    put("config.json", "{}");
}

struct collected {
    uint8_t bytes[8192];
    size_t size;
    size_t refuse_after; /* 0: never */
};

static enum bulla_reason collect(void *context, struct bulla_bytes piece)
{
    struct collected *collected = context;
    memcpy(collected->bytes + collected->size, piece.data, piece.size);
    collected->size += piece.size;
    if (collected->refuse_after && collected->size >= collected->refuse_after)
        return bulla_refuse(BULLA_STORE_FULL, "enough");
    return BULLA_OK;
}

static void config_comes_first_and_weights_last(void **state)
{
    (void)state;
    put_model();
    put("a.json", "1");
    put_folder("1_Pooling");
    put("1_Pooling/config.json", "{}");
    put("a.safetensors", "w");
    assert_int_equal(bulla_archive_collect(&archive, folder, ignored_note), BULLA_OK);
    static const char *const order[] = {
        "config.json", "1_Pooling/config.json", "a.json", "vocab.txt", "a.safetensors", "model.safetensors"};
    assert_int_equal(archive.count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(archive.files[i].name, order[i]);
    assert_int_equal(archive.bytes, 2 + 2 + 1 + 6 + 1 + 7);
    assert_string_equal(ignored, "");
}

static void what_is_no_part_of_a_model_is_left_out_with_a_word(void **state)
{
    (void)state;
    put_model();
    put("README.md", "#");
    put("pytorch_model.bin", "x");
    put(".gitattributes", "x");
    put("notes.pdf", "x");
    put_folder(".git");
    put(".git/config.json", "{}");
    put_folder("onnx");
    put("onnx/config.json", "{}");
    assert_int_equal(bulla_archive_collect(&archive, folder, ignored_note), BULLA_OK);
    assert_int_equal(archive.count, 3);
    assert_non_null(strstr(ignored, "README.md (documentation)\n"));
    assert_non_null(strstr(ignored, "pytorch_model.bin (PyTorch weights; safetensors are sealed)\n"));
    assert_non_null(strstr(ignored, ".gitattributes (hidden)\n"));
    assert_non_null(strstr(ignored, "notes.pdf (not a part of a model)\n"));
    assert_non_null(strstr(ignored, ".git (hidden)\n"));
    assert_non_null(strstr(ignored, "onnx (another format of the model)\n"));
}

static void links_are_followed_as_the_cache_of_hugging_face_needs(void **state)
{
    (void)state;
    char link[256];
    put_folder("blobs");
    put("blobs/0a1b", "weights");
    put("config.json", "{}");
    test_folder_join(link, sizeof link, folder, "model.safetensors");
    assert_int_equal(symlink("blobs/0a1b", link), 0);
    test_folder_join(link, sizeof link, folder, "broken.json");
    assert_int_equal(symlink("nowhere", link), 0);
    assert_int_equal(bulla_archive_collect(&archive, folder, ignored_note), BULLA_OK);
    assert_int_equal(archive.count, 2);
    assert_int_equal(archive.files[1].size, 7);
    assert_non_null(strstr(ignored, "broken.json (not a file)\n"));
}

static void a_folder_without_config_or_weights_is_refused(void **state)
{
    (void)state;
    assert_int_equal(bulla_archive_collect(&archive, folder, NULL), BULLA_MODEL_MALFORMED);
    put("config.json", "{}");
    assert_int_equal(bulla_archive_collect(&archive, folder, NULL), BULLA_MODEL_MALFORMED);
    assert_non_null(strstr(bulla_detail(), "safetensors"));
    char path[256];
    test_folder_join(path, sizeof path, folder, "config.json");
    assert_int_equal(remove(path), 0);
    put("model.safetensors", "w");
    assert_int_equal(bulla_archive_collect(&archive, folder, NULL), BULLA_MODEL_MALFORMED);
    assert_non_null(strstr(bulla_detail(), "config.json"));
    assert_int_equal(bulla_archive_collect(&archive, "/nowhere/at/all", NULL), BULLA_FILE);
}

static void more_files_than_an_archive_holds_are_refused(void **state)
{
    (void)state;
    put_model();
    for (int i = 0; i < BULLA_ARCHIVE_FILES - 3; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%d.json", i);
        put(name, "1");
    }
    assert_int_equal(bulla_archive_collect(&archive, folder, NULL), BULLA_OK);
    put("one-more.json", "1");
    assert_int_equal(bulla_archive_collect(&archive, folder, NULL), BULLA_MODEL_MALFORMED);
}

/* The archive's bytes by hand, from docs/formats.md; SHA-256 of "{}" and "abc" by sha256sum(1). */
static const char archive_by_hand[] = "00000077" /* bytes of manifest */
                                      "a2"
                                      "6566696c6573"
                                      "82" /* files: */
                                      "83"
                                      "6b636f6e6669672e6a736f6e"
                                      "02"
                                      "5820"
                                      "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
                                      "83"
                                      "716d6f64656c2e7361666574656e736f7273"
                                      "03"
                                      "5820"
                                      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
                                      "6776657273696f6e"
                                      "01" /* version: 1 */
                                      "7b7d"
                                      "616263";

static void the_archive_is_size_manifest_and_files(void **state)
{
    (void)state;
    struct collected collected = {.size = 0};
    struct bulla_archive_sink sink = {collect, &collected};
    uint8_t expected[512];
    put("config.json", "{}");
    put("model.safetensors", "abc");
    assert_int_equal(bulla_archive_collect(&archive, folder, NULL), BULLA_OK);
    assert_int_equal(bulla_archive_hash(&archive), BULLA_OK);
    assert_int_equal(bulla_archive_stream(&archive, &sink), BULLA_OK);
    size_t size = test_hex(archive_by_hand, expected, sizeof expected);
    assert_int_equal(collected.size, size);
    assert_memory_equal(collected.bytes, expected, size);
}

static void a_file_that_changes_is_refused(void **state)
{
    (void)state;
    struct collected collected = {.size = 0};
    struct bulla_archive_sink sink = {collect, &collected};
    put_model();
    assert_int_equal(bulla_archive_collect(&archive, folder, NULL), BULLA_OK);
    assert_int_equal(bulla_archive_hash(&archive), BULLA_OK);
    put("model.safetensors", "weights that grew");
    assert_int_equal(bulla_archive_stream(&archive, &sink), BULLA_FILE);
    assert_non_null(strstr(bulla_detail(), "changed while it was being sealed"));
}

static void a_refusal_of_the_sink_ends_the_stream(void **state)
{
    (void)state;
    struct collected collected = {.size = 0, .refuse_after = 5};
    struct bulla_archive_sink sink = {collect, &collected};
    put_model();
    assert_int_equal(bulla_archive_collect(&archive, folder, NULL), BULLA_OK);
    assert_int_equal(bulla_archive_hash(&archive), BULLA_OK);
    assert_int_equal(bulla_archive_stream(&archive, &sink), BULLA_STORE_FULL);
    assert_string_equal(bulla_detail(), "enough");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(config_comes_first_and_weights_last, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_part_of_a_model_is_left_out_with_a_word, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_are_followed_as_the_cache_of_hugging_face_needs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_without_config_or_weights_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_files_than_an_archive_holds_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_archive_is_size_manifest_and_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_changes_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_of_the_sink_ends_the_stream, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
