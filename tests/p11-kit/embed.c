/* One embedding by PKCS#11, and nothing of the module's own: any module that has a bulla token will do.
 *   usage: embed decrypt|object MODULE PIN MODEL TEXT    the embeddings of a new answer
 *          embed show FILE                               those of an answer in a file
 * Standard output: one line of hex for each embedding. Status 2 when a call fails, which is printed with its code and,
 * where the token still answers, with what its object "why" says. libcbor reads the answer. */
#include <cbor.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bulla_pkcs11.h"

enum { SLOTS = 16, ANSWER_LARGEST = 65536 };

static CK_FUNCTION_LIST *module;
static CK_SESSION_HANDLE session;
static unsigned char answer[ANSWER_LARGEST];

static CK_OBJECT_HANDLE find(CK_OBJECT_CLASS class, const char *label)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s", label);
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, name, strlen(name)}};
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_ULONG count = 0;
    if (module->C_FindObjectsInit(session, template, 2) != CKR_OK)
        return CK_INVALID_HANDLE;
    (void)module->C_FindObjects(session, &object, 1, &count);
    (void)module->C_FindObjectsFinal(session);
    return count == 1 ? object : CK_INVALID_HANDLE;
}

static void print_why(void)
{
    static char text[ANSWER_LARGEST];
    CK_ATTRIBUTE value = {CKA_VALUE, text, sizeof text - 1};
    CK_OBJECT_HANDLE why = session ? find(CKO_BULLA_STATUS, "why") : CK_INVALID_HANDLE;
    if (why != CK_INVALID_HANDLE && module->C_GetAttributeValue(session, why, &value, 1) == CKR_OK)
        (void)fprintf(stderr, "%.*s\n", (int)value.ulValueLen, text);
}

static void check(CK_RV result, const char *call)
{
    if (result == CKR_OK)
        return;
    (void)fprintf(stderr, "%s: 0x%lx\n", call, result);
    print_why();
    exit(2);
}

static void load(const char *path)
{
    CK_C_GetFunctionList get_list;
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    void *library = dlopen(path, RTLD_NOW);
    if (!library || !(get_list = (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList"))) {
        (void)fprintf(stderr, "%s\n", dlerror());
        exit(3);
    }
    check(get_list(&module), "C_GetFunctionList");
    check(module->C_Initialize(&arguments), "C_Initialize");
}

static CK_SLOT_ID find_slot(void)
{
    CK_SLOT_ID slots[SLOTS];
    CK_ULONG count = SLOTS;
    CK_TOKEN_INFO info;
    check(module->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
    for (CK_ULONG i = 0; i < count; i++)
        if (module->C_GetTokenInfo(slots[i], &info) == CKR_OK && memcmp(info.manufacturerID, "bulla ", 6) == 0)
            return slots[i];
    (void)fprintf(stderr, "no bulla token in %lu slots\n", count);
    exit(3);
}

static CK_ULONG decrypt(const char *model, unsigned char *text, size_t size)
{
    CK_MECHANISM mechanism = {CKM_BULLA_INFER, NULL, 0};
    CK_ULONG answer_size = sizeof answer;
    check(module->C_DecryptInit(session, &mechanism, find(CKO_SECRET_KEY, model)), "C_DecryptInit");
    check(module->C_Decrypt(session, text, size, answer, &answer_size), "C_Decrypt");
    return answer_size;
}

static CK_ULONG ask_by_object(const char *model, unsigned char *text, size_t size)
{
    char application[] = BULLA_INFER_APPLICATION, label[64];
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_OBJECT_HANDLE object;
    (void)snprintf(label, sizeof label, "%s#asked", model);
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_APPLICATION, application, strlen(application)},
        {CKA_LABEL, label, strlen(label)}, {CKA_VALUE, text, size}};
    CK_ATTRIBUTE value = {CKA_VALUE, answer, sizeof answer};
    check(module->C_CreateObject(session, template, 4, &object), "C_CreateObject");
    check(module->C_GetAttributeValue(session, object, &value, 1), "C_GetAttributeValue");
    return value.ulValueLen;
}

static const cbor_item_t *member(const cbor_item_t *map, const char *name)
{
    for (size_t i = 0; cbor_isa_map(map) && i < cbor_map_size(map); i++) {
        const struct cbor_pair *pair = &cbor_map_handle(map)[i];
        if (cbor_isa_string(pair->key) && cbor_string_length(pair->key) == strlen(name) &&
            memcmp(cbor_string_handle(pair->key), name, strlen(name)) == 0)
            return pair->value;
    }
    return NULL;
}

static int show(const unsigned char *data, size_t size)
{
    struct cbor_load_result result;
    cbor_item_t *map = cbor_load(data, size, &result);
    const cbor_item_t *list = map && result.read == size ? member(map, "embeddings") : NULL;
    size_t count = list && cbor_isa_array(list) ? cbor_array_size(list) : 0;
    for (size_t i = 0; i < count; i++) {
        const cbor_item_t *item = cbor_array_handle(list)[i];
        for (size_t at = 0; cbor_isa_bytestring(item) && at < cbor_bytestring_length(item); at++)
            (void)printf("%02x", cbor_bytestring_handle(item)[at]);
        (void)putchar('\n');
    }
    if (map)
        cbor_decref(&map);
    return count ? 0 : 3;
}

static int show_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(answer, 1, sizeof answer, file) : 0;
    if (file)
        (void)fclose(file);
    return show(answer, size);
}

int main(int count, char **words)
{
    if (count == 3 && strcmp(words[1], "show") == 0)
        return show_file(words[2]);
    if (count != 6)
        return 64;
    load(words[2]);
    check(
        module->C_OpenSession(find_slot(), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), "C_OpenSession");
    check(module->C_Login(session, CKU_USER, (unsigned char *)words[3], strlen(words[3])), "C_Login");
    CK_ULONG size = (strcmp(words[1], "object") == 0 ? ask_by_object : decrypt)(
        words[4], (unsigned char *)words[5], strlen(words[5]));
    check(module->C_Finalize(NULL), "C_Finalize");
    return show(answer, size);
}
