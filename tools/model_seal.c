/* The order of sealing: the folder is read and hashed before the token is asked for anything; the key is made or found;
 * the space is reserved; the archive is streamed; C_EncryptFinal counts the new generation; the file gets its name.
 * Between the last two a crash leaves a generation without its file: sealing again mends it, and nothing else does. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "archive.h"
#include "authority.h"
#include "client.h"
#include "commands.h"
#include "file.h"
#include "interrupt.h"
#include "output.h"
#include "progress.h"

enum { ID_LARGEST = 64, OUTPUT_EXTRA = (1 << 20) + 8192, PREFIX_GUESS = 8192 };

struct seal_settings {
    struct bulla_common common;
    const char *label, *release, *authority;
    uint64_t epoch;
    bool force;
};
#define AT(member) offsetof(struct seal_settings, member)

static const struct bulla_option options[] = {
    {"label", 'l', "NAME", "the model's label in the token", BULLA_OPTION_TEXT, AT(label), 0, 0, true},
    {"release", 'r', "TREE", "what must release the key: tpm, passphrase, 2 of (tpm, passphrase)", BULLA_OPTION_TEXT,
        AT(release), 0, 0, false},
    {"authority", 'a', "KEY", "P-256 public key that signs policies for it (PEM file, or hex)", BULLA_OPTION_TEXT,
        AT(authority), 0, 0, false},
    {"epoch", 0, "N", "the policy epoch that the key is sealed under", BULLA_OPTION_NUMBER, AT(epoch), 1, INT64_MAX,
        false},
    {"force", 'f', NULL, "seal a new generation of a model that is there already", BULLA_OPTION_FLAG, AT(force), 0, 0,
        false},
};

struct sealing {
    const struct seal_settings *settings;
    struct bulla_client client;
    struct bulla_archive *archive;
    CK_OBJECT_HANDLE key;
    bool key_made, began;
    char id[2 * ID_LARGEST + 1];
    char path[4096];
    struct bulla_file_writer file;
    uint8_t *output; /* ciphertext */
};

static void ignored_tell(const char *name, const char *why)
{
    bulla_remark("left out: %s (%s)", name, why);
}

/* --- the key --- */

static enum bulla_reason key_make(struct sealing *sealing)
{
    const struct seal_settings *settings = sealing->settings;
    CK_MECHANISM mechanism = {CKM_BULLA_MODEL_KEY_GEN, NULL, 0};
    CK_BBOOL yes = CK_TRUE;
    CK_ULONG epoch = (CK_ULONG)settings->epoch;
    uint8_t authority[BULLA_AUTHORITY_SIZE];
    char *label = strdup(settings->label);
    char *release = strdup(settings->release ? settings->release : "");
    CK_ATTRIBUTE template[6] = {
        {CKA_TOKEN, &yes, sizeof yes}, {CKA_PRIVATE, &yes, sizeof yes}, {CKA_LABEL, label, strlen(settings->label)}};
    CK_ULONG count = 3;
    enum bulla_reason reason = label && release ? BULLA_OK : bulla_refuse(BULLA_OUT_OF_MEMORY, "for a label");
    if (settings->release)
        template[count++] = (CK_ATTRIBUTE){CKA_BULLA_RELEASE, release, strlen(settings->release)};
    if (reason == BULLA_OK && settings->authority) {
        reason = bulla_authority_public(settings->authority, authority);
        template[count++] = (CK_ATTRIBUTE){CKA_BULLA_AUTHORITY, authority, sizeof authority};
    }
    if (settings->epoch)
        template[count++] = (CK_ATTRIBUTE){CKA_BULLA_EPOCH, &epoch, sizeof epoch};
    if (reason == BULLA_OK)
        reason = bulla_client_check(&sealing->client,
            sealing->client.module->C_GenerateKey(sealing->client.session, &mechanism, template, count, &sealing->key),
            "making the model's key");
    sealing->key_made = reason == BULLA_OK;
    free(label);
    free(release);
    return reason;
}

