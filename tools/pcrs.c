#include "pcrs.h"

#include <stdio.h>
#include <string.h>

#include "crypto/cipher.h"
#include "evidence/plain_text.h"
#include "evidence/tpm_quote.h"
#include "options.h"
#include "output.h"

static bool number_take(const char **at, unsigned *number)
{
    const char *begin = *at;
    *number = 0;
    while (**at >= '0' && **at <= '9' && *at - begin < 2)
        *number = *number * 10 + (unsigned)(*(*at)++ - '0');
    return *at > begin && *number < BULLA_PCR_COUNT;
}

static bool range_take(const char **at, uint32_t *mask)
{
    unsigned first = 0;
    unsigned last = 0;
    if (!number_take(at, &first))
        return false;
    last = first;
    if (**at == '-') {
        (*at)++;
        if (!number_take(at, &last) || last < first)
            return false;
    }
    for (unsigned pcr = first; pcr <= last; pcr++) {
        if (*mask & UINT32_C(1) << pcr)
            return false;
        *mask |= UINT32_C(1) << pcr;
    }
    return true;
}

enum bulla_reason bulla_pcrs_parse(const char *text, uint32_t *mask)
{
    const char *at = text;
    uint32_t found = 0;
    bool good = range_take(&at, &found);
    while (good && *at == ',') {
        at++;
        good = range_take(&at, &found);
    }
    if (!good || *at)
        return bulla_refuse(BULLA_ARGUMENT, "'%s' is not a list of PCRs from 0 to 23, each once, like 0-7,11", text);
    *mask = found;
    return BULLA_OK;
}

void bulla_pcrs_write(uint32_t mask, char text[static 64])
{
    size_t used = 0;
    text[0] = '\0';
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++) {
        unsigned last = pcr;
        if (!(mask & UINT32_C(1) << pcr))
            continue;
        while (last + 1 < BULLA_PCR_COUNT && mask & UINT32_C(1) << (last + 1))
            last++;
        int more = last == pcr ? snprintf(text + used, 64 - used, "%s%u", used ? "," : "", pcr)
                               : snprintf(text + used, 64 - used, "%s%u-%u", used ? "," : "", pcr, last);
        used += (size_t)more; /* 24 PCRs take at most 33 characters */
        pcr = last;
    }
}

enum bulla_reason bulla_pcrs_digest(const json_t *values, uint32_t mask, uint8_t digest[static 32])
{
    uint8_t all[BULLA_PCR_COUNT * 32];
    size_t used = 0;
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++) {
        char name[8];
        struct bulla_hex value;
        if (!(mask & UINT32_C(1) << pcr))
            continue;
        (void)snprintf(name, sizeof name, "pcr%u", pcr);
        const json_t *found = json_object_get(values, name + 3);
        const char *text = json_string_value(found ? found : json_object_get(values, name));
        if (!text || bulla_hex_parse(text, "a PCR", &value) != BULLA_OK || value.size != 32)
            return bulla_refuse(
                BULLA_TPM_UNREACHABLE, "the token tells no value of PCR %u: those that pcrs in bulla.conf names", pcr);
        memcpy(all + used, value.data, 32);
        used += 32;
    }
    bulla_sha256((struct bulla_bytes){all, used}, digest);
    return BULLA_OK;
}

bool bulla_label_take(const char *text, size_t size, char label[static 64])
{
    if (size == 0 || size >= 64 || !bulla_text_is_plain((struct bulla_bytes){(const uint8_t *)text, size}))
        return false;
    memset(label, 0, 64);
    memcpy(label, text, size);
    return true;
}

enum bulla_reason bulla_pcrs_state_parse(const char *text, struct bulla_policy_state *state)
{
    char pcrs[64] = "";
    struct bulla_hex digest = {.size = 0};
    const char *equals = strrchr(text, '=');
    const char *colon = equals ? strchr(equals, ':') : NULL;
    memset(state, 0, sizeof *state);
    if (!colon || (size_t)(colon - equals - 1) >= sizeof pcrs ||
        !bulla_label_take(text, (size_t)(equals - text), state->label))
        return bulla_refuse(BULLA_ARGUMENT, "the state '%s' is not LABEL=PCRS:DIGEST, with a label of 1 to %zu bytes",
            text, sizeof state->label - 1);
    memcpy(pcrs, equals + 1, (size_t)(colon - equals - 1));
    BULLA_TRY(bulla_pcrs_parse(pcrs, &state->pcr_mask));
    BULLA_TRY(bulla_hex_parse(colon + 1, "the digest of a state", &digest));
    if (digest.size != sizeof state->pcr_digest)
        return bulla_refuse(BULLA_ARGUMENT, "the digest of '%s' has %zu byte%s instead of 32", state->label,
            digest.size, bulla_plural(digest.size));
    memcpy(state->pcr_digest, digest.data, sizeof state->pcr_digest);
    return BULLA_OK;
}
