/* Allowlists of enclaves and confidential guests. A reference names what must be equal; a name that its kind of
 * evidence does not have is simply never found equal, and whoever writes a policy is told which names there are. */
#include "policy_format.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    REFERENCE_LABEL,
    REFERENCE_KIND,
    REFERENCE_MEASUREMENTS,
    REFERENCE_TCB,
    REFERENCE_MIGRATABLE,
    REFERENCE_SNP_LEAST,
    REFERENCE_SNP_VMPL,
    REFERENCE_KEYS
};
enum { TCB_LARGEST = (1 << BULLA_TCB_REVOKED) - 1 };

static const char *const kinds[BULLA_EVIDENCE_KINDS] = {
    [BULLA_EVIDENCE_NITRO] = "nitro",
    [BULLA_EVIDENCE_SEV_SNP] = "sev-snp",
    [BULLA_EVIDENCE_TDX] = "tdx",
    [BULLA_EVIDENCE_SGX] = "sgx",
};

const char *bulla_policy_reference_kind(enum bulla_evidence_kind kind)
{
    return (unsigned)kind < BULLA_EVIDENCE_KINDS ? kinds[kind] : NULL;
}

enum bulla_evidence_kind bulla_policy_reference_named(struct bulla_bytes name)
{
    for (unsigned kind = 0; kind < BULLA_EVIDENCE_KINDS; kind++)
        if (kinds[kind] && bulla_bytes_equal_text(name, kinds[kind]))
            return (enum bulla_evidence_kind)kind;
    return BULLA_EVIDENCE_NONE;
}

bool bulla_policy_reference_has_least(const struct bulla_policy_reference *reference)
{
    static const uint8_t none[BULLA_SNP_COMPONENTS];
    return memcmp(reference->snp_least, none, sizeof none) != 0;
}

/* --- what a kind measures --- */

/* In the order of the verifiers, which have the names again beside the values; NITRO's are numbered. */
static const struct {
    enum bulla_evidence_kind kind;
    const char *name;
    uint8_t size;
} measured[] = {
    {BULLA_EVIDENCE_SEV_SNP, "measurement", 48},
    {BULLA_EVIDENCE_SEV_SNP, "host-data", 32},
    {BULLA_EVIDENCE_SEV_SNP, "id-key-digest", 48},
    {BULLA_EVIDENCE_SEV_SNP, "author-digest", 48},
    {BULLA_EVIDENCE_SEV_SNP, "report-id", 32},
    {BULLA_EVIDENCE_SEV_SNP, "chip-id", 64},
    {BULLA_EVIDENCE_TDX, "mrtd", 48},
    {BULLA_EVIDENCE_TDX, "rtmr0", 48},
    {BULLA_EVIDENCE_TDX, "rtmr1", 48},
    {BULLA_EVIDENCE_TDX, "rtmr2", 48},
    {BULLA_EVIDENCE_TDX, "rtmr3", 48},
    {BULLA_EVIDENCE_TDX, "mrconfigid", 48},
    {BULLA_EVIDENCE_TDX, "mrowner", 48},
    {BULLA_EVIDENCE_TDX, "mrownerconfig", 48},
    {BULLA_EVIDENCE_TDX, "mrseam", 48},
    {BULLA_EVIDENCE_TDX, "mrservicetd", 48},
    {BULLA_EVIDENCE_SGX, "mrenclave", 32},
    {BULLA_EVIDENCE_SGX, "mrsigner", 32},
    {BULLA_EVIDENCE_SGX, "config-id", 64},
};
enum { NITRO_PCRS = 32 };

static bool is_nitro_pcr(const char *name, size_t size)
{
    char expected[16];
    for (unsigned i = 0; i < NITRO_PCRS; i++) {
        (void)snprintf(expected, sizeof expected, "pcr%u", i);
        if (strcmp(name, expected) == 0)
            return size == 32 || size == 48 || size == 64;
    }
    return false;
}