/* A key without a generation was never sealed under to the end: a crash, and no reason to ask for --force. */
static enum bulla_reason key_reuse_check(struct sealing *sealing)
{
    const struct seal_settings *settings = sealing->settings;
    CK_ULONG generation = 0;
    BULLA_TRY(bulla_client_number(&sealing->client, sealing->key, CKA_BULLA_GENERATION, 0, &generation));
    if (settings->release || settings->authority || settings->epoch)
        return bulla_refuse(
            BULLA_ARGUMENT, "\"%s\" has a key: --release, --authority and --epoch are for a new one", settings->label);
    if (generation && !settings->force)
        return bulla_refuse(BULLA_ARGUMENT, "\"%s\" is sealed already (generation %lu): --force seals a new generation",
            settings->label, generation);
    return BULLA_OK;
}

static enum bulla_reason id_get(struct sealing *sealing)
{
    uint8_t *id = NULL;
    size_t size = 0;
    BULLA_TRY(bulla_client_attribute(&sealing->client, sealing->key, CKA_ID, &id, &size));
    if (size > 0 && size <= ID_LARGEST)
        bulla_hex_write(id, size, sealing->id);
    free(id);
    return *sealing->id ? BULLA_OK
                        : bulla_refuse(BULLA_KEY_INVALID, "the id of \"%s\" has %zu bytes instead of 1 to %d",
                              sealing->settings->label, size, ID_LARGEST);
}

static enum bulla_reason key_find_or_make(struct sealing *sealing)
{
    BULLA_TRY(bulla_client_model(&sealing->client, sealing->settings->label, &sealing->key));
    if (sealing->key == CK_INVALID_HANDLE)
        BULLA_TRY(key_make(sealing));
    else
        BULLA_TRY(key_reuse_check(sealing));
    return id_get(sealing);
}

/* --- the file --- */

static enum bulla_reason path_make(struct sealing *sealing)
{
    json_t *status = NULL;
    BULLA_TRY(bulla_client_document(&sealing->client, "status", &status));
    const char *folder = json_string_value(json_object_get(status, "models"));
    int used = folder ? snprintf(sealing->path, sizeof sealing->path, "%s/%s.bulla", folder, sealing->id) : -1;
    bool made = folder && (mkdir(folder, 0700) == 0 || errno == EEXIST);
    int error = errno;
    json_decref(status);
    if (used < 0 || (size_t)used >= sizeof sealing->path)
        return bulla_refuse(BULLA_FILE, "the token names no usable models folder");
    return made ? BULLA_OK
                : bulla_refuse(BULLA_FILE, "making the models folder for %s: %s", sealing->path, strerror(error));
}

static enum bulla_reason output_put(struct sealing *sealing, CK_RV result, CK_ULONG size)
{
    BULLA_TRY(bulla_client_check(&sealing->client, result, "sealing the model"));
    return bulla_file_writer_put(&sealing->file, (struct bulla_bytes){sealing->output, size});
}

static enum bulla_reason piece_seal(void *context, struct bulla_bytes piece)
{
    struct sealing *sealing = context;
    CK_ULONG size = BULLA_ARCHIVE_PIECE + OUTPUT_EXTRA;
    uint8_t *data;
    memcpy(&data, &piece.data, sizeof data); /* PKCS#11 has no const */
    CK_RV result =
        sealing->client.module->C_EncryptUpdate(sealing->client.session, data, piece.size, sealing->output, &size);
    return output_put(sealing, result, result == CKR_OK ? size : 0);
}

static enum bulla_reason stream_seal(struct sealing *sealing)
{
    struct bulla_wait wait;
    CK_MECHANISM mechanism = {CKM_BULLA_SEAL, NULL, 0};
    CK_FUNCTION_LIST *module = sealing->client.module;
    CK_ULONG size = BULLA_ARCHIVE_PIECE + OUTPUT_EXTRA;
    bulla_wait_begin(&wait, "opening the model's key");
    CK_RV result = module->C_EncryptInit(sealing->client.session, &mechanism, sealing->key);
    bulla_wait_end(&wait);
    BULLA_TRY(bulla_client_check(&sealing->client, result, "opening the model's key"));
    struct bulla_archive_sink sink = {piece_seal, sealing};
    BULLA_TRY(bulla_archive_stream(sealing->archive, &sink));
    bulla_wait_begin(&wait, "checking the sealed model");
    result = module->C_EncryptFinal(sealing->client.session, sealing->output, &size);
    bulla_wait_end(&wait);
    BULLA_TRY(output_put(sealing, result, result == CKR_OK ? size : 0));
    return bulla_file_writer_finish(&sealing->file);
}

