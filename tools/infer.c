/* Texts, request and answer are the user's own and lie in ordinary memory of this process, which may be swapped out.
 * What the program copies of them is wiped before it is freed: what it read, the request, the answer, the bundle, the
 * numbers, printed lines and JSON. Not wiped are texts given as arguments, which every user of the machine may read
 * while the command runs, and standard output's buffer, which holds what is printed anyway. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "file.h"
#include "infer.h"
#include "output.h"
#include "progress.h"

enum { TEXTS_LARGEST = 16 << 20 };

#define AT(member) offsetof(struct bulla_infer_settings, member)

static const struct bulla_option options[] = {
    {"model", 'M', "NAME", "label of the model", BULLA_OPTION_TEXT, AT(model), 0, 0, true},
    {"receipt", 'r', "FILE", "write request, answer and receipt to FILE, for `bulla receipt verify`",
        BULLA_OPTION_OUTPUT, AT(receipt), 0, 0, false},
    {"nonce", 'n', "HEX", "8 to 64 bytes that the receipt shall carry", BULLA_OPTION_HEX, AT(nonce), 8, 64, false},
    {"max-length", 'L', "N", "cut each text to N tokens", BULLA_OPTION_NUMBER, AT(max_length), 2, 65535, false},
    {"similarity", 's', NULL, "the table of cosine similarities, also with --json", BULLA_OPTION_FLAG, AT(similarity),
        0, 0, false},
    {"tokens", 0, NULL, "ask for the token ids (--json prints them)", BULLA_OPTION_FLAG, AT(tokens), 0, 0, false},
    {"repeat", 0, "N", "ask N times and print each time: the first is cold", BULLA_OPTION_NUMBER, AT(repeat), 1,
        BULLA_INFER_REPEAT, false},
};

/* --- the texts --- */

static enum bulla_reason lines_split(struct bulla_inference *inference)
{
    size_t lines = 1;
    for (size_t i = 0; i < inference->input_size; i++)
        lines += inference->input[i] == '\n';
    inference->texts = calloc(lines, sizeof *inference->texts);
    if (!inference->texts)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for %zu texts", lines);
    const uint8_t *at = inference->input;
    const uint8_t *end = at + inference->input_size;
    while (at < end) {
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        const uint8_t *line_end = newline ? newline : end;
        size_t size = (size_t)(line_end - at);
        size -= size && at[size - 1] == '\r';
        if (size)
            inference->texts[inference->count++] = (struct bulla_bytes){at, size};
        at = line_end + 1;
    }
    return BULLA_OK;
}

static enum bulla_reason texts_get(struct bulla_inference *inference, const struct bulla_call *call)
{
    if (call->count == 0) {
        BULLA_TRY(bulla_file_read("-", TEXTS_LARGEST, &inference->input, &inference->input_size));
        BULLA_TRY(lines_split(inference));
    } else {
        inference->texts = calloc(call->count, sizeof *inference->texts);
        for (; inference->texts && inference->count < call->count; inference->count++)
            inference->texts[inference->count] = BULLA_TEXT(call->arguments[inference->count]);
    }
    if (inference->count == 0)
        return bulla_refuse(BULLA_ARGUMENT, "no text: give some as arguments, or lines on standard input");
    return BULLA_OK;
}

static enum bulla_reason request_make(struct bulla_inference *inference)
{
    const struct bulla_infer_settings *settings = inference->settings;
    struct bulla_request request = {inference->texts, inference->count, {settings->nonce.data, settings->nonce.size},
        settings->max_length, settings->tokens};
    struct bulla_writer writer;
    bulla_writer_open(&writer, NULL, 0);
    bulla_request_write(&request, &writer);
    inference->request_size = writer.size;
    inference->request = malloc(writer.size);
    if (!inference->request)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for a request of %zu bytes", inference->request_size);
    bulla_writer_open(&writer, inference->request, inference->request_size);
    bulla_request_write(&request, &writer);
    return bulla_writer_finish(&writer, "the request");
}

/* --- the call --- */

static CK_RV decrypt(struct bulla_inference *inference)
{
    CK_MECHANISM mechanism = {CKM_BULLA_INFER, NULL, 0};
    CK_FUNCTION_LIST *module = inference->client.module;
    CK_SESSION_HANDLE session = inference->client.session;
    CK_ULONG size = 0;
    CK_RV result = module->C_DecryptInit(session, &mechanism, inference->key);
    if (result != CKR_OK)
        return result;
    result = module->C_Decrypt(session, inference->request, inference->request_size, NULL, &size);
    if (result != CKR_OK)
        return result;
    if (size > inference->answer_room) {
        bulla_file_free(inference->answer, inference->answer_room);
        inference->answer = malloc(size);
        inference->answer_room = inference->answer ? size : 0;
    }
    if (!inference->answer)
        return CKR_HOST_MEMORY;
    result = module->C_Decrypt(session, inference->request, inference->request_size, inference->answer, &size);
    inference->answer_size = result == CKR_OK ? size : 0;
    return result;
}