bool bulla_policy_reference_measures(enum bulla_evidence_kind kind, const char *name, size_t size)
{
    if (kind == BULLA_EVIDENCE_NITRO)
        return is_nitro_pcr(name, size);
    for (size_t i = 0; i < sizeof measured / sizeof *measured; i++)
        if (measured[i].kind == kind && strcmp(measured[i].name, name) == 0)
            return size == measured[i].size;
    return false;
}

const char *bulla_policy_reference_names(enum bulla_evidence_kind kind, char text[static BULLA_REFERENCE_NAMES_TEXT])
{
    size_t used = 0;
    text[0] = '\0';
    if (kind == BULLA_EVIDENCE_NITRO)
        (void)snprintf(text, BULLA_REFERENCE_NAMES_TEXT, "pcr0 … pcr%d (32, 48 or 64 bytes)", NITRO_PCRS - 1);
    for (size_t i = 0; i < sizeof measured / sizeof *measured; i++) {
        if (measured[i].kind != kind)
            continue;
        int more = snprintf(text + used, BULLA_REFERENCE_NAMES_TEXT - used, "%s%s (%u)", used ? ", " : "",
            measured[i].name, measured[i].size);
        used += more > 0 && (size_t)more < BULLA_REFERENCE_NAMES_TEXT - used ? (size_t)more : 0;
    }
    return text;
}

/* --- reading --- */

static bool is_name(struct bulla_bytes name)
{
    for (size_t i = 0; i < name.size; i++)
        if (!(name.data[i] >= 'a' && name.data[i] <= 'z') && !(name.data[i] >= '0' && name.data[i] <= '9') &&
            name.data[i] != '-')
            return false;
    return name.size > 0 && name.size < sizeof((struct bulla_measurement *)0)->name;
}

static enum bulla_reason take_measurement(
    const struct bulla_cbor *name, const struct bulla_cbor *value, struct bulla_measurement *measurement)
{
    if (name->kind != BULLA_CBOR_TSTR || !is_name(name->string))
        return bulla_refuse(BULLA_MALFORMED, "policy: a measurement without a name like \"pcr0\"");
    memcpy(measurement->name, name->string.data, name->string.size);
    size_t size = value->string.size;
    if (value->kind != BULLA_CBOR_BSTR || (size != 32 && size != 48 && size != BULLA_MEASUREMENT_LARGEST))
        return bulla_refuse(BULLA_MALFORMED, "policy: %s has not 32, 48 or 64 bytes", measurement->name);
    measurement->size = (uint8_t)size;
    memcpy(measurement->value, value->string.data, size);
    return BULLA_OK;
}

static enum bulla_reason take_measurements(const struct bulla_cbor *map, struct bulla_policy_reference *reference)
{
    struct bulla_cbor_walk walk = bulla_cbor_inside(map);
    struct bulla_cbor name, value;
    if (map->number == 0 || map->number > BULLA_REFERENCE_MEASUREMENTS)
        return bulla_refuse(BULLA_MALFORMED, "policy: reference '%s' has not 1 to %d measurements", reference->label,
            BULLA_REFERENCE_MEASUREMENTS);
    while (bulla_cbor_next(&walk, &name) && bulla_cbor_next(&walk, &value)) {
        BULLA_TRY(take_measurement(&name, &value, &reference->measurements[reference->measurement_count]));
        reference->measurement_count++;
    }
    return BULLA_OK;
}

static enum bulla_reason check_unique(const struct bulla_policy *policy, const struct bulla_policy_reference *reference)
{
    for (size_t i = 0; i < policy->reference_count; i++) {
        const struct bulla_policy_reference *other = &policy->references[i];
        if (other->kind == reference->kind && other->measurement_count == reference->measurement_count &&
            memcmp(other->measurements, reference->measurements, sizeof other->measurements) == 0)
            return bulla_refuse(
                BULLA_DUPLICATE, "policy: references '%s' and '%s' are one", other->label, reference->label);
    }
    return BULLA_OK;
}

