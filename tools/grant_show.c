#include "grant_show.h"

#include <stdio.h>

#include "evidence/plain_text.h"
#include "options.h"
#include "output.h"
#include "pcrs.h"
#include "reference.h"

void bulla_grant_id_text(const uint8_t id[static BULLA_GRANT_ID], char text[static BULLA_GRANT_ID_TEXT])
{
    bulla_hex_write(id, BULLA_GRANT_ID, text);
}

void bulla_policy_summary(const struct bulla_policy *policy, char text[static BULLA_SUMMARY_TEXT])
{
    int used = snprintf(text, BULLA_SUMMARY_TEXT, "version %llu of epoch %llu, %zu state%s, %zu reference%s",
        (unsigned long long)policy->version, (unsigned long long)policy->epoch, policy->state_count,
        bulla_plural(policy->state_count), policy->reference_count, bulla_plural(policy->reference_count));
    if (policy->restricted && used > 0 && used < BULLA_SUMMARY_TEXT) /* its numbers fit in any case */
        (void)snprintf(text + used, BULLA_SUMMARY_TEXT - (size_t)used, ", restricted to %zu grant%s",
            policy->grant_count, bulla_plural(policy->grant_count));
}

void bulla_grant_operations_text(uint32_t operations, char text[static 64])
{
    size_t used = 0;
    (void)snprintf(text, 64, "%s", operations == BULLA_MAY_ALL ? "all" : "");
    for (uint32_t bit = 1; operations != BULLA_MAY_ALL && bit <= BULLA_MAY_ALL; bit <<= 1) {
        if (!(operations & bit))
            continue;
        int more = snprintf(text + used, 64 - used, "%s%s", used ? "," : "",
            bulla_grant_operation_name((enum bulla_grant_operation)bit));
        used += more > 0 && (size_t)more < 64 - used ? (size_t)more : 0;
    }
}

static void object_text(const struct bulla_grant *grant, char text[static 2 * BULLA_GRANT_OBJECT_LARGEST + 1])
{
    bulla_hex_write(grant->object, grant->object_size, text);
}

void bulla_grant_text(const struct bulla_grant *grant, char text[static BULLA_GRANT_TEXT])
{
    char who[BULLA_PRINCIPAL_TEXT], operations[64], object[2 * BULLA_GRANT_OBJECT_LARGEST + 1], from[BULLA_WHEN_SIZE],
        until[BULLA_WHEN_SIZE], uses[48] = "", rate[64] = "";
    bulla_principal_text(&grant->who, who);
    bulla_grant_operations_text(grant->operations, operations);
    object_text(grant, object);
    if (grant->uses)
        (void)snprintf(uses, sizeof uses, ", %llu time%s", (unsigned long long)grant->uses, bulla_plural(grant->uses));
    if (grant->rate)
        (void)snprintf(rate, sizeof rate, ", at most %u in %u s", grant->rate, grant->rate_seconds);
    (void)snprintf(text, BULLA_GRANT_TEXT, "%s may %s with %s from %s until %s%s%s", who,
        strcmp(operations, "all") == 0 ? "do all" : operations, grant->object_size ? object : "every object",
        bulla_text_when(grant->not_before, from), bulla_text_when(grant->not_after, until), uses, rate);
}

json_t *bulla_grant_json(const struct bulla_grant *grant)
{
    char id[BULLA_GRANT_ID_TEXT], who[BULLA_PRINCIPAL_TEXT], operations[64], object[2 * BULLA_GRANT_OBJECT_LARGEST + 1],
        from[BULLA_WHEN_SIZE], until[BULLA_WHEN_SIZE], rate[48];
    bulla_grant_id_text(grant->id, id);
    bulla_principal_text(&grant->who, who);
    bulla_grant_operations_text(grant->operations, operations);
    object_text(grant, object);
    (void)snprintf(rate, sizeof rate, "%u/%u", grant->rate, grant->rate_seconds);
    return json_pack("{s:s,s:s,s:o,s:s,s:s,s:s,s:o,s:o}", "id", id, "to", who, "object",
        grant->object_size ? json_string(object) : json_null(), "operations", operations, "from",
        bulla_text_when(grant->not_before, from), "until", bulla_text_when(grant->not_after, until), "uses",
        grant->uses ? json_integer((json_int_t)grant->uses) : json_null(), "rate",
        grant->rate ? json_string(rate) : json_null());
}

json_t *bulla_revocation_show(const struct bulla_revocation *revocation)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < revocation->count; i++) {
        char id[BULLA_GRANT_ID_TEXT];
        bulla_grant_id_text(revocation->ids[i], id);
        bulla_say("  %s\n", id);
        (void)json_array_append_new(ids, json_string(id));
    }
    return ids;
}

json_t *bulla_reference_json(const struct bulla_policy_reference *reference)
{
    char tcb[BULLA_TCB_TEXT], snp[BULLA_SNP_TEXT];
    json_t *measurements = json_object();
    for (size_t i = 0; i < reference->measurement_count; i++) {
        char hex[2 * BULLA_MEASUREMENT_LARGEST + 1];
        bulla_hex_write(reference->measurements[i].value, reference->measurements[i].size, hex);
        (void)json_object_set_new(measurements, reference->measurements[i].name, json_string(hex));
    }
    bulla_reference_tcb(reference, tcb);
    bulla_reference_snp(reference, snp);
    return json_pack("{s:s,s:s,s:o,s:o,s:b,s:o}", "label", reference->label, "kind",
        bulla_policy_reference_kind(reference->kind), "measurements", measurements, "tcb",
        tcb[0] ? json_string(tcb) : json_null(), "migratable", reference->migratable, "platform",
        snp[0] ? json_string(snp) : json_null());
}

json_t *bulla_state_json(const struct bulla_policy_state *state)
{
    char pcrs[64], digest[65];
    bulla_pcrs_write(state->pcr_mask, pcrs);
    bulla_hex_write(state->pcr_digest, sizeof state->pcr_digest, digest);
    return json_pack("{s:s,s:s,s:s}", "label", state->label, "pcrs", pcrs, "digest", digest);
}
