/* An inference, from its texts to its answer: what infer.c does and infer_show.c prints. */
#ifndef BULLA_TOOLS_INFER_H
#define BULLA_TOOLS_INFER_H

#include "client.h"
#include "exchange.h"
#include "options.h"

enum { BULLA_INFER_REPEAT = 1000 };

struct bulla_infer_settings {
    struct bulla_common common;
    const char *model, *receipt;
    struct bulla_hex nonce;
    uint64_t max_length, repeat;
    bool similarity, tokens;
};

struct bulla_inference {
    const struct bulla_infer_settings *settings;
    struct bulla_client client;
    CK_OBJECT_HANDLE key;
    uint8_t *input; /* of standard input */
    size_t input_size;
    struct bulla_bytes *texts;
    size_t count;
    uint8_t *request, *answer;
    size_t request_size, answer_room, answer_size;
    double milliseconds[BULLA_INFER_REPEAT];
    size_t times;
    struct bulla_answer read;
};

/* Prints the answer, its times and what its receipt says; the JSON document with --json. */
enum bulla_reason bulla_inference_show(const struct bulla_inference *inference) BULLA_MUST_USE;

#endif