/* What is asked of SEV-SNP's platform is in references of that kind only; to ask for nothing is to leave it out. */
static enum bulla_reason take_snp(
    const struct bulla_cbor *least, const struct bulla_cbor *vmpl, struct bulla_policy_reference *reference)
{
    bool has_least = least->string.data != NULL;
    if (has_least)
        memcpy(reference->snp_least, least->string.data, sizeof reference->snp_least);
    if (has_least && !bulla_policy_reference_has_least(reference))
        return bulla_refuse(BULLA_MALFORMED, "policy: reference '%s' asks for versions from 0 on", reference->label);
    reference->snp_has_vmpl = vmpl->kind == BULLA_CBOR_UINT;
    reference->snp_vmpl = reference->snp_has_vmpl ? (uint8_t)vmpl->number : 0;
    if (vmpl->number > BULLA_SNP_VMPL_LARGEST)
        return bulla_refuse(BULLA_MALFORMED, "policy: reference '%s' accepts a VMPL above %d", reference->label,
            BULLA_SNP_VMPL_LARGEST);
    if ((has_least || reference->snp_has_vmpl) && reference->kind != BULLA_EVIDENCE_SEV_SNP)
        return bulla_refuse(
            BULLA_MALFORMED, "policy: reference '%s' has fields of sev-snp and is none", reference->label);
    return BULLA_OK;
}

static enum bulla_reason read_reference(
    const struct bulla_cbor *map, const struct bulla_policy *policy, struct bulla_policy_reference *reference)
{
    struct bulla_cbor value[REFERENCE_KEYS];
    const struct bulla_cbor_field fields[REFERENCE_KEYS] = {
        {REFERENCE_LABEL, NULL, BULLA_CBOR_TSTR, false, &value[REFERENCE_LABEL], 0, 0},
        {REFERENCE_KIND, NULL, BULLA_CBOR_TSTR, false, &value[REFERENCE_KIND], 0, 0},
        {REFERENCE_MEASUREMENTS, NULL, BULLA_CBOR_MAP, false, &value[REFERENCE_MEASUREMENTS], 0, 0},
        {REFERENCE_TCB, NULL, BULLA_CBOR_UINT, true, &value[REFERENCE_TCB], 1, TCB_LARGEST},
        {REFERENCE_MIGRATABLE, NULL, BULLA_CBOR_BOOL, true, &value[REFERENCE_MIGRATABLE], 1, 1},
        {REFERENCE_SNP_LEAST, NULL, BULLA_CBOR_BSTR, true, &value[REFERENCE_SNP_LEAST], BULLA_SNP_COMPONENTS,
            BULLA_SNP_COMPONENTS},
        {REFERENCE_SNP_VMPL, NULL, BULLA_CBOR_UINT, true, &value[REFERENCE_SNP_VMPL], 0, 0},
    };
    memset(value, 0, sizeof value);
    value[REFERENCE_SNP_VMPL].kind = BULLA_CBOR_NULL; /* unless it is there */
    BULLA_TRY(bulla_cbor_fields(map, fields, REFERENCE_KEYS, "policy reference"));
    BULLA_TRY(bulla_policy_take_text(&value[REFERENCE_LABEL], reference->label, sizeof reference->label));
    reference->kind = bulla_policy_reference_named(value[REFERENCE_KIND].string);
    if (reference->kind == BULLA_EVIDENCE_NONE)
        return bulla_refuse(BULLA_MALFORMED, "policy: reference '%s' is of no known kind", reference->label);
    reference->tcb_accepted = (uint32_t)value[REFERENCE_TCB].number;
    reference->migratable = value[REFERENCE_MIGRATABLE].number != 0;
    BULLA_TRY(take_snp(&value[REFERENCE_SNP_LEAST], &value[REFERENCE_SNP_VMPL], reference));
    BULLA_TRY(take_measurements(&value[REFERENCE_MEASUREMENTS], reference));
    return check_unique(policy, reference);
}

