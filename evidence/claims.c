/* Claims are filled while a document is being verified, and shown to people afterwards: names and texts are kept plain
 * here, once, so that no verifier has to think of terminals. */
#include "claims.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const tcb_names[BULLA_TCB_STATUSES] = {
    [BULLA_TCB_UNKNOWN] = "unknown",
    [BULLA_TCB_UP_TO_DATE] = "up-to-date",
    [BULLA_TCB_CONFIGURATION_NEEDED] = "configuration-needed",
    [BULLA_TCB_OUT_OF_DATE] = "out-of-date",
    [BULLA_TCB_REVOKED] = "revoked",
};

const char *bulla_tcb_status_name(enum bulla_tcb_status status)
{
    return (unsigned)status < BULLA_TCB_STATUSES ? tcb_names[status] : "unknown";
}

const char *bulla_snp_component_name(enum bulla_snp_component component)
{
    static const char *const names[BULLA_SNP_COMPONENTS] = {
        [BULLA_SNP_BOOTLOADER] = "bootloader",
        [BULLA_SNP_TEE] = "tee",
        [BULLA_SNP_FIRMWARE] = "snp",
        [BULLA_SNP_MICROCODE] = "microcode",
    };
    return (unsigned)component < BULLA_SNP_COMPONENTS ? names[component] : "unknown";
}

enum bulla_reason bulla_claims_measure(struct bulla_claims *claims, const char *name, struct bulla_bytes value)
{
    struct bulla_measurement *measurement = &claims->measurements[claims->measurement_count];
    if (claims->measurement_count == BULLA_MEASUREMENTS || strlen(name) >= sizeof measurement->name)
        return bulla_refuse(BULLA_TOO_LARGE, "no room for the measurement %s", name);
    if (value.size != 32 && value.size != 48 && value.size != BULLA_MEASUREMENT_LARGEST)
        return bulla_refuse(BULLA_MALFORMED, "the measurement %s has %zu bytes", name, value.size);
    *measurement = (struct bulla_measurement){.size = (uint8_t)value.size};
    memcpy(measurement->name, name, strlen(name));
    memcpy(measurement->value, value.data, value.size);
    claims->measurement_count++;
    return BULLA_OK;
}

const struct bulla_measurement *bulla_claims_find(const struct bulla_claims *claims, const char *name)
{
    for (size_t i = 0; i < claims->measurement_count; i++)
        if (strcmp(claims->measurements[i].name, name) == 0)
            return &claims->measurements[i];
    return NULL;
}

/* Anything but printable ASCII becomes '?': what foreign documents say of themselves is not to be trusted with more. */
static void make_plain(char *text)
{
    for (; *text; text++)
        if (*text < 0x20 || *text > 0x7e)
            *text = '?';
}

void bulla_claims_tell(struct bulla_claims *claims, const char *name, const char *format, ...)
{
    struct bulla_fact *fact = &claims->facts[claims->fact_count];
    va_list arguments;
    if (claims->fact_count == BULLA_FACTS)
        return;
    (void)snprintf(fact->name, sizeof fact->name, "%s", name);
    va_start(arguments, format);
    (void)vsnprintf(fact->text, sizeof fact->text, format, arguments);
    va_end(arguments);
    make_plain(fact->text);
    claims->fact_count++;
}
