/* Signing for others, where the key never leaves: JSON, a line for a request and a line for its answer, in their order.
 *
 *     {"sign": "<message in hex>", "period": 5, "scheme": "sum"}
 *     {"signature": "<hex>", "period": 5}       or       {"error": {"reason": "kes-past", "detail": "…"}}
 *
 * The period is a floor and a ceiling: whoever names one gets a signature in that or none. Below the key's present one
 * it is refused for good; above it the key goes on only as its clock says or, with --advance, as the request does. A
 * line that is no request is answered, too; one that is too long ends the connection. */
#include <sodium.h>
#include <stdlib.h>

#include "kes_serve.h"
#include "output.h"

enum { LINE = 2 * BULLA_SERVE_MESSAGE + 1024 };

/* --- the request --- */

static enum bulla_reason malformed(const char *why)
{
    return bulla_refuse(BULLA_REQUEST_MALFORMED,
        "the request is not {\"sign\": HEX, \"period\": N, \"scheme\": "
        "\"sum\" or \"compact\"}: %s",
        why);
}

static enum bulla_reason take_message(const json_t *value, struct bulla_serve_request *request)
{
    const char *hex = json_string_value(value), *end = NULL;
    if (!hex ||
        sodium_hex2bin(request->message, sizeof request->message, hex, json_string_length(value), NULL, &request->size,
            &end) != 0 ||
        *end)
        return malformed("\"sign\" is no hex of a message of at most 65536 bytes");
    return BULLA_OK;
}

static enum bulla_reason take_period(const json_t *value, struct bulla_serve_request *request)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) >= BULLA_KES_PERIODS_LARGEST)
        return malformed("\"period\" is no period of a key");
    request->wants_period = true;
    request->period = (unsigned)json_integer_value(value);
    return BULLA_OK;
}

static enum bulla_reason take_scheme(const json_t *value, struct bulla_serve_request *request)
{
    static const char *const names[BULLA_KES_SCHEMES] = {[BULLA_KES_SUM] = "sum", [BULLA_KES_COMPACT] = "compact"};
    const char *name = json_string_value(value);
    for (unsigned i = 0; name && i < BULLA_KES_SCHEMES; i++)
        if (strcmp(name, names[i]) == 0) {
            request->scheme = (enum bulla_kes_scheme)i;
            return BULLA_OK;
        }
    return malformed("\"scheme\" is not \"sum\" or \"compact\"");
}

static const struct {
    const char *name;
    enum bulla_reason (*take)(const json_t *value, struct bulla_serve_request *request);
} members[] = {{"sign", take_message}, {"period", take_period}, {"scheme", take_scheme}};

static enum bulla_reason take_members(const json_t *root, struct bulla_serve_request *request)
{
    size_t known = 0;
    if (!json_is_object(root))
        return malformed("it is no JSON object");
    if (!json_object_get(root, "sign"))
        return malformed("it asks for nothing");
    for (size_t i = 0; i < BULLA_COUNT(members); i++) {
        const json_t *value = json_object_get(root, members[i].name);
        known += value != NULL;
        if (value)
            BULLA_TRY(members[i].take(value, request));
    }
    return known == json_object_size(root) ? BULLA_OK : malformed("it has an unknown member");
}

enum bulla_reason bulla_serve_request_read(struct bulla_bytes line, struct bulla_serve_request *request)
{
    json_error_t error;
    request->size = 0;
    request->wants_period = false;
    request->scheme = BULLA_KES_SUM;
    json_t *root = json_loadb((const char *)line.data, line.size, JSON_REJECT_DUPLICATES, &error);
    enum bulla_reason reason = take_members(root, request);
    json_decref(root);
    return reason;
}

/* --- the answer --- */

static enum bulla_reason refuse_period(const struct bulla_serve_request *request, unsigned present)
{
    if (request->period < present)
        return bulla_refuse(
            BULLA_KES_PAST, "the KES key is in period %u, and does not sign in %u any more", present, request->period);
    return bulla_refuse(BULLA_KES_CLOCK, "the KES key is in period %u, and not yet in %u", present, request->period);
}