static enum bulla_reason ask(struct bulla_inference *inference)
{
    struct bulla_wait wait;
    struct timespec before;
    struct timespec after;
    uint64_t repeat = inference->settings->repeat ? inference->settings->repeat : 1;
    for (inference->times = 0; inference->times < repeat; inference->times++) {
        bulla_wait_begin(&wait, "waiting for the model's answer");
        (void)clock_gettime(CLOCK_MONOTONIC, &before);
        CK_RV result = decrypt(inference);
        (void)clock_gettime(CLOCK_MONOTONIC, &after);
        bulla_wait_end(&wait);
        BULLA_TRY(bulla_client_check(&inference->client, result, "asking the model"));
        inference->milliseconds[inference->times] =
            (double)(after.tv_sec - before.tv_sec) * 1e3 + (double)(after.tv_nsec - before.tv_nsec) / 1e6;
    }
    BULLA_TRY(bulla_answer_read((struct bulla_bytes){inference->answer, inference->answer_size}, &inference->read));
    return inference->read.embeddings.number == inference->count
               ? BULLA_OK
               : bulla_refuse(BULLA_MALFORMED, "%llu embeddings for %zu texts",
                     (unsigned long long)inference->read.embeddings.number, inference->count);
}

static enum bulla_reason receipt_keep(const struct bulla_inference *inference)
{
    if (!inference->settings->receipt)
        return BULLA_OK;
    struct bulla_writer writer;
    struct bulla_bytes answer = {inference->answer, inference->answer_size};
    struct bulla_bytes request = {inference->request, inference->request_size};
    bulla_writer_open(&writer, NULL, 0);
    bulla_bundle_write(answer, request, &writer);
    size_t size = writer.size;
    uint8_t *bundle = malloc(size);
    if (!bundle)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for a bundle of %zu bytes", size);
    bulla_writer_open(&writer, bundle, size);
    bulla_bundle_write(answer, request, &writer);
    enum bulla_reason reason = bulla_writer_finish(&writer, "the receipt bundle");
    if (reason == BULLA_OK)
        reason = bulla_file_write(inference->settings->receipt, 0600, bulla_writer_bytes(&writer));
    bulla_file_free(bundle, size);
    return reason;
}

static enum bulla_reason infer_run(const struct bulla_call *call)
{
    struct bulla_inference *inference = calloc(1, sizeof *inference);
    if (!inference)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for the inference");
    inference->settings = call->settings;
    inference->client.session = CK_INVALID_HANDLE;
    enum bulla_reason reason = texts_get(inference, call);
    if (reason == BULLA_OK)
        reason = request_make(inference);
    if (reason == BULLA_OK)
        reason = bulla_client_connect(&inference->client, call);
    if (reason == BULLA_OK)
        reason = bulla_client_model(&inference->client, inference->settings->model, &inference->key);
    if (reason == BULLA_OK && inference->key == CK_INVALID_HANDLE) {
        bulla_output_remedy("`bulla model list` lists the models that there are");
        reason = bulla_refuse(BULLA_MODEL_MISSING, "the token has no model \"%s\"", inference->settings->model);
    }
    if (reason == BULLA_OK)
        reason = ask(inference);
    if (reason == BULLA_OK)
        reason = receipt_keep(inference);
    if (reason == BULLA_OK)
        reason = bulla_inference_show(inference);
    bulla_client_close(&inference->client);
    bulla_file_free(inference->input, inference->input_size);
    bulla_file_free(inference->request, inference->request_size);
    bulla_file_free(inference->answer, inference->answer_room);
    free(inference->texts);
    free(inference);
    return reason;
}

const struct bulla_command bulla_command_infer = {
    .name = "infer",
    .arguments = "[TEXT…]",
    .summary = "Run texts through a sealed model, inside the token",
    .text = "Without TEXT, each line of standard input is one. Prints the texts' similarities, or with --json their\n"
            "embeddings. A receipt bundle holds the request and the salts: keep it as private as the texts.",
    .examples = "  bulla infer --model minilm 'a cat on a mat' 'a kitten on a rug' 'interest rates rise'\n"
                "  bulla infer --model minilm --json < sentences.txt > embeddings.json\n"
                "  bulla infer --model minilm --nonce 0011223344556677 --receipt answer.receipt 'a cat on a mat'\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct bulla_infer_settings),
    .arguments_least = 0,
    .arguments_most = 4096,
    .run = infer_run,
};
