/* Opening a sealed file that is not the one that was sealed: nothing is released, and the right file opens afterwards.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/stream.h"
#include "model.h"

static CK_OBJECT_HANDLE key;
static struct flow_sealed sealed;
static size_t first_chunk; /* offset of chunk 0 in the file */
enum { CHUNK = BULLA_STREAM_CHUNK + 16 };

/* A model of several chunks under a key without a tree, and its file. */
static int set_up(void **state)
{
    (void)state;
    struct bulla_stream_header header;
    flow_begin(FLOW_PLAIN, "");
    struct flow_archive archive = flow_archive_large();
    assert_ok(flow_key_make("large", NULL, NULL, &key));
    assert_ok(flow_seal(key, &archive, 0, &sealed));
    flow_archive_free(&archive);
    assert_int_equal(
        bulla_stream_inspect((struct bulla_bytes){sealed.bytes, bulla_stream_prefix_bound()}, &header, &first_chunk),
        BULLA_OK);
    assert_true(header.chunk_count >= 4);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_sealed_free(&sealed);
    flow_end();
    return 0;
}

static void assert_whole_file_opens(void)
{
    flow_put(key, sealed.bytes, sealed.size);
    assert_ok(flow_run(key));
    flow_relogin();
    key = flow_key("large");
}

/* Any of the codes that say "this is not the file": CKR_ENCRYPTED_DATA_INVALID or CKR_DATA_INVALID, and for a header
 * that promises too much CKR_DATA_LEN_RANGE, or a format or algorithm that is not known CKR_FUNCTION_REJECTED. */
static void assert_not_opened(const char *what, size_t position)
{
    struct flow_refusal before, after;
    flow_why(&before);
    CK_RV rv = flow_run(key);
    flow_why(&after);
    bool known = rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_DATA_INVALID || rv == CKR_DATA_LEN_RANGE ||
                 rv == CKR_FUNCTION_REJECTED;
    if (!known || after.line == before.line)
        fail_msg("%s at %zu: 0x%lx, %s: %s", what, position, rv, after.reason, after.detail);
}

static void a_truncated_file_is_refused_at_every_length(void **state)
{
    (void)state;
    const size_t lengths[] = {0, 1, 8, 11, 12, 13, 100, first_chunk - 33, first_chunk - 32, first_chunk - 1,
        first_chunk, first_chunk + 1, first_chunk + 16, first_chunk + CHUNK - 1, first_chunk + CHUNK,
        first_chunk + 2 * CHUNK, sealed.size - 17, sealed.size - 16, sealed.size - 2, sealed.size - 1};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        flow_put(key, sealed.bytes, lengths[i]);
        if (lengths[i] >= first_chunk)
            assert_refused(flow_run(key), CKR_DATA_INVALID, "truncated");
        else
            assert_not_opened("truncated", lengths[i]);
    }
    assert_whole_file_opens();
}

static void an_extended_file_is_refused(void **state)
{
    (void)state;
    static const size_t more[] = {1, 16, 4096, CHUNK};
    uint8_t *longer = calloc(1, sealed.size + CHUNK);
    assert_non_null(longer);
    memcpy(longer, sealed.bytes, sealed.size);
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        flow_put(key, longer, sealed.size + more[i]);
        assert_refused(flow_run(key), CKR_DATA_INVALID, "trailing-bytes");
    }
    free(longer);
    assert_whole_file_opens();
}

static void swapped_repeated_and_missing_chunks_are_refused(void **state)
{
    (void)state;
    uint8_t *changed = malloc(sealed.size), *first = NULL, *second = NULL;
    assert_non_null(changed);
    memcpy(changed, sealed.bytes, sealed.size);
    first = changed + first_chunk;
    second = first + CHUNK;
    memcpy(first, sealed.bytes + first_chunk + CHUNK, CHUNK);
    memcpy(second, sealed.bytes + first_chunk, CHUNK);
    flow_put(key, changed, sealed.size);
    assert_refused(flow_run(key), CKR_ENCRYPTED_DATA_INVALID, "authentication");
    memcpy(first, sealed.bytes + first_chunk, CHUNK); /* the first one twice */
    flow_put(key, changed, sealed.size);
    assert_refused(flow_run(key), CKR_ENCRYPTED_DATA_INVALID, "authentication");
    memcpy(changed, sealed.bytes, sealed.size); /* the first one left out */
    memmove(first, first + CHUNK, sealed.size - first_chunk - CHUNK);
    flow_put(key, changed, sealed.size - CHUNK);
    assert_refused(flow_run(key), CKR_DATA_INVALID, "truncated");
    free(changed);
    assert_whole_file_opens();
}

