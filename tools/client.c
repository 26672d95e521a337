#include "client.h"

#include <errno.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "module_log.h"
#include "output.h"

enum { SLOTS_LARGEST = 256 };

void bulla_client_field(const unsigned char *field, size_t size, char *text)
{
    while (size && (field[size - 1] == ' ' || field[size - 1] == '\0'))
        size--;
    memcpy(text, field, size);
    text[size] = '\0';
}

void bulla_client_label(const struct bulla_client *client, char label[static 33])
{
    bulla_client_field(client->token.label, sizeof client->token.label, label);
    if (!*label)
        memcpy(label, client->name, sizeof client->name);
}

/* bulla's slots are described as "bulla token NAME". */
static void slot_name(CK_FUNCTION_LIST *module, CK_SLOT_ID slot, char name[static 33])
{
    static const char prefix[] = "bulla token ";
    CK_SLOT_INFO info;
    char description[65] = "";
    name[0] = '\0';
    if (module->C_GetSlotInfo(slot, &info) != CKR_OK)
        return;
    bulla_client_field(info.slotDescription, sizeof info.slotDescription, description);
    if (strncmp(description, prefix, sizeof prefix - 1) == 0)
        (void)snprintf(name, 33, "%.32s", description + sizeof prefix - 1);
}

/* --- loading --- */

static enum bulla_reason module_load_named(struct bulla_client *client, const char *path)
{
    char *whole = realpath(path, NULL); /* p11-kit looks for a bare name elsewhere */
    if (!whole)
        return bulla_refuse(BULLA_FILE, "the module %s: %s", path, strerror(errno));
    client->named = p11_kit_module_load(whole, 0);
    free(whole);
    if (!client->named)
        return bulla_refuse(BULLA_FILE, "the module %s can't be loaded: %s", path, p11_kit_message());
    CK_RV result = p11_kit_module_initialize(client->named);
    if (result == CKR_OK)
        return BULLA_OK;
    p11_kit_module_release(client->named);
    client->named = NULL;
    return bulla_module_log_refuse(bulla_reason_of_ckr(result), "the module does not start", p11_kit_strerror(result));
}

static enum bulla_reason modules_load(struct bulla_client *client, const char *path)
{
    p11_kit_be_quiet(); /* what p11-kit would print of other modules is not about the token */
    if (path)
        return module_load_named(client, path);
    client->registered = p11_kit_modules_load_and_initialize(0);
    return client->registered ? BULLA_OK
                              : bulla_refuse(BULLA_FILE, "p11-kit can't load its modules: %s", p11_kit_message());
}

/* --- choosing --- */

struct choice {
    const char *wanted; /* a label or a serial number; NULL: any */
    P11KitUri *uri;     /* NULL: none */
    unsigned tokens, bulla, matching;
    char names[200];
};

static bool token_matches(const struct choice *choice, CK_SLOT_ID slot, const CK_TOKEN_INFO *token, const char *name)
{
    char label[33];
    char serial[17];
    if (choice->uri) {
        CK_SLOT_ID named = p11_kit_uri_get_slot_id(choice->uri);
        return p11_kit_uri_match_token_info(choice->uri, token) && (named == (CK_SLOT_ID)-1 || named == slot);
    }
    bulla_client_field(token->label, sizeof token->label, label);
    bulla_client_field(token->serialNumber, sizeof token->serialNumber, serial);
    return !choice->wanted || strcmp(choice->wanted, label) == 0 || strcmp(choice->wanted, serial) == 0 ||
           strcmp(choice->wanted, name) == 0;
}

static void token_consider(
    struct bulla_client *client, struct choice *choice, CK_FUNCTION_LIST *module, CK_SLOT_ID slot)
{
    CK_TOKEN_INFO token;
    char maker[33];
    char label[33];
    char name[33];
    if (module->C_GetTokenInfo(slot, &token) != CKR_OK)
        return;
    choice->tokens++;
    bulla_client_field(token.manufacturerID, sizeof token.manufacturerID, maker);
    bulla_client_field(token.label, sizeof token.label, label);
    if (strcmp(maker, "bulla") != 0)
        return;
    choice->bulla++;
    slot_name(module, slot, name);
    size_t used = strlen(choice->names);
    (void)snprintf(choice->names + used, sizeof choice->names - used, "%s%s", used ? ", " : "", *label ? label : name);
    if (!token_matches(choice, slot, &token, name) || choice->matching++ > 0)
        return;
    client->module = module;
    client->slot = slot;
    client->token = token;
    memcpy(client->name, name, sizeof client->name);
}

