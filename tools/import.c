/* Object by object, in the order of their classes: each is looked for in the token before it is made there, and each is
 * made by one call that does it whole or not at all. So a run that ended anywhere is continued by the next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "import.h"
#include "output.h"
#include "progress.h"

enum { CANDIDATES_STEP = 64 };

#define AT(member) offsetof(struct bulla_import_settings, member)

/* --module and --token are the source's here; the target's have other names, and are what other commands call so. */
static const struct bulla_option options[] = {
    {"module", 'm', "PATH", "the PKCS#11 module to bring from", BULLA_OPTION_TEXT, AT(module), 0, 0, true},
    {"token", 't', "LABEL", "the token to bring from: its label or serial number", BULLA_OPTION_TEXT, AT(token), 0, 0,
        true},
    {"source-pin-file", 0, "FILE", "read the source's PIN from FILE (else ask)", BULLA_OPTION_TEXT, AT(pin_file), 0, 0,
        false},
    {"to", 0, "LABEL", "the bulla token to bring to: as --token of other commands", BULLA_OPTION_TEXT, AT(common.token),
        0, 0, false},
    {"to-module", 0, "PATH", "bulla's module, instead of the registered ones: as --module of other commands",
        BULLA_OPTION_TEXT, AT(common.module), 0, 0, false},
    {"dry-run", 'n', NULL, "say what would be brought, and bring nothing", BULLA_OPTION_FLAG, AT(dry_run), 0, 0, false},
};

/* Classes in the order in which they are brought; the others that the standard has describe the token itself. */
static const CK_OBJECT_CLASS classes[] = {CKO_DATA, CKO_CERTIFICATE, CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKO_SECRET_KEY};

/* Codes after which no other object would fare better. */
static const CK_RV tokens_own[] = {CKR_HOST_MEMORY, CKR_DEVICE_ERROR, CKR_DEVICE_MEMORY, CKR_DEVICE_REMOVED,
    CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED, CKR_SESSION_READ_ONLY, CKR_TOKEN_NOT_PRESENT,
    CKR_TOKEN_NOT_RECOGNIZED, CKR_TOKEN_WRITE_PROTECTED, CKR_TOKEN_RESOURCE_EXCEEDED, CKR_USER_NOT_LOGGED_IN,
    CKR_CRYPTOKI_NOT_INITIALIZED};

bool bulla_import_is_objects_own(CK_RV result)
{
    for (size_t i = 0; i < BULLA_COUNT(tokens_own); i++)
        if (tokens_own[i] == result)
            return false;
    return true;
}

/* --- what the source has --- */

static enum bulla_reason handles_grow(CK_OBJECT_HANDLE **handles, size_t count)
{
    CK_OBJECT_HANDLE *more = realloc(*handles, (count + CANDIDATES_STEP) * sizeof **handles);
    if (!more)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for %zu objects", count);
    *handles = more;
    return BULLA_OK;
}

static enum bulla_reason class_collect(struct bulla_import *import, CK_OBJECT_CLASS class)
{
    CK_BBOOL yes = CK_TRUE;
    CK_FUNCTION_LIST *module = import->source.module;
    CK_SESSION_HANDLE session = import->source.session;
    CK_ATTRIBUTE template[] = {{CKA_TOKEN, &yes, sizeof yes}, {CKA_CLASS, &class, sizeof class}};
    enum bulla_reason reason =
        bulla_source_check(module->C_FindObjectsInit(session, template, BULLA_COUNT(template)), "looking for objects");
    if (reason != BULLA_OK)
        return reason;
    for (CK_ULONG got = 1; reason == BULLA_OK && got; import->count += got) {
        got = 0;
        reason = handles_grow(&import->objects, import->count);
        if (reason == BULLA_OK)
            reason = bulla_source_check(
                module->C_FindObjects(session, import->objects + import->count, CANDIDATES_STEP, &got),
                "looking for objects");
    }
    (void)module->C_FindObjectsFinal(session);
    return reason;
}

/* --- what the token has already --- */

static bool is_claimed(const struct bulla_import *import, CK_OBJECT_HANDLE object)
{
    for (size_t i = 0; i < import->claimed_count; i++)
        if (import->claimed[i] == object)
            return true;
    return false;
}

static enum bulla_reason claim(struct bulla_import *import, CK_OBJECT_HANDLE object)
{
    if (import->claimed_count % CANDIDATES_STEP == 0)
        BULLA_TRY(handles_grow(&import->claimed, import->claimed_count));
    import->claimed[import->claimed_count++] = object;
    return BULLA_OK;
}

