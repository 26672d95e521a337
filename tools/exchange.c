#include "exchange.h"

#include <string.h>

#include "options.h"

void bulla_request_write(const struct bulla_request *request, struct bulla_writer *writer)
{
    bool nonce = request->nonce.size > 0;
    bool bounded = request->max_length > 0;
    bulla_cbor_write_map(writer, 1U + nonce + request->tokens + bounded);
    if (nonce) {
        bulla_cbor_write_tstr(writer, "nonce");
        bulla_cbor_write_bstr(writer, request->nonce);
    }
    bulla_cbor_write_tstr(writer, "texts");
    bulla_cbor_write_array(writer, request->count);
    for (size_t i = 0; i < request->count; i++)
        bulla_cbor_write_tstr_bytes(writer, request->texts[i]);
    if (request->tokens) {
        bulla_cbor_write_tstr(writer, "tokens");
        bulla_cbor_write_bool(writer, true);
    }
    if (bounded) {
        bulla_cbor_write_tstr(writer, "max_length");
        bulla_cbor_write_uint(writer, request->max_length);
    }
}

static enum bulla_reason embeddings_check(struct bulla_answer *answer)
{
    struct bulla_cbor_walk walk = bulla_cbor_inside(&answer->embeddings);
    struct bulla_cbor item;
    size_t size = 0;
    while (bulla_cbor_next(&walk, &item)) {
        bool first = size == 0;
        size = first ? item.string.size : size;
        if (item.kind != BULLA_CBOR_BSTR || size == 0 || size % 4 || item.string.size != size)
            return bulla_refuse(BULLA_MALFORMED, "the answer's embeddings are not rows of the same number of f32");
    }
    answer->dimension = size / 4;
    return BULLA_OK;
}

enum bulla_reason bulla_answer_read(struct bulla_bytes bytes, struct bulla_answer *answer)
{
    struct bulla_cbor whole;
    struct bulla_cbor model = {.kind = BULLA_CBOR_NULL};
    struct bulla_cbor receipt;
    struct bulla_cbor evidence = {.kind = BULLA_CBOR_NULL};
    struct bulla_cbor request_salt;
    struct bulla_cbor response_salt;
    memset(answer, 0, sizeof *answer);
    answer->tokens.kind = BULLA_CBOR_NULL;
    const struct bulla_cbor_field fields[] = {
        {.text_key = "model", .kind = BULLA_CBOR_TSTR, .optional = true, .value = &model},
        {.text_key = "tokens", .kind = BULLA_CBOR_ARRAY, .optional = true, .value = &answer->tokens},
        {.text_key = "receipt", .kind = BULLA_CBOR_BSTR, .value = &receipt},
        {.text_key = "evidence", .kind = BULLA_CBOR_BSTR, .optional = true, .value = &evidence},
        {.text_key = "embeddings", .kind = BULLA_CBOR_ARRAY, .value = &answer->embeddings},
        {.text_key = "request_salt", .kind = BULLA_CBOR_BSTR, .value = &request_salt, .smallest = 32, .largest = 32},
        {.text_key = "response_salt", .kind = BULLA_CBOR_BSTR, .value = &response_salt, .smallest = 32, .largest = 32},
    };
    BULLA_TRY(bulla_cbor_decode(bytes, "the answer", &whole));
    BULLA_TRY(bulla_cbor_fields(&whole, fields, BULLA_COUNT(fields), "the answer"));
    answer->model = model.kind == BULLA_CBOR_TSTR ? model.string : (struct bulla_bytes){NULL, 0};
    answer->evidence = evidence.kind == BULLA_CBOR_BSTR ? evidence.string : (struct bulla_bytes){NULL, 0};
    answer->receipt = receipt.string;
    answer->request_salt = request_salt.string;
    answer->response_salt = response_salt.string;
    return embeddings_check(answer);
}

void bulla_answer_numbers(const struct bulla_answer *answer, float *numbers)
{
    struct bulla_cbor_walk walk = bulla_cbor_inside(&answer->embeddings);
    struct bulla_cbor item;
    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "f32le is copied as it stands");
    while (bulla_cbor_next(&walk, &item)) {
        memcpy(numbers, item.string.data, item.string.size);
        numbers += answer->dimension;
    }
}

void bulla_bundle_write(struct bulla_bytes answer, struct bulla_bytes request, struct bulla_writer *writer)
{
    bulla_cbor_write_map(writer, 2);
    bulla_cbor_write_tstr(writer, "answer");
    bulla_cbor_write_bstr(writer, answer);
    bulla_cbor_write_tstr(writer, "request");
    bulla_cbor_write_bstr(writer, request);
}

enum bulla_reason bulla_bundle_read(struct bulla_bytes bytes, struct bulla_bytes *answer, struct bulla_bytes *request)
{
    struct bulla_cbor whole;
    struct bulla_cbor answer_item;
    struct bulla_cbor request_item;
    const struct bulla_cbor_field fields[] = {
        {.text_key = "answer", .kind = BULLA_CBOR_BSTR, .value = &answer_item},
        {.text_key = "request", .kind = BULLA_CBOR_BSTR, .value = &request_item},
    };
    BULLA_TRY(bulla_cbor_decode(bytes, "the receipt bundle", &whole));
    BULLA_TRY(bulla_cbor_fields(&whole, fields, BULLA_COUNT(fields), "the receipt bundle"));
    *answer = answer_item.string;
    *request = request_item.string;
    return BULLA_OK;
}