static void flip(size_t position, unsigned bit)
{
    sealed.bytes[position] ^= (uint8_t)(1U << bit);
    flow_put(key, sealed.bytes, sealed.size);
    assert_not_opened("a flipped bit", position);
    sealed.bytes[position] ^= (uint8_t)(1U << bit);
}

static void a_flipped_bit_is_refused_anywhere(void **state)
{
    (void)state;
    unsigned bit = 0;
    size_t step = flow_is_long() ? 1 : 7; /* of the header: magic, size, COSE, MAC, commitment */
    for (size_t at = 0; at < first_chunk; at += step)
        flip(at, bit++ % 8);
    for (size_t at = first_chunk - 32; at < first_chunk; at += 5) /* the commitment */
        flip(at, bit++ % 8);
    const size_t chunks[] = {first_chunk, first_chunk + 1, first_chunk + CHUNK - 16, first_chunk + CHUNK - 1,
        first_chunk + CHUNK, first_chunk + 2 * CHUNK + 12345, sealed.size - 17, sealed.size - 16, sealed.size - 1};
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        sealed.bytes[chunks[i]] ^= 0x10;
        flow_put(key, sealed.bytes, sealed.size);
        sealed.bytes[chunks[i]] ^= 0x10;
        assert_refused(flow_run(key), CKR_ENCRYPTED_DATA_INVALID, "authentication");
    }
    assert_whole_file_opens();
}

static void a_file_that_is_missing_or_no_file_is_said_to_be_missing(void **state)
{
    (void)state;
    char path[256], other[256];
    flow_model_path(key, path, sizeof path);
    assert_refused(flow_run(key), CKR_FUNCTION_FAILED, "model-missing");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused(flow_run(key), CKR_FUNCTION_FAILED, "model-missing");
    assert_int_equal(rmdir(path), 0);
    test_folder_join(other, sizeof other, flow.folder, "elsewhere");
    test_file_write(other, sealed.bytes, sealed.size);
    assert_int_equal(symlink(other, path), 0); /* a link is not followed */
    assert_refused(flow_run(key), CKR_FUNCTION_FAILED, "model-missing");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(flow_run(key), CKR_FUNCTION_FAILED, "model-missing");
    assert_int_equal(unlink(path), 0);
    assert_whole_file_opens();
}

/* --- files of others --- */

/* A second key with the first one's id: only the name of the file is the same. */
static void a_file_of_another_key_is_refused(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE other = 0;
    struct flow_archive archive = flow_archive_tiny();
    struct flow_sealed of_other;
    assert_ok(flow_key_make("other", NULL, NULL, &other));
    assert_ok(flow_seal(other, &archive, 0, &of_other));
    flow_put(key, of_other.bytes, of_other.size);
    assert_refused(flow_run(key), CKR_ENCRYPTED_DATA_INVALID, "model-other-key");
    flow_sealed_free(&of_other);
    flow_archive_free(&archive);
    assert_whole_file_opens();
}

static CK_RV make_with_id(const char *label, struct bulla_bytes id, CK_OBJECT_HANDLE *made)
{
    CK_BBOOL yes = CK_TRUE;
    CK_MECHANISM mechanism = {CKM_BULLA_MODEL_KEY_GEN, NULL, 0};
    CK_ATTRIBUTE template[] = {
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
        {CKA_ID, (void *)(uintptr_t)id.data, id.size},
    };
    return flow.p11->C_GenerateKey(flow.session, &mechanism, template, 3, made);
}

static void a_key_that_took_the_id_is_another_key(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE other = 0;
    struct flow_archive archive = flow_archive_tiny();
    struct flow_sealed of_other;
    uint8_t id[64];
    size_t size = flow_bytes(key, CKA_ID, id, sizeof id);
    assert_ok(make_with_id("other", (struct bulla_bytes){id, size}, &other));
    assert_ok(flow_seal(other, &archive, 0, &of_other)); /* so that it is one that was sealed under */
    flow_put(other, sealed.bytes, sealed.size);
    assert_refused(flow_run(other), CKR_ENCRYPTED_DATA_INVALID, "model-other-key");
    flow_put(other, of_other.bytes, of_other.size);
    assert_ok(flow_run(other));
    assert_refused(flow_run(key), CKR_ENCRYPTED_DATA_INVALID, "model-other-key");
    flow_sealed_free(&of_other);
    flow_archive_free(&archive);
    assert_whole_file_opens();
}