static enum bulla_reason candidate_check(
    struct bulla_import *import, struct bulla_carried *carried, CK_OBJECT_HANDLE object, bool *same)
{
    struct bulla_carried other;
    *same = false;
    if (is_claimed(import, object))
        return BULLA_OK;
    CK_RV result = bulla_carried_read(import->target.module, import->target.session, object, false, &other);
    if (result == CKR_OBJECT_HANDLE_INVALID) /* another process has destroyed it */
        return BULLA_OK;
    BULLA_TRY(other.memory);
    BULLA_TRY(bulla_client_check(&import->target, result, "comparing with what the token has"));
    /* A key that was made in the token came from nowhere else. */
    *same = !bulla_carried_flag(&other, CKA_LOCAL) && bulla_carried_same(carried, &other);
    bulla_carried_release(&other);
    return *same ? claim(import, object) : BULLA_OK;
}

/* All that agree in what a search can ask for. */
static enum bulla_reason candidates_find(
    struct bulla_import *import, struct bulla_carried *carried, CK_OBJECT_HANDLE **found, CK_ULONG *count)
{
    static const CK_ATTRIBUTE_TYPE asked[] = {CKA_CLASS, CKA_KEY_TYPE, CKA_ID, CKA_LABEL};
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template[BULLA_COUNT(asked) + 1] = {{CKA_TOKEN, &yes, sizeof yes}};
    CK_ULONG attributes = 1;
    for (size_t i = 0; i < BULLA_COUNT(asked); i++) {
        const CK_ATTRIBUTE *value = bulla_carried_find(carried, asked[i]);
        if (value)
            template[attributes++] = *value;
    }
    for (CK_ULONG room = CANDIDATES_STEP;; room *= 4) {
        CK_OBJECT_HANDLE *more = realloc(*found, room * sizeof *more);
        if (!more)
            return bulla_refuse(BULLA_OUT_OF_MEMORY, "for %lu objects", room);
        *found = more;
        BULLA_TRY(bulla_client_find(&import->target, template, attributes, *found, room, count));
        if (*count < room)
            return BULLA_OK;
    }
}

static enum bulla_reason present_find(struct bulla_import *import, struct bulla_carried *carried, bool *present)
{
    CK_OBJECT_HANDLE *found = NULL;
    CK_ULONG count = 0;
    *present = false;
    enum bulla_reason reason = candidates_find(import, carried, &found, &count);
    for (CK_ULONG i = 0; reason == BULLA_OK && !*present && i < count; i++)
        reason = candidate_check(import, carried, found[i], present);
    free(found);
    return reason;
}

/* --- one object --- */

static enum bulla_reason object_create(
    struct bulla_import *import, struct bulla_carried *carried, struct bulla_import_row *row, CK_OBJECT_HANDLE *made)
{
    CK_ATTRIBUTE template[BULLA_CARRIED_LARGEST];
    CK_ULONG count = bulla_carried_template(carried, false, template);
    if (import->settings->dry_run)
        return BULLA_OK;
    CK_RV result;
    do
        result = import->target.module->C_CreateObject(import->target.session, template, count, made);
    while (bulla_import_yield(result, template, count, row));
    enum bulla_reason reason = bulla_client_check(&import->target, result, "creating it in the token");
    if (result == CKR_OK || !bulla_import_is_objects_own(result))
        return reason;
    (void)snprintf(row->why, sizeof row->why, "%s", bulla_detail());
    return BULLA_OK;
}

static void notes_make(struct bulla_carried *carried, struct bulla_import_row *row)
{
    bool own = carried->class == CKO_PRIVATE_KEY || carried->class == CKO_SECRET_KEY;
    bool readable = own && bulla_carried_find(carried, CKA_SENSITIVE) && !bulla_carried_flag(carried, CKA_SENSITIVE);
    (void)snprintf(row->notes, sizeof row->notes, "%s%s%s%s",
        row->unwrapped ? "wrapped at the source, unwrapped in the token; " : "",
        row->split ? "no longer wraps and unwraps: bulla lets no key do that and encrypt or decrypt; " : "",
        readable ? "not sensitive, as at the source; " : "",
        bulla_carried_flag(carried, CKA_TRUSTED)
            ? "no longer trusted (CKA_TRUSTED): the SO of the token says that anew; "
            : "");
    if (*row->notes)
        row->notes[strlen(row->notes) - 2] = '\0';
}

static enum bulla_reason object_make(
    struct bulla_import *import, CK_OBJECT_HANDLE object, struct bulla_carried *carried, struct bulla_import_row *row)
{
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    enum bulla_reason reason = BULLA_OK;
    if (!carried->known)
        (void)snprintf(row->why, sizeof row->why, "bulla has no keys of type 0x%lx", carried->type);
    else if (carried->sealed && !bulla_carried_flag(carried, CKA_EXTRACTABLE))
        (void)snprintf(row->why, sizeof row->why, "the source never gives it away (CKA_EXTRACTABLE is false)");
    else if (carried->sealed)
        reason = bulla_import_wrapped(import, object, carried, row, &made);
    else
        reason = object_create(import, carried, row, &made);
    row->result = *row->why ? BULLA_IMPORT_LEFT : BULLA_IMPORT_BROUGHT;
    if (row->result == BULLA_IMPORT_BROUGHT)
        notes_make(carried, row);
    return reason == BULLA_OK && made != CK_INVALID_HANDLE ? claim(import, made) : reason;
}

