#include "source.h"

#include <dlfcn.h>
#include <p11-kit/p11-kit.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "output.h"
#include "progress.h"

enum { SLOTS_LARGEST = 256 };

enum bulla_reason bulla_source_check(CK_RV result, const char *doing)
{
    return result == CKR_OK ? BULLA_OK
                            : bulla_refuse(bulla_reason_of_ckr(result), "the source: %s: %s (code 0x%lx)", doing,
                                  p11_kit_strerror(result), result);
}

static enum bulla_reason library_load(struct bulla_source *source, const char *path)
{
    CK_RV (*get)(CK_FUNCTION_LIST * *list) = NULL;
    char place[4096];
    /* dlopen looks for a bare name elsewhere */
    (void)snprintf(place, sizeof place, "%s%s", strchr(path, '/') ? "" : "./", path);
    source->library = dlopen(place, RTLD_NOW | RTLD_LOCAL);
    if (!source->library)
        return bulla_refuse(BULLA_FILE, "the source's module can't be loaded: %s", dlerror());
    void *symbol = dlsym(source->library, "C_GetFunctionList");
    memcpy(&get, &symbol, sizeof get); /* C has no cast from data to function */
    if (!get)
        return bulla_refuse(BULLA_FILE, "%s is not a PKCS#11 module: it has no C_GetFunctionList", path);
    CK_RV result = get(&source->module);
    return bulla_source_check(result == CKR_OK && !source->module ? CKR_GENERAL_ERROR : result, "C_GetFunctionList");
}

static enum bulla_reason library_initialize(struct bulla_source *source)
{
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    CK_RV result = source->module->C_Initialize(&arguments);
    source->initialised = result == CKR_OK;
    return result == CKR_CRYPTOKI_ALREADY_INITIALIZED ? BULLA_OK : bulla_source_check(result, "starting the module");
}

/* Names of the tokens that are there, for who gave another. */
struct tokens_seen {
    unsigned matching;
    char names[256];
};

static void token_consider(struct bulla_source *source, CK_SLOT_ID slot, const char *name, struct tokens_seen *seen)
{
    CK_TOKEN_INFO token;
    char label[33];
    char serial[17];
    if (source->module->C_GetTokenInfo(slot, &token) != CKR_OK)
        return;
    bulla_client_field(token.label, sizeof token.label, label);
    bulla_client_field(token.serialNumber, sizeof token.serialNumber, serial);
    size_t used = strlen(seen->names);
    if (*label)
        (void)snprintf(seen->names + used, sizeof seen->names - used, "%s%s", used ? ", " : "", label);
    if ((strcmp(name, label) != 0 && strcmp(name, serial) != 0) || seen->matching++ > 0)
        return;
    source->slot = slot;
    source->token = token;
}

static enum bulla_reason token_choose(struct bulla_source *source, const char *name)
{
    struct tokens_seen seen = {.matching = 0};
    CK_SLOT_ID slots[SLOTS_LARGEST];
    CK_ULONG count = SLOTS_LARGEST;
    BULLA_TRY(bulla_source_check(source->module->C_GetSlotList(CK_TRUE, slots, &count), "listing its tokens"));
    for (CK_ULONG i = 0; i < count; i++)
        token_consider(source, slots[i], name, &seen);
    if (seen.matching == 1)
        return BULLA_OK;
    bulla_output_remedy(seen.matching ? "name it with --token by its serial number" : "name one with --token: %s",
        *seen.names ? seen.names : "it has none");
    return bulla_refuse(BULLA_TOKEN_UNINITIALIZED, "%s of the source's tokens %s called \"%s\"",
        seen.matching ? "several" : "none", seen.matching ? "are" : "is", name);
}

enum bulla_reason bulla_source_open(struct bulla_source *source, const char *path, const char *name)
{
    memset(source, 0, sizeof *source);
    source->session = CK_INVALID_HANDLE;
    BULLA_TRY(library_load(source, path));
    BULLA_TRY(library_initialize(source));
    return token_choose(source, name);
}

static enum bulla_reason pin_give(struct bulla_source *source, const char *pin_file)
{
    BULLA_SECRET struct bulla_pin *pin = NULL;
    struct bulla_wait wait;
    char label[33];
    char clean[sizeof label];
    char prompt[64];
    bulla_client_field(source->token.label, sizeof source->token.label, label);
    bulla_output_clean(label, clean, sizeof clean); /* the prompt goes to the terminal as it is */
    (void)snprintf(prompt, sizeof prompt, "PIN of the source %s", clean);
    bool pad = source->token.flags & CKF_PROTECTED_AUTHENTICATION_PATH && !pin_file;
    if (!pad)
        BULLA_TRY(bulla_pin_get(&(struct bulla_pin_source){.file = pin_file, .prompt = prompt}, &pin));
    bulla_wait_begin(&wait, "logging in to the source");
    CK_RV result =
        source->module->C_Login(source->session, CKU_USER, pin ? pin->bytes : NULL, pin ? (CK_ULONG)pin->size : 0);
    bulla_wait_end(&wait);
    source->logged_in = result == CKR_OK;
    return result == CKR_USER_ALREADY_LOGGED_IN ? BULLA_OK : bulla_source_check(result, "logging in");
}

enum bulla_reason bulla_source_login(struct bulla_source *source, const char *pin_file)
{
    BULLA_TRY(bulla_source_check(
        source->module->C_OpenSession(source->slot, CKF_SERIAL_SESSION, NULL, NULL, &source->session),
        "opening a session"));
    return source->token.flags & CKF_LOGIN_REQUIRED ? pin_give(source, pin_file) : BULLA_OK;
}

void bulla_source_close(struct bulla_source *source)
{
    if (source->logged_in)
        (void)source->module->C_Logout(source->session);
    if (source->session != CK_INVALID_HANDLE)
        (void)source->module->C_CloseSession(source->session);
    if (source->initialised)
        (void)source->module->C_Finalize(NULL);
    if (source->library)
        (void)dlclose(source->library);
    memset(source, 0, sizeof *source);
    source->session = CK_INVALID_HANDLE;
}
