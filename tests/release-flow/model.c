#include "model.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- archives --- */

struct flow_archive flow_archive_of(const struct bulla_model_files *files)
{
    struct bulla_writer writer;
    size_t room = 65536;
    for (size_t i = 0; i < files->count; i++)
        room += files->files[i].size;
    struct flow_archive archive = {.bytes = malloc(room)};
    assert_non_null(archive.bytes);
    bulla_writer_open(&writer, archive.bytes + 4, room - 4);
    bulla_cbor_write_map(&writer, 2);
    bulla_cbor_write_tstr(&writer, "files");
    bulla_cbor_write_array(&writer, files->count);
    for (size_t i = 0; i < files->count; i++) {
        uint8_t digest[crypto_hash_sha256_BYTES];
        (void)crypto_hash_sha256(digest, files->files[i].data, files->files[i].size);
        bulla_cbor_write_array(&writer, 3);
        bulla_cbor_write_tstr(&writer, files->files[i].name);
        bulla_cbor_write_uint(&writer, files->files[i].size);
        bulla_cbor_write_bstr(&writer, BULLA_BYTES(digest));
    }
    bulla_cbor_write_tstr(&writer, "version");
    bulla_cbor_write_uint(&writer, 1);
    archive.manifest_size = writer.size;
    for (size_t i = 0; i < files->count; i++)
        bulla_write(&writer, files->files[i].data, files->files[i].size);
    assert_int_equal(bulla_writer_finish(&writer, "an archive"), BULLA_OK);
    archive.size = 4 + writer.size;
    bulla_writer_open(&writer, archive.bytes, 4);
    bulla_write_u32(&writer, (uint32_t)archive.manifest_size);
    return archive;
}

static struct flow_archive archive_of_model(struct tiny_model *model)
{
    struct flow_archive archive = flow_archive_of(&model->files);
    tiny_free(model);
    return archive;
}

struct flow_archive flow_archive_tiny(void)
{
    return archive_of_model(tiny_make(1, 2, 16, 32, "F32", ""));
}

/* 4 layers of 768 KiB each: four chunks of 1 MiB, the last of them not full. */
struct flow_archive flow_archive_large(void)
{
    return archive_of_model(tiny_make(4, 4, 128, 512, "F32", ""));
}

/* The weights of the npm package have a folder and a name of their own. */
struct flow_archive flow_archive_of_folder(const char *folder)
{
    static const char *const names[] = {"config.json", "vocab.txt", "tokenizer.json", "sentence_bert_config.json",
        "model.safetensors", "model/model.fp16.safetensors"};
    struct bulla_model_file list[6];
    struct bulla_model_files files = {list, 0};
    bool weighs = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !weighs; i++) {
        char path[1024];
        size_t size = 0;
        test_folder_join(path, sizeof path, folder, names[i]);
        unsigned char *bytes = test_file_read(path, &size);
        if (bytes)
            list[files.count++] = (struct bulla_model_file){names[i], bytes, size};
        weighs = bytes && strstr(names[i], ".safetensors");
    }
    struct flow_archive archive = {0};
    if (weighs)
        archive = flow_archive_of(&files);
    for (size_t i = 0; i < files.count; i++)
        free((void *)(uintptr_t)list[i].data);
    return archive;
}

void flow_archive_free(struct flow_archive *archive)
{
    free(archive->bytes);
    *archive = (struct flow_archive){0};
}

/* --- keys --- */

CK_RV flow_key_make(const char *label, const char *release, const uint8_t *authority, CK_OBJECT_HANDLE *key)
{
    CK_BBOOL yes = CK_TRUE;
    CK_MECHANISM mechanism = {CKM_BULLA_MODEL_KEY_GEN, NULL, 0};
    CK_ULONG epoch = 0, count = 3;
    CK_ATTRIBUTE template[6] = {
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
    };
    if (release)
        template[count++] = (CK_ATTRIBUTE){CKA_BULLA_RELEASE, (void *)(uintptr_t)release, strlen(release)};
    if (authority) {
        template[count++] = (CK_ATTRIBUTE){CKA_BULLA_AUTHORITY, (void *)(uintptr_t)authority, 65};
        template[count++] = (CK_ATTRIBUTE){CKA_BULLA_EPOCH, &epoch, sizeof epoch};
    }
    return flow.p11->C_GenerateKey(flow.session, &mechanism, template, count, key);
}