static enum bulla_reason object_bring(struct bulla_import *import, CK_OBJECT_HANDLE object)
{
    struct bulla_carried carried;
    struct bulla_import_row row = {.result = BULLA_IMPORT_PRESENT};
    bool present = false;
    CK_RV result = bulla_carried_read(import->source.module, import->source.session, object, true, &carried);
    if (result == CKR_OBJECT_HANDLE_INVALID) /* gone since it was listed */
        return BULLA_OK;
    BULLA_TRY(carried.memory);
    BULLA_TRY(bulla_source_check(result, "reading an object"));
    enum bulla_reason reason = present_find(import, &carried, &present);
    if (reason == BULLA_OK && !present)
        reason = object_make(import, object, &carried, &row);
    if (reason == BULLA_OK)
        bulla_import_tell(import, &carried, &row);
    bulla_carried_release(&carried);
    return reason;
}

/* --- all of them --- */

static enum bulla_reason both_open(struct bulla_import *import, const struct bulla_call *call)
{
    const struct bulla_import_settings *settings = import->settings;
    BULLA_TRY(bulla_client_connect(&import->target, call));
    BULLA_TRY(bulla_source_open(&import->source, settings->module, settings->token));
    const CK_TOKEN_INFO *one = &import->source.token;
    const CK_TOKEN_INFO *other = &import->target.token;
    if (memcmp(one->manufacturerID, other->manufacturerID, sizeof one->manufacturerID) == 0 &&
        memcmp(one->serialNumber, other->serialNumber, sizeof one->serialNumber) == 0)
        return bulla_refuse(BULLA_ARGUMENT, "the source is the token itself");
    return bulla_source_login(&import->source, settings->pin_file);
}

static enum bulla_reason all_bring(struct bulla_import *import)
{
    struct bulla_progress progress;
    enum bulla_reason reason = BULLA_OK;
    for (size_t i = 0; i < BULLA_COUNT(classes); i++)
        BULLA_TRY(class_collect(import, classes[i]));
    bulla_progress_begin_count(&progress, import->settings->dry_run ? "comparing" : "bringing over", import->count);
    for (size_t i = 0; reason == BULLA_OK && i < import->count; i++) {
        reason = object_bring(import, import->objects[i]);
        bulla_progress_add(&progress, 1);
    }
    bulla_progress_end(&progress);
    return reason;
}

/* What was brought is told also where the rest was refused. */
static enum bulla_reason import_tell(struct bulla_import *import, enum bulla_reason reason)
{
    struct bulla_detail_kept kept;
    bulla_detail_keep(&kept);
    if (reason == BULLA_OK || json_array_size(import->rows))
        bulla_import_rows_say(import);
    bulla_detail_restore(&kept);
    return reason == BULLA_OK ? bulla_import_document(import) : reason;
}

static enum bulla_reason import_run(const struct bulla_call *call)
{
    struct bulla_import_settings *settings = call->settings;
    struct bulla_import import;
    memset(&import, 0, sizeof import);
    import.settings = settings;
    import.source.session = CK_INVALID_HANDLE;
    import.rows = json_array();
    enum bulla_reason reason = import.rows ? BULLA_OK : bulla_refuse(BULLA_OUT_OF_MEMORY, "for the report");
    if (reason == BULLA_OK)
        reason = both_open(&import, call);
    if (reason == BULLA_OK)
        reason = all_bring(&import);
    reason = import_tell(&import, reason);
    settings->common.partly = import.totals[BULLA_IMPORT_LEFT] > 0;
    bulla_import_wrapping_end(&import);
    bulla_source_close(&import.source); /* first: p11-kit may have the same module, and unloads it */
    bulla_client_close(&import.target);
    json_decref(import.rows);
    free(import.objects);
    free(import.claimed);
    return reason;
}

const struct bulla_command bulla_command_import = {
    .name = "import",
    .arguments = "",
    .summary = "Bring keys, certificates and data over from another PKCS#11 token",
    .text = "What the source shows is created as it is; a key that it does not show, but lets out, is wrapped for the "
            "way.\n"
            "What is there already is left alone, so a run that broke off is continued by the same command.\n"
            "The source is only read. What had to be left behind is named, with the reason, and the status is then 7.",
    .examples = "  bulla import --module /usr/lib/softhsm/libsofthsm2.so --token old --dry-run\n"
                "  bulla import --module /usr/lib/softhsm/libsofthsm2.so --token old --source-pin-file old-pin\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct bulla_import_settings),
    .run = import_run,
};
