/* What `bulla uses` shows: each grant in force, and what is left of it. */
#include <jansson.h>
#include <sodium.h>

#include "evidence/grant.h"
#include "token.h"

enum { HEX_LARGEST = 2 * 65 + 1 };

static json_t *hex(const uint8_t *bytes, size_t size)
{
    char text[HEX_LARGEST];
    return json_string(sodium_bin2hex(text, sizeof text, bytes, size));
}

static json_t *operations(uint32_t mask)
{
    json_t *names = json_array();
    for (uint32_t bit = 1; bit <= BULLA_MAY_ALL; bit <<= 1)
        if (mask & bit)
            (void)json_array_append_new(
                names, json_string(bulla_grant_operation_name((enum bulla_grant_operation)bit)));
    return names;
}

/* Numbers above 2^63 - 1 are no JSON integers of jansson's: they are shown as that. */
static json_t *number(uint64_t value)
{
    return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static void show(void *context, const struct bulla_grant_state *state)
{
    const struct bulla_grant *grant = state->grant;
    char who[BULLA_PRINCIPAL_TEXT];
    json_t *row = json_object();
    bulla_principal_text(&grant->who, who);
    (void)json_object_set_new(row, "id", hex(grant->id, sizeof grant->id));
    (void)json_object_set_new(row, "authority", hex(state->authority, 65));
    (void)json_object_set_new(row, "epoch", number(state->epoch));
    (void)json_object_set_new(row, "who", json_string(who));
    (void)json_object_set_new(
        row, "object", grant->object_size ? hex(grant->object, grant->object_size) : json_string("any"));
    (void)json_object_set_new(row, "operations", operations(grant->operations));
    (void)json_object_set_new(row, "from", number(grant->not_before));
    (void)json_object_set_new(row, "to", number(grant->not_after));
    (void)json_object_set_new(row, "uses", grant->uses ? number(grant->uses) : json_null());
    (void)json_object_set_new(row, "used", number(state->used));
    if (grant->uses)
        (void)json_object_set_new(row, "left", number(grant->uses > state->used ? grant->uses - state->used : 0));
    (void)json_object_set_new(row, "revoked", json_boolean(state->revoked));
    if (grant->rate)
        (void)json_object_set_new(
            row, "rate", json_pack("{s:o,s:o}", "uses", number(grant->rate), "seconds", number(grant->rate_seconds)));
    (void)json_array_append_new(context, row);
}

char *bulla_token_uses_json(struct bulla_token *token)
{
    json_t *document = json_object(), *grants = json_array();
    enum bulla_reason reason = bulla_grants_walk(token, show, grants);
    (void)json_object_set_new(document, "grants", grants);
    if (reason != BULLA_OK) {
        (void)json_object_set_new(document, "reason", json_string(bulla_reason_code(reason)));
        (void)json_object_set_new(document, "detail", json_string(bulla_detail()));
        (void)json_object_set_new(document, "remedy", json_string(bulla_reason_remedy(reason)));
    }
    char *text = json_dumps(document, JSON_COMPACT);
    json_decref(document);
    return text;
}