CK_OBJECT_HANDLE flow_key(const char *label)
{
    CK_OBJECT_HANDLE key = flow_find(CKO_SECRET_KEY, label);
    assert_int_not_equal(key, 0);
    return key;
}

void flow_model_path(CK_OBJECT_HANDLE key, char *path, size_t size)
{
    uint8_t id[64];
    char hex[129], name[144];
    size_t id_size = flow_bytes(key, CKA_ID, id, sizeof id);
    (void)sodium_bin2hex(hex, sizeof hex, id, id_size);
    (void)snprintf(name, sizeof name, "%s.bulla", hex);
    test_folder_join(path, size, flow.models, name);
}

/* --- sealing --- */

CK_RV flow_seal(CK_OBJECT_HANDLE key, const struct flow_archive *archive, size_t step, struct flow_sealed *sealed)
{
    CK_MECHANISM mechanism = {CKM_BULLA_SEAL, NULL, 0};
    size_t room = archive->size * 2 + (4 << 20), done = 0;
    *sealed = (struct flow_sealed){.bytes = malloc(room)};
    assert_non_null(sealed->bytes);
    CK_RV rv = flow.p11->C_EncryptInit(flow.session, &mechanism, key);
    while (rv == CKR_OK && done < archive->size) {
        size_t part = step && step < archive->size - done ? step : archive->size - done;
        CK_ULONG out = room - sealed->size;
        rv = flow.p11->C_EncryptUpdate(flow.session, archive->bytes + done, part, sealed->bytes + sealed->size, &out);
        if (rv == CKR_OK)
            sealed->size += out;
        done += part;
    }
    CK_ULONG last = room - sealed->size;
    if (rv == CKR_OK)
        rv = flow.p11->C_EncryptFinal(flow.session, sealed->bytes + sealed->size, &last);
    if (rv == CKR_OK)
        sealed->size += last;
    else
        flow_sealed_free(sealed);
    return rv;
}

void flow_sealed_free(struct flow_sealed *sealed)
{
    free(sealed->bytes);
    *sealed = (struct flow_sealed){0};
}

void flow_put(CK_OBJECT_HANDLE key, const uint8_t *bytes, size_t size)
{
    char path[256];
    flow_model_path(key, path, sizeof path);
    test_file_write(path, bytes, size);
}

CK_OBJECT_HANDLE flow_tiny(const char *label, const char *release, const uint8_t *authority)
{
    CK_OBJECT_HANDLE key = 0;
    struct flow_archive archive = flow_archive_tiny();
    struct flow_sealed sealed;
    assert_ok(flow_key_make(label, release, authority, &key));
    assert_ok(flow_seal(key, &archive, 0, &sealed));
    flow_put(key, sealed.bytes, sealed.size);
    flow_sealed_free(&sealed);
    flow_archive_free(&archive);
    return key;
}

/* --- answers --- */

static void read_embeddings(struct flow_answer *answer)
{
    struct bulla_cbor item;
    struct bulla_cbor_walk walk = bulla_cbor_inside(&answer->embeddings);
    answer->count = (size_t)answer->embeddings.number;
    for (size_t i = 0; bulla_cbor_next(&walk, &item); i++) {
        assert_int_equal(item.kind, BULLA_CBOR_BSTR);
        assert_true(item.string.size && item.string.size % 4 == 0 && item.string.size <= sizeof answer->values[0]);
        answer->dimension = item.string.size / 4;
        if (i < FLOW_TEXTS)
            memcpy(answer->values[i], item.string.data, item.string.size);
    }
}

