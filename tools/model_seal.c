/* The order of sealing: the folder is read and hashed before the token is asked for anything; the key is made or found;
 * the space is reserved; the archive is streamed; C_EncryptFinal counts the new generation; the file gets its name.
 * Between the last two a crash leaves a generation without its file: sealing again mends it, and nothing else does. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "interrupt.h"
#include "output.h"
#include "progress.h"
#include "seal.h"

enum { OUTPUT_EXTRA = (1 << 20) + 8192, PREFIX_GUESS = 8192 };

#define AT(member) offsetof(struct bulla_seal_settings, member)

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

static void ignored_tell(const char *name, const char *why)
{
    bulla_remark("left out: %s (%s)", name, why);
}

static enum bulla_reason path_make(struct bulla_sealing *sealing)
{
    json_t *status = NULL;
    BULLA_TRY(bulla_client_document(&sealing->client, "status", &status));
    const char *folder = json_string_value(json_object_get(status, "models"));
    int used = folder ? snprintf(sealing->path, sizeof sealing->path, "%s/%s.bulla", folder, sealing->id) : -1;
    bool made = folder && (mkdir(folder, 0700) == 0 || errno == EEXIST);
    int error = errno;
    if (made)
        bulla_file_leftovers_remove(folder, ".bulla"); /* of any model's sealing that was killed */
    json_decref(status);
    if (used < 0 || (size_t)used >= sizeof sealing->path)
        return bulla_refuse(BULLA_FILE, "the token names no usable models folder");
    return made ? BULLA_OK
                : bulla_refuse(BULLA_FILE, "making the models folder for %s: %s", sealing->path, strerror(error));
}

static enum bulla_reason output_put(struct bulla_sealing *sealing, CK_RV result, CK_ULONG size)
{
    BULLA_TRY(bulla_client_check(&sealing->client, result, "sealing the model"));
    return bulla_file_writer_put(&sealing->file, (struct bulla_bytes){sealing->output, size});
}

static enum bulla_reason piece_seal(void *context, struct bulla_bytes piece)
{
    struct bulla_sealing *sealing = context;
    CK_ULONG size = BULLA_ARCHIVE_PIECE + OUTPUT_EXTRA;
    uint8_t *data;
    memcpy(&data, &piece.data, sizeof data); /* PKCS#11 has no const */
    CK_RV result =
        sealing->client.module->C_EncryptUpdate(sealing->client.session, data, piece.size, sealing->output, &size);
    return output_put(sealing, result, result == CKR_OK ? size : 0);
}

static enum bulla_reason stream_seal(struct bulla_sealing *sealing)
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

static enum bulla_reason seal(struct bulla_sealing *sealing, const struct bulla_call *call)
{
    BULLA_TRY(bulla_archive_collect(sealing->archive, call->arguments[0], ignored_tell));
    BULLA_TRY(bulla_archive_hash(sealing->archive));
    BULLA_TRY(bulla_client_connect(&sealing->client, call));
    BULLA_TRY(bulla_seal_key(sealing));
    BULLA_TRY(path_make(sealing));
    BULLA_TRY(bulla_file_writer_open(&sealing->file, sealing->path, 0600));
    BULLA_TRY(bulla_file_writer_reserve(&sealing->file, sealed_size_guess(sealing->archive)));
    return stream_seal(sealing);
}

/* A key that this run made and nothing was sealed under is of no use; one that was there stays. */
static void undo(struct bulla_sealing *sealing)
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

/* From now on nothing older opens, also where somebody kept it: the token would count that with the first opening. */
static void older_refuse(struct bulla_sealing *sealing, CK_ULONG generation)
{
    CK_ATTRIBUTE least = {CKA_BULLA_GENERATION, &generation, sizeof generation};
    CK_FUNCTION_LIST *module = sealing->client.module;
    if (generation > 1 && module->C_SetAttributeValue(sealing->client.session, sealing->key, &least, 1) != CKR_OK)
        bulla_remark("the generation before opens still, until this one was opened once");
}

static bool pooling_is_declared(const struct bulla_archive *archive)
{
    for (size_t i = 0; i < archive->count; i++)
        if (strcmp(archive->files[i].name, "1_Pooling/config.json") == 0)
            return true;
    return false;
}

static enum bulla_reason result_print(struct bulla_sealing *sealing)
{
    CK_ULONG generation = 0;
    bool attested = false, declared = pooling_is_declared(sealing->archive);
    BULLA_TRY(bulla_client_number(&sealing->client, sealing->key, CKA_BULLA_GENERATION, 0, &generation));
    BULLA_TRY(bulla_client_flag(&sealing->client, sealing->key, CKA_BULLA_ATTESTED, &attested));
    older_refuse(sealing, generation);
    if (!declared)
        bulla_remark(
            "the folder declares no pooling (1_Pooling/config.json): the mean over the attention mask is taken");
    bulla_say(BULLA_GOOD "sealed" BULLA_PLAIN " %zu files, %.1f MB, as \"%s\", generation %lu, %s\n  %s\n",
        sealing->archive->count, (double)sealing->archive->bytes / 1e6, sealing->settings->label, generation,
        attested ? "attested" : "unattested", sealing->path);
    return bulla_output_document(json_pack("{s:s,s:s,s:I,s:b,s:s,s:I,s:I,s:s}", "label", sealing->settings->label, "id",
        sealing->id, "generation", (json_int_t)generation, "attested", attested, "path", sealing->path, "files",
        (json_int_t)sealing->archive->count, "bytes", (json_int_t)sealing->archive->bytes, "pooling",
        declared ? "mean" : "mean (assumed)"));
}

static enum bulla_reason seal_run(const struct bulla_call *call)
{
    struct bulla_sealing sealing;
    memset(&sealing, 0, sizeof sealing);
    sealing.settings = call->settings;
    sealing.key = CK_INVALID_HANDLE;
    sealing.file.file = -1;
    sealing.archive = calloc(1, sizeof *sealing.archive);
    sealing.output = malloc(BULLA_ARCHIVE_PIECE + OUTPUT_EXTRA);
    enum bulla_reason reason = BULLA_OK;
    bulla_interrupt_watch();
    if (!sealing.archive || !sealing.output)
        reason = bulla_refuse(BULLA_OUT_OF_MEMORY, "for sealing");
    if (reason == BULLA_OK)
        reason = seal(&sealing, call);
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
                "  bulla model seal ./all-MiniLM-L6-v2 --label minilm --release tpm --authority authority.pem.pub\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct bulla_seal_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = seal_run,
};
