#include "status_show.h"

#include <stdio.h>
#include <string.h>

#include "authority.h"
#include "evidence/plain_text.h"
#include "evidence/tpm_quote.h"
#include "options.h"
#include "output.h"

struct shown {
    const char *name;
    const char *words;
};

static const struct shown token_rows[] = {
    {"token", "token"},
    {"serial", "serial number"},
    {"tree", "released by"},
    {"leaves", "leaves"},
    {"attested", "attested"},
    {"logged_in", "logged in"},
    {"user_pin_tries_left", "PIN tries left"},
    {"objects", "objects"},
    {"store", "store"},
    {"models", "sealed models"},
    {"audit", "audit log"},
    {"receipt_key", "receipt key"},
    {"attester", "evidence comes from"},
    {"machine", "the machine has"},
    {"kernels", "kernels"},
};
static const struct shown enclave_rows[] = {
    {"state", "state"},
    {"reason", "because"},
    {"detail", "namely"},
    {"remedy", "what to do"},
    {"module_id", "module"},
    {"version", "version"},
};
static const struct shown tpm_rows[] = {
    {"tcti", "reached by"},
    {"state", "state"},
    {"reason", "because"},
    {"detail", "namely"},
    {"remedy", "what to do"},
    {"manufacturer", "manufacturer"},
    {"firmware", "firmware"},
    {"attestation_key_name", "attestation key"},
    {"counter", "counter"},
    {"nv_indexes_free", "NV indexes free"},
    {"max_tries", "wrong auths until lockout"},
    {"lockout_counter", "wrong auths counted"},
    {"recovery_seconds", "seconds that forgive one"},
};

static const struct shown time_rows[] = {
    {"state", "clock"},
    {"kept_by", "its floor is kept by"},
};

/* The leaves that trees can be made of: as many as the module has, and short words. */
static void list_show(const char *words, const json_t *list)
{
    char text[256] = "";
    size_t used = 0;
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        int more = json_is_string(item)
                       ? snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "", json_string_value(item))
                       : 0;
        used += more > 0 && (size_t)more < sizeof text - used ? (size_t)more : 0;
    }
    bulla_say("  %-26s %s\n", words, used ? text : "none");
}

static void value_show(const char *words, const json_t *value)
{
    if (json_is_string(value) && *json_string_value(value))
        bulla_say("  %-26s %s\n", words, json_string_value(value));
    else if (json_is_integer(value))
        bulla_say("  %-26s %" JSON_INTEGER_FORMAT "\n", words, json_integer_value(value));
    else if (json_is_boolean(value))
        bulla_say("  %-26s %s\n", words, json_is_true(value) ? "yes" : "no");
    else if (json_is_array(value))
        list_show(words, value);
}

static void rows_show(const json_t *object, const struct shown *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        value_show(rows[i].words, json_object_get(object, rows[i].name));
}

/* A backend tells truth as a boolean or as 0 and 1; a fact that is not there is neither true nor false. */
static bool is_told(const json_t *object, const char *name, bool truth)
{
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) ? (json_integer_value(value) != 0) == truth
                                  : json_is_boolean(value) && json_is_true(value) == truth;
}

static void pcrs_show(const json_t *tpm)
{
    const json_t *values = json_object_get(tpm, "pcrs");
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++) {
        char name[8];
        (void)snprintf(name, sizeof name, "pcr%u", pcr);
        const json_t *found = values ? json_object_get(values, name + 3) : json_object_get(tpm, name);
        if (json_is_string(found))
            bulla_say("  PCR %-22u %s\n", pcr, json_string_value(found));
    }
}

void bulla_status_tpm_show(const json_t *tpm, struct bulla_status_auths *auths)
{
    rows_show(tpm, tpm_rows, BULLA_COUNT(tpm_rows));
    if (is_told(tpm, "in_lockout", true))
        bulla_say("  " BULLA_BAD "in lockout" BULLA_PLAIN ": it refuses every protected object until it recovers\n");
    auths->owner_set = is_told(tpm, "owner_auth_set", true);
    auths->lockout_empty = is_told(tpm, "lockout_auth_set", false);
    if (auths->owner_set)
        bulla_say("  " BULLA_BAD "the owner hierarchy's auth is set" BULLA_PLAIN
                  ": no token of this TPM can be opened, for bulla uses the empty one\n");
    if (auths->lockout_empty)
        bulla_say("  " BULLA_WARN "the lockout's auth is empty" BULLA_PLAIN
                  ": whoever reaches the TPM may reset its lockout\n");
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static long long number_of(const json_t *object, const char *name)
{
    return (long long)json_integer_value(json_object_get(object, name));
}

void bulla_status_authorities_name(json_t *status)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(status, "policies"), i, row)
    {
        struct bulla_hex key = {.size = 0};
        char hash[BULLA_AUTHORITY_HASH + 1];
        if (bulla_hex_parse(text_of(row, "authority"), "an authority", &key) != BULLA_OK)
            continue;
        bulla_authority_hash((struct bulla_bytes){key.data, key.size}, hash);
        (void)json_object_set_new(row, "authority_hash", json_string(hash));
    }
}

static void time_show(const json_t *known)
{
    char when[BULLA_WHEN_SIZE];
    rows_show(known, time_rows, BULLA_COUNT(time_rows));
    if (json_is_integer(json_object_get(known, "floor")))
        bulla_say("  %-26s %s\n", "it is not before", bulla_text_when((uint64_t)number_of(known, "floor"), when));
}

void bulla_status_show(const json_t *status)
{
    size_t i;
    const json_t *row;
    const json_t *enclave = json_object_get(status, "enclave");
    const json_t *tpm = json_object_get(status, "tpm");
    struct bulla_status_auths auths;
    rows_show(status, token_rows, BULLA_COUNT(token_rows));
    if (json_is_object(enclave)) {
        bulla_say(BULLA_STRONG "Enclave" BULLA_PLAIN "\n");
        rows_show(enclave, enclave_rows, BULLA_COUNT(enclave_rows));
        pcrs_show(enclave);
    }
    if (json_is_object(json_object_get(status, "time")))
        time_show(json_object_get(status, "time"));
    if (json_is_object(tpm)) {
        bulla_say(BULLA_STRONG "TPM" BULLA_PLAIN "\n");
        bulla_status_tpm_show(tpm, &auths);
        pcrs_show(tpm);
    }
    if (json_array_size(json_object_get(status, "policies")))
        bulla_say(BULLA_STRONG "Policies" BULLA_PLAIN "\n");
    json_array_foreach(json_object_get(status, "policies"), i, row)
        bulla_say("  version %lld of epoch %lld, %lld state%s, authority %s\n", number_of(row, "version"),
            number_of(row, "epoch"), number_of(row, "states"), bulla_plural((uint64_t)number_of(row, "states")),
            text_of(row, "authority_hash"));
}
