#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"
#include "output.h"

static const struct {
    const char *word, *dry_word, *mark;
} results[BULLA_IMPORT_RESULTS] = {
    [BULLA_IMPORT_BROUGHT] = {"brought", "would bring", "brought"},
    [BULLA_IMPORT_PRESENT] = {"there already", "there already", "present"},
    [BULLA_IMPORT_LEFT] = {"left behind", "would leave", "left"},
};

/* Labels are text by the standard, and anything in practice. */
static json_t *label_json(struct bulla_carried *carried)
{
    const CK_ATTRIBUTE *label = bulla_carried_find(carried, CKA_LABEL);
    json_t *text = json_stringn(label ? label->pValue : "", label ? label->ulValueLen : 0);
    return text ? text : json_null();
}

static json_t *id_json(struct bulla_carried *carried)
{
    const CK_ATTRIBUTE *id = bulla_carried_find(carried, CKA_ID);
    char *hex = malloc(id ? 2 * id->ulValueLen + 1 : 1);
    if (!hex)
        return json_null();
    bulla_hex_write(id ? id->pValue : NULL, id ? id->ulValueLen : 0, hex);
    json_t *text = json_string(hex);
    free(hex);
    return text;
}

void bulla_import_tell(struct bulla_import *import, struct bulla_carried *carried, const struct bulla_import_row *row)
{
    char name[BULLA_CARRIED_NAME];
    char clean[BULLA_CARRIED_NAME];
    char why[sizeof row->why];
    bulla_carried_name(carried, name);
    bulla_output_clean(name, clean, sizeof clean);
    bulla_output_clean(row->why, why, sizeof why);
    json_t *told = json_pack("{s:s,s:s,s:s,s:o,s:o,s:b,s:s,s:s}", "result", results[row->result].mark, "class",
        bulla_carried_class(carried), "type", bulla_carried_type(carried), "label", label_json(carried), "id",
        id_json(carried), "unwrapped", row->unwrapped && row->result == BULLA_IMPORT_BROUGHT, "why",
        row->result == BULLA_IMPORT_LEFT ? why : "", "notes", row->notes);
    json_t *shown = json_string(clean);
    if (told && shown)
        (void)json_object_set(told, "name", shown);
    json_decref(shown);
    import->totals[row->result]++;
    (void)json_array_append_new(import->rows, told);
}

static const char *text_of(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    return text ? text : "";
}

static void row_say(const json_t *row, bool dry_run)
{
    const char *why = text_of(row, "why");
    const char *notes = text_of(row, "notes");
    for (size_t i = 0; i < BULLA_IMPORT_RESULTS; i++) {
        const char *word = dry_run ? results[i].dry_word : results[i].word;
        if (strcmp(text_of(row, "result"), results[i].mark) != 0)
            continue;
        if (i == BULLA_IMPORT_LEFT)
            bulla_say("  " BULLA_WARN "%-13s" BULLA_PLAIN "  %s\n", word, text_of(row, "name"));
        else
            bulla_say("  %-13s  %s\n", word, text_of(row, "name"));
    }
    if (*why)
        bulla_say("                 %s\n", why);
    if (*notes)
        bulla_say("                 %s\n", notes);
}

void bulla_import_rows_say(const struct bulla_import *import)
{
    size_t i;
    const json_t *row;
    bool dry_run = import->settings->dry_run;
    json_array_foreach(import->rows, i, row) row_say(row, dry_run);
    bulla_say("%zu %s, %zu %s, %zu %s\n", import->totals[BULLA_IMPORT_BROUGHT],
        dry_run ? "to bring" : results[BULLA_IMPORT_BROUGHT].word, import->totals[BULLA_IMPORT_PRESENT],
        results[BULLA_IMPORT_PRESENT].word, import->totals[BULLA_IMPORT_LEFT],
        dry_run ? "to leave" : results[BULLA_IMPORT_LEFT].word);
}

enum bulla_reason bulla_import_document(struct bulla_import *import)
{
    char source[33];
    char target[33];
    bulla_client_field(import->source.token.label, sizeof import->source.token.label, source);
    bulla_client_label(&import->target, target);
    return bulla_output_document(json_pack("{s:s,s:s,s:b,s:I,s:I,s:I,s:O}", "source", source, "token", target,
        "dry_run", import->settings->dry_run, "brought", (json_int_t)import->totals[BULLA_IMPORT_BROUGHT], "present",
        (json_int_t)import->totals[BULLA_IMPORT_PRESENT], "left", (json_int_t)import->totals[BULLA_IMPORT_LEFT],
        "objects", import->rows));
}