enum bulla_reason bulla_policy_read_references(const struct bulla_cbor *array, struct bulla_policy *policy)
{
    struct bulla_cbor_walk walk = bulla_cbor_inside(array);
    struct bulla_cbor item;
    if (array->number == 0)
        return bulla_refuse(BULLA_MALFORMED, "policy: an empty list of references");
    if (array->number > BULLA_POLICY_REFERENCES)
        return bulla_refuse(BULLA_TOO_LARGE, "policy: more than %d references", BULLA_POLICY_REFERENCES);
    while (bulla_cbor_next(&walk, &item)) {
        BULLA_TRY(read_reference(&item, policy, &policy->references[policy->reference_count]));
        policy->reference_count++;
    }
    return BULLA_OK;
}

/* --- writing --- */

/* As encoded text keys ascend: the shorter first. */
static int by_key(const void *left, const void *right)
{
    const struct bulla_measurement *a = left, *b = right;
    size_t sizes[] = {strnlen(a->name, sizeof a->name), strnlen(b->name, sizeof b->name)};
    if (sizes[0] != sizes[1])
        return sizes[0] < sizes[1] ? -1 : 1;
    return memcmp(a->name, b->name, sizes[0]);
}

enum bulla_reason bulla_policy_settle_references(struct bulla_policy *policy)
{
    if (policy->reference_count > BULLA_POLICY_REFERENCES)
        return bulla_refuse(
            BULLA_ARGUMENT, "policy: %zu references, at most %d", policy->reference_count, BULLA_POLICY_REFERENCES);
    for (size_t i = 0; i < policy->reference_count; i++) {
        struct bulla_policy_reference *reference = &policy->references[i];
        if (!bulla_policy_reference_kind(reference->kind) ||
            reference->measurement_count > BULLA_REFERENCE_MEASUREMENTS)
            return bulla_refuse(BULLA_ARGUMENT, "policy: a reference of kind %d with %zu measurements",
                (int)reference->kind, reference->measurement_count);
        qsort(reference->measurements, reference->measurement_count, sizeof reference->measurements[0], by_key);
    }
    return BULLA_OK;
}

static void write_reference(struct bulla_writer *writer, const struct bulla_policy_reference *reference)
{
    struct bulla_bytes label = {(const uint8_t *)reference->label, strnlen(reference->label, sizeof reference->label)};
    bool least = bulla_policy_reference_has_least(reference);
    bulla_cbor_write_map(
        writer, 3 + (size_t)(reference->tcb_accepted != 0) + reference->migratable + least + reference->snp_has_vmpl);
    bulla_signed_text(writer, REFERENCE_LABEL, label);
    bulla_signed_text(writer, REFERENCE_KIND, BULLA_TEXT(kinds[reference->kind]));
    bulla_cbor_write_uint(writer, REFERENCE_MEASUREMENTS);
    bulla_cbor_write_map(writer, reference->measurement_count);
    for (size_t i = 0; i < reference->measurement_count; i++) {
        const struct bulla_measurement *one = &reference->measurements[i];
        bulla_cbor_write_tstr_bytes(
            writer, (struct bulla_bytes){(const uint8_t *)one->name, strnlen(one->name, sizeof one->name)});
        bulla_cbor_write_bstr(writer, (struct bulla_bytes){one->value, one->size});
    }
    if (reference->tcb_accepted)
        bulla_signed_number(writer, REFERENCE_TCB, reference->tcb_accepted);
    if (reference->migratable) {
        bulla_cbor_write_uint(writer, REFERENCE_MIGRATABLE);
        bulla_cbor_write_bool(writer, true);
    }
    if (least) {
        bulla_cbor_write_uint(writer, REFERENCE_SNP_LEAST);
        bulla_cbor_write_bstr(writer, BULLA_BYTES(reference->snp_least));
    }
    if (reference->snp_has_vmpl)
        bulla_signed_number(writer, REFERENCE_SNP_VMPL, reference->snp_vmpl);
}

void bulla_policy_write_references(struct bulla_writer *writer, const struct bulla_policy *policy)
{
    bulla_cbor_write_uint(writer, KEY_REFERENCES);
    bulla_cbor_write_array(writer, policy->reference_count);
    for (size_t i = 0; i < policy->reference_count; i++)
        write_reference(writer, &policy->references[i]);
}