static void a_file_of_another_token_is_refused(void **state)
{
    (void)state;
    struct flow_sealed here = sealed;
    uint8_t id[64];
    CK_OBJECT_HANDLE there = 0;
    struct flow_archive archive = flow_archive_tiny();
    struct flow_sealed of_there;
    size_t size = flow_bytes(key, CKA_ID, id, sizeof id);
    flow_end();
    flow_begin(FLOW_PLAIN, "");
    assert_ok(make_with_id("large", (struct bulla_bytes){id, size}, &there));
    assert_ok(flow_seal(there, &archive, 0, &of_there));
    flow_put(there, here.bytes, here.size);
    assert_refused(flow_run(there), CKR_ENCRYPTED_DATA_INVALID, "model-other-token");
    flow_put(there, of_there.bytes, of_there.size);
    assert_ok(flow_run(there));
    flow_sealed_free(&of_there);
    flow_archive_free(&archive);
}

/* --- generations --- */

static void an_older_generation_is_refused_once_the_newer_was_opened(void **state)
{
    (void)state;
    struct flow_archive archive = flow_archive_large();
    struct flow_sealed newer;
    flow_put(key, sealed.bytes, sealed.size);
    assert_ok(flow_run(key));
    assert_ok(flow_seal(key, &archive, 0, &newer));
    assert_int_equal(flow_ulong(key, CKA_BULLA_GENERATION), 2);
    assert_ok(flow_run(key)); /* sealed anew, but the file was not copied yet: the old one still opens */
    flow_put(key, newer.bytes, newer.size);
    flow_relogin();
    key = flow_key("large");
    assert_ok(flow_run(key));
    flow_put(key, sealed.bytes, sealed.size);
    flow_relogin();
    key = flow_key("large");
    assert_refused(flow_run(key), CKR_FUNCTION_REJECTED, "model-older-generation");
    flow_reopen(); /* in another process's eyes, too */
    key = flow_key("large");
    assert_refused(flow_run(key), CKR_FUNCTION_REJECTED, "model-older-generation");
    flow_put(key, newer.bytes, newer.size);
    assert_ok(flow_run(key));
    flow_sealed_free(&newer);
    flow_archive_free(&archive);
}

static void an_older_generation_is_refused_once_the_attribute_was_set(void **state)
{
    (void)state;
    struct flow_archive archive = flow_archive_tiny();
    struct flow_sealed newer;
    CK_ULONG generation = 1;
    CK_ATTRIBUTE attribute = {CKA_BULLA_GENERATION, &generation, sizeof generation};
    assert_ok(flow_seal(key, &archive, 0, &newer));
    flow_put(key, sealed.bytes, sealed.size);
    /* only the latest one can be set: not an older, not one that was never sealed */
    assert_int_equal(flow.p11->C_SetAttributeValue(flow.session, key, &attribute, 1), CKR_ATTRIBUTE_VALUE_INVALID);
    generation = 3;
    assert_int_equal(flow.p11->C_SetAttributeValue(flow.session, key, &attribute, 1), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_ok(flow_run(key));
    generation = 2;
    assert_ok(flow.p11->C_SetAttributeValue(flow.session, key, &attribute, 1));
    flow_relogin();
    key = flow_key("large");
    assert_refused(flow_run(key), CKR_FUNCTION_REJECTED, "model-older-generation");
    flow_put(key, newer.bytes, newer.size);
    assert_ok(flow_run(key));
    flow_sealed_free(&newer);
    flow_archive_free(&archive);
}

/* An authenticated header is needed before a generation counts: a forged one must not lock out the right file. */
static void a_forged_generation_raises_nothing(void **state)
{
    (void)state;
    static const char field[] = "generation";
    uint8_t *at = memmem(sealed.bytes, first_chunk, field, sizeof field - 1);
    if (at) { /* the number stands behind its key */
        at[sizeof field - 1] = 0x17;
    } else {
        for (size_t i = 12; i < first_chunk; i++) { /* integer keys: every byte that may be it */
            if (sealed.bytes[i] != 1)
                continue;
            sealed.bytes[i] = 0x17;
            flow_put(key, sealed.bytes, sealed.size);
            assert_not_opened("a forged number", i);
            sealed.bytes[i] = 1;
        }
        assert_whole_file_opens();
        return;
    }
    flow_put(key, sealed.bytes, sealed.size);
    assert_not_opened("a forged generation", (size_t)(at - sealed.bytes));
    at[sizeof field - 1] = 1;
    assert_whole_file_opens();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_truncated_file_is_refused_at_every_length),
        T(an_extended_file_is_refused),
        T(swapped_repeated_and_missing_chunks_are_refused),
        T(a_flipped_bit_is_refused_anywhere),
        T(a_file_that_is_missing_or_no_file_is_said_to_be_missing),
        T(a_file_of_another_key_is_refused),
        T(a_key_that_took_the_id_is_another_key),
        T(a_file_of_another_token_is_refused),
        T(an_older_generation_is_refused_once_the_newer_was_opened),
        T(an_older_generation_is_refused_once_the_attribute_was_set),
        T(a_forged_generation_raises_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
