#include "reference.h"

#include <stdio.h>

#include "options.h"
#include "pcrs.h"

/* The '=' that is followed by a kind and ':'; a label may have others. */
static const char *kind_find(const char *text, enum bulla_evidence_kind *kind)
{
    for (const char *equals = strchr(text, '='); equals; equals = strchr(equals + 1, '=')) {
        size_t size = strcspn(equals + 1, ":");
        *kind = bulla_policy_reference_named((struct bulla_bytes){(const uint8_t *)equals + 1, size});
        if (*kind != BULLA_EVIDENCE_NONE && equals[1 + size] == ':')
            return equals;
    }
    return NULL;
}

/* What may stand behind the measurements of this kind alone. */
static const char *platform_names(enum bulla_evidence_kind kind)
{
    return kind == BULLA_EVIDENCE_SEV_SNP
               ? "; and of its platform: min-bootloader=N, min-tee=N, min-snp=N, min-microcode=N, max-vmpl=N"
               : "";
}

static bool is_measured(enum bulla_evidence_kind kind, const char *name)
{
    return bulla_policy_reference_measures(kind, name, 32) || bulla_policy_reference_measures(kind, name, 48) ||
           bulla_policy_reference_measures(kind, name, BULLA_MEASUREMENT_LARGEST);
}

/* The name is judged before its value: of a mistyped min-snp=22 it is the name that is wrong, not the digits. */
static enum bulla_reason measurement_take(struct bulla_policy_reference *reference, const char *item, size_t size)
{
    char hex[2 * BULLA_MEASUREMENT_LARGEST + 1] = "", names[BULLA_REFERENCE_NAMES_TEXT];
    struct bulla_hex value;
    size_t name = strcspn(item, "=");
    struct bulla_measurement *one = &reference->measurements[reference->measurement_count];
    if (reference->measurement_count == BULLA_REFERENCE_MEASUREMENTS)
        return bulla_refuse(BULLA_ARGUMENT, "a reference has at most %d measurements", BULLA_REFERENCE_MEASUREMENTS);
    if (name == 0 || name >= sizeof one->name || name >= size || size - name - 1 >= sizeof hex)
        return bulla_refuse(BULLA_ARGUMENT, "'%.*s' is not NAME=HEX, like pcr0=…", (int)size, item);
    memcpy(hex, item + name + 1, size - name - 1);
    memcpy(one->name, item, name);
    if (!is_measured(reference->kind, one->name))
        return bulla_refuse(BULLA_ARGUMENT, "no evidence of %s has '%s'; it has, in bytes: %s%s",
            bulla_policy_reference_kind(reference->kind), one->name,
            bulla_policy_reference_names(reference->kind, names), platform_names(reference->kind));
    BULLA_TRY(bulla_hex_parse(hex, one->name, &value));
    if (!bulla_policy_reference_measures(reference->kind, one->name, value.size))
        return bulla_refuse(BULLA_ARGUMENT, "no evidence of %s has %zu bytes as '%s'; it has, in bytes: %s",
            bulla_policy_reference_kind(reference->kind), value.size, one->name,
            bulla_policy_reference_names(reference->kind, names));
    for (size_t i = 0; i < reference->measurement_count; i++)
        if (strcmp(reference->measurements[i].name, one->name) == 0)
            return bulla_refuse(BULLA_ARGUMENT, "%s is there twice", one->name);
    one->size = (uint8_t)value.size;
    memcpy(one->value, value.data, value.size);
    reference->measurement_count++;
    return BULLA_OK;
}

static uint32_t status_named(const char *text, size_t size)
{
    for (unsigned status = 0; status < BULLA_TCB_REVOKED; status++) {
        const char *name = bulla_tcb_status_name((enum bulla_tcb_status)status);
        if (strlen(name) == size && strncmp(name, text, size) == 0)
            return UINT32_C(1) << status;
    }
    return 0;
}

static enum bulla_reason tcb_take(struct bulla_policy_reference *reference, const char *item, size_t size)
{
    for (size_t at = 0; at <= size;) {
        size_t one = strcspn(item + at, "+,");
        uint32_t status = status_named(item + at, one);
        if (!status)
            return bulla_refuse(BULLA_ARGUMENT,
                "tcb=%.*s: of the firmware a policy accepts unknown, up-to-date, configuration-needed, out-of-date",
                (int)size, item);
        reference->tcb_accepted |= status;
        at += one + 1;
    }
    return BULLA_OK;
}

