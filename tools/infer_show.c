#include "file.h"
#include "infer.h"

#include <stdlib.h>

#include "crypto/arena.h"
#include "evidence/receipt.h"
#include "output.h"
#include "similarity.h"

static void times_say(const struct bulla_inference *inference)
{
    bulla_say("%.1f ms", inference->milliseconds[0]);
    for (size_t i = 1; i < inference->times; i++)
        bulla_say(", %.1f", inference->milliseconds[i]);
    bulla_say(inference->times > 1 ? " ms (the first opens the model, if no other did)\n" : "\n");
}

static enum bulla_reason receipt_say(const struct bulla_inference *inference, json_t *document)
{
    struct bulla_receipt receipt;
    struct bulla_cose_message message;
    BULLA_TRY(bulla_receipt_read(inference->read.receipt, &receipt, &message));
    bulla_say("receipt %llu, %.*s, not verified here", (unsigned long long)receipt.sequence,
        (int)receipt.security_mode.size, (const char *)receipt.security_mode.data);
    if (inference->settings->receipt && !bulla_file_is_output(inference->settings->receipt))
        bulla_say("; kept in %s: bulla receipt verify %s", inference->settings->receipt, inference->settings->receipt);
    bulla_say("\n");
    (void)json_object_set_new(document, "sequence", json_integer((json_int_t)receipt.sequence));
    (void)json_object_set_new(
        document, "security_mode", json_stringn((const char *)receipt.security_mode.data, receipt.security_mode.size));
    return BULLA_OK;
}

static json_t *times_json(const struct bulla_inference *inference)
{
    json_t *times = json_array();
    for (size_t i = 0; i < inference->times; i++)
        (void)json_array_append_new(times, json_real(inference->milliseconds[i]));
    return times;
}

static json_t *tokens_json(const struct bulla_inference *inference)
{
    json_t *sequences = json_array();
    struct bulla_cbor sequence;
    struct bulla_cbor token;
    struct bulla_cbor_walk outer = bulla_cbor_inside(&inference->read.tokens);
    while (bulla_cbor_next(&outer, &sequence) && sequence.kind == BULLA_CBOR_ARRAY) {
        struct bulla_cbor_walk inner = bulla_cbor_inside(&sequence);
        json_t *row = json_array();
        while (bulla_cbor_next(&inner, &token))
            (void)json_array_append_new(row, json_integer((json_int_t)token.number));
        (void)json_array_append_new(sequences, row);
    }
    return sequences;
}

enum bulla_reason bulla_inference_show(const struct bulla_inference *inference)
{
    const struct bulla_answer *read = &inference->read;
    struct bulla_matrix matrix = {
        inference->count, read->dimension, calloc(inference->count * read->dimension, sizeof(float))};
    json_t *document = json_object();
    enum bulla_reason reason =
        matrix.numbers && document ? BULLA_OK : bulla_refuse(BULLA_OUT_OF_MEMORY, "for printing");
    if (reason == BULLA_OK) {
        bulla_answer_numbers(read, matrix.numbers);
        bulla_similarity_say(&matrix, inference->texts, inference->settings->similarity);
        times_say(inference);
        reason = receipt_say(inference, document);
    }
    if (reason == BULLA_OK && bulla_output_json_wanted()) {
        (void)json_object_set_new(document, "model", json_string(inference->settings->model));
        (void)json_object_set_new(document, "dimension", json_integer((json_int_t)read->dimension));
        (void)json_object_set_new(document, "embeddings", bulla_matrix_json(&matrix));
        (void)json_object_set_new(document, "milliseconds", times_json(inference));
        if (inference->settings->similarity)
            (void)json_object_set_new(document, "similarity", bulla_similarity_json(&matrix));
        if (read->tokens.kind == BULLA_CBOR_ARRAY)
            (void)json_object_set_new(document, "tokens", tokens_json(inference));
    }
    if (matrix.numbers)
        bulla_wipe(matrix.numbers, inference->count * read->dimension * sizeof(float));
    free(matrix.numbers);
    if (reason == BULLA_OK)
        return bulla_output_document(document);
    json_decref(document);
    return reason;
}