/* The next period may be due by the clock, which is looked at with the signature. */
static enum bulla_reason reach(struct bulla_serve *serve, const struct bulla_serve_request *request)
{
    unsigned present = 0;
    BULLA_TRY(bulla_served_key_period(serve->client, &serve->key, &present));
    if (request->period == present)
        return BULLA_OK;
    if (request->period < present)
        return refuse_period(request, present);
    if (request->period >= bulla_kes_periods(serve->key.depth))
        return bulla_refuse(BULLA_KES_OVER, "the KES key's last period is %u", bulla_kes_periods(serve->key.depth) - 1);
    if (serve->settings->advance)
        return bulla_served_key_evolve(serve->client, &serve->key, request->period);
    return serve->key.calendar.slots_per_period && request->period == present + 1 ? BULLA_OK
                                                                                  : refuse_period(request, present);
}

static enum bulla_reason sign(struct bulla_serve *serve, const struct bulla_serve_request *request, json_t **answer)
{
    uint8_t signature[BULLA_KES_SIGNATURE_LARGEST];
    char hex[2 * BULLA_KES_SIGNATURE_LARGEST + 1];
    size_t size = sizeof signature;
    unsigned period = 0;
    if (request->wants_period)
        BULLA_TRY(reach(serve, request));
    BULLA_TRY(bulla_served_key_sign(serve->client, &serve->key, request->scheme,
        (struct bulla_bytes){request->message, request->size}, signature, &size, &period));
    if (request->wants_period && period != request->period)
        return refuse_period(request, period);
    bulla_hex_write(signature, size, hex);
    *answer = json_pack("{s:s,s:i}", "signature", hex, "period", (int)period);
    return BULLA_OK;
}

static enum bulla_reason queue_answer(struct bulla_serve_peer *peer, json_t *answer)
{
    char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
    enum bulla_reason reason =
        text ? bulla_serve_queue(peer, BULLA_TEXT(text)) : bulla_refuse(BULLA_OUT_OF_MEMORY, "for an answer");
    if (reason == BULLA_OK)
        reason = bulla_serve_queue(peer, BULLA_TEXT("\n"));
    free(text);
    json_decref(answer);
    return reason;
}

static enum bulla_reason answer_line(struct bulla_serve *serve, struct bulla_serve_peer *peer, struct bulla_bytes line)
{
    json_t *answer = NULL;
    struct bulla_serve_request *request = malloc(sizeof *request);
    if (!request)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for a request");
    bulla_detail_clear();
    enum bulla_reason reason = bulla_serve_request_read(line, request);
    if (reason == BULLA_OK)
        reason = sign(serve, request, &answer);
    if (reason != BULLA_OK)
        answer = json_pack("{s:{s:s,s:s}}", "error", "reason", bulla_reason_code(reason), "detail", bulla_detail());
    free(request);
    return queue_answer(peer, answer);
}

static enum bulla_reason came(struct bulla_serve *serve, struct bulla_serve_peer *peer)
{
    const uint8_t *end = memchr(peer->in, '\n', peer->in_size);
    if (!end)
        return peer->in_size < LINE
                   ? BULLA_OK
                   : bulla_refuse(BULLA_REQUEST_TOO_LARGE, "it sent a line of more than %d bytes", LINE);
    size_t size = (size_t)(end - peer->in);
    BULLA_TRY(answer_line(serve, peer, (struct bulla_bytes){peer->in, size}));
    bulla_serve_take(peer, size + 1);
    return BULLA_OK;
}

static enum bulla_reason begin(struct bulla_serve *serve)
{
    if (serve->settings->certificate)
        return bulla_refuse(BULLA_ARGUMENT, "--certificate goes with a key that is given away: not with --sign");
    return BULLA_OK;
}

static enum bulla_reason opened(struct bulla_serve *serve, struct bulla_serve_peer *peer)
{
    (void)serve;
    (void)peer;
    return BULLA_OK;
}

static enum bulla_reason tick(struct bulla_serve *serve)
{
    (void)serve;
    return BULLA_OK;
}

const struct bulla_serve_mode bulla_serve_sign = {
    .name = "signatures", .in_largest = LINE, .begin = begin, .opened = opened, .came = came, .tick = tick};