void flow_answer_read(uint8_t *bytes, size_t size, struct flow_answer *answer)
{
    struct bulla_cbor map;
    *answer = (struct flow_answer){.bytes = bytes, .size = size};
    answer->tokens.kind = answer->evidence.kind = BULLA_CBOR_NULL;
    const struct bulla_cbor_field fields[] = {
        {.text_key = "model", .kind = BULLA_CBOR_TSTR, .value = &answer->model},
        {.text_key = "tokens", .kind = BULLA_CBOR_ARRAY, .optional = true, .value = &answer->tokens},
        {.text_key = "receipt", .kind = BULLA_CBOR_BSTR, .value = &answer->receipt},
        {.text_key = "evidence", .kind = BULLA_CBOR_BSTR, .optional = true, .value = &answer->evidence},
        {.text_key = "embeddings", .kind = BULLA_CBOR_ARRAY, .value = &answer->embeddings},
        {.text_key = "request_salt",
            .kind = BULLA_CBOR_BSTR,
            .value = &answer->request_salt,
            .smallest = 32,
            .largest = 32},
        {.text_key = "response_salt",
            .kind = BULLA_CBOR_BSTR,
            .value = &answer->response_salt,
            .smallest = 32,
            .largest = 32},
    };
    const struct bulla_bytes whole = {bytes, size};
    if (bulla_cbor_decode(whole, "the answer", &map) != BULLA_OK ||
        bulla_cbor_fields(&map, fields, sizeof fields / sizeof fields[0], "the answer") != BULLA_OK)
        fail_msg("%s", bulla_detail());
    read_embeddings(answer);
}

void flow_answer_free(struct flow_answer *answer)
{
    free(answer->bytes);
    *answer = (struct flow_answer){0};
}

CK_RV flow_infer(CK_OBJECT_HANDLE key, struct bulla_bytes request, struct flow_answer *answer)
{
    CK_MECHANISM mechanism = {CKM_BULLA_INFER, NULL, 0};
    unsigned char *data = (unsigned char *)(uintptr_t)request.data;
    CK_ULONG size = 0;
    *answer = (struct flow_answer){0};
    CK_RV rv = flow.p11->C_DecryptInit(flow.session, &mechanism, key);
    if (rv == CKR_OK)
        rv = flow.p11->C_Decrypt(flow.session, data, request.size, NULL, &size);
    if (rv != CKR_OK)
        return rv;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    rv = flow.p11->C_Decrypt(flow.session, data, request.size, bytes, &size);
    if (rv == CKR_OK)
        flow_answer_read(bytes, size, answer);
    else
        free(bytes);
    return rv;
}

CK_RV flow_infer_text(CK_OBJECT_HANDLE key, const char *text, struct flow_answer *answer)
{
    return flow_infer(key, BULLA_TEXT(text), answer);
}

CK_RV flow_run(CK_OBJECT_HANDLE key)
{
    struct flow_answer answer;
    CK_RV rv = flow_infer_text(key, "clay seal", &answer);
    flow_answer_free(&answer);
    return rv;
}

float flow_largest_difference(const float *left, const float *right, size_t count)
{
    float most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmaxf(most, fabsf(left[i] - right[i]));
    return most;
}

struct bulla_bytes flow_request_make(const struct flow_request *request)
{
    struct bulla_writer writer;
    size_t room = 1024 + request->nonce_size;
    for (size_t i = 0; i < request->count; i++)
        room += strlen(request->texts[i]) + 9;
    uint8_t *bytes = malloc(room);
    assert_non_null(bytes);
    bulla_writer_open(&writer, bytes, room);
    bulla_cbor_write_map(&writer, 1U + (request->nonce_size ? 1 : 0) + request->tokens + (request->longest ? 1 : 0));
    if (request->nonce_size) {
        bulla_cbor_write_tstr(&writer, "nonce");
        bulla_cbor_write_bstr(&writer, (struct bulla_bytes){request->nonce, request->nonce_size});
    }
    bulla_cbor_write_tstr(&writer, "texts");
    bulla_cbor_write_array(&writer, request->count);
    for (size_t i = 0; i < request->count; i++)
        bulla_cbor_write_tstr(&writer, request->texts[i]);
    if (request->tokens) {
        bulla_cbor_write_tstr(&writer, "tokens");
        bulla_cbor_write_bool(&writer, true);
    }
    if (request->longest) {
        bulla_cbor_write_tstr(&writer, "max_length");
        bulla_cbor_write_uint(&writer, request->longest);
    }
    assert_int_equal(bulla_writer_finish(&writer, "a request"), BULLA_OK);
    return bulla_writer_bytes(&writer);
}