/* 16 bytes of tag for each chunk of a MiB, and the header: an estimate for the disk, not a promise. */
static uint64_t sealed_size_guess(const struct bulla_archive *archive)
{
    uint64_t plain = 4 + BULLA_ARCHIVE_MANIFEST_LARGEST + archive->bytes;
    return plain + (plain / (1 << 20) + 1) * 16 + PREFIX_GUESS;
}

static enum bulla_reason seal(struct sealing *sealing, const char *folder)
{
    BULLA_TRY(bulla_archive_collect(sealing->archive, folder, ignored_tell));
    BULLA_TRY(bulla_archive_hash(sealing->archive));
    BULLA_TRY(key_find_or_make(sealing));
    BULLA_TRY(path_make(sealing));
    BULLA_TRY(bulla_file_writer_open(&sealing->file, sealing->path, 0600));
    BULLA_TRY(bulla_file_writer_reserve(&sealing->file, sealed_size_guess(sealing->archive)));
    return stream_seal(sealing);
}

/* A key that this run made and nothing was sealed under is of no use; one that was there stays. */
static void undo(struct sealing *sealing)
{
    bulla_file_writer_drop(&sealing->file);
    if (!sealing->key_made)
        return;
    /* The operation that was stopped ends with its session. */
    CK_FUNCTION_LIST *module = sealing->client.module;
    CK_SESSION_HANDLE fresh = CK_INVALID_HANDLE;
    if (module->C_OpenSession(sealing->client.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &fresh) != CKR_OK)
        return;
    if (module->C_DestroyObject(fresh, sealing->key) != CKR_OK)
        bulla_remark("the unused key \"%s\" stays in the token", sealing->settings->label);
    (void)module->C_CloseSession(fresh);
}

static enum bulla_reason result_print(struct sealing *sealing)
{
    CK_ULONG generation = 0;
    bool attested = false;
    BULLA_TRY(bulla_client_number(&sealing->client, sealing->key, CKA_BULLA_GENERATION, 0, &generation));
    BULLA_TRY(bulla_client_flag(&sealing->client, sealing->key, CKA_BULLA_ATTESTED, &attested));
    bulla_say(BULLA_GOOD "sealed" BULLA_PLAIN " %zu files, %.1f MB, as \"%s\", generation %lu, %s\n  %s\n",
        sealing->archive->count, (double)sealing->archive->bytes / 1e6, sealing->settings->label, generation,
        attested ? "attested" : "unattested", sealing->path);
    return bulla_output_document(json_pack("{s:s,s:s,s:I,s:b,s:s,s:I,s:I}", "label", sealing->settings->label, "id",
        sealing->id, "generation", (json_int_t)generation, "attested", attested, "path", sealing->path, "files",
        (json_int_t)sealing->archive->count, "bytes", (json_int_t)sealing->archive->bytes));
}

static enum bulla_reason seal_run(const struct bulla_call *call)
{
    struct sealing sealing;
    memset(&sealing, 0, sizeof sealing);
    sealing.settings = call->settings;
    sealing.key = CK_INVALID_HANDLE;
    sealing.file.file = -1;
    sealing.archive = calloc(1, sizeof *sealing.archive);
    sealing.output = malloc(BULLA_ARCHIVE_PIECE + OUTPUT_EXTRA);
    enum bulla_reason reason = bulla_client_connect(&sealing.client, call);
    if (reason == BULLA_OK && (!sealing.archive || !sealing.output))
        reason = bulla_refuse(BULLA_OUT_OF_MEMORY, "for sealing");
    bulla_interrupt_watch();
    if (reason == BULLA_OK)
        reason = seal(&sealing, call->arguments[0]);
    if (reason == BULLA_OK)
        reason = result_print(&sealing);
    else
        undo(&sealing);
    bulla_client_close(&sealing.client);
    free(sealing.archive);
    free(sealing.output);
    return reason;
}

const struct bulla_command bulla_command_model_seal = {
    .name = "model seal",
    .arguments = "FOLDER",
    .summary = "Seal a Hugging Face model folder for this token",
    .text = "Takes *.json, *.txt and *.safetensors of FOLDER and says what it leaves out. The sealed file goes to the "
            "token's\n"
            "models folder; the plaintext folder is not touched. On any failure nothing is left behind.",
    .examples = "  bulla model seal ./all-MiniLM-L6-v2 --label minilm\n"
                "  bulla model seal ./all-MiniLM-L6-v2 --label minilm --release tpm --authority authority.pub\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct seal_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = seal_run,
};