/* min-COMPONENT=N and max-vmpl=N. Said twice, the last would count, and might ask for less than is meant. */
static enum bulla_reason number_take(const char *item, size_t size, uint64_t most, bool again, uint8_t *into)
{
    char text[32] = "", name[32] = "";
    uint64_t number = 0;
    size_t named = strcspn(item, "=");
    if (named < sizeof name)
        memcpy(name, item, named);
    if (named + 1 < size && size - named - 1 < sizeof text)
        memcpy(text, item + named + 1, size - named - 1);
    if (again)
        return bulla_refuse(BULLA_ARGUMENT, "%s is there twice", name);
    BULLA_TRY(bulla_number_parse(text, name, 0, most, &number));
    *into = (uint8_t)number;
    return BULLA_OK;
}

static bool is_named(const char *item, const char *prefix, const char *name)
{
    size_t before = strlen(prefix), size = strlen(name);
    return strncmp(item, prefix, before) == 0 && strncmp(item + before, name, size) == 0 && item[before + size] == '=';
}

static enum bulla_reason snp_take(struct bulla_policy_reference *reference, const char *item, size_t size, bool *taken)
{
    *taken = false;
    if (reference->kind != BULLA_EVIDENCE_SEV_SNP)
        return BULLA_OK;
    for (unsigned i = 0; i < BULLA_SNP_COMPONENTS; i++) {
        *taken = is_named(item, "min-", bulla_snp_component_name((enum bulla_snp_component)i));
        if (*taken)
            return number_take(item, size, UINT8_MAX, reference->snp_least[i] != 0, &reference->snp_least[i]);
    }
    *taken = is_named(item, "max-", "vmpl");
    if (!*taken)
        return BULLA_OK;
    bool again = reference->snp_has_vmpl;
    reference->snp_has_vmpl = true;
    return number_take(item, size, BULLA_SNP_VMPL_LARGEST, again, &reference->snp_vmpl);
}

static enum bulla_reason item_take(struct bulla_policy_reference *reference, const char *item, size_t size)
{
    if (size == strlen("migratable") && strncmp(item, "migratable", size) == 0) {
        reference->migratable = true;
        return BULLA_OK;
    }
    if (size >= 4 && strncmp(item, "tcb=", 4) == 0)
        return tcb_take(reference, item + 4, size - 4);
    bool taken;
    BULLA_TRY(snp_take(reference, item, size, &taken));
    if (taken)
        return BULLA_OK;
    return measurement_take(reference, item, size);
}

enum bulla_reason bulla_reference_parse(const char *text, struct bulla_policy_reference *reference)
{
    memset(reference, 0, sizeof *reference);
    const char *equals = kind_find(text, &reference->kind);
    if (!equals || !bulla_label_take(text, (size_t)(equals - text), reference->label))
        return bulla_refuse(BULLA_ARGUMENT,
            "the reference '%.200s' is not LABEL=KIND:NAME=HEX,…, with nitro, sev-snp, tdx or sgx as its kind", text);
    for (const char *item = strchr(equals, ':') + 1;;) {
        size_t size = strcspn(item, ",");
        BULLA_TRY(item_take(reference, item, size));
        if (item[size] == '\0')
            break;
        item += size + 1;
    }
    if (reference->measurement_count == 0)
        return bulla_refuse(BULLA_ARGUMENT, "the reference '%s' names no measurement", reference->label);
    return BULLA_OK;
}

void bulla_reference_snp(const struct bulla_policy_reference *reference, char text[static BULLA_SNP_TEXT])
{
    size_t used = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < BULLA_SNP_COMPONENTS; i++)
        if (reference->snp_least[i])
            used += (size_t)snprintf(text + used, BULLA_SNP_TEXT - used, "%smin-%s=%u", used ? "," : "",
                bulla_snp_component_name((enum bulla_snp_component)i), reference->snp_least[i]);
    if (reference->snp_has_vmpl)
        (void)snprintf(text + used, BULLA_SNP_TEXT - used, "%smax-vmpl=%u", used ? "," : "", reference->snp_vmpl);
}

void bulla_reference_tcb(const struct bulla_policy_reference *reference, char text[static BULLA_TCB_TEXT])
{
    size_t used = 0;
    text[0] = '\0';
    for (unsigned status = 0; status < BULLA_TCB_STATUSES; status++)
        if (reference->tcb_accepted >> status & 1) {
            int more = snprintf(text + used, BULLA_TCB_TEXT - used, "%s%s", used ? "+" : "",
                bulla_tcb_status_name((enum bulla_tcb_status)status));
            used += more > 0 && (size_t)more < BULLA_TCB_TEXT - used ? (size_t)more : 0;
        }
}