static void module_consider(struct bulla_client *client, struct choice *choice, CK_FUNCTION_LIST *module)
{
    CK_SLOT_ID slots[SLOTS_LARGEST];
    CK_ULONG count = SLOTS_LARGEST;
    if (module->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
        return;
    for (CK_ULONG i = 0; i < count; i++)
        token_consider(client, choice, module, slots[i]);
}

static enum bulla_reason choice_check(const struct choice *choice, const char *module)
{
    if (choice->matching == 1)
        return BULLA_OK;
    if (choice->bulla == 0 && module) {
        bulla_output_remedy("name bulla's own module with --module, or leave the option out");
        return bulla_refuse(BULLA_TOKEN_UNINITIALIZED, "%s has %u token%s, but none is a bulla token", module,
            choice->tokens, bulla_plural(choice->tokens));
    }
    if (choice->bulla == 0) {
        char among[64];
        (void)snprintf(among, sizeof among, "none among the %u that p11-kit's modules have", choice->tokens);
        bulla_output_remedy("register bulla's module with p11-kit, or name it with --module PATH");
        return bulla_module_log_refuse(BULLA_TOKEN_UNINITIALIZED, "no bulla token", among);
    }
    bulla_output_remedy("name one with --token: %s", choice->names);
    if (choice->matching == 0)
        return bulla_refuse(
            BULLA_TOKEN_UNINITIALIZED, "no bulla token is called \"%s\"", choice->wanted ? choice->wanted : "");
    return bulla_refuse(BULLA_TOKEN_UNINITIALIZED, "%u bulla tokens match", choice->matching);
}

static enum bulla_reason choice_from(struct bulla_client *client, const char *wanted, struct choice *choice)
{
    choice->wanted = wanted;
    if (!wanted || strncmp(wanted, "pkcs11:", 7) != 0)
        return BULLA_OK;
    choice->uri = p11_kit_uri_new();
    int result = choice->uri ? p11_kit_uri_parse(wanted, P11_KIT_URI_FOR_ANY, choice->uri) : P11_KIT_URI_UNEXPECTED;
    if (result != P11_KIT_URI_OK || p11_kit_uri_any_unrecognized(choice->uri))
        return bulla_refuse(BULLA_ARGUMENT, "'%s' is not a PKCS#11 URI: %s", wanted, p11_kit_uri_message(result));
    const char *source = p11_kit_uri_get_pin_source(choice->uri);
    if (source && strncmp(source, "file:", 5) == 0)
        source += strncmp(source, "file://", 7) == 0 ? 7 : 5;
    client->pin_source = source ? strdup(source) : NULL;
    return BULLA_OK;
}

enum bulla_reason bulla_client_open(struct bulla_client *client, const struct bulla_common *common)
{
    struct choice choice;
    memset(&choice, 0, sizeof choice);
    memset(client, 0, sizeof *client);
    client->session = CK_INVALID_HANDLE;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    client->started = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    bulla_module_log_begin();
    enum bulla_reason reason = choice_from(client, common->token, &choice);
    if (reason == BULLA_OK)
        reason = modules_load(client, common->module);
    if (reason == BULLA_OK && client->named)
        module_consider(client, &choice, client->named);
    for (size_t i = 0; reason == BULLA_OK && client->registered && client->registered[i]; i++)
        module_consider(client, &choice, client->registered[i]);
    if (reason == BULLA_OK)
        reason = choice_check(&choice, common->module);
    p11_kit_uri_free(choice.uri);
    return reason;
}

void bulla_client_close(struct bulla_client *client)
{
    if (client->session != CK_INVALID_HANDLE && client->logged_in)
        (void)client->module->C_Logout(client->session);
    if (client->session != CK_INVALID_HANDLE)
        (void)client->module->C_CloseSession(client->session);
    client->session = CK_INVALID_HANDLE;
    client->logged_in = false;
    if (client->named) {
        (void)p11_kit_module_finalize(client->named);
        p11_kit_module_release(client->named);
    }
    if (client->registered)
        p11_kit_modules_finalize_and_release(client->registered);
    bulla_module_log_end();
    free(client->pin_source);
    client->pin_source = NULL;
    client->named = NULL;
    client->registered = NULL;
}
