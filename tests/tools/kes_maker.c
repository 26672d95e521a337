/* KES keys of a token for tests of serving them:
 *     kes_maker MODULE TOKEN PIN make LABEL FILE PERIOD open|closed [START SLOTS FIRST]   imports a raw key
 *     kes_maker MODULE TOKEN PIN evolve LABEL PERIOD
 *     kes_maker MODULE TOKEN PIN remove LABEL */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bulla_pkcs11.h"

enum { SLOTS_LARGEST = 16, FILE_LARGEST = 2048 };

static CK_FUNCTION_LIST *module;
static CK_SESSION_HANDLE session;

static void need(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "kes_maker: %s\n", what);
    exit(1);
}

static void session_open(const char *path, const char *label, char *pin)
{
    CK_SLOT_ID slots[SLOTS_LARGEST];
    CK_ULONG count = SLOTS_LARGEST;
    CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;
    void *library = dlopen(path, RTLD_NOW);
    void *symbol = library ? dlsym(library, "C_GetFunctionList") : NULL;
    memcpy(&get, &symbol, sizeof get);
    need(get && get(&module) == CKR_OK && module->C_Initialize(NULL) == CKR_OK, "loading the module");
    need(module->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK, "listing slots");
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO token;
        if (module->C_GetTokenInfo(slots[i], &token) != CKR_OK || memcmp(token.label, label, strlen(label)) != 0)
            continue;
        need(module->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) == CKR_OK,
            "opening a session");
        need(module->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin)) == CKR_OK, "logging in");
        return;
    }
    need(false, "there is no such token");
}

static CK_ULONG number(const char *text)
{
    return strtoul(text, NULL, 10);
}

static void make(int count, char **words)
{
    static uint8_t value[FILE_LARGEST];
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_BULLA_KES;
    CK_BBOOL yes = CK_TRUE, open = strcmp(words[3], "open") == 0, sensitive = !open;
    CK_ULONG period = number(words[2]), clock[3] = {0};
    FILE *file = fopen(words[1], "rb");
    size_t size = file ? fread(value, 1, sizeof value, file) : 0;
    CK_ATTRIBUTE template[12] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &yes, 1}, {CKA_LABEL, words[0], strlen(words[0])}, {CKA_VALUE, value, size},
        {CKA_BULLA_KES_PERIOD, &period, sizeof period}, {CKA_SENSITIVE, &sensitive, 1}, {CKA_EXTRACTABLE, &open, 1}};
    static const CK_ATTRIBUTE_TYPE types[] = {
        CKA_BULLA_KES_START_TIME, CKA_BULLA_KES_SLOTS_PER_PERIOD, CKA_BULLA_KES_START_SLOT};
    CK_ULONG attributes = 8;
    CK_OBJECT_HANDLE key;
    for (int i = 0; i < 3 && count == 7; i++) {
        clock[i] = number(words[4 + i]);
        template[attributes++] = (CK_ATTRIBUTE){types[i], &clock[i], sizeof clock[i]};
    }
    need(module->C_CreateObject(session, template, attributes, &key) == CKR_OK, "making the key");
    (void)fclose(file);
}

static CK_OBJECT_HANDLE find(char *label)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_ULONG count = 0;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, label, strlen(label)}};
    need(module->C_FindObjectsInit(session, template, 2) == CKR_OK, "looking for the key");
    need(module->C_FindObjects(session, &key, 1, &count) == CKR_OK && count == 1, "finding the key");
    (void)module->C_FindObjectsFinal(session);
    return key;
}

static void evolve(char *label, const char *text)
{
    CK_ULONG period = number(text);
    CK_ATTRIBUTE attribute = {CKA_BULLA_KES_PERIOD, &period, sizeof period};
    need(module->C_SetAttributeValue(session, find(label), &attribute, 1) == CKR_OK, "evolving the key");
}

int main(int argc, char **argv)
{
    need(argc >= 6, "MODULE TOKEN PIN make|evolve|remove LABEL …");
    session_open(argv[1], argv[2], argv[3]);
    if (strcmp(argv[4], "make") == 0 && argc >= 9)
        make(argc - 5, argv + 5);
    else if (strcmp(argv[4], "evolve") == 0 && argc == 7)
        evolve(argv[5], argv[6]);
    else
        need(strcmp(argv[4], "remove") == 0 && module->C_DestroyObject(session, find(argv[5])) == CKR_OK, "removing");
    return module->C_Finalize(NULL) == CKR_OK ? 0 : 1;
}
