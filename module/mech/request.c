#include "request.h"

enum { LONGEST_LARGEST = 65535 };

/* A CBOR map begins with a byte (0xa0 to 0xbf) that no UTF-8 text begins with, so the two forms cannot be confused. */
static bool is_map(struct bulla_bytes bytes)
{
    return bytes.size && (bytes.data[0] & 0xe0) == 0xa0;
}

static enum bulla_reason check_texts(const struct bulla_cbor *texts)
{
    struct bulla_cbor text;
    struct bulla_cbor_walk walk = bulla_cbor_inside(texts);
    if (texts->number == 0)
        return bulla_refuse(BULLA_REQUEST_EMPTY, "the request holds no text");
    if (texts->number > BULLA_REQUEST_TEXTS)
        return bulla_refuse(BULLA_REQUEST_TOO_LARGE, "the request holds %llu texts, the most are %d",
            (unsigned long long)texts->number, BULLA_REQUEST_TEXTS);
    while (bulla_cbor_next(&walk, &text))
        if (text.kind != BULLA_CBOR_TSTR)
            return bulla_refuse(BULLA_REQUEST_MALFORMED, "\"texts\" holds something that is not text");
    return BULLA_OK;
}

static enum bulla_reason read_map(struct bulla_bytes bytes, struct bulla_request *request)
{
    struct bulla_cbor map, nonce = {.kind = BULLA_CBOR_NULL}, tokens = nonce, longest = nonce;
    const struct bulla_cbor_field fields[] = {
        {.text_key = "nonce", .kind = BULLA_CBOR_BSTR, .optional = true, .value = &nonce, .smallest = 8, .largest = 64},
        {.text_key = "texts", .kind = BULLA_CBOR_ARRAY, .value = &request->texts},
        {.text_key = "tokens", .kind = BULLA_CBOR_BOOL, .optional = true, .value = &tokens},
        {.text_key = "max_length",
            .kind = BULLA_CBOR_UINT,
            .optional = true,
            .value = &longest,
            .smallest = 2,
            .largest = LONGEST_LARGEST},
    };
    enum bulla_reason reason = bulla_cbor_decode(bytes, "the request", &map);
    if (reason == BULLA_OK)
        reason = bulla_cbor_fields(&map, fields, sizeof fields / sizeof fields[0], "the request");
    if (reason != BULLA_OK)
        return reason == BULLA_NOT_TEXT ? reason : BULLA_REQUEST_MALFORMED; /* the detail says what */
    BULLA_TRY(check_texts(&request->texts));
    request->count = (size_t)request->texts.number;
    request->nonce = nonce.string;
    request->tokens = tokens.number == 1;
    request->longest = (unsigned)longest.number;
    return BULLA_OK;
}

enum bulla_reason bulla_request_read(struct bulla_bytes bytes, struct bulla_request *request)
{
    *request = (struct bulla_request){.texts = {.kind = BULLA_CBOR_NULL}};
    if (bytes.size == 0)
        return bulla_refuse(BULLA_REQUEST_EMPTY, "the request is empty");
    if (bytes.size > BULLA_REQUEST_LARGEST)
        return bulla_refuse(
            BULLA_REQUEST_TOO_LARGE, "a request of %zu bytes, the most are %d", bytes.size, BULLA_REQUEST_LARGEST);
    if (is_map(bytes))
        return read_map(bytes, request);
    request->plain = bytes; /* the tokeniser refuses what is not UTF-8 */
    request->count = 1;
    return BULLA_OK;
}

struct bulla_request_walk bulla_request_texts(const struct bulla_request *request)
{
    struct bulla_request_walk walk = {.request = request};
    if (request->texts.kind == BULLA_CBOR_ARRAY)
        walk.walk = bulla_cbor_inside(&request->texts);
    return walk;
}

bool bulla_request_next(struct bulla_request_walk *walk, struct bulla_bytes *text)
{
    struct bulla_cbor item;
    if (walk->next == walk->request->count)
        return false;
    walk->next++;
    if (walk->request->texts.kind != BULLA_CBOR_ARRAY) {
        *text = walk->request->plain;
        return true;
    }
    if (!bulla_cbor_next(&walk->walk, &item))
        return false;
    *text = item.string;
    return true;
}
